"""Exercises of the chapter on classifying: losses, a test of two classifiers, batches, frames."""

from typing import Any

import numpy as np

from lstm_tutorial.exercises._edits import by_edits
from lstm_tutorial.exercises._trials import Fn, by_trials


def _scored(seed: int, B: int, K: int, size: float = 1, low: float = 0) -> dict[str, Any]:
    """Return logits of a size, rounded where they are large, every other one low, and classes."""
    rng = np.random.default_rng(seed)
    logits = size * rng.normal(size=(B, K))
    if low:
        logits = logits.round() + 1000 + low * (np.add.outer(np.arange(B), np.arange(K)) % 2)
    return {"logits": logits, "targets": rng.integers(K, size=B)}


# In the last two exp overflows if the largest is not subtracted, and small shares become 0.
_LOGITS = [
    _scored(*row)
    for row in [(60, 5, 4), (61, 3, 6), (62, 1, 3), (63, 4, 1), (64, 1, 1), (65, 6, 3, 2, -40),
                (66, 6, 4, 3, -900)]
]  # fmt: skip

CROSS_ENTROPY = by_edits(
    "cross_entropy(logits, targets) -> mean loss in nats, from logits (B, K) and classes (B,)",
    {"loss": ""},
    _LOGITS,
    """
    scores = logits
    z = scores - scores.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    picked = log_p[np.arange(len(targets)), targets]
    return -picked.mean()
    """,
    """
    softmax twice | scores = logits -> p = np.exp(logits - logits.max(axis=1, keepdims=True)); \
        scores = p / p.sum(axis=1, keepdims=True)
    The softmax is taken twice: the loss takes it already. Hand it the logits.
    softmax along the batch | max(axis=1, keepdims=True) -> max(axis=0) && \
        sum(axis=1, keepdims=True)) -> sum(axis=0))
    The softmax runs over the batch. It runs over the classes, the last axis.
    no softmax | log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True)) -> log_p = logits
    Logits are taken for log-probabilities. Subtract the logarithm of the sum of their exp.
    logarithm left out | picked = log_p -> picked = np.exp(log_p)
    The probabilities of the targets are averaged. Average their logarithms.
    logarithm after the mean | -picked.mean() -> -np.log(np.exp(picked).mean())
    The probabilities are averaged before the logarithm. Average the logarithms.
    summed, not averaged | picked.mean() -> picked.sum()
    The losses are summed. Take the mean over the batch.
    wrong sign | -picked.mean() -> picked.mean()
    The sign is missing: the loss is minus the log-probability.
    in bits | -picked.mean() -> -picked.mean() / np.log(2)
    The logarithm is that of base 2. In nats it is the natural one.
    averaged over the classes too | -picked.mean() -> -picked.mean() / logits.shape[1]
    The sum is divided by B K. Each sequence has one loss: divide by B.
    all classes, not the target | log_p[np.arange(len(targets)), targets] -> log_p
    The log-probabilities of all classes are averaged. Take the target's.
    sigmoid, not softmax | log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True)) -> \
        log_p = -np.logaddexp(0, -logits)
    Each logit goes through a sigmoid by itself. The softmax divides by the sum over the classes.
    exp overflows | z = scores - scores.max(axis=1, keepdims=True) -> z = scores
    exp of large logits is infinite. Subtract the largest logit of each row first.
    logarithm of 0 | z - np.log(np.exp(z).sum(axis=1, keepdims=True)) -> \
        np.log(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))
    The logarithm is taken of a softmax that may round to 0. Take z minus the log of the sum.
    """,
    "classifying",
    also=[
        """
        scores = logits
        z = scores - scores.max(axis=1, keepdims=True)
        log_p = np.log(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))
        picked = log_p[np.arange(len(targets)), targets]
        return -picked.mean()
        """
    ],
)

CROSS_ENTROPY_GRADIENT = by_edits(
    "cross_entropy_gradient(logits, targets) -> array (B, K), the gradient of the mean loss",
    {"dlogits": "B K"},
    _LOGITS,
    """
    z = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    one_hot = np.eye(logits.shape[1])[targets]
    dz = p - one_hot
    return dz / len(logits)
    """,
    """
    not divided by the batch | dz / len(logits) -> dz
    The gradient of the sum is returned. The loss is a mean over the batch: divide by B.
    divided by batch and classes | dz / len(logits) -> dz / logits.size
    The sum is divided by B K. The mean is over the batch: divide by B.
    divided by the classes | dz / len(logits) -> dz / logits.shape[1]
    The sum is divided by K. The mean is over the batch: divide by B.
    targets not subtracted | dz = p - one_hot -> dz = p
    This is the softmax alone. Subtract 1 at each target.
    wrong sign | dz = p - one_hot -> dz = one_hot - p
    The sign is turned: it is softmax minus one-hot.
    softmax along the batch | max(axis=1, keepdims=True) -> max(axis=0) && \
        sum(axis=1, keepdims=True) -> sum(axis=0)
    The softmax runs over the batch. It runs over the classes, the last axis.
    no softmax | dz = p - one_hot -> dz = logits - one_hot
    The logits are taken for probabilities. Take their softmax.
    sigmoid, not softmax | dz = p - one_hot -> dz = 1 / (1 + np.exp(-logits)) - one_hot
    Each logit goes through a sigmoid by itself. The softmax divides by the sum over the classes.
    at the targets only | dz = p - one_hot -> dz = (p - 1) * one_hot
    Only the targets have a gradient here. That of the other classes is their probability.
    exp overflows | z = logits - logits.max(axis=1, keepdims=True) -> z = logits
    exp of large logits is infinite. Subtract the largest logit of each row first.
    gradient of p | dz = p - one_hot -> dz = (p - one_hot) * p * (1 - p)
    The slope of a squashing multiplies the difference. With cross-entropy it cancels.
    """,
    "classifying",
)


def _answers(a: int, b: int, right: int, wrong: int = 0) -> dict[str, Any]:
    """Return answers: a right only in the first, b only in the second, the others in both or not."""
    first, second = [1] * a + [0] * b, [0] * a + [1] * b
    both = [1] * right + [0] * wrong
    return {"first": np.array(first + both, bool), "second": np.array(second + both, bool)}


SIGN_TEST = by_edits(
    "sign_test(first, second) -> number, a probability",
    {"p": ""},
    [_answers(*n) for n in [(1, 7, 50), (9, 4, 20, 3), (3, 3, 5, 2), (0, 0, 9), (1, 0, 0), (70, 90, 9)]],
    """
    a = int((first & ~second).sum())
    b = int((second & ~first).sum())
    m = a + b
    far = abs(a - m / 2)
    counts = [k for k in range(m + 1) if abs(k - m / 2) >= far]
    return sum(math.comb(m, k) for k in counts) / 2 ** m
    """,
    """
    one side only | abs(k - m / 2) >= far -> k <= min(a, b)
    One side is summed. Counts as far from m/2 on the other side belong to it, too.
    at least a | abs(k - m / 2) >= far -> k >= a
    The counts from a on are summed. All that are as far from m/2, on either side, belong to it.
    at most a | abs(k - m / 2) >= far -> k <= a
    The counts up to a are summed. All that are as far from m/2, on either side, belong to it.
    exactly this count | abs(k - m / 2) >= far -> k == a
    This is the chance of exactly this count. All that are as far from m/2 belong to it.
    exactly this count, on both sides | abs(k - m / 2) >= far -> k in (a, b)
    This is the chance of exactly this count on either side. Those further out belong to it, too.
    the middle counted twice | return sum -> return 2 * sum && abs(k - m / 2) >= far -> k <= min(a, b)
    One side is doubled, which counts the middle of a tie twice: more than 1.
    further only | abs(k - m / 2) >= far -> abs(k - m / 2) > far
    Only counts further from m/2 than a are summed. Those as far belong to it, too.
    all utterances counted | (first & ~second) -> first && m = a + b -> m = len(first)
    Right answers are counted among all utterances. Leave out those where both agree.
    normal approximation | return sum(math.comb(m, k) for k in counts) / 2 ** m -> \
        return math.erfc(far / math.sqrt(m / 2)) if m else 1.0
    This is the normal approximation of McNemar's test. The exact binomial is asked for.
    normal approximation with a correction | return sum(math.comb(m, k) for k in counts) / 2 ** m \
        -> return math.erfc(max(far - 0.5, 0) / math.sqrt(m / 2)) if m else 1.0
    This is McNemar's test with continuity correction. The exact binomial is asked for.
    1 minus p | return sum(math.comb(m, k) for k in counts) -> \
        return sum(math.comb(m, k) for k in range(m + 1) if k not in counts)
    This is 1 minus the probability that is asked for.
    """,
    "classifying",
)  # fmt: skip

_RNG = np.random.default_rng(350)


def _shares(T: int, B: int, K: int) -> Any:
    """Return probabilities in eighths: some are exactly a threshold."""
    p = _RNG.multinomial(8, [1 / K] * K, size=(T, B)) / 8
    return np.where(_RNG.random((T, B, 1)) < 0.5, p, _RNG.dirichlet([0.7] * K, size=(T, B)))


DECIDE = by_edits(
    "decide(p, lengths, threshold) -> array (B,), the frame of decision",
    {"frame": "B"},
    [
        {"p": _shares(T, B, K), "lengths": _RNG.integers(1, T + 1, B), "threshold": threshold}
        for T, B, K, threshold in [
            (7, 40, 3, 0.75), (6, 50, 4, 0.5), (8, 30, 2, 0.99), (1, 4, 3, 0.5), (5, 1, 3, 0.625),
            (4, 5, 1, 0.9), (9, 60, 5, 0.375),
        ]
    ],
    """
    best = p.max(axis=2)
    steps = np.arange(len(p))[:, None]
    valid = steps < lengths
    sure = (best > threshold) & valid
    first = sure.argmax(axis=0)
    last = lengths - 1
    return np.where(sure.any(axis=0), first, last)
    """,
    """
    padding read | valid = steps < lengths -> valid = steps >= 0
    Padding is read: a frame at or after length is none.
    one frame of padding read | steps < lengths -> steps <= lengths
    One frame of padding is read. The last frame is length - 1.
    reached, not exceeded | best > threshold -> best >= threshold
    A probability equal to the threshold is enough here. It has to exceed it.
    never sure: first frame | return np.where(sure.any(axis=0), first, last) -> return first
    Where it is never sure the first frame is taken: argmax of all False is 0. Take the last.
    never sure: end of the array | last = lengths - 1 -> last = 0 * lengths + len(p) - 1
    Where it is never sure the end of the array is taken. The last frame is length - 1.
    never sure: one too far | last = lengths - 1 -> last = lengths
    Where it is never sure one frame too far is taken. The last frame is length - 1.
    never sure: surest frame | last = lengths - 1 -> last = np.where(valid, best, -1).argmax(axis=0)
    Where it is never sure the surest frame is taken. Take the last, length - 1.
    last sure frame | sure.argmax(axis=0) -> len(p) - 1 - sure[::-1].argmax(axis=0)
    This is the last frame that is sure. Take the first.
    surest frame | sure.argmax(axis=0) -> np.where(sure, best, 0).argmax(axis=0)
    This is the frame that is surest. Take the first that is sure.
    frames counted from 1 | return np.where(sure.any(axis=0), first, last) -> \
        return np.where(sure.any(axis=0), first, last) + 1
    Frames are counted from 1. They are counted from 0.
    first class alone | p.max(axis=2) -> p[:, :, 0]
    The probability of the first class is read. Read the largest of all classes.
    never sooner than the end | return np.where(sure.any(axis=0), first, last) -> return last
    The last frame is always taken. Take the first that is sure.
    """,
    "classifying",
)  # fmt: skip

_LENGTHS = np.random.default_rng(340).integers(7, 30, 270)


def _padding(lengths: Any, batches: list[list[int]]) -> float:
    """Return the share of the steps that is padding."""
    steps = sum(int(lengths[k].max()) * len(k) for k in batches)
    return 1 - int(lengths.sum()) / steps


def _batches(fn: Fn, seed: int = 0, lengths: Any = _LENGTHS, size: int = 32) -> list[list[int]]:
    """Return the batches as lists."""
    made = fn(lengths.copy(), size, np.random.default_rng(seed))
    return [[int(k) for k in batch] for batch in made]


def _flat(fn: Fn, **how: Any) -> list[int]:
    """Return the indices of all batches in order of size."""
    return sorted(k for batch in _batches(fn, **how) for k in batch)


BUCKETS = by_trials(
    "buckets(lengths, size, rng) -> list of arrays of indices",
    {
        "lengths, not indices": (
            "The batches hold the lengths themselves. They hold the sequences' indices.",
            lambda fn: _flat(fn) != sorted(_LENGTHS),
        ),
        "indices from 1": (
            "The indices run from 1 to 270. Sequences are counted from 0.",
            lambda fn: _flat(fn) != list(range(1, 271)),
        ),
        "a sequence twice": (
            "A sequence comes twice. Each comes once.",
            lambda fn: len(set(_flat(fn))) == len(_flat(fn)),
        ),
        "sequences left out": (
            "Some sequences come in no batch. Is the last batch, a smaller one, left out?",
            lambda fn: set(range(270)) <= set(_flat(fn)),
        ),
        "batch too large": (
            "A batch is larger than its size.",
            lambda fn: max(map(len, _batches(fn))) <= 32,
        ),
        "batches too small": (
            "There are many small batches. Fill them up to the size.",
            lambda fn: len(_batches(fn)) <= 12,
        ),
        "padding": (
            "More than a tenth is still padding: bring those of similar length together.",
            lambda fn: _padding(_LENGTHS, _batches(fn)) < 0.1,
        ),
        "rng not used": (
            "The same rng draws other batches at the next call. Draw from rng alone.",
            lambda fn: _batches(fn) == _batches(fn),
        ),
        "always the same order": (
            "The batches come in the same order every time. Draw it.",
            lambda fn: (
                [max(_LENGTHS[b]) for b in _batches(fn)]
                != [max(_LENGTHS[b]) for b in _batches(fn, 1)]
            ),
        ),
        "always the same neighbours": (
            "Each sequence has the same neighbours in every epoch. Draw the order among equals.",
            lambda fn: (
                {frozenset(b) for b in _batches(fn)} != {frozenset(b) for b in _batches(fn, 1)}
            ),
        ),
        "sizes fixed in": (
            "Right for many sequences and wrong for three, or for one: are sizes fixed in?",
            lambda fn: all(
                _flat(fn, lengths=_LENGTHS[:n], size=size) == list(range(n))
                and max(map(len, _batches(fn, 0, _LENGTHS[:n], size))) <= size
                for n, size in [(3, 8), (1, 1), (3, 1)]
            ),
        ),
    },
    "classifying",
)

KINDS = {
    "cross_entropy": CROSS_ENTROPY,
    "cross_entropy_gradient": CROSS_ENTROPY_GRADIENT,
    "sign_test": SIGN_TEST,
    "buckets": BUCKETS,
    "decide": DECIDE,
}
