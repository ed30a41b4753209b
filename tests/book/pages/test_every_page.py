"""Every built page, in a wide window and on a phone, in light and in dark colours."""

import pytest

from tests.book.pages.axe import violations
from tests.book.pages.built import CHAPTERS, PAGES
from tests.book.pages.tabs import PHONE


def test_the_book_was_built():
    assert "index.html" in PAGES, "no built book: make html"
    assert CHAPTERS, "no chapter among the built pages"


UNSET_EQUATIONS = r"""() => {
  const faults = [];
  const sources = document.querySelectorAll(".math.notranslate").length;
  const set = document.querySelectorAll(".math.notranslate mjx-container").length;
  if (set < sources) faults.push(`${sources} equations, ${set} of them set`);
  document.querySelectorAll("mjx-merror, [data-mjx-error]").forEach((e) =>
    faults.push("error in an equation: " + e.textContent));
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest("pre, code, script, style, mjx-container")) continue;
    if (/\\[([]|\$[^$]+\$|\\(frac|sum|tanh|partial|mathrm)/.test(node.data))
      faults.push("bare TeX: " + node.data.trim().slice(0, 80));
  }
  return faults;
}"""


def test_every_equation_is_set(on_desk):
    assert on_desk.evaluate(UNSET_EQUATIONS) == []


POOR_IMAGES = """() => [...document.images].filter((image) => {
  const alt = image.getAttribute("alt");
  const decoration = alt === "" && image.closest("[aria-hidden=true]");
  return image.naturalWidth === 0
    || (!decoration && (!alt || alt.length < 5 || /[.](png|svg|jpg)$/.test(alt)));
}).map((image) => `${image.src} (alt: ${image.alt})`)"""


def test_every_image_loads_and_says_what_it_shows(on_desk):
    # Images below the fold may wait for the reader; here all are fetched.
    on_desk.evaluate("""() => Promise.all([...document.images].map((image) => {
        image.loading = "eager"; return image.decode().catch(() => null); }))""")
    assert on_desk.evaluate(POOR_IMAGES) == []


UNMADE = """() => [...document.querySelectorAll(".quiz")].filter((quiz) =>
  !quiz.querySelector("form fieldset > legend")?.textContent.trim()
  || quiz.querySelectorAll("input").length !== quiz.querySelectorAll(".quiz-answers > li").length
  || [...quiz.querySelectorAll("input")].some((input) => !input.labels[0]?.textContent.trim())
).map((quiz) => quiz.id)"""


def test_every_quiz_has_become_a_form(on_desk):
    assert on_desk.evaluate(UNMADE) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_on_a_desk(on_desk, theme):
    assert violations(on_desk, theme) == []


# The last look at a page in a wide window, so that what it asks for late is seen too.
def test_page_loads_without_fault_and_from_this_host_alone(on_desk, desk):
    on_desk.wait_for_load_state("networkidle")
    assert desk.faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_on_a_phone(on_phone, theme):
    assert violations(on_phone, theme) == []


# An element may stick out of a box that scrolls or is closed, never out of the page.
OUTSIDE = """() => [...document.querySelectorAll(".bd-article-container *")].filter((element) => {
  const box = element.getBoundingClientRect();
  if (box.width === 0 || box.height === 0 || box.right <= innerWidth + 1) return false;
  for (let parent = element.parentElement; parent; parent = parent.parentElement) {
    const overflow = getComputedStyle(parent).overflowX;
    if (overflow === "auto" || overflow === "scroll") return false;
  }
  return !element.closest("mjx-assistive-mml, .visually-hidden");
}).map((element) => element.outerHTML.slice(0, 120))"""


def test_a_phone_shows_the_page_without_sideways_scroll(on_phone):
    assert on_phone.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
    assert on_phone.evaluate(OUTSIDE) == []


FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

# MathJax's boxes are reached too, and read out as the equation that they hold.
UNREACHABLE = """() => [...document.querySelectorAll("main *")].filter((box) =>
  box.checkVisibility() && box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0
  && ["auto", "scroll"].includes(getComputedStyle(box).overflowX)
  && (box.tabIndex < 0 || !(box.ariaLabel || box.matches("mjx-container")))
).map((box) => box.outerHTML.slice(0, 120))"""


def test_on_a_phone_the_keyboard_reaches_what_scrolls(on_phone):
    on_phone.evaluate(FRAMES)  # boxes are measured after layout
    assert on_phone.evaluate(UNREACHABLE) == []
