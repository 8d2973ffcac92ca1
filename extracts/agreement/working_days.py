"""Working days in Scotland: Monday to Friday without bank holidays (library `holidays`, subdivision SCT).

St Andrew's Day, 2 January and the early August holiday are days off in Scotland and not in England.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

_DAY = timedelta(days=1)


def is_working_day(day: date) -> bool:
    """Whether offices in Scotland work on this day."""
    return day.weekday() < 5 and day not in _bank_holidays(day.year)


def nth_working_day(first: date, last: date, n: int) -> date | None:
    """The nth working day (from 1) between two days, both inclusive; None if there are fewer."""
    day = first
    while day <= last:
        n -= is_working_day(day)
        if n == 0:
            return day
        day += _DAY
    return None


def working_days_after(day: date, count: int) -> date:
    """The day `count` working days later: what is received on a Friday and takes one day is due on Monday."""
    while count > 0:
        day += _DAY
        count -= is_working_day(day)
    return day


def working_days_between(start: date, end: date) -> int:
    """How many working days after `start`, up to and with `end`; 0 if `end` is not later."""
    days = (end - start).days
    return sum(is_working_day(start + timedelta(days=n)) for n in range(1, days + 1))


@lru_cache(maxsize=64)
def _bank_holidays(year: int) -> frozenset[date]:
    import holidays

    return frozenset(holidays.country_holidays("GB", subdiv="SCT", years=year))
