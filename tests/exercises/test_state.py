"""Units whose weights are set: right ones pass, and what goes wrong is said."""

import numpy as np
import pytest

from tests.exercises.trying import is_named, never_raises, passes


def unit(W_ih, W_hh, b):
    return lambda: (np.array(W_ih, float), np.array(W_hh, float).reshape(4, 1), np.array(b, float))


def counter(f=(0, 0, -80), g=(20, -20, 0), b=(40, 40, 0, 40)):
    return unit([[0, 0, 0], f, g, [0, 0, 0]], [0, 0, 0, 0], b)


def bit(i=(40, -40, -20), f=(-40, -40, 56)):
    W = np.array([i, f, (0, 0, 40), (0, 0, 40)])
    return unit(W[:, :1], W[:, 1], W[:, 2])


def test_right_answers_pass():
    passes("lstm.reset_counter", counter())
    passes("lstm.parity", bit())


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (counter(b=(0, 40, 0, 40)), "a"),
        (counter(g=(20, 0, 0)), "b"),
        (counter(b=(40, 0, 0, 40)), "aaa"),
        (counter(f=(0, -80, -80)), "aab"),
        (counter(f=(-80, 0, -80)), "aaa"),
        (counter(g=(20, -20, 20)), "r"),
        (counter(f=(0, 0, 0)), "aar"),
        (counter((0, 0, -18), (4, -4, 0), (8, 8, 0, 40)), "long strings"),
        (counter(g=(np.nan, 0, 0)), "a"),
    ],
)
def test_what_a_counter_gets_wrong_is_said(fn, title):
    assert "At the last step" in is_named("lstm.reset_counter", fn, title).notes[0].says


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (bit(i=(40, -40, 20)), "000"),
        (bit(i=(40, -40, -60)), "1"),
        (bit(f=(-40, -40, 0)), "100"),
        (bit(i=(40, 0, -20)), "11"),
        (bit(f=(-20, 0, 6.5)), "long strings"),
        (bit(f=(-40, 0, 56)), "11"),
    ],
)
def test_what_a_bit_gets_wrong_is_said(fn, title):
    is_named("lstm.parity", fn, title)


def coin(g, f=(0, 0, 40), i=(0, 0, 40), o=(0, 0, 40)):
    rows = np.array([i, f, g, o], float)
    return lambda: (rows[:, :1], rows[:, 1:2], rows[:, 2])


@pytest.mark.parametrize("size", [0.01, 0.001, 1e-5, -0.01])
def test_counters_that_can_be_read_pass(size):
    passes("lstm.readable", coin((np.arctanh(size), 0, 0)), ["float32 returned", "lists"])


@pytest.mark.parametrize(
    ("fn", "title", "measured"),
    [
        (coin((20, 0, 0)), "h alike", "h takes 19 values"),
        (coin((0.05, 0, 0)), "h alike", "h takes 36"),
        (coin((0.01, 0, 0), f=(0, 0, 5)), "c does not count", "The first 1 adds 0.01 to c"),
        (coin((0.01, 0.1, 0)), "c does not count", "adds"),
        (coin((0, 0, 0)), "c does not count", "adds 0 to c"),
        (coin((np.nan, 0, 0)), "wrong return", "got nan"),
        (coin((0, 0, 0.01)), "a 0 counts", "a 0 adds 0.01"),
        (coin((0.01, 0, 0), o=(0, 0, -800)), "h alike", "h takes 1 values"),
    ],
)
def test_what_can_be_read_is_measured(fn, title, measured):
    assert measured in is_named("lstm.readable", fn, title).notes[0].says


@pytest.mark.parametrize("kind", ["lstm.reset_counter", "lstm.parity", "lstm.readable"])
def test_any_value_is_reported(kind):
    never_raises(kind)
