"""The register's agreements that run elsewhere: one row per revision, added and never changed.

Rules:
1. The newest revision is what counts; those before it are its history.
2. A document is held against its digest when it is read. Lists read columns alone, which the database computes.
3. Two who write the same revision: the second is refused, and nothing of theirs is saved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import aliased

from extracts.agreement.elsewhere import ElsewhereTerms, Standing, standing_of
from extracts.canonical import digest
from extracts.errors import NotFound, Refused
from extracts.record.stored import document_of, insert_once, text_of
from extracts.record.tables.requests import ElsewhereRow
from extracts.record.transaction import Reading, Work


@dataclass(frozen=True)
class ElsewhereEntry:
    """One revision, by whom it was recorded and when."""

    elsewhere_id: str
    revision: int
    terms: ElsewhereTerms
    recorded_by: str
    recorded_at: datetime

    @property
    def digest(self) -> str:
        """The digest by which the ledger names it."""
        return digest(self.terms.document())


@dataclass(frozen=True)
class ElsewhereLine:
    """The newest revision as a list tells it."""

    elsewhere_id: str
    revision: int
    title: str
    carrier: str
    recipient: str
    classes: tuple[str, ...]
    gateway: str
    owner: str
    valid_from: date
    valid_until: date
    review_on: date | None
    ended_on: date | None

    def standing(self, today: date) -> Standing:
        """Where it stands on this day."""
        return standing_of(self.valid_from, self.valid_until, self.ended_on, today)


@dataclass(frozen=True)
class WantedElsewhere:
    """What a list is narrowed to; empty: everything. `in_force_on`: only what is in force on that day."""

    recipient: str = ""
    gateway: str = ""
    owner: str = ""
    words: tuple[str, ...] = ()
    in_force_on: date | None = None


_COLUMNS = tuple(ElsewhereLine.__dataclass_fields__)


def save_revision(work: Work, entry: ElsewhereEntry) -> None:
    """Adds a revision. Raises Refused if it is there already."""
    document = entry.terms.document()
    values = {
        "elsewhere_id": entry.elsewhere_id,
        "revision": entry.revision,
        "document": text_of(document),
        "digest": entry.digest,
        "recorded_by": entry.recorded_by,
        "recorded_at": entry.recorded_at,
    }
    if not insert_once(work, ElsewhereRow, values):
        raise Refused(
            f"{entry.elsewhere_id} is registered already, with revision {entry.revision}.",
            advice="`extracts elsewhere show` has it. Give another id, or correct that one.",
        )


def get_elsewhere(reading: Reading, elsewhere_id: str) -> ElsewhereEntry:
    """Its newest revision. Raises NotFound, VerificationFailed."""
    return elsewhere_history(reading, elsewhere_id)[-1]


def elsewhere_history(reading: Reading, elsewhere_id: str) -> tuple[ElsewhereEntry, ...]:
    """Every revision, oldest first. Raises NotFound, VerificationFailed."""
    row = ElsewhereRow
    query = select(row).where(row.elsewhere_id == elsewhere_id).order_by(row.revision)
    found = tuple(_entry(r) for r in reading.session.scalars(query))
    if not found:
        raise NotFound(
            f"No agreement that runs elsewhere has the id {elsewhere_id!r}.",
            advice="`extracts elsewhere list` shows them.",
        )
    return found


def count_elsewhere(reading: Reading, wanted: WantedElsewhere) -> int:
    """How many there are of those wanted."""
    return reading.session.scalar(select(func.count()).select_from(_newest(wanted).subquery())) or 0


def list_elsewhere(
    reading: Reading, wanted: WantedElsewhere, *, limit: int = 10_000, offset: int = 0
) -> tuple[ElsewhereLine, ...]:
    """A page of them, the nearest end first; what was ended comes last."""
    row = ElsewhereRow
    order = (row.ended_on.is_not(None), row.valid_until, row.elsewhere_id)
    found = reading.session.execute(_newest(wanted).order_by(*order).limit(limit).offset(offset))
    return tuple(_line(r) for r in found)


def ending_elsewhere(reading: Reading, first: date, last: date) -> tuple[ElsewhereLine, ...]:
    """Those that nobody ended and whose last day lies between two days, inclusive."""
    row = ElsewhereRow
    query = _newest(WantedElsewhere()).where(row.ended_on.is_(None), row.valid_until.between(first, last))
    return tuple(_line(r) for r in reading.session.execute(query.order_by(row.valid_until, row.elsewhere_id)))


def elsewhere_choices(reading: Reading) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(recipients, gateways) that a list can be narrowed to."""
    newest = _newest(WantedElsewhere()).subquery()
    columns = (newest.c.recipient, newest.c.gateway)
    recipients, gateways = (tuple(sorted(reading.session.scalars(select(c).distinct()))) for c in columns)
    return recipients, gateways


def _newest(wanted: WantedElsewhere) -> Select[*tuple[Any, ...]]:
    row, other = ElsewhereRow, aliased(ElsewhereRow)
    later = exists().where(other.elsewhere_id == row.elsewhere_id, other.revision > row.revision)
    return select(*(getattr(row, name) for name in _COLUMNS)).where(~later, *_conditions(wanted))


def _conditions(wanted: WantedElsewhere) -> Iterable[ColumnElement[bool]]:
    row = ElsewhereRow
    same_as = ((row.recipient, wanted.recipient), (row.gateway, wanted.gateway), (row.owner, wanted.owner))
    for column, value in same_as:
        if value:
            yield column == value
    for word in wanted.words:
        yield row.sought.contains(word.lower(), autoescape=True)
    if day := wanted.in_force_on:
        yield row.valid_from <= day
        yield row.valid_until >= day
        yield or_(row.ended_on.is_(None), row.ended_on > day)


def _line(row: Any) -> ElsewhereLine:
    return ElsewhereLine(**(row._asdict() | {"classes": tuple(row.classes)}))


def _entry(row: ElsewhereRow) -> ElsewhereEntry:
    name = f"{row.elsewhere_id}, revision {row.revision}"
    terms = ElsewhereTerms.model_validate(document_of(row.document, row.digest, name))
    return ElsewhereEntry(row.elsewhere_id, row.revision, terms, row.recorded_by, row.recorded_at)
