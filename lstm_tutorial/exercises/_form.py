"""What is right of a step, and a step as it was read: formulas that are functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    """What is right of a kind, and how its function is called."""

    letters: str  # the gates, in the order of their rows
    cell: Sum | None  # the new cell state
    hidden: Sum  # the new hidden state, or the gate
    # Turn the learner's function into one of (x, h, c, W_ih, W_hh, b), and such a one back.
    given: Callable[[Any], Call]
    taken: Callable[[Any], Callable[..., Any]]
    page: str
    names: Mapping[str, str] = field(default_factory=dict)  # what arguments are called instead
    output: tuple[str, ...] = ("h",)  # what a finding on the hidden state is about

    def right(self, six: Six) -> dict[str, Array]:
        """Return the gates and the cell state of a right step, by letter."""
        x, h, c, W, U, b = six
        if self.cell is None:
            return dict.fromkeys("ifoc", 0 * h)
        z = np.split(x @ W.T + h @ U.T + b, len(self.letters), axis=1)
        bases = {**dict(zip(self.letters, z, strict=True)), "c_prev": c}
        return {**{k: sigmoid(bases[k]) for k in "ifo"}, "c": self.cell.value(bases)}


NONE = Sum(())


class Law(NamedTuple):
    """The states as they were read."""

    hidden: Sum
    kept: Sum = NONE  # by what the old cell state is multiplied
    new: Sum = NONE  # what is added
    inner: Squash = IDENTITY  # what the old cell state goes through before
    outer: Squash = IDENTITY  # what the new cell state goes through
    returned: Sum = Sum((Term(1, (Factor(IDENTITY, "c"),)),))  # as the cell state


@dataclass
class Model:
    """A step as it was read: a function of x, h, c, W_ih, W_hh, b."""

    form: Form
    wiring: Wiring
    law: Law
    swapped: bool = False  # whether the outputs are exchanged
    # Takes a place (x, h, c, z, cell, h_out, c_out) and its numbers, returns what stands there.
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
        outputs = [self.law.hidden.value(more), self.law.returned.value(more)]
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


def _one(*factors: Factor) -> Sum:
    return Sum((Term(1, factors),))


def _cell(let_in: Factor) -> Sum:
    kept = Term(1, (Factor(SIGMOID, "f"), Factor(IDENTITY, "c_prev")))
    return Sum((kept, Term(1, (let_in, Factor(TANH, "g")))))


def _summed(call: Callable[[Array, Array], Any]) -> Call:
    """Return a function of six from one of the pre-activations and the cell state."""
    return lambda x, h, c, W, U, b: call(x @ W.T + h @ U.T + b, c)


def _of_sums(model: Call) -> Callable[[Array, Array], Any]:
    return lambda z, c: model(z, 0 * c, c, np.eye(z.shape[1]), z.T @ c * 0, z[0] * 0)


def _parted(ask: Any) -> Call:
    return _summed(lambda z, c: ask(*np.split(z, 4, axis=1), c))


def _of_parts(model: Call) -> Callable[..., Any]:
    return lambda i, f, g, o, c: _of_sums(model)(np.hstack([i, f, g, o]), c)


def _without_cell(fn: Call) -> Call:
    return lambda x, h, c, W, U, b: fn(x, h, W, U, b)


def _with_cell(model: Call) -> Call:
    return lambda x, h, W, U, b: model(x, h, 0 * h, W, U, b)


def _same(fn: Any) -> Any:
    return fn


SHOWN = _one(Factor(SIGMOID, "o"), Factor(TANH, "c"))
CELL, COUPLED = _cell(Factor(SIGMOID, "i")), _cell(Factor(NOT_SIGMOID, "f"))
SQUASHED, GATE = _one(Factor(TANH, "z")), _one(Factor(SIGMOID, "z"))
GATE_NAMES = {"h_prev": "h", "W_ih": "W", "W_hh": "U"}
LSTM = Form("ifgo", CELL, SHOWN, _same, _same, "state")
RNN = Form("z", None, SQUASHED, _without_cell, _with_cell, "sequences")
FORMS = {
    "lstm.step": LSTM,
    "torch.cell": Form("ifgo", CELL, SHOWN, _summed, _of_sums, "pytorch"),
    "torch.coupled_cell": Form("ifgo", COUPLED, SHOWN, _parted, _of_parts, "state"),
    "rnn.step": RNN,
    "gate": Form("z", None, GATE, _without_cell, _with_cell, "gates", GATE_NAMES, ()),
}
