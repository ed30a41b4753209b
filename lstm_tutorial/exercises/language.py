"""Exercises of the chapter on language: what the losses of all tokens amount to."""

from typing import Any

import numpy as np

from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import Kind, draw

KINDS: dict[str, Kind] = {}


def _long(seed: int, k: int, T: int, B: int, D: int, H: int) -> dict[str, Any]:
    shapes = {"dhs": "T B H", "x": "T B D", "h0": "B H", "W_ih": "H D", "W_hh": "H H", "b": "H"}
    return {**draw(seed, shapes, T=T, B=B, D=D, H=H), "k": k}


KINDS["rnn.truncated_backward"] = by_edits(
    "truncated_backward(dhs, x, h0, W_ih, W_hh, b, k) -> (dW_ih, dW_hh, db), chunks of k steps "
    "from the start",
    {"dW_ih": "H D", "dW_hh": "H H", "db": "H"},
    [
        *[_long(190, 3, 8, 2, 5, 4), _long(191, 4, 10, 3, 4, 2), _long(192, 2, 5, 3, 3, 3)],
        *[_long(193, 2, 5, 1, 1, 1), _long(194, 1, 3, 2, 3, 4), _long(195, 9, 4, 2, 3, 4)],
    ],
    """
    old, new, fresh = [], [h0], None
    for t in range(len(x)):
        old.append(new[t] if fresh is None or t == 0 or t % k else fresh)
        new.append(np.tanh(x[t] @ W_ih.T + old[t] @ W_hh.T + b))
    dh, count = 0 * h0, 1
    dW_ih, dW_hh, db = 0 * W_ih, 0 * W_hh, 0 * b
    for t in reversed(range(len(x))):
        dz = (dhs[t] + dh) * (1 - new[t + 1] ** 2)
        dW_ih, dW_hh, db = dW_ih + dz.T @ x[t], dW_hh + dz.T @ old[t], db + dz.sum(axis=0)
        dh = dz @ W_hh
        if t % k == 0: dh = 0 * dh
    return dW_ih / count, dW_hh / count, db / count
    """,
    listed("""
    not cut: if t % k == 0: -> if False: | The gradient stops at the borders of the chunks.
    states reset at the borders: fresh = [], [h0], None -> fresh = [], [h0], 0 * h0 |
        The state is carried on over a border; only the gradient stops.
    h0 at every border: fresh = [], [h0], None -> fresh = [], [h0], h0 |
        Each chunk starts from the last state of the chunk before.
    last, shorter chunk dropped: reversed(range(len(x))) -> reversed(range(len(x) // k * k)) |
        T is no multiple of k, and the steps that remain at the end count as well.
    only the last chunk: reversed(range(len(x))) -> reversed(range((len(x) - 1) // k * k, len(x))) |
        Add up the gradients of all chunks.
    averaged over the chunks: count = 0 * h0, 1 -> count = 0 * h0, -(-len(x) // k) | Add them up.
    cut one step early: if t % k == 0: -> if t % k == k - 1: | The border is one step further back.
    cut one step late: if t % k == 0: -> if t % k == 1: | The border is one step nearer the end.
    counted from the end: if t % k == 0: -> if (len(x) - t) % k == 0: | They begin at the start.
    loss at the chunks' ends only: (dhs[t] + dh) -> (dhs[t] * ((t + 1) % k == 0) + dh) |
        Every step has a loss.
    """),
    "backpropagation",
)

_NATS = [
    {"nats": size * np.abs(np.random.default_rng(T + B).normal(size=(T, B))) + 0.3}
    for T, B, size in [(4, 3, 1), (5, 2, 1), (1, 3, 1), (6, 1, 1), (1, 1, 1), (3, 4, 20)]
]

KINDS["perplexity"] = by_edits(
    "perplexity(nats) -> number, from the losses of all tokens in nats (T, B)",
    {"perplexity": ""},
    _NATS,
    """
    mean = nats.sum() / (nats.shape[0] * nats.shape[1])
    return np.exp(mean)
    """,
    listed("""
    e to the power of bits: np.exp(mean / np.log(2)) | The base of bits is 2.
    mean of perplexities: np.exp(nats).mean() | Average the losses first, then take exp.
    mean of the sequences' perplexities: np.exp(nats.mean(axis=0)).mean() | Average all losses.
    mean of the steps' perplexities: np.exp(nats.mean(axis=1)).mean() | Average all losses.
    exp of the sum: np.exp(nats.sum()) | Perplexity is exp of the mean.
    wrong sign: np.exp(-mean) | This is exp of minus the mean, the typical probability.
    """),
    "language",
    also=["return np.exp(nats.mean())"],
)

KINDS["bits_per_character"] = by_edits(
    "bits_per_character(nats) -> number, from the losses of all characters in nats (T, B)",
    {"bits": ""},
    _NATS,
    """
    mean = nats.mean()
    return mean / np.log(2)
    """,
    listed("""
    divided by ln 10: np.log(2) -> np.log(10) | A bit is ln 2 nats.
    wrong sign: -mean / np.log(2) | A loss is minus a logarithm already.
    log2 of the mean of exp: np.log2(np.exp(nats).mean()) | Average the losses, not their exp.
    2 to the power of nats: 2 ** mean | Divide the mean by ln 2.
    log2 of the loss: np.log2(mean) | A loss is a logarithm already. Divide by ln 2.
    log2 of each loss: np.log2(nats).mean() | A loss is a logarithm already. Divide by ln 2.
    perplexity: np.exp(mean) | This is the perplexity. Bits are the mean loss divided by ln 2.
    """),
    "language",
)
