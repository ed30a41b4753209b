"""What is said of a step that was read: how it differs from the right one, gate by gate."""

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from lstm_tutorial.exercises._form import Form, Law, Model
from lstm_tutorial.exercises._grammar import IDENTITY, Factor, Sum, Term
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
        found += _of_cell(form, law)
        cell = " + ".join(str(s) for s in (Sum(_old(law)), law.new) if s.terms) or "0"
        cell = law.outer.written.format(cell.replace("+ −", "− "))
        formula.insert(0, (f"c = {cell}", f"c = {form.cell}"))
    for k, (title, says, where, *rest) in enumerate(found):
        about = tuple(_named(form, name) for name in where)
        found[k] = Finding(_named(form, title), _named(form, says), about, *rest)
    return found, [(_named(form, a), _named(form, b)) for a, b in formula]


def _named(form: Form, text: str) -> str:
    """Use the names that the form has for the arguments."""
    for old, new in form.names.items():
        text = text.replace(old, new)
    return text


def _old(law: Law) -> tuple[Term, ...]:
    c_prev = Factor(law.inner, "c_prev")
    return tuple(Term(t.number, (*t.factors, c_prev)) for t in law.kept.terms)


# Wiring


def _of(form: Form, blocks: list[int]) -> str:
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
            gates = f" in the {_of(form, blocks)}" if own else ""
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
            gates = "" if every else f" in the {_of(form, wrong)}"
            says = f"{PART[road.name].capitalize()} is {how}{gates}: {ADDED[road.name]}"
            yield Finding(f"{name} {how}", says, (road.name,) if every else letters, "gates")
        else:
            told = [f"the {_of(form, [s])} takes {_blocks(form, road.gates[s])}" for s in wrong]
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


BEGINNINGS = {  # of a sentence on a part of the formula, by the gates that the part holds
    "f": "The old cell state enters the new one as",
    "ig": "What is added to the cell state is",
    "o": "h is",
}
TITLES = {  # by what stands for a part: a title, and what the finding is about
    "f 0": ("old cell state left out", "c"),
    "f c_prev": ("forget gate left out", "f"),
    "ig 0": ("new content left out", "ig"),
    "o h_prev": ("the old h returned", "h"),
    "o tanh(c)": ("output gate left out", "oh"),
}


def _gates(term: Term) -> list[Factor]:
    return [f for f in term.factors if f.gate]


class Part:
    """A part of the right formula, beside what was read in its place."""

    def __init__(self, roles: str, got: Sum, want: Term) -> None:
        self.roles, self.got, self.want = roles, got, want
        self.right = dict(zip(roles, _gates(want), strict=True))
        self.read: dict[str, Factor] = {}  # the gates that stand for the right ones
        self.main = self._main()
        if self.main:
            few = permutations(_gates(self.main), len(roles))
            self.read = dict(zip(roles, min(few, key=self._cost), strict=True))

    def _main(self) -> Term | None:
        """Return the term that has a gate for each role, if there is one such."""
        terms = self.got.terms if self.got.outer is IDENTITY else ()
        if len(terms) > 1:
            own = sorted(f.gate for f in self.right.values())
            terms = tuple(t for t in terms if sorted(f.gate for f in _gates(t)) == own)
            terms = tuple(t for t in terms if abs(t.number) == 1)
        # A gate that shows no state is not the output gate.
        shows = [t for t in terms if self.roles != "o" or _gates(t) != list(t.factors)]
        return shows[0] if len(shows) == 1 and len(_gates(shows[0])) >= len(self.roles) else None

    def _cost(self, gates: Sequence[Factor]) -> float:
        pairs = zip(gates, self.right.values(), strict=True)
        return sum((f.squash is not r.squash) + 0.9 * (f.gate != r.base) for f, r in pairs)

    def findings(self) -> Iterator[Finding]:
        """Yield what differs beside the gates that were read."""
        terms, want = [list(t.factors) for t in self.got.terms], list(self.want.factors)
        others: list[Factor] = []
        if self.main:
            terms.remove(list(self.main.factors))
            others = [f for t in terms for f in t]
            terms, want = [list(self.main.factors)], [f for f in want if not f.gate]
            for gate in self.read.values():
                terms[0].remove(gate)
        lacks = [f for f in want if not terms or not all(f in t for t in terms)]
        extra = [f for t in terms for f in t if f not in want]
        where = [f.gate or f.base[0] for f in [*lacks, *extra, *others]]
        where += self.roles[-1] if self.main and self.main.number != 1 else ""
        if where or len(self.got.terms) > 1 or self.got.outer is not IDENTITY:
            if self.roles == "o":
                where = ["o" if k == "o" else "h" for k in where] or ["h"]
            where = where or list(self.roles)
            title, where = TITLES.get(
                f"{self.roles} {self.got}", (f"{self.got} for {self.want}", where)
            )
            says = f"{BEGINNINGS[self.roles]} {self.got}; it should be {self.want}."
            yield Finding(title, says, tuple(dict.fromkeys(where)), "state")


def _of_cell(form: Form, law: Law) -> Iterator[Finding]:
    """Say what differs in a step of gates and a cell: gates, cell state, what is returned."""
    kept, added = form.cell.terms if form.cell else ()
    outer = law.new.outer
    held = tuple(t for t in law.new.terms if OLD in t.factors and outer is IDENTITY)
    new = tuple(t for t in law.new.terms if t not in held)
    parts = [
        Part("f", Sum(_old(law) + held), kept),
        Part("ig", Sum(new, outer), added),
        Part("o", law.hidden, form.hidden.terms[0]),
    ]
    right = {role: factor for part in parts for role, factor in part.right.items()}
    read = {role: factor for part in parts for role, factor in part.read.items()}
    yield from _of_gates(right, read)
    for part in parts[:2]:
        yield from part.findings()
    if law.outer is not IDENTITY:
        written = law.outer.written.format("f · c_prev + i · g")
        says = f"The new cell state is {written}; it is carried on as it is."
        yield Finding("cell state squashed", says, ("c",), "state")
    if (returned := str(law.returned)) != "c":
        says = f"Returned as c is {returned}; it should be the new cell state."
        titles = {"c_prev": "the old c returned", str(law.hidden): "h returned twice"}
        yield Finding(titles.get(returned, f"{returned} returned as c"), says, ("c",), "state")
    yield from parts[2].findings()


def _of_gates(right: dict[str, Factor], read: dict[str, Factor]) -> Iterator[Finding]:
    """Say what stands for the gates; those with the same mistake together."""
    f, i = read.get("f"), read.get("i")
    if right["i"].base == "f" and (f, i) == (right["i"], right["f"]):
        read = {**read, "f": right["f"], "i": right["i"]}
        says = f"{i} lets in and {f} keeps. It is the other way round: f keeps, 1 − f lets in."
        yield Finding("f and 1 − f exchanged", says, ("f",), "gates")
    moved = {k: f.gate for k, f in read.items() if f.gate != right[k].base}
    if sorted(moved.values()) != sorted(right[k].base for k in moved):
        moved = {}
    if moved:
        order = sorted("ifgo", key=lambda k: "ifgo".index(moved.get(k, k)))
        says = f"The four blocks of rows are taken for {', '.join(order)}. They stand in the order "
        yield Finding(
            f"gates read as {' '.join(order)}", f"{says}i, f, g, o.", tuple(moved), "same"
        )
    groups: dict[tuple[str, str], list[str]] = {}
    for role, got in read.items():
        want = right[role]
        if role in moved or got.gate == want.base:  # then the letter need not be said
            part, apart, _ = got.base.rpartition("|")
            got, want = Factor(got.squash, f"{part}{apart}z"), Factor(want.squash, "z")
        if str(got) != str(want):
            groups.setdefault((str(got), str(want)), []).append(role)
    for (written, wanted), roles in groups.items():
        who, verb = named([LONG[k] for k in roles]), "are" if len(roles) > 1 else "is"
        says = f"The {who} {verb} {written}{', not squashed' * (written == 'z')}; "
        says += f"{'they' if len(roles) > 1 else 'it'} should be {wanted}."
        yield Finding(f"{', '.join(roles)} = {written}", says, tuple(roles), "gates")
