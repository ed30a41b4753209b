"""Forward passes that a learner's backward pass may have recomputed, the right one first.

Each is a few lines of text, the right ones with one slip, and is run as it stands.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import permutations
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._reading import Array, Finding, named
from lstm_tutorial.rnn import sigmoid

Lines = tuple[str, ...]
_Z = "z_{0} = x @ W_{0}.T + h_prev @ U_{0}.T + b_{0}"
LSTM_LINES = (
    *(_Z.format(gate) for gate in "ifgo"),
    *("i = σ(z_i)", "f = σ(z_f)", "g = tanh(z_g)", "o = σ(z_o)"),
    *("c = f * c_prev + i * g", "tanh_c = tanh(c)"),
)
RNN_LINES = (_Z.format("h"), "h = tanh(z_h)")
_FUNCTIONS = {"σ": sigmoid, "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}
# What stands for a squashing, for the cell and its tanh, and in all gates alike, with the names
# that the slip is about.
_SQUASHES = ("{0}", "σ({0})", "tanh({0})", "relu({0})", "σ(σ({0}))", "tanh(tanh({0}))",
             "σ(-{0})", "σ({0} + 1)", "σ({0} - b_{1}) + b_{1}", "tanh({0} - b_{1}) + b_{1}")  # fmt: skip
_CELLS = {
    "f": ("c_prev + i * g", "i * c_prev + i * g", "(1 - f) * c_prev + i * g",
          "o * c_prev + i * g", "f + c_prev + i * g", "i * g"),
    "i": ("f * c_prev + g", "f * c_prev + f * g", "f * c_prev + o * g", "f * c_prev + (1 - f) * g"),
    "g": ("f * c_prev + i", "f * c_prev - i * g", "f * c_prev + i * z_g", "f * c_prev + i * c_prev"),
    "i g": ("f * c_prev + i + g", "f * c_prev"),
    "i f": ("i * c_prev + f * g", "c_prev + g"),
    "c": ("f * h_prev + i * g", "f * tanh(c_prev) + i * g", "f * (c_prev + i * g)", "c_prev",
          "tanh(f * c_prev + i * g)"),
}  # fmt: skip
_SHOWN = ("c", "σ(c)", "tanh(c_prev)", "tanh(tanh(c))", "relu(c)")
_EVERYWHERE = (
    (r" \+ b_.", "", "b"), (r"\+ b_", "+ 2 * b_", "b"), (r"\+ b_", "- b_", "b"),
    (r"x @ W_.\.T \+ ", "", "x"), (r"h_prev @ U_.\.T \+ ", "", "h"),
    ("h_prev @ U_", "c_prev @ U_", "h c"), (r"(U_.)\.T", r"\1", "W_hh"),
    (r"W_(.)\.T", r"V_\1", "W_ih"), (r"U_(.)\.T", r"Y_\1", "W_hh"),
)  # fmt: skip


class Guess(NamedTuple):
    """A forward pass as text, the order of the blocks it reads, and that of dz; what to say."""

    lines: Lines
    rows: str
    stack: str
    findings: tuple[Finding, ...] = ()

    def values(self, given: Mapping[str, Any]) -> dict[str, Array]:
        """Return gates, pre-activations and states by name."""
        names: dict[str, Any] = dict(given)
        for part, wide, weights in (("W", "V", "W_ih"), ("U", "Y", "W_hh"), ("b", "", "b")):
            W = given[weights]
            names |= cut(part, self.rows, W)
            if wide:  # columns of what reshape makes of all rows
                names |= cut(wide, self.rows, W.reshape(W.shape[1], -1), axis=1)
        exec(_compiled(self.lines), dict(_FUNCTIONS), names)
        return with_tanh(names) if "c" in names else names


def with_tanh(names: dict[str, Any]) -> dict[str, Any]:
    """Add what follows from the cell, under the names of factors."""
    tanh = {"tanh(c)": names["tanh_c"], "tanh(c_prev)": np.tanh(names["c_prev"])}
    return names | tanh | {"h": names["o"] * names["tanh_c"]}


def cut(part: str, rows: str, a: Array, axis: int = 0) -> dict[str, Array]:
    """Return the gates' blocks by name, for rows such as "ifgo", or "ifgo~" if interleaved."""
    gates = rows.removesuffix("~")
    if gates != rows:
        a = a.reshape(*a.shape[:axis], -1, len(gates), *a.shape[axis + 1 :])
        return {f"{part}_{gate}": a.take(k, axis + 1) for k, gate in enumerate(gates)}
    return {f"{part}_{k}": v for k, v in zip(gates, np.split(a, len(gates), axis), strict=True)}


@cache
def _compiled(lines: Lines) -> CodeType:
    return compile("\n".join(lines), "forward", "exec")


@cache
def guesses(gates: str) -> tuple[Guess, ...]:
    """Return the right forward pass, then the wrong ones, plainest first."""
    lines = LSTM_LINES if len(gates) == 4 else RNN_LINES
    found = [Guess(lines, gates, gates)]
    for slip, where in _slips(lines, gates):
        pairs = [(a, b) for a, b in zip(slip, lines, strict=True) if a != b]
        if pairs:
            read, right = zip(*pairs[: 3 if len(pairs) < 4 else 1], strict=True)
            more = " Likewise in the other gates." * (len(pairs) > 3)
            more += " Here V = W_ih.reshape(D, -1)." * ("V_" in read[0])
            more += " Here Y = W_hh.reshape(H, -1)." * ("Y_" in read[0])
            says = f"Your forward pass has {named(read)}. It should be {named(right)}.{more}"
            finding = Finding("Forward pass", says, tuple(where.split()), "gates")
            found.append(Guess(slip, gates, gates, (finding,)))
    orders = ["".join(order) for order in permutations(gates)][1:] + ["ifgo~"] * (gates == "ifgo")
    return (*found, *(guess for order in orders for guess in _ordered(lines, order)))


def _slips(lines: Lines, gates: str) -> Iterator[tuple[Lines, str]]:
    """Yield the lines with one slip, and what the slip is about."""

    def changed(old: str, new: str) -> Lines:
        return tuple(re.sub(old, new, line) for line in lines)

    for old, new, where in _EVERYWHERE:
        yield changed(old, new), where
    for group in dict.fromkeys((*gates, *("ifo", "ifgo") * (gates == "ifgo"))):
        for form in _SQUASHES:
            slip = changed(rf"^([{group}]) = \S+\((z_.)\)", r"\1 = " + form.format(r"\2", r"\1"))
            yield slip, " ".join(a[0] for a, b in zip(slip, lines, strict=True) if a != b)
    if gates != "ifgo":
        return
    for where, cells in _CELLS.items():
        yield from ((changed("^c = .*", f"c = {cell}"), where) for cell in cells)
    yield from ((changed(r"= tanh\(c\)", f"= {form}"), "h") for form in _SHOWN)
    for k in gates:
        for m in gates:
            yield from ((changed(re.escape(old + k), old + m), k) for old in ("W_", "U_", "b_", "(z_"))
            yield changed(rf"(?<=[WUb]_){k}", m), k
            yield changed(rf"^{k} = .*", f"{k} = 1 - σ(z_{m})"), k
        for old in (rf"x @ W_{k}\.T \+ ", rf"h_prev @ U_{k}\.T \+ ", rf" \+ b_{k}"):
            yield changed(old, ""), k


def _ordered(lines: Lines, order: str) -> Iterator[Guess]:
    """Yield the blocks stacked in this order, read and stacked so, and read so."""
    mixed = order.endswith("~")
    where = tuple(a for a, b in zip(order, "ifgo", strict=False) if a != b or mixed)
    how = "row by row in turn" if mixed else f"in the order {', '.join(order)}"
    tail = "The blocks of W_ih, W_hh and b stand one below the other, in the order i, f, g, o."
    for rows, stack, says in (
        ("ifgo", order, f"You stack the gradients of the gates {how}."),
        (order, order, f"You take the gates {how}, there and back."),
        (order, "ifgo", f"Your forward pass takes the gates {how}."),
    ):
        finding = Finding("Order of the gates", f"{says} {tail}", where, "same")
        yield Guess(lines, rows, stack, (finding,))
