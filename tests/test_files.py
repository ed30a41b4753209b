"""Text files are opened with their encoding, and replaced at one stroke."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from lstm_tutorial import _files

ROOT = Path(__file__).parent.parent
FOLDERS = ("_ext", "benchmarks", "book", "lstm_tutorial", "tests", "tools")


def sources():
    """Yield name and code of every Python file and of every notebook's cells."""
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*")):
        if path.suffix == ".py":
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
        elif path.suffix == ".ipynb" and ".ipynb_checkpoints" not in path.parts:
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                if cell["cell_type"] == "code" and not cell["source"][0].startswith(("%", "!")):
                    yield path.relative_to(ROOT), "".join(cell["source"])


def opened_without_encoding(source):
    """Return the lines that open a text and leave its encoding to the machine."""
    lines = []
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or any(
            k.arg in ("encoding", None) for k in call.keywords
        ):
            continue
        if ast.unparse(call.func) == "streams.open":  # of clients, whose names may look like modes
            continue
        name = getattr(call.func, "id", None) or getattr(call.func, "attr", None)
        # Of methods called open, those that get a mode first, as that of a path does, open a file.
        place = 1 if isinstance(call.func, ast.Name) else 0
        mode = (
            call.args[place].value
            if call.args[place:] and isinstance(call.args[place], ast.Constant)
            else None
        )
        text = not (isinstance(mode, str) and "b" in mode)
        is_mode = isinstance(mode, str) and set(mode) <= set("rwaxbt+")
        whole = {"read_text": 1, "write_text": 2}  # with the encoding as the last argument
        if (name in whole and len(call.args) < whole[name]) or (
            name == "open" and text and (isinstance(call.func, ast.Name) or is_mode)
        ):
            lines.append(call.lineno)
    return lines


@pytest.mark.parametrize(
    "line, found",
    [
        ("open(path)", True),
        ("open(path, 'w')", True),
        ("open(path, 'rb')", False),
        ("open(path, encoding='utf-8')", False),
        ("path.open('w')", True),
        ("path.open('wb')", False),
        ("streams.open(client)", False),
        ("path.read_text()", True),
        ("path.write_text('a', encoding='ascii')", False),
        ("path.write_text('a')", True),
        ("path.read_text('ascii')", False),
    ],
)
def test_the_search_finds_what_it_looks_for(line, found):
    assert opened_without_encoding(line) == [1] * found


def test_every_text_is_opened_with_its_encoding():
    found = {
        f"{name}: {source.splitlines()[line - 1].strip()}"
        for name, source in sources()
        for line in opened_without_encoding(source)
    }
    assert not found


def test_python_agrees_when_it_imports_and_reads_the_data():
    script = (
        "from lstm_tutorial import datasets, experiments, figures, models, original, tasks, train\n"
        "datasets.japanese_vowels(), datasets.digits(), models.trained_char_lm()\n"
    )
    command = [sys.executable, "-X", "warn_default_encoding", "-W", "always", "-c", script]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    warned = [line for line in done.stderr.splitlines() if "EncodingWarning" in line]
    assert not [line for line in warned if "lstm_tutorial" in line]


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.txt"
    _files.replace_text(path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()
    _files.replace_text(path, "b\n")
    assert path.read_bytes() == b"b\n" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"new")
        raise error

    with pytest.raises(error):
        _files.replace(path, write)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
