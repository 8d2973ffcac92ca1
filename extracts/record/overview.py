"""The register as a list: one line per request with where it stands, filtered and paged by the database.

Rules:
1. A line is about the newest version of a request. What agreement is in force under the same id is told beside it, for
   an approved version stays in force while the next one is examined.
2. No document is read here: what a list needs stands in columns that the database computes from it (see `tables`). A
   page costs the same few statements however many lines the register has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, exists, func, select
from sqlalchemy.orm import aliased

from extracts import signing
from extracts.record.delivery_entries import LEFT_THE_HOUSE
from extracts.record.stored import one_of
from extracts.record.tables.deliveries import DeliveryRow
from extracts.record.tables.requests import DecisionRow, RequestRow, SignatureRow
from extracts.record.transaction import Reading

_ROLES = (signing.DECISION_BOARD, signing.DECISION_CONTROLLER)


@dataclass(frozen=True)
class Wanted:
    """What a list is narrowed to; empty: everything. `words` must all be in id, title or purpose.

    `in_force`: only ids under which an agreement is in force, or suspended, whatever their newest version is.
    `among`: only these ids; None: any. `organisation`: the body that asked.
    """

    recipient: str = ""
    status: str = ""
    in_force: bool = False
    dataset: str = ""
    gateway: str = ""
    words: tuple[str, ...] = ()
    among: tuple[str, ...] | None = None
    organisation: str = ""


@dataclass(frozen=True)
class SignedDecision:
    """A decision with every signature that it takes. `decided_at`: when the last of them was recorded."""

    request_id: str
    version: int
    outcome: str
    decided_at: datetime
    approves: bool
    ends_on: date | None
    review_on: date | None


@dataclass(frozen=True)
class RegisterLine:
    """One request. `decision` is on this version; `agreement` is the newest approval under this id, `standing` its
    status. `deliveries` have left, the latest at `last_left_at`."""

    request_id: str
    version: int
    title: str
    organisation: str
    recipient: str
    status: str
    gateway: str
    datasets: tuple[str, ...]
    received_on: date | None
    submitted_at: datetime
    expedited: bool
    decision: SignedDecision | None = None
    agreement: SignedDecision | None = None
    standing: str = ""
    deliveries: int = 0
    last_left_at: datetime | None = None


@dataclass(frozen=True)
class Choices:
    """Every value that a list can be narrowed to."""

    recipients: tuple[str, ...] = field(default=())
    datasets: tuple[str, ...] = field(default=())
    gateways: tuple[str, ...] = field(default=())


def count_lines(reading: Reading, wanted: Wanted) -> int:
    """How many requests there are of those wanted."""
    return reading.session.scalar(select(func.count()).select_from(_newest(wanted).subquery())) or 0


def list_lines(reading: Reading, wanted: Wanted, *, limit: int, offset: int = 0) -> tuple[RegisterLine, ...]:
    """A page of lines, the newest submission first."""
    order = (RequestRow.submitted_at.desc(), RequestRow.request_id.desc())
    found = reading.session.execute(_newest(wanted).order_by(*order).limit(limit).offset(offset)).all()
    ids = [row.request_id for row in found]
    decided, statuses, left = _signed(reading, ids), _statuses(reading, ids), _left(reading, ids)
    lines = []
    for row in found:
        decision = next((d for d in decided.get(row.request_id, ()) if d.version == row.version), None)
        agreement = next((d for d in decided.get(row.request_id, ()) if d.approves), None)
        standing = statuses[row.request_id, agreement.version] if agreement else ""
        number, last = left.get(row.request_id, (0, None))
        values = row._asdict() | {"datasets": tuple(row.datasets or ()), "expedited": bool(row.expedited)}
        lines.append(
            RegisterLine(
                **values,
                decision=decision,
                agreement=agreement,
                standing=standing,
                deliveries=number,
                last_left_at=last,
            )
        )
    return tuple(lines)


def list_choices(reading: Reading) -> Choices:
    """What there is to choose from, in the alphabet's order."""
    datasets = select(func.unnest(RequestRow.datasets)).distinct()
    return Choices(
        recipients=_sorted(reading.session.scalars(select(func.unnest(RequestRow.recipients)).distinct())),
        datasets=_sorted(reading.session.scalars(datasets)),
        gateways=_sorted(reading.session.scalars(select(RequestRow.gateway).distinct())),
    )


def in_force() -> FromClause:
    """For other lists: per id the newest approval with both signatures, whatever became of it since."""
    board, controller = aliased(SignatureRow), aliased(SignatureRow)
    d = DecisionRow
    query = select(
        *(d.digest, d.request_id, d.version, d.frequency, d.schedule, d.only_present, d.starts_on, d.review_on),
        *(d.valid_from, func.least(d.ends_on, d.valid_until).label("last_day")),
    )
    for signed, role in zip((board, controller), _ROLES, strict=True):
        query = query.join(signed, (signed.document_digest == d.digest) & (signed.namespace == role))
    query = query.where(d.plan_digest != "").distinct(d.request_id)
    return query.order_by(d.request_id, d.recorded_at.desc(), d.digest).subquery()


def _newest(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    r, other = RequestRow, aliased(RequestRow)
    columns = (r.request_id, r.version, r.title, r.requester_organisation.label("organisation"), r.recipient, r.status)
    query = select(*columns, r.gateway, r.datasets, r.received_on, r.submitted_at, r.expedited)
    query = query.where(~exists().where(other.request_id == r.request_id, other.version > r.version))
    return query.where(*_conditions(wanted))


def _conditions(wanted: Wanted) -> Iterable[ColumnElement[bool]]:
    r = RequestRow
    same_as = (
        (r.status, wanted.status),
        (r.gateway, wanted.gateway),
        (r.requester_organisation, wanted.organisation),
    )
    for column, value in same_as:
        if value:
            yield column == value
    if wanted.among is not None:
        yield one_of(r.request_id, wanted.among)
    if wanted.recipient:
        yield r.recipients.contains([wanted.recipient])
    if wanted.dataset:
        yield r.datasets.contains([wanted.dataset])
    for word in wanted.words:
        yield r.sought.contains(word.lower(), autoescape=True)
    if wanted.in_force:
        approved, decided = in_force(), aliased(RequestRow)
        same = (decided.request_id == approved.c.request_id) & (decided.version == approved.c.version)
        alive = select(decided.request_id).join(approved, same).where(decided.status.in_(("approved", "suspended")))
        yield r.request_id.in_(alive)


def _signed(reading: Reading, ids: list[str]) -> Mapping[str, list[SignedDecision]]:
    """The decisions on these requests that are signed in full, newest first."""
    d, s = DecisionRow, SignatureRow
    number, ends_on = func.count(s.namespace), func.least(d.ends_on, d.valid_until)
    columns = (d.request_id, d.version, d.outcome, func.max(s.recorded_at), d.plan_digest != "", ends_on, d.review_on)
    query = (
        select(*columns)
        .join(s, (s.document_digest == d.digest) & s.namespace.in_(_ROLES))
        .where(d.request_id.in_(ids))
        .group_by(d.digest)
        .having((number == len(_ROLES)) | ((d.outcome == "return") & (number > 0)))
        .order_by(d.recorded_at.desc(), d.digest)
    )
    found: dict[str, list[SignedDecision]] = {}
    for row in reading.session.execute(query):
        found.setdefault(row[0], []).append(SignedDecision(*row))
    return found


def _statuses(reading: Reading, ids: list[str]) -> Mapping[tuple[str, int], str]:
    query = select(RequestRow.request_id, RequestRow.version, RequestRow.status).where(RequestRow.request_id.in_(ids))
    return {(row.request_id, row.version): row.status for row in reading.session.execute(query)}


def _left(reading: Reading, ids: list[str]) -> Mapping[str, tuple[int, datetime | None]]:
    d = DeliveryRow
    query = select(d.request_id, func.count(), func.max(d.published_at)).group_by(d.request_id)
    query = query.where(d.request_id.in_(ids), d.state.in_(LEFT_THE_HOUSE))
    return {row[0]: (row[1], row[2]) for row in reading.session.execute(query)}


def _sorted(found: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted(value for value in found if value))
