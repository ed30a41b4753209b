"""LSTMModel: sequences of different lengths, padded, give what each gives alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tutorial.models import LSTMModel

T, D, H, O = 9, 3, 5, 2  # noqa: E741
LENGTHS = torch.tensor([4, 9, 1, 6])
KINDS = [(1, False), (1, True), (3, False), (2, True)]
every_kind = pytest.mark.parametrize("num_layers, bidirectional", KINDS)


def model(num_layers=1, bidirectional=False, dtype=torch.float64, dropout=0.0, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = LSTMModel(D, H, O, num_layers, bidirectional, dropout)
    return net.to(dtype)


def batch(dtype=torch.float64, lengths=LENGTHS, seed=1):
    return torch.randn(
        T, len(lengths), D, dtype=dtype, generator=torch.Generator().manual_seed(seed)
    )


def alone(net, x, lengths):
    """Run each sequence by itself, cut to its length: no padding, no packing."""
    outputs = []
    for b, length in enumerate(lengths):
        out, _ = net.lstm(x[:length, b : b + 1])
        ends = [out[-1, :, :H]]
        if net.lstm.bidirectional:
            ends.append(out[0, :, H:])
        outputs.append(net.linear(torch.cat(ends, dim=1)))
    return torch.cat(outputs)


@every_kind
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_a_padded_batch_gives_what_each_sequence_gives_alone(
    num_layers, bidirectional, dtype, tolerance
):
    net, x = model(num_layers, bidirectional, dtype), batch(dtype)
    out = net(x, LENGTHS)
    assert out.shape == (len(LENGTHS), O) and out.dtype == dtype
    torch.testing.assert_close(out, alone(net, x, LENGTHS), rtol=0, atol=tolerance)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(1, T), min_size=1, max_size=5),
    st.sampled_from(KINDS),
    st.integers(0, 2**32),
)
def test_any_lengths_in_any_order(lengths, kind, seed):
    lengths = torch.tensor(lengths)
    net, x = model(*kind), batch(lengths=lengths, seed=seed)
    torch.testing.assert_close(net(x, lengths), alone(net, x, lengths), rtol=0, atol=1e-12)


@every_kind
@pytest.mark.parametrize("filler", [1e30, float("nan"), float("inf")])
def test_what_stands_in_the_padding_has_no_influence(num_layers, bidirectional, filler):
    net, x = model(num_layers, bidirectional), batch()
    filled = x.masked_fill((torch.arange(T)[:, None] >= LENGTHS)[..., None], filler)
    assert (filled != x).any()
    assert torch.equal(net(filled, LENGTHS), net(x, LENGTHS))


def test_the_padding_gets_no_gradient_and_the_valid_steps_do():
    net, x = model(2, True), batch().requires_grad_()
    net(x, LENGTHS).sum().backward()
    touched = (x.grad != 0).any(dim=2)
    assert torch.equal(touched, torch.arange(T)[:, None] < LENGTHS)


@every_kind
def test_without_lengths_all_are_full(num_layers, bidirectional):
    net, x = model(num_layers, bidirectional), batch()
    full = torch.full((len(LENGTHS),), T)
    torch.testing.assert_close(net(x), net(x, full), rtol=0, atol=1e-12)
    torch.testing.assert_close(net(x), alone(net, x, full), rtol=0, atol=1e-12)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_last_step_of_the_padded_batch_is_something_else(bidirectional):
    net, x = model(1, bidirectional), batch()
    naive = net.linear(net.lstm(x)[0][-1])
    different = (naive - net(x, LENGTHS)).abs().amax(dim=1) > 1e-3
    # Even without padding the backward direction's output at the last step has seen one step.
    assert different.tolist() == [True, bidirectional, True, True]


def test_dropout_acts_in_training_and_between_layers_alone():
    x = batch()
    net = model(2, dropout=0.5)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        single = model(1, dropout=0.5)
    assert torch.equal(single(x), single(x))


def test_weights_come_back_from_a_state_dict():
    net, other, x = model(2, True), model(2, True, seed=7), batch()
    assert not torch.equal(net(x, LENGTHS), other(x, LENGTHS))
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(x, LENGTHS), other(x, LENGTHS))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_lengths_of_any_integer_type(dtype):
    net, x = model(), batch()
    assert torch.equal(net(x, LENGTHS.to(dtype)), net(x, LENGTHS))


@pytest.mark.parametrize(
    "x, lengths, error, message",
    [
        (batch().numpy(), LENGTHS, TypeError, "x: expected a tensor, got ndarray"),
        (batch()[0], LENGTHS, ValueError, r"x: expected shape \(T, B, D=3\), and no axis empty, got \(4, 3\)"),
        (batch()[..., :2], LENGTHS, ValueError, r"x: expected shape .* got \(9, 4, 2\)"),
        (batch()[:0], LENGTHS, ValueError, r"no axis empty, got \(0, 4, 3\)"),
        (batch(), [4, 9, 1, 6], TypeError, "lengths: expected a tensor, got list"),
        (batch(), LENGTHS.double(), TypeError, "lengths: expected integers, got torch.float64"),
        (batch(), LENGTHS > 4, TypeError, "lengths: expected integers, got torch.bool"),
        (batch(), LENGTHS[:3], ValueError, r"lengths: expected shape \(B=4,\), got \(3,\)"),
        (batch(), LENGTHS[:, None], ValueError, r"lengths: expected shape \(B=4,\), got \(4, 1\)"),
        (batch(), LENGTHS - 1, ValueError, "lengths: expected lengths from 1 to T=9, got 0 to 8"),
        (batch(), LENGTHS + 1, ValueError, "lengths: expected lengths from 1 to T=9, got 2 to 10"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name(x, lengths, error, message):
    with pytest.raises(error, match=message):
        model()(x, lengths)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"input_size": 0}, ValueError, "input_size: expected at least 1, got 0"),
        ({"hidden_size": 2.0}, TypeError, "hidden_size: expected an integer, got float"),
        ({"output_size": -1}, ValueError, "output_size: expected at least 1, got -1"),
        ({"num_layers": True}, TypeError, "num_layers: expected an integer, got bool"),
        ({"dropout": 1.5}, ValueError, "dropout should be a number in range"),
    ],
)
def test_bad_sizes_are_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        LSTMModel(**{"input_size": D, "hidden_size": H, "output_size": O} | arguments)
