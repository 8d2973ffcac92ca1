"""Working days: Monday to Friday without bank holidays (library `holidays`), in one nation or in several.

Rules:
1. Deliveries are counted by Scotland's calendar, where they are used. St Andrew's Day, 2 January and the early August
   holiday are days off in Scotland and not in England.
2. Clocks that two bodies watch count only days on which both work (`BOTH_NATIONS`): neither is blamed for a day on
   which its own offices, or those that it waits for, are closed.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

_DAY = timedelta(days=1)
SCOTLAND = ("SCT",)
BOTH_NATIONS = ("ENG", "SCT")


def is_working_day(day: date, nations: tuple[str, ...] = SCOTLAND) -> bool:
    """Whether offices in all of these nations work on this day."""
    return day.weekday() < 5 and day not in _bank_holidays(day.year, nations)


def nth_working_day(first: date, last: date, n: int) -> date | None:
    """The nth working day (from 1) between two days, both inclusive; None if there are fewer."""
    day = first
    while day <= last:
        n -= is_working_day(day)
        if n == 0:
            return day
        day += _DAY
    return None


def working_days_after(day: date, count: int, nations: tuple[str, ...] = SCOTLAND) -> date:
    """The day `count` working days later: what is received on a Friday and takes one day is due on Monday."""
    while count > 0:
        day += _DAY
        count -= is_working_day(day, nations)
    return day


def working_days_between(start: date, end: date, nations: tuple[str, ...] = SCOTLAND) -> int:
    """How many working days after `start`, up to and with `end`; 0 if `end` is not later."""
    days = (end - start).days
    return sum(is_working_day(start + timedelta(days=n), nations) for n in range(1, days + 1))


@lru_cache(maxsize=64)
def _bank_holidays(year: int, nations: tuple[str, ...]) -> frozenset[date]:
    import holidays

    return frozenset(day for nation in nations for day in holidays.country_holidays("GB", subdiv=nation, years=year))
