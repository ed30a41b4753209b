"""The long run of the chapter on vanishing gradients: the vanilla RNN and the lag."""

from itertools import product
from typing import Any

import numpy as np

from lstm_tutorial import network, tasks
from lstm_tutorial.experiments._experiment import Experiment, digits, same_side

SOLVED = 1 / 60  # mean squared error; the constant answer 1 has 1/6


def adding_by_lag(length: int, lr: float, seed: int) -> dict[str, Any]:
    """Train the vanilla RNN on the adding problem; return its error on 2,000 new sequences."""
    rng = np.random.default_rng(seed)
    batches = (tasks.adding(length, 32, rng) for _ in range(3000))
    params, _ = network.train(network.init(2, 32, 1, rng), batches, lr, max_norm=1.0)
    x, y = tasks.adding(length, 2000, rng)
    return {"mse": digits(np.mean((network.predict(params, x)[-1] - y) ** 2))}


EXPERIMENTS = {
    "adding-by-lag": Experiment(
        about="the vanilla RNN on the adding problem as the lag grows",
        trials=[
            {"length": length, "lr": lr, "seed": seed}
            for length, lr, seed in product([5, 10, 20, 30, 40, 60], [1e-3, 3e-3, 1e-2], range(10))
        ],
        run=adding_by_lag,
        agree=same_side("mse", SOLVED),
        sample=[10, 40, 110, 150],
    ),
}
