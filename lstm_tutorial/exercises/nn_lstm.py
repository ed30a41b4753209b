"""Exercises of the chapter on nn.LSTM: batches of many lengths, and first states."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import Case, Kind, as_tensor
from lstm_tutorial.exercises._reading import Array, Finding, Trouble
from lstm_tutorial.exercises._trials import Fn, by_measuring
from lstm_tutorial.exercises.pytorch import HALVES, in_halves

KINDS: dict[str, Kind] = {}


def _batch(T: int, H: int, *lengths: int) -> Case:
    """Return states; sequences of one length are the same, so that either may come first."""
    hs = np.random.default_rng(T + H).normal(size=(T, len(lengths), H))
    return {"hs": hs[:, [lengths.index(n) for n in lengths]], "lengths": np.array(lengths)}


# First two with T = B, so that lengths may stand where steps belong, and are named.
_MANY = [
    *[_batch(5, 4, 3, 5, 1, 5, 2), _batch(4, 2, 2, 1, 4, 4), _batch(6, 3, 4, 2, 6)],
    *[_batch(7, 2, 3, 5, 4, 2), _batch(1, 3, 1, 1), _batch(4, 3, 4), _batch(5, 1, 2, 5, 3)],
]

KINDS["last_valid"] = by_edits(
    "last_valid(hs, lengths) -> array (B, H), the last state of each sequence, from (T, B, H)",
    {"h": "B H"},
    _MANY,
    """
    steps = lengths - 1
    columns = np.arange(hs.shape[1])
    return hs[steps, columns]
    """,
    listed("""
    end of the array: hs[-1] | hs[-1] is the end of the array: for shorter sequences it is padding.
    one step early: lengths - 1 -> lengths - 2 | This is the step before the last valid one.
    one step early, never before the first: lengths - 1 -> np.maximum(lengths - 2, 0) |
        The last valid step is length - 1. This is the one before, where there is one.
    one step late: lengths - 1 -> np.minimum(lengths, len(hs) - 1) |
        The last valid step is length - 1. This is the one after, padding.
    mean over time: hs.mean(axis=0) | This is the mean over time, padding too.
    the longest for all: lengths - 1 -> lengths.max() - 1 | Each sequence has its own length.
    the shortest for all: lengths - 1 -> lengths.min() - 1 | Each sequence has its own length.
    the first length for all: lengths - 1 -> lengths[0] - 1 | Each sequence has its own length.
    mean of the valid steps: np.array([hs[:n, b].mean(axis=0) for b, n in enumerate(lengths)]) |
        This is the mean of the valid steps. Their last is asked for.
    counted from the end: lengths - 1 -> len(hs) - lengths |
        The steps are counted from the end. Sequences begin at step 0, and padding comes last.
    sorted, not put back: columns] -> columns][np.argsort(-lengths, kind="stable")] |
        The sequences are sorted by length, longest first, and not put back in their order.
    shortest first, not put back: columns] -> columns][np.argsort(lengths, kind="stable")] |
        The sequences are sorted by length, shortest first, and not put back in their order.
    lengths sorted alone: lengths - 1 -> np.sort(lengths)[::-1] - 1 |
        The lengths are sorted, and the sequences are not: each gets the length of another.
    reshape for transpose: hs.reshape(len(columns), len(hs), -1)[columns, steps] |
        Time and batch are exchanged by reshape, which only counts the numbers anew. Transpose.
    """),
    "nn-lstm",
)

KINDS["pack"] = by_edits(
    "pack(hs, lengths) -> (data, batch_sizes), the valid rows of (T, B, H) step by step, longest "
    "sequence first, and how many there are of each step",
    {"data": "N H", "batch_sizes": "T"},
    _MANY,
    """
    order = np.argsort(-lengths, kind="stable")
    running = np.arange(len(hs))[:, None] < lengths[order]
    data = np.concatenate([hs[t, order[on]] for t, on in enumerate(running)])
    return data, running.sum(axis=1)
    """,
    listed("""
    sequence after sequence: [hs[t, order[on]] for t, on in enumerate(running)] ->
        [hs[: lengths[b], b] for b in order] |
        The sequences lie one after the other. All first steps come first, then all second.
    not sorted: np.argsort(-lengths, kind="stable") -> np.arange(len(lengths)) |
        The sequences stand as in the batch. The longest comes first.
    shortest first: -lengths, kind="stable" -> lengths, kind="stable" |
        The shortest sequence comes first. The longest does.
    batch_sizes are the lengths: running.sum(axis=1) -> lengths |
        batch_sizes holds the lengths. It says how many sequences are still there at each step.
    batch_sizes are the sorted lengths: axis=1 -> axis=0 |
        batch_sizes holds the lengths, sorted. It says how many sequences each step still has.
    batch_sizes one step late: running.sum(axis=1) ->
        (np.arange(len(hs))[:, None] <= lengths).sum(axis=1) |
        A sequence of length n has its last row at step n - 1, and none at step n.
    sums for batch_sizes: running.sum(axis=1) -> np.cumsum(running.sum(axis=1)) |
        batch_sizes adds up from step to step. It holds the number of each step alone.
    """),
    "nn-lstm",
)

KINDS["torch.last_valid"] = by_edits(
    "last_valid(out, lengths) -> tensor (B, 2H), what both directions of nn.LSTM end with",
    HALVES,
    [
        {"out": np.concatenate([c["hs"], c["hs"][::-1] + 0.1], axis=2), "lengths": c["lengths"]}
        for c in _MANY
    ],
    """
    H = out.shape[2] // 2
    last = out[lengths - 1, np.arange(len(lengths))]
    first = out[0]
    return np.concatenate([last[:, :H], first[:, H:]], axis=1)
    """,
    listed("""
    end of the array: out[-1] | This is the end of the array, padding.
    both halves at length - 1: last | The backward half has seen one step only: it ends at step 0.
    both halves at step 0: first | The forward half has seen one step only: it ends at length - 1.
    halves taken at each other's step: [last[:, :H], first[:, H:]] -> [first[:, :H], last[:, H:]] |
        The forward half ends at length - 1, the backward half at step 0.
    directions swapped: [last[:, :H], first[:, H:]] -> [first[:, H:], last[:, :H]] |
        The forward direction comes first.
    one step early: lengths - 1 -> lengths - 2 | The last valid step is length - 1.
    forward half at the end of the array: lengths - 1 -> 0 * lengths - 1 |
        The forward half is taken at the end of the array: it reads padding.
    backward half at the end of the array: out[0] -> out[-1] |
        The backward half is taken at the end of the array. It ends at step 0.
    the longest for all: lengths - 1 -> lengths.max() - 1 + 0 * lengths |
        Each sequence has its own length.
    sorted, not put back: axis=1) -> axis=1)[np.argsort(-lengths, kind="stable")] |
        The sequences are sorted by length, and not put back in their order.
    """),
    "nn-lstm",
    prepare=as_tensor,
    flat=in_halves,
)


def deaf(fn: Callable[..., Any], first: Any, *rest: Any) -> Any:
    """Return the value; raise if NaN in what is padding reaches the gradient."""
    import torch  # most kinds need NumPy alone

    value = fn(first, *rest)
    if first.isnan().any() and torch.is_tensor(value) and value.isfinite().all():
        leaf = first.clone().requires_grad_()
        again = fn(leaf, *rest)
        again.sum().backward() if again.requires_grad else None
        if leaf.grad is not None and not leaf.grad.isfinite().all():
            says = "The value is right, and NaN in the padding reaches the gradient. Select the "
            says += "valid steps before you compute."
            raise Trouble(Finding("NaN in the gradient", says, page="nn-lstm"))
    return value


def valid(hs: Array, lengths: Sequence[int]) -> Array:
    """Return which steps of which sequences are no padding."""
    return np.arange(len(hs))[:, None, None] < np.asarray(lengths)[:, None]


def _losses(seed: int, T: int, lengths: list[int], hole: float) -> Case:
    y_hat, y = np.random.default_rng(seed).normal(size=(2, T, len(lengths), 1))
    outside = ~valid(y, lengths)
    y_hat[outside], y[outside] = hole or y_hat[outside], hole or y[outside]
    return {"y_hat": y_hat, "y": y, "lengths": np.array(lengths)}


KINDS["torch.masked_loss"] = by_edits(
    "masked_loss(y_hat, y, lengths) -> number, the mean square over valid steps of (T, B, 1)",
    {"loss": ""},
    [  # what stands in the padding, NaN twice, must not matter
        *[_losses(130, 6, [2, 6, 3], 0), _losses(131, 5, [4, 1, 2, 5], np.nan)],
        *[
            _losses(132, 6, [4, 1, 2, 5], 0),
            _losses(133, 4, [3], np.nan),
            _losses(134, 1, [1, 1], 0),
        ],
    ],
    """
    steps = np.arange(len(y))[:, None, None]
    valid = steps < lengths[:, None]
    squares = np.where(valid, (y_hat - y) ** 2, 0)
    return squares.sum() / valid.sum()
    """,
    listed("""
    padding in the mean: ((y_hat - y) ** 2).mean() | The padding is in the mean.
    mask multiplied: np.where(valid, (y_hat - y) ** 2, 0) -> valid * (y_hat - y) ** 2 |
        The squares are multiplied by the mask. The padding holds NaN on purpose, and 0 times NaN
        is NaN. Select the valid steps before you compute.
    mask one step too long: < lengths[:, None] -> <= lengths[:, None] |
        The mask is one step too long: the step at index length is padding.
    mask one step too short: < lengths[:, None] -> < lengths[:, None] - 1 |
        The mask is one step too short: the last valid step is length - 1.
    divided by all steps: squares.mean() |
        The padding is set to zero, and still counted: divide by the valid steps.
    mean of the sequences' means: (squares.sum(axis=0)[:, 0] / lengths).mean() |
        Each sequence's mean counts the same, so steps of short ones count more. Take one mean
        over all valid steps.
    summed: squares.sum() | The squares are summed. Take their mean.
    divided by the batch: valid.sum() -> len(lengths) |
        The sum is divided by the number of sequences. Divide by the valid steps.
    divided by the steps: valid.sum() -> len(y) |
        The sum is divided by the length of the array. Divide by the valid steps.
    absolute errors: (y_hat - y) ** 2 -> np.abs(y_hat - y) |
        Absolute errors are averaged. Here squares are.
    half the mean: squares.sum() / valid.sum() / 2 | The mean is halved. Leave it as it is.
    sum of the sequences' means: (squares.sum(axis=0)[:, 0] / lengths).sum() |
        The sequences' means are added. Take one mean over all valid steps.
    root taken: (squares.sum() / valid.sum()) ** 0.5 |
        The root of the mean is taken. Leave the mean.
    """),
    "nn-lstm",
    prepare=as_tensor,
    ask=deaf,
)


def _first_states(fn: Fn) -> Iterator[Finding]:
    """Ask for the first states of networks that differ in one option from the one before."""
    import torch

    options: dict[str, Any] = {}
    for option, value, says in [
        ("first axis", 0, "The first axis is layers times directions; batch and units follow."),
        ("num_layers", 3, "Each layer has an entry."),
        ("bidirectional", True, "Each direction of each layer has an entry."),
        ("batch_first", True, "batch_first is not for states: (layers, batch, units)."),
        ("proj_size", 2, "With a projection h has P numbers and c still has H."),
    ]:
        options |= {option: value} if value else {}
        net = torch.nn.LSTM(3, 4, **options).double()
        states = fn(net, 5)
        pair = isinstance(states, tuple | list) and len(states) == 2
        if not pair or not all(map(torch.is_tensor, states)):
            yield Finding("no pair", "Return two tensors, h0 and c0.")
            return
        entries = net.num_layers * (1 + net.bidirectional)
        for name, state, size in zip(("h0", "c0"), states, (net.proj_size or 4, 4), strict=True):
            shape, want = tuple(state.shape), (entries, 5, size)
            if shape != want:
                says += f" For nn.LSTM(3, 4{''.join(f', {k}={v}' for k, v in options.items())}) "
                says += f"and a batch of 5 {name} has the shape {want}, and yours {shape}."
                yield Finding(option, says, (name,))
                return
    if any(state.dtype != torch.float64 for state in states):
        yield Finding("another type", "The weights are float64, and the states are not.")
    if any(state.any() for state in states):
        yield Finding("not zero", "Expected zeros.")


KINDS["torch.init_state"] = by_measuring(
    "init_state(net, batch) -> (h0, c0), zeros",
    _first_states,
    "nn-lstm",
    "Zeros of the shapes and the type that every nn.LSTM tried takes.",
)

_LAYERS = [
    *[(7, 5, 3, True, 2), (3, 7, 2, False, 4), (4, 6, 2, True, 0), (3, 5, 1, False, 0)],
    *[(2, 4, 1, True, 3), (1, 1, 1, False, 0), (300, 1024, 4, True, 128)],
]

KINDS["nn.parameters"] = by_edits(
    "parameters(D, H, layers, both, P) -> int, of nn.LSTM, both directions or one, projected to P "
    "numbers or, with 0, not",
    {"parameters": ""},
    [dict(zip(["D", "H", "layers", "both", "P"], sizes, strict=True)) for sizes in _LAYERS],
    """
    directions = 1 + both
    R = P or H
    biases = 2
    W_hr = P * H
    above = directions * R
    first = 4 * H * (D + R + biases) + W_hr
    other = 4 * H * (above + R + biases) + W_hr
    return directions * (first + (layers - 1) * other)
    """,
    listed("""
    one bias: biases = 2 -> biases = 1 | There are b_ih and b_hh.
    no bias: biases = 2 -> biases = 0 | There are b_ih and b_hh, of 4H numbers each.
    one gate: first = 4 * H -> first = H && other = 4 * H -> other = H | There are four gates.
    three gates: first = 4 -> first = 3 && other = 4 -> other = 3 | The candidate has weights, too.
    one direction only: first + (layers - 1) * other | The second direction has its own weights.
    layers above read one direction: directions * R -> R | Upper layers read both directions.
    layers above read D: directions * R -> D | Upper layers read the outputs of the one below.
    layers above read H, not P: directions * R -> directions * H | With a projection they read P.
    W_hh counted with H columns: D + R -> D + H && above + R -> above + H | With P there are P.
    projection not counted: R = P or H -> R = H && W_hr = P * H -> W_hr = 0 | P is not read.
    W_hr left out: W_hr = P * H -> W_hr = 0 | The matrix W_hr, (P, H), is missing.
    """),
    "memory",
)
