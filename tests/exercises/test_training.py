"""Seeds, zoneout and diagnoses: what learners write, and what the report says of it."""

import math

import numpy as np
import torch
from torch.nn.functional import dropout

from lstm_tutorial import doctor
from tests.exercises.trying import judged


def zoned(new, old, share, training):
    if not training:
        return share * old + (1 - share) * new
    return torch.where(torch.rand_like(new) < share, old, new)


def by_dropout(new, old, share, training):
    return (1 - share) * dropout(new - old, share, training) + old


def mixed(keep, otherwise=None):
    """Return zoneout with a mask of its own, and something of its own in use."""

    def zoneout(new, old, share, training):
        if training:
            return torch.where(keep(new, share), old, new)
        return (otherwise or (lambda new, old, share: share * old + (1 - share) * new))(
            new, old, share
        )

    return zoneout


def seeded(new, share):
    return torch.rand(new.shape, generator=torch.Generator().manual_seed(0)) < share


def usual(new, share):
    return torch.rand_like(new) < share


def saturated(model, x):
    values = torch.stack([doctor.gates(model.lstm, x)[gate] for gate in "ifo"])
    return ((values < 0.01) | (values > 0.99)).float().mean() > 0.5


def by_probes(model, x):
    if doctor.leak(model, x) > 0:
        return "leak"
    return "deaf" if (doctor.by_step(model, x) == 0).all() else "stuck"


def stuck_first(model, x):
    if saturated(model, x):
        return "stuck"
    return "leak" if doctor.leak(model, x) > 1e-6 else "deaf"


def by_trying(model, x):
    """Change the input, all of it and then one sequence, with no gradient."""
    if torch.equal(model(x), model(x + 1)):
        return "deaf"
    moved = torch.cat([x[:, :1] + 1, x[:, 1:]], dim=1)
    return "stuck" if torch.allclose(model(x)[1:], model(moved)[1:], atol=1e-5) else "leak"


def said(**other):
    return lambda model, x: other.get(word := by_probes(model, x), word)


RIGHT = {
    "seeds_needed": [
        lambda gap, spread: math.ceil(2 * (1.96 + 0.84) ** 2 * (spread / gap) ** 2),
        lambda gap, spread: float(np.ceil(15.68 / (gap / spread) ** 2)),
    ],
    "torch.zoneout": [zoned, by_dropout, lambda *a: zoned(*a).tolist()],
    "torch.diagnose": [by_probes, stuck_first, by_trying],
}
SEEDS = [
    (lambda gap, spread: int(15.68 * (spread / gap) ** 2), "not rounded up"),
    (lambda gap, spread: round(15.68 * (spread / gap) ** 2), "rounded to the nearest"),
    (lambda gap, spread: 15.68 * (spread / gap) ** 2, "not rounded"),
    (lambda gap, spread: math.ceil(7.84 * (spread / gap) ** 2), "factor 2 missing"),
    (lambda gap, spread: math.ceil(31.36 * (spread / gap) ** 2), "both sets counted"),
    (lambda gap, spread: math.ceil(15.68 * abs(spread / gap)), "gap not squared"),
    (lambda gap, spread: math.ceil(15.68 * spread / gap), "effect for effect ** 2"),
    (lambda gap, spread: math.ceil(15.68 * (gap / spread) ** 2), "upside down"),
    (lambda gap, spread: math.ceil(2 * 1.96**2 * (spread / gap) ** 2), "1.96 alone"),
    (lambda gap, spread: math.ceil(2 * 2.8 * (spread / gap) ** 2), "z for z ** 2"),
    (
        lambda gap, spread: math.ceil(2 * (1.96**2 + 0.84**2) * (spread / gap) ** 2),
        "squares summed",
    ),
    (lambda gap, spread: math.ceil(2 * (1.645 + 0.84) ** 2 * (spread / gap) ** 2), "one-sided"),
    (lambda gap, spread: math.ceil(15.68 / gap**2), "gap for gap / spread"),
    (lambda gap, spread: int(7.84 * (spread / gap) ** 2), "not rounded up & factor 2 missing"),
    (
        lambda gap, spread: round(15.68 * (gap / spread) ** 2),
        "rounded to the nearest & upside down",
    ),
]
ZONEOUT = [
    (mixed(usual, lambda new, old, share: new), "in use: the new alone"),
    (mixed(usual, lambda new, old, share: old), "in use: the old alone"),
    (mixed(usual, lambda new, old, share: (new + old) / 2), "in use: no average"),
    (
        mixed(usual, lambda new, old, share: (1 - share) * old + share * new),
        "in use: shares exchanged",
    ),
    (
        mixed(usual, lambda new, old, share: torch.where(usual(new, share), old, new)),
        "in use: drawn",
    ),
    (
        lambda new, old, share, training: zoned(new, old, share, not training),
        "training and use exchanged",
    ),
    (lambda new, old, share, training: zoned(old, new, share, training), "shares exchanged"),
    (lambda new, old, share, training: zoned(new, old, share, False), "in training: mixed"),
    (mixed(lambda new, share: torch.rand_like(new) >= share), "in training: shares exchanged"),
    (mixed(lambda new, share: torch.rand_like(new) < 0.5), "in training: wrong share"),
    (mixed(lambda new, share: torch.rand_like(new).round() < share), "in training: wrong share"),
    (mixed(lambda new, share: torch.rand(new.shape[1]) < share), "one draw for many units"),
    (mixed(lambda new, share: torch.rand(len(new), 1) < share), "one draw for many units"),
    (mixed(lambda new, share: torch.rand(()) < share), "one draw for many units"),
    (mixed(seeded), "always the same mask"),
    (
        lambda new, old, share, training: zoned(new, 0 * old if training else old, share, training),
        "in training: set to zero",
    ),
    (
        lambda new, old, share, training: dropout(new, share, training),
        "in use: the new alone & in training: set to zero",
    ),
    (
        lambda new, old, share, training: dropout(new - old, share, training) + old,
        "in use: the new alone & enlarged",
    ),
    (mixed(seeded, lambda new, old, share: new), "in use: the new alone & always the same mask"),
]
DIAGNOSES = [
    (said(leak="deaf"), "leak called deaf"),
    (said(leak="stuck"), "leak called stuck"),
    (said(deaf="stuck"), "deaf called stuck"),
    (said(deaf="leak"), "deaf called leak"),
    (said(stuck="deaf"), "stuck called deaf"),
    (said(stuck="leak"), "stuck called leak"),
    (said(stuck="leaky"), "no word"),
    (said(stuck=3), "no word"),
    (lambda model, x: (doctor.leak(model, x) > 0) and "leak", "no word"),
    (lambda model, x: model.gates, "exception"),
]
WRONG = [
    *(("torch.diagnose", fn, titles) for fn, titles in DIAGNOSES),
    *(("seeds_needed", fn, titles) for fn, titles in SEEDS),
    *(("torch.zoneout", fn, titles) for fn, titles in ZONEOUT),
]


test_right_answers_pass_in_every_style, test_a_mistake_is_named, test_no_value_raises = judged(
    RIGHT, WRONG
)
