"""Serve MathJax from the book itself.

The wheel ``sphinx-mathjax-offline`` brings MathJax 3 with all its variants, 24 MB. A page needs
one script and what it loads on demand, 3 MB; that much is copied into the built book.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

NEEDED = ["tex-chtml.js", "output/chtml/fonts", "input/tex/extensions", "a11y", "ui"]


def copy_mathjax(app, exception):
    """Copy the needed part of MathJax into the static files of a finished HTML build."""
    if exception or app.builder.format != "html":
        return
    source = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for name in NEEDED:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def setup(app):
    """Register with Sphinx."""
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
