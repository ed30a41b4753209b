"""What the first edition held is still in the book, or the file of changes says what became of it."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest
from nbformat import reads
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, writes

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import ledger  # noqa: E402
import ledger_changes  # noqa: E402

FROZEN = {
    "first-edition.json": "d0ac777f0544feb9a91e6601df1637a149eb1c826683757ad228f6a350d57d7d",
    "first-edition-anchors.json": "0de49c47ff4241531ce77f87ac55926b9ce45e3f4b0deaf3f1e526adc605a33f",
}


def test_everything_of_the_first_edition_is_accounted_for():
    first = json.loads(ledger.FIRST.read_text(encoding="utf-8"))
    text = ledger.CHANGES.read_text(encoding="utf-8")
    found = ledger_changes.faults(first, ledger.read(), text)
    where = ledger.CHANGES.relative_to(ROOT)
    assert not found, f"{where}, with your reason for WHY:\n" + "\n".join(found)


@pytest.mark.parametrize(("name", "digest"), FROZEN.items())
def test_the_ledger_of_the_first_edition_is_frozen(name, digest):
    text = ledger.FIRST.with_name(name).read_text(encoding="utf-8")
    assert hashlib.sha256(text.encode()).hexdigest() == digest


def test_the_ledger_of_the_first_edition_is_complete():
    first = json.loads(ledger.FIRST.read_text(encoding="utf-8"))
    assert {kind: len(first[kind]) for kind in ledger.KINDS} == {
        "claims": 245,
        "exercises": 169,
        "quizzes": 47,
    }
    assert {claim["verdict"] for claim in first["claims"].values()} == {"true", "limits", "false"}
    assert all(claim["asserts"] for claim in first["claims"].values())
    assert all(quiz["first"] and "x" in quiz["right"] for quiz in first["quizzes"].values())
    assert dict(ledger_changes.totals(first)) == {"cells-compared": 1098, "cells-with-output": 658}


# The checker, on a small book of its own.

CLAIM = ":::{admonition} The loss falls\n:class: claim limits\n:name: claim-falls\n\n*True with limits.*\n:::"
TEST = 'assert readout.train(x)[-1] < 0.5 and (x > 0).all(), "too high"\nnp.testing.assert_allclose(x, y)'
QUIZ = """## Exercises

:::{admonition} Quiz
:class: quiz
:name: quiz-one

How much is left?

- [ ] All.

  No.

- [x] A half.

  Yes.

- [ ] Nothing.

  No.
:::

```{exercise} On paper
:label: ex-paper

Why?
```

````{exercise-start} In code
:label: ex-code
````

The check is `exercises.check("lstm.step", step)`."""
SOLUTION = 'report = exercises.check("lstm.step", step)\nreport'


def write(root, page="1-one/page", **changed):
    """Write the small book, with some of its cells changed; None leaves one out."""
    cells = {
        "imports": "import numpy as np\nfrom lstm_tutorial import readout, tasks_1997",
        "claim": CLAIM,
        "test": TEST,
        "quiz": QUIZ,
        "solution": SOLUTION,
        "timed": "print(seconds)",
    } | changed
    made = []
    for name, source in cells.items():
        if source is not None:
            kind = new_markdown_cell if name in ("claim", "quiz") else new_code_cell
            made.append(kind(source))
            if name == "solution":
                made[-1].outputs = [new_output("stream", text="passed\n")]
            if name == "timed":
                made[-1].metadata["tags"] = ["nbval-ignore-output"]
    path = root / "book" / f"{page}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(writes(new_notebook(cells=made)), encoding="utf-8")


@pytest.fixture
def faults(tmp_path):
    """Return a function that gives the faults of the changed book, with lines on the changes."""

    def faults(lines="", **changed):
        for edition, changes in (("first", {}), ("now", changed)):
            shutil.rmtree(tmp_path / edition, ignore_errors=True)
            write(tmp_path / edition, **changes)
        first, now = (ledger.read(tmp_path / edition) for edition in ("first", "now"))
        return ledger_changes.faults(json.loads(json.dumps(first)), now, lines)

    return faults


def test_the_ledger_holds_what_is_on_a_page(tmp_path):
    write(tmp_path)
    assert ledger.read(tmp_path) == {
        "claims": {
            "claim-falls": {
                "page": "book/1-one/page",
                "title": "The loss falls",
                "verdict": "limits",
                "asserts": TEST.split("\n"),
                "modules": ["readout"],
            }
        },
        "exercises": {
            "ex-paper": {"page": "book/1-one/page", "title": "On paper", "checks": []},
            "ex-code": {"page": "book/1-one/page", "title": "In code", "checks": ["lstm.step"]},
        },
        "quizzes": {
            "quiz-one": {"page": "book/1-one/page", "first": "How much is left?", "right": "-x-"}
        },
        "cells": {"book/1-one/page": {"cells-compared": 3, "cells-with-output": 1}},
    }


def test_a_variable_is_not_taken_for_a_module_of_its_name():
    code = "from lstm_tutorial import lstm, readout\nreadout = readout.init(3)"
    assert ledger.imported(code) == {"lstm"}


def test_a_name_that_two_things_share_is_refused(tmp_path):
    write(tmp_path)
    write(tmp_path, page="1-one/second")
    with pytest.raises(ValueError, match=r"second: the name claim-falls of one of its claims"):
        ledger.read(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {
            "imports": "import numpy as np\nfrom lstm_tutorial import network",
            "test": TEST.replace("readout.", "network."),
        },
        {
            "imports": "import numpy as np\nfrom lstm_tutorial.network import train",
            "test": TEST.replace("readout.", ""),
        },
        {
            "imports": "import numpy as np\nimport lstm_tutorial.relatives as r",
            "test": TEST.replace("readout.", "r.network."),
        },
        {"test": TEST.replace("too high", "the loss is too high")},
        {"test": "np.testing.assert_allclose(x, y)\nassert (x > 0).all()\nassert (\n    readout.train(x)[-1] < 0.5\n)"},
        {"quiz": QUIZ.replace("Why?", "Why so?")},
        {"more": "print(1)"},
    ],
    ids=["nothing", "module", "function", "room", "message", "format", "prose", "more"],
)  # fmt: skip
def test_what_means_the_same_needs_no_line(faults, changed):
    assert faults(**changed) == []


RESTATED = [
    ("claim-falls", {"claim": CLAIM.replace("loss falls", "loss soon falls")}),
    ("claim-falls", {"claim": CLAIM.replace("claim limits", "claim true")}),
    ("claim-falls", {"test": TEST.replace("< 0.5", "< 0.6")}),
    ("claim-falls", {"test": TEST.replace("readout.train(x)", "np.sort(x)")}),
    ("claim-falls", {"test": TEST.split("\n")[0]}),
    ("claim-falls", {"test": TEST.replace("(x, y)", "(x, x)")}),
    ("ex-paper", {"quiz": QUIZ.replace("On paper", "In words")}),
    ("ex-code", {"quiz": QUIZ.replace("lstm.step", "gate"), "solution": "report"}),
    ("quiz-one", {"quiz": QUIZ.replace("How much", "How many")}),
    ("quiz-one", {"quiz": QUIZ.replace("[ ] All", "[x] All")}),
]


@pytest.mark.parametrize(("name", "changed"), RESTATED)
def test_what_is_restated_needs_a_line_of_what_it_says_now(faults, name, changed):
    (fault,) = faults(**changed)
    assert fault.startswith(f"{name}: was restated, add\n    {name} restated ")
    line = fault.split("\n    ")[1].replace("WHY", "For a good reason.")
    assert faults(line, **changed) == []
    (fault,) = faults(line)
    assert fault.startswith(f"{name}: does not hold (any more), remove\n    {name} restated ")


def test_what_is_restated_again_needs_another_line(faults):
    line = faults(test=TEST.replace("0.5", "0.6"))[0].split("\n    ")[1]
    remove, add = faults(line.replace("WHY", "A good reason."), test=TEST.replace("0.5", "0.7"))
    assert line.removesuffix("WHY") + "…" in remove
    assert add.startswith("claim-falls: was restated, add")


WITHOUT_EXERCISE = QUIZ[: QUIZ.index("```{exercise}")] + QUIZ[QUIZ.index("````{exercise-start}") :]
WITHOUT_QUIZ = QUIZ[QUIZ.index("```{exercise}") :]
REMOVED = [
    ("claim-falls", {"claim": None}),
    ("ex-paper", {"quiz": WITHOUT_EXERCISE}),
    ("quiz-one", {"quiz": WITHOUT_QUIZ}),
]


@pytest.mark.parametrize(("name", "changed"), REMOVED)
def test_what_is_gone_needs_a_line(faults, name, changed):
    (fault,) = faults(**changed)
    assert fault.startswith(f"{name}: no longer in the book, stood in book/1-one/page;")
    assert f"\n    {name} withdrawn WHY" in fault
    assert faults(f"{name} withdrawn It was not true.", **changed) == []
    (fault,) = faults(f"{name} merged {name}-2 Both said the same.", **changed)
    assert fault == f"{name}: merged into {name}-2, which is not in the book"
    both = f"{name} withdrawn It was not true.\n{name} merged {name} Both said the same."
    assert faults(both, **changed) != []


def test_a_thing_is_merged_into_one_of_its_kind(faults):
    renamed = QUIZ.replace("ex-paper", "ex-new")
    assert faults("ex-paper merged ex-new A new name.\n", quiz=renamed) == []
    assert faults("ex-paper merged quiz-one A new name.\n", quiz=renamed) != []


def test_what_is_moved_needs_a_line_with_its_page(faults):
    page = "1-one/second"
    names = ["claim-falls", "ex-paper", "ex-code", "quiz-one"]
    found = faults(page=page)
    assert found == [f"{n}: was moved, add\n    {n} moved book/{page} WHY" for n in names]
    lines = [f"{name} moved book/{page} It is a special case." for name in names]
    assert faults("\n".join(lines), page=page) == []
    lines[0] = lines[0].replace("second", "no-page")
    assert len(faults("\n".join(lines), page=page)) == 2


def test_what_is_moved_to_a_deeper_page_needs_no_line(faults):
    assert faults(page="1-one/page-limits") == []
    assert len(faults(page="1-one/pages")) == 4


def test_the_minutes_of_an_exercise_are_no_part_of_its_name(faults):
    assert faults(quiz=QUIZ.replace("On paper", "On paper (5 min)")) == []


def test_all_cells_tagged_as_a_test_belong_to_it(tmp_path):
    write(tmp_path)
    path = tmp_path / "book/1-one/page.ipynb"
    page = reads(path.read_text(encoding="utf-8"), as_version=4)
    test = page.cells[2]
    cells = [new_code_cell(line, metadata={"tags": ["claim-test"]}) for line in TEST.split("\n")]
    page.cells[2:3] = [*cells, new_code_cell("assert False")]
    path.write_text(writes(page), encoding="utf-8")
    assert ledger.read(tmp_path)["claims"]["claim-falls"]["asserts"] == test.source.split("\n")


def test_fewer_cells_need_a_line(faults):
    assert faults(imports="import lstm_tutorial.readout as readout", timed=None) == []
    fewer = {"quiz": QUIZ, "solution": None}
    found = faults(**fewer)
    assert (
        found[0] == "cells-compared: 2, 3 in the first edition; add\n    cells-compared fewer 2 WHY"
    )
    assert found[1].endswith("cells-with-output fewer 0 WHY")
    lines = "cells-compared fewer 2 It is gone.\ncells-with-output fewer 0 It is gone."
    assert faults(lines, **fewer) == []
    assert len(faults(lines)) == 2


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("claim-falls withdrawn It was not true.", "claim-falls: does not hold"),
        ("claim-falls moved book/1-one/page It is evidence.", "claim-falls: does not hold"),
        ("claim-none withdrawn It was not true.", "claim-none: not in the first edition"),
        ("claim-falls withdrawn WHY", "is not NAME VERB TARGET and a reason"),
        ("claim-falls vanished It was not true.", "is not NAME VERB TARGET and a reason"),
        ("cells-compared fewer than It is gone.", "is not NAME VERB TARGET and a reason"),
    ],
)
def test_a_line_that_is_not_needed_or_not_understood_is_refused(faults, lines, fault):
    (found,) = faults(f"# what became of it\n\n{lines}\n")
    assert found.startswith(fault)


def test_a_line_that_stands_twice_is_refused(faults):
    line = "claim-falls withdrawn It was not true."
    assert faults(f"{line}\n{line}", claim=None) == [
        "claim-falls: says twice that it was withdrawn, remove one"
    ]


def test_the_differences_are_named(tmp_path):
    write(tmp_path / "first")
    write(
        tmp_path / "now", claim=CLAIM.replace("limits", "true"), quiz=QUIZ.replace("ex-p", "ex-q")
    )
    first, now = (ledger.read(tmp_path / edition) for edition in ("first", "now"))
    assert list(ledger_changes.differences(first, now)) == [
        "claim-falls: verdict was 'limits', is 'true'",
        "ex-paper: gone from book/1-one/page",
        "ex-qaper: new on book/1-one/page",
        "cells-compared: 3 then, 3 now",
        "cells-with-output: 1 then, 1 now",
    ]


def test_the_summary_counts_each_part(tmp_path):
    write(tmp_path)
    heads, part, everything = ledger.summary(ledger.read(tmp_path)).split("\n")
    assert heads.split() == [
        "part",
        "limits",
        "exercises",
        "quizzes",
        "cells-compared",
        "cells-with-output",
    ]
    assert part.split() == ["1-one", "1", "2", "1", "3", "1"]
    assert everything.split() == ["all", "1", "2", "1", "3", "1"]
