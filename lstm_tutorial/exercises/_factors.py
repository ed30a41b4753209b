"""Products of gates, states and slopes: read from numbers, written as text, computed again.

A coefficient of a backward pass is a product such as ``g · i (1 - i)``. Given its values at some
units, the right factors and all that a learner may have at hand, `Table.read` finds the fewest
factors that must be dropped, added or exchanged.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from lstm_tutorial.exercises._reading import Array
from lstm_tutorial.rnn import sigmoid

Values = Mapping[str, Array]

BASES = (
    *("i", "f", "g", "o", "c", "c_prev", "h", "h_prev", "tanh(c)", "tanh(c_prev)"),
    *("z_i", "z_f", "z_g", "z_o", "z_h"),
)
FORMS: dict[str, Callable[[Array], Array]] = {
    "{0}": lambda v: v,
    "1 - {0}": lambda v: 1 - v,
    "{0}²": lambda v: v * v,
    "{0} (1 - {0})": lambda v: v * (1 - v),
    "1 - {0}²": lambda v: 1 - v * v,
    "tanh({0})": np.tanh,
    "σ({0})": sigmoid,
    "1 - tanh({0})²": lambda v: 1 - np.tanh(v) ** 2,
    "σ({0}) (1 - σ({0}))": lambda v: sigmoid(v) * (1 - sigmoid(v)),
    "1 + {0}": lambda v: 1 + v,
    "1 + {0}²": lambda v: 1 + v * v,
    "1 / {0}": lambda v: 1 / v,
}
# What is written first is the plainest of the forms that have one value.
ATOMS = {
    form.format(base): (base, function)
    for form, function in reversed(FORMS.items())
    for base in reversed(BASES)
}
_LENGTH = 400  # letters of a factor that count as much as one exchange


class Product(NamedTuple):
    """A constant times factors, each a key of `ATOMS`; `cost` counts what was exchanged."""

    constant: float = 1.0
    factors: tuple[str, ...] = ()
    cost: float = 0.0

    def at(self, values: Values) -> Array:
        """Return the product's value."""
        result = np.array(self.constant)
        for name in self.factors:
            base, function = ATOMS[name]
            result = result * function(values[base])
        return result

    def text(self, *before: str) -> str:
        """Return the product in words, after other factors."""
        parts = [*before, *(f"({a})" if _is_sum(a) else a for a in self.factors)]
        size = abs(self.constant)
        if abs(size - 1) > 1e-9 or not parts:
            parts.insert(0, f"{size:.3g}")
        return "-" * (self.constant < 0) + " · ".join(parts)


def _is_sum(factor: str) -> bool:
    return factor.startswith("1 ") and not factor.startswith("1 /")


class Table:
    """All factors at the units of one probe, and the relative error that their values may have."""

    def __init__(self, values: Values, tolerance: float) -> None:
        self.values, self.tolerance = values, tolerance
        self.names = [name for name, (base, _) in ATOMS.items() if base in values][::-1]
        with np.errstate(all="ignore"):
            self.factors = {n: ATOMS[n][1](values[ATOMS[n][0]]).ravel() for n in self.names}
            self._logs = {n: np.log(np.abs(a)) for n, a in self.factors.items()}
        self._edits = cache(self._edits_of)

    def read(self, value: Array, right: tuple[str, ...] = ()) -> Product | None:
        """Return the product nearest to the right one that has this value, or None."""
        size = np.abs(value)
        if size.max() <= self.tolerance * 1e-3:
            return Product(0.0, (), 1.0)
        if not np.isfinite(size).all() or size.min() <= self.tolerance * size.max():
            return None
        target = np.log(size) - sum((self._logs[n] for n in right), np.zeros(len(value)))
        found = [p for edits in self._search(right, target) if (p := self._apply(value, edits))]
        return min(found, key=lambda p: p.cost, default=None)

    def _edits_of(self, right: tuple[str, ...]) -> tuple[list[tuple[int, str]], Array]:
        """Return each exchange, (place of a right factor or -1, new factor), and its effect."""
        edits, logs = [], []
        for place in range(-1, len(right)):
            old = self._logs[right[place]] if place >= 0 else 0.0
            for name in (*([""] if place >= 0 else []), *self.names):
                edits.append((place, name))
                logs.append((self._logs[name] if name else 0.0) - old)
        effect = np.array(logs)
        return edits, effect - effect[:, :1]

    def _search(self, right: tuple[str, ...], target: Array) -> list[tuple[float, list[str]]]:
        """Return the costs and factors of all sets of at most two exchanges, the fewest only.

        A constant factor is free here, as only the differences from the first unit are compared.
        """
        target, room = target - target[0], 4 * self.tolerance
        if np.abs(target).max() <= room:
            return [(0.0, list(right))]
        edits, effect = self._edits(right)
        with np.errstate(invalid="ignore"):
            ones = np.flatnonzero(np.abs(effect - target).max(axis=1) <= room)
        found = [_exchanged(right, [edits[k]]) for k in ones]
        if found:
            return found
        order = np.argsort(effect[:, 1])
        keys, rest = effect[order, 1], target[1] - effect[:, 1]
        first, last = np.searchsorted(keys, rest - room), np.searchsorted(keys, rest + room)
        a = np.repeat(np.arange(len(edits)), last - first)
        starts = np.repeat(first - np.cumsum(last - first) + (last - first), last - first)
        b = order[np.arange(len(a)) + starts] if len(a) else a
        with np.errstate(invalid="ignore"):
            fits = np.abs(effect[a] + effect[b] - target).max(axis=1) <= room
        return [
            _exchanged(right, [edits[j], edits[k]])
            for j, k in zip(a[fits], b[fits], strict=True)
            if j <= k and (edits[j][0] != edits[k][0] or edits[j][0] < 0)
        ]

    def _apply(self, value: Array, found: tuple[float, list[str]]) -> Product | None:
        cost, names = found
        ratio = value / np.prod([self.factors[n] for n in names], axis=0) if names else value
        constant = float(ratio[0])
        if np.abs(ratio - constant).max() > 40 * self.tolerance * abs(constant):
            return None
        near = [k for k in (1, 2, 0.5, 3, 4, 0.25) if abs(abs(constant) / k - 1) < 1e-3]
        if near and self.tolerance > 1e-5 or near and abs(abs(constant) / near[0] - 1) < 1e-7:
            constant = float(np.copysign(near[0], constant))
        return Product(constant, tuple(names), cost + (constant != 1) * (1.0 if near else 1.5))


def _exchanged(right: Sequence[str], edits: Sequence[tuple[int, str]]) -> tuple[float, list[str]]:
    """Return the cost and the factors after the exchanges."""
    names, cost = list(right), 0.0
    for place, name in edits:
        if place < 0:
            names.append(name)
            cost += 1.1
        else:
            # A slip stays near: of one gate's forms, another form of the same is plainer.
            kin = bool(name) and ATOMS[name][0] == ATOMS[right[place]][0]
            names[place] = name
            cost += 1.0 - 0.02 * kin
        cost += len(name) / _LENGTH + 0.3 * name.startswith("1 /")
    return cost, [name for name in names if name]
