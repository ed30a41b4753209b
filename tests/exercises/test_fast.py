"""The share of the products, and a product before the loop: what learners write, and what the report says of it."""

import numpy as np
import torch

from tests.exercises.trying import judged


def parts(B, T, D, H, rate, price, calls):
    return 24 * B * T * H * (D + H) / rate, T * calls * price


def of(products, overhead):
    return products / (products + overhead)


def quotient(*a):
    products, overhead = parts(*a)
    return 1 / (1 + overhead / products)


def hoisted(x, h, W_ih, W_hh, b):
    hs = []
    for z_x in x @ W_ih.T + b:
        h = 0.9 * h + 0.1 * np.tanh(z_x + h @ W_hh.T)
        hs.append(h)
    return np.stack(hs)


def by_einsum(x, h, W_ih, W_hh, b):
    hs, z = np.empty((*x.shape[:2], len(b))), np.einsum("tbd,hd->tbh", x, W_ih)
    for t in range(len(x)):
        h = h + 0.1 * (np.tanh(z[t] + h.dot(W_hh.T) + b) - h)
        hs[t] = h
    return hs


def joined(x, h, W_ih, W_hh, b):
    """Do one product a step, of x and h side by side."""
    W, hs = np.hstack([W_ih, W_hh]), []
    for x_t in x:
        h = 0.9 * h + 0.1 * np.tanh(np.concatenate([x_t, h], axis=1) @ W.T + b)
        hs.append(h)
    return hs


def with_torch(x, h, W_ih, W_hh, b):
    x, h, W_ih, W_hh, b = (torch.as_tensor(np.array(a)) for a in (x, h, W_ih, W_hh, b))
    hs = []
    for z_x in x @ W_ih.T + b:
        h = 0.9 * h + 0.1 * torch.tanh(z_x + h @ W_hh.T)
        hs.append(h)
    return torch.stack(hs)


def leaky(inner=lambda h, z: 0.9 * h + 0.1 * np.tanh(z), z_of=None, before=lambda z: z):
    """Return a function with another leak, another pre-activation, or a change before the loop."""

    def wrong(x, h, W_ih, W_hh, b):
        hs, start = [], h
        for z_x in before(x @ W_ih.T + b):
            z = z_of(z_x, h, start, W_hh, b) if z_of else z_x + h @ W_hh.T
            h = inner(h, z)
            hs.append(h)
        return np.stack(hs)

    return wrong


def two_products(x, h, W_ih, W_hh, b):
    hs = []
    for x_t in x:
        h = 0.9 * h + 0.1 * np.tanh(x_t @ W_ih.T + h @ W_hh.T + b)
        hs.append(h)
    return np.stack(hs)


def two_products_otherwise(x, h, W_ih, W_hh, b):
    hs = []
    for x_t in x:
        h = 0.9 * h + 0.1 * np.tanh(np.einsum("bd,hd->bh", x_t, W_ih) + h.dot(W_hh.T) + b)
        hs.append(h)
    return np.stack(hs)


RIGHT = {
    "share_of_products": [lambda *a: of(*parts(*a)), quotient],
    "rnn.hoisted": [hoisted, by_einsum, joined, with_torch],
}
HOISTED = [
    (two_products, "two products a step"),
    (two_products_otherwise, "two products a step"),
    (lambda x, h, W_ih, W_hh, b: hoisted(x, h, W_ih, W_hh, 0 * b), "bias left out"),
    (leaky(z_of=lambda z, h, start, U, b: z + h @ U.T + b), "bias twice"),
    (leaky(z_of=lambda z, h, start, U, b: z + start @ U.T), "h_0 at every step"),
    (leaky(z_of=lambda z, h, start, U, b: z + h @ U), "W_hh not transposed"),
    (leaky(z_of=lambda z, h, start, U, b: z), "state missing"),
    (leaky(z_of=lambda z, h, start, U, b: z + h), "state without its product"),
    (leaky(before=np.tanh), "tanh before the loop"),
    (leaky(lambda h, z: np.tanh(z)), "leak left out"),
    (leaky(lambda h, z: 0.1 * h + 0.9 * np.tanh(z)), "0.9 and 0.1 exchanged"),
    (leaky(lambda h, z: np.tanh(0.9 * h + 0.1 * z)), "leak inside of tanh"),
    (leaky(lambda h, z: 0.9 * h + np.tanh(z)), "0.1 left out"),
    (leaky(lambda h, z: 0.9 * h + 0.1 * z), "tanh left out"),
    (leaky(lambda h, z: 0.9 * h + np.tanh(0.1 * z)), "0.1 inside of tanh"),
    (lambda *a: hoisted(*a)[-1], "wrong shape"),
    (lambda x, h, *a: np.stack([h, *hoisted(x, h, *a)]), "h_0 among the states"),
    (leaky(lambda h, z: 0.1 * h + 0.9 * np.tanh(z), before=np.tanh),
     "tanh before the loop & 0.9 and 0.1 exchanged"),
]  # fmt: skip
MISTAKES = [
    (
        lambda B, T, D, H, r, p, c: of(8 * B * T * H * (D + H) / r, T * c * p),
        "backward pass missing",
    ),
    (
        lambda B, T, D, H, r, p, c: of(16 * B * T * H * (D + H) / r, T * c * p),
        "forward pass missing",
    ),
    (
        lambda B, T, D, H, r, p, c: of(12 * B * T * H * (D + H) / r, T * c * p),
        "products counted, not operations",
    ),
    (lambda B, T, D, H, r, p, c: of(18 * B * T * H * (D + H) / r, T * c * p), "3 for 4"),
    (lambda B, T, D, H, r, p, c: of(24 * B * T * H * D / r, T * c * p), "D for D + H"),
    (lambda B, T, D, H, r, p, c: of(24 * B * T * H * (D + H) / r, c * p), "calls for T * calls"),
    (
        lambda B, T, D, H, r, p, c: of(24 * B * T * H * (D + H) / r, B * T * c * p),
        "calls for each sequence",
    ),
    (lambda B, T, D, H, r, p, c: of(24 * B * T * H * (D + H + 1) / r, T * c * p), "bias counted"),
    (lambda *a: 100 * of(*parts(*a)), "in percent"),
    (lambda *a: 1 - of(*parts(*a)), "share of the calls"),
    (lambda *a: parts(*a)[0] / parts(*a)[1], "products over calls"),
    (
        lambda B, T, D, H, r, p, c: 100 * of(8 * B * T * H * (D + H) / r, T * c * p),
        "in percent & backward pass missing",
    ),
]
WRONG = [("share_of_products", fn, titles) for fn, titles in MISTAKES]
WRONG += [("rnn.hoisted", fn, titles) for fn, titles in HOISTED]


test_right_answers_pass_in_every_style, test_a_mistake_is_named, test_no_value_raises = judged(
    RIGHT, WRONG
)
