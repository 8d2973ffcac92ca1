"""The controller's index of whose records were in an extract, and who was left out of it and why.

Rules:
1. It answers one question, for one person at a time: who received this person's record? It holds no identifier, only
   marks (HMACs under a key of its own, which no recipient and no agreement has).
2. Everybody whom a row is about counts: a partner on a claim as well as the claimant.
3. The file is for the controller alone: the caller encrypts it at once, and removes this clear one.
4. 64 bits of a mark are kept: in an index of 5 million people, a person who is not in it seems to be once in 10^12.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from extracts.errors import UsageError
from extracts.extraction.people import MARK, People
from extracts.extraction.pseudonym import PERSON_KIND, pseudonym
from extracts.extraction.small_cells import SmallGroups, in_small_group

INCLUDED, SMALL_GROUP = "included", "small group"
_SCHEMA = pa.schema([("mark", pa.uint64()), ("dataset", pa.string()), ("why", pa.string())])


@dataclass(frozen=True, order=True)
class Membership:
    """One person's part in one dataset of an extract: `included`, or why they were left out."""

    dataset: str
    why: str


class IndexWriter:
    """Writes the index of one extract, dataset by dataset."""

    def __init__(self, path: Path) -> None:
        self._writer = parquet.ParquetWriter(path, _SCHEMA, compression="zstd", store_schema=False)

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
            withheld = pl.Series("why", in_small_group(frame, small))
            labelled = frame.with_columns(
                pl.when(withheld).then(pl.lit(SMALL_GROUP)).otherwise(pl.lit(INCLUDED)).alias("why")
            )
            labelled = labelled.filter(pl.col(MARK).is_not_null())
            subjects += labelled.filter(pl.col("_subject") & (pl.col("why") == INCLUDED))[MARK].n_unique()
            self._write(dataset, labelled.select(mark=MARK, why="why"))
        left = pl.from_arrow(left_out)
        assert isinstance(left, pl.DataFrame)
        self._write(dataset, left.filter(pl.col("mark").is_not_null()))
        return subjects

    def _write(self, dataset: str, frame: object) -> None:
        import polars as pl

        assert isinstance(frame, pl.DataFrame)
        entries = frame.unique().sort("mark", "why").select("mark", pl.lit(dataset).alias("dataset"), "why")
        if len(entries):
            self._writer.write_table(entries.to_arrow().cast(_SCHEMA))


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
