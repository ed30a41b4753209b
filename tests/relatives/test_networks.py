"""Networks of cells: what they count, which size fits a budget, and how they begin."""

import numpy as np
import pytest
import torch

from lstm_tutorial import network as numpy_network
from lstm_tutorial.relatives import networks, published, scans, variants
from lstm_tutorial.relatives.family import BY_NAME, MULTIPLE
from lstm_tutorial.relatives.networks import Network

D, H, OUT = 2, 5, 2
VANILLA = Network(variants.VANILLA)


@pytest.mark.parametrize("cell", variants.BY_NAME.values(), ids=lambda cell: cell.name)
def test_the_nearest_size_comes_nearest_to_the_budget(cell):
    size = networks.nearest_size(Network(cell), 3, 2, 700)
    apart = [abs(Network(cell).parameters(3, size + k, 2) - 700) for k in (-1, 0, 1)]
    assert apart[1] == min(apart)


def test_the_nearest_size_of_the_lstm_and_of_heads():
    assert networks.nearest_size(VANILLA, 3, 2, VANILLA.parameters(3, 9, 2)) == 9
    assert networks.nearest_size(VANILLA, 3, 2, 1) == 1
    assert networks.nearest_size(Network(scans.MLSTM), 3, 2, 1) == 2
    assert networks.nearest_size(Network(scans.MLSTM), 3, 2, 700) % 2 == 0


@pytest.mark.parametrize("name", BY_NAME)
def test_the_largest_size_is_the_largest_within_the_budget(name):
    network = BY_NAME[name]
    size = networks.largest_size(network, D, OUT, 2400, multiple=MULTIPLE)
    assert network.parameters(D, size, OUT) <= 2400
    assert network.parameters(D, size + MULTIPLE, OUT) > 2400
    with pytest.raises(ValueError, match="budget: expected at least"):
        networks.largest_size(network, D, OUT, 10)


def test_layers_above_the_first_read_what_is_shown_below():
    two = Network(variants.COUPLED_GATES, layers=2)
    shapes = two.shapes(D, H, OUT)
    assert shapes["0.W_ih"] == (4 * H, D) and shapes["1.W_ih"] == (4 * H, H)
    first = Network(variants.COUPLED_GATES).parameters(D, H, OUT)
    assert two.parameters(D, H, OUT) == first + 3 * H * (2 * H + 1)
    assert two.carried(H) == 4 * H


def test_two_layers_are_one_after_the_other():
    two = Network(published.GRU, layers=2, mapped=True)
    weights = [torch.as_tensor(w) for w in networks.uniform(two, D, H, OUT, 0)]
    x = torch.as_tensor(np.random.default_rng(1).normal(size=(7, 3, D)))
    W_e, b_e, *layers, W_hy, b_y = weights
    hs = published.GRU.run(x @ W_e.T + b_e, *layers[:4])
    want = published.GRU.run(hs, *layers[4:]) @ W_hy.T + b_y
    torch.testing.assert_close(two.answers(weights, x), want)
    torch.testing.assert_close(two.answers(weights, x, last=True), want[-1])


def test_uniform_draws_as_the_networks_in_numpy_and_sets_the_forget_bias():
    for seed in (3, 4):
        ours = networks.uniform(VANILLA, D, H, OUT, seed, forget_bias=2.0)
        theirs = numpy_network.init(D, H, OUT, seed, "lstm")
        theirs[2][H : 2 * H] = 2.0
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_cell_whose_biases_begin_as_drawn_has_no_forget_bias():
    *_, b, _, _ = networks.uniform(Network(published.RNN), D, 100, OUT, 0, forget_bias=7.0)
    assert np.abs(b).max() <= 0.1


@pytest.mark.parametrize("name", ["LSTM", "coupled gates", "sLSTM", "minLSTM", "GRU"])
def test_cell_states_begin_with_half_lives_up_to_the_lag(name):
    drawn = networks.for_lag(BY_NAME[name], D, 200, OUT, 0, lag=50)
    b = drawn[list(BY_NAME[name].shapes(D, 200, OUT)).index("0.b")]
    kept = np.exp(b[200:400])
    assert 1 <= kept.min() < 5 and 45 < kept.max() <= 50
    first = np.zeros(200) if name == "GRU" else -b[200:400]
    assert np.array_equal(b[:200], first)


WEIGHTS = [torch.as_tensor(w) for w in networks.uniform(VANILLA, D, H, OUT, 0)]


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: VANILLA.parameters(2.5, 4, 1), TypeError, "input_size: expected an integer, got float"),
        (lambda: VANILLA.parameters(2, 2.5, 1), TypeError, "hidden_size: expected an integer, got float"),
        (lambda: VANILLA.parameters(2, 4, 0), ValueError, "output_size: expected at least 1, got 0"),
        (lambda: BY_NAME["mLSTM"].parameters(2, 5, 1), ValueError, "hidden_size: expected a multiple of 2, .* mLSTM, got 5"),
        (lambda: networks.nearest_size(VANILLA, 2, 1, 0), ValueError, "budget: expected at least 1, got 0"),
        (lambda: networks.nearest_size(VANILLA, 2, 1, 99.5), TypeError, "budget: expected an integer, got float"),
        (lambda: networks.largest_size(VANILLA, 2, 1, 0), ValueError, "budget: expected at least 1, got 0"),
        (lambda: networks.largest_size(VANILLA, 2, 1, 900, multiple=0), ValueError, "multiple: expected at least 1, got 0"),
        (lambda: networks.uniform(VANILLA, 2, 0, 1, 0), ValueError, "hidden_size: expected at least 1"),
        (lambda: networks.uniform(VANILLA, 2, 5, 1, "0"), TypeError, "rng: expected a seed or a numpy Generator"),
        (lambda: networks.uniform(VANILLA, 2, 5, 1, 0, np.inf), ValueError, "forget_bias: expected a finite"),
        (lambda: networks.for_lag(BY_NAME["mLSTM"], 2, 5, 1, 0, lag=9), ValueError, "hidden_size: expected a multiple of 2, .* mLSTM, got 5"),
        (lambda: networks.for_lag(BY_NAME["GRU"], 2, 0, 1, 0, lag=9), ValueError, "hidden_size: expected at least 1"),
        (lambda: networks.for_lag(BY_NAME["GRU"], 2, 5, 1, "0", lag=9), TypeError, "rng: expected a seed"),
        (lambda: networks.for_lag(BY_NAME["GRU"], 2, 5, 1, 0, lag=0), ValueError, "lag: expected at least 1, got 0"),
        (lambda: VANILLA.answers(WEIGHTS, torch.zeros(3, D)), ValueError, r"x: expected shape \(T, B, D\), got \(3, 2\)"),
        (lambda: VANILLA.answers(WEIGHTS[:1], torch.zeros(3, 1, D)), ValueError, "weights: expected those of a network, got 1"),
        (lambda: VANILLA.answers(WEIGHTS[1:], torch.zeros(3, 1, D)), ValueError, "weights: expected 5 of vanilla, .*, got 4"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
