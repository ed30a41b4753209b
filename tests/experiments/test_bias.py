"""The starts of the runs on forget bias, and that they are those of the NumPy runs."""

import numpy as np
import pytest
import torch

from lstm_tutorial import network as readout
from lstm_tutorial import tasks
from lstm_tutorial.experiments import bias as trials_bias
from lstm_tutorial.original import tasks as tasks_1997


@pytest.mark.parametrize("bias, enter", [(3.0, None), (5.0, -5.0), ("chrono", None)])
def test_a_network_begins_as_the_numpy_runs_do(bias, enter):
    model = trials_bias.network((1, 8, 1), 40, bias, np.random.default_rng(3), enter)
    rng = np.random.default_rng(3)
    params = readout.init(1, 8, 1, rng, layer="lstm")
    if bias == "chrono":
        params[2][8:16] = np.log(rng.uniform(1, 39, 8))
        params[2][:8] = -params[2][8:16]
    else:
        params[2][8:16] = bias
        params[2][:8] = params[2][:8] if enter is None else enter
    x, _ = tasks.recall(40, 5, 0)
    with torch.no_grad():
        got = trials_bias.answers(model, x, np.full(5, 40))
    np.testing.assert_allclose(got, readout.predict(params, x, layer="lstm")[-1], atol=1e-5)


def test_pytorchs_own_start_depends_on_the_seed_alone():
    def weights(seed):
        torch.manual_seed(99)
        model = trials_bias.network((1, 8, 1), 40, None, np.random.default_rng(seed))
        return torch.cat([w.flatten() for w in model.parameters()])

    assert torch.equal(weights(1), weights(1)) and not torch.equal(weights(1), weights(2))


def test_an_answer_is_that_of_the_last_valid_step():
    model = trials_bias.network((8, 8, 4), 110, 1.0, np.random.default_rng(0))
    x, _, lengths = tasks_1997.temporal_order(2, 6, 0)
    with torch.no_grad():
        whole = trials_bias.answers(model, x, lengths)
        for b, n in enumerate(lengths):
            alone = trials_bias.answers(model, x[:n, b : b + 1], np.array([n]))
            torch.testing.assert_close(whole[b], alone[0], rtol=0, atol=1e-6)


def test_recall_is_the_numpy_experiment_on_another_engine():
    result = trials_bias.recall(10, 3, seed=0)
    expected = trials_bias.forget_bias(10, 3, seed=0)
    assert abs(result["solved"] - expected["solved"]) <= 5
    assert result["mse"] < 0.1


def test_a_run_stops_when_its_updates_are_used_up():
    assert trials_bias.recall(30, -2, seed=0, most=3)["solved"] is None


def test_hundred_counts_by_the_tolerance_of_1997(monkeypatch):
    draw, *sizes, _, _ = trials_bias.TASKS["order 1997"]
    for tolerance, wrong in [(1e-9, 2560), (1e9, 0)]:
        monkeypatch.setitem(trials_bias.TASKS, "order 1997", (draw, *sizes, tolerance, 60))
        result = trials_bias.hundred("order 1997", 1, seed=0)
        assert result["wrong"] == wrong
        assert result["solved"] == (None if wrong else trials_bias.RECENT)


def test_the_map_repeats_no_cell_of_the_stored_one():
    old = {(t["lag"], t["bias"]) for t in trials_bias.EXPERIMENTS["forget-bias"].trials}
    new = [(t["lag"], t["bias"]) for t in trials_bias.EXPERIMENTS["bias-map"].trials]
    assert old.isdisjoint(new) and len(set(new)) * 5 == len(new)
