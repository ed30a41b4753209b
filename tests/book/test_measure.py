"""What tools/measure.py says of a page."""

import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_output

from tests.book.notebooks import notebook

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import measure  # noqa: E402

LONG = "\n".join(f"x = {n}" for n in range(16))
EXERCISES = "## Exercises\n\n```{exercise} On paper (5 min)\n:label: ex-a\n\nWhy?\n```"


def found(*cells, deeper=False):
    """Return the faults of a page."""
    return list(measure.faults(notebook("T", *cells).cells, deeper))


def test_words_cells_figures_and_minutes_are_counted_up_to_the_exercises():
    picture = "```{figure} a.svg\n:alt: A\n```"
    page = notebook(
        "A *title*",
        "Four words, $h_t = 1$ one {term}`gate` more.\n\n$$a \\le b$$",
        ("import numpy", "hide-input"),
        ("x = 1",),
        ("draw()", "hide-input"),
        picture,
        "<lstm-gate>fallback</lstm-gate>",
        EXERCISES,
        ("y = 1",),
        "```{exercise-start} In code (20 min)\n:label: ex-b\n```",
        "The text of the exercise.",
    )
    page.cells[4].outputs = [new_output("display_data", {"image/svg+xml": "", "text/plain": ""})]
    assert measure.measure(page.cells) == (14, 1, 3, 25)
    assert measure.Measure(1200, 12, 4, 25).minutes == 6 + 6 + 2
    assert measure.Measure(1, 0, 0, 0).minutes == 1


def test_a_page_within_its_measure_has_no_fault():
    assert found("word " * 1000, *[("x = 1",)] * 12, EXERCISES) == []


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["word " * 1201], "has 1203 words before the exercises, more than 1200"),
        ([("x = 1",)] * 13, "has 13 visible cells before the exercises, more than 12"),
    ],
)
def test_a_page_is_short_and_a_deeper_page_as_long_as_it_needs(cells, says):
    assert found(*cells, EXERCISES) == [says]
    assert found(*cells, EXERCISES, deeper=True) == []


@pytest.mark.parametrize("deeper", [False, True])
@pytest.mark.parametrize(
    ("cell", "excused", "says"),
    [
        ((LONG,), "long-the-whole-layer-at-once", "shows 16 lines of code at 'x = 0'"),
        (("import numpy",), "shows-imports", "does not fold what it imports or glues at 'import"),
        (("glue('a', 1)",), "hide-input", "does not fold what it imports or glues at 'glue('a'"),
    ],
)
def test_a_cell_is_short_and_what_sets_up_is_folded(cell, excused, says, deeper):
    (fault,) = found(cell, EXERCISES, deeper=deeper)
    assert fault.startswith(says)
    assert found((*cell, excused), EXERCISES, deeper=deeper) == []
    assert found(EXERCISES, cell, deeper=deeper) == []


def test_a_tag_that_gives_no_reason_excuses_nothing():
    assert len(found((LONG, "long-cell"), EXERCISES)) == 1


def test_an_exercise_names_its_minutes():
    (fault,) = found(EXERCISES.replace(" (5 min)", ""))
    assert fault == "has an exercise without its minutes, as in 'On paper (5 min)'"


def test_a_page_deepens_the_one_whose_name_begins_its_own(tmp_path):
    for name in ("state", "state-range", "nn-lstm"):
        (tmp_path / f"{name}.ipynb").touch()
    deeper = [path.stem for path in tmp_path.iterdir() if measure.is_deeper(path)]
    assert deeper == ["state-range"]


def test_the_table_names_pages_and_faults(tmp_path, monkeypatch, capsys):
    path = tmp_path / "state.ipynb"
    path.write_text(nbformat.writes(notebook("T", ("import numpy",))), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["measure.py", str(path)])
    measure.main()
    heads, numbers, fault = capsys.readouterr().out.splitlines()
    assert heads.split() == ["page", "words", "cells", "figures", "minutes", "exercises"]
    assert numbers.split()[1:] == ["2", "1", "0", "1", "0"]
    assert fault.strip() == "does not fold what it imports or glues at 'import numpy'"
