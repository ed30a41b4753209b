"""Functions read as an edited source: what is found, and what chance must not find."""

import numpy as np
import pytest

from lstm_tutorial import exercises
from lstm_tutorial.exercises._changes import plain_changes
from lstm_tutorial.exercises._edits import edited, listed
from lstm_tutorial.exercises._facts import close
from lstm_tutorial.exercises._kinds import KINDS
from tests.exercises.learners import written
from tests.exercises.styles import every

# Kinds that are read as an edited source, and whose outputs are not whole numbers.
READ = [
    kind for kind, spec in KINDS.items() if spec.any_shape and kind not in {"decide", "lengths"}
]


def moved(value, rng):
    """Return what was given or returned with noise, by a draw of the same seed at each call."""
    return every(lambda a: a * (1 + 0.1 * rng.normal(size=np.shape(a))), value)


def distorted(kind, seed):
    """Return the right function times a factor of no meaning, its inputs a little off."""
    spec, by = KINDS[kind], np.random.default_rng(seed).uniform(0.5, 2)

    def fn(*arguments):
        rng = np.random.default_rng(seed)
        outputs = spec.expected([moved(a, rng) if seed % 2 else a for a in arguments])
        return tuple(by * o for o in outputs) if len(outputs) > 1 else by * outputs[0]

    return fn


@pytest.mark.parametrize("seed", range(200))
def test_a_random_function_gets_no_reading(seed):
    kind = READ[seed % len(READ)]
    report = exercises.check(kind, distorted(kind, seed))
    assert not report.passed and report.model is None, report
