"""Answers of a wrong shape that a model gives as well: the last window left out, a sum too many."""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lstm_tutorial.exercises._calls import _array
from lstm_tutorial.exercises._facts import close
from lstm_tutorial.exercises._kind import Kind
from lstm_tutorial.exercises._reading import Array, Finding, Trouble

Model = Callable[[Sequence[Any]], list[Array]]


def name_by_shape(
    kind: Kind, models: Iterable[tuple[list[Finding], Model]], fn: Callable[..., Any]
) -> None:
    """Raise what is wrong if a model gives the function's arrays, of whatever shape, everywhere."""
    cases = [list(case.values()) for case in kind.cases]
    got: list[list[Array]] = []
    for findings, model in models:
        for k, arguments in enumerate(cases):
            if k == len(got):  # each case is run once, and only where a model fits so far
                got.append(_run(kind, fn, arguments))
            if not alike(model(arguments), got[k]):
                break
        else:
            triples = zip(kind.outputs, got[0], kind.expected(cases[0]), strict=False)
            where = tuple(name for name, a, b in triples if not close(a, b))
            raise Trouble(*(finding._replace(where=where) for finding in findings))


def alike(modelled: Sequence[Array], got: Sequence[Array]) -> bool:
    """Tell whether arrays agree; an empty list has no second axis."""
    pairs = list(zip(modelled, got, strict=False))
    return len(modelled) == len(got) and all(
        a.size == b.size == 0 or close(a, b, 1e-6) for a, b in pairs
    )


def _run(kind: Kind, fn: Callable[..., Any], arguments: Sequence[Any]) -> list[Array]:
    try:
        return arrays(kind, fn(*copy.deepcopy(arguments)))
    except Trouble:  # no model's either, which come out empty, too
        return []


def arrays(kind: Kind, returned: Any) -> list[Array]:
    """Return an answer as arrays of any shape; none where that cannot be."""
    alone = len(kind.outputs) == 1
    try:
        one = alone and not isinstance(returned, tuple)
        values = [returned] if one else list(kind.flat(returned))
        return [_array(value).astype(float) for value in values]
    except Exception:  # the report says what came instead
        return []
