"""The small source's twin in an SQLite file: the same rows under the same names, as a database of another kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from extracts.agreement.plan import ExtractPlan
from extracts.catalogue.contract import ColumnType, Dataset, SourceKind
from extracts.catalogue.view import view_digest
from extracts.extraction.sources.handed_out import CONTROL_COLUMNS
from extracts.extraction.sources.sqlalchemy_source import SqlSource, open_sql_source
from tests.support.small_source import SmallSource, with_columns

_TYPES = {
    ColumnType.STRING: "TEXT",
    ColumnType.INTEGER: "INTEGER",
    ColumnType.DECIMAL: "NUMERIC",
    ColumnType.DATE: "TEXT",
    ColumnType.TIMESTAMP: "TEXT",
    ColumnType.BOOLEAN: "INTEGER",
}


@dataclass
class SqliteSource:
    """One file with one dataset, and the control relations."""

    path: Path
    dataset: Dataset

    @property
    def address(self) -> str:
        return f"sqlite:///{self.path}"

    @property
    def datasets(self) -> Mapping[str, Dataset]:
        return {self.dataset.name: self.dataset}

    def plan(self, plan: ExtractPlan) -> ExtractPlan:
        """`plan`, approved of this file's view."""
        return with_columns(plan, view_digest=self.dataset.view_digest)

    def enter(self, plan: ExtractPlan) -> SqlSource:
        return open_sql_source(self.plan(plan), self.datasets, self.address, allow_query=True)

    def execute(self, statement: str, *values: Any) -> None:
        """One statement, at once."""
        with self.connected() as connection:
            connection.execute(statement, values)

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                yield connection
        finally:
            connection.close()


def a_twin(source: SmallSource, path: Path, name: str = "pension_credit_award") -> SqliteSource:
    """What `source` shows of a dataset now, in a new file."""
    return a_copy(source.datasets[name], path, source.database.rows)


def a_copy(dataset: Dataset, path: Path, shown: Callable[[str], Iterable[Any]]) -> SqliteSource:
    """A dataset and its control relations in a new file. shown: what a query of the PostgreSQL source gives."""
    view = view_of(dataset)
    facts: dict[str, Any] = {"source_kind": SourceKind.SQLALCHEMY, "view_digest": view_digest(view)}
    twin = SqliteSource(path, replace(dataset, deployed_view_digest="", **facts))
    with twin.connected() as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        columns = [c.name for c in dataset.columns]
        typed = ", ".join(f"{c.name} {_TYPES[c.type]}" for c in dataset.columns)
        connection.execute(f"CREATE TABLE base_rows ({typed})")
        _copy(connection, "base_rows", columns, shown(f"SELECT {', '.join(columns)} FROM {dataset.relation}"))
        connection.execute(view.replace("curated.", "", 1))
        for control, names in CONTROL_COLUMNS.items():
            connection.execute(f"CREATE TABLE {control} ({', '.join(names)})")
            _copy(connection, control, list(names), shown(f"SELECT {', '.join(names)} FROM curated.{control}"))
    return twin


def view_of(dataset: Dataset) -> str:
    """Its view.sql there."""
    return (
        f"CREATE VIEW {dataset.relation} AS SELECT {', '.join(f'b.{c.name}' for c in dataset.columns)} FROM base_rows b"
    )


def _copy(connection: sqlite3.Connection, table: str, columns: list[str], rows: Any) -> None:
    marks = ", ".join("?" * len(columns))
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", [tuple(map(_stored, row)) for row in rows])


def _stored(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
