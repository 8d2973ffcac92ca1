"""Overdue certificates of destruction: they stop an agreement that serves statistics, and never a payment or service.

For `operational` and `entitlement` the Controller is told (`custody_clocks`) and decides; nothing stops by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.agreement.custody import stops_deliveries
from extracts.errors import Refused
from extracts.record import custody
from extracts.record.transaction import reading

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def check_certificates(work: Workplace, request_id: str, recipient: str = "") -> None:
    """Raises Refused if a certificate of this agreement is overdue and it serves statistics.

    recipient: one of several, whose certificates alone decide.
    """
    today = work.today()
    with reading(work.register) as view:
        there = custody.custodies(view, request_id=request_id, recipient=recipient, destroy_before=today)
    overdue = [c for c in there if stops_deliveries(c, today)]
    if overdue:
        first = overdue[0]
        raise Refused(
            f"{request_id}: no certificate says that {first.delivery_id} was destroyed; it was due on "
            f"{first.certificate_by}" + (f" ({len(overdue)} are overdue)." if len(overdue) > 1 else "."),
            advice=f"Nothing is delivered until {first.recipient} certifies it: `extracts attest-destroyed`.",
        )
