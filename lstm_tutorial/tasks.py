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
    T, B = _two_halves(length), _check.positive_int("batch", batch)
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


def order(length: int, batch: int, rng: np.random.Generator | int) -> tuple[Array, Array]:
    """Draw the temporal order problem in the small: say in which order two symbols came.

    Each step shows one of six symbols, one-hot. One symbol of the first half and one of the
    second is X or Y, the last two of the six; all others are distractors, one of the first four.
    The target, wanted after the last step, is one-hot: XX, XY, YX or YY. Whoever always answers
    1/4 has a mean squared error of 3/16. After experiment 6a of Hochreiter & Schmidhuber (1997),
    whose sequences are longer, of varying length, and framed by a start and an end symbol.

    Parameters
    ----------
    length : int
        T, at least 2.
    batch : int
        B, the number of sequences.
    rng : numpy Generator or int

    Returns
    -------
    x : array (T, B, 6)
    y : array (B, 4)

    Raises
    ------
    TypeError, ValueError
        For a bad `length`, `batch` or `rng`.
    """
    T, B = _two_halves(length), _check.positive_int("batch", batch)
    rng = _check.generator("rng", rng)
    symbols, both = rng.integers(0, 4, (T, B)), np.arange(B)
    first, second = rng.integers(0, 2, B), rng.integers(0, 2, B)
    symbols[rng.integers(0, T // 2, B), both] = 4 + first
    symbols[rng.integers(T // 2, T, B), both] = 4 + second
    return np.eye(6)[symbols], np.eye(4)[2 * first + second]


def latest(
    length: int, batch: int, rng: np.random.Generator | int, rate: float = 0.1
) -> tuple[Array, Array]:
    """Draw a stream that overwrites the store again and again: name the latest marked number.

    Each step brings a number from U[-1, 1] and a marker that is 1 with probability `rate`, else 0.
    The target, wanted at every step, is the number of the latest marked step, this one included,
    and 0 before the first.

    Parameters
    ----------
    length : int
        T, at least 1.
    batch : int
        B, the number of streams.
    rng : numpy Generator or int
    rate : float
        Above 0, at most 1.

    Returns
    -------
    x : array (T, B, 2)
        Numbers and markers.
    y : array (T, B, 1)

    Raises
    ------
    TypeError, ValueError
        For a bad `length`, `batch`, `rate` or `rng`.
    """
    rng = _check.generator("rng", rng)
    marked, when = _marks(length, batch, rng, rate)
    numbers = rng.uniform(-1, 1, marked.shape)
    held = np.take_along_axis(numbers, when.clip(0), axis=0)
    return np.stack([numbers, marked], axis=-1), np.where(when < 0, 0.0, held)[..., None]


def elapsed(
    length: int, batch: int, rng: np.random.Generator | int, rate: float = 0.1
) -> tuple[Array, Array]:
    """Draw a stopwatch that is reset again and again: count the steps since the last mark.

    Each step is 1, a mark, with probability `rate`, else 0. The target, wanted at every step, is
    the number of steps since the latest mark, 0 at the mark itself. Before the first mark it
    counts from 1 at the first step, as if a mark had stood just before it.

    Parameters
    ----------
    length : int
        T, at least 1.
    batch : int
        B, the number of streams.
    rng : numpy Generator or int
    rate : float
        Above 0, at most 1.

    Returns
    -------
    x, y : arrays (T, B, 1)

    Raises
    ------
    TypeError, ValueError
        For a bad `length`, `batch`, `rate` or `rng`.
    """
    marked, when = _marks(length, batch, _check.generator("rng", rng), rate)
    steps = np.arange(len(marked))[:, None] - when
    return marked[..., None], steps[..., None].astype(float)


def count(length: int, batch: int, rng: np.random.Generator | int) -> tuple[Array, Array]:
    """Draw the problem of counting up and down: say where a walk stands.

    Each step is -1, 0 or 1, all equally likely. The target, wanted at every step, is the sum of
    the steps up to this one.

    Parameters
    ----------
    length : int
        T, at least 1.
    batch : int
        B, the number of walks.
    rng : numpy Generator or int

    Returns
    -------
    x, y : arrays (T, B, 1)

    Raises
    ------
    TypeError, ValueError
        For a bad `length`, `batch` or `rng`.
    """
    T, B = _check.positive_int("length", length), _check.positive_int("batch", batch)
    rng = _check.generator("rng", rng)
    x = rng.integers(-1, 2, (T, B, 1)).astype(float)
    return x, x.cumsum(axis=0)


def parity(length: int, batch: int, rng: np.random.Generator | int) -> tuple[Array, Array]:
    """Draw the parity problem: say whether the number of ones so far is odd.

    Each step is 0 or 1, equally likely. The target, wanted at every step, is 1 if an odd number of
    ones came up to this one, else 0. Whoever misses a single step is right half of the time.

    Parameters
    ----------
    length : int
        T, at least 1.
    batch : int
        B, the number of sequences.
    rng : numpy Generator or int

    Returns
    -------
    x, y : arrays (T, B, 1)

    Raises
    ------
    TypeError, ValueError
        For a bad `length`, `batch` or `rng`.
    """
    T, B = _check.positive_int("length", length), _check.positive_int("batch", batch)
    x = _check.generator("rng", rng).integers(0, 2, (T, B, 1))
    return x.astype(float), (x.cumsum(axis=0) % 2).astype(float)


def copying(
    length: int, batch: int, rng: np.random.Generator | int, items: int = 10, symbols: int = 8
) -> tuple[Array, Array]:
    """Draw the copying problem: repeat a row of symbols after a long pause.

    First come the items, each one of the symbols; then blanks, until the last `items` steps. The
    first of these shows a sign to begin, the others blanks, and the items are wanted there, in
    their order; at all steps before, a blank is wanted. From an item to its target lie
    ``length - items`` steps. Who gives the blanks right and guesses the items has a mean
    cross-entropy of ``items * ln(symbols) / length``. After Hochreiter & Schmidhuber (1997),
    in the form of Arjovsky, Shah & Bengio (2016): 10 items of 8 symbols, and a `length` that is
    theirs plus 20.

    Parameters
    ----------
    length : int
        T, at least twice `items`.
    batch : int
        B, the number of sequences.
    rng : numpy Generator or int
    items, symbols : int
        M and K, at least 1.

    Returns
    -------
    x : array (T, B, K + 2)
        One-hot: the symbols, the blank, the sign to begin.
    y : array (T, B, K + 1)
        One-hot: the symbols, the blank.

    Raises
    ------
    TypeError, ValueError
        For a bad argument.
    """
    T, B, M, K = _row(length, batch, items, symbols)
    rows = _check.generator("rng", rng).integers(0, K, (M, B))
    shown, wanted = np.full((2, T, B), K)
    shown[:M], shown[T - M], wanted[T - M :] = rows, K + 1, rows
    return np.eye(K + 2)[shown], np.eye(K + 1)[wanted]


def selective_copying(
    length: int, batch: int, rng: np.random.Generator | int, items: int = 10, symbols: int = 8
) -> tuple[Array, Array]:
    """Draw the problem of copying selectively: repeat symbols that came in between blanks.

    As `copying`, but the items stand at random steps among the first ``length - items``, blanks
    between them, and all of the last `items` steps show the sign to begin. Every choice of steps
    is equally likely, so that counting the steps does not help: what is kept must depend on what
    is read. From an item to its target lie at least `items` steps. After Jing et al. (2019) and
    Gu & Dao (2023), who have 16 items of 16 tokens in 4,096 steps.

    Parameters
    ----------
    length, batch, rng, items, symbols
        As of `copying`.

    Returns
    -------
    x, y : arrays (T, B, K + 2) and (T, B, K + 1)
        One-hot, as from `copying`.

    Raises
    ------
    TypeError, ValueError
        As `copying`.

    See Also
    --------
    copying : the items come first, and one sign asks for them.
    """
    T, B, M, K = _row(length, batch, items, symbols)
    rng = _check.generator("rng", rng)
    rows = rng.integers(0, K, (M, B))
    shown, wanted = np.full((2, T, B), K)
    steps = np.sort(rng.random((T - M, B)).argsort(axis=0)[:M], axis=0)
    np.put_along_axis(shown, steps, rows, axis=0)
    shown[T - M :], wanted[T - M :] = K + 1, rows
    return np.eye(K + 2)[shown], np.eye(K + 1)[wanted]


def _two_halves(length: int) -> int:
    if _check.positive_int("length", length) < 2:
        raise ValueError(f"length: expected at least 2, one step for each marker, got {length}")
    return length


def _marks(length: int, batch: int, rng: np.random.Generator, rate: float) -> tuple[Array, Array]:
    """Mark steps at random; also return when the latest mark was, -1 where there was none."""
    T, B = _check.positive_int("length", length), _check.positive_int("batch", batch)
    if _check.positive_float("rate", rate) > 1:
        raise ValueError(f"rate: expected at most 1, a probability, got {rate}")
    marked = rng.random((T, B)) < rate
    when = np.maximum.accumulate(np.where(marked, np.arange(T)[:, None], -1), axis=0)
    return marked.astype(float), when


def _row(length: int, batch: int, items: int, symbols: int) -> tuple[int, int, int, int]:
    T, B = _check.positive_int("length", length), _check.positive_int("batch", batch)
    M, K = _check.positive_int("items", items), _check.positive_int("symbols", symbols)
    if T < 2 * M:
        raise ValueError(f"length: expected at least {2 * M}, twice the items, got {T}")
    return T, B, M, K
