"""The artificial tasks of the 1997 paper, experiments 2 to 6, as the paper defines them.

Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8):1735-1780, 1997. Each
function draws a batch and returns inputs ``x``, (T, B, D), targets ``y`` and the ``lengths`` of the
sequences, (B,). Targets are (B, O), wanted at the last valid step, or (T, B, O), wanted at each.
After its last valid step a sequence is 0. Symbols are one-hot. Experiment 1 is in `grammars`.
"""

import numpy as np

from lstm_tutorial import _check

Array = np.ndarray
Batch = tuple[Array, Array, Array]


def noise_free(p: int, batch: int, rng: np.random.Generator | int) -> Batch:
    """Draw experiment 2a: two sequences that differ in their first and last symbol alone.

    The sequences are (x, a_1, ..., a_{p-1}, x) and (y, a_1, ..., a_{p-1}, y), equally likely; at
    every step the next symbol is wanted. Symbols stand in the order a_1, ..., a_{p-1}, x, y.

    Parameters
    ----------
    p : int
        At least 2. The time lag is p.
    batch : int
        B.
    rng : numpy Generator or int

    Returns
    -------
    x, y : arrays (p, B, p + 1)
    lengths : array (B,)

    Raises
    ------
    TypeError, ValueError
        For a bad `p`, `batch` or `rng`.
    """
    return _next_symbol(p, batch, rng, lambda rng: np.arange(p - 1)[:, None])


def no_regularities(p: int, batch: int, rng: np.random.Generator | int) -> Batch:
    """Draw experiment 2b: as `noise_free`, the symbols between being random ones of a_1 to a_{p-1}.

    Only the last symbol of a sequence can be predicted.

    Parameters
    ----------
    p, batch, rng
        As of `noise_free`; the time lag is p.

    Returns
    -------
    x, y, lengths : arrays (p, B, p + 1), (p, B, p + 1) and (B,)

    Raises
    ------
    TypeError, ValueError
        As `noise_free`.

    See Also
    --------
    noise_free : the same symbols between in every sequence.
    """
    return _next_symbol(p, batch, rng, lambda rng: rng.integers(0, p - 1, (p - 1, batch)))


def long_lag(q: int, p: int, batch: int, rng: np.random.Generator | int) -> Batch:
    """Draw experiment 2c: name, at the end, the second symbol of a long sequence.

    The sequence is b, then x or y, equally likely, then q + k of p distractors, then e. After the
    first q distractors another one follows with probability 9/10, so that k is geometric. Symbols
    stand in the order of the distractors, then e, b, x, y.

    Parameters
    ----------
    q : int
        At least 1. The minimal time lag is q + 1.
    p : int
        The number of distractors.
    batch : int
        B.
    rng : numpy Generator or int

    Returns
    -------
    x : array (T, B, p + 4)
        T is the longest of the batch.
    y : array (B, 2)
        One-hot: x or y.
    lengths : array (B,)
        q + k + 3.

    Raises
    ------
    TypeError, ValueError
        For a bad `q`, `p`, `batch` or `rng`.
    """
    q, p = _check.positive_int("q", q), _check.positive_int("p", p)
    B, rng = _check.positive_int("batch", batch), _check.generator("rng", rng)
    lengths = q + rng.geometric(0.1, B) - 1 + 3
    symbols = rng.integers(0, p, (lengths.max(), B))
    which = rng.integers(0, 2, B)
    symbols[0], symbols[1] = p + 1, p + 2 + which
    symbols[lengths - 1, np.arange(B)] = p
    return _one_hot(symbols, p + 4, lengths), np.eye(2)[which], lengths


def two_sequences(
    length: int, informative: int, batch: int, rng: np.random.Generator | int, kind: str = "a"
) -> Batch:
    """Draw experiment 3: tell two classes apart by their first elements, the rest being noise.

    The first N elements are 1 in class 1 and -1 in class 2, the others Gaussian with variance 0.2.
    The target is 1 for class 1 and 0 for class 2. In kind "b" the noise is also on the first N. In
    kind "c" the targets are 0.2 and 0.8, plus Gaussian noise of variance 0.1.

    Parameters
    ----------
    length : int
        T; sequences have T to T + T/10 elements.
    informative : int
        N, at most T.
    batch : int
        B.
    rng : numpy Generator or int
    kind : str
        "a", "b" or "c".

    Returns
    -------
    x : array (T + T // 10, B, 1)
    y : array (B, 1)
    lengths : array (B,)

    Raises
    ------
    TypeError, ValueError
        For a bad `length`, `informative`, `batch`, `rng` or `kind`.
    """
    N = _check.positive_int("informative", informative)
    if _check.positive_int("length", length) < N:
        raise ValueError(f"informative: expected at most length={length}, got {N}")
    _check.choice("kind", kind, ["a", "b", "c"])
    rng = _check.generator("rng", rng)
    lengths = _lengths(length, batch, rng)
    first = rng.integers(0, 2, batch)  # 1 for class 1
    x = rng.normal(0, np.sqrt(0.2), (length + length // 10, batch, 1))
    signs = (2.0 * first - 1)[:, None]
    x[:N] = x[:N] + signs if kind == "b" else signs
    y = first[:, None].astype(float)
    if kind == "c":
        y = rng.normal(0.8 - 0.6 * y, np.sqrt(0.1))
    return _cut(x, lengths), y, lengths


def adding(length: int, batch: int, rng: np.random.Generator | int) -> Batch:
    """Draw experiment 4: add two marked numbers, both of the first half.

    Each element is a number from U[-1, 1] and a marker: -1 at the first and the last element, 1 at
    two others, else 0. Of these two, one lies among the first ten elements, and then one among the
    first T/2 - 1 that are still unmarked. Where the first element is drawn, its marker is 1 and its
    number is set to 0. The target is 0.5 + (X1 + X2)/4.

    Parameters
    ----------
    length : int
        T, at least 20; sequences have T to T + T/10 elements. The minimal time lag is T/2.
    batch : int
        B.
    rng : numpy Generator or int

    Returns
    -------
    x : array (T + T // 10, B, 2)
    y : array (B, 1)
    lengths : array (B,)

    Raises
    ------
    TypeError, ValueError
        For a bad `length`, `batch` or `rng`.
    """
    x, marked, lengths = _two_marked(length, batch, rng, low=-1.0, neutral=0.0)
    return x, 0.5 + marked.sum(axis=0)[:, None] / 4, lengths


def multiplication(length: int, batch: int, rng: np.random.Generator | int) -> Batch:
    """Draw experiment 5: multiply two marked numbers, both of the first half.

    As `adding`, with numbers from U[0, 1]; that of the first element, where drawn, is set to 1. The
    target is X1 X2.

    Parameters
    ----------
    length, batch, rng
        T, B and the source of randomness, as of `adding`.

    Returns
    -------
    x, y, lengths : arrays (T + T // 10, B, 2), (B, 1) and (B,)

    Raises
    ------
    TypeError, ValueError
        As `adding`.

    See Also
    --------
    adding : the sum of two such numbers.
    """
    x, marked, lengths = _two_marked(length, batch, rng, low=0.0, neutral=1.0)
    return x, marked.prod(axis=0)[:, None], lengths


# Of experiments 6a and 6b: the first and last position, counted from 1, of each X or Y.
WINDOWS = {2: [(10, 20), (50, 60)], 3: [(10, 20), (33, 43), (66, 76)]}


def temporal_order(marks: int, batch: int, rng: np.random.Generator | int) -> Batch:
    """Draw experiment 6a (two marks) or 6b (three): say in which order X and Y came.

    A sequence begins with E, ends with B and has 100 to 110 symbols. All others are a, b, c or d,
    but for an X or a Y, equally likely, at one position of each of the `WINDOWS`. Symbols stand in
    the order a, b, c, d, E, B, X, Y, classes in the order XX, XY, YX, YY, and so on for three.

    Parameters
    ----------
    marks : int
        2 or 3.
    batch : int
        B.
    rng : numpy Generator or int

    Returns
    -------
    x : array (110, B, 8)
    y : array (B, 2 ** marks)
    lengths : array (B,)

    Raises
    ------
    TypeError, ValueError
        For a bad `marks`, `batch` or `rng`.
    """
    if _check.integer("marks", marks) not in WINDOWS:
        raise ValueError(f"marks: expected 2 or 3, got {marks}")
    rng = _check.generator("rng", rng)
    lengths, each = _lengths(100, batch, rng), np.arange(batch)
    symbols, label = rng.integers(0, 4, (110, batch)), np.zeros(batch, int)
    for low, high in WINDOWS[marks]:
        is_y = rng.integers(0, 2, batch)
        symbols[rng.integers(low, high + 1, batch) - 1, each] = 6 + is_y
        label = 2 * label + is_y
    symbols[0], symbols[lengths - 1, each] = 4, 5
    return _one_hot(symbols, 8, lengths), np.eye(2**marks)[label], lengths


def wrong(answers: Array, targets: Array, tolerance: float) -> Array:
    """Say of each sequence whether some output is off by `tolerance` or more.

    Parameters
    ----------
    answers, targets : arrays (B, O)
    tolerance : float

    Returns
    -------
    bool array (B,)

    Raises
    ------
    TypeError, ValueError
        For arrays of different shape or type, or a bad `tolerance`.
    """
    arrays = _check.Arrays()
    arrays.check("answers", answers, "B O")
    arrays.check("targets", targets, "B O")
    off = np.abs(answers - targets) >= _check.positive_float("tolerance", tolerance)
    return off.any(axis=1)


def _next_symbol(p: int, batch: int, rng: np.random.Generator | int, between: object) -> Batch:
    if _check.positive_int("p", p) < 2:
        raise ValueError(f"p: expected at least 2, got {p}")
    B, rng = _check.positive_int("batch", batch), _check.generator("rng", rng)
    symbols = np.empty((p + 1, B), int)
    symbols[0] = symbols[-1] = rng.integers(p - 1, p + 1, B)
    symbols[1:-1] = between(rng)  # type: ignore[operator]
    rows = np.eye(p + 1)[symbols]
    return rows[:-1], rows[1:], np.full(B, p)


def _lengths(length: int, batch: int, rng: np.random.Generator) -> Array:
    T, B = _check.positive_int("length", length), _check.positive_int("batch", batch)
    return rng.integers(T, T + T // 10, B, endpoint=True)


def _two_marked(
    length: int, batch: int, rng: np.random.Generator | int, low: float, neutral: float
) -> Batch:
    """Return inputs, the two marked numbers (2, B) and lengths of experiments 4 and 5."""
    if _check.positive_int("length", length) < 20:
        raise ValueError(f"length: expected at least 20, got {length}")
    rng = _check.generator("rng", rng)
    lengths, each = _lengths(length, batch, rng), np.arange(batch)
    T = length + length // 10
    x = np.stack([rng.uniform(low, 1, (T, batch)), np.zeros((T, batch))], axis=-1)
    first, second = rng.integers(0, 10, batch), rng.integers(0, length // 2 - 1, batch)
    second += second >= first  # the unmarked ones alone were counted
    places = np.stack([first, second])
    x[0, :, 1] = x[lengths - 1, each, 1] = -1
    x[places, each, 1] = 1
    x[0, (places == 0).any(axis=0), 0] = neutral
    return _cut(x, lengths), x[places, each, 0], lengths


def _one_hot(symbols: Array, size: int, lengths: Array) -> Array:
    return _cut(np.eye(size)[symbols], lengths)


def _cut(x: Array, lengths: Array) -> Array:
    """Set to 0 what lies after a sequence's last valid step."""
    return np.where(np.arange(len(x))[:, None, None] < lengths[:, None], x, 0.0)
