"""The logistic function, and gates whose numbers are chosen: right ones pass, others named."""

import numpy as np
import pytest

from tests.exercises.trying import is_named, never_raises, passes


def test_right_answers_pass():
    passes("sigmoid", lambda z: 1 / (1 + np.exp(-z)))
    passes("sigmoid", lambda z: 0.5 * (1 + np.tanh(z / 2)))
    passes("sigmoid", lambda z: np.where(z > 0, 1, np.exp(-np.abs(z))) / (1 + np.exp(-np.abs(z))))


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (lambda z: 1 / (1 + np.exp(z)), "wrong sign"),
        (lambda z: np.exp(z) / (1 + np.exp(z)), "exp overflows"),
        (np.tanh, "tanh"),
        (lambda z: 0.5 + 0.5 * np.tanh(z), "twice as steep"),
        (lambda z: (s := 1 / (1 + np.exp(-z))) * (1 - s), "slope"),
        (lambda z: np.clip(z / 6 + 0.5, 0, 1), "hard sigmoid in sixths"),
        (lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(), "softmax of all"),
        (lambda z: z / (1 + np.exp(-z)), "SiLU"),
        (lambda z: 1 / (1 - np.exp(-z)), "1 - np.exp(-z) for 1 + np.exp(-z)"),
        (lambda z: 1 / (1 + np.exp(-np.clip(z, -5, 5))), "exp cut short"),
    ],
)
def test_other_functions_are_named(fn, title):
    is_named("sigmoid", fn, title)


def test_right_numbers_pass():
    for numbers in [(50.0, -28.0), (60, -33), np.array([45.0, -25.8]), [50, -27]]:
        passes("gates.on_the_mark", lambda numbers=numbers: numbers)
    for numbers in [(0.0, 20.0, -50.0, -10.0), [1, 25, -80, -12], (0, 40, -100, -20)]:
        passes("gates.only_the_first", lambda numbers=numbers: numbers)


@pytest.mark.parametrize(
    ("numbers", "title", "measured"),
    [
        ((-28, 50), "w and b exchanged", ""),
        ((-50, 28), "a mark does not open it", "0.000, and at 0 it is 1.000"),
        ((0, 0), "a mark does not open it", "0.500"),
        ((10, -9), "half open among the marks", "0.90"),
        ((50, -5), "half open in the noise", "0.10"),
        ((20, -10), "too little at the weakest mark", "0.982"),
        ((40, -24), "too little at the weakest mark", "0.982"),
        ((20, -9), "noise leaks", "let in 4.1"),
        ((np.nan, 1), "a mark does not open it", "nan"),
    ],
)
def test_what_the_gate_does_is_measured(numbers, title, measured):
    report = is_named("gates.on_the_mark", lambda: numbers, title)
    assert measured in report.notes[0].says


@pytest.mark.parametrize(
    ("numbers", "title"),
    [
        ((0, 5, -50, -10), "shut at the first mark"),
        ((20, 0, -50, -30), "shut at the first mark"),
        ((0, 20, -50, 0), "open before the first mark"),
        ((20, 20, -50, -10), "open before the first mark"),
        ((0, 20, 0, -10), "open for a later mark"),
        ((0, 20, -20, -10), "open for a later mark"),
        ((0, 20, 50, -10), "open for a later mark"),
        ((40, 13, 9, -47), "open after the first mark"),
        ((0, 20, 1.5, -8), "open for a later mark"),
        ((np.nan,) * 4, "open before the first mark"),
    ],
)
def test_the_step_at_which_a_gate_errs_is_shown(numbers, title):
    assert "the gate is" in is_named("gates.only_the_first", lambda: numbers, title).notes[0].says


@pytest.mark.parametrize("kind", ["sigmoid", "gates.on_the_mark", "gates.only_the_first"])
def test_any_value_is_reported(kind):
    never_raises(kind)
