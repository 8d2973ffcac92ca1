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
    folder: RunFolder, approved: Approved, state: RunState, reports: Sequence[Report], extract: Extract | None = None
) -> None:
    """Write the page of what was checked so far; without `extract`, nothing has been built yet."""
    facts = {
        "Delivery": state.delivery_id,
        "Agreement": f"{approved.plan.request_id}, {approved.request['title']}",
        "For": approved.request["recipient"]["name"],
        "Under": approved.request["gateway"]["title"],
        "Period": f"{state.period} ({state.first} to {state.last})",
        **(_of_extract(extract) if extract else {"Rows": "none: the source was checked, nothing was read"}),
        "Plan": approved.plan.digest,
    }
    funnels = {f.dataset: f.funnel for f in extract.files} if extract else {}
    folder.write_text(PAGE, render_report(f"Quality report {state.delivery_id}", facts, reports, funnels))


def _of_extract(extract: Extract) -> dict[str, str]:
    return {
        "Data as at": f"{extract.snapshot.at:%d %B %Y %H:%M} UTC",
        "Rows": ", ".join(f"{f.dataset} {f.rows:,}" for f in extract.files),
    }
