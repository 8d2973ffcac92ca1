"""The counter-offer: the smaller request that would pass, beside the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from extracts.agreement.changes import Governance
from extracts.agreement.coarsening import Counted
from extracts.agreement.counter_offer import (
    CounterOffer,
    counter_offer,
    counter_offer_from_document,
    groupings_wanted,
)
from extracts.agreement.mending import mend
from extracts.agreement.planning import make_plan
from extracts.agreement.policy import Policy
from extracts.agreement.request import Request
from extracts.agreement.source_counts import GroupCount, Grouping
from tests.support.builders import (
    BENEFIT_CAP,
    CHILD_PAYMENT,
    REFUSED,
    STATISTICS,
    TODAY,
    a_request,
    an_assessment,
    the_datasets,
    the_parties,
    the_policy,
)

STOP = {"limits.small_cells": "stop", "limits.max_withheld_percent": 0}


def an_offer(request: Request, counts: Mapping[str, Counted] | None = None) -> CounterOffer | None:
    return counter_offer(request, the_datasets(), the_policy(), the_parties(), counts or {}, TODAY)


def offered(request: Request, counts: Mapping[str, Counted] | None = None) -> dict[str, tuple[str, str]]:
    """subject -> (asked, offered); the offer passes the policy and makes its plan."""
    found = an_offer(request, counts)
    assert found is not None
    again = found.offered()
    assessment = an_assessment(again)
    assert assessment.passed
    assert make_plan(again, the_datasets(), the_parties(), assessment).digest == found.plan_digest
    assert all(c.why and c.clause for c in found.changes)
    return {c.subject.replace("pension_credit_award.", ""): (c.asked, c.offered) for c in found.changes}


def asked(name: str, treatment: Any = "keep") -> dict[str, Any]:
    return {"name": name, "treatment": treatment, "justification": f"The purpose cannot be met without {name}."}


# --- what the policy stops --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"datasets.0.columns.7": asked("account_number")}, {"account_number": ("keep", "left out")}),
        ({"datasets.0.columns.7": asked("shoe_size")}, {"shoe_size": ("keep", "left out")}),
        ({"datasets.0.columns.7": asked("surname")}, {"surname": ("keep", "left out")}),
        ({"datasets.0.columns.0.treatment": "keep"}, {"nino": ("keep", "pseudonymise")}),
        ({"datasets.0.columns.1.treatment": "keep"}, {"date_of_birth": ("keep", "year")}),
        ({"datasets.0.columns.5.treatment": "keep"}, {"weekly_award": ("keep", "round 10")}),
        ({"datasets.0.columns.6.treatment": "keep"}, {"started_on": ("keep", "month")}),
        ({"limits.k": 5}, {"k": ("5", "10")}),
        ({"limits.max_withheld_percent": 60}, {"max_withheld_percent": ("60", "25")}),
        ({"limits.max_rows": 9_000_000}, {"max_rows": ("9000000", "5000000")}),
        ({"retention.days": 4000}, {"retention in days": ("4000", "1100")}),
        (
            {"identifiability": "identified", "retention.days": 400},
            {"identifiability": ("identified", "pseudonymised")},
        ),
        (
            {
                "datasets.0.columns.7": asked("postcode", "postcode_sector"),
                "datasets.0.address_reason": "Rural areas without a bank are served by a van, whose route is planned.",
            },
            {"people of pension_credit_award": ("all", "without people whose address must stay hidden")},
        ),
        ({"datasets.0.columns.7": asked("postcode", "postcode_sector")}, {"postcode": ("postcode_sector", "left out")}),
    ],
)
def test_what_is_too_much_is_made_coarser_or_left_out_and_nothing_else_changes(
    changes: dict[str, Any], difference: dict[str, tuple[str, str]]
) -> None:
    found = offered(a_request(STATISTICS, changes))
    if "identifiability" in difference:
        found = {"identifiability": found["identifiability"]}
    assert found == difference


def test_rows_beyond_the_territory_are_limited_to_it() -> None:
    request = a_request(BENEFIT_CAP, {"datasets.0.rows": [{"column": "cap_reduction", "after": 0}]})
    assert offered(request) == {"rows of benefit_cap": ("all", "only council_code S12000047")}


def test_several_faults_are_met_by_one_offer() -> None:
    mended = {"dpia": _DPIA, "reviews": _REVIEWS, "legal.article_6": "6(1)(e)", "limits.max_withheld_percent": 20}
    request = a_request(REFUSED, mended)
    assert offered(request) == {
        "identifiability": ("identified", "pseudonymised"),
        "retention in days": ("3650", "1100"),
        "nino": ("keep", "pseudonymise"),
        "surname": ("keep", "left out"),
        "address": ("keep", "left out"),
        "postcode": ("keep", "left out"),
        "sort_code": ("keep", "left out"),
        "account_number": ("keep", "left out"),
        "weekly_award": ("keep", "round 10"),
    }


_DPIA = {
    "status": "completed",
    "ref": "DPIA-SG-2026-003",
    "outcome": "Accepted",
    "completed_on": "2026-01-10",
    "review_by": "2029-06-30",
}

_REVIEWS = {
    name: {"by": "Rowan Reviewer", "on": "2026-01-12", "outcome": "supports"}
    for name in ("legal", "data_protection", "security")
}


@pytest.mark.parametrize(
    "changes",
    [
        {"dpia.status": "in progress"},
        {"legal.gateway": "no-such-gateway"},
        {"recipient": "nobody-known"},
        {"datasets.0.columns": [asked("account_number"), asked("sort_code")]},
        {"datasets.0.rows": [{"column": "nino", "equals": "QQ123456C"}]},
    ],
)
def test_what_asking_for_less_cannot_mend_gets_no_offer(changes: dict[str, Any]) -> None:
    assert an_offer(a_request(STATISTICS, changes)) is None


@pytest.mark.parametrize("sample", [STATISTICS, BENEFIT_CAP, CHILD_PAYMENT])
def test_what_passes_needs_no_offer(sample: str) -> None:
    assert an_offer(a_request(sample)) is None


def test_an_offer_is_the_next_version_and_the_same_every_time() -> None:
    request = a_request(STATISTICS, {"datasets.0.columns.1.treatment": "keep"})
    found = an_offer(request)
    assert found is not None
    assert (found.version, found.offered_version, found.offered().version) == (1, 2, 2)
    assert found.request_digest == request.digest
    assert found.offered_digest == found.offered().digest
    assert found == an_offer(request)
    assert counter_offer_from_document(found.document()) == found


def test_a_policy_with_other_clauses_is_quoted_with_them() -> None:
    rules = tuple(
        r.model_copy(update={"clause": "Our own clause"}) if r.check == "treatments_allowed" else r
        for r in the_policy().rules
    )
    policy: Policy = the_policy().model_copy(update={"rules": rules})
    request = a_request(STATISTICS, {"datasets.0.columns.1.treatment": "keep"})
    found = counter_offer(request, the_datasets(), policy, the_parties(), {}, TODAY)
    assert found is not None
    assert [c.clause for c in found.changes] == ["Our own clause"]


# --- what groups of people stop ---------------------------------------------------------------------------------------

Rule = Callable[[dict[str, str]], int]
"""Rows in groups below k, for the treatments by column."""


def counted(request: Request, rule: Rule) -> dict[str, dict[Grouping, GroupCount]]:
    """Counts as the source would give them, one question after another, until nothing more is wanted."""
    found: dict[str, dict[Grouping, GroupCount]] = {}
    mended = mend(request, Governance(the_datasets(), the_parties(), the_policy(), TODAY)).request
    while wanted := groupings_wanted(mended, the_datasets(), found):
        for dataset, groupings in wanted.items():
            found.setdefault(dataset, {}).update({by: _count(by, rule) for by in groupings})
    return found


def _count(by: Grouping, rule: Rule) -> GroupCount:
    below = rule({g.column: str(g.step) for g in by})
    return GroupCount(3 if below else 40, int(below > 0), below, below, 1000)


@pytest.mark.parametrize(
    ("rule", "difference"),
    [
        (lambda by: 0, {}),
        (lambda by: 30 * (by.get("date_of_birth") == "age_band 10"), {"date_of_birth": ("age_band 10", "age_band 20")}),
        (lambda by: 30 * ("sex" in by), {"sex": ("keep", "left out")}),
        (
            lambda by: 30 * (by.get("date_of_birth") == "age_band 10") + 10 * ("council_code" in by),
            {"date_of_birth": ("age_band 10", "age_band 20"), "council_code": ("council", "left out")},
        ),
        (
            lambda by: 30,
            {
                "date_of_birth": ("age_band 10", "left out"),
                "sex": ("keep", "left out"),
                "council_code": ("council", "left out"),
            },
        ),
    ],
)
def test_people_who_look_alike_are_made_more_by_the_fewest_steps(
    rule: Rule, difference: dict[str, tuple[str, str]]
) -> None:
    request = a_request(STATISTICS, STOP)
    counts = counted(request, rule)
    found = an_offer(request, counts)
    changes = found.changes if found else ()
    assert {c.subject.removeprefix("pension_credit_award."): (c.asked, c.offered) for c in changes} == difference


def test_coarser_is_tried_before_a_column_is_lost_and_withholding_up_to_a_share_is_enough() -> None:
    request = a_request(STATISTICS, {"limits.small_cells": "withhold", "limits.max_withheld_percent": 2})
    assert an_offer(request, counted(request, lambda by: 20)) is None  # 2 % may be withheld
    either = counted(request, lambda by: 30 * (by.get("date_of_birth") == "age_band 10" and "sex" in by))
    assert offered(request, either) == {"date_of_birth": ("age_band 10", "age_band 20")}


def test_both_kinds_of_fault_give_one_difference_per_column() -> None:
    request = a_request(STATISTICS, {**STOP, "datasets.0.columns.1.treatment": "keep"})
    counts = counted(request, lambda by: 30 * (by.get("date_of_birth") in ("year", "age_band 5")))
    assert offered(request, counts) == {"date_of_birth": ("keep", "age_band 10")}


def test_an_offer_says_when_nobody_counted_the_groups() -> None:
    request = a_request(STATISTICS, {"datasets.0.columns.1.treatment": "keep"})
    blind, seen = an_offer(request), an_offer(request, counted(request, lambda by: 0))
    assert blind is not None
    assert seen is not None
    assert (blind.groups_counted, seen.groups_counted) == (False, True)
