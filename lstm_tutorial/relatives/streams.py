"""Networks side by side whose state is handed over, so that a stream can be run in pieces.

As in `side_by_side`, N comes first. The weights are those of one recurrent cell, then W_hy and b_y
of a linear readout.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import vmap
from torch.nn import functional as F

from lstm_tutorial.relatives.cell import Recurrent, State


class Run(NamedTuple):
    """What N networks give over T steps.

    Attributes
    ----------
    scores : tensor (N, T, B, O)
        Of the readout.
    states : tuple of tensors (N, T, B, H)
        h, and c where there is one.
    """

    scores: Tensor
    states: State

    @property
    def last(self) -> State:
        """The state after the last step, without its history."""
        return tuple(s[:, -1].detach() for s in self.states)


def forward(
    cell: Recurrent, weights: Sequence[Tensor], x: Tensor, state: State | None = None
) -> Run:
    """Run N networks over their sequences, from the cell's first state or from a given one.

    Parameters
    ----------
    cell : Recurrent
    weights : list of tensors (N, ...)
    x : tensor (N, T, B, D), or (T, B, D) for all
    state : tuple of tensors (N, B, H), optional
        Such as `Run.last` of the piece before.

    Raises
    ------
    ValueError
        For shapes that do not fit.
    """

    def one(weights: list[Tensor], x: Tensor, state: State | None) -> tuple[Tensor, State]:
        *own, W_hy, b_y = weights
        states = cell.states(x, *own, first=state)
        return F.linear(states[0], W_hy, b_y), states

    axes = 0, _axis(x), None if state is None else 0
    return Run(*vmap(one, in_dims=axes)(list(weights), x, state))


def gates(
    cell: Recurrent, weights: Sequence[Tensor], x: Tensor, run: Run, state: State | None = None
) -> Tensor:
    """Return the pre-activations at each step of a run, (N, T, B, K); of an LSTM i, f, g, o.

    Parameters
    ----------
    cell, weights, x, state
        What `forward` was given.
    run : Run
        What it returned.
    """
    h = run.states[0]
    before = torch.zeros_like(h[:, 0]) if state is None else state[0]
    axes = _axis(x), 0, 0, 0, 0, 0
    every: Tensor = vmap(cell.preactivations, in_dims=axes)(x, h, before, *weights[:3])
    return every


def _axis(x: Tensor) -> int | None:
    """Return the axis of networks; None where all read the same."""
    return 0 if x.dim() == 4 else None
