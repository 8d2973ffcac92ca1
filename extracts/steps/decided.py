"""Which decisions on a request there are, and how far each was signed: what people are shown before they sign.

Rules:
1. What is signed in full comes first, then what one signed, then drafts; the newest first within each. A draft that
   anybody printed never stands before a document that a decider signed.
2. A decider who says nothing signs what the other one signed, and no draft.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extracts.agreement.decision import Decision, DecisionOutcome, decision_from_document
from extracts.agreement.decision_words import decision_in_words
from extracts.agreement.plan import ExtractPlan, plan_from_document
from extracts.agreement.signers import NAMESPACES
from extracts.agreement.status import Status
from extracts.catalogue.people import Role
from extracts.record import register
from extracts.record.entries import DecisionEntry, RequestEntry, SignatureEntry
from extracts.record.transaction import Reading, reading

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


@dataclass(frozen=True)
class Signed:
    """Where a decision stands: whose signatures are there, and the status of the request. `plan`: what it approves."""

    decision: Decision
    signatures: tuple[SignatureEntry, ...]
    status: Status
    plan: ExtractPlan | None = None

    @property
    def complete(self) -> bool:
        """Whether everybody signed whose signature it takes: both roles, but one for a return."""
        signed = {s.namespace for s in self.signatures}
        return bool(signed) if self.decision.outcome is DecisionOutcome.RETURN else signed >= set(NAMESPACES.values())

    @property
    def signed_by(self) -> list[str]:
        """Each signature in words."""
        return [f"{s.principal} as {s.namespace}, {s.recorded_at:%Y-%m-%d %H:%M} UTC" for s in self.signatures]

    def is_signed_as(self, role: Role) -> bool:
        """Whether this role signed."""
        return NAMESPACES[role] in {s.namespace for s in self.signatures}

    def in_words(self) -> dict[str, Any]:
        """Its terms and signatures, as names and values for people."""
        return {**decision_in_words(self.decision), "signed by": self.signed_by or ["nobody yet"]}


def signed_state(view: Reading, entry: DecisionEntry) -> Signed:
    """How far a decision was signed."""
    status = register.get_request(view, entry.request_id, entry.version).status
    plan = plan_from_document(entry.plan) if entry.plan else None
    found = tuple(register.signatures(view, entry.digest))
    return Signed(decision_from_document(entry.document), found, Status(status), plan)


def decisions_on(view: Reading, entry: RequestEntry) -> tuple[Signed, ...]:
    """Every decision on this version of a request, foremost first."""
    found = [
        signed_state(view, d) for d in register.list_decisions(view, entry.request_id) if d.version == entry.version
    ]
    return tuple(sorted(found, key=lambda s: (not s.complete, -len(s.signatures))))  # stable: newest first


def foremost_decision(work: Workplace, request_id: str) -> Signed | None:
    """The decision on the newest version that people are shown, if there is one. Raises NotFound."""
    with reading(work.register) as view:
        return next(iter(decisions_on(view, register.get_request(view, request_id))), None)


def waiting_decisions(work: Workplace, request_id: str) -> tuple[Signed, ...]:
    """The decisions on the newest version that wait for a signature, foremost first. Raises NotFound."""
    with reading(work.register) as view:
        found = decisions_on(view, register.get_request(view, request_id))
    return tuple(s for s in found if not s.complete)
