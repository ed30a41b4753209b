"""The family in one shape: what a name means, what is counted, and what is carried."""

import numpy as np
import pytest
import torch

from lstm_tutorial.relatives import networks, scans, side_by_side
from lstm_tutorial.relatives.cell import named
from lstm_tutorial.relatives.family import BY_NAME, CONVOLUTIONS, FAMILY

N, T, B, D, H, OUT = 3, 6, 4, 2, 8, 2


def drawn(name, length=T):
    single = (networks.for_lag(BY_NAME[name], D, H, OUT, seed, lag=10) for seed in range(N))
    x = np.random.default_rng(9).normal(size=(N, length, B, D))
    return side_by_side.stack(single), torch.as_tensor(x, dtype=torch.float32)


@pytest.mark.parametrize("name", BY_NAME)
def test_parameters_are_counted_where_they_do_something(name):
    # The last weights of a convolution read 32 steps back.
    weights, x = drawn(name, length=48 if name in CONVOLUTIONS else T)
    weights = [w.requires_grad_() for w in weights]
    answers = side_by_side.answers(BY_NAME[name], weights, x)
    assert answers.shape == (N, x.shape[1], B, OUT)
    gradients = torch.autograd.grad(answers.square().sum(), weights)
    moved = sum(int((g[0] != 0).sum()) for g in gradients)
    count = BY_NAME[name].parameters(D, H, OUT)
    # A softmax does not see a number that all its scores share, nor what the keys' biases add.
    ties = 2 * H if name.startswith("attention") else 0
    # A unit of a transformer's inner layer that is shut at every step has no gradient.
    assert moved == count or (ties and count - 6 * ties <= moved <= count)


def test_the_min_lstm_of_the_family_is_that_of_the_scan():
    weights, x = drawn("minLSTM")
    W_e, b_e, W, b, W_hy, b_y = (w[0] for w in weights)
    i, f, g = ((x[0] @ W_e.T + b_e) @ W.T + b).chunk(3, dim=-1)
    want = scans.scan(*scans.min_lstm(i, f, g)) @ W_hy.T + b_y
    torch.testing.assert_close(side_by_side.answers(FAMILY["minLSTM"], weights, x)[0], want)


def test_the_mlstm_of_the_family_carries_what_it_says():
    K = H // scans.HEADS  # a head's store, normaliser and stabiliser
    assert FAMILY["mLSTM"].carried(H) == scans.HEADS * (K * K + K + 1)
    assert FAMILY["mLSTM, 2 layers"].carried(H) == 2 * FAMILY["mLSTM"].carried(H)
    assert FAMILY["attention, 2 blocks"].carried(H) is None


def test_an_unknown_member_is_refused():
    with pytest.raises(ValueError, match=r"name: expected one of GRU, .*got 'GRUs'"):
        named("GRUs", BY_NAME)
    with pytest.raises(ValueError, match=r"name: expected one of LSTM, .* got '0'"):
        named("0", BY_NAME)
