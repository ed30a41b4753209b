"""One step, right or with a common mistake, to be tried together with mistakes of the loop.

A step that goes wrong in any other way is read by itself, from sequences of length 1. That cannot
be done where the loop keeps a part of the step from being seen: without h0, or without the step.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._reading import Array, Finding, named
from lstm_tutorial.exercises._ways import Way
from lstm_tutorial.rnn import sigmoid

State = tuple[Array, ...]  # h, or h and c
GATES = "ifgo"
SQUASHES: dict[str, Callable[[Array], Array]] = {
    "σ": sigmoid, "tanh": np.tanh, "no function": np.asarray, "ReLU": lambda z: np.maximum(z, 0),
}  # fmt: skip
CELLS: dict[str, tuple[str, Callable[..., Array]]] = {
    "f · c": ("i g", lambda i, f, g, c: f * c),
    "i · g": ("f", lambda i, f, g, c: i * g),
    "c + i · g": ("f", lambda i, f, g, c: c + i * g),
    "f · c + g": ("i", lambda i, f, g, c: f * c + g),
    "f · c + (1 - f) · g": ("i", lambda i, f, g, c: f * c + (1 - f) * g),
    "(1 - i) · c + i · g": ("f", lambda i, f, g, c: (1 - i) * c + i * g),
    "f · c - i · g": ("i g", lambda i, f, g, c: f * c - i * g),
    "tanh(f · c + i · g)": ("c", lambda i, f, g, c: np.tanh(f * c + i * g)),
}
HIDDEN: dict[str, tuple[str, Callable[..., Array]]] = {
    "o · c": ("h", lambda o, c, old: o * c),
    "o · σ(c)": ("h", lambda o, c, old: o * sigmoid(c)),
    "tanh(c)": ("o", lambda o, c, old: np.tanh(c)),
    "o · tanh(c_prev)": ("h", lambda o, c, old: o * np.tanh(old)),
    "tanh(o · c)": ("h", lambda o, c, old: np.tanh(o * c)),
}
INSIDE: dict[str, tuple[str, Callable[..., Array]]] = {
    "x and h, without b": ("b", lambda x, h, W, U, b: x @ W.T + h @ U.T),
    "x, h and twice b": ("b", lambda x, h, W, U, b: x @ W.T + h @ U.T + 2 * b),
    "x and b, without h": ("h", lambda x, h, W, U, b: x @ W.T + b + 0 * (h @ U.T)),
    "h and b, without x": ("x", lambda x, h, W, U, b: h @ U.T + b),
    "x, b, and h with each block of W_hh transposed": (
        "W_hh", lambda x, h, W, U, b: x @ W.T + b + np.hstack(
            [h @ block for block in np.split(U, len(U) // U.shape[1])]),
    ),
}  # fmt: skip


def right_step(
    x: Array, *rest: Array, cell: Callable[[Array], Array] = np.asarray,
    order: Sequence[int] = range(4), squash: Mapping[int, Any] = {}, new_c: Any = None,
    new_h: Any = None, inside: Any = None,
) -> State:  # fmt: skip
    """Return h and c after a step, or h alone where no c is given; right without keywords."""
    *state, W_ih, W_hh, b = rest
    h = state[0]
    z = inside(x, h, W_ih, W_hh, b) if inside else x @ W_ih.T + h @ W_hh.T + b
    if len(state) == 1:
        return (squash.get(0, np.tanh)(z),)
    blocks = z.reshape(len(z), 4, -1)
    usual = (sigmoid, sigmoid, np.tanh, sigmoid)
    i, f, g, o = (squash.get(k, usual[k])(blocks[:, order[k]]) for k in range(4))
    c = cell(new_c(i, f, g, state[1]) if new_c else f * state[1] + i * g)
    return new_h(o, c, state[1]) if new_h else o * np.tanh(c), c


def _way(says: str, where: str, **keywords: Any) -> Way:
    title = says.partition(". ")[0].removesuffix(".")
    said = Finding(title, says, tuple(where.split()), "gates")
    return Way({("step", 0): partial(right_step, **keywords)}, said)


def steps(states: int) -> list[Way]:
    """Return the common mistakes of a step."""
    found = []
    for phrase, (where, inside) in INSIDE.items():
        found.append(_way(f"The pre-activations are made of {phrase}.", where, inside=inside))
    for k, gate in enumerate(GATES if states == 2 else "h"):
        for name, squash in SQUASHES.items():
            right = "tanh" if gate in "gh" else "σ"
            if name != right:
                says = f"{gate} is squashed by {name}. It should be {right}."
                found.append(_way(says, gate, squash={k: squash}))
    if states == 1:
        return found
    for phrase, (where, cell) in CELLS.items():
        says = f"The new c is {phrase}. It should be f · c + i · g."
        found.append(_way(says, where, new_c=cell))
    for phrase, (where, hidden) in HIDDEN.items():
        found.append(_way(f"h is {phrase}. It should be o · tanh(c).", where, new_h=hidden))
    for order in list(permutations(range(4)))[1:]:
        taken = named([GATES[order.index(k)] for k in range(4)])
        moved = " ".join(GATES[k] for k in range(4) if order[k] != k)
        says = f"The blocks of rows are taken for {taken}. Their order is i, f, g, o."
        found.append(_way(says, moved, order=order))
    return found


class Turn(NamedTuple):
    """What one step back gives."""

    dx: Array
    back: State  # dh_prev, or dh_prev and dc_prev
    dz: Any = None  # of the pre-activations; None where the step was read as a whole
    total: Any = None  # dc with the way through h
    f: Any = None
    shares: Any = None  # of dW_ih, dW_hh and db, where there is no dz


def right_back(
    v: Mapping[str, Array], ways: Mapping[Any, Any], W_ih: Array, W_hh: Array, dh: Array, *dc: Array
) -> Turn:
    """Take one step back with the stored values, of an LSTM if there is dc."""
    if not dc:
        parts = [{"dh": dh, "the slope": 1 - v["h"] ** 2}]
        total = f = None
        before: State = ()
    else:
        i, f, g, o, squashed = v["i"], v["f"], v["g"], v["o"], np.tanh(v["c"])
        through = {"dh": dh, "o": o, "the slope": 1 - squashed * squashed}
        through = ways["total", 0](through, v) if ("total", 0) in ways else through
        total = dc[0] * ways.get(("total", 1), 1) + np.prod(list(through.values()), axis=0)
        parts = [
            {"dc": total, "g": g, "the slope": i * (1 - i)},
            {"dc": total, "c_prev": v["c_prev"], "the slope": f * (1 - f)},
            {"dc": total, "i": i, "the slope": 1 - g * g},
            {"dh": dh, "tanh(c)": squashed, "the slope": o * (1 - o)},
        ]
        before = (total * v["kept"],)
        f = v["kept"]
    for k in range(len(parts)):
        if ("factor", k) in ways:
            parts[k] = ways["factor", k](parts[k], v)
    dz = np.concatenate([np.prod(list(p.values()), axis=0) for p in parts], axis=1)
    dz = ways["dz", 0](dz) if ("dz", 0) in ways else dz
    W_hh = ways["W_hh", 0](W_hh) if ("W_hh", 0) in ways else W_hh
    to_x, to_h = (dh if ("road", k) in ways else dz for k in range(2))
    return Turn(to_x @ W_ih, (to_h @ W_hh, *before), dz, total, f)


def _turned(W_hh: Array) -> Array:
    H = W_hh.shape[1]
    return W_hh.reshape(-1, H, H).swapaxes(1, 2).reshape(W_hh.shape)


def _without(name: str, parts: dict[str, Array], v: Mapping[str, Array]) -> dict[str, Array]:
    return {n: a for n, a in parts.items() if n != name}


def _slope(slope: Callable[[Array], Array], key: str, parts: dict[str, Array], v: Any) -> Any:
    return {**parts, "the slope": slope(np.tanh(v[key]) if key == "c" else v[key])}


SLOPES: dict[str, Callable[[Array], Array]] = {
    "a (1 - a)": lambda a: a * (1 - a),
    "1 - a²": lambda a: 1 - a * a,
    "1 - a": lambda a: 1 - a,
    "a": lambda a: a,
    "1 - tanh(a)²": lambda a: 1 - np.tanh(a) ** 2,
    "σ(a) (1 - σ(a))": lambda a: sigmoid(a) * (1 - sigmoid(a)),
}


def backs(states: int) -> list[Way]:
    """Return the common mistakes of a step back."""
    found = []

    def add(key: tuple[str, int], value: Any, says: str, where: str) -> None:
        said = Finding(f"d{where}", says, (where,), "flow" if states == 2 else "backpropagation")
        found.append(Way({key: value}, said))

    for k, gate in enumerate(GATES if states == 2 else "h"):
        where = gate if states == 2 else "slope"
        for name in {"i": ("g",), "f": ("c_prev",), "g": ("i",), "o": ("tanh(c)",)}.get(gate, ()):
            add(
                ("factor", k), partial(_without, name), f"dz_{gate} lacks the factor {name}.", where
            )
        says = f"dz_{gate} lacks the slope of {gate}."
        add(("factor", k), partial(_without, "the slope"), says, where)
        for phrase, slope in SLOPES.items():
            if phrase != ("1 - a²" if gate in "gh" else "a (1 - a)"):
                says = f"In dz_{gate} the slope is {phrase.replace('a', gate)}."
                add(("factor", k), partial(_slope, slope, gate), says, where)
    add(("W_hh", 0), _turned, "dh_prev is made of W_hh with each block transposed.", "dh")
    for k, name in enumerate(("dx", "dh_prev") if states == 1 else ()):
        where = ("dx", "dh")[k]
        add(("road", k), None, f"{name} is made of dh. It should be made of dz.", where)
    for name in ("o", "the slope") if states == 2 else ():
        says = f"The way from dh to dc lacks {name}."
        add(("total", 0), partial(_without, name), says, "dc")
    if states == 2:
        add(("total", 1), 0, "dc that came back is overwritten by the share of dh.", "dc")
        none = {"dh": np.zeros(())}
        says = "dc lacks the way through h, dh · o · (1 - tanh(c)²)."
        add(("total", 0), lambda parts, v: none, says, "dc")
        slope_of_c = partial(_slope, lambda a: 1 - a, "c")
        add(("total", 0), slope_of_c, "In dc the slope of tanh(c) lacks the square.", "dc")
    return found
