"""Exercises of the chapter on backpropagation: the check of gradients by differences."""

from dataclasses import replace
from typing import Any

import numpy as np

from lstm_tutorial.exercises import _recurrent
from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import draw
from lstm_tutorial.exercises._reading import Array


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
        moves: list[float] = []

        def f(x: Array) -> float:
            move = float(np.abs(np.asarray(x, float) - self.x).max())
            moves.extend([move] if move > 1e-12 else [])
            self.step = min(moves, default=1e-5)
            return self(x)

        return f


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


KINDS = {
    "rnn.step_backward": _recurrent.RNN_STEP_BACKWARD,
    "rnn.backward": _recurrent.RNN_BACKWARD,
    "numerical_gradient": NUMERICAL_GRADIENT,
}
