"""With less than everything installed, a module says what it needs."""

import subprocess
import sys

import pytest

import lstm_tutorial
from lstm_tutorial import _install

WITHOUT = """
import sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
import importlib
importlib.import_module(sys.argv[2])
"""


def last_line(without, module):
    command = [sys.executable, "-W", "error", "-c", WITHOUT, without, module]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    return done.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize(
    ("without", "module", "needs"),
    [
        ("torch", "lstm_tutorial.cells", "lstm_tutorial.cells needs PyTorch"),
        ("torch", "lstm_tutorial.models", "lstm_tutorial.models needs PyTorch"),
        ("matplotlib", "lstm_tutorial.figures", "lstm_tutorial.figures needs Matplotlib"),
        ("numpy", "lstm_tutorial.rnn", "import of numpy halted; None in sys.modules"),
        ("torch,matplotlib,tqdm,statsmodels,numba", "lstm_tutorial.exercises", ""),
    ],
)
def test_a_module_says_what_to_install(without, module, needs):
    said = last_line(without, module)
    assert said.startswith(f"ModuleNotFoundError: {needs}" if needs else "")
    assert ("pip install" in said) == (needs.startswith("lstm_tutorial"))
    assert bool(said) == bool(needs)


@pytest.mark.parametrize("missing", [None, "", "json", "torchvision"])
def test_of_other_packages_nothing_is_said(missing):
    error = ModuleNotFoundError("as it was", name=missing)
    with pytest.raises(ModuleNotFoundError) as raised, _install.advised("lstm_tutorial.cells"):
        raise error
    assert raised.value is error


def test_one_advisor_answers_for_this_package_alone():
    _install.install()
    assert sys.meta_path.count(_install.Advisor) == 1
    assert _install.Advisor.find_spec("json", None) is None
    assert _install.Advisor.find_spec("lstm_tutorial.nowhere", lstm_tutorial.__path__) is None
