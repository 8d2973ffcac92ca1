"""Creates the synthetic source in a database, or fills it afresh: for the demo, benchmarks and tests.

The SQL is in `sql/sample/`, applied in the order of its names, and in `sql/<dataset>/view.sql`. The same number of
people, seed and time give identical rows; a later time gives the same people some time later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors
from psycopg.types.json import Jsonb

from extracts.errors import NotFound, TechnicalFailure, UsageError

OWNER = "source_owner"
SEED = 20260101
Progress = Callable[[str], None]


def create_sample(
    conninfo: str,
    sql: Path,
    *,
    as_of: datetime,
    people: int = 100_000,
    seed: int = SEED,
    rates: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Applies the schema and the curated views, and fills the tables as they would be at `as_of` (an aware time).

    `conninfo`: a superuser's, naming the database. `sql`: the folder that holds `sample/` and the datasets' views.
    `rates` replaces entries of the table sample.rate, for a source with more of something: `{"cap_level": 0.1}`.
    `progress` is told of each table. Returns rows per table; `hold` counts holds in force. Run again, it replaces the
    rows and leaves alone what was made for agreements. Raises UsageError, NotFound, TechnicalFailure.
    """
    if as_of.tzinfo is None:
        raise UsageError("The sample's time has no zone.", advice="Pass an aware datetime.")
    with _connected(conninfo) as connection:
        apply_schema(connection, sql)
        if progress:
            connection.add_notice_handler(lambda notice: progress(notice.message_primary or ""))
        values = [people, seed, as_of.astimezone(UTC), Jsonb({k: str(v) for k, v in (rates or {}).items()})]
        return dict(connection.execute("SELECT * FROM dwp.generate(%s, %s, %s, %s)", values).fetchall())


def apply_schema(connection: psycopg.Connection[Any], sql: Path) -> None:
    """Makes what is missing of roles, schemas, tables, functions and curated views, in one transaction."""
    files = sorted((sql / "sample").glob("*.sql"))
    views = sorted(sql.glob("*/view.sql"))
    if not files or not views:
        raise NotFound(f"{sql} does not hold the sample source.", advice="Give the folder that holds sample/.")
    with connection.transaction():
        connection.execute("SET LOCAL client_min_messages = warning")
        for file in files:
            connection.execute(file.read_bytes())
        connection.execute(f"SET LOCAL ROLE {OWNER}".encode())
        for file in views:
            connection.execute(file.read_bytes())


@contextmanager
def _connected(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            yield connection
    except errors.InvalidParameterValue as error:
        # Our own words, about the parameters that were given: no rows have been read.
        raise UsageError(f"{error.diag.message_primary}.", advice=f"{error.diag.message_hint}") from None
    except psycopg.Error as error:
        code = error.sqlstate or "no connection"
        raise TechnicalFailure(f"The sample source could not be made (SQLSTATE {code}).") from None
