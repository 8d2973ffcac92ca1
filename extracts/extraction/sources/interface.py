"""What the engine asks of a source, whatever kind it is. One file per kind beside this one.

Rules:
1. A plan's rows, counts, holds and load stamps are the same expressions for every kind (`rows`, `view_sql`). PostgreSQL
   evaluates them itself; of any other kind, the engine does, in memory, over what the source hands out.
2. Whatever is asked within one `snapshot` shows one moment. A source that cannot promise that says so, and is refused
   unless its contract accepts it.
3. `enforced_by` says who made sure that nothing else was read; the manifest repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from extracts.extraction.values import Snapshot

if TYPE_CHECKING:
    import duckdb
    import sqlalchemy as sa

    from extracts.agreement.plan import ExtractPlan
    from extracts.catalogue.contract import Dataset
    from extracts.extraction.sources.view_sql import ExpectedView


class Connection(Protocol):
    """A transaction in which the source can be asked; psycopg's own connection is one."""

    def execute(self, query: bytes, /) -> Any:
        """Something with `fetchone` and `fetchall`."""

    def cursor(self, *, name: str) -> Any:
        """A cursor with `execute` and `fetchmany`, to be used as a context manager."""


class Source(Protocol):
    """Where one plan's rows are, entered as its agreement."""

    @property
    def enforced_by(self) -> str:
        """Who minimises: `role`, `view`, `query`, `select` or `scan`."""

    @property
    def membership_role(self) -> str:
        """As whom the source is asked who was left out, and who is on hold."""

    @property
    def reads_at_once(self) -> bool:
        """Whether one snapshot can be read over several connections at the same time."""

    def reading(self, view: ExpectedView, /) -> str:
        """What to select from, in a query."""

    def transaction(self, role: str = "", *, snapshot: str = "") -> AbstractContextManager[Connection]:
        """A read-only transaction; inside `snapshot`, an exported one, if it is named."""

    def snapshot(self) -> AbstractContextManager[tuple[Connection, Snapshot]]:
        """Holds one moment of the source while the block lasts."""

    def deployed(
        self, connection: Connection, plan: ExtractPlan, datasets: Mapping[str, Dataset], /
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Digests of the curated views, by dataset, and of the agreement's own, by name, as they were found.

        Raises SourceChanged unless they, and the rights to read them, are those that were approved.
        """

    def count(self, connection: Connection, dataset: Dataset, /) -> int | None:
        """Rows of a curated view, where `connection` sees fewer of them; else None."""

    def reader(self, snapshot: Snapshot, memory_limit_mb: int, /) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A DuckDB inside the snapshot, in which `rows` can be selected from."""

    def rows(self, query: str, /) -> str:
        """A query of the source as something to select from in `reader`."""

    def validation_engine(self) -> sa.Engine:
        """What counts in this source for Great Expectations, in a transaction of its own."""
