"""The long runs of the chapter on meta-learning: sines of a few points, letters never seen."""

from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from lstm_tutorial.experiments._experiment import Experiment, digits
from lstm_tutorial.experiments._seeded import seeded
from lstm_tutorial.fewshot import episodes, learners
from lstm_tutorial.training import fit

Array = np.ndarray

TRIED = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50]  # support points on the curve
SEEDS = 3
PER_EPOCH = 200  # updates between two validations


class Budget(NamedTuple):
    """How long a learner is trained: updates, episodes in each, peak learning rate."""

    updates: int
    tasks: int
    lr: float


BUDGETS = {
    "batch": Budget(3600, 20, 5e-3),
    "OP-LSTM": Budget(1000, 16, 3e-3),
    "MAML": Budget(1200, 8, 3e-3),
    "sequence": Budget(3600, 20, 5e-3),
    "batch, longer": Budget(3000, 64, 5e-3),
}
LETTERS = {
    "prototypes": Budget(600, 8, 3e-3),
    "OP-LSTM": Budget(600, 8, 3e-3),
    "MAML": Budget(600, 8, 3e-3),
    "batch": Budget(1600, 8, 3e-3),
    "sequence": Budget(1600, 8, 3e-3),
    "batch on prototypes' features": Budget(1600, 8, 3e-3),
}
COMPARED = ["batch", "sequence", "OP-LSTM", "MAML"]
WAYS = 5
SCRIPTS = {
    "train": ["LATIN", "GREEK"],
    "valid": ["CYRILLIC"],
    "test": ["ARMENIAN", "GEORGIAN"],
}
BASELINES = ["mean", "nearest", "ridge on bumps", "ridge on sine and cosine", "from scratch"]
ON_PIXELS = ["nearest pixels", "mean pixels", "ridge on pixels", "from scratch"]


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
        net, result = _trained_on_sines(learner, shots, seed)
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


def sine_learner(learner: str) -> nn.Module:
    """Return an untrained learner of sines."""
    if learner.startswith("batch"):
        return learners.LSTMLearner(1, 1)
    if learner == "sequence":
        return learners.LSTMLearner(1, 1, reading="sequence", passes=1)
    if learner == "OP-LSTM":
        return learners.OPLSTM(learners.mlp(1, 91, 91, 91), 91, 1)
    return learners.MAML(learners.mlp(1, 91, 91, 91, 1), steps=5, lr=0.01)


def _trained_on_sines(learner: str, shots: int, seed: int) -> tuple[nn.Module, dict[str, Any]]:

    budget = BUDGETS[learner]
    with seeded(seed):
        net = sine_learner(learner)

    def draw(count: int, rng: Any) -> episodes.Episodes:
        return learners.tensors(episodes.sines(count, shots, rng, queries=20))

    valid = learners.tensors(episodes.sines(200, shots, 2022))
    return net, _fit(net, learners.squared_error, draw, valid, budget, seed)


def _fit(
    net: nn.Module, loss: Any, draw: Any, valid: Any, budget: Budget, seed: int
) -> dict[str, Any]:
    """Train for a budget; return which 200 updates were best, the last loss, the largest norm."""
    history = fit(
        net,
        loss,
        lambda rng: (draw(budget.tasks, rng) for _ in range(PER_EPOCH)),
        [valid],
        lr=budget.lr,
        epochs=budget.updates // PER_EPOCH,
        schedule="cosine",
        max_norm=1.0,
        seed=seed,
        progress=False,
    )
    norm = digits(history.norms.max())
    return {"best epoch": history.best, "loss": digits(history.losses[-1]), "norm": norm}


def _cut(test: episodes.Episodes, count: int, shots: int) -> episodes.Episodes:
    """Return the first episodes, each with the first of its support points."""
    x, y, *queries = (part[:count] for part in test)
    return episodes.Episodes(x[:, :shots], y[:, :shots], *queries)


def _errors(answer: Any, given: episodes.Episodes) -> Array:
    return ((answer(given) - given.query_y) ** 2).mean(axis=(1, 2))


def _answers(net: nn.Module) -> Any:
    """Return a function from episodes to answers, all as arrays, 500 episodes at a time."""

    def answer(given: episodes.Episodes) -> Array:
        parts = []
        with torch.no_grad():
            for k in range(0, len(given.query_x), 500):
                some = episodes.Episodes(*(part[k : k + 500] for part in given))
                parts.append(net(*learners.tensors(some)[:3]).numpy())
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

    tasks = learners.tensors(given)
    with seeded(seed):
        return learners.from_scratch(lambda: learners.mlp(1, 40, 40, 1), tasks, 200, 0.01).numpy()


def letters(learner: str, shots: int, seed: int) -> dict[str, Any]:
    """Train a learner to tell five letters apart; test it on scripts that it never saw.

    Trained on Latin and Greek letters, with the weights that do best on Cyrillic ones, tested on
    400 episodes of Armenian and Georgian ones; five queries of each letter throughout. "batch on
    prototypes' features" is given the network in front that "prototypes" learnt, and may not change
    it. `right` is the share of right answers, `half` half of its 95 % interval over the episodes,
    `order` the share of answers that change when the support set is read backwards.
    """
    drawn = episodes.letters()
    images = {part: drawn.images[np.isin(drawn.scripts, names)] for part, names in SCRIPTS.items()}
    test = episodes.classes(images["test"], WAYS, shots, 400, 2023)
    result: dict[str, Any] = {}
    if learner in LETTERS:
        net, result = _trained_on_letters(learner, images, shots, seed)
        answer = _answers(net)
        x, y, *queries = test
        backwards = answer(episodes.Episodes(x[:, ::-1], y[:, ::-1], *queries)).argmax(axis=2)
        scores = answer(test)
        result["order"] = digits((backwards != scores.argmax(axis=2)).mean())
    else:
        scores = _from_pixels(learner, test, seed)
    right = scores.argmax(axis=2) == test.query_y.argmax(axis=2)
    mean, half = episodes.interval(right.mean(axis=1))
    return {**result, "right": digits(mean), "half": digits(half)}


def letter_learner(learner: str) -> nn.Module:
    """Return an untrained learner of letters; all have the same 196-128-64 network in front."""
    pixels = episodes.PIXELS**2
    if learner == "MAML":
        return learners.MAML(learners.mlp(pixels, 128, 64, WAYS), steps=3, lr=0.1, labels=True)
    encoder = learners.mlp(pixels, 128, 64)
    if learner == "prototypes":
        return learners.Prototypes(encoder)
    if learner == "OP-LSTM":
        return learners.OPLSTM(encoder, 64, WAYS, passes=3, gamma=3.0, labels=True)
    reading, passes = ("sequence", 1) if learner == "sequence" else ("batch", 3)
    return learners.LSTMLearner(64, WAYS, 64, 1, reading, passes, True, encoder)


def _trained_on_letters(
    learner: str, images: dict[str, Array], shots: int, seed: int
) -> tuple[nn.Module, dict[str, Any]]:

    budget = LETTERS[learner]
    with seeded(seed):
        net: Any = letter_learner(learner)
    if learner.endswith("features"):
        known, _ = _trained_on_letters("prototypes", images, shots, seed)
        net.encoder = known.encoder.requires_grad_(False)

    def draw(count: int, rng: Any) -> episodes.Episodes:
        return learners.tensors(episodes.classes(images["train"], WAYS, shots, count, rng))

    valid = learners.tensors(episodes.classes(images["valid"], WAYS, shots, 100, 2022))
    return net, _fit(net, learners.cross_entropy, draw, valid, budget, seed)


def _from_pixels(name: str, test: episodes.Episodes, seed: int) -> Array:

    x, y, query_x, _ = test
    if name == "nearest pixels":
        return episodes.nearest(x, y, query_x)
    if name == "mean pixels":
        return episodes.prototypes(x, y, query_x)
    if name == "ridge on pixels":
        return episodes.ridge(x, y, query_x, 1.0)
    net = lambda: learners.mlp(episodes.PIXELS**2, 32, WAYS)  # noqa: E731
    with seeded(seed):
        return learners.from_scratch(net, learners.tensors(test), 50, 0.01, labels=True).numpy()


EXPERIMENTS = {
    "fewshot-sines": Experiment(
        about="a sine from five or ten points: learners that learnt to learn",
        trials=[
            *(
                {"learner": learner, "shots": shots, "seed": seed}
                for seed, learner, shots in product(range(SEEDS), COMPARED, [5, 10])
            ),
            {"learner": "batch, longer", "shots": 5, "seed": 0},
            *(
                {"learner": name, "shots": shots, "seed": 0}
                for name, shots in product(BASELINES, [5, 10])
            ),
        ],
        run=sines,
        agree=lambda a, b: 0.5 < a["mse"] / b["mse"] < 2,
        sample=[2],
    ),
    "fewshot-letters": Experiment(
        about="five letters told apart, of scripts never seen in training",
        trials=[
            *(
                {"learner": learner, "shots": shots, "seed": seed}
                for seed, learner, shots in product(range(SEEDS), LETTERS, [1, 5])
            ),
            *(
                {"learner": name, "shots": shots, "seed": 0}
                for name, shots in product(ON_PIXELS, [1, 5])
            ),
        ],
        run=letters,
        agree=lambda a, b: abs(a["right"] - b["right"]) < 0.1,
        sample=[0, 3],
    ),
}
