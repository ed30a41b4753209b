"""Cells that others published, whose gates see the state: GRU, sLSTM, the plain recurrent unit.

Others stand elsewhere: peepholes and coupled gates in `variants`, the projection in
`lstm_tutorial.cells`, layer normalisation in `regularised`; cells whose gates see the input alone
stand in `scans`.
"""

from dataclasses import replace

import torch
from torch import Tensor, sigmoid, tanh
from torch.nn import functional as F

from lstm_tutorial import _check
from lstm_tutorial.relatives.cell import Gates, Recurrent, State


def rnn(z_x: Tensor, state: State, U: Tensor) -> State:
    """Take one step of the plain recurrent unit (Elman, 1990)."""
    return (tanh(torch.mm(state[0], U) + z_x),)


RNN = Recurrent(
    name="RNN",
    shapes=lambda D, H: {"W_ih": (H, D), "W_hh": (H, H), "b": (H,)},
    step=rnn,
    start=lambda zero: (zero,),
    carried=lambda H: H,
)


def gru(z_x: Tensor, state: State, U: Tensor, b_hh: Tensor) -> State:
    """Take one step of a gated recurrent unit whose reset gate multiplies after the product.

    The three blocks are in PyTorch's order r, z, n: reset gate, update gate, candidate. An update
    gate of 1 keeps, as in Cho et al. (2014), their equations 5 to 8; Chung et al. (2014) have it
    the other way round. Where the reset gate multiplies is that of cuDNN and `nn.GRU`.

    Parameters
    ----------
    z_x : tensor (B, 3H)
        ``W_ih x_t + b``.
    state : tuple of one tensor (B, H)
    U, b_hh : tensors (H, 3H), (3H,)
        Recurrent weights, transposed, and their biases.
    """
    (h,) = state
    x_r, x_z, x_n = z_x.chunk(3, dim=1)
    h_r, h_z, h_n = (torch.mm(h, U) + b_hh).chunk(3, dim=1)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    return (z * h + (1 - z) * tanh(x_n + r * h_n),)


def gru_reset_before(z_x: Tensor, state: State, U: Tensor, b_hh: Tensor) -> State:
    """Take one step of the unit of Cho et al. (2014): the reset gate comes before the product.

    Parameters are those of `gru`; see equation 8 of the paper.
    """
    (h,) = state
    x_r, x_z, x_n = z_x.chunk(3, dim=1)
    (U_r, U_z, U_n), (b_r, b_z, b_n) = U.chunk(3, dim=1), b_hh.chunk(3)
    r, z = sigmoid(x_r + torch.mm(h, U_r) + b_r), sigmoid(x_z + torch.mm(h, U_z) + b_z)
    return (z * h + (1 - z) * tanh(x_n + torch.mm(r * h, U_n) + b_n),)


GRU = Recurrent(
    name="GRU",
    shapes=lambda D, H: {"W_ih": (3 * H, D), "W_hh": (3 * H, H), "b": (3 * H,), "b_hh": (3 * H,)},
    step=gru,
    start=lambda zero: (zero,),
    carried=lambda H: H,
    gates=lambda H: Gates(forget=slice(H, 2 * H)),
)
GRU_RESET_BEFORE = replace(GRU, name="GRU, reset before", step=gru_reset_before)


def gru_one_bias(z_x: Tensor, state: State, U: Tensor, b_n: Tensor) -> State:
    """Take the step of `gru` where two of the six biases, which only add up, are left out.

    Parameters are those of `gru`, but b_n (H,), the bias that the reset gate multiplies.
    """
    return gru(z_x, state, U, F.pad(b_n, (2 * len(b_n), 0)))


GRU_ONE_BIAS = Recurrent(
    name="GRU with one bias",
    shapes=lambda D, H: {"W_ih": (3 * H, D), "W_hh": (3 * H, H), "b": (3 * H,), "b_n": (H,)},
    step=gru_one_bias,
    start=lambda zero: (zero,),
    carried=lambda H: H,
)


def slstm(z_x: Tensor, state: State, U: Tensor) -> State:
    """Take one step of an sLSTM: an LSTM with an exponential input gate and a normaliser.

    Equations 8 to 17 of Beck et al. (2024), with the sigmoid of the two forget gates that the
    paper allows, and one head. The blocks are in the order i, f, g, o; the paper writes z for g.
    What is kept is c and n divided by exp(m), so that no exponential is of a number above 0; m
    cancels in their quotient, and no gradient goes through it.

    Parameters
    ----------
    z_x : tensor (B, 4H)
        ``W_ih x_t + b``.
    state : tuple of tensors (B, H)
        h, the stabilised c and n, and the stabiliser m.
    U : tensor (H, 4H)
        Recurrent weights, transposed.
    """
    h, c, n, m = state
    i, f, g, o = (torch.mm(h, U) + z_x).chunk(4, dim=1)
    keep, add, m = stabilised(i, f, m)
    c = keep * c + add * tanh(g)
    n = keep * n + add
    return sigmoid(o) * c / n, c, n, m


SLSTM = Recurrent(
    name="sLSTM",
    shapes=lambda D, H: {"W_ih": (4 * H, D), "W_hh": (4 * H, H), "b": (4 * H,)},
    step=slstm,
    start=lambda zero: (zero, zero, zero, zero - torch.inf),  # m: nothing is stored yet
    carried=lambda H: 4 * H,
    gates=lambda H: Gates(forget=slice(H, 2 * H), input=slice(0, H)),
)


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
