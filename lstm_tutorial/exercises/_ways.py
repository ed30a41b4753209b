"""What may stand at the places of a loop over time, in words and as formulas.

A loop has a few places where loops differ: what it starts from, what it hands from step to step,
what it returns. The tables hold what may stand there: the words, and a formula of the values at
hand. In all of them a is the value that belongs there, and o that of the other state.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import CodeType
from typing import Any

import numpy as np

from lstm_tutorial.exercises._reading import Array, Finding, named
from lstm_tutorial.rnn import sigmoid

Key = tuple[str, int]  # a place, and which state or output it is about
Ways = Mapping[Key, Any]  # the words for what stands at each place that is not filled rightly


def _standard(a: Array) -> Array:
    return (a - a.mean(-1, keepdims=True)) / np.sqrt(a.var(-1, keepdims=True) + 1e-5)


FUNCTIONS = {**vars(np), "σ": sigmoid, "standard": _standard}


def table(text: str) -> dict[str, str]:
    """Return formulas by their words, from rows of ``words | formula``."""
    return {words: formula for words, formula in rows(text)}


def rows(text: str) -> list[list[str]]:
    """Return what stands in each row of a text."""
    return [row.split(" | ") for row in text.strip().split("\n")]


# {a} stands for the name of the value that belongs there.
CHANGES = table("""
zeros | 0 * a
half of {a} | a / 2
twice {a} | 2 * a
{a} with the wrong sign | -a
tanh of {a} | tanh(a)
{a} without its negative part (ReLU) | maximum(a, 0)
ones | ones_like(a)
{a} scaled to length 1 | a / (linalg.norm(a, axis=-1, keepdims=True) + 1e-8)
{a} standardised over its units (layer norm) | standard(a)
""")
LIMITS = (1, 5, 0.5, 10, 0.1, 2, 3, 0.25)
CHANGES |= {f"{{a}} clipped to ±{k}": f"clip(a, -{k}, {k})" for k in LIMITS}
# These lead from one sequence to another; the batch is the last axis but one.
ACROSS = table("""
{a} of the first sequence | a[..., :1, :] + 0 * a
the mean of {a} over the batch | a.mean(-2, keepdims=True) + 0 * a
the sum of {a} over the batch | a.sum(-2, keepdims=True) + 0 * a
{a} of the sequence before in the batch | roll(a, 1, -2)
{a} of the next sequence in the batch | roll(a, -1, -2)
{a} with the batch in reverse order | a[..., ::-1, :]
""")
# What a state may be made of: those at the start (a0) and one step earlier (a_was), all so far (k),
# and the number of steps.
LINKS = table("""
the initial {a} | a0
{o} | o
{a} of one step earlier | a_was
tanh of {o} | tanh(o)
{a} after the first step | k[0]
{a} plus {a} of one step earlier | a + a_was
{a} plus the initial {a} | a + a0
the mean of all {a} so far | mean(k, 0)
the sum of all {a} so far | sum(k, 0)
{o} of one step earlier | o_was
{a} plus {o} | a + o
the initial {a} again at every second step | a if n % 2 else a0
the initial {a} again at every third step | a if n % 3 else a0
zeros at every second step | a * (n % 2 > 0)
zeros at every third step | a * (n % 3 > 0)
""")
NORMS = {
    f"{{a}} scaled down to norm {k}": f"a * minimum(1, {k} / (linalg.norm(a) + 1e-12))"
    for k in LIMITS[:4]
}
# Time is the first axis.
MOVES = table("""
{a}[t - 1], and {a}[T - 1] at t = 0 | roll(a, 1, 0)
{a}[t - 1], and {a}[0] at t = 0 | a[maximum(arange(len(a)) - 1, 0)]
{a}[t - 1], and zeros at t = 0 | concatenate([0 * a[:1], a[:-1]])
{a}[t + 1], and {a}[T - 1] at the end | a[minimum(arange(len(a)) + 1, len(a) - 1)]
{a}[t + 1], and {a}[0] at the end | roll(a, -1, 0)
{a}[t + 1], and zeros at the end | concatenate([a[1:], 0 * a[:1]])
{a}[0] at every step | a[:1] + 0 * a
{a}[T - 1] at every step | a[-1:] + 0 * a
{a} from the last step to the first | a[::-1]
{a} at the last step only, and zeros before | concatenate([0 * a[1:], a[-1:]])
{a} but for the last step, which is zero | concatenate([a[:-1], 0 * a[:1]])
{a} but for the first step, which is zero | concatenate([0 * a[:1], a[1:]])
the sum of {a} up to step t | a.cumsum(0)
the sum of {a} from step t on | a[::-1].cumsum(0)[::-1]
the mean of {a} over the steps | a.mean(0) + 0 * a
the sum of {a} over the steps | a.sum(0) + 0 * a
{a} divided by T | a / len(a)
{a} divided by the size of the batch | a / a.shape[1]
""")
TURNED = table("""
{a} reshaped to (B, T, …), not turned | a.reshape(a.shape[1], len(a), -1).swapaxes(0, 1)
{a} reshaped from (B, T, …), not turned | a.swapaxes(0, 1).reshape(a.shape)
""")
MIXING = {**TURNED, **ACROSS, **NORMS}
IN_TIME = {**MOVES, **TURNED, **CHANGES, **ACROSS, **NORMS}
# The steps that a loop takes, in turn.
ORDERS = table("""
leaves the last step out | range(T - 1)
leaves the first step out | range(1, T)
runs from the last step to the first | range(T)[::-1]
takes every second step only | range(0, T, 2)
takes the last step only | range(T)[-1:]
takes each step twice | repeat(range(T), 2)
runs from the first step to the last | range(T)
""")

# A place, the output that it is about, what {a} is there, and the sentence.
PLACES = {place: rest for place, *rest in rows("""
x | x | x | Step t reads {phrase}. It should read x[t].
order | x | x | The loop {phrase}. It should take all steps from the first to the last.
batch | batch | {s} | At the end of a sequence, {phrase}. Each should start from its own states.
start | {s}0 | {s}0 | The loop starts from {phrase}. It should start from {names}.
carry | {s} | {s} | Each later step sees {phrase}. It should see {names} as the step before left it.
after | {s} | {s} | After each step you keep {phrase}. It should be {names} as the step gives it.
kept | {s} | {s} | After hs[t] is stored you keep {phrase}. Keep {names} as the step gives it.
hs | hs | h | hs holds {phrase}. It should hold h after each step, in the order of time.
end | {s}_T | {s} | {names}: you return {phrase}. It should be {a} after the last step.
own | dhs | dhs | Step t adds {phrase}. It should add dhs[t].
begin | d{s}_T | d{s}_T | The loop starts from {phrase}. It should start from {names}.
back | time | time | The loop {phrase}. It should take all steps from the last to the first.
join | d{s} | d{s} | Step t is given {phrase} as {names}. It should be what came back{plus}.
hand | d{s} | d{s} | The step before is handed {phrase}. It should be {names} as the step gives it.
hand on | d{s} | d{s} | After each step you keep {phrase}. Keep {names} as the step gives it.
stored | time | time | Step t reads {phrase}. It should read that of its own step.
dx | dx | dx | dx holds {phrase}. It should hold the gradient of x[t] at t.
first | d{s}0 | d{s} | {names}: you return {phrase}. It should be what the step at t = 0 gave back.
dW | {s} | the sum | {names}: you return {phrase}. It should be the sum of the shares of all steps.
""")}  # fmt: skip
STATES = ("start", "carry", "after", "end", "kept")
# Which states a mistake is about, by their number.
SUBSETS: dict[int, list[tuple[int, ...]]] = {1: [(0,)], 2: [(0,), (1,), (0, 1)]}
WEIGHTS = ("dW_ih", "dW_hh", "db")
# What step t back is given: for h or c, what that is about, the words, and a formula of what came
# back (a and o), dhs[t], the gradient of the last state and the number of steps back.
JOINS = rows("""
h | dh | dhs[t] alone | own
h | dh | dhs[t] plus dh_T at every step | own + end
h | dh | dh_T at every step | end
h | dh_T | what came back plus dhs[t] plus dh_T at every step | a + own + end * (n > 0)
h | dh_T | what came back plus dhs[t], and dh_T twice | a + own + end * (n == 0)
h | dhs | what came back minus dhs[t] | a - own
h | dhs | what came back plus dhs[t], but at the last step without dhs[t] | a + own * (n > 0)
h | dh_T | what came back plus dhs[t], but at the last step dhs[t] alone | own + a * (n > 0)
h | dhs | what came back, without dhs[t] | a
c | dc | dc_T at every step | end
c | dc_T | what came back plus dc_T at every step | a + end * (n > 0)
c | dc | what came back plus dhs[t] | a + own
c | dc | dh | o + own
c | dc | what came back plus dh | a + o + own
""")
JOINED = {words: formula for _, _, words, formula in JOINS}
ABOUT = {words: about for _, about, words, _ in JOINS} | {"{a} plus dhs[t]": "dhs"}
# Stored values that a step back may take from another step, and what that is about; with "kept"
# f as the factor of dc. The last is the RNN's.
GROUPS = rows("""
i | i | i
f in its own slope | f | f
f as the factor of dc | kept | dc
g | g | g
o | o | o
c | c | c
c_prev | c_prev | f
the value of all gates | i f g o kept | i f g o
f | f kept | f
every stored value | i f g o kept c c_prev | time
h in the slope | h | slope
""")


@cache
def _compiled(formula: str) -> CodeType:
    return compile(formula, "a formula", "eval")


def value(formula: str, names: Mapping[str, Any]) -> Any:
    """Return what a formula gives."""
    return eval(_compiled(formula), FUNCTIONS, dict(names))


def without(formulas: Mapping[str, str], missing: str) -> dict[str, str]:
    """Return the formulas that do not need the missing names."""
    lacking = set(missing.split())
    return {p: f for p, f in formulas.items() if not lacking & set(_compiled(f).co_names)}


def ways_at(
    place: str, words: Iterable[str], which: Sequence[tuple[int, ...]] = ((0,),)
) -> list[Ways]:
    """Return what may stand at a place, of some states."""
    return [{(place, j): phrase for j in some} for phrase in words for some in which]


def said(ways: Ways) -> list[Finding]:
    """Put what stands at places into words: what is the same for two outputs in one sentence.

    What is handed on and returned alike is one mistake.
    """
    groups: dict[tuple[str, Any], set[int]] = {}
    for (place, j), phrase in ways.items():
        for here, end, both in (("hand", "first", "hand on"), ("carry", "end", "kept")):
            if place in (here, end) and ways.get((here, j)) == ways.get((end, j)):
                place = both
        groups.setdefault((place, phrase), set()).add(j)
    return [
        phrase.finding if place == "step" else _finding(place, phrase, sorted(which))
        for (place, phrase), which in groups.items()
    ]


def _finding(place: str, phrase: str, which: Sequence[int]) -> Finding:
    names, right, says = PLACES[place]
    letters = [(WEIGHTS if place == "dW" else "hc")[j] for j in which if place != "stored"]
    own = list(dict.fromkeys(names.format(s=s) for s in letters or "h"))
    about = [ABOUT[phrase]] if phrase in ABOUT and place != "first" else own
    if place == "stored":
        phrase, about = f"{GROUPS[which[0]][0]} {phrase}", GROUPS[which[0]][2].split()
    if place in STATES and phrase in MIXING:
        about = ["batch"]
    a = named([right.format(s=s) for s in letters]) if "{s}" in right else right
    o = named([right.format(s="ch"["hc".index(s)]) for s in letters]) if "{o}" in phrase else ""
    phrase = phrase.format(a=a, o=o)
    plus = " plus dhs[t]" * (which[0] == 0)
    title = f"the loop {phrase}" if place in ("order", "back") else f"{named(own)}: {phrase}"
    page = "backpropagation" if place in list(PLACES)[9:] else "sequences"
    said = says.format(phrase=phrase, names=named(own), a=a, plus=plus)
    return Finding(title, said, tuple(about), "state" if place in STATES else page)
