"""What is said of a step that was read: how it differs from the right one, gate by gate."""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from lstm_tutorial.exercises._form import Form, Law, Model
from lstm_tutorial.exercises._grammar import IDENTITY, TANH, Factor, Sum, Term
from lstm_tutorial.exercises._reading import Finding, named
from lstm_tutorial.exercises._wiring import AS_IT_IS, Road, Wiring, about

LONG = {"i": "input gate", "f": "forget gate", "g": "candidate", "o": "output gate"}
MATRIX = {"x": "W_ih", "h": "W_hh", "b": "b"}
RIGHT = {"x": "x", "h": "h_prev", "b": "1"}
PART = {"x": "the part from x", "h": "the part from the old state", "b": "the bias"}
ADDED = {"x": "add x @ W_ih.T.", "h": "add h_prev @ W_hh.T.", "b": "add b once."}
OLD = Factor(IDENTITY, "h_prev")


def said(form: Form, model: Model) -> tuple[list[Finding], list[tuple[str, str]]]:
    """Return what is wrong, cause before symptom, and the formula as read beside the right one."""
    law, found = model.law, []
    if model.swapped:
        says = "h and c stand in each other's place among what you return: h comes first."
        found.append(Finding("h and c returned in the other order", says, ("h", "c"), "state"))
    found += [*_of_ways(form, model.wiring), *_of_signals(form, model.wiring)]
    found += _of_parts(form, model.wiring)
    result = form.output[0] if form.output else "gate"
    formula = [(f"{result} = {law.hidden}", f"{result} = {form.hidden}")]
    if form.cell is None:
        found += _of_one(form, law.hidden)
    else:
        found += Differences(form, law).findings()
        formula.insert(0, (_written(law), f"c = {form.cell}"))
    found = [
        Finding(_named(form, f.title), _named(form, f.says), tuple(_named(form, w) for w in f.where),
                f.page) for f in found
    ]  # fmt: skip
    return found, [(_named(form, a), _named(form, b)) for a, b in formula]


def _named(form: Form, text: str) -> str:
    """Use the names that the form has for the arguments."""
    for old, new in form.names.items():
        text = text.replace(old, new)
    return text


def _written(law: Law) -> str:
    """Write the new cell state as it was read."""
    parts = [str(law.new)] if law.new.terms else []
    if law.kept.terms:
        by = f"({law.kept})" if len(law.kept.terms) > 1 else str(law.kept)
        old = law.inner.written.format("c_prev")
        parts.insert(0, old if by == "1" else f"{by} · {old}")
    return f"c = {law.outer.written.format(' + '.join(parts).replace('+ −', '− ') or '0')}"


# Wiring


def _gates(form: Form, blocks: list[int]) -> str:
    return named([LONG.get(form.letters[s], "sum") for s in blocks])


def _live(wiring: Wiring, road: Road) -> list[int]:
    return [s for s in range(wiring.S) if wiring.live(road, s)]


def _of_ways(form: Form, wiring: Wiring) -> Iterator[Finding]:
    """Say how matrices are read."""
    live = [road for road in wiring.roads if _live(wiring, road)]
    together = len({road.way.words for road in live}) == 1 and len(live) > 1
    for road in live[:1] if together else live:
        way, name = road.way, "rows" if together else MATRIX[road.name]
        if way is AS_IT_IS:
            continue
        where = tuple(form.letters) if together else (name,)
        what = "The rows of the weights and of the bias are" if together else f"{name} is"
        more = " A gate has H rows, one after the other, and a row is what one unit sees."
        if way.gate is not None:
            where, more = (form.letters[way.gate],), ""
            what = "The rows" if together else f"{name}'s rows"
            what += f" of the {LONG[where[0]]} are"
        yield Finding(f"{name} read {way.words}", f"{what} read {way.words}.{more}", where, "numpy")


def _of_signals(form: Form, wiring: Wiring) -> Iterator[Finding]:
    """Say which matrix meets what it should not."""
    for road in wiring.roads:
        live, right = _live(wiring, road), RIGHT[road.name]
        for words in dict.fromkeys(road.signals[s] for s in live):
            blocks = [s for s in live if road.signals[s] == words]
            own = () if blocks == live else tuple(form.letters[s] for s in blocks)
            gates = f" in the {_gates(form, blocks)}" if own else ""
            title = f"{MATRIX[road.name]} meets {words}"
            says = f"{title}{gates}; it should meet {right}."
            if words != right:
                yield Finding(title, says, (*own, *about(road.name, words)), "gates")


def _of_parts(form: Form, wiring: Wiring) -> Iterator[Finding]:
    """Say where a part is missing, counted otherwise, or taken from another gate."""
    right = np.eye(wiring.S)
    for road in wiring.roads:
        seen = [s for s in range(wiring.S) if s not in {*wiring.idle, *road.apart}]
        wrong = [s for s in seen if np.abs(road.gates[s] - right[s]).max() > 1e-3]
        if not wrong:
            continue
        letters, name = tuple(form.letters[s] for s in wrong), MATRIX[road.name]
        rows = road.gates[wrong]
        numbers = {float(road.gates[s, s]) for s in wrong}
        if len(numbers) == 1 and np.abs(rows * (1 - right[wrong])).max() < 1e-3:
            number, every = numbers.pop(), wrong == seen
            usual = {0.0: "left out", -1.0: "subtracted", 2.0: "added twice"}
            how = usual.get(number, f"multiplied by {number:.4g}")
            gates = "" if every else f" in the {_gates(form, wrong)}"
            says = f"{PART[road.name].capitalize()} is {how}{gates}: {ADDED[road.name]}"
            yield Finding(f"{name} {how}", says, (road.name,) if every else letters, "gates")
        else:
            told = [f"the {_gates(form, [s])} takes {_blocks(form, road.gates[s])}" for s in wrong]
            says = f"Of {name}, {'; '.join(told)}. Each gate has a block of its own."
            yield Finding(f"{name}: blocks of other gates", says, letters, "gates")


def _blocks(form: Form, row: np.ndarray) -> str:
    times = {1.0: "", -1.0: "minus "}
    pairs = [(k, float(v)) for k, v in zip(form.letters, row, strict=True) if abs(v) > 1e-3]
    parts = [f"{times.get(v, f'{v:.3g} times ')}the block of {k}" for k, v in pairs]
    return named(parts) if parts else "none"


# What is squashed


def _of_one(form: Form, hidden: Sum) -> Iterator[Finding]:
    """Say what differs in a step or a gate of one sum."""
    if str(hidden) == str(form.hidden):
        return
    bias = len(hidden.terms) == 2 and "b" in map(str, hidden.terms)
    says = f"You return {hidden}; it should be {form.hidden}."
    if any("|" in f.base for t in hidden.terms for f in t.factors):
        says += " All parts are added first, then their sum is squashed."
    elif str(hidden) == "z":
        says = f"The sum is returned as it is, not squashed; it should be {form.hidden}."
    where = ("b",) if bias else form.output
    yield Finding(f"{hidden} for {form.hidden}", says, where, form.page)


def _of(*terms: Term) -> tuple[str, ...]:
    """Return which gates and states some terms are made of."""
    return tuple(dict.fromkeys(f.gate or f.base for t in terms for f in t.factors))


class Differences:
    """Compares a cell state and a hidden state with the right ones."""

    def __init__(self, form: Form, law: Law) -> None:
        kept, new = form.cell.terms if form.cell else ()
        self.form, self.law, self.kept = form, law, law.kept
        self.right = dict(zip("figo", (kept.factors[0], *new.factors, form.hidden.product[0]),
                              strict=True))  # fmt: skip
        self.read: dict[str, Factor] = {}  # what plays which part
        self.extra: dict[str, tuple[Factor, ...]] = {}  # what a product holds beside
        self.old = tuple(t for t in law.new.terms if OLD in t.factors)
        self.new = law.new._replace(terms=tuple(t for t in law.new.terms if t not in self.old))
        if self.old and not law.kept.terms:
            factors = tuple(f for f in self.old[0].factors if f != OLD)
            self.kept = Sum((Term(self.old[0].number, factors),))
        main = self._main()
        self.terms = tuple(t for t in self.new.terms if t is not main) if main else ()
        self._roles("f", self.kept.product)
        self._roles("ig", main.factors if main else ())
        if any(not f.gate for f in law.hidden.product):
            self._roles("o", tuple(f for f in law.hidden.product if f.gate))

    def _main(self) -> Term | None:
        """Return the product that stands for the new content."""
        own = sorted(self.right[k].base for k in "ig")
        for term in self.new.terms if self.new.outer is IDENTITY else ():
            gates = sorted(f.base for f in term.factors)
            if len(self.new.terms) == 1 or (gates == own and abs(term.number) == 1):
                return term
        return None

    def _roles(self, roles: str, factors: tuple[Factor, ...]) -> None:
        """Give each role the factor that is most like the right one."""
        if len(factors) >= len(roles):
            best = min(permutations(factors, len(roles)), key=lambda few: self._cost(roles, few))
            self.read |= dict(zip(roles, best, strict=True))
            rest = list(factors)
            for factor in best:
                rest.remove(factor)
            self.extra[roles] = tuple(rest)

    def _cost(self, roles: str, factors: tuple[Factor, ...]) -> float:
        pairs = [(self.right[k], f) for k, f in zip(roles, factors, strict=True)]
        return sum((f.squash is not r.squash) + 0.9 * (f.gate != r.base) for r, f in pairs)

    def findings(self) -> Iterator[Finding]:
        """Yield what differs."""
        yield from self._coupled()
        yield from self._order()
        yield from self._gates()
        if str(self.law.kept) == "1" and not self.law.new.terms:
            says = "The cell state is handed on as it came in; it should be f · c_prev + i · g."
            yield Finding("the old c returned", says, ("c",), "state")
        else:
            yield from self._of_old()
            yield from self._of_new()
        yield from self._carried()
        yield from self._shown()

    def _coupled(self) -> Iterator[Finding]:
        f, i = self.read.get("f"), self.read.get("i")
        if self.right["i"].base == "f" and (f, i) == (self.right["i"], self.right["f"]):
            self.read |= {k: self.right[k] for k in "fi"}
            says = f"{i} lets in and {f} keeps. It is the other way round: f keeps, 1 − f lets in."
            yield Finding("f and 1 − f exchanged", says, ("f",), "gates")

    def _order(self) -> Iterator[Finding]:
        """Say that rows are taken in another order, if gates have been exchanged."""
        moved = {k: f.gate for k, f in self.read.items() if f.gate != self.right[k].base}
        exchange = sorted(moved.values()) == sorted(self.right[k].base for k in moved)
        self.moved = set(moved) if exchange else set()
        if self.moved:
            order = sorted("ifgo", key=lambda k: "ifgo".index(moved.get(k, k)))
            says = f"The four blocks of rows are taken for {', '.join(order)}. They stand in the "
            says += "order i, f, g, o."
            yield Finding(f"gates read as {' '.join(order)}", says, tuple(moved), "same")

    def _gates(self) -> Iterator[Finding]:
        """Say what the gates are instead, those with the same mistake together."""
        groups: dict[tuple[str, str], list[str]] = {}
        for role, factor in self.read.items():
            got, want = factor, self.right[role]
            if role in self.moved or factor.gate == want.base:  # then the letter is understood
                part, apart, _ = factor.base.rpartition("|")
                got, want = Factor(got.squash, f"{part}{apart}z"), Factor(want.squash, "z")
            if str(got) != str(want):
                groups.setdefault((str(got), str(want)), []).append(role)
        for (written, right), roles in groups.items():
            who, verb = named([LONG[k] for k in roles]), "are" if len(roles) > 1 else "is"
            says = f"The {who} {verb} {written}{', not squashed' * (written == 'z')}; "
            says += f"{'they' if len(roles) > 1 else 'it'} should be {right}."
            yield Finding(f"{', '.join(roles)} = {written}", says, tuple(roles), "gates")
        for part, extra in self.extra.items():
            what = {"f": "old cell state", "ig": "new content", "o": "hidden state"}[part]
            times = " · ".join(map(str, extra))
            says = f"The {what} is multiplied by {times} too."
            if extra:
                yield Finding(f"{what} times {times}", says, _of(Term(1, extra)), "gates")

    def _number(self, what: str, where: str, number: float) -> Iterator[Finding]:
        """Say that a product has a number before it."""
        if number == -1:
            says = f"The {what} has the wrong sign."
            yield Finding(f"{what} subtracted", says, (where,), "state")
        elif number != 1:
            says = f"The {what} is multiplied by {number:.4g}."
            yield Finding(f"{what} scaled", says, (where,), "state")

    def _of_old(self) -> Iterator[Finding]:
        law, kept = self.law, self.kept
        added = str(kept) == "1" and [_of(t) for t in self.new.terms] == [("f",)]
        if self.old:
            says = f"To the cell state {Sum(self.old)} is added; it is the old cell state c_prev "
            yield Finding("h_prev kept in the cell", f"{says}that is kept.", ("h", "c"), "state")
        if law.inner is not IDENTITY and law.kept.terms:
            says = f"The old cell state enters as {law.inner.written.format('c_prev')}; it is kept "
            yield Finding("old cell state squashed", f"{says}as it is.", ("c",), "state")
        if "f" in self.read:
            yield from self._number("old cell state", "f", kept.terms[0].number)
        elif str(kept) == "1":
            says = "The old cell state is kept whole: the forget gate is left out. "
            if added:
                says = "The forget gate is added to the old cell state; it multiplies it. "
            yield Finding("forget gate left out", f"{says}It is f · c_prev.", ("f",), "gates")
        elif kept.terms:
            says = f"The old cell state is multiplied by {kept}; it should be by {self.right['f']}."
            yield Finding(f"f = {kept}", says, ("f",), "gates")
        else:
            says = "The old cell state is left out of the new one: c = f · c_prev + i · g."
            yield Finding("old cell state left out", says, ("c",), "state")

    def _of_new(self) -> Iterator[Finding]:
        new, right = self.new, [self.right["i"], self.right["g"]]
        if self.terms:
            says = f"To the cell state {Sum(self.terms)} is added. It is c = f · c_prev + i · g."
            yield Finding("one term too many", says, _of(*self.terms), "gates")
        if not new.terms:
            says = "Nothing new is added: i · g is left out of c = f · c_prev + i · g."
            yield Finding("new content left out", says, ("i", "g"), "gates")
        elif "i" in self.read:
            main = next(t for t in new.terms if t not in self.terms)
            yield from self._number("new content", "g", main.number)
        else:
            lacks = [k for k, f in zip("ig", right, strict=True)
                     if new.outer is not IDENTITY or not all(f in t.factors for t in new.terms)]
            says = (
                f"What is added to the cell state is {new}; it should be {right[0]} · {right[1]}."
            )
            yield Finding(f"{new} added", says, tuple(lacks or "ig"), "gates")

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
            yield from self._number("hidden state", "h", hidden.terms[0].number)
            if state != [right]:
                shown = " · ".join(map(str, state))
                says = f"h is made of {shown}; it should be {right}, of the new cell state."
                yield Finding(f"h made of {shown}", says, ("h",), "state")
        elif str(hidden) == "h_prev":
            yield Finding("the old h returned", "h is returned as it came in.", ("h",), "state")
        elif hidden.product == (right,):
            says = "The output gate is left out: h is tanh(c). It is o · tanh(c)."
            yield Finding("h = tanh(c)", says, ("o", "h"), "state")
        else:
            pairs = (("o", self.right["o"]), ("h", right))
            lacks = [k for k, f in pairs if not all(f in t.factors for t in hidden.terms)]
            says = f"h is {hidden}; it should be {self.form.hidden}."
            yield Finding(f"h = {hidden}", says, tuple(lacks or "h"), "state")
