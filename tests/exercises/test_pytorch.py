"""What both directions end with: right in any style, mistakes named by direction."""

import pytest
import torch

from tests.exercises.trying import is_named, never_raises, passes


def ends(forward, backward, swapped=False):
    def summary(out):
        H = out.shape[2] // 2
        parts = [out[forward, :, :H], out[backward, :, H:]]
        return torch.cat(parts[::-1] if swapped else parts, dim=1)

    return summary


def test_right_answers_pass():
    passes("torch.summary", ends(-1, 0))


@pytest.mark.parametrize(
    ("fn", "titles", "where"),
    [
        (ends(-1, -1), ["out[-1]"], "backward"),
        (ends(0, 0), ["out[0]"], "forward"),
        (ends(0, -1), ["each at the other's end"], "forward backward"),
        (ends(-1, 0, True), ["halves exchanged"], "forward backward"),
        (lambda out: out.mean(0), ["mean over time"], "forward backward"),
        (lambda out: out.amax(0), ["largest over time"], "forward backward"),
        (ends(0, -1, True), ["each at the other's end", "halves exchanged"], "forward backward"),
    ],
)
def test_other_ends_are_named(fn, titles, where):
    report = is_named("torch.summary", fn, *titles)
    assert {name for note in report.notes for name in note.where} == set(where.split())


def test_a_wrong_shape_is_told():
    is_named("torch.summary", lambda out: out, "wrong shape")


def test_any_value_is_reported():
    never_raises("torch.summary")
