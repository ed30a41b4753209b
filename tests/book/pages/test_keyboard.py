"""The pages by keyboard alone."""

import pytest

from tests.book.contents import NUMBERED
from tests.book.pages.built import CHAPTERS, by_page
from tests.book.pages.tabs import PHONE, focused, tab_to


def test_the_first_stop_skips_to_the_text(watched):
    tab = watched.open(CHAPTERS[0])
    tab.keyboard.press("Tab")
    assert "Skip to main content" in focused(tab, "textContent")
    tab.keyboard.press("Enter")
    assert tab.url.endswith("#main-content")


def test_search_opens_by_key_and_finds_a_page(watched):
    tab = watched.open("index.html")
    tab.keyboard.press("Control+k")
    tab.keyboard.type("gradient")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search.html?q=gradient*")
    hits = tab.locator("#search-results ul.search li a")
    hits.first.wait_for()
    assert any("book/" in hit.get_attribute("href") for hit in hits.all())
    assert watched.faults == []


def test_the_theme_changes_by_keyboard(watched):
    tab = watched.open(CHAPTERS[0])
    tab_to(tab, ".theme-switch-button")
    seen = set()
    for _ in range(3):
        tab.keyboard.press("Enter")
        seen.add(tab.evaluate("document.documentElement.dataset.mode"))
    assert seen == {"auto", "light", "dark"}
    tab.evaluate("localStorage.clear()")


@pytest.mark.parametrize("page", by_page(f"{page}.html" for page in NUMBERED))
def test_a_solution_opens_by_keyboard(page, watched):
    tab = watched.open(page)
    solution = tab.locator(".solution.dropdown").first
    text = solution.locator(".toggle-hidden, section, .solution-content").first
    button = solution.locator("button.toggle-button")
    assert not text.is_visible()
    button.focus()
    tab.keyboard.press("Enter")
    text.wait_for(state="visible")


def test_the_contents_open_by_keyboard_on_a_phone(watched):
    tab = watched.open(CHAPTERS[0], size=PHONE)
    contents = tab.locator("dialog[open] nav.bd-links")
    assert contents.count() == 0
    tab_to(tab, "button.primary-toggle")
    tab.keyboard.press("Enter")
    contents.wait_for(state="visible")
    tab_to(tab, "dialog[open] nav.bd-links a")
    tab.keyboard.press("Escape")
    contents.wait_for(state="hidden")
