"""The vanilla RNN agrees with PyTorch and with finite differences, and refuses bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lstm_tutorial import gradients, rnn

sizes = st.integers(1, 5)


def draw_case(rng, T, B, D, H, dtype=np.float64, nonlinearity="tanh", scale=1.0):
    """Every argument of `forward`, and gradients into every output, none of them zero."""
    arrays = [rng.normal(0, scale, s) for s in [(T, B, D), (B, H), (H, D), (H, H), (H,)]]
    dhs, dh_T = rng.normal(size=(T, B, H)), rng.normal(size=(B, H))
    cast = [a.astype(dtype) for a in [*arrays, dhs, dh_T]]
    return cast[:5], cast[5], cast[6], nonlinearity


def run(args, dhs, dh_T, nonlinearity, module=rnn):
    hs, h_T, tape = module.forward(*args, nonlinearity)
    return hs, h_T, module.backward(dhs, tape, dh_T)


def autograd(args, dhs, dh_T, nonlinearity):
    """The same network, one step at a time, differentiated by PyTorch."""
    x, h, W_ih, W_hh, b = leaves = [torch.tensor(a, requires_grad=True) for a in args]
    squash = {"tanh": torch.tanh, "sigmoid": torch.sigmoid}[nonlinearity]
    hs = []
    for x_t in x:
        h = squash(x_t @ W_ih.T + h @ W_hh.T + b)
        hs.append(h)
    loss = (torch.stack(hs) * torch.tensor(dhs)).sum() + (h * torch.tensor(dh_T)).sum()
    loss.backward()
    return torch.stack(hs).detach().numpy(), [p.grad.numpy() for p in leaves]


def worst(got, want):
    # NumPy's maximum of a list that holds NaN is NaN
    return np.max([gradients.relative_error(g, w) for g, w in zip(got, want, strict=True)])


@given(sizes, sizes, sizes, sizes, st.sampled_from(["tanh", "sigmoid"]), st.integers(0, 2**32))
@settings(max_examples=60)
def test_states_and_gradients_equal_autograd(T, B, D, H, nonlinearity, seed):
    case = draw_case(np.random.default_rng(seed), T, B, D, H, nonlinearity=nonlinearity)
    hs, h_T, grads = run(*case)
    want_hs, want_grads = autograd(*case)
    assert worst([hs, *grads], [want_hs, *want_grads]) < 1e-12
    assert np.array_equal(h_T, hs[-1])


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (1, 3, 2, 4), (6, 1, 2, 4), (6, 3, 2, 1), (40, 2, 3, 5)]
)
@pytest.mark.parametrize("nonlinearity", ["tanh", "sigmoid"])
def test_gradients_equal_finite_differences(shape, nonlinearity):
    args, dhs, dh_T, _ = draw_case(np.random.default_rng(0), *shape, scale=0.5)

    def loss(*arrays):
        hs, h_T, _ = rnn.forward(*arrays, nonlinearity)
        return (hs * dhs).sum() + (h_T * dh_T).sum()

    _, _, grads = run(args, dhs, dh_T, nonlinearity)
    assert max(gradients.check(loss, args, grads)) < 1e-7


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_states_and_gradients_equal_nn_rnn(dtype, tolerance):
    args, dhs, dh_T, _ = draw_case(np.random.default_rng(1), 50, 3, 4, 8, dtype, scale=0.4)
    layer = torch.nn.RNN(4, 8, dtype=torch.float64 if dtype == np.float64 else torch.float32)
    x, h0, W_ih, W_hh, b = map(torch.tensor, args)
    with torch.no_grad():
        for name, value in [("weight_ih_l0", W_ih), ("weight_hh_l0", W_hh), ("bias_ih_l0", b)]:
            getattr(layer, name).copy_(value)
        layer.bias_hh_l0.zero_()
    out, last = layer(x, h0[None])
    ((out * torch.tensor(dhs)).sum() + (last[0] * torch.tensor(dh_T)).sum()).backward()
    hs, h_T, (_, _, dW_ih, dW_hh, db) = run(args, dhs, dh_T, "tanh")
    want = [out, last[0], layer.weight_ih_l0.grad, layer.weight_hh_l0.grad, layer.bias_ih_l0.grad]
    assert worst([hs, h_T, dW_ih, dW_hh, db], [w.detach().numpy() for w in want]) < tolerance
    assert hs.dtype == dW_hh.dtype == dtype


@given(sizes, sizes, sizes, st.integers(0, 2**32))
@settings(max_examples=30)
def test_one_step_is_a_sequence_of_one(B, D, H, seed):
    args, _, dh, _ = draw_case(np.random.default_rng(seed), 1, B, D, H)
    x, *rest = args
    h = rnn.step(x[0], *rest)
    dx, *grads = rnn.step_backward(dh, x[0], *rest)
    want_hs, want = autograd(args, np.zeros((1, B, H)), dh, "tanh")
    assert worst([h, dx, *grads], [want_hs[0], want[0][0], *want[1:]]) < 1e-12


def test_a_gradient_left_out_counts_as_zero():
    args, dhs, dh_T, _ = draw_case(np.random.default_rng(2), 4, 2, 3, 5)
    _, _, tape = rnn.forward(*args)
    zeros, zero = np.zeros_like(dhs), np.zeros_like(dh_T)
    assert worst(rnn.backward(None, tape, dh_T), rnn.backward(zeros, tape, dh_T)) == 0
    assert worst(rnn.backward(dhs, tape), rnn.backward(dhs, tape, zero)) == 0


@given(hnp.arrays(np.float64, 20, elements=st.floats(-1e308, 1e308)))
def test_sigmoid_never_overflows(z):
    with np.errstate(all="raise", under="ignore"):
        s = rnn.sigmoid(z)
    assert ((s >= 0) & (s <= 1)).all()
    # two roundings of numbers up to 1, and PyTorch's own
    assert np.allclose(s, torch.sigmoid(torch.tensor(z)).numpy(), rtol=0, atol=4e-16)


def test_saturated_states_give_finite_gradients():
    args, dhs, dh_T, _ = draw_case(np.random.default_rng(3), 5, 2, 3, 4, scale=1e4)
    with np.errstate(over="raise", invalid="raise"):
        _, _, grads = run(args, dhs, dh_T, "tanh")
    assert all(np.isfinite(g).all() for g in grads)


def test_inputs_are_never_changed_and_may_be_read_only_or_strided():
    args, dhs, dh_T, _ = draw_case(np.random.default_rng(4), 4, 2, 3, 5)
    plain = run(args, dhs, dh_T, "tanh")
    strided = [np.repeat(a, 2, axis=-1)[..., ::2] for a in [*args, dhs, dh_T]]
    for a in strided:
        a.flags.writeable = False
    hs, _, grads = run(strided[:5], *strided[5:], "tanh")
    assert worst([hs, *grads], [plain[0], *plain[2]]) < 1e-15


def test_outputs_may_be_changed_without_harm_to_the_tape():
    args, dhs, dh_T, _ = draw_case(np.random.default_rng(5), 4, 2, 3, 5)
    want = run(args, dhs, dh_T, "tanh")[2]
    hs, h_T, tape = rnn.forward(*args)
    hs[:] = h_T[:] = 7
    assert worst(rnn.backward(dhs, tape, dh_T), want) == 0
    assert worst(rnn.backward(dhs, tape, dh_T), want) == 0, "a tape can be read twice"


def test_init_is_pytorchs_and_reproducible():
    W_ih, W_hh, b = rnn.init(300, 100, 0)
    assert (W_ih.shape, W_hh.shape, b.shape) == ((100, 300), (100, 100), (100,))
    for a in (W_ih, W_hh):
        assert 0.099 < abs(a).max() <= 0.1, "uniform in ±1/√H"
        assert abs(a.std() - 0.1 / np.sqrt(3)) < 1e-3
    assert np.array_equal(W_hh, rnn.init(300, 100, np.random.default_rng(0))[1])
    assert rnn.init(2, 3, 0, np.float32)[0].dtype == np.float32


@pytest.mark.parametrize(
    "place, bad, error, message",
    [
        (0, np.ones((4, 2)), ValueError, r"x: expected shape \(T, B, D\), got \(4, 2\)"),
        (0, np.ones((0, 2, 3)), ValueError, r"x: expected shape .* no axis empty, got \(0, 2, 3\)"),
        (0, np.ones((4, 2, 3), int), TypeError, "x: expected float32 or float64, got int64"),
        (0, [[[1.0]]], TypeError, "x: expected a NumPy array, got list"),
        (0, np.full((4, 2, 3), np.nan), ValueError, r"x: expected finite numbers, got nan at index \(0, 0, 0\)"),
        (1, np.ones((3, 5)), ValueError, r"h0: expected shape \(B=2, H\), got \(3, 5\)"),
        (1, np.ones((2, 5), np.float32), TypeError, "h0: expected float64 like the arguments before"),
        (2, np.ones((5, 4)), ValueError, r"W_ih: expected shape \(H=5, D=3\), got \(5, 4\)"),
        (3, np.ones((5, 4)), ValueError, r"W_hh: expected shape \(H=5, H=5\), got \(5, 4\)"),
        (3, np.full((5, 5), np.inf), ValueError, "W_hh: expected finite numbers, got inf"),
        (4, np.ones((5, 1)), ValueError, r"b: expected shape \(H=5,\), got \(5, 1\)"),
    ],
)  # fmt: skip
def test_bad_arrays_are_refused_by_name(place, bad, error, message):
    args, *_ = draw_case(np.random.default_rng(6), 4, 2, 3, 5)
    args[place] = bad
    with pytest.raises(error, match=message):
        rnn.forward(*args)


@pytest.mark.parametrize(
    "dhs, dh_T, error, message",
    [
        (None, None, ValueError, "expected at least one of them, got None for both"),
        (np.ones((3, 2, 5)), None, ValueError, r"dhs: expected shape \(T=4, B=2, H=5\)"),
        (None, np.ones((2, 4)), ValueError, r"dh_T: expected shape \(B=2, H=5\), got \(2, 4\)"),
        (None, np.full((2, 5), np.nan), ValueError, "dh_T: expected finite numbers, got nan"),
        (np.ones((4, 2, 5), np.float32), None, TypeError, "dhs: expected float64"),
    ],
)
def test_bad_gradients_are_refused_by_name(dhs, dh_T, error, message):
    args, *_ = draw_case(np.random.default_rng(7), 4, 2, 3, 5)
    with pytest.raises(error, match=message):
        rnn.backward(dhs, rnn.forward(*args)[2], dh_T)


@pytest.mark.parametrize(
    "args, error, message",
    [
        ((0, 3, 0), ValueError, "input_size: expected at least 1, got 0"),
        ((2, 3.0, 0), TypeError, "hidden_size: expected an integer, got float"),
        ((2, 3, None), TypeError, "rng: expected a seed or a numpy Generator, got NoneType"),
        ((2, 3, -1), ValueError, "rng: expected a seed of at least 0, got -1"),
        ((2, 3, 0, np.int32), TypeError, "dtype: expected float32 or float64, got int32"),
    ],
)
def test_bad_sizes_and_seeds_are_refused_by_name(args, error, message):
    with pytest.raises(error, match=message):
        rnn.init(*args)


def test_an_unknown_nonlinearity_is_refused():
    args, *_ = draw_case(np.random.default_rng(8), 1, 1, 1, 1)
    with pytest.raises(ValueError, match="nonlinearity: expected one of tanh, sigmoid, got 'relu'"):
        rnn.forward(*args, "relu")


def test_a_step_takes_no_sequence():
    args, *_ = draw_case(np.random.default_rng(9), 4, 2, 3, 5)
    with pytest.raises(ValueError, match=r"x: expected shape \(B, D\), got \(4, 2, 3\)"):
        rnn.step(*args)
