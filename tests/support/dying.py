"""Runs that end at a chosen place, as in a power cut, or that have no space: what is run in a process of its own.

Light at import: whoever forks imports this again, each time.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
from typing import Any


def die(*_: Any, **__: Any) -> None:
    """No clean-up runs."""
    os.kill(os.getpid(), signal.SIGKILL)


def run_until(request_id: str, place: str) -> None:
    """A run that ends at `place` (`module:function:before` or `after`): around a function of ours."""
    from extracts.settings import open_workplace
    from extracts.steps.run import RunKey, run_all

    module, name, when = place.split(":")
    owner = importlib.import_module(module)
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    function = getattr(owner, last)

    def deadly(*arguments: Any, **keywords: Any) -> None:
        if when == "after":
            function(*arguments, **keywords)
        die()

    setattr(owner, last, deadly)
    run_all(open_workplace(), RunKey(request_id, "killed"))


def run_until_noted(where: str, request_id: str, period: str) -> None:
    """A run that ends once a step's note is written, or `before publishing`, or `after publishing`."""
    from extracts.settings import open_workplace
    from extracts.steps import gate_release, run

    work = open_workplace()
    if where == "after publishing":
        gate_release._tell = die
    elif where == "before publishing":
        zone = type("Zone", (), {"check": lambda s: None, "publish": die})()
        gate_release.drop_zone = lambda w: zone
    else:
        real = run._note
        run._note = lambda w, f, step, found: (real(w, f, step, found), die() if step == where else None)
    run.run_all(work, run.RunKey(request_id, "killed", period=period or None))


def run_with_limit(request_id: str, most_bytes: int) -> None:
    """A run that may write files of so many bytes at most; prints how it ended."""
    from extracts.errors import ExtractsError
    from extracts.settings import open_workplace
    from extracts.steps.run import RunKey, run_all

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
    try:
        found = run_all(open_workplace(), RunKey(request_id, "limited"))
    except ExtractsError as error:
        found = {"outcome": "none", "reason": str(error)}
    # What is printed goes to a file, too, which would be cut off.
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(json.dumps(found, default=str), flush=True)
