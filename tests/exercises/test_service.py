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
        (average(lambda g, n: n * g, lambda sizes: 1), "not divided"),
        (average(lambda g, n: n * g, sum, lambda n: True), "empty share read"),
        (average(lambda g, n: n * g, len), "divided by the processes"),
        (average(lambda g, n: g / n, sum), "divided by the sizes"),
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


def pack(q):
    low, high = (q + 8).to(torch.uint8).view(-1, 2).T
    return low | (high << 4)


def unpack(packed, order=(0, 4), off=8):
    halves = [(packed >> k) & 15 for k in order]
    return torch.stack(halves, dim=1).flatten().to(torch.int8) - off


def pack_by_bits(q):
    """Keep the sign bit of each, the first number above."""
    return ((q[::2].to(torch.uint8) & 15) << 4) | (q[1::2].to(torch.uint8) & 15)


def unpack_by_bits(packed):
    halves = torch.stack([packed >> 4, packed & 15], dim=1).flatten().to(torch.int8)
    return torch.where(halves > 7, halves - 16, halves)


def pack_halves(q):
    low, high = (q + 8).to(torch.uint8).view(2, -1)
    return low | (high << 4)


def test_right_packings_pass():
    for both in [
        (pack, unpack),
        (pack_by_bits, unpack_by_bits),
        (pack_halves, lambda packed: torch.cat([packed & 15, packed >> 4]).to(torch.int8) - 8),
    ]:
        passes("torch.four_bits", lambda both=both: both)
        passes("torch.four_bits", lambda both=both: list(both))


@pytest.mark.parametrize(
    ("packing", "unpacking", "title", "measured"),
    [
        (lambda q: pack(q.abs()), unpack, "pack loses numbers", "[-7, -1] and [-7, 1]"),
        (lambda q: q[::2].byte() | (q[1::2].byte() << 4), unpack, "pack loses numbers", "[-7,"),
        (pack, lambda p: unpack(p, (4, 0)), "pairs swapped", "[-7, -6] came back as [-6, -7]"),
        (pack, lambda p: unpack(p).view(-1, 2).T.flatten(), "halves one after the other", ""),
        (pack, lambda p: unpack(p, off=0), "shifted", "8 too large"),
        (pack_by_bits, lambda p: unpack(p, (4, 0), 0), "16 too large", "-7 as 9"),
        (pack, lambda p: unpack(p).abs(), "signs lost by unpack", "[-7, -7] came back as [7, 7]"),
        (pack, lambda p: -unpack(p), "signs turned round", ""),
        (pack, lambda p: unpack(p, (0, 0)), "wrong numbers", "[-7, -6] came back as [-7, -7]"),
        (lambda q: (q + 8).byte(), unpack, "wrong return of pack", "shape (450,)"),
        (lambda q: pack(q).int(), unpack, "wrong return of pack", "got int32"),
        (pack, lambda p: unpack(p).int(), "wrong return of unpack", "got int32"),
        (pack, lambda p: p.nothing, "wrong return", "AttributeError"),
    ],
)
def test_what_a_packing_loses_is_said(packing, unpacking, title, measured):
    report = is_named("torch.four_bits", lambda: (packing, unpacking), title)
    assert measured in report.notes[0].says


@pytest.mark.parametrize("kind", ["torch.average", "torch.serve", "torch.four_bits"])
def test_any_value_is_reported(kind):
    never_raises(kind)
