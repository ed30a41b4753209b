"""Exercises of the chapter on more than one process, and on service."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import Case, as_tensor
from lstm_tutorial.exercises._reading import Finding
from lstm_tutorial.exercises._trials import Fn, by_measuring, first


def _shares(seed: int, sizes: list[int], D: int = 3) -> Case:
    drawn = np.random.default_rng(seed).normal(size=(len(sizes), D))
    gradients = [g if n else np.full(D, np.nan) for g, n in zip(drawn, sizes, strict=True)]
    return {"gradients": gradients, "sizes": sizes}


AVERAGE = by_edits(
    "average(gradients, sizes) -> tensor, the gradient of the whole batch",
    {"gradient": "D"},
    [
        *[_shares(370, [1, 3]), _shares(371, [4, 0, 3]), _shares(372, [2, 2, 5])],
        *[_shares(373, [3], 1), _shares(374, [0, 1, 0, 2], 2)],
    ],
    """
    pairs = [(g, n) for g, n in zip(gradients, sizes) if n]
    total = sum(n * g for g, n in pairs)
    count = sum(sizes)
    return total / count
    """,
    listed("""
    plain mean: sum(g for g, n in pairs) / len(pairs) |
        The plain mean: a sequence in a small share counts for more.
    plain mean, empty shares counted: sum(g for g, n in pairs) / len(sizes) |
        The gradients are divided by the number of processes, empty ones too, without weights.
    sum: sum(g for g, n in pairs) | This is the sum of the gradients.
    not divided: total / count -> total |
        Each is multiplied by its size, and nothing is divided by the sum of sizes.
    empty share read: if n] -> if True] |
        The gradient of an empty share is NaN, and 0 times NaN is NaN. Leave it out.
    times the processes: total / count -> total / count * len(sizes) |
        It is multiplied by the number of processes, and was a sum already.
    divided by the processes: sum(sizes) -> len(sizes) |
        The weighted sum is divided by the number of processes. Divide by that of sequences.
    divided by the sizes: sum(n * g for -> sum(g / n for |
        Each gradient is divided by its size. It is multiplied: it is a mean.
    """),
    "service",
    prepare=as_tensor,
)


# What a client's next step begins with, by what is wrong.
_CARRIED: dict[str, Fn] = {
    "": lambda h, c: (h, c),
    "every step from zeros | The new states are not read.": lambda h, c: None,
    "h and c exchanged | They stand in each other's place in the states.": lambda h, c: (c, h),
    "c not kept | c begins with zeros at every step: keep both.": lambda h, c: (h, 0 * c),
    "h not kept | h begins with zeros at every step: keep both.": lambda h, c: (0 * h, c),
    "h kept for c | h stands in the place of c, too.": lambda h, c: (h, h),
}
_MIXED = (
    "clients mixed | A client does not get what it gets alone. Does each read its own state, in "
)
_MIXED += "whichever order the clients come?"


def _serving(fn: Fn) -> Iterator[Finding]:
    """Serve two clients for five turns, and compare with what each gets alone."""
    import torch

    layer, rng = torch.nn.LSTM(3, 4), np.random.default_rng(380)
    for parameter in layer.parameters():
        parameter.data = torch.as_tensor(rng.normal(size=tuple(parameter.shape))).float()
    x = torch.as_tensor(rng.normal(size=(6, 2, 3))).float()
    calls: list[Any] = []
    layer.register_forward_hook(lambda *_: calls.append(1))
    states: dict[str, Any] = {}
    got: dict[str, list[Any]] = {"a": [], "b": []}
    most = 0
    for turn in ["a", "ba", "ab", "b", "ab"]:
        calls.clear()
        with torch.no_grad():
            out = fn(layer, states, {c: x[len(got[c]), "ab".index(c)] for c in turn})
        if not isinstance(out, dict) or not set(turn) <= set(out):
            yield Finding("no dict", "Return a dict that has the output of each client in inputs.")
            return
        most = max(most, len(calls))
        for c in turn:
            got[c].append(torch.as_tensor(out[c]).float())
            if (shape := tuple(got[c][-1].shape)) != (4,):
                yield Finding("wrong output", f"Expected an output of shape (4,), got {shape}.")
                return
    if set(states) != {"a", "b"}:
        says = "The new states have to be put into states, under the client's name."
        yield Finding("states not kept", says)
    fits = (
        text
        for text, carry in _CARRIED.items()
        if all(_alone(layer, x[:, k], carry, got[c]) for k, c in enumerate("ab"))
    )
    text = next(fits, _MIXED)
    yield from first({text: text})
    if most > 1:
        says = f"The network was called {most} times in one turn. Make one call for all clients."
        yield Finding("one call a client", says)


def _alone(layer: Any, x: Any, carry: Fn, got: list[Any]) -> bool:
    """Tell whether a client got what it would get by itself, with states carried in some way."""
    import torch

    state = None
    with torch.no_grad():
        for x_t, output in zip(x, got, strict=False):
            out, state = layer(x_t[None, None], state)
            if not torch.allclose(out[0, 0], output, atol=1e-5):
                return False
            state = carry(*state)
    return True


SERVE = by_measuring(
    "serve(lstm, states, inputs) -> dict from client to output (H,)",
    _serving,
    "service",
    "Each client gets what it gets alone, with one call of the network in a turn.",
)


def _packing(fn: Fn) -> Iterator[Finding]:
    """Pack and unpack all pairs of numbers, and compare."""
    import torch

    pack, unpack = fn()
    pairs = torch.tensor([(a, b) for a in range(-7, 8) for b in range(-7, 8)], dtype=torch.int8)
    for q in (pairs.flatten(), pairs[40:44].flatten(), pairs[99]):
        packed = pack(q.clone())
        found = list(_typed("pack", packed, torch.uint8, len(q) // 2))
        if not found:
            back = unpack(packed.clone())
            found = list(_typed("unpack", back, torch.int8, len(q)))
        if not found and not torch.equal(back, q):
            found = list(_lost(pack, pairs)) or list(_came_back(q, back))
        if found:
            yield from found
            return


def _typed(name: str, got: Any, dtype: Any, length: int) -> Iterator[Finding]:
    """Say what a function returned if that is no tensor of the type and length."""
    shape = tuple(getattr(got, "shape", ()))
    if getattr(got, "dtype", None) != dtype or shape != (length,):
        is_what = f"{got.dtype} of shape {shape}" if hasattr(got, "dtype") else type(got).__name__
        says = f"{name}: expected {dtype} of shape ({length},), got {is_what}."
        yield Finding(f"wrong return of {name}", says.replace("torch.", ""))


def _lost(pack: Fn, pairs: Any) -> Iterator[Finding]:
    """Find two pairs of numbers with the same byte."""
    seen: dict[int, Any] = {}
    for pair in pairs:
        other = seen.setdefault(int(pack(pair.clone())), pair)
        if other is not pair:
            says = f"pack gives one and the same byte for {other.tolist()} and {pair.tolist()}: no "
            yield Finding("pack loses numbers", f"{says}unpack can tell them apart.")
            return


def _came_back(q: Any, back: Any) -> Iterator[Finding]:
    """Say how what came back differs."""
    import torch

    two, off = q.view(-1, 2), back.int() - q.int()
    at = int(off.abs().view(-1, 2).sum(dim=1).nonzero()[0])
    says = f"{two[at].tolist()} came back as {back.view(-1, 2)[at].tolist()}."
    yield from first({
        f"signs lost by unpack | {says}": torch.equal(back, q.abs()),
        f"signs turned round | {says}": torch.equal(back, -q),
        f"pairs swapped | {says} The two halves of a byte are exchanged.": (
            torch.equal(back, two.flip(1).flatten())
        ),
        "halves one after the other | First all numbers of one half of the bytes came, then all of "
        "the other: they belong in turn.": torch.equal(back, two.T.flatten()),
        f"16 too large | Negative numbers come back 16 too large: {q[0]} as {back[0]}.": (
            torch.equal(off, 16 * (q < 0).int())
        ),
        f"shifted | All come back {abs(int(off[0]))} too {'large' if off[0] > 0 else 'small'}.": (
            bool((off == off[0]).all())
        ),
        f"wrong numbers | {int((off != 0).sum())} of {len(q)} are wrong: {says}": True,
    })  # fmt: skip


FOUR_BITS = by_measuring(
    "() -> (pack, unpack), from int8 of even length to uint8 of half of it, and back",
    _packing,
    "service",
    "All pairs of numbers from -7 to 7 come back, two to a byte.",
)

KINDS = {"torch.average": AVERAGE, "torch.serve": SERVE, "torch.four_bits": FOUR_BITS}
