"""4. Validation of the finished file: what plan, contract and `release.yaml` ask for, checked on the file itself.

Every check is shown to pass on a good file and to stop a bad one. A bad file is the good one, changed by a query.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extracts.catalogue.treatments import TREATMENTS
from extracts.errors import CheckFailed, LimitExceeded, Outcome, SourceLate
from extracts.extraction.validation import check_report, read_release_suite, validate_release
from extracts.extraction.validation_check import rising_check
from extracts.extraction.validation_release import KEY_HARM, Facts, release_checks
from extracts.extraction.values import CheckKind, CheckResult, ExtractFile, Funnel, Report
from tests.support.builders import (
    A_DIGEST,
    NOW,
    a_dataset,
    a_plan,
    a_planned_dataset,
    some_limits,
    the_datasets,
)
from tests.support.finished import RELEASE_SUITE, STATISTICS, an_extract, said, stopping, validated, write_file

A_PSEUDONYM = "'" + "f" * 32 + "'"


def test_a_file_that_is_as_planned_passes_every_check(tmp_path: Path) -> None:
    report = validated(tmp_path)
    assert stopping(report) == []
    assert report.passed
    check_report(report)


def test_the_report_says_in_counts_what_was_found(tmp_path: Path) -> None:
    found = {said(c): c.detail for c in validated(tmp_path, "SELECT * REPLACE ('X' AS sex) FROM good").checks}
    assert found["sex is one of F, M"] == "4 of 4 rows break this"
    assert found["award_type is one of guarantee, savings, both"] == "all 4 rows"
    assert found["nino_pseudonym is different in every row"] == "no values occur more than once, or out of their order"
    assert found["there are exactly 7 columns"] == "7 columns"
    assert found["the source was loaded at most 36 hours before it was read"] == "3.0 hours"


@pytest.mark.parametrize(
    ("query", "stops"),
    [
        # columns: exactly those planned, in order, with their types
        ("SELECT *, 1 AS extra FROM good", ["there are exactly 7 columns"]),
        ("SELECT * EXCLUDE started_on_quarter FROM good", ["there are exactly 7 columns", "started_on_quarter"]),
        ("SELECT * RENAME (sex AS gender) FROM good", ["sex is column 3"]),
        ("SELECT council_code, * EXCLUDE council_code FROM good", ["council_code is column 4", "sex is column 3"]),
        ("SELECT * REPLACE (encode(sex) AS sex) FROM good", ["sex is column 3"]),
        # nulls: the contract promises an award type and a NINO in every row
        ("SELECT * REPLACE (NULL::VARCHAR AS award_type) FROM good", ["award_type has a value"]),
        # keys, allowed values
        (f"SELECT * REPLACE ({A_PSEUDONYM} AS nino_pseudonym) FROM good", ["nino_pseudonym is different in every row"]),
        ("SELECT * REPLACE ('pension' AS award_type) FROM good", ["award_type is one of"]),
        # every treated column has the form that its treatment gives
        ("SELECT * REPLACE ('QQ12345' || left(sex, 1) || 'C' AS nino_pseudonym) FROM good LIMIT 1", ["a pseudonym"]),
        ("SELECT * REPLACE (upper(replace(nino_pseudonym, '0', 'a')) AS nino_pseudonym) FROM good", ["a pseudonym"]),
        ("SELECT * REPLACE ('65' AS date_of_birth_age_band) FROM good", ["a band of 10 years"]),
        ("SELECT * REPLACE ('65-69' AS date_of_birth_age_band) FROM good", ["a band of 10 years"]),
        ("SELECT * REPLACE ('25-<50' AS weekly_award_band) FROM good", ["a band with the limits 0, 50, 100"]),
        ("SELECT * REPLACE ('2026-05-01' AS started_on_quarter) FROM good", ["a quarter"]),
        ("SELECT * REPLACE ('2026-Q5' AS started_on_quarter) FROM good", ["a quarter"]),
        ("SELECT * REPLACE ('Fife' AS council_code) FROM good", ["a council's code"]),
        # release.yaml: blanks, control characters, long texts
        ("SELECT * REPLACE (' ' AS sex) FROM good", ["sex is never blank, and holds no control characters"]),
        ("SELECT * REPLACE ('F' || chr(7) AS sex) FROM good", ["sex is never blank, and holds no control characters"]),
        ("SELECT * REPLACE (repeat('F', 501) AS sex) FROM good", ["sex is no longer than 500 characters"]),
    ],
)
def test_a_file_that_differs_is_stopped_by_the_check_that_guards_it(
    tmp_path: Path, query: str, stops: list[str]
) -> None:
    report = validated(tmp_path, query)
    found = stopping(report)
    assert [s for s in stops if any(s in f for f in found)] == stops, found
    with pytest.raises(CheckFailed):
        check_report(report)


def test_one_bad_row_among_many_is_enough(tmp_path: Path) -> None:
    many = "SELECT * EXCLUDE i REPLACE (md5(i::VARCHAR) AS nino_pseudonym, {sex} AS sex) FROM good, range(500) t(i)"
    some = " WHERE sex = 'M' ORDER BY nino_pseudonym"
    assert validated(tmp_path, many.format(sex="'F'") + some).passed
    report = validated(tmp_path, many.format(sex="CASE i WHEN 499 THEN 'x' ELSE 'F' END") + some)
    (check,) = report.stopping
    assert check.detail == "1 of 500 rows break this"


def test_uniqueness_is_found_in_parts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extracts.extraction.validation_check._SOME_KEYS", 100)
    one = "(SELECT * FROM good LIMIT 1)"
    many = f"SELECT * EXCLUDE i REPLACE (md5({{key}}::VARCHAR) AS nino_pseudonym) FROM {one}, range(1000) t(i)"
    planned = a_planned_dataset()
    kept = replace(
        planned.columns[0], treatment=TREATMENTS["keep"].reference
    )  # rows are in no order that a pseudonym gives
    plan = a_plan(datasets=(replace(planned, columns=(kept, *planned.columns[1:])),))
    assert validated(tmp_path, many.format(key="i"), plan=plan).passed
    report = validated(tmp_path, many.format(key="(i // 2)"), plan=plan)
    assert [c.detail for c in report.stopping] == ["500 values occur more than once"]


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (["1", "2", "3"], 0),
        (["1", "2", None], 0),
        (["1", "2", "2"], 1),
        (["2", "2", "2"], 2),
        (["2", "3", "2"], 1),
        ([None, None], 1),
        ([None, "1"], 1),
        (["1"], 0),
        ([], 0),
    ],
)
def test_pseudonyms_are_different_if_each_is_above_the_one_before(
    tmp_path: Path, keys: list[str | None], found: int
) -> None:
    check = rising_check("pension_credit_award", "nino_pseudonym", KEY_HARM)
    query = check.arguments["unexpected_rows_query"]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE batch (nino_pseudonym VARCHAR)")
        for key in keys:
            connection.execute("INSERT INTO batch VALUES (?)", [key])
        assert len(connection.execute(query.replace("{batch}", "batch")).fetchall()) == found


@pytest.mark.parametrize(("percent", "passes"), [(0, True), (75, True), (76, False), (100, False)])
def test_a_column_is_filled_to_the_share_that_was_asked_for(tmp_path: Path, percent: int, passes: bool) -> None:
    planned = a_planned_dataset()
    columns = tuple(replace(c, filled_percent=percent) if c.name == "council_code" else c for c in planned.columns)
    report = validated(tmp_path, plan=a_plan(datasets=(replace(planned, columns=columns),)))
    assert report.passed == passes
    if not passes:
        (check,) = report.stopping
        assert said(check).startswith("council_code has a value")
        assert check.detail == "1 of 4 rows break this"


# --- limits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "previous", "passes"),
    [
        ({"max_rows": 4}, None, True),
        ({"max_rows": 3}, None, False),
        ({"min_rows": 4}, None, True),
        ({"min_rows": 5}, None, False),
        ({"change_percent": 0}, 4, True),
        ({"change_percent": 0}, 5, False),
        ({"change_percent": 20}, 5, True),
        ({"change_percent": 19}, 5, False),
        ({"change_percent": 33}, 3, False),
        ({"change_percent": 34}, 3, True),
        ({"change_percent": 100}, 2, True),
        ({"change_percent": 99}, 2, False),
    ],
)
def test_rows_stay_within_the_limits_that_were_signed(
    tmp_path: Path, limits: dict[str, int], previous: int | None, passes: bool
) -> None:
    plan = a_plan(limits=some_limits(**limits))
    before = {} if previous is None else {"pension_credit_award": previous}
    report = validated(tmp_path, plan=plan, previous=before)
    assert report.passed is passes, stopping(report)
    if not passes:
        with pytest.raises(LimitExceeded) as raised:
            check_report(report)
        assert raised.value.outcome is Outcome.STOPPED


def test_a_first_delivery_has_nothing_to_compare_with_and_says_so(tmp_path: Path) -> None:
    change = next(c for c in validated(tmp_path).checks if "previous delivery" in c.name)
    assert change.not_applicable.startswith("this is the first delivery")
    assert not change.stops


def test_an_empty_file_never_leaves(tmp_path: Path) -> None:
    report = validated(tmp_path, rows=(), plan=a_plan(limits=some_limits(min_rows=0)))
    assert stopping(report) == ["there is at least one row"]


def test_a_file_that_lost_rows_after_it_was_built_is_stopped(tmp_path: Path) -> None:
    plan = a_plan()
    path = write_file(tmp_path / "file.parquet", plan)
    extract = an_extract(path, plan)
    write_file(path, plan, STATISTICS[:3])
    report = validate_release(plan, extract, the_datasets(), read_release_suite(RELEASE_SUITE), {}, NOW)
    assert stopping(report) == ["the number of rows is the 4 that were built"]


def test_files_that_each_keep_the_limit_may_not_pass_it_together(tmp_path: Path) -> None:
    plan = a_plan(limits=some_limits(max_rows=7))
    extract = an_extract(write_file(tmp_path / "file.parquet", plan), plan)
    another = ExtractFile("another", tmp_path, 4, 4, 1, A_DIGEST, A_DIGEST, Funnel(4, 0, 0, 0, 4))
    extract = replace(extract, files=(*extract.files, another))
    report = validate_release(plan, extract, the_datasets(), read_release_suite(RELEASE_SUITE), {}, NOW)
    assert stopping(report) == ["the rows of all files together are at most 7"]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.integers(1, 10**7), percent=st.integers(0, 300), rows=st.integers(0, 10**7))
def test_the_change_band_is_exact(before: int, percent: int, rows: int) -> None:
    from decimal import Decimal

    plan = a_plan(limits=some_limits(change_percent=percent))
    facts = Facts(rows, before, rows, rows, 0, 0, 0, Decimal(0), Decimal(0))
    checks, _ = release_checks(plan.datasets[0], a_dataset(), plan.limits, facts)
    band = next(c for c in checks if "previous delivery" in c.name).arguments
    assert (band["min_value"] <= rows <= band["max_value"]) is (abs(rows - before) * 100 <= percent * before)


# --- freshness ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "passes"), [(35.9, True), (36, True), (36.1, False)])
def test_a_source_loaded_too_long_ago_is_late_not_wrong(tmp_path: Path, hours: float, passes: bool) -> None:
    plan = a_plan()
    path = write_file(tmp_path / "file.parquet", plan)
    extract = an_extract(path, plan, loaded_at=NOW - timedelta(hours=hours))
    report = validate_release(plan, extract, the_datasets(), read_release_suite(RELEASE_SUITE), {}, NOW)
    assert report.passed is passes
    if not passes:
        with pytest.raises(SourceLate) as raised:
            check_report(report)
        assert raised.value.outcome is Outcome.SOURCE_LATE
        assert raised.value.retryable


def test_a_file_that_waited_too_long_for_its_release_is_stopped(tmp_path: Path) -> None:
    plan = a_plan()
    extract = an_extract(write_file(tmp_path / "file.parquet", plan), plan)
    later = NOW + timedelta(hours=37)
    report = validate_release(plan, extract, the_datasets(), read_release_suite(RELEASE_SUITE), {}, later)
    assert stopping(report) == ["the source was read at most 36 hours ago"]


# --- other treatments, other columns -------------------------------------------------------------------------------


def identified(*columns: tuple[str, str, tuple[str, ...]]) -> dict[str, object]:
    return {"datasets": (a_planned_dataset(columns=columns),)}


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        (("weekly_award", "round", ("10",)), "120.00", "121.00"),
        (("weekly_award", "top_code", ("100",)), "100.00", "100.01"),
        (("date_of_birth", "year", ()), 1950, 1),
        (("started_on", "month", ()), "2026-11", "2026-13"),
        (("postcode", "postcode_area", ()), "KY", "KY1"),
        (("postcode", "postcode_district", ()), "KY1", "KY1 1AB"),
        (("postcode", "postcode_sector", ()), "KY1 1", "KY1 1AB"),
        (("carer_addition", "present", ()), True, None),
        (("date_of_birth", "keep", ()), "1950-01-31", "0001-01-01"),
    ],
    ids=lambda v: v[1] if isinstance(v, tuple) else "",
)
def test_each_treatment_has_its_form(
    tmp_path: Path, column: tuple[str, str, tuple[str, ...]], good: object, bad: object
) -> None:
    plan = a_plan(**identified(("nino", "keep", ()), column))
    assert stopping(validated(tmp_path, rows=(("QQ000001A", good),), plan=plan)) == []
    report = validated(tmp_path, rows=(("QQ000001A", good), ("QQ000002A", bad)), plan=plan)
    assert len(report.stopping) == 1
    assert report.stopping[0].detail.startswith("1 of 2 rows") or report.stopping[0].detail == "1 rows break this"


def test_ranges_of_the_contract_hold_for_columns_that_are_delivered_as_they_are(tmp_path: Path) -> None:
    dataset = a_dataset()
    columns = tuple(
        replace(c, minimum="0", maximum="300.50") if c.name == "weekly_award" else c for c in dataset.columns
    )
    columns = tuple(
        replace(c, minimum="1900-01-01", maximum="2026-12-31") if c.name == "date_of_birth" else c for c in columns
    )
    datasets = {"pension_credit_award": replace(dataset, columns=columns)}
    plan = a_plan(**identified(("nino", "keep", ()), ("weekly_award", "keep", ()), ("date_of_birth", "keep", ())))
    suite = read_release_suite(RELEASE_SUITE)

    def stops(*row: object) -> list[str]:
        path = write_file(tmp_path / "file.parquet", plan, (row,))
        return stopping(validate_release(plan, an_extract(path, plan), datasets, suite, {}, NOW))

    assert stops("QQ000001A", "300.50", "1900-01-01") == []
    assert stops("QQ000001A", "300.51", "2000-01-01") == ["weekly_award is between 0 and 300.50"]
    assert stops("QQ000001A", "-0.01", "2000-01-01") == ["weekly_award is between 0 and 300.50"]
    assert stops("QQ000001A", "1", "1899-12-31") == ["date_of_birth is between 1900-01-01 and 2026-12-31"]


def test_a_key_that_is_not_delivered_whole_is_left_to_the_source_and_listed(tmp_path: Path) -> None:
    plan = a_plan(datasets=(a_planned_dataset(columns=(("award_type", "keep", ()),)),))
    report = validated(tmp_path, rows=(("both",), ("both",)), plan=plan)
    assert report.passed
    (key,) = [c for c in report.checks if "different in every row" in c.name]
    assert "not delivered whole (nino)" in key.not_applicable


@pytest.mark.parametrize("name", ["group", "order", "select", "user"])
def test_a_column_may_have_the_name_of_a_word_of_sql(tmp_path: Path, name: str) -> None:
    dataset = a_planned_dataset(columns=(("nino", "pseudonymise", ()),))
    odd = replace(dataset.columns[0], name=name)
    plan = a_plan(datasets=(replace(dataset, columns=(odd,)),))
    assert validated(tmp_path, rows=(("f" * 32,),), plan=plan).passed
    report = validated(tmp_path, rows=(("f" * 32,), ("f" * 32,)), plan=plan)
    assert stopping(report) == [f"{name} is different in every row"]


def test_a_name_that_no_contract_may_have_is_never_passed_silently(tmp_path: Path) -> None:
    dataset = a_planned_dataset(columns=(("nino", "pseudonymise", ()),))
    odd = replace(dataset.columns[0], name='it\'s {odd} "name"')
    plan = a_plan(datasets=(replace(dataset, columns=(odd,)),))
    assert not validated(tmp_path, rows=(("f" * 32,), ("f" * 32,)), plan=plan).passed


# --- a check that could not be made ----------------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_is_not_checked_and_stops(tmp_path: Path) -> None:
    plan = a_plan()
    path = write_file(tmp_path / "file.parquet", plan)
    extract = an_extract(path, plan)
    path.write_bytes(b"PAR1 not a parquet file PAR1")
    report = validate_release(plan, extract, the_datasets(), read_release_suite(RELEASE_SUITE), {}, NOW)
    about_rows = [c for c in report.checks if c.name == "has a value"]
    assert about_rows
    assert all(c.not_checked.startswith("it could not be run (InvalidInputException") for c in about_rows)
    with pytest.raises(CheckFailed, match="not checked"):
        check_report(report)


def test_a_report_without_a_single_check_does_not_pass() -> None:
    empty = Report("Release validation", "release 1.0.0", ())
    assert not empty.passed
    with pytest.raises(CheckFailed, match="no check was made"):
        check_report(empty)
    only_listed = replace(empty, checks=(CheckResult("has a value", "d.c", True, not_applicable="not read"),))
    assert not only_listed.passed


@pytest.mark.parametrize(
    ("kinds", "error"),
    [
        (("quality", "limit", "freshness"), CheckFailed),
        (("limit", "freshness"), LimitExceeded),
        (("freshness",), SourceLate),
    ],
)
def test_the_gravest_kind_decides_how_the_run_ends(kinds: tuple[str, ...], error: type[Exception]) -> None:
    checks = tuple(CheckResult(f"check {k}", "dataset", False, kind=CheckKind(k)) for k in reversed(kinds))
    with pytest.raises(error):
        check_report(Report("Release validation", "release 1.0.0", checks))


def test_a_late_source_that_could_not_even_be_checked_is_a_failed_check() -> None:
    check = CheckResult("is fresh", "dataset", False, not_checked="it could not be run", kind=CheckKind.FRESHNESS)
    with pytest.raises(CheckFailed):
        check_report(Report("Source validation", "source 1.0.0", (check,)))


# --- what was applied can be proved --------------------------------------------------------------------------------


def test_the_suites_digest_changes_with_any_rule_that_was_applied(tmp_path: Path) -> None:
    first = validated(tmp_path)
    assert first.suite == "release 1.0.0"
    assert first.suite_digest == validated(tmp_path).suite_digest
    other = validated(tmp_path, plan=a_plan(limits=some_limits(max_rows=5)))
    assert other.suite_digest != first.suite_digest
