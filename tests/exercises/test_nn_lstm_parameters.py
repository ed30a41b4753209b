"""Parameters counted: what learners write, and what the report says of it."""

import torch

from tests.exercises.trying import judged


def counted(D, H, layers, both, P, gates=4, biases=2, hr=True):
    total, R = 0, P or H
    for k in range(layers):
        reads = (1 + both) * R if k else D
        total += (1 + both) * (gates * H * (reads + R + biases) + hr * P * H)
    return total


def asked(D, H, layers, both, P):
    net = torch.nn.LSTM(D, H, layers, bidirectional=both, proj_size=P, device="meta")
    return sum(p.numel() for p in net.parameters())


def of_the_first(D, H, n, both, P):
    R = P or H
    return (1 + both) * n * (4 * H * (D + R + 2) + P * H)


RIGHT = {"nn.parameters": [counted, asked]}
MISTAKES = [
    (lambda *a: counted(*a, biases=1), "one bias"),
    (lambda *a: counted(*a, biases=0), "no bias"),
    (lambda *a: counted(*a, gates=3), "three gates"),
    (lambda *a: counted(*a, gates=1), "one gate"),
    (lambda *a: counted(*a, hr=False), "W_hr left out"),
    (lambda D, H, n, both, P: counted(D, H, n, both, 0), "projection not counted"),
    (lambda D, H, n, both, P: counted(D, H, n, False, P), "1 for 1 + both"),
    (lambda D, H, n, both, P: counted(D, H, n, both, P) // (1 + both), "one direction only"),
    (lambda D, H, n, both, P: counted(D, H, 1, both, P), "first for first + (layers - 1) * other"),
    (of_the_first, "layers above read D"),
    (lambda *a: counted(*a, biases=1, hr=False), "one bias & W_hr left out"),
    (lambda *a: counted(*a, biases=1) // (1 + a[3]), "one bias & one direction only"),
]
WRONG = [("nn.parameters", fn, titles) for fn, titles in MISTAKES]


test_right_answers_pass_in_every_style, test_a_mistake_is_named, test_no_value_raises = judged(
    RIGHT, WRONG
)
