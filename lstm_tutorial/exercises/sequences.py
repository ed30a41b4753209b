"""Exercises of the chapter on sequences: recurrent networks whose weights are set, not learnt."""

from collections.abc import Iterator

import numpy as np

from lstm_tutorial import rnn
from lstm_tutorial.exercises import _recurrent
from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import draw
from lstm_tutorial.exercises._reading import Finding
from lstm_tutorial.exercises._trials import Fn, arrays, by_measuring

_WEIGHTS = {"W_ih": "H D", "W_hh": "H H", "b": "H"}


def _delayed(fn: Fn) -> Iterator[Finding]:
    """Tell the input that the second unit's states hold, and in what size."""
    x = np.random.default_rng(0).uniform(-1, 1, 200)
    W_ih, W_hh, b = arrays(_WEIGHTS, fn(), D=1, H=2)
    hs = rnn.forward(x[:, None, None], np.zeros((1, 2)), W_ih, W_hh, b)[0]
    second = 100 * hs[:, 0, 1]
    if np.abs(second[1:] - x[:-1]).max() <= 0.01:
        return
    says = "The second unit's state, times 100, should be the input of one step ago. It is "
    for lag, which in enumerate(["the present input", "the last input", "the last but one"]):
        size = second[lag:] @ x[: len(x) - lag] / (x @ x)
        rest = np.abs(second[lag:] - size * x[: len(x) - lag]).max()
        if rest < 0.05 * abs(size) and (lag != 1 or abs(size - 1) > 0.01):
            title = "wrong size or sign" if lag == 1 else which
            yield Finding(title, f"{says}about {size:.2g} times {which}.")
            return
    if (np.diff(second[1:][np.argsort(x[:-1])]) > 0).all():
        yield Finding(
            "tanh bends it", f"{says}bent: tanh is linear near zero alone. Enter smaller."
        )
    else:
        says += "not. The first unit should take the input, the second the first unit's old state."
        yield Finding("no delay line", says)


DELAY_LINE = by_measuring(
    "delay_weights() -> (W_ih, W_hh, b), one input, two units",
    _delayed,
    "sequences",
    "The second unit's state, times 100, is the input of one step ago to a hundredth.",
)

TO_SIGMOID = by_edits(
    "to_sigmoid(W_ih, W_hh, b) -> (W_ih, W_hh, b), for states (1 + h) / 2",
    _WEIGHTS,
    [draw(300 + D, _WEIGHTS, D=D, H=H) for D, H in [(3, 4), (5, 2), (1, 3), (2, 1), (4, 4)]],
    """
    W = 2 * W_ih
    U = 4 * W_hh
    rows = W_hh.sum(axis=1)
    return W, U, 2 * b - 2 * rows
    """,
    listed("""
    W_hh doubled, not times 4: 4 * W_hh -> 2 * W_hh |
        W_hh is doubled. z is doubled, and h = 2 s - 1 doubles W_hh again: it is 4 W_hh.
    z not doubled: 2 * W_ih -> W_ih && 4 * W_hh -> 2 * W_hh && 2 * b - 2 * rows -> b - rows |
        The sigmoid needs 2 z: double all of W_ih x + W_hh h + b.
    all doubled, s taken for h: 4 * W_hh -> 2 * W_hh && 2 * b - 2 * rows -> 2 * b |
        All of z is doubled, and the state is taken for h. It is s: put h = 2 s - 1 into z.
    nothing changed: W_ih, W_hh, b | The weights come out as they went in.
    the -1 left out: 2 * b - 2 * rows -> 2 * b |
        h = 2 s - 1: the part -1 goes through W_hh into the bias.
    the -1 through the columns: axis=1 -> axis=0 |
        The columns of W_hh are summed for the bias. Its rows are.
    the -1 not doubled: - 2 * rows -> - rows |
        2 z has 2 W_hh (2 s - 1) in it: the bias loses twice the sums of W_hh's rows.
    """),
    "sequences",
)


KINDS = {
    "rnn.step": _recurrent.RNN_STEP,
    "rnn.forward": _recurrent.RNN_FORWARD,
    "rnn.delay_line": DELAY_LINE,
    "rnn.to_sigmoid": TO_SIGMOID,
}
