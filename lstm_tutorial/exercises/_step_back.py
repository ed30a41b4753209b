"""Read the backward pass of one step: of the LSTM, of the RNN, and with the gates given."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_tutorial.exercises._factors import Array, Product, Table
from lstm_tutorial.exercises._law import (
    CELL,
    LSTM,
    MENDED,
    RNN,
    SIGMOID,
    Law,
    LawReader,
    Spec,
    Total,
    User,
    called,
    drawn,
    total_at,
    values_of,
)
from lstm_tutorial.exercises._outputs import RIGHT, Names, Recipe, Scale, names_of, recipe
from lstm_tutorial.exercises._reading import Finding, Reading, named
from lstm_tutorial.exercises._recomputed import Guess, cut, guesses
from lstm_tutorial.exercises._told import told

CLIPS = (0.01, 0.1, 0.25, 0.5, 1, 2, 3, 5, 6, 8, 10, 15, 20, 50, 100)
_SWAPPED = Finding(
    "dh_prev and dc_prev exchanged",
    "dh_prev and dc_prev stand in each other's place among what you return.",
    ("dh_prev", "dc_prev"),
    "numpy",
)


def read_step_back(ask: Callable[..., Any]) -> Iterator[Reading]:
    """Read (dh, dc, x, h_prev, c_prev, W_ih, W_hh, b) -> dx, dh_prev, dc_prev, dW_ih, dW_hh, db."""
    return _read(ask, LSTM)


def read_mended(ask: Callable[..., Any]) -> Iterator[Reading]:
    """Read (dh, dc, c_prev, gates, c, W_hh) -> dh_prev, dc_prev, dz."""
    return _read(ask, MENDED)


def read_rnn_step_back(ask: Callable[..., Any]) -> Iterator[Reading]:
    """Read (dh, x, h_prev, W_ih, W_hh, b) -> dx, dh_prev, dW_ih, dW_hh, db."""
    return _read(ask, RNN)


def read_sigmoid_step_back(ask: Callable[..., Any]) -> Iterator[Reading]:
    """Read (dh, x, h_prev, h, W_hh) -> dW_ih, dW_hh, db, where h is a sigmoid."""
    return _read(ask, SIGMOID)


def _read(ask: Callable[..., Any], spec: Spec) -> Iterator[Reading]:
    tolerance = max(1e-7, 100 * ask.eps)
    swapped = "dc_prev" in spec.outputs and _swapped(ask, spec)
    k = spec.outputs.index("dh_prev") if swapped else 0

    def own(*arguments: Any) -> Any:
        outputs = list(ask(*arguments))
        return [*outputs[:k], *outputs[k : k + 2][::-1], *outputs[k + 2 :]] if swapped else outputs

    step = _Step(own, spec, tolerance)
    if not swapped and (uniform := step.uniform()):
        yield uniform
        return
    for law in step.laws():
        reading = step.reading(law)
        if reading is None or not (reading.findings or swapped):
            continue
        if swapped:
            model = reading.model
            assert model is not None

            def exchanged(*arguments: Any, model: Any = model) -> Any:
                outputs = list(model(*arguments))
                return [*outputs[:k], *outputs[k : k + 2][::-1], *outputs[k + 2 :]]

            reading = Reading([_SWAPPED, *reading.findings][:3], exchanged, reading.formula)
        yield reading


def _swapped(ask: Callable[..., Any], spec: Spec) -> bool:
    """Return whether W_hh reaches dc_prev and not dh_prev, where it cannot pass the gates."""
    given = drawn(spec, 1, 3, 4, seed=3) | {"h_prev": np.zeros((1, 4))}
    one = called(ask, spec, given)
    two = called(ask, spec, given | {"W_hh": given["W_hh"] + 0.1})
    moved = {n: not np.allclose(one[n], two[n], 1e-6, 1e-9) for n in ("dh_prev", "dc_prev")}
    return moved["dc_prev"] and not moved["dh_prev"]


class _Step:
    """One learner's step backward, and what has been measured of it."""

    def __init__(self, ask: Callable[..., Any], spec: Spec, tolerance: float) -> None:
        self.ask, self.spec, self.tolerance = ask, spec, tolerance
        self.options = guesses(spec.gates)
        if spec.given:  # nothing is recomputed
            self.options = tuple(g for g in self.options if g._replace(stack="", findings=()) == self.options[0]._replace(stack=""))
        n = len(spec.gates)
        self.wide = drawn(spec, 1, 10 * n + 3, 10, seed=1)
        self.many = drawn(spec, 5, 6, 7, seed=2)
        self.out = called(ask, spec, self.many)
        self.routes = self._routes(self.wide)

    def _routes(self, given: Mapping[str, Any]) -> dict[str, Array]:
        """Return the gradients of the pre-activations as each output has them.

        The coefficients stand in rows: on dc, on dh, on their product, and alone.
        """
        corners = []
        for on_dc, on_dh in ((0, 0), (1, 0), (0, 1), (1, 1)):
            changed = {"dh": on_dh * given["dh"], "dc": on_dc * given["dc"]}
            corners.append(called(self.ask, self.spec, {**given, **changed}))
        routes = {}
        for name in self.spec.outputs:
            found = [self._route(name, out[name], given) for out in corners]
            if all(dz is not None for dz in found):
                routes[name] = self._coefficients(found, given)
        return routes

    def _coefficients(self, corners: Sequence[Any], given: Mapping[str, Any]) -> Array:
        none, dc_only, dh_only, both = corners
        tiles = len(none) // given["dh"].size
        dh, dc = np.tile(given["dh"][0], tiles), np.tile(given["dc"][0], tiles)
        mixed = (both - dc_only - dh_only + none) / (dh * dc)
        return np.array([(dc_only - none) / dc, (dh_only - none) / dh, mixed, none])

    def _route(self, name: str, value: Array, given: Mapping[str, Any]) -> Array | None:
        """Return dz (or dc_prev) from an output for one sequence, if it lies there."""
        if name in ("db", "dz", "dc_prev"):
            return value.ravel()
        if name == "dx":
            dz = value[0] @ np.linalg.pinv(given["W_ih"])
            back = dz @ given["W_ih"]
            return (
                dz
                if np.abs(back - value[0]).max()
                <= 10 * self.tolerance * (np.abs(value).max() + 1e-9)
                else None
            )
        if name in ("dW_ih", "dW_hh"):
            seen = given["x" if name == "dW_ih" else "h_prev"][0]
            dz = value @ seen / (seen @ seen)
            left = np.abs(np.outer(dz, seen) - value).max()
            return dz if left <= 10 * self.tolerance * (np.abs(value).max() + 1e-9) else None
        return None

    def laws(self) -> list[Law]:
        """Return laws of the gradients, plainest first, each of one own forward pass."""
        base = self._base()
        scores = [self._score(guess, base) for guess in self.options]
        best = sorted(range(len(scores)), key=lambda k: (-scores[k], k))[:8]
        laws = []
        for k in dict.fromkeys((*best, 0)):
            laws.append(self._law(self.options[k], base))
            if laws[-1].cost <= 1 + len(self.options[k].findings):
                break
        return sorted(laws, key=lambda law: law.cost)

    def _base(self) -> dict[str, Array]:
        """Return the coefficients that most outputs have, preferring right ones."""
        right = self._right(self.options[0])
        dz = {n: C for n, C in self.routes.items() if n != "dc_prev"}
        gates = np.concatenate([right[g] for g in self.spec.gates], axis=1)
        groups = [[n for n, B in dz.items() if self._same(A, B)] for A in dz.values()]
        groups.sort(key=len, reverse=True)
        for n, C in dz.items():
            if self._same(C, gates):
                groups.insert(0, [n])
        found = {"dz": dz[groups[0][0]]} if groups else {}
        self.base = groups[0][0] if groups else ""
        return found | {n: C for n, C in self.routes.items() if n == "dc_prev"}

    def _same(self, A: Array, B: Array) -> bool:
        return bool(np.abs(A - B).max() <= 10 * self.tolerance * np.abs(B).max())

    def _right(self, guess: Guess) -> dict[str, Array]:
        """Return the right coefficients of every gradient, given the forward pass."""
        values = values_of(self.spec, guess, self.wide)
        ones = np.ones_like(self.wide["dh"])
        result = {}
        for name, (total, factors) in self.spec.users.items():
            parts = [
                total_at(
                    tuple(t if j == k else () for j, t in enumerate(total)), values, ones, ones
                )
                for k in range(4)
            ]
            result[name] = np.array([np.ravel(p * Product(1.0, factors).at(values)) for p in parts])
        return result

    def _blocks(self, guess: Guess, base: Mapping[str, Array]) -> dict[str, Array]:
        """Return the coefficients by gate, as the blocks are stacked."""
        found = {n: C for n, C in base.items() if n == "dc_prev"}
        if "dz" in base:
            found |= {n[1:]: C for n, C in cut("", guess.stack, base["dz"], axis=1).items()}
        return found

    def _score(self, guess: Guess, base: Mapping[str, Array]) -> int:
        """Count the coefficients that are right, given the forward pass."""
        right, blocks = self._right(guess), self._blocks(guess, base)
        return sum(
            bool(np.abs(a).max()) and self._same(blocks[n][k], a)
            for n in blocks
            for k, a in enumerate(right[n])
        )

    def _law(self, guess: Guess, base: Mapping[str, Array], total: Total | None = None) -> Law:
        table = Table(values_of(self.spec, guess, self.wide), self.tolerance)
        blocks = self._blocks(guess, base)
        return LawReader(table, self.spec, blocks).read(guess, total)

    def names(self, law: Law, given: Mapping[str, Any], bound: float = np.inf) -> Names:
        """Return all that a model of the step computes from its arguments, by name."""
        values = values_of(self.spec, law.guess, given)
        dh = given["dh"]
        dc = given["dc"] if "dc" in self.spec.arguments else np.zeros_like(dh)
        users = {n: u.at(values, dh, dc) for n, u in law.users.items()}
        blocks = [users.get(k, 0 * dh) for k in law.guess.stack.removesuffix("~")]
        if law.guess.stack.endswith("~"):
            blocks = np.split(np.stack(blocks, axis=2).reshape(len(dh), -1), len(blocks), axis=1)
        names = names_of(values, [np.clip(a, -bound, bound) for a in blocks], self.spec.gates)
        if "dc" in self.spec.arguments:
            names["dc_total"] = total_at(law.total, values, dh, dc)
        return names | ({"dc_prev": users["dc_prev"]} if "dc_prev" in users else {})

    def reading(self, law: Law) -> Reading | None:
        """Return the reading of all outputs that follows from a law, if it gives them all."""
        names, spec = self.names(law, self.many), self.spec
        recipes: dict[str, Recipe] = {}
        for name in spec.outputs:
            found = recipe(name, self.out[name], names, spec.gates, self.tolerance)
            found = found or self._by_itself(name, law)
            if found is None:
                return None
            recipes[name] = found

        def model(*arguments: Any, bound: float = np.inf) -> list[Array]:
            given = dict(zip(spec.arguments, arguments, strict=True))
            names = self.names(law, given, bound)
            return [
                r.at(self.names(r.own, given, bound) if r.own else names) for r in recipes.values()
            ]

        clipped, says = self._clipped(model)
        findings, formula = told(law, recipes, spec)
        return Reading([*findings, *says][:3], clipped, formula)

    def uniform(self) -> Reading | None:
        """Return the reading of outputs that are all right but for one constant."""
        users = {n: User(Product(1.0, f), t, 0.0) for n, (t, f) in self.spec.users.items()}
        law = Law(self.options[0], CELL, users, 0.0)

        def right(*arguments: Any) -> list[Array]:
            names = self.names(law, dict(zip(self.spec.arguments, arguments, strict=True)))
            return [Recipe(n, RIGHT[n], ((0, Scale()),)).at(names) for n in self.spec.outputs]

        wanted = right(*(self.many[n] for n in self.spec.arguments))
        k = round(float(next(iter(self.out.values())).flat[0] / wanted[0].flat[0]), 6)
        if k in (0, 1) or not all(map(self._same, self.out.values(), (k * a for a in wanted))):
            return None
        how = "has the wrong sign" if k == -1 else f"is {k:g} times what it should be"
        finding = Finding("All outputs", f"Every output {how}.", self.spec.outputs, self.spec.page)
        return Reading([finding], lambda *arguments: [k * a for a in right(*arguments)])

    def _by_itself(self, name: str, law: Law) -> Recipe | None:
        """Read an output that is made of other gradients than the rest."""
        if name == "dh_prev" and "dh_prev" not in self.routes:
            self.routes |= self._blocks_of_W_hh()
        if name not in self.routes or name == "dc_prev":
            return None
        own = self._law(law.guess, {"dz": self.routes[name]}, law.total)
        if any(gate not in own.users for gate in self.spec.gates):
            return None
        names = self.names(own, self.many)
        found = recipe(name, self.out[name], names, self.spec.gates, self.tolerance)
        return found and found._replace(own=own)

    def _blocks_of_W_hh(self) -> dict[str, Array]:
        """Return dz as dh_prev has it: one block of W_hh at a time is the unit matrix."""
        H, n = self.wide["dh"].shape[1], len(self.spec.gates)
        columns = []
        for k in range(n):
            W = np.zeros_like(self.wide["W_hh"])
            W[k * H : (k + 1) * H] = np.eye(H)
            b = self.wide["b"] + (self.wide["W_hh"] - W) @ self.wide["h_prev"][0]
            given = {**self.wide, "W_hh": W, "b": b}
            corners = []
            for on_dc, on_dh in ((0, 0), (1, 0), (0, 1), (1, 1)):
                changed = {"dh": on_dh * given["dh"], "dc": on_dc * given["dc"]}
                corners.append(called(self.ask, self.spec, {**given, **changed})["dh_prev"][0])
            columns.append(self._coefficients(corners, given))
        return {"dh_prev": np.concatenate(columns, axis=1)}

    def _clipped(self, model: Callable[..., Any]) -> tuple[Callable[..., Any], list[Finding]]:
        """Return the model with the clipping that large gradients show, and the finding."""
        spec = self.spec
        large = {n: self.many[n] * (1e4 if n in ("dh", "dc") else 1) for n in spec.arguments}
        got, put = self.ask(*large.values()), [n for n in ("dh", "dc") if n in spec.arguments]

        def fits(one: Callable[..., Any]) -> list[bool]:
            return [self._same(a, b) for a, b in zip(got, one(*large.values()), strict=True)]

        good = fits(model)
        bounds = [np.inf if ok else round(float(np.abs(a).max()), 9) for a, ok in zip(got, good, strict=True)]

        def outputs(*given: Any) -> list[Array]:
            return [np.clip(a, -v, v) for a, v in zip(model(*given), bounds, strict=True)]

        tries: list[tuple[Any, Sequence[str], float]] = [
            (outputs, [n for n, ok in zip(spec.outputs, good, strict=True) if not ok], min(bounds))
        ]
        for bound in CLIPS:
            tries.append((lambda *given, v=bound: model(*given, bound=v), ["dz"], bound))
            tries.append((lambda *given, v=bound: model(*(np.clip(a, -v, v) for a in given[: len(put)]), *given[len(put) :]), put, bound))
        for one, what, bound in tries if not all(good) else []:
            if all(fits(one)):
                says = f"You clip {named(what)} to ±{bound:g}. The step itself clips nothing."
                return one, [Finding("Clipped", says, tuple(what), "clipping")]
        return model, []
