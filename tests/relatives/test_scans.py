"""The relatives whose gates see the input alone: equations, both forms, and large gates."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lstm_tutorial.relatives import scans

T, B, H, K, V = 9, 3, 4, 5, 6


def draw(*shape, scale=2.0, seed=0):
    rng = np.random.default_rng([seed, *shape])
    return torch.as_tensor(rng.normal(size=shape) * scale)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def g_of(z):
    return np.where(z >= 0, z + 0.5, sigmoid(z))


def close(a, b, tolerance=1e-10):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def test_min_gru_is_what_its_equations_say():
    i, g = draw(T, B, H).numpy(), draw(T, B, H, seed=1).numpy()
    h, want = np.zeros((B, H)), []
    for i_t, g_t in zip(i, g, strict=True):
        z = sigmoid(i_t)
        h = (1 - z) * h + z * g_of(g_t)
        want.append(h)
    logs = scans.min_gru(torch.as_tensor(i), torch.as_tensor(g))
    close(scans.in_order(*logs), torch.as_tensor(np.array(want)), 1e-12)


def test_min_lstm_is_what_its_equations_say():
    i, f, g = (draw(T, B, H, seed=s).numpy() for s in range(3))
    h, want = np.zeros((B, H)), []
    for i_t, f_t, g_t in zip(i, f, g, strict=True):
        let_in, keep = sigmoid(i_t), sigmoid(f_t)
        total = let_in + keep
        h = keep / total * h + let_in / total * g_of(g_t)
        want.append(h)
    logs = scans.min_lstm(*map(torch.as_tensor, (i, f, g)))
    close(scans.in_order(*logs), torch.as_tensor(np.array(want)), 1e-12)


def test_positive_is_above_zero_and_has_the_logarithm():
    z = torch.linspace(-100, 100, 2001, dtype=torch.float64)
    assert (scans.positive(z) > 0).all()
    close(scans.log_positive(z), scans.positive(z).log())
    far = torch.tensor([-1000.0, 1000.0])
    assert scans.log_positive(far).isfinite().all()


def all_gates():
    three = [draw(T, B, H, seed=s) for s in range(3)]
    return {"min_gru": three[:2], "min_lstm": three}


@pytest.mark.parametrize("name", ["min_gru", "min_lstm"])
def test_the_scan_is_the_loop(name):
    logs = getattr(scans, name)(*all_gates()[name])
    close(scans.scan(*logs), scans.in_order(*logs))
    long = getattr(scans, name)(*(each.repeat(50, 1, 1) for each in all_gates()[name]))
    close(scans.scan(*long), scans.in_order(*long))


@pytest.mark.parametrize("size", [100.0, -100.0])
@pytest.mark.parametrize("name", ["min_gru", "min_lstm"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_scan_stands_large_gates(name, size, dtype):
    for block in range(len(all_gates()[name])):
        gates = all_gates()[name]
        gates[block] = gates[block] + size
        gates = [gate.to(dtype).requires_grad_() for gate in gates]
        logs = getattr(scans, name)(*gates)
        hs, slow = scans.scan(*logs), scans.in_order(*logs)
        assert all(g.isfinite().all() for g in torch.autograd.grad(hs.sum(), gates))
        close(hs, slow, 1e-10 if dtype == torch.float64 else 1e-3)


def keys(*between):
    q, k = (draw(T, *between, B, K, scale=1, seed=s) for s in (3, 4))
    v = draw(T, *between, B, V, scale=1, seed=5)
    return q, k, v, draw(T, *between, B, seed=6), draw(T, *between, B, seed=7)


def mlstm_unstabilised(q, k, v, i, f):
    """Equations 19 to 26 of Beck et al. as they stand, for one sequence."""
    C, n, read = np.zeros((V, K)), np.zeros(K), []
    for q_t, k_t, v_t, i_t, f_t in zip(*(each.numpy() for each in (q, k, v, i, f)), strict=True):
        k_t, keep, let_in = k_t / np.sqrt(K), sigmoid(f_t), np.exp(i_t)
        C = keep * C + let_in * np.outer(v_t, k_t)
        n = keep * n + let_in * k_t
        read.append(C @ q_t / max(abs(n @ q_t), 1.0))
    return torch.as_tensor(np.array(read))


@pytest.mark.parametrize("form", [scans.mlstm, scans.mlstm_in_order])
def test_mlstm_is_what_its_equations_say_before_they_are_stabilised(form):
    inputs = keys()
    read = form(*inputs)
    for b in range(B):
        close(read[:, b], mlstm_unstabilised(*(each[:, b] for each in inputs)), 1e-11)


def test_both_forms_of_mlstm_agree_for_networks_and_heads_side_by_side():
    inputs = keys(2, 3)
    read = scans.mlstm(*inputs)
    close(read, scans.mlstm_in_order(*inputs))
    close(read[:, 1, 2], scans.mlstm(*(each[:, 1, 2] for each in inputs)))


@pytest.mark.parametrize("form", [scans.mlstm, scans.mlstm_in_order])
def test_no_gradient_is_lost_with_the_stabiliser(form):
    inputs = [each[:4].requires_grad_() for each in keys()]
    assert torch.autograd.gradcheck(form, inputs)


@pytest.mark.parametrize("size", [100.0, -100.0])
@pytest.mark.parametrize("which", [3, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_mlstm_stands_large_gates(which, size, dtype):
    inputs = list(keys())
    inputs[which] = inputs[which] + size
    inputs = [each.to(dtype).requires_grad_() for each in inputs]
    for form in (scans.mlstm, scans.mlstm_in_order):
        read = form(*inputs)
        gradients = torch.autograd.grad(read.sum(), inputs)
        assert read.isfinite().all() and all(g.isfinite().all() for g in gradients)
    if dtype == torch.float64:
        close(scans.mlstm(*inputs), scans.mlstm_in_order(*inputs))


def test_attention_is_that_of_pytorch_and_a_loop_over_what_came_so_far():
    q, k, v, *_ = keys()
    read = scans.attention(q, k, v)
    theirs = F.scaled_dot_product_attention(
        *(each.transpose(0, 1) for each in (q, k, v)), is_causal=True
    )
    close(read, theirs.transpose(0, 1))
    for t in range(T):
        weights = torch.softmax((k[: t + 1] * q[t]).sum(-1) / K**0.5, dim=0)
        close(read[t], (weights[..., None] * v[: t + 1]).sum(dim=0))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda q, k, v, i, f: scans.scan(i, f[:2]), r"log_add: expected shape \(9, 3\), got \(2, 3\)"),
        (lambda q, k, v, i, f: scans.in_order(i, f[:2]), r"log_add: expected shape \(9, 3\), got \(2, 3\)"),
        (lambda q, k, v, i, f: scans.mlstm(q, v, v, i, f), r"k: expected shape \(9, 3, 5\), got \(9, 3, 6\)"),
        (lambda q, k, v, i, f: scans.mlstm(q, k, v[:4], i, f), r"v: expected shape \(9, 3, V\), got \(4, 3, 6\)"),
        (lambda q, k, v, i, f: scans.mlstm_in_order(q, k, v, i[1:], f), r"i: expected shape \(9, 3\), got \(8, 3\)"),
        (lambda q, k, v, i, f: scans.mlstm(q, k, v, i, f[1:]), r"f: expected shape \(9, 3\), got \(8, 3\)"),
        (lambda q, k, v, i, f: scans.attention(q, k[1:], v), r"k: expected shape \(9, 3, 5\), got \(8, 3, 5\)"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call(*keys())
