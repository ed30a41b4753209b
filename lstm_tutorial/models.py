"""The few small networks that chapters build on `torch.nn.LSTM`."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from lstm_tutorial import _check


class LSTMModel(nn.Module):
    """An LSTM, then a linear layer on the state in which it has read a whole sequence.

    For a sequence shorter than the batch that state stands at its own last step, not at the last
    row of the padded output. Of two directions each has read everything at its own end: the one
    forward in time at the last step, the one backward in time at the first.

    Parameters
    ----------
    input_size, hidden_size, output_size : int
        D, H and O.
    **options
        Further arguments of `torch.nn.LSTM`.

    Raises
    ------
    TypeError, ValueError
        For a wrong argument.

    Examples
    --------
    >>> model = LSTMModel(3, 8, 2, bidirectional=True)
    >>> model(torch.zeros(5, 4, 3), lengths=[5, 2, 1, 3]).shape
    torch.Size([4, 2])
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int, **options: Any) -> None:
        super().__init__()
        outputs = _check.positive_int("output_size", output_size)
        self.lstm = nn.LSTM(input_size, hidden_size, **options)
        self.directions = 2 if self.lstm.bidirectional else 1
        state_size = self.lstm.proj_size or hidden_size
        kinds: dict[str, Any] = {name: options.get(name) for name in ("device", "dtype")}
        self.linear = nn.Linear(self.directions * state_size, outputs, **kinds)

    def forward(self, x: Tensor, lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        """Return one output for each sequence.

        Parameters
        ----------
        x : tensor (T, B, D), or (B, T, D) for a model made with `batch_first`
        lengths : tensor or sequence of B integers, or None
            The length of each sequence, 1 to T; None for T. What follows is padding and not read.

        Returns
        -------
        tensor (B, O)

        Raises
        ------
        TypeError, ValueError
            For a wrong rank, or lengths that do not fit.
        """
        if x.dim() != 3:
            raise ValueError(f"x: expected 3 axes, got shape {tuple(x.shape)}")
        _, (h_n, _) = self.lstm(x if lengths is None else self._pack(x, lengths))
        return self.linear(torch.cat(list(h_n[-self.directions :]), dim=1))

    def _pack(self, x: Tensor, lengths: Tensor | Sequence[int]) -> Any:
        batch_first = self.lstm.batch_first
        B, T = x.shape[:2] if batch_first else (x.shape[1], x.shape[0])
        valid = torch.as_tensor(lengths).cpu()
        _check.lengths("lengths", valid.numpy(), T, B)
        return pack_padded_sequence(x, valid, batch_first, enforce_sorted=False)
