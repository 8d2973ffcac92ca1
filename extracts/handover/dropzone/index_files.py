"""index.json and its signature: read together, and replaced so that they fit each other at every moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from extracts.errors import VerificationFailed
from extracts.handover.dropzone.index import (
    INDEX,
    INDEX_SIGNATURE,
    Index,
    IndexSigner,
    read_signed_index,
    signature_blocks,
)
from extracts.handover.dropzone.interface import Passing
from extracts.handover.dropzone.publishing import FILE_MODE
from extracts.handover.files import write_file


class Shelf(Protocol):
    """Where the two files of an agreement lie. The caller turns its errors into our words."""

    def read(self, name: str) -> bytes | None:
        """The file's bytes; None if it is not there."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """The file holds `data`, or what it held before: replaced in one act."""
        ...


@dataclass(frozen=True)
class FolderShelf:
    """On a disk. `unfinished`: a place on the same file system that no recipient sees."""

    folder: Path
    unfinished: Path

    def read(self, name: str) -> bytes | None:
        """See Shelf."""
        path = self.folder / name
        return path.read_bytes() if path.exists() else None

    def put(self, name: str, data: bytes) -> None:
        """See Shelf."""
        write_file(self.folder / name, data, FILE_MODE, self.unfinished)


@dataclass(frozen=True)
class IndexFiles:
    """The index of an agreement. The caller keeps other publishers away."""

    shelf: Shelf
    signer: IndexSigner
    passing: Passing

    def read(self) -> Index | None:
        """The index, if there is one. Raises VerificationFailed if it is not ours."""
        data = self.shelf.read(INDEX)
        return None if data is None else read_signed_index(data, self._signatures(), self.signer.check)

    def write(self, index: Index) -> None:
        """Replaces both; whoever is killed in between leaves an index that verifies."""
        data = index.text()
        old, new = self._fitting(), self.signer.sign(data).encode()
        self.shelf.put(INDEX_SIGNATURE, old + new)
        self.passing("index signed")
        self.shelf.put(INDEX, data)
        self.passing("index written")
        self.shelf.put(INDEX_SIGNATURE, new)
        self.passing("done")

    def tidy(self) -> None:
        """Of two signatures that a killed publisher left, keeps the one that fits; ssh-keygen would read the other."""
        if len(signature_blocks(self._signatures())) > 1:
            self.shelf.put(INDEX_SIGNATURE, self._fitting())

    def _fitting(self) -> bytes:
        """The one signature that fits the index as it is; nothing if there is none."""
        data = self.shelf.read(INDEX)
        if data is None:
            return b""
        for block in signature_blocks(self._signatures()):
            try:
                read_signed_index(data, block.encode(), self.signer.check)
            except VerificationFailed:
                continue
            return block.encode()
        return b""

    def _signatures(self) -> bytes:
        return self.shelf.read(INDEX_SIGNATURE) or b""
