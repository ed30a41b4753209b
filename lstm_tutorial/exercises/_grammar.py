"""The small language in which a step is read: squashes, products, sums, and how they are found."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from lstm_tutorial.exercises._reading import Array


class Squash(NamedTuple):
    """A function of one number, and how it is written: `{}` stands for what it is applied to."""

    function: Callable[[Array], Array]
    written: str
    words: str


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)), also for large numbers."""
    return 0.5 * (1 + np.tanh(0.5 * z))


def _softmax(z: Array, axis: int) -> Array:
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _hard(slope: float) -> Callable[[Array], Array]:
    return lambda z: np.clip(slope * z + 0.5, 0, 1)


def _leaky(slope: float) -> Callable[[Array], Array]:
    return lambda z: np.where(z > 0, z, slope * z)


IDENTITY = Squash(lambda z: z, "{}", "nothing")
SIGMOID = Squash(sigmoid, "σ({})", "the sigmoid")
TANH = Squash(np.tanh, "tanh({})", "tanh")
NOT_SIGMOID = Squash(lambda z: sigmoid(-z), "(1 − σ({}))", "1 − σ")
RELU = Squash(lambda z: np.maximum(z, 0), "ReLU({})", "ReLU")
COMMON = [SIGMOID, TANH, IDENTITY, NOT_SIGMOID]
SQUASHES = [
    *COMMON,
    RELU,
    Squash(_hard(0.2), "clip({}/5 + 0.5, 0, 1)", "the hard sigmoid of z/5 + 0.5"),
    Squash(_hard(1 / 6), "clip({}/6 + 0.5, 0, 1)", "the hard sigmoid of z/6 + 0.5"),
    Squash(_hard(0.25), "clip({}/4 + 0.5, 0, 1)", "the hard sigmoid of z/4 + 0.5"),
    Squash(_hard(0.5), "clip({}/2 + 0.5, 0, 1)", "the hard sigmoid of z/2 + 0.5"),
    Squash(lambda z: np.clip(z, 0, 1), "clip({}, 0, 1)", "a clip to 0 to 1"),
    Squash(lambda z: np.clip(z, -1, 1), "clip({}, −1, 1)", "a clip to −1 to 1"),
    Squash(lambda z: sigmoid(sigmoid(z)), "σ(σ({}))", "the sigmoid twice"),
    Squash(lambda z: np.tanh(np.tanh(z)), "tanh(tanh({}))", "tanh twice"),
    Squash(lambda z: sigmoid(np.tanh(z)), "σ(tanh({}))", "tanh, then the sigmoid"),
    Squash(lambda z: np.tanh(sigmoid(z)), "tanh(σ({}))", "the sigmoid, then tanh"),
    Squash(lambda z: 1 - np.tanh(z), "(1 − tanh({}))", "1 − tanh"),
    Squash(lambda z: 1 - z, "(1 − {})", "1 minus the pre-activation"),
    Squash(lambda z: sigmoid(1 - z), "σ(1 − {})", "the sigmoid of 1 − z"),
    Squash(lambda z: sigmoid(z) * sigmoid(-z), "σ′({})", "the slope of the sigmoid"),
    Squash(lambda z: 1 - np.tanh(z) ** 2, "(1 − tanh²({}))", "the slope of tanh"),
    Squash(lambda z: sigmoid(z) ** 2, "σ²({})", "the square of the sigmoid"),
    Squash(lambda z: np.tanh(z) ** 2, "tanh²({})", "the square of tanh"),
    Squash(lambda z: np.logaddexp(0, z), "softplus({})", "the softplus"),
    Squash(lambda z: z / (1 + np.abs(z)), "softsign({})", "the softsign"),
    Squash(lambda z: z * sigmoid(z), "{0} σ({0})", "the swish, z σ(z)"),
    Squash(lambda z: np.where(z > 0, z, np.expm1(z)), "ELU({})", "the ELU"),
    Squash(_leaky(0.01), "leaky ReLU({})", "the leaky ReLU of slope 0.01"),
    Squash(_leaky(0.1), "leaky ReLU({})", "the leaky ReLU of slope 0.1"),
    Squash(_leaky(0.2), "leaky ReLU({})", "the leaky ReLU of slope 0.2"),
    Squash(_leaky(0.3), "leaky ReLU({})", "the leaky ReLU of slope 0.3"),
    Squash(lambda z: 0.5 * (z + _erf_like(z) * z), "GELU({})", "the GELU"),
    Squash(lambda z: np.clip(z, 0, 6), "ReLU6({})", "ReLU6"),
    Squash(np.abs, "|{}|", "the absolute value"),
    Squash(np.square, "({})²", "the square"),
    Squash(np.exp, "exp({})", "exp"),
    Squash(lambda z: np.exp(-z), "exp(−{})", "exp(−z)"),
    Squash(np.sin, "sin({})", "the sine"),
    Squash(np.cos, "cos({})", "the cosine"),
    Squash(np.arctan, "arctan({})", "the arctangent"),
    Squash(lambda z: (z > 0) * 1.0, "[{} > 0]", "a step from 0 to 1"),
    Squash(np.sign, "sign({})", "the sign"),
    Squash(lambda z: 1 / sigmoid(z), "1/σ({})", "1/σ, a division by the sigmoid"),
    Squash(lambda z: 1 + sigmoid(z), "(1 + σ({}))", "1 + σ"),
    Squash(lambda z: 1 + np.tanh(z), "(1 + tanh({}))", "1 + tanh"),
    Squash(lambda z: np.sqrt(np.abs(z)), "√|{}|", "the root"),
    Squash(lambda z: _softmax(z, -1), "softmax over the units of {}", "a softmax over the units"),
    Squash(
        lambda z: _softmax(z, 0) if z.ndim > 1 else np.ones_like(z),
        "softmax over the batch of {}",
        "a softmax over the batch",
    ),
]


def _erf_like(z: Array) -> Array:
    """Return the tanh in the usual approximation of the GELU."""
    return np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))


class Factor(NamedTuple):
    """A squash of a base, which is named: a gate's pre-activation or a state."""

    squash: Squash
    base: str

    def value(self, bases: Mapping[str, Array]) -> Array:
        """Return the factor's numbers."""
        return self.squash.function(bases[self.base])

    def __str__(self) -> str:
        return self.squash.written.format(name_of(self.base))


PARTS = {"b": "b", "x": "(W x)", "h": "(W h)"}


def name_of(base: str) -> str:
    """Return how a base is written in a formula; `b|g` is the part of the bias in gate g."""
    part, apart, letter = base.partition("|")
    if apart:
        written = PARTS.get(part, f"({part})")
        return written if letter == "z" else f"{written}_{letter}"
    return f"z_{base}" if base in ("i", "f", "g", "o") else base


class Term(NamedTuple):
    """A number times a product of factors; without factors, the number."""

    number: float
    factors: tuple[Factor, ...] = ()

    def value(self, bases: Mapping[str, Array]) -> Array:
        """Return the term's numbers."""
        product = np.asarray(self.number)
        for factor in self.factors:
            product = product * factor.value(bases)
        return product

    def __str__(self) -> str:
        written = " · ".join(map(str, self.factors))
        if abs(self.number - 1) < 1e-7 and written:
            return written
        if abs(self.number + 1) < 1e-7 and written:
            return f"−{written}"
        number = f"{self.number:.4g}".replace("-", "−")
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

    def __str__(self) -> str:
        written = " + ".join(map(str, self.terms)).replace("+ −", "− ") or "0"
        return self.outer.written.format(written)


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
        common = [Factor(s, base) for s in COMMON for base in bases]
        rest = [Factor(s, base) for s in SQUASHES[len(COMMON) :] for base in bases]
        self.factors = list(dict.fromkeys([*plain, *common, *rest]))
        self.core = len(dict.fromkeys([*plain, *common]))
        with np.errstate(all="ignore"):
            self.values = np.array([f.value(bases).ravel() for f in self.factors])
        self.tolerance, self.plain, self.bases = tolerance, len(plain), bases
        self.few = np.arange(9)

    def find(self, target: Array, deep: bool = True) -> Sum | None:
        """Return the plainest expression that has these numbers, or None."""
        with np.errstate(all="ignore"):
            target = target.ravel()
            # Points where the target is not zero: zero divided by zero tells nothing.
            order = np.argsort(-np.abs(target), kind="stable")
            self.few = order[np.linspace(0, len(order) // 2, min(9, len(order))).astype(int)]
            found = next(self._forms(target, deep), None)
            if found or not deep:
                return found
            for outer, inverse in OUTERS:
                inside = inverse(target)
                if np.isfinite(inside).all():
                    found = next(self._forms(inside, False), None)
                    if found:
                        return Sum(found.terms, outer)
        return None

    def _forms(self, y: Array, deep: bool) -> Iterator[Sum]:
        """Yield expressions with the numbers of y, the plainest first."""
        if np.abs(y).max() <= self.tolerance:
            yield Sum(())
            return
        scale = np.abs(y).max()
        if np.ptp(y) <= self.tolerance * scale:
            yield Sum((Term(float(y.mean())),))
        yield from self._products(y, np.ones((1, y.size)), [()])
        yield from self._products(y, self.values, [(f,) for f in self.factors])
        yield from self._sums(y, self.values, [(f,) for f in self.factors])
        if deep:
            pairs = list(combinations_with_replacement(range(self.core), 2))
            first, second = np.array(pairs).T
            values = self.values[first] * self.values[second]
            names = [(self.factors[j], self.factors[k]) for j, k in pairs]
            yield from self._products(y, values, names)
            yield from self._sums(y, values, names)
            yield from self._of_sums(y)
            yield from self._stretched(y)
            yield from self._sums_of(y, values, names, values, names)

    def _of_sums(self, y: Array) -> Iterator[Sum]:
        """Yield a plain factor × a sum of two."""
        singles = [(f,) for f in self.factors]
        for factor, value in zip(self.factors[: self.plain], self.values, strict=False):
            rest = y / value
            if np.isfinite(rest).all():
                for found in self._sums(rest, self.values, singles):
                    yield Sum(tuple(Term(t.number, (factor, *t.factors)) for t in found.terms))

    def _stretched(self, y: Array) -> Iterator[Sum]:
        """Yield a squash of a stretched and shifted base, alone or × a plain factor."""
        ones = np.ones((1, y.size))
        for j, value in enumerate([*ones, *self.values[: self.core]]):
            for squash, inverse in OUTERS[:2]:
                inside = inverse(y / value)
                if not np.isfinite(inside).all():
                    continue
                for base, z in self.bases.items():
                    found = _line(inside, z.ravel(), self.tolerance)
                    if found:
                        factor = Factor(_stretch(squash, *found), base)
                        yield Sum((Term(1, (*self.factors[j - 1 : j], factor)),))

    def _products(
        self, y: Array, values: Array, names: Sequence[tuple[Factor, ...]]
    ) -> Iterator[Sum]:
        """Yield number × factor × one of the values."""
        few = y[self.few] / self.values[:, self.few]
        ratio = few[:, None, :] / values[None, :, self.few]
        spread = np.ptp(ratio, axis=2) <= 30 * self.tolerance * np.abs(ratio[:, :, 0])
        for j, k in _plainest(np.argwhere(spread)):
            product = self.values[j] * values[k]
            number = float(y @ product / (product @ product))
            if np.abs(number * product - y).max() <= self.tolerance * np.abs(y).max():
                yield Sum((Term(_neat(number), (self.factors[j], *names[k])),))

    def _sums(self, y: Array, values: Array, names: Sequence[tuple[Factor, ...]]) -> Iterator[Sum]:
        """Yield factor ± one of the values."""
        yield from self._sums_of(y, self.values, [(f,) for f in self.factors], values, names)

    def _sums_of(
        self,
        y: Array,
        left: Array,
        left_names: Sequence[tuple[Factor, ...]],
        right: Array,
        right_names: Sequence[tuple[Factor, ...]],
    ) -> Iterator[Sum]:
        """Yield ± one of the first values ± one of the second."""
        room = 10 * self.tolerance * max(np.abs(y).max(), 1.0)
        few = self.few[:4]
        for sign in (1, -1):
            for other in (1, -1):
                rest = y[few] - sign * left[:, None, few]
                fits = (np.abs(rest - other * right[None, :, few]) <= room).all(axis=2)
                for j, k in _plainest(np.argwhere(fits)):
                    if np.abs(sign * left[j] + other * right[k] - y).max() <= room:
                        yield Sum((Term(sign, left_names[j]), Term(other, right_names[k])))


def _plainest(pairs: Array) -> Array:
    """Order pairs of places in lists that begin with the plainest."""
    return pairs[np.argsort(pairs.sum(axis=1), kind="stable")]


def _line(y: Array, z: Array, tolerance: float) -> tuple[float, float] | None:
    """Return slope and offset if y is a line in z."""
    few = np.argsort(np.abs(y))[: max(len(y) // 2, 4)]  # where nothing is saturated
    if np.ptp(z[few]) < 1e-6:
        return None
    slope, offset = np.polyfit(z[few], y[few], 1)
    fits = np.abs(slope * z + offset - y)[few].max() <= 1e3 * tolerance * max(1.0, abs(slope))
    return (_neat(slope), _neat(offset)) if fits and abs(slope) > 1e-3 else None


def _stretch(squash: Squash, slope: float, offset: float) -> Squash:
    times = "" if slope == 1 else "−" if slope == -1 else f"{slope:.4g} "
    plus = f" {'+' if offset > 0 else '−'} {abs(offset):.4g}" if offset else ""
    written = squash.written.format(f"{times}{{}}{plus}")
    words = f"{squash.words} of {times}z{plus}"
    return Squash(lambda z: squash.function(slope * z + offset), written, words)


def _neat(number: float) -> float:
    """Round a number that was measured, if it is close to one of few digits."""
    return round(number, 6) if abs(number - round(number, 6)) < 1e-9 else number


OUTERS = [
    (TANH, np.arctanh),
    (SIGMOID, lambda y: np.log(y / (1 - y))),
    (Squash(lambda z: np.tanh(np.tanh(z)), "tanh(tanh({}))", "tanh twice"),
     lambda y: np.arctanh(np.arctanh(y))),
]  # fmt: skip
