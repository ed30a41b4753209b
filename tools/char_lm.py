"""Train the small model of the chapter on language and write lstm_tutorial/data/char_lm.npz.

    python tools/char_lm.py FILE

It is the first trial of the experiment "language": 128 units, seed 0, about a minute of training.
The file holds ``alphabet``, and in float16 ``W_ih`` (4H, V), ``W_hh`` (4H, H), ``b`` (4H,), the
sum of PyTorch's two biases, ``W_hy`` (V, H) and ``b_y`` (V,); gates in the order i, f, g, o.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tutorial import _files
from lstm_tutorial.experiments.language import EXPERIMENTS, train


def main(target: Path) -> None:
    """Train and write."""
    model, _, _ = train(**EXPERIMENTS["language"].trials[0])
    learnt = model.state_dict()
    weights = {
        "W_ih": learnt["lstm.weight_ih_l0"],
        "W_hh": learnt["lstm.weight_hh_l0"],
        "b": learnt["lstm.bias_ih_l0"] + learnt["lstm.bias_hh_l0"],
        "W_hy": learnt["linear.weight"],
        "b_y": learnt["linear.bias"],
    }
    arrays: dict[str, Any] = {name: w.numpy().astype(np.float16) for name, w in weights.items()}
    arrays["alphabet"] = np.array(model.alphabet)
    _files.replace(target, lambda file: np.savez_compressed(file, **arrays))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="where to write it")
    main(parser.parse_args().file)
