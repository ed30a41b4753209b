"""What several files of tests share."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import settings

# The same examples at every run: a check that fails must fail again.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

EXTENSIONS = Path(__file__).parent.parent / "_ext"
CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = {{parsers}} + ["claims", "moved_anchors", "page_facts", "quiz", "report_links"]
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence", "dollarmath"]
"""


@pytest.fixture
def build(tmp_path):
    """Return a function that builds a small book with the book's own extensions.

    It takes pages by name, text or notebooks; warnings are errors. It gives the result and the
    output folder.
    """

    def build(builder="html", options=(), **pages):
        texts = all(isinstance(text, str) for text in pages.values())
        parsers = ["myst_parser"] if texts else ["myst_nb", "sphinx_exercise"]  # which take longer
        conf = CONF.format(parsers=parsers)
        (tmp_path / "conf.py").write_text(conf, encoding="utf-8")
        for name, text in pages.items():
            end = "md" if isinstance(text, str) else "ipynb"
            written = text if isinstance(text, str) else nbformat.writes(text)
            path = tmp_path / f"{name}.{end}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(written, encoding="utf-8")
        out = tmp_path / "out" / builder
        command = [sys.executable, "-m", "sphinx", "-b", builder, "-W", "--keep-going", "-n"]
        command += [*options, "-j", "2", str(tmp_path), str(out)]
        return subprocess.run(command, text=True, capture_output=True), out

    return build
