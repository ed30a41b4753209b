"""Whole sequences, forwards and backwards, gone wrong."""

import numpy as np

from tests.exercises.mistakes import mistake

CAPTAIN = "https://github.com/CaptainE/RNN-LSTM-in-numpy/issues/1"
BURTON = "https://github.com/Burton2000/CS231n-2017/issues/7"
FORUM = "https://community.deeplearning.ai/t/c5w1a1-wrong-results-of-lstm-backward/8480"
ONNX2C = "https://github.com/kraiskil/onnx2c/issues/95"
DL4J = "https://github.com/deeplearning4j/deeplearning4j/issues/1454"
XLSTM = "https://github.com/myscience/x-lstm/issues/4"
SUMMARISER = "https://github.com/JulesBelveze/text-summarizer/pull/8"


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def cell(x, h, c, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def cell_backward(dh, dc, x, h, c, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h @ W_hh.T + b, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    t = np.tanh(f * c + i * g)
    dc = dc + dh * o * (1 - t * t)
    dz = np.hstack(
        [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), dh * t * o * (1 - o)]
    )
    return dz @ W_ih, dz @ W_hh, dc * f, dz.T @ x, dz.T @ h, dz.sum(0)


def states_before(x, h, c, W_ih, W_hh, b):
    before = []
    for x_t in x:
        before.append((h, c))
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
    return before


@mistake("lstm.forward", "the first states are zeros: h0 and c0 are not used", "h0 c0", XLSTM)
def starts_from_zeros(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = np.zeros_like(h0), np.zeros_like(c0), []
    for x_t in x:
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
        hs.append(h)
    return np.stack(hs), (h, c)


@mistake("lstm.forward", "c0 is not used: the cell starts from zeros", "c0")
def cell_starts_from_zeros(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, np.zeros_like(h0), []
    for x_t in x:
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
        hs.append(h)
    return np.stack(hs), (h, c)


@mistake("lstm.forward", "no state is carried: every step starts from h0 and c0", "h c")
def nothing_carried(x, h0, c0, W_ih, W_hh, b):
    hs = []
    for x_t in x:
        h, c = cell(x_t, h0, c0, W_ih, W_hh, b)
        hs.append(h)
    return np.stack(hs), (h, c)


@mistake("lstm.forward", "the cell state is not carried: every step starts from c0", "c")
def cell_not_carried(x, h0, c0, W_ih, W_hh, b):
    h, hs = h0, []
    for x_t in x:
        h, c = cell(x_t, h, c0, W_ih, W_hh, b)
        hs.append(h)
    return np.stack(hs), (h, c)


@mistake("lstm.forward", "the hidden state is not carried: every step sees h0", "h")
def hidden_not_carried(x, h0, c0, W_ih, W_hh, b):
    c, hs = c0, []
    for x_t in x:
        h, c = cell(x_t, h0, c, W_ih, W_hh, b)
        hs.append(h)
    return np.stack(hs), (h, c)


@mistake(
    "lstm.forward",
    "states are carried from one sequence of the batch to the next",
    "batch",
    SUMMARISER,
)
def carried_between_sequences(x, h0, c0, W_ih, W_hh, b):
    T, B, _ = x.shape
    hs = np.zeros((T, *h0.shape))
    h, c = h0[:1], c0[:1]
    ends = []
    for n in range(B):
        for t in range(T):
            h, c = cell(x[t, n : n + 1], h, c, W_ih, W_hh, b)
            hs[t, n] = h[0]
        ends.append((h[0], c[0]))
    return hs, (np.array([e[0] for e in ends]), np.array([e[1] for e in ends]))


@mistake("lstm.forward", "the sequence is read backwards", "time", ONNX2C)
def read_backwards(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for x_t in x[::-1]:
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
        hs.append(h)
    return np.stack(hs), (h, c)


@mistake("lstm.forward", "the outputs stand in reverse order of time", "hs")
def outputs_reversed(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for x_t in x:
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
        hs.insert(0, h)
    return np.stack(hs), (h, c)


@mistake(
    "lstm.forward", "the outputs are those before each step: shifted by one, with h0 first", "hs"
)
def outputs_before_the_step(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for x_t in x:
        hs.append(h)
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
    return np.stack(hs), (h, c)


@mistake("lstm.forward", "all outputs are the last one: one array is filled again and again", "hs")
def one_array_for_all(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0.copy(), c0, []
    for x_t in x:
        h[:], c = cell(x_t, h, c, W_ih, W_hh, b)
        hs.append(h)
    return np.array(hs), (h, c)


@mistake("lstm.forward", "hs holds the cell states", "hs")
def outputs_are_cells(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for x_t in x:
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
        hs.append(c)
    return np.stack(hs), (h, c)


@mistake("lstm.forward", "the last states are those of the last step but one", "h_T c_T")
def last_states_too_early(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for x_t in x:
        last = h, c
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
        hs.append(h)
    return np.stack(hs), last


@mistake("lstm.forward", "the last states are returned in the order c_T, h_T", "h_T c_T")
def last_states_exchanged(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for x_t in x:
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
        hs.append(h)
    return np.stack(hs), (c, h)


@mistake("lstm.forward", "the outputs are (B, T, H) where (T, B, H) is wanted", "hs")
def outputs_batch_first(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for x_t in x:
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
        hs.append(h)
    return np.stack(hs, axis=1), (h, c)


@mistake(
    "lstm.forward", "time and batch are exchanged by a reshape, which mixes the sequences", "x hs"
)
def reshaped_to_batch_first(x, h0, c0, W_ih, W_hh, b):
    T, B, D = x.shape
    seq = x.reshape(B, T, D)
    hs, (h, c) = np.zeros((B, T, h0.shape[1])), (h0, c0)
    for t in range(T):
        h, c = cell(seq[:, t], h, c, W_ih, W_hh, b)
        hs[:, t] = h
    return hs.reshape(T, B, -1), (h, c)


@mistake(
    "lstm.forward",
    "the hidden state is detached from time: after the first step the gates see zeros for h",
    "h",
)
def hidden_zero_after_the_first(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for x_t in x:
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
        hs.append(h)
        h = np.zeros_like(h)
    return np.stack(hs), (hs[-1], c)


@mistake("lstm.forward", "the first step is left out", "x")
def first_step_left_out(x, h0, c0, W_ih, W_hh, b):
    h, c = h0, c0
    hs = np.zeros((len(x), *h0.shape))
    for t in range(1, len(x)):
        h, c = cell(x[t], h, c, W_ih, W_hh, b)
        hs[t] = h
    return hs, (h, c)


@mistake("lstm.forward", "the last step is left out", "x")
def last_step_left_out(x, h0, c0, W_ih, W_hh, b):
    h, c = h0, c0
    hs = np.zeros((len(x), *h0.shape))
    for t in range(len(x) - 1):
        h, c = cell(x[t], h, c, W_ih, W_hh, b)
        hs[t] = h
    return hs, (h, c)


@mistake("lstm.forward", "each step sees the input of the step before it", "x")
def inputs_shifted(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for t in range(len(x)):
        h, c = cell(x[t - 1], h, c, W_ih, W_hh, b)
        hs.append(h)
    return np.stack(hs), (h, c)


@mistake("lstm.forward", "every step sees the first input", "x")
def first_input_again_and_again(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for _ in range(len(x)):
        h, c = cell(x[0], h, c, W_ih, W_hh, b)
        hs.append(h)
    return np.stack(hs), (h, c)


@mistake("lstm.forward", "the rows of forget and input gate are exchanged at every step", "f i")
def sequence_with_gates_exchanged(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for x_t in x:
        f, i, g, o = np.split(x_t @ W_ih.T + h @ W_hh.T + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        hs.append(h)
    return np.stack(hs), (h, c)


@mistake("lstm.forward", "the cell carried to the next step is tanh c", "c")
def squashed_cell_carried(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for x_t in x:
        i, f, g, o = np.split(x_t @ W_ih.T + h @ W_hh.T + b, 4, axis=1)
        c = np.tanh(sigmoid(f) * c + sigmoid(i) * np.tanh(g))
        h = sigmoid(o) * c
        hs.append(h)
    return np.stack(hs), (h, c)


@mistake("lstm.forward", "the hidden state is normalised at every step", "h")
def hidden_normalised(x, h0, c0, W_ih, W_hh, b):
    h, c, hs = h0, c0, []
    for x_t in x:
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
        h = h / (np.linalg.norm(h, axis=1, keepdims=True) + 1e-8)
        hs.append(h)
    return np.stack(hs), (h, c)


_KEPT = {}


@mistake("lstm.forward", "a state is kept from the call before", "h0 c0")
def state_kept_between_calls(x, h0, c0, W_ih, W_hh, b):
    h, c = _KEPT.get(h0.shape, (h0, c0))
    hs = []
    for x_t in x:
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
        hs.append(h)
    _KEPT[h0.shape] = h, c
    return np.stack(hs), (h, c)


def run_back(x, h0, c0, weights, dhs, dh, dc):
    before = states_before(x, h0, c0, *weights)
    dx = np.zeros_like(x)
    dW_ih, dW_hh, db = (np.zeros_like(w) for w in weights)
    for t in reversed(range(len(x))):
        dx[t], dh, dc, a, u, d = cell_backward(dhs[t] + dh, dc, x[t], *before[t], *weights)
        dW_ih += a
        dW_hh += u
        db += d
    return dx, dh, dc, dW_ih, dW_hh, db


@mistake("lstm.backward", "the gradient of h is not carried from step to step", "dh", CAPTAIN)
def hidden_gradient_not_carried(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    before = states_before(x, h0, c0, W_ih, W_hh, b)
    dx, dc = np.zeros_like(x), dc_T
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    for t in reversed(range(len(x))):
        dh = dhs[t] + (dh_T if t == len(x) - 1 else 0)
        dx[t], dh_prev, dc, a, u, d = cell_backward(dh, dc, x[t], *before[t], W_ih, W_hh, b)
        dW_ih, dW_hh, db = dW_ih + a, dW_hh + u, db + d
    return dx, dh_prev, dc, dW_ih, dW_hh, db


@mistake("lstm.backward", "the gradient of c is not carried from step to step", "dc", CAPTAIN)
def cell_gradient_not_carried(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    before = states_before(x, h0, c0, W_ih, W_hh, b)
    dx, dh = np.zeros_like(x), dh_T
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    for t in reversed(range(len(x))):
        dc = dc_T if t == len(x) - 1 else np.zeros_like(c0)
        dx[t], dh, dc_prev, a, u, d = cell_backward(
            dhs[t] + dh, dc, x[t], *before[t], W_ih, W_hh, b
        )
        dW_ih, dW_hh, db = dW_ih + a, dW_hh + u, db + d
    return dx, dh, dc_prev, dW_ih, dW_hh, db


@mistake("lstm.backward", "the gradients of the last states are not used", "dh_T dc_T", FORUM)
def last_states_gradients_ignored(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    zeros = np.zeros_like(h0)
    return run_back(x, h0, c0, (W_ih, W_hh, b), dhs, zeros, zeros)


@mistake("lstm.backward", "dc_T is not used", "dc_T")
def last_cells_gradient_ignored(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    return run_back(x, h0, c0, (W_ih, W_hh, b), dhs, dh_T, np.zeros_like(c0))


@mistake(
    "lstm.backward", "the gradients of the outputs are not used: only the last states count", "dhs"
)
def outputs_gradients_ignored(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    return run_back(x, h0, c0, (W_ih, W_hh, b), np.zeros_like(dhs), dh_T, dc_T)


@mistake(
    "lstm.backward",
    "the gradient that comes back through h is overwritten by that of the output",
    "dh",
)
def later_gradient_overwritten(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    before = states_before(x, h0, c0, W_ih, W_hh, b)
    dx, dh, dc = np.zeros_like(x), dh_T, dc_T
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    for t in reversed(range(len(x))):
        dh = dhs[t]
        dx[t], dh, dc, a, u, d = cell_backward(dh, dc, x[t], *before[t], W_ih, W_hh, b)
        dW_ih += a
        dW_hh += u
        db += d
    return dx, dh, dc, dW_ih, dW_hh, db


@mistake(
    "lstm.backward",
    "weight gradients are overwritten at every step: only the first step's are left",
    "dW_ih dW_hh db",
    FORUM,
)
def weights_overwritten(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    before = states_before(x, h0, c0, W_ih, W_hh, b)
    dx, dh, dc = np.zeros_like(x), dh_T, dc_T
    for t in reversed(range(len(x))):
        dx[t], dh, dc, dW_ih, dW_hh, db = cell_backward(
            dhs[t] + dh, dc, x[t], *before[t], W_ih, W_hh, b
        )
    return dx, dh, dc, dW_ih, dW_hh, db


@mistake("lstm.backward", "the bias gradient is overwritten at every step", "db")
def bias_overwritten(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    before = states_before(x, h0, c0, W_ih, W_hh, b)
    dx, dh, dc = np.zeros_like(x), dh_T, dc_T
    dW_ih, dW_hh = np.zeros_like(W_ih), np.zeros_like(W_hh)
    for t in reversed(range(len(x))):
        dx[t], dh, dc, a, u, db = cell_backward(dhs[t] + dh, dc, x[t], *before[t], W_ih, W_hh, b)
        dW_ih += a
        dW_hh += u
    return dx, dh, dc, dW_ih, dW_hh, db


@mistake("lstm.backward", "weight gradients are divided by the number of steps", "dW_ih dW_hh db")
def weights_averaged_over_time(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    dx, dh, dc, dW_ih, dW_hh, db = run_back(x, h0, c0, (W_ih, W_hh, b), dhs, dh_T, dc_T)
    T = len(x)
    return dx, dh, dc, dW_ih / T, dW_hh / T, db / T


@mistake("lstm.backward", "the loop runs forward in time", "time")
def backward_runs_forward(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    before = states_before(x, h0, c0, W_ih, W_hh, b)
    dx, dh, dc = np.zeros_like(x), dh_T, dc_T
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    for t in range(len(x)):
        dx[t], dh, dc, a, u, d = cell_backward(dhs[t] + dh, dc, x[t], *before[t], W_ih, W_hh, b)
        dW_ih += a
        dW_hh += u
        db += d
    return dx, dh, dc, dW_ih, dW_hh, db


@mistake("lstm.backward", "the states used at each step are those after it", "h c")
def states_after_the_step(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    after = []
    h, c = h0, c0
    for x_t in x:
        h, c = cell(x_t, h, c, W_ih, W_hh, b)
        after.append((h, c))
    dx, dh, dc = np.zeros_like(x), dh_T, dc_T
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    for t in reversed(range(len(x))):
        dx[t], dh, dc, a, u, d = cell_backward(dhs[t] + dh, dc, x[t], *after[t], W_ih, W_hh, b)
        dW_ih, dW_hh, db = dW_ih + a, dW_hh + u, db + d
    return dx, dh, dc, dW_ih, dW_hh, db


@mistake("lstm.backward", "dh_T is added at every step", "dh_T")
def last_gradient_at_every_step(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    return run_back(x, h0, c0, (W_ih, W_hh, b), dhs + dh_T, np.zeros_like(h0), dc_T)


@mistake("lstm.backward", "dh_T is added twice: as a part of dhs and by itself", "dh_T")
def last_gradient_twice(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    dhs = dhs.copy()
    dhs[-1] += dh_T
    return run_back(x, h0, c0, (W_ih, W_hh, b), dhs, dh_T, dc_T)


@mistake(
    "lstm.backward",
    "dh0 and dc0 are the gradients handed to the first step, not those that leave it",
    "dh0 dc0",
    FORUM,
)
def first_states_gradients_too_early(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    before = states_before(x, h0, c0, W_ih, W_hh, b)
    dx, dh, dc = np.zeros_like(x), dh_T, dc_T
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    for t in reversed(range(len(x))):
        dh0, dc0 = dh, dc
        dx[t], dh, dc, a, u, d = cell_backward(dhs[t] + dh, dc, x[t], *before[t], W_ih, W_hh, b)
        dW_ih += a
        dW_hh += u
        db += d
    return dx, dh0, dc0, dW_ih, dW_hh, db


@mistake("lstm.backward", "dx stands in reverse order of time", "dx")
def input_gradients_reversed(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    dx, *rest = run_back(x, h0, c0, (W_ih, W_hh, b), dhs, dh_T, dc_T)
    return dx[::-1], *rest


@mistake("lstm.backward", "the gradients of the states are clipped to ±1 at every step", "dh dc")
def clipped_on_the_way(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    before = states_before(x, h0, c0, W_ih, W_hh, b)
    dx, dh, dc = np.zeros_like(x), dh_T, dc_T
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    for t in reversed(range(len(x))):
        dx[t], dh, dc, a, u, d = cell_backward(dhs[t] + dh, dc, x[t], *before[t], W_ih, W_hh, b)
        dh, dc = np.clip(dh, -1, 1), np.clip(dc, -1, 1)
        dW_ih += a
        dW_hh += u
        db += d
    return dx, dh, dc, dW_ih, dW_hh, db


@mistake("lstm.backward", "the candidate's slope is missing at every step", "g")
def sequence_without_the_candidates_slope(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    before = states_before(x, h0, c0, W_ih, W_hh, b)
    dx, dh, dc = np.zeros_like(x), dh_T, dc_T
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    for t in reversed(range(len(x))):
        h_prev, c_prev = before[t]
        i, f, g, o = np.split(x[t] @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        tc = np.tanh(f * c_prev + i * g)
        dh = dh + dhs[t]
        dc = dc + dh * o * (1 - tc**2)
        dz = np.hstack(
            [dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i, dh * tc * o * (1 - o)]
        )
        dx[t], dh, dc = dz @ W_ih, dz @ W_hh, dc * f
        dW_ih += dz.T @ x[t]
        dW_hh += dz.T @ h_prev
        db += dz.sum(0)
    return dx, dh, dc, dW_ih, dW_hh, db


@mistake("lstm.backward", "the last step has no part in the gradients", "time")
def last_step_has_no_part(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    before = states_before(x, h0, c0, W_ih, W_hh, b)
    dx, dh, dc = np.zeros_like(x), dh_T, dc_T
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    for t in range(len(x) - 2, -1, -1):
        dx[t], dh, dc, a, u, d = cell_backward(dhs[t] + dh, dc, x[t], *before[t], W_ih, W_hh, b)
        dW_ih += a
        dW_hh += u
        db += d
    return dx, dh, dc, dW_ih, dW_hh, db


@mistake("rnn.forward", "the first state is zeros", "h0")
def rnn_starts_from_zeros(x, h0, W_ih, W_hh, b):
    h, hs = np.zeros_like(h0), []
    for x_t in x:
        h = np.tanh(x_t @ W_ih.T + h @ W_hh.T + b)
        hs.append(h)
    return np.array(hs), h


@mistake("rnn.forward", "no state is carried", "h")
def rnn_nothing_carried(x, h0, W_ih, W_hh, b):
    hs = np.array([np.tanh(x_t @ W_ih.T + h0 @ W_hh.T + b) for x_t in x])
    return hs, hs[-1]


@mistake("rnn.forward", "the outputs are shifted by one step", "hs")
def rnn_outputs_shifted(x, h0, W_ih, W_hh, b):
    hs = [h0]
    for x_t in x:
        hs.append(np.tanh(x_t @ W_ih.T + hs[-1] @ W_hh.T + b))
    return np.array(hs[:-1]), hs[-1]


@mistake("rnn.forward", "the batch axis is walked as time", "x", BURTON)
def rnn_walks_the_batch(x, h0, W_ih, W_hh, b):
    T, B, _ = x.shape
    hs = np.zeros((T, B, h0.shape[1]))
    for n in range(B):
        h = h0[n]
        for t in range(T):
            h = np.tanh(W_ih @ x.reshape(B, T, -1)[n, t] + W_hh @ h + b)
            hs[t, n] = h
    return hs, hs[-1]


@mistake("rnn.forward", "the last state is the first one", "h_T")
def rnn_last_is_first(x, h0, W_ih, W_hh, b):
    h, hs = h0, []
    for x_t in x:
        h = np.tanh(x_t @ W_ih.T + h @ W_hh.T + b)
        hs.append(h)
    return np.array(hs), hs[0]


def rnn_states(x, h0, W_ih, W_hh, b):
    hs = [h0]
    for x_t in x:
        hs.append(np.tanh(x_t @ W_ih.T + hs[-1] @ W_hh.T + b))
    return hs


@mistake("rnn.backward", "the gradient is not carried back in time", "dh")
def rnn_gradient_not_carried(dhs, dh_T, x, h0, W_ih, W_hh, b):
    hs = rnn_states(x, h0, W_ih, W_hh, b)
    dx, dW_ih, dW_hh, db = np.zeros_like(x), 0, 0, 0
    for t in reversed(range(len(x))):
        dh = dhs[t] + (dh_T if t == len(x) - 1 else 0)
        dz = dh * (1 - hs[t + 1] ** 2)
        dx[t] = dz @ W_ih
        dW_ih, dW_hh, db = dW_ih + dz.T @ x[t], dW_hh + dz.T @ hs[t], db + dz.sum(0)
    return dx, dz @ W_hh, dW_ih, dW_hh, db


@mistake("rnn.backward", "dh_T is not used", "dh_T")
def rnn_last_gradient_ignored(dhs, dh_T, x, h0, W_ih, W_hh, b):
    hs = rnn_states(x, h0, W_ih, W_hh, b)
    dx, dh, dW_ih, dW_hh, db = np.zeros_like(x), np.zeros_like(h0), 0, 0, 0
    for t in reversed(range(len(x))):
        dz = (dhs[t] + dh) * (1 - hs[t + 1] ** 2)
        dx[t], dh = dz @ W_ih, dz @ W_hh
        dW_ih, dW_hh, db = dW_ih + dz.T @ x[t], dW_hh + dz.T @ hs[t], db + dz.sum(0)
    return dx, dh, dW_ih, dW_hh, db


@mistake("rnn.backward", "the slope is taken one step too early", "slope")
def rnn_slope_one_step_early(dhs, dh_T, x, h0, W_ih, W_hh, b):
    hs = rnn_states(x, h0, W_ih, W_hh, b)
    dx, dh, dW_ih, dW_hh, db = np.zeros_like(x), dh_T, 0, 0, 0
    for t in reversed(range(len(x))):
        dz = (dhs[t] + dh) * (1 - hs[t] ** 2)
        dx[t], dh = dz @ W_ih, dz @ W_hh
        dW_ih, dW_hh, db = dW_ih + dz.T @ x[t], dW_hh + dz.T @ hs[t], db + dz.sum(0)
    return dx, dh, dW_ih, dW_hh, db


@mistake("rnn.backward", "the gradient goes back through W_hh transposed", "dh W_hh")
def rnn_back_through_the_transpose(dhs, dh_T, x, h0, W_ih, W_hh, b):
    hs = rnn_states(x, h0, W_ih, W_hh, b)
    dx, dh, dW_ih, dW_hh, db = np.zeros_like(x), dh_T, 0, 0, 0
    for t in reversed(range(len(x))):
        dz = (dhs[t] + dh) * (1 - hs[t + 1] ** 2)
        dx[t], dh = dz @ W_ih, dz @ W_hh.T
        dW_ih, dW_hh, db = dW_ih + dz.T @ x[t], dW_hh + dz.T @ hs[t], db + dz.sum(0)
    return dx, dh, dW_ih, dW_hh, db


@mistake("rnn.backward", "dW_hh is made of the state after each step", "dW_hh")
def rnn_recurrent_weights_with_the_state_after(dhs, dh_T, x, h0, W_ih, W_hh, b):
    hs = rnn_states(x, h0, W_ih, W_hh, b)
    dx, dh, dW_ih, dW_hh, db = np.zeros_like(x), dh_T, 0, 0, 0
    for t in reversed(range(len(x))):
        dz = (dhs[t] + dh) * (1 - hs[t + 1] ** 2)
        dx[t], dh = dz @ W_ih, dz @ W_hh
        dW_ih, dW_hh, db = dW_ih + dz.T @ x[t], dW_hh + dz.T @ hs[t + 1], db + dz.sum(0)
    return dx, dh, dW_ih, dW_hh, db
