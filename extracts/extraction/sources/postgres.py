"""One PostgreSQL source, entered as one agreement's role; and the snapshot that all of a run's readers share.

Rules:
1. The address holds no password: libpq reads it from the passfile. Neither ever reaches a message.
2. Drivers put rows, addresses and credentials into their messages, so they are caught here, at one boundary, and only
   the SQLSTATE goes on, `from None`.
3. Every transaction is read-only and repeatable-read. One connection exports its snapshot and holds it; each further
   reader enters that same snapshot, so all datasets of a plan show one moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from extracts.agreement.plan import ExtractPlan
from extracts.errors import (
    NotPermitted,
    SettingMissing,
    SourceChanged,
    SourceUnreachable,
    TechnicalFailure,
)
from extracts.extraction.sources.gave_way import GAVE_WAY, check_not_ended, gave_way
from extracts.extraction.sources.names import MEMBERSHIP_ROLE, SCHEMA, role_name
from extracts.extraction.sources.view_sql import ExpectedView
from extracts.extraction.values import Snapshot

if TYPE_CHECKING:
    import duckdb
    import sqlalchemy as sa

    from extracts.catalogue.contract import Dataset

Connection = psycopg.Connection[tuple[Any, ...]]
_READER = "reader"

_CHANGED = ("42", "3F", "0A")  # no such table, column or schema; not permitted
_GONE = ("08", "57P", "53", "28", "55P", "40", "25P", "57014")  # no connection, shut down, too many, timeouts
_SESSION = ("search_path = ''", "TimeZone = 'UTC'", "DateStyle = 'ISO, YMD'", "quote_all_identifiers = off")
# Persons are looked up in the hold list by what their numbers say, of which the server has no statistics; where it has
# none of a table either (loaded a moment ago), it may take a million rows for one, and compare each with each. And the
# list must fit into memory as a set, for which a million entries need about 100 MB.
_PLANS = "-c enable_nestloop=off -c work_mem=128MB"
_CONNECTION = {"connect_timeout": "10", "keepalives_idle": "30", "application_name": "governed-extracts"}


@dataclass(frozen=True)
class PostgresSource:
    """Where the source is and as whom it is entered. `enforced_by`: does the role, or our query, minimise?

    Make it with `open_source`, which settles `role` and `enforced_by` together.
    """

    address: str
    role: str
    enforced_by: str
    membership_role: str = MEMBERSHIP_ROLE
    reads_at_once: bool = True

    def conninfo(self, role: str = "") -> str:
        """libpq keywords for the agreement's role (or another); no password in them."""
        return make_conninfo(self.address, user=role or self.role)

    def reading(self, view: ExpectedView) -> str:
        """What to select from: the deployed view, or its definition where our query minimises."""
        return view.name if self.enforced_by == "role" else f"({view.definition}) AS v"

    @contextmanager
    def transaction(self, role: str = "", *, snapshot: str = "") -> Iterator[Connection]:
        """A read-only transaction; inside `snapshot` if one is named. Raises SourceUnreachable, SourceChanged."""
        with source_errors(), psycopg.connect(self.conninfo(role)) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if snapshot:
                _enter(connection, snapshot)
            for setting in _SESSION:
                connection.execute(sql(f"SET LOCAL {setting}"))
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[tuple[Connection, Snapshot]]:
        """Holds one moment of the source while the block lasts."""
        with self.transaction() as connection:
            try:
                yield connection, _export(connection)
            except TechnicalFailure:
                check_not_ended(connection)
                raise

    def deployed(
        self, connection: Any, plan: ExtractPlan, datasets: Mapping[str, Dataset], /
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Curated views by dataset and agreement's views by name, their rights with them. Raises SourceChanged."""
        from extracts.extraction.sources.checks import deployed_views

        return deployed_views(connection, self, plan, datasets)

    def count(self, connection: Any, dataset: Dataset, /) -> None:
        """Nothing to add: the counts view counts every row."""

    @contextmanager
    def reader(self, snapshot: Snapshot, memory_limit_mb: int, /) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB that is attached to the source inside `snapshot`, which its exporter must hold meanwhile."""
        from extracts.extraction.duckdb_session import EngineSettings, reading_session, text

        with reading_session(EngineSettings(memory_limit_mb)) as connection:
            address = text(self.conninfo())
            connection.execute(f"ATTACH {address} AS {_READER} (TYPE postgres, READ_ONLY, SCHEMA '{SCHEMA}')")
            connection.execute("SET lock_configuration = true")
            connection.execute("BEGIN TRANSACTION")
            order = text(f"SET TRANSACTION SNAPSHOT '{checked_snapshot(snapshot.exported)}'")
            connection.execute(f"CALL postgres_execute('{_READER}', {order})")
            try:
                yield connection
            finally:
                # Left to the connection's own ending, a source that broke off would abort the whole process
                # (DuckDB 1.5.5).
                with suppress(Exception):
                    connection.execute("ROLLBACK")

    def rows(self, query: str, /) -> str:
        """What `reader` hands to the source as it stands."""
        from extracts.extraction.duckdb_session import text

        return f"postgres_query('{_READER}', {text(query)})"

    def validation_engine(self) -> sa.Engine:
        """PostgreSQL itself. Raises SourceUnreachable, SourceChanged."""
        from extracts.extraction.validation_open import open_source as open_engine

        return open_engine(self.conninfo())


def open_source(
    plan: ExtractPlan, address: str, passfile: Path | None = None, *, allow_query: bool = False
) -> PostgresSource:
    """The source of `plan`, entered as the agreement's role.

    address: libpq keywords without password. A `user` in it other than the agreement's role is refused unless
    `allow_query`: then our query alone minimises, and the manifest says so. Raises SettingMissing, NotPermitted.
    """
    return open_source_as(role_name(plan.request_id), address, passfile, allow_query=allow_query)


def open_source_as(
    role: str, address: str, passfile: Path | None = None, *, allow_query: bool = False
) -> PostgresSource:
    """The same, entered as `role`."""
    if "://" in address:
        raise SettingMissing(
            "The address of the source is a URL, where a PostgreSQL is entered by libpq's keywords.",
            advice="A contract whose source has a URL says so (`sourceKind`); briefings count in PostgreSQL only.",
        )
    try:
        keywords = conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        raise SettingMissing("The source's address is not in libpq's form (host=... port=... dbname=...).") from None
    if keywords.pop("password", None):
        raise SettingMissing(
            "The address of the source holds a password.", advice="Put it into EXTRACTS_SOURCE_PASSFILE instead."
        )
    if passfile is not None:
        keywords["passfile"] = str(passfile)
    user = str(keywords.pop("user", "") or "")
    if user and user != role and not allow_query:
        raise NotPermitted(
            f"The source would be entered as another role than {role}, which would not minimise by itself.",
            advice="Leave the user out of the address, or set EXTRACTS_ALLOW_QUERY_ENFORCEMENT to yes.",
        )
    given = {k: v for k, v in keywords.items() if v is not None}
    options = f"{given.pop('options', '')} {_PLANS}".strip()
    whole = make_conninfo("", **{**_CONNECTION, **given, "options": options})
    if user and user != role:
        return PostgresSource(whole, user, "query", membership_role=user)
    return PostgresSource(whole, role, "role")


@contextmanager
def source_errors() -> Iterator[None]:
    """The boundary: a driver's error becomes ours, with its SQLSTATE and nothing else of it."""
    try:
        yield
    except psycopg.Error as error:
        raise _ours(error.sqlstate) from None


def _enter(connection: Connection, snapshot: str) -> None:
    """Raises SourceUnreachable if nobody holds it any more: its holder's connection was ended."""
    try:
        connection.execute(sql(f"SET TRANSACTION SNAPSHOT '{checked_snapshot(snapshot)}'"))
    except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidParameterValue):
        raise SourceUnreachable(
            "The source ended the connection that held the run's snapshot.",
            advice="It is tried again. If it stays so, ask the source's DBA.",
        ) from None


def checked_snapshot(text: str) -> str:
    """An exported snapshot's id: hex and hyphens. Raises TechnicalFailure."""
    if not text or set(text) - set("0123456789ABCDEFabcdef-"):
        raise TechnicalFailure("The source named its snapshot in an unknown form.")
    return text


def sql(text: str) -> bytes:
    """Marks SQL that was made from checked names and literals only; psycopg takes no other built text."""
    return text.encode()


def _ours(sqlstate: str | None) -> SourceUnreachable | SourceChanged | TechnicalFailure:
    if sqlstate in GAVE_WAY:
        return gave_way(f"SQLSTATE {sqlstate}")
    if sqlstate is None or sqlstate.startswith(_GONE):
        code = f"SQLSTATE {sqlstate}" if sqlstate else "no connection"
        return SourceUnreachable(
            f"The source cannot be reached, or it ended the connection ({code}).",
            advice="It is tried again. If it stays so, ask the source's DBA; is the role's password in the passfile?",
        )
    if sqlstate.startswith(_CHANGED):
        return SourceChanged(
            f"The source refused what was approved (SQLSTATE {sqlstate}): a view, column or right is missing.",
            advice="Ask the source's DBA to run the script of `extracts source sql`.",
        )
    return TechnicalFailure(f"The source failed (SQLSTATE {sqlstate}).", advice="Ask the source's DBA.")


def _export(connection: Connection) -> Snapshot:
    row = connection.execute(
        "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.pg_current_snapshot()::text,"
        " (SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() c), pg_catalog.transaction_timestamp(),"
        " CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
        " ELSE pg_catalog.pg_current_wal_lsn() END::text, pg_catalog.current_setting('server_version')"
    ).fetchone()
    assert row is not None
    exported, visible, system_identifier, at, log_position, version = row
    return Snapshot(visible, system_identifier, at, log_position or "", str(version).split()[0], exported)
