"""Checks of a learner's function that name the mistake: `check`, `kinds` and `signature`."""

from lstm_tutorial.exercises.checker import check, kinds, signature

__all__ = ["check", "kinds", "signature"]
