"""Time the package's recurrent network, forward and backward, against torch.nn.RNN.

    make bench

Both run on one thread, in float32 and float64, in turn, so that what else the machine does
falls on both. The table gives the median time of each and the median of the ratios of the pairs.
"""

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from lstm_tutorial import rnn

SIZES = [(20, 1, 4, 16), (50, 16, 8, 32), (100, 32, 32, 128)]  # T, B, D, H
PAIRS = 15


def numpy_step(x: np.ndarray, hidden_size: int) -> Callable[[], object]:
    """Return a function that runs the package forward and backward over `x`."""
    _, batch, features = x.shape
    weights = rnn.init(features, hidden_size, np.random.default_rng(0), dtype=x.dtype.type)
    h0 = np.zeros((batch, hidden_size), x.dtype)

    def step() -> object:
        hs, _, tape = rnn.forward(x, h0, *weights)
        return rnn.backward(np.ones_like(hs), tape)

    return step


def torch_step(x: np.ndarray, hidden_size: int) -> Callable[[], object]:
    """Return a function that runs torch.nn.RNN forward and backward over `x`."""
    inputs = torch.from_numpy(x).requires_grad_()
    layer = torch.nn.RNN(x.shape[2], hidden_size, dtype=inputs.dtype)

    def step() -> object:
        outputs, _ = layer(inputs)
        return torch.autograd.grad(outputs.sum(), [inputs, *layer.parameters()])

    return step


def seconds(step: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def compare(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float, float]:
    """Return the median seconds of both and the median ratio, after one call to warm up."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(PAIRS)]
    mine, other = map(statistics.median, zip(*pairs, strict=True))
    return mine, other, statistics.median(a / b for a, b in pairs)


def processor() -> str:
    """Return the name of the processor, as far as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    versions = {"Python": platform.python_version(), "NumPy": np.__version__}
    versions["PyTorch"] = torch.__version__
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    print(f"{processor()}, one thread, medians of {PAIRS} pairs, forward and backward\n")
    print("   T    B    D    H  type      NumPy ms  torch ms  ratio")
    for steps, batch, features, hidden in SIZES:
        for dtype in (np.float32, np.float64):
            x = np.random.default_rng(1).standard_normal((steps, batch, features)).astype(dtype)
            mine, other, ratio = compare(numpy_step(x, hidden), torch_step(x, hidden))
            size = f"{steps:4} {batch:4} {features:4} {hidden:4}  {x.dtype.name:8}"
            print(f"{size} {mine * 1e3:9.2f} {other * 1e3:9.2f} {ratio:6.2f}")


if __name__ == "__main__":
    main()
