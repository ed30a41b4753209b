"""A training run between two epochs."""

import copy
import math
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn, optim
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR
from tqdm import tqdm

from lstm_tutorial import _check, _globals
from lstm_tutorial.training import _checkpoint, _validation
from lstm_tutorial.training._history import History

Array = np.ndarray
Loss = Callable[[nn.Module, Any], Tensor]
Source = Callable[[np.random.Generator], Iterable[Any]]

OPTIMIZERS: dict[str, Any] = {"adam": optim.Adam, "adamw": optim.AdamW, "sgd": optim.SGD}


@contextmanager
def seeded(seed: int, epoch: int) -> Iterator[np.random.Generator]:
    """Seed torch, Python's random and NumPy's global generator for one epoch of `fit`.

    A context: behind it the global generators are as they were before it.

    Parameters
    ----------
    seed : int
        At least 0.
    epoch : int
        At least 0; `fit` counts from 1.

    Yields
    ------
    numpy Generator
        ``np.random.default_rng([seed, epoch])``, which `fit` hands to its source of batches.

    Raises
    ------
    TypeError, ValueError
        For what is no integer of at least 0.
    """
    sequence = np.random.SeedSequence([_check.seed("seed", seed), _check.seed("epoch", epoch)])
    # Three words, since all three generators are Mersenne twisters: one word, one stream.
    words = [int(word) for word in sequence.generate_state(3)]
    with _globals.randomness():
        torch.manual_seed(words[0])
        random.seed(words[1])
        np.random.seed(words[2])  # noqa: NPY002  (for what others draw inside a loss)
        yield np.random.default_rng(sequence)


class Run:
    """A training run between two epochs."""

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        batches: Source,
        valid: Iterable[Any] | None,
        count: Callable[[Any], int] | None,
        settings: dict[str, Any],
        path: Path | None,
    ) -> None:
        self.model, self.loss, self.batches, self.valid = model, loss, batches, valid
        self.path, self.settings = path, settings
        self.per_epoch, first = self._count()
        first_valid = self._weigh(count)
        self.settings = {
            **settings,
            "loss": _name(loss),
            "count": _name(count or _validation.sequences),
            "model": _summary(model),
            "the digest of the initial weights": _checkpoint.digest(model.state_dict())[:12],
            "batches an epoch": self.per_epoch,
            "the digest of the first batch": first,
            "the digest of the first validation batch": first_valid,
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
        with seeded(self.settings["seed"], 1) as rng:
            for batch in self._source(rng):
                first = first or _checkpoint.digest(batch)[:12]
                count += 1
        if count == 0:
            raise ValueError("batches: expected at least one batch an epoch, got none")
        return count, first

    def _weigh(self, count: Callable[[Any], int] | None) -> str | None:
        """Weigh the validation batches by their sequences; return the digest of the first."""
        if self.valid is None:
            return None
        with seeded(self.settings["seed"], 0):
            self.shares = _validation.shares(self.valid, count)
            return _checkpoint.digest(next(iter(self.valid)))[:12]

    def _source(self, rng: np.random.Generator) -> Iterable[Any]:
        source = self.batches(rng)
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
        with seeded(self.settings["seed"], epoch) as rng:
            losses, norms, lr = self._updates(epoch, rng)
            valid = self.validate(epoch)
        self.rows.append((epoch, sum(losses) / len(losses), valid, max(norms), lr))
        if self.history.best == epoch:
            self.best = copy.deepcopy(self.model.state_dict())
        if self.path is not None and _is_first():
            _checkpoint.save(self.path, self.state())

    def _updates(
        self, epoch: int, rng: np.random.Generator
    ) -> tuple[list[float], list[float], float]:
        """Make the updates of an epoch; return losses, norms and the last learning rate."""
        losses, norms, lr = [], [], math.nan
        self.model.train()
        for k, batch in enumerate(self._source(rng), start=1):
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
        return losses, norms, lr

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
        """Return the mean loss over the validation sequences, NaN if there are none."""
        if self.valid is None:
            return math.nan
        self.model.eval()
        values = []
        with torch.no_grad():
            for k, batch in enumerate(self.valid, start=1):
                value = self._loss(batch)
                self._finite("validation loss", value, f"epoch {epoch}, validation batch {k}")
                values.append(value.item())
        if len(values) != len(self.shares):
            raise ValueError(
                f"valid: expected {len(self.shares)} batches as at the first walk, "
                f"got {len(values)} in epoch {epoch}"
            )
        weighed = (share * value for share, value in zip(self.shares, values, strict=True))
        return sum(weighed) / sum(self.shares)

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

    def _extends(self, done: int) -> bool:
        """Return whether a run may go on to another total of epochs after those it has run."""
        return self.settings["schedule"] is None and done <= self.settings["epochs"]

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint ended, if it is of the same run."""
        for name, wanted in self.settings.items():
            got = state["settings"].get(name)
            if got != wanted and not (name == "epochs" and self._extends(len(state["history"]))):
                why = ""
                if name == "epochs" and self.settings["schedule"]:
                    why = f" (the schedule {self.settings['schedule']!r} depends on the total)"
                raise ValueError(
                    f"checkpoint: expected a run with {name} {wanted!r} in {self.path}, got one "
                    f"with {got!r}{why}; name another file, or delete this one to start anew"
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


def _name(function: Any) -> str:
    """Return by what a function is known again in another process."""
    return getattr(function, "__qualname__", type(function).__name__)


def _summary(model: nn.Module) -> str:
    shapes = [tuple(p.shape) for p in model.parameters()]
    return f"{type(model).__name__} with weights {shapes}"
