"""The tools refuse what they should refuse, and change nothing that they should not."""

import contextlib
import os
import platform
import socket
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

TOOLS = Path(__file__).parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
import cpu_index  # noqa: E402
import japanese_vowels  # noqa: E402
import noise  # noqa: E402
import portable  # noqa: E402
import run_notebooks  # noqa: E402


def tool(name, *arguments):
    command = [sys.executable, str(TOOLS / name), *map(str, arguments)]
    return subprocess.run(command, text=True, capture_output=True)


@pytest.fixture
def notebook(tmp_path):
    """Return a notebook as a run stores it, and its path."""
    sources = ["x = 1", "print(x)"]
    found = new_notebook(cells=[new_code_cell(source) for source in sources])
    for count, cell in enumerate(found.cells, start=1):
        cell.execution_count = count
    found.cells[1].outputs = [new_output("stream", name="stdout", text="1\n")]
    path = tmp_path / "chapter.ipynb"
    write(path, run_notebooks.normalise(found))
    return found, path


def write(path, notebook):
    path.write_text(run_notebooks.to_text(notebook), encoding="utf-8")


def test_the_check_accepts_a_notebook_that_was_run(notebook):
    assert tool("run_notebooks.py", "--check", notebook[1]).returncode == 0


def unrun(cells):
    cells[1].execution_count, cells[1].outputs = None, []


def out_of_order(cells):
    cells[0].execution_count, cells[1].execution_count = 2, 1


def run_twice(cells):
    cells[1].execution_count = 3


def warns(cells):
    cells[1].outputs.append(new_output("stream", name="stderr", text="beware\n"))


def fails(cells):
    cells[1].outputs = [new_output("error", ename="NameError", evalue="x", traceback=[])]


def noisy(cells):
    cells[0].metadata["execution"] = {"iopub.status.busy": "2026-01-01T00:00:00"}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (unrun, "was not run: code cell 2"),
        (out_of_order, "was not run once from top to bottom"),
        (run_twice, "was not run once from top to bottom"),
        (warns, "code cell 2 prints to stderr"),
        (fails, "code cell 2 raised an error"),
        (noisy, "is not in the normal form"),
    ],
)
def test_the_check_refuses_a_broken_notebook(notebook, damage, message):
    broken, path = notebook
    damage(broken.cells)
    write(path, broken)
    done = tool("run_notebooks.py", "--check", path)
    assert done.returncode == 1
    assert f"{path} {message}" in done.stderr


def test_an_error_that_is_meant_to_show_passes(notebook):
    shown, path = notebook
    fails(shown.cells)
    shown.cells[1].metadata["tags"] = ["raises-exception"]
    write(path, shown)
    assert run_notebooks.problems(path) == []


def test_a_run_twice_writes_the_same_bytes_and_keeps_what_the_book_reads(tmp_path):
    path = tmp_path / "chapter.ipynb"
    figure = {"image": {"alt": "what there is to see"}}
    cells = [
        new_code_cell("import os, warnings\nprint(os.getcwd() == os.environ['HERE'])"),
        new_code_cell("1 / 0", metadata={"tags": ["raises-exception"], "mystnb": figure}),
    ]
    nbformat.write(new_notebook(cells=cells), path)
    written = []
    for _ in range(2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HERE", str(tmp_path))
            done = tool("run_notebooks.py", path)
        assert done.returncode == 0, done.stderr
        written.append(path.read_bytes())
    assert written[0] == written[1]
    stored = nbformat.read(path, as_version=4).cells
    assert stored[0].outputs[0].text == "True\n"  # it ran in its own folder
    assert stored[1].metadata == {"tags": ["raises-exception"], "mystnb": figure}
    assert run_notebooks.problems(path) == []


def test_jupyterlab_folds_what_the_book_folds():
    cells = [
        new_code_cell("shown"),
        new_code_cell("folded", metadata={"tags": ["hide-input"]}),
        new_markdown_cell("```{solution-end}\n```\ntext\n```{solution-start} ex-a\n```"),
        new_code_cell("the answer"),
        new_markdown_cell("```{solution-end}\n```"),
        new_code_cell("shown again"),
    ]
    code = [c for c in run_notebooks.normalise(new_notebook(cells=cells)).cells if "outputs" in c]
    assert [c.metadata.get("jupyter", {}) for c in code] == [
        {},
        {"source_hidden": True},
        {"outputs_hidden": True, "source_hidden": True},
        {},
    ]


def test_a_failing_cell_is_named_and_the_file_left_alone(tmp_path):
    path = tmp_path / "chapter.ipynb"
    cells = [new_code_cell("x = 1"), new_code_cell("y = x + undefined")]
    nbformat.write(new_notebook(cells=cells), path)
    before = path.read_bytes()
    done = tool("run_notebooks.py", path)
    assert done.returncode == 1
    assert "code cell 2 failed" in done.stderr
    assert "y = x + undefined" in done.stderr
    assert "NameError: name 'undefined' is not defined" in done.stderr
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_taken_port_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = tool("serve.py", tmp_path, port)
    assert done.returncode == 1
    assert done.stderr == f"Port {port} is taken. Choose another: make book PORT={port + 1}\n"


@contextlib.contextmanager
def host(status):
    """Serve one answer, or none where there is no status, and give the address."""

    def answer(server):
        with server.accept()[0] as asked:
            asked.recv(1000)
            asked.sendall(f"HTTP/1.1 {status} it\r\nContent-Length: 0\r\n\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as server:
        if status:
            threading.Thread(target=answer, args=[server], daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.mark.parametrize(("status", "is_used"), [(200, True), (403, False), (None, False)])
def test_an_index_is_used_where_it_answers(monkeypatch, status, is_used):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with host(status) as address:
        start = time.monotonic()
        assert cpu_index.answers(address, seconds=0.5) is is_used
        assert time.monotonic() - start < 2


def test_an_index_that_nobody_serves_is_not_used():
    with host(None) as address:
        pass
    assert not cpu_index.answers(address, seconds=5)


HASWELL = {
    "NumPy": ["X86_V3"],
    "PyTorch": "AVX2",
    "OpenBLAS": "Haswell",
    "oneDNN": "Intel AVX2",
}


@pytest.mark.parametrize(
    ("found", "faults"),
    [
        (HASWELL, []),
        (HASWELL | {"OpenBLAS": None, "oneDNN": None}, []),
        (HASWELL | {"NumPy": ["X86_V3", "AVX512_ICL"]}, ["NumPy uses AVX512_ICL"]),
        (HASWELL | {"PyTorch": "DEFAULT"}, ["PyTorch uses DEFAULT"]),
        (HASWELL | {"OpenBLAS": "Zen"}, ["OpenBLAS uses Zen"]),
        (None, ["the processor lacks its instructions"]),
    ],
)
def test_a_kernel_that_took_no_effect_is_refused(found, faults):
    haswell = next(kernel for kernel in portable.X86 if kernel.openblas == "Haswell")
    assert portable.refused(haswell, found) == faults


def test_the_plainest_kernel_takes_effect():
    kernels = portable.X86 if platform.machine() in ("x86_64", "AMD64") else portable.OTHERS
    variables = portable.environment(kernels[0], portable.state({})["NumPy"])
    assert portable.refused(kernels[0], portable.state(variables)) == []


def test_a_process_that_breaks_down_has_no_state():
    assert portable.state({"PYTHONHOME": os.devnull}) is None


def test_kernels_that_do_not_run_here_are_named(monkeypatch, capsys):
    """As on a processor of 2013, with an OpenBLAS that was built without Zen."""

    def state(variables):
        if "AVX512" in variables.get("ONEDNN_MAX_CPU_ISA", "AVX512"):
            return None if variables else HASWELL
        if variables.get("OPENBLAS_CORETYPE") in ("Haswell", "Zen"):
            return HASWELL
        return None

    monkeypatch.setattr(portable, "state", state)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert list(portable.available()) == ["Haswell"]
    said = capsys.readouterr().out
    assert "left out: Zen (OpenBLAS uses Haswell)" in said
    assert "left out: SkylakeX (the processor lacks its instructions)" in said


def test_every_notebook_runs_once_and_a_few_that_train_on_every_kernel():
    kernels = ["Nehalem", "Haswell", "SkylakeX"]
    many = [f"{k}.ipynb" for k in range(portable.FEW + 1)]
    first = portable.first_runs(many, kernels, thorough=False)
    assert [run.notebook for run in first] == many and {run.draw for run in first} == {1}
    assert {run.kernel for run in first} == set(kernels)
    assert portable.further_runs(first, set(many), kernels) == []
    few = portable.first_runs(many[:2], kernels, thorough=False)
    assert few == first[:2]
    more = portable.further_runs(few, {many[1]}, kernels)
    assert {run.notebook for run in more} == {many[1]}
    assert sorted([few[1].kernel, *(run.kernel for run in more)]) == sorted(kernels)
    assert sorted(run.draw for run in more) == [2, 3]


def test_thorough_is_every_notebook_on_every_kernel_and_more_noise():
    kernels = ["Nehalem", "SkylakeX"]
    first = portable.first_runs(["a.ipynb", "b.ipynb"], kernels, thorough=True)
    assert {(run.notebook, run.kernel) for run in first} == {
        (notebook, kernel) for notebook in ("a.ipynb", "b.ipynb") for kernel in [*kernels, ""]
    }
    more = portable.further_runs(first, {"b.ipynb"}, kernels)
    assert [run.draw for run in more] == list(range(1, portable.DRAWS + 1))
    assert {(run.notebook, run.kernel) for run in more} == {("b.ipynb", "")}


def test_noise_is_the_last_bit_and_belongs_to_the_gradient(monkeypatch):
    for dtype in (np.float64, np.float32):
        gradients = [np.linspace(-3, 5, 1001).astype(dtype), (np.ones((2, 3), dtype), None)]
        shaken = {}
        for draw in (0, 1, 2):
            monkeypatch.setattr(noise, "draw", draw)
            shaken[draw], (_, nothing) = noise.shaken(gradients)
            assert nothing is None and shaken[draw].dtype == dtype
            assert np.array_equal(shaken[draw], noise.shaken(gradients)[0])
        assert np.array_equal(shaken[0], gradients[0])
        for draw in (1, 2):
            moved = shaken[draw] != gradients[0]
            assert 0.4 < moved.mean() < 0.9
            assert np.allclose(shaken[draw], gradients[0], rtol=8 * np.finfo(dtype).eps, atol=0)
        assert not np.array_equal(shaken[1], shaken[2])
    assert noise.shaken(7) == 7 and isinstance(noise.shaken(7.5), float)


def test_noise_on_tensors_keeps_their_graph_and_leaves_the_rest(monkeypatch):
    monkeypatch.setattr(noise, "draw", 1)
    x = torch.linspace(1, 2, 100, requires_grad=True)
    whole = torch.arange(3)
    square, number, nothing = noise.shaken_tensors([x**2, whole, None])
    assert number is whole and nothing is None
    assert not torch.equal(square, x**2) and torch.allclose(square, x**2)
    square.sum().backward()
    assert torch.allclose(x.grad, 2 * x.detach())


def test_noise_on_the_learning_rule_of_1997_is_on_what_it_adds(monkeypatch):
    module = types.ModuleType("network")

    def learn(network, weights, step):
        weights.W[0] += step
        return 1

    module.learn = learn
    noise._shake_original(module)
    monkeypatch.setattr(noise, "draw", 1)
    weights = types.SimpleNamespace(W=np.ones((2, 50)), V=np.ones(3))
    assert module.learn(None, weights, np.linspace(1, 2, 50)) == 1
    assert np.allclose(weights.W[0], 1 + np.linspace(1, 2, 50), rtol=1e-14)
    assert (weights.W[0] != 1 + np.linspace(1, 2, 50)).any()
    assert (weights.W[1] == 1).all() and (weights.V == 1).all()


TRAINS = """
import numpy as np
import torch
from lstm_tutorial import network, tasks
from lstm_tutorial.rnn import backward, forward, init

params = network.init(1, 8, 1, 0)
batches = [tasks.recall(5, 4, rng=0)] * 20
print(network.train(params, batches, lr=0.01)[1].losses[-1])
layer = init(1, 8, 0)
print(backward(None, forward(batches[0][0], np.zeros((4, 8)), *layer)[2], np.ones((4, 8)))[3])
w = torch.ones(1000, requires_grad=True)
sgd = torch.optim.SGD([w], lr=0.1)
(w**3).sum().backward()
sgd.step()
print(torch.autograd.grad((w**3).sum(), w)[0].double().sum().item(), w.double().sum().item())
v = 1.0
for _ in range(2):
    v -= 0.1 * v
"""


def test_under_noise_a_notebook_that_prints_last_bits_fails_and_says_that_it_trains(
    tmp_path, monkeypatch, capsys
):
    cells = [new_code_cell(TRAINS), new_code_cell("print(round(v, 6))")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "chapter.ipynb")
    monkeypatch.chdir(tmp_path)
    assert tool("run_notebooks.py", "chapter.ipynb").returncode == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval"]
    command += ["--nbval-current-env"]
    runs = [portable.Run("chapter.ipynb", "", draw) for draw in (0, 1)]
    assert portable.perform_all(runs[:1], {"": {}}, command) == (True, {"chapter.ipynb"})
    assert portable.perform_all(runs[1:], {"": {}}, command) == (False, {"chapter.ipynb"})
    assert "the outputs depend on rounding" in capsys.readouterr().out
    environment = os.environ | noise.environment(0, tmp_path)
    subprocess.run([*command, "chapter.ipynb"], env=environment, check=True)
    (report,) = noise.reports(tmp_path)
    assert report["counts"] == {
        "backward functions": 21,
        "updates": 21,
        "torch.autograd.grad": 1,
        "-=": 2,
    }


def channels(first, speaker):
    """Return a line of a .ts file: 12 channels, the first of them given."""
    steps = first.count(",") + 1
    return ":".join([first, *[",".join(["-0.5"] * steps)] * 11, speaker])


def test_the_vowels_keep_every_decimal(tmp_path):
    train = [channels("1.860936,-0.000001", "1"), channels("2,0.1,0.3", "9")]
    for name, lines in (("TRAIN", train), ("TEST", train[1:])):
        text = "@classLabel true 1 9\n@data\n" + "\n".join(lines) + "\n"
        (tmp_path / f"JapaneseVowels_{name}.ts").write_text(text, encoding="utf-8")
    done = tool("japanese_vowels.py", tmp_path, tmp_path / "v.npz")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "v.npz") as stored:
        frames = stored["train_millionths"]
        assert frames[:, 0].tolist() == [1860936, -1, 2000000, 100000, 300000]
        assert (frames[:, 1:] == -500000).all() and frames.shape == (5, 12)
        assert stored["train_lengths"].tolist() == [2, 3]
        assert stored["train_labels"].tolist() == [0, 8]
        assert np.array_equal(stored["test_millionths"], frames[2:])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (channels("0.1", "1") + ":1", "expected 12 channels of one length"),
        (channels("0.1,0.2", "1").replace("0.1,0.2", "0.1"), "expected 12 channels of one length"),
        (channels("0.1234567", "1"), "expected six decimals at most"),
    ],
)
def test_vowels_in_another_form_are_refused(line, message):
    with pytest.raises(ValueError, match=message):
        japanese_vowels.part("@data\n" + line)
    with pytest.raises(ValueError, match="after a line @data"):
        japanese_vowels.part(line)


def test_the_digits_are_images_and_labels(tmp_path):
    source = tmp_path / "digits.csv"
    source.write_text(",".join(map(str, range(65))) + "\n", encoding="utf-8")
    assert tool("digits.py", source, tmp_path / "d.npz").returncode == 0
    with np.load(tmp_path / "d.npz") as stored:
        assert stored["images"].tolist() == np.arange(64).reshape(1, 8, 8).tolist()
        assert stored["labels"].tolist() == [64]
    source.write_text("1,2\n", encoding="utf-8")
    assert "expected 65 columns, got 2" in tool("digits.py", source, tmp_path / "d.npz").stderr
