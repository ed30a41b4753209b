"""LSTMModel: sequences of different lengths, padded, give what each gives alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tutorial.models import LSTMModel

T, D, H, O = 9, 3, 5, 2  # noqa: E741
LENGTHS = torch.tensor([4, 9, 1, 6])
KINDS = [(1, False), (1, True), (3, False), (2, True)]
POOLINGS = ["last", "mean", "max"]
every_kind = pytest.mark.parametrize("num_layers, bidirectional", KINDS)
every_pooling = pytest.mark.parametrize("pooling", POOLINGS)


def model(
    num_layers=1, bidirectional=False, dtype=torch.float64, dropout=0.0, seed=0, pooling="last"
):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = LSTMModel(D, H, O, num_layers, bidirectional, dropout, pooling)
    return net.to(dtype)


def batch(dtype=torch.float64, lengths=LENGTHS, seed=1):
    return torch.randn(
        T, len(lengths), D, dtype=dtype, generator=torch.Generator().manual_seed(seed)
    )


def alone(net, x, lengths):
    """Run each sequence by itself, cut to its length: no padding, no packing, no batch axis."""
    outputs = []
    for b, length in enumerate(lengths):
        out, _ = net.lstm(x[:length, b])
        ends = [out[-1, :H], out[0, H:]] if net.lstm.bidirectional else [out[-1]]
        pooled = {"last": torch.cat(ends), "mean": out.mean(dim=0), "max": out.max(dim=0).values}
        outputs.append(net.linear(pooled[net.pooling]))
    return torch.stack(outputs)


@every_kind
@every_pooling
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_a_padded_batch_gives_what_each_sequence_gives_alone(
    num_layers, bidirectional, pooling, dtype, tolerance
):
    net, x = model(num_layers, bidirectional, dtype, pooling=pooling), batch(dtype)
    out = net(x, LENGTHS)
    assert out.shape == (len(LENGTHS), O) and out.dtype == dtype
    torch.testing.assert_close(out, alone(net, x, LENGTHS), rtol=0, atol=tolerance)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(1, T), min_size=1, max_size=5),
    st.sampled_from(KINDS),
    st.sampled_from(POOLINGS),
    st.integers(0, 2**32),
)
def test_any_lengths_in_any_order(lengths, kind, pooling, seed):
    lengths = torch.tensor(lengths)
    net, x = model(*kind, pooling=pooling), batch(lengths=lengths, seed=seed)
    torch.testing.assert_close(net(x, lengths), alone(net, x, lengths), rtol=0, atol=1e-12)


@every_kind
@every_pooling
@pytest.mark.parametrize("filler", [1e30, float("nan"), float("inf")])
def test_what_stands_in_the_padding_has_no_influence(num_layers, bidirectional, pooling, filler):
    net, x = model(num_layers, bidirectional, pooling=pooling), batch()
    filled = x.masked_fill((torch.arange(T)[:, None] >= LENGTHS)[..., None], filler)
    assert (filled != x).any()
    assert torch.equal(net(filled, LENGTHS), net(x, LENGTHS))


@every_pooling
def test_the_padding_gets_no_gradient_and_the_valid_steps_do(pooling):
    net, x = model(2, True, pooling=pooling), batch().requires_grad_()
    net(x, LENGTHS).sum().backward()
    touched = (x.grad != 0).any(dim=2)
    assert torch.equal(touched, torch.arange(T)[:, None] < LENGTHS)


@every_kind
@every_pooling
def test_without_lengths_all_are_full(num_layers, bidirectional, pooling):
    net, x = model(num_layers, bidirectional, pooling=pooling), batch()
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


@every_pooling
def test_the_longest_sequence_may_be_shorter_than_the_array(pooling):
    net, x, short = model(2, True, pooling=pooling), batch(), torch.tensor([4, 2, 1, 3])
    torch.testing.assert_close(net(x, short), alone(net, x, short), rtol=0, atol=1e-12)


def test_of_one_step_all_poolings_give_the_same():
    x, one = batch(), torch.ones(len(LENGTHS), dtype=torch.long)
    last, mean, largest = (model(2, True, pooling=pooling)(x, one) for pooling in POOLINGS)
    assert torch.equal(last, mean) and torch.equal(last, largest)


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("filler", ["what the network computes there", "zeros"])
def test_pooling_over_the_whole_array_is_something_else(pooling, filler):
    net, x = model(pooling=pooling), batch()
    with torch.no_grad():  # outputs below zero, so that zeros behind the end are the largest
        net.lstm.bias_ih_l0[2 * H : 3 * H] = -30.0
    out, _ = net.lstm(x)
    assert (out < 0).all()
    if filler == "zeros":
        out = out * (torch.arange(T)[:, None] < LENGTHS)[..., None]
    naive = out.mean(dim=0) if pooling == "mean" else out.amax(dim=0)
    different = (net.linear(naive) - net(x, LENGTHS)).abs().amax(dim=1) > 1e-3
    # A network's largest output may well lie in the valid steps of a sequence.
    assert different[2:].all() and not different[1]
    assert different[0] or (pooling, filler) == ("max", "what the network computes there")


def test_the_weights_are_the_same_whatever_the_pooling():
    plain = model(2, True).state_dict()
    for pooling in POOLINGS:
        state = model(2, True, pooling=pooling).state_dict()
        assert list(state) == list(plain)
        assert all(torch.equal(state[name], plain[name]) for name in plain)


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
@every_pooling
def test_bad_input_is_refused_by_name(x, lengths, error, message, pooling):
    with pytest.raises(error, match=message):
        model(pooling=pooling)(x, lengths)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"input_size": 0}, ValueError, "input_size: expected at least 1, got 0"),
        ({"hidden_size": 2.0}, TypeError, "hidden_size: expected an integer, got float"),
        ({"output_size": -1}, ValueError, "output_size: expected at least 1, got -1"),
        ({"num_layers": True}, TypeError, "num_layers: expected an integer, got bool"),
        ({"hidden_size": 0}, ValueError, "hidden_size: expected at least 1, got 0"),
        ({"dropout": 1.5}, ValueError, "dropout should be a number in range"),
        ({"pooling": "sum"}, ValueError, "pooling: expected one of last, mean, max, got 'sum'"),
        ({"pooling": None}, ValueError, "pooling: expected one of last, mean, max, got None"),
    ],
)
def test_bad_sizes_are_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        LSTMModel(**{"input_size": D, "hidden_size": H, "output_size": O} | arguments)
