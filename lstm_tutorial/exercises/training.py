"""Exercises of the chapter on training: how many runs, zoneout, and a probe for leaks."""

from collections.abc import Iterator

import numpy as np

from lstm_tutorial.exercises._calls import as_array
from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import Kind, as_tensor
from lstm_tutorial.exercises._reading import Array, Finding
from lstm_tutorial.exercises._trials import Fn, by_measuring, first
from lstm_tutorial.exercises.bugs import probed

KINDS: dict[str, Kind] = {}

# The third is rounded up by a hair, and one run is enough in the fourth.
_GAPS = [(0.02, 0.02), (0.01, 0.02), (-0.025, 0.02), (0.2, 0.02), (0.003, 0.05), (7.3e-5, 0.031)]

KINDS["seeds_needed"] = by_edits(
    "seeds_needed(gap, spread) -> int",
    {"seeds": ""},
    [{"gap": gap, "spread": spread} for gap, spread in _GAPS],
    """
    effect = gap / spread
    z = 1.96 + 0.84
    runs = 2 * z**2 / effect**2
    return math.ceil(runs)
    """,
    listed("""
    not rounded up: math.floor(runs) | Round up: 15.7 runs are 16.
    rounded to the nearest: round(runs) | Round up: 10.04 runs are 11.
    gap not squared: effect**2 -> abs(effect) | Half of the gap needs four times the runs.
    squares summed: z**2 -> (1.96**2 + 0.84**2) | Square the sum.
    one-sided: 1.96 -> 1.645 | 1.645 is for a gap on one side. On either side it is 1.96.
    """),
    "training",
)


def _zoned(fn: Fn, training: bool, share: float = 0.25) -> Array:
    """Return what becomes of an old state of 3 and a new one of -2, of 200 sequences."""
    import torch

    old, new = torch.full((200, 150), 3.0), torch.full((200, 150), -2.0)
    returned = as_array(fn(new, old, share, training)).astype(float)
    if returned.shape != (200, 150):
        raise ValueError(f"expected the shape of new, (200, 150), got {returned.shape}")
    return returned


def _all(array: Array, *values: float) -> bool:
    """Tell whether each number is one of the values."""
    return bool(np.any([np.isclose(array, v, rtol=0, atol=1e-4) for v in values], axis=0).all())


def _zoning(fn: Fn) -> Iterator[Finding]:
    """Find what is wrong in use, and then what is wrong in training."""
    use, drawn, again, more = _zoned(fn, False), *(_zoned(fn, True, s) for s in (0.25, 0.25, 0.75))
    kept, kept_more = (drawn > 0).mean(), (more > 0).mean()
    exchanged = _all(use, -2, 3) and use.std() and _all(drawn, -0.75, 1.75)
    turned = abs(kept - 0.75) < 0.03 and abs(kept_more - 0.25) < 0.03
    other_share = abs(kept - 0.25) > 0.03 or abs(kept_more - 0.75) > 0.03
    shared = not drawn.std(axis=0).all() or not drawn.std(axis=1).all()
    in_use = {
        "training and use exchanged | Draw in training, and average in use.": exchanged,
        "shares exchanged | It is the old state's, in training and in use.": (
            _all(use, 1.75) and turned
        ),
        "in use: the new alone | The old state has its share, too.": _all(use, -2),
        "in use: the old alone | The new state has the rest.": _all(use, 3),
        "in use: drawn | Nothing is drawn in use. The state is the average.": _all(use, -2, 3),
        "in use: shares exchanged | share belongs to the old state.": _all(use, 1.75),
        "in use: no average | Take share times the old, the rest times the new.": (
            not _all(use, -0.75)
        ),
    }
    in_training = {
        "in training: set to zero | Units keep the old state.": np.isclose(drawn, 0).any(),
        "enlarged | There is nothing to make up for.": np.abs(drawn - 0.5).max() > 2.501,
        "in training: mixed | Each unit has its old state or the new one.": not _all(drawn, -2, 3),
        "one draw for many units | A row or a column keeps one state. Draw for each.": shared,
        "in training: shares exchanged | It is the chance of the old state.": turned,
        f"in training: wrong share | Of 0.25 and 0.75: {kept:.2f}, {kept_more:.2f}.": other_share,
        "always the same mask | Draw a new one at each call.": np.array_equal(drawn, again),
    }
    found = list(first(in_use, ("share",)))
    yield from found
    if not found or found[0].title.startswith("in use"):
        yield from first(in_training, ("share",))


KINDS["torch.zoneout"] = by_measuring(
    "zoneout(new, old, share, training) -> tensor",
    _zoning,
    "training",
    "The average in use, and in training a draw for each unit, a new one at each call.",
)

_X = np.random.default_rng(5).normal(size=(6, 2, 3))

KINDS["torch.looks_ahead"] = by_measuring(
    "looks_ahead(function, x) -> bool, True if an answer depends on a later input",
    probed(
        lambda fn, run: bool(fn(run, as_tensor(_X.copy()))),
        lambda x: x.cumsum(0).tanh(),
        lambda x: x.flip(0).cumsum(0).flip(0).tanh(),
    ),
    "training",
    "It leaves a function that reads forward alone, and finds every leak tried.",
)
