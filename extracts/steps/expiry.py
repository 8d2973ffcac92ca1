"""Lets agreements whose last day has passed expire: the clock's only step."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from extracts.agreement.decision import decision_from_document
from extracts.agreement.status import CLOCK, Status, transition
from extracts.record import register
from extracts.record.entries import RequestEntry
from extracts.record.transaction import Reading, reading, unit_of_work

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def expire_ended(work: Workplace) -> list[str]:
    """Set every agreement that has passed its last day to expired; their ids. The gates stop them in any case."""
    now = work.now()
    with reading(work.register) as view:
        running = register.list_requests(view, statuses=(Status.APPROVED, Status.SUSPENDED))
        ends = {(e.request_id, e.version): _last_day(view, e) for e in running}
    ended = [e for e in running if (end := ends.get((e.request_id, e.version))) and end < now.date()]
    for entry in ended:
        status = transition(Status(entry.status), "expire", CLOCK)
        with unit_of_work(work.register) as unit:
            register.set_status(
                unit, entry.request_id, entry.version, expected=entry.status, status=status, at=now, actor=CLOCK
            )
            unit.event(now, f"agreement.{status}", entry.request_id, CLOCK, {"version": entry.version})
    return [e.request_id for e in ended]


def _last_day(view: Reading, entry: RequestEntry) -> date | None:
    for found in register.list_decisions(view, entry.request_id):
        if found.version == entry.version and found.plan:
            return decision_from_document(found.document).valid_until
    return None
