"""Lets agreements whose last day has passed expire: the clock's only step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.agreement.status import CLOCK, Status, transition
from extracts.errors import IllegalTransition
from extracts.record import register
from extracts.record.entries import RequestEntry
from extracts.record.transaction import Reading, reading, unit_of_work
from extracts.steps import notices
from extracts.steps.in_force import decision_in_force

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_RUNNING = (Status.APPROVED, Status.SUSPENDED)


def expire_ended(work: Workplace) -> list[str]:
    """Set every agreement that has passed its last day to expired; their ids. The gates stop them in any case."""
    with reading(work.register) as view:
        ended = _ended(work, view)
    return [entry.request_id for entry in ended if _expire(work, entry)]


def _ended(work: Workplace, view: Reading) -> list[RequestEntry]:
    """Only what is in force can end: not what was drawn up and never signed, nor what a later decision replaced."""
    past = register.decisions_past(view, work.now().date(), _RUNNING)
    in_force = {d.request_id: decision_in_force(view, d.request_id) for d in past}
    return [
        register.get_request(view, d.request_id, d.version)
        for d in past
        if (found := in_force[d.request_id]) and found.digest == d.digest
    ]


def _expire(work: Workplace, entry: RequestEntry) -> bool:
    """Whether it was this process that did it: several may find it at once."""
    now = work.now()
    status = transition(Status(entry.status), "expire", CLOCK)
    try:
        with unit_of_work(work.register) as unit:
            register.set_status(
                unit, entry.request_id, entry.version, expected=entry.status, status=status, at=now, actor=CLOCK
            )
            unit.event(now, f"agreement.{status}", entry.request_id, CLOCK, {"version": entry.version})
            notices.agreement_stopped(unit, entry.request_id, entry.version, "its last day has passed", status, now)
    except IllegalTransition:
        return False
    return True
