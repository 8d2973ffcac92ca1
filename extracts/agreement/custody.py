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
from datetime import date, datetime
from enum import StrEnum

from extracts.agreement.plan import Criticality


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

    @property
    def must_be_destroyed(self) -> bool:
        """Whether copies are out that no certificate covers yet."""
        return self.with_recipient and self.state is not Custody.DESTROYED


def moved_by_receipt(now: Custody, decrypted: bool) -> Custody | None:
    """The state that a receipt moves a delivery to; None if it moves nothing."""
    wanted = Custody.ACKNOWLEDGED if decrypted else Custody.COLLECTED
    return wanted if wanted in CUSTODY_TRANSITIONS[now] else None
