"""What both directions end with, and peepholes: right in any style, mistakes named."""

import pytest
import torch

from lstm_tutorial.exercises import check
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


def peephole(gates="ifgo", seen=None, names=(0, 1, 2), end=lambda o, c, new: (o * new.tanh(), new)):
    """Return a step whose gates see what `seen` makes of the weights and both cell states."""
    seen = {"i": lambda p, c, new: p * c, "f": lambda p, c, new: p * c} | (seen or {})

    def step(z, c, *weights):
        p_i, p_f, p_o = (weights[k] for k in names)
        blocks = dict(zip(gates, z.chunk(4, dim=1), strict=True))
        i = (blocks["i"] + seen["i"](p_i, c, None)).sigmoid()
        f = (blocks["f"] + seen["f"](p_f, c, None)).sigmoid()
        new = f * c + i * blocks["g"].tanh()
        see = seen.get("o", lambda p, c, new: p * new)
        return end((blocks["o"] + see(p_o, c, new)).sigmoid(), c, new)

    return step


def none(p, c, new):
    return 0 * p


def test_peepholes_pass():
    assert check("torch.peephole", peephole()).passed
    assert check("torch.peephole", lambda *a: list(peephole()(*a))).passed
    assert check("torch.peephole", lambda *a: peephole()(*(v.float() for v in a))).passed
    assert check("torch.peephole", lambda *a: [v.tolist() for v in peephole()(*a)]).passed


@pytest.mark.parametrize(
    ("fn", "titles"),
    [
        (peephole(seen={"o": lambda p, c, new: p * c}), ["o sees the old cell state"]),
        (peephole(seen={"o": lambda p, c, new: p * new.tanh()}), ["o sees tanh of the cell state"]),
        (peephole(seen={"i": none}), ["no peephole of i"]),
        (peephole(seen={"f": none}), ["no peephole of f"]),
        (peephole(seen={"o": none}), ["no peephole of o"]),
        (peephole(seen={"i": none, "f": none, "o": none}), ["no peepholes"]),
        (peephole(names=(1, 0, 2)), ["p_i and p_f exchanged"]),
        (peephole(names=(0, 2, 1)), ["p_f and p_o exchanged"]),
        (peephole("ifog"), ["gates in the order i, f, o, g"]),
        (peephole(end=lambda o, c, new: (o * new, new)), ["tanh of the cell state missing"]),
        (peephole(end=lambda o, c, new: (o * new.tanh(), c)), ["the old cell state returned"]),
        (peephole(seen={"f": lambda p, c, new: p * c.detach()}), ["the graph is cut"]),
        (
            peephole(seen={"o": lambda p, c, new: p * c, "f": none}),
            ["o sees the old cell state", "no peephole of f"],
        ),
    ],
)
def test_what_the_gates_see_is_named(fn, titles):
    is_named("torch.peephole", fn, *titles)


@pytest.mark.parametrize("kind", ["torch.summary", "torch.peephole"])
def test_any_value_is_reported(kind):
    never_raises(kind)
