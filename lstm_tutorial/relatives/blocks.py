"""Cells of layers that each add to what they read: convolutions and transformer blocks."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lstm_tutorial.relatives.cell import Parallel, Shapes
from lstm_tutorial.relatives.scans import HEADS, attention, heads

TAPS = 3  # steps that one convolution reads


def convolutions(dilations: Sequence[int]) -> Parallel:
    """Make a cell of causal convolutions one above the other, each added to what it reads.

    A layer reads `TAPS` steps, the present one and others `dilation` apart before it; before the
    first step stand zeros. After Bai, Kolter & Koltun (2018), with one convolution where a block of
    theirs has two. It reads as many numbers as it shows.
    """
    carried = field(dilations) - 1  # of each layer, what it will read again

    def shapes(D: int, H: int) -> Shapes:
        return _layers({"W": (H, TAPS * H), "b": (H,)}, len(dilations), D, H)

    def at_once(x: Tensor, *weights: Tensor) -> Tensor:
        for dilation, W, b in zip(dilations, weights[::2], weights[1::2], strict=True):
            taps = [_later_by(k * dilation, x) for k in range(TAPS)]
            x = x + F.relu(F.linear(torch.cat(taps, dim=-1), W, b))
        return x

    return Parallel(
        name=f"convolution, field {field(dilations)}",
        shapes=shapes,
        at_once=at_once,
        carried=lambda H: carried * H,
    )


def field(dilations: Sequence[int]) -> int:
    """Return how many steps, the present one included, dilated convolutions see."""
    return 1 + (TAPS - 1) * sum(dilations)


def _later_by(steps: int, x: Tensor) -> Tensor:
    return F.pad(x, (0, 0) * (x.dim() - 1) + (steps, 0))[: len(x)]


def transformer(blocks: int) -> Parallel:
    """Make a cell of transformer blocks above the sines that tell them the steps apart.

    A block is attention, then two layers a step, each added to what it reads, with layer norm in
    front. It reads as many numbers as it shows.
    """

    def shapes(D: int, H: int) -> Shapes:
        block = {
            **{"W_qkv": (3 * H, H), "b_qkv": (3 * H,), "W_o": (H, H), "b_o": (H,)},
            **{"W_1": (2 * H, H), "b_1": (2 * H,), "W_2": (H, 2 * H), "b_2": (H,)},
        }
        return _layers(block, blocks, D, H)

    def at_once(x: Tensor, *weights: Tensor) -> Tensor:
        x = x + positions(len(x), x.shape[-1])[:, None].to(x)
        each = len(weights) // blocks
        for k in range(blocks):
            x = _block(x, *weights[k * each : (k + 1) * each])
        return x

    return Parallel(
        name=f"attention, {blocks} blocks",
        shapes=shapes,
        at_once=at_once,
        carried=lambda H: None,
        heads=HEADS,
    )


def _block(x: Tensor, *weights: Tensor) -> Tensor:
    W, b, W_o, b_o, W_1, b_1, W_2, b_2 = weights
    size = x.shape[-1:]
    q, k, v = F.linear(F.layer_norm(x, size), W, b).chunk(3, dim=-1)
    read = attention(heads(q), heads(k), heads(v)).flatten(-2)
    x = x + F.linear(read, W_o, b_o)
    inner = F.linear(F.layer_norm(x, size), W_1, b_1)
    return x + F.linear(F.relu(inner), W_2, b_2)


def positions(T: int, H: int) -> Tensor:
    """Return the sines and cosines that tell attention the steps apart, (T, H).

    Vaswani et al. (2017), section 3.5; H is even.
    """
    rates = 10_000 ** (-torch.arange(0, H, 2) / H)
    angles = torch.arange(T)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def _layers(shapes: Shapes, count: int, D: int, H: int) -> Shapes:
    """Return the shapes of so many layers, for a cell that adds to what it reads."""
    if D != H:
        raise ValueError(
            f"input_size: expected {H} like hidden_size, to which it is added, got {D}"
        )
    return {f"{key}_{k}": shape for k in range(1, count + 1) for key, shape in shapes.items()}
