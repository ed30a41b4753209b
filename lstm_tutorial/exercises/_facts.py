"""What can be measured of an answer that nothing reads: which output, where, and by how much."""

from collections.abc import Iterator, Sequence

import numpy as np

from lstm_tutorial.exercises._kind import Case, Kind
from lstm_tutorial.exercises._reading import Array, Finding, named

TOLERANCE = 2e-5  # of an output's largest entry: room for float32, none for a mistake


def close(got: Array, want: Array, off: float = TOLERANCE) -> bool:
    """Tell whether two arrays agree, up to a share of the largest number; NaN where NaN is.

    However small all numbers are, differences of 1e-9, or 1e-12 between a function and its model,
    do not count.
    """
    if got.shape != want.shape:
        return got.size == want.size == 0
    if (np.isnan(got) != np.isnan(want)).any():
        return False
    with np.errstate(all="ignore"):
        largest = float(np.max(np.abs(want), initial=0, where=np.isfinite(want))) or 1.0
        room = max(off * largest, min(1e-9, off / 1000))
        return bool(((np.abs(got - want) <= room) | (got == want) | np.isnan(got)).all())


def same(got: Sequence[Array], want: Sequence[Array], off: float = TOLERANCE) -> bool:
    """Tell whether all outputs agree."""
    return len(got) == len(want) and all(close(g, w, off) for g, w in zip(got, want, strict=True))


def facts(kind: Kind, case: Case, got: Sequence[Array]) -> list[Finding]:
    """Return what the outputs of one call show."""
    right = kind.expected(list(case.values()))
    triples = list(zip(kind.outputs.items(), got, right, strict=True))
    good = [name for (name, _), g, w in triples if close(g, w)]
    number = f"{named(good)} {'is' if len(good) == 1 else 'are'}" if good else "no output is"
    lead = "What your function computes could not be read as a formula. This was measured: "
    found = [Finding("", f"{lead}{number} right.", page=kind.page)]
    for (name, axes), g, w in triples:
        if np.isfinite(g).all() and name not in good:
            found.append(Finding("", " ".join(_where(name, axes.split(), g, w)), (name,)))
        elif name not in good:
            found.append(not_finite(name, g, case))
    return found


def not_finite(name: str, got: Array, case: Case) -> Finding:
    """Say where an output is no number, and whether that was planted."""
    bad = ~np.isfinite(got)
    where = tuple(int(k) for k in np.argwhere(bad)[0])
    first = f", the first at index {where}" if where else ""
    says = f"{name}: {int(bad.sum())} of {got.size} numbers are not finite{first}. "
    planted = [n for n, a in case.items() if isinstance(a, np.ndarray) and np.isnan(a).any()]
    if planted:
        says += f"In {named(planted)} NaN stands on purpose where nothing may be read, as in "
        says += "padding: it is read."
        return Finding("padding is read", says, (name,))
    says += "Look for a division by zero, a logarithm of zero or an exp of something large."
    return Finding("NaN or infinity", says, (name,))


def _where(name: str, axes: list[str], got: Array, want: Array) -> Iterator[str]:
    """Yield how far one output is off, by which factor, or where along its axes."""
    wrong = np.abs(got - want) > TOLERANCE * (float(np.abs(want).max()) or 1.0)
    norm = float(np.linalg.norm(want)) or 1e-300
    error = float(np.linalg.norm(got - want)) / norm
    yield f"{name} is off by about {_about(error)} times its size."
    factor = float(np.sum(got * want)) / norm**2
    if got.size > 1 and factor and close(got, factor * want, 1e-4):
        yield f"It is the right one times {_about(factor)}."
        return
    for k, axis in enumerate(axes):
        hit = wrong.any(axis=tuple(j for j in range(wrong.ndim) if j != k))
        yield from [] if hit.all() and axis != "4H" else _along(axis, hit)


def _along(axis: str, hit: Array) -> Iterator[str]:
    """Yield where along an axis an output is wrong."""
    at = [int(k) for k in np.flatnonzero(hit)]
    if axis == "4H":
        gates = [g for g, block in zip("ifgo", np.split(hit, 4), strict=True) if block.any()]
        if len(gates) < 4:
            yield f"Wrong in the block{'s' if len(gates) > 1 else ''} of {named(gates)}."
    elif axis == "T" and len(at) == len(hit) - at[0]:
        yield f"Right up to step {at[0] - 1}, wrong from step {at[0]} on."
    elif axis == "B":
        yield f"Wrong in the sequences {named(at)} of the batch alone."
    else:
        yield f"Wrong along {axis} at {named(at)} alone."


def _about(value: float) -> str:
    """Round to one digit, a little off the ties, so that every processor prints the same."""
    return f"{value * (1 + 1e-6):.1g}"
