"""Which mistake gives a learner's numbers, and where they are wrong if none does."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations, islice
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises import (
    _chapters,
    _lstm_back,
    _lstm_step,
    _lstm_time,
    _practice,
    _rnn,
    _small,
)
from lstm_tutorial.exercises._exercise import Array, Case, Kind, Mistake, Mistakes, Note

KINDS: dict[str, Kind] = {
    "lstm.step": _lstm_step.STEP_KIND,
    "lstm.step_backward": _lstm_back.STEP_BACKWARD_KIND,
    "lstm.forward": _lstm_time.FORWARD_KIND,
    "lstm.backward": _lstm_time.BACKWARD_KIND,
    **_rnn.KINDS,
    **_small.KINDS,
    **_practice.KINDS,
    **_chapters.KINDS,
}
TOLERANCE = 2e-5  # of an output's largest entry: room for float32, none for a mistake
SHOWN = 3  # explanations that a report spells out


class Run(NamedTuple):
    """What came out of one case."""

    case: Case
    outputs: list[Array]
    changed: list[str]


def scales(outputs: Sequence[Any]) -> list[float]:
    """Return the size of each output, its largest entry; 1 for zeros."""
    return [float(np.abs(a).max()) or 1.0 for a in outputs]


def _close(got: Array, want: Any) -> bool:
    room = float(np.abs(want).max()) or 1.0
    return bool(np.abs(got - want).max() <= TOLERANCE * room)


def same(got: Sequence[Array], want: Sequence[Any]) -> bool:
    return all(_close(g, w) for g, w in zip(got, want, strict=True))


def _generic(spec: Kind) -> dict[str, Mistake]:
    """Return the mistakes that can be made with any output."""
    found = {}
    for name in spec.outputs:
        found[f"{name} is zero"] = Mistake(
            f"{name} is zero everywhere: it is never written, or what it is made of is zero.",
            spec.page,
            f"generic {name}",
        )
        found[f"{name} with the wrong sign"] = Mistake(
            f"{name} has the wrong sign.", spec.page, f"generic {name}"
        )
        found[f"{name} doubled"] = Mistake(
            f"{name} is twice what it should be: something is counted twice.",
            spec.page,
            f"generic {name}",
        )
    return found


@cache
def _known(kind: str) -> dict[str, Mistake]:
    spec = KINDS[kind]
    return {**spec.mistakes, **_generic(spec)} if spec.generic else dict(spec.mistakes)


def _broken(spec: Kind, case: Case, mistakes: Mistakes) -> list[Array] | None:
    """Return what the mistakes lead to; None if they do not go together."""
    factors = {"is zero": 0.0, "with the wrong sign": -1.0, "doubled": 2.0}
    try:
        with np.errstate(all="ignore"):
            outputs = [np.asarray(a, float) for a in spec.reference(**case.arguments, m=mistakes)]
    except ValueError:
        return None
    for k, name in enumerate(spec.outputs):
        for what, factor in factors.items():
            if f"{name} {what}" in mistakes:
                outputs[k] = factor * outputs[k]
    return outputs


def _right(spec: Kind, case: Case) -> list[Array]:
    """Return what no mistake leads to."""
    return [np.asarray(a, float) for a in spec.reference(**case.arguments, m=frozenset())]


def _vector(outputs: Sequence[Array], scales: Sequence[float]) -> Array:
    """Return all outputs in one row, each in units of its size."""
    return np.concatenate([np.ravel(a) / s for a, s in zip(outputs, scales, strict=True)])


@cache
def _table(kind: str, together: int, searched: int) -> tuple[list[tuple[str, ...]], Array]:
    """Return what every mistake, or every two of them, lead to, a row each.

    Of the first cases, those that are searched, in single precision to save memory: rows that
    come near are compared again in full.
    """
    spec, known = KINDS[kind], _known(kind)
    right = [(case, scales(_right(spec, case))) for case in spec.cases[:searched]]
    names, rows = [], []
    for combination in combinations(known, together):
        groups = [known[name].group for name in combination if known[name].group]
        if len(set(groups)) < len(groups):
            continue
        outputs = [(_broken(spec, case, frozenset(combination)), sizes) for case, sizes in right]
        row = [_vector(out, sizes) for out, sizes in outputs if out is not None]
        if len(row) == len(right):
            names.append(combination)
            rows.append(np.concatenate(row).astype(np.float32))
    return names, np.array(rows)


def _matches(kind: str, runs: Sequence[Run], together: int) -> Iterator[tuple[str, ...]]:
    """Yield the combinations of mistakes that give the learner's numbers in every case."""
    spec = KINDS[kind]
    searched = runs[: spec.searched]
    names, rows = _table(kind, together, len(searched))
    if not names:
        return
    got = np.concatenate([_vector(r.outputs, scales(_right(spec, r.case))) for r in searched])
    with np.errstate(all="ignore"):
        near = np.abs(rows - got).max(axis=1) <= 1e-4 * max(1.0, np.abs(got).max())
    for k in np.flatnonzero(near):
        if all(_agrees(spec, run, frozenset(names[k])) for run in runs):
            yield names[k]


def _agrees(spec: Kind, run: Run, mistakes: Mistakes) -> bool:
    outputs, right = _broken(spec, run.case, mistakes), _right(spec, run.case)
    if outputs is None:
        return False
    room = [max(a, b) for a, b in zip(scales(outputs), scales(right), strict=True)]
    pairs = zip(run.outputs, outputs, room, strict=True)
    return all(np.abs(got - out).max() <= TOLERANCE * r for got, out, r in pairs)


def explain(kind: str, runs: Sequence[Run]) -> tuple[list[str], list[Note]]:
    """Return the names of the explanations and what there is to say."""
    spec = KINDS[kind]
    if all(same(run.outputs, _right(spec, run.case)) for run in runs):
        return [], []
    known = _known(kind)
    for together in (1, 2):
        found = list(_matches(kind, runs, together))
        if found:
            names = [" + ".join(combination) for combination in found]
            return names, _say(found, known)
    fitting = _fitting(kind, runs)
    if all(fitting.values()):
        cover = _cover(fitting)
        return [" + ".join(cover)], [
            Note(name, f"In {', '.join(outputs)}: {known[name].says}", known[name].page)
            for name, outputs in cover.items()
        ]
    return [], _narrow(kind, runs, fitting)


def _say(found: Sequence[tuple[str, ...]], known: Mapping[str, Mistake]) -> list[Note]:
    notes = []
    for k, combination in enumerate(islice(found, SHOWN)):
        if k:
            notes.append(Note("", "On these inputs the following would give the same numbers."))
        for j, name in enumerate(combination):
            notes.append(Note("and " * bool(j) + name, known[name].says, known[name].page))
    return notes


def _narrow(kind: str, runs: Sequence[Run], fitting: dict[str, list[str]]) -> list[Note]:
    """Say which output is wrong, where in it, and by how much."""
    spec = KINDS[kind]
    for run in runs:
        right = _right(spec, run.case)
        if not same(run.outputs, right):
            break
    good, notes = [], []
    for (name, axes), got, want in zip(spec.outputs.items(), run.outputs, right, strict=True):
        if _close(got, want):
            good.append(name)
        else:
            notes.append(Note("", " ".join(_where(name, axes.split(), got, want))))
    known = _known(kind)
    alone = [
        Note(names[0], f"{output}, taken alone, fits this. {known[names[0]].says}")
        for output, names in fitting.items()
        if names
    ]
    lead = "No known mistake, and no two of them, give these numbers."
    lead += f" Right: {', '.join(good)}." if good else " No output is right."
    return [Note("Another mistake", lead, spec.page), *notes, *alone]


def _where(name: str, axes: list[str], got: Array, want: Array) -> Iterator[str]:
    """Yield sentences on one output."""
    wrong = np.abs(got - want) > TOLERANCE * (float(np.abs(want).max()) or 1.0)
    error = float(np.linalg.norm(got - want) / max(float(np.linalg.norm(want)), 1e-300))
    yield f"{name} is off by about {_about(error)} times its size."
    factor = _factor(got, want)
    if factor is not None:
        yield f"It is the right one times {_about(factor)}."
        return
    if got.ndim and np.allclose(np.sort(got, axis=None), np.sort(want, axis=None), rtol=1e-4):
        yield "The right numbers stand in other places."
        return
    for k, axis in enumerate(axes):
        hit = wrong.any(axis=tuple(j for j in range(wrong.ndim) if j != k))
        if hit.all() and axis != "4H":
            continue
        if axis == "4H":
            bad = [g for g, block in zip("ifgo", np.split(hit, 4), strict=True) if block.any()]
            if len(bad) < 4:
                yield f"Wrong in the block{'s' if len(bad) > 1 else ''} of {', '.join(bad)}."
        elif axis == "T":
            yield _steps(np.flatnonzero(hit), len(hit))
        elif axis == "B":
            yield f"Wrong in the sequences {_list(hit)} of the batch alone."
        else:
            yield f"Wrong along {axis} at {_list(hit)} alone."


def _steps(bad: Array, T: int) -> str:
    first, last = int(bad[0]), int(bad[-1])
    if len(bad) == T - first and first:
        return f"Right up to step {first - 1}, wrong from step {first} on."
    if len(bad) == last + 1:
        return f"Wrong up to step {last}, right from step {last + 1} on."
    return f"Wrong at the steps {', '.join(str(t) for t in bad)}."


def _list(hit: Array) -> str:
    return ", ".join(str(k) for k in np.flatnonzero(hit))


def _factor(got: Array, want: Array) -> float | None:
    """Return the one factor between the two, if there is one."""
    norm = float(np.sum(want * want))
    factor = float(np.sum(got * want)) / norm if norm else 0.0
    fits = got.size > 1 and np.abs(got - factor * want).max() <= 1e-4 * np.abs(got).max()
    return factor if fits and factor else None


def _about(value: float) -> str:
    """Round to one digit, a little off the ties, so that every processor prints the same."""
    return f"{value * (1 + 1e-6):.1g}"


def _fitting(kind: str, runs: Sequence[Run]) -> dict[str, list[str]]:
    """Return, for each wrong output, the single mistakes that give its numbers, taken alone.

    First come those that would leave the other outputs as they are.
    """
    spec, known = KINDS[kind], _known(kind)
    tries = {
        name: [_broken(spec, run.case, frozenset([name] if name else [])) for run in runs]
        for name in ["", *known]
    }

    def fits(name: str, k: int) -> bool:
        pairs = zip(runs, tries[name], strict=True)
        return all(out is not None and _close(run.outputs[k], out[k]) for run, out in pairs)

    def misfits(name: str) -> int:
        """Count the outputs that the mistake changes in another way than the learner did."""
        pairs = list(zip(tries[name], tries[""], strict=True))
        changes = [
            any(out is None or not _close(out[k], right[k]) for out, right in pairs if right)
            for k in range(len(spec.outputs))
        ]
        return sum(change and not fits(name, k) for k, change in enumerate(changes))

    fitting = {
        output: [name for name in known if fits(name, k)]
        for k, output in enumerate(spec.outputs)
        if not fits("", k)
    }
    return {output: sorted(names, key=misfits) for output, names in fitting.items()}


def _cover(fitting: dict[str, list[str]]) -> dict[str, list[str]]:
    """Choose few mistakes so that each output has one: first in the lists, then in most lists."""
    cover: dict[str, list[str]] = {}
    left = dict(fitting)
    while left:
        firsts = [names[0] for names in left.values()]
        fits = [name for names in left.values() for name in names]
        name = max(firsts, key=lambda first: fits.count(first))
        cover[name] = [output for output, names in left.items() if name in names]
        left = {output: names for output, names in left.items() if name not in names}
    return cover
