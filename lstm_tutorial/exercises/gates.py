"""Exercises of the chapter on gates."""

import numpy as np

from lstm_tutorial.exercises import _recurrent
from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import draw
from lstm_tutorial.rnn import sigmoid

_Z = [draw(s, {"z": "B H"}, 3, B=B, H=H) for s, B, H in [(21, 3, 4), (22, 4, 4), (23, 1, 1)]]

SIGMOID = by_edits(
    "sigmoid(z) -> array of z's shape",
    {"σ(z)": "B H"},
    [*_Z, {"z": np.array([[0.0, 1000.0, -1000.0], [30.0, -30.0, 1.0]])}],
    "return 1 / (1 + np.exp(-z))",
    listed("""
    exp overflows: np.exp(z) / (1 + np.exp(z)) | For large z exp(z) is infinite. exp(-z) is 0 there.
    exp cut short: 1 / (1 + np.exp(-np.clip(z, -5, 5))) | z is cut at ±5.
    tanh: np.tanh(z) | This is tanh, from -1 to 1. σ goes from 0 to 1.
    from -1 to 1: np.tanh(z / 2) | It goes from -1 to 1. By tanh σ is (1 + tanh(z / 2)) / 2.
    twice as steep: 1 / (1 + np.exp(-2 * z)) | By tanh σ is (1 + tanh(z / 2)) / 2.
    slope: 1 / (2 + np.exp(z) + np.exp(-z)) | This is the slope, σ(z) (1 - σ(z)).
    hard sigmoid in sixths: np.clip(z / 6 + 0.5, 0, 1) | This is clip(z / 6 + 0.5).
    ReLU: np.maximum(z, 0) | This is ReLU, which has no upper bound.
    SiLU: z / (1 + np.exp(-z)) | This is z σ(z).
    softmax of rows: (e := np.exp(z - z.max(1, keepdims=True))) / e.sum(1, keepdims=True) |
        Each row is divided by its own sum. A sigmoid is taken of each number by itself.
    softmax of all: (e := np.exp(z - z.max())) / e.sum() | A sigmoid is taken of each by itself.
    """),
    "gates",
    also=["return 0.5 + 0.5 * np.tanh(z / 2)"],
)

GATE = _recurrent.stepping(
    "gate",
    "gate(x, h, W, U, b) -> array (B, H)",
    lambda x, h, W, U, b: sigmoid(x @ W.T + h @ U.T + b),
    "x h W U b -> gate",
)


KINDS = {"gate": GATE, "sigmoid": SIGMOID}
