"""When Airflow starts an agreement's runs: exactly on the dates that the explained plan shows.

Rules:
1. Dates come from `agreement.schedule` and nowhere else, so what people signed and what the scheduler does are one.
2. A date that was missed (the scheduler stood still) is made up for once, with the latest date only: the dates before
   it would deliver what the latest supersedes, or periods that are asked for by hand.
3. No run before the agreement's start or after its end; Airflow hands both in.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

from extracts.agreement.schedule import next_times
from extracts.scheduling.words import schedule_words

_FORM = re.compile(r"working day: \d{1,2} of (month|quarter)|cron: \S+( \S+){4}", re.ASCII)
# A daily schedule is found in the first window, a quarterly one in the last; none has more than ten dates in its own.
_WINDOWS = tuple(timedelta(days=days) for days in (2, 9, 40, 200))
_DATES = 10


class AgreementTimetable(Timetable):
    """The schedule of a plan, as its canonical text. Raises ValueError if it has no known form."""

    def __init__(self, schedule: str) -> None:
        if not _FORM.fullmatch(schedule):
            raise ValueError(f"{schedule[:40]!r} is not a schedule")
        self.schedule = schedule

    @property
    def summary(self) -> str:
        """What the DAG list shows: the schedule in English."""
        return schedule_words(self.schedule)

    @property
    def description(self) -> str:
        """The same, for the tooltip."""
        return self.summary

    def serialize(self) -> dict[str, Any]:
        """Airflow keeps the text only."""
        return {"schedule": self.schedule}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> AgreementTimetable:
        """The same timetable from that text."""
        return cls(data["schedule"])

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """A run by hand is about the moment it was asked for; its period is a parameter."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The next run, or None after the agreement's end."""
        after = _after(last_automated_data_interval, restriction)
        if restriction.catchup and after is not None:
            due = next_due(self.schedule, after)
        else:
            due = next_or_missed(self.schedule, after, pendulum.now("UTC"))
        if restriction.latest is not None and due > restriction.latest:
            return None
        return DagRunInfo.exact(pendulum.instance(due.astimezone(UTC)))


def next_due(schedule: str, after: datetime) -> datetime:
    """The first due time later than `after`. In the hour that is there twice, the day's run stays one run."""
    moment = after.astimezone(UTC)  # two times of one zone are compared by the clock's face, which shows 01:30 twice
    return next(at for at in next_times(schedule, moment, 2) if at > moment)


def next_or_missed(schedule: str, after: datetime | None, now: datetime) -> datetime:
    """The latest due time later than `after` and not later than `now`, if one was missed; else the next one.

    Without `after` nothing can have been missed.
    """
    if after is None:
        return next_due(schedule, now)
    for window in _WINDOWS:
        start = max(after, now - window)
        missed = [at for at in next_times(schedule, start, _DATES) if start < at <= now]
        if missed:
            return missed[-1]
        if start == after:
            break
    return next_due(schedule, max(after, now))


def _after(last: DataInterval | None, restriction: TimeRestriction) -> datetime | None:
    """The moment after which a run may be due: the last run, and the agreement's start, which is itself included."""
    bounds: list[datetime] = []
    if last is not None:
        bounds.append(last.end)
    if restriction.earliest is not None:
        bounds.append(restriction.earliest - timedelta(microseconds=1))
    return max(bounds, default=None)
