"""What counts as another page, and what is remembered."""

import json

import pytest

from tests.book.pages import memory
from tests.book.pages.built import TARGETS, Targets

PAGE = """<head><link rel="next" title="7. The next" href="next.html" /></head>
<nav class="bd-links bd-docs-nav" aria-label="Main"><ul><li>{contents}</li></ul>
</nav><main>{text}<img src="a.png"><a href="next.html">on</a><script src="_static/a.js"></script>
<footer class="prev-next-footer d-print-none"><a href="next.html">{contents}</a></footer></main>"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Return a function that writes a book of two pages and gives the keys of both."""
    monkeypatch.setattr(memory, "HTML", tmp_path)
    monkeypatch.setattr("tests.book.pages.built.HTML", tmp_path)
    (tmp_path / "_static").mkdir()

    def book(contents="1. A", text="Text.", image=b"1", script="let a;", browser="true"):
        (tmp_path / "a.png").write_bytes(image)
        (tmp_path / "_static" / "a.js").write_text(script, encoding="utf-8")
        for page in ("index.html", "next.html"):
            html = PAGE.format(contents=contents, text=text)
            (tmp_path / page).write_text(html, encoding="utf-8")
            monkeypatch.setitem(TARGETS, page, Targets(page))
        memory.surroundings.cache_clear()
        memory.key_of.cache_clear()
        return [memory.key_of(page, browser) for page in ("index.html", "next.html")]

    yield book
    memory.surroundings.cache_clear()
    memory.key_of.cache_clear()


@pytest.mark.parametrize(
    "change", [{"text": "Other."}, {"image": b"2"}, {"script": "let b;"}, {"browser": "echo"}]
)
def test_a_page_is_another_when_what_it_shows_or_runs_is(book, change):
    before, after = book(), book(**change)
    assert before[0] != after[0] and before[1] != after[1]


def test_a_page_is_the_same_beside_other_pages(book):
    before, after = book(), book(contents="1. B")
    assert before[1] == after[1]
    assert before[0] != after[0]  # the front page stands for the navigation of all


def test_the_same_book_has_the_same_keys(book):
    assert book() == book()


def test_tests_that_passed_are_added_to_those_known(tmp_path, monkeypatch):
    monkeypatch.delenv("WHOLE_PAGES", raising=False)
    monkeypatch.setattr(memory, "PASSED", tmp_path / "new" / "passed.json")
    assert memory.load() == {}
    memory.keep({"a": "1", "b": "1"})
    memory.keep({"b": "2"})
    assert memory.load() == {"a": "1", "b": "2"}
    assert json.loads(memory.PASSED.read_text(encoding="utf-8")) == memory.load()
    monkeypatch.setenv("WHOLE_PAGES", "1")
    assert memory.load() == {}
