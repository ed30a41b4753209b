"""Drawings of cells stand in the page itself, so that they take its colours and its width.

Such an SVG holds the drawing once for a wide page and once, upright, for a narrow one; as an image
it shows the first alone. Here an image of one becomes both, and ``_static/drawing.css`` shows the
one that fits. The image's alternative text stays its name.

The same drawings are alive in the elements ``<lstm-cell>`` and ``<lstm-gate>`` of
``_static/lstm-cell.js`` and ``_static/lstm-gate.js``. A page needs one line::

    <lstm-cell preset="counter"></lstm-cell>

The build puts the drawing between the two tags, where it also stands without scripts. What a page
writes there is for JupyterLab and is left out.
"""

import re
from html import escape
from pathlib import Path

from docutils import nodes

from lstm_tutorial import figures

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


LIVING = {"lstm-cell": figures.living_cell, "lstm-gate": figures.living_gate}
NAMES = {
    "lstm-cell": (
        "One step of an LSTM. The old cell state is multiplied by the forget gate; the input gate "
        "times the candidate is added; the sum is the new cell state. The output gate times its "
        "tanh is the new hidden state. Each box reads the old hidden state and the input."
    ),
    "lstm-gate": (
        "A gate: the weighted sum of input, old hidden state and bias goes through a sigmoid, and "
        "the result multiplies the candidate."
    ),
}
TAGS = re.compile(r"(<(lstm-cell|lstm-gate)\b[^>]*>).*?(</\2>)", re.S)


def enliven(match):
    """Return an element with its drawing between its tags."""
    start, name, end = match.groups()
    return start + inline(LIVING[name]().data, NAMES[name]) + end


def fill(app, doctree):
    """Put drawings into the elements of a page, each alone in its paragraph or block."""
    for raw in list(doctree.findall(nodes.raw)):
        block = raw.parent if isinstance(raw.parent, nodes.paragraph) else raw
        text = block.astext() if block is raw else "".join(c.astext() for c in block.children)
        if raw.get("format") == "html" and re.match(r"\s*<lstm-(cell|gate)\b", raw.astext()):
            block.replace_self(nodes.raw("", TAGS.sub(enliven, text), format="html"))
            for module in Path(figures.__file__).parent.glob("*.py"):
                app.env.note_dependency(str(module))


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
    app.connect("doctree-read", fill)
    app.connect("doctree-resolved", replace)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
