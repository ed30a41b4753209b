"""Wrong answers are refused and read back; right answers pass in any style."""

import json
import math
import re
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_tutorial import exercises, lstm, rnn
from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._facts import same
from lstm_tutorial.exercises._kinds import KINDS
from lstm_tutorial.exercises._reading import PAGES
from lstm_tutorial.exercises.checker import _floats
from lstm_tutorial.rnn import sigmoid
from tests.exercises.learners import ANSWERS, BANK, written
from tests.exercises.styles import STYLES as WAYS
from tests.exercises.styles import every, refusals

BOOK = Path(__file__).parents[2] / "book"
CORE = [
    f"{net}.{part}"
    for net in ("lstm", "rnn")
    for part in ("step", "step_backward", "forward", "backward")
]
TRIED = [kind for kind, spec in KINDS.items() if spec.outputs == {"trials": ""}]
COMPARED = [kind for kind in KINDS if kind not in TRIED]
# What the frame says before anything is read.
PLAIN = {"exception", "wrong return", "wrong number of outputs", "nothing returned", "wrong shape"}


def counted(fn):
    """Return a function that counts its calls, and the count."""
    calls = [0]

    def counting(*arguments):
        calls[0] += 1
        return fn(*arguments)

    return counting, calls


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_learners_answers_are_right(kind):
    fn, calls = counted(written(kind))
    report = exercises.check(kind, fn)
    assert report.passed and report.mistakes == () and calls[0] <= 60, report


@pytest.mark.parametrize(("kind", "edit", "name"), BANK)
def test_a_slip_is_refused_and_named(kind, edit, name):
    fn, calls = counted(written(kind, edit))
    report = exercises.check(kind, fn)
    assert not report.passed and name in report.mistakes and calls[0] <= 4000
    assert all(
        note.says[-1] in ".?:)" and "  " not in note.says
        for note in report.notes
        if note.title not in PLAIN
    )
    if report.model is not None:  # it gives the learner's numbers, also on other inputs
        for case in KINDS[kind].cases[:2]:
            arguments = [0.9 * a if _floats(a) else a for a in case.values()]
            with np.errstate(all="ignore"):
                told = [np.asarray(a, float) for a in report.model(*arguments)]
            assert same(told, learners_numbers(kind, edit, arguments), 1e-9)


def learners_numbers(kind, edit, arguments):
    """Return what the learner's function computes, as the checker sees it."""
    ask = Ask(KINDS[kind], written(kind, edit))
    ask.any_shape = True
    return ask(*arguments)


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


@pytest.mark.parametrize("kind", COMPARED)
def test_right_answers_of_every_kind_pass_in_twelve_styles(kind):
    assert len(WAYS) >= 12
    # A difference of neighbours in float32 is no gradient; tapes are not converted with dhs.
    hard = {"numerical_gradient", "lstm.chunked_backward", "torch.open_forget_gates"}
    assert not refusals(
        kind, written(kind), exercises.check, ["float32 throughout"] * (kind in hard)
    )


@pytest.mark.parametrize("kind", CORE)
def test_by_name_in_a_dict_and_in_half_precision(kind):
    spec, right = KINDS[kind], written(kind)

    def in_a_dict(*arguments):
        return dict(zip(spec.outputs, spec.expected(arguments), strict=True))

    names = spec.signature.partition("(")[2].partition(")")[0]
    by_name = eval(f"lambda *, {names}: right({names})", {"right": right})
    for fn in (in_a_dict, by_name):
        assert exercises.check(kind, fn).passed
    if kind == "rnn.step":
        report = exercises.check(kind, lambda *a: right(*a).astype(np.float16))
        assert report.passed and "half precision" in said(report)
    report = exercises.check(kind, lambda *a: {"first": 0, "second": 1})
    assert (
        report.mistakes == ("wrong return",) and "a dict came, with first" in said(report).lower()
    )


@pytest.mark.parametrize("kind", CORE)
@pytest.mark.parametrize("off", [1e-3, 1e-4])
def test_one_number_a_little_off_is_enough(kind, off):
    def fn(*arguments):
        outputs = KINDS[kind].expected(arguments)
        k = int(np.argmax([o.size for o in outputs]))
        outputs[k].flat[outputs[k].size // 2] += off * np.abs(outputs[k]).max()
        return outputs

    report = exercises.check(kind, fn)
    assert not report.passed and report.model is None and report.formula == ()


@pytest.mark.parametrize("kind", CORE)
def test_what_acts_only_on_large_numbers_or_on_axes_of_one_is_refused(kind):
    def clipped(*arguments):
        return every(lambda o: np.clip(o, -5, 5), written(kind)(*arguments))

    def squeezed(*arguments):
        return every(np.squeeze, written(kind)(*arguments))

    # the states of a forward pass through tanh are never large
    assert exercises.check(kind, clipped).passed == (kind in {"rnn.step", "rnn.forward"})
    report = exercises.check(kind, squeezed)
    assert "wrong shape" in report.mistakes and "size 1" in said(report)


@pytest.mark.parametrize("kind", CORE)
def test_what_is_kept_between_calls_of_one_size_is_found(kind):
    kept = {}

    def fn(*arguments):
        key = tuple(a.shape for a in arguments)
        if key not in kept:  # reset on a change of size
            kept.clear()
            kept[key] = 0.0
        kept[key] += 1.0
        return every(lambda o: o * kept[key], written(kind)(*arguments))

    assert "something kept between calls" in exercises.check(kind, fn).mistakes


def test_numbers_that_nobody_could_mean_get_no_reading():
    rng = np.random.default_rng(0)
    for kind in CORE:
        by = rng.normal(size=50)

        def fn(*arguments, by=by, kind=kind):
            return [
                o + np.sin(by[k] * 10 * o) for k, o in enumerate(KINDS[kind].expected(arguments))
            ]

        report = exercises.check(kind, fn)
        assert not report.passed and report.model is None


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
        (raising, "exception", r"x \(3, 2\), h_prev \(3, 5\), W_ih \(5, 2\)"),
        (calling, "exception", "NameError: name 'undefined_name' is not defined, in calling"),
        (yielding, "exception", "ZeroDivisionError"),
        (lambda *a: rnn.step(*a).T, "wrong shape", r"\(B = 3, H = 5\), got shape \(5, 3\)\. .*transposed"),
        (lambda *a: rnn.step(*a).sum(0), "wrong shape", "axis B is gone"),
        (lambda *a: rnn.step(*a)[None], "wrong shape", "size 1 too many"),
        (lambda *a: rnn.step(*a).ravel(), "wrong shape", "another arrangement"),
        (lambda *a: rnn.step(*a)[:, :1], "wrong shape", r"got shape \(3, 1\)"),
        (lambda *a: "done", "not numbers", "got str"),
        (lambda *a: [[1, 2], [3]], "not numbers", "makes no array"),
        (lambda *a: rnn.step(*a) > 0, "not numbers", "bool"),
        (lambda *a: rnn.step(*a) + 0j, "not numbers", "complex"),
        (with_nan, "NaN or infinity", r"1 of \d+ numbers are not finite, the first at index \(1, 2\)"),
        (lambda *a: rnn.step(*a) * np.inf, "NaN or infinity", r"15 of 15"),
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


# What is not read is measured


def spoilt(kind, spoil):
    def fn(*arguments):
        outputs = KINDS[kind].expected(arguments)
        spoil(outputs)
        return outputs

    return said(exercises.check(kind, fn))


def odd(a):
    return 0.3 * np.sin(7 * a)


def test_what_is_not_read_is_measured():
    def in_one_gate(outputs):
        H = len(outputs[5]) // 4
        outputs[5][H : 2 * H] += odd(outputs[5][H : 2 * H])

    text = spoilt("lstm.step_backward", in_one_gate)
    assert "dx, dh_prev, dc_prev, dW_ih and dW_hh are right" in text
    assert "Wrong in the block of f." in text

    def in_one_sequence(outputs):
        outputs[1][-1] += odd(outputs[1][-1])

    assert "Wrong in the sequences 2 of the batch alone." in spoilt("lstm.step", in_one_sequence)


# What the learner sees


def test_a_report_shows_in_a_terminal():
    report = exercises.check("lstm.step", written("lstm.step", "np.tanh(zg) -> sigmoid(zg)"))
    assert str(report) == repr(report)
    lines = str(report).splitlines()
    assert lines[0] == "lstm.step: not right yet"
    assert "    yours  c = σ(z_f) · c_prev + σ(z_i) · σ(z_g)" in lines
    assert "    right  c = σ(z_f) · c_prev + σ(z_i) · tanh(z_g)" in lines
    assert lines[-1] == "  Read again: The gates (book/2-cell/gates)"


def test_a_report_shows_in_a_notebook():
    def fn(x, h_prev, W_ih, W_hh, b):
        return rnn.step(x, h_prev, W_ih, W_hh, b) if len(x) > 2 else "<script>" + x

    html = exercises.check("rnn.step", fn)._repr_html_()
    assert html.startswith('<div class="admonition attention">') and html.endswith("</div>")
    assert "<script>" not in html and "&lt;script&gt;" in html
    report = exercises.check("rnn.step", lambda x, h, W, U, b: sigmoid(x @ W.T + h @ U.T + b))
    html = report._repr_html_()
    assert "style" not in html and "<mark>" in html and "<th>right</th>" in html
    assert 'class="admonition tip"' in exercises.check("rnn.step", rnn.step)._repr_html_()
    for tag in ("div", "p", "strong", "table", "tr", "td", "mark", "a"):
        assert len(re.findall(f"<{tag}[ >]", html)) == html.count(f"</{tag}>")


def test_reports_are_the_same_at_every_run():
    for edit in ("o * np.tanh(c) -> o * np.sin(c)", "np.tanh(zg) -> zg && + b\n -> \n"):
        texts = {str(exercises.check("lstm.step", written("lstm.step", edit))) for _ in range(3)}
        assert len(texts) == 1


def test_the_pages_to_read_again_exist():
    for page, title in PAGES.values():
        cells = json.loads((BOOK.parent / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
        headings = [
            line.strip("# \n").replace("`", "")
            for line in cells[0]["source"]
            if line.startswith("# ")
        ]
        assert title in headings
    assert {kind.page for kind in KINDS.values()} <= set(PAGES)


def test_kinds_are_listed_and_every_one_is_used_by_a_page():
    assert exercises.kinds() == list(KINDS)
    assert all("->" in exercises.signature(kind) for kind in KINDS)
    pages = [path.read_text(encoding="utf-8") for path in BOOK.glob("[1-4]*/*.ipynb")]
    used = {name for page in pages for name in re.findall(r'check\(\\"([a-z_.]+)\\", ', page)}
    assert used == set(KINDS)


def test_sizes_of_one_and_sizes_that_all_differ_are_tried():
    for kind in CORE:
        cases = [[a.shape for a in case.values()] for case in KINDS[kind].cases]
        assert any(all(1 in shape or shape == (4,) for shape in shapes) for shapes in cases)
        x = list(KINDS[kind].cases[0]).index("x")
        assert len(set(cases[0][x])) == len(cases[0][x]) and 1 not in cases[0][x]


def test_a_right_answer_comes_at_once_and_a_wrong_one_soon():
    def seconds(edit):
        fn = written("lstm.step", edit)
        start = time.process_time()
        exercises.check("lstm.step", fn)
        return time.process_time() - start

    assert min(seconds("") for _ in range(3)) < 0.05
    assert min(seconds("np.tanh(zg) -> sigmoid(zg)") for _ in range(2)) < 1


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"kind: expected one of rnn.step, .*, got 'lstm'"):
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
