"""Loops over time that go wrong: what is said of each, and that its numbers are reproduced."""

import warnings

import numpy as np
import pytest

from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._kinds import KINDS
from lstm_tutorial.exercises.checker import _first_that_holds, _first_wrong

# A learner's answers, and mistakes as edits of their text, joined by " && ", each with what the
# findings are about.

ANSWERS = {
    "lstm.forward": """
def fn(x, h0, c0, W_ih, W_hh, b):
    T, B, D = x.shape
    H = h0.shape[1]
    h, c = h0, c0
    hs = []
    cs = []
    for t in range(T):
        xt = x[t]
        z = xt @ W_ih.T + h @ W_hh.T + b
        i, f, g, o = z[:, :H], z[:, H:2*H], z[:, 2*H:3*H], z[:, 3*H:]
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        hs.append(h)
        cs.append(c)
    hs = np.stack(hs)
    return hs, (h, c)
""",
    "rnn.forward": """
def fn(x, h0, W_ih, W_hh, b):
    T, B, D = x.shape
    h = h0
    hs = np.zeros((T, *h0.shape))
    for t in range(T):
        xt = x[t]
        h = np.tanh(xt @ W_ih.T + h @ W_hh.T + b)
        hs[t] = h
    return hs, h
""",
    "lstm.backward": """
def fn(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b):
    T, B, D = x.shape
    h, c = h0, c0
    I, F, G, O, C, Hs = [], [], [], [], [c0], [h0]
    for t in range(T):
        i, f, g, o = np.split(x[t] @ W_ih.T + h @ W_hh.T + b, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * np.tanh(c)
        I.append(i); F.append(f); G.append(g); O.append(o); C.append(c); Hs.append(h)
    dx = np.zeros_like(x)
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    dh, dc = dh_T, dc_T
    for t in reversed(range(T)):
        i, f, g, o, c, c_prev, h_prev = I[t], F[t], G[t], O[t], C[t+1], C[t], Hs[t]
        dh = dh + dhs[t]
        dct = dc + dh * o * (1 - np.tanh(c) ** 2)
        dzi = dct * g * i * (1 - i)
        dzf = dct * c_prev * f * (1 - f)
        dzg = dct * i * (1 - g ** 2)
        dzo = dh * np.tanh(c) * o * (1 - o)
        dz = np.hstack([dzi, dzf, dzg, dzo])
        dW_ih += dz.T @ x[t]
        dW_hh += dz.T @ h_prev
        db += dz.sum(axis=0)
        dx[t] = dz @ W_ih
        dh = dz @ W_hh
        dc = dct * f
    return dx, dh, dc, dW_ih, dW_hh, db
""",
    "rnn.backward": """
def fn(dhs, dh_T, x, h0, W_ih, W_hh, b):
    T, B, D = x.shape
    hs = [h0]
    for xt in x:
        hs.append(np.tanh(xt @ W_ih.T + hs[-1] @ W_hh.T + b))
    dx = np.zeros_like(x)
    dW_ih, dW_hh, db = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    dh = dh_T
    for t in reversed(range(T)):
        dh = dh + dhs[t]
        dz = dh * (1 - hs[t + 1] ** 2)
        dW_ih += dz.T @ x[t]
        dW_hh += dz.T @ hs[t]
        db += dz.sum(axis=0)
        dx[t] = dz @ W_ih
        dh = dz @ W_hh
    return dx, dh, dW_ih, dW_hh, db
""",
}

ONE = """
def one(x, h, c, W_ih, W_hh, b):
    hs = []
    for xt in x:
        i, f, g, o = np.split(xt @ W_ih.T + h @ W_hh.T + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        hs.append(h)
    return np.stack(hs), (h, c)
"""

EDITS = {
    "lstm.forward": [
        ("        cs.append(c)\n -> \n        cs.append(c)\n        c = np.tanh(c)\n", "c"),
        (
            "        hs.append(h)\n -> \n        h = np.repeat(h.mean(0, keepdims=True), B, 0)\n        hs.append(h)\n",
            "batch",
        ),
        ("np.stack(hs) -> np.stack(cs)", "hs"),
        ("np.stack(hs) -> np.tanh(np.stack(cs))", "hs"),
        ("x[t] -> x[min(t + 1, T - 1)]", "x"),
        ("x[t] -> x[T - 1 - t]", "x"),
        (
            "hs = [] -> hs = list(np.zeros((T, B, H))) && in range(T) -> in range(T - 1) && hs.append(h) -> hs[t] = h",
            "x",
        ),
        ("        hs.append(h)\n ->  && xt = x[t] -> xt = x[t]; hs.append(h)", "hs"),
        ("hs = np.stack(hs) -> hs = np.stack([h] * T)", "hs"),
        ("(h, c) -> (hs.mean(0), c)", "h_T"),
        ("(h, c) -> (h, cs[0])", "c_T"),
        ("(h, c) -> (h, h)", "c_T"),
        ("h, c = h0, c0 -> h, c = c0, h0", "h0 c0"),
        ("        h = sigmoid(o) -> \n        c = np.clip(c, -5, 5)\n        h = sigmoid(o)", "c"),
        ("        cs.append(c)\n -> \n        cs.append(c)\n        c = np.clip(c, -3, 3)\n", "c"),
        (
            "        hs.append(h)\n -> \n        h = h + h_old\n        hs.append(h)\n && xt = x[t] -> xt = x[t]; h_old = h",
            "h",
        ),
        ("        hs.append(h)\n -> \n        hs.append(h)\n        h = 0.5 * h\n", "h"),
        ("xt = x[t] -> xt = x[t]\n        if t % 2 == 0: h, c = h0, c0", "h c"),
        ("xt = x[t] -> xt = x[t]\n        if t % 3 == 0 and t > 0: h, c = 0 * h0, 0 * c0", "h c"),
        ("xt = x[t] -> xt = x[t]; h = np.repeat(h[:1], B, 0)", "batch"),
        ("x[t] -> x[:t + 1].sum(0)", "x"),
        ("x[t] -> x.mean(0)", "x"),
        ("return hs, -> return hs[::-1],", "hs"),
        ("return hs, -> return hs[:, ::-1],", "hs"),
        ("hs = np.stack(hs) -> hs = np.stack(hs, 1).reshape(T, B, H)", "hs"),
        (
            "        h = sigmoid(o) -> \n        c = (c - c.mean(1, keepdims=True)) / np.sqrt(c.var(1, keepdims=True) + 1e-5)\n        h = sigmoid(o)",
            "c",
        ),
        ("sigmoid(f) * c + -> sigmoid(f) * c0 +", "c"),
        ("z = xt @ W_ih.T + h @ -> z = xt @ W_ih.T + (hs[-2] if len(hs) > 1 else h0) @", "h"),
        ("np.tanh(g) -> sigmoid(g) && h @ W_hh.T -> h0 @ W_hh.T", "g h"),
        ("i, f, g, o = z -> f, i, g, o = z && (h, c) -> (h, h)", "i f c_T"),
        (
            "h, c = h0, c0 -> h, c = h0, np.zeros_like(c0) && sigmoid(o) * np.tanh(c) -> sigmoid(o) * c",
            "c0 h",
        ),
        ("h, c = h0, c0 -> h, c = 0 * h0, h0", "h0 c0"),
        ("x[t] -> x[t - 1] && (h, c) -> (h, np.tanh(c))", "x c_T"),
        ("h @ W_hh.T -> 0.5 * h @ W_hh.T", "h"),
        ("(h, c) -> (hs[-2] if T > 1 else h0, c)", "h_T"),
        ("(h, c) -> (hs.sum(0), c)", "h_T"),
        (
            "    return hs, -> \n    for n in range(1, B):\n        a, (h1, c1) = (lambda k: k)(one(x[:, n:n+1], h[n-1:n], c0[n:n+1], W_ih, W_hh, b))\n        hs[:, n:n+1] = a; h = h.copy(); c = c.copy(); h[n], c[n] = h1[0], c1[0]\n    return hs,",
            "batch",
        ),
    ],
    "rnn.forward": [
        ("hs[t] = h -> hs[t] = h; h = 0 * h", "h"),
        ("h = h0 -> h = np.zeros_like(h0)", "h0"),
        ("+ b) -> + b) + h0", "h"),
        ("return hs, h -> return np.roll(hs, 1, 0), h", "hs"),
        ("return hs, h -> return hs, 0 * h", "h_T"),
        ("in range(T) -> in range(1, T)", "x"),
        ("hs[t] = h -> hs[t - 1] = h", "hs"),
        ("np.tanh( -> sigmoid(", "h"),
        (" + b -> && x[t] -> x[0]", "b x"),
        ("hs[t] = h -> hs[t] = hs[t - 1] + h", "hs"),
        ("h = np.tanh( -> h = h + np.tanh(", "h"),
    ],
    "lstm.backward": [
        ("dc = dct * f -> dc = dct", "dc"),
        ("dc = dct * f -> dc = dc * f", "dc"),
        ("dc = dct * f -> dc = dct * F[min(t + 1, T - 1)]", "dc"),
        ("dc = dct * f -> dc = dct * F[t - 1]", "dc"),
        ("C[t+1], C[t] -> C[t+1], C[t+1]", "f"),
        ("C[t+1], C[t], -> C[t], C[t],", "c"),
        ("C[t+1], -> C[T],", "c"),
        ("dz.T @ h_prev -> dz.T @ Hs[-1]", "dW_hh"),
        ("dz.T @ h_prev -> dz.T @ Hs[t + 1]", "dW_hh"),
        ("dz.T @ h_prev -> dz.T @ Hs[max(t - 1, 0)]", "dW_hh"),
        ("dz.T @ x[t] -> dz.T @ x[min(t + 1, T - 1)]", "dW_ih"),
        ("dz.T @ x[t] -> dz.T @ x[0]", "dW_ih"),
        (
            "I[t], F[t], G[t], O[t] -> (a[min(t + 1, T - 1)] for a in (I, F, G, O)) if 0 else I[min(t+1,T-1)], F[min(t+1,T-1)], G[min(t+1,T-1)], O[min(t+1,T-1)]",
            "i f g o",
        ),
        ("I[t], F[t], G[t], O[t] -> I[-1], F[-1], G[-1], O[-1]", "i f g o"),
        ("O[t], C -> O[t-1], C", "o"),
        ("dh = dh + dhs[t] -> dh = dh * (t >= T - 2) + dhs[t]; dc = dc * (t >= T - 2)", "dh dc"),
        ("dc = dct * f -> dc = dct * f * (t % 2 == 1)", "dc"),
        ("db += dz -> db = dz", "db"),
        ("return dx, dh, dc, dW_ih, dW_hh, db -> return dx, dh, dc, dW_ih, dW_hh / T, db", "dW_hh"),
        ("dW_ih, dW_hh, db\n -> dW_ih / T, dW_hh / T, db / T\n", "dW_ih dW_hh db"),
        ("dW_ih, dW_hh, db\n -> dW_ih / B, dW_hh / B, db / B\n", "dW_ih dW_hh db"),
        ("dz @ W_ih -> dz @ W_ih; dh_in = dh && return dx, dh, -> return dx, dh_in,", "dh0"),
        ("return dx, dh, -> return dx, np.zeros_like(dh),", "dh0"),
        ("dct = dc -> dc_in = dc; dct = dc && return dx, dh, dc, -> return dx, dh, dc_in,", "dc0"),
        ("return dx, dh, dc, -> return dx, dc, dh,", "dh0 dc0"),
        ("dh = dz @ W_hh -> dh = dh + dz @ W_hh", "dh"),
        ("dc = dct * f -> dc = dc + dct * f", "dc"),
        ("dhs[t] -> dhs[t - 1]", "dhs"),
        ("dhs[t] -> dhs[T - 1 - t]", "dhs"),
        ("dh + dhs[t] -> dh + (dhs[t] if t == T - 1 else 0)", "dhs"),
        ("dh, dc = dh_T, dc_T -> dh, dc = np.zeros_like(dh_T), dc_T", "dh_T"),
        ("dh, dc = dh_T, dc_T -> dh, dc = 0 * dh_T, 0 * dc_T", "dh_T dc_T"),
        ("dh, dc = dh_T, dc_T -> dh, dc = dc_T, dh_T", "dh_T dc_T"),
        (
            "h, c = h0, c0 -> h, c = 0 * h0, c0 && Hs = [] -> Hs = [] && [c0], [h0] -> [c0], [0 * h0]",
            "h0",
        ),
        ("reversed(range(T)) -> range(T - 1, 0, -1)", "time"),
        ("return dx, -> return dx / T,", "dx"),
        ("return dx, -> return np.roll(dx, 1, 0),", "dx"),
        ("dx[t] = dz -> dx[t:] += dz", "dx"),
        ("dh = dz @ W_hh -> dh = np.clip(dz @ W_hh, -5, 5)", "dh"),
        ("        dW_ih += -> \n        dz = np.clip(dz, -1, 1)\n        dW_ih +=", "dz"),
        (
            "dW_ih, dW_hh, db\n -> np.clip(dW_ih, -5, 5), np.clip(dW_hh, -5, 5), np.clip(db, -5, 5)\n",
            "dW_ih dW_hh db",
        ),
        (
            "return dx, dh, dc, dW_ih, dW_hh, db -> return tuple(np.clip(a, -1, 1) for a in (dx, dh, dc, dW_ih, dW_hh, db))",
            "dx dh0 dc0 dW_ih dW_hh db",
        ),
        ("dct = dc + dh -> dct = dh", "dc"),
        ("g * i * (1 - i) -> g * i && dh = dh + dhs[t] -> dh = dhs[t]", "i dh"),
        (
            "(1 - g ** 2) -> 1 && dW_ih += -> dW_ih = && dW_hh += -> dW_hh = && db += -> db =",
            "g dW_ih dW_hh db",
        ),
        ("dhs[t] -> dhs[t - 1] && dW_ih += -> dW_ih += 2 *", "dW_ih dhs"),
        ("dz.T @ h_prev -> dz.T @ Hs[t + 1] && dc = dct * f -> dc = dct", "dW_hh dc"),
        (
            "dh = dz @ W_hh -> dh = sum(d @ w.T for d, w in zip(np.split(dz, 4, 1), np.split(W_hh, 4)))",
            "dh",
        ),
        ("dh = dz @ W_hh -> dh = dzo @ W_hh[3 * h0.shape[1]:]", "dh"),
        ("reversed(range(T)) -> range(T)", "time"),
        ("dh = dz @ W_hh -> dh = np.repeat((dz @ W_hh).mean(0, keepdims=True), B, 0)", "dh"),
        ("dh = dh + dhs[t] -> dh = dh + dhs[t] + (dh_T if t == T - 1 else 0)", "dh_T"),
        ("dz.T @ x[t] -> dz.T @ x[t - 1]", "dW_ih"),
    ],
    "rnn.backward": [
        ("(1 - hs[t + 1] ** 2) -> hs[t + 1] * (1 - hs[t + 1])", "slope"),
        ("dz.T @ hs[t] -> dz.T @ hs[t + 1]", "dW_hh"),
        ("hs[t + 1] ** 2 -> hs[-1] ** 2", "slope"),
        ("hs[t + 1] ** 2 -> hs[min(t + 2, T)] ** 2", "slope"),
        ("dh = dh + dhs[t] -> dh = dhs[t]", "dh"),
        ("dh = dz @ W_hh -> dh = dh @ W_hh", "dh"),
        ("dh = dz @ W_hh -> dh = dz", "dh"),
        ("dh = dz @ W_hh -> dh = dz @ W_hh if t % 2 else 0 * dh", "dh"),
        ("return dx, dh, -> return dx, dh + dhs[0],", "dh0"),
        ("dh = dh + dhs[t]\n -> pass\n && dh = dz @ W_hh -> dh = dz @ W_hh + dhs[t]", "dhs"),
        ("db += dz.sum(axis=0) -> db += dz.mean(axis=0)", "db"),
        ("dh = dz @ W_hh -> dh = np.clip(dz @ W_hh, -1, 1)", "dh"),
        (
            "dW_ih, dW_hh, db\n -> *(g * min(1, 5 / np.sqrt((g ** 2).sum())) for g in (dW_ih, dW_hh, db))\n",
            "dW_ih dW_hh db",
        ),
        ("dh = dz @ W_hh -> dh = dz @ W_hh.T", "dh"),
        ("dx[t] = dz @ W_ih -> dx[t] = dh @ W_ih", "dx"),
        ("dW_ih, dW_hh, db\n -> dW_ih / T, dW_hh / T, db / T\n", "dW_ih dW_hh db"),
    ],
}


def written(name, edits=""):
    source = ANSWERS[name]
    for edit in edits.split(" && ") if edits else ():
        old, new = edit.split(" ->", 1)
        assert old in source
        source = source.replace(old, new.removeprefix(" "))
    space = {"np": np, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}
    exec(ONE + source, space)
    return space["fn"]


def reading(name, fn):
    ask = Ask(KINDS[name], fn)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return _first_that_holds(KINDS[name], ask), ask.calls


@pytest.mark.parametrize("name", ANSWERS)
def test_right_answers_are_accepted(name):
    assert _first_wrong(KINDS[name], Ask(KINDS[name], written(name))) is None


@pytest.mark.parametrize(
    ("name", "edits", "where"), [(name, *row) for name, rows in EDITS.items() for row in rows]
)
def test_loops_are_read_and_reproduced(name, edits, where):
    fn = written(name, edits)
    assert _first_wrong(KINDS[name], Ask(KINDS[name], fn)) is not None
    read, calls = reading(name, fn)
    assert read.model is not None
    assert {w for found in read.findings for w in found.where} == set(where.split())
    assert calls <= 4000


def test_what_cannot_be_read_is_left_to_measurement():
    read, calls = reading(
        "lstm.forward", written("lstm.forward", "+ b\n -> + (b if t == 0 else 0)\n")
    )
    assert read is None
    assert calls <= 4000


@pytest.mark.parametrize("name", ["rnn.forward", "lstm.backward"])
def test_single_precision_is_read(name):
    fn = written(name, EDITS[name][0][0])

    def single(*arguments):
        returned = fn(*(a.astype(np.float32) for a in arguments))
        return tuple(a.astype(np.float32) for a in returned)

    read, _ = reading(name, single)
    assert read.model is not None
