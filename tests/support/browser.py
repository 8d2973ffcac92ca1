"""Finds the Chromium with which tests look at pages as people see them; tests/support/system.sh installs it."""

from __future__ import annotations

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str | None:
    """The browser's program, for Playwright's `executable_path`; None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)
