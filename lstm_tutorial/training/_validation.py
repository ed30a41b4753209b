"""How much a validation batch counts: by the number of its sequences."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from lstm_tutorial import _check
from lstm_tutorial.training._streams import Chunk


def sequences(batch: Any) -> int:
    """Return how many sequences a batch holds, in the layouts of this package.

    A tensor of three or more axes is ``(T, B, ...)``, time first; one of one or two axes is
    ``(B,)`` or ``(B, D)``. Of a tuple, list or mapping the first item is asked; B must be among
    the first two axes of the others. A `Chunk` holds its streams, a packed sequence what was
    packed.

    Parameters
    ----------
    batch : tensor, array, PackedSequence, Chunk, or a tuple, list or mapping of these

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        Where it cannot be told: for another type, for two axes of integers, which may be (T, B)
        or (B, D), and for items that do not fit to each other.

    Examples
    --------
    >>> import torch
    >>> sequences((torch.zeros(9, 4, 2), torch.zeros(4, 1)))
    4
    """
    if isinstance(batch, PackedSequence):
        return int(batch.batch_sizes[0])
    if isinstance(batch, Chunk):
        return batch.x.shape[1]
    if isinstance(batch, Tensor | np.ndarray):
        return _rows(batch)
    items = list(batch.values()) if isinstance(batch, Mapping) else batch
    if not isinstance(items, list | tuple) or not items:
        got = f"an empty {type(batch).__name__}" if items in ([], ()) else type(batch).__name__
        raise TypeError(f"batch: expected tensors, or a tuple, list or dict of them, got {got}")
    B = sequences(items[0])
    for item in items[1:]:
        if isinstance(item, Tensor | np.ndarray) and item.ndim and B not in item.shape[:2]:
            raise ValueError(
                f"batch: expected B={B}, as of its first item, among the first two axes of every "
                f"item, got shape {tuple(item.shape)}"
            )
    return B


def _rows(batch: Any) -> int:
    shape = tuple(batch.shape)
    if len(shape) == 0 or (len(shape) == 2 and "int" in str(batch.dtype)):
        raise ValueError(
            "batch: expected shape (B,), (B, D) of floating-point numbers or (T, B, ...), "
            f"got {shape} of {batch.dtype}"
        )
    return shape[1] if len(shape) > 2 else shape[0]


def shares(valid: Iterable[Any], count: Callable[[Any], int] | None) -> list[float]:
    """Return how much each validation batch counts, relative to the first."""
    layouts = [_layout(batch) for batch in valid]
    if not layouts:
        raise ValueError("valid: expected at least one batch, got none")
    if count is None and layouts == layouts[:1] * len(layouts):
        return [1.0] * len(layouts)  # exact: the mean over the batches to the last bit
    sizes = [_size(batch, count) for batch in valid]
    return [size / sizes[0] for size in sizes]


def _size(batch: Any, count: Callable[[Any], int] | None) -> int:
    if count is not None:
        return _check.positive_int("count(batch)", count(batch))
    try:
        return sequences(batch)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"valid: its batches differ in shape, and how many sequences one holds cannot be told: "
            f"{error}; give count, a function from a batch to that number"
        ) from None


def _layout(value: Any) -> Any:
    """Return the shapes in a batch; what is of another kind equals nothing else."""
    if isinstance(value, Tensor | np.ndarray):
        return tuple(value.shape)
    if isinstance(value, Mapping):
        return [(name, _layout(item)) for name, item in value.items()]
    if isinstance(value, list | tuple):
        return [_layout(item) for item in value]
    return None if value is None or isinstance(value, bool | int | float | str) else object()
