"""The register's decisions and orders, and every signature on them with the time at which it was first seen.

Whether a decision is in force is not judged here: the signatures, dates, orders and status that decide it are handed
out, and `agreement` and `steps` judge.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import ColumnElement, select

from extracts.errors import NotFound, Refused
from extracts.record.entries import DecisionEntry, OrderEntry, SignatureEntry
from extracts.record.requests import get_request
from extracts.record.stored import document_of, fresh, insert_once, text_of
from extracts.record.tables.requests import DecisionRow, OrderRow, RequestRow, SignatureRow
from extracts.record.transaction import Reading, Work


def save_decision(work: Work, entry: DecisionEntry) -> bool:
    """Saves a decision document with the plan it binds; whether it is new. Raises NotFound for an unknown request."""
    get_request(work, entry.request_id, entry.version)
    values = {
        "digest": entry.digest,
        "request_id": entry.request_id,
        "version": entry.version,
        "outcome": entry.outcome,
        "plan_digest": entry.plan_digest,
        "document": text_of(entry.document),
        "plan": text_of(entry.plan),
        "valid_from": entry.valid_from,
        "valid_until": entry.valid_until,
        "recorded_at": entry.recorded_at,
    }
    return insert_once(work, DecisionRow, values)


def get_decision(reading: Reading, digest: str) -> DecisionEntry:
    """The decision with this digest. Raises NotFound, VerificationFailed."""
    row = fresh(reading.session, select(DecisionRow).where(DecisionRow.digest == digest))
    if row is None:
        raise NotFound(f"No decision {digest} is in the register.")
    return _decision(row)


def list_decisions(reading: Reading, request_id: str) -> tuple[DecisionEntry, ...]:
    """Every decision on a request, newest first. Raises VerificationFailed."""
    here = DecisionRow.request_id == request_id
    query = select(DecisionRow).where(here).order_by(DecisionRow.recorded_at.desc(), DecisionRow.digest)
    return tuple(_decision(row) for row in reading.session.scalars(query))


def decisions_past(reading: Reading, day: date, statuses: Collection[str]) -> tuple[DecisionEntry, ...]:
    """Decisions, signed or not, whose last day was before `day`, on requests that have one of these statuses."""
    return _decisions(reading, DecisionRow.valid_until < day, statuses)


def decisions_ending(reading: Reading, first: date, last: date, statuses: Collection[str]) -> tuple[DecisionEntry, ...]:
    """The same for those whose last day is one from `first` to `last`, both inclusive."""
    return _decisions(reading, DecisionRow.valid_until.between(first, last), statuses)


def _decisions(reading: Reading, ends: ColumnElement[bool], statuses: Collection[str]) -> tuple[DecisionEntry, ...]:
    same = (RequestRow.request_id == DecisionRow.request_id) & (RequestRow.version == DecisionRow.version)
    query = select(DecisionRow).join(RequestRow, same).where(RequestRow.status.in_(statuses), ends)
    query = query.order_by(DecisionRow.request_id, DecisionRow.digest)
    return tuple(_decision(row) for row in reading.session.scalars(query))


def record_signature(work: Work, entry: SignatureEntry) -> bool:
    """Records a verified signature; whether it is new. Seen again, it keeps the time at which it was first seen.

    Raises Refused if the document has another signature in this namespace: one role signs a document once.
    """
    values = {name: getattr(entry, name) for name in SignatureEntry.__dataclass_fields__}
    if insert_once(work, SignatureRow, values):
        return True
    here = (SignatureRow.document_digest == entry.document_digest) & (SignatureRow.namespace == entry.namespace)
    there = work.session.scalars(select(SignatureRow).where(here)).one()
    if there.signature.split() != entry.signature.split():
        raise Refused(
            f"Document {entry.document_digest} is signed as {entry.namespace} by {there.principal} already.",
            advice="If that signature must not count, draw the document up anew.",
        )
    return False


def signatures(reading: Reading, document_digest: str) -> tuple[SignatureEntry, ...]:
    """Every recorded signature on a document, by namespace."""
    here = SignatureRow.document_digest == document_digest
    rows = reading.session.scalars(select(SignatureRow).where(here).order_by(SignatureRow.namespace))
    names = SignatureEntry.__dataclass_fields__
    return tuple(SignatureEntry(**{n: getattr(row, n) for n in names}) for row in rows)


def save_order(work: Work, entry: OrderEntry) -> bool:
    """Saves an order; whether it is new. Raises Refused if its number is not the next, NotFound without a decision."""
    get_decision(work, entry.decision_digest)
    orders = list_orders(work, entry.request_id)
    if entry.digest in [o.digest for o in orders]:
        return False
    if entry.number != len(orders) + 1:
        raise Refused(
            f"Order {entry.number} on {entry.request_id} is out of turn; the next is number {len(orders) + 1}.",
            advice="Draw it up again.",
        )
    values = {
        "request_id": entry.request_id,
        "number": entry.number,
        "kind": entry.kind,
        "decision_digest": entry.decision_digest,
        "document": text_of(entry.document),
        "digest": entry.digest,
        "recorded_at": entry.recorded_at,
    }
    if not insert_once(work, OrderRow, values):
        raise Refused(f"Order {entry.number} on {entry.request_id} was just given by somebody else.")
    return True


def list_orders(reading: Reading, request_id: str) -> tuple[OrderEntry, ...]:
    """Every order on a request, by number. Raises VerificationFailed."""
    query = select(OrderRow).where(OrderRow.request_id == request_id).order_by(OrderRow.number)
    return tuple(_order(row) for row in reading.session.scalars(query))


def _decision(row: DecisionRow) -> DecisionEntry:
    name = f"a decision on {row.request_id}"
    document = document_of(row.document, row.digest, name)
    plan = document_of(row.plan, row.plan_digest, f"the plan of {name}") if row.plan_digest else {}
    return DecisionEntry(document, plan, row.recorded_at)


def _order(row: OrderRow) -> OrderEntry:
    document = document_of(row.document, row.digest, f"order {row.number} on {row.request_id}")
    return OrderEntry(document, row.recorded_at)
