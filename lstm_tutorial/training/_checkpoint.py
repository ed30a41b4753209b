"""A run in a file: written at one stroke, read without executing anything in it."""

import hashlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lstm_tutorial import _files

FORMAT, VERSION = "lstm_tutorial.training", 1


def digest(value: Any) -> str:
    """Return the SHA-256 of nested containers of tensors, arrays and plain values."""
    total = hashlib.sha256()
    for piece in _pieces(value):
        total.update(piece)
    return total.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, Tensor):
        yield f"{value.dtype} {tuple(value.shape)};".encode()
        yield value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype} {value.shape};".encode()
        yield value.tobytes()
    elif isinstance(value, Mapping):
        yield from _pieces([item for pair in value.items() for item in pair])
    elif isinstance(value, list | tuple):
        yield f"{len(value)} of;".encode()
        for item in value:
            yield from _pieces(item)
    elif value is None or isinstance(value, bool | int | float | str):
        yield f"{value!r};".encode()
    else:  # its repr could hold an address, which differs from run to run
        yield f"{type(value).__name__};".encode()


def save(path: Path, state: dict[str, Any]) -> None:
    """Replace the file at one stroke: at any moment there is the old one or the new one."""
    whole = {"format": FORMAT, "version": VERSION, "digest": digest(state), "state": state}
    _files.replace(path, lambda file: torch.save(whole, file))


def load(path: Path) -> dict[str, Any]:
    """Return the state in a checkpoint; nothing in the file is executed."""
    start = f"checkpoint: expected a file of {FORMAT} version {VERSION} in {path}, got"
    data = path.read_bytes()
    try:
        whole = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # what is raised depends on where the file is damaged
        raise ValueError(
            f"{start} {len(data)} bytes that are damaged or of another kind"
        ) from error
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise ValueError(f"{start} a file that something else wrote")
    if whole.get("version") != VERSION:
        raise ValueError(f"{start} version {whole.get('version')}")
    if whole.get("digest") != digest(whole.get("state")):
        raise ValueError(f"{start} contents that are damaged: their digest is another")
    return whole["state"]
