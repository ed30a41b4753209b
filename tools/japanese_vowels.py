"""Write lstm_tutorial/data/japanese_vowels.npz from the files of the package aeon.

    pip download --no-deps aeon==1.6.0 -d FOLDER
    unzip FOLDER/aeon-*.whl -d FOLDER
    python tools/japanese_vowels.py FOLDER/aeon/datasets/data/JapaneseVowels FILE

It reads JapaneseVowels_TRAIN.ts and JapaneseVowels_TEST.ts. In these, a line after ``@data`` is an
utterance: 12 channels and the speaker (1 to 9), parted by colons, a channel's values parted by
commas, with six decimals at most. It writes, for ``train`` and ``test``:

- ``_millionths`` (frames, 12), int32: all utterances one after the other, in units of 1e-6,
  which keeps the source's decimals exactly and packs better than floats;
- ``_lengths`` and ``_labels`` (utterances,), int8: frames of each, and speaker less one.
"""

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tutorial import _files

CHANNELS = 12


def utterance(line: str) -> tuple[np.ndarray, int]:
    """Return the frames of a line in millionths (T, 12), and its label from 0."""
    *channels, speaker = line.split(":")
    millionths = [[Decimal(value) * 10**6 for value in c.split(",")] for c in channels]
    if len(channels) != CHANNELS or len({len(c) for c in millionths}) != 1:
        raise ValueError(f"expected {CHANNELS} channels of one length: {line[:60]}")
    if any(value != int(value) for channel in millionths for value in channel):
        raise ValueError(f"expected six decimals at most: {line[:60]}")
    frames = [[int(value) for value in channel] for channel in millionths]
    return np.array(frames, np.int32).T, int(speaker) - 1


def part(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return frames, lengths and labels of the text of one file."""
    lines = text.partition("@data\n")[2].splitlines()
    if not lines:
        raise ValueError("expected a .ts file with data after a line @data")
    found = [utterance(line) for line in lines]
    lengths = np.array([len(frames) for frames, _ in found], np.int8)
    labels = np.array([label for _, label in found], np.int8)
    return np.concatenate([frames for frames, _ in found]), lengths, labels


def main(folder: Path, target: Path) -> None:
    """Convert both files."""
    arrays: dict[str, Any] = {}
    for name in ("train", "test"):
        text = (folder / f"JapaneseVowels_{name.upper()}.ts").read_text(encoding="ascii")
        values = part(text)
        for kind, array in zip(("millionths", "lengths", "labels"), values, strict=True):
            arrays[f"{name}_{kind}"] = array
    _files.replace(target, lambda file: np.savez_compressed(file, **arrays))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
