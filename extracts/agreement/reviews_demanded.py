"""Which reviews a request needs before it is decided: a table in the policy statement, read strictly.

Rules:
1. A review without a condition is needed for every request. With conditions, it is needed where one of them holds: the
   form asked for, or a column of such a class.
2. A column or dataset that is not declared could be of any class: then the review is needed.
3. What a review looks past is told in the table: an answer holds for a new version that changes nothing else. No review
   looks past what is asked for or who receives it, and the Board looks past nothing.
4. An approval needs every review. So does a refusal of what the policy lets pass; what the policy stops is refused
   without, and a return asks for more and needs none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from extracts.agreement.decision import DecisionOutcome
from extracts.agreement.differences import declared_fields, touches
from extracts.agreement.request import Request
from extracts.catalogue.contract import Classification, Dataset, Identifiability
from extracts.catalogue.forms import Count, Form, Line, Paragraph
from extracts.catalogue.reviewers import ReviewKind
from extracts.documents import Document
from extracts.errors import Problem

_NEVER_PAST = (
    *("datasets", "recipient", "recipients", "divided_by"),
    *("identifiability", "requester", "other_recipients", "onward_sharing"),
)


class DemandedReview(Form):
    """A review that the policy asks for, the clause that it comes from, and within how many working days.

    `looks_past`: fields of a request, by their paths, that it is not about; empty: it looks at everything.
    """

    review: ReviewKind
    clause: Paragraph
    target_days: Count = Field(le=365)
    identifiability: tuple[Identifiability, ...] = ()
    classifications: tuple[Classification, ...] = ()
    looks_past: tuple[Line, ...] = ()

    def is_needed(self, request: Request, datasets: Mapping[str, Dataset]) -> bool:
        """Whether this request needs it."""
        if not self.identifiability and not self.classifications:
            return True
        if request.identifiability in self.identifiability:
            return True
        return bool(self.classifications) and bool(_classes(request, datasets) & {None, *self.classifications})


def demanded_reviews(
    table: Sequence[DemandedReview], request: Request, datasets: Mapping[str, Dataset]
) -> tuple[DemandedReview, ...]:
    """The reviews that this request needs, as the table orders them; the Board's recommendation comes last."""
    needed = [d for d in table if d.is_needed(request, datasets)]
    return tuple(sorted(needed, key=lambda d: d.review is ReviewKind.BOARD))


def needs_reviews(outcome: DecisionOutcome, policy_passes: bool) -> bool:
    """Whether a decision with this outcome waits for the reviews."""
    if outcome is DecisionOutcome.RETURN:
        return False
    return policy_passes or outcome is not DecisionOutcome.REFUSE


def table_problems(document: Document, table: Sequence[DemandedReview]) -> list[Problem]:
    """What is wrong with the table as a whole: a review that is asked for twice would have two targets; a field that no
    request has, or that no review may look past.
    """
    asked = [d.review for d in table]
    past = [p for n, d in enumerate(table) for p in _looks_past_problems(document, n, d)]
    return past + [
        document.problem(f"reviews.{n}.review", f"{review.value!r} is asked for twice")
        for n, review in enumerate(asked)
        if review in asked[:n]
    ]


def _looks_past_problems(document: Document, number: int, demanded: DemandedReview) -> list[Problem]:
    where, known = f"reviews.{number}.looks_past", declared_fields()
    if demanded.looks_past and demanded.review is ReviewKind.BOARD:
        return [document.problem(where, "the Board recommends on the whole, and looks past nothing")]
    told = {
        name: "no request has this field" if name not in known else "no review looks past it"
        for name in demanded.looks_past
        if name not in known or any(touches(name, part) for part in _NEVER_PAST)
    }
    return [document.problem(where, f"{name!r}: {why}") for name, why in told.items()]


def _classes(request: Request, datasets: Mapping[str, Dataset]) -> set[Classification | None]:
    """The classes of the columns asked for; None for one that is not declared."""
    declared = {(name, c.name): c.classification for name, d in datasets.items() for c in d.columns}
    return {declared.get(pair) for pair in request.asked_columns()}
