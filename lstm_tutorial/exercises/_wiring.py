"""Which weight meets which number, and in which gate: read from the slopes of the outputs.

Every pre-activation is linear in its weights. The slope of an output along one weight is therefore
what that weight is multiplied by, times the slope along the pre-activation; the second is the same
for all weights of one pre-activation. So the first can be told without knowing what is squashed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from lstm_tutorial.exercises._grammar import neat
from lstm_tutorial.exercises._reading import Array

Six = tuple[Array, ...]  # x, h, c, W_ih, W_hh, b
Call = Callable[..., Sequence[Array]]
ROADS = ("x", "h", "b")  # what the three parts of a pre-activation are made of


class Way(NamedTuple):
    """A way to read blocks of rows (block, row, column); `gate` if it is about one of them."""

    words: str
    used: Callable[[Array], Array]
    gate: int | None = None


def _turned(a: Array) -> Array:
    return a.swapaxes(1, 2) if a.shape[1] == a.shape[2] else a[:0]


def _moved(rows: int) -> Callable[[Array], Array]:
    return lambda a: np.roll(a.reshape(-1, a.shape[2]), rows, axis=0).reshape(a.shape)


def _only(s: int, words: str, used: Callable[[Array], Array]) -> Way:
    """Return a way to read one block."""

    def changed(a: Array) -> Array:
        blocks = used(a)
        return np.array([*a[:s], blocks[s], *a[s + 1 :]]) if len(blocks) else blocks

    return Way(words, changed, s)


AS_IT_IS = Way("", lambda a: a)
OF_ALL = [
    AS_IT_IS,
    Way(
        "as if the gates took turns, every fourth row a gate's",
        lambda a: a.reshape(a.shape[1], len(a), -1).swapaxes(0, 1),
    ),
    Way(
        "reshaped where it should be transposed",
        lambda a: a.reshape(a.shape[2], -1).T.reshape(a.shape),
    ),
    Way("with the rows in reverse order", lambda a: a[::-1, ::-1]),
    Way("with the rows of each block in reverse order", lambda a: a[:, ::-1]),
]
OF_ONE = {"transposed": _turned, "one row too early": _moved(1), "one row too late": _moved(-1)}


def ways(S: int) -> list[Way]:
    """Return the ways to read S blocks of rows, the plainest first."""
    turned = Way("with each block transposed" if S > 1 else "transposed", _turned)
    single = [_only(s, *way) for s in range(S) for way in OF_ONE.items()]
    return [*OF_ALL[: 2 if S > 1 else 1], turned, *OF_ALL[2:], *(single if S > 1 else [])]


def signals(road: str, six: Six, g: Mapping[str, Array]) -> dict[str, Array]:
    """Return what a matrix may be multiplied by, the right one first; g: the right gates, and c."""
    x, h, c = six[:3]
    if road == "b":
        return {"1": np.ones((len(h), 1))}
    D, H = x.shape[1], h.shape[1]
    if road == "x":
        return {
            "x": x,
            "the first columns of [h, x]": np.hstack([h, x])[:, :D],
            "the last columns of [x, h]": np.hstack([x, h])[:, H:],
            "x in reverse order": x[:, ::-1],
            "x moved by one column": np.roll(x, 1, 1),
            "x moved back by one column": np.roll(x, -1, 1),
            "tanh(x)": np.tanh(x),
        }
    return {
        "h_prev": h,
        "c_prev": c,
        "the last columns of [h, x]": np.hstack([h, x])[:, D:],
        "the first columns of [x, h]": np.hstack([x, h])[:, :H],
        "tanh(c_prev)": np.tanh(c),
        "tanh(h_prev)": np.tanh(h),
        "h_prev + c_prev": h + c,
        "h_prev in reverse order": h[:, ::-1],
        **{f"{k} · h_prev": g[k] * h for k in "ifo"},
        **{f"(1 − {k}) · h_prev": (1 - g[k]) * h for k in "ifo"},
        **{f"{k} · c_prev": g[k] * c for k in "ifo"},
        "o · tanh(c_prev)": g["o"] * np.tanh(c),
        "the new c": g["c"],
        "tanh of the new c": np.tanh(g["c"]),
    }


def about(road: str, signal: str) -> tuple[str, ...]:
    """Return which arguments a wrong signal is about."""
    also = re.findall(r"\b([xhc])(?:_prev)?\b", signal)
    return (road, *(k for k in dict.fromkeys(also) if k != road))


@dataclass
class Road:
    """One of the three parts of a pre-activation, as it was read."""

    name: str  # x, h or b
    way: Way
    signals: list[str]  # what each block of rows meets
    slopes: Array  # of the outputs along the part: block, unit, row of the batch, output, unit
    # How often the pre-activation of a gate (row) holds the part of a block (column), and the
    # blocks whose part is in no pre-activation of the other roads.
    gates: Array = field(default_factory=lambda: np.zeros(0))
    apart: list[int] = field(default_factory=list)

    @property
    def sees_c(self) -> bool:
        """Return whether weights meet something made of the old cell state."""
        return any("c" in about(self.name, s) for s in self.signals)

    def parts(self, six: Six, g: Mapping[str, Array]) -> Array:
        """Return what each block adds: block, row of the batch, unit."""
        weights = six[3 + ROADS.index(self.name)]
        met = signals(self.name, six, g)
        blocks = self.way.used(weights.reshape(len(self.signals), six[1].shape[1], -1))
        return np.array([met[s] @ w.T for s, w in zip(self.signals, blocks, strict=True)])


def slopes(call: Call, six: Six, which: int, step: float) -> Array:
    """Return the slopes of the outputs along each entry of an argument: entry, row, unit."""
    found = []
    for k in range(six[which].size):
        sides = []
        for sign in (1, -1):
            moved = list(six)
            moved[which] = six[which].copy()
            moved[which].flat[k] += sign * step
            sides.append(np.stack(call(*moved), axis=1))
        found.append((sides[0] - sides[1]) / (2 * step))
    return np.array(found)


def read_road(
    name: str, J: Array, six: Six, g: Mapping[str, Array], S: int, room: float
) -> Road | None:
    """Find how a matrix is read and what it meets, or return None."""
    H = six[1].shape[1]
    places = np.arange(len(J)).reshape(S, H, -1)
    met = {words: v.T for words, v in signals(name, six, g).items() if v.any()}
    if not np.isfinite(J).all():
        return None
    # A row is to change its own unit alone; only where it does so in no way may it change others.
    for way, own in [*((way, True) for way in ways(S)), (AS_IT_IS, False)]:
        order = way.used(places)
        if not len(order):
            continue
        A = J[order]
        if own:
            unit = np.arange(H)[:, None]
            theirs = np.ones((len(J), H), dtype=bool)
            theirs[order, unit] = False
            if np.abs(J * theirs[:, None, None]).max() > room * max(np.abs(J).max(), 1e-3):
                continue
            A = A * np.eye(H)[:, None, None, None]
        found = [next((w for w, v in met.items() if _meets(b, v, room)), None) for b in A]
        if all(found):
            v = np.array([met[w] for w in found if w])
            slope = np.einsum("sujnok,sjn->sunok", A, v) / (v**2).sum(1)[:, None, :, None, None]
            return Road(name, way, [w for w in found if w], slope)
    return None


def _meets(block: Array, v: Array, room: float) -> bool:
    """Tell whether the columns of a block meet these numbers: their slopes stand as these do."""
    v = v[None, :, :, None, None]
    off = np.abs(block * v[:, :1] - block[:, :1] * v).max()
    return bool(off <= room * max(np.abs(block).max() * np.abs(v).max(), 1e-3))


class Wiring:
    """How the roads make the pre-activations."""

    def __init__(self, roads: Sequence[Road], room: float) -> None:
        self.roads, self.room, self.S = list(roads), room, len(roads[0].signals)
        # What has no slope anywhere may still be a step function.
        self.idle = [s for s in range(self.S) if not any(self.live(r, s) for r in roads)]
        columns = np.array([self._usual(s) for s in range(self.S)])
        for road in self.roads:
            road.gates = np.eye(self.S)
            for s in set(range(self.S)) - {*self.idle}:
                mix = self._mix(columns, road.slopes[s].ravel(), s)
                road.apart += [s] if mix is None else []
                road.gates[:, s] = 0 if mix is None else mix

    def live(self, road: Road, s: int) -> bool:
        """Return whether anything depends on a block."""
        return bool(np.abs(road.slopes[s]).max() > self.room)

    def _usual(self, s: int) -> Array:
        """Return the slopes of a block in which most roads agree."""
        found = [road.slopes[s].ravel() for road in self.roads if self.live(road, s)]
        found = found or [np.zeros(self.roads[0].slopes[s].size)]
        return max(found, key=lambda a: sum(np.abs(a - b).max() <= self._room(a) for b in found))

    def _room(self, y: Array) -> float:
        return 3 * self.room * max(float(np.abs(y).max()), 1e-3)

    def _mix(self, columns: Array, y: Array, s: int) -> Array | None:
        """Return by which numbers the columns add up to y, if they do; one column first."""
        ones = [columns[k] @ y / max(columns[k] @ columns[k], 1e-300) for k in range(self.S)]
        single = [ones[k] * np.eye(self.S)[k] for k in [s, *range(self.S)]]
        for mix in [*single, np.linalg.lstsq(columns.T, y, rcond=1e-6)[0]]:
            if np.abs(y - mix @ columns).max() <= self._room(y):
                return np.array([neat(m, 1e-3) for m in mix])
        return None

    def bases(self, six: Six, g: Mapping[str, Array], letters: str) -> dict[str, Array]:
        """Return the pre-activations by gate, and the parts that stand apart, as `b|g`."""
        found: dict[str, Array] = {}
        parts = {road.name: road.parts(six, g) for road in self.roads}
        for k, letter in enumerate(letters):
            z, used = np.zeros_like(six[1]), []
            apart = [road.name for road in self.roads if k in road.apart]
            for road in self.roads:
                if road.name not in apart:
                    used += [road.name] if self.live(road, k) else []
                    z = z + np.tensordot(road.gates[k], parts[road.name], 1)
            found[f"{'+'.join(used)}|{letter}" if apart and used else letter] = z
            found |= {f"{name}|{letter}": parts[name][k] for name in apart}
        return found
