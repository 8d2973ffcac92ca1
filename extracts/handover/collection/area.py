"""The recipient's side of the transfer area: what `collect` asks of it, whatever carries the bytes.

    <area>/<request id>/index.json, index.json.sig, <delivery id>/...      read only
    <area>/inbox/                                                         for receipts

Rules:
1. What the area says is believed in nothing: names are plain names, and what was fetched is verified afterwards.
2. A file is read from any offset, so that a copy that was cut goes on where it stopped.
3. What is put into the inbox appears whole: it is written under a hidden name and renamed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from extracts.errors import DropZoneUnreachable, UsageError
from extracts.handover.dropzone.inbox import INBOX
from extracts.handover.dropzone.sftp_address import address_problem, read_address
from extracts.handover.files import open_regular

PIECE_BYTES = 1 << 20
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
# Files of Windows, with whatever ending: a name like this opens a device there.
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")

Where = tuple[str, ...]
"""Names from the area's top down: `("SDDSB-2026-021", "index.json")`."""


class Area(Protocol):
    """All raise DropZoneUnreachable if the area cannot be reached, or was cut off."""

    def names(self, folder: Where) -> tuple[str, ...]:
        """What lies in a folder, sorted; plain names only. Nothing if it is not there."""
        ...

    def size(self, file: Where) -> int | None:
        """Bytes of a file; None if it is no file, or not there."""
        ...

    def read(self, file: Where, offset: int) -> Iterator[bytes]:
        """The bytes of a file from `offset` on, in pieces."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Puts a file into the inbox, whole, in place of one of this name."""
        ...


def is_plain(name: str) -> bool:
    """Whether a name is the same plain file name on every system."""
    return bool(_PLAIN.fullmatch(name)) and not name.endswith(".") and not _DEVICES.fullmatch(name)


@dataclass(frozen=True)
class FolderArea:
    """An area that is a folder here: a mounted share, or a stick. `root`: the recipient's own folder in it."""

    root: Path

    @property
    def _top(self) -> Path:
        """In an area behind SFTP, deliveries have a folder of their own beside the inbox."""
        apart = self.root / "deliveries"
        return apart if apart.is_dir() else self.root

    def names(self, folder: Where) -> tuple[str, ...]:
        """What lies in a folder."""
        with _reaching(self.root):
            if not self.root.is_dir():
                raise FileNotFoundError(2, "not there")
            path = self._top.joinpath(*folder)
            return tuple(sorted(p.name for p in path.iterdir() if is_plain(p.name))) if path.is_dir() else ()

    def size(self, file: Where) -> int | None:
        """Bytes of a file."""
        path = self._top.joinpath(*file)
        with _reaching(self.root):
            return path.stat().st_size if path.is_file() and not path.is_symlink() else None

    def read(self, file: Where, offset: int) -> Iterator[bytes]:
        """The bytes from `offset` on."""
        with _reaching(self.root), open_regular(self._top.joinpath(*file)) as stream:
            stream.seek(offset)
            while piece := stream.read(PIECE_BYTES):
                yield piece

    def put(self, name: str, data: bytes) -> None:
        """Puts a file into the inbox. Raises DropZoneUnreachable if there is none."""
        target = self.root / INBOX / name
        unfinished = target.with_name(f".{name}.unfinished")
        with _reaching(self.root):
            unfinished.write_bytes(data)
            unfinished.replace(target)


def open_area(address: str, login_key: Path | None = None, known_hosts: Path | None = None) -> Area:
    """The area at an address: a folder's path, or sftp://account@host:port with the two files that this needs.

    Raises UsageError for an address that no kind of area has, and where one of the files is not named.
    """
    if "://" not in address:
        return FolderArea(Path(address))
    if problem := address_problem(address):
        raise UsageError(
            f"The transfer area's address {problem}.",
            advice="Give sftp://account@host:port, or the folder in which your deliveries lie.",
        )
    if login_key is None or known_hosts is None:
        raise UsageError(
            "An area behind SFTP needs --login-key and --known-hosts.",
            advice="Give both: the key logs you in; the other file holds the server's host key, from its operator.",
        )
    from extracts.handover.collection.sftp_area import SftpArea

    at = read_address(address, login_key, known_hosts)
    return SftpArea(replace(at, key_from="--login-key", pins_from="--known-hosts"))


@contextmanager
def _reaching(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        code = os.strerror(error.errno) if error.errno else "no code"
        raise DropZoneUnreachable(
            f"The transfer area {root} cannot be read or written ({code}).",
            advice="Is it the folder with your deliveries and your inbox, and is it mounted? Then run it again.",
        ) from None
