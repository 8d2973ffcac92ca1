"""What a requester does: check, submit, look at. State and ledger event are saved together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.agreement.planning import make_plan
from extracts.agreement.policy import assess
from extracts.agreement.request import Request, parse_request, request_from_document, without_columns
from extracts.agreement.schedule import due_dates
from extracts.agreement.status import GOES_ON_AS_NEW_VERSION, Status, transition
from extracts.catalogue.people import Role
from extracts.documents import Document, read
from extracts.errors import PlanRefused
from extracts.record import register
from extracts.record.entries import AssessmentEntry, RequestEntry
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import notices
from extracts.steps.answers_carried import carry_answers
from extracts.steps.decided import foremost_decision
from extracts.steps.review_standing import ask_reviews

if TYPE_CHECKING:
    from extracts.agreement.assessment import Assessment
    from extracts.agreement.plan import ExtractPlan
    from extracts.steps.workplace import Workplace


@dataclass(frozen=True)
class Examined:
    """A request, what the policy finds in it, and the plan it yields.

    `plan` is None where the policy or a floor stops it, and `refusal` says why. `next_dates` are those on which it
    would deliver.
    """

    request: Request
    assessment: Assessment
    plan: ExtractPlan | None
    next_dates: tuple[date, ...] = ()
    refusal: str = ""


def examine(
    work: Workplace,
    request: Request,
    refused: frozenset[tuple[str, str]] = frozenset(),
    document: Document | None = None,
) -> Examined:
    """Assess a request, without the refused columns, and make its plan if it passes.

    `document`: what the whole request was read from, so that a fault in a value has its line.
    """
    smaller = without_columns(request, refused)
    today = work.today()
    assessment = assess(smaller, work.datasets, work.parties, work.policy, today)
    try:
        plan = make_plan(smaller, work.datasets, work.parties, assessment, document)
    except PlanRefused as error:
        return Examined(smaller, assessment, None, refusal=error.message)
    return Examined(smaller, assessment, plan, due_dates(plan, today))


def check_request(work: Workplace, file: Path) -> Examined:
    """Examine a request file; nothing is saved. Raises InvalidDocument."""
    return check_document(work, read(file))


def check_document(work: Workplace, document: Document) -> Examined:
    """The same for one that was read already."""
    return examine(work, parse_request(document), document=document)


def submit_request(work: Workplace, file: Path, actor: str) -> Examined:
    """Put the request of a file on the register for the Board. See `submit_document`."""
    return submit_document(work, read(file), actor)


def submit_document(work: Workplace, document: Document, actor: str) -> Examined:
    """Put a request, with its assessment, on the register for the Board; again changes nothing.

    A request that breaks the policy may be submitted: the Board sees the findings and refuses it with reasons.
    Answers to the version before that still hold are carried to it. Raises InvalidDocument; Refused if this version was
    submitted with other content; IllegalTransition if it was returned or is over.
    """
    examined = check_document(work, document)
    request, now = examined.request, work.now()
    entry = RequestEntry(
        request_id=request.request_id,
        version=request.version,
        title=request.title,
        requester_organisation=request.requester.organisation,
        requester_name=request.requester.email,
        recipient=", ".join(request.recipient_ids),
        status=transition(Status.DRAFT, "submit", Role.REQUESTER),
        document=request.document(),
        submitted_at=now,
    )
    with unit_of_work(work.register) as unit:
        if register.save_request(unit, entry, actor=actor):
            register.save_assessment(unit, _assessed(examined, work))
            unit.event(now, "request.submitted", entry.request_id, actor, _told(examined, entry))
            notices.submitted(unit, entry.request_id, entry.version, now, expedited=bool(request.expedited))
            ask_reviews(work, unit, request, actor, now)
            carry_answers(work, unit, request, examined.assessment, actor, now)
            return examined
        there = Status(register.get_request(unit, entry.request_id, entry.version).status)
    if there in GOES_ON_AS_NEW_VERSION:
        transition(there, "submit", Role.REQUESTER)
    return examined


def stored_request(work: Workplace, request_id: str, version: int | None = None) -> RequestEntry:
    """The newest (or a named) version on the register. Raises NotFound."""
    with reading(work.register) as view:
        return register.get_request(view, request_id, version)


def stored_examined(work: Workplace, request_id: str, refused: frozenset[tuple[str, str]] = frozenset()) -> Examined:
    """A submitted request, examined against today's policy. Raises NotFound, VerificationFailed if it was edited."""
    return examine(work, request_from_document(dict(stored_request(work, request_id).document)), refused)


def shown_plan(work: Workplace, request_id: str) -> tuple[ExtractPlan, Request]:
    """The plan to read before signing, and afterwards: the one of the newest version's decision, if there is one
    (without the columns that it refuses; what was signed stands before a draft); else the one that could be decided on
    today.

    Raises NotFound; PlanRefused if the policy stops it, or it was refused or returned.
    """
    request = request_from_document(dict(stored_request(work, request_id).document))
    decided = foremost_decision(work, request_id)
    if decided and decided.plan:
        return decided.plan, request
    examined = examine(work, request)
    if examined.plan is None:
        raise PlanRefused(
            f"{request_id} has no plan: {examined.refusal}", advice=f"See `extracts request show {request_id}`."
        )
    return examined.plan, request


def _assessed(examined: Examined, work: Workplace) -> AssessmentEntry:
    request, assessment = examined.request, examined.assessment
    return AssessmentEntry(
        request.request_id,
        request.version,
        assessment.policy_version,
        assessment.passed,
        assessment.document(),
        work.now(),
    )


def _told(examined: Examined, entry: RequestEntry) -> dict[str, object]:
    plan = examined.plan.digest if examined.plan else ""
    return {
        "version": entry.version,
        "request_digest": entry.digest,
        "assessment_digest": examined.assessment.digest,
        "passed": examined.assessment.passed,
        "plan_digest": plan,
    }
