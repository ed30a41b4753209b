"""Time the LSTM from scratch in PyTorch against torch.nn.LSTM, a naive loop, and NumPy inside.

    make bench

Sizes, turns and surroundings are those of bench_lstm.py: inference and a training step, which is
forward and all gradients, in float32 and on one thread. Each implementation takes turns with
torch.nn.LSTM, two by two in one process; what counts is the median of the ratios of the turns. The
table is printed, and stored in benchmarks/results/cells.json. Numbers on the command line choose
sizes, from 0; then nothing is stored.
"""

import json
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from bench_lstm import SIZES, draw, environment, surroundings, take_turns
from torch import Tensor

from lstm_tutorial import _files, cells

RESULTS = Path(__file__).parent / "results" / "cells.json"

Layer = Callable[..., tuple[Tensor, ...]]


def naive(x: Tensor, h: Tensor, c: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
    """Run the layer as its equations stand, with both products in every step."""
    W_ih, W_hh, b_ih, b_hh = weights
    hs = []
    for x_t in x:
        i, f, g, o = (x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
    return torch.stack(hs), h, c


def recorded(x: Tensor, h: Tensor, c: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
    """Run `cells.run`: the input's product before the loop, every step recorded by autograd."""
    T, B, D = x.shape
    hs, h, c = cells.run(x.reshape(T * B, D), h, c, cells.Weights(*weights), [B] * T)
    return hs.view(T, B, -1), h, c


def contestants(size: tuple[int, ...]) -> dict[str, tuple[Layer, list[Tensor]]]:
    """Return each implementation and the leaves that it is called with, all of equal values."""
    x, zero, _, (W_ih, W_hh, b) = draw(size, np.float32)
    weights = [torch.from_numpy(a) for a in (W_ih, W_hh, b, 0 * b)]
    states = [torch.from_numpy(zero.copy()) for _ in range(2)]
    theirs, ours = torch.nn.LSTM(*size[2:]), cells.LSTM(*size[2:])
    theirs.load_state_dict(dict(zip(theirs.state_dict(), weights, strict=True)))
    ours.load_state_dict(theirs.state_dict())

    def module(layer: torch.nn.Module) -> tuple[Layer, list[Tensor]]:
        def call(x: Tensor, h: Tensor, c: Tensor, *_: Tensor) -> tuple[Tensor, ...]:
            output, ends = layer(x, (h[None], c[None]))
            return output, *ends

        return call, [*inputs, *layer.parameters()]

    inputs = [t.requires_grad_() for t in (torch.from_numpy(x), *states)]
    leaves = [*inputs, *(w.requires_grad_() for w in weights)]
    functions = {"naive": naive, "recorded": recorded, "numpy_layer": cells.numpy_layer}
    return {
        "nn.LSTM": module(theirs),
        "cells.LSTM": module(ours),
        **{name: (function, leaves) for name, function in functions.items()},
    }


def inference(layer: Layer, leaves: list[Tensor]) -> Callable[[], object]:
    """Return the function to time."""

    def run() -> object:
        with torch.no_grad():
            return layer(*leaves)

    return run


def training(layer: Layer, leaves: list[Tensor]) -> Callable[[], object]:
    """Return the function to time: outputs, then gradients of all leaves."""
    T, B, H = len(leaves[0]), *leaves[1].shape
    dhs = torch.randn(T, B, H)
    return lambda: torch.autograd.grad(layer(*leaves)[0], leaves, dhs)


def compare(size: tuple[int, ...], task: Callable[..., Callable[[], object]]) -> dict:
    """Return median milliseconds, and median ratios to nn.LSTM, of all at one size."""
    functions = {name: task(*contestant) for name, contestant in contestants(size).items()}
    base = functions.pop("nn.LSTM")
    turns = {name: take_turns(function, base) for name, function in functions.items()}
    ms = {name: statistics.median(a for a, _ in pair) for name, pair in turns.items()}
    ms["nn.LSTM"] = statistics.median(b for _, b in turns["cells.LSTM"])
    over = {name: statistics.median(a / b for a, b in pair) for name, pair in turns.items()}
    return {
        "size": dict(zip("BTDH", size, strict=True)),
        "task": task.__name__,
        "ms": {name: round(1e3 * seconds, 4) for name, seconds in ms.items()},
        "over nn.LSTM": {name: round(ratio, 3) for name, ratio in over.items()},
    }


def main() -> None:
    """Print the table row by row; store it when it is whole."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # BLAS has read it already: start anew
        os.execve(sys.executable, [sys.executable, *sys.argv], environment(1))
    torch.set_num_threads(1)
    about = surroundings()
    print("\n".join(f"{name}: {value}" for name, value in about.items()))
    chosen = [SIZES[int(k)] for k in sys.argv[1:]] or SIZES
    print("\nmilliseconds of torch.nn.LSTM, and how many times as long the others take")
    rows = []
    for size in chosen:
        for task in (inference, training):
            row = compare(size, task)
            rows.append(row)
            ratios = "".join(
                f"  {name} {ratio:6.2f}" for name, ratio in row["over nn.LSTM"].items()
            )
            print(f"{size!s:20} {row['task']:9} {row['ms']['nn.LSTM']:9.2f}{ratios}", flush=True)
    if chosen is SIZES:
        RESULTS.parent.mkdir(exist_ok=True)
        text = json.dumps({"about": about, "rows": rows}, indent=1) + "\n"
        _files.replace_text(RESULTS, text)


if __name__ == "__main__":
    main()
