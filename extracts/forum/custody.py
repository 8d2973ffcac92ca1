"""The month's figures about what became of deliveries: not collected, not acknowledged, not certified as destroyed.

Rules:
1. They are told as they stood at the month's end, or now if it is not over; by signed receipts and certificates alone.
2. What expired counts as not collected: nobody acknowledged it. What was withdrawn before anybody did is no one's debt.
"""

from __future__ import annotations

from dataclasses import dataclass

from extracts.agreement.custody import Custody
from extracts.forum.facts import Held
from extracts.forum.month import Month


@dataclass(frozen=True)
class CustodyFigures:
    """The deliveries behind each figure, by publication."""

    not_collected: tuple[Held, ...]
    not_acknowledged: tuple[Held, ...]
    not_certified: tuple[Held, ...]


def custody_figures(held: tuple[Held, ...], month: Month) -> CustodyFigures:
    """The figures as they stood at the month's end."""
    last = month.until.date()
    return CustodyFigures(
        not_collected=tuple(h for h in held if h.step in (Custody.PUBLISHED, Custody.EXPIRED)),
        not_acknowledged=tuple(h for h in held if h.step == Custody.COLLECTED),
        not_certified=tuple(
            h
            for h in held
            if h.with_recipient and h.step != Custody.DESTROYED and h.certificate_by and h.certificate_by < last
        ),
    )
