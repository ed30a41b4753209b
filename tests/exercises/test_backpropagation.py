"""Gradients by differences: right with any small step, mistakes named."""

import numpy as np
import pytest

from tests.exercises.trying import is_named, never_raises, passes


def by(slope, step=1e-5, back=True):
    """Return a gradient from values at two points, x being put back between entries or not."""

    def gradient(f, x):
        x, slopes = x.copy(), np.zeros_like(x)
        for k in np.ndindex(x.shape):
            here = f(x)
            x[k] += step
            up = f(x)
            x[k] -= 2 * step
            slopes[k] = slope(up, here, f(x), step)
            x[k] += step * back
        return slopes

    return gradient


def moving(what, step=1e-5):
    def gradient(f, x):
        slopes = np.zeros_like(x)
        for k in np.ndindex(x.shape):
            up, down = x.copy(), x.copy()
            up[what(k)] += step
            down[what(k)] -= step
            slopes[k] = (f(up) - f(down)) / (2 * step)
        return slopes

    return gradient


def right(up, here, down, step):
    return (up - down) / (2 * step)


@pytest.mark.parametrize("step", [1e-3, 1e-4, 1e-6, 1e-7])
def test_right_answers_pass(step):
    without = {"float32 throughout"}  # a difference of neighbours there is no gradient
    passes("numerical_gradient", by(right, step), without)
    passes("numerical_gradient", moving(lambda k: k, step), without)


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (by(lambda up, here, down, step: (up - down) / step), "not divided by 2"),
        (by(lambda up, here, down, step: (up - here) / (2 * step)), "divided twice by 2"),
        (by(lambda up, here, down, step: (up - here) / step, 1e-4), "one-sided"),
        (by(lambda up, here, down, step: (here - down) / step, 1e-3), "one-sided, below"),
        (by(lambda up, here, down, step: (down - up) / (2 * step)), "wrong sign"),
        (by(right, 0.1), "step too large"),
        (by(right, 1e-2, back=False), "x not put back"),
        (moving(lambda k: ...), "all entries moved together"),
        (moving(lambda k: k[0]), "rows moved together"),
    ],
)
def test_mistakes_are_named(fn, title):
    is_named("numerical_gradient", fn, title)


def test_any_value_is_reported():
    never_raises("numerical_gradient")
