"""The LSTM from scratch takes the place of `torch.nn.LSTM`: numbers, states, errors, and all uses."""

import copy
import io
import itertools
import operator
import pickle
import re
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import functional_call, grad, jvp, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils import parametrizations, prune
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
)
from torch.utils.checkpoint import checkpoint

from lstm_tutorial import cells
from tests import ways

# what torch.nn.LSTM says in float32, and forward mode as PyTorch loads it
pytestmark = [
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script. is deprecated:DeprecationWarning"),
]

OPTIONS = st.fixed_dictionaries(
    {
        "num_layers": st.integers(1, 3),
        "bias": st.booleans(),
        "batch_first": st.booleans(),
        "bidirectional": st.booleans(),
        "proj_size": st.integers(0, 2),
    }
)
sizes = st.integers(1, 5)
seeds = st.integers(0, 2**32)
kinds = st.sampled_from(["batched", "unbatched", "packed", "packed unsorted"])
TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5}
EVERY_OPTION = [
    dict(zip(("bias", "batch_first", "bidirectional", "proj_size"), values, strict=True))
    for values in itertools.product((False, True), (False, True), (False, True), (0, 2))
]


def pair(*args, **options):
    """A `torch.nn.LSTM` and ours with the same weights."""
    theirs, ours = nn.LSTM(*args, **options), cells.LSTM(*args, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def draw_states(layer, *batch):
    L = layer.num_layers * (2 if layer.bidirectional else 1)
    P = layer.proj_size or layer.hidden_size
    return [
        torch.randn(L, *batch, n, dtype=layer.weight_hh_l0.dtype) for n in (P, layer.hidden_size)
    ]


def draw_input(layer, kind, T, B):
    """A tensor for the input, the states and, if packed, lengths."""
    dtype, D = layer.weight_hh_l0.dtype, layer.input_size
    if kind == "unbatched":
        return torch.randn(T, D, dtype=dtype), draw_states(layer), None
    x = torch.randn(*((B, T) if layer.batch_first else (T, B)), D, dtype=dtype)
    if kind == "batched":
        return x, draw_states(layer, B), None
    lengths = torch.randint(1, T + 1, (B,))
    lengths[torch.randint(B, ())] = T
    if kind == "packed":
        lengths = lengths.sort(descending=True)[0]
    return x, draw_states(layer, B), lengths


def run(layer, x, hx, lengths=None, enforce_sorted=True):
    """Outputs and last states in one list; the output of a packed input as it lies in memory."""
    if lengths is not None:
        x = pack_padded_sequence(x, lengths, layer.batch_first, enforce_sorted)
    output, states = layer(x, hx)
    return [output.data if isinstance(output, PackedSequence) else output, *states]


def run_and_differentiate(layer, x, hx, *packing):
    """Outputs, last states, and gradients of all of them, weighted, in one list."""
    leaves = [t.clone().requires_grad_() for t in (x, *hx)]
    outputs = run(layer, leaves[0], tuple(leaves[1:]), *packing)
    weights = [torch.linspace(-1, 2, t.numel(), dtype=t.dtype).view(t.shape) for t in outputs]
    grads = torch.autograd.grad(outputs, [*leaves, *layer.parameters()], weights)
    return [t.detach() for t in (*outputs, *grads)]


def worst(got, want):
    """The greatest difference, relative where values exceed 1; shapes and types must agree."""
    for a, b in zip(got, want, strict=True):
        assert (a.shape, a.dtype, a.stride()) == (b.shape, b.dtype, b.stride()) or a.is_leaf
    return max(
        ((a - b).abs() / b.abs().clamp(min=1)).max().item() if a.numel() else 0
        for a, b in zip(got, want, strict=True)
    )


def plainly(monkeypatch):
    """Let autograd record each step, as under the compiler or `torch.func`."""
    monkeypatch.setattr(cells, "_is_eager", lambda: False)


# Numbers


@pytest.mark.parametrize("dtype", TOLERANCES)
@settings(max_examples=60)
@given(OPTIONS, kinds, sizes, sizes, sizes, st.integers(3, 6), seeds)
def test_outputs_states_and_gradients_are_those_of_nn_lstm(dtype, options, kind, T, B, D, H, seed):
    torch.manual_seed(seed)
    theirs, ours = pair(D, H, dtype=dtype, **options)
    x, hx, lengths = draw_input(ours, kind, T, B)
    packing = () if lengths is None else (lengths, kind == "packed")
    got, want = (run_and_differentiate(layer, x, hx, *packing) for layer in (ours, theirs))
    assert worst(got, want) <= TOLERANCES[dtype]


@settings(max_examples=25)
@given(OPTIONS, kinds, sizes, sizes, sizes, st.integers(3, 6), seeds)
def test_the_plain_loop_agrees_with_the_derived_backward_pass(options, kind, T, B, D, H, seed):
    torch.manual_seed(seed)
    layer = cells.LSTM(D, H, dtype=torch.float64, **options)
    x, hx, lengths = draw_input(layer, kind, T, B)
    packing = () if lengths is None else (lengths, kind == "packed")
    derived = run_and_differentiate(layer, x, hx, *packing)
    with pytest.MonkeyPatch.context() as monkeypatch:
        plainly(monkeypatch)
        plain = run_and_differentiate(layer, x, hx, *packing)
    assert all(torch.equal(a, b) for a, b in zip(derived[:3], plain[:3], strict=True))
    assert worst(derived, plain) <= 1e-12


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 4, 2, 7), (40, 9, 20, 33)])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True, "proj_size": 0}])
def test_outputs_have_the_bits_of_nn_lstm_in_float64(shape, options):
    # Its float64 runs through the same operations in the same order; its float32 through oneDNN.
    T, B, D, H = shape
    theirs, ours = pair(D, H, dtype=torch.float64, **options)
    x, hx, _ = draw_input(ours, "batched", T, B)
    got, want = run(ours, x, hx), run(theirs, x, hx)
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


def test_the_plain_loop_has_the_bits_of_nn_lstm_in_its_gradients_too(monkeypatch):
    theirs, ours = pair(5, 7, num_layers=2, bidirectional=True, dtype=torch.float64)
    x, hx, _ = draw_input(ours, "batched", 9, 3)
    want = run_and_differentiate(theirs, x, hx)
    plainly(monkeypatch)
    got = run_and_differentiate(ours, x, hx)
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


@settings(max_examples=20)
@given(sizes, sizes, sizes, st.booleans(), seeds)
def test_a_cell_is_that_of_nn(B, D, H, bias, seed):
    torch.manual_seed(seed)
    theirs = nn.LSTMCell(D, H, bias, dtype=torch.float64)
    ours = cells.LSTMCell(D, H, bias, dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    x, h, c = (torch.randn(B, n, dtype=torch.float64, requires_grad=True) for n in (D, H, H))
    for args in [(x,), (x, (h, c)), (x[0],), (x[0], (h[0], c[0]))]:
        results = []
        for cell in (ours, theirs):
            leaves = [*(t for t in (x, h, c) if len(args) == 2 or t is x), *cell.parameters()]
            states = cell(*args)
            total = states[0].cos().sum() + states[1].sin().sum()
            results.append([*states, *torch.autograd.grad(total, leaves)])
        assert worst(*results) <= 1e-12


def test_a_layer_is_its_cell_step_by_step():
    layer, cell = cells.LSTM(3, 4), cells.LSTMCell(3, 4)
    cell.load_state_dict({name.removesuffix("_l0"): p for name, p in layer.state_dict().items()})
    x = torch.randn(6, 2, 3)
    states = None
    for x_t in x:
        states = cell(x_t, states)
    output, (h_n, c_n) = layer(x)
    torch.testing.assert_close((h_n[0], c_n[0]), states)
    torch.testing.assert_close(output[-1], states[0])


def test_packing_leaves_out_the_padding():
    layer = cells.LSTM(3, 4, bidirectional=True)
    sequences = [torch.randn(n, 3) for n in (2, 5, 3)]
    packed, (h_n, c_n) = layer(pack_sequence(sequences, enforce_sorted=False))
    padded, lengths = pad_packed_sequence(packed)
    for k, sequence in enumerate(sequences):
        alone, (h, c) = layer(sequence)
        torch.testing.assert_close(padded[: lengths[k], k], alone)
        torch.testing.assert_close((h_n[:, k], c_n[:, k]), (h, c))
        assert not padded[lengths[k] :, k].any()


def test_an_empty_batch_and_no_gradient_for_what_wants_none():
    theirs, ours = pair(3, 4)
    assert (
        worst(run(ours, torch.zeros(5, 0, 3), None), run(theirs, torch.zeros(5, 0, 3), None)) == 0
    )
    ours.weight_hh_l0.requires_grad_(False)
    x = torch.randn(5, 2, 3)
    ours(x)[0].sum().backward()
    assert ours.weight_hh_l0.grad is None and ours.weight_ih_l0.grad is not None and x.grad is None
    assert not cells.LSTM(3, 4).requires_grad_(False)(x)[0].requires_grad


# Gradients


@pytest.mark.parametrize("options", EVERY_OPTION, ids=str)
def test_gradients_and_their_gradients(options):
    torch.manual_seed(1)
    layer = cells.LSTM(2, 3, dtype=torch.float64, **options)
    x, hx, _ = draw_input(layer, "batched", 3, 2)
    leaves = [t.requires_grad_() for t in (x, *hx, *layer.parameters())]

    def outputs(x, h, c, *_):
        output, states = layer(x, (h, c))
        return output, *states

    assert gradcheck(outputs, leaves, fast_mode=True)
    assert gradgradcheck(outputs, leaves, fast_mode=True)


def test_gradients_of_gradients_over_sequences_of_several_lengths():
    layer = cells.LSTM(2, 3, bidirectional=True, dtype=torch.float64)
    x, hx, _ = draw_input(layer, "batched", 4, 3)
    leaves = [t.requires_grad_() for t in (x, *hx)]
    assert gradgradcheck(
        lambda *a: run(layer, a[0], a[1:], torch.tensor([2, 4, 1]), False), leaves, fast_mode=True
    )


def test_one_tensor_for_both_states_is_given_both_gradients_once():
    theirs, ours = pair(2, 3, dtype=torch.float64)
    x, state = torch.randn(4, 1, 2).double(), torch.randn(1, 1, 3).double().requires_grad_()
    seconds = []
    for layer in (ours, theirs):
        for create_graph in (False, True):
            out = layer(x, (state, state))[0].sum()
            seconds += torch.autograd.grad(out, state, create_graph=create_graph)
        seconds += torch.autograd.grad(seconds[-1].square().sum(), state)
    torch.testing.assert_close(seconds[:3], seconds[3:], rtol=0, atol=1e-12)


def test_backward_twice_over_one_graph_adds_up_and_outputs_can_be_changed():
    theirs, ours = pair(2, 3, dtype=torch.float64)  # in float32 theirs refuses the change
    x = torch.randn(4, 1, 2).double()
    for layer in (ours, theirs):
        loss = layer(x)[0].mul_(2).sum()  # in place: what the backward pass needs is kept elsewhere
        loss.backward(retain_graph=True)
        loss.backward()
    got, want = ([p.grad for p in layer.parameters()] for layer in (ours, theirs))
    torch.testing.assert_close(got, want)


def test_forward_mode():
    theirs, ours = pair(2, 3, dtype=torch.float64)
    x = torch.randn(4, 1, 2).double()
    with forward_ad.dual_level():
        duals = [layer(forward_ad.make_dual(x, x))[0] for layer in (ours, theirs)]
        got, want = (forward_ad.unpack_dual(dual).tangent for dual in duals)
    torch.testing.assert_close(got, want, rtol=0, atol=1e-12)


# Parameters


@pytest.mark.parametrize("options", EVERY_OPTION, ids=str)
def test_parameters_have_the_names_order_and_draws_of_nn_lstm(options):
    drawn = []
    for make in (nn.LSTM, cells.LSTM):
        torch.manual_seed(7)
        drawn.append(make(5, 4, num_layers=2, **options))
    theirs, ours = drawn
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))
    assert repr(ours) == repr(theirs)
    assert [[p.shape for p in ps] for ps in ours.all_weights] == [
        [p.shape for p in ps] for ps in theirs.all_weights
    ]
    theirs.load_state_dict(cells.LSTM(5, 4, num_layers=2, **options).state_dict())
    ours.flatten_parameters()


@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_has_the_names_order_and_draws_of_nn(bias):
    drawn = []
    for make in (nn.LSTMCell, cells.LSTMCell):
        torch.manual_seed(7)
        drawn.append(make(5, 4, bias))
    theirs, ours = drawn
    assert list(ours.state_dict()) == list(theirs.state_dict()) and repr(ours) == repr(theirs)
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))
    theirs.load_state_dict(ours.state_dict())
    assert repr(cells.LSTM(3, 4, 2, dropout=0.5)) == repr(nn.LSTM(3, 4, 2, dropout=0.5))


# Dropout


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("kind", ["batched", "packed unsorted"])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "batch_first": True}], ids=str)
def test_dropout_draws_the_mask_of_nn_lstm(dtype, kind, options):
    theirs, ours = pair(3, 4, num_layers=3, dropout=0.5, dtype=dtype, **options)
    x, hx, lengths = draw_input(ours, kind, 5, 2)
    results = []
    for layer in (ours, theirs):
        torch.manual_seed(3)
        results.append([*run(layer, x, hx, lengths, False), torch.rand(1)])
    assert worst(*results) <= TOLERANCES[dtype]
    assert worst(run(ours.eval(), x, hx), run(theirs.eval(), x, hx)) <= TOLERANCES[dtype]
    assert worst(run(ours.train(), x, hx)[:1], run(ours.eval(), x, hx)[:1]) > 1e-3


def test_dropout_of_everything_leaves_the_first_layer_and_draws_in_eval_nothing():
    _, ours = pair(3, 4, num_layers=2, dropout=1.0)
    x = torch.randn(5, 2, 3)
    _, (h_n, _) = ours(x)
    alone = cells.LSTM(3, 4)
    alone.load_state_dict({name: p for name, p in ours.state_dict().items() if "l0" in name})
    torch.testing.assert_close(h_n[0], alone(x)[1][0][0])
    state = torch.get_rng_state()
    ours.eval()(x)
    assert torch.equal(torch.get_rng_state(), state)


# Errors

BAD_OPTIONS = [
    {"input_size": 0}, {"input_size": -1}, {"input_size": 3.0}, {"hidden_size": 0}, {"hidden_size": "4"},
    {"num_layers": 0}, {"num_layers": 1.5}, {"num_layers": "2"}, {"bias": 1}, {"batch_first": None},
    {"dropout": 2}, {"dropout": -0.1}, {"dropout": True}, {"dropout": "a"}, {"dropout": None}, {"dropout": float("nan")},
    {"proj_size": -1}, {"proj_size": 4}, {"proj_size": 1.5}, {"bogus": 1}, {"dtype": torch.int64},
]  # fmt: skip


def error_of(function, *args, **kwargs):
    with pytest.raises(Exception) as caught:
        function(*args, **kwargs)
    return caught.type, str(caught.value)


@pytest.mark.parametrize("wrong", BAD_OPTIONS, ids=str)
def test_bad_options_raise_what_nn_lstm_raises(wrong):
    options = {"input_size": 3, "hidden_size": 4, **wrong}
    want, message = error_of(nn.LSTM, **options)
    got, ours = error_of(cells.LSTM, **options)
    assert got is want
    if want is ValueError and "convert" not in message:  # that one comes from float()
        assert ours.startswith(message) and str(*wrong.values()) in ours


def zeros(*shape, dtype=torch.float32):
    return torch.zeros(shape, dtype=dtype)


PACKED = pack_sequence([torch.zeros(3, 3), torch.zeros(2, 3)])
BAD_CALLS = {
    "rank 4": (zeros(1, 5, 2, 3),),
    "rank 1": (zeros(3),),
    "no steps": (zeros(0, 2, 3),),
    "features": (zeros(5, 2, 4),),
    "features, unbatched": (zeros(5, 4),),
    "type": (zeros(5, 2, 3, dtype=torch.float64),),
    "integers": (zeros(5, 2, 3, dtype=torch.int64),),
    "no tensor": ([[1.0]],),
    "h, batch": (zeros(5, 2, 3), (zeros(1, 3, 4), zeros(1, 2, 4))),
    "c, batch": (zeros(5, 2, 3), (zeros(1, 2, 4), zeros(1, 3, 4))),
    "h, layers": (zeros(5, 2, 3), (zeros(2, 2, 4), zeros(1, 2, 4))),
    "c, size": (zeros(5, 2, 3), (zeros(1, 2, 4), zeros(1, 2, 5))),
    "h, rank": (zeros(5, 2, 3), (zeros(1, 4), zeros(1, 4))),
    "unbatched, rank": (zeros(5, 3), (zeros(1, 1, 4), zeros(1, 1, 4))),
    "unbatched, size": (zeros(5, 3), (zeros(1, 5), zeros(1, 4))),
    "three states": (zeros(5, 2, 3), (zeros(1, 2, 4),) * 3),
    "states' type": (zeros(5, 2, 3), (zeros(1, 2, 4, dtype=torch.float64),) * 2),
    "states in one tensor": (zeros(5, 2, 3), zeros(2, 1, 2, 4)),
    "packed, features": (pack_sequence([torch.zeros(3, 5), torch.zeros(2, 5)]),),
    "packed, type": (PACKED.double(),),
    "packed, batch": (PACKED, (zeros(1, 3, 4), zeros(1, 3, 4))),
}
OUR_WORDS = {
    "no tensor",
    "states' type",
    "states in one tensor",
    "packed, batch",
}  # where theirs are of their inside


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_raise_what_nn_lstm_raises(name):
    theirs, ours = pair(3, 4)
    want, message = error_of(theirs, *BAD_CALLS[name])
    got, words = error_of(ours, *BAD_CALLS[name])
    assert got is want
    assert name in OUR_WORDS or words.startswith(message)


def test_packed_features_are_counted_where_nn_lstm_may_not():
    # Over sequences of one length torch 2.13 lets oneDNN read five features as if they were three.
    with pytest.raises(RuntimeError, match="3x5 and 3x16"):
        cells.LSTM(3, 4)(pack_sequence([torch.zeros(3, 5)]))


@pytest.mark.parametrize(
    "args",
    [
        (zeros(1, 2, 3),), (zeros(2, 5),), (zeros(5),), (zeros(2, 3, dtype=torch.float64),),
        (zeros(2, 3), (zeros(2, 5), zeros(2, 4))), (zeros(2, 3), (zeros(2, 4), zeros(2, 5))),
        (zeros(2, 3), (zeros(3, 4), zeros(3, 4))), (zeros(2, 3), (zeros(2, 4), zeros(3, 4))),
        (zeros(2, 3), (zeros(1, 4), zeros(1, 4))), (zeros(2, 3), (zeros(1, 2, 4), zeros(2, 4))),
        (zeros(2, 3), (zeros(2, 4),)), (zeros(2, 3), (zeros(2, 4),) * 3), (zeros(3), (zeros(2, 4), zeros(2, 4))),
    ],
    ids=lambda args: str([a.shape if hasattr(a, "shape") else [s.shape for s in a] for a in args]),
)  # fmt: skip
def test_a_cell_raises_what_that_of_nn_raises(args):
    assert error_of(cells.LSTMCell(3, 4), *args) == error_of(nn.LSTMCell(3, 4), *args)


def test_dropout_of_one_layer_warns():
    for make in (nn.LSTM, cells.LSTM):
        with pytest.warns(UserWarning, match=re.escape("dropout=0.5 and num_layers=1")):
            make(3, 4, dropout=0.5)


# All the places where a module goes, and all that is done to it: ways.py

# What torch.nn refuses and ours does: as torch.nn in another way.
ALONE = {
    "hessian, forward": "hessian",
    "jacobian, forward": "jacobian",
    "func_linearize": "func.jvp",
    "func_vmap": "one_by_one",
    "gradients_per_sample": "gradients_one_by_one",
    "ensemble": "ensemble_one_by_one",
    "compiled in one graph": "called",
    "without_initial_values": "shapes",
    "weight norm, copied": "weight norm, called",
}
# What ours refuses in words of its own; torch.nn does the first two.
REFUSED = {
    ("LSTM", "output_detached"): "Can't detach views in-place",
    ("LSTMCell", "sparse"): "sparse",
    ("LSTM", "weight norm, scripted"): "expected an LSTM or LSTMCell of cells, got Parametrized",
    ("LSTMCell", "weight norm, scripted"): "expected an LSTM or LSTMCell of cells",
}


def found(name, make, shape):
    """What a way finds: tensors and other values; or the kind of its error, and its words."""
    torch.manual_seed(1)
    layer = make(3, 4, dtype=torch.float64)
    try:
        return None, ways.leaves(ways.WAYS[name](layer, torch.randn(shape, dtype=torch.float64)))
    except Exception as error:
        return type(error), str(error)


def equal(a, b):
    if not (torch.is_tensor(a) and torch.is_tensor(b)):
        return a == b if not (torch.is_tensor(a) or torch.is_tensor(b)) else False
    return a.dtype == b.dtype and torch.allclose(a, b, rtol=1e-11, atol=1e-11, equal_nan=True)


@pytest.mark.filterwarnings("ignore")  # torch.nn's own
@pytest.mark.parametrize("kind, shape", [("LSTM", (4, 2, 3)), ("LSTMCell", (2, 3))])
@pytest.mark.parametrize("name", ways.WAYS)
def test_it_is_used_as_that_of_nn(name, kind, shape):
    error, got = found(name, getattr(cells, kind), shape)
    if (kind, name) in REFUSED:
        assert error and REFUSED[kind, name] in got
        return
    nn_error, want = found(ALONE.get(name, name), getattr(nn, kind), shape)
    assert error is nn_error, (got, want)
    if error is None:
        assert [equal(a, b) for a, b in zip(got, want, strict=True)] == [True] * len(want)


def test_a_way_sees_a_layer_that_computes_something_else():
    class Wrong(nn.LSTM):
        def forward(self, input, hx=None):
            out, states = super().forward(input, hx)
            return out * (1 + 1e-9), states

    _, got = found("backward", Wrong, (4, 2, 3))
    _, want = found("backward", nn.LSTM, (4, 2, 3))
    assert not all(map(equal, got, want))


def test_what_asks_for_the_class_of_nn_is_told_by_is_lstm_and_to_nn():
    layer, cell = cells.LSTM(3, 4).eval(), cells.LSTMCell(3, 4)
    assert not isinstance(layer, nn.LSTM) and cells.is_lstm(layer) and cells.is_lstm(nn.LSTM(3, 4))
    assert (
        isinstance(cell, nn.LSTMCell)
        and not cells.is_lstm(cell)
        and not cells.is_lstm(nn.GRU(3, 4))
    )
    for ours, kind in [(layer, nn.LSTM), (cell, nn.LSTMCell)]:
        ours.register_forward_hook(lambda module, args, result: (result[0] * 2, result[1]))
        theirs = cells.to_nn(ours)
        assert type(theirs) is kind and type(ours) is not kind
        assert all(map(operator.is_, theirs.parameters(), ours.parameters()))
        x = torch.randn(2, 3)
        torch.testing.assert_close(theirs(x), ours(x))
        assert theirs.training == ours.training
    for other in (nn.LSTM(3, 4), parametrizations.weight_norm(cells.LSTM(3, 4), "weight_hh_l0")):
        with pytest.raises(TypeError, match=f"layer: expected .* got {type(other).__name__}"):
            cells.to_nn(other)


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_quantize_dynamic_takes_it_as_an_lstm_of_nn():
    quantize = partial(torch.ao.quantization.quantize_dynamic, dtype=torch.qint8)
    model = nn.Sequential(cells.LSTM(3, 4))
    assert type(quantize(model, {nn.LSTM})[0]) is cells.LSTM  # left as it was: see `to_nn`
    quantized = quantize(nn.Sequential(cells.to_nn(model[0])), {nn.LSTM})
    assert "quantized" in type(quantized[0]).__module__
    x = torch.randn(5, 2, 3)
    torch.testing.assert_close(quantized(x)[0], model(x)[0], rtol=0, atol=0.02)


def test_copies_pickles_and_files():
    layer = cells.LSTM(3, 4, num_layers=2, bidirectional=True)
    x = torch.randn(5, 2, 3)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    for other in (
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),
        torch.load(file, weights_only=False),
    ):
        assert torch.equal(other(x)[0], layer(x)[0])
        assert other.weight_ih_l0 is not layer.weight_ih_l0


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_the_compiler_takes_the_whole_of_it(backend):
    torch._dynamo.reset()
    layer = cells.LSTM(3, 4, num_layers=2, bidirectional=True)
    x = torch.randn(4, 2, 3)
    compiled = torch.compile(layer, backend=backend, fullgraph=True)
    torch.testing.assert_close(compiled(x), layer(x))
    got, want = (
        torch.autograd.grad(f(x)[0].cos().sum(), [*layer.parameters()]) for f in (compiled, layer)
    )
    torch.testing.assert_close(got, want)


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_traced_exported_checkpointed_and_in_inference_mode():
    layer = cells.LSTM(3, 4, num_layers=2)
    x = torch.randn(4, 2, 3)
    want, _ = layer(x)
    torch.testing.assert_close(torch.jit.trace(layer, x)(x)[0], want)
    torch.testing.assert_close(torch.export.export(layer, (x,)).module()(x)[0], want)
    torch.testing.assert_close(checkpoint(layer, x, use_reentrant=False)[0], want)
    with torch.inference_mode():
        assert torch.equal(layer(x)[0], want)


def test_transforms_see_through_it():
    layer = cells.LSTM(3, 4, dtype=torch.float64)
    weights = dict(layer.named_parameters())
    xs = torch.randn(6, 5, 2, 3, dtype=torch.float64)

    def loss(weights, x):
        return functional_call(layer, weights, (x,))[0].square().sum()

    torch.testing.assert_close(vmap(layer)(xs)[0], torch.stack([layer(x)[0] for x in xs]))
    each = vmap(grad(loss), in_dims=(None, 0))(weights, xs)
    for k, x in enumerate(xs):
        want = torch.autograd.grad(loss(weights, x), list(weights.values()))
        torch.testing.assert_close([g[k] for g in each.values()], list(want))
    tangent = jvp(lambda x: layer(x)[0], (xs[0],), (xs[0],))[1]
    e = 1e-6
    numeric = (layer(xs[0] * (1 + e))[0] - layer(xs[0] * (1 - e))[0]) / (2 * e)
    torch.testing.assert_close(tangent, numeric, rtol=1e-6, atol=1e-9)
    doubled = {name: 2 * p for name, p in weights.items()}
    theirs = nn.LSTM(3, 4, dtype=torch.float64)
    theirs.load_state_dict(doubled)
    torch.testing.assert_close(functional_call(layer, doubled, (xs[0],)), theirs(xs[0]))


def test_autocast_gives_the_types_of_nn_lstm():
    theirs, ours = pair(3, 4, num_layers=2)
    x = torch.randn(5, 2, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got, want = run(ours, x, None), run(theirs, x, None)
    assert [t.dtype for t in got] == [t.dtype for t in want] == [torch.bfloat16] * 3
    assert worst(got, want) < 2e-2
    got[0].sum().backward()
    assert ours.weight_hh_l0.grad.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    theirs, ours = pair(3, 4, dtype=dtype)
    x, hx, _ = draw_input(ours, "batched", 5, 2)
    got, want = (run_and_differentiate(layer, x, hx) for layer in (ours, theirs))
    scale = max(t.abs().max().item() for t in want)
    assert worst(got, want) < 4 * scale * torch.finfo(dtype).eps


def test_moves_and_the_meta_device():
    layer = cells.LSTM(3, 4).double()
    assert layer(torch.zeros(5, 2, 3).double())[0].dtype == torch.float64
    output, _ = cells.LSTM(3, 4, device="meta")(torch.zeros(5, 2, 3, device="meta"))
    assert output.shape == (5, 2, 4) and output.is_meta


def test_weights_that_are_computed():
    x = torch.randn(5, 2, 3)
    layer = parametrizations.weight_norm(cells.LSTM(3, 4), "weight_hh_l0")
    layer(x)[0].sum().backward()
    assert layer.parametrizations.weight_hh_l0.original1.grad.any()
    pruned = prune.l1_unstructured(cells.LSTM(3, 4), "weight_ih_l0", 0.5)
    assert (pruned.weight_ih_l0 == 0).sum() == 24 and pruned(x)[0].shape == (5, 2, 4)


def test_it_trains():
    torch.manual_seed(0)
    x = torch.randn(12, 32, 2)
    target = (x[:, :, 0].cumsum(0) > 0).float()
    theirs, ours = pair(2, 8)
    losses = []
    for layer in (ours, theirs):
        torch.manual_seed(0)
        head = nn.Linear(8, 1)
        optimiser = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.02)
        for _ in range(30):
            loss = nn.functional.binary_cross_entropy_with_logits(
                head(layer(x)[0])[:, :, 0], target
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-3) and losses[0] < 0.6


# NumPy inside


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_the_numpy_layer_is_the_layer(dtype):
    layer = nn.LSTM(3, 4, dtype=dtype)
    x, (h0, c0), _ = draw_input(layer, "batched", 6, 2)
    want = run_and_differentiate(layer, x, (h0, c0))

    class Engine(nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = nn.ParameterList(p.detach().clone() for p in layer.parameters())

        def forward(self, x, hx):
            hs, h, c = cells.numpy_layer(x, hx[0][0], hx[1][0], *self.weights)
            return hs, (h[None], c[None])

    got = run_and_differentiate(Engine(), x, (h0, c0))
    assert worst(got, want) <= TOLERANCES[dtype]


def test_the_numpy_layer_refuses_what_its_engine_refuses():
    weights = list(nn.LSTM(3, 4).parameters())
    state = torch.zeros(2, 4)
    with pytest.raises(ValueError, match="x: expected finite numbers"):
        cells.numpy_layer(torch.full((5, 2, 3), np.nan), state, state, *weights)
    with pytest.raises(TypeError, match="expected float32 or float64, got float16"):
        cells.numpy_layer(torch.zeros(5, 2, 3).half(), state, state, *weights)
    with pytest.raises(TypeError, match="device"):
        cells.numpy_layer(torch.zeros(5, 2, 3, device="meta"), state, state, *weights)
    hs, _, _ = cells.numpy_layer(torch.zeros(5, 2, 3), state, state, *weights)
    with pytest.raises(RuntimeError, match="numpy_layer: expected create_graph=False"):
        torch.autograd.grad(hs.sum(), weights, create_graph=True)


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
def test_the_numpy_layer_is_not_traced():
    weights = [p.detach() for p in nn.LSTM(3, 4).parameters()]
    x, state = torch.randn(5, 2, 3), torch.zeros(2, 4)

    def layer(x):
        return cells.numpy_layer(x, state, state, *weights)[0]

    for trace in (torch.jit.trace, lambda function, x: make_fx(function)(x)):
        with pytest.raises(RuntimeError, match="numpy_layer: expected to be run, got traced"):
            trace(layer, x)
    transformed = vmap(layer), grad(lambda x: layer(x).sum()), lambda x: jvp(layer, (x,), (x,))
    for function in transformed:
        with pytest.raises(RuntimeError, match=r"autograd\.Function"):
            function(x)
