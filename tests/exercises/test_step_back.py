"""The reader of one step backward: each mistake gets the formula that was computed."""

import numpy as np
import pytest

from lstm_tutorial.exercises._programs import KINDS, drawn
from lstm_tutorial.exercises._step_back import read_step_back

LSTM = """
def step_backward(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b):
    z_i, z_f, z_g, z_o = np.split(x @ W_ih.T + h_prev @ W_hh.T + b, 4, axis=1)
    i, f, g, o = sigmoid(z_i), sigmoid(z_f), np.tanh(z_g), sigmoid(z_o)
    c = f * c_prev + i * g
    t = np.tanh(c)
    total = dc + dh * o * (1 - t**2)
    di, df, dg, do = total * g, total * c_prev, total * i, dh * t
    dz_i = di * i * (1 - i)
    dz_f = df * f * (1 - f)
    dz_g = dg * (1 - g**2)
    dz_o = do * o * (1 - o)
    dz = np.hstack([dz_i, dz_f, dz_g, dz_o])
    dx = dz @ W_ih
    dh_prev = dz @ W_hh
    dc_prev = total * f
    dW_ih = dz.T @ x
    dW_hh = dz.T @ h_prev
    db = dz.sum(axis=0)
    return dx, dh_prev, dc_prev, dW_ih, dW_hh, db
"""
RNN = """
def step_backward(dh, x, h_prev, W_ih, W_hh, b):
    h = np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
    dz = dh * (1 - h**2)
    return dz @ W_ih, dz @ W_hh, dz.T @ x, dz.T @ h_prev, dz.sum(axis=0)
"""
MENDED = """
def mended(dh, dc, c_prev, gates, c, W_hh):
    i, f, g, o = gates
    t = np.tanh(c)
    dc = dc + dh * o * (1 - t**2)
    dz_i, dz_f, dz_g = dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i * (1 - g**2)
    dz = np.hstack([dz_i, dz_f, dz_g, dh * t * o * (1 - o)])
    return dz @ W_hh, dc * f, dz
"""
SOURCES = {"lstm": LSTM, "rnn": RNN, "mended": MENDED}


# What is edited, kind, lines of the formula that must be read, and what they are about.
MISTAKES = [
    ("dg * (1 - g**2) -> dg * 1 - g**2", "lstm", "", "g"),
    ("do * o * (1 - o) -> do * o * 1 - o", "lstm", "", "o"),
    ("total = dc + dh -> total = dc * dh", "lstm", "dc_total = dh * dc * (1 - tanh_c**2) * o", "dc"),
    ("total = dc + dh * o -> total = (dc + dh) * o", "lstm", "", "dc"),
    ("total = dc + dh * o -> total = dc + o", "lstm", "dc_total = dc + (1 - tanh_c**2) * o", "dc"),
    ("(1 - t**2) -> t * (1 - t)", "lstm", "dc_total = dc + dh * o * tanh_c * (1 - tanh_c)", "dc"),
    ("(1 - t**2) -> (1 - np.tanh(t)**2)", "lstm", "", "dc"),
    ("(1 - t**2) -> (1 - c**2)", "lstm", "dc_total = dc + dh * o * (1 - c**2)", "dc"),
    ("dh * o * (1 -> dh * (1", "lstm", "dc_total = dc + dh * (1 - tanh_c**2)", "dc"),
    ("total = dc + -> total = ", "lstm", "dc_total = dh * o * (1 - tanh_c**2)", "dc"),
    ("total = dc + -> total = 2 * dc + ", "lstm", "", "dc"),
    ("total * i, dh * t -> total * i, total * t", "lstm", "", "o"),
    ("total * i, dh * t -> total * i, dc * t", "lstm", "dz_o = dc * tanh_c * o * (1 - o)", "o"),
    ("total * i, dh * t -> total * i, t", "lstm", "", "o"),
    ("total * i, dh * t -> total * i, dh * o * t", "lstm", "", "o"),
    ("= total * g, -> = total * i,", "lstm", "dz_i = dc_total * i * i * (1 - i)", "i"),
    ("= total * g, -> = dh * g,", "lstm", "dz_i = dh * g * i * (1 - i)", "i"),
    ("= total * g, -> = total * z_g,", "lstm", "dz_i = dc_total * z_g * i * (1 - i)", "i"),
    ("total * c_prev, -> total * h_prev,", "lstm", "dz_f = dc_total * h_prev * f * (1 - f)", "f"),
    ("total * c_prev, -> total + c_prev,", "lstm", "", "f"),
    ("total * c_prev, -> dc * c_prev,", "lstm", "dz_f = dc * c_prev * f * (1 - f)", "f"),
    ("df * f * (1 - f) -> df * z_f * (1 - z_f)", "lstm", "", "f"),
    ("df * f * (1 - f) -> df * (1 - f)", "lstm", "dz_f = dc_total * c_prev * (1 - f)", "f"),
    ("dg * (1 - g**2) -> dg * (1 - z_g**2)", "lstm", "", "g"),
    ("dg * (1 - g**2) -> dg * (g**2 - 1)", "lstm", "dz_g = -dc_total * i * (1 - g**2)", "g"),
    ("dz_f = df * -> dz_f = (dc * c_prev + o * (1 - t**2) * c_prev) *", "lstm", "", "f"),
    ("dz_i, dz_f, dz_g, dz_o]) -> di, df, dg, do])", "lstm", "dz_g = dc_total * i", "i f g o"),
    ("[dz_i, dz_f, -> [dz_f, dz_i,", "lstm", "dz = hstack([dz_f, dz_i, dz_g, dz_o])", "i f"),
    ("np.hstack([dz_i, dz_f, dz_g, dz_o]) -> np.clip(np.hstack([dz_i, dz_f, dz_g, dz_o]), -1, 1)",
     "lstm", "dz = clip(hstack([dz_i, dz_f, dz_g, dz_o]), -1, 1)", "dz"),
    ("return dx -> dx = np.clip(dx, -5, 5); return dx", "lstm", "dx = clip(dz @ W_ih, -5, 5)", "dx"),
    ("total * f -> total", "lstm", "dc_prev = dc_total", "dc_prev"),
    ("total * f -> dc * f", "lstm", "dc_prev = dc * f", "dc_prev"),
    ("total * f -> dc * f + o * (1 - t**2) * dh", "lstm", "", "dc_prev"),
    ("total * f -> dz_f", "lstm", "", "dc_prev"),
    ("dz @ W_hh -> dz @ W_hh + dh", "lstm", "dh_prev = dz @ W_hh + dh", "dh_prev"),
    ("dz @ W_hh -> dz_o @ W_hh[-len(W_hh) // 4:]", "lstm", "dh_prev = dz_o @ U_o", "dh_prev"),
    ("dz @ W_hh -> dz @ W_hh * (1 - h_prev**2)", "lstm", "", "dh_prev"),
    ("dz @ W_hh -> np.hstack([di, df, dg, do]) @ W_hh", "lstm", "", "dh_prev"),
    ("dz @ W_hh -> sum(a @ U.T for a, U in zip((dz_i, dz_f, dz_g, dz_o), np.split(W_hh, 4)))",
     "lstm", "", "dh_prev"),
    ("dz @ W_ih -> np.hstack([di, df, dg, do]) @ W_ih", "lstm", "", "dx"),
    ("dz.T @ x -> dz.T @ x / len(x)", "lstm", "dW_ih = (dz.T @ x) / B", "dW_ih"),
    ("dz.T @ x -> dz.T @ x + 0.1 * W_ih", "lstm", "dW_ih = dz.T @ x + 0.1 * W_ih", "dW_ih"),
    ("dz.T @ x -> (x.T @ dz).reshape(W_ih.shape)", "lstm", "", "dW_ih"),
    ("dz.T @ x -> np.outer(dz[0], x[0])", "lstm", "dW_ih = dz[:1].T @ x[:1]", "dW_ih"),
    ("dz.T @ h_prev -> dz.T @ (o * t)", "lstm", "dW_hh = dz.T @ h", "dW_hh"),
    ("dz.T @ h_prev -> dz.T @ dh_prev", "lstm", "dW_hh = dz.T @ (dz @ W_hh)", "dW_hh"),
    ("dz.sum(axis=0) -> dz[0]", "lstm", "db = dz[0]", "db"),
    ("dz.sum(axis=0) -> dz.sum() + 0 * b", "lstm", "", "db"),
    # The forward part
    ("W_hh.T + b -> W_hh.T", "lstm", "z_f = x @ W_f.T + h_prev @ U_f.T", "b"),
    ("W_hh.T + b -> W_hh.T + 2 * b", "lstm", "", "b"),
    ("z_g, z_o = -> z_o, z_g = ", "lstm", "z_g = x @ W_o.T + h_prev @ U_o.T + b_o", "g o"),
    ("sigmoid(z_f) -> sigmoid(z_i)", "lstm", "", "f"),
    ("sigmoid(z_f) -> sigmoid(z_f + 1)", "lstm", "f = σ(z_f + 1)", "f"),
    ("sigmoid(z_o) -> np.tanh(z_o)", "lstm", "o = tanh(z_o)", "o"),
    ("f * c_prev + i * g -> f * c_prev + g", "lstm", "c = f * c_prev + g", "i"),
    ("t = np.tanh(c) -> t = c", "lstm", "tanh_c = c", "h"),
    # Other kinds
    ("(1 - h**2) -> 1", "rnn", "dz = dh", "slope"),
    ("(1 - h**2) -> h * (1 - h)", "rnn", "dz = dh * h * (1 - h)", "slope"),
    ("dz @ W_hh -> dz @ W_hh.T", "rnn", "dh_prev = dz @ W_hh.T", "dh_prev"),
    ("dz @ W_hh -> dh @ W_hh", "rnn", "dh_prev = dh @ W_hh", "dh_prev"),
    ("dz.T @ h_prev -> h_prev.T @ dz", "rnn", "dW_hh = h_prev.T @ dz", "dW_hh"),
    ("dc = dc + dh -> dc = dh", "mended", "dc_total = dh * o * (1 - tanh_c**2)", "dc"),
    ("W_hh, dc * f -> W_hh, dc", "mended", "dc_prev = dc_total", "dc_prev"),
]  # fmt: skip
PAIRS = [
    ("dh_prev, dc_prev, dW -> dc_prev, dh_prev, dW", "dh_prev dc_prev"),
    ("sigmoid(z_f) -> sigmoid(z_i);; dz @ W_hh -> dz @ W_hh + dh", "f dh_prev"),
    ("(1 - t**2) -> (1 - c**2);; dg * (1 - g**2) -> dg", "dc g"),
    ("df * f * (1 - f) -> df;; dz.sum(axis=0) -> dz.mean(axis=0)", "f db"),
    ("[dz_i, dz_f, -> [dz_f, dz_i,;; total * f -> total", "i f dc_prev"),
    ("W_hh.T + b -> W_hh.T;; total * i, dh * t -> total * i, dh * c", "b o"),
    ("dz.T @ x -> dz.T @ x / len(x);; dz.T @ h_prev -> dz.T @ (o * t)", "dW_ih dW_hh"),
]


class Ask:
    """A learner's function, and how often it was called."""

    eps = 1e-12

    def __init__(self, kind, edits=""):
        source = SOURCES[kind]
        for edit in filter(None, edits.split(";; ")):
            old, new = edit.split(" -> ")
            assert old in source
            source = source.replace(old, new)
        names = {"np": np, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}
        exec(source, names)
        self.function = list(names.values())[-1]
        self.calls = 0

    def __call__(self, *arguments):
        self.calls += 1
        return [np.asarray(a, float) for a in self.function(*arguments)]


def fresh(kind):
    """Yield arguments of other sizes than those that the reader tries."""
    spec = KINDS[kind]
    for B, D, H, size in ((3, 2, 4, 1), (1, 1, 1, 1), (6, 3, 2, 30), (2, 7, 5, 0.01)):
        given = drawn(spec, B, D, H, seed=B)
        given |= {"dh": size * given["dh"], "dc": size * given["dc"]}
        yield [given[name] for name in spec.arguments]


def first_that_fits(kind, ask):
    """Return the first reading that gives the learner's numbers on fresh inputs."""
    for reading in read_step_back(ask, kind):
        pairs = [(ask(*arguments), reading.model(*arguments)) for arguments in fresh(kind)]
        if all(
            np.abs(a - b).max() <= 1e-9 * np.abs(a).max()
            for got, read in pairs
            for a, b in zip(got, read, strict=True)
        ):
            return reading
    return None


@pytest.mark.parametrize(("edit", "kind", "line", "where"), MISTAKES)
def test_a_mistake_is_read(edit, kind, line, where):
    ask = Ask(kind, edit)
    reading = first_that_fits(kind, ask)
    assert reading is not None
    assert ask.calls <= 60
    assert {name for finding in reading.findings for name in finding.where} == set(where.split())
    assert len(reading.findings) == 1
    assert not line or line in [read for read, _ in reading.formula]


@pytest.mark.parametrize(("edits", "where"), PAIRS)
def test_two_mistakes_are_two_findings(edits, where):
    reading = first_that_fits("lstm", Ask("lstm", edits))
    assert len(reading.findings) == 2
    assert {name for finding in reading.findings for name in finding.where} == set(where.split())


@pytest.mark.parametrize("kind", SOURCES)
def test_nothing_is_said_of_a_right_step(kind):
    assert not list(read_step_back(Ask(kind), kind))


@pytest.mark.parametrize("kind", SOURCES)
def test_nothing_is_said_of_what_is_no_number(kind):
    ask = Ask(kind)
    right = ask.function
    ask.function = lambda *arguments: [a * np.nan for a in right(*arguments)]
    assert not list(read_step_back(ask, kind))


def test_a_step_in_single_precision_is_read():
    ask = Ask("lstm", "dg * (1 - g**2) -> dg")
    double = ask.function
    ask.function = lambda *arguments: double(*(a.astype(np.float32) for a in arguments))
    ask.eps = 1e-5
    reading = next(read_step_back(ask))
    assert [finding.where for finding in reading.findings] == [("g",)]
