"""Which tests of a page passed on the same page before.

A test that depends on one page alone need not run again while the page is the same. The page is
known by a key: a hash of its HTML without the navigation, of the files that it shows, of all
static files, of these tests and of the browser. The front page's key holds the navigation too, so
that a change of the contents is looked at once. WHOLE_PAGES=1 forgets everything.
"""

import hashlib
import json
import os
import re
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.book.pages.built import HTML, ROOT, TARGETS

PASSED = ROOT / ".make" / "passed-pages.json"
NAVIGATION = re.compile(
    r'<link rel="(?:next|prev)".*?>'
    r'|<nav class="bd-links.*?</nav>'
    r'|<footer class="prev-next-footer.*?</footer>',
    re.DOTALL,
)


def without_navigation(html):
    """Return a page's HTML without the book's contents and the links to its neighbours."""
    return NAVIGATION.sub("", html)


def digest(paths, folder):
    """Return a hash of files, their names in a folder included."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        name = path.relative_to(folder).as_posix()
        whole.update(name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def shown_by(page):
    """Return the files of the book that a page points to, other pages left out."""
    links = {unquote(urlsplit(link).path) for link in TARGETS[page].links if "://" not in link}
    files = {Path(os.path.normpath((HTML / page).parent / link)) for link in links if link}
    return [path for path in files if path.is_file() and path.suffix != ".html"]


@cache
def surroundings(executable):
    """Return a hash of what all pages share: static files, these tests, the browser."""
    static = [path for path in (HTML / "_static").rglob("*") if path.is_file()]
    tests = [*Path(__file__).parent.glob("*.py"), ROOT / "tools" / "serve.py"]
    browser = subprocess.run([executable, "--version"], capture_output=True, text=True, check=True)
    versions = [version(name) for name in ("playwright", "axe-playwright-python")]
    return " ".join([digest(static, HTML), digest(tests, ROOT), browser.stdout, *versions])


@cache
def key_of(page, executable):
    """Return the key of a page as it is now."""
    html = (HTML / page).read_text(encoding="utf-8")
    text = html if page == "index.html" else without_navigation(html)
    parts = [text, digest(shown_by(page), HTML), surroundings(executable)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def load():
    """Return the key on which each test passed last, by the test's name."""
    if os.environ.get("WHOLE_PAGES") or not PASSED.exists():
        return {}
    return json.loads(PASSED.read_text(encoding="utf-8"))


def keep(passed):
    """Add tests that passed, with their keys, to those known."""
    PASSED.parent.mkdir(exist_ok=True)
    new = PASSED.with_suffix(".new")
    new.write_text(json.dumps(load() | passed, indent=0), encoding="utf-8")
    os.replace(new, PASSED)
