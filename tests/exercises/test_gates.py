"""The logistic function: right in any style, others named."""

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
        (lambda z: 1 / (1 + np.exp(z)), "1 - 1 / (1 + np.exp(-z)) for 1 / (1 + np.exp(-z))"),
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


def test_any_value_is_reported():
    never_raises("sigmoid")
