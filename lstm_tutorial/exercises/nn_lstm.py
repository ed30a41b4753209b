"""Exercises of the chapter on nn.LSTM: its parameters counted."""

from lstm_tutorial.exercises._edits import by_edits, listed

_SIZES = [
    *[(7, 5, 3, True, 2), (3, 7, 2, False, 4), (4, 6, 2, True, 0), (3, 5, 1, False, 0)],
    *[(2, 4, 1, True, 3), (1, 1, 1, False, 0), (300, 1024, 4, True, 128)],
]

PARAMETERS = by_edits(
    "parameters(D, H, layers, both, P) -> int, of nn.LSTM, both directions or one, projected to P "
    "numbers or, with 0, not",
    {"parameters": ""},
    [dict(zip(["D", "H", "layers", "both", "P"], s, strict=True)) for s in _SIZES],
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

KINDS = {"nn.parameters": PARAMETERS}
