"""Gate 1: is there an approval in force for this agreement, may this person start it, and is something due?"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from extracts.agreement.periods import period_for
from extracts.agreement.plan import Period
from extracts.errors import AlreadyDelivered, LimitExceeded, Refused
from extracts.record import register
from extracts.record.delivery_entries import (
    LEFT_THE_HOUSE,
    DeliveryEntry,
    DeliveryState,
    RunEntry,
    delivery_id_of,
)
from extracts.record.locks import period_lock
from extracts.record.transaction import reading, unit_of_work
from extracts.steps.approval import Approved, approved_now
from extracts.steps.claim import claim_staging
from extracts.steps.recipients_now import WAITING, each_or_none, in_words, part_name, recipients_now
from extracts.steps.reconcile import reconcile_agreement, reconcile_delivery
from extracts.steps.state import RunState, save_state
from extracts.steps.workplace import LOCAL as LOCAL

if TYPE_CHECKING:
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace


def check_approval(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """Settle what this run is to deliver, and to whom, and reserve it.

    Raises ApprovalMissing, SignatureInvalid, NotPermitted, Refused (a period that cannot be), AlreadyDelivered,
    LimitExceeded (max_deliveries), Busy. Of several recipients, one that cannot get anything now holds up no other.
    """
    approved = approved_now(work, key.request_id, *key.starters)
    may, waiting = recipients_now(work, _wanted(key, approved))
    period = period_for(approved.plan, _asked(work, key), work.today())
    _start(work, key, approved, period)
    reconcile_agreement(work, key.request_id, key.actor)
    with period_lock(work.register, key.request_id, period.label):
        reconcile_delivery(work, key.request_id, period.label, key.actor)
        states, not_due = each_or_none(may, lambda part: _settle(work, key, part, period), AlreadyDelivered)
        claim_staging(folder, key, work.now())
        folder.begin()
        for state in states:
            _reserve(work, key, state)
    save_state(folder, states)
    return {
        "delivery": ", ".join(s.delivery_id for s in states),
        "period": period.label,
        "decision": approved.decision.digest,
        "plan": approved.plan.digest,
        "board": approved.board.principal,
        "controller": approved.controller.principal,
        "valid_until": approved.decision.valid_until or approved.plan.end_on,
        **({WAITING: in_words(waiting | not_due)} if waiting or not_due else {}),
    }


def _wanted(key: RunKey, approved: Approved) -> tuple[Approved, ...]:
    """The parts that this run is about. Raises NotFound for a recipient that the agreement is not for."""
    return (approved.part(key.recipient),) if key.recipient else approved.parts()


def _asked(work: Workplace, key: RunKey) -> date | str:
    if key.period:
        return key.period
    return (key.scheduled_for or work.now()).astimezone(LOCAL).date()


def _start(work: Workplace, key: RunKey, approved: Approved, period: Period) -> None:
    now = work.now()
    entry = RunEntry(key.name, key.request_id, approved.decision.request_version, period.label, key.actor, now)
    with unit_of_work(work.register) as unit:
        started = register.start_run(unit, entry)
        unit.event(
            now,
            "run.started",
            key.request_id,
            key.actor,
            {"run": key.name, "period": period.label, "attempt": started.attempt},
        )


def _settle(work: Workplace, key: RunKey, approved: Approved, period: Period) -> RunState:
    id_, label, part = key.request_id, period.label, part_name(approved)
    with reading(work.register) as view:
        there = register.list_deliveries(view, request_id=id_, period=label, recipient=part, states=LEFT_THE_HOUSE)
        count = register.deliveries_count(view, id_, part)
        revision = register.next_revision(view, id_, label, part)
    _must_be_due(key, period, there)
    if count >= approved.plan.limits.max_deliveries:
        raise LimitExceeded(
            f"{key.request_id} has had all {count} deliveries that {part or 'it'} may have.",
            advice="A new decision is needed for more.",
        )
    return RunState(
        request_id=key.request_id,
        version=approved.decision.request_version,
        run_name=key.name,
        decision_digest=approved.decision.digest,
        plan_digest=approved.signed_plan.digest,
        period=period.label,
        first=period.first,
        last=period.last,
        revision=revision,
        delivery_id=delivery_id_of(id_, label, revision, part),
        recipient=approved.plan.recipient,
        part=part,
        supersedes=there[-1].delivery_id if there else "",
        reason=key.reason,
    )


def _must_be_due(key: RunKey, period: Period, there: tuple[DeliveryEntry, ...]) -> None:
    if there and not key.reason:
        raise AlreadyDelivered(
            f"{key.request_id} was delivered for {period.label}: {there[-1].delivery_id}.",
            advice="A correction is a new revision: `extracts redeliver --reason`.",
        )
    if key.reason and not there:
        raise Refused(
            f"{key.request_id} has no delivery for {period.label} that could be corrected.",
            advice="Deliver it first: `extracts run`.",
        )


def _reserve(work: Workplace, key: RunKey, state: RunState) -> None:
    now = work.now()
    entry = DeliveryEntry(
        request_id=state.request_id,
        version=state.version,
        period=state.period,
        period_first=state.first,
        period_last=state.last,
        revision=state.revision,
        recipient=state.recipient,
        part=state.part,
        decision_digest=state.decision_digest,
        run_id=key.name,
        created_at=now,
        supersedes=state.supersedes,
        reason=state.reason,
        state=DeliveryState.BUILDING,
    )
    with unit_of_work(work.register) as unit:
        register.reserve_delivery(unit, entry)
        unit.event(
            now, "delivery.reserved", state.delivery_id, key.actor, {"run": key.name, "plan_digest": state.plan_digest}
        )
