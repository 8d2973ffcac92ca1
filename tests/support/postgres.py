"""Databases for tests: real ones, empty, on one embedded server per test session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine

from extracts.local.cluster import SUPERUSER
from extracts.local.postgres import EmbeddedPostgres

_numbers = count(1)


@dataclass
class Database:
    """An empty database of its own. Its engines are disposed of, and it is dropped, when the test is over."""

    server: EmbeddedPostgres
    name: str
    _engines: dict[str, Engine] = field(default_factory=dict)

    def url(self, role: str = SUPERUSER, driver: str = "psycopg") -> str:
        """A SQLAlchemy address without a credential (it names the role's passfile)."""
        return self.server.url(self.name, role, driver=driver)

    def conninfo(self, role: str = SUPERUSER) -> str:
        """The same for libpq: psycopg, DuckDB."""
        return self.server.conninfo(self.name, role)

    def engine(self, role: str = SUPERUSER) -> Engine:
        """One engine per role."""
        if role not in self._engines:
            self._engines[role] = create_engine(self.url(role))
        return self._engines[role]

    def connect(self, role: str = SUPERUSER, *, autocommit: bool = True) -> psycopg.Connection[Any]:
        """A psycopg connection; use it in a `with` block."""
        return psycopg.connect(self.conninfo(role), autocommit=autocommit)

    def execute(self, statements: str, role: str = SUPERUSER) -> None:
        """Runs SQL text, several statements if need be."""
        with self.connect(role) as connection:
            connection.execute(statements.encode())

    def rows(self, query: str, role: str = SUPERUSER) -> list[tuple[Any, ...]]:
        """What a query answers."""
        with self.connect(role) as connection:
            return connection.execute(query.encode()).fetchall()

    def role(self, name: str) -> str:
        """The name of a login role that may enter this database. It lives as long as the server."""
        self.server.create_role(name)
        self.execute(f'GRANT CONNECT ON DATABASE "{self.name}" TO "{name}"')
        return name


@contextmanager
def temporary_database(server: EmbeddedPostgres, owner: str = SUPERUSER) -> Iterator[Database]:
    """A fresh, empty database that is dropped at the end."""
    database = Database(server, f"test_{next(_numbers)}")
    server.create_database(database.name, owner)
    try:
        yield database
    finally:
        for engine in database._engines.values():
            engine.dispose()
        server.drop_database(database.name)
