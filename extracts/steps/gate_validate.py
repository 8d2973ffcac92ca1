"""Gate 4: inspect the finished clear files, validate them, and write the quality report, whatever it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from extracts.canonical import digest
from extracts.extraction.validation import check_report, validate_release
from extracts.extraction.values import Extract, Report
from extracts.record import register
from extracts.record.transaction import reading
from extracts.steps import evidence
from extracts.steps.approval import Approved, approved_now
from extracts.steps.canaries import read_canaries
from extracts.steps.claim import check_staging
from extracts.steps.gate_sign import REPORTS
from extracts.steps.gate_source import SOURCE_REPORTS, report_document
from extracts.steps.quality_report import write_report
from extracts.steps.state import RunState, check_unchanged, extract_digest, load_extract, settled_states
from extracts.steps.suites import release_suite

if TYPE_CHECKING:
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace

_OF_A_PART = 2  # of one recipient: what was inspected, and what the release suite says


def validate_extract(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """Reopen the files as a stranger would, then run the release suite.

    Raises CheckFailed, LimitExceeded, SourceLate: naming checks, with counts only. Raises SettingMissing.
    """
    states, staging = settled_states(work, key, folder), check_staging(folder, key)
    approved = approved_now(work, key.request_id, *key.starters)
    found = []
    for state in states:
        check_unchanged(state, approved.decision.digest, approved.signed_plan.digest)
        found.append(_examine(work, key, folder, approved.part(state.recipient), state, state.staging(staging)))
    write_report(folder, approved, states, _titled(states, [f.reports for f in found]), [f.extract for f in found])
    for report in (r for f in found for r in f.reports):
        check_report(report)
    for state, one in zip(states, found, strict=True):
        proved = {"extract": one.extract_digest, "reports": one.reports_digest, "checks": _checks(one.reports)}
        evidence.remember(work, key, state.delivery_id, evidence.EXTRACT_VALIDATED, proved)
    told = [r for f in found for r in f.reports]
    return {"checks": _checks(told), "reports": [r.title for r in told]}


@dataclass(frozen=True)
class _Examined:
    """What was found of one delivery."""

    extract: Extract
    extract_digest: str
    reports: tuple[Report, ...]
    reports_digest: str


def _examine(
    work: Workplace, key: RunKey, folder: RunFolder, approved: Approved, state: RunState, staging: Path
) -> _Examined:
    from extracts.extraction.inspection import inspect

    built = extract_digest(staging)
    evidence.demand(work, key, state.delivery_id, evidence.EXTRACT_BUILT, {"extract": built})
    checked = _source_reports(work, key, state, folder)
    extract = load_extract(staging)
    limits, division = work.limits, approved.signed_plan.division
    inspected = inspect(approved.plan, extract, canaries=read_canaries(work.places.canaries), division=division)
    released = validate_release(
        approved.plan,
        extract,
        work.datasets,
        release_suite(work),
        _previous_rows(work, state),
        work.now(),
        limits.memory_limit_mb,
        limits.threads,
    )
    reports = (*checked, inspected, released)
    documents = [report_document(r) for r in reports]
    folder.write(state.note(REPORTS), {"reports": documents})
    return _Examined(extract, built, reports, digest(documents))


def _checks(reports: Iterable[Report]) -> int:
    return sum(len(r.checks) for r in reports)


def _titled(states: tuple[RunState, ...], reports: list[tuple[Report, ...]]) -> list[Report]:
    """As they stand on one page: those on the source once, the others with the recipient where there are several."""
    shared = len(reports[0]) - _OF_A_PART
    own = [
        replace(report, title=f"{report.title}, for {state.part}") if state.part else report
        for state, each in zip(states, reports, strict=True)
        for report in each[shared:]
    ]
    return [*reports[0][:shared], *own]


def _source_reports(work: Workplace, key: RunKey, state: RunState, folder: RunFolder) -> tuple[Report, ...]:
    documents = folder.read(SOURCE_REPORTS).get("reports", [])
    evidence.demand(work, key, state.delivery_id, evidence.SOURCE_CHECKED, {"reports": digest(documents)})
    return TypeAdapter(tuple[Report, ...]).validate_python(documents)


def _previous_rows(work: Workplace, state: RunState) -> dict[str, int]:
    with reading(work.register) as view:
        previous = register.previous_delivery(view, state.request_id, state.first, state.part)
    return {f.dataset: f.rows for f in previous.files} if previous else {}
