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
    hides : bool
        Whether the cell state is another one than what is returned for it.
    """

    kept: Sum
    by_h: Sum
    new: Sum
    inner: Squash
    outer: Squash
    hidden: Sum

    def cell(self, bases: Mapping[str, Array]) -> Array:
        """Return the new cell state before the outer squash."""
        return (
            self.kept.value(bases) * self.inner.function(bases["c_prev"])
            + self.by_h.value(bases) * bases["h_prev"]
            + self.new.value(bases)
        )


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
    for swapped in (False, True) if form.cell else (False,):
        for outputs in [_swapped(call) if swapped else call]:
            reading = Reader(form, outputs, ask.eps).read(swapped)
            if reading:
                yield reading
                return


def _swapped(call: Callable[..., Sequence[Array]]) -> Callable[..., Sequence[Array]]:
    return lambda *six: list(call(*six))[::-1]


class Reader:
    """Measures one function.

    Parameters
    ----------
    form : Form
    call : callable
        Takes x, h, c, W_ih, W_hh, b.
    eps : float
        The rounding of its answers.
    """

    def __init__(self, form: Form, call: Callable[..., Sequence[Array]], eps: float) -> None:
        self.form, self.call = form, call
        single = eps > 1e-9
        self.step, self.room = (1e-2, 3e-3) if single else (1e-4, 1e-6)
        self.tolerance = 3e-4 if single else 1e-9
        self.six = self._drawn(17)

    def _drawn(self, B: int, D: int = 2, H: int = 3, seed: int = 5) -> Six:
        rng = np.random.default_rng(seed)
        rows = H * len(self.form.letters)
        x, h, W, U, b = (
            rng.normal(size=s) for s in [(B, D), (B, H), (rows, D), (rows, H), (rows,)]
        )
        c = rng.uniform(0.3, 1.5, (B, H)) * rng.choice([-1, 1], (B, H))
        return x, h, c, W, 0.8 * U, 0.8 * b

    def read(self, swapped: bool) -> Reading | None:
        """Return what was read, or None."""
        with np.errstate(all="ignore"):
            wiring = self._wiring()
            law = self._law(wiring) if wiring else None
        if wiring is None or law is None:
            return None
        findings, formula = said(self.form, wiring, law, swapped)
        return Reading(findings[:3], self.form.taken(self._model(wiring, law, swapped)), formula)

    # Wiring

    def _wiring(self) -> Wiring | None:
        S = len(self.form.letters)
        gates = self.form.right(self.six)
        J = {
            name: _wiring.slopes(self.call, self.six, k, self.step)
            for k, name in enumerate(_wiring.ROADS, start=3)
        }
        roads = [
            _wiring.read_road(name, J[name], self.six, gates, S, self.room) for name in J
        ]
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

    def _law(self, wiring: Wiring) -> Law | None:
        x, h, c, W, U, b = self.six
        meets_c = any("c" in s.where for road in wiring.roads for s in road.signals)
        without = [self.call(x, k * h, c, W, 0 * U, b) for k in (1, 0, -1)]
        by_h = not all(_near(o, p, self.tolerance) for o, p in zip(*without[:2], strict=True))
        six: Six = (x, h, c, W, 0 * U, b) if meets_c or by_h else self.six
        bases = self._bases(wiring, six)
        atoms = Atoms(bases, self._plain(wiring), self.tolerance)
        if self.form.cell is None:
            hidden = atoms.find(self.call(*six)[0])
            none = Sum(())
            return Law(none, none, none, IDENTITY, IDENTITY, hidden) if hidden else None
        W, U, b = six[3:]
        runs = [self.call(x, h, k * c, W, U, b) for k in (1, 0, -1, 2)]
        for outer, inner, slope, offset in self._lines([r[1] for r in runs], c):
            slope_h = np.zeros_like(c)
            if by_h:
                inverse = dict((o.written, f) for o, f in ENDS)[outer.written]
                slope_h = (inverse(without[0][1]) - inverse(without[2][1])) / (2 * h)
                offset = offset - slope_h * h
            sums = [atoms.find(a) for a in (slope, slope_h, offset)]
            if not all(sums):
                continue
            law = Law(*[s for s in sums if s], inner, outer, Sum(()))
            hidden = self._hidden(wiring, bases, law, runs[0])
            return law._replace(hidden=hidden) if hidden else None
        return None

    def _bases(self, wiring: Wiring, six: Six) -> dict[str, Array]:
        bases = wiring.bases(six, self.form.right(six), self.form.letters)
        return {**bases, "c_prev": six[2], "h_prev": six[1]} if self.form.cell else {
            **bases, "h_prev": six[1]}  # fmt: skip

    def _plain(self, wiring: Wiring) -> list[Factor]:
        right = [self.form.cell, self.form.hidden]
        factors = [f for s in right if s for term in s.terms for f in term.factors]
        return [f for f in factors if len(f.base) == 1 and f.base in self.form.letters]

    def _lines(
        self, y: Sequence[Array], c: Array
    ) -> Iterator[tuple[Squash, Squash, Array, Array]]:
        """Yield in which way the new cell state is a line in the old one."""
        for outer, inverse in ENDS:
            with np.errstate(all="ignore"):
                u = [inverse(a) for a in y]
            if not all(np.isfinite(a).all() for a in u):
                continue
            for inner in INNERS:
                s = [inner.function(k * c) for k in (1, 0, -1, 2)]
                even = np.abs(s[0] - s[2]) < 1e-9
                run, rise = (np.where(even, a[3] - a[1], a[0] - a[2]) for a in (s, u))
                slope = rise / run
                offset = u[1] - slope * s[1]
                if all(_near(slope * a + offset, b, self.tolerance) for a, b in zip(s, u)):
                    yield outer, inner, slope, offset
                    break

    def _hidden(
        self, wiring: Wiring, bases: Mapping[str, Array], law: Law, run: Sequence[Array]
    ) -> Sum | None:
        more = self._with_states(bases, law)
        plain = [*self._plain(wiring), Factor(TANH, "c")]
        return Atoms(more, plain, self.tolerance).find(run[0])

    def _with_states(self, bases: Mapping[str, Array], law: Law) -> dict[str, Array]:
        """Add the new cell state, and what may be taken for it."""
        inside = law.cell(bases)
        more = {**bases, "c": law.outer.function(inside)}
        if law.outer is not IDENTITY:
            more["c before its squash"] = inside
        assert self.form.cell is not None
        right = self.form.cell.value(bases)
        if not _near(right, inside, self.tolerance):
            more["f · c_prev + i · g"] = right
        return more

    def _model(self, wiring: Wiring, law: Law, swapped: bool) -> Callable[..., list[Array]]:
        """Return the function as it was read."""

        def model(*six: Array) -> list[Array]:
            bases = self._bases(wiring, six)  # type: ignore[arg-type]
            if self.form.cell is None:
                return [law.hidden.value(bases)]
            more = self._with_states(bases, law)
            outputs = [law.hidden.value(more), more["c"]]
            return outputs[::-1] if swapped else outputs

        return model


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
CELL = Form(
    Z, LSTM.cell, SHOWN, {**NAMES, "c": "c"}, ("h",), _summed, _of_sums, "pytorch"
)
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
