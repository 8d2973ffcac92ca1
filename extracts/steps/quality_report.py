"""The quality report page of one run: written by each gate that checks, so that it is there whatever stops the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from extracts.extraction.report import render_report

if TYPE_CHECKING:
    from extracts.extraction.values import Extract, Report
    from extracts.steps.approval import Approved
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.state import RunState

PAGE = "report.html"


def write_report(
    folder: RunFolder,
    approved: Approved,
    states: Sequence[RunState],
    reports: Sequence[Report],
    extracts: Sequence[Extract] = (),
) -> None:
    """Write the page of what was checked so far; without `extracts`, nothing has been built yet."""
    ids = ", ".join(s.delivery_id for s in states)
    facts = {
        "Delivery": ids,
        "Agreement": f"{approved.plan.request_id}, {approved.request['title']}",
        "For": approved.request["recipient"]["name"],
        "Under": approved.request["gateway"]["title"],
        "Period": f"{states[0].period} ({states[0].first} to {states[0].last})",
        **(_of_extracts(states, extracts) if extracts else {"Rows": "none: the source was checked, nothing was read"}),
        "Plan": approved.signed_plan.digest,
    }
    funnels = {
        _named(f.dataset, state): f.funnel
        for state, extract in zip(states, extracts, strict=bool(extracts))
        for f in extract.files
    }
    folder.write_text(PAGE, render_report(f"Quality report {ids}", facts, reports, funnels))


def _of_extracts(states: Sequence[RunState], extracts: Sequence[Extract]) -> dict[str, str]:
    rows = [
        f"{_named(f.dataset, state)} {f.rows:,}" for state, e in zip(states, extracts, strict=True) for f in e.files
    ]
    return {"Data as at": f"{extracts[0].snapshot.at:%d %B %Y %H:%M} UTC", "Rows": ", ".join(rows)}


def _named(dataset: str, state: RunState) -> str:
    return f"{dataset}, for {state.part}" if state.part else dataset
