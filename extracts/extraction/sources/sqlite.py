"""SQLite: one file, whose read transaction is one moment."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from extracts.errors import SourceUnreachable
from extracts.extraction.sources.dialects import AnyDialect, Moment
from extracts.extraction.sources.pushed_down import relation


@dataclass(frozen=True)
class Sqlite(AnyDialect):
    """A file that is read where it lies."""

    shows_one_moment: bool = True
    one_result_at_a_time: bool = False

    def engine(self, url: sa.URL) -> sa.Engine:
        """The file, read-only. Raises SourceUnreachable."""
        if not url.database or not Path(url.database).is_file():
            raise SourceUnreachable(
                "The source's SQLite file is not there.", advice="See its EXTRACTS_SOURCE_ setting."
            )
        place = f"{Path(url.database).resolve().as_uri()}?mode=ro"

        def connect() -> sqlite3.Connection:
            # One file is one schema, `main`; attached it is called as the contracts call it.
            connection = sqlite3.connect(":memory:", uri=True, check_same_thread=False, isolation_level=None)
            connection.execute("ATTACH DATABASE ? AS curated", (place,))
            return connection

        return sa.create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)

    def begin(self, connection: sa.Connection) -> None:
        """The moment is taken by the first read."""
        connection.exec_driver_sql("BEGIN")

    def moment(self, connection: sa.Connection) -> Moment:
        """Reads, and looks at the clock."""
        connection.execute(sa.select(sa.func.count()).select_from(relation("curated.load_stamp")))
        found = connection.execute(sa.select(sa.func.strftime("%Y-%m-%dT%H:%M:%f", "now"))).scalar_one()
        return Moment(datetime.fromisoformat(found).replace(tzinfo=UTC), "sqlite")
