"""Every string is one of its grammar, and every target the set of what may follow."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tutorial.original import grammars


def inner_is_legal(string):
    """Accept a Reber string by walking the edges of the published picture, one by one."""
    edges = {
        ("0", "B"): "1", ("1", "T"): "2", ("1", "P"): "3", ("2", "S"): "2", ("2", "X"): "4",
        ("3", "T"): "3", ("3", "V"): "5", ("4", "X"): "3", ("4", "S"): "6", ("5", "P"): "4",
        ("5", "V"): "6", ("6", "E"): "end",
    }  # fmt: skip
    state = "0"
    for symbol in string:
        state = edges.get((state, symbol), "nowhere")
    return state == "end"


@pytest.mark.parametrize("string", ["BTXSE", "BPVVE", "BTSSXXTVVE", "BPTVPXTTVPSE", "BTXXVPXVPSE"])
def test_known_strings_are_legal(string):
    assert inner_is_legal(string) and grammars.legal(string, grammars.REBER)[-1] == ""
    for outer in "TP":
        assert grammars.legal(f"B{outer}{string}{outer}E")[-1] == ""


@pytest.mark.parametrize(
    "string, where", [("BTXSET", 5), ("TXSE", 0), ("BTVVE", 2), ("BPVVS", 4), ("BTXTVVE", 3)]
)
def test_strings_of_another_language_are_refused(string, where):
    assert not inner_is_legal(string)
    with pytest.raises(ValueError, match=f"at index {where}, got '{string[where]}'"):
        grammars.legal(string, grammars.REBER)


@given(st.integers(0, 2**32))
def test_strings_are_those_of_the_grammar(seed):
    assert inner_is_legal(grammars.reber(seed))
    string = grammars.embedded_reber(seed)
    assert string[0] == "B" and string[-1] == "E" and string[1] == string[-2] and string[1] in "TP"
    assert inner_is_legal(string[2:-2])


def test_edges_are_taken_evenly_and_the_shortest_string_has_nine_symbols():
    rng = np.random.default_rng(0)
    strings = [grammars.embedded_reber(rng) for _ in range(20_000)]
    lengths = np.array([len(s) for s in strings])
    assert lengths.min() == 9
    # BTXSE has probability 1/2 1/2 1/2, BPVVE 1/2 1/2 1/2: a quarter of all inner strings
    near = 4 * np.sqrt(3 / 16 / 20_000)
    assert np.mean(lengths == 9) == pytest.approx(1 / 4, abs=near)
    counts = Counter(s for s in strings if len(s) == 9)
    assert sorted(counts) == sorted(f"B{o}{s}{o}E" for o in "TP" for s in ("BTXSE", "BPVVE"))
    for count in counts.values():
        assert count / 20_000 == pytest.approx(1 / 16, abs=4 * np.sqrt(15 / 256 / 20_000))
    # Expected length by the graph: 4 outer symbols and the steps from each inner state to the end.
    assert lengths.mean() == pytest.approx(4 + steps_to_the_end(), rel=0.02)


def steps_to_the_end():
    """Solve n = 1 + mean of n over the successors, for the inner grammar of the picture."""
    leads = [[1], [2, 3], [2, 4], [3, 5], [3, 6], [4, 6], [7]]
    A = np.eye(8)
    for state, to in enumerate(leads):
        for successor in to:
            A[state, successor] -= 1 / len(to)
    return np.linalg.solve(A, [1] * 7 + [0])[0]


def test_the_sets_of_1997_share_no_string():
    train, test = grammars.reber_sets(0)
    assert len(train) == len(test) == 256 and not set(train) & set(test)
    assert len(set(train)) < 256  # drawn as they come, short ones again and again
    assert np.mean([len(s) for s in test]) > np.mean([len(s) for s in train])
    assert grammars.reber_sets(0) == (train, test) != grammars.reber_sets(1)


@given(st.integers(1, 12), st.integers(0, 2**32))
def test_a_batch_holds_symbols_and_what_may_follow(size, seed):
    rng = np.random.default_rng(seed)
    strings = [grammars.embedded_reber(rng) for _ in range(size)]
    batch = grammars.reber_batch(strings)
    T = max(map(len, strings)) - 1
    assert batch.x.shape == batch.y.shape == (T, size, 7)
    assert list(batch.lengths) == [len(s) - 1 for s in strings]
    assert np.array_equal(batch.x.sum(axis=2) == 1, batch.mask)
    assert np.array_equal(batch.y.any(axis=2), batch.mask)
    for k, string in enumerate(strings):
        for t, (symbol, following) in enumerate(pairwise(string)):
            assert batch.x[t, k, grammars.SYMBOLS.index(symbol)] == 1
            assert batch.y[t, k, grammars.SYMBOLS.index(following)] == 1
        wanted = np.flatnonzero(grammars.outer(batch.y[:, k]))
        assert list(wanted) == [len(string) - 3]  # after the inner E
        mate = batch.y[wanted[0], k]
        assert np.array_equal(mate, batch.x[1, k])


def test_the_legal_sets_are_those_that_occur():
    """Of many strings, exactly the legal symbols follow on a beginning of them."""
    rng = np.random.default_rng(0)
    followers, listed = {}, {}
    for _ in range(20_000):
        string = grammars.embedded_reber(rng)
        for k, after in enumerate(grammars.legal(string)[:7]):
            followers.setdefault(string[: k + 1], set()).add(string[k + 1])
            listed[string[: k + 1]] = set(after)
    assert len(listed) > 30 and listed == followers


@given(st.integers(1, 80), st.integers(1, 5), st.integers(0, 2**32))
def test_a_stream_is_strings_without_a_gap(length, batch, seed):
    x, y = grammars.continual_reber(length, batch, seed)
    assert x.shape == y.shape == (length, batch, 7) and (x.sum(axis=2) == 1).all()
    for k in range(batch):
        stream = "".join(grammars.SYMBOLS[i] for i in x[:, k].argmax(axis=1))
        string = ""
        for t, symbol in enumerate(stream):
            string += symbol
            follow = grammars.legal(string)[-1] or "B"
            assert set(follow) == {s for s, m in zip(grammars.SYMBOLS, y[t, k], strict=True) if m}
            if not grammars.legal(string)[-1]:
                string = ""
        assert (y[:-1, k] * x[1:, k]).sum() == length - 1  # what came was legal


def test_a_stream_has_one_outer_step_a_string():
    x, y = grammars.continual_reber(20_000, 1, 0)
    strings = 20_000 / (4 + steps_to_the_end())
    assert grammars.outer(y).sum() == pytest.approx(strings, rel=0.05)
    assert x[:, 0, 0].sum() == pytest.approx(2 * strings, rel=0.05)  # two B a string


@given(st.integers(1, 30), st.sampled_from(["ab", "abc"]))
def test_counting_leaves_a_choice_among_the_a_alone(n, letters):
    string = grammars.counted(n, letters)
    assert string == "S" + "".join(c * n for c in letters) + "T"
    x, y, lengths = grammars.counting([n], letters)
    names = f"S{letters}T"
    assert x.shape == y.shape == (len(string) - 1, 1, len(names))
    assert lengths.tolist() == [len(string) - 1]
    for t, (symbol, following) in enumerate(pairwise(string)):
        assert names[x[t, 0].argmax()] == symbol and x[t, 0].sum() == 1
        wanted = {"a", "b"} if symbol == "a" else {following}
        assert {names[i] for i in np.flatnonzero(y[t, 0])} == wanted


def test_counting_lays_lengths_side_by_side():
    x, y, lengths = batch = grammars.counting(range(1, 4))
    assert lengths.tolist() == [3, 5, 7] and x.shape == (7, 3, 4)
    assert np.array_equal(x.any(axis=2), batch.mask) and np.array_equal(y.any(axis=2), batch.mask)


def test_one_hot_and_the_two_criteria():
    assert np.array_equal(grammars.one_hot("ETB"), np.eye(7)[[6, 1, 0]])
    y = np.array([1, 0, 1, 0])
    for scores, by_rank, by_sign in [
        ([3, -1, 2, -2], True, True),
        ([3, 1, 2, -2], True, False),
        ([-1, -3, -2, -4], True, False),
        ([3, 2, 1, -2], False, False),
        ([3, 2, 2, -2], False, False),  # a tie is no lead
    ]:
        assert grammars.ranked(np.array([scores]), y[None]).tolist() == [by_rank]
        assert grammars.exact(np.array([scores]), y[None]).tolist() == [by_sign]
    assert grammars.ranked(np.zeros(3), np.zeros(3))  # past the end there is nothing to get wrong


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: grammars.reber("0"), TypeError, "rng: expected a seed or a numpy Generator"),
        (lambda: grammars.reber_sets(0, 0), ValueError, "size: expected at least 1, got 0"),
        (lambda: grammars.legal("BX"), ValueError, "string: expected one of TP at index 1, got 'X'"),
        (lambda: grammars.legal("BTXSEE", grammars.REBER), ValueError, "expected the end at index 5"),
        (lambda: grammars.reber_batch([]), ValueError, "strings: expected at least one, got none"),
        (lambda: grammars.reber_batch(["BT"]), ValueError, "strings: expected whole strings, got 'BT'"),
        (lambda: grammars.continual_reber(0, 1, 0), ValueError, "length: expected at least 1"),
        (lambda: grammars.counting([]), ValueError, "strings: expected at least one, got none"),
        (lambda: grammars.counting([0]), ValueError, r"ns\[0\]: expected at least 1, got 0"),
        (lambda: grammars.counted(3, "abcd"), ValueError, "letters: expected one of ab, abc"),
        (lambda: grammars.one_hot("BQ"), ValueError, "string: expected symbols of 'BTPSXVE', got 'Q'"),
        (lambda: grammars.exact(np.ones(2), np.ones(3)), ValueError, "scores: expected the shape of y"),
        (lambda: grammars.ranked(np.ones(2), np.ones(3)), ValueError, "scores: expected the shape of y"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
