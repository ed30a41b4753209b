"""The LSTM with one thing changed at a time, and a way to train many small networks at once.

Every variant is a function of the four pre-activations and of the old cell state, written as its
equations stand, so that two of them can be laid side by side and the difference read. What they
share, ``z = W_ih x_t + W_hh h_{t-1} + b`` in the order i, f, g, o, and a linear readout, is
computed outside them.

Small networks on a processor spend most of their time on the overhead of each step. So N of them
run side by side: every array has an axis of networks, each network has its own weights, data and
clipped gradient, and none sees another. Inputs are ``(T, N, B, D)``, states ``(N, B, H)``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, sigmoid, tanh

from lstm_tutorial import _check, readout

Cell = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def vanilla(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Return h and c of the LSTM with a forget gate (Gers, Schmidhuber & Cummins, 2000)."""
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def no_forget_gate(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Set f = 1, as Hochreiter & Schmidhuber (1997) did; NFG of Greff et al. (2017)."""
    c = c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def no_input_gate(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Set i = 1; NIG of Greff et al. (2017)."""
    c = sigmoid(f) * c + tanh(g)
    return sigmoid(o) * tanh(c), c


def no_output_gate(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Set o = 1; NOG of Greff et al. (2017)."""
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return tanh(c), c


def coupled_gates(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Set i = 1 - f, so that one gate decides for both; CIFG of Greff et al. (2017)."""
    c = sigmoid(f) * c + (1 - sigmoid(f)) * tanh(g)
    return sigmoid(o) * tanh(c), c


def sigmoid_candidate(
    i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    """Put σ for the tanh of g: what is added is never negative."""
    c = sigmoid(f) * c + sigmoid(i) * sigmoid(g)
    return sigmoid(o) * tanh(c), c


def tanh_input_gate(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Put tanh for the σ of i: a valve that can also turn the sign round."""
    c = sigmoid(f) * c + tanh(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def tanh_output_gate(
    i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    """Put tanh for the σ of o."""
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return tanh(o) * tanh(c), c


def linear_output(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Leave the tanh of c out; NOAF of Greff et al. (2017)."""
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * c, c


def sigmoid_output(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Put σ for the tanh of c: what is shown is never negative."""
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * sigmoid(c), c


def factor(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Multiply where the LSTM adds, by a factor from 0 to 2 that is 1 while the gate is shut.

    From c = 1, since a product that begins at 0 stays there.
    """
    c = (sigmoid(f) * c) * (1 + sigmoid(i) * tanh(g))
    return sigmoid(o) * tanh(c), c


def one_state(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Carry over what was shown, h alone, and no c."""
    h = sigmoid(o) * tanh(sigmoid(f) * c + sigmoid(i) * tanh(g))
    return h, h


VARIANTS: dict[str, Cell] = {
    cell.__name__.replace("_", " "): cell
    for cell in [
        vanilla,
        no_forget_gate,
        no_input_gate,
        no_output_gate,
        coupled_gates,
        sigmoid_candidate,
        tanh_input_gate,
        tanh_output_gate,
        linear_output,
        sigmoid_output,
        factor,
        one_state,
    ]
}
FROM_ONE = {"factor"}  # those that begin at c = 1


def init(
    input_size: int,
    hidden_size: int,
    output_size: int,
    rngs: Sequence[np.random.Generator | int],
    forget_bias: float = 1.0,
    dtype: torch.dtype = torch.float32,
) -> list[Tensor]:
    """Draw N networks, each as `readout.init` draws an LSTM.

    Parameters
    ----------
    input_size, hidden_size, output_size : int
        D, H and O, at least 1.
    rngs : sequence of numpy Generators or ints
        One for each network.
    forget_bias : float
    dtype : torch.dtype

    Returns
    -------
    list of Tensors
        W_ih (N, 4H, D), W_hh (N, 4H, H), b (N, 4H), W_hy (N, O, H) and b_y (N, O).

    Raises
    ------
    TypeError, ValueError
        For a size below 1, no or a bad generator, or a bias that is not a finite number.
    """
    forget_bias = _check.finite_float("forget_bias", forget_bias)
    if not len(rngs):
        raise ValueError("rngs: expected one for each network, got none")
    networks = [readout.init(input_size, hidden_size, output_size, r, "lstm") for r in rngs]
    params = [
        torch.stack([torch.as_tensor(p, dtype=dtype) for p in same])
        for same in zip(*networks, strict=True)
    ]
    params[2][:, hidden_size : 2 * hidden_size] = forget_bias
    return params


def draw(
    task: Callable[[int, int, np.random.Generator], tuple[np.ndarray, np.ndarray]],
    length: int,
    batch: int,
    rngs: Sequence[np.random.Generator],
    scale: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Draw a batch for each of N networks from a generator of `tasks`, in float32.

    Parameters
    ----------
    task : callable
        Such as ``tasks.adding``.
    length, batch : int
        T and B.
    rngs : sequence of numpy Generators
        One for each network.
    scale : float
        The targets are multiplied by this.

    Returns
    -------
    x : Tensor (T, N, B, D)
    y : Tensor (T, N, B, O) or (N, B, O)
    """
    xs, ys = zip(*(task(length, batch, rng) for rng in rngs), strict=True)
    x, y = np.stack(xs, axis=1), scale * np.stack(ys, axis=-3)
    return torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y, dtype=torch.float32)


def forward(variant: str, x: Tensor, params: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Run N networks over their sequences, from h = 0 and c = 0, or 1 for those in `FROM_ONE`.

    Parameters
    ----------
    variant : str
        A key of `VARIANTS`.
    x : Tensor (T, N, B, D)
    params : list of Tensors
        As from `init`; the readout's two are not used.

    Returns
    -------
    hs, cs : Tensors (T, N, B, H)
        Both states after every step.

    Raises
    ------
    ValueError
        For an unknown variant, with the known ones, or an `x` that does not fit the weights.
    """
    cell = VARIANTS[_check.choice("variant", variant, list(VARIANTS))]
    W_ih, W_hh, b = params[:3]
    N, D = W_ih.shape[0], W_ih.shape[2]
    if x.dim() != 4 or (x.shape[1], x.shape[3]) != (N, D):
        raise ValueError(f"x: expected shape (T, N={N}, B, D={D}), got {tuple(x.shape)}")
    T, B = x.shape[0], x.shape[2]
    h = x.new_zeros(N, B, W_hh.shape[2])
    c = torch.ones_like(h) if variant in FROM_ONE else torch.zeros_like(h)
    # What the inputs give is one product for all steps.
    flat = x.transpose(0, 1).reshape(N, T * B, D)
    given = torch.baddbmm(b[:, None], flat, W_ih.mT).view(N, T, B, -1).unbind(1)
    recurrent, hs, cs = W_hh.mT, [], []
    for z_x in given:
        i, f, g, o = torch.baddbmm(z_x, h, recurrent).chunk(4, dim=2)
        h, c = cell(i, f, g, o, c)
        hs.append(h)
        cs.append(c)
    return torch.stack(hs), torch.stack(cs)


def predict(variant: str, params: Sequence[Tensor], x: Tensor, last: bool = False) -> Tensor:
    """Return the readout of every step, (T, N, B, O), or of the last alone, (N, B, O)."""
    hs, _ = forward(variant, x, params)
    W_hy, b_y = params[3:]
    return (hs[-1] if last else hs) @ W_hy.mT + b_y[:, None]


def errors(variant: str, params: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Return each network's mean squared error, (N,).

    Parameters
    ----------
    variant : str
    params : list of Tensors
    x : Tensor (T, N, B, D)
    y : Tensor (T, N, B, O) or (N, B, O)
        Targets of every step, or of the last step alone.
    """
    square = (predict(variant, params, x, last=y.dim() == 3) - y) ** 2
    return square.mean(dim=[d for d in range(y.dim()) if d != y.dim() - 3])


def train(
    variant: str,
    params: Sequence[Tensor],
    batches: Iterable[tuple[Tensor, Tensor]],
    lr: float,
    max_norm: float,
) -> Iterator[list[Tensor]]:
    """Train N networks side by side with Adam; give their weights after every update.

    Each network's gradient is clipped by its own norm, and Adam treats every weight by itself. So
    the networks do not notice each other, and one that runs into NaN leaves the others alone.

    Parameters
    ----------
    variant : str
    params : list of Tensors
        As from `init`; left as they are.
    batches : iterable of (x, y)
        As for `errors`.
    lr, max_norm : float
        Above 0.

    Returns
    -------
    iterator of lists of Tensors
        The weights, which the next update changes in place. An update is done when it is asked
        for.

    Raises
    ------
    TypeError, ValueError
        For an unknown variant, a bad `lr` or `max_norm`.
    """
    _check.choice("variant", variant, list(VARIANTS))
    lr, max_norm = _check.positive_float("lr", lr), _check.positive_float("max_norm", max_norm)
    return _updates(variant, [p.clone().requires_grad_() for p in params], batches, lr, max_norm)


def _updates(
    variant: str,
    weights: list[Tensor],
    batches: Iterable[tuple[Tensor, Tensor]],
    lr: float,
    max_norm: float,
) -> Iterator[list[Tensor]]:
    optimizer = torch.optim.Adam(weights, lr=lr)
    for x, y in batches:
        loss = errors(variant, weights, x, y).sum()
        gradients = torch.autograd.grad(loss, weights)
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in gradients]).norm(dim=0)
        scale = (max_norm / norms).clamp(max=1)
        for w, g in zip(weights, gradients, strict=True):
            w.grad = g * scale.view(-1, *[1] * (g.dim() - 1))
        optimizer.step()
        yield [w.detach() for w in weights]
