"""What stands under the title of a chapter: its minutes, what it builds on, its place on the path.

The minutes are computed. The rest is in the metadata of the notebook::

    "lstm": {"builds_on": ["state", "vanishing"], "path": true}

The names are those of the pages' files. The pages that say ``path``, in the order of the book, are
"The LSTM in an hour"; the directive ``{path-list}`` lists them with their minutes. An exercise says
its own at the end of its title, ``On paper (5 min)``.
"""

import json
import sys
from pathlib import Path

from claims import in_book_order
from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode
from sphinx_exercise.nodes import exercise_subtitle

sys.path.append(str(Path(__file__).parent.parent / "tools"))
from measure import TIME, cells_of, measure

PATH = "The LSTM in an hour"
KEYS = {"builds_on": list, "path": bool}

logger = logging.getLogger(__name__)


class PathList(nodes.General, nodes.Element):
    """Stands where the list of the path will be, until all pages have been read."""


class PathListDirective(SphinxDirective):
    """The place of the list of the path."""

    def run(self):
        """Return the placeholder."""
        self.env.note_reread()  # other pages may change while this one does not
        return [PathList()]


def facts_of(env):
    """Return the facts of each notebook, by page name."""
    if not hasattr(env, "page_facts"):
        env.page_facts = {}
    return env.page_facts


def purge(app, env, docname):
    """Forget the facts of a page that is read anew."""
    facts_of(env).pop(docname, None)


def merge(app, env, docnames, other):
    """Take over what a parallel reader collected."""
    facts_of(env).update({d: f for d, f in facts_of(other).items() if d in docnames})


def collect(app, doctree):
    """Note the facts of a notebook."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix == ".ipynb" and path.parent.name != "reference":  # which is to look things up
        said = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("lstm", {})
        facts_of(app.env)[app.env.docname] = {**said, "measure": measure(cells_of(path))}


def set_times(app, doctree):
    """Write an exercise's minutes after a comma, for its title stands in brackets of its own.

    The title of its solution is without them.
    """
    registry = getattr(app.env, "sphinx_exercise_registry", {}).values()
    copies = [entry["node"] for entry in registry if entry["docname"] == app.env.docname]
    for root, form in [(doctree, r", \1 min"), *((copy, "") for copy in copies)]:
        for subtitle in root.findall(exercise_subtitle):
            if isinstance(subtitle[-1], nodes.Text):
                subtitle[-1] = nodes.Text(TIME.sub(form, subtitle[-1].astext()))


def check(app, env):
    """Warn of metadata that means nothing."""
    for docname, facts in facts_of(env).items():
        for key in facts.keys() - {"measure"}:
            if not isinstance(facts[key], KEYS.get(key, ())):
                says = "the metadata lstm: %s is neither builds_on, a list, nor path, true"
                logger.warning(says, key, location=docname)
        for name in facts.get("builds_on", []):
            if len(pages_called(env, name)) != 1:
                logger.warning("builds on %r, which is no page", name, location=docname)


def pages_called(env, name):
    """Return the notebooks whose file has a name."""
    return [page for page in facts_of(env) if page.rsplit("/", 1)[-1] == name]


def path_of(app):
    """Return the pages of the path."""
    order = dict.fromkeys(in_book_order(app.env, app.config.root_doc))
    return [page for page in order if facts_of(app.env).get(page, {}).get("path")]


def parent_of(env, docname):
    """Return the page that a page deepens, or None."""
    parents = [page for page, below in env.toctree_includes.items() if docname in below]
    return next((page for page in parents if page in facts_of(env)), None)


def title_link(app, docname, page):
    """Return a link to a page that shows its title."""
    title = app.env.titles[page].deepcopy().children
    return make_refnode(app.builder, docname, page, "", title)


def sentence(*parts, **attributes):
    """Return a paragraph of texts and links."""
    inline = [nodes.Text(part) if isinstance(part, str) else part for part in parts]
    return nodes.paragraph("", "", *inline, **attributes)


def listed(links):
    """Return links with what stands between them: a, b and c."""
    between = [", "] * (len(links) - 2) + [" and "] * (len(links) > 1) + [""]
    return [part for pair in zip(links, between, strict=True) for part in pair]


def minutes(count):
    """Return a number of minutes in words."""
    return f"{count} minute{'s' if count != 1 else ''}"


def facts_paragraph(app, docname, facts):
    """Return the sentence on minutes and on the pages that a page builds on."""
    needs = facts["measure"]
    parts = [f"{minutes(needs.minutes)} to read"]
    if needs.exercises:
        parts.append(f", {needs.exercises} for the exercises")
    parts.append(".")
    parent = parent_of(app.env, docname)
    if parent:
        parts += [" It deepens ", title_link(app, docname, parent), "."]
    pages = [pages_called(app.env, name) for name in facts.get("builds_on", [])]
    links = [title_link(app, docname, page) for found in pages for page in found]
    if links:
        parts += [" It builds on ", *listed(links), "."]
    return sentence(*parts)


def path_paragraphs(app, docname):
    """Return what a page on the path says of it, at its top and at its end."""
    path = path_of(app)
    if docname not in path:
        return [], []
    place = path.index(docname)
    top = [nodes.strong("", PATH), f", page {place + 1} of {len(path)}."]
    if place:
        top += [" Before: ", title_link(app, docname, path[place - 1]), "."]
    if docname == path[-1]:
        return [sentence(*top, classes=["page-path"])], []
    top += [" Next: ", title_link(app, docname, path[place + 1]), "."]
    end = [f"{PATH} goes on with ", title_link(app, docname, path[place + 1]), "."]
    return [sentence(*top, classes=["page-path"])], [sentence(*end, classes=["page-path"])]


def show(app, doctree, docname):
    """Put the facts under the title, and the path into the place of its list."""
    facts = facts_of(app.env).get(docname)
    title = next(doctree.findall(nodes.title), None)
    if facts and title:
        top, end = path_paragraphs(app, docname)
        parts = [facts_paragraph(app, docname, facts), *top]
        box = nodes.container("", *parts, classes=["page-facts"])
        title.parent.insert(title.parent.index(title) + 1, box)
        title.parent += end
    for place in list(doctree.findall(PathList)):
        place.replace_self(path_list(app, docname))


def path_list(app, docname):
    """Return the list of the path."""
    items, total = nodes.enumerated_list(enumtype="arabic", prefix="", suffix="."), 0
    for page in path_of(app):
        needed = facts_of(app.env)[page]["measure"].minutes
        total += needed
        line = sentence(title_link(app, docname, page), f", {minutes(needed)}")
        items += nodes.list_item("", line)
    if not total:
        return sentence("No page is on this path yet.")
    whole = sentence(f"{minutes(total)} in all, without the exercises.")
    return nodes.container("", items, whole, classes=["path-list"])


def setup(app):
    """Register with Sphinx."""
    app.add_node(PathList)
    app.add_directive("path-list", PathListDirective)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", collect)
    app.connect("doctree-read", set_times)
    app.connect("env-check-consistency", check)
    app.connect("doctree-resolved", show)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
