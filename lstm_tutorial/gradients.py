"""Gradients looked at: measured by differences, checked, clipped, followed through time.

Functions of a few lines each; more than half of the file is what they say of themselves.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from lstm_tutorial import _check

Array = np.ndarray


class Recorded(Protocol):
    """What `by_lag` reads of a tape: states, slopes and recurrent weights."""

    @property
    def hs(self) -> Array:
        """States, (T + 1, B, H)."""

    @property
    def slope(self) -> Array:
        """Slopes of the nonlinearity, (T, B, H)."""

    @property
    def W_hh(self) -> Array:
        """Recurrent weights, (H, H)."""


class RecordedCell(Protocol):
    """What `cell_jacobian` and `cell_by_lag` read of a tape: `lstm.Tape` has it all."""

    @property
    def gates(self) -> Array:
        """Gates o, i, f, g and c_{t-1}, (T + 1, 5, H, B)."""

    @property
    def tanh_c(self) -> Array:
        """tanh(c_t), (T, H, B)."""

    @property
    def W_hh(self) -> Array:
        """Recurrent weights in the order i, f, g, o, (4H, H)."""

    @property
    def P(self) -> Array | None:
        """None: peephole weights are not followed."""

    @property
    def lengths(self) -> Array | None:
        """None: padded sequences are not followed."""


def numerical(f: Callable[..., float], arrays: Sequence[Array], step: float = 1e-5) -> list[Array]:
    """Measure the gradient of `f` by central differences, one entry at a time.

    The curve of `f` brings an error of order step², rounding one of order 1e-16 / step: a step
    near 1e-5 balances the two.

    Parameters
    ----------
    f : callable
        Takes the arrays, in order, and returns a number.
    arrays : sequence of float64 arrays
        Where to measure; left as they are.
    step : float
        Distance to each side.

    Returns
    -------
    list of arrays
        The derivative of `f` with respect to each entry, in the shapes of `arrays`.

    Raises
    ------
    TypeError, ValueError
        If an array is not float64 (differences drown in float32's rounding) or not finite.
    """
    _check.positive_float("step", step)
    _check.function("f", f)
    _check.instance("arrays", arrays, Sequence, "a list of arrays")
    arrays = [_double(f"arrays[{k}]", a).copy() for k, a in enumerate(arrays)]
    grads = [np.empty_like(a) for a in arrays]
    for array, grad in zip(arrays, grads, strict=True):
        for i in np.ndindex(array.shape):
            here = array[i]
            array[i] = here + step
            above = f(*arrays)
            array[i] = here - step
            grad[i] = (above - f(*arrays)) / (2 * step)
            array[i] = here
    return grads


def relative_error(a: Array, b: Array) -> float:
    """Return ‖a − b‖ / max(‖a‖, ‖b‖): 0 for equal arrays, up to 2 for opposite ones.

    Parameters
    ----------
    a, b : arrays of one shape, or what NumPy makes arrays of

    Raises
    ------
    TypeError, ValueError
        For what is no array of numbers or of another shape, NaN or infinity.
    """
    a, b = (_numbers(name, value) for name, value in (("a", a), ("b", b)))
    if a.shape != b.shape:
        raise ValueError(f"b: expected the shape of a, {a.shape}, got {b.shape}")
    scale = max(np.linalg.norm(a), np.linalg.norm(b))
    return float(np.linalg.norm(a - b) / scale) if scale else 0.0


def check(f: Callable[..., float], arrays: Sequence[Array], grads: Sequence[Array]) -> list[float]:
    """Compare gradients with `numerical` ones.

    Parameters
    ----------
    f, arrays
        As for `numerical`.
    grads : sequence of arrays
        The gradients to be tested, in the order of `arrays`.

    Returns
    -------
    list of float
        The relative error of each: near 1e-9 for a right gradient, above 1e-4 for a wrong one.

    Raises
    ------
    TypeError, ValueError
        As `numerical`, or when a gradient's shape is not its array's.
    """
    for name, value in (("arrays", arrays), ("grads", grads)):
        _check.instance(name, value, Sequence, "a list of arrays")
    if len(grads) != len(arrays):
        raise ValueError(f"grads: expected {len(arrays)} arrays, got {len(grads)}")
    for k, (array, grad) in enumerate(zip(arrays, grads, strict=True)):
        if np.shape(grad) != np.shape(array):
            raise ValueError(f"grads[{k}]: expected shape {array.shape}, got {np.shape(grad)}")
    measured = numerical(f, arrays)
    return [relative_error(g, m) for g, m in zip(grads, measured, strict=True)]


def global_norm(grads: Sequence[Array]) -> float:
    """Return the Euclidean norm of all entries of all arrays taken as one vector.

    Parameters
    ----------
    grads : sequence of arrays

    Raises
    ------
    TypeError, ValueError
        For what is no list of arrays, an empty one, NaN or infinity.
    """
    grads = _checked("grads", grads)
    return float(np.sqrt(sum(np.square(g, dtype=np.float64).sum() for g in grads)))


def clip_by_norm(grads: Sequence[Array], max_norm: float) -> tuple[list[Array], float]:
    """Scale all gradients by one factor so that their global norm is at most `max_norm`.

    The direction is kept (Pascanu, Mikolov & Bengio, 2013, algorithm 1). The factor is
    max_norm / (norm + 1e-6), never above 1, as in `torch.nn.utils.clip_grad_norm_`.

    Parameters
    ----------
    grads : sequence of arrays
        Left as they are.
    max_norm : float
        Above 0.

    Returns
    -------
    clipped : list of arrays
    norm : float
        The global norm before clipping.

    Raises
    ------
    TypeError, ValueError
        For a bad `max_norm`, or gradients that are not finite: no factor mends those.
    """
    max_norm = _check.positive_float("max_norm", max_norm)
    norm = global_norm(grads)
    factor = min(1.0, max_norm / (norm + 1e-6))
    return [g * g.dtype.type(factor) for g in grads], norm


def clip_by_value(grads: Sequence[Array], clip_value: float) -> list[Array]:
    """Cut every entry to ±`clip_value` by itself, as `torch.nn.utils.clip_grad_value_` does.

    The direction of the gradient changes wherever an entry is cut.

    Parameters
    ----------
    grads : sequence of arrays
        Left as they are.
    clip_value : float
        Above 0.

    Returns
    -------
    list of arrays

    Raises
    ------
    TypeError, ValueError
        For a bad `clip_value`, or gradients that are not finite.
    """
    clip_value = _check.positive_float("clip_value", clip_value)
    return [np.clip(g, -clip_value, clip_value) for g in _checked("grads", grads)]


def angle(a: Sequence[Array], b: Sequence[Array]) -> float:
    """Return the angle between two gradients, each taken as one vector, in degrees.

    Parameters
    ----------
    a, b : sequences of arrays

    Raises
    ------
    TypeError, ValueError
        For what is no list of arrays, an empty one, NaN or infinity, and where one is zero.
    """
    a_flat, b_flat = (
        np.concatenate([g.ravel() for g in _checked(name, value)])
        for name, value in (("a", a), ("b", b))
    )
    lengths = np.linalg.norm(a_flat), np.linalg.norm(b_flat)
    if not all(lengths):
        raise ValueError("a, b: expected vectors that are not zero, for zero has no direction")
    # atan2 of the difference and the sum of the unit vectors is exact for small angles too,
    # where arccos of a product near 1 would lose half the digits (Kahan, 2006).
    a_unit, b_unit = a_flat / lengths[0], b_flat / lengths[1]
    half = np.arctan2(np.linalg.norm(a_unit - b_unit), np.linalg.norm(a_unit + b_unit))
    return float(np.degrees(2 * half))


def by_lag(dh_T: Array, tape: Recorded) -> Array:
    """Follow a gradient back through the states of a vanilla network.

    Parameters
    ----------
    dh_T : array (B, H)
        Gradient of the loss with respect to the last state.
    tape : rnn.Tape

    Returns
    -------
    array (T + 1, B)
        ‖∂L/∂h_{T-k}‖ for k = 0, …, T; no other step adds to it.

    Raises
    ------
    TypeError, ValueError
        If `dh_T` does not fit the tape.
    """
    arrays = _check.Arrays()
    arrays.check("tape.hs", tape.hs[1:], "T B H")
    dh = arrays.check("dh_T", dh_T, "B H")
    norms = [np.linalg.norm(dh, axis=1)]
    for slope in tape.slope[::-1]:
        dh = (dh * slope) @ tape.W_hh
        norms.append(np.linalg.norm(dh, axis=1))
    return np.array(norms)


def cell_jacobian(tape: RecordedCell, s: int, t: int) -> tuple[Array, Array]:
    """Split the derivative of the cell state c_t by c_s into the carousel and the gate paths.

    The carousel is the path along the cell state alone, the product of the forget gates between.
    The gate paths are all others: they leave the cell through some h and come back through the
    gates and the candidate of the step after it. The two parts are computed each by its own
    recurrence, forward in time; their sum is the whole derivative.

    Parameters
    ----------
    tape : lstm.Tape
        Of a run without peepholes and lengths.
    s, t : int
        0 <= s <= t <= T; state 0 is the initial one, on which h_0 does not depend.

    Returns
    -------
    carousel : array (B, H)
        The diagonal of the first part, a matrix that has nothing beside it.
    gates : array (B, H, H)
        The second part; a row to each unit of c_t, a column to each unit of c_s.

    Raises
    ------
    TypeError, ValueError
        If the tape has peepholes or lengths, or s and t are not two steps in order.
    """
    T, H, B = _cell_sizes(tape)
    s, t = _step("s", s, 0, T), _step("t", t, s, T)
    W = tape.W_hh.reshape(4, 1, H, H)
    carousel = np.ones((B, H), tape.W_hh.dtype)
    gates = np.zeros((B, H, H), tape.W_hh.dtype)
    eye = np.eye(H, dtype=tape.W_hh.dtype)
    dh = eye * (_cell_slopes(tape, s)[2].T[:, :, None] if s else 0)
    for k in range(s + 1, t + 1):
        into, f, out = _cell_slopes(tape, k)
        through = into.transpose(0, 2, 1)[..., None] * (W @ dh)
        carousel = carousel * f.T
        gates = f.T[:, :, None] * gates + through[:3].sum(axis=0)
        dh = out.T[:, :, None] * (gates + eye * carousel[:, :, None]) + through[3]
    return carousel, gates


def cell_by_lag(
    tape: RecordedCell, dh_T: Array | None = None, dc_T: Array | None = None
) -> tuple[Array, Array]:
    """Follow a gradient back through the cell states, split as `cell_jacobian` splits.

    Parameters
    ----------
    tape : lstm.Tape
        Of a run without peepholes and lengths.
    dh_T, dc_T : arrays (B, H) or None
        Gradients of the loss with respect to the last states; at least one. What `dh_T` sends to
        c_T counts as carousel, what it sends to the last output gate as gate path.

    Returns
    -------
    carousel, gates : arrays (T + 1, B, H)
        Entry k holds the two parts of ∂L/∂c_{T-k}; no other step adds to it.

    Raises
    ------
    TypeError, ValueError
        If the gradients do not fit the tape, both are None, or the tape has peepholes or lengths.
    """
    T, H, B = _cell_sizes(tape)
    if dh_T is None and dc_T is None:
        raise ValueError("dh_T, dc_T: expected at least one of them, got None for both")
    arrays = _check.Arrays(dtype=tape.W_hh.dtype, B=B, H=H)
    zero = np.zeros((B, H), tape.W_hh.dtype)
    dh = (zero if dh_T is None else arrays.check("dh_T", dh_T, "B H")).T
    dc = (zero if dc_T is None else arrays.check("dc_T", dc_T, "B H")).T
    carousel, gates = np.zeros((2, T + 1, H, B), zero.dtype)
    carousel[0] = dc + _cell_slopes(tape, T)[2] * dh
    for lag in range(T):
        into, f, _ = _cell_slopes(tape, T - lag)
        into[:3] *= carousel[lag] + gates[lag]
        into[3] *= dh
        dh = tape.W_hh.T @ into.reshape(4 * H, B)
        carousel[lag + 1] = f * carousel[lag]
        gates[lag + 1] = f * gates[lag]
        if lag + 1 < T:  # h_0 does not come from c_0
            gates[lag + 1] += _cell_slopes(tape, T - lag - 1)[2] * dh
    return carousel.swapaxes(1, 2), gates.swapaxes(1, 2)


def _cell_slopes(tape: RecordedCell, k: int) -> tuple[Array, Array, Array]:
    """Return the derivatives within step k, 1 to T.

    Of c_k by z_i, z_f, z_g and of h_k by z_o, stacked (4, H, B); of c_k by c_{k-1}, the forget
    gate; of h_k by c_k.
    """
    (o, i, f, g, c_prev), tanh_c = tape.gates[k - 1], tape.tanh_c[k - 1]
    into = [g * i * (1 - i), c_prev * f * (1 - f), i * (1 - g * g), tanh_c * o * (1 - o)]
    return np.stack(into), f, o * (1 - tanh_c * tanh_c)


def _cell_sizes(tape: RecordedCell) -> tuple[int, ...]:
    """Return T, H and B of a tape that has neither peepholes nor lengths."""
    for name in ("P", "lengths"):
        if getattr(tape, name) is not None:
            raise ValueError(f"tape.{name}: expected None, for the split is not worked out for it")
    return tape.tanh_c.shape


def _step(name: str, value: int, low: int, high: int) -> int:
    value = _check.integer(name, value)
    if not low <= value <= high:
        raise ValueError(f"{name}: expected a step from {low} to {high}, got {value}")
    return value


def _numbers(name: str, value: Any) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected an array of numbers, got {type(value).__name__}")
    _check.all_finite(name, array)
    return array


def _double(name: str, value: Any) -> Array:
    if _check.floating(name, value).dtype != np.float64:
        raise TypeError(f"{name}: expected float64, got {value.dtype}")
    _check.all_finite(name, value)
    return value


def _checked(name: str, grads: Sequence[Array]) -> list[Array]:
    if not isinstance(grads, list | tuple) or not grads:
        empty = "an empty " if isinstance(grads, list | tuple) else ""
        got = f"{empty}{type(grads).__name__}"
        raise TypeError(f"{name}: expected a non-empty list of arrays, got {got}")
    for k, g in enumerate(grads):
        _check.all_finite(f"{name}[{k}]", _check.floating(f"{name}[{k}]", g))
    return list(grads)
