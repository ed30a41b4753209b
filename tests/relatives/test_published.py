"""The relatives whose gates see the state, against PyTorch and loops of the papers' equations."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from lstm_tutorial.relatives import published

T, B, D, H = 7, 3, 2, 5


def draw(*shape, scale=1.0, seed=0):
    rng = np.random.default_rng([seed, *shape])
    return torch.as_tensor(rng.normal(size=shape) * scale)


def sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z > -700 else 0.0


def layer(blocks, scale=1.0):
    return draw(T, B, D), draw(blocks * H, D, scale=scale), draw(blocks * H, H, scale=scale)


def gru_by_hand(x, W, U, b_ih, b_hh, reset):
    """One sequence, unit by unit: equations 5 to 8 of Cho et al., and the later placement."""
    h, hs = [0.0] * H, []
    for x_t in x:

        def row(k, state, own=None, x_t=x_t):
            given = sum(float(w) * float(v) for w, v in zip(W[k], x_t, strict=True)) + float(
                b_ih[k]
            )
            past = sum(float(u) * s for u, s in zip(U[k], state, strict=True)) + float(b_hh[k])
            return given + (past if own is None else own * past)

        r = [sigmoid(row(j, h)) for j in range(H)]
        z = [sigmoid(row(H + j, h)) for j in range(H)]
        gated = [r[j] * h[j] for j in range(H)]
        if reset == "before":
            n = [math.tanh(row(2 * H + j, gated)) for j in range(H)]
        else:
            n = [math.tanh(row(2 * H + j, h, own=r[j])) for j in range(H)]
        h = [z[j] * h[j] + (1 - z[j]) * n[j] for j in range(H)]
        hs.append(h)
    return torch.tensor(hs, dtype=torch.float64)


@pytest.mark.parametrize("reset", ["after", "before"])
def test_gru_is_what_its_equations_say(reset):
    (x, W, U), b_ih, b_hh = layer(3), draw(3 * H), draw(3 * H, seed=1)
    cell = {"after": published.GRU, "before": published.GRU_RESET_BEFORE}[reset]
    hs = cell.run(x, W, U, b_ih, b_hh)
    for k in range(B):
        want = gru_by_hand(x[:, k], W, U, b_ih, b_hh, reset)
        torch.testing.assert_close(hs[:, k], want, rtol=1e-12, atol=1e-12)


def test_gru_with_the_reset_after_the_product_is_that_of_pytorch():
    theirs = nn.GRU(D, H, dtype=torch.float64)
    x = draw(T, B, D)
    hs = published.GRU.run(x, *theirs.all_weights[0])
    torch.testing.assert_close(hs, theirs(x)[0], rtol=1e-12, atol=1e-12)
    before = published.GRU_RESET_BEFORE.run(x, *theirs.all_weights[0])
    assert (hs - before).abs().max() > 1e-3


def test_the_plain_unit_and_the_gru_with_one_bias_are_those_of_pytorch():
    x = draw(T, B, D)
    theirs = nn.RNN(D, H, dtype=torch.float64)
    W, U, b_ih, b_hh = theirs.all_weights[0]
    torch.testing.assert_close(published.RNN.run(x, W, U, b_ih + b_hh), theirs(x)[0])
    (_, W, U), b, b_n = layer(3), draw(3 * H), draw(H)
    b_hh = torch.cat([torch.zeros(2 * H), b_n])
    ours = published.GRU_ONE_BIAS.run(x, W, U, b, b_n)
    torch.testing.assert_close(ours, published.GRU.run(x, W, U, b, b_hh))


def slstm_unstabilised(x, W, U, b):
    """Equations 8 to 14 of Beck et al. as they stand, for one sequence."""
    h = c = n = np.zeros(H)
    hs = []
    for x_t in x.numpy():
        i, f, g, o = np.split(W.numpy() @ x_t + U.numpy() @ h + b.numpy(), 4)
        i, f, o = np.exp(i), 1 / (1 + np.exp(-f)), 1 / (1 + np.exp(-o))
        c, n = f * c + i * np.tanh(g), f * n + i
        h = o * c / n
        hs.append(h)
    return torch.as_tensor(np.array(hs))


def test_slstm_is_what_its_equations_say_before_they_are_stabilised():
    (x, W, U), b = layer(4), draw(4 * H)
    hs, _, ns, ms = published.SLSTM.states(x, W, U, b)
    for k in range(B):
        want = slstm_unstabilised(x[:, k], W, U, b)
        torch.testing.assert_close(hs[:, k], want, rtol=1e-12, atol=1e-12)
    assert (ns >= 1).all() and ms.isfinite().all()


def test_no_gradient_is_lost_with_the_stabiliser():
    (x, W, U), b = layer(4), draw(4 * H)
    weights = [w.requires_grad_() for w in (W, U, b)]
    assert torch.autograd.gradcheck(lambda *w: published.SLSTM.run(x, *w), weights)


@pytest.mark.parametrize("size", [100.0, -100.0])
@pytest.mark.parametrize("block", range(4))
def test_slstm_stands_large_gates(size, block):
    for dtype in (torch.float32, torch.float64):
        (x, W, U), b = layer(4), draw(4 * H)
        b[block * H : (block + 1) * H] += size
        x, W, U, b = (each.to(dtype).requires_grad_() for each in (x, W, U, b))
        hs = published.SLSTM.run(x, W, U, b)
        assert hs.isfinite().all()
        assert all(g.isfinite().all() for g in torch.autograd.grad(hs.sum(), [x, W, U, b]))


def test_networks_side_by_side_are_those_alone():
    N = 4
    x, W, U, b = draw(N, T, B, D), draw(N, 4 * H, D), draw(N, 4 * H, H), draw(N, 4 * H)
    hs = torch.func.vmap(published.SLSTM.run)(x, W, U, b)
    gru = torch.func.vmap(published.GRU.run)(
        x, W[:, : 3 * H], U[:, : 3 * H], b[:, : 3 * H], b[:, H:]
    )
    for k in range(N):
        alone = published.SLSTM.run(x[k], W[k], U[k], b[k])
        torch.testing.assert_close(hs[k], alone, rtol=1e-12, atol=1e-12)
        own = [each[k, : 3 * H] for each in (W, U, b)]
        alone = published.GRU.run(x[k], *own, b[k, H:])
        torch.testing.assert_close(gru[k], alone, rtol=1e-12, atol=1e-12)


def test_zoneout_keeps_a_share_and_takes_the_mean_in_use():
    old, new = torch.zeros(200, 50), torch.ones(200, 50)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        kept = published.zoneout(old, new, 0.3, True)
    assert set(kept.unique().tolist()) == {0.0, 1.0}
    assert (kept == 0).double().mean() == pytest.approx(0.3, abs=0.02)
    assert torch.equal(published.zoneout(old, new, 0.25, False), 0.75 * new)
    assert torch.equal(published.zoneout(old, new, 0.0, True), new)
    assert torch.equal(published.zoneout(old, new, 1.0, True), old)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: published.SLSTM.run(draw(T, D), draw(4 * H, D), draw(4 * H, H), draw(4 * H)), r"x: expected shape \(T, B, D\), got \(7, 2\)"),
        (lambda: published.SLSTM.run(draw(T, B, 3), draw(4 * H, D), draw(4 * H, H), draw(4 * H)), r"W_ih: expected shape \(20, 3\), got \(20, 2\)"),
        (lambda: published.SLSTM.run(*layer(4), draw(1)), r"b: expected shape \(20,\), got \(1,\)"),
        (lambda: published.SLSTM.run(*layer(3), draw(3 * H)), r"W_ih: expected shape \(20, 2\), got \(15, 2\)"),
        (lambda: published.GRU.run(*layer(3), draw(3 * H)), "weights: expected 4 of GRU, W_ih, W_hh, b, b_hh, got 3"),
        (lambda: published.zoneout(draw(2), draw(2), 1.5, True), "share: expected a share from 0 to 1, got 1.5"),
        (lambda: published.zoneout(draw(2), draw(3), 0.5, True), r"new: expected shape \(2,\), got \(3,\)"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
