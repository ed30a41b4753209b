"""Closed forms against what PyTorch and the package hold and do, to the byte and to the operation."""

import platform

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from lstm_tutorial import lstm
from lstm_tutorial.accounting import (
    Account,
    Flops,
    Memory,
    measured_activations,
    measured_memory,
)


@pytest.fixture(autouse=True)
def native(monkeypatch):
    """PyTorch's own loop, in one thread: the path that the closed forms describe."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    yield
    torch.set_num_threads(threads)


@st.composite
def models(draw, **fixed):
    size = st.integers(1, 5)
    config = {
        "input_size": draw(size),
        "hidden_size": draw(size),
        "num_layers": draw(st.integers(1, 3)),
    }
    config |= {name: draw(st.booleans()) for name in ("bias", "batch_first", "bidirectional")}
    config["dropout"] = draw(st.sampled_from([0.0, 0.4])) if config["num_layers"] > 1 else 0.0
    config["proj_size"] = draw(st.integers(0, config["hidden_size"] - 1))
    return config | fixed


sizes = st.integers(1, 6)
dtypes = st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16])
every_model = given(config=models(), T=sizes, B=sizes, dtype=dtypes)
few = settings(max_examples=60)


def batch(config, T, B, dtype=torch.float32):
    shape = (B, T) if config["batch_first"] else (T, B)
    return torch.zeros(*shape, config["input_size"], dtype=dtype)


def first_states(config, B, dtype=torch.float32):
    runs = config["num_layers"] * (2 if config["bidirectional"] else 1)
    sizes = config["proj_size"] or config["hidden_size"], config["hidden_size"]
    return tuple(torch.zeros(runs, B, size, dtype=dtype) for size in sizes)


def nbytes(tensors):
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors)


# Parameters.


@given(config=models())
def test_parameters(config):
    layer, account = torch.nn.LSTM(**config), Account(**config)
    assert account.parameters == sum(p.numel() for p in layer.parameters())
    assert account.parameter_tensors == len(list(layer.parameters()))


def test_parameters_on_paper():
    # 4 · 2 units, each with 3 inputs, 2 states and 2 biases
    assert Account(3, 2).parameters == 8 * (3 + 2 + 2)
    assert Account(3, 2, bias=False).parameters == 8 * (3 + 2)
    assert Account(3, 2, bidirectional=True, num_layers=2).parameters == 2 * 8 * 7 + 2 * 8 * 8


# Bytes.


@few
@every_model
def test_saved_activations_to_the_byte(config, T, B, dtype):
    layer, x = torch.nn.LSTM(**config, dtype=dtype), batch(config, T, B, dtype)
    account = Account(**config, dtype=dtype)
    assert account.memory(T, B).activations == measured_activations(layer, x)
    states = first_states(config, B, dtype)
    given_states = account.memory(T, B, states=True)
    assert given_states.activations == measured_activations(layer, x, states)


@few
@given(config=models(batch_first=False), data=st.data(), B=sizes)
def test_saved_activations_of_a_packed_batch(config, data, B):
    lengths = np.array(data.draw(st.lists(sizes, min_size=B, max_size=B)))
    T = int(lengths.max())
    x = pack_padded_sequence(batch(config, T, B), torch.tensor(lengths), enforce_sorted=False)
    layer, account = torch.nn.LSTM(**config), Account(**config)
    assert account.memory(T, B, lengths).activations == measured_activations(layer, x)
    longest_first = torch.tensor(-np.sort(-lengths))
    x = pack_padded_sequence(batch(config, T, B), longest_first)
    given_states = account.memory(T, B, lengths, states=True)
    assert given_states.activations == measured_activations(layer, x, first_states(config, B))


def test_one_layer_saves_seven_numbers_a_unit_and_step():
    account, T, B, H = Account(3, 4, dtype="float32"), 9, 2, 4
    assert account.memory(T, B).activations == 7 * T * 4 * B * H
    assert account.memory(T, B, states=True).activations == (7 * T - 2) * 4 * B * H


@settings(max_examples=15)
@every_model
def test_the_allocator_agrees(config, T, B, dtype):
    layer, x = torch.nn.LSTM(**config, dtype=dtype), batch(config, T, B, dtype)
    memory = Account(**config, dtype=dtype).memory(T, B)
    assert measured_memory(layer, x).left == memory.activations + memory.outputs
    with torch.no_grad():
        assert measured_memory(layer, x).left == memory.outputs


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@settings(max_examples=10)
@every_model
def test_weights_gradients_and_optimizer_state(name, config, T, B, dtype):
    layer = torch.nn.LSTM(**config, dtype=dtype)
    optimizer = OPTIMIZERS[name](layer.parameters())
    layer(batch(config, T, B, dtype))[0].sum().backward()
    optimizer.step()
    parameters = list(layer.parameters())
    entries = (v for state in optimizer.state.values() for v in state.values())
    want = Account(**config, dtype=dtype).memory(T, B, optimizer=name.removesuffix("w"))
    assert want.weights == nbytes(parameters)
    assert want.gradients == nbytes(p.grad for p in parameters)
    assert want.optimizer == nbytes(v for v in entries if isinstance(v, torch.Tensor))


def test_sums():
    memory = Memory(weights=1, gradients=20, optimizer=300, activations=4000, outputs=50000)
    assert memory.training == 54321
    assert memory.inference == 50001


@given(
    config=models(bias=True, dropout=0.0, proj_size=0),
    T=sizes,
    B=sizes,
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_the_tape_of_the_numpy_lstm(config, T, B, dtype):
    D, H = config["input_size"], config["hidden_size"]
    directions = 2 if config["bidirectional"] else 1
    layers = []
    for _ in range(config["num_layers"]):
        layers.append([lstm.init(D, H, 0, dtype)] * directions)
        D = directions * H
    x = np.zeros((T, B, config["input_size"]), dtype)
    state = np.zeros((directions * len(layers), B, H), dtype)
    _, _, tapes = lstm.stack_forward(x, state, state, layers)
    recorded = sum(tape.nbytes for layer in tapes for tape in layer)
    assert Account(**config, dtype=dtype).tape(T, B) == recorded


# What is measured.


def test_a_measured_storage_counts_once_and_parameters_and_inputs_do_not():
    class Square(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(10))

        def forward(self, x):
            y = self.w * x[0]  # saves w and x
            return (y * y[:5].sum()).exp()  # saves y, a sum of one number, and the result

    assert measured_activations(Square(), (torch.ones(10),)) == 4 * (10 + 1 + 10)


def test_measured_memory_follows_what_comes_and_goes():
    def work(n):
        big = torch.empty(n)
        small = torch.empty(10)
        del big
        return small

    assert measured_memory(work, 1000) == (4040, 40)


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not torch.backends.mkldnn.is_available(),
    reason="here PyTorch's own loop is the default",
)
def test_the_default_path_saves_more(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", True)
    layer, x = torch.nn.LSTM(8, 16), torch.zeros(20, 4, 8)
    assert measured_activations(layer, x) > Account(8, 16).memory(20, 4).activations


def test_without_gradients_nothing_is_saved():
    layer, x = torch.nn.LSTM(3, 4), torch.zeros(5, 2, 3)
    with torch.no_grad():
        assert measured_activations(layer, x) == 0
    assert measured_activations(layer.eval(), x) > 0


# Operations.


def counted(function):
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops()


@few
@given(config=models(), T=sizes, B=sizes)
def test_products_as_pytorch_counts_them(config, T, B):
    layer, x = torch.nn.LSTM(**config), batch(config, T, B).requires_grad_()
    states = [state.requires_grad_() for state in first_states(config, B)]
    outputs = []
    want = Account(**config).flops(T, B)
    assert counted(lambda: outputs.append(layer(x, states)[0])) == want.forward
    assert counted(lambda: outputs[0].sum().backward()) == want.backward


@few
@given(config=models(batch_first=False), data=st.data(), B=sizes)
def test_products_of_a_packed_batch(config, data, B):
    lengths = np.array(data.draw(st.lists(sizes, min_size=B, max_size=B)))
    T = int(lengths.max())
    x = pack_padded_sequence(batch(config, T, B), torch.tensor(lengths), enforce_sorted=False)
    want = Account(**config).flops(T, B, lengths)
    assert counted(lambda: torch.nn.LSTM(**config)(x)) == want.forward
    all_full = Account(**config).flops(T, B, np.full(B, T))
    assert all_full == Account(**config).flops(T, B)


class Elementwise(TorchDispatchMode):
    """Counts the numbers that come out of all operations but products and moves."""

    NAMES = ("add", "mul", "sigmoid", "tanh")
    total = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function.overloadpacket.__name__ in self.NAMES:
            self.total += result.numel()
        return result


@pytest.mark.parametrize("bias", [True, False])
def test_elementwise_operations_of_a_loop_written_out(bias):
    T, B, D, H = 3, 2, 4, 5
    x, h, c = torch.zeros(T, B, D), torch.zeros(B, H), torch.zeros(B, H)
    W_ih, W_hh, b_ih, b_hh = (torch.zeros(4 * H, *shape) for shape in ((D,), (H,), (), ()))
    with Elementwise() as count:
        for x_t in x:
            z = x_t @ W_ih.T + h @ W_hh.T
            if bias:
                z = z + b_ih + b_hh
            i, f, g, o = z.chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
    assert count.total == Account(D, H, bias=bias).flops(T, B).elementwise


def test_elementwise_operations_add_up_over_runs():
    one, all_four = Account(4, 5), Account(4, 5, num_layers=2, bidirectional=True)
    assert all_four.flops(3, 2).elementwise == 4 * one.flops(3, 2).elementwise


def test_flops_on_paper():
    # One step of one sequence: 8 rows of 3 + 2 products and as many sums; 2 units with 21 each.
    assert Account(3, 2).flops(1, 1) == Flops(80, 160, 42)


# The door.


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"input_size": 0}, ValueError, "input_size: expected at least 1, got 0"),
        ({"hidden_size": 2.0}, TypeError, "hidden_size: expected an integer, got float"),
        ({"num_layers": -1}, ValueError, "num_layers: expected at least 1, got -1"),
        ({"bias": 1}, TypeError, "bias: expected a bool, got int"),
        ({"batch_first": None}, TypeError, "batch_first: expected a bool, got NoneType"),
        ({"bidirectional": "no"}, TypeError, "bidirectional: expected a bool, got str"),
        ({"dropout": 1.0}, ValueError, "dropout: expected 0 or more and below 1, got 1.0"),
        ({"dropout": "half"}, TypeError, "dropout: expected a number, got str"),
        ({"proj_size": 4}, ValueError, "proj_size: expected less than hidden_size=4, got 4"),
        ({"proj_size": -1}, ValueError, "proj_size: expected at least 1, got -1"),
        ({"dtype": "int8"}, ValueError, "dtype: expected one of float64, float32"),
        ({"dtype": torch.int64}, ValueError, "dtype: expected one of float64, float32"),
    ],
)
def test_a_wrong_argument_is_named(change, error, message):
    with pytest.raises(error, match=message):
        Account(**{"input_size": 3, "hidden_size": 4, **change})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a: a.flops(0, 2), ValueError, "T: expected at least 1, got 0"),
        (lambda a: a.memory(5, "2"), TypeError, "B: expected an integer, got str"),
        (lambda a: a.tape(5, 0), ValueError, "B: expected at least 1, got 0"),
        (
            lambda a: a.flops(5, 2, np.array([6, 1])),
            ValueError,
            "lengths: expected lengths from 1 to T=5",
        ),
        (lambda a: a.memory(5, 2, np.array([1])), ValueError, r"lengths: expected shape \(B=2,\)"),
        (
            lambda a: a.memory(5, 2, optimizer="adagrad"),
            ValueError,
            "optimizer: expected one of sgd, ",
        ),
    ],
)
def test_a_wrong_argument_of_a_method_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call(Account(3, 4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": False}, "bias: expected True for the NumPy LSTM, got False"),
        ({"dropout": 0.5}, "dropout: expected 0 for the NumPy LSTM, got 0.5"),
        ({"proj_size": 2}, "proj_size: expected 0 for the NumPy LSTM, got 2"),
        ({"dtype": "bfloat16"}, "dtype: expected one of float64, float32, got 'bfloat16'"),
    ],
)
def test_there_is_no_tape_of_what_the_numpy_lstm_does_not_do(change, message):
    with pytest.raises(ValueError, match=message):
        Account(3, 4, **change).tape(5, 2)
