"""One check to be run and what was found: the values that pass between the rules and the engine that runs them.

The builders here are the vocabulary of `validation_release` and `validation_source`: a rule, a number of rows, a fact,
a query that must find nothing. A query is formatted by Great Expectations, so braces in it are doubled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extracts.catalogue.contract import QualityRule
from extracts.extraction.validation_rules import RULES, columns_of, sentence
from extracts.extraction.values import CheckKind, CheckResult

ROWS = "rows"
COLUMNS = "columns"
FACTS = "facts"
_SOME_KEYS = 5_000_000


@dataclass(frozen=True, eq=False)
class Check:
    """One expectation on one batch (rows, columns or facts), with the words in which a report says it.

    `counted`: what faults are, `2 keys occur twice`. `detail` replaces the counts where a fact says it better.
    """

    batch: str
    expectation: str
    arguments: Mapping[str, Any]
    name: str
    target: str
    harm: str
    kind: CheckKind = CheckKind.QUALITY
    counted: str = "rows"
    detail: str = ""

    def meaning(self) -> dict[str, Any]:
        """What the suite's digest is over."""
        arguments = {n: str(v) if isinstance(v, float) else v for n, v in self.arguments.items()}
        return {"batch": self.batch, "type": self.expectation, "arguments": arguments, "target": self.target}


@dataclass(frozen=True)
class Finding:
    """What one check found: counts only. `failure` is a code or a class name if it could not be run."""

    passed: bool = False
    faults: int | None = None
    rows: int | None = None
    failure: str = ""


def rule_check(rule: QualityRule, dataset: str, batch: str = ROWS, says: str = "", rows: int = 0) -> Check:
    """A suite's or contract's rule. `rows` of the file, if known, keep the memory of a uniqueness check flat."""
    columns = columns_of(rule.arguments)
    if rule.expectation.endswith("_to_be_unique"):
        return unique_check(dataset, columns, rule.reason, rows)
    late = batch == FACTS and any(c.endswith("_age_hours") for c in columns)
    return Check(
        batch,
        rule.expectation,
        {n: _value(n, v) for n, v in rule.arguments.items()},
        says or sentence(RULES[rule.expectation], rule.arguments),
        f"{dataset}.{', '.join(columns)}" if columns else dataset,
        rule.reason,
        CheckKind.FRESHNESS if late else CheckKind.QUALITY,
    )


def column_check(expectation: str, dataset: str, column: str, harm: str, **arguments: Any) -> Check:
    """An expectation about one column."""
    return rule_check(QualityRule(expectation, {"column": column, **arguments}, harm), dataset)


def unique_check(dataset: str, columns: Iterable[str], harm: str, rows: int = 0) -> Check:
    """No two rows have the same values here. rows: of the file; 0 if it is no file, but the source itself."""
    names = tuple(columns)
    list_sql = ", ".join(quoted_name(n) for n in names)
    where = f"WHERE hash({list_sql}) IN ({_twice(f'hash({list_sql})', rows)}) " if rows else ""
    query = f"SELECT 1 AS found FROM {{batch}} {where}GROUP BY {list_sql} HAVING count(*) > 1"
    return query_check(
        ROWS, query, unique_words(names), f"{dataset}.{', '.join(names)}", harm, "values occur more than once"
    )


def rising_check(dataset: str, column: str, harm: str) -> Check:
    """No two rows have the same value here, of a file whose rows rise by it: each is above the one before.

    A third of what looking for the same values takes, and of a file in another order it proves nothing, so it fails.
    """
    value = quoted_name(column)
    rows = f"SELECT {value}, lag({value}) OVER () AS before, row_number() OVER () AS place FROM {{batch}}"
    query = f"SELECT 1 AS found FROM ({rows}) AS r WHERE place > 1 AND (before IS NULL OR {value} <= before)"
    counted = "values occur more than once, or out of their order"
    return query_check(ROWS, query, unique_words((column,)), f"{dataset}.{column}", harm, counted)


def _twice(hashed: str, rows: int) -> str:
    """Which hashes occur twice: 8 bytes a row in place of a key. In parts, so that memory stays flat."""
    parts = 1 + rows // _SOME_KEYS
    wheres = [f"WHERE {hashed} % {parts} = {i} " for i in range(parts)] if parts > 1 else [""]
    return " UNION ALL ".join(
        f"SELECT {hashed} FROM {{batch}} {where}GROUP BY 1 HAVING count(*) > 1" for where in wheres
    )


def unique_words(columns: Sequence[str]) -> str:
    """How a report says that these columns form a key."""
    return "is different in every row" if len(columns) == 1 else "are different in every row"


def count_check(
    batch: str, limits: tuple[int, int], words: str, target: str, harm: str, kind: CheckKind = CheckKind.QUALITY
) -> Check:
    """The number of rows is within limits, both included."""
    arguments = {"min_value": limits[0], "max_value": limits[1]}
    counted = "columns" if batch == COLUMNS else "rows"
    return Check(batch, "expect_table_row_count_to_be_between", arguments, words, target, harm, kind, counted)


def fact_check(fact: str, most: int, words: str, target: str, harm: str, kind: CheckKind, detail: str) -> Check:
    """A fact about the run is at most so much."""
    arguments: Mapping[str, Any] = {"column": fact, "max_value": most}
    expectation = "expect_column_values_to_be_between"
    return Check(FACTS, expectation, arguments, words, target, harm, kind, detail=detail)


def query_check(batch: str, query: str, words: str, target: str, harm: str, counted: str) -> Check:
    """A query that must find nothing."""
    arguments = {"unexpected_rows_query": query}
    return Check(batch, "unexpected_rows_expectation", arguments, words, target, harm, counted=counted)


def not_applicable(words: str, target: str, reason: str, harm: str, kind: CheckKind = CheckKind.QUALITY) -> CheckResult:
    """The line of a rule that cannot concern this agreement or this file."""
    return CheckResult(words, target, True, not_applicable=reason, harm=harm, kind=kind)


def result_of(check: Check, finding: Finding) -> CheckResult:
    """The line of the report."""
    return CheckResult(
        name=check.name,
        target=check.target,
        passed=finding.passed and not finding.failure,
        detail=check.detail or _detail(finding, check.counted),
        not_checked=f"it could not be run ({finding.failure})" if finding.failure else "",
        harm=check.harm,
        kind=check.kind,
    )


def quoted_name(text: str) -> str:
    """An identifier in a query that is yet to be formatted."""
    return '"' + doubled(text.replace('"', '""')) + '"'


def quoted_text(text: str) -> str:
    """A text literal in a query that is yet to be formatted."""
    return "'" + doubled(text.replace("'", "''")) + "'"


def doubled(text: str) -> str:
    """A text in a query that is yet to be formatted."""
    return text.replace("{", "{{").replace("}", "}}")


def _detail(finding: Finding, counted: str) -> str:
    """What was found, in counts: `all 1,000 rows`, or `3 of 1,000 rows break this`."""
    if finding.failure or (finding.faults is None and finding.rows is None):
        return ""
    if finding.faults is None:
        return f"{finding.rows:,} {counted}"
    if finding.rows is None:
        return f"{finding.faults or 'no':,} {counted}" if finding.faults else f"no {counted}"
    if not finding.faults:
        return f"all {finding.rows:,} {counted}"
    return f"{finding.faults:,} of {finding.rows:,} {counted} break this"


def _value(name: str, value: Any) -> Any:
    """Bounds as the database compares them: numbers as numbers, dates as text."""
    if name in ("mostly", "min_value", "max_value") and re.fullmatch(r"-?\d+(\.\d+)?", str(value)):
        return float(str(value)) if "." in str(value) else int(value)
    return value
