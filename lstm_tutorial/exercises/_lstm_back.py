"""The LSTM's step back with switches, as `_mistakes_lstm`.

The gates are written out one by one, as a learner would, so that each can go wrong by itself.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lstm_tutorial.exercises._exercise import (
    Array,
    Kind,
    Mistake,
    Mistakes,
    blockwise_transposed,
    chosen,
    draw,
    in_order,
    orders,
    out_of_order,
    pick,
)
from lstm_tutorial.exercises._lstm_step import NONE, ORDERS, RIGHT, STATES, WEIGHTS
from lstm_tutorial.rnn import sigmoid


class Memory(NamedTuple):
    """What one step leaves to the way back."""

    x: Array
    h_prev: Array
    c_prev: Array
    i: Array
    f: Array
    g: Array
    o: Array
    c: Array
    h: Array


def memory(x: Array, h: Array, c: Array, W_ih: Array, W_hh: Array, b: Array) -> Memory:
    """Return the memory of a right step: `step` without its switches, for the sake of speed."""
    i, f, g, o = np.split(x @ W_ih.T + h @ W_hh.T + b, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    new_c = f * c + i * g
    return Memory(x, h, c, i, f, g, o, new_c, o * np.tanh(new_c))


def step_backward(
    dh: Array, dc: Array, kept: Memory, W_ih: Array, W_hh: Array, m: Mistakes = NONE
) -> tuple[Array, ...]:
    """Return dx, dh_prev, dc_prev, dW_ih, dW_hh, db."""
    x, h_prev, c_prev, i, f, _, o, c, h = kept
    by_h = _from_h(dh, o, c, c_prev, m)
    total = dc + by_h
    if "dc overwritten" in m:
        total = by_h
    if "way from h to c left out" in m:
        total = dc
    if "way from h to c subtracted" in m:
        total = dc - by_h
    to_gates = dc if "gates take dc before h's share is added" in m else total
    dz = _to_pre_activations(dh, to_gates, dc, kept, m)
    order = chosen("dz stacked as ", m)
    if order:
        in_place = dict(zip("ifgo", dz, strict=True))
        dz = [in_place[gate] for gate in order.split()]
    stacked = np.concatenate(dz, axis=1)
    dx, dh_prev = stacked @ W_ih, stacked @ W_hh
    W_i, W_h = np.split(W_ih, 4), np.split(W_hh, 4)
    if "W_hh transposed in dh_prev" in m:
        dh_prev = stacked @ blockwise_transposed(W_hh)
    if "dh_prev of one gate only, overwritten" in m:
        dh_prev = dz[3] @ W_h[3]
    if "dx of one gate only, overwritten" in m:
        dx = dz[3] @ W_i[3]
    if "dh_prev and dx of one gate only" in m:
        dx, dh_prev = dz[3] @ W_i[3], dz[3] @ W_h[3]
    if "dh added to dh_prev" in m:
        dh_prev = dh_prev + dh
    dc_ways = {
        "f left out of dc_prev": lambda: total,
        "dc_prev takes dc before h's share is added": lambda: dc * f,
        "i in place of f in dc_prev": lambda: total * i,
        "dc handed through": lambda: dc,
    }
    dc_prev = pick(m, dc_ways, total * f)
    dW_ih, dW_hh, db = _weights(stacked, x, h_prev, c_prev, h, m)
    if "dh_prev and dc_prev exchanged" in m:
        dh_prev, dc_prev = dc_prev, dh_prev
    grads = dx, dh_prev, dc_prev, dW_ih, dW_hh, db
    return tuple(-grad for grad in grads) if "all signs turned" in m else grads


def _from_h(dh: Array, o: Array, c: Array, c_prev: Array, m: Mistakes) -> Array:
    """Return what dh sends to c."""
    tanh_c = np.tanh(c)
    slopes = {
        "slope of tanh(c) left out": lambda: np.ones_like(c),
        "tanh(c) squashed again in its slope": lambda: 1 - np.tanh(tanh_c) ** 2,
        "slope of tanh(c) from c itself": lambda: 1 - c**2,
        "slope of tanh(c) without the square": lambda: 1 - tanh_c,
        "slope of tanh(c) taken for that of σ": lambda: tanh_c * (1 - tanh_c),
        "slope of tanh at the old c": lambda: 1 - np.tanh(c_prev) ** 2,
    }
    slope = pick(m, slopes, 1 - tanh_c**2)
    if "o left out on the way to c" in m:
        return dh * slope
    if "tanh(c) in place of o on the way to c" in m:
        return dh * tanh_c * slope
    return dh * o * slope


def _to_pre_activations(
    dh: Array, dc: Array, given: Array, kept: Memory, m: Mistakes
) -> list[Array]:
    """Return the gradients of z_i, z_f, z_g, z_o."""
    _, h_prev, c_prev, i, f, g, o, c, h = kept
    tanh_c = np.tanh(c)
    value = {"i": i, "f": f, "g": g, "o": o}
    partner = {"i": g, "f": c_prev, "g": i, "o": tanh_c}
    if "partners of i and g exchanged" in m:
        partner["i"], partner["g"] = i, g
    others = {
        "f takes the new c": ("f", c),
        "f takes h_prev": ("f", h_prev),
        "f takes tanh(c_prev)": ("f", np.tanh(c_prev)),
        "i takes i, not g": ("i", i),
        "g takes g, not i": ("g", g),
        "g takes f, not i": ("g", f),
        "i takes c_prev, not g": ("i", c_prev),
        "o takes c, not tanh(c)": ("o", c),
        "o takes h": ("o", h),
        "o takes the old c": ("o", np.tanh(c_prev)),
        **{f"{gate} without its partner": (gate, np.ones_like(c)) for gate in "ifgo"},
    }
    for name, (gate, other) in others.items():
        if name in m:
            partner[gate] = other
    source = dict.fromkeys("ifg", dc) | {"o": dh}
    if "o takes its share from dc" in m:
        source["o"] = dc
    if "o takes its share from the dc that came in" in m:
        source["o"] = given
    dz = []
    for gate in "ifgo":
        share = source[gate] * partner[gate] * _slope(gate, value[gate], m)
        dz.append(0 * share if f"{gate} gets no gradient" in m else share)
    return dz


def _slope(gate: str, v: Array, m: Mistakes) -> Array:
    """Return the slope of a gate's squashing, from its value."""
    if gate == "g":
        ways = {
            "slope of g left out": lambda: np.ones_like(v),
            "g squashed again in its slope": lambda: 1 - np.tanh(v) ** 2,
            "slope of g taken for that of σ": lambda: v * (1 - v),
            "slope of g without the square": lambda: 1 - v,
            "all slopes left out": lambda: np.ones_like(v),
            "i, f, g, o squashed again in their slopes": lambda: 1 - np.tanh(v) ** 2,
        }
        right = 1 - v**2
    else:
        again = sigmoid(v)
        ways = {
            f"slope of {gate} left out": lambda: np.ones_like(v),
            f"{gate} squashed again in its slope": lambda: again * (1 - again),
            f"slope of {gate} taken for that of tanh": lambda: 1 - v**2,
            f"slope of {gate} is 1 - {gate} only": lambda: 1 - v,
            f"slope of {gate} is {gate} only": lambda: v,
            "slopes of i, f, o left out": lambda: np.ones_like(v),
            "i, f, o squashed again in their slopes": lambda: again * (1 - again),
            "slopes of i, f, o those of tanh": lambda: 1 - v**2,
            "all slopes left out": lambda: np.ones_like(v),
            "i, f, g, o squashed again in their slopes": lambda: again * (1 - again),
        }
        right = v * (1 - v)
    return pick(m, ways, right)


def _weights(
    dz: Array, x: Array, h_prev: Array, c_prev: Array, h: Array, m: Mistakes
) -> tuple[Array, Array, Array]:
    B = len(dz)
    state = {"dW_hh takes the new h": lambda: h, "dW_hh takes c_prev": lambda: c_prev}
    seen = pick(m, state, h_prev)
    dW_ih, dW_hh, db = dz.T @ x, dz.T @ seen, dz.sum(axis=0)
    if "dW_ih reshaped, not transposed" in m:
        dW_ih = (x.T @ dz).reshape(dW_ih.shape)
    if "dW_hh reshaped, not transposed" in m:
        dW_hh = (seen.T @ dz).reshape(dW_hh.shape)
    if "dW_hh transposed in each block" in m:
        dW_hh = blockwise_transposed(dW_hh)
    if "dW of the first sequence only" in m:
        dW_ih, dW_hh, db = dz[:1].T @ x[:1], dz[:1].T @ seen[:1], dz[0]
    if "db of the first sequence only" in m:
        db = dz[0]
    if "dW and db averaged over the batch" in m:
        dW_ih, dW_hh, db = dW_ih / B, dW_hh / B, db / B
    if "dW averaged over the batch" in m:
        dW_ih, dW_hh = dW_ih / B, dW_hh / B
    if "db averaged over the batch" in m:
        db = db / B
    return dW_ih, dW_hh, db


_SLOPE = {"i": "i (1 - i)", "f": "f (1 - f)", "g": "1 - g²", "o": "o (1 - o)"}
_PARTNER = {"i": "g", "f": "c_prev", "g": "i", "o": "tanh(c)"}
_SOURCE = {"i": "dc", "f": "dc", "g": "dc", "o": "dh"}

CONSISTENT_ORDERS = {
    name: Mistake(
        mistake.says.replace("You take", "On both ways, there and back, you take"), "same", "order"
    )
    for name, mistake in ORDERS.items()
}

STEP_BACKWARD = {
    "way from h to c left out": Mistake(
        "dc lacks what comes from dh: add dh o (1 - tanh(c)²) to it.", "numpy", "total"
    ),
    "dc overwritten": Mistake(
        "The dc that comes in is lost: dh o (1 - tanh(c)²) is added to it and does not replace it.",
        "numpy",
        "total",
    ),
    "way from h to c subtracted": Mistake(
        "What comes from dh is subtracted from dc. Add it: dc + dh o (1 - tanh(c)²).",
        "numpy",
        "total",
    ),
    "slope of tanh(c) left out": Mistake(
        "On the way from h to c the slope 1 - tanh(c)² is missing.", "numpy", "slope c"
    ),
    "o left out on the way to c": Mistake(
        "On the way from h to c the factor o is missing: dh o (1 - tanh(c)²).", "numpy", "o c"
    ),
    "f left out of dc_prev": Mistake(
        "dc_prev lacks the factor f: the old cell entered the new one as f c_prev.", "flow", "dc"
    ),
    **{
        f"slope of {gate} left out": Mistake(
            f"The gradient of z_{gate} lacks the slope {_SLOPE[gate]}.", "numpy", f"slope {gate}"
        )
        for gate in "ifgo"
    },
    **{
        f"{gate} squashed again in its slope": Mistake(
            f"{gate} is squashed already. Its slope, written in its own value, is {_SLOPE[gate]}.",
            "numpy",
            f"slope {gate}",
        )
        for gate in "ifgo"
    },
    "slope of g taken for that of σ": Mistake(
        "g is a tanh: its slope is 1 - g², not g (1 - g).", "numpy", "slope g"
    ),
    **{
        f"slope of {gate} taken for that of tanh": Mistake(
            f"{gate} is a σ: its slope is {_SLOPE[gate]}, not 1 - {gate}².",
            "numpy",
            f"slope {gate}",
        )
        for gate in "ifo"
    },
    "f takes the new c": Mistake(
        "The forget gate multiplied the old cell: df = dc c_prev, not dc c.", "numpy", "partner f"
    ),
    "o takes its share from dc": Mistake(
        "The output gate stands in h: do = dh tanh(c), from dh and not from dc.", "numpy", "source"
    ),
    "o takes its share from the dc that came in": Mistake(
        "The output gate stands in h: do = dh tanh(c), from dh and not from dc.", "numpy", "source"
    ),
    "dW_hh takes the new h": Mistake(
        "W_hh was multiplied by the old state: dW_hh = dz.T @ h_prev, not dz.T @ h.",
        "numpy",
        "state",
    ),
    "gates take dc before h's share is added": Mistake(
        "i, f and g get their shares from the dc that came in. First add to it what comes from dh.",
        "numpy",
        "to gates",
    ),
    "dc_prev takes dc before h's share is added": Mistake(
        "dc_prev is made of the dc that came in. First add to it what comes from dh.",
        "numpy",
        "dc",
    ),
    "dW and db averaged over the batch": Mistake(
        "The gradients of the weights are means over the batch. They are sums: each sequence "
        "uses the same weights.",
        "backpropagation",
        "mean",
    ),
    "all slopes left out": Mistake(
        "The slopes of the four squashings are missing: i (1 - i), f (1 - f), 1 - g², o (1 - o).",
        "numpy",
        "slopes",
    ),
    "slopes of i, f, o left out": Mistake(
        "The slopes of the three gates are missing: i (1 - i), f (1 - f), o (1 - o).",
        "numpy",
        "slopes",
    ),
    "i, f, o squashed again in their slopes": Mistake(
        "i, f, o are squashed already. Their slopes are i (1 - i) and so on.", "numpy", "slopes"
    ),
    "i, f, g, o squashed again in their slopes": Mistake(
        "i, f, g, o are squashed already. Their slopes are i (1 - i) and so on, and 1 - g².",
        "numpy",
        "slopes",
    ),
    "slopes of i, f, o those of tanh": Mistake(
        "i, f, o are logistic: their slopes are i (1 - i) and so on, not 1 - i².",
        "numpy",
        "slopes",
    ),
    "partners of i and g exchanged": Mistake(
        "In i g each gets what stands beside it: di = dc g and dg = dc i.", "numpy", "partner i g"
    ),
    **CONSISTENT_ORDERS,
    **{
        f"dz stacked as {order}": Mistake(
            f"The four gradients are stacked in the order {', '.join(order.split())}. The blocks "
            "of W_ih, W_hh and b stand in the order i, f, g, o.",
            "same",
            "stack",
        )
        for order in orders(RIGHT)
    },
    "tanh(c) squashed again in its slope": Mistake(
        "tanh(c) is squashed already: its slope is 1 - tanh_c², with no tanh around it.",
        "numpy",
        "slope c",
    ),
    "slope of tanh(c) from c itself": Mistake(
        "The slope of tanh(c) is 1 - tanh(c)², not 1 - c².", "numpy", "slope c"
    ),
    "slope of tanh(c) without the square": Mistake(
        "The slope of tanh(c) is 1 - tanh(c)²: the square is missing.", "numpy", "slope c"
    ),
    "slope of tanh(c) taken for that of σ": Mistake(
        "tanh(c) is no σ: its slope is 1 - tanh(c)².", "numpy", "slope c"
    ),
    "slope of tanh at the old c": Mistake(
        "The slope of tanh is taken at c_prev. h was made of the new cell.", "numpy", "slope c"
    ),
    "tanh(c) in place of o on the way to c": Mistake(
        "On the way from h to c the factor is o, what stood beside tanh(c).", "numpy", "o c"
    ),
    **{
        f"{gate} without its partner": Mistake(
            f"d{gate} lacks what stood beside {gate}: d{gate} = {_SOURCE[gate]} {_PARTNER[gate]}.",
            "numpy",
            f"partner {gate}",
        )
        for gate in "ifgo"
    },
    **{
        f"{gate} gets no gradient": Mistake(
            f"Nothing goes back through {gate}: d{gate} = {_SOURCE[gate]} {_PARTNER[gate]}.",
            "numpy",
            f"partner {gate}",
        )
        for gate in "ifgo"
    },
    "i takes i, not g": Mistake("i stood beside g: di = dc g.", "numpy", "partner i"),
    "i takes c_prev, not g": Mistake("i stood beside g: di = dc g.", "numpy", "partner i"),
    "g takes g, not i": Mistake("g stood beside i: dg = dc i.", "numpy", "partner g"),
    "g takes f, not i": Mistake("g stood beside i: dg = dc i.", "numpy", "partner g"),
    "f takes h_prev": Mistake("f stood beside c_prev: df = dc c_prev.", "numpy", "partner f"),
    "f takes tanh(c_prev)": Mistake(
        "f stood beside c_prev as it is: df = dc c_prev.", "numpy", "partner f"
    ),
    "o takes c, not tanh(c)": Mistake(
        "o stood beside tanh(c): do = dh tanh(c).", "numpy", "partner o"
    ),
    "o takes h": Mistake(
        "o stood beside tanh(c), and h has o in it already: do = dh tanh(c).", "numpy", "partner o"
    ),
    "o takes the old c": Mistake(
        "o stood beside the tanh of the new cell: do = dh tanh(c).", "numpy", "partner o"
    ),
    **{
        f"slope of {gate} is 1 - {gate} only": Mistake(
            f"The slope of {gate} is {_SLOPE[gate]}: a factor is missing.",
            "numpy",
            f"slope {gate}",
        )
        for gate in "ifo"
    },
    **{
        f"slope of {gate} is {gate} only": Mistake(
            f"The slope of {gate} is {_SLOPE[gate]}: a factor is missing.",
            "numpy",
            f"slope {gate}",
        )
        for gate in "ifo"
    },
    "slope of g without the square": Mistake(
        "The slope of g is 1 - g²: the square is missing.", "numpy", "slope g"
    ),
    "dh_prev and dx of one gate only": Mistake(
        "dx and dh_prev hold the share of o alone. The shares of all four gates are added: use "
        "+= in a loop, or one product of the stacked gradients.",
        "numpy",
        "sum",
    ),
    "dh_prev of one gate only, overwritten": Mistake(
        "dh_prev holds the share of o alone. The shares of all four gates are added.",
        "numpy",
        "sum",
    ),
    "dx of one gate only, overwritten": Mistake(
        "dx holds the share of o alone. The shares of all four gates are added.", "numpy", "sum"
    ),
    "W_hh transposed in dh_prev": Mistake(
        "On the way back W_hh is used as it stands, dz @ W_hh. Its blocks are transposed here.",
        "numpy",
        "T",
    ),
    "dh added to dh_prev": Mistake(
        "dh itself is added to dh_prev. h_prev reaches h through the gates alone.", "numpy", "more"
    ),
    "i in place of f in dc_prev": Mistake(
        "dc_prev is multiplied by i. The old cell entered the new one as f c_prev.", "flow", "dc"
    ),
    "dc handed through": Mistake(
        "dc_prev is dc as it came in. It is f times the whole gradient of c.", "flow", "dc"
    ),
    "dW_hh takes c_prev": Mistake(
        "W_hh was multiplied by h_prev, not by c_prev: dW_hh = dz.T @ h_prev.", "numpy", "state"
    ),
    "dW_ih reshaped, not transposed": Mistake(
        "dW_ih is brought to its shape by reshape, which only counts the numbers anew. Use "
        "dz.T @ x.",
        "numpy",
        "dW T",
    ),
    "dW_hh reshaped, not transposed": Mistake(
        "dW_hh is brought to its shape by reshape, which only counts the numbers anew. Use "
        "dz.T @ h_prev.",
        "numpy",
        "dW_hh T",
    ),
    "dW_hh transposed in each block": Mistake(
        "The blocks of dW_hh are transposed: rows are what comes out, dz.T @ h_prev.",
        "numpy",
        "dW_hh T",
    ),
    "dW of the first sequence only": Mistake(
        "The gradients of the weights hold the first sequence alone. The whole batch is summed.",
        "backpropagation",
        "mean",
    ),
    "db of the first sequence only": Mistake(
        "db holds the first sequence alone. The whole batch is summed.", "backpropagation", "mean"
    ),
    "dW averaged over the batch": Mistake(
        "dW_ih and dW_hh are means over the batch. They are sums.", "backpropagation", "mean"
    ),
    "db averaged over the batch": Mistake(
        "db is a mean over the batch. It is a sum.", "backpropagation", "mean"
    ),
    "dh_prev and dc_prev exchanged": Mistake(
        "dh_prev and dc_prev stand in each other's place among what you return.", "numpy", "out"
    ),
    "all signs turned": Mistake(
        "All gradients have the wrong sign: they point where the loss grows.",
        "backpropagation",
        "sign",
    ),
}


def _reference_step_backward(
    dh: Array, dc: Array, x: Array, h_prev: Array, c_prev: Array, W_ih: Array, W_hh: Array,
    b: Array, m: Mistakes,
) -> tuple[Array, ...]:  # fmt: skip
    return in_the_learners_order(
        lambda W_ih, W_hh, b: step_backward(
            dh, dc, memory(x, h_prev, c_prev, W_ih, W_hh, b), W_ih, W_hh, m
        ),
        (W_ih, W_hh, b),
        m,
    )


def in_the_learners_order(
    backward: Callable[..., tuple[Array, ...]], weights: tuple[Array, ...], m: Mistakes
) -> tuple[Array, ...]:
    """Permute the weights on the way in and their gradients, the last three, on the way out."""
    order = chosen("gates read as ", m)
    if order is None:
        return backward(*weights)
    grads = backward(*(in_order(order, RIGHT, a) for a in weights))
    return *grads[:-3], *(out_of_order(order, RIGHT, grad) for grad in grads[-3:])


_GRADS = {"dx": "B D", "dh_prev": "B H", "dc_prev": "B H"}
_WEIGHT_GRADS = {"dW_ih": "4H D", "dW_hh": "4H H", "db": "4H"}
_STEP_BACKWARD_ARGUMENTS = {"dh": "B H", "dc": "B H", **STATES, **WEIGHTS}

STEP_BACKWARD_KIND = Kind(
    signature="step_backward(dh, dc, x, h_prev, c_prev, W_ih, W_hh, b)"
    " -> (dx, dh_prev, dc_prev, dW_ih, dW_hh, db)",
    outputs={**_GRADS, **_WEIGHT_GRADS},
    cases=[
        draw(3, _STEP_BACKWARD_ARGUMENTS, B=3, D=2, H=4),
        draw(4, _STEP_BACKWARD_ARGUMENTS, B=2, D=3, H=5),
    ],
    reference=_reference_step_backward,
    mistakes=STEP_BACKWARD,
    page="numpy",
)
