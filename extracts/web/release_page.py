"""The release sheet, a tab of a run: each check and what it found, the way of the rows and of the columns, and where
the delivery is since it left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.responses import HTMLResponse

from extracts.agreement.plain_words import treatment_in_words
from extracts.agreement.plan import PlannedColumn, PlannedDataset, plan_from_document
from extracts.errors import ExtractsError, NotFound
from extracts.record import register
from extracts.record.transaction import reading
from extracts.scheduling.facts import request_id_of
from extracts.steps.workplace import Workplace
from extracts.web.custody_part import CustodyShown, Left, custody_shown
from extracts.web.desk import names, open_desk
from extracts.web.plots import Lane, lineage
from extracts.web.render import html_page
from extracts.web.shelf import Shelf

_STEPS = (
    ("source", "In the source", ""),
    ("filtered", "Not asked for (conditions, period)", "gone"),
    ("held", "On hold or restricted", "gone"),
    ("withheld", "Withheld (safe address, small groups)", "gone"),
    ("unassigned", "Of none of the recipients", "gone"),
    ("waiting", "Of recipients who get nothing now", "gone"),
    ("delivered", "In the extract", ""),
)
_SHORT = 34  # characters of a treatment in the picture; the table beside it has all of them


@dataclass(frozen=True)
class FunnelStep:
    """One line of a funnel. `share` is in percent of the source."""

    words: str
    rows: int
    share: float
    kind: str


def release_page(dag_id: str, run_id: str) -> HTMLResponse:
    """One run, from its own record; the picture of the columns is of the plan that the run was approved for."""
    work, request_id = open_desk(), request_id_of(dag_id) or ""
    shelf = Shelf(work.places)
    gates = shelf.gates(request_id, run_id)
    funnels = shelf.found(request_id, run_id, "build_extract").get("funnel", {})
    return html_page(
        "outcome",
        request_id=request_id,
        run_id=run_id,
        gates=gates,
        outcome=shelf.outcome(request_id, run_id),
        custody=_custody(work, shelf, request_id, run_id),
        parts=_parts(shelf, request_id, run_id),
        names=names(work),
        has_report=shelf.has_report(request_id, run_id),
        funnels={name: _funnel(counts) for name, counts in funnels.items()},
        datasets=_datasets(shelf, request_id, shelf.found(request_id, run_id, "check_approval").get("plan", "")),
    )


def _parts(shelf: Shelf, request_id: str, run_id: str) -> list[tuple[str, str, int | None]]:
    """Of several recipients: (recipient, dataset, rows); of who got nothing, the reason in the dataset's place."""
    found = shelf.found(request_id, run_id, "build_extract").get("recipients", {})
    rows = [(name, dataset, n) for name, one in sorted(found.items()) for dataset, n in one["rows"].items()]
    why = {
        name: reason
        for gate in ("check_approval", "release")
        for name, reason in shelf.found(request_id, run_id, gate).get("waiting", {}).items()
    }
    return [row for row in rows if row[0] not in why] + [(name, reason, None) for name, reason in sorted(why.items())]


def _custody(work: Workplace, shelf: Shelf, request_id: str, run_id: str) -> list[tuple[str, CustodyShown | None]]:
    """(delivery, where it is): none if the run made none; None if it has not left, or the register is away."""
    try:
        deliveries = shelf.deliveries_of(request_id, run_id)
    except NotFound:
        return []
    return [(each, _where(work, each, f"{request_id}/{run_id}")) for each in deliveries]


def _where(work: Workplace, delivery_id: str, run_name: str) -> CustodyShown | None:
    try:
        with reading(work.register) as view:
            entry = register.get_delivery(view, delivery_id)
            if entry.published_at is None or entry.run_id != run_name:
                return None
            started_by = register.get_run(view, entry.run_id).started_by
            left = Left(delivery_id, entry.published_at, started_by)
            return custody_shown(view, [left], names(work)).get(delivery_id)
    except ExtractsError:
        return None


def _funnel(counts: Mapping[str, int]) -> list[FunnelStep]:
    source = counts.get("source", 0)
    return [
        FunnelStep(words, counts[name], 100 * counts[name] / source if source else 0, kind)
        for name, words, kind in _STEPS
        if name in counts
    ]


def _datasets(shelf: Shelf, request_id: str, plan_digest: str) -> list[tuple[str, Any]]:
    """A picture per dataset; none if the agreement was changed since, for then the plan here is not the run's."""
    try:
        plan = plan_from_document(shelf.agreement(request_id).plan)
    except ExtractsError:
        return []
    return [(d.dataset, _picture(d)) for d in plan.datasets] if plan.digest == plan_digest else []


def _picture(dataset: PlannedDataset) -> Any:
    return lineage(f"Columns of {dataset.dataset}, from source to delivery", [_lane(c) for c in dataset.columns])


def _lane(column: PlannedColumn) -> Lane:
    words = treatment_in_words(column)
    return Lane(column.source, words if len(words) <= _SHORT else f"{words[: _SHORT - 1]}…", column.name)
