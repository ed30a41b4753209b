"""Exercises of the chapter on nn.LSTM: weights of another layout, and both biases counted."""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import permutations

import numpy as np

from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._facts import close
from lstm_tutorial.exercises._kind import Case, Kind, draw, in_single_precision
from lstm_tutorial.exercises._reading import Array, Finding, Reading, named
from lstm_tutorial.exercises._trials import Fn, by_measuring

_OUTPUTS = {"W_ih": "4H D", "W_hh": "4H H", "b": "4H"}
_SIZES = [(3, 2), (2, 5), (4, 4), (1, 3), (3, 1), (1, 1)]
_PORTS: list[Case] = [
    {**draw(200 + D, {"W": "4H J", "b": "4H"}, H=H, J=D + H), "H": H} for D, H in _SIZES
]


def _ported(orders: Mapping[str, str], swapped: bool, W: Array, b: Array, H: int) -> list[Array]:
    """Return the weights with rows in some order for each output, and columns cut at H or D."""
    D = W.shape[1] - H
    x, h = (W[:, :D], W[:, D:]) if swapped else (W[:, H:], W[:, :H])
    found = []
    for name, array in {"W_ih": x, "W_hh": h, "b": b}.items():
        blocks = dict(zip("figo", np.split(array, 4), strict=True))
        found.append(np.concatenate([blocks[g] for g in orders[name]]))
    return found


def _read_port(ask: Ask) -> Iterator[Reading]:
    """Read the order of the rows in each output, and which columns went where."""
    case = list(ask.kind.cases[0].values())
    got = ask(*case)
    for swapped in (False, True):
        orders: dict[str, str] = {}
        for order in map("".join, permutations("ifgo")):
            made = _ported(dict.fromkeys(_OUTPUTS, order), swapped, *case)
            for name, mine, yours in zip(_OUTPUTS, made, got, strict=True):
                if close(yours, mine):
                    orders.setdefault(name, order)
        if len(orders) == 3:
            yield Reading(_port_findings(orders, swapped), partial(_ported, orders, swapped))


def _port_findings(orders: Mapping[str, str], swapped: bool) -> list[Finding]:
    found = []
    if swapped:
        says = "The first D columns are taken for W_ih. The first H are the state's, W_hh."
        found.append(Finding("input's columns taken first", says, ("W_ih", "W_hh"), "same"))
    for order in dict.fromkeys(orders.values()):
        names = [name for name in orders if orders[name] == order]
        moved = [g for g, right in zip(order, "ifgo", strict=True) if g != right]
        says = (
            f"The rows of {named(names)} come out in the order {named(order)}. It should be i, f, "
        )
        says += "g and o."
        title = "gates not reordered" if order == "figo" else f"rows in the order {order}"
        title += f" in {named(names)}" if len(names) < 3 else ""
        where = names if len(names) < 3 else moved
        found += [Finding(title, says, tuple(where), "same")] if moved else []
    return found


PORT = Kind(
    "port(W, b, H) -> (W_ih, W_hh, b), from W (4H, H + D) with the state's columns first and rows "
    "f, i, g, o",
    _OUTPUTS,
    [*_PORTS, in_single_precision(_PORTS[0])],
    partial(_ported, dict.fromkeys(_OUTPUTS, "ifgo"), False),
    "same",
    read=_read_port,
)

BIAS = 1.25


def _fate(ih: Array, hh: Array, new_ih: Array, new_hh: Array) -> str:
    """Tell what became of one gate's two biases in one layer and direction."""
    total = new_ih + new_hh
    left_ih, left_hh = np.allclose(ih, new_ih), np.allclose(hh, new_hh)
    tests = {
        "left as they were": left_ih and left_hh,
        "": np.allclose(total, BIAS),
        "both biases set": np.allclose(total, 2 * BIAS),
        "added to what was drawn": np.allclose(total, ih + hh + BIAS),
        "bias_hh left": left_hh and np.allclose(new_ih, BIAS),
        "bias_ih left": left_ih and np.allclose(new_hh, BIAS),
        "another number": True,
    }
    return next(name for name, holds in tests.items() if holds)


def _opening(fn: Fn) -> Iterator[Finding]:
    """Open the forget gates of three layers, and say what came of it."""
    import torch

    rng = np.random.default_rng(3)
    for layers, both, H in [(2, True, 4), (1, False, 3), (3, False, 1)]:
        layer = torch.nn.LSTM(3, H, num_layers=layers, bidirectional=both)
        for parameter in layer.parameters():
            parameter.data = torch.as_tensor(rng.normal(size=tuple(parameter.shape))).float()
        before = {name: a.detach().numpy().copy() for name, a in layer.named_parameters()}
        fn(layer, BIAS)
        after = {name: a.detach().numpy() for name, a in layer.named_parameters()}
        found = list(_compared(before, after))
        yield from found
        if found:
            return


def _compared(before: dict[str, Array], after: dict[str, Array]) -> Iterator[Finding]:
    """Yield what became of the biases, by gate, layer and direction."""
    ends = [name.removeprefix("bias_ih_l") for name in before if name.startswith("bias_ih")]
    fates: dict[str, list[str]] = {gate: [] for gate in "ifgo"}
    for end in ends:
        names = [f"bias_ih_l{end}", f"bias_hh_l{end}"]
        vectors = [state[name].reshape(4, -1) for state in (before, after) for name in names]
        for gate, biases in zip("ifgo", zip(*vectors, strict=True), strict=True):
            fates[gate].append(_fate(*biases))
    touched = [gate for gate in "igo" if set(fates[gate]) != {"left as they were"}]
    if all(set(fate) == {""} for fate in fates.values()):
        says = "The biases of all four gates are set. Only the forget gate's are."
        yield Finding("all gates set", says, ("bias",))
        return
    for fate in set(fates["f"]) - {""}:
        at = [end for end, done in zip(ends, fates["f"], strict=True) if done == fate]
        places = "" if len(at) == len(ends) else f" of the layers {named(at)}"
        says = (
            f"The forget gates' biases{places}: {fate}. The two of a layer should add up to bias."
        )
        where = tuple(word for word in fate.split() if word.startswith("bias_"))
        yield Finding("some layers left" if places and "were" in fate else fate, says, where)
    if touched:
        says = f"The biases of {named(touched)} are changed. Only the second quarter should be, f."
        yield Finding("other gates changed", says, tuple(touched))
    other = [n for n in before if "weight" in n and not np.array_equal(before[n], after[n])]
    if other:
        yield Finding("weights changed", f"{named(other)} changed. Only biases should.")


OPEN_FORGET_GATES = by_measuring(
    "open_forget_gates(layer, bias) -> None",
    _opening,
    "same",
    "In every layer and direction the forget gate's two biases add up to the bias.",
)

KINDS = {"lstm.port": PORT, "torch.open_forget_gates": OPEN_FORGET_GATES}
