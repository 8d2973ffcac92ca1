"""Where a request stands: what the policy finds in it, what was decided, and who signed. Read, never judged here.

Rules:
1. While a request is open, it is assessed by the policy as it is today, since that is what a decision would rest on;
   afterwards the assessment that its decision names counts.
2. Decisions are of the newest version only, signed or not, foremost first.
3. A decision that refuses some columns rests on an assessment without them. Why they were refused is in the one of all
   that was asked (`whole`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extracts.agreement.assessment import Assessment, assessment_from_document
from extracts.agreement.decision import Decision
from extracts.agreement.request import Request, request_from_document
from extracts.agreement.status import Status
from extracts.record import register
from extracts.record.entries import RequestEntry, StatusChange
from extracts.record.transaction import Reading, reading
from extracts.steps.decided import Signed, decisions_on
from extracts.steps.requests import examine

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


@dataclass(frozen=True)
class Standing:
    """One version of a request and all that became of it. `orders` are their documents, oldest first.

    `whole` is the newest assessment of all that was asked; None if there was none before the decision.
    """

    entry: RequestEntry
    request: Request
    assessment: Assessment | None
    decisions: tuple[Signed, ...]
    orders: tuple[Mapping[str, Any], ...]
    history: tuple[StatusChange, ...]
    whole: Assessment | None = None


def standing(work: Workplace, request_id: str) -> Standing:
    """Where the newest version stands. Raises NotFound."""
    with reading(work.register) as view:
        entry = register.get_request(view, request_id)
        decisions = decisions_on(view, entry)
        assessment = _assessment(view, entry, decisions[0].decision) if decisions else None
        orders = tuple(o.document for o in register.list_orders(view, request_id))
        history = register.status_history(view, request_id)
        whole = _whole(view, entry)
    request = request_from_document(dict(entry.document))
    if entry.status in (Status.SUBMITTED, Status.IN_REVIEW):
        assessment = whole = examine(work, request).assessment
    return Standing(entry, request, assessment, decisions, orders, history, whole)


def _assessment(view: Reading, entry: RequestEntry, decision: Decision) -> Assessment:
    kept = register.get_assessment(view, entry.request_id, entry.version, decision.assessment_digest)
    return assessment_from_document(kept.document)


def _whole(view: Reading, entry: RequestEntry) -> Assessment | None:
    kept = register.list_assessments(view, entry.request_id, entry.version)
    found = [a.document for a in kept if a.document["request_digest"] == entry.digest]
    return assessment_from_document(found[-1]) if found else None
