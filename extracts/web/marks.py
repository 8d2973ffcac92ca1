"""Words with a sign and a tone, so that nothing on a page is told by colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from extracts.agreement.availability import Availability
from extracts.agreement.clocks import Clock, Pace, Stage
from extracts.agreement.columns_decided import ColumnFate
from extracts.agreement.custody import Custody
from extracts.agreement.elsewhere import Standing
from extracts.agreement.expected import Arrival
from extracts.agreement.reviews_told import DONE
from extracts.agreement.status import Status


@dataclass(frozen=True)
class Mark:
    """A word, the sign before it (for the eye; screen readers hear the word), and a tone that the style colours."""

    word: str
    sign: str
    tone: str


_GOOD, _BAD, _UNSURE, _QUIET = ("✓", "good"), ("✗", "bad"), ("●", "unsure"), ("–", "quiet")
_STATUSES: Mapping[str, tuple[str, str]] = {
    Status.SUBMITTED: ("○", "unsure"),
    Status.IN_REVIEW: ("◐", "unsure"),
    Status.RETURNED: ("↩", "unsure"),
    Status.APPROVED: _GOOD,
    Status.REFUSED: _BAD,
    Status.SUSPENDED: ("‖", "bad"),
    Status.REVOKED: _BAD,
    Status.EXPIRED: _QUIET,
    Status.WITHDRAWN: _QUIET,
}
_ELSEWHERE = {
    Standing.NOT_BEGUN: ("○", "unsure"),
    Standing.IN_FORCE: _GOOD,
    Standing.PAST_ITS_END: _BAD,
    Standing.ENDED: _QUIET,
}
_FATES = {
    ColumnFate.GRANTED: _GOOD,
    ColumnFate.REFUSED: _BAD,
    ColumnFate.OPEN: ("◐", "unsure"),
    ColumnFate.RETURNED: ("↩", "unsure"),
}
_ARRIVALS = {
    Arrival.DELIVERED: _GOOD,
    Arrival.LATE: ("✓", "unsure"),
    Arrival.UNDER_WAY: ("◐", "quiet"),
    Arrival.STOPPED: ("■", "unsure"),
    Arrival.SOURCE_LATE: ("◷", "unsure"),
    Arrival.FAILED: _BAD,
    Arrival.NOTHING_RAN: _BAD,
}
_AVAILABLE = {
    Availability.HELD: _GOOD,
    Availability.STALE: ("◷", "unsure"),
    Availability.NOT_IN_FORM: _UNSURE,
}
_CUSTODY = {
    Custody.PUBLISHED: ("○", "unsure"),
    Custody.COLLECTED: ("◐", "unsure"),
    Custody.ACKNOWLEDGED: _GOOD,
    Custody.EXPIRED: ("◷", "bad"),
    Custody.WITHDRAWN: _BAD,
    Custody.DESTROYED: ("■", "quiet"),
}


def availability_mark(answer: Availability) -> Mark:
    """Whether a column can be had."""
    return Mark(answer.value, *_AVAILABLE.get(answer, _BAD))


def custody_mark(step: Custody) -> Mark:
    """Where a delivery is, after it left."""
    return Mark(step.value, *_CUSTODY[step])


def status_mark(status: str) -> Mark:
    """A status of a request."""
    return Mark(status, *_STATUSES.get(status, _QUIET))


def elsewhere_mark(standing: Standing) -> Mark:
    """Where an agreement that runs elsewhere stands."""
    return Mark(standing.value, *_ELSEWHERE[standing])


def fate_mark(fate: ColumnFate) -> Mark:
    """What became of a column."""
    return Mark(fate.value, *_FATES[fate])


def arrival_mark(came: Arrival | None) -> Mark:
    """What came of something that was due; None: it has only just become due."""
    return Mark("due now", "◐", "quiet") if came is None else Mark(came.value, *_ARRIVALS[came])


def clock_mark(clock: Clock) -> Mark | None:
    """What is to be noticed about a clock; None if all is as it should be."""
    if clock.overdue:
        return Mark("overdue", *_BAD)
    if clock.pace is Pace.STOPPED:
        return Mark(clock.pace.value, "‖", "unsure")
    if clock.pace is Pace.ENDED and clock.days > clock.target:
        return Mark("later than the target", "◷", "unsure")
    return None


def stage_mark(stage: Stage) -> Mark:
    """Whether a stage took longer than it may."""
    if stage.late:
        return Mark("late", *_BAD)
    return Mark("under way, in time", "◐", "quiet") if stage.due_on else Mark("in time", *_GOOD)


def verdict_mark(holds: bool, yes: str, no: str) -> Mark:
    """A yes or a no, in these words."""
    return Mark(yes, *_GOOD) if holds else Mark(no, *_BAD)


def progress_mark(word: str) -> Mark:
    """How far a review is, as requesters are told it."""
    return Mark(word, *_GOOD) if word == DONE else Mark(word, "◐", "unsure")
