"""All rules of trust in an approval, in one place and without I/O: the caller verifies signatures, this judges.

Rules, in order:
1. The decision approves, and binds this plan, this request and this assessment by their digests.
2. Board and Controller signed it, each in the namespace of their role: two people, two keys.
3. Neither of them is the requester, nor whoever started this run by hand.
4. When they signed, both held their role, and the Controller a delegation that reaches this far.
5. Today lies between valid_from and valid_until, both included.
6. Nothing ended it: its requester did not withdraw it, and no order stops it. The orders are numbered without a gap,
   are about this decision, and are signed by people who may give them; a revocation is for good, a suspension lasts
   until it is resumed.
7. The recipient is confirmed and the gateway in force today.

Signatures are verified by ssh-keygen at the time that the ledger recorded, before this is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from extracts import signing
from extracts.agreement.decision import Decision, DecisionOutcome
from extracts.agreement.orders import check_orders, missing
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.published import Published as Published
from extracts.agreement.published import SignedAt as SignedAt
from extracts.agreement.published import published_document as published_document
from extracts.agreement.published import read_published as read_published
from extracts.agreement.request import Request, request_from_document, without_columns
from extracts.agreement.signers import NAMESPACES, check_delegation
from extracts.agreement.signers import check_signer as check_signer
from extracts.catalogue.parties import Parties, RecipientStatus
from extracts.catalogue.people import Role
from extracts.errors import ApprovalMissing, InvalidDocument, NotPermitted, SignatureInvalid, UsageError
from extracts.signing import Signature

APPROVING = (DecisionOutcome.APPROVE, DecisionOutcome.APPROVE_IN_PART)


@dataclass(frozen=True)
class Approval:
    """An agreement that may run today: what was approved, by whom, until when."""

    request_id: str
    request: Request
    plan: ExtractPlan
    decision: Decision
    board: Signature
    controller: Signature
    valid_until: date
    judged_on: date


def judge(
    published: Published,
    *,
    board: Signature,
    controller: Signature,
    parties: Parties,
    today: date,
    order_signatures: Sequence[Signature] = (),
    started_by: str | Collection[str] = (),
    submitted_by: Collection[str] = (),
    plan: ExtractPlan | None = None,
    recorded_at: tuple[datetime, datetime] | None = None,
    rehearsal: bool = False,
) -> Approval:
    """The approval that a published agreement is, if it is one today. Signatures as verified; orders' in their order.

    `started_by`: who started the run by hand, by every name; empty for the scheduler. `submitted_by`: further
    people of the request.
    `plan`: what the run would do, if it was made elsewhere. `recorded_at`: when the ledger recorded both signatures,
    instead of what the file says. `rehearsal`: signatures are in the `-test` namespaces. `today`: in UTC.

    Raises ApprovalMissing, NotPermitted or SignatureInvalid, each with id, reason and what to do.
    """
    request = _bound(published, plan or published.plan)
    _check_namespaces(board, controller, rehearsal)
    times = recorded_at or (published.board.recorded_at, published.controller.recorded_at)
    _check_signers(published, request, (board, controller), times, parties)
    _check_others(published, (board, controller), parties, {**_starting(started_by), **_asking(submitted_by)})
    _check_dates(published.decision, today)
    if published.withdrawn_at:
        raise missing(published.decision, f"its requester withdrew it on {published.withdrawn_at:%Y-%m-%d}")
    check_orders(published, order_signatures, parties, rehearsal)
    _check_parties(published.plan, parties, today)
    decision = published.decision
    until = decision.valid_until or published.plan.end_on
    return Approval(decision.request_id, request, published.plan, decision, board, controller, until, today)


# --- rule 1 -------------------------------------------------------------------------------------------------------


def _bound(published: Published, plan: ExtractPlan) -> Request:
    decision = published.decision
    if decision.outcome not in APPROVING or not decision.plan_digest:
        raise missing(decision, f"the decision is to {decision.outcome}")
    if decision.plan_digest not in {plan.digest} & {published.plan.digest}:
        raise missing(decision, "the approval is of another plan: something in it was changed since")
    request = _request(published)
    if request.digest != decision.request_digest or request.version != decision.request_version:
        raise missing(decision, "the approval is of another request: it was edited since")
    assessment = published.assessment
    if assessment is None or assessment.digest != decision.assessment_digest:
        raise missing(decision, "the approval rests on another assessment than the published one")
    if not assessment.passed or assessment.request_digest != _smaller(request, decision).digest:
        raise missing(decision, "the assessment did not pass, or was of another request")
    return request


def _request(published: Published) -> Request:
    try:
        document: dict[str, Any] = dict(published.request["document"])
        return request_from_document(document)
    except (KeyError, TypeError, ValueError, InvalidDocument):
        raise missing(published.decision, "the request that was approved is not in the published file") from None


def _smaller(request: Request, decision: Decision) -> Request:
    try:
        return without_columns(request, {(c.dataset, c.column) for c in decision.columns if not c.granted})
    except UsageError:
        raise missing(decision, "it grants no column") from None


# --- rules 2 to 4 ---------------------------------------------------------------------------------------------------


def _check_namespaces(board: Signature, controller: Signature, rehearsal: bool) -> None:
    for found, role in ((board, Role.BOARD), (controller, Role.CONTROLLER)):
        expected = signing.test_namespace(NAMESPACES[role]) if rehearsal else NAMESPACES[role]
        if found.namespace != expected:
            raise SignatureInvalid(f"A signature of the {role} is in namespace {found.namespace}, not in {expected}.")


def _check_signers(
    published: Published,
    request: Request,
    found: tuple[Signature, Signature],
    times: tuple[datetime, datetime],
    parties: Parties,
) -> None:
    decision, requester = published.decision, request.requester.email
    board, controller = found
    if min(times) < decision.drawn_up_at:
        raise SignatureInvalid(f"{decision.request_id}: a signature was recorded before the decision was drawn up.")
    others = ((board.principal, board.key_fingerprint),)
    check_signer(board, Role.BOARD, decision, parties, requester=requester, on=times[0].date())
    check_signer(controller, Role.CONTROLLER, decision, parties, requester=requester, others=others, on=times[1].date())
    check_delegation(controller, decision, parties, times[1].date(), published.plan)


def _starting(started_by: str | Collection[str]) -> dict[str, str]:
    names = [started_by] if isinstance(started_by, str) else started_by
    return dict.fromkeys(names, "started this run")


def _asking(submitted_by: Collection[str]) -> dict[str, str]:
    return dict.fromkeys(submitted_by, "submitted the request")


def _check_others(
    published: Published, found: tuple[Signature, Signature], parties: Parties, others: dict[str, str]
) -> None:
    for name, did in others.items():
        if name and parties.person(name) in {parties.person(s.principal) for s in found}:
            raise NotPermitted(
                f"{published.decision.request_id}: {name} signed the decision and {did}.",
                advice="Nobody does both: let the scheduler or another person start it.",
            )


# --- rules 5 to 7 ---------------------------------------------------------------------------------------------------


def _check_dates(decision: Decision, today: date) -> None:
    if decision.valid_from is None or decision.valid_until is None:
        raise missing(decision, "the decision has no dates")
    if today < decision.valid_from:
        raise missing(decision, f"the decision is valid from {decision.valid_from}, and today is {today}")
    if today > decision.valid_until:
        raise missing(decision, f"the decision expired on {decision.valid_until}")


def _check_parties(plan: ExtractPlan, parties: Parties, today: date) -> None:
    gateway = parties.gateways.get(plan.gateway)
    barred = [(name, why) for name in plan.recipients if (why := _barred(parties, name))]
    if len(barred) == len(plan.recipients):  # else the others still get what is theirs: each is asked again by name
        name, why = barred[0]
        raise ApprovalMissing(
            f"{plan.request_id}: recipient {name} is {why}.", advice="Ask the keeper of the parties' list."
        )
    if gateway is None or not gateway.is_in_force(today):
        raise ApprovalMissing(
            f"{plan.request_id}: gateway {plan.gateway} is not in force.", advice="Ask the legal team."
        )


def _barred(parties: Parties, name: str) -> str:
    """Why nothing may be sent to a recipient, in words; empty if it may."""
    recipient = parties.recipients.get(name)
    if recipient is None:
        return "not declared any more"
    return "" if recipient.status is RecipientStatus.CONFIRMED else str(recipient.status)
