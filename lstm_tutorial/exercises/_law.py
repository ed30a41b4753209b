"""The law of one step backward: what each gradient is made of, read from coefficients."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._factors import Product, Table
from lstm_tutorial.exercises._reading import Array, Finding, named
from lstm_tutorial.exercises._recomputed import Guess, guesses, with_tanh

Sum = tuple[Product, ...]
Total = tuple[Sum, Sum, Sum, Sum]  # what stands on dc, on dh, on their product, and alone
SOURCES = (("dc",), ("dh",), ("dh · dc",), ())
_ONE = (Product(),)
DH: Total = ((), _ONE, (), ())
DC: Total = (_ONE, (), (), ())
SHOWN: Total = ((), (Product(1.0, ("o", "1 - tanh(c)²")),), (), ())
CELL: Total = (_ONE, SHOWN[1], (), ())


class Spec(NamedTuple):
    """A kind of step: arguments, outputs, and for each gradient its source and factors."""

    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    users: Mapping[str, tuple[Total, tuple[str, ...]]]
    gates: str = "ifgo"
    given: bool = False  # gates and states are arguments
    page: str = "numpy"


_USERS = {
    "i": (CELL, ("g", "i (1 - i)")),
    "f": (CELL, ("c_prev", "f (1 - f)")),
    "g": (CELL, ("i", "1 - g²")),
    "o": (DH, ("tanh(c)", "o (1 - o)")),
    "dc_prev": (CELL, ("f",)),
}
_GRADS = ("dW_ih", "dW_hh", "db")
LSTM = Spec(
    ("dh", "dc", "x", "h_prev", "c_prev", "W_ih", "W_hh", "b"),
    ("dx", "dh_prev", "dc_prev", *_GRADS), _USERS,
)  # fmt: skip
MENDED = Spec(
    ("dh", "dc", "c_prev", "gates", "c", "W_hh"), ("dh_prev", "dc_prev", "dz"), _USERS,
    given=True, page="bugs",
)  # fmt: skip
RNN = Spec(
    ("dh", "x", "h_prev", "W_ih", "W_hh", "b"), ("dx", "dh_prev", *_GRADS),
    {"h": (DH, ("1 - h²",))}, "h", page="backpropagation",
)  # fmt: skip
SIGMOID = Spec(
    ("dh", "x", "h_prev", "h", "W_hh"), _GRADS, {"h": (DH, ("h (1 - h)",))}, "h", True,
    "backpropagation",
)  # fmt: skip


def values_of(spec: Spec, guess: Guess, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return gates and states by name: recomputed, or as given."""
    if not spec.given:
        return guess.values(given)
    if spec.gates == "h":
        return dict(given)
    gates = dict(zip("ifgo", given["gates"], strict=True))
    return with_tanh({**given, **gates, "tanh_c": np.tanh(given["c"])})


def drawn(spec: Spec, B: int, D: int, H: int, seed: int) -> dict[str, Any]:
    """Return arguments by name, none of them near zero."""
    rng = np.random.default_rng(seed)

    def away(*shape: int) -> Array:
        return rng.uniform(0.3, 1.2, shape) * rng.choice([-1.0, 1.0], shape)

    n = len(spec.gates) * H
    given: dict[str, Any] = {
        "dh": 0.2 * away(B, H), "dc": 0.2 * away(B, H), "x": away(B, D), "h_prev": away(B, H),
        "c_prev": away(B, H), "W_ih": away(n, D) / D**0.5, "W_hh": away(n, H) / H**0.5,
        "b": 0.5 * away(n),
    }  # fmt: skip
    values = guesses(spec.gates)[0].values(given)
    states = {name: values[name] for name in ("c", "h") if name in values}
    if spec == SIGMOID:
        states["h"] = (1 + states["h"]) / 2
    return given | states | {"gates": [values[k] for k in spec.gates]}


def total_parts(total: Total, values: Mapping[str, Any], dh: Array, dc: Array) -> list[Array]:
    """Return what stands on dc, on dh, on their product, and alone, with its source."""
    sources = (dc, dh, dh * dc, np.ones_like(dh))
    return [
        s * sum((p.at(values) for p in terms), np.zeros(()))
        for s, terms in zip(sources, total, strict=True)
    ]


class User(NamedTuple):
    """A gradient as read: factors times what comes from dh and dc."""

    product: Product
    total: Total
    cost: float = 0.0

    def parts(self, values: Mapping[str, Any], dh: Array, dc: Array) -> list[Array]:
        """Return the gradient's four parts."""
        return [self.product.at(values) * p for p in total_parts(self.total, values, dh, dc)]

    def text(self, shared: Total) -> str:
        """Return the gradient as a formula."""
        if self.total == shared and shared[0]:
            return self.product.text("dc_total")
        terms = [p.text(*s) for s, terms in zip(SOURCES, self.total, strict=True) for p in terms]
        whole = " + ".join(terms).replace("+ -", "- ") or "0"
        if self.product == Product():
            return whole
        return self.product.text(whole if len(terms) == 1 else f"({whole})")


class Law(NamedTuple):
    """All gradients of one step as read; those that could not be read are missing."""

    guess: Guess
    total: Total
    users: Mapping[str, User]
    cost: float

    def right(self, name: str, spec: Spec) -> User:
        """Return what the gradient should be, given the gradient of c as it is."""
        source, factors = spec.users[name]
        return User(Product(1.0, factors), self.total if source == CELL else source)


class LawReader:
    """Reads gradients, each as four coefficients at the units of one probe."""

    def __init__(self, table: Table, spec: Spec, coefficients: Mapping[str, Array]) -> None:
        self.table, self.spec, self.coefficients = table, spec, coefficients
        self.unit = np.ones_like(next(iter(coefficients.values()))[0])

    def read(self, guess: Guess, known: Total | None = None) -> Law:
        """Return the plainest law: the total that the cell's gradients share, then each."""
        laws = []
        for total, cost in [(known, 0.0)] if known else self._totals():
            read = {name: self._user(name, total) for name in self.coefficients}
            users = {name: user for name, user in read.items() if user}
            others = {user.total for user in users.values()} - {total, DH}
            cost += sum(user.cost if user else 4.0 for user in read.values()) + 0.5 * len(others)
            laws.append(Law(guess, total, users, cost + len(guess.findings)))
        return min(laws, key=lambda law: law.cost)

    def _totals(self) -> Iterator[tuple[Total, float]]:
        """Yield what dc and dh may add up to: the right sum, or what some gradient has."""
        found: dict[Total, float] = {CELL: 0.0}
        for name, C in self.coefficients.items():
            source, right = self.spec.users[name]
            if source == CELL:
                user = self._each(C / Product(1.0, right).at(self.table.values).ravel(), CELL, ())
                if user:
                    found.setdefault(user.total, user.cost)
        yield from found.items()

    def _user(self, name: str, shared: Total) -> User | None:
        """Read a gradient: nothing, factors of a known sum, or each coefficient by itself."""
        C, (source, right) = self.coefficients[name], self.spec.users[name]
        source = shared if source == CELL else source
        if self._zero(C):
            return User(Product(0.0), source, 1.0)
        found = []
        for total in dict.fromkeys((source, shared, CELL, DH, DC, SHOWN) if "c" in self.table.values else (DH,)):
            product = self._product(C, total, right)
            if product:
                cost = product.cost + 0.5 * (total != source)
                found.append(User(product._replace(cost=0.0), total, cost))
                if not cost:
                    break
        each = self._each(C, source, right) if not found or found[0].cost else None
        return min([*found, *[each] * bool(each)], key=lambda user: user.cost, default=None)

    def _zero(self, value: Array) -> bool:
        return bool(np.abs(value).max() <= self.table.tolerance * 1e-2)

    def _product(self, C: Array, total: Total, right: tuple[str, ...]) -> Product | None:
        """Return the factors of a sum."""
        values = {name: np.ravel(a) for name, a in self.table.values.items()}
        T = np.array(total_parts(total, values, self.unit, self.unit))
        largest = int(np.abs(T).max(axis=1).argmax())
        P = C[largest] / T[largest]
        if np.abs(P * T - C).max() > 10 * self.table.tolerance * np.abs(C).max():
            return None
        return self.table.read(P, right)

    def _each(self, C: Array, source: Total, right: tuple[str, ...]) -> User | None:
        """Read the coefficients one by one."""
        sums, cost = [], 0.3 * bool(right)
        for value, terms in zip(C, source, strict=True):
            whole = (Product(1.0, (*right, *terms[0].factors)),) if terms else ()
            found = self._sum(value, whole)
            if found is None:
                return None
            sums.append(found[0])
            cost += found[1]
        return User(Product(), (sums[0], sums[1], sums[2], sums[3]), cost)

    def _sum(self, value: Array, right: Sum) -> tuple[Sum, float] | None:
        """Read one coefficient: nothing, one product, or the right one and another."""
        if self._zero(value):
            return (), float(bool(right))
        factors = right[0].factors if right else ()
        if (p := self.table.read(value, factors)) is not None:
            return (p._replace(cost=0.0),), p.cost + (not right)
        if right:
            rest = value - right[0].at(self.table.values).ravel() if factors else value - 1
            if (p := self.table.read(rest, factors)) is not None:
                return (*right, p._replace(cost=0.0)), 1.0 + p.cost
        return None


def law_told(law: Law, spec: Spec) -> tuple[list[Finding], list[tuple[str, str]]]:
    """Return what is wrong with the gradients, and the lines of the formula."""
    findings, formula = [*law.guess.findings], []
    cell = [User(Product(), total).text(()) for total in (law.total, CELL)]
    if len(spec.gates) == 4:
        formula.append((f"dc_total = {cell[0]}", f"dc_total = {cell[1]}"))
    if law.total != CELL:
        says = f"The gradient of c is {cell[0]} in your step. It should be {cell[1]}."
        findings.append(Finding("Gradient of c", says, ("dc",), spec.page))
    slips: dict[tuple[object, ...], list[tuple[str, str, str]]] = {}
    for name, user in law.users.items():
        right = law.right(name, spec)
        left = name if name == "dc_prev" else f"dz_{name}" if len(spec.gates) == 4 else "dz"
        lines = f"{left} = {user.text(law.total)}", f"{left} = {right.text(law.total)}"
        formula.append(lines)
        if (user.product, user.total) != (right.product, right.total):
            slips.setdefault(_slip(name, user, right), []).append((name, *lines))
    for entries in slips.values():
        names, read, should = (tuple(column) for column in zip(*entries, strict=True))
        says = f"You compute {named(read)}. It should be {named(should)}."
        if "dc_total" in says:
            says += f" Here dc_total is {cell[0]}."
        title = named([line.split(" = ")[0] for line in read])
        where = names if len(spec.gates) == 4 else ("slope",)
        findings.append(Finding(title, says, where, spec.page))
    return findings, formula


def _slip(name: str, user: User, right: User) -> tuple[object, ...]:
    """Return what is alike in one slip that is made in several gates."""
    if user.total != right.total:
        return (user.total if user.product != Product() else name,)
    missing, more = [*right.product.factors], []
    for factor in user.product.factors:
        if factor in missing:
            missing.remove(factor)
        else:
            more.append(factor.replace(name, "·"))
    again = {"1 - tanh(·)²": "again", "σ(·) (1 - σ(·))": "again"}
    places = tuple(right.product.factors.index(factor) for factor in missing)
    return (places, *(again.get(form, form) for form in more), user.product.constant)
