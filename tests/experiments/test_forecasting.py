"""The chapter on forecasting: what each part may see, and baselines on series with known futures."""

import numpy as np
import pytest
import torch

from lstm_tutorial.experiments import forecasting as trials
from lstm_tutorial.models import Forecaster

K, L, VALID, TEST = 4, 9, 12, 20


def line(values, season=3, difference=0):
    return trials.Task(values, VALID, TEST, K, L, season, difference)


def counting():
    return line(np.arange(80.0))


def test_the_targets_of_each_part_are_its_own():
    task = counting()
    targets = {part: set(task.windows(part, L)[1].ravel()) for part in ("train", "valid", "test")}
    assert targets["train"] == set(range(L, 48))
    assert targets["valid"] == set(range(48, 60)) and targets["test"] == set(range(60, 80))
    assert list(task.train_part) == list(range(48)) and list(task.known) == list(range(60))


@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_what_is_read_ends_where_the_forecast_begins(part):
    x, y = counting().windows(part, 5)
    assert x.shape[0] == 5 and y.shape == (x.shape[1], K)
    np.testing.assert_array_equal(x[-1] + 1, y[:, 0])


@pytest.mark.parametrize("length", [1, 5, L])
def test_origins_do_not_depend_on_how_much_is_read(length):
    task = counting()
    for part in ("valid", "test"):
        np.testing.assert_array_equal(task.windows(part, length)[1], task.windows(part, L)[1])


def test_naive_forecasts_of_a_count():
    task = counting()
    _, y = task.windows("test", 1)
    np.testing.assert_array_equal(trials.last_value(task), np.tile(y[:, :1] - 1, K))
    np.testing.assert_array_equal(
        trials.seasonal_naive(task) - y[:, :1], np.tile([-3, -2, -1, -3], (17, 1))
    )
    np.testing.assert_allclose(trials.seasonal_drift(task), y)


@pytest.mark.parametrize("difference", [0, 1, 6])
def test_the_linear_model_knows_a_noiseless_linear_law(difference):
    t = np.arange(120)
    values = 0.5 * t + np.sin(2 * np.pi * t / 6) + np.cos(0.3 * t)
    task = trials.Task(values, VALID, TEST, K, 20, 6, difference)
    np.testing.assert_allclose(trials.linear(task), task.windows("test", 20)[1], atol=1e-6)


def test_models_of_statsmodels_forecast_a_trend_with_a_season():
    t = np.arange(150)
    noise = np.random.default_rng(0).normal(size=150)
    task = trials.Task(
        0.5 * t + 3 * np.sin(2 * np.pi * t / 6) + 0.1 * noise, VALID, TEST, K, L, 6, 6
    )
    _, y = task.windows("test", 1)
    for model in (trials.exponential_smoothing, trials.arima):
        forecast = model(task)
        assert forecast.shape == y.shape and np.abs(forecast - y).mean() < 0.25


@pytest.mark.parametrize("model", trials.MODELS)
def test_a_forecast_does_not_see_what_comes_after_its_origin(model):
    values = np.random.default_rng(1).normal(size=80)
    later = values.copy()
    later[70:] += 5
    before, after = (trials.MODELS[model](line(v)) for v in (values, later))
    assert before.shape == (TEST - K + 1, K)
    np.testing.assert_allclose(after[:11], before[:11], rtol=0, atol=1e-9)  # origins 60 to 70
    assert not np.allclose(after[11:], before[11:])


def test_recursive_forecasts_read_their_own():
    torch.manual_seed(0)
    model = Forecaster(L, 1, 4).double()
    model.set_scale(np.sin(np.arange(50.0)))
    x = np.sin(np.arange(20.0)).reshape(10, 2)
    got = trials.recursive(model, x, 3)
    first = model.forecast(x)[:, 0]
    second = model.forecast(np.vstack([x, first]))[:, 0]
    assert got.shape == (2, 3)
    np.testing.assert_array_equal(got[:, 0], first)
    np.testing.assert_array_equal(got[:, 1], second)


def test_the_chaotic_series_obeys_its_equation_and_stays_in_bounds():
    values = trials.mackey_glass(200)
    assert values.shape == (200,) and 0.2 < values.min() < values.max() < 1.5
    # Neither constant nor periodic: no shift brings the series onto itself.
    for shift in range(1, 100):
        assert np.abs(values[shift:] - values[:-shift]).max() > 0.05
    np.testing.assert_array_equal(trials.mackey_glass(50), values[:50])


def test_seeds_decide_the_network_and_nothing_else_does():
    values = np.sin(np.arange(80.0)) + 0.1 * np.random.default_rng(1).normal(size=80)
    task = line(values)
    one, again, other = (trials.lstm(task, K, 4, seed) for seed in (0, 0, 1))
    assert one == again != other and len(one["mae"]) == K


@pytest.mark.parametrize("leak", ["none", "scale", "shuffled"])
def test_leaks_use_as_many_windows_as_the_honest_split(leak, monkeypatch):
    seen = {}

    def look(model, data, valid, seed, epochs):
        seen["train"], seen["valid"], seen["mean"] = len(data[1]), len(valid[1]), model.mean
        return 1

    monkeypatch.setattr(trials, "task", lambda series: line(np.sin(np.arange(80.0))))
    monkeypatch.setattr(trials, "_fit", look)
    result = trials.leaks("any", leak, 0)
    assert (seen["train"], seen["valid"]) == (48 - L - K + 1, VALID - K + 1)
    assert seen["mean"] == np.sin(np.arange(80.0))[: 80 if leak == "scale" else 48].mean()
    assert result["last value"] > 0


def test_stored_errors_are_found_by_series_model_and_size():
    stored = [
        {"series": "a", "model": "LSTM", "hidden": 8, "valid": 3.0, "mae": [1.0, 2.0]},
        {"series": "a", "model": "LSTM", "hidden": 8, "valid": 1.0, "mae": [3.0, 4.0]},
        {"series": "a", "model": "LSTM", "hidden": 16, "valid": 1.5, "mae": [5.0, 6.0]},
        {"series": "b", "model": "LSTM", "hidden": 8, "valid": 0.0, "mae": [7.0, 8.0]},
        {"series": "a", "model": "linear", "mae": [9.0, 10.0]},
    ]
    assert trials.errors(stored, "a", "LSTM", 8).tolist() == [[1, 2], [3, 4]]
    assert trials.errors(stored, "a", "linear").tolist() == [[9, 10]]
    assert trials.chosen_size(stored, "a") == 16  # 1.5 in the mean, against 2
    assert trials.chosen_size(stored, "b") == 8
