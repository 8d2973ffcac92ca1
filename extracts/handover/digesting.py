"""Streams that hash and count what passes through them.

They also keep the error of the disk behind them: the encryption library turns errors into text, and text must not be
what decides.
"""

from __future__ import annotations

import hashlib
from typing import Any, Protocol


class Sink(Protocol):
    """Whatever takes bytes."""

    def write(self, data: bytes, /) -> int: ...


class _Digesting:
    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._sha = hashlib.sha256()
        self.bytes = 0
        self.error: OSError | None = None

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of all that passed."""
        return "sha256:" + self._sha.hexdigest()

    def _passed(self, data: bytes) -> None:
        self._sha.update(data)
        self.bytes += len(data)


class DigestingReader(_Digesting):
    """Reads from a stream."""

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        try:
            data: bytes = self._stream.read(size)
        except OSError as error:
            self.error = error
            raise
        self._passed(data)
        return data


class DigestingWriter(_Digesting):
    """Writes to a stream."""

    def write(self, data: bytes) -> int:
        """Takes the next bytes."""
        try:
            self._stream.write(data)
        except OSError as error:
            self.error = error
            raise
        self._passed(data)
        return len(data)

    def flush(self) -> None:
        """Asked for by the library; whoever owns the stream flushes and syncs it."""
