"""Gate 4: inspect the finished clear files, validate them, and write the quality report, whatever it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from extracts.canonical import digest
from extracts.extraction.report import render_report
from extracts.extraction.validation import check_report, validate_release
from extracts.extraction.values import Extract, Report
from extracts.record import register
from extracts.record.transaction import reading
from extracts.steps import evidence
from extracts.steps.approval import Approved, approved_now
from extracts.steps.claim import check_staging
from extracts.steps.gate_sign import REPORTS
from extracts.steps.gate_source import SOURCE_REPORTS, report_document
from extracts.steps.state import RunState, check_unchanged, extract_digest, load_extract, settled_state
from extracts.steps.suites import release_suite

if TYPE_CHECKING:
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace


def validate_extract(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """Reopen the files as a stranger would, then run the release suite.

    Raises CheckFailed, LimitExceeded, SourceLate: naming checks, with counts only.
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
    inspected = inspect(approved.plan, extract, memory_limit_mb=limits.memory_limit_mb, threads=limits.threads)
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
    folder.write_text("report.html", _page(approved, state, extract, reports))
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


def _page(approved: Approved, state: RunState, extract: Extract, reports: tuple[Report, ...]) -> str:
    facts = {
        "Delivery": state.delivery_id,
        "Agreement": f"{approved.plan.request_id}, {approved.request['title']}",
        "For": approved.request["recipient"]["name"],
        "Under": approved.request["gateway"]["title"],
        "Period": f"{state.period} ({state.first} to {state.last})",
        "Data as at": f"{extract.snapshot.at:%d %B %Y %H:%M} UTC",
        "Rows": ", ".join(f"{f.dataset} {f.rows:,}" for f in extract.files),
        "Plan": approved.plan.digest,
    }
    return render_report(
        f"Quality report {state.delivery_id}", facts, reports, {f.dataset: f.funnel for f in extract.files}
    )
