"""The directives of _ext/claims.py, in a small book of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

EXTENSIONS = Path(__file__).parent.parent / "_ext"
CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["myst_parser", "claims"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
"""
INDEX = """# Book

```{toctree}
second
first
list
```
"""
LIST = "# All\n\n:::{claims-list}\n:::\n\nSee {ref}`claim-a`.\n"


def claim(label, verdict, title="The *state* $h_t$ is bounded"):
    return f":::{{claim}} {title}\n:label: {label}\n:verdict: {verdict}\n\nAs it says.\n:::\n"


@pytest.fixture
def build(tmp_path):
    """Return a function that builds pages and gives the result and the output folder."""

    def build(builder="html", **pages):
        pages = {"index": INDEX, "list": LIST, **pages}
        (tmp_path / "conf.py").write_text(CONF)
        for name, text in pages.items():
            (tmp_path / f"{name}.md").write_text(text)
        command = [sys.executable, "-m", "sphinx", "-b", builder, "-W", "--keep-going", "-n"]
        out = tmp_path / "out" / builder
        done = subprocess.run(
            [*command, "-j", "2", str(tmp_path), str(out)], text=True, capture_output=True
        )
        return done, out

    return build


def test_a_claim_is_a_box_with_its_verdict_in_words_and_is_listed_in_book_order(build):
    done, out = build(
        first="# First\n\n" + claim("claim-a", "true"),
        second="# Second\n\n" + claim("claim-b", "true with limits", "Norms grow"),
    )
    assert done.returncode == 0, done.stderr
    page = (out / "first.html").read_text()
    assert 'class="claim claim-true admonition" id="claim-a"' in page
    assert '<p class="claim-verdict">true</p>' in page
    table = (out / "list.html").read_text()
    assert table.index("second.html#claim-b") < table.index("first.html#claim-a")
    assert "<p>true with limits</p>" in table
    assert "<em>state</em>" in table
    assert "mathjax" in table.lower()  # a title with a formula needs it here too


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (claim("claim-a", "perhaps"), "verdict"),
        (":::{claim} No label\n:verdict: true\n\nText.\n:::\n", "needs :label:"),
        (":::{claim} No verdict\n:label: claim-a\n\nText.\n:::\n", "needs :verdict:"),
        (claim("claim-a", "true") + "\n" + claim("claim-a", "false"), "claim-a"),
    ],
)
def test_a_faulty_claim_fails_the_build(build, text, message):
    done, _ = build(
        first="# First\n\n" + text, second="# Second\n", list="# All\n\n:::{claims-list}\n:::\n"
    )
    assert done.returncode == 1
    assert message in done.stderr


def test_a_label_that_two_pages_share_fails_the_build(build):
    done, _ = build(
        first="# First\n\n" + claim("claim-a", "true"),
        second="# Second\n\n" + claim("claim-a", "true"),
    )
    assert done.returncode == 1
    assert "claim label 'claim-a' is used twice, first in" in done.stderr


def test_a_book_without_claims_says_so(build):
    done, out = build(first="# First\n", second="# Second\n", list=LIST.partition("See")[0])
    assert done.returncode == 0, done.stderr
    assert "No chapter has made a claim yet." in (out / "list.html").read_text()


def test_translators_get_title_verdict_and_text(build):
    done, out = build("gettext", first="# F\n\n" + claim("claim-a", "true"), second="# Second\n")
    assert done.returncode == 0, done.stderr
    messages = (out / "first.pot").read_text()
    for text in ("The *state* $h_t$ is bounded", "true", "As it says."):
        assert f'msgid "{text}"' in messages
