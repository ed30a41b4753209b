"""Exercises of the chapter on training: how many runs, and zoneout."""

import numpy as np

from lstm_tutorial.exercises._edits import by_edits
from lstm_tutorial.exercises._reading import Array
from lstm_tutorial.exercises._trials import Fn, by_trials

SEEDS_NEEDED = by_edits(
    "seeds_needed(gap, spread) -> int",
    {"seeds": ""},
    [  # the third is rounded up by a hair, and one run is enough in the fourth
        {"gap": gap, "spread": spread}
        for gap, spread in [(0.02, 0.02), (0.01, 0.02), (-0.025, 0.02), (0.2, 0.02), (0.003, 0.05)]
    ],
    """
    effect = gap / spread
    per_set = 2 * (1.96 + 0.84) ** 2 / effect ** 2
    return math.ceil(per_set)
    """,
    """
    not rounded up | math.ceil(per_set) -> math.floor(per_set)
    The number is rounded down. Round up: 15.7 runs are 16.
    rounded to the nearest | math.ceil(per_set) -> round(per_set)
    The number is rounded to the nearest. Round up: 10.04 runs are 11.
    one more than rounded down | math.ceil(per_set) -> math.floor(per_set) + 2
    One run too many.
    not rounded | math.ceil(per_set) -> per_set
    A whole number of runs is needed. Round up.
    factor 2 missing | 2 * (1.96 -> (1.96
    The factor 2 is missing: the means of both sets scatter.
    both sets counted | 2 * (1.96 -> 4 * (1.96
    The runs of both sets are counted. Those of one are asked for.
    gap not squared | effect ** 2 -> abs(effect)
    The gap, in spreads, is not squared: half of it needs four times the runs.
    upside down | gap / spread -> spread / gap
    Gap and spread are exchanged: a larger gap needs fewer runs.
    1.96 alone | (1.96 + 0.84) -> 1.96
    The 0.84 is missing, the part for finding the difference in four of five attempts.
    0.84 alone | (1.96 + 0.84) -> 0.84
    The 1.96 is missing, the part for the risk of a false alarm, one in twenty.
    sum not squared | (1.96 + 0.84) ** 2 -> (1.96 + 0.84)
    The sum 1.96 + 0.84 is not squared.
    squares summed | (1.96 + 0.84) ** 2 -> (1.96 ** 2 + 0.84 ** 2)
    1.96 and 0.84 are squared by themselves. Square their sum.
    one-sided risk | 1.96 -> 1.645
    1.645 is for a gap on one side. On either side it is 1.96.
    """,
    "training",
)


def _zoned(fn: Fn, training: bool, share: float = 0.25) -> Array:
    """Return what becomes of an old state of 3 and a new one of -2, for 200 rows of 150 units."""
    import torch

    old, new = torch.full((200, 150), 3.0), torch.full((200, 150), -2.0)
    returned = fn(new, old, share, training)
    return np.asarray(returned.detach() if torch.is_tensor(returned) else returned, float)


def _is(array: Array, value: float) -> Array:
    return np.isclose(array, value, rtol=0, atol=1e-4)


def _in_use(fn: Fn, value: float) -> bool:
    return bool(_is(_zoned(fn, False), value).all())


def _kept(fn: Fn, share: float = 0.25) -> float:
    """Return the part of the units that keep the old state in training."""
    return float(_is(_zoned(fn, True, share), 3).mean())


def _in_training(fn: Fn, *values: float) -> bool:
    drawn = _zoned(fn, True)
    return bool(np.any([_is(drawn, value) for value in values], axis=0).all())


def _mixed(array: Array) -> bool:
    return bool(_is(array, 3).any() and _is(array, -2).any())


ZONEOUT = by_trials(
    "zoneout(new, old, share, training) -> tensor",
    {
        "wrong shape": (
            "The result has the shape of new and old.",
            lambda fn: _zoned(fn, True).shape == _zoned(fn, False).shape == (200, 150),
        ),
        "training and use exchanged": (
            "The states are averaged in training and drawn in use. It is the other way round.",
            lambda fn: not (_mixed(_zoned(fn, False)) and not _mixed(_zoned(fn, True))),
        ),
        "shares exchanged": (
            "share goes to the new state, in training and in use. It belongs to the old one.",
            lambda fn: not (_in_use(fn, 1.75) and 0.7 < _kept(fn) < 0.8),
            "share",
        ),
        "in use: drawn": (
            "Units are drawn in use, too. There the state is the average of both.",
            lambda fn: not _mixed(_zoned(fn, False)),
        ),
        "in use: the new alone": (
            "In use the new state comes alone. The old one has its share, too.",
            lambda fn: not _in_use(fn, -2),
        ),
        "in use: the old alone": (
            "In use the old state comes alone. It has its share, and the new one the rest.",
            lambda fn: not _in_use(fn, 3),
        ),
        "in use: shares exchanged": (
            "In use share goes to the new state. It belongs to the old one.",
            lambda fn: not _in_use(fn, 1.75),
            "share",
        ),
        "in use: no average": (
            "In use the state is the average: share times the old and the rest times the new.",
            lambda fn: _in_use(fn, -0.75),
        ),
        "in training: never drawn": (
            "In training the states are averaged. Each unit has the old state or the new one.",
            lambda fn: not _in_training(fn, -0.75),
        ),
        "in training: set to zero": (
            "In training units become 0, as in dropout. Here they keep the old state.",
            lambda fn: not _is(_zoned(fn, True), 0).any(),
        ),
        "enlarged": (
            "In training what is left is enlarged, as in dropout. Here nothing is lost.",
            lambda fn: np.abs(_zoned(fn, True)).max() <= 3.0001,
        ),
        "in training: mixed": (
            "In training a unit has its old state or the new one, nothing between.",
            lambda fn: _in_training(fn, -2, 3),
        ),
        "in training: shares exchanged": (
            "In training share is the chance of the new state. It is that of the old one.",
            lambda fn: not 0.7 < _kept(fn) < 0.8,
            "share",
        ),
        "one draw for all units": (
            "One draw decides for all units of a row or of a column. Draw for each number.",
            lambda fn: _zoned(fn, True).std(axis=0).min() > 0 < _zoned(fn, True).std(axis=1).min(),
        ),
        "in training: wrong share": (
            "Of the units, as many as share says should keep the old state.",
            lambda fn: abs(_kept(fn) - 0.25) < 0.03 and abs(_kept(fn, 0.75) - 0.75) < 0.03,
            "share",
        ),
        "always the same mask": (
            "The same units keep the old state at each call. Draw a new mask.",
            lambda fn: not np.array_equal(_zoned(fn, True), _zoned(fn, True)),
        ),
    },
    "training",
)


KINDS = {"seeds_needed": SEEDS_NEEDED, "torch.zoneout": ZONEOUT}
