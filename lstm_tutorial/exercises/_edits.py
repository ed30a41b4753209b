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
from itertools import islice
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
    """A change of the source: what the report says, the lines that it makes, and how."""

    title: str
    says: str
    lines: Lines
    edit: str = ""  # empty for a plain change


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
    reader = _Reader(tuple(cases[0]), ways, edits, page)
    if not any(isinstance(argument, list) for argument in cases[0].values()):
        cases = [*cases, in_single_precision(cases[0])]
    right, more = function(reader.names, ways[0]), {"any_shape": True} | more
    return Kind(signature, outputs, cases, right, page, read=reader.read, **more)


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


class _Reader:
    """The known mistakes in every way to write a function."""

    def __init__(
        self,
        names: Lines,
        ways: Sequence[Lines],
        edits: Mapping[str, tuple[str, str]],
        page: str,
    ) -> None:
        self.names, self.ways, self.page = names, ways, page
        self.known: list[tuple[Lines, Edit]] = []
        for way in ways:
            for title, (edit, says) in edits.items():
                with suppress(*[ValueError] * (way is not ways[0])):  # it has to fit the source
                    self.known.append((way, Edit(title, says, edited(way, edit), edit)))

    def read(self, ask: Ask) -> Iterator[Reading]:
        """Yield the edits, alone and by two, that give the learner's numbers in the first cases."""
        runs = []
        for case in ask.kind.cases[:2]:
            with suppress(Trouble):  # said apart
                runs.append((list(case.values()), ask(*case.values())))
        off = 1e-4 if ask.eps > 1e-9 else 1e-9
        for way, edits, made in self._tried():
            fits = all(same(self.run(ask.kind, made, given), got, off) for given, got in runs)
            if fits and (len(edits) == 1 or self._both_count(ask, edits)):
                yield self._reading(ask.kind, way, made, edits)

    def _tried(self) -> Iterator[tuple[Lines, list[Edit], Lines]]:
        """Yield the known mistakes, the plain changes, and then two of them, known ones first."""
        plain = ((way, Edit(*three)) for way in self.ways for three in _plain(self.names, way))
        every = [*self.known, *plain]
        yield from ((way, [edit], edit.lines) for way, edit in every)
        slow = any(line.startswith(" ") for line in self.ways[0])  # a loop
        firsts = len(self.known) if slow else len(every)
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

    def run(self, kind: Kind, lines: Lines, arguments: Sequence[Any]) -> list[Array]:
        """Return the outputs of a changed source; none where it fails."""
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the mean of nothing
                returned = function(self.names, lines)(*[copy.copy(a) for a in arguments])
            return kind.arrays(returned)
        except Exception:  # a change that does not fit these arguments is no reading
            return []

    def _both_count(self, ask: Ask, edits: Sequence[Edit]) -> bool:
        """Tell whether each of two edits changes something; chance finds plain ones in float32."""
        cases = [list(case.values()) for case in ask.kind.cases]
        alone = (
            all(same(self.run(ask.kind, edit.lines, a), ask.kind.expected(a), 1e-9) for a in cases)
            for edit in edits
        )
        return (ask.eps < 1e-9 or all(edit.edit for edit in edits)) and not any(alone)

    def _reading(self, kind: Kind, way: Lines, made: Lines, edits: Sequence[Edit]) -> Reading:
        def model(*arguments: Any) -> list[Array]:
            return self.run(kind, made, arguments)

        case = list(kind.cases[0].values())
        triples = zip(kind.outputs, model(*case), kind.expected(case), strict=False)
        where = tuple(name for name, a, b in triples if not same([a], [b]))
        findings = [Finding(edit.title, edit.says, where, self.page) for edit in edits]
        shown = list(zip(made, way, strict=True)) if len(made) == len(way) else []
        return Reading(findings, model, shown)


def merged(lines: Lines, first: Edit, second: Edit) -> Lines | None:
    """Return both changes of the lines; none where they exclude each other."""
    if len(lines) == len(first.lines) == len(second.lines):
        triples = list(zip(lines, first.lines, second.lines, strict=True))
        if all(line in (a, b) for line, a, b in triples):
            return tuple(a if a != line else b for line, a, b in triples)
    try:  # in one line
        return edited(first.lines, second.edit) if second.edit else None
    except ValueError:
        return None


@cache
def _plain(names: Lines, lines: Lines) -> tuple[tuple[str, str, Lines], ...]:
    """Return the sources with one expression changed in a plain way, and what is said."""
    found: dict[Lines, tuple[str, str, Lines]] = {}
    for k, line in enumerate(lines):
        before = [made.partition(" = ")[0].strip() for made in lines[:k] if " = " in made]
        assigned = [name for left in before for name in left.split(", ") if name.isidentifier()]
        for new, was, now in plain_changes(line, [*names, *assigned]):
            made = (*lines[:k], new, *lines[k + 1 :])
            says = f"Your function computes {now} where {was} belongs."
            found.setdefault(made, (f"{now} for {was}", says, made))
    return tuple(edit for made, edit in found.items() if made != lines)
