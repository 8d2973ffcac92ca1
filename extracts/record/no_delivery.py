"""The register's memory of notices of no delivery: once per agreement and period, with what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, select, tuple_

from extracts.record.delivery_entries import LEFT_THE_HOUSE
from extracts.record.stored import insert_once
from extracts.record.tables.before_delivery import NoDeliveryRow, NoDeliveryStepRow
from extracts.record.tables.deliveries import DeliveryRow
from extracts.record.tables.requests import RequestRow
from extracts.record.transaction import Reading, Work

_STANDING = ("approved", "suspended")


class Step(StrEnum):
    """What became of a notice: it lies in the area, it does not count any more, it is out of the area."""

    PLACED = "placed"
    LIFTED = "lifted"
    REMOVED = "removed"


@dataclass(frozen=True)
class NoDeliveryEntry:
    """One notice. `document` and `signature` are what lies in the transfer area."""

    request_id: str
    period: str
    version: int
    recipient: str
    reason: str
    due_at: datetime
    document: str = field(repr=False)
    digest: str
    signature: str = field(repr=False)
    noted_at: datetime


def save_no_delivery(work: Work, entry: NoDeliveryEntry) -> bool:
    """Keeps a notice; whether it is new."""
    return insert_once(work, NoDeliveryRow, entry.__dict__)


def save_step(work: Work, entry: NoDeliveryEntry, step: Step, at: datetime) -> bool:
    """What became of it; whether that is new."""
    named = {"request_id": entry.request_id, "period": entry.period, "recipient": entry.recipient}
    values = {**named, "step": step, "at": at}
    return insert_once(work, NoDeliveryStepRow, values)


def noted(reading: Reading, since: datetime) -> frozenset[tuple[str, str, str]]:
    """(request, period, recipient) of what was due since then and has its notice."""
    n = NoDeliveryRow
    query = select(n.request_id, n.period, n.recipient).where(n.due_at >= since)
    return frozenset((row[0], row[1], row[2]) for row in reading.session.execute(query))


def list_no_deliveries(reading: Reading, request_id: str = "") -> tuple[NoDeliveryEntry, ...]:
    """Every notice that counts, oldest first."""
    return _entries(reading, ~_has(Step.LIFTED), request_id)


def to_place(reading: Reading) -> tuple[NoDeliveryEntry, ...]:
    """Those that count, and do not lie in the area yet."""
    return _entries(reading, ~_has(Step.LIFTED) & ~_has(Step.PLACED))


def to_lift(reading: Reading) -> tuple[NoDeliveryEntry, ...]:
    """Those whose delivery came since, or whose agreement is over."""
    n, d, r = NoDeliveryRow, DeliveryRow, RequestRow
    here = (d.request_id == n.request_id) & (d.period == n.period) & (d.recipient == n.recipient)
    here = here & d.state.in_(LEFT_THE_HOUSE)
    standing = (r.request_id == n.request_id) & r.status.in_(_STANDING)
    return _entries(reading, ~_has(Step.LIFTED) & (exists().where(here) | ~exists().where(standing)))


def to_remove(reading: Reading) -> tuple[NoDeliveryEntry, ...]:
    """Those that do not count any more, and may still lie in the area."""
    return _entries(reading, _has(Step.LIFTED) & ~_has(Step.REMOVED))


def _has(step: Step) -> ColumnElement[bool]:
    n, s = NoDeliveryRow, NoDeliveryStepRow
    return exists().where(
        tuple_(s.request_id, s.period, s.recipient) == tuple_(n.request_id, n.period, n.recipient), s.step == step
    )


def _entries(reading: Reading, which: ColumnElement[bool], request_id: str = "") -> tuple[NoDeliveryEntry, ...]:
    n = NoDeliveryRow
    query = select(n).where(which).order_by(n.due_at, n.request_id)
    query = query.where(n.request_id == request_id) if request_id else query
    names = NoDeliveryEntry.__dataclass_fields__
    return tuple(NoDeliveryEntry(**{k: getattr(row, k) for k in names}) for row in reading.session.scalars(query))
