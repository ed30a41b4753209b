"""The small language in which a step is read: squashes, products, sums, and how they are found."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


IDENTITY = Squash("{}", lambda z: z)
SIGMOID = Squash("σ({})", sigmoid)
TANH = Squash("tanh({})", np.tanh)
NOT_SIGMOID = Squash("(1 − σ({}))", lambda z: sigmoid(-z))
RELU = Squash("ReLU({})", lambda z: np.maximum(z, 0))
COMMON = [SIGMOID, TANH, IDENTITY, NOT_SIGMOID, RELU]
SQUASHES = [
    *COMMON,
    Squash("σ(σ({}))", lambda z: sigmoid(sigmoid(z))),
    Squash("tanh(tanh({}))", lambda z: np.tanh(np.tanh(z))),
    Squash("σ(tanh({}))", lambda z: sigmoid(np.tanh(z))),
    Squash("tanh(σ({}))", lambda z: np.tanh(sigmoid(z))),
    Squash("σ({0}) (1 − σ({0}))", lambda z: sigmoid(z) * sigmoid(-z)),
    Squash("(1 − tanh²({}))", lambda z: 1 - np.tanh(z) ** 2),
    Squash("(1 − tanh({}))", lambda z: 1 - np.tanh(z)),
    Squash("softplus({})", lambda z: np.logaddexp(0, z)),
    Squash("ELU({})", lambda z: np.where(z > 0, z, np.expm1(z))),
    Squash("leaky ReLU({}), slope 0.01,", lambda z: np.where(z > 0, z, 0.01 * z)),
    Squash("|{}|", np.abs),
    Squash("{}²", np.square),
    Squash("exp({})", np.exp),
    Squash("[{} > 0]", lambda z: (z > 0) * 1.0),
    Squash("sign({})", np.sign),
    Squash("softmax({}) over the units", lambda z: softmax(z, -1)),
    Squash("softmax({}) over the batch", lambda z: softmax(z, 0)),
]
Inverse = Callable[[Array], Array]
ENDS: list[tuple[Squash, Inverse]] = [  # what a whole sum may go through
    (IDENTITY, np.copy),
    (TANH, np.arctanh),
    (SIGMOID, lambda y: np.log(y / (1 - y))),
]
# Squashes that may be applied to a line, and between which numbers they tell where they are.
STRETCHED = [
    (*ENDS[2], 0, 1),
    (*ENDS[1], -1, 1),
    (Squash("clip({}, 0, 1)", lambda z: np.clip(z, 0, 1)), np.copy, 0, 1),
    (Squash("clip({}, −1, 1)", lambda z: np.clip(z, -1, 1)), np.copy, -1, 1),
]


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


Product = tuple[Factor, ...]


class Term(NamedTuple):
    """A number times a product of factors; without factors, the number."""

    number: float
    factors: Product = ()

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
    def product(self) -> Product:
        """Return the factors, if it is one product that nothing squashes."""
        return self.terms[0].factors if len(self.terms) == 1 and self.outer is IDENTITY else ()

    def __str__(self) -> str:
        written = " + ".join(map(str, self.terms)).replace("+ −", "− ") or "0"
        return self.outer.written.format(written)


class Search:
    """Finds sums that have given numbers, up to a share of the largest.

    The bases are what may be squashed; the plain factors, those of the right formula, come first.
    """

    def __init__(
        self, bases: Mapping[str, Array], plain: Sequence[Factor], tolerance: float
    ) -> None:
        self.bases, self.tolerance = bases, 30 * tolerance
        self.plain: list[Product] = [(), *((factor,) for factor in plain)]
        common = list(dict.fromkeys([*plain, *(Factor(s, b) for s in COMMON for b in bases)]))
        rest = [Factor(s, b) for s in SQUASHES[len(COMMON) :] for b in bases]
        self.factors = {f: f.value(bases).ravel() for f in [*common, *rest]}
        self.single = self._valued([(), *((factor,) for factor in self.factors)])
        self.double = self._valued(combinations_with_replacement(common, 2))

    def _value(self, product: Product) -> Array:
        value = np.ones(next(iter(self.bases.values())).size)
        for factor in product:
            value = value * self.factors[factor]
        return value

    def _valued(self, products: Iterable[Product]) -> tuple[list[Product], Array]:
        products = list(products)
        return products, np.array([self._value(p) for p in products])

    def find(self, target: Array, squashed: bool = True) -> Sum | None:
        """Return the plainest sum that has these numbers, or None; also one that is squashed."""
        y = target.ravel()
        if not np.isfinite(y).all():
            return None
        if np.abs(y).max() <= self.tolerance:
            return Sum(())
        return next(self._found(y, ENDS if squashed else ENDS[:1]), None)

    def _found(self, y: Array, ends: Iterable[tuple[Squash, Inverse]]) -> Iterator[Sum]:
        for outer, inverse in ends:
            yield from (Sum(found.terms, outer) for found in self._short(inverse(y)))
        yield from self._products(y, self.single, self.double)
        yield from self._sums(y, self.single, self.double)
        for product in self.plain[1:]:
            for found in self._sums(y / self._value(product), self.single, self.single):
                yield Sum(tuple(Term(t.number, (*product, *t.factors)) for t in found.terms))
        yield from self._sums(y, self.double, self.double)

    def _short(self, y: Array) -> Iterator[Sum]:
        """Yield products of two factors and sums of two, the plainest first."""
        products = list(self._products(y, self.single, self.single))
        yield from (s for s in products if abs(s.terms[0].number) == 1)
        yield from self._stretched(y)
        yield from products
        yield from self._sums(y, self.single, self.single)

    def _products(
        self, y: Array, left: tuple[list[Product], Array], right: tuple[list[Product], Array]
    ) -> Iterator[Sum]:
        """Yield a number times one product of the left and one of the right."""
        (one, a), (two, b) = left, right
        missed = y @ y - ((a * y) @ b.T) ** 2 / (a**2 @ (b**2).T)
        for j, k in self._plainest(missed, y):
            yield from self._solved(y, one[j] + two[k])

    def _sums(
        self, y: Array, left: tuple[list[Product], Array], right: tuple[list[Product], Array]
    ) -> Iterator[Sum]:
        """Yield a number times a product of the left plus one times a product of the right."""
        (one, a), (two, b) = left, right
        # Least squares with two columns, for all pairs of columns at once.
        aa, bb, ab = (a**2).sum(1)[:, None], (b**2).sum(1), a @ b.T
        ay, by = (a @ y)[:, None], b @ y
        square = aa * bb - ab**2
        square[square <= 1e-9 * aa * bb] = np.nan
        missed = y @ y - (bb * ay**2 - 2 * ab * ay * by + aa * by**2) / square
        for j, k in self._plainest(missed, y):
            yield from self._solved(y, one[j], two[k])

    def _plainest(self, missed: Array, y: Array) -> Iterable[Array]:
        """Return where little is missed; what stands early in both lists comes first."""
        if not np.isfinite(y).all():
            return []
        pairs = np.argwhere(missed <= max(1e-10, self.tolerance**2) * (y @ y))
        return pairs[np.argsort(pairs.sum(axis=1), kind="stable")][:40]

    def _solved(self, y: Array, *products: Product) -> Iterator[Sum]:
        """Yield the sum of these products that has the numbers, if there is one."""
        columns = np.array([self._value(p) for p in products])
        if np.isfinite(columns).all():
            numbers = np.linalg.lstsq(columns.T, y, rcond=None)[0]
            numbers = np.array([neat(n) for n in numbers])
            if numbers.all() and self._same(numbers @ columns, y):
                yield Sum(tuple(map(Term, numbers.tolist(), products)))

    def _same(self, a: Array, y: Array) -> bool:
        return bool(np.abs(a - y).max() <= self.tolerance * max(1.0, float(np.abs(y).max())))

    def _stretched(self, y: Array) -> Iterator[Sum]:
        """Yield a squash of a stretched and shifted base, alone or × a plain factor."""
        for product in self.plain:
            part = y / self._value(product)
            for squash, inverse, low, high in STRETCHED:
                inner = np.flatnonzero((part > low) & (part < high))
                if len(inner) < 6 or not (2 * low - high < part).all():
                    continue
                inside = inverse(part[inner])
                for base, z in self.bases.items():
                    if np.ptp(z.ravel()[inner]) > 1e-9:
                        slope, offset = map(neat, np.polyfit(z.ravel()[inner], inside, 1))
                        factor = Factor(stretch(squash, slope, offset), base)
                        if abs(slope) > 1e-2 and self._same(factor.value(self.bases).ravel(), part):
                            yield Sum((Term(1, (*product, factor)),))


def stretch(squash: Squash, slope: float, offset: float) -> Squash:
    """Return a squash of slope · z + offset."""
    times = {1.0: "", -1.0: "−"}.get(slope, f"{slope:.4g} ")
    plus = f" {'+' if offset > 0 else '−'} {abs(offset):.4g}" if offset else ""
    written = squash.written.format(f"{times}{{}}{plus}")
    return Squash(written, lambda z: squash.function(slope * z + offset))


def neat(number: float, room: float = 1e-4) -> float:
    """Round a number that was measured, if it is close to one of few digits."""
    near = round(float(number) * 60) / 60
    return near if abs(number - near) < room else float(number)
