"""Networks built on `torch.nn.LSTM`."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from lstm_tutorial import _check, datasets

Array = np.ndarray


class LSTMModel(nn.Module):
    """One output a sequence: an LSTM, then a linear layer on what it knows at the end.

    The end is each sequence's own, not that of the padded batch. A bidirectional model reads the
    forward direction after the last valid step and the backward direction after the first, so
    that both have seen the whole sequence. What stands in the padding has no influence.

    Parameters
    ----------
    input_size, hidden_size, output_size, num_layers : int
        D, H, O and L, at least 1.
    bidirectional : bool
    dropout : float
        Between the layers, as in `torch.nn.LSTM`; it does nothing for one layer.

    Attributes
    ----------
    lstm : torch.nn.LSTM
    linear : torch.nn.Linear
        From H, or 2H if bidirectional, to O.

    Raises
    ------
    TypeError, ValueError
        For a size below 1 or a dropout outside of 0 to 1.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
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
        if lengths is None:
            _, (h_n, _) = self.lstm(x)
        else:
            lengths = _lengths(lengths, *x.shape[:2])
            # Each direction stops where its sequence stops, so h_n is of valid steps alone.
            packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
            _, (h_n, _) = self.lstm(packed)
        directions = 2 if self.lstm.bidirectional else 1
        return self.linear(torch.cat(list(h_n[-directions:]), dim=1))


class Forecaster(nn.Module):
    """The next K values of a series from its last L, in the series' own units.

    An LSTM reads the L values and a linear layer gives all K forecasts at once. Both work on
    numbers that were shifted and scaled by the mean and the deviation of the training part, if
    wanted of its differences. The two numbers are buffers: they are stored with the weights.

    The order of use is `set_scale` on the training part, `windows` of it for training, `forecast`.

    Parameters
    ----------
    length, horizon, hidden_size : int
        L, K and H, at least 1.
    difference : int
        0 to work on the values themselves, m to work on the differences to the value m steps
        before: 12 takes the year out of monthly values. Less than `length`.

    Attributes
    ----------
    mean, std : tensor () of float64
        Of the training part or its differences; NaN until `set_scale` or a state dict sets them.

    Raises
    ------
    TypeError, ValueError
        For a size below 1 and for a difference outside of 0 to `length` - 1.

    Examples
    --------
    >>> series = np.sin(0.5 * np.arange(100.0))
    >>> model = Forecaster(length=20, horizon=3, hidden_size=4)
    >>> model.set_scale(series[:80])
    >>> x, y = model.windows(series[:80])
    >>> tuple(x.shape), tuple(y.shape), model.forecast(series).shape
    ((20, 58, 1), (58, 3), (3,))
    """

    mean: Tensor
    std: Tensor

    def __init__(self, length: int, horizon: int, hidden_size: int, difference: int = 0) -> None:
        super().__init__()
        self.length = _check.positive_int("length", length)
        self.horizon = _check.positive_int("horizon", horizon)
        self.difference = _check.integer("difference", difference)
        if not 0 <= self.difference < self.length:
            raise ValueError(
                f"difference: expected 0 to length - 1 = {length - 1}, got {difference}"
            )
        hidden_size = _check.positive_int("hidden_size", hidden_size)
        self.net = LSTMModel(1, hidden_size, self.horizon)
        self.register_buffer("mean", torch.tensor(torch.nan, dtype=torch.float64))
        self.register_buffer("std", torch.tensor(torch.nan, dtype=torch.float64))

    def set_scale(self, train: Array) -> None:
        """Take mean and deviation from the training part; nothing else may be handed in.

        Parameters
        ----------
        train : array (T,)

        Raises
        ------
        TypeError, ValueError
            For a bad array, missing values (NaN), a series that is too short for one window, and
            one without a scale: it, or its differences, are constant up to rounding.
        """
        self._check_series("train", train, "T", horizon=self.horizon)
        values = self._differences(train.astype(np.float64))
        mean, std = values.mean(), values.std()
        # The differences of a straight line are equal up to the rounding of the line itself.
        if not std > 8 * np.finfo(train.dtype).eps * np.abs(train).max():
            what = f"differences at lag {self.difference}" if self.difference else "values"
            raise ValueError(f"train: expected {what} that vary, got {mean:g} everywhere")
        self.mean.fill_(mean)
        self.std.fill_(std)

    def windows(self, series: Array) -> tuple[Tensor, Tensor]:
        """Cut a part of the series into what `forward` reads and what it should return.

        Neighbouring windows overlap: hand in the training part alone, or the validation part with
        the L values before it.

        Parameters
        ----------
        series : array (T,)
            In its own units.

        Returns
        -------
        x : tensor (L - difference, B, 1)
            With B = T - L - K + 1, in order of time.
        y : tensor (B, K)

        Raises
        ------
        TypeError, ValueError
            For a bad array, missing values (NaN), and a series that is too short for one window.
        RuntimeError
            Before `set_scale`.
        """
        self._check_series("series", series, "T", horizon=self.horizon)
        scaled = self._scaled(series.astype(np.float64))
        x, y = datasets.windows(scaled, self.length - self.difference, self.horizon)
        return self._tensor(x), self._tensor(y)

    def forward(self, x: Tensor) -> Tensor:
        """Return scaled forecasts (B, K) from scaled values or differences, as of `windows`."""
        return self.net(x)

    def forecast(self, series: Array) -> Array:
        """Return the next values of one series, or of many at once.

        Parameters
        ----------
        series : array (T,) or (T, B)
            In its own units, up to and with the last known value, T at least L; only the last L
            are read. The columns of (T, B) are B series, or B origins in one series.

        Returns
        -------
        array (K,) or (B, K) of float64
            In the series' own units.

        Raises
        ------
        TypeError, ValueError
            For a bad array, missing values (NaN), and a series shorter than L.
        RuntimeError
            Before `set_scale`.
        """
        axes = "T B" if np.ndim(series) == 2 else "T"
        self._check_series("series", series, axes, horizon=0)
        known = series[-self.length :].astype(np.float64).reshape(self.length, -1)
        with torch.no_grad():
            scaled = self(self._tensor(self._scaled(known)[..., None])).double().cpu().numpy()
        future = self._undone(known, scaled.T * self.std.item() + self.mean.item())
        return future.T if axes == "T B" else future[:, 0]

    def _check_series(self, name: str, series: Any, axes: str, horizon: int) -> None:
        _check.Arrays().check(name, series, axes, finite=False)
        if len(series) < self.length + horizon:
            sizes = f"length={self.length}" + (f" and horizon={horizon}" if horizon else "")
            raise ValueError(
                f"{name}: expected at least {self.length + horizon} values, for {sizes}, "
                f"got {len(series)}"
            )
        _check.all_finite(name, series)

    def _differences(self, values: Array) -> Array:
        return values[self.difference :] - values[: -self.difference] if self.difference else values

    def _undone(self, known: Array, steps: Array) -> Array:
        """Add each forecast difference to the value that it starts from."""
        if not self.difference:
            return steps
        values = list(known)
        for step in steps:
            values.append(values[-self.difference] + step)
        return np.array(values[self.length :])

    def _scaled(self, values: Array) -> Array:
        if self.std.isnan():
            raise RuntimeError("the scale is not known yet: call set_scale with the training part")
        return (self._differences(values) - self.mean.item()) / self.std.item()

    def _tensor(self, values: Array) -> Tensor:
        weight = self.net.linear.weight
        return torch.as_tensor(values, dtype=weight.dtype, device=weight.device)


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
