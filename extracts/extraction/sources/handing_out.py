"""What every kind of source has in common that hands out rows: one transaction, asked in PostgreSQL's words.

A kind says how it is opened and what was deployed there; rows, counts and controls are then the same for all
(`handed_out`). One transaction is one moment: whoever asks again within a snapshot asks the same transaction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from extracts.agreement.plan import ExtractPlan
from extracts.catalogue.contract import Dataset
from extracts.extraction.sources.handed_out import Asked, HandsOut, asked, offer_controls
from extracts.extraction.sources.role_sql import plan_views
from extracts.extraction.sources.view_sql import ExpectedView, data_of
from extracts.extraction.sources.view_text import definition_digest
from extracts.extraction.values import Snapshot

if TYPE_CHECKING:
    import duckdb

_READING = "reading"


class Opened(HandsOut, Protocol):
    """A transaction that is open."""

    def count(self, dataset: Dataset) -> int:
        """Every row of a curated relation."""

    def moment(self) -> Snapshot:
        """What can be said of the moment that is held."""

    def check_unchanged(self) -> None:
        """Raises SourceUnreachable if this was not one moment after all."""

    def close(self) -> None:
        """Let go of the moment; whatever became of the source."""


@dataclass(frozen=True, kw_only=True)
class HandingOut(ABC):
    """A source that hands out the rows of one plan."""

    plan: ExtractPlan
    datasets: Mapping[str, Dataset]
    enforced_by: str
    membership_role: str = ""
    reads_at_once: bool = False
    _held: dict[str, Asked] = field(default_factory=dict, repr=False, compare=False)

    @abstractmethod
    def open(self) -> Opened:
        """A transaction of its own."""

    @abstractmethod
    def deployed(
        self, connection: Any, plan: ExtractPlan, datasets: Mapping[str, Dataset], /
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Digests of what is there, once it is what was approved."""

    def reading(self, view: ExpectedView, /) -> str:
        """The view's definition: the engine evaluates it."""
        return f"({view.definition}) AS v"

    @contextmanager
    def transaction(self, role: str = "", *, snapshot: str = "") -> Iterator[Asked]:
        """The transaction that holds `snapshot`, or one of its own. Raises SourceUnreachable."""
        if snapshot:
            yield self._held[snapshot]
            return
        rows = self.open()
        try:
            with asked(rows, self.plan, self.datasets) as found:
                yield found
            rows.check_unchanged()
        finally:
            rows.close()

    @contextmanager
    def snapshot(self) -> Iterator[tuple[Asked, Snapshot]]:
        """Holds one moment of the source while the block lasts."""
        with self.transaction() as found:
            rows: Any = found.rows
            moment = rows.moment()
            self._held[moment.exported] = found
            try:
                yield found, moment
            finally:
                del self._held[moment.exported]

    def count(self, connection: Any, dataset: Dataset, /) -> int:
        """Every row of the curated relation, counted by the source."""
        rows: Opened = connection.rows
        return rows.count(dataset)

    @contextmanager
    def reader(self, snapshot: Snapshot, memory_limit_mb: int, /) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB of its own over the transaction that holds the snapshot."""
        holder = self._held[snapshot.exported]
        with asked(holder.rows, self.plan, self.datasets, memory_limit_mb) as found:
            self._held[_READING] = found
            try:
                yield found.duck
            except Exception:
                if holder.rows.failure:
                    raise holder.rows.failure from None
                raise
            finally:
                del self._held[_READING]

    def rows(self, query: str, /) -> str:
        """The query itself: it runs in the reader."""
        return f"({self._held[_READING].prepared(query)})"

    def validation_engine(self) -> sa.Engine:
        """A DuckDB over a transaction of its own, with what the agreement's data views select from."""
        engine = sa.create_engine("duckdb:///:memory:", poolclass=StaticPool, hide_parameters=True)
        rows = self.open()
        sa.event.listen(engine, "connect", lambda connection, _: self._offer(connection, rows))
        sa.event.listen(engine, "engine_disposed", lambda _: rows.close())
        return engine

    def expected_digests(self, plan: ExtractPlan, datasets: Mapping[str, Dataset]) -> dict[str, str]:
        """Of the agreement's views, where the engine alone evaluates them."""
        return {v.name: definition_digest(v.definition) for v in plan_views(plan, datasets)}

    def _offer(self, duck: Any, rows: Opened) -> None:
        duck.execute("SET TimeZone = 'UTC'")
        duck.execute("SET temp_directory = ''")
        offer_controls(duck, rows)
        found = Asked(duck, rows, self.plan, self.datasets)
        for planned in self.plan.datasets:
            found.prepared(data_of(self.plan, self.datasets[planned.dataset]).definition)
