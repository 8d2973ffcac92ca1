"""Opens what is to be checked: one finished file, or one agreement's view of the source; and says what to select.

Rules:
1. The DuckDB that checks a file can read that file and nothing else, and writes nothing anywhere.
2. The source is entered as the agreement's role, in one read-only transaction; no address or credential is known to
   Great Expectations.
3. Only the rows of the period are looked at, where a dataset has periods.
"""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from extracts.agreement.plan import Period, PlannedDataset
from extracts.catalogue.contract import ColumnType
from extracts.extraction.sources.rows import has_period, on_date, until_date, within
from extracts.extraction.validation_release import Facts
from extracts.extraction.validation_source import SourceFacts

_CLOSED = {"temp_directory": "", "autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def open_file(path: Path, memory_limit_mb: int, threads: int) -> sa.Engine:
    """An in-memory DuckDB, within its limits, that may read only `path`."""
    engine = sa.create_engine(
        "duckdb:///:memory:",
        poolclass=StaticPool,
        hide_parameters=True,
        connect_args={"config": {"memory_limit": f"{memory_limit_mb}MB", "threads": threads, **_CLOSED}},
    )
    sa.event.listen(engine, "connect", lambda connection, _: _close(connection, path))
    return engine


def open_source(address: str) -> sa.Engine:
    """PostgreSQL as the agreement's role. Raises SourceUnreachable, SourceChanged."""
    from extracts.extraction.sources.postgres import source_errors

    with source_errors():
        connection = _enter(address)
    return sa.create_engine(
        "postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool, hide_parameters=True
    )


def file_query(path: Path) -> str:
    """Every row of the file."""
    return f"SELECT * FROM read_parquet({_literal(str(path))})"


def columns_query(path: Path) -> str:
    """Position, name and type of every column of the file."""
    described = f"(DESCRIBE {file_query(path)})"
    return f"SELECT row_number() OVER () AS position, column_name, column_type FROM {described}"


def source_query(planned: PlannedDataset, types: dict[str, ColumnType], period: Period, reading: str) -> str:
    """The rows that this delivery will be made from."""
    if not has_period(planned):
        return f"SELECT * FROM {reading}"
    limits = within(period, on_date(planned, types), until_date(planned, types))
    return f"SELECT * FROM (SELECT * FROM {reading}) d WHERE {limits}"


def facts_query(facts: Facts | SourceFacts) -> str:
    """The facts as one row."""
    return "SELECT " + ", ".join(f"{_number(value)} AS {name}" for name, value in asdict(facts).items())


def _close(connection: Any, path: Path) -> None:
    connection.execute(f"SET allowed_paths = [{_literal(str(path))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _enter(address: str) -> Any:
    import psycopg

    connection = psycopg.connect(address)
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _number(value: int | Decimal | None) -> str:
    if isinstance(value, Decimal):
        return f"{value:.3f}"
    return f"CAST({'NULL' if value is None else value} AS bigint)"
