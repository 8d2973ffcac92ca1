"""Where a delivery is after it left the house: the one table of its states, and what a receipt moves.

Rules:
1. `collected`: the recipient verified it; its files are still closed. `acknowledged`: verified and decrypted. Each only
   by a signed receipt. `destroyed`: only by a signed certificate.
2. `expired`: nobody acknowledged it in time, so it was taken out of the area; it can be published again.
   `withdrawn`: taken back for good.
3. A receipt that comes late is true all the same: an expired delivery becomes collected or acknowledged. One that was
   withdrawn stays so; that somebody has it is known by the receipt.
4. Whether a delivery was superseded is another question, and stands with the delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictInt

from extracts.agreement.plan import Criticality
from extracts.agreement.working_days import BOTH_NATIONS, working_days_after, working_days_between
from extracts.catalogue.forms import Form


class Custody(StrEnum):
    """Where a delivery is."""

    PUBLISHED = "published"
    COLLECTED = "collected"
    ACKNOWLEDGED = "acknowledged"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    DESTROYED = "destroyed"


_C = Custody
CUSTODY_TRANSITIONS: Mapping[Custody, frozenset[Custody]] = {
    _C.PUBLISHED: frozenset({_C.COLLECTED, _C.ACKNOWLEDGED, _C.EXPIRED, _C.WITHDRAWN, _C.DESTROYED}),
    _C.COLLECTED: frozenset({_C.ACKNOWLEDGED, _C.EXPIRED, _C.WITHDRAWN, _C.DESTROYED}),
    _C.ACKNOWLEDGED: frozenset({_C.WITHDRAWN, _C.DESTROYED}),
    _C.EXPIRED: frozenset({_C.PUBLISHED, _C.COLLECTED, _C.ACKNOWLEDGED, _C.WITHDRAWN, _C.DESTROYED}),
    _C.WITHDRAWN: frozenset({_C.DESTROYED}),
    _C.DESTROYED: frozenset(),
}
del _C
OPEN = (Custody.PUBLISHED, Custody.COLLECTED)
"""What waits for its recipient's receipt."""


@dataclass(frozen=True)
class CustodyNow:
    """Where a delivery is, since when, and who may have copies of it.

    `published_at` is the last publication; `with_recipient` if a receipt tells that they have it.
    """

    delivery_id: str
    request_id: str
    version: int
    recipient: str
    criticality: Criticality
    state: Custody
    since: datetime
    published_at: datetime
    with_recipient: bool
    superseded: bool
    destroy_by: date | None
    evidence_days: int = 0

    @property
    def certificate_by(self) -> date | None:
        """The day by which the certificate of destruction is due."""
        return self.destroy_by + timedelta(days=self.evidence_days) if self.destroy_by else None

    @property
    def must_be_destroyed(self) -> bool:
        """Whether copies are out that no certificate covers yet."""
        return self.with_recipient and self.state is not Custody.DESTROYED


def moved_by_receipt(now: Custody, decrypted: bool) -> Custody | None:
    """The state that a receipt moves a delivery to; None if it moves nothing."""
    wanted = Custody.ACKNOWLEDGED if decrypted else Custody.COLLECTED
    return wanted if wanted in CUSTODY_TRANSITIONS[now] else None


# --- what the passing of time asks for -------------------------------------------------------------------------------

Days = Annotated[StrictInt, Field(ge=1, le=250)]


class Patience(Form):
    """The policy's patience with recipients: within how many working days a delivery is to be acknowledged, and after
    how many it is reminded of; how many calendar days before its destruction that is told.
    """

    acknowledge_within: Days = 20
    remind_after: tuple[Days, ...] = (5, 10, 15)
    tell_before_destruction: tuple[Annotated[StrictInt, Field(ge=0, le=365)], ...] = (30, 7, 0)


@dataclass(frozen=True)
class Asked:
    """What is to be done about a delivery today; nothing, if all is as it should be.

    `reminder`: after how many working days; `countdown`: how many days before its destruction.
    """

    expires: bool = False
    reminder: int | None = None
    countdown: int | None = None
    overdue: bool = False


def last_day(there: CustodyNow, patience: Patience) -> date:
    """The last day on which it waits to be acknowledged: working days of both nations, from the day after."""
    return working_days_after(there.published_at.date(), patience.acknowledge_within, BOTH_NATIONS)


def asked_today(there: CustodyNow, patience: Patience, today: date) -> Asked:
    """What a delivery asks for today. Whoever looks late sees the latest reminder only."""
    waited = working_days_between(there.published_at.date(), today, BOTH_NATIONS) if there.state in OPEN else 0
    left = (there.destroy_by - today).days if there.destroy_by and there.must_be_destroyed else None
    reached = [n for n in patience.tell_before_destruction if left is not None and left <= n]
    due = there.certificate_by
    return Asked(
        expires=waited > patience.acknowledge_within,
        reminder=max((n for n in patience.remind_after if waited >= n), default=None),
        countdown=min(reached, default=None),
        overdue=there.must_be_destroyed and due is not None and due < today,
    )


def stops_deliveries(there: CustodyNow, today: date) -> bool:
    """Whether an overdue certificate stops the agreement's next delivery: a statistic waits, a payment never does."""
    due = there.certificate_by
    overdue = there.must_be_destroyed and due is not None and due < today
    return overdue and there.criticality is Criticality.ANALYSIS
