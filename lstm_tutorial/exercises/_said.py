"""What is said of a step that was read: how it differs from the right one, gate by gate."""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from lstm_tutorial.exercises import _wiring
from lstm_tutorial.exercises._form import Form, Law, Model
from lstm_tutorial.exercises._grammar import IDENTITY, TANH, Factor, Sum, Term
from lstm_tutorial.exercises._reading import Finding, named
from lstm_tutorial.exercises._wiring import AS_IT_IS, Road, Wiring

LONG = {"i": "input gate", "f": "forget gate", "g": "candidate", "o": "output gate"}
PART = {"x": "the part from x", "h": "the part from the old state", "b": "the bias"}


def said(form: Form, model: Model) -> tuple[list[Finding], list[tuple[str, str]]]:
    """Return what is wrong, cause before symptom, and the formula as read beside the right one."""
    wiring, law, found = model.wiring, model.law, []
    if model.swapped:
        says = "h and c stand in each other's place among what you return: h comes first."
        found.append(Finding("h and c returned in the other order", says, ("h", "c"), "state"))
    met = [s for road in wiring.roads if road.name == "h" for s in road.signals]
    exchanged = bool(set(met) == {"c_prev"} and law.by_h.terms and not law.kept.terms)
    if exchanged:
        says = (
            "h_prev and c_prev are taken for each other: W_hh meets c_prev, and h_prev is kept in "
        )
        says += "the cell. It is h_prev @ W_hh.T, and f · c_prev."
        found.append(Finding("h_prev and c_prev exchanged", says, ("h", "c"), "state"))
        law = law._replace(kept=law.by_h, by_h=law.kept)
    found += _of_ways(form, wiring)
    found += [] if exchanged else _of_signals(form, wiring)
    found += _of_parts(form, wiring)
    result = form.output[0] if form.output else "gate"
    formula = [(f"{result} = {law.hidden}", f"{result} = {form.hidden}")]
    if form.cell is None:
        found += _of_one(form, law.hidden)
    else:
        found += Differences(form, law).findings()
        formula.insert(0, (_written(law), f"c = {form.cell}"))
    names = {"h_prev": form.names["h"]}
    found = [f._replace(says=_named(f.says, names), title=_named(f.title, names)) for f in found]
    return found, [(_named(a, names), _named(b, names)) for a, b in formula]


def _named(text: str, names: dict[str, str]) -> str:
    for old, new in names.items():
        text = text.replace(old, new)
    return text


def _written(law: Law) -> str:
    """Write the new cell state as it was read."""
    parts = []
    for by, what in [(law.kept, law.inner.written.format("c_prev")), (law.by_h, "h_prev")]:
        if by.terms:
            times = f"({by}) · " if len(by.terms) > 1 else f"{by} · "
            parts.append(what if str(by) == "1" else times + what)
    parts += [str(law.new)] if law.new.terms else []
    return f"c = {law.outer.written.format(' + '.join(parts).replace('+ −', '− ') or '0')}"


# Wiring


def _matrix(form: Form, road: Road) -> str:
    return form.names[{"x": "W_ih", "h": "W_hh", "b": "b"}[road.name]]


def _gates(form: Form, blocks: list[int]) -> str:
    return named([LONG.get(form.letters[s], "sum") for s in blocks])


def _live(wiring: Wiring, road: Road) -> list[int]:
    return [s for s, slope in enumerate(road.slopes) if np.abs(slope).max() > wiring.room]


def _of_ways(form: Form, wiring: Wiring) -> Iterator[Finding]:
    """Say how matrices are read."""
    live = [road for road in wiring.roads if _live(wiring, road)]
    together = len({road.way.words for road in live}) == 1 and len(live) > 1
    for road in live[:1] if together else live:
        way, name = road.way, "W" if together else _matrix(form, road)
        if way is AS_IT_IS:
            continue
        where = tuple(form.letters) if together else (name,)
        what = "The rows of the weights and of the bias are" if together else f"{name} is"
        says = f"{what} read {way.words}. A gate has H rows, one after the other, and a row is "
        says += "what one unit sees."
        if way.gate is not None:
            where = (form.letters[way.gate],)
            what = f"{name}'s rows of the {LONG[where[0]]}" if not together else (
                f"The rows of the {LONG[where[0]]}")  # fmt: skip
            says = f"{what} are read {way.words}."
        yield Finding(f"{'rows' if together else name} read {way.words}", says, where, "numpy")


def _of_signals(form: Form, wiring: Wiring) -> Iterator[Finding]:
    """Say which matrix meets what it should not."""
    right = {"x": "x", "h": "h_prev", "b": "1"}
    for road in wiring.roads:
        live = _live(wiring, road)
        for words in dict.fromkeys(road.signals[s] for s in live):
            blocks = [s for s in live if road.signals[s] == words]
            if words == right[road.name]:
                continue
            own = () if blocks == live else tuple(form.letters[s] for s in blocks)
            gates = f" in the {_gates(form, blocks)}" if own else ""
            says = f"{_matrix(form, road)} meets {words}{gates}; it should meet {right[road.name]}."
            title = f"{_matrix(form, road)} meets {words}"
            yield Finding(title, says, (*own, *_wiring.about(road.name, words)), "gates")


def _of_parts(form: Form, wiring: Wiring) -> Iterator[Finding]:
    """Say where a part is missing, counted otherwise, or taken from another gate."""
    if wiring.product:
        rest = " and ".join(PART[r.name] for r in wiring.roads if r.name not in wiring.product)
        one, other = (PART.get(name, f"the sum of {rest}") for name in wiring.product)
        says = f"{one.capitalize()} is multiplied by {other}; the parts are added."
        yield Finding("parts multiplied", says, form.output and ("x", "h"), "gates")
        return
    S = len(form.letters)
    for road in wiring.roads:
        seen = [s for s in range(S) if s not in {*wiring.idle(), *road.apart}]
        rows = {s: road.gates[s] for s in seen}
        wrong = [s for s in seen if np.abs(rows[s] - np.eye(S)[s]).max() > 1e-3]
        if not wrong:
            continue
        numbers = {float(rows[s][s]) for s in wrong}
        own = all(np.abs(np.delete(rows[s], s)).max(initial=0) < 1e-3 for s in wrong)
        letters, name = tuple(form.letters[s] for s in wrong), _matrix(form, road)
        if own and len(numbers) == 1:
            number, every = numbers.pop(), wrong == seen
            usual = {0.0: "left out", -1.0: "subtracted", 2.0: "added twice"}
            how = usual.get(number, f"multiplied by {number:.4g}")
            gates = "" if every else f" in the {_gates(form, wrong)}"
            says = f"{PART[road.name].capitalize()} is {how}{gates}: "
            says += {"x": f"add x @ {name}.T.", "h": f"add h_prev @ {name}.T.",
                     "b": f"add {name} once."}[road.name]  # fmt: skip
            yield Finding(f"{name} {how}", says, (road.name,) if every else letters, "gates")
            continue
        told = [f"the {_gates(form, [s])} takes {_blocks(form, rows[s])}" for s in wrong]
        says = f"Of {name}, {'; '.join(told)}. Each gate has a block of its own."
        yield Finding(f"{name}: blocks of other gates", says, letters, "gates")


def _blocks(form: Form, row: np.ndarray) -> str:
    times = {1.0: "", -1.0: "minus "}
    parts = [
        f"{times.get(float(v), f'{v:.3g} times ')}the block of {form.letters[k]}"
        for k, v in enumerate(row)
        if abs(v) > 1e-3
    ]
    return named(parts) if parts else "none"


# What is squashed


def _of_one(form: Form, hidden: Sum) -> Iterator[Finding]:
    """Say what differs in a step or a gate of one sum."""
    if str(hidden) == str(form.hidden):
        return
    parts = {f.base[0] for t in hidden.terms for f in t.factors if "|" in f.base}
    alone = any(str(t) == "b" for t in hidden.terms)
    where = ("b",) if alone and len(hidden.terms) == 2 else form.output
    says = f"You return {hidden}; it should be {form.hidden}."
    if parts:
        says += " All parts are added first, then their sum is squashed."
    elif str(hidden) == "z":
        says = f"The sum is returned as it is, not squashed; it should be {form.hidden}."
    yield Finding(f"{hidden} for {form.hidden}", says, where, form.page)


class Differences:
    """Compares a cell state and a hidden state with the right ones."""

    def __init__(self, form: Form, law: Law) -> None:
        self.form, self.law = form, law
        kept, new = form.cell.terms if form.cell else ()
        shown = form.hidden.terms[0].factors[0]
        self.right = dict(zip("figo", (kept.factors[0], *new.factors, shown), strict=True))
        self.read: dict[str, Factor] = {}  # what plays which part
        self.extra: dict[str, list[Factor]] = {}  # what a product holds beside
        self.terms: tuple[Term, ...] = ()  # what is added beside the new content
        self._roles("f", law.kept.product)
        self._roles("ig", self._main())
        if any(not f.gate for f in law.hidden.product):
            self._roles("o", tuple(f for f in law.hidden.product if f.gate))

    def _roles(self, roles: str, factors: tuple[Factor, ...]) -> None:
        """Give each role the factor that is most like the right one."""
        if len(factors) >= len(roles):
            best = min(
                permutations(factors, len(roles)),
                key=lambda few: sum(map(self._cost, roles, few)),
            )
            self.read |= dict(zip(roles, best, strict=True))
            self.extra[roles] = list(factors)
            for factor in best:
                self.extra[roles].remove(factor)

    def _cost(self, role: str, factor: Factor) -> float:
        right = self.right[role]
        return (factor.squash is not right.squash) + 0.9 * (factor.gate != right.base)

    def _main(self) -> tuple[Factor, ...]:
        """Return the product that stands for the new content; keep the other terms."""
        new = self.law.new
        own = sorted(self.right[k].base for k in "ig")
        for term in new.terms if len(new.terms) > 1 and new.outer is IDENTITY else ():
            if sorted(f.base for f in term.factors) == own and abs(term.number) == 1:
                self.terms = tuple(t for t in new.terms if t is not term)
                return term.factors
        return new.product

    def findings(self) -> Iterator[Finding]:
        """Yield what differs."""
        yield from self._coupled()
        yield from self._order()
        yield from self._gates()
        if str(self.law.kept) == "1" and not self.law.new.terms and not self.law.by_h.terms:
            says = "The cell state is handed on as it came in; it should be f · c_prev + i · g."
            yield Finding("the old c returned", says, ("c",), "state")
        else:
            yield from self._kept()
            yield from self._new()
        yield from self._carried()
        yield from self._shown()

    def _coupled(self) -> Iterator[Finding]:
        f, i = self.read.get("f"), self.read.get("i")
        if self.right["i"].base == "f" and (f, i) == (self.right["i"], self.right["f"]):
            self.read["f"], self.read["i"] = self.right["f"], self.right["i"]
            says = f"{i} lets in and {f} keeps. It is the other way round: f keeps, 1 − f lets in."
            yield Finding("f and 1 − f exchanged", says, ("f",), "gates")

    def _order(self) -> Iterator[Finding]:
        """Say that rows are taken in another order, if gates have been exchanged."""
        moved = {k: f.gate for k, f in self.read.items() if f.gate != self.right[k].base}
        exchange = sorted(moved.values()) == sorted(self.right[k].base for k in moved)
        self.moved = set(moved) if exchange else set()
        if self.moved:
            block = {k: self.read[k].gate if k in self.read else k for k in "ifgo"}
            order = sorted("ifgo", key=lambda k: "ifgo".index(block[k]))
            says = f"The four blocks of rows are taken for {', '.join(order)}. They stand in the "
            says += "order i, f, g, o."
            yield Finding(f"gates read as {' '.join(order)}", says, tuple(moved), "same")

    def _gates(self) -> Iterator[Finding]:
        """Say what the gates are instead, those with the same mistake together."""
        groups: dict[tuple[str, str], list[str]] = {}
        for role, factor in self.read.items():
            right = self.right[role]
            plain = Factor(
                factor.squash, factor.base.partition("|")[0] + "|z" * ("|" in factor.base)
            )
            own = role in self.moved or factor.gate == right.base
            got = (
                str(plain if "|" in factor.base else Factor(factor.squash, "z"))
                if own
                else str(factor)
            )
            want = str(Factor(right.squash, "z")) if own else str(right)
            if got != want:
                groups.setdefault((got, want), []).append(role)
        for (got, want), roles in groups.items():
            who, verb = named([LONG[k] for k in roles]), "are" if len(roles) > 1 else "is"
            title = f"{', '.join(roles)} = {got}"
            got += ", not squashed" * (got == "z")
            says = f"The {who} {verb} {got}; {'they' if verb == 'are' else 'it'} should be {want}."
            yield Finding(title, says, tuple(roles), "gates")
        for part, extra in self.extra.items():
            if extra:
                what = {"f": "old cell state", "ig": "new content", "o": "hidden state"}[part]
                times = " · ".join(map(str, extra))
                where = tuple(dict.fromkeys(f.gate or f.base for f in extra))
                says = f"The {what} is multiplied by {times} too."
                yield Finding(f"{what} times {times}", says, where, "gates")

    def _number(self, what: str, where: str, of: Sum) -> Iterator[Finding]:
        """Say that a product has a number before it."""
        number = of.terms[0].number
        if number == -1:
            yield Finding(
                f"{what} subtracted", f"The {what} has the wrong sign.", (where,), "state"
            )
        elif number != 1:
            says = f"The {what} is multiplied by {number:.4g}."
            yield Finding(f"{what} scaled", says, (where,), "state")

    def _kept(self) -> Iterator[Finding]:
        law = self.law
        if law.by_h.terms:
            by = "" if str(law.by_h) == "1" else f", multiplied by {law.by_h},"
            says = (
                f"The old hidden state h_prev{by} is added to the cell state; it is the old cell "
            )
            says += "state c_prev that is kept."
            yield Finding("h_prev kept in the cell", says, ("h", "c"), "state")
        if law.inner is not IDENTITY and law.kept.terms:
            says = (
                f"The old cell state enters as {law.inner.written.format('c_prev')}; it is kept as "
            )
            yield Finding("old cell state squashed", says + "it is.", ("c",), "state")
        if "f" in self.read:
            yield from self._number("old cell state", "f", law.kept)
        elif str(law.kept) == "1":
            says = (
                "The old cell state is kept whole: the forget gate is left out. It is f · c_prev."
            )
            if self._added():
                says = "The forget gate is added to the old cell state; it multiplies: f · c_prev."
            yield Finding("forget gate left out", says, ("f",), "gates")
        elif law.kept.terms:
            says = f"The old cell state is multiplied by {law.kept}; it should be by "
            yield Finding(f"f = {law.kept}", f"{says}{self.right['f']}.", ("f",), "gates")
        elif not law.by_h.terms:
            says = "The old cell state is left out of the new one: c = f · c_prev + i · g."
            yield Finding("old cell state left out", says, ("c",), "state")

    def _added(self) -> bool:
        """Tell whether the forget gate is added to the old cell state."""
        gates = [[f.gate for f in t.factors] for t in self.terms]
        return str(self.law.kept) == "1" and gates == [["f"]]

    def _new(self) -> Iterator[Finding]:
        new, right = self.law.new, [self.right["i"], self.right["g"]]
        if self.terms and not self._added():
            about = tuple(dict.fromkeys(f.gate or f.base for t in self.terms for f in t.factors))
            says = f"To the cell state {Sum(self.terms)} is added. It is c = f · c_prev + i · g."
            yield Finding("one term too many", says, about, "gates")
        elif not new.terms:
            says = "Nothing new is added: i · g is left out of c = f · c_prev + i · g."
            yield Finding("new content left out", says, ("i", "g"), "gates")
        elif "i" in self.read:
            main = new if len(new.terms) == 1 else Sum(new.terms[:1])
            yield from self._number("new content", "g", main)
        else:
            has = {k: all(self.right[k] in t.factors for t in new.terms) for k in "ig"}
            where = tuple(k for k in "ig" if not has[k]) if new.outer is IDENTITY else ("i", "g")
            says = (
                f"What is added to the cell state is {new}; it should be {right[0]} · {right[1]}."
            )
            yield Finding(f"{new} added", says, where or ("i", "g"), "gates")

    def _carried(self) -> Iterator[Finding]:
        outer, returned = self.law.outer, str(self.law.returned)
        if outer is not IDENTITY:
            written = outer.written.format("f · c_prev + i · g")
            says = f"The new cell state is {written}; it is carried on as it is."
            yield Finding("cell state squashed", says, ("c",), "state")
        if returned != "c":
            says = f"Returned as c is {returned}; it should be the new cell state."
            titles = {"c_prev": "the old c returned", "the new h": "h returned twice"}
            yield Finding(titles.get(returned, f"{returned} returned as c"), says, ("c",), "state")

    def _shown(self) -> Iterator[Finding]:
        hidden, right = self.law.hidden, Factor(TANH, "c")
        state = [f for f in hidden.product if not f.gate]
        if "o" in self.read:
            yield from self._number("hidden state", "h", hidden)
            if state != [right]:
                shown = " · ".join(map(str, state))
                says = f"h is made of {shown}; it should be {right}, of the new cell state."
                yield Finding(f"h made of {shown}", says, ("h",), "state")
        elif str(hidden) == "h_prev":
            yield Finding("the old h returned", "h is returned as it came in.", ("h",), "state")
        elif str(hidden) != str(self.form.hidden):
            lacks = [
                not all(f in t.factors for t in hidden.terms) for f in (self.right["o"], right)
            ]
            where = ("o", "h") if hidden.product == (right,) else tuple(
                k for k, lack in zip("oh", lacks, strict=True) if lack)  # fmt: skip
            says = f"h is {hidden}; it should be {self.form.hidden}."
            if hidden.product == (right,):
                says = "The output gate is left out: h is tanh(c). It is o · tanh(c)."
            yield Finding(f"h = {hidden}", says, where or ("h",), "state")
