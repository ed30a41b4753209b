"""The kinds of one step and of a whole sequence, forward and back, for the chapters' modules."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from lstm_tutorial import lstm, rnn
from lstm_tutorial.exercises._kind import Kind, regimes
from lstm_tutorial.exercises._loop import read_forward, read_rnn_forward
from lstm_tutorial.exercises._loop_back import read_backward, read_rnn_backward
from lstm_tutorial.exercises._step import FORMS, read_step
from lstm_tutorial.exercises._step_back import read_step_back

_WEIGHTS = {"W_ih": "H D", "W_hh": "H H", "W": "H D", "U": "H H", "b": "H"}


def recurrent(
    signature: str, right: Callable[..., Any], page: str, read: Any, names: str = "", **more: Any
) -> Kind:
    """Return a kind whose arguments and outputs have the book's names, and so their axes.

    The names are those of the signature, or ``"arguments -> outputs"``.
    """
    sides = (names or signature.partition("(")[2]).split(" -> ")
    arguments, outputs = (re.findall(r"\w+", side) for side in sides)
    rows = "4" if {"c_prev", "c0"} & set(arguments) else ""

    def axes(name: str) -> str:
        name = name.removeprefix("d")  # a gradient is as large as what it belongs to
        if name in _WEIGHTS:
            return rows + _WEIGHTS[name]
        known = {"hs": "T B H", "z": "B 4H", "x": "T B D" if "h0" in arguments else "B D"}
        return known.get(name, "B H")

    cases = regimes(20, {name: axes(name) for name in arguments})
    return Kind(signature, {name: axes(name) for name in outputs}, cases, right, page, read, **more)


def stepping(
    kind: str, signature: str, right: Callable[..., Any], names: str = "", **more: Any
) -> Kind:
    """Return a kind of one step forward, read by the form of this name."""
    read = partial(read_step, form=FORMS[kind])
    return recurrent(signature, right, FORMS[kind].page, read, names, **more)


def _with_ends(returned: Any) -> Any:
    """Return hs, h_T, c_T from (hs, (h_T, c_T)), with a tape after them or not."""
    if isinstance(returned, tuple | list) and len(returned) in (2, 3):
        ends = returned[1]
        if isinstance(ends, tuple | list) and len(ends) == 2:
            return [returned[0], *ends]
    return returned


def _without_tape(returned: Any) -> Any:
    """Return hs and h_T, with a tape after them or not."""
    tape = isinstance(returned, tuple | list) and len(returned) == 3
    return list(returned)[:2] if tape else returned


RNN_STEP = stepping("rnn.step", "step(x, h_prev, W_ih, W_hh, b) -> h", rnn.step)
LSTM_STEP = stepping("lstm.step", "step(x, h_prev, c_prev, W_ih, W_hh, b) -> (h, c)", lstm.step)
RNN_STEP_BACKWARD = recurrent(
    "step_backward(dh, x, h_prev, W_ih, W_hh, b) -> (dx, dh_prev, dW_ih, dW_hh, db)",
    rnn.step_backward,
    "backpropagation",
    partial(read_step_back, kind="rnn"),
)
LSTM_STEP_BACKWARD = recurrent(
    "step_backward(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b) -> "
    "(dx, dh_prev, dc_prev, dW_ih, dW_hh, db)",
    lstm.step_backward,
    "numpy",
    partial(read_step_back, kind="lstm"),
)
RNN_FORWARD = recurrent(
    "forward(x, h0, W_ih, W_hh, b) -> (hs, h_T)",
    rnn.forward,
    "sequences",
    read_rnn_forward,
    flat=_without_tape,
)
LSTM_FORWARD = recurrent(
    "forward(x, h0, c0, W_ih, W_hh, b) -> (hs, (h_T, c_T))",
    lstm.forward,
    "numpy",
    read_forward,
    flat=_with_ends,
)
RNN_BACKWARD = recurrent(
    "backward(dhs, dh_T, x, h0, W_ih, W_hh, b) -> (dx, dh0, dW_ih, dW_hh, db)",
    lambda dhs, dh_T, *a: tuple(rnn.backward(dhs, rnn.forward(*a)[2], dh_T)),
    "backpropagation",
    read_rnn_backward,
)
LSTM_BACKWARD = recurrent(
    "backward(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b) -> (dx, dh0, dc0, dW_ih, dW_hh, db)",
    lambda dhs, dh_T, dc_T, *a: tuple(lstm.backward(dhs, lstm.forward(*a)[2], dh_T, dc_T)),
    "numpy",
    read_backward,
)
