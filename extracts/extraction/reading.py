"""Reads a plan's rows out of one snapshot and treats them on the way: untreated values touch no disk.

Rules:
1. DuckDB reads the agreement's rows (`Source.rows`) and applies every treatment but pseudonyms; these are made batch
   by batch, by compiled code, from the identifiers that it hands over. A batch is in memory for moments.
2. What is kept are the planned columns, treated, and beside them the people of each row as marks (`people`), by which
   people are counted and the membership index is made. Nothing else is kept.
3. The address names a passfile; no password is in any statement.
4. Where there are several recipients, the source says beside each row whose it is (`_share`), and a batch is parted by
   that before anything is made of it: each part has a key, rows and people of its own. A row that is nobody's stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from extracts.agreement.plan import ExtractPlan, Period, PlannedDataset
from extracts.catalogue.contract import ColumnType, Dataset
from extracts.errors import CheckFailed
from extracts.extraction.duckdb_session import EngineSettings
from extracts.extraction.messages import messages
from extracts.extraction.ordering import KEY, Sample, key_buckets, leading_pseudonym, order_columns, sort_into
from extracts.extraction.people import People, entry_bytes
from extracts.extraction.pseudonym import PERSON_KIND, pseudonyms
from extracts.extraction.repeated import Repeated
from extracts.extraction.small_cells import asks_for_k
from extracts.extraction.sources.interface import Source
from extracts.extraction.sources.literals import text_array
from extracts.extraction.sources.rows import column_types, has_period, on_date, until_date, within
from extracts.extraction.sources.view_sql import SHARE, data_of, planned_dataset
from extracts.extraction.spool import Spool, ahead, bucket_count
from extracts.extraction.treatment_sql import file_schema, treated
from extracts.extraction.values import Snapshot

if TYPE_CHECKING:
    import duckdb

_BATCH_ROWS = 100_000
_IDENTIFIER = "_identifier_"


@dataclass(frozen=True)
class Keys:
    """The agreement's pseudonym key (empty if the plan has no pseudonym) and the controller's membership key."""

    pseudonym: str
    membership: str

    def __repr__(self) -> str:
        return "Keys(...)"


@dataclass(frozen=True)
class Part:
    """What one recipient gets: `plan` is its part, of which files are made in `staging` under these keys."""

    plan: ExtractPlan
    staging: Path
    keys: Keys


@dataclass(frozen=True)
class Treated:
    """One dataset's treated rows in buckets, and their people. repeated: columns that are dictionaries there."""

    rows: Spool
    people: People
    repeated: tuple[str, ...]


class _Making:
    """One part's treated rows and people of one dataset, while they are read."""

    def __init__(self, part: Part, planned: PlannedDataset, folder: Path, expected: int) -> None:
        folder.mkdir(mode=0o700)
        quasi = planned.quasi_identifiers if asks_for_k(part.plan, planned) else ()
        self.part, self.planned = part, planned
        self.people = People(folder / "people", bucket_count(expected * len(planned.persons), entry_bytes()), quasi)
        self.rows = Spool(folder / "rows", bucket_count(expected, _row_bytes(planned)))
        self.repeated = Repeated(planned)
        self.sample = None if leading_pseudonym(planned) else Sample(order_columns(planned)[0])
        self.unsorted = Spool(folder / "unsorted", 1) if self.sample else None

    def add(self, batch: pa.RecordBatch) -> None:
        """Treat a batch as it was read, and keep it; its people are written on the way."""
        rows, marks = self._treated(batch)
        self.people.write(rows, marks)
        if self.sample is None or self.unsorted is None:
            self.rows.write(rows, key_buckets(rows.column(KEY), self.rows.buckets))
        else:
            self.sample.add(rows)
            self.unsorted.write(rows)

    def close(self) -> None:
        """All of it was read."""
        self.people.spool.close()
        if self.sample is not None and self.unsorted is not None:
            self.unsorted.close()
            sort_into(self.rows, self.unsorted, self.sample.column, self.sample.limits(self.rows.buckets))
        self.rows.close()

    def _treated(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[pa.Array]]:
        """Treated rows, with the hidden key if a pseudonym leads, and the marks of their people."""
        planned, keys = self.planned, self.part.keys
        hashed = [c for c in planned.columns if c.treatment_name == "pseudonymise"]
        kinds = [(c.identifier_kind, c.source) for c in hashed] + [(PERSON_KIND, p) for p in planned.persons]
        schema, leading = file_schema(planned), leading_pseudonym(planned)
        said = {(k, s): messages(k, batch.column(f"{_IDENTIFIER}{s}")) for k, s in set(kinds)}
        given = [said[k] for k in kinds]
        made, numbers = pseudonyms(keys.pseudonym, given[: len(hashed)])
        _, marks = pseudonyms(keys.membership, given[len(hashed) :], text=False)
        found = dict(zip((c.name for c in hashed), zip(made, numbers, strict=True), strict=True))
        values = [found[n][0] if n in found else batch.column(n) for n in schema.names]
        rows = self.repeated.kept(pa.record_batch(values, schema=schema))
        return (rows.append_column(KEY, found[leading][1]) if leading else rows), marks


@dataclass(frozen=True)
class Reader:
    """A DuckDB that is attached to the source inside one snapshot."""

    connection: duckdb.DuckDBPyConnection
    source: Source
    plan: ExtractPlan
    parts: tuple[Part, ...]
    period: Period
    snapshot: Snapshot

    def read(self, dataset: Dataset, folder: Path, expected: tuple[int, ...]) -> tuple[Treated, ...]:
        """Read and treat one dataset into `folder`. expected: about how many rows there are of each part."""
        planned = planned_dataset(self.plan, dataset.name)
        made = tuple(
            _Making(part, planned, folder / str(number), rows)
            for number, (part, rows) in enumerate(zip(self.parts, expected, strict=True))
        )
        try:
            for batch in ahead(self._stream(self._select(planned, dataset))):
                for making, theirs in self._parted(batch, made):
                    making.add(theirs)
        finally:
            for making in made:
                making.close()
        return tuple(Treated(m.rows, m.people, m.repeated.names) for m in made)

    def _parted(self, batch: pa.RecordBatch, made: tuple[_Making, ...]) -> Iterator[tuple[_Making, pa.RecordBatch]]:
        """Whose rows are whose. Raises CheckFailed for one that is nobody's."""
        if self.plan.division is None:
            yield made[0], batch
            return
        numbers = pc.index_in(batch.column(SHARE), pa.array([m.part.plan.recipient for m in made]))
        if numbers.null_count:
            raise CheckFailed(
                f"{self.plan.request_id}: the source handed out {numbers.null_count} rows that are nobody's.",
                advice="Nothing was delivered. Tell whoever maintains this software.",
            )
        grouped = batch.take(pc.sort_indices(numbers))
        counts = np.bincount(numbers.to_numpy(), minlength=len(made))
        for making, end, count in zip(made, np.cumsum(counts), counts, strict=True):
            if count:
                yield making, grouped.slice(int(end - count), int(count))

    def _select(self, planned: PlannedDataset, dataset: Dataset) -> str:
        """The treated columns but pseudonyms, the identifiers of which these and marks are made, and whose it is."""
        on = self.snapshot.at.date()
        hashed = [c.source for c in planned.columns if c.treatment_name == "pseudonymise"]
        columns = [f'{treated(c, on)} AS "{c.name}"' for c in planned.columns if c.treatment_name != "pseudonymise"] + [
            f'CAST("{i}" AS VARCHAR) AS "{_IDENTIFIER}{i}"' for i in dict.fromkeys([*hashed, *planned.persons])
        ]
        columns += [SHARE] if self.plan.division else []
        return f"SELECT {', '.join(columns)} FROM {self._query(planned, dataset)}"

    def _stream(self, select: str) -> Iterator[pa.RecordBatch]:
        yield from self.connection.execute(select).to_arrow_reader(_BATCH_ROWS)

    def _query(self, planned: PlannedDataset, dataset: Dataset) -> str:
        view = data_of(self.plan, dataset)
        columns = ", ".join(f"d.{c}" for c in view.columns)
        query = f"SELECT {columns} FROM {self._from(self.source.reading(view))}"
        types, tests = column_types(dataset), []
        if has_period(planned):
            tests.append(within(self.period, on_date(planned, types), until_date(planned, types)))
        if self.plan.division:
            due = text_array(tuple(part.plan.recipient for part in self.parts))
            tests.append(f"d.{SHARE} = ANY ({due})")
        return self.source.rows(query + (f" WHERE {' AND '.join(tests)}" if tests else ""))

    @staticmethod
    def _from(relation: str) -> str:
        return f"{relation.removesuffix(' AS v')} AS d"


@contextmanager
def open_reader(
    source: Source,
    plan: ExtractPlan,
    parts: tuple[Part, ...],
    period: Period,
    snapshot: Snapshot,
    settings: EngineSettings,
) -> Iterator[Reader]:
    """A reader inside `snapshot`, which must be held by its exporter while the block lasts."""
    with source.reader(snapshot, settings.memory_limit_mb) as connection:
        yield Reader(connection, source, plan, parts, period, snapshot)


def _row_bytes(planned: PlannedDataset) -> int:
    return sum(28 if c.delivered_type is ColumnType.STRING else 10 for c in planned.columns)
