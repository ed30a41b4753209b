"""Checks of a learner's function that name the mistake.

The function is run on inputs that are chosen so that mistakes show, and its numbers are compared
with those of a reference that can be broken on purpose: by each known mistake, then by any two of
them. What gives the same numbers is what was done. Where right answers may differ, as weights or
probes do, the function is put to trials, and the first that it does not stand names the mistake.
"""

import contextlib
import copy
import inspect
import io
import linecache
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from lstm_tutorial import _install
from lstm_tutorial.exercises._exercise import Array, Case, Kind, Note, Trouble
from lstm_tutorial.exercises._report import Report
from lstm_tutorial.exercises._search import KINDS, Run, explain, same


def kinds() -> list[str]:
    """Return the kinds of exercise that `check` knows.

    Examples
    --------
    >>> kinds()[:2]
    ['lstm.step', 'lstm.step_backward']
    """
    return list(KINDS)


def signature(kind: str) -> str:
    """Return how `check` calls the function of a kind, and what it must return.

    Examples
    --------
    >>> signature("lstm.step")
    'step(x, h_prev, c_prev, W_ih, W_hh, b) -> (h, c)'
    """
    return _kind(kind).signature


def check(kind: str, fn: Callable[..., Any]) -> Report:
    """Check a learner's function, and name the mistake where one is made.

    Parameters
    ----------
    kind : str
        One of `kinds`.
    fn : callable
        Takes and returns what `signature` says; NumPy arrays, lists and tensors are all taken.

    Returns
    -------
    Report
        Shows itself in a notebook and in a terminal; `passed` and `mistakes` are for programs. An
        exception in `fn` is part of the report.

    Raises
    ------
    TypeError, ValueError
        For an unknown kind, or if `fn` is no function.
    ModuleNotFoundError
        If the exercise needs PyTorch, and it is not installed.

    Examples
    --------
    >>> def step(x, h_prev, W_ih, W_hh, b):
    ...     return x @ W_ih.T + h_prev @ W_hh.T + b
    >>> check("rnn.step", step).mistakes
    ('not squashed',)
    """
    spec = _kind(kind)
    if not callable(fn):
        raise TypeError(
            f"fn: expected the function itself, not called, got {type(fn).__name__} in its place"
        )
    with _install.advised(f"the exercise {kind}"):
        return _report(kind, spec, fn)


def _report(kind: str, spec: Kind, fn: Callable[..., Any]) -> Report:
    praise = spec.praise or (
        f"{', '.join(spec.outputs)}: the same numbers as the reference on every input tried."
    )
    runs: list[Run] = []
    try:
        for case in [*spec.cases, spec.cases[0]]:
            runs.append(_run(spec, case, fn, shown=not runs))
    except Trouble as trouble:
        # What came out before may tell already what is wrong.
        names, notes = explain(kind, runs) if runs else ([], [])
        if not names:
            notes = []
        return Report(kind, praise, [*names, trouble.name], [*notes, *trouble.notes])
    *runs, again = runs
    names, notes = explain(kind, runs)
    changed = sorted({name for run in runs for name in run.changed})
    if changed:
        names = [*names, "input changed in place"]
        notes.append(
            Note(
                "Input changed in place",
                f"After the call {', '.join(changed)} held other numbers than before. Whoever "
                "called may still need them: work on a copy, and write a = a + b for a += b.",
            )
        )
    if not same(again.outputs, runs[0].outputs):
        names = [*names, "something kept between calls"]
        notes.append(
            Note(
                "Something kept between calls",
                "Called twice with the same arguments, the function gives two answers. Does it "
                "keep a state, a list or a random draw from one call to the next?",
            )
        )
    return Report(kind, praise, names, notes)


def _kind(kind: str) -> Kind:
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    return KINDS[kind]


def _run(spec: Kind, case: Case, fn: Callable[..., Any], shown: bool = False) -> Run:
    """Call the function on copies, and turn what it returns into arrays.

    Only the first call may print: the learner's own lines need not come many times.
    """
    given = {name: spec.prepare(copy.deepcopy(a)) for name, a in case.arguments.items()}
    loud = iter([shown])

    def asked(*arguments: Any) -> Any:
        nowhere: Any = contextlib.redirect_stdout(io.StringIO())
        with contextlib.nullcontext() if next(loud, False) else nowhere:
            return _call(spec, fn, arguments)

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            returned = spec.ask(asked, given)
        except (Trouble, ModuleNotFoundError):  # not the learner's, whose own are Trouble
            raise
        except Exception as error:  # raised with what the function had returned
            says = f"What it returned cannot be used ({type(error).__name__}: {error})."
            note = Note("Wrong return", f"{says} It is called as {spec.signature}.")
            raise Trouble("wrong return", note) from None
    outputs = _outputs(spec, case, returned)
    changed = [n for n, a in case.arguments.items() if not _unchanged(a, given[n])]
    return Run(case, outputs, changed)


def _call(spec: Kind, fn: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Call the function; say what is wrong if it does not take, raises or returns nothing."""
    try:
        inspect.signature(fn).bind(*arguments)
    except ValueError:  # some built-in functions have no signature
        pass
    except TypeError as error:
        says = f"It is called as {spec.signature}, and {error}."
        raise Trouble("wrong arguments", Note("Wrong arguments", says)) from None
    try:
        returned = fn(*arguments)
        if isinstance(returned, Iterator):  # what yields may raise, too
            returned = list(returned)
    except Exception as error:
        raise Trouble("exception", *_exception(spec, arguments, fn, error)) from None
    if returned is None and not spec.signature.endswith("None"):
        says = f"Is there a return at the end? {spec.signature}"
        raise Trouble("nothing returned", Note("Nothing returned", says))
    return returned


def _exception(
    spec: Kind, arguments: Sequence[Any], fn: Callable[..., Any], error: Exception
) -> list[Note]:
    """Say what was raised, and where in the learner's code."""
    frames = traceback.extract_tb(error.__traceback__)
    file = getattr(getattr(fn, "__code__", None), "co_filename", None)
    own = [f for f in frames if f.filename == file or "ipykernel" in f.filename] or frames[1:]
    says = f"{type(error).__name__}: {error}"
    if not own:
        return [Note("Exception", says)]
    frame = own[-1]
    line = linecache.getline(frame.filename, frame.lineno or 0).strip()
    note = Note("Exception", f"{says}, in {frame.name}, line {frame.lineno}", "", line)
    if not any(word in str(error) for word in ("shape", "dimension", "broadcast", "align")):
        return [note]
    named = zip(spec.cases[0].arguments, arguments, strict=False)
    shapes = ", ".join(f"{name} {np.shape(a)}" for name, a in named if np.ndim(a))
    return [note, Note("", f"The arguments had the shapes {shapes}.")] if shapes else [note]


def _unchanged(before: Any, after: Any) -> bool:
    if isinstance(before, list | tuple):
        pairs = zip(before, after, strict=False)
        return len(before) == len(after) and all(_unchanged(a, b) for a, b in pairs)
    if isinstance(before, np.ndarray):
        return np.array_equal(before, _array(after), equal_nan=before.dtype.kind == "f")
    return True


def _array(value: Any) -> Array:
    """Return a copy as a NumPy array: a tensor's numbers, or rows from a list."""
    if isinstance(value, list | tuple):
        return np.array([_array(v) for v in value])
    detach = getattr(value, "detach", None)
    if callable(detach):
        value = detach().cpu().numpy()
    return np.array(value)


def _outputs(spec: Kind, case: Case, returned: Any) -> list[Array]:
    """Return the outputs as float64 arrays of the right shapes, or say what they are instead."""
    wanted = spec.outputs
    if len(wanted) == 1:
        values = [returned]
        # A single output may come in a tuple of its own.
        if isinstance(returned, tuple) and len(returned) == 1:
            values = list(returned)
    else:
        try:
            unpacked = spec.unpack(returned)
        except ValueError as error:
            raise Trouble("wrong shape", Note("Wrong shape", f"{error}.")) from None
        values = _several(unpacked, len(wanted))
    if len(values) != len(wanted):
        number = "one value" if len(values) == 1 else f"{len(values)} values"
        raise Trouble(
            "wrong number of outputs",
            Note(
                "Wrong number of outputs",
                f"Expected {len(wanted)}, {', '.join(wanted)}; got {number}. {spec.signature}",
            ),
        )
    pairs = zip(wanted.items(), values, strict=True)
    return [_output(name, axes, case, value) for (name, axes), value in pairs]


def _several(returned: Any, count: int) -> list[Any]:
    """Return the outputs one by one: from any iterable, or from one array that stacks them."""
    if hasattr(returned, "shape"):
        stacked = len(returned.shape) > 0 and len(returned) == count
        return list(returned) if stacked else [returned]
    return list(returned) if isinstance(returned, Iterable) else [returned]


def _output(name: str, axes: str, case: Case, value: Any) -> Array:
    try:
        array = _array(value)
    except Exception as error:
        raise Trouble(
            "not numbers", Note("Not numbers", f"{name} makes no array: {error}.")
        ) from None
    if array.dtype.kind not in "fiu":
        raise Trouble(
            "not numbers",
            Note(
                "Not numbers",
                f"{name}: expected an array of numbers, got {type(value).__name__} of "
                f"{array.dtype}.",
            ),
        )
    shape = tuple(_size(axis, case) for axis in axes.split())
    if array.shape != shape:
        raise Trouble(
            "wrong shape",
            Note("Wrong shape", _shape_words(name, axes.split(), shape, array.shape)),
        )
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(int(k) for k in np.argwhere(~finite)[0])
        at = f", the first at index {where}" if where else ""
        raise Trouble(
            "NaN or infinity",
            Note(
                "NaN or infinity",
                f"{name}: {int((~finite).sum())} of {array.size} numbers are not finite{at}. Look "
                "for a division by zero, a logarithm of zero or an exp of something large.",
            ),
        )
    return array.astype(float)


def _size(axis: str, case: Case) -> int:
    letter = axis.lstrip("0123456789")
    return int(axis.removesuffix(letter) or 1) * case.sizes[letter]


def _shape_words(name: str, axes: list[str], want: tuple[int, ...], got: tuple[int, ...]) -> str:
    """Say which shape was expected, which came, and what it looks like."""
    wanted = ", ".join(f"{a} = {n}" for a, n in zip(axes, want, strict=True))
    says = f"{name}: expected {f'({wanted})' if want else 'one number'}, got shape {got}."
    if len(got) == len(want) >= 2 and got[:2] == want[1::-1] and got[2:] == want[2:]:
        looks = "batch first, and here time comes first" if axes[0] == "T" else "transposed"
        return f"{says} It looks {looks}."
    for k, axis in enumerate(axes):
        if got == want[:k] + want[k + 1 :]:
            return f"{says} The axis {axis} is gone: was it summed, averaged or picked from?"
        if got == (*want[:k], want[k] + 1, *want[k + 1 :]) and axis == "T":
            return f"{says} That is one step too many: is the initial state among them?"
        if got == (*want[:k], want[k] - 1, *want[k + 1 :]) and axis == "T":
            return f"{says} That is one step too few."
    if len(got) == len(want) + 1 and 1 in got and tuple(n for n in got if n != 1) == want:
        return f"{says} There is an axis of size 1 too many."
    if len(got) == len(want) + 1 and axes and got[-len(want) :] == want:
        return f"{says} There is an axis too many: was something not summed?"
    if np.prod(got) == np.prod(want):
        return f"{says} The numbers are as many: another arrangement."
    return says
