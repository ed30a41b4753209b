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
    order of the steps turned: (slope[:, None] * W_hh) @ product ->
        product @ (slope[:, None] * W_hh) | The last step's Jacobian stands leftmost.
    slope of tanh: hs * (1 - hs) -> 1 - hs**2 | The sigmoid has h (1 - h).
    slope left out: hs * (1 - hs) -> np.ones_like(hs) | The slope h (1 - h) is missing.
    slope on the wrong side: slope[:, None] * W_hh -> W_hh * slope | The slopes scale the rows.
    initial state for the last: [1:] -> [:-1] | Take the slopes of h_1 to h_T, not of h_0.
    """),
    "vanishing",
)

KINDS = {"rnn.jacobian": JACOBIAN}
