"""Which weight meets which number, and in which gate: read from the slopes of the outputs.

Every pre-activation is linear in its weights. The slope of an output along one weight is therefore
what that weight is multiplied by, times the slope along the pre-activation; the second is the same
for all weights of one pre-activation. So the first can be told without knowing what is squashed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

import numpy as np

from lstm_tutorial.exercises._grammar import sigmoid
from lstm_tutorial.exercises._reading import Array

Six = tuple[Array, Array, Array, Array, Array, Array]  # x, h, c, W_ih, W_hh, b
ROADS = ("x", "h", "b")


class Rearranged(NamedTuple):
    """A way to read a matrix of S blocks of rows: words, and the matrix as it is used."""

    words: str
    used: Callable[[Array, int], Array]
    blocks: tuple[int, ...] = ()  # the blocks concerned; none: all


def _interleaved(W: Array, S: int) -> Array:
    return W.reshape(-1, S, W.shape[1]).swapaxes(0, 1).reshape(W.shape)


def _reshaped(W: Array, S: int) -> Array:
    return W.reshape(W.shape[1], -1).T


def _blocks(change: Callable[[Array], Array], only: int | None = None) -> Callable[..., Array]:
    """Return a change of each block of rows, or of one."""

    def used(W: Array, S: int) -> Array:
        out = W.reshape(S, -1, W.shape[1]).copy()
        for s in range(S) if only is None else [only]:
            out[s] = change(out[s])
        return out.reshape(W.shape)

    return used


def _transposed(block: Array) -> Array:
    return block.T if block.shape[0] == block.shape[1] else np.full_like(block, np.nan)


def _moved(s: int, rows: int) -> Callable[..., Array]:
    def used(W: Array, S: int) -> Array:
        out = W.reshape(S, -1, W.shape[1]).copy()
        out[s] = np.roll(W, -rows, axis=0).reshape(out.shape)[s]
        return out.reshape(W.shape)

    return used


AS_IT_IS = Rearranged("as it is", lambda W, S: W)


def rearranged(S: int) -> list[Rearranged]:
    """Return the ways to read a matrix of S blocks, the plainest first."""
    ways = [
        AS_IT_IS,
        Rearranged("with the gates' rows interleaved, every fourth row a gate's", _interleaved),
        Rearranged("brought to its transposed shape by reshape", _reshaped),
        Rearranged("with each block transposed", _blocks(_transposed)),
        Rearranged("with its rows in reverse order", lambda W, S: W[::-1]),
        Rearranged("with the rows of each block in reverse order", _blocks(lambda a: a[::-1])),
    ]
    if S == 1:
        return [w for k, w in enumerate(ways) if k not in (1, 5)]
    for s in range(S):
        ways.append(Rearranged("transposed", _blocks(_transposed, s), (s,)))
        ways.append(Rearranged("reversed", _blocks(lambda a: a[::-1], s), (s,)))
        ways += [Rearranged(f"{k:+d}", _moved(s, k), (s,)) for k in (-1, 1)]
    return ways


# Of the bias alone; `used` is linear in it.
SHARED = [
    Rearranged("its first entry for every unit", lambda b, S: np.full_like(b, b.flat[0])),
    Rearranged("its mean for every unit", lambda b, S: np.full_like(b, b.mean())),
    Rearranged("its sum for every unit", lambda b, S: np.full_like(b, b.sum())),
]


class Signal(NamedTuple):
    """What a matrix is multiplied by: words, and the numbers from x, h, c and the gates."""

    words: str
    of: Callable[[Array, Array, Array, Mapping[str, Array]], Array]
    where: tuple[str, ...] = ()


def _first(a: Array, b: Array, last: bool, like: Array) -> Array:
    """Return the first or the last columns of [a, b], as many as another array has."""
    n, both = like.shape[1], np.hstack([a, b])
    return both[:, -n:] if last else both[:, :n]


SIGNALS: dict[str, list[Signal]] = {
    "x": [
        Signal("x", lambda x, h, c, g: x),
        Signal("the first columns of [h, x]", lambda x, h, c, g: _first(h, x, False, x), ("x", "h")),
        Signal("the last columns of [x, h]", lambda x, h, c, g: _first(x, h, True, x), ("x", "h")),
        Signal("the first columns of [c, x]", lambda x, h, c, g: _first(c, x, False, x), ("x", "c")),
        Signal("x in reverse order", lambda x, h, c, g: x[:, ::-1], ("x",)),
        Signal("x moved by one column", lambda x, h, c, g: np.roll(x, 1, 1), ("x",)),
        Signal("x moved back by one column", lambda x, h, c, g: np.roll(x, -1, 1), ("x",)),
        Signal("tanh(x)", lambda x, h, c, g: np.tanh(x), ("x",)),
        Signal("σ(x)", lambda x, h, c, g: sigmoid(x), ("x",)),
        Signal("x²", lambda x, h, c, g: x**2, ("x",)),
        Signal("the first column of x for every column", lambda x, h, c, g: x[:, [0] * x.shape[1]], ("x",)),
        Signal("the sum of x for every column", lambda x, h, c, g: x.sum(1, keepdims=True) + 0 * x, ("x",)),
    ],
    "h": [
        Signal("h_prev", lambda x, h, c, g: h),
        Signal("c_prev", lambda x, h, c, g: c, ("h", "c")),
        Signal("the last columns of [h, x]", lambda x, h, c, g: _first(h, x, True, h), ("x", "h")),
        Signal("the first columns of [x, h]", lambda x, h, c, g: _first(x, h, False, h), ("x", "h")),
        Signal("tanh(c_prev)", lambda x, h, c, g: np.tanh(c), ("h", "c")),
        Signal("tanh(h_prev)", lambda x, h, c, g: np.tanh(h), ("h",)),
        Signal("σ(h_prev)", lambda x, h, c, g: sigmoid(h), ("h",)),
        Signal("h_prev + c_prev", lambda x, h, c, g: h + c, ("h", "c")),
        Signal("h_prev · c_prev", lambda x, h, c, g: h * c, ("h", "c")),
        Signal("h_prev in reverse order", lambda x, h, c, g: h[:, ::-1], ("h",)),
        Signal("h_prev moved by one unit", lambda x, h, c, g: np.roll(h, 1, 1), ("h",)),
        Signal("h_prev moved back by one unit", lambda x, h, c, g: np.roll(h, -1, 1), ("h",)),
        *[
            Signal(f"{letter} · h_prev", lambda x, h, c, g, k=letter: g[k] * h, ("h",))
            for letter in "ifo"
        ],
        *[
            Signal(f"(1 − {letter}) · h_prev", lambda x, h, c, g, k=letter: (1 - g[k]) * h, ("h",))
            for letter in "ifo"
        ],
        *[
            Signal(f"{letter} · c_prev", lambda x, h, c, g, k=letter: g[k] * c, ("h", "c"))
            for letter in "ifo"
        ],
        Signal("o · tanh(c_prev)", lambda x, h, c, g: g["o"] * np.tanh(c), ("h", "c")),
        Signal("the new c", lambda x, h, c, g: g["c"], ("h", "c")),
        Signal("tanh of the new c", lambda x, h, c, g: np.tanh(g["c"]), ("h", "c")),
        Signal("f · c_prev + i · h_prev", lambda x, h, c, g: g["f"] * c + g["i"] * h, ("h", "c")),
        Signal("c_prev moved by one unit", lambda x, h, c, g: np.roll(c, 1, 1), ("h", "c")),
    ],
    "b": [Signal("1", lambda x, h, c, g: np.ones((len(h), 1)))],
}  # fmt: skip


@dataclass
class Road:
    """One of the three parts of a pre-activation, as it was read.

    Attributes
    ----------
    name : str
        x, h or b.
    way : Rearranged
        How its matrix is read.
    signals : list of Signal
        What each block of its rows meets.
    slopes : array
        The slopes along the pre-activation, by block, unit and measured numbers.
    gates : array
        How often the pre-activation of a gate (row) holds the part of a block (column).
    apart : list of int
        The blocks whose part is in no pre-activation of the other roads.
    """

    name: str
    way: Rearranged
    signals: list[Signal]
    slopes: Array
    gates: Array = field(default_factory=lambda: np.zeros(0))
    apart: list[int] = field(default_factory=list)

    def parts(self, six: Six, gates: Mapping[str, Array], S: int) -> list[Array]:
        """Return what each block adds, (B, H) each."""
        x, h, c, *weights = six
        matrix = weights[ROADS.index(self.name)].reshape(S * h.shape[1], -1)
        blocks = np.split(self.way.used(matrix, S), S)
        return [
            signal.of(x, h, c, gates) @ block.T
            for signal, block in zip(self.signals, blocks, strict=True)
        ]


def slopes(call: Callable[..., Sequence[Array]], six: Six, which: int, step: float) -> Array:
    """Return the slopes of the outputs along each entry of an argument.

    Returns
    -------
    array (entries, B, outputs, H)
    """
    found = []
    for k in range(six[which].size):
        sides = []
        for sign in (1, -1):
            moved = [*six]
            moved[which] = six[which].copy()
            moved[which].flat[k] += sign * step
            sides.append(np.stack(call(*moved), axis=1))
        found.append((sides[0] - sides[1]) / (2 * step))
    return np.array(found)


def read_road(
    name: str, J: Array, six: Six, gates: Mapping[str, Array], S: int, room: float
) -> Road | None:
    """Find how a matrix is read and what it meets, or return None."""
    x, h, c = six[:3]
    H = h.shape[1]
    places = np.arange(len(J)).reshape(S * H, -1).astype(float)
    met = [(s, s.of(x, h, c, gates).T) for s in SIGNALS[name]]
    for own, way in product((True, False), rearranged(S)):
        order = way.used(places, S)
        if np.isnan(order).any():
            continue
        A = J[order.astype(int)].reshape(S, H, -1, *J.shape[1:])
        if own:
            # An entry may serve two units, where slices overlap; each keeps what is its own.
            A = A * np.eye(H)[None, :, None, None, None, :]
            told = np.zeros_like(J)
            np.add.at(told, order.astype(int).ravel(), A.reshape(-1, *J.shape[1:]))
            served = np.zeros((len(J), H))
            np.add.at(
                served,
                order.astype(int).ravel(),
                np.repeat(np.tile(np.eye(H), (S, 1)), A.shape[2], axis=0),
            )
            told = told / np.maximum(served, 1)[:, None, None, :]
            if np.abs(told - J).max() > room * max(np.abs(J).max(), 1e-3):
                continue
        signals = [next((s for s, v in met if _meets(block, v, room)), None) for block in A]
        if all(signals):
            by_signal = {s.words: v for s, v in met}
            used = np.array([by_signal[s.words] for s in signals if s])
            total = np.einsum("sujnok,sjn->sunok", A, used)
            return Road(name, way, [s for s in signals if s],
                        total / (used**2).sum(axis=1)[:, None, :, None, None])  # fmt: skip
    return None


def _own_unit(A: Array, room: float) -> bool:
    """Tell whether each row moves its own unit alone."""
    H = A.shape[1]
    others = A * (1 - np.eye(H))[None, :, None, None, None, :]
    return bool(np.abs(others).max() <= room * max(np.abs(A).max(), 1e-3))


def _meets(block: Array, v: Array, room: float) -> bool:
    """Tell whether the columns of a block meet these numbers: their slopes stand as these do."""
    if len(v) == 1:
        return True
    v = v[None, :, :, None, None]
    off = block * v[:, :1] - block[:, :1] * v
    return bool(np.abs(off).max() <= room * max(np.abs(block).max() * np.abs(v).max(), 1e-3))


class Wiring:
    """How three roads make the pre-activations.

    Parameters
    ----------
    roads : sequence of Road
    S : int
        The number of gates.
    room : float
        How far slopes may lie apart.
    """

    def __init__(self, roads: Sequence[Road], S: int, room: float) -> None:
        self.S, self.room = S, room
        self.roads = list(roads)
        tries = [self._aligned(reference) for reference in roads]
        best = min(range(len(tries)), key=lambda k: (tries[k][0], k))
        for road, (gates, apart) in zip(self.roads, tries[best][1], strict=True):
            road.gates, road.apart = gates, apart

    def _aligned(self, reference: Road) -> tuple[float, list[tuple[Array, list[int]]]]:
        """Express the slopes of all roads by those of one; count what is out of order."""
        columns = np.array([s.ravel() for s in reference.slopes])
        found, cost = [], 0.0
        for road in self.roads:
            gates, apart = np.zeros((self.S, self.S)), []
            for s, slope in enumerate(road.slopes):
                if road is reference:
                    gates[s, s] = 1
                    cost += 2.5 * (np.abs(slope).max() <= self.room)
                    continue
                mix = self._mix(columns, slope.ravel(), s)
                if mix is None:
                    apart.append(s)
                    cost += 3
                else:
                    gates[:, s] = mix
                    cost += np.sum(np.abs(mix - np.eye(self.S)[s]) > self.room)
            found.append((gates, apart))
        return cost, found

    def _mix(self, columns: Array, y: Array, s: int) -> Array | None:
        """Return by which numbers the columns add up to y, if they do; few columns first."""
        size = max(np.abs(y).max(), 1e-3 * np.abs(columns).max())
        if np.abs(y).max() <= self.room:
            return np.zeros(self.S)
        for k in [s, *range(self.S)]:
            norm = columns[k] @ columns[k]
            number = columns[k] @ y / norm if norm else 0.0
            if np.abs(y - number * columns[k]).max() <= 3 * self.room * size:
                return _neat(number) * np.eye(self.S)[k]
        mix = np.linalg.lstsq(columns.T, y, rcond=1e-6)[0]
        fits = np.abs(y - mix @ columns).max() <= 3 * self.room * size
        return np.array([_neat(m) for m in mix]) if fits else None

    def bases(self, six: Six, gates: Mapping[str, Array], letters: str) -> dict[str, Array]:
        """Return the pre-activations by gate, and the parts that stand apart, as `b_g`."""
        found = {letter: np.zeros_like(six[1]) for letter in letters}
        apart: dict[str, Array] = {}
        rest: dict[str, str] = {}
        for road in self.roads:
            for s, part in enumerate(road.parts(six, gates, self.S)):
                if s in road.apart:
                    apart[f"{road.name}|{letters[s]}"] = part
                    continue
                rest[letters[s]] = "+".join(
                    r.name
                    for r in self.roads
                    if s not in r.apart and np.abs(r.slopes[s]).max() > self.room
                )
                for k, letter in enumerate(letters):
                    if road.gates[k, s]:
                        found[letter] = found[letter] + road.gates[k, s] * part
        torn = {key[-1] for key in apart}
        named = {(f"{rest[k]}|{k}" if k in torn and k in rest else k): z for k, z in found.items()}
        return {**named, **apart}

    def unused(self) -> Iterator[int]:
        """Yield the gates whose pre-activation nothing depends on."""
        for s in range(self.S):
            if all(np.abs(r.slopes[s]).max() <= self.room for r in self.roads):
                yield s


def shared_bias(J: Array, others: Road, S: int, room: float) -> Rearranged | None:
    """Tell whether one number made of the bias serves every unit."""
    H = J.shape[-1]
    slope = others.slopes.reshape(S * H, *others.slopes.shape[2:])
    for way in SHARED:
        matrix = np.array([way.used(row[:, None], S)[:, 0] for row in np.eye(S * H)])
        predicted = np.einsum("rp,p...->r...", matrix, slope)
        if np.abs(predicted - J).max() <= 3 * room * np.abs(J).max():
            return way
    return None


def _neat(number: float) -> float:
    """Round a number that was measured, if it is close to one of few digits."""
    near = round(number * 24) / 24
    return near if abs(number - near) < 1e-3 else number
