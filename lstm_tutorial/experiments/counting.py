"""The long runs of the chapter on counting and grammar, and cells that carry their state on.

As in `variants`, N small networks run side by side: inputs are ``(T, N, B, D)``. Here the state
can be handed over, so that a stream can be learnt in pieces, and there are cells with other
states than the LSTM's. The weights are those of the cell, then those of the readout.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lstm_tutorial.experiments._experiment import Experiment, digits
from lstm_tutorial.original import grammars

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray
Params = list["Tensor"]
State = tuple["Tensor", ...]

CELLS = ["vanilla", "no forget gate", "coupled gates", "squashed store", "gru", "rnn"]
NETWORKS = 10
STAGE = 250  # updates between two tests on the stream
PIECE = 50  # steps of a stream for one update
RUN_IN = 250  # steps of a test stream that are not scored


class Run(NamedTuple):
    """What N networks give over T steps.

    Attributes
    ----------
    scores : Tensor (T, N, B, O)
        Of the readout, before a logistic function.
    states : tuple of Tensors (T, N, B, H)
        h, and c where there is one.
    gates : Tensor (T, N, B, GH)
        Pre-activations; of an LSTM i, f, g, o.
    """

    scores: "Tensor"
    states: State
    gates: "Tensor"

    @property
    def last(self) -> State:
        """The state after the last step, without its history."""
        return tuple(s[-1].detach() for s in self.states)


def init(cell: str, size: int, hidden: int, seeds: Sequence[int]) -> Params:
    """Draw a network for each seed: all weights uniform in ±1/√H, forget biases 1.

    Parameters
    ----------
    cell : str
        One of `CELLS`.
    size, hidden : int
        K symbols, in and out, and H.
    seeds : sequence of int

    Returns
    -------
    list of Tensors
        W_ih (N, GH, K), W_hh (N, GH, H) and b (N, GH) with G = 4, 3 or 1; for "gru" b_n (N, H),
        the bias inside the reset; W_hy (N, K, H) and b_y (N, K).
    """
    import torch

    from lstm_tutorial.relatives import variants

    if cell not in ("gru", "rnn"):
        return variants.init(size, hidden, size, seeds)
    rows = {"gru": 3, "rnn": 1}[cell] * hidden
    shapes = [(rows, size), (rows, hidden), (rows,), (size, hidden), (size,)]
    if cell == "gru":
        shapes.insert(3, (hidden,))
    bound, drawn = 1 / np.sqrt(hidden), []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        drawn.append([rng.uniform(-bound, bound, shape) for shape in shapes])
    return [torch.tensor(np.stack(same), dtype=torch.float32) for same in zip(*drawn, strict=True)]


def forward(cell: str, params: Params, x: "Tensor", state: State | None = None) -> Run:
    """Run N networks over their sequences, from a state of zeros or from a given one.

    The cell "squashed store" is the LSTM with one tanh more: what it keeps is the tanh of what
    the LSTM would keep. "gru" is that of PyTorch.
    """
    import torch

    W_ih, W_hh, b = params[:3]
    T, N, B, D = x.shape
    H = W_hh.shape[2]
    flat = x.transpose(0, 1).reshape(N, T * B, D)
    given = torch.baddbmm(b[:, None], flat, W_ih.mT).view(N, T, B, -1).unbind(1)
    step = _step(cell, params)
    if state is None:
        state = (x.new_zeros(N, B, H),) * (1 if cell in ("gru", "rnn") else 2)
    kept, gates = [], []
    for z_x in given:
        state, z = step(z_x, state)
        kept.append(state)
        gates.append(z)
    states = tuple(torch.stack(part) for part in zip(*kept, strict=True))
    scores = states[0] @ params[-2].mT + params[-1][:, None]
    return Run(scores, states, torch.stack(gates))


def _step(cell: str, params: Params) -> Callable[["Tensor", State], tuple[State, "Tensor"]]:
    import torch
    from torch import sigmoid, tanh

    from lstm_tutorial.relatives import variants

    recurrent = params[1].mT
    H = recurrent.shape[1]

    def rnn(z_x: "Tensor", state: State) -> tuple[State, "Tensor"]:
        z = torch.baddbmm(z_x, state[0], recurrent)
        return (tanh(z),), z

    def gru(z_x: "Tensor", state: State) -> tuple[State, "Tensor"]:
        (h,) = state
        z_h = h @ recurrent
        r, z = sigmoid(z_x[..., : 2 * H] + z_h[..., : 2 * H]).chunk(2, dim=2)
        n = tanh(z_x[..., 2 * H :] + r * (z_h[..., 2 * H :] + params[3][:, None]))
        return ((1 - z) * n + z * h,), z

    def lstm(z_x: "Tensor", state: State) -> tuple[State, "Tensor"]:
        h, c = state
        z = torch.baddbmm(z_x, h, recurrent)
        i, f, g, o = z.chunk(4, dim=2)
        if cell != "squashed store":
            return variants.VARIANTS[cell](i, f, g, o, c), z
        c = tanh(sigmoid(f) * c + sigmoid(i) * tanh(g))
        return (sigmoid(o) * tanh(c), c), z

    return {"rnn": rnn, "gru": gru}.get(cell, lstm)


def train(
    params: Params,
    batches: Iterable[Any],
    loss: Callable[[Params, Any], "Tensor"],
    updates: int,
    lr: float = 0.01,
) -> Iterator[Params]:
    """Train N networks side by side with Adam; give their weights after every update.

    The learning rate falls in a straight line to a tenth, each network's gradient is clipped at
    norm 1.

    Parameters
    ----------
    params : list of Tensors
        As from `init`; left as they are.
    batches : iterable
        At least as many as `updates`.
    loss : callable
        Of the weights and a batch; one number for each network, (N,).
    updates : int
    lr : float
        At the start.
    """
    import torch

    weights = [p.clone().requires_grad_() for p in params]
    optimizer = torch.optim.Adam(weights)
    for update, batch in zip(range(updates), batches, strict=False):
        optimizer.param_groups[0]["lr"] = lr * (1 - 0.9 * update / updates)
        gradients = torch.autograd.grad(loss(weights, batch).sum(), weights)
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in gradients]).norm(dim=0)
        scale = (1 / norms).clamp(max=1)
        for w, g in zip(weights, gradients, strict=True):
            w.grad = g * scale.view(-1, *[1] * (g.dim() - 1))
        optimizer.step()
        yield [w.detach() for w in weights]


def counters(
    cell: str, letters: str, most: int, updates: int, seeds: Sequence[int], lr: float = 0.01
) -> Params:
    """Train networks of 10 units on all strings with n from 1 to `most`, all at once.

    The error is the cross-entropy of every symbol's being legal or not, averaged over the symbols
    and steps of a string, then over the strings: each n counts the same.
    """
    batch = grammars.counting(range(1, most + 1), letters)
    x, y = (as_float(part)[:, None].expand(-1, len(seeds), -1, -1) for part in (batch.x, batch.y))
    weight = as_float(batch.mask / batch.lengths / most)[:, None]

    def loss(params: Params, _: Any) -> "Tensor":
        return (_legal_error(forward(cell, params, x).scores, y) * weight).sum(dim=(0, 2))

    start = init(cell, x.shape[3], 10, seeds)
    *_, params = train(start, [None] * updates, loss, updates, lr)
    return params


def accepted(cell: str, params: Params, ns: Iterable[int], letters: str = "ab") -> Array:
    """Return which strings each network gets right at every step, bool (N, number of ns)."""
    batch = grammars.counting(ns, letters)
    right = [
        grammars.exact(scores, y[:, None].repeat(scores.shape[1], axis=1))
        for scores, y in _pieces(cell, params, batch.x, batch.y)
    ]
    return (np.concatenate(right) | ~batch.mask[:, None]).all(axis=0)


def reach(accepted: Array) -> list[int]:
    """Return the largest n up to which all strings are accepted, for each network."""
    return [int(row.argmin()) if not row.all() else len(row) for row in accepted]


def counting(cell: str, letters: str, most: int, lr: float) -> dict[str, Any]:
    """Train ten networks to count; return how far each counts, and how much of training it fits."""
    params = counters(cell, letters, most, 1000, range(NETWORKS), lr)
    right = accepted(cell, params, range(1, 20 * most + 1), letters)
    return {"reach": reach(right), "fitted": right[:, :most].sum(axis=1).tolist()}


def embedded_reber(cell: str, lr: float) -> dict[str, Any]:
    """Train 30 networks of 16 units on embedded Reber strings, by the rule of 1997.

    Three pairs of training and test set, ten networks for each. Learnt is the next symbol, as it
    comes, from strings picked at random out of the 256, 16 an update. Every 100 updates all
    strings of both sets are tried.
    """
    pairs = [grammars.reber_sets(pair) for pair in range(3)]
    N, updates = 30, 1200
    sets = [[grammars.reber_batch(pair[part]) for pair in pairs] for part in (0, 1)]
    rngs = [np.random.default_rng(seed) for seed in range(N)]

    def draw() -> tuple["Tensor", "Tensor"]:
        chosen, steps = [], 0
        for k, rng in enumerate(rngs):
            batch = sets[0][k % 3]
            which = rng.integers(0, 256, 16)
            steps = max(steps, batch.lengths[which].max())
            chosen.append((batch.x[:, which], batch.lengths[which]))
        x = np.stack([_up_to(part, steps) for part, _ in chosen], axis=1)
        after = np.concatenate([x[1:], np.zeros_like(x[:1])])
        for k, (_, lengths) in enumerate(chosen):
            after[lengths - 1, k, np.arange(16), grammars.SYMBOLS.index("E")] = 1
        return as_float(x), as_float(after)

    def loss(params: Params, batch: tuple["Tensor", "Tensor"]) -> "Tensor":
        x, after = batch
        surprise = -(forward(cell, params, x).scores.log_softmax(dim=3) * after).sum(dim=(0, 2, 3))
        return surprise / after.sum(dim=(0, 2, 3))

    solved: list[int | None] = [None] * N
    share: list[dict[str, Array]] = []
    batches = (draw() for _ in range(updates))
    for update, params in enumerate(train(init(cell, 7, 16, range(N)), batches, loss, updates, lr)):
        if (update + 1) % 100:
            continue
        share = [_shares(cell, params, part) for part in sets]
        whole = np.minimum(share[0]["strings"], share[1]["strings"]) == 1
        solved = [
            k or (16 * (update + 1) if w else None) for k, w in zip(solved, whole, strict=True)
        ]
    return {
        "solved": solved,
        **{
            f"{part} {name}": [digits(v) for v in values]
            for part, shares in zip(("train", "test"), share, strict=True)
            for name, values in shares.items()
        },
    }


def _shares(cell: str, params: Params, batches: list[grammars.Batch]) -> dict[str, Array]:
    """Return the shares of whole strings, of outer symbols and of all symbols that are right."""
    found: dict[str, list[float]] = {"strings": [], "outer": [], "symbols": []}
    for k in range(len(params[0])):
        batch = batches[k % 3]
        one = [p[k : k + 1] for p in params]
        pieces = _pieces(cell, one, batch.x, batch.y)
        right = np.concatenate([grammars.ranked(s[:, 0], y) for s, y in pieces])
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
    updates = 3000
    drawn = []
    for seed in range(NETWORKS):
        both = grammars.continual_reber(updates * PIECE, 16, seed)
        drawn.append([part.astype(np.int8) for part in both])  # an eighth of the memory
    x, y = (np.stack(part, axis=1) for part in zip(*drawn, strict=True))
    state: list[State | None] = [None]

    def loss(params: Params, piece: slice) -> "Tensor":
        run = forward(cell, params, as_float(x[piece]), state[0])
        state[0] = run.last
        return _legal_error(run.scores, as_float(y[piece])).mean(dim=(0, 2))

    pieces = (slice(t, t + PIECE) for t in range(0, len(x), PIECE))
    stages = []
    for update, params in enumerate(
        train(init(cell, 7, 16, range(NETWORKS)), pieces, loss, updates), 1
    ):
        if update % STAGE == 0:
            stages.append({"update": update, **_stream(cell, params, 1000)})
    return {"stages": stages, **_stream(cell, params, 10_000)}


def _stream(cell: str, params: Params, length: int) -> dict[str, Any]:
    """Send networks through ten streams; return what they get right, and what they hold.

    The first 250 steps are not scored: from a state of zeros a network that knows streams alone
    cannot tell whether the first B opens a string or stands within it.
    """
    import torch

    N = len(params[0])
    x, y = grammars.continual_reber(RUN_IN + length, 10, 2**20)
    right, ranked, gates = list[Array](), list[Array](), list[Array]()
    largest = torch.zeros(N)
    state: State | None = None
    for t in range(0, len(x), RUN_IN):
        piece = slice(t, t + RUN_IN)
        with torch.no_grad():
            run = forward(cell, params, _side_by_side(x[piece], N), state)
        state = run.last
        scores, targets = run.scores.numpy(), y[piece, None].repeat(N, axis=1)
        right.append(grammars.exact(scores, targets))
        ranked.append(grammars.ranked(scores, targets))
        largest = torch.maximum(largest, run.states[1].abs().amax(dim=(0, 2, 3)))
        if t == RUN_IN:
            seen = slice(0, 60), slice(0, 3), 0
            opened = run.gates[seen].chunk(4, dim=2)[1].sigmoid()
            traces = [_rounded(s.swapaxes(0, 1).numpy()) for s in (run.states[1][seen], opened)]
        if len(gates) < 5:
            gates.append(run.gates.chunk(4, dim=3)[1].sigmoid().numpy())
    good, first = (np.concatenate(r[1:]).swapaxes(0, 1) for r in (right, ranked))
    outer, forget = grammars.outer(y[RUN_IN:]), np.concatenate(gates).swapaxes(0, 1)
    symbol = x[: forget.shape[1]].argmax(axis=2)
    by_symbol = [[forget[n, symbol == k].mean(axis=0) for k in range(7)] for n in range(N)]
    runs = np.where(good.all(axis=1), length, good.argmin(axis=1)).mean(axis=1)
    found = {
        "outer": [digits(v) for v in first[:, outer].mean(axis=1)],
        "others": [digits(v) for v in good[:, ~outer].mean(axis=1)],
        "run": [digits(v) for v in runs],
        "perfect": good.all(axis=(1, 2)).tolist(),
        "largest c": [digits(v) for v in largest.tolist()],
    }
    if length == 1000:
        return found
    shown = x[RUN_IN : RUN_IN + 60, 0].argmax(axis=1)
    return {
        **found,
        "forget": _rounded(np.array(by_symbol)),
        "trace": {
            "symbols": "".join(grammars.SYMBOLS[k] for k in shown),
            **dict(zip("cf", traces, strict=True)),
        },
    }


def _rounded(values: Array) -> list[Any]:
    """Return lists of numbers with three decimals, in double precision so that no more show."""
    return np.round(values.astype(np.float64), 3).tolist()


def _pieces(cell: str, params: Params, x: Array, y: Array) -> Iterator[tuple[Array, Array]]:
    """Give scores (T, N, B, O) and targets of long sequences, 100 steps at a time."""
    import torch

    state = None
    for t in range(0, len(x), 100):
        with torch.no_grad():
            run = forward(cell, params, _side_by_side(x[t : t + 100], len(params[0])), state)
        state = run.last
        yield run.scores.numpy(), y[t : t + 100]


def _side_by_side(x: Array, N: int) -> "Tensor":
    return as_float(x)[:, None].expand(-1, N, -1, -1)


def _legal_error(scores: "Tensor", y: "Tensor") -> "Tensor":
    from torch.nn.functional import binary_cross_entropy_with_logits

    return binary_cross_entropy_with_logits(scores, y, reduction="none").mean(dim=-1)


def as_float(array: Array) -> "Tensor":
    """Return an array as a tensor in single precision."""
    import torch

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
