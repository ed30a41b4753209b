"""What several files of tests share."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples at every run: a check that fails must fail again.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

EXTENSIONS = Path(__file__).parent.parent / "_ext"
CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["myst_parser", "claims", "quiz", "report_links"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
"""


@pytest.fixture
def build(tmp_path):
    """Return a function that builds a small book with the book's own extensions.

    It takes pages by name, warnings are errors, and gives the result and the output folder.
    """

    def build(builder="html", options=(), **pages):
        (tmp_path / "conf.py").write_text(CONF, encoding="utf-8")
        for name, text in pages.items():
            (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
        out = tmp_path / "out" / builder
        command = [sys.executable, "-m", "sphinx", "-b", builder, "-W", "--keep-going", "-n"]
        command += [*options, "-j", "2", str(tmp_path), str(out)]
        return subprocess.run(command, text=True, capture_output=True), out

    return build
