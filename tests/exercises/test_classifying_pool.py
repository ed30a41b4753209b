"""Pooling over the valid steps: right in any style, mistakes named."""

import pytest
import torch

from tests.exercises.trying import is_named, never_raises, passes


def pooled(mean=None, largest=None, swapped=False):
    def pool(out, lengths):
        mask = (torch.arange(len(out))[:, None] < lengths)[..., None]
        zeros, low = out.where(mask, 0.0), out.where(mask, -torch.inf)
        parts = [
            mean(out, zeros) if mean else zeros.sum(0) / lengths[:, None],
            largest(out, zeros) if largest else low.amax(0),
        ]
        return torch.cat(parts[::-1] if swapped else parts, dim=1)

    return pool


def test_right_answers_pass():
    passes("torch.pool_both", pooled())


@pytest.mark.parametrize(
    ("fn", "titles", "where"),
    [
        (pooled(lambda out, zeros: zeros.mean(0)), ["mean counts the padding"], "mean"),
        (pooled(lambda out, zeros: zeros.sum(0)), ["sum for the mean"], "mean"),
        (pooled(lambda out, zeros: out.mean(0)), ["padding in the mean"], "mean"),
        (pooled(None, lambda out, zeros: zeros.amax(0)), ["padding wins"], "largest"),
        (pooled(None, lambda out, zeros: out.amax(0)), ["padding in the largest"], "largest"),
        (
            lambda out, n: torch.cat([out.mean(0), out.amax(0)], 1),
            ["padding in both"],
            "mean largest",
        ),
        (pooled(swapped=True), ["halves exchanged"], "mean largest"),
        (
            pooled(lambda out, zeros: zeros.mean(0), lambda out, zeros: zeros.amax(0)),
            ["mean counts the padding", "padding wins"],
            "mean largest",
        ),
    ],
)
def test_mistakes_are_named(fn, titles, where):
    report = is_named("torch.pool_both", fn, *titles)
    assert {name for note in report.notes for name in note.where} == set(where.split())


def test_any_value_is_reported():
    never_raises("torch.pool_both")
