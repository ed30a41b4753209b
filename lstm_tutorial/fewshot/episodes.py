"""Few-shot problems: each is a small task of its own, with a few examples to learn it from.

First the episodes (lines, sines, letters drawn from fonts), then what a learner must beat.
"""

import unicodedata
from collections.abc import Callable, Iterable
from importlib import resources
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial import _check

Array = np.ndarray

# One drawing of a letter each; all six come with matplotlib.
FACES = ["Sans", "Sans-Bold", "Sans-Oblique", "Serif", "Serif-Bold", "Serif-Italic"]
PIXELS = 14


class Episodes(NamedTuple):
    """E small tasks, each with K examples to learn it from and Q on which it is tried.

    Attributes
    ----------
    support_x : array (E, K, D)
    support_y : array (E, K, O)
        Numbers in regression, one-hot rows in classification.
    query_x : array (E, Q, D)
    query_y : array (E, Q, O)
    """

    support_x: Any
    support_y: Any
    query_x: Any
    query_y: Any


class Letters(NamedTuple):
    """Small images of letters, several of each.

    Attributes
    ----------
    images : array (N, V, 14, 14) of float64
        V images of each of N letters, from 0 (paper) to 1 (ink).
    letters : array (N,) of str
    scripts : array (N,) of str
        LATIN, GREEK, CYRILLIC, ARMENIAN or GEORGIAN.
    """

    images: Array
    letters: Array
    scripts: Array


def lines(count: int, shots: int, rng: np.random.Generator | int, queries: int = 10) -> Episodes:
    """Draw episodes of which each is a straight line.

    Slope, height at 0 and all x are uniform between -1 and 1.

    Parameters
    ----------
    count : int
        E, the number of episodes.
    shots : int
        K, the number of support points.
    rng : numpy Generator or int
    queries : int
        Q, the number of query points.

    Returns
    -------
    Episodes
        With D = O = 1.

    Raises
    ------
    TypeError, ValueError
        For a bad `count`, `shots`, `rng` or `queries`.
    """
    E, K, Q, draw = _sizes(count, shots, queries, rng)
    slope, height = draw.uniform(-1, 1, (2, E, 1, 1))
    x = draw.uniform(-1, 1, (E, K + Q, 1))
    return _cut(x, slope * x + height, K)


def sines(count: int, shots: int, rng: np.random.Generator | int, queries: int = 50) -> Episodes:
    """Draw episodes of which each is a sine, by the protocol of Finn, Abbeel & Levine (2017).

    ``y = A sin(x + phase)`` with the amplitude A from U(0.1, 5), the phase from U(0, pi) and x from
    U(-5, 5). Whoever always answers 0 has a mean squared error of about 4.3.

    Parameters
    ----------
    count, shots, rng, queries
        E, K, the source of randomness and Q, as of `lines`.

    Returns
    -------
    Episodes
        With D = O = 1.

    Raises
    ------
    TypeError, ValueError
        As `lines`.

    See Also
    --------
    lines : a straight line in each episode.
    """
    E, K, Q, draw = _sizes(count, shots, queries, rng)
    amplitude, phase = draw.uniform(0.1, 5, (E, 1, 1)), draw.uniform(0, np.pi, (E, 1, 1))
    x = draw.uniform(-5, 5, (E, K + Q, 1))
    return _cut(x, amplitude * np.sin(x + phase), K)


def letters(versions: int = 3) -> Letters:
    """Return letters of five scripts in the six faces of a family of fonts.

    732 letters: those of the fonts DejaVu Sans and Serif that no accent or other mark is part of,
    each shape once (the Latin A is also the Greek and the Cyrillic one). Each face is drawn
    `versions` times, turned, slanted, scaled and shifted at random, always in the same way.

    From the package matplotlib, which brings the fonts. Source: DejaVu fonts 2.37. Licence: that
    of Bitstream Vera, free to use, copy and change.

    Parameters
    ----------
    versions : int

    Returns
    -------
    Letters
        With V = 6 * versions.

    Raises
    ------
    TypeError, ValueError
        For a bad `versions`.
    """
    versions = _check.positive_int("versions", versions)
    fonts = [_font(face) for face in FACES]
    shared = set.intersection(*(set(font.get_charmap()) for font in fonts))
    found: dict[bytes, str] = {}
    for letter in map(chr, sorted(shared)):
        plain = unicodedata.normalize("NFKD", letter) == letter
        if plain and unicodedata.category(letter) in ("Lu", "Ll", "Lo"):
            found.setdefault(_drawing(fonts[0], letter).tobytes(), letter)
    names = {letter: unicodedata.name(letter).split()[0] for letter in found.values()}
    chosen = [letter for letter, name in names.items() if name != "TURNED"]
    drawings = np.array([[_drawing(font, letter) for font in fonts] for letter in chosen])
    images = _distorted(drawings.repeat(versions, axis=1), np.random.default_rng(0))
    return Letters(images, np.array(chosen), np.array([names[letter] for letter in chosen]))


def classes(
    images: Array,
    ways: int,
    shots: int,
    count: int,
    rng: np.random.Generator | int,
    queries: int = 5,
) -> Episodes:
    """Draw episodes of which each asks to tell a few classes apart.

    An episode draws `ways` classes and numbers them anew; of each it draws `shots` examples to
    learn from and `queries` others to be tried on. Both sets come in random order.

    Parameters
    ----------
    images : array (N, V, ...)
        V examples of each of N classes.
    ways : int
        O, the number of classes in an episode, from 2 to N.
    shots, queries : int
        Examples of a class; together at most V.
    count : int
        E, the number of episodes.
    rng : numpy Generator or int

    Returns
    -------
    Episodes
        With K = shots * ways, Q = queries * ways, and each example as a row of D numbers.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, for fewer than two classes and for too few classes or examples.
    """
    E, K, Q, draw = _sizes(count, shots, queries, rng)
    ways = _check.positive_int("ways", ways)
    _check.floating("images", images)
    if images.ndim < 3 or 0 in images.shape:
        raise ValueError(
            f"images: expected shape (N, V, ...), and no axis empty, got {images.shape}"
        )
    _check.all_finite("images", images)
    N, V = images.shape[:2]
    if not 2 <= ways <= N:
        raise ValueError(
            f"ways: expected 2 to {N} classes, as many as `images` has at most, got {ways}"
        )
    if K + Q > V:
        raise ValueError(
            f"shots: expected at most {V} examples of a class with the queries, got {K} + {Q}"
        )
    which = draw.random((E, N)).argpartition(ways - 1, axis=1)[:, :ways]
    which = draw.permuted(which, axis=1)
    example = draw.random((E, ways, V)).argsort(axis=2)
    x = images.reshape(N, V, -1)[which[..., None], example]  # (E, ways, V, D)
    y = np.broadcast_to(np.eye(ways)[:, None], (E, ways, V, ways))
    return Episodes(*(part for k in (slice(K), slice(K, K + Q)) for part in _mixed(x, y, k, draw)))


def nearest(support_x: Array, support_y: Array, query_x: Array) -> Array:
    """Answer each query as the nearest support example does.

    Parameters
    ----------
    support_x, support_y, query_x : arrays (E, K, D), (E, K, O), (E, Q, D)

    Returns
    -------
    array (E, Q, O)

    Raises
    ------
    TypeError, ValueError
        For what is no array, shapes that do not fit, an empty support set, NaN and infinity.
    """
    check(support_x, support_y, query_x)
    closest = _distances(query_x, support_x).argmin(axis=2)
    return np.take_along_axis(support_y, closest[..., None], axis=1)


def prototypes(support_x: Array, support_y: Array, query_x: Array) -> Array:
    """Score each class by the squared distance to the mean of its support examples.

    Parameters
    ----------
    support_x, support_y, query_x : arrays (E, K, D), (E, K, O), (E, Q, D)
        `support_y` one-hot.

    Returns
    -------
    array (E, Q, O)
        Minus the squared distance: the highest score is the answer.

    Raises
    ------
    TypeError, ValueError
        As `nearest`, and for labels that are not one-hot or a class without an example.
    """
    check(support_x, support_y, query_x, labels=True)
    weights = support_y / support_y.sum(axis=1, keepdims=True)
    return -_distances(query_x, weights.swapaxes(1, 2) @ support_x)


def ridge(
    support_x: Array,
    support_y: Array,
    query_x: Array,
    strength: float,
    features: Callable[[Array], Array] = lambda x: x,
) -> Array:
    """Fit each episode by least squares on features, with a penalty on the weights.

    Parameters
    ----------
    support_x, support_y, query_x : arrays (E, K, D), (E, K, O), (E, Q, D)
    strength : float
        Above 0; the factor of the sum of squared weights.
    features : callable
        From (E, n, D) to (E, n, F).

    Returns
    -------
    array (E, Q, O)

    Raises
    ------
    TypeError, ValueError
        As `nearest`, and for a bad `strength`.
    """
    check(support_x, support_y, query_x)
    strength = _check.positive_float("strength", strength)
    _check.function("features", features)
    known, asked = features(support_x), features(query_x)
    gram = known @ known.swapaxes(1, 2) + strength * np.eye(known.shape[1])
    return asked @ (known.swapaxes(1, 2) @ np.linalg.solve(gram, support_y))


def interval(values: Iterable[float]) -> tuple[float, float]:
    """Return the mean of the tasks' results and half the width of its 95 % interval.

    Raises
    ------
    TypeError, ValueError
        For what are no numbers, for fewer than two of them, NaN and infinity.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"values: expected numbers, got {type(values).__name__}")
    values = np.array(
        [_check.finite_float(f"values[{k}]", value) for k, value in enumerate(values)]
    )
    if len(values) < 2:
        raise ValueError(f"values: expected at least 2, got {len(values)}")
    return float(values.mean()), float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))


def check(support_x: Any, support_y: Any, query_x: Any, labels: bool = False) -> None:
    """Raise where the parts of episodes are no arrays or tensors, or do not fit to each other.

    With `labels` every row of `support_y` has to be one-hot, and every class of an episode needs
    an example: a class that the support set does not show cannot be learnt from it.
    """
    _check.flag("labels", labels)
    sizes: dict[str, int] = {}
    parts = {"support_x": support_x, "support_y": support_y, "query_x": query_x}
    for (name, part), axes in zip(parts.items(), ("EKD", "EKO", "EQD"), strict=True):
        shape = _numbers(name, part)
        known = [sizes.get(axis) for axis in axes]
        fits = len(shape) == 3 and all(
            size > 0 and want in (None, size) for size, want in zip(shape, known, strict=True)
        )
        if not fits:
            wanted = ", ".join(f"{a}={n}" if n else a for a, n in zip(axes, known, strict=True))
            empty = ", and no axis empty" if 0 in shape else ""
            raise ValueError(f"{name}: expected shape ({wanted}){empty}, got {shape}")
        sizes.update(zip(axes, shape, strict=True))
        if isinstance(part, np.ndarray):
            _check.all_finite(name, part)
    if labels:
        _check_labels(support_y)


def _numbers(name: str, part: Any) -> tuple[int, ...]:
    """Return the shape of an array or tensor of floating-point numbers; PyTorch may be missing."""
    dtype = str(getattr(part, "dtype", "")).removeprefix("torch.")
    if dtype not in ("float32", "float64"):
        got = f"{type(part).__name__} of {dtype}" if dtype else type(part).__name__
        raise TypeError(f"{name}: expected an array or tensor of float32 or float64, got {got}")
    return tuple(part.shape)


def _check_labels(support_y: Any) -> None:
    E, _, ways = support_y.shape
    if ways < 2:
        raise ValueError(f"support_y: expected at least 2 classes, got {ways}")
    one_hot = ((support_y == 0) | (support_y == 1)).all() and (support_y.sum(-1) == 1).all()
    if not bool(one_hot):
        raise ValueError("support_y: expected one-hot rows, got others")
    shown = support_y.sum(1)
    for episode in range(E):
        missing = [k for k in range(ways) if shown[episode, k] == 0]
        if missing:
            raise ValueError(
                f"support_y: expected an example of each of {ways} classes in every episode, "
                f"got none of class {missing[0]} in episode {episode}"
            )


def _sizes(count: Any, shots: Any, queries: Any, rng: Any) -> tuple[int, int, int, Any]:
    E, K = _check.positive_int("count", count), _check.positive_int("shots", shots)
    return E, K, _check.positive_int("queries", queries), _check.generator("rng", rng)


def _cut(x: Array, y: Array, shots: int) -> Episodes:
    return Episodes(x[:, :shots], y[:, :shots], x[:, shots:], y[:, shots:])


def _mixed(x: Array, y: Array, examples: slice, rng: np.random.Generator) -> list[Array]:
    """Put some examples of all classes into one random order."""
    x, y = (part[:, :, examples].reshape(len(part), -1, part.shape[-1]) for part in (x, y))
    order = rng.random((*x.shape[:2], 1)).argsort(axis=1)
    return [np.take_along_axis(part, order, axis=1) for part in (x, y)]


def _distances(a: Array, b: Array) -> Array:
    """Return squared distances (E, Q, K) between rows; never below 0."""
    squares = (a**2).sum(-1)[..., None] + (b**2).sum(-1)[:, None]
    return np.maximum(squares - 2 * a @ b.swapaxes(1, 2), 0)


def _font(face: str) -> Any:
    from matplotlib.ft2font import FT2Font  # all but the letters needs NumPy alone

    family, _, style = face.partition("-")
    name = f"DejaVu{family}{'-' if style else ''}{style}.ttf"
    folder = resources.files("matplotlib") / "mpl-data" / "fonts" / "ttf"
    with resources.as_file(folder / name) as path:
        font = FT2Font(str(path))
    font.set_size(48, 72)
    return font


def _drawing(font: Any, letter: str) -> Array:
    """Return the letter in the middle of 80 x 80 pixels, shrunk if it is larger, 0 to 255."""
    from matplotlib.ft2font import LoadFlags  # as above

    font.set_text(letter, 0, flags=LoadFlags.NO_HINTING)
    font.draw_glyphs_to_bitmap(antialiased=True)
    image = np.array(font.get_image())
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    while max(image.shape) > 64:
        image = image[: len(image) // 2 * 2, : image.shape[1] // 2 * 2]
        image = (image[::2, ::2] // 2 + image[1::2, 1::2] // 2).astype(np.uint8)
    square = np.zeros((80, 80), dtype=np.uint8)
    top, left = (80 - image.shape[0]) // 2, (80 - image.shape[1]) // 2
    square[top : top + image.shape[0], left : left + image.shape[1]] = image
    return square


def _distorted(drawings: Array, rng: np.random.Generator) -> Array:
    """Turn, slant, scale and shift each drawing (N, V, 80, 80); return (N, V, 14, 14)."""
    N, V = drawings.shape[:2]
    turn, slant = rng.uniform(-0.2, 0.2, (2, N, V))
    wide, high = rng.uniform(0.9, 1.2, (2, N, V))
    shift = rng.uniform(-5, 5, (2, N, V, 1, 1))
    across, down = wide * np.cos(turn), high * np.sin(turn)
    back = np.array([[across, down + slant], [-wide * np.sin(turn), high * np.cos(turn)]])
    # Each pixel of the small image is the mean of four points of the large one.
    line = np.linspace(-25, 25, 2 * PIXELS)
    grid = np.array(np.meshgrid(line, line))  # x, y
    x, y = np.einsum("ijnv,jpq->invpq", back, grid) + shift + 39.5
    column, row = (np.clip(np.rint(part), 0, 79).astype(np.int64) for part in (x, y))
    n, v = np.ogrid[:N, :V]
    points = drawings[n[..., None, None], v[..., None, None], row, column] / 255
    return points.reshape(N, V, PIXELS, 2, PIXELS, 2).mean(axis=(3, 5))
