"""Exercises of the chapter on forecasting: parts, windows, scales and errors of a series."""

import numpy as np

from lstm_tutorial.exercises._edits import by_edits
from lstm_tutorial.exercises._reading import Array
from lstm_tutorial.exercises._trials import Fn, by_trials


def _normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


MASE = by_edits(
    "mase(y_hat, y, train, season) -> number",
    {"mase": ""},
    [
        {"y_hat": size * _normal(s, n), "y": size * _normal(s + 1, n) + size,
         "train": size * _normal(s + 2, N) + size, "season": season}
        for s, n, N, season, size in [
            (80, 9, 21, 4, 1), (83, 8, 17, 3, 1), (86, 1, 2, 1, 1), (89, 7, 6, 5, 1e4),
            (92, 6, 9, 1, 1e-3)
        ]
    ],
    """
    known = train
    lag = season
    naive = np.abs(known[lag:] - known[:-lag])
    scale = naive.mean()
    errors = np.abs(y_hat - y)
    return errors.mean() / scale
    """,
    """
    scale from the test part | known = train -> known = y
    The naive error is measured on the test part, a leak. Measure it on the training part.
    scale from train and test | known = train -> known = np.concatenate([train, y])
    The naive error is measured on all data, a leak. Measure it on the training part alone.
    naive of one step | lag = season -> lag = 1
    The naive forecast repeats the last value. Here it repeats the value one season before.
    not scaled | errors.mean() / scale -> errors.mean()
    This is the mean absolute error. Divide it by the naive error on the training part.
    squares | np.abs(known -> np.square(known && np.abs(y_hat -> np.square(y_hat
    Errors are squared. Here absolute errors are averaged.
    roots of mean squares | errors.mean() -> np.sqrt((errors**2).mean()) \
        && naive.mean() -> np.sqrt((naive**2).mean())
    Roots of mean squared errors are divided (RMSSE). Here mean absolute errors are.
    upside down | errors.mean() / scale -> scale / errors.mean()
    The quotient is upside down: the error of the forecast stands above.
    scaled by the deviation of train | naive.mean() -> train.std()
    The error is divided by the standard deviation of train. Divide it by the naive error.
    scaled by the mean of train | naive.mean() -> np.abs(train).mean()
    The error is divided by the mean size of train. Divide it by the naive error.
    percentage error | errors.mean() / scale -> (errors / np.abs(y)).mean()
    Each error is divided by its value (MAPE). Divide the mean error by the naive error.
    sums for means | errors.mean() -> errors.sum() && naive.mean() -> naive.sum()
    Both errors are summed. The parts differ in length: take means.
    """,
    "forecasting",
)  # fmt: skip

WINDOWS = by_edits(
    "windows(series, length, horizon) -> (x, y), every window (N, length) and what follows it "
    "(N, horizon)",
    {"x": "N L", "y": "N K"},
    [
        {"series": size * _normal(s, n), "length": length, "horizon": horizon}
        for s, n, length, horizon, size in [
            (90, 11, 4, 2, 1), (91, 12, 3, 5, 1), (92, 5, 3, 2, 1), (93, 7, 1, 3, 1), (94, 6, 2, 1, 9),
            (95, 2, 1, 1, 1), (96, 300, 48, 24, 1e3),
        ]
    ],
    """
    N = len(series) - length - horizon + 1
    starts = np.arange(N)[:, None]
    follow = starts + length
    x = series[starts + np.arange(length)]
    y = series[follow + np.arange(horizon)]
    return x, y
    """,
    """
    targets overlap the inputs | starts + length -> starts + length - 1
    The first target is the last input: it leaks. Targets begin one step after the window.
    targets are the inputs' end | starts + length -> starts + length - horizon
    The targets are the last values of the window itself. They follow it.
    gap before the targets | + 1 -> + 0 && starts + length -> starts + length + 1
    One value is left out between window and targets. Targets begin right after the window.
    one window too few | + 1 -> + 0
    The last window is left out: one window too few. There are len(series) - length - horizon + 1.
    first window left out | np.arange(N) -> np.arange(1, N)
    The first window is left out: one window too few. The first begins at index 0.
    windows do not overlap | np.arange(N) -> np.arange(0, N, length)
    Each window begins where the one before ends. Every start is asked for, one step apart.
    windows a horizon apart | np.arange(N) -> np.arange(0, N, horizon)
    The windows begin horizon steps apart. Every start is asked for, one step apart.
    inputs turned round | series[starts + np.arange(length)] -> series[starts + np.arange(length)][:, ::-1]
    The window runs from its last value to its first.
    targets turned round | np.arange(horizon)] -> np.arange(horizon)][:, ::-1]
    The targets run backwards.
    targets are the window one step later | np.arange(horizon) -> np.arange(length) - length + 1
    The targets are the window, shifted by one step. They are the horizon values after it.
    last target alone | np.arange(horizon) -> np.arange(horizon - 1, horizon)
    Only the last of the horizon values is returned. All horizon values are targets.
    first target alone | np.arange(horizon) -> np.arange(1)
    Only the first of the horizon values is returned. All horizon values are targets.
    x and y exchanged | return x, y -> return y, x
    Windows and targets are exchanged: x comes first.
    """,
    "forecasting",
)  # fmt: skip

STANDARDISE = by_edits(
    "standardise(train, test) -> (train, test), both by the statistics of train, a column by "
    "itself",
    {"train": "T D", "test": "S D"},
    [
        {"train": size * (3 * _normal(s, T, D) + np.arange(D) + 2), "test": size * (_normal(s + 1, S, D) - 1)}
        for s, T, S, D, size in [
            (100, 7, 4, 3, 1), (102, 9, 5, 2, 1), (104, 6, 1, 2, 1), (106, 5, 3, 1, 1), (108, 2, 1, 1, 1),
            (110, 8, 3, 4, 1e5), (112, 4, 4, 4, 1e-4),
        ]
    ],
    """
    for_train = train
    for_test = for_train
    centre = lambda known: known.mean(axis=0)
    spread = lambda known: known.std(axis=0)
    first = (train - centre(for_train)) / spread(for_train)
    second = (test - centre(for_test)) / spread(for_test)
    return first, second
    """,
    """
    statistics of all data | for_train = train -> for_train = np.concatenate([train, test])
    The statistics are those of all data, train and test: a leak. Take them from train alone.
    test by its own statistics | for_test = for_train -> for_test = test
    The test part is scaled by statistics of its own. Use those of train.
    statistics of the test part | for_train = train -> for_train = test
    The statistics are those of the test part. Use those of train.
    scaled to 0 and 1 | known.mean( -> known.min( && known.std(axis=0) -> np.ptp(known, axis=0)
    This scales to the range from 0 to 1. Subtract the mean, divide by the deviation.
    not divided | known.std(axis=0) -> 1.0
    The mean is subtracted, and nothing is divided by the deviation.
    mean not subtracted | known.mean(axis=0) -> 0.0
    The deviation divides, and the mean is not subtracted.
    divided by the variance | known.std( -> known.var(
    The variance divides. The deviation is its root.
    deviation with T - 1 | known.std(axis=0) -> known.std(axis=0, ddof=1)
    The sum of squares is divided by T - 1. Here, as in np.std, it is divided by T.
    one mean and deviation for all columns | mean(axis=0) -> mean() && std(axis=0) -> std()
    One mean and one deviation serve all columns. Each column has its own.
    along the wrong axis | for_test = for_train -> for_test = test && \
        mean(axis=0) -> mean(axis=1, keepdims=True) && std(axis=0) -> std(axis=1, keepdims=True)
    Each row is brought to mean 0. Statistics run over time, axis 0.
    brackets left out | (train - centre(for_train)) -> train - centre(for_train) && \
        (test - centre(for_test)) -> test - centre(for_test)
    Only the mean is divided by the deviation. Put brackets round the difference.
    """,
    "forecasting",
)  # fmt: skip

SEASONAL = by_edits(
    "seasonal(past, m, K) -> array (K,), the seasonal naive forecast",
    {"forecast": "K"},
    [
        {"past": size * _normal(s, n), "m": m, "K": K}
        for s, n, m, K, size in [
            (360, 11, 3, 7, 1), (361, 11, 4, 2, 1), (362, 8, 1, 3, 1), (363, 1, 1, 1, 1),
            (364, 5, 5, 12, 1e4),
        ]
    ],
    """
    season = past[-m:]
    at = np.arange(K) % m
    return season[at]
    """,
    """
    last value | % m -> % m * 0 && past[-m:] -> past[-1:]
    The last value is repeated. Repeat the last season.
    one step early | past[-m:] -> past[-m - 1:-1]
    One step early: the first forecast is the value m steps before it.
    one step late | np.arange(K) -> (np.arange(K) + 1)
    One step late: the first forecast is the value m steps before it.
    first season | past[-m:] -> past[:m]
    The first season is repeated. Repeat the last.
    backwards | return season[at] -> return season[::-1][at]
    The season runs backwards.
    last value after the season | np.arange(K) % m -> np.minimum(np.arange(K), m - 1)
    After one season its last value is repeated. The season starts again.
    phase from the start of past | past[-m:] -> past[:len(past) // m * m][-m:]
    Seasons are counted from the start of past. The last m values are the last season.
    mean of the season | season[at] -> season.mean() + 0 * season[at]
    This is the mean of the last season. Repeat its values one by one.
    mean of each phase | season[at] -> np.array([past[::-1][m - 1 - k::m].mean() for k in at])
    All seasons are averaged. Repeat the last one alone.
    each value repeated | season[at] -> np.repeat(season, -(-K // m))[:K]
    Each value is repeated before the next one comes. Repeat the season as a whole.
    zero after the season | season[at] -> np.where(np.arange(K) < m, season[at], 0)
    After one season zeros come. The season starts again.
    with drift | season[at] -> season[at] + (past[-1] - past[0]) / (len(past) - 1) * (np.arange(K) + 1)
    A drift is added. The seasonal naive forecast repeats the season as it is.
    """,
    "forecasting",
    also=["return np.array([past[len(past) - m + k % m] for k in range(K)])"],
)  # fmt: skip

CUT = by_edits(
    "cut(series, valid, test, length) -> (train, valid, test)",
    {"train": "T", "valid": "V", "test": "S"},
    [
        {"series": _normal(s, n), "valid": valid, "test": test, "length": length}
        for s, n, valid, test, length in [
            (365, 60, 11, 14, 6), (366, 50, 5, 9, 3), (367, 30, 8, 4, 1), (368, 3, 1, 1, 1),
            (369, 40, 1, 7, 2), (370, 40, 6, 1, 9),
        ]
    ],
    """
    end = len(series) - test
    begin = end - valid
    first = series[:begin]
    second = series[begin - length:end]
    third = series[end - length:]
    return first, second, third
    """,
    """
    leak into train | first = series[:begin] -> first = series[:end]
    train holds the targets of the validation part: a leak. It ends where they begin.
    all in train | first = series[:begin] -> first = series
    train is the whole series, with the targets of both other parts: a leak.
    train cut short | first = series[:begin] -> first = series[:begin - length]
    train ends length values early. It may hold what the first window of valid reads.
    nothing to read | begin - length:end -> begin:end && end - length: -> end:
    valid and test begin with their targets. Before them stand the length values that are read.
    nothing to read in valid | begin - length:end -> begin:end
    valid begins with its targets. Before them stand the length values that are read.
    nothing to read in test | end - length: -> end:
    test begins with its targets. Before them stand the length values that are read.
    one value too few to read | begin - length:end -> begin - length + 1:end && end - length: -> end - length + 1:
    valid and test begin one value late. Before their targets stand length values.
    one value too many to read | begin - length:end -> begin - length - 1:end && end - length: -> end - length - 1:
    valid and test begin one value early. Before their targets stand length values.
    context counted as targets | end = len(series) - test -> end = len(series) - test + length \
        && begin = end - valid -> begin = end - valid
    The length values that are read count as targets of test. They come in addition.
    valid reaches into test | begin - length:end -> begin - length:
    valid goes on to the end of the series, through the targets of test. It ends before them.
    valid and test sizes exchanged | len(series) - test -> len(series) - valid && end - valid -> end - test
    The sizes of valid and test are exchanged.
    parts exchanged | return first, second, third -> return first, third, second
    The parts for validation and test are exchanged: valid comes second.
    taken from the beginning | first = series[:begin] -> first = series[valid + test:]
    train is the end of the series. It comes first, before valid and test.
    """,
    "forecasting",
)  # fmt: skip

_WALK = np.cumsum(_normal(371, 400))
_SEASON = 10 * np.sin(np.arange(400) * 0.5)
_NOISE = 0.3 * _normal(372, 400)
# By name what is said, the series, its forecasts from the second value on, whether it is a copy.
_JUDGED = {
    "copy missed": ("The last value itself is a copy.", _WALK, _WALK[:-1], True),
    "copy with noise missed": (
        "The last value with noise is a copy.", _WALK, _WALK[:-1] + _NOISE[1:], True),
    "later copy missed": (
        "The value before the last is no better than a copy.", _WALK, np.r_[0, _WALK[:-2]], True),
    "copy far from zero missed": (
        "A copy of a series far from zero is missed: divide errors by errors.",
        _WALK + 1000, _WALK[:-1] + _NOISE[1:] + 1000, True),
    "copy in other units missed": (
        "A copy is missed where all numbers are 1,000 times larger: compare a ratio, no size.",
        _WALK * 1e3, (_WALK[:-1] + _NOISE[1:]) * 1e3, True),
    "good forecast blamed": (
        "A good forecast of a season is taken for a copy.",
        _SEASON, _SEASON[1:] + _NOISE[1:], False),
    "offset blamed": (
        "A good forecast with an offset is taken for a copy.", _SEASON, _SEASON[1:] + 1, False),
    "knowing forecast blamed": (
        "A forecast near the next value is taken for a copy, since it is near the last one, too: "
        "compare errors, not values.", _WALK, _WALK[1:] + _NOISE[1:], False),
    "good forecast in other units blamed": (
        "A good forecast is taken for a copy where all numbers are 1,000 times smaller: compare a "
        "ratio, no size.", _WALK / 1e3, (_WALK[1:] + _NOISE[1:]) / 1e3, False),
    "exact forecast blamed": (
        "A forecast without any error is taken for a copy.", _WALK, _WALK[1:], False),
}  # fmt: skip


def _judges(fn: Fn, series: Array, forecast: Array) -> bool:
    return bool(fn(series[:-1].copy(), forecast.copy(), series[1:].copy()))


def _all_judged(fn: Fn) -> list[bool]:
    """Return for each forecast whether it is judged rightly."""
    return [_judges(fn, *row[1:3]) == row[3] for row in _JUDGED.values()]


IS_COPY = by_trials(
    "is_copy(last, forecast, actual) -> bool",
    {
        "no yes or no": (
            "Expected True or False, and neither came.",
            lambda fn: fn(_WALK[:-1], _WALK[:-1], _WALK[1:]) in (True, False),
        ),
        "True and False exchanged": (
            "Every answer is the opposite of the right one.",
            lambda fn: any(_all_judged(fn)),
        ),
        "always the same answer": (
            "The answer is the same for every forecast, copy or not.",
            lambda fn: len({_judges(fn, *row[1:3]) for row in _JUDGED.values()}) > 1,
        ),
    }
    | {
        name: (row[0], lambda fn, row=row: _judges(fn, *row[1:3]) == row[3])
        for name, row in _JUDGED.items()
    },
    "forecasting",
)

KINDS = {
    "mase": MASE,
    "windows": WINDOWS,
    "standardise": STANDARDISE,
    "seasonal": SEASONAL,
    "cut": CUT,
    "is_copy": IS_COPY,
}
