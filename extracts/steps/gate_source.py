"""Gate 2: is the source still what was approved, is it fresh, and does it keep its contract's promises?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extracts.steps import source
from extracts.steps.approval import approved_now
from extracts.steps.state import check_unchanged, load_state
from extracts.steps.suites import source_suites

if TYPE_CHECKING:
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace

SOURCE_REPORT = "source-report"


def check_source(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """Definitions, rights, load stamps and hold list; then the source suite.

    Raises SourceUnreachable, SourceChanged, SourceLate, HoldStops, CheckFailed.
    """
    from extracts.extraction.validation import check_report, validate_source

    state = load_state(folder)
    approved = approved_now(work, key.request_id, key.started_by)
    check_unchanged(state, approved.decision.digest, approved.plan.digest)
    found = source.check(work, approved.plan)
    report = validate_source(
        approved.plan,
        source.source_of(work, approved.plan),
        found,
        work.datasets,
        source_suites(work, approved.plan),
        state.as_period(),
        work.now(),
    )
    folder.write(SOURCE_REPORT, {"report": report_document(report)})
    check_report(report)
    return {
        "enforced_by": sorted({s.enforced_by for s in found}),
        "age_hours": {s.dataset: round(s.age_hours, 1) for s in found},
        "hold_list_entries": found[0].hold_list_entries,
        "checks": len(report.checks),
    }


def report_document(report: Any) -> Any:
    """A report as plain JSON values."""
    from pydantic import TypeAdapter

    from extracts.extraction.values import Report

    return TypeAdapter(Report).dump_python(report, mode="json")
