"""Exercises of the chapter on forecasting: parts, windows, scales and errors of a series."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import Kind
from lstm_tutorial.exercises._reading import Array, Finding
from lstm_tutorial.exercises._trials import Fn, by_measuring, first

KINDS: dict[str, Kind] = {}


def _normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def _errors(n: int, N: int, season: int, size: float) -> dict[str, Any]:
    y_hat, y, train = size * _normal(80, n), size * _normal(81, n), size * (_normal(82, N) + 1)
    return {"y_hat": y_hat, "y": y, "train": train, "season": season}


KINDS["mase"] = by_edits(
    "mase(y_hat, y, train, season) -> number",
    {"mase": ""},
    [_errors(*s) for s in [(9, 21, 4, 1), (8, 17, 3, 1), (1, 2, 1, 1), (7, 6, 5, 1e4)]],
    """
    known = train
    lag = season
    naive = np.abs(known[lag:] - known[:-lag])
    errors = np.abs(y - y_hat)
    return errors.mean() / naive.mean()
    """,
    listed("""
    scale from the test part: known = train -> known = y | It leaks. Measure it on train.
    scale from train and test: known = train -> known = np.append(train, y) |
        It leaks. Measure it on train alone.
    naive of one step: lag = season -> lag = 1 | The naive forecast looks back one season.
    not scaled: errors.mean() | Divide by the error of the naive forecast.
    squares: np.abs(known -> np.square(known && np.abs(y - -> np.square(y - |
        Absolute errors are averaged.
    roots of mean squares: np.sqrt((errors**2).mean() / (naive**2).mean()) |
        Absolute errors are averaged.
    medians: errors.mean() / naive.mean() -> np.median(errors) / np.median(naive) | Take means.
    upside down: naive.mean() / errors.mean() | The forecast's error stands above.
    skill, not error: 1 - errors.mean() / naive.mean() | The quotient itself is asked for.
    naive error divided by all of train: naive.mean() -> (naive.sum() / len(known)) |
        There are len(train) - season naive errors.
    scaled by the deviation of train: naive.mean() -> train.std() | Divide by the naive error.
    scaled by the mean of train: naive.mean() -> np.abs(train).mean() | Divide by the naive error.
    percentage error: (errors / np.abs(y)).mean() | Divide by the naive error.
    """),
    "forecasting",
)

_WINDOWS = [(11, 4, 2, 1), (12, 3, 5, 1), (5, 3, 2, 1), (7, 1, 3, 1), (6, 2, 1, 9), (2, 1, 1, 1)]

KINDS["windows"] = by_edits(
    "windows(series, length, horizon) -> (x, y), every window (N, length) and what follows it "
    "(N, horizon)",
    {"x": "N L", "y": "N K"},
    [
        {"series": size * _normal(90, n), "length": length, "horizon": horizon}
        for n, length, horizon, size in [*_WINDOWS, (300, 48, 24, 1e3)]
    ],
    """
    N = len(series) - length - horizon + 1
    starts = np.arange(N)[:, None]
    x = series[starts + np.arange(length)]
    y = series[starts + length + np.arange(horizon)]
    return x, y
    """,
    listed("""
    one window too few: + 1 -> + 0 | The last window is left out.
    first window left out: np.arange(N) -> np.arange(1, N) | That is one window too few.
    targets overlap the inputs: starts + length -> starts + length - 1 |
        The first target is the last input: it leaks. Targets begin one step after the window.
    targets are the inputs' end: length + np.arange(horizon) -> np.arange(length)[-horizon:] |
        They follow it.
    targets are the window one step later: + length -> + 1 && horizon)] -> length)] |
        Targets are the horizon values after the window.
    gap before the targets: + 1 -> + 0 && + length -> + length + 1 | Targets follow at once.
    last target alone: np.arange(horizon) -> [horizon - 1] | All horizon values are targets.
    windows do not overlap: arange(N) -> arange(0, N, length) | One begins at every step.
    windows a horizon apart: arange(N) -> arange(0, N, horizon) | One begins at every step.
    inputs turned round: length)] -> length)[::-1]] | The window runs backwards.
    targets turned round: horizon)] -> horizon)[::-1]] | The targets run backwards.
    x and y exchanged: y, x | Targets come first. The windows do.
    """),
    "forecasting",
)

_PARTS = [(7, 4, 3, 1), (9, 5, 2, 1), (6, 1, 2, 1), (5, 3, 1, 1), (2, 1, 1, 1), (8, 3, 4, 1e5)]

KINDS["standardise"] = by_edits(
    "standardise(train, test) -> (train, test), both by the statistics of train, a column by "
    "itself",
    {"train": "T D", "test": "S D"},
    [
        {"train": size * (3 * _normal(T, T, D) + np.arange(D) + 2), "test": size * _normal(S, S, D)}
        for T, S, D, size in [*_PARTS, (4, 4, 4, 1e-4)]
    ],
    """
    for_train = train
    for_test = for_train
    centre = lambda known: known.mean(axis=0)
    spread = lambda known: known.std(axis=0)
    scaled = lambda part, known: (part - centre(known)) / spread(known)
    return scaled(train, for_train), scaled(test, for_test)
    """,
    listed("""
    statistics of all data: for_train = train -> for_train = np.concatenate([train, test]) |
        The test part leaks. Take mean and deviation from train alone.
    test by its own statistics: for_test = for_train -> for_test = test | Use those of train.
    statistics of the test part: for_train = train -> for_train = test | Use those of train.
    scaled to 0 and 1: mean(axis=0) -> min(axis=0) && known.std(axis=0) -> np.ptp(known, axis=0) |
        Minimum and range are taken. Subtract the mean, divide by the deviation.
    divided by the variance: known.std( -> known.var( | Take its root.
    deviation with T - 1: std(axis=0) -> std(axis=0, ddof=1) | Here, as in np.std, it is with T.
    not divided: known.std(axis=0) -> 1 | The mean is subtracted. Then divide by the deviation.
    mean not subtracted: known.mean(axis=0) -> 0 | Subtract it before the deviation divides.
    one mean and deviation for all columns: mean(axis=0) -> mean() && std(axis=0) -> std() |
        Each column has its own.
    along the wrong axis: mean(axis=0) -> mean(axis=1, keepdims=True) && std(axis=0) ->
        std(axis=1, keepdims=True) && for_test = for_train -> for_test = test |
        Each row is brought to mean 0. Statistics run over time, axis 0.
    divided by the largest: mean(axis=0) -> min(axis=0) * 0 &&
        known.std(axis=0) -> np.abs(known).max(axis=0) | Subtract the mean, divide by the deviation.
    brackets left out: (part - centre(known)) / spread -> part - centre(known) / spread |
        Only the mean is divided.
    mean subtracted last: (part - centre(known)) / spread(known) -> part / spread(known) -
        centre(known) | The mean of the undivided data is subtracted. Subtract first, then divide.
    test part not scaled: scaled(train, for_train), test | Scale it by the statistics of train.
    deviation of what is scaled: scaled(train, for_train), scaled(test, scaled(train, for_train)) |
        The statistics of test are those of the scaled training part. Take them before.
    """),
    "forecasting",
)

_SEASONS = [(11, 3, 7, 1), (11, 4, 2, 1), (8, 1, 3, 1), (1, 1, 1, 1), (5, 5, 12, 1e4)]

KINDS["seasonal"] = by_edits(
    "seasonal(past, m, K) -> array (K,), the seasonal naive forecast",
    {"forecast": "K"},
    [{"past": size * _normal(n, n), "m": m, "K": K} for n, m, K, size in _SEASONS],
    """
    steps = np.arange(K)
    start = len(past) - m
    return past[start + steps % m]
    """,
    listed("""
    last value: past[-1] + 0 * steps | Repeat the last season.
    one step early: past[steps % m - m - 1] | Start m values back.
    one step late: start + steps % m -> start + (steps + 1) % m | Start m values back.
    first season: start + steps % m -> steps % m | Repeat the last.
    season before the last: np.resize(past[-2 * m : -m], K) | Repeat the last.
    phase from the start of past: past[(len(past) + steps) % m] | Repeat the last season.
    backwards: past[len(past) - 1 - steps % m] | The season runs backwards.
    last value after the season: steps % m -> np.minimum(steps, m - 1) | Start again.
    each value repeated: steps % m -> steps // -(-K // m) | Repeat the season as a whole.
    mean of the season: past[-m:].mean() + 0 * steps | Repeat its values.
    mean of each phase: np.array([past[::-1][m - 1 - k % m :: m].mean() for k in range(K)]) |
        All seasons are averaged. Repeat the last alone.
    with drift: past[start + steps % m] + (steps + 1) * (past[-1] - past[0]) / (len(past) - 1) |
        The season is repeated as it is.
    """),
    "forecasting",
)

_CUTS = [(60, 11, 14, 6), (50, 5, 9, 3), (30, 8, 4, 1), (3, 1, 1, 1), (40, 1, 7, 2), (40, 6, 1, 9)]

KINDS["cut"] = by_edits(
    "cut(series, valid, test, length) -> (train, valid, test)",
    {"train": "T", "valid": "V", "test": "S"},
    [
        {"series": _normal(n, n), "valid": valid, "test": test, "length": length}
        for n, valid, test, length in _CUTS
    ],
    """
    test_from = len(series) - test
    valid_from = test_from - valid
    before = length
    first = series[:valid_from]
    second = series[valid_from - before:test_from]
    third = series[test_from - before:]
    return first, second, third
    """,
    listed("""
    leak into train: [:valid_from] -> [:test_from] | train holds the targets of validation.
    all in train: series[:valid_from] -> series | train holds the targets of both other parts.
    train cut short: [:valid_from] -> [:valid_from - length] | It ends where valid's targets begin.
    nothing to read: = length -> = 0 | length values come first.
    one value too few to read: = length -> = length - 1 |
        Before the first target stand as many values as length says.
    one value too many to read: = length -> = length + 1 |
        Before the first target stand as many values as length says.
    nothing to read in test: - before:] -> :] | length values come first.
    valid ends too early: :test_from] -> :test_from - 1] | It ends where test's begin.
    valid and test overlap: :test_from] -> :] | valid holds the targets of test.
    sizes exchanged: len(series) - test -> len(series) - valid && test_from - valid ->
        test_from - test | The sizes of valid and test are exchanged.
    parts exchanged: first, third, second | valid comes second, and test third.
    """),
    "forecasting",
)

_WALK = np.cumsum(_normal(371, 400))
_WAVE, _NOISE = 10 * np.sin(np.arange(400) * 0.5), 0.3 * _normal(372, 400)[1:]
_COPIES = {
    "copy missed": (_WALK, _WALK[:-1]),
    "copy with noise missed": (_WALK, _WALK[:-1] + _NOISE),
    "later copy missed": (_WALK, np.r_[0, _WALK[:-2]]),
    "copy far from zero missed": (_WALK + 1000, _WALK[:-1] + _NOISE + 1000),
    "worse forecast missed": (_WALK, _WALK[1:] + 3 * np.diff(_WALK)),
    "copy of small numbers missed": (_WALK / 1e4, (_WALK[:-1] + _NOISE) / 1e4),
}
_OTHERS = {
    "good forecast blamed": (_WAVE, _WAVE[1:] + _NOISE),
    "offset blamed": (_WAVE, _WAVE[1:] + 1),
    "knowing forecast blamed": (_WALK, _WALK[1:] + _NOISE),
    "good forecast of large numbers blamed": (_WALK * 1e4, (_WALK[1:] + _NOISE) * 1e4),
    "forecast without error blamed": (_WALK, _WALK[1:]),
}


def _judging(fn: Fn) -> Iterator[Finding]:
    """Find what is judged wrongly, of copies and of good forecasts."""
    answers = {
        name: fn(series[:-1].copy(), forecast.copy(), series[1:].copy())
        for name, (series, forecast) in (_COPIES | _OTHERS).items()
    }
    if any(answer not in (True, False) for answer in answers.values()):
        raise ValueError("expected True or False")
    wrong = {name: bool(answer) != (name in _COPIES) for name, answer in answers.items()}
    found = {
        "True and False exchanged | Every answer is the opposite.": all(wrong.values()),
        "always the same answer | Tell copies and good forecasts apart.": (
            len(set(map(bool, answers.values()))) == 1
        ),
    }
    yield from first(
        found | {f"{name} | Compare errors, by a ratio.": wrong[name] for name in wrong}
    )


KINDS["is_copy"] = by_measuring(
    "is_copy(last, forecast, actual) -> bool",
    _judging,
    "forecasting",
    "Copies and worse forecasts were found, and better ones were not taken for them.",
)
