"""What axe finds on a page made for it: the shortcuts of axe.py hide nothing."""

import pytest

from tests.book.pages.axe import violations

PAGE = """<!doctype html><html lang="en"><title>Code</title>
<style>{style}</style><main><h1>Code</h1>{body}</main>
<script>
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {{ document.documentElement.dataset.theme = dark.matches ? "dark" : "light" }};
  dark.onchange = follow;
  follow();
</script>"""

GOOD = "<b>token</b> " * 5
PALE = '<b style="color: #ccc">{}</b> '
# Style, body, how often contrast is found wanting in light and in dark colours, by name.
CASES = {
    "nothing wrong": ("", f"<pre>{GOOD}</pre>", 0, 0),
    "the last token": ("", f"<pre>{GOOD}{PALE.format('pale')}</pre>", 1, 1),
    "one look twice": ("", f"<pre>{PALE.format('pale') * 2}</pre>", 1, 1),
    "a look in each block": ("", f"<pre>{PALE.format('pale')}</pre>" * 2, 2, 2),
    "a character first": ("", f"<pre>{PALE.format('x')}{PALE.format('xy')}</pre>", 1, 1),
    "punctuation first": ("", f"<pre>{PALE.format('==')}{PALE.format('xy')}</pre>", 1, 1),
    "a sign after it": ("", f"<pre>{PALE.format('==')}{PALE.format('··')}</pre>", 1, 1),
    "another ground": ("i { background: #333 }", f"<pre>{GOOD}<i>{GOOD}</i></pre>", 1, 1),
    "beyond the edge": (
        "pre { overflow: auto }",
        f"<pre tabindex=0>{GOOD * 99}{PALE.format('pale')}</pre>",
        1,
        1,
    ),
    "dark alone": ("[data-theme=dark] b { color: #ccc }", f"<pre>{GOOD}</pre>", 0, 1),
    "outside code": ("p { color: #ccc }", "<p>A pale text</p>" * 2, 2, 2),
}


def rules(found):
    return [text.partition(":")[0] for text in found]


@pytest.fixture
def tab(browser):
    tab = browser.new_page()
    yield tab
    tab.context.close()


@pytest.mark.parametrize(("style", "body", "light", "dark"), CASES.values(), ids=CASES)
def test_pale_text_is_found(tab, style, body, light, dark):
    tab.set_content(PAGE.format(style=style, body=body))
    for theme, times in (("light", light), ("dark", dark)):
        assert rules(violations(tab, theme, whole=False)) == ["color-contrast"] * times, theme
        everything = rules(violations(tab, theme, whole=True))
        assert set(everything) == ({"color-contrast"} if times else set()), theme


def test_what_the_dark_alone_shows_is_looked_at_whole(tab):
    style = "[data-theme=light] button { display: none }"
    tab.set_content(PAGE.format(style=style, body="<button></button>"))
    assert violations(tab, "light", whole=False) == []
    assert rules(violations(tab, "dark", whole=False)) == ["button-name"]
