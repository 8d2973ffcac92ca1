"""Answers that are carried: a version that comes again keeps the answers whose ground did not move.

What counts: what changed since the version that was answered, what this review is about, by what both were judged.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from extracts.agreement.answers_carried import Holds, Resubmitted, as_far_as_less, still_holds
from extracts.agreement.assessment import Assessment
from extracts.agreement.differences import differences
from extracts.agreement.request import Request, without_columns
from extracts.agreement.request_words import ReviewOutcome
from extracts.agreement.review_answer import ColumnAdvice, ReviewAnswer
from extracts.agreement.reviews_demanded import DemandedReview
from extracts.catalogue.reviewers import ReviewKind
from tests.support.agreements import BENEFIT_CAP, a_request, an_assessment, the_policy

LEGAL, SECURITY, BOARD = ReviewKind.LEGAL, ReviewKind.SECURITY, ReviewKind.BOARD
FIRST = a_request(BENEFIT_CAP)
SPECIALISTS = [kind for kind in ReviewKind if kind is not BOARD]
SUPPORTS = ReviewAnswer(outcome=ReviewOutcome.SUPPORTS, reasons="Lawful and necessary.")
CONDITIONAL = ReviewAnswer(
    outcome=ReviewOutcome.SUPPORTS_WITH_CONDITIONS, reasons="Mostly.", conditions=("By telephone first.",)
)
OBJECTS = ReviewAnswer(outcome=ReviewOutcome.OBJECTS, reasons="Too wide.")
ADVICE = ColumnAdvice(dataset="benefit_cap", column="address", grant=False, reason="Not needed.")
REFUSES = ReviewAnswer(outcome=ReviewOutcome.SUPPORTS, reasons="But one.", columns=(ADVICE,))


def demanded(review: ReviewKind) -> DemandedReview:
    return next(d for d in the_policy().reviews if d.review is review)


def second(**changes: Any) -> Request:
    """The next version, with values at paths (`__` for a dot) changed."""
    return a_request(BENEFIT_CAP, {"version": 2, **{path.replace("__", "."): v for path, v in changes.items()}})


def held(
    review: ReviewKind, now: Request, answer: ReviewAnswer = SUPPORTS, answered: Request = FIRST, **case: Any
) -> Holds:
    facts: dict[str, Any] = {"judged_then": (an_assessment(answered),), "judged_now": an_assessment(now)}
    return still_holds(demanded(review), answer, Resubmitted(answered, now, **(facts | case)))


# --- what changed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("review", SPECIALISTS)
@pytest.mark.parametrize("answer", [SUPPORTS, CONDITIONAL], ids=["supports", "with conditions"])
def test_an_answer_holds_for_a_version_that_says_the_same(review, answer):
    assert held(review, second(), answer) == Holds(True, "version 1 says the same, word for word")


@pytest.mark.parametrize("review", SPECIALISTS)
def test_and_for_one_that_changes_only_what_no_review_is_about(review):
    assert held(review, second(title="Benefit cap support in Fife")).holds


def test_a_change_concerns_the_reviews_that_look_at_it_and_no_other():
    now = second(purpose__necessity="The council has no other way to know.")
    assert {kind: held(kind, now).holds for kind in SPECIALISTS} == {
        ReviewKind.LEGAL: False,
        ReviewKind.DATA_PROTECTION: False,
        ReviewKind.SECURITY: True,
        ReviewKind.INFORMATION_ASSET_OWNER: False,
    }
    assert held(LEGAL, now).why == "since version 1 this changed: purpose.necessity"


def test_a_review_about_which_the_policy_says_nothing_looks_at_everything():
    careful = demanded(SECURITY).model_copy(update={"looks_past": ()})
    now = second(title="Another")
    case = Resubmitted(FIRST, now, (an_assessment(FIRST),), an_assessment(now))
    assert not still_holds(careful, SUPPORTS, case).holds


# --- asking for less --------------------------------------------------------------------------------------------------


def smaller(**changes: Any) -> Request:
    return without_columns(second(**changes), {("benefit_cap", "address"), ("benefit_cap", "postcode")})


@pytest.mark.parametrize("review", SPECIALISTS)
@pytest.mark.parametrize(
    "now",
    [
        smaller(),
        second(retention__days=60),
        second(limits__max_rows=1000),
        second(limits__max_deliveries=3),
        second(limits__k=50),
        smaller(retention__days=60, limits__k=50, title="Less"),
    ],
    ids=["columns", "days", "rows", "deliveries", "groups", "all of it"],
)
def test_an_answer_holds_for_a_version_that_asks_for_less(review, now):
    assert held(review, now).holds


@pytest.mark.parametrize("review", SPECIALISTS)
@pytest.mark.parametrize(
    "now",
    [
        second(retention__days=121),
        second(limits__max_rows=20001),
        second(limits__max_deliveries=41),
        second(identifiability="pseudonymised"),
        second(territory=["S12000047", "S12000036"]),
        second(leaves_uk=True),
        second(processors=[]),
        second(requester__email="another.requester@fife.example"),
        smaller(retention__days=121),
    ],
    ids=["days", "rows", "deliveries", "form", "territory", "abroad", "processors", "requester", "less and more"],
)
def test_not_for_one_that_asks_for_more_or_otherwise(review, now):
    assert not held(review, now).holds


@pytest.mark.parametrize("review", SPECIALISTS)
def test_a_column_that_is_new_or_treated_otherwise_is_looked_at_again(review):
    less = without_columns(FIRST, {("benefit_cap", "address")})
    assert not held(review, second(), answered=less).holds
    assert not held(review, second(datasets__0__columns__9__treatment="keep")).holds
    assert not held(review, second(datasets__0__rows=[])).holds


def test_made_smaller_as_far_as_the_later_one_asks_for_less_it_is_the_later_one():
    now = smaller(retention__days=60, limits__k=50)
    assert differences(as_far_as_less(FIRST, now), now) == ()
    assert as_far_as_less(FIRST, second(retention__days=300)).retention.days == FIRST.retention.days


def test_a_counter_offer_that_was_accepted_asks_for_less_by_its_making():
    coarser = second(datasets__0__columns__9__treatment={"round": 100})
    assert not held(LEGAL, coarser).holds
    assert held(LEGAL, coarser, is_offer=True).holds
    assert not held(LEGAL, coarser, OBJECTS, is_offer=True).holds


# --- what is never carried --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("review", SPECIALISTS)
@pytest.mark.parametrize("answer", [OBJECTS, REFUSES], ids=["to the whole", "to a column"])
@pytest.mark.parametrize("now", [second(), smaller()], ids=["the same", "without the column"])
def test_an_objection_is_never_carried_whatever_became_of_it(review, answer, now):
    assert held(review, now, answer) == Holds(False, "the answer objected")


@pytest.mark.parametrize("is_offer", [False, True])
def test_nor_is_the_board_s_recommendation(is_offer):
    assert held(BOARD, second(), is_offer=is_offer) == Holds(False, "the Board recommends on each version")


# --- by what they were judged -----------------------------------------------------------------------------------------


def with_digest(found: Assessment, name: str) -> Assessment:
    return replace(found, digests={**found.digests, name: "sha256:" + "0" * 64})


@pytest.mark.parametrize("is_offer", [False, True])
@pytest.mark.parametrize("name", ["policy", "gateways"])
def test_no_answer_is_carried_across_a_changed_policy_or_gateway(name, is_offer):
    changed = with_digest(an_assessment(second()), name)
    told = "the policy, a gateway or a contract changed"
    assert held(LEGAL, second(), judged_now=changed, is_offer=is_offer) == Holds(False, told)


def test_nor_across_a_policy_that_changed_in_between_and_came_back():
    then = an_assessment(FIRST)
    assert not held(LEGAL, second(), judged_then=(then, with_digest(then, "policy"))).holds


def test_nor_across_a_changed_contract():
    now = an_assessment(second())
    assert not held(LEGAL, second(), judged_now=replace(now, contracts={"benefit_cap": "sha256:" + "0" * 64})).holds


def test_a_person_who_was_added_to_the_parties_changes_nothing():
    assert held(LEGAL, second(), judged_now=with_digest(an_assessment(second()), "parties")).holds


def test_without_an_assessment_of_the_version_that_was_answered_nothing_is_carried():
    assert not held(LEGAL, second(), judged_then=()).holds


def test_nor_where_the_policy_finds_what_it_did_not_find_before():
    """Nothing was changed by anybody: the assurance of the recipient's security has run out since."""
    late = an_assessment(second(), date(2029, 12, 1))
    assert late.violations
    found = held(LEGAL, second(), judged_now=late)
    assert not found.holds
    assert found.why.startswith("the policy finds what it did not find then: ")
