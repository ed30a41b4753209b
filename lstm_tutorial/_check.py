"""The door of the package: what comes in is what was asked for, or an error says what came."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray


class Arrays:
    """Checks the arrays of one call against each other.

    Axes are named by letters; an axis that two arrays share must have one size in both,
    and all arrays must have one floating type. A number before the letter is a factor: the size
    of "4H" is four times that of "H". Sizes and type that are known beforehand can be given.

    Examples
    --------
    >>> arrays = Arrays()
    >>> x = arrays.check("x", np.ones((5, 2, 3)), "T B D")
    >>> arrays.check("h0", np.ones((4, 7)), "B H")
    Traceback (most recent call last):
    ValueError: h0: expected shape (B=2, H), got (4, 7)
    >>> h0 = arrays.check("h0", np.ones((2, 5)), "B H")
    >>> arrays.check("W_ih", np.ones((5, 3)), "4H D")
    Traceback (most recent call last):
    ValueError: W_ih: expected shape (4H=20, D=3), got (5, 3)
    """

    def __init__(self, dtype: np.dtype | None = None, **sizes: int) -> None:
        self.sizes = sizes
        self.dtype = dtype

    def check(self, name: str, value: Any, axes: str, finite: bool = True) -> Array:
        """Return `value` if it is a non-empty float array with these axes, else raise."""
        floating(name, value)
        self._check_dtype(name, value)
        self._check_shape(name, value, axes.split())
        if finite:
            all_finite(name, value)
        return value

    def _check_dtype(self, name: str, value: Array) -> None:
        if self.dtype is None:
            self.dtype = value.dtype
        elif value.dtype != self.dtype:
            raise TypeError(
                f"{name}: expected {self.dtype} like the arguments before it, got {value.dtype}"
            )

    def _check_shape(self, name: str, value: Array, axes: Sequence[str]) -> None:
        known = [self._size(axis) for axis in axes]
        fits = len(axes) == value.ndim and all(
            size > 0 and (size == want or (want is None and size % _factor(axis) == 0))
            for axis, want, size in zip(axes, known, value.shape, strict=True)
        )
        if not fits:
            wanted = [f"{a}={n}" if n else a for a, n in zip(axes, known, strict=True)]
            shape = f"({', '.join(wanted)}{',' if len(axes) == 1 else ''})"
            empty = ", and no axis empty" if 0 in value.shape else ""
            raise ValueError(f"{name}: expected shape {shape}{empty}, got {value.shape}")
        for axis, size in zip(axes, value.shape, strict=True):
            self.sizes[_letter(axis)] = size // _factor(axis)

    def shape(self, axes: str) -> tuple[int, ...]:
        """Return the sizes of axes that are all known by now."""
        return tuple(self._size(axis) or 0 for axis in axes.split())

    def _size(self, axis: str) -> int | None:
        size = self.sizes.get(_letter(axis))
        return size and size * _factor(axis)


def _letter(axis: str) -> str:
    return axis.lstrip("0123456789")


def _factor(axis: str) -> int:
    return int(axis.removesuffix(_letter(axis)) or 1)


def floating(name: str, value: Any) -> Array:
    """Return `value` if it is a NumPy array of float32 or float64, else raise TypeError."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name}: expected a NumPy array, got {type(value).__name__}")
    if value.dtype not in (np.float32, np.float64):
        raise TypeError(f"{name}: expected float32 or float64, got {value.dtype}")
    return value


def all_finite(name: str, value: Array) -> None:
    """Raise ValueError where `value` holds NaN or infinity, naming the first place."""
    finite = np.isfinite(value)
    if not finite.all():
        bad = ~finite
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name}: expected finite numbers, got {value[where]} at index {where} "
            f"({int(bad.sum())} of {value.size} are not finite)"
        )


def positive_int(name: str, value: Any) -> int:
    """Return `value` if it is an integer of at least 1, else raise."""
    value = integer(name, value)
    if value < 1:
        raise ValueError(f"{name}: expected at least 1, got {value}")
    return value


def integer(name: str, value: Any) -> int:
    """Return `value` if it is an integer, else raise TypeError; a bool is none."""
    if not _is_integer(value):
        raise TypeError(f"{name}: expected an integer, got {type(value).__name__}")
    return int(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def positive_float(name: str, value: Any) -> float:
    """Return `value` if it is a finite number above zero, else raise."""
    _number(name, value)
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name}: expected a finite number above 0, got {value}")
    return float(value)


def finite_float(name: str, value: Any) -> float:
    """Return `value` if it is a finite number, else raise."""
    _number(name, value)
    if not np.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, got {value}")
    return float(value)


def _number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name}: expected a number, got {type(value).__name__}")


def from_zero(name: str, value: Any) -> int:
    """Return `value` if it is an integer of at least 0, else raise."""
    value = integer(name, value)
    if value < 0:
        raise ValueError(f"{name}: expected at least 0, got {value}")
    return value


def share(name: str, value: Any) -> float:
    """Return `value` if it is a number from 0 to 1, else raise."""
    _number(name, value)
    if not 0 <= value <= 1:
        raise ValueError(f"{name}: expected a number from 0 to 1, got {value}")
    return float(value)


def flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False, else raise TypeError; 1 and 0 are neither."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected a bool, got {type(value).__name__}")
    return bool(value)


def text(name: str, value: Any) -> str:
    """Return `value` if it is a string, else raise TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a string, got {type(value).__name__}")
    return value


def function(name: str, value: Any) -> Any:
    """Return `value` if it can be called, else raise TypeError."""
    if not callable(value):
        raise TypeError(f"{name}: expected a function, got {type(value).__name__}")
    return value


def instance(name: str, value: Any, kind: type, what: str) -> Any:
    """Return `value` if it is one of `kind`, else raise TypeError; `what` says in words which."""
    if not isinstance(value, kind):
        raise TypeError(f"{name}: expected {what}, got {type(value).__name__}")
    return value


def lengths(name: str, value: Any, T: int, B: int) -> Array:
    """Return `value` if it is an array of B integers from 1 to T, else raise."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name}: expected a NumPy array, got {type(value).__name__}")
    if not np.issubdtype(value.dtype, np.integer):
        raise TypeError(f"{name}: expected integers, got {value.dtype}")
    if value.shape != (B,):
        raise ValueError(f"{name}: expected shape (B={B},), got {value.shape}")
    if value.min() < 1 or value.max() > T:
        raise ValueError(
            f"{name}: expected lengths from 1 to T={T}, got {value.min()} to {value.max()}"
        )
    return value


def choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """Return `value` if it is one of `choices`, else raise ValueError."""
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")
    return value


def generator(name: str, value: Any) -> np.random.Generator:
    """Return a Generator from a Generator or an integer seed, else raise TypeError."""
    if isinstance(value, np.random.Generator):
        return value
    if not _is_integer(value):
        raise TypeError(f"{name}: expected a seed or a numpy Generator, got {type(value).__name__}")
    return np.random.default_rng(seed(name, value))


def seed(name: str, value: Any) -> int:
    """Return `value` if it is an integer of at least 0, else raise."""
    value = integer(name, value)
    if value < 0:
        raise ValueError(f"{name}: expected a seed of at least 0, got {value}")
    return value


def codes(name: str, text: Any, place: Mapping[str, int]) -> list[int]:
    """Return the number of each character of a text; `place` is the alphabet, in its order."""
    instance(name, text, str, "a string")
    for position, character in enumerate(text):
        if character not in place:
            raise ValueError(
                f"{name}: expected characters of the alphabet {''.join(place)!r}, "
                f"got {character!r} at position {position}"
            )
    return [place[character] for character in text]
