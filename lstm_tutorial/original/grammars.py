"""Languages to be predicted symbol by symbol, each with the set of symbols that may come next.

The Reber grammars of 1997 and the counting languages of 2001 stand in one file, for they share how
strings are laid side by side and how predictions are judged.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lstm_tutorial import _check

Array = np.ndarray
Graph = tuple[dict[str, int], ...]

SYMBOLS = "BTPSXVE"

# Reber's grammar as a graph: in each state the symbols that may come, and where each one leads.
#: A string starts in state 0 and ends in state 7, where nothing may come.
REBER: Graph = (
    {"B": 1},
    {"T": 2, "P": 3},
    {"S": 2, "X": 4},
    {"T": 3, "V": 5},
    {"X": 3, "S": 6},
    {"P": 4, "V": 6},
    {"E": 7},
    {},
)


def _embed(inner: Graph) -> Graph:
    """Set the inner grammar between two equal symbols, T or P, and those between B and E."""
    n = len(inner)
    copies = [
        {symbol: to + offset for symbol, to in state.items()} or {outer: 2 + 2 * n}
        for outer, offset in (("T", 2), ("P", 2 + n))
        for state in inner
    ]
    return ({"B": 1}, {"T": 2, "P": 2 + n}, *copies, {"E": 3 + 2 * n}, {})


# The embedded Reber grammar, with one copy of `REBER` for each outer symbol.
EMBEDDED = _embed(REBER)


class Batch(NamedTuple):
    """Strings of several lengths side by side, filled up with zeros.

    Attributes
    ----------
    x : array (T, B, K)
        One-hot symbols; the last symbol of a string is left out, as nothing follows it.
    y : array (T, B, K)
        1 for each symbol that may follow, else 0.
    lengths : int array (B,)
        Steps of each string; T is the largest.
    """

    x: Array
    y: Array
    lengths: Array

    @property
    def mask(self) -> Array:
        """Return a bool array (T, B), True where a string has not ended yet."""
        return np.arange(len(self.x))[:, None] < self.lengths


def reber(rng: np.random.Generator | int) -> str:
    """Draw a string of Reber's grammar; where two symbols may come, each has probability 1/2.

    Parameters
    ----------
    rng : numpy Generator or int

    Returns
    -------
    str
        At least 5 symbols, the first B, the last E.

    Raises
    ------
    TypeError, ValueError
        For a bad `rng`.
    """
    return "".join(_walk(REBER, _check.generator("rng", rng)))


def embedded_reber(rng: np.random.Generator | int) -> str:
    """Draw a string of the embedded Reber grammar: B, T or P, a Reber string, the same again, E.

    The symbol before the last repeats the second one. In the shortest strings, of 9 symbols, it
    is wanted 5 steps after the second symbol was read. After Smith & Zipser (1989) and
    experiment 1 of Hochreiter & Schmidhuber (1997).

    Parameters
    ----------
    rng : numpy Generator or int

    Returns
    -------
    str

    Raises
    ------
    TypeError, ValueError
        For a bad `rng`.
    """
    return "".join(_walk(EMBEDDED, _check.generator("rng", rng)))


def legal(string: str, graph: Graph = EMBEDDED) -> list[str]:
    """List the symbols that may follow each symbol of a string.

    Parameters
    ----------
    string : str
    graph : tuple of dict
        `EMBEDDED` or `REBER`.

    Returns
    -------
    list of str
        One entry for each symbol of `string`; empty after the end of the grammar.

    Raises
    ------
    TypeError, ValueError
        For what is no string, and for a symbol that may not stand where it stands.

    Examples
    --------
    >>> legal("BTXSE", REBER)
    ['TP', 'SX', 'XS', 'E', '']
    """
    _check.text("string", string)
    state, found = 0, []
    for k, symbol in enumerate(string):
        if symbol not in graph[state]:
            wanted = f"one of {''.join(graph[state])}" if graph[state] else "the end"
            raise ValueError(
                f"string: expected {wanted} at index {k}, got {symbol!r} in {string!r}"
            )
        state = graph[state][symbol]
        found.append("".join(graph[state]))
    return found


def reber_sets(rng: np.random.Generator | int, size: int = 256) -> tuple[list[str], list[str]]:
    """Draw embedded Reber strings for training and for testing, by the rule of 1997.

    Both sets are drawn at random and may hold a string more than once; what is in the training
    set is not taken into the test set. Short strings are therefore rare among the test strings,
    as most training sets hold them all. Experiment 1 of Hochreiter & Schmidhuber (1997) has 256
    strings in either set.

    Parameters
    ----------
    rng : numpy Generator or int
    size : int
        Strings in each set.

    Returns
    -------
    train, test : lists of str

    Raises
    ------
    TypeError, ValueError
        For a bad `rng` or `size`.
    """
    rng, size = _check.generator("rng", rng), _check.positive_int("size", size)
    train = [embedded_reber(rng) for _ in range(size)]
    known, test = set(train), list[str]()
    while len(test) < size:
        string = embedded_reber(rng)
        if string not in known:
            test.append(string)
    return train, test


def reber_batch(strings: Sequence[str]) -> Batch:
    """Lay embedded Reber strings side by side, with the symbols that may follow as targets.

    Parameters
    ----------
    strings : sequence of str

    Returns
    -------
    Batch
        K is 7, in the order of `SYMBOLS`.

    Raises
    ------
    TypeError, ValueError
        For no string, or one that the embedded grammar does not make.
    """
    if isinstance(strings, str | bytes) or not isinstance(strings, Sequence):
        raise TypeError(f"strings: expected a list of strings, got {type(strings).__name__}")
    for k, string in enumerate(strings):
        _check.text(f"strings[{k}]", string)
    follow = [legal(string) for string in strings]
    for string, after in zip(strings, follow, strict=True):
        if not after or after[-1]:
            raise ValueError(f"strings: expected whole strings, got {string!r}, which has no end")
    return _pack([s[:-1] for s in strings], [after[:-1] for after in follow], SYMBOLS)


def continual_reber(length: int, batch: int, rng: np.random.Generator | int) -> tuple[Array, Array]:
    """Draw streams of embedded Reber strings, one after the other, with no sign of a reset.

    Every stream starts at the start of a string; after E comes the B of the next one. After
    Gers, Schmidhuber & Cummins (2000).

    Parameters
    ----------
    length : int
        T, the steps to be predicted.
    batch : int
        B, the number of streams.
    rng : numpy Generator or int

    Returns
    -------
    x : array (T, B, 7)
        One-hot symbols, in the order of `SYMBOLS`.
    y : array (T, B, 7)
        1 for each symbol that may follow, else 0.

    Raises
    ------
    TypeError, ValueError
        For a bad `length`, `batch` or `rng`.
    """
    T, B = _check.positive_int("length", length), _check.positive_int("batch", batch)
    chance = _check.generator("rng", rng).random((T, B))
    arrows, letters, to, allowed = _tables()
    state, read, after = np.zeros(B, int), np.empty((T, B), int), np.empty((T, B), int)
    for t in range(T):
        arrow = (chance[t] * arrows[state]).astype(int)
        read[t], after[t] = letters[state, arrow], to[state, arrow]
        state = after[t]
    return np.eye(len(SYMBOLS))[read], allowed[after]


def _tables() -> tuple[Array, Array, Array, Array]:
    """Return the embedded grammar as arrays by state: arrows, letters, where to, what may come.

    The end of a string is the start of the next one.
    """
    S = len(EMBEDDED) - 1
    letters, to, allowed = np.zeros((S, 2), int), np.zeros((S, 2), int), np.zeros((S, len(SYMBOLS)))
    for state, leads in enumerate(EMBEDDED[:S]):
        for arrow, (symbol, target) in enumerate(leads.items()):
            letters[state, arrow], to[state, arrow] = SYMBOLS.index(symbol), target % S
            allowed[state, SYMBOLS.index(symbol)] = 1
    return allowed.sum(axis=1), letters, to, allowed


def outer(y: Array) -> Array:
    """Return where the outer symbol is wanted: the one step that needs a long memory.

    Only there may T alone follow, or P alone.

    Parameters
    ----------
    y : array (..., 7)
        Targets of `reber_batch` or `continual_reber`.

    Returns
    -------
    bool array (...)

    Raises
    ------
    TypeError, ValueError
        For what is no array with a last axis of 7.
    """
    _check.instance("y", y, np.ndarray, "a NumPy array")
    if y.ndim == 0 or y.shape[-1] != len(SYMBOLS):
        raise ValueError(f"y: expected shape (..., {len(SYMBOLS)}), got {y.shape}")
    t_or_p = [SYMBOLS.index(symbol) for symbol in "TP"]
    return (y.sum(axis=-1) == 1) & (y[..., t_or_p].sum(axis=-1) == 1)


def counted(n: int, letters: str = "ab") -> str:
    """Write each letter n times, between a start symbol S and an end symbol T.

    Parameters
    ----------
    n : int
        At least 1.
    letters : str
        "ab" for the language a^n b^n, "abc" for a^n b^n c^n.

    Returns
    -------
    str

    Raises
    ------
    TypeError, ValueError
        For a bad `n` or `letters`.

    Examples
    --------
    >>> counted(3)
    'SaaabbbT'
    """
    n, letters = _check.positive_int("n", n), _check.choice("letters", letters, ("ab", "abc"))
    return "S" + "".join(letter * n for letter in letters) + "T"


def counting(ns: Iterable[int], letters: str = "ab") -> Batch:
    """Lay strings of a^n b^n or a^n b^n c^n side by side, with what may follow as targets.

    After S comes a. After each a may come one more or the first b; from there on everything is
    laid down by n, until T. After Gers & Schmidhuber (2001).

    Parameters
    ----------
    ns : iterable of int
        An n for each string, each at least 1.
    letters : str
        "ab" or "abc".

    Returns
    -------
    Batch
        K is 4 or 5: S, the letters, T.

    Raises
    ------
    TypeError, ValueError
        For a bad n, none at all, or bad `letters`.
    """
    if isinstance(ns, str | bytes) or not isinstance(ns, Iterable):
        raise TypeError(f"ns: expected integers, got {type(ns).__name__}")
    ns = [_check.positive_int(f"ns[{k}]", n) for k, n in enumerate(ns)]
    strings = [counted(n, letters) for n in ns]
    follow = [["ab" if one == "a" else two for one, two in pairwise(s)] for s in strings]
    return _pack([s[:-1] for s in strings], follow, "S" + letters + "T")


def one_hot(string: str, symbols: str = SYMBOLS) -> Array:
    """Write a string as rows with a single 1.

    Parameters
    ----------
    string : str
    symbols : str
        The K symbols, in the order of the columns.

    Returns
    -------
    array (T, K)

    Raises
    ------
    TypeError, ValueError
        For what is no string, and for a symbol that is not in `symbols`.
    """
    _check.text("string", string)
    _check.text("symbols", symbols)
    for symbol in string:
        if symbol not in symbols:
            raise ValueError(f"string: expected symbols of {symbols!r}, got {symbol!r}")
    return np.eye(len(symbols))[[symbols.index(symbol) for symbol in string]]


def ranked(scores: Array, y: Array) -> Array:
    """Return where the k legal symbols have the k highest scores, the criterion of 1997.

    Parameters
    ----------
    scores : array (..., K)
        Outputs of a network, in any increasing scale.
    y : array (..., K)
        1 for each symbol that may follow, else 0.

    Returns
    -------
    bool array (...)
        True also where `y` has no 1 or no 0, as past the end of a string.

    Raises
    ------
    TypeError, ValueError
        For what is no array, and if the shapes differ.
    """
    _same_shape(scores, y)
    lowest = np.where(y > 0, scores, np.inf).min(axis=-1)
    return lowest > np.where(y > 0, -np.inf, scores).max(axis=-1)


def exact(scores: Array, y: Array) -> Array:
    """Return where the scores above 0 are the legal symbols, neither more nor fewer.

    With scores before a logistic output this says that each output is on its side of 1/2.

    Parameters
    ----------
    scores, y : arrays (..., K)

    Returns
    -------
    bool array (...)

    Raises
    ------
    TypeError, ValueError
        For what is no array, and if the shapes differ.
    """
    _same_shape(scores, y)
    return ((scores > 0) == (y > 0)).all(axis=-1)


def _walk(graph: Graph, rng: np.random.Generator) -> Iterable[str]:
    state = 0
    while graph[state]:
        symbol = list(graph[state])[rng.integers(len(graph[state]))]
        state = graph[state][symbol]
        yield symbol


def _pack(strings: Sequence[str], follow: Sequence[Sequence[str]], symbols: str) -> Batch:
    if not strings:
        raise ValueError("strings: expected at least one, got none")
    lengths = np.array([len(string) for string in strings])
    x = np.zeros((lengths.max(), len(strings), len(symbols)))
    y = np.zeros_like(x)
    for k, (string, after) in enumerate(zip(strings, follow, strict=True)):
        x[: len(string), k] = one_hot(string, symbols)
        for t, allowed in enumerate(after):
            y[t, k, [symbols.index(symbol) for symbol in allowed]] = 1
    return Batch(x, y, lengths)


def _same_shape(scores: Array, y: Array) -> None:
    for name, value in (("scores", scores), ("y", y)):
        _check.instance(name, value, np.ndarray, "a NumPy array")
    if scores.shape != y.shape:
        raise ValueError(f"scores: expected the shape of y, {y.shape}, got {scores.shape}")
