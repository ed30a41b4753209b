"""Each variant against its equations in a slow loop, and many networks against each alone."""

import numpy as np
import pytest
import torch

from lstm_tutorial import lstm, tasks
from lstm_tutorial.experiments import design
from lstm_tutorial.relatives import variants

NAMES = [*variants.VARIANTS, *variants.MORE]
N, T, B, D, H, OUT = 3, 6, 4, 2, 5, 2


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def equations(name, zi, zf, zg, zo, c):
    """One number each in, h and c out: written again, from the text and not from the code."""
    i, f, o, g = sigmoid(zi), sigmoid(zf), sigmoid(zo), np.tanh(zg)
    if name == "no forget gate":
        f = 1.0
    elif name == "no input gate":
        i = 1.0
    elif name == "no output gate":
        o = 1.0
    elif name == "coupled gates":
        i = 1.0 - f
    elif name == "sigmoid candidate":
        g = sigmoid(zg)
    elif name == "no input activation":
        g = zg
    elif name == "tanh input gate":
        i = np.tanh(zi)
    elif name == "tanh output gate":
        o = np.tanh(zo)
    new = f * c + i * g
    if name == "factor":
        new = f * c + f * c * i * g
    squashed = np.tanh(new)
    if name == "linear output":
        squashed = new
    elif name == "sigmoid output":
        squashed = sigmoid(new)
    h = o * squashed
    return h, (h if name == "one state" else new)


def slow(name, x, W_ih, W_hh, b, own=None):
    """One network and one sequence, unit by unit."""
    h, c, hs, cs = np.zeros(H), np.full(H, float(name == "factor")), [], []
    if name == "peepholes":
        return slow_peepholes(x, W_ih, W_hh, b, own)
    if name == "full gate recurrence":
        return slow_recurrent_gates(x, W_ih, W_hh, b, own)
    for x_t in x:
        z = W_ih @ x_t + W_hh @ h + b
        pairs = [
            equations(name, z[k], z[H + k], z[2 * H + k], z[3 * H + k], c[k]) for k in range(H)
        ]
        h, c = (np.array(state) for state in zip(*pairs, strict=True))
        hs.append(h)
        cs.append(c)
    return np.array(hs), np.array(cs)


def slow_peepholes(x, W_ih, W_hh, b, p):
    """Gers & Schmidhuber (2000): the output gate's peephole sees the new store."""
    h, c, hs, cs = np.zeros(H), np.zeros(H), [], []
    for x_t in x:
        z = W_ih @ x_t + W_hh @ h + b
        h, old = np.zeros(H), c
        c = np.zeros(H)
        for k in range(H):
            i = sigmoid(z[k] + p[0, 0, k] * old[k])
            f = sigmoid(z[H + k] + p[1, 0, k] * old[k])
            c[k] = f * old[k] + i * np.tanh(z[2 * H + k])
            h[k] = sigmoid(z[3 * H + k] + p[2, 0, k] * c[k]) * np.tanh(c[k])
        hs.append(h)
        cs.append(c)
    return np.array(hs), np.array(cs)


def slow_recurrent_gates(x, W_ih, W_hh, b, R):
    """Greff et al. (2017), full gate recurrence: nine matrices, from each gate to each."""
    h, c, hs, cs = np.zeros(H), np.zeros(H), [], []
    i = f = o = np.zeros(H)
    R_ii, R_if, R_io = R[:H, :H], R[:H, H : 2 * H], R[:H, 2 * H :]
    R_fi, R_ff, R_fo = R[H : 2 * H, :H], R[H : 2 * H, H : 2 * H], R[H : 2 * H, 2 * H :]
    R_oi, R_of, R_oo = R[2 * H :, :H], R[2 * H :, H : 2 * H], R[2 * H :, 2 * H :]
    for x_t in x:
        z_i, z_f, z_g, z_o = (
            W_ih[k * H : (k + 1) * H] @ x_t + W_hh[k * H : (k + 1) * H] @ h + b[k * H : (k + 1) * H]
            for k in range(4)
        )
        i, f, o = (
            sigmoid(z_i + R_ii @ i + R_if @ f + R_io @ o),
            sigmoid(z_f + R_fi @ i + R_ff @ f + R_fo @ o),
            sigmoid(z_o + R_oi @ i + R_of @ f + R_oo @ o),
        )
        c = f * c + i * np.tanh(z_g)
        h = o * np.tanh(c)
        hs.append(h)
        cs.append(c)
    return np.array(hs), np.array(cs)


def networks(seed=0, variant="vanilla"):
    """Three networks whose pre-activations reach into the bends of every squashing."""
    rngs = [seed, seed + 1, seed + 2]
    params = variants.init(D, H, OUT, rngs, dtype=torch.float64, variant=variant)
    x = torch.as_tensor(np.random.default_rng(seed).normal(size=(T, N, B, D)))
    return [2 * p for p in params], x


@pytest.mark.parametrize("name", NAMES)
def test_a_variant_is_what_its_equations_say(name):
    params, x = networks(variant=name)
    hs, cs = variants.forward(name, x, params)
    for n in range(N):
        weights = [p[n].numpy() for p in [*params[:3], *params[5:]]]
        for k in range(B):
            want = slow(name, x[:, n, k].numpy(), *weights)
            assert np.allclose(hs[:, n, k], want[0], rtol=1e-12, atol=1e-12)
            assert np.allclose(cs[:, n, k], want[1], rtol=1e-12, atol=1e-12)


def test_no_two_variants_are_the_same():
    drawn = [networks(variant=name) for name in NAMES]
    ends = [variants.forward(n, x, p)[0][-1] for n, (p, x) in zip(NAMES, drawn, strict=True)]
    for k, one in enumerate(ends):
        assert all((one - other).abs().max() > 1e-3 for other in ends[:k])


def test_vanilla_is_the_lstm_of_the_package_and_of_pytorch():
    params, x = networks()
    hs, cs = variants.forward("vanilla", x, params)
    zero = np.zeros((B, H))
    for n in range(N):
        W_ih, W_hh, b = (p[n] for p in params[:3])
        ours, (_, c_T), _ = lstm.forward(
            x[:, n].numpy(), zero, zero, W_ih.numpy(), W_hh.numpy(), b.numpy()
        )
        assert np.allclose(hs[:, n], ours, rtol=1e-12, atol=1e-12)
        assert np.allclose(cs[-1, n], c_T, rtol=1e-12, atol=1e-12)
        layer = torch.nn.LSTM(D, H, dtype=torch.float64)
        state = {"weight_ih_l0": W_ih, "weight_hh_l0": W_hh, "bias_ih_l0": b}
        layer.load_state_dict({**state, "bias_hh_l0": torch.zeros_like(b)})
        with torch.no_grad():
            assert torch.allclose(hs[:, n], layer(x[:, n])[0], rtol=1e-12, atol=1e-12)


def batches(count, members, last):
    rngs = [np.random.default_rng(40 + n) for n in range(N)]
    for _ in range(count):
        x = np.stack([rng.normal(size=(T, B, D)) for rng in rngs], axis=1)
        y = 3 * np.stack([rng.normal(size=(T, B, OUT)) for rng in rngs], axis=1)
        y = y[-1] if last else y
        pick = (slice(None), members) if not last else (members,)
        yield torch.as_tensor(x[:, members]), torch.as_tensor(y[pick])


OFTEN = ["vanilla", "factor", "one state", "peepholes", "full gate recurrence"]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("name", OFTEN)
def test_networks_side_by_side_train_as_each_alone(name, last):
    params, _ = networks(variant=name)
    *_, together = variants.train(name, params, batches(5, [0, 1, 2], last), 0.1, 0.5)
    for n in range(N):
        alone = [p[[n]] for p in params]
        *_, alone = variants.train(name, alone, batches(5, [n], last), 0.1, 0.5)
        for ours, single in zip(together, alone, strict=True):
            assert torch.allclose(ours[n], single[0], rtol=1e-10, atol=1e-12)


def test_the_own_weights_begin_the_same_and_zeros_make_them_vanilla():
    vanilla, x = networks()
    want = variants.forward("vanilla", x, vanilla)
    for name in ("peepholes", "full gate recurrence"):
        params, _ = networks(variant=name)
        assert all(torch.equal(a, b) for a, b in zip(vanilla, params, strict=False))
        assert params[5].abs().max() <= 2 / np.sqrt(H)
        params[5].zero_()
        for ours, plain in zip(variants.forward(name, x, params), want, strict=True):
            assert torch.allclose(ours, plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_counted_are_those_with_a_gradient(name):
    params, x = networks(variant=name)
    params = [p.requires_grad_() for p in params]
    y = torch.ones(T, N, B, OUT, dtype=torch.float64)
    loss = variants.errors(name, params, x, y).sum()
    moved = sum(int((g[0] != 0).sum()) for g in torch.autograd.grad(loss, params))
    assert variants.parameters(name, D, H, OUT) == moved


def test_the_fitting_size_comes_nearest_to_the_budget():
    for name in NAMES:
        size = variants.fitting_size(name, 3, 2, 700)
        apart = [abs(variants.parameters(name, 3, size + k, 2) - 700) for k in (-1, 0, 1)]
        assert apart[1] == min(apart)
    assert variants.fitting_size("vanilla", 3, 2, variants.parameters("vanilla", 3, 9, 2)) == 9
    assert variants.fitting_size("vanilla", 3, 2, 1) == 1


def test_the_update_is_pytorchs_adam_with_a_rate_for_each_network():
    params, _ = networks()
    rates = torch.tensor([0.1, 0.01, 0.001], dtype=torch.float64)
    stream = list(batches(5, [0, 1, 2], True))
    *_, ours = variants.train("vanilla", params, stream, rates, 1e6)
    for n in range(N):
        theirs = [p[[n]].clone().requires_grad_() for p in params]
        adam = torch.optim.Adam(theirs, lr=float(rates[n]))
        for x, y in stream:
            adam.zero_grad()
            variants.errors("vanilla", theirs, x[:, [n]], y[[n]]).sum().backward()
            adam.step()
        for a, b in zip(ours, theirs, strict=True):
            assert torch.allclose(a[n], b[0], rtol=1e-10, atol=1e-12)


def test_each_networks_gradient_is_clipped_by_its_own_norm():
    params, _ = networks()
    x, y = next(batches(1, [0, 1, 2], False))
    y[:, 0] *= 1e6  # the first network's gradient is enormous, those of the others are not
    *_, far = variants.train("vanilla", params, [(x, y)] * 3, 0.01, 1.0)
    y[:, 0] /= 1e6
    *_, near = variants.train("vanilla", params, [(x, y)] * 3, 0.01, 1.0)
    assert all(torch.equal(a[1:], b[1:]) for a, b in zip(far, near, strict=True))
    assert not torch.equal(far[1][0], near[1][0])


def test_a_network_that_runs_into_nan_leaves_the_others_alone():
    params, _ = networks()
    x, y = next(batches(1, [0, 1, 2], False))
    y[:, 0] = torch.nan
    *_, weights = variants.train("vanilla", params, [(x, y)] * 2, 0.01, 1.0)
    assert weights[1][0].isnan().all() and weights[1][1:].isfinite().all()


def test_training_leaves_the_given_weights_and_lowers_every_error():
    rngs = [np.random.default_rng(seed) for seed in range(N)]
    params = variants.init(1, 8, 1, rngs)
    before = [p.clone() for p in params]
    stream = (variants.draw(tasks.count, 10, 16, rngs, 0.1) for _ in range(60))
    *_, after = variants.train("vanilla", params, stream, 0.02, 1.0)
    assert all(torch.equal(a, b) for a, b in zip(before, params, strict=True))
    x, y = variants.draw(tasks.count, 10, 200, rngs, 0.1)
    errors = [variants.errors("vanilla", p, x, y) for p in (before, after)]
    assert errors[0].shape == (N,) and (errors[1] < 0.1 * errors[0]).all()


def test_errors_are_those_of_the_predictions():
    params, x = networks()
    y = torch.ones(T, N, B, OUT, dtype=torch.float64)
    answers = variants.predict("vanilla", params, x)
    for n, error in enumerate(variants.errors("vanilla", params, x, y)):
        assert float(error) == pytest.approx(float(((answers[:, n] - 1) ** 2).mean()))
    last = variants.predict("vanilla", params, x, last=True)
    assert torch.equal(last, answers[-1])
    for n, error in enumerate(variants.errors("vanilla", params, x, y[-1])):
        assert float(error) == pytest.approx(float(((answers[-1, n] - 1) ** 2).mean()))


def test_the_error_of_classes_is_the_cross_entropy_where_one_is_wanted():
    params, x = networks()
    rng = np.random.default_rng(5)
    y = torch.as_tensor(rng.integers(-1, OUT, (T, N, B)))
    answers = variants.predict("vanilla", params, x)
    for n, error in enumerate(variants.errors("vanilla", params, x, y)):
        wanted = [
            float(torch.logsumexp(answers[t, n, k], 0) - answers[t, n, k, y[t, n, k]])
            for t in range(T)
            for k in range(B)
            if y[t, n, k] >= 0
        ]
        assert 0 < len(wanted) < T * B
        assert float(error) == pytest.approx(np.mean(wanted), rel=1e-12)


def test_init_draws_as_readout_does_and_sets_the_forget_bias():
    from lstm_tutorial import network

    ours = variants.init(D, H, OUT, [3, 4], forget_bias=2.0, dtype=torch.float64)
    for n, seed in enumerate([3, 4]):
        theirs = network.init(D, H, OUT, seed, "lstm")
        theirs[2][H : 2 * H] = 2.0
        for a, b in zip(ours, theirs, strict=True):
            assert np.array_equal(a[n], b)


def test_draw_gives_each_network_its_own_data():
    rngs = [np.random.default_rng(seed) for seed in (1, 2)]
    x, y = variants.draw(tasks.order, 10, 5, rngs)
    assert x.shape == (10, 2, 5, 6) and y.shape == (2, 5, 4) and x.dtype == torch.float32
    for n, seed in enumerate((1, 2)):
        alone = tasks.order(10, 5, seed)
        assert np.array_equal(x[:, n], alone[0]) and np.array_equal(y[n], alone[1])
    x, y = variants.draw(tasks.count, 10, 5, rngs, scale=0.5)
    assert torch.equal(y, 0.5 * x.cumsum(0))


def test_the_experiment_runs_variants_that_exist():
    assert set(design.VARIANTS) <= set(NAMES)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda p, x: variants.forward("gru", x, p), ValueError, r"variant: expected one of vanilla, .*full gate recurrence, got 'gru'"),
        (lambda p, x: variants.init(2, 5, 1, [0], variant="gru"), ValueError, "variant: expected one of"),
        (lambda p, x: variants.parameters("gru", 2, 5, 1), ValueError, "variant: expected one of"),
        (lambda p, x: variants.forward("vanilla", x[:, :2], p), ValueError, r"x: expected shape \(T, N=3, B, D=2\), got \(6, 2, 4, 2\)"),
        (lambda p, x: variants.train("gru", p, [], 0.1, 1.0), ValueError, "variant: expected one of"),
        (lambda p, x: variants.train("vanilla", p, [], 0.0, 1.0), ValueError, "lr: expected a finite number above 0"),
        (lambda p, x: variants.train("vanilla", p, [], torch.tensor([0.1, -1, 1]), 1.0), ValueError, "lr: expected a finite number above 0, got -1"),
        (lambda p, x: variants.train("vanilla", p, [], 0.1, -1), ValueError, "max_norm: expected a finite"),
        (lambda p, x: variants.init(2, 5, 1, []), ValueError, "rngs: expected one for each network, got none"),
        (lambda p, x: variants.init(2, 5, 1, ["0"]), TypeError, "rng: expected a seed or a numpy Generator"),
        (lambda p, x: variants.init(2, 0, 1, [0]), ValueError, "hidden_size: expected at least 1"),
        (lambda p, x: variants.init(2, 5, 1, [0], np.inf), ValueError, "forget_bias: expected a finite"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call(*networks())
