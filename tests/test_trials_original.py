"""The experiments of 1997: networks of the paper's size, results of the right form, repeatable."""

import pytest

from lstm_tutorial import grammars, original, trials_original


@pytest.mark.parametrize(
    "name, weights",
    [
        *[("2", 10504), ("2c 50", 364), ("3", 102)],
        *[("4", 93), ("5", 93), ("6a", 156), ("6b", 308)],
    ],
)
def test_the_networks_have_the_papers_weights(name, weights):
    assert original.count(trials_original.NETWORKS[name]) == weights


def test_the_next_symbol_is_wanted_up_to_the_last():
    strings = ["BTBTXSETE", "BPBPVVEPE"]
    x, legal, lengths = grammars.reber_batch(strings)
    wanted = trials_original._next_symbols(strings, x)
    for b, string in enumerate(strings):
        rows = wanted[: lengths[b], b]
        assert "".join(grammars.SYMBOLS[k] for k in rows.argmax(axis=1)) == string[1:]
    assert (wanted <= legal).all() and wanted.sum() == lengths.sum()


def test_training_goes_on_from_a_loose_rule_to_a_strict_one():
    settings = {
        **trials_original._TRAINING["6a"][2],
        "rules": {"most": (1800, 1.0), "none": (0, 0.1)},
    }
    result = trials_original.by_training("6a", seed=0, **settings)
    assert list(result) == ["most", "none"]
    assert 2000 <= result["most"]["sequences"] < result["none"]["sequences"] < 200_000
    assert result["most"]["wrong"] >= result["none"]["wrong"] and result["none"]["wrong"] < 128


def test_a_budget_that_is_too_small_is_told_as_a_failure():
    settings = {**trials_original._TRAINING["4"][2], "budget": 500}
    result = trials_original.by_training("4", seed=0, **settings)
    assert result["1 %"]["sequences"] is result["none"]["sequences"] is None
    assert trials_original.two_sequences(20, 1, budget=100, seed=0)["ST2"] is None
    assert trials_original.long_lag(5, 50, budget=1000, seed=0) == {"sequences": None}
    one, two = (trials_original.reber(3, 2, 0.5, budget=500, seed=0) for _ in range(2))
    assert one == two and one["sequences"] is None
    grown = trials_original.first_and_last("2b", budget=1, seed=0)
    assert grown["sequences"] is None and grown["before"] >= 200


def test_two_sequences_are_told_apart():
    result = trials_original.two_sequences(20, 3, budget=100_000, seed=0)
    assert result["ST1"] <= result["ST2"] <= 100_000 and result["wrong"] < 26


def test_results_agree_where_both_are_solved_or_both_are_not():
    agree = trials_original.EXPERIMENTS["1997-3a-100-1"].agree
    assert agree({"ST1": 1}, {"ST1": 2}) and not agree({"ST1": 1}, {"ST1": None})
    agree = trials_original.EXPERIMENTS["1997-6a"].agree
    solved, failed = ({"none": {"sequences": n}} for n in (1, None))
    assert agree(failed, failed) and not agree(solved, failed)
