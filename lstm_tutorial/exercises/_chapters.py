"""Exercises of single chapters: answers with known mistakes, and answers that are put to trial."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_tutorial import lstm, rnn
from lstm_tutorial.exercises._exercise import (
    Array,
    Case,
    as_tensor,
    by_trials,
    by_ways,
    deaf,
    draw,
)
from lstm_tutorial.rnn import sigmoid

Fn = Callable[..., Any]


def _near(a: Any, b: Any, off: float = 1e-6) -> bool:
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=off, atol=off))


# Recurrent networks by hand


def _delayed(fn: Fn) -> tuple[Array, Array]:
    """Return the second unit's states times 100, and the inputs."""
    x = np.random.default_rng(0).uniform(-1, 1, (50, 1, 1))
    W_ih, W_hh, b = (np.asarray(a, float) for a in fn())
    hs, _, _ = rnn.forward(x, np.zeros((1, 2)), W_ih, W_hh, b)
    return 100 * hs[:, 0, 1], x[:, 0, 0]


def _off_by(steps: int) -> Callable[[Fn], float]:
    """Return what tells how far the states are from the inputs of some steps ago."""

    def off(fn: Fn) -> float:
        states, x = _delayed(fn)
        return float(np.abs(states[steps:] - x[: len(x) - steps]).max())

    return off


DELAY_LINE = by_trials(
    "delay_weights() -> (W_ih, W_hh, b), one input, two units",
    {
        "the present input": (
            "The second unit reports the present input, not the one before.",
            lambda fn: _off_by(0)(fn) > 0.1,
        ),
        "wrong size or sign": (
            "100 times the second unit's state is not near the input of one step ago: look at the "
            "product of the two weights on the way.",
            lambda fn: _off_by(1)(fn) < 0.3,
        ),
        "tanh bends it": (
            "The second unit is off by more than a hundredth. Is tanh nearly linear at this size?",
            lambda fn: _off_by(1)(fn) < 0.01,
        ),
    },
    "sequences",
)

TO_SIGMOID = by_ways(
    "to_sigmoid(W_ih, W_hh, b) -> (W_ih, W_hh, b), for states (1 + h) / 2",
    {"W_ih": "H D", "W_hh": "H H", "b": "H"},
    [
        draw(s, {"W_ih": "H D", "W_hh": "H H", "b": "H"}, D=D, H=H)
        for s, D, H in [(300, 3, 4), (301, 5, 2)]
    ],
    lambda W_ih, W_hh, b: (2 * W_ih, 4 * W_hh, 2 * b - 2 * W_hh.sum(axis=1)),
    {
        "W_hh doubled, not times 4": (
            "z is doubled once, and h = 2 s - 1 doubles W_hh again: it is 4 W_hh.",
            lambda W_ih, W_hh, b: (2 * W_ih, 2 * W_hh, 2 * b - 2 * W_hh.sum(axis=1)),
        ),
        "z not doubled": (
            "The sigmoid needs 2 z: double all of W_ih x + W_hh h + b.",
            lambda W_ih, W_hh, b: (W_ih, 2 * W_hh, b - W_hh.sum(axis=1)),
        ),
        "all doubled, s taken for h": (
            "All of z is doubled, and the state is taken for h. It is s: put h = 2 s - 1 into z.",
            lambda W_ih, W_hh, b: (2 * W_ih, 2 * W_hh, 2 * b),
        ),
        "the -1 left out": (
            "h = 2 s - 1: the part -1 goes through W_hh into the bias.",
            lambda W_ih, W_hh, b: (2 * W_ih, 4 * W_hh, 2 * b),
        ),
        "the -1 added": (
            "The sums of W_hh's rows are added to the bias. They are subtracted.",
            lambda W_ih, W_hh, b: (2 * W_ih, 4 * W_hh, 2 * b + 2 * W_hh.sum(axis=1)),
        ),
        "the -1 through the columns": (
            "The columns of W_hh are summed for the bias. Its rows are.",
            lambda W_ih, W_hh, b: (2 * W_ih, 4 * W_hh, 2 * b - 2 * W_hh.sum(axis=0)),
        ),
        "the -1 not doubled": (
            "2 z has 2 W_hh (2 s - 1) in it: the bias loses twice the sums of W_hh's rows.",
            lambda W_ih, W_hh, b: (2 * W_ih, 4 * W_hh, 2 * b - W_hh.sum(axis=1)),
        ),
    },
    "sequences",
)


def _cells(weights: Any, x: Array) -> Array:
    """Return c of all steps of one unit, for one sequence, (T, D)."""
    W_ih, W_hh, b = (np.asarray(a, float) for a in weights)
    zero, cs = np.zeros((1, 1)), []
    h, c = zero, zero
    for x_t in x:
        h, c = lstm.step(x_t[None], h, c, W_ih, W_hh, b)
        cs.append(c.item())
    return np.array(cs)


def _counts(text: str, want: float) -> Callable[[Fn], bool]:
    x = np.array([[symbol == s for s in "abr"] for symbol in text], float)
    return lambda fn: abs(_cells(fn(), x)[-1] - want) < 0.01


RESET_COUNTER = by_trials(
    "reset_counter() -> (W_ih, W_hh, b) of shapes (4, 3), (4, 1), (4,), inputs a, b, r",
    {
        "a": ("One a should give c = 1: look at i and g.", _counts("a", 1)),
        "b": ("One b should give c = -1: look at the sign of g.", _counts("b", -1)),
        "aaa": ("aaa should give 3: the forget gate must stay open.", _counts("aaa", 3)),
        "aab": ("aab should give 1: b must not shut the forget gate.", _counts("aab", 1)),
        "r": ("r alone should give 0: it must not write.", _counts("r", 0)),
        "aar": ("aar should give 0: r must shut the forget gate.", _counts("aar", 0)),
        "drift": (
            "Right on short strings; long ones drift. Are gates and candidate at their ends?",
            _counts("a" * 90 + "r" + "a" * 100 + "b" * 30, 70),
        ),
    },
    "state",
)


def _parity(*bits: int) -> Callable[[Fn], bool]:
    x = np.array(bits, float)[:, None]
    want = np.cumsum(bits) % 2
    return lambda fn: bool((np.abs(_cells(fn(), x) - want) < 0.1).all())


PARITY = by_trials(
    "parity() -> (W_ih, W_hh, b) of shapes (4, 1), (4, 1), (4,)",
    {
        "zeros": ("Zeros alone should leave c at 0.", _parity(0, 0, 0)),
        "first 1": ("The first 1 should set c to 1.", _parity(1)),
        "a 0 after": ("A 0 should leave the set bit alone.", _parity(1, 0, 0)),
        "second 1": ("The second 1 should clear it: f and i must both shut.", _parity(1, 1, 1)),
        "the bit fades": (
            "Right on short strings; over a thousand steps the bit fades. Is f wide open?",
            lambda fn: (
                _parity(1, *[0] * 999)(fn)
                and _parity(*np.random.default_rng(0).integers(0, 2, 999))(fn)
            ),
        ),
    },
    "state",
)

# A step back, and probes


def _step_back(
    dh: Array, dc: Array, c_prev: Array, gates: Sequence[Array], c: Array, W_hh: Array, *,
    keep: Fn | None = None, to_gates: Fn | None = None, swapped: bool = False,
) -> tuple[Array, ...]:  # fmt: skip
    """Return dh_prev, dc_prev and dz; `keep` and `to_gates` make other sums of dc and h's share."""
    i, f, g, o = gates
    share = dh * o * (1 - np.tanh(c) ** 2)
    total = to_gates(dc, share) if to_gates else dc + share
    dz = np.hstack(
        [
            total * g * i * (1 - i),
            total * c_prev * f * (1 - f),
            total * i * (1 - g**2),
            dh * np.tanh(c) * o * (1 - o),
        ]
    )
    dc_prev = keep(dc, share, f) if keep else total * f
    return (dc_prev, dz @ W_hh, dz) if swapped else (dz @ W_hh, dc_prev, dz)


def _back(**slips: Any) -> Fn:
    return lambda **arguments: _step_back(**arguments, **slips)


def _back_case(seed: int, B: int, H: int) -> Case:
    shapes = dict.fromkeys(["dh", "dc", "c_prev", *"ifgo"], "B H")
    drawn = dict(draw(seed, {**shapes, "W_hh": "4H H"}, B=B, H=H).arguments)
    i, f, g, o = (drawn.pop(name) for name in "ifgo")
    gates = [sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)]
    c = gates[1] * drawn["c_prev"] + gates[0] * gates[2]
    W_hh = drawn.pop("W_hh")
    return Case({"B": B, "H": H}, {**drawn, "gates": gates, "c": c, "W_hh": W_hh})


STEP_BACK = by_ways(
    "mended(dh, dc, c_prev, gates, c, W_hh) -> (dh_prev, dc_prev, dz)",
    {"dh_prev": "B H", "dc_prev": "B H", "dz": "B 4H"},
    [_back_case(310, 3, 4), _back_case(311, 2, 5)],
    _step_back,
    {
        "dc overwritten": (
            "dc: what comes in from the later step is still lost.",
            _back(to_gates=lambda dc, share: share),
        ),
        "way through h lost": (
            "dc: the way through h is lost now. The two are added.",
            _back(to_gates=lambda dc, share: dc),
        ),
        "two ways multiplied": (
            "dc: the two ways to the loss are multiplied. They are added.",
            _back(to_gates=lambda dc, share: dc * share),
        ),
        "mended for dc_prev only": (
            "dz: the gates still get the dc that lacks the incoming share.",
            _back(to_gates=lambda dc, share: share, keep=lambda dc, share, f: (dc + share) * f),
        ),
        "mended for the gates only": (
            "dc_prev: it is still made of h's share alone.",
            _back(keep=lambda dc, share, f: share * f),
        ),
        "incoming dc added after f": (
            "dc_prev: the incoming dc must be multiplied by f, too.",
            _back(
                to_gates=lambda dc, share: share,
                keep=lambda dc, share, f: dc + share * f,
            ),
        ),
        "factor f missing": (
            "dc_prev: the factor f is missing.",
            _back(keep=lambda dc, share, f: dc + share),
        ),
        "f twice on the incoming dc": (
            "dc: f stands twice on the incoming dc.",
            _back(
                to_gates=lambda dc, share: share,
                keep=lambda dc, share, f: (dc * f + share) * f,
            ),
        ),
        "dh_prev and dc_prev exchanged": (
            "dh_prev and dc_prev stand in each other's place.",
            _back(swapped=True),
        ),
    },
    "bugs",
)


def _blames(
    change: Callable[[Array], Array], *letters: str, small: bool = False
) -> Callable[[Fn], bool]:
    """Return the trial on arrays of several shapes of which some blocks are wrong."""

    def trial(fn: Fn) -> bool:
        for shape in [(16, 4), (16,), (8, 3)]:
            right = np.random.default_rng(4).normal(size=shape)
            if small:
                right[: len(right) // 4] *= 1e-3
            wrong = right.copy()
            blocks = wrong.reshape(4, -1)
            for k in map("ifgo".index, letters):
                blocks[k] = change(blocks[k])
            if fn(wrong, right) != "".join(letters):
                return False
        return True

    return trial


def _first_off(block: Array) -> Array:
    return np.concatenate([block[:1] * 1.001, block[1:]])


BLAME = by_trials(
    "blame(wrong, right) -> str, the letters of the gates whose blocks differ",
    {
        "no string": (
            "Return a string of letters, empty for none.",
            lambda fn: isinstance(fn(np.ones(8), np.ones(8)), str),
        ),
        "equal arrays blamed": ("Equal arrays: nothing is to blame.", _blames(np.copy)),
        "rounding blamed": (
            "An error of 1e-9 is rounding.",
            lambda fn: fn(np.ones(8) * (1 + 1e-9), np.ones(8)) == "",
        ),
        "i or f not found": (
            "Off by one? The blocks begin with i, at row 0; f is the second.",
            lambda fn: _blames(_first_off, "i")(fn) and _blames(_first_off, "f")(fn),
        ),
        "g or o not found": (
            "The third block is g, the fourth o.",
            lambda fn: _blames(_first_off, "g")(fn) and _blames(_first_off, "o")(fn),
        ),
        "small block missed": (
            "A small block beside large ones is missed: compare each block with itself.",
            _blames(_first_off, "i", small=True),
        ),
        "not all named": (
            "All four differ: expected 'ifgo', in this order.",
            _blames(np.negative, *"ifgo"),
        ),
        "errors cancel": (
            "Errors of both signs cancel: take a norm of the difference.",
            _blames(lambda a: a + 0.1 * (-1.0) ** np.arange(len(a)), "g"),
        ),
    },
    "bugs",
)

_LAYER = lstm.init(3, 4, 0)


def _forwards(x: Array) -> Array:
    zero = np.zeros((x.shape[1], 4))
    return lstm.forward(np.asarray(x, float), zero, zero, *_LAYER)[0]


def _leaking(out_step: int, in_step: int, share: float = 1.0) -> Callable[[Array], Array]:
    """Return a layer one of whose outputs sees one other input."""

    def run(x: Array) -> Array:
        out = _forwards(x)
        out[out_step] += share * np.asarray(x)[in_step, :, :1]
        return out

    return run


# Layers that see the future, and the sentence for a probe that does not find it.
_SEE_AHEAD: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "backward layer missed": (
        "Missed: a layer that reads backward.",
        lambda x: _forwards(x[::-1])[::-1].copy(),
    ),
    "one step ahead missed": (
        "Missed: outputs one step ahead.",
        lambda x: _forwards(np.concatenate([x[1:], x[-1:]])),
    ),
    "mean taken off missed": (
        "Missed: inputs centred with the mean of the whole sequence.",
        lambda x: _forwards(x - np.asarray(x).mean(axis=0)),
    ),
    "late leak missed": (
        "Missed: only the last but one output sees the future. Try every step.",
        _leaking(-2, -1),
    ),
    "early leak missed": (
        "Missed: only the first output sees the step after it. Try every step.",
        _leaking(0, 1),
    ),
    "far leak missed": (
        "Missed: only the first output sees the last input. Compare all steps before.",
        _leaking(0, -1),
    ),
    "small leak missed": ("Missed: a leak of a thousandth.", _leaking(2, -1, 1e-3)),
}
_FALSE_ALARM = (
    "A layer that reads forward is right. Compare only the outputs up to the last step that was "
    "left alone."
)


def _denied(run: Callable[[Array], Array]) -> Callable[[Fn], bool]:
    return lambda fn: not fn(run)


NO_FUTURE = by_trials(
    "no_future(run) -> bool, True if no output of run(x) depends on an input of a later step",
    {
        "false alarm": (_FALSE_ALARM, lambda fn: bool(fn(_forwards))),
        **{name: (says, _denied(run)) for name, (says, run) in _SEE_AHEAD.items()},
    },
    "bugs",
)


def _layer(both: bool) -> Fn:
    import torch

    layer = torch.nn.LSTM(3, 4, bidirectional=both).double()
    return lambda x: layer(x)[0]


def _moved(to: int) -> Fn:
    """Return the function whose answer at one step is the last input, and 0 at all others."""

    def run(x: Any) -> Any:
        answer = 0 * x
        answer[to] = x[-1]
        return answer

    return run


def _finds(want: bool, run: Fn | None = None) -> Callable[[Fn], bool]:
    """Return the trial on a function of tensors, or on an LSTM that reads one way or both."""

    def trial(fn: Fn) -> bool:
        x = as_tensor(np.random.default_rng(5).normal(size=(6, 2, 3)))
        return bool(fn(run or _layer(both=want), x)) == want

    return trial


LOOKS_AHEAD = by_trials(
    "looks_ahead(function, x) -> bool, True if an answer depends on a later input",
    {
        "false alarm": (_FALSE_ALARM, _finds(False)),
        "backward layer missed": ("Missed: a layer that reads both ways.", _finds(True)),
        "one step ahead missed": (
            "Missed: the next input as the answer.",
            _finds(True, lambda x: 1.0 * x.roll(-1, 0)),
        ),
        "mean taken off missed": (
            "Missed: the mean of all steps taken off.",
            _finds(True, lambda x: x - x.mean(0)),
        ),
        "late leak missed": (
            "Missed: the last input in the last but one answer alone. Try every step.",
            _finds(True, _moved(-2)),
        ),
        "far leak missed": (
            "Missed: the last input in the first answer alone. Try every step.",
            _finds(True, _moved(0)),
        ),
    },
    "training",
)

# Costs and sizes


def _share(backward: float = 3, both: float = 2, steps: bool = True) -> Fn:
    def share(B: int, T: int, D: int, H: int, rate: float, price: float, calls: float) -> float:
        products = backward * both * 4 * H * (D + H) * B * T / rate
        return products / (products + (T if steps else 1) * calls * price)

    return share


SHARE = by_ways(
    "share(B, T, D, H, rate, price, calls) -> number, the part of the time of the products",
    {"share": ""},
    [
        Case({}, dict(zip(["B", "T", "D", "H", "rate", "price", "calls"], values, strict=True)))
        for values in [(1, 10, 2, 2, 1e6, 1e-6, 6), (8, 7, 3, 4, 2e7, 3e-5, 5)]
    ],
    _share(),
    {
        "in percent": ("It is a part, from 0 to 1.", lambda **a: 100 * _share()(**a)),
        "backward pass missing": (
            "The backward pass is missing: training takes three times the forward pass.",
            _share(backward=1),
        ),
        "forward pass missing": (
            "The forward pass is missing: training takes three times its operations.",
            _share(backward=2),
        ),
        "products counted, not operations": (
            "An addition counts too: two operations for each product.",
            _share(both=1),
        ),
        "calls once": ("The calls are per step: there are T steps.", _share(steps=False)),
        "share of the calls": (
            "This is the share of the calls.",
            lambda **a: 1 - _share()(**a),
        ),
        "products over calls": (
            "The calls stand below alone. The whole time does.",
            lambda **a: _share()(**a) / (1 - _share()(**a)),
        ),
        "batch left out": (
            "The batch is missing: each sequence has its operations.",
            lambda B, **a: _share()(B=1, **a),
        ),
    },
    "fast",
)


def _saved(per_unit: int = 7, reads: Fn | None = None) -> Fn:
    """Return the counting of bytes; `reads` tells the numbers that upper layers keep."""

    def activations(T: int, B: int, H: int, layers: int, both: bool, itemsize: int) -> int:
        kept = reads(layers, both) if reads else (layers - 1) * (1 + both)
        return itemsize * (per_unit * layers * (1 + both) + kept) * T * B * H

    return activations


def _without(name: str) -> Fn:
    return lambda **a: _saved()(**{**a, name: 1})


ACTIVATIONS = by_ways(
    "activations(T, B, H, layers, both, itemsize) -> int, the bytes that PyTorch's loop saves",
    {"bytes": ""},
    [
        Case({}, dict(zip(["T", "B", "H", "layers", "both", "itemsize"], sizes, strict=True)))
        for sizes in [(6, 2, 5, 1, False, 4), (6, 2, 5, 3, True, 8), (7, 3, 4, 2, False, 4)]
    ],
    _saved(),
    {
        "numbers, not bytes": ("Multiply by the item size.", _without("itemsize")),
        "gates alone": ("Only the gates: c, tanh(c) and h are missing.", _saved(4)),
        "five of seven": ("Two of the seven numbers a unit and step are missing.", _saved(5)),
        "six of seven": ("One of the seven numbers a unit and step is missing.", _saved(6)),
        "batch missing": ("The batch is missing.", _without("B")),
        "steps missing": ("The steps are missing: each is kept.", _without("T")),
        "one direction": (
            "The second direction saves as much as the first.",
            lambda both, **a: _saved()(both=False, **a),
        ),
        "one layer": ("Each layer saves.", _without("layers")),
        "what is read not kept": (
            "Layers above the first also keep what they read.",
            _saved(reads=lambda layers, both: 0),
        ),
        "one direction read": (
            "Layers above the first read the numbers of both directions.",
            _saved(reads=lambda layers, both: layers - 1),
        ),
        "read by each direction": (
            "Both directions of a layer share what they read: it is kept once.",
            _saved(reads=lambda layers, both: (layers - 1) * (1 + both) ** 2),
        ),
        "first layer's input kept": (
            "What the first layer reads is not saved anew: it is there already.",
            _saved(reads=lambda layers, both: layers * (1 + both)),
        ),
    },
    "memory",
)

# nn.LSTM


def _ends(forward: int, backward: int) -> Fn:
    def summary(out: Array) -> Array:
        H = out.shape[2] // 2
        return np.concatenate([out[forward, :, :H], out[backward, :, H:]], axis=1)

    return summary


SUMMARY = by_ways(
    "summary(out) -> tensor (B, 2H), each direction after it has read all of (T, B, 2H)",
    {"summary": "B 2H"},
    [draw(s, {"out": "T B 2H"}, T=T, B=B, H=H) for s, T, B, H in [(320, 6, 2, 4), (321, 5, 3, 2)]],
    _ends(-1, 0),
    {
        "out[-1]": ("out[-1]: its backward half has read one step only.", _ends(-1, -1)),
        "out[0]": ("out[0]: its forward half has read one step only.", _ends(0, 0)),
        "each at the other's end": (
            "Each half is taken where it has read one step only.",
            _ends(0, -1),
        ),
        "halves exchanged": (
            "The right two halves in the wrong order: forward comes first.",
            lambda out: np.roll(_ends(-1, 0)(out), out.shape[2] // 2, axis=1),
        ),
        "mean over time": ("This is the mean over time.", lambda out: out.mean(axis=0)),
        "largest over time": ("This is the largest over time.", lambda out: out.max(axis=0)),
    },
    "pytorch",
    prepare=as_tensor,
)


def _opened(fn: Fn, bias: float = 1.25) -> tuple[list[Any], list[Any]]:
    """Return the sums of each layer's two biases before and after, (4, H)."""
    import torch

    layer = torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    rng = np.random.default_rng(3)
    for parameter in layer.parameters():
        parameter.data = torch.as_tensor(rng.normal(size=tuple(parameter.shape))).float()

    def sums() -> list[Any]:
        state = {name: value.numpy().copy() for name, value in layer.state_dict().items()}
        ends = [name.removeprefix("bias_ih") for name in state if name.startswith("bias_ih")]
        return [(state[f"bias_ih{k}"] + state[f"bias_hh{k}"]).reshape(4, 4) for k in ends]

    before = sums()
    fn(layer, bias)
    return before, sums()


def _bias_trial(wrong: Callable[[Array, Array], bool]) -> Callable[[Fn], bool]:
    return lambda fn: not any(wrong(a, b) for a, b in zip(*_opened(fn), strict=True))


OPEN_FORGET_GATES = by_trials(
    "open_forget_gates(layer, bias) -> None",
    {
        "nothing set": (
            "In some layer or direction the forget gates are left as they were.",
            _bias_trial(lambda before, after: _near(before[1], after[1])),
        ),
        "both biases set": (
            "Both biases are set, so their sum is twice what was asked for.",
            _bias_trial(lambda before, after: _near(after[1], np.full(4, 2.5))),
        ),
        "added to what was drawn": (
            "It was added to what was drawn: the sum of the two is another.",
            _bias_trial(lambda before, after: _near(after[1], before[1] + 1.25)),
        ),
        "one of two biases left": (
            "The sum of the two biases is not the one asked for. Is the other one zero?",
            _bias_trial(lambda before, after: not _near(after[1], np.full(4, 1.25))),
        ),
        "other gates changed": (
            "The forget gate is the second quarter; the others stay as they are.",
            _bias_trial(lambda before, after: not _near(before[[0, 2, 3]], after[[0, 2, 3]])),
        ),
    },
    "same",
)


def _states_for(k: int, options: Mapping[str, Any], want: tuple[int, ...]) -> Callable[[Fn], bool]:
    """Return the trial of the shape of h0 or c0."""

    def trial(fn: Fn) -> bool:
        import torch

        states = fn(torch.nn.LSTM(3, 4, **options), 5)
        return tuple(states[k].shape) == want

    return trial


def _is_pair(fn: Fn) -> bool:
    import torch

    returned = fn(torch.nn.LSTM(3, 4), 5)
    return isinstance(returned, tuple | list) and len(returned) == 2


def _zeros_like_weights(fn: Fn) -> bool:
    import torch

    states = fn(torch.nn.LSTM(3, 4).double(), 5)
    return all(s.dtype == torch.float64 and not s.any() for s in states)


INIT_STATE = by_trials(
    "init_state(net, batch) -> (h0, c0), zeros",
    {
        "no pair": ("Return two tensors, h0 and c0.", _is_pair),
        "first axis": (
            "The first axis is layers times directions, then comes the batch: (1, 5, 4) for one "
            "layer of 4 units.",
            _states_for(0, {}, (1, 5, 4)),
        ),
        "layers": ("Each layer has an entry.", _states_for(0, {"num_layers": 3}, (3, 5, 4))),
        "directions": (
            "Each direction of each layer has an entry.",
            _states_for(1, {"num_layers": 3, "bidirectional": True}, (6, 5, 4)),
        ),
        "batch_first": (
            "batch_first is not for states: they stay (layers, batch, units).",
            _states_for(0, {"batch_first": True}, (1, 5, 4)),
        ),
        "projection of h": (
            "With a projection h has P numbers.",
            _states_for(0, {"proj_size": 2}, (1, 5, 2)),
        ),
        "c not projected": (
            "With a projection c still has H numbers.",
            _states_for(1, {"proj_size": 2}, (1, 5, 4)),
        ),
        "type or not zero": (
            "Expected zeros of the type of the weights.",
            _zeros_like_weights,
        ),
    },
    "nn-lstm",
)

# Classifying


def _pooled(mean: Fn | None = None, largest: Fn | None = None, swapped: bool = False) -> Fn:
    def pool(out: Array, lengths: Array) -> Array:
        valid = np.arange(len(out))[:, None, None] < lengths[:, None]
        zeros = np.where(valid, out, 0)
        parts = [
            mean(zeros) if mean else zeros.sum(axis=0) / lengths[:, None],
            largest(zeros) if largest else np.where(valid, out, -np.inf).max(axis=0),
        ]
        return np.concatenate(parts[::-1] if swapped else parts, axis=1)

    return pool


def _pool_case(seed: int, lengths: Array, padding: float, **sizes: int) -> Case:
    out = -np.random.default_rng(seed).random((sizes["T"], len(lengths), sizes["H"])) - 0.1
    out[np.arange(sizes["T"])[:, None] >= lengths] = padding
    return Case({**sizes, "B": len(lengths)}, {"out": out, "lengths": lengths})


POOL_BOTH = by_ways(
    "pool_both(out, lengths) -> tensor (B, 2H), mean and largest over the valid steps",
    {"pooled": "B 2H"},
    [
        _pool_case(330, np.array([2, 6, 1]), 0, T=6, H=4),
        _pool_case(331, np.array([5, 3]), 0, T=5, H=3),
        _pool_case(332, np.array([2, 6, 1]), np.nan, T=6, H=4),
    ],
    _pooled(),
    {
        "mean counts the padding": (
            "The mean is taken over all steps. Divide by the valid ones.",
            _pooled(mean=lambda zeros: zeros.mean(axis=0)),
        ),
        "padding wins": (
            "Where all valid outputs lie below zero the padding's zeros are the largest. Put "
            "minus infinity there.",
            _pooled(largest=lambda zeros: zeros.max(axis=0)),
        ),
        "padding in both": (
            "The padding is in the mean and in the largest.",
            _pooled(lambda zeros: zeros.mean(axis=0), lambda zeros: zeros.max(axis=0)),
        ),
        "halves exchanged": ("The mean comes first, then the largest.", _pooled(swapped=True)),
        "sum for the mean": (
            "This is the sum. Divide by the valid steps.",
            _pooled(mean=lambda zeros: zeros.sum(axis=0)),
        ),
        "least for the largest": (
            "This is the least. Take the largest.",
            _pooled(largest=lambda zeros: zeros.min(axis=0)),
        ),
    },
    "classifying",
    prepare=as_tensor,
    ask=deaf,
)


def _tails(first: Array, second: Array) -> tuple[int, int]:
    return int((first & ~second).sum()), int((second & ~first).sum())


def _binomial(is_counted: Callable[[int, int, int], bool], both: bool = False) -> Fn:
    """Return a test that counts the outcomes k of m for which something holds."""

    def test(first: Array, second: Array) -> float:
        a, b = _tails(first, second)
        m = len(first) if both else a + b
        a = int(first.sum()) if both else a
        return sum(math.comb(m, k) for k in range(m + 1) if is_counted(k, a, m)) / 2**m

    return test


def _as_far(k: int, a: int, m: int) -> bool:
    return abs(k - m / 2) >= abs(a - m / 2)


_ONE_SIDE = _binomial(lambda k, a, m: _as_far(k, a, m) and (k <= m / 2) == (a <= m / 2))
_EXACTLY = _binomial(lambda k, a, m: k == a)


def _answers(a: int, b: int, both: int) -> Case:
    """Return answers of which a are right only in the first, b only in the second."""
    first = np.array([True] * (a + both) + [False] * b)
    return Case({}, {"first": first, "second": np.array([False] * a + [True] * (b + both))})


SIGN_TEST = by_ways(
    "sign_test(first, second) -> number, a probability",
    {"p": ""},
    [_answers(1, 7, 50), _answers(9, 4, 20), _answers(3, 3, 50), _answers(0, 0, 9)],
    _binomial(_as_far),
    {
        "one side only": (
            "One side only: as far from m/2 on the other side counts too.",
            _ONE_SIDE,
        ),
        "exactly this count": (
            "This is the chance of exactly this count. All that are as far from m/2 count.",
            _EXACTLY,
        ),
        "exactly this count, on both sides": (
            "This is the chance of exactly this count on either side. Those further out count too.",
            _binomial(lambda k, a, m: k in (a, m - a)),
        ),
        "the middle counted twice": (
            "One side is doubled, which counts the middle twice: more than 1 for a tie.",
            lambda first, second: 2 * _ONE_SIDE(first, second),
        ),
        "further only": (
            "Only counts further away are summed. Those as far count too.",
            _binomial(lambda k, a, m: abs(k - m / 2) > abs(a - m / 2)),
        ),
        "all utterances counted": (
            "Where both are right or both wrong nothing is learnt: leave these out.",
            _binomial(_as_far, both=True),
        ),
    },
    "classifying",
    generic=False,
)


def _padding(lengths: Array, batches: Sequence[Any]) -> float:
    steps = sum(lengths[np.asarray(k)].max() * len(k) for k in batches)
    return 1 - lengths.sum() / steps


_LENGTHS = np.random.default_rng(340).integers(7, 30, 270)


def _batches(fn: Fn, seed: int = 0) -> list[list[int]]:
    made = fn(_LENGTHS.copy(), 32, np.random.default_rng(seed))
    return [[int(k) for k in batch] for batch in made]


BUCKETS = by_trials(
    "buckets(lengths, size, rng) -> list of arrays of indices",
    {
        "not each once": (
            "Each sequence must come in one batch, once.",
            lambda fn: sorted(k for b in _batches(fn) for k in b) == list(range(270)),
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
    },
    "classifying",
)


def _decided(padding: bool = False, never: Fn | None = None, which: Fn | None = None) -> Fn:
    """Return the choice of frames with the padding read, or another one where never or when."""

    def decide(p: Array, lengths: Array, threshold: float) -> Array:
        steps, sure = np.arange(len(p))[:, None], p.max(axis=2) > threshold
        if not padding:
            sure = sure & (steps < lengths)
        at = which(sure, p) if which else sure.argmax(axis=0)
        return np.where(sure.any(axis=0), at, never(lengths, p) if never else lengths - 1)

    return decide


_PROBABILITIES = np.random.default_rng(350).dirichlet([0.7] * 3, size=(7, 40))

DECIDE = by_ways(
    "decide(p, lengths, threshold) -> array (B,), the frame of decision",
    {"frame": "B"},
    [
        Case({"B": 40}, {"p": _PROBABILITIES, "lengths": lengths, "threshold": threshold})
        for lengths, threshold in [
            (np.random.default_rng(351).integers(1, 8, 40), 0.9),
            (np.random.default_rng(352).integers(2, 7, 40), 0.99),
        ]
    ],
    _decided(),
    {
        "padding read": ("A frame at or after length is padding.", _decided(padding=True)),
        "never sure: first frame": (
            "Where it is never sure it decides at the last frame, not the first.",
            _decided(never=lambda lengths, p: 0 * lengths),
        ),
        "never sure: end of the array": (
            "Where it is never sure the end of the array is taken. The last frame is length - 1.",
            _decided(never=lambda lengths, p: 0 * lengths + len(p) - 1),
        ),
        "never sure: one too far": (
            "Where it is never sure one frame too far is taken. The last is length - 1.",
            _decided(never=lambda lengths, p: lengths),
        ),
        "last sure frame": (
            "This is the last frame that is sure. Take the first.",
            _decided(which=lambda sure, p: len(p) - 1 - sure[::-1].argmax(axis=0)),
        ),
        "surest frame": (
            "This is the frame that is surest. Take the first that is sure.",
            _decided(which=lambda sure, p: (p.max(axis=2) * sure).argmax(axis=0)),
        ),
        "frames counted from 1": (
            "Frames are counted from 0.",
            lambda **a: _decided()(**a) + 1,
        ),
    },
    "classifying",
)

# Forecasting


def _part(k: int, right: Callable[[list[float]], bool]) -> Callable[[Fn], bool]:
    return lambda fn: right([float(v) for v in fn(np.arange(100.0), 15, 20, 6)[k]])


CUT = by_trials(
    "cut(series, valid, test, length) -> (train, valid, test)",
    {
        "wrong number of parts": (
            "Expected three parts.",
            lambda fn: len(fn(np.arange(100.0), 15, 20, 6)) == 3,
        ),
        "order of time lost": (
            "The order of time is lost.",
            lambda fn: all(_part(k, lambda part: part == sorted(part))(fn) for k in range(3)),
        ),
        "leak into train": (
            "train holds targets of the validation or test part: a leak.",
            _part(0, lambda part: max(part) < 65),
        ),
        "train cut short": (
            "train holds all that comes before the validation part's targets.",
            _part(0, lambda part: part == [*range(65)]),
        ),
        "valid and test overlap": (
            "valid reaches into the targets of test.",
            _part(1, lambda part: max(part) < 80),
        ),
        "ends too early": (
            "valid ends where test's targets begin, and test with the series.",
            lambda fn: (
                _part(1, lambda part: max(part) == 79)(fn)
                and _part(2, lambda part: max(part) == 99)(fn)
            ),
        ),
        "nothing to read": (
            "The first window of valid or test has nothing to read before its target.",
            lambda fn: (
                _part(1, lambda part: min(part) < 65)(fn)
                and _part(2, lambda part: min(part) < 80)(fn)
            ),
        ),
        "wrong context": (
            "Before the first target stand as many values as length says.",
            lambda fn: (
                _part(1, lambda part: part == [*range(59, 80)])(fn)
                and _part(2, lambda part: part == [*range(74, 100)])(fn)
            ),
        ),
        "sizes fixed in": (
            "Right for one series and wrong for another: are sizes fixed in?",
            lambda fn: [len(part) for part in fn(np.arange(50.0), 5, 9, 3)] == [36, 8, 12],
        ),
    },
    "forecasting",
)

SEASONAL = by_ways(
    "seasonal(past, m, K) -> array (K,), the seasonal naive forecast",
    {"forecast": "K"},
    [
        Case({"K": K}, {"past": np.random.default_rng(s).normal(size=n), "season": m, "K": K})
        for s, n, m, K in [(360, 9, 3, 7), (361, 11, 4, 2), (362, 8, 1, 3)]
    ],
    lambda past, season, K: np.resize(past[-season:], K),
    {
        "last value": (
            "This is the last value, not the season.",
            lambda past, season, K: np.resize(past[-1:], K),
        ),
        "one step early": (
            "One step early: start m values before the first one to be forecast.",
            lambda past, season, K: np.resize(past[-season - 1 : -1], K),
        ),
        "one step late": (
            "One step late: start m values before the first one to be forecast.",
            lambda past, season, K: np.resize(np.roll(past[-season:], -1), K),
        ),
        "first season": (
            "This is the first season, not the last.",
            lambda past, season, K: np.resize(past[:season], K),
        ),
        "backwards": (
            "The season runs backwards.",
            lambda past, season, K: np.resize(past[-season:][::-1], K),
        ),
        "last value after the season": (
            "After one season it must start again.",
            lambda past, season, K: np.concatenate(
                [past[-season:], np.full(max(K - season, 0), past[-1])]
            )[:K],
        ),
        "mean of the season": (
            "This is the mean of the last season.",
            lambda past, season, K: np.full(K, past[-season:].mean()),
        ),
    },
    "forecasting",
)

_RNG = np.random.default_rng(0)
_WANDER = np.cumsum(_RNG.normal(size=400))
_SEASON = 10 * np.sin(np.arange(400) * 0.5)
_NOISE = 0.3 * _RNG.normal(size=400)


def _judges(values: Array, forecast: Array, want: bool) -> Callable[[Fn], bool]:
    return lambda fn: bool(fn(values[:-1], forecast, values[1:])) == want


IS_COPY = by_trials(
    "is_copy(last, forecast, actual) -> bool",
    {
        "copy missed": ("The last value itself is a copy.", _judges(_WANDER, _WANDER[:-1], True)),
        "copy with noise missed": (
            "The last value and noise is a copy.",
            _judges(_WANDER, _WANDER[:-1] + _NOISE[1:], True),
        ),
        "later copy missed": (
            "The value before the last is no better than a copy.",
            _judges(_WANDER, np.r_[0, _WANDER[:-2]], True),
        ),
        "copy far from zero missed": (
            "A copy of a series far from zero is missed: compare errors with errors.",
            _judges(_WANDER + 1000, _WANDER[:-1] + 1000, True),
        ),
        "good forecast blamed": (
            "A good forecast of a season is taken for a copy.",
            _judges(_SEASON, _SEASON[1:] + _NOISE[1:], False),
        ),
        "offset blamed": (
            "A good forecast with an offset is taken for a copy.",
            _judges(_SEASON, _SEASON[1:] + 1, False),
        ),
        "knowing forecast blamed": (
            "A forecast that knows the next step is taken for a copy.",
            _judges(_WANDER, _WANDER[1:] + _NOISE[1:], False),
        ),
    },
    "forecasting",
)

# Training and service


def _seeds(
    factor: float = 2, power: float = 2, rounded: Callable[[float], float] = math.ceil
) -> Callable[[float, float], float]:
    return lambda gap, spread: rounded(factor * 2.8**2 * abs(spread / gap) ** power)


SEEDS_NEEDED = by_ways(
    "seeds_needed(gap, spread) -> int",
    {"seeds": ""},
    [
        Case({}, {"gap": gap, "spread": 0.02})
        for gap in (0.02, 0.01, -0.025, 0.003)  # the third is rounded up by a hair
    ],
    _seeds(),
    {
        "not rounded up": ("Round up: 15.7 runs are 16.", _seeds(rounded=math.floor)),
        "rounded to the nearest": ("Round up: 10.04 runs are 11.", _seeds(rounded=round)),
        "not rounded": ("A whole number of runs is wanted.", _seeds(rounded=float)),
        "factor 2 missing": ("Both means scatter: there is a factor of 2.", _seeds(factor=1)),
        "gap not squared": (
            "The gap enters squared: half of it needs four times the runs.",
            _seeds(power=1),
        ),
        "upside down": (
            "Gap and spread are the wrong way round.",
            lambda gap, spread: _seeds()(spread, gap),
        ),
        "1.96 alone": (
            "The 0.84 is missing, the part for finding the difference in four of five attempts.",
            lambda gap, spread: math.ceil(2 * 1.96**2 * (spread / gap) ** 2),
        ),
    },
    "training",
)


def _zoned(fn: Fn, training: bool) -> Array:
    """Return what becomes of an old state of 3 and a new one of -2, with a share of a quarter."""
    import torch

    old, new = torch.full((20_000,), 3.0), torch.full((20_000,), -2.0)
    return np.asarray(fn(new, old, 0.25, training))


def _in_use(value: float) -> Callable[[Fn], bool]:
    return lambda fn: _near(_zoned(fn, False), np.full(20_000, value))


def _kept(fn: Fn) -> float:
    return float((_zoned(fn, True) == 3).mean())


ZONEOUT = by_trials(
    "zoneout(new, old, share, training) -> tensor",
    {
        "in use: the new alone": (
            "In use the old state has its share too.",
            lambda fn: not _in_use(-2)(fn),
        ),
        "in use: shares exchanged": (
            "In use share belongs to the old state, not the new.",
            lambda fn: not _in_use(1.75)(fn),
        ),
        "in use: no average": (
            "In use the state is the average, share times the old and the rest times the new.",
            _in_use(-0.75),
        ),
        "enlarged": (
            "Nothing is enlarged in training: there is nothing to make up for.",
            lambda fn: _zoned(fn, True).max() <= 3 and _zoned(fn, True).min() >= -2,
        ),
        "in training: mixed": (
            "In training a unit has its old state or the new one, nothing between.",
            lambda fn: np.isin(_zoned(fn, True), [-2, 3]).all(),
        ),
        "in training: shares exchanged": (
            "share is the chance of the old state, not of the new.",
            lambda fn: not 0.7 < _kept(fn) < 0.8,
        ),
        "in training: wrong share": (
            "With a share of a quarter, a quarter of the units should keep the old state.",
            lambda fn: 0.2 < _kept(fn) < 0.3,
        ),
        "always the same mask": (
            "Draw a new mask at each call.",
            lambda fn: not np.array_equal(_zoned(fn, True), _zoned(fn, True)),
        ),
    },
    "training",
)


def _weighted(by: Callable[[Sequence[int]], Any]) -> Fn:
    """Return an average with weights made of the sizes."""

    def average(gradients: Sequence[Array], sizes: Sequence[int]) -> Array:
        pairs = zip(gradients, by(sizes), sizes, strict=True)
        return np.sum([w * g for g, w, n in pairs if n], axis=0)

    return average


AVERAGE = by_ways(
    "average(gradients, sizes) -> tensor, the gradient of the whole batch",
    {"gradient": "D"},
    [
        Case(
            {"D": 3},
            {
                "gradients": [
                    np.full(3, np.nan) if not n else g for g, n in zip(drawn, sizes, strict=True)
                ],
                "sizes": sizes,
            },
        )
        for sizes in ([1, 3], [2, 2, 5], [4, 0, 3])
        for drawn in [np.random.default_rng(370).normal(size=(len(sizes), 3))]
    ],
    _weighted(lambda sizes: np.divide(sizes, sum(sizes))),
    {
        "plain mean": (
            "The plain mean: a sequence in a small share counts for more.",
            _weighted(lambda sizes: [1 / sum(n > 0 for n in sizes)] * len(sizes)),
        ),
        "sum": ("This is the sum of the gradients.", _weighted(lambda sizes: [1] * len(sizes))),
        "not divided": (
            "Each is multiplied by its size, and nothing is divided by the sum of sizes.",
            _weighted(lambda sizes: sizes),
        ),
        "times the processes": (
            "It is multiplied by the number of processes, and was a sum already.",
            _weighted(lambda sizes: np.multiply(sizes, len(sizes) / sum(sizes))),
        ),
        "divided by the processes": (
            "The weighted sum is divided by the number of processes. Divide by that of sequences.",
            _weighted(lambda sizes: np.divide(sizes, len(sizes))),
        ),
    },
    "service",
    prepare=as_tensor,
)


def _served(fn: Fn) -> tuple[dict[str, list[Any]], dict[str, Any], list[int], Any, Any]:
    """Return outputs and states by client, the calls of the network a turn, and what was read."""
    import torch

    layer = torch.nn.LSTM(3, 4)
    rng = np.random.default_rng(380)
    for parameter in layer.parameters():
        parameter.data = torch.as_tensor(rng.normal(size=tuple(parameter.shape))).float()
    x = torch.as_tensor(rng.normal(size=(6, 2, 3))).float()
    calls = [0]
    layer.register_forward_hook(lambda *_: calls.__setitem__(0, calls[0] + 1))
    states: dict[str, Any] = {}
    got: dict[str, list[Any]] = {"a": [], "b": []}
    by_turn = []
    with torch.no_grad():
        for turn in ["a", "ba", "ab", "b", "ab"]:
            inputs = {c: x[len(got[c]), "ab".index(c)] for c in turn}
            calls[0] = 0
            out = fn(layer, states, inputs)
            by_turn.append(calls[0])
            for c in turn:
                got[c].append(out[c])
    return got, states, by_turn, layer, x


def _serves(right: Callable[..., bool]) -> Callable[[Fn], bool]:
    return lambda fn: right(*_served(fn))


def _alone(got: Any, layer: Any, x: Any, fresh: bool = False) -> bool:
    """Return whether each client got what it would get by itself."""
    import torch

    with torch.no_grad():
        for k, c in enumerate("ab"):
            own = x[: len(got[c]), k : k + 1]
            steps = torch.cat([layer(x_t[None])[0] for x_t in own]) if fresh else layer(own)[0]
            if not _near(torch.stack(got[c]), steps[:, 0], 1e-5):
                return False
    return True


SERVE = by_trials(
    "serve(lstm, states, inputs) -> dict from client to output (H,)",
    {
        "wrong output": (
            "Each client's output has the shape (H,).",
            _serves(lambda got, *_: all(tuple(o.shape) == (4,) for k in "ab" for o in got[k])),
        ),
        "states not kept": (
            "The new states have to be put into states, under the client's name.",
            _serves(lambda got, states, *_: set(states) == {"a", "b"}),
        ),
        "every step from zeros": (
            "Every step begins with zeros: the new states are not read.",
            _serves(lambda got, s, n, layer, x: not _alone(got, layer, x, fresh=True)),
        ),
        "clients mixed": (
            "A client does not get what it gets alone: are states mixed?",
            _serves(lambda got, s, n, layer, x: _alone(got, layer, x)),
        ),
        "one call a client": (
            "Make one call of the network for all clients of a turn.",
            _serves(lambda got, states, by_turn, *_: max(by_turn) == 1),
        ),
    },
    "service",
)  # fmt: skip

KINDS = {
    "rnn.delay_line": DELAY_LINE,
    "rnn.to_sigmoid": TO_SIGMOID,
    "lstm.reset_counter": RESET_COUNTER,
    "lstm.parity": PARITY,
    "lstm.step_back": STEP_BACK,
    "blame": BLAME,
    "no_future": NO_FUTURE,
    "torch.looks_ahead": LOOKS_AHEAD,
    "share_of_products": SHARE,
    "nn.activations": ACTIVATIONS,
    "torch.summary": SUMMARY,
    "torch.open_forget_gates": OPEN_FORGET_GATES,
    "torch.init_state": INIT_STATE,
    "torch.pool_both": POOL_BOTH,
    "sign_test": SIGN_TEST,
    "buckets": BUCKETS,
    "decide": DECIDE,
    "cut": CUT,
    "seasonal": SEASONAL,
    "is_copy": IS_COPY,
    "seeds_needed": SEEDS_NEEDED,
    "torch.zoneout": ZONEOUT,
    "torch.average": AVERAGE,
    "torch.serve": SERVE,
}
