"""Gate 2: is the source still what was approved, is it fresh, and does it keep its contract's promises?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extracts.canonical import digest
from extracts.extraction.giving_way import again_if_ended
from extracts.extraction.sources.view_sql import data_of
from extracts.steps import evidence, source
from extracts.steps.approval import approved_now
from extracts.steps.quality_report import write_report
from extracts.steps.state import RunState, check_unchanged, settled_states
from extracts.steps.suites import source_suite

if TYPE_CHECKING:
    from extracts.agreement.plan import ExtractPlan
    from extracts.extraction.values import Report, SourceCheck
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace

SOURCE_REPORTS = "source-reports"


def check_source(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """Definitions, rights, load stamps and hold list; then the source suite.

    Raises SourceUnreachable, SourceChanged, SourceLate, HoldStops, CheckFailed.
    """
    from extracts.extraction.validation import check_report

    states = settled_states(work, key, folder)
    state = states[0]
    approved = approved_now(work, key.request_id, *key.starters)
    check_unchanged(state, approved.decision.digest, approved.plan.digest)
    found = source.check(work, approved.plan)
    reports = [_validated(work, approved.plan, checked, state) for checked in found]
    documents = [report_document(r) for r in reports]
    folder.write(SOURCE_REPORTS, {"reports": documents})
    if not all(r.passed for r in reports):
        write_report(folder, approved, states, reports)
    for report in reports:
        check_report(report)
    for each in states:
        evidence.remember(work, key, each.delivery_id, evidence.SOURCE_CHECKED, {"reports": digest(documents)})
    return {
        "enforced_by": sorted({s.enforced_by for s in found}),
        "age_hours": {s.dataset: round(s.age_hours, 1) for s in found},
        "hold_list_entries": found[0].hold_list_entries,
        "checks": sum(len(r.checks) for r in reports),
    }


def _validated(work: Workplace, plan: ExtractPlan, checked: SourceCheck, state: RunState) -> Report:
    from extracts.extraction.validation import validate_source

    entered = source.source_of(work, plan)
    return again_if_ended(
        lambda: validate_source(
            next(d for d in plan.datasets if d.dataset == checked.dataset),
            work.dataset(checked.dataset),
            source_suite(work, checked.dataset),
            checked,
            state.as_period(),
            entered,
            entered.reading(data_of(plan, work.dataset(checked.dataset))),
            work.now(),
        ),
        f"validating the source of {plan.request_id}",
    )


def report_document(report: Any) -> Any:
    """A report as plain JSON values."""
    from pydantic import TypeAdapter

    from extracts.extraction.values import Report

    return TypeAdapter(Report).dump_python(report, mode="json")
