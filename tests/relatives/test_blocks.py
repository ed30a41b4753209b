"""Convolutions and transformer blocks: PyTorch's, what they see, and the steps told apart."""

import numpy as np
import pytest
import torch

from lstm_tutorial.relatives import blocks, networks, side_by_side
from lstm_tutorial.relatives.family import BY_NAME

N, T, B, D, H, OUT = 3, 6, 4, 2, 8, 2


def drawn(network, count=N, length=T):
    single = (networks.for_lag(network, D, H, OUT, seed, lag=10) for seed in range(count))
    x = np.random.default_rng(9).normal(size=(count, length, B, D))
    return side_by_side.stack(single), torch.as_tensor(x, dtype=torch.float32)


@pytest.mark.parametrize(
    "name, field", [("convolution, field 15", 15), ("convolution, field 31", 31)]
)
def test_a_convolution_sees_its_field_and_nothing_before(name, field):
    network = BY_NAME[name]
    weights, x = drawn(network, length=40)
    changed = x.clone()
    changed[:, 0] += 1
    one, two = (side_by_side.answers(network, weights, each) for each in (changed, x))
    seen = (one - two).abs().amax(dim=(0, 2, 3)) > 0
    assert seen[0] and seen[:field].any() and not seen[field:].any()
    # What it carries in a stream: of every layer the inputs it will read again.
    assert network.carried(H) == (field - 1) * H


def test_a_convolution_is_that_of_torch():
    network = BY_NAME["convolution, field 15"]
    weights, x = drawn(network, count=1)
    W_e, b_e, *layers, W_hy, b_y = (w[0] for w in weights)
    shown = (x[0] @ W_e.T + b_e).permute(1, 2, 0)  # (B, H, T)
    for dilation, W, b in zip((1, 2, 4), layers[::2], layers[1::2], strict=True):
        kernel = W.unflatten(1, (blocks.TAPS, H)).transpose(1, 2).flip(-1)
        padded = torch.nn.functional.pad(shown, (2 * dilation, 0))
        z = torch.nn.functional.conv1d(padded, kernel, b, dilation=dilation)
        shown = shown + torch.relu(z)
    want = shown.permute(2, 0, 1) @ W_hy.T + b_y
    torch.testing.assert_close(side_by_side.answers(network, weights, x)[0], want)


def test_a_transformer_is_that_of_torch():
    """PyTorch's encoder layer, its norms in front, causal, with the same weights."""
    cell = blocks.transformer(1)
    generator = torch.Generator().manual_seed(0)
    weights = [
        torch.randn(shape, generator=generator, dtype=torch.float64) / 3
        for shape in cell.sized(H, H).values()
    ]
    theirs = torch.nn.TransformerEncoderLayer(
        H, 2, dim_feedforward=2 * H, dropout=0.0, norm_first=True, dtype=torch.float64
    )
    names = [
        *("self_attn.in_proj_weight", "self_attn.in_proj_bias"),
        *("self_attn.out_proj.weight", "self_attn.out_proj.bias"),
        *("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"),
    ]
    theirs.load_state_dict(dict(zip(names, weights, strict=True)), strict=False)
    x = torch.randn(T, B, H, generator=generator, dtype=torch.float64)
    placed = x + blocks.positions(T, H)[:, None]
    mask = torch.nn.Transformer.generate_square_subsequent_mask(T, dtype=torch.float64)
    want = theirs(placed, src_mask=mask, is_causal=True)
    torch.testing.assert_close(cell.run(x, *weights), want, rtol=1e-10, atol=1e-10)


def test_positions_differ_at_every_step():
    places = blocks.positions(100, 8)
    assert places.shape == (100, 8)
    assert (torch.cdist(places, places) + 10 * torch.eye(100)).min() > 1e-3
