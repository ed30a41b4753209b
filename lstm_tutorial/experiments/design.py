"""The long run of the chapter on the design: the LSTM with one thing changed at a time."""

from itertools import product
from typing import Any

import numpy as np

from lstm_tutorial import tasks
from lstm_tutorial.experiments._experiment import Experiment, digits

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
    import torch

    from lstm_tutorial.relatives import variants

    rngs = [np.random.default_rng(seed) for seed in range(10)]
    kind, inputs, outputs, length, far, updates, scale = DESIGN[task]
    kept = variants.init(inputs, 16, outputs, rngs, forget_bias=1.0)

    def draw(length: int, batch: int) -> Any:
        return variants.draw(kind, length, batch, rngs, scale)

    @torch.no_grad()
    def shares(weights: Any, x: Any, y: Any) -> Any:
        constant = ((y - y.flatten(0, -2).mean(dim=0)) ** 2).mean()
        return variants.errors(variant, weights, x, y) / constant

    new = draw(length, 200)
    best = torch.full((10,), torch.inf)
    first: list[int | None] = [None] * 10
    batches = (draw(length, 32) for _ in range(updates))
    training = variants.train(variant, kept, batches, lr=0.01, max_norm=1.0)
    for update, weights in enumerate(training, 1):
        if update % 50:
            continue
        now = shares(weights, *new)
        better = now < best
        best = torch.where(better, now, best)
        for old, w in zip(kept, weights, strict=True):
            old[better] = w[better]
        first = [k or (update if e < 0.1 else None) for k, e in zip(first, now, strict=True)]
    tests = {name: shares(kept, *draw(T, 200)) for name, T in [("near", length), ("far", far)]}
    return {
        **{name: [digits(e) for e in errors.tolist()] for name, errors in tests.items()},
        "updates": first,
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
