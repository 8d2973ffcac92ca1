"""Agreements whose end comes near, from the register: the decision in force, and what it delivered."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from extracts.agreement.plan import plan_from_document
from extracts.agreement.renewal import PROMPTS, EndElsewhere, Renewal, prompt_reached, renewal
from extracts.agreement.status import Status
from extracts.record import register
from extracts.record.delivery_entries import LEFT_THE_HOUSE
from extracts.record.elsewhere import ending_elsewhere
from extracts.record.entries import DecisionEntry
from extracts.record.transaction import Reading
from extracts.steps.in_force import decision_in_force
from extracts.steps.workplace import LOCAL

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_RUNNING = (Status.APPROVED, Status.SUSPENDED)
_OPEN = (Status.SUBMITTED, Status.IN_REVIEW)


def renewals_due(work: Workplace, view: Reading) -> tuple[Renewal, ...]:
    """Every running agreement that ends within 60 days and whose renewal does not wait for a decision already."""
    today = work.today()
    ending = register.decisions_ending(view, today, today + timedelta(days=max(PROMPTS)), _RUNNING)
    found = (renewal_due(work, view, request_id) for request_id in sorted({d.request_id for d in ending}))
    return tuple(due for due in found if due)


def renewal_due(work: Workplace, view: Reading, request_id: str) -> Renewal | None:
    """What is to be told about the end of this agreement today, if anything. Raises NotFound."""
    newest, decision = register.get_request(view, request_id), decision_in_force(view, request_id)
    if decision is None or newest.status in _OPEN:
        return None
    if register.get_request(view, request_id, decision.version).status not in _RUNNING:
        return None
    plan, sent = plan_from_document(decision.plan), register.list_deliveries(view, request_id=request_id)
    return renewal(
        plan,
        decision.version,
        _in_force_from(view, decision, plan.start_on),
        decision.valid_until or plan.end_on,
        work.today(),
        {d.period for d in sent if d.state in LEFT_THE_HOUSE},
    )


def ends_elsewhere_due(work: Workplace, view: Reading) -> tuple[EndElsewhere, ...]:
    """Every agreement that runs elsewhere, was not ended, and ends within 60 days."""
    today = work.today()
    found = ending_elsewhere(view, today, today + timedelta(days=max(PROMPTS)))
    return tuple(
        EndElsewhere(e.elsewhere_id, e.revision, e.valid_until, (e.valid_until - today).days, prompt)
        for e in found
        if (prompt := prompt_reached(e.valid_until, today)) is not None
    )


def _in_force_from(view: Reading, decision: DecisionEntry, start_on: date) -> date:
    """What was due before both had signed was never due."""
    signed = max(s.recorded_at for s in register.signatures(view, decision.digest)).astimezone(LOCAL).date()
    return max(start_on, decision.valid_from or start_on, signed)
