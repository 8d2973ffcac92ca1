"""Locks the curated views of a MariaDB, as it prints them, to the versions of their contracts.

Rules:
1. Each view.sql is made under another name and dropped again: MariaDB cannot take a view back with a transaction. What
   is locked is the file's view, not whatever was deployed. The control relations are locked as they are there.
2. A version that is locked keeps its view. All locks are written, or none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from extracts.catalogue.contract import Dataset, SourceKind
from extracts.catalogue.locked_view import LOCK_FILE, ViewLock, locks_text, read_locks, with_lock
from extracts.catalogue.odcs import VIEW_FILE
from extracts.errors import SourceChanged, UsageError
from extracts.extraction.sources.database_rows import driver_errors
from extracts.extraction.sources.dialects import dialect_named
from extracts.extraction.sources.mariadb import CONTROLS, definitions, printed_digest
from extracts.extraction.sources.sqlalchemy_source import read_url

if TYPE_CHECKING:
    import sqlalchemy as sa

    from extracts.steps.workplace import Workplace

_PRINTED = (
    "SELECT table_schema, table_name, view_definition FROM information_schema.views WHERE table_schema = 'curated'"
)
_CREATES = re.compile(r"(CREATE\s+(?:OR\s+REPLACE\s+)?VIEW\s+curated\.)([a-z0-9_]+)", re.IGNORECASE)
_MEANWHILE = "being_locked"


def lock_mariadb(work: Workplace, address: str, system: str) -> dict[str, str]:
    """Write every lock of `system` that changed; its version by dataset. Raises UsageError, SourceChanged."""
    url, dialect = read_url(address)
    datasets = [d for d in work.datasets.values() if d.system == system and d.source_kind is SourceKind.SQLALCHEMY]
    if dialect != "mariadb" or not datasets:
        raise UsageError(
            "Only views of a MariaDB (mariadb+pymysql://...) are locked by a URL, and those of one --system.",
            advice="Other databases keep a view's text as it was given: nothing has to be locked there.",
        )
    with driver_errors():
        engine = dialect_named(dialect).engine(url)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            changed = {d.name: new for d in datasets if (new := _changed(work, connection, d))}
        engine.dispose()
    for name, locks in changed.items():
        (work.places.expectations / name / LOCK_FILE).write_text(locks_text(locks))
    return {d.name: d.version for d in datasets if d.name in changed}


def _changed(work: Workplace, connection: sa.Connection, dataset: Dataset) -> tuple[ViewLock, ...]:
    """The dataset's locks, if they are others than before."""
    old = read_locks(work.places.expectations / dataset.name / LOCK_FILE)
    text = (work.places.sql / dataset.name / VIEW_FILE).read_text(encoding="utf-8")
    new = with_lock(dataset, made_digest(connection, text), control_digests(connection), old)
    return new if new != old else ()


def made_digest(connection: sa.Connection, view: str) -> str:
    """The digest of what this MariaDB prints for a view.sql, which is not left behind."""
    if any(c > "\uffff" for c in view):
        raise UsageError("A view of a MariaDB cannot be locked with a character beyond the basic plane in its text.")
    drop = f"DROP VIEW IF EXISTS curated.{_MEANWHILE}"
    _run(connection, drop)
    try:
        _run(connection, _CREATES.sub(rf"\g<1>{_MEANWHILE}", view, count=1))
        return printed_digest(definitions(connection, _PRINTED)[f"curated.{_MEANWHILE}"])
    finally:
        _run(connection, drop)


def control_digests(connection: sa.Connection) -> dict[str, str]:
    """The digests of the control relations, as this MariaDB prints them. Raises SourceChanged if one is gone."""
    printed = definitions(connection, _PRINTED)
    if missing := [name for name in CONTROLS if not printed.get(name)]:
        raise SourceChanged(
            f"There is no view {' or '.join(missing)} in the source that this user may look into.",
            advice="Both are views; whoever locks needs SELECT and SHOW VIEW on curated.*.",
        )
    return {name: printed_digest(printed[name]) for name in CONTROLS}


def _run(connection: sa.Connection, statement: str) -> Any:
    return connection.exec_driver_sql(statement.replace("%", "%%"))
