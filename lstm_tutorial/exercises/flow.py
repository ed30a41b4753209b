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
    wrong end: f[::-1] -> f | One step back from the end means the last forget gate.
    in the order of time: (dc_T * kept)[::-1] | Lag 0, the end, stands first.
    lag 0 left out: (dc_T * kept)[1:] | The first entry is lag 0, the end itself: dc_T.
    1 - f in place of f: f[::-1] -> (1 - f)[::-1] | The factor is 1 - f. What is kept is f.
    one lag off: factors, axis=0) -> np.concatenate([back, factors[:1]]), axis=0) | Lag 0 is dc_T.
    all gates at lag 0: dc_T * np.concatenate([kept[-1:], kept[1:]]) | f[-0:] is all of f.
    f squashed again: f[::-1] -> 1 / (1 + np.exp(-f[::-1])) | f holds the gates themselves.
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
    tanh for the sigmoid: np.arctanh(f) | The gate is a sigmoid: its inverse is log(f / (1 - f)).
    share divided by the lag: left ** (1 / lag) -> left / lag | The gate is the lag-th root.
    loss spread over the lag: left ** (1 / lag) -> 1 - (1 - left) / lag | The gates multiply.
    bias of the lag alone: np.log(lag - 1) | This makes 1 / (1 - f) the lag, whatever left is.
    """),
    "flow",
)

KINDS = {"lstm.carousel": CAROUSEL, "lstm.bias_for": BIAS_FOR}
