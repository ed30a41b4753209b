"""Exercises of the chapter on training well."""

import numpy as np

from lstm_tutorial.exercises._kind import as_tensor
from lstm_tutorial.exercises._trials import by_measuring
from lstm_tutorial.exercises.bugs import probed

_X = np.random.default_rng(5).normal(size=(6, 2, 3))

LOOKS_AHEAD = by_measuring(
    "looks_ahead(function, x) -> bool, True if an answer depends on a later input",
    probed(
        lambda fn, run: bool(fn(run, as_tensor(_X.copy()))),
        lambda x: x.cumsum(0).tanh(),
        lambda x: x.flip(0).cumsum(0).flip(0).tanh(),
    ),
    "training",
    "It leaves a function that reads forward alone, and finds every leak tried.",
)

KINDS = {"torch.looks_ahead": LOOKS_AHEAD}
