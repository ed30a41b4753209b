"""One step forward, read back: which weights meet which numbers, how the sums are squashed.

The new cell state is a line in the old one. Its slope and its offset are measured and written as
products and sums of squashed pre-activations; so is the hidden state. What differs from the right
formula is said; the formula that was read is a function, which the checker runs beside the other.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from lstm_tutorial.exercises import _wiring
from lstm_tutorial.exercises._form import (
    FORMS,
    LSTM,
    NONE,
    Form,
    Law,
    Model,
    states,
    with_cell,
)
from lstm_tutorial.exercises._grammar import (
    ENDS,
    IDENTITY,
    SIGMOID,
    TANH,
    Factor,
    Search,
    Sum,
)
from lstm_tutorial.exercises._reading import Array, Finding, Reading
from lstm_tutorial.exercises._said import said
from lstm_tutorial.exercises._wiring import Call, Six, Wiring

TIMES = (1.0, 0.0, 0.5, 2.0)  # of the old cell state


def read_step(ask: Any, form: Form = LSTM) -> Iterator[Reading]:
    """Read one step forward.

    Parameters
    ----------
    ask : callable with `eps`
        The learner's step, with the arguments of the form.
    form : Form

    Yields
    ------
    Reading
        Its model takes the arguments of the form, of any sizes.
    """
    call = form.given(ask)
    leaks = _leaks(call, form)
    reader = Reader(form, _by_rows(call) if leaks else call, ask.eps, 6 if leaks else 17)
    for scale, positive in ((1.0, False), (0.25, False), (0.25, True))[: 1 if leaks else 3]:
        model = reader.read(scale, positive)
        if not model:
            continue
        changed = _changed(call, model, reader.tolerance, leaks)
        if changed or not leaks:
            findings, formula = said(form, model)
            yield Reading([*changed, *findings][:3], form.taken(model), formula)
    if leaks:
        says = "The rows of the batch are not independent: other numbers in the first row of x, "
        says += "h and c change the outputs of other rows."
        yield Reading([Finding("batch mixed", says, ("batch",), "numpy")])


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
    return not all(_near(np.nan_to_num(a[1:]), np.nan_to_num(b[1:]), 1e-7) for a, b in pairs)


def _by_rows(call: Call) -> Call:
    def rows(x: Array, h: Array, c: Array, *weights: Array) -> list[Array]:
        each = [call(*(a[k : k + 1] for a in (x, h, c)), *weights) for k in range(len(x))]
        return [np.concatenate(outputs) for outputs in zip(*each, strict=True)]

    return rows


def _cut(a: Array) -> Array:
    return np.hstack(list(a.reshape(4, len(a), -1))) if a.shape[1] % 4 == 0 else a


def _relu(a: Array) -> Array:
    return np.maximum(a, 0)


Change = Callable[[Array], Array]
MIXES: dict[str, Change] = {
    "are averaged over the batch": lambda a: a.mean(0) + 0 * a,
    "are summed over the batch": lambda a: a.sum(0) + 0 * a,
    "are those of the first row of the batch for every row": lambda a: a[:1] + 0 * a,
    "are those of the last row of the batch for every row": lambda a: a[-1:] + 0 * a,
    "are reshaped where they should be transposed": lambda a: a.reshape(a.shape[::-1]).T,
    "are in reverse order of the batch": lambda a: a[::-1],
    "are moved by one row of the batch": lambda a: np.roll(a, 1, 0),
    "are cut by reshape(4, B, H), which mixes the rows of the batch": _cut,
}
PLACES = {
    "cell": "new cell states",
    "h_out": "returned h",
    "c_out": "returned c",
    "z": "pre-activations",
    "x": "inputs",
    "h": "old hidden states",
    "c": "old cell states",
}
SITES = [*((place,) for place in PLACES), ("x", "h"), ("h", "c"), ("h_out", "c_out")]


def _clips(outputs: Sequence[Array]) -> Iterator[tuple[str, Change]]:
    """Yield what may cut an output that was seen at several numbers."""
    ends = np.concatenate(outputs)
    # What is a bound comes more than once.
    bounds = [e if np.sum(ends == e) > 1 else np.sign(e) * np.inf for e in (ends.min(), ends.max())]
    for low, high in (bounds, (-np.inf, bounds[1])):
        cut = partial(np.clip, a_min=low, a_max=high)
        yield f"are clipped to {low:.4g} to {high:.4g}; nothing should be clipped", cut


@np.errstate(all="ignore")
def _changed(call: Call, model: Model, tolerance: float, leaks: bool) -> list[Finding]:
    """Find where the rows of a batch are mixed, or large numbers cut; put it into the model."""
    x, h, c, *w = drawn(model.form, 5 if leaks else 17, seed=11)
    runs = [(x, h, c, *w)]
    if not leaks:
        runs = [(x, h, 9 * c, *w), (9 * x, 9 * h, c, *w), (x, h, 50 * c, *(50 * a for a in w))]
    seen = [(six, call(*six)) for six in runs]
    changes = MIXES
    if not leaks:
        clips = [clip for k in (-1, 0) for clip in _clips([got[k] for _, got in seen])]
        changes = {"go through ReLU: what is negative becomes 0": _relu, **dict(clips)}
    for sites, (words, change) in product([(), *SITES], changes.items()):
        model.change = partial(_at, sites, change)
        pairs = ((t, g) for six, got in seen for t, g in zip(model(*six), got, strict=True))
        if all(_near(told, got, 1e-5 if leaks else 10 * tolerance) for told, got in pairs):
            says = f"The {' and the '.join(PLACES[s] for s in sites)} {words}."
            where = {"cell": ("c",) if change is _relu else ("c", "h"), "z": (*model.form.letters,)}
            where |= {"c_out": ("c",), "h_out": model.form.output}
            about = ("batch",) if leaks else tuple(k for s in sites for k in where.get(s, s))
            title = "rows of the batch mixed" if leaks else re.split("[;:]", words)[0]
            return [Finding(title, says, about, "numpy" if leaks else "clipping")] if sites else []
    model.change = partial(_at, (), np.copy)
    return []


def _at(sites: Sequence[str], change: Change, place: str, a: Array) -> Array:
    return change(a) if place in sites else a


class Reader:
    """Measures one function of x, h, c, W_ih, W_hh, b, with B rows in the batch."""

    def __init__(self, form: Form, call: Call, eps: float, B: int) -> None:
        self.form, self.call, self.B = form, call, B
        self.tolerance = 1e-5 if eps > 1e-9 else 1e-9
        self.wiring = self._wiring(*((1e-2, 3e-3) if eps > 1e-9 else (1e-4, 1e-6)))

    @np.errstate(all="ignore")
    def _wiring(self, step: float, room: float) -> Wiring | None:
        six, roads = drawn(self.form, self.B), []
        right = self.form.right(six)
        for k, name in enumerate(_wiring.ROADS, start=3):
            J = _wiring.slopes(self.call, six, k, step)
            road = _wiring.read_road(name, J, six, right, len(self.form.letters), room)
            if road is None:
                return None
            roads.append(road)
        wiring = Wiring(roads, room)
        return wiring if sum(len(road.apart) for road in roads) <= 3 else None

    @np.errstate(all="ignore")
    def read(self, scale: float, positive: bool) -> Model | None:
        """Return the function as it was read, or None; measured at numbers of some size."""
        if self.wiring is None:
            return None
        x, h, c, W, U, b = drawn(self.form, self.B, scale, positive)
        # Where a gate sees the old cell state, the new one is a line in the old without that.
        of_x, of_h, _ = self.wiring.roads
        six = (x, h, c, W * (not of_x.sees_c), U * (not of_h.sees_c), b)
        bases = states(self.form, self.wiring, six)
        runs = [self.call(*six[:2], k * c, *six[3:]) for k in TIMES]
        if self.form.cell is None:
            hidden = Search(bases, self._plain(bases), self.tolerance).find(runs[0][0])
            return Model(self.form, self.wiring, Law(hidden)) if hidden else None
        for swapped in (False, True):
            law = self._law([run[::-1] if swapped else run for run in runs], bases)
            bases_of_h = [f.base for t in law.hidden.terms for f in t.factors] if law else []
            if law and (not swapped or "c" in bases_of_h):
                return Model(self.form, self.wiring, law, swapped)
        return None

    def _law(self, runs: Sequence[Sequence[Array]], bases: Mapping[str, Array]) -> Law | None:
        """Read the cell state as returned; as it is shown, if something else is returned."""
        without = {k: z for k, z in bases.items() if k != "c_prev"}
        search = Search(without, self._plain(bases), self.tolerance)
        first = self._of_cell([run[1] for run in runs], search, bases)
        first = first and self._complete(first, bases, runs[0])
        if first and first.outer is IDENTITY and str(first.returned) == "c":
            return first
        gates = [f.value(bases) for f in search.factors if f.gate and f.squash is SIGMOID]
        for by in [1.0, *gates]:
            law = self._of_cell([run[0] / by for run in runs], search, bases, squashed=True)
            law = law and self._complete(law._replace(outer=IDENTITY), bases, runs[0])
            if law and (not first or str(law.hidden) == str(self.form.hidden)):
                return law
        return first

    def _of_cell(
        self, y: Sequence[Array], search: Search, bases: Mapping[str, Array], squashed: bool = False
    ) -> Law | None:
        """Read a cell state, given for each of the times of the old one, as a line in that."""
        for (outer, inverse), inner in product(ENDS[squashed:], (IDENTITY, TANH, SIGMOID)):
            u = [inverse(a) for a in y]
            s = [inner.function(k * bases["c_prev"]) for k in TIMES]
            slope = (u[0] - u[2]) / (s[0] - s[2])
            offset = u[1] - slope * s[1]
            room = self.tolerance * (1 if outer is IDENTITY else 1e3)
            if all(_near(slope * a + offset, b, room) for a, b in zip(s, u, strict=True)):
                kept = search.find(slope, squashed=False)
                new = search.find(offset) if kept else None
                return Law(NONE, kept, new, inner, outer) if kept and new else None
        return None

    def _complete(self, law: Law, bases: Mapping[str, Array], run: Sequence[Array]) -> Law | None:
        """Read what is returned, once the cell state is known."""
        more = with_cell(bases, law)
        plain = [*self._plain(bases), Factor(TANH, "c")]
        search = Search(more, plain, self.tolerance)
        hidden = search.find(run[0])
        if not hidden or _near(more["c"], run[1], self.tolerance):
            return law._replace(hidden=hidden) if hidden else None
        returned = search.find(run[1])
        return law._replace(hidden=hidden, returned=returned) if returned else None

    def _plain(self, bases: Mapping[str, Array]) -> list[Factor]:
        """Return the factors of the right formula, of the pre-activations as they are found."""
        sums: list[Sum] = [s for s in (self.form.cell, self.form.hidden) if s]
        factors = [f for s in sums for term in s.terms for f in term.factors if f.gate]
        keys = {key[-1]: key for key in reversed(list(bases)) if not key.endswith("_prev")}
        return [Factor(f.squash, keys[f.base]) for f in factors if f.base in keys]


def _near(a: Array, b: Array, tolerance: float) -> bool:
    return bool(np.abs(a - b).max() <= 10 * tolerance * max(1.0, float(np.abs(b).max())))


__all__ = ["FORMS", "read_step"]
