"""An n-gram model of characters, interpolated Kneser-Ney: what counting alone can do.

How often a character followed the last few is counted, and where that was seldom, the counts of
shorter contexts fill in. The smoothing is that of Chen & Goodman (1999, section 3): three
discounts, and lower orders that count in how many different contexts a character came.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial import _check

Array = np.ndarray
DISCOUNTS = (0.0, 0.5, 1.0, 1.5)  # by count, where too little was seen to estimate them


class _Order(NamedTuple):
    """The counts of one order; k-grams and contexts are numbers in base V, sorted."""

    grams: Array
    counts: Array  # of each k-gram, discounted
    contexts: Array
    totals: Array  # of each context, before discounting
    left: Array  # what the discounts took from each context, to be given by the order below


class KneserNey:
    """A model of characters by counts of k-grams, modified interpolated Kneser-Ney.

    Parameters
    ----------
    alphabet : str
        The V characters that it knows, each once, at least two.
    order : int
        The longest k-grams that are counted: a character and the order - 1 before it. At least 1,
        and V to the power of it at most 2**62.

    Raises
    ------
    TypeError, ValueError
        For an alphabet that is no string, too short or repeats a character, and a bad order.

    Examples
    --------
    >>> model = KneserNey("abn", order=3).fit("banananab")
    >>> model.probabilities("na").round(2)
    array([0.08, 0.33, 0.58])
    """

    def __init__(self, alphabet: str, order: int) -> None:
        if not isinstance(alphabet, str):
            raise TypeError(f"alphabet: expected a string, got {type(alphabet).__name__}")
        if len(alphabet) < 2 or len(set(alphabet)) < len(alphabet):
            raise ValueError(
                f"alphabet: expected at least 2 characters, each once, got {alphabet!r}"
            )
        self.alphabet, self.order = alphabet, _check.positive_int("order", order)
        if len(alphabet) ** order > 2**62:
            raise ValueError(
                f"order: expected V**order to be at most 2**62, got {order} for V={len(alphabet)}"
            )
        self._place = {character: k for k, character in enumerate(alphabet)}
        self._orders: list[_Order] = []

    def fit(self, text: str) -> "KneserNey":
        """Count a text, in place of what was counted before.

        Parameters
        ----------
        text : str
            At least `order` characters.

        Returns
        -------
        KneserNey
            The model itself.

        Raises
        ------
        TypeError, ValueError
            For a text too short or with a character that is not in the alphabet.
        """
        ids = self._encode("text", text)
        if len(ids) < self.order:
            raise ValueError(
                f"text: expected at least order={self.order} characters, got {len(ids)}"
            )
        V = len(self.alphabet)
        grams, counts = np.unique(self._numbers(ids, self.order), return_counts=True)
        orders = [_discounted(grams, counts, V)]
        for k in range(self.order - 1, 0, -1):
            # Each different gram is one context to the left of the shorter one that ends it.
            grams, counts = np.unique(grams % V**k, return_counts=True)
            orders.append(_discounted(grams, counts, V))
        self._orders = orders[::-1]
        return self

    def probabilities(self, context: str) -> Array:
        """Return the probability of every character to come next.

        Parameters
        ----------
        context : str
            What came before, of any length; the last order - 1 characters count.

        Returns
        -------
        array (V,)
            In the order of the alphabet; above 0, with sum 1.

        Raises
        ------
        TypeError, ValueError
            For a character that is not in the alphabet, and before `fit`.
        """
        ids = self._encode("context", context)
        ids = ids[max(0, len(ids) - self.order + 1) :]
        following = np.arange(len(self.alphabet))
        texts = np.concatenate([np.tile(ids, (len(following), 1)), following[:, None]], axis=1)
        weights = len(self.alphabet) ** np.arange(len(ids), -1, -1)
        return self._chain([texts[:, -k:] @ weights[-k:] for k in range(1, len(ids) + 2)])

    def bits(self, text: str) -> Array:
        """Return how many bits each character of a text costs, given those before it.

        Parameters
        ----------
        text : str
            At least two characters. The first costs nothing: it is where the model begins.

        Returns
        -------
        array (T - 1,)
            The negative logarithm to base 2 of the probability of each character but the first.

        Raises
        ------
        TypeError, ValueError
            For a text too short or with a character that is not in the alphabet, and before
            `fit`.
        """
        ids = self._encode("text", text)
        if len(ids) < 2:
            raise ValueError(f"text: expected at least 2 characters, got {len(ids)}")
        longest = min(self.order, len(ids))
        return -np.log2(self._chain([self._numbers(ids, k) for k in range(1, longest + 1)]))[1:]

    def _chain(self, grams: Sequence[Array]) -> Array:
        """Return the probability of the last character of k-grams, by order from 1.

        The arrays end at the same characters; where a text begins, longer k-grams are missing.
        """
        if not self._orders:
            raise ValueError(
                "model: expected one that has counted a text, got none; call fit first"
            )
        V = len(self.alphabet)
        p = np.full(len(grams[0]), 1 / V)
        for order, numbers in zip(self._orders, grams, strict=False):
            context = _find(order.contexts, numbers // V)
            gram = _find(order.grams, numbers)
            known, tail = context >= 0, p[-len(numbers) :]
            count = np.where(gram >= 0, order.counts[gram], 0.0)[known]
            below = order.left[context[known]] * tail[known]
            tail[known] = (count + below) / order.totals[context[known]]
        return p

    def _numbers(self, ids: Array, k: int) -> Array:
        """Return all k-grams of a text as numbers in base V."""
        numbers = np.zeros(len(ids) - k + 1, dtype=np.int64)
        for start in range(k):
            numbers = numbers * len(self.alphabet) + ids[start : start + len(numbers)]
        return numbers

    def _encode(self, name: str, text: Any) -> Array:
        return np.array(_check.codes(name, text, self._place), dtype=np.int64)


def _discounted(grams: Array, counts: Array, V: int) -> _Order:
    """Take a little from every count, and keep account of it by context."""
    take = _discounts(counts)[np.minimum(counts, 3)]
    contexts, starts = np.unique(grams // V, return_index=True)
    totals, left = (np.add.reduceat(values, starts) for values in (counts.astype(float), take))
    return _Order(grams, counts - take, contexts, totals, left)


def _discounts(counts: Array) -> Array:
    """Return what to take from a count of 0, of 1, of 2, and of 3 or more.

    Chen & Goodman (1999), equation 17: from how many k-grams were seen once, twice, and so on.
    """
    n = np.bincount(np.minimum(counts, 5), minlength=5)[:5].astype(float)
    if (n[1:] == 0).any():
        return np.array(DISCOUNTS)
    y = n[1] / (n[1] + 2 * n[2])
    found = [0.0, *(k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3))]
    # The estimates of a small text can lie outside of what there is to take.
    return np.clip(found, 0.0, [0.0, 1.0, 2.0, 3.0])


def _find(known: Array, wanted: Array) -> Array:
    """Return the places of numbers in a sorted array; -1 where they are not in it."""
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[places] == wanted, places, -1)
