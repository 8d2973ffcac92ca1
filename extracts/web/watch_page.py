"""Watch: which requests are overdue or awaited; what was expected and did not come, today and this month; whose move it
is, and why, as far as register and Airflow can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import HTMLResponse

from extracts.agreement.expected import MISSING, Arrival
from extracts.record.expectations import Attempt
from extracts.record.transaction import reading
from extracts.scheduling.facts import dag_id_of
from extracts.steps.clocks import Awaited, awaited, moves_of
from extracts.steps.watch import Expected, watch
from extracts.steps.workplace import Workplace
from extracts.web.airflow_state import AirflowState, airflow_state
from extracts.web.asked_for import OVERDUE
from extracts.web.desk import names, open_desk
from extracts.web.marks import Mark, arrival_mark, clock_mark, status_mark
from extracts.web.render import html_page
from extracts.web.shelf import Shelf

MOST = 200  # lines in one table; more say how many they are
MOST_REQUESTS = 50
_WAITED_FOR = (*MISSING, Arrival.UNDER_WAY)
_MOVES = {
    Arrival.STOPPED: "Whoever the reason names: a control worked, and nothing left.",
    Arrival.SOURCE_LATE: "The source's owner: load it, then run again.",
    Arrival.FAILED: "The data engineer: mend it and run again.",
    Arrival.NOTHING_RAN: "The data engineer: nothing started.",
}


@dataclass(frozen=True)
class WatchRow:
    """One delivery that was due, in words."""

    expected: Expected
    mark: Mark
    why: str
    move: str


@dataclass(frozen=True)
class RequestsRow:
    """One request that waits for somebody, in words."""

    awaited: Awaited
    status: Mark
    clock: Mark | None
    move: str


def watch_page(airflow: Annotated[AirflowState, Depends(airflow_state)]) -> HTMLResponse:
    """Today, and this month before today."""
    work = open_desk()
    found = watch(work)
    today = found.now.date()
    shelf = Shelf(work.places)
    rows = [_row(e, airflow, shelf) for e in found.expected]
    earlier = [r for r in rows if r.expected.due.at.date() < today and r.expected.came is not Arrival.DELIVERED]
    counts = found.counts()
    return html_page(
        "watch",
        now=found.now,
        **_requests(work),
        airflow=airflow,
        agreements=found.agreements,
        today=_shown([r for r in rows if r.expected.due.at.date() == today]),
        earlier=_shown(earlier),
        most=MOST,
        counts=[(arrival_mark(a), counts.get(a.value, 0)) for a in Arrival],
        due=len(rows),
        still_due=found.still_due,
        paused=[d for d, is_paused in airflow.paused.items() if is_paused],
        names=names(work),
    )


def _requests(work: Workplace) -> dict[str, Any]:
    """The requests that wait, the most urgent first, and how many there are in all."""
    with reading(work.register) as view:
        waiting = awaited(work, view, MOST_REQUESTS)
        moves = moves_of(view, [a.request for a in waiting.shown])
    rows = [RequestsRow(a, status_mark(a.request.status), clock_mark(a.clock), moves[a.id]) for a in waiting.shown]
    return {"requests": rows, "in_all": waiting.in_all, "overdue": waiting.overdue, "overdue_only": OVERDUE}


def _shown(rows: Sequence[WatchRow]) -> tuple[list[WatchRow], int]:
    """What waits for somebody first; how many there are in all."""
    ordered = sorted(rows, key=lambda r: (r.expected.came not in _WAITED_FOR, r.expected.due.at))
    return ordered[:MOST], len(ordered)


def _row(expected: Expected, airflow: AirflowState, shelf: Shelf) -> WatchRow:
    came, attempt = expected.came, expected.attempt
    told = f"{attempt.gate}: {attempt.reason or _record(attempt, shelf)}".strip(": ") if attempt else ""
    if came is Arrival.NOTHING_RAN:
        told = airflow.problem(dag_id_of(expected.due.request_id)) or "No run was started for it."
    elif came is Arrival.LATE and expected.left_at:
        told = f"It left on {expected.left_at:%-d %B, %H:%M} UTC."
    elif came in (Arrival.DELIVERED, None):
        told = ""
    return WatchRow(expected, arrival_mark(came), told, _MOVES.get(came, "") if came else "")


def _record(attempt: Attempt, shelf: Shelf) -> str:
    """Why a run was refused that the register does not know: from its own record, if it ran on this machine."""
    run_id = attempt.run_id.removeprefix(f"{attempt.request_id}/")
    return str(shelf.outcome(attempt.request_id, run_id).get("reason", ""))
