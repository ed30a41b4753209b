"""A linear readout on a recurrent layer, squared error, and the loop that trains the two.

The parameters of such a network are a list ``[W_ih, W_hh, b, W_hy, b_y]``: a recurrent layer, of
`rnn` or of `lstm`, then ``y = W_hy h + b_y``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial import _check, gradients, lstm, rnn

Array = np.ndarray
LAYERS: dict[str, Any] = {"rnn": rnn, "lstm": lstm}


class History(NamedTuple):
    """The loss and the gradient's global norm, before clipping, of every update."""

    losses: Array
    norms: Array


def init(
    input_size: int,
    hidden_size: int,
    output_size: int,
    rng: np.random.Generator | int,
    layer: str = "rnn",
) -> list[Array]:
    """Draw the weights, all uniform in ±1/√H; an LSTM's forget biases are 1.

    Parameters
    ----------
    input_size, hidden_size, output_size : int
        D, H and O, at least 1.
    rng : numpy Generator or int
    layer : {"rnn", "lstm"}

    Returns
    -------
    list of arrays
        ``[W_ih, W_hh, b, W_hy, b_y]``; the last two are (O, H) and (O,).

    Raises
    ------
    TypeError, ValueError
        For a size below 1, a bad `rng` or an unknown layer.
    """
    rng = _check.generator("rng", rng)
    out = _check.positive_int("output_size", output_size)
    weights = _module(layer).init(input_size, hidden_size, rng)
    bound = 1 / np.sqrt(hidden_size)
    return [
        *weights,
        rng.uniform(-bound, bound, (out, hidden_size)),
        rng.uniform(-bound, bound, out),
    ]


def predict(params: Sequence[Array], x: Array, layer: str = "rnn") -> Array:
    """Return the readout of every step, (T, B, O), starting from states of zeros."""
    *_, W_hy, b_y = _parameters(params)
    hs, _ = _forward(params, x, layer)
    return hs @ W_hy.T + b_y


def loss_and_gradients(
    params: Sequence[Array], x: Array, y: Array, layer: str = "rnn"
) -> tuple[float, list[Array]]:
    """Return the mean squared error and its gradients.

    Parameters
    ----------
    params : list of arrays
        As from `init`.
    x : array (T, B, D)
    y : array (T, B, O) or (B, O)
        Targets of every step, or of the last step alone.
    layer : {"rnn", "lstm"}

    Returns
    -------
    loss : float
    grads : list of arrays
        In the order and shapes of `params`.

    Raises
    ------
    TypeError, ValueError
        For a wrong type or shape, NaN or infinity.
    """
    *_, W_hy, b_y = _parameters(params)
    hs, tape = _forward(params, x, layer)
    last = np.ndim(y) == 2
    states = hs[-1] if last else hs
    arrays = _check.Arrays()
    arrays.check("states", states, "B H" if last else "T B H")
    arrays.check("W_hy", W_hy, "O H")
    arrays.check("b_y", b_y, "O")
    arrays.check("y", y, "B O" if last else "T B O")
    error = states @ W_hy.T + b_y - y
    dy = 2 * error / error.size
    dh = dy @ W_hy
    ends = (None, tape, dh) if last else (dh, tape, None)
    grads = _module(layer).backward(*ends)[-3:]  # of the weights; those of x and h0 come first
    flat = dy.reshape(-1, len(b_y))
    dW_hy = flat.T @ states.reshape(len(flat), -1)
    return float(np.mean(error**2)), [*grads, dW_hy, flat.sum(axis=0)]


def sgd(params: list[Array], grads: list[Array], lr: float) -> list[Array]:
    """Return `params` one step of plain gradient descent further."""
    lr = _check.positive_float("lr", lr)
    return [p - lr * g for p, g in zip(params, grads, strict=True)]


class Adam:
    """Adam (Kingma & Ba, 2015, algorithm 1): each entry's step is scaled by its own history.

    Call it like `sgd`; it keeps the running means of the gradient (0.9) and its square (0.999).
    """

    def __init__(self) -> None:
        self.t = 0
        self.means: list[Array] = []
        self.squares: list[Array] = []

    def __call__(self, params: list[Array], grads: list[Array], lr: float) -> list[Array]:
        """Return `params` one step further."""
        if not self.t:
            self.means = [np.zeros_like(p) for p in params]
            self.squares = [np.zeros_like(p) for p in params]
        self.t += 1
        self.means = [0.9 * m + 0.1 * g for m, g in zip(self.means, grads, strict=True)]
        self.squares = [0.999 * s + 0.001 * g * g for s, g in zip(self.squares, grads, strict=True)]
        m_scale, s_scale = 1 - 0.9**self.t, 1 - 0.999**self.t  # both means start at zero
        return [
            p - lr * (m / m_scale) / (np.sqrt(s / s_scale) + 1e-8)
            for p, m, s in zip(params, self.means, self.squares, strict=True)
        ]


def train(
    params: Sequence[Array],
    batches: Iterable[tuple[Array, Array]],
    lr: float,
    max_norm: float | None = None,
    optimizer: str = "adam",
    layer: str = "rnn",
) -> tuple[list[Array], History]:
    """Train on `batches`, one update for each.

    Parameters
    ----------
    params : list of arrays
        As from `init`; left as they are.
    batches : iterable of (x, y)
        As for `loss_and_gradients`.
    lr : float
        Learning rate, above 0.
    max_norm : float or None
        Clip the gradient's global norm to this; None clips nothing.
    optimizer : {"adam", "sgd"}
    layer : {"rnn", "lstm"}

    Returns
    -------
    params : list of arrays
    history : History
        Losses and norms, one for each update.

    Raises
    ------
    FloatingPointError
        When a loss or gradient is no longer finite, with the update and the last norm.
    TypeError, ValueError
        For bad arguments.
    """
    trained = _parameters(params)
    losses: list[float] = []
    norms: list[float] = []
    for after, loss, norm in updates(params, batches, lr, max_norm, optimizer, layer):
        trained = after
        losses.append(loss)
        norms.append(norm)
    return trained, History(np.array(losses), np.array(norms))


def updates(
    params: Sequence[Array],
    batches: Iterable[tuple[Array, Array]],
    lr: float,
    max_norm: float | None = None,
    optimizer: str = "adam",
    layer: str = "rnn",
) -> Iterator[tuple[list[Array], float, float]]:
    """Train as `train` does, one update whenever the next one is asked for.

    To look at the network on the way, or to stop early. The arguments and errors are those of
    `train`.

    Returns
    -------
    iterator of (params, loss, norm)
        The parameters after the update, the loss before it, and the gradient's global norm before
        clipping.
    """
    lr = _check.positive_float("lr", lr)
    if max_norm is not None:
        _check.positive_float("max_norm", max_norm)
    _check.choice("layer", layer, list(LAYERS))
    move = Adam() if _check.choice("optimizer", optimizer, ["adam", "sgd"]) == "adam" else sgd
    _check.instance("batches", batches, Iterable, "an iterable of (x, y)")
    return _updates(_parameters(params), batches, lr, max_norm, move, layer)


def _updates(
    params: list[Array],
    batches: Iterable[tuple[Array, Array]],
    lr: float,
    max_norm: float | None,
    move: Callable[[list[Array], list[Array], float], list[Array]],
    layer: str,
) -> Iterator[tuple[list[Array], float, float]]:
    norm = None
    for update, (x, y) in enumerate(batches):
        loss, grads = loss_and_gradients(params, x, y, layer)
        _stop_unless_finite(update, loss, grads, norm)
        if max_norm is None:
            norm = gradients.global_norm(grads)
        else:
            grads, norm = gradients.clip_by_norm(grads, max_norm)
        params = move(params, grads, lr)
        yield params, loss, norm


def _module(layer: str) -> Any:
    return LAYERS[_check.choice("layer", layer, list(LAYERS))]


def _parameters(params: Any) -> list[Array]:
    if not isinstance(params, list | tuple) or len(params) != 5:
        got = type(params).__name__ + (f" of {len(params)}" if isinstance(params, list) else "")
        raise TypeError(f"params: expected a list of five arrays, as from init, got {got}")
    return list(params)


def _forward(params: Sequence[Array], x: Array, layer: str) -> tuple[Array, Any]:
    """Run the layer from states of zeros; return what it puts out, and its tape."""
    W_ih, W_hh, b = params[:3]
    B = _check.Arrays().check("x", x, "T B D").shape[1]
    zero = np.zeros((B, W_hh.shape[1]), x.dtype)
    states = (zero, zero) if layer == "lstm" else (zero,)
    hs, _, tape = _module(layer).forward(x, *states, W_ih, W_hh, b)
    return hs, tape


def _stop_unless_finite(update: int, loss: float, grads: list[Array], norm: float | None) -> None:
    if np.isfinite(loss) and all(np.isfinite(g).all() for g in grads):
        return
    before = "it is the first" if norm is None else f"norm before it {norm:.3g}"
    raise FloatingPointError(
        f"update {update}: loss or gradient is not finite ({before}); "
        "clip the gradient with max_norm, or lower lr"
    )
