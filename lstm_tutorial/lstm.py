"""The LSTM in NumPy, with its backward pass derived by hand.

One layer with a forget gate (Hochreiter & Schmidhuber, 1997; Gers, Schmidhuber & Cummins, 2000):

    i, f, o = σ(W_ih x_t + W_hh h_{t-1} + b),    g = tanh(W_ih x_t + W_hh h_{t-1} + b),
    c_t = f c_{t-1} + i g,                       h_t = o tanh(c_t),

each gate with its own quarter of the weights, in PyTorch's order i, f, g, o. Time runs first:
inputs `x` are ``(T, B, D)``, states ``(B, H)``. Arrays are float32 or float64, all of one type;
none is ever changed.

Inside, features come before the batch and the gates stand in the order o, i, f, g: then what is
multiplied together lies side by side, and one call of NumPy does the work of three or four.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial import _check

Array = np.ndarray
Weights = tuple[Array, Array, Array]

INWARD, OUTWARD = [3, 0, 1, 2], [1, 2, 3, 0]  # from i, f, g, o to o, i, f, g, and back
CACHE_BYTES = 2**19  # half of a usual second-level cache


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


def init(
    input_size: int,
    hidden_size: int,
    rng: np.random.Generator | int,
    dtype: type = np.float64,
    forget_bias: float = 1.0,
) -> Weights:
    """Draw the weights of a layer, uniform in ±1/√H as `torch.nn.LSTM` does.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H, at least 1.
    rng : numpy Generator or int
        The source of randomness, or a seed for one.
    dtype : numpy.float64 or numpy.float32
    forget_bias : float
        The forget gate's biases: 1 keeps the gate open at first (Jozefowicz, Zaremba &
        Sutskever, 2015).

    Returns
    -------
    W_ih, W_hh, b : arrays (4H, D), (4H, H), (4H,)

    Raises
    ------
    TypeError, ValueError
        For a size below 1, an unknown `dtype`, an `rng` that is neither, or a bias that is not
        a finite number.
    """
    D = _check.positive_int("input_size", input_size)
    H = _check.positive_int("hidden_size", hidden_size)
    rng = _check.generator("rng", rng)
    _check.floating("dtype", np.empty(0, dtype))
    forget_bias = _check.finite_float("forget_bias", forget_bias)
    bound = 1 / np.sqrt(H)

    def uniform(*shape: int) -> Array:
        return rng.uniform(-bound, bound, shape).astype(dtype)

    W_ih, W_hh, b = uniform(4 * H, D), uniform(4 * H, H), uniform(4 * H)
    b[H : 2 * H] = forget_bias
    return W_ih, W_hh, b


def chrono(hidden_size: int, longest: int, rng: np.random.Generator | int) -> tuple[Array, Array]:
    """Draw gate biases for memories of all lengths up to a longest (Tallec & Ollivier, 2018).

    A forget gate that stands at f = 1 - 1/τ forgets over about τ steps. The forget biases are
    log(τ - 1), with τ uniform between 2 and `longest`, and each input bias is the negative of its
    unit's forget bias, so that the input gate stands at 1/τ and the unit takes an average.

    Parameters
    ----------
    hidden_size : int
        H, at least 1.
    longest : int
        The longest memory wanted, in steps, at least 2.
    rng : numpy Generator or int

    Returns
    -------
    enter, forget : arrays (H,)
        Biases of the input and of the forget gates.

    Raises
    ------
    TypeError, ValueError
        For a bad `hidden_size`, `longest` or `rng`.

    Examples
    --------
    >>> b = np.zeros(4 * 2)
    >>> b[:2], b[2:4] = chrono(hidden_size=2, longest=100, rng=0)
    >>> b.round(1).tolist()
    [-4.1, -3.3, 4.1, 3.3, 0.0, 0.0, 0.0, 0.0]
    """
    H = _check.positive_int("hidden_size", hidden_size)
    if _check.positive_int("longest", longest) < 2:
        raise ValueError(f"longest: expected at least 2 steps, got {longest}")
    forget = np.log(_check.generator("rng", rng).uniform(1, longest - 1, H))
    return -forget, forget


def step(
    x: Array, h_prev: Array, c_prev: Array, W_ih: Array, W_hh: Array, b: Array
) -> tuple[Array, Array]:
    """Advance both states by one step.

    Parameters
    ----------
    x : array (B, D)
    h_prev, c_prev : arrays (B, H)
    W_ih, W_hh, b : arrays (4H, D), (4H, H), (4H,)

    Returns
    -------
    h, c : arrays (B, H)

    Raises
    ------
    TypeError, ValueError
        For a wrong type, rank or size, an empty array, NaN or infinity.
    """
    return forward(_as_sequence("x", x), h_prev, c_prev, W_ih, W_hh, b)[1]


def step_backward(
    dh: Array,
    dc: Array,
    x: Array,
    h_prev: Array,
    c_prev: Array,
    W_ih: Array,
    W_hh: Array,
    b: Array,
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Carry the gradients of a loss with respect to `h` and `c` back through one `step`.

    Parameters
    ----------
    dh, dc : arrays (B, H)
    x, h_prev, c_prev, W_ih, W_hh, b
        The arguments of `step`.

    Returns
    -------
    dx, dh_prev, dc_prev, dW_ih, dW_hh, db
        Gradients, each of the shape of what it is the gradient of.

    Raises
    ------
    TypeError, ValueError
        As `step`.
    """
    _, _, tape = forward(_as_sequence("x", x), h_prev, c_prev, W_ih, W_hh, b)
    dx, *rest = backward(None, tape, dh, dc)
    return (dx[0], *rest)  # type: ignore[return-value]


def forward(
    x: Array,
    h0: Array,
    c0: Array,
    W_ih: Array,
    W_hh: Array,
    b: Array,
    P: Array | None = None,
    lengths: Array | None = None,
) -> tuple[Array, tuple[Array, Array], Tape]:
    """Run the layer over a batch of sequences.

    Parameters
    ----------
    x : array (T, B, D)
    h0, c0 : arrays (B, H)
    W_ih, W_hh, b : arrays (4H, D), (4H, H), (4H,)
    P : array (3H,) or None
        Peephole weights (Gers & Schmidhuber, 2000) in ONNX's order i, o, f: the gates i and f
        see c_{t-1}, the gate o sees c_t.
    lengths : int array (B,) or None
        The length of each sequence, 1 to T; None for T. What follows is padding.

    Returns
    -------
    hs : array (T, B, H)
        The state h after every step; zero in the padding.
    (h_T, c_T) : arrays (B, H)
        Both states after the last step of each sequence.
    tape : Tape
        What `backward` needs.

    Raises
    ------
    TypeError, ValueError
        For a wrong type, rank or size, an empty array, NaN or infinity, or lengths out of range.
    """
    _check_arguments(x, h0, c0, W_ih, W_hh, b, P, lengths)
    (T, B, D), H = x.shape, h0.shape[1]
    # The input and the bias join the state, so that one product a step does the work of three.
    inputs = np.empty((T + 1, D + 1 + H, B), x.dtype)
    inputs[:-1, :D], inputs[:, D], inputs[0, D + 1 :] = x.transpose(0, 2, 1), 1, h0.T
    gates = np.empty((T + 1, 5, H, B), x.dtype)
    gates[0, 4] = c0.T
    tape = Tape(inputs, gates, np.empty((T, H, B), x.dtype), W_ih, W_hh, P, lengths)
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


def _run_steps(W: Array, tape: Tape) -> None:
    """Fill the tape, from its first states on: 8 calls a step, none of which allocates."""
    inputs, gates, tanh_c = tape[:3]
    T, H, B = tanh_c.shape
    half = np.array(0.5, W.dtype)  # an array of one element would cost three times as much
    kept_and_new = np.empty((2, H, B), W.dtype)
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
    for u, z, sigmoids, i_and_f, g_and_c, c, squashed, o, h in views:
        np.dot(W, u, z)  # what np.matmul gives, at less than two thirds of the price of a call
        np.tanh(z, z)
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


def backward(
    dhs: Array | None, tape: Tape, dh_T: Array | None = None, dc_T: Array | None = None
) -> tuple[Array, ...]:
    """Backpropagation through time: the gradients of a loss of all outputs and the last states.

    Parameters
    ----------
    dhs : array (T, B, H) or None
        Immediate gradient of the loss with respect to each output `hs[t]`; None for none.
    tape : Tape
        From `forward`.
    dh_T, dc_T : arrays (B, H) or None
        Further gradients, with respect to `h_T` and `c_T`.

    Returns
    -------
    dx, dh0, dc0, dW_ih, dW_hh, db
        Gradients, each of the shape of what it is the gradient of; with peepholes dP is the
        seventh.

    Raises
    ------
    TypeError, ValueError
        For a wrong type or shape, NaN or infinity, or when no gradient is given.
    """
    dhs, dh, dc = _check_gradients(dhs, tape, dh_T, dc_T)
    inputs, gates, tanh_c, W_ih, W_hh, P, _ = tape
    (T, H, B), D = tanh_c.shape, W_ih.shape[1]
    W = np.concatenate([W_ih, W_hh], axis=1).reshape(4, H, -1)[INWARD].reshape(4 * H, -1)
    dz, dx = np.empty((4 * H, T, B), W.dtype), np.empty((T, B, D), W.dtype)
    for steps in _blocks(T, 6 * tanh_c[0].nbytes):
        local = _local_derivatives(tape, steps)
        dinputs = np.empty((len(local), D + H, B), W.dtype)
        if P is None:
            dh, dc = _run_steps_back(W, local, dinputs, dhs[steps], dh, dc)
        else:
            dh, dc = _run_peephole_steps_back(W, P, local, dinputs, dhs[steps], dh, dc)
        dz[:, steps] = local[:, 1:5].reshape(-1, 4 * H, B).swapaxes(0, 1)
        dx[steps] = dinputs[:, :D].transpose(0, 2, 1)
    # One product for all steps and for W_ih, b and W_hh at once, in place of 3T small ones.
    dW = dz.reshape(4 * H, -1) @ inputs[:-1].swapaxes(0, 1).reshape(-1, T * B).T
    dW = dW.reshape(4, H, -1)[OUTWARD].reshape(4 * H, -1)
    grads = dx, dh.T.copy(), dc.T.copy(), dW[:, :D].copy(), dW[:, D + 1 :].copy(), dW[:, D].copy()
    if P is None:
        return grads
    seen = zip((1, 0, 2), (gates[:-1], gates[1:], gates[:-1]), strict=True)  # by i, o and f
    dz = dz.reshape(4, H, T, B)
    return (*grads, np.concatenate([np.einsum("htb,thb->h", dz[k], c[:, 4]) for k, c in seen]))


def _blocks(T: int, step_bytes: int) -> list[slice]:
    """Cut T steps into blocks, last first, that fit the processor's cache: bulk work needs it."""
    size = max(1, CACHE_BYTES // step_bytes)
    return [slice(max(0, end - size), end) for end in range(T, 0, -size)]


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
        valid = _valid(len(tape.tanh_c), tape.lengths)[steps, None]
        local *= valid[:, None]
        local[:, 5] += ~valid
    return local


def _run_steps_back(
    W: Array, local: Array, dinputs: Array, dhs: Array, dh: Array, dc: Array
) -> tuple[Array, Array]:
    """Turn local derivatives into gradients, last step first: 5 calls a step."""
    T, _, H, B = local.shape
    W_T = W.T
    views = zip(
        dhs.transpose(0, 2, 1)[::-1],
        local[::-1, :2],
        local[::-1, 0],
        local[::-1, 2:],
        local[::-1, 5],
        local[::-1, 1:5].reshape(T, 4 * H, B),
        dinputs[::-1],
        dinputs[::-1, -H:],
        strict=True,
    )
    dh_total = np.empty_like(dh)
    for dh_out, from_dh, dc_total, from_dc, dc_prev, dz, du, dh_prev in views:
        np.add(dh, dh_out, dh_total)
        np.multiply(from_dh, dh_total, from_dh)
        np.add(dc_total, dc, dc_total)
        np.multiply(from_dc, dc_total, from_dc)
        np.dot(W_T, dz, du)
        dh, dc = dh_prev, dc_prev
    return dh, dc


def _run_peephole_steps_back(
    W: Array, P: Array, local: Array, dinputs: Array, dhs: Array, dh: Array, dc: Array
) -> tuple[Array, Array]:
    """Do the same where gates see the cell, whose gradient therefore comes from them too."""
    T, _, H, B = local.shape
    p_i, p_o, p_f = P.reshape(3, H, 1)
    for t in reversed(range(T)):
        local[t, :2] *= dh + dhs[t].T
        dc = dc + local[t, 0] + p_o * local[t, 1]
        local[t, 2:] *= dc
        dc = local[t, 5] + p_i * local[t, 2] + p_f * local[t, 3]
        dinputs[t] = W.T @ local[t, 1:5].reshape(4 * H, B)
        dh = dinputs[t, -H:]
    return dh, dc


def stack_forward(
    x: Array,
    h0: Array,
    c0: Array,
    layers: Sequence[Sequence[Weights]],
    lengths: Array | None = None,
) -> tuple[Array, tuple[Array, Array], list[list[Tape]]]:
    """Run layer upon layer, each in one direction or in both, as `torch.nn.LSTM` does.

    Parameters
    ----------
    x : array (T, B, D)
    h0, c0 : arrays (L, B, H)
        A state for each direction of each layer, L in all.
    layers : list of lists of (W_ih, W_hh, b)
        Each layer holds its one direction, forward in time, or its two, the second backward. A
        layer's D is what the layer below it puts out: H or 2H.
    lengths : int array (B,) or None
        As for `forward`; backward in time begins at each sequence's own end.

    Returns
    -------
    hs : array (T, B, H) or (T, B, 2H)
        The outputs of the last layer, both directions side by side.
    (h_T, c_T) : arrays (L, B, H)
        The states in which each direction of each layer ends.
    tapes : list of lists of Tape
        What `stack_backward` needs.

    Raises
    ------
    TypeError, ValueError
        As `forward`, or when a layer holds neither one nor two directions.
    """
    _check_stack(x, h0, c0, layers)
    states, ends, tapes = iter(zip(h0, c0, strict=True)), [], []
    for layer in layers:
        runs = [
            forward(_in_direction(k, x, lengths), *next(states), *weights, lengths=lengths)
            for k, weights in enumerate(layer)
        ]
        x = np.concatenate([_in_direction(k, r[0], lengths) for k, r in enumerate(runs)], axis=2)
        ends += [run[1] for run in runs]
        tapes.append([run[2] for run in runs])
    h_T, c_T = (np.stack(states) for states in zip(*ends, strict=True))
    return x, (h_T, c_T), tapes


def stack_backward(
    dhs: Array,
    tapes: Sequence[Sequence[Tape]],
    dh_T: Array | None = None,
    dc_T: Array | None = None,
) -> tuple[Array, Array, Array, list[list[Weights]]]:
    """Carry gradients back through all the layers of `stack_forward`.

    Parameters
    ----------
    dhs : array (T, B, H) or (T, B, 2H)
        Immediate gradient of the loss with respect to `hs`.
    tapes : list of lists of Tape
        From `stack_forward`.
    dh_T, dc_T : arrays (L, B, H) or None
        Further gradients, with respect to `h_T` and `c_T`.

    Returns
    -------
    dx : array (T, B, D)
    dh0, dc0 : arrays (L, B, H)
    grads : list of lists of (dW_ih, dW_hh, db)
        In the order of `layers`.

    Raises
    ------
    TypeError, ValueError
        For a wrong type or shape, NaN or infinity.
    """
    H, B = tapes[0][0].tanh_c.shape[1:]
    L = sum(map(len, tapes))
    arrays = _check.Arrays(T=len(tapes[0][0].tanh_c), B=B, H=H, L=L)
    arrays.check("dhs", dhs, "T B 2H" if len(tapes[-1]) == 2 else "T B H")
    zero = np.zeros((L, B, H), dhs.dtype)
    dh_T = zero if dh_T is None else arrays.check("dh_T", dh_T, "L B H")
    dc_T = zero if dc_T is None else arrays.check("dc_T", dc_T, "L B H")
    dh0, dc0 = np.empty_like(zero), np.empty_like(zero)
    grads: list[list[Weights]] = []
    for layer in reversed(tapes):
        L -= len(layer)
        dxs, dWs = [], []
        for k, (tape, dh) in enumerate(zip(layer, np.split(dhs, len(layer), axis=2), strict=True)):
            dh = _in_direction(k, dh, tape.lengths)
            dx, dh0[L + k], dc0[L + k], *dW = backward(dh, tape, dh_T[L + k], dc_T[L + k])
            dxs.append(_in_direction(k, dx, tape.lengths))
            dWs.append((dW[0], dW[1], dW[2]))
        dhs = np.sum(dxs, axis=0)
        grads.insert(0, dWs)
    return dhs, dh0, dc0, grads


def _in_direction(direction: int, x: Array, lengths: Array | None) -> Array:
    """Return `x` (T, B, …) as direction 0 reads it, or for 1 each sequence from its own end."""
    if direction == 0:
        return x
    if lengths is None:
        return x[::-1]
    t = np.arange(len(x))[:, None]
    return np.take_along_axis(x, np.where(t < lengths, lengths - 1 - t, t)[:, :, None], axis=0)


def _valid(T: int, lengths: Array) -> Array:
    """Return where a sequence still runs, (T, B)."""
    return np.arange(T)[:, None] < lengths


def _as_sequence(name: str, x: Array) -> Array:
    """Make a sequence of length 1 from one step's (B, D), so that both have one code path."""
    return _check.Arrays().check(name, x, "B D")[None]


def _check_arguments(
    x: Array,
    h0: Array,
    c0: Array,
    W_ih: Array,
    W_hh: Array,
    b: Array,
    P: Array | None,
    lengths: Array | None,
) -> None:
    arrays = _check.Arrays()
    arrays.check("x", x, "T B D")
    arrays.check("h0", h0, "B H")
    arrays.check("c0", c0, "B H")
    _check_weights(arrays, "", W_ih, W_hh, b)
    if P is not None:
        arrays.check("P", P, "3H")
    if lengths is not None:
        _check.lengths("lengths", lengths, *x.shape[:2])


def _check_weights(arrays: _check.Arrays, where: str, W_ih: Array, W_hh: Array, b: Array) -> None:
    arrays.check(f"{where}W_ih", W_ih, "4H D")
    arrays.check(f"{where}W_hh", W_hh, "4H H")
    arrays.check(f"{where}b", b, "4H")


def _check_gradients(
    dhs: Array | None, tape: Tape, dh_T: Array | None, dc_T: Array | None
) -> tuple[Array, Array, Array]:
    """Return all three gradients, none of them None, the last two as (H, B)."""
    if dhs is None and dh_T is None and dc_T is None:
        raise ValueError("dhs, dh_T, dc_T: expected at least one of them, got None for all")
    T, H, B = tape.tanh_c.shape
    arrays = _check.Arrays(dtype=tape.tanh_c.dtype, T=T, B=B, H=H)
    zero = np.zeros((B, H), tape.tanh_c.dtype)
    dhs = np.broadcast_to(zero, (T, B, H)) if dhs is None else arrays.check("dhs", dhs, "T B H")
    dh_T = zero if dh_T is None else arrays.check("dh_T", dh_T, "B H")
    dc_T = zero if dc_T is None else arrays.check("dc_T", dc_T, "B H")
    if tape.lengths is not None:  # h_T is a part of hs, at another step for each sequence
        dhs = np.where(_valid(T, tape.lengths)[:, :, None], dhs, zero)
        dhs[tape.lengths - 1, range(B)] += dh_T
        dh_T = zero
    return dhs, dh_T.T, dc_T.T


def _check_stack(x: Array, h0: Array, c0: Array, layers: Any) -> None:
    if not len(layers):
        raise ValueError("layers: expected at least one layer, got none")
    for k, layer in enumerate(layers):
        if len(layer) not in (1, 2):
            raise ValueError(f"layers[{k}]: expected one direction or two, got {len(layer)}")
    arrays = _check.Arrays(L=sum(map(len, layers)))
    arrays.check("x", x, "T B D")
    arrays.check("h0", h0, "L B H")
    arrays.check("c0", c0, "L B H")
    for k, layer in enumerate(layers):
        for j, weights in enumerate(layer):
            _check_weights(arrays, f"layers[{k}][{j}].", *weights)
        arrays.sizes["D"] = len(layer) * arrays.sizes["H"]
