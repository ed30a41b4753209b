"""What needs NumPy alone, and where other frameworks are imported.

Which module may import which is written in pyproject.toml and checked by lint-imports.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "lstm_tutorial"
NUMPY_ALONE = [
    *[
        "",
        "_check",
        "_files",
        "rnn",
        "lstm",
        "gradients",
        "layouts",
        "tasks",
        "datasets",
        "baselines",
    ],
    *["network", "original", "original.tasks", "original.grammars", "fewshot.episodes"],
    *["_engine", "accounting", "exercises", "results", "experiments"],
    *["experiments.vanishing", "experiments.flow", "experiments.again", "experiments._command"],
]

NUMPY_ONLY = """
import sys
for name in ("torch", "matplotlib", "scipy", "statsmodels", "pandas", "tqdm", "numba"):
    sys.modules[name] = None  # importing it raises ImportError
import importlib
importlib.import_module(sys.argv[1])
"""


@pytest.mark.parametrize("module", NUMPY_ALONE)
def test_the_lower_floors_need_numpy_alone(module):
    name = "lstm_tutorial" + (f".{module}" if module else "")
    command = [sys.executable, "-W", "error", "-c", NUMPY_ONLY, name]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = sys.modules["tqdm"] = None
from lstm_tutorial import results
"""


@pytest.mark.parametrize("chapter", ["1-problem/vanishing", "2-cell/gates-gru", "2-cell/flow"])
def test_a_numpy_chapter_reads_its_stored_results_without_pytorch(chapter):
    path = PACKAGE.parent / "book" / f"{chapter}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    loads = re.findall(r"results\.load\([^)]*\)", "\n".join(code))
    assert loads
    command = [sys.executable, "-c", "\n".join([WITHOUT_TORCH, code[0], *loads])]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


def test_other_frameworks_are_imported_where_they_are_the_subject_alone():
    root = PACKAGE.parent
    # Notebooks are searched as text: their lines stand between quotes.
    statement = re.compile(r"^[\s\"]*(?:import|from) (?:keras|onnx|onnxruntime)\b", re.M)
    folders = ("_ext", "benchmarks", "book", "lstm_tutorial", "tests", "tools")
    files = [path for folder in folders for path in (root / folder).rglob("*.*")]
    sources = {
        path: path.read_text(encoding="utf-8") for path in files if path.suffix in {".py", ".ipynb"}
    }
    importing = {path.name for path, source in sources.items() if statement.search(source)}
    assert importing == {"test_layouts.py", "nn-lstm.ipynb", "ways.py"}
