"""What both kinds of cell do, whatever the cell: pieces of a sequence, sizes, and doors."""

import pytest
import torch

from lstm_tutorial.relatives import blocks, published, scans, variants
from lstm_tutorial.relatives.cell import Cell, Parallel, Recurrent, named

T, B, D, H = 9, 3, 2, 6
RECURRENT = [
    *variants.BY_NAME.values(),
    *(published.GRU, published.GRU_RESET_BEFORE, published.GRU_ONE_BIAS),
    *(published.SLSTM, published.RNN),
]
PARALLEL = [scans.MIN_LSTM, scans.MLSTM, blocks.transformer(2), blocks.convolutions((1, 2))]


def by_name(cells):
    return pytest.mark.parametrize("cell", cells, ids=lambda cell: cell.name)


def weights(cell, D=D, H=H):
    generator = torch.Generator().manual_seed(3)
    every = cell.sized(D, H).values()
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in every]


def inputs(T=T, D=D):
    generator = torch.Generator().manual_seed(4)
    return torch.randn(T, B, D, generator=generator, dtype=torch.float64)


@by_name(RECURRENT)
def test_a_sequence_in_two_pieces_is_the_whole_sequence(cell):
    own, x = weights(cell), inputs()
    whole = cell.states(x, *own)
    first = cell.states(x[:4], *own)
    second = cell.states(x[4:], *own, first=tuple(part[-1] for part in first))
    for part, a, b in zip(whole, first, second, strict=True):
        torch.testing.assert_close(part, torch.cat([a, b]))
    assert torch.equal(cell.run(x, *own), whole[0])
    assert cell.reads_h and isinstance(cell, Recurrent)


@by_name([*RECURRENT, *PARALLEL])
def test_the_last_step_alone_is_the_last_of_all(cell):
    reads = D if isinstance(cell, Recurrent) else H
    own, x = weights(cell, reads), inputs(D=reads)
    assert torch.equal(cell.last(x, *own), cell.run(x, *own)[-1])
    assert cell.run(x, *own).shape == (T, B, H)


@by_name(PARALLEL)
def test_a_parallel_cell_does_not_see_what_comes_later(cell):
    own, x = weights(cell, H), inputs(D=H)
    torch.testing.assert_close(cell.run(x, *own)[:4], cell.run(x[:4], *own))
    assert not cell.reads_h and isinstance(cell, Parallel)


@by_name([variants.VANILLA, variants.NO_FORGET_GATE, published.SLSTM, published.RNN])
def test_preactivations_are_those_that_the_step_used(cell):
    W_ih, W_hh, b = own = weights(cell)
    x = inputs()
    hs, first = cell.run(x, *own), torch.zeros(B, H, dtype=torch.float64)
    z = cell.preactivations(x, hs, first, *own)
    h = first
    for t in range(T):
        torch.testing.assert_close(z[t], x[t] @ W_ih.T + h @ W_hh.T + b)
        h = hs[t]


@by_name([variants.VANILLA, published.GRU, scans.MIN_LSTM])
def test_the_gates_of_a_cell_are_where_its_biases_keep_the_state(cell):
    own = [torch.zeros_like(w) for w in weights(cell)]
    b = own[list(cell.sized(D, H)).index("b")]
    b[2 * H : 3 * H] = 3.0  # the candidate
    moved = cell.run(inputs(), *own)
    gates = cell.gates(H)
    b[gates.forget] = 50.0
    if gates.input is not None:
        b[gates.input] = -50.0
    assert moved.abs().min() > 0.1 and cell.run(inputs(), *own).abs().max() < 1e-9


def test_a_name_is_refused_with_the_nearest_ones():
    assert named("vanilla", variants.BY_NAME) is variants.VANILLA
    with pytest.raises(
        ValueError, match=r"name: expected one of no forget gate, .*got 'no forget gates'"
    ):
        named("no forget gates", variants.BY_NAME)
    with pytest.raises(
        ValueError, match=r"name: expected one of vanilla, .*squashed store, got 'xyzzy'"
    ):
        named("xyzzy", variants.BY_NAME)


def test_a_cell_says_how_it_runs():
    bare = Cell(name="bare", shapes=lambda D, H: {}, carried=lambda H: 0)
    with pytest.raises(NotImplementedError):
        bare.run(inputs())


VANILLA = weights(variants.VANILLA)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: variants.VANILLA.sized(2.5, 4), TypeError, "input_size: expected an integer, got float"),
        (lambda: variants.VANILLA.sized(2, 0), ValueError, "hidden_size: expected at least 1, got 0"),
        (lambda: variants.VANILLA.sized(0, 2), ValueError, "input_size: expected at least 1, got 0"),
        (lambda: variants.VANILLA.parameters(2, True), TypeError, "hidden_size: expected an integer, got bool"),
        (lambda: scans.MLSTM.sized(2, 5), ValueError, "hidden_size: expected a multiple of 2, one part for each head of mLSTM, got 5"),
        (lambda: blocks.transformer(2).sized(5, 5), ValueError, "hidden_size: expected a multiple of 2, one part for each head of attention, 2 blocks, got 5"),
        (lambda: blocks.convolutions((1, 2)).sized(2, 5), ValueError, "input_size: expected 5 like hidden_size, to which it is added, got 2"),
        (lambda: variants.VANILLA.run(inputs()[0], *VANILLA), ValueError, r"x: expected shape \(T, B, D\), got \(3, 2\)"),
        (lambda: variants.VANILLA.run(inputs(D=3), *VANILLA), ValueError, r"W_ih: expected shape \(24, 3\), got \(24, 2\)"),
        (lambda: variants.VANILLA.run(inputs(), *VANILLA[:2], VANILLA[2][:5]), ValueError, r"b: expected shape \(24,\), got \(5,\)"),
        (lambda: variants.VANILLA.run(inputs(), *VANILLA[:2]), ValueError, "weights: expected 3 of vanilla, W_ih, W_hh, b, got 2"),
        (lambda: variants.VANILLA.run(inputs(), VANILLA[0]), ValueError, "weights: expected 3 of vanilla, W_ih, W_hh, b, got 1"),
        (lambda: published.SLSTM.run(inputs(), VANILLA[0][:18], VANILLA[1][:18], VANILLA[2][:18]), ValueError, r"W_ih: expected shape \(24, 2\), got \(18, 2\)"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
