"""Modules import only from the floors below theirs; the lower ones need NumPy alone."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "lstm_tutorial"

# From the basement up. A new module is entered here, on the lowest floor that holds.
FLOORS = [
    {"_check", "_experiment", "_exercise"},
    {"rnn", "lstm", "gradients", "layouts", "tasks", "tasks_1997", "grammars", "episodes"}
    | {"original", "accounting", "datasets", "ngram", "_report"},
    {"readout", "_nn_checks", "models", "training", "streaming"}
    | {"_mistakes_lstm", "_mistakes_small", "_mistakes_chapters"},
    {"cells", "variants", "relatives", "regularisers", "probes", "fewshot"}
    | {"_mistakes_lstm_back"},
    {"scans", "recipe", "trials_cell", "trials_classifying", "trials_forecasting"}
    | {"trials_language", "trials_counting", "trials_original", "trials_fewshot", "figures"}
    | {"_mistakes_lstm_time"},
    {"family", "trials_training", "trials_worth", "trials_bias", "_mistakes_rnn"},
    {"trials_relatives", "_mistakes_practice"},
    {"trials_choice"},
    {"experiments", "_explain", "train"},
    {"exercises"},
]
CHECKS = {module for floor in FLOORS for module in floor if module.startswith("_mistakes_")}
NUMPY_ALONE = FLOORS[0] | FLOORS[1] | {"readout", "_explain", "exercises"} | CHECKS
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")


def imported(module):
    """Return the modules of the package that a module imports, at its top or later."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text())):
        names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
        if isinstance(node, ast.Import):
            found |= {n.split(".")[1] for n in names if n.startswith("lstm_tutorial.")}
        elif isinstance(node, ast.ImportFrom):
            source = ("lstm_tutorial." if node.level else "") + (node.module or "")
            package, _, inner = source.rstrip(".").partition(".")
            if package == "lstm_tutorial":
                found |= {inner.split(".")[0]} if inner else set(names)
    return found & set(MODULES)


def test_every_module_has_a_floor():
    assert sorted(module for floor in FLOORS for module in floor) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_below(module):
    level = next(level for level, floor in enumerate(FLOORS) if module in floor)
    below = set().union(*FLOORS[:level])
    assert imported(module) <= below


NUMPY_ONLY = """
import sys
for name in ("torch", "matplotlib", "scipy", "statsmodels", "pandas", "tqdm", "numba"):
    sys.modules[name] = None  # importing it raises ImportError
import importlib
importlib.import_module(sys.argv[1])
"""


@pytest.mark.parametrize("module", ["", *sorted(NUMPY_ALONE)])
def test_the_lower_floors_need_numpy_alone(module):
    name = "lstm_tutorial" + (f".{module}" if module else "")
    command = [sys.executable, "-W", "error", "-c", NUMPY_ONLY, name]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


def test_other_frameworks_are_imported_where_they_are_the_subject_alone():
    root = PACKAGE.parent
    # Notebooks are searched as text: their lines stand between quotes.
    statement = re.compile(r"^[\s\"]*(?:import|from) (?:keras|onnx|onnxruntime)\b", re.M)
    folders = ("_ext", "benchmarks", "book", "lstm_tutorial", "tests", "tools")
    files = [path for folder in folders for path in (root / folder).rglob("*.*")]
    sources = {path: path.read_text() for path in files if path.suffix in {".py", ".ipynb"}}
    importing = {path.name for path, source in sources.items() if statement.search(source)}
    assert importing == {"test_layouts.py", "nn-lstm.ipynb"}
