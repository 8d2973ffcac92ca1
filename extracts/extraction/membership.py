"""The controller's index of whose records were in an extract, and who was left out of it and why.

Rules:
1. It answers one question, for one person at a time: who received this person's record? It holds no identifier, only
   marks (CMACs under a key of its own, which no recipient and no agreement has).
2. Everybody whom a row is about counts: a partner on a claim as well as the claimant.
3. The file is for the controller alone: the caller encrypts it at once, and removes this clear one.
4. 64 bits of a mark are kept: in an index of 5 million people, a person who is not in it seems to be once in 10^12.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from extracts.errors import UsageError
from extracts.extraction.people import MARK, SUBJECT, People
from extracts.extraction.pseudonym import PERSON_KIND, pseudonym
from extracts.extraction.small_cells import SmallGroups, in_small_group
from extracts.extraction.spool import Numbers

if TYPE_CHECKING:
    import polars

INCLUDED, SMALL_GROUP = "included", "small group"
_WORD = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema([("mark", pa.uint64()), ("dataset", _WORD), ("why", _WORD)])


@dataclass(frozen=True, order=True)
class Membership:
    """One person's part in one dataset of an extract: `included`, or why they were left out."""

    dataset: str
    why: str


class IndexWriter:
    """Writes the index of one extract, dataset by dataset."""

    def __init__(self, path: Path) -> None:
        how = {"compression": "zstd", "store_schema": False, "use_dictionary": ["dataset", "why"]}
        self._writer = parquet.ParquetWriter(path, _SCHEMA, **how)

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def add(self, dataset: str, people: People, small: SmallGroups, left_out: pa.Table) -> int:
        """Add a dataset's people, each once per reason; how many subjects are included.

        left_out: marks and reasons of those whom the source left out.
        """
        import polars as pl

        subjects = 0
        for frame in people.frames():
            withheld = pl.Series(in_small_group(frame, small))
            included = frame.filter(~withheld) if len(small) else frame
            everyone = _distinct(included[MARK])
            about = included[SUBJECT]
            subjects += len(everyone) if about.all() else len(_distinct(included.filter(about)[MARK]))
            self._write(dataset, INCLUDED, everyone)
            self._write(dataset, SMALL_GROUP, _distinct(frame.filter(withheld)[MARK]))
        for why in left_out.column("why").unique().to_pylist():
            rows = left_out.filter(pc.equal(left_out.column("why"), why))
            self._write(dataset, why, _distinct(pl.Series(rows.column("mark"))))
        return subjects

    def _write(self, dataset: str, why: str, marks: Numbers) -> None:
        zeros = pa.repeat(pa.scalar(0, pa.int32()), len(marks))
        words = [pa.DictionaryArray.from_arrays(zeros, [word]) for word in (dataset, why)]
        if len(marks):
            self._writer.write_table(pa.table([pa.array(marks), *words], schema=_SCHEMA))


def _distinct(marks: polars.Series) -> Numbers:
    """Each mark once, rising. Sorting machine numbers is quicker than hashing them."""
    ordered = np.sort(marks.drop_nulls().to_numpy())
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def mark(key: str, person: str) -> int:
    """What stands for a person in the index. Raises UsageError for a blank."""
    found = pseudonym(key, PERSON_KIND, person)
    if found is None:
        raise UsageError("A person's identifier is needed to look them up.")
    return int(found[:16], 16)


def lookup(index: Path, key: str, person: str) -> tuple[Membership, ...]:
    """What the decrypted index of one extract says of a person; empty if they were not even considered."""
    found = parquet.read_table(index, filters=[("mark", "=", pa.scalar(mark(key, person), pa.uint64()))])
    return tuple(sorted(Membership(row["dataset"], row["why"]) for row in found.to_pylist()))
