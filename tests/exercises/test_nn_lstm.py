"""Batches of many lengths: right in any style, mistakes named."""

import numpy as np
import pytest
import torch

from lstm_tutorial import exercises
from tests.exercises.trying import is_named, never_raises, passes


def packed(order=lambda lengths: np.argsort(-lengths), sizes=lambda s: s):
    def pack(hs, lengths):
        running = [[b for b in order(lengths) if t < lengths[b]] for t in range(len(hs))]
        data = np.concatenate([hs[t, on] for t, on in enumerate(running)])
        return data, sizes([len(on) for on in running])

    return pack


def each(of):
    """Return what is made of each sequence's valid steps."""
    return lambda hs, lengths: np.stack([of(hs[:n, b]) for b, n in enumerate(lengths)])


def sorted_first(hs, lengths):
    k = np.argsort(-lengths)
    return hs[lengths[k] - 1, k]


def reshaped(hs, lengths):
    return hs.reshape(len(lengths), len(hs), -1)[np.arange(len(lengths)), lengths - 1]


def at(step):
    """Return the states at a step that depends on the lengths and the number of steps."""
    return lambda hs, lengths: hs[step(lengths, len(hs)), np.arange(len(lengths))]


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (lambda hs, n: hs[-1], "end of the array"),
        (at(lambda n, T: n - 2), "one step early"),
        (at(lambda n, T: np.maximum(n - 2, 0)), "one step early, never before the first"),
        (at(lambda n, T: np.minimum(n, T - 1)), "one step late"),
        (at(lambda n, T: n.max() - 1), "the longest for all"),
        (at(lambda n, T: -n), "counted from the end"),
        (lambda hs, n: hs.mean(axis=0), "mean over time"),
        (each(lambda steps: steps.mean(axis=0)), "mean of the valid steps"),
        (sorted_first, "sorted, not put back"),
        (reshaped, "reshape for transpose"),
    ],
)
def test_other_states_are_named(fn, title):
    is_named("last_valid", fn, title)


@pytest.mark.parametrize(
    ("fn", "titles"),
    [
        (packed(lambda n: np.arange(len(n))), {"not sorted"}),
        (packed(np.argsort), {"shortest first"}),
        (packed(sizes=np.cumsum), {"sums for batch_sizes"}),
        (
            lambda hs, n: (packed()(hs, n)[0], np.sort(n)[::-1]),
            {"batch_sizes are the sorted lengths"},
        ),
        (lambda hs, n: (packed()(hs, n)[0], n), {"batch_sizes are the lengths"}),
        (packed(np.argsort, np.cumsum), {"shortest first", "sums for batch_sizes"}),
    ],
)
def test_other_packings_are_named(fn, titles):
    assert set(exercises.check("pack", fn).mistakes) == titles


def columns(lengths):
    return torch.arange(len(lengths))


def halves(parts):
    def ends(out, lengths):
        forward, backward = parts(out, lengths)
        H = out.shape[2] // 2
        return torch.cat([forward[:, :H], backward[:, H:]], dim=1)

    return ends


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (lambda out, n: out[-1], "end of the array"),
        (lambda out, n: out[n - 1, columns(n)], "both halves at length - 1"),
        (lambda out, n: out[0], "both halves at step 0"),
        (halves(lambda out, n: (out[-1], out[0])), "forward half at the end of the array"),
        (
            halves(lambda out, n: (out[n - 1, columns(n)], out[-1])),
            "backward half at the end of the array",
        ),
        (halves(lambda out, n: (out[n - 2, columns(n)], out[0])), "one step early"),
        (halves(lambda out, n: (out[n.max() - 1], out[0])), "the longest for all"),
        (lambda out, n: (out[n - 1, columns(n)], out[0]), "wrong shape"),
    ],
)
def test_other_ends_are_named(fn, title):
    is_named("torch.last_valid", fn, title)


def loss(of, shift=0):
    def masked_loss(y_hat, y, lengths):
        valid = torch.arange(len(y))[:, None] < lengths + shift
        return of((y_hat - y)[valid])

    return masked_loss


def masked(of):
    """Return a loss made of the errors and the mask."""

    def masked_loss(y_hat, y, lengths):
        mask = (torch.arange(len(y))[:, None] < lengths)[..., None]
        return of(y_hat - y, mask)

    return masked_loss


def by_sequence(y_hat, y, lengths):
    return torch.stack([((y_hat - y)[:n, b] ** 2).mean() for b, n in enumerate(lengths)]).mean()


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (masked(lambda e, mask: (e**2 * mask).sum() / mask.sum()), "mask multiplied"),
        (
            masked(lambda e, mask: torch.where(mask, e**2, 0.0).sum() / mask.sum()),
            "NaN in the gradient",
        ),
        (masked(lambda e, mask: torch.where(mask, e, 0.0).square().mean()), "divided by all steps"),
        (loss(lambda e: (e**2).mean(), 1), "mask one step too long"),
        (loss(lambda e: (e**2).mean(), -1), "mask one step too short"),
        (lambda y_hat, y, n: ((y_hat - y) ** 2).mean(), "padding in the mean"),
        (by_sequence, "mean of the sequences' means"),
        (loss(lambda e: (e**2).sum()), "summed"),
        (loss(lambda e: e.abs().mean()), "absolute errors"),
        (loss(lambda e: (e**2).mean().sqrt()), "root taken"),
        (loss(lambda e: (e**2).mean() / 2), "half the mean"),
    ],
)
def test_other_losses_are_named(fn, title):
    assert "division by zero" not in str(is_named("torch.masked_loss", fn, title))


def directions(net):
    return 1 + net.bidirectional


def states(
    h=lambda net: net.proj_size or 4,
    c=lambda net: 4,
    entries=lambda net: net.num_layers * directions(net),
    make=torch.zeros,
    turned=False,
):
    def init_state(net, batch):
        like = {"dtype": net.weight_ih_l0.dtype}
        pair = [make((entries(net), batch, size(net)), **like) for size in (h, c)]
        return tuple(s.transpose(0, 1) if turned else s for s in pair)

    return init_state


@pytest.mark.parametrize(
    ("fn", "title"),
    [
        (states(turned=True), "first axis"),
        (states(entries=directions), "num_layers"),
        (states(entries=lambda net: net.num_layers), "bidirectional"),
        (states(h=lambda net: 4), "proj_size"),
        (states(c=lambda net: net.proj_size or 4), "proj_size"),
        (states(make=torch.ones), "not zero"),
        (states(make=lambda shape, dtype: torch.zeros(shape)), "another type"),
        (lambda net, batch: torch.zeros(2, 1, batch, 4), "no pair"),
    ],
)
def test_other_first_states_are_named(fn, title):
    is_named("torch.init_state", fn, title)


def test_right_answers_pass():
    passes("last_valid", each(lambda steps: steps[-1]))
    passes("pack", packed())
    passes("pack", packed(lambda lengths: sorted(range(len(lengths)), key=lambda b: -lengths[b])))
    passes("torch.last_valid", halves(lambda out, n: (out[n - 1, columns(n)], out[0])))
    passes("torch.masked_loss", loss(lambda errors: (errors**2).mean()))
    assert exercises.check("torch.init_state", states()).passed


@pytest.mark.parametrize(
    "kind", ["last_valid", "pack", "torch.last_valid", "torch.masked_loss", "torch.init_state"]
)
def test_any_value_is_reported(kind):
    never_raises(kind)
