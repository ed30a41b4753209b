"""Run a command under rounding noise: ``python tools/noise.py 3 pytest --nbval book/…``.

A processor that nobody has tried yet rounds in its own way. In every notebook that the command
runs, this multiplies every gradient of every update by 1 + 2e-16·N(0, 1), which is about the last
bit of a float64, and in lower precisions the same share of their last bit. What changes an output
or an assert claims more than arithmetic can promise. The number names the draw; draw 0 only counts.

What is shaken: the results of the backward functions of `rnn` and `lstm` and of
`torch.autograd.grad`, the gradients that reach an optimiser of `network` or of PyTorch, the steps
of `original.learn`, and what a cell subtracts with ``-=``. The noise is a function of the gradient,
so two equal computations stay equal. Out of reach are weights that a cell moves in another way,
fits inside SciPy, scikit-learn and statsmodels, and processes that a notebook starts.
"""

import ast
import builtins
import functools
import importlib
import importlib.machinery
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np

LAST_BITS = 2e-16 / np.finfo(np.float64).eps
DRAW, REPORTS = "ROUNDING_NOISE", "ROUNDING_NOISE_REPORTS"
BACKWARD = ("backward", "backward_plain", "step_backward")
# Fewer updates than this are an example of one, not a training run.
TRAINING = 20

# A chapter may put a function of its own here, to count what is asked of NumPy.
EMPTY = np.empty

counts: Counter[str] = Counter()
draw = 0


# In the kernel


def shaken(value: Any) -> Any:
    """Return `value`, which is a float, an array or a tuple or list of them, with noise on it."""
    if isinstance(value, float):
        return type(value)(shaken(np.asarray(value)))
    if type(value) is np.ndarray and value.dtype.kind == "f":  # a subclass may count its operations
        return _with_noise([value])[0] if draw else value
    if type(value) in (tuple, list):
        return type(value)(map(shaken, value))
    return value


def _with_noise(arrays: list[np.ndarray]) -> list[np.ndarray]:
    rng = _generator(arrays)
    return [a * _factor(rng, a.shape, np.finfo(a.dtype).eps).astype(a.dtype) for a in arrays]


def _generator(arrays: Sequence[np.ndarray]) -> np.random.Generator:
    """Return the source of noise that belongs to these gradients in this draw."""
    seed = 0
    for array in arrays:
        seed = zlib.crc32(array.tobytes(), seed)
    return np.random.Generator(np.random.SFC64([draw, seed]))


def _factor(rng: np.random.Generator, shape: tuple[int, ...], eps: float) -> np.ndarray:
    with mock.patch.object(np, "empty", EMPTY):
        normal = rng.standard_normal(shape)
    return 1 + LAST_BITS * float(eps) * normal


def shaken_tensors(tensors: Sequence[Any]) -> list[Any]:
    """Return tensors with noise; what is no plain floating-point tensor comes back as it is."""
    import torch  # the NumPy chapters do without

    def plain(tensor: Any) -> bool:
        return (
            isinstance(tensor, torch.Tensor)
            and tensor.is_floating_point()
            and tensor.layout == torch.strided
            and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        )

    chosen = [t for t in tensors if plain(t)]
    if not draw or not chosen:
        return list(tensors)
    rng = _generator([t.detach().cpu().double().numpy() for t in chosen])

    def noisy(t: Any) -> Any:
        factor = torch.from_numpy(np.asarray(_factor(rng, t.shape, torch.finfo(t.dtype).eps)))
        return t * factor.to(t)

    return [noisy(t) if plain(t) else t for t in tensors]


def _wrap(owner: Any, name: str, seam: str, around: Callable[..., Any]) -> None:
    """Let `owner.name` be called by `around`, and count the calls."""
    inner = getattr(owner, name)

    @functools.wraps(inner)
    def outer(*args: Any, **kwargs: Any) -> Any:
        counts[seam] += 1
        return around(inner, *args, **kwargs)

    setattr(owner, name, outer)


def _shake_result(inner: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return shaken(inner(*args, **kwargs))


def _shake_backward(module: ModuleType) -> None:
    for name in BACKWARD:
        if hasattr(module, name):
            _wrap(module, name, "backward functions", _shake_result)


def _shake_network(module: ModuleType) -> None:
    def sgd(inner: Any, params: Any, grads: Any, *args: Any, **kwargs: Any) -> Any:
        return inner(params, shaken(grads), *args, **kwargs)

    def adam(inner: Any, self: Any, params: Any, grads: Any, *args: Any, **kwargs: Any) -> Any:
        return inner(self, params, shaken(grads), *args, **kwargs)

    _wrap(module, "sgd", "updates", sgd)
    _wrap(module.Adam, "__call__", "updates", adam)


def _shake_original(module: ModuleType) -> None:
    def learn(inner: Any, network: Any, weights: Any, *args: Any, **kwargs: Any) -> Any:
        both = weights.W, weights.V
        before = [w.copy() for w in both]
        result = inner(network, weights, *args, **kwargs)
        if draw:
            for old, new in zip(before, both, strict=True):
                new[:] = old + shaken(new - old)
        return result

    _wrap(module, "learn", "updates", learn)


def _shake_torch(torch: Any) -> None:
    def grad(inner: Any, *args: Any, **kwargs: Any) -> Any:
        return tuple(shaken_tensors(inner(*args, **kwargs)))

    def before_step(optimizer: Any, args: Any, kwargs: Any) -> None:
        counts["updates"] += 1
        weights = [w for group in optimizer.param_groups for w in group["params"]]
        weights = [w for w in weights if w.grad is not None]
        for weight, noisy in zip(weights, shaken_tensors([w.grad for w in weights]), strict=True):
            weight.grad = noisy

    _wrap(torch.autograd, "grad", "torch.autograd.grad", grad)
    # torch.optim hides the module of this name.
    optimizers = importlib.import_module("torch.optim.optimizer")
    optimizers.register_optimizer_step_pre_hook(before_step)


SEAMS: dict[str, Callable[[ModuleType], None]] = {
    "lstm_tutorial.rnn": _shake_backward,
    "lstm_tutorial.lstm": _shake_backward,
    "lstm_tutorial.network": _shake_network,
    "lstm_tutorial.original.network": _shake_original,
    "torch": _shake_torch,
}


class AfterImport(MetaPathFinder):
    """Change the modules of `SEAMS` as soon as they are loaded, before anyone takes names out."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find the module as the others do, and let its loader change it."""
        if name not in SEAMS:
            return None
        found = (f.find_spec(name, path, target) for f in sys.meta_path if f is not self)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                SEAMS[name](module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


class Descent(ast.NodeTransformer):
    """Put noise on what a cell subtracts in place, as in ``w -= 0.1 * slope(w)``."""

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AugAssign:
        """Let ``a -= b`` become ``a -= noise(b)``."""
        if isinstance(node.op, ast.Sub):
            node.value = ast.copy_location(
                ast.Call(ast.Name("_rounding_noise", ast.Load()), [node.value], []), node.value
            )
            ast.fix_missing_locations(node)
        return node


def _shaken_step(value: Any) -> Any:
    counts["-="] += 1
    return shaken(value)


def install(shell: Any) -> None:
    """Prepare the kernel of a notebook; `shell` is its IPython."""
    global draw
    draw = int(os.environ[DRAW])
    sys.meta_path.insert(0, AfterImport())
    builtins._rounding_noise = _shaken_step  # type: ignore[attr-defined]
    shell.ast_transformers.append(Descent())
    if REPORTS in os.environ:
        shell.events.register("post_run_cell", lambda result: _report())


def _report() -> None:
    """Write down what has been shaken so far; a later cell writes again."""
    # pytest leaves here which notebook it was about to test when it started the kernel.
    notebook = os.environ.get("PYTEST_CURRENT_TEST", "").split("::")[0]
    found = {"notebook": notebook, "counts": counts, "seconds": time.process_time()}
    path = Path(os.environ[REPORTS]) / f"{os.getpid()}.json"
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(found), encoding="utf-8")
    draft.replace(path)


# Around the kernel


def environment(number: int, folder: Path) -> dict[str, str]:
    """Return the variables under which every kernel shakes its gradients, by draw `number`.

    `folder` holds what the kernels read, and `reports` reads from it what they found.
    """
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    lines = [
        "import sys",
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})",
        "import noise",
        "sys.path.pop(0)",
        "noise.install(get_ipython())",
        "del noise, sys",
    ]
    (startup / "noise.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "reports").mkdir(exist_ok=True)
    return {
        "IPYTHONDIR": str(folder / "ipython"),
        DRAW: str(number),
        REPORTS: str(folder / "reports"),
    }


def reports(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield for each kernel its notebook, how often what was shaken, and its seconds."""
    for path in sorted((folder / "reports").glob("*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def trains(report: dict[str, Any]) -> bool:
    """Tell whether so much was shaken that the notebook trains a network."""
    return sum(report["counts"].values()) >= TRAINING


def main() -> int:
    """Run the command in one draw, and print what was shaken in which notebook."""
    number, *command = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="noise-") as name:
        folder = Path(name)
        done = subprocess.run(command, env=os.environ | environment(int(number), folder))
        for report in sorted(reports(folder), key=lambda report: report["notebook"]):
            what = ", ".join(f"{name} {count}" for name, count in report["counts"].items())
            print(f"{report['notebook']}: {what or 'nothing shaken'} ({report['seconds']:.1f} s)")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
