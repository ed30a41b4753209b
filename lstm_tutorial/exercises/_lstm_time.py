"""The LSTM through time with switches: those of the step, and what can go wrong in the loop."""

from typing import Any

import numpy as np

from lstm_tutorial.exercises._exercise import Array, Kind, Mistake, Mistakes, draw, pick
from lstm_tutorial.exercises._lstm_back import (
    STEP_BACKWARD,
    Memory,
    in_the_learners_order,
    memory,
    step_backward,
)
from lstm_tutorial.exercises._lstm_step import NONE, STEP, step

START = {
    "h0 and c0 not used": Mistake(
        "You start from zero. The loop starts from the h0 and c0 that are given.", "state", "start"
    ),
    "h0 not used": Mistake(
        "You start from h = 0. The loop starts from the h0 that is given.", "state", "start"
    ),
    "c0 not used": Mistake(
        "You start from c = 0. The loop starts from the c0 that is given.", "state", "start"
    ),
}

LOOP = {
    "h not carried": Mistake(
        "Every step sees h0. Each step must see the h of the step before.", "state", "carry h"
    ),
    "c not carried": Mistake(
        "Every step sees c0. Each step must see the c of the step before.", "state", "carry c"
    ),
    "h and c not carried": Mistake(
        "Every step starts from h0 and c0. Each must start from the states of the step before.",
        "state",
        "carry",
    ),
    "states set to zero at every step": Mistake(
        "Every step starts from zero. Each must start from the states of the step before.",
        "state",
        "carry",
    ),
    **START,
    "hs one step late": Mistake(
        "hs holds the state before each step: h0 comes first and the last state is missing. "
        "Store h after the step.",
        "sequences",
        "hs",
    ),
    "hs holds the last state everywhere": Mistake(
        "All entries of hs are the last state. One array was stored T times and changed in place; "
        "store a new one at each step.",
        "sequences",
        "hs",
    ),
    "hs holds c": Mistake("hs holds the cell states. It holds h.", "state", "hs"),
    "hs in the other direction": Mistake(
        "hs runs from the last step to the first.", "sequences", "hs"
    ),
    "h_T and c_T exchanged": Mistake(
        "h_T and c_T stand in each other's place among what you return.", "state", "ends"
    ),
    "time runs backwards": Mistake(
        "The inputs are read from the last to the first.", "sequences", "time"
    ),
    "inputs one step late": Mistake(
        "Step t reads x[t - 1], and the first step x[0] again. It reads x[t].", "sequences", "time"
    ),
    "inputs one step late, the last one first": Mistake(
        "Step t reads x[t - 1], and at t = 0 that is the last input. It reads x[t].",
        "sequences",
        "time",
    ),
    "inputs one step early": Mistake(
        "Step t reads x[t + 1]. It reads x[t].", "sequences", "time"
    ),
    "x[0] at every step": Mistake("Every step reads x[0]. Step t reads x[t].", "sequences", "time"),
    "last step left out": Mistake(
        "The loop ends one step early: it takes T steps, range(T).", "sequences", "end"
    ),
    "first step left out": Mistake(
        "The loop begins one step late: it takes T steps, from t = 0.", "sequences", "end"
    ),
    "first state returned for the last": Mistake(
        "h_T and c_T are the states after the first step. Return those after the last.",
        "state",
        "ends",
    ),
    "hs[0] returned for h_T": Mistake(
        "h_T is the state after the first step. Return that after the last.", "state", "ends"
    ),
    "ends one step early": Mistake(
        "h_T and c_T are the states before the last step. Return those after it.", "state", "ends"
    ),
    "h0 and c0 returned for the last": Mistake(
        "h_T and c_T are the initial states. Return those after the last step.", "state", "ends"
    ),
    "h_T returned for c_T": Mistake(
        "c_T is h_T once more. Return the cell state.", "state", "ends"
    ),
    "state of the first sequence for all": Mistake(
        "All sequences see the state of the first. Each row of h and c is a sequence's own.",
        "sequences",
        "mix",
    ),
    "states averaged over the batch": Mistake(
        "The states are averaged over the batch. Each row of h and c is a sequence's own.",
        "sequences",
        "mix",
    ),
}  # fmt: skip


def start(h0: Array, c0: Array, m: Mistakes) -> tuple[Array, Array]:
    """Return the states that the loop starts from."""
    both = "h0 and c0 not used" in m
    return (
        0 * h0 if both or "h0 not used" in m else h0,
        0 * c0 if both or "c0 not used" in m else c0,
    )


def inputs(x: Array, m: Mistakes) -> Array:
    """Return the inputs in the order in which the loop reads them."""
    T = len(x)
    read = {
        "time runs backwards": lambda: list(range(T))[::-1],
        "inputs one step late": lambda: [0, *range(T - 1)],
        "inputs one step late, the last one first": lambda: [-1, *range(T - 1)],
        "inputs one step early": lambda: [*range(1, T), T - 1],
        "x[0] at every step": lambda: [0] * T,
    }
    return x[pick(m, read, list(range(T)))]


def seen(state: Array, m: Mistakes) -> Array:
    """Return what a step sees of a state."""
    if "state of the first sequence for all" in m:
        return np.repeat(state[:1], len(state), axis=0)
    if "states averaged over the batch" in m:
        return np.repeat(state.mean(axis=0, keepdims=True), len(state), axis=0)
    return state


def forward(
    x: Array, h0: Array, c0: Array, W_ih: Array, W_hh: Array, b: Array, m: Mistakes = NONE
) -> tuple[Array, Array, Array]:
    """Return hs, h_T, c_T."""
    T = len(x)
    ends = [(h0, c0)]
    first = h, c = start(h0, c0, m)
    steps = {
        "last step left out": lambda: range(T - 1),
        "first step left out": lambda: range(1, T),
    }
    taken = pick(m, steps, range(T))
    hs = np.zeros((T, *h0.shape))
    x = inputs(x, m)
    for t in taken:
        if "states set to zero at every step" in m:
            h, c = 0 * h0, 0 * c0
        if "h not carried" in m or "h and c not carried" in m:
            h = first[0]
        if "c not carried" in m or "h and c not carried" in m:
            c = first[1]
        before = h
        h, c = step(x[t], seen(h, m), seen(c, m), W_ih, W_hh, b, m)
        hs[t] = before if "hs one step late" in m else c if "hs holds c" in m else h
        ends.append((h, c))
    if "hs holds the last state everywhere" in m:
        hs[:] = h
    if "hs in the other direction" in m:
        hs = hs[::-1]
    returned = {
        "h_T and c_T exchanged": lambda: ends[-1][::-1],
        "first state returned for the last": lambda: ends[min(1, len(ends) - 1)],
        "ends one step early": lambda: ends[-2],
        "h0 and c0 returned for the last": lambda: ends[0],
        "hs[0] returned for h_T": lambda: (ends[min(1, len(ends) - 1)][0], ends[-1][1]),
        "h_T returned for c_T": lambda: (ends[-1][0], ends[-1][0]),
    }
    return hs, *pick(m, returned, ends[-1])


LOOP_BACK = {
    "dh overwritten": Mistake(
        "dh is set to dhs[t], and what came back from the step after is lost. Add the two.",
        "backpropagation",
        "dh",
    ),
    "dc not carried": Mistake(
        "dc starts from zero at every step. Each step hands its dc_prev to the step before.",
        "flow",
        "dc",
    ),
    "dh not carried": Mistake(
        "dh starts from dhs[t] at every step but the last. Each step hands its dh_prev to the step "
        "before, where dhs[t] is added.",
        "backpropagation",
        "dh",
    ),
    "dh_T not used": Mistake(
        "dh_T is left out: the loop starts from dh = dh_T.", "numpy", "dh_T"
    ),
    "dc_T not used": Mistake(
        "dc_T is left out: the loop starts from dc = dc_T.", "numpy", "dc_T"
    ),
    "dh_T and dc_T not used": Mistake(
        "dh_T and dc_T are left out: the loop starts from them.", "numpy", "dh_T dc_T"
    ),
    "dhs not used": Mistake(
        "dhs is left out: at every step dhs[t] is added to dh.", "backpropagation", "dhs"
    ),
    "dhs at the last step only": Mistake(
        "Of dhs only the last entry is used: at every step dhs[t] is added to dh.",
        "backpropagation",
        "dhs",
    ),
    "dhs one step off": Mistake(
        "At step t you add dhs[t - 1]. The state after step t is hs[t], so it is dhs[t].",
        "backpropagation",
        "dhs",
    ),
    "dhs added after the step": Mistake(
        "dhs[t] is added after the way back through step t. It belongs to the state that the step "
        "made: add it before.",
        "backpropagation",
        "dhs",
    ),
    "dhs from the first to the last": Mistake(
        "dhs is read forwards while the loop runs backwards.", "backpropagation", "dhs"
    ),
    "dW overwritten": Mistake(
        "dW_ih, dW_hh and db hold one step, the last that the loop came to. Add the shares of all "
        "steps.",
        "backpropagation",
        "dW",
    ),
    "dW of the last step only": Mistake(
        "dW_ih, dW_hh and db hold the last step's share. Add the shares of all steps.",
        "backpropagation",
        "dW",
    ),
    "dW and db averaged over time": Mistake(
        "The gradients of the weights are means over time. They are sums: each step uses the same "
        "weights.",
        "backpropagation",
        "dW",
    ),
    "dW and db averaged over time and batch": Mistake(
        "The gradients of the weights are means over time and batch. They are sums.",
        "backpropagation",
        "dW",
    ),
    "db of one step only": Mistake(
        "db holds one step's share. Add the shares of all steps.", "backpropagation", "db"
    ),
    "dx in the order of the loop": Mistake(
        "dx runs from the last step to the first, as the loop did. Turn it round.",
        "backpropagation",
        "dx",
    ),
    "loop runs forward in time": Mistake(
        "The loop runs from the first step to the last. Gradients come from the end: "
        "reversed(range(T)).",
        "backpropagation",
        "time",
    ),
    **START,
    "dh_T added at every step": Mistake(
        "dh_T is added at every step. It belongs to the last state alone.", "numpy", "dh_T"
    ),
    "dc_T added at every step": Mistake(
        "dc_T is added at every step. It belongs to the last cell state alone.", "numpy", "dc_T"
    ),
    "dh_T counted twice": Mistake(
        "dh_T is added twice: once at the start and once with dhs.", "numpy", "dh_T"
    ),
    "dh0 and dc0 one step early": Mistake(
        "dh0 and dc0 are what step 0 was given. They are what it gives back.",
        "backpropagation",
        "start back",
    ),
    "dhs[0] added to dh0": Mistake(
        "dhs[0] is added to dh0 once more. It belongs to the state after the first step.",
        "backpropagation",
        "start back",
    ),
    "last step left out": Mistake(
        "The way back begins one step early: the last step is left out.", "backpropagation", "end"
    ),
    "first step left out": Mistake(
        "The way back ends one step early: step 0 is left out.", "backpropagation", "end"
    ),
}  # fmt: skip


def _memories(x: Array, h: Array, c: Array, weights: tuple[Array, ...]) -> list[Memory]:
    memories = []
    for x_t in x:
        memories.append(memory(x_t, h, c, *weights))
        h, c = memories[-1].h, memories[-1].c
    return memories


def shares_in_time(dhs: Array, m: Mistakes) -> Array:
    """Return what is added to dh at each step."""
    T = len(dhs)
    read = {
        "dhs not used": lambda: 0 * dhs,
        "dhs at the last step only": lambda: np.where(np.arange(T)[:, None, None] == T - 1, dhs, 0),
        "dhs one step off": lambda: dhs[np.arange(T) - 1],
        "dhs from the first to the last": lambda: dhs[::-1],
    }
    return pick(m, read, dhs)


def order_in_time(T: int, m: Mistakes) -> list[int]:
    """Return the steps in the order of the way back."""
    steps = list(range(T)) if "loop runs forward in time" in m else list(range(T))[::-1]
    if "last step left out" in m:
        steps.remove(T - 1)
    if "first step left out" in m:
        steps.remove(0)
    return steps


def total(shares: list[Any], batch: int, m: Mistakes) -> list[Array]:
    """Add up the shares of the weights, [dW_ih, dW_hh, db] a step, in the order of the loop."""
    sums = [np.sum(parts, axis=0) for parts in zip(*shares, strict=True)]
    if "dW and db averaged over time" in m:
        sums = [s / len(shares) for s in sums]
    if "dW and db averaged over time and batch" in m:
        sums = [s / len(shares) / batch for s in sums]
    if "dW overwritten" in m:
        sums = list(shares[-1])
    if "dW of the last step only" in m:
        sums = list(shares[0])
    if "db of one step only" in m:
        sums[-1] = shares[-1][-1]
    return sums


def backward(
    dhs: Array, dh_T: Array, dc_T: Array, x: Array, h0: Array, c0: Array,
    W_ih: Array, W_hh: Array, b: Array, m: Mistakes = NONE,
) -> tuple[Array, ...]:  # fmt: skip
    """Return dx, dh0, dc0, dW_ih, dW_hh, db."""
    T, B, _ = dhs.shape
    memories = _memories(x, *start(h0, c0, m), (W_ih, W_hh, b))
    neither = "dh_T and dc_T not used" in m
    dh = 0 * dh_T if neither or "dh_T not used" in m else dh_T
    dc = 0 * dc_T if neither or "dc_T not used" in m else dc_T
    if "dh_T counted twice" in m:
        dh = 2 * dh
    out = shares_in_time(dhs, m)
    dx, shares = np.zeros_like(x), []
    given = dh, dc
    late = "dhs added after the step" in m
    for k, t in enumerate(order_in_time(T, m)):
        if k and "dh_T added at every step" in m:
            dh = dh + dh_T
        if k and "dc_T added at every step" in m:
            dc = dc + dc_T
        if k and "dc not carried" in m:
            dc = 0 * dc
        if k and "dh not carried" in m:
            dh = 0 * dh
        if "dh overwritten" in m:
            dh = out[t]
        elif not late:
            dh = dh + out[t]
        given = dh, dc
        dx[t], dh, dc, *share = step_backward(dh, dc, memories[t], W_ih, W_hh, m)
        if late:
            dh = dh + out[t]
        shares.append(share)
    if "dh0 and dc0 one step early" in m:
        dh, dc = given
    if "dhs[0] added to dh0" in m:
        dh = dh + dhs[0]
    if "dx in the order of the loop" in m:
        dx = dx[::-1]
    return dx, dh, dc, *total(shares, B, m)


def _reference_backward(
    dhs: Array, dh_T: Array, dc_T: Array, x: Array, h0: Array, c0: Array,
    W_ih: Array, W_hh: Array, b: Array, m: Mistakes,
) -> tuple[Array, ...]:  # fmt: skip
    def in_order(W_ih: Array, W_hh: Array, b: Array) -> tuple[Array, ...]:
        return backward(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b, m)

    return in_the_learners_order(in_order, (W_ih, W_hh, b), m)


def unpack_forward(returned: Any) -> Any:
    """Return hs, h_T, c_T from (hs, (h_T, c_T)), with a tape after them or not."""
    if isinstance(returned, tuple | list) and len(returned) in (2, 3):
        ends = returned[1]
        if isinstance(ends, tuple | list) and len(ends) == 2:
            return [returned[0], *ends]
    return returned


_FORWARD_ARGUMENTS = {
    "x": "T B D", "h0": "B H", "c0": "B H", "W_ih": "4H D", "W_hh": "4H H", "b": "4H",
}  # fmt: skip
_BACKWARD_ARGUMENTS = {"dhs": "T B H", "dh_T": "B H", "dc_T": "B H", **_FORWARD_ARGUMENTS}

FORWARD_KIND = Kind(
    signature="forward(x, h0, c0, W_ih, W_hh, b) -> (hs, (h_T, c_T))",
    outputs={"hs": "T B H", "h_T": "B H", "c_T": "B H"},
    cases=[
        draw(5, _FORWARD_ARGUMENTS, T=2, B=3, D=4, H=5),
        draw(6, _FORWARD_ARGUMENTS, T=5, B=4, D=3, H=2),
    ],
    reference=forward,
    mistakes={**STEP, **LOOP},
    page="numpy",
    unpack=unpack_forward,
)

BACKWARD_KIND = Kind(
    signature="backward(dhs, dh_T, dc_T, x, h0, c0, W_ih, W_hh, b)"
    " -> (dx, dh0, dc0, dW_ih, dW_hh, db)",
    outputs={
        "dx": "T B D", "dh0": "B H", "dc0": "B H", "dW_ih": "4H D", "dW_hh": "4H H", "db": "4H",
    },
    cases=[
        draw(7, _BACKWARD_ARGUMENTS, T=2, B=3, D=4, H=5),
        draw(8, _BACKWARD_ARGUMENTS, T=5, B=4, D=3, H=2),
    ],
    reference=_reference_backward,
    mistakes={**LOOP_BACK, **STEP_BACKWARD},
    page="numpy",
)  # fmt: skip
