"""Tells recipients, signed, that a delivery which was due did not come: why, and when the next one is due.

Rules:
1. Once per agreement, period and recipient, an hour after it was due at the earliest; never while a run is under way.
2. The register keeps it first, with its event and the outbox's notice; then it is put into the transfer area. What
   could not be put there is put there by the next round.
3. It ceases to count when the delivery comes, or the agreement ends: the register says so, then it is taken away.
4. What is longer ago than five weeks is not told any more: nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from extracts.agreement.expected import GRACE, MISSING, Arrival, Due, Timetabled, Tried, arrival, due_between
from extracts.agreement.expected import last_tried as last_of
from extracts.agreement.facts import facts_of
from extracts.agreement.no_delivery import BY_ARRIVAL, Reason, in_words
from extracts.agreement.request import request_from_document
from extracts.agreement.schedule import ZONE, next_times
from extracts.agreement.status import CLOCK, Status
from extracts.canonical import digest_bytes
from extracts.errors import ExtractsError, NotPermitted, Refused
from extracts.handover.dropzone.interface import Place
from extracts.handover.no_delivery import NoDelivery, file_name
from extracts.record import no_delivery as kept
from extracts.record import register
from extracts.record.expectations import RunningAgreement, attempts_since, left_for, running_agreements
from extracts.record.no_delivery import NoDeliveryEntry, Step
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import notices
from extracts.steps.approval import approved_now
from extracts.steps.certificates import check_certificates
from extracts.steps.recipients_now import part_name
from extracts.steps.rehearsals import missing_rehearsal
from extracts.steps.signers import no_delivery_principal, sign_no_delivery
from extracts.steps.transfer import drop_zone, recipient_of

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_LOOKS_BACK = timedelta(days=35)
_STANDING = (Status.APPROVED, Status.SUSPENDED)


@dataclass(frozen=True)
class Missed:
    """A delivery that was due and did not come."""

    agreement: RunningAgreement
    due: Due
    came: Arrival


def tell_of_missing(work: Workplace, guarded: Callable[[Callable[[], None]], None]) -> int:
    """One round; how many are new. `guarded` runs each part, so that one that fails holds up no other."""
    new: list[str] = []
    for missed in missing_now(work):
        guarded(partial(_note, work, missed, new))
    guarded(partial(_lift, work))
    with reading(work.register) as view:
        placing, removing = kept.to_place(view), kept.to_remove(view)
    for entry in placing:
        guarded(partial(_place, work, entry))
    for entry in removing:
        guarded(partial(_remove, work, entry))
    return len(new)


def missing_now(work: Workplace) -> list[Missed]:
    """What was due and did not come, and has no notice yet."""
    now = work.now().astimezone(ZONE).replace(second=0, microsecond=0)  # schedules are asked for whole minutes once
    since = now - _LOOKS_BACK
    with reading(work.register) as view:
        running = running_agreements(view, _STANDING)
        due = [(a, d) for a in running for d in due_between(_timetabled(a), since, now - GRACE)]
        told = kept.noted(view, since)
        due = [(a, d) for a, d in due if (d.request_id, d.period, a.recipient) not in told]
        left = left_for(view, {d.period for _, d in due})
        tried = attempts_since(view, since) if due else ()
    by_request: dict[str, list[Tried]] = {}
    for t in tried:
        by_request.setdefault(t.request_id, []).append(Tried(t.request_id, t.period, t.started_at, t.outcome))
    found = [(a, d, _came(a, d, left.get((d.request_id, d.period, a.recipient)), by_request, now)) for a, d in due]
    return [Missed(a, d, came) for a, d, came in found if came in MISSING]


def _came(
    agreement: RunningAgreement,
    due: Due,
    left_at: datetime | None,
    tried: dict[str, list[Tried]],
    now: datetime,
) -> Arrival | None:
    return arrival(due, left_at, last_of(due, tried.get(agreement.request_id, [])), now)


def _timetabled(a: RunningAgreement) -> Timetabled:
    return Timetabled(a.request_id, a.frequency, a.schedule, a.only_present, a.first_day, a.last_day, a.since)


# --- one notice -------------------------------------------------------------------------------------------------------


def _note(work: Workplace, missed: Missed, new: list[str]) -> None:
    entry, next_due = _drawn_up(work, missed)
    with unit_of_work(work.register) as unit:
        if not kept.save_no_delivery(unit, entry):
            return
        told = {"period": entry.period, "reason": entry.reason, "digest": entry.digest}
        unit.event(entry.noted_at, "no-delivery.noted", entry.request_id, CLOCK, told)
        notices.no_delivery(unit, entry, Reason(entry.reason), next_due)
    new.append(entry.request_id)


def _drawn_up(work: Workplace, missed: Missed) -> tuple[NoDeliveryEntry, datetime | None]:
    agreement, due, now = missed.agreement, missed.due, work.now()
    reason, contact = reason_for(work, missed), _contact(work, agreement)
    next_due = _next_due(agreement, now)
    says = in_words(reason, due.period, due.at, next_due, contact)
    document = NoDelivery(
        recipient=agreement.recipient,
        request_id=agreement.request_id,
        period=due.period,
        due_on=due.at.astimezone(ZONE).date(),
        reason=reason,
        says=says,
        next_due=next_due.date() if next_due else None,
        contact=contact,
        signer=no_delivery_principal(work),
        at=now.replace(microsecond=0),
    ).text()
    entry = NoDeliveryEntry(
        request_id=agreement.request_id,
        period=due.period,
        version=agreement.version,
        recipient=agreement.recipient,
        reason=reason,
        due_at=due.at,
        document=document.decode(),
        digest=digest_bytes(document),
        signature=sign_no_delivery(work, document),
        noted_at=now,
    )
    return entry, next_due


def reason_for(work: Workplace, missed: Missed) -> Reason:
    """Why, for its recipient: what stands in its way now, before how its last run ended."""
    agreement = missed.agreement
    if agreement.status == Status.SUSPENDED:
        return Reason.SUSPENDED
    try:
        approved = approved_now(work, agreement.request_id).part(agreement.recipient)
    except ExtractsError:
        return BY_ARRIVAL[missed.came]
    try:
        recipient_of(work, agreement.recipient)
    except (Refused, NotPermitted):
        return Reason.NOT_CONFIRMED
    if missing_rehearsal(work, approved) is not None:
        return Reason.NOT_REHEARSED
    try:
        check_certificates(work, agreement.request_id, part_name(approved))
    except Refused:
        return Reason.NOT_CERTIFIED
    return BY_ARRIVAL[missed.came]


def _contact(work: Workplace, agreement: RunningAgreement) -> str:
    """Whom to ask, as deliveries of this agreement say it."""
    with reading(work.register) as view:
        document = register.get_request(view, agreement.request_id, agreement.version).document
    return str(facts_of(request_from_document(dict(document)), work.parties, work.datasets)["contact"])


def _next_due(agreement: RunningAgreement, now: datetime) -> datetime | None:
    (at,) = next_times(agreement.schedule, now, 1)
    return at if at.date() <= agreement.last_day else None


# --- the transfer area ------------------------------------------------------------------------------------------------


def _place(work: Workplace, entry: NoDeliveryEntry) -> None:
    drop_zone(work).put_notice(_where(entry), entry.document.encode(), entry.signature.encode())
    _step(work, entry, Step.PLACED)


def _remove(work: Workplace, entry: NoDeliveryEntry) -> None:
    drop_zone(work).remove_notice(_where(entry))
    _step(work, entry, Step.REMOVED)


def _lift(work: Workplace) -> None:
    with reading(work.register) as view:
        over = kept.to_lift(view)
    for entry in over:
        _step(work, entry, Step.LIFTED)


def _step(work: Workplace, entry: NoDeliveryEntry, step: Step) -> None:
    now = work.now()
    with unit_of_work(work.register) as unit:
        if kept.save_step(unit, entry, step, now):
            told = {"period": entry.period, "digest": entry.digest}
            unit.event(now, f"no-delivery.{step}", entry.request_id, CLOCK, told)


def _where(entry: NoDeliveryEntry) -> Place:
    return Place(entry.recipient, entry.request_id, file_name(entry.period))
