"""The pages that were built, and what each of them points to."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HTML = ROOT / "_build" / "html"
PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in HTML.rglob("*.html")
    if "_static" not in path.parts
)
# Notebooks: chapters, the pages that deepen them, and some of the reference.
CHAPTERS = [page for page in PAGES if (ROOT / page).with_suffix(".ipynb").exists()]
TEXT_PAGES = [
    page for page in PAGES if any((ROOT / page).with_suffix(s).exists() for s in (".md", ".ipynb"))
]


def by_page(pages):
    """Return parameters for tests that depend on nothing but the page that they are given.

    All tests of one page go to the same worker, and memory.py skips those that passed before.
    """
    return [pytest.param(page, marks=pytest.mark.xdist_group(page)) for page in pages]


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
