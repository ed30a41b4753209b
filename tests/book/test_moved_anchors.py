"""Where the anchors of the first edition lead, in a small book."""

import json
import re

import pytest

INDEX = "# Book\n\n```{toctree}\npart/state\npart/state-range\npart/other\n```\n"
FIRST = {
    "part/state": "the-state claim-here claim-deeper claim-else claim-old claim-gone limits why",
    "part/other": "other limits",
}
NOW = {
    "part/state": {"the-state", "claim-here"},
    "part/state-range": {"range", "claim-deeper", "limits"},
    "part/other": {"other", "limits", "claim-else", "claim-new", "why"},
}
LINES = "claim-old merged claim-new Both said the same.\nclaim-gone withdrawn It was not true.\n"


@pytest.fixture
def built(build, tmp_path):
    """Return the maps of a small book's pages, by page."""
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    (ledger / "first-edition-anchors.json").write_text(json.dumps(FIRST), encoding="utf-8")
    (ledger / "changes.txt").write_text(LINES, encoding="utf-8")
    pages = {
        page: "\n".join([f"# {page}", *(f"\n({name})=\n\nText." for name in sorted(names))])
        for page, names in NOW.items()
    }
    options = ["-D", f"first_edition_ledger={ledger}"]
    done, out = build(options=options, index=INDEX, **pages)
    assert done.returncode == 0, done.stderr
    script = '<script id="moved-anchors"[^>]*>(.*?)</script>'
    texts = {page: (out / f"{page}.html").read_text(encoding="utf-8") for page in NOW}
    return {page: [json.loads(m) for m in re.findall(script, t)] for page, t in texts.items()}


def test_a_page_knows_where_its_lost_anchors_are(built):
    assert built["part/state"] == [
        {
            "claim-deeper": "state-range.html#claim-deeper",
            "claim-else": "other.html#claim-else",
            "claim-old": "other.html#claim-new",
            "limits": "state-range.html#limits",
            "why": "other.html#why",
        }
    ]


def test_a_page_that_lost_none_carries_no_map(built):
    assert built["part/other"] == built["part/state-range"] == []
