"""The register's memory of deliveries after they left: steps of custody, receipts, certificates, and what was refused.

Rules:
1. A step follows the one before it as the table of states allows (`agreement.custody`), under the delivery's lock.
2. A receipt and a certificate are kept as the very bytes that were signed, once, beside their signature.
3. What is refused is kept once per reason, by digest alone: its content is a stranger's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping, exists, func, select

from extracts.agreement.custody import CUSTODY_TRANSITIONS, Custody, CustodyNow
from extracts.agreement.plan import Criticality
from extracts.errors import IllegalTransition, NotFound
from extracts.record.delivery_entries import LEFT_THE_HOUSE, DeliveryState
from extracts.record.stored import insert_once, one_of
from extracts.record.tables.deliveries import (
    CertificateRow,
    CustodyRow,
    DeliveryRow,
    ReceiptRow,
    RefusedDocumentRow,
    RemovalRow,
)
from extracts.record.tables.requests import DecisionRow, RequestRow
from extracts.record.transaction import Reading, Work

_OUT_OF_THE_AREA = (Custody.EXPIRED, Custody.WITHDRAWN, Custody.DESTROYED)


@dataclass(frozen=True)
class ReceiptEntry:
    """A receipt that was taken. `document` and `signature` are what was signed, and by which it was."""

    digest: str
    delivery_id: str
    result: str
    signed_at: datetime
    key_fingerprint: str
    document: str = field(repr=False)
    signature: str = field(repr=False)
    taken_at: datetime


@dataclass(frozen=True)
class CertificateEntry:
    """A certificate of destruction that was taken; the deliveries that it covers are told by their custody."""

    digest: str
    recipient: str
    signed_at: datetime
    key_fingerprint: str
    document: str = field(repr=False)
    signature: str = field(repr=False)
    taken_at: datetime


@dataclass(frozen=True)
class CustodyStep:
    """One step of a delivery's custody."""

    step: Custody
    at: datetime
    actor: str
    document_digest: str


def custody_now(reading: Reading, delivery_id: str) -> CustodyNow:
    """Where a delivery that left is. Raises NotFound, also for one that did not leave."""
    found = custodies(reading, delivery_ids=(delivery_id,))
    if not found:
        raise NotFound(f"No delivery {delivery_id!r} has left.", advice="`extracts deliveries list` shows what did.")
    return found[0]


def custodies(
    reading: Reading,
    *,
    delivery_ids: Collection[str] | None = None,
    request_id: str = "",
    recipient: str = "",
    destroy_before: date | None = None,
) -> tuple[CustodyNow, ...]:
    """Where deliveries that left are, by publication. One question, however many they are."""
    d = DeliveryRow
    query = _custodies().where(d.state.in_(LEFT_THE_HOUSE))
    if delivery_ids is not None:
        query = query.where(one_of(d.delivery_id, delivery_ids))
    for column, value in ((d.request_id, request_id), (d.recipient, recipient)):
        query = query.where(column == value) if value else query
    if destroy_before is not None:
        query = query.where(d.destroy_by < destroy_before)
    return tuple(_now(row) for row in reading.session.execute(query).mappings())


def custody_steps(reading: Reading, delivery_id: str) -> tuple[CustodyStep, ...]:
    """Every step after the first publication, in order."""
    return custody_steps_of(reading, (delivery_id,)).get(delivery_id, ())


def custody_steps_of(reading: Reading, delivery_ids: Collection[str]) -> Mapping[str, tuple[CustodyStep, ...]]:
    """The same of several deliveries, by id, those without a step left out. One question."""
    c = CustodyRow
    found: dict[str, tuple[CustodyStep, ...]] = {}
    query = select(c).where(one_of(c.delivery_id, delivery_ids)).order_by(c.delivery_id, c.number)
    for r in reading.session.scalars(query):
        step = CustodyStep(Custody(r.step), r.at, r.actor, r.document_digest)
        found[r.delivery_id] = (*found.get(r.delivery_id, ()), step)
    return found


def lock_custody(work: Work, delivery_id: str) -> CustodyNow:
    """The same as `custody_now`, while nobody else moves this delivery. Raises NotFound."""
    work.session.execute(select(DeliveryRow.state).where(DeliveryRow.delivery_id == delivery_id).with_for_update())
    return custody_now(work, delivery_id)


def save_step(
    work: Work, now: CustodyNow, step: Custody, *, at: datetime, actor: str, document_digest: str = ""
) -> None:
    """The next step of a delivery whose custody the caller locked. Raises IllegalTransition."""
    if step not in CUSTODY_TRANSITIONS[now.state]:
        raise IllegalTransition(f"{now.delivery_id} is {now.state}; it cannot become {step}.")
    here = CustodyRow.delivery_id == now.delivery_id
    number = (work.session.scalar(select(func.max(CustodyRow.number)).where(here)) or 0) + 1
    values = {"number": number, "step": step, "at": at, "actor": actor, "document_digest": document_digest}
    work.writing().add(CustodyRow(delivery_id=now.delivery_id, **values))
    work.session.flush()


def to_remove(reading: Reading, delivery_ids: Collection[str] = ()) -> tuple[tuple[str, int, Custody], ...]:
    """(delivery, step, kind) of what expired, was withdrawn or destroyed, and may still lie in the transfer area."""
    c, r = CustodyRow, RemovalRow
    gone = exists().where(r.delivery_id == c.delivery_id, r.number == c.number)
    query = select(c.delivery_id, c.number, c.step).where(c.step.in_(_OUT_OF_THE_AREA), ~gone)
    query = query.where(one_of(c.delivery_id, delivery_ids)) if delivery_ids else query
    return tuple((d, n, Custody(s)) for d, n, s in reading.session.execute(query.order_by(c.delivery_id, c.number)))


def save_removal(work: Work, delivery_id: str, number: int, at: datetime) -> bool:
    """That its files are out of the area; whether nobody had noted that before."""
    return insert_once(work, RemovalRow, {"delivery_id": delivery_id, "number": number, "removed_at": at})


def save_receipt(work: Work, entry: ReceiptEntry) -> bool:
    """Keeps a receipt; whether it is new."""
    return insert_once(work, ReceiptRow, entry.__dict__)


def list_receipts(reading: Reading, delivery_id: str) -> tuple[ReceiptEntry, ...]:
    """A delivery's receipts, in the order in which they were taken."""
    query = select(ReceiptRow).where(ReceiptRow.delivery_id == delivery_id).order_by(ReceiptRow.taken_at)
    names = ReceiptEntry.__dataclass_fields__
    return tuple(ReceiptEntry(**{n: getattr(row, n) for n in names}) for row in reading.session.scalars(query))


def save_certificate(work: Work, entry: CertificateEntry) -> bool:
    """Keeps a certificate of destruction; whether it is new."""
    return insert_once(work, CertificateRow, entry.__dict__)


def was_taken(reading: Reading, digest: str) -> bool:
    """Whether a receipt or certificate of these very bytes was taken before."""
    receipt, certificate = (
        exists().where(ReceiptRow.digest == digest),
        exists().where(CertificateRow.digest == digest),
    )
    return bool(reading.session.scalar(select(receipt | certificate)))


def save_refusal(work: Work, digest: str, recipient: str, objection: str, delivery_id: str, at: datetime) -> bool:
    """Remembers what was refused, and why; whether that is new. `delivery_id` is empty if it names none of theirs."""
    values = {"digest": digest, "recipient": recipient, "objection": objection}
    return insert_once(work, RefusedDocumentRow, values | {"delivery_id": delivery_id or None, "refused_at": at})


def latest_of(reading: Reading, recipient: str) -> tuple[str, int] | None:
    """(request, version) of what was published to a recipient last; None if nothing was."""
    d = DeliveryRow
    query = select(d.request_id, d.version).where(d.recipient == recipient, d.state.in_(LEFT_THE_HOUSE))
    row = reading.session.execute(query.order_by(d.published_at.desc()).limit(1)).first()
    return (row[0], row[1]) if row else None


def _custodies() -> Any:
    """Steps are looked up by delivery: few where one delivery is asked for, each once where all are."""
    c, d, r = CustodyRow, DeliveryRow, ReceiptRow
    steps = select(c).where(c.delivery_id == d.delivery_id).correlate(d)
    last = steps.order_by(c.number.desc()).limit(1)
    again = steps.where(c.step == Custody.PUBLISHED).with_only_columns(func.max(c.at)).scalar_subquery()
    columns = (d.delivery_id, d.request_id, d.version, d.recipient, d.state, d.destroy_by)
    return (
        select(
            *columns,
            DecisionRow.criticality,
            func.coalesce(RequestRow.evidence_days, 0).label("evidence_days"),
            func.coalesce(last.with_only_columns(c.step).scalar_subquery(), Custody.PUBLISHED.value).label("step"),
            func.coalesce(last.with_only_columns(c.at).scalar_subquery(), d.published_at).label("since"),
            func.coalesce(again, d.published_at).label("published_at"),
            exists().where(r.delivery_id == d.delivery_id).label("with_recipient"),
        )
        .join(DecisionRow, DecisionRow.digest == d.decision_digest)
        .join(RequestRow, (RequestRow.request_id == d.request_id) & (RequestRow.version == d.version))
        .order_by(d.published_at, d.delivery_id)
    )


def _now(row: RowMapping) -> CustodyNow:
    state = Custody(row["step"])
    if row["state"] == DeliveryState.WITHDRAWN and state is not Custody.DESTROYED:
        state = Custody.WITHDRAWN
    names = ("delivery_id", "request_id", "version", "recipient")
    times = ("since", "published_at", "with_recipient", "evidence_days")
    return CustodyNow(
        **{name: row[name] for name in (*names, *times)},
        criticality=Criticality(row["criticality"] or Criticality.ENTITLEMENT),
        state=state,
        superseded=row["state"] == DeliveryState.SUPERSEDED,
        destroy_by=row["destroy_by"],
    )
