"""The counter-offer: made from a submitted request, kept, and accepted by the requester as the next version.

Rules:
1. An offer is about one version, and can be accepted only while that version is the newest and not decided.
2. Whoever asked accepts, and nobody else. Accepting submits the offered version, word for word as it was offered, and
   takes back the one before, in one transaction. Board and Controller then decide on it as on any other. Answers to
   reviews of the version before still hold, unless they object.
3. Policy, contracts and parties may have changed since the offer: it is examined again, and refused if it stops now.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from extracts.agreement.changes import Governance
from extracts.agreement.counter_offer import CounterOffer, counter_offer, counter_offer_from_document
from extracts.agreement.mending import Mended, mend
from extracts.agreement.request import request_from_document
from extracts.agreement.status import Status, transition
from extracts.catalogue.people import Role
from extracts.errors import NotFound, NotPermitted, PlanRefused, Refused
from extracts.record import register
from extracts.record.board_papers import BoardPaper, PaperKind, latest_paper, save_paper
from extracts.record.entries import AssessmentEntry, RequestEntry
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import notices
from extracts.steps.answers_carried import carry_answers
from extracts.steps.requests import Examined, examine, stored_request
from extracts.steps.review_standing import ask_reviews
from extracts.steps.source_counting import count_groups

if TYPE_CHECKING:
    from extracts.agreement.request import Request
    from extracts.record.transaction import Work
    from extracts.steps.workplace import Workplace

_OPEN = (Status.SUBMITTED, Status.IN_REVIEW, Status.RETURNED)


def make_counter_offer(work: Workplace, request_id: str, actor: str) -> CounterOffer:
    """The smaller request that would pass, kept for the requester to accept.

    Raises PlanRefused if there is none, saying what stands in the way; Refused for a request that is decided.
    """
    entry, now = stored_request(work, request_id), work.now()
    _must_be_open(entry)
    request = request_from_document(dict(entry.document))
    judged_by = Governance(work.datasets, work.parties, work.policy, now.date())
    mended = mend(request, judged_by)
    if mended.remaining:
        raise _no_offer(request, mended)
    counts = count_groups(work, mended.request)
    offer = counter_offer(request, work.datasets, work.policy, work.parties, counts, now.date())
    if offer is None:
        raise _no_offer(request, mended)
    paper = BoardPaper(request_id, entry.version, PaperKind.COUNTER_OFFER, offer.document(), now)
    told = {"version": entry.version, "offer_digest": paper.digest, "plan_digest": offer.plan_digest}
    with unit_of_work(work.register) as unit:
        save_paper(unit, paper)
        unit.event(now, "counter-offer.made", request_id, actor, told)
        notices.offered(unit, request_id, entry.version, paper.digest, now)
    return offer


def accept_counter_offer(work: Workplace, request_id: str, name: str, actor: str) -> Examined:
    """Submit what was offered as the next version. `name`: who accepts; `actor`: how the record calls them.

    Raises NotFound without an offer; NotPermitted for anyone but the requester; PlanRefused if it would not pass now.
    """
    entry = stored_request(work, request_id)
    if work.parties.person(name) != work.parties.person(entry.requester_name):
        raise NotPermitted(
            f"{name} did not ask for {request_id}; nobody but its requester accepts less.",
            advice=f"Ask {entry.requester_name}.",
        )
    _must_be_open(entry)
    offer = _stored_offer(work, entry)
    examined = examine(work, offer.offered())
    if examined.plan is None:
        raise PlanRefused(
            f"{request_id}: what was offered is stopped by policy {examined.assessment.policy_version} now.",
            advice="Ask the Board for another offer: `extracts request counter-offer`.",
        )
    with unit_of_work(work.register) as unit:
        _replace(work, unit, entry, examined, offer, actor)
    return examined


def _replace(
    work: Workplace, unit: Work, entry: RequestEntry, examined: Examined, offer: CounterOffer, actor: str
) -> None:
    now, assessment = work.now(), examined.assessment
    comment = f"Counter-offer {offer.digest} to version {entry.version} accepted"
    register.set_status(
        unit,
        entry.request_id,
        entry.version,
        expected=entry.status,
        status=transition(Status(entry.status), "withdraw", Role.REQUESTER),
        at=now,
        actor=actor,
        comment=comment,
    )
    register.save_request(unit, _next_version(entry, examined.request, now), actor=actor)
    expedited = bool(examined.request.expedited)
    notices.submitted(unit, entry.request_id, offer.offered_version, now, expedited=expedited)
    document = assessment.document()
    register.save_assessment(
        unit,
        AssessmentEntry(entry.request_id, offer.offered_version, assessment.policy_version, True, document, now),
    )
    told = {"from_version": entry.version, "version": offer.offered_version, "offer_digest": offer.digest}
    plan = examined.plan.digest if examined.plan else ""
    unit.event(now, "counter-offer.accepted", entry.request_id, actor, told)
    unit.event(
        now,
        "request.submitted",
        entry.request_id,
        actor,
        {
            "version": offer.offered_version,
            "request_digest": examined.request.digest,
            "assessment_digest": assessment.digest,
            "passed": assessment.passed,
            "plan_digest": plan,
        },
    )
    ask_reviews(work, unit, examined.request, actor, now)
    carry_answers(work, unit, examined.request, examined.assessment, actor, now)


def _next_version(before: RequestEntry, request: Request, now: datetime) -> RequestEntry:
    """The same moment in which the version before is taken back: the clock goes on (see `clocks`)."""
    return RequestEntry(
        request_id=request.request_id,
        version=request.version,
        title=request.title,
        requester_organisation=before.requester_organisation,
        requester_name=before.requester_name,
        recipient=", ".join(request.recipient_ids),
        status=transition(Status.DRAFT, "submit", Role.REQUESTER),
        document=request.document(),
        submitted_at=now,
    )


def _stored_offer(work: Workplace, entry: RequestEntry) -> CounterOffer:
    with reading(work.register) as view:
        kept = latest_paper(view, entry.request_id, entry.version, PaperKind.COUNTER_OFFER)
    if kept is None:
        raise NotFound(
            f"There is no counter-offer on version {entry.version} of {entry.request_id}.",
            advice="Ask the Board for one: `extracts request counter-offer`.",
        )
    return counter_offer_from_document(kept.document)


def _must_be_open(entry: RequestEntry) -> None:
    if Status(entry.status) not in _OPEN:
        raise Refused(
            f"{entry.request_id} version {entry.version} is {entry.status}: there is nothing left to offer on it.",
            advice="A change of a decided request is a new version.",
        )


def _no_offer(request: Request, mended: Mended) -> PlanRefused:
    if not mended.remaining:
        return PlanRefused(
            f"{request.request_id} needs no counter-offer: it passes as it is, or nothing smaller would.",
            advice="See `extracts request briefing`.",
        )
    told = " | ".join(f"{f.rule}: {f.message}; {f.fix}" for f in mended.remaining)
    return PlanRefused(
        f"No smaller version of {request.request_id} would pass. What asking for less cannot mend: {told}",
        advice="Return it to the requester with these findings.",
    )
