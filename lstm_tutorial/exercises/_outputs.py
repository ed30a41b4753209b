"""Formulas of the outputs of a backward step, in terms of dz: the right one and what slips make."""

from collections.abc import Iterator, Mapping
from itertools import combinations, permutations
from typing import Any

import numpy as np

from lstm_tutorial.exercises._factors import FORMS, times
from lstm_tutorial.exercises._programs import FUNCTIONS
from lstm_tutorial.exercises._reading import Array

Names = Mapping[str, Any]
_UNITS = ("dh", "dc", "dc_total", "dc_total * f", "h_prev", "h", "c_prev", "c", "tanh_c", *"ifgo")
_EXTRAS = ("W_ih", "W_hh", "b", "x", *_UNITS, "dz_i", "dz_f", "dz_g", "dz_o")


def formula(name: str, right: str, value: Array, names: Names, tolerance: float) -> str | None:
    """Return the plainest formula that gives an output, or None."""
    gates = "ifgo" if "dz_i" in names else ""
    for text in _texts(name, right, names, gates):
        base = evaluate(text, names, value)
        if base is None:
            continue
        if (found := _scaled(text, base, value, names, tolerance)) is not None:
            return found
        if gates and name in ("dW_ih", "dW_hh", "db") and "reshape" not in text:
            blocks = _blockwise(text, base, value, names, tolerance)
            if blocks:
                return f"{'hstack' if name == 'db' else 'vstack'}([{', '.join(blocks)}])"
    base = evaluate(right, names, value)
    if base is None or close(base, value, tolerance):
        return None
    for extra in _EXTRAS:
        if np.shape(names.get(extra, 0)) == value.shape:
            more = _scaled(extra, names[extra], value - base, names, 10 * tolerance)
            if more is not None:
                return f"{right} - {more[1:]}" if more.startswith("-") else f"{right} + {more}"
    return None


def evaluate(text: str, names: Names, like: Array) -> Array | None:
    """Return a formula's value in the shape of the output, where it has one."""
    try:
        value = eval(text, dict(FUNCTIONS), dict(names)) + np.zeros_like(like)
    except (NameError, ValueError):
        return None
    return value if value.shape == like.shape else None


def close(a: Array, b: Array, tolerance: float) -> bool:
    """Return whether two arrays agree up to a share of the second's largest number."""
    return bool(np.abs(a - b).max() <= 10 * tolerance * (np.abs(b).max() + 1e-15))


def _scaled(text: str, base: Array, value: Array, names: Names, tolerance: float) -> str | None:
    """Return the formula with the constant that gives the value, if one does."""
    if close(base, value, tolerance):
        return text
    norm = float(np.sum(base * base))
    constant = float(np.sum(value * base)) / norm if norm else 0.0
    if not close(constant * base, value, tolerance):
        return None
    if abs(constant) < tolerance:
        return f"0 * ({text})"
    whole = f"({text})" if " + " in text or " @ " in text else text
    sizes = {"": 1, " / B": names["B"], " / dh.shape[1]": np.shape(names["dh"])[1]}
    sizes[" / dh.size"] = sizes[" / B"] * sizes[" / dh.shape[1]"]
    for per, size in sizes.items():
        for k in (1, 2) if per else (1, 2, 0.5, 3, 4, 0.25):
            if abs(abs(constant * size) / k - 1) < min(1e3 * tolerance, 0.01):
                return times(*["-1"] * (constant < 0), f"{k:g}", whole) + per
    return times(*["-1"] * (constant < 0), f"{abs(constant):.12g}", whole)


def _blockwise(
    text: str, base: Array, value: Array, names: Names, tolerance: float
) -> list[str] | None:
    """Return a formula for each gate's block, perhaps with a constant or of another gate."""
    bases, found = np.split(base, 4), []
    for k, block in enumerate(np.split(value, 4)):
        for m in (k, *(m for m in range(4) if m != k)):
            of = text.replace("dz", f"dz_{'ifgo'[m]}")
            scaled = _scaled(of, bases[m], block, names, tolerance)
            if scaled is not None:
                found.append(scaled)
                break
        else:
            return None
    return found


def _texts(name: str, right: str, names: Names, gates: str) -> Iterator[str]:
    """Yield formulas for an output, plainest first."""
    yield right
    if name == "db":
        yield from ("dz[0]", "dz[-1]", "dz.max(axis=0)", "dz.sum() + 0 * b", "dz.prod(axis=0)")
    elif name in ("dW_ih", "dW_hh"):
        yield from _outer(name, gates)
    elif name != "dz":
        yield from _products("W_ih" if name == "dx" else "W_hh", gates)


def _products(W: str, gates: str) -> Iterator[str]:
    part, units = W[0] if W == "W_ih" else "U", ("x",) if W == "W_ih" else _UNITS
    yield from units
    yield f"dz @ {W}"
    if W == "W_hh":
        yield " + ".join(f"dz_{k} @ U_{k}.T" for k in gates) or "dz @ W_hh.T"
    for size in range(len(gates) - 1, 0, -1):
        for some in combinations(gates, size):
            yield " + ".join(f"dz_{k} @ {part}_{k}" for k in some)
    yield from (f"({W}.T @ dz.T).reshape(B, -1)", f"dz @ {W}.reshape({W}.shape[1], -1).T")
    yield from (f"dz.sum(axis=0) @ {W}", f"(dz @ {W})[0]", f"(dz @ {W})[-1]")
    yield from (
        f"(dz @ {W}) * {form.format(unit)}"
        for form in FORMS[:6]
        for unit in units
        if " " not in unit
    )
    for m in gates:
        yield " + ".join(f"dz_{k} @ {part}_{m}" for k in gates)
    for order in permutations(gates) if gates else ():
        yield " + ".join(f"dz_{k} @ {part}_{m}" for k, m in zip(gates, order, strict=True))


def _outer(name: str, gates: str) -> Iterator[str]:
    own, units = ("x", ()) if name == "dW_ih" else ("h_prev", _UNITS)
    for seen in (own, *units, *(f"tanh({u})" for u in (own, *units)), "z", "(dz @ W_hh)"):
        yield f"dz.T @ {seen}"
        yield from (f"dz[:1].T @ {seen}[:1]", f"dz[-1:].T @ {seen}[-1:]")
        yield f"outer(dz.sum(axis=0), {seen}.sum(axis=0))"
        if name == "dW_hh":
            blocks = ", ".join(f"{seen}.T @ dz_{k}" for k in gates)
            yield f"vstack([{blocks}])" if gates else f"{seen}.T @ dz"
        yield f"({seen}.T @ dz).reshape(-1, {seen}.shape[1])"
