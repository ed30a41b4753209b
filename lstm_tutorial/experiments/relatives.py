"""The long run of the chapter on the relatives: which member of the family learns which task."""

import time
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from lstm_tutorial import tasks
from lstm_tutorial.experiments._experiment import Experiment, digits
from lstm_tutorial.relatives import family, networks, side_by_side
from lstm_tutorial.relatives.cell import named

BUDGET = 2400  # parameters; an LSTM of 16 units fits in
RATES = [0.01, 0.03]
SEEDS = 5
SOLVED = 0.1  # of the error of the best constant answer


class Task(NamedTuple):
    """What is asked of every member."""

    draw: Any
    inputs: int
    outputs: int
    length: int  # in training
    far: int  # in the other test
    updates: int
    scale: float = 1.0  # brings the targets to the size of 1


TASKS = {
    "parity": Task(tasks.parity, 1, 1, 20, 200, 800),
    "copying": Task(partial(tasks.copying, items=3, symbols=4), 6, 5, 15, 25, 1500),
    "recall": Task(partial(tasks.recall, noise=1.0), 1, 1, 30, 60, 300),
    "counting": Task(tasks.count, 1, 1, 30, 120, 400, 0.1),
    "adding": Task(tasks.adding, 2, 1, 30, 60, 800),
}
MODELS = [
    *["LSTM", "coupled gates", "GRU", "sLSTM"],
    *["minLSTM", "minLSTM, 2 layers", "mLSTM", "mLSTM, 2 layers", "attention, 2 blocks"],
]


def relative(model: str, task: str) -> dict[str, Any]:
    """Train ten networks of a member side by side, five seeds with each of two learning rates.

    Errors are shares of the error of the best constant answer. Every 50 updates the networks are
    tried on 200 sequences of the length of training, and the weights that do best are kept. They
    are then tested on 200 new sequences of that length (`near`) and on 50 longer ones (`far`).
    `updates` says when the first of those trials had less than a tenth, None for never. Each of
    the three has a list for each learning rate. `milliseconds` is the processor's time for one
    update of one network, as it was on the day.
    """
    asked, network = TASKS[task], named(model, family.BY_NAME)
    size = networks.largest_size(
        network, asked.inputs, asked.outputs, BUDGET, multiple=family.MULTIPLE
    )
    # The same seeds, so the same data, for both learning rates.
    rngs = [np.random.default_rng(seed) for _, seed in product(RATES, range(SEEDS))]
    rates = [rate for rate, _ in product(RATES, range(SEEDS))]
    start = side_by_side.stack(
        networks.for_lag(network, asked.inputs, size, asked.outputs, rng, asked.length)
        for rng in rngs
    )
    shares, spent = partial(side_by_side.shares, network), list[float]()

    def draw(length: int, batch: int) -> tuple[Tensor, Tensor]:
        return side_by_side.draw(asked.draw, length, batch, rngs, asked.scale)

    new = draw(asked.length, 200)
    batches = (draw(asked.length, 32) for _ in range(asked.updates))
    training = _clocked(side_by_side.train(network, start, batches, rates, max_norm=1.0), spent)
    best = side_by_side.keep_best(start, training, lambda weights: shares(weights, *new), every=50)
    tests = {
        "near": shares(best.weights, *draw(asked.length, 200)).tolist(),
        "far": shares(best.weights, *draw(asked.far, 50)).tolist(),
    }

    def by_rate(values: list[Any]) -> list[list[Any]]:
        return [values[k * SEEDS : (k + 1) * SEEDS] for k in range(len(RATES))]

    return {
        "size": size,
        **{name: by_rate([digits(e) for e in errors]) for name, errors in tests.items()},
        "updates": by_rate(best.first_below(SOLVED)),
        "milliseconds": digits(1000 * sum(spent) / asked.updates / len(rngs)),
    }


def _clocked(training: Iterable[list[Tensor]], spent: list[float]) -> Iterator[list[Tensor]]:
    """Hand on what a training gives; enter the processor's seconds for each update in a list."""
    began = time.process_time()
    for weights in training:
        spent.append(time.process_time() - began)
        yield weights
        began = time.process_time()


def solved(result: dict[str, Any], where: str = "near") -> int:
    """Return how many of the five networks solved the task, with the rate that solved more."""
    return max(sum(error < SOLVED for error in errors) for errors in result[where])


def updates(result: dict[str, Any]) -> list[int]:
    """Return when the networks had solved the task, with the rate that solved more of them."""
    done = [[k for k in rate if k is not None] for rate in result["updates"]]
    return max(done, key=len)


def as_many_solved(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """At most one network of five more or fewer."""
    return all(abs(solved(a, where) - solved(b, where)) <= 1 for where in ("near", "far"))


EXPERIMENTS = {
    "relatives": Experiment(
        about="the LSTM and its relatives on five tasks, equal parameters",
        trials=[{"model": model, "task": task} for model, task in product(MODELS, TASKS)],
        run=relative,
        agree=as_many_solved,
        sample=[2, 17, 23],
        seeds="0 to 4 with each learning rate, networks side by side",
    ),
}
