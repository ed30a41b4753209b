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
        moves = [
            (k, j, n) for k, a in enumerate(values) for j in range(a.shape[1]) for n in STENCIL
        ]
        try:
            model.change = lambda place, a: kept.setdefault(place, own(place, a))
            found = form.taken(model)(*values)
            model.change = lambda place, a: (
                np.tile(kept[place], (len(moves), 1)) if place in held else own(place, a)
            )
            # All moves stand side by side in one batch.
            moved = [np.concatenate([_moved(a, k, m) for m in moves]) for k, a in enumerate(values)]
            told = form.taken(model)(*moved)
        finally:
            model.change = own
        slopes = [np.zeros_like(a) for a in values]
        for w, before, after in zip(_weights(found), found, told, strict=True):
            # What has not moved is taken away first, which keeps the digits of small slopes.
            change = w * (after.reshape(len(moves), *before.shape) - before)
            for (k, j, n), by_row in zip(moves, change.sum(axis=2), strict=True):
                slopes[k][:, j] += STENCIL[n] / STEP * by_row
        return [*found, *slopes]

    return outputs


# Differences that are right to the sixth order.
STEP, STENCIL = 1e-2, {1: 45 / 60, 2: -9 / 60, 3: 1 / 60}
STENCIL |= {-k: -w for k, w in STENCIL.items()}


def _moved(a: Array, k: int, move: tuple[int, int, int]) -> Array:
    which, column, steps = move
    return a + STEP * steps * (np.arange(a.shape[1]) == column) if k == which else a


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
