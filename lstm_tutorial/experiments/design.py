"""The long run of the chapter on the design: the LSTM with one thing changed at a time."""

from functools import partial
from itertools import product
from typing import Any

import numpy as np
from torch import Tensor

from lstm_tutorial import tasks
from lstm_tutorial.experiments._experiment import Experiment, digits
from lstm_tutorial.relatives import networks, side_by_side, variants
from lstm_tutorial.relatives.cell import named

# What `design` asks of every variant: task, numbers per input, numbers per answer, length in
# training, length in the test, updates, and a factor that brings the targets to the size of 1.
DESIGN: dict[str, tuple[Any, int, int, int, int, int, float]] = {
    "adding": (tasks.adding, 2, 1, 40, 40, 1500, 1.0),
    "order": (tasks.order, 6, 4, 40, 40, 500, 1.0),
    "latest": (tasks.latest, 2, 1, 60, 600, 500, 1.0),
    "elapsed": (tasks.elapsed, 1, 1, 60, 600, 600, 0.1),
    "count": (tasks.count, 1, 1, 40, 160, 600, 0.1),
}
VARIANTS = [
    *["vanilla", "no forget gate", "no input gate", "no output gate", "coupled gates"],
    *["sigmoid candidate", "tanh input gate", "one state", "factor"],
    *["linear output", "tanh output gate", "sigmoid output"],
]


def design(variant: str, task: str) -> dict[str, Any]:
    """Train ten networks of a variant side by side; return each one's error on new sequences.

    Errors are shares of the error of the best constant answer. Every 50 updates the networks are
    tried on 200 sequences of the length of training, and the weights that do best are kept. They
    are then tested on 200 new sequences of that length (`near`) and of the test's (`far`).
    `updates` says when the first of those trials had less than a tenth, None for never.
    """
    network = networks.Network(named(variant, variants.BY_NAME))
    rngs = [np.random.default_rng(seed) for seed in range(10)]
    kind, inputs, outputs, length, far, updates, scale = DESIGN[task]
    start = side_by_side.stack(networks.uniform(network, inputs, 16, outputs, rng) for rng in rngs)

    def draw(length: int, batch: int) -> tuple[Tensor, Tensor]:
        return side_by_side.draw(kind, length, batch, rngs, scale)

    shares = partial(side_by_side.shares, network)
    new = draw(length, 200)
    batches = (draw(length, 32) for _ in range(updates))
    training = side_by_side.train(network, start, batches, lr=0.01, max_norm=1.0)
    best = side_by_side.keep_best(start, training, lambda weights: shares(weights, *new), every=50)
    tests = {
        name: shares(best.weights, *draw(T, 200)) for name, T in [("near", length), ("far", far)]
    }
    return {
        **{name: [digits(e) for e in errors.tolist()] for name, errors in tests.items()},
        "updates": best.first_below(0.1),
    }


def _as_many_solved(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """At most two of the ten networks more or fewer below a tenth of the constant's error."""
    solved = [sum(error < 0.1 for error in result["far"]) for result in (a, b)]
    return abs(solved[0] - solved[1]) <= 2


EXPERIMENTS = {
    "design": Experiment(
        about="the LSTM with one thing changed at a time, on five tasks",
        trials=[{"variant": v, "task": t} for v, t in product(VARIANTS, DESIGN)],
        run=design,
        agree=_as_many_solved,
        sample=[1, 6, 11],
        seeds="0 to 9, networks side by side",
    ),
}
