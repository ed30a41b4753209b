"""The long runs of the chapter on training: a recipe, and one thing of it changed at a time."""

from itertools import product
from typing import Any

from lstm_tutorial.experiments._experiment import Experiment

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
    """Train by the recipe with a change of `CHANGES`; see `recipe.train`."""
    from lstm_tutorial.experiments import recipe

    return recipe.train(task, seed, **CHANGES[task][change])


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
        about="one recipe on two tasks, one thing changed at a time (about 15 minutes)",
        trials=_TRIALS,
        run=changed,
        agree=_alike,
        sample=[0, 145],
    ),
}
