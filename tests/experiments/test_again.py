"""The experiments of 1997: networks of the paper's size, results of the right form, repeatable."""

import numpy as np
import pytest

from lstm_tutorial import original
from lstm_tutorial.experiments import again
from lstm_tutorial.original import grammars
from lstm_tutorial.original import tasks as tasks_1997


@pytest.mark.parametrize(
    "name, weights",
    [
        *[("2", 10504), ("2c 50", 364), ("2c 500", 3064), ("3", 102)],
        *[("4", 93), ("5", 93), ("6a", 156), ("6b", 308)],
    ],
)
def test_the_networks_have_the_papers_weights(name, weights):
    assert original.count(again.NETWORKS[name]) == weights


@pytest.mark.parametrize("row", again.PAPER, ids=lambda row: "-".join(row[:2]))
def test_the_rows_of_the_paper_have_runs_and_networks_of_their_size(row):
    experiment = again.EXPERIMENTS[row.name]
    task = row.name.split("-")[1]
    if task == "1":
        sizes = {key: experiment.run.keywords[key] for key in ("blocks", "size")}
        network = original.Network(7, outputs=7, bias="gates", **sizes)
    else:
        key = f"2c {row.name.split('-')[2]}" if task == "2c" else task
        network = again.NETWORKS[key if key in again.NETWORKS else key[0]]
    assert original.count(network) == row.weights


def test_the_next_symbol_is_wanted_up_to_the_last():
    strings = ["BTBTXSETE", "BPBPVVEPE"]
    x, legal, lengths = grammars.reber_batch(strings)
    wanted = again._next_symbols(strings, x)
    for b, string in enumerate(strings):
        rows = wanted[: lengths[b], b]
        assert "".join(grammars.SYMBOLS[k] for k in rows.argmax(axis=1)) == string[1:]
    assert (wanted <= legal).all() and wanted.sum() == lengths.sum()


def test_training_goes_on_from_a_loose_rule_to_a_strict_one():
    settings = {
        **again._TRAINING["6a"][2],
        "rules": {"most": (1800, 1.0), "none": (0, 0.1)},
    }
    result = again.by_training("6a", seed=0, **settings)
    assert list(result) == ["most", "none"]
    assert 2000 <= result["most"]["sequences"] < result["none"]["sequences"] < 200_000
    assert result["most"]["wrong"] >= result["none"]["wrong"] and result["none"]["wrong"] < 128


def test_a_budget_that_is_too_small_is_told_as_a_failure():
    settings = {**again._TRAINING["4"][2], "budget": 500}
    result = again.by_training("4", seed=0, **settings)
    assert result["1 %"]["sequences"] is result["none"]["sequences"] is None
    assert again.two_sequences(20, 1, budget=100, seed=0)["ST2"] is None
    assert again.long_lag(5, 50, budget=1000, seed=0) == {"sequences": None}
    one, two = (again.reber(3, 2, 0.5, budget=500, seed=0) for _ in range(2))
    assert one == two and one["sequences"] is None
    grown = again.first_and_last("2b", budget=1, seed=0)
    assert grown["sequences"] is None and grown["before"] >= 200


def test_two_sequences_are_told_apart():
    result = again.two_sequences(20, 3, budget=100_000, seed=0)
    assert result["ST1"] <= result["ST2"] <= 100_000 and result["wrong"] < 26
    assert result["error"] < 0.02


def test_noise_on_the_informative_elements_makes_a_few_mistakes_and_they_are_allowed():
    result = again.two_sequences(20, 1, budget=100_000, seed=0, kind="b")
    assert result["ST2"] <= 100_000 and 0 < result["wrong"] < 2560 * 12 / 256


def test_noisy_targets_are_judged_without_their_noise():
    x, y, _ = tasks_1997.two_sequences(20, 3, 2000, 0, kind="c")
    clean = again._without_noise("c", x, y)
    assert set(clean.ravel()) == {0.2, 0.8}
    assert np.std(y - clean) == pytest.approx(np.sqrt(0.1), rel=0.05)
    for value in (0.2, 0.8):
        assert y[clean == value].mean() == pytest.approx(value, abs=0.05)
    x, y, _ = tasks_1997.two_sequences(20, 3, 10, 0, kind="b")
    assert again._without_noise("b", x, y) is y


def test_a_whole_network_learns_2a_without_the_slope_and_not_with_it():
    run = again.first_and_last
    result = run("2a", budget=3000, seed=0, stages=False, slope=False)
    assert result["sequences"] <= 3000 and result["before"] == 0
    assert run("2a", budget=1500, seed=0, stages=False)["sequences"] is None


def test_with_errors_at_the_ends_alone_2b_makes_way():
    net, rng = again.NETWORKS["2"], np.random.default_rng(0)
    weights = original.start(net, rng)
    for _ in range(60):
        x, y, lengths = tasks_1997.no_regularities(100, 200, rng)
        original.learn(net, weights, x, y[-1], lengths, lr=1.0, slope=False)
    off = np.abs(original.answers(net, weights, x, lengths) - y[-1]).max(axis=1)
    assert np.mean(off < 0.25) > 0.9


def test_the_plain_cell_without_the_slope_bridges_2c():
    result = again.long_lag(10, 50, budget=100_000, seed=0, plain=True, slope=False)
    assert result["sequences"] <= 100_000


def test_results_agree_where_both_are_solved_or_both_are_not():
    agree = again.EXPERIMENTS["1997-3a-100-1"].agree
    assert agree({"ST1": 1}, {"ST1": 2}) and not agree({"ST1": 1}, {"ST1": None})
    agree = again.EXPERIMENTS["1997-6a"].agree
    solved, failed = ({"none": {"sequences": n}} for n in (1, None))
    assert agree(failed, failed) and not agree(solved, failed)
