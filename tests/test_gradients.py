"""Numerical gradients, clipping as in PyTorch, angles, gradient flow by lag."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lstm_tutorial import gradients, rnn

numbers = st.floats(-1e6, 1e6, allow_subnormal=False)
gradient_lists = st.lists(
    hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=4), elements=numbers),
    min_size=1,
    max_size=4,
)


def test_numerical_gradient_of_a_cubic():
    a, b = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([0.7])
    da, db = gradients.numerical(lambda a, b: float((a**3).sum() * b[0]), [a, b])
    assert np.allclose(da, 3 * a**2 * b, rtol=1e-8)
    assert np.allclose(db, (a**3).sum(), rtol=1e-8)


def test_numerical_leaves_its_arrays_alone():
    a = np.arange(3.0)
    a.flags.writeable = False
    gradients.numerical(lambda a: float((a**2).sum()), [a])
    assert np.array_equal(a, np.arange(3.0))


def test_check_tells_right_from_wrong():
    a = np.array([1.0, 2.0, 3.0])
    right, wrong = 2 * a, 2 * a + np.array([0, 0, 1e-3])
    f = lambda a: float((a**2).sum())  # noqa: E731
    assert gradients.check(f, [a], [right])[0] < 1e-9
    assert gradients.check(f, [a], [wrong])[0] > 1e-5


def test_check_refuses_what_cannot_be_compared():
    a = np.ones(3)
    with pytest.raises(ValueError, match=r"grads: expected 1 arrays, got 2"):
        gradients.check(np.sum, [a], [a, a])
    with pytest.raises(ValueError, match=r"grads\[0\]: expected shape \(3,\), got \(2,\)"):
        gradients.check(np.sum, [a], [np.ones(2)])
    with pytest.raises(TypeError, match=r"arrays\[0\]: expected float64, got float32"):
        gradients.check(np.sum, [a.astype(np.float32)], [a])
    with pytest.raises(ValueError, match="step: expected a finite number above 0, got 0"):
        gradients.numerical(np.sum, [a], step=0)


@pytest.mark.parametrize("a, b, error", [(1, 1, 0), (1, -1, 2), (0, 0, 0), (0, 5, 1), (9, 10, 0.1)])
def test_relative_error(a, b, error):
    assert gradients.relative_error(np.array([a]), np.array([b])) == pytest.approx(error)


def test_relative_error_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"b: expected the shape of a, \(2,\), got \(2, 1\)"):
        gradients.relative_error(np.ones(2), np.ones((2, 1)))


def as_parameters(grads):
    parameters = [torch.zeros(g.shape, dtype=torch.float64) for g in grads]
    for p, g in zip(parameters, grads, strict=True):
        p.grad = torch.tensor(g)
    return parameters


@given(gradient_lists, st.floats(1e-3, 1e3))
def test_clipping_by_norm_equals_pytorch(grads, max_norm):
    parameters = as_parameters(grads)
    want_norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    clipped, norm = gradients.clip_by_norm(grads, max_norm)
    assert norm == pytest.approx(want_norm.item(), rel=1e-12)
    for got, p in zip(clipped, parameters, strict=True):
        assert np.allclose(got, p.grad.numpy(), rtol=1e-12, atol=0)
    assert gradients.global_norm(clipped) <= max_norm * (1 + 1e-12)


@given(gradient_lists, st.floats(1e-3, 1e3))
def test_clipping_by_value_equals_pytorch(grads, clip_value):
    parameters = as_parameters(grads)
    torch.nn.utils.clip_grad_value_(parameters, clip_value)
    for got, p in zip(gradients.clip_by_value(grads, clip_value), parameters, strict=True):
        assert np.array_equal(got, p.grad.numpy())


def test_clipping_changes_no_input_and_keeps_the_type():
    grads = [np.full((2, 2), 10.0, np.float32), np.full(3, -10.0, np.float32)]
    copies = [g.copy() for g in grads]
    clipped, _ = gradients.clip_by_norm(grads, 1.0)
    cut = gradients.clip_by_value(grads, 1.0)
    assert all(np.array_equal(g, c) for g, c in zip(grads, copies, strict=True))
    assert {g.dtype for g in [*clipped, *cut]} == {np.dtype(np.float32)}


def test_the_norm_of_large_float32_gradients_does_not_overflow():
    assert gradients.global_norm([np.array([3e38], np.float32)]) == pytest.approx(3e38)


@pytest.mark.parametrize("clip", [gradients.clip_by_norm, gradients.clip_by_value])
@pytest.mark.parametrize(
    "grads, limit, error, message",
    [
        ([np.array([1.0, np.nan])], 1.0, ValueError, r"grads\[0\]: expected finite numbers, got nan"),
        ([np.ones(2), np.array([np.inf])], 1.0, ValueError, r"grads\[1\]: .* got inf at index \(0,\)"),
        ([np.ones(2)], 0.0, ValueError, "expected a finite number above 0, got 0.0"),
        ([np.ones(2)], "1", TypeError, "expected a number, got str"),
        (np.ones(2), 1.0, TypeError, "grads: expected a non-empty list of arrays"),
        ([], 1.0, TypeError, "grads: expected a non-empty list of arrays"),
        ([np.ones(2, int)], 1.0, TypeError, r"grads\[0\]: expected float32 or float64, got int64"),
    ],
)  # fmt: skip
def test_clipping_refuses_by_name(clip, grads, limit, error, message):
    with pytest.raises(error, match=message):
        clip(grads, limit)


@pytest.mark.parametrize("degrees", [0, 1e-7, 1, 45, 90, 135, 180])
def test_angle(degrees):
    turn = np.radians(degrees)
    a = [np.array([3.0]), np.array([[0.0]])]
    b = [np.array([np.cos(turn)]), np.array([[np.sin(turn)]])]
    assert gradients.angle(a, b) == pytest.approx(degrees, rel=1e-9, abs=1e-12)


def test_angle_refuses_zero():
    with pytest.raises(ValueError, match="zero has no direction"):
        gradients.angle([np.zeros(2)], [np.ones(2)])


@pytest.mark.parametrize("nonlinearity", ["tanh", "sigmoid"])
def test_flow_by_lag_equals_autograd(nonlinearity):
    rng = np.random.default_rng(0)
    x, h0, dh_T = rng.normal(size=(7, 3, 2)), rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    layer = rnn.init(2, 4, rng)
    _, _, tape = rnn.forward(x, h0, *layer, nonlinearity)
    W_ih, W_hh, b = map(torch.tensor, layer)
    squash = {"tanh": torch.tanh, "sigmoid": torch.sigmoid}[nonlinearity]
    states = [torch.tensor(h0, requires_grad=True)]
    for x_t in torch.tensor(x):
        states.append(squash(x_t @ W_ih.T + states[-1] @ W_hh.T + b))
    flow = torch.autograd.grad(states[-1], states, torch.tensor(dh_T))
    want = [g.norm(dim=1).numpy() for g in reversed(flow)]
    assert np.allclose(gradients.by_lag(dh_T, tape), want, rtol=1e-12)


def test_flow_by_lag_refuses_a_gradient_of_another_batch():
    _, _, tape = rnn.forward(np.ones((3, 2, 1)), np.zeros((2, 4)), *rnn.init(1, 4, 0))
    with pytest.raises(ValueError, match=r"dh_T: expected shape \(B=2, H=4\), got \(3, 4\)"):
        gradients.by_lag(np.ones((3, 4)), tape)
