"""Exercises of the chapter on backpropagation: the check of gradients by differences."""

from dataclasses import replace
from typing import Any

import numpy as np

from lstm_tutorial.exercises import _recurrent
from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import draw, regimes
from lstm_tutorial.exercises._reading import Array
from lstm_tutorial.rnn import sigmoid


class _Surface:
    """A function with another slope along every entry, which sees how far x is moved."""

    def __init__(self, x: Array) -> None:
        self.x, self.step = x, 1e-5

    def __deepcopy__(self, memo: Any) -> "_Surface":
        return self

    def __call__(self, x: Array) -> float:
        weights = np.arange(1.0, np.size(x) + 1).reshape(np.shape(x))
        return float(np.sum(weights * np.sin(x)) + np.sum(x) ** 3 / 9)

    def slopes(self, x: Array) -> Array:
        return np.arange(1.0, x.size + 1).reshape(x.shape) * np.cos(x) + x.sum() ** 2 / 3

    def watched(self) -> Any:
        """Return the function for a learner, whose smallest move becomes the step."""
        self.step = 1.0
        return self._watched

    def _watched(self, x: Array) -> float:
        move = float(np.abs(np.asarray(x, float) - self.x).max())
        self.step = min(self.step, move) if move > 1e-12 else self.step
        return self(x)


_DRAWN = [
    draw(110 + B, {"x": "B D"}, B=B, D=D)["x"] for B, D in [(2, 3), (4, 2), (3, 3), (1, 3), (5, 1)]
]

_GRADIENT = by_edits(
    "numerical_gradient(f, x) -> array of x's shape, the slope of f along each entry",
    {"gradient": "B D"},
    [{"f": _Surface(x), "x": x} for x in _DRAWN],
    """
    step, slopes, point = f.step, np.zeros(x.shape), x.copy()
    for k in np.ndindex(x.shape):
        up, down = point.copy(), point.copy()
        up[k] += step
        down[k] -= step
        slopes[k] = (f(up) - f(down)) / (2 * step)
    return slopes
    """,
    listed("""
    not divided by 2: (2 * step) -> step |
        The points lie two steps apart, and the difference is divided by one. Divide by 2 step.
    divided twice by 2: f(down) -> f(point) |
        Only one side is measured, and the difference is divided by 2 step.
    wrong sign: f(up) - f(down) -> f(down) - f(up) | It is f above minus f below.
    one-sided: f(down) -> f(point) && (2 * step) -> step |
        Only the point above is compared with x: the error is of the order of the step. With both
        sides, (f(up) - f(down)) / (2 step), it is of the order of its square.
    one-sided, below: f(up) - -> f(point) - && (2 * step) -> step |
        Only the point below is compared with x: the error is of the order of the step.
    all entries moved together: up[k] += -> up += && down[k] -= -> down -= |
        All entries are moved at once: this is the sum of the slopes. Move one at a time.
    rows moved together: up[k] += -> up[k[0]] += && down[k] -= -> down[k[0]] -= |
        A whole row is moved at once. Move one entry at a time.
    x not put back: slopes[k] = (f(up) - f(down)) / (2 * step) ->
        slopes[k], point = (f(up) - f(down)) / (2 * step), down |
        An entry stays moved when the next is measured. Put it back first.
    step too large: f.step -> abs(f.step) |
        The formula is right, and the step so large that f bends on the way. About 1e-5 is good.
    """),
    "backpropagation",
)
# A difference of neighbours in single precision is no gradient: that case is left out.
NUMERICAL_GRADIENT = replace(
    _GRADIENT,
    right=lambda f, x: f.slopes(x),
    cases=_GRADIENT.cases[:-1],
    prepare=lambda argument: argument.watched() if isinstance(argument, _Surface) else argument,
)


def _with_states(seed: int, T: int, B: int, D: int, H: int) -> dict[str, Any]:
    """Return what a sigmoid network leaves to its way back."""
    shapes = {"dhs": "T B H", "x": "T B D", "h0": "B H", "W_ih": "H D", "W_hh": "H H", "b": "H"}
    dhs, x, h0, W_ih, W_hh, b = draw(seed, shapes, T=T, B=B, D=D, H=H).values()
    states = [sigmoid(h0)]
    for x_t in x:
        states.append(sigmoid(x_t @ W_ih.T + states[-1] @ W_hh.T + b))
    return {"dhs": dhs, "x": x, "hs": np.array(states), "W_hh": W_hh}


_SIZES = [(3, 2, 5, 4), (5, 4, 3, 2), (4, 3, 4, 4), (1, 3, 2, 5), (4, 1, 2, 3), (3, 2, 1, 1)]

SIGMOID_BACKWARD = by_edits(
    "sigmoid_backward(dhs, x, hs, W_hh) -> (dW_ih, dW_hh, db), hs with the initial state first",
    {"dW_ih": "H D", "dW_hh": "H H", "db": "H"},
    [_with_states(150 + k, *sizes) for k, sizes in enumerate(_SIZES)],
    """
    slopes, old = hs[1:] * (1 - hs[1:]), hs[:-1]
    dh, dz, T = np.zeros(hs[0].shape), np.zeros(dhs.shape), len(x)
    steps, count = range(T), 1
    for t in reversed(range(T)):
        dz[t] = (dhs[t] + dh) * slopes[t]
        dh = dz[t] @ W_hh
    dW_ih = sum(dz[t].T @ x[t] for t in steps) / count
    dW_hh = sum(dz[t].T @ old[t] for t in steps) / count
    db = sum(dz[t].sum(axis=0) for t in steps) / count
    return dW_ih, dW_hh, db
    """,
    listed("""
    slope of tanh: hs[1:] * (1 - hs[1:]) -> 1 - hs[1:] ** 2 | The sigmoid has h (1 - h).
    slope left out: * slopes[t] -> * 1 | The slope h (1 - h) is missing.
    h squashed again in its slope: hs[1:] * (1 - hs[1:]) ->
        1 / (2 + np.exp(hs[1:]) + np.exp(-hs[1:])) | h is squashed already: its slope is h (1 - h).
    slope at the old state: hs[1:] * (1 - hs[1:]) -> hs[:-1] * (1 - hs[:-1]) |
        The slope is taken at the old state hs[t]. It is that of the new one, hs[t + 1].
    nothing carried back: (dhs[t] + dh) -> dhs[t] | Add dz @ W_hh to dhs of the step before.
    the loss of the last step alone: (dhs[t] + dh) -> (dhs[t] * (t == T - 1) + dh) |
        Every step has a loss of its own: add dhs[t] at each.
    first step alone: steps, count = range(T), 1 -> steps, count = [0], 1 |
        Add up the shares of all steps.
    last step alone: steps, count = range(T), 1 -> steps, count = [T - 1], 1 |
        Add up the shares of all steps.
    averaged over the steps: range(T), 1 -> range(T), T |
        The shares of the steps are averaged. Add them up.
    dW_hh takes the new h: old[t] -> hs[t + 1] | W_hh was multiplied by the old state, hs[t].
    W_hh transposed: @ W_hh -> @ W_hh.T | On the way back W_hh is used as it stands: dz @ W_hh.
    slope left out on the way to h_prev: dh = dz[t] @ W_hh -> dh = (dhs[t] + dh) @ W_hh |
        What goes back is dz @ W_hh, with the slope in dz.
    db averaged over the batch: dz[t].sum(axis=0) -> dz[t].mean(axis=0) | It is a sum.
    order of time not turned: reversed(range(T)) -> range(T) | Gradients come from the end.
    """),
    "backpropagation",
)

FORWARD_MODE = by_edits(
    "left_to_right(dhs, x, h0, W_ih, W_hh, b) -> dW_hh, for one sequence, dhs (T, H), x (T, D)",
    {"dW_hh": "H H"},
    regimes(340, {"dhs": "T H", "x": "T D", "h0": "H", "W_ih": "H D", "W_hh": "H H", "b": "H"}),
    """
    old, total, dW_hh = h0, np.zeros((len(b),) * 3), 0 * W_hh
    for x_t, g in zip(x, dhs):
        own = np.eye(len(b))[:, :, None] * old
        old = np.tanh(W_ih @ x_t + W_hh @ old + b)
        carried = np.einsum("il,ljk->ijk", W_hh, total)
        total = (1 - old**2)[:, None, None] * (own + carried)
        dW_hh = dW_hh + np.einsum("i,ijk->jk", g, total)
    return dW_hh
    """,
    listed("""
    immediate part alone: (own + carried) -> own | The part through the old state is missing.
    immediate part missing: (own + carried) -> carried | Each step has a part of its own.
    new state for the old: own = np.eye(len(b))[:, :, None] * old -> own = np.eye(len(b))[:, :,
        None] * np.tanh(W_ih @ x_t + W_hh @ old + b) | W_hh meets the old state, not the new.
    slope missing: (1 - old**2)[:, None, None] * (own + carried) -> own + carried |
        Both parts go through tanh.
    slope on the immediate part alone: * (own + carried) -> * own + carried |
        The part through the old state goes through tanh, too.
    slope of the state: (1 - old**2) -> (1 - np.tanh(old)**2) | old is tanh already: 1 - old**2.
    slope of a sigmoid: (1 - old**2) -> (old * (1 - old)) | This is a sigmoid's slope.
    slope on the wrong axis: [:, None, None] * (own -> [:, None] * (own |
        The slope belongs to the unit that is differentiated, the first axis.
    W_hh transposed: "il,ljk -> "li,ljk | Row i of W_hh makes state i: it is used as it stands.
    last step's loss alone: dW_hh = dW_hh + np -> dW_hh = np | Add up over the steps.
    result transposed: dW_hh.T | Rows and columns are exchanged.
    averaged over the steps: dW_hh / len(x) | It is a sum over the steps.
    bias left out: W_hh @ old + b) -> W_hh @ old) | The states are computed without b.
    """),
    "backpropagation",
)

KINDS = {
    "rnn.forward_mode": FORWARD_MODE,
    "rnn.sigmoid_backward": SIGMOID_BACKWARD,
    "rnn.step_backward": _recurrent.RNN_STEP_BACKWARD,
    "rnn.backward": _recurrent.RNN_BACKWARD,
    "numerical_gradient": NUMERICAL_GRADIENT,
}
