"""The LSTM with one thing changed at a time, and a way to train many small networks at once.

Every variant is a function of the four pre-activations and of the old cell state, written as its
equations stand, so that two of them can be laid side by side and the difference read. What they
share, ``z = W_ih x_t + W_hh h_{t-1} + b`` in the order i, f, g, o, and a linear network, is
computed outside them. Two have weights of their own beside these and take them as arguments.

Small networks on a processor spend most of their time on the overhead of each step. So N of them
run side by side: every array has an axis of networks, each network has its own weights, data and
clipped gradient, and none sees another. Inputs are ``(T, N, B, D)``, states ``(N, B, H)``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, sigmoid, tanh

from lstm_tutorial import _check, network

Cell = Callable[..., tuple[Tensor, ...]]


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


def no_input_activation(
    i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    """Leave the tanh of g out; NIAF of Greff et al. (2017)."""
    c = sigmoid(f) * c + sigmoid(i) * g
    return sigmoid(o) * tanh(c), c


def linear_output(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Leave the tanh of c out; NOAF of Greff et al. (2017)."""
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * c, c


def sigmoid_output(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Put σ for the tanh of c: what is shown is never negative."""
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * sigmoid(c), c


def peepholes(
    i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor, p: Tensor
) -> tuple[Tensor, Tensor]:
    """Let each gate see its own unit's store (Gers & Schmidhuber, 2000).

    The weights p, ``(N, 3, 1, H)`` in the order i, f, o, are one number for each unit and gate.
    Input and forget gate see the store as the step finds it, c_{t-1}; the output gate decides
    after them and sees it as they leave it, c_t.
    """
    p_i, p_f, p_o = p.unbind(1)
    c = sigmoid(f + p_f * c) * c + sigmoid(i + p_i * c) * tanh(g)
    return sigmoid(o + p_o * c) * tanh(c), c


def full_gate_recurrence(
    i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor, gates: Tensor, R: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Let each gate see all gates of the step before; FGR of Greff et al. (2017).

    The weights R, ``(N, 3H, 3H)``, are nine matrices in one, rows and columns in the order i, f,
    o; ``gates``, ``(N, B, 3H)``, are the openings of the step before and are also returned, for
    the next.
    """
    gates = sigmoid(torch.baddbmm(torch.cat([i, f, o], dim=2), gates, R.mT))
    i, f, o = gates.chunk(3, dim=2)
    c = f * c + i * tanh(g)
    return o * tanh(c), c, gates


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
# Those that only the chapter on the worth of each gate needs.
MORE: dict[str, Cell] = {
    "no input activation": no_input_activation,
    "peepholes": peepholes,
    "full gate recurrence": full_gate_recurrence,
}
FROM_ONE = {"factor"}  # those that begin at c = 1
# Those that never use one of the four blocks of W_ih, W_hh and b.
ONE_LESS = {"no forget gate", "no input gate", "no output gate", "coupled gates"}


def parameters(variant: str, input_size: int, hidden_size: int, output_size: int) -> int:
    """Count the weights that do something, those of the readout included.

    Parameters
    ----------
    variant : str
        A key of `VARIANTS` or `MORE`.
    input_size, hidden_size, output_size : int
        D, H and O.

    Raises
    ------
    ValueError
        For an unknown variant.
    """
    _cell(variant)
    D, H, O = input_size, hidden_size, output_size  # noqa: E741
    blocks = 3 if variant in ONE_LESS else 4
    own = {"peepholes": 3 * H, "full gate recurrence": 9 * H * H}
    return blocks * H * (D + H + 1) + own.get(variant, 0) + O * (H + 1)


def fitting_size(variant: str, input_size: int, output_size: int, budget: int) -> int:
    """Return the number of units H, at least 1, that comes nearest to a number of weights."""
    counts = [parameters(variant, input_size, H, output_size) for H in range(1, budget + 1)]
    return 1 + int(np.argmin(np.abs(np.array(counts) - budget)))


def init(
    input_size: int,
    hidden_size: int,
    output_size: int,
    rngs: Sequence[np.random.Generator | int],
    forget_bias: float = 1.0,
    dtype: torch.dtype = torch.float32,
    variant: str = "vanilla",
) -> list[Tensor]:
    """Draw N networks, each as `network.init` draws an LSTM.

    The weights that a variant has beside these are drawn after them, uniform in ±1/√H as well.

    Parameters
    ----------
    input_size, hidden_size, output_size : int
        D, H and O, at least 1.
    rngs : sequence of numpy Generators or ints
        One for each network.
    forget_bias : float
    dtype : torch.dtype
    variant : str
        A key of `VARIANTS` or `MORE`.

    Returns
    -------
    list of Tensors
        W_ih (N, 4H, D), W_hh (N, 4H, H), b (N, 4H), W_hy (N, O, H) and b_y (N, O); then the
        variant's own: p (N, 3, 1, H) for the peepholes, R (N, 3H, 3H) for full gate recurrence.

    Raises
    ------
    TypeError, ValueError
        For a size below 1, no or a bad generator, a bias that is not a finite number, or an
        unknown variant.
    """
    _cell(variant)
    forget_bias = _check.finite_float("forget_bias", forget_bias)
    if not len(rngs):
        raise ValueError("rngs: expected one for each network, got none")
    H = hidden_size
    shapes: dict[str, list[tuple[int, ...]]] = {
        "peepholes": [(3, 1, H)],
        "full gate recurrence": [(3 * H, 3 * H)],
    }
    networks: list[list[np.ndarray]] = []
    for rng in rngs:
        r = _check.generator("rng", rng)
        shared = network.init(input_size, H, output_size, r, "lstm")
        bound = 1 / np.sqrt(H)
        own = [r.uniform(-bound, bound, shape) for shape in shapes.get(variant, [])]
        networks.append(shared + own)
    params = [
        torch.stack([torch.as_tensor(p, dtype=dtype) for p in same])
        for same in zip(*networks, strict=True)
    ]
    params[2][:, H : 2 * H] = forget_bias
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
        A key of `VARIANTS` or `MORE`.
    x : Tensor (T, N, B, D)
    params : list of Tensors
        As from `init`, for this variant; the readout's two are not used.

    Returns
    -------
    hs, cs : Tensors (T, N, B, H)
        Both states after every step.

    Raises
    ------
    ValueError
        For an unknown variant, with the known ones, or an `x` that does not fit the weights.
    """
    cell = _cell(variant)
    W_ih, W_hh, b = params[:3]
    own = params[5:]
    N, D = W_ih.shape[0], W_ih.shape[2]
    if x.dim() != 4 or (x.shape[1], x.shape[3]) != (N, D):
        raise ValueError(f"x: expected shape (T, N={N}, B, D={D}), got {tuple(x.shape)}")
    T, B = x.shape[0], x.shape[2]
    h = x.new_zeros(N, B, W_hh.shape[2])
    c = torch.ones_like(h) if variant in FROM_ONE else torch.zeros_like(h)
    gates = [h.new_zeros(N, B, 3 * h.shape[2])] if variant == "full gate recurrence" else []
    # What the inputs give is one product for all steps.
    flat = x.transpose(0, 1).reshape(N, T * B, D)
    given = torch.baddbmm(b[:, None], flat, W_ih.mT).view(N, T, B, -1).unbind(1)
    recurrent, hs, cs = W_hh.mT, [], []
    for z_x in given:
        i, f, g, o = torch.baddbmm(z_x, h, recurrent).chunk(4, dim=2)
        h, c, *gates = cell(i, f, g, o, c, *gates, *own)
        hs.append(h)
        cs.append(c)
    return torch.stack(hs), torch.stack(cs)


def predict(variant: str, params: Sequence[Tensor], x: Tensor, last: bool = False) -> Tensor:
    """Return the readout of every step, (T, N, B, O), or of the last alone, (N, B, O)."""
    hs, _ = forward(variant, x, params)
    W_hy, b_y = params[3:5]
    return (hs[-1] if last else hs) @ W_hy.mT + b_y[:, None]


def errors(variant: str, params: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Return each network's mean squared error, or mean cross-entropy, (N,).

    Parameters
    ----------
    variant : str
    params : list of Tensors
    x : Tensor (T, N, B, D)
    y : Tensor (T, N, B, O) or (N, B, O), or of integers (T, N, B)
        Targets of every step, or of the last step alone. Integers are classes, and -1 stands
        where no answer is wanted; the error is then the cross-entropy, in nats.
    """
    if not y.is_floating_point():
        scores = predict(variant, params, x).movedim(3, 1)
        nats = torch.nn.functional.cross_entropy(scores, y, ignore_index=-1, reduction="none")
        return nats.sum(dim=(0, 2)) / (y >= 0).sum(dim=(0, 2))
    square = (predict(variant, params, x, last=y.dim() == 3) - y) ** 2
    return square.mean(dim=[d for d in range(y.dim()) if d != y.dim() - 3])


def train(
    variant: str,
    params: Sequence[Tensor],
    batches: Iterable[tuple[Tensor, Tensor]],
    lr: float | Tensor,
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
    lr : float or Tensor (N,)
        Above 0; one for all networks, or one for each.
    max_norm : float
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
    _cell(variant)
    max_norm = _check.positive_float("max_norm", max_norm)
    each = torch.as_tensor(lr, dtype=params[0].dtype).expand(len(params[0]))
    rates = params[0].new_tensor([_check.positive_float("lr", rate) for rate in each.tolist()])
    weights = [p.clone().requires_grad_() for p in params]
    return updates(partial(errors, variant), weights, batches, rates, max_norm)


def updates(
    errors: Callable[[list[Tensor], Tensor, Tensor], Tensor],
    weights: list[Tensor],
    batches: Iterable[tuple[Tensor, Tensor]],
    rates: Tensor,
    max_norm: float,
) -> Iterator[list[Tensor]]:
    """Train N networks by their errors; nothing is checked here, and `weights` change in place.

    Adam (Kingma & Ba, 2015), written out, since PyTorch's has one rate for all networks.

    Parameters
    ----------
    errors : callable
        Takes weights, x and y, and returns each network's error, (N,).
    weights : list of Tensors (N, ...)
    batches : iterable of (x, y)
    rates : Tensor (N,)
    max_norm : float

    Returns
    -------
    iterator of lists of Tensors
        The weights after every update.
    """
    first, second = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    for k, (x, y) in enumerate(batches, 1):
        gradients = torch.autograd.grad(errors(weights, x, y).sum(), weights)
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in gradients]).norm(dim=0)
        scale = (max_norm / norms).clamp(max=1)
        with torch.no_grad():
            for w, g, m, v in zip(weights, gradients, first, second, strict=True):
                each = [-1] + [1] * (g.dim() - 1)
                g = g * scale.view(each)
                m.lerp_(g, 0.1)
                v.mul_(0.999).addcmul_(g, g, value=0.001)
                size = (v / (1 - 0.999**k)).sqrt_().add_(1e-8)
                w -= rates.view(each) / (1 - 0.9**k) * m / size
        yield [w.detach() for w in weights]


def _cell(variant: str) -> Cell:
    cells = VARIANTS | MORE
    return cells[_check.choice("variant", variant, list(cells))]
