"""Read a whole sequence: the search among the ways in which a loop goes wrong, and the way forward.

A way is a dict: the words for what stands at each place that is not filled rightly. What a loop
returns is looked up among the values on its way, so that a mistake within the loop and others in
what is returned come out together.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, product, takewhile
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises import _ways
from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._form import LSTM, RNN
from lstm_tutorial.exercises._laws import FORWARD, run, slips
from lstm_tutorial.exercises._reading import Array, Finding, Reading, Trouble
from lstm_tutorial.exercises._step import read_step
from lstm_tutorial.exercises._ways import Key, Ways, said, value, ways_at, without

State = tuple[Array, ...]  # h, or h and c
VALUES = {"zeros": "0 * a"} | _ways.LINKS | _ways.CHANGES | _ways.ACROSS | _ways.NORMS
OTHER = "o o_was"  # the names of c, which an RNN has not
RIGHT = "runs from the first step to the last"
BATCH = "the next one of the batch goes on from {a}"
FEW = 12  # mistakes that show in one step and are tried with all others
# What is tried together with another mistake of the loop.
COMMON = {
    *("zeros", "ones", "{o}", "the initial {a}", "{a} of one step earlier", "half of {a}"),
    *("tanh of {a}", "{a} clipped to ±1", "{a} plus {a} of one step earlier"),
    *_ways.MOVES, *_ways.ORDERS, *list(_ways.ACROSS)[:3],
}  # fmt: skip
# What a step calls the states, and a loop does.
NAMES = {"h_prev": "h", "c_prev": "c", "dh_prev": "dh", "dc_prev": "dc"}


class Part:
    """One step, asked of a function that walks whole sequences."""

    def __init__(self, ask: Ask, given: Callable[..., Any], pick: Callable[..., Any]) -> None:
        self._ask, self._given, self._pick, self.eps = ask, given, pick, ask.eps

    def __call__(self, *arguments: Array) -> list[Array]:
        return list(self._pick(self._ask(*self._given(*arguments))))


class Search:
    """The search for one learner's loop, at inputs that show much; subclasses know the loop.

    Attributes
    ----------
    rules : dict
        By the key of each output the formulas that it may be made by, where "a" is right.
    most : int
        How much may be tried, in loops of one step or two; to look outputs up costs more.
    """

    rules: Mapping[Key, Mapping[str, str]]
    _drawn: Callable[..., list[Array]]
    _walk: Callable[..., Any]
    _names: Callable[..., Mapping[str, Any]]
    some_right = False
    most = 10_000

    def __init__(self, ask: Ask, states: int) -> None:
        self.ask, self.states, self.room = ask, states, max(1e-9, 30 * ask.eps)
        self.arguments = self._drawn(np.random.default_rng(16), 4)
        self.outputs = ask(*self.arguments)
        self.fresh = []
        for k in (0, 6, -4):  # usual sizes, one step, and large numbers
            case = ask.kind.cases[k]
            with contextlib.suppress(Trouble):  # it is said apart
                self.fresh.append((list(case.values()), ask(*case.values())))
        self.left = self.most

    def _spend(self, cost: int) -> bool:
        """Return whether there is something left to spend on another loop."""
        self.left -= cost
        return self.left > 0

    def _close(self, got: Array, want: Array) -> bool:
        """Return whether two arrays are one, but for rounding."""
        if np.shape(got) != np.shape(want):
            return False
        return bool(np.abs(got - want).max() <= self.room * max(1.0, float(np.abs(want).max())))

    def model(self, step: Any, ways: Ways) -> Callable[..., list[Array]]:
        """Return the whole function as it was read."""

        def model(*arguments: Array) -> list[Array]:
            with np.errstate(all="ignore"):
                path = self._walk(step, arguments, ways)
                return [self._made(path, key, ways.get(key)) for key in self.rules]

        return model

    def _made(self, path: Any, key: Key, words: str | None, names: Any = None) -> Array:
        names = names or self._names(path, key)
        try:
            return np.asarray(value(self.rules[key][words] if words else "a", names))
        except (IndexError, KeyError, NameError):  # not known of this way, or of no step
            return np.array(np.nan)

    def look_up(self, path: Any, ways: Ways) -> Ways | None:
        """Return the ways with those in which the outputs are made; None if there is an unknown."""
        outputs = dict(zip(self.rules, self.outputs, strict=True))
        names = {key: self._names(path, key) for key in outputs}

        def fits(key: Key, words: str | None) -> bool:
            return self._close(outputs[key], self._made(path, key, words, names[key]))

        wrong = [key for key in outputs if not fits(key, None)]
        if self.some_right and ways and len(wrong) == len(outputs):
            return None
        found: dict[Key, str] = {}
        # The outputs with few rules come first: most loops fail there.
        for key in sorted(wrong, key=lambda key: len(self.rules[key])):
            likely = [words for words in self.rules[key] if words in ways.values()]
            words = next((w for w in (*likely, *self.rules[key]) if fits(key, w)), None)
            if words is None:
                return None
            found[key] = words
        return {**ways, **found}

    def yielded(
        self, step: Any, readings: Iterable[Ways], own: Sequence[Finding] = ()
    ) -> Iterator[Reading]:
        """Yield the readings that hold at fresh inputs, those with fewest findings first."""
        for ways in sorted(readings, key=lambda ways: len(said(ways))):
            if self._holds(step, ways):
                for key in ways if len(ways) > 1 else ():
                    rest = {other: ways[other] for other in ways if other != key}
                    ways = rest if self._holds(step, rest) else ways
                yield Reading([*own, *said(ways)][:3], self.model(step, ways))

    def _holds(self, step: Any, ways: Ways) -> bool:
        """Return whether a loop gives the learner's numbers at fresh inputs."""
        model = self.model(step, ways)
        return all(
            self._close(got, want)
            for arguments, outputs in self.fresh
            for got, want in zip(model(*arguments), outputs, strict=True)
        )

    def laws(self, read_step: Any, views: Sequence[Any], arguments: Any) -> Iterator[Reading]:
        """Yield laws of one step, read from sequences of length 1; none if the step is right.

        A view is how a step is asked for, and where its outputs stand.
        """
        parts = [Part(self.ask, *view) for view in views]
        got = [part(*arguments) for part in parts]
        right = views[0][1](self.model(None, {})(*views[0][0](*arguments)))
        if any(all(map(self._close, answer, right)) for answer in got):
            return
        for k, part in enumerate(parts):
            if not any(all(map(np.array_equal, got[k], other)) for other in got[:k]):
                yield from (_renamed(law) for law in read_step(part) if law.model is not None)


def _renamed(law: Reading) -> Reading:
    """Call the states of a step what a loop calls them."""
    where = [tuple(NAMES.get(name, name) for name in said.where) for said in law.findings]
    pairs = zip(law.findings, where, strict=True)
    return law._replace(findings=[said._replace(where=names) for said, names in pairs])


class Path(NamedTuple):
    """The states at the start and after each step, and what each step computes."""

    kept: list[State]
    rows: list[int]  # of hs, one for each step
    T: int
    steps: Sequence[Mapping[str, Array]] = ()


def _at_hand(kept: Sequence[State], j: int) -> dict[str, Any]:
    """Return the values from which a state may be made; o stands for the other state."""
    names = {"k": [s[j] for s in kept[1:] or kept], "n": len(kept) - 1}
    for name, states in {"{}": kept[-1], "{}_was": kept[-2:][0], "{}0": kept[0]}.items():
        names |= {name.format("a"): states[j], name.format("o"): states[j - 1]}
    return names


def _over_time(path: Path) -> dict[str, Array]:
    """Return the values from which hs may be made."""
    h, other = (np.array([s[j] for s in path.kept]) for j in (0, -1))
    names = {}
    for name, states in {"a": h[1:], "a_was": h[:-1], "o": other[1:], "o_was": other[:-1]}.items():
        names[name] = np.zeros((path.T, *h.shape[1:]))
        names[name][path.rows] = states
    return names | {"a0": h[0] + 0 * names["a"]}


def changed(ways: Ways, place: str, kept: Sequence[State]) -> State:
    """Return the newest states, changed as the place says."""
    return tuple(
        value(VALUES[ways[place, j]], _at_hand(kept, j)) if (place, j) in ways else state
        for j, state in enumerate(kept[-1])
    )


def walk(step: Any, x: Array, state: State, weights: State, ways: Ways) -> Path:
    """Run the loop; `step` is one that was read, or None for the right one."""
    if any(place == "batch" for place, _ in ways):
        return _one_by_one(step, x, state, weights, ways)
    x = value(_ways.IN_TIME[ways["x", 0]], {"a": x}) if ("x", 0) in ways else x
    rows = list(value(_ways.ORDERS[ways.get(("order", 0), RIGHT)], {"T": len(x)}))
    program = ways["step", 0].program if ("step", 0) in ways else FORWARD[len(state)]
    given = dict(zip(("W_ih", "W_hh", "b"), weights, strict=True))
    kept, steps = [changed(ways, "start", [state])], []
    for n, t in enumerate(rows):
        seen = changed(ways, "carry", kept) if n else kept[-1]
        if step is None:
            steps.append(run(program, given | {"x": x[t], "h_prev": seen[0], "c_prev": seen[-1]}))
            kept.append(tuple(steps[-1][name] for name in "hc"[: len(state)]))
        else:
            kept.append(tuple(step(x[t], *seen, *weights)))
        kept[-1] = changed(ways, "after", kept)
    return Path(kept, rows, len(x), steps)


def _one_by_one(step: Any, x: Array, state: State, weights: State, ways: Ways) -> Path:
    """Run one sequence after another, with some states never set back."""
    rest = {key: ways[key] for key in ways if key[0] != "batch"}
    paths: list[Path] = []
    for n in range(x.shape[1]):
        own = tuple(
            paths[-1].kept[-1][j] if n and ("batch", j) in ways else s[n : n + 1]
            for j, s in enumerate(state)
        )
        paths.append(walk(step, x[:, n : n + 1], own, weights, rest))
    moments = zip(*(path.kept for path in paths), strict=True)
    kept = [tuple(np.concatenate(rows) for rows in zip(*m, strict=True)) for m in moments]
    return Path(kept, paths[0].rows, len(x))


def ways_of(states: int) -> list[Ways]:
    """Return the ways in which a loop goes wrong before anything is returned."""
    values, which = without(VALUES, OTHER if states == 1 else ""), _ways.SUBSETS[states]
    return [
        *ways_at("carry", values, which),
        *ways_at("start", without(values, "a_was a0 k n o_was"), which),
        *ways_at("after", values, which),
        *ways_at("x", _ways.IN_TIME),
        *ways_at("order", [words for words in _ways.ORDERS if words != RIGHT]),
        *ways_at("batch", [BATCH], which),
    ]


class Forward(Search):
    """The search for a loop forwards."""

    def __init__(self, ask: Ask, states: int) -> None:
        super().__init__(ask, states)
        values = without(VALUES, OTHER if states == 1 else "")
        hs = without(values, "k n")
        hs |= {words.replace("{a}[", "hs["): f for words, f in _ways.IN_TIME.items()}
        for words, other in (("{o}", "o"), ("tanh of {o}", "tanh(o)")) if states == 2 else ():
            for move, formula in (_ways.MOVES | _ways.ACROSS).items():
                moved = re.sub(r"\ba\b", other, formula)
                hs[f"{move.replace('{a}[', 'hs[')}, with {words} for {{a}}"] = moved
        self.rules = {("hs", 0): hs, **{("end", j): values for j in range(states)}}
        rng = np.random.default_rng(1)
        self.short = [self._drawn(rng, T) for T in (1, 2)]
        self.seen = [
            np.array([a for out in ask(*arguments) for a in out.reshape(-1, 3, 2)])
            for arguments in self.short
        ]
        self.ways = ways_of(states)
        found = slips(FORWARD[states], "gates" if states == 2 else "sequences")
        self.slips: list[Ways] = [{("step", 0): slip} for slip in found]

    def _drawn(self, rng: np.random.Generator, T: int) -> list[Array]:
        return drawn(rng, T, 5, self.states)

    def _walk(self, step: Any, arguments: Sequence[Array], ways: Ways) -> Path:
        n = 1 + self.states
        return walk(step, arguments[0], tuple(arguments[1:n]), tuple(arguments[n:]), ways)

    def _names(self, path: Path, key: Key) -> Mapping[str, Any]:
        return _over_time(path) if key == ("hs", 0) else _at_hand(path.kept, key[1])

    def _possible(self, step: Any, ways: Ways, T: int) -> bool:
        """Return whether T steps end in a state that the learner returns somewhere."""
        last = self._walk(step, self.short[T - 1], ways).kept[-1]
        return any((np.abs(self.seen[T - 1] - s).max((1, 2)) < 10 * self.room).any() for s in last)

    def _tried(self, step: Any, loops: Iterable[Ways]) -> Iterator[Ways]:
        """Yield the readings of some loops, as long as there are not too many."""
        with np.errstate(all="ignore"):
            for ways in takewhile(lambda ways: self._spend(5 if step else 1), loops):
                if not ways or all(self._possible(step, ways, T) for T in (1, 2)):
                    self._spend(20)
                    found = self.look_up(self._walk(step, self.arguments, ways), ways)
                    if found is not None:
                        yield found

    def _pairs(self) -> Iterator[Ways]:
        """Yield loops with two mistakes, or with a slip in the step."""
        yield from self.slips
        common = [ways for ways in self.ways if COMMON.issuperset(ways.values())]
        hiding = [
            ways
            for ways in common
            if ("order", 0) in ways or (_place(ways) == "start" and "zeros" in ways.values())
        ]
        pairs = [product(hiding, self.slips), combinations(common, 2)]
        if not self._possible(None, {}, 1):
            # What one step shows, with all that only more steps show.
            first = [ways for ways in self.ways if self._possible(None, ways, 1)]
            pairs.insert(0, product(first[:FEW], self.ways))
        for one, other in (pair for some in pairs for pair in some):
            if not one.keys() & other.keys():
                yield {**one, **other}

    def read(self) -> Iterator[Reading]:
        """Yield readings, plainest first."""
        cell = [one for one in self.slips if one["step", 0].finding.where in (("c",), ("batch",))]
        yield from self.yielded(None, self._tried(None, [{}, *self.ways, *cell]))
        views = [lambda out: [out[0][0], *out[2:]], lambda out: out[1:]]
        x, *rest = self.short[0]
        read = partial(read_step, form=LSTM if self.states == 2 else RNN)
        # What concerns the first step is in a step that was read from it.
        later = [{}, *(w for w in self.ways if _place(w) in ("carry", "order", "x", "batch"))]
        one = [(lambda x, *rest: [x[None], *rest], pick) for pick in views]
        # Where c0 does not show, a step has no law that could be read.
        moved = [*rest[: self.states - 1], rest[self.states - 1] + 1, *rest[self.states :]]
        same = all(map(np.array_equal, self.ask(x, *rest), self.ask(x, *moved)))
        for law in () if same and self.states == 2 else self.laws(read, one, [x[0], *rest]):
            yield from self.yielded(law.model, self._tried(law.model, later), law.findings)
        yield from self.yielded(None, self._tried(None, self._pairs()))


def _place(ways: Ways) -> str:
    return next(iter(ways))[0]


def drawn(rng: np.random.Generator, T: int, D: int, states: int) -> list[Array]:
    """Draw x, the states and the weights of 3 sequences and 2 units."""
    state = rng.normal(size=(states, 3, 2)) * [[[8], [1], [1]]]  # far out, where clipping shows
    rows = 2 if states == 1 else 8
    W_ih, W_hh = rng.normal(size=(rows, D)) / 2, rng.normal(size=(rows, 2))
    return [rng.normal(size=(T, 3, D)), *state, W_ih, W_hh, rng.normal(size=rows) / 2]


def read_forward(ask: Ask) -> Iterator[Reading]:
    """Read forward(x, h0, c0, W_ih, W_hh, b) -> hs, h_T, c_T."""
    return Forward(ask, 2).read()


def read_rnn_forward(ask: Ask) -> Iterator[Reading]:
    """Read forward(x, h0, W_ih, W_hh, b) -> hs, h_T."""
    return Forward(ask, 1).read()
