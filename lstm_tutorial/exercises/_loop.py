"""Read a whole sequence, forwards: the states that each step sees, and those returned."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._form import LSTM, RNN
from lstm_tutorial.exercises._laws import right_step, steps
from lstm_tutorial.exercises._reading import Array, Reading
from lstm_tutorial.exercises._step import read_step
from lstm_tutorial.exercises._ways import (
    ACROSS,
    CHANGES,
    COMMON,
    IN_BATCH,
    IN_TIME,
    Search,
    Way,
    Ways,
    merged,
    subsets,
    together,
    usable,
    way,
)

State = tuple[Array, ...]  # h, or h and c
Kept = list[State]  # the states at the start, then those after each step
Value = Callable[[Kept, int], Array]  # of all states so far, for state number 0 or 1


def _newest(change: Callable[[Array], Array]) -> Value:
    return lambda k, j: change(k[-1][j])


def _old(k: Kept, j: int) -> Array:
    return k[-2][j] if len(k) > 1 else k[0][j]


# {a} is the state itself, {o} the other one.
LINKS: dict[str, Value] = {
    "the initial {a}": lambda k, j: k[0][j],
    "{o}": lambda k, j: k[-1][1 - j],
    "{a} of one step earlier": _old,
    "tanh of {o}": lambda k, j: np.tanh(k[-1][1 - j]),
    "{a} of two steps earlier": lambda k, j: k[-3][j] if len(k) > 2 else k[0][j],
    "{a} after the first step": lambda k, j: k[min(1, len(k) - 1)][j],
    "{a} plus {a} of one step earlier": lambda k, j: k[-1][j] + _old(k, j),
    "the mean of {a} and {a} of one step earlier": lambda k, j: (k[-1][j] + _old(k, j)) / 2,
    "{a} plus the initial {a}": lambda k, j: k[-1][j] + k[0][j],
    "the mean of all {a} so far": lambda k, j: np.mean([s[j] for s in k[1:] or k], 0),
    "the sum of all {a} so far": lambda k, j: np.sum([s[j] for s in k[1:] or k], 0),
    "the largest {a} so far": lambda k, j: np.max([s[j] for s in k[1:] or k], 0),
    "the initial {o}": lambda k, j: k[0][1 - j],
    "{o} of one step earlier": lambda k, j: _old(k, 1 - j),
    "{a} plus {o}": lambda k, j: k[-1][j] + k[-1][1 - j],
    "{a} times {o}": lambda k, j: k[-1][j] * k[-1][1 - j],
}


def _again(steps: int, zero: bool, k: Kept, j: int) -> Array:
    """Return the initial state, or zeros, after every so many steps."""
    due = (len(k) - 1) % steps == 0
    return k[-1][j] if not due else 0 * k[0][j] if zero else k[0][j]


for _k, _what in [(2, "second"), (3, "third"), (4, "fourth")]:
    LINKS[f"the initial {{a}} again at every {_what} step"] = partial(_again, _k, False)
    LINKS[f"zeros at every {_what} step"] = partial(_again, _k, True)
CHANGED: dict[str, Value] = {p: _newest(f) for p, f in {**CHANGES, **ACROSS}.items()}
VALUES = {"zeros": CHANGED["zeros"], **LINKS, **CHANGED}
AT_START = ("{o}", "tanh of {o}", "{a} plus {o}", *CHANGED)
# The inputs that a loop reads in turn, which are also the rows of hs that it fills.
ORDERS: dict[str, Callable[[int], list[int]]] = {
    "leaves the last step out": lambda T: list(range(T - 1)),
    "leaves the first step out": lambda T: list(range(1, T)),
    "runs from the last step to the first": lambda T: list(range(T))[::-1],
    "takes every second step only": lambda T: list(range(0, T, 2)),
    "takes the first step only": lambda T: [0],
    "takes the last step only": lambda T: [T - 1],
    "leaves the first and the last step out": lambda T: list(range(1, T - 1)),
    "takes each step twice": lambda T: [t for t in range(T) for _ in "12"],
    "leaves the last two steps out": lambda T: list(range(T - 2)),
}


FEW = 12  # mistakes that show in one step and are tried with all others
INSTEAD = ("{o}", "tanh of {o}", "{a} of one step earlier", "{o} of one step earlier")


class Path(NamedTuple):
    """The states on the way, the rows of hs that they are for, and the number of steps."""

    kept: Kept
    rows: list[int]
    steps: int

    def over_time(self, value: Value = lambda k, j: k[-1][j]) -> Array:
        """Return an array over time of a value, or of h."""
        out = np.zeros((self.steps, *self.kept[0][0].shape))
        for n, row in enumerate(self.rows):
            out[row] = value(self.kept[: n + 2], 0)
        return out


def changed(ways: Ways, place: str, kept: Kept) -> State:
    """Return the newest states, changed as the place says."""
    new = kept[-1]
    return tuple(ways[place, j](kept, j) if (place, j) in ways else s for j, s in enumerate(new))


def walk(step: Any, x: Array, state: State, weights: State, ways: Ways) -> Path:
    """Run the loop."""
    if ("batch", 0) in ways or ("batch", 1) in ways:
        carried = [j for place, j in ways if place == "batch"]
        rest = {key: ways[key] for key in ways if key[0] != "batch"}
        return _one_by_one(carried, step, x, state, weights, rest)
    x = ways["x", 0](x) if ("x", 0) in ways else x
    reads = ways["order", 0](len(x)) if ("order", 0) in ways else list(range(len(x)))
    places = {place for place, _ in ways}
    step = ways.get(("step", 0), step)
    step = partial(step, cell=ways["cell", 0]) if "cell" in places else step
    kept = [state]
    kept = [changed(ways, "start", kept)] if "start" in places else kept
    for n, t in enumerate(reads):
        seen = changed(ways, "carry", kept) if n and "carry" in places else kept[-1]
        kept.append(tuple(step(x[t], *seen, *weights)))
        if "after" in places:
            kept[-1] = changed(ways, "after", kept)
    return Path(kept, reads, len(x))


def _one_by_one(
    carried: Sequence[int], step: Any, x: Array, state: State, weights: State, ways: Ways
) -> Path:
    """Run one sequence after another, with some states never set back."""
    paths: list[Path] = []
    for n in range(x.shape[1]):
        own = [s[n : n + 1] for s in state]
        for j in carried if n else ():
            own[j] = paths[-1].kept[-1][j]
        paths.append(walk(step, x[:, n : n + 1], tuple(own), weights, ways))
    moments = zip(*(p.kept for p in paths), strict=True)
    kept = [tuple(np.concatenate(rows) for rows in zip(*m, strict=True)) for m in moments]
    return Path(kept, paths[0].rows, len(x))


def ways_of(states: int) -> list[Way]:
    """Return the ways in which a loop goes wrong before anything is returned."""
    found = []
    for phrase, value in VALUES.items():
        if not usable(phrase, states):
            continue
        for which in subsets(states):
            found.append(way("carry", phrase, value, which))
            if phrase in AT_START:
                found.append(way("start", phrase, value, which))
            if phrase not in ("zeros", "ones", "the initial {a}"):
                found.append(way("after", phrase, value, which))
    for phrase, change in {**CHANGES, **ACROSS}.items() if states == 2 else ():
        found.append(way("cell", phrase, change))
    moves = {**IN_TIME, **IN_BATCH}.items()
    found += [way("x", phrase, move) for phrase, move in moves]
    found += [way("order", phrase, order) for phrase, order in ORDERS.items()]
    for which in subsets(states):
        phrase = "the next one of the batch goes on from {a}"
        found.append(way("batch", phrase, None, which))
    return found


def _rows(value: Value) -> Callable[[Path, int], Array]:
    return lambda path, j: path.over_time(value)


def _moved(move: Callable[[Array], Array], *value: Value) -> Callable[[Path, int], Array]:
    return lambda path, j: move(path.over_time(*value))


def _last(value: Value) -> Callable[[Path, int], Array]:
    return lambda path, j: value(path.kept, j)


class Forward(Search):
    """The search for a loop forwards."""

    def __init__(self, ask: Ask, states: int) -> None:
        super().__init__(ask, states)
        values = {p: v for p, v in VALUES.items() if usable(p, states)}
        moves = {**IN_TIME, **IN_BATCH}.items()
        hs = {"{a} of the last step at every step": lambda p, j: p.kept[-1][0] + 0 * p.over_time()}
        hs |= {phrase: _rows(value) for phrase, value in values.items()}
        hs |= {phrase.replace("{a}[", "hs["): _moved(move) for phrase, move in moves}
        for instead in INSTEAD if states == 2 else INSTEAD[2:3]:
            for phrase, move in moves:
                words = phrase.replace("{a}[", "hs[")
                hs[f"{words}, with {instead} for {{a}}"] = _moved(move, VALUES[instead])
        self.right = {("hs", 0): _rows(lambda k, j: k[-1][j])}
        self.rules = {("hs", 0): hs}
        for j in range(states):
            self.right["end", j] = lambda path, j: path.kept[-1][j]
            self.rules["end", j] = {phrase: _last(value) for phrase, value in values.items()}
        rng = np.random.default_rng(1)
        self.short = [self.drawn(rng, T, 3, 2) for T in (1, 2)]
        self.seen = [
            np.array([a for out in ask(*arguments) for a in out.reshape(-1, 3, 2)])
            for arguments in self.short
        ]
        mixes = self._mixes()
        self.ways = [way for way in ways_of(states) if mixes or not way.mixes]

    def drawn(self, rng: np.random.Generator, T: int, B: int, H: int, D: int = 0) -> list[Array]:
        """Draw x, the states and the weights."""
        return drawn(rng, T, B, H, D or H + 3, self.states)

    def run(self, step: Any, arguments: Sequence[Array], ways: Ways) -> Path:
        """Run the loop."""
        n = 1 + self.states
        x, state, weights = arguments[0], tuple(arguments[1:n]), tuple(arguments[n:])
        return walk(step or right_step, x, state, weights, ways)

    def _mixes(self) -> bool:
        """Return whether what one sequence holds reaches another."""
        x, *rest = (a.copy() for a in self.arguments)
        for a in (x.swapaxes(0, 1), *rest[: self.states]):
            a[1] += 0.5
        moved = zip(self.ask(x, *rest), self.outputs, strict=True)
        return any(np.delete(np.abs(a - b), 1, a.ndim - 2).max() > self.room for a, b in moved)

    def _possible(self, step: Any, ways: Sequence[Way], T: int = 2) -> bool:
        """Return whether T steps end in a state that the learner returns somewhere."""
        last = self.run(step, self.short[T - 1], together(ways)).kept[-1]
        off = (np.abs(self.seen[T - 1] - s).max((1, 2)) for s in last)
        return any(bool((o <= self.room * 10).any()) for o in off)

    def _tried(self, step: Any, tries: Sequence[Sequence[Way]]) -> list[list[Way]]:
        """Return the readings of some loops."""
        readings = []
        for causes in tries:
            path = self.run(step, self.arguments, together(causes))
            if (symptoms := self.look_up(path)) is not None:
                for more in self.with_limits(path, symptoms):
                    readings.append(merged(causes, more))
        return readings

    def _singles(self, step: Any) -> list[list[Way]]:
        """Return the readings of loops with one mistake or none."""
        with np.errstate(all="ignore"):
            # What concerns the first step is in a step that was read from it.
            later = ("carry", "order", "x", "batch")
            own = [w for w in self.ways if step is None or next(iter(w.ways))[0] in later]
            likely = [[one] for one in own if self._possible(step, [one])]
            return self._tried(step, [[], *likely])

    def _blind(self) -> bool:
        """Return whether c0 does not reach what a sequence of one step returns."""
        x, h, c, *weights = self.short[0]
        pairs = zip(self.ask(x, h, c, *weights), self.ask(x, h, c + 1, *weights), strict=True)
        return all(np.array_equal(a, b) for a, b in pairs)

    def _pairs(self) -> list[list[Way]]:
        """Return the readings of loops with two mistakes, or with one common in a step."""
        common = [one for one in self.ways if one.phrase in COMMON or one.phrase in ORDERS]
        laws = steps(self.states)
        later = [one for one in common if next(iter(one.ways))[0] in ("start", "order")]
        with np.errstate(all="ignore"):
            tries = [*combinations(common, 2), *((one,) for one in laws), *product(later, laws)]
            if not self._possible(None, [], 1):
                # What one step shows, with all that only more steps show.
                first = [w for w in [*self.ways, *laws] if self._possible(None, [w], 1)]
                tries += product(first[:FEW], self.ways)
            apart = [p for p in tries if len(together(p)) == sum(len(one.ways) for one in p)]
            return self._tried(None, [p for p in apart if self._possible(None, p)])

    def read(self) -> Iterator[Reading]:
        """Yield readings, plainest first."""
        yield from self.yielded(None, self._singles(None))
        views = [lambda out: [out[0][0], *out[2:]], lambda out: out[1:]]
        views += [lambda out: [out[0][0], out[1]]] if self.states == 2 else []
        x, *rest = self.short[0]
        form = LSTM if self.states == 2 else RNN
        one = [(_one_step, pick) for pick in views]
        # Without c0, a step has no law that could be read.
        blind = self.states == 2 and self._blind()
        for law in () if blind else self.laws(partial(read_step, form=form), one, [x[0], *rest]):
            yield from self.yielded(law.model, self._singles(law.model), law.findings)
        yield from self.yielded(None, self._pairs())
        yield self.measured()


def _one_step(x: Array, *rest: Array) -> list[Array]:
    return [x[None], *rest]


def drawn(rng: np.random.Generator, T: int, B: int, H: int, D: int, states: int) -> list[Array]:
    """Draw x, the states and the weights."""
    x, *state = rng.normal(size=(T, B, D)), *rng.normal(size=(states, B, H))
    for s in state:
        s[0] *= 8  # far out, where clipping shows
    rows = H if states == 1 else 4 * H
    W_ih, W_hh = rng.normal(size=(rows, D)) / 2, rng.normal(size=(rows, H))
    return [x, *state, W_ih, W_hh, rng.normal(size=rows) / 2]


def read_forward(ask: Ask) -> Iterator[Reading]:
    """Read forward(x, h0, c0, W_ih, W_hh, b) -> hs, h_T, c_T."""
    return Forward(ask, 2).read()


def read_rnn_forward(ask: Ask) -> Iterator[Reading]:
    """Read forward(x, h0, W_ih, W_hh, b) -> hs, h_T."""
    return Forward(ask, 1).read()
