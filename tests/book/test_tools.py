"""The tools refuse what they should refuse, and change nothing that they should not."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

TOOLS = Path(__file__).parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
import cpu_index  # noqa: E402
import japanese_vowels  # noqa: E402
import plain_arithmetic  # noqa: E402
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


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ({"NumPy": ["AVX2"], "PyTorch": "DEFAULT", "OpenBLAS": None}, "NumPy uses ['AVX2']"),
        ({"NumPy": [], "PyTorch": "AVX2", "OpenBLAS": None}, "PyTorch uses AVX2"),
    ],
)
def test_plain_arithmetic_says_what_is_still_on(state, fault):
    assert plain_arithmetic.still_on(state) == [fault]


def test_plain_arithmetic_takes_effect():
    before = plain_arithmetic.state({})
    environment = plain_arithmetic.plain_environment(before["NumPy"])
    assert plain_arithmetic.still_on(plain_arithmetic.state(environment)) == []


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
