"""Forecasts of a series, in its own units."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_tutorial import _check, datasets
from lstm_tutorial.models._lstm_model import LSTMModel

Array = np.ndarray


class Forecaster(nn.Module):
    """The next K values of a series from its last L, in the series' own units.

    An LSTM reads the L values and a linear layer gives all K forecasts at once. Both work on
    numbers that were shifted and scaled by the mean and the deviation of the training part, if
    wanted of its differences. The two numbers are part of the state dict, with `length`, `horizon`
    and `difference`: weights do not load into a forecaster that would use them otherwise.

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
    mean, std : float
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
        # No buffers: these would follow the weights to half precision, or to a device without
        # float64, and the series' own units would suffer.
        self.mean = self.std = math.nan

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return self.length, self.horizon, self.difference

    def get_extra_state(self) -> Tensor:
        """Return what the weights mean, for the state dict: sizes, mean and deviation."""
        values = [*self._sizes, self.mean, self.std]
        return torch.tensor(values, dtype=torch.float64, device="cpu")

    def set_extra_state(self, state: Tensor) -> None:
        """Take over the scale of a state dict, whose sizes must be those of this forecaster.

        Raises
        ------
        ValueError
            For weights of another length, horizon or difference, before any weight is loaded.
        """
        *sizes, mean, std = state.tolist()
        if tuple(sizes) != self._sizes:
            names = ("length", "horizon", "difference")
            wanted, got = (
                ", ".join(f"{name}={size:g}" for name, size in zip(names, values, strict=True))
                for values in (self._sizes, sizes)
            )
            raise ValueError(f"state_dict: expected weights for {wanted}, got some for {got}")
        self.mean, self.std = mean, std

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
        self.mean, self.std = float(mean), float(std)

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
            scaled = self(self._tensor(self._scaled(known)[..., None])).cpu().double().numpy()
        future = self._undone(known, scaled.T * self.std + self.mean)
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
        if math.isnan(self.std):
            raise RuntimeError("the scale is not known yet: call set_scale with the training part")
        return (self._differences(values) - self.mean) / self.std

    def _tensor(self, values: Array) -> Tensor:
        weight = self.net.linear.weight
        return torch.as_tensor(values, dtype=weight.dtype, device=weight.device)
