"""Reads the footer of a Parquet file while it streams past: columns, types and rows, with the clear file kept nowhere.

The footer is at the end, so the last few MB suffice. pyarrow reads it; without pyarrow this check is not made.
"""

from __future__ import annotations

import io
from collections import deque
from dataclasses import dataclass

from extracts.agreement.plan import PlannedDataset
from extracts.catalogue.contract import ColumnType
from extracts.errors import VerificationFailed

KEPT_BYTES = 8 << 20


class Tail:
    """A sink that remembers the last `KEPT_BYTES` of what it is given."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._kept = 0
        self.total = 0

    def write(self, data: bytes, /) -> int:
        """Takes the next piece."""
        self._pieces.append(bytes(data))
        self._kept += len(data)
        self.total += len(data)
        while self._kept - len(self._pieces[0]) >= KEPT_BYTES:
            self._kept -= len(self._pieces.popleft())
        return len(data)

    def file(self) -> Window:
        """The end of the file, to be read as if it were the whole."""
        return Window(b"".join(self._pieces), self.total)


class Window(io.RawIOBase):
    """A file of `size` bytes of which only the last are there."""

    def __init__(self, tail: bytes, size: int) -> None:
        self._tail, self._size, self._at = tail, size, 0
        self.asked_for_more = False

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Position in the whole file."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Moves in the whole file."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes. Raises OSError for those that were not kept."""
        start = self._at - (self._size - len(self._tail))
        if start < 0:
            self.asked_for_more = True
            raise OSError(0, "the footer is larger than what was kept")
        data = self._tail[start:] if size is None or size < 0 else self._tail[start : start + size]
        self._at += len(data)
        return data


@dataclass(frozen=True)
class Footer:
    """What a Parquet file says of itself: (name, type) in order, and rows."""

    columns: tuple[tuple[str, str], ...]
    rows: int


class FooterNotReadable(Exception):
    """The footer could not be looked at; says why. Nothing is known about the file then."""


def read_footer(tail: Tail) -> Footer:
    """The footer. Raises FooterNotReadable if it cannot be looked at here, VerificationFailed if there is none."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise FooterNotReadable("pyarrow is not installed (pip install pyarrow)") from None
    window = tail.file()
    try:
        found = parquet.read_metadata(window)
        schema = found.schema.to_arrow_schema()
    except (OSError, ValueError, pyarrow.ArrowException):
        if window.asked_for_more:
            raise FooterNotReadable(f"its footer is larger than {KEPT_BYTES} bytes") from None
        raise VerificationFailed("is not a readable Parquet file", advice="Collect the delivery again.") from None
    return Footer(tuple((f.name, str(f.type)) for f in schema), found.num_rows)


def planned_columns(planned: PlannedDataset) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(name, types that are right for it) of every planned column, in order, in pyarrow's words."""
    return tuple((c.name, _arrow_types(c.delivered_type, c.precision, c.scale)) for c in planned.columns)


def _arrow_types(kind: ColumnType, precision: int, scale: int) -> tuple[str, ...]:
    return {
        ColumnType.STRING: ("string", "large_string"),
        ColumnType.INTEGER: ("int64", "int32", "int16"),
        ColumnType.DECIMAL: (f"decimal128({precision}, {scale})",),
        ColumnType.DATE: ("date32[day]",),
        ColumnType.TIMESTAMP: ("timestamp[us, tz=UTC]", "timestamp[us]"),
        ColumnType.BOOLEAN: ("bool",),
    }[kind]
