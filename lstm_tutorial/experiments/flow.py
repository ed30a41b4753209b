"""The long runs of the chapter on the gradient's way through the cell."""

from collections.abc import Sequence
from itertools import chain, product
from typing import Any

import numpy as np

from lstm_tutorial import gradients, lstm, network, tasks
from lstm_tutorial.experiments._experiment import Experiment, digits, same_side

SOLVED = 1 / 60  # mean squared error; the constant answer 1 has 1/6
STAGES = [0, 200, 500, 1000, 2000, 3000]  # updates after which the carousel is measured
LAGS = [0, 1, 2, 3, 5, 7, *range(10, 100, 10), 99]
LONG_LAGS = [0, 100, 500, 1000, 1500, 1999]


def gradient_by_lag(model: str, lr: float, seed: int) -> dict[str, Any]:
    """Train `nn.RNN` or `nn.LSTM` on the adding problem; follow the gradient back in both.

    Before training and after it, so that the two can be compared. Followed is the gradient of the
    answer with respect to the state k steps before the end (h of the RNN, c of the LSTM), its norm
    averaged over 256 new sequences.
    """
    import torch  # here, because the chapter that reads this module's constants does without it
    from torch import nn

    from lstm_tutorial.experiments._seeded import seeded

    rng = np.random.default_rng(seed)
    with seeded(seed):
        layer = {"rnn": nn.RNN, "lstm": nn.LSTM}[model](2, 32)
        head = nn.Linear(32, 1)
    params = [*layer.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(params, lr=lr)
    new = _tensors(tasks.adding(100, 256, rng))
    before = _norms_by_lag(layer, head, new[0])
    for _ in range(3000):
        x, y = _tensors(tasks.adding(100, 32, rng))
        loss = ((head(layer(x)[0][-1]) - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
    x, y = new
    with torch.no_grad():
        mse = ((head(layer(x)[0][-1]) - y) ** 2).mean().item()
    return {"mse": digits(mse), "before": before, "after": _norms_by_lag(layer, head, x)}


def _tensors(arrays: Sequence[np.ndarray]) -> Any:
    import torch  # see `gradient_by_lag`

    return [torch.tensor(a, dtype=torch.float32) for a in arrays]


def _norms_by_lag(layer: Any, head: Any, x: Any) -> list[float]:
    """Return the mean norm of the answer's gradient at each lag, the last step first."""
    import torch  # see `gradient_by_lag`
    from torch import nn

    from lstm_tutorial.experiments._seeded import seeded

    lstm = isinstance(layer, nn.LSTM)
    with seeded(0):  # weights that are drawn here are replaced at once
        cell = (nn.LSTMCell if lstm else nn.RNNCell)(2, 32)
    cell.load_state_dict({k[:-3]: v for k, v in layer.state_dict().items()})
    zeros = torch.zeros(x.shape[1], 32, requires_grad=True)
    state, kept = (zeros, zeros) if lstm else zeros, []
    for x_t in x:
        state = cell(x_t, state)
        kept.append(state[1] if lstm else state)
    h = state[0] if lstm else state
    flow = torch.autograd.grad(head(h).sum(), kept[::-1])
    return [digits(g.double().norm(dim=1).mean().item()) for g in flow]


def carousel(bias: float, seed: int) -> dict[str, Any]:
    """Train the LSTM on the adding problem; split its gradient by path as training goes on.

    Followed is the gradient of the answer with respect to the cell state, by lag: the carousel's
    part, the part of the paths through the gates, and their sum; of each the norm, averaged over
    64 new sequences. After training also on sequences of 2,000 steps.
    """
    rng = np.random.default_rng(seed)
    params = network.init(2, 32, 1, rng, layer="lstm")
    params[2][32:64] = bias
    new, long = (tasks.adding(length, 64, rng) for length in (100, 2000))
    params, stages = _single(params), []
    batches = (_single(tasks.adding(100, 32, rng)) for _ in range(STAGES[-1]))
    training = network.updates(params, batches, 0.01, 1.0, layer="lstm")
    for update, weights in enumerate(chain([params], (after for after, _, _ in training))):
        if update in STAGES:
            params64 = [p.astype(np.float64) for p in weights]
            error = network.predict(params64, new[0], layer="lstm")[-1] - new[1]
            norms = _parts_by_lag(params64, new[0], LAGS)
            stages.append({"mse": digits(np.mean(error**2)), **norms})
    return {
        "mse": stages[-1]["mse"],
        "stages": stages,
        "long": _parts_by_lag(params64, long[0], LONG_LAGS),
    }


def _single(arrays: Sequence[np.ndarray]) -> Any:
    """Return the arrays in single precision."""
    return [a.astype(np.float32) for a in arrays]


def _parts_by_lag(
    params: Sequence[np.ndarray], x: np.ndarray, lags: list[int]
) -> dict[str, list[float]]:
    """Return the norms of carousel, gate paths and their sum at some lags."""
    *layer, W_hy, _ = params
    zero = np.zeros((x.shape[1], W_hy.shape[1]))
    _, _, tape = lstm.forward(x, zero, zero, *layer)
    kept, paths = gradients.cell_by_lag(tape, dh_T=zero + W_hy)
    parts = {"carousel": kept[lags], "paths": paths[lags], "whole": (kept + paths)[lags]}
    return {
        name: [digits(n) for n in np.linalg.norm(part, axis=2).mean(axis=1)]
        for name, part in parts.items()
    }


def clipped_lstm(max_norm: float | None, seed: int) -> dict[str, Any]:
    """Train an LSTM whose recurrent weights begin eight times too large, by plain descent.

    The task is to recall a sign over 29 steps; the error is that of the last 50 of 300 updates.
    """
    rng = np.random.default_rng(seed)
    params = network.init(1, 32, 1, rng, layer="lstm")
    params[1] = 8 * params[1]
    batches = (tasks.recall(30, 32, rng) for _ in range(300))
    _, history = network.train(params, batches, 0.1, max_norm, "sgd", layer="lstm")
    return {
        "mse": digits(history.losses[-50:].mean()),
        "first_norm": digits(history.norms[0]),
        "max_norm_seen": digits(history.norms.max()),
    }


EXPERIMENTS = {
    "gradient-by-lag": Experiment(
        about="the gradient's way back through RNN and LSTM, before and after training",
        trials=[
            {"model": model, "lr": lr, "seed": seed}
            for (model, lr), seed in product([("rnn", 1e-3), ("lstm", 1e-2)], range(5))
        ],
        run=gradient_by_lag,
        agree=same_side("mse", SOLVED),
        sample=[0, 5],
    ),
    "carousel": Experiment(
        about="carousel and gate paths of the LSTM as training goes on",
        trials=[{"bias": bias, "seed": seed} for bias, seed in product([0, 1], range(5))],
        run=carousel,
        agree=same_side("mse", SOLVED),
        sample=[5],
    ),
    "clipped-lstm": Experiment(
        about="an LSTM with too large recurrent weights, clipped and not",
        trials=[
            {"max_norm": max_norm, "seed": seed}
            for max_norm, seed in product([None, 1.0], range(15))
        ],
        run=clipped_lstm,
        agree=same_side("mse", 0.1),
        sample=[1, 16],
    ),
}
