"""What an exercise is: a right answer that can be broken on purpose, by named mistakes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray
Mistakes = frozenset[str]

PAGES = {
    "sequences": ("book/1-problem/sequences", "Sequences and the recurrent network"),
    "backpropagation": ("book/1-problem/backpropagation", "Backpropagation through time"),
    "clipping": ("book/1-problem/clipping", "Clipping"),
    "gates": ("book/2-cell/gates", "The gates"),
    "state": ("book/2-cell/state", "The cell state"),
    "flow": ("book/2-cell/flow", "The gradient's way through the cell"),
    "numpy": ("book/3-scratch/numpy", "The LSTM in NumPy"),
    "pytorch": ("book/3-scratch/pytorch", "The LSTM in PyTorch"),
    "same": ("book/3-scratch/same", "The same as nn.LSTM"),
    "vanishing": ("book/1-problem/vanishing", "Vanishing and exploding gradients, measured"),
    "nn-lstm": ("book/4-practice/nn-lstm", "nn.LSTM in full"),
    "memory": ("book/4-practice/memory", "Memory and compute"),
    "forecasting": ("book/4-practice/forecasting", "Forecasting"),
    "classifying": ("book/4-practice/classifying", "Classifying sequences"),
    "training": ("book/4-practice/training", "Training well"),
}


class Mistake(NamedTuple):
    """A known mistake.

    Attributes
    ----------
    says : str
        What was done, and what is right, in a sentence or two for the learner.
    page : str
        A key of `PAGES`: where to read again.
    group : str
        Mistakes of one group exclude each other; empty for none.
    """

    says: str
    page: str
    group: str = ""


class Case(NamedTuple):
    """One set of arguments.

    Attributes
    ----------
    sizes : dict
        The size of each axis by its letter.
    arguments : dict
        By name, in the order of the call.
    """

    sizes: Mapping[str, int]
    arguments: Mapping[str, Any]


class Kind(NamedTuple):
    """One kind of exercise.

    Attributes
    ----------
    signature : str
        How the learner's function is called and what it returns.
    outputs : dict
        The axes of each output, as in `_check.Arrays`, by name; "" for a number.
    cases : sequence of Case
        Small ones first.
    reference : callable
        Takes the arguments and a set of mistakes, and returns the outputs that they lead to.
    mistakes : dict
        By name, the more common before the less common.
    page : str
        A key of `PAGES`: where the whole is explained.
    unpack : callable
        Turns what the learner returned into a flat sequence of outputs, where it may be nested.
    prepare : callable
        Turns an argument, a copy, into what the learner is given.
    searched : int
        The number of cases, from the first, on which mistakes are looked for. One is enough, and
        fast, where every mistake shows in it.
    """

    signature: str
    outputs: Mapping[str, str]
    cases: Sequence[Case]
    reference: Callable[..., Sequence[Any]]
    mistakes: Mapping[str, Mistake]
    page: str
    unpack: Callable[[Any], Any] = lambda returned: returned
    prepare: Callable[[Any], Any] = lambda argument: argument
    searched: int = 1


def sigmoid(z: Array) -> Array:
    """Return the logistic function, for any `z`."""
    return 0.5 * np.tanh(0.5 * z) + 0.5


def draw(seed: int, shapes: Mapping[str, str], **sizes: int) -> Case:
    """Draw normal arguments; the axes of each are letters, with a factor before one or not."""
    rng = np.random.default_rng(seed)

    def size(axis: str) -> int:
        letter = axis.lstrip("0123456789")
        return sizes[letter] * int(axis.removesuffix(letter) or 1)

    arguments = {
        name: 0.8 * rng.normal(size=[size(axis) for axis in axes.split()])
        for name, axes in shapes.items()
    }
    return Case(sizes, arguments)


def orders(right: str) -> list[str]:
    """Return all other orders of some letters, those with most letters in place first."""
    letters = right.split()
    wrong = [" ".join(p) for p in permutations(letters) if list(p) != letters]
    return sorted(wrong, key=lambda o: sum(a != b for a, b in zip(o.split(), letters, strict=True)))


def in_order(order: str, right: str, stacked: Array) -> Array:
    """Return the blocks that lie in the order `right`, each where `order` has its letter.

    A learner who takes the rows i, f, g, o for f, i, g, o reads the rows of i as those of f.
    """
    blocks = np.split(stacked, len(right.split()))
    where = [order.split().index(letter) for letter in right.split()]
    return np.concatenate([blocks[k] for k in where])


def out_of_order(order: str, right: str, stacked: Array) -> Array:
    """Undo `in_order`."""
    return in_order(right, order, stacked)


def chosen(prefix: str, mistakes: Iterable[str]) -> str | None:
    """Return what follows the prefix in the one mistake that has it, or None."""
    for mistake in sorted(mistakes):
        if mistake.startswith(prefix):
            return mistake.removeprefix(prefix)
    return None


def blockwise_transposed(stacked: Array) -> Array:
    """Return square blocks that stand above one another, each transposed."""
    H = stacked.shape[1]
    return stacked.reshape(-1, H, H).transpose(0, 2, 1).reshape(stacked.shape)


def pick(mistakes: Mistakes, ways: Mapping[str, Callable[[], Any]], right: Any) -> Any:
    """Return what the first of the ways that is among the mistakes gives, else what is right."""
    for name, way in ways.items():
        if name in mistakes:
            return way()
    return right


Ways = Mapping[str, tuple[str, Callable[..., Any]]]


def by_ways(
    signature: str,
    outputs: Mapping[str, str],
    cases: Sequence[Case],
    right: Callable[..., Any],
    ways: Ways,
    page: str,
    **more: Any,
) -> Kind:
    """Return a kind of a few lines: each mistake, by name, has a sentence and its own function."""

    def reference(*, m: Mistakes, **arguments: Any) -> Sequence[Any]:
        function = next((ways[name][1] for name in ways if name in m), right)
        result = function(**arguments)
        return result if isinstance(result, tuple | list) else [result]

    mistakes = {name: Mistake(says, page, "way") for name, (says, _) in ways.items()}
    return Kind(signature, outputs, cases, reference, mistakes, page, searched=len(cases), **more)
