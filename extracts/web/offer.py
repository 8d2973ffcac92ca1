"""The counter-offer on a request, as pages show it: what was asked and what would pass, side by side."""

from __future__ import annotations

from dataclasses import dataclass

from extracts.agreement.changes import Change
from extracts.agreement.counter_offer import counter_offer_from_document
from extracts.agreement.status import Status
from extracts.record.board_papers import PaperKind, latest_paper
from extracts.record.entries import RequestEntry
from extracts.record.transaction import reading
from extracts.steps.workplace import Workplace

_OPEN = (Status.SUBMITTED, Status.IN_REVIEW, Status.RETURNED)


@dataclass(frozen=True)
class Offer:
    """An offer that can be accepted. `version`: the one that it would become."""

    version: int
    changes: tuple[Change, ...]
    groups_counted: bool


def offer_on(work: Workplace, entry: RequestEntry) -> Offer | None:
    """The newest offer on this version; None if there is none, or nothing is left to accept."""
    if entry.status not in _OPEN:
        return None
    with reading(work.register) as view:
        kept = latest_paper(view, entry.request_id, entry.version, PaperKind.COUNTER_OFFER)
    if kept is None:
        return None
    found = counter_offer_from_document(kept.document)
    return Offer(found.offered_version, found.changes, found.groups_counted)
