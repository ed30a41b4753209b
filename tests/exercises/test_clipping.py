"""Clipping: right in any style, mistakes named."""

import numpy as np
import pytest

from tests.exercises.trying import is_named, never_raises, passes


def norm(grads):
    return np.sqrt(sum((g**2).sum() for g in grads))


def by(factor):
    """Return clipping by a factor made of the gradients' norm and the threshold."""
    return lambda grads, m: [g * factor(norm(grads), m) for g in grads]


def test_right_answers_pass():
    passes("clip_by_norm", by(lambda n, m: min(1.0, m / (n + 1e-6))))
    passes("clip_by_norm", by(lambda n, m: m / n if n > m else 1))
    passes("clip_by_norm", lambda g, m: (by(lambda n, m: min(1, m / n) if n else 1)(g, m), norm(g)))
    passes("clip_by_value", lambda grads, v: [np.minimum(np.maximum(g, -v), v) for g in grads])


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (
            lambda grads, m: [g * min(1, m / np.linalg.norm(g)) if g.any() else g for g in grads],
            "each array by itself",
        ),
        (
            lambda grads, m: [g * m / np.linalg.norm(g) for g in grads],
            "each array scaled to max_norm",
        ),
        (by(lambda n, m: m / n), "scaled up, and zeros become NaN"),
        (by(lambda n, m: m / n if n else 1), "scaled up below the threshold"),
        (by(lambda n, m: 1 / n if n > m else 1), "scaled to norm 1"),
        (by(lambda n, m: m / n if n * n > m else 1), "square compared with the threshold"),
        (by(lambda n, m: min(1, m / n**2) if n else 1), "root left out of the norm"),
        (by(lambda n, m: 0 if n > m else 1), "set to zero"),
        (by(lambda n, m: max(1, n / m)), "factor upside down"),
        (lambda grads, m: [np.clip(g, -m, m) for g in grads], "clipped by value"),
        (lambda grads, m: [g.copy() for g in grads], "not clipped"),
    ],
)
def test_mistakes_by_norm_are_named(fn, title):
    is_named("clip_by_norm", fn, title)


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (lambda grads, v: [np.minimum(g, v) for g in grads], "cut above only"),
        (lambda grads, v: [np.clip(g, 0, v) for g in grads], "cut at 0 and clip_value"),
        (lambda grads, v: [np.clip(g, -1, 1) for g in grads], "cut at ±1"),
        (lambda grads, v: [np.where(np.abs(g) > v, 0, g) for g in grads], "set to zero"),
        (lambda grads, v: [np.where(np.abs(g) > v, v, g) for g in grads], "sign lost"),
    ],
)
def test_mistakes_by_value_are_named(fn, title):
    is_named("clip_by_value", fn, title)


def test_two_mistakes_are_found():
    fn = by(lambda n, m: 1 / n**2 if n**2 > m else 1)
    is_named("clip_by_norm", fn, "root left out of the norm", "scaled to norm 1")


@pytest.mark.parametrize("kind", ["clip_by_norm", "clip_by_value"])
def test_any_value_is_reported(kind):
    never_raises(kind)
