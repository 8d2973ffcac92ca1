"""Notices as text files in a folder: for a mail gateway that polls it, or for people who look.

Rules:
1. One file per notice, named by its id; whole or not there (written beside, then renamed).
2. The same notice again is the same file, so here "at least once" is once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from extracts.errors import ChannelUnreachable
from extracts.mail.channel import Letter


@dataclass(frozen=True)
class FolderChannel:
    """A folder, made when it is needed (0750)."""

    folder: Path
    name: str = "folder"

    def check(self) -> None:
        """Any folder will do; that it can be written is seen when it is."""

    @contextmanager
    def open(self) -> Iterator[FolderChannel]:
        """Make sure that it is there. Raises ChannelUnreachable."""
        try:
            self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as error:
            raise self._failed(error) from None
        yield self

    def send(self, letter: Letter) -> None:
        """Write the file. Raises ChannelUnreachable if the folder does not take it."""
        path = self.folder / f"{letter.id}.txt"
        temporary = self.folder / f".{letter.id}.{os.getpid()}"
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as stream:
                stream.write(_text(letter).encode())
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> ChannelUnreachable:
        return ChannelUnreachable(
            f"The notices' folder cannot be written (errno {error.errno}).", advice="See EXTRACTS_NOTICES_FOLDER."
        )


def _text(letter: Letter) -> str:
    head = f"To: {letter.to}\nDate: {letter.written_at:%Y-%m-%d %H:%M} UTC\nSubject: {letter.subject}"
    return f"{head}\n\n{letter.body}\n"
