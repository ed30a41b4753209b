"""Formulas of the outputs of a backward step, in terms of dz: the right one and what slips make."""

from collections.abc import Iterator, Mapping
from itertools import combinations, permutations
from typing import Any

import numpy as np

from lstm_tutorial.exercises._factors import FUNCTIONS, times
from lstm_tutorial.exercises._reading import Array

Names = Mapping[str, Any]
_UNITS = ["dh", "dc", "dc_total", "h_prev", "h", "c_prev", "c", "tanh_c", *"ifgo"]
_EXTRAS = ["W_ih", "W_hh", "b", "x", *_UNITS, "dz_i", "dz_f", "dz_g", "dz_o"]
_OF_B = ["dz[0]", "dz[-1]", "dz.max(axis=0)", "dz.sum() + 0 * b"]
_OUTER = [
    *("dz.T @ {0}", "{0}.T @ dz", "({0}.T @ dz).reshape(-1, {0}.shape[1])"),
    *("dz[:1].T @ {0}[:1]", "dz[-1:].T @ {0}[-1:]", "outer(dz.sum(axis=0), {0}.sum(axis=0))"),
]
_BEFORE_SLOPES = "hstack([dc_total * g, dc_total * c_prev, dc_total * i, dh * tanh_c])"


def formula(name: str, right: str, value: Array, names: Names, tolerance: float) -> str | None:
    """Return the plainest formula that gives an output, or None."""
    gates = "ifgo" if "dz_i" in names else ""
    blocks = gates and name in ("dW_ih", "dW_hh", "db")
    for text in _texts(name, right, gates):
        base = _evaluated(text, names, value)
        if base is not None:
            found = _scaled(text, base, value, names, tolerance)
            if found is None and blocks:
                found = _blockwise(name, text, base, value, names, tolerance)
            if found is not None:
                return found
    rest = value - eval(right, dict(FUNCTIONS), dict(names))
    for extra in _EXTRAS:
        if np.shape(names.get(extra, 0)) == value.shape:
            more = _scaled(extra, names[extra], rest, names, 10 * tolerance)
            if more is not None:
                return f"{right} + {more}".replace("+ -", "- ")
    return None


def close(a: Array, b: Array, tolerance: float) -> bool:
    """Return whether two arrays agree up to a share of the second's largest number."""
    return bool(np.abs(a - b).max() <= 10 * tolerance * (np.abs(b).max() + 1e-15))


def _evaluated(text: str, names: Names, like: Array) -> Array | None:
    """Return a formula's value, where it has one in the shape of the output."""
    try:
        value: Array = eval(text, dict(FUNCTIONS), dict(names))
    except (NameError, ValueError):
        return None
    return value if np.shape(value) == like.shape else None


def _scaled(text: str, base: Array, value: Array, names: Names, tolerance: float) -> str | None:
    """Return the formula with the constant that gives the value, if one does."""
    if close(base, value, tolerance):
        return text
    norm = float(np.sum(base * base))
    constant = float(np.sum(value * base)) / norm if norm else 0.0
    if not close(constant * base, value, tolerance):
        return None
    whole = f"({text})" if " + " in text or " @ " in text else text
    known = [(k, per) for per in ("", "B", "H") for k in (1, 2, 0.5, 3, 4, 0.25)]
    for k, per in [*known, (float(f"{abs(constant):.12g}"), "")]:
        if abs(abs(constant) * names.get(per, 1) - k) <= min(1e3 * tolerance, 0.01) * k:
            sign = ["-1"] * (constant < 0)
            return times(*sign, f"{k:.12g}", whole) + f" / {per}" * bool(per)
    return f"0 * {whole}"


def _blockwise(
    name: str, text: str, base: Array, value: Array, names: Names, tolerance: float
) -> str | None:
    """Return a formula for each gate's block, perhaps with a constant or of another gate."""
    found = []
    bases = dict(zip("ifgo", np.split(base, 4), strict=True))
    for k, block in zip("ifgo", np.split(value, 4), strict=True):
        tries = (
            _scaled(text.replace("dz", f"dz_{m}"), bases[m], block, names, tolerance)
            for m in dict.fromkeys(k + "ifgo")
        )
        found.append(next(filter(None, tries), ""))
    stack = "hstack" if name == "db" else "vstack"
    return f"{stack}([{', '.join(found)}])" if all(found) else None


def _texts(name: str, right: str, gates: str) -> Iterator[str]:
    """Yield formulas for an output, plainest first."""
    yield right
    if name == "db":
        yield from _OF_B
    elif name in ("dW_ih", "dW_hh"):
        seen = ["x"] if name == "dW_ih" else ["h_prev", *_UNITS, "(dz @ W_hh)"]
        for text in (*seen, "z", *(f"tanh({text})" for text in seen)):
            yield from (form.format(text) for form in _OUTER)
            yield f"vstack([{', '.join(f'{text}.T @ dz_{k}' for k in gates)}])"
    elif name != "dz":
        yield from _products(*(("W_ih", ["x"]) if name == "dx" else ("W_hh", _UNITS)))
        yield from _by_block("W_" if name == "dx" else "U_") if gates else ()
    yield right.replace("dz", _BEFORE_SLOPES if gates else "dh")


def _products(W: str, units: list[str]) -> Iterator[str]:
    """Yield products of dz and weights."""
    yield from (*units, f"dz @ {W}", f"dz @ {W}.T", "dc_total * f")
    forms = "{0}", "(1 - {0}**2)", "{0} * (1 - {0})"
    yield from (f"(dz @ {W}) * {form.format(unit)}" for form in forms for unit in units)


def _by_block(part: str) -> Iterator[str]:
    """Yield sums of products of the gates' blocks: transposed, of some gates, of others."""
    yield " + ".join(f"dz_{k} @ {part}{k}.T" for k in "ifgo")
    for size in (3, 2, 1):
        for some in combinations("ifgo", size):
            yield " + ".join(f"dz_{k} @ {part}{k}" for k in some)
    for order in (*(gate * 4 for gate in "ifgo"), *permutations("ifgo")):
        yield " + ".join(f"dz_{k} @ {part}{m}" for k, m in zip("ifgo", order, strict=True))
