"""Exercises of the chapter on gates."""

import math
from collections.abc import Iterator

import numpy as np

from lstm_tutorial.exercises import _recurrent
from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import draw
from lstm_tutorial.exercises._reading import Finding
from lstm_tutorial.exercises._trials import Fn, arrays, by_measuring, first
from lstm_tutorial.rnn import sigmoid

_Z = [draw(s, {"z": "B H"}, 3, B=B, H=H) for s, B, H in [(21, 3, 4), (22, 4, 4), (23, 1, 1)]]

SIGMOID = by_edits(
    "sigmoid(z) -> array of z's shape",
    {"σ(z)": "B H"},
    [*_Z, {"z": np.array([[0.0, 1000.0, -1000.0], [30.0, -30.0, 1.0]])}],
    "return 1 / (1 + np.exp(-z))",
    listed("""
    wrong sign: 1 / (1 + np.exp(z)) | It falls where it should rise.
    exp overflows: np.exp(z) / (1 + np.exp(z)) | For large z exp(z) is infinite, and infinity
        divided by infinity is no number. exp(-z) becomes 0 there.
    exp cut short: 1 / (1 + np.exp(-np.clip(z, -5, 5))) | z is cut at ±5.
    tanh: np.tanh(z) | This is tanh, from -1 to 1. σ goes from 0 to 1.
    from -1 to 1: np.tanh(z / 2) | It goes from -1 to 1. By tanh σ is (1 + tanh(z / 2)) / 2.
    twice as steep: 1 / (1 + np.exp(-2 * z)) | By tanh σ is (1 + tanh(z / 2)) / 2.
    half as steep: 1 / (1 + np.exp(-z / 2)) | It rises half as steeply as it should.
    slope: 1 / (2 + np.exp(z) + np.exp(-z)) | This is the slope, σ(z) (1 - σ(z)).
    hard sigmoid: np.clip(0.2 * z + 0.5, 0, 1) | This is the hard sigmoid, clip(z / 5 + 0.5).
    hard sigmoid in sixths: np.clip(z / 6 + 0.5, 0, 1) | This is the hard sigmoid,
        clip(z / 6 + 0.5).
    step function: np.where(z > 0, 1.0, 0.0) | This jumps from 0 to 1 at z = 0.
    ReLU: np.maximum(z, 0) | This is ReLU, which has no upper bound.
    SiLU: z / (1 + np.exp(-z)) | This is z σ(z).
    softmax of rows: (e := np.exp(z - z.max(1, keepdims=True))) / e.sum(1, keepdims=True) |
        Each row is divided by its own sum. A sigmoid is taken of each number by itself.
    softmax of all: (e := np.exp(z - z.max())) / e.sum() |
        All is divided by one sum. A sigmoid is taken of each number by itself.
    """),
    "gates",
    also=["return 0.5 + 0.5 * np.tanh(z / 2)"],
)

GATE = _recurrent.stepping(
    "gate",
    "gate(x, h, W, U, b) -> array (B, H)",
    lambda x, h, W, U, b: sigmoid(x @ W.T + h @ U.T + b),
    "x h W U b -> gate",
)

_NOISE = np.linspace(-0.3, 0.3, 1000)


def _open(z: float) -> float:
    return (1 + math.tanh(z / 2)) / 2


def _does(w: float, b: float) -> bool:
    return bool(_open(0.7 * w + b) > 0.99 and sigmoid(w * _NOISE + b).sum() < 0.01)


def _on_the_mark(fn: Fn) -> Iterator[Finding]:
    """Measure a gate of weight w and bias b at the weakest mark, and in noise."""
    w, b = map(float, arrays({"w": "", "b": ""}, fn()))
    half, weakest, let_in = -b / (w or np.nan), _open(0.7 * w + b), sigmoid(w * _NOISE + b).sum()
    at = f"The gate is half open at x = -b/w = {half:.2f}. Marks begin at 0.7, and noise ends "
    at += "at 0.3: it has to lie between them."
    yield from first({
        "w and b exchanged | The weight comes first. Exchanged, the two numbers are right.": (
            _does(b, w) and not _does(w, b)
        ),
        f"a mark does not open it | At a mark of 1 the gate is {_open(w + b):.3f}, and at 0 it "
        f"is {_open(b):.3f}: the weight has to be above 0.": not w > 0,
        f"half open among the marks | {at}": half >= 0.7,
        f"half open in the noise | {at}": half <= 0.3,
        f"too little at the weakest mark | At 0.7 the gate is {weakest:.3f}. A larger weight, or a "
        "threshold -b/w nearer to 0.3, opens it further.": not weakest > 0.99,
        f"noise leaks | 1,000 steps, spread evenly from -0.3 to 0.3, let in {let_in:.2g}. A larger "
        "weight, or a threshold -b/w nearer to 0.7, lets in less.": not let_in < 0.01,
    })  # fmt: skip


def _only_the_first(fn: Fn) -> Iterator[Finding]:
    """Run the unit on fifty sequences up to the first step at which its gate errs."""
    w_x, w_m, u, b = map(float, arrays(dict.fromkeys(["w_x", "w_m", "u", "b"], ""), fn()))
    rng = np.random.default_rng(7)
    for _ in range(50):
        x, m = rng.uniform(0.5, 1, 40), rng.random(40) < 0.15
        m[5] = m[30] = True
        c, mark = 0.0, int(np.argmax(m))
        for t in range(40):
            i = _open(w_x * x[t] + w_m * m[t] + u * np.tanh(c) + b)
            if (not i > 0.95) if t == mark else (not i * x[t] < 1e-3):
                title = "shut at the first mark" if t == mark else "open before the first mark"
                if t > mark:
                    title = "open for a later mark" if m[t] else "open after the first mark"
                says = f"At x = {x[t]:.2f}, m = {int(m[t])} and h = {np.tanh(c):.2f} the gate is "
                yield Finding(title, f"{says}{i:.2g}.")
                return
            c += i * x[t]
        if not abs(c - x[mark]) < 0.02:
            says = f"The first marked number was {x[mark]:.3f}, and after 40 steps c is {c:.3f}."
            yield Finding("small leaks add up", says)
            return


ON_THE_MARK = by_measuring(
    "setting() -> (w, b), of the gate sigmoid(w x + b)",
    _on_the_mark,
    "gates",
    "Open at every mark, and tight for a thousand steps.",
)
ONLY_THE_FIRST = by_measuring(
    "only_the_first() -> (w_x, w_m, u, b), of the gate sigmoid(w_x x + w_m m + u h + b)",
    _only_the_first,
    "gates",
    "It stores the first marked number, and no other.",
)

KINDS = {
    "gate": GATE,
    "sigmoid": SIGMOID,
    "gates.on_the_mark": ON_THE_MARK,
    "gates.only_the_first": ONLY_THE_FIRST,
}
