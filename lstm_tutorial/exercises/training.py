"""Exercises of the chapter on training: how many runs, zoneout, and a probe for leaks."""

from collections.abc import Iterator
from typing import Any

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
    not rounded: runs | A whole number of runs is wanted.
    factor 2 missing: 2 * z -> z | Both means scatter: there is a factor of 2.
    both sets counted: 2 * z -> 4 * z | The runs of each set are asked for.
    gap not squared: effect**2 -> abs(effect) | Half of the gap needs four times the runs.
    upside down: gap / spread -> spread / gap | Gap and spread are the wrong way round.
    1.96 alone: 1.96 + 0.84 -> 1.96 | The 0.84 finds the difference in four of five attempts.
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


def _model(seed: int, kind: str) -> Any:
    """Return a model with one fault."""
    import torch

    from lstm_tutorial.models import LSTMModel

    rng, model = np.random.default_rng(seed), LSTMModel(6, 12, 4)
    for name, parameter in model.named_parameters():
        scale = float(kind.split()[-1]) if "weights" in kind and "weight_ih" in name else 0.2
        parameter.data = torch.tensor(scale * rng.normal(size=tuple(parameter.shape))).float()
    run = model.forward
    faulty: dict[str, Fn] = {
        "input times 0": lambda x: run(0 * x),
        "batch taken for time": lambda x: model.linear(
            model.lstm(x.transpose(0, 1).contiguous())[0][:, -1]
        ),
        "mean of the batch taken off": lambda x: run(x - x.mean(dim=1, keepdim=True)),
    }
    setattr(model, "forward", faulty.get(kind, run))  # noqa: B010 - mypy knows it as a method
    return model


# By the word, what is wrong, and the probe that tells.
_ILL = [
    ("leak", "batch taken for time", "doctor.leak is above 0"),
    ("deaf", "input times 0", "doctor.by_step is 0 at every step"),
    (
        "stuck",
        "input weights of about 60",
        "most values of doctor.gates lie within a hundredth of 0 or 1",
    ),
    ("leak", "mean of the batch taken off", "doctor.leak is above 0"),
    ("deaf", "input weights of 0", "doctor.by_step is 0 at every step"),
    (
        "stuck",
        "input weights of about 40",
        "most values of doctor.gates lie within a hundredth of 0 or 1",
    ),
]


def _diagnosing(fn: Fn) -> Iterator[Finding]:
    """Show six models, and compare the words."""
    import torch

    for seed, (word, kind, tells) in enumerate(_ILL):
        x = torch.tensor(np.random.default_rng(seed).normal(size=(8, 4, 6))).float()
        said = fn(_model(seed, kind), x)
        if not isinstance(said, str) or said not in ("leak", "deaf", "stuck"):
            yield Finding("no word", f'Return "leak", "deaf" or "stuck"; got {said!r:.60}.')
            return
        if said != word:
            says = f'A model ({kind}) is called "{said}", and it is "{word}": {tells}.'
            yield Finding(f"{word} called {said}", says)
            return


KINDS["torch.diagnose"] = by_measuring(
    'diagnose(model, x) -> "leak", "deaf" or "stuck", for x (T, B, D)',
    _diagnosing,
    "training",
    "Six models, two with each fault, are all told apart.",
)
