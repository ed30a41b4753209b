"""Dropout inside of the step, and layer norm: the equations, and nothing left in evaluation."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lstm_tutorial.relatives.regularised import RegularisedLSTM, locked_dropout

T, B, D, H = 7, 5, 3, 40


@pytest.fixture(autouse=True)
def _own_randomness():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("states", [False, True])
@pytest.mark.parametrize("options", [{}, {"candidate": 0.4}, {"state": 0.4}])
def test_in_evaluation_it_is_the_layer_of_pytorch(options, states):
    layer = RegularisedLSTM(D, H, **options).eval()
    theirs = nn.LSTM(D, H)
    theirs.load_state_dict(layer.state_dict())
    x = torch.randn(T, B, D)
    start = (torch.randn(1, B, H), torch.randn(1, B, H)) if states else None
    (hs, ends), (their_hs, their_ends) = layer(x, start), theirs(x, start)
    for a, b in zip((hs, *ends), (their_hs, *their_ends), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_without_options_training_is_the_same_too():
    layer = RegularisedLSTM(D, H)
    x = torch.randn(T, B, D)
    assert torch.equal(layer(x)[0], layer.eval()(x)[0])


def test_a_dropped_candidate_leaves_the_state_and_what_is_kept_is_enlarged():
    layer = RegularisedLSTM(D, H, candidate=0.25)
    x = torch.randn(T, B, D)
    z = F.linear(x, layer.weight_ih_l0) + layer.bias_ih_l0 + layer.bias_hh_l0
    torch.manual_seed(5)
    hs, _ = layer(x)
    torch.manual_seed(5)
    F.dropout(torch.ones(B, H), 0.0)  # the state's mask comes first
    h = c = torch.zeros(B, H)
    for t in range(T):
        i, f, g, o = (z[t] + F.linear(h, layer.weight_hh_l0)).chunk(4, 1)
        keep = F.dropout(torch.ones(B, H), 0.25)
        assert keep.unique().tolist() == [0.0, pytest.approx(4 / 3)]
        c = f.sigmoid() * c + i.sigmoid() * g.tanh() * keep
        h = o.sigmoid() * c.tanh()
        torch.testing.assert_close(hs[t], h)


def test_the_state_is_masked_alike_at_every_step():
    layer = RegularisedLSTM(D, H, state=0.5)
    x = torch.randn(T, B, D)
    z = F.linear(x, layer.weight_ih_l0) + layer.bias_ih_l0 + layer.bias_hh_l0
    torch.manual_seed(5)
    hs, _ = layer(x)
    torch.manual_seed(5)
    keep = F.dropout(torch.ones(B, H), 0.5)  # the first draw
    h = c = torch.zeros(B, H)
    for t in range(T):
        i, f, g, o = (z[t] + F.linear(h * keep, layer.weight_hh_l0)).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        torch.testing.assert_close(hs[t], h)


def test_layer_norm_is_that_of_the_paper():
    layer = RegularisedLSTM(D, H, layer_norm=True)
    with torch.no_grad():
        for weight in layer.norms.parameters():
            weight.uniform_(0.5, 1.5)
    x = torch.randn(T, B, D)

    def normal(value, gain, bias=0.0):
        mean, variance = value.mean(dim=1, keepdim=True), value.var(1, False, keepdim=True)
        return gain * (value - mean) / (variance + 1e-5).sqrt() + bias

    norms = layer.norms
    h = c = torch.zeros(B, H)
    for t in range(T):
        z = normal(x[t] @ layer.weight_ih_l0.T, norms["x"].weight)
        z = z + normal(h @ layer.weight_hh_l0.T, norms["h"].weight)
        i, f, g, o = (z + layer.bias_ih_l0 + layer.bias_hh_l0).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * normal(c, norms["c"].weight, norms["c"].bias).tanh()
    torch.testing.assert_close(layer(x)[1][0][0], h)
    torch.testing.assert_close(layer(x)[1][1][0], c)


def test_layer_norm_does_not_see_the_scale_of_the_input():
    layer = RegularisedLSTM(D, H, layer_norm=True)
    x = torch.randn(T, B, D)
    torch.testing.assert_close(layer(x)[0], layer(1000 * x)[0], rtol=1e-2, atol=1e-2)


def test_locked_dropout_drops_a_feature_at_every_step_or_at_none():
    x = torch.rand(T, B, D) + 1
    dropped = locked_dropout(x, 0.5, True)
    kept = dropped[0] != 0
    assert 0 < kept.sum() < kept.numel()
    torch.testing.assert_close(dropped, 2 * x * kept)
    assert torch.equal(locked_dropout(x, 0.5, False), x)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"candidate": 1.0}, "candidate: expected a share from 0 to below 1, got 1.0"),
        ({"state": -0.1}, "state: expected a share from 0 to below 1, got -0.1"),
        ({"hidden_size": 0}, "hidden_size: expected at least 1, got 0"),
    ],
)
def test_wrong_arguments_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        RegularisedLSTM(**{"input_size": D, "hidden_size": H, **options})
