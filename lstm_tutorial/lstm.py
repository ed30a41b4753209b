"""The LSTM in NumPy, with its backward pass derived by hand.

One layer with a forget gate (Hochreiter & Schmidhuber, 1997; Gers, Schmidhuber & Cummins, 2000):

    i = σ(W_i x_t + U_i h_{t-1} + b_i),    f = σ(W_f x_t + U_f h_{t-1} + b_f),
    g = tanh(W_g x_t + U_g h_{t-1} + b_g),  o = σ(W_o x_t + U_o h_{t-1} + b_o),
    c_t = f c_{t-1} + i g,                  h_t = o tanh(c_t).

The four W lie above one another in `W_ih`, the four U in `W_hh` and the four b in `b`, in
PyTorch's order i, f, g, o. Time runs first: inputs `x` are ``(T, B, D)``, states ``(B, H)``.
Arrays are float32 or float64, all of one type; none is ever changed.

`step`, `step_backward`, `forward_plain` and `backward_plain` are these equations and their
derivatives, line by line. `forward` and `backward` compute the same several times faster, in loops
of another order (`_engine.py`), and also know peepholes and sequences of different lengths.

The module is long because most functions stand here with shapes and errors, and each pass twice.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_tutorial import _check, _engine
from lstm_tutorial._engine import Tape
from lstm_tutorial.rnn import sigmoid

Array = np.ndarray
Weights = tuple[Array, Array, Array]
Memory = tuple[Array, Array, Array]


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

    See Also
    --------
    forward_plain : The same for all steps of a sequence.
    """
    _check_step(x, h_prev, c_prev, W_ih, W_hh, b)
    i, f, g, o = _gates(x, h_prev, W_ih, W_hh, b)
    c = f * c_prev + i * g
    return o * np.tanh(c), c


def _gates(x: Array, h_prev: Array, W_ih: Array, W_hh: Array, b: Array) -> tuple[Array, ...]:
    z = x @ W_ih.T + h_prev @ W_hh.T + b
    z_i, z_f, z_g, z_o = np.split(z, 4, axis=1)
    return sigmoid(z_i), sigmoid(z_f), np.tanh(z_g), sigmoid(z_o)


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
        What all that comes after this step asks of its two results.
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

    See Also
    --------
    backward_plain : The same for all steps of a sequence, last step first.
    """
    arrays = _check_step(x, h_prev, c_prev, W_ih, W_hh, b)
    arrays.check("dh", dh, "B H")
    arrays.check("dc", dc, "B H")
    i, f, g, o = _gates(x, h_prev, W_ih, W_hh, b)
    tanh_c = np.tanh(f * c_prev + i * g)
    dc = dc + dh * o * (1 - tanh_c**2)  # c reaches the loss also through h
    dz_i = dc * g * i * (1 - i)
    dz_f = dc * c_prev * f * (1 - f)
    dz_g = dc * i * (1 - g**2)
    dz_o = dh * tanh_c * o * (1 - o)
    dz = np.concatenate([dz_i, dz_f, dz_g, dz_o], axis=1)
    dx, dh_prev, dc_prev = dz @ W_ih, dz @ W_hh, dc * f
    return dx, dh_prev, dc_prev, dz.T @ x, dz.T @ h_prev, dz.sum(axis=0)


def forward_plain(
    x: Array, h0: Array, c0: Array, W_ih: Array, W_hh: Array, b: Array
) -> tuple[Array, tuple[Array, Array], list[Memory]]:
    """Run the layer over a batch of sequences, one `step` after the other.

    Parameters
    ----------
    x : array (T, B, D)
    h0, c0 : arrays (B, H)
    W_ih, W_hh, b : arrays (4H, D), (4H, H), (4H,)

    Returns
    -------
    hs : array (T, B, H)
        The state h after every step.
    (h_T, c_T) : arrays (B, H)
        Both states after the last step.
    memories : list of (x_t, h_{t-1}, c_{t-1})
        What every step has read; `backward_plain` computes the gates from it once more.

    Raises
    ------
    TypeError, ValueError
        For a wrong type, rank or size, an empty array, NaN or infinity.

    See Also
    --------
    forward : The same numbers, several times faster.
    """
    _check_arguments(x, h0, c0, W_ih, W_hh, b)
    h, c = h0, c0
    hs, memories = [], []
    for x_t in x:
        memories.append((x_t, h, c))
        h, c = step(x_t, h, c, W_ih, W_hh, b)
        hs.append(h)
    return np.stack(hs), (h, c), memories


def backward_plain(
    dhs: Array,
    memories: Sequence[Memory],
    W_ih: Array,
    W_hh: Array,
    b: Array,
    dh_T: Array,
    dc_T: Array,
) -> tuple[Array, ...]:
    """Backpropagation through time, one `step_backward` after the other, last step first.

    Parameters
    ----------
    dhs : array (T, B, H)
        Immediate gradient of the loss with respect to each output `hs[t]`.
    memories
        From `forward_plain`.
    W_ih, W_hh, b : arrays (4H, D), (4H, H), (4H,)
        The weights that `forward_plain` was given.
    dh_T, dc_T : arrays (B, H)
        Further gradients, with respect to `h_T` and `c_T`.

    Returns
    -------
    dx, dh0, dc0, dW_ih, dW_hh, db
        Gradients, each of the shape of what it is the gradient of.

    Raises
    ------
    TypeError, ValueError
        For a wrong type, rank or size, NaN or infinity.

    See Also
    --------
    backward : The same numbers, several times faster.
    """
    _check.Arrays(T=len(memories)).check("dhs", dhs, "T B H")
    dh, dc = dh_T, dc_T
    dxs, dW_ih, dW_hh, db = [], np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(b)
    for dh_out, memory in zip(dhs[::-1], memories[::-1], strict=True):
        dx, dh, dc, *shares = step_backward(dh + dh_out, dc, *memory, W_ih, W_hh, b)
        dxs.append(dx)
        dW_ih, dW_hh, db = dW_ih + shares[0], dW_hh + shares[1], db + shares[2]
    return np.stack(dxs[::-1]), dh, dc, dW_ih, dW_hh, db


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

    See Also
    --------
    forward_plain : The equations as they stand.
    """
    _check_arguments(x, h0, c0, W_ih, W_hh, b, P, lengths)
    return _engine.forward(x, h0, c0, W_ih, W_hh, b, P, lengths)


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

    See Also
    --------
    backward_plain : The derivation line by line.
    """
    dhs, dh, dc = _check_gradients(dhs, tape, dh_T, dc_T)
    return _engine.backward(dhs, tape, dh, dc)


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


def _check_step(
    x: Array, h_prev: Array, c_prev: Array, W_ih: Array, W_hh: Array, b: Array
) -> _check.Arrays:
    arrays = _check.Arrays()
    arrays.check("x", x, "B D")
    arrays.check("h_prev", h_prev, "B H")
    arrays.check("c_prev", c_prev, "B H")
    _check_weights(arrays, "", W_ih, W_hh, b)
    return arrays


def _check_arguments(
    x: Array,
    h0: Array,
    c0: Array,
    W_ih: Array,
    W_hh: Array,
    b: Array,
    P: Array | None = None,
    lengths: Array | None = None,
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
        dhs = dhs.copy()
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
