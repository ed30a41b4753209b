"""The relatives give what implementations published by others give, outputs and gradients.

sLSTM and mLSTM are those of the authors of the xLSTM paper (PyPI `xlstm`, its plain PyTorch), minGRU
and minLSTM those of Phil Wang (PyPI `minGRU-pytorch`). What stands around the cells of `xlstm`,
norms, convolutions and maps, no member of the family has here, and the gates of its mLSTM see q, k
and v where ours see x. So the cells are compared, given the same pre-activations. `mlstm_kernels`, which
`xlstm` brings along under a licence of its own, is not imported.
"""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from minGRU_pytorch.minGRU import g as published_positive
from minGRU_pytorch.minGRU import log_g as published_log_positive
from minGRU_pytorch.minGRU import minGRU
from minGRU_pytorch.minLSTM import minLSTM

from lstm_tutorial.relatives import family, published, scans
from tests.relatives.test_scans import draw


def from_xlstm(name, path):
    """Load a part of `xlstm` alone: all of it, where a GPU is, asks for a CUDA toolkit too."""
    (root,) = importlib.util.find_spec("xlstm").submodule_search_locations
    spec = importlib.util.spec_from_file_location(name, Path(root) / path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


published_slstm = from_xlstm("published_slstm", "blocks/slstm/src/vanilla/__init__.py")
published_mlstm = from_xlstm("published_mlstm", "blocks/mlstm/backends.py")


def close(a, b, tolerance=1e-12):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def agree(ours, theirs, inputs, tolerance=1e-11):
    """Compare two functions of the same inputs, and the gradients of a sum over all they show."""
    results = []
    for run in (ours, theirs):
        leaves = [each.clone().requires_grad_() for each in inputs]
        shown = run(*leaves)
        weights = draw(*shown.shape, seed=99)  # so that no two outputs count alike
        results.append((shown.detach(), *torch.autograd.grad((weights * shown).sum(), leaves)))
    (shown, *gradients), (want, *want_gradients) = results
    close(shown, want)
    for a, b in zip(gradients, want_gradients, strict=True):
        close(a, b, tolerance)


# sLSTM. Gates in our order, i, f, z, o where we write g for z; all states begin at 0, and the first
# step is told by n = 0 where ours begins at m = -inf. The maximum m is not detached as it is here,
# which changes no gradient. There are heads: blocks on the diagonal of our W_hh.

SLSTM = [(1, 1, 1, 1, 1), (7, 3, 2, 5, 1), (20, 2, 3, 6, 2), (12, 4, 5, 12, 3)]  # T, B, D, H, heads


def slstm_weights(T, B, D, H, heads, seed):
    x, W = draw(T, B, D, seed=seed), draw(4 * H, D, scale=1, seed=seed)
    R = draw(heads, 4 * H // heads, H // heads, scale=1, seed=seed)
    return x, W, R, draw(4 * H, seed=seed)


def diagonal(R):
    """The recurrent weights of heads, (heads, 4 K, K), as one matrix, (4 H, H)."""
    blocks = [torch.block_diag(*gate) for gate in R.unflatten(1, (4, -1)).unbind(1)]
    return torch.cat(blocks)


def run_published_slstm(x, W, R, b):
    """Its states h, c, n and m after every step."""
    start = x.new_zeros(4, x.shape[1], R.shape[0] * R.shape[2])
    cell = published_slstm.slstm_pointwise_function_registry["slstm"]
    return published_slstm.slstm_forward(x @ W.T, start, R, b, cell)[0][:, 1:]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", SLSTM)
def test_slstm_is_the_published_one(shape, seed):
    weights = slstm_weights(*shape, seed)
    agree(
        lambda x, W, R, b: published.slstm(x, W, diagonal(R), b)[0],
        lambda *weights: run_published_slstm(*weights)[0],
        weights,
    )
    x, W, R, b = weights
    _, ns, ms = published.slstm(x, W, diagonal(R), b)
    _, _, want_ns, want_ms = run_published_slstm(*weights)
    close(ns, want_ns)
    close(ms, want_ms)


@pytest.mark.parametrize("size", [100.0, -100.0])
@pytest.mark.parametrize("block", range(4))
def test_slstm_with_large_gates_is_the_published_one(block, size):
    x, W, R, b = slstm_weights(7, 3, 2, 5, 1, seed=0)
    b[block * 5 : (block + 1) * 5] += size
    close(
        torch.stack(published.slstm(x, W, diagonal(R), b)),
        run_published_slstm(x, W, R, b)[[0, 2, 3]],
    )


def test_slstm_is_the_published_step_from_state_to_state():
    x, W, R, b = slstm_weights(9, 3, 2, 8, 2, seed=5)
    hs, ns, ms = published.slstm(x, W, diagonal(R), b)
    cell = published_slstm.slstm_pointwise_function_registry["slstm"]
    states = torch.zeros(4, 3, 8, dtype=torch.float64)
    for t in range(9):
        after, _ = published_slstm.slstm_forward_step(x[t : t + 1] @ W.T, states, R, b, cell)
        states = after[:, 0]
        for ours, theirs in zip((hs[t], ns[t], ms[t]), states[[0, 2, 3]], strict=True):
            close(ours, theirs)


# mLSTM. Both divide the keys by the root of their length and take max(|n q|, exp(-m)) for what is
# stored divided by exp(m). The published code adds eps = 1e-6 to that, which the paper does not;
# here it is given as 0. Its recurrence begins at m = 0 where ours begins at -inf: another m of the
# first steps, and the same output, since m cancels.


def published_parallel(q, k, v, i, f):
    q, k, v = (each.permute(1, 2, 0, 3) for each in (q, k, v))  # to batch, heads, time
    i, f = (each.permute(1, 2, 0)[..., None] for each in (i, f))
    read = published_mlstm.parallel_stabilized_simple(q, k, v, i, f, eps=0.0)
    return read.permute(2, 0, 1, 3)


def published_steps(q, k, v, i, f):
    B, heads, K = q.shape[1:]
    states = (
        q.new_zeros(B, heads, K, v.shape[-1]),
        q.new_zeros(B, heads, K, 1),
        q.new_zeros(B, heads, 1, 1),
    )
    shown = []
    for t in range(len(q)):
        step = [each[t].clone().unsqueeze(2) for each in (q, k, v)]  # which it squeezes in place
        gates = [each[t][..., None, None] for each in (i, f)]
        read, states = published_mlstm.recurrent_step_stabilized_simple(
            *states, *step, *gates, eps=0.0
        )
        shown.append(read[:, :, 0])
    return torch.stack(shown)


MLSTM = [(1, 1, 1, 1, 1), (9, 3, 2, 5, 6), (30, 2, 1, 4, 4), (17, 1, 3, 8, 2)]  # T, B, heads, K, V


def mlstm_inputs(T, B, heads, K, V, seed):
    q, k = (draw(T, B, heads, K, scale=1, seed=seed + s) for s in (0, 10))
    v = draw(T, B, heads, V, scale=1, seed=seed + 20)
    i, f = (draw(T, B, heads, seed=seed + s) for s in (30, 40))
    return q, k, v, i, f


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", MLSTM)
@pytest.mark.parametrize("theirs", [published_parallel, published_steps])
@pytest.mark.parametrize("ours", [scans.mlstm, scans.mlstm_in_order])
def test_mlstm_is_the_published_one(ours, theirs, shape, seed):
    agree(ours, theirs, mlstm_inputs(*shape, seed))


@pytest.mark.parametrize("size", [6.0, -6.0, 100.0, -100.0, 800.0])
@pytest.mark.parametrize("theirs", [published_parallel, published_steps])
@pytest.mark.parametrize("ours", [scans.mlstm, scans.mlstm_in_order])
def test_mlstm_with_open_and_shut_gates_is_the_published_one(ours, theirs, size):
    # With shut input gates the floor of the normaliser decides, with open ones n q does.
    q, k, v, i, f = mlstm_inputs(9, 3, 2, 5, 6, seed=1)
    agree(ours, theirs, (q, k, v, i + size, f))
    agree(ours, theirs, (q, k, v, i, f + size))


# minGRU and minLSTM. Batch first, the rows for the candidate before those of the gates, and no
# biases: a column of ones in x stands for them. At one step it takes the equations as they stand,
# at more the scan in logarithms. Their softplus is cut off at 20 by PyTorch, where a logarithm is
# wrong by up to exp(-20) = 2e-9, so pre-activations stay below that. A state to go on from is
# carried through `positive` by the published minLSTM's scan but not by its step; ours have none.

MINIMAL = [(2, 1, 1, 1), (9, 3, 4, 5), (40, 2, 3, 8)]  # T, B, D, H
CELLS = {"min_gru": (minGRU, 2, [1, 0]), "min_lstm": (minLSTM, 3, [2, 1, 0])}


def minimal_weights(name, T, B, D, H, seed):
    """Inputs, weights and biases in our order of blocks: i, g or i, f, g."""
    blocks = CELLS[name][1]
    return (
        draw(T, B, D, scale=1, seed=seed),
        draw(blocks * H, D, scale=1, seed=seed),
        draw(blocks * H, seed=seed),
    )


def published_minimal(name, x, W, b, in_order):
    make, blocks, order = CELLS[name]
    D, H = x.shape[-1] + 1, len(W) // blocks
    layer = make(D, expansion_factor=(H + 0.5) / D, proj_out=False)  # rounded down to H
    ((weight, _),) = layer.named_parameters()
    rows = torch.cat([W, b[:, None]], dim=1).unflatten(0, (blocks, H))[order].flatten(0, 1)
    assert layer.get_parameter(weight).shape == rows.shape
    x = torch.cat([x, torch.ones_like(x[..., :1])], dim=-1).transpose(0, 1)
    if in_order:
        h, shown = None, []
        for t in range(x.shape[1]):
            args = x[:, t : t + 1], h, True
            step, h = torch.func.functional_call(layer, {weight: rows}, args)
            shown.append(step)
        hs = torch.cat(shown, dim=1)
    else:
        hs = torch.func.functional_call(layer, {weight: rows}, (x,))
    return hs.transpose(0, 1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", MINIMAL)
@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("form", [scans.in_order, scans.scan])
@pytest.mark.parametrize("name", CELLS)
def test_minimal_cells_are_the_published_ones(name, form, in_order, shape, seed):
    def ours(x, W, b):
        z = published.affine(x, W, b)
        return form(*getattr(scans, name)(*z.chunk(CELLS[name][1], dim=-1)))

    weights = minimal_weights(name, *shape, seed)
    assert published.affine(*weights).abs().max() < 20
    # Two loops agree to rounding; the gradients of a scan, ours or theirs, are differences of sums.
    tolerance = 1e-11 if in_order and form is scans.in_order else 1e-10
    agree(ours, lambda *weights: published_minimal(name, *weights, in_order), weights, tolerance)


def test_a_minimal_gru_goes_on_where_the_published_one_was_cut():
    x, W, _ = minimal_weights("min_gru", 9, 3, 4, 5, seed=7)
    hs = scans.scan(*scans.min_gru(*(x @ W.T).chunk(2, dim=-1)))
    layer = minGRU(4, expansion_factor=5.5 / 4, proj_out=False)
    rows = {"to_hidden_and_gate.weight": torch.cat([W[5:], W[:5]])}
    h, shown = None, []
    for piece in x.transpose(0, 1).split([5, 4], dim=1):
        part, h = torch.func.functional_call(layer, rows, (piece, h, True))
        shown.append(part)
    close(hs, torch.cat(shown, dim=1).transpose(0, 1))


def test_what_stands_for_tanh_is_the_published_function():
    # At the kink, 0, `positive` has the slope 0 of its relu, as both logarithms have; theirs has 1.
    zero = torch.zeros(1, dtype=torch.float64)
    z = torch.arange(-19.95, 20, 0.1, dtype=torch.float64)
    close(scans.positive(zero), published_positive(zero))
    agree(scans.log_positive, published_log_positive, [zero])
    agree(scans.positive, published_positive, [z])
    agree(scans.log_positive, published_log_positive, [z])


# The layers of the family, with a published cell in the place of ours.

T, N, B, H = 8, 2, 3, 6


def layer_weights(name):
    shapes = family.MEMBERS[name].shapes(H).values()
    return draw(T, N, B, H), *(draw(N, *shape, scale=1, seed=s) for s, shape in enumerate(shapes))


def side_by_side(alone):
    """Run networks one by one that the family runs side by side."""
    return lambda x, *weights: torch.stack(
        [alone(x[:, k], *(w[k] for w in weights)) for k in range(N)], dim=1
    )


def published_mlstm_layer(x, W, b):
    z = published.affine(x, W, b)
    i, f, rest = z[..., :2], z[..., 2:4], z[..., 4:]
    q, k, v, o = rest.unflatten(-1, (4, 2, H // 2)).unbind(-3)  # two heads
    return torch.sigmoid(o.flatten(-2)) * published_parallel(q, k, v, i, f).flatten(-2)


@pytest.mark.parametrize(
    "name, alone",
    [
        ("sLSTM", lambda x, W, U, b: run_published_slstm(x, W, U[None], b)[0]),
        ("mLSTM", published_mlstm_layer),
        ("minLSTM", lambda x, W, b: published_minimal("min_lstm", x, W, b, in_order=True)),
    ],
)
def test_layers_of_the_family_hold_the_published_cells(name, alone):
    agree(family.MEMBERS[name].run, side_by_side(alone), layer_weights(name))
