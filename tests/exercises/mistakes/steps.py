"""One step of an LSTM, of an RNN, and gates by themselves, gone wrong."""

import numpy as np

from tests.exercises.mistakes import mistake

NUMPY_ML = "https://github.com/ddbourgin/numpy-ml/issues/42"
STANZA = "https://github.com/stanfordnlp/stanza/issues/88"
JIMENEZ = "https://github.com/nicodjimenez/lstm/issues/47"
JIMENEZ_STATE = "https://github.com/nicodjimenez/lstm/issues/43"
RECURRENT = "https://github.com/MartinuzziFrancesco/torchrecurrent/issues/22"
MUT1 = "https://github.com/lmjohns3/theanets/issues/109"
ORDER = "https://github.com/keras-team/keras/issues/3088"
COREML = "https://github.com/apple/coremltools/pull/93"
LITTLE_DATA = "https://github.com/llSourcell/How-to-Learn-from-Little-Data/pull/4"
TAGGER = "https://github.com/glample/tagger/issues/25"
TF_BIAS = "https://github.com/tensorflow/tensorflow/issues/5090"


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


@mistake("lstm.step", "the forget gate is squashed by tanh instead of the sigmoid", "f")
def forget_through_tanh(x, h_prev, c_prev, W_ih, W_hh, b):
    a = x.dot(W_ih.T) + h_prev.dot(W_hh.T) + b
    H = h_prev.shape[1]
    i = sigmoid(a[:, :H])
    f = np.tanh(a[:, H : 2 * H])
    g = np.tanh(a[:, 2 * H : 3 * H])
    o = sigmoid(a[:, 3 * H :])
    c = f * c_prev + i * g
    return o * np.tanh(c), c


@mistake("lstm.step", "the candidate is squashed by the sigmoid instead of tanh", "g", LITTLE_DATA)
def candidate_through_sigmoid(x, h_prev, c_prev, W_ih, W_hh, b):
    gates = sigmoid(x @ W_ih.T + h_prev @ W_hh.T + b)  # all four at once
    i, f, g, o = np.split(gates, 4, axis=1)
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    return h, c


@mistake(
    "lstm.step",
    "all four pre-activations are squashed by tanh: i, f and o need the sigmoid",
    "i f o",
)
def everything_through_tanh(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b), 4, axis=1)
    c = f * c_prev + i * g
    return o * np.tanh(c), c


@mistake("lstm.step", "the cell is not squashed on its way to h", "h", JIMENEZ)
def output_without_tanh(x, h_prev, c_prev, W_ih, W_hh, b):
    n = h_prev.shape[-1]
    pre = np.matmul(x, W_ih.T) + np.matmul(h_prev, W_hh.T) + b
    i, f, o = sigmoid(pre[:, :n]), sigmoid(pre[:, n : 2 * n]), sigmoid(pre[:, 3 * n :])
    g = np.tanh(pre[:, 2 * n : 3 * n])
    s = g * i + c_prev * f
    return s * o, s


@mistake(
    "lstm.step", "the new cell state is squashed by tanh before it is kept", "c", JIMENEZ_STATE
)
def state_squashed(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = np.tanh(sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g))
    return sigmoid(o) * c, c


@mistake(
    "lstm.step",
    "the new cell state is squashed by tanh before it is kept, and again on the way to h",
    "c",
)
def state_squashed_twice(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = np.tanh(sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g))
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "h is made of the old cell state, not of the new one", "h")
def shows_the_old_cell(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c_next = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    h_next = sigmoid(o) * np.tanh(c_prev)
    return h_next, c_next


@mistake(
    "lstm.step",
    "input gate and candidate are added where they should be multiplied",
    "i g",
    RECURRENT,
)
def input_gate_added(x, h_prev, c_prev, W_ih, W_hh, b):
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    i, f, g, o = np.array_split(z, 4, axis=1)
    c = sigmoid(f) * c_prev + (sigmoid(i) + np.tanh(g))
    return sigmoid(o) * np.tanh(c), c


@mistake(
    "lstm.step", "the forget gate is added to the old cell state instead of multiplying it", "f"
)
def forget_gate_added(x, h_prev, c_prev, W_ih, W_hh, b):
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    i, f, g, o = np.array_split(z, 4, axis=1)
    c = sigmoid(f) + c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake(
    "lstm.step",
    "the forget gate's bias is that of the output gate, and so is the input gate's",
    "f i",
    NUMPY_ML,
)
def biases_copied_from_the_output_gate(x, h_prev, c_prev, W_ih, W_hh, b):
    Wi, Wf, Wg, Wo = np.split(np.concatenate([W_ih, W_hh], 1), 4)
    bi, bf, bg, bo = np.split(b, 4)
    zt = np.hstack([x, h_prev])
    Go = sigmoid(zt @ Wo.T + bo)
    Gf = sigmoid(zt @ Wf.T + bo)
    Gi = sigmoid(zt @ Wi.T + bo)
    Gg = np.tanh(zt @ Wg.T + bg)
    c = Gf * c_prev + Gi * Gg
    return Go * np.tanh(c), c


@mistake(
    "lstm.step",
    "forget, candidate and output gate read the weights of the input gate",
    "f g o",
    STANZA,
)
def one_matrix_for_all(x, h_prev, c_prev, W_ih, W_hh, b):
    H = h_prev.shape[1]
    w, u = W_ih[:H], W_hh[:H]
    r = x @ w.T + h_prev @ u.T + b[:H]
    i = sigmoid(r)
    f = sigmoid(r)
    o = sigmoid(r)
    g = np.tanh(r)
    c = f * c_prev + i * g
    return o * np.tanh(c), c


@mistake(
    "lstm.step",
    "the rows are taken in the order i, f, o, g: the candidate reads the output gate's rows and the output gate the candidate's",
    "g o",
    COREML,
)
def rows_ifog(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, o, g = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake(
    "lstm.step",
    "the rows are taken in the order f, i, g, o: forget and input gate are exchanged",
    "f i",
)
def rows_figo(x, h_prev, c_prev, W_ih, W_hh, b):
    f, i, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the rows are taken in the order f, i, o, g", "f i o g")
def rows_fiog(x, h_prev, c_prev, W_ih, W_hh, b):
    H = h_prev.shape[1]
    a = np.dot(x, W_ih.T) + np.dot(h_prev, W_hh.T) + b
    ft = sigmoid(a[:, 0:H])
    it = sigmoid(a[:, H : 2 * H])
    ot = sigmoid(a[:, 2 * H : 3 * H])
    cct = np.tanh(a[:, 3 * H :])
    c = ft * c_prev + it * cct
    return ot * np.tanh(c), c


@mistake(
    "lstm.step",
    "the rows are taken in the order f, g, i, o",
    "f g i",
    "https://github.com/oreilly-japan/deep-learning-from-scratch-2",
)
def rows_fgio(x, h_prev, c_prev, W_ih, W_hh, b):
    N, H = h_prev.shape
    A = np.dot(x, W_ih.T) + np.dot(h_prev, W_hh.T) + b
    f = A[:, :H]
    g = A[:, H : 2 * H]
    i = A[:, 2 * H : 3 * H]
    o = A[:, 3 * H :]
    f, g, i, o = sigmoid(f), np.tanh(g), sigmoid(i), sigmoid(o)
    c_next = f * c_prev + g * i
    return o * np.tanh(c_next), c_next


@mistake(
    "lstm.step", "the rows are taken in the order i, g, f, o, which is TensorFlow 1's", "g f", ORDER
)
def rows_igfo(x, h_prev, c_prev, W_ih, W_hh, b):
    i, j, f, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = c_prev * sigmoid(f) + sigmoid(i) * np.tanh(j)
    return np.tanh(c) * sigmoid(o), c


@mistake(
    "lstm.step",
    "the rows are taken in turn, one unit's four gates side by side (interleaved)",
    "i f g o",
)
def rows_interleaved(x, h_prev, c_prev, W_ih, W_hh, b):
    B, H = h_prev.shape
    z = (x @ W_ih.T + h_prev @ W_hh.T + b).reshape(B, H, 4)
    i, f, g, o = z[..., 0], z[..., 1], z[..., 2], z[..., 3]
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the bias is left out", "b")
def no_bias(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the bias is added twice, once with each matrix", "b")
def bias_twice(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split((x @ W_ih.T + b) + (h_prev @ W_hh.T + b), 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the bias is subtracted", "b")
def bias_subtracted(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T - b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the bias of the candidate is left out", "g")
def candidate_without_bias(x, h_prev, c_prev, W_ih, W_hh, b):
    H = h_prev.shape[1]
    z = x @ W_ih.T + h_prev @ W_hh.T
    i = sigmoid(z[:, :H] + b[:H])
    f = sigmoid(z[:, H : 2 * H] + b[H : 2 * H])
    g = np.tanh(z[:, 2 * H : 3 * H])
    o = sigmoid(z[:, 3 * H :] + b[3 * H :])
    c = f * c_prev + i * g
    return o * np.tanh(c), c


@mistake("lstm.step", "the old hidden state does not reach the gates", "h")
def without_recurrence(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the output gate does not see the old hidden state", "o")
def output_gate_without_recurrence(x, h_prev, c_prev, W_ih, W_hh, b):
    H = h_prev.shape[1]
    Wx, Wh = W_ih.reshape(4, H, -1), W_hh.reshape(4, H, -1)
    i = sigmoid(x @ Wx[0].T + h_prev @ Wh[0].T + b[:H])
    f = sigmoid(x @ Wx[1].T + h_prev @ Wh[1].T + b[H : 2 * H])
    g = np.tanh(x @ Wx[2].T + h_prev @ Wh[2].T + b[2 * H : 3 * H])
    o = sigmoid(x @ Wx[3].T + b[3 * H :])
    c = f * c_prev + i * g
    return o * np.tanh(c), c


@mistake(
    "lstm.step", "W_hh meets the old cell state where it should meet the old hidden state", "h c"
)
def cell_fed_back(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + c_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake(
    "lstm.step",
    "the forget gate multiplies the old hidden state instead of the old cell state",
    "c f",
)
def keeps_the_hidden_state(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * h_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the input gate is 1 minus the forget gate (coupled gates)", "i", TAGGER)
def coupled_gates(x, h_prev, c_prev, W_ih, W_hh, b):
    _, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    f = sigmoid(f)
    c = f * c_prev + (1 - f) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the forget gate is 1 minus the input gate (coupled gates)", "f", TAGGER)
def coupled_the_other_way(x, h_prev, c_prev, W_ih, W_hh, b):
    i, _, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    i = sigmoid(i)
    c = (1 - i) * c_prev + i * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the forget gate keeps what it should forget: 1 - f stands for f", "f")
def forgets_the_complement(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = (1 - sigmoid(f)) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "1 is added to the forget gate's pre-activation", "f", TF_BIAS)
def forget_bias_at_run_time(x, h_prev, c_prev, W_ih, W_hh, b, forget_bias=1.0):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f + forget_bias) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake(
    "lstm.step",
    "the gates are hard sigmoids, clip(0.2 z + 0.5), as in old Keras",
    "i f o",
    "https://github.com/keras-team/keras/issues/6716",
)
def hard_gates(x, h_prev, c_prev, W_ih, W_hh, b):
    def hard_sigmoid(a):
        return np.clip(0.2 * a + 0.5, 0, 1)

    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = hard_sigmoid(f) * c_prev + hard_sigmoid(i) * np.tanh(g)
    return hard_sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the candidate is squashed by a ReLU instead of tanh", "g")
def candidate_through_relu(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.maximum(0, g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the cell is squashed by the sigmoid on its way to h, instead of tanh", "h")
def shown_through_sigmoid(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * sigmoid(c), c


@mistake("lstm.step", "the candidate is not squashed", "g")
def candidate_linear(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * g
    return sigmoid(o) * np.tanh(c), c


@mistake(
    "lstm.step", "tanh is taken of the matrix product alone; the bias is added after it", "g", MUT1
)
def bias_after_the_tanh(x, h_prev, c_prev, W_ih, W_hh, b):
    H = h_prev.shape[1]
    z = x @ W_ih.T + h_prev @ W_hh.T
    bi, bf, bg, bo = np.split(b, 4)
    g = np.tanh(z[:, 2 * H : 3 * H]) + bg
    i, f = sigmoid(z[:, :H] + bi), sigmoid(z[:, H : 2 * H] + bf)
    o = sigmoid(z[:, 3 * H :] + bo)
    c = f * c_prev + i * g
    return o * np.tanh(c), c


@mistake("lstm.step", "the states are returned in the order c, h", "h c")
def returns_c_first(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c_t = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    h_t = sigmoid(o) * np.tanh(c_t)
    return c_t, h_t


@mistake("lstm.step", "h is tanh(o · c): the tanh is taken of the product", "h")
def tanh_of_the_product(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return np.tanh(sigmoid(o) * c), c


@mistake(
    "lstm.step",
    "the input gate multiplies the old cell state and the forget gate the candidate",
    "i f",
)
def gates_exchanged_in_the_sum(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = i * c_prev + f * g
    return o * np.tanh(c), c


@mistake(
    "lstm.step",
    "the output gate looks at the new cell state: it is added to its pre-activation (a peephole without a weight)",
    "o",
)
def peephole_without_weight(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o + c) * np.tanh(c), c


@mistake("lstm.step", "the forget gate is squashed twice", "f")
def forget_squashed_twice(x, h_prev, c_prev, W_ih, W_hh, b):
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    H = z.shape[1] // 4
    gates = sigmoid(z)
    i, f, o = gates[:, :H], gates[:, H : 2 * H], gates[:, 3 * H :]
    g = np.tanh(z[:, 2 * H : 3 * H])
    c = sigmoid(f) * c_prev + i * g
    return o * np.tanh(c), c


@mistake("lstm.step", "the candidate is squashed by the sigmoid and then by tanh", "g")
def candidate_squashed_twice(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(sigmoid(x @ W_ih.T + h_prev @ W_hh.T + b), 4, axis=1)
    g = np.tanh(g)
    c = f * c_prev + i * g
    return o * np.tanh(c), c


@mistake(
    "lstm.step",
    "[h, x] meets weights in the order [W_ih, W_hh]: the halves of the concatenation are exchanged",
    "x h",
)
def concatenated_the_other_way(x, h_prev, c_prev, W_ih, W_hh, b):
    W = np.concatenate([W_ih, W_hh], axis=1)
    concat = np.concatenate([h_prev, x], axis=1)
    i, f, g, o = np.split(concat @ W.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the weights are reshaped where they should be transposed", "W_ih W_hh")
def reshaped_for_transposed(x, h_prev, c_prev, W_ih, W_hh, b):
    H = h_prev.shape[1]
    W, U = W_ih.reshape(-1, 4 * H), W_hh.reshape(H, 4 * H)
    i, f, g, o = np.split(x @ W + h_prev @ U + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "W_hh is transposed gate by gate once too often", "W_hh")
def recurrent_blocks_transposed(x, h_prev, c_prev, W_ih, W_hh, b):
    H = h_prev.shape[1]
    z = []
    for k in range(4):
        rows = slice(k * H, (k + 1) * H)
        z.append(x @ W_ih[rows].T + h_prev @ W_hh[rows] + b[rows])
    i, f, g, o = z
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the output gate is left out: h is tanh of the cell", "o h")
def no_output_gate(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, _ = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return np.tanh(c), c


@mistake("lstm.step", "the forget gate is left out: the old cell state is kept whole", "f", TAGGER)
def no_forget_gate(x, h_prev, c_prev, W_ih, W_hh, b):
    i, _, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the input gate is left out: the candidate is added whole", "i")
def no_input_gate(x, h_prev, c_prev, W_ih, W_hh, b):
    _, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the candidate is subtracted", "g")
def candidate_subtracted(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev - sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the output gate multiplies the candidate's tanh, not the cell's", "h")
def shows_the_candidate(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    g = np.tanh(g)
    c = sigmoid(f) * c_prev + sigmoid(i) * g
    return sigmoid(o) * g, c


@mistake("lstm.step", "the sigmoid has the wrong sign: 1 / (1 + exp(z))", "i f o")
def sign_in_the_sigmoid(x, h_prev, c_prev, W_ih, W_hh, b):
    def squash(a):
        return 1 / (1 + np.exp(a))

    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = squash(f) * c_prev + squash(i) * np.tanh(g)
    return squash(o) * np.tanh(c), c


@mistake("lstm.step", "a softmax over the units stands for the sigmoid of the gates", "i f o")
def softmax_gates(x, h_prev, c_prev, W_ih, W_hh, b):
    def softmax(a):
        e = np.exp(a - a.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = softmax(f) * c_prev + softmax(i) * np.tanh(g)
    return softmax(o) * np.tanh(c), c


@mistake("lstm.step", "the old cell state is changed in place", "c_prev")
def cell_in_place(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c_prev *= sigmoid(f)
    c_prev += sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c_prev), c_prev


@mistake("lstm.step", "the batch is averaged: every row gets the same states", "batch")
def batch_averaged(x, h_prev, c_prev, W_ih, W_hh, b):
    z = (x @ W_ih.T + h_prev @ W_hh.T + b).mean(axis=0, keepdims=True)
    i, f, g, o = np.split(np.repeat(z, len(x), axis=0), 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "outputs are clipped at 5 in size", "c h")
def clipped_for_stability(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = np.clip(sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g), -5, 5)
    return sigmoid(o) * np.tanh(c), c


@mistake("lstm.step", "the forget gate reads the input gate's recurrent weights", "f")
def forget_gate_with_the_wrong_recurrent_rows(x, h_prev, c_prev, W_ih, W_hh, b):
    H = h_prev.shape[1]
    Wi, Wf, Wg, Wo = W_ih[:H], W_ih[H : 2 * H], W_ih[2 * H : 3 * H], W_ih[3 * H :]
    Ui, Ug, Uo = W_hh[:H], W_hh[2 * H : 3 * H], W_hh[3 * H :]
    bi, bf, bg, bo = b[:H], b[H : 2 * H], b[2 * H : 3 * H], b[3 * H :]
    i = sigmoid(x @ Wi.T + h_prev @ Ui.T + bi)
    f = sigmoid(x @ Wf.T + h_prev @ Ui.T + bf)
    g = np.tanh(x @ Wg.T + h_prev @ Ug.T + bg)
    o = sigmoid(x @ Wo.T + h_prev @ Uo.T + bo)
    c = f * c_prev + i * g
    return o * np.tanh(c), c


@mistake("lstm.step", "the slices overlap: the candidate starts one row early", "g")
def slice_off_by_one(x, h_prev, c_prev, W_ih, W_hh, b):
    H = h_prev.shape[1]
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    i, f = sigmoid(z[:, :H]), sigmoid(z[:, H : 2 * H])
    g = np.tanh(z[:, 2 * H - 1 : 3 * H - 1])
    o = sigmoid(z[:, 3 * H :])
    c = f * c_prev + i * g
    return o * np.tanh(c), c


@mistake(
    "lstm.step",
    "the reset of a GRU: the candidate sees the old hidden state through the forget gate",
    "g h",
)
def reset_like_a_gru(x, h_prev, c_prev, W_ih, W_hh, b):
    H = h_prev.shape[1]
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    i, f, o = sigmoid(z[:, :H]), sigmoid(z[:, H : 2 * H]), sigmoid(z[:, 3 * H :])
    rows = slice(2 * H, 3 * H)
    g = np.tanh(x @ W_ih[rows].T + (f * h_prev) @ W_hh[rows].T + b[rows])
    c = f * c_prev + i * g
    return o * np.tanh(c), c


@mistake("lstm.step", "the output gate is applied to the sum before the state is kept", "c o")
def gate_before_storing(x, h_prev, c_prev, W_ih, W_hh, b):
    i, f, g, o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    c = sigmoid(o) * (sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g))
    return np.tanh(c), c


@mistake("rnn.step", "the sigmoid stands for tanh", "h")
def rnn_through_sigmoid(x, h_prev, W_ih, W_hh, b):
    return sigmoid(x @ W_ih.T + h_prev @ W_hh.T + b)


@mistake("rnn.step", "the bias is left out", "b")
def rnn_without_bias(x, h_prev, W_ih, W_hh, b):
    h = np.tanh(np.dot(x, W_ih.T) + np.dot(h_prev, W_hh.T))
    return h


@mistake("rnn.step", "the bias is added after the tanh", "b", MUT1)
def rnn_bias_outside(x, h_prev, W_ih, W_hh, b):
    return np.tanh(x @ W_ih.T + h_prev @ W_hh.T) + b


@mistake("rnn.step", "W_hh is used without its transpose", "W_hh")
def rnn_recurrent_not_transposed(x, h_prev, W_ih, W_hh, b):
    return np.tanh(x @ W_ih.T + h_prev @ W_hh + b)


@mistake("rnn.step", "input and old state are squashed apart and added", "h")
def rnn_squashed_apart(x, h_prev, W_ih, W_hh, b):
    return np.tanh(x @ W_ih.T + b) + np.tanh(h_prev @ W_hh.T)


@mistake("rnn.step", "the old state is not multiplied by W_hh", "W_hh h_prev")
def rnn_old_state_unweighted(x, h_prev, W_ih, W_hh, b):
    return np.tanh(x @ W_ih.T + h_prev + b)


@mistake("rnn.step", "a ReLU stands for tanh", "h")
def rnn_through_relu(x, h_prev, W_ih, W_hh, b):
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    return np.where(z > 0, z, 0)


@mistake("rnn.step", "the old state is added to the new one (a residual connection)", "h_prev")
def rnn_residual(x, h_prev, W_ih, W_hh, b):
    return h_prev + np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)


@mistake("rnn.step", "the bias is added twice", "b")
def rnn_bias_twice(x, h_prev, W_ih, W_hh, b):
    return np.tanh(x @ W_ih.T + b + h_prev @ W_hh.T + b)


@mistake("rnn.step", "nothing is squashed", "h")
def rnn_linear(x, h_prev, W_ih, W_hh, b):
    return x @ W_ih.T + h_prev @ W_hh.T + b


@mistake("sigmoid", "the sign of the exponent is wrong", "")
def sigmoid_sign(z):
    return 1 / (1 + np.exp(z))


@mistake("sigmoid", "it is the slope of the sigmoid, not the sigmoid", "")
def sigmoid_slope(z):
    s = 1 / (1 + np.exp(-z))
    return s * (1 - s)


@mistake("sigmoid", "it is tanh, which runs from -1 to 1", "")
def sigmoid_as_tanh(z):
    return (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))


@mistake("sigmoid", "half of tanh(z) plus a half is the sigmoid of 2z, not of z", "")
def sigmoid_of_twice(z):
    return 0.5 * np.tanh(z) + 0.5


@mistake("sigmoid", "large negative numbers overflow", "")
def sigmoid_overflows(z):
    return np.exp(z) / (1 + np.exp(z))


@mistake(
    "sigmoid",
    "it is the hard sigmoid clip(0.2 z + 0.5, 0, 1)",
    "",
    "https://github.com/keras-team/keras/issues/6716",
)
def sigmoid_hard(z):
    return np.minimum(1, np.maximum(0, 0.2 * z + 0.5))


@mistake("gate", "the gate is squashed by tanh", "")
def gate_through_tanh(x, h, W, U, b):
    return np.tanh(x @ W.T + h @ U.T + b)


@mistake("gate", "the gate does not see the old state", "h U")
def gate_without_state(x, h, W, U, b):
    return sigmoid(x @ W.T + b)


@mistake("gate", "input and state are gated apart and multiplied", "")
def gate_product_of_two(x, h, W, U, b):
    return sigmoid(x @ W.T + b) * sigmoid(h @ U.T)


@mistake("gate", "the bias is added after the sigmoid", "b")
def gate_bias_outside(x, h, W, U, b):
    return sigmoid(x @ W.T + h @ U.T) + b
