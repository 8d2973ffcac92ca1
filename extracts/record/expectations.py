"""What the register knows of deliveries that are due: agreements in force with their schedules, and what came of them.

Read in a handful of statements for all agreements together; when something is due is worked out by
`agreement.expected`, from the schedules handed out here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, or_, select

from extracts.errors import Outcome
from extracts.record import ledger
from extracts.record.delivery_entries import LEFT_THE_HOUSE
from extracts.record.overview import in_force
from extracts.record.tables.deliveries import DeliveryRow, RunRow
from extracts.record.tables.requests import RequestRow, StatusChangeRow
from extracts.record.transaction import Reading

_ENDED = "run.ended"
_TELLS_NOTHING = (Outcome.DELIVERED.value, Outcome.NOTHING_DUE.value)  # of why something did not come
_NEWEST = 5_000  # events that tell how a run ended; more in one month is a full register, and its oldest are in `run`


@dataclass(frozen=True)
class RunningAgreement:
    """An agreement in force, and one of its recipients. `since`: when it was approved, or last resumed; dates are
    inclusive."""

    request_id: str
    title: str
    recipient: str
    frequency: str
    schedule: str
    only_present: bool
    first_day: date
    last_day: date
    since: datetime
    version: int = 1
    status: str = "approved"


@dataclass(frozen=True)
class Attempt:
    """How a run ended that was to make a delivery; `outcome` is empty while it is under way. `period` may be unknown:
    a run that the first gate refused never came to have one."""

    request_id: str
    period: str
    run_id: str
    started_at: datetime
    outcome: str
    gate: str
    reason: str


def running_agreements(reading: Reading, statuses: Collection[str] = ("approved",)) -> tuple[RunningAgreement, ...]:
    """Every agreement in force, by id and recipient.

    Of a suspended one nothing is expected: it is left out unless asked for.
    """
    d, r, change = in_force().c, RequestRow, StatusChangeRow
    same = (r.request_id == d.request_id) & (r.version == d.version)
    approved = (change.request_id == r.request_id) & (change.version == r.version) & (change.to_status == "approved")
    since = select(func.max(change.at)).where(approved).scalar_subquery()
    first = func.greatest(d.starts_on, d.valid_from)
    recipient = func.unnest(r.recipients).label("one")
    columns = (r.request_id, r.title, recipient, d.frequency, d.schedule, d.only_present, first, d.last_day, since)
    query = (
        select(*columns, r.version, r.status)
        .join(r, same)
        .where(r.status.in_(statuses), d.schedule != "")
        .order_by(r.request_id, "one")
    )
    return tuple(RunningAgreement(*row) for row in reading.session.execute(query))


def left_for(reading: Reading, periods: Collection[str]) -> dict[tuple[str, str, str], datetime]:
    """When the first delivery for each (request, period, recipient) left, of these periods."""
    d = DeliveryRow
    whose = (d.request_id, d.period, d.recipient)
    query = select(*whose, func.min(d.published_at)).group_by(*whose)
    query = query.where(d.period.in_(periods), d.state.in_(LEFT_THE_HOUSE))
    return {(row[0], row[1], row[2]): row[3] for row in reading.session.execute(query) if row[3]}


def attempts_since(reading: Reading, since: datetime) -> tuple[Attempt, ...]:
    """Every run that began since then and did not deliver, or not to everybody, oldest first.

    Among them those that have no row, for their period was not known yet. Of these the ledger tells the outcome and the
    gate; why, is in the run's own record.
    """
    r = RunRow
    columns = (r.request_id, r.period, r.run_id, r.started_at, r.outcome, r.gate, r.reason)
    # One that delivered to some of several recipients has a reason: why not to the others.
    tells = or_(r.outcome.not_in(_TELLS_NOTHING), (r.outcome == Outcome.DELIVERED.value) & (r.reason != ""))
    query = select(*columns).where(r.started_at >= since, tells)
    found = [Attempt(*row) for row in reading.session.execute(query)]
    return tuple(sorted([*found, *_unregistered(reading, since)], key=lambda a: (a.started_at, a.run_id)))


def _unregistered(reading: Reading, since: datetime) -> Iterator[Attempt]:
    for event in ledger.events(reading.connection, kind=_ENDED, limit=_NEWEST, newest_first=True):
        if event.at < since:
            return
        told = event.payload
        if told.get("unregistered") and told["outcome"] not in _TELLS_NOTHING:
            yield Attempt(event.subject, "", told["run"], event.at, told["outcome"], told["gate"], "")
