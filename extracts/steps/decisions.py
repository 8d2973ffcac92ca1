"""What the Board and the Controller do: sign a decision. The last signature puts it in force.

Rules:
1. Both sign the same canonical bytes. Whoever comes first draws the document up; the other signs it, or draws up
   another, which starts afresh. A return needs one signature, whosever it is; everything else needs both.
2. Who may sign is asked before anything is saved: the key must be listed for the role's namespace, the person must
   hold the role (the Controller: under a delegation that reaches this far), and may neither have asked for the request
   nor have submitted it, by any name.
3. The reviews that the policy asks for are there before anybody signs, and whoever answered one does not decide; but
   the chair, who answers for the Board, signs for it.
4. State and ledger event share a transaction; publishing the agreement's file comes after, and is made good at the
   next start if the process died in between.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from extracts import signing
from extracts.agreement.approval import check_signer
from extracts.agreement.decision import Decision, DecisionOutcome
from extracts.agreement.refusal import check_leaves_time
from extracts.agreement.signers import NAMESPACES
from extracts.agreement.status import Status, transition
from extracts.catalogue.people import Role
from extracts.catalogue.reviewers import ReviewKind
from extracts.errors import InvalidDocument, NotFound, NotPermitted
from extracts.record import register
from extracts.record.entries import RequestEntry, SignatureEntry
from extracts.record.transaction import Work, reading, unit_of_work
from extracts.steps import notices
from extracts.steps.actor import names_of
from extracts.steps.decided import Signed, signed_state, waiting_decisions
from extracts.steps.drafting import Draft, decision_of, must_be_open, save_draft
from extracts.steps.drafting import draw_up_decision as draw_up_decision
from extracts.steps.publishing import publish_in_force
from extracts.steps.requests import stored_examined, stored_request
from extracts.steps.review_standing import check_reviewed, considered
from extracts.steps.signers import judge

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_VERBS = {
    DecisionOutcome.APPROVE: "approve",
    DecisionOutcome.APPROVE_IN_PART: "approve",
    DecisionOutcome.RETURN: "return",
    DecisionOutcome.REFUSE: "refuse",
}


def pending_decision(work: Workplace, request_id: str, role: Role) -> Decision | None:
    """What waits for this role's signature and has the other's; the newest if there are several. Never a draft."""
    found = (s for s in waiting_decisions(work, request_id) if s.signatures and not s.is_signed_as(role))
    return next((s.decision for s in found), None)


def sign_decision(work: Workplace, drawn: Decision | Draft, role: Role, signature: str) -> Signed:
    """Record a signature on a decision, with the decision if it is new; the last puts it in force and publishes it.

    Raises SignatureInvalid (stranger, other bytes, wrong namespace, expired key), NotPermitted (requester, role not
    held, delegation too short, the same person or key twice): then nothing was saved. TechnicalFailure if it is in
    force and could not be published.
    """
    if role not in NAMESPACES:
        raise NotFound(f"Nobody decides as {role}.", advice="Decisions are signed as board and as controller.")
    decision = decision_of(drawn)
    entry, now = stored_request(work, decision.request_id), work.now()
    must_be_open(entry, decision)
    check_leaves_time(decision, now)
    found = judge(work, decision.canonical(), signature, NAMESPACES[role], now)
    _must_not_have_submitted(work, entry, found)
    _must_not_have_reviewed(work, entry, found, role)
    _must_be_reviewed(work, entry, decision)
    recorded = SignatureEntry(decision.digest, found.namespace, found.principal, found.key_fingerprint, signature, now)
    with unit_of_work(work.register) as unit:
        # Locked first: of two that sign at once, the second sees what the other did.
        entry = register.lock_request(unit, entry.request_id, entry.version)
        must_be_open(entry, decision)
        _check(work, _before(unit, drawn, entry), role, found, entry)
        if isinstance(drawn, Draft):
            save_draft(unit, drawn, found.principal, now)
        register.record_signature(unit, recorded)
        unit.event(now, "decision.signed", decision.request_id, found.principal, _told(decision, role, found))
        state = _advance(unit, entry, decision, role, found.principal, now)
        if state.complete:
            notices.decided(unit, decision, _reason(work, decision), now)
        else:
            notices.signed_by_one(unit, decision, role, now)
    if state.complete and state.status is Status.APPROVED:
        publish_in_force(work, entry.request_id, found.principal, state.status)
    return state


def _advance(unit: Work, entry: RequestEntry, decision: Decision, role: Role, actor: str, now: datetime) -> Signed:
    """Where the request goes with this signature: into review with the first, to its end with the last."""
    if entry.status == Status.SUBMITTED:
        entry = _move(unit, entry, "review", role, actor, now)
    if signed_state(unit, register.get_decision(unit, decision.digest)).complete:
        # Two signatures are the Controller's decision, whoever signed last; one signature is its signer's.
        decider = role if decision.outcome is DecisionOutcome.RETURN else Role.CONTROLLER
        entry = _move(unit, entry, _VERBS[decision.outcome], decider, actor, now, decision.reasons)
        unit.event(now, f"request.{entry.status}", entry.request_id, actor, {"decision_digest": decision.digest})
    return signed_state(unit, register.get_decision(unit, decision.digest))


def _before(unit: Work, drawn: Decision | Draft, entry: RequestEntry) -> Signed:
    if isinstance(drawn, Draft):
        return Signed(drawn.decision, (), Status(entry.status), drawn.plan)
    return signed_state(unit, register.get_decision(unit, drawn.digest))


def _check(work: Workplace, before: Signed, role: Role, found: signing.Signature, entry: RequestEntry) -> None:
    check_signer(
        found,
        role,
        before.decision,
        work.parties,
        requester=entry.requester_name,
        others=tuple((s.principal, s.key_fingerprint) for s in before.signatures if s.namespace != found.namespace),
        on=work.now().date(),
        plan=before.plan,
    )


def _move(
    unit: Work, entry: RequestEntry, verb: str, role: Role, actor: str, now: datetime, comment: str = ""
) -> RequestEntry:
    status = transition(Status(entry.status), verb, role)
    register.set_status(
        unit,
        entry.request_id,
        entry.version,
        expected=entry.status,
        status=status,
        at=now,
        actor=actor,
        comment=comment,
    )
    return replace(entry, status=status)


def _must_not_have_submitted(work: Workplace, entry: RequestEntry, found: signing.Signature) -> None:
    with reading(work.register) as view:
        history = register.status_history(view, entry.request_id, entry.version)
    for name in sorted({n for h in history if h.to_status == Status.SUBMITTED for n in names_of(h.actor)}):
        if work.parties.person(name) == work.parties.person(found.principal):
            raise NotPermitted(
                f"{found.principal} submitted {entry.request_id} and cannot decide on it.", advice="Ask another signer."
            )


def _reason(work: Workplace, decision: Decision) -> str:
    """The reason code in the policy's words; the code itself if they cannot be read: that must not stop a signature."""
    code = decision.reason_code
    try:
        return work.policy.reason_codes.get(code, code) if code else ""
    except InvalidDocument:
        return code


def _must_be_reviewed(work: Workplace, entry: RequestEntry, decision: Decision) -> None:
    is_refusal = decision.outcome is DecisionOutcome.REFUSE  # what the policy stops is refused without reviews
    passes = not is_refusal or stored_examined(work, entry.request_id).plan is not None
    check_reviewed(work, entry, decision.outcome, policy_passes=passes)


def _must_not_have_reviewed(work: Workplace, entry: RequestEntry, found: signing.Signature, role: Role) -> None:
    with reading(work.register) as view:
        answered = considered(work, view, entry, entry.version).answered
    for review, name in answered.items():
        is_the_boards_own = role is Role.BOARD and review is ReviewKind.BOARD
        if work.parties.person(name) == work.parties.person(found.principal) and not is_the_boards_own:
            raise NotPermitted(
                f"{found.principal} answered the {review} review of {entry.request_id}, and cannot decide as {role}.",
                advice="Nobody acts in two roles on one request: ask another signer.",
            )


def _told(decision: Decision, role: Role, found: signing.Signature) -> dict[str, object]:
    return {
        "decision_digest": decision.digest,
        "role": role.value,
        "key": found.key_fingerprint,
        "outcome": decision.outcome.value,
        "comments": len(decision.comments),
    }
