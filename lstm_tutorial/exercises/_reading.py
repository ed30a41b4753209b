"""What is said between the parts of the checker: findings, readings, trouble."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray

# A page of the book, known by the last part of its path, and its title.
_PAGES = """
1-problem/sequences Sequences and the recurrent network
1-problem/backpropagation Backpropagation through time
1-problem/vanishing Vanishing and exploding gradients, measured
1-problem/clipping Clipping
2-cell/gates The gates
2-cell/state The cell state
2-cell/flow The gradient's way through the cell
2-cell/design Why this design?
3-scratch/numpy The LSTM in NumPy
3-scratch/pytorch The LSTM in PyTorch
3-scratch/same The same as nn.LSTM
3-scratch/bugs Find the bug
3-scratch/fast Making it fast
4-practice/nn-lstm nn.LSTM in full
4-practice/memory Memory and compute
4-practice/forecasting Forecasting
4-practice/classifying Classifying sequences
4-practice/language A character language model
4-practice/training Training well
4-practice/service More than one process, and into service
"""
PAGES = {
    path.split("/")[1]: (f"book/{path}", title)
    for path, title in (line.split(" ", 1) for line in _PAGES.strip().split("\n"))
}


class Finding(NamedTuple):
    """One thing that a report says."""

    title: str  # what is wrong, in a few words; empty for a remark on the finding before
    says: str  # what the function computes, and what it should, in a sentence or two
    where: tuple[str, ...] = ()  # the gates, i, f, g or o, outputs or arguments it is about
    page: str = ""  # a key of PAGES, or empty
    code: str = ""  # a line of the learner's, or empty


class Reading(NamedTuple):
    """What a reader takes a function for."""

    findings: Sequence[Finding]  # at most three, the cause before the symptom
    # The whole function as read. Without one the findings are measured facts.
    model: Callable[..., Sequence[Array]] | None = None
    formula: Sequence[tuple[str, str]] = ()  # lines as read, and beside each the right one


class Trouble(Exception):
    """A function did not come as far as numbers to compare."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(*(finding.title for finding in findings))
        self.findings = findings


def named(values: Sequence[Any]) -> str:
    """Return names or numbers as they are listed in a sentence."""
    *most, last = map(str, values)
    return f"{', '.join(most)} and {last}" if most else last
