"""Puts notices into the outbox, in the transaction of what gives rise to them. Who they are for is looked up when sent.

Rules:
1. Raising a notice asks nobody and opens nothing, so it cannot keep a decision, an order or the end of a run from being
   recorded.
2. What the passing of time causes (overdue, renewal due) is raised by whoever looks (`raise_due`), once per cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from extracts.agreement.clocks import Clock
from extracts.agreement.custody import CustodyNow
from extracts.agreement.decision import Decision, DecisionOutcome
from extracts.agreement.no_delivery import WORDS, Reason
from extracts.agreement.notices import Audience, NoticeKind, notices
from extracts.agreement.renewal import EndElsewhere, Renewal
from extracts.agreement.status import CLOCK, Status
from extracts.catalogue.people import Role
from extracts.errors import Outcome
from extracts.record import register
from extracts.record.delivery_entries import DeliveryEntry, RunEntry
from extracts.record.entries import RequestEntry
from extracts.record.no_delivery import NoDeliveryEntry
from extracts.record.notices import save_notice
from extracts.record.rehearsals import Rehearsal
from extracts.record.transaction import Work, reading, unit_of_work
from extracts.steps.clocks import clocks_of
from extracts.steps.renewals import ends_elsewhere_due, renewals_due

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_DECIDERS = {Role.BOARD: Audience.BOARD, Role.CONTROLLER: Audience.CONTROLLER}
_OPEN = (Status.SUBMITTED, Status.IN_REVIEW)
_BAD_ENDS = (Outcome.STOPPED, Outcome.SOURCE_LATE, Outcome.FAILED)


def submitted(unit: Work, request_id: str, version: int, at: datetime, *, expedited: bool) -> None:
    """Board and Controller are awaited."""
    lane = " It asks for the expedited lane: its target days are fewer." if expedited else ""
    what = f"It waits for the Board and the Controller.{lane}"
    _raise(unit, NoticeKind.AWAITED, request_id, version, "submitted", at, what=what)


def signed_by_one(unit: Work, decision: Decision, signed: Role, at: datetime) -> None:
    """The other one is awaited."""
    (other,) = (audience for role, audience in _DECIDERS.items() if role is not signed)
    what = f"The {signed} has signed a decision ({decision.outcome}). It waits for the {other}."
    cause = f"signed:{decision.digest}:{signed}"
    _raise(unit, NoticeKind.AWAITED, decision.request_id, decision.request_version, cause, at, to=(other,), what=what)


def offered(unit: Work, request_id: str, version: int, offer_digest: str, at: datetime) -> None:
    """The requester is awaited."""
    what = "The Board has made a counter-offer: less than was asked for, which would pass. Accept it or let it be."
    to = (Audience.REQUESTER,)
    _raise(unit, NoticeKind.AWAITED, request_id, version, f"offer:{offer_digest}", at, to=to, what=what)


def decided(unit: Work, decision: Decision, reason: str, at: datetime) -> None:
    """The requester hears it at once; of an approval, the recipient and the engineer too. `reason`: of a refusal."""
    id_, version, cause = decision.request_id, decision.request_version, decision.digest
    if decision.outcome is DecisionOutcome.RETURN:
        _raise(unit, NoticeKind.RETURNED, id_, version, cause, at, comments=len(decision.comments))
    elif decision.outcome is DecisionOutcome.REFUSE:
        way = decision.escalation if decision.escalate_until else ""
        _raise(unit, NoticeKind.REFUSED, id_, version, cause, at, reason=reason, escalation=way)
    else:
        _raise(
            unit,
            NoticeKind.APPROVED,
            id_,
            version,
            cause,
            at,
            outcome=decision.outcome,
            granted=sum(c.granted for c in decision.columns),
            asked=len(decision.columns),
            valid_from=decision.valid_from,
            valid_until=decision.valid_until,
        )


def agreement_stopped(unit: Work, request_id: str, version: int, cause: str, status: Status, at: datetime) -> None:
    """It is suspended, or has ended."""
    ended = "is suspended: nothing is delivered until it is resumed" if status is Status.SUSPENDED else f"is {status}"
    _raise(unit, NoticeKind.STOPPED, request_id, version, f"{status}:{cause}", at, what=f"The agreement {ended}.")


def run_ended(unit: Work, run: RunEntry, at: datetime) -> None:
    """The engineer hears of a delivery that was due and did not come. Each attempt has its own end."""
    if run.outcome in _BAD_ENDS:
        what = f"The run for period {run.period} ended: {run.outcome}, at {run.gate or 'its end'}. Nothing left."
        _run(unit, run.request_id, run.version, f"{run.run_id}:{run.attempt}", what, at)


def run_refused(unit: Work, request_id: str, run: str, outcome: Outcome, gate: str, at: datetime) -> None:
    """The same for a run that ended before its period was known. One of a request that there is not tells nobody."""
    if outcome in _BAD_ENDS:
        # By its history, not its document: one that was edited in the register is just what an engineer has to hear of.
        versions = [change.version for change in register.status_history(unit, request_id)]
        what = f"A run ended: {outcome}, at {gate or 'its start'}. Nothing left."
        if versions:
            _run(unit, request_id, max(versions), run, what, at)


def _run(unit: Work, request_id: str, version: int, run: str, what: str, at: datetime) -> None:
    _raise(unit, NoticeKind.STOPPED, request_id, version, f"run:{run}", at, to=(Audience.ENGINEER,), what=what)


def delivered(unit: Work, delivery: DeliveryEntry, at: datetime, *, again: bool = False) -> None:
    """The recipient can collect; `again`: what was taken back."""
    id_, version = delivery.request_id, delivery.version
    cause = f"{delivery.delivery_id}:{at.isoformat()}" if again else delivery.delivery_id
    _raise(unit, NoticeKind.DELIVERED, id_, version, cause, at, (), delivery.recipient, delivery=delivery.delivery_id)


def rehearsal(unit: Work, sent: Rehearsal, at: datetime) -> None:
    """The recipient can collect it, and nothing is delivered before they did."""
    id_, facts = sent.rehearsal_id, {"rehearsal": sent.rehearsal_id}
    _raise(unit, NoticeKind.REHEARSAL, sent.request_id, sent.version, id_, at, (), sent.recipient, **facts)


def no_delivery(unit: Work, entry: NoDeliveryEntry, reason: Reason, next_due: datetime | None) -> None:
    """The recipient hears why it did not come, and when the next one is due."""
    words = WORDS[reason]
    then = f"The next one is due on {next_due:%Y-%m-%d}." if next_due else "No later delivery is planned."
    facts = {"period": entry.period, "due_on": entry.due_at.date(), "why": words.why, "do": words.do, "next": then}
    kind, id_ = NoticeKind.NO_DELIVERY, entry.request_id
    cause = f"{entry.period}:{entry.recipient}"
    _raise(unit, kind, id_, entry.version, cause, entry.noted_at, (), entry.recipient, **facts)


def taken_back(unit: Work, there: CustodyNow, why: str, then: str, at: datetime) -> None:
    """Both sides hear that it is no longer in the area, why, and what to do."""
    kind, cause = NoticeKind.TAKEN_BACK, f"{there.delivery_id}:{at.isoformat()}"
    facts = {"delivery": there.delivery_id, "why": why, "then": then}
    _raise(unit, kind, there.request_id, there.version, cause, at, (), there.recipient, **facts)


def receipt_refused(
    unit: Work, request_id: str, version: int, recipient: str, digest: str, delivery_id: str, why: str, at: datetime
) -> None:
    """The recipient hears why, and what to do; `delivery_id` is empty if it names none of theirs."""
    about = f", and it is about {delivery_id}" if delivery_id else ""
    cause = f"{digest}:{why}"
    facts = {"about": about, "digest": digest, "why": why}
    _raise(unit, NoticeKind.RECEIPT_REFUSED, request_id, version, cause, at, (), recipient, **facts)


def destroy_now(unit: Work, there: CustodyNow, at: datetime) -> None:
    """Somebody has copies of what was withdrawn."""
    kind, cause = NoticeKind.TO_BE_DESTROYED, f"{there.delivery_id}:withdrawn"
    facts = {"delivery": there.delivery_id, "by": at.date()}
    _raise(unit, kind, there.request_id, there.version, cause, at, (), there.recipient, **facts)


def raise_due(work: Workplace) -> int:
    """Raise what the passing of time has caused and was not raised yet; how many notices that is."""
    now = work.now()
    with reading(work.register) as view:
        open_ = register.list_requests(view, statuses=_OPEN, latest_only=True)
        clocks = clocks_of(work, view, open_)
        late = [(e, c) for e in open_ if (c := clocks.get((e.request_id, e.version))) and c.overdue]
        ending, elsewhere = renewals_due(work, view), ends_elsewhere_due(work, view)
    raised = sum(_overdue(work, e, c, now) for e, c in late) + sum(_renewal_due(work, r, now) for r in ending)
    return raised + sum(_ends_elsewhere(work, e, now) for e in elsewhere)


def _overdue(work: Workplace, entry: RequestEntry, clock: Clock, now: datetime) -> int:
    stage = clock.stage
    if stage is None:
        return 0
    # The stage may be on time and the whole not: the days told are then those of the whole.
    words = (stage.name, stage.days, stage.target) if stage.late else ("waiting", clock.days, clock.target)
    facts = {**dict(zip(("stage", "days", "target"), words, strict=True)), "due_by": clock.due_by}
    return _by_clock(work, NoticeKind.OVERDUE, entry.request_id, entry.version, str(stage.name), now, facts)


def _renewal_due(work: Workplace, due: Renewal, now: datetime) -> int:
    facts = {
        "ends_on": due.ends_on,
        "days": due.days_left,
        "delivered": len(due.delivered),
        "never": len(due.never_delivered),
    }
    cause = f"{due.ends_on}:{due.prompt}"
    return _by_clock(work, NoticeKind.RENEWAL_DUE, due.request_id, due.version, cause, now, facts)


def _ends_elsewhere(work: Workplace, due: EndElsewhere, now: datetime) -> int:
    facts = {"ends_on": due.ends_on, "days": due.days_left}
    cause = f"{due.ends_on}:{due.prompt}"
    return _by_clock(work, NoticeKind.ENDS_ELSEWHERE, due.elsewhere_id, due.revision, cause, now, facts)


def _by_clock(
    work: Workplace,
    kind: NoticeKind,
    request_id: str,
    version: int,
    cause: str,
    now: datetime,
    facts: Mapping[str, object],
) -> int:
    with unit_of_work(work.register) as unit:
        new = _raise(unit, kind, request_id, version, cause, now, (), "", **facts)
        if new:
            unit.event(now, "notice.raised", request_id, CLOCK, {"kind": kind, "version": version, "notices": new})
    return new


def _raise(
    unit: Work,
    kind: NoticeKind,
    request_id: str,
    version: int,
    cause: str,
    at: datetime,
    to: tuple[Audience, ...] = (),
    recipient: str = "",
    **facts: object,
) -> int:
    return sum(save_notice(unit, n, at) for n in notices(kind, request_id, version, cause, to, recipient, **facts))


# --- what time causes about deliveries that left ----------------------------------------------------------------------

CUSTODY_KINDS = (NoticeKind.NOT_ACKNOWLEDGED, NoticeKind.TO_BE_DESTROYED, NoticeKind.NOT_DESTROYED)
_STOPS = "Until it is certified, this agreement delivers nothing more."
_ESCALATES = (
    "People depend on this agreement's deliveries, so they go on. The Controller decides what follows from the delay."
)


@dataclass(frozen=True)
class Due:
    """A notice that time has caused, before anybody looked whether it was raised."""

    kind: NoticeKind
    request_id: str
    version: int
    cause: str
    facts: Mapping[str, object]
    recipient: str

    @property
    def full_cause(self) -> str:
        """The cause as the outbox knows it."""
        return f"{self.kind}:{self.request_id}.v{self.version}:{self.cause}"


def reminder(there: CustodyNow, days: int, last: date) -> Due:
    """It waits to be acknowledged; once per publication and number of working days."""
    published = there.published_at.date()
    facts = {"delivery": there.delivery_id, "published": published, "last_day": last}
    return _due(NoticeKind.NOT_ACKNOWLEDGED, there, f"{published}:{days}", facts)


def to_be_destroyed(there: CustodyNow, days: int) -> Due:
    """It is to be destroyed in so many days."""
    facts = {"delivery": there.delivery_id, "by": there.destroy_by}
    return _due(NoticeKind.TO_BE_DESTROYED, there, str(days), facts)


def not_destroyed(there: CustodyNow, *, escalates: bool) -> Due:
    """Its certificate is overdue; `escalates`: it stops nothing, and the Controller decides."""
    then = _ESCALATES if escalates else _STOPS
    facts = {"delivery": there.delivery_id, "by": there.destroy_by, "then": then}
    return _due(NoticeKind.NOT_DESTROYED, there, "overdue", facts)


def raise_one(unit: Work, due: Due, now: datetime) -> int:
    """Raise it, with the ledger's event; how many notices are new."""
    new = _raise(unit, due.kind, due.request_id, due.version, due.cause, now, (), due.recipient, **due.facts)
    if new:
        told = {"kind": due.kind, "version": due.version, "notices": new, "delivery": due.facts["delivery"]}
        unit.event(now, "notice.raised", due.request_id, CLOCK, told)
    return new


def _due(kind: NoticeKind, there: CustodyNow, cause: str, facts: Mapping[str, object]) -> Due:
    return Due(kind, there.request_id, there.version, f"{there.delivery_id}:{cause}", facts, there.recipient)
