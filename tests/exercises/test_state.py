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


@pytest.mark.parametrize("kind", ["lstm.reset_counter", "lstm.parity"])
def test_any_value_is_reported(kind):
    never_raises(kind)
