"""One check to be run and what was found: the two values that pass between rules and the engine that runs them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from extracts.catalogue.contract import QualityRule
from extracts.extraction.validation_rules import RULES, columns_of, sentence
from extracts.extraction.values import CheckKind, CheckResult

ROWS = "rows"
COLUMNS = "columns"
FACTS = "facts"


@dataclass(frozen=True, eq=False)
class Check:
    """One expectation on one batch (rows, columns or facts), with the words in which a report says it."""

    batch: str
    expectation: str
    arguments: Mapping[str, Any]
    name: str
    target: str
    harm: str
    kind: CheckKind = CheckKind.QUALITY
    detail: str = ""
    counted: str = "rows"

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


def check_of(rule: QualityRule, dataset: str, batch: str = ROWS, kind: CheckKind = CheckKind.QUALITY) -> Check:
    """A suite's rule as a check on this dataset."""
    what = RULES[rule.expectation]
    columns = columns_of(rule.arguments)
    return Check(
        batch,
        rule.expectation,
        {n: _value(n, v) for n, v in rule.arguments.items()},
        sentence(what, rule.arguments),
        f"{dataset}.{', '.join(columns)}" if columns else dataset,
        rule.reason,
        kind,
    )


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


def _detail(finding: Finding, counted: str) -> str:
    """What was found, in counts: `all 1,000 rows`, or `3 of 1,000 rows break this`."""
    if finding.failure or (finding.faults is None and finding.rows is None):
        return ""
    if finding.faults is None:
        return f"{finding.rows:,} {counted}"
    if not finding.faults:
        return f"all {finding.rows:,} {counted}" if finding.rows is not None else f"no {counted}"
    return (
        f"{finding.faults:,} of {finding.rows:,} {counted} break this"
        if finding.rows
        else f"{finding.faults:,} {counted}"
    )


def _value(name: str, value: Any) -> Any:
    if name in ("mostly", "min_value", "max_value") and re.fullmatch(r"-?\d+(\.\d+)?", str(value)):
        return float(value) if "." in str(value) else int(value)
    return value
