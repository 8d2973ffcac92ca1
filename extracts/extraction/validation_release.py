"""What a finished file must be, made from the signed plan and the contract: pure, so that people can read the rules.

Rules:
1. Columns: exactly the planned ones, in order, with the planned types.
2. Rows: as many as were built, within the plan's limits, and not far from the previous delivery.
3. Values: keys unique, what the contract promises never null is filled, other columns to the share asked for; allowed
   values and ranges hold where the treatment keeps them; every treated column has the form that its treatment gives.
4. Freshness: the source was loaded, and the snapshot taken, no longer ago than the plan allows.
5. A promise that the file cannot show (a key that is not delivered whole, no previous delivery) is listed with the
   reason; it is not passed off as checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from extracts.agreement.plan import Limits, PlannedColumn, PlannedDataset
from extracts.catalogue.contract import Column, ColumnType, Dataset
from extracts.extraction.ordering import leading_pseudonym
from extracts.extraction.validation_check import (
    COLUMNS,
    ROWS,
    Check,
    column_check,
    count_check,
    fact_check,
    not_applicable,
    query_check,
    quoted_text,
    rising_check,
    unique_check,
    unique_words,
)
from extracts.extraction.validation_treated import form_checks
from extracts.extraction.values import CheckKind, CheckResult

KEY_HARM = "One person or claim is counted twice, or paid twice."
AGE_HARM = "Decisions about people are made on data that is no longer true."
_TYPES: Mapping[ColumnType, tuple[str, str]] = {
    ColumnType.STRING: ("VARCHAR", "texts"),
    ColumnType.INTEGER: ("INTEGER", "whole numbers"),
    ColumnType.DATE: ("DATE", "dates"),
    ColumnType.TIMESTAMP: ("TIMESTAMP WITH TIME ZONE", "times with their zone"),
    ColumnType.BOOLEAN: ("BOOLEAN", "yes or no"),
}
_KEEPS_EACH_APART = ("keep", "pseudonymise")
_KEEPS_VALUES = ("keep", "council")


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


def release_checks(
    planned: PlannedDataset, dataset: Dataset, limits: Limits, facts: Facts
) -> tuple[list[Check], list[CheckResult]]:
    """Every check that plan and contract ask for, and the lines of those that this file cannot show."""
    change, first = _change_check(planned.dataset, limits, facts)
    key, hidden = _key_check(planned, facts.built_rows)
    checks = [*_row_checks(planned.dataset, limits, facts), *change, *_age_checks(planned, facts)]
    checks += [*_column_number(planned), *key]
    for position, column in enumerate(planned.columns, start=1):
        checks += _column_checks(planned.dataset, position, column, dataset.column(column.source))
    return checks, [*first, *hidden]


def delivered_key(planned: PlannedDataset) -> tuple[list[str], list[str]]:
    """The delivered columns of the key, and the key's columns that no delivered column keeps apart."""
    delivered = {c.source: c.name for c in planned.columns if c.treatment_name in _KEEPS_EACH_APART}
    return [delivered[k] for k in planned.key if k in delivered], [k for k in planned.key if k not in delivered]


def promise_checks(dataset: str, name: str, column: Column) -> list[Check]:
    """The contract's allowed values and range, for a column that holds the source's values."""
    found = []
    if column.allowed_values:
        harm = "A code that the recipient cannot read is taken for another."
        values = list(column.allowed_values)
        found.append(column_check("expect_column_values_to_be_in_set", dataset, name, harm, value_set=values))
    limits = {n: v for n, v in (("min_value", column.minimum), ("max_value", column.maximum)) if v}
    if limits:
        harm = "An impossible value is taken for a true one."
        found.append(column_check("expect_column_values_to_be_between", dataset, name, harm, **limits))
    return found


def filled_check(dataset: str, name: str) -> Check:
    """The contract promises a value in every row."""
    harm = "A promised value is missing, and nobody notices."
    return column_check("expect_column_values_to_not_be_null", dataset, name, harm)


def keeps_values(planned: PlannedColumn) -> bool:
    """Whether the file holds the source's own values of this column."""
    return planned.treatment_name in _KEEPS_VALUES


def _column_number(planned: PlannedDataset) -> list[Check]:
    number = len(planned.columns)
    harm = "A column leaves that nobody approved."
    words = f"there are exactly {number} columns"
    return [count_check(COLUMNS, (number, number), words, planned.dataset, harm)]


def _row_checks(dataset: str, limits: Limits, facts: Facts) -> list[Check]:
    built, low, high = facts.built_rows, limits.min_rows, limits.max_rows
    found = [
        count_check(
            ROWS, (built, built), f"the number of rows is the {built:,} that were built", dataset, "Rows are lost."
        ),
        count_check(
            ROWS,
            (low, high),
            f"the number of rows is between {low:,} and {high:,}, the agreement's limits",
            dataset,
            "A filter that went wrong sends far more people's data than was approved, or far less.",
            CheckKind.LIMIT,
        ),
    ]
    if facts.all_files_rows != built:
        words = f"the rows of all files together are at most {high:,}"
        harm = "Several files together pass a limit that each of them keeps."
        said = f"{facts.all_files_rows:,} rows"
        found.append(fact_check("all_files_rows", high, words, dataset, harm, CheckKind.LIMIT, said))
    return found


def _change_check(dataset: str, limits: Limits, facts: Facts) -> tuple[list[Check], list[CheckResult]]:
    percent, before = limits.change_percent, facts.previous_rows
    words = f"the number of rows is within {percent} % of the previous delivery"
    harm = "A load that failed in part, or a view that changed, goes unnoticed."
    if before is None:
        reason = "this is the first delivery: there is nothing to compare with"
        return [], [not_applicable(words, dataset, reason, harm, CheckKind.LIMIT)]
    low, high = -(-before * max(0, 100 - percent) // 100), before * (100 + percent) // 100
    words = f"{words}, which had {before:,}: {low:,} to {high:,}"
    return [count_check(ROWS, (low, high), words, dataset, harm, CheckKind.LIMIT)], []


def _age_checks(planned: PlannedDataset, facts: Facts) -> list[Check]:
    hours = planned.max_age_hours
    ages = (
        ("source_age_hours", f"the source was loaded at most {hours} hours before it was read", facts.source_age_hours),
        ("snapshot_age_hours", f"the source was read at most {hours} hours ago", facts.snapshot_age_hours),
    )
    return [
        fact_check(fact, hours, words, planned.dataset, AGE_HARM, CheckKind.FRESHNESS, f"{age:.1f} hours")
        for fact, words, age in ages
    ]


def _key_check(planned: PlannedDataset, rows: int) -> tuple[list[Check], list[CheckResult]]:
    delivered, missing = delivered_key(planned)
    if delivered == [leading_pseudonym(planned)] and not missing:
        return [rising_check(planned.dataset, delivered[0], KEY_HARM)], []
    if not missing:
        return [unique_check(planned.dataset, delivered, KEY_HARM, rows)], []
    reason = f"the key is not delivered whole ({', '.join(missing)}): the source validation checks it"
    target = f"{planned.dataset}.{', '.join(planned.key)}"
    return [], [not_applicable(unique_words(planned.key), target, reason, KEY_HARM)]


def _column_checks(dataset: str, position: int, planned: PlannedColumn, column: Column | None) -> list[Check]:
    how = planned.treatment_name
    found = [_place_check(dataset, position, planned)]
    if (column is not None and not column.nullable) or how == "present":
        found.append(filled_check(dataset, planned.name))
    elif planned.filled_percent:
        found.append(_share_check(dataset, planned))
    if column is not None and keeps_values(planned):
        found += promise_checks(dataset, planned.name, column)
    return found + form_checks(dataset, planned)


def _share_check(dataset: str, planned: PlannedColumn) -> Check:
    harm = "The data does not serve its purpose, and gaps are taken for facts about people."
    share = str(Decimal(planned.filled_percent) / 100)
    return column_check("expect_column_values_to_not_be_null", dataset, planned.name, harm, mostly=share)


def _place_check(dataset: str, position: int, planned: PlannedColumn) -> Check:
    type_sql, type_words = _type(planned)
    wanted = f"position = {position} AND column_name = {quoted_text(planned.name)} AND column_type = '{type_sql}'"
    query = f"SELECT 1 AS missing WHERE NOT EXISTS (SELECT 1 FROM {{batch}} WHERE {wanted})"
    harm = "An approved column is missing, or holds something else."
    words = f"is column {position} and holds {type_words}"
    return query_check(COLUMNS, query, words, f"{dataset}.{planned.name}", harm, "difference")


def _type(planned: PlannedColumn) -> tuple[str, str]:
    """The type in the file, as DuckDB names it, and in words."""
    if planned.delivered_type is ColumnType.DECIMAL:
        return f"DECIMAL({planned.precision},{planned.scale})", f"numbers with {planned.scale} decimals"
    return _TYPES[planned.delivered_type]
