"""Forecaster: a series goes in and comes out in its own units, and bad ones are refused."""

import numpy as np
import pytest
import torch

from lstm_tutorial.models import Forecaster
from lstm_tutorial.training import fit

L, K = 12, 3


def series(T=60, dtype=np.float64):
    """A trend, a season of 6 steps and noise, far from zero."""
    t = np.arange(T)
    noise = np.random.default_rng(0).normal(size=T)
    return (300 + 0.5 * t + 5 * np.sin(2 * np.pi * t / 6) + 0.1 * noise).astype(dtype)


def forecaster(difference=0, train=None, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = Forecaster(L, K, 4, difference)
    net.set_scale(series() if train is None else train)
    return net.double()


def silent(difference, train=None):
    """A forecaster whose network answers 0: the mean, in the scale of the training part."""
    net = forecaster(difference, train)
    with torch.no_grad():
        net.net.linear.weight.zero_()
        net.net.linear.bias.zero_()
    return net


every_difference = pytest.mark.parametrize("difference", [0, 1, 2, 6, L - 1])


@every_difference
def test_windows_are_scaled_with_the_training_part(difference):
    train = series()[:40]
    net = forecaster(difference, train)
    steps = train[difference:] - train[: len(train) - difference] if difference else train
    assert (net.mean, net.std) == (steps.mean(), steps.std())
    x, y = net.windows(series())
    assert x.shape == (L - difference, 60 - L - K + 1, 1) and y.shape == (60 - L - K + 1, K)
    assert x.dtype == y.dtype == torch.float64
    scaled = series() - (np.roll(series(), difference) if difference else 0) - steps.mean()
    scaled /= steps.std()
    for b in (0, 7, x.shape[1] - 1):
        np.testing.assert_allclose(x[:, b, 0], scaled[b + difference : b + L], atol=1e-10)
        np.testing.assert_allclose(y[b], scaled[b + L : b + L + K], atol=1e-10)


@every_difference
def test_a_forecast_undoes_what_windows_did(difference):
    """If the network gave the targets of the windows, the forecasts would be the future itself."""
    net = forecaster(difference)
    _, y = net.windows(series())
    net.forward = lambda x: y
    columns = np.stack([series()[b : b + L] for b in range(len(y))], axis=1)
    future = np.stack([series()[b + L : b + L + K] for b in range(len(y))])
    np.testing.assert_allclose(net.forecast(columns), future, atol=1e-9)


def test_a_silent_network_forecasts_the_mean_the_drift_or_the_season_and_drift():
    train = series()
    np.testing.assert_allclose(silent(0).forecast(train), np.full(K, train.mean()))
    drift = np.diff(train).mean()
    np.testing.assert_allclose(silent(1).forecast(train), train[-1] + drift * np.arange(1, K + 1))
    yearly = (train[6:] - train[:-6]).mean()
    np.testing.assert_allclose(silent(6).forecast(train), train[-6 : K - 6] + yearly)


@every_difference
def test_only_the_last_values_are_read(difference):
    net = forecaster(difference)
    last = net.forecast(series()[-L:])
    assert last.shape == (K,) and last.dtype == np.float64
    np.testing.assert_array_equal(net.forecast(series()), last)
    other = series()
    other[-L] += 1
    assert not np.array_equal(net.forecast(other), last)


@every_difference
def test_many_series_are_forecast_as_each_alone(difference):
    net = forecaster(difference)
    many = np.stack([series()[b : b + 20] for b in range(5)], axis=1)
    alone = [net.forecast(column.copy()) for column in many.T]
    np.testing.assert_allclose(net.forecast(many), alone, rtol=1e-12)
    assert net.forecast(many[:, :1]).shape == (1, K)


@pytest.mark.parametrize("difference", [0, 6])
def test_a_series_in_other_units_gives_forecasts_in_these_units(difference):
    celsius = series()
    fahrenheit = celsius * 1.8 + 32
    there, here = forecaster(difference, fahrenheit), forecaster(difference, celsius)
    expected = here.forecast(celsius) * 1.8 + 32
    np.testing.assert_allclose(there.forecast(fahrenheit), expected, rtol=1e-10)


def test_the_scale_travels_with_the_weights():
    net, other = forecaster(6), Forecaster(L, K, 4, 6).double()
    other.load_state_dict(net.state_dict())
    np.testing.assert_array_equal(other.forecast(series()), net.forecast(series()))
    assert (other.mean, other.std) == (net.mean, net.std)
    assert all(isinstance(value, torch.Tensor) for value in net.state_dict().values())


@pytest.mark.parametrize("sizes", [(L + 1, K, 6), (L, K + 1, 6), (L, K, 0)])
def test_weights_do_not_load_into_a_forecaster_that_uses_them_otherwise(sizes):
    length, horizon, difference = sizes
    other = Forecaster(length, horizon, 4, difference).double()
    before = [weight.clone() for weight in other.parameters()]
    message = (
        f"state_dict: expected weights for length={length}, horizon={horizon}, "
        f"difference={difference}, got some for length={L}, horizon={K}, difference=6"
    )
    with pytest.raises(ValueError, match=message):
        other.load_state_dict(forecaster(6).state_dict())
    assert np.isnan(other.mean)
    assert all(torch.equal(a, b) for a, b in zip(before, other.parameters(), strict=True))


def test_the_scale_keeps_its_precision_whatever_the_weights_have():
    net = forecaster()
    mean, std = net.mean, net.std
    assert (net.half().mean, net.std) == (mean, std)
    assert np.abs(net.float().forecast(series()) - forecaster().forecast(series())).max() < 0.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_learns_a_trend_with_a_season_and_leaves_the_series_alone(dtype):
    values = series(200, dtype)
    before = values.copy()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Forecaster(L, K, 8, difference=6)
    net.set_scale(values[:150])
    batch = net.windows(values[:150])
    fit(
        net,
        lambda model, batch: ((model(batch[0]) - batch[1]) ** 2).mean(),
        lambda rng: [batch],
        lr=0.01,
        epochs=150,
    )
    forecast = net.forecast(values[:180])
    assert np.abs(forecast - values[180:183]).max() < 0.5 < np.abs(values[180] - values[179])
    np.testing.assert_array_equal(values, before)


HOLE = series()
HOLE[30] = np.nan


@pytest.mark.parametrize(
    "train, error, message",
    [
        (series().tolist(), TypeError, "train: expected a NumPy array, got list"),
        (np.arange(60), TypeError, "train: expected float32 or float64, got int64"),
        (series()[:, None], ValueError, r"train: expected shape \(T,\), got \(60, 1\)"),
        (series()[:14], ValueError, "train: expected at least 15 values, for length=12 and horizon=3, got 14"),
        (series()[:0], ValueError, "train: expected shape .* no axis empty"),
        (HOLE, ValueError, r"train: expected finite numbers, got nan at index \(30,\)"),
        (np.full(60, 0.1), ValueError, "train: expected values that vary, got 0.1 everywhere"),
    ],
)  # fmt: skip
def test_a_bad_training_part_is_refused_by_name(train, error, message):
    net = Forecaster(L, K, 4)
    with pytest.raises(error, match=message):
        net.set_scale(train)
    assert np.isnan(net.std)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "train, difference",
    [(np.linspace(300.1, 340.7, 60), 1), (np.tile([1.1, 2.7, 0.3], 20), 3), (0.1 * np.arange(60), 5)],
)  # fmt: skip
def test_differences_without_a_scale_are_refused(train, difference, dtype):
    with pytest.raises(ValueError, match=f"differences at lag {difference} that vary"):
        Forecaster(L, K, 4, difference).set_scale(train.astype(dtype))


def test_a_small_scale_is_a_scale():
    tiny = 1e-12 * np.sin(np.arange(60.0))
    assert Forecaster(L, K, 4).set_scale(tiny) is None
    np.testing.assert_allclose(
        forecaster(0, tiny).forecast(tiny), 1e-12 * forecaster(0, tiny * 1e12).forecast(tiny * 1e12)
    )


@pytest.mark.parametrize(
    "values, error, message",
    [
        (torch.ones(60), TypeError, "series: expected a NumPy array, got Tensor"),
        (np.ones((60, 1, 1)), ValueError, r"series: expected shape \(T,\), got \(60, 1, 1\)"),
        (series()[:11], ValueError, "series: expected at least 12 values, for length=12, got 11"),
        (HOLE, ValueError, r"series: expected finite numbers, got nan at index \(30,\)"),
        (np.stack([series(), HOLE], axis=1), ValueError, r"got nan at index \(30, 1\)"),
        (np.ones((60, 0)), ValueError, r"series: expected shape \(T, B\), and no axis empty"),
    ],
)  # fmt: skip
def test_a_bad_series_is_refused_by_name(values, error, message):
    with pytest.raises(error, match=message):
        forecaster().forecast(values)


def test_windows_refuse_what_is_too_short_or_has_holes():
    net = forecaster()
    assert net.windows(series()[:15])[0].shape == (L, 1, 1)
    with pytest.raises(ValueError, match="series: expected at least 15 values"):
        net.windows(series()[:14])
    with pytest.raises(ValueError, match="series: expected finite numbers"):
        net.windows(HOLE)


def test_without_a_scale_nothing_is_forecast():
    net = Forecaster(L, K, 4)
    for use in (net.forecast, net.windows):
        with pytest.raises(RuntimeError, match="call set_scale with the training part"):
            use(series())


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"length": 0}, ValueError, "length: expected at least 1, got 0"),
        ({"horizon": 1.0}, TypeError, "horizon: expected an integer, got float"),
        ({"hidden_size": 0}, ValueError, "hidden_size: expected at least 1, got 0"),
        ({"difference": L}, ValueError, "difference: expected 0 to length - 1 = 11, got 12"),
        ({"difference": -1}, ValueError, "difference: expected 0 to length - 1 = 11, got -1"),
        ({"difference": None}, TypeError, "difference: expected an integer, got NoneType"),
    ],
)
def test_bad_sizes_of_a_forecaster_are_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        Forecaster(**{"length": L, "horizon": K, "hidden_size": 4} | arguments)
