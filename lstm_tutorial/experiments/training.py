"""The long run of the chapter on training: one recipe on two tasks, one thing changed at a time.

The text is a slice of Genesis, too short to learn from without learning it by heart; the adding
problem draws new sequences for every update, and asks for a memory of fifty steps.
"""

import math
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lstm_tutorial import datasets, tasks
from lstm_tutorial.experiments._experiment import Experiment, digits
from lstm_tutorial.experiments._seeded import seeded
from lstm_tutorial.relatives.regularised import RegularisedLSTM, locked_dropout
from lstm_tutorial.training import Loss, fit

# The recipe: what is each task's own, and what both share.
BASE: dict[str, dict[str, Any]] = {
    "text": {"lr": 0.01, "hidden": 64, "batch": 16, "steps": 50, "epochs": 16},
    "adding": {"lr": 0.01, "hidden": 32, "batch": 32, "steps": 50, "epochs": 16},
}
COMMON: dict[str, Any] = {
    "max_norm": 1.0,
    "forget_bias": 1.0,
    "orthogonal": False,
    "layers": 1,
    "dropout": 0.0,
    "candidate": 0.0,
    "variational": 0.0,
    "layer_norm": False,
    "weight_decay": 0.0,
    "schedule": None,
}
TRAIN, PART = 30_000, 20_000  # characters to train on; to validate and to test on


class Network(nn.Module):
    """An LSTM and a linear readout at every step, with whatever a trial asks for."""

    def __init__(self, inputs: int, outputs: int, recipe: dict[str, Any]) -> None:
        super().__init__()
        H, layers = recipe["hidden"], recipe["layers"]
        inside = {"candidate": recipe["candidate"], "state": recipe["variational"]}
        if any(inside.values()) or recipe["layer_norm"]:
            self.lstm: nn.LSTM = RegularisedLSTM(
                inputs, H, **inside, layer_norm=recipe["layer_norm"]
            )
        else:
            between = recipe["dropout"] if layers > 1 else 0.0
            self.lstm = nn.LSTM(inputs, H, layers, dropout=between)
        self.linear = nn.Linear(H, outputs)
        self.dropout, self.variational = recipe["dropout"], recipe["variational"]
        with torch.no_grad():
            for name, weight in self.lstm.named_parameters():
                if name.startswith("bias_ih"):
                    weight[H : 2 * H] = recipe["forget_bias"]
                if name.startswith("bias_hh"):
                    weight[H : 2 * H] = 0.0
                if name.startswith("weight_hh") and recipe["orthogonal"]:
                    for gate in weight.chunk(4):
                        nn.init.orthogonal_(gate)

    def forward(self, x: Tensor) -> Tensor:
        """Return (T, B, O) from (T, B, D)."""
        hs = F.dropout(self.lstm(x)[0], self.dropout, self.training)
        return self.linear(locked_dropout(hs, self.variational, self.training))


@cache
def characters() -> tuple[Tensor, Tensor, Tensor, int]:
    """Return training, validation and test text as numbers, and how many characters there are."""
    text = datasets.bible()[: TRAIN + 2 * PART]
    symbols = sorted(set(text))
    codes = torch.tensor([symbols.index(s) for s in text])
    train, valid, test = codes.split([TRAIN, PART, PART])
    return train, valid, test, len(symbols)


def text_loss(model: nn.Module, batch: Tensor) -> Tensor:
    """Return the mean cross-entropy, in nats, of every character after the first."""
    _, _, _, symbols = characters()
    x = F.one_hot(batch[:-1], symbols).float()
    return F.cross_entropy(model(x).flatten(0, 1), batch[1:].flatten())


def text_batches(codes: Tensor, steps: int, batch: int, rng: np.random.Generator) -> Iterator[Any]:
    """Cut the text at a random offset into windows and yield them in random order."""
    first = int(rng.integers(steps))
    count = (len(codes) - 1 - first) // steps
    starts = torch.from_numpy(first + steps * rng.permutation(count))
    whole = (TRAIN - steps) // (steps * batch)  # every epoch has equally many
    for rows in starts[: whole * batch].view(whole, batch):
        yield codes[torch.arange(steps + 1)[:, None] + rows]


def streams(codes: Tensor) -> Tensor:
    """Lay a text in 20 rows to be read from end to end."""
    return codes[: len(codes) // 20 * 20].view(20, -1).T


def adding_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Return the mean squared error, as a share of the constant answer's."""
    x, y = batch
    return 6 * F.mse_loss(model(x)[-1], y)


def adding_batches(steps: int, batch: int, rng: np.random.Generator) -> Iterator[Any]:
    """Yield as many batches as make 1,600 new sequences."""
    for _ in range(1600 // batch):
        x, y = tasks.adding(steps, batch, rng)
        yield torch.from_numpy(x).float(), torch.from_numpy(y).float()


def train(task: str, seed: int, **changes: Any) -> dict[str, Any]:
    """Train a network by the recipe of a task, with changes to it; return its errors.

    Of the text: bits a character; of the adding problem: mean squared errors as shares of the
    constant answer's. `valid` is the best epoch's, `test` is of that epoch's weights on other data.
    A run that came to NaN has None.
    """
    recipe = {**COMMON, **BASE[task], **changes}
    steps, batch, decay = recipe["steps"], recipe["batch"], recipe["weight_decay"]
    if task == "text":
        codes, *parts, symbols = characters()
        sizes, unit = (symbols, symbols), math.log(2)
        loss: Loss = text_loss
        valid, test = (streams(part) for part in parts)

        def source(rng: np.random.Generator) -> Iterator[Any]:
            return text_batches(codes, steps, batch, rng)
    else:
        sizes, unit, loss = (2, 1), 1.0, adding_loss
        rng = np.random.default_rng([seed, 1_000_000])
        valid, test = (next(adding_batches(steps, 500, rng)) for _ in range(2))

        def source(rng: np.random.Generator) -> Iterator[Any]:
            return adding_batches(steps, batch, rng)

    with seeded(seed):
        model = Network(*sizes, recipe)
    settings = {name: recipe[name] for name in ("lr", "epochs", "max_norm", "schedule")}
    if decay:
        settings |= {"optimizer": "adamw", "weight_decay": decay}
    try:
        history = fit(model, loss, source, [valid], seed=seed, progress=False, **settings)
    except FloatingPointError:
        return {"test": None, "valid": None, "train": None, "best": None}
    with torch.no_grad():
        tested = loss(model, test).item()
    best = int(history.best or 0)
    return {
        "test": digits(tested / unit),
        "valid": digits(history.valid_losses[best - 1] / unit),
        "train": digits(history.losses[best - 1] / unit),
        "best": best,
    }


# Each change has a name of the factor and the value; "base" changes nothing.
_BOTH: dict[str, dict[str, Any]] = {
    "base": {},
    **{f"learning rate {lr:g}": {"lr": lr} for lr in (0.001, 0.003, 0.03, 0.1)},
    **{f"clipping {norm}": {"max_norm": norm} for norm in (None, 0.1)},
    **{f"forget bias {bias:g}": {"forget_bias": bias} for bias in (0.0, 3.0)},
    "orthogonal start yes": {"orthogonal": True},
    "layers 2": {"layers": 2},
    **{f"dropout {share}": {"dropout": share} for share in (0.2, 0.5)},
    "layer norm yes": {"layer_norm": True},
    "weight decay 0.1": {"weight_decay": 0.1},
    "schedule cosine": {"schedule": "cosine"},
}
CHANGES: dict[str, dict[str, dict[str, Any]]] = {
    "text": {
        **_BOTH,
        **{f"hidden size {size}": {"hidden": size} for size in (16, 128)},
        "recurrent dropout 0.3": {"candidate": 0.3},
        "variational dropout 0.3": {"variational": 0.3},
        **{f"batch size {size}": {"batch": size} for size in (8, 64)},
        # As many characters in a batch whatever the length.
        "sequence length 10": {"steps": 10, "batch": 80},
        "sequence length 200": {"steps": 200, "batch": 4},
        "dropout 0.5, hidden size 128": {"dropout": 0.5, "hidden": 128},
        **{
            f"learning rate {lr:g}, batch size {size}": {"lr": lr, "batch": size}
            for lr, size in product((0.003, 0.03), (8, 64))
        },
    },
    "adding": {
        **_BOTH,
        **{f"hidden size {size}": {"hidden": size} for size in (8, 64)},
        **{f"batch size {size}": {"batch": size} for size in (16, 128)},
    },
}


def changed(task: str, change: str, seed: int) -> dict[str, Any]:
    """Train by the recipe with a change of `CHANGES`; see `train`."""
    return train(task, seed, **CHANGES[task][change])


def _alike(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Both solved or both not, where that is the question; else a tenth of a bit apart."""
    one, two = a["test"], b["test"]
    if one is None or two is None:
        return one is two
    return (one < 0.5) == (two < 0.5) and (one < 1.5 or abs(one - two) < 0.1)


_TRIALS: list[dict[str, Any]] = [
    {"task": task, "change": change, "seed": seed}
    for task in CHANGES
    for change, seed in product(CHANGES[task], range(5))
]
EXPERIMENTS = {
    "training": Experiment(
        about="one recipe on two tasks, one thing changed at a time",
        trials=_TRIALS,
        run=changed,
        agree=_alike,
        sample=[0, 145],
    ),
}
