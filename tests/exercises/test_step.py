"""One step forward is read: mistakes of every kind, each with what the finding is about."""

import numpy as np
import pytest

from lstm_tutorial.exercises import _step, checker
from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._kind import Kind, regimes
from tests.exercises.learners import TOOLS

STEP = """
def fn(x, h_prev, c_prev, W_ih, W_hh, b):
    B, H = h_prev.shape
    D = x.shape[1]
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    zi, zf, zg, zo = z[:, :H], z[:, H:2*H], z[:, 2*H:3*H], z[:, 3*H:]
    i = sigmoid(zi)
    f = sigmoid(zf)
    g = np.tanh(zg)
    o = sigmoid(zo)
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    return h, c
"""
ONE = """
def fn(x, h_prev, W_ih, W_hh, b):
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    h = SQUASH(z)
    return h
"""
SLICES = "z[:, :H], z[:, H:2*H], z[:, 2*H:3*H], z[:, 3*H:]"
SIX = {"x": "B D", "h_prev": "B H", "c_prev": "B H", "W_ih": "4H D", "W_hh": "4H H", "b": "4H"}
FIVE = {"x": "B D", "h_prev": "B H", "W_ih": "H D", "W_hh": "H H", "b": "H"}


def right(form):
    """Return the right function of a form, made of its formulas."""

    def six(x, h, c, W, U, b):
        z = np.split(x @ W.T + h @ U.T + b, len(form.letters), axis=1)
        bases = {**dict(zip(form.letters, z, strict=True)), "h_prev": h, "c_prev": c}
        if form.cell is None:
            return (form.hidden.value(bases),)
        bases["c"] = form.cell.value(bases)
        return form.hidden.value(bases), bases["c"]

    return form.taken(six)


def kind(name, shapes):
    form = _step.FORMS[name]
    outputs = {"h": "B H", "c": "B H"} if form.cell else {"h": "B H"}
    signature = f"fn({', '.join(shapes)}) -> ({', '.join(outputs)})"
    return Kind(
        signature,
        outputs,
        regimes(7, shapes),
        right(form),
        form.page,
        lambda ask: _step.read_step(ask, form),
    )


KINDS = {
    "lstm.step": kind("lstm.step", SIX),
    "rnn.step": kind("rnn.step", FIVE),
    "gate": kind("gate", FIVE),
    "torch.cell": kind("torch.cell", {"z": "B 4H", "c": "B H"}),
    "torch.coupled_cell": kind("torch.coupled_cell", dict.fromkeys("ifgoc", "B H")),
}


def written(source, *edits):
    """Return a learner's function, its text edited."""
    for edit in edits:
        old, new = edit.split(" -> ")
        assert old in source, edit
        source = source.replace(old, new)
    scope = {}
    exec(TOOLS + source, scope)
    return scope["fn"]


def read(name, fn):
    """Return the reading of a wrong answer that gives its numbers, and the calls."""
    spec = KINDS[name]
    ask = Ask(spec, fn)
    assert checker._first_wrong(spec, ask), "not refused"
    return checker._first_that_holds(spec, ask), ask.calls


SINGLE = [
    # squashes
    ("i = sigmoid(zi) -> i = np.tanh(zi)", "i"),
    ("i = sigmoid(zi) -> i = sigmoid(2 * zi)", "i"),
    ("i = sigmoid(zi) -> i = np.clip(zi / 6 + 0.5, 0, 1)", "i"),
    ("i = sigmoid(zi) -> i = 1 / (1 + np.exp(zi))", "i"),
    ("f = sigmoid(zf) -> f = sigmoid(zf + 1)", "f"),
    ("f = sigmoid(zf) -> f = np.maximum(0, zf)", "f"),
    ("f = sigmoid(zf) -> f = (1 + np.tanh(zf)) / 2", "f"),
    ("g = np.tanh(zg) -> g = zg", "g"),
    ("g = np.tanh(zg) -> g = 4 * sigmoid(zg) - 2", "g"),
    ("g = np.tanh(zg) -> g = np.where(zg > 0, zg, .01 * zg)", "g"),
    ("o = sigmoid(zo) -> o = (zo > 0) * 1.0", "o"),
    ("o = sigmoid(zo) -> o = sigmoid(zo) * (1 - sigmoid(zo))", "o"),
    ("o = sigmoid(zo) -> o = np.exp(zo) / np.exp(zo).sum(1, keepdims=True)", "o"),
    (f"= {SLICES} -> = np.split(np.tanh(z), 4, axis=1)", "i f g o"),
    # gates for others
    ("f = sigmoid(zf) -> f = sigmoid(zo)", "f"),
    ("i = sigmoid(zi) -> i = 1 - sigmoid(zf)", "i"),
    ("i = sigmoid(zi) -> i = sigmoid(1 - zf)", "i"),
    ("zi, zf, zg, zo -> zg, zi, zf, zo", "i f g"),
    ("zi, zf, zg, zo -> zi, zf, zo, zg", "g o"),
    ("z[:, H:2*H] -> z[:, H+1:2*H+1]", "f"),
    ("z[:, 3*H:] -> z[:, 2*H:3*H]", "o"),
    (f"= {SLICES} -> = z[:, ::4], z[:, 1::4], z[:, 2::4], z[:, 3::4]", "i f g o"),
    (f"= {SLICES} -> = z.reshape(4, -1, H)", "batch"),
    # the cell state
    ("f * c_prev + i * g -> i * c_prev + f * g", "i f"),
    ("f * c_prev + i * g -> f * (c_prev + i * g)", "f"),
    ("f * c_prev + i * g -> f * c_prev + i + g", "i g"),
    ("f * c_prev + i * g -> f + c_prev + i * g", "f"),
    ("f * c_prev + i * g -> f * c_prev - i * g", "g"),
    ("f * c_prev + i * g -> f * c_prev + i", "g"),
    ("f * c_prev + i * g -> f * c_prev + i * g + 1", "i g"),
    ("f * c_prev + i * g -> f * c_prev + np.tanh(i * g)", "i g"),
    ("f * c_prev + i * g -> f * h_prev + i * g", "h c"),
    ("f * c_prev + i * g -> f * np.tanh(c_prev) + i * g", "c"),
    ("f * c_prev + i * g -> np.tanh(f * c_prev + i * g)", "c"),
    ("f * c_prev + i * g -> np.clip(f * c_prev + i * g, -1, 1)", "c h"),
    ("f * c_prev + i * g -> 0.9 * f * c_prev + i * g", "f"),
    # the hidden state, and what is returned
    ("o * np.tanh(c) -> o * np.tanh(c_prev)", "h"),
    ("o * np.tanh(c) -> np.tanh(o * c)", "h"),
    ("o * np.tanh(c) -> np.tanh(o * np.tanh(c))", "h"),
    ("o * np.tanh(c) -> o + np.tanh(c)", "o h"),
    ("o * np.tanh(c) -> o * np.tanh(i * g)", "h"),
    ("o * np.tanh(c) -> (1 - o) * h_prev + o * np.tanh(c)", "o h"),
    ("return h, c -> return c, h", "h c"),
    ("return h, c -> return h, c_prev", "c"),
    ("return h, c -> return h, h", "c"),
    ("return h, c -> return h_prev, c", "h"),
    ("return h, c -> return h, np.tanh(c)", "c"),
    ("return h, c -> return h, g", "c"),
    ("return h, c -> return h.clip(-.9, .9), c", "h"),
    ("return h, c -> return h.mean(0) + 0 * h, c", "batch"),
    # weights
    (" + b\n -> \n", "b"),
    (" + b\n -> - b\n", "b"),
    (" + b\n -> + b * np.repeat([1, 0, 1, 1], H)\n", "f"),
    (" + b\n -> + np.tile(b[:H], 4)\n", "f g o"),
    (" + h_prev @ W_hh.T -> ", "h"),
    ("h_prev @ W_hh.T -> c_prev @ W_hh.T", "h c"),
    ("h_prev @ W_hh.T -> h_prev @ W_hh.reshape(H, -1)", "W_hh"),
    ("h_prev @ W_hh.T -> h_prev @ np.hstack(np.split(W_hh, 4))", "W_hh"),
    ("h_prev @ W_hh.T -> h_prev.mean(0) @ W_hh.T", "batch"),
    ("x @ W_ih.T -> np.roll(x, 1, 1) @ W_ih.T", "x"),
    ("x @ W_ih.T -> x @ (W_ih * np.repeat([1, 1, 0, 1], H)[:, None]).T", "g"),
    ("x @ W_ih.T + h_prev @ W_hh.T -> np.hstack([x, h_prev]) @ np.hstack([W_hh, W_ih]).T", "x h"),
    # gates that are made of parts, or see another state
    ("i = sigmoid(zi) -> i = sigmoid(zi - b[:H]) + b[:H]", "i"),
    (
        "g = np.tanh(zg) -> g = np.tanh(zg + ((i - 1) * h_prev) @ W_hh[2*H:3*H].T)",
        "g h",
    ),
]


@pytest.mark.parametrize(("edit", "where"), SINGLE)
def test_a_mistake_is_read(edit, where):
    reading, calls = read("lstm.step", written(STEP, edit))
    assert reading and reading.model
    assert {w for f in reading.findings for w in f.where} == set(where.split()), reading.findings
    assert len(reading.findings) <= 3 and calls <= 1500


PAIRS = [
    ("i = sigmoid(zi) -> i = np.tanh(zi)", "o * np.tanh(c) -> o * c"),
    ("zi, zf, zg, zo -> zf, zi, zg, zo", "g = np.tanh(zg) -> g = zg"),
    (" + b\n -> \n", "return h, c -> return c, h"),
    ("h_prev @ W_hh.T -> h_prev @ W_hh.reshape(H, -1)", "f = sigmoid(zf) -> f = sigmoid(zf + 1)"),
    ("f * c_prev + i * g -> f + c_prev + i * g", "g = np.tanh(zg) -> g = np.maximum(zg, 0)"),
    ("return h, c -> return h, c_prev", "f = sigmoid(zf) -> f = np.tanh(zf)"),
    ("return h, c -> return h, c_prev", "o * np.tanh(c) -> o * sigmoid(c)"),
    ("h_prev @ W_hh.T -> c_prev @ W_hh.T", "i = sigmoid(zi) -> i = sigmoid(zo)"),
    (f"= {SLICES} -> = z.reshape(4, -1, H)", "o * np.tanh(c) -> o * c"),
    ("f * c_prev + i * g -> np.clip(f * c_prev + i * g, -1, 1)", " + b\n -> + 2 * b\n"),
    ("x @ W_ih.T + h -> x[:, ::-1] @ W_ih.T + h", "f * c_prev + i * g -> f * c_prev + g"),
    ("z[:, H:2*H] -> z[:, H+1:2*H+1]", "o = sigmoid(zo) -> o = sigmoid(sigmoid(zo))"),
]


@pytest.mark.parametrize("edits", PAIRS)
def test_two_mistakes_come_out_as_two_findings(edits):
    reading, calls = read("lstm.step", written(STEP, *edits))
    assert reading and reading.model and len(reading.findings) >= 2, reading
    assert calls <= 1500


OF_ONE = [
    ("SQUASH(z) -> z", "h"),
    ("SQUASH(z) -> np.maximum(z, 0)", "h"),
    ("SQUASH(z) -> SQUASH(SQUASH(z))", "h"),
    ("SQUASH(z) -> SQUASH(z) + h_prev", "h"),
    ("SQUASH(z) -> 0.7 * h_prev + 0.3 * SQUASH(z)", "h"),
    ("SQUASH(z) -> SQUASH(x @ W_ih.T) + SQUASH(h_prev @ W_hh.T + b)", "h"),
    ("SQUASH(z) -> SQUASH(x @ W_ih.T + h_prev @ W_hh.T) + b", "b"),
    ("return h -> return h_prev", "h"),
    ("h_prev @ W_hh.T -> h_prev @ W_hh", "W_hh"),
    ("h_prev @ W_hh.T -> h_prev[:1] @ W_hh.T", "batch"),
    (" + h_prev @ W_hh.T -> ", "h"),
    (" + b\n -> - b\n", "b"),
    (" + b\n -> + b[::-1]\n", "b"),
    ("x @ W_ih.T + h -> x @ W_ih.reshape(x.shape[1], -1) + h", "W_ih"),
]


@pytest.mark.parametrize(("edit", "where"), OF_ONE)
@pytest.mark.parametrize(("name", "squash"), [("rnn.step", "np.tanh"), ("gate", "sigmoid")])
def test_a_mistake_in_a_sum_that_is_squashed_is_read(name, squash, edit, where):
    fn = written(ONE.replace("SQUASH", squash), edit.replace("SQUASH", squash))
    reading, calls = read(name, fn)
    assert reading and reading.model and reading.findings
    # The gate's output has no name of its own, and its weights have others.
    names = {"h": "" if "SQUASH" in edit or "return" in edit else "h", "W_hh": "U", "W_ih": "W"}
    want = names.get(where, where) if name == "gate" else where
    assert {w for f in reading.findings for w in f.where} == set(want.split()), reading.findings
    assert calls <= 600


def cell(z, c):
    i, f, g, o = np.split(z, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def coupled(i, f, g, o, c):
    c = (1 - sigmoid(f)) * c + sigmoid(f) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gate_of_its_own(i, f, g, o, c):
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@pytest.mark.parametrize(
    ("name", "fn", "where"),
    [
        ("torch.cell", lambda z, c: cell(np.roll(z, z.shape[1] // 4, 1), c), "i f g o"),
        ("torch.cell", lambda z, c: cell(z, np.tanh(c)), "c"),
        ("torch.coupled_cell", coupled, "f"),
        ("torch.coupled_cell", gate_of_its_own, "i"),
    ],
)
def test_a_cell_of_pre_activations_is_read(name, fn, where):
    reading, _ = read(name, fn)
    assert reading and reading.model
    assert {w for f in reading.findings for w in f.where} == set(where.split())


@pytest.mark.parametrize("name", KINDS)
def test_of_a_right_answer_nothing_is_said(name):
    spec = KINDS[name]
    reading = next(_step.read_step(Ask(spec, spec.right), _step.FORMS[name]))
    assert reading.findings == [] and all(a == b for a, b in reading.formula)


def test_single_precision_is_read():
    fn = written(STEP, "f = sigmoid(zf) -> f = sigmoid(2 * zf + 1)")
    reading, _ = read("lstm.step", lambda *a: [np.float32(o) for o in fn(*a)])
    assert [f.where for f in reading.findings] == [("f",)]
    assert reading.findings[0].says == "The forget gate is σ(2 z + 1); it should be σ(z)."


def test_what_is_outside_the_grammar_is_not_guessed():
    edit = "f = sigmoid(zf) -> f = np.exp(-np.exp(-zf)) * np.cos(zi * zo)"
    reading, calls = read("lstm.step", written(STEP, edit))
    assert reading is None and calls <= 1500


def test_what_is_no_number_is_not_taken_for_mixed_rows():
    fn = written(STEP, "return h, c -> return h, c * np.nan")
    assert list(_step.read_step(Ask(KINDS["lstm.step"], fn))) == []


def test_rows_that_are_mixed_in_an_unknown_way_are_told_as_measured():
    reading, _ = read("lstm.step", written(STEP, "x @ W_ih.T -> (x * x.std(0)) @ W_ih.T"))
    assert reading.model is None and reading.findings[0].where == ("batch",)
