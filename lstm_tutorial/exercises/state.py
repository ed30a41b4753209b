"""Exercises of the chapter on the cell state: one unit whose weights are set, not learnt."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lstm_tutorial.exercises import _recurrent
from lstm_tutorial.exercises._kind import Kind, as_tensor
from lstm_tutorial.exercises._reading import Finding
from lstm_tutorial.exercises._trials import Fn, arrays, by_measuring
from lstm_tutorial.exercises.pytorch import attached, cell, in_numpy

_WEIGHTS = {"W_ih": "4H D", "W_hh": "4H H", "b": "4H"}
# By name what is read, the number that c should end with, and a sentence.
Strings = Mapping[str, tuple[Any, float, str]]


def _by_strings(signature: str, strings: Strings, symbols: str) -> Kind:
    """Return a kind whose unit reads strings of symbols, or of bits, and is judged by its c."""

    def measure(fn: Fn) -> Iterator[Finding]:
        W_ih, W_hh, b = arrays(_WEIGHTS, fn(), D=len(symbols) or 1, H=1)
        scale = np.array([0.5, 0.5, 1, 0.5])  # σ(z) = (1 + tanh(z / 2)) / 2
        for name, (string, want, says) in strings.items():
            x = [[float(s == t) for t in symbols] if symbols else [float(s)] for s in string]
            h = c = old = 0.0
            for z in np.array(x) @ W_ih.T + b:
                i, f, g, o = np.tanh((z + h * W_hh[:, 0]) * scale)
                i, f, o, old = (1 + i) / 2, (1 + f) / 2, (1 + o) / 2, c
                c = f * c + i * g
                h = o * np.tanh(c)
            if not abs(c - want) < 0.01 * max(1, abs(want)):
                says += f" At the last step i = {i:.2f}, f = {f:.2f}, g = {g:.2f}:"
                yield Finding(name, f"{says} c goes from {old:.2f} to {c:.2f}.")
                return

    return by_measuring(signature, measure, "state", "c ends right for every string tried.")


_BITS = np.random.default_rng(0).integers(0, 2, 999)


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
        {
            "a": ("a", 1, "One a should give c = 1: look at i and g."),
            "b": ("b", -1, "One b should give c = -1: look at the sign of g."),
            "aaa": ("aaa", 3, "aaa should give 3: the forget gate must stay open."),
            "aab": ("aab", 1, "aab should give 1: b must not close the forget gate."),
            "bba": ("bba", -1, "bba should give -1: a must not close the forget gate."),
            "r": ("r", 0, "r alone should give 0: it must not write."),
            "aar": ("aar", 0, "aar should give 0: r must close the forget gate."),
            "bbra": ("bbra", 1, "bbra should give 1: after r counting begins at 0."),
            "drift": (
                "a" * 90 + "r" + "a" * 100 + "b" * 30,
                70,
                "Right for short strings; for long ones c drifts. Are gates and candidate "
                "saturated?",
            ),
        },
        "abr",
    ),
    "lstm.parity": _by_strings(
        "parity() -> (W_ih, W_hh, b) of shapes (4, 1), (4, 1), (4,)",
        {
            "zeros": ([0, 0, 0], 0, "Zeros alone should leave c at 0."),
            "first 1": ([1], 1, "The first 1 should set c to 1."),
            "a 0 after": ([1, 0, 0], 1, "A 0 should leave the set bit alone."),
            "second 1": ([1, 1], 0, "The second 1 should clear it: f and i must both close."),
            "third 1": ([1, 0, 1, 0, 1], 1, "The third 1 should set c to 1 again."),
            "the bit fades": (
                [1, *[0] * 999],
                1,
                "A bit fades over a thousand steps. Is f wide open?",
            ),
            "long strings": (_BITS, _BITS.sum() % 2, "Right for short strings, not for long ones."),
        },
        "",
    ),
}
