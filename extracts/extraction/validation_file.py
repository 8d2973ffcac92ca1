"""Opens one finished Parquet file for checking: a DuckDB that can read this file and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool


def open_file(path: Path, memory_limit_mb: int, threads: int) -> sa.Engine:
    """An in-memory DuckDB, within its limits, that writes nothing anywhere and may read only `path`."""
    engine = sa.create_engine(
        "duckdb:///:memory:",
        poolclass=StaticPool,
        hide_parameters=True,
        connect_args={
            "config": {
                "memory_limit": f"{memory_limit_mb}MB",
                "threads": threads,
                "temp_directory": "",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            }
        },
    )
    sa.event.listen(engine, "connect", lambda connection, _: _close(connection, path))
    return engine


def read_query(path: Path) -> str:
    """Every row of the file."""
    return f"SELECT * FROM read_parquet({_literal(path)})"


def _close(connection: Any, path: Path) -> None:
    connection.execute(f"SET allowed_paths = [{_literal(path)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
