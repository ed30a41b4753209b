"""Count what the book holds, and account for what the first edition held.

    python tools/ledger.py               # claims, exercises, quizzes and cells of each part
    python tools/ledger.py --diff        # what changed since the first edition
    python tools/ledger.py --write FILE  # write today's ledger

The ledger of the first edition is frozen. A file kept by hand says what became of everything that
is no longer as it was there; ``ledger_changes.py`` compares the three.
"""

import argparse
import ast
import itertools
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import ledger_changes
from ledger_changes import KINDS, Entry, Ledger

ROOT = Path(__file__).parent.parent
FIRST = ROOT / "book/ledger/first-edition.json"
CHANGES = ROOT / "book/ledger/changes.txt"
PACKAGE = "lstm_tutorial"
BOX = re.compile(
    r"^(?P<fence>[:`]{3,})\{(?P<directive>[\w-]+)\} *(?P<title>[^\n]*)\n"
    r"(?P<options>(?::[\w-]+:[^\n]*\n)*)(?=(?P<body>.*?)^(?P=fence) *$)",  # boxes may be nested
    re.M | re.S,
)
TIME = re.compile(r"\(\d+ min\)\s*$")  # an exercise's minutes are no part of its name


def read(root: Path = ROOT) -> Ledger:
    """Return what the pages under ``root / "book"`` hold, by kind and name."""
    ledger: Ledger = {kind: {} for kind in (*KINDS, "cells")}
    paths = [path for end in ("md", "ipynb") for path in (root / "book").rglob(f"*.{end}")]
    for path in sorted(paths):
        page = path.relative_to(root).with_suffix("").as_posix()
        if "/." in page:  # a copy that an editor keeps
            continue
        for kind, name, entry in things(page, cells_of(path)):
            if name in ledger[kind]:
                raise ValueError(f"{page}: the name {name} of one of its {kind} is taken")
            ledger[kind][name] = entry
    return ledger


def cells_of(path: Path) -> list[Entry]:
    """Return the cells of a notebook; a page of text is one cell."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return [{"cell_type": "markdown", "source": text}]
    cells = json.loads(text)["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]


def things(page: str, cells: list[Entry]) -> Iterator[tuple[str, str, Entry]]:
    """Yield what is on a page: the kind of each thing, its name and its entry."""
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    modules = imported("\n".join(cell["source"] for cell in code))
    for number, cell in enumerate(cells):
        for box in BOX.finditer(cell["source"]) if cell not in code else ():
            options = dict(re.findall(r"^:([\w-]+): *(.*?) *$", box["options"], re.M))
            classes = [box["directive"], *options.get("class", "").split()]
            if "claim" in classes:
                entry = {"page": page, "title": box["title"].strip(), "verdict": classes[-1]}
                yield "claims", options["name"], entry | tested(test_of(cells[number:]), modules)
            if "quiz" in classes:
                question, *answers = re.split(r"^- \[(?=[ x]\])", box["body"], flags=re.M)
                right = "".join("x" if answer[0] == "x" else "-" for answer in answers)
                first = " ".join(question.split()[:8])
                yield "quizzes", options["name"], {"page": page, "first": first, "right": right}
    text = "\n".join(cell["source"] for cell in cells)
    for part in re.split(r"^[:`]{3,}\{exercise(?:-start)?\} *", text, flags=re.M)[1:]:
        title = TIME.sub("", part.split("\n")[0]).strip()
        label = part.split(":label:")[1].split()[0]
        checks = list(dict.fromkeys(re.findall(r"exercises\.check\(\s*[\"']([^\"']+)", part)))
        yield "exercises", label, {"page": page, "title": title, "checks": checks}
    if code:
        # As many as nbval compares, and those among them that have an output.
        ours = [c for c in code if "nbval-ignore-output" not in c["metadata"].get("tags", [])]
        shown = sum(bool(cell["outputs"]) for cell in ours)
        yield "cells", page, {"cells-compared": len(ours), "cells-with-output": shown}


def test_of(cells: list[Entry]) -> str:
    """Return the code that tests a claim: the next cell, and those tagged like it that follow."""
    code = itertools.dropwhile(lambda cell: cell["cell_type"] != "code", cells)
    first = next(code, None)
    if first is None:
        return ""
    rest = itertools.takewhile(is_test, code) if is_test(first) else []
    return "\n".join(cell["source"] for cell in (first, *rest))


def is_test(cell: Entry) -> bool:
    """Return whether a cell is tagged as the test of a claim."""
    return "claim-test" in cell["metadata"].get("tags", [])


def imported(source: str) -> set[str]:
    """Return the names that stand for what code imports from the package, and for nothing else."""
    names, variables = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            where = getattr(node, "module", None)
            for alias in node.names:
                if (where or alias.name).split(".")[0] == PACKAGE:
                    names.add(alias.asname or alias.name.split(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            variables.add(node.id)
    return names - variables


def tested(source: str, modules: set[str]) -> Entry:
    """Return the assertions in a cell as they are written, and the modules that they name."""
    nodes = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and re.search(r"\bassert_\w+$", ast.unparse(node.func)))
    ]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    names = {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}
    asserts = [ast.get_source_segment(source, node) for node in nodes]
    return {"asserts": asserts, "modules": sorted(names & modules)}


def summary(ledger: Ledger) -> str:
    """Return a table of what each part holds, claims by their verdict."""
    counts: dict[str, Counter[str]] = {}
    for kind in (*KINDS, "cells"):
        for name, entry in ledger[kind].items():
            part = counts.setdefault(entry.get("page", name).split("/")[1], Counter())
            part.update(entry if kind == "cells" else [entry.get("verdict", kind)])
    counts["all"] = sum(counts.values(), Counter())
    columns = list(counts["all"])
    rows = [[part, *[str(count[column]) for column in columns]] for part, count in counts.items()]
    widths = [max(map(len, column)) for column in zip(["part", *columns], *rows, strict=True)]
    lines = [zip(row, widths, strict=True) for row in (["part", *columns], *rows)]
    return "\n".join("  ".join(text.rjust(width) for text, width in line) for line in lines)


def write(path: Path, ledger: Ledger) -> None:
    """Write all of a ledger or, when interrupted, nothing of it."""
    draft = path.with_name(path.name + ".draft")
    draft.write_text(json.dumps(ledger, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(draft, path)


def main() -> int:
    """Print or write what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--diff", action="store_true", help="what changed since the first edition")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write today's ledger")
    arguments = parser.parse_args()
    now = read()
    if arguments.write:
        write(arguments.write, now)
        return 0
    if not arguments.diff:
        print(summary(now))
        return 0
    first = json.loads(FIRST.read_text(encoding="utf-8"))
    text = CHANGES.read_text(encoding="utf-8")
    print(*ledger_changes.differences(first, now), sep="\n")
    faults = ledger_changes.faults(first, now, text)
    print(*[f"{CHANGES.relative_to(ROOT)}: {fault}" for fault in faults], sep="\n", end="")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
