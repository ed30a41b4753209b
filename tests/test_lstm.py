"""The LSTM agrees with PyTorch and with finite differences, and refuses bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_tutorial import _engine, gradients, lstm
from tests.test_rnn import worst

sizes = st.integers(1, 5)
seeds = st.integers(0, 2**32)
TOLERANCES = [(np.float64, 1e-12), (np.float32, 1e-5)]


def draw_case(rng, T, B, D, H, dtype=np.float64, peepholes=False, scale=1.0):
    """Every array of `forward`, P last, and gradients into every output, none of them zero."""
    shapes = [(T, B, D), (B, H), (B, H), (4 * H, D), (4 * H, H), (4 * H,), (3 * H,)]
    args = [rng.normal(0, scale, s).astype(dtype) for s in shapes[: 7 if peepholes else 6]]
    grads = [rng.normal(size=s).astype(dtype) for s in [(T, B, H), (B, H), (B, H)]]
    return args, grads


def draw_lengths(rng, T, B):
    """Lengths of which one is T, as in a padded batch."""
    lengths = rng.integers(1, T + 1, B)
    lengths[rng.integers(B)] = T
    return lengths


def run(args, grads, lengths=None, module=lstm):
    """Outputs, last states and gradients, in one list."""
    hs, (h_T, c_T), tape = module.forward(*args, lengths=lengths)
    dhs, dh_T, dc_T = grads
    return [hs, h_T, c_T, *module.backward(dhs, tape, dh_T, dc_T)]


def run_stack(args, grads, layers, lengths=None, module=lstm):
    """Outputs, last states and gradients of a stack, in one list."""
    hs, states, tapes = module.stack_forward(*args, layers, lengths)
    dx, dh0, dc0, dlayers = module.stack_backward(grads[0], tapes, *grads[1:])
    return [hs, *states, dx, dh0, dc0] + [dW for layer in dlayers for dWs in layer for dW in dWs]


def autograd(args, grads, lengths=None):
    """The same layer, one step at a time, differentiated by PyTorch."""
    leaves = [torch.tensor(a, requires_grad=True) for a in args]
    x, h, c, W_ih, W_hh, b, *P = leaves
    p_i, p_o, p_f = P[0].chunk(3) if P else (0, 0, 0)
    lengths = np.full(len(h), len(x)) if lengths is None else lengths
    hs = []
    for t, x_t in enumerate(x):
        i, f, g, o = (x_t @ W_ih.T + h @ W_hh.T + b).chunk(4, dim=1)
        i, f = torch.sigmoid(i + p_i * c), torch.sigmoid(f + p_f * c)
        c_next = f * c + i * torch.tanh(g)
        h_next = torch.sigmoid(o + p_o * c_next) * torch.tanh(c_next)
        runs = torch.tensor(t < lengths)[:, None]
        h, c = torch.where(runs, h_next, h), torch.where(runs, c_next, c)
        hs.append(h * runs)
    outputs = [torch.stack(hs), h, c]
    torch.autograd.backward(outputs, [torch.tensor(g) for g in grads])
    return [a.detach().numpy() for a in outputs] + [leaf.grad.numpy() for leaf in leaves]


def nn_lstm(args, grads, layers, lengths=None):
    """`torch.nn.LSTM` with the weights of `layers`: outputs, last states and all gradients."""
    x, h0, c0 = (torch.tensor(a, requires_grad=True) for a in args)
    directions = len(layers[0])
    H = h0.shape[2]
    network = torch.nn.LSTM(x.shape[2], H, len(layers), bidirectional=directions == 2)
    network.to(x.dtype)
    names = [f"_l{k}{'_reverse' * j}" for k in range(len(layers)) for j in range(directions)]
    with torch.no_grad():
        for name, (W_ih, W_hh, b) in zip(
            names, [w for layer in layers for w in layer], strict=True
        ):
            getattr(network, f"weight_ih{name}").copy_(torch.tensor(W_ih))
            getattr(network, f"weight_hh{name}").copy_(torch.tensor(W_hh))
            getattr(network, f"bias_ih{name}").copy_(torch.tensor(b))
            getattr(network, f"bias_hh{name}").zero_()
    packed = x if lengths is None else pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)  # fmt: skip
    out, (h_T, c_T) = network(packed, (h0, c0))
    if lengths is not None:
        out = pad_packed_sequence(out)[0]
    torch.autograd.backward([out, h_T, c_T], [torch.tensor(g) for g in grads])
    weights = [getattr(network, w + n).grad for n in names for w in ("weight_ih", "weight_hh", "bias_ih")]  # fmt: skip
    return [a.detach().numpy() for a in (out, h_T, c_T, x.grad, h0.grad, c0.grad, *weights)]


@given(sizes, sizes, sizes, sizes, st.booleans(), st.booleans(), seeds)
@settings(max_examples=120)
def test_states_and_gradients_equal_autograd(T, B, D, H, peepholes, padded, seed):
    rng = np.random.default_rng(seed)
    args, grads = draw_case(rng, T, B, D, H, peepholes=peepholes)
    lengths = draw_lengths(rng, T, B) if padded else None
    assert worst(run(args, grads, lengths), autograd(args, grads, lengths)) < 1e-12


@given(sizes, sizes, sizes, sizes, st.booleans(), st.sampled_from(TOLERANCES), seeds)
@settings(max_examples=60)
def test_states_and_gradients_equal_nn_lstm(T, B, D, H, padded, precision, seed):
    dtype, tolerance = precision
    rng = np.random.default_rng(seed)
    args, grads = draw_case(rng, T, B, D, H, dtype)
    lengths = draw_lengths(rng, T, B) if padded else None
    x, h0, c0, *weights = args
    dhs, dh_T, dc_T = grads
    want = nn_lstm([x, h0[None], c0[None]], [dhs, dh_T[None], dc_T[None]], [[weights]], lengths)
    want[1:3], want[4:6] = [a[0] for a in want[1:3]], [a[0] for a in want[4:6]]
    got = run(args, grads, lengths)
    assert worst(got, want) < tolerance
    assert {a.dtype for a in got} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype, tolerance", TOLERANCES)
@pytest.mark.parametrize("T, B, D, H", [(1000, 2, 3, 8), (1000, 1, 1, 32), (60, 20, 30, 40)])
def test_long_sequences_equal_nn_lstm(T, B, D, H, dtype, tolerance):
    rng = np.random.default_rng(1)
    x, dhs = rng.normal(size=(2, T, B, max(D, H))).astype(dtype)
    states = rng.normal(size=(4, 1, B, H)).astype(dtype)
    weights = lstm.init(D, H, rng, dtype)
    args, grads = [x[..., :D], *states[:2]], [dhs[..., :H], *states[2:]]
    want = nn_lstm(args, grads, [[weights]])
    got = run([x[..., :D], *states[:2, 0], *weights], [dhs[..., :H], *states[2:, 0]])
    assert worst(got, [w.reshape(g.shape) for g, w in zip(got, want, strict=True)]) < tolerance


@given(st.integers(1, 3), st.integers(1, 2), sizes, sizes, sizes, sizes, st.booleans(), seeds)
@settings(max_examples=60)
def test_a_stack_equals_nn_lstm(depth, directions, T, B, D, H, padded, seed):
    rng = np.random.default_rng(seed)
    lengths = draw_lengths(rng, T, B) if padded else None
    inputs = [D] + [directions * H] * (depth - 1)
    layers = [[lstm.init(n, H, rng) for _ in range(directions)] for n in inputs]
    args = [rng.normal(size=s) for s in [(T, B, D)] + [(depth * directions, B, H)] * 2]
    grads = [rng.normal(size=s) for s in [(T, B, directions * H)] + [(depth * directions, B, H)] * 2]  # fmt: skip
    got, want = run_stack(args, grads, layers, lengths), nn_lstm(args, grads, layers, lengths)
    assert worst(got, want) < 1e-12


@pytest.mark.parametrize("peepholes, lengths", [(False, None), (True, None), (True, [2, 6, 1])])
@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (1, 3, 2, 4), (6, 1, 2, 4), (6, 3, 2, 1), (40, 3, 3, 5)]
)
def test_gradients_equal_finite_differences(shape, peepholes, lengths):
    args, grads = draw_case(np.random.default_rng(0), *shape, peepholes=peepholes, scale=0.5)
    lengths = None if lengths is None else np.minimum(lengths[: shape[1]], shape[0])

    def loss(*arrays):
        hs, (h_T, c_T), _ = lstm.forward(*arrays, lengths=lengths)
        return sum((a * d).sum() for a, d in zip([hs, h_T, c_T], grads, strict=True))

    assert max(gradients.check(loss, args, run(args, grads, lengths)[3:])) < 1e-7


@given(sizes, sizes, sizes, seeds)
@settings(max_examples=30)
def test_one_step_is_a_sequence_of_one(B, D, H, seed):
    (x, *rest), (_, dh, dc) = draw_case(np.random.default_rng(seed), 1, B, D, H)
    h, c = lstm.step(x[0], *rest)
    dx, *grads = lstm.step_backward(dh, dc, x[0], *rest)
    want = autograd([x, *rest], [np.zeros((1, B, H)), dh, dc])
    assert worst([h, c, dx, *grads], [*want[1:3], want[3][0], *want[4:]]) < 1e-12


def run_plain(args, grads, module=lstm):
    """The same list as `run`, by the equations as they stand."""
    hs, states, memories = module.forward_plain(*args)
    return [hs, *states, *module.backward_plain(grads[0], memories, *args[3:], *grads[1:])]


def draw_layer(seed, dtype, shape=None):
    """A case whose weights are drawn as in `init`, of a shape that is drawn too."""
    rng = np.random.default_rng(seed)
    T, B, D, H = rng.integers(1, [41, 17, 9, 17]) if shape is None else shape
    args, grads = draw_case(rng, T, B, D, H, dtype)
    args[3:] = lstm.init(D, H, rng, dtype)
    return args, grads


def last_places(got, want):
    """The largest difference of two arrays, in last places of the largest entry."""
    return abs(got - want).max() / (abs(want).max() * np.finfo(want.dtype).eps)


# Plain and tuned code add the same products in another order: the bias first or last, W_ih and
# W_hh in one sum or in two, the shares of the steps in pairs or one by one. Each sum is rounded
# anew, and the layer, whose weights are of the size that `init` draws, does not amplify that.
# The most seen, over 400 shapes and sequences of up to 1,000 steps in both types, is 12 last
# places; the bound is the next power of two but one. (With weights of size 1 instead of 1/√H the
# recurrence amplifies, and 180 were seen.)
LAST_PLACES = 32


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_plain_and_tuned_agree_to_the_last_five_bits(dtype):
    for seed in range(100):
        case = draw_layer(seed, dtype)
        got, want = run(*case), run_plain(*case)
        assert [a.dtype for a in want] == [np.dtype(dtype)] * 9
        assert max(map(last_places, got, want)) < LAST_PLACES


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(1000, 2, 3, 8), (60, 32, 40, 64)])
def test_plain_and_tuned_agree_at_larger_sizes(shape, dtype):
    case = draw_layer(1, dtype, shape)
    assert max(map(last_places, run(*case), run_plain(*case))) < LAST_PLACES


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sequences_of_different_lengths_are_what_plain_says_of_each_alone(dtype):
    args, (dhs, dh_T, dc_T) = draw_layer(2, dtype, (12, 4, 3, 5))
    lengths = np.array([12, 1, 7, 4])
    hs, h_T, c_T, dx, dh0, dc0, *dW = run(args, (dhs, dh_T, dc_T), lengths)
    shares = []
    for k, n in enumerate(lengths):
        one = slice(k, k + 1)
        x, h0, c0 = args[0][:n, one], args[1][one], args[2][one]
        want = run_plain([x, h0, c0, *args[3:]], [dhs[:n, one], dh_T[one], dc_T[one]])
        got = [hs[:n, one], h_T[one], c_T[one], dx[:n, one], dh0[one], dc0[one]]
        assert max(map(last_places, got, want[:6])) < LAST_PLACES
        shares.append(want[6:])
    assert max(map(last_places, dW, map(sum, zip(*shares, strict=True)))) < LAST_PLACES


@pytest.mark.parametrize("dtype, tolerance", TOLERANCES)
def test_the_plain_layer_equals_autograd(dtype, tolerance):
    for seed in range(20):
        case = draw_layer(seed, dtype)
        assert worst(run_plain(*case), autograd(*case)) < tolerance


def test_plain_functions_refuse_bad_arrays_by_name():
    (x, h0, c0, *weights), (dhs, dh_T, dc_T) = draw_layer(0, np.float64, (4, 2, 3, 5))
    with pytest.raises(ValueError, match=r"h_prev: expected shape \(B=2, H\), got \(1, 5\)"):
        lstm.step(x[0], h0[:1], c0, *weights)
    with pytest.raises(ValueError, match=r"dc: expected shape \(B=2, H=5\), got \(2, 4\)"):
        lstm.step_backward(dh_T, dc_T[:, 1:], x[0], h0, c0, *weights)
    with pytest.raises(ValueError, match=r"x: expected shape \(T, B, D\), got \(2, 3\)"):
        lstm.forward_plain(x[0], h0, c0, *weights)
    memories = lstm.forward_plain(x, h0, c0, *weights)[2]
    with pytest.raises(ValueError, match=r"dhs: expected shape \(T=4, B, H\), got \(3, 2, 5\)"):
        lstm.backward_plain(dhs[1:], memories, *weights, dh_T, dc_T)
    with pytest.raises(ValueError, match="dh: expected finite numbers, got nan"):
        lstm.backward_plain(dhs, memories, *weights, dh_T * np.nan, dc_T)


@pytest.mark.parametrize("lengths", [None, np.array([4, 1])])
@pytest.mark.parametrize("kept", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)])
def test_a_gradient_left_out_counts_as_zero(kept, lengths):
    args, grads = draw_case(np.random.default_rng(2), 4, 2, 3, 5)
    none = [g if k in kept else None for k, g in enumerate(grads)]
    zero = [g if k in kept else np.zeros_like(g) for k, g in enumerate(grads)]
    assert worst(run(args, none, lengths), run(args, zero, lengths)) == 0


@pytest.mark.parametrize("lengths", [None, np.array([2, 3])])
def test_last_gradients_left_out_of_a_stack_count_as_zero(lengths):
    rng = np.random.default_rng(3)
    layers = [[lstm.init(2, 4, rng)], [lstm.init(4, 4, rng), lstm.init(4, 4, rng)]]
    x, dhs, zero = rng.normal(size=(3, 2, 2)), rng.normal(size=(3, 2, 8)), np.zeros((3, 2, 4))
    hs, states, tapes = lstm.stack_forward(x, zero, zero, layers, lengths)
    assert hs.shape == (3, 2, 8) and states[0].shape == (3, 2, 4), "one direction, then two"
    got, want = lstm.stack_backward(dhs, tapes), lstm.stack_backward(dhs, tapes, zero, zero)
    assert worst(got[:3], want[:3]) == 0


@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_saturated_gates_neither_overflow_nor_warn(dtype, peepholes):
    args, grads = draw_case(np.random.default_rng(3), 5, 2, 3, 4, dtype, peepholes, scale=1e4)
    args[3:5] = [np.clip(a, -1, 1) for a in args[3:5]]  # so that z, not its products, is near 1e4
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        got = run(args, grads)
    want = autograd(args, grads)
    assert worst(got[:3], want[:3]) < 10 * np.finfo(dtype).eps
    for g, w in zip(got[3:], want[3:], strict=True):  # PyTorch's slopes, too, are 0 to rounding
        assert np.allclose(g, w, rtol=1e-5, atol=np.finfo(dtype).eps * 1e5)


@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize(
    "slice_bytes, cache_bytes", [(1, 1), (2**10, 1), (1440, 1440), (2**24, 2**11)]
)
def test_gradients_do_not_depend_on_the_size_of_slices(
    monkeypatch, slice_bytes, cache_bytes, peepholes
):
    args, grads = draw_case(np.random.default_rng(4), 7, 3, 2, 5, peepholes=peepholes)
    lengths = np.array([7, 1, 4])
    want = run(args, grads, lengths)
    monkeypatch.setattr(_engine, "SLICE_BYTES", slice_bytes)
    monkeypatch.setattr(_engine, "CACHE_BYTES", cache_bytes)
    assert worst(run(args, grads, lengths), want) < 1e-15


def test_what_is_in_the_padding_does_not_matter():
    args, grads = draw_case(np.random.default_rng(4), 6, 3, 2, 5, peepholes=True)
    lengths = np.array([6, 1, 4])
    want = run(args, grads, lengths)
    padding = ~(np.arange(6)[:, None] < lengths)
    args[0][padding], grads[0][padding] = 1e6, 1e6
    got = run(args, grads, lengths)
    assert worst(got, want) == 0
    assert not got[0][padding].any() and not got[3][padding].any()


def test_inputs_are_never_changed_and_may_be_read_only_or_strided():
    args, grads = draw_case(np.random.default_rng(4), 4, 2, 3, 5, peepholes=True)
    for arrays in (args, args[:6]):
        plain = run(arrays, grads)
        strided = [np.repeat(a, 2, axis=-1)[..., ::2] for a in [*arrays, *grads]]
        for a in strided:
            a.flags.writeable = False
        assert worst(run(strided[:-3], strided[-3:]), plain) < 1e-15


def test_arrays_may_be_the_same_one():
    args, grads = draw_case(np.random.default_rng(5), 5, 5, 5, 5)
    args[2], args[4] = args[1], args[3]
    grads[2] = grads[1]
    apart = [[a.copy() for a in arrays] for arrays in (args, grads)]
    assert worst(run(args, grads), run(*apart)) == 0
    hs, (h_T, c_T), tape = lstm.forward(*args)
    want = lstm.backward(hs, tape, h_T, c_T)
    assert worst(lstm.backward(hs.copy(), tape, h_T.copy(), c_T.copy()), want) == 0


@pytest.mark.parametrize("B", [1, 2])
@pytest.mark.parametrize("peepholes", [False, True])
def test_outputs_may_be_changed_without_harm_to_the_tape_or_each_other(B, peepholes):
    args, grads = draw_case(np.random.default_rng(5), 4, B, 3, 5, peepholes=peepholes)
    want = run(args, grads)[3:]
    hs, (h_T, c_T), tape = lstm.forward(*args)
    hs[:] = h_T[:] = c_T[:] = 7
    first = lstm.backward(grads[0], tape, *grads[1:])
    assert worst(first, want) == 0
    for k, gradient in enumerate(first):
        gradient[:] = k
    assert all((gradient == k).all() for k, gradient in enumerate(first))
    assert worst(lstm.backward(grads[0], tape, *grads[1:]), want) == 0, "a tape can be read twice"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("T, B, D, H", [(1, 1, 1, 1), (7, 3, 4, 5)])
def test_the_tape_takes_the_bytes_it_says(T, B, D, H, dtype):
    args, _ = draw_case(np.random.default_rng(6), T, B, D, H, dtype)
    tape = lstm.forward(*args)[2]
    itemsize = np.dtype(dtype).itemsize
    assert tape.nbytes == itemsize * B * ((T + 1) * (D + 1 + H) + 5 * (T + 1) * H + T * H)


def test_init_is_pytorchs_but_for_the_forget_gate_and_reproducible():
    W_ih, W_hh, b = lstm.init(300, 100, 0)
    assert (W_ih.shape, W_hh.shape, b.shape) == ((400, 300), (400, 100), (400,))
    for a in (W_ih, W_hh):
        assert 0.099 < abs(a).max() <= 0.1, "uniform in ±1/√H"
        assert abs(a.std() - 0.1 / np.sqrt(3)) < 1e-3
    assert (b[100:200] == 1).all() and abs(np.delete(b, range(100, 200))).max() <= 0.1
    assert (lstm.init(2, 3, 0, forget_bias=-2.5)[2][3:6] == -2.5).all()
    assert np.array_equal(W_hh, lstm.init(300, 100, np.random.default_rng(0))[1])
    assert {a.dtype for a in lstm.init(2, 3, 0, np.float32)} == {np.dtype(np.float32)}


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
        (2, np.ones((2, 4)), ValueError, r"c0: expected shape \(B=2, H=5\), got \(2, 4\)"),
        (2, np.full((2, 5), -np.inf), ValueError, "c0: expected finite numbers, got -inf"),
        (3, np.ones((5, 3)), ValueError, r"W_ih: expected shape \(4H=20, D=3\), got \(5, 3\)"),
        (3, np.ones((3, 20)), ValueError, r"W_ih: expected shape \(4H=20, D=3\), got \(3, 20\)"),
        (4, np.ones((20, 4)), ValueError, r"W_hh: expected shape \(4H=20, H=5\), got \(20, 4\)"),
        (5, np.ones((20, 1)), ValueError, r"b: expected shape \(4H=20,\), got \(20, 1\)"),
        (6, np.ones(20), ValueError, r"P: expected shape \(3H=15,\), got \(20,\)"),
        (6, [0.0] * 15, TypeError, "P: expected a NumPy array, got list"),
        (7, [4, 1], TypeError, "lengths: expected a NumPy array, got list"),
        (7, np.array([4.0, 1.0]), TypeError, "lengths: expected integers, got float64"),
        (7, np.array([4, 1, 1]), ValueError, r"lengths: expected shape \(B=2,\), got \(3,\)"),
        (7, np.array([4, 0]), ValueError, "lengths: expected lengths from 1 to T=4, got 0 to 4"),
        (7, np.array([5, 1]), ValueError, "lengths: expected lengths from 1 to T=4, got 1 to 5"),
    ],
)  # fmt: skip
def test_bad_arrays_are_refused_by_name(place, bad, error, message):
    args, _ = draw_case(np.random.default_rng(6), 4, 2, 3, 5, peepholes=True)
    args.append(np.array([4, 1]))
    args[place] = bad
    with pytest.raises(error, match=message):
        lstm.forward(*args)


@pytest.mark.parametrize(
    "grads, error, message",
    [
        ((None, None, None), ValueError, "dhs, dh_T, dc_T: expected at least one of them, got None"),
        ((np.ones((3, 2, 5)), None, None), ValueError, r"dhs: expected shape \(T=4, B=2, H=5\)"),
        ((None, np.ones((2, 4)), None), ValueError, r"dh_T: expected shape \(B=2, H=5\), got \(2, 4\)"),
        ((None, None, np.ones(5)), ValueError, r"dc_T: expected shape \(B=2, H=5\), got \(5,\)"),
        ((None, np.full((2, 5), np.nan), None), ValueError, "dh_T: expected finite numbers, got nan"),
        ((np.ones((4, 2, 5), np.float32), None, None), TypeError, "dhs: expected float64"),
    ],
)  # fmt: skip
def test_bad_gradients_are_refused_by_name(grads, error, message):
    args, _ = draw_case(np.random.default_rng(7), 4, 2, 3, 5)
    with pytest.raises(error, match=message):
        run(args, grads)


@pytest.mark.parametrize("longest", [2, 3, 100, 10_000])
def test_chrono_biases_stand_for_times_up_to_the_longest(longest):
    enter, forget = lstm.chrono(5000, longest, 0)
    tau = 1 + np.exp(forget)
    np.testing.assert_array_equal(enter, -forget)
    assert tau.min() >= 2 and tau.max() <= longest * (1 + 1e-12)
    spread = (longest - 2) / np.sqrt(12)  # of a uniform distribution
    assert abs(tau.mean() - (2 + longest) / 2) <= 4 * spread / np.sqrt(5000)
    assert abs(tau.std() - spread) <= 0.03 * spread


def test_chrono_is_reproducible_and_refuses_what_is_no_time():
    assert np.array_equal(lstm.chrono(4, 10, 1), lstm.chrono(4, 10, np.random.default_rng(1)))
    assert not np.array_equal(lstm.chrono(4, 10, 1), lstm.chrono(4, 10, 2))
    for arguments, error, message in [
        ((0, 10, 0), ValueError, "hidden_size"),
        ((4, 1, 0), ValueError, "longest: expected at least 2 steps, got 1"),
        ((4, 9.5, 0), TypeError, "longest"),
        ((4, 10, None), TypeError, "rng"),
    ]:
        with pytest.raises(error, match=message):
            lstm.chrono(*arguments)


@pytest.mark.parametrize(
    "args, error, message",
    [
        ((0, 3, 0), ValueError, "input_size: expected at least 1, got 0"),
        ((2, 3.0, 0), TypeError, "hidden_size: expected an integer, got float"),
        ((2, 3, None), TypeError, "rng: expected a seed or a numpy Generator, got NoneType"),
        ((2, 3, 0, np.int32), TypeError, "dtype: expected float32 or float64, got int32"),
        ((2, 3, 0, np.float64, np.inf), ValueError, "forget_bias: expected a finite number, got inf"),
        ((2, 3, 0, np.float64, "1"), TypeError, "forget_bias: expected a number, got str"),
    ],
)  # fmt: skip
def test_bad_sizes_and_seeds_are_refused_by_name(args, error, message):
    with pytest.raises(error, match=message):
        lstm.init(*args)


def test_a_step_takes_no_sequence():
    args, _ = draw_case(np.random.default_rng(9), 4, 2, 3, 5)
    with pytest.raises(ValueError, match=r"x: expected shape \(B, D\), got \(4, 2, 3\)"):
        lstm.step(*args)


def test_bad_stacks_are_refused_by_name():
    rng = np.random.default_rng(10)
    layers = [[lstm.init(3, 5, rng), lstm.init(3, 5, rng)], [lstm.init(10, 5, rng)]]
    x, states = np.ones((4, 2, 3)), np.zeros((3, 2, 5))
    tapes = lstm.stack_forward(x, states, states, layers)[2]
    with pytest.raises(ValueError, match=r"h0: expected shape \(L=3, B=2, H\), got \(2, 2, 5\)"):
        lstm.stack_forward(x, states[:2], states, layers)
    with pytest.raises(ValueError, match=r"layers\[1\]: expected one direction or two, got 0"):
        lstm.stack_forward(x, states, states, [layers[0], []])
    with pytest.raises(ValueError, match="layers: expected at least one layer, got none"):
        lstm.stack_forward(x, states, states, [])
    with pytest.raises(ValueError, match=r"layers\[1\]\[0\].W_ih: expected shape \(4H=20, D=10\)"):
        lstm.stack_forward(x, states, states, [layers[0], [lstm.init(5, 5, rng)]])
    with pytest.raises(
        ValueError, match=r"dhs: expected shape \(T=4, B=2, H=5\), got \(4, 2, 10\)"
    ):
        lstm.stack_backward(np.ones((4, 2, 10)), tapes)
    with pytest.raises(
        ValueError, match=r"dc_T: expected shape \(L=3, B=2, H=5\), got \(2, 2, 5\)"
    ):
        lstm.stack_backward(np.ones((4, 2, 5)), tapes, dc_T=states[:2])
