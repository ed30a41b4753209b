"""The vanilla network with switches, as `_mistakes_lstm` and `_mistakes_lstm_time`."""

from typing import Any

import numpy as np

from lstm_tutorial.exercises._exercise import Array, Kind, Mistake, Mistakes, draw, pick
from lstm_tutorial.exercises._lstm_time import (
    LOOP,
    LOOP_BACK,
    inputs,
    order_in_time,
    seen,
    shares_in_time,
    total,
)
from lstm_tutorial.rnn import sigmoid

NONE: Mistakes = frozenset()

STEP = {
    "not squashed": Mistake(
        "The sum is returned as it is. It goes through tanh.", "sequences", "squash"
    ),
    "squashed by σ": Mistake(
        "You applied the logistic function. Here the state is squashed by tanh.",
        "sequences",
        "squash",
    ),
    "b left out": Mistake("The bias b is not added.", "sequences", "b"),
    "h left out": Mistake(
        "The new state does not see the old one: add h_prev @ W_hh.T.", "sequences", "h"
    ),
    "x left out": Mistake(
        "The new state does not see the input: add x @ W_ih.T.", "sequences", "x"
    ),
    "W_hh transposed": Mistake(
        "W_hh is used the other way round: rows are what comes out, so it is h_prev @ W_hh.T.",
        "sequences",
        "T",
    ),
    "b added after tanh": Mistake(
        "The bias is added outside: it belongs inside, tanh(... + b).", "sequences", "b"
    ),
    "each part squashed by itself": Mistake(
        "The parts from x and from h are squashed one by one. Add them first, then squash.",
        "sequences",
        "squash",
    ),
    "each part squashed by itself, b with h": Mistake(
        "The parts from x and from h are squashed one by one. Add them first, then squash.",
        "sequences",
        "squash",
    ),
    "squashed twice": Mistake("tanh is applied twice. Once is enough.", "sequences", "squash"),
    "squashed by ReLU": Mistake(
        "You applied ReLU. Here the state is squashed by tanh.", "sequences", "squash"
    ),
    "old state added": Mistake(
        "The old state is added to the new one. It enters through W_hh alone.", "sequences", "more"
    ),
    "b added twice": Mistake("The bias b is added twice.", "sequences", "b"),
    "b subtracted": Mistake("The bias is subtracted. It is added.", "sequences", "b"),
    "the two products multiplied": Mistake(
        "The parts from x and from h are multiplied. They are added.", "sequences", "sum"
    ),
    "W_ih reshaped, not transposed": Mistake(
        "W_ih is brought to (D, H) by reshape, which only counts the numbers anew. Use W_ih.T.",
        "sequences",
        "T x",
    ),
    "the old h returned": Mistake(
        "h is handed back as it came in. Return the new one.", "sequences", "out"
    ),
}


def step(x: Array, h: Array, W_ih: Array, W_hh: Array, b: Array, m: Mistakes = NONE) -> Array:
    """Return the new state."""
    after = 0 * b
    if "b left out" in m:
        b = 0 * b
    if "b added twice" in m:
        b = 2 * b
    if "b subtracted" in m:
        b = -b
    if "b added after tanh" in m:
        b, after = after, b
    from_x = x @ (W_ih.reshape(-1, len(W_ih)) if "W_ih reshaped, not transposed" in m else W_ih.T)
    from_h = h @ (W_hh if "W_hh transposed" in m else W_hh.T)
    if "x left out" in m:
        from_x = 0 * from_x
    if "h left out" in m:
        from_h = 0 * from_h
    product = "the two products multiplied" in m
    z = (from_x * from_h if product else from_x + from_h) + b
    ways = {
        "not squashed": lambda: z,
        "squashed by σ": lambda: sigmoid(z),
        "squashed twice": lambda: np.tanh(np.tanh(z)),
        "squashed by ReLU": lambda: np.maximum(z, 0),
        "each part squashed by itself": lambda: np.tanh(from_x + b) + np.tanh(from_h),
        "each part squashed by itself, b with h": lambda: np.tanh(from_x) + np.tanh(from_h + b),
    }
    new = pick(m, ways, np.tanh(z)) + after
    if "old state added" in m:
        new = new + h
    return h if "the old h returned" in m else new


STEP_BACKWARD = {
    "slope left out": Mistake("The slope of tanh, 1 - h², is missing.", "backpropagation", "slope"),
    "slope of σ": Mistake(
        "h is a tanh: its slope is 1 - h², not h (1 - h).", "backpropagation", "slope"
    ),
    "h squashed again in its slope": Mistake(
        "h is squashed already: its slope is 1 - h², with no tanh around it.",
        "backpropagation",
        "slope",
    ),
    "slope without the square": Mistake(
        "The slope of tanh is 1 - h²: the square is missing.", "backpropagation", "slope"
    ),
    "slope at the old state": Mistake(
        "The slope is taken at h_prev. It is that of the new state, 1 - h².",
        "backpropagation",
        "slope",
    ),
    "slope left out on the way to h_prev": Mistake(
        "dh_prev is made of dh. It is made of dz, dh times the slope: dz @ W_hh.",
        "backpropagation",
        "slope h",
    ),
    "slope left out on the way to x": Mistake(
        "dx is made of dh. It is made of dz, dh times the slope: dz @ W_ih.",
        "backpropagation",
        "slope x",
    ),
    "slope left out in dW and db": Mistake(
        "The weights' gradients are made of dh. They are made of dz, dh times the slope.",
        "backpropagation",
        "slope W",
    ),
    "slope left out in db": Mistake(
        "db is made of dh. It is made of dz, dh times the slope.", "backpropagation", "slope W"
    ),
    "dW_hh takes the new h": Mistake(
        "W_hh was multiplied by the old state: dW_hh = dz.T @ h_prev, not dz.T @ h.",
        "backpropagation",
        "state",
    ),
    "W_hh transposed in dh_prev": Mistake(
        "On the way back W_hh is used as it stands: dh_prev = dz @ W_hh.", "backpropagation", "T"
    ),
    "dW and db averaged over the batch": Mistake(
        "The gradients of the weights are means over the batch. They are sums: each sequence "
        "uses the same weights.",
        "backpropagation",
        "mean",
    ),
    "dW averaged over the batch": Mistake(
        "dW_ih and dW_hh are means over the batch. They are sums.", "backpropagation", "mean"
    ),
    "db averaged over the batch": Mistake(
        "db is a mean over the batch. It is a sum.", "backpropagation", "mean"
    ),
    "dW_hh transposed": Mistake(
        "dW_hh is transposed: rows are what comes out, dz.T @ h_prev.", "backpropagation", "dW T"
    ),
    "dW_ih reshaped, not transposed": Mistake(
        "dW_ih is brought to its shape by reshape, which only counts the numbers anew. Use "
        "dz.T @ x.",
        "backpropagation",
        "dW_ih T",
    ),
    "dh added to dh_prev": Mistake(
        "dh itself is added to dh_prev. h_prev reaches h through W_hh alone.",
        "backpropagation",
        "more",
    ),
    "dh handed through": Mistake(
        "dh_prev is dh as it came in. It is dz @ W_hh.", "backpropagation", "more"
    ),
    "dW of the first sequence only": Mistake(
        "The gradients of the weights hold the first sequence alone. The whole batch is summed.",
        "backpropagation",
        "mean",
    ),
    "db of the first sequence only": Mistake(
        "db holds the first sequence alone. The whole batch is summed.", "backpropagation", "mean"
    ),
    "all signs turned": Mistake(
        "All gradients have the wrong sign: they point where the loss grows.",
        "backpropagation",
        "sign",
    ),
}


def step_backward(
    dh: Array, x: Array, h_prev: Array, W_ih: Array, W_hh: Array, b: Array, m: Mistakes = NONE
) -> tuple[Array, ...]:
    """Return dx, dh_prev, dW_ih, dW_hh, db."""
    B = len(x)
    h = np.tanh(x @ W_ih.T + h_prev @ W_hh.T + b)
    slopes = {
        "slope left out": lambda: np.ones_like(h),
        "slope of σ": lambda: h * (1 - h),
        "h squashed again in its slope": lambda: 1 - np.tanh(h) ** 2,
        "slope without the square": lambda: 1 - h,
        "slope at the old state": lambda: 1 - h_prev**2,
    }
    dz = dh * pick(m, slopes, 1 - h**2)
    to_h = dh if "slope left out on the way to h_prev" in m else dz
    to_x = dh if "slope left out on the way to x" in m else dz
    to_W = dh if "slope left out in dW and db" in m else dz
    to_b = dh if "slope left out in db" in m else to_W
    dx, dh_prev = to_x @ W_ih, to_h @ (W_hh.T if "W_hh transposed in dh_prev" in m else W_hh)
    if "dh added to dh_prev" in m:
        dh_prev = dh_prev + dh
    if "dh handed through" in m:
        dh_prev = dh
    state = h if "dW_hh takes the new h" in m else h_prev
    dW_ih, dW_hh, db = to_W.T @ x, to_W.T @ state, to_b.sum(axis=0)
    if "dW of the first sequence only" in m:
        dW_ih, dW_hh, db = to_W[:1].T @ x[:1], to_W[:1].T @ state[:1], to_b[0]
    if "db of the first sequence only" in m:
        db = to_b[0]
    if "dW_ih reshaped, not transposed" in m:
        dW_ih = dW_ih.T.reshape(dW_ih.shape)
    if "dW_hh transposed" in m:
        dW_hh = dW_hh.T
    if m & {"dW and db averaged over the batch", "dW averaged over the batch"}:
        dW_ih, dW_hh = dW_ih / B, dW_hh / B
    if m & {"dW and db averaged over the batch", "db averaged over the batch"}:
        db = db / B
    grads = dx, dh_prev, dW_ih, dW_hh, db
    return tuple(-grad for grad in grads) if "all signs turned" in m else grads


def _of_the_lstm(mistakes: dict[str, Mistake], *names: str) -> dict[str, Mistake]:
    pages = {"state": "sequences", "numpy": "backpropagation"}
    return {n: mistakes[n]._replace(page=pages.get(p := mistakes[n].page, p)) for n in names}


FORWARD = {
    **STEP,
    **_of_the_lstm(LOOP, "h not carried"),
    "state set to zero at every step": Mistake(
        "Every step starts from zero. Each must start from the state of the step before.",
        "sequences",
        "carry",
    ),
    **_of_the_lstm(
        LOOP,
        "h0 not used",
        "hs one step late",
        "hs holds the last state everywhere",
        "hs in the other direction",
        "time runs backwards",
        "inputs one step late",
        "inputs one step late, the last one first",
        "inputs one step early",
        "x[0] at every step",
        "last step left out",
        "first step left out",
    ),
    "first state returned for the last": Mistake(
        "h_T is the state after the first step. Return that after the last.", "sequences", "ends"
    ),
    "h_T one step early": Mistake(
        "h_T is the state before the last step. Return that after it.", "sequences", "ends"
    ),
    "h0 returned for the last": Mistake(
        "h_T is the initial state. Return that after the last step.", "sequences", "ends"
    ),
    "state of the first sequence for all": Mistake(
        "All sequences see the state of the first. Each row of h is a sequence's own.",
        "sequences",
        "mix",
    ),
    "states averaged over the batch": Mistake(
        "The states are averaged over the batch. Each row of h is a sequence's own.",
        "sequences",
        "mix",
    ),
}


def forward(
    x: Array, h0: Array, W_ih: Array, W_hh: Array, b: Array, m: Mistakes = NONE
) -> tuple[Array, Array]:
    """Return hs, h_T."""
    T, ends = len(x), [h0]
    first = h = 0 * h0 if "h0 not used" in m else h0
    steps = {
        "last step left out": lambda: range(T - 1),
        "first step left out": lambda: range(1, T),
    }
    hs = np.zeros((T, *h0.shape))
    x = inputs(x, m)
    for t in pick(m, steps, range(T)):
        if "state set to zero at every step" in m:
            h = 0 * h
        if "h not carried" in m:
            h = first
        before, h = h, step(x[t], seen(h, m), W_ih, W_hh, b, m)
        hs[t] = before if "hs one step late" in m else h
        ends.append(h)
    if "hs holds the last state everywhere" in m:
        hs[:] = h
    if "hs in the other direction" in m:
        hs = hs[::-1]
    returned = {
        "first state returned for the last": lambda: ends[min(1, len(ends) - 1)],
        "h_T one step early": lambda: ends[-2],
        "h0 returned for the last": lambda: ends[0],
    }
    return hs, pick(m, returned, h)


BACKWARD = {
    **_of_the_lstm(
        LOOP_BACK,
        "dh overwritten",
        "dh not carried",
        "dh_T not used",
        "dhs not used",
        "dhs at the last step only",
        "dhs one step off",
        "dhs added after the step",
        "dhs from the first to the last",
        "dW overwritten",
        "dW of the last step only",
        "dW and db averaged over time",
        "dW and db averaged over time and batch",
        "db of one step only",
        "dx in the order of the loop",
        "loop runs forward in time",
        "h0 not used",
        "dh_T added at every step",
        "dh_T counted twice",
        "dhs[0] added to dh0",
        "last step left out",
        "first step left out",
    ),
    "dh0 one step early": Mistake(
        "dh0 is what step 0 was given. It is what it gives back.", "backpropagation", "start back"
    ),
    **STEP_BACKWARD,
}


def backward(
    dhs: Array, dh_T: Array, x: Array, h0: Array, W_ih: Array, W_hh: Array, b: Array,
    m: Mistakes = NONE,
) -> tuple[Array, ...]:  # fmt: skip
    """Return dx, dh0, dW_ih, dW_hh, db."""
    T, B, _ = dhs.shape
    h = 0 * h0 if "h0 not used" in m else h0
    states = [h]
    for x_t in x:
        states.append(np.tanh(x_t @ W_ih.T + states[-1] @ W_hh.T + b))
    dh = 0 * dh_T if "dh_T not used" in m else dh_T
    if "dh_T counted twice" in m:
        dh = 2 * dh
    out, late = shares_in_time(dhs, m), "dhs added after the step" in m
    dx, shares, given = np.zeros_like(x), [], dh
    for k, t in enumerate(order_in_time(T, m)):
        if k and "dh_T added at every step" in m:
            dh = dh + dh_T
        if k and "dh not carried" in m:
            dh = 0 * dh
        if "dh overwritten" in m:
            dh = out[t]
        elif not late:
            dh = dh + out[t]
        given = dh
        dx[t], dh, *share = step_backward(dh, x[t], states[t], W_ih, W_hh, b, m)
        if late:
            dh = dh + out[t]
        shares.append(share)
    if "dh0 one step early" in m:
        dh = given
    if "dhs[0] added to dh0" in m:
        dh = dh + dhs[0]
    if "dx in the order of the loop" in m:
        dx = dx[::-1]
    return dx, dh, *total(shares, B, m)


def unpack_forward(returned: Any) -> Any:
    """Return hs, h_T, without the tape that may follow."""
    if isinstance(returned, tuple | list) and len(returned) == 3:
        return returned[:2]
    return returned


_WEIGHTS = {"W_ih": "H D", "W_hh": "H H", "b": "H"}
_STEP = {"x": "B D", "h_prev": "B H", **_WEIGHTS}
_FORWARD = {"x": "T B D", "h0": "B H", **_WEIGHTS}
_BACKWARD = {"dhs": "T B H", "dh_T": "B H", **_FORWARD}
_GRADS = {"dW_ih": "H D", "dW_hh": "H H", "db": "H"}

KINDS = {
    "rnn.step": Kind(
        signature="step(x, h_prev, W_ih, W_hh, b) -> h",
        outputs={"h": "B H"},
        cases=[draw(11, _STEP, B=3, D=2, H=4), draw(12, _STEP, B=2, D=3, H=5)],
        reference=lambda x, h_prev, W_ih, W_hh, b, m: [step(x, h_prev, W_ih, W_hh, b, m)],
        mistakes=STEP,
        page="sequences",
    ),
    "rnn.step_backward": Kind(
        signature="step_backward(dh, x, h_prev, W_ih, W_hh, b) -> (dx, dh_prev, dW_ih, dW_hh, db)",
        outputs={"dx": "B D", "dh_prev": "B H", **_GRADS},
        cases=[
            draw(13, {"dh": "B H", **_STEP}, B=3, D=2, H=4),
            draw(14, {"dh": "B H", **_STEP}, B=2, D=3, H=5),
        ],
        reference=step_backward,
        mistakes=STEP_BACKWARD,
        page="backpropagation",
    ),
    "rnn.forward": Kind(
        signature="forward(x, h0, W_ih, W_hh, b) -> (hs, h_T)",
        outputs={"hs": "T B H", "h_T": "B H"},
        cases=[
            draw(15, _FORWARD, T=3, B=2, D=5, H=4),
            draw(16, _FORWARD, T=5, B=4, D=3, H=2),
        ],
        reference=forward,
        mistakes=FORWARD,
        page="sequences",
        unpack=unpack_forward,
    ),
    "rnn.backward": Kind(
        signature="backward(dhs, dh_T, x, h0, W_ih, W_hh, b) -> (dx, dh0, dW_ih, dW_hh, db)",
        outputs={"dx": "T B D", "dh0": "B H", **_GRADS},
        cases=[
            draw(17, _BACKWARD, T=3, B=2, D=5, H=4),
            draw(18, _BACKWARD, T=5, B=4, D=3, H=2),
        ],
        reference=backward,
        mistakes=BACKWARD,
        page="backpropagation",
    ),
}
