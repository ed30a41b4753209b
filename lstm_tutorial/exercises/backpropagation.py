"""Exercises of the chapter on backpropagation: the check of gradients by differences."""

from dataclasses import replace
from typing import Any

import numpy as np

from lstm_tutorial.exercises import _recurrent
from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import draw
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
    not divided by 2: (2 * step) -> step | The points lie two steps apart. Divide by 2 step.
    divided twice by 2: f(down) -> f(point) | One side is measured, and divided by 2 step.
    wrong sign: f(up) - f(down) -> f(down) - f(up) | It is f above minus f below.
    one-sided: f(down) -> f(point) && (2 * step) -> step |
        The error is of the order of the step. With both sides it is of the order of its square.
    one-sided, below: f(up) - -> f(point) - && (2 * step) -> step | Measure on both sides of x.
    all entries moved together: up[k] += -> up += && down[k] -= -> down -= | Move one at a time.
    rows moved together: up[k] += -> up[k[0]] += && down[k] -= -> down[k[0]] -= | Move one entry.
    x not put back: slopes[k] = (f(up) - f(down)) / (2 * step) ->
        slopes[k], point = (f(up) - f(down)) / (2 * step), down | An entry stays moved. Put it back.
    step too large: f.step -> abs(f.step) | f bends on the way: about 1e-5 is a good step.
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
    slope at the old state: hs[1:] * (1 - hs[1:]) -> hs[:-1] * (1 - hs[:-1]) |
        The slope is taken at the old state hs[t]. It is that of the new one, hs[t + 1].
    the loss of the last step alone: (dhs[t] + dh) -> (dhs[t] * (t == T - 1) + dh) | Add all dhs[t].
    first step alone: steps, count = range(T), 1 -> steps, count = [0], 1 | Add up all steps.
    last step alone: steps, count = range(T), 1 -> steps, count = [T - 1], 1 | Add up all steps.
    averaged over the steps: range(T), 1 -> range(T), T | Add up the shares of the steps.
    dW_hh takes the new h: old[t] -> hs[t + 1] | W_hh was multiplied by the old state, hs[t].
    slope left out on the way back: dh = dz[t] @ W_hh -> dh = (dhs[t] + dh) @ W_hh | Carry dz back.
    """),
    "backpropagation",
)

KINDS = {
    "rnn.sigmoid_backward": SIGMOID_BACKWARD,
    "rnn.step_backward": _recurrent.RNN_STEP_BACKWARD,
    "rnn.backward": _recurrent.RNN_BACKWARD,
    "numerical_gradient": NUMERICAL_GRADIENT,
}
