"""Ways in which a loop over time goes wrong, in words and as functions, and the search among them.

A loop has a few places where loops differ: what it starts from, what it hands from step to step,
what it returns. Each place can hold the right value, or a change of it: the lists here serve states
and gradients, inputs and outputs. What a loop returns is looked up among the values on its way, so
that a mistake within the loop and others in what is returned come out together.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._reading import Array, Finding, Reading, Trouble, named
from lstm_tutorial.rnn import sigmoid

Change = Callable[[Array], Array]
Key = tuple[str, int]  # a place, and which state or output it is about
Ways = Mapping[Key, Any]  # what stands at each place that is not filled rightly
Rule = Callable[[Any, int], Array]  # makes an output of a loop's way through time


def _standard(axis: int, a: Array) -> Array:
    return (a - a.mean(axis, keepdims=True)) / np.sqrt(a.var(axis, keepdims=True) + 1e-5)


def _unit(a: Array) -> Array:
    return a / (np.linalg.norm(a, axis=-1, keepdims=True) + 1e-8)


def _softmax(a: Array) -> Array:
    raised = np.exp(a - a.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def _within(limit: float, a: Array) -> Array:
    return np.clip(a, -limit, limit)


def _normed(limit: float, a: Array) -> Array:
    return a * min(1.0, limit / (float(np.linalg.norm(a)) + 1e-12))


def _taken(index: Callable[[int, int], int], a: Array) -> Array:
    """Return a with entry index(t, T) as entry t."""
    return a[[index(t, len(a)) for t in range(len(a))]]


# {a} stands for the right value.
CHANGES: dict[str, Change] = {
    "zeros": lambda a: 0 * a,
    "half of {a}": lambda a: a / 2,
    "twice {a}": lambda a: 2 * a,
    "{a} with the wrong sign": np.negative,
    "tanh of {a}": np.tanh,
    **{f"{{a}} clipped to ±{k:g}": partial(_within, k) for k in (1, 5, 0.5, 10, 0.1, 2, 3, 0.25)},
    "{a} without its negative part (ReLU)": lambda a: np.maximum(a, 0),
    "0.9 times {a}": lambda a: 0.9 * a,
    "σ of {a}": sigmoid,
    "ones": np.ones_like,
    "{a} scaled to length 1": _unit,
    "{a} standardised over its units (layer norm)": partial(_standard, -1),
    "softmax of {a}": _softmax,
}
NORMS = {f"{{a}} scaled down to norm {k:g}": partial(_normed, k) for k in (1, 5, 0.5, 10, 0.25)}
# These lead from one sequence to another; the batch is the last axis but one.
ACROSS: dict[str, Change] = {
    "{a} of the first sequence": lambda a: a[..., :1, :] + 0 * a,
    "{a} of the last sequence": lambda a: a[..., -1:, :] + 0 * a,
    "the mean of {a} over the batch": lambda a: a.mean(-2, keepdims=True) + 0 * a,
    "the sum of {a} over the batch": lambda a: a.sum(-2, keepdims=True) + 0 * a,
    "{a} of the sequence before in the batch": lambda a: np.roll(a, 1, -2),
    "{a} of the next sequence in the batch": lambda a: np.roll(a, -1, -2),
    "{a} with the batch in reverse order": lambda a: a[..., ::-1, :],
    "{a} standardised over the batch (batch norm)": partial(_standard, -2),
    **NORMS,
    "{a} divided by the norm of the whole array": lambda a: a / np.linalg.norm(a),
    "{a} with batch and units exchanged by reshape": lambda a: a.swapaxes(-1, -2).reshape(a.shape),
}
# Time is the first axis.
MOVES: dict[str, Change] = {
    "{a}[t - 1], and {a}[T - 1] at t = 0": lambda a: np.roll(a, 1, 0),
    "{a}[t - 1], and {a}[0] at t = 0": partial(_taken, lambda t, T: max(t - 1, 0)),
    "{a}[t - 1], and zeros at t = 0": lambda a: np.concatenate([0 * a[:1], a[:-1]]),
    "{a}[t + 1], and {a}[T - 1] at the end": partial(_taken, lambda t, T: min(t + 1, T - 1)),
    "{a}[t + 1], and {a}[0] at the end": lambda a: np.roll(a, -1, 0),
    "{a}[t + 1], and zeros at the end": lambda a: np.concatenate([a[1:], 0 * a[:1]]),
    "{a}[-t]": partial(_taken, lambda t, T: -t),
    "{a}[0] at every step": partial(_taken, lambda t, T: 0),
    "{a}[T - 1] at every step": partial(_taken, lambda t, T: T - 1),
    "{a} from the last step to the first": lambda a: a[::-1],
    "{a} at the last step only, and zeros before": lambda a: np.concatenate([0 * a[1:], a[-1:]]),
    "{a} at the first step only, and zeros after": lambda a: np.concatenate([a[:1], 0 * a[1:]]),
    "{a} but for the last step, which is zero": lambda a: np.concatenate([a[:-1], 0 * a[:1]]),
    "{a} but for the first step, which is zero": lambda a: np.concatenate([0 * a[:1], a[1:]]),
    "the sum of {a} up to step t": lambda a: a.cumsum(0),
    "the sum of {a} from step t on": lambda a: a[::-1].cumsum(0)[::-1],
    "the mean of {a} over the steps": lambda a: a.mean(0, keepdims=True) + 0 * a,
    "the sum of {a} over the steps": lambda a: a.sum(0, keepdims=True) + 0 * a,
    "{a}[t] plus {a}[t - 1]": lambda a: a + np.concatenate([0 * a[:1], a[:-1]]),
    "{a} divided by T": lambda a: a / len(a),
    "{a} divided by the size of the batch": lambda a: a / a.shape[1],
    "{a} divided by T and by the size of the batch": lambda a: a / len(a) / a.shape[1],
}
TURNED: dict[str, Change] = {
    "{a} reshaped to (B, T, …) as if that turned the axes": lambda a: a.reshape(
        a.shape[1], a.shape[0], -1
    ).swapaxes(0, 1),
    "{a} reshaped from (B, T, …) as if that turned the axes": lambda a: a.swapaxes(0, 1).reshape(
        a.shape
    ),
}
IN_TIME = {**MOVES, **CHANGES}
IN_BATCH = {**TURNED, **ACROSS}
LETTERS = "hc"
# What is tried together with another mistake of the loop.
COMMON = (
    *("zeros", "ones", "{o}", "the initial {a}", "{a} of one step earlier", "half of {a}"),
    *("tanh of {a}", "{a} clipped to ±1", "{a} plus {a} of one step earlier"),
    *MOVES, *TURNED, *list(ACROSS)[:7],
)  # fmt: skip
# What a place is called, what {a} is there, and the sentence.
PLACES = {
    "x": ("x", "x", "Step t reads {phrase}. It should read x[t]."),
    "order": ("x", "x", "The loop {phrase}. It should take all steps from the first to the last."),
    "batch": ("batch", "{s}", "At the end of a sequence, {phrase}. Each sequence should start from "
              "its own states."),
    "start": ("{s}0", "{s}0", "The loop starts from {phrase}. It should start from {names}."),
    "carry": ("{s}", "{s}", "From the second step on, each step sees {phrase}. It should see "
              "{names} as the step before left it."),
    "after": ("{s}", "{s}", "After each step you keep {phrase}. It should be {names} as the step "
              "gives it."),
    "kept": ("{s}", "{s}", "After hs[t] is stored you keep {phrase}. It should be {names} as the "
             "step gives it."),
    "cell": ("c", "c", "h is made of {phrase}, which is also kept. It should be c as it is."),
    "hs": ("hs", "h", "hs holds {phrase}. It should hold h after each step, in the order of time."),
    "end": ("{s}_T", "{s}", "{names}: you return {phrase}. It should be {a} after the last step."),
    "own": ("dhs", "dhs", "Step t adds {phrase}. It should add dhs[t]."),
    "begin": ("d{s}_T", "d{s}_T", "The loop starts from {phrase}. It should start from {names}."),
    "back": ("time", "", "The loop {phrase}. It should take all steps from the last to the first."),
    "join": ("d{s}", "d{s}", "Step t is given {phrase} as {names}. It should be given what came "
             "back from the step after{plus}."),
    "hand": ("d{s}", "d{s}", "What goes from one step to the one before is {phrase}. It should be "
             "{names} as the step gave it back."),
    "hand on": ("d{s}", "d{s}", "After each step back you keep {phrase}. It should be {names} as "
                "the step gave it back."),
    "dz": ("dz", "dz", "Step t uses {phrase}. It should use dz as it is."),
    "stored": ("", "", "Step t reads {phrase}. It should read that of its own step."),
    "dx": ("dx", "dx", "dx holds {phrase}. It should hold the gradient of x[t] at t."),
    "first": ("d{s}0", "d{s}", "{names}: you return {phrase}. It should be what the step at t = 0 "
              "gave back."),
    "dW": ("{s}", "the sum", "{names}: you return {phrase}. It should be the sum of the shares of "
           "all steps."),
}  # fmt: skip


STATES = ("start", "carry", "after", "end", "kept", "cell")
FORWARDS = ("x", "order", "batch", "hs")


class Way(NamedTuple):
    """One mistake: a place, or some, with what stands there, and the words for it."""

    ways: Ways
    finding: Finding
    mixes: bool = False
    phrase: str = ""


def finding(place: str, phrase: str, which: Sequence[int] = (0,), about: str = "") -> Finding:
    """Put what stands at a place into words."""
    names, value, says = PLACES[place]
    letters = [("dW_ih", "dW_hh", "db")[j] if place == "dW" else LETTERS[j] for j in which]
    others = [LETTERS[1 - j] for j in which if j < 2]
    own = list(dict.fromkeys(names.format(s=s) for s in letters))
    a, o = (named([value.format(s=s) for s in some]) for some in (letters, others or letters))
    a = value if "{s}" not in value else a
    phrase = phrase.format(a=a, o=o)
    said = says.format(phrase=phrase, names=named(own), a=a, plus=" plus dhs[t]" * (which[0] == 0))
    title = f"{named(own)}: {phrase}" if names else phrase
    title = f"the loop {phrase}" if place in ("order", "back") else title
    page = "state" if place in STATES else "sequences" if place in FORWARDS else "backpropagation"
    return Finding(title, said, tuple(about.split()) or tuple(own), page)


def way(place: str, phrase: str, value: Any, which: Sequence[int] = (0,), about: str = "") -> Way:
    """Return one value at one place, for one state or for both."""
    mixes = phrase in IN_BATCH or place == "batch"
    about = "batch" if mixes and place in STATES else about
    said = finding(place, phrase, which, about)
    return Way({(place, j): value for j in which}, said, mixes, phrase)


def subsets(states: int) -> list[tuple[int, ...]]:
    """Return which states a mistake can be about."""
    return [(0,)] if states == 1 else [(0,), (1,), (0, 1)]


def usable(phrase: str, states: int) -> bool:
    """Return whether a phrase makes sense for a network that has no c."""
    return states == 2 or not any(word in phrase for word in ("{o}", " c", "dc"))


def close(got: Array, want: Array, room: float) -> bool:
    """Return whether two arrays are one, but for rounding."""
    if np.shape(got) != np.shape(want):
        return False
    return bool(np.abs(got - want).max() <= room * max(1.0, float(np.abs(want).max())))


# What a step calls the states, and a loop does.
NAMES = {"h_prev": "h", "c_prev": "c", "dh_prev": "dh", "dc_prev": "dc"}


class Part:
    """One step, asked of a function that walks whole sequences."""

    def __init__(self, ask: Ask, given: Callable[..., Any], pick: Callable[..., Any]) -> None:
        self._ask, self._given, self._pick, self.eps = ask, given, pick, ask.eps

    @property
    def calls(self) -> int:
        """Return the number of calls so far."""
        return self._ask.calls

    def __call__(self, *arguments: Array) -> list[Array]:
        return list(self._pick(self._ask(*self._given(*arguments))))


class Search:
    """The search for one learner's loop, at inputs that show much; subclasses know the loop.

    Attributes
    ----------
    right, rules : dict
        How each output is made of the way through time, by its key, and how it may be.
    """

    right: dict[Key, Rule]
    rules: dict[Key, dict[str, Rule]]
    page = "sequences"
    must_match = False  # whether outputs that are all wrong are not looked up

    def __init__(self, ask: Ask, states: int) -> None:
        self.ask, self.states = ask, states
        self.room = max(1e-9, 30 * ask.eps)
        rng = np.random.default_rng(16)
        self.arguments = self.drawn(rng, 4, 3, 2)
        self.outputs = ask(*self.arguments)
        self.fresh = []
        for sizes, scale in [((4, 2, 4, 3), 1), ((1, 3, 5, 2), 1), ((6, 4, 4, 4), 10)]:
            arguments = self.drawn(rng, *sizes)
            arguments[:-4] = [a * scale for a in arguments[:-4]]
            with contextlib.suppress(Trouble):  # it is said apart
                self.fresh.append((arguments, ask(*arguments)))

    def drawn(self, rng: np.random.Generator, T: int, B: int, H: int, D: int = 0) -> list[Array]:
        """Draw arguments; without D, one that shows most."""
        raise NotImplementedError

    def run(self, step: Any, arguments: Sequence[Array], ways: Ways) -> Any:
        """Run the loop and return its way through time."""
        raise NotImplementedError

    def made(self, path: Any, ways: Ways) -> list[Array]:
        """Return the outputs."""
        return [ways.get(key, rule)(path, key[1]) for key, rule in self.right.items()]

    def model(self, step: Any, ways: Ways) -> Callable[..., list[Array]]:
        """Return the whole function as it was read."""

        def model(*arguments: Array) -> list[Array]:
            try:
                with np.errstate(all="ignore"):
                    return self.made(self.run(step, arguments, ways), ways)
            except IndexError:  # no step is taken that a value could come from
                return [np.array(np.nan)] * len(self.right)

        return model

    def look_up(self, path: Any) -> list[Way] | None:
        """Return what the outputs are in terms of the values on the way; None if they are not."""
        groups: dict[tuple[str, str], list[int]] = {}
        pairs = list(zip(self.right.items(), self.outputs, strict=True))
        wrong = [not close(got, right(path, key[1]), self.room) for (key, right), got in pairs]
        if all(wrong) and self.must_match:
            return None
        # The outputs with few rules come first: most loops fail there.
        order = sorted(zip(pairs, wrong, strict=True), key=lambda p: len(self.rules[p[0][0][0]]))
        for ((key, _), got), off in order:
            if off:
                fits = (p for p, rule in self.rules[key].items() if self._is(rule, path, key, got))
                phrase = next(fits, None)
                if phrase is None:
                    return None
                groups.setdefault((key[0], phrase), []).append(key[1])
        return self._said(groups)

    def _is(self, rule: Rule, path: Any, key: Key, got: Array) -> bool:
        try:
            return close(got, rule(path, key[1]), self.room)
        except (
            TypeError,
            IndexError,
            AttributeError,
            ValueError,
        ):  # unknown of a step read as a whole
            return False

    def with_limits(self, path: Any, found: Sequence[Way]) -> list[list[Way]]:
        """Return what was found, and then with limits also where they happen not to act."""
        limits = {p for p in (one.phrase for one in found) if "clipped" in p or "down" in p}
        more: dict[tuple[str, str], list[int]] = {}
        for (place, j), got in zip(self.right, self.outputs, strict=True):
            told = [one.phrase for one in found if (place, j) in one.ways]
            rules = self.rules[place, j]
            for phrase in told or sorted(limits & rules.keys()):
                if self._is(rules[phrase], path, (place, j), got):
                    more.setdefault((place, phrase), []).append(j)
        return [list(found), self._said(more)] if limits else [list(found)]

    def _said(self, groups: Mapping[tuple[str, str], list[int]]) -> list[Way]:
        """Put outputs that are made in the same way into one mistake."""
        found = []
        for (place, phrase), unordered in groups.items():
            which = sorted(unordered)
            ways = {(place, j): self.rules[place, j][phrase] for j in which}
            found.append(Way(ways, finding(place, phrase, which), phrase=phrase))
        return found

    def yielded(
        self, step: Any, readings: Sequence[Sequence[Way]], own: Sequence[Finding] = ()
    ) -> Iterator[Reading]:
        """Yield the readings that hold at fresh inputs, those with fewest findings first."""
        for found in sorted(readings, key=len):
            needed = list(found)
            if self._holds(step, needed):
                for one in found if len(found) > 1 else ():
                    rest = [other for other in needed if other is not one]
                    needed = rest if self._holds(step, rest) else needed
                said = [*own, *(one.finding for one in needed)]
                yield Reading(said[:3], self.model(step, together(needed)))

    def _holds(self, step: Any, ways: Sequence[Way]) -> bool:
        """Return whether a loop gives the learner's numbers at fresh inputs."""
        model = self.model(step, together(ways))
        for arguments, outputs in self.fresh:
            pairs = zip(model(*arguments), outputs, strict=True)
            if not all(close(got, want, self.room) for got, want in pairs):
                return False
        return True

    def laws(self, read_step: Any, views: Sequence[Any], arguments: Any) -> Iterator[Reading]:
        """Yield laws of one step, read from sequences of length 1; none if the step is right.

        A view is how a step is asked for, and where its outputs stand.
        """
        right = self.model(None, {})
        seen: list[list[Array]] = []
        different = []
        for given, pick in views:
            got = Part(self.ask, given, pick)(*arguments)
            want = views[0][1](right(*given(*arguments)))
            if all(close(g, w, self.room) for g, w in zip(got, want, strict=True)):
                return
            if not any(all(map(np.array_equal, got, other)) for other in seen):
                different.append((given, pick))
            seen.append(got)
        for view in different:
            for reading in read_step(Part(self.ask, *view)):
                if reading.model is not None:
                    said = [f._replace(where=tuple(NAMES.get(w, w) for w in f.where))
                            for f in reading.findings]  # fmt: skip
                    yield reading._replace(findings=said)

    def measured(self) -> Reading:
        """Say which outputs are wrong."""
        want = self.model(None, {})(*self.arguments)
        names = list(self.ask.kind.outputs)
        pairs = list(zip(names, self.outputs, want, strict=True))
        wrong = [name for name, got, right in pairs if not close(got, right, self.room)]
        well = [name for name in names if name not in wrong]
        says = f"{named(wrong or names)}: wrong." + (f" {named(well)}: right." if well else "")
        return Reading([Finding("a loop that was not read", says, tuple(wrong), self.page)])


def merged(causes: Sequence[Way], symptoms: Sequence[Way]) -> list[Way]:
    """Return all ways; what is handed on and returned alike is one mistake."""
    found, left = [], list(symptoms)
    for one in causes:
        for place, end, both in (("hand", "first", "hand on"), ("carry", "end", "kept")):
            which = [j for here, j in one.ways if here == place]
            for twin in [t for t in left if which and t.phrase == one.phrase]:
                if twin.ways.keys() == {(end, j) for j in which}:
                    left.remove(twin)
                    one = Way({**one.ways, **twin.ways}, finding(both, one.phrase, which))
        found.append(one)
    return [*found, *left]


def together(ways: Sequence[Way]) -> dict[Key, Any]:
    """Return what stands at all places of several mistakes."""
    return {key: value for one in ways for key, value in one.ways.items()}
