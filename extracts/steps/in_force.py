"""Which decision on a request is in force, as the register has it: the newest that both roles signed."""

from __future__ import annotations

from extracts import signing
from extracts.agreement.status import Status
from extracts.record import register
from extracts.record.entries import DecisionEntry
from extracts.record.transaction import Reading

IN_FORCE = (Status.APPROVED, Status.SUSPENDED, Status.REVOKED, Status.EXPIRED)
_BOTH = {signing.DECISION_BOARD, signing.DECISION_CONTROLLER}


def decision_in_force(view: Reading, request_id: str) -> DecisionEntry | None:
    """The newest approval with both signatures, whatever became of it since; a later one replaces all before it."""
    for decision in register.list_decisions(view, request_id):
        status = register.get_request(view, request_id, decision.version).status
        signed = {s.namespace for s in register.signatures(view, decision.digest)}
        if status in IN_FORCE and decision.plan and signed >= _BOTH:
            return decision
    return None
