"""Run a command in plainer arithmetic: ``python tools/plain_arithmetic.py pytest ...``.

Another processor adds in another order, and so rounds otherwise. This switches off the vector
instructions that NumPy and PyTorch choose at run time and, on x86, takes the OpenBLAS kernels of
a processor of 2008. An output that depends on the last bits then shows.
"""

import json
import os
import platform
import subprocess
import sys
from typing import Any

OLD_KERNEL = "Nehalem"

# Asked of a fresh process, for all three decide when they are loaded. OpenBLAS is asked through
# the library inside NumPy's wheel; NumPy itself does not tell.
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

print(json.dumps({
    "NumPy": [name for name in core.__cpu_dispatch__ if core.__cpu_features__[name]],
    "PyTorch": torch.backends.cpu.get_cpu_capability(),
    "OpenBLAS": blas_kernel(),
}))
"""


def state(environment: dict[str, str]) -> dict[str, Any]:
    """Return what NumPy and PyTorch have switched on in a process with that environment."""
    answer = subprocess.run(
        [sys.executable, "-c", ASK],
        env=os.environ | environment,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    result: dict[str, Any] = json.loads(answer.stdout)
    return result


def plain_environment(numpy_features: list[str]) -> dict[str, str]:
    """Return the variables that switch off `numpy_features` and their like elsewhere."""
    environment = {"ATEN_CPU_CAPABILITY": "default"}
    if numpy_features:
        environment["NPY_DISABLE_CPU_FEATURES"] = " ".join(numpy_features)
    if platform.machine() == "x86_64":
        environment["OPENBLAS_CORETYPE"] = OLD_KERNEL
    return environment


def still_on(after: dict[str, Any]) -> list[str]:
    """Return what should be off and is not."""
    wanted = {"NumPy": [], "PyTorch": "DEFAULT", "OpenBLAS": OLD_KERNEL}
    if platform.machine() != "x86_64" or after["OpenBLAS"] is None:
        del wanted["OpenBLAS"]
    return [f"{name} uses {after[name]}" for name in wanted if after[name] != wanted[name]]


def main() -> None:
    """Switch off, check that it is off, and become the command."""
    before = state({})
    environment = plain_environment(before["NumPy"])
    after = state(environment)
    for name in after:
        print(f"{name}: {before[name]} -> {after[name]}")
    if still_on(after):
        sys.exit(f"The plainer arithmetic did not take effect: {', '.join(still_on(after))}")
    sys.stdout.flush()
    os.environ.update(environment)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
