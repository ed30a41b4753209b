"""The law of one step backward: what each gradient is made of, read from coefficients."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._factors import Factors, Read, Table, times
from lstm_tutorial.exercises._outputs import close
from lstm_tutorial.exercises._programs import (
    FUNCTIONS,
    LSTM,
    MENDED,
    RNN,
    SIGMOID,
    Guess,
    Program,
    run,
)
from lstm_tutorial.exercises._reading import Array

Texts = tuple[str, ...]
Total = tuple[Texts, Texts, Texts, Texts]  # what stands on dc, on dh, on their product, and alone
SOURCES = ("dc", "dh", "dh * dc", "1")
DH: Total = ((), ("1",), (), ())
DC: Total = (("1",), (), (), ())
SHOWN: Total = ((), ("o * (1 - tanh_c**2)",), (), ())
CELL: Total = (("1",), *SHOWN[1:])
_USERS: dict[str, tuple[str, Factors]] = {
    "dz_i": ("dc_total", ("g", "i * (1 - i)")),
    "dz_f": ("dc_total", ("c_prev", "f * (1 - f)")),
    "dz_g": ("dc_total", ("i", "(1 - g**2)")),
    "dz_o": ("dh", ("tanh_c", "o * (1 - o)")),
    "dc_prev": ("dc_total", ("f",)),
}


class Spec(NamedTuple):
    """A kind of step: the right program, its arguments and outputs, and its gradients' factors."""

    program: Program
    arguments: Texts
    outputs: Texts
    users: Mapping[str, tuple[str, Factors]]
    page: str


_STATES, _GRADS = ("x", "h_prev", "c_prev", "W_ih", "W_hh", "b"), ("dW_ih", "dW_hh", "db")
KINDS = {
    "lstm": Spec(
        LSTM, ("dh", "dc", *_STATES), ("dx", "dh_prev", "dc_prev", *_GRADS), _USERS, "numpy",
    ),
    "mended": Spec(
        MENDED, ("dh", "dc", "c_prev", "gates", "c", "W_hh"), ("dh_prev", "dc_prev", "dz"), _USERS,
        "bugs",
    ),
    "rnn": Spec(
        RNN, ("dh", "x", "h_prev", "W_ih", "W_hh", "b"), ("dx", "dh_prev", *_GRADS),
        {"dz": ("dh", ("(1 - h**2)",))}, "backpropagation",
    ),
    "sigmoid": Spec(
        SIGMOID, ("dh", "x", "h_prev", "h", "W_hh"), _GRADS, {"dz": ("dh", ("h * (1 - h)",))},
        "backpropagation",
    ),
}  # fmt: skip


def drawn(spec: Spec, B: int, D: int, H: int, seed: int) -> dict[str, Any]:
    """Return arguments by name, none of them near zero."""
    rng = np.random.default_rng(seed)

    def away(*shape: int) -> Array:
        return rng.uniform(0.3, 1.2, shape) * rng.choice([-1.0, 1.0], shape)

    n = (4 if "dz_i" in spec.users else 1) * H
    given: dict[str, Any] = {
        "dh": 0.2 * away(B, H), "dc": 0.2 * away(B, H), "x": away(B, D), "h_prev": away(B, H),
        "c_prev": away(B, H), "W_ih": away(n, D) / D**0.5, "W_hh": away(n, H) / H**0.5,
        "b": 0.5 * away(n),
    }  # fmt: skip
    names = run(LSTM if n > H else RNN, given)
    if "gates" in spec.arguments:
        given |= {"gates": [names[k] for k in "ifgo"], "c": names["c"]}
    if "h" in spec.arguments:
        given["h"] = (1 + names["h"]) / 2
    return given


def _sum(total: Total) -> str:
    pairs = zip(SOURCES, total, strict=True)
    terms = [times(source, text) for source, texts in pairs for text in texts]
    return " + ".join(terms).replace("+ -", "- ") or "0 * dh"


class Law(NamedTuple):
    """A program whose gradients are as read, those of its gradients that are not, and its cost."""

    guess: Guess
    program: Program
    total: Total
    unread: Texts
    cost: float


class LawReader:
    """Reads gradients, each as four coefficients at the units of one probe."""

    def __init__(self, table: Table, spec: Spec, coefficients: Mapping[str, Array]) -> None:
        self.table, self.spec, self.coefficients = table, spec, coefficients

    def read(self, guess: Guess, known: Total | None = None) -> Law:
        """Return the plainest law: the total that the cell's gradients share, then each."""
        laws = []
        for total, cost in [(known, 0.0)] if known else self._totals():
            read = {name: self._user(name, total) for name in self.coefficients}
            lines = {name: f"{name} = {line.text}" for name, line in read.items() if line}
            cost += sum(line.cost if line else 8.0 for line in read.values()) + bool(guess.where)
            if total != CELL:
                lines["dc_total"] = f"dc_total = {_sum(total)}"
            program = {name: lines.get(name, line) for name, line in guess.program.items()}
            unread = tuple(name for name, line in read.items() if not line)
            laws.append(Law(guess, program, total, unread, cost))
        return min(laws, key=lambda law: law.cost)

    def _totals(self) -> Iterator[tuple[Total, float]]:
        """Yield what dc and dh may add up to: the right sum, or what some gradient has."""
        found: dict[Total, float] = {CELL: 0.0}
        for name, C in self.coefficients.items():
            source, right = self.spec.users[name]
            if source == "dc_total":
                each = self._each(C / self.table.of(right), CELL, ())
                if each:
                    found.setdefault(*each)
        yield from found.items()

    def _user(self, name: str, shared: Total) -> Read | None:
        """Read a gradient: nothing, factors of a known sum, or each coefficient by itself."""
        C, (source, right) = self.coefficients[name], self.spec.users[name]
        if self.table.zero(C):
            return Read(f"0 * {source}", 1.0)
        sources = {"dh": DH}
        if "dc_total" in {text for text, _ in self.spec.users.values()}:
            sources |= {"dc_total": shared, "dc": DC}
            sources |= {f"({_sum(CELL)})": CELL, _sum(SHOWN): SHOWN}
        found = []
        for text, total in sorted(sources.items(), key=lambda item: item[0] != source):
            read = self._product(C, total, right)
            if read and read.text:
                found.append(Read(times(text, read.text), read.cost + 0.5 * (text != source)))
                if text == source and not read.cost:
                    return found[0]
        each = self._each(C, sources[source], right)
        found += [Read(_sum(each[0]), each[1] + 0.5)] if each else []
        return min(found, key=lambda read: read.cost, default=None)

    def _product(self, C: Array, total: Total, right: Factors) -> Read | None:
        """Return the factors of a sum."""
        one = np.ones_like(C[0])
        T = np.array([sum((one * self._value(t) for t in texts), 0 * one) for texts in total])
        largest = int(np.abs(T).max(axis=1).argmax())
        P = C[largest] / T[largest]
        return self.table.read(P, right) if close(P * T, C, self.table.tolerance) else None

    def _value(self, text: str) -> Array:
        return eval(text, dict(FUNCTIONS), dict(self.table.values))

    def _each(self, C: Array, source: Total, right: Factors) -> tuple[Total, float] | None:
        """Read the coefficients one by one."""
        sums, cost = [], 0.0
        for value, texts in zip(C, source, strict=True):
            way = tuple(texts[0].split(" * ")) if texts and texts[0] != "1" else ()
            known = way if all(name in self.table.values for name in way) else ()
            found = self._terms(value, (*right, *known), bool(texts))
            if found is None:
                return None
            sums.append(found[0])
            cost += found[1]
        return (sums[0], sums[1], sums[2], sums[3]), cost

    def _terms(self, value: Array, right: Factors, some: bool) -> tuple[Texts, float] | None:
        """Read one coefficient: nothing, one product, or the right one and another."""
        if self.table.zero(value):
            return (), float(some)
        read = self.table.read(value, right)
        if read is not None:
            return (read.text,), read.cost + (not some)
        whole = self.table.of(right) if right else np.ones_like(value)
        more = self.table.read(value - whole, right)
        if more is None or not some:
            return None
        return (times("1", *right), more.text), 1.0 + more.cost
