"""The gradient's way: what is followed is the gradient, and the parts sum to the whole."""

import numpy as np
import pytest
import torch
from torch import nn

from lstm_tutorial import network, tasks
from lstm_tutorial.experiments import flow


def test_the_norms_are_those_of_the_answers_gradient():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, head, x = nn.RNN(2, 32), nn.Linear(32, 1), torch.randn(6, 4, 2)
    with torch.no_grad():
        start = net(x[:3])[1]
    start.requires_grad_()
    head(net(x[3:], start)[0][-1]).sum().backward()
    norms = flow._norms_by_lag(net, head, x)
    assert len(norms) == 6
    assert norms[3] == pytest.approx(start.grad[0].norm(dim=1).mean().item(), rel=1e-3)


def test_carousel_and_gate_paths_sum_to_what_autograd_finds():
    rng = np.random.default_rng(0)
    params = network.init(2, 32, 1, rng, layer="lstm")
    x, _ = tasks.adding(20, 8, rng)
    parts = flow._parts_by_lag(params, x, [0, 1, 5, 19])
    net, head = nn.LSTM(2, 32), nn.Linear(32, 1)
    W_ih, W_hh, b, W_hy, _ = (torch.tensor(p, dtype=torch.float32) for p in params)
    with torch.no_grad():
        net.weight_ih_l0.copy_(W_ih), net.weight_hh_l0.copy_(W_hh), head.weight.copy_(W_hy)
        net.bias_ih_l0.copy_(b), net.bias_hh_l0.zero_()
    norms = flow._norms_by_lag(net, head, torch.tensor(x, dtype=torch.float32))
    # Both are rounded to four digits.
    assert parts["whole"] == pytest.approx([norms[k] for k in (0, 1, 5, 19)], rel=2e-3)
    assert parts["paths"][0] == 0 and parts["carousel"][3] < parts["carousel"][0]


def test_a_clipped_run_is_a_run_of_three_hundred_updates():
    result = flow.clipped_lstm(1.0, seed=0)
    assert result["first_norm"] <= result["max_norm_seen"] and 0 < result["mse"] < 2


def test_agreement_is_the_side_of_the_limit():
    agree = flow.EXPERIMENTS["carousel"].agree
    assert agree({"mse": 0.001}, {"mse": 0.01}) and not agree({"mse": 0.001}, {"mse": 0.1})
