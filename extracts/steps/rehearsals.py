"""Was the agreement rehearsed? And what becomes of rehearsals: acknowledged, given up, out of the area.

Rules:
1. Before an agreement's first delivery to a recipient, that recipient has acknowledged a rehearsal of it: collected,
   verified and decrypted. Once is enough, over versions and renewals.
2. In an emergency the Controller waives it for one version, with reasons, where the policy statement lets its
   criticality go without.
3. Its custody ends with the acknowledgement: its files are taken out of the area, and nobody certifies anything. The
   register says so first; what could not be removed is removed by the next round of the clocks.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from extracts.agreement.status import CLOCK, Status
from extracts.agreement.working_days import BOTH_NATIONS, working_days_between
from extracts.catalogue.forms import readable
from extracts.catalogue.people import Role
from extracts.errors import ExtractsError, NotFound, NotPermitted, Refused, TechnicalFailure
from extracts.handover.dropzone.interface import Place
from extracts.handover.receipt import Receipt, ReceiptResult
from extracts.handover.receipt_rules import Left, Objection, receipt_objection
from extracts.handover.rehearsal import marked
from extracts.record import register, rehearsals
from extracts.record.delivery_entries import LEFT_THE_HOUSE
from extracts.record.rehearsals import OPEN, Rehearsal, SignedReceipt, Step, Waiver
from extracts.record.transaction import Reading, Work, reading, unit_of_work
from extracts.steps.actor import names_of
from extracts.steps.approval import Approved, approved_now
from extracts.steps.offers import Offer
from extracts.steps.signers import rehearsal_index_signer
from extracts.steps.transfer import drop_zone

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

NOT_ACKNOWLEDGED = "it was not acknowledged in time"
AGREEMENT_STOPPED = "its agreement is not in force"
ACKNOWLEDGED = "it was acknowledged"


@dataclass(frozen=True)
class Missing:
    """That a rehearsal is missing: what is so, and what to do."""

    what: str
    advice: str


# --- the gate ---------------------------------------------------------------------------------------------------------


def check_rehearsed(work: Workplace, approved: Approved) -> None:
    """Raises Refused unless the agreement may deliver: rehearsed, delivered before, or let go without."""
    missing = missing_rehearsal(work, approved)
    if missing is not None:
        raise Refused(missing.what, advice=missing.advice)


def missing_rehearsal(work: Workplace, approved: Approved) -> Missing | None:
    """What stands in the way of the first delivery to the recipient of a part; None if nothing does."""
    plan, version = approved.plan, approved.decision.request_version
    with reading(work.register) as view:
        left = register.list_deliveries(view, request_id=plan.request_id, states=LEFT_THE_HOUSE)
        if any(d.recipient == plan.recipient for d in left):
            return None
        if rehearsals.was_rehearsed(view, plan.request_id, plan.recipient):
            return None
        waiver = rehearsals.get_waiver(view, plan.request_id, version)
        there = rehearsals.list_rehearsals(view, request_id=plan.request_id, recipient=plan.recipient)
        open_ = [r for r in there if r.step in OPEN]
    if waiver is not None and plan.criticality in work.policy.rehearsal.may_be_waived_for:
        return None
    return _missing(plan.request_id, plan.recipient, open_[-1] if open_ else None)


def _missing(request_id: str, recipient: str, open_: Rehearsal | None) -> Missing:
    if open_ is None or open_.step is Step.PREPARED:
        return Missing(
            f"{request_id} was not rehearsed with {recipient} yet: nothing is delivered before.",
            f"Send made-up rows the same way: `extracts rehearse {request_id}`.",
        )
    seen = "was collected and not opened" if open_.step is Step.COLLECTED else "waits to be collected"
    return Missing(
        f"{request_id}: its rehearsal {open_.rehearsal_id} {seen}: nothing is delivered before it is acknowledged.",
        f"Ask {recipient} to collect it with `extracts collect` and its decryption key, or by its README.txt.",
    )


def waive(work: Workplace, request_id: str, actor: str, reasons: str) -> Waiver:
    """Let the first delivery of the version in force go without a rehearsal.

    Raises ApprovalMissing and its kin, NotPermitted for anyone but the Controller, Refused where the policy does not
    let it or nothing is missing, UsageError for unreadable reasons.
    """
    text, approved = readable("reasons", reasons), approved_now(work, request_id)
    plan, name = approved.plan, names_of(actor)[-1]
    principal = work.parties.principal(name)
    if principal is None or not principal.has_role(Role.CONTROLLER, work.today()):
        raise NotPermitted(
            f"{name} may not let {request_id} go without a rehearsal: only the Controller may.",
            advice="Ask the Controller, or rehearse it: `extracts rehearse`.",
        )
    if plan.criticality not in work.policy.rehearsal.may_be_waived_for:
        raise Refused(
            f"The policy statement lets no delivery of criticality {plan.criticality} go without a rehearsal.",
            advice=f"Rehearse it: `extracts rehearse {request_id}`.",
        )
    if all(missing_rehearsal(work, part) is None for part in approved.parts()):
        raise Refused(f"{request_id} needs no rehearsal any more.", advice="There is nothing to do.")
    now = work.now()
    waiver = Waiver(request_id, approved.decision.request_version, text, actor, now)
    with unit_of_work(work.register) as unit:
        rehearsals.save_waiver(unit, waiver)
        told = {"version": waiver.version, "criticality": plan.criticality}
        unit.event(now, "rehearsal.waived", request_id, actor, told)
    return waiver


# --- the recipient's receipt ------------------------------------------------------------------------------------------


def take_rehearsal_receipt(work: Workplace, unit: Work, offer: Offer, said: Receipt, key: str) -> Objection | None:
    """What a receipt for a rehearsal moves; why it is refused, if it is."""
    now, who = work.now(), offer.recipient.id
    objection = receipt_objection(said, who, _left(unit, said.delivery_id), now)
    if objection is not None:
        return objection
    there = rehearsals.lock_rehearsal(unit, said.delivery_id)
    step = Step.ACKNOWLEDGED if said.result is ReceiptResult.DECRYPTED else Step.COLLECTED
    if step not in rehearsals.TRANSITIONS[there.step]:
        return Objection.REPLAYED if there.step is Step.COLLECTED or there.acknowledged_at else Objection.OVER
    receipt = SignedReceipt(offer.digest, offer.data.decode(), offer.signature)
    rehearsals.save_step(unit, there, step, at=now, actor=who, receipt=receipt)
    told = {"receipt": offer.digest, "result": said.result, "key": key, "manifest_digest": said.manifest_digest}
    unit.event(now, f"rehearsal.{step}", said.delivery_id, who, told)
    return None


def _left(view: Reading, rehearsal_id: str) -> Left | None:
    try:
        there = rehearsals.get_rehearsal(view, rehearsal_id)
    except NotFound:
        return None
    if there.published_at is None:
        return None
    return Left(there.rehearsal_id, there.recipient, there.manifest_digest, there.files, there.published_at)


# --- its end ----------------------------------------------------------------------------------------------------------


def end_open(work: Workplace, request_id: str, actor: str, why: str, recipient: str = "") -> tuple[str, ...]:
    """Give up what nobody acknowledged, or one recipient did not; the ids."""
    with reading(work.register) as view:
        there = rehearsals.list_rehearsals(view, request_id=request_id, recipient=recipient, in_area=True)
        open_ = [r for r in there if r.step in OPEN]
    return tuple(r.rehearsal_id for r in open_ if _end(work, r.rehearsal_id, actor, why))


def _end(work: Workplace, rehearsal_id: str, actor: str, why: str) -> bool:
    now = work.now()
    with unit_of_work(work.register) as unit:
        there = rehearsals.lock_rehearsal(unit, rehearsal_id)
        if there.step not in OPEN:
            return False
        rehearsals.save_step(unit, there, Step.ENDED, at=now, actor=actor)
        unit.event(now, "rehearsal.ended", rehearsal_id, actor, {"was": there.step, "because": why})
    return True


def end_overdue(work: Workplace) -> tuple[str, ...]:
    """Give up what has waited longer than a delivery may, or whose agreement is not in force any more; the ids."""
    today, patience = work.today(), work.policy.custody.acknowledge_within
    with reading(work.register) as view:
        open_ = [r for r in rehearsals.list_rehearsals(view, in_area=True) if r.step in OPEN and r.published_at]
        why = {r.rehearsal_id: AGREEMENT_STOPPED for r in open_ if not _is_in_force(view, r)}
    for there in open_:
        waited = working_days_between((there.published_at or there.made_at).date(), today, BOTH_NATIONS)
        if waited > patience:
            why.setdefault(there.rehearsal_id, NOT_ACKNOWLEDGED)
    return tuple(rehearsal_id for rehearsal_id, because in why.items() if _end(work, rehearsal_id, CLOCK, because))


def _is_in_force(view: Reading, there: Rehearsal) -> bool:
    """A suspended agreement may go on; its rehearsal waits."""
    status = register.get_request(view, there.request_id, there.version).status
    return status not in (Status.REVOKED, Status.WITHDRAWN, Status.EXPIRED)


def clear_rehearsals(work: Workplace, request_id: str = "") -> tuple[str, ...]:
    """Take out of the area what was acknowledged or given up; the ids. Raises TechnicalFailure where it cannot."""
    with reading(work.register) as view:
        over = [r for r in rehearsals.list_rehearsals(view, request_id=request_id, in_area=True) if r.step not in OPEN]
    failed, done = [], []
    for there in over:
        try:
            _remove(work, there)
        except ExtractsError as error:
            failed.append(f"{there.rehearsal_id} ({type(error).__name__})")
            continue
        done.append(there.rehearsal_id)
    if failed:
        raise TechnicalFailure(
            f"Over, but perhaps still in the transfer area: {', '.join(failed)}.",
            advice="It is tried again every few minutes. Can the area be reached?",
        )
    return tuple(done)


def _remove(work: Workplace, there: Rehearsal) -> None:
    place, zone = Place(there.recipient, marked(there.request_id), there.rehearsal_id), drop_zone(work)
    reason = ACKNOWLEDGED if there.step is Step.ACKNOWLEDGED else "it was given up"
    with suppress(NotFound):  # it may never have come so far as to be listed
        zone.withdraw(place, reason, rehearsal_index_signer(work), work.now())
    zone.remove(place, None)
    now = work.now()
    with unit_of_work(work.register) as unit:
        locked = rehearsals.lock_rehearsal(unit, there.rehearsal_id)
        if locked.in_area:
            rehearsals.save_step(unit, locked, Step.REMOVED, at=now, actor=CLOCK)
            unit.event(now, "rehearsal.removed", there.rehearsal_id, CLOCK, {"because": there.step})
