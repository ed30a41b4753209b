"""What is said between the parts of the checker: findings, readings, trouble."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray

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


class Finding(NamedTuple):
    """One thing that a report says.

    Attributes
    ----------
    title : str
        What is wrong, in a few words; empty for a remark that belongs to the finding before.
    says : str
        What the function computes, and what it should, in a sentence or two.
    where : tuple of str
        The gates, i, f, g or o, the outputs or the arguments that it is about.
    page : str
        A key of `PAGES`, or empty.
    code : str
        A line of the learner's, or empty.
    """

    title: str
    says: str
    where: tuple[str, ...] = ()
    page: str = ""
    code: str = ""


class Reading(NamedTuple):
    """What a reader takes a function for.

    Attributes
    ----------
    findings : sequence of Finding
        At most three, the cause before the symptom.
    model : callable or None
        The whole function as read. Without one the findings are measured facts.
    formula : sequence of (str, str)
        Lines of the formula as read, and beside each the right one.
    """

    findings: Sequence[Finding]
    model: Callable[..., Sequence[Array]] | None = None
    formula: Sequence[tuple[str, str]] = ()


class Trouble(Exception):
    """A function did not come as far as numbers to compare."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(*(finding.title for finding in findings))
        self.findings = findings


def named(values: Sequence[Any]) -> str:
    """Return names or numbers as they are listed in a sentence."""
    *most, last = map(str, values)
    return f"{', '.join(most)} and {last}" if most else last
