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
    plain mean: sum(g for g, n in pairs) / len(pairs) | A sequence in a small share counts for more.
    plain mean, empty shares counted: sum(g for g, n in pairs) / len(sizes) | Weigh by the sizes.
    sum: sum(g for g, n in pairs) | This is the sum of the gradients.
    empty share read: if n] -> if True] | The gradient of an empty share is NaN. Leave it out.
    divided by the processes: sum(sizes) -> len(sizes) | Divide by the number of sequences.
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

KINDS = {"torch.average": AVERAGE, "torch.serve": SERVE}
