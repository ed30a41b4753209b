"""Losses, tests, batches and frames: what learners write, and what the report says of it."""

from math import comb, erfc, sqrt

import numpy as np
import torch
from torch.nn.functional import cross_entropy, one_hot

from tests.exercises.trying import judged


def softmax(logits, axis=1):
    e = np.exp(logits - logits.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def log_softmax(logits):
    z = logits - logits.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def taken(table, targets):
    return table[np.arange(len(targets)), targets]


def by_torch(logits, targets, **options):
    return cross_entropy(torch.as_tensor(logits), torch.as_tensor(targets), **options)


def by_autograd(logits, targets):
    leaf = torch.tensor(logits, requires_grad=True)
    by_torch(leaf, targets).backward()
    return leaf.grad


def hot(logits, targets):
    return np.eye(logits.shape[1])[targets]


def gradient(logits, targets):
    return (softmax(logits) - hot(logits, targets)) / len(logits)


def tails(first, second):
    return int((first & ~second).sum()), int((second & ~first).sum())


def summed(counted, count=tails):
    """Return a test that sums the counts of which something holds."""

    def test(first, second):
        a, b = count(first, second)
        return sum(comb(a + b, k) for k in range(a + b + 1) if counted(k, a, b)) / 2 ** (a + b)

    return test


def as_far(k, a, b):
    return abs(2 * k - a - b) >= abs(a - b)


def approximated(correction):
    def test(first, second):
        a, b = tails(first, second)
        return erfc(max(abs(a - b) - correction, 0) / sqrt(2 * (a + b))) if a + b else 1.0

    return test


def decided(
    sure=lambda p, lengths, at: p.max(axis=2) > at,
    inside=lambda t, lengths: t < lengths,
    last=lambda p, lengths: lengths - 1,
    which=lambda sure, p: sure.argmax(axis=0),
):
    def decide(p, lengths, threshold):
        found = sure(p, lengths, threshold) & inside(np.arange(len(p))[:, None], lengths)
        return np.where(found.any(axis=0), which(found, p), last(p, lengths))

    return decide


def frame_by_frame(p, lengths, threshold):
    frames = []
    for b, n in enumerate(lengths):
        sure = [t for t in range(n) if p[t, b].max() > threshold]
        frames.append(sure[0] if sure else int(n) - 1)
    return frames


def bucketed(shuffle=True, sort=True, again=True, drop=False, size_of=lambda size: size):
    def buckets(lengths, size, rng):
        size = size_of(size)
        order = rng.permutation(len(lengths)) if shuffle else np.arange(len(lengths))
        order = order[np.argsort(lengths[order], kind="stable")] if sort else order
        batches = [order[k : k + size] for k in range(0, len(order), size)]
        batches = [batch for batch in batches if len(batch) == size or not drop]
        return [batches[k] for k in rng.permutation(len(batches))] if again else batches

    return buckets


def with_its_own_draw(lengths, size, rng):
    return bucketed()(lengths, size, np.random.default_rng())


RIGHT = {
    "cross_entropy": [
        by_torch,
        lambda logits, targets: -taken(log_softmax(logits), targets).mean(),
        lambda logits, targets: np.mean(
            np.logaddexp.reduce(logits, axis=1) - taken(logits, targets)
        ),
    ],
    "cross_entropy_gradient": [by_autograd, gradient],
    "sign_test": [
        summed(as_far),
        lambda first, second: min(1, 2 * summed(lambda k, a, b: k <= min(a, b))(first, second)),
    ],
    "decide": [decided(), frame_by_frame],
    "buckets": [bucketed(), lambda *a: [batch.tolist() for batch in bucketed()(*a)]],
}
CROSS_ENTROPY = [
    (lambda z, t: by_torch(softmax(z), t), "softmax twice"),
    (
        lambda z, t: -np.log(taken(softmax(z, 0), t)).mean(),
        "softmax along the batch & logarithm of 0",
    ),
    (lambda z, t: -taken(z, t).mean(), "no softmax"),
    (lambda z, t: -taken(softmax(z), t).mean(), "logarithm left out"),
    (lambda z, t: -np.log(taken(softmax(z), t).mean()), "logarithm after the mean"),
    (lambda z, t: by_torch(z, t, reduction="sum"), "summed, not averaged"),
    (lambda z, t: -by_torch(z, t), "wrong sign"),
    (lambda z, t: by_torch(z, t) / np.log(2), "in bits"),
    (lambda z, t: -np.log2(taken(softmax(z), t)).mean(), "in bits & logarithm of 0"),
    (lambda z, t: by_torch(z, t) / z.shape[1], "averaged over the classes too"),
    (lambda z, t: -log_softmax(z).mean(), "all classes, not the target"),
    (lambda z, t: by_torch(z, z.argmax(axis=1)), "predicted class, not the target"),
    (lambda z, t: np.logaddexp(0, -taken(z, t)).mean(), "sigmoid, not softmax"),
    (lambda z, t: by_torch(z, t - 1 + z.shape[1] * (t == 0)), "targets - 1 for targets"),
    (lambda z, t: by_torch(z, t, reduction="none"), "picked for picked.mean()"),
    (lambda z, t: np.exp(by_torch(z, t)), "np.exp(-picked.mean()) for -picked.mean()"),
    (lambda z, t: (np.log(np.exp(z).sum(1)) - taken(z, t)).mean(), "exp overflows"),
    (lambda z, t: -np.log(taken(softmax(z), t)).mean(), "logarithm of 0"),
    (lambda z, t: -np.log(taken(softmax(z), t) + 1e-12).mean(), "probabilities plus 1e-12"),
    (
        lambda z, t: -np.log(np.maximum(taken(softmax(z), t), 1e-10)).mean(),
        "probabilities at least 1e-10",
    ),
    (
        lambda z, t: -np.log(np.clip(taken(softmax(z), t), 1e-7, 1 - 1e-7)).mean(),
        "probabilities clipped at 1e-07",
    ),
    (lambda z, t: by_torch(softmax(z), t, reduction="sum"), "softmax twice & summed, not averaged"),
    (
        lambda z, t: (np.log(np.exp(z).sum(1)) - taken(z, t)).sum(),
        "summed, not averaged & exp overflows",
    ),
]
GRADIENT = [
    (lambda z, t: gradient(z, t) * len(z), "not divided by the batch"),
    (lambda z, t: gradient(z, t) / z.shape[1], "divided by batch and classes"),
    (lambda z, t: gradient(z, t) * len(z) / z.shape[1], "divided by the classes"),
    (lambda z, t: softmax(z) / len(z), "targets not subtracted"),
    (lambda z, t: (softmax(z) + hot(z, t)) / len(z), "targets added"),
    (lambda z, t: -gradient(z, t), "wrong sign"),
    (lambda z, t: (softmax(z, 0) - hot(z, t)) / len(z), "softmax along the batch"),
    (lambda z, t: (z - hot(z, t)) / len(z), "no softmax"),
    (
        lambda z, t: (
            (torch.sigmoid(torch.tensor(z)) - one_hot(torch.tensor(t), z.shape[1])) / len(z)
        ),
        "sigmoid, not softmax",
    ),
    (lambda z, t: gradient(z, t) * hot(z, t), "at the targets only"),
    (lambda z, t: gradient(z, t) * softmax(z) * (1 - softmax(z)), "slope of the squashing"),
    (lambda z, t: softmax(z) / len(z) - hot(z, t), "one-hot not divided"),
    (
        lambda z, t: (np.exp(z) / np.exp(z).sum(1, keepdims=True) - hot(z, t)) / len(z),
        "exp overflows",
    ),
    (lambda z, t: (softmax(z) - hot(z, t - 1)) / len(z), "targets - 1 for targets"),
    (lambda z, t: 2 * gradient(z, t), "2 * (dz / len(logits)) for dz / len(logits)"),
    (lambda z, t: hot(z, t) - softmax(z), "not divided by the batch & wrong sign"),
    (
        lambda z, t: np.exp(z) / np.exp(z).sum(1, keepdims=True) - hot(z, t),
        "not divided by the batch & exp overflows",
    ),
]
SIGN_TEST = [
    (summed(lambda k, a, b: k <= min(a, b)), "one side only"),
    (summed(lambda k, a, b: k >= a), "at least as many"),
    (summed(lambda k, a, b: k <= a), "at most as many"),
    (summed(lambda k, a, b: k == a), "exactly this count"),
    (summed(lambda k, a, b: k in (a, b)), "exactly this count, on both sides"),
    (summed(lambda k, a, b: abs(2 * k - a - b) > abs(a - b)), "further only"),
    (summed(lambda k, a, b: abs(k - (a + b) // 2) >= abs(a - (a + b) // 2)), "m // 2 for m / 2"),
    (lambda *a: 2 * summed(lambda k, a, b: k <= min(a, b))(*a), "the middle counted twice"),
    (
        summed(as_far, lambda f, s: (f.sum().item(), (len(f) - f.sum()).item())),
        "all utterances counted",
    ),
    (summed(as_far, lambda f, s: (f.sum().item(), s.sum().item())), "right answers counted"),
    (lambda f, s: summed(as_far)(f, s) if (f != s).any() else 0.0, "0 without a difference"),
    (approximated(0), "normal approximation"),
    (approximated(1), "corrected approximation"),
]
DECIDE = [
    (decided(inside=lambda t, lengths: t >= 0), "padding read"),
    (decided(inside=lambda t, lengths: t <= lengths), "one frame of padding read"),
    (decided(lambda p, lengths, at: p.max(axis=2) >= at), "threshold reached"),
    (decided(lambda p, lengths, at: p.mean(axis=2) > at), "np.min(p, axis=2) for p.max(axis=2)"),
    (decided(lambda p, lengths, at: p[:, :, 0] > at), "first class alone"),
    (decided(last=lambda p, lengths: 0), "never sure, first frame"),
    (decided(last=lambda p, lengths: len(p) - 1), "never sure, end of the array"),
    (decided(last=lambda p, lengths: lengths), "never sure, one too far"),
    (decided(last=lambda p, lengths: -1), "never sure, -1"),
    (decided(which=lambda sure, p: len(p) - 1 - sure[::-1].argmax(axis=0)), "last sure frame"),
    (decided(which=lambda sure, p: (p.max(axis=2) * sure).argmax(axis=0)), "surest frame"),
    (lambda *a: decided()(*a) + 1, "frames counted from 1"),
    (
        decided(inside=lambda t, lengths: t >= 0, last=lambda p, lengths: len(p) - 1),
        "padding read & never sure, end of the array",
    ),
    (
        decided(lambda p, lengths, at: p.max(axis=2) >= at, last=lambda p, lengths: 0),
        "threshold reached & never sure, first frame",
    ),
]
BUCKETS = [
    (bucketed(drop=True), "sequences left out"),
    (bucketed(sort=False), "padding"),
    (bucketed(again=False), "always the same order"),
    (bucketed(shuffle=False), "always the same neighbours"),
    (bucketed(size_of=lambda size: 2 * size), "batch too large"),
    (bucketed(size_of=lambda size: 1), "batches too small"),
    (bucketed(size_of=lambda size: 32), "sizes fixed in"),
    (with_its_own_draw, "rng not used"),
    (lambda *a: [batch + 1 for batch in bucketed()(*a)], "indices from 1"),
    (
        lambda lengths, *a: [lengths[batch] for batch in bucketed()(lengths, *a)],
        "lengths, not indices",
    ),
    (lambda *a: [*bucketed()(*a), [0]], "a sequence twice"),
]
WRONG = [
    (kind, fn, titles)
    for kind, mistakes in [
        ("cross_entropy", CROSS_ENTROPY),
        ("cross_entropy_gradient", GRADIENT),
        ("sign_test", SIGN_TEST),
        ("decide", DECIDE),
        ("buckets", BUCKETS),
    ]
    for fn, titles in mistakes
]


test_right_answers_pass_in_every_style, test_a_mistake_is_named, test_no_value_raises = judged(
    RIGHT, WRONG
)
