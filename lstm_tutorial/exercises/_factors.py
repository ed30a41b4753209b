"""Products of gates, states and slopes, read from their values at some units.

Given the right factors and all that a learner may have at hand, `Table.read` finds the fewest
factors that must be dropped, added or exchanged, and writes the product as a formula.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np

from lstm_tutorial.exercises._reading import Array
from lstm_tutorial.rnn import sigmoid

Factors = tuple[str, ...]
BASES = (*"ifgo", "c", "c_prev", "h", "h_prev", "tanh_c", "z_i", "z_f", "z_g", "z_o", "z")
FORMS = (
    *("{0}", "(1 - {0})", "{0}**2", "{0} * (1 - {0})", "(1 - {0}**2)", "tanh({0})", "σ({0})"),
    *("(1 - tanh({0})**2)", "σ({0}) * (1 - σ({0}))", "(1 + {0})", "(1 + {0}**2)", "1 / {0}"),
)
_FUNCTIONS = {"tanh": np.tanh, "σ": sigmoid}


class Read(NamedTuple):
    """A product as a formula, and how far it is from the right one; no formula if it is zero."""

    text: str
    cost: float


def times(*texts: str) -> str:
    """Return the formula of a product; signs come first, ones are left out."""
    minus = sum(text.startswith("-") for text in texts) % 2
    parts = [part for text in texts if (part := text.removeprefix("-")) != "1"]
    return "-" * minus + (" * ".join(parts) or "1")


class Table:
    """All factors at the units of one probe, and the relative error that their values may have."""

    def __init__(self, values: Mapping[str, Array], tolerance: float) -> None:
        self.tolerance = tolerance
        flat = {name: np.ravel(values[name]) for name in BASES if name in values}
        self._base = {form.format(base): base for form in FORMS for base in flat}
        self.values = {name: eval(name, dict(_FUNCTIONS), flat) for name in self._base}
        self._logs = {name: np.log(np.abs(a)) for name, a in self.values.items()}
        self._edits = cache(self._edits_of)

    def of(self, factors: Factors) -> Array:
        """Return the value of a product."""
        return np.prod([self.values[name] for name in factors], axis=0)

    def zero(self, value: Array) -> bool:
        """Return whether nothing but rounding is left."""
        return bool(np.abs(value).max() <= self.tolerance * 1e-2)

    def read(self, value: Array, right: Factors = ()) -> Read | None:
        """Return the product nearest to the right one that has this value, or None."""
        size = np.abs(value)
        if self.zero(value):
            return Read("", 1.0)
        if not np.isfinite(size).all() or size.min() <= self.tolerance * size.max():
            return None
        target = np.log(size) - sum((self._logs[name] for name in right), np.zeros(len(value)))
        found = (self._written(value, *edits) for edits in self._search(right, target))
        return min((read for read in found if read), key=lambda read: read.cost, default=None)

    def _edits_of(self, right: Factors) -> tuple[list[tuple[int, str]], Array]:
        """Return each exchange, (place of a right factor or -1, new factor), and its effect."""
        edits = [(k, name) for k in range(-1, len(right)) for name in ("", *self.values)][1:]
        logs = {"": 0.0, **self._logs}
        effect = np.array([logs[new] - (self._logs[right[k]] if k >= 0 else 0) for k, new in edits])
        return edits, effect - effect[:, :1]

    def _search(self, right: Factors, target: Array) -> list[tuple[float, list[str]]]:
        """Return the costs and factors of the fewest exchanges, at most two.

        A constant factor is free here, as only the differences from the first unit are compared.
        """
        target, room = target - target[0], 4 * self.tolerance
        if np.abs(target).max() <= room:
            return [(0.0, list(right))]
        edits, effect = self._edits(right)
        ones = np.flatnonzero(np.abs(effect - target).max(axis=1) <= room)
        if len(ones):
            return [self._exchanged(right, [edits[k]]) for k in ones]
        order = np.argsort(effect[:, 1])
        keys, rest = effect[order, 1], target[1] - effect[:, 1]
        first, last = np.searchsorted(keys, rest - room), np.searchsorted(keys, rest + room)
        near = [(j, k) for j in np.flatnonzero(last > first) for k in order[first[j] : last[j]]]
        a, b = np.array(near, int).reshape(-1, 2).T
        fits = np.abs(effect[a] + effect[b] - target).max(axis=1) <= room
        pairs = [(edits[j], edits[k]) for j, k in zip(a[fits], b[fits], strict=True) if j <= k]
        return [self._exchanged(right, p) for p in pairs if p[0][0] != p[1][0] or p[0][0] < 0]

    def _exchanged(self, right: Factors, edits: object) -> tuple[float, list[str]]:
        """Return the cost and the factors after the exchanges."""
        names, cost = list(right), 0.0
        for place, new in edits:  # type: ignore[attr-defined]
            if place < 0:
                names.append(new)
                cost += 1.1
            else:  # slips stay near: another form of the same is plainer
                cost += 1.0 - 0.02 * (bool(new) and self._base[new] == self._base[right[place]])
                names[place] = new
            cost += len(new) / 400 + 0.8 * new.startswith("1 /")
        return cost, [name for name in names if name]

    def _written(self, value: Array, cost: float, names: list[str]) -> Read | None:
        """Return the formula with its constant, if there is one."""
        ratio = value / self.of(tuple(names)) if names else value
        constant = float(ratio[0])
        if np.abs(ratio - constant).max() > 40 * self.tolerance * abs(constant):
            return None
        near = [
            k for k in (1, 2, 0.5, 3, 4, 0.25) if abs(abs(constant) / k - 1) < 10 * self.tolerance
        ]
        size = near[0] if near else abs(constant)
        text = times(*["-1"] * (constant < 0), f"{size:.12g}", *names)
        return Read(text, cost + (size != 1 or constant < 0) * (1.0 if near else 1.5))
