"""The rules that every notebook and page of the book keeps; no browser, nothing is run."""

import ast
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from tests.book.contents import DEEPER, FIRST_EDITION, NUMBERED, PARENTS, TOC

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import measure  # noqa: E402
import run_notebooks  # noqa: E402

TAGS = {
    "claim-test",
    measure.IMPORTS,
    "hide-input",  # the line that opens it says "Show the code", so there is no hide-output
    "hide-cell",
    "remove-cell",
    "raises-exception",
    "nbval-ignore-output",
}

# Cells whose output nbval does not compare, by notebook and cell id, because they print times.
# To add one: say in the chapter that the number is a time, tag the cell nbval-ignore-output, and
# enter it here. No other reason counts; digits that differ between processors are rounded away.
TIMED_CELLS: set[tuple[str, str]] = {
    ("book/3-scratch/fast.ipynb", "7e47aa12"),
    ("book/3-scratch/fast.ipynb", "90a21d19"),
    ("book/3-scratch/fast.ipynb", "41f541e0"),
    ("book/3-scratch/fast.ipynb", "376a9c6f"),
    ("book/4-practice/memory.ipynb", "432462e8"),
    ("book/4-practice/service.ipynb", "0556c706"),
}


def listed(pattern):
    """Return the files that git tracks or would track; in a copy without git, all visible ones."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "--", pattern]
    git = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    names = git.stdout.splitlines()
    if git.returncode:
        paths = [path.relative_to(ROOT) for path in ROOT.rglob(pattern)]
        names = [str(path) for path in paths if path.parts[0][0] not in "._"]
    return sorted(name for name in names if (ROOT / name).exists())


NOTEBOOKS = listed("*.ipynb")
CHAPTERS = [f"{page}.ipynb" for page in NUMBERED]
PAGES = [name for name in listed("*.md") if name == "index.md" or name.startswith("book/")]

every_notebook = pytest.mark.parametrize("name", NOTEBOOKS)
every_chapter = pytest.mark.parametrize("name", CHAPTERS)


def cells(name, kind=None):
    notebook = nbformat.read(ROOT / name, as_version=4)
    return [cell for cell in notebook.cells if kind in (None, cell.cell_type)]


def prose(name):
    return "\n\n".join(cell.source for cell in cells(name, "markdown"))


def tags(cell):
    return set(cell.metadata.get("tags", []))


def asserts(cell):
    """Return whether a code cell checks something."""
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and re.search(r"\bassert_\w+$", ast.unparse(node.func)))
        for node in ast.walk(ast.parse(cell.source))
    )


def prints(cell):
    return any(output.output_type == "stream" and output.text.strip() for output in cell.outputs)


def shows(cell, kind):
    """Return whether a cell has an output of a kind such as ``image/``."""
    return any(mime.startswith(kind) for output in cell.outputs for mime in output.get("data", {}))


def test_there_are_notebooks():
    assert CHAPTERS


@every_notebook
def test_a_notebook_was_run_from_top_to_bottom_and_is_stored_in_normal_form(name):
    assert run_notebooks.problems(ROOT / name) == []


@every_notebook
def test_a_notebook_is_in_the_table_of_contents(name):
    assert name.removesuffix(".ipynb") in PARENTS


def test_chapters_alone_are_numbered():
    """With `true` for 1, sections and deeper pages would have numbers too."""
    assert {part.get("numbered") for part in TOC["parts"]} <= {1, None}
    assert [type(part.get("numbered", 1)) for part in TOC["parts"]] == [int] * len(TOC["parts"])


def test_a_deeper_page_bears_the_name_of_the_page_that_it_deepens():
    for page, parent in DEEPER.items():
        assert page.startswith(f"{parent}-")
        assert parent not in DEEPER
        assert f"{page}.ipynb" in NOTEBOOKS


@every_notebook
def test_a_notebook_has_one_title_and_it_comes_first(name):
    titles = [cell for cell in cells(name, "markdown") if re.search(r"^# ", cell.source, re.M)]
    assert len(re.findall(r"^# ", prose(name), re.M)) == 1
    assert titles == [cells(name)[0]] and titles[0].source.startswith("# ")


@every_notebook
def test_tags_come_from_a_short_list(name):
    found = set().union(*map(tags, cells(name)))
    assert {tag for tag in found if not measure.LONG.fullmatch(tag)} <= TAGS


def test_only_listed_cells_go_uncompared():
    found = {
        (name, cell.id)
        for name in NOTEBOOKS
        for cell in cells(name, "code")
        if "nbval-ignore-output" in tags(cell)
    }
    assert found == TIMED_CELLS, "see the comment above TIMED_CELLS"


@every_notebook
def test_no_comment_turns_a_comparison_off(name):
    # nbval obeys comments as it obeys tags, and they would escape the list above.
    comments = r"#\s*(NBVAL_|PYTEST_VALIDATE_)"
    assert not any(re.search(comments, cell.source) for cell in cells(name, "code"))


@every_notebook
def test_every_figure_says_in_words_what_it_shows(name):
    for cell in cells(name, "code"):
        if not shows(cell, "image/"):
            continue
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        assert len(alt) >= 40, f"cell {cell.id} needs mystnb image alt text:\n{cell.source}"
        assert not re.search(r"\.(png|svg)\b", alt)


@every_notebook
def test_every_figure_stands_beside_a_check(name):
    # nbval compares drawings (SVG) but not PNG, so beside a PNG a number has to be compared.
    code = cells(name, "code")
    for cell, following in pairwise([*code, None]):
        if shows(cell, "image/png"):
            beside = [cell] if following is None else [cell, following]
            assert any(asserts(c) or prints(c) for c in beside), f"cell {cell.id}:\n{cell.source}"


CLAIM = re.compile(r"^[:`]{3,}\{admonition\}[^\n]*\n(?::\w+:[^\n]*\n)*?:class: *claim\b", re.M)


@every_notebook
def test_the_cell_after_a_claim_tests_it(name):
    # On other pages than these the build itself fails.
    sequence = cells(name) if name.removesuffix(".ipynb") in FIRST_EDITION else []
    for position, cell in enumerate(sequence):
        claims = CLAIM.findall(cell.source)
        if cell.cell_type == "code" or not claims:
            continue
        assert len(claims) == 1, f"a cell has room for one claim and its test:\n{cell.source}"
        test = next((c for c in sequence[position + 1 :] if c.cell_type == "code"), None)
        assert test is not None and asserts(test), f"no assert after the claim:\n{cell.source}"


@every_chapter
def test_a_chapter_has_four_exercises_each_with_its_solution(name):
    text = prose(name)
    exercises = re.findall(
        r"^[:`]{3,}\{exercise(?:-start)?\}[^\n]*\n(?::\w+:[^\n]*\n)*?:label:\s*(\S+)", text, re.M
    )
    solutions = re.findall(r"^[:`]{3,}\{solution(?:-start)?\}\s+(\S+)", text, re.M)
    assert len(exercises) >= 4
    assert sorted(exercises) == sorted(solutions)


@every_chapter
def test_the_exercises_of_a_chapter_begin_with_a_quiz(name):
    assert re.search(
        r"^## Exercises\n+:{3,}\{(?:quiz\}|admonition\} Quiz\n:class: quiz)\n", prose(name), re.M
    )


@every_notebook
def test_solutions_are_hidden(name):
    starts = re.findall(
        r"^[:`]{3,}\{solution(?:-start)?\}[^\n]*\n((?::[^\n]*\n)*)", prose(name), re.M
    )
    assert all(re.search(r":class: *dropdown", options) for options in starts)


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if "/reference/" not in name])
def test_a_page_keeps_to_its_measure(name):
    """``python tools/measure.py`` prints the measures of all pages."""
    page = name.removesuffix(".ipynb")
    if page not in FIRST_EDITION:
        assert list(measure.faults(measure.cells_of(ROOT / name), page in DEEPER)) == []


def test_the_pages_of_the_first_edition_are_chapters():
    assert set(FIRST_EDITION) <= set(NUMBERED)
    assert len(set(FIRST_EDITION)) == len(FIRST_EDITION)


@every_chapter
def test_a_chapter_cites_its_sources(name):
    assert "{cite:" in prose(name)


MACHINE = re.compile(r"/(home|root|tmp|Users|opt|usr)/\w|site-packages|\.venv/|ipykernel_\d+")


@pytest.mark.parametrize("name", [*NOTEBOOKS, *PAGES])
def test_no_path_of_a_machine_is_shown(name):
    if not name.endswith(".ipynb"):
        shown = (ROOT / name).read_text(encoding="utf-8")
    else:
        notebook = nbformat.read(ROOT / name, as_version=4)
        for output in (o for cell in notebook.cells for o in cell.get("outputs", [])):
            output.pop("png", None)
            for mime in [m for m in output.get("data", {}) if m == "image/png"]:
                del output.data[mime]  # base64 spells anything
        shown = nbformat.writes(notebook)
    assert not MACHINE.search(shown)
    assert str(ROOT) not in shown


def test_every_module_has_its_place_on_the_api_page():
    page = (ROOT / "book/reference/api.md").read_text(encoding="utf-8")
    on_page = set(re.findall(r"automodule:: lstm_tutorial\.([\w.]+)", page))
    package = ROOT / "lstm_tutorial"
    paths = (path.relative_to(package) for path in package.rglob("*.py"))
    modules = {p.parent if p.name == "__init__.py" else p.with_suffix("") for p in paths}
    public = {".".join(m.parts) for m in modules if not m.name.startswith("_")}
    assert on_page == public - {""}
