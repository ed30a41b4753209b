"""Exercises on sequences and layers: batches of many lengths, chunks, ports, PyTorch's tensors."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lstm_tutorial import lstm
from lstm_tutorial.exercises._exercise import (
    Array,
    Case,
    Kind,
    Mistake,
    Mistakes,
    as_tensor,
    by_ways,
    chosen,
    deaf,
    draw,
    in_order,
    orders,
    pick,
)
from lstm_tutorial.exercises._lstm_step import STEP, step
from lstm_tutorial.exercises._rnn import forward as rnn_forward
from lstm_tutorial.exercises._rnn import step_backward as rnn_step_backward
from lstm_tutorial.rnn import sigmoid

# Batches of many lengths


def _at(hs: Array, steps: Any) -> Array:
    return hs[steps, np.arange(hs.shape[1])]


def _valid(hs: Array, lengths: Array) -> Array:
    return np.arange(len(hs))[:, None, None] < lengths[:, None]


_MANY_LENGTHS = [
    Case(
        {"T": T, "B": len(lengths), "H": H},
        {"hs": np.random.default_rng(s).normal(size=(T, len(lengths), H)), "lengths": lengths},
    )
    for s, T, H, lengths in [
        (120, 6, 4, np.array([3, 6, 1, 5, 2])),
        (121, 7, 2, np.array([4, 2, 6])),
    ]
]

LAST_VALID = by_ways(
    "last_valid(hs, lengths) -> array (B, H), the last state of each sequence, from (T, B, H)",
    {"h": "B H"},
    _MANY_LENGTHS,
    lambda hs, lengths: _at(hs, lengths - 1),
    {
        "end of the array": (
            "hs[-1] is the end of the array: for shorter sequences it is padding.",
            lambda hs, lengths: hs[-1],
        ),
        "one step early": (
            "The last valid step is length - 1; this is the one before.",
            lambda hs, lengths: _at(hs, lengths - 2),
        ),
        "one step late": (
            "The last valid step is length - 1; this is the one after, padding.",
            lambda hs, lengths: _at(hs, np.minimum(lengths, len(hs) - 1)),
        ),
        "first step": ("This is the first step.", lambda hs, lengths: hs[0]),
        "mean over time": ("This is the mean over time.", lambda hs, lengths: hs.mean(axis=0)),
        "mean of the valid steps": (
            "This is the mean of the valid steps. Wanted is the last of them.",
            lambda hs, lengths: (hs * _valid(hs, lengths)).sum(axis=0) / lengths[:, None],
        ),
        "the longest for all": (
            "The longest length serves all sequences. Each has its own.",
            lambda hs, lengths: hs[lengths.max() - 1],
        ),
        "the shortest for all": (
            "The shortest length serves all sequences. Each has its own.",
            lambda hs, lengths: hs[lengths.min() - 1],
        ),
        "counted from the end": (
            "The steps are counted from the end: sequences begin at step 0, padding comes last.",
            lambda hs, lengths: _at(hs, len(hs) - lengths),
        ),
    },
    "nn-lstm",
)


def _packed(
    order: Callable[[Array], Array] = lambda lengths: np.argsort(-lengths),
    sizes: Callable[[Array], Array] = lambda sizes: sizes,
    by_sequence: bool = False,
) -> Callable[..., tuple[Array, Array]]:
    """Return the packing of hs without padding, and how many sequences each step has."""

    def pack(hs: Array, lengths: Array) -> tuple[Array, Array]:
        running = np.arange(len(hs))[:, None] < lengths
        columns = order(lengths)
        steps = [hs[t, [b for b in columns if running[t, b]]] for t in range(len(hs))]
        if by_sequence:
            steps = [hs[: lengths[b], b] for b in columns]
        return np.concatenate(steps), sizes(running.sum(axis=1))

    return pack


PACK = by_ways(
    "pack(hs, lengths) -> (data, batch_sizes), the valid rows of (T, B, H) step by step, longest "
    "sequence first, and how many there are of each step",
    {"data": "N H", "batch_sizes": "T"},
    [
        Case({**case.sizes, "N": int(case.arguments["lengths"].sum())}, case.arguments)
        for case in _MANY_LENGTHS
    ],
    _packed(),
    {
        "sequence after sequence": (
            "The sequences lie one after the other. All first steps come first, then all second.",
            _packed(by_sequence=True),
        ),
        "not sorted": (
            "The sequences stand as in the batch. The longest comes first.",
            _packed(lambda lengths: np.arange(len(lengths))),
        ),
        "not sorted, sequence after sequence": (
            "The sequences lie one after the other, as in the batch. All first steps come first, "
            "that of the longest sequence before the others.",
            _packed(lambda lengths: np.arange(len(lengths)), by_sequence=True),
        ),
        "shortest first": (
            "The shortest sequence comes first. The longest does.",
            _packed(np.argsort),
        ),
        "batch_sizes turned round": (
            "batch_sizes runs backwards: at step 0 all sequences are there.",
            _packed(sizes=lambda sizes: sizes[::-1]),
        ),
        "one step late": (
            "A sequence of length n has its last row at step n - 1, and none at step n.",
            _packed(sizes=lambda sizes: np.concatenate([sizes[:1], sizes[:-1]])),
        ),
    },
    "nn-lstm",
)


def _halves(out: Array, forward: Any, backward: Any) -> Array:
    H = out.shape[2] // 2
    return np.concatenate([_at(out, forward)[:, :H], _at(out, backward)[:, H:]], axis=1)


LAST_VALID_TORCH = by_ways(
    "last_valid(out, lengths) -> tensor (B, 2H), what both directions of nn.LSTM end with",
    {"ends": "B 2H"},
    [
        Case(case.sizes, {"out": a["hs"].repeat(2, 2) + 0.1 * a["hs"][::-1, :, :1],
                          "lengths": a["lengths"]})
        for case in _MANY_LENGTHS
        for a in [case.arguments]
    ],
    lambda out, lengths: _halves(out, lengths - 1, 0 * lengths),
    {
        "end of the array": (
            "This is the end of the array: it reads padding.",
            lambda out, lengths: out[-1],
        ),
        "both halves at length - 1": (
            "The backward half has seen one step only: it ends at step 0.",
            lambda out, lengths: _at(out, lengths - 1),
        ),
        "both halves at step 0": (
            "The forward half has seen one step only: it ends at length - 1.",
            lambda out, lengths: out[0],
        ),
        "halves taken at each other's step": (
            "The forward half ends at length - 1, the backward half at step 0.",
            lambda out, lengths: _halves(out, 0 * lengths, lengths - 1),
        ),
        "directions swapped": (
            "The backward direction stands first. The forward one does.",
            lambda out, lengths: np.roll(
                _halves(out, lengths - 1, 0 * lengths), out.shape[2] // 2, axis=1
            ),
        ),
        "one step early": (
            "The last valid step is length - 1; this is the one before.",
            lambda out, lengths: _halves(out, lengths - 2, 0 * lengths),
        ),
        "forward half at the end of the array": (
            "The forward half is taken at the end of the array: it reads padding.",
            lambda out, lengths: _halves(out, len(out) - 1 + 0 * lengths, 0 * lengths),
        ),
        "backward half at the end of the array": (
            "The backward half is taken at the end of the array. It ends at step 0.",
            lambda out, lengths: _halves(out, lengths - 1, len(out) - 1 + 0 * lengths),
        ),
    },
    "nn-lstm",
    prepare=as_tensor,
)  # fmt: skip


def _masked(reduce: Callable[..., Any]) -> Callable[..., Any]:
    """Return a loss from the squares, zero in the padding, the mask and the lengths."""

    def loss(y_hat: Array, y: Array, lengths: Array) -> Any:
        valid = _valid(y, lengths)
        squares = np.where(valid, y_hat - y, 0) ** 2
        return reduce(squares, lengths)

    return loss


def _loss_case(seed: int, T: int, lengths: Array, hole: bool) -> Case:
    rng = np.random.default_rng(seed)
    y_hat, y = rng.normal(size=(2, T, len(lengths), 1))
    if hole:
        y_hat[~_valid(y_hat, lengths)] = np.nan
    return Case({}, {"y_hat": y_hat, "y": y, "lengths": lengths})


MASKED_LOSS = by_ways(
    "masked_loss(y_hat, y, lengths) -> number, the mean square over valid steps of (T, B, 1)",
    {"loss": ""},
    [
        _loss_case(130, 6, np.array([2, 6, 3]), False),
        _loss_case(131, 5, np.array([4, 1, 2, 5]), False),
        _loss_case(132, 5, np.array([4, 1, 2, 5]), True),  # what stands there must not matter
    ],
    _masked(lambda squares, lengths: squares.sum() / lengths.sum()),
    {
        "padding in the mean": (
            "The padding is in the mean.",
            lambda y_hat, y, lengths: np.nan_to_num((y_hat - y) ** 2).mean(),
        ),
        "divided by all steps": (
            "The padding is set to zero, and still counted: divide by the valid steps.",
            _masked(lambda squares, lengths: squares.mean()),
        ),
        "mean of the sequences' means": (
            "Each sequence's mean counts the same, so steps of short ones count more. Take one "
            "mean over all valid steps.",
            _masked(lambda squares, lengths: (squares[..., 0].sum(axis=0) / lengths).mean()),
        ),
        "summed": (
            "The squares are summed. Take their mean.",
            _masked(lambda squares, lengths: squares.sum()),
        ),
        "divided by the batch": (
            "The sum is divided by the number of sequences. Divide by the valid steps.",
            _masked(lambda squares, lengths: squares.sum() / len(lengths)),
        ),
        "absolute errors": (
            "Absolute errors are averaged. Here squares are.",
            _masked(lambda squares, lengths: np.sqrt(squares).sum() / lengths.sum()),
        ),
        "root taken": (
            "The root of the mean is taken. Leave the mean as it is.",
            _masked(lambda squares, lengths: np.sqrt(squares.sum() / lengths.sum())),
        ),
    },
    "nn-lstm",
    prepare=as_tensor,
    ask=deaf,
)

# One step in PyTorch, from the pre-activations


def _cell(z: Array, c: Array, m: Mistakes) -> Sequence[Array]:
    size, zero = z.shape[1], np.zeros_like(c)
    eye, none = np.eye(size), np.zeros((size, c.shape[1]))
    return step(z, zero, c, eye, none, np.zeros(size), m)


_CELL_GROUPS = {
    "g", "h", "out", "kept", "new", "whole", "c", "σ", "σ i", "σ f", "σ o", "tanh", "order", "cut",
}  # fmt: skip
_NEED_H = {"the old h returned", "f times h, not c"}

TORCH_CELL = Kind(
    "step(z, c) -> (h, c), from the pre-activations (B, 4H) and the cell state (B, H)",
    {"h": "B H", "c": "B H"},
    [
        draw(140, {"z": "B 4H", "c": "B H"}, B=3, H=5),
        draw(141, {"z": "B 4H", "c": "B H"}, B=4, H=2),
    ],
    _cell,
    {
        name: mistake
        for name, mistake in STEP.items()
        if mistake.group in _CELL_GROUPS and name not in _NEED_H
    },
    "pytorch",
    prepare=as_tensor,
)


def _coupled(i: Array, f: Array, g: Array, o: Array, c: Array, m: Mistakes) -> list[Array]:
    i, s_f, s_o = sigmoid(i), sigmoid(f), sigmoid(o)
    content = np.tanh(g)
    squash = {"g squashed by σ": lambda: sigmoid(g), "g not squashed": lambda: g}
    content = pick(m, squash, content)
    stores = {
        "an input gate of its own": lambda: s_f * c + i * content,
        "1 - f before squashing": lambda: s_f * c + sigmoid(1 - f) * content,
        "f = 1 - i": lambda: (1 - i) * c + i * content,
        "f in place of 1 - f": lambda: s_f * c + s_f * content,
        "f and 1 - f exchanged": lambda: (1 - s_f) * c + s_f * content,
    }
    store = pick(m, stores, s_f * c + (1 - s_f) * content)
    shown = {
        "h made of the old c": lambda: s_o * np.tanh(c),
        "tanh of c left out": lambda: s_o * store,
        "output gate not applied": lambda: np.tanh(store),
    }
    h = pick(m, shown, s_o * np.tanh(store))
    return [store, h] if "h and c returned in the other order" in m else [h, store]


COUPLED_CELL = Kind(
    "cell(i, f, g, o, c) -> (h, c), where i, f, g, o are pre-activations and 1 - f is the input "
    "gate",
    {"h": "B H", "c": "B H"},
    [
        draw(s, {name: "B H" for name in "ifgoc"}, B=B, H=H)
        for s, B, H in [(142, 3, 4), (143, 5, 2)]
    ],
    _coupled,
    {
        **{
            name: Mistake(says, "gates", "store")
            for name, says in {
                "an input gate of its own": "The input gate is still one of its own: it is 1 - f.",
                "1 - f before squashing": "1 - f is taken of the pre-activation. Squash first.",
                "f = 1 - i": "The input gate decides for both. Here the forget gate does.",
                "f in place of 1 - f": "f lets in as well as it keeps. What is let in is 1 - f.",
                "f and 1 - f exchanged": "1 - f keeps and f lets in. It is the other way round.",
            }.items()
        },
        **{
            name: STEP[name]
            for name in (
                "g squashed by σ",
                "g not squashed",
                "h made of the old c",
                "tanh of c left out",
                "output gate not applied",
                "h and c returned in the other order",
            )
        },
    },
    "state",
    prepare=as_tensor,
)

# Ways back


def _slope_of_sigmoid(h: Array) -> Array:
    return h * (1 - h)


def _sigmoid_backward(
    dhs: Array, x: Array, hs: Array, W_hh: Array, m: Mistakes
) -> tuple[Array, ...]:
    slopes: dict[str, Callable[[Array], Array]] = {
        "slope of tanh": lambda h: 1 - h * h,
        "slope left out": np.ones_like,
        "h squashed again in its slope": lambda h: sigmoid(h) * (1 - sigmoid(h)),
    }
    slope = next((slopes[name] for name in slopes if name in m), _slope_of_sigmoid)
    T, B, H = dhs.shape
    dW_ih, dW_hh, db = np.zeros((H, x.shape[2])), np.zeros((H, H)), np.zeros(H)
    later = np.zeros((B, H))
    for t in reversed(range(T)):
        dz = (dhs[t] + later) * slope(hs[t if "slope at the old state" in m else t + 1])
        if "dW overwritten" in m:
            dW_ih, dW_hh, db = 0 * dW_ih, 0 * dW_hh, 0 * db
        dW_ih += dz.T @ x[t]
        dW_hh += dz.T @ hs[t + 1 if "dW_hh takes the new h" in m else t]
        db += dz.mean(axis=0) if "db averaged over the batch" in m else dz.sum(axis=0)
        later = dz @ (W_hh.T if "W_hh transposed" in m else W_hh)
        if "nothing carried back" in m:
            later = 0 * later
        if "slope left out on the way to h_prev" in m:
            later = (dhs[t] + later) @ W_hh
    return dW_ih, dW_hh, db


def _states_case(seed: int, **sizes: int) -> Case:
    arguments = {"x": "T B D", "h0": "B H", "W_ih": "H D", "W_hh": "H H", "b": "H"}
    drawn = draw(seed, {"dhs": "T B H", **arguments}, **sizes).arguments
    states = [sigmoid(drawn["h0"])]
    for x in drawn["x"]:
        z = x @ drawn["W_ih"].T + states[-1] @ drawn["W_hh"].T + drawn["b"]
        states.append(sigmoid(z))
    given = {"dhs": drawn["dhs"], "x": drawn["x"], "hs": np.array(states), "W_hh": drawn["W_hh"]}
    return Case(sizes, given)


_BACK = {
    "slope of tanh": ("This is the slope of tanh, 1 - h². The sigmoid has h (1 - h).", "slope"),
    "slope left out": ("The slope h (1 - h) is missing.", "slope"),
    "h squashed again in its slope": (
        "h is squashed already: its slope is h (1 - h).",
        "slope",
    ),
    "slope at the old state": (
        "The slope is taken at the old state hs[t]. It is that of the new one, hs[t + 1].",
        "at",
    ),
    "nothing carried back": (
        "Nothing goes from a step to the one before: add dz @ W_hh to dhs there.",
        "carry",
    ),
    "dW overwritten": (
        "The gradients hold one step, the last that the loop came to. Add the shares of all steps.",
        "dW",
    ),
    "dW_hh takes the new h": (
        "W_hh was multiplied by the old state: dW_hh = dz.T @ hs[t].",
        "state",
    ),
    "W_hh transposed": ("On the way back W_hh is used as it stands: dz @ W_hh.", "carry"),
    "slope left out on the way to h_prev": (
        "What goes back is dz @ W_hh, with the slope in dz.",
        "carry",
    ),
    "db averaged over the batch": ("db is a mean over the batch. It is a sum.", "db"),
}

SIGMOID_BACKWARD = Kind(
    "sigmoid_backward(dhs, x, hs, W_hh) -> (dW_ih, dW_hh, db), hs with the initial state first",
    {"dW_ih": "H D", "dW_hh": "H H", "db": "H"},
    [_states_case(150, T=3, B=2, D=5, H=4), _states_case(151, T=5, B=4, D=3, H=2)],
    _sigmoid_backward,
    {name: Mistake(says, "backpropagation", group) for name, (says, group) in _BACK.items()},
    "backpropagation",
)


def _jacobian(hs: Array, W_hh: Array, m: Mistakes) -> list[Array]:
    slopes = {
        "slope of tanh": lambda: 1 - hs**2,
        "slope left out": lambda: np.ones_like(hs),
    }
    slope = pick(m, slopes, hs * (1 - hs))
    slope = slope[:-1] if "initial state for the last" in m else slope[1:]
    W = W_hh.T if "W_hh transposed" in m else W_hh
    product = np.eye(len(W_hh))
    for s in slope:
        step = W * s if "slope on the wrong side" in m else s[:, None] * W
        product = product @ step if "order of the steps turned" in m else step @ product
    return [product.T if "transposed" in m else product]


_STEPS = {
    "transposed": ("It is transposed: row i holds the gradient of h_T[i].", "T"),
    "order of the steps turned": ("The last step's Jacobian stands leftmost.", "order"),
    "slope of tanh": ("This is the slope of tanh, 1 - h². The sigmoid has h (1 - h).", "slope"),
    "slope left out": ("The slope h (1 - h) is missing.", "slope"),
    "slope on the wrong side": (
        "The slopes scale the columns of W_hh. They scale its rows: diag(slope) @ W_hh.",
        "side",
    ),
    "initial state for the last": (
        "The slopes are those of h_0 to h_{T-1}. Take those of h_1 to h_T.",
        "at",
    ),
    "W_hh transposed": ("W_hh is transposed: ∂h_t/∂h_{t-1} = diag(slope) W_hh.", "W"),
}

JACOBIAN = Kind(
    "jacobian(hs, W_hh) -> array (H, H), dh_T/dh_0 of a sigmoid network, hs (T + 1, H) with h_0 "
    "first",
    {"jacobian": "H H"},
    [
        Case(
            {"H": H},
            {
                "hs": sigmoid(np.random.default_rng(s).normal(size=(T + 1, H))),
                "W_hh": np.random.default_rng(s + 1).normal(size=(H, H)),
            },
        )
        for s, T, H in [(160, 3, 4), (162, 5, 2)]
    ],
    _jacobian,
    {name: Mistake(says, "vanishing", group) for name, (says, group) in _STEPS.items()},
    "vanishing",
    searched=2,
)


def _products(f: Array, dc_T: Array, first: bool = True) -> Array:
    kept = [dc_T]
    for gate in f[::-1]:
        kept.append(kept[-1] * gate)
    return np.array(kept)


_GATES = [
    Case(
        {"T": T, "B": B, "H": H, "lags": T + 1},
        {
            "f": sigmoid(np.random.default_rng(s).normal(size=(T, B, H))),
            "dc_T": np.random.default_rng(s + 1).normal(size=(B, H)),
        },
    )
    for s, T, B, H in [(170, 5, 3, 4), (172, 3, 2, 5)]
]

CAROUSEL = by_ways(
    "carousel_by_lag(f, dc_T) -> array (T + 1, B, H), the gradient at lag 0 to T",
    {"dc": "lags B H"},
    _GATES,
    _products,
    {
        "wrong end": (
            "One step back from the end means the last forget gate; the first one is used.",
            lambda f, dc_T: _products(f[::-1], dc_T),
        ),
        "not accumulated": (
            "Each lag multiplies what the lag before it left, not dc_T again.",
            lambda f, dc_T: np.concatenate([dc_T[None], dc_T * f[::-1]]),
        ),
        "in the order of time": (
            "It runs from the first step to the last. Lag 0, the end, stands first.",
            lambda f, dc_T: _products(f, dc_T)[::-1],
        ),
        "dc_T left out": (
            "These are the products of the gates. They multiply dc_T.",
            lambda f, dc_T: _products(f, np.ones_like(dc_T)),
        ),
        "1 - f in place of f": (
            "The factor is 1 - f. What is kept is f.",
            lambda f, dc_T: _products(1 - f, dc_T),
        ),
        "gates added": (
            "The gates are added up. They multiply.",
            lambda f, dc_T: np.concatenate([dc_T[None], dc_T * np.cumsum(f[::-1], axis=0)]),
        ),
        "one lag off": (
            "Lag 0 is the end itself: dc_T, with no gate before it.",
            lambda f, dc_T: np.concatenate(
                [_products(f, dc_T)[1:], _products(f, dc_T)[-1:] * f[:1]]
            ),
        ),
    },
    "flow",
)

BIAS_FOR = by_ways(
    "bias_for(lag, left) -> number, the forget bias with which the share left remains over lag",
    {"bias": ""},
    [Case({}, {"lag": lag, "left": left}) for lag, left in [(50, 0.01), (1000, 0.5), (2, 0.1)]],
    lambda lag, left: -np.log(left ** (-1 / lag) - 1),
    {
        "the gate": (
            "This is the gate. The bias is what the sigmoid turns into it.",
            lambda lag, left: left ** (1 / lag),
        ),
        "wrong sign": (
            "The sign is wrong: this bias closes the gate.",
            lambda lag, left: np.log(left ** (-1 / lag) - 1),
        ),
        "one step": (
            "This gate keeps the share over one step. Over lag steps it is gate^lag.",
            lambda lag, left: np.log(left / (1 - left)),
        ),
        "tanh for the sigmoid": (
            "The inverse of tanh is taken. The gate is a sigmoid: log(f / (1 - f)).",
            lambda lag, left: np.arctanh(left ** (1 / lag)),
        ),
        "ln left / lag": (
            "This is the logarithm of the gate. The bias is log(f / (1 - f)).",
            lambda lag, left: np.log(left) / lag,
        ),
        "lag and share exchanged": (
            "The share is divided by the lag. The gate is its lag-th root.",
            lambda lag, left: np.log(left / lag / (1 - left / lag)),
        ),
    },
    "flow",
)

# Chunks


def _chunked(dhs: Array, tapes: Sequence[lstm.Tape], m: Mistakes) -> list[Array]:
    """Return dh0, dc0, dW_ih, dW_hh, db of a sequence that was read in chunks."""
    sizes = [len(tape.tanh_c) for tape in tapes]
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    dh: Array | None = None
    dc: Array | None = None
    shares = []
    order = range(len(tapes)) if "chunks from the first to the last" in m else None
    for k in order or reversed(range(len(tapes))):
        if "cut at the borders" in m:
            dh = dc = None
        if "dh0 not handed on" in m:
            dh = None
        if "dc0 not handed on" in m:
            dc = None
        part = dhs[starts[k] : starts[k] + sizes[k]]
        _, dh, dc, *share = lstm.backward(part, tapes[k], dh, dc)
        shares.append(share)
    ways = {
        "only the first chunk's share": lambda: shares[-1],
        "only the last chunk's share": lambda: shares[0],
        "averaged over the chunks": lambda: [np.mean(s, 0) for s in zip(*shares, strict=True)],
    }
    total = pick(m, ways, [np.sum(s, 0) for s in zip(*shares, strict=True)])
    assert dh is not None and dc is not None
    return [*((dc, dh) if "dh0 and dc0 exchanged" in m else (dh, dc)), *total]


def _chunk_case(seed: int, sizes: Sequence[int], **axes: int) -> Case:
    shapes = {"x": "T B D", "h": "B H", "c": "B H", "W_ih": "4H D", "W_hh": "4H H", "b": "4H"}
    drawn = draw(seed, {**shapes, "dhs": "T B H"}, T=sum(sizes), **axes)
    x, h, c, *weights, dhs = drawn.arguments.values()
    tapes, start = [], 0
    for size in sizes:
        _, (h, c), tape = lstm.forward(x[start : start + size], h, c, *weights)
        tapes.append(tape)
        start += size
    return Case(drawn.sizes, {"dhs": dhs, "tapes": tapes})


_CHUNKS = {
    "cut at the borders": (
        "The gradient is cut at the borders: give each chunk dh0 and dc0 of the one after it.",
        "carry",
    ),
    "dh0 not handed on": ("dh0 is not handed to the chunk before.", "carry"),
    "dc0 not handed on": ("dc0 is not handed to the chunk before.", "carry"),
    "only the first chunk's share": (
        "The weights' gradients are the first chunk's. Add up those of all chunks.",
        "sum",
    ),
    "only the last chunk's share": (
        "The weights' gradients are the last chunk's. Add up those of all chunks.",
        "sum",
    ),
    "averaged over the chunks": ("The weights' gradients are averaged. Add them up.", "sum"),
    "chunks from the first to the last": (
        "The chunks are gone through from the first to the last. Gradients come from the end.",
        "order",
    ),
    "dh0 and dc0 exchanged": ("dh0 and dc0 stand in each other's place.", "out"),
}

CHUNKED_BACKWARD = Kind(
    "chunked_backward(dhs, tapes) -> (dh0, dc0, dW_ih, dW_hh, db), tapes of chunks by lstm.forward",
    {"dh0": "B H", "dc0": "B H", "dW_ih": "4H D", "dW_hh": "4H H", "db": "4H"},
    [_chunk_case(180, (3, 2, 4), B=3, D=2, H=4), _chunk_case(181, (2, 5, 3), B=2, D=3, H=5)],
    _chunked,
    {name: Mistake(says, "numpy", group) for name, (says, group) in _CHUNKS.items()},
    "numpy",
)


def _truncated(
    dhs: Array, x: Array, h0: Array, W_ih: Array, W_hh: Array, b: Array, k: int, m: Mistakes
) -> list[Array]:
    """Return dW_ih, dW_hh, db with the gradient cut at every k-th step."""
    T = len(x)
    states = [h0, *rnn_forward(x, h0, W_ih, W_hh, b)[0]]
    if m & {"states reset at the borders", "h0 at every border"}:
        fresh = h0 if "h0 at every border" in m else 0 * h0
        states = [h0]
        for t in range(T):
            before = fresh if t and t % k == 0 else states[-1]
            states.append(np.tanh(x[t] @ W_ih.T + before @ W_hh.T + b))
    borders = {
        "not cut": lambda: [],
        "cut one step early": lambda: [t for t in range(T) if t % k == k - 1],
        "cut one step late": lambda: [t for t in range(T) if t % k == 1],
        "cut at every step": lambda: list(range(T)),
    }
    cut = pick(m, borders, [t for t in range(T) if t % k == 0])
    taken = range(T // k * k) if "last, shorter chunk dropped" in m else range(T)
    if "only the last chunk" in m:
        taken = range((T - 1) // k * k, T)
    dh, shares = 0 * h0, []
    for t in reversed(taken):
        before = states[t]
        if t and t % k == 0 and m & {"states reset at the borders", "h0 at every border"}:
            before = h0 if "h0 at every border" in m else 0 * h0
        out = 0 * dhs[t] if "loss at the chunks' ends only" in m and (t + 1) % k else dhs[t]
        _, dh, *share = rnn_step_backward(dh + out, x[t], before, W_ih, W_hh, b)
        shares.append(share)
        if t in cut:
            dh = 0 * dh
    count = -(-T // k) if "averaged over the chunks" in m else 1
    return [np.sum(parts, axis=0) / count for parts in zip(*shares, strict=True)]


_TRUNCATION = {
    "not cut": ("The gradient crosses the borders of the chunks. It stops there.", "cut"),
    "states reset at the borders": (
        "The state starts from zero in each chunk. It is carried on; only the gradient stops.",
        "state",
    ),
    "h0 at every border": (
        "Each chunk starts from h0. It starts from the last state of the chunk before.",
        "state",
    ),
    "last, shorter chunk dropped": (
        "T is no multiple of k, and the steps that remain at the end are dropped.",
        "taken",
    ),
    "only the last chunk": (
        "The gradients are the last chunk's. Add up those of all chunks.",
        "taken",
    ),
    "averaged over the chunks": ("The chunks' gradients are averaged. Add them up.", "mean"),
    "cut one step early": ("The gradient is cut one step before the border.", "cut"),
    "cut one step late": ("The gradient is cut one step after the border.", "cut"),
    "cut at every step": ("The gradient is cut at every step. It goes back k steps.", "cut"),
    "loss at the chunks' ends only": (
        "Of dhs only the entries at the chunks' ends are used. Every step has a loss.",
        "out",
    ),
}

TRUNCATED = Kind(
    "truncated_backward(dhs, x, h0, W_ih, W_hh, b, k) -> (dW_ih, dW_hh, db), chunks of k steps "
    "from the start",
    {"dW_ih": "H D", "dW_hh": "H H", "db": "H"},
    [
        Case(case.sizes, {**case.arguments, "k": k})
        for seed, k, sizes in [
            (190, 3, {"T": 8, "B": 2, "D": 5, "H": 4}),
            (191, 4, {"T": 10, "B": 3, "D": 4, "H": 2}),
        ]
        for case in [
            draw(
                seed,
                {
                    "dhs": "T B H",
                    "x": "T B D",
                    "h0": "B H",
                    "W_ih": "H D",
                    "W_hh": "H H",
                    "b": "H",
                },
                **sizes,
            )
        ]
    ],
    _truncated,
    {name: Mistake(says, "backpropagation", group) for name, (says, group) in _TRUNCATION.items()},
    "backpropagation",
)

# Weights of others, and first weights


def _port(W: Array, b: Array, H: int, m: Mistakes) -> list[Array]:
    order = chosen("rows taken for ", m) or "f i g o"
    if "gates not reordered" in m:
        order = "i f g o"
    W_new = W if "matrices not reordered" in m else in_order(order, "i f g o", W)
    b_new = b if "bias not reordered" in m else in_order(order, "i f g o", b)
    D = W.shape[1] - H
    if "input's columns taken first" in m:
        return [W_new[:, :D], W_new[:, D:], b_new]
    return [W_new[:, H:], W_new[:, :H], b_new]


def _port_case(seed: int, D: int, H: int) -> Case:
    drawn = draw(seed, {"W": "4H J", "b": "4H"}, H=H, J=D + H)
    return Case({"D": D, "H": H}, {**drawn.arguments, "H": H})


PORT = Kind(
    "port(W, b, H) -> (W_ih, W_hh, b), from W (4H, H + D) with the state's columns first and rows "
    "f, i, g, o",
    {"W_ih": "4H D", "W_hh": "4H H", "b": "4H"},
    [_port_case(200, 3, 2), _port_case(201, 2, 5)],
    _port,
    {
        "gates not reordered": Mistake("The gates are still in the order f, i, g, o.", "same", "o"),
        "bias not reordered": Mistake("The bias is not reordered.", "same", "b"),
        "matrices not reordered": Mistake("The matrices are not reordered.", "same", "W"),
        "input's columns taken first": Mistake(
            "The first columns are taken for W_ih. They are the state's, W_hh.", "same", "columns"
        ),
        **{
            f"rows taken for {order}": Mistake(
                f"The rows are taken for {', '.join(order.split())}. They stand in the order "
                "f, i, g, o.",
                "same",
                "o",
            )
            for order in orders("f i g o")
            if order != "i f g o"
        },
    },
    "same",
)


def _weights_count(D: int, H: int, layers: int, both: bool, P: int, m: Mistakes) -> list[int]:
    """Count the parameters of nn.LSTM."""
    directions, R = 1 + both, P or H
    if "W_hh counted with H columns" in m:
        R = H
    gates = 3 if "three gates" in m else 1 if "one gate" in m else 4
    biases = pick(m, {"one bias": lambda: 1, "no bias": lambda: 0}, 2)
    above = directions * R
    reads_above = {
        "layers above read one direction": lambda: R,
        "layers above read D": lambda: D,
        "layers above read H, not P": lambda: directions * H,
    }
    above = pick(m, reads_above, above)
    total = 0
    for k in range(layers):
        projection = 0 if "W_hr left out" in m else P * H
        total += gates * H * ((above if k else D) + R + biases) + projection
    return [total * (1 if "one direction only" in m else directions)]


_COUNTED = {
    "one bias": ("The second bias is missing: there are b_ih and b_hh.", "bias"),
    "no bias": ("Both biases are missing, 4H numbers each.", "bias"),
    "one gate": ("There are four gates.", "gates"),
    "three gates": ("There are four blocks: three gates and the candidate.", "gates"),
    "one direction only": ("The second direction has weights of its own.", "directions"),
    "layers above read one direction": (
        "Layers above the first read both directions of the one below.",
        "above",
    ),
    "layers above read D": (
        "Layers above the first read the outputs of the one below, not D numbers.",
        "above",
    ),
    "layers above read H, not P": (
        "With a projection, layers above read P numbers a direction, not H.",
        "above",
    ),
    "W_hh counted with H columns": ("With a projection W_hh has P columns, not H.", "R"),
    "W_hr left out": ("The matrix W_hr, (P, H), is missing.", "hr"),
}

PARAMETERS = Kind(
    "parameters(D, H, layers, both, P) -> int, of nn.LSTM, both directions or one, projected to P "
    "numbers or, with 0, not",
    {"parameters": ""},
    [
        Case({}, dict(zip(["D", "H", "layers", "both", "P"], shape, strict=True)))
        for shape in [
            (7, 5, 3, True, 2),
            (3, 5, 1, False, 0),
            (4, 6, 2, True, 0),
            (3, 7, 2, False, 4),
            (2, 4, 1, True, 3),
        ]
    ],
    _weights_count,
    {name: Mistake(says, "memory", group) for name, (says, group) in _COUNTED.items()},
    "memory",
    searched=5,
)

_INIT_SIZES = [(40, 90), (150, 60)]
_DRAWN = [
    "largest of W_ih times √H",
    "spread of W_ih times √(3H)",
    "mean of W_ih times √H",
    "largest of W_hh times √H",
    "spread of W_hh times √(3H)",
    "least forget bias",
    "largest forget bias",
    "largest other bias times √H",
    "share of i's biases that are 1",
    "share of g's biases that are 1",
    "share of o's biases that are 1",
]


def _describe(returned: Any) -> Any:
    """Describe weights by numbers that do not depend on the draw, in tenths up to 2."""
    if not isinstance(returned, tuple | list) or len(returned) != 3:
        raise ValueError("expected W_ih, W_hh and b")
    W_ih, W_hh, b = (np.asarray(a, float) for a in returned)
    shapes = [(4 * H, D) for D, H in _INIT_SIZES], [(4 * H, H) for _, H in _INIT_SIZES]
    for name, array, allowed in zip(("W_ih", "W_hh"), (W_ih, W_hh), shapes, strict=True):
        if array.shape not in allowed:
            raise ValueError(f"{name}: the shape {array.shape} is wrong, see the signature")
    H = W_hh.shape[1]
    if W_ih.shape[0] != 4 * H or b.shape != (4 * H,):
        raise ValueError(f"b: expected shape ({4 * H},), got {b.shape}")
    root = np.sqrt(H)
    others = np.delete(b, np.arange(H, 2 * H))
    numbers = [
        np.abs(W_ih).max() * root,
        W_ih.std() * root * np.sqrt(3),
        W_ih.mean() * root,
        np.abs(W_hh).max() * root,
        W_hh.std() * root * np.sqrt(3),
        b[H : 2 * H].min(),
        b[H : 2 * H].max(),
        np.abs(others).max() * root,
        *((b.reshape(4, H)[k] == 1).mean() for k in (0, 2, 3)),
    ]
    return [min(round(float(number), 1), 2) + 0.0 for number in numbers]


def init(
    input_size: int, hidden_size: int, rng: np.random.Generator, m: Mistakes
) -> tuple[Array, Array, Array]:
    """Return W_ih, W_hh, b."""
    D, H = input_size, hidden_size
    bounds = {
        "bound 1/√D": lambda: 1 / np.sqrt(D),
        "bound 1/H": lambda: 1 / H,
        "bound 1": lambda: 1.0,
        "Glorot's bound": lambda: np.sqrt(6 / (D + H)),
    }
    bound = pick(m, bounds, 1 / np.sqrt(H))

    def uniform(*shape: int) -> Array:
        low = 0 if "positive numbers only" in m else -bound
        return rng.uniform(low, bound, shape)

    W_ih, W_hh, b = uniform(4 * H, D), uniform(4 * H, H), uniform(4 * H)
    if "zeros" in m:
        W_ih, W_hh, b = 0 * W_ih, 0 * W_hh, 0 * b
    if "normal, not uniform" in m:
        W_ih, W_hh, b = (rng.normal(0, bound, a.shape) for a in (W_ih, W_hh, b))
    if "forget bias in the first quarter" in m:
        b[:H] = 1
    elif "forget bias in the third quarter" in m:
        b[2 * H : 3 * H] = 1
    elif "forget bias everywhere" in m:
        b[:] = 1
    elif "forget bias added to what was drawn" in m:
        b[H : 2 * H] += 1
    elif "forget bias 0" in m:
        b[H : 2 * H] = 0
    elif "forget bias not set" not in m:
        b[H : 2 * H] = 1
    return W_ih, W_hh, b


_INIT = {
    "forget bias not set": (
        "The forget gate's biases are drawn like the others. Set them to 1.",
        "f",
    ),
    "forget bias in the first quarter": (
        "The input gate's biases are set. The forget gate's stand in the second quarter.",
        "f",
    ),
    "forget bias in the third quarter": (
        "The candidate's biases are set. The forget gate's stand in the second quarter.",
        "f",
    ),
    "forget bias everywhere": ("All biases are 1. Only the forget gate's are.", "f"),
    "forget bias added to what was drawn": (
        "1 is added to the biases that were drawn. Set the forget gate's to 1.",
        "f",
    ),
    "forget bias 0": ("The forget gate's biases are 0. Set them to 1.", "f"),
    "bound 1/√D": ("The bound is 1/√D. It is 1/√H for all weights.", "bound"),
    "bound 1/H": ("The bound is 1/H. It is 1/√H.", "bound"),
    "bound 1": ("The numbers lie between -1 and 1. The bound is 1/√H.", "bound"),
    "Glorot's bound": ("The bound is Glorot's. Here it is 1/√H.", "bound"),
    "zeros": ("All weights are zero: all units would stay alike.", "draw"),
    "positive numbers only": ("All numbers are positive. Draw from -1/√H to 1/√H.", "draw"),
    "normal, not uniform": ("The numbers are normal. Here they are uniform.", "draw"),
}

INIT = Kind(
    "init(input_size, hidden_size, rng) -> (W_ih, W_hh, b) of shapes (4H, D), (4H, H), (4H,), "
    "uniform in ±1/√H, the forget biases 1",
    dict.fromkeys(_DRAWN, ""),
    [
        Case({}, {"input_size": D, "hidden_size": H, "rng": np.random.default_rng(210)})
        for D, H in _INIT_SIZES
    ],
    lambda *, m, **arguments: _describe(init(**copy.deepcopy(arguments), m=m)),
    {name: Mistake(says, "flow" if g == "f" else "numpy", g) for name, (says, g) in _INIT.items()},
    "numpy",
    unpack=_describe,
    searched=2,
    generic=False,
    praise="The shapes, the bound, the spread and the biases are right.",
)

KINDS = {
    "last_valid": LAST_VALID,
    "pack": PACK,
    "torch.last_valid": LAST_VALID_TORCH,
    "torch.masked_loss": MASKED_LOSS,
    "torch.cell": TORCH_CELL,
    "torch.coupled_cell": COUPLED_CELL,
    "rnn.sigmoid_backward": SIGMOID_BACKWARD,
    "rnn.jacobian": JACOBIAN,
    "rnn.truncated_backward": TRUNCATED,
    "lstm.chunked_backward": CHUNKED_BACKWARD,
    "lstm.carousel": CAROUSEL,
    "lstm.bias_for": BIAS_FOR,
    "lstm.init": INIT,
    "lstm.port": PORT,
    "nn.parameters": PARAMETERS,
}
