"""The long runs of the chapter on counting and grammar: cells that count, and that read streams.

Networks run side by side, as `streams` runs them. The weights are those of the cell, then those of
the readout.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lstm_tutorial.experiments._experiment import Experiment, digits
from lstm_tutorial.original import grammars
from lstm_tutorial.relatives import networks, published, side_by_side, streams, variants
from lstm_tutorial.relatives.cell import Recurrent, State, named

Array = np.ndarray
Params = list[Tensor]

# What the settings call the cells.
CELLS: dict[str, Recurrent] = {
    "vanilla": variants.VANILLA,
    "no forget gate": variants.NO_FORGET_GATE,
    "coupled gates": variants.COUPLED_GATES,
    "squashed store": variants.SQUASHED_STORE,
    "gru": published.GRU_ONE_BIAS,
    "rnn": published.RNN,
}
NETWORKS = 10
STAGE = 250  # updates between two tests on the stream
PIECE = 50  # steps of a stream for one update
RUN_IN = 250  # steps of a test stream that are not scored


def init(cell: Recurrent, size: int, hidden: int, seeds: Sequence[int]) -> Params:
    """Draw a network for each seed: all weights uniform in ±1/√H, forget biases 1.

    Parameters
    ----------
    cell : Recurrent
    size, hidden : int
        K symbols, in and out, and H.
    seeds : sequence of int

    Returns
    -------
    list of tensors (N, ...)
        The cell's, then W_hy (N, K, H) and b_y (N, K).
    """
    network = networks.Network(cell)
    return side_by_side.stack(networks.uniform(network, size, hidden, size, seed) for seed in seeds)


def train(
    params: Params,
    batches: Iterable[Any],
    loss: Callable[[Params, Any], Tensor],
    updates: int,
    lr: float = 0.01,
) -> Iterator[Params]:
    """Train N networks side by side with Adam; give their weights after every update.

    The learning rate falls in a straight line to a tenth, each network's gradient is clipped at
    norm 1.

    Parameters
    ----------
    params : list of tensors
        As from `init`; left as they are.
    batches : iterable
        At least as many as `updates`.
    loss : callable
        Of the weights and a batch; one number for each network, (N,).
    updates : int
    lr : float
        At the start.
    """
    weights = [p.clone().requires_grad_() for p in params]
    rates = (
        torch.full((len(params[0]),), lr * (1 - 0.9 * update / updates))
        for update in range(updates)
    )
    return side_by_side.updates(loss, weights, ((b,) for b in batches), rates, max_norm=1.0)


def counters(
    cell: Recurrent, letters: str, most: int, updates: int, seeds: Sequence[int], lr: float = 0.01
) -> Params:
    """Train networks of 10 units on all strings with n from 1 to `most`, all at once.

    The error is the cross-entropy of every symbol's being legal or not, averaged over the symbols
    and steps of a string, then over the strings: each n counts the same.
    """
    batch = grammars.counting(range(1, most + 1), letters)
    x, y = as_float(batch.x), as_float(batch.y)
    weight = as_float(batch.mask / batch.lengths / most)

    def loss(params: Params, _: Any) -> Tensor:
        return (_legal_error(streams.forward(cell, params, x).scores, y) * weight).sum(dim=(1, 2))

    start = init(cell, x.shape[2], 10, seeds)
    *_, params = train(start, [None] * updates, loss, updates, lr)
    return params


def accepted(cell: Recurrent, params: Params, ns: Iterable[int], letters: str = "ab") -> Array:
    """Return which strings each network gets right at every step, bool (N, number of ns)."""
    batch = grammars.counting(ns, letters)
    right = [
        grammars.exact(scores, np.broadcast_to(y, scores.shape))
        for scores, y in _pieces(cell, params, batch.x, batch.y)
    ]
    return (np.concatenate(right, axis=1) | ~batch.mask).all(axis=1)


def reach(accepted: Array) -> list[int]:
    """Return the largest n up to which all strings are accepted, for each network."""
    return [int(row.argmin()) if not row.all() else len(row) for row in accepted]


def counting(cell: str, letters: str, most: int, lr: float) -> dict[str, Any]:
    """Train ten networks to count; return how far each counts, and how much of training it fits."""
    recurrent = named(cell, CELLS)
    params = counters(recurrent, letters, most, 1000, range(NETWORKS), lr)
    right = accepted(recurrent, params, range(1, 20 * most + 1), letters)
    return {"reach": reach(right), "fitted": right[:, :most].sum(axis=1).tolist()}


def embedded_reber(cell: str, lr: float) -> dict[str, Any]:
    """Train 30 networks of 16 units on embedded Reber strings, by the rule of 1997.

    Three pairs of training and test set, ten networks for each. Learnt is the next symbol, as it
    comes, from strings picked at random out of the 256, 16 an update. Every 100 updates all
    strings of both sets are tried.
    """
    recurrent = named(cell, CELLS)
    pairs = [grammars.reber_sets(pair) for pair in range(3)]
    N, updates = 30, 1200
    sets = [[grammars.reber_batch(pair[part]) for pair in pairs] for part in (0, 1)]
    rngs = [np.random.default_rng(seed) for seed in range(N)]

    def loss(params: Params, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, after = batch
        logs = streams.forward(recurrent, params, x).scores.log_softmax(dim=3)
        surprise = -(logs * after).sum(dim=(1, 2, 3))
        return surprise / after.sum(dim=(1, 2, 3))

    solved: list[int | None] = [None] * N
    share: list[dict[str, Array]] = []
    batches = (_picked(sets[0], rngs) for _ in range(updates))
    start = init(recurrent, 7, 16, range(N))
    for update, params in enumerate(train(start, batches, loss, updates, lr), 1):
        if update % 100:
            continue
        share = [_shares(recurrent, params, part) for part in sets]
        whole = np.minimum(share[0]["strings"], share[1]["strings"]) == 1
        solved = [k or (16 * update if w else None) for k, w in zip(solved, whole, strict=True)]
    return {
        "solved": solved,
        **{
            f"{part} {name}": [digits(v) for v in values]
            for part, shares in zip(("train", "test"), share, strict=True)
            for name, values in shares.items()
        },
    }


def _picked(
    batches: list[grammars.Batch], rngs: Sequence[np.random.Generator]
) -> tuple[Tensor, Tensor]:
    """Pick 16 strings for each network; return them and the symbol after each, E at the end."""
    chosen, steps = [], 0
    for k, rng in enumerate(rngs):
        batch = batches[k % 3]
        which = rng.integers(0, 256, 16)
        steps = max(steps, batch.lengths[which].max())
        chosen.append((batch.x[:, which], batch.lengths[which]))
    x = np.stack([_up_to(part, steps) for part, _ in chosen])
    after = np.concatenate([x[:, 1:], np.zeros_like(x[:, :1])], axis=1)
    for k, (_, lengths) in enumerate(chosen):
        after[k, lengths - 1, np.arange(16), grammars.SYMBOLS.index("E")] = 1
    return as_float(x), as_float(after)


def _shares(cell: Recurrent, params: Params, batches: list[grammars.Batch]) -> dict[str, Array]:
    """Return the shares of whole strings, of outer symbols and of all symbols that are right."""
    found: dict[str, list[float]] = {"strings": [], "outer": [], "symbols": []}
    for k in range(len(params[0])):
        batch = batches[k % 3]
        one = [p[k : k + 1] for p in params]
        pieces = _pieces(cell, one, batch.x, batch.y)
        right = np.concatenate([grammars.ranked(s[0], y) for s, y in pieces])
        outer = grammars.outer(batch.y)
        found["strings"].append((right | ~batch.mask).all(axis=0).mean())
        found["outer"].append(right[outer].mean())
        found["symbols"].append(right[batch.mask].mean())
    return {name: np.array(values) for name, values in found.items()}


def continual_reber(cell: str) -> dict[str, Any]:
    """Train ten networks of 16 units on a stream of embedded Reber strings without resets.

    16 streams run side by side, 50 steps an update, the state carried on and its gradient cut.
    Every 250 updates the networks go through ten test streams of 1,000 symbols, at the end
    through ten of 10,000. Right is a step where the scores above 0 are the legal symbols, and
    `run` the mean number of steps before the first that is not. For the outer symbol it is enough
    that it has the highest score, so that guessing T or P is right half of the time. Kept are the
    forget gates' mean at each symbol and unit, and c and f of three networks over 60 steps.
    """
    recurrent = named(cell, CELLS)
    updates = 3000
    drawn = []
    for seed in range(NETWORKS):
        both = grammars.continual_reber(updates * PIECE, 16, seed)
        drawn.append([part.astype(np.int8) for part in both])  # an eighth of the memory
    x, y = (np.stack(part) for part in zip(*drawn, strict=True))
    state: list[State | None] = [None]

    def loss(params: Params, piece: slice) -> Tensor:
        run = streams.forward(recurrent, params, as_float(x[:, piece]), state[0])
        state[0] = run.last
        return _legal_error(run.scores, as_float(y[:, piece])).mean(dim=(1, 2))

    pieces = (slice(t, t + PIECE) for t in range(0, x.shape[1], PIECE))
    stages = []
    for update, params in enumerate(
        train(init(recurrent, 7, 16, range(NETWORKS)), pieces, loss, updates), 1
    ):
        if update % STAGE == 0:
            stages.append({"update": update, **_stream(recurrent, params, 1000)})
    return {"stages": stages, **_stream(recurrent, params, 10_000)}


def _stream(cell: Recurrent, params: Params, length: int) -> dict[str, Any]:
    """Send networks through ten streams; return what they get right, and what they hold.

    The first 250 steps are not scored: from a state of zeros a network that knows streams alone
    cannot tell whether the first B opens a string or stands within it.
    """
    x, y = grammars.continual_reber(RUN_IN + length, 10, 2**20)
    right, ranked, largest, held = _listened(cell, params, x, y)
    outer = grammars.outer(y[RUN_IN:])
    runs = np.where(right.all(axis=1), length, right.argmin(axis=1)).mean(axis=1)
    found = {
        "outer": [digits(v) for v in ranked[:, outer].mean(axis=1)],
        "others": [digits(v) for v in right[:, ~outer].mean(axis=1)],
        "run": [digits(v) for v in runs],
        "perfect": right.all(axis=(1, 2)).tolist(),
        "largest c": [digits(v) for v in largest.tolist()],
    }
    return found if length == 1000 else {**found, **_traces(x, *held)}


def _listened(
    cell: Recurrent, params: Params, x: Array, y: Array
) -> tuple[Array, Array, Tensor, tuple[Array, Array]]:
    r"""Run networks through streams in pieces of 250 steps.

    Returns
    -------
    right, ranked : bool arrays (N, T, B)
        By both rules, from the second piece on.
    largest : tensor (N,)
        The largest absolute value of c.
    held : arrays (N, T, B, H)
        c and the forget gate's opening over the first five pieces.
    """
    right, ranked, held = list[Array](), list[Array](), list[Array]()
    largest = torch.zeros(len(params[0]))
    state: State | None = None
    for t in range(0, len(x), RUN_IN):
        part = as_float(x[t : t + RUN_IN])
        with torch.no_grad():
            run = streams.forward(cell, params, part, state)
        scores, c = run.scores.numpy(), run.states[1]
        targets = np.broadcast_to(y[t : t + RUN_IN], scores.shape)
        right.append(grammars.exact(scores, targets))
        ranked.append(grammars.ranked(scores, targets))
        largest = torch.maximum(largest, c.abs().amax(dim=(1, 2, 3)))
        if len(held) < 5:
            z = streams.gates(cell, params, part, run, state)
            held.append(np.stack([c.numpy(), z.chunk(4, dim=3)[1].sigmoid().numpy()]))
        state = run.last
    good, first = (np.concatenate(parts[1:], axis=1) for parts in (right, ranked))
    c, forget = np.concatenate(held, axis=2)
    return good, first, largest, (c, forget)


def _traces(x: Array, c: Array, forget: Array) -> dict[str, Any]:
    """Return the forget gates' mean at each symbol, and c and f of three networks in a stream."""
    symbol = x[: forget.shape[1]].argmax(axis=2)
    by_symbol = [[each[symbol == k].mean(axis=0) for k in range(7)] for each in forget]
    shown = slice(RUN_IN, RUN_IN + 60)
    return {
        "forget": _rounded(np.array(by_symbol)),
        "trace": {
            "symbols": "".join(grammars.SYMBOLS[k] for k in symbol[shown, 0]),
            **{name: _rounded(part[:3, shown, 0]) for name, part in (("c", c), ("f", forget))},
        },
    }


def _rounded(values: Array) -> list[Any]:
    """Return lists of numbers with three decimals, in double precision so that no more show."""
    return np.round(values.astype(np.float64), 3).tolist()


def _pieces(cell: Recurrent, params: Params, x: Array, y: Array) -> Iterator[tuple[Array, Array]]:
    """Give scores (N, T, B, O) and targets of long sequences, 100 steps at a time."""
    state = None
    for t in range(0, len(x), 100):
        with torch.no_grad():
            run = streams.forward(cell, params, as_float(x[t : t + 100]), state)
        state = run.last
        yield run.scores.numpy(), y[t : t + 100]


def _legal_error(scores: Tensor, y: Tensor) -> Tensor:
    y = y.expand_as(scores)
    return F.binary_cross_entropy_with_logits(scores, y, reduction="none").mean(dim=-1)


def as_float(array: Array) -> Tensor:
    """Return an array as a tensor in single precision."""
    return torch.as_tensor(array, dtype=torch.float32)


def _up_to(array: Array, steps: int) -> Array:
    """Cut an array to so many steps, or fill it up with zeros."""
    missing = max(0, steps - len(array))
    return np.concatenate([array[:steps], np.zeros((missing, *array.shape[1:]))])


def _about(name: str, limit: float, most: int) -> Callable[[dict[str, Any], dict[str, Any]], bool]:
    """Numbers of networks at or above a limit that differ by no more than `most`."""

    def many(result: dict[str, Any]) -> int:
        return sum(value is not None and value >= limit for value in result[name])

    return lambda a, b: abs(many(a) - many(b)) <= most


EXPERIMENTS = {
    "counting": Experiment(
        about="six cells learn to count, on a^n b^n and a^n b^n c^n",
        trials=[
            {"cell": cell, "letters": letters, "most": most, "lr": lr}
            for cell, letters, most, lr in [
                *((cell, "ab", 30, 0.01) for cell in CELLS),
                ("rnn", "ab", 30, 0.003),
                *((cell, "abc", 20, 0.01) for cell in ("vanilla", "no forget gate", "gru")),
            ]
        ],
        run=counting,
        agree=_about("fitted", 20, 4),
        sample=[0],
        seeds="0 to 9, networks side by side",
    ),
    "embedded-reber": Experiment(
        about="LSTM and RNN on the embedded Reber grammar, experiment 1 of 1997",
        trials=[
            {"cell": cell, "lr": lr}
            for cell, lr in [("vanilla", 0.01), ("rnn", 0.01), ("rnn", 0.003)]
        ],
        run=embedded_reber,
        agree=_about("solved", 1, 6),
        sample=[0],
        seeds="0 to 29, networks side by side",
    ),
    "continual-reber": Experiment(
        about="a stream of Reber strings, with and without a forget gate",
        trials=[{"cell": cell} for cell in ("vanilla", "no forget gate")],
        run=continual_reber,
        agree=_about("outer", 0.98, 4),
        sample=[0],
        seeds="0 to 9, networks side by side",
    ),
}
