"""The door to the training loop."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from torch import nn

from lstm_tutorial import _check, _tensors
from lstm_tutorial.training import _checkpoint
from lstm_tutorial.training._history import History
from lstm_tutorial.training._run import OPTIMIZERS, Loss, Run, Source

SCHEDULES = ("cosine", "onecycle")


def fit(
    model: nn.Module,
    loss: Loss,
    batches: Source,
    valid: Iterable[Any] | None = None,
    *,
    count: Callable[[Any], int] | None = None,
    lr: float,
    epochs: int,
    optimizer: str = "adam",
    schedule: str | None = None,
    max_norm: float | None = None,
    weight_decay: float | None = None,
    patience: int | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> History:
    """Train a model in place, one update a batch, and return what happened.

    With a validation set the weights of the best epoch are loaded at the end. The model is left in
    evaluation mode, the global random generators as they were.

    Parameters
    ----------
    model : torch.nn.Module
        Weights that need no gradient stay as they are.
    loss : callable
        ``loss(model, batch)`` returns a tensor with one number.
    batches : callable
        ``batches(rng)`` returns the batches of one epoch, as an iterable. What a batch is, only
        `loss` needs to know. `rng` is that of `seeded`; to draw from it alone makes the order a
        function of seed and epoch. Every epoch must have equally many batches. They are walked
        through once before the first epoch, to count them.
    valid : iterable or None
        The validation batches, the same at each walk: a list, not a generator. Their losses are
        averaged in evaluation mode and without gradients, each weighed by the number of sequences
        in its batch: where `loss` is a batch's mean over its sequences, so is the average.
    count : callable or None
        ``count(batch)`` returns how many sequences a validation batch holds. None means that all
        count the same where all have one shape, and otherwise by `sequences`, which knows the
        layouts of this package.
    lr : float
        Learning rate; the peak of it with "onecycle".
    epochs : int
        In all, those before a stop included.
    optimizer : {"adam", "adamw", "sgd"}
        PyTorch's, with its defaults.
    schedule : {None, "cosine", "onecycle"}
        The learning rate of every update: constant, or PyTorch's `CosineAnnealingLR` or
        `OneCycleLR` (without cycling momentum) over all updates of all epochs.
    max_norm : float or None
        Gradients of a larger global norm are scaled down to it.
    weight_decay : float or None
        For "adamw" alone: every update first multiplies all weights, biases too, by 1 minus
        learning rate times this (Loshchilov & Hutter, 2019). None is PyTorch's default, 0.01.
    patience : int or None
        Stop after so many epochs in a row without a new lowest validation loss.
    seed : int
        Of all that is random in training. The initial weights are the caller's.
    checkpoint : path or None
        File that is replaced after every epoch, at one stroke. If it is there at the start, the
        run goes on from it, and ends with the same bits as one that was never stopped (on the same
        machine, with the same versions and number of threads, and with operations that are
        deterministic). Without a schedule the total of epochs may be another than before, so that
        a finished run can be extended. Of several processes (`torch.distributed`) all read the
        file, the first writes it.
    progress : bool
        Show a bar; nothing is written where there is no terminal.

    Returns
    -------
    History

    Raises
    ------
    TypeError, ValueError
        For arguments that do not fit, no batches or another number of them in a later epoch, and
        for a checkpoint that is damaged, foreign, of another version or of a run with other
        settings. The settings compared are all but `progress`, data by the first batch alone,
        `loss` and `count` by their names. The file stays as it is.
    FloatingPointError
        If a loss, a gradient or a weight becomes NaN or infinite. The checkpoint stays that of the
        epoch before; the model's weights are those of the moment.
    """
    settings = {
        "lr": _check.positive_float("lr", lr),
        "epochs": _check.positive_int("epochs", epochs),
        "optimizer": _check.choice("optimizer", optimizer, tuple(OPTIMIZERS)),
        "schedule": schedule if schedule is None else _schedule(schedule),
        "max_norm": max_norm if max_norm is None else _check.positive_float("max_norm", max_norm),
        "weight_decay": _weight_decay(weight_decay, optimizer),
        "patience": patience if patience is None else _check.positive_int("patience", patience),
        "seed": _check.seed("seed", seed),
    }
    _check_parts(model, loss, batches, valid, count)
    if patience is not None and valid is None:
        raise ValueError(f"patience: expected None without a validation set, got {patience}")
    if not isinstance(progress, bool):
        raise TypeError(f"progress: expected a bool, got {type(progress).__name__}")
    path = None if checkpoint is None else _path(checkpoint)
    run = Run(model, loss, batches, valid, count, settings, path)
    if path is not None and path.exists():
        run.restore(_checkpoint.load(path))
    run.to_the_end(progress)
    return run.history


def _schedule(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"schedule: expected a string or None, got {type(value).__name__}")
    return _check.choice("schedule", value, SCHEDULES)


def _weight_decay(value: Any, optimizer: str) -> float | None:
    if value is None:
        return None
    if optimizer != "adamw":
        raise ValueError(f"weight_decay: expected None with optimizer {optimizer!r}, got {value}")
    return _check.positive_float("weight_decay", value)


def _check_parts(model: Any, loss: Any, batches: Any, valid: Any, count: Any) -> None:
    _tensors.module("model", model)
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("model: expected weights that need a gradient, got none")
    if not callable(loss):
        raise TypeError(f"loss: expected loss(model, batch), got {type(loss).__name__}")
    if not callable(batches):
        raise TypeError(f"batches: expected batches(rng), got {type(batches).__name__}")
    if not (count is None or callable(count)):
        raise TypeError(f"count: expected count(batch), got {type(count).__name__}")
    if valid is not None and (isinstance(valid, Iterator) or not isinstance(valid, Iterable)):
        raise TypeError(f"valid: expected a list of batches, got {type(valid).__name__}")


def _path(checkpoint: Any) -> Path:
    if not isinstance(checkpoint, str | Path):
        raise TypeError(f"checkpoint: expected a path, got {type(checkpoint).__name__}")
    path = Path(checkpoint)
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"checkpoint: expected a file in a folder that exists, got {path}")
    return path
