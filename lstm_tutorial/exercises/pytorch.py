"""Exercises of the chapter on the LSTM in PyTorch."""

from typing import Any

import numpy as np

from lstm_tutorial.exercises import _recurrent
from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import as_tensor, draw
from lstm_tutorial.exercises._reading import Finding, Trouble
from lstm_tutorial.rnn import sigmoid

HALVES = {"forward": "B H", "backward": "B H"}


def in_halves(returned: Any) -> Any:
    """Return the halves of (B, 2H): what the forward and the backward direction gave."""
    whole = returned if hasattr(returned, "shape") else np.array(returned)
    if len(whole.shape) != 2 or whole.shape[1] % 2:
        says = f"Expected one tensor of shape (B, 2H), got {type(returned).__name__} of shape "
        raise Trouble(Finding("wrong shape", f"{says}{tuple(whole.shape)}."))
    return whole[:, : whole.shape[1] // 2], whole[:, whole.shape[1] // 2 :]


_SIZES = [(6, 2, 4), (5, 3, 2), (4, 4, 4), (1, 3, 2), (5, 1, 3), (4, 2, 1), (1, 1, 1)]

SUMMARY = by_edits(
    "summary(out) -> tensor (B, 2H), each direction after it has read all of (T, B, 2H)",
    HALVES,
    [draw(320 + T, {"out": "T B 2H"}, T=T, B=B, H=H) for T, B, H in _SIZES],
    """
    H = out.shape[2] // 2
    forward = out[-1, :, :H]
    backward = out[0, :, H:]
    return np.concatenate([forward, backward], axis=1)
    """,
    listed("""
    out[-1]: out[0, -> out[-1, | The backward half has read one step only at the end of out.
    out[0]: out[-1, -> out[0, | The forward half has read one step only at the start of out.
    each at the other's end: out[-1, :, -> out[0, :, && out[0, :, H -> out[-1, :, H |
        Each half is taken where it has read one step only.
    halves exchanged: [forward, backward] -> [backward, forward] |
        The right two halves stand in the wrong order.
    largest over time: out.max(axis=0) | The largest over time is taken.
    mean over time: out.mean(axis=0) | The mean over time is taken.
    units taken in turn: -1, :, :H] -> -1, :, ::2] && 0, :, H:] -> 0, :, 1::2] |
        Every other unit is taken. The first half of the units is the forward direction's.
    forward half twice: 0, :, H:] -> 0, :, :H] | Both halves are of the forward direction.
    """),
    "pytorch",
    prepare=as_tensor,
    flat=in_halves,
)


def _cell(z: Any, c: Any) -> tuple[Any, Any]:
    i, f, g, o = np.split(z, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


CELL = _recurrent.stepping(
    "torch.cell",
    "step(z, c) -> (h, c), from the pre-activations (B, 4H) and the cell state (B, H)",
    {"h": "B H", "c": "B H"},
    {"z": "B 4H", "c": "B H"},
    _cell,
    prepare=as_tensor,
)


KINDS = {"torch.cell": CELL, "torch.summary": SUMMARY}
