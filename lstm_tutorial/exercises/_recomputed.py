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

from lstm_tutorial.exercises._factors import Array
from lstm_tutorial.exercises._reading import Finding, named
from lstm_tutorial.rnn import sigmoid

_Z = "z_{0} = x @ W_{0}.T + h_prev @ U_{0}.T + b_{0}"
LSTM_LINES = (
    *(_Z.format(gate) for gate in "ifgo"),
    *("i = σ(z_i)", "f = σ(z_f)", "g = tanh(z_g)", "o = σ(z_o)"),
    *("c = f * c_prev + i * g", "tanh_c = tanh(c)"),
)
RNN_LINES = (_Z.format("h"), "h = tanh(z_h)")
_FUNCTIONS = {"σ": sigmoid, "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}
SQUASHES = ("{0}", "σ({0})", "tanh({0})", "relu({0})", "σ(σ({0}))", "tanh(tanh({0}))", "σ(-{0})", "σ({0} + 1)")  # fmt: skip
CELLS = (
    *(f"{old} + i * g" for old in ("c_prev", "f * h_prev", "i * c_prev", "(1 - f) * c_prev")),
    *(f"{old} + i * g" for old in ("(1 - i) * c_prev", "o * c_prev", "f", "f * tanh(c_prev)")),
    *(f"f * c_prev + {new}" for new in ("g", "i", "f * g", "o * g", "(1 - f) * g", "i * z_g")),
    *("f * c_prev + (i + g)", "f * c_prev + i * c_prev", "f + c_prev + i * g", "f * (c_prev + i * g)"),
    *("f * c_prev - i * g", "f * c_prev", "i * g", "c_prev", "i * c_prev + f * g", "tanh(f * c_prev + i * g)"),
)  # fmt: skip
# Slips that are made in all gates alike: pattern, replacement, what it is about.
EVERYWHERE = (
    (r" \+ b_(.)", "", "b"), (r"\+ b_", "+ 2 * b_", "b"), (r"\+ b_", "- b_", "b"),
    (r"x @ W_(.)\.T \+ ", "", "x"), (r"h_prev @ U_(.)\.T \+ ", "", "h_prev"),
    (r"h_prev @ U_", "c_prev @ U_", "h_prev"), (r"(U_.)\.T", r"\1", "W_hh"),
    (r"W_(.)\.T", r"W_ih.reshape(D, -1)_\1", "W_ih"), (r"U_(.)\.T", r"W_hh.reshape(H, -1)_\1", "W_hh"),
)  # fmt: skip


class Guess(NamedTuple):
    """A forward pass as text, the order of the blocks it reads, and that of dz; what to say."""

    lines: tuple[str, ...]
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
        if "tanh_c" in names:
            c_prev, tanh_c = names["c_prev"], names["tanh_c"]
            names |= {"tanh(c)": tanh_c, "tanh(c_prev)": np.tanh(c_prev), "h": names["o"] * tanh_c}
        return names


def cut(part: str, rows: str, a: Array, axis: int = 0) -> dict[str, Array]:
    """Return the gates' blocks by name, for rows such as "ifgo", or "ifgo~" if interleaved."""
    gates = rows.removesuffix("~")
    if gates != rows:
        a = a.reshape(*a.shape[:axis], -1, len(gates), *a.shape[axis + 1 :])
        return {f"{part}_{gate}": a.take(k, axis + 1) for k, gate in enumerate(gates)}
    return {f"{part}_{k}": v for k, v in zip(gates, np.split(a, len(gates), axis), strict=True)}


@cache
def _compiled(lines: tuple[str, ...]) -> CodeType:
    text = re.sub(r"W_ih.reshape\(D, -1\)_", "V_", "\n".join(lines))
    return compile(re.sub(r"W_hh.reshape\(H, -1\)_", "Y_", text), "forward", "exec")


@cache
def guesses(gates: str) -> tuple[Guess, ...]:
    """Return the right forward pass, then the wrong ones, plainest first."""
    lines = LSTM_LINES if gates == "ifgo" else RNN_LINES
    page = "numpy" if gates == "ifgo" else "backpropagation"
    found = [Guess(lines, gates, gates)]
    for slip, where in _slips(lines, gates):
        pairs = [(a, b) for a, b in zip(slip, lines, strict=True) if a != b]
        if pairs:
            read, right = (named(texts) for texts in zip(*pairs, strict=True))
            says = f"Your forward pass has {read}. It should be {right}."
            finding = Finding("Forward pass", says, tuple(where.split()), page)
            found.append(Guess(slip, gates, gates, (finding,)))
    orders = ["".join(order) for order in permutations(gates)][1:] + ["ifgo~"] * (gates == "ifgo")
    return (*found, *(guess for order in orders for guess in _ordered(lines, order)))


def _slips(lines: tuple[str, ...], gates: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the lines with one slip, and what the slip is about."""

    def changed(old: str, new: str) -> tuple[str, ...]:
        return tuple(re.sub(old, new, line) for line in lines)

    for old, new, where in EVERYWHERE:
        yield changed(old, new), where
    for group in dict.fromkeys((*gates, *(("ifo", "ifgo") * (gates == "ifgo")))):
        for form in SQUASHES:
            slip = changed(rf"^([{group}]) = \S+\((z_.)\)", r"\1 = " + form.format(r"\2"))
            hit = [a[0] for a, b in zip(slip, lines, strict=True) if a != b]
            yield slip, " ".join(hit)
    if gates == "ifgo":
        yield from ((changed(r"^c = .*", f"c = {cell}"), "c") for cell in CELLS)
        tanhs = ("c", "σ(c)", "tanh(c_prev)", "tanh(tanh(c))", "relu(c)")
        yield from ((changed(r"= tanh\(c\)", f"= {form}"), "c") for form in tanhs)
        for k in gates:
            for old in ("W_", "U_", "b_", "(z_"):
                yield from ((changed(re.escape(old + k), old + m), k) for m in gates)
            yield from ((changed(rf"_{k}(?!\w| =|\))", f"_{m}"), k) for m in gates)
            for old in (rf"x @ W_{k}\.T \+ ", rf"h_prev @ U_{k}\.T \+ ", rf" \+ b_{k}"):
                yield changed(old, ""), k


def _ordered(lines: tuple[str, ...], order: str) -> Iterator[Guess]:
    """Yield the blocks stacked in this order, read and stacked so, and read so."""
    names, mixed = ", ".join(order.rstrip("~")), order.endswith("~")
    where = tuple(a for a, b in zip(order, "ifgo", strict=False) if a != b) or ("dz",)
    how = "row by row in turn" if mixed else f"in the order {names}"
    tail = "The blocks of W_ih, W_hh and b stand one below the other, in the order i, f, g, o."
    for rows, stack, title, says in (
        ("ifgo", order, "Order of the blocks of dz", f"You stack the gradients {how}."),
        (order, order, "Order of the gates", f"You take the gates {how}, there and back."),
        (order, "ifgo", "Order of the gates", f"Your forward pass takes the gates {how}."),
    ):
        yield Guess(lines, rows, stack, (Finding(title, f"{says} {tail}", where, "same"),))
