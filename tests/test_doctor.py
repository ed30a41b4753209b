"""Probes: they see what was built into a network, and leave it as it was."""

import copy

import pytest
import torch
from torch import nn

from lstm_tutorial import doctor
from lstm_tutorial.cells import step
from lstm_tutorial.models import LSTMModel

T, B, D, H = 6, 3, 2, 4


@pytest.fixture
def x():
    return torch.randn(T, B, D, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LSTMModel(D, H, 1)


def test_gradient_norms_have_a_zero_where_no_gradient_came(model, x):
    model.lstm(x)[0].sum().backward()
    norms = doctor.gradient_norms(model)
    assert list(norms) == [name for name, _ in model.named_parameters()]
    assert norms["linear.weight"] == norms["linear.bias"] == 0
    assert norms["lstm.bias_hh_l0"] == model.lstm.bias_hh_l0.grad.norm().item() > 0


def test_by_step_is_the_gradient_by_hand(x):
    factors = torch.arange(1.0, T + 1)[:, None, None]
    norms = doctor.by_step(lambda x: (factors * x).sum(dim=0), x)
    torch.testing.assert_close(norms, factors.flatten() * (B * D) ** 0.5)


def test_by_step_is_zero_for_steps_that_are_not_read(x):
    norms = doctor.by_step(lambda x: x[-1] ** 2, x)
    assert norms[:-1].eq(0).all() and norms[-1] > 0


def test_sequences_of_a_batch_are_apart_and_a_mixed_up_axis_joins_them(model, x):
    assert doctor.leak(model, x) == 0
    assert doctor.leak(lambda x: model.linear(model.lstm(x.transpose(0, 1))[0][:, -1]), x) > 1e-3


def test_leak_is_the_largest_slope_of_another_sequence():
    x = torch.zeros(T, B, D)
    assert doctor.leak(lambda x: 7 * x[0, :, 0] - 3 * x[1].roll(1, dims=0)[:, 1], x) == 3
    assert doctor.leak(lambda x: x[:, :1].sum(dim=(0, 2)), x[:, :1]) == 0  # a batch of one


def test_answers_that_are_not_one_a_sequence_are_refused(x):
    with pytest.raises(ValueError, match=r"expected answers \(3, \.\.\.\), got \(6, 3, 2\)"):
        doctor.leak(lambda x: 2 * x, x)
    with pytest.raises(ValueError, match=r"got \(\)"):
        doctor.leak(lambda x: x.sum(), x)


def test_answers_without_a_gradient_are_refused(x):
    for probe in (doctor.by_step, doctor.leak):
        with pytest.raises(ValueError, match="got a constant"):
            probe(lambda x: x.sum(dim=(0, 2)).detach(), x)


def test_an_input_that_is_not_used_has_no_slope(x):
    weight = torch.ones(B, requires_grad=True)
    assert doctor.leak(lambda x: 2 * weight, x) == 0
    assert doctor.by_step(lambda x: 2 * weight, x).eq(0).all()


@pytest.mark.parametrize("bias", [True, False])
def test_gates_are_those_of_the_equations(x, bias):
    torch.manual_seed(0)
    layer = nn.LSTM(D, H, bias=bias)
    gates = doctor.gates(layer, x)
    assert list(gates) == ["i", "f", "g", "o"]
    c = torch.zeros(B, H)
    for t in range(T):
        i, f, g, o = (gates[name][t] for name in "ifgo")
        c = f * c + i * g
        torch.testing.assert_close(o * torch.tanh(c), layer(x)[0][t])
    if bias:
        z = x[0] @ layer.weight_ih_l0.T + layer.bias_ih_l0
        zero = torch.zeros(B, H)
        torch.testing.assert_close(c_of(z, zero, layer), gates["i"][0] * gates["g"][0])


def c_of(z, zero, layer):
    return step(z, zero, zero, layer.weight_hh_l0, layer.bias_hh_l0)[1]


@pytest.mark.parametrize(
    "options", [{"num_layers": 2}, {"bidirectional": True}, {"batch_first": True}, {"proj_size": 2}]
)
def test_gates_of_other_layers_are_refused(x, options):
    with pytest.raises(ValueError, match="layer: expected one layer in one direction"):
        doctor.gates(nn.LSTM(D, H, **options), x)


def test_probes_change_nothing(model, x):
    before = copy.deepcopy(model.state_dict())
    x.requires_grad_()
    doctor.leak(model, x), doctor.by_step(model, x), doctor.gates(model.lstm, x)
    assert x.grad is None and all(p.grad is None for p in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
