"""Did the source keep its promise, and is the finished file what was approved? The answer is a Report of counts.

Rules:
1. The source suite runs before anything is built, as the agreement's own role: it sees the approved rows and columns
   of that agreement, no others, so a rule about another column is listed as not applicable.
2. The release suite runs on the finished file: the rules of `release.yaml`, and those made from plan and contract.
3. A failed check stops the release. So does one that could not be run. A report never holds a value.

Great Expectations does the checking; it is imported only when a validation runs (`validation_engine`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from extracts.agreement.plan import ExtractPlan, PlannedDataset
from extracts.canonical import digest
from extracts.catalogue.contract import ColumnType, Dataset, QualityRule
from extracts.errors import CheckFailed, ExtractsError, LimitExceeded, SourceLate
from extracts.extraction.validation_check import COLUMNS, FACTS, ROWS, Check, check_of, result_of
from extracts.extraction.validation_release import Facts, release_checks, unique_check
from extracts.extraction.validation_rules import columns_of
from extracts.extraction.validation_suite import ColumnGroup, Subject, Suite
from extracts.extraction.validation_suite import read_suite as read_suite
from extracts.extraction.values import CheckKind, CheckResult, Extract, ExtractFile, Report

_RAISES: tuple[tuple[CheckKind, type[ExtractsError]], ...] = (
    (CheckKind.QUALITY, CheckFailed),
    (CheckKind.LIMIT, LimitExceeded),
    (CheckKind.FRESHNESS, SourceLate),
)
_GROUPS: Mapping[ColumnGroup, tuple[ColumnType, ...]] = {
    ColumnGroup.EVERY: tuple(ColumnType),
    ColumnGroup.TEXT: (ColumnType.STRING,),
    ColumnGroup.NUMBER: (ColumnType.INTEGER, ColumnType.DECIMAL),
    ColumnGroup.DATE: (ColumnType.DATE,),
    ColumnGroup.TIMESTAMP: (ColumnType.TIMESTAMP,),
}


def validate_release(
    plan: ExtractPlan,
    extract: Extract,
    datasets: Mapping[str, Dataset],
    suite: Suite,
    previous: Mapping[str, int],
    now: datetime,
    memory_limit_mb: int = 400,
    threads: int = 2,
) -> Report:
    """Whether the finished clear files are what the plan promises and what every release must be.

    `previous`: rows of the previous delivery by dataset; a dataset that was never delivered is absent.
    Never raises for what it finds: `check_report` does.
    """
    results: list[CheckResult] = []
    meanings: list[object] = [suite.digest]
    for planned in plan.datasets:
        file = next(f for f in extract.files if f.dataset == planned.dataset)
        facts = _facts(extract, file, previous.get(planned.dataset), now)
        checks, hidden = release_checks(planned, datasets[planned.dataset], plan.limits, facts)
        checks += _suite_checks(suite, planned, facts)
        results += _run_on_file(file.path, facts, checks, memory_limit_mb, threads) + hidden
        meanings += [c.meaning() for c in checks]
    return Report("Release validation", suite.reference, tuple(results), digest(meanings))


def check_report(report: Report) -> None:
    """Raises unless every check ran and passed.

    CheckFailed names the failing checks; LimitExceeded if only limits of the agreement stop it; SourceLate if only
    age does.
    """
    if report.passed:
        return
    stopping = report.stopping
    if not stopping:
        raise CheckFailed(
            f"{report.title}: no check was made.", advice="Nothing was delivered. Look at the suite files."
        )
    said = "; ".join(_said(c) for c in stopping[:10])
    more = f"; and {len(stopping) - 10} more" if len(stopping) > 10 else ""
    error = next(error for kind, error in _RAISES if any(c.kind is kind or c.not_checked for c in stopping))
    raise error(
        f"{report.title}: {len(stopping)} of {len(report.checks)} checks stop this run: {said}{more}.",
        advice="Nothing was delivered. The quality report has every check; ask the source's owner about the data.",
    )


def _said(check: CheckResult) -> str:
    why = f"not checked, {check.not_checked}" if check.not_checked else check.detail or "failed"
    return f"{check.target} {check.name} ({why})"


def _facts(extract: Extract, file: ExtractFile, previous: int | None, now: datetime) -> Facts:
    loaded_at = next(s.loaded_at for s in extract.sources if s.dataset == file.dataset)
    return Facts(
        built_rows=file.rows,
        previous_rows=previous,
        all_files_rows=sum(f.rows for f in extract.files),
        source_rows=file.funnel.source,
        filtered_rows=file.funnel.filtered,
        held_rows=file.funnel.held,
        withheld_rows=file.funnel.withheld,
        source_age_hours=_hours(loaded_at, extract.snapshot.at),
        snapshot_age_hours=_hours(extract.snapshot.at, now),
    )


def _hours(earlier: datetime, later: datetime) -> Decimal:
    return Decimal(str((later - earlier).total_seconds())) / 3600


def _suite_checks(suite: Suite, planned: PlannedDataset, facts: Facts) -> list[Check]:
    found: list[Check] = []
    for entry in suite.rules:
        if entry.group is None:
            batch = FACTS if entry.subject is Subject.FACTS else ROWS
            found.append(_file_check(entry.rule, planned.dataset, facts, batch))
            continue
        for name in _columns_in(entry.group, planned):
            rule = QualityRule(entry.rule.expectation, {**entry.rule.arguments, "column": name}, entry.rule.reason)
            found.append(_file_check(rule, planned.dataset, facts))
    return found


def _file_check(rule: QualityRule, dataset: str, facts: Facts, batch: str = ROWS) -> Check:
    if rule.expectation.endswith("_to_be_unique"):
        return unique_check(dataset, columns_of(rule.arguments), rule.reason, facts.built_rows)
    return check_of(rule, dataset, batch)


def _columns_in(group: ColumnGroup, planned: PlannedDataset) -> Iterable[str]:
    if group is ColumnGroup.PSEUDONYM:
        return [c.name for c in planned.columns if c.treatment_name == "pseudonymise"]
    return [c.name for c in planned.columns if c.delivered_type in _GROUPS[group]]


def _run_on_file(
    path: Path, facts: Facts, checks: list[Check], memory_limit_mb: int, threads: int
) -> list[CheckResult]:
    from extracts.extraction.validation_engine import run_checks
    from extracts.extraction.validation_file import open_file, read_query

    rows = read_query(path)
    batches = {
        COLUMNS: f"SELECT row_number() OVER () AS position, column_name, column_type FROM (DESCRIBE {rows})",
        FACTS: facts.query(),
        ROWS: rows,
    }
    engine = open_file(path, memory_limit_mb, threads)
    try:
        found = run_checks(engine, batches, checks)
    finally:
        engine.dispose()
    return [result_of(c, found[c]) for c in checks]
