"""index.json and its signature on a disk: read together, and replaced so that they fit each other at every moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class IndexFiles:
    """The two files in an agreement's `folder`. `unfinished`: a place on the same file system that no recipient sees.

    The caller holds the agreement's lock, and turns OSError into our words.
    """

    folder: Path
    unfinished: Path
    signer: IndexSigner
    passing: Passing

    def read(self) -> Index | None:
        """The index, if there is one. Raises VerificationFailed if it is not ours."""
        if not (self.folder / INDEX).exists():
            return None
        return read_signed_index((self.folder / INDEX).read_bytes(), self._signatures(), self.signer.check)

    def write(self, index: Index) -> None:
        """Replaces both; whoever is killed in between leaves an index that verifies."""
        data = index.text()
        old, new = self._fitting(), self.signer.sign(data).encode()
        self._put(INDEX_SIGNATURE, old + new)
        self.passing("index signed")
        self._put(INDEX, data)
        self.passing("index written")
        self._put(INDEX_SIGNATURE, new)
        self.passing("done")

    def tidy(self) -> None:
        """Of two signatures that a killed publisher left, keeps the one that fits; ssh-keygen would read the other."""
        if len(signature_blocks(self._signatures())) > 1:
            self._put(INDEX_SIGNATURE, self._fitting())

    def _fitting(self) -> bytes:
        """The one signature that fits the index as it is; nothing if there is none."""
        if not (self.folder / INDEX).exists():
            return b""
        data = (self.folder / INDEX).read_bytes()
        for block in signature_blocks(self._signatures()):
            try:
                read_signed_index(data, block.encode(), self.signer.check)
            except VerificationFailed:
                continue
            return block.encode()
        return b""

    def _signatures(self) -> bytes:
        path = self.folder / INDEX_SIGNATURE
        return path.read_bytes() if path.exists() else b""

    def _put(self, name: str, data: bytes) -> None:
        write_file(self.folder / name, data, FILE_MODE, self.unfinished)
