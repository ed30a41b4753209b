"""Exercise of the chapter on speed: the share of the time that the products take."""

from lstm_tutorial.exercises._edits import by_edits

_NAMES = ["B", "T", "D", "H", "rate", "price", "calls"]

SHARE = by_edits(
    "share(B, T, D, H, rate, price, calls) -> number, the part of the time of the products",
    {"share": ""},
    [
        dict(zip(_NAMES, values, strict=True))
        for values in [
            (5, 10, 2, 3, 1e6, 1e-5, 6), (8, 7, 3, 4, 2e7, 3e-5, 5), (1, 1, 1, 1, 1e6, 1e-5, 1),
            (64, 500, 128, 256, 1e11, 1e-6, 12), (1, 6, 4, 2, 3e5, 2e-4, 7),
        ]
    ],
    """
    weights = 4 * H * (D + H)
    forward = 2 * B * T * weights
    products = 3 * forward / rate
    overhead = T * calls * price
    return products / (products + overhead)
    """,
    """
    in percent | return products -> return 100 * products
    The share is given in percent. It is a part, from 0 to 1.
    backward pass missing | 3 * forward -> forward
    Only the forward pass is counted. A training step takes three times its operations.
    forward pass missing | 3 * forward -> 2 * forward
    Only the backward pass is counted. A training step takes three times the forward pass.
    products counted, not operations | 2 * B -> B
    Each weight counts as one operation. It is two: a multiplication and an addition.
    calls once | T * calls -> calls
    The calls are counted for one step. There are as many in each of the T steps.
    share of the calls | return products -> return overhead
    This is the share of the calls. The share of the products is asked for.
    products over calls | products / (products + overhead) -> products / overhead
    The time of the products is divided by that of the calls. Divide it by the whole time.
    batch left out | 2 * B * T -> 2 * T
    The batch is missing: each of the B sequences has its own operations.
    calls for each sequence | T * calls -> B * T * calls
    The calls are multiplied by B. One call serves the whole batch.
    backward calls counted thrice | T * calls -> 3 * T * calls
    The calls are multiplied by 3. calls are already all those of a step.
    bias counted | (D + H) -> (D + H + 1)
    The bias is counted as one more weight. Only the matrix products count here.
    """,
    "fast",
    also=["return 24 * B * T * H * (D + H) / rate / (24 * B * T * H * (D + H) / rate + T * calls * price)"],
)  # fmt: skip

KINDS = {"share_of_products": SHARE}
