"""Which weight meets which number, and in which gate: read from the slopes of the outputs.

Every pre-activation is linear in its weights. The slope of an output along one weight is therefore
what that weight is multiplied by, times the slope along the pre-activation; the second is the same
for all weights of one pre-activation. So the first can be told without knowing what is squashed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from lstm_tutorial.exercises._grammar import sigmoid
from lstm_tutorial.exercises._reading import Array

Six = tuple[Array, ...]  # x, h, c, W_ih, W_hh, b
Call = Callable[..., Sequence[Array]]
ROADS = ("x", "h", "b")  # what the three parts of a pre-activation are made of


Change = Callable[[Array], Array]


class Way(NamedTuple):
    """A way to read a matrix of S blocks of rows; `gate` if it is about one of them."""

    words: str
    used: Callable[[Array], Array]
    gate: int | None = None


AS_IT_IS = Way("", lambda W: W)


def ways(S: int) -> list[Way]:
    """Return the ways to read a matrix of S blocks, the plainest first."""

    def each(change: Callable[[Array, Array], Array], only: int | None = None) -> Change:
        def used(W: Array) -> Array:
            out = W.reshape(S, -1, W.shape[1]).copy()
            for s in range(S) if only is None else [only]:
                out[s] = change(out[s], W[s * out.shape[1] :])
            return out.reshape(W.shape)

        return used

    def turned(block: Array, below: Array) -> Array:
        return block.T if block.shape[0] == block.shape[1] else np.full_like(block, np.nan)

    def moved(s: int, rows: int) -> Change:
        def used(W: Array) -> Array:
            out = W.reshape(S, -1, W.shape[1]).copy()
            out[s] = np.roll(W, rows, axis=0).reshape(out.shape)[s]
            return out.reshape(W.shape)

        return used

    found = [AS_IT_IS]
    if S > 1:
        interleaved = "as if the gates took turns, every fourth row a gate's"
        found.append(
            Way(interleaved, lambda W: W.reshape(-1, S, W.shape[1]).swapaxes(0, 1).reshape(W.shape))
        )
    found += [
        Way("with each block transposed" if S > 1 else "transposed", each(turned)),
        Way("reshaped where it should be transposed", lambda W: W.reshape(W.shape[1], -1).T),
        Way("with the rows in reverse order", lambda W: W[::-1]),
        Way("with the rows of each block in reverse order", each(lambda a, _: a[::-1])),
    ]
    for s in range(S) if S > 1 else ():
        found += [
            Way("transposed", each(turned, s), s),
            Way("one row too early", moved(s, 1), s),
            Way("one row too late", moved(s, -1), s),
        ]
    return found


SHARED = [  # of the bias alone
    Way("as its first entry for every unit", lambda b: np.full_like(b, b.flat[0])),
    Way("as its mean for every unit", lambda b: np.full_like(b, b.mean())),
    Way("as its sum for every unit", lambda b: np.full_like(b, b.sum())),
]


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
            "the first columns of [c, x]": np.hstack([c, x])[:, :D],
            "x in reverse order": x[:, ::-1],
            "x moved by one column": np.roll(x, 1, 1),
            "x moved back by one column": np.roll(x, -1, 1),
            "tanh(x)": np.tanh(x),
            "σ(x)": sigmoid(x),
            "x²": x**2,
            "the sum of x in every column": x.sum(1, keepdims=True) + 0 * x,
            "x minus its mean over the columns": x - x.mean(1, keepdims=True),
        }
    return {
        "h_prev": h,
        "c_prev": c,
        "the last columns of [h, x]": np.hstack([h, x])[:, D:],
        "the first columns of [x, h]": np.hstack([x, h])[:, :H],
        "tanh(c_prev)": np.tanh(c),
        "tanh(h_prev)": np.tanh(h),
        "σ(h_prev)": sigmoid(h),
        "h_prev + c_prev": h + c,
        "h_prev · c_prev": h * c,
        "h_prev in reverse order": h[:, ::-1],
        "h_prev moved by one unit": np.roll(h, 1, 1),
        "h_prev moved back by one unit": np.roll(h, -1, 1),
        **{f"{k} · h_prev": g[k] * h for k in "ifo"},
        **{f"(1 − {k}) · h_prev": (1 - g[k]) * h for k in "ifo"},
        **{f"{k} · c_prev": g[k] * c for k in "ifo"},
        "o · tanh(c_prev)": g["o"] * np.tanh(c),
        "the new c": g["c"],
        "tanh of the new c": np.tanh(g["c"]),
    }


def about(road: str, signal: str) -> tuple[str, ...]:
    """Return which arguments a wrong signal is about."""
    words = signal.replace("[", " ").replace("]", " ").replace(",", " ")
    also = {"h": "h" in words.split() or "h_prev" in words, "x": "x" in words.split(),
            "c": " c " in f" {words} " or "c_prev" in words}  # fmt: skip
    return (road, *(k for k in ("x", "h", "c") if also[k] and k != road))


@dataclass
class Road:
    """One of the three parts of a pre-activation, as it was read.

    Attributes
    ----------
    name : str
        x, h or b.
    way : Way
    signals : list of str
        What each block of rows meets.
    slopes : array
        Of the outputs along the pre-activation: block, unit, row of the batch, output, unit.
    gates : array
        How often the pre-activation of a gate (row) holds the part of a block (column).
    apart : list of int
        The blocks whose part is in no pre-activation of the other roads.
    """

    name: str
    way: Way
    signals: list[str]
    slopes: Array
    gates: Array = field(default_factory=lambda: np.zeros(0))
    apart: list[int] = field(default_factory=list)

    def parts(self, six: Six, g: Mapping[str, Array]) -> Array:
        """Return what each block adds: block, row of the batch, unit."""
        S, weights = len(self.signals), six[3 + ROADS.index(self.name)]
        met = signals(self.name, six, g)
        blocks = self.way.used(weights.reshape(S * six[1].shape[1], -1)).reshape(
            S, six[1].shape[1], -1
        )
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
    places = np.arange(len(J)).reshape(S * H, -1).astype(float)
    met = {words: v.T for words, v in signals(name, six, g).items() if v.any()}
    if not np.isfinite(J).all():
        return None
    for own, way in product((True, False), ways(S)):
        order = way.used(places)
        if np.isnan(order).any():
            continue
        A = J[order.astype(int)].reshape(S, H, -1, *J.shape[1:])
        if own and (A := _own(A, order.astype(int), J, room)) is None:
            continue
        found = [next((w for w, v in met.items() if _meets(b, v, room)), None) for b in A]
        if all(found):
            v = np.array([met[w] for w in found if w])
            total = np.einsum("sujnok,sjn->sunok", A, v)
            slope = total / (v**2).sum(axis=1)[:, None, :, None, None]
            return Road(name, way, [w for w in found if w], slope)
    return None


def _own(A: Array, order: Array, J: Array, room: float) -> Array | None:
    """Keep what each row does to its own unit; None, if that is not all there is.

    An entry may serve two units, where slices overlap.
    """
    eye = np.eye(A.shape[1])[None, :, None]
    A = A * eye[:, :, :, None, None]
    told, served = np.zeros_like(J), np.zeros((len(J), len(eye[0])))
    np.add.at(told, order.ravel(), A.reshape(-1, *J.shape[1:]))
    np.add.at(
        served,
        order.ravel(),
        np.broadcast_to(eye, (*A.shape[:3], A.shape[1])).reshape(-1, A.shape[1]),
    )
    off = np.abs(told / np.maximum(served, 1)[:, None, None] - J).max()
    return A if off <= room * max(np.abs(J).max(), 1e-3) else None


def _meets(block: Array, v: Array, room: float) -> bool:
    """Tell whether the columns of a block meet these numbers: their slopes stand as these do."""
    v = v[None, :, :, None, None]
    off = np.abs(block * v[:, :1] - block[:, :1] * v).max()
    return bool(off <= room * max(np.abs(block).max() * np.abs(v).max(), 1e-3))


def read_shared(J: Array, other: Road, room: float) -> Way | None:
    """Tell whether one number made of the bias serves every unit."""
    slope = other.slopes.reshape(-1, *J.shape[1:])
    for way in SHARED:
        matrix = np.array([way.used(row) for row in np.eye(len(J))])
        off = np.abs(np.einsum("rp,p...->r...", matrix, slope) - J).max()
        if off <= 3 * room * np.abs(J).max():
            return way
    return None


class Wiring:
    """How the roads make the pre-activations; `product` names two parts that are multiplied."""

    def __init__(
        self, roads: Sequence[Road], six: Six, g: Mapping[str, Array], room: float
    ) -> None:
        self.roads, self.room, self.S = list(roads), room, len(roads[0].signals)
        self.product: tuple[str, ...] = ()
        tries = [self._aligned(reference) for reference in roads]
        best = min(range(len(tries)), key=lambda k: (tries[k][0], k))
        for road, (gates, apart) in zip(self.roads, tries[best][1], strict=True):
            road.gates, road.apart = gates, apart
            for s in self.idle():  # what has no slope anywhere may still be a step function
                gates[s] = gates[:, s] = np.eye(self.S)[s]
        if all(set(r.apart) in (set(), set(range(self.S))) for r in roads):
            self._find_product(six, g)

    @property
    def torn(self) -> int:
        """Return how many parts stand apart."""
        return 0 if self.product else sum(len(road.apart) for road in self.roads)

    def _aligned(self, reference: Road) -> tuple[float, list[tuple[Array, list[int]]]]:
        """Express the slopes of all roads by those of one; count what is out of order."""
        columns = np.array([s.ravel() for s in reference.slopes])
        found, cost = [], 0.0
        for road in self.roads:
            gates, apart = np.eye(self.S), []
            for s, slope in enumerate(road.slopes):
                if road is reference:
                    cost += 2.5 * (np.abs(slope).max() <= self.room)
                elif (mix := self._mix(columns, slope.ravel(), s)) is None:
                    apart.append(s)
                    cost += 3
                else:
                    cost += np.sum(np.abs(mix - gates[:, s]) > self.room)
                    gates[:, s] = mix
            found.append((gates, apart))
        return cost, found

    def _mix(self, columns: Array, y: Array, s: int) -> Array | None:
        """Return by which numbers the columns add up to y, if they do; one column first."""
        room = 3 * self.room * max(np.abs(y).max(), 1e-3 * np.abs(columns).max())
        if np.abs(y).max() <= self.room:
            return np.zeros(self.S)
        for k in [s, *range(self.S)]:
            number = columns[k] @ y / max(columns[k] @ columns[k], 1e-300)
            if np.abs(y - number * columns[k]).max() <= room:
                return _neat(number) * np.eye(self.S)[k]
        mix = np.linalg.lstsq(columns.T, y, rcond=1e-6)[0]
        fits = np.abs(y - mix @ columns).max() <= room
        return np.array([_neat(m) for m in mix]) if fits else None

    def _find_product(self, six: Six, g: Mapping[str, Array]) -> None:
        """Tell whether two parts are multiplied: the slope along each is then the other."""
        groups = {r.name: [r] for r in self.roads if r.apart}
        if groups:
            groups[""] = [r for r in self.roads if not r.apart]
        weighted = {}
        for name, group in groups.items():
            part = np.sum([r.parts(six, g) for r in group], axis=0)
            weighted[name] = group[0].slopes * part.swapaxes(1, 2)[:, :, :, None, None]
        for one, other in combinations(groups, 2):
            off = np.abs(weighted[one] - weighted[other]).max()
            if off <= 10 * self.room * np.abs(weighted[one]).max():
                self.product = (one, other)

    def bases(self, six: Six, g: Mapping[str, Array], letters: str) -> dict[str, Array]:
        """Return the pre-activations by gate, and the parts that stand apart, as `b|g`."""
        found: dict[str, Array] = {}
        parts = {road.name: road.parts(six, g) for road in self.roads}
        for k, letter in enumerate(letters):
            apart = {r.name: parts[r.name][k] for r in self.roads if k in r.apart}
            rest = [r for r in self.roads if k not in r.apart]
            z = np.zeros_like(six[1])
            for road in rest:
                mixed = [s for s in np.flatnonzero(road.gates[k]) if s not in road.apart]
                z = z + sum(road.gates[k, s] * parts[road.name][s] for s in mixed)
            if self.product:
                groups = {**apart, "": z}
                one, other = (groups.pop(name) for name in self.product)
                found[letter] = one * other + sum(groups.values())
                continue
            used = [r.name for r in rest if np.abs(r.slopes[k]).max() > self.room]
            found[f"{'+'.join(used)}|{letter}" if apart and used else letter] = z
            found |= {f"{name}|{letter}": part for name, part in apart.items()}
        return found

    def idle(self) -> Iterator[int]:
        """Yield the gates whose pre-activation nothing depends on."""
        for s in range(self.S):
            if all(np.abs(r.slopes[s]).max() <= self.room for r in self.roads):
                yield s


def _neat(number: float) -> float:
    """Round a number that was measured, if it is close to one of few digits."""
    near = round(number * 24) / 24
    return near if abs(number - near) < 1e-3 else number
