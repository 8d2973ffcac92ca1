"""The briefing: what the Board reads before it decides, and what a requester may know before asking.

Every number is a count that may be told: small ones are hidden, the others rounded, and no sum gives a hidden one away.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extracts.agreement.availability import Availability, ColumnAnswer
from extracts.agreement.briefing import Briefing, HeldAlready, briefing_from_document
from extracts.agreement.briefing_writing import write_briefing, write_feasibility
from extracts.agreement.ladders import LADDERS, Step, alternatives, coarser
from extracts.agreement.request import Request
from extracts.agreement.source_counts import DatasetCounts, GroupCount, RowFate
from extracts.agreement.suppression import SafeCount, Suppression
from extracts.catalogue.contract import Identifiability
from extracts.catalogue.treatments import TREATMENTS
from tests.support.briefings import an_examination, some_counts
from tests.support.builders import (
    BENEFIT_CAP,
    NOW,
    REFUSED,
    STATISTICS,
    TODAY,
    a_dataset,
    a_request,
)


def a_briefing(request: Request, *counts: DatasetCounts, held: tuple[HeldAlready, ...] = ()) -> Briefing:
    return write_briefing(an_examination(request, *counts), held, (), NOW)


# --- counts that may be told ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counted", "told"),
    [
        (0, "fewer than 10"),
        (1, "fewer than 10"),
        (9, "fewer than 10"),
        (10, "10"),
        (12, "10"),
        (13, "15"),
        (4312, "4,310"),
        (4313, "4,315"),
    ],
)
def test_a_small_count_is_hidden_and_another_rounded(counted: int, told: str) -> None:
    assert str(Suppression().count(counted)) == told


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [(3, 9, None), (0, 500, 0), (9, 500, 0), (10, 500, 2), (250, 500, 50), (490, 500, 98), (491, 500, 100)],
)
def test_a_share_says_nothing_of_a_side_that_is_small(part: int, whole: int, told: int | None) -> None:
    assert Suppression().percent(part, whole) == told


def test_a_total_is_the_sum_of_what_is_told() -> None:
    assert Suppression().total([1003, 7, 22]) == SafeCount(1025, 10)
    assert Suppression().total([7, 9]) == SafeCount(None, 10)


@pytest.mark.parametrize("threshold", [0, 3, 12])
def test_a_threshold_that_would_betray_a_count_is_refused(threshold: int) -> None:
    with pytest.raises(ValueError, match="multiple of 5"):
        Suppression(threshold)


THE_REQUEST = a_request(STATISTICS, {"limits.small_cells": "stop", "limits.max_withheld_percent": 0})
EXAMINED = an_examination(THE_REQUEST)
"""Judged once: a property asks for hundreds of pages."""


def pages(counts: DatasetCounts) -> list[dict[str, Any]]:
    """What the Board and the requester would read."""
    found = replace(EXAMINED, counts={counts.dataset: counts})
    return [write_briefing(found, (), (), NOW).document(), write_feasibility(found, NOW).document()]


counted = st.one_of(st.integers(0, 9), st.integers(10, 40), st.integers(1000, 1100))
small = st.integers(0, 9)


@settings(max_examples=40)
@given(st.lists(counted, min_size=5, max_size=5), st.lists(small, min_size=5, max_size=5))
def test_no_briefing_depends_on_a_small_count(numbers: list[int], others: list[int]) -> None:
    """Whatever other small number a hidden cell had, the Board and the requester would read the same, to the byte."""
    swapped = [other if number < 10 else number for number, other in zip(numbers, others, strict=True)]
    ours, theirs = (pages(some_counts(THE_REQUEST, *cells, filled=0)) for cells in (numbers, swapped))
    assert ours == theirs


@settings(max_examples=40)
@given(st.integers(0, 9), st.integers(0, 9), st.sampled_from((60, 500, 5000)))
def test_no_briefing_tells_how_few_hold_something_or_nothing(few: int, other: int, rows: int) -> None:
    for filled, instead in ((few, other), (rows - few, rows - other)):
        ours, theirs = (pages(some_counts(THE_REQUEST, rows, 0, 0, 0, 0, filled=n)) for n in (filled, instead))
        assert ours == theirs


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(1, 9))
def test_that_a_group_is_too_small_is_told_and_not_how_small(few: int, other: int) -> None:
    ours, theirs = (pages(some_counts(THE_REQUEST, below=n)) for n in (few, other))
    assert ours == theirs
    as_asked = ours[0]["datasets"][0]["groups"][0]
    assert not as_asked["may_leave"]
    assert as_asked["smallest"]["value"] is as_asked["people_below_k"]["value"] is None


# --- may I have this column? ------------------------------------------------------------------------------------------


def answers(request: Request, counts: DatasetCounts | None = None) -> dict[str, ColumnAnswer]:
    found = an_examination(request, counts or some_counts(request)).columns()
    return {c.answer.column.partition(".")[2]: c.answer for c in found}


def asked(name: str, treatment: Any = "keep") -> dict[str, Any]:
    return {"name": name, "treatment": treatment, "justification": f"The purpose cannot be met without {name}."}


@pytest.mark.parametrize(
    ("column", "answer", "why", "what_to_do"),
    [
        (asked("sex"), "held", "", ""),
        (asked("shoe_size"), "not held", "declares no shoe_size", "Ask for columns of the contract"),
        (asked("account_number"), "held, not shareable", "bank details", "Drop the columns"),
        (asked("surname"), "held, not in that form", "cannot be had pseudonymised", "Leave it out"),
        (asked("date_of_birth"), "held, not in that form", "year or age_band", "Ask for it as year or age_band 5"),
        (asked("weekly_award"), "held, not in that form", "round or band or top_code", "Ask for it as round 10"),
        (asked("postcode", "postcode_district"), "held, not shareable", "address_reason", "Say in address_reason"),
    ],
)
def test_each_column_has_one_of_five_answers(column: dict[str, Any], answer: str, why: str, what_to_do: str) -> None:
    found = answers(a_request(STATISTICS, {"datasets.0.columns": [column]}))[column["name"]]
    assert found.answer == answer
    assert why in found.why
    assert what_to_do in found.what_to_do
    assert bool(found.clause) == (answer != "held")


def test_nothing_of_a_dataset_that_nobody_declared_is_held() -> None:
    request = a_request(STATISTICS, {"datasets.0.dataset": "council_tax"})
    found = an_examination(request).columns()
    assert {c.answer.answer for c in found} == {Availability.NOT_HELD}


@pytest.mark.parametrize(
    ("age_hours", "asked_hours", "why"),
    [
        (5, 72, ""),
        (37, 72, "loaded 37 hours ago; at most 36 are promised"),
        (5, 24, "asked at most 24 hours old; 36 are promised"),
        (None, 72, "a load stamp is missing"),
    ],
)
def test_a_source_is_stale_against_what_was_asked_or_promised(
    age_hours: int | None, asked_hours: int, why: str
) -> None:
    request = a_request(STATISTICS, {"quality.freshness_max_age_hours": asked_hours})
    found = answers(request, some_counts(request, age_hours=age_hours))["sex"]
    assert found.answer == (Availability.STALE if why else Availability.HELD)
    assert why in found.why


def test_the_sample_that_asks_too_much_is_told_so_column_by_column() -> None:
    found = answers(a_request(REFUSED))
    forbidden = {n for n, a in found.items() if a.answer is Availability.NOT_SHAREABLE}
    assert forbidden == {"address", "postcode", "sort_code", "account_number"}


# --- coarser treatments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "treatment", "offered"),
    [
        ("postcode", Step("postcode_sector"), ["postcode_district", "postcode_area"]),
        ("postcode", Step("postcode_area"), []),
        ("date_of_birth", Step("year"), ["age_band 5", "age_band 10", "age_band 20"]),
        ("date_of_birth", Step("age_band", ("7",)), ["age_band 10", "age_band 20"]),
        ("started_on", Step("month"), ["quarter", "year"]),
        ("weekly_award", Step("band", ("0", "25", "50", "100")), ["band 0 50", "band 0"]),
        ("weekly_award", Step("round", ("50",)), ["round 100", "round 1000"]),
        ("sex", Step("keep"), []),
    ],
)
def test_a_ladder_offers_only_what_tells_less_and_the_contract_lists(
    column: str, treatment: Step, offered: list[str]
) -> None:
    declared = a_dataset().column(column)
    assert declared is not None
    assert [str(s) for s in coarser(treatment, declared, Identifiability.PSEUDONYMISED)] == offered


def test_a_name_that_was_asked_for_as_it_is_is_offered_as_a_pseudonym() -> None:
    nino = a_dataset().column("nino")
    assert nino is not None
    assert [str(s) for s in alternatives(Step("keep"), nino, Identifiability.PSEUDONYMISED)] == [
        "pseudonymise",
        "present",
    ]


def test_every_rung_is_a_treatment_with_what_it_needs() -> None:
    for step in (step for ladder in LADDERS for step in ladder):
        assert len(TREATMENTS[step.treatment].parameters) == len(step.parameters)


# --- the whole page ---------------------------------------------------------------------------------------------------


def test_a_briefing_says_what_is_there_and_what_would_leave() -> None:
    request = a_request(STATISTICS)
    (found,) = a_briefing(request, some_counts(request, 4312, 0, 3, 27, 911)).datasets
    assert found.source is not None
    assert found.matching is not None
    assert {fate: str(told.rows) for fate, told in found.fates.items()} == {
        "expected": "4,310",
        "stop and ask": "fewer than 10",
        "withheld": "fewer than 10",
        "on hold": "25",
        "filtered": "910",
    }
    assert str(found.matching.rows) == "4,335"
    assert str(found.source.people) == "5,245"
    assert found.expected_bytes is not None
    assert 20_000 < found.expected_bytes < 400_000
    assert found.groups[0].change == ""
    assert "date_of_birth: age_band 20 instead of age_band 10" in [g.change for g in found.groups]
    assert "without sex" in [g.change for g in found.groups]


def test_new_columns_are_those_that_the_recipient_does_not_hold_so_already() -> None:
    request = a_request(STATISTICS)
    held = HeldAlready(
        "SDDSB-2026-001",
        "An older one",
        "approved",
        TODAY + timedelta(days=90),
        ("pension_credit_award.sex: keep", "pension_credit_award.date_of_birth: year"),
        4,
        TODAY,
    )
    adds = a_briefing(request, some_counts(request), held=(held,)).adds
    assert "pension_credit_award.sex: keep" not in adds
    assert "pension_credit_award.date_of_birth: age_band 10" in adds


def test_identified_rows_form_no_groups_and_findings_carry_clause_and_fix() -> None:
    request = a_request(BENEFIT_CAP, {"dpia.status": "in progress"})
    found = a_briefing(request, some_counts(request))
    assert found.datasets[0].groups == ()
    assert [(f.rule, bool(f.clause), bool(f.fix)) for f in found.findings] == [("R1", True, True)]
    assert found.plan_digest == ""


def test_rows_that_were_not_counted_have_no_number() -> None:
    request = a_request(STATISTICS)
    counts = DatasetCounts("pension_credit_award", None, None, not_counted="rows are chosen by shoe_size")
    (found,) = a_briefing(request, counts).datasets
    assert (found.source, found.fates, found.expected_bytes) == (None, {}, None)
    feasible = write_feasibility(an_examination(request, counts), NOW)
    assert feasible.expected == {}
    assert feasible.not_counted == {"pension_credit_award": "rows are chosen by shoe_size"}


def test_a_briefing_is_read_back_as_it_was_written() -> None:
    request = a_request(STATISTICS)
    written = a_briefing(request, some_counts(request))
    again = briefing_from_document(written.document())
    assert again.digest == written.digest
    assert again == written


def test_withholding_is_judged_by_what_is_told_so_that_no_limit_finds_the_number_out() -> None:
    request = a_request(STATISTICS, {"limits.max_withheld_percent": 20})
    counts = some_counts(request, 40, 0, 0, 0, 0)
    for rows_below in (1, 9):
        groups = {by: replace(c, rows_below=rows_below, groups_below=1) for by, c in counts.groups.items()}
        assert a_briefing(request, replace(counts, groups=groups)).datasets[0].groups[0].may_leave
    half = GroupCount(3, 4, 20, 20, 40)
    groups = dict.fromkeys(counts.groups, half)
    assert not a_briefing(request, replace(counts, groups=groups)).datasets[0].groups[0].may_leave


def test_the_first_fate_of_a_person_is_the_one_nearest_to_being_delivered() -> None:
    assert list(RowFate) == ["expected", "stop and ask", "withheld", "on hold", "filtered"]
