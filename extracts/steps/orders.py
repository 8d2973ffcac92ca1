"""Suspend, resume, revoke: a signed order on an agreement, effective at once in the register and in its file.

Rules:
1. A suspension or revocation needs one signature: stopping must be quicker than starting. Resuming needs the
   Controller's.
2. The register is changed first: a gate that reads between the two already stops there.
3. Revoking retires the pseudonym key; suspending and withdrawing a delivery leave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts import signing
from extracts.agreement.decision import Order, OrderKind
from extracts.agreement.status import Status, transition
from extracts.catalogue.people import Role
from extracts.errors import ApprovalMissing, NotPermitted
from extracts.record import register
from extracts.record.entries import OrderEntry, RequestEntry, SignatureEntry
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import keys
from extracts.steps.approval_file import load_published
from extracts.steps.publishing import publish_agreement
from extracts.steps.requests import stored_request
from extracts.steps.signers import judge

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def draw_up_order(work: Workplace, request_id: str, kind: OrderKind, reasons: str) -> Order:
    """The order to be signed on the decision in force. Raises ApprovalMissing; NotPermitted without reasons."""
    if not reasons.strip():
        raise NotPermitted("An order needs its reasons.", advice="Say why: --reasons.")
    decision = load_published(work, request_id).decision
    with reading(work.register) as view:
        number = len(register.list_orders(view, request_id)) + 1
    return Order(request_id, number, kind, decision.digest, reasons.strip(), work.now())


def sign_order(work: Workplace, order: Order, signature: str) -> Status:
    """Record a signed order and put it into effect; the status after it.

    Raises SignatureInvalid, NotPermitted (role, requester), IllegalTransition.
    """
    now = work.now()
    found = judge(work, order.canonical(), signature, signing.ORDER, now)
    published = load_published(work, order.request_id)
    if order.decision_digest != published.decision.digest:
        raise ApprovalMissing(f"This order is about an earlier decision on {order.request_id}.")
    entry = stored_request(work, order.request_id, published.decision.request_version)
    status = transition(Status(entry.status), order.kind, _role(work, found, entry, order.kind))
    digest = OrderEntry(order.document(), now).digest
    with unit_of_work(work.register) as unit:
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
        register.save_order(unit, OrderEntry(order.document(), now))
        register.record_signature(
            unit, SignatureEntry(digest, found.namespace, found.principal, found.key_fingerprint, signature, now)
        )
        unit.event(now, f"agreement.{status}", order.request_id, found.principal, {"order_digest": digest})
    publish_agreement(work, order.request_id, found.principal)
    if order.kind is OrderKind.REVOKE:
        keys.retire_key(work.places.keys, order.request_id)
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
