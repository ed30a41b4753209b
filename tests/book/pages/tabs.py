"""Tabs of a browser, and what a reader does in them by keyboard."""

from contextlib import contextmanager

import pytest

PHONE, DESK = {"width": 375, "height": 800}, {"width": 1280, "height": 900}


class Watched:
    """A tab that keeps what a reader with open developer tools would see."""

    def __init__(self, browser, site):
        context = browser.new_context(viewport=DESK, reduced_motion="reduce")
        self.tab = context.new_page()
        self.site = site
        self.faults = []
        self.tab.on("request", self.on_request)
        self.tab.on("requestfailed", self.on_failure)
        self.tab.on("response", self.on_response)
        self.tab.on("console", self.on_console)
        self.tab.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))

    def on_request(self, request):
        if not request.url.startswith((self.site, "data:", "blob:")):
            self.faults.append(f"request to another host: {request.url}")

    def on_failure(self, request):
        if request.failure != "net::ERR_ABORTED":  # the page was left before it came
            self.faults.append(f"failed: {request.url} {request.failure}")

    def on_response(self, response):
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url}")

    def on_console(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text}")

    def open(self, page, size=DESK):
        """Open a page and wait until its equations are set."""
        self.faults.clear()
        self.tab.set_viewport_size(size)
        self.tab.emulate_media(color_scheme="light")
        self.tab.goto(self.site + page, wait_until="load")
        self.tab.evaluate("async () => { await window.MathJax?.startup?.promise }")
        return self.tab


@contextmanager
def without_scripts(browser, address):
    """Open a page as a browser that runs no scripts shows it."""
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(address)
    yield tab
    context.close()


def focused(tab, what):
    """Return a property of the element that has the focus."""
    return tab.evaluate(f"document.activeElement.{what}")


def tab_to(tab, selector, limit=80):
    """Press Tab until the focus is on the element."""
    for _ in range(limit):
        tab.keyboard.press("Tab")
        if tab.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
    pytest.fail(f"{selector} is not reached by {limit} presses of Tab")
