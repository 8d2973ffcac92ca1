"""MariaDB: one consistent snapshot of InnoDB tables, values as they are stored, times in UTC.

Rules:
1. Only InnoDB keeps a snapshot. A view over a table of another engine, or whose tables cannot be told, is refused
   unless its contract says that it does without (`consistentRead: not promised`).
2. A TIMESTAMP is a moment and arrives in UTC. A DATETIME has no zone, and a FLOAT is printed with six digits: neither
   is what a contract can promise, and both are refused by the column's name. So is a zero date.
3. A password is read from an option file of mode 0600 (`read_default_file`), whose group has the user's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from extracts.canonical import digest
from extracts.catalogue.contract import ColumnType, ConsistentRead
from extracts.errors import CheckFailed, NotPermitted, SettingMissing, SourceChanged
from extracts.extraction.sources.dialects import AnyDialect, Moment, edited

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from extracts.catalogue.contract import Column, Dataset

OPTION_FILE = "read_default_file"
CONTROLS = ("curated.hold", "curated.load_stamp")
_SNAPSHOT = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
_SESSION = {
    "time_zone": "'+00:00'",
    "sql_mode": "'STRICT_ALL_TABLES'",
    "net_write_timeout": "3600",  # while a batch is treated, nobody takes the next from the server
    "max_statement_time": "7200",
    "wait_timeout": "7200",
}
_FROM = re.compile(r"(?:from|join)\s+\(*`([^`]+)`\.`([^`]+)`")
_TEXT = re.compile(r"'(?:[^'\\]|\\.|'')*'", re.DOTALL)
_FLOAT, _TIMESTAMP, _DATETIME = 4, 7, 12  # as the protocol numbers types


@dataclass(frozen=True)
class MariaDb(AnyDialect):
    """A server of MariaDB."""

    shows_one_moment: bool = True

    def engine(self, url: sa.URL) -> sa.Engine:
        """Connections in UTC and full Unicode. Raises SettingMissing, NotPermitted."""
        file = url.query.get(OPTION_FILE)
        if isinstance(file, str):
            _check_option_file(Path(file))
            url = url.update_query_dict({"read_default_group": url.username or "client"})
        engine = sa.create_engine(
            url.update_query_dict({"charset": "utf8mb4"}),
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={"connect_timeout": 10},
        )
        sa.event.listen(engine, "connect", _set_session)
        return engine

    def begin(self, connection: sa.Connection) -> None:
        """One moment, from this statement on."""
        connection.exec_driver_sql("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.exec_driver_sql(_SNAPSHOT)

    def moment(self, connection: sa.Connection) -> Moment:
        """Its time, the server's own identifier, and the position of the log as observed."""
        row = connection.exec_driver_sql("SELECT UTC_TIMESTAMP(6), @@server_uid, @@gtid_current_pos").one()
        at: datetime = row[0]
        return Moment(at.replace(tzinfo=UTC), str(row[1]), str(row[2]))

    def fitting(self, rows: list[Any], columns: tuple[Column, ...], described: Any) -> list[Any]:
        """TIMESTAMPs get their zone. Raises CheckFailed for a column that cannot be exact."""
        kinds = [entry[1] for entry in described]
        for column, kind in zip(columns, kinds, strict=True):
            if column.type is ColumnType.DECIMAL and kind == _FLOAT:
                raise _inexact(column, "a FLOAT, whose digits are not what was put in", "Make it a DECIMAL or DOUBLE.")
            if column.type is ColumnType.TIMESTAMP and kind == _DATETIME:
                raise _inexact(column, "a DATETIME, which has no zone", "Make it a TIMESTAMP.")
        moments = [i for i, kind in enumerate(kinds) if kind == _TIMESTAMP]
        return [_zoned(row, moments) for row in rows] if moments else rows

    def curated_digest(self, connection: sa.Connection, dataset: Dataset) -> str:
        """As MariaDB prints the view: the digest that `extracts dataset lock` wrote. Raises SourceChanged."""
        return check_definitions(dataset, definitions(connection, _DEFINITIONS), engines(connection, _ENGINES))


_DEFINITIONS = "SELECT table_schema, table_name, view_definition FROM information_schema.views"
_ENGINES = "SELECT table_schema, table_name, engine FROM information_schema.tables"


def definitions(connection: sa.Connection, query: str) -> dict[str, str]:
    """Definitions of views by `schema.name`, as MariaDB prints them."""
    return {f"{schema}.{name}": text or "" for schema, name, text in connection.exec_driver_sql(query)}


def engines(connection: sa.Connection, query: str) -> dict[str, str]:
    """Engines of tables by `schema.name`; empty for a view."""
    return {f"{schema}.{name}": engine or "" for schema, name, engine in connection.exec_driver_sql(query)}


def printed_digest(definition: str) -> str:
    """The digest of a view as MariaDB prints it."""
    return digest({"mariadb": definition})


def check_definitions(dataset: Dataset, printed: Mapping[str, str], engine_of: Mapping[str, str]) -> str:
    """The digest of the curated view, which is the locked one; the control relations are, too.

    Raises SourceChanged; NotPermitted if it cannot show one moment.
    """
    if not dataset.deployed_view_digest:
        raise SourceChanged(
            f"{dataset.name} {dataset.version}: no view is locked for this version of the contract.",
            advice="Nothing was read. Run `extracts dataset lock` with the database's URL, and have the lock reviewed.",
        )
    if printed_digest(printed.get(dataset.relation, "")) != dataset.deployed_view_digest:
        raise edited(dataset)
    for control in CONTROLS:
        if printed_digest(printed.get(control, "")) != dataset.control_digests.get(control):
            raise SourceChanged(
                f"{control} is not the view that was locked with {dataset.name} {dataset.version}.",
                advice="Nothing was read. Ask the source's owner who edited it: by it people are left out.",
            )
    if dataset.consistent_read is ConsistentRead.REQUIRED:
        _check_engines(dataset, (printed[r] for r in (dataset.relation, *CONTROLS)), engine_of)
    return dataset.deployed_view_digest


def base_tables(definition: str) -> tuple[str, ...]:
    """`schema.name` of what a printed view selects from."""
    found = _FROM.findall(_TEXT.sub("''", definition))
    return tuple(dict.fromkeys(f"{schema}.{name}" for schema, name in found))


def _check_engines(dataset: Dataset, texts: Iterable[str], engine_of: Mapping[str, str]) -> None:
    """Raises NotPermitted unless every table below keeps a snapshot."""
    tables = dict.fromkeys(table for text in texts for table in base_tables(text))
    other = [f"{t} ({engine_of.get(t) or 'no table that can be seen'})" for t in tables if engine_of.get(t) != "InnoDB"]
    if other:
        raise NotPermitted(
            f"{dataset.name}: {', '.join(other)} would not show one moment to everything that a run asks.",
            advice="Only InnoDB tables do, named in the view itself. Ask the source's DBA; only a contract that says "
            "`consistentRead: not promised` accepts it.",
        )


def _set_session(connection: Any, _: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION {', '.join(f'{name} = {value}' for name, value in _SESSION.items())}")


def _zoned(row: Any, moments: list[int]) -> list[Any]:
    values = list(row)
    for i in moments:
        if isinstance(values[i], datetime):
            values[i] = values[i].replace(tzinfo=UTC)
    return values


def _check_option_file(path: Path) -> None:
    if not path.is_file():
        raise SettingMissing(f"The option file of the source's address, {path}, is not there.")
    if path.stat().st_mode & 0o077:
        raise NotPermitted(f"{path} holds passwords and can be read by others.", advice=f"chmod 600 {path}")


def _inexact(column: Column, told: str, advice: str) -> CheckFailed:
    return CheckFailed(f"{column.name}: the source holds it as {told}.", advice=f"Nothing leaves. {advice}")
