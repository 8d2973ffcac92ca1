"""How the last runs of an agreement went, from Airflow's own table: the runs and notes that its lists show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from extracts.errors import Outcome
from extracts.scheduling.words import day_words

_RUNNING = "under way"
_GATE = re.compile(r"^ \((\w+)\)")  # which check it was


@dataclass(frozen=True)
class PastRun:
    """One run. `outcome` is one of the outcome words, or that it is under way; `said` is the rest of the note."""

    run_id: str
    day: str
    time: str
    by: str
    outcome: str
    said: str


def last_runs(session: Any, dag_id: str, limit: int) -> tuple[PastRun, ...]:
    """The latest runs of a DAG, newest first."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    query = select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.run_after.desc(), DagRun.id.desc())
    return tuple(_past_run(run) for run in session.scalars(query.limit(limit)))


def split_note(note: str, state: str) -> tuple[str, str]:
    """(outcome word, what was said) of a run's note; a run without our line is told by its state."""
    first = note.splitlines()[0] if note else ""
    for outcome in Outcome:
        if first.startswith(outcome.value):
            return outcome.value, _GATE.sub(r"\1", first.removeprefix(outcome.value)).strip(": ")
    return (_RUNNING, "") if state in ("queued", "running") else (Outcome.FAILED.value, "no outcome was recorded")


def _past_run(run: Any) -> PastRun:
    outcome, said = split_note(run.note or "", str(run.state))
    at = run.run_after
    by = "schedule" if str(getattr(run.run_type, "value", run.run_type)) == "scheduled" else run.triggering_user_name
    return PastRun(run.run_id, day_words(at.isoformat()), f"{at:%H:%M}", by or "unknown", outcome, said)
