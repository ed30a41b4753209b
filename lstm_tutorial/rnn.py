"""The vanilla recurrent network in NumPy, with its backward pass derived by hand.

One set of weights is used at every step (Elman, 1990):

    h_t = φ(W_ih x_t + W_hh h_{t-1} + b),    φ = tanh or the logistic sigmoid.

Time runs first: inputs `x` are ``(T, B, D)``, states ``(B, H)``. Arrays are float32 or float64,
all of one type; none is ever changed.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lstm_tutorial import _check

Array = np.ndarray


def sigmoid(z: Array) -> Array:
    """Return the logistic function 1 / (1 + exp(-z)), written so that no `z` overflows."""
    return 0.5 * np.tanh(0.5 * z) + 0.5


# Each nonlinearity with its slope, written in terms of its own value h = φ(z).
NONLINEARITIES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda h: 1 - h * h),
    "sigmoid": (sigmoid, lambda h: h * (1 - h)),
}


class Tape(NamedTuple):
    """What `forward` remembers for `backward`: no copies, so leave the weights alone in between.

    Attributes
    ----------
    x : array (T, B, D)
    hs : array (T + 1, B, H)
        h_0 first, then the state after each step.
    W_ih, W_hh : arrays (H, D) and (H, H)
    nonlinearity : str
    """

    x: Array
    hs: Array
    W_ih: Array
    W_hh: Array
    nonlinearity: str

    @property
    def slope(self) -> Array:
        """Return φ'(z_t) of every step, (T, B, H)."""
        return NONLINEARITIES[self.nonlinearity][1](self.hs[1:])


def init(
    input_size: int,
    hidden_size: int,
    rng: np.random.Generator | int,
    dtype: type = np.float64,
) -> tuple[Array, Array, Array]:
    """Draw the weights of a layer, uniform in ±1/√H as `torch.nn.RNN` does.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H, at least 1.
    rng : numpy Generator or int
        The source of randomness, or a seed for one.
    dtype : numpy.float64 or numpy.float32

    Returns
    -------
    W_ih, W_hh, b : arrays (H, D), (H, H), (H,)

    Raises
    ------
    TypeError, ValueError
        For a size below 1, an unknown `dtype`, or an `rng` that is neither.
    """
    D = _check.positive_int("input_size", input_size)
    H = _check.positive_int("hidden_size", hidden_size)
    rng = _check.generator("rng", rng)
    _check.floating("dtype", np.empty(0, dtype))
    bound = 1 / np.sqrt(H)

    def uniform(*shape: int) -> Array:
        return rng.uniform(-bound, bound, shape).astype(dtype)

    return uniform(H, D), uniform(H, H), uniform(H)


def step(
    x: Array, h_prev: Array, W_ih: Array, W_hh: Array, b: Array, nonlinearity: str = "tanh"
) -> Array:
    """Advance the state by one step.

    Parameters
    ----------
    x : array (B, D)
    h_prev : array (B, H)
    W_ih, W_hh, b : arrays (H, D), (H, H), (H,)
    nonlinearity : {"tanh", "sigmoid"}

    Returns
    -------
    h : array (B, H)

    Raises
    ------
    TypeError, ValueError
        For a wrong type, rank or size, an empty array, NaN or infinity.
    """
    return forward(_as_sequence("x", x), h_prev, W_ih, W_hh, b, nonlinearity)[1]


def step_backward(
    dh: Array,
    x: Array,
    h_prev: Array,
    W_ih: Array,
    W_hh: Array,
    b: Array,
    nonlinearity: str = "tanh",
) -> tuple[Array, Array, Array, Array, Array]:
    """Carry the gradient `dh` of the loss with respect to `h` back through one `step`.

    Parameters
    ----------
    dh : array (B, H)
    x, h_prev, W_ih, W_hh, b, nonlinearity
        The arguments of `step`.

    Returns
    -------
    dx, dh_prev, dW_ih, dW_hh, db
        Gradients, each of the shape of what it is the gradient of.

    Raises
    ------
    TypeError, ValueError
        As `step`.
    """
    _, _, tape = forward(_as_sequence("x", x), h_prev, W_ih, W_hh, b, nonlinearity)
    dx, *rest = backward(None, tape, dh_T=dh)
    return (dx[0], *rest)  # type: ignore[return-value]


def forward(
    x: Array, h0: Array, W_ih: Array, W_hh: Array, b: Array, nonlinearity: str = "tanh"
) -> tuple[Array, Array, Tape]:
    """Run the network over a batch of sequences.

    Parameters
    ----------
    x : array (T, B, D)
    h0 : array (B, H)
    W_ih, W_hh, b : arrays (H, D), (H, H), (H,)
    nonlinearity : {"tanh", "sigmoid"}

    Returns
    -------
    hs : array (T, B, H)
        The state after every step.
    h_T : array (B, H)
        The last of them.
    tape : Tape
        What `backward` needs.

    Raises
    ------
    TypeError, ValueError
        For a wrong type, rank or size, an empty array, NaN or infinity.
    """
    _check.choice("nonlinearity", nonlinearity, list(NONLINEARITIES))
    arrays = _check.Arrays()
    named = {"x": (x, "T B D"), "h0": (h0, "B H"), "W_ih": (W_ih, "H D"), "W_hh": (W_hh, "H H")}
    for name, (value, axes) in {**named, "b": (b, "H")}.items():
        arrays.check(name, value, axes)
    squash = NONLINEARITIES[nonlinearity][0]
    hs = np.empty((len(x) + 1, *h0.shape), x.dtype)
    hs[0] = h0
    z = x @ W_ih.T + b  # every step's input part at once: only the state must wait its turn
    for t in range(len(x)):
        hs[t + 1] = squash(z[t] + hs[t] @ W_hh.T)
    return hs[1:].copy(), hs[-1].copy(), Tape(x, hs, W_ih, W_hh, nonlinearity)


def backward(
    dhs: Array | None, tape: Tape, dh_T: Array | None = None
) -> tuple[Array, Array, Array, Array, Array]:
    """Backpropagation through time (Werbos, 1990): the gradients of a loss of all states.

    Parameters
    ----------
    dhs : array (T, B, H) or None
        Immediate gradient of the loss with respect to each output `hs[t]`; None for none.
    tape : Tape
        From `forward`.
    dh_T : array (B, H) or None
        A further gradient, with respect to `h_T`.

    Returns
    -------
    dx, dh0, dW_ih, dW_hh, db
        Gradients, each of the shape of what it is the gradient of.

    Raises
    ------
    TypeError, ValueError
        For a wrong type or shape, NaN or infinity, or when neither gradient is given.
    """
    x, hs, W_ih, W_hh, _ = tape
    T, B, H = hs[1:].shape
    if dhs is None and dh_T is None:
        raise ValueError("dhs, dh_T: expected at least one of them, got None for both")
    arrays = _check.Arrays()
    arrays.check("tape.hs", hs[1:], "T B H")
    if dhs is not None:
        arrays.check("dhs", dhs, "T B H")
    dh = np.zeros_like(hs[0]) if dh_T is None else arrays.check("dh_T", dh_T, "B H")
    dz = tape.slope
    for t in reversed(range(T)):
        if dhs is not None:
            dh = dh + dhs[t]
        dz[t] *= dh  # through the nonlinearity
        dh = dz[t] @ W_hh  # to the state before
    flat = dz.reshape(T * B, H)
    dW_ih = flat.T @ x.reshape(T * B, -1)
    dW_hh = flat.T @ hs[:-1].reshape(T * B, H)
    return dz @ W_ih, dh, dW_ih, dW_hh, flat.sum(axis=0)


def _as_sequence(name: str, x: Array) -> Array:
    """Make a sequence of length 1 from one step's (B, D), so that both have one code path."""
    return _check.Arrays().check(name, x, "B D")[None]
