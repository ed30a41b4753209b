"""Exercises of the chapter on the LSTM in NumPy: initial weights, judged by how they are drawn."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_tutorial import lstm
from lstm_tutorial.exercises import _recurrent
from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._facts import close
from lstm_tutorial.exercises._kind import draw
from lstm_tutorial.exercises._reading import Array, Finding, named
from lstm_tutorial.exercises._trials import Fn, arrays, by_measuring

_AXES = {"W_ih": "4H D", "W_hh": "4H H", "b": "4H"}
_SIZES = [(16, 60), (90, 24)]  # D and H: two scales differ by 8 % or more at one of them
_SCALES = """
1/√H: H**-0.5
1/√D: D**-0.5
1/√(D + H): (D + H) ** -0.5
1/H: 1 / H
1/D: 1 / D
√(6/(D + H)), Xavier's: (6 / (D + H)) ** 0.5
√(2/(D + H)), Xavier's: (2 / (D + H)) ** 0.5
√(6/(D + 4H)), Xavier's: (6 / (D + 4 * H)) ** 0.5
√(2/D), He's: (2 / D) ** 0.5
"""
Weights = dict[str, Array]


def _off(values: Array, cdf: Array) -> float:
    """Return the distance to a distribution, in units of which 3 never come by chance."""
    ranks = (np.arange(values.size) + 0.5) / values.size
    return float(np.abs(np.sort(cdf, None) - ranks).max() * values.size**0.5)


def _is_uniform(values: Array, low: float, high: float) -> bool:
    return _off(values, np.clip((values - low) / (high - low), 0, 1)) < 3


def _is_normal(values: Array) -> bool:
    erf = np.vectorize(math.erf)(values / values.std() / 2**0.5)
    return np.abs(values).max() > 2.6 * values.std() and _off(values, (1 + erf) / 2) < 2


def _right(values: Array, H: int) -> bool:
    """Tell whether numbers are uniform in ±1/√H; half precision rounds by up to 1/250."""
    bound, largest = H**-0.5, float(np.abs(values).max())
    fills = 1 - 25 / values.size < largest / bound < 1.004
    return fills and _is_uniform(values, -bound, bound)


def _law(samples: Sequence[Array]) -> str:
    """Say how numbers are drawn, if one law holds at both sizes."""
    every = np.concatenate([values.ravel() for values in samples])
    if not np.isfinite(every).all() or np.ptp(every) == 0:
        return f"all {every[0] + 0.0:.3g}"
    for gates, what in [(4, ", gate by gate"), (1, "")]:
        for structure, holds in [("the identity", _is_identity), ("orthogonal", _is_orthogonal)]:
            if all(holds(block) for values in samples for block in np.split(values, gates)):
                return structure + what
    low = 0 if every.min() >= 0 else -1
    tops = [float(np.abs(values).max()) for values in samples]
    if all(_is_uniform(v, low * top, top) for v, top in zip(samples, tops, strict=True)):
        return ("uniform from 0 to ", "uniform in ±")[-low] + _scale(tops)
    if all(map(_is_normal, samples)):
        spreads = [float(values.std()) for values in samples]
        return "normal with a standard deviation of " + _scale(spreads)
    return "not uniform"


def _scale(sizes: list[float]) -> str:
    """Return the scale as a formula, if one holds at both sizes, or as a number."""
    for row in _SCALES.strip().split("\n"):
        name, formula = row.split(": ")
        if np.allclose(sizes, [eval(formula, {"D": D, "H": H}) for D, H in _SIZES], rtol=0.04):
            return name
    share, other = (size * H**0.5 for size, (_, H) in zip(sizes, _SIZES, strict=True))
    return f"{share:.2g}/√H" if abs(share - other) < 0.08 * share else f"{max(sizes):.2g}"


def _is_orthogonal(values: Array) -> bool:
    if values.ndim < 2:
        return False
    rows = values if len(values) <= values.shape[1] else values.T
    gram = rows @ rows.T
    return bool(np.abs(gram - gram[0, 0] * np.eye(len(gram))).max() < 0.02 * gram[0, 0])


def _is_identity(values: Array) -> bool:
    square = values.shape == values.shape[::-1] and values.ndim == 2
    return square and np.count_nonzero(values) == len(values) and bool(values.diagonal().all())


def _gates(array: Array, letters: str) -> Array:
    """Return the blocks of some gates, one above the other."""
    blocks = dict(zip("ifgo", np.split(array, 4), strict=True))
    return np.concatenate([blocks[gate] for gate in letters])


def _laws(large: Weights, small: Weights, tied: set[str]) -> Iterator[Finding]:
    """Yield how arrays are drawn, and the forget gate's biases, where it is not as it should be."""
    biases = {g: np.concatenate([_gates(w["b"], g) for w in (large, small)]) for g in "ifgo"}
    moved = [g for g in "igo" if np.abs(biases[g] - 1).max() < 1e-6]
    moved = moved if len(moved) == 1 else []
    others = "".join(gate for gate in "igo" if gate not in moved)
    found: dict[str, list[str]] = {}
    for name in (name for name in _AXES if name not in tied):
        samples = [_gates(w[name], "ifgo" if name != "b" else others) for w in (large, small)]
        if not all(_right(values, H) for values, (_, H) in zip(samples, _SIZES, strict=True)):
            found.setdefault(_law(samples), []).append(name)
    for law, names in found.items():
        if names == ["b"] and len(found) == 2 and not law.startswith("all"):
            continue  # drawn in the way of the matrices; they are too few to say more
        says = f"{named(names)}: the numbers are {law}. They should be uniform in ±1/√H."
        yield Finding(f"{named(names)}: {law}", says, tuple(names[:2]))  # b goes with the matrices
    if np.abs(biases["f"] - 1).max() > 1e-6:
        yield _forget(biases["f"] + 0.0, moved)


def _forget(f: Array, moved: list[str]) -> Finding:
    """Say what the forget gate's biases are instead of 1."""
    title, says = f"forget bias {f[0]:.3g}", f"All biases of the forget gate are {f[0]:.3g}."
    if moved:
        title = "forget bias in another block"
        says = f"1 stands in the biases of {moved[0]}. Those of f are the second quarter."
    elif np.ptp(f):
        title = "forget bias not set"
        says = f"The forget gate's biases lie between {f.min():.2g} and {f.max():.2g}."
        if np.abs(f - 1).max() < 1.01 * _SIZES[1][1] ** -0.5:
            title = "forget bias added to what was drawn"
    return Finding(title, f"{says} Set them to 1.", ("b", "f", *moved), "flow")


def _alike(*rows: Array) -> bool:
    """Tell whether two rows of drawn numbers are the same up to a factor, as far as both go."""
    n = min(row.size for row in rows)
    varied = [row.ravel()[:n] for row in rows if np.unique(row).size > 5]
    return len(varied) > 1 and bool(np.triu(np.abs(np.corrcoef(varied)) > 0.999, 1).any())


def _copies(first: Weights) -> Iterator[Finding]:
    """Yield which numbers of one call depend on one another."""
    for name in ("W_ih", "W_hh"):
        block = _gates(first[name], "i")
        gates = first[name].reshape(4, -1)
        for what, rows in [("gates", gates), ("units", block), ("inputs", block.T)]:
            if _alike(*rows):
                says = f"{name}: some {what} have the same numbers, up to a factor. Draw each anew."
                yield Finding(f"{name}: {what} alike", says, (name,))
    if _alike(first["W_ih"], first["W_hh"]):
        says = "W_hh begins with the numbers of W_ih. Is the generator made anew? Draw on from one."
        yield Finding("W_ih and W_hh alike", says, ("W_ih", "W_hh"))


def _generator(first: Weights, second: Weights, other: Weights, same: Weights) -> Iterator[Finding]:
    """Compare two calls with one generator, one with another, and one with the same seed."""
    if any(_alike(_gates(first[n], "igo"), _gates(other[n], "igo")) for n in _AXES):
        says = "Generators with different seeds give the same numbers. Draw from rng."
        yield Finding("rng not used", says, ("rng",))
    elif any(_alike(_gates(first[n], "igo"), _gates(second[n], "igo")) for n in _AXES):
        says = "Two calls with one generator give the same numbers. Draw from rng, not from a copy."
        yield Finding("the same numbers at every call", says, ("rng",))
    elif not all(close(first[n], same[n]) for n in _AXES):
        says = "Two generators with the same seed give different numbers. Draw from rng alone."
        yield Finding("rng not used", says, ("rng",))


def _initial(fn: Fn) -> Iterator[Finding]:
    """Yield what is wrong with initial weights: the generator, copies, laws, biases."""
    tensors: list[Any] = []

    def call(D: int, H: int, rng: np.random.Generator) -> Weights:
        returned = fn(D, H, rng)
        weights = arrays(_AXES, returned, D=D, H=H)
        values = returned.values() if isinstance(returned, dict) else returned
        tensors.extend(value for value in values if hasattr(value, "detach"))
        return dict(zip(_AXES, weights, strict=True))

    rng = np.random.default_rng(210)
    first, second = call(*_SIZES[0], rng), call(*_SIZES[0], rng)
    other, same = (call(*_SIZES[0], np.random.default_rng(seed)) for seed in (211, 210))
    # PyTorch has a generator of its own.
    found = [*_generator(first, second, other, first if tensors else same), *_copies(first)]
    found += _laws(first, call(*_SIZES[1], rng), {n for f in found for n in f.where})
    for D, H in [(1, 1), (3, 1), (1, 4)]:
        call(D, H, rng)
    yield from found


INIT = by_measuring(
    "init(input_size, hidden_size, rng) -> (W_ih, W_hh, b) of shapes (4H, D), (4H, H), (4H,), "
    "uniform in ±1/√H, the forget biases 1",
    _initial,
    "numpy",
    "The bound, the spread and the biases are right, and no numbers depend on one another.",
)


def _in_chunks(seed: int, sizes: Sequence[int], **axes: int) -> dict[str, Any]:
    """Return the tapes of a sequence that was read in chunks."""
    shapes = {"dhs": "T B H", "x": "T B D", "h": "B H", "c": "B H", **_AXES}
    dhs, x, h, c, *weights = draw(seed, shapes, T=sum(sizes), **axes).values()
    tapes, start = [], 0
    for size in sizes:
        _, (h, c), tape = lstm.forward(x[start : start + size], h, c, *weights)
        tapes.append(tape)
        start += size
    return {"dhs": dhs, "tapes": tapes, "back": lstm.backward}


_CHUNKED = by_edits(
    "chunked_backward(dhs, tapes) -> (dh0, dc0, dW_ih, dW_hh, db), tapes of chunks by lstm.forward",
    {"dh0": "B H", "dc0": "B H", **{f"d{name}": axes for name, axes in _AXES.items()}},
    [
        _in_chunks(180, (3, 2, 4), B=3, D=2, H=4),
        _in_chunks(181, (2, 5, 3), B=2, D=3, H=5),
        _in_chunks(182, (2, 1), B=1, D=1, H=1),
        _in_chunks(183, (1,), B=2, D=3, H=3),
    ],
    """
    ends = np.cumsum([len(tape.tanh_c) for tape in tapes])
    dh, dc, shares = None, None, []
    for k in reversed(range(len(tapes))):
        part = dhs[ends[k] - len(tapes[k].tanh_c) : ends[k]]
        _, dh, dc, *share = back(part, tapes[k], dh, dc)
        shares.append(share)
    return dh, dc, *(np.sum(s, axis=0) for s in zip(*shares))
    """,
    listed("""
    cut at the borders: dh, dc) -> None, None) |
        The gradient is cut at the borders: give each chunk dh0 and dc0 of the one after it.
    dh0 not handed on: dh, dc) -> None, dc) | It is to be handed to the chunk before.
    dc0 not handed on: dh, dc) -> dh, None) | It is to be handed to the chunk before.
    only the first chunk's share: zip(*shares) -> zip(*shares[-1:]) | Add up those of all chunks.
    only the last chunk's share: zip(*shares) -> zip(*shares[:1]) | Add up those of all chunks.
    averaged over the chunks: np.sum -> np.mean | The weights' gradients are averaged. Add them up.
    chunks from the first to the last: reversed(range(len(tapes))) -> range(len(tapes)) |
        Gradients come from the end.
    dh0 and dc0 exchanged: return dh, dc -> return dc, dh | They stand in each other's place.
    """),
    "numpy",
)
CHUNKED_BACKWARD = replace(
    _CHUNKED, ask=lambda fn, dhs, tapes, back: _CHUNKED.ask(lambda *a: fn(*a[:2]), dhs, tapes, back)
)

KINDS = {
    "lstm.chunked_backward": CHUNKED_BACKWARD,
    "lstm.step_backward": _recurrent.LSTM_STEP_BACKWARD,
    "lstm.forward": _recurrent.LSTM_FORWARD,
    "lstm.backward": _recurrent.LSTM_BACKWARD,
    "lstm.init": INIT,
}
