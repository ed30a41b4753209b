"""The LSTM and its relatives in one shape, so that they can be sized, trained and compared alike.

A `Member` says which weights its layers have, how they are run, and what it carries from step to
step. Below the layers a linear map brings each input to H numbers, above them stands a linear
readout, so that every layer reads as many numbers as it shows. Networks of one member are trained
side by side, as in `variants`: N of them, each with its own weights, data, learning rate and
clipped gradient. Inputs are (T, N, B, D), each weight has the axis of networks in front.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lstm_tutorial import _check
from lstm_tutorial.relatives import published, scans, variants

HEADS = 2  # of mLSTM and attention
TAPS = 3  # steps that one convolution reads
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Member:
    """One of the family.

    Attributes
    ----------
    shapes : callable
        Takes H, returns the shape of each weight of one layer by name.
    run : callable
        Takes x (T, N, B, H) and one layer's weights, returns what the layer shows, of one shape.
    state : callable
        Takes H, returns how many numbers one layer carries to the next step; None for all it has
        read.
    reads_h : bool
        Whether its gates see what was shown at the step before. If not, all steps can be had at
        once.
    layers : int
        How many of them stand one above the other.
    unused : callable
        Takes H, returns how many weights of a layer do nothing.
    """

    shapes: Callable[[int], Shapes]
    run: Callable[..., Tensor]
    state: Callable[[int], int | None]
    reads_h: bool
    layers: int = 1
    unused: Callable[[int], int] = lambda H: 0

    def parameters(self, D: int, H: int, O: int) -> int:  # noqa: E741
        """Count the weights that do something: map of D numbers, layers, readout of O numbers."""
        layer = sum(map(math.prod, self.shapes(H).values())) - self.unused(H)
        return H * (D + 1) + self.layers * layer + O * (H + 1)

    def fitting_size(self, D: int, O: int, budget: int) -> int:  # noqa: E741
        """Return the largest H, a multiple of `HEADS`, whose parameters stay within a budget."""
        H = HEADS
        if self.parameters(D, H, O) > budget:
            raise ValueError(
                f"budget: expected at least {self.parameters(D, H, O)} parameters, got {budget}"
            )
        while self.parameters(D, H + HEADS, O) <= budget:
            H += HEADS
        return H


def _gated(blocks: int) -> Callable[[int], Shapes]:
    return lambda H: {"W": (blocks * H, H), "U": (blocks * H, H), "b": (blocks * H,)}


def _gru_shapes(H: int) -> Shapes:
    return {**_gated(3)(H), "b_h": (3 * H,)}


def _min_lstm_shapes(H: int) -> Shapes:
    return {"W": (3 * H, H), "b": (3 * H,)}


def _mlstm_shapes(H: int) -> Shapes:
    return {"W": (4 * H + 2 * HEADS, H), "b": (4 * H + 2 * HEADS,)}


def _attention_shapes(H: int) -> Shapes:
    return {
        **{"W_qkv": (3 * H, H), "b_qkv": (3 * H,), "W_o": (H, H), "b_o": (H,)},
        **{"W_1": (2 * H, H), "b_1": (2 * H,), "W_2": (H, 2 * H), "b_2": (H,)},
    }


def _convolution_shapes(dilations: Sequence[int]) -> Callable[[int], Shapes]:
    return lambda H: {
        key: shape
        for k in range(1, len(dilations) + 1)
        for key, shape in ((f"W_{k}", (H, TAPS * H)), (f"b_{k}", (H,)))
    }


def _convolution(dilations: Sequence[int]) -> Callable[..., Tensor]:
    """Run causal convolutions one above the other, each added to what it reads.

    A layer reads `TAPS` steps, the present one and others `dilation` apart before it; before the
    first step stand zeros. After Bai, Kolter & Koltun (2018), with one convolution where a block of
    theirs has two.
    """

    def run(x: Tensor, *weights: Tensor) -> Tensor:
        for dilation, W, b in zip(dilations, weights[::2], weights[1::2], strict=True):
            taps = [_later_by(k * dilation, x) for k in range(TAPS)]
            x = x + F.relu(published.affine(torch.cat(taps, dim=-1), W, b))
        return x

    return run


def _later_by(steps: int, x: Tensor) -> Tensor:
    return F.pad(x, (0, 0) * (x.dim() - 1) + (steps, 0))[: len(x)]


def field(dilations: Sequence[int]) -> int:
    """Return how many steps, the present one included, dilated convolutions see."""
    return 1 + (TAPS - 1) * sum(dilations)


def _variant(name: str) -> Callable[..., Tensor]:
    return lambda x, *weights: variants.forward(name, x, weights)[0]


def _slstm(x: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    return published.slstm(x, W, U, b)[0]


def _min_lstm(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    i, f, g = published.affine(x, W, b).chunk(3, dim=-1)
    # On one core the loop is faster than the scan.
    return scans.in_order(*scans.min_lstm(i, f, g))


def _mlstm(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    z = published.affine(x, W, b)
    H = (z.shape[-1] - 2 * HEADS) // 4
    i, f, q, k, v, o = z.split([HEADS, HEADS, H, H, H, H], dim=-1)
    read = scans.mlstm(_heads(q), _heads(k), _heads(v), i, f)
    return torch.sigmoid(o) * read.flatten(-2)


def _attention(x: Tensor, *weights: Tensor) -> Tensor:
    """Run one block of a transformer: attention, then two layers a step, each added to x."""
    W, b, W_o, b_o, W_1, b_1, W_2, b_2 = weights
    size = x.shape[-1:]
    q, k, v = published.affine(F.layer_norm(x, size), W, b).chunk(3, dim=-1)
    read = scans.attention(_heads(q), _heads(k), _heads(v)).flatten(-2)
    x = x + published.affine(read, W_o, b_o)
    inner = published.affine(F.layer_norm(x, size), W_1, b_1)
    return x + published.affine(F.relu(inner), W_2, b_2)


def _heads(z: Tensor) -> Tensor:
    return z.unflatten(-1, (HEADS, -1))


def positions(T: int, H: int) -> Tensor:
    """Return the sines and cosines that tell attention the steps apart, (T, H).

    Vaswani et al. (2017), section 3.5; H is even.
    """
    rates = 10_000 ** (-torch.arange(0, H, 2) / H)
    angles = torch.arange(T)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


_ONE: dict[str, Member] = {
    "LSTM": Member(_gated(4), _variant("vanilla"), lambda H: 2 * H, True),
    "coupled gates": Member(
        _gated(4),
        _variant("coupled gates"),
        lambda H: 2 * H,
        True,
        unused=lambda H: H * (2 * H + 1),
    ),
    "GRU": Member(_gru_shapes, published.gru, lambda H: H, True),
    "sLSTM": Member(_gated(4), _slstm, lambda H: 4 * H, True),
    "minLSTM": Member(_min_lstm_shapes, _min_lstm, lambda H: H, False),
    "mLSTM": Member(_mlstm_shapes, _mlstm, lambda H: H * H // HEADS + H + HEADS, False),
}
FAMILY: dict[str, Member] = {
    **_ONE,
    **{
        f"{name}, 2 layers": Member(one.shapes, one.run, one.state, one.reads_h, layers=2)
        for name, one in _ONE.items()
        if name in ("minLSTM", "mLSTM")
    },
    "attention, 2 blocks": Member(_attention_shapes, _attention, lambda H: None, False, layers=2),
}


def _convolutions(dilations: Sequence[int]) -> Member:
    carried = field(dilations) - 1  # of each layer, what it will read again
    shapes, run = _convolution_shapes(dilations), _convolution(dilations)
    return Member(shapes, run, lambda H: carried * H, False)


# Not of the family, but sized, trained and compared like it.
CONVOLUTIONS: dict[str, Member] = {
    f"convolution, field {field(dilations)}": _convolutions(dilations)
    for dilations in ((1, 2, 4), (1, 2, 4, 8), (1, 2, 4, 8, 16))
}
MEMBERS: dict[str, Member] = {**FAMILY, **CONVOLUTIONS}


def init(
    name: str,
    input_size: int,
    hidden_size: int,
    output_size: int,
    rngs: Sequence[np.random.Generator | int],
    lag: int,
) -> list[Tensor]:
    """Draw N networks of a member, in float32.

    Matrices are uniform in ±1/√(columns), biases 0. Stores begin with many half-lives, up to the
    `lag`: forget biases are the logarithms of numbers from U[1, lag], input biases their negatives
    (chrono initialisation, Tallec & Ollivier, 2018). The update gate of a GRU is a forget gate
    here.

    Parameters
    ----------
    name : str
        A key of `MEMBERS`.
    input_size, hidden_size, output_size : int
        D, H and O.
    rngs : sequence of numpy Generators or ints
        One for each network.
    lag : int

    Returns
    -------
    list of Tensors (N, ...)
        W_e (N, H, D), b_e (N, H), the weights of all layers from below, W_hy (N, O, H), b_y (N, O).

    Raises
    ------
    TypeError, ValueError
        For an unknown name, a size below 1, no or a bad generator.
    """
    D = _check.positive_int("input_size", input_size)
    H = _check.positive_int("hidden_size", hidden_size)
    out = _check.positive_int("output_size", output_size)
    lag = _check.positive_int("lag", lag)
    if not len(rngs):
        raise ValueError("rngs: expected one for each network, got none")
    member = MEMBERS[_check.choice("name", name, list(MEMBERS))]
    shapes = [("W_e", (H, D)), ("b_e", (H,))]
    shapes += [*member.shapes(H).items()] * member.layers
    shapes += [("W_hy", (out, H)), ("b_y", (out,))]
    networks = []
    for rng in (_check.generator("rng", r) for r in rngs):
        weights = []
        for key, shape in shapes:
            bound = 1 / math.sqrt(shape[-1]) if len(shape) == 2 else 0.0
            weight = rng.uniform(-bound, bound, shape)
            if key == "b":
                _open(name, weight, H, lag, rng)
            weights.append(torch.as_tensor(weight, dtype=torch.float32))
        networks.append(weights)
    return [torch.stack(same) for same in zip(*networks, strict=True)]


def _open(name: str, b: np.ndarray, H: int, lag: int, rng: np.random.Generator) -> None:
    """Set the biases of the gates of a store in place."""
    units = HEADS if name.startswith("mLSTM") else H
    times = np.log(rng.uniform(1, lag, units))
    b[units : 2 * units] = times
    if name != "GRU":  # whose first block is the reset gate
        b[:units] = -times


def forward(name: str, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return the readout of every step, (T, N, B, O).

    Parameters
    ----------
    name : str
        A key of `MEMBERS`.
    weights : list of Tensors
        As from `init`.
    x : Tensor (T, N, B, D)
    """
    W_e, b_e, *layers, W_hy, b_y = weights
    member = MEMBERS[_check.choice("name", name, list(MEMBERS))]
    x = published.affine(x, W_e, b_e)
    if name.startswith("attention"):  # which could not tell the steps apart
        x = x + positions(len(x), x.shape[-1])[:, None, None].to(x)
    count = len(layers) // member.layers
    for k in range(member.layers):
        x = member.run(x, *layers[k * count : (k + 1) * count])
    return published.affine(x, W_hy, b_y)


def errors(name: str, weights: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Return each network's mean squared error, (N,).

    Parameters
    ----------
    name : str
    weights : list of Tensors
    x : Tensor (T, N, B, D)
    y : Tensor (T, N, B, O) or (N, B, O)
        Targets of every step, or of the last step alone.
    """
    answers = forward(name, weights, x)
    square = (answers - y) ** 2 if y.dim() == 4 else (answers[-1] - y) ** 2
    return square.mean(dim=[d for d in range(y.dim()) if d != y.dim() - 3])


def train(
    name: str,
    weights: Sequence[Tensor],
    batches: Iterable[tuple[Tensor, Tensor]],
    rates: Sequence[float],
    max_norm: float,
) -> Iterator[list[Tensor]]:
    """Train N networks side by side with Adam; give their weights after every update.

    Parameters
    ----------
    name : str
    weights : list of Tensors
        As from `init`; left as they are.
    batches : iterable of (x, y)
        As for `errors`.
    rates : sequence of float
        The learning rate of each network.
    max_norm : float
        Each network's gradient is clipped at this norm.

    Returns
    -------
    iterator of lists of Tensors
        The weights, which the next update changes in place.

    Raises
    ------
    TypeError, ValueError
        For an unknown name, a rate or norm that is not above 0, or not a rate for each network.
    """
    _check.choice("name", name, list(MEMBERS))
    if len(rates) != len(weights[0]):
        raise ValueError(f"rates: expected {len(weights[0])}, one a network, got {len(rates)}")
    steps = torch.tensor([_check.positive_float("rates", rate) for rate in rates])
    max_norm = _check.positive_float("max_norm", max_norm)
    weights = [w.clone().requires_grad_() for w in weights]
    return variants.updates(partial(errors, name), weights, batches, steps, max_norm)
