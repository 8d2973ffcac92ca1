"""Treated rows on their way to order: kept on disk in buckets, each small enough to be sorted in memory.

Rules:
1. Only treated rows come here. The folder is the run's own, 0700, and is removed whatever the outcome.
2. Buckets follow one another: whatever is in bucket 3 sorts before everything in bucket 4. So memory depends on the
   size of a bucket, not on the number of rows, and nothing is ever spilled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

_MOST_BUCKETS = 250  # each is an open file while it is written
_BUCKET_BYTES = 40 << 20
_HALF = np.uint64(32)

_END: Any = object()

Numbers = np.ndarray[Any, Any]
Item = TypeVar("Item")


def bucket_count(rows: int, row_bytes: int) -> int:
    """How many buckets this many rows of about this size need."""
    return min(_MOST_BUCKETS, 1 + rows * row_bytes // _BUCKET_BYTES)


def by_hash(keys: Numbers, buckets: int) -> Numbers:
    """The bucket of each 64-bit key, where keys are spread evenly: equal parts of the range, in order."""
    return ((keys >> _HALF) * np.uint64(buckets)) >> _HALF


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; the next is fetched in a thread of its own while the caller is busy with this one."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = worker.submit(next, items, _END)
            yield item


class Spool:
    """Rows in numbered buckets. Write batches in any order, close, then read bucket after bucket."""

    def __init__(self, folder: Path, buckets: int) -> None:
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.buckets = buckets
        self.rows = 0
        self._writers: dict[int, pa.RecordBatchStreamWriter] = {}

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Nothing more comes."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def write(self, batch: pa.RecordBatch, numbers: Numbers | None = None) -> None:
        """Add a batch. numbers: the bucket of each row; without it all go into the first."""
        self.rows += batch.num_rows
        if numbers is None or self.buckets == 1:
            self._append(0, batch)
            return
        grouped = batch.take(pa.array(np.argsort(numbers, kind="stable")))
        ends = np.cumsum(np.bincount(numbers.astype(np.int64), minlength=self.buckets))
        for number, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            if end > start:
                self._append(number, grouped.slice(int(start), int(end - start)))

    def read(self, number: int) -> pa.Table | None:
        """All rows of a bucket; None if it is empty."""
        path = self._path(number)
        if not path.exists():
            return None
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
            return stream.read_all()

    def tables(self, prepare: Callable[[pa.Table], pa.Table]) -> Iterator[pa.Table]:
        """Bucket after bucket, prepared; the next one is prepared while the caller is busy with this one."""

        tables = (self.read(number) for number in range(self.buckets))
        for table in ahead(prepare(t) for t in tables if t is not None):
            if table.num_rows:
                yield table

    def batches(self, number: int) -> Iterator[pa.RecordBatch]:
        """The batches of a bucket, one after the other."""
        path = self._path(number)
        if path.exists():
            with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
                yield from stream

    def _append(self, number: int, batch: pa.RecordBatch) -> None:
        if number not in self._writers:
            self._writers[number] = pa.ipc.new_stream(str(self._path(number)), batch.schema)
        self._writers[number].write_batch(batch)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.arrow"
