"""One training loop: clipping, schedules, early stopping, and checkpoints that resume exactly.

The order of the batches, and every other random draw of an epoch, is a function of the seed and of
the epoch's number. So a run needs no state of a random generator to go on where it was stopped.
"""

import copy
import hashlib
import math
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn, optim
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR
from tqdm import tqdm

from lstm_tutorial import _check

Array = np.ndarray
Loss = Callable[[nn.Module, Any], Tensor]
Source = Callable[[np.random.Generator], Iterable[Any]]

OPTIMIZERS: dict[str, Any] = {"adam": optim.Adam, "adamw": optim.AdamW, "sgd": optim.SGD}
SCHEDULES = ("cosine", "onecycle")
FORMAT, VERSION = "lstm_tutorial.training", 1
SHOWN = 20  # rows of a history that are printed in full


class History(NamedTuple):
    """One row an epoch; printed, it is a table with a star at the best epoch.

    Attributes
    ----------
    epochs : integer array
        From 1.
    losses : array
        Mean over the batches of the epoch, each before its update.
    valid_losses : array
        Mean over the validation batches after the epoch; NaN without a validation set.
    norms : array
        The largest global norm of the gradient in the epoch, before clipping.
    lrs : array
        Learning rate of the last update of the epoch.
    """

    epochs: Array
    losses: Array
    valid_losses: Array
    norms: Array
    lrs: Array

    @property
    def best(self) -> int | None:
        """The first epoch with the lowest validation loss; None without a validation set."""
        if np.isnan(self.valid_losses).any():
            return None
        return int(self.epochs[np.argmin(self.valid_losses)])

    def __str__(self) -> str:
        rows = [self._row(*row) for row in zip(*self, strict=True)]
        if len(rows) > SHOWN:
            rows[SHOWN // 2 : -SHOWN // 2] = ["  ..."]
        return "\n".join(["epoch        loss       valid        norm          lr", *rows])

    def _row(self, epoch: int, loss: float, valid: float, norm: float, lr: float) -> str:
        shown = f"{'-' if np.isnan(valid) else format(valid, '.4g'):>12}"
        star = " *" if epoch == self.best else ""
        return f"{epoch:5d}{loss:12.4g}{shown}{norm:12.4g}{lr:12.4g}{star}"


def seed_all(seed: int, epoch: int) -> np.random.Generator:
    """Seed torch, Python's random and NumPy's global generator for one epoch of `fit`.

    Parameters
    ----------
    seed : int
        At least 0.
    epoch : int
        At least 0; `fit` counts from 1.

    Returns
    -------
    numpy Generator
        ``np.random.default_rng([seed, epoch])``, which `fit` hands to its source of batches.
    """
    sequence = np.random.SeedSequence([seed, epoch])
    # Three words, since all three generators are Mersenne twisters: one word, one stream.
    words = [int(word) for word in sequence.generate_state(3)]
    torch.manual_seed(words[0])
    random.seed(words[1])
    np.random.seed(words[2])  # noqa: NPY002  (for what others draw inside a loss)
    return np.random.default_rng(sequence)


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Give the global generators back as they were found."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


def fit(
    model: nn.Module,
    loss: Loss,
    batches: Source,
    valid: Iterable[Any] | None = None,
    *,
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
        `loss` needs to know. `rng` is that of `seed_all`; to draw from it alone makes the order a
        function of seed and epoch. Every epoch must have equally many batches. They are walked
        through once before the first epoch, to count them.
    valid : iterable or None
        The validation batches, the same at each walk: a list, not a generator. `loss` is averaged
        over them, each batch counting the same, in evaluation mode and without gradients.
    lr : float
        Learning rate; the peak of it with "onecycle".
    epochs : int
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
        deterministic). Of several processes (`torch.distributed`) all read it, the first writes it.
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
        settings. The settings compared are all but `progress`, data by the first batch alone, and
        `loss` by its name. The file stays as it is.
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
    _check_parts(model, loss, batches, valid)
    if patience is not None and valid is None:
        raise ValueError(f"patience: expected None without a validation set, got {patience}")
    if not isinstance(progress, bool):
        raise TypeError(f"progress: expected a bool, got {type(progress).__name__}")
    path = None if checkpoint is None else _path(checkpoint)
    with _own_randomness():
        run = _Run(model, loss, batches, valid, settings, path)
        if path is not None and path.exists():
            run.restore(_load(path))
        run.to_the_end(progress)
    return run.history


class Chunk(NamedTuple):
    """A piece of B parallel streams, for `StatefulLoss`.

    Attributes
    ----------
    x : tensor (T, B)
    y : tensor (T, B)
        What follows on each element of `x` in its stream.
    first : bool
        Whether the streams begin here, so that there is no state to carry on from.
    """

    x: Tensor
    y: Tensor
    first: bool


def streams(ids: Tensor, batch_size: int, length: int) -> list[Chunk]:
    """Cut one long sequence into parallel streams, and these into consecutive chunks.

    Row b of every chunk goes on where row b of the chunk before it ended: the batches of truncated
    backpropagation through time, in the order in which they have to come.

    Parameters
    ----------
    ids : tensor (N,)
        The whole sequence, for instance the numbers of characters.
    batch_size : int
        B, the number of streams; each is a consecutive piece of the sequence.
    length : int
        T, the steps of a chunk: how far gradients go back.

    Returns
    -------
    list of Chunk
        (N - 1) // (B T) chunks of one shape; what is left over at the end of a stream is not used.

    Raises
    ------
    TypeError, ValueError
        For a bad argument, and for a sequence too short for one chunk.

    Examples
    --------
    >>> for x, y, first in streams(torch.arange(13), batch_size=2, length=3):
    ...     print(x.T.tolist(), y.T.tolist(), first)
    [[0, 1, 2], [6, 7, 8]] [[1, 2, 3], [7, 8, 9]] True
    [[3, 4, 5], [9, 10, 11]] [[4, 5, 6], [10, 11, 12]] False
    """
    if not isinstance(ids, Tensor):
        raise TypeError(f"ids: expected a tensor, got {type(ids).__name__}")
    if ids.dim() != 1:
        raise ValueError(f"ids: expected shape (N,), got {tuple(ids.shape)}")
    batch_size = _check.positive_int("batch_size", batch_size)
    length = _check.positive_int("length", length)
    steps = (len(ids) - 1) // batch_size  # of a stream; the last element is only ever foretold
    if steps < length:
        raise ValueError(
            f"ids: expected at least {batch_size * length + 1} elements, for "
            f"batch_size={batch_size} and length={length}, got {len(ids)}"
        )
    x, y = (part[: batch_size * steps].view(batch_size, steps).T for part in (ids[:-1], ids[1:]))
    starts = range(0, steps - length + 1, length)
    return [Chunk(x[s : s + length], y[s : s + length], s == 0) for s in starts]


class StatefulLoss:
    """Cross-entropy of the next element, with the state carried from chunk to chunk.

    For `fit`, with the chunks of `streams` in their order. The numbers of the state go on, its
    history is cut off at the end of each chunk. A first chunk starts from the model's own zeros,
    so that epochs and validation do not see each other's states, and a resumed run is exact.

    The model takes ``(x, state)`` and returns ``(logits, state)``, with logits (T, B, V) and a
    state that is a tuple of tensors, as `torch.nn.LSTM` has it.

    Attributes
    ----------
    state : tuple of tensors or None
        Of the last chunk, detached; None before the first.
    """

    def __init__(self) -> None:
        self.state: tuple[Tensor, ...] | None = None

    def __call__(self, model: nn.Module, batch: Chunk) -> Tensor:
        """Return the mean over the chunk, in nats.

        Parameters
        ----------
        model : torch.nn.Module
        batch : Chunk

        Returns
        -------
        tensor ()

        Raises
        ------
        ValueError
            For a chunk that goes on where none was before it.
        """
        x, y, first = batch
        if self.state is None and not first:
            raise ValueError("batch: expected the first chunk of the streams, got a later one")
        logits, state = model(x, None if first else self.state)
        self.state = tuple(part.detach() for part in state)
        return nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())


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


def _check_parts(model: Any, loss: Any, batches: Any, valid: Any) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module, got {type(model).__name__}")
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("model: expected weights that need a gradient, got none")
    if not callable(loss):
        raise TypeError(f"loss: expected loss(model, batch), got {type(loss).__name__}")
    if not callable(batches):
        raise TypeError(f"batches: expected batches(rng), got {type(batches).__name__}")
    if valid is not None and (isinstance(valid, Iterator) or not isinstance(valid, Iterable)):
        raise TypeError(f"valid: expected a list of batches, got {type(valid).__name__}")


def _path(checkpoint: Any) -> Path:
    if not isinstance(checkpoint, str | Path):
        raise TypeError(f"checkpoint: expected a path, got {type(checkpoint).__name__}")
    path = Path(checkpoint)
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"checkpoint: expected a file in a folder that exists, got {path}")
    return path


class _Run:
    """A training run between two epochs."""

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        batches: Source,
        valid: Iterable[Any] | None,
        settings: dict[str, Any],
        path: Path | None,
    ) -> None:
        self.model, self.loss, self.batches, self.valid = model, loss, batches, valid
        self.path, self.settings = path, settings
        self.per_epoch, first = self._count()
        self.settings = {
            **settings,
            "loss": getattr(loss, "__qualname__", type(loss).__name__),
            "model": _summary(model),
            "the digest of the initial weights": _digest(model.state_dict())[:12],
            "batches an epoch": self.per_epoch,
            "the digest of the first batch": first,
            "the digest of the first validation batch": self._first_valid(),
        }
        self.weights = [p for p in model.parameters() if p.requires_grad]
        decay = settings["weight_decay"]
        options = {} if decay is None else {"weight_decay": decay}
        kind = OPTIMIZERS[settings["optimizer"]]
        self.optimizer = kind(self.weights, lr=settings["lr"], **options)
        self.scheduler = self._scheduler()
        self.rows: list[tuple[float, ...]] = []
        self.best: dict[str, Any] | None = None
        self.norm = math.nan

    def _count(self) -> tuple[int, str]:
        """Return the number of batches of the first epoch and the digest of the first."""
        count, first = 0, ""
        for batch in self._source(1):
            first = first or _digest(batch)[:12]
            count += 1
        if count == 0:
            raise ValueError("batches: expected at least one batch an epoch, got none")
        return count, first

    def _first_valid(self) -> str | None:
        if self.valid is None:
            return None
        for batch in self.valid:
            return _digest(batch)[:12]
        raise ValueError("valid: expected at least one batch, got none")

    def _source(self, epoch: int) -> Iterable[Any]:
        source = self.batches(seed_all(self.settings["seed"], epoch))
        if not isinstance(source, Iterable):
            raise TypeError(
                f"batches: expected batches(rng) to be iterable, got {type(source).__name__}"
            )
        return source

    def _scheduler(self) -> LRScheduler | None:
        updates = self.settings["epochs"] * self.per_epoch
        if self.settings["schedule"] == "cosine":
            return CosineAnnealingLR(self.optimizer, updates)
        if self.settings["schedule"] == "onecycle":
            lr = self.settings["lr"]
            return OneCycleLR(self.optimizer, lr, total_steps=updates, cycle_momentum=False)
        return None

    @property
    def history(self) -> History:
        epochs, *columns = np.array(self.rows, dtype=np.float64).reshape(-1, 5).T
        return History(epochs.astype(np.int64), *columns)

    @property
    def finished(self) -> bool:
        done, patience = len(self.rows), self.settings["patience"]
        stale = patience is not None and done > 0 and done - (self.history.best or 0) >= patience
        return stale or done == self.settings["epochs"]

    def to_the_end(self, progress: bool) -> None:
        """Run the epochs that are left, then load the best weights."""
        total, done = self.settings["epochs"], len(self.rows)
        off = None if progress else True  # None: off where there is no terminal
        with tqdm(total=total, initial=done, unit="epoch", disable=off) as bar:
            while not self.finished:
                self.epoch(len(self.rows) + 1)
                bar.update()
                _, loss, valid, *_ = self.rows[-1]
                bar.set_postfix(
                    {"loss": loss} if self.valid is None else {"loss": loss, "valid": valid}
                )
        if self.best is not None:
            self.model.load_state_dict(self.best)
        self.model.eval()

    def epoch(self, epoch: int) -> None:
        """Train for one epoch, validate, and store where the run stands."""
        losses, norms, lr = [], [], math.nan
        self.model.train()
        for k, batch in enumerate(self._source(epoch), start=1):
            if k > self.per_epoch:
                raise self._another_count(epoch, "more")
            where = f"epoch {epoch}, batch {k} of {self.per_epoch}"
            lr = self.optimizer.param_groups[0]["lr"]
            losses.append(self.update(batch, where))
            norms.append(self.norm)
        if len(losses) < self.per_epoch:
            raise self._another_count(epoch, str(len(losses)))
        for name, weight in self.model.named_parameters():
            self._finite(f"weights {name}", weight, f"epoch {epoch}, after its last update")
        valid = self.validate(epoch)
        self.rows.append((epoch, sum(losses) / len(losses), valid, max(norms), lr))
        if self.history.best == epoch:
            self.best = copy.deepcopy(self.model.state_dict())
        if self.path is not None and _is_first():
            _save(self.path, self.state())

    def update(self, batch: Any, where: str) -> float:
        """Make one update and return the loss before it."""
        value = self._loss(batch)
        if not value.requires_grad:
            raise ValueError("loss: expected a tensor that depends on the weights, got a constant")
        self._finite("loss", value, where)
        self.optimizer.zero_grad()
        value.backward()
        grads = [weight.grad for weight in self.weights if weight.grad is not None]
        norm = get_total_norm(grads)
        self._finite("the gradient's norm", norm, where)
        if self.settings["max_norm"] is not None:
            clip_grads_with_norm_(self.weights, self.settings["max_norm"], norm)
        self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()
        self.norm = norm.item()
        return value.item()

    def validate(self, epoch: int) -> float:
        """Return the mean loss of the validation batches, NaN if there are none."""
        if self.valid is None:
            return math.nan
        self.model.eval()
        values = []
        with torch.no_grad():
            for k, batch in enumerate(self.valid, start=1):
                value = self._loss(batch)
                self._finite("validation loss", value, f"epoch {epoch}, validation batch {k}")
                values.append(value.item())
        return sum(values) / len(values)

    def _loss(self, batch: Any) -> Tensor:
        value = self.loss(self.model, batch)
        if not isinstance(value, Tensor):
            raise TypeError(f"loss: expected it to return a tensor, got {type(value).__name__}")
        if value.numel() != 1:
            raise ValueError(f"loss: expected one number, got shape {tuple(value.shape)}")
        return value

    def _another_count(self, epoch: int, got: str) -> ValueError:
        expected = f"expected {self.per_epoch} in epoch {epoch} as in the first"
        return ValueError(f"batches: {expected}, got {got}")

    def _finite(self, name: str, value: Tensor, where: str) -> None:
        finite = value.isfinite()
        if finite.all():
            return
        got = value[~finite].flatten()[0].item()
        norm = "not known yet" if math.isnan(self.norm) else f"{self.norm:.3g}"
        kept = (
            ""
            if self.path is None or not self.rows
            else (f" {self.path} holds the run as it was after epoch {len(self.rows)}.")
        )
        raise FloatingPointError(
            f"{name}: expected finite numbers, got {got} in {where}; the last gradient's norm was "
            f"{norm}. Try a smaller lr (now {self.settings['lr']:g}) or max_norm (now "
            f"{self.settings['max_norm']}), and look for NaN, infinities and huge numbers in the "
            f"batch.{kept}"
        )

    def state(self) -> dict[str, Any]:
        """Return all that the rest of the run depends on."""
        return {
            "settings": self.settings,
            "history": self.rows,
            "norm": self.norm,
            "model": self.model.state_dict(),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint ended, if it is of the same run."""
        for name, wanted in self.settings.items():
            if (got := state["settings"].get(name)) != wanted:
                raise ValueError(
                    f"checkpoint: expected a run with {name} {wanted!r} in {self.path}, got one "
                    f"with {got!r}; name another file, or delete this one to start anew"
                )
        self.rows, self.norm, self.best = state["history"], state["norm"], state["best"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])


def _is_first() -> bool:
    """Return whether this is the only process of a run, or the first of several."""
    several = dist.is_available() and dist.is_initialized()
    return not several or dist.get_rank() == 0


def _summary(model: nn.Module) -> str:
    shapes = [tuple(p.shape) for p in model.parameters()]
    return f"{type(model).__name__} with weights {shapes}"


def _digest(value: Any) -> str:
    """Return the SHA-256 of nested containers of tensors, arrays and plain values."""
    digest = hashlib.sha256()
    for piece in _pieces(value):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, Tensor):
        yield f"{value.dtype} {tuple(value.shape)};".encode()
        yield value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype} {value.shape};".encode()
        yield value.tobytes()
    elif isinstance(value, Mapping):
        yield from _pieces([item for pair in value.items() for item in pair])
    elif isinstance(value, list | tuple):
        yield f"{len(value)} of;".encode()
        for item in value:
            yield from _pieces(item)
    elif value is None or isinstance(value, bool | int | float | str):
        yield f"{value!r};".encode()
    else:  # its repr could hold an address, which differs from run to run
        yield f"{type(value).__name__};".encode()


def _save(path: Path, state: dict[str, Any]) -> None:
    """Replace the file at one stroke: at any moment there is the old one or the new one."""
    whole = {"format": FORMAT, "version": VERSION, "digest": _digest(state), "state": state}
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        torch.save(whole, file)
        file.flush()
        os.fsync(file.fileno())  # on the disk before the name points to it
    os.replace(part, path)


def _load(path: Path) -> dict[str, Any]:
    """Return the state in a checkpoint; nothing in the file is executed."""
    start = f"checkpoint: expected a file of {FORMAT} version {VERSION} in {path}, got"
    data = path.read_bytes()
    try:
        whole = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # what is raised depends on where the file is damaged
        raise ValueError(
            f"{start} {len(data)} bytes that are damaged or of another kind"
        ) from error
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise ValueError(f"{start} a file that something else wrote")
    if whole.get("version") != VERSION:
        raise ValueError(f"{start} version {whole.get('version')}")
    if whole.get("digest") != _digest(whole.get("state")):
        raise ValueError(f"{start} contents that are damaged: their digest is another")
    return whole["state"]
