"""The law of one step backward: what each gradient is made of, read from coefficients."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._factors import Array, Product, Table, Values
from lstm_tutorial.exercises._recomputed import Guess, guesses

Sum = tuple[Product, ...]
Total = tuple[Sum, Sum, Sum, Sum]  # what stands on dc, on dh, on their product, and alone
SOURCES = ("dc", "dh", "dh · dc", "")
ONE, NOTHING = (Product(),), ()
DH: Total = (NOTHING, ONE, NOTHING, NOTHING)
DC: Total = (ONE, NOTHING, NOTHING, NOTHING)
CELL: Total = (ONE, (Product(1.0, ("o", "1 - tanh(c)²")),), NOTHING, NOTHING)


class Spec(NamedTuple):
    """A kind of step: arguments, outputs, and for each gradient its source and factors."""

    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    users: Mapping[str, tuple[Total, tuple[str, ...]]]
    gates: str = "ifgo"
    given: bool = False  # the gates are arguments
    page: str = "numpy"


_USERS = {
    "i": (CELL, ("g", "i (1 - i)")),
    "f": (CELL, ("c_prev", "f (1 - f)")),
    "g": (CELL, ("i", "1 - g²")),
    "o": (DH, ("tanh(c)", "o (1 - o)")),
    "dc_prev": (CELL, ("f",)),
}
_STATES = ("x", "h_prev", "c_prev", "W_ih", "W_hh", "b")
_GRADS = ("dW_ih", "dW_hh", "db")
LSTM = Spec(("dh", "dc", *_STATES), ("dx", "dh_prev", "dc_prev", *_GRADS), _USERS)
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


class User(NamedTuple):
    """A gradient as read: factors times what comes from dh and dc."""

    product: Product
    total: Total
    cost: float

    def at(self, values: Values, dh: Array, dc: Array) -> Array:
        """Return the gradient."""
        return self.product.at(values) * total_at(self.total, values, dh, dc)

    def text(self, shared: Total) -> str:
        """Return the gradient as a formula."""
        if self.total == shared and shared[0]:
            return self.product.text("dc_total")
        terms = [
            p.text(*[s] * bool(s)) for s, t in zip(SOURCES, self.total, strict=True) for p in t
        ]
        if len(terms) == 1 and self.product == Product():
            return terms[0]
        if len(terms) == 1 and self.total in (DH, DC):
            return self.product.text(terms[0])
        whole = _signed(terms)
        return whole if self.product == Product() else self.product.text(f"({whole})")


class Law(NamedTuple):
    """All gradients of one step as read; those that could not be read are missing."""

    guess: Guess
    total: Total
    users: Mapping[str, User]
    cost: float


def _signed(terms: Sequence[str]) -> str:
    return " + ".join(terms).replace("+ -", "- ") or "0"


def _at(terms: Sum, values: Values) -> Array | float:
    return sum((p.at(values) for p in terms), 0.0)


def total_at(total: Total, values: Values, dh: Array, dc: Array) -> Array:
    parts = (dc, dh, dh * dc, np.ones_like(dh))
    return sum((s * _at(t, values) for s, t in zip(parts, total, strict=True) if t), 0 * dh)


class LawReader:
    """Reads the gradients of a step from their coefficients at the units of one probe."""

    def __init__(self, table: Table, spec: Spec, coefficients: Mapping[str, Array]) -> None:
        self.table, self.spec, self.coefficients = table, spec, coefficients

    def read(self, guess: Guess, known: Total | None = None) -> Law:
        """Return the plainest law: the total that the cell's gradients share, then each."""
        best = None
        for total, cost in [(known, 0.0)] if known else self._totals():
            users = {name: self._user(name, total) for name in self.coefficients}
            own = {u.total: 0.5 for u in users.values() if u and u.total not in (total, DH)}
            cost += sum(u.cost if u else 4.0 for u in users.values()) + sum(own.values())
            law = Law(guess, total, {n: u for n, u in users.items() if u}, cost)
            best = law if best is None or cost < best.cost else best
        assert best is not None
        return best._replace(cost=best.cost + len(guess.findings))

    def _totals(self) -> list[tuple[Total, float]]:
        """Return what dc and dh may add up to: the right sum, or what some gradient has."""
        found = {CELL: 0.0} if self.spec.gates == "ifgo" else {DH: 0.0}
        for name, (source, right) in self.spec.users.items():
            if source == CELL and name in self.coefficients:
                total, cost = self._total(self._ratio(name, right), CELL)
                if total:
                    found.setdefault(total, cost)
        return list(found.items())

    def _ratio(self, name: str, right: tuple[str, ...]) -> Array:
        return self.coefficients[name] / Product(1.0, right).at(self.table.values).ravel()

    def _zero(self, value: Array) -> bool:
        return bool(np.abs(value).max() <= self.table.tolerance * 1e-2)

    def _total(self, C: Array, right: Total) -> tuple[Total | None, float]:
        sums, cost = [], 0.0
        for value, terms in zip(C, right, strict=True):
            found = self._sum(value, terms)
            if found is None:
                return None, 0.0
            sums.append(found[0])
            cost += found[1]
        return (sums[0], sums[1], sums[2], sums[3]), cost

    def _sum(self, value: Array, right: Sum) -> tuple[Sum, float] | None:
        """Read one coefficient: nothing, one product, or the right one and another."""
        if self._zero(value):
            return (), float(bool(right))
        if (p := self.table.read(value, right[0].factors if right else ())) is not None:
            return (p._replace(cost=0.0),), p.cost + (not right)
        if right:
            rest = value - np.ravel(_at(right, self.table.values))
            if (p := self.table.read(rest, right[0].factors)) is not None:
                return (*right, p._replace(cost=0.0)), 1.0 + p.cost
        return None

    def _user(self, name: str, shared: Total) -> User | None:
        source, right = self.spec.users[name]
        source = shared if source == CELL else source
        C, found = self.coefficients[name], []
        if self._zero(C):
            return User(Product(0.0), source, 1.0)
        others = (shared, CELL, DH, DC, (NOTHING, *CELL[1:])) if self.spec.gates == "ifgo" else ()
        for total in dict.fromkeys((source, *others)):
            product = self._product(C, total, right)
            if product and not product.cost and total == source:
                return User(product, source, 0.0)
            if product:
                found.append(
                    User(
                        product._replace(cost=0.0),
                        total,
                        product.cost + (0.5 if total != source else 0.0),
                    )
                )
        own, cost = self._total(self._ratio(name, right), source)
        if own:
            found.append(User(Product(1.0, right), own, cost))
        each = self._each(C, source, right)
        return min([*found, *each], key=lambda u: u.cost, default=None)

    def _product(self, C: Array, total: Total, right: tuple[str, ...]) -> Product | None:
        T = np.array([np.ravel(_at(t, self.table.values)) * np.ones(C.shape[1]) for t in total])
        largest = int(np.abs(T).max(axis=1).argmax())
        P = C[largest] / T[largest]
        if np.abs(P * T - C).max() > 10 * self.table.tolerance * np.abs(C).max():
            return None
        return self.table.read(P, right)

    def _each(self, C: Array, source: Total, right: tuple[str, ...]) -> list[User]:
        """Read the coefficients one by one."""
        sums, cost = [], 0.3
        for value, terms in zip(C, source, strict=True):
            factors = (*right, *(terms[0].factors if terms else ()))
            found = self._sum(value, (Product(1.0, factors),) if terms else ())
            if found is None:
                return []
            sums.append(found[0])
            cost += found[1]
        return [User(Product(), (sums[0], sums[1], sums[2], sums[3]), cost)]


def values_of(spec: Spec, guess: Guess, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return gates and states by name: recomputed, or as given."""
    if not spec.given:
        return guess.values(given)
    if spec.gates == "h":
        return dict(given)
    tanh_c, tanh_c_prev = np.tanh(given["c"]), np.tanh(given["c_prev"])
    values = {**given, **dict(zip("ifgo", given["gates"], strict=True)), "tanh_c": tanh_c}
    return values | {"tanh(c)": tanh_c, "tanh(c_prev)": tanh_c_prev, "h": values["o"] * tanh_c}


def drawn(spec: Spec, B: int, D: int, H: int, seed: int) -> dict[str, Any]:
    """Return arguments by name, far from accidental equality."""
    rng = np.random.default_rng(seed)
    n = len(spec.gates) * H

    def away(*shape: int) -> Array:
        return rng.uniform(0.3, 1.2, shape) * rng.choice([-1.0, 1.0], shape)

    given: dict[str, Any] = {
        "dh": 0.2 * away(B, H), "dc": 0.2 * away(B, H), "x": away(B, D), "h_prev": away(B, H),
        "c_prev": away(B, H), "W_ih": away(n, D) / D**0.5, "W_hh": away(n, H) / H**0.5,
        "b": 0.5 * away(n),
    }  # fmt: skip
    values = guesses(spec.gates)[0].values(given)
    if spec == SIGMOID:
        values["h"] = (1 + values["h"]) / 2
    states = {name: values[name] for name in ("c", "h") if name in values}
    return given | states | {"gates": [values[k] for k in spec.gates]}


def called(ask: Callable[..., Any], spec: Spec, given: Mapping[str, Any]) -> dict[str, Array]:
    return dict(zip(spec.outputs, ask(*(given[n] for n in spec.arguments)), strict=True))
