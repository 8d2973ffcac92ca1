"""Writes a run's outcome into its note: the word first, then why, in one line that everybody sees in Airflow's lists.

Tasks have no way to write a note (they reach Airflow through an interface that has none), so the scheduler does it, the
moment it decides that a run has ended: it calls the listeners, inside its own transaction.

Rules:
1. What `record_outcome` found is the outcome. A run without that is told as what it is, never as delivered.
2. What people wrote into the note stays, below ours; our own line is replaced when a run ends again.
3. A note is never worth a scheduler: whatever goes wrong here is logged and forgotten.
4. Airflow judges a run by `release`, to which skipped and succeeded are one; a teardown does not count. So a run that
   it takes for a success without a good outcome on record is set to failed: somebody ended it, or it was not recorded.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from airflow.listeners import hookimpl

from extracts.errors import Outcome
from extracts.scheduling.facts import request_id_of
from extracts.steps.run import OUTCOME

_MAX = 900  # Airflow takes 1,000 characters
_WORDS = tuple(outcome.value for outcome in Outcome)
_log = logging.getLogger(__name__)


class RunNotes:
    """Airflow's hooks for the end of a run."""

    @hookimpl
    def on_dag_run_success(self, dag_run: Any, msg: str) -> None:
        """Every gate passed or nothing was due, or a person said that it is so."""
        _write(dag_run, msg)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any, msg: str) -> None:
        """A gate stopped it, something broke, or a person ended it."""
        _write(dag_run, msg)


def note(found: Mapping[str, Any] | None, earlier: str, *, by_hand: bool = False) -> str:
    """The note of a run that ended with `found`, the result of `record_outcome`; `earlier` is what stands there.

    `by_hand`: a person set the run's state.
    """
    kept = [line for line in earlier.splitlines() if not line.startswith(_WORDS)]
    return "\n".join([_line(found, by_hand), *kept]).strip()[:_MAX]


def is_good(found: Mapping[str, Any] | None) -> bool:
    """Whether a run that found this ended as it should."""
    return found is not None and found["outcome"] in (Outcome.DELIVERED, Outcome.NOTHING_DUE)


def _line(found: Mapping[str, Any] | None, by_hand: bool) -> str:
    if not found and by_hand:
        return f"{Outcome.FAILED}: somebody ended this run in Airflow before it could say how it went."
    if not found:
        return f"{Outcome.FAILED}: the run ended before its outcome was recorded. See the task that is red."
    outcome = str(found["outcome"])
    if outcome == Outcome.DELIVERED:
        rows = ", ".join(f"{count:,} rows of {name}" for name, count in found.get("rows", {}).items())
        said = f"{outcome}: {found.get('delivery', '')}, {rows}".rstrip(", ")
        return f"{said}. {found['reason']}" if found.get("reason") else said
    reason = " ".join(str(found.get("reason", "")).split())
    gate = f" ({found['gate']})" if found.get("gate") else ""
    return f"{outcome}{gate}: {reason}".rstrip(": ")


def _write(dag_run: Any, msg: str) -> None:
    if request_id_of(dag_run.dag_id) is None:
        return
    try:
        _write_in_session(dag_run, by_hand="manually" in msg)
    except Exception as error:
        _log.error("The outcome of %s could not be written into its note (%s).", dag_run.run_id, type(error).__name__)


def _write_in_session(dag_run: Any, *, by_hand: bool) -> None:
    from airflow.utils.state import DagRunState
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return
    # Only reads, and values set on the run: the scheduler forbids commits here, even of a savepoint, and writes them.
    found = _found(dag_run, session)
    dag_run.note = note(found, dag_run.note or "", by_hand=by_hand)
    if dag_run.state == DagRunState.SUCCESS and not by_hand and not is_good(found):
        dag_run.set_state(DagRunState.FAILED)


def _found(dag_run: Any, session: Any) -> Mapping[str, Any] | None:
    from airflow.models.xcom import XComModel

    query = XComModel.get_many(
        run_id=dag_run.run_id, dag_ids=dag_run.dag_id, task_ids=OUTCOME, key="return_value", limit=1
    )
    row = session.scalars(query).first()
    found = XComModel.deserialize_value(row) if row is not None else None
    return found if isinstance(found, Mapping) else None
