"""One step forward and one back as lines of text, right or with one slip.

They are tried together with mistakes of the loop. A step that goes wrong is else read by itself,
from sequences of length 1. That cannot be done where the loop keeps a part of the step from being
seen: without h0, or without the step.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import permutations
from types import CodeType
from typing import Any, NamedTuple

from lstm_tutorial.exercises._programs import GATES, GRADIENTS
from lstm_tutorial.exercises._reading import Finding
from lstm_tutorial.exercises._ways import ACROSS, CHANGES, FUNCTIONS, rows

Program = tuple[str, ...]
_Z = "z = x @ W_ih.T + h_prev @ W_hh.T + b"
_LSTM = f"\nz_i, z_f, z_g, z_o = blocks(z){GATES}h = o * tanh(c)"
# From stored values; "kept" is f as the factor of dc.
_LSTM_BACK = f"""tanh_c = tanh(c){GRADIENTS}dx = dz @ W_ih
dh_prev = dz @ W_hh
dc_prev = dc_total * kept"""
_RNN_BACK = """dz = dh * (1 - h**2)
dx = dz @ W_ih
dh_prev = dz @ W_hh"""
FORWARD = {1: (_Z, "h = tanh(z)"), 2: tuple((_Z + _LSTM).split("\n"))}
BACK = {1: tuple(_RNN_BACK.split("\n")), 2: tuple(_LSTM_BACK.split("\n"))}
# What a line, or what is missing in it, is about.
_ABOUT = {
    "h_prev": "h", "dc_total": "dc", "dc_prev": "dc", "dh_prev": "dh", "tanh_c": "c",
    **{f"dz_{k}": k for k in "ifgo"},
}  # fmt: skip
_SQUASHES = (r"\2", r"σ(\2)", r"tanh(\2)", r"maximum(\2, 0)")
_SLOPE = re.compile(r"(\w) \* \(1 - \1\)|\(1 - (\w+)\*\*2\)")
_SLOPES = ("1", "(1 - {a})", "{a}", "{a} * (1 - {a})", "(1 - {a}**2)", "(1 - tanh({a})**2)")
# Lines, what they may be about, and what may stand there instead.
_MORE = rows("""
z = x @ W_ih.T + h_prev @ W_hh.T + b | b | x @ W_ih.T + h_prev @ W_hh.T + 2 * b
z = x @ W_ih.T + h_prev @ W_hh.T + b | W_hh | x @ W_ih.T + h_prev @ transposed_blocks(W_hh).T + b
c = f * c_prev + i * g | i | f * c_prev + (1 - f) * g
c = f * c_prev + i * g | i | (1 - i) * c_prev + i * g
c = f * c_prev + i * g | i g | f * c_prev - i * g
h = o * tanh(c) | h | o * tanh(c_prev)
h = o * tanh(c) | h | tanh(o * c)
dx = dz @ W_ih | dx | dh @ W_ih
dh_prev = dz @ W_hh | dh | dh @ W_hh
dh_prev = dz @ W_hh | dh | dz @ transposed_blocks(W_hh)
""")


class Slip(NamedTuple):
    """A step that is not right, and what is said of it."""

    program: Program
    finding: Finding


@cache
def _compiled(program: Program) -> CodeType:
    return compile("\n".join(program), "a step", "exec")


SPACE = FUNCTIONS | {
    "blocks": lambda z: z.reshape(len(z), 4, -1).swapaxes(0, 1),
    "transposed_blocks": lambda W: (
        W.reshape(-1, W.shape[1], W.shape[1]).swapaxes(1, 2).reshape(W.shape)
    ),
}


def run(program: Program, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that a program computes, by name."""
    space = dict(names)
    exec(_compiled(program), SPACE, space)
    return space


@cache
def slips(right: Program, page: str) -> list[Slip]:
    """Return a step with one line changed, in every way."""
    found: dict[Program, Slip] = {}
    for k, line in enumerate(right):
        for new, where in _changed(line):
            program = (*right[:k], new, *right[k + 1 :])
            said = f"You compute {new}. It should be {line}.".replace("kept", "f")
            about = tuple(_ABOUT.get(name, name) for name in where)
            about = ("slope",) if line == BACK[1][0] else about
            found.setdefault(program, Slip(program, Finding(new, said, about, page)))
    found.pop(right, None)
    return list(found.values())


def _changed(line: str) -> Iterator[tuple[str, list[str]]]:
    """Yield a line with one change, and what it is about."""
    name, _, right = line.partition(" = ")
    if name.startswith("z_"):
        for order in permutations("ifgo"):
            moved = [a for a, b in zip(order, "ifgo", strict=True) if a != b]
            yield f"{', '.join('z_' + k for k in order)} = {right}", moved
        return
    for text, lacks in _less(right):
        parts = [word for word in re.findall(r"\w+", lacks) if word in ("h_prev", *"xbifgo")]
        yield f"{name} = {text}", parts if parts and name in "zch" else [name]
    texts = [re.sub(r"(σ|tanh)\((\w+)\)$", form, right) for form in _SQUASHES]
    if slope := _SLOPE.search(right):
        a = slope[1] or slope[2]
        texts += [right.replace(slope[0], form.format(a=a)) for form in _SLOPES]
    if name in ("c", "dz"):
        texts += [re.sub(r"\ba\b", f"({right})", formula) for formula in CHANGES.values()]
    for text in texts:
        yield f"{name} = {text}", [name]
    for formula in ACROSS.values() if name == "c" else ():
        yield "c = " + re.sub(r"\ba\b", f"({right})", formula), ["batch"]
    for which, where, text in _MORE:
        if which == line:
            yield f"{name} = {text}", where.split()


def _less(text: str) -> Iterator[tuple[str, str]]:
    """Yield a sum of products without one term or factor, and what it lacks."""
    terms = re.split(r" \+ (?![^(]*\))", text)
    for term in terms:
        if len(terms) > 1:
            yield " + ".join(other for other in terms if other != term), term
        factors = re.split(r" \* (?![^(]*\))", term)
        for k, factor in enumerate(factors if len(factors) > 1 else ()):
            less = " * ".join(factors[:k] + factors[k + 1 :])
            yield text.replace(term, less), factor
