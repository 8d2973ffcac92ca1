"""Tells a step that was cut off (a killed worker, a power cut) from one that ended: the latter says so itself.

Rules:
1. A step writes down that it begins: which, which try, when and on which machine. Ending, well or not, removes that.
2. Whoever begins and finds another's note tells the ledger that that step was cut off. Told once.
3. Until somebody begins again, the note says what was under way; `extracts why` reads both.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

from extracts.steps.run_folder import BEGUN

if TYPE_CHECKING:
    from extracts.record.transaction import Reading
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace

INTERRUPTED = "run.interrupted"


def begin_step(work: Workplace, key: RunKey, folder: RunFolder, step: str) -> None:
    """Notes that this step begins. What was cut off before it is told to the ledger."""
    from extracts.record.transaction import unit_of_work  # a worker needs none of it to parse

    now = work.now()
    if (cut_off := folder.read(BEGUN)) and not _is_ours(cut_off, key, step):
        with unit_of_work(work.register) as unit:
            unit.event(now, INTERRUPTED, key.request_id, key.actor, {"run": key.name, **cut_off})
    where = key.host or os.uname().nodename
    folder.write(BEGUN, {"step": step, "try": key.try_number, "at": now.isoformat(), "where": where})


def end_step(key: RunKey, folder: RunFolder, step: str) -> None:
    """Notes that this step ended by itself, well or not. What another left is not ours to remove."""
    if _is_ours(folder.read(BEGUN), key, step):
        (folder.record / f"{BEGUN}.json").unlink(missing_ok=True)


def interruptions(view: Reading, request_id: str, run_name: str) -> tuple[str, ...]:
    """A sentence for each step of this run that was cut off."""
    from extracts.record import ledger

    events = ledger.events(view.connection, subject=request_id, kind=INTERRUPTED)
    return tuple(f"{_sentence(e.payload)} was cut off." for e in events if e.payload["run"] == run_name)


def under_way(folder: RunFolder) -> str:
    """A sentence about the step that began and has not ended; empty if there is none."""
    begun = folder.read(BEGUN)
    return f"{_sentence(begun)} has not ended, or was cut off." if begun else ""


def _is_ours(note: dict[str, Any], key: RunKey, step: str) -> bool:
    return (note.get("step"), note.get("try")) == (step, key.try_number)


def _sentence(note: Any) -> str:
    began = f"{datetime.fromisoformat(note['at']):%Y-%m-%d %H:%M:%S} UTC"
    return f"{note['step']} (try {note['try']}, on {note['where']}, begun {began})"
