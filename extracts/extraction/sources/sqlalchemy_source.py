"""A source behind any SQLAlchemy URL, read through the agreement's own views (`view`) or by our SELECT (`select`).

Rules:
1. One connection, one transaction, read-only where the database knows that: all that is asked shows one moment. What
   cannot promise that is refused, unless the contract says that it is accepted (`consistentRead: not promised`).
2. A MariaDB is entered as the agreement's role unless its address names a user. Anywhere else, and with a user in the
   address, our SELECT alone minimises, which a setting must allow.
3. The URL holds no password; a driver reads it from its own file (`read_default_file`, a wallet, a keytab).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from extracts.agreement.plan import ExtractPlan
from extracts.catalogue.contract import ConsistentRead, Dataset
from extracts.errors import NotPermitted, SettingMissing
from extracts.extraction.sources.database_rows import Curated, DatabaseRows, driver_errors
from extracts.extraction.sources.dialects import dialect_named
from extracts.extraction.sources.handing_out import HandingOut
from extracts.extraction.sources.mariadb import check_definitions, definitions, engines
from extracts.extraction.sources.mariadb_rights import check_role
from extracts.extraction.sources.mariadb_views import (
    AgreementRelations,
    agreement_views,
    definitions_view,
    engines_view,
)
from extracts.extraction.sources.names import role_name

ENFORCED = "select"
BY_VIEW = "view"
_HAVE_ROLES = ("mariadb",)


@dataclass(frozen=True, kw_only=True)
class SqlSource(HandingOut):
    """A database behind a URL. `open_sql_source` makes it."""

    url: sa.URL = field(repr=False)

    def open(self) -> DatabaseRows:
        """One connection in one transaction. Raises SourceUnreachable."""
        relations = AgreementRelations(self.plan) if self.enforced_by == BY_VIEW else Curated()
        return DatabaseRows.open(self.url, relations, self.datasets)

    def deployed(
        self, connection: Any, plan: ExtractPlan, datasets: Mapping[str, Dataset], /
    ) -> tuple[dict[str, str], dict[str, str]]:
        """The curated views, and with a role its own views and rights. Raises SourceChanged, NotPermitted."""
        rows: DatabaseRows = connection.rows
        if self.enforced_by == BY_VIEW:
            return self._deployed_by_role(rows, plan, datasets)
        with driver_errors():
            curated = {
                d.dataset: rows.dialect.curated_digest(rows.connection, datasets[d.dataset]) for d in plan.datasets
            }
        return curated, self.expected_digests(plan, datasets)

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
        entered = url.set(username=role_name(plan.request_id))
        return SqlSource(url=entered, plan=plan, datasets=used, enforced_by=BY_VIEW)
    return SqlSource(url=url, plan=plan, datasets=used, enforced_by=ENFORCED)


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
