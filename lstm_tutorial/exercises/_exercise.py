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
    "bugs": ("book/3-scratch/bugs", "Find the bug"),
    "fast": ("book/3-scratch/fast", "Making it fast"),
    "service": ("book/4-practice/service", "More than one process, and into service"),
    "design": ("book/2-cell/design", "Why this design?"),
    "vanishing": ("book/1-problem/vanishing", "Vanishing and exploding gradients, measured"),
    "nn-lstm": ("book/4-practice/nn-lstm", "nn.LSTM in full"),
    "memory": ("book/4-practice/memory", "Memory and compute"),
    "forecasting": ("book/4-practice/forecasting", "Forecasting"),
    "classifying": ("book/4-practice/classifying", "Classifying sequences"),
    "language": ("book/4-practice/language", "A character language model"),
    "training": ("book/4-practice/training", "Training well"),
}


class Note(NamedTuple):
    """One thing that a report says.

    Attributes
    ----------
    title : str
        What is wrong, in a few words; empty for a remark that belongs to the note before.
    says : str
        The same in a sentence or two.
    page : str
        A key of `PAGES`, or empty.
    code : str
        A line of the learner's, or empty.
    """

    title: str
    says: str
    page: str = ""
    code: str = ""


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


def called(fn: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Return what a function returns."""
    return fn(*arguments.values())


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
    ask : callable
        Takes the learner's function and its arguments, prepared, by name, and returns what is
        compared: what the function returns, or what is found out about it.
    generic : bool
        Whether an output may also be zero, doubled or of the wrong sign by mistake.
    praise : str
        What is said of a right answer; empty for the usual words.
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
    ask: Callable[[Callable[..., Any], Mapping[str, Any]], Any] = called
    generic: bool = True
    praise: str = ""


class Trouble(Exception):
    """A function did not come as far as numbers to compare."""

    def __init__(self, name: str, *notes: Note) -> None:
        self.name = name
        self.notes = notes


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


Trials = Mapping[str, tuple[str, Callable[[Callable[..., Any]], Any]]]


def by_trials(signature: str, trials: Trials, page: str) -> Kind:
    """Return a kind whose answers differ and are right all the same: they are put to the trial.

    Each trial, by the name of the mistake that it finds, has a sentence and a function that takes
    the learner's and returns whether it is right. The first that is not ends the check.
    """

    def ask(fn: Callable[..., Any], arguments: Mapping[str, Any]) -> float:
        for name, (says, is_right) in trials.items():
            if not is_right(fn):
                raise Trouble(name, Note(name, says, page))
        return 1.0

    return Kind(
        signature,
        {"trials": ""},
        [Case({}, {})],
        lambda m: [1.0],
        {name: Mistake(says, page) for name, (says, _) in trials.items()},
        page,
        ask=ask,
        generic=False,
        praise="It came through every trial.",
    )


def as_tensor(value: Any) -> Any:
    """Return arrays, also those of a list, as PyTorch's tensors, and all else as it is."""
    import torch  # most kinds need NumPy alone

    if isinstance(value, list):
        return [as_tensor(v) for v in value]
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def deaf(fn: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Return the value; raise if NaN in what is padding reaches the gradient."""
    import torch  # most kinds need NumPy alone

    first, *rest = arguments.values()
    value = fn(first, *rest)
    if first.isnan().any() and torch.is_tensor(value) and value.isfinite().all():
        leaf = first.clone().requires_grad_()
        again = fn(leaf, *rest)
        if again.requires_grad:
            again.sum().backward()
            if not leaf.grad.isfinite().all():
                says = (
                    "The value is right, and NaN in the padding reaches the gradient. Select the "
                    "valid steps before you compute."
                )
                raise Trouble("NaN in the gradient", Note("NaN in the gradient", says, "nn-lstm"))
    return value
