"""What an experiment is: its trials, one run, and when two results agree."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Experiment:
    """What is run: the settings of all trials, one trial, and when two results agree.

    Attributes
    ----------
    about : str
        One line for ``--list``.
    trials : list of dict
        Settings, the seed among them.
    run : callable
        Takes one trial's settings as keywords, returns a dict of results.
    agree : callable
        Takes two results; True where the book would say the same of both. Another processor
        rounds otherwise, and training amplifies it, so digits are not asked for.
    sample : list of int
        The trials that ``--check`` runs again.
    """

    about: str
    trials: list[dict[str, Any]]
    run: Callable[..., dict[str, Any]]
    agree: Callable[[dict[str, Any], dict[str, Any]], bool]
    sample: list[int]


def digits(value: float) -> float:
    """Round to four significant digits: more would be noise, and would bloat the file."""
    return float(f"{value:.4g}")
