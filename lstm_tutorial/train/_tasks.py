"""The tasks of the command: each makes its model, its batches, and a report on its test set."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lstm_tutorial import datasets, tasks, training
from lstm_tutorial.models import CharLM, Forecaster, LSTMModel
from lstm_tutorial.train._processes import Batch, Setting

Source = Callable[[np.random.Generator], Iterator[Batch]]


class Problem(NamedTuple):
    """What `lstm_tutorial.training.fit` needs of a task, and the report on its test set.

    Attributes
    ----------
    model : torch.nn.Module
    loss : callable
        The mean over the sequences of a batch.
    batches : callable
        All batches of one size.
    valid : list of batches
    report : callable
        Says in a line how good the model is.
    axes : tuple
        Along which axis the sequences of each item of a batch lie; None for an item that all share.
    """

    model: nn.Module
    loss: Callable[[nn.Module, Any], Tensor]
    batches: Source
    valid: list[Batch]
    report: Callable[[], str]
    axes: tuple[int | None, ...]


class Task(NamedTuple):
    """A task by name: made from the size of model and batch, with what is usual for it."""

    about: str
    make: Callable[[int, int, Setting], Problem]
    defaults: dict[str, Any]
    fixed: dict[str, Any]


def _adding(hidden: int, batch: int, setting: Setting) -> Problem:
    length, updates = 50, 50
    model = LSTMModel(2, hidden, 1).to(setting.device)

    def draw(size: int, rng: np.random.Generator) -> Batch:
        return setting.tensors(*tasks.adding(length, size, rng))

    def batches(rng: np.random.Generator) -> Iterator[Batch]:
        return (draw(batch, rng) for _ in range(updates))

    def report() -> str:
        x, y = draw(2000, np.random.default_rng(2))
        error, constant = (model(x) - y).abs().mean(), (1 - y).abs().mean()
        return f"mean absolute error {error:.3f}; always answering 1 has {constant:.3f}"

    return Problem(model, _mse, batches, [draw(500, np.random.default_rng(1))], report, (1, 0))


def _vowels(hidden: int, batch: int, setting: Setting) -> Problem:
    train, test = datasets.japanese_vowels()
    model = LSTMModel(train.x.shape[2], hidden, 9, bidirectional=True).to(setting.device)
    valid_steps = [np.arange(len(p.x))[:, None] < p.lengths for p in (train, test)]
    frames = [p.x[steps] for p, steps in zip((train, test), valid_steps, strict=True)]
    scaled, _ = datasets.standardise(*frames)
    sets = []
    for part, steps, values in zip((train, test), valid_steps, scaled, strict=True):
        x = np.zeros_like(part.x)
        x[steps] = values
        sets.append(setting.tensors(x, part.lengths, part.labels))
    axes = (1, 0, 0)
    everyone = torch.arange(len(train.labels))  # speaker after speaker: each gives a fifth
    learnt, valid = (_take(sets[0], axes, everyone[(everyone % 5 == 0) == v]) for v in (0, 1))

    def cross_entropy(model: nn.Module, batch: Batch) -> Tensor:
        x, lengths, labels = batch
        return nn.functional.cross_entropy(model(x, lengths), labels)

    def report() -> str:
        x, lengths, labels = sets[1]
        wrong = int((model(x, lengths).argmax(1) != labels).sum())
        return f"test accuracy {1 - wrong / len(labels):.3f}; {wrong} of {len(labels)} wrong"

    return Problem(model, cross_entropy, _shuffled(learnt, axes, batch), [valid], report, axes)


def _forecast(hidden: int, batch: int, setting: Setting) -> Problem:
    series, length, year = datasets.co2().values, 36, 12
    model = Forecaster(length, year, hidden, difference=year).to(setting.device)
    learnt, before_test = len(series) - 180, len(series) - 120
    model.set_scale(series[:learnt])
    valid, axes = [model.windows(series[learnt - length : before_test])], (1, 0)

    def report() -> str:
        past, future = datasets.windows(series[before_test - length :], length, year)
        error = np.abs(model.forecast(past[..., 0]) - future).mean()
        naive = np.abs(past[-year:, :, 0].T - future).mean()
        return (
            f"mean absolute error {error:.2f} ppmv, 1 to 12 months ahead in the last 10 years; "
            f"the value of a year before has {naive:.2f}"
        )

    batches = _shuffled(model.windows(series[:learnt]), axes, batch)
    return Problem(model, _mse, batches, valid, report, axes)


def _language(hidden: int, batch: int, setting: Setting) -> Problem:
    text, chunk = datasets.bible(), 64
    model = CharLM("".join(sorted(set(text))), hidden).to(setting.device)
    learnt, valid, test = model.encode(text).to(setting.device).split([450_000, 25_000, 25_000])
    _check_batch(batch, (len(learnt) - 1) // chunk)
    batches = training.streams(learnt, batch, chunk)

    def report() -> str:
        counts = torch.bincount(learnt, minlength=len(model.alphabet)) + 1
        alone = -(counts / counts.sum()).log2()[test].mean()
        return (
            f"{model.bits(model.decode(test)).mean():.2f} bits a character of the test text; "
            f"the frequencies of the characters alone give {alone:.2f}"
        )

    return Problem(
        model,
        training.StatefulLoss(),
        lambda rng: iter(batches),
        list(training.streams(valid, 16, chunk)),
        report,
        (1, 1, None),
    )


def _mse(model: nn.Module, batch: Batch) -> Tensor:
    x, y = batch
    return nn.functional.mse_loss(model(x), y)


def _take(batch: Batch, axes: tuple[int | None, ...], which: Tensor) -> Batch:
    """Return some of a batch's sequences, in the order of `which`."""
    return tuple(
        item if axis is None else item.index_select(axis, which.to(item.device))
        for item, axis in zip(batch, axes, strict=True)
    )


def _shuffled(data: Batch, axes: tuple[int | None, ...], batch: int) -> Source:
    """Return the source of full batches in random order; what is left over waits an epoch."""
    size = data[0].shape[1]
    _check_batch(batch, size)

    def batches(rng: np.random.Generator) -> Iterator[Batch]:
        order = torch.from_numpy(rng.permutation(size))
        return (_take(data, axes, part) for part in order.split(batch) if len(part) == batch)

    return batches


def _check_batch(batch: int, most: int) -> None:
    if batch > most:
        raise ValueError(f"--batch: expected at most {most}, as the data have, got {batch}")


TASKS = {
    "adding": Task(
        "add the two marked numbers of 50; 50 batches an epoch, drawn anew",
        _adding,
        {"epochs": 40, "lr": 0.01, "hidden": 32, "batch": 32},
        {"max_norm": 1.0},
    ),
    "vowels": Task(
        "tell nine speakers apart by the Japanese vowels they say",
        _vowels,
        {"epochs": 60, "lr": 0.005, "hidden": 64, "batch": 32},
        {"max_norm": 1.0, "schedule": "onecycle"},
    ),
    "forecast": Task(
        "forecast the carbon dioxide over Mauna Loa, 12 months at once",
        _forecast,
        {"epochs": 100, "lr": 0.005, "hidden": 32, "batch": 32},
        {"max_norm": 1.0, "patience": 20},
    ),
    "language": Task(
        "foretell the next character of a text, the King James Bible",
        _language,
        {"epochs": 10, "lr": 0.005, "hidden": 128, "batch": 32},
        {"max_norm": 1.0, "schedule": "cosine"},
    ),
}
