"""Answers of a wrong shape that a model gives as well: the last window left out, a sum too many."""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lstm_tutorial.exercises._calls import _array
from lstm_tutorial.exercises._facts import close, same
from lstm_tutorial.exercises._kind import Kind
from lstm_tutorial.exercises._reading import Array, Finding, Trouble

Model = Callable[[Sequence[Any]], list[Array]]


def name_by_shape(
    kind: Kind, models: Iterable[tuple[Finding, Model]], fn: Callable[..., Any]
) -> None:
    """Raise what is wrong if a model gives the function's arrays, of whatever shape, everywhere."""
    cases = [list(case.values()) for case in kind.cases]
    got: list[list[Array]] = []
    for finding, model in models:
        for k, arguments in enumerate(cases):
            if k == len(got):  # each case is run once, and only where a model fits so far
                got.append(_run(kind, fn, arguments))
            if not same(model(arguments), got[k], 1e-6):
                break
        else:
            triples = zip(kind.outputs, got[0], kind.expected(cases[0]), strict=False)
            raise Trouble(finding._replace(where=tuple(n for n, *ab in triples if not close(*ab))))


def _run(kind: Kind, fn: Callable[..., Any], arguments: Sequence[Any]) -> list[Array]:
    try:
        return arrays(kind, fn(*copy.deepcopy(arguments)))
    except Trouble:  # no model's either, which come out empty, too
        return []


def arrays(kind: Kind, returned: Any) -> list[Array]:
    """Return an answer as arrays of any shape; none where that cannot be."""
    alone = len(kind.outputs) == 1
    try:
        values = list(returned) if not alone or isinstance(returned, tuple) else [returned]
        return [_array(value).astype(float) for value in values]
    except Exception:  # the report says what came instead
        return []
