"""The policy and registers now in force, and the agreements that run: which to review, and which stop at once.

Rules:
1. Only a rule that is marked immediate stops an agreement; every other finding lists it for review.
2. The gates ask for themselves, so nothing waits for somebody to run the review.
3. They ask every time, whatever the files call their version: a purpose withdrawn from a gateway counts at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extracts.agreement.policy import Reassessment, reassess
from extracts.agreement.request import Request, request_from_document, without_columns
from extracts.agreement.status import Status
from extracts.errors import ApprovalMissing
from extracts.record import register
from extracts.record.transaction import reading, unit_of_work
from extracts.steps.approval_file import load_published

if TYPE_CHECKING:
    from extracts.agreement.published import Published
    from extracts.steps.workplace import Workplace


def review_running(work: Workplace, actor: str) -> Reassessment:
    """Judge every running agreement by the policy in force; told to the ledger."""
    found = reassess(list(_running(work)), work.datasets, work.parties, work.policy, work.now().date())
    now = work.now()
    with unit_of_work(work.register) as unit:
        for kind, assessments in (("stop", found.to_stop), ("review", found.to_review)):
            for assessment in assessments:
                told = {"policy_version": work.policy.version, "assessment_digest": assessment.digest}
                unit.event(now, f"policy.{kind}", assessment.request_id, actor, told)
    return found


def check_policy(work: Workplace, published: Published) -> None:
    """Raises ApprovalMissing if the policy, judging by the registers as they are today, stops this agreement."""
    decision = published.decision
    found = reassess([_approved(published)], work.datasets, work.parties, work.policy, work.now().date())
    for assessment in found.to_stop:
        rules = {f.rule: f.message for f in (*assessment.violations, *assessment.gaps) if f.immediate}
        raise ApprovalMissing(
            f"{decision.request_id} may not run: policy {work.policy.version} stops it at once "
            f"({'; '.join(f'{rule}: {message}' for rule, message in rules.items())}).",
            advice="It needs a new decision under this policy; see `extracts policy review`.",
        )


def _running(work: Workplace) -> Iterator[Request]:
    with reading(work.register) as view:
        running = {e.request_id for e in register.list_requests(view, statuses=(Status.APPROVED, Status.SUSPENDED))}
    for request_id in sorted(running):
        yield _approved(load_published(work, request_id))


def _approved(published: Published) -> Request:
    """The request as it was approved, without the columns that were refused."""
    request = request_from_document(dict(published.request["document"]))
    refused = {(c.dataset, c.column) for c in published.decision.columns if not c.granted}
    return without_columns(request, refused)
