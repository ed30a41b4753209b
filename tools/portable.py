"""Run notebooks as on other processors: ``python tools/portable.py pytest --nbval … book/….ipynb``.

Another processor adds in another order, and so rounds otherwise. NumPy's OpenBLAS, NumPy itself,
PyTorch, oneDNN and MKL each choose at run time what they compute with, and let a variable decide.
The notebooks run with the oldest of the choices and once more, if they train, with the newest, both
under rounding noise (see ``noise.py``), which stands for the processors that nobody has tried.
``--all`` runs all notebooks with every choice, and those that train in more draws of the noise. A
choice counts only if a fresh process confirms it; what this processor cannot run is named.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import noise

DRAWS = 4


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
    """Notebooks, all or only those that train, on a kernel ("" is this one) in a draw of noise."""

    kernel: str
    draw: int
    all_notebooks: bool


def plan(kernels: list[str], thorough: bool) -> list[Run]:
    """Return the runs; the first one covers all notebooks and finds out which of them train."""
    if thorough:
        draws = [Run("", draw, False) for draw in range(1, DRAWS + 1)]
        return [Run(kernel, 0, True) for kernel in [*kernels, ""]] + draws
    ends = kernels[:1] or [""], kernels[1:][-1:] or [""]
    return [Run(ends[0][0], 1, True), Run(ends[1][0], 2, False)]


def perform(
    run: Run, variables: dict[str, str], command: list[str], notebooks: list[str]
) -> tuple[bool, set[str]]:
    """Run the notebooks; return whether all held, and which of them train."""
    shown = " ".join(f"{name}='{value}'" for name, value in variables.items())
    print(f"\n{run.kernel or 'this processor'}, noise {run.draw}, {len(notebooks)} notebooks")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="noise-") as name:
        asked = variables | noise.environment(run.draw, Path(name))
        done = subprocess.run([*command, *notebooks], env=os.environ | asked)
        training = {r["notebook"] for r in noise.reports(Path(name)) if noise.trains(r)}
    if done.returncode:
        again = f"{shown} python tools/noise.py {run.draw} {' '.join(command)}".strip()
        print(f"The outputs depend on rounding. Once more: {again}")
    return not done.returncode, training


def main() -> int:
    """Run the command's notebooks as planned; return 1 if an output differed anywhere."""
    thorough = sys.argv[1] == "--all"
    arguments = sys.argv[1 + thorough :]
    notebooks = [name for name in arguments if name.endswith(".ipynb")]
    command = [word for word in arguments if word not in notebooks]
    kernels = available() | {"": {}}
    held, training = [], set(notebooks)
    for run in plan([name for name in kernels if name], thorough):
        chosen = notebooks if run.all_notebooks else [n for n in notebooks if n in training]
        if chosen:
            passed, found = perform(run, kernels[run.kernel], command, chosen)
            held.append(passed)
            training = found if run.all_notebooks else training
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
