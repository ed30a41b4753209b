"""Exercises of the chapter on more than one process, and on service."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import Case, as_tensor
from lstm_tutorial.exercises._reading import Finding
from lstm_tutorial.exercises._trials import Fn, by_measuring


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
    divided by the filled shares: sum(sizes) -> len(pairs) |
        The weighted sum is divided by the number of shares. Divide by that of sequences.
    divided by the largest share: sum(sizes) -> max(sizes) |
        The weighted sum is divided by the largest size. Divide by the sum of sizes.
    divided by the sizes: sum(n * g for -> sum(g / n for |
        Each gradient is divided by its size. It is multiplied: it is a mean.
    weights squared: n * g for -> n**2 * g for | The sizes are squared.
    first process alone: gradients[0] | This is the first process's gradient.
    """),
    "service",
    prepare=as_tensor,
)


def _served(fn: Fn) -> Iterator[Finding]:
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
        inputs = {c: x[len(got[c]), "ab".index(c)] for c in turn}
        calls.clear()
        with torch.no_grad():
            out = fn(layer, states, inputs)
        most = max(most, len(calls))
        for c in turn:
            got[c].append(torch.as_tensor(out[c]))
    if any(tuple(o.shape) != (4,) for c in "ab" for o in got[c]):
        shape = next(tuple(o.shape) for c in "ab" for o in got[c] if tuple(o.shape) != (4,))
        yield Finding("wrong output", f"A client's output has the shape {shape}, expected (4,).")
        return
    if set(states) != {"a", "b"}:
        says = "The new states have to be put into states, under the client's name."
        yield Finding("states not kept", says)
    yield from _as_alone(got, layer, x)
    if most > 1:
        says = f"The network was called {most} times in one turn. Make one call for all clients."
        yield Finding("one call a client", says)


def _as_alone(got: dict[str, list[Any]], layer: Any, x: Any) -> Iterator[Finding]:
    """Compare with each client alone, and with what mistakes lead to."""
    import torch

    def runs(carry: Any) -> dict[str, Any]:
        """Return what each client would get if states were carried on in a way."""
        outputs = {}
        for k, c in enumerate("ab"):
            state, outputs[c] = None, []
            for x_t in x[: len(got[c]), k : k + 1]:
                out, state = layer(x_t[None], state)
                state = carry(*state)
                outputs[c].append(out[0, 0])
        return outputs

    ways = {
        "": lambda h, c: (h, c),
        "every step from zeros": lambda h, c: None,
        "h and c exchanged": lambda h, c: (c, h),
        "c not kept": lambda h, c: (h, 0 * c),
        "h not kept": lambda h, c: (0 * h, c),
        "h kept for c": lambda h, c: (h, h),
    }
    says = {
        "every step from zeros": "Every step begins with zeros: the new states are not read.",
        "h and c exchanged": "h and c stand in each other's place in the states.",
        "c not kept": "c begins with zeros at every step: keep both, h and c.",
        "h not kept": "h begins with zeros at every step: keep both, h and c.",
        "h kept for c": "h is kept in the place of c, too.",
    }
    with torch.no_grad():
        for name, carry in ways.items():
            want = runs(carry)
            if all(
                torch.allclose(torch.stack(got[c]).float(), torch.stack(want[c]), atol=1e-5)
                for c in "ab"
            ):
                yield from [Finding(name, says[name])] if name else []
                return
    yield Finding(
        "clients mixed",
        "A client does not get what it gets alone. Does each read its own state and input, in "
        "whichever order the clients come?",
    )


SERVE = by_measuring(
    "serve(lstm, states, inputs) -> dict from client to output (H,)",
    _served,
    "service",
    "Each client gets what it gets alone, with one call of the network in a turn.",
)

KINDS = {"torch.average": AVERAGE, "torch.serve": SERVE}
