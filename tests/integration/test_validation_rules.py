"""Every expectation that a suite may use, on both databases that it runs on: seen to pass, seen to fail, in counts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from extracts.catalogue.contract import QualityRule
from extracts.extraction.validation_check import Finding, rule_check
from extracts.extraction.validation_open import file_query, open_file
from extracts.extraction.validation_rules import RULES
from tests.support.postgres import Database

ROWS = (
    "(1, 'KY1 1AB', 10, 20, DATE '2026-01-01', 1.50, 'x')",
    "(2, 'EH1 1AB', 10, 10, DATE '2026-02-01', 2.50, 'x')",
    "(3, NULL,      30, 40, DATE '2026-03-01', 3.50, 'x')",
    "(4, 'G1 1AB',  40, 50, DATE '2026-12-31', 4.50, 'x')",
)
TABLE = f"SELECT * FROM (VALUES {', '.join(ROWS)}) t(id, postcode, low, high, day, award, code)"

# expectation: (arguments that pass, arguments that fail, rows that break the second; None where none are counted)
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], int | None]] = {
    "expect_column_values_to_not_be_null": (
        {"column": "postcode", "mostly": "0.75"},
        {"column": "postcode", "mostly": "0.76"},
        1,
    ),
    "expect_column_values_to_be_in_set": (
        {"column": "code", "value_set": ["x", "y"]},
        {"column": "low", "value_set": [10, 30]},
        1,
    ),
    "expect_column_values_to_not_be_in_set": (
        {"column": "code", "value_set": ["y"]},
        {"column": "code", "value_set": ["x"]},
        4,
    ),
    "expect_column_values_to_be_between": (
        {"column": "day", "min_value": "2026-01-01", "max_value": "2026-12-31"},
        {"column": "day", "min_value": "2026-01-02", "max_value": "2026-12-30"},
        2,
    ),
    "expect_column_value_lengths_to_be_between": (
        {"column": "postcode", "min_value": 6, "max_value": 7},
        {"column": "postcode", "max_value": 6},
        2,
    ),
    "expect_column_values_to_match_regex": (
        {"column": "postcode", "regex": r"^[A-Z]{1,2}\d \d[A-Z]{2}$"},
        {"column": "postcode", "regex": "^K"},
        2,
    ),
    "expect_column_values_to_not_match_regex": (
        {"column": "postcode", "regex": "[a-z]"},
        {"column": "postcode", "regex": "1A"},
        3,
    ),
    "expect_column_values_to_be_unique": ({"column": "id"}, {"column": "low"}, 1),
    "expect_compound_columns_to_be_unique": (
        {"column_list": ["low", "high"]},
        {"column_list": ["low", "code"]},
        1,
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": (
        {"column_A": "high", "column_B": "low", "or_equal": True},
        {"column_A": "high", "column_B": "low"},
        1,
    ),
    "expect_column_max_to_be_between": (
        {"column": "day", "min_value": "2026-12-01"},
        {"column": "day", "max_value": "2026-12-01"},
        None,
    ),
    "expect_column_min_to_be_between": (
        {"column": "award", "min_value": "1.50"},
        {"column": "award", "min_value": "1.51"},
        None,
    ),
    "expect_column_mean_to_be_between": (
        {"column": "award", "min_value": 3, "max_value": 3},
        {"column": "award", "max_value": "2.99"},
        None,
    ),
    "expect_column_unique_value_count_to_be_between": (
        {"column": "low", "min_value": 3, "max_value": 3},
        {"column": "low", "min_value": 4},
        None,
    ),
    "expect_table_row_count_to_be_between": ({"min_value": 4, "max_value": 4}, {"min_value": 5}, None),
    "unexpected_rows_expectation": (
        {"unexpected_rows_query": "SELECT id FROM {batch} WHERE low > high"},
        {"unexpected_rows_query": "SELECT id FROM {batch} WHERE low < high"},
        3,
    ),
}


@pytest.fixture(params=["duckdb", "postgresql"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[sa.Engine, str]]:
    if request.param == "duckdb":
        path = tmp_path / "file.parquet"
        import duckdb

        with duckdb.connect() as connection:
            connection.execute(f"COPY ({TABLE.replace('1.50', '1.50::DECIMAL(10,2)')}) TO '{path}' (FORMAT parquet)")
        engine = open_file(path, 200, 2)
        yield engine, file_query(path)
        engine.dispose()
        return
    database: Database = request.getfixturevalue("database")
    yield database.engine(), TABLE


def find(source: tuple[sa.Engine, str], expectation: str, arguments: dict[str, Any]) -> Finding:
    from extracts.extraction.validation_engine import run_checks

    check = rule_check(QualityRule(expectation, arguments, "a test"), "dataset")
    return run_checks(source[0], {"rows": source[1]}, [check])[check]


def test_there_is_a_case_for_every_rule() -> None:
    assert set(CASES) == set(RULES)


@pytest.mark.parametrize("expectation", CASES)
def test_a_rule_passes_what_it_should(source: tuple[sa.Engine, str], expectation: str) -> None:
    found = find(source, expectation, CASES[expectation][0])
    assert found.failure == ""
    assert found.passed


@pytest.mark.parametrize("expectation", CASES)
def test_a_rule_stops_what_it_should_and_counts_it(source: tuple[sa.Engine, str], expectation: str) -> None:
    _, arguments, faults = CASES[expectation]
    found = find(source, expectation, arguments)
    assert found.failure == ""
    assert not found.passed
    if faults is not None:
        assert found.faults == faults


@pytest.mark.parametrize("expectation", CASES)
def test_great_expectations_knows_each_rule_and_its_arguments(expectation: str) -> None:
    import great_expectations.expectations as gxe

    name = "".join(word.capitalize() for word in expectation.split("_"))
    assert set(RULES[expectation].arguments) <= set(getattr(gxe, name).__fields__)


def test_a_rule_about_a_column_that_is_not_there_could_not_be_run(source: tuple[sa.Engine, str]) -> None:
    found = find(source, "expect_column_values_to_not_be_null", {"column": "nowhere"})
    assert not found.passed
    assert found.failure in ("MetricResolutionError", "42703", "BinderException")


def test_one_rule_that_cannot_be_run_does_not_pass_for_the_others(source: tuple[sa.Engine, str]) -> None:
    from extracts.extraction.validation_engine import run_checks

    good = rule_check(QualityRule("expect_table_row_count_to_be_between", {"min_value": 1}, "a test"), "dataset")
    bad = rule_check(QualityRule("expect_column_values_to_not_be_null", {"column": "nowhere"}, "a test"), "dataset")
    unknown = rule_check(QualityRule("expect_column_values_to_be_unique", {"column": "id"}, "a test"), "dataset")
    found = run_checks(source[0], {"rows": source[1]}, [good, bad, unknown])
    assert found[unknown].passed
    assert found[bad].failure
    assert found[good].passed or found[good].failure


def test_whatever_is_counted_over_all_rows_is_counted_in_one_pass(source: tuple[sa.Engine, str]) -> None:
    from extracts.extraction.validation_engine import run_checks

    engine, query = source
    asked: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    rules = (
        ("expect_table_row_count_to_be_between", {"min_value": 1}),
        ("expect_column_values_to_not_be_null", {"column": "id"}),
        ("expect_column_values_to_be_between", {"column": "low", "min_value": -1000}),
        ("expect_column_value_lengths_to_be_between", {"column": "postcode", "max_value": 20}),
    )
    checks = [rule_check(QualityRule(e, arguments, "a test"), "dataset") for e, arguments in rules]
    found = run_checks(engine, {"rows": query}, checks)
    assert all(found[c].passed for c in checks), found
    assert len([s for s in asked if "count(*)" in s.lower() or "sum(" in s.lower()]) == 1, asked


def test_no_statement_fetches_rows(source: tuple[sa.Engine, str]) -> None:
    """Of all statements for all rules, on the wire: counts and one-row results, and the columns of no row."""
    from extracts.extraction.validation_engine import run_checks

    engine, query = source
    fetched: list[tuple[str, int]] = []

    @sa.event.listens_for(engine, "after_cursor_execute")
    def watch(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        fetched.append((statement, cursor.rowcount))

    checks = [rule_check(QualityRule(e, bad, "a test"), "dataset") for e, (_, bad, _) in CASES.items()]
    run_checks(engine, {"rows": query}, checks)
    sa.event.remove(engine, "after_cursor_execute", watch)
    assert fetched
    assert not [s for s, rows in fetched if rows > 1]
    assert not [s for s, _ in fetched if s.lstrip().upper().startswith("SELECT *") and not s.endswith("LIMIT 0")]
