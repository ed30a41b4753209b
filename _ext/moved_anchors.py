"""Anchors that stood on another page in the first edition lead on to where they stand now.

``book/ledger/first-edition-anchors.json`` holds, for each page of the first edition, the anchors
that it had. A page that has lost some carries a map of them, and ``_static/page.js`` follows it. An
anchor has moved to a page that deepens its own, or to the one page of the book that has it. If the
file of changes says that a claim, an exercise or a quiz was merged into another, it leads there.
"""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

from docutils import nodes

LEDGER = Path(__file__).parent.parent / "book" / "ledger"


@cache
def ledger(folder):
    """Return the anchors that each page had, and the new names of what was merged, by the old."""
    text = Path(folder, "first-edition-anchors.json").read_text(encoding="utf-8")
    first = {page: frozenset(names.split()) for page, names in json.loads(text).items()}
    changes = Path(folder, "changes.txt").read_text(encoding="utf-8")
    return first, dict(re.findall(r"^(\S+) merged (\S+)", changes, re.M))


def anchors_of(env):
    """Return the anchors of each page, by page name."""
    if not hasattr(env, "page_anchors"):
        env.page_anchors = {}
    return env.page_anchors


def purge(app, env, docname):
    """Forget the anchors of a page that is read anew."""
    anchors_of(env).pop(docname, None)


def merge(app, env, docnames, other):
    """Take over what a parallel reader collected."""
    anchors_of(env).update({d: a for d, a in anchors_of(other).items() if d in docnames})


def collect(app, doctree):
    """Note the anchors of a page."""
    elements = doctree.findall(nodes.Element)
    found = {anchor for element in elements for anchor in element["ids"]}
    anchors_of(app.env)[app.env.docname] = found


def moved(docname, first, merged, now):
    """Return where the anchors are that a page has lost: a page and an anchor, by old anchor."""
    then = Counter(anchor for anchors in first.values() for anchor in anchors)
    found = {}
    for anchor in set(first.get(docname, ())) - now[docname]:
        name = merged.get(anchor, anchor)
        pages = [page for page, anchors in now.items() if name in anchors]
        deeper = [page for page in pages if page.startswith(f"{docname}-")]
        if len(deeper) == 1:
            found[anchor] = deeper[0], name
        elif len(pages) == 1 and then[anchor] == 1:
            found[anchor] = pages[0], name
    return dict(sorted(found.items()))


def add_map(app, docname, template, context, doctree):
    """Give a page the map of what it has lost."""
    now = anchors_of(app.env)
    if docname not in now:
        return  # an index
    uri = app.builder.get_relative_uri
    found = moved(docname, *ledger(app.config.first_edition_ledger), now)
    addresses = {old: f"{uri(docname, page)}#{new}" for old, (page, new) in found.items()}
    if addresses:
        body = json.dumps(addresses)
        app.add_js_file(None, body=body, type="application/json", id="moved-anchors")


def setup(app):
    """Register with Sphinx."""
    app.add_config_value("first_edition_ledger", str(LEDGER), "", [str])
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", collect)
    app.connect("html-page-context", add_map)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
