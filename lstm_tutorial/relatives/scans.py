"""Relatives whose gates see the input alone: minGRU, minLSTM, mLSTM, and attention beside them.

No gate waits for the state of the step before, so all steps can be had at once. Each recurrence
stands here twice: in order, as its equations say, and for all steps together.

Time runs first: gates are (T, ...), queries, keys and values (T, ..., K), and what stands between
the two, such as sequences and heads, is the same for all.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from lstm_tutorial.relatives.cell import Gates, Parallel, Shapes
from lstm_tutorial.relatives.published import stabilised

HEADS = 2  # of mLSTM and attention


def positive(z: Tensor) -> Tensor:
    """Return what minGRU and minLSTM take for tanh: z + 1/2 from 0 on, σ(z) below.

    Above 0 everywhere, so that it has a logarithm (Feng et al., 2024, their appendix on the
    log-space form).
    """
    return torch.where(z >= 0, F.relu(z) + 0.5, torch.sigmoid(z))


def log_positive(z: Tensor) -> Tensor:
    """Return the logarithm of `positive`, also where that is too small for a number."""
    return torch.where(z >= 0, torch.log(F.relu(z) + 0.5), F.logsigmoid(z))


def min_gru(i: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a minGRU keeps and what it adds, as logarithms.

    ``h_t = (1 - σ(i)) h_{t-1} + σ(i) positive(g)``: Feng et al. (2024), section 3.1.

    Parameters
    ----------
    i, g : tensors (T, ..., H)
        Pre-activations of gate and candidate, ``W x + b``; the paper writes z for the gate.

    Returns
    -------
    log_keep, log_add : tensors (T, ..., H)
    """
    return F.logsigmoid(-i), F.logsigmoid(i) + log_positive(g)


def min_lstm(i: Tensor, f: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a minLSTM keeps and what it adds, as logarithms.

    The two gates are divided by their sum, ``h_t = (f h_{t-1} + i positive(g)) / (f + i)``: Feng
    et al. (2024), section 3.2.

    Parameters
    ----------
    i, f, g : tensors (T, ..., H)
        Pre-activations of both gates and of the candidate, ``W x + b``.

    Returns
    -------
    log_keep, log_add : tensors (T, ..., H)
    """
    ratio = F.logsigmoid(f) - F.logsigmoid(i)
    return F.logsigmoid(ratio), F.logsigmoid(-ratio) + log_positive(g)


def _min_lstm_layer(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    # On one core the loop is faster than the scan.
    return in_order(*min_lstm(*F.linear(x, W, b).chunk(3, dim=-1)))


MIN_LSTM = Parallel(
    name="minLSTM",
    shapes=lambda D, H: {"W": (3 * H, D), "b": (3 * H,)},
    at_once=_min_lstm_layer,
    carried=lambda H: H,
    gates=lambda H: Gates(forget=slice(H, 2 * H), input=slice(0, H)),
)


def in_order(log_keep: Tensor, log_add: Tensor) -> Tensor:
    """Return ``h_t = keep_t h_{t-1} + add_t`` for all steps, one after the other, from h = 0.

    Parameters
    ----------
    log_keep, log_add : tensors (T, ...)

    Returns
    -------
    hs : tensor (T, ...)

    Raises
    ------
    ValueError
        For shapes that differ.
    """
    _same("log_add", log_add, log_keep)
    h, hs = torch.zeros_like(log_add[0]), []
    for keep, add in zip(log_keep.exp(), log_add.exp(), strict=True):
        h = keep * h + add
        hs.append(h)
    return torch.stack(hs)


def scan(log_keep: Tensor, log_add: Tensor) -> Tensor:
    """Return what `in_order` returns, from two running sums and no loop (Heinsen, 2023).

    With ``a_t`` the sum of all ``log_keep`` up to t, ``h_t`` is the sum over s up to t of
    ``exp(a_t - a_s + log_add_s)``; a running sum of exponentials gives it for all t.

    Parameters
    ----------
    log_keep, log_add : tensors (T, ...)

    Returns
    -------
    hs : tensor (T, ...)

    Raises
    ------
    ValueError
        For shapes that differ.
    """
    _same("log_add", log_add, log_keep)
    a = log_keep.cumsum(dim=0)
    return torch.exp(a + torch.logcumsumexp(log_add - a, dim=0))


def mlstm_in_order(q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor) -> Tensor:
    """Run an mLSTM's store over sequences, step by step, from an empty store.

    Equations 19 to 26 of Beck et al. (2024), with a sigmoid for the forget gate, stabilised: the
    store C is a matrix to which each step adds ``v kᵀ``, and a query reads ``C q`` from it. The
    floor of the normaliser, 1 in equation 21, is exp(-m) for what is divided by exp(m).

    Parameters
    ----------
    q, k, v : tensors (T, ..., K), (T, ..., K), (T, ..., V)
        The keys are divided by √K here.
    i, f : tensors (T, ...)
        Pre-activations of the gates, one number for the whole store.

    Returns
    -------
    tensor (T, ..., V)
        What is read, before the output gate.

    Raises
    ------
    ValueError
        For shapes that do not fit.
    """
    k = _keys(q, k, v, i, f)
    C, n = v.new_zeros(*v.shape[1:], k.shape[-1]), torch.zeros_like(k[0])
    m, read = torch.full_like(i[0], -torch.inf), []
    for q_t, k_t, v_t, i_t, f_t in zip(q, k, v, i, f, strict=True):
        keep, add, m = stabilised(i_t, f_t, m)
        C = keep[..., None, None] * C + add[..., None, None] * v_t[..., None] * k_t[..., None, :]
        n = keep[..., None] * n + add[..., None] * k_t
        size = torch.maximum((n * q_t).sum(-1).abs(), torch.exp(-m))
        read.append((C @ q_t[..., None])[..., 0] / size[..., None])
    return torch.stack(read)


def mlstm(q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor) -> Tensor:
    """Return what `mlstm_in_order` returns, for all steps at once and without the store.

    The parallel form of Beck et al. (2024), in their appendix: attention whose scores are not
    exponentiated but weighted by what the gates let in at s and have kept since.

    Parameters
    ----------
    q, k, v, i, f : tensors
        As for `mlstm_in_order`.

    Returns
    -------
    tensor (T, ..., V)

    Raises
    ------
    ValueError
        For shapes that do not fit.
    """
    k = _keys(q, k, v, i, f)
    q, k, v = (each.movedim(0, -2) for each in (q, k, v))
    kept = F.logsigmoid(f).cumsum(dim=0).movedim(0, -1)
    weights = kept[..., :, None] - kept[..., None, :] + i.movedim(0, -1)[..., None, :]
    weights = weights.masked_fill(_later(len(i), i.device), -torch.inf)
    m = weights.max(dim=-1, keepdim=True).values.detach()
    scores = (q @ k.mT) * torch.exp(weights - m)
    size = torch.maximum(scores.sum(-1, keepdim=True).abs(), torch.exp(-m))
    return (scores @ v / size).movedim(-2, 0)


def _mlstm_shapes(D: int, H: int) -> Shapes:
    return {"W": (4 * H + 2 * HEADS, D), "b": (4 * H + 2 * HEADS,)}


def _mlstm_layer(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    z = F.linear(x, W, b)
    H = (z.shape[-1] - 2 * HEADS) // 4
    i, f, q, k, v, o = z.split([HEADS, HEADS, H, H, H, H], dim=-1)
    read = mlstm(heads(q), heads(k), heads(v), i, f)
    return torch.sigmoid(o) * read.flatten(-2)


def heads(z: Tensor) -> Tensor:
    """Give each of the `HEADS` its part of the last axis, (..., HEADS, K)."""
    return z.unflatten(-1, (HEADS, -1))


MLSTM = Parallel(
    name="mLSTM",
    shapes=_mlstm_shapes,
    at_once=_mlstm_layer,
    carried=lambda H: H * H // HEADS + H + HEADS,
    gates=lambda H: Gates(forget=slice(HEADS, 2 * HEADS), input=slice(0, HEADS)),
    heads=HEADS,
)


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return causal attention: each step's mean of the values so far, weighted by the scores.

    Equation 1 of Vaswani et al. (2017), with the later steps masked.

    Parameters
    ----------
    q, k, v : tensors (T, ..., K), (T, ..., K), (T, ..., V)

    Returns
    -------
    tensor (T, ..., V)

    Raises
    ------
    ValueError
        For shapes that do not fit.
    """
    k = _keys(q, k, v, q[..., 0], q[..., 0])
    q, k, v = (each.movedim(0, -2) for each in (q, k, v))
    scores = (q @ k.mT).masked_fill(_later(q.shape[-2], q.device), -torch.inf)
    return (scores.softmax(dim=-1) @ v).movedim(-2, 0)


def _later(T: int, device: torch.device) -> Tensor:
    """Return True where the column is a later step than the row."""
    return torch.ones(T, T, dtype=torch.bool, device=device).triu(1)


def _keys(q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor) -> Tensor:
    """Return the keys divided by √K, where all shapes fit."""
    _same("k", k, q)
    if v.shape[:-1] != q.shape[:-1]:
        axes = ", ".join(map(str, q.shape[:-1]))
        raise ValueError(f"v: expected shape ({axes}, V), got {tuple(v.shape)}")
    _same("i", i, v[..., 0])
    _same("f", f, i)
    return k / math.sqrt(k.shape[-1])


def _same(name: str, value: Tensor, like: Tensor) -> None:
    if value.shape != like.shape:
        raise ValueError(f"{name}: expected shape {tuple(like.shape)}, got {tuple(value.shape)}")
