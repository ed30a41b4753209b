"""Exercise of the chapter on speed: the share of the time that the products take."""

from lstm_tutorial.exercises._edits import by_edits, listed

_SIZES = [
    *[(5, 10, 2, 3, 1e6, 1e-5, 6), (8, 7, 3, 4, 2e7, 3e-5, 5), (1, 1, 1, 1, 1e6, 1e-5, 1)],
    *[(64, 500, 128, 256, 1e11, 1e-6, 12), (1, 6, 4, 2, 3e5, 2e-4, 7)],
]

SHARE = by_edits(
    "share(B, T, D, H, rate, price, calls) -> number, the part of the time of the products",
    {"share": ""},
    [dict(zip(["B", "T", "D", "H", "rate", "price", "calls"], s, strict=True)) for s in _SIZES],
    """
    forward = 4 * H * (D + H) * T * B * 2
    products = 3 * forward / rate
    overhead = T * calls * price
    return products / (products + overhead)
    """,
    listed("""
    backward pass missing: 3 * forward -> forward | Training takes three times the forward pass.
    forward pass missing: 3 * forward -> 2 * forward | Training takes three times the forward pass.
    products counted, not operations: T * B * 2 -> T * B | An addition counts, too.
    share of the calls: overhead / (products + overhead) | The share of the products is asked for.
    calls for each sequence: T * calls -> B * T * calls | One call serves the whole batch.
    """),
    "fast",
)

KINDS = {"share_of_products": SHARE}
