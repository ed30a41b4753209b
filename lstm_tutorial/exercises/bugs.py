"""Exercises of the chapter on bugs: tools that find them, tried on what they should find."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lstm_tutorial import lstm
from lstm_tutorial.exercises._reading import Array, Finding, named
from lstm_tutorial.exercises._trials import Fn, by_measuring, by_trials


def _blames(
    change: Callable[[Array], Array], *letters: str, small: bool = False
) -> Callable[[Fn], bool]:
    """Return the trial on arrays of several shapes of which some blocks are wrong."""

    def trial(fn: Fn) -> bool:
        for shape in [(16, 4), (16,), (8, 3), (4, 1), (4,)]:
            right = np.random.default_rng(4).normal(size=shape)
            if small:
                right[: len(right) // 4] *= 1e-3
            wrong = right.copy()
            blocks = wrong.reshape(4, -1)
            for k in map("ifgo".index, letters):
                blocks[k] = change(blocks[k])
            if str(fn(wrong, right)) != "".join(letters):
                return False
        return True

    return trial


def _first_off(block: Array) -> Array:
    return np.concatenate([block[:1] * 1.001, block[1:]])


def _alternating(block: Array) -> Array:
    return block + 0.1 * (-1.0) ** np.arange(len(block)) if len(block) > 1 else block + 0.1


BLAME = by_trials(
    "blame(wrong, right) -> str, the letters of the gates whose blocks differ",
    {
        "no string": (
            "Return a string of letters, empty for none.",
            lambda fn: isinstance(fn(np.ones(8), np.ones(8)), str),
        ),
        "equal arrays blamed": ("Equal arrays: nothing is to blame.", _blames(np.copy)),
        "rounding blamed": (
            "A relative error of 1e-9 is rounding.",
            lambda fn: fn(np.ones(8) * (1 + 1e-9), np.ones(8)) == "",
        ),
        "i or f not found": (
            "Off by one? The blocks begin with i, at row 0; f is the second.",
            lambda fn: _blames(_first_off, "i")(fn) and _blames(_first_off, "f")(fn),
        ),
        "g or o not found": (
            "The third block is g, the fourth o.",
            lambda fn: _blames(_first_off, "g")(fn) and _blames(_first_off, "o")(fn),
        ),
        "small block missed": (
            "A small block beside large ones is missed: compare each block with itself.",
            _blames(_first_off, "i", small=True),
        ),
        "not all named": (
            "All four differ: expected 'ifgo', in this order.",
            _blames(np.negative, *"ifgo"),
        ),
        "two not named": ("f and o differ: expected 'fo'.", _blames(np.negative, "f", "o")),
        "errors cancel": (
            "Errors of both signs cancel: take a norm of the difference.",
            _blames(_alternating, "g"),
        ),
        "same size, other sign": (
            "A block of the opposite sign has the same norm: take the norm of the difference.",
            _blames(np.negative, "g"),
        ),
    },
    "bugs",
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
    says = f"Six steps have 15 pairs of an output and a later input. Missed: {len(missed)}, as "
    says += "that of output {} and input {}.".format(*missed[0])
    title = "some leaks missed"
    if len(missed) == 15:
        title, says = "every leak missed", "None of the 15 leaks of six steps is found."
    elif missed == [pair for pair in pairs if pair[0] in outs]:
        title = f"output {named(outs)} not tried"
        says = f"{says} No leak into output {named(outs)} is found: try every step."
    elif missed == [pair for pair in pairs if pair[1] in ins]:
        title = f"input {named(ins)} not moved"
        says = f"{says} No leak from input {named(ins)} is found: move all later steps."
    elif missed == [pair for pair in pairs if (pair[1] - pair[0] > 1) in far]:
        title = "far leaks missed" if far == {True} else "one step ahead missed"
        says += (
            " They lie more than one step ahead." if far == {True} else " The input is the next."
        )
    return Finding(title, says)


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
