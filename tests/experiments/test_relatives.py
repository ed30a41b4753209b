"""The long run of the relatives: its settings, and one trial in the small."""

import pytest

from lstm_tutorial.experiments import relatives
from lstm_tutorial.experiments.relatives import BUDGET, MODELS, RATES, SEEDS, TASKS
from lstm_tutorial.relatives import family, networks


def test_every_member_is_run_and_fits_the_budget():
    assert set(MODELS) == set(family.FAMILY)
    for member in family.FAMILY.values():
        for task in TASKS.values():
            size = networks.largest_size(member, task.inputs, task.outputs, BUDGET, family.MULTIPLE)
            assert 0.7 * BUDGET < member.parameters(task.inputs, size, task.outputs) <= BUDGET


def test_a_trial_in_the_small(monkeypatch):
    monkeypatch.setitem(TASKS, "counting", TASKS["counting"]._replace(updates=100, length=5, far=8))
    result = relatives.relative("GRU", "counting")
    assert result["size"] == 18 and result["milliseconds"] > 0
    for name in ("near", "far", "updates"):
        assert [len(each) for each in result[name]] == [SEEDS] * len(RATES)
    assert {k for each in result["updates"] for k in each} <= {50, 100, None}
    assert relatives.solved(result) == SEEDS  # five steps are counted at once
    # Both rates begin with the same networks and see the same data, and are not the same.
    assert result["near"][0] != result["near"][1]


def test_solved_takes_the_better_rate_and_agreement_allows_one_network():
    def result(near, far):
        return {"near": [near, [1.0] * 5], "far": [[1.0] * 5, far]}

    a = result([0.01, 0.2, 0.05, 0.09, 0.1], [0.3] * 5)
    assert relatives.solved(a) == 3 and relatives.solved(a, "far") == 0
    agree = relatives.EXPERIMENTS["relatives"].agree
    assert agree(a, result([0.01] * 4 + [1.0], [0.01] + [1.0] * 4))
    assert not agree(a, result([0.01] * 5, [0.3] * 5))
    assert not agree(a, result([0.01] * 3 + [1.0] * 2, [0.01] * 2 + [1.0] * 3))


def test_updates_are_those_of_the_rate_that_solved_more():
    result = {"updates": [[50, None, None], [250, None, 300]]}
    assert relatives.updates(result) == [250, 300]
    assert relatives.updates({"updates": [[None], [None]]}) == []


@pytest.mark.parametrize("position", relatives.EXPERIMENTS["relatives"].sample)
def test_the_sample_is_of_trials_that_exist(position):
    assert position < len(relatives.EXPERIMENTS["relatives"].trials)
