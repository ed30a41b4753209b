"""Time the package's LSTM against naive NumPy, torch.nn.LSTM and the bare matrix products.

    make bench

Each size is timed for inference and for a training step, which is forward and all gradients, on
one thread, on two, and on one with the AVX-512 kernels that OpenBLAS has but does not always pick.
The package and each of the others take turns, two by two in one process, so
that what else the machine does falls on both; what counts is the median of the ratios of the turns.
The table is printed, and stored in benchmarks/results/lstm.json with what it depends on.
"""

import ctypes
import json
import os
import platform
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from bench_rnn import processor, seconds

from lstm_tutorial import _files, lstm
from lstm_tutorial.rnn import sigmoid

SIZES = [  # B, T, D, H
    (1, 100, 1, 32),
    (1, 100, 32, 32),
    (32, 100, 32, 64),
    (32, 100, 64, 128),
    (64, 50, 128, 256),
    (16, 1000, 2, 64),
    (128, 28, 28, 128),
    (20, 35, 200, 200),
    (32, 200, 256, 512),
]
LENGTHS = (100, 200, 400, 800)  # of the sequences in the table of time per step, at batch 1
CONDITIONS = [(1, ""), (2, ""), (1, "SkylakeX")]  # threads, and the kernel forced on OpenBLAS
BUDGET = 2.0  # seconds for the turns of one pair, as far as 5 turns fit
RESULTS = Path(__file__).parent / "results" / "lstm.json"

Array = np.ndarray
Contestants = dict[str, Callable[[], object]]


def naive_forward(
    x: Array, h: Array, c: Array, W_ih: Array, W_hh: Array, b: Array
) -> tuple[Array, list[tuple[Array, ...]]]:
    """Run the layer as its equations stand, and remember all that they name."""
    hs, steps = [], []
    for x_t in x:
        i, f, g, o = np.split(x_t @ W_ih.T + h @ W_hh.T + b, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c_next = f * c + i * g
        steps.append((x_t, h, c, i, f, g, o, c_next))
        h, c = o * np.tanh(c_next), c_next
        hs.append(h)
    return np.stack(hs), steps


def naive_backward(
    dhs: Array, steps: list[tuple[Array, ...]], W_ih: Array, W_hh: Array
) -> tuple[Array, ...]:
    """Carry gradients back through `naive_forward`, a step at a time."""
    dh, dc = np.zeros_like(dhs[0]), np.zeros_like(dhs[0])
    dx, dW_ih, dW_hh, db = [], np.zeros_like(W_ih), np.zeros_like(W_hh), 0
    for dh_out, (x_t, h, c_prev, i, f, g, o, c) in zip(dhs[::-1], steps[::-1], strict=True):
        dh = dh + dh_out
        dc = dc + dh * o * (1 - np.tanh(c) ** 2)
        di, df = dc * g * i * (1 - i), dc * c_prev * f * (1 - f)
        dg, do = dc * i * (1 - g**2), dh * np.tanh(c) * o * (1 - o)
        dz = np.concatenate([di, df, dg, do], axis=1)
        dW_ih, dW_hh, db = dW_ih + dz.T @ x_t, dW_hh + dz.T @ h, db + dz.sum(axis=0)
        dx.append(dz @ W_ih)
        dh, dc = dz @ W_hh, dc * f
    return np.stack(dx[::-1]), dh, dc, dW_ih, dW_hh, db


def draw(size: tuple[int, ...], dtype: type) -> tuple[Array, Array, Array, tuple[Array, ...]]:
    """Return x, a zero state, gradients of the outputs, and weights."""
    B, T, D, H = size
    rng = np.random.default_rng(0)
    x, dhs = (rng.standard_normal((T, B, n)).astype(dtype) for n in (D, H))
    return x, np.zeros((B, H), dtype), dhs, lstm.init(D, H, rng, dtype)


def numpy_contestants(size: tuple[int, ...], dtype: type) -> tuple[Contestants, Contestants]:
    """Return inference and training step of naive NumPy and of the package."""
    x, zero, dhs, weights = draw(size, dtype)

    def naive_training() -> object:
        _, steps = naive_forward(x, zero, zero, *weights)
        return naive_backward(dhs, steps, *weights[:2])

    def training() -> object:
        return lstm.backward(dhs, lstm.forward(x, zero, zero, *weights)[2])

    inference: Contestants = {
        "naive": lambda: naive_forward(x, zero, zero, *weights),
        "package": lambda: lstm.forward(x, zero, zero, *weights),
    }
    return inference, {"naive": naive_training, "package": training}


def torch_contestants(
    size: tuple[int, ...], dtype: type
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return inference and training step of torch.nn.LSTM."""
    x, zero, dhs = map(torch.from_numpy, draw(size, dtype)[:3])
    layer = torch.nn.LSTM(size[2], size[3], dtype=x.dtype)
    states = [zero[None].clone().requires_grad_() for _ in range(2)]
    leaves = [x.requires_grad_(), *states, *layer.parameters()]

    def inference() -> object:
        with torch.no_grad():
            return layer(x, tuple(states))

    def training() -> object:
        return torch.autograd.grad(layer(x, tuple(states))[0], leaves, dhs)

    return inference, training


def floor(size: tuple[int, ...], dtype: type) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the matrix products that no implementation can do without, and nothing else.

    Only the products with W_hh have to be done step by step, each with the cheapest call.
    """
    B, T, D, H = size
    rng = np.random.default_rng(0)
    x, h, z = (rng.standard_normal((T * B, n)).astype(dtype) for n in (D, D + H, 4 * H))
    W_ih, W_hh, _ = lstm.init(D, H, rng, dtype)
    state, gates = (rng.standard_normal((n, B)).astype(dtype) for n in (H, 4 * H))
    state_out, gates_out = np.empty_like(state), np.empty_like(gates)
    z_out, x_out, W_out = np.empty_like(z), np.empty_like(x), np.empty((4 * H, D + H), dtype)

    def inference() -> None:
        np.matmul(x, W_ih.T, z_out)
        for _ in range(T):
            np.dot(W_hh, state, gates_out)

    def training() -> None:
        inference()
        for _ in range(T):
            np.dot(W_hh.T, gates, state_out)
        np.matmul(z, W_ih, x_out)
        np.matmul(z.T, h, W_out)

    return inference, training


def contestants(size: tuple[int, ...]) -> dict[str, Contestants]:
    """Return all that are timed at one size, by task: float32 unless the name says otherwise."""
    inference, training = numpy_contestants(size, np.float32)
    others = {
        "nn.LSTM": torch_contestants(size, np.float32),
        "floor": floor(size, np.float32),
        "nn.LSTM float64": torch_contestants(size, np.float64),
    }
    inference |= {name: both[0] for name, both in others.items()}
    training |= {name: both[1] for name, both in others.items()}
    double = numpy_contestants(size, np.float64)
    inference["package float64"] = double[0]["package"]
    training["package float64"] = double[1]["package"]
    return {"inference": inference, "training": training}


def take_turns(first: Callable[[], object], second: Callable[[], object]) -> list[list[float]]:
    """Return the seconds of both, turn by turn, after two turns to warm up."""
    pair = (first, second)
    warm_up = min(sum(map(seconds, pair)) for _ in range(2))
    count = min(100, max(5, int(BUDGET / warm_up)))
    return [[seconds(f) for f in pair] for _ in range(count)]


def compare(functions: Contestants) -> dict[str, dict[str, float]]:
    """Return median milliseconds of each, and median ratios of the package to the others.

    Every pair has turns of its own: a third one would empty the cache for whoever comes next,
    which costs the fastest most.
    """
    pairs = {name: ("package", name) for name in ("naive", "nn.LSTM", "floor")}
    pairs["nn.LSTM float64"] = ("package float64", "nn.LSTM float64")
    turns = {name: take_turns(*(functions[f] for f in pair)) for name, pair in pairs.items()}
    with torch.backends.mkldnn.flags(enabled=False):
        turns["nn.LSTM native"] = take_turns(functions["package"], functions["nn.LSTM"])
    ms = {name: 1e3 * statistics.median(b for _, b in pair) for name, pair in turns.items()}
    ms["package"] = 1e3 * statistics.median(a for a, _ in turns["nn.LSTM"])
    ms["package float64"] = 1e3 * statistics.median(a for a, _ in turns["nn.LSTM float64"])
    ratios = {name: statistics.median(a / b for a, b in pair) for name, pair in turns.items()}
    return {
        "ms": {name: round(value, 4) for name, value in ms.items()},
        "package over": {name: round(value, 3) for name, value in ratios.items()},
    }


def blas() -> str:
    """Return the name and version of NumPy's BLAS, and of the kernel it has chosen if it tells."""
    build = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    name = f"{build['name']} {build['version']}"
    for path in Path(np.__file__).parents[1].glob("numpy.libs/*openblas*"):
        for symbol in ("scipy_openblas_get_corename64_", "openblas_get_corename"):
            if core := getattr(ctypes.CDLL(str(path)), symbol, None):
                core.restype = ctypes.c_char_p
                return f"{name}, {core().decode()} kernel"
    return name


def surroundings() -> dict[str, str]:
    """Return what the times depend on."""
    return {
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "PyTorch": torch.__version__,
        "BLAS": blas(),
        "C library, whose allocator serves both": " ".join(platform.libc_ver()),
        "processor": processor(),
        "cores": str(os.cpu_count()),
    }


def has_avx512() -> bool:
    """Return whether Linux says so of the processor."""
    info = Path("/proc/cpuinfo")
    return info.exists() and "avx512f" in info.read_text(encoding="utf-8")


def time_per_step() -> dict[int, float]:
    """Return microseconds per step of a training step at batch 1, by length; lengths take turns."""
    training = {T: numpy_contestants((1, T, 1, 32), np.float32)[1]["package"] for T in LENGTHS}
    turns = [{T: seconds(f) / T for T, f in training.items()} for _ in range(100)][2:]
    return {T: round(1e6 * statistics.median(turn[T] for turn in turns), 3) for T in LENGTHS}


def measure(threads: int) -> dict:
    """Return all that is measured in this process: its kernel, rows by size and task, lengths."""
    torch.set_num_threads(threads)
    # switching oneDNN off and on makes PyTorch speak of hardware that is not there
    warnings.filterwarnings("ignore", "TF32 acceleration")
    rows = [
        {"size": dict(zip("BTDH", size, strict=True)), "task": task, **compare(functions)}
        for size in SIZES
        for task, functions in contestants(size).items()
    ]
    return {"threads": threads, "BLAS": blas(), "rows": rows, "us per step": time_per_step()}


def environment(threads: int) -> dict[str, str]:
    """Return this process's environment with so many threads for every library."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, str(threads))}


def measure_in_child(threads: int, kernel: str) -> dict:
    """Return `measure` of a new process, for BLAS reads its settings as it starts."""
    env = environment(threads) | ({"OPENBLAS_CORETYPE": kernel} if kernel else {})
    command = [sys.executable, __file__, str(threads)]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def print_table(part: dict) -> None:
    """Print what was measured under one condition."""
    over = list(part["rows"][0]["package over"])
    print(f"\n{part['threads']} thread(s), {part['BLAS']}")
    print("package ms, and package over", ", ".join(over))
    print("   B     T    D    H  task             ms" + "".join(f"{name:>17}" for name in over))
    for row in part["rows"]:
        B, T, D, H = row["size"].values()
        ratios = "".join(f"{row['package over'][name]:17.2f}" for name in over)
        print(f"{B:4} {T:5} {D:4} {H:4}  {row['task']:9} {row['ms']['package']:9.2f}{ratios}")
    print("microseconds per step at batch 1, by length:", part["us per step"])


def main() -> None:
    """Print and store the table; with a number of threads, print its part as JSON."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
        return
    about = surroundings()
    print("\n".join(f"{name}: {value}" for name, value in about.items()))
    parts = []
    for threads, kernel in CONDITIONS:
        if kernel and not has_avx512():
            print(f"\nNo AVX-512 here: nothing measured with the {kernel} kernel.")
            continue
        parts.append(measure_in_child(threads, kernel))
        print_table(parts[-1])
    RESULTS.parent.mkdir(exist_ok=True)
    text = json.dumps({"about": about, "parts": parts}, indent=1) + "\n"
    _files.replace_text(RESULTS, text)


if __name__ == "__main__":
    main()
