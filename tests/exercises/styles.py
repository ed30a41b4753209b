"""Ways to write one and the same answer, and what a report says of a wrong one."""

import functools
import warnings

import numpy as np
import torch


def every(convert, value):
    """Convert the arrays and numbers of what was given or returned, however nested."""
    if type(value) in (tuple, list):
        return type(value)(every(convert, v) for v in value)
    numeric = isinstance(value, np.ndarray | np.generic | torch.Tensor | float)
    return convert(value) if numeric else value


def plain(value):
    """Return a tensor's numbers as an array, and all else as it is."""
    return value.detach().numpy() if torch.is_tensor(value) else value


def in_half_the_digits(value):
    if torch.is_tensor(value):
        return value.float() if value.is_floating_point() else value
    return np.float32(value) if np.asarray(value).dtype == float else value


def in_fortran_order(value):
    return value if torch.is_tensor(value) or np.ndim(value) < 2 else np.asfortranarray(value)


def rounded(value):
    """Return numbers as another order of operations would round them."""
    value = np.asarray(plain(value))
    if value.dtype.kind != "f":
        return value
    return value * (1 + 1e-12 * np.cos(np.arange(value.size)).reshape(value.shape))


def warning(value):
    print("here")
    warnings.warn("a warning", stacklevel=1)
    return value


STYLES = {
    "as it is": lambda fn: fn,
    "float32 returned": lambda fn: lambda *a: every(in_half_the_digits, fn(*a)),
    "float32 throughout": lambda fn: lambda *a: fn(*every(in_half_the_digits, list(a))),
    "lists": lambda fn: lambda *a: every(lambda v: v.tolist() if np.ndim(plain(v)) else v, fn(*a)),
    "tensors": lambda fn: (
        lambda *a: every(
            lambda v: v if torch.is_tensor(v) else torch.as_tensor(np.array(v)), fn(*a)
        )
    ),
    "fortran order": lambda fn: lambda *a: every(in_fortran_order, fn(*a)),
    "rounded otherwise": lambda fn: lambda *a: every(rounded, fn(*a)),
    "long doubles": lambda fn: (
        lambda *a: every(lambda v: np.array(plain(v), np.longdouble), fn(*a))
    ),
    "masked": lambda fn: lambda *a: every(lambda v: np.ma.masked_array(plain(v)), fn(*a)),
    "with defaults": lambda fn: lambda *a, verbose=False: fn(*a),
    "partial": lambda fn: functools.partial(lambda extra, *a: fn(*a), "extra"),
    "warns and prints": lambda fn: lambda *a: warning(fn(*a)),
}


def refusals(kind, fn, check, leave_out=()):
    """Return the styles in which a right answer is refused."""
    ways = {name: way for name, way in STYLES.items() if name not in leave_out}
    return [name for name, way in ways.items() if not check(kind, way(fn)).passed]
