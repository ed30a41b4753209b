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
)
from lstm_tutorial.exercises._reading import Array
from lstm_tutorial.exercises._wiring import Call, Six, Wiring


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
    given, taken : callable
        Turn the learner's function into one of (x, h, c, W_ih, W_hh, b), and such a one back.
    page : str
    names : dict
        What h_prev, W_ih and W_hh are called, where they have other names.
    output : tuple of str
        What a finding on the hidden state is about.
    """

    letters: str
    cell: Sum | None
    hidden: Sum
    given: Callable[[Any], Call]
    taken: Callable[[Any], Callable[..., Any]]
    page: str
    names: Mapping[str, str]
    output: tuple[str, ...] = ("h",)

    def right(self, six: Six) -> dict[str, Array]:
        """Return the gates and the cell state of a right step, by letter."""
        x, h, c, W, U, b = six
        if self.cell is None:
            return dict.fromkeys("ifoc", 0 * h)
        z = np.split(x @ W.T + h @ U.T + b, len(self.letters), axis=1)
        bases = {**dict(zip(self.letters, z, strict=True)), "c_prev": c}
        return {**{k: sigmoid(bases[k]) for k in "ifo"}, "c": self.cell.value(bases)}


class Law(NamedTuple):
    """The states as they were read.

    Attributes
    ----------
    kept, new : Sum
        By what the old cell state is multiplied, and what is added.
    inner, outer : Squash
        What the old cell state goes through before, and the new one after.
    hidden, returned : Sum
        The hidden state, and what is returned as the cell state.
    """

    kept: Sum
    new: Sum
    inner: Squash
    outer: Squash
    hidden: Sum
    returned: Sum


NONE = Sum(())
CARRIED = Sum((Term(1, (Factor(IDENTITY, "c"),)),))


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
    change: Callable[[str, Array], Array] = lambda place, a: a

    def __call__(self, *six: Array) -> list[Array]:
        """Return the outputs."""
        change = self.change
        x, h, c = (change(name, a) for name, a in zip("xhc", six, strict=False))
        bases = states(self.form, self.wiring, (x, h, c, *six[3:]))
        z = change("z", np.hstack([bases[k] for k in bases if not k.endswith("_prev")]))
        bases |= dict(zip(bases, np.split(z, z.shape[1] // h.shape[1], axis=1), strict=False))
        if self.form.cell is None:
            return [change("h_out", self.law.hidden.value(bases))]
        more = with_cell(bases, self.law)
        more["c"] = change("cell", more["c"])
        more["the new h"] = self.law.hidden.value(more)
        outputs = [more["the new h"], self.law.returned.value(more)]
        outputs = [change(k, a) for k, a in zip(("h_out", "c_out"), outputs, strict=True)]
        return outputs[::-1] if self.swapped else outputs


def states(form: Form, wiring: Wiring, six: Six) -> dict[str, Array]:
    """Return what gates and states may be made of, by name: pre-activations, then old states."""
    found = {**wiring.bases(six, form.right(six), form.letters), "h_prev": six[1]}
    return {**found, "c_prev": six[2]} if form.cell else found


def with_cell(bases: Mapping[str, Array], law: Law) -> dict[str, Array]:
    """Add the new cell state, and its parts, which may be taken for it."""
    kept = law.kept.value(bases) * law.inner.function(bases["c_prev"])
    new = law.new.value(bases)
    parts = {"the kept part of c": kept, "the new part of c": new}
    return {**bases, "c": law.outer.function(kept + new), **parts}


# The kinds


def _one(squash: Squash, base: str, *more: Factor) -> Sum:
    return Sum((Term(1, (Factor(squash, base), *more)),))


def _cell(let_in: Factor) -> Sum:
    kept = _one(SIGMOID, "f", Factor(IDENTITY, "c_prev"))
    return Sum((*kept.terms, Term(1, (let_in, Factor(TANH, "g")))))


def _summed(call: Callable[[Array, Array], Any]) -> Call:
    """Return a function of six from one of the pre-activations and the cell state."""
    return lambda x, h, c, W, U, b: call(x @ W.T + h @ U.T + b, c)


def _of_sums(model: Call) -> Callable[[Array, Array], Any]:
    def of_sums(z: Array, c: Array) -> Any:
        rows = z.shape[1]
        return model(z, 0 * c, c, np.eye(rows), np.zeros((rows, c.shape[1])), np.zeros(rows))

    return of_sums


def _without_cell(fn: Call) -> Call:
    return lambda x, h, c, W, U, b: fn(x, h, W, U, b)


def _with_cell(model: Call) -> Call:
    return lambda x, h, W, U, b: model(x, h, 0 * h, W, U, b)


def _same(fn: Any) -> Any:
    return fn


def _parted(ask: Any) -> Call:
    return _summed(lambda z, c: ask(*np.split(z, 4, axis=1), c))


def _of_parts(model: Call) -> Callable[..., Any]:
    return lambda i, f, g, o, c: _of_sums(model)(np.hstack([i, f, g, o]), c)


NAMES = {"W_ih": "W_ih", "W_hh": "W_hh"}
GATE_NAMES = {"h_prev": "h", "W_ih": "W", "W_hh": "U"}
SHOWN = _one(SIGMOID, "o", Factor(TANH, "c"))
CELL, COUPLED = _cell(Factor(SIGMOID, "i")), _cell(Factor(NOT_SIGMOID, "f"))
SQUASHED, GATE = _one(TANH, "z"), _one(SIGMOID, "z")
LSTM = Form("ifgo", CELL, SHOWN, _same, _same, "state", NAMES)
RNN = Form("z", None, SQUASHED, _without_cell, _with_cell, "sequences", NAMES)
FORMS = {
    "lstm.step": LSTM,
    "torch.cell": Form("ifgo", CELL, SHOWN, _summed, _of_sums, "pytorch", NAMES),
    "torch.coupled_cell": Form("ifgo", COUPLED, SHOWN, _parted, _of_parts, "state", NAMES),
    "rnn.step": RNN,
    "gate": Form("z", None, GATE, _without_cell, _with_cell, "gates", GATE_NAMES, ()),
}
