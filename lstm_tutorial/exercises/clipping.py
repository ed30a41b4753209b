"""Exercises of the chapter on clipping: a list of two gradients, cut or scaled."""

from typing import Any

import numpy as np

from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import draw

_OUTPUTS = {"grads[0]": "H D", "grads[1]": "D"}
# Far above the threshold, below it, above by a little with a small norm, ...; with H and D.
_SIZES = [
    *[(4, 0.1, 1, 2, 3), (1, 1.1, 3, 2, 3), (0.04, 0.8, 3, 2, 3)],
    *[(5e3, 1e-4, 1, 3, 2), (2, 0.3, 1, 1, 1), (0.01, 3, 1, 2, 3)],
    (0.5, 0.6, 20, 2, 3),  # the second array is the larger
]
_GRADS = []
for size, ratio, far, H, D in _SIZES:
    first, second = draw(50, _OUTPUTS, size, H=H, D=D).values()
    _GRADS.append(([first, far * second], ratio))
_GRADS.append(([a.astype(np.float32) for a in _GRADS[0][0]], 0.2))


def _norm(grads: list[Any]) -> float:
    return float(np.sqrt(sum((g**2).sum() for g in grads)))


def _first_of_two(returned: Any) -> Any:
    """Take (clipped, norm) for clipped."""
    pair = isinstance(returned, tuple) and len(returned) == 2
    return returned[0] if pair and isinstance(returned[0], list | tuple) else returned


CLIP_BY_NORM = by_edits(
    "clip(grads, max_norm) -> list of clipped arrays",
    _OUTPUTS,
    [{"grads": grads, "max_norm": ratio * _norm(grads)} for grads, ratio in _GRADS]
    + [{"grads": [np.zeros((2, 3)), np.zeros(3)], "max_norm": 0.7}],
    """
    squares = sum((g**2).sum() for g in grads)
    norm = np.sqrt(squares)
    factor = min(1, max_norm / norm) if norm else 1
    return [factor * g for g in grads]
    """,
    listed("""
    each array by itself: [g * min(1, max_norm / ((g**2).sum() ** 0.5 or 1)) for g in grads] |
        Each array is clipped by its own norm. One norm is taken over all of them.
    each array scaled to max_norm: [max_norm * g / (g**2).sum() ** 0.5 for g in grads] |
        Each array is scaled to max_norm, large or small. One factor, at most 1, serves all.
    each array brought to max_norm: [g * (max_norm / (g**2).sum() ** 0.5 if norm > max_norm else 1)
        for g in grads] | Each array is brought to max_norm by itself. One factor serves all.
    not clipped: grads | The gradients come out as they went in.
    clipped by value: [np.clip(g, -max_norm, max_norm) for g in grads] |
        Each entry is cut by itself, which turns the gradient. One factor serves all.
    root left out of the norm: np.sqrt(squares) -> squares | The root is not taken of the sum.
    square compared with the threshold: min(1, max_norm / norm) if norm else 1 ->
        max_norm / norm if squares > max_norm else 1 |
        The sum of squares is compared with max_norm. Its root, the norm, should be.
    sum of the arrays' norms: np.sqrt(squares) -> sum((g**2).sum() ** 0.5 for g in grads) |
        The norms of the arrays are added. Add the squares of all entries, then take the root.
    largest of the arrays' norms: np.sqrt(squares) -> max((g**2).sum() ** 0.5 for g in grads) |
        The largest of the arrays' norms is taken. One norm is taken over all of them.
    largest entry for the norm: np.sqrt(squares) -> max(np.abs(g).max() for g in grads) |
        The largest entry is taken for the norm. It is the root of the sum of squares.
    absolute values for squares: squares) -> sum(np.abs(g).sum() for g in grads)**2) |
        Absolute values are summed. The norm is the root of the sum of squares.
    mean for the sum of squares: np.sqrt(squares) -> (squares / sum(g.size for g in grads)) ** 0.5 |
        The squares are averaged. The norm is the root of their sum.
    norm of the first array only: in grads) -> in grads[:1]) | The norm is taken over all arrays.
    first array only: [factor * grads[0], *grads[1:]] | Only the first array is scaled. All are.
    scaled up below the threshold: min(1, max_norm / norm) -> max_norm / norm |
        A gradient below the threshold is scaled up to it. It must stay: min(1, max_norm / norm).
    scaled up, and zeros become NaN: min(1, max_norm / norm) if norm else 1 -> max_norm / norm |
        The factor is max_norm / norm, whatever the norm: small gradients are scaled up, and
        zeros become NaN. It is min(1, max_norm / norm), and 1 where the norm is 0.
    zeros become NaN: if norm else 1 -> if norm else np.nan |
        Gradients of zeros come out as NaN: max_norm / 0 is infinite.
    scaled to norm 1: min(1, max_norm / norm) -> 1 / norm if norm > max_norm else 1 |
        A large gradient is brought to norm 1. It is brought to max_norm.
    factor upside down: min(1, max_norm / norm) -> max(1, norm / max_norm) |
        The factor is norm / max_norm. It is max_norm / norm.
    set to zero: min(1, max_norm / norm) -> 0 if norm > max_norm else 1 |
        A gradient above the threshold is set to zero. It is scaled to max_norm.
    """),
    "clipping",
    also=[
        """
        squares = sum((g**2).sum() for g in grads)
        norm = np.sqrt(squares) + 1e-6
        factor = min(1, max_norm / norm) if norm else 1
        return [factor * g for g in grads]
        """
    ],
    flat=_first_of_two,
)

CLIP_BY_VALUE = by_edits(
    "clip(grads, clip_value) -> list of clipped arrays",
    _OUTPUTS,
    [{"grads": grads, "clip_value": ratio * _norm(grads) / 3} for grads, ratio in _GRADS],
    """
    low = -clip_value
    high = clip_value
    return [np.clip(g, low, high) for g in grads]
    """,
    listed("""
    cut above only: -clip_value -> -np.inf | Below -clip_value is cut, too.
    cut below only: high = clip_value -> high = np.inf | Above clip_value is cut, too.
    cut at 0 and clip_value: -clip_value -> 0 | The border below is 0. It is -clip_value.
    cut at ±1: -clip_value -> -1 && high = clip_value -> high = 1 |
        The border is 1, whatever clip_value is.
    not clipped: grads | The gradients come out as they went in.
    clipped by one norm: [g * min(1, clip_value / sum((a**2).sum() for a in grads) ** 0.5)
        for g in grads] | All entries are scaled by one factor. Here each is cut by itself.
    clipped by each array's norm: [g * min(1, clip_value / (g**2).sum() ** 0.5) for g in grads] |
        The entries of an array are scaled by one factor. Here each is cut by itself.
    set to zero: [np.where(np.abs(g) > clip_value, 0, g) for g in grads] |
        What lies outside is set to 0. It is set to the border.
    sign lost: [np.where(np.abs(g) > clip_value, clip_value, g) for g in grads] |
        The sign is lost where an entry is cut: the border below is -clip_value.
    """),
    "clipping",
    flat=_first_of_two,
)

KINDS = {"clip_by_norm": CLIP_BY_NORM, "clip_by_value": CLIP_BY_VALUE}
