"""Counting before anything is agreed: the numbers are right, and the role that counts can see nobody."""

from __future__ import annotations

from collections import Counter as Tally
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from extracts.agreement.ladders import Step
from extracts.agreement.request import Request
from extracts.agreement.source_counts import DatasetCounts, RowFate, grouping_of
from extracts.catalogue.contract import Column, ColumnType
from extracts.catalogue.treatments import TREATMENTS
from extracts.errors import SourceChanged
from extracts.extraction.sources.briefing_views import ROLE, briefing_views
from extracts.extraction.sources.literals import literal
from extracts.extraction.sources.treatment_groups import grouped
from extracts.extraction.treatment_sql import treated
from tests.support.agreements import BENEFIT_CAP, STATISTICS, a_request
from tests.support.briefings import counting, let_count
from tests.support.builders import a_column, a_planned_column
from tests.support.small_source import NOW, SmallSource


def count(source: SmallSource, request: Request, folder: Path) -> DatasetCounts:
    with counting(source, folder) as counter:
        return counter.count(request, request.datasets[0])


def told(counts: DatasetCounts) -> dict[str, int]:
    return {fate.value: number for fate, number in counts.rows.items()}


# --- the numbers ------------------------------------------------------------------------------------------------------


PEOPLE: tuple[dict[str, Any], ...] = (
    *({"date_of_birth": f"19{40 + n}-03-0{1 + n % 9}", "sex": "F" if n % 2 else "M"} for n in range(20)),
    *({"date_of_birth": "1951-01-01", "council_code": "S12000036"} for _ in range(12)),
    {"council_code": None},
    {"restricted": True},
    {"safe_address": True},
)


def test_counts_are_those_that_a_naive_reader_finds(source: SmallSource, tmp_path: Path) -> None:
    for number, person in enumerate(PEOPLE):
        source.award(f"QQ{number:06d}A", **person)
    source.hold("QQ 00 00 03 A")
    source.hold("QQ000004A", "gateway:another-gateway")
    source.hold("QQ000005A", "gateway:scotland-act-2016-s34", "stop and ask")
    request = a_request(STATISTICS, {"datasets.0.rows": [{"column": "date_of_birth", "after": "1942-12-31"}]})
    found = count(source, request, tmp_path)

    rows = [p | {"number": n} for n, p in enumerate(PEOPLE) if not p.get("restricted")]
    born = {r["number"]: r.get("date_of_birth", "1957-06-05") for r in rows}
    matching = [n for n in born if born[n] > "1942-12-31"]
    expected = [n for n in matching if n not in (3, 5)]
    assert told(found) == {
        "expected": len(expected),
        "stop and ask": 1,
        "withheld": 0,
        "on hold": 1,
        "filtered": len(born) - len(matching),
    }
    assert found.people == found.rows
    by_number = {r["number"]: r for r in rows}
    assert found.filled["council_code"] == sum(by_number[n].get("council_code", "") is not None for n in expected)
    assert found.filled["nino"] == len(expected)
    groups = Tally(
        (
            (2026 - int(born[n][:4]) - (born[n][5:] > "11-23")) // 10,
            by_number[n].get("sex", "F"),
            by_number[n].get("council_code", "S12000047"),
        )
        for n in expected
    )
    asked = found.groups[grouping_of(request, source.datasets["pension_credit_award"])]
    assert asked.smallest == min(groups.values())
    assert asked.groups_below == sum(size < 10 for size in groups.values())
    assert asked.people_below == asked.rows_below == sum(size for size in groups.values() if size < 10)
    assert asked.rows == len(expected)


def test_a_person_with_several_rows_is_one_and_a_partner_on_hold_takes_the_row_out(
    source: SmallSource, tmp_path: Path
) -> None:
    ended = "2026-10-20"
    for number in range(3):
        source.cap(f"QQ10000{number}A", partner=f"QQ20000{number}A", ends_on=ended)
    source.cap("QQ100000A", ends_on=ended, amount="10.00")
    source.cap("QQ100003A", ends_on="2026-09-20")
    source.cap("QQ100004A", ends_on=ended, safe_address=True)
    source.execute(
        "UPDATE dwp.universal_credit_assessment_period SET ends_on = '2026-10-20' WHERE ends_on = '2026-11-20'"
    )
    source.hold("QQ200001A", "agreement:SDDSB-2026-021")
    found = count(source, a_request(BENEFIT_CAP), tmp_path)
    assert told(found) == {"expected": 3, "stop and ask": 0, "withheld": 1, "on hold": 1, "filtered": 1}
    assert found.people[RowFate.EXPECTED] == 2
    assert found.filled["postcode"] == 3


def test_a_step_coarser_is_counted_for_every_quasi_identifier(source: SmallSource, tmp_path: Path) -> None:
    for number in range(12):
        source.award(f"QQ{number:06d}A", postcode=f"KY1 {number % 3}AB")
    postcode = {"name": "postcode", "treatment": "postcode_sector", "justification": "Rural areas are served by post."}
    changes = {"datasets.0.columns.7": postcode, "datasets.0.safe_address": "withhold rows"}
    request = a_request(STATISTICS, changes)
    found = count(source, request, tmp_path)
    steps = {tuple(str(g.step) for g in by): group.smallest for by, group in found.groups.items()}
    assert steps["council", "age_band 10", "postcode_sector", "keep"] == 4
    assert steps["council", "age_band 10", "postcode_district", "keep"] == 12
    assert steps["council", "age_band 20", "postcode_sector", "keep"] == 4
    assert ("council", "age_band 10", "keep") in steps  # without the postcode


def test_the_age_of_the_source_is_that_of_its_oldest_table(source: SmallSource, tmp_path: Path) -> None:
    source.execute("UPDATE dwp.load_stamp SET loaded_at = %s WHERE table_name = 'person'", [NOW - timedelta(hours=50)])
    assert count(source, a_request(), tmp_path).age_hours == 50
    source.execute("DELETE FROM dwp.load_stamp WHERE table_name = 'person'")
    assert count(source, a_request(), tmp_path).age_hours is None


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ({"column": "shoe_size", "equals": 44}, "shoe_size, which is not declared"),
        ({"column": "nino", "equals": "QQ000001A"}, "names or locates a person"),
        ({"column": "postcode", "equals": "KY1 1AB"}, "names or locates a person"),
        ({"column": "started_on", "after": "yesterday"}, "must be a date"),
    ],
)
def test_rows_that_cannot_be_chosen_so_are_not_counted_and_it_says_why(
    source: SmallSource, tmp_path: Path, condition: dict[str, Any], why: str
) -> None:
    source.award("QQ000001A")
    found = count(source, a_request(STATISTICS, {"datasets.0.rows": [condition]}), tmp_path)
    assert why in found.not_counted
    assert not found.rows
    assert not found.groups


# --- the two dialects -------------------------------------------------------------------------------------------------

VALUES: tuple[tuple[Step, ColumnType, tuple[str, ...]], ...] = (
    (Step("keep"), ColumnType.STRING, ("Fife", "")),
    (Step("year"), ColumnType.DATE, ("1987-06-05", "0001-01-01", "9999-12-31", "infinity")),
    (Step("month"), ColumnType.TIMESTAMP, ("1987-06-30T23:30:00+00:00", "1987-07-01T00:30:00+01:00")),
    (Step("quarter"), ColumnType.DATE, ("1987-06-05", "1987-12-31")),
    (
        Step("age_band", ("10",)),
        ColumnType.DATE,
        ("1986-11-23", "1986-11-24", "2000-02-29", "2026-11-24"),
    ),
    (Step("postcode_area"), ColumnType.STRING, ("KY1 1AB", "g12 8qq", "KY11AB", "EH1  1AA", "nowhere", "KY1 1A")),
    (Step("postcode_district"), ColumnType.STRING, ("KY1 1AB", "EC1A 1BB", "KY11AB", "ky111ab", "")),
    (Step("postcode_sector"), ColumnType.STRING, ("KY1 1AB", "EC1A 1BB", "KY11AB", "ZZ99 3VZ")),
    (Step("council"), ColumnType.STRING, ("S12000047", "Fife")),
    (Step("round", ("10",)), ColumnType.DECIMAL, ("15.00", "-15.00", "14.99", "0.00", "1234.56")),
    (Step("band", ("0", "50", "100")), ColumnType.DECIMAL, ("-0.01", "0.00", "49.99", "50.00", "100.00")),
    (Step("top_code", ("50",)), ColumnType.DECIMAL, ("49.99", "50.00", "9000.00")),
    (Step("present"), ColumnType.STRING, ("x", " ", "")),
)


@pytest.mark.parametrize(("step", "type_", "values"), VALUES, ids=lambda v: v.treatment if isinstance(v, Step) else "")
def test_a_group_is_made_of_the_very_values_that_would_be_delivered(
    source: SmallSource, step: Step, type_: ColumnType, values: tuple[str, ...]
) -> None:
    column = a_column("value", type_, precision=8, scale=2)
    there = [_text(row[0]) for row in source.database.rows(_in_postgres(column, step, values))]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        planned = a_planned_column(column, step.treatment, step.parameters)
        kind = {"string": "VARCHAR", "decimal": "DECIMAL(8,2)"}.get(type_.value, type_.value)
        kind = "TIMESTAMPTZ" if type_ is ColumnType.TIMESTAMP else kind
        given = ", ".join(f"({place}, CAST('{v}' AS {kind}))" for place, v in enumerate(values))
        query = (
            f"SELECT {treated(planned, NOW.date())} FROM (VALUES {given}, (99, NULL)) AS v(place, value) ORDER BY place"
        )
        delivered = [_text(row[0]) for row in connection.execute(query).fetchall()]
    assert there == delivered


def _in_postgres(column: Column, step: Step, values: tuple[str, ...]) -> str:
    kind = {"string": "text", "decimal": "numeric(8,2)"}.get(column.type.value, column.type.value)
    kind = "timestamptz" if column.type is ColumnType.TIMESTAMP else kind
    given = ", ".join(f"({place}, {literal(v, ColumnType.STRING)}::{kind})" for place, v in enumerate(values))
    return (
        f"SELECT {grouped(column, step, NOW.date())} FROM (VALUES {given}, (99, NULL::{kind})) AS d(place, value)"
        " ORDER BY d.place"
    )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, bool | str):
        return value if value is None or isinstance(value, str) else str(value)
    return f"{float(value):.2f}"


def test_every_treatment_can_be_counted_but_the_one_that_hides_a_name() -> None:
    assert {step.treatment for step, _, _ in VALUES} == set(TREATMENTS) - {"pseudonymise"}


# --- who may count ----------------------------------------------------------------------------------------------------


def as_role(source: SmallSource, passfile: Path, statement: str) -> list[tuple[Any, ...]]:
    address = f"{source.address()} user={ROLE} passfile={passfile}"
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_the_role_that_counts_sees_no_name_number_address_or_restricted_person(
    source: SmallSource, tmp_path: Path
) -> None:
    source.award("QQ000001A", forenames="Canary", surname="Canarysson", address="1 Canary Wharf", safe_address=True)
    source.award("QQ000002A", restricted=True, sex="M")
    passfile = let_count(source, tmp_path)
    for view in briefing_views(source.datasets):
        text = str(as_role(source, passfile, f"SELECT * FROM {view.name}"))
        assert "QQ0000" not in text
        assert "Canary" not in text
        assert "KY1" not in text  # where somebody with a safe address lives
        assert "'M'" not in text


def test_marks_of_one_query_cannot_be_joined_to_those_of_another(source: SmallSource, tmp_path: Path) -> None:
    source.award("QQ000001A")
    passfile = let_count(source, tmp_path)
    query = "SELECT _person FROM extract_views.briefing__pension_credit_award"
    assert as_role(source, passfile, query) != as_role(source, passfile, query)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT nino FROM curated.pension_credit_award", "42501"),
        ("SELECT nino FROM dwp.person", "42501"),
        ("SELECT person FROM curated.hold", "42501"),
        ("SELECT account_number FROM extract_views.briefing__pension_credit_award", "42703"),
        ("SELECT journal_note FROM extract_views.briefing__benefit_cap", "42703"),
        ("CREATE TEMP TABLE kept AS SELECT 1", "25006"),
    ],
)
def test_it_may_read_nothing_else_and_keep_nothing(
    source: SmallSource, tmp_path: Path, statement: str, code: str
) -> None:
    passfile = let_count(source, tmp_path)
    with pytest.raises(psycopg.Error) as refused:
        as_role(source, passfile, statement)
    assert refused.value.sqlstate == code


@pytest.mark.parametrize(
    ("change", "told_of"),
    [
        (f"GRANT SELECT ON dwp.person TO {ROLE}", "may read dwp.person"),
        (f"ALTER ROLE {ROLE} CREATEDB", "may create roles or databases"),
        (
            "CREATE OR REPLACE VIEW extract_views.briefing__pension_credit_award WITH (security_barrier) AS"
            " SELECT * FROM extract_views.briefing__pension_credit_award_kept",
            "briefing__pension_credit_award",
        ),
    ],
)
def test_nothing_is_counted_where_views_or_rights_are_not_as_the_script_made_them(
    source: SmallSource, tmp_path: Path, change: str, told_of: str
) -> None:
    passfile = let_count(source, tmp_path)
    kept = "extract_views.briefing__pension_credit_award"
    source.execute(f"CREATE VIEW {kept}_kept AS SELECT * FROM {kept}")
    try:
        source.execute(change.replace(f"FROM {kept}_kept", f"FROM ({_definition(source, kept)}) AS v"))
        with pytest.raises(SourceChanged, match=told_of), counting_as_it_is(source, passfile) as counter:
            counter.count(a_request(), a_request().datasets[0])
    finally:
        source.execute(f"REVOKE ALL ON dwp.person FROM {ROLE}; ALTER ROLE {ROLE} NOCREATEDB; DROP VIEW {kept}_kept")


def counting_as_it_is(source: SmallSource, passfile: Path) -> Any:
    from extracts.extraction.briefing_counts import open_counter

    return open_counter(source.address(), passfile, source.datasets, NOW)


def _definition(source: SmallSource, view: str) -> str:
    ((text,),) = source.database.rows(f"SELECT pg_get_viewdef('{view}'::regclass)")
    return str(text).rstrip(";").replace("IS FALSE)", "IS NOT NULL)")
