"""Fixtures that every kind of test may use: a real PostgreSQL, and empty databases on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from extracts.local.postgres import EmbeddedPostgres
from tests.support.postgres import Database, temporary_database


@pytest.fixture(scope="session")
def pg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One embedded PostgreSQL 18 per test session; ended at its end."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("home"), durable=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def database(pg: EmbeddedPostgres) -> Iterator[Database]:
    """A fresh, empty database for one test."""
    with temporary_database(pg) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def module_database(pg: EmbeddedPostgres) -> Iterator[Database]:
    """A fresh, empty database that the tests of one module share."""
    with temporary_database(pg) as fresh:
        yield fresh
