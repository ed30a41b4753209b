"""Relatives of the LSTM whose gates see the state: GRU, sLSTM, and zoneout for any of them.

Others stand elsewhere: peepholes and coupled gates in `variants`, the projection in `cells`, layer
normalisation in `regularised`; relatives whose gates see the input alone stand in `scans`.

Time runs first. Between time and batch there may be more axes, such as one of networks that run
side by side: `x` is (T, ..., B, D), a weight (..., K, D) or (..., K, H), a bias (..., K).
"""

import torch
from torch import Tensor, sigmoid, tanh
from torch.nn import functional as F

from lstm_tutorial import _check


def affine(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Return ``W x + b`` at every step, for one network or for many side by side.

    Parameters
    ----------
    x : tensor (T, ..., B, D)
    W, b : tensors (..., K, D), (..., K)
        The axes in between are those of `x`, or none.

    Returns
    -------
    tensor (T, ..., B, K)

    Raises
    ------
    ValueError
        For shapes that do not fit.
    """
    if x.dim() < 3 or (W.dim() > 2 and W.shape[:-2] != x.shape[1:-2]):
        between = "".join(f"{size}, " for size in W.shape[:-2]) or "..., "
        raise ValueError(f"x: expected shape (T, {between}B, D), got {tuple(x.shape)}")
    if W.shape[-1] != x.shape[-1]:
        raise ValueError(f"W: expected {x.shape[-1]} columns like x, got shape {tuple(W.shape)}")
    if b.shape != W.shape[:-1]:
        raise ValueError(f"b: expected shape {tuple(W.shape[:-1])}, got {tuple(b.shape)}")
    if W.dim() == 2:
        return F.linear(x, W, b)
    return torch.einsum("t...bd,...kd->t...bk", x, W) + b[..., None, :]


def gru(
    x: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Tensor, b_hh: Tensor, reset: str = "after"
) -> Tensor:
    """Run a gated recurrent unit over sequences, from h = 0.

    The three blocks are in PyTorch's order r, z, n: reset gate, update gate, candidate. An update
    gate of 1 keeps, as in Cho et al. (2014), their equations 5 to 8; Chung et al. (2014) have it
    the other way round.

    Parameters
    ----------
    x : tensor (T, ..., B, D)
    W_ih, W_hh : tensors (..., 3H, D), (..., 3H, H)
    b_ih, b_hh : tensors (..., 3H)
    reset : {"after", "before"}
        Whether the reset gate multiplies after the product with W_hh, as in cuDNN and `nn.GRU`, or
        before it, as in equation 8 of Cho et al. (2014).

    Returns
    -------
    hs : tensor (T, ..., B, H)

    Raises
    ------
    ValueError
        For shapes that do not fit, or an unknown placement.
    """
    after = _check.choice("reset", reset, ("after", "before")) == "after"
    z_x = affine(x, W_ih, b_ih)
    h, hs = _start(z_x, W_hh, 3), []
    both = 2 * h.shape[-1]  # of the gates; the candidate's block comes behind them
    U, b = W_hh.mT, b_hh[..., None, :]
    U_rz, U_n, b_rz, b_n = U[..., :both], U[..., both:], b[..., :both], b[..., both:]
    for x_rz, x_n in zip(z_x[..., :both], z_x[..., both:], strict=True):
        r, z = sigmoid(x_rz + h @ U_rz + b_rz).chunk(2, dim=-1)
        n = tanh(x_n + (r * (h @ U_n + b_n) if after else (r * h) @ U_n + b_n))
        h = z * h + (1 - z) * n
        hs.append(h)
    return torch.stack(hs)


def slstm(x: Tensor, W_ih: Tensor, W_hh: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Run an sLSTM over sequences: an LSTM with an exponential input gate and a normaliser.

    Equations 8 to 17 of Beck et al. (2024), with the sigmoid of the two forget gates that the
    paper allows, and one head. The blocks are in the order i, f, g, o; the paper writes z for g.
    What is kept is c and n divided by exp(m), so that no exponential is of a number above 0; m
    cancels in their quotient, and no gradient goes through it.

    Parameters
    ----------
    x : tensor (T, ..., B, D)
    W_ih, W_hh, b : tensors (..., 4H, D), (..., 4H, H), (..., 4H)

    Returns
    -------
    hs, ns, ms : tensors (T, ..., B, H)
        Outputs, stabilised normalisers and stabilisers.

    Raises
    ------
    ValueError
        For shapes that do not fit.
    """
    z_x = affine(x, W_ih, b)
    h, U, steps = _start(z_x, W_hh, 4), W_hh.mT, []
    c = n = h
    m = torch.full_like(h, -torch.inf)  # nothing is stored yet
    for z_t in z_x:
        i, f, g, o = (z_t + h @ U).chunk(4, dim=-1)
        keep, add, m = stabilised(i, f, m)
        c = keep * c + add * tanh(g)
        n = keep * n + add
        h = sigmoid(o) * c / n
        steps.append((h, n, m))
    hs, ns, ms = (torch.stack(each) for each in zip(*steps, strict=True))
    return hs, ns, ms


def stabilised(i: Tensor, f: Tensor, m: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Divide the gates exp(i) and σ(f) by what keeps both at 1 or below.

    Equations 15 to 17 of Beck et al. (2024).

    Parameters
    ----------
    i, f : tensors
        Pre-activations of input and forget gate.
    m : tensor
        The stabiliser of the step before, -inf where nothing is stored.

    Returns
    -------
    keep, add, m : tensors
        Forget and input gate for what is stored divided by exp(m), and the new m.
    """
    log_f = F.logsigmoid(f)
    new = torch.maximum(log_f + m, i).detach()
    return torch.exp(log_f + m - new), torch.exp(i - new), new


def zoneout(old: Tensor, new: Tensor, share: float, training: bool) -> Tensor:
    """Leave a random share of a state's units as they were at the step before.

    Krueger et al. (2017), in their words a dropout of updates. In use every unit takes the mean.

    Parameters
    ----------
    old, new : tensors
        A state before and after the step.
    share : float
        From 0 to 1: of the units that stay.
    training : bool

    Returns
    -------
    tensor

    Raises
    ------
    TypeError, ValueError
        For a share that is not a number from 0 to 1, or states of different shapes.
    """
    if not 0 <= _check.finite_float("share", share) <= 1:
        raise ValueError(f"share: expected a share from 0 to 1, got {share}")
    if old.shape != new.shape:
        raise ValueError(f"new: expected shape {tuple(old.shape)}, got {tuple(new.shape)}")
    if not training:
        return share * old + (1 - share) * new
    return torch.where(torch.rand_like(new) < share, old, new)


def _start(z_x: Tensor, W_hh: Tensor, blocks: int) -> Tensor:
    """Return h = 0 where `W_hh` fits the gates."""
    K, H = W_hh.shape[-2:]
    if (K, z_x.shape[-1]) != (blocks * H, K):
        raise ValueError(
            f"W_hh: expected {z_x.shape[-1]} rows, {blocks} times its columns, "
            f"got shape {tuple(W_hh.shape)}"
        )
    return z_x.new_zeros(*z_x.shape[1:-1], H)
