"""Measure pages of the book: ``python tools/measure.py [book/….ipynb …]``.

Words and visible cells before the exercises, figures, minutes to read, and minutes that the
exercises name; below a page, what it does that a page of the second edition does not do.
"""

import ast
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
WORDS, CELLS, LINES = 1200, 12, 15
LONG = re.compile(r"long(-[a-z0-9]+){3,}")  # a tag that says why a cell is long
IMPORTS = "shows-imports"  # a tag: what is imported is part of the lesson
FIGURE = re.compile(r"^[:`]{3,}\{figure\}|!\[|^<lstm-[\w-]+", re.M)
EXERCISE = re.compile(r"^[:`]{3,}\{exercise(?:-start)?\} *(.*)", re.M)
TIME = re.compile(r" *\((\d+) min\)\s*$")

Cell = dict[str, Any]


class Measure(NamedTuple):
    """What a page asks of its reader."""

    words: int
    cells: int
    figures: int
    exercises: int  # minutes

    @property
    def minutes(self) -> int:
        """The minutes that it takes to read the page, its exercises left out."""
        return math.ceil(self.words / 200 + self.cells / 2 + self.figures / 2)


def cells_of(path: Path) -> list[Cell]:
    """Return the cells of a notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]


def tags(cell: Cell) -> set[str]:
    """Return the tags of a cell."""
    return set(cell["metadata"].get("tags", []))


def text_of(cells: list[Cell]) -> Iterator[Cell]:
    """Yield the cells before the one that begins the exercises."""
    for cell in cells:
        if cell["cell_type"] == "markdown" and re.search(r"^#+ Exercises", cell["source"], re.M):
            return
        yield cell


def is_visible(cell: Cell) -> bool:
    """Return whether the page shows the code of a cell unfolded."""
    return cell["cell_type"] == "code" and not tags(cell) & FOLDED


def words_in(text: str) -> int:
    """Return the number of words in Markdown, formulas left out."""
    return len(re.sub(r"\$[^$]*\$|[`:{}|]", " ", text).split())


def figures_in(cell: Cell) -> int:
    """Return the number of figures that a cell shows."""
    if cell["cell_type"] == "markdown":
        return len(FIGURE.findall(cell["source"]))
    if "remove-cell" in tags(cell):
        return 0
    kinds = [mime for output in cell["outputs"] for mime in output.get("data", {})]
    return sum(mime.startswith("image/") for mime in kinds)


def measure(cells: list[Cell]) -> Measure:
    """Measure a page by its cells."""
    text = list(text_of(cells))
    prose = [cell["source"] for cell in text if cell["cell_type"] == "markdown"]
    return Measure(
        words=sum(map(words_in, prose)),
        cells=sum(map(is_visible, text)),
        figures=sum(map(figures_in, text)),
        exercises=sum(int(time[1]) for time in map(TIME.search, exercises(cells)) if time),
    )


def exercises(cells: list[Cell]) -> list[str]:
    """Return the titles of a page's exercises."""
    prose = [cell["source"] for cell in cells if cell["cell_type"] == "markdown"]
    return EXERCISE.findall("\n".join(prose))


def faults(cells: list[Cell], deeper: bool) -> Iterator[str]:
    """Yield what a page does that it should not; a deeper page may be as long as it needs."""
    found = measure(cells)
    if found.words > WORDS and not deeper:
        yield f"has {found.words} words before the exercises, more than {WORDS}"
    if found.cells > CELLS and not deeper:
        yield f"has {found.cells} visible cells before the exercises, more than {CELLS}"
    for title in exercises(cells):
        if not TIME.search(title):
            yield f"has an exercise without its minutes, as in '{title} (5 min)'"
    for cell in filter(is_visible, text_of(cells)):
        first, *more = cell["source"].splitlines() or [""]
        if len(more) >= LINES and not any(map(LONG.fullmatch, tags(cell))):
            yield f"shows {len(more) + 1} lines of code at '{first}' and no tag long-… says why"
        if sets_up(cell["source"]) and IMPORTS not in tags(cell):
            yield f"does not fold what it imports or glues at '{first}'"


def sets_up(source: str) -> bool:
    """Return whether code imports or glues something."""
    return any(
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "glue")
        for node in ast.walk(ast.parse(source))
    )


def is_deeper(path: Path) -> bool:
    """Return whether a page deepens another one, ``state-range`` the page ``state``."""
    stem = path.stem
    return any(
        path.with_name(f"{stem[: dash.start()]}.ipynb").exists() for dash in re.finditer("-", stem)
    )


def main() -> None:
    """Print the table."""
    paths = [Path(name) for name in sys.argv[1:]] or sorted((ROOT / "book").glob("*/*.ipynb"))
    print(f"{'page':32} words  cells  figures  minutes  exercises")
    for path in paths:
        cells = cells_of(path)
        found = measure(cells)
        numbers = [found.words, found.cells, found.figures, found.minutes, found.exercises]
        page = f"{path.parent.name}/{path.stem}"
        print("{:32} {:5}  {:5}  {:7}  {:7}  {:9}".format(page, *numbers))
        print(*[f"    {fault}\n" for fault in faults(cells, is_deeper(path))], sep="", end="")


if __name__ == "__main__":
    main()
