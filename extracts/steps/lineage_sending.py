"""Where lineage events go: a file that keeps them all, and a catalogue's HTTP address if the settings name one.

Rules:
1. The file first: one event a line, appended whole, under a lock. A line that is no JSON was cut off by a kill.
2. Events reach the catalogue in their order. One that it cannot take now waits in a folder, and goes before the next;
   one that it refuses for good is laid aside, so that it holds up no other.
3. HTTPS, or this machine itself. The key comes from a file that nobody else can read, and follows no redirection.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from extracts.steps.lineage_catalogue import Catalogue

EVENTS, WAITING, REFUSED = "events.jsonl", "waiting", "refused"
_TIMEOUT_S = 5
_AT_ONCE = 100
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


def tell(folder: Path, catalogue: Catalogue, event: Mapping[str, Any]) -> None:
    """Keep an event, and send it with those that wait. Raises OSError, SettingMissing; what was not sent waits."""
    line = json.dumps(event, ensure_ascii=False, sort_keys=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / EVENTS).open("ab+", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go of with the file: one sender at a time keeps the order
        _append(file.fileno(), line)
        if catalogue.url:
            _wait(folder, line)
            catalogue.check()
            _send_waiting(folder, catalogue)


def _append(file: int, line: str) -> None:
    """Whole or not at all: what a full disk cut off is taken back, and what a killed process left is ended first."""
    there = os.fstat(file).st_size
    torn = there > 0 and os.pread(file, 1, there - 1) != b"\n"
    left = memoryview(("\n" * torn + line + "\n").encode())
    try:
        while left:
            left = left[os.write(file, left) :]
    except OSError:
        os.ftruncate(file, there)
        raise


def waiting(folder: Path, which: str = WAITING) -> int:
    """How many events the catalogue has not taken yet; or, of `REFUSED`, will not take."""
    return len(list((folder / which).glob("*.json")))


def _wait(folder: Path, line: str) -> None:
    waits = folder / WAITING
    waits.mkdir(mode=0o700, exist_ok=True)
    last = max((int(p.stem) for f in (waits, folder / REFUSED) for p in f.glob("*.json")), default=0)
    temporary = waits / f".{os.getpid()}"
    temporary.write_text(line, encoding="utf-8")
    temporary.replace(waits / f"{last + 1:012d}.json")


def _send_waiting(folder: Path, catalogue: Catalogue) -> None:
    for path in sorted((folder / WAITING).glob("*.json"))[:_AT_ONCE]:
        try:
            _post(catalogue, path.read_bytes())
        except HTTPError as error:
            error.close()
            if error.code in _LATER or not 400 <= error.code < 500:
                raise
            (folder / REFUSED).mkdir(mode=0o700, exist_ok=True)
            path.replace(folder / REFUSED / path.name)
        else:
            path.unlink()


def _post(catalogue: Catalogue, data: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    if key := catalogue.key():
        headers["Authorization"] = f"Bearer {key}"
    request = Request(catalogue.url, data, headers, method="POST")  # noqa: S310  # https or this machine: `check`
    build_opener(_NoRedirection()).open(request, timeout=_TIMEOUT_S).close()


class _NoRedirection(HTTPRedirectHandler):
    """A key is for the address that was set, and for no other."""

    def redirect_request(self, *_: Any) -> None:
        """Never followed: it is an error then."""
        return
