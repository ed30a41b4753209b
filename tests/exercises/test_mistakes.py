"""The bank of mistakes that the checker is measured by is whole, and falls into two halves."""

import inspect

from lstm_tutorial import exercises
from tests.exercises.mistakes import MISTAKES, around, backward, sequences, steps, tensors

MODULES = (steps, backward, sequences, around, tensors)


def test_it_holds_more_than_two_hundred_in_two_halves():
    held_out = sum(entry.held_out for entry in MISTAKES.values())
    assert len(MISTAKES) == sum(inspect.getsource(m).count("\n@mistake(") for m in MODULES) > 200
    assert 100 < held_out < len(MISTAKES) - 100


def test_each_is_of_a_kind_has_a_sentence_and_is_no_copy():
    assert {entry.kind for entry in MISTAKES.values()} <= set(exercises.kinds())
    assert all(entry.says and entry.seen for entry in MISTAKES.values())
    bodies = {
        (e.kind, inspect.getsource(e.function).partition("):\n")[2]) for e in MISTAKES.values()
    }
    assert len(bodies) == len(MISTAKES)
