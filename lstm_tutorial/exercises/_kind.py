"""What an exercise is: how a function is called, what is right, and who reads a wrong answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tutorial.exercises._reading import Array, Reading

if TYPE_CHECKING:
    from lstm_tutorial.exercises._calls import Ask

Case = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of exercise."""

    signature: str  # how the learner's function is called and what it returns
    # The axes of each output by name, letters with a factor before them or not; "" for a number.
    outputs: Mapping[str, str]
    cases: Sequence[Case]  # arguments by name: first small, later axes of size 1, large numbers
    right: Callable[..., Any]  # takes the arguments by position and returns the outputs
    page: str  # a key of PAGES: where the whole is explained
    # Takes the learner's function and yields readings, the plainest first; by default none.
    read: Callable[["Ask"], Iterator[Reading]] = lambda ask: iter(())
    flat: Callable[[Any], Any] = lambda returned: returned  # makes nested outputs a sequence
    prepare: Callable[[Any], Any] = lambda argument: argument  # makes what the learner is given
    # Takes the function and its arguments and returns what is compared: what it returns, or what
    # is found out about it.
    ask: Callable[..., Any] = lambda fn, *arguments: fn(*arguments)
    praise: str = ""  # what is said of a right answer instead of the usual words
    any_shape: bool = False  # whether answers of a wrong shape are read, too

    def expected(self, arguments: Sequence[Any]) -> list[Array]:
        """Return the right outputs."""
        with np.errstate(all="ignore"):
            return self.arrays(self.right(*arguments))

    def arrays(self, returned: Any) -> list[Array]:
        """Return the outputs of a function that keeps to the signature, one by one."""
        one = len(self.outputs) == 1 and not isinstance(returned, tuple)
        return [np.asarray(a, float) for a in ([returned] if one else self.flat(returned))]


def draw(seed: int, shapes: Mapping[str, str], scale: float = 0.8, **sizes: int) -> dict[str, Any]:
    """Draw normal arguments; the axes of each are letters, with a factor before one or not."""
    rng = np.random.default_rng(seed)

    def size(axis: str) -> int:
        letter = axis.lstrip("0123456789")
        return sizes[letter] * int(axis.removesuffix(letter) or 1)

    return {
        name: scale * rng.normal(size=[size(axis) for axis in axes.split()])
        for name, axes in shapes.items()
    }


def regimes(seed: int, shapes: Mapping[str, str]) -> list[Case]:
    """Return a dozen sets of arguments that a right function stands.

    All sizes differ, or one axis has size 1, or input and state are as wide; numbers are small,
    or large by turns in states and gradients, and in all else; zeros come, and single precision.
    """
    letters = sorted(
        {axis.lstrip("0123456789") for axes in shapes.values() for axis in axes.split()}
    )
    usual = {"T": 4, "B": 3, "D": 2, "H": 5} | {k: 4 for k in letters if k not in "TBDH"}
    other = {"T": 3, "B": 5, "D": 4, "H": 2} | {k: 3 for k in letters if k not in "TBDH"}
    sizes = [usual, other, {**usual, "D": 5, "T": 3}]
    sizes += [{**usual, letter: 1} for letter in letters] + [dict.fromkeys(letters, 1)]
    cases: list[dict[str, Any]] = [draw(seed + k, shapes, **s) for k, s in enumerate(sizes)]
    for k, (states, cells, weights) in enumerate([(15, 100, 0.05), (0.5, 0.5, 15)]):
        by = {n: cells if n[0] in "cd" else weights if n[0] in "WUb" else states for n in shapes}
        drawn = draw(seed + 50 + k, shapes, **usual)
        cases.append({n: by[n] * a for n, a in drawn.items()})  # large cells, gates half open
    fresh = {n: 0 * a if n in ("h0", "c0", "h_prev", "c_prev") else a for n, a in cases[0].items()}
    return [*cases, fresh, in_single_precision(cases[1])]


def in_single_precision(case: Case) -> dict[str, Any]:
    """Return the case with its arrays of float64 as float32."""
    floats = {n: a for n, a in case.items() if getattr(a, "dtype", None) == np.float64}
    return {**case, **{name: a.astype(np.float32) for name, a in floats.items()}}


def as_tensor(value: Any) -> Any:
    """Return arrays, also those of a list, as PyTorch's tensors, and all else as it is."""
    import torch  # most kinds need NumPy alone

    if isinstance(value, list):
        return [as_tensor(v) for v in value]
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value
