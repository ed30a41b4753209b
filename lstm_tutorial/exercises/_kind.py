"""What an exercise is: how a function is called, what is right, and who reads a wrong answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tutorial.exercises._reading import Array, Reading

if TYPE_CHECKING:
    from lstm_tutorial.exercises._calls import Ask

Case = Mapping[str, Any]


def unread(ask: "Ask") -> Iterator[Reading]:
    """Read nothing: the report then holds what was measured."""
    return iter(())


def called(fn: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns."""
    return fn(*arguments)


@dataclass(frozen=True)
class Kind:
    """One kind of exercise.

    Attributes
    ----------
    signature : str
        How the learner's function is called and what it returns.
    outputs : dict
        The axes of each output by name, letters with a factor before them or not; "" for a number.
    cases : sequence of dict
        Arguments by name. The first are small; among them are axes of size 1, and large numbers.
    right : callable
        Takes the arguments by position and returns the outputs.
    page : str
        A key of `PAGES`: where the whole is explained.
    read : callable
        Takes the learner's function as an `Ask`, and yields readings, the plainest first.
    flat : callable
        Turns what was returned into a flat sequence of outputs, where it may be nested.
    prepare : callable
        Turns an argument, a copy, into what the learner is given.
    ask : callable
        Takes the learner's function and its arguments and returns what is compared: what the
        function returns, or what is found out about it.
    praise : str
        What is said of a right answer; empty for the usual words.
    """

    signature: str
    outputs: Mapping[str, str]
    cases: Sequence[Case]
    right: Callable[..., Any]
    page: str
    read: Callable[["Ask"], Iterator[Reading]] = unread
    flat: Callable[[Any], Any] = lambda returned: returned
    prepare: Callable[[Any], Any] = lambda argument: argument
    ask: Callable[..., Any] = called
    praise: str = ""

    def expected(self, arguments: Sequence[Any]) -> list[Array]:
        """Return the right outputs."""
        with np.errstate(all="ignore"):
            returned = self.right(*arguments)
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
        cases.append(
            {n: by[n] * a for n, a in drawn.items()}
        )  # gates stay open where cells are large
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
