"""The family in one shape: sizes, parameters, networks side by side, and the two forms of each."""

import numpy as np
import pytest
import torch

from lstm_tutorial import tasks
from lstm_tutorial.relatives import family, scans, variants

NAMES = list(family.MEMBERS)
N, T, B, D, H, OUT = 3, 6, 4, 2, 8, 2


def networks(name):
    weights = family.init(name, D, H, OUT, [0, 1, 2], lag=10)
    x = torch.as_tensor(np.random.default_rng(9).normal(size=(T, N, B, D)), dtype=torch.float32)
    return weights, x


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_counted_where_they_do_something(name):
    weights, x = networks(name)
    weights = [w.requires_grad_() for w in weights]
    assert family.forward(name, weights, x).shape == (T, N, B, OUT)
    if name in family.CONVOLUTIONS:  # whose last weights read 32 steps back
        x = x.repeat(8, 1, 1, 1)
    answers = family.forward(name, weights, x)
    gradients = torch.autograd.grad(answers.square().sum(), weights)
    moved = sum(int((g[0] != 0).sum()) for g in gradients)
    count = family.MEMBERS[name].parameters(D, H, OUT)
    # A softmax does not see a number that all its scores share, nor what the keys' biases add.
    ties = 2 * H if name.startswith("attention") else 0
    # A unit of a transformer's inner layer that is shut at every step has no gradient.
    assert moved == count or (ties and count - 6 * ties <= moved <= count)


@pytest.mark.parametrize("name", NAMES)
def test_the_fitting_size_is_the_largest_within_the_budget(name):
    member = family.MEMBERS[name]
    size = member.fitting_size(D, OUT, 2400)
    assert member.parameters(D, size, OUT) <= 2400
    assert member.parameters(D, size + family.HEADS, OUT) > 2400
    with pytest.raises(ValueError, match="budget: expected at least"):
        member.fitting_size(D, OUT, 10)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_does_not_see_the_others_nor_what_comes_later(name):
    weights, x = networks(name)
    answers = family.forward(name, weights, x)
    for n in range(N):
        alone = family.forward(name, [w[[n]] for w in weights], x[:, [n]])
        torch.testing.assert_close(answers[:, [n]], alone, rtol=1e-5, atol=1e-6)
    early = family.forward(name, weights, x[:3])
    torch.testing.assert_close(answers[:3], early, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["LSTM", "minLSTM, 2 layers", "mLSTM"])
def test_networks_side_by_side_train_as_each_alone_and_as_adam_says(name):
    weights, x = networks(name)
    y, rates = x.cumsum(dim=0), [0.01, 0.02, 0.03]
    *_, together = family.train(name, weights, [(x, y)] * 5, rates, 0.5)
    for n in range(N):
        alone = [w[[n]].clone().requires_grad_() for w in weights]
        optimizer = torch.optim.Adam(alone, lr=rates[n])
        for _ in range(5):
            optimizer.zero_grad()
            family.errors(name, alone, x[:, [n]], y[:, [n]]).sum().backward()
            torch.nn.utils.clip_grad_norm_(alone, 0.5)
            optimizer.step()
        for ours, theirs in zip(together, alone, strict=True):
            torch.testing.assert_close(ours[n], theirs[0], rtol=1e-3, atol=1e-4)


def test_training_lowers_every_error():
    rngs = [np.random.default_rng(seed) for seed in range(2)]
    weights = family.init("GRU", 1, 8, 1, rngs, lag=10)
    before = [w.clone() for w in weights]
    stream = (variants.draw(tasks.count, 10, 16, rngs, 0.1) for _ in range(60))
    *_, after = family.train("GRU", weights, stream, [0.02, 0.02], 1.0)
    assert all(torch.equal(a, b) for a, b in zip(before, weights, strict=True))
    x, y = variants.draw(tasks.count, 10, 200, rngs, 0.1)
    errors = [family.errors("GRU", w, x, y) for w in (before, after)]
    assert (errors[1] < 0.2 * errors[0]).all()
    last = family.errors("GRU", after, x, y[-1])
    want = (family.forward("GRU", after, x)[-1] - y[-1]).square().mean(dim=(1, 2))
    torch.testing.assert_close(last, want)


@pytest.mark.parametrize("name", ["LSTM", "coupled gates", "sLSTM", "minLSTM", "GRU"])
def test_stores_begin_with_half_lives_up_to_the_lag(name):
    weights = family.init(name, D, 200, OUT, [0], lag=50)
    b = weights[3][0] if name == "minLSTM" else weights[4][0]
    kept = b[200:400].exp()
    assert 1 <= kept.min() < 5 and 45 < kept.max() <= 50
    first = torch.zeros(200) if name == "GRU" else -b[200:400]
    assert torch.equal(b[:200], first)


def test_the_min_lstm_of_the_family_is_that_of_the_scan():
    weights, x = networks("minLSTM")
    W_e, b_e, W, b, W_hy, b_y = (w[0] for w in weights)
    i, f, g = ((x[:, 0] @ W_e.T + b_e) @ W.T + b).chunk(3, dim=-1)
    want = scans.scan(*scans.min_lstm(i, f, g)) @ W_hy.T + b_y
    torch.testing.assert_close(family.forward("minLSTM", weights, x)[:, 0], want)


def test_the_mlstm_of_the_family_carries_what_it_says():
    member = family.FAMILY["mLSTM"]
    K = H // family.HEADS  # a head's store, normaliser and stabiliser
    assert member.state(H) == family.HEADS * (K * K + K + 1)


@pytest.mark.parametrize(
    "name, field", [("convolution, field 15", 15), ("convolution, field 31", 31)]
)
def test_a_convolution_sees_its_field_and_nothing_before(name, field):
    weights = family.init(name, D, H, OUT, [0, 1, 2], lag=10)
    x = torch.as_tensor(np.random.default_rng(9).normal(size=(40, N, B, D)), dtype=torch.float32)
    changed = x.clone()
    changed[0] += 1
    moved = (family.forward(name, weights, changed) - family.forward(name, weights, x)).abs()
    seen = moved.amax(dim=(1, 2, 3)) > 0
    assert seen[0] and seen[:field].any() and not seen[field:].any()
    # What it carries in a stream: of every layer the inputs it will read again.
    assert family.MEMBERS[name].state(H) == (field - 1) * H


def test_a_convolution_is_that_of_torch():
    name = "convolution, field 15"
    weights = family.init(name, D, H, OUT, [0], lag=10)
    x = torch.as_tensor(np.random.default_rng(9).normal(size=(T, 1, B, D)), dtype=torch.float32)
    W_e, b_e, *layers, W_hy, b_y = (w[0] for w in weights)
    shown = (x[:, 0] @ W_e.T + b_e).permute(1, 2, 0)  # (B, H, T)
    for dilation, W, b in zip((1, 2, 4), layers[::2], layers[1::2], strict=True):
        kernel = W.unflatten(1, (family.TAPS, H)).transpose(1, 2).flip(-1)
        padded = torch.nn.functional.pad(shown, (2 * dilation, 0))
        z = torch.nn.functional.conv1d(padded, kernel, b, dilation=dilation)
        shown = shown + torch.relu(z)
    want = shown.permute(2, 0, 1) @ W_hy.T + b_y
    torch.testing.assert_close(family.forward(name, weights, x)[:, 0], want)


def test_positions_differ_at_every_step():
    places = family.positions(100, 8)
    assert places.shape == (100, 8)
    assert (torch.cdist(places, places) + 10 * torch.eye(100)).min() > 1e-3


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda w, x: family.init("RNN", D, H, OUT, [0], 9), ValueError, "name: expected one of LSTM, .* got 'RNN'"),
        (lambda w, x: family.init("GRU", D, 0, OUT, [0], 9), ValueError, "hidden_size: expected at least 1"),
        (lambda w, x: family.init("GRU", D, H, OUT, [], 9), ValueError, "rngs: expected one for each network, got none"),
        (lambda w, x: family.init("GRU", D, H, OUT, ["0"], 9), TypeError, "rng: expected a seed"),
        (lambda w, x: family.forward("gru", w, x), ValueError, "name: expected one of"),
        (lambda w, x: family.train("GRU", w, [], [0.1], 1.0), ValueError, "rates: expected 3, one a network, got 1"),
        (lambda w, x: family.train("GRU", w, [], [0.1, 0.1, 0.0], 1.0), ValueError, "rates: expected a finite number above 0"),
        (lambda w, x: family.train("GRU", w, [], [0.1] * 3, -1.0), ValueError, "max_norm: expected a finite"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call(*networks("GRU"))
