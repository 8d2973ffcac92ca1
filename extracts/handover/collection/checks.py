"""What the recipient checks in a decrypted file, without the source: the release expectations that can be made again.

Rules:
1. Shape: exactly the approved columns, in order, with their types; as many rows as the manifest says, within the plan's
   limits, and at least one.
2. Values: keys unique, columns filled to the share that was asked for; untreated texts never blank, without control
   characters, at most 500 long; dates between 1850 and 2150 (`expectations/release.yaml`).
3. People: no text looks like an identifier that it may not hold; groups as large as k where a pseudonym can be counted.
4. What cannot be checked here is said, with the reason. No finding holds a value: columns and counts only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from extracts.agreement.patterns import any_of, patterns_for
from extracts.agreement.plan import ExtractPlan, PlannedColumn, PlannedDataset
from extracts.catalogue.contract import ColumnType, Identifiability
from extracts.catalogue.treatments import TREATED_FORMS
from extracts.errors import TechnicalFailure
from extracts.handover.collection.table import name, opened_table, text
from extracts.handover.facts import FileFacts
from extracts.handover.findings import Finding, checked, failed, not_checked

LONGEST_TEXT = 500
_BLANK_OR_CONTROL = r"^\s*$|[\x01-\x1f\x7f]"
_KEEPS_EACH_APART = ("keep", "pseudonymise")
_TYPES = {
    ColumnType.STRING: ("VARCHAR",),
    ColumnType.INTEGER: ("BIGINT", "INTEGER", "SMALLINT"),
    ColumnType.DATE: ("DATE",),
    ColumnType.TIMESTAMP: ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP"),
    ColumnType.BOOLEAN: ("BOOLEAN",),
}


def check_opened(path: Path, file: FileFacts, plan: ExtractPlan, *, rehearsal: bool = False) -> tuple[Finding, ...]:
    """Every finding on the decrypted file at `path`. A rehearsal has few rows: no least number is asked of it.

    Raises VerificationFailed, TechnicalFailure (no library).
    """
    planned = next(d for d in plan.datasets if d.dataset == file.dataset)
    with opened_table(path) as data:
        shape = _shape(data, planned, file)
        if shape is not None:
            return (shape,)
        found = [checked(f"has exactly the {len(planned.columns)} approved columns, with their types", file.name)]
        found += [*_rows(data, file, plan, rehearsal), *_key(data, file, planned)]
        for column in planned.columns:
            found += _column(data, file, plan, column)
        found += _groups(data, file, plan, planned)
    return tuple(found)


def _shape(data: Any, planned: PlannedDataset, file: FileFacts) -> Finding | None:
    there = [(str(n), str(t)) for n, t, *_ in data.execute("DESCRIBE data").fetchall()]
    if [n for n, _ in there] != [c.name for c in planned.columns]:
        return failed("does not have exactly the approved columns in their order", file.name)
    for (column, kind), wanted in zip(there, planned.columns, strict=True):
        if kind not in _types(wanted):
            return failed(f"column {column} is {kind}, where {_types(wanted)[0]} was approved", file.name)
    return None


def _types(column: PlannedColumn) -> tuple[str, ...]:
    if column.delivered_type is ColumnType.DECIMAL:
        return (f"DECIMAL({column.precision},{column.scale})",)
    return _TYPES[column.delivered_type]


def _rows(data: Any, file: FileFacts, plan: ExtractPlan, rehearsal: bool) -> Iterator[Finding]:
    low = 1 if rehearsal else max(1, plan.limits.min_rows)
    rows, high = _count(data, ""), plan.limits.max_rows
    if rows != file.rows:
        yield failed(f"has {rows} rows, where the manifest says {file.rows}", file.name)
    elif not low <= rows <= high:
        yield failed(f"has {rows} rows, outside the agreement's limits of {low} to {high}", file.name)
    else:
        yield checked(f"has the {rows} rows that the manifest says, within the agreement's limits", file.name)


def _key(data: Any, file: FileFacts, planned: PlannedDataset) -> Iterator[Finding]:
    delivered = {c.source: c.name for c in planned.columns if c.treatment_name in _KEEPS_EACH_APART}
    if any(k not in delivered for k in planned.key):
        yield not_checked("that no row is there twice: its key is not delivered whole", file.name)
        return
    key = ", ".join(name(delivered[k]) for k in planned.key)
    try:
        (twice,) = data.execute(f"SELECT count(*) - count(DISTINCT ({key})) FROM data").fetchone()
    except MemoryError as error:  # DuckDB's OutOfMemory is one
        yield not_checked(f"that no row is there twice: {type(error).__name__}", file.name)
        return
    yield failed(f"{twice} rows are there twice", file.name) if twice else checked("no row is there twice", file.name)


def _column(data: Any, file: FileFacts, plan: ExtractPlan, column: PlannedColumn) -> Iterator[Finding]:
    it = name(column.name)
    if column.filled_percent:
        empty, rows = _count(data, f"{it} IS NULL"), file.rows
        if (rows - empty) * 100 < column.filled_percent * rows:
            yield failed(f"column {column.name} is empty in {empty} rows, more than agreed", file.name)
    problems = list(_date_problems(it, column)) + list(_text_problems(it, plan, column))
    wrong = [(what, n) for what, condition in problems if (n := _count(data, condition))]
    for what, count in wrong:
        yield failed(f"column {column.name} {what} in {count} rows", file.name)
    if problems and not wrong:
        yield checked(f"column {column.name} keeps to its form ({len(problems)} checks)", file.name)


def _date_problems(it: str, column: PlannedColumn) -> Iterator[tuple[str, str]]:
    if column.delivered_type is ColumnType.DATE:
        outside = f"{it} NOT BETWEEN DATE '1850-01-01' AND DATE '2150-12-31'"
        yield "is a date before 1850 or after 2150", outside


def _text_problems(it: str, plan: ExtractPlan, column: PlannedColumn) -> Iterator[tuple[str, str]]:
    if column.delivered_type is not ColumnType.STRING:
        return
    if column.treatment_name in TREATED_FORMS:
        pattern, words = TREATED_FORMS[column.treatment_name]
        yield f"is not {words},", f"NOT regexp_full_match({it}, {text(pattern)})"
    if column.treatment_name == "keep":
        yield "is blank or holds control characters", f"regexp_matches({it}, {text(_BLANK_OR_CONTROL)})"
        yield f"is longer than {LONGEST_TEXT} characters", f"length({it}) > {LONGEST_TEXT}"
        if patterns := patterns_for(plan, column):
            shapes = any_of(p.regex for p in patterns)
            yield "holds what looks like an identifier", f"regexp_matches({it}, {text(shapes)})"


def _groups(data: Any, file: FileFacts, plan: ExtractPlan, planned: PlannedDataset) -> Iterator[Finding]:
    """Where each row's person can be told apart by one pseudonym, k is counted in people again."""
    k, quasi = plan.limits.k, planned.quasi_identifiers
    if plan.identifiability is not Identifiability.PSEUDONYMISED or not quasi or k < 2:
        return
    who = planned.persons[0]
    people = [c.name for c in planned.columns if c.source == who and c.treatment_name == "pseudonymise"]
    if not people:
        yield not_checked(f"that each group has at least {k} people: they cannot be told apart in the file", file.name)
        return
    groups = ", ".join(map(name, quasi))
    counted = f"SELECT count(DISTINCT {name(people[0])}) AS people FROM data GROUP BY {groups}"
    (smallest,) = data.execute(f"SELECT min(people) FROM ({counted})").fetchone()
    if smallest is not None and smallest < k:
        yield failed(f"has a group of fewer than {k} people", file.name)
    else:
        yield checked(f"each group has at least {k} people", file.name)


def _count(data: Any, condition: str) -> int:
    where = f" WHERE {condition}" if condition else ""
    found = data.execute(f"SELECT count(*) FROM data{where}").fetchone()
    if found is None:
        raise TechnicalFailure("Nothing was counted.", advice="Run it again.")
    return int(found[0])
