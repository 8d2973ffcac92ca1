"""What a finished file must be, made from the signed plan and the contract: pure, so that tests and people can read it.

Rules:
1. Columns: exactly the planned ones, in order, with the planned types.
2. Rows: as many as were built, within the plan's limits, and not far from the previous delivery.
3. Values: keys unique, what the contract promises never null is filled, allowed values and ranges hold where the
   treatment keeps them, and every treated column has the form that its treatment gives.
4. Freshness: the source was loaded, and the snapshot taken, no longer ago than the plan allows.
5. A promise that the file cannot show (a key that is not delivered whole, no previous delivery) is listed with the
   reason; it is not passed off as checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from extracts.agreement.plan import Limits, PlannedColumn, PlannedDataset
from extracts.catalogue.contract import Column, ColumnType, Dataset
from extracts.catalogue.treatments import PSEUDONYM_PATTERN
from extracts.extraction.validation_check import COLUMNS, FACTS, ROWS, Check
from extracts.extraction.validation_rules import RULES, sentence
from extracts.extraction.values import CheckKind, CheckResult

_SOME_KEYS = 1_000_000
_FILE_TYPES = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.INTEGER: "INTEGER",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
    ColumnType.BOOLEAN: "BOOLEAN",
}
_NUMBER = r"-?\d+(\.\d+)?"
_FORMS: Mapping[str, tuple[str, str]] = {
    "pseudonymise": (PSEUDONYM_PATTERN, "a pseudonym: 32 hex characters"),
    "month": (r"\d{4}-(0[1-9]|1[0-2])", "a month, such as 2026-11"),
    "quarter": (r"\d{4}-Q[1-4]", "a quarter, such as 2026-Q4"),
    "age_band": (r"\d{1,3}-\d{1,3}", "an age band, such as 30-39"),
    "postcode_area": (r"[A-Z]{1,2}", "a postcode area, such as KY"),
    "postcode_district": (r"[A-Z]{1,2}\d[A-Z\d]?", "a postcode district, such as KY1"),
    "postcode_sector": (r"[A-Z]{1,2}\d[A-Z\d]? \d", "a postcode sector, such as KY1 1"),
    "council": (r"[A-Z]\d{8}", "a council's code, such as S12000047"),
    "band": (rf"<{_NUMBER}|{_NUMBER}-<{_NUMBER}|>={_NUMBER}|{_NUMBER}\+", "a band, such as 50-<100"),
}
_KEEPS_EACH_APART = ("keep", "pseudonymise")


@dataclass(frozen=True)
class Facts:
    """What is known about one file besides its rows: counts and ages. Rules of `release.yaml` may be about these."""

    built_rows: int
    previous_rows: int | None
    all_files_rows: int
    source_rows: int
    filtered_rows: int
    held_rows: int
    withheld_rows: int
    source_age_hours: Decimal
    snapshot_age_hours: Decimal

    def query(self) -> str:
        """One row, for the database to check."""
        return "SELECT " + ", ".join(f"{_sql(v)} AS {n}" for n, v in vars(self).items())


def file_type(column: PlannedColumn) -> str:
    """The type of a delivered column in the file, as DuckDB names it."""
    if column.delivered_type is ColumnType.DECIMAL:
        return f"DECIMAL({column.precision},{column.scale})"
    return _FILE_TYPES[column.delivered_type]


def release_checks(
    planned: PlannedDataset, dataset: Dataset, limits: Limits, facts: Facts
) -> tuple[list[Check], list[CheckResult]]:
    """Every check that plan and contract ask for, and those that this file cannot show."""
    columns = [c for p in planned.columns for c in _column_checks(planned.dataset, p, dataset.column(p.source))]
    change, first = _change_check(planned.dataset, limits, facts)
    key, hidden = _key_check(planned, facts.built_rows)
    checks = [
        *_shape_checks(planned),
        *_row_checks(planned.dataset, limits, facts),
        *change,
        *_age_checks(planned, facts),
        *key,
        *columns,
    ]
    return checks, [*first, *hidden]


def unique_check(dataset: str, columns: Iterable[str], harm: str, rows: int = 0) -> Check:
    """No two rows have the same values here. Large files are taken in parts, so that memory stays flat."""
    names = tuple(columns)
    list_sql = ", ".join(_name(n) for n in names)
    parts = 1 + rows // _SOME_KEYS
    wheres = [f"WHERE hash({list_sql}) % {parts} = {i} " for i in range(parts)] if parts > 1 else [""]
    query = " UNION ALL ".join(
        f"SELECT 1 AS found FROM {{batch}} {where}GROUP BY {list_sql} HAVING count(*) > 1" for where in wheres
    )
    words = "is different in every row" if len(names) == 1 else "are different in every row"
    return _query_check(ROWS, query, words, f"{dataset}.{', '.join(names)}", harm, "keys that occur twice")


def _shape_checks(planned: PlannedDataset) -> list[Check]:
    number = len(planned.columns)
    harm = "A column that nobody approved leaves, or one that was approved is missing."
    found = [_count_check(COLUMNS, number, number, f"there are exactly {number} columns", planned.dataset, harm)]
    for position, column in enumerate(planned.columns, start=1):
        wanted = f"position = {position} AND column_name = {_text(column.name)} AND column_type = '{file_type(column)}'"
        query = f"SELECT 1 AS missing WHERE NOT EXISTS (SELECT 1 FROM {{batch}} WHERE {wanted})"
        words = f"is column {position}, of type {file_type(column)}"
        found.append(_query_check(COLUMNS, query, words, f"{planned.dataset}.{column.name}", harm, "difference"))
    return found


def _row_checks(dataset: str, limits: Limits, facts: Facts) -> list[Check]:
    built, low, high = facts.built_rows, limits.min_rows, limits.max_rows
    found = [
        _count_check(
            ROWS, built, built, f"number of rows is the {built:,} that were built", dataset, "Rows lost on the way."
        ),
        _count_check(
            ROWS,
            low,
            high,
            f"number of rows is between {low:,} and {high:,}, the agreement's limits",
            dataset,
            "A filter that went wrong sends far more people's data, or far less, than was approved.",
            CheckKind.LIMIT,
        ),
    ]
    if facts.all_files_rows != built:
        found.append(
            _fact_check(
                "all_files_rows",
                high,
                f"rows of all files together are at most {high:,}",
                dataset,
                "Several files together pass the limit that each alone keeps.",
                CheckKind.LIMIT,
                f"{facts.all_files_rows:,} rows",
            )
        )
    return found


def _change_check(dataset: str, limits: Limits, facts: Facts) -> tuple[list[Check], list[CheckResult]]:
    percent, before = limits.change_percent, facts.previous_rows
    name = f"number of rows is within {percent} % of the previous delivery"
    harm = "A load that failed in part, or a view that changed, goes unnoticed."
    if before is None:
        reason = "this is the first delivery: there is nothing to compare with"
        return [], [
            CheckResult(name, dataset, True, not_applicable=reason, harm=harm, kind=CheckKind.LIMIT),
        ]
    low, high = -(-before * max(0, 100 - percent) // 100), before * (100 + percent) // 100
    words = f"{name} ({before:,} rows: {low:,} to {high:,})"
    return [_count_check(ROWS, low, high, words, dataset, harm, CheckKind.LIMIT)], []


def _age_checks(planned: PlannedDataset, facts: Facts) -> list[Check]:
    hours = planned.max_age_hours
    harm = "Decisions about people are made on data that is no longer true."
    ages = (
        ("source_age_hours", f"the source was loaded at most {hours} hours before it was read", facts.source_age_hours),
        ("snapshot_age_hours", f"the source was read at most {hours} hours ago", facts.snapshot_age_hours),
    )
    return [
        _fact_check(n, hours, words, planned.dataset, harm, CheckKind.FRESHNESS, f"{age:.1f} hours")
        for n, words, age in ages
    ]


def _key_check(planned: PlannedDataset, rows: int) -> tuple[list[Check], list[CheckResult]]:
    harm = "One person or claim counted twice, or paid twice."
    delivered = {c.source: c.name for c in planned.columns if c.treatment_name in _KEEPS_EACH_APART}
    missing = [k for k in planned.key if k not in delivered]
    if not missing:
        return [unique_check(planned.dataset, [delivered[k] for k in planned.key], harm, rows)], []
    reason = f"the key is not delivered whole ({', '.join(missing)}); the source suite checks it"
    target = f"{planned.dataset}.{', '.join(planned.key)}"
    return [], [CheckResult("are different in every row", target, True, not_applicable=reason, harm=harm)]


def _column_checks(dataset: str, planned: PlannedColumn, column: Column | None) -> list[Check]:
    how = planned.treatment_name
    found: list[Check] = []
    if (column is not None and not column.nullable) or how == "present":
        found.append(_rule("expect_column_values_to_not_be_null", dataset, planned.name, "Promised, but missing."))
    if column is not None and how in ("keep", "council"):
        found += _promises(dataset, planned.name, column)
    if how in _FORMS:
        pattern, form = _FORMS[how]
        harm = f"A value leaves that the treatment {how!r} should have replaced."
        match = _rule("expect_column_values_to_match_regex", dataset, planned.name, harm, regex=f"^({pattern})$")
        found.append(replace(match, name=f"has the form of {form}"))
    return found + _limits_of(dataset, planned)


def _promises(dataset: str, name: str, column: Column) -> list[Check]:
    found = []
    if column.allowed_values:
        harm = "A code that the recipient cannot read is taken for another."
        values = list(column.allowed_values)
        found.append(_rule("expect_column_values_to_be_in_set", dataset, name, harm, value_set=values))
    limits = {n: v for n, v in (("min_value", column.minimum), ("max_value", column.maximum)) if v}
    if limits:
        harm = "An impossible value is taken for a true one."
        found.append(_rule("expect_column_values_to_be_between", dataset, name, harm, **limits))
    return found


def _limits_of(dataset: str, planned: PlannedColumn) -> list[Check]:
    harm = "A value leaves more exactly than was approved."
    if planned.treatment_name == "top_code":
        return [
            _rule("expect_column_values_to_be_between", dataset, planned.name, harm, max_value=planned.parameters[0])
        ]
    if planned.treatment_name == "year":
        return [
            _rule("expect_column_values_to_be_between", dataset, planned.name, harm, min_value=1800, max_value=2200)
        ]
    if planned.treatment_name == "round":
        step = Decimal(planned.parameters[0])
        query = f"SELECT 1 AS found FROM {{batch}} WHERE {_name(planned.name)} % {step} <> 0"
        target = f"{dataset}.{planned.name}"
        return [_query_check(ROWS, query, f"is a multiple of {step}", target, harm, "rows")]
    return []


def _rule(expectation: str, dataset: str, column: str, harm: str, **arguments: Any) -> Check:
    given = {"column": column, **arguments}
    numbers = {n: _number(v) for n, v in given.items() if n in ("min_value", "max_value")}
    words = sentence(RULES[expectation], given)
    return Check(ROWS, expectation, {**given, **numbers}, words, f"{dataset}.{column}", harm)


def _count_check(
    batch: str, low: int, high: int, words: str, target: str, harm: str, kind: CheckKind = CheckKind.QUALITY
) -> Check:
    limits = {"min_value": low, "max_value": high}
    return Check(batch, "expect_table_row_count_to_be_between", limits, words, target, harm, kind)


def _fact_check(fact: str, high: int, words: str, target: str, harm: str, kind: CheckKind, detail: str) -> Check:
    arguments: Mapping[str, Any] = {"column": fact, "max_value": high}
    return Check(FACTS, "expect_column_values_to_be_between", arguments, words, target, harm, kind, detail=detail)


def _query_check(batch: str, query: str, words: str, target: str, harm: str, counted: str) -> Check:
    arguments = {"unexpected_rows_query": query}
    return Check(batch, "unexpected_rows_expectation", arguments, words, target, harm, counted=counted)


def _name(text: str) -> str:
    """An identifier in a query that Great Expectations formats: braces doubled too."""
    return '"' + text.replace('"', '""').replace("{", "{{").replace("}", "}}") + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''").replace("{", "{{").replace("}", "}}") + "'"


def _number(value: Any) -> Any:
    """Bounds as the database compares them: numbers as numbers, dates as text."""
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return value
    return int(number) if number == number.to_integral_value() else float(number)


def _sql(value: int | Decimal | None) -> str:
    return "NULL::BIGINT" if value is None else f"{value}::BIGINT" if isinstance(value, int) else f"{value:.3f}"
