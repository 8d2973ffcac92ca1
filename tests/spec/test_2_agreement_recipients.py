"""One decision, many recipients: each row has one recipient at most, and everybody who signs sees whose is whose.

A request names its recipients with the values that are theirs of one column. The plan binds that map; each recipient's
part is the plan as if it had been agreed with that recipient alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extracts.agreement.assessment import FindingOutcome
from extracts.agreement.differences import differences
from extracts.agreement.explanation import explain
from extracts.agreement.facts import facts_of, for_recipient
from extracts.agreement.parts import part_of, parts_of
from extracts.agreement.plan import Condition, ExtractPlan, Operator, Unassigned, plan_from_document
from extracts.agreement.policy import parse_policy
from extracts.agreement.request import Request, request_from_document
from extracts.documents import Document, read
from extracts.errors import InvalidDocument, NotFound, PlanRefused
from tests.support.agreements import BENEFIT_CAP, EXAMPLES, a_made_plan, a_request, an_assessment, removed, the_parties
from tests.support.sample_datasets import the_datasets

COUNCILS = "several/benefit-cap-councils"
EDINBURGH, FIFE, STIRLING = "city-of-edinburgh-council", "fife-council", "stirling-council"


def for_councils(changes: Mapping[str, Any] | None = None) -> Request:
    return a_request(COUNCILS, changes)


def stopped_by(request: Request) -> str:
    return " ".join(f.message for f in an_assessment(request).findings if f.outcome is not FindingOutcome.PASS)


class TestTheRequest:
    def test_the_sample_for_three_councils_passes_the_policy(self) -> None:
        assert an_assessment(for_councils()).passed

    def test_it_is_read_back_as_it_was_written(self) -> None:
        request = for_councils()
        assert request_from_document(request.document()) == request

    def test_a_request_for_one_recipient_says_nothing_of_several(self) -> None:
        assert {"recipients", "divided_by"}.isdisjoint(a_request(BENEFIT_CAP).document())

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"recipients.1.values": ["S12000047"]}, "more than one place to: S12000047"),
            ({"recipients.0.values": ["S12000047", "S12000047"]}, "more than one place to: S12000047"),
            ({"recipients.1.recipient": FIFE}, "names twice: fife-council"),
            ({"recipient": FIFE}, "either recipient, or recipients"),
            ({"divided_by": removed}, "belong together"),
            ({"recipients": removed}, "either recipient, or recipients"),
            ({"recipients.0.values": []}, "recipients.0.values"),
            ({"recipients": [{"recipient": FIFE, "values": ["S12000047"]}]}, "recipients"),
            ({"divided_by.unassigned_rows": "somehow"}, "unassigned_rows"),
            ({"divided_by.unassigned_rows": removed}, "unassigned_rows"),
        ],
    )
    def test_it_must_be_clear_whose_each_row_is(self, changes: dict[str, Any], said: str) -> None:
        with pytest.raises(InvalidDocument) as refused:
            for_councils(changes)
        assert said in str(refused.value)

    @given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3), st.sampled_from(["a", "b", "c", "d"]))
    def test_no_map_with_one_value_in_two_places_is_a_request(self, theirs: list[str], ours: str) -> None:
        changes = {"recipients": [{"recipient": FIFE, "values": theirs}, {"recipient": STIRLING, "values": [ours]}]}
        if len(set(theirs)) == len(theirs) and ours not in theirs:
            assert for_councils(changes).recipient_ids == (FIFE, STIRLING)
        else:
            with pytest.raises(InvalidDocument):
                for_councils(changes)

    def test_what_differs_is_told_by_the_recipient(self) -> None:
        told = [str(d) for d in differences(for_councils(), for_councils({"recipients.0.values": ["S12000042"]}))]
        assert len(told) == 1
        assert told[0].startswith("recipients.fife-council.values")

    @pytest.mark.parametrize("field", ["recipients", "divided_by"])
    def test_no_review_looks_past_whose_rows_are_whose(self, field: str) -> None:
        document = read(EXAMPLES / "governance" / "policy.yaml")
        review = next(n for n, r in enumerate(document.value["reviews"]) if r["review"] == "legal")
        value = json.loads(json.dumps(document.value, default=str))
        value["reviews"][review]["looks_past"] = [field]
        with pytest.raises(InvalidDocument, match="no review looks past it"):
            parse_policy(Document(document.source, value, document.lines))


class TestThePolicy:
    def test_every_recipient_must_be_declared(self) -> None:
        assert "'moray-council' is not declared" in stopped_by(
            for_councils({"recipients.2.recipient": "moray-council"})
        )

    def test_every_recipient_must_be_confirmed(self) -> None:
        request = for_councils({"recipients.2.recipient": "glasgow-city-council"})
        assert "recipient glasgow-city-council is suspended" in stopped_by(request)

    def test_the_gateway_must_permit_the_way_to_every_recipient(self) -> None:
        request = for_councils({"legal.gateway": "scotland-act-2016-s34"})
        for name in ("Fife Council", "The City of Edinburgh Council", "Stirling Council"):
            assert f"to {name} (council)" in stopped_by(request)

    def test_every_recipients_body_must_be_named_as_a_controller(self) -> None:
        assert "stirling-council is not named" in stopped_by(for_councils({"controllers.3": removed}))

    def test_somebody_of_none_of_the_recipients_may_not_ask(self) -> None:
        request = for_councils({"requester.organisation": "scottish-government"})
        assert "asks for data to be sent to" in stopped_by(request)

    def test_nobody_gets_rows_of_another_area(self) -> None:
        request = for_councils({"recipients.0.values": ["S12000030"], "recipients.2.values": ["S12000047"]})
        assert "Fife Council would get rows of S12000030" in stopped_by(request)

    def test_the_territory_is_theirs_together(self) -> None:
        request = for_councils({"territory": ["S12000047", "S12000036", "S12000030", "S12000049"]})
        assert "is responsible for S12000049" in stopped_by(request)

    def test_the_column_must_be_declared(self) -> None:
        request = for_councils({"divided_by.column": "council"})
        assert "declares no council to choose rows by" in stopped_by(request)

    @pytest.mark.parametrize("column", ["nino", "address", "safe_address"])
    def test_rows_are_never_divided_by_what_names_or_locates_a_person(self, column: str) -> None:
        assert not an_assessment(for_councils({"divided_by.column": column})).passed


class TestThePlan:
    def test_it_binds_whose_rows_are_whose(self) -> None:
        plan = a_made_plan(for_councils())
        assert plan.division is not None
        assert [(s.recipient, s.values) for s in plan.division.shares] == [
            (EDINBURGH, ("S12000036",)),
            (FIFE, ("S12000047",)),
            (STIRLING, ("S12000030",)),
        ]
        assert plan.division.unassigned is Unassigned.LEAVE_OUT

    def test_the_same_map_in_another_order_is_the_same_plan(self) -> None:
        turned = list(reversed(for_councils().document()["recipients"]))
        assert a_made_plan(for_councils({"recipients": turned})).digest == a_made_plan(for_councils()).digest

    @pytest.mark.parametrize(
        "changes",
        [
            {"divided_by.unassigned_rows": "stop"},
            {"recipients.0.values": ["S12000047", "S12000042"], "territory": removed},
            {"recipients.2": removed},
        ],
    )
    def test_another_map_is_another_plan(self, changes: dict[str, Any]) -> None:
        plan = a_made_plan(for_councils())
        assert plan.division is not None
        other = _divided(plan, changes)
        assert other.digest != plan.digest

    def test_it_is_read_back_from_its_document(self) -> None:
        plan = a_made_plan(for_councils())
        assert plan_from_document(plan.document()) == plan

    def test_a_plan_for_one_recipient_keeps_its_document(self) -> None:
        plan = a_made_plan(a_request(BENEFIT_CAP))
        assert "division" not in plan.document()
        assert plan_from_document(plan.document()) == plan
        assert plan.recipients == (FIFE,)

    def test_values_must_be_ones_that_the_column_has(self) -> None:
        request = for_councils({"recipients.0.values": ["Fife"], "divided_by.column": "council_code"})
        with pytest.raises((InvalidDocument, PlanRefused)):
            a_made_plan(request)

    def test_the_columns_meaning_is_part_of_it(self) -> None:
        (dataset,) = a_made_plan(for_councils({"datasets.0.columns.7": removed})).datasets
        assert "council_code" not in {c.source for c in dataset.columns}
        assert "council_code" in {c.name for c in dataset.filter_columns}


class TestParts:
    def test_a_part_is_the_plan_as_agreed_with_one_recipient(self) -> None:
        part = part_of(a_made_plan(for_councils()), FIFE)
        assert (part.recipient, part.division) == (FIFE, None)
        assert Condition("council_code", Operator.EQUALS, ("S12000047",)) in part.datasets[0].conditions

    def test_the_only_part_of_a_plan_for_one_is_that_plan(self) -> None:
        plan = a_made_plan(a_request(BENEFIT_CAP))
        assert parts_of(plan) == (plan,)

    def test_there_is_no_part_for_anybody_else(self) -> None:
        with pytest.raises(NotFound, match="not for stirling-council"):
            part_of(a_made_plan(a_request(BENEFIT_CAP)), STIRLING)

    def test_each_recipient_is_told_its_own_name(self) -> None:
        facts = facts_of(for_councils(), the_parties(), the_datasets())
        assert [r["id"] for r in facts["recipients"]] == [EDINBURGH, FIFE, STIRLING]
        told = for_recipient(facts, STIRLING)
        assert told["recipient"]["name"] == "Stirling Council, advice services"
        assert [c["id"] for c in told["controllers"]] == ["dwp", STIRLING], "the others only receive beside it"


def test_whoever_signs_reads_whose_rows_are_whose() -> None:
    request = for_councils({"datasets.0.columns.7": removed})
    said = explain(a_made_plan(request), facts_of(request, the_parties(), the_datasets()), date(2026, 1, 20))
    assert "fife-council gets the rows whose council_code is S12000047." in said
    assert "Rows that belong to none of them are counted and left out." in said
    assert "council_code itself is not delivered (benefit_cap)." in said
    assert "Stirling Council, advice services" in said


def _divided(plan: ExtractPlan, changes: Mapping[str, Any]) -> ExtractPlan:
    """The same plan with another division, whatever the policy would say of it."""
    division = plan.division
    assert division is not None
    if "divided_by.unassigned_rows" in changes:
        return replace(plan, division=replace(division, unassigned=Unassigned.STOP))
    if "recipients.2" in changes:
        return replace(plan, division=replace(division, shares=division.shares[:2]))
    first, *others = division.shares
    return replace(plan, division=replace(division, shares=(replace(first, values=("S12000042",)), *others)))
