"""Delay lines and networks made over: right in any style, mistakes named."""

import numpy as np
import pytest

from tests.exercises.trying import is_named, never_raises, passes


def line(into=(0.01, 0.0), across=1.0, back=0.0, to=(1, 0)):
    U = np.zeros((2, 2))
    U[to], U[0, 0] = across, back
    return lambda: (np.array(into)[:, None], U, np.zeros(2))


def test_right_answers_pass():
    passes("rnn.delay_line", line())
    passes("rnn.delay_line", line((0.005, 0.0), 2.0))
    passes("rnn.to_sigmoid", lambda W, U, b: (2 * W, 4 * U, 2 * (b - U @ np.ones(len(b)))))


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (line((0.0, 0.01)), "the present input"),
        (line(across=0.5), "wrong size or sign"),
        (line(across=-1.0), "wrong size or sign"),
        (line((1.0, 0.0), 0.01), "tanh bends it"),
        (line((0.01, 0.01)), "no delay line"),
        (line(back=0.5), "no delay line"),
        (line((0.0, 0.01), to=(0, 1)), "the present input"),
    ],
)
def test_what_is_no_delay_line_is_said(fn, title):
    is_named("rnn.delay_line", fn, title)


@pytest.mark.parametrize(
    ("fn", "titles"),
    [
        (lambda W, U, b: (2 * W, 2 * U, 2 * b - 2 * U.sum(1)), ["W_hh doubled, not times 4"]),
        (lambda W, U, b: (W, 2 * U, b - U.sum(1)), ["z not doubled"]),
        (lambda W, U, b: (2 * W, 2 * U, 2 * b), ["all doubled, s taken for h"]),
        (lambda W, U, b: (2 * W, 4 * U, 2 * b - 2 * U.sum(0)), ["the -1 through the columns"]),
        (lambda W, U, b: (2 * W, 4 * U.T, 2 * b - 2 * U.sum(1)), ["W_hh.T for W_hh"]),
        (
            lambda W, U, b: (2 * W, 2 * U, 2 * b - U.sum(1)),
            ["W_hh doubled, not times 4", "the -1 not doubled"],
        ),
    ],
)
def test_mistakes_of_a_network_made_over_are_named(fn, titles):
    is_named("rnn.to_sigmoid", fn, *titles)


@pytest.mark.parametrize("kind", ["rnn.delay_line", "rnn.to_sigmoid"])
def test_any_value_is_reported(kind):
    never_raises(kind)
