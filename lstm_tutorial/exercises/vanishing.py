"""Exercises of the chapter on vanishing gradients: the Jacobian over many steps."""

import numpy as np

from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import Case
from lstm_tutorial.rnn import sigmoid


def _states(seed: int, T: int, H: int) -> Case:
    rng = np.random.default_rng(seed)
    return {"hs": sigmoid(rng.normal(size=(T + 1, H))), "W_hh": rng.normal(size=(H, H))}


JACOBIAN = by_edits(
    "jacobian(hs, W_hh) -> array (H, H), dh_T/dh_0 of a sigmoid network, hs (T + 1, H) with h_0 "
    "first",
    {"jacobian": "H H"},
    [_states(160 + T, T, H) for T, H in [(3, 4), (5, 2), (4, 4), (1, 3), (3, 1)]],
    """
    slopes = (hs * (1 - hs))[1:]
    product = np.eye(len(W_hh))
    for slope in slopes:
        product = (slope[:, None] * W_hh) @ product
    return product
    """,
    listed("""
    transposed: product.T | Row i holds the gradient of h_T[i].
    order of the steps turned: (slope[:, None] * W_hh) @ product ->
        product @ (slope[:, None] * W_hh) | The last step's Jacobian stands leftmost.
    slope of tanh: hs * (1 - hs) -> 1 - hs**2 | The sigmoid has h (1 - h).
    slope left out: hs * (1 - hs) -> np.ones_like(hs) | The slope h (1 - h) is missing.
    slope on the wrong side: slope[:, None] * W_hh -> W_hh * slope |
        The slopes scale the columns of W_hh. They scale its rows: diag(slope) @ W_hh.
    initial state for the last: [1:] -> [:-1] |
        The slopes are those of h_0 to h_{T-1}. Take those of h_1 to h_T.
    W_hh transposed: slope[:, None] * W_hh -> slope[:, None] * W_hh.T |
        The Jacobian of a step is diag(slope) W_hh.
    """),
    "vanishing",
)

KINDS = {"rnn.jacobian": JACOBIAN}
