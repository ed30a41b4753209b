"""Mistakes in a learner's own words, to measure the checker by.

Each is the plain source of a function that somebody could hand in, with the sentence that it
should get. They were written down before the checker that reads formulas, from public code, issues
and courses, and none is made from the checker's own reference. Half of them, by the digest of the
name, are for developing; the other half is looked at once, at the end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any


@dataclass(frozen=True)
class Mistake:
    """A wrong answer and what should be said of it.

    Attributes
    ----------
    kind : str
        The kind of exercise.
    says : str
        The sentence that it should get; another wording of the same will do.
    where : str
        The gates or outputs that the sentence has to be about, letters or names, spaces between.
    seen : str
        Where such a mistake stands: an address, or in words.
    function : callable
    """

    kind: str
    says: str
    where: str
    seen: str
    function: Callable[..., Any]

    @property
    def name(self) -> str:
        """Return a name that no other mistake has."""
        return f"{self.kind}/{self.function.__name__}"

    @property
    def held_out(self) -> bool:
        """Return whether it belongs to the half that is looked at once."""
        return sha256(self.name.encode()).digest()[0] % 2 == 1


MISTAKES: dict[str, Mistake] = {}


def mistake(kind: str, says: str, where: str = "", seen: str = "in courses") -> Callable[..., Any]:
    """Register a learner's function."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        entry = Mistake(kind, says, where, seen, function)
        if entry.name in MISTAKES:
            raise ValueError(f"function: {entry.name} stands twice")
        MISTAKES[entry.name] = entry
        return function

    return register
