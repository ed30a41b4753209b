"""The long runs of the chapter on meta-learning: sines of a few points, letters never seen."""

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lstm_tutorial import episodes
from lstm_tutorial._experiment import Experiment, digits

if TYPE_CHECKING:
    from torch import Tensor, nn

Array = np.ndarray

TRIED = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50]  # support points on the curve
PER_EPOCH = 200  # updates between two validations


class Budget(NamedTuple):
    """How long a learner is trained: updates, episodes in each, peak learning rate."""

    updates: int
    count: int
    lr: float


BUDGETS = {
    "batch": Budget(2000, 64, 5e-3),
    "sequence": Budget(2000, 64, 5e-3),
    "MAML": Budget(800, 8, 3e-3),
    "OP-LSTM": Budget(800, 16, 3e-3),
}
BASELINES = ["mean", "nearest", "ridge on bumps", "ridge on sine and cosine", "from scratch"]


def sines(learner: str, shots: int, seed: int) -> dict[str, Any]:
    """Train a learner on sines of `shots` points and try it on 2,000 others.

    Trained with 20 queries an episode, by Adam with a cosine schedule and gradients clipped to
    norm 1; kept are the weights with the lowest error on 200 validation episodes. The test tasks
    are the same for all, and have 50 queries each. `mse` is the mean over them, `half` half of its
    95 % interval. `curve` is the error on the first 200 of them after 1, 2, ... support points, the
    sets nested. `order` is how far an answer on 100 of them moves when the support points come in
    another order, the root mean square over 20 orders.
    """
    test = episodes.sines(2000, max(TRIED), 2023)
    result: dict[str, Any] = {}
    if learner in BUDGETS:
        net, result["best epoch"] = _trained_on_sines(learner, shots, seed)
        answer = _answers(net)
    else:
        answer = _baseline(learner, seed)
    count = 400 if learner == "from scratch" else 2000
    mean, half = episodes.interval(_errors(answer, _cut(test, count, shots)))
    result |= {"mse": digits(mean), "half": digits(half)}
    if learner in BUDGETS:
        order = _order(answer, _cut(test, 100, shots), np.random.default_rng(seed))
        result["order"] = digits(order)
    if learner != "from scratch":
        errors = [_errors(answer, _cut(test, 200, k)).mean() for k in TRIED]
        result["curve"] = [digits(error) for error in errors]
    return result


def sine_learner(learner: str) -> "nn.Module":
    """Return an untrained learner of sines."""
    from lstm_tutorial import fewshot

    if learner == "batch":
        return fewshot.LSTMLearner(1, 1)
    if learner == "sequence":
        return fewshot.LSTMLearner(1, 1, reading="sequence", passes=1)
    if learner == "OP-LSTM":
        return fewshot.OPLSTM(fewshot.mlp(1, 91, 91, 91), 91, 1)
    return fewshot.MAML(fewshot.mlp(1, 91, 91, 91, 1), steps=5, lr=0.01)


def _trained_on_sines(learner: str, shots: int, seed: int) -> tuple["nn.Module", Any]:
    import torch

    from lstm_tutorial import fewshot
    from lstm_tutorial.training import fit

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    net = sine_learner(learner)
    updates, count, lr = BUDGETS[learner]

    def batches(rng: np.random.Generator) -> Any:
        for _ in range(PER_EPOCH):
            yield fewshot.tensors(episodes.sines(count, shots, rng, queries=20))

    history = fit(
        net,
        fewshot.squared_error,
        batches,
        [fewshot.tensors(episodes.sines(200, shots, 2022))],
        lr=lr,
        epochs=updates // PER_EPOCH,
        schedule="cosine",
        max_norm=1.0,
        seed=seed,
        progress=False,
    )
    return net, history.best


def _cut(test: episodes.Episodes, count: int, shots: int) -> episodes.Episodes:
    """Return the first episodes, each with the first of its support points."""
    x, y, *queries = (part[:count] for part in test)
    return episodes.Episodes(x[:, :shots], y[:, :shots], *queries)


def _errors(answer: Any, given: episodes.Episodes) -> Array:
    return ((answer(given) - given.query_y) ** 2).mean(axis=(1, 2))


def _answers(net: "nn.Module") -> Any:
    """Return a function from episodes to answers, all as arrays, 500 episodes at a time."""
    import torch

    from lstm_tutorial import fewshot

    def answer(given: episodes.Episodes) -> Array:
        parts = []
        with torch.no_grad():
            for k in range(0, len(given.query_x), 500):
                some = episodes.Episodes(*(part[k : k + 500] for part in given))
                parts.append(net(*fewshot.tensors(some)[:3]).numpy())
        return np.concatenate(parts)

    return answer


def _order(answer: Any, given: episodes.Episodes, rng: np.random.Generator) -> float:
    """Return the root mean square of the answers' deviations from their mean over 20 orders."""
    x, y, *queries = given
    orders = [rng.permutation(x.shape[1]) for _ in range(20)]
    answers = [answer(episodes.Episodes(x[:, o], y[:, o], *queries)) for o in orders]
    return float(np.sqrt(np.var(answers, axis=0, dtype=np.float64).mean()))


def _baseline(name: str, seed: int) -> Any:
    """Return a function from episodes to answers that learns from one episode alone."""

    def bumps(x: Array) -> Array:
        return np.exp(-((x - np.linspace(-5, 5, 11)) ** 2) / 2)

    def waves(x: Array) -> Array:
        return np.concatenate([np.sin(x), np.cos(x)], axis=-1)

    def answer(given: episodes.Episodes) -> Array:
        x, y, query_x, _ = given
        if name == "mean":
            return np.broadcast_to(y.mean(axis=1, keepdims=True), query_x.shape)
        if name == "nearest":
            return episodes.nearest(x, y, query_x)
        if name == "ridge on bumps":
            return episodes.ridge(x, y, query_x, 1e-3, bumps)
        if name == "ridge on sine and cosine":
            return episodes.ridge(x, y, query_x, 1e-6, waves)
        return _from_scratch(given, seed)

    return answer


def _from_scratch(given: episodes.Episodes, seed: int) -> Array:
    import torch

    from lstm_tutorial import fewshot

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    tasks = fewshot.tensors(given)
    return fewshot.from_scratch(lambda: fewshot.mlp(1, 40, 40, 1), tasks, 200, 0.01).numpy()


EXPERIMENTS = {
    "fewshot-sines": Experiment(
        about="a sine from five or ten points: learners that learnt to learn (13 minutes)",
        trials=[
            *(
                {"learner": learner, "shots": shots, "seed": seed}
                for learners in (["batch", "sequence"], ["OP-LSTM"], ["MAML"])
                for seed, shots, learner in product(range(3), [5, 10], learners)
            ),
            *(
                {"learner": name, "shots": shots, "seed": 0}
                for name, shots in product(BASELINES, [5, 10])
            ),
        ],
        run=sines,
        agree=lambda a, b: 0.5 < a["mse"] / b["mse"] < 2,
        sample=[12],
    ),
}
