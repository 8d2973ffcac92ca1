"""How the last run of an agreement went, also one that the first gate refused before it knew the period.

Such a run has no row in the register, for a run there is one of a version and a period. The ledger tells of it, and
its own record on disk says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extracts.errors import Outcome
from extracts.record import ledger, register
from extracts.record.delivery_entries import RunEntry
from extracts.record.event import Event
from extracts.record.transaction import Reading
from extracts.steps.interruption import interruptions, under_way
from extracts.steps.run import RunKey, run_folder

if TYPE_CHECKING:
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace


@dataclass(frozen=True)
class LastRun:
    """A run as people are told of it. `outcome` is None while it is under way.

    `interrupted`: a sentence for each step that was cut off, by a killed worker for example.
    """

    told: str
    outcome: Outcome | None
    gate: str
    reason: str
    interrupted: tuple[str, ...] = ()


def last_run(work: Workplace, view: Reading, request_id: str, period: str = "") -> LastRun | None:
    """The latest run of an agreement, or of one of its periods; None if there never was one."""
    runs = register.last_runs(view, request_id=request_id, period=period, limit=1)
    registered = runs[0] if runs else None
    ended = ledger.events(view.connection, subject=request_id, kind="run.ended", limit=1, newest_first=True)
    if ended and not period and ended[0].payload.get("unregistered") and not _is_later(registered, ended[0]):
        return _refused(work, request_id, ended[0])
    return _registered(work, view, request_id, registered) if registered else None


def _is_later(run: RunEntry | None, event: Event) -> bool:
    return run is not None and run.started_at > event.at


def _registered(work: Workplace, view: Reading, request_id: str, run: RunEntry) -> LastRun:
    told = f"{run.run_id} ({run.period}, started {run.started_at:%Y-%m-%d %H:%M} UTC)"
    reason = run.reason if run.outcome else under_way(_folder(work, request_id, run.run_id))
    return LastRun(told, run.outcome, run.gate, reason, interruptions(view, request_id, run.run_id))


def _folder(work: Workplace, request_id: str, name: str) -> RunFolder:
    return run_folder(work, RunKey(request_id, name.removeprefix(f"{request_id}/")))


def _refused(work: Workplace, request_id: str, event: Event) -> LastRun:
    name = str(event.payload["run"])
    kept = _folder(work, request_id, name).read("outcome")
    reason = kept.get("reason") or "The run's own record is on the machine where it ran."
    told = f"{name} (refused {event.at:%Y-%m-%d %H:%M} UTC)"
    return LastRun(told, Outcome(event.payload["outcome"]), str(event.payload["gate"]), reason)
