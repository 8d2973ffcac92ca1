"""Finds processes again that were started earlier, perhaps by another command, and ends no other.

A process number alone proves nothing: the system gives it to somebody else once its process has ended. So a process
counts as ours only if something about it says so that others do not have: the folder in which it runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]


def processes_in(folder: Path) -> set[int]:
    """The processes whose current folder is `folder` and that have not ended (or only wait to be collected)."""
    return {pid for pid in psutil.pids() if runs_in(pid, folder)}


def runs_in(pid: int, folder: Path) -> bool:
    """Whether process `pid` is there and its current folder is `folder`."""
    try:
        return folder.samefile(psutil.Process(pid).cwd())
    except (psutil.Error, OSError):
        return False


def wait_until(condition: Callable[[], bool], patience_s: float, every_s: float = 0.02) -> bool:
    """Whether `condition`, asked again and again, came true within `patience_s`."""
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every_s)
    return True
