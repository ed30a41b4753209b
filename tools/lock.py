"""Print constraints.txt: the exact version of everything that .venv holds.

Left out are this package itself, what only a CUDA build of PyTorch brings, and local versions
such as ``+cpu``, so that one file serves every build of PyTorch.
"""

import re
import subprocess
import sys

HEADER = (
    "# Exact versions of everything that requirements.txt brings along "
    "(make lock writes this file)."
)
CUDA_ONLY = re.compile(r"(nvidia|triton|cuda)", re.IGNORECASE)


def locked(frozen: str) -> list[str]:
    """Return the lines of ``pip freeze`` that the lock file keeps, local versions cut off."""
    lines = [re.sub(r"\+[\w.]+$", "", line) for line in frozen.splitlines()]
    return [line for line in lines if "==" in line and not CUDA_ONLY.match(line)]


def main() -> None:
    """Print the lock file."""
    freeze = [sys.executable, "-m", "pip", "freeze", "--exclude-editable"]
    frozen = subprocess.run(freeze, check=True, text=True, stdout=subprocess.PIPE).stdout
    print("\n".join([HEADER, *locked(frozen)]))


if __name__ == "__main__":
    main()
