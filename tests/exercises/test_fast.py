"""The share of the products: what learners write, and what the report says of it."""

import numpy as np
import pytest

from lstm_tutorial.exercises import check
from tests.exercises.styles import refusals


def parts(B, T, D, H, rate, price, calls):
    return 24 * B * T * H * (D + H) / rate, T * calls * price


def of(products, overhead):
    return products / (products + overhead)


def quotient(*a):
    products, overhead = parts(*a)
    return 1 / (1 + overhead / products)


RIGHT = {"share_of_products": [lambda *a: of(*parts(*a)), quotient]}
MISTAKES = [
    (
        lambda B, T, D, H, r, p, c: of(8 * B * T * H * (D + H) / r, T * c * p),
        "backward pass missing",
    ),
    (
        lambda B, T, D, H, r, p, c: of(16 * B * T * H * (D + H) / r, T * c * p),
        "forward pass missing",
    ),
    (
        lambda B, T, D, H, r, p, c: of(12 * B * T * H * (D + H) / r, T * c * p),
        "products counted, not operations",
    ),
    (lambda B, T, D, H, r, p, c: of(18 * B * T * H * (D + H) / r, T * c * p), "3 for 4"),
    (lambda B, T, D, H, r, p, c: of(24 * B * T * H * D / r, T * c * p), "D for D + H"),
    (lambda B, T, D, H, r, p, c: of(24 * B * T * H * (D + H) / r, c * p), "calls for T * calls"),
    (
        lambda B, T, D, H, r, p, c: of(24 * B * T * H * (D + H) / r, B * T * c * p),
        "calls for each sequence",
    ),
    (lambda B, T, D, H, r, p, c: of(24 * B * T * H * (D + H + 1) / r, T * c * p), "D + 1 for D"),
    (
        lambda *a: 100 * of(*parts(*a)),
        "100 * (products / (products + overhead)) for products / (products + overhead)",
    ),
    (lambda *a: 1 - of(*parts(*a)), "share of the calls"),
    (lambda *a: parts(*a)[0] / parts(*a)[1], "overhead for products + overhead"),
    (
        lambda B, T, D, H, r, p, c: 100 * of(8 * B * T * H * (D + H) / r, T * c * p),
        "backward pass missing & "
        "100 * (products / (products + overhead)) for products / (products + overhead)",
    ),
]
WRONG = [("share_of_products", fn, titles) for fn, titles in MISTAKES]


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
