"""A probe for leaks in PyTorch: right ones pass, and what is missed is said."""

import pytest
import torch

from tests.exercises.trying import is_named, never_raises, passes


def probe(steps=range(5), look=lambda t: slice(t + 1)):
    def looks_ahead(function, x):
        for t in steps:
            other = x.clone()
            other[t + 1 :] += 1
            if not torch.equal(function(x)[look(t)], function(other)[look(t)]):
                return True
        return False

    return looks_ahead


def by_gradient(function, x):
    x = x.clone().requires_grad_()
    for t in range(len(x) - 1):
        (slope,) = torch.autograd.grad(function(x)[t].sum(), x)
        if slope[t + 1 :].any():
            return True
    return False


@pytest.mark.parametrize("fn", [probe(), by_gradient])
def test_right_answers_pass(fn):
    passes("torch.looks_ahead", fn)


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (lambda function, x: True, "false alarm"),
        (lambda function, x: False, "every leak missed"),
        (probe(range(4)), "output 4 not tried"),
        (probe(look=lambda t: slice(t)), "one step ahead missed"),
        (probe(look=lambda t: slice(None)), "false alarm"),
    ],
)
def test_leaks_that_are_missed_are_told(fn, title):
    is_named("torch.looks_ahead", fn, title)


def test_any_value_is_reported():
    never_raises("torch.looks_ahead")
