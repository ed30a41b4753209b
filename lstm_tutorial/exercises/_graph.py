"""A step in PyTorch: its numbers and its gradients, so that a graph that is cut is seen."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from lstm_tutorial.exercises._form import Form, Model
from lstm_tutorial.exercises._reading import Array, Finding, Reading, Trouble
from lstm_tutorial.exercises._step import Asked, read_models

HELD = {  # what no gradient may reach: places of a `Model`, and words
    ("c",): ("the old cell state", "c"),
    ("z",): ("the pre-activations", "z"),
    ("cell",): ("anything through the new cell state", "c"),
    ("h_out",): ("anything from h", "h"),
    ("c_out",): ("anything from c", "c"),
    ("h_out", "c_out"): ("anything", "h c"),
}


def _weights(outputs: Sequence[Array]) -> list[Array]:
    """Return what the outputs are multiplied by in the one number that is differentiated."""
    return [np.cos(k + 1 + np.arange(a.size)).reshape(a.shape) for k, a in enumerate(outputs)]


def with_gradients(fn: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Call a step with tensors; return h, c, and the gradients of a weighted sum of both.

    Raises
    ------
    Trouble
        If the step does not return two tensors.
    """
    import torch  # the other kinds need NumPy alone

    leaves = [a.clone().requires_grad_() for a in arguments]
    returned = fn(*leaves)
    outputs = list(returned) if isinstance(returned, list | tuple) else [returned]
    if len(outputs) != 2 or not all(isinstance(a, torch.Tensor) for a in outputs):
        says = f"Expected two tensors, h and c; got {len(outputs)} of {type(outputs[0]).__name__}."
        raise Trouble(Finding("wrong return", says))
    weights = _weights([a.detach().numpy() for a in outputs])
    total = sum((a * torch.from_numpy(w)).sum() for a, w in zip(outputs, weights, strict=True))
    if not total.requires_grad:
        return [*outputs, *(torch.zeros_like(a) for a in leaves)]
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    zeros = (torch.zeros_like(a) for a in leaves)
    return [*outputs, *(z if g is None else g for g, z in zip(found, zeros, strict=True))]


def differentiated(
    form: Form, model: Model, held: Sequence[str] = ()
) -> Callable[..., list[Array]]:
    """Return a step's outputs and gradients, as `with_gradients` does, by differences.

    What stands at the places that are held counts as constant.
    """

    def outputs(*arguments: Array) -> list[Array]:
        own = model.change
        kept: dict[str, Array] = {}
        values = [np.asarray(a, float) for a in arguments]
        try:
            model.change = lambda place, a: kept.setdefault(place, own(place, a))
            found = form.taken(model)(*values)
            model.change = lambda place, a: kept[place] if place in held else own(place, a)
            weights = _weights(found)

            def total(k: int, j: int, by: float) -> Array:
                moved = [*values]
                moved[k] = values[k] + by * (np.arange(values[k].shape[1]) == j)
                told = form.taken(model)(*moved)
                return sum(
                    ((w * a).sum(1) for w, a in zip(weights, told, strict=True)), np.zeros(1)
                )

            return [*found, *(_slopes(total, k, a) for k, a in enumerate(values))]
        finally:
            model.change = own

    return outputs


def _slopes(total: Callable[[int, int, float], Array], k: int, a: Array) -> Array:
    """Return the slopes along each column of an argument, right to the sixth order."""
    step, by = 1e-2, {1: 45 / 60, 2: -9 / 60, 3: 1 / 60}
    columns = [
        sum(w * (total(k, j, n * step) - total(k, j, -n * step)) for n, w in by.items()) / step
        for j in range(a.shape[1])
    ]
    return np.stack(columns, axis=1)


class _Values:
    """The outputs of a step without its gradients."""

    def __init__(self, ask: Asked) -> None:
        self.ask, self.eps = ask, ask.eps

    def __call__(self, *arguments: Any) -> Sequence[Array]:
        return self.ask(*arguments)[:2]


def read_cell(ask: Asked, form: Form) -> Iterator[Reading]:
    """Read a step in PyTorch, with the gradients that it lets through.

    Parameters
    ----------
    ask : callable with `eps`
        Returns h, c and the gradients.
    form : Form

    Yields
    ------
    Reading
    """
    for findings, formula, model in read_models(_Values(ask), form):
        if model is None:
            yield Reading(findings)
            continue
        yield Reading(findings, differentiated(form, model), formula)
        for held, (words, where) in HELD.items():
            says = f"No gradient reaches {words}: the graph is cut there, as by detach, .data, "
            says += ".item() or a new tensor."
            cut = Finding("the graph is cut", says, tuple(where.split()), "pytorch")
            yield Reading([*findings[:2], cut], differentiated(form, model, held), formula)
