"""Averages over processes and serving: right in any style, mistakes named."""

import pytest
import torch

from tests.exercises.trying import is_named, never_raises, passes


def average(weigh, divide, keep=lambda n: n):
    def averaged(gradients, sizes):
        pairs = [(g, n) for g, n in zip(gradients, sizes, strict=True) if keep(n)]
        return sum(weigh(g, n) for g, n in pairs) / divide(sizes)

    return averaged


def serving(state=lambda h, c: (h, c), ordered=list, start=True):
    """Return the serving of a turn, with states kept in some way."""

    def serve(lstm, states, inputs):
        zeros = (torch.zeros(1, 1, lstm.hidden_size),) * 2
        known = [states.get(client, zeros) if start else zeros for client in inputs]
        h, c = (torch.cat(parts, dim=1) for parts in zip(*known, strict=True))
        out, (h, c) = lstm(torch.stack(list(inputs.values()))[None], (h, c))
        clients = ordered(inputs)
        for k, client in enumerate(clients):
            states[client] = state(h[:, k : k + 1], c[:, k : k + 1])
        return dict(zip(clients, out[0], strict=True))

    return serve


def one_by_one(lstm, states, inputs):
    answers = {}
    for client, x in inputs.items():
        answers |= serving()(lstm, states, {client: x})
    return answers


def test_right_answers_pass():
    passes("torch.average", average(lambda g, n: n * g, sum))
    passes("torch.serve", serving())


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (average(lambda g, n: g, lambda sizes: sum(n > 0 for n in sizes)), "plain mean"),
        (average(lambda g, n: g, lambda sizes: 1), "sum"),
        (average(lambda g, n: n * g, lambda sizes: 1), "total for total / count"),
        (average(lambda g, n: n * g, sum, lambda n: True), "empty share read"),
        (average(lambda g, n: n * g, len), "divided by the processes"),
    ],
)
def test_other_averages_are_named(fn, title):
    is_named("torch.average", fn, title)


@pytest.mark.parametrize(
    ("fn", "titles"),
    [
        (serving(start=False), ["every step from zeros"]),
        (serving(lambda h, c: (c, h)), ["h and c exchanged"]),
        (serving(lambda h, c: (h, 0 * c)), ["c not kept"]),
        (serving(lambda h, c: (h, h)), ["h kept for c"]),
        (serving(ordered=sorted), ["clients mixed"]),
        (one_by_one, ["one call a client"]),
        (lambda lstm, states, inputs: list(inputs.values()), ["no dict"]),
        (lambda lstm, states, inputs: inputs, ["wrong output"]),
    ],
)
def test_what_a_server_gets_wrong_is_said(fn, titles):
    is_named("torch.serve", fn, *titles)


@pytest.mark.parametrize("kind", ["torch.average", "torch.serve"])
def test_any_value_is_reported(kind):
    never_raises(kind)
