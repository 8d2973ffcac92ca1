"""Gate 4: inspect the finished clear files, validate them, and write the quality report, whatever it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from extracts.canonical import digest
from extracts.extraction.validation import check_report, validate_release
from extracts.extraction.values import Report
from extracts.record import register
from extracts.record.transaction import reading
from extracts.steps import evidence
from extracts.steps.approval import approved_now
from extracts.steps.canaries import read_canaries
from extracts.steps.claim import check_staging
from extracts.steps.gate_sign import REPORTS
from extracts.steps.gate_source import SOURCE_REPORTS, report_document
from extracts.steps.quality_report import write_report
from extracts.steps.state import RunState, check_unchanged, extract_digest, load_extract, settled_state
from extracts.steps.suites import release_suite

if TYPE_CHECKING:
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace


def validate_extract(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """Reopen the files as a stranger would, then run the release suite.

    Raises CheckFailed, LimitExceeded, SourceLate: naming checks, with counts only. Raises SettingMissing.
    """
    from extracts.extraction.inspection import inspect

    state, staging = settled_state(work, key, folder), check_staging(folder, key)
    approved = approved_now(work, key.request_id, *key.starters)
    check_unchanged(state, approved.decision.digest, approved.plan.digest)
    built = {"extract": extract_digest(staging)}
    evidence.demand(work, key, state.delivery_id, evidence.EXTRACT_BUILT, built)
    checked = _source_reports(work, key, state, folder)
    extract = load_extract(staging)
    limits = work.limits
    inspected = inspect(
        approved.plan,
        extract,
        canaries=read_canaries(work.places.canaries),
    )
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
    folder.write(REPORTS, {"reports": documents})
    write_report(folder, approved, state, reports, extract)
    for report in reports:
        check_report(report)
    proved = {**built, "reports": digest(documents), "checks": sum(len(r.checks) for r in reports)}
    evidence.remember(work, key, state.delivery_id, evidence.EXTRACT_VALIDATED, proved)
    return {"checks": sum(len(r.checks) for r in reports), "reports": [r.title for r in reports]}


def _source_reports(work: Workplace, key: RunKey, state: RunState, folder: RunFolder) -> tuple[Report, ...]:
    documents = folder.read(SOURCE_REPORTS).get("reports", [])
    evidence.demand(work, key, state.delivery_id, evidence.SOURCE_CHECKED, {"reports": digest(documents)})
    return TypeAdapter(tuple[Report, ...]).validate_python(documents)


def _previous_rows(work: Workplace, state: RunState) -> dict[str, int]:
    with reading(work.register) as view:
        previous = register.previous_delivery(view, state.request_id, state.first)
    return {f.dataset: f.rows for f in previous.files} if previous else {}
