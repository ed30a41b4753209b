"""Cells that hand their state on agree with PyTorch's, and the measures measure what they say."""

import numpy as np
import pytest
import torch
from torch import nn

from lstm_tutorial.experiments import counting as trials_counting
from lstm_tutorial.original import grammars
from lstm_tutorial.relatives import variants

SEEDS = range(2)


def inputs(length=7, batch=3, seed=0):
    return torch.randn(length, 2, batch, 4, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("cell", ["vanilla", "no forget gate", "coupled gates"])
def test_lstms_are_those_of_the_variants(cell):
    params, x = trials_counting.init(cell, 4, 5, SEEDS), inputs()
    run = trials_counting.forward(cell, params, x)
    for state, wanted in zip(run.states, variants.forward(cell, x, params), strict=True):
        assert torch.equal(state, wanted)
    assert torch.allclose(run.scores, variants.predict(cell, params, x))


@pytest.mark.parametrize("cell, module", [("gru", nn.GRU), ("rnn", nn.RNN)])
def test_others_are_those_of_pytorch(cell, module):
    params, x = trials_counting.init(cell, 4, 5, SEEDS), inputs()
    (states,) = trials_counting.forward(cell, params, x).states
    for k in SEEDS:
        layer = module(4, 5)
        zeros = torch.zeros(15 if cell == "gru" else 5)
        if cell == "gru":
            zeros[10:] = params[3][k]
        named = {"weight_ih_l0": params[0][k], "weight_hh_l0": params[1][k]}
        layer.load_state_dict({**named, "bias_ih_l0": params[2][k], "bias_hh_l0": zeros})
        torch.testing.assert_close(states[:, k], layer(x[:, k])[0])


def test_the_squashed_store_is_the_tanh_of_the_lstms():
    x = inputs(length=1)
    params = trials_counting.init("squashed store", 4, 5, SEEDS)
    _, c = trials_counting.forward("vanilla", params, x).states
    _, squashed = trials_counting.forward("squashed store", params, x).states
    assert torch.allclose(squashed, c.tanh()) and not torch.allclose(squashed, c)


@pytest.mark.parametrize("cell", trials_counting.CELLS)
def test_a_stream_in_two_pieces_is_the_whole_stream(cell):
    params, x = trials_counting.init(cell, 4, 5, SEEDS), inputs(length=9)
    whole = trials_counting.forward(cell, params, x)
    first = trials_counting.forward(cell, params, x[:4])
    second = trials_counting.forward(cell, params, x[4:], first.last)
    assert torch.allclose(second.scores, whole.scores[4:])
    assert all(not s.requires_grad for s in first.last)


def test_networks_side_by_side_are_trained_as_if_alone():
    both, second = (trials_counting.counters("gru", "ab", 3, 4, s) for s in ([5, 6], [6]))
    for pair, alone in zip(both, second, strict=True):
        torch.testing.assert_close(pair[1:], alone)
    start = trials_counting.init("gru", 4, 10, [6])
    assert not torch.allclose(start[0], second[0])


def test_every_length_counts_the_same_in_training(monkeypatch):
    """The gradient of a word does not grow with its length."""
    seen = []

    def keep(params, batches, loss, updates, lr):
        seen.append(loss(params, None))
        yield params

    monkeypatch.setattr(trials_counting, "train", keep)
    trials_counting.counters("vanilla", "ab", 4, 1, [0])
    params = trials_counting.init("vanilla", 4, 10, [0])
    each = []
    for n in range(1, 5):
        batch = grammars.counting([n])
        scores = trials_counting.forward(
            "vanilla", params, trials_counting.as_float(batch.x)[:, None]
        ).scores[:, 0]
        y = trials_counting.as_float(batch.y)
        each.append(nn.functional.binary_cross_entropy_with_logits(scores, y).item())
    assert seen[0].item() == pytest.approx(np.mean(each), rel=1e-5)


def test_reach_ends_before_the_first_word_that_fails():
    accepted = np.array([[1, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]], bool)
    assert trials_counting.reach(accepted) == [2, 0, 4]


def test_a_network_that_counts_is_accepted_and_one_that_does_not_is_not():
    """Two units set by hand: one counts, one knows the last letter (see the chapter)."""
    params = trials_counting.init("vanilla", 4, 2, SEEDS)
    W_ih, _, b, W_hy, b_y = params
    for p in params:
        p.zero_()
    b[:, [0, 1, 2, 6, 7]], b[:, 3] = 30.0, -30.0
    W_ih[:, 4:6, 1], W_ih[:, 4:6, 2] = 20.0, -20.0
    W_hy[:] = torch.tensor([[0.0, 0], [0, 1], [1, 0], [-1, -1]])
    b_y[:] = torch.tensor([-2.0, 0.4, -0.4, -0.4])
    b[1, 2] = 0.0  # the second network forgets half of its count at each step
    right = trials_counting.accepted("vanilla", params, range(1, 130))
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
        scores = torch.tensor(answers[t : t + len(piece)])[:, None]
        h = torch.zeros(len(piece), 1, 10, 2)
        return trials_counting.Run(scores, (h, h - 3), torch.zeros(len(piece), 1, 10, 8))

    monkeypatch.setattr(trials_counting, "forward", forward)
    found = trials_counting._stream("vanilla", [torch.zeros(1, 8, 7)], 500)
    assert found["outer"] == [0] and found["others"] == [1] and found["perfect"] == [False]
    assert found["largest c"] == [3]
    first = grammars.outer(y)[trials_counting.RUN_IN :].argmax(axis=0)
    assert found["run"][0] == pytest.approx(first.mean(), rel=1e-3)
