"""Drafts a new dataset from a database: asks its catalogue for a table, and writes view, contract and suite.

Rules:
1. No row is read, and nothing is written into the database.
2. What is there already is not written over. All files are written, or none.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from extracts.catalogue.contract import SourceKind
from extracts.catalogue.dataset_draft import Table, TableColumn, Wanted, contract_text, suite_text, view_text
from extracts.catalogue.odcs import CONTRACT_FILE, VIEW_FILE
from extracts.errors import NotFound, SourceUnreachable, UsageError
from extracts.extraction.sources.mariadb import MariaDb
from extracts.extraction.sources.parquet_files import SCHEME
from extracts.steps.folder_drafting import described_folder

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_MOST_DIGITS = 38
SUITE_FILE = "source.yaml"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")


def draft_dataset(work: Workplace, url: str, table: str, system: str, name: str = "") -> tuple[Path, ...]:
    """The files of a new dataset, drafted from `table` (`schema.name`, or `name` where there are no schemas).

    url: SQLAlchemy's, or `file:///folder` of Parquet files, which has a folder or file for the table.
    system: the source system's name in contracts. Raises UsageError, NotFound, SourceUnreachable.
    """
    name = _checked(name or table.rpartition(".")[2])
    if url.startswith(SCHEME):
        wanted, found = Wanted(name, system, SourceKind.PARQUET), described_folder(url, table)
    else:
        engine = _engine(url)
        kind = SourceKind.POSTGRESQL if engine.dialect.name == "postgresql" else SourceKind.SQLALCHEMY
        wanted, found = Wanted(name, system, kind), _described(engine, table)
    view = {} if wanted.kind is SourceKind.PARQUET else {work.places.sql / name / VIEW_FILE: view_text(found, wanted)}
    files = {
        **view,
        work.places.expectations / wanted.name / CONTRACT_FILE: contract_text(found, wanted),
        work.places.expectations / wanted.name / SUITE_FILE: suite_text(wanted),
    }
    if there := [str(path) for path in files if path.exists()]:
        raise UsageError(f"{', '.join(there)} is there already.", advice="Choose another --name, or edit these.")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tuple(files)


def _engine(url: str) -> sa.Engine:
    try:
        made = sa.make_url(url)
        if made.drivername == "postgresql":
            made = made.set(drivername="postgresql+psycopg")
        if made.get_dialect().name == "mariadb":
            return MariaDb().engine(made)
        return sa.create_engine(made, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ImportError):
        raise UsageError(
            "That is no SQLAlchemy URL whose driver is installed.",
            advice="Such as postgresql://user@host/database, mariadb+pymysql://user@host or sqlite:////data/file.sqlite.",
        ) from None


def _described(engine: sa.Engine, table: str) -> Table:
    schema, _, name = table.rpartition(".")
    try:
        inspector = sa.inspect(engine)
        columns = inspector.get_columns(name, schema or None)
        key = inspector.get_pk_constraint(name, schema or None).get("constrained_columns") or []
        comment = _comment(inspector, name, schema or None)
    except NoSuchTableError:
        raise NotFound(
            f"There is no table or view {table} that this user can see.", advice="Name it schema.table."
        ) from None
    except SQLAlchemyError as error:
        raise SourceUnreachable(
            f"The database cannot be asked ({type(error).__name__}).", advice="Is it up, and may this user sign in?"
        ) from None
    finally:
        engine.dispose()
    known = tuple(_column(c) for c in columns)
    usable = {c.name for c in known if c.type}
    return Table(table, known, tuple(k for k in key if k in usable), comment)


def _comment(inspector: sa.Inspector, name: str, schema: str | None) -> str:
    try:
        return " ".join((inspector.get_table_comment(name, schema).get("text") or "").split())
    except NotImplementedError:  # SQLite has none
        return ""


def _column(found: Any) -> TableColumn:
    kind = _type(found["type"]) if _NAME.fullmatch(found["name"]) else ""
    return TableColumn(found["name"], kind, bool(found["nullable"]), found.get("comment") or "")


def _type(kind: Any) -> str:
    """As contracts write it. A number without a size and a time without a zone have none: a person decides."""
    if isinstance(kind, sa.Boolean) or (isinstance(kind, mysql.TINYINT) and kind.display_width == 1):
        return "boolean"
    if isinstance(kind, sa.Integer):
        unsigned = getattr(kind, "unsigned", False)
        large = "numeric(20,0)" if unsigned else "numeric(19,0)"
        return large if isinstance(kind, sa.BigInteger) else "numeric(10,0)" if unsigned else "integer"
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
        sized = kind.precision and kind.precision <= _MOST_DIGITS
        return f"numeric({kind.precision},{kind.scale or 0})" if sized else ""
    if isinstance(kind, sa.DateTime):  # MariaDB's TIMESTAMP is a moment, whatever it says of zones
        return "timestamptz" if kind.timezone or isinstance(kind, mysql.TIMESTAMP) else ""
    if isinstance(kind, sa.Date):
        return "date"
    return "text" if isinstance(kind, sa.String | sa.Uuid | sa.Enum) else ""


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:60]!r} cannot name a dataset.", advice="Lower-case letters, digits, underscores: --name."
        )
    return name
