"""Read the backward pass of one step: of the LSTM, of the RNN, and with the gates given.

The gradients of the pre-activations, dz, are measured in every output that shows them, as they
depend on dh and on dc. What most outputs share is read as products of factors, given each forward
pass that the learner may have recomputed; then each output is read as a formula of dz. What comes
out is a program, line by line, beside the right one.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache, partial
from itertools import product
from typing import Any

import numpy as np

from lstm_tutorial.exercises._factors import Table
from lstm_tutorial.exercises._law import KINDS, Law, LawReader, Spec, Total, drawn
from lstm_tutorial.exercises._outputs import close, formula
from lstm_tutorial.exercises._programs import Guess, Program, guesses, run
from lstm_tutorial.exercises._reading import Array, Finding, Reading, named

CLIPS = (0.01, 0.1, 0.25, 0.5, 1, 2, 3, 5, 6, 8, 10, 15, 20, 50, 100)
# Names that differ from output to output where a slip is the same.
_ALIKE = (
    ("U_", "W_"), ("W_hh", "W_ih"), ("h_prev", "x"), ("dz[0]", "dz[:1].T @ x[:1]"),
    (".sum(axis=0)", ".T @ x"), (" @ W_ih", ".T @ x"), ("(", ""), (")", ""),
)  # fmt: skip
_EXCHANGED = ("dh_prev = dc_total * f", "dc_prev = dz @ W_hh")
TRIED = 8  # forward passes, those first that leave most coefficients right


def read_step_back(ask: Any, kind: str = "lstm") -> Iterator[Reading]:
    """Yield readings of one step backward, plainest first.

    Parameters
    ----------
    ask : Ask
        Takes the arguments of the kind and returns its outputs, by position. For "lstm" these are
        dh, dc, x, h_prev, c_prev, W_ih, W_hh, b and dx, dh_prev, dc_prev, dW_ih, dW_hh, db.
    kind : str
        "lstm"; "mended" for dh, dc, c_prev, gates, c, W_hh and dh_prev, dc_prev, dz; "rnn";
        "sigmoid" for dh, x, h_prev, h, W_hh and dW_ih, dW_hh, db.
    """
    yield from _Step(ask, KINDS[kind], _guesses(kind)).readings()


@cache
def _guesses(kind: str) -> list[Guess]:
    return guesses(KINDS[kind].program)


class _Step:
    """One learner's step backward, and what has been measured of it."""

    def __init__(self, ask: Any, spec: Spec, guesses: list[Guess]) -> None:
        self.ask, self.spec, self.tolerance = ask, spec, max(1e-7, 100 * ask.eps)
        self.guesses = guesses
        n = 40 if "dz_i" in spec.users else 10
        # One sequence and more inputs than pre-activations; several sequences of odd sizes.
        self.wide, self.many = drawn(spec, 1, n + 3, 10, seed=1), drawn(spec, 7, 5, 6, seed=2)
        self.out = self._call(self.many)
        corners = self._corners(self.wide)
        self.routes = {name: self._route(name, corners) for name in spec.outputs}

    def _call(self, given: Mapping[str, Any]) -> dict[str, Array]:
        outputs = self.ask(*(given[name] for name in self.spec.arguments))
        return dict(zip(self.spec.outputs, outputs, strict=True))

    def readings(self) -> Iterator[Reading]:
        """Yield the readings, plainest first."""
        if not all(np.isfinite(a).all() for a in self.out.values()):
            return
        yield from self._uniform()
        for law in self._laws():
            program = self._outputs(law)
            reading = self._told(law.guess, self._clipped(program)) if program else None
            if reading and reading.findings:
                yield reading

    # What the outputs show of dz

    def _corners(self, given: Mapping[str, Any]) -> list[dict[str, Array]]:
        """Return the outputs with dc and dh off, dc alone, dh alone, and both."""
        return [
            self._call({**given, "dc": on_dc * given["dc"], "dh": on_dh * given["dh"]})
            for on_dh, on_dc in product((0, 1), repeat=2)
        ]

    def _parts(self, corners: Any) -> Array:
        none, dc, dh, both = corners
        return np.array([dc - none, dh - none, both - dc - dh + none, none])

    def _route(self, name: str, corners: list[dict[str, Array]]) -> Array | None:
        """Return dz, or dc_prev, as an output for one sequence shows it, if it does."""
        shown = [self._shown(name, out[name]) for out in corners]
        return None if any(dz is None for dz in shown) else self._parts(shown)

    def _shown(self, name: str, value: Array) -> Array | None:
        if name in ("db", "dz", "dc_prev"):
            return value.ravel()
        if name == "dh_prev":
            return None
        if name == "dx":
            W = self.wide["W_ih"]
            dz: Array = value[0] @ np.linalg.pinv(W)
            return dz if close(dz @ W, value[0], self.tolerance) else None
        seen = self.wide["x" if name == "dW_ih" else "h_prev"][0]
        dz = value @ seen / (seen @ seen)
        return dz if close(np.outer(dz, seen), value, self.tolerance) else None

    def _dz_of_dh_prev(self) -> Array:
        """Return dz as dh_prev shows it: one block of W_hh at a time is the unit matrix."""
        H = self.wide["dh"].shape[1]
        columns = []
        for k in range(len(self.wide["W_hh"]) // H):
            W = np.zeros_like(self.wide["W_hh"])
            W[k * H : (k + 1) * H] = np.eye(H)
            # The bias makes up for it, so that the gates stay as they are.
            b = self.wide["b"] + (self.wide["W_hh"] - W) @ self.wide["h_prev"][0]
            corners = self._corners({**self.wide, "W_hh": W, "b": b})
            columns.append(self._parts([out["dh_prev"][0] for out in corners]))
        return np.concatenate(columns, axis=1)

    def _base(self) -> dict[str, Array]:
        """Return the parts of dz that are right, or that most outputs have, and of dc_prev."""
        shown = {name: parts for name, parts in self.routes.items() if parts is not None}
        found = {"dc_prev": shown.pop("dc_prev")} if "dc_prev" in shown else {}
        right = self._right(self.guesses[0])
        gates = np.concatenate([p for name, p in right.items() if name != "dc_prev"], axis=1)

        def votes(parts: Array) -> int:
            return sum(close(parts, b, self.tolerance) for b in (*shown.values(), *[gates] * 9))

        return found | ({"dz": max(shown.values(), key=votes)} if shown else {})

    def _right(self, guess: Guess) -> dict[str, Array]:
        """Return the right parts of every gradient, given the forward pass."""
        # A row for each of the corners; sums over the batch have no meaning there.
        dh, dc = [[0], [0], [1], [1]] * self.wide["dh"], [[0], [1], [0], [1]] * self.wide["dc"]
        keep = {n: t for n, t in guess.program.items() if n in self.spec.users or "dz" not in t[3:]}
        names = run(keep, {**self.wide, "dh": dh, "dc": dc})
        return {user: self._parts(names[user]) for user in self.spec.users}

    # The law of the gradients

    @np.errstate(all="ignore")
    def _laws(self) -> list[Law]:
        """Return laws of the gradients, plainest first, each for one forward pass."""
        base, laws = self._base(), []
        scores = [self._score(guess, base) for guess in self.guesses]
        best = sorted(range(len(scores)), key=lambda k: (-scores[k], k))[:TRIED]
        for k in dict.fromkeys((*best, 0)):
            laws.append(self._law(self.guesses[k], base))
            if laws[-1].cost <= 1 + bool(self.guesses[k].where):
                break
        return sorted(laws, key=lambda law: law.cost)

    def _blocks(self, guess: Guess, base: Mapping[str, Array]) -> dict[str, Array]:
        """Return the parts by gate, as the blocks are stacked."""
        found = {name: parts for name, parts in base.items() if name == "dc_prev"}
        if "dz" not in base or "dz_i" not in self.spec.users:
            return dict(base)
        gates, parts = guess.stack.strip("~"), base["dz"]
        mixed = gates != guess.stack
        blocks = [parts[:, k::4] for k in range(4)] if mixed else np.split(parts, 4, axis=1)
        return found | {f"dz_{gate}": block for gate, block in zip(gates, blocks, strict=True)}

    def _score(self, guess: Guess, base: Mapping[str, Array]) -> int:
        """Count the parts that are right, given the forward pass."""
        right, blocks = self._right(guess), self._blocks(guess, base)
        pairs = [(a, b) for n in blocks for a, b in zip(blocks[n], right[n], strict=True)]
        return sum(bool(np.abs(b).max() > 1e-9) and close(a, b, self.tolerance) for a, b in pairs)

    def _law(self, guess: Guess, base: Mapping[str, Array], total: Total | None = None) -> Law:
        dh, dc = self.wide["dh"][0], self.wide["dc"][0]
        sources = np.array([dc, dh, dh * dc, np.ones_like(dh)])
        blocks = {n: parts / sources for n, parts in self._blocks(guess, base).items()}
        table = Table(run(guess.program, self.wide), self.tolerance)
        return LawReader(table, self.spec, blocks).read(guess, total)

    # The whole

    @np.errstate(all="ignore")
    def _outputs(self, law: Law) -> Program | None:
        """Return the program with all outputs as read, or None."""
        names, program = run(law.program, self.many), dict(law.program)
        for name in self.spec.outputs:
            right = self.spec.program[name].split(" = ")[1]
            if name not in law.unread and close(names[name], self.out[name], self.tolerance):
                continue
            text = formula(name, right, self.out[name], names, self.tolerance)
            text = text or self._by_itself(name, right, law)
            if text is None:
                return None
            program[name] = f"{name} = {text}"
        return program

    def _by_itself(self, name: str, right: str, law: Law) -> str | None:
        """Return the formula of an output that is made of other gradients than the rest."""
        if name == "dh_prev" and self.routes[name] is None:
            self.routes[name] = self._dz_of_dh_prev()
        parts = self.routes[name]
        if parts is None or name == "dc_prev":
            return None
        own = self._law(law.guess, {"dz": parts}, law.total)
        text = formula(name, right, self.out[name], run(own.program, self.many), self.tolerance)
        if own.unread or text is None or re.search("dz_", text):
            return None
        lines = [own.program[user].split(" = ")[1] for user in self.spec.users if user != "dc_prev"]
        whole = f"hstack([{', '.join(lines)}])" if len(lines) > 1 else f"({lines[0]})"
        return re.sub(r"\bdz\b", whole, text)

    def _model(self, program: Program, *arguments: Any) -> list[Array]:
        given = dict(zip(self.spec.arguments, arguments, strict=True))
        names, rows = run(program, given), {"dh_prev": "dh", "dc_prev": "dh", "dx": "x"}
        return [names[name] + 0 * given.get(rows.get(name, ""), 0) for name in self.spec.outputs]

    def _fits(self, program: Program, large: list[Any], got: list[Array]) -> list[bool]:
        pairs = zip(got, self._model(program, *large), strict=True)
        return [close(a, b, self.tolerance) for a, b in pairs]

    def _uniform(self) -> Iterator[Reading]:
        """Yield the reading of outputs that are all right but for one constant."""
        right, spec = run(self.spec.program, self.many), self.spec
        first = spec.outputs[0]
        k = float(f"{self.out[first].flat[0] / right[first].flat[0]:.6g}")
        if k in (0, 1) or any(
            not close(k * right[n], a, self.tolerance) for n, a in self.out.items()
        ):
            return
        says = f"All outputs are {k:g} times what they should be."
        lines = {n: f"{n} = {k:g} * ({spec.program[n].split(' = ')[1]})" for n in spec.outputs}
        yield Reading(
            [Finding("All outputs", says, spec.outputs, spec.page)],
            partial(self._model, spec.program | lines),
            [(line, spec.program[n]) for n, line in lines.items()],
        )

    def _clipped(self, program: Program) -> Program:
        """Return the program with the clipping that large gradients show."""
        put = [name for name in ("dh", "dc") if name in self.spec.arguments]
        large = [self.many[n] * (1e4 if n in put else 1) for n in self.spec.arguments]
        got = self.ask(*large)
        good = dict(zip(self.spec.outputs, self._fits(program, large, got), strict=True))
        if all(good.values()):
            return program
        peaks = dict(zip(self.spec.outputs, (float(np.abs(a).max()) for a in got), strict=True))

        def clip(**bounds: float) -> Program:
            lines = {name: f"{name} = {name}" for name in put if name in bounds} | program
            return {n: _clip(line, bounds[n]) if n in bounds else line for n, line in lines.items()}

        tries = [clip(**{name: peaks[name] for name, ok in good.items() if not ok})]
        for bound in CLIPS:
            tries += [clip(dz=bound), clip(dc_total=bound), clip(**dict.fromkeys(put, bound))]
        return next((p for p in tries if all(self._fits(p, large, got))), program)

    def _told(self, guess: Guess, program: Program) -> Reading:
        """Return the reading of a program, a finding for each kind of slip."""
        right = self.spec.program
        changed = {n: line for n, line in program.items() if line != right.get(n, f"{n} = {n}")}
        groups: dict[object, list[str]] = {}
        for name, line in changed.items():
            groups.setdefault(self._kind(name, line, guess), []).append(name)
        findings = [self._finding(names, changed, guess) for names in groups.values()]
        lines = [(line, right.get(name, "")) for name, line in changed.items()]
        return Reading(findings[:3], partial(self._model, program), lines)

    def _kind(self, name: str, line: str, guess: Guess) -> object:
        """Return what is alike in lines with one slip."""
        if guess.program.get(name) != self.spec.program.get(name):
            return guess.where
        if line in _EXCHANGED:
            return _EXCHANGED
        if name in self.spec.outputs and name not in self.spec.users:
            for old, new in _ALIKE:
                line = line.replace(old, new)
            return line.split(" = ")[1]
        gate, right = name.removeprefix("dz_"), self.spec.program.get(name, name)
        texts = (re.sub(rf"\b{gate}\b", "_", text).split(" = ")[-1] for text in (line, right))
        read, should = (text.split(" * ") for text in texts)
        for token in list(should):
            if token in read:
                read.remove(token)
                should.remove(token)
        slip = f"{' * '.join(read)} for {' * '.join(should)}"
        for form in ("(1 - tanh(_)**2)", "σ(_) * (1 - σ(_))"):
            slip = slip.replace(form, "again")
        for form in ("(1 - _**2)", "_ * (1 - _)"):
            slip = slip.replace(f"for {form}", "for the slope")
        return slip if "dz" in name else (name, slip)

    def _finding(self, names: list[str], changed: Program, guess: Guess) -> Finding:
        right = self.spec.program
        shown = names if len(names) < 4 else names[:1]
        read, should = [changed[n] for n in shown], [right[n] for n in shown if n in right]
        says = f"You compute {named(read)}."
        says += f" It should be {named(should)}." if should else " The step itself clips nothing."
        if len(shown) < len(names):
            says += f" Likewise for {named(names[1:])}."
        own = guess.program.get(names[0]) != right.get(names[0])
        if not own and "dc_total" in says and names[0] != "dc_total":
            line = changed.get("dc_total", right.get("dc_total", ""))
            says += f" Here {line}."
        about = {"dc_total": "dc"} | ({} if "dz_i" in right or "clip" in says else {"dz": "slope"})
        where = guess.where.split() if own else [about.get(n, n.removeprefix("dz_")) for n in names]
        return Finding(named(names), says, tuple(where), self.spec.page)


def _clip(line: str, bound: float) -> str:
    name, text = line.split(" = ")
    return f"{name} = clip({text}, -{bound:g}, {bound:g})"
