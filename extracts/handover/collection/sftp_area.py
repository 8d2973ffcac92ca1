"""The recipient's side of a transfer area behind SFTP: their own room, which is all that they see of it.

    /deliveries/<request id>/index.json, index.json.sig, <delivery id>/...      read only
    /inbox/                                                                     for receipts

Rules:
1. The server is who its pinned host key says, or nothing is sent to it.
2. After a cut, reading goes on where it stopped, over a new connection.
3. Nothing in the inbox is overwritten: what is there under the same name, with the same bytes, was put there before.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import partial

from extracts.handover.collection.area import Where, is_plain
from extracts.handover.dropzone.inbox import INBOX
from extracts.handover.dropzone.sftp_address import DELIVERIES, SftpAddress
from extracts.handover.dropzone.sftp_asking import Asking
from extracts.handover.dropzone.sftp_connection import Declined, Missing
from extracts.handover.dropzone.sftp_session import Session

_PIECE_BYTES = 8 << 20
_FILE_MODE = 0o440
PAUSES = (1.0, 2.0, 4.0, 8.0)


class SftpArea:
    """See `Area`. One connection, kept while the process lasts."""

    def __init__(self, address: SftpAddress, answer_seconds: float = 60.0, pauses: tuple[float, ...] = PAUSES) -> None:
        self._root, self._server = address.root, Asking(address, answer_seconds, pauses)

    def names(self, folder: Where) -> tuple[str, ...]:
        """What lies in a folder."""
        return self._server.asked(partial(_names, path=self._path(folder)))

    def size(self, file: Where) -> int | None:
        """Bytes of a file."""
        found = self._server.asked(partial(Session.look, path=self._path(file)))
        return found.size if found is not None and found.is_file else None

    def read(self, file: Where, offset: int) -> Iterator[bytes]:
        """The bytes from `offset` on."""
        path = self._path(file)
        while piece := self._server.asked(partial(_piece, path=path, offset=offset)):
            yield piece
            offset += len(piece)

    def put(self, name: str, data: bytes) -> None:
        """Puts a file into the inbox."""
        self._server.asked(partial(_put, target=str(self._root / INBOX / name), data=data))

    def close(self) -> None:
        """Ends the connection."""
        self._server.close()

    def _path(self, where: Where) -> str:
        return str((self._root / DELIVERIES).joinpath(*where))


def _names(session: Session, path: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(name for name in session.listing(path) if is_plain(name)))
    except Missing:
        return ()


def _piece(session: Session, path: str, offset: int) -> bytes:
    with session.reading(path) as handle:
        return handle.read(_PIECE_BYTES, offset)


def _put(session: Session, target: str, data: bytes) -> None:
    if session.read(target, len(data) + 1) == data:
        return
    folder, _, name = target.rpartition("/")
    # What a cut leaves under such a name cannot be written again, and is never offered: the next try has another.
    unfinished = f"{folder}/.{name}.{secrets.token_hex(4)}"
    with session.writing(unfinished, _FILE_MODE, afresh=True) as handle:
        handle.write(data, 0)
    try:
        session.place(unfinished, target)
    except Declined:
        if session.read(target, len(data) + 1) != data:
            raise
