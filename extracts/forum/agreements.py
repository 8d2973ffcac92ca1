"""The month's figures about agreements, as they stood at its end: in force, soon due, overdue, ended, never used.

Rules:
1. The newest approval of a request governs, whatever became of it since: nothing before it comes back.
2. An agreement whose last day is past and that nobody closed yet is overdue, and no longer in force.
3. An agreement counts as unused when it delivered nothing for two of its own periods, counted from its last delivery
   or from the day that it came into force.
4. Agreements that run elsewhere count as in force, and their ends and reviews as due. What they deliver is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from extracts.agreement.elsewhere import Standing as Elsewhere
from extracts.agreement.elsewhere import standing_of
from extracts.agreement.periods import Frequency
from extracts.agreement.status import Status
from extracts.forum import facts as f
from extracts.forum.facts import Approval, Facts, Move, SentBefore, Terms, Version
from extracts.forum.month import Month, local_day

WITHIN_DAYS = (30, 60, 90)
OVERDUE = "overdue"
REVIEW, END = "review", "end"
_STANDING = (Status.APPROVED, Status.SUSPENDED)
_PATIENCE_DAYS = {Frequency.DAILY: 14, Frequency.WEEKLY: 14, Frequency.MONTHLY: 62, Frequency.QUARTERLY: 184}
_CHANGES = (Status.SUSPENDED, Status.REVOKED, Status.WITHDRAWN, Status.EXPIRED)


@dataclass(frozen=True)
class Standing:
    """One agreement at the month's end."""

    request_id: str
    version: int
    title: str
    recipient: str
    status: str
    valid_from: date
    valid_until: date
    review_on: date | None
    frequency: str
    deliveries: int
    last_delivery: datetime | None


@dataclass(frozen=True)
class StandingElsewhere:
    """One agreement that runs elsewhere, at the month's end. `request_id` is its own id, of another form."""

    request_id: str
    title: str
    recipient: str
    status: str
    valid_from: date
    valid_until: date
    review_on: date | None


@dataclass(frozen=True)
class Due:
    """A date of an agreement that is near or past. `within` is 30, 60 or 90 (days), or 0 where it is overdue."""

    agreement: Standing | StandingElsewhere
    what: str
    on: date
    within: int


@dataclass(frozen=True)
class AgreementFigures:
    """Agreements at a month's end, and what was ordered about them during it. `elsewhere`: in force, not run here."""

    active: tuple[Standing, ...]
    suspended: tuple[Standing, ...]
    elsewhere: tuple[StandingElsewhere, ...]
    due: tuple[Due, ...]
    unused: tuple[Standing, ...]
    changes: tuple[Move, ...]

    def due_within(self, days: int) -> tuple[Due, ...]:
        """Those in this step alone: 30 is up to 30 days, 60 from 31 to 60; 0 is overdue."""
        return tuple(d for d in self.due if d.within == days)


def standing_approvals(approvals: Iterable[Approval], moves: Iterable[Move], until: datetime) -> dict[str, Approval]:
    """By request: the newest approval before `until`, if its version was still approved or suspended then."""
    newest = {a.request_id: a for a in sorted(approvals, key=lambda a: a.at) if a.at < until}
    status = statuses(moves, until)
    return {r: a for r, a in newest.items() if status.get((r, a.version)) in _STANDING}


def statuses(moves: Iterable[Move], until: datetime) -> dict[tuple[str, int], str]:
    """The status of every version at a moment."""
    return {(m.request_id, m.version): m.to_status for m in sorted(moves, key=lambda m: m.at) if m.at < until}


def agreement_figures(facts: Facts, month: Month) -> AgreementFigures:
    """The figures of a month."""
    found = tuple(_standing(facts, month))
    others = tuple(_elsewhere(facts, month))
    in_force = tuple(s for s in found if s.valid_until >= month.last_day)
    both: tuple[Standing | StandingElsewhere, ...] = (*found, *others)
    due = (d for s in both for d in _due(s, month.last_day))
    return AgreementFigures(
        active=tuple(s for s in in_force if s.status == Status.APPROVED),
        suspended=tuple(s for s in in_force if s.status == Status.SUSPENDED),
        elsewhere=tuple(s for s in others if s.status == Elsewhere.IN_FORCE),
        due=tuple(sorted(due, key=lambda d: (d.on, d.what))),
        unused=tuple(s for s in in_force if s.status == Status.APPROVED and _is_unused(s, month.last_day)),
        changes=tuple(m for m in facts.moves if month.holds(m.at) and _is_order(m)),
    )


def _standing(facts: Facts, month: Month) -> Iterable[Standing]:
    status = statuses(facts.moves, month.until)
    named = {(v.request_id, v.version): v for v in facts.versions}
    for request_id, approval in sorted(standing_approvals(facts.approvals, facts.moves, month.until).items()):
        key = (request_id, approval.version)
        yield _one(named[key], status[key], facts.terms[approval.decision_digest], facts.sent_before)


def _elsewhere(facts: Facts, month: Month) -> Iterable[StandingElsewhere]:
    """Those that nobody had ended by the month's end."""
    for one in facts.elsewhere:
        status = _status_elsewhere(one, month.last_day)
        if status is not Elsewhere.ENDED:
            days = (one.valid_from, one.valid_until, one.review_on)
            yield StandingElsewhere(one.elsewhere_id, one.title, one.recipient, status, *days)


def _status_elsewhere(one: f.Elsewhere, day: date) -> Elsewhere:
    return standing_of(one.valid_from, one.valid_until, one.ended_on, day)


def _one(version: Version, status: str, terms: Terms, sent: Mapping[str, SentBefore]) -> Standing:
    before = sent.get(version.request_id)
    return Standing(
        request_id=version.request_id,
        version=version.version,
        title=version.title,
        recipient=version.recipient,
        status=status,
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
        review_on=terms.review_on,
        frequency=terms.frequency,
        deliveries=before.count if before else 0,
        last_delivery=before.last_at if before else None,
    )


def _due(agreement: Standing | StandingElsewhere, today: date) -> Iterable[Due]:
    for what, on in ((REVIEW, agreement.review_on), (END, agreement.valid_until)):
        if on is None:
            continue
        left = (on - today).days
        within = 0 if left < 0 else next((d for d in WITHIN_DAYS if left <= d), None)
        if within is not None:
            yield Due(agreement, what, on, within)


def _is_unused(agreement: Standing, today: date) -> bool:
    last = local_day(agreement.last_delivery) if agreement.last_delivery else agreement.valid_from
    patience = timedelta(days=_PATIENCE_DAYS[Frequency(agreement.frequency)])
    return max(last, agreement.valid_from) + patience < today


def _is_order(move: Move) -> bool:
    """Whether a move is about an agreement: stopped, resumed or ended, not a request that was taken back."""
    resumed = move.from_status == Status.SUSPENDED and move.to_status == Status.APPROVED
    return resumed or (move.from_status in _STANDING and move.to_status in _CHANGES)
