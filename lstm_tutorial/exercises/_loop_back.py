"""Read the way back through a whole sequence: what is each step handed, and what is added up?

As forwards, a loop is a step and the places where loops differ: which of dhs is added, what is
handed from step to step, which stored values a step reads, in what order. Where dx tells the
gradient of every pre-activation (D = 4 H), the places can be put right one after another: a
loop that has one of two mistakes agrees with the learner's in more steps and gates than one that
has neither. Then the outputs are looked up: which steps are in the weights' gradients, and how.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises import _loop
from lstm_tutorial.exercises._loop import (
    LETTERS,
    MOVED,
    MOVED_BETWEEN,
    State,
    Way,
    Ways,
    close,
)
from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._reading import Array, Finding, Reading, Trouble
from lstm_tutorial.rnn import sigmoid

Law = Callable[..., "Turn"]
KEEP = 6  # loops of one mistake to which a second is added


class Turn(NamedTuple):
    """What one step gives back."""

    dx: Array
    before: State  # dh_prev, or dh_prev and dc_prev
    dz: Array | None  # of the pre-activations; None where the step was read as a whole
    weights: State | None  # its shares of dW_ih, dW_hh and db, where there is no dz
    total: Array | None  # dc with the way through h
    f: Array | None


class Moment(NamedTuple):
    """One turn of the loop, seen when the step has been taken."""

    n: int
    t: int
    carried: State  # what the loop held before
    own: Array  # the entry of dhs
    ends: State  # dh_T, or dh_T and dc_T
    given: State  # what the step was given
    turn: Turn


class Trip(NamedTuple):
    """The whole way back."""

    moments: list[Moment]
    handed: list[State]  # what the loop held at the start and after each step
    stored: Mapping[str, Array]
    weights: State


Value = Callable[[Moment, int], Array]


def _rows(a: Array, rows: Any) -> Array:
    return np.broadcast_to(rows, a.shape)


def _bounded(limit: float) -> Value:
    return lambda m, j: np.clip(m.turn.before[j], -limit, limit)


def _scaled(limit: float) -> Value:
    def value(m: Moment, j: int) -> Array:
        d = m.turn.before[j]
        return d * min(1.0, limit / (float(np.linalg.norm(d)) + 1e-12))

    return value


def _cut(steps: int) -> Value:
    return lambda m, j: m.turn.before[j] * ((m.n + 1) % steps != 0)


def _ended(steps: int) -> Value:
    return lambda m, j: m.turn.before[j] * (m.n + 1 < steps)


# What is handed on, for d{s} as the step gives it back.
HANDED: dict[str, Value] = {
    "zeros": lambda m, j: 0 * m.turn.before[j],
    "d{s} as the step was given it": lambda m, j: m.given[j],
    "d{s} before the product with f": lambda m, j: m.turn.total if j else m.turn.before[0] * np.nan,
    "f times the dc that the step was given, without the way through h": lambda m, j: (
        m.given[1] * m.turn.f if j else m.turn.before[0] * np.nan
    ),
    "d{s} plus the d{s} that the step was given": lambda m, j: m.turn.before[j] + m.given[j],
    "d{s} plus the d{s} of the step after": lambda m, j: m.turn.before[j] + m.carried[j],
    "d{o}": lambda m, j: m.turn.before[1 - j],
    "d{s} plus d{o}": lambda m, j: m.turn.before[j] + m.turn.before[1 - j],
    "d{s} plus dhs[t] once more": lambda m, j: m.turn.before[j] + m.own,
    "d{s} plus d{s}_T": lambda m, j: m.turn.before[j] + m.ends[j],
    "d{s}_T": lambda m, j: m.ends[j],
    **{f"d{{s}} clipped to ±{limit:g}": _bounded(limit) for limit in (1, 5, 0.5, 0.1, 10, 0.25)},
    **{f"d{{s}} scaled down to norm {limit:g}": _scaled(limit) for limit in (1, 5, 0.5, 10, 0.25)},
    "half of d{s}": lambda m, j: m.turn.before[j] / 2,
    "twice d{s}": lambda m, j: 2 * m.turn.before[j],
    "d{s} with the wrong sign": lambda m, j: -m.turn.before[j],
    "tanh of d{s}": lambda m, j: np.tanh(m.turn.before[j]),
    "0.9 times d{s}": lambda m, j: 0.9 * m.turn.before[j],
    "d{s} without its negative part": lambda m, j: np.maximum(m.turn.before[j], 0),
    **{f"d{{s}}, but zeros at every {k}th step from the end": _cut(k) for k in (2, 3, 4)},
    **{f"d{{s}}, but zeros after {k} steps": _ended(k) for k in (2, 3, 4)},
    "d{s} of the first sequence": lambda m, j: _rows(m.own, m.turn.before[j][:1]),
    "the mean of d{s} over the batch": lambda m, j: _rows(
        m.own, m.turn.before[j].mean(0, keepdims=True)
    ),
    "the sum of d{s} over the batch": lambda m, j: _rows(
        m.own, m.turn.before[j].sum(0, keepdims=True)
    ),
    "d{s} divided by the size of the batch": lambda m, j: m.turn.before[j] / len(m.own),
    "d{s} divided by H": lambda m, j: m.turn.before[j] / m.own.shape[1],
}
STARTS: dict[str, Callable[[State, Array, int], Array]] = {
    "zeros": lambda ends, dhs, j: 0 * ends[j],
    "d{o}_T": lambda ends, dhs, j: ends[1 - j],
    "twice d{s}_T": lambda ends, dhs, j: 2 * ends[j],
    "dhs[T - 1]": lambda ends, dhs, j: dhs[-1],
    "d{s}_T plus dhs[T - 1]": lambda ends, dhs, j: ends[j] + dhs[-1],
    "half of d{s}_T": lambda ends, dhs, j: ends[j] / 2,
    "d{s}_T with the wrong sign": lambda ends, dhs, j: -ends[j],
    "d{s}_T plus d{o}_T": lambda ends, dhs, j: ends[0] + ends[1],
    "ones": lambda ends, dhs, j: np.ones_like(ends[j]),
    "the mean of d{s}_T over the batch": lambda ends, dhs, j: _rows(
        ends[j], ends[j].mean(0, keepdims=True)
    ),
    "d{s}_T of the first sequence": lambda ends, dhs, j: _rows(ends[j], ends[j][:1]),
}
# What step t is given, of what the loop holds, dhs[t] and the ends; and what it is about.
JOINED: dict[str, tuple[int, str, Callable[[State, Array, State, int], Array]]] = {
    "dhs[t] alone, and what came back from the step after is lost": (
        0, "dh", lambda held, own, ends, n: own,
    ),
    "dhs[t] plus dh_T at every step, and what came back is lost": (
        0, "dh dh_T", lambda held, own, ends, n: own + ends[0],
    ),
    "what came back plus dhs[t] plus dh_T at every step": (
        0, "dh_T", lambda held, own, ends, n: held[0] + own + (ends[0] if n else 0),
    ),
    "what came back plus dhs[t], and dh_T twice": (
        0, "dh_T", lambda held, own, ends, n: held[0] + own + (0 if n else ends[0]),
    ),
    "what came back minus dhs[t]": (0, "dhs", lambda held, own, ends, n: held[0] - own),
    "dhs[t] minus what came back": (0, "dh", lambda held, own, ends, n: own - held[0]),
    "the product of what came back and dhs[t]": (0, "dh", lambda held, own, ends, n: held[0] * own),
    "the mean of what came back and dhs[t]": (
        0, "dh", lambda held, own, ends, n: (held[0] + own) / 2,
    ),
    "what came back plus dhs[t], and dhs[t] is not used at the last step": (
        0, "dhs", lambda held, own, ends, n: held[0] + (own if n else 0),
    ),
    "what came back, and dhs[t] where nothing came back yet": (
        0, "dhs", lambda held, own, ends, n: held[0] + (0 if n else own),
    ),
    "what came back plus dc": (0, "dh", lambda held, own, ends, n: held[0] + own + held[1]),
    "dc_T at every step": (1, "dc", lambda held, own, ends, n: ends[1]),
    "what came back plus dc_T at every step": (
        1, "dc_T", lambda held, own, ends, n: held[1] + (ends[1] if n else 0),
    ),
    "what came back plus dhs[t]": (1, "dc", lambda held, own, ends, n: held[1] + own),
    "dh": (1, "dc", lambda held, own, ends, n: held[0] + own),
    "what came back plus dh": (1, "dc", lambda held, own, ends, n: held[1] + held[0] + own),
}  # fmt: skip
LIMITS = ("clipped", "scaled down", "zeros at every", "zeros after")  # which need not act at t = 0
ORDERS: dict[str, Callable[[int], list[int]]] = {
    "runs from the first step to the last": lambda T: list(range(T)),
    "leaves the last step out": lambda T: list(range(T - 1))[::-1],
    "leaves the first step out": lambda T: list(range(1, T))[::-1],
    "takes the last step only": lambda T: [T - 1],
    "takes the first step only": lambda T: [0],
    "takes the last two steps only": lambda T: list(range(T))[:-3:-1],
    "takes the last three steps only": lambda T: list(range(T))[:-4:-1],
    "leaves the first and the last step out": lambda T: list(range(1, T - 1))[::-1],
}
INDICES: dict[str, Callable[[int, int], int]] = {
    "of the step before": lambda k, L: max(k - 1, 0),
    "of the step before, at t = 0 of the last step": lambda k, L: k - 1,
    "of the step after": lambda k, L: min(k + 1, L - 1),
    "of the step after, at the end of the first": lambda k, L: (k + 1) % L,
    "of the last step": lambda k, L: L - 1,
    "of the first step": lambda k, L: 0,
    "in the opposite order of time": lambda k, L: L - 1 - k,
}
# The stored values that a step reads: words, what they are about, array, and index at t = 0.
STORED = {
    "i": ("i", "i", "i", 0),
    "f": ("f in its own slope", "f", "f", 0),
    "kept": ("f, as the factor of dc,", "dc", "f", 0),
    "g": ("g", "g", "g", 0),
    "o": ("o", "o", "o", 0),
    "c": ("c", "c", "c", 1),
    "c_prev": ("c_prev", "f", "c", 0),
}
STORED_RNN = {"h": ("h in its slope", "slope", "h", 1)}
SUMS: dict[str, Callable[[list[Array], int], Array]] = {
    "the share of the step that the loop comes to last, overwritten each time": lambda s, B: s[-1],
    "the share of the step that the loop comes to first": lambda s, B: s[0],
    "the mean over the steps": lambda s, B: sum(s) / len(s),
    "the sum divided by the size of the batch": lambda s, B: sum(s) / B,
    "the sum divided by steps and batch": lambda s, B: sum(s) / len(s) / B,
    "zeros": lambda s, B: 0 * s[0],
    "the sum with the wrong sign": lambda s, B: -sum(s),
    "twice the sum": lambda s, B: 2 * sum(s),
    "half of the sum": lambda s, B: sum(s) / 2,
    "the sum without the share of the step that the loop comes to first": lambda s, B: sum(
        s[1:], 0 * s[0]
    ),
    "the sum without the share of the step that the loop comes to last": lambda s, B: sum(
        s[:-1], 0 * s[0]
    ),
    "the sum of the running sums of all steps": lambda s, B: np.cumsum(s, 0).sum(0),
    **{
        f"the sum clipped to ±{limit:g}": lambda s, B, limit=limit: np.clip(sum(s), -limit, limit)
        for limit in (1, 5, 10, 0.5)
    },
    **{
        f"the sum of shares clipped to ±{limit:g}": lambda s, B, limit=limit: sum(
            np.clip(a, -limit, limit) for a in s
        )
        for limit in (1, 5)
    },
    "the mean of the first and the last share": lambda s, B: (s[0] + s[-1]) / 2,
    "the largest share of all steps": lambda s, B: np.max(s, 0),
}


def lstm_law(v: Mapping[str, Array], dh: Array, dc: Array, W_ih: Array, W_hh: Array) -> Turn:
    """Take one step back, with the stored values."""
    i, f, g, o, squashed = v["i"], v["f"], v["g"], v["o"], np.tanh(v["c"])
    dc = dc + dh * o * (1 - squashed * squashed)
    dz = np.concatenate(
        [
            dc * g * i * (1 - i),
            dc * v["c_prev"] * f * (1 - f),
            dc * i * (1 - g * g),
            dh * squashed * o * (1 - o),
        ],
        axis=1,
    )
    return Turn(dz @ W_ih, (dz @ W_hh, dc * v["kept"]), dz, None, dc, v["kept"])


def rnn_law(v: Mapping[str, Array], dh: Array, W_ih: Array, W_hh: Array) -> Turn:
    """Take one step back, with the stored values."""
    dz = dh * (1 - v["h"] ** 2)
    return Turn(dz @ W_ih, (dz @ W_hh,), dz, None, None, None)


def _remembered(x: Array, state: State, weights: State, ways: Ways) -> dict[str, Array]:
    """Run forwards and store what the way back reads; h and c from before the first step on."""
    states = len(state)
    step = _loop.lstm_step if states == 2 else _loop.rnn_step
    path = _loop.walk(step, x, state, weights, ways)
    seen = [path.kept[0]]
    for n in range(1, len(x)):
        seen.append(_loop.changed(ways, "carry", path.kept[: n + 1]))
    named: dict[str, Array] = {"x": ways["x"](x) if "x" in ways else x}
    for j in range(states):
        s = LETTERS[j]
        named[f"{s}_seen"] = np.array([state[j] for state in seen])
        named[s] = np.array([*named[f"{s}_seen"], path.kept[-1][j]])
    if states == 2:
        z = named["x"] @ weights[0].T + named["h_seen"] @ weights[1].T + weights[2]
        i, f, g, o = np.split(z, 4, axis=2)
        named |= {"i": sigmoid(i), "f": sigmoid(f), "g": np.tanh(g), "o": sigmoid(o)}
    return named


def _read(stored: Mapping[str, Array], t: int, ways: Ways) -> dict[str, Array]:
    """Return the stored values that step t reads."""
    words = STORED if "i" in stored else STORED_RNN
    values = {}
    for key, (_, _, source, first) in words.items():
        array, k = stored[source], t + first
        if ("stored", key) in ways:
            # States have one entry more than there are steps.
            k = ways["stored", key](k, len(array))
        values[key] = array[k]
    return values


def travel(
    model: Any, stored: Mapping[str, Array], dhs: Array, ends: State, weights: State, ways: Ways
) -> Trip:
    """Run the loop backwards; `model` is a step read as a whole, or None for the right one."""
    x = stored["x"]
    dhs = ways["own"](dhs) if "own" in ways else dhs
    both = range(len(ends))
    held = tuple(ways["begin", j](ends, dhs, j) if ("begin", j) in ways else ends[j] for j in both)
    order = ways["back"](len(x)) if "back" in ways else range(len(x))[::-1]
    law = lstm_law if len(ends) == 2 else rnn_law
    moments: list[Moment] = []
    handed = [held]
    for n, t in enumerate(order):
        if n:
            held = _handed(ways, "hand", moments[-1], held)
        given = [held[0] + dhs[t], *held[1:]]
        for j in both:
            if ("join", j) in ways:
                given[j] = ways["join", j](held, dhs[t], ends, n)
        if model is None:
            turn = law(_read(stored, t, ways), *given, *weights[:2])
        else:
            turn = _as_a_whole(model, given, stored, t, weights)
        moments.append(Moment(n, t, held, dhs[t], ends, tuple(given), turn))
        held = _handed(ways, "back after", moments[-1], turn.before)
        handed.append(held)
    return Trip(moments, handed, stored, weights)


def _handed(ways: Ways, place: str, moment: Moment, held: State) -> State:
    """Return what is handed on, changed as the place says."""
    return tuple(
        ways[place, j](moment, j) if (place, j) in ways else held[j] for j in range(len(held))
    )


def _as_a_whole(
    model: Any, given: Sequence[Array], stored: Mapping[str, Array], t: int, weights: State
) -> Turn:
    seen = [stored[f"{s}_seen"][t] for s in LETTERS[: len(given)]]
    dx, *rest = model(*given, stored["x"][t], *seen, *weights)
    n = len(given)
    return Turn(dx, tuple(rest[:n]), None, tuple(rest[n:]), None, None)


def _shares(trip: Trip, which: int, inputs: Array | None = None) -> list[Array]:
    """Return the shares of dW_ih, dW_hh or db, in the order of the loop."""
    inputs = trip.stored[("x", "h_seen")[which]] if inputs is None and which < 2 else inputs
    shares = []
    for moment in trip.moments:
        dz, whole = moment.turn.dz, moment.turn.weights
        if dz is None or whole is not None:
            shares.append(whole[which] if whole else 0)
        else:
            shares.append(dz.sum(0) if which == 2 else dz.T @ inputs[moment.t])
    return shares or [0 * trip.weights[which]]


def stacked(trip: Trip) -> Array:
    """Return dx, in the order of time."""
    dx = np.zeros_like(trip.stored["x"])
    for moment in trip.moments:
        dx[moment.t] = moment.turn.dx
    return dx


def outputs(trip: Trip, ways: Ways) -> list[Array]:
    """Return dx, the gradients of the first states and of the weights, as the ways have them."""
    dx = ways["dx"](stacked(trip)) if "dx" in ways else stacked(trip)
    first = trip.handed[-1]
    ends = [
        ways["first", j](trip, j) if ("first", j) in ways else first[j] for j in range(len(first))
    ]
    weights = [
        ways["dW", k](trip, k) if ("dW", k) in ways else sum(_shares(trip, k)) for k in range(3)
    ]
    return [dx, *ends, *weights]


def _added(rule: Callable[[list[Array], int], Array]) -> Callable[[Trip, int], Array]:
    return lambda trip, k: rule(_shares(trip, k), trip.stored["x"].shape[1])


def _met(source: str, move: Callable[[Array], Array]) -> Callable[[Trip, int], Array]:
    return lambda trip, k: sum(_shares(trip, k, move(trip.stored[source])))


def weight_rules(k: int) -> dict[str, Callable[[Trip, int], Array]]:
    """Return ways to come to the gradient of weight k."""
    rules = {phrase: _added(rule) for phrase, rule in SUMS.items()}
    if k < 2:
        source = ("x", "h_seen")[k]
        if k == 1:
            rules["the sum with h after each step for h_prev"] = _met("h", lambda h: h[1:])
        for phrase, move in MOVED.items():
            words = phrase.replace("{a}", ("x", "h_prev")[k])
            rules[f"the sum with {words}"] = _met(source, move)
    return rules


FIRST: dict[str, Callable[[Trip, int], Array]] = {
    "what the step at t = 0 was given": lambda trip, j: trip.moments[-1].given[j],
    "d{s} as the step gives it back": lambda trip, j: trip.moments[-1].turn.before[j],
    "d{s} of the step that the loop comes to first": lambda trip, j: trip.handed[1][j],
    "d{s} of one step later": lambda trip, j: trip.handed[-2][j],
    "the sum of d{s} over the steps": lambda trip, j: sum(h[j] for h in trip.handed[1:]),
    "the mean of d{s} over the steps": lambda trip, j: np.mean([h[j] for h in trip.handed[1:]], 0),
    "d{s} plus dhs[0] once more": lambda trip, j: trip.handed[-1][j] + trip.moments[-1].own,
    "d{o}": lambda trip, j: trip.handed[-1][1 - j],
    **{
        phrase: lambda trip, j, value=value: value(trip.moments[-1], j)
        for phrase, value in HANDED.items()
    },
}
SAYS = {
    "own": "Step t adds {phrase}. It should add dhs[t].",
    "begin": "The loop starts from {phrase} as {names}. It should start from {right}.",
    "back": "The loop {phrase}. It should take all steps, from the last to the first.",
    "join": "Step t is given {phrase} as {names}. It should be given {right}.",
    "hand": "From one step to the one before, {phrase} is handed on as {names}. It should be what the "
    "step gave back, {right}.",
    "back after": "After each step back {names} becomes {phrase}. It should stay as it is.",
    "dx": "dx holds {phrase}. It should hold the gradient of x[t] at t.",
    "first": "You return {phrase} as {names}. It should be what the step at t = 0 gave back.",
    "dW": "{names} is {phrase}. It should be the sum of all steps' shares.",
    "stored": "The step back at t reads {phrase}. It should read that of step t.",
}


def finding(place: str, phrase: str, which: Sequence[int], about: str = "") -> Finding:
    """Put what stands at a place into words."""
    letters = [LETTERS[j] for j in which if j < 2]
    other = " and ".join(LETTERS[1 - j] for j in which if j < 2)
    names = {
        "begin": [f"d{s}_T" for s in letters],
        "first": [f"d{s}0" for s in letters],
        "dW": [("dW_ih", "dW_hh", "db")[k] for k in which],
        "own": ["dhs"],
        "back": ["time"],
        "dx": ["dx"],
    }.get(place, [f"d{s}" for s in letters])
    both = " and ".join(names)
    array = {"own": "dhs", "dx": "dx"}.get(place, "")
    phrase = phrase.replace("d{s}_T", both) if place == "begin" else phrase
    phrase = phrase.replace("d{s}_T", " and ".join(f"d{s}_T" for s in letters))
    phrase = phrase.replace("d{s}", " and ".join(f"d{s}" for s in letters))
    phrase = phrase.format(o=other, a=array)
    right = {
        "begin": both,
        "join": "what came back from the step after" + (" plus dhs[t]" if both == "dh" else ""),
        "hand": " and ".join(f"d{s}_prev" for s in letters),
    }.get(place, "")
    says = SAYS[place].format(phrase=phrase, names=both, right=right)
    where = tuple(about.split()) or tuple(names)
    title = f"the loop {phrase}" if place == "back" else f"{both}: {phrase}" if both else phrase
    return Finding(title, says, where, "backpropagation")


def ways_of(states: int) -> list[Way]:
    """Return the ways in which the loop can go wrong, the commoner first."""
    every = _loop.subsets(states)
    found = []

    def add(place: str, phrase: str, value: Any, which: Sequence[int], about: str = "") -> None:
        if _loop._usable(phrase.replace("dc", " c"), states):
            said = finding(place, phrase, which, about)
            found.append(Way({(place, j): value for j in which}, said, phrase=phrase))

    for phrase, (j, about, value) in JOINED.items():
        if j < states:
            add("join", phrase, value, (j,), about)
    for phrase, handed in HANDED.items():
        for which in every:
            if any(word in phrase for word in LIMITS):
                add("back after", phrase, handed, which)
            add("hand", phrase, handed, which)
    for phrase, start in STARTS.items():
        for which in every:
            add("begin", phrase, start, which)
    for phrase, move in {**MOVED, **MOVED_BETWEEN}.items():
        found.append(Way({"own": move}, finding("own", phrase, ())))
    for phrase, order in ORDERS.items():
        found.append(Way({"back": order}, finding("back", phrase, ())))
    late = {("join", 0): lambda held, own, ends, n: held[0]}
    late["back after", 0] = HANDED["d{s} plus dhs[t] once more"]
    says = "dhs[t] is added after the step back at t. It belongs to h after step t: add it before."
    found.append(Way(late, Finding("dhs added after the step", says, ("dhs",), "backpropagation")))
    found += _stored_ways(states)
    kinds = ("start", "carry", "x", "order", "after")
    found += [
        way
        for way in _loop.ways_of(states)
        if all((key if isinstance(key, str) else key[0]) in kinds[:3] for key in way.ways)
        and not way.mixes
    ]
    return found


def _stored_ways(states: int) -> list[Way]:
    words = STORED if states == 2 else STORED_RNN
    found = []
    for phrase, index in INDICES.items():
        for key, (name, about, _, _) in words.items():
            ways = {("stored", key): index}
            found.append(Way(ways, finding("stored", f"{name} {phrase}", (), about)))
        if states == 2:
            for name, keys, about in [
                ("all gates", ("i", "f", "g", "o", "kept"), "i f g o"),
                ("f", ("f", "kept"), "f"),
                ("c and c_prev", ("c", "c_prev"), "c"),
                ("all stored values", tuple(words), "time"),
            ]:
                ways = {("stored", key): index for key in keys}
                found.append(Way(ways, finding("stored", f"{name} {phrase}", (), about)))
    return found


def merged(causes: Sequence[Way], symptoms: Sequence[Way]) -> list[Way]:
    """Return all ways, those that are one mistake as one."""
    found, left = [], list(symptoms)
    for way in causes:
        which = [key[1] for key in way.ways if key[0] == "hand"]
        same = [
            {("first", j) for j in which} == s.ways.keys() and s.phrase == way.phrase for s in left
        ]
        if which and any(same):
            twin = left.pop(same.index(True))
            way = Way({**way.ways, **twin.ways}, finding("back after", way.phrase, which))
        found.append(way)
    return [*found, *left]


def model_of(step: Any, ways: Ways, states: int) -> Callable[..., list[Array]]:
    """Return the whole function as it was read."""

    def model(*arguments: Array) -> list[Array]:
        with np.errstate(all="ignore"):
            stored = _stored(arguments, ways, states)
            try:
                return outputs(_travel(step, stored, arguments, ways, states), ways)
            except IndexError:  # no step was taken that a value could come from
                return [np.full(1, np.nan)] * (4 + states)

    return model


def _stored(arguments: Sequence[Array], ways: Ways, n: int) -> dict[str, Array]:
    x, state = arguments[1 + n], tuple(arguments[2 + n : 2 + 2 * n])
    return _remembered(x, state, tuple(arguments[2 + 2 * n :]), ways)


def _travel(
    step: Any, stored: Mapping[str, Array], arguments: Sequence[Array], ways: Ways, n: int
) -> Trip:
    ends, weights = tuple(arguments[1 : 1 + n]), tuple(arguments[2 + 2 * n :])
    return travel(step, stored, arguments[0], ends, weights, ways)


class BackwardReader:
    """The search for one learner's loop."""

    def __init__(self, ask: Ask, states: int) -> None:
        self.ask, self.states = ask, states
        self.room = max(1e-9, 30 * ask.eps)
        rng = np.random.default_rng(17)
        H, B, T = 2, 3, 5
        D = 4 * H if states == 2 else H + 1
        inputs = _loop.drawn(rng, T, B, D, H, states)
        whole = np.linalg.qr(rng.normal(size=(D, D)))[0]
        inputs[1 + states] = whole[: inputs[1 + states].shape[0]]
        ends = rng.normal(size=(states, B, H))
        self.arguments = [6 * rng.normal(size=(T, B, H)), *(6 * ends), *inputs]
        self.stored = _stored(self.arguments, {}, states)
        self.outputs = ask(*self.arguments)
        tries = [self._drawn(rng, *sizes) for sizes in _loop.FRESH]
        self.fresh = _loop.fresh(ask, tries, self.room)
        self.dz = self.outputs[0] @ inputs[1 + states].T
        self.ways = ways_of(states)
        self.rules = [weight_rules(k) for k in range(3)]

    def _drawn(self, rng: np.random.Generator, T: int, B: int, D: int, H: int) -> list[Array]:
        ends = rng.normal(size=(self.states, B, H))
        inputs = _loop.drawn(rng, T, B, D, H, self.states)
        return [3 * rng.normal(size=(T, B, H)), *(3 * ends), *inputs]

    def _score(self, trip: Trip) -> float:
        """Count the steps and gates in which the loop's dz is the learner's."""
        gates = 4 if self.states == 2 else 1
        dx = stacked(trip)
        mine = dx @ self.arguments[2 + 2 * self.states].T
        best = 0.0
        for theirs in (self.dz, self.dz[::-1]):
            off = np.abs(mine - theirs).reshape(*theirs.shape[:2], gates, -1).max((1, 3))
            best = max(best, float((off < self.room * 100).sum()))
        first = zip(trip.handed[-1], self.outputs[1:], strict=False)
        return best + sum(close(a, b, self.room) for a, b in first)

    def _look_up(self, trip: Trip) -> list[Way] | None:
        """Return what the outputs are in terms of the way back; None if they are not."""
        dx, *rest = self.outputs
        found: list[Way] = []
        right = stacked(trip)
        if not close(dx, right, self.room):
            moves = {**MOVED, **MOVED_BETWEEN}
            phrase = next((p for p in moves if close(dx, moves[p](right), self.room)), None)
            if phrase is None:
                return None
            found.append(Way({"dx": moves[phrase]}, finding("dx", phrase, ())))
        n = self.states
        ends = self._which(trip, rest[:n], trip.handed[-1], [FIRST] * n)
        weights = self._which(trip, rest[n:], [sum(_shares(trip, k)) for k in range(3)], self.rules)
        if ends is None or weights is None:
            return None
        for place, names, rules in (("first", ends, [FIRST] * n), ("dW", weights, self.rules)):
            for phrase, which in names.items():
                ways = {(place, j): rules[j][phrase] for j in which}
                found.append(Way(ways, finding(place, phrase, which), phrase=phrase))
        return found

    def _which(
        self, trip: Trip, got: Sequence[Array], right: Sequence[Array], rules: Sequence[Any]
    ) -> dict[str, list[int]] | None:
        """Return which rule makes which outputs."""
        phrases: dict[str, list[int]] = {}
        for j, (mine, want) in enumerate(zip(got, right, strict=True)):
            if close(mine, want, self.room):
                continue
            for phrase, rule in rules[j].items():
                usable = _loop._usable(phrase, self.states)
                if usable and self._is(rule, trip, j, mine):
                    phrases.setdefault(phrase, []).append(j)
                    break
            else:
                return None
        return phrases

    def _is(self, rule: Any, trip: Trip, j: int, mine: Array) -> bool:
        try:
            return close(mine, rule(trip, j), self.room)
        except (TypeError, IndexError):  # a value that a step read as a whole does not tell
            return False

    def _trip(self, step: Any, causes: Sequence[Way]) -> Trip | None:
        ways = {key: value for way in causes for key, value in way.ways.items()}
        forwards = any(key[0] in ("start", "carry") or key == "x" for key in ways)
        stored = _stored(self.arguments, ways, self.states) if forwards else self.stored
        try:
            return _travel(step, stored, self.arguments, ways, self.states)
        except TypeError:
            return None

    def _tried(
        self, step: Any, loops: Sequence[Sequence[Way]], least: Sequence[float]
    ) -> tuple[list[list[Way]], list[tuple[float, Sequence[Way]]]]:
        """Return the readings of loops, fewest findings first, and the score of each loop.

        The outputs are looked up only where a loop scores more than it must.
        """
        readings, scores, seen = [], [], set()
        for causes, must in zip(loops, least, strict=True):
            trip = self._trip(step, causes)
            if trip is None:
                continue
            score = self._score(trip)
            if score > must and (symptoms := self._look_up(trip)) is not None:
                readings.append(merged(causes, symptoms))
            look = stacked(trip).round(6).tobytes()
            if look not in seen:
                seen.add(look)
                scores.append((score, causes))
        return sorted(readings, key=len), sorted(scores, key=lambda s: -s[0])[:KEEP]

    def _yielded(self, step: Any, readings: Sequence[Sequence[Way]], own: Any) -> Iterator[Reading]:
        for found in readings:
            ways = {key: value for way in found for key, value in way.ways.items()}
            said = [*own, *(way.finding for way in found)]
            model = model_of(step, ways, self.states)
            if _loop.holds(model, self.fresh):
                yield Reading(said, model)

    def read(self, read_step: Any) -> Iterator[Reading]:
        """Yield readings, plainest first."""
        loops: list[list[Way]] = [[], *([way] for way in self.ways)]
        any_score = [-1.0] * len(loops)
        readings, best = self._tried(None, loops, any_score)
        yield from self._yielded(None, readings, ())
        for reading in self._steps(read_step):
            whole, _ = self._tried(reading.model, loops, any_score)
            yield from self._yielded(reading.model, whole, reading.findings)
        for _ in range(2):
            more = [
                (score, [*causes, way])
                for score, causes in best
                for way in self.ways
                if not any(way.ways.keys() & other.ways.keys() for other in causes)
            ]
            readings, best = self._tried(None, [c for _, c in more], [s for s, _ in more])
            yield from self._yielded(None, readings, ())
        yield self._measured()

    def _steps(self, read_step: Any) -> Iterator[Reading]:
        """Yield the laws of one step back, read from sequences of length 1."""
        n = self.states
        dhs, *rest = self.arguments
        arguments = [dhs[0], *rest[1:n], rest[n][0], *rest[n + 1 :]]

        def by_outputs(dh: Array, *others: Array) -> list[Array]:
            return [dh[None], 0 * dh, *others[: n - 1], others[n - 1][None], *others[n:]]

        def by_end(dh: Array, *others: Array) -> list[Array]:
            return [0 * dh[None], dh, *others[: n - 1], others[n - 1][None], *others[n:]]

        def pick(outputs: list[Array]) -> list[Array]:
            return [outputs[0][0], *outputs[1:]]

        for given in (by_outputs, by_end):
            part = _loop.Part(self.ask, given, pick)
            right = pick(model_of(None, {}, n)(*given(*arguments)))
            try:
                got = part(*arguments)
            except Trouble:
                return
            if all(close(g, w, self.room) for g, w in zip(got, right, strict=True)):
                return
        for given in (by_outputs, by_end) if read_step else ():
            for reading in read_step(_loop.Part(self.ask, given, pick)):
                if reading.model is not None:
                    yield reading

    def _measured(self) -> Reading:
        """Say what was measured."""
        want = outputs(_travel(None, self.stored, self.arguments, {}, self.states), {})
        names = ["dx", "dh0", "dc0", "dW_ih", "dW_hh", "db"]
        names = names if self.states == 2 else [n for n in names if n != "dc0"]
        pairs = zip(names, self.outputs, want, strict=True)
        wrong = [n for n, got, right in pairs if not close(got, right, self.room)]
        says = f"Wrong: {', '.join(wrong)}."
        return Reading([Finding("not read", says, tuple(wrong), "backpropagation")])


def read_backward(ask: Ask, read_step: Any = None) -> Iterator[Reading]:
    """Read backward(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b)."""
    return BackwardReader(ask, 2).read(read_step)


def read_rnn_backward(ask: Ask, read_step: Any = None) -> Iterator[Reading]:
    """Read backward(dhs, dh_T, x, h0, W_ih, W_hh, b)."""
    return BackwardReader(ask, 1).read(read_step)
