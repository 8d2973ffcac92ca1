"""Where a request stands: what the policy finds in it, what was decided, and who signed. Read, never judged here.

Rules:
1. While a request is open, it is assessed by the policy as it is today, since that is what a decision would rest on;
   afterwards the assessment that its decision names counts.
2. Decisions are of the newest version only, signed or not, foremost first.
3. A decision that refuses some columns rests on an assessment without them. Why they were refused is in the one of all
   that was asked (`whole`).
4. What a return said about fields stands beside the differences to the version that was returned, so that both sides
   see which comments were answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extracts.agreement.assessment import Assessment, assessment_from_document
from extracts.agreement.clocks import Clock
from extracts.agreement.decision import Decision, FieldComment
from extracts.agreement.differences import Difference, differences, touches
from extracts.agreement.request import Request, request_from_document
from extracts.agreement.status import Status
from extracts.record import register
from extracts.record.entries import RequestEntry, StatusChange
from extracts.record.transaction import Reading, reading
from extracts.steps.clocks import clock_of
from extracts.steps.decided import Signed, decisions_on
from extracts.steps.requests import examine

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


@dataclass(frozen=True)
class Standing:
    """One version of a request and all that became of it. `orders` are their documents, oldest first.

    `whole` is the newest assessment of all that was asked; None if there was none before the decision.
    `before`: the version before it, if there is one, and `answered` what its return said, field by field.
    """

    entry: RequestEntry
    request: Request
    assessment: Assessment | None
    decisions: tuple[Signed, ...]
    orders: tuple[Mapping[str, Any], ...]
    history: tuple[StatusChange, ...]
    clock: Clock
    whole: Assessment | None = None
    before: Request | None = None
    answered: tuple[FieldComment, ...] = ()

    @property
    def changes(self) -> tuple[Difference, ...]:
        """What this version says otherwise than the one before."""
        return differences(self.before, self.request) if self.before else ()

    @property
    def unanswered(self) -> tuple[FieldComment, ...]:
        """Comments on fields that are as they were."""
        changed = [change.field for change in self.changes]
        return tuple(c for c in self.answered if not any(_concerns(field, c.field) for field in changed))


def standing(work: Workplace, request_id: str) -> Standing:
    """Where the newest version stands. Raises NotFound."""
    with reading(work.register) as view:
        entry = register.get_request(view, request_id)
        decisions = decisions_on(view, entry)
        assessment = _assessment(view, entry, decisions[0].decision) if decisions else None
        orders = tuple(o.document for o in register.list_orders(view, request_id))
        history = register.status_history(view, request_id)
        whole = assessment_of_all(view, entry)
        clock = clock_of(work, view, entry)
        before = _version_before(view, entry, history)
        answered = _comments(view, before) if before else ()
    request = request_from_document(dict(entry.document))
    if entry.status in (Status.SUBMITTED, Status.IN_REVIEW):
        assessment = whole = examine(work, request).assessment
    older = request_from_document(dict(before.document)) if before else None
    return Standing(entry, request, assessment, decisions, orders, history, clock, whole, older, answered)


def _version_before(view: Reading, entry: RequestEntry, history: tuple[StatusChange, ...]) -> RequestEntry | None:
    """The version submitted before this one; versions need not count up by one."""
    older = max((h.version for h in history if h.version < entry.version), default=None)
    return register.get_request(view, entry.request_id, older) if older else None


def _comments(view: Reading, before: RequestEntry) -> tuple[FieldComment, ...]:
    """Of the return, if it was returned: no other decision has any."""
    return next((d.decision.comments for d in decisions_on(view, before) if d.complete), ())


def _concerns(changed: str, pointed_at: str) -> bool:
    """A change of a part answers a comment on the whole, and one that adds or drops the whole a comment on a part."""
    return touches(changed, pointed_at) or touches(pointed_at, changed)


def _assessment(view: Reading, entry: RequestEntry, decision: Decision) -> Assessment:
    kept = register.get_assessment(view, entry.request_id, entry.version, decision.assessment_digest)
    return assessment_from_document(kept.document)


def assessment_of_all(view: Reading, entry: RequestEntry) -> Assessment | None:
    """The newest assessment of all that this version asks for; None if there is none."""
    kept = register.list_assessments(view, entry.request_id, entry.version)
    found = [a.document for a in kept if a.document["request_digest"] == entry.digest]
    return assessment_from_document(found[-1]) if found else None
