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
    stretched: tuple[float, ...] = ()  # slope and offset of what it is applied to


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)), also for large numbers."""
    return np.exp(-np.logaddexp(0, -z))


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
CLIP = Squash(lambda z: np.clip(z, 0, 1), "clip({}, 0, 1)", "a clip to 0 to 1")
CLIP_BOTH = Squash(lambda z: np.clip(z, -1, 1), "clip({}, −1, 1)", "a clip to −1 to 1")
TWICE_TANH = Squash(lambda z: np.tanh(np.tanh(z)), "tanh(tanh({}))", "tanh twice")
COMMON = [SIGMOID, TANH, IDENTITY, NOT_SIGMOID, RELU]
SQUASHES = [
    *COMMON,
    Squash(_hard(0.2), "clip({}/5 + 0.5, 0, 1)", "the hard sigmoid of z/5 + 0.5"),
    Squash(_hard(1 / 6), "clip({}/6 + 0.5, 0, 1)", "the hard sigmoid of z/6 + 0.5"),
    Squash(_hard(0.25), "clip({}/4 + 0.5, 0, 1)", "the hard sigmoid of z/4 + 0.5"),
    Squash(_hard(0.5), "clip({}/2 + 0.5, 0, 1)", "the hard sigmoid of z/2 + 0.5"),
    CLIP,
    CLIP_BOTH,
    Squash(lambda z: sigmoid(sigmoid(z)), "σ(σ({}))", "the sigmoid twice"),
    TWICE_TANH,
    Squash(lambda z: sigmoid(np.maximum(z, 0)), "σ(ReLU({}))", "ReLU, then the sigmoid"),
    Squash(lambda z: np.tanh(np.maximum(z, 0)), "tanh(ReLU({}))", "ReLU, then tanh"),
    Squash(lambda z: 1.7159 * np.tanh(2 * z / 3), "1.7159 tanh(2/3 {})", "1.7159 tanh(2/3 z)"),
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


Names = Sequence[tuple[Factor, ...]]


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
        # What has a long name is seldom meant, and takes part in short expressions alone.
        usual = [base for base in bases if " " not in base]
        common = list(dict.fromkeys([*plain, *(Factor(s, b) for s in COMMON for b in usual)]))
        rest = [Factor(s, base) for s in SQUASHES[len(COMMON) :] for base in usual]
        rest += [Factor(s, base) for s in COMMON for base in bases if base not in usual]
        self.factors = [*common, *rest]
        self.values = np.array([f.value(bases).ravel() for f in self.factors])
        self.names = [(f,) for f in self.factors]
        self.tolerance, self.plain, self.bases = tolerance, len(dict.fromkeys(plain)), bases
        pairs = list(combinations_with_replacement(range(len(common)), 2))
        self.pair_names = [(common[j], common[k]) for j, k in pairs]
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
        if found or not deep:
            return found
        for outer, inverse in OUTERS:
            inside = inverse(y)
            if np.isfinite(inside).all():
                found = next(self._short(inside), None)
                if found:
                    return Sum(found.terms, outer)
        return next(self._long(y), None)

    def _short(self, y: Array) -> Iterator[Sum]:
        """Yield expressions of at most two factors, the plainest first."""
        if np.ptp(y) <= self.tolerance * np.abs(y).max():
            yield Sum((Term(_neat(float(y.mean()))),))
        later = []
        for values, names in [(np.ones((1, y.size)), [()]), (self.values, self.names)]:
            for found in self._products(y, values, names):
                if abs(found.terms[0].number) == 1:
                    yield found
                later.append(found)
        yield from self._stretched(y)
        yield from later
        yield from self._lines(y)
        yield from self._sums(y, self.values, self.names, self.values, self.names)

    def _long(self, y: Array) -> Iterator[Sum]:
        """Yield longer products and sums with these numbers."""
        yield from self._products(y, self.pairs, self.pair_names)
        yield from self._sums(y, self.values, self.names, self.pairs, self.pair_names)
        for factor, value in zip(self.factors[: self.plain], self.values, strict=False):
            for found in self._sums(y / value, self.values, self.names, self.values, self.names):
                yield Sum(tuple(Term(t.number, (factor, *t.factors)) for t in found.terms))
        yield from self._sums(y, self.pairs, self.pair_names, self.pairs, self.pair_names)

    def _same(self, a: Array, y: Array) -> bool:
        return bool(np.abs(a - y).max() <= 30 * self.tolerance * max(1.0, float(np.abs(y).max())))

    def _products(self, y: Array, values: Array, names: Names) -> Iterator[Sum]:
        """Yield number × factor × one of the values."""
        few = _spread(y)[:3]  # not where y is zero: zero divided by zero tells nothing
        ratio = (y[few] / self.values[:, None, few]) / values[None, :, few]
        first = np.abs(ratio[:, :, 0])
        alike = np.ptp(ratio, axis=2) <= 100 * self.tolerance * first
        for j, k in _plainest(alike & np.isfinite(first) & (first > 1e-3)):
            product = self.values[j] * values[k]
            number = _neat(float(y @ product / (product @ product)))
            if np.abs(number * product - y).max() <= 30 * self.tolerance * np.abs(y).max():
                yield Sum((Term(number, (self.factors[j], *names[k])),))

    def _sums(
        self, y: Array, left: Array, names: Names, right: Array, right_names: Names
    ) -> Iterator[Sum]:
        """Yield ± one of the first values ± one of the second."""
        few = _spread(y)[:3]
        room = 30 * self.tolerance * max(np.abs(y).max(), 1.0)
        for sign in (1, -1):
            for other in (1, -1):
                rest = y[few] - sign * left[:, None, few]
                fits = (np.abs(rest - other * right[None, :, few]) <= room).all(axis=2)
                for j, k in _plainest(fits):
                    if self._same(sign * left[j] + other * right[k], y):
                        yield Sum((Term(sign, names[j]), Term(other, right_names[k])))

    def _cofactors(self) -> Iterator[tuple[tuple[Factor, ...], Array]]:
        """Yield nothing, then the plain factors, with their numbers."""
        yield (), np.ones(self.values.shape[1])
        for k in range(self.plain):
            yield self.names[k], self.values[k]

    def _stretched(self, y: Array) -> Iterator[Sum]:
        """Yield a squash of a stretched and shifted base, alone or × a plain factor."""
        for names, value in self._cofactors():
            part = y / value
            for squash, inverse, low, high in STRETCHED:
                inner = np.flatnonzero((part > low) & (part < high))
                if (
                    len(inner) < 6
                    or part.max() > high + (high - low)
                    or part.min() < 2 * low - high
                ):
                    continue
                inside = inverse(part[inner])
                for base, z in self.bases.items():
                    line = _line(inside, z.ravel()[inner])
                    if line is None:
                        continue
                    factor = Factor(stretch(squash, *line), base)
                    if self._same(factor.value(self.bases).ravel() * value, y):
                        yield Sum((Term(1, (*names, factor)),))

    def _lines(self, y: Array) -> Iterator[Sum]:
        """Yield number × factor + number, alone or × a plain factor."""
        for names, value in self._cofactors():
            part = y / value
            few = _spread(y)[:3]
            run, rise = np.diff(self.values[:, few]), np.diff(part[few])
            slope = rise / run
            for k in np.flatnonzero(np.abs(np.diff(slope)[:, 0]) <= 1e-4 * np.abs(slope[:, 0])):
                line = _line(part, self.values[k])
                if line and self._same((line[0] * self.values[k] + line[1]) * value, y):
                    yield Sum((Term(line[0], (*names, self.factors[k])), Term(line[1], names)))


def _spread(y: Array) -> Array:
    """Return a few places where y is not zero, far from each other in size."""
    order = np.argsort(-np.abs(y), kind="stable")
    order = order[: max(3, int(np.sum(np.abs(y) > 1e-4 * np.abs(y).max())) * 2 // 3)]
    return order[np.linspace(0, len(order) - 1, 5).astype(int)]


def _plainest(fits: Array) -> Array:
    """Return where two lists that begin with the plainest fit, the plainest first."""
    pairs = np.argwhere(fits)
    return pairs[np.argsort(pairs.sum(axis=1), kind="stable")]


def _line(y: Array, z: Array) -> tuple[float, float] | None:
    """Return slope and offset of y as a line in z, if it is one."""
    run = z - z.mean()
    square = run @ run
    if square < 1e-9:
        return None
    slope = float(run @ y / square)
    offset = float(y.mean() - slope * z.mean())
    if abs(slope) < 1e-2 or np.abs(slope * z + offset - y).max() > 1e-3 * np.abs(y).max():
        return None
    return _neat(slope), _neat(offset)


def stretch(squash: Squash, slope: float, offset: float) -> Squash:
    """Return a squash of slope · z + offset."""
    times = {1.0: "", -1.0: "−"}.get(slope, f"{slope:.4g} ")
    plus = f" {'+' if offset > 0 else '−'} {abs(offset):.4g}" if offset else ""
    return Squash(
        lambda z: squash.function(slope * z + offset),
        squash.written.format(f"{times}{{}}{plus}"),
        f"{squash.words} of {times}z{plus}",
        (slope, offset),
    )


def _neat(number: float) -> float:
    """Round a number that was measured, if it is close to one of few digits."""
    near = round(number * 12) / 12
    return near if abs(number - near) < 1e-6 else number


def _logit(y: Array) -> Array:
    return np.log(y / (1 - y))


OUTERS = [
    (TANH, np.arctanh),
    (SIGMOID, _logit),
    (TWICE_TANH, lambda y: np.arctanh(np.arctanh(y))),
]
STRETCHED = [
    (SIGMOID, _logit, 0.0, 1.0),
    (TANH, np.arctanh, -1.0, 1.0),
    (CLIP, lambda y: y, 0.0, 1.0),
    (CLIP_BOTH, lambda y: y, -1.0, 1.0),
]
