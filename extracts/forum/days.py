"""Working days between two days, counted by looking them up: thousands of requests take no time.

The days are those of `agreement/working_days` (Scotland). Whoever counts otherwise hands another function to the pack.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, timedelta

from extracts.agreement.working_days import is_working_day


class WorkingDays:
    """Counts working days after `start`, up to and with `end`; 0 if `end` is not later. Learns a year when asked."""

    def __init__(self) -> None:
        self._days: list[date] = []
        self._first = self._last = date.min

    def __call__(self, start: date, end: date) -> int:
        """How many working days lie between."""
        if end <= start:
            return 0
        self._learn(start, end)
        return bisect_right(self._days, end) - bisect_right(self._days, start)

    def _learn(self, start: date, end: date) -> None:
        if self._days and self._first <= start and end <= self._last:
            return
        known = (self._first.year, self._last.year) if self._days else (start.year, end.year)
        self._first = date(min(start.year, known[0]), 1, 1)
        self._last = date(max(end.year, known[1]), 12, 31)
        self._days = [day for day in _every_day(self._first, self._last) if is_working_day(day)]


def _every_day(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))
