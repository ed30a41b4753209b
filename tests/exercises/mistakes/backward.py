"""The backward pass of one step, gone wrong."""

import numpy as np

from tests.exercises.mistakes import mistake

CAPTAIN = "https://github.com/CaptainE/RNN-LSTM-in-numpy/issues/1"
LEARN_DL = "https://github.com/hanbt/learn_dl/issues/53"
MXNET = "https://github.com/apache/mxnet/issues/4057"
CS231 = "https://github.com/cthorey/CS231/issues/1"
SIRAJ = "https://github.com/llSourcell/LSTM_Networks/issues/4"
EQUATION_8 = "https://github.com/jinzishuai/learn2deeplearn/issues/44"
CUTAGI = "https://github.com/lhnguyen102/cuTAGI/issues/77"
FORUM = "https://community.deeplearning.ai/t/dls-5-week-1-exercise-7-lstm-cell-backward-output-is-not-an-expected-one/22398"
TANH_SLOPE = "https://github.com/nicodjimenez/lstm/issues/41"
YIZT = "https://github.com/yizt/numpy_neural_network/issues/6"
FROM_SCRATCH_2 = "https://github.com/oreilly-japan/deep-learning-from-scratch-2/issues/26"


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def gates_of(x, h_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    return sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)


@mistake(
    "lstm.step_backward",
    "the slope of the sigmoid of the forget gate is missing: dz_f lacks 1 - f",
    "f",
    CAPTAIN,
)
def forget_squashed_for_its_slope(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    t = np.tanh(f * c_prev + i * g)
    dC = dc + dh * o * (1 - t**2)
    do = dh * t * o * (1 - o)
    df = dC * c_prev * f
    di = dC * g * i * (1 - i)
    dg = dC * i * (1 - g**2)
    dz = np.hstack([di, df, dg, do])
    return dz @ W_ih, dz @ W_hh, dC * f, dz.T @ x, dz.T @ h_prev, dz.sum(axis=0)


@mistake(
    "lstm.step_backward",
    "the gradient of c that comes through h is missing: dc gets nothing from dh",
    "dc",
    MXNET,
)
def cell_gradient_not_from_h(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    t = np.tanh(f * c_prev + i * g)
    do = dh * t * o * (1 - o)
    df = dc * c_prev * f * (1 - f)
    di = dc * g * i * (1 - i)
    dg = dc * i * (1 - g**2)
    dz = np.hstack([di, df, dg, do])
    return dz @ W_ih, dz @ W_hh, dc * f, dz.T @ x, dz.T @ h_prev, dz.sum(axis=0)


@mistake(
    "lstm.step_backward", "the incoming gradient of c is overwritten by that through h", "dc", CS231
)
def cell_gradient_overwritten(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    next_c = f * c_prev + i * g
    dnext_c = o * (1 - np.tanh(next_c) ** 2) * dh
    do = np.tanh(next_c) * dh * o * (1 - o)
    df = c_prev * dnext_c * f * (1 - f)
    di = g * dnext_c * i * (1 - i)
    dg = i * dnext_c * (1 - g**2)
    da = np.concatenate([di, df, dg, do], axis=1)
    return da.dot(W_ih), da.dot(W_hh), f * dnext_c, da.T.dot(x), da.T.dot(h_prev), da.sum(0)


@mistake(
    "lstm.step_backward",
    "the slope of tanh is taken at c, not at tanh c: 1 - c² for 1 - tanh² c",
    "dc",
    TANH_SLOPE,
)
def slope_at_c(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    c = f * c_prev + i * g
    dct = dc + dh * o * (1 - c**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g * g),
            dh * np.tanh(c) * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake(
    "lstm.step_backward",
    "the slope of tanh is applied to what is squashed already: 1 - tanh²(g) for 1 - g²",
    "g",
    YIZT,
)
def slope_of_the_squashed_candidate(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dc = dc + dh * o * (1 - tc**2)
    dg = dc * i * (1 - np.tanh(g) ** 2)
    dz = np.hstack([dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dg, dh * tc * o * (1 - o)])
    return dz @ W_ih, dz @ W_hh, dc * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake(
    "lstm.step_backward",
    "the slope of the sigmoid is applied to what is squashed already, in all three gates",
    "i f o",
)
def slope_of_the_squashed_gates(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    def dsigmoid(a):
        return sigmoid(a) * (1 - sigmoid(a))

    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dc = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dc * g * dsigmoid(i),
            dc * c_prev * dsigmoid(f),
            dc * i * (1 - g**2),
            dh * tc * dsigmoid(o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dc * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake(
    "lstm.step_backward",
    "dz_i is made of the old cell state and dz_f of the candidate: the two factors are exchanged",
    "i f",
)
def factors_exchanged(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dc = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dc * c_prev * i * (1 - i),
            dc * g * f * (1 - f),
            dc * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dc * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "dz_f is made of the new cell state, not of the old", "f")
def forget_with_the_new_cell(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    c = f * c_prev + i * g
    tc = np.tanh(c)
    dc = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh * tc * o * (1 - o)]
    )
    return dz @ W_ih, dz @ W_hh, dc * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "dz_o is made of the cell, not of its tanh", "o")
def output_gate_with_the_bare_cell(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    c = f * c_prev + i * g
    dct = dc + dh * o * (1 - np.tanh(c) ** 2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * c * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "dz_o is made of the tanh of the old cell", "o")
def output_gate_with_the_old_cell(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * np.tanh(c_prev) * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the output gate's dz has dc in it", "o", CUTAGI)
def output_gate_from_the_cell(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dct * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the slope of tanh is missing on the way from h to c", "dc", FORUM)
def no_slope_from_h_to_c(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the output gate is missing on the way from h to c", "dc")
def no_gate_from_h_to_c(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the slope of the candidate's tanh is missing", "g", EQUATION_8)
def candidate_without_slope(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [dct * g * i * (1 - i), dct * c_prev * f * (1 - f), dct * i, dh * tc * o * (1 - o)]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake(
    "lstm.step_backward",
    "the slope of the candidate is 1 - i², that of another gate",
    "g",
    EQUATION_8,
)
def candidate_with_the_gates_slope(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - i**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the candidate is given the slope of a sigmoid, g (1 - g)", "g")
def candidate_with_a_sigmoids_slope(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    a = np.hstack([i, f, g, o])
    dgates = np.hstack([dct * g, dct * c_prev, dct * i, dh * tc])
    dz = dgates * a * (1 - a)
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the input gate is given the slope of tanh, 1 - i²", "i")
def input_gate_with_a_tanhs_slope(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * (1 - i**2),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "dc_prev lacks the forget gate", "dc_prev")
def cell_passed_on_whole(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake(
    "lstm.step_backward",
    "dc_prev is made of the incoming dc alone, without what comes through h",
    "dc_prev",
)
def cell_passed_on_without_h(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dc * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake(
    "lstm.step_backward",
    "dc_prev is multiplied by the input gate instead of the forget gate",
    "dc_prev",
)
def cell_passed_on_by_the_input_gate(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * i, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the bias gradient is averaged over the batch, not summed", "db")
def bias_averaged(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.mean(0)


@mistake(
    "lstm.step_backward", "all weight gradients are divided by the batch size", "dW_ih dW_hh db"
)
def weights_averaged(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    m = len(x)
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x / m, dz.T @ h_prev / m, dz.sum(0) / m


@mistake(
    "lstm.step_backward",
    "the bias gradients of input and output gate are those of the forget gate",
    "db i o",
    LEARN_DL,
)
def bias_gradients_copied(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    delta_i, delta_f = dct * g * i * (1 - i), dct * c_prev * f * (1 - f)
    delta_g, delta_o = dct * i * (1 - g**2), dh * tc * o * (1 - o)
    dz = np.hstack([delta_i, delta_f, delta_g, delta_o])
    db = np.concatenate([delta_f.sum(0), delta_f.sum(0), delta_g.sum(0), delta_f.sum(0)])
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, db


@mistake(
    "lstm.step_backward",
    "dh_prev is made of the gates' gradients before their slopes",
    "dh_prev",
    SIRAJ,
)
def state_gradient_before_the_slopes(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    di, df, dg, do = dct * g, dct * c_prev, dct * i, dh * tc
    dz = np.hstack([di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)])
    dh_prev = np.hstack([di, df, dg, do]) @ W_hh
    return dz @ W_ih, dh_prev, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "dW_hh is made of the new hidden state, not of the old", "dW_hh")
def recurrent_weights_with_the_new_state(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    h = o * tc
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h, dz.sum(0)


@mistake("lstm.step_backward", "dz_g stands in the place of dz_o and dz_o in that of dz_g", "g o")
def blocks_in_the_order_ifog(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dh * tc * o * (1 - o),
            dct * i * (1 - g**2),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake(
    "lstm.step_backward", "dh_prev and dc_prev are returned in the other order", "dh_prev dc_prev"
)
def states_returned_in_the_other_order(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dct * f, dz @ W_hh, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the output gate is not part of dh_prev", "dh_prev o")
def output_gate_missing_in_dh_prev(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    H = dh.shape[1]
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dzi, dzf = dct * g * i * (1 - i), dct * c_prev * f * (1 - f)
    dzg, dzo = dct * i * (1 - g**2), dh * tc * o * (1 - o)
    dz = np.hstack([dzi, dzf, dzg, dzo])
    dh_prev = dzi @ W_hh[:H] + dzf @ W_hh[H : 2 * H] + dzg @ W_hh[2 * H : 3 * H]
    return dz @ W_ih, dh_prev, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the forget gate is not part of dx", "dx f")
def forget_gate_missing_in_dx(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    H = dh.shape[1]
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dzi, dzf = dct * g * i * (1 - i), dct * c_prev * f * (1 - f)
    dzg, dzo = dct * i * (1 - g**2), dh * tc * o * (1 - o)
    dz = np.hstack([dzi, dzf, dzg, dzo])
    dx = dzi @ W_ih[:H] + dzg @ W_ih[2 * H : 3 * H] + dzo @ W_ih[3 * H :]
    return dx, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the slope of the output gate's sigmoid is missing", "o", FORUM)
def output_gate_without_slope(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [dct * g * i * (1 - i), dct * c_prev * f * (1 - f), dct * i * (1 - g**2), dh * tc]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "no slope is taken in any gate", "i f g o", FORUM)
def no_slopes_at_all(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack([dct * g, dct * c_prev, dct * i, dh * tc])
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the slope of the input gate is that of the forget gate", "i")
def copied_slope(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * f * (1 - f),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake(
    "lstm.step_backward", "1 + tanh² stands for 1 - tanh² on the way from h to c", "dc", TANH_SLOPE
)
def plus_for_minus_in_the_slope(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 + tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "1 - tanh stands for 1 - tanh², on the way from h to c", "dc")
def slope_not_squared(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake(
    "lstm.step_backward",
    "the gradient of c is doubled: += on what holds it already",
    "dc",
    "https://github.com/javaidnabi31/RNN-from-scratch/issues/2",
)
def cell_gradient_doubled(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dct = dct + dct
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the gradients are clipped to ±1 in passing", "")
def clipped_in_passing(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    grads = dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)
    return tuple(np.clip(a, -1, 1) for a in grads)


@mistake("lstm.step_backward", "dz_g lacks the input gate", "g")
def candidate_without_its_gate(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, b)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [dct * g * i * (1 - i), dct * c_prev * f * (1 - f), dct * (1 - g**2), dh * tc * o * (1 - o)]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake(
    "lstm.step_backward",
    "the gates used in the backward pass are pre-activations, not squashed",
    "i f g o",
)
def stored_before_squashing(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    tc = np.tanh(sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g))
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("lstm.step_backward", "the forward pass inside leaves the bias out", "b")
def backward_without_bias(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = gates_of(x, h_prev, W_ih, W_hh, 0)
    tc = np.tanh(f * c_prev + i * g)
    dct = dc + dh * o * (1 - tc**2)
    dz = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * c_prev * f * (1 - f),
            dct * i * (1 - g**2),
            dh * tc * o * (1 - o),
        ]
    )
    return dz @ W_ih, dz @ W_hh, dct * f, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("rnn.step_backward", "the slope of tanh is taken at h_prev, not at h", "slope")
def rnn_slope_at_the_old_state(dh, x, h_prev, W_ih, W_hh, b):
    dz = dh * (1 - h_prev**2)
    return dz @ W_ih, dz @ W_hh, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("rnn.step_backward", "the slope of tanh is missing", "slope")
def rnn_without_slope(dh, x, h_prev, W_ih, W_hh, b):
    return dh @ W_ih, dh @ W_hh, dh.T @ x, dh.T @ h_prev, dh.sum(0)


@mistake(
    "rnn.step_backward",
    "the gradient is divided by the slope instead of multiplied",
    "slope",
    FROM_SCRATCH_2,
)
def rnn_divided_by_the_slope(dh, x, h_prev, W_ih, W_hh, b):
    h = np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
    dz = dh / (1 - h**2)
    return dz @ W_ih, dz @ W_hh, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("rnn.step_backward", "the slope of the sigmoid stands for that of tanh", "slope")
def rnn_with_a_sigmoids_slope(dh, x, h_prev, W_ih, W_hh, b):
    h = np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
    dz = dh * h * (1 - h)
    return dz @ W_ih, dz @ W_hh, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("rnn.step_backward", "dW_hh is made of the new state, not of the old", "dW_hh")
def rnn_recurrent_weights_with_the_new_state(dh, x, h_prev, W_ih, W_hh, b):
    h = np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
    dz = dh * (1 - h**2)
    return dz @ W_ih, dz @ W_hh, dz.T @ x, dz.T @ h, dz.sum(0)


@mistake("rnn.step_backward", "dh_prev uses W_hh transposed", "dh_prev")
def rnn_state_gradient_transposed(dh, x, h_prev, W_ih, W_hh, b):
    h = np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
    dz = dh * (1 - h**2)
    return dz @ W_ih, dz @ W_hh.T, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake(
    "rnn.step_backward", "the slope is taken at tanh of the state: squashed twice", "slope", YIZT
)
def rnn_slope_squashed_twice(dh, x, h_prev, W_ih, W_hh, b):
    h = np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
    dz = dh * (1 - np.tanh(h) ** 2)
    return dz @ W_ih, dz @ W_hh, dz.T @ x, dz.T @ h_prev, dz.sum(0)


@mistake("rnn.step_backward", "the bias gradient is averaged over the batch", "db")
def rnn_bias_averaged(dh, x, h_prev, W_ih, W_hh, b):
    h = np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
    dz = dh * (1 - h**2)
    return dz @ W_ih, dz @ W_hh, dz.T @ x, dz.T @ h_prev, dz.mean(0)


@mistake("rnn.step_backward", "dW_hh is the transpose of what it should be", "dW_hh")
def rnn_recurrent_weights_transposed(dh, x, h_prev, W_ih, W_hh, b):
    h = np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
    dz = dh * (1 - h**2)
    return dz @ W_ih, dz @ W_hh, dz.T @ x, h_prev.T @ dz, dz.sum(0)


@mistake("rnn.step_backward", "dh itself is handed on as dh_prev", "dh_prev")
def rnn_gradient_handed_on(dh, x, h_prev, W_ih, W_hh, b):
    h = np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
    dz = dh * (1 - h**2)
    return dz @ W_ih, dh, dz.T @ x, dz.T @ h_prev, dz.sum(0)
