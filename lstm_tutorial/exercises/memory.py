"""Exercise of the chapter on memory: the bytes that are kept for the backward pass."""

from lstm_tutorial.exercises._edits import by_edits, listed

_SIZES = [
    *[(6, 2, 5, 3, True, 8), (7, 3, 4, 2, False, 4), (9, 2, 5, 1, False, 4)],
    *[(1, 1, 1, 1, True, 2), (500, 64, 1024, 4, True, 4)],
]

ACTIVATIONS = by_edits(
    "activations(T, B, H, layers, both, itemsize) -> int, the bytes that PyTorch's loop saves",
    {"bytes": ""},
    [dict(zip(["T", "B", "H", "layers", "both", "itemsize"], s, strict=True)) for s in _SIZES],
    """
    directions = 1 + both
    own = 7 * layers * directions
    read = (layers - 1) * directions
    size = T * B * H
    return itemsize * (own + read) * size
    """,
    listed("""
    numbers, not bytes: (own + read) * size | Multiply by the item size.
    gates alone: 7 -> 4 | c, tanh(c) and h are kept, too.
    batch missing: T * B * H -> T * H | Each sequence of the batch is kept.
    steps missing: T * B * H -> B * H | Each step is kept.
    one layer: 7 * layers -> 7 && (layers - 1) -> 0 | Each layer saves.
    both directions always: 1 + both -> 2 | There is a second one only where both is True.
    one direction: 1 + both -> 1 | The second direction saves as much as the first.
    what is read not kept: own + read -> own | Layers above the first also keep what they read.
    one direction read: (layers - 1) * directions -> (layers - 1) | Upper layers read both.
    read by each direction: (layers - 1) -> (layers - 1) * directions | It is kept once for both.
    first layer's input kept: (layers - 1) -> layers | It is there already, and not saved anew.
    """),
    "memory",
)

KINDS = {"nn.activations": ACTIVATIONS}
