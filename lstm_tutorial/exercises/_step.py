"""One step forward, read back: which weights meet which numbers, how the sums are squashed.

The new cell state is a line in the old one. Its slope and its offset are measured and written as
products and sums of squashed pre-activations; so is the hidden state. What differs from the right
formula is said; the formula that was read is a function, which the checker runs beside the other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np

from lstm_tutorial.exercises import _wiring
from lstm_tutorial.exercises._grammar import (
    IDENTITY,
    NOT_SIGMOID,
    OUTERS,
    RELU,
    SIGMOID,
    SQUASHES,
    TANH,
    Atoms,
    Factor,
    Squash,
    Sum,
    Term,
)
from lstm_tutorial.exercises._reading import Array, Finding, Reading
from lstm_tutorial.exercises._said import said
from lstm_tutorial.exercises._wiring import Six, Wiring


class Asked(Protocol):
    """A learner's function: arguments by position, outputs as a list, and its rounding."""

    eps: float

    def __call__(self, *arguments: Any) -> Sequence[Array]: ...


@dataclass(frozen=True)
class Form:
    """What is right of a kind, and how its function is called.

    Attributes
    ----------
    letters : str
        The gates, in the order of their rows.
    cell : Sum or None
        The new cell state; None without one.
    hidden : Sum
        The new hidden state, or the gate.
    names : dict
        What the arguments x, h, c, W_ih, W_hh, b are called.
    output : tuple of str
        What a finding about the hidden state is about.
    given : callable
        Turns the learner's function into one of (x, h, c, W_ih, W_hh, b).
    taken : callable
        Turns a function of these six into one of the kind's own arguments.
    page : str
    """

    letters: str
    cell: Sum | None
    hidden: Sum
    names: Mapping[str, str]
    output: tuple[str, ...]
    given: Callable[[Any], Callable[..., Sequence[Array]]]
    taken: Callable[[Any], Callable[..., Sequence[Array]]]
    page: str

    def right(self, six: Six) -> dict[str, Array]:
        """Return the gates and the new state of a right step, by letter."""
        x, h, c, W, U, b = six
        blocks = np.split(x @ W.T + h @ U.T + b, len(self.letters), axis=1)
        bases = {**dict(zip(self.letters, blocks, strict=True)), "c_prev": c, "h_prev": h}
        squash = {"g": np.tanh}
        found = {k: squash.get(k, SIGMOID.function)(z) for k, z in bases.items() if len(k) == 1}
        cell = self.cell.value(bases) if self.cell else c
        return {"i": 0 * c, "f": 0 * c, "o": 0 * c, **found, "c": cell}


class Law(NamedTuple):
    """The states as they were read.

    Attributes
    ----------
    kept, by_h, new : Sum
        By what the old cell state and the old hidden state are multiplied, and what is added.
    inner, outer : Squash
        What the old cell state goes through before, and the new one after.
    hidden : Sum
    returned : Sum
        What is returned as the cell state.
    """

    kept: Sum
    by_h: Sum
    new: Sum
    inner: Squash
    outer: Squash
    hidden: Sum
    returned: Sum

    def cell(self, bases: Mapping[str, Array]) -> Array:
        """Return the new cell state before the outer squash."""
        return (
            self.kept.value(bases) * self.inner.function(bases["c_prev"])
            + self.by_h.value(bases) * bases["h_prev"]
            + self.new.value(bases)
        )


NONE = Sum(())
CARRIED = Sum((Term(1, (Factor(IDENTITY, "c"),)),))


class Model:
    """A step as it was read: a function of x, h, c, W_ih, W_hh, b.

    Parameters
    ----------
    form : Form
    wiring : Wiring
    law : Law
    swapped : bool
        Whether the outputs are exchanged.
    change : callable, optional
        Called with the name of a place (x, h, c, z, cell, h_out, c_out) and its numbers, and
        returns what stands there instead.
    """

    def __init__(self, form: Form, wiring: Wiring, law: Law, swapped: bool) -> None:
        self.form, self.wiring, self.law, self.swapped = form, wiring, law, swapped
        self.change: Callable[[str, Array], Array] = lambda place, a: a

    def __call__(self, *six: Array) -> list[Array]:
        """Return the outputs."""
        x, h, c, *weights = six
        x, h, c = (self.change(n, a) for n, a in [("x", x), ("h", h), ("c", c)])
        bases = states(self.form, self.wiring, (x, h, c, *weights), self.change)
        if self.form.cell is None:
            return [self.change("h_out", self.law.hidden.value(bases))]
        more = with_cell(self.form, bases, self.law, self.change)
        outputs = [self.law.hidden.value(more)]
        more["the new h"] = outputs[0]
        outputs = [self.change("h_out", outputs[0]),
                   self.change("c_out", self.law.returned.value(more))]  # fmt: skip
        return outputs[::-1] if self.swapped else outputs


def unchanged(place: str, a: Array) -> Array:
    """Return the numbers as they are."""
    return a


def states(
    form: Form, wiring: Wiring, six: Six, change: Callable[[str, Array], Array] = unchanged
) -> dict[str, Array]:
    """Return the pre-activations and the old states."""
    bases = wiring.bases(six, form.right(six), form.letters)
    z = np.hstack(list(bases.values()))
    cut = np.split(change("z", z), len(bases), axis=1)
    bases = dict(zip(bases, cut, strict=True))
    return {**bases, "c_prev": six[2], "h_prev": six[1]} if form.cell else {
        **bases, "h_prev": six[1]}  # fmt: skip


def with_cell(
    form: Form, bases: Mapping[str, Array], law: Law,
    change: Callable[[str, Array], Array] = unchanged,
) -> dict[str, Array]:  # fmt: skip
    """Add the new cell state, and what may be taken for it."""
    assert form.cell is not None
    inside = law.cell(bases)
    more = {**bases, "c": change("cell", law.outer.function(inside))}
    if law.outer is not IDENTITY:
        more["the sum"] = inside
    whole = {k: sum(z for key, z in bases.items() if key[-1] == k) for k in form.letters}
    more["f · c_prev + i · g"] = form.cell.value({**bases, **whole})
    return more


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
    call = form.given(ask)
    with np.errstate(all="ignore"):
        leaks = _leaks(call, form)
    rows = _by_rows(call) if leaks else call
    for scale in (1.0, 0.25):
        with np.errstate(all="ignore"):
            reader = Reader(form, rows, ask.eps, scale, 6 if leaks else 17)
            model = reader.read()
            mixed = found = None
            if model and leaks:
                mixed = _mixed(call, model)
            if model and not mixed:
                found = _clipped(rows, model, reader)
        if model is None:
            continue
        findings, formula = said(form, model)
        extra = mixed or found
        findings = [*([extra] if extra else []), *findings][:3]
        yield Reading(findings, form.taken(model), formula)
        return
    if leaks:
        says = "The rows of the batch are not independent: other numbers in the first row of x, "
        says += "h and c change the outputs of other rows."
        yield Reading([Finding("batch mixed", says, ("batch",), "numpy")])


def drawn(form: Form, B: int, scale: float = 1.0, seed: int = 5) -> Six:
    """Draw arguments of which no two sizes are equal."""
    D, H = 2, 3
    rng = np.random.default_rng(seed)
    rows = H * len(form.letters)
    x, h, W, U, b = (rng.normal(size=s) for s in [(B, D), (B, H), (rows, D), (rows, H), (rows,)])
    c = rng.uniform(0.3, 1.5, (B, H)) * rng.choice([-1, 1], (B, H))
    return x, h, scale * c, scale * W, 0.8 * scale * U, 0.8 * scale * b


def _leaks(call: Callable[..., Sequence[Array]], form: Form) -> bool:
    """Tell whether a row of the batch changes the outputs of others."""
    x, h, c, *weights = drawn(form, 5)
    first = (np.arange(5) == 0)[:, None]
    other = call(x + first, h - first, c + 0.5 * first, *weights)
    pairs = zip(call(x, h, c, *weights), other, strict=True)
    return not all(_near(a[1:], b[1:], 1e-7) for a, b in pairs)


def _by_rows(call: Callable[..., Sequence[Array]]) -> Callable[..., Sequence[Array]]:
    def rows(x: Array, h: Array, c: Array, *weights: Array) -> list[Array]:
        parts = [call(x[k : k + 1], h[k : k + 1], c[k : k + 1], *weights) for k in range(len(x))]
        return [np.concatenate(p) for p in zip(*parts, strict=True)]

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
    (
        "cut along the wrong axis: reshape(4, B, H) mixes the rows of the batch",
        lambda a: np.hstack(list(a.reshape(4, len(a), -1))) if a.shape[1] % 4 == 0 else a,
    ),
    ("normalised by their mean over the batch", lambda a: a - a.mean(0)),
    ("divided by the size of the batch", lambda a: a / len(a)),
]
PLACES = {
    "x": "The inputs are",
    "h": "The old hidden states are",
    "c": "The old cell states are",
    "z": "The pre-activations are",
    "cell": "The new cell states are",
    "h_out": "The returned h are",
    "c_out": "The returned c are",
}
SITES = [(place,) for place in PLACES] + [
    ("x", "h"),
    ("h", "c"),
    ("h_out", "c_out"),
    ("x", "h", "c"),
]


def _changed(sites: Sequence[str], change: Callable[[Array], Array]) -> Callable[..., Array]:
    return lambda place, a: change(a) if place in sites else a


def _agree(call: Callable[..., Sequence[Array]], model: Model, six: Six, off: float) -> bool:
    got, told = call(*six), model(*six)
    return all(_near(t, g, off) for t, g in zip(told, got, strict=True))


def _mixed(call: Callable[..., Sequence[Array]], model: Model) -> Finding | None:
    """Find how the rows of a batch are mixed, and put it into the model."""
    six = drawn(model.form, 5)
    got = call(*six)
    for sites in SITES:
        for words, mix in MIXES:
            model.change = _changed(sites, mix)
            if all(_near(t, g, 1e-5) for t, g in zip(model(*six), got, strict=True)):
                what = " and ".join(PLACES[s].removesuffix(" are") for s in sites)
                says = f"{what[0]}{what[1:].replace('The', 'the')} are {words}. Each row of the "
                says += "batch is a sequence of its own."
                return Finding(f"batch {words.split(':')[0]}", says, ("batch",), "numpy")
    model.change = unchanged
    return None


def _clipped(
    call: Callable[..., Sequence[Array]], model: Model, reader: "Reader"
) -> Finding | None:
    """Find what is clipped where numbers are large, and put it into the model."""
    x, h, c, W, U, b = drawn(model.form, 17, seed=11)
    large: list[Six] = [(x, h, 9 * c, W, U, b), (x, h, c, 9 * W, 9 * U, 9 * b),
                        (9 * x, 9 * h, c, W, U, b), (x, h, 50 * c, 50 * W, 50 * U, 50 * b)]  # fmt: skip
    got = [call(*six) for six in large]

    def fits(sites: Sequence[str], change: Callable[[Array], Array]) -> bool:
        model.change = _changed(sites, change)
        return all(
            _near(t, g, 10 * reader.tolerance)
            for six, outputs in zip(large, got, strict=True)
            for t, g in zip(model(*six), outputs, strict=True)
        )

    if fits((), lambda a: a):
        return None
    seen = [float(f(np.stack([o[-1] for o in got]))) for f in (np.max, np.min)]
    bounds = [
        *seen,
        *(k for n in (1, 5, 10, 3, 2, 20, 50, 30, 15, 6, 8, 4, 25, 40, 100) for k in (n, -n)),
    ]
    for sites in [
        ("cell",),
        ("c_out",),
        ("h_out",),
        ("z",),
        ("c",),
        ("x",),
        ("h",),
        ("h", "c"),
        ("x", "h"),
    ]:
        for high, low in zip(bounds[::2], bounds[1::2], strict=True):
            for lower in (low, 0.0, -np.inf):
                if fits(sites, lambda a, low=lower, high=high: np.clip(a, low, high)):
                    where = {"cell": ("c", "h"), "c_out": ("c",), "h_out": model.form.output,
                             "z": tuple(model.form.letters)}.get(sites[0], sites)  # fmt: skip
                    says = (
                        f"{PLACES[sites[0]]} clipped to {lower:.4g} to {high:.4g}; nothing is to "
                    )
                    says += "be clipped."
                    return Finding("clipped", says, where, "clipping")
    model.change = unchanged
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
    scale : float
        How large the weights and the cell states are.
    B : int
        At how many points of each unit the law is read.
    """

    def __init__(
        self, form: Form, call: Callable[..., Sequence[Array]], eps: float, scale: float, B: int
    ) -> None:
        self.form, self.call = form, call
        single = eps > 1e-9
        self.step, self.room = (1e-2, 3e-3) if single else (1e-4, 1e-6)
        self.tolerance = 3e-4 if single else 1e-9
        self.six = drawn(form, B, scale)

    def read(self) -> Model | None:
        """Return the function as it was read, or None."""
        wiring = self._wiring()
        if wiring is None:
            return None
        for swapped in (False, True) if self.form.cell else (False,):
            law = self._law(wiring, swapped)
            if law:
                return Model(self.form, wiring, law, swapped)
        return None

    # Wiring

    def _wiring(self) -> Wiring | None:
        S = len(self.form.letters)
        gates = self.form.right(self.six)
        J = {
            name: _wiring.slopes(self.call, self.six, k, self.step)
            for k, name in enumerate(_wiring.ROADS, start=3)
        }
        roads = [_wiring.read_road(name, J[name], self.six, gates, S, self.room) for name in J]
        if any(road is None for road in roads):
            return None
        found = [road for road in roads if road]
        *others, bias = found
        if not _wiring._own_unit(bias.slopes[:, :, None], self.room):
            for other in others:
                way = _wiring.shared_bias(J["b"], other, S, self.room)
                if way:
                    found[-1] = replace(bias, way=way, slopes=other.slopes)
                    break
        return Wiring(found, S, self.room)

    # Law

    def _law(self, wiring: Wiring, swapped: bool) -> Law | None:
        def call(*six: Array) -> Sequence[Array]:
            return self.call(*six)[::-1] if swapped else self.call(*six)

        x, h, c, W, U, b = self.six
        meets_c = any("c" in s.where for road in wiring.roads for s in road.signals)
        without = [call(x, k * h, c, W, 0 * U, b) for k in (1, 0, -1)]
        by_h = not all(_near(o, p, self.tolerance) for o, p in zip(*without[:2], strict=True))
        six: Six = (x, h, c, W, 0 * U, b) if meets_c or by_h else self.six
        bases = states(self.form, wiring, six)
        if self.form.cell is None:
            hidden = Atoms(bases, self._plain(bases), self.tolerance).find(call(*six)[0])
            return Law(NONE, NONE, NONE, IDENTITY, IDENTITY, hidden, NONE) if hidden else None
        U = six[4]
        runs = [call(x, h, k * c, W, U, b) for k in (1, 0, -1, 2)]
        if np.abs(runs[0][1] - c).max() > self.tolerance and (
            np.abs(runs[0][1] - runs[0][0]).max() > self.tolerance):  # fmt: skip
            law = self._of_cell([r[1] for r in runs], [w[1] for w in without], bases, by_h, ENDS)
            if law:
                return self._complete(law, bases, runs[0])
        return self._hidden_cell(runs, without, bases, by_h)

    def _hidden_cell(
        self, runs: Sequence[Sequence[Array]], without: Sequence[Sequence[Array]],
        bases: Mapping[str, Array], by_h: bool,
    ) -> Law | None:  # fmt: skip
        """Read the cell state from h, where something else is returned for it."""
        if by_h:
            return None
        letters = [key for key in bases if key[-1] in self.form.letters]
        gates = [
            Factor(s, k) for s in (SIGMOID, TANH, NOT_SIGMOID, IDENTITY) for k in letters[::-1]
        ]
        for gate in [None, *gates]:
            by = gate.value(bases) if gate else 1.0
            law = self._of_cell([r[0] / by for r in runs], [], bases, False, [OUTERS[0]])
            if law:
                law = law._replace(outer=IDENTITY)
                return self._complete(law, bases, runs[0])
        return None

    def _of_cell(
        self, y: Sequence[Array], without: Sequence[Array], bases: Mapping[str, Array], by_h: bool,
        ends: Sequence[tuple[Squash, Callable[[Array], Array]]],
    ) -> Law | None:  # fmt: skip
        """Read the cell state as a line in the old one."""
        h, c = bases["h_prev"], bases["c_prev"]
        atoms = Atoms(bases, self._plain(bases), self.tolerance)
        for outer, inner, slope, offset in self._lines(y, c, ends):
            slope_h = np.zeros_like(c)
            if by_h:
                inverse = {o.written: f for o, f in ends}[outer.written]
                slope_h = (inverse(without[0]) - inverse(without[2])) / (2 * h)
                offset = offset - slope_h * h
            sums = [found for a in (slope, slope_h, offset) if (found := atoms.find(a))]
            if len(sums) == 3:
                return Law(*sums, inner, outer, NONE, CARRIED)
        return None

    def _complete(self, law: Law, bases: Mapping[str, Array], run: Sequence[Array]) -> Law | None:
        """Read what is returned, once the cell state is known."""
        more = with_cell(self.form, bases, law)
        plain = [*self._plain(bases), Factor(TANH, "c")]
        hidden = Atoms(more, plain, self.tolerance).find(run[0])
        if not hidden:
            return None
        if not _near(more["c"], run[1], self.tolerance):
            more["the new h"] = run[0]
            returned = Atoms(more, plain, self.tolerance).find(run[1])
            return law._replace(hidden=hidden, returned=returned) if returned else None
        return law._replace(hidden=hidden)

    def _plain(self, bases: Mapping[str, Array]) -> list[Factor]:
        """Return the factors of the right formula, of what there is of their gates."""
        right = [self.form.cell, self.form.hidden]
        factors = [f for s in right if s for term in s.terms for f in term.factors]
        keys = {key[-1]: key for key in reversed(bases) if key[-1] in self.form.letters}
        return [Factor(f.squash, keys[f.base]) for f in factors if f.base in keys]

    def _lines(
        self, y: Sequence[Array], c: Array,
        ends: Sequence[tuple[Squash, Callable[[Array], Array]]],
    ) -> Iterator[tuple[Squash, Squash, Array, Array]]:  # fmt: skip
        """Yield in which way the new cell state is a line in the old one."""
        for outer, inverse in ends:
            u = [inverse(a) for a in y]
            if not all(np.isfinite(a).all() for a in u):
                continue
            for inner in INNERS:
                s = [inner.function(k * c) for k in (1, 0, -1, 2)]
                even = np.abs(s[0] - s[2]) < 1e-9
                run, rise = (np.where(even, a[3] - a[1], a[0] - a[2]) for a in (s, u))
                slope = rise / run
                offset = u[1] - slope * s[1]
                room = self.tolerance * (1 if outer is IDENTITY else 1e3)
                if all(_near(slope * a + offset, b, room) for a, b in zip(s, u, strict=True)):
                    yield outer, inner, slope, offset
                    break


def _near(a: Array, b: Array, tolerance: float) -> bool:
    return bool(np.abs(a - b).max() <= 10 * tolerance * max(1.0, float(np.abs(b).max())))


ENDS = [(IDENTITY, lambda y: y), *OUTERS]
INNERS = [IDENTITY, TANH, SIGMOID, RELU, *[s for s in SQUASHES if s.words.startswith("the square")]]

Z = "ifgo"
KEPT = Term(1, (Factor(SIGMOID, "f"), Factor(IDENTITY, "c_prev")))
SHOWN = Sum((Term(1, (Factor(SIGMOID, "o"), Factor(TANH, "c"))),))
NAMES = {"x": "x", "h": "h_prev", "c": "c_prev", "W_ih": "W_ih", "W_hh": "W_hh", "b": "b"}


def _lstm_cell(let_in: Factor) -> Sum:
    return Sum((KEPT, Term(1, (let_in, Factor(TANH, "g")))))


def _summed(call: Callable[[Array, Array], Any]) -> Callable[..., Any]:
    """Return a function of six from one of the pre-activations and the cell state."""
    return lambda x, h, c, W, U, b: call(x @ W.T + h @ U.T + b, c)


def _of_sums(model: Callable[..., Any]) -> Callable[[Array, Array], Any]:
    def of_sums(z: Array, c: Array) -> Any:
        rows = z.shape[1]
        return model(z, 0 * c, c, np.eye(rows), np.zeros((rows, c.shape[1])), np.zeros(rows))

    return of_sums


LSTM = Form(
    Z, _lstm_cell(Factor(SIGMOID, "i")), SHOWN, NAMES, ("h",),
    lambda ask: ask, lambda model: model, "state",
)  # fmt: skip
CELL = Form(Z, LSTM.cell, SHOWN, {**NAMES, "c": "c"}, ("h",), _summed, _of_sums, "pytorch")
COUPLED = Form(
    Z, _lstm_cell(Factor(NOT_SIGMOID, "f")), SHOWN, {**NAMES, "c": "c"}, ("h",),
    lambda ask: _summed(lambda z, c: ask(*np.split(z, 4, axis=1), c)),
    lambda model: lambda i, f, g, o, c: _of_sums(model)(np.hstack([i, f, g, o]), c),
    "state",
)  # fmt: skip
RNN = Form(
    "z", None, Sum((Term(1, (Factor(TANH, "z"),)),)), NAMES, ("h",),
    lambda ask: lambda x, h, c, W, U, b: ask(x, h, W, U, b),
    lambda model: lambda x, h, W, U, b: model(x, h, 0 * h, W, U, b), "sequences",
)  # fmt: skip
GATE = Form(
    "z", None, Sum((Term(1, (Factor(SIGMOID, "z"),)),)),
    {"x": "x", "h": "h", "c": "", "W_ih": "W", "W_hh": "U", "b": "b"}, (),
    RNN.given, RNN.taken, "gates",
)  # fmt: skip
FORMS = {"lstm.step": LSTM, "torch.cell": CELL, "torch.coupled_cell": COUPLED,
         "rnn.step": RNN, "gate": GATE}  # fmt: skip
