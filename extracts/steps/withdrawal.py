"""A requester takes back what they asked for: a request before it is decided, or an agreement, which ends at once.

Rules:
1. Nobody but the requester withdraws, at any time and without asking anybody: who needs the data no more must be able
   to say so at once.
2. An agreement that is withdrawn has ended as one that was revoked: nothing before it comes back, its file says so,
   its DAG has no schedule, and its pseudonym key is retired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.agreement.status import Status, transition
from extracts.catalogue.forms import readable
from extracts.catalogue.people import Role
from extracts.errors import NotPermitted
from extracts.record import register
from extracts.record.entries import RequestEntry
from extracts.record.transaction import unit_of_work
from extracts.steps import notices
from extracts.steps.actor import names_of
from extracts.steps.in_force import movable_request
from extracts.steps.publishing import publish_in_force

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def withdraw_request(work: Workplace, request_id: str, actor: str, reasons: str) -> RequestEntry:
    """Take back the newest version, or the one in force if the newest is over; the version as it was.

    Raises NotPermitted for anyone but the requester, IllegalTransition for what is over, UsageError for unreadable
    reasons; TechnicalFailure if it is withdrawn and the agreement's file could not be written.
    """
    text, now = readable("reasons", reasons), work.now()
    with unit_of_work(work.register) as unit:
        entry = movable_request(unit, request_id)
        _must_be_the_requester(work, entry, actor)
        status = transition(Status(entry.status), "withdraw", Role.REQUESTER)
        register.set_status(
            unit, request_id, entry.version, expected=entry.status, status=status, at=now, actor=actor, comment=text
        )
        running = entry.status in (Status.APPROVED, Status.SUSPENDED)
        kind = f"agreement.{status}" if running else f"request.{status}"
        unit.event(now, kind, request_id, actor, {"version": entry.version})
        if running:
            notices.agreement_stopped(unit, request_id, entry.version, "by its requester", status, now)
    if running:
        publish_in_force(work, request_id, actor, status)
    return entry


def _must_be_the_requester(work: Workplace, entry: RequestEntry, actor: str) -> None:
    name = names_of(actor)[-1]
    if work.parties.person(name) != work.parties.person(entry.requester_name):
        raise NotPermitted(
            f"{name} did not ask for {entry.request_id}; nobody but its requester takes it back.",
            advice=f"Ask {entry.requester_name}. The Board can return a request, the Controller refuse or revoke it.",
        )
