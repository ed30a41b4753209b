"""Exercises of the chapter on nn.LSTM: weights of another layout, and both biases counted."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np

from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._facts import same
from lstm_tutorial.exercises._kind import Case, Kind, draw, in_single_precision
from lstm_tutorial.exercises._reading import Array, Finding, Reading, named
from lstm_tutorial.exercises._trials import Fn, by_measuring

_OUTPUTS = {"W_ih": "4H D", "W_hh": "4H H", "b": "4H"}
_SIZES = [(3, 2), (2, 5), (4, 4), (1, 3), (3, 1), (1, 1)]
_PORTS: list[Case] = [
    {**draw(200 + D, {"W": "4H J", "b": "4H"}, H=H, J=D + H), "H": H} for D, H in _SIZES
]


def _rows(array: Array, order: str) -> Array:
    """Return blocks that lie in the order f, i, g, o in another one."""
    blocks = dict(zip("figo", np.split(array, 4), strict=True))
    return np.concatenate([blocks[g] for g in order])


def _ported(orders: dict[str, str], swapped: bool, W: Array, b: Array, H: int) -> list[Array]:
    """Return the weights with rows in some order for each output, and columns cut at H or D."""
    D = W.shape[1] - H
    x, h = (W[:, :D], W[:, D:]) if swapped else (W[:, H:], W[:, :H])
    parts = {"W_ih": x, "W_hh": h, "b": b}
    return [_rows(parts[name], orders[name]) for name in _OUTPUTS]


def _read_port(ask: Ask) -> Iterator[Reading]:
    """Read the order of the rows in each output, and which columns went where."""
    case = list(ask.kind.cases[0].values())
    got = dict(zip(_OUTPUTS, ask(*case), strict=True))
    for swapped in (False, True):
        orders = {}
        for order in map("".join, permutations("ifgo")):
            made = _ported(dict.fromkeys(_OUTPUTS, order), swapped, *case)
            for name, array in zip(_OUTPUTS, made, strict=True):
                if same([got[name]], [array], 1e-4 if ask.eps > 1e-9 else 1e-9):
                    orders.setdefault(name, order)
        if len(orders) == 3:
            findings = [*_port_findings(orders, swapped)]
            yield Reading(findings, lambda *a, o=orders, s=swapped: _ported(o, s, *a))


def _port_findings(orders: dict[str, str], swapped: bool) -> Iterator[Finding]:
    if swapped:
        says = "The first D columns are taken for W_ih. The first H are the state's, W_hh."
        yield Finding("input's columns taken first", says, ("W_ih", "W_hh"), "same")
    for order in dict.fromkeys(orders.values()):
        names = [name for name in orders if orders[name] == order]
        moved = [g for g, right in zip(order, "ifgo", strict=True) if g != right]
        whose = f"The rows of {named(names)} come" if len(names) < 3 else "All rows come"
        says = f"{whose} out in the order {named(order)}. It should be i, f, g and o."
        if order == "figo":
            says += " That is the order in which they came."
        if moved:
            title = "gates not reordered" if order == "figo" else f"rows in the order {order}"
            where = names if len(names) < 3 else moved
            yield Finding(
                f"{title}{'' if len(names) == 3 else f' in {named(names)}'}",
                says,
                tuple(where),
                "same",
            )


PORT = Kind(
    "port(W, b, H) -> (W_ih, W_hh, b), from W (4H, H + D) with the state's columns first and rows "
    "f, i, g, o",
    _OUTPUTS,
    [*_PORTS, in_single_precision(_PORTS[0])],
    lambda W, b, H: _ported(dict.fromkeys(_OUTPUTS, "ifgo"), False, W, b, H),
    "same",
    read=_read_port,
)


BIAS = 1.25


def _numbers(layer: Any) -> dict[str, Array]:
    """Return a layer's parameters by name, biases as (4, H)."""
    state = {name: value.detach().double().numpy() for name, value in layer.named_parameters()}
    return {n: a.reshape(4, -1).copy() if a.ndim == 1 else a.copy() for n, a in state.items()}


def _opening(fn: Fn) -> Iterator[Finding]:
    """Open the forget gates of three layers, and say what came of it."""
    import torch

    rng = np.random.default_rng(3)
    for layers, both, H in [(2, True, 4), (1, False, 3), (3, False, 1)]:
        layer = torch.nn.LSTM(3, H, num_layers=layers, bidirectional=both)
        for parameter in layer.parameters():
            parameter.data = torch.as_tensor(rng.normal(size=tuple(parameter.shape))).float()
        before = _numbers(layer)
        fn(layer, BIAS)
        found = list(_compared(before, _numbers(layer)))
        yield from found
        if found:
            return


def _what(ih: Array, hh: Array, new_ih: Array, new_hh: Array) -> str:
    """Tell what became of one gate's two biases in one layer and direction."""
    total = new_ih + new_hh
    left_ih, left_hh = np.allclose(ih, new_ih), np.allclose(hh, new_hh)
    tests = {
        "left": left_ih and left_hh,
        "set": np.allclose(total, BIAS),
        "set twice": np.allclose(total, 2 * BIAS),
        "added": np.allclose(total, ih + hh + BIAS),
        "added twice": np.allclose(total, ih + hh + 2 * BIAS),
        "bias_hh left": left_hh and np.allclose(new_ih, BIAS),
        "bias_ih left": left_ih and np.allclose(new_hh, BIAS),
    }
    return next((name for name, holds in tests.items() if holds), "another number")


_SAYS = {
    "left": ("left as they were", "were left as they were"),
    "set twice": ("both biases set", "have twice the bias: both vectors are set, and they add"),
    "added": ("added to what was drawn", "have the bias added to what was drawn. Set it"),
    "added twice": ("added to both biases", "have it added to both vectors. Set the sum"),
    "bias_hh left": ("bias_hh left", "have it in bias_ih, and bias_hh keeps its numbers: they add"),
    "bias_ih left": ("bias_ih left", "have it in bias_hh, and bias_ih keeps its numbers: they add"),
    "another number": ("another number", "have another sum than the one asked for"),
}


def _compared(before: dict[str, Array], after: dict[str, Array]) -> Iterator[Finding]:
    """Yield what became of the biases, by gate, layer and direction."""
    ends = [name.removeprefix("bias_ih_l") for name in before if name.startswith("bias_ih")]
    vectors = [
        [a[f"bias_{k}_l{end}"] for a in (before, after) for k in ("ih", "hh")] for end in ends
    ]
    became = {g: [_what(*(v[k] for v in four)) for four in vectors] for k, g in enumerate("ifgo")}
    alike = {g: set(became[g]) for g in "ifgo"}
    touched = [g for g in "igo" if alike[g] != {"left"}]
    if len(touched) == 1 and alike["f"] == {"left"} and "set" in alike[touched[0]]:
        says = f"The biases of {touched[0]} are set. The forget gate's are the second quarter."
        yield Finding("another gate opened", says, (touched[0],))
        return
    if all(alike[g] == {"set"} for g in "ifgo"):
        says = "The biases of all four gates are set. Only the forget gate's are."
        yield Finding("all gates set", says, ("bias",))
        return
    for what, (title, says) in _SAYS.items():
        at = [end for end, done in zip(ends, became["f"], strict=True) if done == what]
        if at:
            where = [word for word in what.split() if word.startswith("bias_")]
            places = "" if at == ends else f" in {named([_place(end) for end in at])}"
            title = title if at == ends or what != "left" else "some layers left"
            yield Finding(title, f"The forget gates{places} {says}.", tuple(where))
    if touched:
        says = f"The biases of {named(touched)} are changed, too. They stay as they are."
        yield Finding("other gates changed", says, tuple(touched))
    other = [n for n in before if "weight" in n and not np.array_equal(before[n], after[n])]
    if other:
        yield Finding("weights changed", f"{named(other)} changed. Only biases should.")


def _place(end: str) -> str:
    """Return the layer and direction that the end of a parameter's name stands for."""
    layer, _, reverse = end.partition("_")
    return f"layer {layer}, {'backward' if reverse else 'forward'}"


OPEN_FORGET_GATES = by_measuring(
    "open_forget_gates(layer, bias) -> None",
    _opening,
    "same",
    "In every layer and direction the forget gate's two biases add up to the bias.",
)

KINDS = {"lstm.port": PORT, "torch.open_forget_gates": OPEN_FORGET_GATES}
