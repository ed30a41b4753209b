"""Forward passes that a learner's backward pass may have recomputed, the right one first."""

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from lstm_tutorial.exercises._factors import Array, Product
from lstm_tutorial.exercises._reading import Finding, named
from lstm_tutorial.rnn import sigmoid

SQUASHES = {
    "σ": sigmoid,
    "tanh": np.tanh,
    "nothing": lambda z: z,
    "ReLU": lambda z: np.maximum(z, 0),
    "σ of σ": lambda z: sigmoid(sigmoid(z)),
    "tanh of tanh": lambda z: np.tanh(np.tanh(z)),
    "σ of -z": lambda z: sigmoid(-z),
}
SLOPES = {"σ": "{0} (1 - {0})", "tanh": "1 - {0}²"}
PARTS = ("x", "h_prev", "b")
OLD = ["c_prev", "f h_prev", "i c_prev", "o c_prev", "1-f c_prev", "1-i c_prev", "0", "f tanh(c_prev)"]  # fmt: skip
NEW = ["g", "i", "0", "f g", "o g", "1-f g", "i g i", "-1 i g", "i c_prev"]


def transposed(W: Array) -> Array:
    """Return W_hh with every gate's block transposed."""
    H = W.shape[1]
    return W.reshape(-1, H, H).swapaxes(1, 2).reshape(W.shape)


class Forward(NamedTuple):
    """A forward pass of one step.

    Attributes
    ----------
    rows : tuple
        For each gate the blocks that it reads of W_ih, W_hh and b; None where it reads none.
    squashes : tuple of str
        For each gate a key of `SQUASHES`.
    factors : tuple of float
        What x, h_prev and b are multiplied by.
    state, turned, old, new :
        What meets W_hh; the name of a matrix that is transposed in blocks or reshaped; the two
        summands of the cell.
    """

    rows: tuple[tuple[int | None, ...], ...]
    squashes: tuple[str, ...]
    factors: tuple[float, ...] = (1.0, 1.0, 1.0)
    state: str = "h_prev"
    turned: str = ""
    old: str = "f c_prev"
    new: str = "i g"

    def values(self, given: Mapping[str, Any]) -> dict[str, Array]:
        """Return gates, pre-activations and states by name."""
        x, W_ih, W_hh, b = given["x"], given["W_ih"], given["W_hh"], given["b"]
        gates = "ifgo" if len(self.rows) == 4 else "h"
        if self.turned == "W_ih reshaped":
            W_ih = W_ih.reshape(x.shape[1], -1).T
        if self.turned == "W_hh reshaped":
            W_hh = W_hh.reshape(W_hh.shape[1], -1).T
        if self.turned == "W_hh transposed":
            W_hh = transposed(W_hh)
        parts = [x @ W_ih.T, given[self.state] @ W_hh.T, np.tile(b, (len(x), 1))]
        blocks = [
            np.split(k * a, len(gates), axis=1) for k, a in zip(self.factors, parts, strict=True)
        ]
        values = {"h_prev": given["h_prev"]}
        for gate, rows, squash in zip(gates, self.rows, self.squashes, strict=True):
            z = sum(a[k] for a, k in zip(blocks, rows, strict=True) if k is not None)
            values[f"z_{gate}"] = np.zeros_like(blocks[0][0]) + z
            values[gate] = SQUASHES[squash](values[f"z_{gate}"])
        return self.with_cell(values, given) if gates == "ifgo" else values

    def with_cell(self, values: dict[str, Array], given: Mapping[str, Any]) -> dict[str, Array]:
        """Add the cell and what follows from it."""
        values |= {"c_prev": given["c_prev"], "tanh(c_prev)": np.tanh(given["c_prev"])}
        c = _summand(self.old, values) + _summand(self.new, values)
        tanh_c = np.tanh(c)
        return values | {"c": c, "tanh(c)": tanh_c, "h": values["o"] * tanh_c}


def _summand(text: str, values: Mapping[str, Array]) -> Array:
    result = np.ones_like(values["i"])
    for name in text.split():
        if name in values or name.startswith("1-"):
            factor = values[name] if name in values else 1 - values[name[2:]]
        else:
            factor = values[name] if name in values else np.full_like(result, float(name))
        result = result * factor
    return result


class Guess(NamedTuple):
    """A forward pass, the gate whose gradient stands in each block, and what to say of both."""

    forward: Forward
    stack: tuple[int, ...]
    findings: tuple[Finding, ...] = ()


def guesses(gates: str) -> Iterator[Guess]:
    """Yield the right forward pass, then the wrong ones, plainest first."""
    n = len(gates)
    own = tuple((k, k, k) for k in range(n))
    right = Forward(own, ("σ", "σ", "tanh", "σ") if n == 4 else ("tanh",))
    straight = tuple(range(n))
    yield Guess(right, straight)
    yield from (
        Guess(forward, straight, (Finding(title, f"Your forward pass: {says}", where, page),))
        for forward, title, says, where, page in _forwards(right, gates)
    )
    for order in list(permutations(range(n)))[1:]:
        yield from _orders(right, order)


def _orders(right: Forward, order: tuple[int, ...]) -> Iterator[Guess]:
    """Yield the blocks read in this order, the gradients stacked so, and both."""
    names = ", ".join("ifgo"[k] for k in order)
    where = tuple("ifgo"[k] for k in range(4) if order[k] != k)
    place = tuple(order.index(k) for k in range(4))
    rows = tuple((k, k, k) for k in place)
    tail = "The blocks of W_ih, W_hh and b stand in the order i, f, g, o."
    for forward, stack, title, says in (
        (right, order, "Order of the blocks of dz",
         f"You stack the gradients of the pre-activations in the order {names}."),
        (right._replace(rows=rows), order, "Order of the gates",
         f"You read the blocks of the weights in the order {names}, and stack dz so."),
        (right._replace(rows=rows), (0, 1, 2, 3), "Order of the gates in the forward pass",
         f"You read the blocks of the weights in the order {names}."),
    ):  # fmt: skip
        yield Guess(forward, stack, (Finding(title, f"{says} {tail}", where, "same"),))


def _forwards(right: Forward, gates: str) -> Iterator[tuple[Forward, str, str, Any, str]]:
    """Yield wrong forward passes with title, sentence, gates or arguments, and page."""
    page = "numpy" if len(gates) == 4 else "backpropagation"
    for k, part in enumerate(PARTS):
        for factor, how in (
            (0.0, "is missing"),
            (2.0, "is counted twice"),
            (-1.0, "is subtracted"),
        ):
            factors = tuple(factor if j == k else 1.0 for j in range(3))
            says = f"what {part} adds to the pre-activations {how}."
            yield right._replace(factors=factors), f"{part} {how}", says, (part,), page
    for how, name in (
        ("W_hh transposed", "W_hh"),
        ("W_hh reshaped", "W_hh"),
        ("W_ih reshaped", "W_ih"),
    ):
        says = f"{how.replace(' ', ' is ', 1)}. Use {name}.T."
        yield right._replace(turned=how), how, says, (name,), page
    for what in (["σ"] if len(gates) == 1 else []) + ["nothing", "ReLU", "tanh of tanh"]:
        if len(gates) == 1:
            says = f"h is squashed by {what}. It is tanh(z)."
            yield right._replace(squashes=(what,)), "Squashing", says, ("h",), page
    if len(gates) == 4:
        yield from _cells(right)
        yield from _squashed(right)
        yield from _rows(right)


def _cells(right: Forward) -> Iterator[tuple[Forward, str, str, Any, str]]:
    says = "the gates see c_prev where h_prev belongs."
    yield right._replace(state="c_prev"), "c_prev for h_prev", says, ("h_prev",), "numpy"
    for old, new in [*((old, "i g") for old in OLD), *(("f c_prev", new) for new in NEW)]:
        text = f"{old.replace(' ', ' · ')} + {new.replace(' ', ' · ')}"
        says = f"your c is {text}. It is f · c_prev + i · g."
        yield right._replace(old=old, new=new), "The cell", says, ("c",), "state"


def _squashed(right: Forward) -> Iterator[tuple[Forward, str, str, Any, str]]:
    sets = ["i", "f", "g", "o", "ifo", "ifgo", "if", "io", "fo"]
    for gates in sets:
        for name in SQUASHES:
            squashes = tuple(
                name if gate in gates else own
                for gate, own in zip("ifgo", right.squashes, strict=True)
            )
            if any(
                a == b
                for a, b in zip(squashes, right.squashes, strict=True)
                if a == name and len(gates) < 4
            ):
                pass
            changed = tuple(
                g for g, a, b in zip("ifgo", squashes, right.squashes, strict=True) if a != b
            )
            if changed and (changed == tuple(gates) or gates == "ifgo"):
                says = (
                    f"{named(changed)} {'is' if len(changed) == 1 else 'are'} squashed by {name}."
                )
                should = ["g is squashed by tanh"] * ("g" in changed) + ["i, f and o by σ"] * (
                    changed != ("g",)
                )
                yield (
                    right._replace(squashes=squashes),
                    "Squashing",
                    f"{says} It should be: {named(should)}.",
                    changed,
                    "gates",
                )


def _rows(right: Forward) -> Iterator[tuple[Forward, str, str, Any, str]]:
    """Yield forward passes in which one gate reads a block of another, or none."""
    kinds = {"the weights": (0, 1, 2), "W_ih": (0,), "W_hh": (1,), "b": (2,)}
    for k, gate in enumerate("ifgo"):
        for what, parts in kinds.items():
            for other in (None, 0, 1, 2, 3):
                if other == k or (other is None and len(parts) == 3):
                    continue
                rows = tuple(other if j in parts else k for j in range(3))
                of = "is missing" if other is None else f"is that of {'ifgo'[other]}"
                says = f"in the pre-activation of {gate}, the block of {what} {of}."
                new = (*right.rows[:k], rows, *right.rows[k + 1 :])
                yield right._replace(rows=new), f"Weights of {gate}", says, (gate,), "gates"
