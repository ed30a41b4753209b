"""Exercises of the chapter on nn.LSTM: its parameters counted."""

from lstm_tutorial.exercises._edits import by_edits

_NAMES = ["D", "H", "layers", "both", "P"]

PARAMETERS = by_edits(
    "parameters(D, H, layers, both, P) -> int, of nn.LSTM, both directions or one, projected to P "
    "numbers or, with 0, not",
    {"parameters": ""},
    [
        dict(zip(_NAMES, sizes, strict=True))
        for sizes in [
            (7, 5, 3, True, 2), (3, 7, 2, False, 4), (4, 6, 2, True, 0), (3, 5, 1, False, 0),
            (2, 4, 1, True, 3), (1, 1, 1, False, 0), (300, 1024, 4, True, 128),
        ]
    ],
    """
    directions = 1 + both
    R = P or H
    blocks = 4 * H
    biases = 2
    above = directions * R
    W_hr = P * H
    first = blocks * (D + R + biases) + W_hr
    other = blocks * (above + R + biases) + W_hr
    return directions * (first + (layers - 1) * other)
    """,
    """
    one bias | biases = 2 -> biases = 1
    One bias is counted. There are two, b_ih and b_hh.
    no bias | biases = 2 -> biases = 0
    No bias is counted. There are two, b_ih and b_hh, of 4H numbers each.
    one gate | 4 * H -> H
    One block of H rows is counted. There are four: three gates and the candidate.
    three gates | 4 * H -> 3 * H
    Three blocks of H rows are counted. There are four: three gates and the candidate.
    one direction only | return directions * (first -> return (first
    One direction is counted. The second has weights of its own.
    both directions nowhere | 1 + both -> 1
    both is not read. The second direction has weights of its own, and upper layers read both.
    layers above read one direction | directions * R -> R
    Upper layers read one direction here. They read the outputs of both.
    layers above read D | directions * R -> D
    Upper layers read D numbers here. They read the outputs of the layer below.
    layers above read H, not P | directions * R -> directions * H
    Upper layers read H numbers of each direction here. With a projection they read P.
    W_hh counted with H columns | (D + R -> (D + H && (above + R -> (above + H
    W_hh is counted with H columns. With a projection it has P.
    projection not counted | R = P or H -> R = H && W_hr = P * H -> W_hr = 0
    P is not read. With a projection W_hh and upper layers read P numbers, and W_hr is added.
    W_hr left out | W_hr = P * H -> W_hr = 0
    The matrix W_hr of the projection, (P, H), is missing.
    W_hr for each gate | W_hr = P * H -> W_hr = 4 * P * H
    W_hr is counted four times. There is one projection, of h, and not one for each gate.
    """,
    "memory",
)  # fmt: skip

KINDS = {"nn.parameters": PARAMETERS}
