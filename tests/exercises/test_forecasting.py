"""Parts, windows, scales and errors: what learners write, and what the report says of it."""

import numpy as np
import torch

from tests.exercises.trying import judged


def cuts(x, starts, length, horizon, later=0):
    """Return windows and targets, the targets some steps later."""
    x_parts = [x[s : s + length] for s in starts]
    return x_parts, [x[s + length + later : s + length + horizon + later] for s in starts]


def every_window(x, length, horizon, later=0, fewer=0):
    return cuts(x, range(len(x) - length - horizon + 1 - fewer), length, horizon, later)


def parts(x, v, t, length, train=0, early=0):
    """Return the parts, the training part some values longer, the others beginning earlier."""
    end = len(x) - t
    return x[: end - v + train], x[end - v - length - early : end], x[end - length - early :]


def naive(train, season):
    return np.abs(train[season:] - train[:-season]).mean()


def both(convert):
    """Return a scaling of both parts alike, by what it is given of them."""
    return lambda train, test: (convert(train, train, test), convert(test, train, test))


def all_of(train, test):
    return np.vstack([train, test])


def own(part, train, test):
    return (part - part.mean(0)) / part.std(0, ddof=1)


def by_mean(part, known, ddof=0):
    return (part - known.mean(0)) / known.std(0, ddof=ddof)


def by_range(part, known):
    return (part - known.min(0)) / np.ptp(known, 0)


def skill(error):
    """Return a judgement by a ratio of errors of some kind."""
    return lambda last, forecast, actual: error(forecast - actual) > 0.95 * error(last - actual)


def mae(errors):
    return np.abs(errors).mean()


RIGHT = {
    "mase": [
        lambda y_hat, y, train, season: mae(y - y_hat) / naive(train, season),
        lambda y_hat, y, train, season: mae((y_hat - y) / naive(train, season)),
    ],
    "windows": [
        every_window,
        lambda x, length, horizon: tuple(map(np.array, every_window(x, length, horizon))),
        lambda x, length, horizon: np.split(
            np.lib.stride_tricks.sliding_window_view(x, length + horizon), [length], axis=1
        ),
    ],
    "standardise": [both(lambda part, train, test: by_mean(part, train))],
    "seasonal": [
        lambda past, m, K: np.resize(past[-m:], K),
        lambda past, m, K: np.tile(past[-m:], K)[:K],
        lambda past, m, K: [past[-m + k % m] for k in range(K)],
    ],
    "cut": [parts, lambda *a: [part.tolist() for part in parts(*a)]],
    "is_copy": [
        skill(mae),
        skill(lambda errors: np.sqrt((errors**2).mean())),
        lambda *a: int(skill(mae)(*a)),
        lambda *a: torch.tensor(skill(mae)(*a)),
        lambda last, forecast, actual: bool(mae(forecast - actual) / mae(last - actual) > 0.8),
    ],
}
MASE = [
    (lambda a, y, train, m: mae(a - y) / naive(y, m), "scale from the test part"),
    (
        lambda a, y, train, m: mae(a - y) / naive(np.append(train, y), m),
        "scale from train and test",
    ),
    (lambda a, y, train, m: mae(a - y) / naive(train, 1), "naive of one step"),
    (lambda a, y, train, m: mae(a - y), "not scaled"),
    (
        lambda a, y, train, m: ((a - y) ** 2).mean() / ((train[m:] - train[:-m]) ** 2).mean(),
        "squares",
    ),
    (
        lambda a, y, train, m: np.sqrt(
            ((a - y) ** 2).mean() / ((train[m:] - train[:-m]) ** 2).mean()
        ),
        "roots of mean squares",
    ),
    (
        lambda a, y, train, m: np.median(abs(a - y)) / np.median(abs(train[m:] - train[:-m])),
        "medians",
    ),
    (lambda a, y, train, m: naive(train, m) / mae(a - y), "upside down"),
    (lambda a, y, train, m: 1 - mae(a - y) / naive(train, m), "skill, not error"),
    (
        lambda a, y, train, m: mae(a - y) * len(train) / abs(train[m:] - train[:-m]).sum(),
        "naive error divided by all of train",
    ),
    (lambda a, y, train, m: mae(a - y) / train.std(), "scaled by the deviation of train"),
    (lambda a, y, train, m: mae(a - y) / mae(train), "scaled by the mean of train"),
    (lambda a, y, train, m: mae((a - y) / y), "percentage error"),
    (lambda a, y, train, m: mae(a - y) / naive(train, m + 1), "season + 1 for season"),
    (lambda a, y, train, m: (y - a).mean() / naive(train, m), "y - y_hat for np.abs(y - y_hat)"),
    (
        lambda a, y, train, m: mae(a - y) / naive(y, 1),
        "scale from the test part & naive of one step",
    ),
    (
        lambda a, y, train, m: ((a - y) ** 2).mean() / ((y[m:] - y[:-m]) ** 2).mean(),
        "scale from the test part & squares",
    ),
]
WINDOWS = [
    (lambda x, n, k: every_window(x, n, k, fewer=1), "one window too few"),
    (lambda x, n, k: cuts(x, range(1, len(x) - n - k + 1), n, k), "first window left out"),
    (lambda x, n, k: cuts(x, range(0, len(x) - n - k + 1, n), n, k), "windows do not overlap"),
    (lambda x, n, k: cuts(x, range(0, len(x) - n - k + 1, k), n, k), "windows a horizon apart"),
    (lambda x, n, k: every_window(x, n, k, -1), "targets overlap the inputs"),
    (
        lambda x, n, k: (every_window(x, n, k)[0], [a[-k:] for a in every_window(x, n, k)[0]]),
        "targets are the inputs' end",
    ),
    (lambda x, n, k: every_window(x, n, k, 1, 1), "gap before the targets"),
    (
        lambda x, n, k: (
            every_window(x, n, k)[0],
            [x[s + 1 : s + n + 1] for s in range(len(x) - n - k + 1)],
        ),
        "targets are the window one step later",
    ),
    (
        lambda x, n, k: (every_window(x, n, k)[0], [y[-1:] for y in every_window(x, n, k)[1]]),
        "last target alone",
    ),
    (lambda x, n, k: every_window(x, n, k)[::-1], "x and y exchanged"),
    (
        lambda x, n, k: ([a[::-1] for a in every_window(x, n, k)[0]], every_window(x, n, k)[1]),
        "inputs turned round",
    ),
    (
        lambda x, n, k: (every_window(x, n, k)[0], [y[::-1] for y in every_window(x, n, k)[1]]),
        "targets turned round",
    ),
    (
        lambda x, n, k: ([a[::-1] for a in every_window(x, n, k)[0]], every_window(x, n, k, -1)[1]),
        "targets overlap the inputs & inputs turned round",
    ),
]
STANDARDISE = [
    (both(lambda part, train, test: by_mean(part, all_of(train, test))), "statistics of all data"),
    (both(lambda part, train, test: by_mean(part, part)), "test by its own statistics"),
    (both(lambda part, train, test: by_mean(part, test)), "statistics of the test part"),
    (both(lambda part, train, test: by_mean(part, train, 1)), "deviation with T - 1"),
    (both(lambda part, train, test: by_range(part, train)), "scaled to 0 and 1"),
    (
        both(lambda part, train, test: (part - train.mean(0)) / train.var(0)),
        "divided by the variance",
    ),
    (both(lambda part, train, test: part - train.mean(0)), "not divided"),
    (both(lambda part, train, test: part / train.std(0)), "mean not subtracted"),
    (both(lambda part, train, test: part / np.abs(train).max(0)), "divided by the largest"),
    (both(lambda part, train, test: part - train.mean(0) / train.std(0)), "brackets left out"),
    (both(lambda part, train, test: part / train.std(0) - train.mean(0)), "mean subtracted last"),
    (
        both(lambda part, train, test: (part - train.mean()) / train.std()),
        "one mean and deviation for all columns",
    ),
    (
        both(lambda part, train, test: (part - train.mean(0)) / train.std()),
        "known.std() for known.std(axis=0)",
    ),
    (both(lambda part, *_: ((part.T - part.mean(1)) / part.std(1)).T), "along the wrong axis"),
    (lambda train, test: (by_mean(train, train), test), "test part not scaled"),
    (both(own), "test by its own statistics & deviation with T - 1"),
    (
        both(lambda part, train, test: by_mean(part, all_of(train, test), 1)),
        "statistics of all data & deviation with T - 1",
    ),
    (
        both(lambda part, train, test: by_range(part, all_of(train, test))),
        "statistics of all data & scaled to 0 and 1",
    ),
    (
        both(lambda part, train, test: by_range(part, part)),
        "test by its own statistics & scaled to 0 and 1",
    ),
]
SEASONAL = [
    (lambda past, m, K: np.full(K, past[-1]), "last value"),
    (lambda past, m, K: [past[k % m] for k in range(K)], "first season"),
    (lambda past, m, K: [past[len(past) - m + (k + 1) % m] for k in range(K)], "one step late"),
    (lambda past, m, K: [past[len(past) - 1 - k % m] for k in range(K)], "backwards"),
    (
        lambda past, m, K: [past[len(past) - m + min(k, m - 1)] for k in range(K)],
        "last value after the season",
    ),
    (lambda past, m, K: np.repeat(past[-m:], -(-K // m))[:K], "each value repeated"),
    (lambda past, m, K: np.full(K, past[-m:].mean()), "mean of the season"),
    (lambda past, m, K: np.resize(past[-2 * m : -m], K), "season before the last"),
    (
        lambda past, m, K: [past[(len(past) + k) % m] for k in range(K)],
        "phase from the start of past",
    ),
]
CUT = [
    (lambda x, v, t, n: parts(x, v, t, n, train=v), "leak into train"),
    (lambda x, v, t, n: parts(x, v, t, n, train=-n), "train cut short"),
    (lambda x, v, t, n: (x, *parts(x, v, t, n)[1:]), "all in train"),
    (lambda x, v, t, n: parts(x, v, t, 0), "nothing to read"),
    (lambda x, v, t, n: (*parts(x, v, t, n)[:2], x[len(x) - t :]), "nothing to read in test"),
    (lambda x, v, t, n: parts(x, v, t, n, early=-1), "one value too few to read"),
    (lambda x, v, t, n: (x[: -t - v], x[-t - v - n :], x[-t - n :]), "valid and test overlap"),
    (lambda x, v, t, n: parts(x, t, v, n), "sizes exchanged"),
    (lambda x, v, t, n: (x[: -t - v], x[-t - n :], x[-t - v - n : -t]), "parts exchanged"),
    (lambda x, v, t, n: parts(x, v, t, n)[:2], "wrong number of outputs"),
    (
        lambda x, v, t, n: (parts(x, v, t, n, train=v)[0], *parts(x, v, t, 0)[1:]),
        "leak into train & nothing to read",
    ),
]
IS_COPY = [
    (lambda *a: not skill(mae)(*a), "True and False exchanged"),
    (lambda *a: True, "always the same answer"),
    (lambda last, forecast, actual: np.allclose(last, forecast), "copy with noise missed"),
    (
        lambda last, forecast, actual: 0.9 < mae(forecast - actual) / mae(last - actual) < 1.2,
        "later copy missed",
    ),
    (
        lambda last, forecast, actual: mae((forecast - actual) / actual) > 0.05,
        "copy far from zero missed",
    ),
    (lambda last, forecast, actual: mae(forecast - actual) > 0.5, "copy of small numbers missed"),
    (
        lambda last, forecast, actual: mae(forecast - actual) > 0.01 * mae(last - actual),
        "good forecast blamed",
    ),
    (
        lambda last, forecast, actual: mae(forecast - actual) > 0.2 * mae(last - actual),
        "offset blamed",
    ),
    (
        lambda last, forecast, actual: mae(forecast - last) < mae(forecast - actual),
        "worse forecast missed",
    ),
    (lambda last, forecast, actual: mae(forecast - actual) / mae(last - actual), "wrong return"),
    (lambda last, forecast, actual: abs(forecast - actual) > abs(last - actual), "wrong return"),
]
WRONG = [
    (kind, fn, titles)
    for kind, mistakes in [
        ("mase", MASE),
        ("windows", WINDOWS),
        ("standardise", STANDARDISE),
        ("seasonal", SEASONAL),
        ("cut", CUT),
        ("is_copy", IS_COPY),
    ]
    for fn, titles in mistakes
]


test_right_answers_pass_in_every_style, test_a_mistake_is_named, test_no_value_raises = judged(
    RIGHT, WRONG
)
