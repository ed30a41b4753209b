"""How each output of a backward step is made of the gradients of the pre-activations.

The candidates are formulas as text, the right one first, and are computed as they stand.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations, permutations
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._law import Law, Spec, law_told
from lstm_tutorial.exercises._reading import Array, Finding, named

Names = Mapping[str, Any]
RIGHT = {
    "dx": "dz @ W_ih", "dh_prev": "dz @ W_hh", "dc_prev": "dc_prev", "dz": "dz",
    "dW_ih": "dz.T @ x", "dW_hh": "dz.T @ h_prev", "db": "dz.sum(axis=0)",
}  # fmt: skip
WEIGHTS = ("dW_ih", "dW_hh", "db")
_UNITS = ("dh", "dc", "dc_total", "dc_prev", "h_prev", "h", "c_prev", "c", "tanh_c", "i", "f", "g", "o")  # fmt: skip
_FORMS = ("{0}", "tanh({0})", "(1 - {0}**2)", "({0} * (1 - {0}))", "(1 - {0})")


# Names that differ from output to output where a slip is the same.
_ALIKE = (("U_", "W_"), ("W_hh", "W_ih"), ("h_prev[", "x["), ("dz[0]", "dz[:1].T @ x[:1]"))


class Scale(NamedTuple):
    """A constant, perhaps divided by the size of the batch or of the state."""

    number: float = 1.0
    per: str = ""

    def at(self, names: Names) -> float:
        """Return its value."""
        return self.number / _sizes(names).get(self.per, 1)

    def of(self, text: str) -> str:
        """Return the text of a formula times the constant."""
        if self == Scale() or not self.number:
            return text if self.number else "0"
        front = {1.0: "", -1.0: "-"}.get(self.number, f"{self.number:g} * ")
        simple = text.replace("_", "").replace(" @ ", "").replace(".T", "").isalnum()
        text = text if simple or not (front or self.per) else f"({text})"
        return f"{front}{text}{f' / {self.per}' if self.per else ''}"


class Recipe(NamedTuple):
    """An output as read: a formula and, block by block, which block of it with which constant."""

    name: str
    text: str
    blocks: tuple[tuple[int, Scale], ...]
    extra: tuple[str, float] = ("", 0.0)
    own: Law | None = None  # the law of the gradients that it is made of, where they are not the rest's

    @property
    def right(self) -> bool:
        """Return whether nothing is wrong with it."""
        even = all(block == (k, Scale()) for k, block in enumerate(self.blocks))
        return even and self.text == RIGHT[self.name] and not self.extra[0]

    def at(self, names: Names) -> Array:
        """Return the output."""
        base = _value(self.text, names, self.name)
        blocks = np.split(base, len(self.blocks))
        result = np.concatenate([s.at(names) * blocks[m] for m, s in self.blocks])
        return result + self.extra[1] * names[self.extra[0]] if self.extra[0] else result

    def says(self, gates: str) -> str:
        """Return the sentences on it; none if it is right."""
        if self.right:
            return ""
        scales = {s for _, s in self.blocks}
        scale = scales.pop() if len(scales) == 1 else Scale()
        read = scale.of(self.text)
        if self.extra[0]:
            read += f" {'-' if self.extra[1] < 0 else '+'} " + Scale(abs(round(self.extra[1], 4))).of(self.extra[0])
        says = [f"You compute {self.name} = {read}."] if read != RIGHT[self.name] else []
        for k, (m, s) in enumerate(self.blocks):
            if scales and s != Scale():
                what = f"is {s.of('the right one').replace(' * (the right one)', ' times the right one')}" if s.number else "is zero"
                says.append(f"In {self.name} the block of {gates[k]} {what}.")
            if m != k:
                says.append(f"In {self.name} the block of {gates[k]} holds that of {gates[m]}.")
        return " ".join([*says, f"It should be {self.name} = {RIGHT[self.name]}."])


def recipe(name: str, value: Array, names: Names, gates: str, tolerance: float) -> Recipe | None:
    """Return how an output is made, the right way first."""
    count = len(gates) if name in WEIGHTS else 1
    for text in _texts(name, names, gates):
        blocks = _fit(value, _value(text, names, name), names, count, tolerance)
        if blocks is not None:
            return Recipe(name, text, tuple(blocks))
    if RIGHT[name] == "dc_prev" and "dc_prev" not in names:
        return None
    rest = value - _value(RIGHT[name], names, name)
    plain = tuple((k, Scale()) for k in range(count))
    for extra in ("W_ih", "W_hh", "b", "x", *_UNITS, *(f"dz_{k}" for k in gates)):
        if np.shape(names.get(extra)) == value.shape:
            other = names[extra]
            constant = float(np.sum(rest * other) / np.sum(other * other))
            if constant and _close(constant * other, rest, 10 * tolerance):
                constant = round(constant) if abs(constant - round(constant)) < 1e-6 else constant
                return Recipe(name, RIGHT[name], plain, (extra, constant))
    return None


def _texts(name: str, names: Names, gates: str) -> Iterator[str]:
    """Yield formulas for an output, plainest first."""
    if name != "dc_prev" or name in names:
        yield RIGHT[name]
    if name in ("dx", "dh_prev", "dc_prev"):
        yield from _products(name, names, gates)
    elif name in WEIGHTS:
        yield from _outer(name, names, gates)


def _products(name: str, names: Names, gates: str) -> Iterator[str]:
    W, part = ("W_ih", "W") if name == "dx" else ("W_hh", "U")
    if W not in names:
        return
    units = [u for u in _UNITS if u in names] if name != "dx" else ["x"]
    if name != "dx":
        yield from (u for u in units if u != name)
        yield " + ".join(f"dz_{k} @ U_{k}.T" for k in gates) if len(gates) > 1 else "dz @ W_hh.T"
    yield f"dz @ {W}"
    for size in range(len(gates) - 1, 0, -1):
        for some in combinations(gates, size):
            yield " + ".join(f"dz_{k} @ {part}_{k}" for k in some)
    yield from (f"({W}.T @ dz.T).reshape(B, -1)", f"dz @ {W}.reshape({W}.shape[1], -1).T")
    yield from (f"dz.sum(axis=0) @ {W}", f"(dz @ {W})[0]", f"(dz @ {W})[-1]")
    yield from (f"dz @ {W} * {form.format(unit)}" for form in _FORMS for unit in units)
    yield from (" + ".join(f"dz_{k} @ {part}_{m}" for k in gates) for m in gates)
    for order in permutations(gates):
        yield " + ".join(f"dz_{k} @ {part}_{m}" for k, m in zip(gates, order, strict=True))


def _outer(name: str, names: Names, gates: str) -> Iterator[str]:
    if name == "db":
        yield from ("dz[0]", "dz[-1]", "dz.max(axis=0)", "dz.sum() + 0 * b", "dz.prod(axis=0)")
        return
    own = "x" if name == "dW_ih" else "h_prev"
    units = [u for u in _UNITS if u in names and u != own] if name == "dW_hh" else []
    for seen in (own, *units, *(f"tanh({u})" for u in (own, *units)), *(f"z_{k}" for k in gates if f"z_{k}" in names)):
        yield f"dz.T @ {seen}"
        yield from (f"dz[:1].T @ {seen}[:1]", f"dz[-1:].T @ {seen}[-1:]")
        yield f"({seen}.T @ dz).reshape(-1, {seen}.shape[1])"
        yield f"outer(dz.sum(axis=0), {seen}.sum(axis=0))"
        if name == "dW_hh":
            blocks = ", ".join(f"{seen}.T @ dz_{k}" for k in gates)
            yield f"vstack([{blocks}])" if len(gates) > 1 else f"{seen}.T @ dz"


@cache
def _code(text: str) -> CodeType:
    return compile(text, "output", "eval")


def _value(text: str, names: Names, name: str) -> Array:
    """Return a formula's value, spread to the output's shape."""
    B, n = names["dz"].shape
    functions = {"tanh": np.tanh, "outer": np.outer, "vstack": np.vstack, "B": B}
    value = eval(_code(text), functions, dict(names))
    if name in ("dx", "dh_prev", "dc_prev"):
        return value + np.zeros((B, 1))
    return value


def _sizes(names: Names) -> dict[str, int]:
    B, H = names["dh"].shape
    return {"B": B, "H": H, "(B * H)": B * H}


def _close(a: Array, b: Array, tolerance: float) -> bool:
    return a.shape == b.shape and bool(np.abs(a - b).max() <= 10 * tolerance * (np.abs(b).max() + 1e-12))


def _fit(
    value: Array, base: Array, names: Names, count: int, tolerance: float
) -> list[tuple[int, Scale]] | None:
    """Return for each block of the value the block of the formula and its constant."""
    if base.shape != value.shape:
        return None
    bases, found = np.split(base, count) if count > 1 else [base], []
    for k, block in enumerate(np.split(value, count) if count > 1 else [value]):
        for m in (k, *(m for m in range(count) if m != k)):
            scale = _scale(block, bases[m], names, tolerance)
            if scale is not None:
                found.append((m, scale))
                break
        else:
            return None
    return found


def _scale(value: Array, base: Array, names: Names, tolerance: float) -> Scale | None:
    """Return the constant between two arrays, if there is a plain one."""
    if _close(base, value, tolerance):
        return Scale()
    if not np.abs(value).max():
        return Scale(0.0)
    norm = float(np.sum(base * base))
    constant = float(np.sum(value * base)) / norm if norm else 0.0
    if not constant or not _close(constant * base, value, tolerance):
        return None
    sizes = _sizes(names)
    for per in ("", *sizes):
        number = constant * sizes.get(per, 1)
        for k in (1, 2, 0.5, 3, 4, 0.25):
            if abs(abs(number) - k) < 1e3 * tolerance:
                return Scale(float(np.copysign(k, number)), per)
    return Scale(constant)


def outputs_told(recipes: list[Recipe], spec: Spec) -> list[Finding]:
    """Return a finding for each kind of slip, which may be made in several outputs."""
    groups: dict[object, list[Recipe]] = {}
    for made in recipes:
        text = made.text if made.text != RIGHT[made.name] else ""
        for old, new in _ALIKE:
            text = text.replace(old, new)
        own = made.own and tuple(made.own.users.items())
        if own or not made.right:
            groups.setdefault((own, text, made.blocks[0][1], made.extra), []).append(made)
    findings = []
    for entries in groups.values():
        names = named([made.name for made in entries])
        says = " ".join(made.says(spec.gates) for made in entries).strip()
        if entries[0].own:
            lines = [finding.says for finding in law_told(entries[0].own, spec)[0]]
            says = f"For {names} alone: {' '.join([*lines, *[says] * bool(says)])}"
        says += " Here U_i is the block of i in W_hh, and so on." * ("U_" in says)
        where = tuple(made.name for made in entries)
        findings.append(Finding(names, says, where, spec.page))
    return findings
