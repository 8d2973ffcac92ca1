"""The policy and registers now in force, and the agreements that run: which to review, and which stop at once.

Rules:
1. Only a rule that is marked immediate stops an agreement; every other finding lists it for review.
2. The gates ask for themselves, so nothing waits for somebody to run the review.
3. They ask every time, whatever the files call their version: a purpose withdrawn from a gateway counts at once.
4. A published file that cannot be read hides no other agreement, and is listed itself.
5. The ledger is told what a review finds once, and again when policy, registers or findings differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extracts.agreement.policy import Reassessment, assess, reassess
from extracts.agreement.request import Request, request_from_document, without_columns
from extracts.agreement.status import Status
from extracts.canonical import digest
from extracts.errors import ApprovalMissing, InvalidDocument
from extracts.record import ledger, register
from extracts.record.transaction import Reading, reading, unit_of_work
from extracts.steps.approval_file import load_published

if TYPE_CHECKING:
    from extracts.agreement.assessment import Assessment
    from extracts.agreement.published import Published
    from extracts.steps.workplace import Workplace


@dataclass(frozen=True)
class Reviewed(Reassessment):
    """What was found, and why an agreement could not be judged: (request id, reason)."""

    unreadable: tuple[tuple[str, str], ...] = ()


def review_running(work: Workplace, actor: str) -> Reviewed:
    """Judge every running agreement by the policy in force; told to the ledger."""
    requests, unreadable = _running(work)
    found = reassess(requests, work.datasets, work.parties, work.policy, work.today())
    kinds = {"policy.stop": found.to_stop, "policy.review": found.to_review}
    news = [(kind, a, _told(a)) for kind, assessments in kinds.items() for a in assessments]
    with reading(work.register) as view:
        news = [(kind, a, told) for kind, a, told in news if _last_told(view, a.request_id) != (kind, told)]
    with unit_of_work(work.register) as unit:
        for kind, assessment, told in news:
            told = {**told, "assessment_digest": assessment.digest}
            unit.event(work.now(), kind, assessment.request_id, actor, told)
    return Reviewed(found.to_stop, found.to_review, tuple(unreadable))


def _told(assessment: Assessment) -> dict[str, Any]:
    rules = sorted({f.rule for f in (*assessment.violations, *assessment.gaps)})
    return {"policy_version": assessment.policy_version, "judged_by": digest(assessment.digests), "rules": rules}


def _last_told(view: Reading, request_id: str) -> tuple[str, dict[str, Any]] | None:
    """What the newest review of this agreement told, without its assessment's digest, which changes by the day."""
    found = [
        event
        for kind in ("policy.stop", "policy.review")
        for event in ledger.events(view.connection, subject=request_id, kind=kind, limit=1, newest_first=True)
    ]
    if not found:
        return None
    last = max(found, key=lambda event: event.sequence)
    return last.kind, {name: value for name, value in last.payload.items() if name != "assessment_digest"}


def check_policy(work: Workplace, published: Published) -> None:
    """Raises ApprovalMissing if the policy, judging by the registers as they are today, stops this agreement.

    One for several recipients is stopped where it is for every one of them: each is asked about by itself as well.
    """
    stopped = [policy_stops(work, published, recipient) for recipient in published.plan.recipients]
    if all(stopped):
        raise ApprovalMissing(
            f"{published.decision.request_id} may not run: {stopped[0]}.",
            advice="It needs a new decision under this policy; see `extracts policy review`.",
        )


def policy_stops(work: Workplace, published: Published, recipient: str) -> str:
    """Why the policy stops what one recipient would get, in words; empty if it does not."""
    request = _approved(published)
    found = assess(request, work.datasets, work.parties, work.policy, work.today(), recipient)
    if found.passed or not found.stopping:
        return ""
    rules = {f.rule: f.message for f in (*found.violations, *found.gaps) if f.immediate}
    told = "; ".join(f"{rule}: {message}" for rule, message in rules.items())
    return f"policy {work.policy.version} stops it at once ({told})"


def _running(work: Workplace) -> tuple[list[Request], list[tuple[str, str]]]:
    """The requests that run, and those whose published file cannot be read, with the reason."""
    with reading(work.register) as view:
        running = {e.request_id for e in register.list_requests(view, statuses=(Status.APPROVED, Status.SUSPENDED))}
    found: list[Request] = []
    unreadable: list[tuple[str, str]] = []
    for request_id in sorted(running):
        try:
            found.append(_approved(load_published(work, request_id)))
        except (ApprovalMissing, InvalidDocument) as error:
            unreadable.append((request_id, str(error)))
    return found, unreadable


def _approved(published: Published) -> Request:
    """The request as it was approved, without the columns that were refused."""
    request = request_from_document(dict(published.request["document"]))
    refused = {(c.dataset, c.column) for c in published.decision.columns if not c.granted}
    return without_columns(request, refused)
