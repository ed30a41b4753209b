"""The long runs of parts 1 and 2: lags, the ways of the gradient, forget bias, design."""

from collections.abc import Sequence
from itertools import chain, product
from typing import Any

import numpy as np

from lstm_tutorial import gradients, lstm, network, tasks
from lstm_tutorial.experiments._experiment import Experiment, digits

SOLVED = 1 / 60  # mean squared error; the constant answer 1 has 1/6
STAGES = [0, 200, 500, 1000, 2000, 3000]  # updates after which the carousel is measured
LAGS = [0, 1, 2, 3, 5, 7, *range(10, 100, 10), 99]
LONG_LAGS = [0, 100, 500, 1000, 1500, 1999]


def adding_by_lag(length: int, lr: float, seed: int) -> dict[str, Any]:
    """Train the vanilla RNN on the adding problem; return its error on 2,000 new sequences."""
    rng = np.random.default_rng(seed)
    batches = (tasks.adding(length, 32, rng) for _ in range(3000))
    params, _ = network.train(network.init(2, 32, 1, rng), batches, lr, max_norm=1.0)
    x, y = tasks.adding(length, 2000, rng)
    return {"mse": digits(np.mean((network.predict(params, x)[-1] - y) ** 2))}


def gradient_by_lag(model: str, lr: float, seed: int) -> dict[str, Any]:
    """Train `nn.RNN` or `nn.LSTM` on the adding problem; follow the gradient back in both.

    Before training and after it, so that the two can be compared. Followed is the gradient of the
    answer with respect to the state k steps before the end (h of the RNN, c of the LSTM), its norm
    averaged over 256 new sequences.
    """
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    layer = {"rnn": nn.RNN, "lstm": nn.LSTM}[model](2, 32)
    head = nn.Linear(32, 1)
    params = [*layer.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(params, lr=lr)
    new = tasks.adding(100, 256, rng)

    def both(x: np.ndarray, y: np.ndarray) -> list[Any]:
        return [torch.tensor(a, dtype=torch.float32) for a in (x, y)]

    def norms() -> list[float]:
        cell = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell}[model](2, 32)
        cell.load_state_dict({k[:-3]: v for k, v in layer.state_dict().items()})
        x, _ = both(*new)
        zeros = torch.zeros(256, 32, requires_grad=True)
        state, kept = (zeros, zeros) if model == "lstm" else zeros, []
        for x_t in x:
            state = cell(x_t, state)
            kept.append(state[1] if model == "lstm" else state)
        h = state[0] if model == "lstm" else state
        flow = torch.autograd.grad(head(h).sum(), kept[::-1])
        return [digits(g.double().norm(dim=1).mean().item()) for g in flow]

    before = norms()
    for _ in range(3000):
        x, y = both(*tasks.adding(100, 32, rng))
        loss = ((head(layer(x)[0][-1]) - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
    x, y = both(*new)
    with torch.no_grad():
        mse = ((head(layer(x)[0][-1]) - y) ** 2).mean().item()
    return {"mse": digits(mse), "before": before, "after": norms()}


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


def forget_bias(lag: int, bias: float | str, seed: int) -> dict[str, Any]:
    """Train the LSTM to recall a sign over distractors of its own size; say when it could.

    Solved is a mean squared error below a tenth of the constant answer's, over 50 updates. A
    `bias` of "chrono" spreads the forget biases for lags up to the one asked for, and sets the
    input gates' biases to their negatives (Tallec & Ollivier, 2018).
    """
    rng = np.random.default_rng(seed)
    params = network.init(1, 32, 1, rng, layer="lstm")
    b = params[2]
    if bias == "chrono":
        b[:32], b[32:64] = lstm.chrono(32, lag + 1, rng)
    else:
        b[32:64] = bias
    batches = (_single(tasks.recall(lag + 1, 32, rng, noise=1.0)) for _ in range(1000))
    training = network.updates(_single(params), batches, 0.005, 1.0, layer="lstm")
    losses = np.ones(50)
    for update, (_, loss, _) in enumerate(training, 1):
        losses[update % 50] = loss
        if losses.mean() < 0.1:
            return {"solved": update, "mse": digits(losses.mean())}
    return {"solved": None, "mse": digits(losses.mean())}


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

    torch.set_num_threads(1)
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


def _same_side(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Both solved, with less than a tenth of the error of always answering 1, or both not."""
    return (a["mse"] < SOLVED) == (b["mse"] < SOLVED)


EXPERIMENTS = {
    "adding-by-lag": Experiment(
        about="the vanilla RNN on the adding problem as the lag grows (about 6 minutes)",
        trials=[
            {"length": length, "lr": lr, "seed": seed}
            for length, lr, seed in product([5, 10, 20, 30, 40, 60], [1e-3, 3e-3, 1e-2], range(10))
        ],
        run=adding_by_lag,
        agree=_same_side,
        sample=[10, 40, 110, 150],
    ),
    "gradient-by-lag": Experiment(
        about="the gradient's way back through RNN and LSTM, before and after training (1 minute)",
        trials=[
            {"model": model, "lr": lr, "seed": seed}
            for (model, lr), seed in product([("rnn", 1e-3), ("lstm", 1e-2)], range(5))
        ],
        run=gradient_by_lag,
        agree=_same_side,
        sample=[0, 5],
    ),
    "carousel": Experiment(
        about="carousel and gate paths of the LSTM as training goes on (5 minutes)",
        trials=[{"bias": bias, "seed": seed} for bias, seed in product([0, 1], range(5))],
        run=carousel,
        agree=_same_side,
        sample=[5],
    ),
    "clipped-lstm": Experiment(
        about="an LSTM with too large recurrent weights, clipped and not (2 minutes)",
        trials=[
            {"max_norm": max_norm, "seed": seed}
            for max_norm, seed in product([None, 1.0], range(15))
        ],
        run=clipped_lstm,
        agree=lambda a, b: (a["mse"] < 0.1) == (b["mse"] < 0.1),
        sample=[1, 16],
    ),
    "forget-bias": Experiment(
        about="recall of a sign: which forget bias learns which lag (10 minutes)",
        trials=[
            {"lag": lag, "bias": bias, "seed": seed}
            for lag, bias, seed in product(
                [10, 20, 40, 80, 160], [0, 1, 2, 3, 4, 5, "chrono"], range(5)
            )
        ],
        run=forget_bias,
        agree=lambda a, b: (a["solved"] is None) == (b["solved"] is None),
        sample=[35, 50, 110, 135],
    ),
    "design": Experiment(
        about="the LSTM with one thing changed at a time, on five tasks (about 12 minutes)",
        trials=[{"variant": v, "task": t} for v, t in product(VARIANTS, DESIGN)],
        run=design,
        agree=_as_many_solved,
        sample=[1, 6, 11],
    ),
}
