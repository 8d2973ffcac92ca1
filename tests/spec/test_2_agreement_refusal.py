"""What a refusal tells: why, under which clause, what would be acceptable, whom to ask next, and until when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from extracts.agreement.decision import ColumnDecision, DecisionOutcome, FieldComment, decision_from_document
from extracts.agreement.decision_words import decision_in_words
from extracts.agreement.reading import read_exactly
from extracts.agreement.refusal import check_leaves_time
from extracts.canonical import digest
from extracts.errors import Refused, UsageError
from tests.support.builders import REFUSED, a_drawn_up_decision, a_request

REFUSE, RETURN = DecisionOutcome.REFUSE, DecisionOutcome.RETURN
BANK = {"name": "sort_code", "treatment": "keep", "justification": "Groups the accounts by bank."}


def a_refusal(**terms: Any) -> Any:
    return a_drawn_up_decision(a_request(REFUSED), outcome=REFUSE, **terms)


# --- refused as a whole -----------------------------------------------------------------------------------------------


def test_whoever_was_refused_reads_which_column_under_which_clause_what_would_do_whom_to_ask_and_by_when() -> None:
    words = decision_in_words(a_refusal())
    columns = " ".join(words["columns refused"])
    assert "sort_code" in columns
    assert "N5: Bank details are shared for no purpose" in columns
    assert "N8: UK GDPR, articles 5(1)(c) and 89(1)" in words["under which clause"]
    assert "Ask for pseudonymised rows." in words["what would be acceptable"]
    assert words["whom to ask next"].startswith("Ask the head of data sharing to look at it again (until 2026-02-17)")
    assert words["to be asked by"] == "2026-02-17", "20 working days of both nations after 20 January 2026"


def test_a_route_is_chosen_by_its_id_and_those_after_it_are_told_too() -> None:
    decision = a_refusal(route="forum")
    assert "head of data sharing" not in decision.escalation
    assert "chief data officers" in decision.escalation
    assert "; after that: Use the escalation route of the memorandum" in decision.escalation
    assert decision.escalate_until == date(2026, 3, 17)


def test_the_deciders_own_words_stand_before_those_of_the_findings() -> None:
    decision = a_refusal(clause="Scotland Act 2016, s. 34", acceptable="Counts by council.", reason_code="no-power")
    assert (decision.clause, decision.acceptable) == ("Scotland Act 2016, s. 34", "Counts by council.")
    assert decision.reason_code == "no-power"


def test_a_refusal_by_judgement_alone_has_no_clause_and_still_a_route() -> None:
    decision = a_drawn_up_decision(outcome=REFUSE)
    assert (decision.reason_code, decision.clause) == ("decided", "")
    assert decision.escalate_until
    assert "under which clause" not in decision_in_words(decision)


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"reason_code": "because"}, "'because' is no reason code"),
        ({"route": "my-uncle"}, "'my-uncle' is no escalation route"),
        ({"clause": "art. 5\u202e"}, "clause"),
        ({"acceptable": "less\x00"}, "acceptable"),
        ({"comments": (("retention.days", "Too long."),)}, "belong to a return"),
    ],
)
def test_terms_that_nobody_declared_or_can_read_are_refused(terms: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        a_refusal(**terms)


@pytest.mark.parametrize("term", ["reason_code", "clause", "acceptable", "route"])
def test_an_approval_of_everything_has_no_terms_of_a_refusal(term: str) -> None:
    with pytest.raises(UsageError, match="belong to something that is refused"):
        a_drawn_up_decision(**{term: "policy"})


# --- columns refused --------------------------------------------------------------------------------------------------


def test_a_column_that_the_policy_stops_is_refused_with_its_clause_and_the_way_on() -> None:
    request = a_request(changes={"datasets.0.columns.7": BANK})
    decision = a_drawn_up_decision(request, refuse=("sort_code",))
    (refused,) = [c for c in decision.columns if not c.granted]
    assert "N5: Bank details are shared for no purpose" in refused.clause
    assert decision.clause == refused.clause, "no finding on another column"
    assert decision.reason_code == "policy"
    assert "Drop the columns" in decision.acceptable
    assert decision.escalate_until == date(2026, 2, 17)


def test_a_column_refused_by_judgement_has_no_clause_of_its_own() -> None:
    decision = a_drawn_up_decision(refuse=("sex",), column_reasons={"sex": "The forecast does not need it."})
    (refused,) = [c for c in decision.columns if not c.granted]
    assert (refused.clause, decision.reason_code) == ("", "decided")
    assert decision.escalate_until


# --- returned ---------------------------------------------------------------------------------------------------------


def test_a_return_says_field_by_field_what_is_wrong_and_closes_nothing() -> None:
    comments = (("retention.days", "Why so long?"), ("purpose.necessity", "Say what was tried."))
    decision = a_drawn_up_decision(outcome=RETURN, comments=comments)
    assert decision.comments == (
        FieldComment("purpose.necessity", "Say what was tried."),
        FieldComment("retention.days", "Why so long?"),
    )
    assert decision.escalate_until is None
    assert decision_in_words(decision)["about your fields"][1] == "retention.days: Why so long?"


@pytest.mark.parametrize(
    ("comment", "why"),
    [
        (("retention.dys", "Why?"), "has no field"),
        (("retention.days", "  "), "needs its comment"),
        (("retention.days", "Why\x1b[2K?"), "invisible character"),
    ],
)
def test_a_comment_names_a_field_that_there_is_and_says_something(comment: tuple[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        a_drawn_up_decision(outcome=RETURN, comments=(comment,))


# --- what is signed ---------------------------------------------------------------------------------------------------


def test_every_term_is_in_the_bytes_that_are_signed() -> None:
    decision = a_refusal()
    for change in (
        {"clause": "x"},
        {"escalate_until": date(2026, 2, 18)},
        {"comments": (FieldComment("title", "x"),)},
        {"columns": (replace(decision.columns[0], clause="x"), *decision.columns[1:])},
    ):
        assert replace(decision, **change).digest != decision.digest
    returned = a_drawn_up_decision(outcome=RETURN, comments=(("title", "Say more."),))
    for one in (decision, returned):
        assert decision_from_document(json.loads(one.canonical())) == one
        assert read_exactly(type(one), json.loads(one.canonical()), "decision") == one


def test_what_was_signed_before_these_terms_existed_keeps_its_digest() -> None:
    document = json.loads(a_drawn_up_decision().canonical())
    assert not {"clause", "escalate_until", "comments"} & set(document)
    assert all(set(column) == {"dataset", "column", "granted", "reason"} for column in document["columns"])
    assert decision_from_document(document).digest == digest(document)


def test_an_empty_term_that_is_written_out_is_another_spelling_and_refused() -> None:
    from extracts.errors import InvalidDocument

    document = json.loads(a_drawn_up_decision().canonical()) | {"clause": ""}
    with pytest.raises(InvalidDocument, match="says more, or otherwise"):
        read_exactly(type(a_drawn_up_decision()), document, "decision")


# --- time to ask again ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "signs"), [("2026-01-20", True), ("2026-02-03", True), ("2026-02-04", False)])
def test_nobody_signs_a_refusal_that_leaves_less_than_half_of_the_time(day: str, signs: bool) -> None:
    decision, now = a_refusal(), datetime.fromisoformat(f"{day}T12:00:00+00:00")
    if signs:
        check_leaves_time(decision, now)
        return
    with pytest.raises(Refused, match="leaves the requester 9 working days of 20") as caught:
        check_leaves_time(decision, now)
    assert "Draw it up again" in caught.value.advice


def test_an_approval_and_a_return_may_be_signed_when_people_come_to_it() -> None:
    later = datetime(2026, 1, 20, tzinfo=UTC) + timedelta(days=300)
    check_leaves_time(a_drawn_up_decision(), later)
    check_leaves_time(a_drawn_up_decision(outcome=RETURN), later)
    assert ColumnDecision("a", "b", True).clause == ""
