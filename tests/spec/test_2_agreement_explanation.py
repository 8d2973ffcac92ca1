"""The explained plan: a page that a board member can read, written from the plan itself."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from extracts.agreement.explanation import explain, explanation_data, markdown
from extracts.agreement.facts import facts_of
from extracts.agreement.plain_words import rows_in_words, treatment_in_words
from extracts.agreement.plan import Condition, Operator
from extracts.agreement.request import without_columns
from extracts.catalogue.treatments import TREATMENTS
from extracts.errors import ApprovalMissing
from tests.support.builders import (
    BENEFIT_CAP,
    CHILD_PAYMENT,
    STATISTICS,
    a_column,
    a_made_plan,
    a_planned_column,
    a_planned_dataset,
    a_request,
    the_datasets,
    the_parties,
)

AFTER = date(2026, 11, 23)


def page(sample: str = STATISTICS, changes: dict[str, Any] | None = None) -> str:
    request = a_request(sample, changes)
    return explain(a_made_plan(request), facts_of(request, the_parties(), the_datasets()), AFTER)


@pytest.mark.parametrize("sample", [STATISTICS, BENEFIT_CAP, CHILD_PAYMENT])
def test_the_page_answers_what_a_board_member_asks(sample: str) -> None:
    request = a_request(sample)
    plan, text = a_made_plan(request), page(sample)
    assert plan.digest in text
    headings = ["For whom and why", "Under which power", "Which rows", "Which columns", "Within which limits"]
    headings += ["When", "Where it goes, and for how long", "What is checked before anything leaves"]
    places = [text.index(f"## {heading}") for heading in headings]
    assert places == sorted(places)
    assert the_parties().gateways[request.legal.gateway].title in text
    assert the_parties().recipients[request.recipient].name in text
    assert request.purpose.text in text


@pytest.mark.parametrize("sample", [STATISTICS, BENEFIT_CAP, CHILD_PAYMENT])
def test_every_column_has_a_line_with_its_treatment_and_class(sample: str) -> None:
    text = page(sample)
    for column in a_made_plan(a_request(sample)).datasets[0].columns:
        line = next(line for line in text.splitlines() if line.startswith(f"| `{column.name}` |"))
        assert treatment_in_words(column) in line
        assert f"| {column.classification.value} |" in line


def test_the_page_says_limits_dates_and_groups() -> None:
    text = page()
    assert "From 100 to 1,000,000 rows" in text
    assert "No group of fewer than 10 people" in text
    assert "withheld, up to 20 %" in text
    assert "quarterly, on working day 5 of each quarter (Scotland)" in text
    assert "Monday 11 January 2027 (delivers 2027-Q1)" in text
    assert "Kept for 730 days" in text


def test_an_event_dataset_shows_which_month_each_date_delivers() -> None:
    assert "Friday 4 December 2026 (delivers 2026-11)" in page(BENEFIT_CAP)


def test_the_page_says_who_is_in_it_without_a_known_area_or_value() -> None:
    assert "The source covers S92000003; people whose area is not known may be among its rows." in page()
    assert "Rows in which cap_reduction or council_code is blank are left out." in page(BENEFIT_CAP)
    assert "is blank are left out" not in page()


def test_the_page_says_which_columns_must_be_filled() -> None:
    assert "Columns that must hold a value in at least so many rows: council_code in 90 %." in page()


def test_an_identified_page_speaks_of_no_groups() -> None:
    assert "people who look alike" not in page(BENEFIT_CAP)
    assert "identified: rows name people" in page(BENEFIT_CAP)


def test_the_recipient_is_warned_where_passing_on_is_an_offence() -> None:
    assert "up to two years in prison" in page(BENEFIT_CAP)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition("cap_reduction", Operator.AFTER, ("0",)), "cap_reduction is more than 0"),
        (Condition("cap_reduction", Operator.BEFORE, ("5",), True), "cap_reduction is not less than 5"),
        (Condition("assessment_period_end", Operator.BEFORE, ("2026-01-01",)), "is earlier than 2026-01-01"),
        (Condition("assessment_period_end", Operator.AFTER, ("2026-01-01",)), "is later than 2026-01-01"),
        (Condition("children", Operator.BETWEEN, ("1", "3")), "children is from 1 to 3, both included"),
        (Condition("council_code", Operator.IN, ("S12000047", "S12000049")), "is one of S12000047, S12000049"),
        (Condition("council_code", Operator.EQUALS, ("{0}",)), "council_code is {0}"),
        (Condition("award", Operator.BEFORE, ("-5",)), "award is less than -5"),
        (Condition("uprn", Operator.IS_NULL, (), True), "uprn is not blank"),
    ],
)
def test_a_condition_is_said_in_plain_english(condition: Condition, words: str) -> None:
    dataset = a_planned_dataset(the_datasets()["benefit_cap"], (("cap_reduction", "keep", ()),), (condition,))
    assert words in rows_in_words(dataset)[0]


def test_a_column_that_chooses_rows_unseen_is_named_with_its_meaning() -> None:
    smaller = without_columns(a_request(BENEFIT_CAP), {("benefit_cap", "cap_reduction")})
    said = rows_in_words(a_made_plan(smaller).datasets[0])
    assert "cap_reduction chooses rows and is not delivered itself: cap reduction" in said
    assert not any("council_code chooses" in line for line in said)


@pytest.mark.parametrize("name", TREATMENTS)
def test_every_treatment_can_be_said(name: str) -> None:
    how = TREATMENTS[name]
    said = treatment_in_words(a_planned_column(a_column(type=how.accepts[0]), name, how.example_parameters))
    assert "{" not in said
    assert all(p in said for p in how.example_parameters)


def test_a_requesters_text_cannot_become_markup() -> None:
    hostile = "<script>alert(1)</script> | [click](https://evil.example) `rm` *bold* _under_ # title"
    text = page(changes={"title": hostile, "purpose.text": hostile})
    assert "<script>" not in text
    assert "[click](" not in text.replace("\\[click\\](", "")
    assert markdown("a | b") == "a \\| b"
    assert markdown("one\n# two") == "one \\# two"
    assert markdown("date_of_birth") == "date_of_birth"


def test_the_same_is_there_for_programs() -> None:
    request = a_request()
    plan = a_made_plan(request)
    data = explanation_data(plan, facts_of(request, the_parties(), the_datasets()), AFTER)
    again = json.loads(json.dumps(data))
    assert again["digest"] == plan.digest
    assert again["plan"] == plan.document()
    assert [c["name"] for c in again["columns"]["pension_credit_award"]] == [c.name for c in plan.datasets[0].columns]
    assert again["next"][0] == {"on": "2027-01-11", "period": "2027-Q1"}


def test_what_is_read_is_what_the_plan_does_and_not_what_the_request_says() -> None:
    request = a_request()
    plan = a_made_plan(request)
    dataset = plan.datasets[0]
    smaller = replace(plan, datasets=(replace(dataset, columns=dataset.columns[:2]),))
    text = explain(smaller, facts_of(request, the_parties(), the_datasets()), AFTER)
    assert "2 columns; no other column leaves the source." in text
    assert "weekly_award_band" not in text


def test_facts_name_people_to_ask_and_what_was_agreed() -> None:
    facts = facts_of(a_request(BENEFIT_CAP), the_parties(), the_datasets())
    assert facts["contact"] == "information.asset.owner@dwp.example"
    assert facts["onward_sharing"] == "Forbidden."
    assert facts["lawful_basis"] == {"article_6": "6(1)(e)", "article_9": "", "schedule_1": ""}
    assert facts["controllers"][0] == {
        "id": "dwp",
        "name": "Department for Work and Pensions",
        "role": "independent",
    }
    authorised = {"onward_sharing.asked": True, "onward_sharing.authority_ref": "Letter 1"}
    passed_on = facts_of(a_request(changes=authorised), the_parties(), the_datasets())["onward_sharing"]
    assert passed_on.startswith("Only as authorised by the Secretary of State")


def test_what_is_not_declared_any_more_is_told_by_name() -> None:
    request, parties = a_request(BENEFIT_CAP), the_parties()
    without = {i: r for i, r in parties.recipients.items() if i != request.recipient}
    with pytest.raises(ApprovalMissing, match=f"{request.request_id} names '{request.recipient}'"):
        facts_of(request, replace(parties, recipients=without), the_datasets())
    with pytest.raises(ApprovalMissing, match="not declared any more"):
        facts_of(request, replace(parties, purposes={}), the_datasets())


def test_the_page_ends_with_what_was_decided() -> None:
    request = a_request(BENEFIT_CAP)
    facts = facts_of(request, the_parties(), the_datasets())
    text = explain(a_made_plan(request), facts, AFTER, {"reasons": "Lawful.", "conditions": ["*Once*.", "Here."]})
    assert text.endswith("## What was decided\n\n- Reasons: Lawful.\n- Conditions: \\*Once\\*.; Here.\n")
