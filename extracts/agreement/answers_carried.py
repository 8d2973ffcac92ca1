"""Which answers to reviews still hold for the next version of a request: those whose ground did not move.

Rules, in this order; the first that is broken says why a review is asked for afresh:
1. The Board recommends on a version as a whole: its recommendation never holds for another.
2. An objection is never carried, to the whole or to a column: its author sees for themselves what became of it.
3. Both versions were judged by the same policy statement, gateways and contracts, and nothing is found in the new
   one that was not found before.
4. Nothing differs but what the policy says that this review looks past, and what asks for less: columns left out, fewer
   days, rows or deliveries, larger groups. A counter-offer that was accepted word for word asks for less by its making.

Compared is always with the version that was answered, however many came in between: small steps do not add up unseen.
Whether its author may still answer is judged by `review_rules`, as for any answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from extracts.agreement.assessment import Assessment
from extracts.agreement.differences import Difference, differences, touches
from extracts.agreement.request import Request
from extracts.agreement.request_words import ReviewOutcome
from extracts.agreement.review_answer import ReviewAnswer
from extracts.agreement.reviews_demanded import DemandedReview
from extracts.catalogue.reviewers import ReviewKind

_JUDGED_BY = ("policy", "gateways")
_MOST_TOLD = 5


@dataclass(frozen=True)
class Resubmitted:
    """A version that was answered, and the one that is considered now.

    `judged_then`: every assessment of the version that was answered, so that no change in between is missed.
    `is_offer`: the new one is, word for word, the counter-offer to the one that was answered.
    """

    answered: Request
    now: Request
    judged_then: tuple[Assessment, ...]
    judged_now: Assessment
    is_offer: bool = False


@dataclass(frozen=True)
class Holds:
    """Whether an answer still holds, and why (or why not), in words."""

    holds: bool
    why: str


def still_holds(demanded: DemandedReview, answer: ReviewAnswer, case: Resubmitted) -> Holds:
    """Whether an answer to this review of the earlier version holds for the new one. Pure."""
    version = case.answered.version
    if broken := _may_not_be_carried(demanded, answer) or _ground_moved(case):
        return Holds(False, broken)
    if case.is_offer:
        return Holds(True, f"the counter-offer to version {version}, word for word: it asks for less")
    if seen := what_this_review_looks_at(demanded, case):
        told = ", ".join(d.field for d in seen[:_MOST_TOLD]) + (" and more" if len(seen) > _MOST_TOLD else "")
        return Holds(False, f"since version {version} this changed: {told}")
    if case.answered == case.now.model_copy(update={"version": version}):
        return Holds(True, f"version {version} says the same, word for word")
    return Holds(True, f"since version {version} nothing changed that this review looks at, but to ask for less")


def what_this_review_looks_at(demanded: DemandedReview, case: Resubmitted) -> tuple[Difference, ...]:
    """The differences that are neither less than was answered, nor in what this review looks past."""
    left = differences(as_far_as_less(case.answered, case.now), case.now)
    return tuple(d for d in left if not any(touches(d.field, part) for part in demanded.looks_past))


def as_far_as_less(before: Request, after: Request) -> Request:
    """The earlier request, made smaller in every respect in which the later one asks for less, and in no other.

    Where that is all that changed, it is the later one.
    """
    wanted = set(after.asked_columns())
    kept = [
        d.model_copy(update={"columns": tuple(c for c in d.columns if (d.dataset, c.name) in wanted)})
        for d in before.datasets
        if any((d.dataset, c.name) in wanted for c in d.columns)
    ]
    days = {"days": min(before.retention.days, after.retention.days)}
    limits = {
        "max_rows": min(before.limits.max_rows, after.limits.max_rows),
        "max_deliveries": min(before.limits.max_deliveries, after.limits.max_deliveries),
        "k": max(before.limits.k, after.limits.k),
    }
    return before.model_copy(
        update={
            "datasets": tuple(kept),
            "retention": before.retention.model_copy(update=days),
            "limits": before.limits.model_copy(update=limits),
        }
    )


def _may_not_be_carried(demanded: DemandedReview, answer: ReviewAnswer) -> str:
    if demanded.review is ReviewKind.BOARD:
        return "the Board recommends on each version"
    if answer.outcome is ReviewOutcome.OBJECTS or answer.refused:
        return "the answer objected"
    return ""


def _ground_moved(case: Resubmitted) -> str:
    if not case.judged_then or not all(_judged_alike(then, case.judged_now) for then in case.judged_then):
        return "the policy, a gateway or a contract changed"
    known = {(f.rule, f.columns) for then in case.judged_then for f in (*then.violations, *then.gaps)}
    found = (*case.judged_now.violations, *case.judged_now.gaps)
    new = sorted({f.rule for f in found if (f.rule, f.columns) not in known})
    return f"the policy finds what it did not find then: {', '.join(new)}" if new else ""


def _judged_alike(then: Assessment, now: Assessment) -> bool:
    same_rules = all(then.digests.get(name) == now.digests.get(name) is not None for name in _JUDGED_BY)
    return same_rules and all(then.contracts.get(name) == digest for name, digest in now.contracts.items())
