"""The door for tensors and networks, as `_check` is that for arrays and numbers."""

from typing import Any

import torch
from torch import Tensor, nn

from lstm_tutorial import _check


def tensor(name: str, value: Any, axes: str, **sizes: int) -> Tensor:
    """Return `value` if it is a non-empty tensor with these axes, else raise.

    Examples
    --------
    >>> x = tensor("x", torch.ones(5, 2, 3), "T B D", D=3)
    >>> x = tensor("x", torch.ones(5, 3), "T B D", D=3)
    Traceback (most recent call last):
    ValueError: x: expected shape (T, B, D=3), and no axis empty, got (5, 3)
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(value).__name__}")
    wanted = [sizes.get(axis) for axis in axes.split()]
    fits = len(wanted) == value.dim() and all(
        size > 0 and want in (None, size) for size, want in zip(value.shape, wanted, strict=True)
    )
    if not fits:
        named = [f"{a}={sizes[a]}" if a in sizes else a for a in axes.split()]
        shape = f"({', '.join(named)}{',' if len(named) == 1 else ''})"
        empty = ", and no axis empty" if len(named) > 1 or 0 in value.shape else ""
        raise ValueError(f"{name}: expected shape {shape}{empty}, got {tuple(value.shape)}")
    return value


def floating(name: str, value: Any, axes: str, **sizes: int) -> Tensor:
    """Return `value` if it is a non-empty tensor of real floating numbers, else raise."""
    value = tensor(name, value, axes, **sizes)
    if not value.is_floating_point():
        raise TypeError(f"{name}: expected floating-point numbers, got {value.dtype}")
    return value


def integers(name: str, value: Any) -> Tensor:
    """Return `value` if it is a tensor of integers, else raise TypeError."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(value).__name__}")
    if value.is_floating_point() or value.is_complex() or value.dtype == torch.bool:
        raise TypeError(f"{name}: expected integers, got {value.dtype}")
    return value


def below(name: str, value: Tensor, V: int) -> Tensor:
    """Return `value` if its numbers lie in 0 to V - 1, else raise ValueError."""
    if value.numel() and (value.min() < 0 or value.max() >= V):
        raise ValueError(
            f"{name}: expected numbers from 0 to V-1={V - 1}, "
            f"got {int(value.min())} to {int(value.max())}"
        )
    return value


def lengths(name: str, value: Any, T: int, B: int) -> Tensor:
    """Return B lengths from 1 to T on the CPU, where packing wants them, else raise."""
    integers(name, value)
    return torch.from_numpy(_check.lengths(name, value.cpu().numpy(), T, B))


def module(name: str, value: Any) -> nn.Module:
    """Return `value` if it is a network, else raise TypeError."""
    if not isinstance(value, nn.Module):
        raise TypeError(f"{name}: expected a torch.nn.Module, got {type(value).__name__}")
    return value
