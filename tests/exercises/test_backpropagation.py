"""Gradients by differences, and from left to right: right ones pass, mistakes are named."""

import numpy as np
import pytest

from lstm_tutorial import rnn
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


def left_to_right(slope=lambda h: 1 - h**2, own=1, carried=1, product="il,ljk->ijk", before=True):
    """Return the gradient from left to right, with something in it changed."""

    def gradient(dhs, x, h0, W_ih, W_hh, b):
        h, total, dW_hh = h0, np.zeros((len(b),) * 3), np.zeros_like(W_hh)
        for x_t, g in zip(x, dhs, strict=True):
            new = np.tanh(W_ih @ x_t + W_hh @ h + b)
            immediate = np.einsum("ij,k->ijk", np.eye(len(b)), h if before else new)
            total = own * immediate + carried * np.einsum(product, W_hh, total)
            h, total = new, slope(new)[:, None, None] * total
            dW_hh += np.tensordot(g, total, 1)
        return dW_hh

    return gradient


def by_differences(dhs, x, h0, W_ih, W_hh, b):
    def total(W):
        h, loss = h0, 0.0
        for x_t, g in zip(x, dhs, strict=True):
            h = np.tanh(W_ih @ x_t + W @ h + b)
            loss += g @ h
        return loss

    steps = 1e-6 * np.eye(W_hh.size).reshape(-1, *W_hh.shape)
    slopes = [(total(W_hh + step) - total(W_hh - step)) / 2e-6 for step in steps]
    return np.reshape(slopes, W_hh.shape)


def backwards(dhs, x, h0, W_ih, W_hh, b):
    layer = W_ih, W_hh, b
    _, _, tape = rnn.forward(x[:, None], h0[None], *layer)
    return rnn.backward(dhs[:, None], tape)[3]


def test_gradients_from_left_to_right_pass():
    passes("rnn.forward_mode", left_to_right())
    passes("rnn.forward_mode", backwards, {"float32 throughout"})
    passes("rnn.forward_mode", by_differences, {"float32 throughout"})


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (left_to_right(carried=0), "immediate part alone"),
        (left_to_right(own=0), "immediate part missing"),
        (left_to_right(before=False), "new state for the old"),
        (left_to_right(lambda h: np.ones_like(h)), "slope missing"),
        (left_to_right(lambda h: h * (1 - h)), "slope of a sigmoid"),
        (left_to_right(lambda h: 1 - np.tanh(h) ** 2), "slope of the state"),
        (left_to_right(product="li,ljk->ijk"), "W_hh transposed"),
        (lambda *a: left_to_right()(*a).T, "result transposed"),
        (lambda dhs, *a: left_to_right()(dhs, *a) / len(dhs), "averaged over the steps"),
        (lambda *a: left_to_right()(*a[:-1], 0 * a[-1]), "bias left out"),
    ],
)
def test_mistakes_from_left_to_right_are_named(fn, title):
    is_named("rnn.forward_mode", fn, title)


@pytest.mark.parametrize("kind", ["numerical_gradient", "rnn.forward_mode"])
def test_any_value_is_reported(kind):
    never_raises(kind)
