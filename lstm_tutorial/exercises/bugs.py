"""Exercises of the chapter on bugs: tools that find them, tried on what they should find."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from lstm_tutorial import lstm
from lstm_tutorial.exercises._kind import Case, Kind, regimes
from lstm_tutorial.exercises._programs import KINDS as STEPS
from lstm_tutorial.exercises._reading import Array, Finding, named
from lstm_tutorial.exercises._step_back import computed, read_step_back
from lstm_tutorial.exercises._trials import Fn, by_measuring
from lstm_tutorial.rnn import sigmoid

# What is found so, and why; the letters, what is done to their blocks, the size of i's block.
_BLAMED: list[tuple[str, str, Callable[[Array], Array], float]] = [
    ("equal arrays blamed | Nothing is to blame.", "", np.copy, 1),
    ("rounding blamed | 1e-9 is rounding.", "ifgo", lambda block: block * (1 + 1e-9), 1),
    *[("one gate not found | Off by one? i begins at row 0.", g, np.negative, 1) for g in "ifgo"],
    ("small block missed | Compare each block with itself alone.", "i", np.negative, 1e-7),
    ("not all named | Name all that differ, in this order.", "ifgo", np.negative, 1),
    ("not all named | Name all that differ, in this order.", "fo", np.negative, 1),
    ("errors cancel | Take a norm of the difference.", "g", lambda block: block[::-1], 1),
    ("small error missed | A relative error above 1e-6 counts.", "f", lambda b: b * 1.000005, 1),
]


def _blaming(fn: Fn) -> Iterator[Finding]:
    """Spoil blocks of arrays of several shapes, and compare what is blamed."""
    for text, letters, change, small in _BLAMED:
        title, _, says = text.partition(" | ")
        for shape in [(16, 4), (8, 3)]:
            right = np.random.default_rng(4).normal(size=shape)
            right[: len(right) // 4] *= small
            wrong = right.copy().reshape(4, -1)
            for k in map("ifgo".index, letters):
                wrong[k] = change(wrong[k])
            want = "" if title == "rounding blamed" else letters
            got = fn(wrong.reshape(shape), right)
            if not isinstance(got, str):
                yield Finding("no string", f"Return a string, not {type(got).__name__}.")
                return
            if got != want:
                says = f"Expected {want!r} for arrays of shape {shape}, got {got!r}. {says}"
                yield Finding(title, says, tuple(want))
                return


BLAME = by_measuring(
    "blame(wrong, right) -> str, the letters of the gates whose blocks differ",
    _blaming,
    "bugs",
    "Every spoilt block is named, and no other.",
)


def _leaking(run: Fn, out: int, into: int, share: float = 1.0) -> Fn:
    """Return a layer one of whose outputs sees one number of one other step."""

    def leaky(x: Any) -> Any:
        answer = 1 * run(x)
        k = (out + into) % 3
        answer[out] = answer[out] + share * x[into][:, k : k + 1]
        return answer

    return leaky


def probed(says_leak: Callable[[Fn, Fn], bool], forwards: Fn, backwards: Fn) -> Any:
    """Return the measuring of a probe for leaks: which of all single leaks it finds."""

    def measure(fn: Fn) -> Iterator[Finding]:
        pairs = [(out, into) for out in range(5) for into in range(out + 1, 6)]
        if says_leak(fn, forwards):
            says = "A layer that reads forward is right. Compare only the outputs up to the last "
            yield Finding("false alarm", f"{says}step that was left alone.")
            return
        missed = [pair for pair in pairs if not says_leak(fn, _leaking(forwards, *pair))]
        if missed:
            yield _missed(missed, pairs)
            return
        others = {
            "a layer that reads backward": backwards,
            "a leak of a thousandth": _leaking(forwards, 2, 5, 1e-3),
            "inputs with the mean of all steps taken off": lambda x: forwards(x - x.mean(0)),
        }
        for what, run in others.items():
            if not says_leak(fn, run):
                yield Finding(f"{what} missed", f"All single leaks are found. Missed: {what}.")

    return measure


def _missed(missed: list[tuple[int, int]], pairs: list[tuple[int, int]]) -> Finding:
    """Say which leaks a probe does not find."""
    outs, ins = sorted({out for out, _ in missed}), sorted({into for _, into in missed})
    steps = {into - out for out, into in missed}
    says = f"Of the 15 pairs of an output and a later input of six steps, {len(missed)} are missed,"
    says += " as that of output {} and input {}.".format(*missed[0])
    titles = {
        "every leak missed": missed == pairs,
        f"output {named(outs)} not tried": missed == [p for p in pairs if p[0] in outs],
        f"input {named(ins)} not moved": missed == [p for p in pairs if p[1] in ins],
        "one step ahead missed": steps == {1},
        "far leaks missed": 1 not in steps,
        "some leaks missed": True,
    }
    return Finding(next(title for title, holds in titles.items() if holds), says)


_LAYER = lstm.init(3, 4, 0)


def _forwards(x: Array) -> Array:
    zero = np.zeros((x.shape[1], 4))
    return lstm.forward(np.asarray(x, float), zero, zero, *_LAYER)[0]


NO_FUTURE = by_measuring(
    "no_future(run) -> bool, True if no output of run(x) depends on an input of a later step",
    probed(lambda fn, run: not fn(run), _forwards, lambda x: _forwards(x[::-1])[::-1].copy()),
    "bugs",
    "It leaves a layer that reads forward alone, and finds every leak tried.",
)


def _states(case: Case) -> Case:
    """Return arguments of one step back from numbers that are drawn."""
    dh, dc, c_prev, i, f, g, o, W_hh = case.values()
    gates = [sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)]
    c = gates[1] * c_prev + gates[0] * gates[2]
    return {"dh": dh, "dc": dc, "c_prev": c_prev, "gates": gates, "c": c, "W_hh": W_hh}


_MENDED = STEPS["mended"]
STEP_BACK = Kind(
    "mended(dh, dc, c_prev, gates, c, W_hh) -> (dh_prev, dc_prev, dz)",
    {"dh_prev": "B H", "dc_prev": "B H", "dz": "B 4H"},
    [
        _states(case)
        for case in regimes(
            310, {**dict.fromkeys(["dh", "dc", "c_prev", *"ifgo"], "B H"), "W_hh": "4H H"}
        )
    ],
    partial(computed, _MENDED, _MENDED.program),
    "bugs",
    partial(read_step_back, kind="mended"),
)

KINDS = {"lstm.step_back": STEP_BACK, "blame": BLAME, "no_future": NO_FUTURE}
