"""Tools that find bugs: right in any style, and what they miss is said."""

import numpy as np
import pytest

from tests.exercises.trying import is_named, never_raises, passes


def blame(off, letters="ifgo"):
    def blamed(wrong, right):
        pairs = zip(letters, np.split(wrong, 4), np.split(right, 4), strict=True)
        return "".join(letter for letter, a, b in pairs if off(a, b, right))

    return blamed


def relative(a, b, right):
    return np.linalg.norm(a - b) > 1e-6 * np.linalg.norm(b)


def probe(
    steps=range(5), move=lambda x, t: slice(t + 1, None), look=lambda t: slice(t + 1), off=0.0
):
    """Return a probe that moves inputs and compares outputs at some steps."""

    def no_future(run):
        x = np.random.default_rng(0).normal(size=(6, 2, 3))
        for t in steps:
            other = x.copy()
            other[move(x, t)] += 1
            if np.abs(run(x)[look(t)] - run(other)[look(t)]).max(initial=0) > off:
                return False
        return True

    return no_future


def test_right_answers_pass():
    passes("blame", blame(relative))
    passes("no_future", probe())
    passes("no_future", probe(steps=[4, 3, 2, 1, 0]))


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (lambda w, r: list(blame(relative)(w, r)), "no string"),
        (blame(lambda a, b, r: True), "equal arrays blamed"),
        (blame(lambda a, b, r: (a != b).any()), "rounding blamed"),
        (blame(relative, "fgoi"), "one gate not found"),
        (blame(lambda a, b, r: not np.allclose(a, b)), "small error missed"),
        (
            blame(lambda a, b, r: np.linalg.norm(a - b) > 1e-6 * np.linalg.norm(r)),
            "small block missed",
        ),
        (blame(lambda a, b, r: abs((a - b).sum()) > 1e-6 * np.linalg.norm(b)), "errors cancel"),
        (lambda w, r: blame(relative)(w, r)[:1], "not all named"),
    ],
)
def test_what_is_blamed_wrongly_is_said(fn, title):
    is_named("blame", fn, title)


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (lambda run: False, "false alarm"),
        (probe(look=lambda t: slice(None)), "false alarm"),
        (lambda run: True, "every leak missed"),
        (probe(range(2)), "output 2, 3 and 4 not tried"),
        (probe(range(2, 5)), "input 1 and 2 not moved"),
        (probe(look=lambda t: slice(t)), "one step ahead missed"),
        (probe(move=lambda x, t: t + 1, look=lambda t: slice(t, t + 1)), "far leaks missed"),
        (probe(off=0.01), "a leak of a thousandth missed"),
    ],
)
def test_leaks_that_are_missed_are_told(fn, title):
    is_named("no_future", fn, title)


@pytest.mark.parametrize("kind", ["blame", "no_future"])
def test_any_value_is_reported(kind):
    never_raises(kind)
