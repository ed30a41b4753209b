"""The biases that a layer's gates begin with."""

import numpy as np
import torch
from torch import nn

from lstm_tutorial import _check, cells

Array = np.ndarray


def set_gate_biases(
    lstm: nn.RNNBase, forget: float | Array, enter: float | Array | None = None
) -> None:
    """Set the biases that a layer's forget gates begin with, and its input gates'.

    `torch.nn.LSTM` adds two biases. The first becomes what is asked for, the second zero.

    Parameters
    ----------
    lstm : torch.nn.LSTM or cells.LSTM
        Changed in place, in all layers and directions.
    forget, enter : float or array (H,)
        As from `lstm.chrono`; None leaves the input gates as they are.

    Raises
    ------
    TypeError, ValueError
        If `lstm` is none, or has no biases, or a bias is not finite or of another shape.
    """
    if not cells.is_lstm(lstm):
        raise TypeError(f"lstm: expected a torch.nn.LSTM, got {type(lstm).__name__}")
    if not lstm.bias:
        raise ValueError("lstm: expected a layer with biases, got one without")
    H = lstm.hidden_size
    wanted = [("forget", forget, slice(H, 2 * H))]
    if enter is not None:
        wanted.append(("enter", enter, slice(H)))
    for name, bias, rows in wanted:
        if np.ndim(bias) == 0:
            bias = _check.finite_float(name, bias)
        values = torch.as_tensor(bias, dtype=torch.float64)
        if values.shape not in [(), (H,)] or not values.isfinite().all():
            raise ValueError(f"{name}: expected a finite number or H={H} of them, got {bias}")
        with torch.no_grad():
            for parameter, weight in lstm.named_parameters():
                if parameter.startswith("bias_ih"):
                    weight[rows] = values
                elif parameter.startswith("bias_hh"):
                    weight[rows] = 0.0
