"""Sequence problems made to order, each with one difficulty that can be turned up."""

import numpy as np

from lstm_tutorial import _check

Array = np.ndarray


def adding(length: int, batch: int, rng: np.random.Generator | int) -> tuple[Array, Array]:
    """Draw the adding problem: add two marked numbers out of many.

    Each step brings a number from U[0, 1] and a marker. The marker is 1 at one step of the first
    half and at one of the second, 0 elsewhere; the target, wanted after the last step, is the sum
    of the two marked numbers. Whoever always answers 1 has a mean squared error of 1/6, the
    variance of that sum. This is the variant of Le, Jaitly & Hinton (2015); Hochreiter &
    Schmidhuber (1997) place both markers in the first half, which is much harder.

    Parameters
    ----------
    length : int
        T, at least 2.
    batch : int
        B, the number of sequences.
    rng : numpy Generator or int

    Returns
    -------
    x : array (T, B, 2)
        Numbers and markers.
    y : array (B, 1)

    Raises
    ------
    TypeError, ValueError
        For a bad `length`, `batch` or `rng`.
    """
    T, B = _check.positive_int("length", length), _check.positive_int("batch", batch)
    if T < 2:
        raise ValueError(f"length: expected at least 2, one step for each marker, got {T}")
    rng = _check.generator("rng", rng)
    numbers, markers = rng.random((T, B)), np.zeros((T, B))
    first, second = rng.integers(0, T // 2, B), rng.integers(T // 2, T, B)
    markers[first, np.arange(B)] = markers[second, np.arange(B)] = 1
    return np.stack([numbers, markers], axis=-1), (numbers * markers).sum(axis=0)[:, None]


def recall(
    length: int, batch: int, rng: np.random.Generator | int, noise: float = 0.2
) -> tuple[Array, Array]:
    """Draw the recall problem: say at the end which sign stood at the start.

    The first step is -1 or 1, all later ones are Gaussian noise; the target, wanted after the
    last step, is the first step. In the spirit of the latching task of Bengio, Simard & Frasconi
    (1994) and of the two-sequence problem of Hochreiter & Schmidhuber (1997).

    Parameters
    ----------
    length : int
        T, at least 1. The lag between cause and target is T - 1.
    batch : int
        B, the number of sequences.
    rng : numpy Generator or int
    noise : float
        Standard deviation of the later steps, above 0.

    Returns
    -------
    x : array (T, B, 1)
    y : array (B, 1)

    Raises
    ------
    TypeError, ValueError
        For a bad `length`, `batch`, `noise` or `rng`.
    """
    T, B = _check.positive_int("length", length), _check.positive_int("batch", batch)
    rng = _check.generator("rng", rng)
    x = rng.normal(0, _check.positive_float("noise", noise), (T, B, 1))
    x[0] = rng.choice([-1.0, 1.0], (B, 1))
    return x, x[0].copy()
