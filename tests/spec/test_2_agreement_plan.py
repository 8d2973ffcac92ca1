"""The plan: what exactly will leave. Equal meaning gives one digest, any other meaning gives another."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extracts.agreement.assessment import Assessment
from extracts.agreement.coercion import canonical_value, plan_parameters
from extracts.agreement.plan import ExtractPlan, Operator, SafeAddress, SmallCells, plan_from_document
from extracts.agreement.planned_dataset import changed_columns
from extracts.agreement.planning import make_plan
from extracts.agreement.policy import assess
from extracts.agreement.request import Request
from extracts.agreement.request_rows import AskedTreatment
from extracts.catalogue.contract import Classification, ColumnType, Dataset, Identifiability, Identifier
from extracts.catalogue.odcs import load_datasets
from extracts.errors import InvalidDocument, PlanRefused
from tests.support.builders import (
    BENEFIT_CAP,
    CHILD_PAYMENT,
    EXAMPLES,
    REFUSED,
    STATISTICS,
    TODAY,
    a_column,
    a_dataset,
    a_made_plan,
    a_request,
    a_request_document,
    an_assessment,
    the_datasets,
    the_parties,
    the_policy,
)

POSTCODE = {"name": "postcode", "treatment": "postcode_district", "justification": "Rural areas are served by post."}


def lax(request: Request) -> Assessment:
    """An assessment by a statement that asks one harmless question: only the floors are left."""
    rules = tuple(r for r in the_policy().rules if r.check == "people_described")
    return assess(request, the_datasets(), the_parties(), the_policy().model_copy(update={"rules": rules}), TODAY)


def lax_plan(sample: str, changes: dict[str, Any], datasets: dict[str, Dataset] | None = None) -> ExtractPlan:
    request = a_request(sample, changes)
    return make_plan(request, datasets or the_datasets(), the_parties(), lax(request))


def plan_with(changes: dict[str, Any], sample: str = STATISTICS) -> ExtractPlan:
    return a_made_plan(a_request(sample, changes))


# --- what a plan holds ----------------------------------------------------------------------------------------------


def test_a_plan_names_every_column_with_its_treatment_and_class() -> None:
    columns = {
        c.name: (c.source, c.treatment, c.parameters, c.delivered_type.value) for c in a_made_plan().datasets[0].columns
    }
    assert columns == {
        "nino_pseudonym": ("nino", "pseudonymise@1", (), "string"),
        "date_of_birth_age_band": ("date_of_birth", "age_band@1", ("10",), "string"),
        "sex": ("sex", "keep@1", (), "string"),
        "council_code": ("council_code", "council@1", (), "string"),
        "award_type": ("award_type", "keep@1", (), "string"),
        "weekly_award_band": ("weekly_award", "band@1", ("0", "25", "50", "100"), "string"),
        "started_on_quarter": ("started_on", "quarter@1", (), "string"),
    }


def test_a_pseudonymised_plan_counts_people_by_what_singles_them_out() -> None:
    plan = a_made_plan()
    assert plan.datasets[0].quasi_identifiers == ("date_of_birth_age_band", "sex", "council_code")
    assert (plan.limits.k, plan.limits.small_cells, plan.limits.max_withheld_percent) == (10, SmallCells.WITHHOLD, 20)


def test_an_identified_plan_has_no_groups_whatever_the_request_writes() -> None:
    plan = plan_with({}, BENEFIT_CAP)
    written = plan_with(
        {"limits.k": 50, "limits.small_cells": "withhold", "limits.max_withheld_percent": 3}, BENEFIT_CAP
    )
    assert plan.datasets[0].quasi_identifiers == ()
    assert plan.limits.k == 0
    assert written.digest == plan.digest


@pytest.mark.parametrize("sample", [STATISTICS, BENEFIT_CAP, CHILD_PAYMENT])
def test_a_plan_reads_back_from_its_json(sample: str) -> None:
    plan = a_made_plan(a_request(sample))
    assert plan_from_document(json.loads(plan.canonical())) == plan


def test_no_control_column_and_no_free_text_is_in_any_plan() -> None:
    for sample in (STATISTICS, BENEFIT_CAP, CHILD_PAYMENT):
        classes = {c.classification for d in a_made_plan(a_request(sample)).datasets for c in d.columns}
        assert not classes & {Classification.CONTROL, Classification.FREE_TEXT, Classification.FINANCIAL_ACCOUNT}


def test_addresses_withheld_for_everyone_are_no_columns_at_all() -> None:
    plan = plan_with({"datasets.0.safe_address": "withhold columns"}, BENEFIT_CAP)
    names = {c.name for c in plan.datasets[0].columns}
    assert not names & {"address", "postcode", "uprn"}
    assert plan.datasets[0].safe_address is SafeAddress.WITHHOLD_COLUMNS
    assert "cap_reduction" in names


def test_several_datasets_stand_in_one_plan_by_name() -> None:
    award = {"name": "award", "treatment": {"band": [0, 500]}, "justification": "Shows who lost the most money."}
    columns = [{"name": "nino", "treatment": "pseudonymise", "justification": "Joins the two by pseudonym."}, award]
    second = {"dataset": "scottish_child_payment", "used_for": "children on a claim", "columns": columns}
    plan = plan_with({"datasets.1": second})
    swapped = plan_with({"datasets.0": second, "datasets.1": a_request_document().value["datasets"][0]})
    assert [d.dataset for d in plan.datasets] == ["pension_credit_award", "scottish_child_payment"]
    assert swapped.digest == plan.digest


def test_the_sample_requests_fit_the_contracts_as_they_stand() -> None:
    root = EXAMPLES.parent
    contracts = load_datasets(root / "expectations", root / "sql")
    for sample in (STATISTICS, BENEFIT_CAP, CHILD_PAYMENT, REFUSED):
        request = a_request(sample)
        assessment = assess(request, contracts, the_parties(), the_policy(), TODAY)
        assert assessment.passed == (sample != REFUSED), assessment.as_text()
        if assessment.passed:
            assert make_plan(request, contracts, the_parties(), assessment).datasets[0].relation.startswith("curated.")


# --- one meaning, one digest ----------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_the_order_in_which_a_request_is_written_leaves_the_plan_as_it_was(random: Any) -> None:
    value = a_request_document(CHILD_PAYMENT).value["datasets"][0]
    columns = random.sample(value["columns"], len(value["columns"]))
    rows = [{"column": "children", "after": 0}, {"column": "sex", "in": random.sample(["F", "M"], 2)}]
    changes = {"datasets.0.columns": columns, "datasets.0.rows": random.sample(rows, 2)}
    expected = plan_with({"datasets.0.rows": [rows[0], {"column": "sex", "in": ["M", "F"]}]}, CHILD_PAYMENT)
    assert plan_with(changes, CHILD_PAYMENT).digest == expected.digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"column": "children", "equals": 3}, {"column": "children", "equals": "03"}),
        ({"column": "children", "in": [3]}, {"column": "children", "equals": 3}),
        ({"column": "children", "in": [3, 4, 3]}, {"column": "children", "in": ["4", "3"]}),
        ({"column": "award", "after": "100.50"}, {"column": "award", "after": "100.5"}),
        ({"column": "award", "between": ["-0", "1e0"]}, None),
        (
            {"column": "updated_at", "after": "2026-01-01T00:00:00Z"},
            {"column": "updated_at", "after": "2026-01-01T01:00:00+01:00"},
        ),
    ],
)
def test_equal_filters_are_written_one_way(one: dict[str, Any], other: dict[str, Any] | None) -> None:
    if other is None:
        with pytest.raises(InvalidDocument, match="must be a number"):
            plan_with({"datasets.0.rows": [one]}, CHILD_PAYMENT)
        return
    digests = {plan_with({"datasets.0.rows": [row]}, CHILD_PAYMENT).digest for row in (one, other)}
    assert len(digests) == 1


def test_a_condition_written_twice_is_one_condition() -> None:
    row = {"column": "children", "after": 0}
    assert len(plan_with({"datasets.0.rows": [row, row]}, CHILD_PAYMENT).datasets[0].conditions) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Another title"},
        {"purpose.text": "Another way of saying what it is for."},
        {"datasets.0.columns.0.justification": "Another reason for this very column."},
        {"requester.name": "Somebody Else"},
        {"dpia.ref": "DPIA-2"},
        {"note": "Corrected a spelling mistake."},
    ],
)
def test_words_that_steer_nothing_leave_the_plan_as_it_was(changes: dict[str, Any]) -> None:
    assert plan_with(changes).digest == a_made_plan().digest


@pytest.mark.parametrize(
    ("sample", "changes"),
    [
        (STATISTICS, {"datasets.0.columns.1.treatment": "year"}),
        (STATISTICS, {"datasets.0.columns.1.treatment": {"age_band": 5}}),
        (STATISTICS, {"datasets.0.columns.5.treatment": {"band": [0, 25, 50, 101]}}),
        (STATISTICS, {"datasets.0.columns.6.treatment": "year"}),
        (STATISTICS, {"purpose.code": "pension-age-winter-heating-payment"}),
        (STATISTICS, {"limits.k": 11}),
        (STATISTICS, {"limits.max_rows": 999_999}),
        (STATISTICS, {"limits.max_withheld_percent": 19}),
        (STATISTICS, {"schedule.working_day": 6}),
        (STATISTICS, {"schedule.end_on": "2028-12-30"}),
        (STATISTICS, {"retention.days": 729}),
        (STATISTICS, {"criticality": "operational"}),
        (STATISTICS, {"datasets.0.columns.3.filled_percent": 91}),
        (STATISTICS, {"quality.freshness_max_age_hours": 71}),
        (STATISTICS, {"datasets.0.rows": [{"column": "sex", "equals": "F"}]}),
        (BENEFIT_CAP, {"datasets.0.rows.1.after": 1}),
        (BENEFIT_CAP, {"datasets.0.rows.1": {"column": "cap_reduction", "not": {"after": 0}}}),
        (BENEFIT_CAP, {"datasets.0.safe_address": "withhold columns"}),
        (CHILD_PAYMENT, {"legal.gateway": "welfare-reform-act-2012-s131", "purpose.code": "local-welfare-provision"}),
    ],
)
def test_a_change_of_meaning_gives_another_digest(sample: str, changes: dict[str, Any]) -> None:
    assert plan_with(changes, sample).digest != a_made_plan(a_request(sample)).digest


def test_another_recipient_gives_another_digest() -> None:
    parties = the_parties()
    twin = parties.recipients["scottish-government-analysts"].model_copy(update={"id": "analysts-2", "folder": "two"})
    parties = replace(parties, recipients={**parties.recipients, "analysts-2": twin})
    request = a_request(changes={"recipient": "analysts-2"})
    plan = make_plan(request, the_datasets(), parties, assess(request, the_datasets(), parties, the_policy(), TODAY))
    assert plan.digest != a_made_plan().digest


@pytest.mark.parametrize(
    "changed",
    [
        {"version": "2.0.0"},
        {"view_digest": "sha256:" + "c" * 64},
        {"relation": "curated.other"},
        {"coverage": ("S12000047",)},
        {"key": ("nino", "award_type")},
    ],
)
def test_another_view_or_major_version_gives_another_digest(changed: dict[str, Any]) -> None:
    assert plan_from(a_dataset(**changed)).digest != a_made_plan().digest


@pytest.mark.parametrize(
    "changed",
    [
        {"version": "1.4.2"},
        {"title": "Another title"},
        {"description": "More words."},
        {"owner": "someone.else@dwp.example"},
        {"contract_digest": "sha256:" + "d" * 64},
        {"columns": (*a_dataset().columns, a_column("added_later"))},
    ],
)
def test_an_edit_of_the_contracts_documentation_leaves_the_digest_as_it_was(changed: dict[str, Any]) -> None:
    assert plan_from(a_dataset(**changed)).digest == a_made_plan().digest


@pytest.mark.parametrize(
    "changed",
    [
        {"meaning": "Children of school age on the claim."},
        {"unit": "households"},
        {"type": ColumnType.DECIMAL, "precision": 4},
        {"classification": Classification.OFFICIAL},
    ],
)
def test_a_column_that_only_chooses_rows_is_in_the_plan_by_its_meaning(changed: dict[str, Any]) -> None:
    plan = a_made_plan(a_request(CHILD_PAYMENT))
    assert "children" not in {c.source for c in plan.datasets[0].columns}
    assert child_payment_with("children", changed).digest != plan.digest


@pytest.mark.parametrize(
    ("sample", "column"), [(CHILD_PAYMENT, "restricted"), (CHILD_PAYMENT, "safe_address"), (CHILD_PAYMENT, "children")]
)
def test_what_marks_and_conditions_mean_is_in_the_plan(sample: str, column: str) -> None:
    assert child_payment_with(column, {"meaning": "Something else."}).digest != a_made_plan(a_request(sample)).digest


def test_a_contract_that_declares_a_used_column_otherwise_is_told_from_the_plan() -> None:
    planned, found = a_made_plan(a_request(CHILD_PAYMENT)).datasets[0], the_datasets()["scottish_child_payment"]
    assert changed_columns(planned, found) == ()
    assert changed_columns(planned, with_column(found, "children", {"unit": "people"})) == ("children",)
    assert changed_columns(planned, with_column(found, "award", {"meaning": "Award after tax."})) == ("award",)
    assert changed_columns(planned, with_column(found, "child_sex", {"meaning": "Not used."})) == ()
    without = replace(found, columns=tuple(c for c in found.columns if c.name != "children"))
    assert changed_columns(planned, without) == ("children",)


def with_column(dataset: Dataset, name: str, changed: dict[str, Any]) -> Dataset:
    return replace(dataset, columns=tuple(replace(c, **changed) if c.name == name else c for c in dataset.columns))


def child_payment_with(column: str, changed: dict[str, Any]) -> ExtractPlan:
    found, request = the_datasets()["scottish_child_payment"], a_request(CHILD_PAYMENT)
    datasets = {found.name: with_column(found, column, changed)}
    return make_plan(request, datasets, the_parties(), assess(request, datasets, the_parties(), the_policy(), TODAY))


def plan_from(dataset: Dataset) -> ExtractPlan:
    datasets, request = {dataset.name: dataset}, a_request()
    return make_plan(request, datasets, the_parties(), assess(request, datasets, the_parties(), the_policy(), TODAY))


# --- what is refused ------------------------------------------------------------------------------------------------


def test_a_request_that_the_policy_stops_has_no_plan_and_every_reason_is_named() -> None:
    request = a_request(REFUSED)
    with pytest.raises(PlanRefused) as caught:
        make_plan(request, the_datasets(), the_parties(), an_assessment(request))
    for rule in ("L6", "N3", "N5", "N6", "N7", "N8", "R1", "R3"):
        assert f"{rule} (violation)" in str(caught.value)


def test_a_gap_stops_as_a_violation_does() -> None:
    request = a_request(changes={"datasets.0.dataset": "pip_award"})
    with pytest.raises(PlanRefused, match=r"S1 \(gap\)"):
        make_plan(request, the_datasets(), the_parties(), an_assessment(request))


def test_an_assessment_of_another_request_makes_no_plan() -> None:
    with pytest.raises(PlanRefused, match="assessment is of another request"):
        make_plan(a_request(changes={"note": "x"}), the_datasets(), the_parties(), an_assessment())


@pytest.mark.parametrize(
    ("sample", "changes", "why"),
    [
        (STATISTICS, {"datasets.0.columns.0.treatment": "keep"}, "not in that form"),
        (STATISTICS, {"datasets.0.columns.0.name": "account_number"}, "not shareable"),
        (BENEFIT_CAP, {"datasets.0.columns.0.name": "journal_note"}, "free text is never delivered"),
        (BENEFIT_CAP, {"datasets.0.columns.0.name": "safe_address"}, "control is never delivered"),
        (BENEFIT_CAP, {"datasets.0.safe_address": "not applicable"}, "must stay hidden"),
        (STATISTICS, {"datasets.0.columns.7": POSTCODE}, "must stay hidden"),
        (STATISTICS, {"datasets.0.columns.0.name": "shoe_size"}, "not declared"),
        (STATISTICS, {"datasets.0.rows": [{"column": "shoe_size", "equals": 9}]}, r"shoe_size is not declared"),
        (STATISTICS, {"datasets.0.dataset": "pip_award"}, "dataset pip_award is not declared"),
        (STATISTICS, {"recipient": "nobody"}, "recipient nobody is not declared"),
        (STATISTICS, {"legal.gateway": "no-act"}, "gateway no-act is not declared"),
        (STATISTICS, {"datasets.0.rows": [{"column": "nino", "equals": "QQ123456C"}]}, "cannot be chosen by nino"),
        (
            STATISTICS,
            {"datasets.0.rows": [{"column": "safe_address", "equals": True}]},
            "cannot be chosen by safe_address",
        ),
    ],
)
def test_a_lax_policy_cannot_open_what_nobody_may_share(sample: str, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(PlanRefused, match=why) as caught:
        lax_plan(sample, changes)
    assert "QQ123456C" not in str(caught.value)


def test_the_lax_policy_makes_a_plan_of_a_good_request() -> None:
    assert lax_plan(STATISTICS, {}).digest == a_made_plan().digest


@pytest.mark.parametrize(
    "column",
    [
        a_column("nino", identifier=Identifier.DIRECT),
        a_column("date_of_birth", ColumnType.DATE, identifier=Identifier.QUASI),
        a_column("postcode", classification=Classification.ADDRESS),
    ],
    ids=lambda c: c.name,
)
def test_a_contract_cannot_let_pseudonymised_rows_keep_who_they_are_about(column: Any) -> None:
    found = a_dataset()
    others = tuple(c for c in found.columns if c.name != column.name)
    datasets = {"pension_credit_award": replace(found, columns=(column, *others))}
    asked = {"name": column.name, "treatment": "keep", "justification": "It is needed for this."}
    changes = {"datasets.0.columns": [asked], "datasets.0.safe_address": "withhold rows"}
    with pytest.raises(PlanRefused, match="in pseudonymised rows"):
        lax_plan(STATISTICS, changes, datasets)


def test_a_contract_cannot_list_a_treatment_for_a_type_that_it_cannot_treat() -> None:
    wrong = a_column("sex", treatments={Identifiability.PSEUDONYMISED: ("year",)})
    found = a_dataset()
    datasets = {"pension_credit_award": replace(found, columns=(wrong, *(c for c in found.columns if c.name != "sex")))}
    asked = {"name": "sex", "treatment": "year", "justification": "It is needed for this."}
    with pytest.raises(PlanRefused, match="sex is a string, which year cannot treat"):
        lax_plan(STATISTICS, {"datasets.0.columns": [asked]}, datasets)


@pytest.mark.parametrize("comparison", [{"before": "M"}, {"after": "F"}, {"between": ["A", "B"]}])
def test_a_column_without_an_order_has_no_before_and_after(comparison: dict[str, Any]) -> None:
    rows = {"datasets.0.rows": [{"column": "sex", **comparison}]}
    with pytest.raises(PlanRefused, match=f"sex is a string: it has no {next(iter(comparison))}"):
        lax_plan(STATISTICS, rows)


def test_the_present_and_the_past_never_stand_in_one_plan() -> None:
    columns = [{"name": "claim_id", "treatment": "pseudonymise", "justification": "Tells claims apart from others."}]
    both = {"datasets.1": {"dataset": "benefit_cap", "used_for": "benefit cap", "columns": columns}}
    with pytest.raises(PlanRefused, match="the present stand beside"):
        lax_plan(STATISTICS, both)


def test_a_source_that_cannot_leave_people_out_makes_no_plan() -> None:
    with pytest.raises(PlanRefused, match="restricted records or persons"):
        lax_plan(STATISTICS, {}, {"pension_credit_award": a_dataset(persons=())})


def test_people_with_a_safe_address_cannot_be_protected_without_a_marker() -> None:
    unmarked = {"benefit_cap": a_dataset("benefit_cap", safe_address_column="")}
    with pytest.raises(PlanRefused, match="has no safe-address marker"):
        lax_plan(BENEFIT_CAP, {}, unmarked)


def test_no_group_may_be_smaller_than_five_people() -> None:
    with pytest.raises(InvalidDocument, match=r"limits\.k"):
        a_request(changes={"limits.k": 4})
    assert lax_plan(STATISTICS, {"limits.k": 5}).limits.k == 5


# --- values and parameters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"column": "children", "equals": "two"}, "whole number"),
        ({"column": "children", "equals": "1.0"}, "whole number"),
        ({"column": "children", "equals": True}, "whole number"),
        ({"column": "award", "after": "1,000"}, "must be a number"),
        ({"column": "award", "after": "NaN"}, "must be a number"),
        ({"column": "award", "after": "1e3"}, "must be a number"),
        ({"column": "award", "after": "1' OR '1'='1"}, "must be a number"),
        ({"column": "date_of_birth", "before": "2008"}, "must be a date"),
        ({"column": "date_of_birth", "before": "2008-02-30"}, "must be a date"),
        ({"column": "date_of_birth", "before": "20080220"}, "must be a date"),
        ({"column": "date_of_birth", "before": "2008-W08-3"}, "must be a date"),
        ({"column": "updated_at", "before": "2008-02-20"}, "time with its zone"),
        ({"column": "updated_at", "before": "20080220T100000Z"}, "time with its zone"),
        ({"column": "updated_at", "before": "2008-02-20T10:00:00"}, "time with its zone"),
        ({"column": "updated_at", "after": "9999-12-31T23:59:59-12:00"}, "time with its zone"),
        ({"column": "updated_at", "after": "0001-01-01T00:00:00+12:00"}, "time with its zone"),
        ({"column": "sex", "equals": "female"}, "its values: F, M"),
        ({"column": "children", "between": [5, 2]}, "first value of between is greater"),
        ({"column": "award", "between": [10, 9.5]}, "first value of between is greater"),
    ],
)
def test_a_value_of_another_type_is_told_at_its_field_and_never_repeated(row: dict[str, Any], expected: str) -> None:
    row = {k: [str(v) if isinstance(v, float) else v for v in x] if isinstance(x, list) else x for k, x in row.items()}
    request = a_request(CHILD_PAYMENT, {"datasets.0.rows": [row]})
    with pytest.raises(InvalidDocument, match=expected) as caught:
        make_plan(request, the_datasets(), the_parties(), an_assessment(request))
    assert caught.value.problems[0].field == "datasets.0.rows.0"
    assert "OR" not in str(caught.value)


def test_a_fault_has_its_line_where_the_document_is_at_hand() -> None:
    document = a_request_document(BENEFIT_CAP, {"datasets.0.rows.1.after": "lots"})
    request = a_request(BENEFIT_CAP, {"datasets.0.rows.1.after": "lots"})
    with pytest.raises(InvalidDocument) as caught:
        make_plan(request, the_datasets(), the_parties(), an_assessment(request), document)
    line = caught.value.problems[0].line
    assert line is not None
    assert "cap_reduction" in (document_lines(document.source)[line - 1])


def document_lines(source: str) -> list[str]:
    with open(source) as stream:
        return stream.read().splitlines()


@pytest.mark.parametrize(
    ("kind", "text", "canonical"),
    [
        (ColumnType.STRING, "O'Brien; --", "O'Brien; --"),
        (ColumnType.STRING, " 012 ", " 012 "),
        (ColumnType.INTEGER, "+007", "7"),
        (ColumnType.INTEGER, "-0", "0"),
        (ColumnType.DECIMAL, "1.50", "1.5"),
        (ColumnType.DECIMAL, "100", "100"),
        (ColumnType.DECIMAL, "-0.0", "0"),
        (ColumnType.DATE, "2026-11-23", "2026-11-23"),
        (ColumnType.TIMESTAMP, "2026-11-23T21:09+01:00", "2026-11-23T20:09:00Z"),
        (ColumnType.BOOLEAN, "true", "true"),
    ],
)
def test_a_value_is_coerced_by_the_contracts_type(kind: ColumnType, text: str, canonical: str) -> None:
    assert canonical_value(text, a_column(type=kind)) == canonical


@pytest.mark.parametrize("text", ["1", "yes", "TRUE", "t", ""])
def test_only_true_and_false_are_booleans(text: str) -> None:
    with pytest.raises(ValueError, match="true or false"):
        canonical_value(text, a_column(type=ColumnType.BOOLEAN))


@given(value=st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**8), max_value=10**8))
def test_coercing_twice_changes_nothing(value: Any) -> None:
    column = a_column(type=ColumnType.DECIMAL)
    once = canonical_value(format(value, "f"), column)
    assert canonical_value(once, column) == once


@pytest.mark.parametrize(
    ("name", "given_parameters", "kind", "why"),
    [
        ("age_band", ("4",), ColumnType.DATE, "5 to 50"),
        ("age_band", ("51",), ColumnType.DATE, "5 to 50"),
        ("age_band", ("ten",), ColumnType.DATE, "whole number"),
        ("age_band", ("10", "20"), ColumnType.DATE, "one number"),
        ("age_band", (), ColumnType.DATE, "needs width"),
        ("year", ("1",), ColumnType.DATE, "takes nothing"),
        ("round", ("1",), ColumnType.INTEGER, "2 or more"),
        ("round", ("0.01",), ColumnType.DECIMAL, "1 or more"),
        ("round", ("2.5",), ColumnType.INTEGER, "whole number"),
        ("band", ("0", "10", "10"), ColumnType.DECIMAL, "must ascend"),
        ("band", ("10", "9"), ColumnType.INTEGER, "must ascend"),
        ("band", tuple(str(n) for n in range(21)), ColumnType.INTEGER, "at most 20"),
        ("band", (), ColumnType.INTEGER, "needs limits"),
        ("top_code", ("1", "2"), ColumnType.INTEGER, "one number"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(
    name: str, given_parameters: tuple[str, ...], kind: ColumnType, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        plan_parameters(AskedTreatment(name=name, parameters=given_parameters), a_column(type=kind))


@pytest.mark.parametrize("at", ["5000", "5000.00", "6000"])
def test_a_top_code_that_no_value_reaches_is_refused(at: str) -> None:
    column = a_column(type=ColumnType.DECIMAL, maximum="5000")
    with pytest.raises(ValueError, match="below 5000"):
        plan_parameters(AskedTreatment(name="top_code", parameters=(at,)), column)
    assert plan_parameters(AskedTreatment(name="top_code", parameters=("4999.99",)), column) == ("4999.99",)


def test_parameters_are_written_one_way() -> None:
    column = a_column(type=ColumnType.DECIMAL)
    asked = AskedTreatment(name="band", parameters=("0.00", "10.50", "20"))
    assert plan_parameters(asked, column) == ("0", "10.5", "20")


def test_two_columns_cannot_be_delivered_under_one_name() -> None:
    found = a_dataset()
    clash = a_column("date_of_birth_year", ColumnType.INTEGER)
    datasets = {"pension_credit_award": replace(found, columns=(*found.columns, clash))}
    columns = [
        {"name": "date_of_birth", "treatment": "year", "justification": "Shows how old people are."},
        {"name": "date_of_birth_year", "treatment": "keep", "justification": "Shows it once more again."},
    ]
    with pytest.raises(InvalidDocument, match="both be delivered as date_of_birth_year"):
        lax_plan(STATISTICS, {"datasets.0.columns": columns}, datasets)


def test_withholding_every_column_leaves_nothing_to_deliver() -> None:
    columns = [{"name": "address", "treatment": "keep", "justification": "Where the letters are sent."}]
    changes = {"datasets.0.columns": columns, "datasets.0.safe_address": "withhold columns"}
    with pytest.raises(InvalidDocument, match="no column is left"):
        lax_plan(BENEFIT_CAP, changes)


def test_every_comparison_arrives_in_the_plan() -> None:
    rows = [
        {"column": "children", "after": 0},
        {"column": "children", "not": {"in": [9, 8]}},
        {"column": "date_of_birth", "between": ["1980-01-01", "2008-01-01"]},
        {"column": "updated_at", "not": {"is_null": True}},
    ]
    conditions = plan_with({"datasets.0.rows": rows}, CHILD_PAYMENT).datasets[0].conditions
    assert [(c.column, c.operator, c.values, c.negated) for c in conditions] == [
        ("children", Operator.AFTER, ("0",), False),
        ("children", Operator.IN, ("8", "9"), True),
        ("date_of_birth", Operator.BETWEEN, ("1980-01-01", "2008-01-01"), False),
        ("updated_at", Operator.IS_NULL, (), True),
    ]


def test_a_plan_is_dated_and_limited() -> None:
    plan = a_made_plan()
    assert (plan.start_on, plan.end_on, plan.review_on) == (date(2026, 1, 1), date(2028, 12, 31), date(2027, 6, 30))
    assert plan.schedule == "working day: 5 of quarter"
    assert plan.identifiability is Identifiability.PSEUDONYMISED
