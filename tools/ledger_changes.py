"""Compare two ledgers of the book with the file that says what became of each thing.

A line of that file is a name, what became of it, and why::

    claim-a moved book/5-evidence/worth It is evidence, and the page tells the idea.
    claim-a restated 1a2b3c4d The title now says for how many updates it holds.
    ex-b merged ex-c Both asked for the same derivative.
    quiz-d withdrawn It asked for a number that the page no longer shows.
    cells-compared fewer 1098 Two cells printed the same table.

What moved from a page to one that deepens it, from ``state`` to ``state-range``, needs no line. The
eight digits after ``restated`` stand for what the thing says now, so that a later change needs
a new line. The tool prints the line that is missing.
"""

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

Entry = dict[str, Any]
Ledger = dict[str, dict[str, Entry]]

KINDS = ("claims", "exercises", "quizzes")
LINE = re.compile(
    r"(?P<name>\S+) +(?:(?P<verb>moved|merged|restated|fewer(?= +\d+ )) +(?P<target>\S+)|withdrawn)"
    r" +(?P<why>\S+ \S+ \S.*)"
)


def content(entry: Entry) -> Entry:
    """Return what an entry says wherever it stands, in a form in which only meaning differs.

    Of assertions it keeps the syntax: modules of the package, messages and their order are left
    out, and ``a and b`` counts as two.
    """
    modules = entry.get("modules", [])
    said = {field: entry[field] for field in entry if field not in ("page", "modules")}
    if "asserts" in said:
        parts = [part for source in said["asserts"] for part in conditions(source)]
        said["asserts"] = sorted(str(shape(part, modules)) for part in parts)
    return said


def conditions(source: str) -> list[ast.expr]:
    """Return what an assertion demands, one expression each."""
    statement = ast.parse(source).body[0]
    assert isinstance(statement, (ast.Assert, ast.Expr))
    node = statement.test if isinstance(statement, ast.Assert) else statement.value
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        return node.values
    return [node]


def shape(node: Any, modules: list[str]) -> Any:
    """Return a syntax tree as lists, which are the same under every version of Python."""
    if isinstance(node, list):
        return [shape(part, modules) for part in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    dotted = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
    if dotted.split(".")[0] in modules and re.fullmatch(r"[\w.]+", dotted):
        node = ast.Name(dotted.split(".")[-1])  # network.train is what train was
    fields = [(k, v) for k, v in ast.iter_fields(node) if k != "ctx" and v not in (None, [])]
    return [type(node).__name__, *[[key, shape(value, modules)] for key, value in fields]]


def fingerprint(entry: Entry) -> str:
    """Return eight digits that stand for what an entry says."""
    return hashlib.sha256(repr(sorted(content(entry).items())).encode()).hexdigest()[:8]


def totals(ledger: Ledger) -> Counter[str]:
    """Return the numbers of cells over all pages."""
    return sum((Counter(entry) for entry in ledger["cells"].values()), Counter())


def differences(first: Ledger, now: Ledger) -> Iterator[str]:
    """Yield, for each thing that is not as it was, what is different; then the new ones."""
    for kind in KINDS:
        for name, old in first[kind].items():
            if name not in now[kind]:
                yield f"{name}: gone from {old['page']}"
                continue
            new = now[kind][name]
            before, after = content(old), content(new)
            fields = [field for field in before if before[field] != after[field]]
            for field in [*(["page"] if old["page"] != new["page"] else []), *fields]:
                yield f"{name}: {field} was {old[field]!r}, is {new[field]!r}"
        for name in now[kind].keys() - first[kind].keys():
            yield f"{name}: new on {now[kind][name]['page']}"
    for name, count in totals(first).items():
        yield f"{name}: {count} then, {totals(now)[name]} now"


def faults(first: Ledger, now: Ledger, text: str) -> list[str]:
    """Return what the file of changes lacks or has too much, with the lines to add or remove."""
    lines: dict[str, dict[str, str]] = {}
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        match = LINE.fullmatch(line)
        if line.startswith("#"):
            continue
        if not match:
            found.append(f"is not NAME VERB TARGET and a reason of three words or more: {line}")
            continue
        verbs, verb = lines.setdefault(match["name"], {}), match["verb"] or "withdrawn"
        if verb in verbs:
            found.append(f"{match['name']}: says twice that it was {verb}, remove one")
        verbs[verb] = match["target"] or ""
    for kind in KINDS:
        for name, old in first[kind].items():
            found += account(name, old, now[kind], lines.pop(name, {}))
    for name, count in totals(first).items():
        found += account_cells(name, count, totals(now)[name], lines.pop(name, {}))
    return found + [f"{name}: not in the first edition, remove its line" for name in lines]


def account(name: str, old: Entry, now: dict[str, Entry], lines: dict[str, str]) -> Iterator[str]:
    """Yield what the lines on one thing lack or have too much."""
    if name not in now:
        if len(lines) != 1 or not lines.keys() <= {"merged", "withdrawn"}:
            yield (
                f"{name}: no longer in the book, stood in {old['page']}; keep one line of the two\n"
                f"    {name} merged NAME WHY\n    {name} withdrawn WHY"
            )
        elif "merged" in lines and lines["merged"] not in now:
            yield f"{name}: merged into {lines['merged']}, which is not in the book"
        return
    new, needed = now[name], {}
    if new["page"] != old["page"] and not new["page"].startswith(old["page"] + "-"):
        needed["moved"] = new["page"]
    if content(new) != content(old):
        needed["restated"] = fingerprint(new)
    for verb in lines:
        if lines[verb] != needed.get(verb):
            line = f"{name} {verb} {lines[verb]}".rstrip()
            yield f"{name}: does not hold (any more), remove\n    {line} …"
    for verb, target in needed.items():
        if lines.get(verb) != target:
            yield f"{name}: was {verb}, add\n    {name} {verb} {target} WHY"


def account_cells(name: str, count: int, today: int, lines: dict[str, str]) -> Iterator[str]:
    """Yield what the line on a number of cells lacks; it may grow, and shrink to what was said."""
    least = int(lines.get("fewer", count))
    if today < least:
        yield f"{name}: {today}, {count} in the first edition; add\n    {name} fewer {today} WHY"
    if lines and today >= count:
        yield f"{name}: no fewer than in the first edition, remove its line"
