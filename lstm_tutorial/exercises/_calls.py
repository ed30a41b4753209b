"""Calls of a learner's function, and what it returned as arrays, or what is wrong with it."""

import contextlib
import copy
import inspect
import io
import linecache
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_tutorial.exercises._kind import Kind
from lstm_tutorial.exercises._reading import Array, Finding, Trouble, named

HALF = ("float16", "bfloat16")


class Ask:
    """A learner's function, made safe to call."""

    def __init__(self, kind: Kind, fn: Callable[..., Any]) -> None:
        self.kind, self.fn = kind, fn
        self.calls = 0  # how often the function has been called
        self.eps = 1e-12  # the rounding of its answers, relative to the largest entry
        self.half = False  # whether an answer came in half precision
        self.any_shape = False  # whether an answer may have any shape
        self.changed: set[str] = set()  # arguments that `careful` has found changed in place
        self._by_name: list[str] | None = None
        self._shapes: dict[tuple[tuple[int, ...], ...], list[tuple[int, ...]]] = {}

    def __call__(self, *arguments: Any) -> list[Array]:
        """Return the outputs as float64 arrays of the right shapes; they may hold NaN.

        Raises `Trouble` if the function raises, or returns something else.
        """
        return self._run(arguments)[0]

    def careful(self, *arguments: Any) -> list[Array]:
        """Return the outputs, and watch whether the arguments stay as they are."""
        outputs, given = self._run(arguments)
        triples = zip(self.kind.cases[0], arguments, given, strict=True)
        self.changed |= {n for n, before, after in triples if not _unchanged(before, after)}
        return outputs

    def _run(self, arguments: Sequence[Any]) -> tuple[list[Array], list[Any]]:
        given = [self.kind.prepare(copy.deepcopy(a)) for a in arguments]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                returned = self.kind.ask(self._asked, *given)
                return self.outputs(arguments, returned), given
            except (Trouble, ModuleNotFoundError):  # not the learner's, whose own are Trouble
                raise
            except Exception as error:  # raised with what the function had returned
                says = f"What it returned cannot be used ({type(error).__name__}: {error})."
                says += f" It is called as {self.kind.signature}."
                raise Trouble(Finding("wrong return", says)) from None

    def _asked(self, *arguments: Any) -> Any:
        """Call the function. Only the first call may print: once is enough for its lines."""
        self.calls += 1
        nowhere: Any = contextlib.redirect_stdout(io.StringIO())
        with contextlib.nullcontext() if self.calls == 1 else nowhere:
            return self._called(arguments)

    def _called(self, arguments: Sequence[Any]) -> Any:
        if self._by_name is None:
            self._by_name = self._bound(arguments)
        split = len(arguments) - len(self._by_name)
        by_name = dict(zip(self._by_name, arguments[split:], strict=True))
        try:
            returned = self.fn(*arguments[:split], **by_name)
            if isinstance(returned, Iterator):  # what yields may raise, too
                returned = list(returned)
        except Exception as error:
            raise Trouble(*self._exception(arguments, error)) from None
        if returned is None and not self.kind.signature.endswith("None"):
            says = f"Is there a return at the end? {self.kind.signature}"
            raise Trouble(Finding("nothing returned", says))
        return returned

    def _bound(self, arguments: Sequence[Any]) -> list[str]:
        """Return the last arguments' names if the function takes them by name alone."""
        try:
            takes = inspect.signature(self.fn)
        except (ValueError, TypeError):  # some built-in functions have no signature
            return []
        inside = self.kind.signature.partition("(")[2].partition(")")[0]
        names = [name.strip() for name in inside.split(",")]
        kinds = [takes.parameters[n].kind for n in names if n in takes.parameters]
        by_name = names[-kinds.count(inspect.Parameter.KEYWORD_ONLY) or len(names) :]
        split = len(arguments) - len(by_name)
        try:
            takes.bind(*arguments[:split], **dict(zip(by_name, arguments[split:], strict=True)))
        except TypeError as error:
            says = f"It is called as {self.kind.signature}, and {error}."
            raise Trouble(Finding("wrong arguments", says)) from None
        return by_name

    def _exception(self, arguments: Sequence[Any], error: Exception) -> list[Finding]:
        """Say what was raised, and where in the learner's code."""
        frames = traceback.extract_tb(error.__traceback__)
        file = getattr(getattr(self.fn, "__code__", None), "co_filename", None)
        own = [f for f in frames if f.filename == file or "ipykernel" in f.filename] or frames[2:]
        says, code = f"{type(error).__name__}: {error}", ""
        if own:
            says += f", in {own[-1].name}, line {own[-1].lineno}"
            code = linecache.getline(own[-1].filename, own[-1].lineno or 0).strip()
        found = [Finding("exception", says, code=code)]
        pairs = zip(self.kind.cases[0], arguments, strict=False)
        shapes = ", ".join(f"{n} {tuple(a.shape)}" for n, a in pairs if getattr(a, "shape", ()))
        if shapes and any(w in str(error) for w in ("shape", "dim", "broadcast", "align")):
            found.append(Finding("", f"The arguments had the shapes {shapes}."))
        return found

    def outputs(self, arguments: Sequence[Any], returned: Any) -> list[Array]:
        """Return the outputs one by one, or say what they are instead."""
        wanted, names = self._wanted(arguments), list(self.kind.outputs)
        if isinstance(returned, Mapping):
            if not set(names) <= set(returned):
                says = f"A dict came, with {named(list(returned)) if returned else 'nothing'}: "
                says += f"expected the names {named(names)}, or a tuple in this order."
                raise Trouble(Finding("wrong return", says))
            returned = tuple(returned[name] for name in names)
        if len(names) == 1:  # it may come in a tuple of its own
            alone = isinstance(returned, tuple) and len(returned) == 1
            values = list(returned) if alone else [returned]
        else:
            values = _several(self.kind.flat(returned), len(names))
        if len(values) != len(names):
            number = "one value" if len(values) == 1 else f"{len(values)} values"
            says = f"Expected {len(names)}, {', '.join(names)}; got {number}. "
            raise Trouble(Finding("wrong number of outputs", says + self.kind.signature))
        return [self._output(*three) for three in zip(names, wanted, values, strict=True)]

    def _wanted(self, arguments: Sequence[Any]) -> list[tuple[int, ...]]:
        """Return the shapes of the right outputs; computed once where shapes decide."""
        if not all(isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in arguments):
            return [a.shape for a in self.kind.expected(arguments)]
        key = tuple(a.shape for a in arguments)
        if key not in self._shapes:
            self._shapes[key] = [a.shape for a in self.kind.expected(arguments)]
        return self._shapes[key]

    def _output(self, name: str, want: tuple[int, ...], value: Any) -> Array:
        try:
            array = as_array(value)
        except Exception as error:
            raise Trouble(Finding("not numbers", f"{name} makes no array: {error}.")) from None
        if array.dtype.kind not in "fiu":
            says = f"{name}: expected an array of numbers, got {type(value).__name__} of "
            raise Trouble(Finding("not numbers", f"{says}{array.dtype}.", (name,)))
        self.half |= str(getattr(value, "dtype", "")).removeprefix("torch.") in HALF
        if array.shape != want and not self.any_shape:
            axes = self.kind.outputs[name].split()
            says = _shape_words(name, axes, want, array.shape)
            raise Trouble(Finding("wrong shape", says, (name,)))
        return array.astype(float)


def _unchanged(before: Any, after: Any) -> bool:
    if isinstance(before, list | tuple):
        pairs = zip(before, after, strict=False)
        return len(before) == len(after) and all(_unchanged(a, b) for a, b in pairs)
    if isinstance(before, np.ndarray):
        return np.array_equal(before, as_array(after), equal_nan=before.dtype.kind == "f")
    return True


def as_array(value: Any) -> Array:
    """Return a copy as a NumPy array: a tensor's numbers, or rows from a list."""
    if isinstance(value, list | tuple):
        return np.array([as_array(v) for v in value])
    if callable(getattr(value, "detach", None)):
        value = value.detach().cpu()
        value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    return np.array(value)


def _several(returned: Any, count: int) -> list[Any]:
    """Return the outputs one by one: from any iterable, or from one array that stacks them."""
    if hasattr(returned, "shape"):
        stacked = len(returned.shape) > 0 and len(returned) == count
        return list(returned) if stacked else [returned]
    return list(returned) if isinstance(returned, Iterable) else [returned]


def _shape_words(name: str, axes: list[str], want: tuple[int, ...], got: tuple[int, ...]) -> str:
    """Say which shape was expected, which came, and what it looks like."""
    wanted = ", ".join(f"{a} = {n}" for a, n in zip(axes, want, strict=True))
    says = f"{name}: expected {f'({wanted})' if want else 'one number'}, got shape {got}."
    return " ".join([says, *_looks(axes, want, got)][:2])


def _looks(axes: list[str], want: tuple[int, ...], got: tuple[int, ...]) -> Iterator[str]:
    """Yield what a wrong shape looks like, the likeliest first."""
    if len(got) == len(want) >= 2 and got[:2] == want[1::-1] and got[2:] == want[2:]:
        turned = "batch first, and here time comes first" if axes[0] == "T" else "transposed"
        yield f"It looks {turned}."
    for k, axis in enumerate(axes):
        if got == want[:k] + want[k + 1 :]:
            how = "squeezed away" if want[k] == 1 else "summed, averaged or picked from"
            yield f"The axis {axis} is gone: was it {how}?"
        what = {"T": "step", "N": "window"}.get(axis, "entry")
        if got == (*want[:k], want[k] + 1, *want[k + 1 :]):
            also = ": is the initial state among them?" if axis == "T" else "."
            yield f"That is one {what} too many along {axis}{also}"
        if got == (*want[:k], want[k] - 1, *want[k + 1 :]):
            yield f"That is one {what} too few along {axis}."
    if len(got) == len(want) + 1 and 1 in got and tuple(n for n in got if n != 1) == want:
        yield "There is an axis of size 1 too many."
    if len(got) == len(want) + 1 and axes and got[-len(want) :] == want:
        yield "There is an axis too many: was something not summed?"
    if np.prod(got) == np.prod(want):
        yield "The numbers are as many: another arrangement."
