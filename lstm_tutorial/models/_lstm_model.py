"""One output a sequence."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_tutorial import _check, _tensors

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
        What of the last layer's outputs the linear layer reads. The state dict does not hold it:
        weights can be loaded into a model with another pooling.

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
            bidirectional=_check.flag("bidirectional", bidirectional),
            dropout=_check.share("dropout", dropout),
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
        _tensors.tensor("x", x, "T B D", D=self.lstm.input_size)
        steps: Tensor | int = len(x)
        if lengths is None:
            out, (h_n, _) = self.lstm(x)
        else:
            lengths = _tensors.lengths("lengths", lengths, *x.shape[:2])
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
