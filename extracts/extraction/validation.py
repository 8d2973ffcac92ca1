"""Did the source keep its promise, and is the finished file what was approved? The answer is a Report of counts.

Rules:
1. The source suite runs before anything is built, as the agreement's own role: it sees the approved rows and columns
   of that agreement, no others, so a rule about another column is listed as not applicable.
2. The release suite runs on the finished file: the rules of `release.yaml`, and those made from plan and contract.
3. A failed check stops the release. So does one that could not be run. A report never holds a value.

Great Expectations does the checking; it is imported only when a validation runs (`validation_engine`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.agreement.plan import ExtractPlan, Period, PlannedDataset
from extracts.canonical import digest
from extracts.catalogue.contract import Dataset
from extracts.documents import read
from extracts.errors import CheckFailed, ExtractsError, LimitExceeded, SourceLate
from extracts.extraction.validation_check import COLUMNS, FACTS, ROWS, Check, Finding, result_of, rule_check
from extracts.extraction.validation_release import Facts, release_checks
from extracts.extraction.validation_source import SourceFacts, shown_in_file, source_checks, written_checks
from extracts.extraction.validation_suite import Scope, Suite, check_contract_rules, suite_from_document
from extracts.extraction.values import CheckKind, CheckResult, Extract, ExtractFile, Report, SourceCheck

if TYPE_CHECKING:
    import sqlalchemy as sa

    from extracts.extraction.sources.interface import Source

_RAISES: tuple[tuple[CheckKind, type[ExtractsError]], ...] = (
    (CheckKind.QUALITY, CheckFailed),
    (CheckKind.LIMIT, LimitExceeded),
    (CheckKind.FRESHNESS, SourceLate),
)
_MOST_SAID = 10


def read_release_suite(path: Path) -> Suite:
    """`release.yaml`. Raises InvalidDocument with every fault: line, field, what is allowed."""
    return suite_from_document(read(path), Scope((), tuple(f.name for f in fields(Facts))))


def read_source_suite(path: Path, dataset: Dataset) -> Suite:
    """A dataset's `source.yaml`, whose rules may name the contract's columns. Raises InvalidDocument."""
    columns = tuple(c.name for c in dataset.columns)
    return suite_from_document(read(path), Scope(columns, tuple(f.name for f in fields(SourceFacts))))


def validate_source(
    planned: PlannedDataset,
    dataset: Dataset,
    suite: Suite,
    check: SourceCheck,
    period: Period,
    source: Source,
    reading: str,
    now: datetime,
) -> Report:
    """Whether the source kept its promises for this agreement's rows, asked of it in a few counting queries.

    `source`: entered as the agreement; `reading`: what to select from, its data view.
    Raises InvalidDocument if the contract's quality rules are not ones that can be run; SourceUnreachable, if only
    because a standby gave way (SourceGaveWay). What it finds does not raise: `check_report` does.
    """
    from extracts.extraction.sources.gave_way import GAVE_WAY
    from extracts.extraction.sources.rows import column_types
    from extracts.extraction.sources.view_sql import read_columns
    from extracts.extraction.validation_open import facts_query, source_query

    check_contract_rules(dataset)
    types = column_types(dataset)
    readable = read_columns(planned)
    facts = SourceFacts(_hours(check.loaded_at, now), _hours(check.hold_list_loaded_at, now), check.hold_list_entries)
    checks, hidden = source_checks(planned, dataset, facts, readable)
    columns = {c: (types[c], "keep") for c in readable}
    rules = [(r, ROWS, "") for r in dataset.quality if not shown_in_file(planned, dataset, r)]
    rules += [(r, e.subject.value, e.says) for e in suite.rules for r in e.on(columns)]
    written, out_of_sight = written_checks(dataset, rules, readable)
    batches = {FACTS: facts_query(facts), ROWS: source_query(planned, types, period, reading)}
    checks = _with_facts(checks + written, asdict(facts))
    results = _run(source.validation_engine(), batches, checks, GAVE_WAY)
    return _report("Source validation", suite, checks, results + hidden + out_of_sight)


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

    `previous`: rows of the previous delivery by dataset; a dataset that was never delivered is absent. Memory stays
    flat: 5 million rows take little more than 1 million. Raises InvalidDocument if the contract's quality rules are
    not ones that can be run; what it finds does not raise: `check_report` does.
    """
    from extracts.extraction.validation_open import columns_query, facts_query, file_query, open_file

    done: list[Check] = []
    results: list[CheckResult] = []
    for planned in plan.datasets:
        file = next(f for f in extract.files if f.dataset == planned.dataset)
        facts = _facts(extract, file, previous.get(planned.dataset), now)
        dataset = datasets[planned.dataset]
        check_contract_rules(dataset)
        checks, hidden = release_checks(planned, dataset, plan.limits, facts)
        checks += [rule_check(r, dataset.name) for r in dataset.quality if shown_in_file(planned, dataset, r)]
        checks = _with_facts(checks + _suite_checks(suite, planned, file.rows), asdict(facts))
        batches = {COLUMNS: columns_query(file.path), FACTS: facts_query(facts), ROWS: file_query(file.path)}
        results += _run(open_file(file.path, memory_limit_mb, threads), batches, checks) + hidden
        done += checks
    return _report("Release validation", suite, done, results)


def check_report(report: Report) -> None:
    """Raises unless every check that applies ran and passed.

    CheckFailed names the failing checks; LimitExceeded if only limits of the agreement stop it; SourceLate if only
    age does.
    """
    if report.passed:
        return
    stopping = report.stopping
    if not stopping:
        raise CheckFailed(f"{report.title}: no check was made.", advice="Nothing was delivered. Look at the suites.")
    said = "; ".join(_said(c) for c in stopping[:_MOST_SAID])
    more = f"; and {len(stopping) - _MOST_SAID} more" if len(stopping) > _MOST_SAID else ""
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


def _suite_checks(suite: Suite, planned: PlannedDataset, rows: int) -> list[Check]:
    columns = {c.name: (c.delivered_type, c.treatment_name) for c in planned.columns}
    return [
        rule_check(rule, planned.dataset, entry.subject.value, entry.says, rows)
        for entry in suite.rules
        for rule in entry.on(columns)
    ]


def _with_facts(checks: list[Check], facts: Mapping[str, int | Decimal | None]) -> list[Check]:
    """Checks of facts say the fact, not `1 of 1 rows`."""
    return [
        replace(c, target=c.target.split(".")[0], detail=_told(c, facts)) if c.batch == FACTS else c for c in checks
    ]


def _told(check: Check, facts: Mapping[str, int | Decimal | None]) -> str:
    fact = str(check.arguments.get("column"))
    value = facts.get(fact)
    if isinstance(value, Decimal):
        return f"{value:,.1f} hours"
    return f"{value:,} {fact.replace('_', ' ')}" if value is not None else "unknown"


def _run(
    engine: sa.Engine, batches: Mapping[str, str], checks: list[Check], ended: tuple[str, ...] = ()
) -> list[CheckResult]:
    """ended: codes by which a standby says that it gave way; then nothing was found out about the source."""
    run_checks = great_expectations_checks()
    try:
        found = run_checks(engine, batches, checks)
    finally:
        engine.dispose()
    for code in ended:
        if any(code in f.failure.split(", ") for f in found.values()):
            from extracts.extraction.sources.gave_way import gave_way

            raise gave_way(f"SQLSTATE {code}")
    return [result_of(c, found[c]) for c in checks]


def great_expectations_checks() -> Callable[[sa.Engine, Mapping[str, str], list[Check]], Mapping[Check, Finding]]:
    """`validation_engine.run_checks`, imported without a word of Great Expectations below an error.

    It tells of hundreds of functions that it skips, and would drown what the task's log has to say.
    """
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    from extracts.extraction.validation_engine import run_checks

    return run_checks


def _report(title: str, suite: Suite, checks: list[Check], results: list[CheckResult]) -> Report:
    applied = digest([suite.digest, [c.meaning() for c in checks]])
    return Report(title, suite.reference, tuple(results), applied)
