"""The register's memory of recipients: which of their keys was confirmed, under which name of their organisation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from extracts.record.stored import insert_once
from extracts.record.tables.before_delivery import RecipientConfirmationRow
from extracts.record.transaction import Reading, Work


@dataclass(frozen=True)
class Confirmation:
    """One key, compared out of band. `organisation`: the name of the body at that time."""

    recipient: str
    organisation: str
    fingerprint: str
    channel: str
    spoken_with: str
    confirmed_by: str
    confirmed_at: datetime


def save_confirmation(work: Work, entry: Confirmation) -> bool:
    """Keeps it; whether it is new."""
    return insert_once(work, RecipientConfirmationRow, entry.__dict__)


def list_confirmations(reading: Reading, recipient: str = "") -> tuple[Confirmation, ...]:
    """Every confirmation, oldest first."""
    c = RecipientConfirmationRow
    query = select(c).order_by(c.confirmed_at, c.recipient, c.fingerprint)
    query = query.where(c.recipient == recipient) if recipient else query
    names = Confirmation.__dataclass_fields__
    return tuple(Confirmation(**{n: getattr(row, n) for n in names}) for row in reading.session.scalars(query))
