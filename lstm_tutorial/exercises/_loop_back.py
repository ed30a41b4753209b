"""Read the way back through a whole sequence: what each step is handed, and what is added up.

Where dx tells the gradient of every pre-activation (D = 4 H), mistakes can be found one after
another: a loop that has one of two mistakes agrees with the learner's in more steps and gates than
a loop that has neither.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises import _loop
from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._laws import Turn, backs, right_back
from lstm_tutorial.exercises._loop import State
from lstm_tutorial.exercises._reading import Array, Finding, Reading
from lstm_tutorial.exercises._step_back import read_step_back
from lstm_tutorial.exercises._ways import (
    ACROSS,
    CHANGES,
    IN_BATCH,
    IN_TIME,
    LETTERS,
    MOVES,
    NORMS,
    Change,
    Rule,
    Search,
    Way,
    Ways,
    close,
    finding,
    merged,
    subsets,
    together,
    usable,
    way,
)
from lstm_tutorial.rnn import sigmoid

KEEP = 4  # loops to which one more mistake is added


class Moment(NamedTuple):
    """One turn of the loop, seen when the step has been taken."""

    n: int
    t: int
    held: State  # what the loop held
    own: Array  # the entry of dhs
    ends: State  # dh_T, or dh_T and dc_T
    given: State = ()  # what the step was given
    turn: Any = None


class Trip(NamedTuple):
    """The whole way back."""

    moments: list[Moment]
    handed: list[State]  # what the loop held at the start and after each step
    stored: Mapping[str, Array]
    weights: State

    def dx(self, j: int = 0) -> Array:
        """Return dx in the order of time."""
        dx = np.zeros_like(self.stored["x"])
        for moment in self.moments:
            dx[moment.t] = moment.turn.dx
        return dx

    def shares(self, k: int, inputs: Any = None) -> list[Array]:
        """Return the shares of dW_ih, dW_hh or db, in the order of the loop."""
        if not self.moments:
            return [0 * self.weights[k]]
        turns = [(m.t, m.turn) for m in self.moments]
        if turns[0][1].shares is not None and inputs is None:
            return [turn.shares[k] for _, turn in turns]
        if k == 2:
            return [turn.dz.sum(0) for _, turn in turns]
        inputs = self.stored[("x", "h seen")[k]] if inputs is None else inputs
        return [turn.dz.T @ inputs[t] for t, turn in turns]


Value = Callable[[Moment, int], Array]


def _changed(change: Callable[[Array], Array]) -> Value:
    return lambda m, j: change(m.turn.back[j])


def _cut(steps: int, m: Moment, j: int) -> Array:
    return m.turn.back[j] * ((m.n + 1) % steps != 0)


def _reset(steps: int, m: Moment, j: int) -> Array:
    return m.turn.back[j] * (m.t % steps != 0)


def _ended(steps: int, m: Moment, j: int) -> Array:
    return m.turn.back[j] * (m.n + 1 < steps)


PLAIN_DZ = "dz, without the product with W_hh,"  # has the shape of h in an RNN alone
# What is handed on, with {a} as the step gives it back.
HANDED: dict[str, Value] = {
    "zeros": lambda m, j: 0 * m.turn.back[j],
    "{a} as the step was given it": lambda m, j: m.given[j],
    "{a} before the product with f": lambda m, j: 1.0 * m.turn.total if j else np.nan * m.own,
    "f times dc without its way through h": lambda m, j: m.given[-1] * (m.turn.f if j else np.nan),
    "{a} plus {a} as the step was given it": lambda m, j: m.turn.back[j] + m.given[j],
    "{a} plus {a} of the step after": lambda m, j: m.turn.back[j] + m.held[j],
    "{a} plus dhs[t] once more": lambda m, j: m.turn.back[j] + m.own,
    "{a} plus {a}_T": lambda m, j: m.turn.back[j] + m.ends[j],
    "{a}_T": lambda m, j: m.ends[j],
    "{o}": lambda m, j: m.turn.back[1 - j],
    "{a} plus {o}": lambda m, j: m.turn.back[j] + m.turn.back[1 - j],
    "{a} of the step after": lambda m, j: m.held[j],
    PLAIN_DZ: lambda m, j: m.turn.dz + 0 * m.own,
    "{a}, but zeros at every second step from the end": partial(_cut, 2),
    "{a}, but zeros at every third step from the end": partial(_cut, 3),
    "{a}, but zeros at every second step": partial(_reset, 2),
    "{a}, but zeros at every third step": partial(_reset, 3),
    "{a}, but zeros after two steps": partial(_ended, 2),
    "{a}, but zeros after three steps": partial(_ended, 3),
    **{phrase: _changed(change) for phrase, change in {**CHANGES, **ACROSS}.items()},
    "{a} divided by the size of the batch": lambda m, j: m.turn.back[j] / len(m.own),
    "{a} divided by H": lambda m, j: m.turn.back[j] / m.own.shape[1],
}
STARTS: dict[str, Callable[[State, Array, int], Array]] = {
    "{o}": lambda ends, dhs, j: ends[1 - j],
    "dhs[T - 1]": lambda ends, dhs, j: dhs[-1],
    "{a} plus dhs[T - 1]": lambda ends, dhs, j: ends[j] + dhs[-1],
    "dh_T plus dc_T": lambda ends, dhs, j: ends[0] + ends[1],
    "{a} times {a}": lambda ends, dhs, j: ends[j] ** 2,
}
# What step t is given, for dh or dc, and what that is about.
JOINED: dict[str, tuple[int, str, Callable[[Moment], Array]]] = {
    "dhs[t] alone": (0, "dh", lambda m: m.own),
    "dhs[t] plus dh_T at every step": (0, "dh", lambda m: m.own + m.ends[0]),
    "dh_T at every step": (0, "dh", lambda m: m.ends[0]),
    "what came back plus dhs[t] plus dh_T at every step": (
        0, "dh_T", lambda m: m.held[0] + m.own + (m.ends[0] if m.n else 0),
    ),
    "what came back plus dhs[t], and dh_T twice": (
        0, "dh_T", lambda m: m.held[0] + m.own + (0 if m.n else m.ends[0]),
    ),
    "what came back plus dhs[t], with dh_T at t = 0 and not at the end": (
        0, "dh_T", lambda m: m.own + (m.held[0] if m.n else 0) + (0 if m.t else m.ends[0]),
    ),
    "what came back minus dhs[t]": (0, "dhs", lambda m: m.held[0] - m.own),
    "dhs[t] minus what came back": (0, "dh", lambda m: m.own - m.held[0]),
    "the product of what came back and dhs[t]": (0, "dh", lambda m: m.held[0] * m.own),
    "the mean of what came back and dhs[t]": (0, "dh", lambda m: (m.held[0] + m.own) / 2),
    "what came back plus dhs[t], but at the last step without dhs[t]": (
        0, "dhs", lambda m: m.held[0] + (m.own if m.n else 0),
    ),
    "what came back plus dhs[t], but at the last step dhs[t] alone": (
        0, "dh_T", lambda m: m.own + (m.held[0] if m.n else 0),
    ),
    "what came back plus dhs[t] plus dc": (0, "dh", lambda m: m.held[0] + m.own + m.held[1]),
    "dc_T at every step": (1, "dc", lambda m: m.ends[1]),
    "what came back plus dc_T at every step": (
        1, "dc_T", lambda m: m.held[1] + (m.ends[1] if m.n else 0),
    ),
    "what came back plus dhs[t]": (1, "dc", lambda m: m.held[1] + m.own),
    "dh": (1, "dc", lambda m: m.held[0] + m.own),
    "what came back plus dh": (1, "dc", lambda m: m.held[1] + m.held[0] + m.own),
}  # fmt: skip
ORDERS: dict[str, Callable[[int], list[int]]] = {
    "runs from the first step to the last": lambda T: list(range(T)),
    **{phrase: partial(lambda order, T: order(T)[::-1], o) for phrase, o in _loop.ORDERS.items()},
    "takes the last two steps only": lambda T: list(range(T))[:-3:-1],
    "takes the last three steps only": lambda T: list(range(T))[:-4:-1],
}
del ORDERS["runs from the last step to the first"]
INDICES: dict[str, Callable[[int, int], int]] = {
    "of the step before": lambda k, L: max(k - 1, 0),
    "of the step before, at t = 0 of the last step": lambda k, L: k - 1,
    "of the step after": lambda k, L: min(k + 1, L - 1),
    "of the step after, at the end of the first": lambda k, L: (k + 1) % L,
    "of the last step": lambda k, L: L - 1,
    "of the first step": lambda k, L: 0,
    "in the opposite order of time": lambda k, L: L - 1 - k,
}
# The stored values that a step reads: the array and its index at t = 0.
STORED = {
    "i": ("i", 0), "f": ("f", 0), "g": ("g", 0), "o": ("o", 0), "kept": ("f", 0),
    "c": ("c", 1), "c_prev": ("c", 0), "h": ("h", 1),
}  # fmt: skip
# Groups of these, in words, and what they are about; the last is the RNN's.
GROUPS = [
    ("i", "i", "i"), ("f in its own slope", "f", "f"), ("f as the factor of dc", "kept", "dc"),
    ("g", "g", "g"), ("o", "o", "o"), ("c", "c", "c"), ("c_prev", "c_prev", "f"),
    ("the value of all gates", "i f g o kept", "i f g o"), ("f", "f kept", "f"),
    ("c and c_prev", "c c_prev", "c"), ("the value of all gates and of c", "i f g o kept c", "c"),
    ("every stored value", "i f g o kept c c_prev", "time"),
    ("h in the slope", "h", "slope"),
]  # fmt: skip


def _sum(shares: list[Array], B: int = 1) -> Array:
    return np.sum(shares, axis=0)


SUMS: dict[str, Callable[[list[Array], int], Array]] = {
    "the share of the step that the loop comes to last, overwritten each time": lambda s, B: s[-1],
    "the share of the step that the loop comes to first": lambda s, B: s[0],
    "the mean over the steps": lambda s, B: _sum(s) / len(s),
    "{a} divided by the size of the batch": lambda s, B: _sum(s) / B,
    "the mean over steps and batch": lambda s, B: _sum(s) / len(s) / B,
    "{a} without the first share": lambda s, B: _sum(s[1:] or [0 * s[0]]),
    "{a} without the last share": lambda s, B: _sum(s[:-1] or [0 * s[0]]),
    "{a} of the running sums": lambda s, B: np.cumsum(s, 0).sum(0),
    "{a} of the shares clipped to ±1": lambda s, B: np.clip(s, -1, 1).sum(0),
    "{a} of the shares clipped to ±5": lambda s, B: np.clip(s, -5, 5).sum(0),
    "the largest share": lambda s, B: np.max(s, 0),
    "the product of the shares": lambda s, B: np.prod(s, 0),
}


def remembered(x: Array, state: State, weights: State, ways: Ways) -> dict[str, Array]:
    """Run forwards and store what the way back reads; h and c from before the first step on."""
    path = _loop.walk(_loop.right_step, x, state, weights, ways)
    later = range(2, len(x) + 1)
    seen = [path.kept[0], *(_loop.changed(ways, "carry", path.kept[:n]) for n in later)]
    stored: dict[str, Array] = {"x": ways["x", 0](x) if ("x", 0) in ways else x}
    for j, s in enumerate(LETTERS[: len(state)]):
        stored[f"{s} seen"] = np.array([state[j] for state in seen])
        stored[s] = np.array([*stored[f"{s} seen"], path.kept[-1][j]])
    z = stored["x"] @ weights[0].T + stored["h seen"] @ weights[1].T + weights[2]
    if len(state) == 2:
        H = state[0].shape[1]
        gates = sigmoid(z)
        stored |= {"i": gates[..., :H], "f": gates[..., H : 2 * H], "o": gates[..., 3 * H :]}
        stored["g"] = np.tanh(z[..., 2 * H : 3 * H])
    return stored


def _read(stored: Mapping[str, Array], t: int, ways: Ways) -> dict[str, Array]:
    """Return the stored values that step t reads."""
    values = {}
    for key, (source, first) in STORED.items():
        if source in stored:
            index = ways.get((key, 0))
            array, k = stored[source], t + first
            values[key] = array[index(k, len(array)) if index else k]
    return values


def travel(
    step: Any, stored: Mapping[str, Array], dhs: Array, ends: State, weights: State, ways: Ways
) -> Trip:
    """Run the loop backwards; `step` is one read as a whole, or None for the right one."""
    T, both = len(dhs), range(len(ends))
    dhs = ways["own", 0](dhs) if ("own", 0) in ways else dhs
    held = tuple(ways["begin", j](ends, dhs, j) if ("begin", j) in ways else ends[j] for j in both)
    order = ways["back", 0](T) if ("back", 0) in ways else range(T)[::-1]
    moments: list[Moment] = []
    handed = [held]
    for n, t in enumerate(order):
        held = _handed(ways, "hand", moments[-1], held) if n else held
        now = Moment(n, t, held, dhs[t], ends)
        given = [held[0] + dhs[t], *held[1:]]
        given = [ways["join", j](now) if ("join", j) in ways else given[j] for j in both]
        if step is None:
            turn = right_back(_read(stored, t, ways), ways, *weights[:2], *given)
        else:
            seen = [stored[f"{LETTERS[j]} seen"][t] for j in both]
            dx, *rest = step(*given, stored["x"][t], *seen, *weights)
            turn = Turn(dx, tuple(rest[:-3]), shares=rest[-3:])
        moments.append(now._replace(given=tuple(given), turn=turn))
        held = _handed(ways, "hand on", moments[-1], turn.back)
        handed.append(held)
    return Trip(moments, handed, stored, weights)


def _handed(ways: Ways, place: str, moment: Moment, held: State) -> State:
    """Return what is handed on, changed as the place says."""
    return tuple(ways[place, j](moment, j) if (place, j) in ways else d for j, d in enumerate(held))


def _added(rule: Callable[[list[Array], int], Array]) -> Rule:
    return lambda trip, k: rule(trip.shares(k), trip.stored["x"].shape[1])


def _met(source: str, move: Callable[[Array], Array], rule: Any = _sum) -> Rule:
    return lambda trip, k: rule(
        trip.shares(k, move(trip.stored[source])), trip.stored["x"].shape[1]
    )


def _of_sum(change: Callable[[Array], Array]) -> Rule:
    return lambda trip, k: change(_sum(trip.shares(k)))


def _normed(limit: float, trip: Trip, k: int) -> Array:
    sums = [np.sum(trip.shares(k), 0) for k in range(3)]
    norm = np.sqrt(sum(float((s * s).sum()) for s in sums))
    return sums[k] * min(1.0, limit / (norm + 1e-6))


def _of_dx(change: Callable[[Array], Array]) -> Rule:
    return lambda trip, j: change(trip.dx())


def weight_rules(k: int) -> dict[str, Rule]:
    """Return ways to come to the gradient of weight k."""
    rules = {phrase: _added(rule) for phrase, rule in SUMS.items()}
    changes: dict[str, Change] = {**CHANGES, **NORMS}
    rules |= {phrase: _of_sum(change) for phrase, change in changes.items()}
    for limit in (1, 5, 0.5, 10, 0.25):
        words = f"{{a}} scaled down so that all weights' gradients together have norm {limit:g}"
        rules[words] = partial(_normed, limit)
    if k == 1:
        rules["the sum with h after the step for h_prev"] = _met("h", lambda h: h[1:])
        rules["the sum with the last h for h_prev"] = _met("h", lambda h: h[-1:] + 0 * h[1:])
    for phrase, move in MOVES.items() if k < 2 else ():
        words = phrase.replace("{a}", ("x", "h_prev")[k])
        met = partial(_met, ("x", "h seen")[k], move)
        rules[f"the sum with {words}"] = met(_sum)
        for also, rule in list(SUMS.items())[:5]:
            rules[f"{also}, with {words}"] = met(rule)
    return rules


def _at_end(value: Value, trip: Trip, j: int) -> Array:
    return value(trip.moments[-1], j) if trip.moments else trip.handed[-1][j]


FIRST: dict[str, Rule] = {
    "{a} as the step at t = 0 was given it": lambda trip, j: trip.moments[-1].given[j],
    "{a} of the step that the loop comes to first": lambda trip, j: trip.handed[1][j],
    "{a} that the step at t = 1 gave back": lambda trip, j: trip.handed[-2][j],
    "the sum of {a} over the steps": lambda trip, j: np.sum([h[j] for h in trip.handed[1:]], 0),
    "the mean of {a} over the steps": lambda trip, j: np.mean([h[j] for h in trip.handed[1:]], 0),
    "{o}": lambda trip, j: trip.handed[-1][1 - j],
    "dhs[0]": lambda trip, j: trip.moments[-1].own,
    "{a} divided by T": lambda trip, j: trip.handed[-1][j] / len(trip.moments),
    **{p: partial(_at_end, value) for p, value in HANDED.items()},
}


def ways_of(states: int) -> list[Way]:
    """Return the ways in which the loop goes wrong."""
    found = []
    for phrase, (j, about, joined) in JOINED.items():
        if j < states and usable(phrase, states):
            found.append(way("join", phrase, joined, (j,), about=about))
    starts = {p: partial(lambda f, ends, dhs, j: f(ends[j]), f) for p, f in CHANGES.items()}
    for which in subsets(states):
        for phrase, value in HANDED.items():
            if usable(phrase, states) and (states == 1 or phrase != PLAIN_DZ):
                found.append(way("hand", phrase, value, which))
            if "clipped" in phrase or "down" in phrase or ", but" in phrase:
                found.append(way("hand on", phrase, value, which))
        for phrase, start in {**starts, **STARTS}.items():
            if usable(phrase, states):
                found.append(way("begin", phrase, start, which))
    found += [way("own", p, move) for p, move in {**IN_TIME, **IN_BATCH}.items()]
    found += [way("dz", phrase, change) for phrase, change in CHANGES.items()]
    found += [way("back", phrase, order) for phrase, order in ORDERS.items()]
    says = "dhs[t] is added after the step back at t. It should be added before it."
    added = Finding("dhs[t] added after the step", says, ("dhs",), "backpropagation")
    late = HANDED["{a} plus dhs[t] once more"]
    found.append(Way({("join", 0): lambda m: m.held[0], ("hand on", 0): late}, added))
    for phrase, index in INDICES.items():
        for name, keys, about in GROUPS if states == 2 else GROUPS[-1:]:
            if states == 1 or name != "h in the slope":
                said = finding("stored", f"{name} {phrase}", about=about)
                found.append(Way({(key, 0): index for key in keys.split()}, said))
    return [*found, *(w for w in _loop.ways_of(states) if _forward(w))]


def _forward(way: Way) -> bool:
    """Return whether a mistake of the way forward is tried on the way back, too."""
    place = next(iter(way.ways))[0]
    common = ("zeros", "ones", "{o}", "the initial {a}", "{a} of one step earlier", *MOVES)
    return place in ("start", "x", "carry") and way.phrase in common


class Backward(Search):
    """The search for a loop backwards."""

    page = "backpropagation"
    must_match = True

    def __init__(self, ask: Ask, states: int) -> None:
        super().__init__(ask, states)
        self.ways = ways_of(states)
        self.stored = self._stored(self.arguments, {})
        self.W_ih = self.arguments[2 + 2 * states]
        self.dz = self.outputs[0] @ self.W_ih.T
        changes = {**IN_TIME, **IN_BATCH}
        moves: dict[str, Rule] = {p: _of_dx(change) for p, change in changes.items()}
        self.right = {("dx", 0): Trip.dx}
        self.rules = {("dx", 0): moves}
        for j in range(states):
            self.right["first", j] = lambda trip, j: trip.handed[-1][j]
            self.rules["first", j] = {p: r for p, r in FIRST.items() if usable(p, states)}
        for k in range(3):
            self.right["dW", k] = lambda trip, k: _sum(trip.shares(k))
            self.rules["dW", k] = weight_rules(k)

    def drawn(self, rng: np.random.Generator, T: int, B: int, H: int, D: int = 0) -> list[Array]:
        """Draw dhs, the ends, x, the states and the weights; without D, W_ih has an inverse."""
        wide = 4 * H if self.states == 2 else H
        inputs = _loop.drawn(rng, T, B, H, D or wide, self.states)
        if not D:
            inputs[1 + self.states] = np.linalg.qr(rng.normal(size=(wide, wide)))[0]
        ends = rng.normal(size=(self.states, B, H))
        return [6 * rng.normal(size=(T, B, H)), *(6 * ends), *inputs]

    def _stored(self, arguments: Sequence[Array], ways: Ways) -> dict[str, Array]:
        n = self.states
        state, weights = tuple(arguments[2 + n : 2 + 2 * n]), tuple(arguments[2 + 2 * n :])
        return remembered(arguments[1 + n], state, weights, ways)

    def run(self, step: Any, arguments: Sequence[Array], ways: Ways) -> Trip:
        """Run the loop."""
        n = self.states
        ends, weights = tuple(arguments[1 : 1 + n]), tuple(arguments[2 + 2 * n :])
        forwards = any(place in ("start", "x", "carry") for place, _ in ways)
        known = arguments is self.arguments and not forwards
        stored = self.stored if known else self._stored(arguments, ways)
        return travel(step, stored, arguments[0], ends, weights, ways)

    def _score(self, trip: Trip) -> float:
        """Count the steps, sequences and gates where dz is the learner's, and dh0 and dc0."""
        mine = trip.dx() @ self.W_ih.T
        best = 0
        for theirs in (self.dz, self.dz[::-1]):
            off = np.abs(mine - theirs).reshape(*mine.shape[:2], -1, trip.handed[0][0].shape[1])
            best = max(best, int((off.max(3) < 10 * self.room).sum()))
        first = zip(trip.handed[-1], self.outputs[1:], strict=False)
        return best + sum(close(a, b, self.room) for a, b in first)

    def _tried(self, step: Any, loops: Sequence[tuple[float, Sequence[Way]]]) -> Any:
        """Return the readings of loops, and the loops that agree best, each with its score.

        The outputs are looked up only where a loop scores more than the number before it.
        """
        readings, scores, seen = [], [], set()
        known: dict[bytes, Any] = {}
        for least, causes in loops:
            once = partial(self._once, step, known, bool(causes)) if step else None
            try:
                trip = self.run(once, self.arguments, together(causes))
            except TypeError:  # a step that was read as a whole does not tell this
                continue
            score, look = self._score(trip), trip.dx().round(6).tobytes()
            self.must_match = bool(causes)
            if score > least and (symptoms := self.look_up(trip)) is not None:
                readings += [merged(causes, more) for more in self.with_limits(trip, symptoms)]
            if look not in seen and score > least:
                scores.append((score, causes))
            seen.add(look)
        return readings, sorted(scores, key=lambda s: -s[0])[:KEEP]

    def _once(self, step: Any, known: dict[bytes, Any], must: bool, *arguments: Array) -> Any:
        """Return what a step read as a whole gives, from memory if it was asked before."""
        key = b"".join(a.tobytes() for a in arguments[:-3])
        if key not in known:
            known[key] = step(*arguments)
            near = [close(known[key][0], dx, self.room) for dx in self.outputs[0]]
            known[key] = (*known[key], any(near))
        *outputs, fits = known[key]
        if must and not fits:
            raise TypeError
        return outputs

    def _more(self, best: Any, ways: Sequence[Way]) -> Any:
        """Return the readings of the best loops with one more mistake, and the best of these."""
        loops = [
            (score, [*causes, one])
            for score, causes in best
            for one in ways
            if not together(causes).keys() & one.ways.keys()
        ]
        return self._tried(None, loops)

    def read(self) -> Iterator[Reading]:
        """Yield readings, plainest first."""
        base = self._score(self.run(None, self.arguments, {}))
        loops: list[Any] = [(-1, []), *((-1, [one]) for one in self.ways)]
        readings, best = self._tried(None, loops)
        yield from self.yielded(None, readings)
        best = [(score, causes) for score, causes in best if score > base]
        for law in self._laws():
            yield from self.yielded(law.model, self._tried(law.model, loops)[0], law.findings)
        readings, twice = self._more(best, self.ways)
        yield from self.yielded(None, readings)
        slips = backs(self.states)
        readings, slipped = self._more([(base, [])], slips)
        yield from self.yielded(None, readings)
        # These hide what the first step of the loop shows.
        hidden = [w for w in self.ways if ("begin", 0) in w.ways or ("begin", 1) in w.ways]
        hidden = [w for w in hidden if w.phrase == "zeros"]
        hidden += [w for w in self.ways if w.ways.keys() == {("join", 0), ("hand on", 0)}]
        mine = self.run(None, self.arguments, {}).dx() @ self.W_ih.T
        shown = bool((np.abs(mine[-1] - self.dz[-1]) < self.room).any())
        first = [] if shown else [(base, [w]) for w in hidden]
        yield from self.yielded(None, self._more(first, [*self.ways, *slips])[0])
        for more, ways in [(best, slips), (slipped, self.ways), (twice, [*self.ways, *slips])]:
            yield from self.yielded(None, self._more(more, ways)[0])
        yield self.measured()

    def _laws(self) -> Iterator[Reading]:
        """Return the laws of one step back, read from sequences of length 1."""
        n = self.states
        dhs, *rest = self.arguments
        arguments = [dhs[0], *rest[1:n], rest[n][0], *rest[n + 1 :]]
        given = [partial(by, n) for by in (_by_outputs, _by_end)]
        # Where dx is zero, no step is taken, or it is not given dh.
        views = [(by, pick) for by in given if self.ask(*by(*arguments))[0].any()]
        read = partial(read_step_back, kind="lstm" if n == 2 else "rnn")
        return self.laws(read, views, arguments)


def pick(outputs: list[Array]) -> list[Array]:
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
