"""How long a request has waited, with whom, and how long it should: what both bodies see.

Rules:
1. The clock is read from the statuses that the register recorded, never from what anybody typed. Each day has one
   stage, from the day after it began.
2. A day counts only if it is a working day in Scotland and in England (see `working_days`).
3. The clock stands still while the request is with its requester: as a draft, and when it was returned.
4. A version that answers a return, or replaces one that was not decided yet, goes on with the clock; what follows a
   decision or a withdrawal starts a new one. A counter-offer that is accepted takes back a version in the very moment
   in which it submits the next, so it goes on.
5. A stage is late after its target days; a request is overdue while it waits, if its stage or the whole is late.
   Targets are those of the policy in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

from extracts.agreement.policy import TargetDays
from extracts.agreement.schedule import ZONE
from extracts.agreement.status import Status
from extracts.agreement.working_days import BOTH_NATIONS, working_days_after, working_days_between
from extracts.canonical import plain

STAGES = (Status.SUBMITTED, Status.IN_REVIEW)
_CLOSING = (Status.APPROVED, Status.REFUSED, Status.WITHDRAWN)


class Lane(StrEnum):
    """How quickly a request is to be decided."""

    ORDINARY = "ordinary"
    EXPEDITED = "expedited"


class Pace(StrEnum):
    """Whether the clock runs."""

    RUNS = "runs"
    STOPPED = "stopped: it is with the requester"
    ENDED = "ended"


class Step(Protocol):
    """A change of status, as the register keeps it. `at` is aware."""

    @property
    def version(self) -> int:
        """The version that changed."""

    @property
    def number(self) -> int:
        """Counts the changes of a version."""

    @property
    def to_status(self) -> str:
        """What it became."""

    @property
    def at(self) -> datetime:
        """When."""


@dataclass(frozen=True)
class Stage:
    """One stage: working days so far, and how many it may take. `due_on`: its last day, while it runs."""

    name: Status
    days: int
    target: int
    due_on: date | None = None

    @property
    def late(self) -> bool:
        """Whether it took, or takes, longer than it may."""
        return self.days > self.target


@dataclass(frozen=True)
class Clock:
    """The whole: `days` of `target`, due on `due_on` while it runs; `with_requester` counts the days that do not."""

    lane: Lane
    pace: Pace
    stages: tuple[Stage, ...]
    with_requester: int
    started_on: date
    ended_on: date | None = None
    due_on: date | None = None

    @cached_property
    def days(self) -> int:
        """Working days with those who decide."""
        return sum(stage.days for stage in self.stages)

    @cached_property
    def target(self) -> int:
        """Working days that it may take."""
        return sum(stage.target for stage in self.stages)

    @cached_property
    def stage(self) -> Stage | None:
        """The stage that it is in, while the clock runs."""
        return next((s for s in self.stages if s.due_on), None)

    @cached_property
    def overdue(self) -> bool:
        """Whether somebody has to hurry."""
        return self.pace is Pace.RUNS and (self.days > self.target or bool(self.stage and self.stage.late))

    @cached_property
    def due_by(self) -> date | None:
        """The day by which somebody has to act: for the stage, or for the whole if that comes first."""
        return min((d for d in (self.due_on, self.stage and self.stage.due_on) if d), default=None)

    def document(self) -> dict[str, Any]:
        """The clock as plain JSON values."""
        whole = {"days": self.days, "target": self.target, "due_by": self.due_by, "overdue": self.overdue}
        stages = [{**asdict(stage), "late": stage.late} for stage in self.stages]
        found: dict[str, Any] = plain({**asdict(self), **whole, "stages": stages})
        return found

    def in_words(self) -> list[str]:
        """A line for the whole, and one for each stage that took a day or is under way."""
        return [self._whole(), *(_stage_in_words(s) for s in self.stages if s.days or s.due_on)]

    def _whole(self) -> str:
        said = f"{self.days} of {self.target} working days"
        lane = " in the expedited lane" if self.lane is Lane.EXPEDITED else ""
        waited = f"; {self.with_requester} more with the requester" if self.with_requester else ""
        if self.pace is Pace.ENDED:
            late = ", later than the target" if self.days > self.target else ""
            return f"ended on {self.ended_on} after {said}{lane}{late}{waited}"
        if self.pace is Pace.STOPPED:
            return f"{said}{lane}, stopped while it is with the requester{waited}"
        return f"{said}{lane}, {'OVERDUE: it was due' if self.overdue else 'due'} on {self.due_by}{waited}"


@dataclass(frozen=True)
class _Span:
    status: Status
    first: date
    last: date

    @cached_property
    def days(self) -> int:
        return working_days_between(self.first, self.last, BOTH_NATIONS)


def read_clock(history: Iterable[Step], lane: Lane, targets: TargetDays, today: date) -> Clock:
    """The clock of a request's newest version. `history`: every change of status of all its versions, in any order."""
    versions = _chain(_by_version(history))
    spans = _spans(versions, today)
    closed = _closed_at(versions[-1])
    now = Status(versions[-1][-1].to_status)
    pace = Pace.ENDED if closed else Pace.STOPPED if now is Status.RETURNED else Pace.RUNS
    allowed = {name: getattr(getattr(targets, lane.value), name.name.lower()) for name in STAGES}
    running = spans[-1] if pace is Pace.RUNS else None
    return Clock(
        lane=lane,
        pace=pace,
        stages=tuple(_stage(name, spans, allowed[name], running) for name in STAGES),
        with_requester=sum(s.days for s in spans if s.status is Status.RETURNED),
        started_on=_day(versions[0][0]),
        ended_on=_day(closed) if closed else None,
        due_on=_due([s for s in spans if s.status in STAGES], sum(allowed.values()), running),
    )


def _by_version(history: Iterable[Step]) -> list[list[Step]]:
    ordered = sorted(history, key=lambda step: (step.version, step.number))
    found: dict[int, list[Step]] = {}
    for step in ordered:
        found.setdefault(step.version, []).append(step)
    return list(found.values())


def _chain(versions: list[list[Step]]) -> list[list[Step]]:
    """The versions that share the newest one's clock, oldest first."""
    first = len(versions) - 1
    while first and not _was_closed(versions[first - 1], before=versions[first][0].at):
        first -= 1
    return versions[first:]


def _was_closed(version: list[Step], before: datetime) -> bool:
    closed = _closed_at(version)
    return closed is not None and closed.at < before


def _closed_at(version: list[Step]) -> Step | None:
    return next((step for step in version if step.to_status in _CLOSING), None)


def _spans(versions: list[list[Step]], today: date) -> list[_Span]:
    """One after the other, without gaps, from the first submission until today or the end."""
    steps: list[Step] = []
    for version in versions:
        steps = [s for s in steps if s.at < version[0].at]  # what became of a version that was replaced is no stage
        closed = _closed_at(version)
        steps += version[: version.index(closed) + 1] if closed else version
    ends = [*map(_day, steps[1:]), today]
    found = [_Span(Status(step.to_status), _day(step), end) for step, end in zip(steps, ends, strict=True)]
    return [span for span in found if span.status not in _CLOSING]


def _stage(name: Status, spans: Sequence[_Span], target: int, running: _Span | None) -> Stage:
    mine = [span for span in spans if span.status is name]
    is_running = running is not None and running.status is name
    return Stage(name, sum(s.days for s in mine), target, _due(mine, target, running) if is_running else None)


def _due(spans: Sequence[_Span], target: int, running: _Span | None) -> date | None:
    """The last day within the target; None while nobody waits. It may lie in an earlier span."""
    if running is None:
        return None
    left = target
    for span in spans:
        if span is running or span.days > left:
            return working_days_after(span.first, left, BOTH_NATIONS)
        left -= span.days
    return None


def _day(step: Step) -> date:
    return step.at.astimezone(ZONE).date()


def _stage_in_words(stage: Stage) -> str:
    late = "late: " if stage.late else ""
    due = f", until {stage.due_on}" if stage.due_on else ""
    return f"{stage.name}: {late}{stage.days} of {stage.target} working days{due}"
