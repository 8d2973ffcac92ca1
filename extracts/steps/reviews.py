"""Records what reviewers answer: one way in for the command line, Airflow's forms and tests.

Rules:
1. An answer is judged when it is recorded (`agreement.review_rules`), whatever let its author type it.
2. What does not count is recorded as well, with the reason: the ledger tells of every refusal.
3. The request is locked meanwhile, so of two answers that come at once one counts.
4. Nothing here moves a request: answers are evidence, and people decide by their signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from extracts.agreement import review_rules
from extracts.agreement.request import Request, request_from_document
from extracts.agreement.review_answer import ReviewAnswer
from extracts.agreement.review_rules import Given, Refusal, judge_answer
from extracts.catalogue.reviewers import ReviewKind, Standing
from extracts.errors import ExtractsError, InvalidDocument, NotPermitted
from extracts.record import ledger, register
from extracts.record.entries import RequestEntry
from extracts.record.reviews import ReviewAnswered, record_answer, standing_answers
from extracts.record.transaction import Work, reading, unit_of_work
from extracts.steps.actor import names_of
from extracts.steps.requests import stored_request
from extracts.steps.review_standing import ANSWERED, REFUSED, ask_reviews, considered
from extracts.steps.turned_away import printable

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

Reader = Callable[[Request], ReviewAnswer]
"""Reads an answer about a request. Raises InvalidDocument."""


@dataclass(frozen=True)
class Asked:
    """Which review an answer is for. Without a version, the newest."""

    request_id: str
    review: ReviewKind
    version: int | None = None


def answer_review(work: Workplace, asked: Asked, name: str, read: Reader, actor: str = "") -> ReviewAnswered:
    """Record an answer by `name` (a principal, or their user name). `actor`: how the record calls them, if otherwise.

    Raises NotFound; InvalidDocument or NotPermitted for an answer that does not count, once that is in the ledger.
    """
    entry, actor = stored_request(work, asked.request_id, asked.version), printable(actor or name)
    try:
        answer = read(request_from_document(dict(entry.document)))
    except InvalidDocument:
        _record_refusal(work, entry, asked.review, actor, Refusal.UNREADABLE)
        raise
    given = Given(asked.review, name, answer, work.today(), tuple(n for n in names_of(actor) if n != name))
    found = _record(work, entry, given, actor)
    if isinstance(found, review_rules.Refused):
        raise NotPermitted(found.message, advice=found.advice)
    return found


def check_answered(work: Workplace, asked: Asked, actor: str) -> ReviewAnswered:
    """The answer that is on the register. If there is none, that is recorded as a refusal: whoever passed over a review
    (in Airflow, by marking its task as a success) answered nothing.

    Raises NotPermitted.
    """
    entry = stored_request(work, asked.request_id, asked.version)
    with reading(work.register) as view:
        answers = standing_answers(view, entry.request_id, entry.version)
    if found := next((a for a in answers if a.review == asked.review), None):
        return found
    _record_refusal(work, entry, asked.review, printable(actor), Refusal.NO_ANSWER)
    raise NotPermitted(
        f"The {asked.review} review of {entry.request_id} version {entry.version} has no answer on the register.",
        advice="Somebody ended its task by hand. Clear that task, or use `extracts review answer`.",
    )


def last_refusal(work: Workplace, asked: Asked, since: datetime) -> str:
    """Why the newest answer since then did not count, in a few words; empty if none was refused."""
    with reading(work.register) as view:
        events = ledger.events(view.connection, subject=asked.request_id, kind=REFUSED, newest_first=True, limit=50)
    for event in events:
        same = (event.payload["review"], event.payload["version"]) == (asked.review, asked.version)
        if same and event.at >= since:
            return f"{event.actor}: {event.payload['reason']}"
    return ""


def _record(work: Workplace, entry: RequestEntry, given: Given, actor: str) -> ReviewAnswered | review_rules.Refused:
    now = work.now()
    with unit_of_work(work.register) as unit:
        newest = register.get_request(unit, entry.request_id)
        locked = register.lock_request(unit, entry.request_id, entry.version)
        case = considered(work, unit, locked, newest.version)
        found = judge_answer(given, case, work.reviewers, work.parties)
        if isinstance(found, Standing):
            ask_reviews(work, unit, case.request, actor, now)
            return _save(work, unit, given, case.request, found, actor, now)
        _refusal_event(unit, entry, given.review, actor, found.code, now)
        return found


def _save(
    work: Workplace, unit: Work, given: Given, request: Request, standing: Standing, actor: str, now: datetime
) -> ReviewAnswered:
    answered = ReviewAnswered(
        request_id=request.request_id,
        version=request.version,
        review=given.review.value,
        answered_by=standing.principal,
        stands_for=standing.stands_for,
        document=given.answer.document(),
        reviewers_digest=work.reviewers.digest,
        answered_at=now,
    )
    if not record_answer(unit, answered):
        raise ExtractsError(f"The {given.review} review of {request.request_id} was answered at the same time.")
    told = {
        "version": request.version,
        "review": answered.review,
        "answered_by": answered.answered_by,
        "stands_for": answered.stands_for,
        "outcome": given.answer.outcome.value,
        "columns_refused": len(given.answer.refused),
        "answer_digest": answered.digest,
        "reviewers_digest": answered.reviewers_digest,
    }
    unit.event(now, ANSWERED, request.request_id, actor, told)
    return answered


def _record_refusal(work: Workplace, entry: RequestEntry, review: ReviewKind, actor: str, code: Refusal) -> None:
    with unit_of_work(work.register) as unit:
        _refusal_event(unit, entry, review, actor, code, work.now())


def _refusal_event(
    unit: Work, entry: RequestEntry, review: ReviewKind, actor: str, code: Refusal, now: datetime
) -> None:
    told = {"version": entry.version, "review": review.value, "reason": code.value}
    unit.event(now, REFUSED, entry.request_id, actor, told)
