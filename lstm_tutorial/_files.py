"""Files that are replaced at one stroke."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def replace(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file so that at any moment there is the old one or the new one, whole.

    Parameters
    ----------
    path : Path
    write : callable
        Writes the contents into the open file that it is given. Where it fails, the old file
        stays as it is.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())  # on the disk before the name points to it
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def replace_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, as `replace` does."""
    replace(path, lambda file: file.write(text.encode("utf-8")))
