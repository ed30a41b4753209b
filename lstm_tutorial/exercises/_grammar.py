"""The small language in which a step is read: squashes, products, sums, and how they are found."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from lstm_tutorial.exercises._reading import Array


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)), to full precision also where it is small."""
    return np.exp(-np.logaddexp(0, -z))


def softmax(z: Array, axis: int) -> Array:
    """Return the softmax along an axis."""
    return np.exp(z - np.logaddexp.reduce(z, axis=axis, keepdims=True))


class Squash(NamedTuple):
    """A function of one number, and how it is written: `{}` stands for what it is applied to."""

    written: str
    function: Callable[[Array], Array]
    stretched: tuple[float, ...] = ()  # slope and offset, where it is applied to a line


IDENTITY = Squash("{}", lambda z: z)
SIGMOID = Squash("σ({})", sigmoid)
TANH = Squash("tanh({})", np.tanh)
NOT_SIGMOID = Squash("(1 − σ({}))", lambda z: sigmoid(-z))
RELU = Squash("ReLU({})", lambda z: np.maximum(z, 0))
SQUARE = Squash("({})²", np.square)
TWICE_TANH = Squash("tanh(tanh({}))", lambda z: np.tanh(np.tanh(z)))
CLIP = Squash("clip({}, 0, 1)", lambda z: np.clip(z, 0, 1))
CLIP_BOTH = Squash("clip({}, −1, 1)", lambda z: np.clip(z, -1, 1))
COMMON = [SIGMOID, TANH, IDENTITY, NOT_SIGMOID, RELU]
SQUASHES = [
    *COMMON,
    CLIP,
    CLIP_BOTH,
    Squash("hard sigmoid({}/5 + 0.5)", lambda z: np.clip(z / 5 + 0.5, 0, 1)),
    Squash("hard sigmoid({}/6 + 0.5)", lambda z: np.clip(z / 6 + 0.5, 0, 1)),
    Squash("σ(σ({}))", lambda z: sigmoid(sigmoid(z))),
    TWICE_TANH,
    Squash("σ(tanh({}))", lambda z: sigmoid(np.tanh(z))),
    Squash("tanh(σ({}))", lambda z: np.tanh(sigmoid(z))),
    Squash("σ(ReLU({}))", lambda z: sigmoid(np.maximum(z, 0))),
    Squash("tanh(ReLU({}))", lambda z: np.tanh(np.maximum(z, 0))),
    Squash("(1 − tanh({}))", lambda z: 1 - np.tanh(z)),
    Squash("(1 − {})", lambda z: 1 - z),
    Squash("σ(1 − {})", lambda z: sigmoid(1 - z)),
    Squash("σ({0}) (1 − σ({0}))", lambda z: sigmoid(z) * sigmoid(-z)),
    Squash("(1 − tanh²({}))", lambda z: 1 - np.tanh(z) ** 2),
    Squash("σ²({})", lambda z: sigmoid(z) ** 2),
    Squash("tanh²({})", lambda z: np.tanh(z) ** 2),
    Squash("softplus({})", lambda z: np.logaddexp(0, z)),
    Squash("softsign({})", lambda z: z / (1 + np.abs(z))),
    Squash("{0} σ({0})", lambda z: z * sigmoid(z)),
    Squash("ELU({})", lambda z: np.where(z > 0, z, np.expm1(z))),
    Squash("leaky ReLU({}), slope 0.01,", lambda z: np.where(z > 0, z, 0.01 * z)),
    Squash("leaky ReLU({}), slope 0.1,", lambda z: np.where(z > 0, z, 0.1 * z)),
    Squash("leaky ReLU({}), slope 0.2,", lambda z: np.where(z > 0, z, 0.2 * z)),
    Squash("1.7159 tanh(2/3 {})", lambda z: 1.7159 * np.tanh(2 * z / 3)),
    Squash("ReLU6({})", lambda z: np.clip(z, 0, 6)),
    Squash("|{}|", np.abs),
    SQUARE,
    Squash("exp({})", np.exp),
    Squash("exp(−{})", lambda z: np.exp(-z)),
    Squash("sin({})", np.sin),
    Squash("arctan({})", np.arctan),
    Squash("[{} > 0]", lambda z: (z > 0) * 1.0),
    Squash("sign({})", np.sign),
    Squash("(1/σ({}))", lambda z: 1 / sigmoid(z)),
    Squash("(1 + σ({}))", lambda z: 1 + sigmoid(z)),
    Squash("(1 + tanh({}))", lambda z: 1 + np.tanh(z)),
    Squash("softmax({}) over the units", lambda z: softmax(z, -1)),
    Squash("softmax({}) over the batch", lambda z: softmax(z, 0)),
]
Inverse = Callable[[Array], Array]
OUTERS: list[tuple[Squash, Inverse]] = [
    (TANH, np.arctanh),
    (SIGMOID, lambda y: np.log(y / (1 - y))),
    (TWICE_TANH, lambda y: np.arctanh(np.arctanh(y))),
]
STRETCHED = [(*OUTERS[1], 0, 1), (*OUTERS[0], -1, 1),
             (CLIP, lambda y: y, 0, 1), (CLIP_BOTH, lambda y: y, -1, 1)]  # fmt: skip


class Factor(NamedTuple):
    """A squash of a base: a gate's pre-activation, by its letter, or a state."""

    squash: Squash
    base: str

    def value(self, bases: Mapping[str, Array]) -> Array:
        """Return the factor's numbers."""
        return self.squash.function(bases[self.base])

    @property
    def gate(self) -> str:
        """Return the letter of the gate; nothing for a state. `b|g` is a part of gate g."""
        return self.base[-1] if "|" in self.base or self.base in ("i", "f", "g", "o", "z") else ""

    def __str__(self) -> str:
        part, apart, _ = self.base.partition("|")
        index = "" if self.gate in ("", "z") else f"_{self.gate}"
        base = {"x": "(W x)", "h": "(U h)", "b": "b"}.get(part, f"({part})") if apart else "z"
        return self.squash.written.format(base + index if self.gate else self.base)


class Term(NamedTuple):
    """A number times a product of factors; without factors, the number."""

    number: float
    factors: tuple[Factor, ...] = ()

    def value(self, bases: Mapping[str, Array]) -> Array:
        """Return the term's numbers."""
        product = np.asarray(float(self.number))
        for factor in self.factors:
            product = product * factor.value(bases)
        return product

    def __str__(self) -> str:
        written = " · ".join(map(str, self.factors))
        number = f"{self.number:.4g}".replace("-", "−")
        if written and abs(self.number) == 1:
            return number[:-1] + written
        return f"{number} · {written}" if written else number


class Sum(NamedTuple):
    """A sum of terms, squashed as a whole or not."""

    terms: tuple[Term, ...]
    outer: Squash = IDENTITY

    def value(self, bases: Mapping[str, Array]) -> Array:
        """Return the numbers."""
        total = np.zeros_like(next(iter(bases.values())))
        for term in self.terms:
            total = total + term.value(bases)
        return self.outer.function(total)

    @property
    def product(self) -> tuple[Factor, ...]:
        """Return the factors, if it is one product that nothing squashes."""
        return self.terms[0].factors if len(self.terms) == 1 and self.outer is IDENTITY else ()

    def __str__(self) -> str:
        written = " + ".join(map(str, self.terms)).replace("+ −", "− ") or "0"
        return self.outer.written.format(written)


Names = Sequence[tuple[Factor, ...]]


class Atoms:
    """The factors that may occur, with their numbers at the points of the measurement.

    Parameters
    ----------
    bases : dict of arrays
        What may be squashed, by name.
    plain : sequence of Factor
        The factors of the right formula, which are tried first.
    tolerance : float
        How far numbers may lie apart, as a share of the largest.
    """

    def __init__(
        self, bases: Mapping[str, Array], plain: Sequence[Factor], tolerance: float
    ) -> None:
        # What has a long name is seldom meant, and takes part in short expressions alone.
        usual = [base for base in bases if " " not in base]
        common = list(dict.fromkeys([*plain, *(Factor(s, b) for s in COMMON for b in usual)]))
        rest = [Factor(s, base) for s in SQUASHES[len(COMMON) :] for base in usual]
        rest += [Factor(s, base) for s in COMMON for base in bases if base not in usual]
        self.factors = [*common, *rest]
        self.values = np.array([f.value(bases).ravel() for f in self.factors])
        self.names: Names = [(f,) for f in self.factors]
        self.tolerance, self.bases = 30 * tolerance, bases
        self.room = max(1e-6, 3 * self.tolerance)  # of a number that may be one of few digits
        # What the rest may be multiplied by: nothing, or a plain factor.
        ones, count = np.ones((1, self.values.shape[1])), len(dict.fromkeys(plain))
        self.others: Names = [(), *self.names[:count]]
        self.by = np.concatenate([ones, self.values[:count]])
        pairs = list(combinations_with_replacement(range(len(common)), 2))
        self.pair_names: Names = [(common[j], common[k]) for j, k in pairs]
        first, second = np.array(pairs).T
        self.pairs = self.values[first] * self.values[second]

    def find(self, target: Array, deep: bool = True) -> Sum | None:
        """Return the plainest expression that has these numbers, or None."""
        y = target.ravel()
        if not np.isfinite(y).all():
            return None
        if np.abs(y).max() <= self.tolerance:
            return Sum(())
        found = next(self._short(y), None)
        for outer, inverse in OUTERS if deep and not found else ():
            inside = inverse(y)
            if np.isfinite(inside).all() and (terms := next(self._short(inside), None)):
                return Sum(terms.terms, outer)
        return found or (next(self._long(y), None) if deep else None)

    def _short(self, y: Array) -> Iterator[Sum]:
        """Yield expressions of at most two factors, the plainest first."""
        if np.ptp(y) <= self.tolerance * np.abs(y).max():
            yield Sum((Term(_neat(float(y.mean()), self.room)),))
        found = [*self._products(y, self.by[:1], [()]), *self._products(y, self.values, self.names)]
        yield from (s for s in found if abs(s.terms[0].number) == 1)
        yield from self._stretched(y)
        yield from found
        yield from self._lines(y)
        yield from self._sums(y, self.values, self.names, self.values, self.names)

    def _long(self, y: Array) -> Iterator[Sum]:
        """Yield longer products and sums."""
        yield from self._products(y, self.pairs, self.pair_names)
        yield from self._sums(y, self.values, self.names, self.pairs, self.pair_names)
        for names, value in zip(self.others[1:], self.by[1:], strict=True):
            for found in self._sums(y / value, self.values, self.names, self.values, self.names):
                yield Sum(tuple(Term(t.number, (*names, *t.factors)) for t in found.terms))
        yield from self._sums(y, self.pairs, self.pair_names, self.pairs, self.pair_names)

    def _same(self, a: Array, y: Array) -> bool:
        return bool(np.abs(a - y).max() <= self.tolerance * max(1.0, float(np.abs(y).max())))

    def _products(self, y: Array, values: Array, names: Names) -> Iterator[Sum]:
        """Yield number × factor × one of the values."""
        few = _spread(y)
        ratio = (y[few] / self.values[:, None, few]) / values[None, :, few]
        first = np.abs(ratio[:, :, 0])
        alike = np.ptp(ratio, axis=2) <= 3 * self.tolerance * first
        for j, k in _plainest(alike & np.isfinite(first) & (first > 1e-3)):
            product = self.values[j] * values[k]
            number = _neat(float(y @ product / (product @ product)), self.room)
            if np.abs(number * product - y).max() <= self.tolerance * np.abs(y).max():
                yield Sum((Term(number, (self.factors[j], *names[k])),))

    def _sums(
        self, y: Array, left: Array, names: Names, right: Array, right_names: Names
    ) -> Iterator[Sum]:
        """Yield ± one of the first values ± one of the second."""
        few = _spread(y)
        room = self.tolerance * max(np.abs(y).max(), 1.0)
        for sign, other in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            rest = y[few] - sign * left[:, None, few]
            fits = (np.abs(rest - other * right[None, :, few]) <= room).all(axis=2)
            for j, k in _plainest(fits):
                if self._same(sign * left[j] + other * right[k], y):
                    yield Sum((Term(sign, names[j]), Term(other, right_names[k])))

    def _stretched(self, y: Array) -> Iterator[Sum]:
        """Yield a squash of a stretched and shifted base, alone or × a plain factor."""
        for names, value in zip(self.others, self.by, strict=True):
            part = y / value
            for squash, inverse, low, high in STRETCHED:
                inner = np.flatnonzero((part > low) & (part < high))
                if len(inner) < 6 or not (2 * low - high < part).all():
                    continue
                inside = inverse(part[inner])
                for base, z in self.bases.items():
                    if line := _line(inside, z.ravel()[inner], self.room):
                        factor = Factor(stretch(squash, *line), base)
                        if self._same(factor.value(self.bases).ravel() * value, y):
                            yield Sum((Term(1, (*names, factor)),))

    def _lines(self, y: Array) -> Iterator[Sum]:
        """Yield number × factor + number, alone or × a plain factor; or + number × h_prev."""
        old = [(f, v) for f, v in zip(self.names, self.values, strict=True)
               if f[0].base == "h_prev" and f[0].squash is IDENTITY]  # fmt: skip
        for names, value in [*zip(self.others, self.by, strict=True), *old]:
            state = old and names is old[0][0]
            values = self.values / value if state else self.values
            part, few = y / value, _spread(y)
            slope = np.diff(part[few]) / np.diff(values[:, few])
            alike = np.abs(np.diff(slope)[:, 0]) <= 1e-4 * np.abs(slope[:, 0])
            for k in map(int, np.flatnonzero(alike)):
                line = _line(part, values[k], self.room)
                if line and self._same((line[0] * values[k] + line[1]) * value, y):
                    own = self.names[k] if state else (*names, *self.names[k])
                    yield Sum((Term(line[0], own), Term(line[1], names)))


def _spread(y: Array) -> Array:
    """Return three places where y is not zero, since 0 / 0 tells nothing, of different size."""
    order = np.argsort(-np.abs(y), kind="stable")
    order = order[: max(3, int(np.sum(np.abs(y) > 1e-4 * np.abs(y).max())) * 2 // 3)]
    return order[[0, len(order) // 3, (2 * len(order)) // 3]]


def _plainest(fits: Array) -> Array:
    """Return where two lists that begin with the plainest fit, the plainest first."""
    pairs = np.argwhere(fits)
    return pairs[np.argsort(pairs.sum(axis=1), kind="stable")]


def _line(y: Array, z: Array, room: float) -> tuple[float, float] | None:
    """Return slope and offset of y as a line in z, if it is one."""
    run = z - z.mean()
    square = float(run @ run)
    slope = float(run @ y) / square if square > 1e-9 else 0.0
    offset = float(y.mean() - slope * z.mean())
    fits = np.abs(slope * z + offset - y).max() <= 1e-3 * np.abs(y).max()
    return (_neat(slope, room), _neat(offset, room)) if fits and abs(slope) > 1e-2 else None


def stretch(squash: Squash, slope: float, offset: float) -> Squash:
    """Return a squash of slope · z + offset."""
    times = {1.0: "", -1.0: "−"}.get(slope, f"{slope:.4g} ")
    plus = f" {'+' if offset > 0 else '−'} {abs(offset):.4g}" if offset else ""
    return Squash(
        squash.written.format(f"{times}{{}}{plus}"),
        lambda z: squash.function(slope * z + offset),
        (slope, offset),
    )


def _neat(number: float, room: float) -> float:
    """Round a number that was measured, if it is close to one of few digits."""
    near = round(number * 60) / 60
    return near if abs(number - near) < room else number
