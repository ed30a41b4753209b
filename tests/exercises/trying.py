"""What the tests of the kinds share: how an answer is judged, in which styles, for which values."""

import numpy as np
import pytest

from lstm_tutorial import exercises
from tests.exercises.styles import refusals

JUNK = [
    *[None, "text", 3, 1.5, [], [[-1]], {}, {"a": 1}, object(), np.nan, [np.nan, "x"]],
    *[float, [None, None], (1, 2, 3), b"x"],
]


def passes(kind, fn, without=()):
    """Expect a right answer to pass in every style."""
    assert refusals(kind, fn, exercises.check, without) == []


def is_named(kind, fn, *titles):
    """Expect a wrong answer to be refused, and its mistakes to be named, no others."""
    report = exercises.check(kind, fn)
    assert not report.passed
    assert report.mistakes == titles, report
    return report


def never_raises(kind):
    """Expect a report, whatever a function returns."""
    for junk in JUNK:
        assert not exercises.check(kind, lambda *arguments: junk).passed  # noqa: B023


def judged(right, wrong):
    """Return the tests of kinds, given right answers by kind and wrong ones with their titles."""

    @pytest.mark.parametrize("kind", right)
    def in_every_style(kind):
        for fn in right[kind]:
            passes(kind, fn)

    @pytest.mark.parametrize(("kind", "fn", "titles"), wrong)
    def a_mistake(kind, fn, titles):
        is_named(kind, fn, *titles.split(" & "))

    @pytest.mark.parametrize("kind", right)
    def any_value(kind):
        never_raises(kind)

    return in_every_style, a_mistake, any_value
