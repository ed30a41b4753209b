"""What `torch.nn.LSTM` and `torch.nn.LSTMCell` refuse, by which error and in which words."""

import numbers
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def options(layer: Any, dropout: Any) -> None:
    """Raise or warn for arguments of the constructor; `dropout` is as it was given."""
    types = {"bias": bool, "batch_first": bool, "input_size": int, "hidden_size": int}
    for name, kind in types.items():
        if not isinstance(value := getattr(layer, name), kind):
            raise TypeError(
                f"{name} should be of type {kind.__name__}, got: {type(value).__name__}"
            )
    values = {**vars(layer), "dropout": dropout}
    number = isinstance(dropout, numbers.Number) and not isinstance(dropout, bool)
    portion = "in range [0, 1] representing the probability of an element being zeroed"
    unprojected = "should be a positive integer or zero to disable projections"
    positive = "must be greater than zero"
    for name, fits, rule in [
        ("dropout", number and 0 <= dropout <= 1, f"should be a number {portion}"),
        ("input_size", layer.input_size > 0, positive),
        ("hidden_size", layer.hidden_size > 0, positive),
        ("num_layers", layer.num_layers > 0, positive),
        ("proj_size", layer.proj_size >= 0, unprojected),
        ("proj_size", layer.proj_size < layer.hidden_size, "has to be smaller than hidden_size"),
    ]:
        if not fits:
            raise ValueError(f"{name} {rule}, got {values[name]!r}")
    if dropout > 0 and layer.num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
            f"expects num_layers greater than 1, but got dropout={dropout} and num_layers=1",
            stacklevel=3,
        )


def input_tensor(layer: Any, x: Tensor) -> None:
    """Raise for a wrong type or number of features."""
    dtype = layer.weight_ih_l0.dtype
    if x.dtype != dtype and not torch._C._is_any_autocast_enabled():
        raise ValueError(
            f"RNN input dtype ({x.dtype}) does not match weight dtype ({dtype}). "
            f"Convert input: input.to({dtype}), or convert model: model.to({x.dtype})"
        )
    if x.shape[-1] != layer.input_size:
        raise RuntimeError(
            f"input.size(-1) must be equal to input_size. Expected {layer.input_size}, "
            f"got {x.shape[-1]}"
        )


def batched_states(hx: Any, batched: bool) -> tuple[Tensor, Tensor]:
    """Return states that have a batch axis, for input that came with one or without."""
    _check_pair(hx)
    kind, rank = ("batched 3-D", 3) if batched else ("unbatched 2-D", 2)
    if any(state.dim() != rank for state in hx):
        raise RuntimeError(
            f"For {kind} input, hx and cx should also be {rank}-D "
            f"but got ({hx[0].dim()}-D, {hx[1].dim()}-D) tensors"
        )
    return hx if batched else (hx[0].unsqueeze(1), hx[1].unsqueeze(1))


def _check_pair(hx: Any) -> None:
    if not isinstance(hx, tuple | list):
        raise TypeError(f"hx: expected a tuple of two tensors, got {type(hx).__name__}")
    if len(hx) != 2:
        raise RuntimeError(f"lstm expects two hidden states, got {len(hx)}")


def states(hx: Any, shapes: Sequence[tuple[int, ...]]) -> None:
    """Raise unless there are two states and they have these shapes."""
    _check_pair(hx)
    for k, (state, shape) in enumerate(zip(hx, shapes, strict=True)):
        if state.shape != shape:
            raise RuntimeError(f"Expected hidden[{k}] size {shape}, got {list(state.shape)}")


def cell_arguments(cell: Any, x: Tensor, hx: Any) -> None:
    """Raise what `torch.nn.LSTMCell` raises, for an input that has its batch axis."""
    if x.shape[1] != cell.input_size:
        raise RuntimeError(
            f"input has inconsistent input_size: got {x.shape[1]} expected {cell.input_size}"
        )
    if len(hx) != 2:
        raise RuntimeError("lstm_cell expects two hidden states")
    for k, state in enumerate(hx):
        if len(state) != len(x):
            raise RuntimeError(
                f"Input batch size {len(x)} doesn't match hidden{k} batch size {len(state)}"
            )
        if state.shape[1] != cell.hidden_size:
            raise RuntimeError(
                f"hidden{k} has inconsistent hidden_size: got {state.shape[1]}, "
                f"expected {cell.hidden_size}"
            )
