"""Networks built on `torch.nn.LSTM`."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_tutorial import _check

# What stands behind the end of a sequence of outputs, so that pooling does not see it.
NEUTRAL = {"last": 0.0, "mean": 0.0, "max": -torch.inf}


class LSTMModel(nn.Module):
    """One output a sequence: an LSTM, then a linear layer on what it knows at the end.

    The end is each sequence's own, not that of the padded batch. A bidirectional model reads the
    forward direction after the last valid step and the backward direction after the first, so
    that both have seen the whole sequence. Instead of the end, the linear layer can be given the
    mean or the largest value of each unit over the valid steps. What stands in the padding has no
    influence.

    Parameters
    ----------
    input_size, hidden_size, output_size, num_layers : int
        D, H, O and L, at least 1.
    bidirectional : bool
    dropout : float
        Between the layers, as in `torch.nn.LSTM`; it does nothing for one layer.
    pooling : {"last", "mean", "max"}
        What of the last layer's outputs the linear layer reads.

    Attributes
    ----------
    lstm : torch.nn.LSTM
    linear : torch.nn.Linear
        From H, or 2H if bidirectional, to O.

    Raises
    ------
    TypeError, ValueError
        For a size below 1, a dropout outside of 0 to 1 or an unknown pooling.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        pooling: str = "last",
    ) -> None:
        super().__init__()
        self.pooling = _check.choice("pooling", pooling, tuple(NEUTRAL))
        output_size = _check.positive_int("output_size", output_size)
        self.lstm = nn.LSTM(
            _check.positive_int("input_size", input_size),
            _check.positive_int("hidden_size", hidden_size),
            _check.positive_int("num_layers", num_layers),
            bidirectional=bidirectional,
            dropout=dropout,
        )
        self.linear = nn.Linear((2 if bidirectional else 1) * hidden_size, output_size)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return one output a sequence.

        Parameters
        ----------
        x : tensor (T, B, D)
            Time first, padded behind the last valid step of each sequence.
        lengths : integer tensor (B,) or None
            Number of valid steps of each sequence, 1 to T, in any order and on any device; None
            means T for all.

        Returns
        -------
        tensor (B, O)

        Raises
        ------
        TypeError, ValueError
            If `x` or `lengths` have the wrong type or shape, or a length does not lie in 1 to T.
        """
        _check_input(x, self.lstm.input_size)
        steps: Tensor | int = len(x)
        if lengths is None:
            out, (h_n, _) = self.lstm(x)
        else:
            lengths = _lengths(lengths, *x.shape[:2])
            # Each direction stops where its sequence stops, so all is of valid steps alone.
            packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
            packed, (h_n, _) = self.lstm(packed)
            out, steps = pad_packed_sequence(packed, padding_value=NEUTRAL[self.pooling])
            steps = steps[:, None].to(out.device)
        if self.pooling == "mean":
            return self.linear(out.sum(dim=0) / steps)
        if self.pooling == "max":
            return self.linear(out.amax(dim=0))
        directions = 2 if self.lstm.bidirectional else 1
        return self.linear(torch.cat(list(h_n[-directions:]), dim=1))


def _check_input(x: Any, input_size: int) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"x: expected a tensor, got {type(x).__name__}")
    if x.dim() != 3 or x.shape[2] != input_size or 0 in x.shape:
        wanted = f"(T, B, D={input_size}), and no axis empty"
        raise ValueError(f"x: expected shape {wanted}, got {tuple(x.shape)}")


def _lengths(lengths: Any, T: int, B: int) -> Tensor:
    """Return the lengths on the CPU, where packing wants them."""
    if not isinstance(lengths, Tensor):
        raise TypeError(f"lengths: expected a tensor, got {type(lengths).__name__}")
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise TypeError(f"lengths: expected integers, got {lengths.dtype}")
    return torch.from_numpy(_check.lengths("lengths", lengths.cpu().numpy(), T, B))
