"""Perplexity and bits: what learners write, and what the report says of it."""

import numpy as np
import pytest

from lstm_tutorial.exercises import check
from tests.exercises.styles import refusals

RIGHT = {
    "perplexity": [
        lambda nats: np.exp(nats.mean()),
        lambda nats: 2 ** (nats.mean() / np.log(2)),
        lambda nats: float(np.prod(np.exp(nats / nats.size))),
    ],
    "bits_per_character": [
        lambda nats: nats.mean() / np.log(2),
        lambda nats: np.log2(np.exp(nats.mean())),
        lambda nats: nats.sum() * np.log2(np.e) / nats.size,
    ],
}
WRONG = [
    ("perplexity", lambda n: np.exp2(n.mean()), "np.exp2(mean) for np.exp(mean)"),
    ("perplexity", lambda n: np.exp(n.mean() / np.log(2)), "e to the power of bits"),
    (
        "perplexity",
        lambda n: np.mean([np.exp(row.mean()) for row in n.T]),
        "mean of the sequences' perplexities",
    ),
    (
        "perplexity",
        lambda n: np.mean([np.exp(row.mean()) for row in n]),
        "mean of the steps' perplexities",
    ),
    ("perplexity", lambda n: np.exp(n).mean(), "mean of perplexities"),
    ("perplexity", lambda n: np.exp(n.sum() / ((len(n) - 1) * n.shape[1])), "nats[1:] for nats"),
    (
        "perplexity",
        lambda n: np.exp(n.sum() / len(n)),
        "nats.shape[0] for nats.shape[0] * nats.shape[1]",
    ),
    (
        "perplexity",
        lambda n: np.exp(n.sum() / n.shape[1]),
        "nats.shape[1] for nats.shape[0] * nats.shape[1]",
    ),
    ("perplexity", lambda n: np.exp(n[:-1].mean()), "nats[:-1] for nats"),
    ("perplexity", lambda n: np.exp(n[1:].mean()), "nats[1:] for nats"),
    ("perplexity", lambda n: np.exp(n.max()), "np.max(nats) for nats.mean()"),
    ("perplexity", lambda n: np.exp(np.median(n)), "np.median(nats) for nats.mean()"),
    ("perplexity", lambda n: 1 / np.exp(n.mean()), "wrong sign"),
    ("perplexity", lambda n: n.mean(), "mean for np.exp(mean)"),
    ("perplexity", lambda n: np.exp(n.mean(axis=0)), "nats.mean(axis=0) for nats.mean()"),
    (
        "perplexity",
        lambda n: np.exp2(n.sum() / len(n)),
        "nats.shape[0] for nats.shape[0] * nats.shape[1] & np.exp2(mean) for np.exp(mean)",
    ),
    ("bits_per_character", lambda n: n.mean(), "mean for mean / np.log(2)"),
    ("bits_per_character", lambda n: n.mean() * np.log(2), "mean * np.log(2) for mean / np.log(2)"),
    ("bits_per_character", lambda n: n.mean() / np.log(10), "divided by ln 10"),
    ("bits_per_character", lambda n: np.log2(n.mean()), "log2 of the loss"),
    ("bits_per_character", lambda n: np.log2(n).mean(), "log2 of each loss"),
    ("bits_per_character", lambda n: np.log2(np.exp(n).mean()), "log2 of the mean of exp"),
    ("bits_per_character", lambda n: -n.mean() / np.log(2), "wrong sign"),
    ("bits_per_character", lambda n: np.exp(n.mean()), "perplexity"),
    ("bits_per_character", lambda n: 2 ** n.mean(), "2 to the power of nats"),
]


@pytest.mark.parametrize("kind", RIGHT)
def test_right_answers_pass_in_every_style(kind):
    for fn in RIGHT[kind]:
        assert refusals(kind, fn, check) == []


@pytest.mark.parametrize(("kind", "fn", "titles"), WRONG)
def test_a_mistake_is_named(kind, fn, titles):
    report = check(kind, fn)
    assert not report.passed
    assert report.mistakes == tuple(titles.split(" & ")), report


@pytest.mark.parametrize(
    "value", [None, 1.5, "yes", [], [[-1]], {"a": 1}, np.nan, object(), [np.nan, "x"]]
)
@pytest.mark.parametrize("kind", RIGHT)
def test_no_value_makes_the_check_raise(kind, value):
    assert not check(kind, lambda *arguments: value).passed
