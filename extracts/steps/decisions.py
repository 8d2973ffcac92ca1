"""What the Board and the Controller do: draw up a decision, and sign it. The last signature puts it in force.

Rules:
1. Both sign the same canonical bytes. Whoever comes first draws the document up; the other signs it, or draws up
   another, which starts afresh. A return needs one signature, whosever it is; everything else needs both.
2. Who may sign is asked before anything is saved: the key must be listed for the role's namespace, the person must
   hold the role (the Controller: under a delegation that reaches this far), and may not be the requester.
3. State and ledger event share a transaction; publishing the agreement's file comes after, and is made good at the
   next start if the process died in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from extracts import signing
from extracts.agreement.approval import check_signer
from extracts.agreement.decision import Decision, DecisionOutcome, decision_from_document
from extracts.agreement.drawing_up import Terms, draw_up
from extracts.agreement.request import refused_names, request_from_document
from extracts.agreement.status import Status, transition
from extracts.catalogue.people import Role
from extracts.errors import NotFound, NotPermitted, PlanRefused, Refused
from extracts.record import register
from extracts.record.entries import AssessmentEntry, DecisionEntry, RequestEntry, SignatureEntry
from extracts.record.transaction import Reading, Work, reading, unit_of_work
from extracts.steps.publishing import publish_in_force
from extracts.steps.requests import Examined, stored_examined, stored_request
from extracts.steps.signers import judge

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

NAMESPACES = {Role.BOARD: signing.DECISION_BOARD, Role.CONTROLLER: signing.DECISION_CONTROLLER}
_VERBS = {
    DecisionOutcome.APPROVE: "approve",
    DecisionOutcome.APPROVE_IN_PART: "approve",
    DecisionOutcome.RETURN: "return",
    DecisionOutcome.REFUSE: "refuse",
}


@dataclass(frozen=True)
class Signed:
    """Where a decision stands: whose signatures are there, and what became of the request."""

    decision: Decision
    signatures: tuple[SignatureEntry, ...]
    status: Status

    @property
    def complete(self) -> bool:
        """Whether everybody signed whose signature it takes."""
        signed = {s.namespace for s in self.signatures}
        return bool(signed) if self.decision.outcome is DecisionOutcome.RETURN else signed >= set(NAMESPACES.values())


def draw_up_decision(
    work: Workplace, request_id: str, terms: Terms, refuse_columns: tuple[str, ...], actor: str, role: Role
) -> Decision:
    """A decision document on the newest version of a request, saved for signing. `role`: as what `actor` draws it up.

    Raises PlanRefused if an approval is asked for what the policy stops, naming the findings.
    """
    entry = stored_request(work, request_id)
    _must_be_open(entry)
    examined = _examined_for(work, request_id, refuse_columns, terms.outcome)
    if terms.outcome in (DecisionOutcome.APPROVE, DecisionOutcome.APPROVE_IN_PART) and examined.plan is None:
        raise PlanRefused(
            f"{request_id} cannot be approved: {_stopping(examined)}.",
            advice="Return it, refuse it, or refuse the columns concerned (--refuse-column).",
        )
    decision = draw_up(
        examined.request,
        entry.digest,
        examined.assessment,
        examined.plan,
        terms,
        work.now(),
        refused=refused_names(request_from_document(dict(entry.document)), refuse_columns),
        policy=work.policy,
    )
    _save(work, entry, examined, decision, actor, role)
    return decision


def pending_decision(work: Workplace, request_id: str) -> Decision | None:
    """The decision on the newest version that waits for a signature; the newest if there are several."""
    entry = stored_request(work, request_id)
    with reading(work.register) as view:
        for found in register.list_decisions(view, request_id):
            if found.version == entry.version and not _signed(view, found).complete:
                return decision_from_document(found.document)
    return None


def decision_state(work: Workplace, digest: str) -> Signed:
    """Where a decision stands. Raises NotFound."""
    with reading(work.register) as view:
        return _signed(view, register.get_decision(view, digest))


def sign_decision(work: Workplace, decision: Decision, role: Role, signature: str) -> Signed:
    """Record a signature on a decision; the last one puts it in force, and an approval is published then.

    Raises SignatureInvalid (stranger, other bytes, wrong namespace, expired key), NotPermitted (requester, role not
    held, the same person or key twice); TechnicalFailure if it is in force and could not be published.
    """
    if role not in NAMESPACES:
        raise NotFound(f"Nobody decides as {role}.", advice="Decisions are signed as board and as controller.")
    entry, now = stored_request(work, decision.request_id), work.now()
    _must_be_open(entry, decision)
    found = judge(work, decision.canonical(), signature, NAMESPACES[role], now)
    _must_not_have_submitted(work, entry, found)
    with unit_of_work(work.register) as unit:
        # Locked first: of two that sign at once, the second sees the other's signature.
        entry = register.lock_request(unit, entry.request_id, entry.version)
        before = _signed(unit, register.get_decision(unit, decision.digest))
        _check(work, decision, role, found, entry, before)
        register.record_signature(
            unit,
            SignatureEntry(decision.digest, found.namespace, found.principal, found.key_fingerprint, signature, now),
        )
        unit.event(now, "decision.signed", decision.request_id, found.principal, _told(decision, role, found))
        state = _signed(unit, register.get_decision(unit, decision.digest))
        if state.complete:
            state = _put_in_force(unit, entry, state, found.principal, role, now)
    if state.complete and state.status is Status.APPROVED:
        publish_in_force(work, entry.request_id, found.principal, state.status)
    return state


def _check(
    work: Workplace, decision: Decision, role: Role, found: signing.Signature, entry: RequestEntry, before: Signed
) -> None:
    check_signer(
        found,
        role,
        decision,
        work.parties,
        requester=entry.requester_name,
        others=tuple((s.principal, s.key_fingerprint) for s in before.signatures if s.namespace != found.namespace),
        on=work.now().date(),
    )


def _put_in_force(unit: Work, entry: RequestEntry, state: Signed, actor: str, role: Role, now: datetime) -> Signed:
    decision = state.decision
    # Two signatures are the Controller's decision, whoever signed last; one signature is its signer's.
    decider = role if decision.outcome is DecisionOutcome.RETURN else Role.CONTROLLER
    status = transition(Status(entry.status), _VERBS[decision.outcome], decider)
    register.set_status(
        unit,
        entry.request_id,
        entry.version,
        expected=entry.status,
        status=status,
        at=now,
        actor=actor,
        comment=decision.reasons,
    )
    unit.event(now, f"request.{status}", entry.request_id, actor, {"decision_digest": decision.digest})
    return Signed(decision, state.signatures, status)


def _must_not_have_submitted(work: Workplace, entry: RequestEntry, found: signing.Signature) -> None:
    with reading(work.register) as view:
        history = register.status_history(view, entry.request_id, entry.version)
    for actor in sorted({h.actor for h in history if h.to_status == Status.SUBMITTED}):
        if work.parties.person(actor) == work.parties.person(found.principal):
            raise NotPermitted(
                f"{found.principal} submitted {entry.request_id} and cannot decide on it.", advice="Ask another signer."
            )


def _examined_for(work: Workplace, request_id: str, refuse: tuple[str, ...], outcome: DecisionOutcome) -> Examined:
    whole = stored_examined(work, request_id)
    refused = refused_names(whole.request, refuse)
    if refused and outcome not in (DecisionOutcome.APPROVE_IN_PART, DecisionOutcome.APPROVE):
        raise Refused("Columns are refused one by one only in an approval in part.")
    return stored_examined(work, request_id, refused) if refused else whole


def _save(work: Workplace, entry: RequestEntry, examined: Examined, decision: Decision, actor: str, role: Role) -> None:
    now = work.now()
    plan = examined.plan.document() if examined.plan and decision.plan_digest else {}
    assessment = examined.assessment
    with unit_of_work(work.register) as unit:
        if entry.status == Status.SUBMITTED:
            status = transition(Status.SUBMITTED, "review", role)
            register.set_status(
                unit,
                entry.request_id,
                entry.version,
                expected=entry.status,
                status=status,
                at=now,
                actor=actor,
            )
        register.save_assessment(
            unit,
            AssessmentEntry(
                entry.request_id,
                entry.version,
                assessment.policy_version,
                assessment.passed,
                assessment.document(),
                now,
            ),
        )
        register.save_decision(unit, DecisionEntry(decision.document(), plan, now))
        unit.event(
            now,
            "decision.drawn-up",
            entry.request_id,
            actor,
            {
                "decision_digest": decision.digest,
                "plan_digest": decision.plan_digest,
                "outcome": decision.outcome,
                "version": entry.version,
            },
        )


def _signed(view: Reading, entry: DecisionEntry) -> Signed:
    request = register.get_request(view, entry.request_id, entry.version)
    found = register.signatures(view, entry.digest)
    return Signed(decision_from_document(entry.document), tuple(found), Status(request.status))


def _must_be_open(entry: RequestEntry, decision: Decision | None = None) -> None:
    if entry.status not in (Status.SUBMITTED, Status.IN_REVIEW):
        raise Refused(
            f"{entry.request_id} version {entry.version} is {entry.status}: it is not waiting for a decision.",
            advice="A change of a decided request is a new version.",
        )
    if decision and (decision.request_version, decision.request_digest) != (entry.version, entry.digest):
        raise Refused(
            f"This decision is about version {decision.request_version} of {entry.request_id}, not about the newest.",
            advice="Draw up a decision on the newest version.",
        )


def _stopping(examined: Examined) -> str:
    found = (*examined.assessment.violations, *examined.assessment.gaps)
    return "; ".join(f"{f.rule}: {f.message}" for f in found) or examined.refusal


def _told(decision: Decision, role: Role, found: signing.Signature) -> dict[str, object]:
    return {
        "decision_digest": decision.digest,
        "role": role.value,
        "key": found.key_fingerprint,
        "outcome": decision.outcome.value,
    }
