"""The carousel and its bias: right in any style, mistakes named."""

import numpy as np
import pytest

from tests.exercises.trying import is_named, never_raises, passes


def products(of):
    """Return the gradient by lag from the gates that each lag multiplies."""
    return lambda f, dc: np.array([dc * np.prod(of(f, k), axis=0) for k in range(len(f) + 1)])


def test_right_answers_pass():
    passes("lstm.carousel", products(lambda f, k: f[len(f) - k :]))
    passes("lstm.bias_for", lambda lag, left: -np.log(left ** (-1 / lag) - 1))


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (products(lambda f, k: f[:k]), "wrong end"),
        (products(lambda f, k: f[k:]), "in the order of time"),
        (products(lambda f, k: f[-k:]), "all gates at lag 0"),
        (products(lambda f, k: f[len(f) - k : len(f) - k + 1]), "not accumulated"),
        (products(lambda f, k: 1 - f[len(f) - k :]), "1 - f in place of f"),
        (lambda f, dc: dc * np.cumprod(f[::-1], axis=0), "lag 0 left out"),
        (
            lambda f, dc: products(lambda f, k: f[len(f) - k :])(f, np.ones_like(dc)),
            "dc_T left out",
        ),
    ],
)
def test_mistakes_on_the_carousel_are_named(fn, title):
    is_named("lstm.carousel", fn, title)


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (lambda lag, left: left ** (1 / lag), "the gate"),
        (lambda lag, left: np.log(left ** (-1 / lag) - 1), "wrong sign"),
        (lambda lag, left: np.log(left / (1 - left)), "one step"),
        (lambda lag, left: np.log(left) / lag, "log of the gate"),
        (lambda lag, left: np.log(lag - 1), "bias of the lag alone"),
        (lambda lag, left: np.arctanh(left ** (1 / lag)), "tanh for the sigmoid"),
        (lambda lag, left: np.log(left / lag / (1 - left / lag)), "share divided by the lag"),
    ],
)
def test_mistakes_of_the_bias_are_named(fn, title):
    is_named("lstm.bias_for", fn, title)


@pytest.mark.parametrize("kind", ["lstm.carousel", "lstm.bias_for"])
def test_any_value_is_reported(kind):
    never_raises(kind)
