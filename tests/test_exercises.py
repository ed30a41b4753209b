"""Wrong answers are refused and their mistakes named; right answers pass in any style."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_tutorial import exercises, lstm, rnn
from lstm_tutorial._exercise import PAGES
from lstm_tutorial._explain import KINDS, _known

# A bank of wrong answers that shares no code with the module: a learner's plain solutions, and
# each slip as an edit of their text. Several edits of one answer are joined by "&&".

TOOLS = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))
"""

ANSWERS = {
    "lstm.step": """
def fn(x, h_prev, c_prev, W_ih, W_hh, b):
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    H = h_prev.shape[1]
    zi, zf, zg, zo = z[:, :H], z[:, H:2*H], z[:, 2*H:3*H], z[:, 3*H:]
    i = sigmoid(zi)
    f = sigmoid(zf)
    g = np.tanh(zg)
    o = sigmoid(zo)
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    return h, c
""",
    "lstm.step_backward": """
def fn(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    i, f, g, o = np.split(z, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * c_prev + i * g
    tc = np.tanh(c)
    do = dh * tc
    dct = dc + dh * o * (1 - tc ** 2)
    di = dct * g
    df = dct * c_prev
    dg = dct * i
    dc_prev = dct * f
    dzi = di * i * (1 - i)
    dzf = df * f * (1 - f)
    dzg = dg * (1 - g ** 2)
    dzo = do * o * (1 - o)
    dz = np.hstack([dzi, dzf, dzg, dzo])
    Wi, Wf, Wg, Wo = np.split(W_hh, 4)
    dh_prev = dzi @ Wi
    dh_prev += dzf @ Wf
    dh_prev += dzg @ Wg
    dh_prev += dzo @ Wo
    dx = dz @ W_ih
    dW_ih = dz.T @ x
    dW_hh = dz.T @ h_prev
    db = dz.sum(axis=0)
    return dx, dh_prev, dc_prev, dW_ih, dW_hh, db
""",
    "lstm.forward": """
def fn(x, h0, c0, W_ih, W_hh, b):
    h, c = h0, c0
    hs = []
    for t in range(len(x)):
        i, f, g, o = np.split(x[t] @ W_ih.T + h @ W_hh.T + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        hs.append(h)
    return np.stack(hs), (h, c)
""",
    "lstm.backward": """
def fn(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    T = len(x)
    h, c = h0, c0
    saved = []
    for t in range(T):
        i, f, g, o = np.split(x[t] @ W_ih.T + h @ W_hh.T + b, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        old_h, old_c = h, c
        c = f * c + i * g
        h = o * np.tanh(c)
        saved.append((i, f, g, o, c, old_h, old_c, h))
    dx = np.zeros_like(x)
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    dh, dc = dh_T, dc_T
    for t in reversed(range(T)):
        i, f, g, o, c, old_h, old_c, new_h = saved[t]
        dh = dh + dhs[t]
        dc = dc + dh * o * (1 - np.tanh(c) ** 2)
        dz = np.hstack([
            dc * g * i * (1 - i),
            dc * old_c * f * (1 - f),
            dc * i * (1 - g ** 2),
            dh * np.tanh(c) * o * (1 - o),
        ])
        dW_ih += dz.T @ x[t]
        dW_hh += dz.T @ old_h
        db += dz.sum(axis=0)
        dx[t] = dz @ W_ih
        dh = dz @ W_hh
        dc = dc * f
    return dx, dh, dc, dW_ih, dW_hh, db
""",
    "rnn.step": """
def fn(x, h_prev, W_ih, W_hh, b):
    return np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
""",
    "rnn.step_backward": """
def fn(dh, x, h_prev, W_ih, W_hh, b):
    h = np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
    dz = dh * (1 - h ** 2)
    return dz @ W_ih, dz @ W_hh, dz.T @ x, dz.T @ h_prev, dz.sum(0)
""",
    "rnn.forward": """
def fn(x, h0, W_ih, W_hh, b):
    h = h0
    hs = np.zeros((len(x), *h0.shape))
    for t in range(len(x)):
        h = np.tanh(x[t] @ W_ih.T + h @ W_hh.T + b)
        hs[t] = h
    return hs, h
""",
    "rnn.backward": """
def fn(dhs, dh_T, x, h0, W_ih, W_hh, b):
    hs = [h0]
    for xt in x:
        hs.append(np.tanh(xt @ W_ih.T + hs[-1] @ W_hh.T + b))
    dx = np.zeros_like(x)
    dW_ih = dW_hh = db = 0
    dh = dh_T
    for t in range(len(x) - 1, -1, -1):
        dh = dh + dhs[t]
        dz = dh * (1 - hs[t + 1] ** 2)
        dW_ih = dW_ih + dz.T @ x[t]
        dW_hh = dW_hh + dz.T @ hs[t]
        db = db + dz.sum(0)
        dx[t] = dz @ W_ih
        dh = dz @ W_hh
    return dx, dh, dW_ih, dW_hh, db
""",
}

# kind: [(the edit, old -> new, what the report should name)]
SLIPS = {
    "lstm.step": [
        ("np.tanh(zg) -> sigmoid(zg)", "g squashed by σ"),
        ("np.tanh(zg) -> zg", "g not squashed"),
        ("np.tanh(zg) -> np.maximum(zg, 0)", "g squashed by ReLU"),
        ("sigmoid(zf) -> zf", "f not squashed"),
        ("sigmoid(zi) -> np.tanh(zi)", "i squashed by tanh"),
        ("sigmoid(zo) -> sigmoid(sigmoid(zo))", "o squashed twice"),
        ("zi, zf, zg, zo -> zf, zi, zg, zo", "gates read as f i g o"),
        ("zi, zf, zg, zo -> zi, zf, zo, zg", "gates read as i f o g"),
        ("zi, zf, zg, zo -> zf, zi, zo, zg", "gates read as f i o g"),
        ("f * c_prev + i * g -> i * c_prev + f * g", "gates read as f i g o"),
        ("o * np.tanh(c) -> o * c", "tanh of c left out"),
        ("o * np.tanh(c) -> o * np.tanh(c_prev)", "h made of the old c"),
        ("o * np.tanh(c) -> np.tanh(o * c)", "tanh around the product o c"),
        ("o * np.tanh(c) -> np.tanh(c)", "output gate not applied"),
        ("f * c_prev + i * g -> c_prev + i * g", "forget gate not applied"),
        ("f * c_prev + i * g -> f * c_prev + g", "input gate not applied"),
        ("f * c_prev + i * g -> i * g", "the old cell left out"),
        ("f * c_prev + i * g -> f * (c_prev + i * g)", "f times the whole sum"),
        ("f * c_prev + i * g -> f * c_prev + (1 - f) * g", "1 - f in place of i"),
        ("f * c_prev + i * g -> (1 - f) * c_prev + i * g", "1 - f in place of f"),
        ("f * c_prev + i * g -> f * h_prev + i * g", "f times h, not c"),
        ("c = f * c_prev + i * g -> c = np.tanh(f * c_prev + i * g)", "c itself squashed"),
        (" + b\n -> \n", "b left out"),
        (" + h_prev @ W_hh.T -> ", "h left out of the gates"),
        ("h_prev @ W_hh.T -> c_prev @ W_hh.T", "c in place of h in the gates"),
        ("return h, c -> return c, h", "h and c returned in the other order"),
        ("return h, c -> return h, c_prev", "the old c returned"),
        ("return h, c -> return h, h", "h returned twice"),
        ("sigmoid(z -> sigmoid(-z", "σ with the wrong sign"),
        ("z[:, :H], z[:, H:2*H], z[:, 2*H:3*H], z[:, 3*H:] -> z[:, ::4], z[:, 1::4], z[:, 2::4], z[:, 3::4]", "gates interleaved"),
        ("z[:, :H], z[:, H:2*H], z[:, 2*H:3*H], z[:, 3*H:] -> z.reshape(4, -1, H)", "gates cut along the wrong axis"),
        ("x @ W_ih.T -> x @ W_ih.reshape(x.shape[1], -1)", "W_ih reshaped, not transposed"),
        ("+ b\n -> + np.concatenate([b[:h_prev.shape[1]]] * 4)\n", "one bias for all gates"),
        ("np.tanh(zg) -> sigmoid(zg) && o * np.tanh(c) -> o * c", "g squashed by σ + tanh of c left out"),
        (" + b\n -> \n && return h, c -> return c, h", "h and c returned in the other order + b left out"),
        ("zi, zf, zg, zo -> zf, zi, zg, zo && np.tanh(zg) -> zg", "g not squashed + gates read as f i g o"),
        ("c = f * c_prev -> c_prev *= f; c = c_prev", "input changed in place"),
        ("z = x -> b += 0.5; z = x", None),
    ],
    "lstm.step_backward": [
        ("dc + dh * o * (1 - tc ** 2) -> dh * o * (1 - tc ** 2)", "dc overwritten"),
        ("dc + dh * o * (1 - tc ** 2) -> dc", "way from h to c left out"),
        ("(1 - tc ** 2) -> 1", "slope of tanh(c) left out"),
        ("(1 - tc ** 2) -> (1 - np.tanh(tc) ** 2)", "tanh(c) squashed again in its slope"),
        ("(1 - tc ** 2) -> (1 - c ** 2)", "slope of tanh(c) from c itself"),
        ("dh * o * (1 - tc -> dh * (1 - tc", "o left out on the way to c"),
        ("dct * c_prev -> dct * c", "f takes the new c"),
        ("do = dh * tc -> do = dh * c", "o takes c, not tanh(c)"),
        ("do = dh * tc -> do = dc * tc", "o takes its share from the dc that came in"),
        ("dct * f\n -> dct\n", "f left out of dc_prev"),
        ("dct * f\n -> dc * f\n", "dc_prev takes dc before h's share is added"),
        ("(1 - g ** 2) -> g * (1 - g)", "slope of g taken for that of σ"),
        ("(1 - g ** 2) -> 1", "slope of g left out"),
        ("(1 - g ** 2) -> (1 - np.tanh(g) ** 2)", "g squashed again in its slope"),
        ("i * (1 - i) -> sigmoid(i) * (1 - sigmoid(i))", "i squashed again in its slope"),
        ("df * f * (1 - f) -> df * (1 - f ** 2)", "slope of f taken for that of tanh"),
        ("do * o * (1 - o) -> do", "slope of o left out"),
        ("do * o * (1 - o) -> do * (1 - o)", "slope of o is 1 - o only"),
        ("dg = dct * i -> dg = dct * g", "g takes g, not i"),
        ("di = dct * g -> di = dct * i && dg = dct * i -> dg = dct * g", "partners of i and g exchanged"),
        ("+= dzf -> = dzf && += dzg -> = dzg && += dzo -> = dzo", "dh_prev of one gate only, overwritten"),
        ("dz.T @ h_prev -> dz.T @ (o * tc)", "dW_hh takes the new h"),
        ("dz.sum(axis=0) -> dz.mean(axis=0)", "db averaged over the batch"),
        ("dz.T @ x -> (dz.T @ x) / len(x) && dz.T @ h_prev -> dz.T @ h_prev / len(x)", "dW averaged over the batch"),
        ("dz.T @ x -> (x.T @ dz).reshape(W_ih.shape)", "dW_ih reshaped, not transposed"),
        ("[dzi, dzf, dzg, dzo] -> [dzi, dzf, dzo, dzg]", "dz stacked as i f o g"),
        ("i, f, g, o = np -> f, i, g, o = np", "gates read as f i g o + dz stacked as f i g o"),
        ("di = dct -> dct = dct - dh * o * (1 - tc ** 2); di = dct", "way from h to c left out"),
        ("dh_prev, dc_prev, dW_ih -> dc_prev, dh_prev, dW_ih", "dh_prev and dc_prev exchanged"),
        ("dct = dc + dh -> dc += dh", "exception"),
        ("dct = dc + -> dct = dc; dct +=", "input changed in place"),
        ("dct = dc + dh -> dct = dc - dh", "way from h to c subtracted"),
        ("di * i * (1 - i) -> di && dz @ W_ih -> dz @ W_ih / 2", None),
        ("dct * c_prev -> dct * c && (1 - g ** 2) -> g * (1 - g)", "slope of g taken for that of σ + f takes the new c"),
        ("(1 - tc ** 2) -> 1 && dz.sum(axis=0) -> dz.mean(axis=0)", "slope of tanh(c) left out + db averaged over the batch"),
    ],
    "lstm.forward": [
        ("h @ W_hh.T -> h0 @ W_hh.T", "h not carried"),
        ("sigmoid(f) * c + -> sigmoid(f) * c0 +", "c not carried"),
        ("h, c = h0, c0 -> h, c = np.zeros_like(h0), np.zeros_like(c0)", "h0 and c0 not used"),
        ("h, c = h0, c0 -> h, c = np.zeros_like(h0), c0", "h0 not used"),
        ("(len(x)): -> (len(x)):\n        h, c = 0 * h0, 0 * c0", "states set to zero at every step"),
        ("hs.append(h) -> hs.append(c)", "hs holds c"),
        ("(h, c) -> (c, h)", "h_T and c_T exchanged"),
        ("np.stack(hs), (h, c) -> np.stack(hs[::-1]), (h, c)", "hs in the other direction"),
        ("np.stack(hs), (h, c) -> np.stack(hs), (hs[0], c)", "hs[0] returned for h_T"),
        ("x[t] -> x[t - 1]", "inputs one step late, the last one first"),
        ("x[t] -> x[0]", "x[0] at every step"),
        ("x[t] -> x[len(x) - 1 - t]", "time runs backwards"),
        ("        hs.append(h)\n ->  && c = sigmoid(f) -> hs.append(h); c = sigmoid(f)", "hs one step late"),
        ("hs = [] -> hs = []; h = h.copy() && h = sigmoid(o) * np.tanh(c) -> h[:] = sigmoid(o) * np.tanh(c)", "hs holds the last state everywhere"),
        ("np.stack(hs) -> np.stack([h0, *hs])", "wrong shape"),
        ("np.stack(hs) -> np.stack(hs, axis=1)", "wrong shape"),
        ("return np.stack(hs), (h, c) -> pass", "nothing returned"),
        ("np.tanh(g) -> sigmoid(g)", "g squashed by σ"),
        ("i, f, g, o = -> i, f, o, g =", "gates read as i f o g"),
        ("np.tanh(g) -> sigmoid(g) && h @ W_hh.T -> h0 @ W_hh.T", "g squashed by σ + h not carried"),
    ],
    "lstm.backward": [
        ("dh = dh + dhs[t] -> dh = dhs[t]", "dh overwritten"),
        ("        dc = dc * f\n -> \n", "f left out of dc_prev"),
        ("dc = dc * f -> dc = 0 * dc", "dc not carried + dc0 is zero"),
        ("dh, dc = dh_T, dc_T -> dh, dc = 0 * dh_T, dc_T", "dh_T not used"),
        ("dh, dc = dh_T, dc_T -> dh, dc = dh_T, 0 * dc_T", "dc_T not used"),
        ("dh, dc = dh_T, dc_T -> dh, dc = 0 * dh_T, 0 * dc_T", "dh_T and dc_T not used"),
        ("dh = dh + dhs[t] -> dh = dh", "dhs not used"),
        ("dhs[t] -> dhs[t - 1]", "dhs one step off"),
        ("dhs[t] -> dhs[T - 1 - t]", "dhs from the first to the last"),
        ("dW_hh += dz.T @ old_h -> dW_hh += dz.T @ new_h", "dW_hh takes the new h"),
        ("dc * old_c * f -> dc * c * f", "f takes the new c"),
        ("reversed(range(T)) -> range(T)", "loop runs forward in time"),
        ("dW_ih += -> dW_ih = && dW_hh += -> dW_hh = && db += -> db =", "dW overwritten"),
        ("        dc = dc + dh * o -> \n        dc = dh * o", "dc overwritten"),
        ("return dx, dh, dc -> return dx[::-1], dh, dc", "dx in the order of the loop"),
        ("return dx, dh, dc, dW_ih, dW_hh, db -> return dx, dh, dc, dW_ih / T, dW_hh / T, db / T", "dW and db averaged over time"),
        ("dW_ih, dW_hh, db\n -> dW_ih / T / len(h0), dW_hh / T / len(h0), db / T / len(h0)\n", "dW and db averaged over time and batch"),
        ("    h, c = h0, c0 ->     h, c = 0 * h0, 0 * c0", "h0 and c0 not used"),
        ("(1 - g ** 2) -> g * (1 - g)", "slope of g taken for that of σ"),
        ("db += -> db = && dc * i * (1 - g ** 2) -> dc * i", "db of one step only + slope of g left out"),
        ("dc_T\n    for -> dc_T\n    dhs[-1] += dh_T\n    for", "dh_T counted twice"),
        ("dh = dh + dhs[t] -> dh += dhs[t]", "input changed in place"),
        ("dx[t] = dz @ W_ih -> dx[t] += dz @ W_ih && return dx -> dx *= -1; return dx", "dx with the wrong sign"),
    ],
    "rnn.step": [
        ("np.tanh( -> sigmoid(", "squashed by σ"),
        ("np.tanh( -> (", "not squashed"),
        (" + b -> ", "b left out"),
        ("h_prev @ W_hh.T -> h_prev @ W_hh", "W_hh transposed"),
        (" + b) -> ) + b", "b added after tanh"),
        (" + h_prev @ -> ) + np.tanh(h_prev @", "each part squashed by itself, b with h"),
        ("x @ W_ih.T + h_prev @ W_hh.T -> x @ W_ih.T", "h left out"),
    ],
    "rnn.step_backward": [
        ("(1 - h ** 2) -> 1", "slope left out"),
        ("(1 - h ** 2) -> h * (1 - h)", "slope of σ"),
        ("(1 - h ** 2) -> (1 - np.tanh(h) ** 2)", "h squashed again in its slope"),
        ("dz @ W_hh -> dz @ W_hh.T", "W_hh transposed in dh_prev"),
        ("dz @ W_hh -> dh @ W_hh", "slope left out on the way to h_prev"),
        ("dz.T @ h_prev -> dz.T @ h", "dW_hh takes the new h"),
        ("dz.T @ h_prev -> h_prev.T @ dz", "dW_hh transposed"),
        ("dz.T @ x -> x.T @ dz", "wrong shape"),
        ("dz.sum(0) -> dz", "wrong shape"),
        ("dz.sum(0) -> dz.mean(0)", "db averaged over the batch"),
        ("dz.sum(0) -> dh.sum(0)", "slope left out in db"),
    ],
    "rnn.forward": [
        ("h @ W_hh.T -> h0 @ W_hh.T", "h not carried"),
        ("h = h0 -> h = np.zeros_like(h0)", "h0 not used"),
        ("range(len(x)) -> range(len(x) - 1)", "last step left out"),
        ("range(len(x)) -> range(1, len(x))", "first step left out"),
        ("return hs, h\n -> return hs, hs[0]\n", "first state returned for the last"),
        ("np.tanh( -> sigmoid(", "squashed by σ"),
        ("x[t] @ -> x[max(t - 1, 0)] @", "inputs one step late"),
    ],
    "rnn.backward": [
        ("dh = dh + dhs[t] -> dh = dhs[t]", "dh overwritten"),
        ("(1 - hs[t + 1] ** 2) -> (1 - hs[t] ** 2)", "slope at the old state"),
        ("dz.T @ hs[t] -> dz.T @ hs[t + 1]", "dW_hh takes the new h"),
        ("dh = dz @ W_hh -> dh = dh @ W_hh", "slope left out on the way to h_prev"),
        ("dh = dz @ W_hh -> dh = dz @ W_hh.T", "W_hh transposed in dh_prev"),
        ("dW_hh = dW_hh + -> dW_hh = && dW_ih = dW_ih + -> dW_ih = && db = db + -> db =", "dW overwritten"),
        ("dh = dh_T -> dh = 0 * dh_T", "dh_T not used"),
        ("range(len(x) - 1, -1, -1) -> range(len(x) - 1, 0, -1)", "first step left out"),
        ("range(len(x) - 1, -1, -1) -> range(len(x))", "loop runs forward in time"),
        ("        dh = dh + dhs[t]\n ->  && dh = dz @ W_hh -> dh = dz @ W_hh + dhs[t]", "dhs added after the step"),
    ],
}  # fmt: skip
BANK = [(kind, edit, name) for kind, slips in SLIPS.items() for edit, name in slips]


def written(kind, edit=""):
    """Return a learner's function, its text edited."""
    source = ANSWERS[kind]
    for one in edit.split(" && ") if edit else []:
        old, new = one.split(" -> ")
        assert old in source, (kind, edit)
        source = source.replace(old, new)
    scope = {}
    exec(TOOLS + source, scope)
    return scope["fn"]


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_learners_answers_are_right(kind):
    report = exercises.check(kind, written(kind))
    assert report.passed and report.mistakes == (), report


@pytest.mark.parametrize(("kind", "edit", "name"), BANK)
def test_a_slip_is_refused_and_named(kind, edit, name):
    report = exercises.check(kind, written(kind, edit))
    assert not report.passed
    if name:
        assert name in report.mistakes, report
