"""What is said of a step that was read: how it differs from the right one, gate by gate."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lstm_tutorial.exercises._grammar import IDENTITY, SIGMOID, TANH, Factor, Squash, Sum, Term
from lstm_tutorial.exercises._reading import Finding, named
from lstm_tutorial.exercises._wiring import AS_IT_IS, SIGNALS, Wiring

if TYPE_CHECKING:
    from lstm_tutorial.exercises._step import Form, Law, Model

LONG = {"i": "input gate", "f": "forget gate", "g": "candidate", "o": "output gate"}


def said(form: "Form", model: "Model") -> tuple[list[Finding], list[tuple[str, str]]]:
    """Return what is wrong, cause before symptom, and the formula as read beside the right one."""
    wiring, law, swapped = model.wiring, model.law, model.swapped
    found = list(_of_outputs(swapped))
    law, exchanged = _exchanged(form, wiring, law)
    found += exchanged
    found += _of_wiring(form, wiring, bool(exchanged))
    if form.cell is None:
        found += _of_one(form, law.hidden)
        return found, [(f"h = {law.hidden}", f"h = {form.hidden}")]
    found += _Differences(form, law).findings()
    read = [(_cell_written(law), f"c = {form.cell}"), (f"h = {law.hidden}", f"h = {form.hidden}")]
    return found, read


def _cell_written(law: "Law") -> str:
    parts = []
    for by, what in [(law.kept, law.inner.written.format("c_prev")), (law.by_h, "h_prev")]:
        if by.terms:
            plain = len(by.terms) == 1 and not by.terms[0].factors and by.terms[0].number == 1
            many = len(by.terms) > 1
            parts.append(what if plain else f"({by}) · {what}" if many else f"{by} · {what}")
    parts += [str(law.new)] if law.new.terms else []
    return f"c = {law.outer.written.format(' + '.join(parts).replace('+ −', '− ') or '0')}"


def _of_outputs(swapped: bool) -> Iterator[Finding]:
    if swapped:
        says = "h and c stand in each other's place among what you return: h comes first."
        yield Finding("h and c returned in the other order", says, ("h", "c"), "state")


def _exchanged(form: "Form", wiring: Wiring, law: "Law") -> tuple["Law", list[Finding]]:
    """Take the two old states for each other, if the formula is so told in fewer words."""
    met = [s.words for road in wiring.roads if road.name == "h" for s in road.signals]
    if form.cell is None or set(met) != {"c_prev"} or law.kept.terms or not law.by_h.terms:
        return law, []
    says = "h_prev and c_prev are taken for each other: W_hh meets c_prev, and the forget gate "
    says += "h_prev. It is h_prev @ W_hh.T, and f · c_prev."
    law = law._replace(kept=law.by_h, by_h=law.kept)
    return law, [Finding("h_prev and c_prev exchanged", says, ("h", "c"), "state")]


# Wiring


def _of_wiring(form: "Form", wiring: Wiring, exchanged: bool) -> Iterator[Finding]:
    ways = {road.way.words for road in wiring.roads if not np.all(road.slopes == 0)}
    together = len(ways) == 1
    for road in wiring.roads:
        if road.way is not AS_IT_IS and (not together or road is wiring.roads[0]):
            yield _of_way(form, road, together)
    if not exchanged:
        yield from _of_signals(form, wiring)
    yield from _of_parts(form, wiring)


def _matrix(form: "Form", road: str) -> str:
    return form.names[{"x": "W_ih", "h": "W_hh", "b": "b"}[road]]


def _of_way(form: "Form", road, together: bool) -> Finding:
    name = "The weights and the bias" if together else _matrix(form, road.name)
    where = tuple(form.letters) if together else (_matrix(form, road.name),)
    if road.way.blocks:
        letter = form.letters[road.way.blocks[0]]
        if road.way.words[0] in "+-":
            early = "late" if road.way.words[0] == "+" else "early"
            says = f"The rows of the {LONG[letter]} start one row too {early}: its slice overlaps "
            says += "another gate's."
        else:
            says = f"The block of the {LONG[letter]} in {name} is used {road.way.words}."
        return Finding(f"slice of {letter}", says, (letter,), "numpy")
    verb = "are" if together else "is"
    says = f"{name} {verb} used {road.way.words}. A gate has H rows, one after the other, and "
    says += "rows are what comes out: x @ W.T."
    return Finding(road.way.words.split(",")[0], says, where, "numpy")


def _of_signals(form: "Form", wiring: Wiring) -> Iterator[Finding]:
    for road in wiring.roads:
        right = SIGNALS[road.name][0]
        by_signal: dict[str, list[int]] = {}
        for s, signal in enumerate(road.signals):
            if signal is not right:
                by_signal.setdefault(signal.words, []).append(s)
        for words, blocks in by_signal.items():
            signal = road.signals[blocks[0]]
            letters = [form.letters[s] for s in blocks]
            every = len(blocks) == len(form.letters)
            gates = "" if every else f" in the {named([LONG[k] for k in letters])}"
            says = f"{_matrix(form, road.name)} meets {words}{gates}, where it should meet "
            says += f"{right.words}."
            where = () if every else tuple(letters)
            yield Finding(
                f"{_matrix(form, road.name)} meets {words}", says, (*where, *signal.where), "gates"
            )


def _of_parts(form: "Form", wiring: Wiring) -> Iterator[Finding]:
    """Say where a part is missing, counted otherwise, or taken from another gate."""
    S = len(form.letters)
    idle = set(wiring.unused())
    for road in wiring.roads:
        name = _matrix(form, road.name)
        short = {"x": "x", "h": "h", "b": "b"}[road.name]
        live = [s for s in range(S) if s not in idle and s not in road.apart]
        rows = {s: road.gates[s] for s in live}
        wrong = {s: r for s, r in rows.items() if np.abs(r - np.eye(S)[s]).max() > 1e-3}
        if not wrong:
            continue
        all_wrong = len(wrong) == len(live)
        numbers = {round(float(r[s]), 4) for s, r in wrong.items()}
        own = all(np.abs(np.delete(r, s)).max(initial=0) < 1e-3 for s, r in wrong.items())
        letters = [form.letters[s] for s in wrong]
        where = (short,) if all_wrong else tuple(letters)
        gates = "" if all_wrong else f" in the {named([LONG.get(k, k) for k in letters])}"
        if own and len(numbers) == 1:
            number = numbers.pop()
            says, title = _counted(name, road.name, number, gates)
            yield Finding(title, says, where, "gates")
            continue
        told = "; ".join(
            f"the {LONG.get(form.letters[s], 'sum')} takes {_blocks(form, name, r)}"
            for s, r in wrong.items()
        )
        says = f"Of {name}, {told}. Each takes its own block."
        yield Finding(f"blocks of {name}", says, tuple(letters), "gates")


def _blocks(form: "Form", name: str, row) -> str:
    parts = [
        f"{'' if abs(v - 1) < 1e-3 else f'{v:.3g} times '}the block of {form.letters[k]}"
        for k, v in enumerate(row) if abs(v) > 1e-3
    ]  # fmt: skip
    return named(parts) if parts else "none"


def _counted(name: str, road: str, number: float, gates: str) -> tuple[str, str]:
    what = {"x": "The part from x", "h": "The part from the old state", "b": "The bias"}[road]
    if number == 0:
        return f"{what} ({name}) is left out{gates}.", f"{name} left out"
    if number == -1:
        return f"{what} ({name}) is subtracted{gates}; it is added.", f"{name} subtracted"
    if number == 2:
        return f"{what} ({name}) is added twice{gates}.", f"{name} added twice"
    return f"{what} ({name}) is multiplied by {number:.4g}{gates}.", f"{name} scaled"


# One squash


def _of_one(form: "Form", hidden: Sum) -> Iterator[Finding]:
    right = form.hidden.terms[0].factors[0]
    if str(hidden) == str(form.hidden):
        return
    term = hidden.terms[0] if len(hidden.terms) == 1 else None
    what = form.output[0] if form.output else "the gate"
    if term and len(term.factors) == 1 and term.factors[0].base == "z" and term.number == 1 and (
        hidden.outer is IDENTITY):  # fmt: skip
        words = term.factors[0].squash.words
        says = f"The sum is squashed by {words}; it should be {right.squash.words}."
        yield Finding(f"squashed by {words}", says, form.output, form.page)
        return
    parts = {f.base[0] for t in hidden.terms for f in t.factors if "|" in f.base}
    where = (
        ("b",)
        if any(f.base == "b|z" for t in hidden.terms for f in t.factors) and parts == {"b", "x"}
        else form.output
    )  # noqa: E501
    says = f"You return {hidden}. It should be {form.hidden}: the parts are added first, then "
    says += f"{right.squash.words} is applied once to their sum."
    yield Finding(f"{what} = {hidden}", says, where, form.page)


# Cell and hidden state


class _Differences:
    """Compares a law with the right one."""

    def __init__(self, form: "Form", law: "Law") -> None:
        self.form, self.law = form, law
        assert form.cell is not None
        kept, new = form.cell.terms
        self.right = {"f": kept.factors[0], "i": new.factors[0], "g": new.factors[1],
                      "o": form.hidden.terms[0].factors[0]}  # fmt: skip
        self.read = self._roles()

    def _roles(self) -> dict[str, Factor]:
        """Return what plays which part, as far as the formula has the right build."""
        found: dict[str, Factor] = {}
        kept = _product(self.law.kept)
        if kept and len(kept) == 1:
            found["f"] = kept[0]
        new = _product(self.law.new)
        if new and len(new) == 2:
            orders = [dict(zip("ig", order, strict=True)) for order in (new, new[::-1])]
            found |= min(orders, key=lambda o: sum(self._cost(k, f) for k, f in o.items()))
        shown = _product(self.law.hidden)
        gates = [f for f in shown or () if letter_of(f)]
        if shown and len(shown) == 2 and len(gates) == 1:
            found["o"] = gates[0]
        return found

    def _cost(self, role: str, factor: Factor) -> float:
        right = self.right[role]
        return (factor.squash is not right.squash) + 0.9 * (letter_of(factor) != right.base)

    def findings(self) -> Iterator[Finding]:
        yield from self._order()
        yield from self._squashes()
        yield from self._kept()
        yield from self._new()
        yield from self._carried()
        yield from self._returned()
        yield from self._shown()

    def _order(self) -> Iterator[Finding]:
        moved = {
            k: letter_of(f) for k, f in self.read.items() if letter_of(f) != self.right[k].base
        }
        exchange = bool(moved) and sorted(moved.values()) == sorted(
            self.right[k].base for k in moved
        )
        self.moved = set(moved) if exchange else set()
        if exchange:
            blocks = [self.read[k].base[-1] if k in self.read else k for k in "ifgo"]
            order = sorted("ifgo", key=lambda k: "ifgo".index(blocks["ifgo".index(k)]))
            says = f"The four blocks of rows are taken for {', '.join(order)}. They stand in the "
            says += "order i, f, g, o."
            yield Finding(f"gates read as {' '.join(order)}", says, tuple(moved), "same")

    def _squashes(self) -> Iterator[Finding]:
        """Say what squashes the gates, those with the same mistake together."""
        by_squash: dict[str, list[str]] = {}
        for role, factor in self.read.items():
            own = role in self.moved or letter_of(factor) == self.right[role].base
            if own and factor.squash is not self.right[role].squash:
                key = f"{factor.squash.written}/{self.right[role].squash.words}"
                by_squash.setdefault(key, []).append(role)
        for roles in by_squash.values():
            got, want = self.read[roles[0]].squash, self.right[roles[0]].squash
            who = named([LONG[k] for k in roles])
            verb = "are" if len(roles) > 1 else "is"
            written = got.written.format("z")
            says = (
                f"The {who} {verb} squashed by {got.words}, {written}; it should be {want.words}."
            )
            if got is IDENTITY:
                says = f"The {who} {verb} not squashed; it should be by {want.words}."
            title = f"{', '.join(roles)} {'not squashed' if got is IDENTITY else f'squashed by {got.words}'}"
            yield Finding(title, says, tuple(roles), "gates")
        for role, factor in self.read.items():
            base = letter_of(factor)
            if base == self.right[role].base or role in self.moved:
                continue
            says = f"The {LONG[role]} is {factor}; it should be {self.right[role]}."
            yield Finding(f"{role} = {factor}", says, (role,), "gates")

    def _kept(self) -> Iterator[Finding]:
        law = self.law
        if law.by_h.terms:
            says = f"The old hidden state h_prev is multiplied by {law.by_h} and kept in the cell; "
            says += "it is the cell state c_prev that is kept."
            yield Finding("h_prev kept in the cell", says, ("h", "c"), "state")
            if not law.kept.terms:
                return
        if law.inner is not IDENTITY:
            says = (
                f"The old cell state goes through {law.inner.words} before it is kept; it is kept "
            )
            says += "as it is."
            yield Finding("old cell state squashed", says, ("c",), "state")
        if "f" in self.read:
            yield from self._number("f", law.kept)
            return
        if not law.kept.terms:
            says = "The old cell state is left out of the new one: c = f · c_prev + i · g."
            yield Finding("old cell state left out", says, ("c",), "state")
        elif str(law.kept) == "1":
            if self._added_gate():
                return
            says = (
                "The old cell state is kept whole: the forget gate is left out. It is f · c_prev."
            )
            yield Finding("forget gate left out", says, ("f",), "gates")
        else:
            says = f"The old cell state is multiplied by {law.kept}; it should be by {self.right['f']}."
            yield Finding("old cell state multiplied otherwise", says, ("f",), "gates")

    def _added_gate(self) -> bool:
        """Tell whether the forget gate is added, which the sum says."""
        terms = self.law.new.terms
        return len(terms) == 2 and any(
            len(t.factors) == 1 and letter_of(t.factors[0]) == "f" for t in terms
        )

    def _number(self, role: str, of: Sum) -> Iterator[Finding]:
        number = of.terms[0].number
        if number == 1:
            return
        what = {"f": "old cell state", "g": "new content", "o": "hidden state"}[role]
        how = "with the wrong sign" if number == -1 else f"multiplied by {number:.4g}"
        title = f"{what} subtracted" if number == -1 else f"{what} scaled"
        where = ("h",) if role == "o" else (role,)
        yield Finding(title, f"The {what} enters {how}.", where, "gates")

    def _new(self) -> Iterator[Finding]:
        new, right = self.law.new, [self.right["i"], self.right["g"]]
        if "i" in self.read:
            yield from self._number("g", new)
            return
        if not new.terms:
            says = "Nothing new is added: i · g is left out of c = f · c_prev + i · g."
            yield Finding("new content left out", says, ("i", "g"), "gates")
            return
        whole = [t for t in new.terms if set(t.factors) == set(right) and t.number == 1]
        extra = [t for t in new.terms if t not in whole]
        if whole and extra:
            where = sorted({letter_of(f) or f.base for t in extra for f in t.factors})
            says = f"To the cell state {Sum(tuple(extra))} is added. It is c = f · c_prev + i · g."
            if self._added_gate() and str(self.law.kept) == "1":
                says = "The forget gate is added to the old cell state; it multiplies: f · c_prev."
            yield Finding("one term too many", says, tuple(where), "gates")
            return
        lacks = [k for k in "ig" if not all(self.right[k] in t.factors for t in new.terms)]
        if not lacks:
            lacks = sorted(
                {letter_of(f) or f.base for t in new.terms for f in t.factors if f not in right}
            )
        says = f"What is added to the cell state is {new}; it should be {right[0]} · {right[1]}."
        yield Finding("new content", says, tuple(lacks), "gates")

    def _carried(self) -> Iterator[Finding]:
        if self.law.outer is not IDENTITY:
            says = (
                f"The new cell state goes through {self.law.outer.words} before it is carried on; "
            )
            says += "it is carried on as it is."
            yield Finding("cell state squashed", says, ("c",), "state")

    def _returned(self) -> Iterator[Finding]:
        returned = str(self.law.returned)
        if returned == "c":
            return
        says = f"Returned as c is {returned}; it should be the new cell state."
        titles = {"c_prev": "the old c returned", "the new h": "h returned twice"}
        yield Finding(titles.get(returned, f"c returned as {returned}"), says, ("c",), "state")

    def _shown(self) -> Iterator[Finding]:
        hidden, right = self.law.hidden, Factor(TANH, "c")
        shown = _product(hidden)
        if "o" in self.read and shown:
            yield from self._number("o", hidden)
            state = next(f for f in shown if f is not self.read["o"])
            if state != right:
                says = f"h is made of {state}; it should be {right}, of the new cell state."
                yield Finding(f"h made of {state}", says, ("h",), "state")
            return
        has = [right in t.factors for t in hidden.terms]
        gate = [self.right["o"] in t.factors for t in hidden.terms]
        where = [k for k, ok in (("o", gate), ("h", has)) if not all(ok) or not ok]
        if shown and len(shown) == 1 and has == [True]:
            where = ["o", "h"]
            says = "The output gate is left out: h is tanh(c). It is o · tanh(c)."
        else:
            says = f"h is {hidden}; it should be {self.form.hidden}."
        yield Finding(f"h = {hidden}", says, tuple(where or ["h"]), "state")


def letter_of(factor: Factor) -> str:
    """Return the gate of a factor, or nothing for a state."""
    return factor.base[-1] if "|" in factor.base or factor.base in LONG else ""


def _product(law: Sum) -> tuple[Factor, ...] | None:
    """Return the factors, if it is one product that nothing squashes."""
    plain = len(law.terms) == 1 and law.outer is IDENTITY
    return law.terms[0].factors if plain else None


__all__ = ["SIGMOID", "Sequence", "Squash", "Term", "letter_of", "said"]
