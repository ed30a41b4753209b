"""Read the backward pass of one step: of the LSTM, of the RNN, and with the gates given.

The gradients of the pre-activations, dz, are measured in the outputs for one sequence, as they
depend on dh and on dc. They are read as products of factors, given each forward pass that the
learner may have recomputed; then each output is read as a formula of dz. What comes out is a
program, line by line, beside the right one.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from lstm_tutorial.exercises._factors import Table, factors
from lstm_tutorial.exercises._law import CELL, gradient, shared, written
from lstm_tutorial.exercises._outputs import close, formula
from lstm_tutorial.exercises._programs import KINDS, Guess, Program, Spec, drawn, guesses, run
from lstm_tutorial.exercises._reading import Array, Finding, Reading, named

Parts = Mapping[str, Array]  # by gradient what stands on dc, on dh, on their product, and alone
OFF_ON = (0, 0), (0, 1), (1, 0), (1, 1)  # of dh and of dc
TRIED = 8  # forward passes, those first that leave most coefficients right
_PLAIN = "db", "dz", "dc_prev"  # outputs that show a gradient as it is
CLIPS = (0.01, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 50, 100)
SLOPES = r"\(1 - _\*\*2\)|_ \* \(1 - _\)"


def read_step_back(ask: Any, kind: str = "lstm") -> Iterator[Reading]:
    """Yield readings of one step backward, plainest first.

    Parameters
    ----------
    ask : Ask
        Takes the arguments of the kind and returns its outputs, by position. For "lstm" these are
        dh, dc, x, h_prev, c_prev, W_ih, W_hh, b and dx, dh_prev, dc_prev, dW_ih, dW_hh, db.
    kind : str
        "lstm", "rnn", or "mended" for dh, dc, c_prev, gates, c, W_hh and dh_prev, dc_prev, dz.
    """
    step = _Step(ask, KINDS[kind])
    right = step.spec.program
    if not all(np.isfinite(a).all() for a in step.out.values()):
        return
    for guess, law in step.laws(guesses(kind)):
        program = step.whole(law)
        changed = {n: text for n, text in (program or {}).items() if text != right.get(n, n)}
        if program and changed:
            lines = [(f"{n} = {text}", f"{n} = {right.get(n, n)}") for n, text in changed.items()]
            findings = _findings(step.spec, guess, program, changed)
            yield Reading(findings, partial(computed, step.spec, program), lines)


def computed(spec: Spec, program: Program, *arguments: Any) -> list[Array]:
    """Return the outputs of a program."""
    names = run(program, dict(zip(spec.arguments, arguments, strict=True)))
    return [names[name] for name in spec.outputs]


class _Step:
    """One learner's step backward, and what has been measured of it."""

    def __init__(self, ask: Any, spec: Spec) -> None:
        self.ask, self.spec, self.tolerance = ask, spec, max(1e-7, 100 * ask.eps)
        # One sequence of many units; several sequences of odd sizes.
        self.wide, self.many = drawn(spec, 1, 4, 10, seed=1), drawn(spec, 7, 5, 6, seed=2)
        self.out = self._call(self.many)

    def _call(self, given: Mapping[str, Any]) -> dict[str, Array]:
        outputs = self.ask(*(given[name] for name in self.spec.arguments))
        return dict(zip(self.spec.outputs, outputs, strict=True))

    # What the outputs show of the gradients, by what they depend on

    def _measured(self) -> Parts:
        """Return dz, as most outputs have it or as it should be, and dc_prev."""
        dh, dc = self.wide["dh"], self.wide["dc"]
        corners = [
            self._call({**self.wide, "dh": on_dh * dh, "dc": on_dc * dc}) for on_dh, on_dc in OFF_ON
        ]
        plain = {n: _parts([out[n].ravel() for out in corners]) for n in _PLAIN if n in self.out}
        cell = {"dc_prev": plain.pop("dc_prev")} if "dc_prev" in plain else {}
        found = list(plain.values())
        for name, seen in [("dW_ih", "x"), ("dW_hh", "h_prev")]:
            if name in self.out:  # for one sequence an outer product
                x = self.wide[seen][0]
                found.append(_parts([out[name] @ x / (x @ x) for out in corners]))
        right = [parts for n, parts in self._right(self.spec.program).items() if n != "dc_prev"]
        others = [*found, *[np.concatenate(right, axis=1)] * 9]
        dz = max(found, key=lambda a: sum(close(a, b, self.tolerance) for b in others))
        return {"dz": dz, **cell}

    def _right(self, program: Program) -> Parts:
        """Return the right parts of every gradient, given the forward pass."""
        on_dh, on_dc = np.array(OFF_ON).T[:, :, None]
        users = self.spec.users
        keep = {name: text for name, text in program.items() if name in users or "dz" not in text}
        given = {"dh": on_dh * self.wide["dh"], "dc": on_dc * self.wide["dc"]}
        names = run(keep, self.wide | given)
        return {user: _parts(names[user]) for user in users}

    def _by_gate(self, program: Program, parts: Parts) -> Parts:
        """Return the parts with dz cut into blocks, as the program stacks them."""
        stacked = re.findall("dz_.", program.get("dz", ""))
        if not stacked:
            return parts
        blocks = np.split(parts["dz"], 4, axis=1)
        rest = {name: a for name, a in parts.items() if name != "dz"}
        return dict(zip(stacked, blocks, strict=True)) | rest

    def _score(self, program: Program, measured: Parts) -> int:
        """Count the parts that are right, given the forward pass."""
        right, blocks = self._right(program), self._by_gate(program, measured)
        pairs = [(a, b) for n in blocks for a, b in zip(blocks[n], right[n], strict=True)]
        return sum(bool(np.abs(b).max() > 1e-9) and close(a, b, self.tolerance) for a, b in pairs)

    # The law of the gradients, and the whole

    @np.errstate(all="ignore")
    def laws(self, guesses: list[Guess]) -> list[tuple[Guess, Program]]:
        """Return programs with the gradients as read, plainest first, each for one guess."""
        measured, found = self._measured(), []
        scores = [self._score(guess.program, measured) for guess in guesses]
        best = sorted(range(len(scores)), key=lambda k: (-scores[k], k))[:TRIED]
        for k in dict.fromkeys((*best, 0)):
            program, cost = self._law(guesses[k], measured)
            found.append((cost, k, program))
            if cost <= 1 + bool(guesses[k].where):
                break
        return [(guesses[k], program) for _, k, program in sorted(found, key=lambda law: law[:2])]

    def _law(self, guess: Guess, measured: Parts) -> tuple[Program, float]:
        """Return the program with the gradients as they are read, and how far it is from right."""
        dh, dc = self.wide["dh"][0], self.wide["dc"][0]
        sources = np.array([dc, dh, dh * dc, np.ones_like(dh)])
        parts = {n: a / sources for n, a in self._by_gate(guess.program, measured).items()}
        table = Table(run(guess.program, self.wide), self.tolerance)
        total = shared(table, parts, self.spec.users)
        read = {name: gradient(table, a, self.spec.users[name], total) for name, a in parts.items()}
        lines = {name: line.text for name, line in read.items() if line}
        lines |= {"dc_total": written(total)} if total != CELL else {}
        cost = sum(line.cost if line else 8.0 for line in read.values())
        return guess.program | lines, cost + bool(guess.where) + (total != CELL)

    @np.errstate(all="ignore")
    def whole(self, program: Program) -> Program | None:
        """Return the program with all outputs as read, or None."""
        names, found = run(program, self.many), dict(program)
        for name, value in self.out.items():
            if not close(names[name], value, self.tolerance):
                text = formula(name, self.spec.program[name], value, names, self.tolerance)
                if text is None:
                    return None
                found[name] = text
        return self._clipped(found)

    def _clipped(self, program: Program) -> Program:
        """Return the program with the clipping that large gradients show."""
        put: list[str] = [name for name in ("dh", "dc") if name in self.spec.arguments]
        large = [self.many[n] * (1e4 if n in put else 1) for n in self.spec.arguments]
        got = self.ask(*large)

        def fits(tried: Program) -> bool:
            pairs = zip(got, computed(self.spec, tried, *large), strict=True)
            return all(close(a, b, self.tolerance) for a, b in pairs)

        def clip(names: list[str], bound: float) -> Program:
            lines = {name: name for name in put if name in names} | program
            return lines | {n: f"clip({lines[n]}, -{bound:g}, {bound:g})" for n in names}

        every = [
            put,
            ["dz"],
            ["dc_total"],
            self.spec.outputs,
            *([n] for n in self.spec.outputs),
        ]
        known = {*program, *put}
        tries = (clip(some, k) for k in CLIPS for some in every if known.issuperset(some))
        return program if fits(program) else next(filter(fits, tries), program)


def _parts(corners: Any) -> Array:
    """Return what stands on dc, on dh, on both, and alone."""
    none, dc, dh, both = corners
    return np.array([dc - none, dh - none, both - dc - dh + none, none])


def _findings(spec: Spec, guess: Guess, program: Program, changed: Program) -> list[Finding]:
    """Return a finding for each kind of slip in the changed lines, three at most."""
    groups: dict[object, list[str]] = {}
    for name, text in changed.items():
        forward = guess.program.get(name) != spec.program.get(name)
        slip = guess.where if forward else _slip(name, text, spec.program.get(name, name))
        groups.setdefault(slip, []).append(name)
    return [_finding(spec, guess, names, program) for names in groups.values()][:3]


def _slip(name: str, text: str, right: str) -> str:
    """Return what is alike in lines with one slip."""
    if not name.startswith("dz_"):
        return re.sub("[()]", "", text.replace(right, "_"))
    gate = rf"\b{name.removeprefix('dz_')}\b"
    read, should = ([re.sub(gate, "_", part) for part in factors(line)] for line in (text, right))
    lost = [re.sub(SLOPES, "the slope", part) for part in should if part not in read]
    return f"{[part for part in read if part not in should]} for {lost}"


def _finding(spec: Spec, guess: Guess, names: list[str], program: Program) -> Finding:
    """Say what the lines compute, and what they should."""
    right = spec.program
    shown = names if len(names) < 4 else names[:1]
    says = f"You compute {named([f'{name} = {program[name]}' for name in shown])}."
    should = [f"{name} = {right[name]}" for name in shown if name in right]
    says += f" It should be {named(should)}." if should else " The step itself clips nothing."
    if len(shown) < len(names):
        says += f" Likewise for {named(names[1:])}."
    own = guess.program.get(names[0]) != right.get(names[0])
    if not own and "dc_total" in says and names[0] != "dc_total":
        says += f" Here dc_total = {program['dc_total']}."
    about = {"dc_total": "dc"} | ({} if "dz_i" in right or "clip" in says else {"dz": "slope"})
    where = guess.where.split() if own else [about.get(n, n.removeprefix("dz_")) for n in names]
    return Finding(named(names), says, tuple(where), spec.page)
