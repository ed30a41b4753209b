"""A backward step as lines of text: the right one, and slips of its forward part.

The model of what a learner computes is such a program, run as it stands.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import permutations
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._factors import FUNCTIONS, Factors, factors
from lstm_tutorial.exercises._reading import Array

Program = dict[str, str]  # what is computed, in order, and how
_Z = "\n".join(f"z_{k} = x @ W_{k}.T + h_prev @ U_{k}.T + b_{k}" for k in "ifgo")
GATES = """
i = σ(z_i)
f = σ(z_f)
g = tanh(z_g)
o = σ(z_o)
c = f * c_prev + i * g
"""
GRADIENTS = """
dc_total = dc + dh * o * (1 - tanh_c**2)
dz_i = dc_total * g * i * (1 - i)
dz_f = dc_total * c_prev * f * (1 - f)
dz_g = dc_total * i * (1 - g**2)
dz_o = dh * tanh_c * o * (1 - o)
dz = hstack([dz_i, dz_f, dz_g, dz_o])
"""
_BACKWARD = f"tanh_c = tanh(c)\nh = o * tanh_c{GRADIENTS}dc_prev = dc_total * f\n"
_RNN = """
z = x @ W_ih.T + h_prev @ W_hh.T + b
h = tanh(z)
dz = dh * (1 - h**2)
"""
_STATE = "dh_prev = dz @ W_hh\n"
_WEIGHTS = """
dW_ih = dz.T @ x
dW_hh = dz.T @ h_prev
db = dz.sum(axis=0)
"""
_INPUT = "dx = dz @ W_ih"
_LINES = {
    "lstm": _Z + GATES + _BACKWARD + _STATE + _INPUT + _WEIGHTS,
    "mended": _BACKWARD + _STATE,
    "rnn": _RNN + _STATE + _INPUT + _WEIGHTS,
}
_SIGNATURES = """
lstm: dh dc x h_prev c_prev W_ih W_hh b; dx dh_prev dc_prev dW_ih dW_hh db; numpy
mended: dh dc c_prev gates c W_hh; dh_prev dc_prev dz; bugs
rnn: dh x h_prev W_ih W_hh b; dx dh_prev dW_ih dW_hh db; backpropagation
"""


class Spec(NamedTuple):
    """A kind of step: the right program, its arguments and outputs, and its gradients' factors."""

    program: Program
    arguments: list[str]
    outputs: list[str]
    users: dict[str, Factors]
    page: str


def _spec(lines: str, signature: str) -> Spec:
    program = dict(line.split(" = ") for line in lines.split("\n") if line)
    made = [name for name in program if name.startswith("dz_") or name == "dc_prev"] or ["dz"]
    arguments, outputs, page = signature.split("; ")
    users = {name: factors(program[name]) for name in made}
    return Spec(program, arguments.split(), outputs.split(), users, page)


_ROWS = [row.split(": ") for row in _SIGNATURES.strip().split("\n")]
KINDS = {kind: _spec(_LINES[kind], signature) for kind, signature in _ROWS}


@cache
def _compiled(lines: tuple[tuple[str, str], ...]) -> CodeType:
    return compile("\n".join(map(" = ".join, lines)), "program", "exec")


@np.errstate(all="ignore")
def run(program: Program, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that a program computes, by name, beside what is given and the gates' blocks."""
    names = {"dc": 0 * given["dh"], "B": len(given["dh"]), "H": given["dh"].shape[1], **given}
    names |= dict(zip("ifgo", given.get("gates", []), strict=False))
    for letter, name in [("W", "W_ih"), ("U", "W_hh"), ("b", "b")]:
        if name in given and len(given[name]) == 4 * names["H"]:
            names |= zip([f"{letter}_{k}" for k in "ifgo"], np.split(given[name], 4), strict=True)
    exec(_compiled(tuple(program.items())), dict(FUNCTIONS), names)
    return names


def drawn(spec: Spec, B: int, D: int, H: int, seed: int) -> dict[str, Any]:
    """Return arguments by name, none of them near zero."""
    rng = np.random.default_rng(seed)

    def away(*shape: int) -> Array:
        return rng.uniform(0.3, 1.2, shape) * rng.choice([-1.0, 1.0], shape)

    n = (4 if "dz_i" in spec.users else 1) * H
    given: dict[str, Any] = {name: away(B, H) for name in ("h_prev", "c_prev")}
    given |= {"dh": 0.2 * away(B, H), "dc": 0.2 * away(B, H), "x": away(B, D)}
    given |= {"W_ih": away(n, D) / D**0.5, "W_hh": away(n, H) / H**0.5, "b": 0.5 * away(n)}
    names = run(KINDS["lstm" if n > H else "rnn"].program, given)
    if "gates" in spec.arguments:
        given |= {"gates": [names[k] for k in "ifgo"], "c": names["c"]}
    return given


# What may stand for a squashing, for a part of z, and for the cell, with what the slip is about.
_SQUASHES = ["{0}", "σ({0})", "tanh({0})", "relu({0})", "σ({0} + 1)", "σ(-{0})", "tanh(tanh({0}))"]
_PARTS = [
    *[(r" \+ b\w*", "", "b"), (r"\+ b", "+ 2 * b", "b"), (r"\+ b", "- b", "b")],
    *[(r"x @ \w+\.T \+ ", "", "x"), (r"h_prev @ \w+\.T \+ ", "", "h")],
    *[("h_prev", "c_prev", "h c"), (r"h_prev @ (\w+)\.T", r"h_prev @ \1", "W_hh")],
]
_CELLS = """
f: c_prev + i * g; i * c_prev + i * g; (1 - f) * c_prev + i * g; f + c_prev + i * g; i * g
i: f * c_prev + g; f * c_prev + f * g; f * c_prev + o * g; f * c_prev + (1 - f) * g
g: f * c_prev + i; f * c_prev - i * g; f * c_prev + i * z_g; f * c_prev + i * c_prev
i g: f * c_prev + i + g; f * c_prev
i f: i * c_prev + f * g; c_prev + g
c: f * h_prev + i * g; f * tanh(c_prev) + i * g; f * (c_prev + i * g); tanh(f * c_prev + i * g)
""".strip()


class Guess(NamedTuple):
    """A program, right but for one slip in the forward part or in dz's order, and its subject."""

    program: Program
    where: str = ""


@cache
def guesses(kind: str) -> list[Guess]:
    """Return the right program, then those with a slip, plainest first."""
    right = KINDS[kind].program
    found = [Guess(right)]
    for slip, where in (*_slips(right), *_orders(right)):
        about = where or " ".join(name for name in slip if slip[name] != right[name])
        found += [Guess(right | slip, about)] if right | slip != right else []
    return found


def _orders(right: Program) -> Iterator[tuple[Program, str]]:
    """Yield lines that take the gates in another order, in dz, in the forward pass or in both."""
    for order in permutations("ifgo") if "dz_i" in right else ():
        moved = {k: m for k, m in zip("ifgo", order, strict=False) if k != m}
        dz = {"dz": f"hstack([{', '.join(f'dz_{k}' for k in order)}])"}
        rows = {
            f"z_{m}": right[f"z_{m}"].replace(f"_{m}", f"_{k}")
            for k, m in moved.items()
            if f"z_{m}" in right
        }
        yield from ((slip, " ".join(moved)) for slip in (dz, rows | dz, rows))


def _slips(right: Program) -> Iterator[tuple[Program, str]]:
    """Yield changed lines, and what they are about unless it is their names."""
    every = {name: text for name, text in right.items() if re.fullmatch("z(_.)?", name)}
    for lines in (every, *({name: text} for name, text in every.items() if len(every) > 1)):
        for old, new, where in _PARTS:
            about = where if lines is every else "".join(lines)[2:]
            yield {name: re.sub(old, new, text) for name, text in lines.items()}, about
    gates = ["i", "f", "g", "o", "ifo", "ifgo"] if "z_i" in right else []
    for form in _SQUASHES:
        yield from (({k: form.format(f"z_{k}") for k in group}, "") for group in gates)
        yield from [({"h": form.format("z")}, "")] if "z" in right else []
    if not gates:
        return
    for row in _CELLS.split("\n"):
        where, cells = row.split(": ")
        yield from (({"c": cell}, where) for cell in cells.split("; "))
    yield from (({"tanh_c": text}, "h") for text in ("c", "σ(c)", "tanh(c_prev)", "tanh(tanh(c))"))
    for k, m in permutations("ifgo", 2):
        z = every[f"z_{k}"]
        yield {k: right[k].replace(f"z_{k}", f"z_{m}")}, ""
        for part in ("W_", "U_", "b_", "_"):
            yield {f"z_{k}": z.replace(part + k, part + m)}, k
