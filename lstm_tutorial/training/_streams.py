"""One long sequence as parallel streams in consecutive chunks, and the loss that reads them."""

from typing import NamedTuple

from torch import Tensor, nn

from lstm_tutorial import _check, _tensors


class Chunk(NamedTuple):
    """A piece of B parallel streams, for `StatefulLoss`.

    Attributes
    ----------
    x : tensor (T, B)
    y : tensor (T, B)
        What follows on each element of `x` in its stream.
    first : bool
        Whether the streams begin here, so that there is no state to carry on from.
    """

    x: Tensor
    y: Tensor
    first: bool


def streams(ids: Tensor, batch_size: int, length: int) -> list[Chunk]:
    """Cut one long sequence into parallel streams, and these into consecutive chunks.

    Row b of every chunk goes on where row b of the chunk before it ended: the batches of truncated
    backpropagation through time, in the order in which they have to come.

    Parameters
    ----------
    ids : tensor (N,)
        The whole sequence, for instance the numbers of characters.
    batch_size : int
        B, the number of streams; each is a consecutive piece of the sequence.
    length : int
        T, the steps of a chunk: how far gradients go back.

    Returns
    -------
    list of Chunk
        (N - 1) // (B T) chunks of one shape; what is left over at the end of a stream is not used.

    Raises
    ------
    TypeError, ValueError
        For a bad argument, and for a sequence too short for one chunk.

    Examples
    --------
    >>> import torch
    >>> for x, y, first in streams(torch.arange(13), batch_size=2, length=3):
    ...     print(x.T.tolist(), y.T.tolist(), first)
    [[0, 1, 2], [6, 7, 8]] [[1, 2, 3], [7, 8, 9]] True
    [[3, 4, 5], [9, 10, 11]] [[4, 5, 6], [10, 11, 12]] False
    """
    _tensors.integers("ids", ids)
    if ids.dim() != 1:
        raise ValueError(f"ids: expected shape (N,), got {tuple(ids.shape)}")
    batch_size = _check.positive_int("batch_size", batch_size)
    length = _check.positive_int("length", length)
    steps = (len(ids) - 1) // batch_size  # of a stream; the last element is only ever predicted
    if steps < length:
        raise ValueError(
            f"ids: expected at least {batch_size * length + 1} elements, for "
            f"batch_size={batch_size} and length={length}, got {len(ids)}"
        )
    x, y = (part[: batch_size * steps].view(batch_size, steps).T for part in (ids[:-1], ids[1:]))
    starts = range(0, steps - length + 1, length)
    return [Chunk(x[s : s + length], y[s : s + length], s == 0) for s in starts]


class StatefulLoss:
    """Cross-entropy of the next element, with the state carried from chunk to chunk.

    For `fit`, with the chunks of `streams` in their order. The numbers of the state go on, its
    history is cut off at the end of each chunk. A first chunk starts from the model's own zeros,
    so that epochs and validation do not see each other's states, and a resumed run is exact.

    The model takes ``(x, state)`` and returns ``(logits, state)``, with logits (T, B, V) and a
    state that is a tuple of tensors, as `torch.nn.LSTM` has it.

    Attributes
    ----------
    state : tuple of tensors or None
        Of the last chunk, detached; None before the first.
    """

    def __init__(self) -> None:
        self.state: tuple[Tensor, ...] | None = None

    def __call__(self, model: nn.Module, batch: Chunk) -> Tensor:
        """Return the mean over the chunk, in nats.

        Parameters
        ----------
        model : torch.nn.Module
        batch : Chunk

        Returns
        -------
        tensor ()

        Raises
        ------
        ValueError
            For a chunk that goes on where none was before it.
        """
        x, y, first = batch
        if self.state is None and not first:
            raise ValueError("batch: expected the first chunk of the streams, got a later one")
        logits, state = model(x, None if first else self.state)
        self.state = tuple(part.detach() for part in state)
        return nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
