"""What the tests of the smaller kinds share: styles to write an answer, and how it is judged."""

import functools
import warnings

import numpy as np
import torch

from lstm_tutorial import exercises


def every(convert, value):
    """Convert the arrays and numbers of what was given or returned, however nested."""
    if type(value) in (tuple, list):
        return type(value)(every(convert, v) for v in value)
    if isinstance(value, torch.Tensor):
        value = value.detach()
    numeric = isinstance(value, np.ndarray | np.generic | torch.Tensor | float)
    return convert(value) if numeric else value


def in_fortran_order(value):
    return value if np.ndim(value) < 2 or torch.is_tensor(value) else np.asfortranarray(value)


def rounded(value):
    """Return numbers as another order of operations would round them."""
    value = np.asarray(value)
    return value * (1 + 1e-12 * np.cos(np.arange(value.size)).reshape(value.shape))


def in_half_the_digits(value):
    if torch.is_tensor(value):
        return value.float() if value.is_floating_point() else value
    return np.float32(value) if np.asarray(value).dtype == float else value


def warning(fn):
    def warns(*arguments):
        warnings.warn("x", stacklevel=1)
        return fn(*arguments)

    return warns


STYLES = {
    "float32 returned": lambda fn: lambda *a: every(in_half_the_digits, fn(*a)),
    "float32 throughout": lambda fn: lambda *a: fn(*every(in_half_the_digits, list(a))),
    "lists": lambda fn: lambda *a: every(lambda v: v.tolist() if np.ndim(v) else v, fn(*a)),
    "tensors": lambda fn: lambda *a: every(lambda v: torch.as_tensor(np.array(v)), fn(*a)),
    "fortran order": lambda fn: lambda *a: every(in_fortran_order, fn(*a)),
    "rounded otherwise": lambda fn: lambda *a: every(rounded, fn(*a)),
    "long doubles": lambda fn: lambda *a: every(lambda v: np.array(v, np.longdouble), fn(*a)),
    "masked": lambda fn: lambda *a: every(np.ma.masked_array, fn(*a)),
    "with defaults": lambda fn: lambda *a, verbose=False: fn(*a),
    "partial": lambda fn: functools.partial(lambda extra, *a: fn(*a), "extra"),
    "warns": warning,
}
JUNK = [None, "text", 3, [], {}, object(), np.nan, float, [None, None], (1, 2, 3), b"x", {"a": 1}]


def passes(kind, fn, without=()):
    """Expect a right answer to pass in every style."""
    for name, style in STYLES.items():
        if name not in without:
            report = exercises.check(kind, style(fn))
            assert report.passed, (name, report)


def is_named(kind, fn, *titles):
    """Expect a wrong answer to be refused, and its mistakes to be named, no others."""
    report = exercises.check(kind, fn)
    assert not report.passed
    assert report.mistakes == titles, report
    return report


def never_raises(kind):
    """Expect a report, whatever a function returns."""
    for junk in JUNK:
        assert not exercises.check(kind, lambda *arguments: junk).passed  # noqa: B023
