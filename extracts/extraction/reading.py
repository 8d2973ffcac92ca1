"""Reads a plan's rows out of one snapshot and treats them on the way: untreated values touch no disk.

Rules:
1. Several connections read one dataset together, each its own part by the subject's hash, all in the one snapshot.
2. What is written is what the plan names, treated, and one hidden mark per column of persons: its HMAC under the
   membership key, by which people are counted and the membership index is made. Nothing else is written.
3. The address names a passfile; no password is in any statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.agreement.plan import ExtractPlan, Period, PlannedDataset
from extracts.catalogue.contract import Dataset
from extracts.extraction.duckdb_session import EngineSettings, reading_session, text
from extracts.extraction.pseudonym import PERSON_KIND, hmac_function, message_sql
from extracts.extraction.sources.names import SCHEMA
from extracts.extraction.sources.postgres import PostgresSource, checked_snapshot
from extracts.extraction.sources.rows import column_types, has_period, on_date
from extracts.extraction.sources.view_sql import data_of, left_out_of
from extracts.extraction.treatment_sql import treated
from extracts.extraction.values import Snapshot

if TYPE_CHECKING:
    import duckdb

MARK = "_person_"
_MEMBERSHIP = "membership"


@dataclass(frozen=True)
class Keys:
    """The agreement's pseudonym key (empty if the plan has no pseudonym) and the controller's membership key."""

    pseudonym: str
    membership: str

    def __repr__(self) -> str:
        return "Keys(...)"


@dataclass(frozen=True)
class Reader:
    """A DuckDB that is attached to the source inside one snapshot."""

    connection: duckdb.DuckDBPyConnection
    source: PostgresSource
    plan: ExtractPlan
    period: Period
    on: date
    readers: int

    def write_treated(self, dataset: Dataset, path: Path) -> None:
        """Read one dataset and write its treated rows, in no order, to `path`."""
        planned = _planned(self.plan, dataset)
        columns = [f'{treated(c, self.on)} AS "{c.name}"' for c in planned.columns]
        columns += [f'{_mark(_quoted(p))} AS "{MARK}{i}"' for i, p in enumerate(planned.persons)]
        parts = " UNION ALL ".join(
            f"SELECT * FROM postgres_query('reader_{i}', {text(query)})"
            for i, query in enumerate(self._queries(planned, dataset))
        )
        self._write(f"SELECT {', '.join(columns)} FROM ({parts})", path)

    def write_left_out(self, dataset: Dataset, path: Path) -> None:
        """Write the marks of everybody who was left out, and why, to `path`."""
        view = left_out_of(self.plan, dataset)
        planned = _planned(self.plan, dataset)
        query = f"SELECT d.person, d.why FROM {self._from(self.source.reading(view))}"
        if has_period(planned):
            query += f" WHERE {self._within('d.on_date')}"
        rows = f"SELECT DISTINCT person, why FROM postgres_query('{_MEMBERSHIP}', {text(query)})"
        self._write(f'SELECT {_mark("person")} AS "{MARK}0", why FROM ({rows})', path)

    def _queries(self, planned: PlannedDataset, dataset: Dataset) -> Iterator[str]:
        view = data_of(self.plan, dataset)
        subject = f"coalesce(pg_catalog.hashtext(d.{planned.persons[0]}), 0)"
        for number in range(self.readers):
            tests = [f"abs({subject} % {self.readers}) = {number}"] if self.readers > 1 else []
            if has_period(planned):
                tests.append(self._within(on_date(planned, column_types(dataset))))
            where = f" WHERE {' AND '.join(tests)}" if tests else ""
            columns = ", ".join(f"d.{c}" for c in view.columns)
            yield f"SELECT {columns} FROM {self._from(self.source.reading(view))}{where}"

    def _within(self, day: str) -> str:
        first, last = self.period.first.isoformat(), self.period.last.isoformat()
        return f"{day} >= '{first}'::date AND {day} <= '{last}'::date"

    @staticmethod
    def _from(relation: str) -> str:
        return f"{relation.removesuffix(' AS v')} AS d"

    def _write(self, select: str, path: Path) -> None:
        # Fast and small enough: this file is read once and removed.
        self.connection.execute(f"COPY ({select}) TO {text(str(path))} (FORMAT parquet, COMPRESSION lz4)")


@contextmanager
def open_reader(
    source: PostgresSource, plan: ExtractPlan, period: Period, snapshot: Snapshot, keys: Keys, settings: EngineSettings
) -> Iterator[Reader]:
    """A reader inside `snapshot`, which must be held by its exporter while the block lasts."""
    with reading_session(settings) as connection:
        readers = {f"reader_{i}": source.role for i in range(settings.readers)}
        for name, role in {**readers, _MEMBERSHIP: source.membership_role}.items():
            address = text(source.conninfo(role))
            connection.execute(f"ATTACH {address} AS {name} (TYPE postgres, READ_ONLY, SCHEMA '{SCHEMA}')")
        _register(connection, keys)
        connection.execute("SET lock_configuration = true")
        connection.execute("BEGIN TRANSACTION")
        order = text(f"SET TRANSACTION SNAPSHOT '{checked_snapshot(snapshot.exported)}'")
        for name in (*readers, _MEMBERSHIP):
            connection.execute(f"CALL postgres_execute('{name}', {order})")
        yield Reader(connection, source, plan, period, snapshot.at.date(), settings.readers)
        connection.execute("ROLLBACK")


def _register(connection: duckdb.DuckDBPyConnection, keys: Keys) -> None:
    from duckdb.func import FunctionNullHandling, PythonUDFType

    for name, key in (("hmac", keys.pseudonym), ("membership_hmac", keys.membership)):
        if not key:  # a plan without pseudonyms has no key; using one all the same fails, since there is no function
            continue
        connection.create_function(
            name,
            hmac_function(key),
            ["VARCHAR"],
            "VARCHAR",
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,
        )


def _planned(plan: ExtractPlan, dataset: Dataset) -> PlannedDataset:
    return {d.dataset: d for d in plan.datasets}[dataset.name]


def _mark(column: str) -> str:
    return f"unhex(membership_hmac({message_sql(PERSON_KIND, column)}))"


def _quoted(column: str) -> str:
    return f'"{column}"'
