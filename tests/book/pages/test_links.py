"""The links of the built pages, by file: no browser is needed to follow them."""

import json
import re
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest

from tests.book.pages.built import CHAPTERS, HTML, PAGES, ROOT, TARGETS, TEXT_PAGES


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


FIRST = json.loads((ROOT / "book/ledger/first-edition-anchors.json").read_text(encoding="utf-8"))
CHANGES = (ROOT / "book/ledger/changes.txt").read_text(encoding="utf-8")
WITHDRAWN = set(re.findall(r"^(\S+) withdrawn ", CHANGES, re.M))
MAP = re.compile(r'<script id="moved-anchors" [^>]*>(.*?)</script>', re.S)


@pytest.mark.parametrize("page", [f"{page}.html" for page in FIRST])
def test_the_anchors_of_the_first_edition_lead_to_what_they_named(page):
    """A heading may be another one now: its anchor leads to the top of the page."""
    moved = MAP.search((HTML / page).read_text(encoding="utf-8"))
    addresses = json.loads(moved[1]) if moved else {}
    named = re.findall(r"\b(?:claim|ex|quiz)-\S+", FIRST[page.removesuffix(".html")])
    lost = set(named) - TARGETS[page].anchors - WITHDRAWN
    assert lost <= addresses.keys()
    assert list(filter(None, [fault_of(page, address) for address in addresses.values()])) == []


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
