"""The tuned loops behind `lstm.forward` and `lstm.backward`.

They compute what `lstm.forward_plain` and `lstm.backward_plain` compute, to the last bits that
rounding allows, in fewer calls of NumPy and fewer ways through memory. Features come before the
batch, and the gates stand in the order o, i, f, g: then what is multiplied together lies side by
side, and one call does the work of three or four. The arguments have been checked by `lstm`.
"""

import math
from typing import NamedTuple

import numpy as np

Array = np.ndarray

INWARD, OUTWARD = [3, 0, 1, 2], [1, 2, 3, 0]  # from i, f, g, o to o, i, f, g, and back
CACHE_BYTES = 2**19  # half of a usual second-level cache
SLICE_BYTES = 2**24  # half of the size from which glibc hands back whatever is freed


class Tape(NamedTuple):
    """What `forward` remembers for `backward`: leave the weights, not copied, alone in between.

    Attributes
    ----------
    inputs : array (T + 1, D + 1 + H, B)
        x_t, 1 and h_{t-1} stacked; of the last entry only the state, h_T, counts.
    gates : array (T + 1, 5, H, B)
        o, i, f, g and c_{t-1}; of the last entry only the state, c_T, counts.
    tanh_c : array (T, H, B)
    W_ih, W_hh : arrays (4H, D) and (4H, H)
    P : array (3H,) or None
    lengths : int array (B,) or None
    """

    inputs: Array
    gates: Array
    tanh_c: Array
    W_ih: Array
    W_hh: Array
    P: Array | None
    lengths: Array | None

    @property
    def nbytes(self) -> int:
        """Return the bytes recorded, itemsize · B · ((T+1)(D + 1 + H) + 5(T+1)H + TH)."""
        return self.inputs.nbytes + self.gates.nbytes + self.tanh_c.nbytes


def forward(
    x: Array,
    h0: Array,
    c0: Array,
    W_ih: Array,
    W_hh: Array,
    b: Array,
    P: Array | None,
    lengths: Array | None,
) -> tuple[Array, tuple[Array, Array], Tape]:
    """Do what `lstm.forward` promises."""
    (T, B, D), H = x.shape, h0.shape[1]
    inputs, gates, tanh_c = _in_one_block(
        x.dtype, (T + 1, D + 1 + H, B), (T + 1, 5, H, B), (T, H, B)
    )
    # The input and the bias join the state, so that one product a step does the work of three.
    inputs[:-1, :D], inputs[:, D], inputs[0, D + 1 :] = x.transpose(0, 2, 1), 1, h0.T
    gates[0, 4] = c0.T
    tape = Tape(inputs, gates, tanh_c, W_ih, W_hh, P, lengths)
    W = np.concatenate([W_ih, b[:, None], W_hh], axis=1).reshape(4, H, -1)[INWARD]
    W[:3] /= 2  # σ(z) = tanh(z / 2) / 2 + 1 / 2: with z halved here, one tanh serves all gates
    if P is None:
        _run_steps(W.reshape(4 * H, -1), tape)
    else:
        _run_peephole_steps(W.reshape(4 * H, -1), P, tape)
    hs = inputs[1:, D + 1 :].transpose(0, 2, 1).copy()
    if lengths is None:
        return hs, (hs[-1].copy(), gates[-1, 4].T.copy()), tape
    # A state never sees the future: run through the padding, then forget what came out of it.
    ends = hs[lengths - 1, range(B)], gates[lengths, 4, :, range(B)]
    hs[~_valid(T, lengths)] = 0
    return hs, ends, tape


def _in_one_block(dtype: np.dtype, *shapes: tuple[int, ...]) -> list[Array]:
    """Return uninitialised arrays that lie in one block of memory.

    A C library gives memory back to the system when much more lies free than the largest block it
    has seen, and fetching it anew for every batch, page by page, would cost up to a third of the
    time. With the tape in one block, what a training step uses is never much more than that.
    """
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    pieces = np.split(np.empty(ends[-1], dtype), ends[:-1])
    return [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]


def _run_steps(W: Array, tape: Tape) -> None:
    """Fill the tape, from its first states on: 8 calls a step, none of which allocates."""
    inputs, gates, tanh_c = tape[:3]
    T, H, B = tanh_c.shape
    half = np.array(0.5, W.dtype)  # an array of one element would cost three times as much
    z, kept_and_new = np.empty((4 * H, B), W.dtype), np.empty((2, H, B), W.dtype)
    new, kept = kept_and_new
    views = zip(  # zip cuts the arrays into steps faster than indices do
        inputs[:-1],
        gates[:-1, :4].reshape(T, 4 * H, B),
        gates[:-1, :3],
        gates[:-1, 1:3],
        gates[:-1, 3:],
        gates[1:, 4],
        tanh_c,
        gates[:-1, 0],
        inputs[1:, -H:],
        strict=True,
    )
    for u, all_four, sigmoids, i_and_f, g_and_c, c, squashed, o, h in views:
        np.dot(W, u, z)  # what np.matmul gives, at less than two thirds of the price of a call
        np.tanh(z, all_four)  # z itself stays in the cache, where the next step overwrites it
        np.multiply(sigmoids, half, sigmoids)
        np.add(sigmoids, half, sigmoids)
        np.multiply(i_and_f, g_and_c, kept_and_new)
        np.add(new, kept, c)
        np.tanh(c, squashed)
        np.multiply(o, squashed, h)


def _run_peephole_steps(W: Array, P: Array, tape: Tape) -> None:
    """Fill the tape where gates see the cell: o has to wait for c_t, so the tanh comes in two."""
    inputs, gates, tanh_c = tape[:3]
    T, H, B = tanh_c.shape
    p_i, p_o, p_f = P.reshape(3, H, 1) / 2  # halved like W
    for t in range(T):
        o, i, f, g, c_prev = gates[t]
        gates[t, :4] = (W @ inputs[t]).reshape(4, H, B)
        i += p_i * c_prev
        f += p_f * c_prev
        gates[t, 1:4] = np.tanh(gates[t, 1:4])
        gates[t, 1:3] = gates[t, 1:3] / 2 + 0.5
        c = gates[t + 1, 4] = f * c_prev + i * g
        o[:] = np.tanh(o + p_o * c) / 2 + 0.5
        tanh_c[t] = np.tanh(c)
        inputs[t + 1, -H:] = o * tanh_c[t]


def backward(dhs: Array, tape: Tape, dh: Array, dc: Array) -> tuple[Array, ...]:
    """Do what `lstm.backward` promises; `dh` and `dc`, of the last states, are (H, B)."""
    inputs, gates, tanh_c, W_ih, W_hh, P, _ = tape
    (T, H, B), D = tanh_c.shape, W_ih.shape[1]
    # Transposed in memory too: BLAS multiplies up to a tenth faster then.
    W_x, W_h = (W.T.reshape(-1, 4, H)[:, INWARD].reshape(-1, 4 * H) for W in (W_ih, W_hh))
    dx, dW = np.empty((T, B, D), W_h.dtype), np.zeros((4 * H, D + 1 + H), W_h.dtype)
    dP = np.zeros((3, H), W_h.dtype)
    dh = dh.copy()
    for steps in _slices(0, T, SLICE_BYTES // (4 * tanh_c[0].nbytes)):
        dz, dc = _collect(tape, W_h, dhs, steps, dh, dc)
        if P is not None:
            before, after = gates[:-1, 4][steps], gates[1:, 4][steps]
            seen = (dz[1], before), (dz[0], after), (dz[2], before)  # by i, o and f
            dP += [np.einsum("htb,thb->h", dz_k, c) for dz_k, c in seen]
        # Inputs and weights wait for no other step: one product for many, instead of one for each.
        dz = dz.reshape(4 * H, -1)
        dW += dz @ inputs[:-1][steps].swapaxes(0, 1).reshape(D + 1 + H, -1).T
        dx[steps] = (W_x @ dz).reshape(D, -1, B).transpose(1, 2, 0)
    dW = dW.reshape(4, H, -1)[OUTWARD].reshape(4 * H, -1)
    grads = dx, dh.T.copy(), dc.T.copy(), dW[:, :D].copy(), dW[:, D + 1 :].copy(), dW[:, D].copy()
    return grads if P is None else (*grads, dP.ravel())


def _slices(start: int, stop: int, size: int) -> list[slice]:
    """Cut some steps into slices of at most `size`, at least 1, last first."""
    size = max(1, size)
    return [slice(max(start, end - size), end) for end in range(stop, start, -size)]


def _collect(
    tape: Tape, W_h: Array, dhs: Array, steps: slice, dh: Array, dc: Array
) -> tuple[Array, Array]:
    """Return the gradients of the pre-activations of some steps, (4, H, ·, B), and a new `dc`."""
    T, H, B = tape.tanh_c[steps].shape
    dz = np.empty((4, H, T, B), W_h.dtype)
    # Bulk work is fast on what fits the processor's cache.
    for part in _slices(steps.start, steps.stop, CACHE_BYTES // (6 * tape.tanh_c[0].nbytes)):
        local = _local_derivatives(tape, part)
        if tape.P is None:
            dc = _run_steps_back(W_h, local, dhs[part], dh, dc)
        else:
            dc = _run_peephole_steps_back(W_h, tape.P, local, dhs[part], dh, dc)
        here = slice(part.start - steps.start, part.stop - steps.start)
        dz[:, :, here] = local[:, 1:5].transpose(1, 2, 0, 3)
    return dz, dc


def _local_derivatives(tape: Tape, steps: slice) -> Array:
    """Return what these steps multiply gradients by, (·, 6, H, B), for which none is needed yet.

    In order: ∂h/∂c, which dh takes to c_t, and ∂h/∂z_o; then the derivatives of c_t by z_i, z_f,
    z_g and c_{t-1}, which dc takes.
    """
    gates, tanh_c = tape.gates[:-1][steps], tape.tanh_c[steps]
    o, i, f, g, _ = gates.swapaxes(0, 1)
    steps_here, H, B = tanh_c.shape
    h = tape.inputs[1:, -H:][steps]
    local = np.empty((steps_here, 6, H, B), gates.dtype)
    np.subtract(o, h * tanh_c, local[:, 0])  # o (1 - tanh²)
    local[:, 1] = h
    np.multiply(gates[:, 1:3], gates[:, 3:], local[:, 2:4])  # i g and f c
    np.subtract(i, local[:, 2] * g, local[:, 4])  # i (1 - g²)
    local[:, 1:4] *= 1 - gates[:, :3]  # σ' = σ (1 - σ), where one σ is already in the product
    local[:, 5] = f
    if tape.lengths is not None:  # no gradient enters the padding, that of c_T passes through it
        runs = _valid(len(tape.tanh_c), tape.lengths)[steps, None]
        local *= runs[:, None]
        local[:, 5] += ~runs
    return local


def _run_steps_back(W_h: Array, local: Array, dhs: Array, dh: Array, dc: Array) -> Array:
    """Turn local derivatives into gradients, last step first: 5 calls a step.

    `dh` is overwritten with the gradient of the state before these steps; that of the cell, which
    lies in `local`, is returned.
    """
    T, _, H, B = local.shape
    views = zip(
        dhs.transpose(0, 2, 1)[::-1],
        local[::-1, :2],
        local[::-1, 0],
        local[::-1, 2:],
        local[::-1, 5],
        local[::-1, 1:5].reshape(T, 4 * H, B),
        strict=True,
    )
    dh_total = np.empty_like(dh)
    for dh_out, from_dh, dc_total, from_dc, dc_prev, dz in views:
        np.add(dh, dh_out, dh_total)
        np.multiply(from_dh, dh_total, from_dh)
        np.add(dc_total, dc, dc_total)
        np.multiply(from_dc, dc_total, from_dc)
        np.dot(W_h, dz, dh)
        dc = dc_prev
    return dc


def _run_peephole_steps_back(
    W_h: Array, P: Array, local: Array, dhs: Array, dh: Array, dc: Array
) -> Array:
    """Do the same where gates see the cell, whose gradient therefore comes from them too."""
    T, _, H, B = local.shape
    p_i, p_o, p_f = P.reshape(3, H, 1)
    for t in reversed(range(T)):
        local[t, :2] *= dh + dhs[t].T
        dc = dc + local[t, 0] + p_o * local[t, 1]
        local[t, 2:] *= dc
        dc = local[t, 5] + p_i * local[t, 2] + p_f * local[t, 3]
        np.dot(W_h, local[t, 1:5].reshape(4 * H, B), dh)
    return dc


def _valid(T: int, lengths: Array) -> Array:
    """Return where a sequence still runs, (T, B)."""
    return np.arange(T)[:, None] < lengths
