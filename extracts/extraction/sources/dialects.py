"""What databases behind an SQLAlchemy URL do each in their own way: one entry per dialect that was proved by tests.

Rules:
1. A dialect that is not named here can be read only where the contract does without one moment: nobody has shown that
   it gives one.
2. Whoever adds one shows in a test that a later commit stays unseen, and that every type arrives exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from extracts.catalogue.view import deployed_view_digest
from extracts.errors import InvalidDocument, SourceChanged

if TYPE_CHECKING:
    from extracts.catalogue.contract import Column, Dataset


@dataclass(frozen=True)
class Moment:
    """What a database says of the moment that it shows."""

    at: datetime
    server: str
    log_position: str = ""


class Dialect(Protocol):
    """One kind of database."""

    @property
    def shows_one_moment(self) -> bool:
        """Whether everything that one transaction asks shows one moment."""

    @property
    def one_result_at_a_time(self) -> bool:
        """Whether a connection loses the rest of a result when it is asked for another."""

    def engine(self, url: sa.URL) -> sa.Engine:
        """Connections to the database. Raises SourceUnreachable, SettingMissing."""

    def begin(self, connection: sa.Connection) -> None:
        """Begin the transaction that shows one moment, where there is such a thing."""

    def moment(self, connection: sa.Connection) -> Moment:
        """The moment that is shown from here on."""

    def fitting(self, rows: list[Any], columns: tuple[Column, ...], described: Any) -> list[Any]:
        """Rows as `exact_values` takes them; `described` is the driver's description of the result."""

    def curated_digest(self, connection: sa.Connection, dataset: Dataset) -> str:
        """The digest of the curated view as it is deployed. Raises SourceChanged unless it is the contract's."""


@dataclass(frozen=True)
class AnyDialect:
    """A database of which nothing is known."""

    shows_one_moment: bool = False
    one_result_at_a_time: bool = True

    def engine(self, url: sa.URL) -> sa.Engine:
        """As SQLAlchemy makes it."""
        return sa.create_engine(url, poolclass=NullPool, hide_parameters=True)

    def begin(self, connection: sa.Connection) -> None:
        """Nothing is promised."""

    def moment(self, connection: sa.Connection) -> Moment:
        """The time by the database's clock."""
        found = connection.execute(sa.select(sa.func.current_timestamp())).scalar_one()
        at = datetime.fromisoformat(found) if isinstance(found, str) else found
        return Moment(at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC), connection.dialect.name)

    def fitting(self, rows: list[Any], columns: tuple[Column, ...], described: Any) -> list[Any]:
        """As they come."""
        return rows

    def curated_digest(self, connection: sa.Connection, dataset: Dataset) -> str:
        """Such a database keeps a view's text as it was given; it is compared with view.sql by its meaning."""
        schema, _, name = dataset.relation.partition(".")
        text = sa.inspect(connection).get_view_definition(name, schema) or ""
        found = ""
        with suppress(InvalidDocument):
            found = deployed_view_digest(text, dataset.relation)
        if found != dataset.view_digest:
            raise edited(dataset)
        return found


def dialect_named(name: str) -> Dialect:
    """The entry of SQLAlchemy's `name`."""
    from extracts.extraction.sources.mariadb import MariaDb
    from extracts.extraction.sources.sqlite import Sqlite

    known: Mapping[str, Dialect] = {"sqlite": Sqlite(), "mariadb": MariaDb()}
    return known.get(name, AnyDialect())


def edited(dataset: Dataset) -> SourceChanged:
    """The curated view is another one."""
    return SourceChanged(
        f"{dataset.name}: the curated view {dataset.relation} is not the one of the contract.",
        advice="Nothing was read. Ask the source's DBA to deploy its view.sql, or the owner for a new version.",
    )


def end(engine: sa.Engine, connection: sa.Connection) -> None:
    """Let go of a transaction, whatever became of its connection."""
    with suppress(SQLAlchemyError):
        connection.close()
        engine.dispose()
