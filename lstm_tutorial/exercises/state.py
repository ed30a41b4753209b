"""Exercises of the chapter on the cell state: one unit whose weights are set, not learnt."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from lstm_tutorial.exercises import _recurrent
from lstm_tutorial.exercises._kind import Kind, as_tensor
from lstm_tutorial.exercises._reading import Finding
from lstm_tutorial.exercises._trials import Fn, arrays, by_measuring
from lstm_tutorial.exercises.pytorch import attached, cell, in_numpy

_WEIGHTS = {"W_ih": "4H D", "W_hh": "4H H", "b": "4H"}
_COUNTS = """
a = 1: Look at i and g.
b = -1: Look at the sign of g.
aaa = 3: The forget gate must stay open.
aab = 1: b must not close the forget gate.
bba = -1: a must not close the forget gate.
r = 0: r must not write.
aar = 0: r must close the forget gate.
bbra = 1: After r counting begins at 0.
long strings = 70: Right for short strings. Are gates and candidate saturated?
"""
_BITS = """
000 = 0: Zeros alone should leave c at 0.
1 = 1: The first 1 should set c to 1.
100 = 1: A 0 should leave the set bit alone.
11 = 0: The second 1 should clear it: f and i must both close.
10101 = 1: The third 1 should set c to 1 again.
long strings = 1: Right for short strings: is f wide open?
"""
_LONG = {"abr": "a" * 90 + "r" + "a" * 100 + "b" * 30, "": "1" + "0" * 999}


def _by_strings(signature: str, strings: str, symbols: str) -> Kind:
    """Return a kind whose unit reads strings of symbols, or of bits, and is judged by its c."""

    def measure(fn: Fn) -> Iterator[Finding]:
        W_ih, W_hh, b = arrays(_WEIGHTS, fn(), D=len(symbols) or 1, H=1)
        scale = np.array([0.5, 0.5, 1, 0.5])  # σ(z) = (1 + tanh(z / 2)) / 2
        for row in strings.strip().split("\n"):
            name, want, says = re.split(" = |: ", row, maxsplit=2)
            string = _LONG[symbols] if name.startswith("long") else name
            x = [[float(s == t) for t in symbols] if symbols else [float(s)] for s in string]
            h = c = old = 0.0
            for z in np.array(x) @ W_ih.T + b:
                i, f, g, o = np.tanh((z + h * W_hh[:, 0]) * scale)
                i, f, o, old = (1 + i) / 2, (1 + f) / 2, (1 + o) / 2, c
                c = f * c + i * g
                h = o * np.tanh(c)
            if not abs(c - float(want)) < 0.01 * max(1, abs(float(want))):
                says = f"c should end at {want}. {says} At the last step i = {i:.2f}, f = {f:.2f}, "
                yield Finding(name, f"{says}g = {g:.2f}: c goes from {old:.2f} to {c:.2f}.")
                return

    return by_measuring(signature, measure, "state", "c ends right for every string tried.")


def _coupled(i: Any, f: Any, g: Any, o: Any, c: Any) -> tuple[Any, Any]:
    return cell(1 - f.sigmoid(), f.sigmoid(), g, o.sigmoid(), c)


COUPLED_CELL = _recurrent.stepping(
    "torch.coupled_cell",
    "cell(i, f, g, o, c) -> (h, c), where i, f, g, o are pre-activations and 1 - f is the input "
    "gate",
    in_numpy(_coupled),
    "i f g o c -> h c",
    prepare=as_tensor,
    ask=attached(_coupled, "ifgoc"),
)


KINDS = {
    "lstm.step": _recurrent.LSTM_STEP,
    "torch.coupled_cell": COUPLED_CELL,
    "lstm.reset_counter": _by_strings(
        "reset_counter() -> (W_ih, W_hh, b) of shapes (4, 3), (4, 1), (4,), inputs a, b, r",
        _COUNTS,
        "abr",
    ),
    "lstm.parity": _by_strings(
        "parity() -> (W_ih, W_hh, b) of shapes (4, 1), (4, 1), (4,)", _BITS, ""
    ),
}
