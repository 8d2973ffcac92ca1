"""The people behind treated rows, known only by marks: for k-anonymity, for counts, and for the membership index.

A mark is the first 64 bits of a person's CMAC under the controller's membership key; it never leaves with the rows.
One entry per row and person: the mark, whether the row is about them (its subject), and the row's quasi-identifiers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from extracts.extraction.spool import Spool, by_hash

if TYPE_CHECKING:
    import polars

MARK, SUBJECT = "_mark", "_subject"
_ENTRY_BYTES = 200  # with what joining and sorting take


def entry_bytes() -> int:
    """About how large one entry is, for choosing buckets."""
    return _ENTRY_BYTES


class People:
    """Entries on disk, in buckets by mark: everything about one person is in one bucket."""

    def __init__(self, folder: Path, buckets: int, quasi_identifiers: tuple[str, ...]) -> None:
        self.quasi_identifiers = quasi_identifiers
        self.spool = Spool(folder, buckets)

    def write(self, rows: pa.RecordBatch, marks: list[pa.Array]) -> None:
        """Add the people of a batch of treated rows; the first of `marks` are the subjects'."""
        groups = [rows.column(name) for name in self.quasi_identifiers]
        for number, mark in enumerate(marks):
            subject = pa.array(np.full(len(mark), number == 0))
            batch = pa.record_batch([mark, subject, *groups], names=[MARK, SUBJECT, *self.quasi_identifiers])
            keys = pc.fill_null(mark, 0).to_numpy(zero_copy_only=False)
            self.spool.write(batch, by_hash(keys, self.spool.buckets))

    def frames(self) -> Iterator[polars.DataFrame]:
        """The entries, bucket by bucket; buckets follow one another by mark."""
        import polars

        for number in range(self.spool.buckets):
            table = self.spool.read(number)
            if table is not None:
                frame = polars.from_arrow(table)
                assert isinstance(frame, polars.DataFrame)
                yield frame
