"""How each output of a backward step is made of the gradients of the pre-activations."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._factors import Array, Product, Table
from lstm_tutorial.exercises._reading import named
from lstm_tutorial.exercises._recomputed import transposed


class Env(NamedTuple):
    """Arguments and what is computed of them, by name, and dz, a block per gate."""

    values: Mapping[str, Any]
    dz: Array


class Scale(NamedTuple):
    """A constant, divided by a size, on one sequence or all."""

    number: float = 1.0
    per: str = ""
    only: int | None = None

    def at(self, sizes: Mapping[str, int]) -> float:
        return self.number / sizes.get(self.per, 1)


class Recipe(NamedTuple):
    """How an output is made: a function, and a sentence if it is wrong."""

    at: Callable[[Env, Any], Array]
    says: str = ""
    own: Any = None
    change: tuple[Any, ...] = ()


def _sizes(env: Env) -> dict[str, int]:
    B, H = env.values["dh"].shape
    return {"B": B, "H": H}


def _scale(value: float, sizes: Mapping[str, int], tolerance: float) -> Scale | None:
    """Return the constant as 0, a small number, or 1/B, 1/H."""
    room = 1e3 * tolerance
    if abs(value) < room:
        return Scale(0.0)
    for per in ("", "B", "H"):
        number = value * sizes.get(per, 1)
        for k in (1, 2, 0.5, 3, 4, 0.25):
            if abs(abs(number) - k) < room:
                return Scale(float(np.copysign(k, number)), per)
    return None


def _close(a: Array, b: Array, tolerance: float) -> bool:
    return bool(np.abs(a - b).max() <= 10 * tolerance * (np.abs(b).max() + 1e-12))


def recipe(name: str, value: Array, env: Env, tolerance: float) -> Recipe | None:
    """Return how an output is made, the right way first."""
    if name == "dc_prev":
        cell = env.values["dc_prev out"]
        if _close(cell, value, tolerance):
            return Recipe(lambda env, given: env.values["dc_prev out"])
    if name == "dz":
        right = np.concatenate(env.dz, axis=1)
        if _close(right, value, tolerance):
            return Recipe(lambda env, given: np.concatenate(env.dz, axis=1))
        return None
    if name in ("dx", "dh_prev", "dc_prev"):
        return _product(name, value, env, tolerance)
    return _outer(name, value, env, tolerance)


# dx and dh_prev: sums over the gates of dz times a block of weights


def _shares(env: Env, weights: str, way: str) -> dict[str, Array]:
    W = env.values[weights]
    W = transposed(W) if way == "transposed" else W
    gates = "ifgo" if len(env.dz) == 4 else "h"
    if way == "reshaped":
        total = (W.T @ np.concatenate(env.dz, axis=1).T).reshape(len(env.dz[0]), -1)
        return {"all": total}
    blocks = np.split(W, len(gates))
    if way == "exchanged":
        return {
            a + b: env.dz[j] @ blocks[k]
            for (j, a), (k, b) in product(enumerate(gates), enumerate(gates))
        }
    return {gate: dz @ block for gate, dz, block in zip(gates, env.dz, blocks, strict=True)}


_EXTRA = ("dh", "dc", "dc_total", "dc_prev out", "h_prev", "h", "c_prev", "x")


def _product(name: str, value: Array, env: Env, tolerance: float) -> Recipe | None:
    weights = "W_ih" if name == "dx" else "W_hh"
    if weights not in env.values:
        return None
    for way, extra in _ways(name, env, value):

        def parts(env: Env, way: str = way, extra: str = extra) -> dict[str, Array]:
            return _shares(env, weights, way) | ({extra: env.values[extra]} if extra else {})

        found = _combined(value, parts(env), extra, _sizes(env), tolerance)
        if found is not None:

            def at(env: Env, given: Any, parts: Any = parts, found: Any = found) -> Array:
                sizes, terms = _sizes(env), parts(env)
                return sum(
                    (s.at(sizes) * terms[k] for k, s in found.items()),
                    0 * next(iter(terms.values())),
                )

            return Recipe(
                at,
                _product_says(name, weights, way, extra, found),
                change=(way, extra, tuple(found.items())),
            )
    return _rows_or_slope(name, value, env, tolerance)


def _ways(name: str, env: Env, value: Array) -> Iterator[tuple[str, str]]:
    turned = ("transposed", "reshaped") if name != "dx" else ("reshaped",)
    extras = [n for n in _EXTRA if n in env.values and np.shape(env.values[n]) == value.shape]
    yield "", ""
    for way in turned:
        yield way, ""
    for extra in extras:
        yield "", extra
    yield "exchanged", ""
    for way in turned:
        for extra in extras:
            yield way, extra


def _combined(
    value: Array, parts: Mapping[str, Array], extra: str, sizes: Mapping[str, int], tolerance: float
) -> dict[str, Scale] | None:
    """Return the constants with which the parts add up to the value."""
    matrix = np.stack([p.ravel() for p in parts.values()], axis=1)
    right = np.array([float(k != extra) for k in parts])
    if _close(matrix @ right, value.ravel(), tolerance):
        return {k: Scale(float(k != extra)) for k in parts}
    numbers = np.linalg.lstsq(matrix, value.ravel(), rcond=None)[0]
    if not _close(matrix @ numbers, value.ravel(), tolerance):
        return None
    scales = [_scale(float(k), sizes, tolerance) for k in numbers]
    return None if None in scales else dict(zip(parts, scales, strict=True))  # type: ignore[arg-type]


def _number(scale: Scale) -> str:
    says = {1.0: "", -1.0: "-"}.get(scale.number, f"{scale.number:g} ")
    return (
        f"{says or '1 '}/ {scale.per} · ".replace("- /", "-1 /")
        if scale.per
        else says + "· " * bool(says.strip("-"))
    )


def _product_says(name: str, weights: str, way: str, extra: str, found: Mapping[str, Scale]) -> str:
    """Return the sentence, empty if all is right."""
    gates = {k: s for k, s in found.items() if k != extra}
    matrix = {
        "transposed": f"blocks of {weights} transposed",
        "reshaped": f"dz and {weights}, brought to its shape by reshape",
    }
    should = f"It should be dz @ {weights}."
    if way == "exchanged":
        pairs = [f"dz_{k[0]} @ {weights}_{k[1]}" for k, s in gates.items() if s.number]
        return f"{name} is {' + '.join(pairs)}. {should}"
    plain = all(s == Scale() for s in gates.values())
    if plain and not way and not (extra and found[extra].number):
        return ""
    more = extra and found[extra].number
    if not any(s.number for s in gates.values()):
        return (
            f"{name} is {_number(found[extra])}{extra.removesuffix(' out')}. {should}"
            if more
            else f"{name} is zero. {should}"
        )
    says = []
    if way:
        says.append(
            f"{name} is made of the {matrix[way]}."
            if way == "transposed"
            else f"{name} is made of {matrix[way]}."
        )
    missing = [k for k, s in gates.items() if not s.number]
    if missing:
        kept = [k for k in gates if k not in missing]
        says.append(
            f"{name} holds the share of {named(kept)} only; that of {named(missing)} is missing."
        )
    for scale in dict.fromkeys(s for s in gates.values() if s.number and s != Scale()):
        which = [k for k, s in gates.items() if s == scale]
        of = "" if len(which) == len(gates) else f" in the share of {named(which)}"
        says.append(f"{name} is {_number(scale)}(dz @ {weights}){of}.")
    if more:
        says.append(f"{name} has {_number(found[extra])}{extra.removesuffix(' out')} added.")
    return " ".join([*says, should])


def _rows_or_slope(name: str, value: Array, env: Env, tolerance: float) -> Recipe | None:
    """Read a right product that is averaged over the batch, or multiplied by a factor."""
    weights = "W_ih" if name == "dx" else "W_hh"

    def right(env: Env) -> Array:
        return sum(_shares(env, weights, "").values(), np.zeros(()))

    rows: dict[str, Callable[[Array], Array]] = {
        "averaged over the batch": lambda a: a.mean(axis=0) + 0 * a,
        "summed over the batch": lambda a: a.sum(axis=0) + 0 * a,
        "that of the first sequence in every row": lambda a: a[0] + 0 * a,
        "that of the last sequence in every row": lambda a: a[-1] + 0 * a,
    }
    for how, function in rows.items():
        if _close(function(right(env)), value, tolerance):
            return Recipe(
                lambda env, given, f=function: f(right(env)),
                f"{name} is {how}. Each row belongs to one sequence.",
            )
    if name == "dx":
        return None
    table = Table(
        {k: v for k, v in env.values.items() if k != "gates" and np.shape(v) == value.shape},
        tolerance,
    )
    with np.errstate(all="ignore"):
        factor = table.read((value / right(env)).ravel())
    if factor is None or not factor.factors:
        return None
    p = Product(factor.constant, factor.factors)
    says = f"{name} is multiplied by {p.text()}. It should be dz @ {weights}."
    return Recipe(lambda env, given: right(env) * p.at(env.values), says)


# dW_ih, dW_hh and db: sums over the batch of dz times what the weights met


def _arranged(way: str, rows: Array) -> Array:
    """Return gradients of weights in the order that a slip gives them; twice gives them back."""
    if way == "transposed":
        return transposed(rows)
    if way == "reshaped":
        return rows.T.reshape(rows.shape)
    return rows


def _undone(way: str, rows: Array) -> Array:
    return rows.reshape(rows.shape[1], -1).T if way == "reshaped" else _arranged(way, rows)


def _outer(name: str, value: Array, env: Env, tolerance: float) -> Recipe | None:
    B, H = env.values["dh"].shape
    right = {"dW_ih": "x", "dW_hh": "h_prev", "db": "1"}[name]
    names = (
        [right]
        if name != "dW_hh"
        else [right, "h", "c_prev", "c", "tanh(c)", "tanh(c_prev)", "i", "f", "g", "o", "dh", "dc"]
    )
    ways = (
        ("", "reshaped", "transposed")
        if name == "dW_hh"
        else ("", "reshaped")
        if name == "dW_ih"
        else ("",)
    )
    for way, seen in product(ways, [n for n in names if n == "1" or n in env.values]):
        rows = _undone(way, value) if value.ndim == 2 else value[:, None]
        found = _blocks(rows, env, seen, tolerance)
        if found is None:
            continue

        def at(env: Env, given: Any, way: str = way, seen: str = seen, found: Any = found) -> Array:
            v = _seen(env, seen)
            rows = np.concatenate([(env.dz[m] * _weight(s, env)).T @ v for m, s in found])
            rows = _arranged(way, rows)
            return rows[:, 0] if name == "db" else rows

        says = _outer_says(name, right, way, seen, found)
        return Recipe(at, says, change=(way, seen != right, tuple(found)))
    return None


def _seen(env: Env, seen: str) -> Array:
    return np.ones((len(env.dz[0]), 1)) if seen == "1" else env.values[seen]


def _weight(scale: Scale, env: Env) -> Array:
    B = len(env.dz[0])
    weights = np.full((B, 1), scale.at(_sizes(env)))
    if scale.only is not None:
        weights = weights * (np.arange(B)[:, None] == scale.only % B)
    return weights


def _blocks(rows: Array, env: Env, seen: str, tolerance: float) -> list[tuple[int, Scale]] | None:
    """Return for each block of rows the gate whose dz it holds, and the sequences' weights."""
    n = len(env.dz)
    found = []
    for k, block in enumerate(np.split(rows, n)):
        for m in (k, *(m for m in range(n) if m != k)):
            scale = _one_block(block, env.dz[m], _seen(env, seen), _sizes(env), tolerance)
            if scale is not None:
                found.append((m, scale))
                break
        else:
            return None
    return found


def _one_block(
    block: Array, dz: Array, seen: Array, sizes: Mapping[str, int], tolerance: float
) -> Scale | None:
    if _close(dz.T @ seen, block, tolerance):
        return Scale()
    if np.abs(block).max() == 0:
        return Scale(0.0)
    parts = np.stack([np.outer(a, b).ravel() for a, b in zip(dz, seen, strict=True)], axis=1)
    a = np.linalg.lstsq(parts, block.ravel(), rcond=None)[0]
    if not _close(parts @ a, block.ravel(), tolerance):
        return None
    if np.ptp(a) <= 1e3 * tolerance:
        return _scale(float(a.mean()), sizes, tolerance)
    for only in (0, -1):
        scale = _scale(float(a[only]), sizes, tolerance)
        rest = np.delete(a, only)
        if scale is not None and scale.number and np.abs(rest).max() <= 1e3 * tolerance:
            return scale._replace(only=only)
    return None


def _outer_says(name: str, right: str, way: str, seen: str, found: list[tuple[int, Scale]]) -> str:
    gates = "ifgo" if len(found) == 4 else "h"
    should = "It should be dz.sum(axis=0)." if name == "db" else f"It should be dz.T @ {right}."
    says = []
    if seen != right:
        says.append(f"{name} is made of {seen} where {right} belongs.")
    if way == "transposed":
        says.append(f"The blocks of {name} are transposed.")
    if way == "reshaped":
        says.append(
            f"{name} is brought to its shape by reshape, which only counts the numbers anew."
        )
    order = [m for m, _ in found]
    if order != sorted(order):
        says.append(
            f"The blocks of {name} stand in the order {', '.join(gates[m] for m in order)}."
        )
    for scale in dict.fromkeys(s for _, s in found if s != Scale()):
        which = [gates[k] for k, (_, s) in enumerate(found) if s == scale]
        of = f"The block of {named(which)} of {name}" if len(which) < len(found) else name
        says.append(f"{of} {_scale_says(scale)}.")
    return " ".join([*says, should]) if says else ""


def _scale_says(scale: Scale) -> str:
    if scale.only is not None:
        return f"holds the {'last' if scale.only else 'first'} sequence alone. The whole batch is summed"
    if not scale.number:
        return "is zero"
    if scale == Scale(1.0, "B"):
        return "is a mean over the batch. It is a sum"
    if scale == Scale(-1.0):
        return "has the wrong sign"
    return (
        f"is {_number(scale)}the right one"
        if scale.per
        else f"is {scale.number:g} times the right one"
    )
