"""The one boundary to the database of register and ledger: how it is opened, and what its failures become.

Rules:
1. A failure of the database or its driver becomes TechnicalFailure with the SQLSTATE and our own words, `from None`:
   drivers quote values, statements and addresses in theirs.
2. Every session speaks UTC, reads what others committed, and waits at most 30 seconds for a lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from extracts.errors import SettingMissing, TechnicalFailure

_DRIVER = "postgresql+psycopg"
_SESSION = "-c timezone=UTC -c lock_timeout=30s"
# By the beginning of the SQLSTATE (PostgreSQL, appendix A); EX is ours, raised by the triggers in sql/register.
_ADVICE = {
    "28": "The server refused the login: check EXTRACTS_REGISTER_URL and its password file.",
    "3D": "The database does not exist: check EXTRACTS_REGISTER_URL.",
    "3F": "The tables are not there: run `extracts register migrate`.",
    "42P01": "The tables are not there: run `extracts register migrate`.",
    "42501": "The role may not do this; that is how ledger and register protect what they hold.",
    "42703": "The tables are older than this program: run `extracts register migrate`.",
    "53100": "The register's disk is full.",
    "55P03": "Another session holds a lock; try again.",
    "40": "Two sessions were in each other's way; try again.",
    "EX001": "An event that does not continue the ledger's chain is never stored.",
    "EX002": "Events are only ever added.",
    "EX003": "What was published stays as it was; correct it by a new revision.",
    "": "Is the server running and reachable? Try again.",
}


def open_engine(url: str) -> Engine:
    """The engine for a SQLAlchemy URL. Connects when first used. Raises SettingMissing if the URL cannot serve."""
    try:
        address = make_url(url)
    except ArgumentError:
        raise SettingMissing("The register's address is not a SQLAlchemy URL.", advice=_form()) from None
    if address.drivername != _DRIVER:
        raise SettingMissing(f"The register's address asks for {address.drivername}.", advice=_form())
    session = {"application_name": "extracts", "connect_timeout": 10, "options": _SESSION}
    return create_engine(
        address,
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=session,
    )


@contextmanager
def database_boundary() -> Iterator[None]:
    """Turns whatever the database or its driver raises inside into TechnicalFailure."""
    try:
        yield
    except (SQLAlchemyError, psycopg.Error) as error:
        raise _failure(error) from None


def _failure(error: SQLAlchemyError | psycopg.Error) -> TechnicalFailure:
    origin = getattr(error, "orig", None) or error
    code = getattr(origin, "sqlstate", None) or ""
    if not code and not isinstance(origin, psycopg.OperationalError):
        # Not the server's word but the library's; its class says enough, its text may quote values.
        return TechnicalFailure(f"The register could not be used ({type(origin).__name__}).")
    advice = next((a for start, a in _ADVICE.items() if start and code.startswith(start)), "" if code else _ADVICE[""])
    said = f"SQLSTATE {code}" if code else "no connection"
    return TechnicalFailure(f"The register's database failed ({said}).", advice=advice)


def _form() -> str:
    return f"Write it as {_DRIVER}://role@host:port/database, with the password in a passfile."
