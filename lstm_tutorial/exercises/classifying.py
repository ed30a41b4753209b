"""Exercises of the chapter on classifying: losses, pooling, a test, batches and decisions."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import Case, Kind, as_tensor
from lstm_tutorial.exercises._reading import Array, Finding
from lstm_tutorial.exercises._trials import Fn, by_measuring, first
from lstm_tutorial.exercises.nn_lstm import deaf, valid
from lstm_tutorial.exercises.pytorch import in_halves

KINDS: dict[str, Kind] = {}


def _scored(B: int, K: int, size: float = 1, low: float = 0) -> dict[str, Any]:
    """Return logits and classes; every other logit is low, and then all are large and whole."""
    rng = np.random.default_rng(10 * B + K)
    logits = size * rng.normal(size=(B, K))
    if low:
        logits = logits.round() + 1000 - low * (np.add.outer(np.arange(B), np.arange(K)) % 2)
    return {"logits": logits, "targets": rng.integers(K, size=B)}


# In the last two exp overflows where the largest is not subtracted; in the last a share is 0.
_LOGITS = [
    _scored(*row) for row in [(5, 4), (3, 6), (1, 3), (4, 1), (1, 1), (6, 3, 2, 40), (6, 4, 3, 900)]
]

KINDS["cross_entropy"] = by_edits(
    "cross_entropy(logits, targets) -> mean loss in nats, from logits (B, K) and classes (B,)",
    {"loss": ""},
    _LOGITS,
    """
    scores = logits
    z = scores - scores.max(axis=1, keepdims=True)
    total = np.exp(z).sum(axis=1, keepdims=True)
    log_p = z - np.log(total)
    picked = log_p[np.arange(len(targets)), targets]
    return -picked.mean()
    """,
    listed("""
    softmax twice: scores = logits -> p = np.exp(logits - logits.max(axis=1, keepdims=True));
        scores = p / p.sum(axis=1, keepdims=True) | The loss takes it already. Hand it the logits.
    softmax along the batch: max(axis=1, keepdims=True) -> max(axis=0) &&
        sum(axis=1, keepdims=True) -> sum(axis=0) | It runs over the classes, the last axis.
    sigmoid, not softmax: log_p[np -> (-np.logaddexp(0, -logits))[np | Divide by the sum of exp.
    no softmax: log_p[np -> logits[np | Logits are no log-probabilities. Subtract log(sum(exp)).
    logarithm left out: -np.exp(picked).mean() | Probabilities are averaged, not their logarithms.
    logarithm after the mean: -np.log(np.exp(picked).mean()) | Average the logarithms.
    summed, not averaged: -picked.sum() | Take the mean over the batch.
    wrong sign: picked.mean() | The loss is minus the log-probability.
    in bits: -picked.mean() / np.log(2) | The logarithm is that of base 2. In nats it is natural.
    averaged over the classes too: -picked.mean() / logits.shape[1] | Divide by B, not by B K.
    all classes, not the target: -log_p.mean() | Take the target's log-probability.
    predicted class, not the target: targets] -> logits.argmax(axis=1)] | Take the target's.
    exp overflows: scores - scores.max(axis=1, keepdims=True) -> scores |
        exp of large logits is infinite. Subtract the largest of each row first.
    logarithm of 0: z - np.log(total) -> np.log(np.exp(z) / total) |
        A softmax may round to 0, and its logarithm is not finite. Take z minus a logarithm.
    """)
    | {
        f"probabilities {how} {tiny}": (
            f"z - np.log(total) -> np.log({before}np.exp(z) / total{after})",
            "No loss is larger than the logarithm allows. Take z minus the log of the sum.",
        )
        for tiny in (1e-15, 1e-12, 1e-10, 1e-8, 1e-7)
        for how, before, after in [
            ("at least", "np.maximum(", f", {tiny})"),
            ("clipped at", "np.clip(", f", {tiny}, 1 - {tiny})"),
            ("plus", "", f" + {tiny}"),
        ]
    },
    "classifying",
)

KINDS["cross_entropy_gradient"] = by_edits(
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
    listed("""
    not divided by the batch: dz | The loss is a mean over the batch. Divide by B.
    divided by batch and classes: dz / logits.size | Divide by B, not by B K.
    divided by the classes: dz / logits.shape[1] | Divide by B, not by K.
    targets not subtracted: p - one_hot -> p | This is the softmax alone. Subtract 1 at each target.
    targets added: p - one_hot -> p + one_hot | Subtract 1 at each target.
    wrong sign: p - one_hot -> one_hot - p | It is softmax minus one-hot.
    softmax along the batch: max(axis=1, keepdims=True) -> max(axis=0) &&
        sum(axis=1, keepdims=True) -> sum(axis=0) | It runs over the classes, the last axis.
    no softmax: p - one_hot -> logits - one_hot | The logits are taken for probabilities.
    sigmoid, not softmax: p - one_hot -> 1 / (1 + np.exp(-logits)) - one_hot |
        The softmax divides by the sum over the classes.
    at the targets only: p - one_hot -> (p - 1) * one_hot | Other classes have a gradient, too: p.
    slope of the squashing: p - one_hot -> (p - one_hot) * p * (1 - p) | p (1 - p) cancels here.
    one-hot not divided: p / len(logits) - one_hot | Divide the difference by B.
    exp overflows: logits - logits.max(axis=1, keepdims=True) -> logits |
        exp of large logits is infinite. Subtract the largest of each row first.
    """),
    "classifying",
)


def _answers(a: int, b: int, right: int, wrong: int = 0) -> dict[str, Any]:
    """Return answers: a right only in the first, b only in the second, others in both or none."""
    first, second, both = [1] * a + [0] * b, [0] * a + [1] * b, [1] * right + [0] * wrong
    return {"first": np.array(first + both, bool), "second": np.array(second + both, bool)}


_COUNTS = [(1, 7, 50), (9, 4, 20, 3), (3, 3, 5, 2), (0, 0, 9), (1, 0, 0), (70, 90, 9)]

KINDS["sign_test"] = by_edits(
    "sign_test(first, second) -> number, a probability",
    {"p": ""},
    [_answers(*counts) for counts in _COUNTS],
    """
    a = int((first & ~second).sum())
    b = int((second & ~first).sum())
    m = a + b
    middle = m / 2
    far = abs(a - middle)
    counts = [k for k in range(m + 1) if abs(k - middle) >= far]
    return sum(math.comb(m, k) for k in counts) / 2**m
    """,
    listed("""
    one side only: abs(k - middle) >= far -> k <= min(a, b) | The other side counts, too.
    at least as many: abs(k - middle) >= far -> k >= a | As far on the other side counts, too.
    at most as many: abs(k - middle) >= far -> k <= a | As far on the other side counts, too.
    exactly this count: abs(k - middle) >= far -> k == a | All that are as far from m/2 count.
    exactly this count, on both sides: abs(k - middle) >= far -> k in (a, b) | Further out counts.
    the middle counted twice: 2 * sum(math.comb(m, k) for k in range(min(a, b) + 1)) / 2**m |
        One side is doubled: more than 1 for a tie.
    further only: >= far -> > far | Counts just as far belong to it.
    all utterances counted: (first & ~second) -> first && a + b -> len(first) |
        Where both are right or both wrong nothing is learnt. Leave these out.
    right answers counted: (first & ~second) -> first && (second & ~first) -> second |
        Where both are right nothing is learnt. Leave these out.
    0 without a difference: sum(math.comb(m, k) for k in counts) / 2**m if m else 0.0 | It is 1.
    normal approximation: math.erfc(far / math.sqrt(m / 2)) if m else 1.0 | Sum the binomial itself.
    corrected approximation: math.erfc(max(far - 0.5, 0) / math.sqrt(m / 2)) if m else 1.0 |
        Sum the binomial itself.
    """),
    "classifying",
)


def _shares(T: int, B: int, K: int) -> Array:
    """Return probabilities, half of them in eighths, which may equal a threshold."""
    rng = np.random.default_rng(T)
    eighths = rng.multinomial(8, [1 / K] * K, size=(T, B)) / 8
    return np.where(rng.random((T, B, 1)) < 0.5, eighths, rng.dirichlet([0.7] * K, size=(T, B)))


_FRAMES = [
    *[(7, 40, 3, 0.75), (6, 50, 4, 0.5), (8, 30, 2, 0.99), (1, 4, 3, 0.5), (5, 1, 3, 0.625)],
    *[(4, 5, 1, 0.9), (9, 60, 5, 0.375)],
]

KINDS["decide"] = by_edits(
    "decide(p, lengths, threshold) -> array (B,), the frame of decision",
    {"frame": "B"},
    [
        {"p": _shares(T, B, K), "lengths": np.arange(B) % T + 1, "threshold": threshold}
        for T, B, K, threshold in _FRAMES
    ],
    """
    best = p.max(axis=2)
    frames = np.arange(len(p))[:, None]
    valid = frames < lengths
    sure = (best > threshold) & valid
    never = lengths - 1
    return np.where(sure.any(axis=0), sure.argmax(axis=0), never)
    """,
    listed("""
    padding read: < lengths -> < len(p) + 0 * lengths | A frame at or after length is padding.
    one frame of padding read: < lengths -> <= lengths | The last frame is length - 1.
    threshold reached: > threshold -> >= threshold | It has to be exceeded.
    never sure, first frame: lengths - 1 -> 0 * lengths |
        argmax gives 0 where it is never sure. Take the last frame.
    never sure, end of the array: lengths - 1 -> len(p) - 1 + 0 * lengths | Take length - 1.
    never sure, one too far: lengths - 1 -> lengths | Take length - 1.
    never sure, surest frame: lengths - 1 -> np.where(valid, best, -1).argmax(axis=0) |
        Take the last frame.
    never sure, -1: lengths - 1 -> -1 + 0 * lengths | Take length - 1.
    last sure frame: sure.argmax(axis=0) -> len(p) - 1 - sure[::-1].argmax(axis=0) | Take the first.
    surest frame: sure.argmax(axis=0) -> np.where(sure, best, 0).argmax(axis=0) | Take the first.
    frames counted from 1: 1 + np.where(sure.any(axis=0), sure.argmax(axis=0), never) |
        Count frames from 0.
    first class alone: p.max(axis=2) -> p[:, :, 0] | Take the largest of all classes.
    """),
    "classifying",
)

_LENGTHS = np.random.default_rng(340).integers(7, 30, 270)


def _batches(fn: Fn, seed: int = 0, n: int = 270, size: int = 32) -> list[list[int]]:
    """Return the batches as lists of indices."""
    made = fn(_LENGTHS[:n].copy(), size, np.random.default_rng(seed))
    return [[int(k) for k in batch] for batch in made]


def _bucketing(fn: Fn) -> Iterator[Finding]:
    """Find what is wrong with batches: first what is in them, and then the draw."""
    batches, again, other = _batches(fn), _batches(fn), _batches(fn, 1)
    every = sorted(k for batch in batches for k in batch)
    found = {
        "lengths, not indices | The batches hold lengths.": every == sorted(_LENGTHS),
        "indices from 1 | Sequences are counted from 0.": every == list(range(1, 271)),
        "a sequence twice | Each comes once.": len(set(every)) < len(every),
        "sequences left out | Is the last, smaller batch missing?": every != list(range(270)),
    }
    if any(found.values()):
        yield from first(found)
        return
    steps = sum(int(_LENGTHS[batch].max()) * len(batch) for batch in batches)
    longest = [[max(_LENGTHS[batch]) for batch in made] for made in (batches, other)]
    drawn = [set(map(frozenset, made)) for made in (batches, other)]
    few = [(n, size, _batches(fn, 0, n, size)) for n, size in [(3, 8), (1, 1), (3, 1)]]
    fixed = any(
        sorted(k for batch in made for k in batch) != list(range(n)) or max(map(len, made)) > size
        for n, size, made in few
    )
    padding = "padding | More than a tenth is padding: similar lengths belong together."
    found = {
        "batch too large | It is larger than size.": max(map(len, batches)) > 32,
        "batches too small | Fill them up to the size.": len(batches) > 12,
        padding: steps * 0.9 >= _LENGTHS.sum(),
        "rng not used | The same rng draws other batches.": batches != again,
        "always the same order | Draw the order of the batches.": longest[0] == longest[1],
        "always the same neighbours | Draw the order among equals.": drawn[0] == drawn[1],
        "sizes fixed in | It fails for three sequences, or for one.": fixed,
    }
    yield from first(found)


KINDS["buckets"] = by_measuring(
    "buckets(lengths, size, rng) -> list of arrays of indices",
    _bucketing,
    "classifying",
    "Each sequence comes once, with little padding, and rng draws the order.",
)


def _outputs(seed: int, T: int, H: int, lengths: list[int], padding: float) -> Case:
    """Return outputs below zero, so that zeros in the padding are the largest."""
    out = -np.random.default_rng(seed).random((T, len(lengths), H)) - 0.1
    out[~valid(out, lengths)[..., 0]] = padding
    return {"out": out, "lengths": np.array(lengths)}


KINDS["torch.pool_both"] = by_edits(
    "pool_both(out, lengths) -> tensor (B, 2H), mean and largest over the valid steps",
    {"mean": "B H", "largest": "B H"},
    [
        *[_outputs(330, 6, 4, [2, 6, 1], 0), _outputs(332, 6, 4, [2, 6, 1], np.nan)],
        *[_outputs(331, 5, 3, [5, 3], 3), _outputs(333, 1, 1, [1], 0)],
    ],
    """
    ends = lengths[:, None]
    steps = np.arange(len(out))[:, None, None]
    valid = steps < ends
    zeros = np.where(valid, out, 0)
    mean = zeros.sum(axis=0) / ends
    largest = np.where(valid, out, -np.inf).max(axis=0)
    return np.concatenate([mean, largest], axis=1)
    """,
    listed("""
    mean counts the padding: / ends -> / len(out) |
        The padding's zeros are counted in the mean. Divide by the valid steps.
    padding wins: np.where(valid, out, -np.inf) -> zeros |
        Where all valid outputs lie below zero the padding's zeros are the largest. Put minus
        infinity there.
    padding in the mean: zeros.sum(axis=0) / ends -> out.mean(axis=0) |
        The mean is taken over all steps as they stand.
    padding in the largest: np.where(valid, out, -np.inf) -> out |
        The largest is taken over all steps as they stand.
    padding in both: np.concatenate([out.mean(axis=0), out.max(axis=0)], axis=1) |
        The padding is in the mean and in the largest.
    mask multiplied: np.where(valid, out, 0) -> valid * out |
        The outputs are multiplied by the mask. The padding may hold NaN, and 0 times NaN is NaN.
    mask one step too long: < ends -> <= ends | The step at index length is padding.
    mask one step too short: < ends -> < ends - 1 | The last valid step is length - 1.
    halves exchanged: [mean, largest] -> [largest, mean] | The mean comes first.
    sum for the mean: zeros.sum(axis=0) / ends -> zeros.sum(axis=0) | Divide by the valid steps.
    least for the largest: out, -np.inf).max -> out, np.inf).min | This is the least.
    """),
    "classifying",
    prepare=as_tensor,
    ask=deaf,
    flat=in_halves,
)
