"""Perplexity and bits, streams and chances: what learners write, and what the report says of it."""

import numpy as np
import torch

from tests.exercises.trying import judged


def chunked(ids, B, T):
    steps = (len(ids) - 1) // B
    x, y = ids[: B * steps].reshape(B, steps), ids[1 : B * steps + 1].reshape(B, steps)
    return [(x[:, s : s + T].T, y[:, s : s + T].T) for s in range(0, steps - T + 1, T)]


def without_the_last(ids, B, T):
    """Give up the last character of each stream, so that x and y are of one stream."""
    steps = len(ids) // B
    rows = [ids[b * steps : (b + 1) * steps] for b in range(B)]
    rows = np.stack(rows, axis=1)
    return [[rows[s : s + T], rows[s + 1 : s + T + 1]] for s in range(0, steps - T, T)]


def yielded(ids, B, T):
    yield from chunked(ids, B, T)


def other_chunks(change):
    return lambda ids, B, T: [change(x, y) for x, y in chunked(ids, B, T)]


def side_by_side(ids, B, T):
    size = B * T
    return [
        (ids[k : k + size].reshape(B, T).T, ids[k + 1 : k + size + 1].reshape(B, T).T)
        for k in range(0, len(ids) - size, size)
    ]


def across(ids, B, T):
    steps = (len(ids) - 1) // B
    x, y = ids[: B * steps].reshape(steps, B), ids[1 : B * steps + 1].reshape(steps, B)
    return [(x[s : s + T], y[s : s + T]) for s in range(0, steps - T + 1, T)]


def streams_in_chunks(ids, B, T, step=None, rest=0, same=False, turned=False):
    steps = (len(ids) - 1) // B
    x, y = ids[: B * steps].reshape(B, steps).T, ids[1 : B * steps + 1].reshape(B, steps).T
    y = x if same else np.roll(x, -1, axis=0) if turned else y
    starts = range(0, steps - T + 1 + rest * (T - 1), step or T)
    return [(x[s : s + T], y[s : s + T]) for s in starts]


def changed(**how):
    return lambda *arguments: streams_in_chunks(*arguments, **how)


def chances(logits, temperature, k):
    kept = logits.topk(k).indices
    masked = torch.full_like(logits, -torch.inf)
    masked[kept] = logits[kept] / temperature
    return masked.softmax(0)


def by_numpy(logits, temperature, k):
    shares = np.exp((np.asarray(logits) - float(logits.max())) / temperature)
    shares[np.argsort(np.asarray(logits))[: len(shares) - k]] = 0
    return shares / shares.sum()


def first_cut_then_divided(logits, temperature, k):
    least = logits.sort(descending=True).values[k - 1]
    return (logits.masked_fill(logits < least, -torch.inf) / temperature).softmax(-1)


def other_chances(scaled=lambda z, T: z / T, fill=-torch.inf, largest=True, end=lambda p: p):
    def wrong(logits, temperature, k):
        kept = logits.topk(k, largest=largest).indices
        masked = torch.full_like(logits, fill)
        masked[kept] = scaled(logits, temperature)[kept]
        return end(masked)

    return wrong


def not_normed(logits, temperature, k):
    p = (logits / temperature).softmax(0)
    return torch.where(logits >= logits.topk(k).values[-1], p, 0 * p)


RIGHT = {
    "streams": [chunked, without_the_last, yielded],
    "torch.chances": [chances, by_numpy, first_cut_then_divided],
    "perplexity": [
        lambda nats: np.exp(nats.mean()),
        lambda nats: 2 ** (nats.mean() / np.log(2)),
        lambda nats: float(np.prod(np.exp(nats / nats.size))),
    ],
    "bits_per_character": [
        lambda nats: nats.mean() / np.log(2),
        lambda nats: np.log2(np.exp(nats.mean())),
        lambda nats: nats.sum() * np.log2(np.e) / nats.size,
    ],
}
CHUNKS = [
    (other_chunks(lambda x, y: (x.T, y.T)), "batch first"),
    (other_chunks(lambda x, y: (y, x)), "x and y exchanged"),
    (changed(same=True), "y is x"),
    (changed(rest=1), "rest kept"),
    (changed(step=1), "a chunk at every step"),
    (changed(turned=True), "y turned round in each stream"),
    (other_chunks(lambda x, y: (x, np.roll(x, -1, axis=0))), "y turned round in each chunk"),
    (across, "neighbours side by side"),
    (side_by_side, "chunks side by side"),
    (lambda ids, B, T: chunked(ids, B, (len(ids) - 1) // B), "not cut into chunks"),
    (lambda *a: chunked(*a)[::-1], "starts[::-1] for starts"),
    (lambda *a: chunked(*a)[:-1], "starts[:-1] for starts"),
    (changed(same=True, rest=1), "y is x & rest kept"),
    (other_chunks(lambda x, y: x), "no pairs"),
]
CHANCES = [
    (
        other_chances(lambda z, T: z * T, end=lambda m: m.softmax(0)),
        "multiplied by the temperature",
    ),
    (other_chances(lambda z, T: z, end=lambda m: m.softmax(0)), "temperature without effect"),
    (other_chances(fill=0.0, end=lambda m: m.softmax(0)), "logit of 0 for the others"),
    (other_chances(largest=False, end=lambda m: m.softmax(0)), "least probable kept"),
    (lambda z, T, k: (z / T).softmax(0), "others not left out"),
    (other_chances(end=lambda m: m.softmax(0).sort(descending=True).values), "sorted"),
    (other_chances(end=lambda m: m.log_softmax(0)), "logarithms"),
    (other_chances(end=lambda m: m.exp() / m.exp().sum()), "exp overflows"),
    (other_chances(end=lambda m: (m - m.max()).exp()), "divided by the largest"),
    (not_normed, "do not sum to 1"),
    (lambda z, T, k: chances(z, T, min(k + 1, len(z))), "one too many"),
    (lambda z, T, k: chances(z, T, max(k - 1, 1)), "one too few"),
    (lambda z, T, k: chances(z, T, 1), "the most probable alone"),
    (lambda z, T, k: (z.topk(k).values / T).softmax(0), "wrong shape"),
]
WRONG = [
    *(("streams", fn, titles) for fn, titles in CHUNKS),
    *(("torch.chances", fn, titles) for fn, titles in CHANCES),
    ("perplexity", lambda n: np.exp2(n.mean()), "2 to the power of nats"),
    ("perplexity", lambda n: np.exp(n.mean() / np.log(2)), "e to the power of bits"),
    (
        "perplexity",
        lambda n: np.mean([np.exp(row.mean()) for row in n.T]),
        "mean of the sequences' perplexities",
    ),
    (
        "perplexity",
        lambda n: np.mean([np.exp(row.mean()) for row in n]),
        "mean of the steps' perplexities",
    ),
    ("perplexity", lambda n: np.exp(n).mean(), "mean of perplexities"),
    ("perplexity", lambda n: np.exp(n.sum() / ((len(n) - 1) * n.shape[1])), "tokens miscounted"),
    ("perplexity", lambda n: np.exp(n.sum() / len(n)), "divided by the steps alone"),
    ("perplexity", lambda n: np.exp(n.sum() / n.shape[1]), "divided by the sequences alone"),
    ("perplexity", lambda n: np.exp(n[:-1].mean()), "nats[:-1] for nats"),
    ("perplexity", lambda n: np.exp(n[1:].mean()), "nats[1:] for nats"),
    ("perplexity", lambda n: np.exp(n.max()), "np.max(nats) for nats.mean()"),
    ("perplexity", lambda n: np.exp(np.median(n)), "np.median(nats) for nats.mean()"),
    ("perplexity", lambda n: 1 / np.exp(n.mean()), "wrong sign"),
    ("perplexity", lambda n: n.mean(), "exp left out"),
    ("perplexity", lambda n: np.exp(n.mean(axis=0)), "nats.mean(axis=0) for nats.mean()"),
    (
        "perplexity",
        lambda n: np.exp2(n.sum() / len(n)),
        "2 to the power of nats & divided by the steps alone",
    ),
    ("bits_per_character", lambda n: n.mean(), "nats"),
    ("bits_per_character", lambda n: n.mean() * np.log(2), "times ln 2"),
    ("bits_per_character", lambda n: n.mean() / np.log(2) / 8, "bytes"),
    ("bits_per_character", lambda n: n.mean() / np.log(10), "divided by ln 10"),
    ("bits_per_character", lambda n: np.log2(n.mean()), "log2 of the loss"),
    ("bits_per_character", lambda n: np.log2(n).mean(), "log2 of each loss"),
    ("bits_per_character", lambda n: np.log2(np.exp(n).mean()), "log2 of the mean of exp"),
    ("bits_per_character", lambda n: -n.mean() / np.log(2), "wrong sign"),
    ("bits_per_character", lambda n: np.exp(n.mean()), "perplexity"),
    ("bits_per_character", lambda n: 2 ** n.mean(), "2 to the power of nats"),
]


test_right_answers_pass_in_every_style, test_a_mistake_is_named, test_no_value_raises = judged(
    RIGHT, WRONG
)
