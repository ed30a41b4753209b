"""Exercises of a few lines, read as the reference's own source with something in it changed.

What a small function computes is looked for among small changes of the right formula: first the
known mistakes of the exercise, then every plain change of one expression, a sum for a mean or an
axis for another, then any two. A change that gives the learner's numbers is what was done.
"""

import copy
import math
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._changes import plain_changes
from lstm_tutorial.exercises._facts import same
from lstm_tutorial.exercises._kind import Case, Kind, in_single_precision
from lstm_tutorial.exercises._reading import Array, Finding, Reading, Trouble

Lines = tuple[str, ...]
MOST = 20_000  # pairs, so that a wrong answer costs less than a second


class Edit(NamedTuple):
    """A change of the source, known or plain."""

    title: str
    says: str
    way: Lines  # the lines before
    lines: Lines  # and after
    edit: str = ""  # how; empty for a plain change


def by_edits(
    signature: str,
    outputs: Mapping[str, str],
    cases: Sequence[Case],
    source: str,
    edits: Mapping[str, tuple[str, str]],
    page: str,
    also: Sequence[str] = (),
    **more: Any,
) -> Kind:
    """Return a kind that is read as an edited source.

    Parameters
    ----------
    source : str
        The body of the right function, with its return; a line for each step of the thought.
        ``np``, ``math`` and the names of the arguments, those of the cases, are at hand.
    edits : dict
        By the name of a known mistake ``(edit, sentence)``; an edit is ``"old -> new"``, where
        `old` stands once in the source. Several are joined by ``" && "``. Without an arrow it is
        what is returned instead.
    also : sequence of str
        Other ways to write the function; the edits that fit and plain changes are tried, too.
    **more
        As of `Kind`.
    """
    ways = [tuple(textwrap.dedent(text).strip("\n").split("\n")) for text in (source, *also)]
    names = tuple(cases[0])
    known = [*_known(ways, edits)]
    if not any(isinstance(argument, list) for argument in cases[0].values()):
        cases = [*cases, in_single_precision(cases[0])]

    def read(ask: Ask) -> Iterator[Reading]:
        return _read(ask, names, ways, known, page)

    right, more = function(names, ways[0]), {"any_shape": True} | more
    return Kind(signature, outputs, cases, right, page, read=read, **more)


def listed(text: str) -> dict[str, tuple[str, str]]:
    """Return edits from a text: ``title: edit | sentence``, further lines indented."""
    found = {}
    for entry in re.split(r"\n(?=\S)", textwrap.dedent(text).strip("\n")):
        title, _, rest = " ".join(entry.split()).partition(": ")
        edit, _, says = rest.partition(" | ")
        found[title] = edit, says
    return found


def edited(lines: Lines, edits: str) -> Lines:
    """Return the lines with texts replaced, each of which has to stand there once."""
    if " -> " not in edits:
        return (*lines[:-1], f"return {edits}")
    source = "\n".join(lines)
    for edit in edits.split(" && "):
        old, new = edit.split(" -> ")
        if source.count(old) != 1:
            raise ValueError(f"edits: {old!r} stands {source.count(old)} times in the source")
        source = source.replace(old, new)
    return tuple(source.split("\n"))


def function(names: Sequence[str], lines: Lines) -> Callable[..., Any]:
    """Return the function with the arguments and lines, the last of which returns."""
    statements: list[str] = []
    for line in lines:
        if line.startswith(" "):  # it belongs to the loop before
            statements[-1] += f"\n{line}"
        else:
            statements.append(line.replace("return ", "returned = ", 1))

    def made(*arguments: Any) -> Any:
        space = {"np": np, "math": math, **dict(zip(names, arguments, strict=True))}
        for statement in statements:
            exec(_compiled(statement), space)
        return space["returned"]

    return made


@cache
def _compiled(statement: str) -> Any:
    """Return the code of one line, which most changes of the source have in common."""
    return compile(statement, "<a line of the source>", "exec")


def run(kind: Kind, lines: Lines, arguments: Sequence[Any]) -> list[Array]:
    """Return the outputs of a changed source; none where it fails."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the mean of nothing
            return kind.arrays(function(tuple(kind.cases[0]), lines)(*map(copy.copy, arguments)))
    except Exception:  # a change that does not fit these arguments is no reading
        return []


def _known(ways: Sequence[Lines], edits: Mapping[str, tuple[str, str]]) -> Iterator[Edit]:
    """Yield the known mistakes in every way to write the function that they fit."""
    for way in ways:
        for title, (edit, says) in edits.items():
            try:
                yield Edit(title, says, way, edited(way, edit), edit)
            except ValueError:
                if way is ways[0]:  # the source itself, which they are edits of
                    raise


def _read(
    ask: Ask, names: Lines, ways: Sequence[Lines], known: Sequence[Edit], page: str
) -> Iterator[Reading]:
    """Yield the edits, alone and by two, that give the learner's numbers in the first cases."""
    kind, off = ask.kind, 1e-4 if ask.eps > 1e-9 else 1e-9
    runs = []
    for case in kind.cases[:2]:
        with suppress(Trouble):  # said apart
            runs.append((list(case.values()), ask(*case.values())))
    for edits, made in _tried(names, ways, known):
        fits = all(same(run(kind, made, given), got, off) for given, got in runs)
        if fits and (len(edits) == 1 or _both_count(ask, edits)):
            yield _reading(kind, made, edits, page)


def _tried(
    names: Lines, ways: Sequence[Lines], known: Sequence[Edit]
) -> Iterator[tuple[list[Edit], Lines]]:
    """Yield the known mistakes, the plain changes, and then two of them, known ones first."""
    plain = [edit for way in ways for edit in _plain(names, way)]
    every = [*known, *plain]
    yield from (([edit], edit.lines) for edit in every)
    pairs = chain(
        ((first, second) for k, first in enumerate(known) for second in every[k + 1 :]),
        ((first, second) for k, second in enumerate(plain) for first in plain[:k]),
    )
    slow = any(line.startswith(" ") for line in ways[0])  # a loop
    for first, second in islice(pairs, MOST // 5 if slow else MOST):
        both = merged(first, second) if first.way is second.way else None
        if both:
            yield [first, second], both


def merged(first: Edit, second: Edit) -> Lines | None:
    """Return both changes of the lines; none where they exclude each other."""
    if len(first.way) == len(first.lines) == len(second.lines):
        triples = list(zip(first.way, first.lines, second.lines, strict=True))
        if all(line in (a, b) for line, a, b in triples):
            return tuple(a if a != line else b for line, a, b in triples)
    try:  # in one line
        return edited(first.lines, second.edit) if second.edit else None
    except ValueError:
        return None


def _both_count(ask: Ask, edits: Sequence[Edit]) -> bool:
    """Tell whether each of two edits changes something; chance finds plain ones in float32."""
    cases = [list(case.values()) for case in ask.kind.cases]
    nothing = (
        all(same(run(ask.kind, edit.lines, a), ask.kind.expected(a), 1e-9) for a in cases)
        for edit in edits
    )
    return (ask.eps < 1e-9 or all(edit.edit for edit in edits)) and not any(nothing)


def _reading(kind: Kind, made: Lines, edits: Sequence[Edit], page: str) -> Reading:
    def model(*arguments: Any) -> list[Array]:
        return run(kind, made, arguments)

    case, way = list(kind.cases[0].values()), edits[0].way
    triples = zip(kind.outputs, model(*case), kind.expected(case), strict=False)
    where = tuple(name for name, a, b in triples if not same([a], [b]))
    findings = [Finding(edit.title, edit.says, where, page) for edit in edits]
    return Reading(findings, model, [*zip(made, way, strict=True)] if len(made) == len(way) else ())


@cache
def _plain(names: Lines, way: Lines) -> tuple[Edit, ...]:
    """Return the sources with one expression changed in a plain way."""
    found: dict[Lines, Edit] = {}
    for k, line in enumerate(way):
        before = [made.partition(" = ")[0].strip() for made in way[:k] if " = " in made]
        assigned = [name for left in before for name in left.split(", ") if name.isidentifier()]
        for new, was, now in plain_changes(line, [*names, *assigned]):
            made = (*way[:k], new, *way[k + 1 :])
            says = f"Your function computes {now} where {was} belongs."
            found.setdefault(made, Edit(f"{now} for {was}", says, way, made))
    changed = [edit for edit in found.values() if edit.lines != way]
    # What leaves something out comes before what adds something.
    return tuple(sorted(changed, key=lambda edit: len("".join(edit.lines))))
