"""What two people signed, bound to a plan's digest.

Rules:
1. A decision names the digests of the request, the assessment and the plan that were before the deciders. It covers
   that plan and no other.
2. Board and Controller sign the same canonical bytes, each in the namespace of their role: two people, two keys,
   neither of them the requester.
3. An approval in part names the columns refused; the plan whose digest it binds is the smaller one.
4. What is refused comes with its clause, what would be acceptable, whom to ask next and until when. A return may point
   at fields. These terms stand in a document only where they say something, so that what was signed before they existed
   keeps its digest.
5. Suspending, resuming and revoking are signed orders on a decision, effective at once. A denial anywhere stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from extracts.agreement.reading import read_value
from extracts.canonical import Canonical, plain
from extracts.catalogue.forms import clean_text

_ONLY_IF_SAID = ("clause", "escalate_until", "comments")


class DecisionOutcome(StrEnum):
    """What was decided about the request as a whole."""

    APPROVE = "approve"
    APPROVE_IN_PART = "approve in part"
    RETURN = "return"
    REFUSE = "refuse"


class OrderKind(StrEnum):
    """An order on an agreement in force."""

    SUSPEND = "suspend"
    RESUME = "resume"
    REVOKE = "revoke"


@dataclass(frozen=True, order=True)
class ColumnDecision:
    """What was decided about one column; why, and under which clause, if it was refused."""

    dataset: str
    column: str
    granted: bool
    reason: str = ""
    clause: str = ""


@dataclass(frozen=True, order=True)
class FieldComment:
    """What a return says about one field of the request, by its path (see `differences`)."""

    field: str
    comment: str


@dataclass(frozen=True)
class Decision(Canonical):
    """The document that both sign. Digests are `sha256:...`; plan_digest is empty when nothing was approved.

    `valid_from` and `valid_until` are inclusive dates, in UTC. `reason_code`, `clause`, `acceptable` and `escalation`
    tell a refused requester why, what would be acceptable and whom to ask next, `escalate_until` until which day
    (inclusive, Europe/London). `comments` belong to a return.
    """

    request_id: str
    request_version: int
    request_digest: str
    assessment_digest: str
    policy_version: str
    plan_digest: str
    outcome: DecisionOutcome
    columns: tuple[ColumnDecision, ...]
    reasons: str
    conditions: tuple[str, ...]
    delegation: str
    drawn_up_at: datetime
    valid_from: date | None = None
    valid_until: date | None = None
    review_on: date | None = None
    reason_code: str = ""
    acceptable: str = ""
    escalation: str = ""
    clause: str = ""
    escalate_until: date | None = None
    comments: tuple[FieldComment, ...] = ()

    def document(self) -> dict[str, Any]:
        """The decision as plain JSON values."""
        found = {n: v for n, v in asdict(self).items() if v or n not in _ONLY_IF_SAID}
        found["columns"] = [{n: v for n, v in c.items() if v or n not in _ONLY_IF_SAID} for c in found["columns"]]
        document: dict[str, Any] = plain(found)
        return document


@dataclass(frozen=True)
class Order(Canonical):
    """Suspend, resume or revoke: what the signer of `extract-order` signs. `number` counts up from 1 per request.

    Raises ValueError for reasons that are empty, or hold a character that cannot be seen.
    """

    request_id: str
    number: int
    kind: OrderKind
    decision_digest: str
    reasons: str
    ordered_at: datetime

    def __post_init__(self) -> None:
        if not self.reasons or clean_text(self.reasons) != self.reasons:
            raise ValueError("the reasons of an order are a text, in one spelling")


def decision_from_document(document: Mapping[str, Any]) -> Decision:
    """The decision of a decision.json. Raises InvalidDocument."""
    return read_value(Decision, document, "decision")


def order_from_document(document: Mapping[str, Any]) -> Order:
    """The order of a published order. Raises InvalidDocument."""
    return read_value(Order, document, "order")
