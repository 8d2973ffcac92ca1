"""Suspend, resume, revoke: a signed order on an agreement, effective at once in the register and in its file.

Rules:
1. A suspension or revocation needs one signature: stopping must be quicker than starting. Resuming needs the
   Controller's.
2. Only the register is asked what is in force, and it is changed first: stopping never waits for the published file,
   and a gate that reads between the two already stops.
3. Revoking retires the pseudonym key; suspending and withdrawing a delivery leave it.
4. Revoking empties the transfer area of the agreement's deliveries, and asks for the destruction of what was collected.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from extracts import signing
from extracts.agreement.decision import Order, OrderKind
from extracts.agreement.status import Status, transition
from extracts.catalogue.forms import readable
from extracts.catalogue.people import Role
from extracts.errors import ApprovalMissing, NotPermitted
from extracts.record import register
from extracts.record.entries import DecisionEntry, OrderEntry, RequestEntry, SignatureEntry
from extracts.record.transaction import Reading, Work, reading, unit_of_work
from extracts.steps import notices
from extracts.steps.in_force import decision_in_force
from extracts.steps.publishing import publish_in_force
from extracts.steps.signers import judge
from extracts.steps.taking_back import withdraw_all

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def draw_up_order(work: Workplace, request_id: str, kind: OrderKind, reasons: str) -> Order:
    """The order to be signed on the decision in force. Raises ApprovalMissing; UsageError for unreadable reasons."""
    text = readable("reasons", reasons)
    with reading(work.register) as view:
        decision = _in_force(view, request_id)
        number = len(register.list_orders(view, request_id)) + 1
    return Order(request_id, number, kind, decision.digest, text, work.now())


def sign_order(work: Workplace, order: Order, signature: str) -> Status:
    """Record a signed order and put it into effect; the status after it.

    Raises SignatureInvalid, NotPermitted (role, requester), ApprovalMissing, IllegalTransition; TechnicalFailure if the
    order is in force and the agreement's file could not be written.
    """
    now = work.now()
    found = judge(work, order.canonical(), signature, signing.ORDER, now)
    with unit_of_work(work.register) as unit:
        status = _put_in_force(work, unit, order, found, now)
        given = OrderEntry(order.document(), now)
        register.save_order(unit, given)
        register.record_signature(
            unit, SignatureEntry(given.digest, found.namespace, found.principal, found.key_fingerprint, signature, now)
        )
        unit.event(now, f"agreement.{status}", order.request_id, found.principal, {"order_digest": given.digest})
        if status is not Status.APPROVED:
            version = _in_force(unit, order.request_id).version
            notices.agreement_stopped(unit, order.request_id, version, given.digest, status, now)
    publish_in_force(work, order.request_id, found.principal, status)
    if status is Status.REVOKED:
        withdraw_all(work, order.request_id, found.principal)
    return status


def _in_force(view: Reading, request_id: str) -> DecisionEntry:
    found = decision_in_force(view, request_id)
    if found is None:
        raise ApprovalMissing(
            f"{request_id} has no decision in force that could be ordered about.",
            advice="See `extracts request show`; a request that is not decided yet can be returned or refused.",
        )
    return found


def _put_in_force(work: Workplace, unit: Work, order: Order, found: signing.Signature, now: datetime) -> Status:
    decision = _in_force(unit, order.request_id)
    if order.decision_digest != decision.digest:
        raise ApprovalMissing(f"This order is about an earlier decision on {order.request_id}.")
    entry = register.lock_request(unit, order.request_id, decision.version)
    status = transition(Status(entry.status), order.kind, _role(work, found, entry, order.kind))
    register.set_status(
        unit,
        entry.request_id,
        entry.version,
        expected=entry.status,
        status=status,
        at=now,
        actor=found.principal,
        comment=order.reasons,
    )
    return status


def _role(work: Workplace, found: signing.Signature, entry: RequestEntry, kind: OrderKind) -> Role:
    person, today = work.parties.person(found.principal), work.now().date()
    if person == work.parties.person(entry.requester_name):
        raise NotPermitted(f"{found.principal} asked for {entry.request_id} and gives no orders on it.")
    principal = work.parties.principals.get(found.principal)
    held = [r for r in (Role.CONTROLLER, Role.BOARD) if principal and principal.has_role(r, today)]
    if not held:
        raise NotPermitted(
            f"{found.principal} is neither Controller nor Board today and cannot {kind} an agreement.",
            advice="Ask one who is.",
        )
    return held[0]
