"""Finds the Chromium with which tests look at pages as people see them, and opens it; tests/support/system.sh installs
it.

Every wait in a browser may last PATIENCE_S: a busy machine is slow, and not wrong. What is there at once is seen at
once, so a generous limit costs nothing where all is well.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_S = 90


def chromium_path() -> str | None:
    """The browser's program, for Playwright's `executable_path`; None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def opened_browser(program: str) -> Iterator[Browser]:
    """A headless Chromium, closed at the end."""
    expect.set_options(timeout=PATIENCE_S * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"], timeout=PATIENCE_S * 1000
        )
        try:
            yield browser
        finally:
            browser.close()


def a_page(browser: Browser, **options: Any) -> Page:
    """A person's own window, with cookies of nobody else, in which every wait is as long as it may be."""
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE_S * 1000)
    return page
