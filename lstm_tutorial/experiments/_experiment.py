"""What an experiment is: its trials, one run, and when two results agree."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Agree = Callable[[dict[str, Any], dict[str, Any]], bool]


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
        Takes one trial's settings as keywords, returns a dict of results. A function at the top of
        a module, or a `functools.partial` of one.
    agree : callable
        Takes two results; True where the book would say the same of both. Another processor
        rounds otherwise, and training amplifies it, so digits are not asked for.
    sample : list of int
        The trials that ``--check`` runs again.
    seeds : str
        Where a trial's randomness comes from, for the reader of the stored file.
    """

    about: str
    trials: list[dict[str, Any]]
    run: Callable[..., dict[str, Any]]
    agree: Agree
    sample: list[int]
    seeds: str = "the seed of each trial"


def digits(value: float) -> float:
    """Round to four significant digits: more would be noise, and would bloat the file."""
    return float(f"{value:.4g}")


def same_side(name: str, limit: float) -> Agree:
    """Return what compares two results: both below the limit in this number, or both not."""
    return lambda a, b: (a[name] < limit) == (b[name] < limit)
