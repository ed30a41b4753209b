"""Checks of a learner's function that read back what it computes.

The checker chooses the inputs, so it can measure a function and write down its law. A right answer
agrees with the reference on a dozen kinds of inputs. A wrong one is read: what it is made of is
measured, put into a formula, and the formula is run beside the function on fresh inputs. Only a
formula that gives the learner's numbers is shown.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from lstm_tutorial import _install
from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._facts import facts, not_finite, same
from lstm_tutorial.exercises._kind import Case, Kind
from lstm_tutorial.exercises._kinds import KINDS
from lstm_tutorial.exercises._reading import Array, Finding, Reading, Trouble, named
from lstm_tutorial.exercises._report import Report


def kinds() -> list[str]:
    """Return the kinds of exercise that `check` knows.

    Examples
    --------
    >>> "lstm.step" in kinds()
    True
    """
    return list(KINDS)


def signature(kind: str) -> str:
    """Return how `check` calls the function of a kind, and what it must return.

    Examples
    --------
    >>> signature("lstm.step")
    'step(x, h_prev, c_prev, W_ih, W_hh, b) -> (h, c)'
    """
    return _kind(kind).signature


def check(kind: str, fn: Callable[..., Any]) -> Report:
    """Check a learner's function, and say what it computes where that is not what is asked.

    Parameters
    ----------
    kind : str
        One of `kinds`.
    fn : callable
        Takes and returns what `signature` says; NumPy arrays, lists, tensors and a dict with the
        names of the outputs are all taken.

    Returns
    -------
    Report
        Shows itself in a notebook and in a terminal; `passed`, `mistakes` and `model` are for
        programs. An exception in `fn` is part of the report.

    Raises
    ------
    TypeError, ValueError
        For an unknown kind, or if `fn` is no function.
    ModuleNotFoundError
        If the exercise needs PyTorch, and it is not installed.

    See Also
    --------
    kinds, signature

    Examples
    --------
    >>> def step(x, h_prev, W_ih, W_hh, b):
    ...     return x @ W_ih.T + h_prev @ W_hh.T + b
    >>> check("rnn.step", step).passed
    False
    """
    spec = _kind(kind)
    if not callable(fn):
        raise TypeError(
            f"fn: expected the function itself, not called, got {type(fn).__name__} in its place"
        )
    with _install.advised(f"the exercise {kind}"):
        return _report(kind, spec, Ask(spec, fn))


def _kind(kind: str) -> Kind:
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    return KINDS[kind]


KEPT = "something kept between calls"


def _report(kind: str, spec: Kind, ask: Ask) -> Report:
    praise = f"{', '.join(spec.outputs)}: the same numbers as the reference on every input tried."
    praise, wrong = spec.praise or praise, None
    later: tuple[Finding, ...] = ()
    try:
        notes = _manners(spec, ask)
    except Trouble as trouble:
        read = _read_any_shape(spec, ask, trouble) or Reading(trouble.findings)
        return Report(kind, praise, read.findings, read.formula, read.model)
    try:
        wrong = _first_wrong(spec, ask)
    except Trouble as trouble:
        later = trouble.findings
    if ask.changed:
        says = f"After the call {named(sorted(ask.changed))} held other numbers than before. They "
        says += "may still be needed: work on a copy, and write a = a + b for a += b."
        notes.append(Finding("input changed in place", says, tuple(sorted(ask.changed))))
    if ask.half:
        praise += " They came in half precision, which keeps 8 to 11 binary digits."
    if wrong is None or any(note.title == KEPT for note in notes):
        return Report(kind, praise, [*notes, *later])
    with np.errstate(all="ignore"):
        read = _first_that_holds(spec, ask) or Reading([])
    if not read.model and not (read.findings and all(np.isfinite(a).all() for a in wrong[1])):
        read = Reading(facts(spec, *wrong))  # what is no number cannot be measured by a reader
    return Report(kind, praise, [*read.findings, *notes, *later], read.formula, read.model)


def _read_any_shape(spec: Kind, ask: Ask, trouble: Trouble) -> Reading | None:
    """Return a reading of what has a wrong shape, where the reader can: a window left out."""
    if not spec.any_shape or trouble.findings[0].title != "wrong shape":
        return None
    ask.any_shape = True
    reading = _first_that_holds(spec, ask)
    return reading if reading and reading.model else None


def _manners(spec: Kind, ask: Ask) -> list[Finding]:
    """Return what two calls with the same arguments show beside their numbers."""
    arguments = list(spec.cases[0].values())
    if not arguments:  # put to trials, which call the function many times
        return []
    once = ask.careful(*arguments)
    # In between others of the same sizes: what is kept may be cleared by a change of size.
    ask(*(a * 0.5 if _floats(a) else a for a in arguments))
    says = "Called twice with the same arguments, the function gives two answers. Does it keep a "
    says += "state, a gradient, a list or a random draw from one call to the next?"
    return [] if same(ask(*arguments), once, 1e-6) else [Finding(KEPT, says)]


def _floats(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _single(case: Case) -> bool:
    """Tell whether arguments, or arrays in a list, come in single precision."""
    every = [a for v in case.values() for a in (v if isinstance(v, list) else [v])]
    return any(getattr(a, "dtype", None) == np.float32 for a in every)


def _first_wrong(spec: Kind, ask: Ask) -> tuple[Case, list[Array]] | None:
    """Return the first arguments with wrong outputs, and these."""
    for case in spec.cases:
        try:
            got = ask.careful(*case.values())
        except Trouble as trouble:
            if _single(case):
                continue  # double precision may be asked for, as by layer.double()
            raise Trouble(*trouble.findings, *_at_size_one(case)) from None
        if not same(got, spec.expected(list(case.values())), 2e-2 if ask.half else 2e-5):
            return case, got
    return None


def _at_size_one(case: Case) -> list[Finding]:
    """Say that what went well before goes wrong where an axis has size 1."""
    ones = [name for name, a in case.items() if isinstance(a, np.ndarray) and 1 in a.shape]
    shapes = ", ".join(f"{name} {case[name].shape}" for name in ones)
    says = f"So it is where an axis has size 1: {shapes}. Does squeeze take it away?"
    return [Finding("", says)] if ones else []


def _first_that_holds(spec: Kind, ask: Ask) -> Reading | None:
    """Return the first reading whose model gives the learner's numbers, else measured facts.

    Second best is a model that gives them wherever they are finite, with a word on the others.
    """
    measured = nearly = None
    try:
        ask.eps = _rounding(spec, ask)
        for reading in spec.read(ask):
            if reading.model is None:
                measured = measured or reading
            elif holds(spec, ask, reading.model):
                return reading
            elif not nearly and holds(spec, ask, reading.model, finite=True):
                nearly = reading._replace(findings=[*reading.findings, *_overflows(spec, ask)])
    except (Trouble, np.linalg.LinAlgError):  # no further than this
        pass
    return nearly or measured


def _overflows(spec: Kind, ask: Ask) -> list[Finding]:
    """Say of the first input with outputs that are not finite which these are."""
    for case in spec.cases:
        with suppress(Trouble):  # said apart
            pairs = zip(spec.outputs, ask(*case.values()), strict=True)
            found = [not_finite(n, a, case) for n, a in pairs if not np.isfinite(a).all()]
            if found:
                return found[:1]
    return []


def _rounding(spec: Kind, ask: Ask) -> float:
    """Return the rounding of the answers: a change in the tenth digit is not seen in float32."""
    arguments = list(spec.cases[0].values())
    moved = [_moved(a) for a in arguments]
    if all(a is b for a, b in zip(moved, arguments, strict=True)):
        return 1e-12  # sizes and numbers alone are not taken in float32
    pairs = zip(ask(*moved), ask(*arguments), strict=True)
    return 1e-5 if all(np.array_equal(a, b, equal_nan=True) for a, b in pairs) else 1e-12


def _moved(value: Any) -> Any:
    """Return numbers changed in the tenth digit, in a list, too; anything else as it is."""
    if isinstance(value, list) and all(map(_floats, value)):
        return [_moved(v) for v in value]
    return value * (1 + 3e-11) if _floats(value) else value


def holds(spec: Kind, ask: Ask, model: Callable[..., Any], finite: bool = False) -> bool:
    """Tell whether a model gives the learner's numbers on every kind of input.

    With `finite` only inputs count whose outputs are finite.
    """
    compared = 0
    for case in spec.cases:
        try:
            got = ask(*case.values())
        except Trouble:  # said apart
            continue
        if finite and not all(np.isfinite(a).all() for a in got):
            continue
        compared += 1
        with np.errstate(all="ignore"):
            modelled = [np.asarray(a, float) for a in model(*case.values())]
        if not same(modelled, got, 1e-4 if _single(case) or ask.eps > 1e-9 else 1e-9):
            return False
    return compared > 0


__all__ = ["check", "kinds", "signature"]
