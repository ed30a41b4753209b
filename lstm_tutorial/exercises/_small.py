"""Exercises of a few lines: each known mistake is a wrong version beside the right one."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lstm_tutorial.exercises._exercise import Array, Case, Kind, Mistake, Mistakes, by_ways, pick
from lstm_tutorial.rnn import sigmoid

Grads = Sequence[Array]


def _case(arguments: dict[str, Any], **sizes: int) -> Case:
    return Case(sizes, arguments)


def _normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


SIGMOID = by_ways(
    "sigmoid(z) -> array of z's shape",
    {"σ(z)": "B H"},
    [
        _case({"z": _normal(21, 3, 4)}, B=3, H=4),
        _case({"z": np.array([[0.0, 1000.0, -1000.0], [30.0, -30.0, 1.0]])}, B=2, H=3),
    ],
    lambda z: sigmoid(z),
    {
        "wrong sign": ("It falls where it should rise: 1 / (1 + exp(-z)).", lambda z: sigmoid(-z)),
        "tanh": ("This is tanh, from -1 to 1. σ goes from 0 to 1.", lambda z: np.tanh(z)),
        "twice as steep": (
            "It is twice as steep as it should be: by tanh it is (1 + tanh(z / 2)) / 2.",
            lambda z: sigmoid(2 * z),
        ),
        "slope": ("This is the slope, σ(z) (1 - σ(z)).", lambda z: sigmoid(z) * sigmoid(-z)),
        "hard sigmoid": (
            "This is the hard sigmoid, clip(0.2 z + 0.5).",
            lambda z: np.clip(0.2 * z + 0.5, 0, 1),
        ),
        "from -1 to 1": (
            "It goes from -1 to 1. σ goes from 0 to 1: (1 + tanh(z / 2)) / 2.",
            lambda z: np.tanh(z / 2),
        ),
    },
    "gates",
)


def _gate(x: Array, h: Array, W: Array, U: Array, b: Array, m: Mistakes) -> list[Array]:
    from_x = 0 * (x @ W.T) if "x left out" in m else x @ W.T
    if "W reshaped, not transposed" in m:
        from_x = x @ W.reshape(-1, len(W))
    from_h = h @ (U if "U transposed" in m else U.T)
    if "h left out" in m:
        from_h = 0 * from_h
    z = from_x + from_h + b * pick(m, {"b left out": lambda: 0, "b added twice": lambda: 2}, 1)
    ways = {
        "not squashed": lambda: z,
        "squashed by tanh": lambda: np.tanh(z),
        "squashed twice": lambda: sigmoid(sigmoid(z)),
        "σ with the wrong sign": lambda: sigmoid(-z),
        "σ twice as steep": lambda: sigmoid(2 * z),
    }
    return [pick(m, ways, sigmoid(z))]


GATE = Kind(
    "gate(x, h, W, U, b) -> array (B, H)",
    {"gate": "B H"},
    [
        _case(
            {
                "x": _normal(s, B, D),
                "h": _normal(s + 1, B, H),
                "W": _normal(s + 2, H, D),
                "U": _normal(s + 3, H, H),
                "b": _normal(s + 4, H),
            },
            B=B,
            D=D,
            H=H,
        )
        for s, B, D, H in [(30, 3, 2, 4), (40, 2, 3, 5)]
    ],
    _gate,
    {
        name: Mistake(says, "gates", group)
        for name, (says, group) in {
            "not squashed": ("The sigmoid is missing: this is z.", "squash"),
            "squashed by tanh": (
                "You applied tanh. A gate is a share from 0 to 1: it takes σ.",
                "squash",
            ),
            "b left out": ("The bias b is not added.", "b"),
            "h left out": ("The gate does not see the state: add h @ U.T.", "h"),
            "x left out": ("The gate does not see the input: add x @ W.T.", "x"),
            "U transposed": ("U is used the other way round: it is h @ U.T.", "h"),
            "W reshaped, not transposed": (
                "W is brought to (D, H) by reshape, which only counts the numbers anew. Use W.T.",
                "x",
            ),
            "σ with the wrong sign": (
                "Your logistic function falls where it should rise: it is 1 / (1 + exp(-z)).",
                "squash",
            ),
            "σ twice as steep": (
                "Your logistic function is twice as steep as it should be.",
                "squash",
            ),
            "squashed twice": ("σ is applied twice. Once is enough.", "squash"),
            "b added twice": ("The bias b is added twice.", "b"),
        }.items()
    },
    "gates",
)


def _norm(grads: Grads) -> float:
    return float(np.sqrt(sum((g**2).sum() for g in grads)))


def _scaled(grads: Grads, factor: float) -> list[Array]:
    return [g * factor for g in grads]


def _by_norm(size: Callable[[Grads], float]) -> Callable[..., list[Array]]:
    """Return clipping that takes something for the norm."""

    def clip(grads: Grads, max_norm: float) -> list[Array]:
        return _scaled(grads, min(1.0, max_norm / (size(grads) or 1.0)))

    return clip


_GRADS = [  # above the threshold, below it, above it by a little, and no gradient at all
    ([4 * _normal(50, 2, 3), 4 * _normal(51, 3)], 1.5),
    ([0.05 * _normal(52, 2, 3), 0.04 * _normal(53, 3)], 0.7),
    ([np.array([[0.9, 0.0, 0.1], [0.0, -0.8, 0.0]]), np.array([1.1, 0.2, -0.9])], 1.3),
    ([np.zeros((2, 3)), np.zeros(3)], 0.7),
]


def _clip_cases(limit: str) -> list[Case]:
    return [_case({"grads": grads, limit: at}, H=2, D=3) for grads, at in _GRADS]


def _first_of_two(returned: Any) -> Any:
    """Take (clipped, norm) for clipped."""
    pair = isinstance(returned, tuple) and len(returned) == 2
    if pair and isinstance(returned[0], list | tuple):
        return returned[0]
    return returned


CLIP_BY_NORM = by_ways(
    "clip(grads, max_norm) -> list of clipped arrays",
    {"grads[0]": "H D", "grads[1]": "D"},
    _clip_cases("max_norm"),
    _by_norm(_norm),
    {
        "each array by itself": (
            "Each array is clipped by its own norm. One norm is taken over all of them.",
            lambda grads, max_norm: [_by_norm(_norm)([g], max_norm)[0] for g in grads],
        ),
        "not clipped": ("The gradients come out as they went in.", lambda grads, max_norm: grads),
        "scaled up below the threshold": (
            "A gradient below the threshold is blown up to it. It must stay: the factor is "
            "min(1, max_norm / norm).",
            lambda grads, max_norm: _scaled(grads, max_norm / (_norm(grads) or 1.0)),
        ),
        "clipped by value": (
            "Each entry is cut by itself, which turns the gradient. One factor serves all.",
            lambda grads, max_norm: [np.clip(g, -max_norm, max_norm) for g in grads],
        ),
        "root left out of the norm": (
            "The squares are summed, and the root is not taken.",
            _by_norm(lambda grads: _norm(grads) ** 2),
        ),
        "sum of the arrays' norms": (
            "The norms of the arrays are added. Add the squares of all entries, then take the "
            "root.",
            _by_norm(lambda grads: sum(_norm([g]) for g in grads)),
        ),
        "largest of the arrays' norms": (
            "The largest of the arrays' norms is taken. One norm is taken over all of them.",
            _by_norm(lambda grads: max(_norm([g]) for g in grads)),
        ),
        "largest entry for the norm": (
            "The largest entry is taken for the norm. It is the root of the sum of squares.",
            _by_norm(lambda grads: max(np.abs(g).max() for g in grads)),
        ),
        "absolute values for squares": (
            "Absolute values are summed. The norm is the root of the sum of squares.",
            _by_norm(lambda grads: sum(np.abs(g).sum() for g in grads)),
        ),
        "mean for the sum of squares": (
            "The squares are averaged. The norm is the root of their sum.",
            _by_norm(lambda grads: _norm(grads) / np.sqrt(sum(g.size for g in grads))),
        ),
        "norm of the first array only": (
            "The norm is that of the first array. It is taken over all.",
            _by_norm(lambda grads: _norm(grads[:1])),
        ),
        "first array only": (
            "Only the first array is scaled. All are, by one factor.",
            lambda grads, max_norm: [
                _by_norm(_norm)(grads, max_norm)[0],
                grads[1],
            ],
        ),
        "scaled to norm 1": (
            "The gradient is brought to norm 1. It is brought to max_norm.",
            lambda grads, max_norm: _scaled(
                grads, 1 / _norm(grads) if _norm(grads) > max_norm else 1.0
            ),
        ),
        "factor upside down": (
            "The factor is norm / max_norm. It is max_norm / norm.",
            lambda grads, max_norm: _scaled(grads, max(1.0, _norm(grads) / max_norm)),
        ),
    },
    "clipping",
    unpack=_first_of_two,
)

CLIP_BY_VALUE = by_ways(
    "clip(grads, clip_value) -> list of clipped arrays",
    {"grads[0]": "H D", "grads[1]": "D"},
    [
        _case({"grads": [_normal(54, 2, 3), _normal(55, 3)], "clip_value": 0.6}, H=2, D=3),
        _case({"grads": [_normal(56, 3, 2), _normal(57, 2)], "clip_value": 0.4}, H=3, D=2),
    ],
    lambda grads, clip_value: [np.clip(g, -clip_value, clip_value) for g in grads],
    {
        "cut above only": (
            "Only what lies above clip_value is cut. Below -clip_value is cut too.",
            lambda grads, clip_value: [np.minimum(g, clip_value) for g in grads],
        ),
        "cut below only": (
            "Only what lies below -clip_value is cut. Above clip_value is cut too.",
            lambda grads, clip_value: [np.maximum(g, -clip_value) for g in grads],
        ),
        "clipped by norm": (
            "All entries are scaled by one factor. Here each is cut by itself.",
            lambda grads, clip_value: _by_norm(_norm)(grads, clip_value),
        ),
        "set to zero": (
            "What lies outside is set to 0. It is set to the border.",
            lambda grads, clip_value: [np.where(np.abs(g) > clip_value, 0, g) for g in grads],
        ),
        "sign lost": (
            "The sign is lost where an entry is cut: the border below is -clip_value.",
            lambda grads, clip_value: [
                np.where(np.abs(g) > clip_value, clip_value, g) for g in grads
            ],
        ),
        "cut at 0 and clip_value": (
            "The border below is 0. It is -clip_value.",
            lambda grads, clip_value: [np.clip(g, 0, clip_value) for g in grads],
        ),
        "cut at ±1": (
            "The border is 1, whatever clip_value is.",
            lambda grads, clip_value: [np.clip(g, -1, 1) for g in grads],
        ),
        "not clipped": ("The gradients come out as they went in.", lambda grads, clip_value: grads),
    },
    "clipping",
    unpack=_first_of_two,
)


def _log_softmax(logits: Array, axis: int = -1) -> Array:
    shifted = logits - logits.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def _taken(table: Array, targets: Array) -> Array:
    return table[np.arange(len(targets)), targets]


_LOGITS = [
    _case({"logits": _normal(60, 3, 4), "targets": np.array([2, 0, 3])}, B=3, K=4),
    _case(  # exp overflows where the largest is not taken off first
        {
            "logits": 900 * _normal(61, 4, 3).round(2) + _normal(62, 4, 3),
            "targets": np.array([0, 2, 1, 1]),
        },
        B=4,
        K=3,
    ),
]

CROSS_ENTROPY = by_ways(
    "cross_entropy(logits, targets) -> mean loss in nats, from logits (B, K) and classes (B,)",
    {"loss": ""},
    _LOGITS,
    lambda logits, targets: -_taken(_log_softmax(logits), targets).mean(),
    {
        "summed, not averaged": (
            "The losses are summed. Take the mean over the batch.",
            lambda logits, targets: -_taken(_log_softmax(logits), targets).sum(),
        ),
        "wrong sign": (
            "The sign is missing: the loss is minus the log-probability.",
            lambda logits, targets: _taken(_log_softmax(logits), targets).mean(),
        ),
        "in bits": (
            "The logarithm is that of base 2. In nats it is the natural one.",
            lambda logits, targets: -_taken(_log_softmax(logits), targets).mean() / np.log(2),
        ),
        "softmax along the batch": (
            "The softmax runs over the batch. It runs over the classes, the last axis.",
            lambda logits, targets: -_taken(_log_softmax(logits, 0), targets).mean(),
        ),
        "no softmax": (
            "The logits are taken for log-probabilities: subtract the log of the sum of exp.",
            lambda logits, targets: -_taken(logits, targets).mean(),
        ),
        "averaged over the classes too": (
            "The sum is divided by B K. Each sequence has one loss: divide by B.",
            lambda logits, targets: -_taken(_log_softmax(logits), targets).mean() / logits.shape[1],
        ),
        "all classes, not the target": (
            "The log-probabilities of all classes are averaged. Take the target's.",
            lambda logits, targets: -_log_softmax(logits).mean(),
        ),
    },
    "classifying",
)


def _softmax(logits: Array, axis: int = -1) -> Array:
    return np.exp(_log_softmax(logits, axis))


def _one_hot(logits: Array, targets: Array) -> Array:
    return np.eye(logits.shape[1])[targets]


CROSS_ENTROPY_GRADIENT = by_ways(
    "cross_entropy_gradient(logits, targets) -> array (B, K), the gradient of the mean loss",
    {"dlogits": "B K"},
    _LOGITS,
    lambda logits, targets: (_softmax(logits) - _one_hot(logits, targets)) / len(logits),
    {
        "not divided by the batch": (
            "The loss is a mean over the batch: divide by B.",
            lambda logits, targets: _softmax(logits) - _one_hot(logits, targets),
        ),
        "targets not subtracted": (
            "This is the softmax alone. Subtract 1 at each target.",
            lambda logits, targets: _softmax(logits) / len(logits),
        ),
        "wrong sign": (
            "The sign is turned: it is softmax minus one-hot.",
            lambda logits, targets: (_one_hot(logits, targets) - _softmax(logits)) / len(logits),
        ),
        "targets added": (
            "1 is added at each target. It is subtracted.",
            lambda logits, targets: (_softmax(logits) + _one_hot(logits, targets)) / len(logits),
        ),
        "softmax along the batch": (
            "The softmax runs over the batch. It runs over the classes, the last axis.",
            lambda logits, targets: (_softmax(logits, 0) - _one_hot(logits, targets)) / len(logits),
        ),
        "no softmax": (
            "The logits are taken for probabilities.",
            lambda logits, targets: (logits - _one_hot(logits, targets)) / len(logits),
        ),
        "divided by batch and classes": (
            "The sum is divided by B K. The mean is over the batch: divide by B.",
            lambda logits, targets: (_softmax(logits) - _one_hot(logits, targets)) / logits.size,
        ),
        "at the targets only": (
            "The other classes have a gradient too, their probability.",
            lambda logits, targets: (
                (_softmax(logits) - 1) * _one_hot(logits, targets) / len(logits)
            ),
        ),
    },
    "classifying",
)

_NATS = [
    _case({"nats": np.abs(_normal(s, T, B)) + 0.3}, T=T, B=B)
    for s, T, B in [(70, 4, 3), (71, 5, 2)]
]

PERPLEXITY = by_ways(
    "perplexity(nats) -> number, from the losses of all tokens in nats (T, B)",
    {"perplexity": ""},
    _NATS,
    lambda nats: np.exp(nats.mean()),
    {
        "2 to the power of nats": (
            "The losses are in nats: it is exp of the mean, not 2 to its power.",
            lambda nats: 2 ** nats.mean(),
        ),
        "mean of perplexities": (
            "Each token's exp is averaged. Average the losses first, then take exp.",
            lambda nats: np.exp(nats).mean(),
        ),
        "mean of the sequences' perplexities": (
            "Each sequence's perplexity is averaged. Average all losses first, then take exp.",
            lambda nats: np.exp(nats.mean(axis=0)).mean(),
        ),
        "mean of the steps' perplexities": (
            "Each step's perplexity is averaged. Average all losses first, then take exp.",
            lambda nats: np.exp(nats.mean(axis=1)).mean(),
        ),
        "exp of the sum": (
            "The losses are summed. Perplexity is exp of their mean.",
            lambda nats: np.exp(nats.sum()),
        ),
        "exp left out": ("This is the mean loss. Perplexity is its exp.", lambda nats: nats.mean()),
        "wrong sign": (
            "This is exp of minus the mean, the typical probability.",
            lambda nats: np.exp(-nats.mean()),
        ),
    },
    "language",
)

BITS = by_ways(
    "bits_per_character(nats) -> number, from the losses of all characters in nats (T, B)",
    {"bits": ""},
    _NATS,
    lambda nats: nats.mean() / np.log(2),
    {
        "nats": ("This is the mean in nats. A bit is ln 2 nats.", lambda nats: nats.mean()),
        "times ln 2": (
            "The mean is multiplied by ln 2. Nats are divided by it.",
            lambda nats: nats.mean() * np.log(2),
        ),
        "log2 of the loss": (
            "The logarithm is taken of the loss, which is one already. Divide by ln 2.",
            lambda nats: np.log2(nats.mean()),
        ),
        "log2 of each loss": (
            "The logarithm is taken of each loss, which is one already. Divide by ln 2.",
            lambda nats: np.log2(nats).mean(),
        ),
        "summed, not averaged": (
            "The losses are summed. Take the mean.",
            lambda nats: nats.sum() / np.log(2),
        ),
        "perplexity": ("This is the perplexity.", lambda nats: np.exp(nats.mean())),
        "divided by ln 10": (
            "The mean is divided by ln 10. A bit is ln 2 nats.",
            lambda nats: nats.mean() / np.log(10),
        ),
    },
    "language",
)


def _mase(y_hat: Array, y: Array, train: Array, season: int, m: Mistakes) -> list[Any]:
    if "naive of one step" in m:
        season = 1
    scale_on = y if "scale from the test part" in m else train
    if "scale from train and test" in m:
        scale_on = np.concatenate([train, y])
    naive = scale_on[season:] - scale_on[:-season]
    power = 2 if "squares" in m else 1
    error, scale = (np.abs(y_hat - y) ** power).mean(), (np.abs(naive) ** power).mean()
    ways = {
        "not scaled": lambda: error,
        "upside down": lambda: scale / error,
        "scaled by the deviation of train": lambda: error / train.std(),
        "scaled by the mean of train": lambda: error / np.abs(train).mean(),
        "errors summed": lambda: error * y.size / scale,
    }
    return [pick(m, ways, error / scale)]


MASE = Kind(
    "mase(y_hat, y, train, season) -> number",
    {"mase": ""},
    [
        _case(
            {"y_hat": _normal(80, 9), "y": _normal(81, 9), "train": _normal(82, 21), "season": 4}
        ),
        _case(
            {"y_hat": _normal(83, 8), "y": _normal(84, 8), "train": _normal(85, 17), "season": 3}
        ),
    ],
    _mase,
    {
        name: Mistake(says, "forecasting", group)
        for name, (says, group) in {
            "scale from the test part": (
                "The naive forecast's error is measured on the test part, which leaks into the "
                "scale. Measure it on the training part.",
                "scale",
            ),
            "naive of one step": (
                "The naive forecast repeats the last value. Here it repeats the value one season "
                "before.",
                "season",
            ),
            "not scaled": (
                "This is the mean absolute error. Divide it by that of the seasonal naive "
                "forecast on the training part.",
                "way",
            ),
            "squares": ("Errors are squared. Here absolute errors are averaged.", "power"),
            "upside down": (
                "The quotient is upside down: the forecast's error stands above.",
                "way",
            ),
            "scale from train and test": (
                "The naive forecast's error is measured on all data. Measure it on the training "
                "part alone.",
                "scale",
            ),
            "scaled by the deviation of train": (
                "The error is divided by the standard deviation. Divide it by the error of the "
                "seasonal naive forecast.",
                "way",
            ),
            "scaled by the mean of train": (
                "The error is divided by the mean size of the data. Divide it by the error of the "
                "seasonal naive forecast.",
                "way",
            ),
            "errors summed": ("The errors are summed above. Take the mean.", "way"),
        }.items()
    },
    "forecasting",
    searched=2,
)


def _cut(first_y: int = 0, stride: int = 1, skip: int = 0) -> Callable[..., tuple[Array, Array]]:
    """Return the cutting of windows, with the targets moved, steps left out, or the last ones."""

    def windows(series: Array, length: int, horizon: int) -> tuple[Array, Array]:
        starts = range(0, len(series) - length - horizon + 1, stride)
        x = np.array([series[s : s + length] for s in starts])
        at = [s + length + first_y for s in starts]
        y = np.array([[series[min(a + k, len(series) - 1)] for k in range(horizon)] for a in at])
        return x, y

    return windows


def _other_windows(x: bool, y: bool) -> Callable[..., tuple[Array, Array]]:
    """Return windows turned round in time."""

    def windows(series: Array, length: int, horizon: int) -> tuple[Array, Array]:
        a, b = _cut()(series, length, horizon)
        return a[:, ::-1] if x else a, b[:, ::-1] if y else b

    return windows


WINDOWS = by_ways(
    "windows(series, length, horizon) -> (x, y), every window (N, length) and what follows it "
    "(N, horizon)",
    {"x": "N L", "y": "N K"},
    [
        _case({"series": _normal(90, 11), "length": 4, "horizon": 2}, N=6, L=4, K=2),
        _case({"series": _normal(91, 12), "length": 3, "horizon": 5}, N=5, L=3, K=5),
    ],
    _cut(),
    {
        "targets overlap the inputs": (
            "The first target is the last input: it leaks. Targets begin one step after the "
            "window.",
            _cut(first_y=-1),
        ),
        "targets are the inputs' end": (
            "The targets are the last values of the window itself. They follow it.",
            lambda series, length, horizon: _cut(first_y=-horizon)(series, length, horizon),
        ),
        "gap before the targets": (
            "One value is left out between window and targets.",
            _cut(first_y=1),
        ),
        "inputs turned round": (
            "The window runs from its last value to its first.",
            _other_windows(True, False),
        ),
        "targets turned round": ("The targets run backwards.", _other_windows(False, True)),
        "both turned round": (
            "Windows and targets run backwards.",
            _other_windows(True, True),
        ),
    },
    "forecasting",
)

_PARTS = [
    _case({"train": 3 * _normal(s, T, D) + 2, "test": _normal(s + 1, S, D) - 1}, T=T, S=S, D=D)
    for s, T, S, D in [(100, 7, 4, 3), (102, 9, 5, 2)]
]


def _standard(of: Callable[..., Array]) -> Callable[..., tuple[Array, Array]]:
    """Return standardising with the statistics of something."""

    def standardise(train: Array, test: Array) -> tuple[Array, Array]:
        known = of(train, test)
        mean, std = known.mean(axis=0), known.std(axis=0)
        return (train - mean) / std, (test - mean) / std

    return standardise


STANDARDISE = by_ways(
    "standardise(train, test) -> (train, test), both by the statistics of train, a column by "
    "itself",
    {"train": "T D", "test": "S D"},
    _PARTS,
    _standard(lambda train, test: train),
    {
        "statistics of all data": (
            "Mean and deviation are taken from train and test together: the test part leaks. Take "
            "them from train alone.",
            _standard(lambda train, test: np.concatenate([train, test])),
        ),
        "test by its own statistics": (
            "The test part is scaled by its own mean and deviation. Use those of train.",
            lambda train, test: (
                _standard(lambda a, b: a)(train, test)[0],
                _standard(lambda a, b: b)(train, test)[1],
            ),
        ),
        "statistics of the test part": (
            "Mean and deviation are those of the test part. Use those of train.",
            _standard(lambda train, test: test),
        ),
        "not divided": (
            "The mean is subtracted, and nothing is divided by the deviation.",
            lambda train, test: (train - train.mean(axis=0), test - train.mean(axis=0)),
        ),
        "mean not subtracted": (
            "The deviation divides, and the mean is not subtracted.",
            lambda train, test: (train / train.std(axis=0), test / train.std(axis=0)),
        ),
        "divided by the variance": (
            "The variance divides. Take its root.",
            lambda train, test: tuple(
                (part - train.mean(axis=0)) / train.var(axis=0) for part in (train, test)
            ),
        ),
        "one mean and deviation for all columns": (
            "One mean and one deviation serve all columns. Each column has its own.",
            lambda train, test: tuple(
                (part - train.mean()) / train.std() for part in (train, test)
            ),
        ),
        "along the wrong axis": (
            "Each row is brought to mean 0. Statistics run over time, axis 0.",
            lambda train, test: tuple(
                (part - part.mean(axis=1, keepdims=True)) / part.std(axis=1, keepdims=True)
                for part in (train, test)
            ),
        ),
        "deviation with T - 1": (
            "The sum of squares is divided by T - 1. Here, as in np.std, it is divided by T.",
            lambda train, test: tuple(
                (part - train.mean(axis=0)) / train.std(axis=0, ddof=1) for part in (train, test)
            ),
        ),
        "scaled to 0 and 1": (
            "This scales to the range from 0 to 1. Subtract the mean, divide by the deviation.",
            lambda train, test: tuple(
                (part - train.min(axis=0)) / (train.max(axis=0) - train.min(axis=0))
                for part in (train, test)
            ),
        ),
    },
    "forecasting",
)


def _surface(x: Array) -> float:
    """Return a number with another slope along every entry."""
    weights = np.arange(1, x.size + 1).reshape(x.shape)
    return float(np.sum(weights * np.sin(x)) + x.sum() ** 3 / 9)


def _slopes(x: Array) -> Array:
    weights = np.arange(1, x.size + 1).reshape(x.shape)
    return weights * np.cos(x) + x.sum() ** 2 / 3


NUMERICAL_GRADIENT = by_ways(
    "numerical_gradient(f, x) -> array of x's shape, the slope of f along each entry",
    {"gradient": "B D"},
    [
        _case({"f": _surface, "x": _normal(110, 2, 3)}, B=2, D=3),
        _case({"f": _surface, "x": _normal(111, 4, 2)}, B=4, D=2),
    ],
    lambda f, x: _slopes(x),
    {
        "not divided by 2": (
            "The points lie two steps apart: divide the difference by 2 step.",
            lambda f, x: 2 * _slopes(x),
        ),
        "divided twice by 2": (
            "Only one side is measured, and the difference is divided by 2 step.",
            lambda f, x: _slopes(x) / 2,
        ),
        "wrong sign": (
            "The sign is turned: it is f above minus f below.",
            lambda f, x: -_slopes(x),
        ),
        "all entries moved together": (
            "All entries are moved at once: this is the sum of the slopes. Move one at a time.",
            lambda f, x: np.full_like(x, _slopes(x).sum()),
        ),
        "rows moved together": (
            "A whole row is moved at once. Move one entry at a time.",
            lambda f, x: np.repeat(_slopes(x).sum(axis=1, keepdims=True), x.shape[1], axis=1),
        ),
        "columns moved together": (
            "A whole column is moved at once. Move one entry at a time.",
            lambda f, x: np.repeat(_slopes(x).sum(axis=0, keepdims=True), len(x), axis=0),
        ),
    },
    "backpropagation",
)

KINDS = {
    "sigmoid": SIGMOID,
    "gate": GATE,
    "clip_by_norm": CLIP_BY_NORM,
    "clip_by_value": CLIP_BY_VALUE,
    "cross_entropy": CROSS_ENTROPY,
    "cross_entropy_gradient": CROSS_ENTROPY_GRADIENT,
    "perplexity": PERPLEXITY,
    "bits_per_character": BITS,
    "mase": MASE,
    "windows": WINDOWS,
    "standardise": STANDARDISE,
    "numerical_gradient": NUMERICAL_GRADIENT,
}
