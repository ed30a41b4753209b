"""The test in the box of a claim, and the anchors that moved: on a page with both put into it."""

import pytest

from tests.book.pages.axe import violations
from tests.book.pages.built import CHAPTERS
from tests.book.pages.tabs import PHONE, tab_to

PAGE = CHAPTERS[0]
BOX = """<div class="claim {verdict} admonition" id="claim-put-in">
<p class="admonition-title">A claim</p><p><em class="claim-verdict">{verdict}</em> Why.</p>
<details class="claim-test"><summary>The test</summary>
<div class="cell tag_claim-test docutils container"><div class="cell_input docutils container">
<div class="highlight-ipython3 notranslate"><div class="highlight"><pre><span></span>assert {code}
</pre></div></div></div></div></details></div>"""
MAP = '<script id="moved-anchors" type="application/json">{"gone": "%s"}</script>'


@pytest.fixture
def put_in(watched):
    """Return a function that opens the page with something put in after its title."""

    def put_in(html, anchor="", size=None):
        def answer(route):
            before, title, after = (
                route.fetch().text().rpartition("</h1>")
            )  # what paper has is first
            route.fulfill(body=before + title + html + after, content_type="text/html")

        address = watched.site + PAGE
        watched.tab.goto("about:blank")  # or a new anchor would not load the page anew
        watched.tab.route(address, answer)
        try:
            return watched.open(PAGE + anchor, **({"size": size} if size else {}))
        finally:
            watched.tab.unroute(address)

    return put_in


def test_a_test_opens_by_keyboard(put_in):
    tab = put_in(BOX.format(verdict="open", code="x"))
    code = tab.locator(".claim-test pre")
    assert not code.is_visible()
    tab_to(tab, ".claim-test > summary", limit=200)
    tab.keyboard.press("Enter")
    code.wait_for(state="visible")


def test_a_test_is_open_on_paper(put_in):
    tab = put_in(BOX.format(verdict="open", code="x"))
    shown = "() => document.querySelector('.claim-test pre').checkVisibility()"
    assert not tab.evaluate(shown)
    tab.emulate_media(media="print")
    assert tab.evaluate(shown) and tab.locator(".claim-test pre").bounding_box()["height"] > 10
    tab.emulate_media(media="screen")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_verdicts_read_well_on_a_phone(put_in, theme):
    boxes = [BOX.format(verdict=verdict, code="x " * 99) for verdict in ("limits", "open")]
    boxes[1] = boxes[1].replace("claim-put-in", "claim-also")
    tab = put_in("".join(boxes), size=PHONE)
    for summary in tab.locator(".claim-test > summary").all():
        summary.click()
    assert violations(tab, theme) == []
    assert tab.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]


def test_an_anchor_that_moved_leads_on(put_in, watched):
    other = CHAPTERS[1].rpartition("/")[2]
    tab = put_in(MAP % f"{other}#exercises", "#gone")
    tab.wait_for_url(f"**/{other}#exercises")
    tab = put_in(MAP % f"{other}#exercises", "#exercises")
    assert tab.url.endswith(f"{PAGE}#exercises")
    tab.evaluate("() => { location.hash = 'gone' }")
    tab.wait_for_url(f"**/{other}#exercises")
    assert watched.faults == []
