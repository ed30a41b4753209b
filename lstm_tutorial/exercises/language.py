"""Exercises of the chapter on language: what the losses of all tokens amount to."""

import numpy as np

from lstm_tutorial.exercises._edits import by_edits

_NATS = [
    {"nats": size * np.abs(np.random.default_rng(seed).normal(size=(T, B))) + 0.3}
    for seed, T, B, size in [
        (70, 4, 3, 1), (71, 5, 2, 1), (72, 1, 3, 1), (73, 6, 1, 1), (74, 1, 1, 1), (75, 3, 4, 20)
    ]
]  # fmt: skip

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
    """
    2 to the power of nats | np.exp(mean) -> 2 ** mean
    2 is raised to the mean loss. The losses are in nats: the base is e, so take exp.
    mean of perplexities | np.exp(mean) -> np.exp(nats).mean()
    Each token's exp is averaged. Average the losses first, then take exp.
    mean of the sequences' perplexities | np.exp(mean) -> np.exp(nats.mean(axis=0)).mean()
    Each sequence's perplexity is averaged. Average all losses first, then take exp.
    mean of the steps' perplexities | np.exp(mean) -> np.exp(nats.mean(axis=1)).mean()
    Each step's perplexity is averaged. Average all losses first, then take exp.
    exp of the sum | total / tokens -> total
    This is exp of the sum of the losses. Perplexity is exp of their mean.
    tokens miscounted | nats.shape[0] -> (nats.shape[0] - 1)
    The sum is divided by the number of tokens of T - 1 steps. All T steps count.
    divided by the steps alone | nats.shape[0] * nats.shape[1] -> nats.shape[0]
    The sum is divided by the number of steps T. The number of tokens is T times B.
    divided by the sequences alone | nats.shape[0] * nats.shape[1] -> nats.shape[1]
    The sum is divided by the number of sequences B. The number of tokens is T times B.
    exp left out | np.exp(mean) -> mean
    This is the mean loss. Perplexity is its exp.
    wrong sign | np.exp(mean) -> np.exp(-mean)
    This is exp of minus the mean, the typical probability. Its inverse is the perplexity.
    bits as the power of e | np.exp(mean) -> np.exp(mean / np.log(2))
    The mean is turned into bits, and e is raised to it. The base of bits is 2, that of nats e.
    first step left out | nats.sum() -> nats[1:].sum() && nats.shape[0] -> (nats.shape[0] - 1)
    The losses of the first step are left out. All steps count.
    last step left out | nats.sum() -> nats[:-1].sum() && nats.shape[0] -> (nats.shape[0] - 1)
    The losses of the last step are left out. All steps count.
    """,
    "language",
    also=["return np.exp(nats.mean())", "return np.prod(np.exp(nats)) ** (1 / nats.size)"],
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
    """
    nats | mean / np.log(2) -> mean
    This is the mean in nats. A bit is ln 2 nats: divide by ln 2.
    times ln 2 | mean / np.log(2) -> mean * np.log(2)
    The mean is multiplied by ln 2. Divide by it: a bit is ln 2 nats.
    log2 of the loss | mean / np.log(2) -> np.log2(mean)
    The logarithm of the mean loss is taken. A loss is a logarithm already: divide it by ln 2.
    log2 of each loss | mean / np.log(2) -> np.log2(nats).mean()
    The logarithm of each loss is taken. A loss is a logarithm already: divide it by ln 2.
    summed, not averaged | total / characters -> total
    The losses are summed. Take their mean.
    perplexity | mean / np.log(2) -> np.exp(mean)
    This is the perplexity. Bits per character are the mean loss, divided by ln 2.
    2 to the power of nats | mean / np.log(2) -> 2 ** mean
    2 is raised to the mean loss. Divide the mean loss by ln 2.
    divided by ln 10 | np.log(2) -> np.log(10)
    The mean is divided by ln 10. A bit is ln 2 nats.
    divided by 8 | mean / np.log(2) -> mean / 8
    The mean is divided by the 8 bits of a byte. A bit is ln 2 nats: divide by ln 2.
    """,
    "language",
    also=["return nats.mean() / np.log(2)"],
)

KINDS = {"perplexity": PERPLEXITY, "bits_per_character": BITS}
