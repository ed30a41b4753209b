"""Exercises whose answers differ and are right all the same: they are put to the trial."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lstm_tutorial.exercises._kind import Kind
from lstm_tutorial.exercises._reading import Finding, Trouble

Fn = Callable[..., Any]
Trials = Mapping[str, Sequence[Any]]


def by_trials(
    signature: str, trials: Trials, page: str, praise: str = "It came through every trial."
) -> Kind:
    """Return a kind whose answers differ and are right all the same.

    Each trial, by the name of the mistake that it finds, has a sentence and a function that takes
    the learner's and returns whether it is right, and after them the arguments that it is about.
    The first that is not right ends the check.
    """

    def ask(fn: Fn) -> float:
        for name, (says, is_right, *where) in trials.items():
            if not is_right(fn):
                raise Trouble(Finding(name, says, tuple(where), page))
        return 1.0

    return Kind(signature, {"trials": ""}, [{}], lambda: 1.0, page, ask=ask, praise=praise)
