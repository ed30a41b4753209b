"""Exercises of the chapter on the gradient's way through the cell."""

from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import draw
from lstm_tutorial.rnn import sigmoid

_SIZES = [(5, 3, 4), (3, 2, 5), (4, 4, 4), (1, 2, 3), (4, 1, 3), (3, 2, 1), (1, 1, 1)]
_DRAWN = [
    draw(170 + k, {"f": "T B H", "dc_T": "B H"}, 10.0**k, T=T, B=B, H=H)
    for k, (T, B, H) in enumerate(_SIZES)
]

CAROUSEL = by_edits(
    "carousel_by_lag(f, dc_T) -> array (T + 1, B, H), the gradient at lag 0 to T",
    {"dc": "lags B H"},
    [{"f": sigmoid(a["f"] / 10.0**k), "dc_T": a["dc_T"]} for k, a in enumerate(_DRAWN)],
    """
    back = f[::-1]
    factors = np.concatenate([np.ones_like(f[:1]), back])
    kept = np.cumprod(factors, axis=0)
    return dc_T * kept
    """,
    listed("""
    wrong end: f[::-1] -> f |
        One step back from the end means the last forget gate; the first one is used.
    not accumulated: np.cumprod(factors, axis=0) -> factors |
        Each lag multiplies dc_T by one gate. It multiplies what the lag before it left.
    in the order of time: (dc_T * kept)[::-1] |
        It runs from the first step to the last. Lag 0, the end, stands first.
    lag 0 left out: (dc_T * kept)[1:] | The first entry is lag 0, the end itself: dc_T.
    dc_T left out: kept | These are the products of the gates. They multiply dc_T.
    1 - f in place of f: f[::-1] -> (1 - f)[::-1] | The factor is 1 - f. What is kept is f.
    one lag off: factors, axis=0) -> np.concatenate([back, factors[:1]]), axis=0) |
        Lag 0 is the end itself: dc_T, with no gate before it.
    all gates at lag 0: dc_T * np.concatenate([kept[-1:], kept[1:]]) |
        All gates stand at lag 0, where none has acted: f[-0:] is all of f.
    first lag without its gate: back]) -> np.ones_like(f[:1]), back[1:]][: 2 + len(f)]) |
        The last forget gate is left out: it lies between lag 0 and lag 1.
    f squashed again: f[::-1] -> 1 / (1 + np.exp(-f[::-1])) |
        The gates are squashed a second time. f holds the gates themselves.
    """),
    "flow",
)

BIAS_FOR = by_edits(
    "bias_for(lag, left) -> number, the forget bias with which the share left remains over lag",
    {"bias": ""},
    [
        {"lag": lag, "left": left}
        for lag, left in [(50, 0.01), (1000, 0.5), (2, 0.1), (1, 0.3), (10, 0.9)]
    ],
    """
    f = left ** (1 / lag)
    return np.log(f / (1 - f))
    """,
    listed("""
    the gate: f | This is the gate. The bias is what the sigmoid turns into it.
    wrong sign: np.log((1 - f) / f) | The sign is wrong: this bias closes the gate.
    one step: 1 / lag -> 1 | This gate keeps the share over one step. Over lag steps it is gate^lag.
    tanh for the sigmoid: np.arctanh(f) |
        The inverse of tanh is taken. The gate is a sigmoid: log(f / (1 - f)).
    log of the gate: np.log(f) | This is the logarithm of the gate. The bias is log(f / (1 - f)).
    share divided by the lag: left ** (1 / lag) -> left / lag |
        The share is divided by the lag. The gate is its lag-th root.
    loss spread over the lag: left ** (1 / lag) -> 1 - (1 - left) / lag |
        The loss is spread over the steps as if they added. The gates multiply: left^(1 / lag).
    bias of the lag alone: np.log(lag - 1) |
        This is log(lag - 1), whatever left is: it makes 1 / (1 - f) the lag.
    """),
    "flow",
)

KINDS = {"lstm.carousel": CAROUSEL, "lstm.bias_for": BIAS_FOR}
