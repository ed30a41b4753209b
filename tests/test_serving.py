"""Streams: whatever else is served in between, a client gets what it would get alone."""

import doctest

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lstm_tutorial import serving
from lstm_tutorial.serving import Streams

D, H, O = 3, 5, 2  # noqa: E741


def network(seed=0, dtype=torch.float64, **options):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        lstm, head = nn.LSTM(D, H, **options), nn.Linear(options.get("proj_size", H), O)
    return lstm.to(dtype).eval(), head.to(dtype)


def stream(steps, seed, dtype=torch.float64):
    return torch.randn(steps, D, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def alone(lstm, head, x):
    with torch.no_grad():
        return head(lstm(x[:, None])[0][:, 0])


@pytest.mark.filterwarnings("ignore:LSTM with projections")  # that they run outside of oneDNN
@pytest.mark.parametrize("options", [{}, {"num_layers": 3}, {"num_layers": 2, "proj_size": 4}])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-14), (torch.float32, 1e-6)])
def test_step_by_step_is_the_whole_sequence(options, dtype, tolerance):
    lstm, head = network(dtype=dtype, **options)
    streams, x = Streams(lstm, head, limit=1), stream(200, 1, dtype)
    streams.open("a")
    answers = torch.stack([streams.step({"a": x_t})["a"] for x_t in x])
    assert answers.dtype == dtype and not answers.requires_grad
    torch.testing.assert_close(answers, alone(lstm, head, x), rtol=0, atol=tolerance)


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=1, unique=True), max_size=30))
def test_any_mixture_of_clients_gives_each_what_it_gets_alone(calls):
    lstm, head = network(num_layers=2)
    streams, sources = Streams(lstm, head, limit=4), {}
    answers = {client: [] for client in "abcd"}
    for seed, client in enumerate("abcd"):
        streams.open(client)
        sources[client] = stream(30, seed)
    for call in calls:
        got = streams.step({c: sources[c][len(answers[c])] for c in call})
        assert list(got) == call
        for client, answer in got.items():
            answers[client].append(answer)
    for client, got in answers.items():
        if got:
            wanted = alone(lstm, head, sources[client][: len(got)])
            torch.testing.assert_close(torch.stack(got), wanted, rtol=0, atol=1e-14)


def test_reset_and_reopening_begin_anew():
    streams, x = Streams(*network(), limit=2), stream(1, 0)[0]
    streams.open("a")
    first, second = (streams.step({"a": x})["a"] for _ in range(2))
    assert not torch.equal(first, second)
    streams.reset("a")
    assert torch.equal(streams.step({"a": x})["a"], first)
    streams.close("a")
    assert "a" not in streams
    streams.open("a")
    assert torch.equal(streams.step({"a": x})["a"], first)


def test_the_one_used_longest_ago_makes_room():
    streams, x = Streams(*network(), limit=3), stream(1, 0)[0]
    assert [streams.open(client) for client in "abc"] == [None] * 3
    streams.step({"a": x})
    streams.reset("b")
    assert streams.open("d") == "c" and len(streams) == 3
    assert streams.open("e") == "a"
    assert all(client in streams for client in "bde")
    with pytest.raises(KeyError, match="opened and is kept, got 'a'"):
        streams.step({"a": x})


def test_a_state_does_not_keep_the_batch_alive():
    streams, x = Streams(*network(), limit=100), stream(1, 0)[0]
    for client in range(100):
        streams.open(client)
    streams.step({client: x for client in range(100)})
    kept = [part.untyped_storage().nbytes() for part in streams._states[7]]
    assert kept == [8 * H, 8 * H]


X = torch.zeros(D, dtype=torch.float64)
BAD = [
    ({}, ValueError, "inputs: expected at least one client, got none"),
    ({"a": X, "z": X}, KeyError, "got 'z'"),
    ({"a": X, "b": X[:2]}, ValueError, r"inputs\['b'\]: expected shape \(D=3,\), got \(2,\)"),
    ({"a": X, "b": X[None]}, ValueError, r"got \(1, 3\)"),
    (
        {"a": X, "b": X.float()},
        TypeError,
        "expected torch.float64 like the weights, got torch.float",
    ),
    ({"a": X, "b": X.numpy()}, TypeError, "expected a tensor, got ndarray"),
    ({"a": X, "b": X + torch.nan}, ValueError, r"inputs\['b'\]: expected finite numbers, got nan"),
    ({"a": X, "b": X - torch.inf}, ValueError, "expected finite numbers, got -inf"),
]


@pytest.mark.parametrize("inputs, error, message", BAD)
def test_bad_input_is_named_and_changes_no_state(inputs, error, message):
    lstm, head = network()
    streams, x = Streams(lstm, head, limit=2), stream(2, 0)
    streams.open("a"), streams.open("b")
    streams.step({"a": x[0], "b": x[0]})
    with pytest.raises(error, match=message):
        streams.step(inputs)
    wanted = alone(lstm, head, x)[1]
    torch.testing.assert_close(streams.step({"a": x[1]})["a"], wanted, rtol=0, atol=1e-14)


def test_what_cannot_stream_is_refused():
    head = nn.Identity()
    for options, message in [
        ({"bidirectional": True}, "expected one direction, got two"),
        ({"batch_first": True}, "expected time first, got batch_first=True"),
    ]:
        with pytest.raises(ValueError, match=f"lstm: {message}"):
            Streams(nn.LSTM(D, H, **options), head, limit=1)
    dropout = nn.LSTM(D, H, num_layers=2, dropout=0.5)
    with pytest.raises(ValueError, match="lstm: expected evaluation mode"):
        Streams(dropout, head, limit=1)
    Streams(dropout.eval(), head, limit=1)
    with pytest.raises(TypeError, match=r"lstm: expected a torch\.nn\.LSTM, got GRU"):
        Streams(nn.GRU(D, H), head, limit=1)
    with pytest.raises(ValueError, match="limit: expected at least 1, got 0"):
        Streams(nn.LSTM(D, H), head, limit=0)


def test_names_are_checked():
    streams = Streams(*network(), limit=1)
    streams.open("a")
    with pytest.raises(ValueError, match="expected a new one, got 'a', which has a stream"):
        streams.open("a")
    for method in (streams.reset, streams.close):
        with pytest.raises(KeyError, match="opened and is kept, got 'b'"):
            method("b")


def test_the_example_in_the_docstring():
    failed, tried = doctest.testmod(serving, extraglobs={"torch": torch})
    assert tried == 4 and failed == 0
