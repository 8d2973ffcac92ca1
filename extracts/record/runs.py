"""The register's runs: each attempt to deliver, how it ended, and which gate stopped it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update

from extracts.errors import NotFound, Outcome, Refused
from extracts.record.delivery_entries import RunEntry
from extracts.record.requests import get_request
from extracts.record.stored import fresh, insert_once, text_of
from extracts.record.tables.deliveries import RunRow
from extracts.record.transaction import Reading, Work


def start_run(work: Work, entry: RunEntry) -> RunEntry:
    """Begins a run; one that is there begins its next attempt, as if it had not ended. The run as it is now.

    Raises NotFound for an unknown request, Refused if the id belongs to a run of another request or period.
    """
    get_request(work, entry.request_id, entry.version)
    names = ("run_id", "request_id", "version", "period", "started_by", "started_at")
    if insert_once(work, RunRow, {name: getattr(entry, name) for name in names}):
        return get_run(work, entry.run_id)
    there = get_run(work, entry.run_id)
    if (there.request_id, there.period) != (entry.request_id, entry.period):
        raise Refused(
            f"Run {entry.run_id} is one of {there.request_id}, period {there.period}; it cannot serve "
            f"{entry.request_id}, period {entry.period}."
        )
    again = {"attempt": RunRow.attempt + 1, "started_by": entry.started_by, "started_at": entry.started_at}
    as_new = {"ended_at": None, "outcome": "", "gate": "", "reason": "", "counts": "{}", "snapshot": "{}"}
    work.writing().execute(update(RunRow).where(RunRow.run_id == entry.run_id).values(again | as_new))
    return get_run(work, entry.run_id)


def end_run(
    work: Work,
    run_id: str,
    *,
    at: datetime,
    outcome: Outcome,
    gate: str = "",
    reason: str = "",
    counts: Mapping[str, Any] | None = None,
    snapshot: Mapping[str, Any] | None = None,
    delivery_id: str = "",
) -> RunEntry:
    """Records how a run ended; ended again, the later word stands. Raises NotFound.

    `reason` is one of our own messages, `counts` and `snapshot` hold no person's value.
    """
    values = {
        "ended_at": at,
        "outcome": outcome.value,
        "gate": gate,
        "reason": reason,
        "counts": text_of(counts or {}),
        "snapshot": text_of(snapshot or {}),
        "delivery_id": delivery_id,
    }
    work.writing().execute(update(RunRow).where(RunRow.run_id == run_id).values(values))
    return get_run(work, run_id)


def get_run(reading: Reading, run_id: str) -> RunEntry:
    """A run. Raises NotFound."""
    row = fresh(reading.session, select(RunRow).where(RunRow.run_id == run_id))
    if row is None:
        raise NotFound(f"No run {run_id!r} is in the register.")
    return _entry(row)


def last_runs(reading: Reading, *, request_id: str = "", period: str = "", limit: int = 20) -> tuple[RunEntry, ...]:
    """The latest runs, newest first; of one request, of one period."""
    query = select(RunRow)
    if request_id:
        query = query.where(RunRow.request_id == request_id)
    if period:
        query = query.where(RunRow.period == period)
    return _entries(reading, query.order_by(RunRow.started_at.desc(), RunRow.run_id.desc()).limit(limit))


def open_runs(reading: Reading) -> tuple[RunEntry, ...]:
    """Runs that have not ended, oldest first: under way, or killed and to be reconciled."""
    return _entries(reading, select(RunRow).where(RunRow.ended_at.is_(None)).order_by(RunRow.started_at, RunRow.run_id))


def _entries(reading: Reading, query: Select[RunRow]) -> tuple[RunEntry, ...]:
    return tuple(_entry(row) for row in reading.session.scalars(query))


def _entry(row: RunRow) -> RunEntry:
    names = [n for n in RunEntry.__dataclass_fields__ if n not in ("outcome", "counts", "snapshot")]
    return RunEntry(
        **{name: getattr(row, name) for name in names},
        outcome=Outcome(row.outcome) if row.outcome else None,
        counts=json.loads(row.counts),
        snapshot=json.loads(row.snapshot),
    )
