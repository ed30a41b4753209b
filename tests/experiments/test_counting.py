"""Cells that hand their state on agree with PyTorch's, and the measures measure what they say."""

import numpy as np
import pytest
import torch
from torch import nn

from lstm_tutorial.experiments import counting as trials_counting
from lstm_tutorial.original import grammars
from lstm_tutorial.relatives import published, side_by_side, streams, variants
from lstm_tutorial.relatives.networks import Network

SEEDS = range(2)


def inputs(length=7, batch=3, seed=0):
    return torch.randn(2, length, batch, 4, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ["vanilla", "no forget gate", "coupled gates"])
def test_lstms_are_those_of_the_variants(name):
    cell = trials_counting.CELLS[name]
    assert cell is variants.BY_NAME[name]
    params, x = trials_counting.init(cell, 4, 5, SEEDS), inputs()
    run = streams.forward(cell, params, x)
    for k in SEEDS:
        alone = cell.states(x[k], *(p[k] for p in params[:-2]))
        for state, wanted in zip(run.states, alone, strict=True):
            torch.testing.assert_close(state[k], wanted)
    assert torch.allclose(run.scores, side_by_side.answers(Network(cell), params, x))


@pytest.mark.parametrize(
    "cell, module", [(published.GRU_ONE_BIAS, nn.GRU), (published.RNN, nn.RNN)]
)
def test_others_are_those_of_pytorch(cell, module):
    params, x = trials_counting.init(cell, 4, 5, SEEDS), inputs()
    (states,) = streams.forward(cell, params, x).states
    for k in SEEDS:
        layer = module(4, 5)
        zeros = torch.zeros(15 if module is nn.GRU else 5)
        if module is nn.GRU:
            zeros[10:] = params[3][k]
        named = {"weight_ih_l0": params[0][k], "weight_hh_l0": params[1][k]}
        layer.load_state_dict({**named, "bias_ih_l0": params[2][k], "bias_hh_l0": zeros})
        torch.testing.assert_close(states[k], layer(x[k])[0])


def test_the_squashed_store_is_the_tanh_of_the_lstms():
    x = inputs(length=1)
    params = trials_counting.init(variants.SQUASHED_STORE, 4, 5, SEEDS)
    _, c = streams.forward(variants.VANILLA, params, x).states
    _, squashed = streams.forward(variants.SQUASHED_STORE, params, x).states
    assert torch.allclose(squashed, c.tanh()) and not torch.allclose(squashed, c)


def test_networks_side_by_side_are_trained_as_if_alone():
    both, second = (
        trials_counting.counters(published.GRU_ONE_BIAS, "ab", 3, 4, s) for s in ([5, 6], [6])
    )
    for pair, alone in zip(both, second, strict=True):
        torch.testing.assert_close(pair[1:], alone)
    start = trials_counting.init(published.GRU_ONE_BIAS, 4, 10, [6])
    assert not torch.allclose(start[0], second[0])


def test_every_length_counts_the_same_in_training(monkeypatch):
    """The gradient of a word does not grow with its length."""
    seen = []

    def keep(params, batches, loss, updates, lr):
        seen.append(loss(params, None))
        yield params

    monkeypatch.setattr(trials_counting, "train", keep)
    trials_counting.counters(variants.VANILLA, "ab", 4, 1, [0])
    params = trials_counting.init(variants.VANILLA, 4, 10, [0])
    each = []
    for n in range(1, 5):
        batch = grammars.counting([n])
        scores = streams.forward(
            variants.VANILLA, params, trials_counting.as_float(batch.x)
        ).scores[0]
        y = trials_counting.as_float(batch.y)
        each.append(nn.functional.binary_cross_entropy_with_logits(scores, y).item())
    assert seen[0].item() == pytest.approx(np.mean(each), rel=1e-5)


def test_reach_ends_before_the_first_word_that_fails():
    accepted = np.array([[1, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]], bool)
    assert trials_counting.reach(accepted) == [2, 0, 4]


def test_a_network_that_counts_is_accepted_and_one_that_does_not_is_not():
    """Two units set by hand: one counts, one knows the last letter (see the chapter)."""
    params = trials_counting.init(variants.VANILLA, 4, 2, SEEDS)
    W_ih, _, b, W_hy, b_y = params
    for p in params:
        p.zero_()
    b[:, [0, 1, 2, 6, 7]], b[:, 3] = 30.0, -30.0
    W_ih[:, 4:6, 1], W_ih[:, 4:6, 2] = 20.0, -20.0
    W_hy[:] = torch.tensor([[0.0, 0], [0, 1], [1, 0], [-1, -1]])
    b_y[:] = torch.tensor([-2.0, 0.4, -0.4, -0.4])
    b[1, 2] = 0.0  # the second network forgets half of its count at each step
    right = trials_counting.accepted(variants.VANILLA, params, range(1, 130))
    assert right.shape == (2, 129) and right[0].all() and not right[1, 5:].any()


def test_a_stream_is_measured_from_its_second_piece_on(monkeypatch):
    """A network that answers legally but for the outer symbol: all else right, outer wrong."""
    _, y = grammars.continual_reber(trials_counting.RUN_IN + 500, 10, 2**20)
    answers = np.where(grammars.outer(y)[..., None], -1.0, 2 * y - 1)
    answers[: trials_counting.RUN_IN] = -1  # not scored
    place = [0]

    def forward(cell, params, piece, state=None):
        t = place[0]
        place[0] += len(piece)
        scores = torch.tensor(answers[None, t : t + len(piece)])
        h = torch.zeros(1, len(piece), 10, 2)
        return streams.Run(scores, (h, h - 3))

    monkeypatch.setattr(streams, "forward", forward)
    params = [torch.zeros(1, *shape) for shape in variants.VANILLA.sized(7, 2).values()]
    found = trials_counting._stream(variants.VANILLA, params, 500)
    assert found["outer"] == [0] and found["others"] == [1] and found["perfect"] == [False]
    assert found["largest c"] == [3]
    first = grammars.outer(y)[trials_counting.RUN_IN :].argmax(axis=0)
    assert found["run"][0] == pytest.approx(first.mean(), rel=1e-3)
