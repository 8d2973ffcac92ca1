"""The policy statement: every rule gives a finding for every request, and each rule can be kept and broken."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from extracts.agreement.assessment import Assessment, Question, assessment_from_document
from extracts.agreement.policy import assess, parse_policy, reassess
from extracts.agreement.policy_case import Case, Needs
from extracts.agreement.policy_checks import CHECKS
from extracts.agreement.request import Request
from extracts.catalogue.contract import Dataset, Identifiability
from extracts.catalogue.gateways import GatewayStatus
from extracts.catalogue.parties import Parties, RecipientStatus
from extracts.documents import Document, read
from extracts.errors import InvalidDocument
from tests.support.builders import (
    BENEFIT_CAP,
    CHILD_PAYMENT,
    EXAMPLES,
    REFUSED,
    STATISTICS,
    TODAY,
    a_request,
    a_request_document,
    an_assessment,
    removed,
    the_datasets,
    the_parties,
    the_policy,
)

RULES = {rule.id: rule for rule in the_policy().rules}
SPECIAL = {"name": "carer_addition", "treatment": "keep", "justification": "Carers get another amount of money."}
WITH_SPECIAL = {"datasets.0.columns.7": SPECIAL, "data_types": ["personal", "special category"]}
WITH_G = {**WITH_SPECIAL, "legal.article_9": "9(2)(g)", "legal.appropriate_policy_document": "APD-1"}
POSTCODE = {"name": "postcode", "treatment": "postcode_district", "justification": "Rural areas are served by post."}
NOT_FIFE = {"column": "council_code", "not": {"equals": "S12000047"}}
ADDRESS = "Letters cannot be sent without knowing where people live."


def findings(request: Request, rule: str, **changes: Any) -> list[tuple[str, str]]:
    """(outcome, message) of a rule; `datasets`, `parties` and `today` can be changed."""
    found = _assess(request, **changes)
    return [(f.outcome.value, f.message) for f in found.findings if f.rule == rule]


def _assess(request: Request, **changes: Any) -> Assessment:
    against = {"datasets": the_datasets(), "parties": the_parties(), "policy": the_policy(), "today": TODAY} | changes
    return assess(request, **against)


def with_gateway(gateway: str = "scotland-act-2016-s34", **changes: Any) -> Parties:
    parties = the_parties()
    changed = parties.gateways[gateway].model_copy(update=changes)
    return replace(parties, gateways={**parties.gateways, gateway: changed})


# --- the samples ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", [STATISTICS, BENEFIT_CAP, CHILD_PAYMENT])
def test_the_good_samples_pass_every_rule(sample: str) -> None:
    assessment = an_assessment(a_request(sample))
    assert assessment.passed, assessment.as_text()


@pytest.mark.parametrize("today", [date(2026, 1, 15), date(2027, 6, 1), date(2028, 12, 30)])
def test_the_good_samples_pass_for_a_good_while(today: date) -> None:
    assert all(an_assessment(a_request(s), today).passed for s in (STATISTICS, BENEFIT_CAP, CHILD_PAYMENT))


def test_bank_details_and_full_addresses_for_statistics_are_refused() -> None:
    assessment = an_assessment(a_request(REFUSED))
    broken = {f.rule for f in assessment.violations}
    assert {"L6", "N3", "N5", "N6", "N7", "N8", "R1", "R3"} == broken
    assert not assessment.passed
    accounts = next(f for f in assessment.violations if f.rule == "N5")
    assert accounts.columns == ("pension_credit_award.account_number", "pension_credit_award.sort_code")


@pytest.mark.parametrize("sample", [STATISTICS, BENEFIT_CAP, CHILD_PAYMENT, REFUSED])
def test_every_rule_gives_a_finding_for_every_request(sample: str) -> None:
    assessment = an_assessment(a_request(sample))
    assert {f.rule for f in assessment.findings} == set(RULES)
    assert all(f.message and f.clause for f in assessment.findings)
    assert all(f.fix for f in (*assessment.violations, *assessment.gaps))


def test_all_five_questions_are_asked_and_every_predicate_is_used() -> None:
    assert {rule.question for rule in RULES.values()} == set(Question)
    assert {rule.check for rule in RULES.values()} == set(CHECKS)


# --- each rule, broken ----------------------------------------------------------------------------------------------

BROKEN: list[tuple[str, str, dict[str, Any], str, str]] = [
    (
        "L1",
        STATISTICS,
        {"legal.gateway": "no-such-act"},
        "gap",
        "'no-such-act' is not declared; declared:",
    ),
    ("L1", STATISTICS, {"legal.gateway": "digital-economy-act-2017-s35"}, "gap", "nobody has confirmed it"),
    ("L1", STATISTICS, {"legal.gateway": "social-security-administration-act-1992-s123"}, "violation", "no power"),
    ("L2", STATISTICS, {"purpose.code": "blue-badge"}, "violation", "does not permit blue-badge; it permits:"),
    ("L2", STATISTICS, {"purpose.code": "marketing"}, "gap", "'marketing' is not declared"),
    ("L2", BENEFIT_CAP, {"purpose.code": "domestic-abuse-safeguarding"}, "violation", "do not name domestic-abuse"),
    ("L2", CHILD_PAYMENT, {"purpose.code": "domestic-abuse-safeguarding"}, "violation", "must not be used"),
    ("L3", BENEFIT_CAP, {"legal.gateway": "scotland-act-2016-s34"}, "violation", "to Fife Council (council)"),
    (
        "L3",
        BENEFIT_CAP,
        {"legal.gateway": "welfare-reform-act-2012-s130"},
        "violation",
        "permits benefit-cap-support not",
    ),
    ("L3", STATISTICS, {"legal.gateway": "social-security-scotland-act-2018-s85"}, "violation", "permits"),
    ("L3", BENEFIT_CAP, {"legal.gateway": "common-law-public-interest"}, "violation", "one named person"),
    ("L3", STATISTICS, {"recipient": "nobody"}, "gap", "'nobody' is not declared"),
    ("L4", STATISTICS, {"recipient": "nobody"}, "gap", "'nobody' is not declared; declared: social-security"),
    ("L4", BENEFIT_CAP, {"recipient": "glasgow-city-council"}, "violation", "is suspended"),
    ("L4", STATISTICS, {"transfer.key_fingerprint": "SHA256:other"}, "gap", "key that the request expects"),
    ("L5", STATISTICS, {"other_recipients": ["A university"]}, "violation", "needs the authority of the Secretary"),
    ("L5", BENEFIT_CAP, {"onward_sharing.asked": True, "onward_sharing.authority_ref": "A1"}, "violation", "forbids"),
    ("L6", STATISTICS, {"legal.article_6": "6(1)(ea)"}, "violation", "not open to public authorities"),
    ("L6", STATISTICS, {"legal.article_6": "6(1)(d)"}, "violation", "does not go with"),
    ("L7", STATISTICS, {"datasets.0.columns.7": SPECIAL}, "violation", "data_types does not say so"),
    ("L7", STATISTICS, WITH_SPECIAL, "violation", "no article 9 condition"),
    ("L7", STATISTICS, {**WITH_SPECIAL, "legal.article_9": "9(2)(a)"}, "violation", "does not go with"),
    ("L8", STATISTICS, WITH_G, "violation", "needs a paragraph of Schedule 1"),
    ("L8", STATISTICS, {**WITH_G, "legal.schedule_1_paragraph": 2}, "violation", "names paragraph 2"),
    (
        "L9",
        STATISTICS,
        {**WITH_G, "legal.schedule_1_paragraph": 6, "legal.appropriate_policy_document": ""},
        "violation",
        "needs an appropriate policy document",
    ),
    ("L10", STATISTICS, {"legal.part_3_applies": True}, "violation", "case by case"),
    ("L10", STATISTICS, {"data_types": ["criminal offence"]}, "violation", "criminal offence"),
    ("L11", STATISTICS, {"leaves_uk": True}, "violation", "no country is named"),
    ("L11", STATISTICS, {"leaves_uk": True, "countries": ["Ireland"]}, "violation", "Ireland"),
    ("P1", STATISTICS, {"purpose.necessity": "We need it."}, "violation", "purpose.necessity says too little"),
    ("P1", STATISTICS, {"purpose.public_benefits": []}, "violation", "no public benefit"),
    ("P2", STATISTICS, {"data_subjects": "Claimants"}, "violation", "too little"),
    ("P3", STATISTICS, {"controllers": [{"organisation": "dwp", "role": "independent"}]}, "violation", "not named"),
    ("P3", STATISTICS, {"controllers.1.role": "processor"}, "violation", "both bodies are controllers"),
    ("P3", STATISTICS, {"controllers.2": {"organisation": "acme", "role": "joint"}}, "gap", "'acme' is not declared"),
    ("P4", STATISTICS, {"requester.organisation": "acme"}, "gap", "'acme' is not declared"),
    ("P4", STATISTICS, {"requester.email": "stranger@scotgov.example"}, "gap", "not declared as a requester"),
    ("P4", STATISTICS, {"requester.email": "board.chair@dwp.example"}, "gap", "not declared as a requester"),
    ("P4", STATISTICS, {"recipient": "fife-council"}, "violation", "to be sent to fife-council"),
    (
        "N1",
        STATISTICS,
        {"datasets.0.columns.0.name": "shoe_size"},
        "gap",
        "not held: pension_credit_award declares no shoe",
    ),
    ("N2", STATISTICS, {"datasets.0.columns.0.justification": "Needed."}, "violation", "fewer than 4 words"),
    (
        "N2",
        STATISTICS,
        {f"datasets.0.columns.{n}.justification": "It is needed for this." for n in range(3)},
        "violation",
        "copied from column to column",
    ),
    ("N3", STATISTICS, {"datasets.0.columns.0.treatment": "keep"}, "violation", "held, but not in that form (keep,"),
    ("N3", STATISTICS, {"datasets.0.columns.1.treatment": "keep"}, "violation", "treat it by year or age_band"),
    ("N3", STATISTICS, {"datasets.0.columns.0.name": "surname"}, "violation", "it cannot be had pseudonymised"),
    ("N3", STATISTICS, {"datasets.0.columns.0.name": "sort_code"}, "violation", "held, and not shareable"),
    ("N3", STATISTICS, {"datasets.0.columns.0.name": "restricted"}, "violation", "control is never delivered"),
    ("N4", BENEFIT_CAP, {"datasets.0.columns.0.name": "journal_note"}, "violation", "free text is never shared"),
    ("N4", BENEFIT_CAP, {"datasets.0.rows.0.column": "journal_note"}, "violation", "free text is never shared"),
    ("N5", STATISTICS, {"datasets.0.columns.0.name": "account_number"}, "violation", "bank details are not shared"),
    ("N5", STATISTICS, {"datasets.0.rows": [{"column": "sort_code", "equals": "1"}]}, "violation", "bank details"),
    ("N6", BENEFIT_CAP, {"datasets.0.address_reason": ""}, "violation", "no sufficient address_reason"),
    ("N6", STATISTICS, {"datasets.0.columns.7": POSTCODE}, "violation", "no sufficient address_reason"),
    ("N7", BENEFIT_CAP, {"datasets.0.safe_address": removed}, "violation", "people with a safe address"),
    ("N7", STATISTICS, {"datasets.0.columns.7": POSTCODE}, "violation", "people with a safe address"),
    ("N8", STATISTICS, {"identifiability": "identified"}, "violation", "must not name people"),
    (
        "N9",
        STATISTICS,
        {"datasets.0.rows": [{"column": "shoe_size", "equals": 9}]},
        "gap",
        "declares no shoe_size to choose rows by; these it has: date_of_birth",
    ),
    ("N9", STATISTICS, {"datasets.0.rows": [{"column": "nino", "equals": "x"}]}, "violation", "names or locates"),
    ("N9", STATISTICS, {"datasets.0.rows": [{"column": "postcode", "equals": "x"}]}, "violation", "names or locates"),
    ("N9", STATISTICS, {"datasets.0.rows": [{"column": "restricted", "equals": True}]}, "violation", "left out"),
    ("N9", STATISTICS, {"datasets.0.rows": [{"column": "sex", "after": "F"}]}, "violation", "it has no after"),
    (
        "N10",
        BENEFIT_CAP,
        {"datasets.0.rows.0": {"column": "children", "after": 2}},
        "violation",
        "not limited to S12000047",
    ),
    ("N10", BENEFIT_CAP, {"datasets.0.rows.0.equals": "S12000049"}, "violation", "not limited to S12000047"),
    (
        "N10",
        BENEFIT_CAP,
        {"datasets.0.rows.0": {"column": "council_code", "not": {"equals": "S12000047"}}},
        "violation",
        "not",
    ),
    ("N10", BENEFIT_CAP, {"territory": ["S92000003"]}, "violation", "not responsible for S92000003"),
    ("N10", STATISTICS, {"territory": ["E06000001"]}, "violation", "not responsible for E06000001"),
    ("N11", STATISTICS, {"limits.k": 9}, "violation", "k is 9"),
    ("N11", STATISTICS, {"limits.max_withheld_percent": 0}, "violation", "needs max_withheld_percent"),
    ("N11", STATISTICS, {"limits.max_withheld_percent": 26}, "violation", "1 to 25"),
    ("N12", STATISTICS, {"limits.max_rows": 5_000_001}, "violation", "more than 5000000"),
    ("N12", STATISTICS, {"limits.max_deliveries": 100}, "violation", "the schedule needs 12"),
    ("N12", STATISTICS, {"limits.min_rows": 2_000_000}, "violation", "min_rows is more than max_rows"),
    ("N13", STATISTICS, {"schedule.end_on": "2036-01-01"}, "violation", "lasts longer"),
    ("N13", STATISTICS, {"schedule.review_on": "2028-12-01"}, "violation", "reviewed later"),
    ("N14", STATISTICS, {"reidentification_prohibited": False}, "violation", "not prohibited"),
    ("N14", STATISTICS, {"linkage.planned": True}, "violation", "does not say which"),
    ("R1", STATISTICS, {"dpia.status": "in progress"}, "violation", "in progress"),
    ("R1", STATISTICS, {"dpia.status": "not needed"}, "violation", "no view of the data protection officer"),
    ("R1", STATISTICS, {"dpia.ref": ""}, "violation", "lacks its reference"),
    ("R1", STATISTICS, {"dpia.review_by": "2026-11-22"}, "violation", "and not on 2026-11-23"),
    ("R1", STATISTICS, {"dpia.completed_on": "2026-11-24"}, "violation", "and not on 2026-11-23"),
    ("R2", STATISTICS, {"privacy_notice_ref": "https://www.scotgov.example/TODO"}, "violation", "placeholder"),
    ("R3", STATISTICS, {"retention.days": 1101}, "violation", "may be kept for 1100"),
    ("R3", BENEFIT_CAP, {"retention.days": 401}, "violation", "may be kept for 400"),
    ("R3", STATISTICS, {"retention.evidence_due_days": 61}, "violation", "later than 60 days"),
    ("R4", STATISTICS, {"security_assurance.expires_on": "2026-11-22"}, "violation", "expired on 2026-11-22"),
    ("R4", STATISTICS, {"security_assurance.scheme": "Trust us"}, "gap", "'Trust us' is not one of"),
    ("R5", STATISTICS, {"rights.arrangements": "By e-mail."}, "violation", "too little"),
    (
        "R6",
        STATISTICS,
        {"reviews": {"security": {"by": "A. Reviewer", "on": "2026-01-20", "outcome": "objects"}}},
        "violation",
        "the security review objects",
    ),
    (
        "R6",
        STATISTICS,
        {"reviews.legal.on": "2026-11-24"},
        "violation",
        "the legal review is dated 2026-11-24, which is yet to come",
    ),
    ("R6", STATISTICS, {"reviews": removed}, "gap", "there is no data protection review yet"),
    ("R6", BENEFIT_CAP, {"reviews.security": removed}, "gap", "there is no security review yet"),
    (
        "S1",
        STATISTICS,
        {"datasets.0.dataset": "pip_award"},
        "gap",
        "not held: no dataset 'pip_award' is declared; declared",
    ),
    ("S2", STATISTICS, {"datasets.0.used_for": "Earnings"}, "violation", "not authoritative for earnings: ask HMRC"),
    ("S2", STATISTICS, {"datasets.0.used_for": "shoe sizes"}, "gap", "it is for: pension credit awards"),
    (
        "S3",
        STATISTICS,
        {"quality.freshness_max_age_hours": 24},
        "violation",
        "promises data at most 36 hours old, and 24",
    ),
]


@pytest.mark.parametrize(("rule", "sample", "changes", "outcome", "message"), BROKEN)
def test_a_rule_finds_what_breaks_it(
    rule: str, sample: str, changes: dict[str, Any], outcome: str, message: str
) -> None:
    found = findings(a_request(sample, changes), rule)
    assert any(o == outcome and message in m for o, m in found), found


def test_every_rule_is_broken_by_some_test() -> None:
    by_other_tests = {"R7", "S4"}
    assert {rule for rule, *_ in BROKEN} | by_other_tests == set(RULES)


def test_people_must_be_able_to_be_left_out_of_a_source() -> None:
    datasets = the_datasets()
    blind = {**datasets, "pension_credit_award": replace(datasets["pension_credit_award"], restricted_column="")}
    assert findings(a_request(), "R7", datasets=blind)[0][0] == "gap"
    assert findings(a_request(), "R7")[0][0] == "pass"


def test_one_delivery_does_not_mix_the_present_with_a_past_period() -> None:
    columns = [{"name": "claim_id", "treatment": "pseudonymise", "justification": "Tells claims apart from others."}]
    both = {"datasets.1": {"dataset": "benefit_cap", "used_for": "benefit cap", "columns": columns}}
    assert findings(a_request(changes=both), "S4")[0][0] == "violation"


def test_a_gateway_that_is_not_in_force_today_carries_nothing() -> None:
    assert findings(a_request(), "L1", parties=with_gateway(valid_until=TODAY))[0][0] == "pass"
    ended = with_gateway(valid_until=date(2026, 11, 22))
    assert findings(a_request(), "L1", parties=ended)[0] == (
        "violation",
        "scotland-act-2016-s34 is not in force on 2026-11-23",
    )
    unsure = with_gateway(status=GatewayStatus.UNVERIFIED)
    assert findings(a_request(), "L1", parties=unsure)[0][0] == "gap"


def test_a_recipient_is_confirmed_again_from_time_to_time() -> None:
    assert findings(a_request(), "L4", today=date(2029, 1, 9))[0][0] == "pass"
    assert findings(a_request(), "L4", today=date(2029, 1, 10))[0][0] == "violation"
    assert findings(a_request(), "L4", today=date(2026, 1, 4))[0][0] == "violation"


def test_onward_sharing_with_the_authority_that_the_gateway_asks_for_is_permitted() -> None:
    changes = {"onward_sharing.asked": True, "onward_sharing.authority_ref": "Letter of 2 March 2026"}
    assert findings(a_request(changes=changes), "L5") == [("pass", "passing on rests on Letter of 2 March 2026")]


def test_special_category_data_with_all_its_conditions_is_permitted() -> None:
    request = a_request(changes={**WITH_G, "legal.schedule_1_paragraph": 6})
    assert all(findings(request, rule)[0][0] == "pass" for rule in ("L7", "L8", "L9"))


def test_choosing_rows_by_special_category_data_needs_its_condition_too() -> None:
    rows = {"datasets.0.rows": [{"column": "carer_addition", "equals": True}]}
    assert findings(a_request(changes=rows), "L7")[0][0] == "violation"


def covering(*codes: str) -> dict[str, Dataset]:
    return {**the_datasets(), "pension_credit_award": replace(the_datasets()["pension_credit_award"], coverage=codes)}


@pytest.mark.parametrize("coverage", [(), ("S92000003", "E92000001")])
def test_a_whole_country_is_no_licence_for_rows_of_a_source_that_covers_more(coverage: tuple[str, ...]) -> None:
    found = findings(a_request(), "N10", datasets=covering(*coverage))
    assert found[0][0] == "violation"
    assert "not limited to S92000003" in found[0][1]


def test_a_source_that_covers_more_is_kept_to_a_country_by_its_councils() -> None:
    councils = {"datasets.0.rows": [{"column": "council_code", "in": ["S12000047", "S12000049"]}]}
    datasets = covering("S92000003", "E92000001")
    assert findings(a_request(changes=councils), "N10", datasets=datasets)[0][0] == "pass"
    abroad = {"datasets.0.rows": [{"column": "council_code", "in": ["S12000047", "E06000001"]}]}
    assert findings(a_request(changes=abroad), "N10", datasets=datasets)[0][0] == "violation"


def test_a_source_within_the_territory_needs_no_condition() -> None:
    assert findings(a_request(), "N10", datasets=covering("S12000047"))[0][0] == "pass"


def test_a_mark_of_presence_tells_no_address() -> None:
    present = {"name": "address", "treatment": "present", "justification": "Counts people without any address."}
    assert findings(a_request(changes={"datasets.0.columns.7": present}), "N6")[0][0] == "pass"


def test_a_coarse_part_of_an_address_needs_a_reason_and_a_plan_for_safe_addresses() -> None:
    with_reason = {
        "datasets.0.columns.7": POSTCODE,
        "datasets.0.address_reason": ADDRESS,
        "datasets.0.safe_address": "withhold rows",
    }
    assert [findings(a_request(changes=with_reason), r)[0][0] for r in ("N6", "N7")] == ["pass", "pass"]


def test_what_the_fixes_of_addresses_and_bank_details_say_is_so() -> None:
    bank = {"name": "sort_code", "treatment": "present", "justification": "Counts people without an account."}
    assert findings(a_request(changes={"datasets.0.columns.7": bank}), "N5")[0][0] == "violation"
    assert "not even a mark of presence" in RULES["N5"].fix
    assert findings(a_request(changes={"datasets.0.columns.7": POSTCODE}), "N6")[0][0] == "violation"
    assert "also with its reason" in RULES["N6"].fix


def test_an_assessment_without_a_dpia_rests_on_the_officers_view() -> None:
    view = {"dpia.status": "not needed", "dpia.officer_view": "No new processing; covered by DPIA-SG-2024-001 in full."}
    assert findings(a_request(changes=view), "R1")[0][0] == "pass"


def test_a_rule_that_does_not_apply_passes_and_says_why() -> None:
    (found,) = findings(a_request(), "N5")
    assert found == ("pass", "Does not apply: no bank details")


# --- the result -----------------------------------------------------------------------------------------------------


def test_the_assessment_is_bound_by_its_digest_and_reads_back() -> None:
    assessment = an_assessment()
    assert assessment_from_document(json.loads(json.dumps(assessment.document()))) == assessment
    assert an_assessment().digest == assessment.digest
    assert an_assessment(today=date(2026, 11, 24)).digest != assessment.digest
    assert an_assessment(a_request(changes={"note": "x"})).digest != assessment.digest


def test_the_assessment_prints_what_fails_first_with_its_fix() -> None:
    text = an_assessment(a_request(REFUSED)).as_text()
    assert "10 violations, 3 gaps" in text
    proportionate = text[text.index("Proportionate?") : text.index("Rights protected?")]
    assert proportionate.index("VIOLATION N3") < proportionate.index("pass      N1")
    assert "What to do: Drop the columns" in proportionate
    assert "Columns: pension_credit_award.account_number, pension_credit_award.sort_code" in proportionate


def test_an_unknown_dataset_passes_nothing_by_being_unknown() -> None:
    assessment = an_assessment(a_request(changes={"datasets.0.dataset": "pip_award"}))
    gaps = {f.rule for f in assessment.gaps}
    columns, sources = {"L7", "N1", "N3", "N4", "N5", "N6", "N7"}, {"L3", "P3", "N9", "N10", "R7"}
    assert gaps == {*columns, *sources, "S1", "S2", "S3", "S4"}


def test_no_predicate_that_reads_contracts_passes_over_a_dataset_without_one() -> None:
    case = Case(a_request(changes={"datasets.0.dataset": "pip_award"}), _Unread(), the_parties(), TODAY)
    for rule in RULES.values():
        check = CHECKS[rule.check]
        if check.needs is Needs.NOTHING and rule.check not in ("columns_declared", "datasets_declared"):
            check.judge(case, rule.parameters)


class _Unread(dict[str, Dataset]):
    """Datasets that complain when a predicate which does not say that it needs them looks one up."""

    def __contains__(self, name: object) -> bool:
        raise AssertionError("reads contracts and does not say so")


def test_the_gap_of_what_is_not_declared_says_what_to_do() -> None:
    assessment = an_assessment(a_request(changes={"datasets.0.dataset": "pip_award"}))
    (found,) = (f for f in assessment.gaps if f.rule == "S3")
    assert found.message == "cannot be judged for what is not declared: pip_award"
    assert "ask the data engineer" in found.fix


def test_a_failed_rule_keeps_its_violations_beside_what_it_cannot_judge() -> None:
    second = {**a_request_document().value["datasets"][0], "dataset": "pip_award"}
    changes = {"datasets.0.columns.0.treatment": "keep", "datasets.1": second}
    assert [outcome for outcome, _ in findings(a_request(changes=changes), "N3")] == ["violation", "gap"]


def test_identified_special_categories_of_findings_are_told_apart() -> None:
    unknown = an_assessment(a_request(changes={"datasets.0.columns.0.name": "shoe_size"}))
    assert not unknown.violations
    assert {f.rule for f in unknown.gaps} == {"L7", "N1", "N3", "N4", "N5", "N6", "N7"}
    assert a_request().identifiability is Identifiability.PSEUDONYMISED


# --- the statement itself -------------------------------------------------------------------------------------------


def policy_with(**changes: Any) -> Document:
    found = read(EXAMPLES / "governance" / "policy.yaml")
    rule = {**found.value["rules"][0], **changes}
    return Document(found.source, {**found.value, "rules": [rule, *found.value["rules"][1:]]}, found.lines)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"check": "looks_fine"}, "no predicate is called 'looks_fine'"),
        ({"parameters": {"days": 1}}, "needs other parameters"),
        ({"check": "recipient_confirmed"}, "needs other parameters"),
        ({"check": "recipient_confirmed", "parameters": {"max_days": "many"}}, "must be a whole number"),
        ({"check": "recipient_confirmed", "parameters": {"max_days": True}}, "must be a whole number"),
        ({"id": "L2"}, "two rules are called 'L2'"),
        ({"question": "profitable"}, "is not one of the words"),
        ({"fix": ""}, "is empty"),
    ],
)
def test_a_statement_with_a_rule_that_could_not_judge_is_invalid(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidDocument, match=message) as caught:
        parse_policy(policy_with(**changes))
    assert caught.value.problems[0].line is not None or "two rules" in message


def test_a_statement_without_rules_is_invalid_and_an_assessment_without_findings_does_not_pass() -> None:
    found = read(EXAMPLES / "governance" / "policy.yaml")
    with pytest.raises(InvalidDocument, match="needs at least 1"):
        parse_policy(Document(found.source, {**found.value, "rules": []}, found.lines))
    assert not replace(an_assessment(), findings=()).passed


# --- a new version --------------------------------------------------------------------------------------------------


def a_stricter_policy(immediate: bool) -> Any:
    rules = []
    for rule in the_policy().rules:
        if rule.check == "retention_limited":
            limits = {"max_days": {"identified": 400, "pseudonymised": 365}, "evidence_days": 60}
            rules.append(rule.model_copy(update={"parameters": limits, "immediate": immediate}))
        else:
            rules.append(rule)
    return the_policy().model_copy(update={"version": "2027-01", "rules": tuple(rules)})


@pytest.mark.parametrize("immediate", [True, False])
def test_a_new_version_lists_running_agreements_and_stops_them_only_by_immediate_rules(immediate: bool) -> None:
    running = [a_request(STATISTICS), a_request(BENEFIT_CAP)]
    result = reassess(running, the_datasets(), the_parties(), a_stricter_policy(immediate), TODAY)
    concerned = result.to_stop if immediate else result.to_review
    assert [a.request_id for a in concerned] == ["SDDSB-2026-027"]
    assert (result.to_review if immediate else result.to_stop) == ()
    assert concerned[0].policy_version == "2027-01"


def test_the_same_version_finds_nothing_in_running_agreements() -> None:
    result = reassess([a_request(), a_request(CHILD_PAYMENT)], the_datasets(), the_parties(), the_policy(), TODAY)
    assert (result.to_stop, result.to_review) == ((), ())


def test_a_recipient_that_is_suspended_stops_its_agreements_at_once() -> None:
    parties = the_parties()
    suspended = parties.recipients["fife-council"].model_copy(update={"status": RecipientStatus.SUSPENDED})
    changed = replace(parties, recipients={**parties.recipients, "fife-council": suspended})
    result = reassess([a_request(BENEFIT_CAP)], the_datasets(), changed, the_policy(), TODAY)
    assert [a.request_id for a in result.to_stop] == ["SDDSB-2026-021"]
