"""One step of the LSTM with switches: each mistake, or any two, gives what it leads to.

The gates are written out one by one, as a learner would, so that each can go wrong by itself.
"""

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
    pick,
)
from lstm_tutorial.rnn import sigmoid

RIGHT = "i f g o"
NONE: Mistakes = frozenset()


def step(
    x: Array, h: Array, c: Array, W_ih: Array, W_hh: Array, b: Array, m: Mistakes = NONE
) -> tuple[Array, Array]:
    """Return the states as they are carried on."""
    if "h and c exchanged at the entrance" in m:
        h, c = c, h
    i, f, g, o = _gates(x, h, c, W_ih, W_hh, b, m)
    new_c = _cell(i, f, g, o, h, c, m)
    new_h = _output(i, f, g, o, c, new_c, m)
    out = {
        "h and c returned in the other order": lambda: (new_c, new_h),
        "h returned twice": lambda: (new_h, new_h),
        "c returned twice": lambda: (new_c, new_c),
        "the old c returned": lambda: (new_h, c),
        "the old h returned": lambda: (h, new_c),
    }
    return pick(m, out, (new_h, new_c))


def _gates(
    x: Array, h: Array, c: Array, W_ih: Array, W_hh: Array, b: Array, m: Mistakes
) -> list[Array]:
    """Return i, f, g, o."""
    B, H = h.shape
    order = chosen("gates read as ", m)
    if order:
        W_ih, W_hh, b = (in_order(order, RIGHT, a) for a in (W_ih, W_hh, b))
    if "b added twice" in m:
        b = 2 * b
    if "b left out" in m:
        b = 0 * b
    if "one bias for all gates" in m:
        b = np.tile(b[:H], 4)
    if "one W_hh for all gates" in m:
        W_hh = np.tile(W_hh[:H], (4, 1))
    if "one W_ih for all gates" in m:
        W_ih = np.tile(W_ih[:H], (4, 1))
    if "W_hh transposed in each block" in m:
        W_hh = blockwise_transposed(W_hh)
    for k, gate in enumerate("ifgo"):
        if f"bias of {gate} left out" in m:
            b = np.where(np.arange(4 * H) // H == k, 0, b)
        if f"h left out of {gate}" in m:
            W_hh = np.where(np.arange(4 * H)[:, None] // H == k, 0, W_hh)
        if f"x left out of {gate}" in m:
            W_ih = np.where(np.arange(4 * H)[:, None] // H == k, 0, W_ih)
    seen = c if "c in place of h in the gates" in m else h
    if "h left out of the gates" in m:
        seen = 0 * seen
    if "x left out of the gates" in m:
        x = 0 * x
    from_x = x @ (W_ih.reshape(-1, 4 * H) if "W_ih reshaped, not transposed" in m else W_ih.T)
    from_h = seen @ (W_hh.reshape(H, -1) if "W_hh reshaped, not transposed" in m else W_hh.T)
    z = from_x * from_h + b if "the two products multiplied" in m else from_x + from_h + b
    if "gates interleaved" in m:
        blocks = [z[:, k::4] for k in range(4)]
    elif "gates cut along the wrong axis" in m:
        blocks = list(z.reshape(4, B, H))
    else:
        blocks = np.split(z, 4, axis=1)
    return [_squash(gate, z, m) for gate, z in zip("ifgo", blocks, strict=True)]


def _squash(gate: str, z: Array, m: Mistakes) -> Array:
    if gate == "g":
        if "σ with the wrong sign" in m and "g squashed by σ" in m:
            return sigmoid(-z)
        ways = {
            "nothing squashed": lambda: z,
            "g not squashed": lambda: z,
            "g squashed by σ": lambda: sigmoid(z),
            "g squashed twice": lambda: np.tanh(np.tanh(z)),
            "g squashed by ReLU": lambda: np.maximum(z, 0),
            "tanh half as steep": lambda: np.tanh(z / 2),
        }
    else:
        ways = {
            "nothing squashed": lambda: z,
            "i, f, o not squashed": lambda: z,
            "i, f, o squashed by tanh": lambda: np.tanh(z),
            "i, f, o squashed twice": lambda: sigmoid(sigmoid(z)),
            "σ with the wrong sign": lambda: sigmoid(-z),
            "σ twice as steep": lambda: sigmoid(2 * z),
            "hard sigmoid": lambda: np.clip(0.2 * z + 0.5, 0, 1),
            f"{gate} not squashed": lambda: z,
            f"{gate} squashed by tanh": lambda: np.tanh(z),
            f"{gate} squashed twice": lambda: sigmoid(sigmoid(z)),
        }
    own = [name for name in ways if name in m]
    if own:
        # What concerns one gate alone stands over what concerns all.
        return ways[max(own, key=lambda name: name.startswith(f"{gate} "))]()
    return np.tanh(z) if gate == "g" else sigmoid(z)


def _cell(i: Array, f: Array, g: Array, o: Array, h: Array, c: Array, m: Mistakes) -> Array:
    """Return the new cell state."""
    kept = {
        "the old cell left out": lambda: 0 * c,
        "forget gate not applied": lambda: c,
        "1 - f in place of f": lambda: (1 - f) * c,
        "1 - i in place of f": lambda: (1 - i) * c,
        "i in place of f": lambda: i * c,
        "f times h, not c": lambda: f * h,
        "f added to c, not multiplied": lambda: f + c,
        "the old cell squashed": lambda: f * np.tanh(c),
    }
    new = {
        "the candidate left out": lambda: i,
        "input gate not applied": lambda: g,
        "nothing new added": lambda: 0 * g,
        "1 - f in place of i": lambda: (1 - f) * g,
        "f in place of i": lambda: f * g,
        "o in place of i": lambda: o * g,
        "i added to g, not multiplied": lambda: i + g,
    }
    old_part = pick(m, kept, f * c)
    new_part = pick(m, new, i * g)
    whole = {
        "new content subtracted": lambda: old_part - new_part,
        "old and new multiplied": lambda: old_part * new_part,
        "f times the whole sum": lambda: f * (c + new_part),
    }
    total = pick(m, whole, old_part + new_part)
    return np.tanh(total) if "c itself squashed" in m else total


def _output(i: Array, f: Array, g: Array, o: Array, old: Array, c: Array, m: Mistakes) -> Array:
    """Return the new h."""
    half = 0.5 if "tanh half as steep" in m else 1.0
    squashed = np.tanh(half * c)
    ways = {
        "tanh of c left out": lambda: o * c,
        "σ in place of tanh of c": lambda: o * sigmoid(c),
        "h made of the old c": lambda: o * np.tanh(half * old),
        "output gate not applied": lambda: squashed,
        "tanh around the product o c": lambda: np.tanh(o * c),
        "h made of g, not of c": lambda: o * g,
        "h squashed twice": lambda: o * np.tanh(squashed),
        "f in place of o": lambda: f * squashed,
        "i in place of o": lambda: i * squashed,
        "o added to tanh(c), not multiplied": lambda: o + squashed,
    }
    return pick(m, ways, o * squashed)


_GATE = {"i": "input gate i", "f": "forget gate f", "o": "output gate o"}

CANDIDATE = {
    "g squashed by σ": Mistake(
        "You applied the logistic function to g. The candidate is squashed by tanh, so that "
        "content can be negative.",
        "gates",
        "g",
    ),
    "g not squashed": Mistake(
        "The candidate g is used as it comes out of the product. It is squashed by tanh.",
        "state",
        "g",
    ),
}

OUTPUT = {
    "tanh of c left out": Mistake("You return h = o c. It is h = o tanh(c).", "state", "h"),
    "h made of the old c": Mistake(
        "h is made of the cell state that came in. Take the new one: h = o tanh(c_t).", "state", "h"
    ),
    "h and c returned in the other order": Mistake(
        "h and c stand in each other's place among what you return. h comes first.", "state", "out"
    ),
}

ORDERS = {
    f"gates read as {order}": Mistake(
        f"You take the four blocks of rows for {', '.join(order.split())}. They stand in the order "
        "i, f, g, o. (Two gates in each other's place in the formulas give the same numbers.)",
        "same",
        "order",
    )
    for order in orders(RIGHT)
}

STEP = {
    **CANDIDATE,
    **OUTPUT,
    "b left out": Mistake("The bias b is not added.", "gates", "b"),
    "h left out of the gates": Mistake(
        "The gates do not see h_prev: add h_prev @ W_hh.T.", "gates", "seen"
    ),
    "forget gate not applied": Mistake(
        "The old cell is not multiplied by the forget gate: c = f c_prev + i g.", "gates", "kept"
    ),
    "input gate not applied": Mistake(
        "The candidate is not multiplied by the input gate: c = f c_prev + i g.", "gates", "new"
    ),
    "the old cell left out": Mistake(
        "The old cell is left out of the new one: c = f c_prev + i g.", "state", "kept"
    ),
    "output gate not applied": Mistake(
        "h is not multiplied by the output gate: h = o tanh(c).", "gates", "h"
    ),
    "i, f, o not squashed": Mistake(
        "The three gates are used as they come out of the product. σ squashes each into 0 to 1.",
        "gates",
        "σ",
    ),
    **ORDERS,
    "c in place of h in the gates": Mistake(
        "The gates see c_prev. It is h_prev that is multiplied by W_hh.", "state", "seen"
    ),
    "h and c exchanged at the entrance": Mistake(
        "h_prev and c_prev are taken for each other. The arguments come as x, h_prev, c_prev.",
        "state",
        "entrance",
    ),
    "x left out of the gates": Mistake(
        "The gates do not see the input: add x @ W_ih.T.", "gates", "x"
    ),
    **{
        f"{gate} not squashed": Mistake(
            f"The {long} is used as it comes out of the product. σ squashes it into 0 to 1.",
            "gates",
            f"σ {gate}",
        )
        for gate, long in _GATE.items()
    },
    **{
        f"{gate} squashed by tanh": Mistake(
            f"You applied tanh to {gate}. A gate is a share from 0 to 1: it takes σ.",
            "gates",
            f"σ {gate}",
        )
        for gate in _GATE
    },
    **{
        f"{gate} squashed twice": Mistake(
            f"σ is applied to {gate} twice. Once is enough.", "gates", f"σ {gate}"
        )
        for gate in _GATE
    },
    "g squashed twice": Mistake("tanh is applied to g twice. Once is enough.", "gates", "g"),
    "g squashed by ReLU": Mistake(
        "You applied ReLU to g. The candidate is squashed by tanh.", "gates", "g"
    ),
    "i, f, o squashed by tanh": Mistake(
        "You applied tanh to the three gates. A gate is a share from 0 to 1: it takes σ.",
        "gates",
        "σ",
    ),
    "i, f, o squashed twice": Mistake(
        "σ is applied to each of the three gates twice. Once is enough.", "gates", "σ"
    ),
    "nothing squashed": Mistake(
        "None of i, f, g, o is squashed. i, f, o take σ, the candidate g takes tanh.", "gates", "σ"
    ),
    "σ with the wrong sign": Mistake(
        "Your logistic function falls where it should rise: it is 1 / (1 + exp(-z)).", "gates", "σ"
    ),
    "σ twice as steep": Mistake(
        "Your logistic function is twice as steep as it should be: by tanh it is "
        "(1 + tanh(z / 2)) / 2.",
        "gates",
        "σ",
    ),
    "tanh half as steep": Mistake(
        "Your tanh is half as steep as it should be: by σ it is 2 σ(2 z) - 1.", "gates", "tanh"
    ),
    "hard sigmoid": Mistake(
        "You squash the gates by clip(0.2 z + 0.5), the hard sigmoid. Here σ is the smooth "
        "1 / (1 + exp(-z)).",
        "gates",
        "σ",
    ),
    "1 - f in place of f": Mistake(
        "The old cell is multiplied by 1 - f. f is the share that is kept: c = f c_prev + i g.",
        "gates",
        "kept",
    ),
    "1 - f in place of i": Mistake(
        "The candidate is multiplied by 1 - f. The LSTM has a gate of its own for it, i.",
        "gates",
        "new",
    ),
    "1 - i in place of f": Mistake(
        "The old cell is multiplied by 1 - i. The LSTM has a gate of its own for it, f.",
        "gates",
        "kept",
    ),
    "i in place of f": Mistake(
        "The old cell is multiplied by i, and so is the candidate: c = f c_prev + i g.",
        "gates",
        "kept",
    ),
    "f in place of i": Mistake(
        "The candidate is multiplied by f, and so is the old cell: c = f c_prev + i g.",
        "gates",
        "new",
    ),
    "o in place of i": Mistake("The candidate is multiplied by o. Its gate is i.", "gates", "new"),
    "f times h, not c": Mistake(
        "The forget gate multiplies h_prev. It is the cell state c_prev that is kept.",
        "state",
        "kept",
    ),
    "the old cell squashed": Mistake(
        "The old cell goes through tanh before it is kept. It is kept as it is: f c_prev.",
        "state",
        "kept",
    ),
    "f added to c, not multiplied": Mistake(
        "f is added to c_prev. A gate multiplies: f c_prev.", "gates", "kept"
    ),
    "the candidate left out": Mistake(
        "i is added to the cell by itself. What is let in is i g.", "state", "new"
    ),
    "nothing new added": Mistake(
        "Nothing is let in: the part i g is left out of c = f c_prev + i g.", "state", "new"
    ),
    "i added to g, not multiplied": Mistake(
        "i is added to g. A gate multiplies: i g.", "gates", "new"
    ),
    "new content subtracted": Mistake(
        "i g is subtracted. It is added: c = f c_prev + i g.", "state", "whole"
    ),
    "old and new multiplied": Mistake(
        "f c_prev and i g are multiplied. They are added.", "state", "whole"
    ),
    "f times the whole sum": Mistake(
        "f multiplies the new content too. It multiplies the old cell alone: c = f c_prev + i g.",
        "gates",
        "whole",
    ),
    "c itself squashed": Mistake(
        "The cell state goes through tanh before it is carried on. It is carried on as it is; "
        "tanh(c) is for h alone.",
        "state",
        "c",
    ),
    "σ in place of tanh of c": Mistake("You return h = o σ(c). It is h = o tanh(c).", "state", "h"),
    "tanh around the product o c": Mistake(
        "You return h = tanh(o c). The gate stands outside: h = o tanh(c).", "state", "h"
    ),
    "h made of g, not of c": Mistake(
        "You return h = o g. What is shown is the cell state: h = o tanh(c).", "state", "h"
    ),
    "h squashed twice": Mistake(
        "c goes through tanh twice on its way to h. Once is enough.", "state", "h"
    ),
    "f in place of o": Mistake("tanh(c) is multiplied by f. Its gate is o.", "gates", "h"),
    "i in place of o": Mistake("tanh(c) is multiplied by i. Its gate is o.", "gates", "h"),
    "o added to tanh(c), not multiplied": Mistake(
        "o is added to tanh(c). A gate multiplies: h = o tanh(c).", "gates", "h"
    ),
    "h returned twice": Mistake(
        "The same array is returned as h and as c: it is h.", "state", "out"
    ),
    "c returned twice": Mistake(
        "The same array is returned as h and as c: it is c.", "state", "out"
    ),
    "the old c returned": Mistake(
        "The cell state is handed back as it came in. Return the new one.", "state", "out"
    ),
    "the old h returned": Mistake(
        "h is handed back as it came in. Return the new one.", "state", "out"
    ),
    "b added twice": Mistake("The bias b is added twice.", "gates", "b"),
    **{
        f"bias of {gate} left out": Mistake(
            f"The bias is missing in {gate}. Each of the four has its own quarter of b.",
            "gates",
            f"b {gate}",
        )
        for gate in "ifgo"
    },
    **{
        f"h left out of {gate}": Mistake(
            f"{gate} does not see h_prev. All four do, each by its own quarter of W_hh.",
            "gates",
            f"h {gate}",
        )
        for gate in "ifgo"
    },
    **{
        f"x left out of {gate}": Mistake(
            f"{gate} does not see the input x. All four do, each by its own quarter of W_ih.",
            "gates",
            f"x {gate}",
        )
        for gate in "ifgo"
    },
    "one bias for all gates": Mistake(
        "The first quarter of b serves all four. Each has its own quarter.", "gates", "b"
    ),
    "one W_hh for all gates": Mistake(
        "The first quarter of W_hh serves all four. Each has its own quarter.", "gates", "one W_hh"
    ),
    "one W_ih for all gates": Mistake(
        "The first quarter of W_ih serves all four. Each has its own quarter.", "gates", "one W_ih"
    ),
    "W_hh transposed in each block": Mistake(
        "Each block of W_hh is used the other way round: rows are what comes out, so it is "
        "h_prev @ W_hh.T.",
        "numpy",
        "T",
    ),
    "W_hh reshaped, not transposed": Mistake(
        "W_hh is brought to (H, 4H) by reshape, which only counts the numbers anew. Use W_hh.T.",
        "numpy",
        "T",
    ),
    "W_ih reshaped, not transposed": Mistake(
        "W_ih is brought to (D, 4H) by reshape, which only counts the numbers anew. Use W_ih.T.",
        "numpy",
        "T x",
    ),
    "the two products multiplied": Mistake(
        "The parts from x and from h are multiplied. They are added.", "gates", "sum"
    ),
    "gates interleaved": Mistake(
        "You take every fourth column for a gate. A gate is H columns in a row: z[:, :H] is i.",
        "numpy",
        "cut",
    ),
    "gates cut along the wrong axis": Mistake(
        "The gates are cut across the batch: reshape to (4, B, H) mixes the sequences. Cut along "
        "the last axis, (B, 4, H).",
        "numpy",
        "cut",
    ),
}

STATES = {"x": "B D", "h_prev": "B H", "c_prev": "B H"}
WEIGHTS = {"W_ih": "4H D", "W_hh": "4H H", "b": "4H"}

STEP_KIND = Kind(
    signature="step(x, h_prev, c_prev, W_ih, W_hh, b) -> (h, c)",
    outputs={"h": "B H", "c": "B H"},
    cases=[
        draw(1, {**STATES, **WEIGHTS}, B=3, D=2, H=4),
        draw(2, {**STATES, **WEIGHTS}, B=2, D=3, H=5),
    ],
    reference=lambda x, h_prev, c_prev, W_ih, W_hh, b, m: step(x, h_prev, c_prev, W_ih, W_hh, b, m),
    mistakes=STEP,
    page="state",
)
