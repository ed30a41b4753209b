"""Exercise of the chapter on memory: the bytes that are kept for the backward pass."""

from lstm_tutorial.exercises._edits import by_edits

_NAMES = ["T", "B", "H", "layers", "both", "itemsize"]

ACTIVATIONS = by_edits(
    "activations(T, B, H, layers, both, itemsize) -> int, the bytes that PyTorch's loop saves",
    {"bytes": ""},
    [
        dict(zip(_NAMES, sizes, strict=True))
        for sizes in [
            (6, 2, 5, 3, True, 8), (7, 3, 4, 2, False, 4), (9, 2, 5, 1, False, 4),
            (1, 1, 1, 1, True, 2), (500, 64, 1024, 4, True, 4),
        ]
    ],
    """
    directions = 1 + both
    numbers = 7
    kept = numbers * layers * directions
    read = (layers - 1) * directions
    return itemsize * (kept + read) * T * B * H
    """,
    """
    numbers, not bytes | itemsize * (kept -> 1 * (kept
    Numbers are counted. Multiply by the bytes of one, itemsize.
    bits, not bytes | itemsize * (kept -> 8 * itemsize * (kept
    Bits are counted. A byte has 8 of them, and bytes are asked for.
    gates alone | numbers = 7 -> numbers = 4
    Four numbers are counted for a unit and step, as of the gates alone. PyTorch saves seven.
    five of seven | numbers = 7 -> numbers = 5
    Five numbers are counted for a unit and step. PyTorch saves seven.
    six of seven | numbers = 7 -> numbers = 6
    Six numbers are counted for a unit and step. PyTorch saves seven.
    batch missing | T * B * H -> T * H
    The batch is missing: each of the B sequences has numbers of its own.
    steps missing | T * B * H -> B * H
    The steps are missing: each of the T steps saves its numbers.
    one direction | 1 + both -> 1
    One direction is counted, also where both run. The second saves as much as the first.
    one layer | 7 -> 7 / layers && (layers - 1) -> 0
    One layer is counted. Each layer saves its numbers.
    what is read not kept | (layers - 1) -> 0
    The layers' own numbers are counted. Those above the first also keep what they read.
    one direction read | (layers - 1) * directions -> layers - 1
    One direction is counted as what upper layers read. They read the outputs of both.
    read by each direction | (layers - 1) * directions -> (layers - 1) * directions ** 2
    What upper layers read is counted for each direction. Both share it: it is kept once.
    first layer's input kept | (layers - 1) -> layers
    An input is counted for the first layer, too. It is there already and is not saved anew.
    """,
    "memory",
    also=["return itemsize * (8 * layers - 1) * (1 + both) * T * B * H"],
)  # fmt: skip

KINDS = {"nn.activations": ACTIVATIONS}
