"""Questions to put to a network that does not learn: where does the gradient go, what do gates do.

A probe looks, and changes neither weights nor gradients.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lstm_tutorial import _check, _tensors, cells

Function = Callable[[Tensor], Tensor]


def gradient_norms(model: nn.Module) -> dict[str, float]:
    """Return the norm of each weight's gradient after a call of ``backward``.

    Parameters
    ----------
    model : torch.nn.Module

    Returns
    -------
    dict of float
        By the weight's name; 0 for weights that the gradient did not reach.

    Raises
    ------
    TypeError
        For what is no network.
    """
    _tensors.module("model", model)
    return {
        name: 0.0 if weight.grad is None else weight.grad.norm().item()
        for name, weight in model.named_parameters()
    }


def by_step(function: Function, x: Tensor) -> Tensor:
    """Return how much the answers depend on each step of their input.

    Parameters
    ----------
    function : callable
        From `x` to answers of any shape, with gradients.
    x : tensor (T, B, D)

    Returns
    -------
    tensor (T,)
        Norms of the gradient of the sum of all answers with respect to each step's inputs.

    Raises
    ------
    TypeError, ValueError
        For what is no function or no such tensor, and if the answers do not depend on any number
        by a gradient.
    """
    _check.function("function", function)
    _tensors.floating("x", x, "T B D")
    return _gradient(x, lambda moving: function(moving).sum()).flatten(1).norm(dim=1)


def leak(function: Function, x: Tensor) -> float:
    """Return how much a sequence's answer depends on the other sequences of the batch.

    Parameters
    ----------
    function : callable
        From `x` to answers (B, ...), with gradients.
    x : tensor (T, B, D)
        With few sequences, as each is asked alone.

    Returns
    -------
    float
        The largest slope of any answer with respect to any number of another sequence. It is 0
        where sequences are kept apart.

    Raises
    ------
    TypeError, ValueError
        For what is no function or no such tensor, and for answers that are not one a sequence, or
        depend on no number by a gradient.
    """
    _check.function("function", function)
    B = _tensors.floating("x", x, "T B D").shape[1]
    answers = function(x)
    if answers.dim() == 0 or len(answers) != B:
        raise ValueError(f"function: expected answers ({B}, ...), got {tuple(answers.shape)}")
    largest = 0.0
    for b in range(B):
        grad = _gradient(x, lambda moving, b=b: function(moving)[b].sum())  # type: ignore[misc]
        others = torch.arange(B) != b
        largest = max([largest, *grad[:, others].abs().flatten().tolist()])
    return largest


def gates(layer: nn.RNNBase, x: Tensor) -> dict[str, Tensor]:
    """Return what the gates of a layer do on a batch that starts from zero states.

    Parameters
    ----------
    layer : torch.nn.LSTM or cells.LSTM
        Of one layer in one direction, time first.
    x : tensor (T, B, D)

    Returns
    -------
    dict of tensors (T, B, H)
        ``i``, ``f``, ``g`` and ``o`` at every step; g is the candidate.

    Raises
    ------
    TypeError, ValueError
        For another kind of layer, and for what is no such tensor.
    """
    if not cells.is_lstm(layer):
        raise TypeError(f"layer: expected a torch.nn.LSTM, got {type(layer).__name__}")
    _tensors.floating("x", x, "T B D", D=layer.input_size)
    if layer.num_layers != 1 or layer.bidirectional or layer.batch_first or layer.proj_size:
        raise ValueError(
            "layer: expected one layer in one direction, time first, without projection, "
            f"got {layer}"
        )
    with torch.no_grad():
        hs, _ = layer(x)
        before = torch.cat([torch.zeros_like(hs[:1]), hs[:-1]])  # h_{t-1}
        W_ih, W_hh, *biases = layer.all_weights[0]
        b_ih, b_hh = biases if biases else (None, None)
        z = F.linear(x, W_ih, b_ih) + F.linear(before, W_hh, b_hh)
        i, f, g, o = z.chunk(4, dim=2)
        return {"i": i.sigmoid(), "f": f.sigmoid(), "g": g.tanh(), "o": o.sigmoid()}


def _gradient(x: Tensor, number: Function) -> Tensor:
    """Return the gradient of a number with respect to `x`, zero where there is none."""
    moving = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        value = number(moving)
    if not value.requires_grad:
        raise ValueError("function: expected answers with a gradient, got a constant")
    (grad,) = torch.autograd.grad(value, moving, allow_unused=True)
    return torch.zeros_like(x) if grad is None else grad
