"""What happened in a run."""

from typing import NamedTuple

import numpy as np

Array = np.ndarray

SHOWN = 20  # rows of a history that are printed in full


class History(NamedTuple):
    """One row an epoch; printed, it is a table with a star at the best epoch.

    Attributes
    ----------
    epochs : integer array
        From 1.
    losses : array
        Mean over the batches of the epoch, each before its update.
    valid_losses : array
        Mean over the validation sequences after the epoch; NaN without a validation set.
    norms : array
        The largest global norm of the gradient in the epoch, before clipping.
    lrs : array
        Learning rate of the last update of the epoch.
    """

    epochs: Array
    losses: Array
    valid_losses: Array
    norms: Array
    lrs: Array

    @property
    def best(self) -> int | None:
        """The first epoch with the lowest validation loss; None without a validation set."""
        if np.isnan(self.valid_losses).any():
            return None
        return int(self.epochs[np.argmin(self.valid_losses)])

    def __str__(self) -> str:
        rows = [self._row(*row) for row in zip(*self, strict=True)]
        if len(rows) > SHOWN:
            rows[SHOWN // 2 : -SHOWN // 2] = ["  ..."]
        return "\n".join(["epoch        loss       valid        norm          lr", *rows])

    def _row(self, epoch: int, loss: float, valid: float, norm: float, lr: float) -> str:
        shown = f"{'-' if np.isnan(valid) else format(valid, '.4g'):>12}"
        star = " *" if epoch == self.best else ""
        return f"{epoch:5d}{loss:12.4g}{shown}{norm:12.4g}{lr:12.4g}{star}"
