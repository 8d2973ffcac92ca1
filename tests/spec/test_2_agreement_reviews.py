"""Reviews: who answers, when an answer counts, and which reviews a request needs before it is decided.

Specialists and the Board advise; Board and Controller decide. An answer is judged when it is recorded, whatever let its
author type it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from extracts.agreement.decision import DecisionOutcome
from extracts.agreement.policy import parse_policy
from extracts.agreement.request_words import ReviewOutcome
from extracts.agreement.review_answer import ReviewAnswer, answer_from_document, answer_in_lines, parse_answer
from extracts.agreement.review_rules import Considered, Given, Refusal, Refused, judge_answer
from extracts.agreement.reviews_demanded import DemandedReview, demanded_reviews, needs_reviews
from extracts.agreement.status import Status
from extracts.catalogue.contract import Classification, Identifiability
from extracts.catalogue.reviewers import NOBODY, Reviewers, ReviewKind, Standing, parse_reviewers
from extracts.documents import Document, read
from extracts.errors import InvalidDocument
from tests.support.agreements import BENEFIT_CAP, EXAMPLES, STATISTICS, a_request, the_parties, the_policy
from tests.support.sample_datasets import the_datasets

DAY = date(2026, 11, 23)
LEGAL, DEPUTY, OWNER = "legal.adviser@dwp.example", "legal.deputy@dwp.example", "asset.owner@dwp.example"
CHAIR, OFFICER, SECURITY = (
    "board.chair@dwp.example",
    "data.protection.officer@dwp.example",
    "security.adviser@dwp.example",
)
SPECIALISTS = {
    ReviewKind.LEGAL: LEGAL,
    ReviewKind.DATA_PROTECTION: OFFICER,
    ReviewKind.SECURITY: SECURITY,
    ReviewKind.INFORMATION_ASSET_OWNER: OWNER,
}
AWAY = {"principal": LEGAL, "deputy": DEPUTY, "valid_from": "2026-11-20", "valid_until": "2026-11-24"}


def the_reviewers(**changes: Any) -> Reviewers:
    """The sample reviewers, with whole fields of the file changed."""
    document = read(EXAMPLES / "governance" / "reviewers.yaml")
    return parse_reviewers(Document("reviewers.yaml", {**document.value, **changes}, document.lines), the_parties())


def supports(**changes: Any) -> ReviewAnswer:
    return ReviewAnswer(**{"outcome": ReviewOutcome.SUPPORTS, "reasons": "Lawful and necessary.", **changes})


def a_case(**changes: Any) -> Considered:
    """Fife's request, submitted by its requester, with nothing answered yet."""
    facts: dict[str, Any] = {
        "request": a_request(BENEFIT_CAP),
        "status": Status.SUBMITTED,
        "newest": 1,
        "demanded": tuple(ReviewKind),
        "answered": {},
        "submitted_by": frozenset({"callum.requester@fife.example"}),
        "signed_by": frozenset(),
    }
    return Considered(**(facts | changes))


def judged(
    review: ReviewKind, name: str, case: Considered | None = None, reviewers: Reviewers | None = None, **given: Any
) -> Standing | Refused:
    facts: dict[str, Any] = {"answer": supports(), "on": DAY} | given
    return judge_answer(Given(review, name, **facts), case or a_case(), reviewers or the_reviewers(), the_parties())


def why(found: Standing | Refused) -> Refusal:
    assert isinstance(found, Refused), found
    assert found.message
    assert found.advice
    return found.code


# --- who may answer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("review", "name"), SPECIALISTS.items())
def test_whoever_is_assigned_answers(review, name):
    assert judged(review, name) == Standing(name)


def test_their_name_in_airflow_is_theirs_too():
    assert judged(ReviewKind.LEGAL, "legal") == Standing(LEGAL)
    assert judged(ReviewKind.LEGAL, " Legal ") == Standing(LEGAL)


@pytest.mark.parametrize("name", [DEPUTY, SECURITY, CHAIR, "data.engineer@dwp.example", "engineer"])
def test_nobody_else_who_is_declared_does(name):
    assert why(judged(ReviewKind.LEGAL, name)) is Refusal.NOT_ASSIGNED


@pytest.mark.parametrize("name", ["", "admin", "legal.adviser@dwp.example.evil", "'; DROP TABLE register.request --"])
def test_nor_a_stranger(name):
    assert why(judged(ReviewKind.LEGAL, name)) is Refusal.STRANGER


@pytest.mark.parametrize(
    ("on", "who"),
    [
        (date(2026, 11, 19), Standing(LEGAL)),
        (date(2026, 11, 20), Standing(DEPUTY, LEGAL)),
        (date(2026, 11, 24), Standing(DEPUTY, LEGAL)),
        (date(2026, 11, 25), Standing(LEGAL)),
    ],
)
def test_a_deputy_answers_on_the_days_of_the_absence_and_the_reviewer_on_all_others(on, who):
    reviewers = the_reviewers(absences=[AWAY])
    assert reviewers.who(ReviewKind.LEGAL, {"benefit_cap"}, on) == (who,)
    assert judged(ReviewKind.LEGAL, who.principal, reviewers=reviewers, on=on) == who
    other = LEGAL if who.stands_for else DEPUTY
    assert why(judged(ReviewKind.LEGAL, other, reviewers=reviewers, on=on)) is Refusal.NOT_ASSIGNED


def test_the_day_on_which_somebody_else_may_answer_is_known_beforehand():
    reviewers = the_reviewers(absences=[AWAY])
    days = [reviewers.next_change(ReviewKind.LEGAL, {"benefit_cap"}, on) for on in (date(2026, 11, 1), DAY)]
    assert days == [date(2026, 11, 20), date(2026, 11, 25)]
    assert reviewers.next_change(ReviewKind.LEGAL, {"benefit_cap"}, date(2026, 11, 25)) is None


def test_a_deputy_who_is_away_too_does_not_answer_and_nobody_stands_in_for_a_deputy():
    both = [AWAY, AWAY | {"principal": DEPUTY, "deputy": SECURITY}]
    assert the_reviewers(absences=both).who(ReviewKind.LEGAL, {"benefit_cap"}, DAY) == ()


def test_without_a_deputy_nobody_answers_while_the_reviewer_is_away():
    alone = {k: v for k, v in AWAY.items() if k != "deputy"}
    assert why(judged(ReviewKind.LEGAL, LEGAL, reviewers=the_reviewers(absences=[alone]))) is Refusal.NOT_ASSIGNED


def test_an_owner_answers_for_their_own_datasets_only():
    mine = {"review": "information asset owner", "principal": OWNER, "valid_from": "2026-01-01"}
    others = the_reviewers(reviewers=[{**mine, "datasets": ["pension_credit_award"]}])
    assert why(judged(ReviewKind.INFORMATION_ASSET_OWNER, OWNER, reviewers=others)) is Refusal.NOT_ASSIGNED


def test_where_no_file_says_who_reviews_nobody_does():
    assert why(judged(ReviewKind.LEGAL, LEGAL, reviewers=NOBODY)) is Refusal.NOT_ASSIGNED


# --- when an answer counts --------------------------------------------------------------------------------------------


def test_a_review_counts_once_whether_reviewer_or_deputy_answered():
    answered = a_case(answered={ReviewKind.LEGAL: DEPUTY})
    assert why(judged(ReviewKind.LEGAL, LEGAL, answered)) is Refusal.ANSWERED


CARRIED = a_case(answered={ReviewKind.LEGAL: LEGAL}, carried=frozenset({ReviewKind.LEGAL}))


def test_an_answer_that_was_carried_may_be_given_anew():
    assert judged(ReviewKind.LEGAL, LEGAL, CARRIED) == Standing(LEGAL)


def test_but_not_once_somebody_relied_on_it():
    recommended = replace(CARRIED, answered={**CARRIED.answered, ReviewKind.BOARD: CHAIR})
    assert why(judged(ReviewKind.LEGAL, LEGAL, recommended)) is Refusal.ANSWERED
    signed = replace(CARRIED, signed_by=frozenset({CHAIR}))
    assert why(judged(ReviewKind.LEGAL, LEGAL, signed)) is Refusal.ANSWERED


def test_whoever_s_answer_was_carried_answers_no_other_review():
    twice = [{"review": review, "principal": LEGAL, "valid_from": "2026-01-01"} for review in ("legal", "security")]
    found = judged(ReviewKind.SECURITY, LEGAL, CARRIED, the_reviewers(reviewers=twice))
    assert why(found) is Refusal.TWO_ROLES


def test_an_answer_to_an_older_version_does_not_count():
    assert why(judged(ReviewKind.LEGAL, LEGAL, a_case(newest=2))) is Refusal.OLDER_VERSION


@pytest.mark.parametrize("status", [s for s in Status if s not in (Status.SUBMITTED, Status.IN_REVIEW)])
def test_nor_one_that_comes_when_nobody_waits(status):
    assert why(judged(ReviewKind.LEGAL, LEGAL, a_case(status=status))) is Refusal.NOT_OPEN


def test_nor_one_that_the_policy_does_not_ask_for():
    assert why(judged(ReviewKind.LEGAL, LEGAL, a_case(demanded=(ReviewKind.SECURITY,)))) is Refusal.NOT_ASKED


def test_nobody_answers_in_two_roles():
    twice = [{"review": review, "principal": LEGAL, "valid_from": "2026-01-01"} for review in ("legal", "security")]
    case = a_case(answered={ReviewKind.LEGAL: LEGAL})
    assert why(judged(ReviewKind.SECURITY, LEGAL, case, the_reviewers(reviewers=twice))) is Refusal.TWO_ROLES


def test_nor_under_another_of_their_names():
    """One person is one person, whatever names they have: what counts is the `person` of the parties' register."""
    parties = the_parties()
    twin = parties.principals[SECURITY].model_copy(update={"person": parties.principals[LEGAL].person})
    same = replace(parties, principals={**parties.principals, SECURITY: twin})
    given = Given(ReviewKind.SECURITY, SECURITY, supports(), DAY)
    assert (
        why(judge_answer(given, a_case(answered={ReviewKind.LEGAL: LEGAL}), the_reviewers(), same)) is Refusal.TWO_ROLES
    )


def test_nor_through_somebody_else_s_sign_in():
    case = a_case(answered={ReviewKind.LEGAL: LEGAL})
    assert why(judged(ReviewKind.SECURITY, SECURITY, case, through=("legal",))) is Refusal.TWO_ROLES
    assert why(judged(ReviewKind.SECURITY, SECURITY, through=("callum",))) is Refusal.OWN_REQUEST
    assert judged(ReviewKind.SECURITY, SECURITY, through=("engineer", "root")) == Standing(SECURITY)


def test_whoever_signed_a_decision_does_not_review():
    assert why(judged(ReviewKind.LEGAL, LEGAL, a_case(signed_by=frozenset({LEGAL})))) is Refusal.TWO_ROLES


def test_whoever_submitted_does_not_review():
    assert why(judged(ReviewKind.LEGAL, LEGAL, a_case(submitted_by=frozenset({"legal"})))) is Refusal.OWN_REQUEST


@pytest.mark.parametrize("field", ["requester.organisation", "recipient"])
def test_nobody_answers_for_their_own_organisation(field):
    """The adviser's body asks for the data, or receives it."""
    parties = the_parties()
    moved = parties.principals[LEGAL].model_copy(update={"organisation": "social-security-scotland"})
    theirs = replace(parties, principals={**parties.principals, LEGAL: moved})
    request = a_request(BENEFIT_CAP, {field: "social-security-scotland"})
    given = Given(ReviewKind.LEGAL, LEGAL, supports(), DAY)
    assert why(judge_answer(given, a_case(request=request), the_reviewers(), theirs)) is Refusal.OWN_REQUEST


# --- the Board's recommendation ---------------------------------------------------------------------------------------

ALL_IN = a_case(answered=SPECIALISTS)
THREE = (CHAIR, LEGAL, SECURITY)


def test_the_chair_recommends_once_all_reviews_are_there_and_enough_members_are():
    assert judged(ReviewKind.BOARD, "board", ALL_IN, answer=supports(present=THREE)) == Standing(CHAIR)


def test_not_before():
    missing = {k: v for k, v in SPECIALISTS.items() if k is not ReviewKind.SECURITY}
    found = judged(ReviewKind.BOARD, CHAIR, a_case(answered=missing), answer=supports(present=THREE))
    assert why(found) is Refusal.TOO_EARLY
    assert isinstance(found, Refused)
    assert "still missing: security" in found.message


@pytest.mark.parametrize("present", [(), (CHAIR, LEGAL), (LEGAL, SECURITY, OWNER)], ids=["none", "two", "no chair"])
def test_not_without_quorum_and_chair(present):
    assert why(judged(ReviewKind.BOARD, CHAIR, ALL_IN, answer=supports(present=present))) is Refusal.NO_QUORUM


@pytest.mark.parametrize("guest", ["controller@dwp.example", "nobody@dwp.example"])
def test_guests_do_not_count_towards_the_quorum(guest):
    found = judged(ReviewKind.BOARD, CHAIR, ALL_IN, answer=supports(present=(CHAIR, LEGAL, SECURITY, guest)))
    assert why(found) is Refusal.NO_QUORUM


def test_no_member_is_counted_twice():
    with pytest.raises(ValueError, match="names somebody twice"):
        supports(present=(CHAIR, CHAIR, LEGAL))


def test_no_other_review_has_a_quorum():
    assert why(judged(ReviewKind.LEGAL, LEGAL, answer=supports(present=THREE))) is Refusal.UNREADABLE


# --- what an answer is ------------------------------------------------------------------------------------------------


def test_an_answer_recommends_column_by_column_with_conditions_and_reasons():
    request = a_request(BENEFIT_CAP)
    text = "address: Letters can go through the office.\nbenefit_cap.surname: Not needed.\n"
    answer = answer_in_lines(request, "supports with conditions", "Mostly.", text, "By telephone first.\n\n")
    assert answer.refused == (
        "benefit_cap.address: Letters can go through the office.",
        "benefit_cap.surname: Not needed.",
    )
    assert answer.conditions == ("By telephone first.",)
    assert answer_from_document(answer.document()) == answer
    assert answer_from_document(answer.document()).digest == answer.digest


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"outcome": "approve"}, "outcome: 'approve' is not one of the words"),
        ({"outcome": ""}, "outcome"),
        ({"reasons": ""}, "reasons: is empty"),
        ({"reasons": "a\u202eb"}, "control or invisible character"),
        ({"reasons": "x" * 5000}, "reasons"),
        ({"refuse": "address"}, "needs its reason"),
        ({"refuse": "bank_account: no"}, "was not asked for"),
        ({"refuse": "address: a\nbenefit_cap.address: b"}, "the same column twice"),
        ({"conditions": "Only once."}, "conditions go with `supports with conditions`"),
        ({"outcome": "supports with conditions"}, "conditions go with `supports with conditions`"),
        ({"present": "the whole Board"}, "present"),
    ],
)
def test_an_answer_is_read_strictly(changes, told):
    given = {"outcome": "supports", "reasons": "Good."} | changes
    with pytest.raises(InvalidDocument) as caught:
        answer_in_lines(a_request(BENEFIT_CAP), **given)
    assert told in str(caught.value)


def test_markup_in_an_answer_is_text():
    reasons = "<script>alert(1)</script> '; DROP TABLE register.request; --"
    assert answer_in_lines(a_request(BENEFIT_CAP), "objects", reasons).document()["reasons"] == reasons


def test_an_unknown_field_is_refused():
    with pytest.raises(InvalidDocument, match="decision: no field has this name"):
        parse_answer(Document("answer", {"outcome": "supports", "reasons": "x", "decision": "approve"}), a_request())


# --- which reviews a request needs ------------------------------------------------------------------------------------


def test_the_sample_policy_asks_security_about_names_and_addresses_only():
    def asked(sample: str) -> list[ReviewKind]:
        return [d.review for d in demanded_reviews(the_policy().reviews, a_request(sample), the_datasets())]

    assert asked(BENEFIT_CAP) == list(ReviewKind)
    assert asked(STATISTICS) == [k for k in ReviewKind if k is not ReviewKind.SECURITY]


@pytest.mark.parametrize(
    ("condition", "needed"),
    [
        ({}, True),
        ({"identifiability": (Identifiability.IDENTIFIED,)}, True),
        ({"identifiability": (Identifiability.PSEUDONYMISED,)}, False),
        ({"classifications": (Classification.ADDRESS,)}, True),
        ({"classifications": (Classification.FREE_TEXT,)}, False),
        ({"identifiability": (Identifiability.PSEUDONYMISED,), "classifications": (Classification.ADDRESS,)}, True),
    ],
)
def test_a_condition_is_on_the_form_or_on_a_column_s_class(condition, needed):
    table = [DemandedReview(review=ReviewKind.SECURITY, clause="For a test.", target_days=5, **condition)]
    assert bool(demanded_reviews(table, a_request(BENEFIT_CAP), the_datasets())) is needed


def test_a_column_that_nobody_declared_could_be_of_any_class():
    table = [
        DemandedReview(
            review=ReviewKind.SECURITY, clause="x", target_days=5, classifications=(Classification.FREE_TEXT,)
        )
    ]
    assert demanded_reviews(table, a_request(BENEFIT_CAP), {})


def test_the_board_comes_last_wherever_the_table_names_it():
    table = tuple(reversed(the_policy().reviews))
    assert demanded_reviews(table, a_request(BENEFIT_CAP), the_datasets())[-1].review is ReviewKind.BOARD


@pytest.mark.parametrize(
    ("outcome", "passes", "needed"),
    [
        (DecisionOutcome.APPROVE, True, True),
        (DecisionOutcome.APPROVE, False, True),
        (DecisionOutcome.APPROVE_IN_PART, True, True),
        (DecisionOutcome.REFUSE, True, True),
        (DecisionOutcome.REFUSE, False, False),
        (DecisionOutcome.RETURN, True, False),
        (DecisionOutcome.RETURN, False, False),
    ],
)
def test_which_decisions_wait_for_the_reviews(outcome, passes, needed):
    assert needs_reviews(outcome, passes) is needed


# --- both files are read strictly -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("review", "legall", "is not one of the words"),
        ("target_days", 0, "target_days"),
        ("target_days", "ten", "must be a whole number"),
        ("classifications", ["secret"], "is not one of the words"),
        ("quorum", 2, "no field has this name"),
        ("review", "security", "is asked for twice"),
        ("looks_past", ["purpos"], "'purpos': no request has this field"),
        ("looks_past", ["datasets"], "no review looks past it"),
        ("looks_past", ["requester.email"], "no review looks past it"),
    ],
)
def test_a_fault_in_the_policy_s_table_is_told(field, value, told):
    document = read(EXAMPLES / "governance" / "policy.yaml")
    reviews = [{**row, field: value} if row["review"] == "legal" else row for row in document.value["reviews"]]
    with pytest.raises(InvalidDocument) as caught:
        parse_policy(Document("policy.yaml", {**document.value, "reviews": reviews}, document.lines))
    assert told in str(caught.value)


def test_the_board_looks_past_nothing():
    document = read(EXAMPLES / "governance" / "policy.yaml")
    board = {"review": "board", "clause": "For a test.", "target_days": 5, "looks_past": ["title"]}
    reviews = [board if row["review"] == "board" else row for row in document.value["reviews"]]
    with pytest.raises(InvalidDocument, match="the Board recommends on the whole"):
        parse_policy(Document("policy.yaml", {**document.value, "reviews": reviews}, document.lines))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reviewers": [{"review": "legal", "principal": "who@dwp.example", "valid_from": "2026-01-01"}]}, "declared"),
        (
            {
                "reviewers": [
                    {"review": "legal", "principal": "extracts-service@dwp.example", "valid_from": "2026-01-01"}
                ]
            },
            "is a service",
        ),
        ({"reviewers": []}, "needs at least 1"),
        ({"absences": [AWAY | {"deputy": "who@dwp.example"}]}, "declared"),
        ({"absences": [AWAY | {"deputy": LEGAL}]}, "nobody is their own deputy"),
        ({"absences": [AWAY | {"valid_until": "2026-11-19"}]}, "ends before it begins"),
        ({"absences": [{k: v for k, v in AWAY.items() if k != "valid_until"}]}, "is missing"),
        ({"quorum": 9}, "more than the Board has members"),
        ({"quorum": 0}, "quorum"),
        ({"chair": CHAIR}, "no field has this name"),
    ],
)
def test_a_fault_in_the_list_of_reviewers_is_told(changes, told):
    with pytest.raises(InvalidDocument) as caught:
        the_reviewers(**changes)
    assert told in str(caught.value)
