"""Where in the ledger a time is, found in a few steps: a month's events are read without reading those of years.

The chain has no index by time, and needs none: its events stand in the order in which they were appended, so times go
up but for clocks of several machines that differ a little. Hence the margin of a day, and the middle one of five
neighbours: a single event with a time of its own misleads nobody.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text

from extracts.record import ledger
from extracts.record.transaction import Reading

_MARGIN = timedelta(days=1)
_MIDDLE = text(
    "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY at) FROM ledger.event WHERE sequence BETWEEN :low AND :high"
)


def sequences_between(view: Reading, since: datetime, until: datetime) -> tuple[int, int]:
    """The first and last sequence between which every event from `since` to `until` stands; others do, too."""
    last = ledger.head(view.connection).sequence
    return max(1, _first_at(view, since - _MARGIN, last) - 2), min(last, _first_at(view, until + _MARGIN, last) + 2)


def _first_at(view: Reading, at: datetime, last: int) -> int:
    """The first sequence whose time, as its neighbours tell it, is not before `at`; one more than the last if none."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        found = view.session.scalar(_MIDDLE, {"low": middle - 2, "high": middle + 2})
        if found is not None and found >= at:
            high = middle
        else:
            low = middle + 1
    return low
