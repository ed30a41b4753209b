"""Bytes kept: what learners write, and what the report says of it."""

from tests.exercises.trying import judged


def kept(T, B, H, layers, both, itemsize):
    return itemsize * sum((7 + (k > 0)) * (1 + both) * T * B * H for k in range(layers))


RIGHT = {
    "nn.activations": [
        kept,
        lambda T, B, H, layers, both, size: size * (8 * layers - 1) * (1 + both) * T * B * H,
    ]
}
MISTAKES = [
    (lambda T, B, H, n, both, size: kept(T, B, H, n, both, 1), "numbers, not bytes"),
    (lambda T, B, H, n, both, size: size * 7 * n * (1 + both) * T * B * H, "what is read not kept"),
    (
        lambda T, B, H, n, both, size: size * 8 * n * (1 + both) * T * B * H,
        "first layer's input kept",
    ),
    (lambda T, B, H, n, both, size: size * (5 * n - 1) * (1 + both) * T * B * H, "gates alone"),
    (lambda T, B, H, n, both, size: size * (7 * n - 1) * (1 + both) * T * B * H, "6 for 7"),
    (lambda T, B, H, n, both, size: size * (8 * n - 1) * T * B * H, "one direction"),
    (lambda T, B, H, n, both, size: size * (8 * n - 1) * 2 * T * B * H, "both directions always"),
    (
        lambda T, B, H, n, both, size: size * (7 * n * (1 + both) + n - 1) * T * B * H,
        "one direction read",
    ),
    (lambda T, B, H, n, both, size: size * 7 * (1 + both) * T * B * H, "one layer"),
    (lambda T, B, H, n, both, size: kept(T, 1, H, n, both, size), "batch missing"),
    (lambda T, B, H, n, both, size: kept(1, B, H, n, both, size), "steps missing"),
    (lambda T, B, H, n, both, size: kept(T + 1, B, H, n, both, size), "T + 1 for T"),
    (
        lambda T, B, H, n, both, size: 4 * n * (1 + both) * T * B * H * size,
        "gates alone & what is read not kept",
    ),
    (
        lambda T, B, H, n, both, size: kept(1, B, H, n, both, 1),
        "numbers, not bytes & steps missing",
    ),
]
WRONG = [("nn.activations", fn, titles) for fn, titles in MISTAKES]


test_right_answers_pass_in_every_style, test_a_mistake_is_named, test_no_value_raises = judged(
    RIGHT, WRONG
)
