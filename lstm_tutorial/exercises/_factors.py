"""Products of gates, states and slopes, read from their values at some units.

Given the right factors and all that a learner may have at hand, `Table.read` finds the fewest
factors that must be dropped, added or exchanged, and writes the product as a formula.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from lstm_tutorial.exercises._reading import Array
from lstm_tutorial.rnn import sigmoid

Factors = tuple[str, ...]
Exchange = tuple[int, str]  # place of a right factor, or -1, and the new factor, or ""
FUNCTIONS = {
    **{"σ": sigmoid, "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0), "clip": np.clip},
    **{"hstack": np.hstack, "vstack": np.vstack, "outer": np.outer},
}
_BASES = "i, f, g, o, c, c_prev, h, h_prev, tanh_c, z_i, z_f, z_g, z_o, z"
_FORMS = """
{0}, (1 - {0}), {0}**2, {0} * (1 - {0}), (1 - {0}**2), tanh({0}), σ({0}), (1 - tanh({0})**2),
σ({0}) * (1 - σ({0})), (1 + {0}), (1 + {0}**2)
"""


class Read(NamedTuple):
    """A product as a formula, and how far it is from the right one."""

    text: str
    cost: float


def factors(text: str) -> Factors:
    """Return the factors of a product; the slope of a sigmoid, i * (1 - i), is one."""
    return tuple(re.split(r" \* (?!\(1 - \w\)(?: |$))", text))


def times(*texts: str) -> str:
    """Return the formula of a product; signs come first, ones are left out."""
    minus = sum(text.startswith("-") for text in texts) % 2
    parts = [part for text in texts if (part := text.removeprefix("-")) != "1"]
    return "-" * minus + (" * ".join(parts) or "1")


class Table:
    """All factors at the units of one probe, and the relative error that their values may have."""

    def __init__(self, values: Mapping[str, Array], tolerance: float) -> None:
        self.tolerance, self.given = tolerance, values
        bases = [name for name in _BASES.split(", ") if name in values]
        forms = _FORMS.replace("\n", " ").strip().split(", ")
        names = [form.format(base) for form in forms for base in bases]
        self._values = {"": np.ones(1), **{name: self.value(name) for name in names}}
        self._logs = {name: np.log(np.abs(a)) for name, a in self._values.items()}

    def value(self, text: str) -> Array:
        """Return the value of a formula; nothing is zero."""
        return np.ravel(eval(text or "0", dict(FUNCTIONS), dict(self.given)))

    def read(self, value: Array, right: Factors) -> Read | None:
        """Return the product nearest to the right one that has this value, or None."""
        size = np.abs(value)
        if not np.isfinite(size).all() or size.min() <= self.tolerance * size.max():
            return None
        right = tuple(name for name in right if name in self._values)
        found = [self._written(value, right, edits) for edits in self._search(np.log(size), right)]
        return min(filter(None, found), key=lambda read: read.cost, default=None)

    def _search(self, target: Array, right: Factors) -> Iterator[list[Exchange]]:
        """Yield the fewest exchanges, at most two, that give the logarithms up to a constant."""
        edits = [(k, name) for k in range(-1, len(right)) for name in self._logs][1:]
        old = {-1: 0.0, **{k: self._logs[name] for k, name in enumerate(right)}}
        effect = [self._logs[new] - old[k] + 0 * target for k, new in edits]
        steps, target = np.diff(effect, axis=1), np.diff(target - sum(old.values()))
        room = 8 * self.tolerance
        if np.abs(target).max() <= room:
            yield []
            return
        ones = np.flatnonzero(np.abs(steps - target).max(axis=1) <= room)
        yield from ([edits[k]] for k in ones)
        if not len(ones):
            near = np.abs(steps[:, :1] + steps[:, 0] - target[0]) <= room
            for a, b in np.argwhere(np.triu(near)):
                apart = edits[a][0] != edits[b][0] or edits[a][0] < 0
                if apart and np.abs(steps[a] + steps[b] - target).max() <= room:
                    yield [edits[a], edits[b]]

    def _written(self, value: Array, right: Factors, edits: list[Exchange]) -> Read | None:
        """Return the formula with its constant, if there is one."""
        new = dict(edits)
        names = [new.get(k, name) for k, name in enumerate(right)]
        names = [name for name in (*names, *(name for k, name in edits if k < 0)) if name]
        ratio = value / np.prod([1 + 0 * value, *(self._values[name] for name in names)], axis=0)
        constant, room = float(ratio[0]), 40 * self.tolerance
        if np.abs(ratio - constant).max() > room * abs(constant):
            return None
        sizes = [k for k in (1, 2, 0.5, 3, 4, 0.25) if abs(abs(constant) / k - 1) < room]
        size = (*sizes, abs(constant))[0]
        cost = sum(1 + 0.1 * (k < 0) + len(name) / 400 for k, name in edits)
        cost += (size != 1 or constant < 0) * (1.0 if sizes else 1.5)
        return Read(times(*["-1"] * (constant < 0), f"{size:.12g}", *names), cost)
