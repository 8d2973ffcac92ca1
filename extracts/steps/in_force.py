"""Which decision on a request is in force, as the register has it: the newest approval that both roles signed.

A later one replaces all before it for good: when it is revoked, withdrawn or over, nothing before it comes back.
"""

from __future__ import annotations

from extracts import signing
from extracts.agreement.status import Status, next_steps
from extracts.record import register
from extracts.record.entries import DecisionEntry, RequestEntry
from extracts.record.transaction import Reading

ONCE_APPROVED = (Status.APPROVED, Status.SUSPENDED, Status.REVOKED, Status.EXPIRED, Status.WITHDRAWN)
ENDED_FOR_GOOD = (Status.REVOKED, Status.WITHDRAWN)
_BOTH = {signing.DECISION_BOARD, signing.DECISION_CONTROLLER}


def decision_in_force(view: Reading, request_id: str) -> DecisionEntry | None:
    """The newest approval with both signatures, whatever became of it since."""
    return next((d for d in register.list_decisions(view, request_id) if d.plan and is_signed(view, d)), None)


def is_signed(view: Reading, decision: DecisionEntry) -> bool:
    """Whether both roles signed it."""
    return {s.namespace for s in register.signatures(view, decision.digest)} >= _BOTH


def movable_request(view: Reading, request_id: str) -> RequestEntry:
    """The version that somebody can still move: the newest; if that is over, the one in force. Raises NotFound."""
    newest, decision = register.get_request(view, request_id), decision_in_force(view, request_id)
    if next_steps(Status(newest.status)) or decision is None:
        return newest
    return register.get_request(view, request_id, decision.version)
