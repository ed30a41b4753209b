"""A stream that is run in pieces is the whole stream, whoever reads it."""

import pytest
import torch

from lstm_tutorial.relatives import networks, published, side_by_side, streams, variants
from lstm_tutorial.relatives.networks import Network

CELLS = [
    *(variants.VANILLA, variants.NO_FORGET_GATE, variants.COUPLED_GATES, variants.SQUASHED_STORE),
    *(variants.FULL_GATE_RECURRENCE, published.GRU_ONE_BIAS, published.RNN, published.SLSTM),
]
SEEDS = range(2)


def init(cell, size, hidden, seeds):
    return side_by_side.stack(networks.uniform(Network(cell), size, hidden, size, s) for s in seeds)


def inputs(length=7, batch=3, seed=0):
    return torch.randn(2, length, batch, 4, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_a_stream_in_two_pieces_is_the_whole_stream(cell):
    params, x = init(cell, 4, 5, SEEDS), inputs(length=9)
    whole = streams.forward(cell, params, x)
    first = streams.forward(cell, params, x[:, :4])
    second = streams.forward(cell, params, x[:, 4:], first.last)
    assert torch.allclose(second.scores, whole.scores[:, 4:])
    assert all(not s.requires_grad for s in first.last)


def test_what_all_read_is_what_each_reads_and_gates_go_on_over_a_cut():
    cell = variants.VANILLA
    params, x = init(cell, 4, 5, SEEDS), inputs(length=9)
    shared, each = x[0], x[:1].expand_as(x)
    runs = [streams.forward(cell, params, given) for given in (shared, each)]
    torch.testing.assert_close(*(run.scores for run in runs))
    whole = streams.gates(cell, params, shared, runs[0])
    first, second = (streams.forward(cell, params, shared[:4]), shared[4:])
    rest = streams.forward(cell, params, second, first.last)
    after = streams.gates(cell, params, second, rest, first.last)
    torch.testing.assert_close(after, whole[:, 4:])


def test_a_state_or_input_that_does_not_fit_is_refused():
    params, x = init(variants.VANILLA, 4, 5, SEEDS), inputs()
    with pytest.raises(ValueError, match=r"W_ih: expected shape \(20, 3\), got \(20, 4\)"):
        streams.forward(variants.VANILLA, params, x[..., :3])
