"""Start the kernels of tested notebooks over socket files.

Two workers start kernels at the same moment. Over TCP each picks its ports
before it opens them, and about one start in a hundred finds a port taken by
the other's kernel and dies.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import nbval.kernel
from jupyter_client.manager import KernelManager

# A short path, for that of a socket has a limit.
sockets = tempfile.TemporaryDirectory(prefix="kernels-")


def over_files(**settings: Any) -> KernelManager:
    """Return nbval's kernel manager, with sockets in place of ports."""
    address = str(Path(tempfile.mkdtemp(dir=sockets.name)) / "kernel")
    return KernelManager(transport="ipc", ip=address, **settings)


if sys.platform != "win32":  # where ZeroMQ has no socket files
    nbval.kernel.KernelManager = over_files
