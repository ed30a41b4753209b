"""Write lstm_tutorial/data/digits.npz from the file of the package scikit-learn.

    pip download --no-deps scikit-learn==1.9.1 -d FOLDER
    unzip FOLDER/scikit_learn-*.whl -d FOLDER
    python tools/digits.py FOLDER/sklearn/datasets/data/digits.csv.gz FILE

A line of it holds the 64 grey levels of an image, row after row, and the digit, parted by commas.
It writes ``images`` (N, 8, 8) and ``labels`` (N,), both int8.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tutorial import _files


def main(source: Path, target: Path) -> None:
    """Convert the file."""
    table = np.loadtxt(source, delimiter=",", dtype=np.int8, ndmin=2)
    if table.shape[1] != 65:
        raise ValueError(f"{source}: expected 65 columns, got {table.shape[1]}")
    arrays: dict[str, Any] = {"images": table[:, :-1].reshape(-1, 8, 8), "labels": table[:, -1]}
    _files.replace(target, lambda file: np.savez_compressed(file, **arrays))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
