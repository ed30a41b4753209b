"""The search of the chapter on the worth of each gate: eight variants, one set of settings."""

import re
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lstm_tutorial import datasets, tasks
from lstm_tutorial.experiments import classifying
from lstm_tutorial.experiments._experiment import Experiment, digits
from lstm_tutorial.relatives import networks, side_by_side, variants
from lstm_tutorial.relatives.cell import named

Array = np.ndarray

# The eight changes of Greff et al. (2017) and the LSTM that they are changes of.
VARIANTS = [
    *["vanilla", "no forget gate", "no input gate", "no output gate", "coupled gates"],
    *["no input activation", "linear output", "peepholes", "full gate recurrence"],
]
# That LSTM once more: from other initial weights, which shows what the search says where there is
# nothing to be found; and with its input gates begun at σ(-1), where the coupled ones begin.
CONTROLS = ["vanilla again", "vanilla, input bias -1"]
# Those that are run on settings, data and initial weights drawn afresh, to see what holds.
AGAIN = ["vanilla", "no forget gate", "coupled gates", "linear output"]
UNITS = [8, 16]  # of the vanilla cell; the others get as many weights as it has then
NETWORKS = 30  # of each of these sizes
RATES = (1e-3, 3e-1)  # of the learning rate, drawn evenly on the logarithmic scale
NOISE = 0.3  # the largest standard deviation of what is added to the inputs in training

# Task: numbers per input, numbers per answer, updates, sequences of an update.
TASKS: dict[str, tuple[int, int, int, int]] = {
    "adding": (2, 1, 400, 16),
    "elapsed": (1, 1, 250, 16),
    "vowels": (12, 9, 200, 16),
    "text": (27, 27, 200, 16),
}
LENGTH = {"adding": 15, "elapsed": 30, "text": 30}
FAR = 10  # streams are also tested on as many times the length


def settings(units: int, draw: int) -> list[dict[str, float]]:
    """Draw the settings that all variants share, for one of the sizes; `draw` is the seed.

    Learning rate and noise are each drawn once from each of 30 equal parts of their range, in
    random order (a Latin hypercube), so that none is left out by chance.

    Returns
    -------
    list of dict
        With "lr" and "noise".
    """
    rng = np.random.default_rng([2017, units, draw])
    rate, noise = ((rng.permutation(NETWORKS) + rng.random(NETWORKS)) / NETWORKS for _ in range(2))
    low, high = np.log(RATES)
    rates = np.exp(low + (high - low) * rate)
    return [
        {"lr": digits(r), "noise": digits(NOISE * n)} for r, n in zip(rates, noise, strict=True)
    ]


def worth(draw: int, task: str, units: int, variant: str) -> dict[str, Any]:
    """Train 30 networks side by side, each with a setting of its own; return each one's errors.

    Errors are shares of the mean squared error, or of the cross-entropy, of the best constant
    answer. Ten times in the course of training the networks are tried on new data, and the
    weights that do best are kept and tested. Data and noise are the same for all variants, and so
    are the initial weights where the sizes are; the controls alone begin otherwise.
    """
    D, out, updates, batch = TASKS[task]
    again, shut = (variant == control for control in CONTROLS)
    network = networks.Network(named("vanilla" if again or shut else variant, variants.BY_NAME))
    budget = networks.Network(variants.VANILLA).parameters(D, units, out)
    H = networks.nearest_size(network, D, out, budget)
    rng, first = (np.random.default_rng([units, draw, k]) for k in (0, 1 + again))
    noises = torch.Generator().manual_seed(1000 * units + draw)
    mine = settings(units, draw)
    noise = torch.tensor([s["noise"] for s in mine]).view(-1, 1, 1, 1)
    start = side_by_side.stack(
        networks.uniform(network, D, H, out, r) for r in first.spawn(NETWORKS)
    )
    if shut:
        start[2][:, :H] = -1
    train, new, tests = _data(task, rng)

    @torch.no_grad()
    def shares(weights: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        left = side_by_side.shares(network, weights, x, y)
        return left.nan_to_num(torch.inf).clamp(max=1000)

    batches = _noisy((train(batch) for _ in range(updates)), noise, noises)
    rates = [s["lr"] for s in mine]
    training = side_by_side.train(network, start, batches, rates, max_norm=1.0)
    best = side_by_side.keep_best(
        start, training, lambda weights: shares(weights, *new), every=updates // 10
    )
    tried = {name: shares(best.weights, *exam) for name, exam in tests.items()}
    return {
        "hidden": H,
        "weights": network.parameters(D, H, out),
        **{
            name: [digits(e) for e in es.tolist()]
            for name, es in {"valid": best.errors, **tried}.items()
        },
    }


def _noisy(
    batches: Iterable[tuple[Tensor, Tensor]], noise: Tensor, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Add to each network's inputs noise of its own size."""
    for x, y in batches:
        N, T, *shape = x.shape  # drawn step by step, as the first results were
        drawn = torch.randn(T, N, *shape, generator=generator).movedim(0, 1)
        yield x + noise * drawn, y


def _data(task: str, rng: np.random.Generator) -> tuple[Any, Any, dict[str, Any]]:
    """Return a function that draws a batch for each network, data to choose by, data to test on."""
    if task == "vowels":
        return _vowels(rng)
    if task == "text":
        return _text(rng)
    kind = {"adding": tasks.adding, "elapsed": tasks.elapsed}[task]
    scale = {"adding": 1.0, "elapsed": 0.1}[task]

    def draw(batch: int, times: int = 1) -> tuple[Tensor, Tensor]:
        x, y = kind(times * LENGTH[task], NETWORKS * batch, rng)
        x = np.moveaxis(x.reshape(len(x), NETWORKS, batch, -1), 1, 0)
        y = np.moveaxis(scale * y.reshape(*y.shape[:-2], NETWORKS, batch, -1), -3, 0)
        return _tensor(x), _tensor(y)

    new, tests = draw(100), {"test": draw(500)}
    return draw, new, tests | ({"far": draw(50, FAR)} if task == "elapsed" else {})


def _text(rng: np.random.Generator) -> tuple[Any, Any, dict[str, Any]]:
    """Return the same for the next character of the King James Version, letters and spaces.

    Nine tenths to train on, a twentieth each to choose by and to test on.
    """
    letters = re.sub("[^a-z]+", " ", datasets.bible().lower())
    codes = np.frombuffer(letters.encode(), dtype=np.uint8).astype(np.int64)
    codes = np.where(codes == ord(" "), 0, codes - ord("a") + 1)
    train, new, test = np.split(codes, [len(codes) * 18 // 20, len(codes) * 19 // 20])

    def cut(part: Array, starts: Array, length: int) -> tuple[Tensor, Tensor]:
        window = part[np.arange(length + 1)[:, None] + starts[:, None]]
        return _tensor(np.eye(27)[window[:, :-1]]), torch.tensor(window[:, 1:])

    def draw(batch: int) -> tuple[Tensor, Tensor]:
        T = LENGTH["text"]
        return cut(train, rng.integers(0, len(train) - T, (NETWORKS, batch)), T)

    def spread(part: Array, count: int, length: int) -> tuple[Tensor, Tensor]:
        starts = np.linspace(0, len(part) - length - 1, count).astype(int)
        return _for_all(*cut(part, starts[None], length))

    T = LENGTH["text"]
    return (
        draw,
        spread(new, 50, T),
        {"test": spread(test, 200, T), "far": spread(test, 20, FAR * T)},
    )


def _vowels(rng: np.random.Generator) -> tuple[Any, Any, dict[str, Any]]:
    """Return the same for the Japanese vowels: 216 utterances to train on, 54 to choose by.

    The answer is wanted at an utterance's last frame, and the test is the official one.
    """
    whole, test = datasets.japanese_vowels()
    kept, held_out = classifying.split(whole.labels, 0)
    parts = [
        datasets.Utterances(whole.x[:, k], whole.lengths[k], whole.labels[k])
        for k in (kept, held_out)
    ]
    sets: list[tuple[Tensor, Tensor]] = []
    for part in classifying.scale([*parts, test]):
        wanted = np.full(part.x.shape[:2], -1)
        wanted[part.lengths - 1, np.arange(len(part.labels))] = part.labels
        sets.append((torch.tensor(part.x, dtype=torch.float32), torch.tensor(wanted)))
    (x, y), new, exam = sets

    def draw(batch: int) -> tuple[Tensor, Tensor]:
        chosen = torch.as_tensor(rng.integers(0, x.shape[1], (NETWORKS, batch)))
        return x[:, chosen].movedim(1, 0), y[:, chosen].movedim(1, 0)

    to_choose, to_test = (_for_all(x[None], y[None]) for x, y in (new, exam))
    return draw, to_choose, {"test": to_test}


def _for_all(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Let all networks read the same sequences."""
    return x.expand(NETWORKS, *x.shape[1:]), y.expand(NETWORKS, *y.shape[1:])


def _tensor(array: Array) -> Tensor:
    return torch.tensor(np.ascontiguousarray(array), dtype=torch.float32)


def _same_picture(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Ask that the geometric means of the thirty networks lie within a factor of 2."""
    means = [float(np.exp(np.mean(np.log(result["test"])))) for result in (a, b)]
    return max(means) < 2 * min(means)


EXPERIMENTS = {
    "worth": Experiment(
        about="eight variants of the LSTM in a search shared by all, four tasks",
        trials=[
            {"draw": draw, "task": task, "units": units, "variant": variant}
            for draw, cells in [(0, VARIANTS + CONTROLS), (1, AGAIN)]
            for task, units, variant in product(TASKS, UNITS, cells)
        ],
        run=worth,
        agree=_same_picture,
        sample=[0, 37, 59, 84],
        seeds="the draw and the units of each trial, spawned for networks side by side",
    ),
}
