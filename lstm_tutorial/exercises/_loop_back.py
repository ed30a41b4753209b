"""Read the way back through a whole sequence: what each step is handed, and what is added up.

Where dx tells the gradient of every pre-activation (D = 4 H), mistakes can be found one after
another: a loop that has one of two mistakes agrees with the learner's in more steps and gates than
a loop that has neither.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product, takewhile
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises import _loop, _ways
from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._laws import BACK, run, slips
from lstm_tutorial.exercises._loop import OTHER, RIGHT, Search, State
from lstm_tutorial.exercises._reading import Array, Reading
from lstm_tutorial.exercises._step_back import read_step_back
from lstm_tutorial.exercises._ways import Key, Ways, table, value, ways_at, without

KEEP = 4  # loops to which one more mistake is added
# What is handed on, by what the step gave back, a, and what it was given (given); held is what
# the step after gave back, end the gradient of the last state, n counts the steps taken.
HANDED = table("""
{a} as the step was given it | given
{a} before the product with f | dc_total
f times dc without its way through h | kept * dc
{a} plus {a} as the step was given it | a + given
{a} plus {a} of the step after | a + held
{a} plus dhs[t] | a + own
{a}_T | end
{o} | o
{a} plus {o} | a + o
{a} of the step after | held
dz, without the product with W_hh, | dz
{a}, but zeros at every second step from the end | a * (n % 2 > 0)
{a}, but zeros at every third step from the end | a * (n % 3 > 0)
{a}, but zeros at every second step | a * (t % 2 > 0)
{a}, but zeros at every third step | a * (t % 3 > 0)
{a}, but zeros after two steps | a * (n < 2)
{a}, but zeros after three steps | a * (n < 3)
{a} divided by the size of the batch | a / len(a)
""")
HANDED = {"zeros": "0 * a"} | HANDED | _ways.CHANGES | _ways.ACROSS
STARTS = _ways.CHANGES | table("""
{o} | o
dhs[T - 1] | last
{a} plus dhs[T - 1] | a + last
{a} plus {o} | a + o
""")
FIRST = HANDED | table("""
{a} of the step that the loop comes to first | k[0]
the sum of {a} over the steps | sum(k, 0)
the mean of {a} over the steps | mean(k, 0)
dhs[0] | own
{a} divided by T | a / len(k)
""")
FORWARDS = ("start", "x", "carry")  # places on the way forward
BACKWARDS = "runs from the last step to the first"
TURNS = {words: f"({formula})[::-1]" for words, formula in _ways.ORDERS.items()}
TURNS |= {RIGHT: _ways.ORDERS[RIGHT], BACKWARDS: _ways.ORDERS[BACKWARDS]}
# The entry of a stored array, of L, that is read for entry k.
INDICES = table("""
of the step before | maximum(k - 1, 0)
of the step before, at t = 0 of the last step | k - 1
of the step after | minimum(k + 1, L - 1)
of the last step | L - 1
of the first step | 0
in the opposite order of time | L - 1 - k
""")
# The values that a step reads: the stored array, and its entry at t = 0.
STORED = {"kept": ("f", 0), "c": ("c_prev", 1), "h": ("h_prev", 1),
          **{name: (name, 0) for name in ("c_prev", *"ifgo")}}  # fmt: skip
# From the shares s of the steps; a is their sum.
SUMS = table("""
the share of the step that the loop comes to last, overwritten each time | s[-1]
the share of the step that the loop comes to first | s[0]
the mean over the steps | a / len(s)
{a} divided by the size of the batch | a / B
the mean over steps and batch | a / len(s) / B
{a} | a
{a} without the first share | a - s[0]
{a} without the last share | a - s[-1]
{a} of the running sums | cumsum(s, 0).sum(0)
{a} of the shares clipped to ±1 | clip(s, -1, 1).sum(0)
""")
# What was meant to come before the step, dhs[t], is added after the step.
LATE = {("join", 0): "what came back, without dhs[t]", ("hand", 0): "{a} plus dhs[t]"}
OUTPUTS = ("dx", "dh_prev", "dc_prev", "dW_ih", "dW_hh", "db")


class Trip(NamedTuple):
    """The whole way back: what each turn of the loop had at hand, by name."""

    moments: list[dict[str, Any]]
    ends: State
    weights: Sequence[Array]
    stored: Mapping[str, Array]

    def dx(self) -> Array:
        """Return dx in the order of time."""
        dx = np.zeros_like(self.stored["x"])
        for moment in self.moments:
            dx[moment["t"]] = moment["dx"]
        return dx

    def shares(self, k: int, seen: Array | None = None) -> list[Array]:
        """Return the shares of dW_ih, dW_hh or db, in the order of the loop."""
        if seen is None and self.moments and _ways.WEIGHTS[k] in self.moments[0]:
            return [m[_ways.WEIGHTS[k]] for m in self.moments]
        if k == 2:
            return [m["dz"].sum(0) for m in self.moments]
        seen = self.stored[("x", "h_prev")[k]] if seen is None else seen
        return [m["dz"].T @ seen[m["t"]] for m in self.moments]

    def norm(self) -> float:
        """Return the norm of all weights' gradients together."""
        return float(np.sqrt(sum((np.sum(self.shares(k), 0) ** 2).sum() for k in range(3))))


def _at_hand(moments: Sequence[Mapping[str, Any]], ends: State, j: int) -> dict[str, Any]:
    """Return the values from which what is handed on may be made."""
    m = moments[-1]
    names = {"a": m["back"][j], "o": m["back"][j - 1], "given": m["given"][j], "held": m["held"][j]}
    return {**m, **names, "end": ends[j], "n": len(moments)}


def weight_rules(k: int) -> dict[str, str]:
    """Return formulas of the gradient of weight k."""
    rules = SUMS | _ways.CHANGES | _ways.NORMS
    for limit in _ways.LIMITS[:4]:
        words = f"{{a}} scaled down so that all weights' gradients together have norm {limit}"
        rules[words] = f"a * minimum(1, {limit} / (norm() + 1e-6))"
    moves = {words.replace("{a}", ("x", "h_prev")[k % 2]): f for words, f in _ways.MOVES.items()}
    moves |= {"h after the step": "h_prev[1:]", "the last h": "h_prev[-1:] + 0 * a"} if k else {}
    for words, move in moves.items() if k < 2 else ():
        moved = re.sub(r"\ba\b", "seen", move)
        rules[f"the sum with {words}"] = f"sum(shares({k}, {moved}), 0)"
    return rules


def ways_of(states: int) -> list[Ways]:
    """Return the ways in which the loop goes wrong."""
    one = OTHER if states == 1 else ""
    joins = without(_ways.JOINED, one)
    found = [LATE, *ways_at("own", _ways.IN_TIME), *ways_at("back", TURNS)]
    found += ways_at("begin", without(STARTS, one), _ways.SUBSETS[states])
    for which in _ways.SUBSETS[states]:
        # What there is of c alone, and of an RNN.
        lacks = f"{one} {'dc_total kept' * (0 in which)} {'dz' * (states == 2)}"
        found += ways_at("hand", without(HANDED, lacks), [which])
    for s, _, words, _ in _ways.JOINS:
        if s in "hc"[:states] and words in joins:
            found.append({("join", "hc".index(s)): words})
    groups = [k for k, (_, names, _) in enumerate(_ways.GROUPS) if (names == "h") == (states == 1)]
    found += ways_at("stored", INDICES, [(k,) for k in groups])
    # Of the way forward, what is common.
    common = {"zeros", "ones", "{o}", "the initial {a}", "{a} of one step earlier", *_ways.MOVES}
    for ways in _loop.ways_of(states):
        if common.issuperset(ways.values()) and next(iter(ways))[0] in FORWARDS:
            found.append(ways)
    return found


class Backward(Search):
    """The search for a loop backwards."""

    some_right = True

    def __init__(self, ask: Ask, states: int) -> None:
        super().__init__(ask, states)
        self.ways = ways_of(states)
        found = slips(BACK[states], "flow" if states == 2 else "backpropagation")
        self.slips: list[Ways] = [{("step", 0): slip} for slip in found]
        self.stored = self._stored(self.arguments, {})
        self.W_ih = self.arguments[-3]
        self.dz = self.outputs[0] @ self.W_ih.T
        first = without(FIRST, "" if states == 2 else OTHER)
        self.rules = {("dx", 0): _ways.IN_TIME, **{("first", j): first for j in range(states)}}
        self.rules |= {("dW", k): weight_rules(k) for k in range(3)}

    def _drawn(self, rng: np.random.Generator, T: int) -> list[Array]:
        wide = 8 if self.states == 2 else 2
        inputs = _loop.drawn(rng, T, wide, self.states)
        inputs[-3] = np.linalg.qr(rng.normal(size=(wide, wide)))[0]  # W_ih has an inverse
        # The gradients are so large that limits show everywhere.
        dhs, *ends = 60 * rng.normal(size=(T, 3, 2)), *(60 * rng.normal(size=(self.states, 3, 2)))
        return [dhs, *ends, *inputs]

    def _stored(self, arguments: Sequence[Array], ways: Ways) -> dict[str, Array]:
        """Run forwards and store what the way back reads; h and c also after the last step."""
        n = self.states
        x, *state = arguments[1 + n : 2 + 2 * n]
        path = _loop.walk(None, x, tuple(state), tuple(arguments[-3:]), ways)
        names = ["x", "h_prev", *(("c_prev", *"ifgo") if n == 2 else ())]
        stored = {name: np.array([step[name] for step in path.steps]) for name in names}
        for name, last in zip(("h_prev", "c_prev"), path.kept[-1], strict=False):
            stored[name] = np.array([*stored[name], last])
        return stored

    def _walk(self, step: Any, arguments: Sequence[Array], ways: Ways) -> Trip:
        forwards = {key: ways[key] for key in ways if key[0] in FORWARDS}
        known = arguments is self.arguments and not forwards
        stored = self.stored if known else self._stored(arguments, forwards)
        dhs, ends, weights = arguments[0], tuple(arguments[1 : 1 + self.states]), arguments[-3:]
        dhs = value(_ways.IN_TIME[ways["own", 0]], {"a": dhs}) if ("own", 0) in ways else dhs

        def changed(place: str, formulas: Mapping[str, str], state: State, names: Any) -> State:
            """Return the state with what stands at a place, made of the names for each part."""
            return tuple(
                value(formulas[ways[place, j]], names(j)) if (place, j) in ways else d
                for j, d in enumerate(state)
            )

        def held(j: int) -> dict[str, Any]:
            pair = {"a": back[j], "o": back[j - 1], "end": ends[j], "n": len(moments)}
            return {**pair, "own": dhs[t], "last": dhs[-1]}

        moments: list[dict[str, Any]] = []
        back, t = ends, 0
        back = changed("begin", STARTS, ends, held)
        for t in value(TURNS[ways.get(("back", 0), BACKWARDS)], {"T": len(dhs)}):
            before = back
            if moments:
                back = changed("hand", HANDED, back, partial(_at_hand, moments, ends))
            given = changed("join", _ways.JOINED, (back[0] + dhs[t], *back[1:]), held)
            names = _turn(step, stored, given, t, weights, ways)
            back = tuple(names[name] for name in OUTPUTS[1 : 1 + len(ends)])
            turn = {"t": t, "held": before, "given": given, "own": dhs[t], "back": back}
            moments.append(names | turn)
        return Trip(moments, ends, weights, stored)

    def _names(self, path: Trip, key: Key) -> Mapping[str, Any]:
        place, j = key
        if place == "dx":
            return {"a": path.dx()}
        if not path.moments:
            return {"a": path.ends[j] if place == "first" else 0 * path.weights[j]}
        if place == "first":
            return {
                **_at_hand(path.moments, path.ends, j),
                "k": [m["back"][j] for m in path.moments],
            }
        shares, (B, *_) = path.shares(j), path.ends[0].shape
        seen = path.stored["h_prev"][:-1] if j else path.stored["x"]
        more = {"shares": path.shares, "norm": path.norm, "B": B, "seen": seen}
        return {"a": np.sum(shares, 0), "s": np.array(shares), **path.stored, **more}

    def _score(self, trip: Trip) -> float:
        """Count the steps, sequences and gates where dz is the learner's, and dh0 and dc0."""
        mine = trip.dx() @ self.W_ih.T
        best = 0
        for theirs in (self.dz, self.dz[::-1]):
            off = np.abs(mine - theirs).reshape(*mine.shape[:2], -1, 2)
            best = max(best, int((off.max(3) < 10 * self.room).sum()))
        back = trip.moments[-1]["back"] if trip.moments else trip.ends
        first = zip(back, self.outputs[1:], strict=False)
        return best + sum(self._close(a, b) for a, b in first)

    def _tried(self, step: Any, loops: Iterable[tuple[float, Ways]]) -> tuple[list[Ways], Any]:
        """Return the readings of loops, and the loops that agree best, each with its score.

        A loop counts only if it scores more than the number before it.
        """
        readings: list[Ways] = []
        best: dict[bytes, tuple[float, Ways]] = {}
        for least, ways in takewhile(lambda pair: self._spend(2), loops):
            quick = partial(self._quick, step) if step and ways else step
            try:
                trip = self._walk(quick, self.arguments, ways)
            except (
                NameError
            ):  # not known of a step that was read as a whole, or no step of the loop
                continue
            score = self._score(trip)
            if score > least:
                best.setdefault(trip.dx().round(6).tobytes(), (score, ways))
                self._spend(4)
                found = self.look_up(trip, ways)
                readings += [] if found is None else [found]
        return readings, sorted(best.values(), key=lambda pair: -pair[0])[:KEEP]

    def _quick(self, step: Any, *arguments: Array) -> Any:
        """Take a step that was read, unless its dx is none of the learner's."""
        outputs = step(*arguments)
        if not any(self._close(outputs[0], dx) for dx in self.outputs[0]):
            raise NameError
        return outputs

    def _more(self, best: Sequence[tuple[float, Ways]]) -> Iterator[tuple[float, Ways]]:
        """Yield the best loops with one more mistake."""
        for (score, ways), one in product(best, self.ways + self.slips):
            if not ways.keys() & one.keys():
                yield score, {**ways, **one}

    def read(self) -> Iterator[Reading]:
        """Yield readings, plainest first."""
        right = self._walk(None, self.arguments, {})
        base = self._score(right)
        loops = [(-1, ways) for ways in ({}, *self.ways)]
        readings, best = self._tried(None, loops)
        yield from self.yielded(None, readings)
        for law in self._laws():
            yield from self.yielded(law.model, self._tried(law.model, loops)[0], law.findings)
        readings, slipped = self._tried(None, [(base, ways) for ways in self.slips])
        yield from self.yielded(None, readings)
        best = [
            pair for pair in sorted(best + slipped, key=lambda pair: -pair[0]) if pair[0] > base
        ][:KEEP]
        if not (np.abs(right.dx() @ self.W_ih.T - self.dz)[-1] < self.room).any():
            # These hide what the first step of the loop shows.
            hiding = [LATE, *ways_at("begin", ["zeros"], _ways.SUBSETS[self.states])]
            best += [(base, ways) for ways in hiding]
        for _ in range(2):
            readings, best = self._tried(None, self._more(best))
            yield from self.yielded(None, readings)

    def _laws(self) -> Iterator[Reading]:
        """Return the laws of one step back, read from sequences of length 1."""
        n = self.states
        dhs, *rest = self.arguments
        arguments = [dhs[0], *rest[1:n], rest[n][0], *rest[n + 1 :]]
        given = [partial(_sequence, n, by_end) for by_end in (False, True)]
        # Where dx is zero, no step is taken, or it is not given dh.
        views = [
            (by, lambda out: [out[0][0], *out[1:]])
            for by in given
            if self.ask(*by(*arguments))[0].any()
        ]
        read = partial(read_step_back, kind="lstm" if n == 2 else "rnn")
        return self.laws(read, views, arguments)


def _turn(
    step: Any, stored: Mapping[str, Array], given: State, t: int, weights: Any, ways: Ways
) -> dict[str, Any]:
    """Take one step back and return all that it computes, by name."""
    if step is not None:
        seen = [stored[name][t] for name in ("x", "h_prev", "c_prev")[: 1 + len(given)]]
        outputs = [name for name in OUTPUTS if len(given) == 2 or name != "dc_prev"]
        return dict(zip(outputs, step(*given, *seen, *weights), strict=True))
    moved = {
        name: INDICES[words]
        for (place, group), words in ways.items()
        if place == "stored"
        for name in _ways.GROUPS[group][1].split()
    }
    names = {"dh": given[0], "dc": given[-1], "W_ih": weights[0], "W_hh": weights[1]}
    for name, (source, first) in STORED.items():
        if source in stored:
            array, k = stored[source], t + first
            names[name] = array[value(moved.get(name, "k"), {"k": k, "L": len(array)})]
    return run(ways["step", 0].program if ("step", 0) in ways else BACK[len(given)], names)


def _sequence(n: int, by_end: bool, dh: Array, *rest: Array) -> list[Array]:
    """Return arguments of a sequence of one step, with dh as dh_T or as dhs."""
    ends = [0 * dh[None], dh] if by_end else [dh[None], 0 * dh]
    return [*ends, *rest[: n - 1], rest[n - 1][None], *rest[n:]]


def read_backward(ask: Ask) -> Iterator[Reading]:
    """Read backward(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b)."""
    return Backward(ask, 2).read()


def read_rnn_backward(ask: Ask) -> Iterator[Reading]:
    """Read backward(dhs, dh_T, x, h0, W_ih, W_hh, b)."""
    return Backward(ask, 1).read()
