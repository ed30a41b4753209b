"""Exercises of the chapter on language: what the losses of all tokens amount to."""

import numpy as np

from lstm_tutorial.exercises._edits import by_edits

_NATS = [
    {"nats": np.abs(np.random.default_rng(seed).normal(size=(T, B))) + 0.3}
    for seed, T, B in [(70, 4, 3), (71, 5, 2), (72, 1, 3), (73, 6, 1), (74, 1, 1)]
]

PERPLEXITY = by_edits(
    "perplexity(nats) -> number, from the losses of all tokens in nats (T, B)",
    {"perplexity": ""},
    _NATS,
    """
    total = nats.sum()
    tokens = nats.shape[0] * nats.shape[1]
    return np.exp(total / tokens)
    """,
    {
        "2 to the power of nats": (
            "np.exp(total / tokens) -> 2 ** (total / tokens)",
            "The losses are in nats: it is exp of the mean, not 2 to its power.",
        ),
        "mean of perplexities": (
            "return np.exp(total / tokens) -> return np.exp(nats).mean()",
            "Each token's exp is averaged. Average the losses first, then take exp.",
        ),
        "mean of the sequences' perplexities": (
            "return np.exp(total / tokens) -> return np.exp(nats.mean(axis=0)).mean()",
            "Each sequence's perplexity is averaged. Average all losses first, then take exp.",
        ),
        "mean of the steps' perplexities": (
            "return np.exp(total / tokens) -> return np.exp(nats.mean(axis=1)).mean()",
            "Each step's perplexity is averaged. Average all losses first, then take exp.",
        ),
        "exp of the sum": (
            "total / tokens -> total",
            "The losses are summed. Perplexity is exp of their mean.",
        ),
        "tokens miscounted": (
            "nats.shape[0] * nats.shape[1] -> (nats.shape[0] - 1) * nats.shape[1]",
            "The sum is divided by the number of tokens of T - 1 steps. All T steps count.",
        ),
        "divided by the steps alone": (
            "nats.shape[0] * nats.shape[1] -> nats.shape[0]",
            "The sum is divided by the number of steps T. The number of tokens is T times B.",
        ),
        "divided by the sequences alone": (
            "nats.shape[0] * nats.shape[1] -> nats.shape[1]",
            "The sum is divided by the number of sequences B. The number of tokens is T times B.",
        ),
        "exp left out": (
            "np.exp(total / tokens) -> total / tokens",
            "This is the mean loss. Perplexity is its exp.",
        ),
        "wrong sign": (
            "total / tokens -> -total / tokens",
            "This is exp of minus the mean, the typical probability.",
        ),
    },
    "language",
    also=["return np.exp(nats.mean())"],
)

KINDS = {"perplexity": PERPLEXITY}
