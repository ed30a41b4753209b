"""Wrong answers are refused and their mistakes named; right answers pass in any style."""

import functools
import json
import math
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_tutorial import exercises, lstm, rnn
from lstm_tutorial.exercises._exercise import PAGES
from lstm_tutorial.exercises._search import KINDS, _known
from lstm_tutorial.rnn import sigmoid


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


CORE = [
    f"{net}.{part}"
    for net in ("lstm", "rnn")
    for part in ("step", "step_backward", "forward", "backward")
]
TRIED = [kind for kind, spec in KINDS.items() if spec.outputs == {"trials": ""}]
COMPARED = [kind for kind in KINDS if kind not in TRIED]


# Right answers, in other styles


def steps_in_loops(x, h_prev, c_prev, W_ih, W_hh, b):
    B, H = h_prev.shape
    h, c = [[0.0] * H for _ in range(B)], [[0.0] * H for _ in range(B)]
    for n in range(B):
        for u in range(H):
            z = [
                sum(W_ih[k * H + u, d] * x[n, d] for d in range(x.shape[1]))
                + sum(W_hh[k * H + u, v] * h_prev[n, v] for v in range(H))
                + b[k * H + u]
                for k in range(4)
            ]
            i, f, o = (1 / (1 + math.exp(-z[k])) for k in (0, 1, 3))
            c[n][u] = f * c_prev[n, u] + i * math.tanh(z[2])
            h[n][u] = o * math.tanh(c[n][u])
    return h, c


def step_by_einsum(x, h_prev, c_prev, W_ih, W_hh, b):
    H = h_prev.shape[1]
    W, U = W_ih.reshape(4, H, -1), W_hh.reshape(4, H, H)
    z = np.einsum("khd,bd->kbh", W, x) + np.einsum("khj,bj->kbh", U, h_prev) + b.reshape(4, 1, H)
    i, f, g, o = sigmoid(z[0]), sigmoid(z[1]), np.tanh(z[2]), sigmoid(z[3])
    c = f * c_prev + i * g
    return [o * np.tanh(c), c]


def step_by_torch(x, h_prev, c_prev, W_ih, W_hh, b):
    cell = torch.nn.LSTMCell(x.shape[1], h_prev.shape[1]).double()
    with torch.no_grad():
        for name, value in {"weight_ih": W_ih, "weight_hh": W_hh, "bias_ih": b}.items():
            getattr(cell, name).copy_(torch.from_numpy(value))
        cell.bias_hh.zero_()
    return cell(*(torch.from_numpy(x),), tuple(map(torch.from_numpy, (h_prev, c_prev))))


def step_in_single_precision(*arguments):
    return lstm.step(*(a.astype(np.float32) for a in arguments))


def step_by_concatenation(x, h_prev, c_prev, W_ih, W_hh, b):
    W = np.hstack([W_ih, W_hh, b[:, None]])
    z = np.hstack([x, h_prev, np.ones((len(x), 1))]) @ W.T
    i, f, g, o = z.reshape(len(x), 4, -1).swapaxes(0, 1)
    c = c_prev * sigmoid(f) + np.tanh(g) * sigmoid(i)
    return np.tanh(c) * sigmoid(o), c


def step_with_features_first(x, h_prev, c_prev, W_ih, W_hh, b):
    z = (W_ih @ x.T + W_hh @ h_prev.T + b[:, None]).T
    i, f, g, o = np.array_split(z, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return np.asfortranarray(sigmoid(o) * np.tanh(c)), c[:, ::-1][:, ::-1]  # not contiguous


def step_by_tanh_alone(x, h_prev, c_prev, W_ih, W_hh, b):
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    H = z.shape[1] // 4
    i, f, o = ((1 + np.tanh(z[:, k * H : (k + 1) * H] / 2)) / 2 for k in (0, 1, 3))
    c = f * c_prev + i * (1 - 2 / (1 + np.exp(2 * z[:, 2 * H : 3 * H])))
    return {"h": o * np.tanh(c), "c": c}.values()


def step_stacked(*arguments):
    return np.stack(lstm.step(*arguments))


def step_that_prints_and_warns(*arguments):
    print("looking at", arguments[0].shape)
    warnings.warn("careful", stacklevel=1)
    np.log(np.zeros(1))
    return lstm.step(*arguments)


class Step:
    """A callable that is no function."""

    def __call__(self, x, h, c, *weights):
        return lstm.step(x, h, c, *weights)


STYLES = [
    steps_in_loops, step_by_einsum, step_by_torch, step_in_single_precision,
    step_by_concatenation, step_with_features_first, step_by_tanh_alone, step_stacked,
    step_that_prints_and_warns, Step(), lstm.step, lambda *a: tuple(np.asmatrix(s) for s in lstm.step(*a)),
]  # fmt: skip


@pytest.mark.parametrize("step", STYLES)
def test_a_right_step_passes_in_any_style(step):
    report = exercises.check("lstm.step", step)
    assert report.passed, report


def by_autograd(forward, arguments, weights_of_outputs):
    tensors = [torch.tensor(a, requires_grad=True) for a in arguments]
    results = forward(*tensors)
    loss = sum(
        (r * torch.tensor(w)).sum() for r, w in zip(results, weights_of_outputs, strict=True)
    )
    return torch.autograd.grad(loss, tensors)


def torch_step(x, h, c, W_ih, W_hh, b):
    i, f, g, o = (x @ W_ih.T + h @ W_hh.T + b).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def torch_forward(x, h, c, *weights):
    hs = []
    for x_t in x:
        h, c = torch_step(x_t, h, c, *weights)
        hs.append(h)
    return torch.stack(hs), h, c


def step_backward_by_autograd(dh, dc, *arguments):
    return by_autograd(torch_step, arguments, (dh, dc))


def backward_by_autograd(dhs, dh_T, dc_T, *arguments):
    return by_autograd(torch_forward, arguments, (dhs, dh_T, dc_T))


def backward_by_the_package(dhs, dh_T, dc_T, *arguments):
    return lstm.backward(dhs, lstm.forward(*arguments)[2], dh_T, dc_T)


def backward_in_single_precision(*arguments):
    return backward_by_the_package(*(a.astype(np.float32) for a in arguments))


def backward_in_float32_by_autograd(*arguments):
    return backward_by_autograd(*(a.astype(np.float32) for a in arguments))


def forward_with_a_list(x, h0, c0, *weights):
    hs = []
    for x_t in x:
        h0, c0 = lstm.step(x_t, h0, c0, *weights)
        hs.append(h0)
    return [hs, [h0, c0]]


def flat_forward(*arguments):
    hs, (h_T, c_T), _ = lstm.forward(*arguments)
    return hs, h_T, c_T


def rnn_backward_by_the_package(dhs, dh_T, *arguments):
    return list(rnn.backward(dhs, rnn.forward(*arguments)[2], dh_T))


def rnn_backward_by_autograd(dhs, dh_T, *arguments):
    def forward(x, h, W_ih, W_hh, b):
        hs = []
        for x_t in x:
            h = (x_t @ W_ih.T + h @ W_hh.T + b).tanh()
            hs.append(h)
        return torch.stack(hs), h

    return by_autograd(forward, arguments, (dhs, dh_T))


@pytest.mark.parametrize(
    ("kind", "fn"),
    [
        ("lstm.step_backward", lstm.step_backward),
        ("lstm.step_backward", step_backward_by_autograd),
        ("lstm.forward", lstm.forward),
        ("lstm.forward", forward_with_a_list),
        ("lstm.forward", flat_forward),
        ("lstm.forward", lambda *a: torch_forward(*map(torch.tensor, a))),
        ("lstm.forward", lambda *a: lstm.forward(*(v.astype(np.float32) for v in a))),
        ("lstm.backward", backward_by_the_package),
        ("lstm.backward", backward_by_autograd),
        ("lstm.backward", backward_in_single_precision),
        ("lstm.backward", backward_in_float32_by_autograd),
        ("rnn.step", rnn.step),
        ("rnn.step", lambda *a: (rnn.step(*a),)),
        ("rnn.step", lambda *a: rnn.step(*a).astype(np.float32).tolist()),
        ("rnn.step_backward", rnn.step_backward),
        ("rnn.forward", rnn.forward),
        ("rnn.forward", lambda *a: rnn.forward(*a)[:2]),
        ("rnn.backward", rnn_backward_by_the_package),
        ("rnn.backward", rnn_backward_by_autograd),
    ],
)
def test_a_right_answer_passes_in_any_style(kind, fn):
    report = exercises.check(kind, fn)
    assert report.passed, report


def every(convert, value):
    """Convert the arrays and numbers of what was given or returned, however nested."""
    if type(value) in (tuple, list):
        return type(value)(every(convert, v) for v in value)
    if isinstance(value, torch.Tensor):
        value = value.detach()
    numeric = isinstance(value, np.ndarray | np.generic | torch.Tensor | float)
    return convert(value) if numeric else value


def in_fortran_order(value):
    return value if np.ndim(value) < 2 or torch.is_tensor(value) else np.asfortranarray(value)


def rounded(value):
    """Return numbers as another order of operations would round them."""
    value = np.asarray(value)
    return value * (1 + 1e-12 * np.cos(np.arange(value.size)).reshape(value.shape))


def in_half_the_digits(value):
    if torch.is_tensor(value):
        return value.float() if value.is_floating_point() else value
    return np.float32(value) if np.asarray(value).dtype == float else value


WAYS = {
    "float32 returned": lambda fn: lambda *a: every(in_half_the_digits, fn(*a)),
    "float32 throughout": lambda fn: lambda *a: fn(*every(in_half_the_digits, list(a))),
    "lists": lambda fn: lambda *a: every(lambda v: v.tolist() if np.ndim(v) else v, fn(*a)),
    "tensors": lambda fn: lambda *a: every(lambda v: torch.as_tensor(np.array(v)), fn(*a)),
    "fortran order": lambda fn: lambda *a: every(in_fortran_order, fn(*a)),
    "rounded otherwise": lambda fn: lambda *a: every(rounded, fn(*a)),
    "long doubles": lambda fn: lambda *a: every(lambda v: np.array(v, np.longdouble), fn(*a)),
    "matrices or masked": lambda fn: lambda *a: every(np.ma.masked_array, fn(*a)),
    "with defaults": lambda fn: lambda *a, verbose=False: fn(*a),
    "partial": lambda fn: functools.partial(lambda extra, *a: fn(*a), "extra"),
    "warns and prints": lambda fn: lambda *a: (print("here"), warnings.warn("x", stacklevel=1), fn(*a))[2],
}  # fmt: skip


@pytest.mark.parametrize("kind", COMPARED)
def test_right_answers_of_every_kind_pass_in_ten_styles(kind):
    assert len(WAYS) >= 10
    ways = dict(WAYS)
    # A difference of neighbours in float32 is no gradient; tapes are not converted with dhs.
    if kind in {"numerical_gradient", "lstm.chunked_backward"}:
        del ways["float32 throughout"]
    fn = written(kind)
    refused = [name for name, way in ways.items() if not exercises.check(kind, way(fn)).passed]
    assert not refused, exercises.check(kind, WAYS[refused[0]](written(kind)))


@pytest.mark.parametrize("kind", CORE)
@pytest.mark.parametrize("off", [1e-3, 1e-4])
def test_one_number_a_little_off_is_enough(kind, off):
    def fn(*arguments):
        outputs = broken(kind)(*arguments)
        k = int(np.argmax([o.size for o in outputs]))
        outputs[k].flat[3] += off * np.abs(outputs[k]).max()
        return outputs

    report = exercises.check(kind, fn)
    assert not report.passed
    assert "0.000" in str(report) or "e-" in str(report)


# What never comes as far as numbers


def said(report):
    """Return what a report says, its lines joined."""
    return " ".join(str(report).split())


def raising(x, h_prev, W_ih, W_hh, b):
    z = x @ W_ih + h_prev @ W_hh.T + b
    return np.tanh(z)


def calling(x, h_prev, W_ih, W_hh, b):
    return undefined_name(x)  # noqa: F821


def yielding(x, h_prev, W_ih, W_hh, b):
    yield 1 / 0


KEPT = []


def keeping(x, h_prev, W_ih, W_hh, b):
    KEPT.append(0)
    return rnn.step(x, h_prev, W_ih, W_hh, b) * len(KEPT)


def right_once(x, h_prev, W_ih, W_hh, b, calls=[0]):  # noqa: B006
    calls[0] += 1
    return rnn.step(x, h_prev, W_ih, W_hh, b) + (calls[0] > 2)


def with_nan(*arguments):
    h = rnn.step(*arguments)
    h[1, 2] = np.nan
    return h


def changing(x, h_prev, W_ih, W_hh, b):
    h_prev[:] = rnn.step(x, h_prev, W_ih, W_hh, b)
    return h_prev


@pytest.mark.parametrize(
    ("fn", "mistake", "words"),
    [
        (lambda *a: None, "nothing returned", "return at the end"),
        (lambda x, h: h, "wrong arguments", r"step\(x, h_prev, W_ih, W_hh, b\)"),
        (raising, "exception", r"ValueError: .* in raising, line \d+ z = x @ W_ih \+"),
        (raising, "exception", r"x \(3, 2\), h_prev \(3, 4\), W_ih \(4, 2\)"),
        (calling, "exception", "NameError: name 'undefined_name' is not defined, in calling"),
        (yielding, "exception", "ZeroDivisionError"),
        (lambda *a: rnn.step(*a).T, "wrong shape", r"\(B = 3, H = 4\), got shape \(4, 3\)\. .*transposed"),
        (lambda *a: rnn.step(*a).sum(0), "wrong shape", "axis B is gone"),
        (lambda *a: rnn.step(*a)[None], "wrong shape", "size 1 too many"),
        (lambda *a: rnn.step(*a).ravel(), "wrong shape", "another arrangement"),
        (lambda *a: rnn.step(*a)[:, :1], "wrong shape", r"got shape \(3, 1\)"),
        (lambda *a: "done", "not numbers", "got str"),
        (lambda *a: [[1, 2], [3]], "not numbers", "makes no array"),
        (lambda *a: rnn.step(*a) > 0, "not numbers", "bool"),
        (lambda *a: rnn.step(*a) + 0j, "not numbers", "complex"),
        (with_nan, "NaN or infinity", r"1 of 12 numbers are not finite, the first at index \(1, 2\)"),
        (lambda *a: rnn.step(*a) * np.inf, "NaN or infinity", "12 of 12"),
        (changing, "input changed in place", "h_prev held other numbers"),
        (keeping, "something kept between calls", "gives two answers"),
        (right_once, "something kept between calls", "gives two answers"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_said_in_plain_words(fn, mistake, words):
    report = exercises.check("rnn.step", fn)
    assert not report.passed and mistake in report.mistakes
    assert re.search(words, said(report)), report


def test_the_wrong_number_of_outputs():
    for fn, count in [
        (lambda *a: lstm.step(*a)[0], "one value"),
        (lambda *a: [*lstm.step(*a), 0], "3 values"),
    ]:
        report = exercises.check("lstm.step", fn)
        assert report.mistakes == ("wrong number of outputs",)
        assert f"Expected 2, h, c; got {count}" in said(report)


@pytest.mark.parametrize(
    ("hs", "words"),
    [
        (lambda hs, h0: np.concatenate([h0[None], hs]), "one step too many"),
        (lambda hs, h0: hs[1:], "one step too few"),
        (lambda hs, h0: hs.swapaxes(0, 1), "batch first"),
        (lambda hs, h0: hs[-1], "axis T is gone"),
    ],
)
def test_what_a_wrong_shape_in_time_looks_like(hs, words):
    def fn(x, h0, *weights):
        right, h_T, _ = rnn.forward(x, h0, *weights)
        return hs(right, h0), h_T

    assert words in said(exercises.check("rnn.forward", fn))


@pytest.mark.parametrize("kind", ["rnn.step", "cut"])  # the second is put to trials
def test_only_the_first_call_prints(kind, capsys):
    fn = written(kind)
    exercises.check(kind, lambda *a: (print("here"), fn(*a))[1])
    assert capsys.readouterr().out == "here\n"


def test_a_learner_may_stop_the_check():
    def fn(*arguments):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exercises.check("rnn.step", fn)


# Where no known mistake fits


def spoilt(kind, spoil):
    def fn(*arguments):
        outputs = [np.array(o) for o in broken(kind)(*arguments)]
        spoil(outputs)
        return outputs

    return said(exercises.check(kind, fn))


def test_an_unknown_mistake_is_narrowed_down():
    def in_one_gate(outputs):
        H = len(outputs[5]) // 4
        outputs[5][H : 2 * H] += 0.3

    text = spoilt("lstm.step_backward", in_one_gate)
    assert "Right: dx, dh_prev, dc_prev, dW_ih, dW_hh." in text
    assert "Wrong in the block of f." in text

    def from_a_step_on(outputs):
        outputs[0][1:] += 0.3

    assert "Right up to step 0, wrong from step 1 on." in spoilt("lstm.forward", from_a_step_on)

    def until_a_step(outputs):
        outputs[0][:-1] += 0.3

    assert "Wrong up to step 0, right from step 1 on." in spoilt("lstm.backward", until_a_step)

    def by_a_factor(outputs):
        outputs[2] *= 3

    assert "It is the right one times 3." in spoilt("lstm.step_backward", by_a_factor)

    def moved(outputs):
        outputs[1][:] = outputs[1][::-1].copy()

    assert "The right numbers stand in other places." in spoilt("lstm.step", moved)

    def in_one_sequence(outputs):
        outputs[1][1] += 0.3

    assert "Wrong in the sequences 1 of the batch alone." in spoilt("lstm.step", in_one_sequence)


def test_what_can_be_named_is_named_beside_what_cannot():
    edit = "dz.sum(axis=0) -> dz.mean(axis=0) && dz.T @ h_prev -> np.sin(dz.T @ h_prev)"
    report = exercises.check("lstm.step_backward", written("lstm.step_backward", edit))
    assert report.mistakes == ()
    assert "db averaged over the batch db, taken alone, fits this." in said(report)
    assert "dW_hh is off by about" in said(report)


# What the learner sees


def test_a_report_shows_in_a_terminal():
    report = exercises.check("lstm.step", written("lstm.step", "np.tanh(zg) -> sigmoid(zg)"))
    assert str(report) == repr(report)
    assert str(report).splitlines() == [
        "lstm.step: not right yet",
        "  g squashed by σ",
        "    You applied the logistic function to g. The candidate is squashed by tanh, so that",
        "    content can be negative.",
        "  Read again: The gates (book/2-cell/gates)",
    ]


def test_a_report_shows_in_a_notebook():
    def fn(x, h_prev, W_ih, W_hh, b):
        return rnn.step(x, h_prev, W_ih, W_hh, 0 * b) if len(x) > 2 else "<script>" + x

    report = exercises.check("rnn.step", fn)
    assert report.mistakes == ("b left out", "exception")
    html = report._repr_html_()
    assert html.startswith('<div class="admonition attention">') and html.endswith("</div>")
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "style" not in html
    assert 'class="admonition tip"' in exercises.check("rnn.step", rnn.step)._repr_html_()
    assert 'href="../1-problem/sequences.ipynb">Sequences and' in html
    for tag in ("div", "p", "strong", "pre", "code", "a"):
        assert len(re.findall(f"<{tag}[ >]", html)) == html.count(f"</{tag}>")


def test_reports_are_the_same_at_every_run():
    for edit in ("o * np.tanh(c) -> o * np.sin(c)", "np.tanh(zg) -> zg && + b\n -> \n"):
        texts = {str(exercises.check("lstm.step", written("lstm.step", edit))) for _ in range(3)}
        assert len(texts) == 1


def test_the_pages_to_read_again_exist():
    book = Path(__file__).parents[2]
    for page, title in PAGES.values():
        first = json.loads((book / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"][0][
            "source"
        ]
        headings = [line.strip("# \n").replace("`", "") for line in first if line.startswith("# ")]
        assert title in headings
    for kind in KINDS.values():
        assert kind.page in PAGES
        assert all(mistake.page in PAGES for mistake in kind.mistakes.values())


def test_sentences_are_sentences():
    for kind in KINDS:
        for name, mistake in _known(kind).items():
            assert mistake.says.removesuffix(")")[-1] in ".?", name
            assert " + " not in name and len(name) < 60
            assert "  " not in mistake.says


def test_kinds_are_listed():
    assert exercises.kinds() == list(KINDS)
    for kind in KINDS:
        assert "->" in exercises.signature(kind)


def test_sizes_are_all_different_and_above_one():
    for kind in CORE:
        for case in KINDS[kind].cases:
            sizes = list(case.sizes.values())
            assert min(sizes) > 1 and len(set(sizes)) == len(sizes)


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"kind: expected one of lstm.step, .*, got 'lstm'"):
        exercises.check("lstm", lstm.step)
    with pytest.raises(ValueError, match="kind"):
        exercises.signature("lstm")
    with pytest.raises(TypeError, match="fn: expected the function itself, not called, got tuple"):
        exercises.check("lstm.step", (1, 2))


@pytest.mark.parametrize("kind", [kind for kind in exercises.kinds() if kind.startswith("torch.")])
def test_a_kind_that_needs_pytorch_says_what_to_install(kind, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it raises ModuleNotFoundError
    report = None
    try:
        report = exercises.check(kind, lambda *arguments: 0)
    except ModuleNotFoundError as error:
        assert f"{kind} needs PyTorch, which is not installed" in str(error)
    if report is not None:  # it can be refused before PyTorch is needed
        assert not report.passed
        assert not [
            note.says
            for note in report.notes
            if "ModuleNotFound" in note.says or "used (" in note.says
        ]


def test_of_the_learners_own_missing_module_the_report_tells(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)

    def step(x, h_prev, W_ih, W_hh, b):
        import torch

        return torch.tanh(x)

    report = exercises.check("rnn.step", step)
    assert report.mistakes == ("exception",) and "torch" in report.notes[0].says
