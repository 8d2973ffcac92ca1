"""What left, over all agreements or of one: deliveries with the counts of their runs, newest first, page by page."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from extracts.agreement.custody import Custody
from extracts.record.delivery_entries import DeliveredFile
from extracts.record.tables.deliveries import CustodyRow, DeliveryRow, RunRow
from extracts.record.tables.requests import DecisionRow, RequestRow
from extracts.record.transaction import Reading


@dataclass(frozen=True)
class Departure:
    """A delivery that left. `counts`: the run's funnel by dataset; `source_age_minutes` by dataset, where recorded."""

    delivery_id: str
    request_id: str
    title: str
    recipient: str
    period: str
    state: str
    decision_digest: str
    run_id: str
    published_at: datetime
    files: tuple[DeliveredFile, ...]
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    source_age_minutes: Mapping[str, int] = field(default_factory=dict)
    custody: str = Custody.PUBLISHED
    started_by: str = ""

    @property
    def rows(self) -> int:
        """Rows of all files together."""
        return sum(f.rows for f in self.files)


_TOLD = (
    *("delivery_id", "request_id", "title", "recipient", "period", "state", "decision_digest", "run_id"),
    *("published_at", "custody", "started_by"),
)


def count_departures(reading: Reading, *, recipient: str = "", request_id: str = "") -> int:
    """How many deliveries left."""
    query = select(func.count()).select_from(DeliveryRow).where(*_conditions(recipient, request_id))
    return reading.session.scalar(query) or 0


def list_departures(
    reading: Reading, *, recipient: str = "", request_id: str = "", limit: int, offset: int = 0
) -> tuple[Departure, ...]:
    """A page of deliveries that left, the latest first."""
    d, run, r = DeliveryRow, RunRow, RequestRow
    order = (d.published_at.desc(), d.delivery_id.desc())
    # The page is found in an index alone, and only its own lines are read and joined.
    here = select(d.delivery_id).where(*_conditions(recipient, request_id)).order_by(*order).limit(limit).offset(offset)
    columns = (d.delivery_id, d.request_id, r.title, d.recipient, d.period, d.state, d.decision_digest, d.run_id)
    steps = select(CustodyRow.step).where(CustodyRow.delivery_id == d.delivery_id).correlate(d)
    last = steps.order_by(CustodyRow.number.desc()).limit(1).scalar_subquery()
    custody = func.coalesce(last, Custody.PUBLISHED.value)
    query = select(*columns, d.published_at, custody, run.started_by, d.files, run.counts, run.snapshot)
    query = query.join(run, run.run_id == d.run_id)
    query = query.join(r, (r.request_id == d.request_id) & (r.version == d.version))
    query = query.where(d.delivery_id.in_(here.scalar_subquery())).order_by(*order)
    return tuple(_departure(*row) for row in reading.session.execute(query))


def plans_of(reading: Reading, decisions: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
    """The plans that these decisions bind, by the decision's digest."""
    query = select(DecisionRow.digest, DecisionRow.plan).where(DecisionRow.digest.in_(set(decisions)))
    return {digest: json.loads(plan) for digest, plan in reading.session.execute(query).tuples()}


def _conditions(recipient: str, request_id: str) -> list[ColumnElement[bool]]:
    chosen = ((DeliveryRow.recipient, recipient), (DeliveryRow.request_id, request_id))
    # Whatever has a time of publication left the house: a constraint of the table holds the two together.
    return [DeliveryRow.published_at.is_not(None)] + [column == value for column, value in chosen if value]


def _departure(*row: Any) -> Departure:
    *values, files, counts, snapshot = row
    told = dict(zip(_TOLD, values, strict=True))
    return Departure(
        **told,
        files=tuple(DeliveredFile(**file) for file in json.loads(files)),
        counts=json.loads(counts),
        source_age_minutes=json.loads(snapshot).get("source_age_minutes", {}),
    )
