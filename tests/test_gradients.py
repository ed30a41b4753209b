"""Numerical gradients, clipping as in PyTorch, angles, gradient flow by lag and by path."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lstm_tutorial import gradients, lstm, rnn

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


sizes = st.integers(1, 4)
cases = st.tuples(st.integers(1, 6), sizes, sizes, sizes, st.integers(0, 2**32 - 1))


def cell_run(T, B, D, H, seed, scale=1.5):
    """Return the weights, inputs and first states of a random run, and its tape."""
    rng = np.random.default_rng(seed)
    layer = [scale * rng.normal(size=shape) for shape in [(4 * H, D), (4 * H, H), (4 * H,)]]
    x, h0, c0 = rng.normal(size=(T, B, D)), rng.normal(size=(B, H)), rng.normal(size=(B, H))
    _, _, tape = lstm.forward(x, h0, c0, *layer)
    return layer, x, h0, c0, tape


def torch_states(layer, x, h0, c0):
    """Return h_T and all cell states, c_0 among them, with a graph to differentiate."""
    W_ih, W_hh, b = map(torch.tensor, layer)
    h, cells = torch.tensor(h0), [torch.tensor(c0, requires_grad=True)]
    for x_t in torch.tensor(x):
        i, f, g, o = (x_t @ W_ih.T + h @ W_hh.T + b).chunk(4, dim=1)
        cells.append(torch.sigmoid(f) * cells[-1] + torch.sigmoid(i) * torch.tanh(g))
        h = torch.sigmoid(o) * torch.tanh(cells[-1])
    return h, cells


def whole(carousel, paths):
    return np.eye(carousel.shape[1]) * carousel[:, :, None] + paths


@settings(deadline=None)
@given(cases, st.data())
def test_carousel_and_gate_paths_add_up_to_autograds_jacobian(case, data):
    *run, tape = cell_run(*case)
    s = data.draw(st.integers(0, case[0]), "s")
    t = data.draw(st.integers(s, case[0]), "t")
    _, cells = torch_states(*run)
    rows = [torch.autograd.grad(c.sum(), cells[s], retain_graph=True)[0] for c in cells[t].T]
    want = torch.stack(rows, dim=1).numpy()
    got = whole(*gradients.cell_jacobian(tape, s, t))
    assert np.allclose(got, want, rtol=1e-12, atol=1e-12 * max(1, abs(want).max()))


@settings(deadline=None)
@given(cases, st.sampled_from(["h", "c", "both"]))
def test_carousel_and_gate_paths_by_lag_add_up_to_autograds_gradient(case, ends):
    *run, tape = cell_run(*case)
    h, cells = torch_states(*run)
    rng = np.random.default_rng(1)
    dh, dc = rng.normal(size=(2, *h.shape))
    dh, dc = (dh if ends != "c" else None), (dc if ends != "h" else None)
    loss = sum((s * torch.tensor(d)).sum() for s, d in ((h, dh), (cells[-1], dc)) if d is not None)
    want = np.stack([g.numpy() for g in torch.autograd.grad(loss, cells[::-1])])
    carousel, paths = gradients.cell_by_lag(tape, dh_T=dh, dc_T=dc)
    assert np.allclose(carousel + paths, want, rtol=1e-12, atol=1e-12 * max(1, abs(want).max()))


@settings(deadline=None)
@given(cases)
def test_both_parts_by_lag_are_those_of_the_jacobian(case):
    *_, tape = cell_run(*case)
    T, H, B = tape.tanh_c.shape
    dc_T = np.random.default_rng(2).normal(size=(B, H))
    carousels, paths = gradients.cell_by_lag(tape, dc_T=dc_T)
    for k in range(T + 1):
        diagonal, matrix = gradients.cell_jacobian(tape, T - k, T)
        assert np.allclose(carousels[k], dc_T * diagonal, rtol=1e-12, atol=1e-14)
        want = np.einsum("br,brc->bc", dc_T, matrix)
        assert np.allclose(paths[k], want, rtol=1e-11, atol=1e-12 * max(1, abs(matrix).max()))


def test_the_carousel_is_the_product_of_the_forget_gates():
    *_, tape = cell_run(9, 3, 2, 4, seed=0)
    f = tape.gates[:-1, 2].swapaxes(1, 2)
    carousel, _ = gradients.cell_jacobian(tape, 2, 7)
    assert np.allclose(carousel, f[2:7].prod(axis=0), rtol=1e-13)
    by_lag, _ = gradients.cell_by_lag(tape, dc_T=np.ones((3, 4)))
    assert np.allclose(by_lag[5], f[4:9].prod(axis=0), rtol=1e-13)


def test_without_recurrent_weights_there_are_no_gate_paths():
    (W_ih, W_hh, b), x, h0, c0, _ = cell_run(9, 3, 2, 4, seed=0)
    _, _, tape = lstm.forward(x, h0, c0, W_ih, 0 * W_hh, b)
    assert not gradients.cell_jacobian(tape, 0, 9)[1].any()
    assert not gradients.cell_by_lag(tape, dh_T=h0, dc_T=c0)[1].any()


def test_one_step_has_no_gate_path_from_the_initial_state_and_one_from_any_other():
    *_, tape = cell_run(3, 1, 1, 2, seed=0)
    assert not gradients.cell_jacobian(tape, 0, 1)[1].any()
    assert gradients.cell_jacobian(tape, 1, 2)[1].all()
    for s in range(4):
        carousel, paths = gradients.cell_jacobian(tape, s, s)
        assert (carousel == 1).all() and not paths.any()


def test_a_carousel_of_two_thousand_steps_is_followed_to_the_end():
    (W_ih, W_hh, b), x, h0, c0, _ = cell_run(2000, 2, 1, 3, seed=0, scale=0.1)
    b[3:6] = 12.0
    _, _, tape = lstm.forward(x, h0, c0, W_ih, W_hh, b)
    carousel, paths = gradients.cell_by_lag(tape, dc_T=np.ones((2, 3)))
    f = tape.gates[:-1, 2].swapaxes(1, 2)
    assert carousel.shape == paths.shape == (2001, 2, 3)
    assert np.allclose(carousel[2000], f.prod(axis=0), rtol=1e-11)
    assert carousel[2000].min() > 0.9


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_split_keeps_the_type_and_leaves_its_arrays_alone(dtype):
    layer = lstm.init(2, 3, 0, dtype)
    state = np.ones((2, 3), dtype)
    _, _, tape = lstm.forward(np.ones((4, 2, 2), dtype), state, state, *layer)
    before = [np.copy(a) for a in (tape.gates[:-1], tape.tanh_c, tape.W_hh, state)]
    parts = [
        *gradients.cell_jacobian(tape, 0, 4),
        *gradients.cell_by_lag(tape, dh_T=state, dc_T=state),
    ]
    assert {part.dtype for part in parts} == {np.dtype(dtype)}
    after = (tape.gates[:-1], tape.tanh_c, tape.W_hh, state)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    "s, t, error, message",
    [
        (-1, 2, ValueError, "s: expected a step from 0 to 4, got -1"),
        (3, 2, ValueError, "t: expected a step from 3 to 4, got 2"),
        (0, 5, ValueError, "t: expected a step from 0 to 4, got 5"),
        (0, 2.0, TypeError, "t: expected an integer, got float"),
        (True, 2, TypeError, "s: expected an integer, got bool"),
    ],
)
def test_the_jacobian_refuses_steps_that_are_none(s, t, error, message):
    *_, tape = cell_run(4, 2, 1, 3, seed=0)
    with pytest.raises(error, match=message):
        gradients.cell_jacobian(tape, s, t)


def test_the_split_by_lag_refuses_by_name():
    *_, tape = cell_run(4, 2, 1, 3, seed=0)
    with pytest.raises(ValueError, match="dh_T, dc_T: expected at least one of them, got None"):
        gradients.cell_by_lag(tape)
    with pytest.raises(ValueError, match=r"dh_T: expected shape \(B=2, H=3\), got \(3, 2\)"):
        gradients.cell_by_lag(tape, dh_T=np.ones((3, 2)))
    with pytest.raises(TypeError, match=r"dc_T: expected float64 .* got float32"):
        gradients.cell_by_lag(tape, dc_T=np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match="dc_T: expected finite numbers, got nan"):
        gradients.cell_by_lag(tape, dc_T=np.full((2, 3), np.nan))


@pytest.mark.parametrize("extra", [{"P": np.ones(9)}, {"lengths": np.array([4, 2])}])
def test_the_split_refuses_what_it_is_not_worked_out_for(extra):
    layer, x, h0, c0, _ = cell_run(4, 2, 1, 3, seed=0)
    _, _, tape = lstm.forward(x, h0, c0, *layer, **extra)
    (name,) = extra
    for split in (gradients.cell_by_lag, lambda tape: gradients.cell_jacobian(tape, 0, 1)):
        with pytest.raises(ValueError, match=f"tape.{name}: expected None"):
            split(tape)
