"""Brings register and ledger to the form that this program needs: the plain SQL files of sql/register, in order.

Rules:
1. Forward only. Each file runs in one transaction, and the digest of its text is kept: one that was edited after it
   ran is refused, and so are a gap, and a database that is newer than this program.
2. Everything belongs to an owner role that nobody can log in as. The application is neither that role nor a member of
   it, or it could switch off what protects the ledger.
3. Two migrators at once: the second waits, then finds nothing to do.

Run by whoever may create schemas in the database, and roles if the owner role is not there yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from psycopg import sql
from sqlalchemy import Connection, Engine

from extracts.canonical import digest_bytes
from extracts.errors import NotFound, Refused, TechnicalFailure
from extracts.record.boundary import database_boundary

OWNER: Final = "extracts_owner"
_LOCK: Final = "SELECT pg_advisory_xact_lock(1818584167, 2)"
_PARAMETER = re.compile(r'(?<!:):"(\w+)"')  # as in psql, so that an administrator can run the files by hand


@dataclass(frozen=True)
class Migration:
    """One file. The digest is over its text with Unix line ends (Python reads them so), wherever it was checked out."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        """`sha256:...`."""
        return digest_bytes(self.text.encode())


def read_migrations(folder: Path) -> tuple[Migration, ...]:
    """The files of a folder in order. Raises Refused unless they count up from 0001, TechnicalFailure if unreadable."""
    try:
        found = [Migration(p.name, p.read_text("utf-8")) for p in sorted(folder.glob("*.sql"))]
    except OSError as error:
        raise TechnicalFailure(f"The migrations cannot be read (errno {error.errno}).") from None
    for number, migration in enumerate(found, start=1):
        if not re.fullmatch(rf"{number:04}_[a-z0-9_]+\.sql", migration.name):
            raise Refused(f"Migration {migration.name} is out of order: number {number:04} was expected.")
    if not found:
        raise Refused("There are no migrations.", advice="EXTRACTS_SQL must name the folder that holds register/.")
    return tuple(found)


def migrate(engine: Engine, folder: Path, *, application: str, now: datetime, owner: str = OWNER) -> tuple[str, ...]:
    """Applies what is missing; the names of the files applied. `application`: the login role of the software."""
    migrations = read_migrations(folder)
    with database_boundary():
        with engine.begin() as connection:
            _prepare(connection, owner, application)
        return tuple(m.name for m in migrations if _apply(engine, m, migrations, owner, application, now))


def pending(engine: Engine, folder: Path) -> tuple[str, ...]:
    """The names of files not applied yet. Raises Refused if an applied one was edited or is unknown here."""
    migrations = read_migrations(folder)
    with database_boundary(), engine.connect() as connection:
        applied = _applied(connection) if _is_prepared(connection) else {}
    _check_history(migrations, applied)
    return tuple(m.name for m in migrations if m.name not in applied)


def _apply(
    engine: Engine, migration: Migration, all_: tuple[Migration, ...], owner: str, application: str, now: datetime
) -> bool:
    with engine.begin() as connection:
        _run(connection, _LOCK)
        applied = _applied(connection)
        _check_history(all_, applied)
        if migration.name in applied:
            return False
        _run(connection, "SET LOCAL ROLE {}", owner)
        _run_text(connection, _filled_in(migration, {"application": application}))
        connection.exec_driver_sql(
            "INSERT INTO register.schema_migration (name, digest, applied_at) VALUES (%s, %s, %s)",
            (migration.name, migration.digest, now),
        )
    return True


def _check_history(migrations: tuple[Migration, ...], applied: dict[str, str]) -> None:
    known = {m.name: m.digest for m in migrations}
    for number, (name, digest) in enumerate(sorted(applied.items())):
        if name not in known:
            raise Refused(
                f"The database has migration {name}, which this program does not know.",
                advice="Install the newer program, or restore the older database.",
            )
        if known[name] != digest:
            raise Refused(
                f"Migration {name} was edited after it was applied.",
                advice="Put the file back as it was, and write the change as a further migration.",
            )
        if migrations[number].name != name:
            raise Refused(f"Migration {migrations[number].name} was put before {name}, which is applied already.")


def _prepare(connection: Connection, owner: str, application: str) -> None:
    _run(connection, _LOCK)
    _check_application(connection, owner, application)
    if not _scalar(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", owner):
        _run(connection, "CREATE ROLE {} NOLOGIN", owner)
    may_become = "SET" if _scalar(connection, "SHOW server_version_num") >= "160000" else "MEMBER"
    if not _scalar(connection, "SELECT pg_has_role(current_user, %s, %s)", owner, may_become):
        _run(connection, "GRANT {} TO CURRENT_USER", owner)
    if not _scalar(connection, "SELECT has_database_privilege(%s, current_database(), 'CONNECT')", application):
        _run(
            connection,
            "GRANT CONNECT ON DATABASE {} TO {}",
            _scalar(connection, "SELECT current_database()"),
            application,
        )
    for schema in ("ledger", "register"):
        _run(connection, "CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}", schema, owner)
    _run(connection, "SET LOCAL ROLE {}", owner)
    _run(
        connection,
        "CREATE TABLE IF NOT EXISTS register.schema_migration "
        "(name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL)",
    )


def _check_application(connection: Connection, owner: str, application: str) -> None:
    if not _scalar(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", application):
        raise NotFound(f"There is no role {application!r}.", advice="Create the application's login role first.")
    is_owner = application == owner or _scalar(
        connection,
        "SELECT pg_has_role(%s, o.oid, 'MEMBER') FROM pg_roles o WHERE o.rolname = %s",
        application,
        owner,
    )
    if is_owner or _scalar(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = %s", application):
        raise Refused(
            f"The application's role {application!r} could act as owner of the ledger and switch its protection off.",
            advice="Give the software a login role of its own, with no membership.",
        )
    if _scalar(connection, "SHOW server_encoding") != "UTF8":
        raise Refused("The database is not in UTF-8.", advice="Make one with ENCODING 'UTF8'.")


def _is_prepared(connection: Connection) -> bool:
    return bool(_scalar(connection, "SELECT to_regclass('register.schema_migration') IS NOT NULL"))


def _applied(connection: Connection) -> dict[str, str]:
    rows = connection.exec_driver_sql("SELECT name, digest FROM register.schema_migration")
    return {str(row.name): str(row.digest) for row in rows}


def _filled_in(migration: Migration, parameters: dict[str, str]) -> str:
    def role(found: re.Match[str]) -> str:
        if found[1] not in parameters:
            raise Refused(f"Migration {migration.name} asks for a parameter {found[1]!r} that nobody gives.")
        return sql.Identifier(parameters[found[1]]).as_string(None)

    return _PARAMETER.sub(role, migration.text)


def _run(connection: Connection, statement: str, *names: str) -> None:
    filled = sql.SQL(statement).format(*map(sql.Identifier, names)) if names else sql.SQL(statement)
    _run_text(connection, filled.as_string(None))


def _run_text(connection: Connection, text: str) -> None:
    # Without parameters the driver sends the text as it is: many statements, and % means nothing.
    connection.execution_options(no_parameters=True).exec_driver_sql(text)


def _scalar(connection: Connection, query: str, *parameters: Any) -> Any:
    return connection.exec_driver_sql(query, tuple(parameters)).scalar()
