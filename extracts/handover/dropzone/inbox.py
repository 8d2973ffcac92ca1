"""The inbox: where a recipient puts receipts, and all that ever comes back through the drop zone.

    <drop zone>/<recipient>/inbox/<name>        of both kinds; a recipient who logs in over SFTP sees /inbox/<name>

Rules:
1. What lies there is a stranger's until a signature in it says otherwise: it is bounded in number and size, links and
   folders are passed over, and nothing in it is ever executed, unpacked or followed.
2. A name that starts with a dot is still being written: it is not offered. Upload to such a name, then rename.
3. `offered` changes nothing; `take` removes. Whoever reads records first and takes afterwards: killed in between, the
   same receipt is offered again, which changes nothing, since a receipt counts once.
4. A file of more than MAX_BYTES is offered cut to MAX_BYTES + 1 bytes, so that whoever judges it can say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

from extracts.handover.dropzone.names import is_plain, plain
from extracts.handover.dropzone.sftp_asking import Asking
from extracts.handover.dropzone.sftp_connection import Missing
from extracts.handover.dropzone.sftp_session import Session
from extracts.handover.files import drop_zone_errors, open_regular

INBOX = "inbox"
MAX_BYTES = 256 * 1024
# A recipient who puts more there waits for the next look; nobody can make one look take for ever.
MAX_OFFERED = 200
_MAX_NAMES = 10_000


class Inbox(Protocol):
    """What steps ask of an inbox. Both raise DropZoneUnreachable when it cannot be reached."""

    def offered(self, recipient: str) -> Iterator[tuple[str, bytes]]:
        """(name, bytes) of what the recipient put there, in the order of names, at most MAX_OFFERED."""
        ...

    def take(self, recipient: str, name: str) -> None:
        """Removes what was offered under this name. Returns if it is gone already."""
        ...


@dataclass(frozen=True)
class FolderInbox:
    """The inboxes under a drop zone that is a folder; a recipient without one offers nothing."""

    root: Path

    def offered(self, recipient: str) -> Iterator[tuple[str, bytes]]:
        """See Inbox. A file that vanishes meanwhile is passed over."""
        folder = self._inbox(recipient)
        with drop_zone_errors(self.root):
            self.root.stat()  # an unmounted share would otherwise look like an empty inbox
            entries = islice(folder.iterdir(), _MAX_NAMES) if folder.is_dir() else ()
            names = sorted(p.name for p in entries if is_plain(p.name))
        found = 0
        for name in names:
            data = _read(folder / name)
            if data is not None and found < MAX_OFFERED:
                found += 1
                yield name, data

    def take(self, recipient: str, name: str) -> None:
        """See Inbox."""
        with drop_zone_errors(self.root):
            self.root.stat()
            (self._inbox(recipient) / plain(name)).unlink(missing_ok=True)

    def _inbox(self, recipient: str) -> Path:
        return self.root / plain(recipient) / INBOX


class SftpInbox(Asking):
    """The inboxes of an SFTP transfer area, over one connection, made anew after a cut. Close it, or use `with`."""

    def offered(self, recipient: str) -> Iterator[tuple[str, bytes]]:
        """See Inbox. A file that vanishes meanwhile is passed over."""
        folder = self._inbox(recipient)
        found = self.asked(lambda session: _listed(session, folder))
        for name in found[:MAX_OFFERED]:
            data = self.asked(partial(Session.read, path=f"{folder}/{name}", at_most=MAX_BYTES + 1))
            if data is not None:
                yield name, data

    def take(self, recipient: str, name: str) -> None:
        """See Inbox."""
        path = f"{self._inbox(recipient)}/{plain(name)}"
        self.asked(lambda session: session.remove(path))

    def _inbox(self, recipient: str) -> str:
        return str(self._address.root / plain(recipient) / INBOX)


def _listed(session: Session, folder: str) -> list[str]:
    """The names of visible files, sorted; none if there is no such inbox."""
    try:
        found = session.listing(folder, _MAX_NAMES)
    except Missing:
        return []
    return sorted(name for name, entry in found.items() if is_plain(name) and entry.is_file)


def _read(path: Path) -> bytes | None:
    """At most MAX_BYTES + 1 bytes of a regular file; None for anything else, or if it cannot be read."""
    try:
        with open_regular(path) as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError:
        return None
