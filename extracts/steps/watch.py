"""What was expected this month and did not come, over all agreements: read from the register, judged by
`agreement.expected`. Whether a DAG is paused is Airflow's to say, and its face adds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from extracts.agreement.expected import Arrival, Due, Timetabled, Tried, arrival, due_between, last_tried
from extracts.agreement.schedule import ZONE
from extracts.record.expectations import Attempt, RunningAgreement, attempts_since, left_for, running_agreements
from extracts.record.transaction import reading

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


@dataclass(frozen=True)
class Expected:
    """One delivery that was due, and what came of it. `attempt` is the last run for it."""

    due: Due
    title: str
    recipient: str
    came: Arrival | None
    left_at: datetime | None
    attempt: Attempt | None


@dataclass(frozen=True)
class Watched:
    """What was due from the first of the month until now, oldest first; `next_due`: how much is due later in it."""

    now: datetime
    expected: tuple[Expected, ...]
    agreements: int
    still_due: int

    def counts(self) -> Mapping[str, int]:
        """How many came in which way."""
        return Counter(e.came.value if e.came else "due now" for e in self.expected)


def watch(work: Workplace) -> Watched:
    """This month until now."""
    now = work.now().astimezone(ZONE)
    begin = datetime.combine(now.date().replace(day=1), time.min, ZONE)
    end = (begin + timedelta(days=32)).replace(day=1)
    just_before = begin - timedelta(microseconds=1)
    with reading(work.register) as view:
        running = running_agreements(view)
        due = [(a, d) for a in running for d in due_between(_timetabled(a), just_before, _minute(now))]
        left = left_for(view, {d.period for _, d in due})
        tried = _by_request(attempts_since(view, begin))
    expected = [_expected(a, d, left, tried.get(d.request_id, []), now) for a, d in due]
    later = sum(1 for a in running for _ in due_between(_timetabled(a), _minute(now), end - timedelta(microseconds=1)))
    return Watched(
        now,
        tuple(sorted(expected, key=lambda e: (e.due.at, e.due.request_id, e.recipient))),
        len({a.request_id for a in running}),
        later,
    )


def _minute(now: datetime) -> datetime:
    """Schedules know minutes, and what is asked for again within one is remembered."""
    return now.replace(second=0, microsecond=0)


def _timetabled(agreement: RunningAgreement) -> Timetabled:
    a = agreement
    return Timetabled(a.request_id, a.frequency, a.schedule, a.only_present, a.first_day, a.last_day, a.since)


def _by_request(attempts: tuple[Attempt, ...]) -> dict[str, list[Attempt]]:
    found: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        found.setdefault(attempt.request_id, []).append(attempt)
    return found


def _expected(
    agreement: RunningAgreement,
    due: Due,
    left: Mapping[tuple[str, str, str], datetime],
    attempts: list[Attempt],
    now: datetime,
) -> Expected:
    left_at = left.get((due.request_id, due.period, agreement.recipient))
    known = {Tried(a.request_id, a.period, a.started_at, a.outcome): a for a in attempts}
    last = last_tried(due, known)
    came = arrival(due, left_at, last, now)
    return Expected(due, agreement.title, agreement.recipient, came, left_at, known[last] if last else None)
