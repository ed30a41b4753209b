"""Run notebooks as on other processors: ``python tools/portable.py pytest --nbval … book/….ipynb``.

Another processor adds in another order, and so rounds otherwise. NumPy's OpenBLAS, NumPy itself,
PyTorch, oneDNN and MKL each choose at run time what they compute with, and let a variable decide.
Each notebook runs with one of the choices and under rounding noise (see ``noise.py``), which stands
for the processors that nobody has tried. If the notebooks are few, those that train run with all
other choices as well, each in a noise of its own. ``--all`` runs all notebooks with every choice
and those that train in more draws of the noise. A choice counts only if a fresh process confirms
it; what this processor cannot run is named.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import noise

DRAWS = 4
WORKERS = 2
# With more notebooks than this, after a change to all, each runs once: so long is the budget.
FEW = 6


class Kernel(NamedTuple):
    """What is computed with: the name that OpenBLAS has for it, and what the others call it."""

    openblas: str | None
    torch: str
    onednn: str  # the limit, and then what oneDNN says under it
    isa: str | None
    features: tuple[str, ...]  # beginnings of the names of what NumPy is to do without
    mkl: str | None = None


AVX_512 = ("AVX512", "X86_V4")
WIDE = "Intel AVX-512 with AVX512BW, AVX512VL, and AVX512DQ extensions"
X86 = [
    Kernel("Nehalem", "DEFAULT", "SSE41", "Intel SSE4.1", ("",), "COMPATIBLE"),
    Kernel("Sandybridge", "DEFAULT", "AVX", "Intel AVX", ("",)),
    Kernel("Haswell", "AVX2", "AVX2", "Intel AVX2", AVX_512),
    Kernel("Zen", "AVX2", "AVX2", "Intel AVX2", AVX_512),
    Kernel("SkylakeX", "AVX512", "AVX512_CORE", WIDE, ()),
    Kernel("SapphireRapids", "AVX512", "DEFAULT", None, ()),
]
OTHERS = [Kernel(None, "DEFAULT", "DEFAULT", None, ("",))]

# Asked of a fresh process, for all decide when they are loaded; the products show whether the
# processor can do what was decided. OpenBLAS is asked through the library inside NumPy's wheel;
# NumPy itself does not tell. oneDNN tells on standard output.
ASK = """
import ctypes, json, pathlib
import numpy
import numpy._core._multiarray_umath as core
import torch

def blas_kernel():
    for library in (pathlib.Path(numpy.__file__).parents[1] / "numpy.libs").glob("*openblas64*"):
        ask = ctypes.CDLL(str(library)).scipy_openblas_get_corename64_
        ask.restype = ctypes.c_char_p
        return ask().decode()

for dtype in ("float32", "float64"):
    x = numpy.random.default_rng(0).normal(size=(130, 70)).astype(dtype)
    x.T @ x, x @ x[0], numpy.tanh(x)
torch.nn.Linear(70, 130)(torch.randn(200, 70)).tanh()
torch.nn.LSTM(3, 16)(torch.zeros(5, 2, 3))
print(json.dumps({
    "NumPy": [name for name in core.__cpu_dispatch__ if core.__cpu_features__[name]],
    "PyTorch": torch.backends.cpu.get_cpu_capability(),
    "OpenBLAS": blas_kernel(),
}))
"""


def state(environment: dict[str, str]) -> dict[str, Any] | None:
    """Return what a process with that environment computes with; None if it breaks down."""
    answer = subprocess.run(
        [sys.executable, "-c", ASK],
        env=os.environ | environment | {"ONEDNN_VERBOSE": "1"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if answer.returncode:
        return None
    *before, last = answer.stdout.splitlines()
    isa = [line.split("isa:")[1] for line in before if "cpu,isa:" in line]
    result: dict[str, Any] = json.loads(last) | {"oneDNN": isa[0] if isa else None}
    return result


def off(kernel: Kernel, features: list[str]) -> list[str]:
    """Return which of NumPy's `features` are to be switched off."""
    return [name for name in features if name.startswith(kernel.features)]


def environment(kernel: Kernel, features: list[str]) -> dict[str, str]:
    """Return the variables that ask for `kernel` where NumPy has `features`."""
    wanted = {
        "OPENBLAS_CORETYPE": kernel.openblas,
        "ATEN_CPU_CAPABILITY": kernel.torch.lower(),
        "ONEDNN_MAX_CPU_ISA": kernel.onednn,
        "NPY_DISABLE_CPU_FEATURES": " ".join(off(kernel, features)),
        "MKL_CBWR": kernel.mkl,
    }
    return {name: value for name, value in wanted.items() if value}


def refused(kernel: Kernel, found: dict[str, Any] | None) -> list[str]:
    """Return what does not compute as `kernel` says, by what `state` found."""
    if found is None:
        return ["the processor lacks its instructions"]
    wanted = {"OpenBLAS": kernel.openblas, "PyTorch": kernel.torch, "oneDNN": kernel.isa}
    faults = [
        f"{name} uses {found[name]}"
        for name, value in wanted.items()
        if None not in (value, found[name]) and found[name] != value
    ]
    still_on = off(kernel, found["NumPy"])
    return faults + ([f"NumPy uses {', '.join(still_on)}"] if still_on else [])


def available() -> dict[str, dict[str, str]]:
    """Return the environment of each kernel that runs here, by name; say which do not."""
    now = state({})
    if now is None:
        sys.exit("NumPy and PyTorch do not run here at all.")
    print("as it comes: " + ", ".join(f"{name} {value}" for name, value in now.items()))
    kernels = X86 if platform.machine().lower() in ("x86_64", "amd64") else OTHERS
    found = {}
    for kernel in kernels:
        name, variables = kernel.openblas or "plain", environment(kernel, now["NumPy"])
        faults = refused(kernel, state(variables))
        if faults:
            print(f"left out: {name} ({', '.join(faults)})")
        else:
            found[name] = variables
    return found


class Run(NamedTuple):
    """A notebook on a kernel ("" is this processor as it comes) in a draw of the noise."""

    notebook: str
    kernel: str
    draw: int

    def __str__(self) -> str:
        return f"{self.notebook}, {self.kernel or 'as it comes'}, noise {self.draw}"


def first_runs(notebooks: list[str], kernels: list[str], thorough: bool) -> list[Run]:
    """Return the runs that find out which notebooks train."""
    if thorough:
        return [Run(notebook, kernel, 0) for kernel in [*kernels, ""] for notebook in notebooks]
    # By name, so that a notebook keeps its kernel when others come and go.
    chosen = {n: kernels[zlib.crc32(n.encode()) % len(kernels)] for n in notebooks}
    return [Run(notebook, kernel, 1) for notebook, kernel in chosen.items()]


def further_runs(first: list[Run], training: set[str], kernels: list[str]) -> list[Run]:
    """Return the runs of those that train: all other kernels for a few, or more noise for all."""
    if not first[0].draw:
        return [Run(notebook, "", draw + 1) for notebook in training for draw in range(DRAWS)]
    if len(first) > FEW:
        return []
    others = [(run, [k for k in kernels if k != run.kernel]) for run in first]
    return [
        Run(run.notebook, kernel, draw)
        for run, rest in others
        if run.notebook in training
        for draw, kernel in enumerate(rest, start=2)
    ]


def perform(run: Run, variables: dict[str, str], command: list[str]) -> tuple[bool, bool]:
    """Run the notebook; return whether it held, and whether it trains."""
    with tempfile.TemporaryDirectory(prefix="noise-") as name:
        asked = variables | noise.environment(run.draw, Path(name))
        done = subprocess.run(
            [*command, run.notebook],
            env=os.environ | asked,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        trains = any(noise.trains(report) for report in noise.reports(Path(name)))
    if done.returncode:
        shown = " ".join(f"{name}='{value}'" for name, value in variables.items())
        again = f"python tools/noise.py {run.draw} {' '.join(command)} {run.notebook}"
        print(done.stdout)
        print(f"{run}: the outputs depend on rounding. Once more: {shown} {again}", flush=True)
    else:
        print(f"{run}: {'trains' if trains else 'trains nothing'}", flush=True)
    return not done.returncode, trains


def perform_all(
    runs: list[Run], kernels: dict[str, dict[str, str]], command: list[str]
) -> tuple[bool, set[str]]:
    """Run them, two at a time; return whether all held, and which train."""
    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(lambda run: perform(run, kernels[run.kernel], command), runs))
    held = all(passed for passed, _ in results)
    return held, {run.notebook for run, (_, trains) in zip(runs, results, strict=True) if trains}


def main() -> int:
    """Run the command's notebooks as planned; return 1 if an output differed anywhere."""
    thorough = sys.argv[1] == "--all"
    arguments = sys.argv[1 + thorough :]
    notebooks = [name for name in arguments if name.endswith(".ipynb")]
    command = [word for word in arguments if word not in notebooks]
    found = available()
    kernels = found | {"": {}}
    names = list(found) or [""]
    first = first_runs(notebooks, names, thorough)
    held, training = perform_all(first, kernels, command)
    held_too, _ = perform_all(further_runs(first, training, names), kernels, command)
    return 0 if held and held_too else 1


if __name__ == "__main__":
    sys.exit(main())
