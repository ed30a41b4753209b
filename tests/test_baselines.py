"""KneserNey: the formulas by hand and in a slow copy; probabilities that sum to 1."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tutorial import baselines
from lstm_tutorial.baselines import KneserNey

ALPHABET = "\n abcd"
TEXT = "a bad cab\ndad a cad bad a dab cab bac\nad cda dd " * 3
texts = st.text(ALPHABET, min_size=6, max_size=80)


class Slow:
    """The same model with dictionaries, an order and a character at a time."""

    def __init__(self, text, order):
        def grams(k):
            return [text[i : i + k] for i in range(len(text) - k + 1)]

        self.counts = {order: Counter(grams(order))}
        for k in range(order - 1, 0, -1):
            self.counts[k] = Counter(gram[1:] for gram in self.counts[k + 1])

    def discount(self, k, count):
        n = Counter(self.counts[k].values())
        if not (n[1] and n[2] and n[3] and n[4]):
            return 0.5 * min(count, 3)
        c = min(count, 3)
        y = n[1] / (n[1] + 2 * n[2])
        return min(max(c - (c + 1) * y * n[c + 1] / n[c], 0), c)

    def probability(self, context, character, k):
        if k == 0:
            return 1 / len(ALPHABET)
        history = context[len(context) - k + 1 :]
        counts = {g[-1]: c for g, c in self.counts[k].items() if g[:-1] == history}
        below = self.probability(context, character, k - 1)
        if not counts:
            return below
        taken = sum(self.discount(k, c) for c in counts.values())
        count = counts.get(character, 0)
        mine = count - self.discount(k, count) if count else 0
        return (mine + taken * below) / sum(counts.values())


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("context", ["a bad", "", "a", "dddddd", "cab\nd"])
def test_probabilities_are_those_of_the_slow_copy(order, context):
    slow, fast = Slow(TEXT, order), KneserNey(ALPHABET, order).fit(TEXT)
    k = min(order, len(context) + 1)
    wanted = [slow.probability(context, character, k) for character in ALPHABET]
    np.testing.assert_allclose(fast.probabilities(context), wanted, rtol=1e-13)


def test_two_orders_on_paper():
    # Bigrams ab (2), ba (1), bb (1). Each follows so many different characters: a 1, b 2.
    model = KneserNey("ab", 2).fit("abbab")
    # Too few counts to estimate discounts: 0.5 is taken from a count of 1, 1 from one of 2.
    lower = [(1 - 0.5 + 1.5 / 2) / 3, (2 - 1 + 1.5 / 2) / 3]
    np.testing.assert_allclose(model.probabilities(""), lower, rtol=1e-15)
    after_a = [1 * lower[0] / 2, (2 - 1 + 1 * lower[1]) / 2]
    np.testing.assert_allclose(model.probabilities("a"), after_a, rtol=1e-15)


def test_discounts_are_those_of_chen_and_goodman():
    counts = np.repeat([1, 2, 3, 4, 9], [10, 6, 4, 3, 2])
    y = 10 / 22
    wanted = [0, 1 - 2 * y * 6 / 10, 2 - 3 * y * 4 / 6, 3 - 4 * y * 3 / 4]
    np.testing.assert_allclose(baselines._discounts(counts), wanted, rtol=1e-15)
    assert baselines._discounts(np.repeat([1, 2, 3], 5)).tolist() == [0, 0.5, 1, 1.5]
    assert baselines._discounts(np.repeat([1, 2, 3, 4], [9, 1, 50, 1]))[2] == 0  # not below


@settings(deadline=None, max_examples=100)
@given(texts, st.integers(1, 6), st.text(ALPHABET, max_size=8))
def test_probabilities_sum_to_one_and_none_is_zero(text, order, context):
    p = KneserNey(ALPHABET, order).fit(text).probabilities(context)
    assert p.shape == (len(ALPHABET),) and abs(p.sum() - 1) < 1e-12 and (p > 0).all()


@settings(deadline=None, max_examples=50)
@given(texts, st.integers(1, 6), st.text(ALPHABET, min_size=2, max_size=12))
def test_bits_are_the_logarithms_of_the_probabilities(text, order, new):
    model = KneserNey(ALPHABET, order).fit(text)
    p = [model.probabilities(new[:k])[ALPHABET.index(new[k])] for k in range(1, len(new))]
    np.testing.assert_allclose(model.bits(new), -np.log2(p), rtol=1e-12)


def test_an_unseen_context_falls_back_to_the_part_of_it_that_was_seen():
    model = KneserNey(ALPHABET, 4).fit(TEXT)
    assert "bdad" not in TEXT and "dad" in TEXT
    assert np.array_equal(model.probabilities("cab\nbad"), model.probabilities("bad"))
    assert np.array_equal(model.probabilities("cdcb"), model.probabilities("cb"))
    assert np.array_equal(model.probabilities("cb"), model.probabilities("b"))


def test_longer_contexts_help_on_text_like_the_one_counted():
    new = "a cab\nbad dab cad a bad "
    bits = [KneserNey(ALPHABET, order).fit(TEXT).bits(new).mean() for order in (1, 2, 4)]
    assert bits[0] > bits[1] + 0.3 and bits[1] > bits[2] + 0.2
    assert bits[0] < math.log2(len(ALPHABET))


def test_another_fit_takes_the_place_of_the_first():
    again = KneserNey(ALPHABET, 3).fit("dddddddd").fit(TEXT)
    once = KneserNey(ALPHABET, 3).fit(TEXT)
    assert np.array_equal(again.probabilities("ba"), once.probabilities("ba"))


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: KneserNey(["a", "b"], 2), TypeError, "alphabet: expected a string, got list"),
        (lambda: KneserNey("a", 2), ValueError, "alphabet: expected at least 2 characters, each once, got 'a'"),
        (lambda: KneserNey("aba", 2), ValueError, "alphabet: .* got 'aba'"),
        (lambda: KneserNey("ab", 0), ValueError, "order: expected at least 1, got 0"),
        (lambda: KneserNey("ab", 2.0), TypeError, "order: expected an integer, got float"),
        (lambda: KneserNey("ab", 63), ValueError, r"order: expected V\*\*order to be at most 2\*\*62, got 63 for V=2"),
        (lambda: KneserNey("ab", 3).fit("ab"), ValueError, "text: expected at least order=3 characters, got 2"),
        (lambda: KneserNey("ab", 2).fit("abxa"), ValueError, "text: expected characters of the alphabet 'ab', got 'x' at position 2"),
        (lambda: KneserNey("ab", 2).fit(b"abba"), TypeError, "text: expected a string, got bytes"),
        (lambda: KneserNey("ab", 2).bits("ab"), ValueError, "model: .* call fit first"),
        (lambda: KneserNey("ab", 2).probabilities("a"), ValueError, "model: .* call fit first"),
        (lambda: KneserNey("ab", 2).fit("abba").bits("a"), ValueError, "text: expected at least 2 characters, got 1"),
        (lambda: KneserNey("ab", 2).fit("abba").probabilities("ac"), ValueError, "context: .* got 'c' at position 1"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
