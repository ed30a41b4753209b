"""Each variant against its equations in a slow loop, and against the LSTM of the package.

A variant has a row in `EQUATIONS`, or a slow loop of its own in `SLOW` where it has more weights or
states than the LSTM.
"""

import numpy as np
import pytest
import torch

from lstm_tutorial import lstm
from lstm_tutorial.experiments import design
from lstm_tutorial.relatives import networks, side_by_side, variants
from lstm_tutorial.relatives.networks import Network

CELLS = variants.BY_NAME
N, T, B, D, H, OUT = 3, 6, 4, 2, 5, 2
tanh = np.tanh


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def shown(o, c):
    return sigmoid(o) * tanh(c), c


def factor(i, f, g, o, c):
    kept = sigmoid(f) * c
    return shown(o, kept + kept * sigmoid(i) * tanh(g))


def usual(i, f, g, c):
    return sigmoid(f) * c + sigmoid(i) * tanh(g)


# One number each in, h and c out: written again, from the text and not from the code.
EQUATIONS = {
    "vanilla": lambda i, f, g, o, c: shown(o, usual(i, f, g, c)),
    "no forget gate": lambda i, f, g, o, c: shown(o, c + sigmoid(i) * tanh(g)),
    "no input gate": lambda i, f, g, o, c: shown(o, sigmoid(f) * c + tanh(g)),
    "no output gate": lambda i, f, g, o, c: (tanh(usual(i, f, g, c)), usual(i, f, g, c)),
    "coupled gates": lambda i, f, g, o, c: shown(o, c * sigmoid(f) + tanh(g) * (1 - sigmoid(f))),
    "sigmoid candidate": lambda i, f, g, o, c: shown(o, c * sigmoid(f) + sigmoid(i) * sigmoid(g)),
    "no input activation": lambda i, f, g, o, c: shown(o, c * sigmoid(f) + sigmoid(i) * g),
    "tanh input gate": lambda i, f, g, o, c: shown(o, c * sigmoid(f) + tanh(i) * tanh(g)),
    "tanh output gate": lambda i, f, g, o, c: (tanh(o) * tanh(usual(i, f, g, c)), usual(i, f, g, c)),
    "linear output": lambda i, f, g, o, c: (sigmoid(o) * usual(i, f, g, c), usual(i, f, g, c)),
    "sigmoid output": lambda i, f, g, o, c: (sigmoid(o) * sigmoid(usual(i, f, g, c)), usual(i, f, g, c)),
    "factor": factor,
    "one state": lambda i, f, g, o, c: (shown(o, usual(i, f, g, c))[0],) * 2,
    "squashed store": lambda i, f, g, o, c: shown(o, tanh(usual(i, f, g, c))),
}  # fmt: skip
FIRST_C = {"factor": 1.0}


def slow(name, x, W_ih, W_hh, b):
    """One network and one sequence, unit by unit."""
    h, c, hs, cs = np.zeros(H), np.full(H, FIRST_C.get(name, 0.0)), [], []
    for x_t in x:
        z = (W_ih @ x_t + W_hh @ h + b).reshape(4, H)
        pairs = [EQUATIONS[name](*z[:, k], c[k]) for k in range(H)]
        h, c = (np.array(state) for state in zip(*pairs, strict=True))
        hs.append(h)
        cs.append(c)
    return np.array(hs), np.array(cs)


def slow_peepholes(x, W_ih, W_hh, b, p):
    """Gers & Schmidhuber (2000): the output gate's peephole sees the new cell state."""
    h, c, hs, cs = np.zeros(H), np.zeros(H), [], []
    for x_t in x:
        z = W_ih @ x_t + W_hh @ h + b
        h, old = np.zeros(H), c
        c = np.zeros(H)
        for k in range(H):
            i = sigmoid(z[k] + p[0, k] * old[k])
            f = sigmoid(z[H + k] + p[1, k] * old[k])
            c[k] = f * old[k] + i * np.tanh(z[2 * H + k])
            h[k] = sigmoid(z[3 * H + k] + p[2, k] * c[k]) * np.tanh(c[k])
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


SLOW = {"peepholes": slow_peepholes, "full gate recurrence": slow_recurrent_gates}


def weights_of(cell, seed=0):
    """One network whose pre-activations reach into the bends of every squashing, and inputs."""
    drawn = networks.uniform(Network(cell), D, H, OUT, seed)
    x = torch.as_tensor(np.random.default_rng(seed).normal(size=(T, B, D)))
    return [2 * torch.as_tensor(w) for w in drawn[:-2]], x


@pytest.mark.parametrize("name", CELLS)
def test_a_variant_is_what_its_equations_say(name):
    for seed in range(N):
        weights, x = weights_of(CELLS[name], seed)
        hs, cs, *_ = CELLS[name].states(x, *weights)
        arrays = [w.numpy() for w in weights]
        for k in range(B):
            row = x[:, k].numpy()
            want = SLOW[name](row, *arrays) if name in SLOW else slow(name, row, *arrays)
            assert np.allclose(hs[:, k], want[0], rtol=1e-12, atol=1e-12)
            assert np.allclose(cs[:, k], want[1], rtol=1e-12, atol=1e-12)


def test_every_variant_of_the_module_is_listed_once_under_its_own_name():
    made = [cell for cell in vars(variants).values() if isinstance(cell, variants.Variant)]
    assert sorted(cell.name for cell in made) == sorted(CELLS)
    assert len(CELLS) == len(variants.VARIANTS) + len(variants.MORE)
    for cell in made:
        assert cell.equations.__name__ == cell.name.replace(" ", "_")


def test_no_two_variants_are_the_same():
    drawn = [(cell, *weights_of(cell)) for cell in CELLS.values()]
    ends = [cell.run(x, *weights)[-1] for cell, weights, x in drawn]
    for k, one in enumerate(ends):
        assert all((one - other).abs().max() > 1e-3 for other in ends[:k])


def test_vanilla_is_the_lstm_of_the_package_and_of_pytorch():
    zero = np.zeros((B, H))
    for seed in range(N):
        (W_ih, W_hh, b), x = weights_of(variants.VANILLA, seed)
        hs, cs = variants.VANILLA.states(x, W_ih, W_hh, b)
        ours, (_, c_T), _ = lstm.forward(
            x.numpy(), zero, zero, W_ih.numpy(), W_hh.numpy(), b.numpy()
        )
        assert np.allclose(hs, ours, rtol=1e-12, atol=1e-12)
        assert np.allclose(cs[-1], c_T, rtol=1e-12, atol=1e-12)
        layer = torch.nn.LSTM(D, H, dtype=torch.float64)
        state = {"weight_ih_l0": W_ih, "weight_hh_l0": W_hh, "bias_ih_l0": b}
        layer.load_state_dict({**state, "bias_hh_l0": torch.zeros_like(b)})
        with torch.no_grad():
            assert torch.allclose(hs, layer(x)[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["peepholes", "full gate recurrence"])
def test_the_own_weights_begin_the_same_and_zeros_make_them_vanilla(name):
    vanilla = networks.uniform(Network(variants.VANILLA), D, H, OUT, 0)
    drawn = networks.uniform(Network(CELLS[name]), D, H, OUT, 0)
    own = drawn.pop(3)
    assert all(np.array_equal(a, b) for a, b in zip(vanilla, drawn, strict=True))
    assert np.abs(own).max() <= 1 / np.sqrt(H)
    weights, x = weights_of(CELLS[name])
    weights[3].zero_()
    want = variants.VANILLA.states(x, *weights[:3])
    for ours, plain in zip(CELLS[name].states(x, *weights)[:2], want, strict=True):
        assert torch.allclose(ours, plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_the_weights_counted_are_those_with_a_gradient(name):
    network = Network(CELLS[name])
    params = side_by_side.stack([networks.uniform(network, D, H, OUT, 0)], torch.float64)
    params = [(2 * p).requires_grad_() for p in params]
    _, x = weights_of(CELLS[name])
    y = torch.ones(1, T, B, OUT, dtype=torch.float64)
    loss = side_by_side.errors(network, params, x[None], y).sum()
    moved = sum(int((g[0] != 0).sum()) for g in torch.autograd.grad(loss, params))
    assert network.parameters(D, H, OUT) == moved


@pytest.mark.parametrize("name", set(CELLS) - {"one state"})
def test_what_is_carried_is_the_state(name):
    start = CELLS[name].start(torch.zeros(1, H))
    assert CELLS[name].carried(H) == sum(part.numel() for part in start)
    assert variants.ONE_STATE.carried(H) == H  # where c is h once more


def test_the_experiment_runs_variants_that_exist():
    assert set(design.VARIANTS) <= set(CELLS)
