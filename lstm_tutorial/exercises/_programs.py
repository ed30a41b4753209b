"""A backward step as lines of text: the right one, and each slip of its forward part.

The model of what a learner computes is such a program, run as it stands.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import permutations
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.rnn import sigmoid

Program = dict[str, str]  # lines by what they give, in order
FUNCTIONS = {
    "σ": sigmoid, "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0), "clip": np.clip,
    "hstack": np.hstack, "vstack": np.vstack, "outer": np.outer,
    "split": lambda W: np.split(W, 4), "interleaved": lambda W: [W[k::4] for k in range(4)],
    "interleave": lambda a: np.stack(a, axis=2).reshape(len(a[0]), -1),
}  # fmt: skip


def _program(*lines: str) -> Program:
    return {re.split("[ ,]", line)[0]: line for line in lines}


_FORWARD = (
    "W_i, W_f, W_g, W_o = split(W_ih)",
    "U_i, U_f, U_g, U_o = split(W_hh)",
    "b_i, b_f, b_g, b_o = split(b)",
    *(f"z_{k} = x @ W_{k}.T + h_prev @ U_{k}.T + b_{k}" for k in "ifgo"),
    *("i = σ(z_i)", "f = σ(z_f)", "g = tanh(z_g)", "o = σ(z_o)", "c = f * c_prev + i * g"),
)
_BACKWARD = (
    "tanh_c = tanh(c)",
    "h = o * tanh_c",
    "dc_total = dc + dh * o * (1 - tanh_c**2)",
    "dz_i = dc_total * g * i * (1 - i)",
    "dz_f = dc_total * c_prev * f * (1 - f)",
    "dz_g = dc_total * i * (1 - g**2)",
    "dz_o = dh * tanh_c * o * (1 - o)",
    "dz = hstack([dz_i, dz_f, dz_g, dz_o])",
)
_STATES = ("dh_prev = dz @ W_hh", "dc_prev = dc_total * f")
_GRADS = ("dW_ih = dz.T @ x", "dW_hh = dz.T @ h_prev", "db = dz.sum(axis=0)")
LSTM = _program(*_FORWARD, *_BACKWARD, "dx = dz @ W_ih", *_STATES, *_GRADS)
MENDED = _program(_FORWARD[1], "i, f, g, o = gates", *_BACKWARD, *_STATES)
RNN = _program(
    "z = x @ W_ih.T + h_prev @ W_hh.T + b", "h = tanh(z)", "dz = dh * (1 - h**2)",
    "dx = dz @ W_ih", _STATES[0], *_GRADS,
)  # fmt: skip
SIGMOID = _program("dz = dh * h * (1 - h)", *_GRADS)

# What stands for a squashing, for the cell and its tanh, and in all gates alike, with the names
# that the slip is about.
_SQUASHES = ("{0}", "σ({0})", "tanh({0})", "relu({0})", "σ(σ({0}))", "tanh(tanh({0}))",
             "σ(-{0})", "σ({0} + 1)", "σ({0} - b{1}) + b{1}",
             "tanh({0} - b{1}) + b{1}")  # fmt: skip
_CELLS = {
    "f": ("c_prev + i * g", "i * c_prev + i * g", "(1 - f) * c_prev + i * g",
          "o * c_prev + i * g", "f + c_prev + i * g", "i * g"),
    "i": ("f * c_prev + g", "f * c_prev + f * g", "f * c_prev + o * g", "f * c_prev + (1 - f) * g"),
    "g": ("f * c_prev + i", "f * c_prev - i * g", "f * c_prev + i * z_g",
          "f * c_prev + i * c_prev"),
    "i g": ("f * c_prev + i + g", "f * c_prev"),
    "i f": ("i * c_prev + f * g", "c_prev + g"),
    "c": ("f * h_prev + i * g", "f * tanh(c_prev) + i * g", "f * (c_prev + i * g)", "c_prev",
          "tanh(f * c_prev + i * g)"),
}  # fmt: skip
_SHOWN = ("c", "σ(c)", "tanh(c_prev)", "tanh(tanh(c))", "relu(c)")
_EVERYWHERE = (
    (r" \+ b(_.|$)", "", "b"), (r"\+ b(?=_|$)", "+ 2 * b", "b"), (r"\+ b(?=_|$)", "- b", "b"),
    (r"x @ \w+\.T \+ ", "", "x"), (r"h_prev @ \w+\.T \+ ", "", "h"),
    ("h_prev @ U", "c_prev @ U", "h c"), (r"h_prev @ (\w+)\.T", r"h_prev @ \1", "W_hh"),
    (r"split\(W_ih\)", "split(W_ih.reshape(x.shape[1], -1).T)", "W_ih"),
    (r"split\(W_hh\)", "split(W_hh.reshape(W_hh.shape[1], -1).T)", "W_hh"),
    (r"x @ W_ih.T", "x @ W_ih.reshape(x.shape[1], -1)", "W_ih"),
)  # fmt: skip


class Guess(NamedTuple):
    """A program, right but for one slip, what that is about, and the order of dz's blocks."""

    program: Program
    where: str = ""
    stack: str = "ifgo"


@cache
def _compiled(lines: tuple[str, ...]) -> CodeType:
    return compile("\n".join(lines), "program", "exec")


@np.errstate(all="ignore")
def run(program: Program, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that a program computes, by name, beside what is given."""
    names = {"dc": 0 * given["dh"], **given, "B": len(given["dh"])}
    exec(_compiled(tuple(program.values())), dict(FUNCTIONS), names)
    return names


def guesses(right: Program) -> list[Guess]:
    """Return the right program, then those with a slip in the forward part, plainest first."""
    ends = ("dc_total", "dz", "dh_prev")
    end = min(list(right).index(name) for name in ends if name in right)
    forward = {k: v for k, v in list(right.items())[:end]}
    found = [Guess(right)]
    if "gates" not in "".join(right.values()) and "h" in forward:
        for slip, where in _slips(forward):
            if slip != forward:
                found.append(Guess({**right, **slip}, where))
    if "dz_i" in right:
        for order in [*("".join(p) for p in permutations("ifgo")), "ifgo~"][1:]:
            found += _ordered(right, order)
    return found


def _slips(lines: Program) -> Iterator[tuple[Program, str]]:
    """Yield the lines with one slip, and what the slip is about."""

    def changed(old: str, new: str) -> Program:
        return {name: re.sub(old, new, line) for name, line in lines.items()}

    for old, new, where in _EVERYWHERE:
        yield changed(old, new), where
    for group in ("i", "f", "g", "o", "ifo", "ifgo") if "c" in lines else "h":
        for form in _SQUASHES:
            slip = changed(rf"^([{group}]) = \S+\(z(\w*)\)", r"\1 = " + form.format(r"z\2", r"\2"))
            yield slip, " ".join(name for name in lines if slip[name] != lines[name])
    if "c" not in lines:
        return
    for where, cells in _CELLS.items():
        yield from ((changed("^c = .*", f"c = {cell}"), where) for cell in cells)
    yield from ((changed(r"= tanh\(c\)", f"= {form}"), "h") for form in _SHOWN)
    for k in "ifgo":
        z = lines[f"z_{k}"]
        terms = z.split(" = ")[1].split(" + ")
        texts = [" + ".join(t for t in terms if t != term) for term in terms]
        texts += [z[6:].replace(p + k, p + m) for m in "ifgo" for p in ("W_", "U_", "b_")]
        texts += [re.sub(f"_{k}", f"_{m}", z[6:]) for m in "ifgo"]
        yield from ((lines | {f"z_{k}": f"z_{k} = {text}"}, k) for text in texts)
        squashed = [lines[k].replace("z_" + k, "z_" + m) for m in "ifgo"]
        squashed += [f"{k} = 1 - σ(z_{m})" for m in "ifgo"]
        yield from ((lines | {k: line}, k) for line in squashed)


def _ordered(right: Program, order: str) -> Iterator[Guess]:
    """Yield the blocks stacked in this order, read and stacked so, and read so."""
    where = " ".join(a for a, b in zip(order, "ifgo", strict=False) if a != b) or "i f g o"
    gates = order.strip("~")
    dz = f"hstack([{', '.join(f'dz_{k}' for k in gates)}])"
    stacked = {"dz": f"dz = {dz.replace('hstack', 'interleave') if gates != order else dz}"}
    reading = {}
    for part, line in list(right.items())[:3] if "W_i" in right else ():
        how = line.split(" = ")[1].replace("split", "interleaved" if gates != order else "split")
        reading[part] = f"{', '.join(f'{part[0]}_{k}' for k in gates)} = {how}"
    yield Guess({**right, **stacked}, where, order)
    if reading:
        yield Guess({**right, **reading, **stacked}, where, order)
        yield Guess({**right, **reading}, where)
