"""One step forward, read back: which weights meet which numbers, how the sums are squashed.

The new cell state is a line in the old one. Its slope and its offset are measured and written as
products and sums of squashed pre-activations; so is the hidden state. What differs from the right
formula is said; the formula that was read is a function, which the checker runs beside the other.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any, Protocol

import numpy as np

from lstm_tutorial.exercises import _wiring
from lstm_tutorial.exercises._form import (
    CARRIED,
    FORMS,
    LSTM,
    NONE,
    RIGHT_CELL,
    Form,
    Law,
    Model,
    as_it_is,
    states,
    with_cell,
)
from lstm_tutorial.exercises._grammar import (
    IDENTITY,
    NOT_SIGMOID,
    OUTERS,
    RELU,
    SIGMOID,
    SQUARE,
    TANH,
    Atoms,
    Factor,
    Inverse,
    Squash,
    Sum,
    Term,
    stretch,
)
from lstm_tutorial.exercises._reading import Array, Finding, Reading
from lstm_tutorial.exercises._said import said
from lstm_tutorial.exercises._wiring import Call, Six, Wiring

ENDS: list[tuple[Squash, Inverse]] = [(IDENTITY, lambda y: y), *OUTERS]


class Asked(Protocol):
    """A learner's function: arguments by position, outputs as a list, and its rounding."""

    eps: float

    def __call__(self, *arguments: Any) -> Sequence[Array]: ...


def read_step(ask: Asked, form: "Form | None" = None) -> Iterator[Reading]:
    """Read one step forward.

    Parameters
    ----------
    ask : callable with `eps`
        The learner's step, with the arguments of the form.
    form : Form, optional
        By default that of `lstm.step`.

    Yields
    ------
    Reading
        Its model takes the arguments of the form, of any sizes.
    """
    form = form or LSTM
    for findings, formula, model in read_models(ask, form):
        yield Reading(findings, form.taken(model) if model else None, formula)


def read_models(
    ask: Asked, form: Form
) -> Iterator[tuple[list[Finding], list[tuple[str, str]], Model | None]]:
    """Yield what is wrong, the formula as read beside the right one, and the step as read."""
    call = form.given(ask)
    with np.errstate(all="ignore"):
        leaks = _leaks(call, form)
    rows = _by_rows(call) if leaks else call
    for scale, positive in ((1.0, False), (0.25, False), (0.25, True))[: 1 if leaks else 3]:
        with np.errstate(all="ignore"):
            reader = Reader(form, rows, ask.eps, drawn(form, 6 if leaks else 17, scale, positive))
            model = reader.read(wide=scale == 1 and form.cell is not None)
            changed = None
            if model:
                changed = _mixed(call, model) if leaks else _clipped(rows, model, reader.tolerance)
        if model and (changed or not leaks):
            findings, formula = said(form, model)
            findings = ([changed] if changed else []) + findings
            yield findings[:3], formula, model
    if leaks:
        says = "The rows of the batch are not independent: other numbers in the first row of x, "
        says += "h and c change the outputs of other rows."
        yield [Finding("batch mixed", says, ("batch",), "numpy")], [], None


def drawn(form: Form, B: int, scale: float = 1.0, positive: bool = False, seed: int = 5) -> Six:
    """Draw arguments of which no two sizes are equal; with a positive new cell state or not."""
    D, H = 4, 3
    rng = np.random.default_rng(seed)
    rows = H * len(form.letters)
    x, h, W, U, b = (rng.normal(size=s) for s in [(B, D), (B, H), (rows, D), (rows, H), (rows,)])
    c = rng.uniform(0.3, 1.5, (B, H)) * rng.choice([-1, 1], (B, H))
    if positive:
        c, b = abs(c), b + 14 * (np.arange(rows) // H == 2)
    return x, h, scale * c, scale * W, 0.8 * scale * U, 0.8 * scale * b


# What mixes the rows of a batch, or clips


def _leaks(call: Call, form: Form) -> bool:
    """Tell whether a row of the batch changes the outputs of others."""
    x, h, c, *weights = drawn(form, 5)
    first = (np.arange(5) == 0)[:, None]
    other = call(x + first, h - first, c + 0.5 * first, *weights)
    pairs = zip(call(x, h, c, *weights), other, strict=True)
    return not all(_near(a[1:], b[1:], 1e-7) for a, b in pairs)


def _by_rows(call: Call) -> Call:
    def rows(x: Array, h: Array, c: Array, *weights: Array) -> list[Array]:
        each = [call(*(a[k : k + 1] for a in (x, h, c)), *weights) for k in range(len(x))]
        return [np.concatenate(outputs) for outputs in zip(*each, strict=True)]

    return rows


MIXES: list[tuple[str, Callable[[Array], Array]]] = [
    ("averaged over the batch", lambda a: a.mean(0) + 0 * a),
    ("summed over the batch", lambda a: a.sum(0) + 0 * a),
    ("those of the first row of the batch for every row", lambda a: a[:1] + 0 * a),
    ("those of the last row of the batch for every row", lambda a: a[-1:] + 0 * a),
    ("reshaped where they should be transposed", lambda a: a.reshape(a.shape[::-1]).T),
    ("reshaped where they should be transposed", lambda a: a.T.reshape(a.shape)),
    ("in reverse order of the batch", lambda a: a[::-1]),
    ("moved by one row of the batch", lambda a: np.roll(a, 1, 0)),
    ("moved back by one row of the batch", lambda a: np.roll(a, -1, 0)),
    ("divided by the size of the batch", lambda a: a / len(a)),
    (
        "cut by reshape(4, B, H), which mixes the rows of the batch",
        lambda a: np.hstack(list(a.reshape(4, len(a), -1))) if a.shape[1] % 4 == 0 else a,
    ),
]
PLACES = {"x": "inputs", "h": "old hidden states", "c": "old cell states",
          "z": "pre-activations", "cell": "new cell states", "h_out": "returned h",
          "c_out": "returned c"}  # fmt: skip
SITES = [*((place,) for place in PLACES), ("x", "h"), ("h", "c"), ("h_out", "c_out")]
BOUNDS = (1, 5, 10, 3, 2, 20, 50, 30, 15, 6, 8, 4, 25, 40, 100)


def _fits(
    model: Model, sites: Sequence[str], change: Inverse, runs: Sequence[Any], off: float
) -> bool:
    """Change the model at some places; tell whether it then gives the outputs of all runs."""
    model.change = lambda place, a: change(a) if place in sites else a
    return all(
        _near(told, got, off)
        for six, outputs in runs
        for told, got in zip(model(*six), outputs, strict=True)
    )


def _what(sites: Sequence[str]) -> str:
    return "The " + " and the ".join(PLACES[s] for s in sites)


def _mixed(call: Call, model: Model) -> Finding | None:
    """Find how the rows of a batch are mixed, and put it into the model."""
    six = drawn(model.form, 5)
    runs = [(six, call(*six))]
    for sites in SITES:
        for words, mix in MIXES:
            if _fits(model, sites, mix, runs, 1e-5):
                says = (
                    f"{_what(sites)} are {words}. Each row of the batch is a sequence of its own."
                )
                return Finding(f"batch: {words}", says, ("batch",), "numpy")
    return None


def _often(a: Array, end: float) -> float:
    """Return the largest or the least number if it comes again, as it does where it is a clip's."""
    return end if np.sum(a == end) > 2 else np.copysign(np.inf, end - np.median(a))


def _clipped(call: Call, model: Model, tolerance: float) -> Finding | None:
    """Find what is clipped where numbers are large, and put it into the model."""
    x, h, c, *w = drawn(model.form, 17, seed=11)
    runs = [
        (six, call(*six))
        for six in [(x, h, 9 * c, *w), (x, h, c, *(9 * a for a in w)),
                    (9 * x, 9 * h, c, *w), (x, h, 50 * c, *(50 * a for a in w))]
    ]  # fmt: skip
    if _fits(model, (), abs, runs, 10 * tolerance):
        return None
    ends = [np.stack([outputs[k] for _, outputs in runs]) for k in (-1, 0)]
    seen = [(_often(e, float(e.min())), _often(e, float(e.max()))) for e in ends]
    bounds = [(0.0, np.inf), *seen, *((-k, k) for k in BOUNDS)]
    bounds = [pair for low, high in bounds for pair in ((low, high), (-np.inf, high))]
    sites_first = [("cell",), ("c_out",), ("h_out",), *SITES]
    for sites, (low, high) in product(sites_first, bounds):
        if _fits(model, sites, partial(np.clip, a_min=low, a_max=high), runs, 10 * tolerance):
            relu = (low, high) == (0, np.inf)
            says = (
                f"{_what(sites)} are clipped to {low:.4g} to {high:.4g}; nothing should be clipped."
            )
            if relu:
                says = f"{_what(sites)} go through ReLU: what is negative becomes 0."
            where = {"cell": ("c",) if relu else ("c", "h"), "c_out": ("c",),
                     "h_out": model.form.output, "z": tuple(model.form.letters)}  # fmt: skip
            about = tuple(k for s in sites for k in where.get(s, (s,)))
            return Finding("squashed by ReLU" if relu else "clipped", says, about, "clipping")
    model.change = as_it_is
    return None


class Reader:
    """Measures one function.

    Parameters
    ----------
    form : Form
    call : callable
        Takes x, h, c, W_ih, W_hh, b.
    eps : float
        The rounding of its answers.
    six : tuple of arrays
        Where it is measured.
    """

    def __init__(self, form: Form, call: Call, eps: float, six: Six) -> None:
        self.form, self.call, self.six = form, call, six
        single = eps > 1e-9
        self.step, self.room = (1e-2, 3e-3) if single else (1e-4, 1e-6)
        self.tolerance = 1e-5 if single else 1e-9
        # Times the old cell state; where it is positive the new one is to stay so.
        self.times = (1, 0, 0.5, 2) if (six[2] > 0).all() else (1, 0, -1, 2)

    def read(self, wide: bool) -> Model | None:
        """Return the function as it was read, or None; wide: also with gates of a rarer kind."""
        wiring = self._wiring()
        if wiring is None or wiring.torn > 3:
            return None
        for swapped in (False, True) if self.form.cell else (False,):
            law = self._law(wiring, swapped, wide=False)
            shown = {f.base for t in law.hidden.terms for f in t.factors} if law else set()
            if law and (not swapped or "c" in shown):
                return Model(self.form, wiring, law, swapped)
        law = self._law(wiring, False, wide=True) if wide and not wiring.torn else None
        return Model(self.form, wiring, law) if law else None

    def _wiring(self) -> Wiring | None:
        S, right = len(self.form.letters), self.form.right(self.six)
        roads = []
        for k, name in enumerate(_wiring.ROADS, start=3):
            J = _wiring.slopes(self.call, self.six, k, self.step)
            road = _wiring.read_road(name, J, self.six, right, S, self.room)
            if road is None:
                return None
            roads.append(road)
        for other in roads[:2]:
            if way := _wiring.read_shared(J, other, self.room):
                roads[2].way, roads[2].slopes = way, other.slopes
        return Wiring(roads, self.six, right, self.room)

    def _law(self, wiring: Wiring, swapped: bool, wide: bool) -> Law | None:
        def call(*six: Array) -> Sequence[Array]:
            return self.call(*six)[::-1] if swapped else self.call(*six)

        x, h, c, W, U, b = self.six
        met = {r.name: "".join(k for s in r.signals for k in _wiring.about(r.name, s)[1:])
               for r in wiring.roads}  # fmt: skip
        # Without what the weights bring, h may still enter by another way.
        W_x = 0 * W if "h" in met["x"] else W
        without = [call(x, k * h, c, W_x, 0 * U, b) for k in (1, 0, -1)]
        by_h = not all(_near(o, p, self.tolerance) for o, p in zip(*without[:2], strict=True))
        six: Six = (x, h, c, W_x, 0 * U, b) if "c" in met["x"] + met["h"] or by_h else self.six
        bases = states(self.form, wiring, six, wide)
        atoms = Atoms(bases, self._plain(bases), self.tolerance)
        if self.form.cell is None:
            hidden = atoms.find(call(*six)[0])
            return Law(NONE, NONE, NONE, IDENTITY, IDENTITY, hidden, NONE) if hidden else None
        runs = [call(*six[:2], k * c, *six[3:]) for k in self.times]
        law = None
        if np.abs(runs[0][1] - c).max() > self.tolerance:
            cells = [r[1] for r in runs]
            law = self._of_cell(
                cells, [w[1] for w in without] if by_h else [], atoms, ENDS, not wide
            )
            law = law or (self._bent(cells[0], atoms) if wide else None)
            law = law and self._complete(law._replace(wide=wide), bases, runs[0])
            apart = law and {f.base for t in law.hidden.terms for f in t.factors}
            if law and law.outer is IDENTITY and RIGHT_CELL not in (apart or ()):
                return law
        other = None if by_h else self._of_hidden(runs, bases, atoms)
        return other if other and (not law or str(other.hidden) == str(self.form.hidden)) else law

    def _of_hidden(
        self, runs: Sequence[Sequence[Array]], bases: Mapping[str, Array], atoms: Atoms
    ) -> Law | None:
        """Read the cell state from h, where something else is returned for it."""
        gates = [f for f in atoms.factors if f.gate and f.squash in (SIGMOID, TANH, NOT_SIGMOID)]
        for by in [1.0, *(gate.value(bases) for gate in gates)]:
            law = self._of_cell([r[0] / by for r in runs], [], atoms, OUTERS[:2], deep=False)
            if law and (law := self._complete(law._replace(outer=IDENTITY), bases, runs[0])):
                return law
        return None

    def _of_cell(
        self, y: Sequence[Array], without: Sequence[Array], atoms: Atoms,
        ends: Sequence[tuple[Squash, Inverse]], deep: bool,
    ) -> Law | None:  # fmt: skip
        """Read the cell state as a line in the old one, and in h if it is there without weights."""
        bases = atoms.bases
        for outer, inner, slope, offset in self._lines(y, bases["c_prev"], ends):
            slope_h = 0 * slope
            if without:
                inverse = next(f for o, f in ends if o is outer)
                slope_h = (inverse(without[0]) - inverse(without[2])) / (2 * bases["h_prev"])
            kept = atoms.find(slope, deep)
            if kept and (plain := self._plain(bases, kept)) != self._plain(bases):
                atoms = Atoms(bases, plain, self.tolerance)
            by_h = atoms.find(slope_h, deep) if kept else None
            new = atoms.find(offset - slope_h * bases["h_prev"], deep) if by_h else None
            if kept and by_h and new:
                return Law(kept, by_h, new, inner, outer, NONE, CARRIED)
        return None

    def _bent(self, y: Array, atoms: Atoms) -> Law | None:
        """Read a cell state that is no line in the old one, since gates see that."""
        for key in atoms.bases:
            kept = Factor(SIGMOID, key)
            if kept.gate:
                new = atoms.find(y - kept.value(atoms.bases) * atoms.bases["c_prev"], deep=False)
                if new:
                    one = Sum((Term(1, (kept,)),))
                    return Law(one, NONE, new, IDENTITY, IDENTITY, NONE, CARRIED)
        return None

    def _complete(self, law: Law, bases: Mapping[str, Array], run: Sequence[Array]) -> Law | None:
        """Read what is returned, once the cell state is known."""
        more = with_cell(self.form, bases, law)
        plain = [*self._plain(bases, law.kept), Factor(TANH, "c")]
        hidden = Atoms(more, plain, self.tolerance).find(run[0], deep=not law.wide)
        if not hidden or _near(more["c"], run[1], self.tolerance):
            return law._replace(hidden=hidden) if hidden else None
        more["the new h"] = run[0]
        returned = Atoms(more, plain, self.tolerance).find(run[1])
        return law._replace(hidden=hidden, returned=returned) if returned else None

    def _plain(self, bases: Mapping[str, Array], kept: Sum = NONE) -> list[Factor]:
        """Return the factors of the right formula; stretched too, if the first one read is so."""
        sums: Iterable[Sum] = [s for s in (self.form.cell, self.form.hidden) if s]
        factors = [f for s in sums for term in s.terms for f in term.factors if f.gate]
        keys = {key[-1]: key for key in reversed(list(bases)) if key[-1] in self.form.letters}
        keys |= {key: key for key in bases if key in self.form.letters}
        plain = [Factor(f.squash, keys[f.base]) for f in factors if f.base in keys]
        by = {f.squash.stretched for t in kept.terms for f in t.factors if f.squash.stretched}
        return plain + [Factor(stretch(f.squash, *b), f.base) for b in by for f in plain]

    def _lines(
        self, y: Sequence[Array], c: Array, ends: Sequence[tuple[Squash, Inverse]]
    ) -> Iterator[tuple[Squash, Squash, Array, Array]]:
        """Yield in which way the new cell state is a line in the old one: squashes and line."""
        for outer, inverse in ends:
            u = [inverse(a) for a in y]
            room = self.tolerance * (1 if outer is IDENTITY else 1e3)
            for inner in (IDENTITY, TANH, SIGMOID, RELU, SQUARE):
                s = [inner.function(k * c) for k in self.times]
                even = np.abs(s[0] - s[2]) < 1e-9
                run, rise = (np.where(even, a[3] - a[1], a[0] - a[2]) for a in (s, u))
                slope = rise / run
                offset = u[1] - slope * s[1]
                if all(_near(slope * a + offset, b, room) for a, b in zip(s, u, strict=True)):
                    yield outer, inner, slope, offset
                    break


def _near(a: Array, b: Array, tolerance: float) -> bool:
    return bool(np.abs(a - b).max() <= 10 * tolerance * max(1.0, float(np.abs(b).max())))


__all__ = ["FORMS", "read_step"]
