"""Carries answers that still hold to the version that answers a return, or accepts a counter-offer.

Rules:
1. Only from the version before, and only if that was returned, or its counter-offer accepted: nothing that was decided
   otherwise, renewed or taken back hands its answers on.
2. What counts there may itself have been carried: it is compared with the version that it was given on.
3. `agreement.answers_carried` says whether it holds; `review_rules` whether its author could give it today.
4. The answer stays where it is. A row and an event in the ledger say that it holds for the new version, and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from extracts.agreement.answers_carried import Resubmitted, still_holds
from extracts.agreement.assessment import Assessment, assessment_from_document
from extracts.agreement.request import Request, request_from_document
from extracts.agreement.review_answer import answer_from_document, parse_answer
from extracts.agreement.review_rules import Given, judge_answer
from extracts.agreement.status import Status
from extracts.catalogue.reviewers import ReviewKind, Standing
from extracts.documents import Document
from extracts.errors import InvalidDocument
from extracts.record import register
from extracts.record.board_papers import PaperKind, latest_paper
from extracts.record.entries import RequestEntry
from extracts.record.reviews import ReviewAnswered, ReviewCarried, record_carried, standing_answers
from extracts.record.transaction import Reading, Work
from extracts.steps.review_standing import CARRIED, considered, demanded_of

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


@dataclass(frozen=True)
class _Next:
    """The new version, the one before it, and whether it is that one's counter-offer."""

    entry: RequestEntry
    request: Request
    judged: Assessment
    before: RequestEntry
    is_offer: bool


def carry_answers(work: Workplace, unit: Work, request: Request, judged: Assessment, actor: str, now: datetime) -> None:
    """Carry what still holds to a version that was just submitted; its reviews have been asked for."""
    found = _next(unit, request, judged)
    if found is None:
        return
    demanded = {d.review: d for d in demanded_of(work, request)}
    for answer in standing_answers(unit, request.request_id, found.before.version):
        review = ReviewKind(answer.review)
        if review not in demanded:
            continue
        holds = still_holds(demanded[review], answer_from_document(answer.document), _case(unit, found, answer))
        if holds.holds and _counts_today(work, unit, found, answer):
            _save(unit, request, answer, holds.why, actor, now)


def _next(view: Reading, request: Request, judged: Assessment) -> _Next | None:
    history = register.status_history(view, request.request_id)
    older = max((h.version for h in history if h.version < request.version), default=None)
    if older is None:
        return None
    before = register.get_request(view, request.request_id, older)
    offer = latest_paper(view, request.request_id, older, PaperKind.COUNTER_OFFER)
    is_offer = offer is not None and offer.document["offered_digest"] == request.digest
    if before.status != Status.RETURNED and not is_offer:
        return None
    entry = register.get_request(view, request.request_id, request.version)
    return _Next(entry, request, judged, before, is_offer)


def _case(view: Reading, found: _Next, answer: ReviewAnswered) -> Resubmitted:
    """What is compared: the version that the answer was given on, and the new one."""
    entry = register.get_request(view, answer.request_id, answer.version)
    return Resubmitted(
        answered=request_from_document(dict(entry.document)),
        now=found.request,
        judged_then=tuple(_assessments(view, entry)),
        judged_now=found.judged,
        is_offer=found.is_offer and answer.version == found.before.version,
    )


def _assessments(view: Reading, entry: RequestEntry) -> Iterator[Assessment]:
    """Those of all that was asked: one without the columns that somebody would refuse says nothing here."""
    for kept in register.list_assessments(view, entry.request_id, entry.version):
        if kept.document["request_digest"] == entry.digest:
            yield assessment_from_document(kept.document)


def _counts_today(work: Workplace, view: Reading, found: _Next, answer: ReviewAnswered) -> bool:
    """Whether its author could give this answer about the new version now."""
    try:
        given = parse_answer(Document("answer", dict(answer.document)), found.request)
    except InvalidDocument:
        return False  # it advises on a column that is not asked for any more
    case = considered(work, view, found.entry, found.entry.version)
    asked = Given(ReviewKind(answer.review), answer.answered_by, given, work.today())
    return isinstance(judge_answer(asked, case, work.reviewers, work.parties), Standing)


def _save(unit: Work, request: Request, answer: ReviewAnswered, why: str, actor: str, now: datetime) -> None:
    carried = ReviewCarried(
        request_id=request.request_id,
        version=request.version,
        review=answer.review,
        from_version=answer.version,
        answer_digest=answer.digest,
        why=why,
        carried_at=now,
    )
    if record_carried(unit, carried):
        told = {
            "version": carried.version,
            "review": carried.review,
            "from_version": carried.from_version,
            "answered_by": answer.answered_by,
            "stands_for": answer.stands_for,
            "answer_digest": carried.answer_digest,
            "why": why,
        }
        unit.event(now, CARRIED, request.request_id, actor, told)
