"""Requests that wait for somebody, as a list: what clocks and the question "whose move is it?" need, and no document.

Rules:
1. Only the newest version of a request waits; an older one was replaced.
2. A decision with every signature that it takes waits for nobody, so it is not told here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased

from extracts.record.board_papers import PaperKind
from extracts.record.stored import one_of
from extracts.record.tables.requests import BoardPaperRow, DecisionRow, RequestRow, SignatureRow
from extracts.record.transaction import Reading

_Version = tuple[str, int]


@dataclass(frozen=True)
class WaitingRequest:
    """The newest version of a request."""

    request_id: str
    version: int
    title: str
    recipient: str
    status: str
    submitted_at: datetime
    expedited: bool


def waiting_requests(reading: Reading, statuses: Collection[str]) -> tuple[WaitingRequest, ...]:
    """The requests whose newest version has one of these statuses, the oldest submission first."""
    r, newer = RequestRow, aliased(RequestRow)
    columns = (r.request_id, r.version, r.title, r.recipient, r.status, r.submitted_at)
    query = select(*columns, func.coalesce(r.expedited, False)).where(one_of(r.status, statuses))
    query = query.where(~exists().where(newer.request_id == r.request_id, newer.version > r.version))
    found = reading.session.execute(query.order_by(r.submitted_at, r.request_id))
    return tuple(WaitingRequest(*row) for row in found)


def signed_in_part(reading: Reading, request_ids: Collection[str]) -> dict[_Version, frozenset[str]]:
    """In which namespaces decisions on these requests, by version, are signed that wait for another signature."""
    d, s = DecisionRow, SignatureRow
    same = s.document_digest == d.digest
    query = (
        select(d.request_id, d.version, func.min(s.namespace)).join(s, same).where(one_of(d.request_id, request_ids))
    )
    query = query.where(d.outcome != "return").group_by(d.digest).having(func.count(s.namespace) == 1)
    found: dict[_Version, frozenset[str]] = {}
    for request_id, version, namespace in reading.session.execute(query):
        found[request_id, version] = found.get((request_id, version), frozenset()) | {namespace}
    return found


def offered(reading: Reading, request_ids: Collection[str]) -> frozenset[_Version]:
    """The versions of these requests on which there is a counter-offer."""
    p = BoardPaperRow
    here = one_of(p.request_id, request_ids) & (p.kind == PaperKind.COUNTER_OFFER.value)
    found = reading.session.execute(select(p.request_id, p.version).where(here))
    return frozenset((row.request_id, row.version) for row in found)
