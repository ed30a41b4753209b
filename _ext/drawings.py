"""Drawings of cells stand in the page itself, so that they take its colours and its width.

Such an SVG holds the drawing once for a wide page and once, upright, for a narrow one; as an image
it shows the first alone. Here an image of one becomes both, and ``_static/drawing.css`` shows the
one that fits. The image's alternative text stays its name.
"""

import re
from html import escape
from pathlib import Path

from docutils import nodes

MARK = 'class="drawing"'
STYLE = re.compile(r"<style>.*?</style>", re.S)
LAYOUT = re.compile(r'<svg class="(?:wide|upright|small)".*?</svg>', re.S)
HIDDEN = ' width="0" height="0"'


def inline(svg, alt):
    """Return HTML of a drawing with all its layouts."""
    layouts = "".join(LAYOUT.findall(svg)).replace(HIDDEN, "")
    return (
        f'<div class="drawing" role="img" aria-label="{escape(alt)}">'
        f"{STYLE.search(svg)[0]}{layouts}</div>"
    )


def source(app, image):
    """Return the text of the drawing that an image shows, or None if it shows something else."""
    if not image["uri"].endswith(".svg"):
        return None
    path = Path(app.srcdir) / image["uri"].lstrip("/")
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return text if MARK in text[:400] else None


def replace(app, doctree, docname):
    """Put drawings into a finished page."""
    if app.builder.format != "html":
        return
    for image in list(doctree.findall(nodes.image)):
        svg = source(app, image)
        if svg:
            raw = nodes.raw("", inline(svg, image.get("alt", "")), format="html")
            image.replace_self(raw)


def setup(app):
    """Register with Sphinx."""
    app.connect("doctree-resolved", replace)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
