"""Which deliveries were due, and what came of each: the forum's question "what should have come and did not?".

Rules:
1. Due is what the schedule says between two moments, on days on which the agreement is in force, after it was approved
   or last resumed. What was due before was never due.
2. A delivery counts, whatever became of it since; one that left on a later day than it was due is late.
3. Without one, the last run for the period tells why; a run that was refused before its period was known counts for
   what was due when it began. Without any run, nothing ran.
4. What became due less than an hour ago and has no outcome is not missing yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from extracts.agreement.periods import Frequency, period_before, period_of
from extracts.agreement.schedule import ZONE, times_between
from extracts.errors import Outcome

GRACE = timedelta(hours=1)


class Arrival(StrEnum):
    """What came of something that was due."""

    DELIVERED = "delivered"
    LATE = "delivered late"
    UNDER_WAY = "under way"
    STOPPED = Outcome.STOPPED.value
    SOURCE_LATE = Outcome.SOURCE_LATE.value
    FAILED = Outcome.FAILED.value
    NOTHING_RAN = "nothing ran"


MISSING = (Arrival.STOPPED, Arrival.SOURCE_LATE, Arrival.FAILED, Arrival.NOTHING_RAN)


@dataclass(frozen=True)
class Timetabled:
    """What of an agreement decides when something is due. `since` is aware, dates are inclusive."""

    request_id: str
    frequency: str
    schedule: str
    only_present: bool
    first_day: date
    last_day: date
    since: datetime


@dataclass(frozen=True)
class Due:
    """One delivery that was due at a time, about a period."""

    request_id: str
    at: datetime
    period: str


@dataclass(frozen=True)
class Tried:
    """A run that was to deliver; `outcome` is empty while it is under way, `period` if it was never known."""

    request_id: str
    period: str
    started_at: datetime
    outcome: str


def due_between(agreement: Timetabled, after: datetime, until: datetime) -> Iterator[Due]:
    """What was due later than `after`, up to and with `until`. Raises ValueError for an unknown schedule."""
    frequency = Frequency(agreement.frequency)
    for at in times_between(agreement.schedule, after, until):
        day = at.date()
        if at > agreement.since and agreement.first_day <= day <= agreement.last_day:
            period = period_of(day, frequency)
            about = period if agreement.only_present else period_before(period, frequency)
            yield Due(agreement.request_id, at, about.label)


def last_tried(due: Due, tried: Iterable[Tried]) -> Tried | None:
    """The last run that was to make this delivery. `tried`: runs of this agreement, oldest first."""
    found = [t for t in tried if t.period == due.period or (not t.period and t.started_at >= due.at)]
    return found[-1] if found else None


def arrival(due: Due, left_at: datetime | None, tried: Tried | None, now: datetime) -> Arrival | None:
    """What came of it; None if it became due just now and nothing is known yet."""
    if left_at is not None:
        is_late = left_at.astimezone(ZONE).date() > due.at.astimezone(ZONE).date()
        return Arrival.LATE if is_late else Arrival.DELIVERED
    if tried is not None and tried.outcome in _OF_RUNS:
        return _OF_RUNS[tried.outcome]
    return Arrival.NOTHING_RAN if now - due.at > GRACE else None


_OF_RUNS: Mapping[str, Arrival] = {
    "": Arrival.UNDER_WAY,
    Outcome.STOPPED.value: Arrival.STOPPED,
    Outcome.SOURCE_LATE.value: Arrival.SOURCE_LATE,
    Outcome.FAILED.value: Arrival.FAILED,
    Outcome.DELIVERED.value: Arrival.STOPPED,  # to other recipients: of this one a control said no
}
