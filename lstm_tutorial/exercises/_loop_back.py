"""Read the way back through a whole sequence: what each step is handed, and what is added up.

Where dx tells the gradient of every pre-activation (D = 4 H), mistakes can be found one after
another: a loop that has one of two mistakes agrees with the learner's in more steps and gates than
a loop that has neither.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises import _loop
from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._laws import BACK, run, slips
from lstm_tutorial.exercises._loop import OTHER, RIGHT, Search, State, close
from lstm_tutorial.exercises._reading import Array, Reading
from lstm_tutorial.exercises._step_back import read_step_back
from lstm_tutorial.exercises._ways import (
    ACROSS,
    CHANGES,
    GROUPS,
    IN_TIME,
    JOINED,
    JOINS,
    MOVES,
    NORMS,
    ORDERS,
    Key,
    Ways,
    subsets,
    table,
    value,
    without,
)
from lstm_tutorial.rnn import sigmoid

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
{a} divided by H | a / a.shape[1]
""")
HANDED = {"zeros": "0 * a"} | HANDED | CHANGES | ACROSS
STARTS = CHANGES | table("""
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
BACKWARDS = "runs from the last step to the first"
TURNS = {words: f"({formula})[::-1]" for words, formula in ORDERS.items()}
TURNS |= {RIGHT: ORDERS[RIGHT], BACKWARDS: ORDERS[BACKWARDS]}
# The entry of a stored array, of L, that is read for entry k.
INDICES = table("""
of the step before | maximum(k - 1, 0)
of the step before, at t = 0 of the last step | k - 1
of the step after | minimum(k + 1, L - 1)
of the step after, at the end of the first | (k + 1) % L
of the last step | L - 1
of the first step | 0
in the opposite order of time | L - 1 - k
""")
# The values that a step reads: the stored array, and its entry at t = 0.
STORED = {"i": ("i", 0), "f": ("f", 0), "g": ("g", 0), "o": ("o", 0), "kept": ("f", 0),
          "c": ("c", 1), "c_prev": ("c", 0), "h": ("h", 1)}  # fmt: skip
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
{a} of the shares clipped to ±5 | clip(s, -5, 5).sum(0)
the largest share | amax(s, 0)
""")
# What was meant to come before the step, dhs[t], is added after the step.
LATE = {("join", 0): "what came back, without dhs[t]", ("hand", 0): "{a} plus dhs[t]"}
OUTPUTS = ("dx", "dh_prev", "dc_prev", "dW_ih", "dW_hh", "db")


class Moment(NamedTuple):
    """One turn of the loop."""

    t: int
    held: State  # what came back from the step after
    given: State  # what the step was given
    own: Array  # the entry of dhs
    names: Mapping[str, Any]  # what the step computed
    back: State


class Trip(NamedTuple):
    """The whole way back."""

    moments: list[Moment]
    ends: State
    stored: Mapping[str, Array]
    weights: State

    def dx(self) -> Array:
        """Return dx in the order of time."""
        dx = np.zeros_like(self.stored["x"])
        for moment in self.moments:
            dx[moment.t] = moment.names["dx"]
        return dx

    def shares(self, k: int, seen: Array | None = None) -> list[Array]:
        """Return the shares of dW_ih, dW_hh or db, in the order of the loop."""
        if not self.moments:
            return [0 * self.weights[k]]
        name = ("dW_ih", "dW_hh", "db")[k]
        if seen is None and name in self.moments[0].names:
            return [m.names[name] for m in self.moments]
        if k == 2:
            return [m.names["dz"].sum(0) for m in self.moments]
        seen = self.stored[("x", "h_prev")[k]] if seen is None else seen
        return [m.names["dz"].T @ seen[m.t] for m in self.moments]

    def norm(self) -> float:
        """Return the norm of all weights' gradients together."""
        return float(np.sqrt(sum((np.sum(self.shares(k), 0) ** 2).sum() for k in range(3))))


def _at_hand(moments: Sequence[Moment], ends: State, j: int) -> dict[str, Any]:
    """Return the values from which what is handed on may be made."""
    m = moments[-1]
    names = {"a": m.back[j], "o": m.back[j - 1], "given": m.given[j], "held": m.held[j]}
    return {**m.names, **names, "own": m.own, "end": ends[j], "t": m.t, "n": len(moments)}


def weight_rules(k: int) -> dict[str, str]:
    """Return formulas of the gradient of weight k."""
    rules = {words: formula for words, formula in SUMS.items() if formula != "a"}
    rules |= CHANGES | NORMS
    for limit in (1, 5, 0.5, 10):
        words = f"{{a}} scaled down so that all weights' gradients together have norm {limit}"
        rules[words] = f"a * minimum(1, {limit} / (norm() + 1e-6))"
    moves = {words.replace("{a}", "h_prev" if k else "x"): f for words, f in MOVES.items()}
    if k == 1:
        moves |= {"h after the step for h_prev": "h[1:]", "the last h": "h[-1:] + 0 * h[1:]"}
    for (words, move), (also, formula) in product(moves.items(), list(SUMS.items())[:6]):
        shares = "shares({}, {})".format(k, re.sub(r"\ba\b", "seen", move))
        formula = re.sub(r"\ba\b", "sum(s, 0)", formula)
        rules[f"{also}, with {words}"] = re.sub(r"\bs\b", shares, formula)
    return rules if k < 2 else {w: f for w, f in rules.items() if "shares" not in f}


def remembered(x: Array, state: State, weights: State, ways: Ways) -> dict[str, Array]:
    """Run forwards and store what the way back reads; h and c from before the first step on."""
    path = _loop.walk(None, x, state, weights, ways)
    later = range(2, len(x) + 1)
    seen = [path.kept[0], *(_loop.changed(ways, "carry", path.kept[:n]) for n in later)]
    stored = {"x": value(IN_TIME[ways["x", 0]], {"a": x}) if ("x", 0) in ways else x}
    for j, s in enumerate("hc"[: len(state)]):
        stored[f"{s}_prev"] = np.array([states[j] for states in seen])
        stored[s] = np.array([*stored[f"{s}_prev"], path.kept[-1][j]])
    if len(state) == 2:
        z = stored["x"] @ weights[0].T + stored["h_prev"] @ weights[1].T + weights[2]
        i, f, g, o = np.split(z, 4, axis=-1)
        stored |= {"i": sigmoid(i), "f": sigmoid(f), "g": np.tanh(g), "o": sigmoid(o)}
    return stored


def travel(
    step: Any, stored: Mapping[str, Array], dhs: Array, ends: State, weights: State, ways: Ways
) -> Trip:
    """Run the loop backwards; `step` is one read as a whole, or None for the right one."""
    dhs = value(IN_TIME[ways["own", 0]], {"a": dhs}) if ("own", 0) in ways else dhs

    def changed(place: str, formulas: Mapping[str, str], state: State, names: Any) -> State:
        """Return what stands at a place, given the names from which it may be made."""
        return tuple(
            value(formulas[ways[place, j]], names(j)) if (place, j) in ways else d
            for j, d in enumerate(state)
        )

    held = changed(
        "begin", STARTS, ends, lambda j: {"a": ends[j], "o": ends[j - 1], "last": dhs[-1]}
    )
    moments: list[Moment] = []
    for t in value(TURNS[ways.get(("back", 0), BACKWARDS)], {"T": len(dhs)}):
        before, n = held, len(moments)
        if moments:
            held = changed("hand", HANDED, held, partial(_at_hand, moments, ends))
        given = changed(
            "join", JOINED, (held[0] + dhs[t], *held[1:]),
            lambda j: {"a": held[j], "o": held[j - 1], "own": dhs[t], "end": ends[j], "n": n},
        )  # fmt: skip
        names = _turn(step, stored, given, t, weights, ways)
        held = tuple(names[name] for name in OUTPUTS[1 : 1 + len(ends)])
        moments.append(Moment(t, before, given, dhs[t], names, held))
    return Trip(moments, ends, stored, weights)


def _turn(
    step: Any, stored: Mapping[str, Array], given: State, t: int, weights: State, ways: Ways
) -> dict[str, Any]:
    """Take one step back and return all that it computes, by name."""
    if step is not None:
        seen = [stored[name][t] for name in ("x", "h_prev", "c_prev")[: 1 + len(given)]]
        names = [name for name in OUTPUTS if len(given) == 2 or name != "dc_prev"]
        return dict(zip(names, step(*given, *seen, *weights), strict=True))
    moved = {
        name: INDICES[words]
        for (place, group), words in ways.items()
        if place == "stored"
        for name in GROUPS[group][1].split()
    }
    names = {"dh": given[0], "dc": given[-1], "W_ih": weights[0], "W_hh": weights[1]}
    for name, (source, first) in STORED.items():
        if source in stored:
            array, k = stored[source], t + first
            names[name] = array[value(moved.get(name, "k"), {"k": k, "L": len(array)})]
    program = ways["step", 0].program if ("step", 0) in ways else BACK[len(given)]
    return run(program, names)


def ways_of(states: int) -> list[Ways]:
    """Return the ways in which the loop goes wrong."""
    one = OTHER if states == 1 else ""
    only = ["dc_total kept " + ("dz " if states == 2 else one), "dz"]  # what h, and c, has not
    found: list[Ways] = []
    for which in subsets(states):
        handed = without(HANDED, " ".join(only[j] for j in which))
        places = {"hand": handed, "begin": without(STARTS, one)}
        for place, formulas in places.items():
            found += [{(place, j): words for j in which} for words in formulas]
    for s, _, words, _ in JOINS:
        if s in "hc"[:states] and words in without(JOINED, one):
            found.append({("join", "hc".index(s)): words})
    found += [{("own", 0): words} for words in IN_TIME]
    found += [{("back", 0): words} for words in TURNS if words != BACKWARDS]
    found.append(LATE)
    groups = range(len(GROUPS) - 1) if states == 2 else [len(GROUPS) - 1]
    found += [{("stored", k): words} for words in INDICES for k in groups]
    # Of the way forward, what is common.
    common = ("zeros", "ones", "{o}", "the initial {a}", "{a} of one step earlier", *MOVES)
    for ways in _loop.ways_of(states):
        if set(ways.values()) <= set(common) and next(iter(ways))[0] in ("start", "x", "carry"):
            found.append(ways)
    return found


class Backward(Search):
    """The search for a loop backwards."""

    some_right = True

    def __init__(self, ask: Ask, states: int) -> None:
        super().__init__(ask, states)
        self.ways = ways_of(states)
        self.slips = [{("step", 0): slip} for slip in slips(BACK[states])]
        self.stored = self._stored(self.arguments, {})
        self.W_ih = self.arguments[2 + 2 * states]
        self.dz = self.outputs[0] @ self.W_ih.T
        first = without(FIRST, "" if states == 2 else OTHER)
        self.rules = {("dx", 0): IN_TIME, **{("first", j): first for j in range(states)}}
        self.rules |= {("dW", k): weight_rules(k) for k in range(3)}

    def drawn(self, rng: np.random.Generator, T: int, B: int, H: int, D: int = 0) -> list[Array]:
        """Draw dhs, the ends, x, the states and the weights; without D, W_ih has an inverse."""
        wide = 4 * H if self.states == 2 else H
        inputs = _loop.drawn(rng, T, B, H, D or wide, self.states)
        if not D:
            inputs[1 + self.states] = np.linalg.qr(rng.normal(size=(wide, wide)))[0]
        ends = rng.normal(size=(self.states, B, H))
        # So large that limits show everywhere.
        return [60 * rng.normal(size=(T, B, H)), *(60 * ends), *inputs]

    def _stored(self, arguments: Sequence[Array], ways: Ways) -> dict[str, Array]:
        n = self.states
        state, weights = tuple(arguments[2 + n : 2 + 2 * n]), tuple(arguments[2 + 2 * n :])
        return remembered(arguments[1 + n], state, weights, ways)

    def walk(self, step: Any, arguments: Sequence[Array], ways: Ways) -> Trip:
        """Run the loop."""
        n = self.states
        ends, weights = tuple(arguments[1 : 1 + n]), tuple(arguments[2 + 2 * n :])
        forwards = {key: ways[key] for key in ways if key[0] in ("start", "x", "carry")}
        known = arguments is self.arguments and not forwards
        stored = self.stored if known else self._stored(arguments, forwards)
        return travel(step, stored, arguments[0], ends, weights, ways)

    def names(self, path: Trip, key: Key) -> Mapping[str, Any]:
        """Return the values that an output may be made of."""
        place, j = key
        if place == "dx":
            return {"a": path.dx()}
        if place == "dW":
            shares = path.shares(j)
            seen = path.stored[("x", "h_prev", "x")[j]]
            more = {
                "seen": seen,
                "shares": path.shares,
                "norm": path.norm,
                "B": path.stored["x"].shape[1],
            }
            return {"a": np.sum(shares, 0), "s": np.array(shares), **path.stored, **more}
        if not path.moments:
            return {"a": path.ends[j]}
        return {**_at_hand(path.moments, path.ends, j), "k": [m.back[j] for m in path.moments]}

    def _score(self, trip: Trip) -> float:
        """Count the steps, sequences and gates where dz is the learner's, and dh0 and dc0."""
        mine = trip.dx() @ self.W_ih.T
        best = 0
        for theirs in (self.dz, self.dz[::-1]):
            off = np.abs(mine - theirs).reshape(*mine.shape[:2], -1, trip.ends[0].shape[1])
            best = max(best, int((off.max(3) < 10 * self.room).sum()))
        back = trip.moments[-1].back if trip.moments else trip.ends
        first = zip(back, self.outputs[1:], strict=False)
        return best + sum(close(a, b, self.room) for a, b in first)

    def _tried(self, step: Any, loops: Iterable[tuple[float, Ways]]) -> tuple[list[Ways], Any]:
        """Return the readings of loops, and the loops that agree best, each with its score.

        A loop counts only if it scores more than the number before it.
        """
        readings: list[Ways] = []
        best: dict[bytes, tuple[float, Ways]] = {}
        for _, (least, ways) in zip(self.left, loops, strict=False):
            try:
                trip = self.walk(step, self.arguments, ways)
            except NameError:  # a step that was read as a whole does not tell this
                continue
            score = self._score(trip)
            if score > least:
                best.setdefault(trip.dx().round(6).tobytes(), (score, ways))
                found = self.look_up(trip, ways)
                readings += [] if found is None else [found]
        return readings, sorted(best.values(), key=_by_score)[:KEEP]

    def _more(self, best: Sequence[tuple[float, Ways]]) -> Iterator[tuple[float, Ways]]:
        """Yield the best loops with one more mistake."""
        for (score, ways), one in product(best, self.ways + self.slips):
            if not ways.keys() & one.keys():
                yield score, {**ways, **one}

    def read(self) -> Iterator[Reading]:
        """Yield readings, plainest first."""
        right = self.walk(None, self.arguments, {})
        base = self._score(right)
        readings, best = self._tried(None, [(-1, ways) for ways in ({}, *self.ways)])
        yield from self.yielded(None, readings)
        # Of a step read as a whole nothing else is known.
        later = [(-1, ways) for ways in ({}, *self.ways) if "stored" not in next(iter(ways), ())]
        for law in self._laws():
            yield from self.yielded(law.model, self._tried(law.model, later)[0], law.findings)
        readings, slipped = self._tried(None, [(base, ways) for ways in self.slips])
        yield from self.yielded(None, readings)
        best = [pair for pair in sorted(best + slipped, key=_by_score) if pair[0] > base][:KEEP]
        if not (np.abs(right.dx() @ self.W_ih.T - self.dz)[-1] < self.room).any():
            # These hide what the first step of the loop shows.
            best += [(base, ways) for ways in self.ways if ways == LATE or _begins(ways)]
        for _ in range(2):
            readings, best = self._tried(None, self._more(best))
            yield from self.yielded(None, readings)

    def _laws(self) -> Iterator[Reading]:
        """Return the laws of one step back, read from sequences of length 1."""
        n = self.states
        dhs, *rest = self.arguments
        arguments = [dhs[0], *rest[1:n], rest[n][0], *rest[n + 1 :]]
        given = [partial(by, n) for by in (_by_outputs, _by_end)]
        # Where dx is zero, no step is taken, or it is not given dh.
        views = [(by, _one) for by in given if self.ask(*by(*arguments))[0].any()]
        read = partial(read_step_back, kind="lstm" if n == 2 else "rnn")
        return self.laws(read, views, arguments)


def _by_score(pair: tuple[float, Ways]) -> float:
    return -pair[0]


def _begins(ways: Ways) -> bool:
    return all(place == "begin" and words == "zeros" for (place, _), words in ways.items())


def _one(outputs: list[Array]) -> list[Array]:
    """Return the outputs of one step."""
    return [outputs[0][0], *outputs[1:]]


def _by_outputs(n: int, dh: Array, *rest: Array) -> list[Array]:
    """Return arguments of a sequence of one step, with dh as dhs."""
    return [dh[None], 0 * dh, *rest[: n - 1], rest[n - 1][None], *rest[n:]]


def _by_end(n: int, dh: Array, *rest: Array) -> list[Array]:
    """Return arguments of a sequence of one step, with dh as dh_T."""
    return [0 * dh[None], dh, *rest[: n - 1], rest[n - 1][None], *rest[n:]]


def read_backward(ask: Ask) -> Iterator[Reading]:
    """Read backward(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b)."""
    return Backward(ask, 2).read()


def read_rnn_backward(ask: Ask) -> Iterator[Reading]:
    """Read backward(dhs, dh_T, x, h0, W_ih, W_hh, b)."""
    return Backward(ask, 1).read()
