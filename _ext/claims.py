"""Claims of the book: boxes that state one and hold its test, and a list of them all.

A claim is an admonition, which JupyterLab shows too::

    :::{admonition} The state stays between -1 and 1
    :class: claim true
    :name: claim-bounded

    *True.* One or two sentences.
    :::

The class after ``claim`` is the verdict: ``true``, ``limits``, ``false`` or ``open``. The text
begins with it in words. The code cells that follow, tagged ``claim-test``, are drawn inside the
box, folded; at least one of them asserts something. On the pages that ``first_edition_pages`` in
``_config.yml`` lists, the next cell may still stand below the box, without the tag. The directive
``{claims-list}`` makes a table of all claims in the order of the book.
"""

import re

from docutils import nodes
from folds import Fold, fold
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

VERDICTS = {
    "true": "True",
    "limits": "True with limits",
    "false": "False",
    "open": "Not shown here",
}
TEST = "The test"
TAG = "tag_claim-test"  # the class that the tag becomes
ASSERTS = re.compile(r"^\s*assert\b|\bassert_\w+\(", re.M)

logger = logging.getLogger(__name__)


class ClaimsList(nodes.General, nodes.Element):
    """Stands where the table of claims will be, until all chapters have been read."""


class DrawTests(SphinxTransform):
    """Move the cells that test a claim into its box."""

    default_priority = 15  # before texts are translated

    def apply(self):
        """Move them, and warn of a claim without a test and of a test without a claim."""
        untagged = self.env.docname in self.config.first_edition_pages
        for box in list(self.document.findall(is_claim)):
            tests = list(tests_of(box))
            if any(ASSERTS.search(source_of(test)) for test in tests):
                for test in tests:
                    test.parent.remove(test)
                    test.attributes.pop("hide_mode", None)  # one fold is enough
                box += fold(TEST, tests, box, classes=["claim-test"])
            elif tests or not untagged:
                says = "asserts nothing in its cells" if tests else "has no cell"
                name = f"{box[0].astext()!r} ({' '.join(box['names'])})"
                logger.warning("the claim %s %s tagged claim-test", name, says, location=box)
        for cell in self.document.findall(is_test):
            if not isinstance(cell.parent, Fold):
                logger.warning("a cell tagged claim-test follows no claim", location=cell)


def is_claim(node):
    """Return whether a node is the box of a claim."""
    return isinstance(node, nodes.admonition) and "claim" in node["classes"]


def is_test(node):
    """Return whether a node is a code cell tagged as a claim's test."""
    return isinstance(node, nodes.container) and TAG in node["classes"]


def tests_of(box):
    """Yield the cells right after a claim's box that are tagged as its test."""
    for node in box.parent[box.parent.index(box) + 1 :]:
        if not is_test(node):
            return
        yield node


def source_of(cell):
    """Return the code of a cell."""
    block = cell.next_node(nodes.literal_block)
    return block.astext() if block else ""


class ClaimsListDirective(SphinxDirective):
    """The place of the table of claims."""

    def run(self):
        """Return the placeholder."""
        self.env.note_reread()  # another page's claim may change while this one does not
        return [ClaimsList()]


def claims_of(env):
    """Return the claims of each page, by page name."""
    if not hasattr(env, "claims"):
        env.claims = {}
    return env.claims


def purge(app, env, docname):
    """Forget the claims of a page that is read anew."""
    claims_of(env).pop(docname, None)


def merge(app, env, docnames, other):
    """Take over what a parallel reader collected."""
    claims_of(env).update({d: c for d, c in claims_of(other).items() if d in docnames})


def collect(app, doctree):
    """Check and note a page's claims once its texts are final, translations included."""
    found = []
    for box in doctree.findall(is_claim):
        title, text = box[0], box.next_node(nodes.paragraph)
        verdict = text[0] if text in box.children[1:2] and text.children else None
        if isinstance(verdict, nodes.emphasis):
            words = verdict.astext().rstrip(".。")
            verdict.children = [nodes.Text(words)]
            verdict["classes"].append("claim-verdict")
        else:
            words = None
        for fault in faults(box, words, app.config.language):
            logger.warning("the claim %r %s", title.astext(), fault, location=box)
        if box["names"] and words:
            name = box["names"][0]
            found.append(
                {"name": name, "id": box["ids"][0], "title": title.deepcopy(), "verdict": words}
            )
            # So that {ref} shows the claim's title.
            app.env.get_domain("std").labels[name] = app.env.docname, box["ids"][0], title.astext()
    if found:
        claims_of(app.env)[app.env.docname] = found


def faults(box, words, language):
    """Yield what is wrong with a claim's box whose verdict has these words."""
    verdicts = [name for name in box["classes"] if name in VERDICTS]
    if len(verdicts) != 1:
        yield f"needs one class out of {', '.join(VERDICTS)}"
    if not box["names"]:
        yield "needs a :name:"
    if not words:
        yield "has to begin with its verdict in *words*"
    elif language == "en" and words not in map(VERDICTS.get, verdicts):
        yield f"says {words!r}, its class another thing"


def check(app, env):
    """Warn of a name that two claims share, which Sphinx does not see when it reads in parallel."""
    seen = {}
    for docname, claims in claims_of(env).items():
        for name in (claim["name"] for claim in claims):
            if name in seen:
                where = seen[name]
                logger.warning("claim %r stands twice, first in %s", name, where, location=docname)
            seen.setdefault(name, docname)


def in_book_order(env, docname):
    """Yield a page and all pages below it as the table of contents has them."""
    yield docname
    for child in env.toctree_includes.get(docname, []):
        yield from in_book_order(env, child)


def table(app, claims, from_page):
    """Return the table of the claims, each a (page, claim) pair."""
    head = nodes.thead("", row([cell(nodes.Text(t)) for t in ("Claim", "Verdict", "Page")]))
    body = nodes.tbody()
    for page, claim in claims:
        page_title = app.env.titles[page].astext()
        body += row(
            [
                cell(link(app, from_page, page, claim["id"], claim["title"].deepcopy().children)),
                cell(nodes.Text(claim["verdict"])),
                cell(link(app, from_page, page, "", [nodes.Text(page_title)])),
            ]
        )
    columns = [nodes.colspec(colwidth=width) for width in (60, 15, 25)]
    group = nodes.tgroup("", *columns, head, body, cols=3)
    return nodes.table("", group, classes=["claims-table"])


def row(cells):
    """Return a table row."""
    return nodes.row("", *cells)


def cell(content):
    """Return a table cell that holds one inline node."""
    return nodes.entry("", nodes.paragraph("", "", content))


def link(app, from_page, page, anchor, children):
    """Return a link from one page to an anchor of another."""
    return make_refnode(app.builder, from_page, page, anchor, children)


def fill(app, doctree, docname):
    """Put the table in the place of the placeholder."""
    for place in list(doctree.findall(ClaimsList)):
        order = dict.fromkeys(in_book_order(app.env, app.config.root_doc))
        claims = [(page, c) for page in order for c in claims_of(app.env).get(page, [])]
        empty = nodes.paragraph("", "No chapter has made a claim yet.")
        filled = table(app, claims, docname) if claims else empty
        place.replace_self(filled)
        if next(filled.findall(nodes.math), None):
            # Sphinx gives MathJax to the pages whose own source has a formula.
            app.env.get_domain("math").data["has_equations"][docname] = True


def setup(app):
    """Register with Sphinx."""
    app.setup_extension("folds")
    app.add_config_value("first_edition_pages", [], "env", [list])
    app.add_transform(DrawTests)
    app.add_node(ClaimsList)
    app.add_directive("claims-list", ClaimsListDirective)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", collect)
    app.connect("env-check-consistency", check)
    app.connect("doctree-resolved", fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
