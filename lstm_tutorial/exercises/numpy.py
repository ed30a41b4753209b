"""Exercises of the chapter on the LSTM in NumPy: initial weights, judged entry by entry."""

import math
from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from lstm_tutorial.exercises import _recurrent
from lstm_tutorial.exercises._facts import close
from lstm_tutorial.exercises._reading import Array, Finding, named
from lstm_tutorial.exercises._trials import Fn, arrays, by_measuring

Weights = dict[str, Array]
Samples = list[tuple[Array, int, int]]  # numbers, with D and H, of each size
Scale = Callable[[int, int], float]

_AXES = {"W_ih": "4H D", "W_hh": "4H H", "b": "4H"}
_SIZES = [(16, 60), (90, 24)]  # D and H: two scales differ by 8 % or more at one of them


def _root(a: float, k: float, m: float) -> Scale:
    return lambda D, H: (a / (k * D + m * H)) ** 0.5


_SCALES: dict[str, Scale] = {
    **{"1/√H": _root(1, 0, 1), "1/√D": _root(1, 1, 0), "1/√(D + H)": _root(1, 1, 1)},
    **{"1/H": lambda D, H: 1 / H, "1/D": lambda D, H: 1 / D},
    **{f"√({a}/(D + H)), Xavier's": _root(a, 1, 1) for a in (2, 6)},
    **{f"√({a}/(D + 4H)), Xavier's": _root(a, 1, 4) for a in (2, 6)},
    **{f"√({a}/{n}H), Xavier's": _root(a, 0, n) for a in (2, 6) for n in (2, 5)},
    **{f"√({a}/{n}), He's": _root(a, n == "D", n == "H") for a in (2, 6) for n in "DH"},
}
_STRUCTURES = "orthogonal", "the identity"
_OTHER = "neither uniform nor normal nor anything else that is known here"


def _off(values: Array, cdf: Callable[[Array], Array]) -> float:
    """Return the distance to a distribution, in units of which 3 never come by chance."""
    ranks = (np.arange(values.size) + 0.5) / values.size
    return float(np.abs(cdf(np.sort(values, None)) - ranks).max() * values.size**0.5)


def _is_uniform(values: Array, low: float, high: float) -> bool:
    return _off(values, lambda v: np.clip((v - low) / (high - low), 0, 1)) < 3


def _is_normal(values: Array) -> bool:
    spread = values.std() * 2**0.5
    cut = np.abs(values).max() < 2.6 * values.std()
    return not cut and _off(values, lambda v: (1 + np.vectorize(math.erf)(v / spread)) / 2) < 2


def _right(values: Array, D: int, H: int) -> bool:
    """Tell whether numbers are uniform in ±1/√H; half precision rounds by up to 1/250."""
    bound, largest = H**-0.5, float(np.abs(values).max())
    fills = 1 - 25 / values.size < largest / bound < 1.004
    return fills and _is_uniform(values, -bound, bound)


def _law(samples: Samples) -> str:
    """Say how numbers are drawn, if one law holds at both sizes."""
    every = np.concatenate([values.ravel() for values, _, _ in samples])
    fewest = min(values.size for values, _, _ in samples)
    if not np.isfinite(every).all():
        return "not finite"
    if np.ptp(every) == 0:
        return f"all {every[0] + 0.0:.3g}"
    for structure in _STRUCTURES:
        if all(structure == _structure(values) for values, _, _ in samples):
            return structure
    low = 0 if every.min() >= 0 else -1
    tops = [float(np.abs(values).max()) for values, _, _ in samples]
    if all(_is_uniform(v, low * top, top) for (v, _, _), top in zip(samples, tops, strict=True)):
        scale = _scale(samples, tops, max(0.015, 8 / fewest))
        return ("uniform from 0 to ", "uniform in ±")[-low] + scale
    if all(_is_normal(values) for values, _, _ in samples):
        spreads = [float(values.std()) for values, _, _ in samples]
        scale = _scale(samples, spreads, max(0.04, 2 / fewest**0.5))
        return "normal with a standard deviation of " + scale
    return _OTHER


def _scale(samples: Samples, sizes: list[float], room: float) -> str:
    """Return the scale as a formula, if one holds at both sizes, or as the larger number."""
    for name, scale in _SCALES.items():
        wanted = [scale(D, H) for _, D, H in samples]
        if room < 0.05 and np.allclose(sizes, wanted, rtol=min(room, 0.04), atol=0):
            return name
    shares = [size * H**0.5 for size, (_, _, H) in zip(sizes, samples, strict=True)]
    if np.ptp(shares) < 2 * room * max(shares):
        return f"{max(shares):.2g}/√H"
    return f"{max(sizes):.2g}" + " or less" * bool(np.ptp(sizes) > 2 * room * max(sizes))


def _structure(values: Array) -> str:
    """Tell whether a matrix is the identity, times a number, or orthogonal."""
    rows = values if values.ndim < 2 or len(values) <= values.shape[1] else values.T
    gram = rows @ rows.T if rows.ndim == 2 else np.ones((2, 2))
    scale = gram.trace() / len(gram)
    if np.abs(gram - scale * np.eye(len(gram))).max() > 0.02 * scale:
        return ""
    return _STRUCTURES[int(len(rows) == rows.shape[1] == np.count_nonzero(rows))]


def _gates(array: Array, letters: str) -> Array:
    """Return the blocks of some gates, one above the other."""
    blocks = zip("ifgo", np.split(array, 4), strict=True)
    return np.concatenate([block for gate, block in blocks if gate in letters])


def _described(samples: Samples, letters: str) -> dict[str, str]:
    """Return the laws that are not right, and the gates that they hold for."""

    def of(gates: str) -> Samples:
        return [(_gates(values, gates), D, H) for values, D, H in samples]

    bad = "".join(g for g in letters if not all(_right(*sample) for sample in of(g)))
    laws = {g: _law(of(g)) for g in bad}
    together = _law(of(bad)) if bad else _OTHER
    if bad and set(laws.values()) <= {laws[bad[0]]} & set(_STRUCTURES):
        return {laws[bad[0]] + ", gate by gate": bad}
    if together != _OTHER:
        return {together: bad}
    return {law: "".join(g for g in bad if laws[g] == law) for law in laws.values()}


def _laws(sizes: list[list[Weights]]) -> Iterator[Finding]:
    """Yield how arrays are drawn, and the forget gate's biases, where it is not as it should be."""
    found: dict[tuple[str, str], list[str]] = {}
    biases = {g: np.concatenate([_gates(c["b"], g) for s in sizes for c in s]) for g in "ifgo"}
    ones = [g for g in "ifgo" if np.abs(biases[g] - 1).max() < 1e-6]
    moved = ones if len(ones) == 1 and ones != ["f"] else []
    judged = {"W_ih": "ifgo", "W_hh": "ifgo", "b": "igo".replace(*(moved or " "), "")}
    for name, letters in judged.items():
        samples = [
            (calls[0][name] if name != "b" else np.stack([c["b"] for c in calls], axis=1), D, H)
            for calls, (D, H) in zip(sizes, _SIZES, strict=True)
        ]
        for law, gates in _described(samples, letters).items():
            found.setdefault((law, gates if len(gates) < len(letters) else ""), []).append(name)
    both = [law.split()[0] for (law, _), names in found.items() if names[:2] == ["W_ih", "W_hh"]]
    for (law, gates), names in found.items():
        if names == ["b"] and law.split()[0] in both and law[:3] != "all":
            continue  # drawn in the way of the matrices; they are too few to say more
        of = f"{named(names)}{f' in the rows of {named(gates)}' if gates else ''}"
        where = names if len(names) < 3 else names[:2]  # b goes with the matrices
        says = f"{of}: the numbers are {law}. They should be uniform in ±1/√H."
        title = f"{named(names)}: {'not uniform' if law == _OTHER else law}"
        yield Finding(title, says, (*where, *gates))
    if "f" not in ones:
        yield _forget(biases["f"] + 0.0, moved)


def _forget(f: Array, moved: list[str]) -> Finding:
    """Say what the forget gate's biases are instead of 1."""
    title, says = f"forget bias {f[0]:.3g}", f"All biases of the forget gate are {f[0]:.3g}."
    if moved:
        title = "forget bias in another block"
        says = f"1 stands in the biases of {moved[0]}. Those of f are the second quarter."
    elif np.ptp(f) and np.abs(f - 1).max() < 1.01 * _SIZES[1][1] ** -0.5:
        title = "forget bias added to what was drawn"
        says = "The forget gate's biases scatter about 1, as if it had been added to the others."
    elif np.ptp(f):
        title = "forget bias not set"
        says = f"The forget gate's biases lie between {f.min():.2g} and {f.max():.2g}."
    return Finding(title, f"{says} Set them to 1.", ("b", "f", *moved), "flow")


def _equal(a: Array, b: Array) -> bool:
    """Tell whether drawn numbers are the same up to a factor, as far as both go."""
    n = min(a.size, b.size)
    a, b = a.ravel()[:n], b.ravel()[:n]
    return min(np.unique(a).size, np.unique(b).size) > 5 and abs(np.corrcoef(a, b)[0, 1]) > 0.999


def _alike(first: Weights) -> Iterator[Finding]:
    """Yield which numbers of one call depend on one another."""
    matrices = {name: first[name] for name in ("W_ih", "W_hh") if np.unique(first[name]).size > 5}
    for name, W in matrices.items():
        pairs = [p for p in combinations("ifgo", 2) if _equal(*(_gates(W, g) for g in p))]
        if pairs:
            gates = [g for g in "ifgo" if any(g in pair for pair in pairs)]
            says = f"{name}: the gates {named(gates)} have the same numbers. Draw each anew."
            yield Finding(f"{name}: gates alike", says, (name,))
        block = _gates(W, "i")
        for what, of, lines in [("units", "rows", block), ("inputs", "columns", block.T)]:
            vary = lines[np.ptp(lines, axis=1) > 1e-3 * np.abs(W).max()]
            tied = len(vary) > 1 and np.triu(np.abs(np.corrcoef(vary)) > 0.999, 1).any(axis=0).sum()
            if tied:
                says = f"{name}: of the {len(lines)} {of} of gate i {tied + 1} are the same up to "
                says += f"a factor, so {what} are alike. Draw each number."
                yield Finding(f"{name}: {what} alike", says, (name,))
        if block.shape[0] == block.shape[1] and np.array_equal(block, block.T):
            yield Finding(f"{name}: symmetric", f"{name}: the block of i is symmetric.", (name,))
    if len(matrices) == 2 and _equal(*matrices.values()):
        says = "W_hh begins with the numbers of W_ih. Is the generator made anew? Draw on from one."
        yield Finding("W_ih and W_hh alike", says, ("W_ih", "W_hh"))


def _initial(fn: Fn) -> Iterator[Finding]:
    """Yield what is wrong with initial weights: the generator, copies, laws, biases."""
    tensors = False

    def call(D: int, H: int, rng: np.random.Generator) -> Weights:
        nonlocal tensors
        returned = fn(D, H, rng)
        weights = arrays(_AXES, returned, D=D, H=H)
        values = returned.values() if isinstance(returned, dict) else returned
        tensors |= any(hasattr(value, "detach") for value in values)
        return dict(zip(_AXES, weights, strict=True))

    rng = np.random.default_rng(210)
    first, second = call(*_SIZES[0], rng), call(*_SIZES[0], rng)
    other, same = (call(*_SIZES[0], np.random.default_rng(seed)) for seed in (211, 210))
    drawn = [{**w, "b": _gates(w["b"], "igo")} for w in (first, other, second)]
    fixed = [name for name in _AXES if _equal(drawn[0][name], drawn[1][name])]
    again = [name for name in _AXES if _equal(drawn[0][name], drawn[2][name])]
    if fixed:
        says = f"{named(fixed)}: generators with different seeds give the same numbers, so every "
        yield Finding("rng not used", f"{says}layer begins alike. Draw from rng.", ("rng",))
    elif again:
        says = f"{named(again)}: two calls with one generator give the same numbers. Draw from rng "
        yield Finding("the same numbers at every call", f"{says}itself, not from a copy.", ("rng",))
    elif not tensors and not all(close(first[name], same[name]) for name in _AXES):
        says = "Two generators with the same seed give different numbers: something else is drawn "
        yield Finding("rng not used", f"{says}from. Draw from rng alone.", ("rng",))
    small = [call(*_SIZES[1], np.random.default_rng(seed)) for seed in (1, 2)]
    found = [*_alike(first), *_laws([[first, second, other], small])]
    yield from found
    for D, H in [(1, 1), (3, 1), (1, 4)]:
        W_ih, W_hh, b = call(D, H, np.random.default_rng(3)).values()
        largest = max(np.abs(a).max() for a in (W_ih, W_hh, _gates(b, "igo")))
        if not found and not (largest < 1.004 * H**-0.5 and close(_gates(b, "f"), np.ones(H))):
            says = f"Where D = {D} and H = {H} the bound 1/√H or the forget bias 1 does not hold."
            found = [Finding("sizes of 1", says)]
            yield found[0]


INIT = by_measuring(
    "init(input_size, hidden_size, rng) -> (W_ih, W_hh, b) of shapes (4H, D), (4H, H), (4H,), "
    "uniform in ±1/√H, the forget biases 1",
    _initial,
    "numpy",
    "The bound, the spread and the biases are right, and no numbers depend on one another.",
)


KINDS = {
    "lstm.step_backward": _recurrent.LSTM_STEP_BACKWARD,
    "lstm.forward": _recurrent.LSTM_FORWARD,
    "lstm.backward": _recurrent.LSTM_BACKWARD,
    "lstm.init": INIT,
}
