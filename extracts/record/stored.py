"""How values lie in the register's tables: documents as canonical text beside their digest, inserted once."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, Select, Table, Text, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from extracts.canonical import canonical_json, digest_bytes
from extracts.errors import VerificationFailed
from extracts.record.tables import Base
from extracts.record.transaction import Work

Row = TypeVar("Row", bound=Base)


def text_of(value: Any) -> str:
    """The canonical text of a plain value."""
    return canonical_json(value).decode()


def document_of(text: str, digest: str, name: str) -> dict[str, Any]:
    """The document that was stored. Raises VerificationFailed if its text is no longer what its digest is over."""
    if digest_bytes(text.encode()) != digest:
        raise VerificationFailed(
            f"The register's copy of {name} was changed after it was saved: its digest is no longer {digest}.",
            advice="Verify the ledger, and restore the register from its backup.",
        )
    found: dict[str, Any] = json.loads(text)
    return found


def insert_once(work: Work, table: type[Base], values: Mapping[str, Any]) -> bool:
    """Inserts a row unless one has its key; whether it is new."""
    target = cast(Table, table.__table__)
    key = next(iter(target.primary_key))
    statement = insert(target).values(**values).on_conflict_do_nothing().returning(key)
    if work.session.execute(statement).first() is None:
        return False
    work.writing()
    return True


def one_of(column: InstrumentedAttribute[str], values: Collection[str]) -> ColumnElement[bool]:
    """Whether a column has one of these values: one bound value, however many they are."""
    return column == any_(literal(list(values), ARRAY(Text)))


def fresh(session: Session, query: Select[Row]) -> Row | None:
    """The first row of a query, as the database has it now."""
    return session.scalars(query.execution_options(populate_existing=True)).first()
