"""Initial weights: right draws pass, and what was drawn instead is said."""

import copy

import numpy as np
import pytest
import torch

from lstm_tutorial import exercises
from lstm_tutorial.exercises import numpy as chapter
from tests.exercises.trying import is_named, never_raises, passes


def uniform(rng, bound, *shape):
    return rng.uniform(-bound, bound, shape)


def biases(H, rng, value=1.0, at="f"):
    b = uniform(rng, H**-0.5, 4 * H)
    for k in map("ifgo".index, at):
        b[k * H : (k + 1) * H] = value
    return b


def init(W=None, U=None, b=None):
    """Return initial weights of which some are made in another way."""

    def made(D, H, rng):
        return (
            W(D, H, rng) if W else uniform(rng, H**-0.5, 4 * H, D),
            U(D, H, rng) if U else uniform(rng, H**-0.5, 4 * H, H),
            b(H, rng) if b else biases(H, rng),
        )

    return made


def by_torch(D, H, rng):
    layer = torch.nn.LSTM(D, H)
    bias = layer.bias_ih_l0.detach().clone()
    bias[H : 2 * H] = 1
    return layer.weight_ih_l0, layer.weight_hh_l0, bias


def by_names(D, H, rng):
    return dict(zip(("W_ih", "W_hh", "b"), init()(D, H, rng), strict=True))


def both(draw):
    """Return initial weights whose matrices are drawn in one way."""
    return init(
        lambda D, H, r: draw(r, D, H, (4 * H, D)), lambda D, H, r: draw(r, D, H, (4 * H, H))
    )


def with_rng(change):
    return lambda D, H, rng: init()(D, H, change(rng))


def orthogonal(D, H, rng):
    return np.concatenate([np.linalg.qr(rng.normal(size=(H, H)))[0] for _ in "ifgo"])


def seeded_anew(D, H, rng):
    seed = rng.integers(1 << 30)
    return tuple(init()(D, H, np.random.default_rng(seed))[k] for k in range(3))


def reseeded(D, H, rng):
    again = [np.random.default_rng(rng.bit_generator.state["state"]["state"] % 999) for _ in "ab"]
    return (
        *[uniform(a, H**-0.5, 4 * H, n) for a, n in zip(again, (D, H), strict=True)],
        biases(H, rng),
    )


def test_right_answers_pass():
    passes("lstm.init", init(), {"long doubles"})
    passes("lstm.init", by_names)
    for half in (np.half, lambda a: torch.tensor(a).bfloat16()):
        assert exercises.check("lstm.init", lambda *a: tuple(map(half, init()(*a)))).passed  # noqa: B023
    for seed in range(5):
        torch.manual_seed(seed)
        assert exercises.check("lstm.init", by_torch).passed


def test_right_answers_pass_with_any_seed():
    for seed in range(40):
        report = exercises.check(
            "lstm.init", with_rng(lambda r, s=seed: np.random.default_rng([s, r.integers(1 << 40)]))
        )
        assert report.passed, report


@pytest.mark.parametrize(
    ("fn", "title", "where"),
    [
        (
            both(lambda r, D, H, s: uniform(r, D**-0.5, *s)),
            "W_ih and W_hh: uniform in ±1/√D",
            "W_ih W_hh",
        ),
        (
            both(lambda r, D, H, s: uniform(r, 1 / H, *s)),
            "W_ih and W_hh: uniform in ±1/H",
            "W_ih W_hh",
        ),
        (
            both(lambda r, D, H, s: uniform(r, 0.08, *s)),
            "W_ih and W_hh: uniform in ±0.08",
            "W_ih W_hh",
        ),
        (
            both(lambda r, D, H, s: r.random(s) * H**-0.5),
            "W_ih and W_hh: uniform from 0 to 1/√H",
            "W_ih W_hh",
        ),
        (
            both(lambda r, D, H, s: H**-0.5 * r.normal(size=s)),
            "W_ih and W_hh: normal with a standard deviation of 1/√H",
            "W_ih W_hh",
        ),
        (both(lambda r, D, H, s: 0 * r.random(s)), "W_ih and W_hh: all 0", "W_ih W_hh"),
        (init(U=orthogonal), "W_hh: orthogonal, gate by gate", "W_hh"),
        (
            init(U=lambda D, H, r: np.linalg.qr(r.normal(size=(4 * H, H)))[0]),
            "W_hh: orthogonal",
            "W_hh",
        ),
        (
            init(U=lambda D, H, r: np.tile(np.eye(H), (4, 1))),
            "W_hh: the identity, gate by gate",
            "W_hh",
        ),
        (
            init(U=lambda D, H, r: uniform(r, 0.1 * H**-0.5, 4 * H, H)),
            "W_hh: uniform in ±0.1/√H",
            "W_hh",
        ),
        (
            init(lambda D, H, r: uniform(r, (6 / (D + 4 * H)) ** 0.5, 4 * H, D)),
            "W_ih: uniform in ±√(6/(D + 4H)), Xavier's",
            "W_ih",
        ),
        (init(b=lambda H, r: np.repeat([0.0, 1, 0, 0], H)), "b: all 0", "b"),
        (init(b=lambda H, r: np.ones(4 * H)), "b: all 1", "b"),
        (init(b=lambda H, r: biases(H, r, at="")), "forget bias not set", "b f"),
        (init(b=lambda H, r: biases(H, r, at="i")), "forget bias in another block", "b f i"),
        (init(b=lambda H, r: biases(H, r, at="g")), "forget bias in another block", "b f g"),
        (init(b=lambda H, r: biases(H, r, 2.0)), "forget bias 2", "b f"),
        (
            init(b=lambda H, r: biases(H, r, at="") + np.repeat([0, 1, 0, 0], H)),
            "forget bias added to what was drawn",
            "b f",
        ),
        (with_rng(lambda r: np.random.default_rng(42)), "rng not used", "rng"),
        (with_rng(lambda r: np.random), "rng not used", "rng"),
        (with_rng(copy.deepcopy), "the same numbers at every call", "rng"),
        (seeded_anew, None, ""),
    ],
)
def test_what_was_drawn_is_said(fn, title, where):
    report = exercises.check("lstm.init", fn)
    if title is None:  # one seed for a whole call is drawn anew: nothing is wrong with it
        assert report.passed, report
        return
    assert report.mistakes == (title,), report
    assert {name for note in report.notes for name in note.where} == set(where.split())


@pytest.mark.parametrize(
    ("fn", "titles"),
    [
        (init(lambda D, H, r: np.tile(uniform(r, H**-0.5, H, D), (4, 1))), ("W_ih: gates alike",)),
        (
            init(U=lambda D, H, r: np.repeat(uniform(r, H**-0.5, 4 * H, 1), H, 1)),
            ("W_hh: inputs alike",),
        ),
        (reseeded, ("W_ih and W_hh alike",)),
        (
            init(U=orthogonal, b=lambda H, r: biases(H, r, at="")),
            ("W_hh: orthogonal, gate by gate", "forget bias not set"),
        ),
    ],
)
def test_numbers_that_depend_on_one_another_and_pairs_are_found(fn, titles):
    is_named("lstm.init", fn, *titles)


def test_scales_can_be_told_apart():
    """No two scales are within the room of 4 % at both sizes."""
    formulas = [row.split(": ")[1] for row in chapter._SCALES.strip().split("\n")]
    values = [[eval(f, {"D": D, "H": H}) for D, H in chapter._SIZES] for f in formulas]
    for k, a in enumerate(values):
        for b in values[:k]:
            assert not np.allclose(a, b, rtol=0.08)


def test_any_value_is_reported():
    never_raises("lstm.init")
    for junk in [np.nan, None, "a"]:
        assert not exercises.check("lstm.init", init(b=lambda H, r: [junk] * 4 * H)).passed  # noqa: B023
