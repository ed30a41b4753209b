"""The book in Chromium, for the tests that look at it."""

import shutil
import sys
import threading

import pytest
from playwright.sync_api import sync_playwright

from tests.book.pages import memory
from tests.book.pages.built import HTML, PAGES, ROOT, by_page
from tests.book.pages.tabs import PHONE, Watched

sys.path.insert(0, str(ROOT / "tools"))
from serve import server

NAMES = ("chromium", "chromium-browser", "google-chrome")
EXECUTABLE = next(filter(None, map(shutil.which, NAMES)), None)
ARGUMENTS = [
    "--no-sandbox",  # Chromium refuses to run as root, as it does in CI, with its sandbox on
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]


@pytest.fixture(scope="session")
def site():
    """Serve the book on a free port of this machine; give its address."""
    book = server(HTML, 0)
    thread = threading.Thread(target=book.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{book.server_address[1]}/"
    book.shutdown()
    book.server_close()
    thread.join()


@pytest.fixture(scope="session")
def browser():
    if EXECUTABLE is None:
        pytest.fail("The pages are checked in Chromium: install it (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def watched(browser, site):
    """Return a tab for tests that do something in it."""
    return Watched(browser, site)


@pytest.fixture(scope="session")
def desk(browser, site):
    """Return the tab of `on_desk`."""
    return Watched(browser, site)


@pytest.fixture(scope="session")
def phone(browser, site):
    """Return the tab of `on_phone`."""
    return Watched(browser, site)


@pytest.fixture(scope="session", params=by_page(PAGES))
def on_desk(request, desk):
    """Each page in a wide window, opened once for all the tests that look at it."""
    return desk.open(request.param)


@pytest.fixture(scope="session", params=by_page(PAGES))
def on_phone(request, phone):
    """Each page on a phone."""
    return phone.open(request.param, size=PHONE)


# Tests that passed on the same page before are left out: memory.py.

passed = {}


def name_of(test):
    """Return the name of a test, or of the test of a report, without the group that xdist adds."""
    return test.nodeid.partition("@")[0]


def pytest_collection_modifyitems(config, items):
    if EXECUTABLE is None:
        return
    known, left, old = memory.load(), [], []
    for item in items:
        group = item.get_closest_marker("xdist_group")
        key = group and memory.key_of(group.args[0], EXECUTABLE)
        item.user_properties.append(("key", key))
        (old if key and known.get(name_of(item)) == key else left).append(item)
    config.hook.pytest_deselected(items=old)
    items[:] = left


def pytest_runtest_logreport(report):
    key = dict(report.user_properties).get("key")
    if key and report.when == "call" and report.passed:
        passed[name_of(report)] = key


def pytest_sessionfinish(session):
    if passed and not hasattr(session.config, "workerinput"):  # workers leave it to the session
        memory.keep(passed)
