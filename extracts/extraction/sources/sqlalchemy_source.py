"""A source behind any SQLAlchemy URL, read through the agreement's own views (`view`) or by our SELECT (`select`).

Rules:
1. One connection, one transaction, read-only where the database knows that: all that is asked shows one moment. What
   cannot promise that is refused, unless the contract says that it is accepted (`consistentRead: not promised`).
2. A MariaDB is entered as the agreement's role unless its address names a user. Anywhere else, and with a user in the
   address, our SELECT alone minimises, which a setting must allow.
3. The URL holds no password; a driver reads it from its own file (`read_default_file`, a wallet, a keytab).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from extracts.agreement.plan import ExtractPlan
from extracts.catalogue.contract import ConsistentRead, Dataset
from extracts.errors import NotPermitted, SettingMissing
from extracts.extraction.sources.database_rows import Curated, DatabaseRows, driver_errors
from extracts.extraction.sources.dialects import dialect_named
from extracts.extraction.sources.handed_out import Asked, asked, offer_controls
from extracts.extraction.sources.mariadb import check_definitions, definitions, engines
from extracts.extraction.sources.mariadb_rights import check_role
from extracts.extraction.sources.mariadb_views import (
    AgreementRelations,
    agreement_views,
    definitions_view,
    engines_view,
)
from extracts.extraction.sources.names import role_name
from extracts.extraction.sources.role_sql import plan_views
from extracts.extraction.sources.view_sql import ExpectedView, data_of
from extracts.extraction.sources.view_text import definition_digest
from extracts.extraction.values import Snapshot

if TYPE_CHECKING:
    import duckdb

ENFORCED = "select"
BY_VIEW = "view"
_HAVE_ROLES = ("mariadb",)
_READING = "reading"


@dataclass(frozen=True)
class SqlSource:
    """A database behind a URL. `open_sql_source` makes it."""

    url: sa.URL = field(repr=False)
    plan: ExtractPlan
    datasets: Mapping[str, Dataset]
    enforced_by: str = ENFORCED
    membership_role: str = ""
    reads_at_once: bool = False
    _held: dict[str, Asked] = field(default_factory=dict, repr=False, compare=False)

    def reading(self, view: ExpectedView, /) -> str:
        """The view's definition: nothing of ours is deployed there."""
        return f"({view.definition}) AS v"

    @contextmanager
    def transaction(self, role: str = "", *, snapshot: str = "") -> Iterator[Asked]:
        """The transaction that holds `snapshot`, or one of its own. Raises SourceUnreachable."""
        if snapshot:
            yield self._held[snapshot]
            return
        with self._handed_out() as rows, asked(rows, self.plan, self.datasets) as found:
            yield found

    @contextmanager
    def snapshot(self) -> Iterator[tuple[Asked, Snapshot]]:
        """Holds one moment of the source while the block lasts."""
        with self.transaction() as found:
            assert isinstance(found.rows, DatabaseRows)
            moment = found.rows.moment()
            self._held[moment.exported] = found
            try:
                yield found, moment
            finally:
                del self._held[moment.exported]

    def deployed(
        self, connection: Any, plan: ExtractPlan, datasets: Mapping[str, Dataset], /
    ) -> tuple[dict[str, str], dict[str, str]]:
        """The curated views, and with a role its own views and rights. Raises SourceChanged, NotPermitted."""
        found: DatabaseRows = connection.rows
        if self.enforced_by == BY_VIEW:
            return self._deployed_by_role(found, plan, datasets)
        with driver_errors():
            curated = {
                d.dataset: found.dialect.curated_digest(found.connection, datasets[d.dataset]) for d in plan.datasets
            }
        return curated, {v.name: definition_digest(v.definition) for v in plan_views(plan, datasets)}

    def _deployed_by_role(
        self, rows: DatabaseRows, plan: ExtractPlan, datasets: Mapping[str, Dataset]
    ) -> tuple[dict[str, str], dict[str, str]]:
        views = agreement_views(plan, datasets)
        with driver_errors():
            check_role(rows.connection, plan.request_id, str(self.url.username), views)
            printed = definitions(rows.connection, f"SELECT * FROM {definitions_view(plan.request_id)}")
            tables = engines(rows.connection, f"SELECT * FROM {engines_view(plan.request_id)}")
        curated = {d.dataset: check_definitions(datasets[d.dataset], printed, tables) for d in plan.datasets}
        return curated, {v.name: v.digest() for v in views}

    def count(self, connection: Any, dataset: Dataset, /) -> int:
        """Every row of the curated view, counted by the database."""
        rows: DatabaseRows = connection.rows
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
        rows = self._open()
        sa.event.listen(engine, "connect", lambda connection, _: self._offer(connection, rows))
        sa.event.listen(engine, "engine_disposed", lambda _: rows.close())
        return engine

    def _open(self) -> DatabaseRows:
        relations = AgreementRelations(self.plan) if self.enforced_by == BY_VIEW else Curated()
        return DatabaseRows.open(self.url, relations, self.datasets)

    def _offer(self, duck: Any, rows: DatabaseRows) -> None:
        duck.execute("SET TimeZone = 'UTC'")
        duck.execute("SET temp_directory = ''")
        offer_controls(duck, rows)
        found = Asked(duck, rows, self.plan, self.datasets)
        for planned in self.plan.datasets:
            found.prepared(data_of(self.plan, self.datasets[planned.dataset]).definition)

    @contextmanager
    def _handed_out(self) -> Iterator[DatabaseRows]:
        rows = self._open()
        try:
            yield rows
        finally:
            rows.close()


def open_sql_source(
    plan: ExtractPlan, datasets: Mapping[str, Dataset], address: str, *, allow_query: bool
) -> SqlSource:
    """The source of `plan` behind the URL `address`. Raises SettingMissing, NotPermitted."""
    url, dialect = read_url(address)
    has_role = has_own_role(address)
    if not has_role and not allow_query:
        raise NotPermitted(
            "This source has no role of the agreement's own: our query alone would keep to what was approved.",
            advice="Set EXTRACTS_ALLOW_QUERY_ENFORCEMENT to yes if that is accepted; manifests say so.",
        )
    used = {d.dataset: datasets[d.dataset] for d in plan.datasets}
    refused = [n for n, d in used.items() if d.consistent_read is ConsistentRead.REQUIRED]
    if refused and not dialect_named(dialect).shows_one_moment:
        raise NotPermitted(
            f"{', '.join(sorted(refused))}: {dialect} is not known to show one moment to everything that a run asks.",
            advice="Only a contract that says `consistentRead: not promised` accepts that.",
        )
    if has_role:
        return SqlSource(url.set(username=role_name(plan.request_id)), plan, used, BY_VIEW)
    return SqlSource(url, plan, used)


def has_own_role(address: str) -> bool:
    """Whether that database is entered as the agreement's own role. Raises SettingMissing."""
    url, dialect = read_url(address)
    return dialect in _HAVE_ROLES and not url.username


def check_url(address: str) -> str:
    """Whether a database answers there. Raises SettingMissing, NotPermitted, SourceUnreachable."""
    url, dialect = read_url(address)
    with driver_errors():
        if has_own_role(address):
            return _answers(url, dialect)
        engine = dialect_named(dialect).engine(url)
        engine.connect().close()
        engine.dispose()
    return f"answers ({dialect})"


def _answers(url: sa.URL, dialect: str) -> str:
    """Nobody in particular can enter there; each agreement's own role does."""
    import socket

    dialect_named(dialect).engine(url)  # its option file is looked at
    with socket.create_connection((url.host or "127.0.0.1", url.port or 3306), timeout=5):
        return f"answers ({dialect}); it is entered as each agreement's role"


def read_url(address: str) -> tuple[sa.URL, str]:
    """A URL and its dialect's name. Raises SettingMissing; the address is not told."""
    try:
        url = sa.make_url(address)
        dialect = str(url.get_dialect()().name)
        url.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ImportError):
        raise SettingMissing(
            "The source's address is no SQLAlchemy URL whose driver is installed (dialect+driver://host/database)."
        ) from None
    if url.password or any("passw" in key for key in url.query):
        raise SettingMissing(
            "The address of the source holds a password.", advice="Let the driver read it from a file of its own."
        )
    return url, dialect
