"""Exercises of the chapter on language: what the losses of all tokens amount to."""

import numpy as np

from lstm_tutorial.exercises._edits import by_edits, listed

_NATS = [
    {"nats": size * np.abs(np.random.default_rng(T + B).normal(size=(T, B))) + 0.3}
    for T, B, size in [(4, 3, 1), (5, 2, 1), (1, 3, 1), (6, 1, 1), (1, 1, 1), (3, 4, 20)]
]

PERPLEXITY = by_edits(
    "perplexity(nats) -> number, from the losses of all tokens in nats (T, B)",
    {"perplexity": ""},
    _NATS,
    """
    total = nats.sum()
    tokens = nats.shape[0] * nats.shape[1]
    mean = total / tokens
    return np.exp(mean)
    """,
    listed("""
    2 to the power of nats: 2 ** mean | The losses are in nats: it is exp of the mean.
    e to the power of bits: np.exp(mean / np.log(2)) | The base of bits is 2.
    mean of perplexities: np.exp(nats).mean() | Average the losses first, then take exp.
    mean of the sequences' perplexities: np.exp(nats.mean(axis=0)).mean() | Average all losses.
    mean of the steps' perplexities: np.exp(nats.mean(axis=1)).mean() | Average all losses.
    tokens miscounted: nats.shape[0] -> (nats.shape[0] - 1) | All T steps count, not T - 1.
    divided by the steps alone: nats.shape[0] * nats.shape[1] -> nats.shape[0] | Divide by T B.
    divided by the sequences alone: * nats.shape[1] -> * 1 && nats.shape[0] -> nats.shape[1] |
        Divide by the number of tokens, T B.
    exp of the sum: np.exp(total) | Perplexity is exp of the mean.
    exp left out: mean | This is the mean loss. Perplexity is its exp.
    wrong sign: np.exp(-mean) | This is exp of minus the mean, the typical probability.
    """),
    "language",
    also=["return np.exp(nats.mean())"],
)

BITS = by_edits(
    "bits_per_character(nats) -> number, from the losses of all characters in nats (T, B)",
    {"bits": ""},
    _NATS,
    """
    total = nats.sum()
    characters = nats.shape[0] * nats.shape[1]
    mean = total / characters
    return mean / np.log(2)
    """,
    listed("""
    nats: mean | This is the mean in nats. A bit is ln 2 nats.
    times ln 2: mean * np.log(2) | The mean is multiplied by ln 2. Divide by it.
    divided by ln 10: np.log(2) -> np.log(10) | A bit is ln 2 nats.
    wrong sign: -mean / np.log(2) | A loss is minus a logarithm already.
    bytes: mean / np.log(2) / 8 | These are bytes. Leave out the 8.
    log2 of the mean of exp: np.log2(np.exp(nats).mean()) | Average the losses, not their exp.
    2 to the power of nats: 2 ** mean | Divide the mean by ln 2.
    log2 of the loss: np.log2(mean) | A loss is a logarithm already. Divide by ln 2.
    log2 of each loss: np.log2(nats).mean() | A loss is a logarithm already. Divide by ln 2.
    perplexity: np.exp(mean) | This is the perplexity. Bits are the mean loss divided by ln 2.
    """),
    "language",
    also=["return nats.mean() / np.log(2)"],
)

KINDS = {"perplexity": PERPLEXITY, "bits_per_character": BITS}
