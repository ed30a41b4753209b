"""Exercises of the chapter on speed: the share of the products, and one that needs no loop."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import regimes
from lstm_tutorial.exercises._reading import Array, Finding, Trouble

_SIZES = [
    *[(5, 10, 2, 3, 1e6, 1e-5, 6), (8, 7, 3, 4, 2e7, 3e-5, 5), (1, 1, 1, 1, 1e6, 1e-5, 1)],
    *[(64, 500, 128, 256, 1e11, 1e-6, 12), (1, 6, 4, 2, 3e5, 2e-4, 7)],
]

SHARE = by_edits(
    "share(B, T, D, H, rate, price, calls) -> number, the part of the time of the products",
    {"share": ""},
    [dict(zip(["B", "T", "D", "H", "rate", "price", "calls"], s, strict=True)) for s in _SIZES],
    """
    forward = 4 * H * (D + H) * T * B * 2
    products = 3 * forward / rate
    overhead = T * calls * price
    return products / (products + overhead)
    """,
    listed("""
    in percent: 100 * products / (products + overhead) | It is a part, from 0 to 1.
    backward pass missing: 3 * forward -> forward | Training takes three times the forward pass.
    forward pass missing: 3 * forward -> 2 * forward | Training takes three times the forward pass.
    products counted, not operations: T * B * 2 -> T * B | An addition counts, too.
    share of the calls: overhead / (products + overhead) | The share of the products is asked for.
    products over calls: products / overhead | Below stands the whole time.
    calls for each sequence: T * calls -> B * T * calls | One call serves the whole batch.
    bias counted: (D + H) -> (D + H + 1) | Only the products are asked for.
    """),
    "fast",
)


class _Counting(np.ndarray):
    """An array that counts the matrix products it takes part in."""

    __array_priority__ = 1  # so that joined arrays count, too
    products = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        _Counting.products += ufunc.__name__ in ("matmul", "matvec", "vecmat")
        plain = [np.asarray(a) if isinstance(a, _Counting) else a for a in inputs]
        if "out" in options:
            options["out"] = tuple(np.asarray(a) for a in options["out"])
        return np.asarray(getattr(ufunc, method)(*plain, **options)).view(_Counting)

    def __array_function__(self, func: Any, types: Any, args: Any, options: Any) -> Any:
        _Counting.products += func.__name__ in ("dot", "einsum", "inner", "tensordot")
        return super().__array_function__(func, types, args, options)

    def dot(self, other: Any, out: Any = None) -> Any:
        _Counting.products += 1
        return np.asarray(self).dot(np.asarray(other), out).view(_Counting)


def _products(fn: Callable[..., Any], x: Array, *rest: Array) -> int:
    """Return the number of matrix products of a call."""
    _Counting.products = 0
    fn(*(a.view(_Counting) for a in (x, *rest)))
    return _Counting.products


def _leaky(x: Array, h: Array, W_ih: Array, W_hh: Array, b: Array) -> Array:
    hs = []
    for x_t in x:
        h = 0.9 * h + 0.1 * np.tanh(x_t @ W_ih.T + h @ W_hh.T + b)
        hs.append(h)
    return np.stack(hs)


def _with_one_product(fn: Callable[..., Any], *arguments: Any) -> Any:
    """Count the products of a step where the numbers are right."""
    returned, (x, *rest) = fn(*arguments), arguments
    got = np.asarray(returned)
    with suppress(TypeError, ValueError):
        if got.shape == (*x.shape[:2], len(rest[-1])) and np.allclose(got, _leaky(*arguments)):
            longer = np.concatenate([x, x, x])
            more = _products(fn, longer, *rest) - _products(fn, x, *rest)
            if more >= 4 * len(x):
                says = f"The numbers are right, and {more / (2 * len(x)):.0f} matrix products are "
                says += "done at each step. The one of x needs no state: do it before the loop."
                raise Trouble(Finding("two products a step", says, (), "fast"))
    return returned


HOISTED = by_edits(
    "hoisted(x, h, W_ih, W_hh, b) -> array (T, B, H), all states",
    {"hs": "T B H"},
    regimes(330, {"x": "T B D", "h": "B H", "W_ih": "H D", "W_hh": "H H", "b": "H"}),
    """
    hs, start = [h], h
    for z_x in x @ W_ih.T + b:
        z = z_x + hs[-1] @ W_hh.T
        hs.append(0.9 * hs[-1] + 0.1 * np.tanh(z))
    return np.stack(hs[1:])
    """,
    listed("""
    bias left out: @ W_ih.T + b -> @ W_ih.T | b belongs to every pre-activation.
    bias twice: @ W_ih.T + b -> @ W_ih.T + 2 * b | b is added before the loop and in it.
    tanh before the loop: for z_x in x @ W_ih.T + b -> for z_x in np.tanh(x @ W_ih.T + b) |
        tanh is taken of the input's part, too. It belongs to the sum.
    h_0 at every step: z_x + hs[-1] -> z_x + start |
        The product of the state is taken of h_0 at each step. It needs the newest state.
    state's part from h_0: 0.9 * hs[-1] -> 0.9 * start | 0.9 belongs to the newest state.
    0.9 and 0.1 exchanged: 0.9 * hs -> 0.1 * hs && + 0.1 * np -> + 0.9 * np |
        0.9 belongs to the old state.
    leak left out: 0.9 * hs[-1] + 0.1 * np.tanh(z) -> np.tanh(z) | The old state keeps 0.9.
    0.1 inside of tanh: 0.1 * np.tanh(z) -> np.tanh(0.1 * z) | 0.1 is taken of tanh's value.
    leak inside of tanh: 0.9 * hs[-1] + 0.1 * np.tanh(z) -> np.tanh(0.9 * hs[-1] + 0.1 * z) |
        The leak comes after tanh.
    0.1 left out: 0.1 * np.tanh(z) -> np.tanh(z) | tanh's value counts for 0.1.
    h_0 among the states: hs[1:] -> hs | The states begin with the one after the first step.
    tanh left out: 0.1 * np.tanh(z) -> 0.1 * z | tanh is missing.
    state without its product: hs[-1] @ W_hh.T -> hs[-1] | The state has to go through W_hh.
    state missing: z_x + hs[-1] @ W_hh.T -> z_x | The pre-activation holds the state's product.
    W_hh not transposed: W_hh.T -> W_hh | W_hh is used as it stands, not transposed.
    """),
    "fast",
    ask=_with_one_product,
)

KINDS = {"share_of_products": SHARE, "rnn.hoisted": HOISTED}
