"""What stands under a page's title and on the list of the path, in a small book."""

import re

import pytest

from tests.book.notebooks import notebook

INDEX = "# Book\n\n:::{path-list}\n:::\n\n```{toctree}\none\ntwo\nthree\n```\n"
BELOW = "```{toctree}\ntwo-deeper\n```"
EXERCISES = """## Exercises

```{exercise} On *paper* (5 min)
:label: ex-a

Why?
```

```{solution} ex-a
So.
```

````{exercise-start} In code (20 min)
:label: ex-b
````

How?

````{exercise-end}
````
"""


def text_of(path, start, end):
    """Return the text of a part of a page, and where its links lead."""
    part = path.read_text(encoding="utf-8").partition(start)[2].partition(end)[0]
    words = " ".join(re.sub("<[^>]*>", "", part).split())
    return words, re.findall('href="([^"]*)"', part)


def facts(out, page):
    return text_of(out / f"{page}.html", '<div class="page-facts docutils container">', "</div>")


@pytest.fixture
def book(build):
    """Return a function that builds three pages and one that deepens the second."""

    def book(one=None, two=None, three=None, deeper=None):
        return build(
            index=INDEX,
            one=notebook("One", "word " * 398, lstm=one or {}),
            two=notebook("Two $x$", ("x = 1",), BELOW, lstm=two or {}),
            three=notebook("Three", EXERCISES, lstm=three or {}),
            **{"two-deeper": notebook("Why", lstm=deeper or {})},
        )

    return book


def test_a_page_says_its_minutes_and_what_it_builds_on(book):
    done, out = book(three={"builds_on": ["one", "two", "two-deeper"]}, two={"builds_on": ["one"]})
    assert done.returncode == 0, done.stderr
    assert facts(out, "one") == ("2 minutes to read.", [])
    assert facts(out, "two") == ("1 minute to read. It builds on One.", ["one.html"])
    words, links = facts(out, "three")
    start = "1 minute to read, 25 for the exercises. It builds on "
    assert words == start + r"One, Two \(x\) and Why."
    assert links == ["one.html", "two.html", "two-deeper.html"]
    assert facts(out, "two-deeper") == (r"1 minute to read. It deepens Two \(x\).", ["two.html"])
    index = (out / "index.html").read_text(encoding="utf-8")
    assert "No page is on this path yet." in index and "page-facts" not in index


def test_the_pages_of_the_path_lead_to_each_other_and_are_listed(book):
    done, out = book(one={"path": True}, three={"path": True})
    assert done.returncode == 0, done.stderr
    words, links = facts(out, "one")
    assert words.endswith("to read. The LSTM in an hour, page 1 of 2. Next: Three.")
    assert links == ["three.html"]
    words, links = facts(out, "three")
    assert words.endswith(" The LSTM in an hour, page 2 of 2. Before: One.")
    assert links == ["one.html"]
    assert "in an hour" not in facts(out, "two")[0]
    for page, ends in (("one", True), ("two", False), ("three", False)):
        html = (out / f"{page}.html").read_text(encoding="utf-8")
        assert ("The LSTM in an hour goes on with" in html) == ends
    words, links = text_of(out / "index.html", '<div class="path-list', "</div>")
    assert words.endswith("One, 2 minutes Three, 1 minute 3 minutes in all, without the exercises.")
    assert links == ["one.html", "three.html"]


def test_an_exercise_says_its_minutes_and_its_solution_does_not(book):
    _, out = book()
    words, _ = text_of(out / "three.html", "<body>", "</body>")
    assert "Exercise 1 (On paper, 5 min)" in words
    assert "Exercise 2 (In code, 20 min)" in words
    assert "Solution to Exercise 1 (On paper)" in words


@pytest.mark.parametrize(
    ("lstm", "says"),
    [
        ({"builds_on": ["four"]}, "builds on 'four', which is no page"),
        ({"builds_on": "two"}, "the metadata lstm: builds_on is neither"),
        ({"path": "yes"}, "the metadata lstm: path is neither"),
        ({"needs": []}, "the metadata lstm: needs is neither"),
    ],
)
def test_metadata_that_means_nothing_fails_the_build(book, lstm, says):
    done, _ = book(one=lstm)
    assert done.returncode == 1
    assert says in done.stderr
