"""Claims as _ext/claims.py reads them, in a small book of their own."""

import pytest
from nbformat.v4 import new_output

from tests.book.notebooks import notebook

INDEX = """# Book

```{toctree}
second
first
list
```
"""
LIST = "# All\n\n:::{claims-list}\n:::\n\nSee {ref}`claim-a`.\n"


def claim(verdict, words, name="claim-a", title="The *state* $h_t$ is bounded"):
    return f":::{{admonition}} {title}\n:class: claim {verdict}\n:name: {name}\n\n{words}\n:::\n"


TRUE = claim("true", "*True.* As it says.")
# On these pages a claim's box may stand alone.
FIRST_EDITION = ["-D", "first_edition_pages=first,second"]


@pytest.fixture
def build(build):
    """Return a function that builds pages, next to the list of claims."""

    def build_them(builder="html", options=FIRST_EDITION, **pages):
        return build(builder, options, **{"index": INDEX, "list": LIST, **pages})

    return build_them


TEST = ("assert abs(h) < 1", "claim-test", "hide-input")


def test_the_cells_that_test_a_claim_are_folded_in_its_box(build):
    open_ = claim("open", "*Not shown here.* As it says.", "claim-b", "It learns")
    draw = ("h = run()\nprint(h)", "claim-test")
    first = notebook("First", TRUE, draw, TEST, ("print('after')",), "## Then", open_, TEST)
    first.cells[2].outputs = [new_output("stream", text="0.5")]
    done, out = build(options=(), first=first, second="# Second\n")
    assert done.returncode == 0, done.stderr
    page = (out / "first.html").read_text(encoding="utf-8")
    box = page[page.index('id="claim-a"') : page.index("after")]
    inside, outside = box.split("</details>")
    assert '<details class="claim-test">' in inside and "The test</summary>" in inside
    assert inside.count("cell_input") == 2 and "0.5" in inside and "assert" in inside
    assert inside.count("<details") == 1
    assert outside.lstrip().startswith("</div>")
    assert page.count('<details class="claim-test">') == 2
    assert "<p>Not shown here</p>" in (out / "list.html").read_text(encoding="utf-8")


UNTESTED = {
    "none": (),
    "untagged": (TEST[:1],),
    "not at once": ("A text between.", TEST),
    "no assert": (("h = 1  # assert", "claim-test"),),
    "removed": ((*TEST, "remove-cell"),),
}


@pytest.mark.parametrize("cells", UNTESTED.values(), ids=UNTESTED)
def test_a_claim_without_a_test_fails_the_build(build, cells):
    done, _ = build(options=(), first=notebook("F", TRUE, *cells), second="# Second\n")
    assert done.returncode == 1
    assert "the claim 'The state h_t is bounded' (claim-a) " in done.stderr
    assert "tagged claim-test" in done.stderr


def test_a_test_without_a_claim_fails_the_build(build):
    done, _ = build(first=notebook("F", TRUE, "A text between.", TEST), second="# Second\n")
    assert done.returncode == 1
    assert "a cell tagged claim-test follows no claim" in done.stderr


def test_a_page_of_the_first_edition_may_have_its_test_below_the_box(build):
    done, _ = build(first=notebook("F", TRUE, TEST[:1]), second="# Second\n")
    assert done.returncode == 0, done.stderr


def test_a_claim_is_a_box_with_its_verdict_in_words_and_is_listed_in_book_order(build):
    limits = claim("limits", "*True with limits.* As it says.", "claim-b", "Norms grow")
    done, out = build(first="# First\n\n" + TRUE, second="# Second\n\n" + limits)
    assert done.returncode == 0, done.stderr
    page = (out / "first.html").read_text(encoding="utf-8")
    assert 'class="claim true admonition" id="claim-a"' in page
    assert '<p><em class="claim-verdict">True</em> As it says.</p>' in page
    table = (out / "list.html").read_text(encoding="utf-8")
    assert table.index("second.html#claim-b") < table.index("first.html#claim-a")
    assert "<p>True with limits</p>" in table
    assert "<em>state</em>" in table
    assert '<span class="std std-ref">The state h_t is bounded</span>' in table
    assert "mathjax" in table.lower()  # a title with a formula needs it here too


ONE_CLASS = "needs one class out of true, limits, false, open"
IN_WORDS = "has to begin with its verdict in *words*"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (claim("perhaps", "*True.* As it says."), ONE_CLASS),
        (claim("true false", "*True.* As it says."), ONE_CLASS),
        (TRUE.replace(":name: claim-a\n", ""), "needs a :name:"),
        (claim("true", "As it says."), IN_WORDS),
        (claim("true", "As it says.\n\n*True.* Too late."), IN_WORDS),
        (claim("true", "- *True.* In a list."), IN_WORDS),
        (claim("true", "*True with limits.* As it says."), "says 'True with limits'"),
        (TRUE + "\n" + TRUE, "claim-a"),
    ],
)
def test_a_faulty_claim_fails_the_build(build, text, message):
    done, _ = build(
        first="# First\n\n" + text, second="# Second\n", list="# All\n\n:::{claims-list}\n:::\n"
    )
    assert done.returncode == 1
    assert message in done.stderr


def test_a_name_that_two_pages_share_fails_the_build(build):
    done, _ = build(first="# First\n\n" + TRUE, second="# Second\n\n" + TRUE)
    assert done.returncode == 1
    assert "claim 'claim-a' stands twice, first in" in done.stderr


def test_another_language_has_its_own_words(build):
    text = "# F\n\n" + claim("true", "*对。* 如其所言。")
    done, out = build(
        options=[*FIRST_EDITION, "-D", "language=zh_CN"], first=text, second="# Second\n"
    )
    assert done.returncode == 0, done.stderr
    assert "<p>对</p>" in (out / "list.html").read_text(encoding="utf-8")


def test_a_book_without_claims_says_so(build):
    done, out = build(first="# First\n", second="# Second\n", list=LIST.partition("See")[0])
    assert done.returncode == 0, done.stderr
    assert "No chapter has made a claim yet." in (out / "list.html").read_text(encoding="utf-8")


def test_translators_get_title_verdict_and_text(build):
    done, out = build("gettext", first="# F\n\n" + TRUE, second="# Second\n")
    assert done.returncode == 0, done.stderr
    messages = (out / "first.pot").read_text(encoding="utf-8")
    for text in ("The *state* $h_t$ is bounded", "*True.* As it says."):
        assert f'msgid "{text}"' in messages
