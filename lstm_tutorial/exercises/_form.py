"""What is right of a step, and a step as it was read: formulas that are functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._grammar import (
    IDENTITY,
    NOT_SIGMOID,
    SIGMOID,
    TANH,
    Factor,
    Squash,
    Sum,
    Term,
    sigmoid,
    softmax,
)
from lstm_tutorial.exercises._reading import Array
from lstm_tutorial.exercises._wiring import Call, Six, Wiring

Change = Callable[[str, Array], Array]


def as_it_is(place: str, a: Array) -> Array:
    """Return the numbers unchanged."""
    return a


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
        What x, h, c, W_ih, W_hh and b are called.
    output : tuple of str
        What a finding on the hidden state is about.
    given, taken : callable
        Turn the learner's function into one of (x, h, c, W_ih, W_hh, b), and such a one back.
    page : str
    """

    letters: str
    cell: Sum | None
    hidden: Sum
    names: Mapping[str, str]
    output: tuple[str, ...]
    given: Callable[[Any], Call]
    taken: Callable[[Any], Callable[..., Any]]
    page: str

    def right(self, six: Six) -> dict[str, Array]:
        """Return the gates and the cell state of a right step, by letter."""
        x, h, c, W, U, b = six
        z = np.split(x @ W.T + h @ U.T + b, len(self.letters), axis=1)
        if self.cell is None:
            return {**dict.fromkeys("ifo", 0 * h), "c": 0 * h}
        bases = {**dict(zip(self.letters, z, strict=True)), "c_prev": c}
        return {**{k: sigmoid(bases[k]) for k in "ifo"}, "c": self.cell.value(bases)}


class Law(NamedTuple):
    """The states as they were read.

    Attributes
    ----------
    kept, by_h, new : Sum
        By what the old cell state and the old hidden state are multiplied, and what is added.
    inner, outer : Squash
        What the old cell state goes through before, and the new one after.
    hidden, returned : Sum
        The hidden state, and what is returned as the cell state.
    wide : bool
        Whether gates see the cell state, or each other.
    """

    kept: Sum
    by_h: Sum
    new: Sum
    inner: Squash
    outer: Squash
    hidden: Sum
    returned: Sum
    wide: bool = False

    def cell(self, bases: Mapping[str, Array]) -> Array:
        """Return the new cell state before the outer squash."""
        old = self.kept.value(bases) * self.inner.function(bases["c_prev"])
        return old + self.by_h.value(bases) * bases["h_prev"] + self.new.value(bases)


NONE = Sum(())
CARRIED = Sum((Term(1, (Factor(IDENTITY, "c"),)),))
RIGHT_CELL, INSIDE = "f · c_prev + i · g", "the sum"  # what may be shown for the new cell state


@dataclass
class Model:
    """A step as it was read: a function of x, h, c, W_ih, W_hh, b.

    Attributes
    ----------
    form : Form
    wiring : Wiring
    law : Law
    swapped : bool
        Whether the outputs are exchanged.
    change : callable
        Takes the name of a place (x, h, c, z, cell, h_out, c_out) and its numbers, and returns
        what stands there.
    """

    form: Form
    wiring: Wiring
    law: Law
    swapped: bool = False
    change: Change = as_it_is

    def __call__(self, *six: Array) -> list[Array]:
        """Return the outputs."""
        changed = [self.change(n, a) for n, a in zip("xhc", six, strict=False)]
        bases = states(self.form, self.wiring, (*changed, *six[3:]), self.law.wide, self.change)
        if self.form.cell is None:
            return [self.change("h_out", self.law.hidden.value(bases))]
        more = with_cell(self.form, bases, self.law, self.change)
        more["the new h"] = self.law.hidden.value(more)
        outputs = [
            self.change("h_out", more["the new h"]),
            self.change("c_out", self.law.returned.value(more)),
        ]
        return outputs[::-1] if self.swapped else outputs


def states(
    form: Form, wiring: Wiring, six: Six, wide: bool = False, change: Change = as_it_is
) -> dict[str, Array]:
    """Return what gates and states may be made of, by name."""
    found = wiring.bases(six, form.right(six), form.letters)
    z = np.split(change("z", np.hstack(list(found.values()))), len(found), axis=1)
    bases = dict(zip(found, z, strict=True))
    if wide:
        bases |= {f"z + c_prev|{k}": bases[k] + six[2] for k in form.letters}
        for among in ("ifgo", "ifo"):
            shares = softmax(np.array([bases[k] for k in among]), 0)
            name = f"softmax over {', '.join(among)}"
            bases |= {f"{name}|{k}": a for k, a in zip(among, shares, strict=True)}
    return {**bases, "h_prev": six[1]} | ({"c_prev": six[2]} if form.cell else {})


def with_cell(
    form: Form, bases: Mapping[str, Array], law: Law, change: Change = as_it_is
) -> dict[str, Array]:
    """Add the new cell state, and what may be taken for it."""
    inside = law.cell(bases)
    more = {**bases, "c": change("cell", law.outer.function(inside))}
    if law.outer is not IDENTITY:
        more[INSIDE] = inside
    more["the kept part of c"] = law.kept.value(bases) * law.inner.function(bases["c_prev"])
    more["the new part of c"] = law.new.value(bases)
    if law.wide:
        more |= {f"z + c|{k}": bases[k] + more["c"] for k in form.letters}
    elif form.cell:
        whole = {k: sum(z for key, z in bases.items() if key[-1] == k) for k in form.letters}
        more[RIGHT_CELL] = form.cell.value({**bases, **whole})  # type: ignore[dict-item]
    return more


# The kinds


def _cell(let_in: Factor) -> Sum:
    kept = Term(1, (Factor(SIGMOID, "f"), Factor(IDENTITY, "c_prev")))
    return Sum((kept, Term(1, (let_in, Factor(TANH, "g")))))


def _summed(call: Callable[[Array, Array], Any]) -> Call:
    """Return a function of six from one of the pre-activations and the cell state."""
    return lambda x, h, c, W, U, b: call(x @ W.T + h @ U.T + b, c)


def _of_sums(model: Call) -> Callable[[Array, Array], Any]:
    def of_sums(z: Array, c: Array) -> Any:
        rows = z.shape[1]
        return model(z, 0 * c, c, np.eye(rows), np.zeros((rows, c.shape[1])), np.zeros(rows))

    return of_sums


def _alone(squash: Squash) -> Sum:
    return Sum((Term(1, (Factor(squash, "z"),)),))


def _without_cell(fn: Call) -> Call:
    return lambda x, h, c, W, U, b: fn(x, h, W, U, b)


def _with_cell(model: Call) -> Call:
    return lambda x, h, W, U, b: model(x, h, 0 * h, W, U, b)


def _same(fn: Any) -> Any:
    return fn


NAMES = {"x": "x", "h": "h_prev", "c": "c_prev", "W_ih": "W_ih", "W_hh": "W_hh", "b": "b"}
GATE_NAMES = {**NAMES, "h": "h", "W_ih": "W", "W_hh": "U"}
SHOWN = Sum((Term(1, (Factor(SIGMOID, "o"), Factor(TANH, "c"))),))
LSTM = Form("ifgo", _cell(Factor(SIGMOID, "i")), SHOWN, NAMES, ("h",), _same, _same, "state")
CELL = Form("ifgo", LSTM.cell, SHOWN, NAMES, ("h",), _summed, _of_sums, "pytorch")
COUPLED = Form(
    "ifgo",
    _cell(Factor(NOT_SIGMOID, "f")),
    SHOWN,
    NAMES,
    ("h",),
    lambda ask: _summed(lambda z, c: ask(*np.split(z, 4, axis=1), c)),
    lambda model: lambda i, f, g, o, c: _of_sums(model)(np.hstack([i, f, g, o]), c),
    "state",
)
RNN = Form("z", None, _alone(TANH), NAMES, ("h",), _without_cell, _with_cell, "sequences")
GATE = Form("z", None, _alone(SIGMOID), GATE_NAMES, (), _without_cell, _with_cell, "gates")
FORMS = {"lstm.step": LSTM, "torch.cell": CELL, "torch.coupled_cell": COUPLED,
         "rnn.step": RNN, "gate": GATE}  # fmt: skip
