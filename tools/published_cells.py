"""Store the numbers of cells that others published, and compare them with the stored ones.

    pip install -r requirements-published.txt
    python tools/published_cells.py            write tests/relatives/published.npz anew
    python tools/published_cells.py --check    exit with 1 if the cells give other numbers

sLSTM and mLSTM are those of the authors of the xLSTM paper (package `xlstm`, its plain PyTorch),
minGRU and minLSTM those of Phil Wang (package `minGRU-pytorch`). What stands around the cells of
`xlstm`, norms, convolutions and maps, no relative has here, and the gates of its mLSTM see q, k and
v where ours see x. So the cells are compared, given the same pre-activations. `mlstm_kernels`,
which `xlstm` brings along under a licence that is not open source, is not imported.

A case is called by the kind of cell and what is special about it, ``mlstm/parallel/9x3x2x5x6``. It
holds what goes in, ``in0`` and so on, what comes out, ``out``, and the gradients by all that goes
in of the sum over ``out`` times cos 0, cos 1, cos 2 and so on, ``grad0`` and so on.
"""

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

STORED = Path(__file__).parents[1] / "tests/relatives/published.npz"
PACKAGES = ["xlstm", "minGRU-pytorch", "torch", "numpy"]
Case = tuple[str, list[Tensor], Callable[..., Tensor]]


def draw(*shape: int, scale: float = 1.0, seed: int = 0) -> Tensor:
    """Return normal numbers in float64 that depend on shape and seed alone."""
    rng = np.random.default_rng([seed, *shape])
    return torch.as_tensor(rng.normal(size=shape) * scale)


def from_xlstm(name: str, path: str) -> ModuleType:
    """Load a part of `xlstm` alone: all of it, where a GPU is, asks for a CUDA toolkit too."""
    package = importlib.util.find_spec("xlstm")
    (root,) = package.submodule_search_locations  # type: ignore[union-attr, misc]
    spec = importlib.util.spec_from_file_location(name, Path(root) / path)
    assert spec and spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# sLSTM: states h, c, n and m, which begin at 0. There are heads, blocks on the diagonal of W_hh.


def slstm_cases() -> Iterator[Case]:
    """Yield inputs x, W, R of every head, and b, with all states and step by step too."""
    vanilla = from_xlstm("published_slstm", "blocks/slstm/src/vanilla/__init__.py")
    cell = vanilla.slstm_pointwise_function_registry["slstm"]

    def states(x: Tensor, W: Tensor, R: Tensor, b: Tensor) -> Tensor:
        start = x.new_zeros(4, x.shape[1], R.shape[0] * R.shape[2])
        return vanilla.slstm_forward(x @ W.T, start, R, b, cell)[0][:, 1:]

    def h(*weights: Tensor) -> Tensor:
        return states(*weights)[0]

    # Without gradients: those of m and n depend on whether m is detached, as in ours; those of h do
    # not.
    @torch.no_grad()
    def hnm(*weights: Tensor) -> Tensor:
        return states(*weights)[[0, 2, 3]]

    @torch.no_grad()
    def step_by_step(x: Tensor, W: Tensor, R: Tensor, b: Tensor) -> Tensor:
        now, seen = x.new_zeros(4, x.shape[1], R.shape[0] * R.shape[2]), []
        for x_t in x:
            after, _ = vanilla.slstm_forward_step(x_t[None] @ W.T, now, R, b, cell)
            now = after[:, 0]
            seen.append(now[[0, 2, 3]])
        return torch.stack(seen, dim=1)

    def weights(T: int, B: int, D: int, H: int, heads: int, seed: int = 0) -> list[Tensor]:
        shapes = [(T, B, D), (4 * H, D), (heads, 4 * H // heads, H // heads), (4 * H,)]
        return [draw(*shape, seed=seed) for shape in shapes]

    for T, B, D, H, heads in [(1, 1, 1, 1, 1), (7, 3, 2, 5, 1), (20, 2, 3, 6, 2), (9, 2, 4, 9, 3)]:
        given, shape = weights(T, B, D, H, heads), f"{T}x{B}x{D}x{H}x{heads}"
        yield f"slstm/h/{shape}", given, h
        yield f"slstm/states/{shape}", given, hnm
        yield f"slstm/steps/{shape}", given, step_by_step
    for seed in (0, 1):
        x, W, R, b = weights(8, 3, 6, 6, 1, seed)
        yield f"layer/sLSTM/{seed}", [x, W, R[0], b], lambda x, W, U, b: h(x, W, U[None], b)
    for block, gate in enumerate("ifzo"):
        for size in (100.0, -100.0):
            x, W, R, b = weights(7, 3, 2, 5, 1)
            b[block * 5 : (block + 1) * 5] += size
            yield f"slstm/states/{gate}{size:+.0f}", [x, W, R, b], hnm


# mLSTM. The published code adds eps = 1e-6 to the normaliser, which the paper does not; here it is
# given as 0. Its recurrence begins at m = 0, ours at -inf: another m of the first steps, and the
# same output, since m cancels.


def mlstm_cases() -> Iterator[Case]:
    """Yield q, k, v and the pre-activations of i and f, for the whole sequence and by steps."""
    backends = from_xlstm("published_mlstm", "blocks/mlstm/backends.py")

    def parallel(q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor) -> Tensor:
        q, k, v = (each.permute(1, 2, 0, 3) for each in (q, k, v))  # to batch, heads, time
        i, f = (each.permute(1, 2, 0)[..., None] for each in (i, f))
        read = backends.parallel_stabilized_simple(q, k, v, i, f, eps=0.0)
        return read.permute(2, 0, 1, 3)

    def steps(q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor) -> Tensor:
        B, heads, K = q.shape[1:]
        shapes = [(K, v.shape[-1]), (K, 1), (1, 1)]
        states = [q.new_zeros(B, heads, *shape) for shape in shapes]
        shown = []
        for t in range(len(q)):
            step = [
                each[t].clone().unsqueeze(2) for each in (q, k, v)
            ]  # which it squeezes in place
            gates = [each[t][..., None, None] for each in (i, f)]
            read, states = backends.recurrent_step_stabilized_simple(
                *states, *step, *gates, eps=0.0
            )
            shown.append(read[:, :, 0])
        return torch.stack(shown)

    def inputs(T: int, B: int, heads: int, K: int, V: int) -> list[Tensor]:
        q, k = (draw(T, B, heads, K, seed=seed) for seed in (0, 10))
        i, f = (draw(T, B, heads, scale=2.0, seed=seed) for seed in (30, 40))
        return [q, k, draw(T, B, heads, V, seed=20), i, f]

    def layer(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
        z = x @ W.T + b
        i, f, rest = z[..., :2], z[..., 2:4], z[..., 4:]
        q, k, v, o = rest.unflatten(-1, (4, 2, -1)).unbind(-3)  # two heads
        return torch.sigmoid(o.flatten(-2)) * parallel(q, k, v, i, f).flatten(-2)

    for name, run in (("parallel", parallel), ("steps", steps)):
        for shape in [(1, 1, 1, 1, 1), (9, 3, 2, 5, 6), (30, 1, 1, 4, 3)]:
            yield f"mlstm/{name}/{'x'.join(map(str, shape))}", inputs(*shape), run
        for size in (6.0, -6.0, 100.0, -100.0, 800.0):  # gates wide open and shut
            q, k, v, i, f = inputs(7, 2, 1, 3, 4)
            yield f"mlstm/{name}/i{size:+.0f}", [q, k, v, i + size, f], run
            yield f"mlstm/{name}/f{size:+.0f}", [q, k, v, i, f + size], run
    H = 6
    for seed in (0, 1):
        given = [
            draw(8, 3, H, seed=seed),
            draw(4 + 4 * H, H, seed=seed),
            draw(4 + 4 * H, seed=seed),
        ]
        yield f"layer/mLSTM/{seed}", given, layer


# minGRU and minLSTM. Batch first, the rows for the candidate before those of the gates, and no
# biases: a column of ones in x stands for them. At one step they take the equations as they stand,
# at more the scan in logarithms. Their softplus is cut off at 20 by PyTorch, where a logarithm is
# wrong by up to exp(-20) = 2e-9, so pre-activations stay below that. A state to go on from is
# carried through `positive` by the published minLSTM's scan but not by its step; ours have none.


def minimal_cases() -> Iterator[Case]:
    """Yield x, W and b, in our order of blocks, i, g or i, f, g; and what stands for tanh."""
    from minGRU_pytorch.minGRU import g, log_g, minGRU
    from minGRU_pytorch.minLSTM import minLSTM

    def cell(make: Any, order: list[int]) -> Callable[..., Tensor]:
        def run(x: Tensor, W: Tensor, b: Tensor, lengths: list[int]) -> Tensor:
            D, H = x.shape[-1] + 1, len(W) // len(order)
            layer = make(D, expansion_factor=(H + 0.5) / D, proj_out=False)  # rounded down to H
            ((name, own),) = layer.named_parameters()
            rows = torch.cat([W, b[:, None]], dim=1).unflatten(0, (-1, H))[order].flatten(0, 1)
            assert own.shape == rows.shape
            x = torch.cat([x, torch.ones_like(x[..., :1])], dim=-1).transpose(0, 1)
            h, shown = None, []
            for piece in x.split(lengths, dim=1):
                part, h = torch.func.functional_call(layer, {name: rows}, (piece, h, True))
                shown.append(part)
            return torch.cat(shown, dim=1).transpose(0, 1)

        return run

    cells = {"min_gru": cell(minGRU, [1, 0]), "min_lstm": cell(minLSTM, [2, 1, 0])}
    for kind, run in cells.items():
        blocks = 2 if kind == "min_gru" else 3
        for T, B, D, H in [(2, 1, 1, 1), (9, 3, 4, 5), (40, 1, 3, 8)]:
            given = [draw(T, B, D), draw(blocks * H, D), draw(blocks * H, scale=2.0)]
            assert (given[0] @ given[1].T + given[2]).abs().max() < 20
            for how, lengths in (("whole", [T]), ("steps", [1] * T)):
                yield (
                    f"{kind}/{how}/{T}x{B}x{D}x{H}",
                    given,
                    lambda x, W, b, run=run, lengths=lengths: run(x, W, b, lengths),
                )
    for seed in (0, 1):
        H = 6
        given = [draw(8, 3, H, seed=seed), draw(3 * H, H, seed=seed), draw(3 * H, seed=seed)]
        yield f"layer/minLSTM/{seed}", given, lambda x, W, b: cells["min_lstm"](x, W, b, [1] * 8)
    given = [draw(9, 3, 4), draw(10, 4), draw(10, scale=2.0)]
    yield "min_gru/cut/9x3x4x5", given, lambda x, W, b: cells["min_gru"](x, W, b, [5, 4])
    # Not at the kink, 0, where `positive` has the slope 0 of its relu, as both logarithms have, and
    # theirs has 1.
    z = torch.arange(-19.95, 20, 0.1, dtype=torch.float64)
    yield "positive", [z], g
    yield "log_positive", [z], log_g


def numbers() -> dict[str, np.ndarray]:
    """Return what goes into the published cells and what comes out, case by case."""
    found: dict[str, np.ndarray] = {}
    for cases in (slstm_cases, mlstm_cases, minimal_cases):
        for name, inputs, run in cases():
            leaves = [each.clone().requires_grad_() for each in inputs]
            out = run(*leaves)
            found[f"{name}:out"] = out.detach().numpy()
            found |= {f"{name}:in{k}": given.numpy() for k, given in enumerate(inputs)}
            if out.requires_grad:
                weights = torch.arange(out.numel(), dtype=out.dtype).cos()  # no two count alike
                gradients = torch.autograd.grad((weights * out.flatten()).sum(), leaves)
                found |= {f"{name}:grad{k}": each.numpy() for k, each in enumerate(gradients)}
    return found


def main() -> int:
    """Write the numbers, or compare them with the stored ones."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    torch.set_num_threads(1)
    found = numbers()
    if not parser.parse_args().check:
        about = {"command": "python tools/published_cells.py"} | {p: version(p) for p in PACKAGES}
        np.savez_compressed(STORED, about=json.dumps(about), **found)  # type: ignore[arg-type]
        return 0
    with np.load(STORED) as file:
        stored = {name: file[name] for name in file.files if name != "about"}
    other = sorted(stored.keys() ^ found.keys())
    for name in stored.keys() & found.keys():
        if not np.allclose(stored[name], found[name], rtol=1e-10, atol=1e-10, equal_nan=True):
            other.append(name)
    print(
        *(f"{name}: not the stored numbers" for name in other), sep="\n", end="\n" if other else ""
    )
    print(f"{len(found) - len(other)} arrays of published cells are the stored ones")
    return bool(other)


if __name__ == "__main__":
    sys.exit(main())
