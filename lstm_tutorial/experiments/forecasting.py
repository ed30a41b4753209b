"""The long runs of the chapter on forecasting: models over a rolling origin, and leaks."""

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch

from lstm_tutorial import datasets
from lstm_tutorial.experiments._experiment import Experiment, digits
from lstm_tutorial.experiments._seeded import seeded
from lstm_tutorial.models import Forecaster
from lstm_tutorial.training import fit

Array = np.ndarray


class Task(NamedTuple):
    """One series, cut in time, and how far ahead it is to be forecast.

    Attributes
    ----------
    values : array (T,)
    valid, test : int
        The last `test` values are forecast; the `valid` values before them serve to choose; what
        comes before is the training part.
    horizon : int
        K, the number of values forecast from every origin.
    length : int
        L, the number of values that the LSTM and the linear model may read.
    season : int
        Steps of a season, 1 for none.
    difference : int
        As in `Forecaster`, for the LSTM and the linear model alike.
    """

    values: Array
    valid: int
    test: int
    horizon: int
    length: int
    season: int
    difference: int

    @property
    def train_part(self) -> Array:
        """The values before the validation part."""
        return self.values[: -self.valid - self.test]

    @property
    def known(self) -> Array:
        """All values before the test part."""
        return self.values[: -self.test]

    def windows(self, part: str, length: int) -> tuple[Array, Array]:
        """Return what is read, (length, B), and what follows, (B, K), for all origins of a part."""
        end = (
            len(self.values)
            - {"train": self.valid + self.test, "valid": self.test, "test": 0}[part]
        )
        start = 0 if part == "train" else end - getattr(self, part) - length
        x, y = datasets.windows(self.values[start:end], length, self.horizon)
        return x[..., 0], y


def mackey_glass(steps: int) -> Array:
    """Return a chaotic series with a smooth, nonlinear law and no noise.

    The equation of Mackey & Glass (1977), "Oscillation and chaos in physiological control
    systems", with delay 17: Euler steps of 0.1, every 60th kept after a run-in of 50 kept values.

    Parameters
    ----------
    steps : int

    Returns
    -------
    array (steps,)
    """
    kept, delay = 60, 170
    x = [1.2] * (delay + 1)
    for _ in range(kept * (steps + 50)):
        # Products round alike everywhere; powers do not, and chaos would make that visible.
        late = x[-1 - delay]
        square = late * late
        fourth = square * square
        x.append(x[-1] + 0.1 * (0.2 * late / (1 + fourth * fourth * square) - 0.1 * x[-1]))
    return np.array(x[delay + 1 :][kept * 50 :: kept])


def task(series: str) -> Task:
    """Return the task with this name: "co2", "sunspots" or "mackey-glass"."""
    if series == "co2":
        return Task(datasets.co2().values, 60, 120, 12, length=36, season=12, difference=12)
    if series == "sunspots":
        return Task(datasets.sunspots().values, 40, 80, 5, length=30, season=11, difference=0)
    return Task(mackey_glass(1500), 200, 400, 8, length=20, season=1, difference=0)


def last_value(task: Task) -> Array:
    """Forecast, from every test origin, the last value; return (B, K)."""
    x, y = task.windows("test", 1)
    return np.broadcast_to(x.T, y.shape)


def seasonal_naive(task: Task) -> Array:
    """Forecast the value one season before; return (B, K)."""
    x, _ = task.windows("test", task.season)
    return np.resize(x, (task.horizon, x.shape[1])).T


def seasonal_drift(task: Task) -> Array:
    """Forecast the value one season before and the mean change over a season; return (B, K)."""
    change = np.mean(task.known[task.season :] - task.known[: -task.season])
    seasons = 1 + np.arange(task.horizon) // task.season
    return seasonal_naive(task) + change * seasons


def linear(task: Task) -> Array:
    """Forecast with one linear regression a step ahead, on the numbers that the LSTM reads.

    The order is chosen on the validation part, among all that fit into the LSTM's window; the
    coefficients are then fitted again on training and validation part together.

    Returns
    -------
    array (B, K)
    """
    orders = range(1, task.length - task.difference + 1)
    x, y = task.windows("valid", task.length)
    errors = [np.abs(_linear(task.train_part, order, task)(x) - y).mean() for order in orders]
    best = _linear(task.known, orders[int(np.argmin(errors))], task)
    return best(task.windows("test", task.length)[0])


def _linear(part: Array, order: int, task: Task) -> Callable[[Array], Array]:
    """Fit K regressions on `order` values or differences; return what forecasts from windows."""
    m, K = task.difference, task.horizon

    def differences(x: Array) -> Array:
        return x[m:] - x[:-m] if m else x

    def design(x: Array) -> Array:
        return np.vstack([np.ones(x.shape[1]), x[-order:]]).T

    x, y = datasets.windows(differences(part), order, K)
    weights = np.linalg.lstsq(design(x[..., 0]), y, rcond=None)[0]

    def forecast(x: Array) -> Array:
        steps = design(differences(x)) @ weights
        for k in range(K if m else 0):  # each difference starts from the value m steps before
            steps[:, k] += x[k - m] if k < m else steps[:, k - m]
        return steps

    return forecast


def exponential_smoothing(task: Task) -> Array:
    """Forecast with Holt and Winters' method, or without a season by the smoothed level alone."""
    # Here, because the chapter itself needs no statsmodels.
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    seasonal: dict[str, Any] = (
        {"trend": "add", "seasonal": "add", "seasonal_periods": task.season}
        if task.difference
        else {}
    )
    fitted = ETSModel(task.known, **seasonal).fit(disp=False).params
    return _rolled(task, lambda past: ETSModel(past, **seasonal).smooth(fitted))


def arima(task: Task) -> Array:
    """Forecast with SARIMA (1,1,1)(0,1,1), or without a season with autoregression of order 9."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX  # as above

    orders: dict[str, Any] = (
        {"order": (1, 1, 1), "seasonal_order": (0, 1, 1, task.season)}
        if task.difference
        else {"order": (9, 0, 0), "trend": "c"}
    )
    fitted = SARIMAX(task.known, **orders).fit(disp=False)
    return _rolled(task, fitted.apply)


def _rolled(task: Task, model: Callable[[Array], Any]) -> Array:
    """Forecast from every test origin with a model whose parameters stay as they are."""
    T = len(task.values)
    origins = range(T - task.test, T - task.horizon + 1)
    return np.array([model(task.values[:t]).forecast(task.horizon) for t in origins])


MODELS: dict[str, Callable[[Task], Array]] = {
    "last value": last_value,
    "seasonal naive": seasonal_naive,
    "seasonal naive + drift": seasonal_drift,
    "exponential smoothing": exponential_smoothing,
    "ARIMA": arima,
    "linear": linear,
}


def trained(part: Array, valid: Array | None, seed: int, epochs: int, **sizes: int) -> Any:
    """Train a `Forecaster` on one part of a series; return it and the epoch it comes from.

    Parameters
    ----------
    part : array (T,)
        The scale comes from it too.
    valid : array (S,) or None
        The validation part with the values before it that its first window reads; training stops
        after 20 epochs without a better one. None: all epochs are trained.
    seed, epochs : int
    **sizes : int
        Of `Forecaster`.

    Returns
    -------
    model : Forecaster
    epoch : int
    """
    with seeded(seed):
        model = Forecaster(**sizes)
    model.set_scale(part)
    stop = None if valid is None else model.windows(valid)
    return model, _fit(model, model.windows(part), stop, seed, epochs)


def _fit(model: Any, data: Any, valid: Any, seed: int, epochs: int) -> int:
    """Train on windows with Adam in batches of 32; return the epoch that was kept."""
    x, y = data

    def batches(rng: np.random.Generator) -> Any:
        order = torch.from_numpy(rng.permutation(len(y)))
        return [(x[:, some], y[some]) for some in order.split(32)]

    history = fit(
        model,
        squared_error,
        batches,
        None if valid is None else [valid],
        lr=0.01,
        epochs=epochs,
        max_norm=1.0,
        patience=None if valid is None else 20,
        seed=seed,
        progress=False,
    )
    return history.best or epochs


def squared_error(model: Any, batch: Any) -> Any:
    """Return the mean squared error of a `Forecaster`, in its own scale."""
    x, y = batch
    return ((model(x) - y) ** 2).mean()


def recursive(model: Any, x: Array, horizon: int) -> Array:
    """Forecast step by step with a model of horizon 1, each step read as if it were known.

    Parameters
    ----------
    model : Forecaster
    x : array (T, B)
    horizon : int

    Returns
    -------
    array (B, horizon)
    """
    steps = []
    for _ in range(horizon):
        steps.append(model.forecast(x)[:, 0])
        x = np.vstack([x, steps[-1]])
    return np.stack(steps, axis=1)


def lstm(task: Task, horizon: int, hidden: int, seed: int) -> dict[str, Any]:
    """Train on the training part, choose the epoch on the validation part, train anew on both.

    With horizon 1 the K steps are forecast recursively, else at once.
    """
    sizes = {
        "length": task.length,
        "horizon": horizon,
        "hidden_size": hidden,
        "difference": task.difference,
    }

    def mae(model: Any, part: str) -> Array:
        x, y = task.windows(part, task.length)
        forecast = recursive(model, x, task.horizon) if horizon == 1 else model.forecast(x)
        return np.abs(forecast - y).mean(axis=0)

    valid = task.known[-task.valid - task.length :]
    first, epoch = trained(task.train_part, valid, seed, 200, **sizes)
    model, _ = trained(task.known, None, seed, epoch, **sizes)
    return {
        "mae": [digits(e) for e in mae(model, "test")],
        "valid": digits(mae(first, "valid").mean()),
        "epoch": epoch,
    }


def forecasting(series: str, model: str, hidden: int = 0, seed: int = 0) -> dict[str, Any]:
    """Return a model's mean absolute error, by step ahead, over a rolling origin."""
    chosen = task(series)
    if model in MODELS:
        _, y = chosen.windows("test", 1)
        error = np.abs(MODELS[model](chosen) - y).mean(axis=0)
        return {"mae": [digits(e) for e in error]}
    return lstm(chosen, chosen.horizon if model == "LSTM" else 1, hidden, seed)


def errors(
    trials: list[dict[str, Any]], series: str, model: str, hidden: int | None = None
) -> Array:
    """Return the mean absolute errors of one model in stored trials, (seeds, K)."""
    mine = [t for t in trials if (t["series"], t["model"]) == (series, model)]
    return np.array([t["mae"] for t in mine if t.get("hidden") == hidden])


def chosen_size(trials: list[dict[str, Any]], series: str) -> int:
    """Return the size whose LSTMs have the lowest mean error on the validation part."""
    valid: dict[int, list[float]] = {}
    for trial in trials:
        if (trial["series"], trial["model"]) == (series, "LSTM"):
            valid.setdefault(trial["hidden"], []).append(trial["valid"])
    return min(valid, key=lambda hidden: np.mean(valid[hidden]))


def leaks(series: str, leak: str, seed: int) -> dict[str, Any]:
    """Return the error that a test with a leak shows, and the last value's on the same windows.

    "scale": mean and deviation of the whole series. "shuffled": windows are dealt to the three
    parts at random, in the numbers of an honest split. "none": an honest split. The networks work
    on the values themselves.
    """
    chosen = task(series)._replace(difference=0)
    L, K = chosen.length, chosen.horizon
    with seeded(seed):
        model = Forecaster(L, K, 32)
    model.set_scale(chosen.values if leak == "scale" else chosen.train_part)
    x, y = model.windows(chosen.values)
    places = np.arange(len(y))
    if leak == "shuffled":
        places = np.random.default_rng(seed).permutation(places)
    # Window b reads from value b on. Between the parts K - 1 windows are left out: they straddle.
    last, test = len(chosen.train_part), len(chosen.known) - L
    train, valid = places[: last - L - K + 1], places[last - L : test - K + 1]
    _fit(model, (x[:, train], y[train]), (x[:, valid], y[valid]), seed, 200)
    raw, future = datasets.windows(chosen.values, L, K)
    raw, future = raw[:, places[test:], 0], future[places[test:]]
    return {
        "mae": digits(np.abs(model.forecast(raw) - future).mean()),
        "last value": digits(np.abs(raw[-1][:, None] - future).mean()),
    }


def _close(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Agree on the mean error within a quarter: other processors train other networks."""
    one, other = np.mean(a["mae"]), np.mean(b["mae"])
    return bool(max(one, other) < 1.25 * min(one, other))


HIDDEN = {"co2": [8, 16, 32], "sunspots": [8, 16, 32], "mackey-glass": [32]}
SEEDS = {"co2": 10, "sunspots": 10, "mackey-glass": 5}
LEAKS = ["none", "scale", "shuffled"]


def _trials(series: str) -> list[dict[str, Any]]:
    """List the models of one series; of the made-up one, those that the chapter compares."""
    made_up = series == "mackey-glass"
    baselines = ["last value", "linear"] if made_up else MODELS
    models = [("LSTM", hidden) for hidden in HIDDEN[series]]
    models += [] if made_up else [("LSTM, recursive", 32)]
    return [
        *({"series": series, "model": model} for model in baselines),
        *(
            {"series": series, "model": model, "hidden": hidden, "seed": seed}
            for (model, hidden), seed in product(models, range(SEEDS[series]))
        ),
    ]


EXPERIMENTS = {
    "forecasting": Experiment(
        about="baselines and LSTMs over a rolling origin, three series",
        trials=[trial for series in HIDDEN for trial in _trials(series)],
        run=forecasting,
        agree=_close,
        sample=[4, 6, 50, 60],
        seeds="the seed of each trial; models without one draw nothing",
    ),
    "forecasting-leaks": Experiment(
        about="what a test with a leak pretends",
        trials=[
            {"series": series, "leak": leak, "seed": seed}
            for series, leak, seed in product(["co2", "sunspots"], LEAKS, range(5))
        ],
        run=leaks,
        agree=_close,
        sample=[10, 25],
    ),
}
