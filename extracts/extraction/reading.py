"""Reads a plan's rows out of one snapshot and treats them on the way: untreated values touch no disk.

Rules:
1. DuckDB reads the agreement's rows (`Source.rows`) and applies every treatment but pseudonyms; these are made batch
   by batch, by compiled code, from the identifiers that it hands over. A batch is in memory for moments.
2. What is kept are the planned columns, treated, and beside them the people of each row as marks (`people`), by which
   people are counted and the membership index is made. Nothing else is kept.
3. The address names a passfile; no password is in any statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from extracts.agreement.plan import ExtractPlan, Period, PlannedDataset
from extracts.catalogue.contract import ColumnType, Dataset
from extracts.extraction.duckdb_session import EngineSettings
from extracts.extraction.messages import messages
from extracts.extraction.ordering import KEY, Sample, key_buckets, leading_pseudonym, order_columns, sort_into
from extracts.extraction.people import People, entry_bytes
from extracts.extraction.pseudonym import PERSON_KIND, pseudonyms
from extracts.extraction.repeated import Repeated
from extracts.extraction.small_cells import asks_for_k
from extracts.extraction.sources.interface import Source
from extracts.extraction.sources.rows import column_types, has_period, on_date, until_date, within
from extracts.extraction.sources.view_sql import data_of
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
class Treated:
    """One dataset's treated rows in buckets, and their people. repeated: columns that are dictionaries there."""

    rows: Spool
    people: People
    repeated: tuple[str, ...]


@dataclass(frozen=True)
class Reader:
    """A DuckDB that is attached to the source inside one snapshot."""

    connection: duckdb.DuckDBPyConnection
    source: Source
    plan: ExtractPlan
    period: Period
    snapshot: Snapshot
    keys: Keys

    def read(self, dataset: Dataset, folder: Path, expected: int) -> Treated:
        """Read and treat one dataset into `folder`. expected: about how many rows there are."""
        planned = {d.dataset: d for d in self.plan.datasets}[dataset.name]
        quasi = planned.quasi_identifiers if asks_for_k(self.plan, planned) else ()
        people = People(folder / "people", bucket_count(expected * len(planned.persons), entry_bytes()), quasi)
        rows = Spool(folder / "rows", bucket_count(expected, _row_bytes(planned)))
        repeated = Repeated(planned)
        with people.spool, rows:
            if leading_pseudonym(planned):
                for batch in self._batches(planned, dataset, people, repeated):
                    rows.write(batch, key_buckets(batch.column(KEY), rows.buckets))
            else:
                batches = self._batches(planned, dataset, people, repeated)
                _sorted_by_value(batches, order_columns(planned)[0], rows, folder / "unsorted")
        return Treated(rows, people, repeated.names)

    def _batches(
        self, planned: PlannedDataset, dataset: Dataset, people: People, repeated: Repeated
    ) -> Iterator[pa.RecordBatch]:
        """Treated rows, with the hidden key if a pseudonym leads; their people are written on the way."""
        hashed = [c for c in planned.columns if c.treatment_name == "pseudonymise"]
        kinds = [(c.identifier_kind, c.source) for c in hashed] + [(PERSON_KIND, p) for p in planned.persons]
        schema, leading = file_schema(planned), leading_pseudonym(planned)
        for batch in ahead(self._stream(self._select(planned, dataset, [s for _, s in kinds]))):
            said = {(k, s): messages(k, batch.column(f"{_IDENTIFIER}{s}")) for k, s in set(kinds)}
            given = [said[k] for k in kinds]
            made, keys = pseudonyms(self.keys.pseudonym, given[: len(hashed)])
            _, marks = pseudonyms(self.keys.membership, given[len(hashed) :], text=False)
            found = dict(zip((c.name for c in hashed), zip(made, keys, strict=True), strict=True))
            values = [found[n][0] if n in found else batch.column(n) for n in schema.names]
            rows = repeated.kept(pa.record_batch(values, schema=schema))
            people.write(rows, marks)
            yield rows.append_column(KEY, found[leading][1]) if leading else rows

    def _select(self, planned: PlannedDataset, dataset: Dataset, identifiers: list[str]) -> str:
        """The treated columns but pseudonyms, and the identifiers of which these and marks are made."""
        on = self.snapshot.at.date()
        columns = [f'{treated(c, on)} AS "{c.name}"' for c in planned.columns if c.treatment_name != "pseudonymise"] + [
            f'CAST("{i}" AS VARCHAR) AS "{_IDENTIFIER}{i}"' for i in dict.fromkeys(identifiers)
        ]
        return f"SELECT {', '.join(columns)} FROM {self._query(planned, dataset)}"

    def _stream(self, select: str) -> Iterator[pa.RecordBatch]:
        yield from self.connection.execute(select).to_arrow_reader(_BATCH_ROWS)

    def _query(self, planned: PlannedDataset, dataset: Dataset) -> str:
        view = data_of(self.plan, dataset)
        columns = ", ".join(f"d.{c}" for c in view.columns)
        query = f"SELECT {columns} FROM {self._from(self.source.reading(view))}"
        if has_period(planned):
            types = column_types(dataset)
            query += f" WHERE {within(self.period, on_date(planned, types), until_date(planned, types))}"
        return self.source.rows(query)

    @staticmethod
    def _from(relation: str) -> str:
        return f"{relation.removesuffix(' AS v')} AS d"


@contextmanager
def open_reader(
    source: Source, plan: ExtractPlan, period: Period, snapshot: Snapshot, keys: Keys, settings: EngineSettings
) -> Iterator[Reader]:
    """A reader inside `snapshot`, which must be held by its exporter while the block lasts."""
    with source.reader(snapshot, settings.memory_limit_mb) as connection:
        yield Reader(connection, source, plan, period, snapshot, keys)


def _sorted_by_value(batches: Iterator[pa.RecordBatch], column: str, rows: Spool, folder: Path) -> None:
    """Rows that no pseudonym leads, into buckets by the values of `column`, of which a sample is taken first."""
    sample = Sample(column)
    with Spool(folder, 1) as unsorted:
        for batch in batches:
            sample.add(batch)
            unsorted.write(batch)
    sort_into(rows, unsorted, sample.column, sample.limits(rows.buckets))


def _row_bytes(planned: PlannedDataset) -> int:
    return sum(28 if c.delivered_type is ColumnType.STRING else 10 for c in planned.columns)
