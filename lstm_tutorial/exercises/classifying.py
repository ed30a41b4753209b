"""Exercises of the chapter on classifying sequences: outputs pooled over the valid steps."""

import numpy as np

from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import Case, as_tensor
from lstm_tutorial.exercises.nn_lstm import deaf, valid
from lstm_tutorial.exercises.pytorch import in_halves


def _outputs(seed: int, T: int, H: int, lengths: list[int], padding: float) -> Case:
    """Return outputs below zero, so that zeros in the padding are the largest."""
    out = -np.random.default_rng(seed).random((T, len(lengths), H)) - 0.1
    out[~valid(out, lengths)[..., 0]] = padding
    return {"out": out, "lengths": np.array(lengths)}


POOL_BOTH = by_edits(
    "pool_both(out, lengths) -> tensor (B, 2H), mean and largest over the valid steps",
    {"mean": "B H", "largest": "B H"},
    [
        _outputs(330, 6, 4, [2, 6, 1], 0),
        _outputs(332, 6, 4, [2, 6, 1], np.nan),
        _outputs(331, 5, 3, [5, 3], 3),
        _outputs(333, 1, 1, [1], 0),
    ],
    """
    ends = lengths[:, None]
    valid = np.arange(len(out))[:, None, None] < ends
    zeros = np.where(valid, out, 0)
    mean = zeros.sum(axis=0) / ends
    largest = np.where(valid, out, -np.inf).max(axis=0)
    return np.concatenate([mean, largest], axis=1)
    """,
    listed("""
    mean counts the padding: / ends -> / len(out) |
        The padding's zeros are counted in the mean. Divide by the valid steps.
    padding wins: np.where(valid, out, -np.inf) -> zeros |
        Where all valid outputs lie below zero the padding's zeros are the largest. Put minus
        infinity there.
    padding in the mean: zeros.sum(axis=0) / ends -> out.mean(axis=0) |
        The mean is taken over all steps as they stand.
    padding in the largest: np.where(valid, out, -np.inf) -> out |
        The largest is taken over all steps as they stand.
    padding in both: np.concatenate([out.mean(axis=0), out.max(axis=0)], axis=1) |
        The padding is in the mean and in the largest.
    mask multiplied: np.where(valid, out, 0) -> valid * out |
        The outputs are multiplied by the mask. The padding may hold NaN, and 0 times NaN is NaN.
    mask one step too long: < ends -> <= ends | The step at index length is padding.
    mask one step too short: < ends -> < ends - 1 | The last valid step is length - 1.
    halves exchanged: [mean, largest] -> [largest, mean] | The mean comes first.
    sum for the mean: zeros.sum(axis=0) / ends -> zeros.sum(axis=0) | Divide by the valid steps.
    one length for all: / ends -> / ends.max() | The longest length divides all sums.
    least for the largest: out, -np.inf).max -> out, np.inf).min | This is the least.
    largest size: np.where(valid, out, -np.inf).max -> np.abs(zeros).max |
        The largest absolute value is taken. Take the largest number.
    """),
    "classifying",
    prepare=as_tensor,
    ask=deaf,
    flat=in_halves,
)
KINDS = {"torch.pool_both": POOL_BOTH}
