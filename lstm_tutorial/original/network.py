"""The LSTM of 1997: memory blocks without forget gates, learning by the truncated gradient.

Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8):1735-1780, 1997, with
the equations of its appendix A.1. A memory block has an input gate, an output gate and one or more
cells; a cell adds to its state and never forgets. Errors that reach the input of a gate or a cell
stop there: only the state itself carries them back, with a factor of 1, so that the gradient can
be collected forwards and nothing of the past is kept. Weights change after every error, one
sequence at a time. The loops are compiled where numba is installed, and plain Python where not.
The file is long because compiled functions take every array as an argument of its own; it follows
the appendix from top to bottom and is read beside it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_tutorial import _check

Array = np.ndarray

try:
    import numba

    COMPILED = True
except ImportError:
    COMPILED = False


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    if not COMPILED:
        return function
    try:
        return numba.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # nowhere to write the cache: every process compiles anew
        return numba.njit(error_model="numpy")(function)


@dataclass(frozen=True)
class Network:
    """One of the paper's networks: what is connected, and how it starts.

    Attributes
    ----------
    inputs, blocks, size, outputs : int
        Input units, memory blocks, cells per block, output units. Without blocks, a `shortcut`
        is all there is.
    bias : str
        Who has a bias: "all", "hidden" (gates and cells), "gates" or "none".
    recurrent : bool
        Whether gates and cells read all gates and cells of the step before.
    output_gate : bool
        Without one, a block shows all it has.
    shortcut : bool
        Whether the outputs read the inputs too.
    plain : bool
        Squash the cell's input into [0, 1] and its state not at all, in place of [-2, 2] and
        [-1, 1].
    spread : float
        Weights start uniform in [-spread, spread].
    input_bias, output_bias : tuple of float
        What the biases of the input and output gates start at, a number for each block; empty
        for a random start.

    Raises
    ------
    TypeError, ValueError
        For sizes below 1 (below 0 for `blocks`), an unknown `bias`, or a wrong number of biases.

    Examples
    --------
    >>> count(Network(inputs=8, blocks=2, size=2, outputs=4))
    156
    """

    inputs: int
    blocks: int
    size: int
    outputs: int
    bias: str = "all"
    recurrent: bool = True
    output_gate: bool = True
    shortcut: bool = False
    plain: bool = False
    spread: float = 0.1
    input_bias: tuple[float, ...] = ()
    output_bias: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("inputs", "size", "outputs"):
            _check.positive_int(name, getattr(self, name))
        _check.from_zero("blocks", self.blocks)
        for name in ("recurrent", "output_gate", "shortcut", "plain"):
            _check.flag(name, getattr(self, name))
        if not self.blocks and not self.shortcut:
            raise ValueError("blocks: expected at least 1 where there is no shortcut, got 0")
        _check.choice("bias", self.bias, ["all", "hidden", "gates", "none"])
        _check.positive_float("spread", self.spread)
        for name in ("input_bias", "output_bias"):
            given = _check.instance(name, getattr(self, name), tuple, "a tuple of numbers")
            for k, value in enumerate(given):
                _check.finite_float(f"{name}[{k}]", value)
            if given and len(given) != self.blocks:
                raise ValueError(
                    f"{name}: expected {self.blocks} numbers, one for each block, got {len(given)}"
                )

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.blocks * self.size

    @property
    def hidden(self) -> int:
        """Number of gates and cells; a missing output gate keeps its place."""
        return 2 * self.blocks + self.cells


@dataclass(frozen=True)
class Weights:
    """A network's weights; `learn` changes them in place.

    Attributes
    ----------
    W : array (hidden, inputs + hidden + 1)
        Into the input gates, the output gates and the cells, in this order, from the inputs, the
        gates and cells of the step before, and the bias.
    V : array (outputs, cells + inputs + 1)
        Into the outputs, from the cells, the inputs and the bias.
    """

    W: Array
    V: Array

    def copy(self) -> "Weights":
        """Return weights that do not change when these do."""
        return Weights(self.W.copy(), self.V.copy())


def count(network: Network) -> int:
    """Count the weights, biases included, as the paper's tables do.

    Examples
    --------
    >>> [count(Network(p + 4, 2, 1, 2, bias="none")) for p in (50, 100, 1000)]
    [364, 664, 6064]
    """
    n = _network(network)
    gates = n.blocks * (2 if n.output_gate else 1)
    hidden = gates + n.cells
    biases = {"all": hidden + n.outputs, "hidden": hidden, "gates": gates, "none": 0}[n.bias]
    into_hidden = hidden * (n.inputs + n.recurrent * hidden)
    return into_hidden + n.outputs * (n.cells + n.shortcut * n.inputs) + biases


def connections(network: Network) -> Weights:
    """Return 1 where the network has a weight and 0 where it has none."""
    n = _network(network)
    W, V = (
        np.ones((n.hidden, n.inputs + n.hidden + 1)),
        np.ones((n.outputs, n.cells + n.inputs + 1)),
    )
    W[:, n.inputs : -1] = n.recurrent
    V[:, n.cells : -1] = n.shortcut
    W[:, -1] = n.bias != "none"
    W[2 * n.blocks :, -1] = n.bias in ("all", "hidden")
    V[:, -1] = n.bias == "all"
    if not n.output_gate:
        gates = slice(n.blocks, 2 * n.blocks)
        W[gates] = 0
        W[:, n.inputs : -1][:, gates] = 0
    return Weights(W, V)


def start(network: Network, rng: np.random.Generator | int) -> Weights:
    """Draw a network's first weights.

    Parameters
    ----------
    network : Network
    rng : numpy Generator or int

    Raises
    ------
    TypeError, ValueError
        For what is no network, and a bad `rng`.
    """
    rng = _check.generator("rng", rng)
    mask = connections(network)
    W, V = (m * rng.uniform(-network.spread, network.spread, m.shape) for m in (mask.W, mask.V))
    if network.input_bias:
        W[: network.blocks, -1] = network.input_bias
    if network.output_bias:
        W[network.blocks : 2 * network.blocks, -1] = network.output_bias
    return Weights(W, V)


class Recent:
    """The paper's stopping rule: how the last sequences went, each before it was learnt from.

    It is met once, of the last `window` sequences, at most `wrong` were wrong and the mean
    absolute error was below `error`. A sequence is wrong if some output was off by `tolerance` or
    more.

    Attributes
    ----------
    met : bool
    """

    def __init__(
        self, tolerance: float, wrong: int = 0, error: float = math.inf, window: int = 2000
    ) -> None:
        if error != math.inf:
            _check.positive_float("error", error)
        _check.from_zero("wrong", wrong)
        self.rule = np.array([_check.positive_float("tolerance", tolerance), wrong, error])
        self.ring = np.zeros((_check.positive_int("window", window), 2))
        self.tally = np.zeros(3)  # sequences seen; wrong ones and sum of errors in the window

    @property
    def met(self) -> bool:
        """Whether the rule was met by the last sequence."""
        seen, wrong, total = self.tally
        enough = seen >= len(self.ring)
        return bool(enough and wrong <= self.rule[1] and total < self.rule[2] * len(self.ring))


def forward(network: Network, weights: Weights, x: Array, lengths: Array) -> tuple[Array, Array]:
    """Run the network over sequences, all activations 0 before each.

    Parameters
    ----------
    network : Network
    weights : Weights
    x : array (T, B, inputs)
    lengths : integer array (B,)
        How many steps of each sequence are valid.

    Returns
    -------
    outputs : array (T, B, outputs)
        NaN after the end of a sequence.
    cells : array (T, B, cells)
        The cells' states; NaN after the end of a sequence.

    Raises
    ------
    TypeError, ValueError
        For arrays of a wrong kind or shape.
    """
    _door(network, weights, x, lengths)
    outputs = np.full((*x.shape[:2], network.outputs), np.nan)
    cells = np.full((*x.shape[:2], network.cells), np.nan)
    _forward(x, lengths, weights.W, weights.V, *_shape(network), outputs, cells)
    return outputs, cells


def answers(network: Network, weights: Weights, x: Array, lengths: Array) -> Array:
    """Return the outputs at the last step of each sequence, (B, outputs); see `forward`."""
    outputs, _ = forward(network, weights, x, lengths)
    return outputs[lengths - 1, np.arange(len(lengths))]


def learn(
    network: Network,
    weights: Weights,
    x: Array,
    y: Array,
    lengths: Array,
    lr: float,
    recent: Recent | None = None,
    at_end: bool = False,
    slope: bool = True,
) -> int:
    """Learn from one sequence after the other, by the truncated gradient of half the squared error.

    Parameters
    ----------
    network : Network
    weights : Weights
        Changed in place.
    x : array (T, B, inputs)
    y : array (B, outputs) or (T, B, outputs)
        Targets of the last step, or of every step.
    lengths : integer array (B,)
    lr : float
    recent : Recent, optional
        Learning stops at the sequence that meets this rule.
    at_end : bool
        Change the weights at the end of a sequence only, in place of after every error.
    slope : bool
        Without it, the slope of the outputs' sigmoid is left out, as if cross-entropy were the
        loss.

    Returns
    -------
    int
        How many sequences were used: all, or fewer if the rule was met.

    Raises
    ------
    TypeError, ValueError
        For arrays of a wrong kind or shape, or a bad `lr`.
    """
    _door(network, weights, x, lengths)
    axes = "B O" if np.ndim(y) == 2 else "T B O"
    T, B, _ = x.shape
    _check.Arrays(x.dtype, T=T, B=B, O=network.outputs).check("y", y, axes)
    _check.positive_float("lr", lr)
    _check.flag("at_end", at_end)
    _check.flag("slope", slope)
    if recent is not None:
        _check.instance("recent", recent, Recent, "a Recent or None")
    mask = connections(network)
    rule = recent or Recent(1.0, window=1)
    used = _learn(
        *(x, y.reshape(-1, B, network.outputs), lengths, weights.W, weights.V, mask.W, mask.V),
        *(*_shape(network), lr, at_end, slope, recent is not None),
        *(rule.rule, rule.ring, rule.tally),
    )
    return int(used)


def _door(network: Network, weights: Weights, x: Array, lengths: Array) -> None:
    n = _network(network)
    _check.instance("weights", weights, Weights, "Weights, as from start")
    arrays = _check.Arrays(np.dtype(np.float64), D=n.inputs)
    arrays.check("x", x, "T B D")
    _check.lengths("lengths", lengths, *x.shape[:2])
    shapes = [m.shape for m in (weights.W, weights.V)]
    want = [(n.hidden, n.inputs + n.hidden + 1), (n.outputs, n.cells + n.inputs + 1)]
    if shapes != want:
        raise ValueError(f"weights: expected W and V of shapes {want}, got {shapes}")


def _network(network: Any) -> Network:
    return _check.instance("network", network, Network, "a Network")


def _shape(network: Network) -> tuple[int, int, bool, bool, bool]:
    n = network
    return n.blocks, n.size, n.output_gate, n.shortcut, n.plain


@_compile
def _sigmoid(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-z)) if z >= 0 else 1.0 - 1.0 / (1.0 + math.exp(z))


@_compile
def _step(
    x: Array,
    W: Array,
    blocks: int,
    size: int,
    output_gate: bool,
    plain: bool,
    source: Array,
    active: Array,
    hidden: Array,
    squashed: Array,
    g_slope: Array,
    s: Array,
) -> int:
    """Compute gates, states and cell outputs of one step; return how many inputs are active.

    `source` is what gates and cells read: the input, the hidden units of the step before, 1.
    Inputs of 0 are passed over, which makes symbols cheap.
    """
    D, H = x.shape[0], 2 * blocks + blocks * size
    inputs = 0
    for a in range(D):
        source[a] = x[a]
        if x[a] != 0.0:
            active[inputs] = a
            inputs += 1
    for a in range(H):
        source[D + a] = hidden[a]
    for r in range(H):
        net = 0.0
        for k in range(inputs):
            net += W[r, active[k]] * source[active[k]]
        for a in range(D, D + H + 1):
            net += W[r, a] * source[a]
        if r < 2 * blocks:
            hidden[r] = _sigmoid(net)
            if r >= blocks and not output_gate:
                hidden[r] = 1.0
            continue
        c = r - 2 * blocks
        j = c // size
        y = _sigmoid(net)
        squashed[c] = y if plain else 4.0 * y - 2.0
        g_slope[c] = y * (1.0 - y) if plain else 4.0 * y * (1.0 - y)
        s[c] += hidden[j] * squashed[c]
        hidden[r] = hidden[blocks + j] * (s[c] if plain else 2.0 * _sigmoid(s[c]) - 1.0)
    return inputs


@_compile
def _outputs(
    x: Array,
    V: Array,
    cell_outputs: Array,
    shortcut: bool,
    active: Array,
    inputs: int,
    out: Array,
) -> None:
    """Compute the outputs of one step, which only those steps need that have a target."""
    cells = cell_outputs.shape[0]
    for k in range(V.shape[0]):
        net = V[k, cells + x.shape[0]]
        for c in range(cells):
            net += V[k, c] * cell_outputs[c]
        if shortcut:
            for i in range(inputs):
                net += V[k, cells + active[i]] * x[active[i]]
        out[k] = _sigmoid(net)


@_compile
def _forward(
    x: Array,
    lengths: Array,
    W: Array,
    V: Array,
    blocks: int,
    size: int,
    output_gate: bool,
    shortcut: bool,
    plain: bool,
    outputs: Array,
    states: Array,
) -> None:
    B, D = x.shape[1:]
    H, cells = W.shape[0], blocks * size
    source, active = np.ones(D + H + 1), np.zeros(D + H + 1, np.int64)
    hidden, s = np.zeros(H), np.zeros(cells)
    squashed, g_slope = np.zeros(cells), np.zeros(cells)
    for b in range(B):
        hidden[:] = 0.0
        s[:] = 0.0
        for t in range(lengths[b]):
            row = x[t, b]
            inputs = _step(
                *(row, W, blocks, size, output_gate, plain),
                *(source, active, hidden, squashed, g_slope, s),
            )
            _outputs(row, V, hidden[2 * blocks :], shortcut, active, inputs, outputs[t, b])
            states[t, b] = s


@_compile
def _collect(
    source: Array,
    active: Array,
    inputs: int,
    D: int,
    hidden: Array,
    squashed: Array,
    g_slope: Array,
    size: int,
    by_cell: Array,
    by_gate: Array,
) -> None:
    """Carry the derivatives of the states, by weights of cells and input gates, one step on."""
    for c in range(by_cell.shape[0]):
        gate = hidden[c // size]
        into_cell = gate * g_slope[c]
        into_gate = squashed[c] * gate * (1.0 - gate)
        for k in range(inputs):
            a = active[k]
            by_cell[c, a] += into_cell * source[a]
            by_gate[c, a] += into_gate * source[a]
        for a in range(D, source.shape[0]):
            by_cell[c, a] += into_cell * source[a]
            by_gate[c, a] += into_gate * source[a]


@_compile
def _change_outputs(
    new_V: Array,
    free_V: Array,
    delta: Array,
    lr: float,
    source: Array,
    active: Array,
    inputs: int,
    cell_outputs: Array,
    shortcut: bool,
) -> None:
    """Change the weights into the outputs, whose last column is the bias."""
    cells, bias = cell_outputs.shape[0], new_V.shape[1] - 1
    for k in range(delta.shape[0]):
        step = lr * delta[k]
        new_V[k, bias] += step * free_V[k, bias]
        for c in range(cells):
            new_V[k, c] += step * cell_outputs[c]
        if shortcut:
            for i in range(inputs):
                new_V[k, cells + active[i]] += step * source[active[i]]


@_compile
def _change_hidden(
    new_W: Array,
    free_W: Array,
    back: Array,
    lr: float,
    source: Array,
    hidden: Array,
    s: Array,
    by_cell: Array,
    by_gate: Array,
    blocks: int,
    size: int,
    plain: bool,
) -> None:
    """Change the weights into gates and cells, by the errors `back` of the cells' outputs."""
    for c in range(s.shape[0]):
        j = c // size
        shown = s[c] if plain else 2.0 * _sigmoid(s[c]) - 1.0
        h_slope = 1.0 if plain else 0.5 * (1.0 - shown * shown)
        gate = hidden[blocks + j]
        into_state = lr * back[c] * gate * h_slope
        into_gate = lr * back[c] * shown * gate * (1.0 - gate)
        for a in range(source.shape[0]):
            new_W[2 * blocks + c, a] += into_state * by_cell[c, a] * free_W[2 * blocks + c, a]
            new_W[j, a] += into_state * by_gate[c, a] * free_W[j, a]
            new_W[blocks + j, a] += into_gate * source[a] * free_W[blocks + j, a]


@_compile
def _met(rule: Array, ring: Array, tally: Array, worst: float, error: float) -> bool:
    """Enter one more sequence into the window of `Recent`; return whether its rule is met."""
    window = ring.shape[0]
    place = int(tally[0]) % window
    wrong = 1.0 if worst >= rule[0] else 0.0
    tally[0] += 1
    tally[1] += wrong - ring[place, 0]
    tally[2] += error - ring[place, 1]
    ring[place, 0] = wrong
    ring[place, 1] = error
    return bool(tally[0] >= window and tally[1] <= rule[1] and tally[2] < rule[2] * window)


@_compile
def _learn(
    x: Array,
    y: Array,
    lengths: Array,
    W: Array,
    V: Array,
    free_W: Array,
    free_V: Array,
    blocks: int,
    size: int,
    output_gate: bool,
    shortcut: bool,
    plain: bool,
    lr: float,
    at_end: bool,
    slope: bool,
    stops: bool,
    rule: Array,
    ring: Array,
    tally: Array,
) -> int:
    B, D = x.shape[1:]
    H, cells, wide = W.shape[0], blocks * size, V.shape[0]
    n = D + H + 1
    source, active = np.ones(n), np.zeros(n, np.int64)
    hidden, s, out = np.zeros(H), np.zeros(cells), np.zeros(wide)
    squashed, g_slope = np.zeros(cells), np.zeros(cells)
    delta, back = np.zeros(wide), np.zeros(cells)
    by_cell, by_gate = np.zeros((cells, n)), np.zeros((cells, n))
    new_W, new_V = (W.copy(), V.copy()) if at_end else (W, V)
    for b in range(B):
        hidden[:] = 0.0
        s[:] = 0.0
        by_cell[:] = 0.0
        by_gate[:] = 0.0
        worst, total, answers = 0.0, 0.0, 0
        for t in range(lengths[b]):
            row = x[t, b]
            inputs = _step(
                *(row, W, blocks, size, output_gate, plain),
                *(source, active, hidden, squashed, g_slope, s),
            )
            _collect(
                *(source, active, inputs, D, hidden, squashed, g_slope, size, by_cell, by_gate)
            )
            if y.shape[0] == 1 and t < lengths[b] - 1:
                continue
            shown = hidden[2 * blocks :]
            _outputs(row, V, shown, shortcut, active, inputs, out)
            wanted = y[0, b] if y.shape[0] == 1 else y[t, b]
            for k in range(wide):
                error = wanted[k] - out[k]
                worst = max(worst, abs(error))
                total += abs(error)
                delta[k] = error * out[k] * (1.0 - out[k]) if slope else error
            answers += wide
            for c in range(cells):
                back[c] = 0.0
                for k in range(wide):
                    back[c] += V[k, c] * delta[k]
            _change_outputs(new_V, free_V, delta, lr, source, active, inputs, shown, shortcut)
            _change_hidden(
                *(new_W, free_W, back, lr, source, hidden, s),
                *(by_cell, by_gate, blocks, size, plain),
            )
        if at_end:
            W[:] = new_W
            V[:] = new_V
        if stops and _met(rule, ring, tally, worst, total / answers):
            return b + 1
    return B
