"""Read a whole sequence, forwards: which state does each step see, and which does it return?

A loop is a step and a few places where loops differ: the inputs and their order, the states at the
start, those handed from step to step, and what is returned. Each place is filled in turn with the
values of one small list, plainest first. What the learner returns is then looked up among the
states on the way, so that a mistake of the loop and others of the outputs come out together.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._reading import Array, Finding, Reading, Trouble
from lstm_tutorial.rnn import sigmoid

State = tuple[Array, ...]  # h, or h and c
Kept = list[State]  # the states at the start, then those after each step
Value = Callable[[Kept, int], Array]  # of all states so far, for state number 0 or 1
Step = Callable[..., Sequence[Array]]
Ways = Mapping[Any, Any]  # what stands at each place that is not filled rightly
LETTERS = "hc"


def lstm_step(x: Array, h: Array, c: Array, W_ih: Array, W_hh: Array, b: Array) -> State:
    """Return h and c after a step."""
    z, H = x @ W_ih.T + h @ W_hh.T + b, h.shape[1]
    s = sigmoid(z)
    c = s[:, H : 2 * H] * c + s[:, :H] * np.tanh(z[:, 2 * H : 3 * H])
    return s[:, 3 * H :] * np.tanh(c), c


def rnn_step(x: Array, h: Array, W_ih: Array, W_hh: Array, b: Array) -> State:
    """Return h after a step."""
    return (np.tanh(x @ W_ih.T + h @ W_hh.T + b),)


def _standard(a: Array, axis: int) -> Array:
    spread = np.sqrt(a.var(axis, keepdims=True) + 1e-5)
    return (a - a.mean(axis, keepdims=True)) / spread


def _softmax(a: Array) -> Array:
    raised = np.exp(a - a.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def _before(k: Kept, j: int) -> Array:
    return k[-2][j] if len(k) > 1 else k[0][j]


def _clipped(limit: float) -> Value:
    return lambda k, j: np.clip(k[-1][j], -limit, limit)


# {s} stands for the state itself, {o} for the other one.
PLAIN: dict[str, Value] = {
    "zeros": lambda k, j: 0 * k[-1][j],
    "the initial {s}": lambda k, j: k[0][j],
    "{o}": lambda k, j: k[-1][1 - j],
    "{s} of one step earlier": _before,
    "tanh of {o}": lambda k, j: np.tanh(k[-1][1 - j]),
    "tanh of {s}": lambda k, j: np.tanh(k[-1][j]),
    "the initial {o}": lambda k, j: k[0][1 - j],
    "{o} of one step earlier": lambda k, j: _before(k, 1 - j),
    "{s} after the first step": lambda k, j: k[min(1, len(k) - 1)][j],
    "{s} plus {s} of one step earlier": lambda k, j: k[-1][j] + _before(k, j),
    "{s} plus the initial {s}": lambda k, j: k[-1][j] + k[0][j],
    "the mean of {s} and {s} of one step earlier": lambda k, j: (k[-1][j] + _before(k, j)) / 2,
    "h plus c": lambda k, j: k[-1][0] + k[-1][1],
    "h times c": lambda k, j: k[-1][0] * k[-1][1],
    "{s} clipped to ±1": _clipped(1),
    "{s} clipped to ±0.5": _clipped(0.5),
    "{s} clipped to ±5": _clipped(5),
    "{s} clipped to ±10": _clipped(10),
    "{s} without its negative part (ReLU)": lambda k, j: np.maximum(k[-1][j], 0),
    "σ of {s}": lambda k, j: sigmoid(k[-1][j]),
    "half of {s}": lambda k, j: k[-1][j] / 2,
    "0.9 times {s}": lambda k, j: 0.9 * k[-1][j],
    "twice {s}": lambda k, j: 2 * k[-1][j],
    "{s} with the wrong sign": lambda k, j: -k[-1][j],
    "ones": lambda k, j: np.ones_like(k[-1][j]),
    "{s} scaled to length 1": lambda k, j: (
        k[-1][j] / (np.linalg.norm(k[-1][j], axis=1, keepdims=True) + 1e-8)
    ),
    "{s} standardised over its units (layer norm)": lambda k, j: _standard(k[-1][j], 1),
    "softmax of {s}": lambda k, j: _softmax(k[-1][j]),
}
# These lead from one sequence to another.
MIXED: dict[str, Value] = {
    "{s} of the first sequence": lambda k, j: np.repeat(k[-1][j][:1], len(k[-1][j]), 0),
    "{s} of the last sequence": lambda k, j: np.repeat(k[-1][j][-1:], len(k[-1][j]), 0),
    "the mean of {s} over the batch": lambda k, j: np.repeat(
        k[-1][j].mean(0, keepdims=True), len(k[-1][j]), 0
    ),
    "the sum of {s} over the batch": lambda k, j: np.repeat(
        k[-1][j].sum(0, keepdims=True), len(k[-1][j]), 0
    ),
    "{s} of the sequence before in the batch": lambda k, j: np.roll(k[-1][j], 1, 0),
    "{s} of the next sequence in the batch": lambda k, j: np.roll(k[-1][j], -1, 0),
    "{s} with the batch in reverse order": lambda k, j: k[-1][j][::-1],
    "{s} standardised over the batch (batch norm)": lambda k, j: _standard(k[-1][j], 0),
    "{s} divided by the length of the whole array": lambda k, j: (
        k[-1][j] / np.linalg.norm(k[-1][j])
    ),
    "{s} reshaped from (H, B)": lambda k, j: k[-1][j].T.reshape(k[-1][j].shape),
}
VALUES = {**PLAIN, **MIXED}
AT_END: dict[str, Value] = {
    "the mean of {s} over the steps": lambda k, j: np.mean([s[j] for s in k[1:]], 0),
    "the sum of {s} over the steps": lambda k, j: np.sum([s[j] for s in k[1:]], 0),
    "the largest {s} of all steps": lambda k, j: np.max([s[j] for s in k[1:]], 0),
}


def _at(index: Callable[[int, int], int]) -> Callable[[Array], Array]:
    """Return what takes entry index(t, T) for entry t."""
    return lambda a: a[[index(t, len(a)) for t in range(len(a))]]


# Inputs for x[t]; reverse and neighbours serve other arrays over time, too.
MOVED: dict[str, Callable[[Array], Array]] = {
    "{a}[t - 1], and at t = 0 the last one": lambda a: np.roll(a, 1, 0),
    "{a}[t - 1], and at t = 0 {a}[0]": _at(lambda t, T: max(t - 1, 0)),
    "{a}[t - 1], and at t = 0 zeros": lambda a: np.concatenate([0 * a[:1], a[:-1]]),
    "{a}[t + 1], and at the end {a}[T - 1]": _at(lambda t, T: min(t + 1, T - 1)),
    "{a}[t + 1], and at the end {a}[0]": lambda a: np.roll(a, -1, 0),
    "{a}[t + 1], and at the end zeros": lambda a: np.concatenate([a[1:], 0 * a[:1]]),
    "{a}[0] at every step": _at(lambda t, T: 0),
    "{a}[T - 1] at every step": _at(lambda t, T: T - 1),
    "{a} from the last step to the first": lambda a: a[::-1],
    "the mean of {a} over the steps": lambda a: np.repeat(a.mean(0, keepdims=True), len(a), 0),
    "the sum of {a} up to step t": lambda a: a.cumsum(0),
    "zeros": lambda a: 0 * a,
    "{a} at the last step only, and zeros before": (lambda a: np.concatenate([0 * a[:-1], a[-1:]])),
    "{a} at the first step only, and zeros after": lambda a: np.concatenate([a[:1], 0 * a[1:]]),
    "{a} but for the last step, which is zero": lambda a: np.concatenate([a[:-1], 0 * a[:1]]),
    "{a} but for the first step, which is zero": lambda a: np.concatenate([0 * a[:1], a[1:]]),
    "half of {a}": lambda a: a / 2,
    "twice {a}": lambda a: 2 * a,
    "{a} divided by T": lambda a: a / len(a),
    "{a} with the wrong sign": lambda a: -a,
    "{a}[t] plus {a}[t - 1]": lambda a: a + np.concatenate([0 * a[:1], a[:-1]]),
    "tanh of {a}": np.tanh,
}
MOVED_BETWEEN: dict[str, Callable[[Array], Array]] = {
    "{a} reshaped to (B, T, …) as if that turned the axes": lambda a: a.reshape(
        a.shape[1], a.shape[0], -1
    ).swapaxes(0, 1),
    "{a} reshaped from (B, T, …) as if that turned the axes": lambda a: a.swapaxes(0, 1).reshape(
        a.shape
    ),
    "{a} of the first sequence": lambda a: np.repeat(a[:, :1], a.shape[1], 1),
    "{a} with the batch in reverse order": lambda a: a[:, ::-1],
    "the mean of {a} over the batch": lambda a: np.repeat(a.mean(1, keepdims=True), a.shape[1], 1),
    "{a} of the next sequence in the batch": lambda a: np.roll(a, -1, 1),
    "{a} of the sequence before in the batch": lambda a: np.roll(a, 1, 1),
}
# The inputs that a loop reads in turn, and the row of hs in which it writes.
ORDERS: dict[str, Callable[[int], tuple[list[int], list[int]]]] = {
    "leaves the last step out": lambda T: (list(range(T - 1)), list(range(T - 1))),
    "leaves the first step out": lambda T: (list(range(1, T)), list(range(1, T))),
    "runs from the last step to the first": lambda T: (
        list(range(T))[::-1],
        list(range(T))[::-1],
    ),
    "takes every second step only": lambda T: (list(range(0, T, 2)), list(range(0, T, 2))),
    "takes the first step only": lambda T: ([0], [0]),
    "takes the last step only": lambda T: ([T - 1], [T - 1]),
    "leaves the first and the last step out": lambda T: (
        list(range(1, T - 1)),
        list(range(1, T - 1)),
    ),
    "takes each step twice": lambda T: (
        [t for t in range(T) for _ in "12"],
        [t for t in range(T) for _ in "12"],
    ),
}
PLACES = {
    "x": ("x", "Step t reads {phrase}. It should read x[t]."),
    "order": ("time", "The loop {phrase}. It should take all steps, from the first to the last."),
    "batch": ("batch", "{phrase} Each sequence should keep its own states, from h0 and c0 on."),
    "start": ("start", "The loop starts from {phrase}. It should start from {names}."),
    "carry": (
        "carry",
        "From the second step on, a step sees {phrase} as {names}. It should see {names} as the "
        "step before left it.",
    ),
    "after": ("after", "After each step {names} becomes {phrase}. It should stay as it is."),
    "hs": ("hs", "hs holds {phrase}. It should hold h after each step, in the order of time."),
    "end": ("end", "You return {phrase} as {names}. It should be {right} after the last step."),
}


def finding(place: str, phrase: str, which: Sequence[int]) -> Finding:
    """Put what stands at a place into words; `which` are the states that it is about."""
    letters = [LETTERS[j] for j in which or (0,)]
    other = [LETTERS[1 - j] for j in which or (0,)]
    names = {
        "start": [f"{s}0" for s in letters],
        "end": [f"{s}_T" for s in letters],
    }.get(place, letters)
    both = " and ".join(names)
    phrase = phrase.format(s=" and ".join(letters), o=" and ".join(other), a=place)
    says = PLACES[place][1].format(phrase=phrase, names=both, right=" and ".join(letters))
    mixes = "batch" in phrase or "sequence" in phrase
    where = {"x": ("x",), "order": ("x",), "batch": ("batch",), "hs": ("hs",)}.get(
        place, ("batch",) if mixes and place != "end" else tuple(names)
    )
    title = {
        "x": f"x: {phrase}",
        "order": f"the loop {phrase}",
        "batch": "states carried between sequences",
        "start": f"{both}: {phrase}",
        "carry": f"{both} from step to step: {phrase}",
        "after": f"{both} after each step: {phrase}",
        "hs": f"hs: {phrase}",
        "end": f"{both}: {phrase}",
    }[place]
    page = "sequences" if place in {"x", "order", "batch", "hs"} else "state"
    return Finding(title, says, where, page)


class Way(NamedTuple):
    """One way to fill one place, or two places alike, wrongly."""

    ways: Ways
    finding: Finding
    mixes: bool = False
    phrase: str = ""


def changed(ways: Ways, place: str, kept: Kept) -> State:
    """Return the newest states, changed as the place says."""
    newest = kept[-1]
    return tuple(
        ways[place, j](kept, j) if (place, j) in ways else newest[j] for j in range(len(newest))
    )


class Path(NamedTuple):
    """The states on the way and the rows of hs that they are for."""

    kept: Kept
    rows: list[int]
    steps: int


def walk(step: Step, x: Array, state: State, weights: State, ways: Ways) -> Path:
    """Run the loop."""
    if "batch" in ways:
        rest = {key: ways[key] for key in ways if key != "batch"}
        return ways["batch"](step, x, state, weights, rest)
    x = ways["x"](x) if "x" in ways else x
    every = list(range(len(x)))
    reads, rows = ways["order"](len(x)) if "order" in ways else (every, every)
    places = {key[0] for key in ways}
    kept = [state]
    kept = [changed(ways, "start", kept)] if "start" in places else kept
    for n, t in enumerate(reads):
        seen = changed(ways, "carry", kept) if n and "carry" in places else kept[-1]
        kept.append(tuple(step(x[t], *seen, *weights)))
        if "after" in places:
            kept[-1] = changed(ways, "after", kept)
    return Path(kept, rows, len(x))


def _one_by_one(carried: Sequence[int]) -> Callable[..., Path]:
    """Return a loop over sequences in which some states are never set back."""

    def run(step: Step, x: Array, state: State, weights: State, ways: Ways) -> Path:
        paths: list[Path] = []
        for n in range(x.shape[1]):
            own = tuple(s[n : n + 1] for s in state)
            if n:
                last = paths[-1].kept[-1]
                own = tuple(last[j] if j in carried else own[j] for j in range(len(own)))
            paths.append(walk(step, x[:, n : n + 1], own, weights, ways))
        return _side_by_side(paths)

    return run


def _shared(step: Step, x: Array, state: State, weights: State, ways: Ways) -> Path:
    """Run through the batch at each step with one state for all sequences."""
    own = tuple(s[:1] for s in state)
    path = walk(step, x.reshape(-1, 1, x.shape[2]), own, weights, ways)
    B = x.shape[1]
    turns = [path.kept[1 + n :: B] for n in range(B)]
    paths = [Path([path.kept[0], *turn], list(range(len(x))), len(x)) for turn in turns]
    return _side_by_side(paths)


def _side_by_side(paths: Sequence[Path]) -> Path:
    moments = zip(*(p.kept for p in paths), strict=True)
    kept = [tuple(np.concatenate(rows) for rows in zip(*m, strict=True)) for m in moments]
    return Path(kept, paths[0].rows, paths[0].steps)


def subsets(states: int) -> list[tuple[int, ...]]:
    """Return which states a mistake can be about."""
    return [(0,)] if states == 1 else [(0,), (1,), (0, 1)]


def _usable(phrase: str, states: int) -> bool:
    return states == 2 or not any(word in phrase for word in ("{o}", " c"))


def ways_of(states: int) -> list[Way]:
    """Return all ways in which a loop can go wrong before anything is returned."""
    found = []
    for place, (phrase, value), which in product(
        ["start", "carry", "after"], VALUES.items(), subsets(states)
    ):
        steps = "step" in phrase or "initial" in phrase
        if not _usable(phrase, states) or (place == "start" and steps and "{o}" not in phrase):
            continue
        if place == "after" and phrase in {"zeros", "ones", "the initial {s}"}:
            continue
        ways = {(place, j): value for j in which}
        found.append(Way(ways, finding(place, phrase, which), phrase in MIXED))
    for phrase, move in {**MOVED, **MOVED_BETWEEN}.items():
        found.append(Way({"x": move}, finding("x", phrase, ()), phrase in MOVED_BETWEEN))
    for phrase, order in ORDERS.items():
        found.append(Way({"order": order}, finding("order", phrase, ())))
    for which in subsets(states):
        names = " and ".join(LETTERS[j] for j in which)
        says = f"{names} at the end of a sequence is carried on into the next one of the batch."
        found.append(Way({"batch": _one_by_one(which)}, finding("batch", says, which), True))
    says = "The sequences of the batch hand one state from one to the next within each step."
    found.append(Way({"batch": _shared}, finding("batch", says, ()), True))
    return found


def stacked(path: Path, value: Value | None = None) -> Array:
    """Return one array over time of a value, h itself if it is None."""
    out = np.zeros((path.steps, *path.kept[0][0].shape))
    for n, row in enumerate(path.rows):
        out[row] = value(path.kept[: n + 2], 0) if value else path.kept[n + 1][0]
    return out


def _rows(value: Value) -> Callable[[Path], Array]:
    return lambda path: stacked(path, value)


def _moved(move: Callable[[Array], Array]) -> Callable[[Path], Array]:
    return lambda path: move(stacked(path))


def _to_end(path: Path) -> Array:
    return np.repeat(path.kept[-1][0][None], path.steps, 0)


def _hs_rules(states: int) -> dict[str, Callable[[Path], Array]]:
    words = {p: v for p, v in VALUES.items() if _usable(p, states)}
    moved = {**MOVED, **MOVED_BETWEEN}
    return {
        "h of the last step at every step": _to_end,
        **{phrase: _rows(value) for phrase, value in words.items()},
        **{phrase.replace("{a}", "hs"): _moved(move) for phrase, move in moved.items()},
    }


def outputs(path: Path, ways: Ways) -> list[Array]:
    """Return hs and the last states, as the ways have them."""
    hs = ways["hs"](path) if "hs" in ways else stacked(path)
    last = path.kept[-1]
    ends = [
        ways["end", j](path.kept, j) if ("end", j) in ways else last[j] for j in range(len(last))
    ]
    return [hs, *ends]


def model_of(step: Step, ways: Ways, states: int) -> Callable[..., list[Array]]:
    """Return the whole function as it was read."""

    def model(*arguments: Array) -> list[Array]:
        x, state, weights = arguments[0], arguments[1 : 1 + states], arguments[1 + states :]
        with np.errstate(all="ignore"):
            return outputs(walk(step, x, state, weights, ways), ways)

    return model


class Probe(NamedTuple):
    """Arguments, what the learner made of them, and how exact that is."""

    arguments: list[Array]
    outputs: list[Array]
    room: float


def close(got: Array, want: Array, room: float) -> bool:
    """Return whether two arrays are one, but for rounding."""
    scale = max(1.0, float(np.abs(want).max(initial=0)))
    return got.shape == want.shape and bool(np.abs(got - want).max(initial=0) <= room * scale)


def drawn(rng: np.random.Generator, T: int, B: int, D: int, H: int, states: int) -> list[Array]:
    """Draw x, the states and the weights."""
    gates = 4 if states == 2 else 1
    x, *state = rng.normal(size=(T, B, D)), *rng.normal(size=(states, B, H))
    for s in state:
        s[0] *= 8  # far out, where clipping shows
    W_ih, W_hh = rng.normal(size=(gates * H, D)) / 2, rng.normal(size=(gates * H, H))
    return [x, *state, W_ih, W_hh, rng.normal(size=gates * H) / 2]


FRESH = [(4, 2, 3, 4), (1, 3, 2, 5), (6, 4, 4, 4)]  # sizes T, B, D, H at which a model is tried


def fresh(ask: Ask, tries: Sequence[list[Array]], room: float) -> list[Probe]:
    """Ask for what a model has to give."""
    probes = []
    for arguments in tries:
        with contextlib.suppress(Trouble):  # it is said apart
            probes.append(Probe(arguments, ask(*arguments), room))
    return probes


def holds(model: Step, probes: Sequence[Probe]) -> bool:
    """Return whether a model gives the learner's numbers."""
    return all(
        close(got, want, probe.room)
        for probe in probes
        for got, want in zip(model(*probe.arguments), probe.outputs, strict=True)
    )


def look_up(path: Path, probe: Probe, rules: Mapping[str, Any]) -> list[Way] | None:
    """Return what the outputs are in terms of the states on the way; None if they are not."""
    found = []
    hs, *ends = probe.outputs
    if not close(hs, stacked(path), probe.room):
        phrase = next((p for p, rule in rules.items() if close(hs, rule(path), probe.room)), None)
        if phrase is None:
            return None
        found.append(Way({"hs": rules[phrase]}, finding("hs", phrase, ())))
    phrases: dict[str, list[int]] = {}
    values = {**VALUES, **AT_END}
    for j, end in enumerate(ends):
        if close(end, path.kept[-1][j], probe.room):
            continue
        usable = (p for p in values if _usable(p, len(ends)))
        phrase = next((p for p in usable if close(end, values[p](path.kept, j), probe.room)), None)
        if phrase is None:
            return None
        phrases.setdefault(phrase, []).append(j)
    for phrase, which in phrases.items():
        ways = {("end", j): values[phrase] for j in which}
        found.append(Way(ways, finding("end", phrase, which)))
    return found


class Part:
    """One step, asked of a function that walks whole sequences."""

    def __init__(
        self, ask: Ask, given: Callable[..., list[Array]], pick: Callable[..., Any]
    ) -> None:
        self._ask, self._given, self._pick, self.eps = ask, given, pick, ask.eps

    @property
    def calls(self) -> int:
        """Return the number of calls so far."""
        return self._ask.calls

    def __call__(self, *arguments: Array) -> list[Array]:
        return self._pick(self._ask(*self._given(*arguments)))


def _one_step(x: Array, *rest: Array) -> list[Array]:
    return [x[None], *rest]


def _views(states: int) -> list[Callable[[list[Array]], list[Array]]]:
    """Return where h and c after one step may stand among the outputs."""
    if states == 1:
        return [lambda out: [out[0][0]], lambda out: [out[1]]]
    return [
        lambda out: [out[0][0], out[2]],
        lambda out: [out[1], out[2]],
        lambda out: [out[0][0], out[1]],
    ]


def _mixes(ask: Ask, probe: Probe, states: int) -> bool:
    """Return whether what one sequence holds reaches another."""
    x, *state = (a.copy() for a in probe.arguments[: 1 + states])
    x[:, 1] += 0.5
    for s in state:
        s[1] += 0.5
    hs, *ends = ask(x, *state, *probe.arguments[1 + states :])
    others = [0, *range(2, x.shape[1])]
    moved = [hs[:, others] - probe.outputs[0][:, others]]
    moved += [a[others] - b[others] for a, b in zip(ends, probe.outputs[1:], strict=True)]
    return any(float(np.abs(m).max()) > probe.room for m in moved)


class ForwardReader:
    """The search for one learner's loop."""

    def __init__(self, ask: Ask, states: int) -> None:
        self.ask, self.states = ask, states
        self.room = max(1e-9, 30 * ask.eps)
        rng = np.random.default_rng(16)
        self.long = self._probe(drawn(rng, 5, 3, 5, 2, states))
        self.short = self._probe(drawn(rng, 2, 3, 5, 2, states))
        self.fresh = fresh(ask, [drawn(rng, *sizes, states) for sizes in FRESH], self.room)
        mixes = _mixes(ask, self.long, states)
        self.ways = [way for way in ways_of(states) if mixes or not way.mixes]
        self.rules = _hs_rules(states)

    def _probe(self, arguments: list[Array]) -> Probe:
        return Probe(arguments, self.ask(*arguments), self.room)

    def _path(self, step: Step, probe: Probe, ways: Ways) -> Path:
        n = 1 + self.states
        x, state, weights = probe.arguments[0], probe.arguments[1:n], probe.arguments[n:]
        return walk(step, x, tuple(state), tuple(weights), ways)

    def _reading(self, step: Step, causes: Sequence[Way]) -> tuple[list[Way], Ways] | None:
        ways = {key: value for way in causes for key, value in way.ways.items()}
        symptoms = look_up(self._path(step, self.long, ways), self.long, self.rules)
        if symptoms is None:
            return None
        for way in symptoms:
            ways |= way.ways
        return [*causes, *symptoms], ways

    def _all(self, step: Step, tries: Sequence[Sequence[Way]], own: Sequence[Finding]) -> Any:
        """Yield the readings of some loops, those with fewest findings first."""
        readings = [r for causes in tries if (r := self._reading(step, causes))]
        for found, ways in sorted(readings, key=lambda r: len(r[0])):
            said = [*own, *(way.finding for way in found)]
            model = model_of(step, ways, self.states)
            if holds(model, self.fresh):
                yield Reading(said, model)

    def _could_be(self, step: Step, pair: Sequence[Way]) -> bool:
        """Return whether two steps end in a state that the learner returns somewhere."""
        ways = {key: value for way in pair for key, value in way.ways.items()}
        last = self._path(step, self.short, ways).kept[-1]
        hs, *ends = self.short.outputs
        seen = np.array([*hs, *ends])
        return any(
            bool((np.abs(seen - s).max((1, 2)) <= self.room * max(1, np.abs(s).max())).any())
            for s in last
        )

    def read(self, step: Step, read_step: Any) -> Iterator[Reading]:
        """Yield readings, plainest first."""
        singles = [[], *([way] for way in self.ways if self._could_be(step, [way]))]
        yield from self._all(step, singles, [])
        for reading in self._steps(step, read_step):
            yield from self._all(reading.model, singles, reading.findings)
        pairs = [p for p in combinations(self.ways, 2) if not p[0].ways.keys() & p[1].ways.keys()]
        with np.errstate(all="ignore"):
            likely = [pair for pair in pairs if self._could_be(step, pair)]
        yield from self._all(step, likely, [])
        yield self._measured(step)

    def _steps(self, step: Step, read_step: Any) -> Iterator[Reading]:
        """Yield the laws of one step, read from sequences of length 1; none if it is right."""
        x, *rest = self.short.arguments
        want = step(x[0], *rest)
        for view in _views(self.states):
            part = Part(self.ask, _one_step, view)
            try:
                got = part(x[0], *rest)
            except Trouble:
                return
            if all(close(g, w, self.room) for g, w in zip(got, want, strict=True)):
                return
        for view in _views(self.states) if read_step else ():
            for reading in read_step(Part(self.ask, _one_step, view)):
                if reading.model is not None:
                    yield reading

    def _measured(self, step: Step) -> Reading:
        """Say what was measured."""
        want = outputs(self._path(step, self.long, {}), {})
        names = ["hs", "h_T", "c_T"][: 1 + self.states]
        pairs = list(zip(names, self.long.outputs, want, strict=True))
        wrong = [n for n, got, right in pairs if not close(got, right, self.room)]
        hs = self.long.outputs[0]
        bad = [t for t in range(len(hs)) if not close(hs[t], want[0][t], self.room)]
        says = f"Wrong: {', '.join(wrong)}."
        if bad:
            says += (
                f" hs is wrong first at step {bad[0]}." if bad[0] else " hs is wrong from t = 0."
            )
        return Reading([Finding("not read", says, tuple(wrong), "sequences")])


def read_forward(ask: Ask, read_step: Any = None) -> Iterator[Reading]:
    """Read forward(x, h0, c0, W_ih, W_hh, b) -> hs, h_T, c_T."""
    return ForwardReader(ask, 2).read(lstm_step, read_step)


def read_rnn_forward(ask: Ask, read_step: Any = None) -> Iterator[Reading]:
    """Read forward(x, h0, W_ih, W_hh, b) -> hs, h_T."""
    return ForwardReader(ask, 1).read(rnn_step, read_step)
