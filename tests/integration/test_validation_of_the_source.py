"""The source suites on the sample source, asked as the agreement's own role: what holds, what stops, what is unseen.

A source that breaks its promise is the agreement's view with one column replaced.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from extracts.agreement.plan import ExtractPlan, Period, PlannedDataset
from extracts.agreement.planning import make_plan
from extracts.agreement.policy import assess
from extracts.catalogue.contract import Dataset, QualityRule
from extracts.catalogue.odcs import load_datasets
from extracts.errors import CheckFailed, InvalidDocument, SourceLate, SourceUnreachable
from extracts.extraction.engine import EngineSettings, Keys, Part, build
from extracts.extraction.sources.names import MEMBERSHIP_ROLE, data_view, role_name
from extracts.extraction.sources.postgres import PostgresSource, open_source
from extracts.extraction.sources.role_sql import source_sql
from extracts.extraction.sources.view_sql import read_columns
from extracts.extraction.validation import (
    check_report,
    read_release_suite,
    read_source_suite,
    validate_release,
    validate_source,
)
from extracts.extraction.validation_suite import Suite, SuiteRule
from extracts.extraction.values import Report, SourceCheck
from extracts.local.sample import create_sample
from tests.support.agreements import BENEFIT_CAP, CHILD_PAYMENT, STATISTICS, a_request, the_parties, the_policy
from tests.support.finished import said, stopping
from tests.support.postgres import Database

ROOT = Path(__file__).parents[2]
# The real clock, since the database's own decides when a snapshot was taken and how old its source is.
NOW = datetime.now(UTC).replace(microsecond=0)
_LAST_DAY = NOW.date().replace(day=1) - timedelta(days=1)
PERIOD = Period(f"{_LAST_DAY:%Y-%m}", _LAST_DAY.replace(day=1), _LAST_DAY)
SAMPLES = {"scottish_child_payment": CHILD_PAYMENT, "benefit_cap": BENEFIT_CAP, "pension_credit_award": STATISTICS}


@dataclass(frozen=True)
class Source:
    """The sample source with the three agreements' roles and views."""

    database: Database
    datasets: Mapping[str, Dataset]
    plans: Mapping[str, ExtractPlan]

    def planned(self, name: str) -> PlannedDataset:
        return next(d for d in self.plans[name].datasets if d.dataset == name)

    def validate(
        self,
        name: str,
        replaced: Mapping[str, str] | None = None,
        *,
        suite: Suite | None = None,
        dataset: Dataset | None = None,
        loaded_at: datetime = NOW - timedelta(hours=2),
        address: str = "",
    ) -> Report:
        plan, dataset = self.plans[name], dataset or self.datasets[name]
        columns = ", ".join(f"{(replaced or {}).get(c, c)} AS {c}" for c in read_columns(self.planned(name)))
        view = data_view(plan.request_id, name)
        entered = address or self.database.conninfo(role_name(plan.request_id))
        return validate_source(
            self.planned(name),
            dataset,
            suite or read_source_suite(ROOT / "expectations" / name / "source.yaml", dataset),
            SourceCheck(name, "role", loaded_at, 2.0, loaded_at, 10, "", ""),
            PERIOD,
            PostgresSource(entered, str(conninfo_to_dict(entered)["user"]), "role"),
            f"(SELECT {columns} FROM {view}) AS v" if replaced else view,
            NOW,
        )


@pytest.fixture(scope="module")
def source(module_database: Database) -> Source:
    create_sample(module_database.conninfo(), ROOT / "sql", as_of=NOW, people=6000, rates={"cap_level": 0.1})
    datasets = load_datasets(ROOT / "expectations", ROOT / "sql")
    plans = {}
    for name, sample in SAMPLES.items():
        request = a_request(sample)
        assessment = assess(request, datasets, the_parties(), the_policy(), NOW.date())
        plans[name] = make_plan(request, datasets, the_parties(), assessment)
        module_database.role(role_name(request.request_id))
        module_database.execute(source_sql(plans[name], datasets, ROOT / "sql" / "roles"))
    return Source(module_database, datasets, plans)


def details(report: Report) -> dict[str, str]:
    return {said(c): c.detail or c.not_applicable for c in report.checks}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_source_keeps_its_promises(source: Source, name: str) -> None:
    report = source.validate(name)
    assert stopping(report) == []
    check_report(report)
    assert report.suite == f"source of {name} 1.0.0"


def test_rows_were_really_looked_at(source: Source) -> None:
    for name in SAMPLES:
        view = data_view(source.plans[name].request_id, name)
        rows = source.database.rows(f"SELECT count(*) FROM {view}")[0][0]
        assert rows > 0, name
    counted = [d for d in details(source.validate("pension_credit_award")).values() if d.startswith("all ")]
    rows = source.database.rows(
        f"SELECT count(*) FROM {data_view(source.plans['pension_credit_award'].request_id, 'pension_credit_award')}"
    )[0][0]
    assert set(counted) == {f"all {rows:,} rows"}


@pytest.mark.parametrize(
    ("name", "replaced", "stops"),
    [
        # pseudonymised and coarsened columns: only here can their promises be seen
        ("pension_credit_award", {"nino": "'QQ12'"}, "nino has the form"),
        ("pension_credit_award", {"date_of_birth": "DATE '1899-12-31'"}, "date_of_birth is at least 1900-01-01"),
        ("pension_credit_award", {"weekly_award": "1000.01"}, "weekly_award is between 0 and 1000"),
        ("pension_credit_award", {"weekly_award": "0.00"}, "weekly_award is at least 0.01"),
        ("pension_credit_award", {"started_on": "DATE '1900-01-01'"}, "started_on, date_of_birth started_on is above"),
        # rules of source.yaml
        (
            "scottish_child_payment",
            {"assessment_period_end": "assessment_period_start + 40"},
            "assessment periods last a month",
        ),
    ],
)
def test_a_broken_promise_stops_the_run_before_anything_is_read(
    source: Source, name: str, replaced: dict[str, str], stops: str
) -> None:
    planned = source.planned(name)
    if not set(replaced) <= set(read_columns(planned)):
        pytest.fail(f"the sample plan no longer reads {sorted(replaced)}")
    report = source.validate(name, replaced)
    assert [s for s in stopping(report) if s.startswith(stops)], stopping(report)
    with pytest.raises(CheckFailed):
        check_report(report)


def test_a_rule_about_a_column_out_of_sight_is_listed_and_does_not_stop(source: Source) -> None:
    report = source.validate("pension_credit_award")
    assert "postcode" not in read_columns(source.planned("pension_credit_award"))
    listed = {said(c): c.not_applicable for c in report.checks if c.not_applicable}
    assert listed
    assert set(listed.values()) == {"this agreement does not read postcode"}


def test_a_query_about_a_column_out_of_sight_is_listed_too(source: Source) -> None:
    query = "SELECT 1 AS found FROM {batch} WHERE account_number IS NULL"
    rule = QualityRule("unexpected_rows_expectation", {"unexpected_rows_query": query}, "a test")
    suite = Suite("source", "1.0.0", (SuiteRule(rule, says="accounts are known"),))
    report = source.validate("pension_credit_award", suite=suite)
    assert details(report)["account_number accounts are known"] == "this agreement does not read account_number"
    assert report.passed


def test_the_role_could_not_have_checked_it_anyway(source: Source) -> None:
    role = role_name(source.plans["pension_credit_award"].request_id)
    view = data_view(source.plans["pension_credit_award"].request_id, "pension_credit_award")
    with pytest.raises(psycopg.Error) as refused:
        source.database.rows(f"SELECT account_number FROM {view}", role)
    assert refused.value.sqlstate == "42703"


def test_only_the_periods_rows_are_looked_at(source: Source) -> None:
    """One claim outside the period is wrong; the suite does not see it. Inside, it does."""
    inside = "CASE WHEN assessment_period_end BETWEEN '2026-10-01' AND '2026-10-31' THEN 'QQ1' ELSE nino END"
    outside = "CASE WHEN assessment_period_end BETWEEN '2026-10-01' AND '2026-10-31' THEN nino ELSE 'QQ1' END"
    rule = QualityRule("expect_column_values_to_match_regex", {"column": "nino", "regex": "^QQ[0-9]{6}"}, "a test")
    suite = Suite("source", "1.0.0", (SuiteRule(rule, says="starts with QQ"),))
    assert source.validate("benefit_cap", {"nino": outside}, suite=suite).passed
    assert stopping(source.validate("benefit_cap", {"nino": inside}, suite=suite)) == ["nino starts with QQ"]


def test_a_source_loaded_too_long_ago_is_late(source: Source) -> None:
    hours = source.planned("pension_credit_award").max_age_hours
    report = source.validate("pension_credit_award", loaded_at=NOW - timedelta(hours=hours, minutes=6))
    with pytest.raises(SourceLate, match="loaded at most"):
        check_report(report)


def test_a_view_that_the_role_may_not_read_is_not_checked_and_stops(source: Source) -> None:
    other = source.database.conninfo(role_name(source.plans["benefit_cap"].request_id))
    report = source.validate("pension_credit_award", address=other)
    about_rows = [c for c in report.stopping if c.not_checked]
    assert about_rows
    assert {c.not_checked for c in about_rows} == {"it could not be run (42501)"}
    with pytest.raises(CheckFailed, match="42501"):
        check_report(report)


def test_a_server_that_is_not_there_is_unreachable_and_says_nothing_of_the_address(source: Source) -> None:
    with pytest.raises(SourceUnreachable) as error:
        source.validate("benefit_cap", address="host=127.0.0.1 port=1 dbname=x user=y password=hunter2")
    assert error.value.retryable
    assert "hunter2" not in str(error.value)
    assert error.value.__context__ is None or error.value.__suppress_context__


def test_a_contract_with_a_rule_that_cannot_be_run_is_refused(source: Source) -> None:
    def with_rule(expectation: str, **arguments: Any) -> Dataset:
        rule = QualityRule(expectation, arguments, "a test")
        return replace(source.datasets["benefit_cap"], quality=(rule,))

    for bad in (
        with_rule("expect_column_values_to_be_sensible", column="nino"),
        with_rule("expect_column_values_to_not_be_null", column="ninno"),
        with_rule("expect_column_values_to_not_be_null", column="nino", mostly="2"),
    ):
        with pytest.raises(InvalidDocument, match=r"contract of benefit_cap: quality\.1"):
            source.validate("benefit_cap", dataset=bad)


def test_the_suite_writes_nothing_and_leaves_no_session_behind(source: Source) -> None:
    source.validate("benefit_cap")
    role = role_name(source.plans["benefit_cap"].request_id)
    query = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'"
    assert source.database.rows(query) == [(0,)]


# --- and then: what the engine makes of it passes the release suite ---------------------------------------------------


@pytest.fixture(scope="module")
def passfile(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Passwords of all agreements' roles and of the membership role, as an installation has them."""
    source.database.role(MEMBERSHIP_ROLE)
    roles = [*(role_name(p.request_id) for p in source.plans.values()), MEMBERSHIP_ROLE]
    lines = [Path(str(conninfo_to_dict(source.database.conninfo(r))["passfile"])).read_text() for r in roles]
    path = tmp_path_factory.mktemp("pass") / "passfile"
    path.touch(mode=0o600)
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize("name", SAMPLES)
def test_what_the_engine_makes_of_the_sample_passes_the_release_suite(
    source: Source, passfile: Path, tmp_path: Path, name: str
) -> None:
    where = conninfo_to_dict(source.database.conninfo())
    address = make_conninfo("", host=where["host"], port=where["port"], dbname=where["dbname"])
    plan = source.plans[name]
    # Few people: most groups are small.
    plan = replace(plan, limits=replace(plan.limits, max_withheld_percent=100, min_rows=1))
    drawn = build(
        plan,
        (Part(plan, tmp_path, Keys("a" * 64, "b" * 64)),),
        PERIOD,
        open_source(plan, address, passfile),
        tmp_path,
        datasets=source.datasets,
        settings=EngineSettings(memory_limit_mb=200),
        now=lambda: NOW,
        hold_max_age_hours=24,
    )
    (extract,) = drawn.parts
    report = validate_release(
        plan, extract, source.datasets, read_release_suite(ROOT / "expectations" / "release.yaml"), {}, NOW
    )
    assert [(said(c), c.detail, c.not_checked) for c in report.stopping] == []
    assert extract.files[0].rows > 0
