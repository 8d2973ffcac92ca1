"""The small source's twin in a MariaDB: the same rows under the same names, locked and agreed as a DBA would."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from extracts.agreement.plan import ExtractPlan
from extracts.catalogue.contract import ColumnType, Dataset, SourceKind
from extracts.catalogue.view import view_digest
from extracts.extraction.sources.handed_out import CONTROL_COLUMNS
from extracts.extraction.sources.mariadb import MariaDb
from extracts.extraction.sources.mariadb_sql import mariadb_sql
from extracts.extraction.sources.names import role_name
from extracts.extraction.sources.sqlalchemy_source import SqlSource, open_sql_source
from extracts.steps.dataset_lock_mariadb import control_digests, made_digest
from tests.support.mariadb import MariaServer
from tests.support.small_source import SQL, SmallSource, with_columns

BASE = "warehouse"
_TYPES = {
    ColumnType.STRING: "LONGTEXT",
    ColumnType.INTEGER: "INT",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMP(6) NULL",
    ColumnType.BOOLEAN: "TINYINT(1)",
}


@dataclass
class MariaSource:
    """One dataset in the server, and the control relations."""

    server: MariaServer
    dataset: Dataset

    @property
    def datasets(self) -> Mapping[str, Dataset]:
        return {self.dataset.name: self.dataset}

    def plan(self, plan: ExtractPlan) -> ExtractPlan:
        """`plan`, approved of this database's view."""
        return with_columns(plan, view_digest=self.dataset.view_digest)

    def agree(self, plan: ExtractPlan) -> ExtractPlan:
        """What a DBA does for an agreement."""
        own = self.plan(plan)
        self.server.run_script(mariadb_sql(own, self.datasets, SQL / "roles"))
        role, password = role_name(plan.request_id), secrets.token_hex(8)
        self.server.execute(f"ALTER USER '{role}'@'%' IDENTIFIED BY '{password}' ACCOUNT UNLOCK")
        self.server.let_in(role, password)
        return own

    def enter(self, plan: ExtractPlan) -> SqlSource:
        """As the agreement's role."""
        return open_sql_source(self.plan(plan), self.datasets, self.server.address, allow_query=False)

    def enter_as(self, user: str, plan: ExtractPlan) -> SqlSource:
        """As somebody else: our SELECT alone minimises."""
        address = self.server.address_of(user)
        return open_sql_source(self.plan(plan), self.datasets, address, allow_query=True)

    def execute(self, *statements: str) -> None:
        """Each at once."""
        self.server.execute(*statements)


def a_maria_twin(source: SmallSource, server: MariaServer, name: str = "pension_credit_award") -> MariaSource:
    """What `source` shows of a dataset now, in a server that has nothing else afterwards."""
    return a_maria_copy(source.datasets[name], server, source.database.rows)


def a_maria_copy(dataset: Dataset, server: MariaServer, shown: Callable[[str], Iterable[Any]]) -> MariaSource:
    """A dataset and its control relations. shown: what a query of the PostgreSQL source gives."""
    for database in (BASE, "curated", "extract_views"):
        server.execute(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
    server.execute(f"USE {BASE}", "CREATE USER IF NOT EXISTS source_owner@localhost ACCOUNT LOCK")
    server.execute(f"GRANT SELECT, SHOW VIEW ON {BASE}.* TO source_owner@localhost")
    _copy(server, "base_rows", {c.name: _type(c) for c in dataset.columns}, dataset.relation, shown)
    for control, types in CONTROL_COLUMNS.items():
        _copy(server, control, {n: _TYPES[t] for n, t in types.items()}, f"curated.{control}", shown)
        server.execute(_view_of(f"curated.{control}", control, types))
    view = maria_view_of(dataset)
    server.execute(view)
    facts: dict[str, Any] = {"source_kind": SourceKind.SQLALCHEMY, "view_digest": view_digest(view)}
    with locking(server) as connection:
        facts |= {
            "deployed_view_digest": made_digest(connection, view),
            "control_digests": control_digests(connection),
        }
    return MariaSource(server, replace(dataset, **facts))


def locking(server: MariaServer) -> sa.Connection:
    """A connection of whoever locks views."""
    engine = MariaDb().engine(sa.make_url(server.address_of("root")))
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def maria_view_of(dataset: Dataset) -> str:
    """Its view.sql there."""
    return _view_of(dataset.relation, "base_rows", [c.name for c in dataset.columns])


def write_view(path: Path, dataset: Dataset) -> None:
    """Into a file."""
    path.write_text(f"-- One row per award.\n{maria_view_of(dataset)};\n")


def _view_of(relation: str, table: str, columns: Iterable[str]) -> str:
    shown = ", ".join(f"b.{c}" for c in columns)
    return f"CREATE OR REPLACE VIEW {relation} AS SELECT {shown} FROM {BASE}.{table} AS b"


def _type(column: Any) -> str:
    decimal = f"DECIMAL({column.precision}, {column.scale})"
    return decimal if column.type is ColumnType.DECIMAL else _TYPES[column.type]


def _copy(server: MariaServer, table: str, types: Mapping[str, str], relation: str, shown: Any) -> None:
    columns = ", ".join(f"`{n}` {t}" for n, t in types.items())
    server.execute(f"CREATE TABLE {BASE}.{table} ({columns}) ENGINE = InnoDB CHARACTER SET utf8mb4")
    rows = list(shown(f"SELECT {', '.join(types)} FROM {relation}"))
    with server.connect() as connection, connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(types))
        cursor.executemany(f"INSERT INTO {BASE}.{table} VALUES ({marks})", [tuple(map(_stored, r)) for r in rows])


def _stored(value: Any) -> Any:
    return value.replace(tzinfo=None) if hasattr(value, "tzinfo") and value.tzinfo else value
