"""What waits for reviewers over all requests, and which answers did not count. Read, never judged here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extracts.agreement.review_rules import OPEN
from extracts.catalogue.reviewers import ReviewKind
from extracts.record import ledger, register
from extracts.record.transaction import reading
from extracts.steps.review_standing import REFUSED, ReviewStanding, missing_reviews, reviews_of

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_NO_TARGET = "9999"


def waiting_reviews(work: Workplace, name: str = "") -> list[tuple[str, int, ReviewStanding]]:
    """(request, version, review) of every review that can be answered now; of one person, if named.

    The Board's stands here once all others are answered.
    """
    with reading(work.register) as view:
        entries = register.list_requests(view, statuses=OPEN, latest_only=True)
    found = [(e.request_id, e.version, r) for e in entries for r in _now(missing_reviews(work, e.request_id))]
    if name:
        person = work.parties.principal(name)
        found = [row for row in found if person and person.id in {s.principal for s in row[2].assigned}]
    return sorted(found, key=lambda row: (str(row[2].asked.target_on) if row[2].asked else _NO_TARGET, row[:2]))


def carried_reviews(work: Workplace, name: str = "") -> list[tuple[str, int, ReviewStanding]]:
    """(request, version, review) of every answer that was carried to an open version; by one person, if named."""
    with reading(work.register) as view:
        entries = register.list_requests(view, statuses=OPEN, latest_only=True)
    found = [(e.request_id, e.version, r) for e in entries for r in reviews_of(work, e.request_id) if r.carried]
    if name:
        person = work.parties.person(name)
        found = [row for row in found if row[2].entry and work.parties.person(row[2].entry.answered_by) == person]
    return sorted(found, key=lambda row: (row[0], row[1], row[2].review))


def refused_answers(work: Workplace, request_id: str) -> list[dict[str, Any]]:
    """Every answer to a review of this request that did not count, oldest first, as plain values."""
    with reading(work.register) as view:
        events = ledger.events(view.connection, subject=request_id, kind=REFUSED)
    return [
        {
            "when": f"{e.at:%Y-%m-%d %H:%M}",
            "version": e.payload["version"],
            "review": e.payload["review"],
            "by": e.actor,
            "reason": e.payload["reason"],
        }
        for e in events
    ]


def _now(missing: tuple[ReviewStanding, ...]) -> list[ReviewStanding]:
    others = [r for r in missing if r.review is not ReviewKind.BOARD]
    return others or list(missing)
