"""One file on its way to the server and read back from it, a piece at a time; after a cut it goes on where it was.

Rules:
1. What counts as sent is what the server acknowledged, not how large the file there has become.
2. Every byte is read back and hashed here. Asking the server for a digest would prove that it can compute one.
3. At most PIECE bytes are in memory, however large the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extracts.errors import DiskFull, DropZoneUnreachable
from extracts.handover.dropzone.sftp_connection import Declined
from extracts.handover.dropzone.sftp_session import Session
from extracts.handover.files import open_regular, staging_errors

PIECE = 8 << 20
FILE_MODE = 0o640


@dataclass
class Upload:
    """How far one file is. `run` may be called again after a cut; `moved` is told the size of every piece."""

    source: Path
    target: str
    sent: int = 0
    whole: bool = False

    def run(self, session: Session, moved: Callable[[int], None]) -> None:
        """The file is there, whole and synced. Raises DiskFull, DropZoneUnreachable, TechnicalFailure, Cut."""
        if self.whole:
            return
        with staging_errors(self.source.name):
            stream = open_regular(self.source)
        with stream, session.writing(self.target, FILE_MODE, afresh=self.sent == 0) as handle:
            stream.seek(self.sent)
            while piece := self._piece(stream):
                try:
                    handle.write(piece, self.sent)
                except Declined as error:
                    raise refused_write(session, self.target, len(piece), error) from None
                self.sent += len(piece)
                moved(len(piece))
            handle.sync()
        self.whole = True

    def _piece(self, stream: Any) -> bytes:
        with staging_errors(self.source.name):
            return bytes(stream.read(PIECE))


@dataclass
class ReadBack:
    """How far one file on the server has been read."""

    path: str
    read: int = 0
    _hash: Any = field(default_factory=hashlib.sha256)

    def run(self, session: Session, moved: Callable[[int], None]) -> str:
        """The digest of what the server holds. Raises Missing, Cut."""
        with session.reading(self.path) as handle:
            while piece := handle.read(PIECE, self.read):
                self._hash.update(piece)
                self.read += len(piece)
                moved(len(piece))
        return f"sha256:{self._hash.hexdigest()}"


def refused_write(session: Session, path: str, size: int, error: Declined) -> DiskFull | DropZoneUnreachable:
    """Why the server would not take `size` bytes: SFTP has no word for a full disk, so its free space is asked."""
    free = session.free_bytes(path.rpartition("/")[0])
    if free is not None and free < size:
        return DiskFull(
            "No space is left in the transfer area. Nothing was published.", advice="Free space there, then run again."
        )
    return DropZoneUnreachable(
        f"The transfer area does not take what is written ({error}). Nothing was published.",
        advice="Ask its operator: is a quota used up, or its disk failing?",
    )
