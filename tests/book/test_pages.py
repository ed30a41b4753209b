"""The built pages in Chromium: what a reader sees, with a mouse, by keyboard and on a phone."""

import base64
import json
import math
import re
import shutil
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from lstm_tutorial import gradients, lstm, rnn
from lstm_tutorial.models import CharLM, trained_char_lm

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
PAGES = sorted(
    str(path.relative_to(HTML)) for path in HTML.rglob("*.html") if "_static" not in path.parts
)
CHAPTERS = [page for page in PAGES if (ROOT / page).with_suffix(".ipynb").exists()]
TEXT_PAGES = [
    page for page in PAGES if any((ROOT / page).with_suffix(s).exists() for s in (".md", ".ipynb"))
]
PHONE, DESK = {"width": 375, "height": 800}, {"width": 1280, "height": 900}

sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "_ext")]
from char_reader import PARTS, pack  # noqa: E402
from serve import server  # noqa: E402


@pytest.fixture(scope="session")
def site():
    """Serve the book on a free port of this machine; give its address."""
    book = server(HTML, 0)
    thread = threading.Thread(target=book.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{book.server_address[1]}/"
    book.shutdown()
    book.server_close()
    thread.join()


@pytest.fixture(scope="session")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        pytest.fail("The pages are checked in Chromium: install it (apt-get install chromium)")
    arguments = [
        "--no-sandbox",  # Chromium refuses to run as root, as it does in CI, with its sandbox on
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


class Watched:
    """A tab that keeps what a reader with open developer tools would see."""

    def __init__(self, browser, site):
        context = browser.new_context(viewport=DESK, reduced_motion="reduce")
        self.tab = context.new_page()
        self.site = site
        self.faults = []
        self.tab.on("request", self.on_request)
        self.tab.on("requestfailed", self.on_failure)
        self.tab.on("response", self.on_response)
        self.tab.on("console", self.on_console)
        self.tab.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))

    def on_request(self, request):
        if not request.url.startswith((self.site, "data:", "blob:")):
            self.faults.append(f"request to another host: {request.url}")

    def on_failure(self, request):
        if request.failure != "net::ERR_ABORTED":  # the page was left before it came
            self.faults.append(f"failed: {request.url} {request.failure}")

    def on_response(self, response):
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url}")

    def on_console(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text}")

    def open(self, page, size=DESK):
        """Open a page and wait until its equations are set."""
        self.faults.clear()
        self.tab.set_viewport_size(size)
        self.tab.emulate_media(color_scheme="light")
        self.tab.goto(self.site + page, wait_until="load")
        self.tab.evaluate("async () => { await window.MathJax?.startup?.promise }")
        return self.tab


@pytest.fixture(scope="session")
def watched(browser, site):
    return Watched(browser, site)


# Two workers share the pages; all tests of one page go to the same.
BY_PAGE = [pytest.param(page, marks=pytest.mark.xdist_group(page)) for page in PAGES]


@pytest.fixture(scope="session", params=BY_PAGE)
def on_desk(request, watched):
    """Each page in a wide window, opened once for all the tests that look at it."""
    tab = watched.open(request.param)
    tab.wait_for_load_state("networkidle")  # so that late requests are seen too
    return tab


@pytest.fixture(scope="session", params=BY_PAGE)
def on_phone(request, watched):
    """Each page on a phone."""
    return watched.open(request.param, size=PHONE)


def test_the_book_was_built():
    assert "index.html" in PAGES, "no built book: make html"
    assert CHAPTERS, "no chapter among the built pages"


def test_page_loads_without_fault_and_from_this_host_alone(on_desk, watched):
    assert watched.faults == []


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


def violations(tab, theme, part=None):
    """Return what axe-core finds wrong with the page, or a part of it, in a theme."""
    tab.emulate_media(color_scheme=theme)
    tab.wait_for_function("(t) => document.documentElement.dataset.theme === t", arg=theme)
    results = Axe().run(tab, part, options={"resultTypes": ["violations"]})
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_on_a_desk(on_desk, theme):
    assert violations(on_desk, theme) == []


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


# MathJax's boxes are reached too, and read out as the equation that they hold.
UNREACHABLE = """() => [...document.querySelectorAll("main *")].filter((box) =>
  box.checkVisibility() && box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0
  && ["auto", "scroll"].includes(getComputedStyle(box).overflowX)
  && (box.tabIndex < 0 || !(box.ariaLabel || box.matches("mjx-container")))
).map((box) => box.outerHTML.slice(0, 120))"""


def test_on_a_phone_the_keyboard_reaches_what_scrolls(on_phone):
    on_phone.wait_for_timeout(50)  # boxes are measured after layout
    assert on_phone.evaluate(UNREACHABLE) == []


# Links, by file: no browser is needed to follow them.


class Targets(HTMLParser):
    """The links, images and anchors of a page."""

    def __init__(self, page):
        super().__init__()
        self.links, self.anchors, self.classes = [], set(), []
        self.feed((HTML / page).read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        target = found.get("href") if tag in ("a", "link") else found.get("src")
        if target:
            self.links.append(target)
            self.classes.append(found.get("class", "").split())

    def of_class(self, name):
        """Return the links of that class."""
        both = zip(self.links, self.classes, strict=True)
        return [link for link, classes in both if name in classes]


TARGETS = {page: Targets(page) for page in PAGES}


def fault_of(page, link):
    """Return why a link of a page leads nowhere, or None."""
    whole = urljoin(f"http://book/{page}", link)
    if urlsplit(whole).netloc != "book":
        return None
    address, anchor = urldefrag(whole)
    target = unquote(urlsplit(address).path).lstrip("/") or "index.html"
    if not (HTML / target).is_file():
        return f"{link}: no such file"
    anchored = target in TARGETS and anchor
    if anchored and unquote(anchor) not in TARGETS[target].anchors:
        return f"{link}: no such anchor"
    return None


@pytest.mark.parametrize("page", PAGES)
def test_no_internal_link_is_broken(page):
    links = TARGETS[page].links
    # pydata's page outline links to the top of the page, which has no anchor of its own.
    faults = [fault_of(page, link) for link in links if link not in ("#", "#top")]
    assert list(filter(None, faults)) == []


def test_links_to_other_hosts_are_encrypted():
    plain = {
        link for page in TEXT_PAGES for link in TARGETS[page].links if link.startswith("http:")
    }
    assert plain == set()


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_offers_its_notebook_for_download(page):
    links = TARGETS[page].of_class("btn-download-source-button")
    assert len(links) == 1
    notebook = (HTML / page).parent / links[0]
    assert notebook.name == Path(page).with_suffix(".ipynb").name
    assert json.loads(notebook.read_text(encoding="utf-8"))["nbformat"] == 4


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_links_to_its_neighbours(page):
    assert len(TARGETS[page].of_class("left-prev")) == 1
    assert len(TARGETS[page].of_class("right-next")) == 1


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_opens_on_binder(page):
    source = Path(page).with_suffix(".ipynb").as_posix()
    links = [link for link in TARGETS[page].links if link.startswith("https://mybinder.org/")]
    assert [link.endswith(f"lab/tree/{source}") for link in links] == [True]


# By keyboard alone.


def focused(tab, what):
    return tab.evaluate(f"document.activeElement.{what}")


def tab_to(tab, selector, limit=80):
    """Press Tab until the focus is on the element."""
    for _ in range(limit):
        tab.keyboard.press("Tab")
        if tab.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
    pytest.fail(f"{selector} is not reached by {limit} presses of Tab")


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


@pytest.mark.parametrize("page", [page for page in CHAPTERS if "reference" not in page])
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


# What a reader can play with on a page, by keyboard alone: the explorers with sliders.


def gate(x, h, w, u, b, g):
    """Return z, the gate and what passes, with the input gate of a cell of one unit."""
    rows = [np.array([[row], [0.0], [0.0], [0.0]]) for row in (w, u, b)]
    _, _, tape = lstm.forward(
        np.full((1, 1, 1), x), np.full((1, 1), h), np.zeros((1, 1)), *rows[:2], rows[2][:, 0]
    )
    opened = tape.gates[0, 1].item()
    return [w * x + u * h + b, opened, opened * g]


def lag(b, w, h, k):
    """Return factor, rest after k steps and horizon, of the carousel and of a vanilla unit."""
    k, one, zero = int(k), np.ones((1, 1)), np.zeros((1, 1))
    bias = np.array([0, b, 0, 0.0])
    cell = lstm.forward(np.zeros((k, 1, 1)), zero, zero, np.zeros((4, 1)), np.zeros((4, 1)), bias)
    x, state = np.zeros((k, 1, 1)), h
    for t in range(k):  # the input that holds the unit at h, or brings it back
        x[t] = np.arctanh(h) - w * state
        state = np.tanh(x[t].item() + w * state)
    unit = rnn.forward(x, h * one, one, w * one, np.zeros(1))
    left = [gradients.cell_jacobian(cell[2], 0, t)[0].item() for t in (1, k)]
    rest = gradients.by_lag(one, unit[2])[[1, k], 0]
    with np.errstate(divide="ignore"):
        horizons = [np.log(0.01) / np.log(f) if f < 1 else np.inf for f in (left[0], rest[0])]
    return [*left, horizons[0], *rest, horizons[1]]


def clip(x, y, threshold):
    """Return the length, then the clipped gradient and its turn, by norm and by value."""
    g = [np.array([x, y])]
    by_norm, length = gradients.clip_by_norm(g, threshold)
    kinds = [by_norm, gradients.clip_by_value(g, threshold)]
    turned = [gradients.angle(k, g) if length else np.nan for k in kinds]
    return [length, *by_norm[0], turned[0], *kinds[1][0], turned[1]]


# Element, its page, what its numbers are by the package.
EXPLORERS = [
    ("lstm-gate", "book/2-cell/gates.html", gate),
    ("lstm-lag", "book/2-cell/flow.html", lag),
    ("lstm-clip", "book/1-problem/clipping.html", clip),
]
every_explorer = pytest.mark.parametrize(("name", "page", "package"), EXPLORERS)
SHOWN = """(element) => {
  const flat = (n) => (typeof n === "object" ? Object.values(n).flatMap(flat) : [n]);
  const texts = [...element.querySelectorAll(".result [data-name]")].map((n) => n.innerText);
  return [flat(element.numbers), texts.join(" ")];
}"""


def values_of(explorer):
    """Return where the sliders of an explorer stand."""
    at = explorer.evaluate("""(element) => Object.fromEntries(
        [...element.querySelectorAll("input")].map((i) => [i.name, i.valueAsNumber]))""")
    return {name: float(value) for name, value in at.items()}


def assert_is_right(explorer, package):
    """Compare an explorer's numbers with the package, and what is shown with its numbers."""
    numbers, texts = explorer.evaluate(SHOWN)
    expected = package(**values_of(explorer))
    tiny = 1e-150 if package is lag else 1e-12  # a rest is tiny and has to be right even so
    assert numbers == pytest.approx(expected, rel=1e-6, abs=tiny, nan_ok=True)
    plain = texts.replace("\u2212", "-").replace("\u00b710", "e").replace(",", "")
    shown = [float(n) for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", plain)]
    assert shown == pytest.approx([n for n in numbers if math.isfinite(n)], rel=0.05, abs=0.5)
    small = [n for n in numbers if math.isfinite(n) and abs(n) < 1]
    assert len(small) == 0 or min(abs(s - small[0]) for s in shown) < 0.0051
    return numbers


@every_explorer
def test_each_slider_of_an_explorer_works_by_keyboard(name, page, package, watched):
    tab = watched.open(page)
    explorer = tab.locator(name)
    before = assert_is_right(explorer, package)
    explorer.locator("button").last.focus()
    tab.keyboard.press("Shift+Tab")  # so that the sliders come by Tab, as a reader meets them
    for slider in values_of(explorer):
        tab_to(tab, f"{name} input[name={slider}]", limit=3)
        for key in ("End", "ArrowLeft", "ArrowDown", "Home", "ArrowRight"):
            tab.keyboard.press(key)
            now = assert_is_right(explorer, package)
        assert now != before, slider
        before = now
    assert watched.faults == []


@every_explorer
def test_an_explorer_has_presets_and_a_way_back(name, page, package, watched):
    tab = watched.open(page)
    explorer = tab.locator(name)
    start = values_of(explorer)
    for button in explorer.get_by_role("button").all()[:-1]:
        button.press("Enter")
        assert_is_right(explorer, package)
        button.press("Tab")
    for slider in explorer.get_by_role("slider").all():
        slider.press("Home")
    explorer.get_by_role("button", name="Reset").press("Space")
    assert values_of(explorer) == start
    assert watched.faults == []


@every_explorer
def test_an_explorer_can_be_read_out(name, page, package, watched):
    explorer = watched.open(page).locator(name)
    assert explorer.evaluate("(e) => getComputedStyle(e).display") == "block"
    for slider in explorer.get_by_role("slider").all():
        assert slider.evaluate("(s) => s.labels.length") == 1
    assert len(explorer.locator("svg[role=img]").get_attribute("aria-label")) > 20
    assert explorer.locator(".result[aria-live=polite]").count() == 1


@every_explorer
def test_without_scripts_an_explorer_says_why_it_is_not_there(name, page, package, browser, site):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(site + page)
    assert "needs a browser that runs scripts" in tab.locator(name).inner_text()
    context.close()


def test_what_the_gates_explorer_draws_is_what_it_says(watched):
    tab = watched.open("book/2-cell/gates.html")
    heights = {}
    for name in ("Open", "Shut"):
        tab.get_by_role("button", name=name, exact=True).press("Enter")
        point, passes = tab.locator("lstm-gate .point"), tab.locator("lstm-gate .passes")
        heights[name] = float(point.get_attribute("cy")), float(passes.get_attribute("height"))
    assert heights["Open"][0] < heights["Shut"][0] - 100  # y runs downwards
    assert heights["Open"][1] > 40 > 1 > heights["Shut"][1]


def test_the_lag_explorer_says_where_a_hundredth_is_left_and_draws_it_there(watched):
    tab = watched.open("book/2-cell/flow.html")
    tab.get_by_role("button", name="Bias 1", exact=True).press("Enter")
    tab.get_by_label("Lag k").fill("15")
    horizon = tab.locator("lstm-lag [data-name=carousel-horizon]")
    assert horizon.inner_text() == "15"
    one, percent, dot = tab.locator("lstm-lag").evaluate("""(e) => [
        ...[...e.querySelectorAll(".tick")].slice(0, 2).map((t) => t.getAttribute("y") - 5),
        Number(e.querySelector(".dot.carousel").getAttribute("cy"))]""")
    assert dot == pytest.approx(percent, abs=1) and percent > one + 10
    tab.get_by_role("button", name="A vanilla unit that explodes").press("Enter")
    assert "never" in tab.locator("lstm-lag [data-name=vanilla-horizon]").inner_text()
    assert float(tab.locator("lstm-lag .dot.vanilla").get_attribute("cy")) < one


def test_the_clip_explorer_draws_a_kept_and_a_bent_direction(watched):
    explorer = watched.open("book/1-problem/clipping.html").locator("lstm-clip")
    slopes = {}
    for name in ("given norm", "clipped norm", "given value", "clipped value"):
        path = explorer.locator("." + name.replace(" ", ".")).get_attribute("d")
        x0, y0, x1, y1 = map(float, re.match(r"M(\S+) (\S+)L([-\d.]+) ([-\d.]+)", path).groups())
        slopes[name] = (y0 - y1) / (x1 - x0)
    assert slopes["clipped norm"] == pytest.approx(4 / 3) == slopes["given value"]
    assert slopes["clipped value"] == pytest.approx(1)


# Quizzes.

UNMADE = """() => [...document.querySelectorAll(".quiz")].filter((quiz) =>
  !quiz.querySelector("form fieldset > legend")?.textContent.trim()
  || quiz.querySelectorAll("input").length !== quiz.querySelectorAll(".quiz-answers > li").length
  || [...quiz.querySelectorAll("input")].some((input) => !input.labels[0]?.textContent.trim())
).map((quiz) => quiz.id)"""


def test_every_quiz_has_become_a_form(on_desk):
    assert on_desk.evaluate(UNMADE) == []


def heard(said):
    """Return what a live region says, in one line."""
    return " ".join(said.inner_text().split())


def test_a_quiz_answers_by_keyboard_and_says_why(watched):
    tab = watched.open("book/2-cell/gates.html")
    quiz = tab.locator("#quiz-gates-098")
    said, reasons = quiz.locator("[aria-live=polite]"), quiz.locator(".quiz-answers")
    assert heard(said) == "" and not reasons.is_visible()
    button = quiz.get_by_role("button", name="Check")
    button.press("Enter")
    assert heard(said) == "Choose an answer first."
    assert focused(tab, "textContent") == "Check"
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Home")  # the way into the group, whichever end Shift+Tab came from
    first = quiz.get_by_role("radio").first
    first.press("Space")
    assert first.is_checked() and heard(said) == ""
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert tab.evaluate(outline) == "solid"
    tab.keyboard.press("Enter")
    assert heard(said).startswith("Not right. That is one step.")
    for _ in range(2):
        tab.keyboard.press("ArrowDown")
    assert heard(said) == ""
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    assert heard(said).startswith("Right. ")
    assert said.locator("mjx-container").count() == 1  # the reason's formula is set there too
    quiz.locator("summary").press("Enter")
    assert reasons.is_visible()
    assert watched.faults == []


def test_a_quiz_with_several_right_options_wants_them_all(watched):
    tab = watched.open("book/2-cell/gates.html")
    quiz = tab.locator("#quiz-gates-true")
    said, boxes = quiz.locator("[aria-live=polite]"), quiz.get_by_role("checkbox")
    check = quiz.get_by_role("button", name="Check")
    boxes.nth(0).press("Space")
    check.press("Enter")
    assert heard(said).startswith("A. Right.") and "One more is right." in heard(said)
    boxes.nth(1).press("Space")
    check.press("Enter")
    assert "B. Not right." in heard(said) and "more" not in heard(said)
    boxes.nth(1).press("Space")
    boxes.nth(2).press("Space")
    check.press("Enter")
    assert heard(said).count("Right.") == 2 and "more" not in heard(said)


def test_an_answered_quiz_is_accessible_and_forgets(watched):
    tab = watched.open("book/2-cell/gates.html")
    for quiz in tab.locator(".quiz").all():
        quiz.locator("input").first.check()
        quiz.get_by_role("button", name="Check").press("Enter")
        quiz.locator("summary").press("Enter")
    for theme in ("light", "dark"):
        assert violations(tab, theme, ".quiz") == []
    tab.reload()
    assert tab.locator(".quiz input:checked").count() == 0
    kept = "[...Object.entries(localStorage), ...Object.entries(sessionStorage)].flat()"
    assert not [text for text in tab.evaluate(kept) if "quiz" in text]


def test_without_scripts_a_quiz_is_text_with_its_answers_folded(browser, site):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(site + "book/2-cell/gates.html")
    quiz = tab.locator("#quiz-gates-098")
    assert quiz.locator(".quiz-options > li").count() == 4 and quiz.locator("input").count() == 0
    reason = quiz.get_by_text("That is one step.")
    assert not reason.is_visible()
    quiz.locator("summary").press("Enter")
    assert reason.is_visible()
    context.close()


# The player of one-unit LSTMs in the chapter on the cell state.

STATE = "book/2-cell/state.html"


def shown(tab):
    """Return what the player's table and its announcement say, numbers as text."""
    cells = tab.locator("lstm-player [data-value]").all()
    table = {cell.get_attribute("data-value"): cell.text_content() for cell in cells}
    return table, tab.locator("lstm-player [aria-live=polite]").text_content()


def is_shown(text, value):
    """Return whether a text is the number, rounded to two digits."""
    number = float(text.replace("−", "-"))
    return abs(number - value) <= 0.005 + 1e-9 and text == f"{number:.2f}".replace("-", "−")


def steps_of(cell):
    """Yield each step of a cell of the player as `lstm.step` computes it."""
    weights = [np.array(cell[name], dtype=float) for name in ("W_ih", "W_hh", "b")]
    h, c = np.zeros((1, 1)), np.zeros((1, 1))
    for x in cell["x"]:
        x_t = np.array([[float(x)]])
        _, _, tape = lstm.forward(x_t[None], h, c, *weights)
        h, c = lstm.step(x_t, h, c, *weights)
        o, i, f, g = tape.gates[0, :4, 0, 0]
        yield {"x": x, "i": i, "f": f, "o": o, "g": g, "c": c.item(), "h": h.item()}


def press(tab, name):
    """Press the player's button of that name by keyboard; the focus must stay on it."""
    tab.get_by_role("button", name=name, exact=True).focus()
    tab.keyboard.press("Enter")
    assert focused(tab, "textContent") == name


@pytest.mark.parametrize("position", [0, 1, 2])
def test_state_player_shows_the_numbers_of_the_package(position, watched):
    tab = watched.open(STATE)
    cells = json.loads(tab.locator("#player-cells").text_content())
    name, cell = list(cells.items())[position]
    tab_to(tab, "lstm-player select", limit=400)
    for _ in range(position):
        tab.keyboard.press("ArrowDown")
    assert focused(tab, "value") == name
    expected = list(steps_of(cell))
    assert 10 <= len(expected) <= 16
    for t, now in enumerate(expected, 1):
        press(tab, "Step")
        table, spoken = shown(tab)
        assert list(table) == list(now)
        states = tab.locator("lstm-player").evaluate("(e) => e.states[e.t]")
        assert states == pytest.approx(now, rel=1e-6, abs=1e-9)
        wrong = {k: (table[k], now[k]) for k in now if not is_shown(table[k], now[k])}
        assert wrong == {}, f"step {t}"
        assert spoken == f"Step {t}: " + ", ".join(f"{k} = {v}" for k, v in table.items())
        points = tab.locator("lstm-player polyline.c").get_attribute("points").split()
        assert len(points) == t + 1
    before = shown(tab)
    press(tab, "Step")  # at the end it stays where it is
    assert shown(tab) == before
    press(tab, "Back")
    assert is_shown(shown(tab)[0]["c"], expected[-2]["c"])
    press(tab, "Start over")
    assert shown(tab)[0]["c"] == "0.00" and shown(tab)[1].startswith("Before the first step")
    assert watched.faults == []


def test_state_player_plays_and_pauses(watched):
    tab = watched.open(STATE)
    play = tab.locator("lstm-player button", has_text="Play")
    play.press("Enter")
    pause = tab.locator("lstm-player button", has_text="Pause")
    tab.wait_for_function(
        "document.querySelector('lstm-player .status').textContent.startsWith('Step 2')"
    )
    pause.press("Enter")
    before = shown(tab)
    tab.wait_for_timeout(1500)
    assert shown(tab) == before
    assert tab.locator("lstm-player").evaluate("(e) => getComputedStyle(e).display") == "block"
    moves = "getComputedStyle(document.querySelector('lstm-player .bar span')).transitionDuration"
    assert tab.evaluate(moves) == "0s"  # this reader asked for less motion


def test_state_player_without_scripts_says_what_is_missing(browser, site):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(site + STATE)
    assert tab.locator("lstm-player p").is_visible()
    context.close()


# The reader of a text, with a network of random weights, put into a page.


@pytest.fixture
def reader(watched):
    """Return a network and the element that runs it, begun by keyboard."""
    torch.manual_seed(0)
    net = CharLM(" abcdenor", 12)
    learnt = {name: 4 * weight.half().double() for name, weight in net.state_dict().items()}
    net.double().load_state_dict(learnt)
    parts = [learnt[f"lstm.weight_{part}_l0"] for part in ("ih", "hh")]
    parts += [learnt["lstm.bias_ih_l0"] * 0, learnt["linear.weight"], learnt["linear.bias"]]
    for name in ("bias_ih", "bias_hh"):
        getattr(net.lstm, name + "_l0").data.zero_()
    packed = pack(net.alphabet, dict(zip(PARTS, [p.numpy() for p in parts], strict=True)))
    source = "data:;base64," + base64.b64encode(packed).decode()
    tab = watched.open(CHAPTERS[0])
    tab.evaluate(
        """(source) => document.querySelector(".bd-article h1").insertAdjacentHTML("afterend",
        `<lstm-reader class="explorer" src="${source}"></lstm-reader>`)""",
        source,
    )
    element = tab.locator("lstm-reader")
    element.get_by_role("button").press("Enter")
    element.locator("textarea").wait_for()
    return net, element


def assert_reads_as_torch(net, element, text):
    """Compare what the page computed with PyTorch."""
    hs, c, ps = element.evaluate("(e) => ['h', 'c', 'p'].map((k) => e.steps.map((s) => s[k]))")
    with torch.no_grad():
        logits, (_, c_T) = net(net.encode(text)[:, None])
        states, _ = net.lstm(torch.eye(9, dtype=torch.float64)[net.encode(text)][:, None])
    assert np.allclose(hs, states[:, 0], rtol=0, atol=1e-9)
    assert np.allclose(c[-1], c_T[0, 0], rtol=0, atol=1e-9)
    assert np.allclose(ps, logits[:, 0].softmax(1), rtol=0, atol=1e-9)


def test_the_reader_reads_as_pytorch_does(reader, watched):
    net, element = reader
    box = element.get_by_label("Text to read")
    assert focused(watched.tab, "localName") == "textarea"
    box.fill("a rod once")
    assert_reads_as_torch(net, element, "a rod once")
    box.press("Home")
    watched.tab.keyboard.type("no")  # in the middle: all that follows is read again
    box.press("End")
    box.press("Backspace")
    assert_reads_as_torch(net, element, "noa rod onc")
    box.press_sequentially("q!e")
    assert_reads_as_torch(net, element, "noa rod once")
    assert "does not know q !" in element.locator(".result").inner_text()
    box.fill("")
    assert element.evaluate("(e) => e.steps.length") == 0
    assert watched.faults == []


def test_the_reader_shows_what_it_computed(reader, watched):
    net, element = reader
    element.get_by_label("Text to read").fill("bread")
    element.get_by_role("slider", name="Character").press("ArrowLeft")
    step = element.evaluate("(e) => e.steps[3]")
    assert element.locator("[data-now]").inner_text() == step["character"] == "a"
    for row in "ifogch":
        drawn = element.locator(f"[data-row={row}] rect").evaluate_all(
            "(all) => all.map((r) => r.getAttribute('fill-opacity')"
            " * (r.classList.contains('minus') ? -1 : 1))"
        )
        assert drawn == pytest.approx(np.clip(step[row], -1, 1), abs=0.0006)
    best = net.alphabet[int(np.argmax(step["p"]))].replace(" ", "space")
    first = element.locator("tbody tr").first.inner_text().split()
    assert first == [best, f"{round(100 * max(step['p']))}", "%"]
    assert f"After “brea” it expects {best}" in element.locator(".result").inner_text()
    element.get_by_role("button").press("Enter")
    written = element.get_by_label("Text to read").input_value()
    assert written.startswith("bread") and len(written) == 25
    assert_reads_as_torch(net, element, written)
    assert watched.faults == []  # before axe, which asks for style sheets in wrong places
    for theme in ("light", "dark"):
        assert violations(watched.tab, theme, "lstm-reader") == []


def test_the_reader_says_when_there_is_no_network(watched):
    tab = watched.open(CHAPTERS[0])
    tab.evaluate("""() => document.querySelector(".bd-article h1").insertAdjacentHTML("afterend",
        `<lstm-reader class="explorer" src="data:,none"></lstm-reader>`)""")
    element = tab.locator("lstm-reader")
    element.get_by_role("button").press("Enter")
    said = element.get_by_text("could not be fetched")
    said.wait_for()
    assert element.get_by_role("button").is_visible()


LANGUAGE = "book/4-practice/language.html"


def test_the_trained_network_in_the_page_is_that_of_the_package(watched):
    element = watched.open(LANGUAGE).locator("lstm-reader")
    element.get_by_role("button").press("Enter")
    box = element.get_by_label("Text to read")
    box.wait_for()
    assert box.input_value() == "In the beginning God created the heaven"
    text = "And Moses said, Who is this?\nThe LORD"
    box.fill(text)
    net, state = trained_char_lm(), None
    read = element.evaluate("(e) => e.steps.map(({c, h, p}) => [c, h, p])")
    assert len(read) == len(text)
    for number, (c, h, p) in zip(net.encode(text), read, strict=True):
        with torch.no_grad():
            logits, state = net(number.reshape(1, 1), state)
        expected = (state[1], state[0], logits.softmax(2))
        for found, tensor in zip((c, h, p), expected, strict=True):
            assert np.allclose(found, tensor.flatten(), rtol=0, atol=1e-5)
    assert watched.faults == []  # before axe, which asks for style sheets in wrong places
    for theme in ("light", "dark"):
        assert violations(watched.tab, theme, "lstm-reader") == []


def test_without_scripts_the_page_says_where_a_network_would_read(browser, site):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(site + LANGUAGE)
    assert "needs a browser that runs scripts" in tab.locator("lstm-reader").inner_text()
    context.close()
