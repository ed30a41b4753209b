"""Exercises of the chapter on language: what the losses of all tokens amount to."""

from typing import Any

import numpy as np

from lstm_tutorial.exercises._calls import as_array
from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import Kind, as_tensor, draw
from lstm_tutorial.exercises._reading import Finding, Trouble

KINDS: dict[str, Kind] = {}


def _long(seed: int, k: int, T: int, B: int, D: int, H: int) -> dict[str, Any]:
    shapes = {"dhs": "T B H", "x": "T B D", "h0": "B H", "W_ih": "H D", "W_hh": "H H", "b": "H"}
    return {**draw(seed, shapes, T=T, B=B, D=D, H=H), "k": k}


KINDS["rnn.truncated_backward"] = by_edits(
    "truncated_backward(dhs, x, h0, W_ih, W_hh, b, k) -> (dW_ih, dW_hh, db), chunks of k steps "
    "from the start",
    {"dW_ih": "H D", "dW_hh": "H H", "db": "H"},
    [
        *[_long(190, 3, 8, 2, 5, 4), _long(191, 4, 10, 3, 4, 2), _long(192, 2, 5, 3, 3, 3)],
        *[_long(193, 2, 5, 1, 1, 1), _long(194, 1, 3, 2, 3, 4), _long(195, 9, 4, 2, 3, 4)],
    ],
    """
    old, new, fresh = [], [h0], None
    for t in range(len(x)):
        old.append(new[t] if fresh is None or t == 0 or t % k else fresh)
        new.append(np.tanh(x[t] @ W_ih.T + old[t] @ W_hh.T + b))
    dh, count = 0 * h0, 1
    dW_ih, dW_hh, db = 0 * W_ih, 0 * W_hh, 0 * b
    for t in reversed(range(len(x))):
        dz = (dhs[t] + dh) * (1 - new[t + 1] ** 2)
        dW_ih, dW_hh, db = dW_ih + dz.T @ x[t], dW_hh + dz.T @ old[t], db + dz.sum(axis=0)
        dh = dz @ W_hh
        if t % k == 0: dh = 0 * dh
    return dW_ih / count, dW_hh / count, db / count
    """,
    listed("""
    not cut: if t % k == 0: -> if False: | The gradient stops at the borders of the chunks.
    states reset at the borders: fresh = [], [h0], None -> fresh = [], [h0], 0 * h0 |
        The state is carried on over a border; only the gradient stops.
    h0 at every border: fresh = [], [h0], None -> fresh = [], [h0], h0 |
        Each chunk starts from the last state of the chunk before.
    last, shorter chunk dropped: reversed(range(len(x))) -> reversed(range(len(x) // k * k)) |
        T is no multiple of k, and the steps that remain at the end count as well.
    only the last chunk: reversed(range(len(x))) -> reversed(range((len(x) - 1) // k * k, len(x))) |
        Add up the gradients of all chunks.
    averaged over the chunks: count = 0 * h0, 1 -> count = 0 * h0, -(-len(x) // k) |
        The chunks' gradients are averaged. Add them up.
    averaged over the steps: count = 0 * h0, 1 -> count = 0 * h0, len(x) |
        The steps' gradients are averaged. Add them up.
    cut one step early: if t % k == 0: -> if t % k == k - 1: | The border is one step further back.
    cut one step late: if t % k == 0: -> if t % k == 1: | The border is one step nearer the end.
    counted from the end: if t % k == 0: -> if (len(x) - t) % k == 0: |
        The chunks are counted from the end. They begin at the start.
    cut at every step: if t % k == 0: -> if True: | The gradient goes back k steps.
    loss at the chunks' ends only: (dhs[t] + dh) -> (dhs[t] * ((t + 1) % k == 0) + dh) |
        Every step has a loss.
    """),
    "backpropagation",
)

_NATS = [
    {"nats": size * np.abs(np.random.default_rng(T + B).normal(size=(T, B))) + 0.3}
    for T, B, size in [(4, 3, 1), (5, 2, 1), (1, 3, 1), (6, 1, 1), (1, 1, 1), (3, 4, 20)]
]

KINDS["perplexity"] = by_edits(
    "perplexity(nats) -> number, from the losses of all tokens in nats (T, B)",
    {"perplexity": ""},
    _NATS,
    """
    tokens = nats.shape[0] * nats.shape[1]
    mean = nats.sum() / tokens
    return np.exp(mean)
    """,
    listed("""
    2 to the power of nats: 2 ** mean | The losses are in nats: it is exp of the mean.
    e to the power of bits: np.exp(mean / np.log(2)) | The base of bits is 2.
    mean of perplexities: np.exp(nats).mean() | Average the losses first, then take exp.
    mean of the sequences' perplexities: np.exp(nats.mean(axis=0)).mean() | Average all losses.
    mean of the steps' perplexities: np.exp(nats.mean(axis=1)).mean() | Average all losses.
    tokens miscounted: nats.shape[0] * -> (nats.shape[0] - 1) * |
        The sum is divided by the tokens of T - 1 steps. All T steps count.
    divided by the steps alone: nats.shape[0] * nats.shape[1] -> nats.shape[0] |
        The number of tokens is T times B.
    divided by the sequences alone: * nats.shape[1] -> * 1 && nats.shape[0] -> nats.shape[1] |
        Divide by the number of tokens, T B.
    exp of the sum: np.exp(nats.sum()) | Perplexity is exp of the mean.
    exp left out: mean | This is the mean loss. Perplexity is its exp.
    wrong sign: np.exp(-mean) | This is exp of minus the mean, the typical probability.
    """),
    "language",
    also=["return np.exp(nats.mean())"],
)

KINDS["bits_per_character"] = by_edits(
    "bits_per_character(nats) -> number, from the losses of all characters in nats (T, B)",
    {"bits": ""},
    _NATS,
    """
    mean = nats.mean()
    return mean / np.log(2)
    """,
    listed("""
    nats: mean | This is the mean in nats. A bit is ln 2 nats.
    times ln 2: mean * np.log(2) | The mean is multiplied by ln 2. Divide by it.
    divided by ln 10: np.log(2) -> np.log(10) | A bit is ln 2 nats.
    wrong sign: -mean / np.log(2) | A loss is minus a logarithm already.
    bytes: mean / np.log(2) / 8 | These are bytes. Leave out the 8.
    log2 of the mean of exp: np.log2(np.exp(nats).mean()) | Average the losses, not their exp.
    2 to the power of nats: 2 ** mean | Divide the mean by ln 2.
    log2 of the loss: np.log2(mean) | A loss is a logarithm already. Divide by ln 2.
    log2 of each loss: np.log2(nats).mean() | A loss is a logarithm already. Divide by ln 2.
    perplexity: np.exp(mean) | This is the perplexity. Bits are the mean loss divided by ln 2.
    """),
    "language",
)


def _chunks(returned: Any) -> Any:
    """Return all x, all y, and the number of steps of each chunk, from pairs (x, y)."""
    pairs = [[a if type(a) is np.ndarray else as_array(a) for a in pair] for pair in returned]
    if not pairs or any(len(pair) != 2 or pair[0].ndim != 2 for pair in pairs):
        says = "Expected a list of pairs (x, y) of arrays (T, B), one pair a chunk."
        raise Trouble(Finding("no pairs", says))
    x, y = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return x, y, np.array([len(x) for x, _ in pairs])


def _text(seed: int, length: int, B: int, T: int) -> dict[str, Any]:
    return {"ids": np.random.default_rng(seed).permutation(length), "B": B, "T": T}


KINDS["streams"] = by_edits(
    "chunked(ids, B, T) -> list of pairs (x, y) of arrays (T, B)",
    {"x": "steps B", "y": "steps B", "lengths of the chunks": "chunks"},
    [
        # where a stream's last character may be given up or not, both come to the same
        *[_text(0, 32, 3, 4), _text(1, 13, 1, 4), _text(2, 27, 2, 4), _text(3, 6, 1, 1)],
        *[_text(4, 41, 4, 4), _text(5, 11, 2, 2)],
    ],
    """
    steps = (len(ids) - 1) // B
    x = ids[: B * steps].reshape(B, steps).T
    y = ids[1 : B * steps + 1].reshape(B, steps).T
    starts = range(0, steps - T + 1, T)
    return [(x[s : s + T], y[s : s + T]) for s in starts]
    """,
    listed("""
    batch first: [(x[s : s + T].T, y[s : s + T].T) for s in starts] | Time comes first, (T, B).
    y is x: ids[1 : B * steps + 1] -> ids[: B * steps] | y holds what follows on each of x.
    x and y exchanged: [(y[s : s + T], x[s : s + T]) for s in starts] | x comes first.
    rest kept: steps - T + 1 -> steps | What is left of the streams makes a shorter chunk at the
        end. Leave it out.
    last chunk lost: steps - T + 1 -> steps - T | The last whole chunk is left out.
    not cut into chunks: [(x, y)] | One pair came with all of the streams. Cut it every T steps.
    a chunk at every step: - T + 1, T) -> - T + 1) | Each chunk begins where the last one ended.
    neighbours side by side: ids[: B * steps].reshape(B, steps).T -> ids[: B * steps].reshape(steps,
        B) && ids[1 : B * steps + 1].reshape(B, steps).T -> ids[1 : B * steps + 1].reshape(steps, B)
        | Neighbouring characters stand side by side in the batch. Cut into B streams first.
    chunks side by side: [(ids[k : k + B * T].reshape(B, T).T, ids[k + 1 : k + B * T +
        1].reshape(B, T).T) for k in range(0, len(ids) - B * T, B * T)] |
        Neighbouring chunks stand side by side in the batch. Cut into B streams first.
    y turned round in each chunk: [(a := x[s : s + T], np.roll(a, -1, axis=0)) for s in starts] |
        The last y of a chunk is its first x. It is the first of the next chunk.
    y turned round in each stream: ids[1 : B * steps + 1].reshape(B, steps).T -> np.roll(x, -1,
        axis=0) | The last y of a stream is the stream's first character.
    """),
    "language",
    flat=_chunks,
)


def _logits(seed: int, V: int, temperature: float, k: int) -> dict[str, Any]:
    drawn = 1.5 * np.random.default_rng(seed).normal(size=V)
    return {"logits": drawn, "temperature": temperature, "k": k}


KINDS["torch.chances"] = by_edits(
    "chances(logits, temperature, k) -> tensor (V,), 0 for all but the k most probable",
    {"chances": "V"},
    [
        *[
            _logits(0, 6, 0.5, 3),
            _logits(1, 5, 2.0, 2),
            _logits(2, 4, 1.0, 4),
            _logits(3, 7, 0.7, 1),
        ],
        *[_logits(4, 8, 1.3, 5), _logits(5, 1, 0.5, 1)],
        {"logits": np.array([800, 801.5, 799, 800.75, 802.25]), "temperature": 0.5, "k": 4},
    ],
    """
    scaled = logits / temperature
    least = np.sort(logits)[::-1][k - 1]
    kept = np.where(logits >= least, scaled, -np.inf)
    shares = np.exp(kept - kept.max())
    return shares / shares.sum()
    """,
    listed("""
    least probable kept: [::-1][k - 1] -> [k - 1] && >= -> <= | The k least probable are kept.
    multiplied by the temperature: logits / temperature -> logits * temperature | Divide by it.
    temperature without effect: logits / temperature -> logits | Divide the logits by it.
    others not left out: np.where(logits >= least, scaled, -np.inf) -> scaled |
        All characters have a chance. Only the k most probable have one.
    logit of 0 for the others: -np.inf -> 0 | exp(0) is 1. A chance of 0 is a logit of -inf.
    do not sum to 1: np.where(logits >= least, (e := np.exp(scaled - scaled.max())) / e.sum(), 0) |
        The others are left out after the softmax, and what remains does not sum to 1.
    sorted: np.sort(shares / shares.sum())[::-1] | Each belongs in its character's place.
    exp overflows: kept - kept.max() -> kept | Of a large logit exp is infinite.
    one too many: least = np.sort(logits)[::-1][k - 1] -> least = np.sort(logits)[::-1][min(k,
        len(logits) - 1)] | k + 1 are kept.
    one too few: [k - 1] -> [max(k - 2, 0)] | k - 1 are kept.
    the most probable alone: [k - 1] -> [0] | One has all of the chance.
    logarithms: kept - kept.max() - np.log(shares.sum()) | These are logarithms of chances.
    divided by the largest: shares | These are shares of the largest chance.
    """),
    "language",
    prepare=as_tensor,
)
