"""The kinds of one step and of a whole sequence, forward and back, for the chapters' modules."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from lstm_tutorial import lstm, rnn
from lstm_tutorial.exercises._kind import Kind, regimes
from lstm_tutorial.exercises._loop import read_forward, read_rnn_forward
from lstm_tutorial.exercises._loop_back import read_backward, read_rnn_backward
from lstm_tutorial.exercises._step import FORMS, read_step
from lstm_tutorial.exercises._step_back import read_step_back

RNN_WEIGHTS = {"W_ih": "H D", "W_hh": "H H", "b": "H"}
LSTM_WEIGHTS = {"W_ih": "4H D", "W_hh": "4H H", "b": "4H"}
_RNN_STEP = {"x": "B D", "h_prev": "B H", **RNN_WEIGHTS}
_LSTM_STEP = {"x": "B D", "h_prev": "B H", "c_prev": "B H", **LSTM_WEIGHTS}
_RNN = {"x": "T B D", "h0": "B H", **RNN_WEIGHTS}
_LSTM = {"x": "T B D", "h0": "B H", "c0": "B H", **LSTM_WEIGHTS}


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


def stepping(kind: str, signature: str, outputs: Mapping[str, str], arguments: Mapping[str, str],
             right: Any, **more: Any) -> Kind:  # fmt: skip
    """Return a kind of one step forward, read by the form of this name."""
    form = FORMS[kind]
    read = partial(read_step, form=form)
    return Kind(signature, outputs, regimes(0, arguments), right, form.page, read, **more)


RNN_STEP = stepping(
    "rnn.step", "step(x, h_prev, W_ih, W_hh, b) -> h", {"h": "B H"}, _RNN_STEP, rnn.step
)
LSTM_STEP = stepping(
    "lstm.step", "step(x, h_prev, c_prev, W_ih, W_hh, b) -> (h, c)",
    {"h": "B H", "c": "B H"}, _LSTM_STEP, lstm.step,
)  # fmt: skip
RNN_STEP_BACKWARD = Kind(
    "step_backward(dh, x, h_prev, W_ih, W_hh, b) -> (dx, dh_prev, dW_ih, dW_hh, db)",
    {"dx": "B D", "dh_prev": "B H", "dW_ih": "H D", "dW_hh": "H H", "db": "H"},
    regimes(20, {"dh": "B H", **_RNN_STEP}),
    rnn.step_backward,
    "backpropagation",
    partial(read_step_back, kind="rnn"),
)
LSTM_STEP_BACKWARD = Kind(
    "step_backward(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b) -> "
    "(dx, dh_prev, dc_prev, dW_ih, dW_hh, db)",
    {"dx": "B D", "dh_prev": "B H", "dc_prev": "B H", "dW_ih": "4H D", "dW_hh": "4H H", "db": "4H"},
    regimes(30, {"dh": "B H", "dc": "B H", **_LSTM_STEP}),
    lstm.step_backward,
    "numpy",
    partial(read_step_back, kind="lstm"),
)
RNN_FORWARD = Kind(
    "forward(x, h0, W_ih, W_hh, b) -> (hs, h_T)",
    {"hs": "T B H", "h_T": "B H"},
    regimes(40, _RNN),
    rnn.forward,
    "sequences",
    read_rnn_forward,
    _without_tape,
)
LSTM_FORWARD = Kind(
    "forward(x, h0, c0, W_ih, W_hh, b) -> (hs, (h_T, c_T))",
    {"hs": "T B H", "h_T": "B H", "c_T": "B H"},
    regimes(50, _LSTM),
    lstm.forward,
    "numpy",
    read_forward,
    _with_ends,
)
RNN_BACKWARD = Kind(
    "backward(dhs, dh_T, x, h0, W_ih, W_hh, b) -> (dx, dh0, dW_ih, dW_hh, db)",
    {"dx": "T B D", "dh0": "B H", "dW_ih": "H D", "dW_hh": "H H", "db": "H"},
    regimes(60, {"dhs": "T B H", "dh_T": "B H", **_RNN}),
    lambda dhs, dh_T, *a: tuple(rnn.backward(dhs, rnn.forward(*a)[2], dh_T)),
    "backpropagation",
    read_rnn_backward,
)
LSTM_BACKWARD = Kind(
    "backward(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b) -> (dx, dh0, dc0, dW_ih, dW_hh, db)",
    {"dx": "T B D", "dh0": "B H", "dc0": "B H", "dW_ih": "4H D", "dW_hh": "4H H", "db": "4H"},
    regimes(70, {"dhs": "T B H", "dh_T": "B H", "dc_T": "B H", **_LSTM}),
    lambda dhs, dh_T, dc_T, *a: tuple(lstm.backward(dhs, lstm.forward(*a)[2], dh_T, dc_T)),
    "numpy",
    read_backward,
)
