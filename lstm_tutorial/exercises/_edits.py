"""Exercises of a few lines, read as the reference's own source with something in it changed.

What a small function computes is looked for among small changes of the right formula: first the
known mistakes of the exercise, then every plain change of one expression, a sum for a mean or an
axis for another, then any two. A change that gives the learner's numbers is what was done.
"""

import ast
import copy
import math
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._changes import changes
from lstm_tutorial.exercises._facts import same
from lstm_tutorial.exercises._kind import Case, Kind, in_single_precision
from lstm_tutorial.exercises._reading import Array, Finding, Reading, Trouble
from lstm_tutorial.exercises._shapes import arrays, name_by_shape

Function = Callable[..., Any]
Edits = Mapping[str, tuple[str, str]]
Lines = tuple[str, ...]
MOST = 25_000  # pairs, so that a wrong answer costs less than a second


class Edit(NamedTuple):
    """A change of the source: what the report says, the lines that it makes, and how."""

    title: str
    says: str
    lines: Lines
    edit: str = ""


def by_edits(
    signature: str,
    outputs: Mapping[str, str],
    cases: Sequence[Case],
    source: str,
    edits: Edits,
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
    names = tuple(cases[0])
    ways = [tuple(textwrap.dedent(text).strip("\n").split("\n")) for text in (source, *also)]
    known = list(_applied(ways, edits))
    right = function(names, ways[0])

    def read(ask: Ask) -> Iterator[Reading]:
        return _read(ask, names, ways, known, page)

    def ask(fn: Function, *arguments: Any) -> Any:
        if not all(isinstance(a, np.ndarray | list | int | float) for a in arguments):
            return fn(*arguments)  # made for the learner, and nothing that the right one takes
        wanted = [a.shape for a in kind.expected(arguments)]
        returned = fn(*arguments)
        shapes = [a.shape for a in arrays(kind, returned)]
        if (
            shapes
            and shapes != wanted
            and all(map(np.array_equal, arguments, kind.cases[0].values()))
        ):
            name_by_shape(kind, models(), fn)
        return returned

    def models() -> Iterator[tuple[list[Finding], Function]]:
        for _, edits, made in _tried(names, ways, known):
            model = partial(outputs_of, kind, names, made)
            yield [Finding(edit.title, edit.says, (), page) for edit in edits], model

    single = in_single_precision(cases[0])
    tapes = any(
        isinstance(a, list) and not isinstance(a[0], np.ndarray | int) for a in single.values()
    )
    every = [*cases, *([] if tapes else [single])]  # made in double precision
    kind = Kind(signature, outputs, every, right, page, read=read, **({"ask": ask} | more))
    return kind


def listed(text: str) -> dict[str, tuple[str, str]]:
    """Return edits from a text: ``title: edit | sentence``, further lines indented."""
    found = {}
    for entry in re.split(r"\n(?=\S)", textwrap.dedent(text).strip("\n")):
        title, _, rest = " ".join(entry.split()).partition(": ")
        edit, _, says = rest.partition(" | ")
        found[title] = edit, says
    return found


def _applied(ways: Sequence[Lines], edits: Edits) -> Iterator[tuple[Lines, Edit]]:
    """Yield the known mistakes in every way to write the function that they fit."""
    for way in ways:
        for title, (edit, says) in edits.items():
            try:
                yield way, Edit(title, says, edited(way, edit), edit)
            except ValueError:
                if way is ways[0]:  # the source itself, which they are edits of
                    raise


def edited(lines: Sequence[str], edits: str) -> Lines:
    """Return the lines with texts replaced, each of which has to stand there once.

    Without an arrow the edit is what is returned instead.
    """
    if " -> " not in edits:
        return (*lines[:-1], f"return {edits}")
    source = "\n".join(lines)
    for edit in edits.split(" && "):
        old, new = edit.split(" -> ")
        if source.count(old) != 1:
            raise ValueError(f"edits: {old!r} stands {source.count(old)} times in the source")
        source = source.replace(old, new)
    return tuple(source.split("\n"))


def function(names: tuple[str, ...], lines: Lines) -> Function:
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


def _read(
    ask: Ask,
    names: tuple[str, ...],
    ways: Sequence[Lines],
    known: Sequence[tuple[Lines, Edit]],
    page: str,
) -> Iterator[Reading]:
    """Yield the edits, alone and by two, that give the learner's numbers in the first cases."""
    runs = []
    for case in ask.kind.cases[:2]:
        with suppress(Trouble):  # said apart
            runs.append((list(case.values()), ask(*case.values())))
    off = 1e-4 if ask.eps > 1e-9 else 1e-9

    def fits(made: Lines) -> bool:
        return all(same(outputs_of(ask.kind, names, made, args), got, off) for args, got in runs)

    for way, edits, made in _tried(names, ways, known):
        if fits(made):
            yield _reading(ask.kind, names, way, made, edits, page)


def _tried(
    names: tuple[str, ...], ways: Sequence[Lines], known: Sequence[tuple[Lines, Edit]]
) -> Iterator[tuple[Lines, list[Edit], Lines]]:
    """Yield the known mistakes, the plain changes, and then two of them, a known one first."""
    every = [*known, *((way, edit) for way in ways for edit in plain_edits(names, way))]
    yield from ((way, [edit], edit.lines) for way, edit in every)
    slow = any(line.startswith(" ") for line in ways[0])  # a loop
    firsts = len(known) if slow else len(every)
    pairs = (
        (way, first, second)
        for k, (way, first) in enumerate(every[:firsts])
        for other, second in every[k + 1 :]
        if other is way
    )
    for way, first, second in islice(pairs, MOST):
        both = merged(way, first, second)
        if both:
            yield way, [first, second], both


def outputs_of(
    kind: Kind, names: tuple[str, ...], lines: Lines, arguments: Sequence[Any]
) -> list[Array]:
    """Return the outputs of a changed source; none where it fails."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the mean of nothing
            returned = function(names, lines)(*[copy.copy(a) for a in arguments])
        one = len(kind.outputs) == 1 and not isinstance(returned, tuple)
        return [np.asarray(a, float) for a in ([returned] if one else kind.flat(returned))]
    except Exception:  # a change that does not fit these arguments is no reading
        return []


def merged(lines: Lines, first: Edit, second: Edit) -> Lines | None:
    """Return both changes of the lines; none where they exclude each other."""
    if len(lines) == len(first.lines) == len(second.lines):
        triples = list(zip(lines, first.lines, second.lines, strict=True))
        if all(line in (a, b) for line, a, b in triples):
            return tuple(a if a != line else b for line, a, b in triples)
    try:  # in one line
        return edited(first.lines, second.edit) if second.edit and first is not second else None
    except ValueError:
        return None


def _reading(
    kind: Kind,
    names: tuple[str, ...],
    lines: Sequence[str],
    made: Lines,
    edits: Sequence[Edit],
    page: str,
) -> Reading:
    def model(*arguments: Any) -> list[Array]:
        return outputs_of(kind, names, made, arguments)

    case = list(kind.cases[0].values())
    pairs = zip(kind.outputs, model(*case), kind.expected(case), strict=False)
    where = tuple(name for name, a, b in pairs if not same([a], [b]))
    findings = [Finding(edit.title, edit.says, where, page) for edit in edits]
    shown = list(zip(made, lines, strict=False)) if len(made) == len(lines) else []
    return Reading(findings, model, shown)


@cache
def plain_edits(names: tuple[str, ...], lines: Lines) -> tuple[Edit, ...]:
    """Return the sources in which one expression is changed in a plain way."""
    found: dict[Lines, Edit] = {}
    for k, line in enumerate(lines):
        indent = line[: len(line) - len(line.lstrip())]
        try:
            tree = ast.parse(line.strip())
        except SyntaxError:  # the head of a loop
            continue
        scope = [*names, *_assigned(lines[:k])]
        for new, was, now in changes(tree, scope):
            made = (*lines[:k], indent + new, *lines[k + 1 :])
            says = f"Your function computes {now} where {was} belongs."
            found.setdefault(made, Edit(f"{now} for {was}", says, made))
    return tuple(edit for made, edit in found.items() if made != lines)


def _assigned(lines: Sequence[str]) -> list[str]:
    """Return the names that the lines make."""
    made = [line.partition(" = ")[0].strip() for line in lines if " = " in line]
    return [name for names in made for name in names.split(", ") if name.isidentifier()]
