"""Reads a delivery folder for verification: every entry, each file's digest, and the documents among them.

Rules:
1. Only regular files directly in the folder count; a link, folder or device is reported, never followed.
2. A document is hashed from the very bytes that are judged later; data files pass through in pieces.
3. Names are shown so that they cannot steer a terminal.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from extracts.canonical import digest_bytes
from extracts.errors import UsageError
from extracts.handover.files import open_regular
from extracts.handover.statement import MAX_BYTES

_DOCUMENTS = (".json", ".sig", ".yaml", "SHA256SUMS")
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Contents:
    """A delivery as found. `odd` says of an entry why it is no file."""

    digests: Mapping[str, str]
    documents: Mapping[str, bytes]
    odd: Mapping[str, str]


def read_contents(folder: Path) -> Contents:
    """Everything in `folder`. Raises UsageError if it is no folder or cannot be read."""
    digests: dict[str, str] = {}
    documents: dict[str, bytes] = {}
    odd: dict[str, str] = {}
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be read as a folder ({error.strerror}).",
            advice="Name a delivery's folder, or its agreement's.",
        ) from None
    for name in names:
        try:
            with open_regular(folder / name) as stream:
                if name.endswith(_DOCUMENTS) and os.fstat(stream.fileno()).st_size <= MAX_BYTES:
                    documents[name] = stream.read()
                    digests[name] = digest_bytes(documents[name])
                else:
                    digests[name] = _digest(stream)
        except OSError as error:
            odd[name] = f"cannot be read as a file ({error.strerror})"
    return Contents(digests, documents, odd)


def shown(name: str) -> str:
    """A file's name as it may be printed."""
    return name if name.isprintable() else ascii(name)


def _digest(stream: BinaryIO) -> str:
    sha = hashlib.sha256()
    while piece := stream.read(_PIECE_BYTES):
        sha.update(piece)
    return "sha256:" + sha.hexdigest()
