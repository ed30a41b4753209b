"""Claims of the book: a directive that states one, and a list of them all.

A claim stands in a chapter, before the cell that tests it::

    :::{claim} The state stays between -1 and 1
    :label: claim-bounded
    :verdict: true

    One or two sentences.
    :::

The verdict is ``true``, ``true with limits`` or ``false``. The directive ``{claims-list}`` makes
a table of all claims in the order of the book.
"""

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

VERDICTS = ("true", "true with limits", "false")

logger = logging.getLogger(__name__)


class ClaimsList(nodes.General, nodes.Element):
    """Stands where the table of claims will be, until all chapters have been read."""


class Claim(SphinxDirective):
    """A statement of fact that the next cell tests."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {  # noqa: RUF012 (docutils' own way)
        "label": directives.unchanged_required,
        "verdict": lambda text: directives.choice(text, VERDICTS),
    }

    def run(self):
        """Return the claim's box."""
        self.assert_has_content()
        for name in ("label", "verdict"):
            if name not in self.options:
                raise self.error(f"the claim {self.arguments[0]!r} needs :{name}:")
        label, verdict = self.options["label"], self.options["verdict"]

        # An ordinary admonition: every builder can write it, and gettext extracts its texts.
        box = nodes.admonition(classes=["claim", f"claim-{verdict.replace(' ', '-')}"])
        box["claim"] = {"label": label, "verdict": verdict}
        self.set_source_info(box)
        box["names"].append(nodes.fully_normalize_name(label))
        self.state.document.note_explicit_target(box)

        inlines, messages = self.state.inline_text(self.arguments[0], self.lineno)
        title = nodes.title(self.arguments[0], "", *inlines)
        badge = nodes.paragraph(verdict, verdict, classes=["claim-verdict"])
        for part in (title, badge):
            self.set_source_info(part)
            box += part
        self.state.nested_parse(self.content, self.content_offset, box)
        return [box, *messages]


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
    """Note a page's claims once its texts are final, translations included."""
    found = [
        {
            **box["claim"],
            "id": box["ids"][0],
            "title": box.next_node(nodes.title).deepcopy(),
            "badge": box.next_node(nodes.paragraph).astext(),
        }
        for box in doctree.findall(nodes.admonition)
        if "claim" in box
    ]
    if not found:
        return
    claims_of(app.env)[app.env.docname] = found
    labels = app.env.get_domain("std").labels  # so that {ref} shows the claim's title
    for claim in found:
        name = nodes.fully_normalize_name(claim["label"])
        labels[name] = app.env.docname, claim["id"], claim["title"].astext()


def check(app, env):
    """Warn of a label that two claims share."""
    seen = {}
    for docname, claims in claims_of(env).items():
        for label in (claim["label"] for claim in claims):
            if label in seen:
                logger.warning(
                    "claim label %r is used twice, first in %s",
                    label,
                    seen[label],
                    location=docname,
                )
            seen.setdefault(label, docname)


def in_book_order(env, docname):
    """Yield a page and all pages below it as the table of contents has them."""
    yield docname
    for child in env.toctree_includes.get(docname, []):
        yield from in_book_order(env, child)


def table(app, claims, from_page):
    """Return the table of the claims, each a (page, claim) pair."""
    head = nodes.thead("", row([cell(nodes.Text(t)) for t in ("Claim", "Verdict", "Chapter")]))
    body = nodes.tbody()
    for page, claim in claims:
        page_title = app.env.titles[page].astext()
        body += row(
            [
                cell(link(app, from_page, page, claim["id"], claim["title"].deepcopy().children)),
                cell(nodes.Text(claim["badge"])),
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
    app.add_node(ClaimsList)
    app.add_directive("claim", Claim)
    app.add_directive("claims-list", ClaimsListDirective)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", collect)
    app.connect("env-check-consistency", check)
    app.connect("doctree-resolved", fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
