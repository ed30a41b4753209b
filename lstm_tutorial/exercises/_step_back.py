"""Read the backward pass of one step: of the LSTM, of the RNN, and with the gates given.

The gradients of the pre-activations, dz, are measured in every output that shows them, as they
depend on dh and on dc. What most outputs share is read as a law of factors, given each forward pass
that the learner may have recomputed; then each output is read as a formula of dz.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from lstm_tutorial.exercises._factors import Product, Table
from lstm_tutorial.exercises._law import (
    LSTM,
    MENDED,
    RNN,
    SIGMOID,
    Law,
    LawReader,
    Spec,
    Total,
    User,
    drawn,
    law_told,
    total_parts,
    values_of,
)
from lstm_tutorial.exercises._outputs import Recipe, outputs_told, recipe
from lstm_tutorial.exercises._reading import Array, Finding, Reading, named
from lstm_tutorial.exercises._recomputed import Guess, cut, guesses

Ask = Callable[..., Any]
CLIPS = (0.01, 0.1, 0.25, 0.5, 1, 2, 3, 5, 6, 8, 10, 15, 20, 50, 100)
CORNERS = ((0, 0), (1, 0), (0, 1), (1, 1))  # whether dc and dh are on
TRIED = 8  # forward passes, those first that leave most coefficients right


def read_step_back(ask: Any) -> Iterator[Reading]:
    """Read (dh, dc, x, h_prev, c_prev, W_ih, W_hh, b) -> dx, dh_prev, dc_prev, dW_ih, dW_hh, db."""
    return _Step(ask, LSTM).readings()


def read_mended(ask: Any) -> Iterator[Reading]:
    """Read (dh, dc, c_prev, gates, c, W_hh) -> dh_prev, dc_prev, dz."""
    return _Step(ask, MENDED).readings()


def read_rnn_step_back(ask: Any) -> Iterator[Reading]:
    """Read (dh, x, h_prev, W_ih, W_hh, b) -> dx, dh_prev, dW_ih, dW_hh, db."""
    return _Step(ask, RNN).readings()


def read_sigmoid_step_back(ask: Any) -> Iterator[Reading]:
    """Read (dh, x, h_prev, h, W_hh) -> dW_ih, dW_hh, db, where h is a sigmoid."""
    return _Step(ask, SIGMOID).readings()


class _Step:
    """One learner's step backward, and what has been measured of it."""

    def __init__(self, ask: Any, spec: Spec) -> None:
        self.ask, self.spec, self.tolerance = ask, spec, max(1e-7, 100 * ask.eps)
        first, *others = guesses(spec.gates)
        if spec.given:  # nothing is recomputed
            others = [g for g in others if (g.lines, g.rows) == (first.lines, first.rows)]
        self.options = [first, *others]
        # One sequence and more inputs than pre-activations; several sequences of odd sizes.
        self.wide = drawn(spec, 1, 10 * len(spec.gates) + 3, 10, seed=1)
        self.many = drawn(spec, 5, 6, 7, seed=2)
        self.out = self._call(self.many)
        self.routes = self._routes(self.wide)

    def _call(self, given: Mapping[str, Any]) -> dict[str, Array]:
        outputs = self.ask(*(given[name] for name in self.spec.arguments))
        return dict(zip(self.spec.outputs, outputs, strict=True))

    def _same(self, a: Array, b: Array, times: float = 10) -> bool:
        return bool(np.abs(a - b).max() <= times * self.tolerance * (np.abs(b).max() + 1e-15))

    def readings(self) -> Iterator[Reading]:
        """Yield the readings, plainest first."""
        return (reading for law in self._laws() if (reading := self._reading(law)))

    # What the outputs show of dz

    def _routes(self, given: Mapping[str, Any]) -> dict[str, Array]:
        """Return dz as each output shows it: parts from dc, from dh, from both, and alone."""
        corners = [
            self._call({**given, "dc": on_dc * given["dc"], "dh": on_dh * given["dh"]})
            for on_dc, on_dh in CORNERS
        ]
        routes = {}
        for name in self.spec.outputs:
            shown = [self._shown(name, out[name], given) for out in corners]
            if all(dz is not None for dz in shown):
                none, dc, dh, both = shown
                routes[name] = np.array([dc - none, dh - none, both - dc - dh + none, none])
        return routes

    def _shown(self, name: str, value: Array, given: Mapping[str, Any]) -> Any:
        """Return dz, or dc_prev, from an output for one sequence, if it lies there."""
        if name in ("db", "dz", "dc_prev"):
            return value.ravel()
        if name == "dx":
            dz = value[0] @ np.linalg.pinv(given["W_ih"])
            return dz if self._same(dz @ given["W_ih"], value[0]) else None
        if name == "dh_prev":
            return None
        seen = given["x" if name == "dW_ih" else "h_prev"][0]
        dz = value @ seen / (seen @ seen)
        return dz if self._same(np.outer(dz, seen), value) else None

    def _dz_of_dh_prev(self) -> Array:
        """Return dz as dh_prev shows it: one block of W_hh at a time is the unit matrix."""
        H, n = self.wide["dh"].shape[1], len(self.spec.gates)
        columns = []
        for k in range(n):
            W = np.zeros((n * H, H))
            W[k * H : (k + 1) * H] = np.eye(H)
            # The bias makes up for it, so that the gates stay as they are.
            b = self.wide["b"] + (self.wide["W_hh"] - W) @ self.wide["h_prev"][0]
            given = {**self.wide, "W_hh": W, "b": b}
            none, dc, dh, both = (
                self._call({**given, "dc": on_dc * given["dc"], "dh": on_dh * given["dh"]})["dh_prev"][0]
                for on_dc, on_dh in CORNERS
            )
            columns.append(np.array([dc - none, dh - none, both - dc - dh + none, none]))
        return np.concatenate(columns, axis=1)

    def _base(self) -> dict[str, Array]:
        """Return the parts of dz that are right, or that most outputs have, and of dc_prev."""
        dz = {name: parts for name, parts in self.routes.items() if name != "dc_prev"}
        right = self._right(self.options[0])
        gates = np.concatenate([right[gate] for gate in self.spec.gates], axis=1)

        def votes(parts: Array) -> int:
            return sum(self._same(parts, b) for b in dz.values()) + 9 * self._same(parts, gates)

        found = {"dc_prev": self.routes["dc_prev"]} if "dc_prev" in self.routes else {}
        return found | ({"dz": max(dz.values(), key=votes)} if dz else {})

    def _right(self, guess: Guess) -> dict[str, Array]:
        """Return the right parts of every gradient, given the forward pass."""
        values = values_of(self.spec, guess, self.wide)
        users = {name: User(Product(1.0, f), t) for name, (t, f) in self.spec.users.items()}
        dh, dc = self.wide["dh"], self.wide["dc"]
        return {n: np.concatenate(user.parts(values, dh, dc)) for n, user in users.items()}

    # The law of the gradients

    def _laws(self) -> list[Law]:
        """Return laws of the gradients, plainest first, each for one forward pass."""
        base, laws = self._base(), []
        scores = [self._score(guess, base) for guess in self.options]
        best = sorted(range(len(scores)), key=lambda k: (-scores[k], k))[:TRIED]
        for k in dict.fromkeys((*best, 0)):
            laws.append(self._law(self.options[k], base))
            if laws[-1].cost <= 1 + len(self.options[k].findings):
                break
        return sorted(laws, key=lambda law: law.cost)

    def _blocks(self, guess: Guess, base: Mapping[str, Array]) -> dict[str, Array]:
        """Return the parts by gate, as the blocks are stacked."""
        found = {name: parts for name, parts in base.items() if name == "dc_prev"}
        if "dz" in base:
            blocks = cut("", guess.stack, base["dz"], axis=1)
            found |= {name[1:]: parts for name, parts in blocks.items()}
        return found

    def _score(self, guess: Guess, base: Mapping[str, Array]) -> int:
        """Count the parts that are right, given the forward pass."""
        right, blocks = self._right(guess), self._blocks(guess, base)
        pairs = [(a, b) for n in blocks for a, b in zip(blocks[n], right[n], strict=True)]
        return sum(bool(b.any()) and self._same(a, b) for a, b in pairs)

    def _law(self, guess: Guess, base: Mapping[str, Array], total: Total | None = None) -> Law:
        dh, dc = self.wide["dh"][0], self.wide["dc"][0]
        sources = np.array([dc, dh, dh * dc, np.ones_like(dh)])
        blocks = {n: parts / sources for n, parts in self._blocks(guess, base).items()}
        values = values_of(self.spec, guess, self.wide)
        return LawReader(Table(values, self.tolerance), self.spec, blocks).read(guess, total)

    # The whole

    def _names(self, law: Law, given: Mapping[str, Any], bound: float = np.inf) -> dict[str, Any]:
        """Return all that a formula of an output may name."""
        dh, gates = given["dh"], self.spec.gates
        dc = given["dc"] if "dc" in self.spec.arguments else np.zeros_like(dh)
        names = {**given, **values_of(self.spec, law.guess, given)}
        read = {n: sum(u.parts(names, dh, dc), 0 * dh) for n, u in law.users.items()}
        blocks = [np.clip(read.get(k, 0 * dh), -bound, bound) for k in law.guess.stack.strip("~")]
        dz = np.concatenate(blocks, axis=1)
        if law.guess.stack.endswith("~"):
            dz = np.stack(blocks, axis=2).reshape(dz.shape)
        names |= {"dz": dz} | cut("dz", gates, dz, axis=1)
        for part, weights in (("W", "W_ih"), ("U", "W_hh")):
            names |= cut(part, gates, given[weights]) if weights in given else {}
        if "dc" in self.spec.arguments:
            names["dc_total"] = sum(total_parts(law.total, names, dh, dc), 0 * dh)
            names["dc_prev"] = read.get("dc_prev", names["dc_total"] * names["f"])
        return names

    def _reading(self, law: Law) -> Reading | None:
        """Return the reading of all outputs that follows from a law, if it gives them all."""
        names, spec = self._names(law, self.many), self.spec
        found = [self._recipe(name, names) or self._by_itself(name, law) for name in spec.outputs]
        recipes = [made for made in found if made]
        if len(recipes) < len(found):
            return None

        def model(*arguments: Any, bound: float = np.inf) -> list[Array]:
            given = dict(zip(spec.arguments, arguments, strict=True))
            shared = self._names(law, given, bound)
            return [r.at(self._names(r.own, given, bound) if r.own else shared) for r in recipes]

        findings, formula = law_told(law, spec)
        whole, clipped = self._clipped(model)
        findings += [*outputs_told(recipes, spec), *clipped]
        return Reading(findings[:3], whole, formula) if findings else None

    def _recipe(self, name: str, names: Mapping[str, Any]) -> Recipe | None:
        return recipe(name, self.out[name], names, self.spec.gates, self.tolerance)

    def _by_itself(self, name: str, law: Law) -> Recipe | None:
        """Read an output that is made of other gradients than the rest."""
        if name == "dh_prev" and name not in self.routes:
            self.routes[name] = self._dz_of_dh_prev()
        if name not in self.routes or name == "dc_prev":
            return None
        own = self._law(law.guess, {"dz": self.routes[name]}, law.total)
        if len(own.users) < len(self.spec.gates):
            return None
        found = self._recipe(name, self._names(own, self.many))
        return found and found._replace(own=own._replace(guess=own.guess._replace(findings=())))

    def _clipped(self, model: Callable[..., Any]) -> tuple[Callable[..., Any], list[Finding]]:
        """Return the model with the clipping that large gradients show, and the finding."""
        put = [name for name in ("dh", "dc") if name in self.spec.arguments]
        large = [self.many[n] * (1e4 if n in put else 1) for n in self.spec.arguments]
        got, plain = self.ask(*large), model(*large)
        wrong = [not self._same(a, b) for a, b in zip(got, plain, strict=True)]
        if not any(wrong):
            return model, []
        peaks = [float(np.abs(a).max()) if bad else np.inf for a, bad in zip(got, wrong, strict=True)]

        def outputs(*given: Any) -> list[Array]:
            return [np.clip(a, -v, v) for a, v in zip(model(*given), peaks, strict=True)]

        def inputs(bound: float, *given: Any) -> Any:
            return model(*(np.clip(a, -bound, bound) for a in given[: len(put)]), *given[len(put) :])

        clipped = [name for name, bad in zip(self.spec.outputs, wrong, strict=True) if bad]
        tries: list[tuple[Callable[..., Any], Sequence[str], float]] = [(outputs, clipped, min(peaks))]
        for bound in CLIPS:
            tries.append((partial(model, bound=bound), ["dz"], bound))
            tries.append((partial(inputs, bound), put, bound))
        for whole, what, bound in tries:
            if all(map(self._same, got, whole(*large))):
                says = f"You clip {named(what)} to ±{bound:g}. The step itself clips nothing."
                return whole, [Finding("Clipped", says, tuple(what), "clipping")]
        return model, []
