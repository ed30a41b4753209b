"""Exercises of the chapter on bugs: tools that find them, tried on what they should find."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lstm_tutorial import lstm
from lstm_tutorial.exercises._reading import Array, Finding, named
from lstm_tutorial.exercises._trials import Fn, by_measuring


def _first_off(block: Array) -> Array:
    return np.concatenate([block[:1] * 1.001, block[1:]])


def _alternating(block: Array) -> Array:
    return block + 0.1 * (-1.0) ** np.arange(max(len(block), 2))[: len(block)]


# What is found so, the letters, what is done to their blocks, and the size of the first block.
_BLAMED: list[tuple[str, str, Callable[[Array], Array], float]] = [
    ("equal arrays blamed | Nothing is to blame.", "", np.copy, 1),
    ("rounding blamed | 1e-9 is rounding.", "ifgo", lambda block: block * (1 + 1e-9), 1),
    *[("one gate not found | Off by one? i begins at row 0.", g, _first_off, 1) for g in "ifgo"],
    ("small block missed | Compare each block with itself alone.", "i", _first_off, 1e-3),
    ("not all named | Name all that differ, in this order.", "ifgo", np.negative, 1),
    ("not all named | Name all that differ, in this order.", "fo", np.negative, 1),
    ("errors cancel | Take a norm of the difference.", "g", _alternating, 1),
    ("other sign missed | Take a norm of the difference.", "g", np.negative, 1),
]


def _blaming(fn: Fn) -> Iterator[Finding]:
    """Spoil blocks of arrays of several shapes, and compare what is blamed."""
    for text, letters, change, small in _BLAMED:
        title, _, says = text.partition(" | ")
        for shape in [(16, 4), (16,), (8, 3), (4, 1), (4,)]:
            right = np.random.default_rng(4).normal(size=shape)
            right[: len(right) // 4] *= small
            wrong = right.copy()
            for k in map("ifgo".index, letters):
                wrong.reshape(4, -1)[k] = change(right.reshape(4, -1)[k])
            want = "" if title == "rounding blamed" else letters
            got = fn(wrong, right)
            if not isinstance(got, str):
                says = f"Return a string of letters, empty for none; got {type(got).__name__}."
                yield Finding("no string", says)
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
    far = {into - out > 1 for out, into in missed}
    says = f"Of the 15 pairs of an output and a later input of six steps, {len(missed)} are missed,"
    says += " as that of output {} and input {}.".format(*missed[0])
    if len(missed) == 15:
        return Finding("every leak missed", "None of the 15 leaks of six steps is found.")
    if missed == [pair for pair in pairs if pair[0] in outs]:
        title = f"output {named(outs)} not tried"
        return Finding(title, f"{says} All leaks into output {named(outs)} are: try every step.")
    if missed == [pair for pair in pairs if pair[1] in ins]:
        title = f"input {named(ins)} not moved"
        return Finding(title, f"{says} All leaks from input {named(ins)} are: move all later ones.")
    if far == {True}:
        return Finding("far leaks missed", f"{says} All lie more than one step ahead.")
    return Finding("one step ahead missed" if far == {False} else "some leaks missed", says)


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

KINDS = {"blame": BLAME, "no_future": NO_FUTURE}
