"""Working days: Monday to Friday without bank holidays (library `holidays`), in one nation or in several.

Rules:
1. Deliveries are counted by Scotland's calendar, where they are used. St Andrew's Day, 2 January and the early August
   holiday are days off in Scotland and not in England.
2. Clocks that two bodies watch count only days on which both work (`BOTH_NATIONS`): neither is blamed for a day on
   which its own offices, or those that it waits for, are closed.
3. Counting takes the same time over ten years as over a week: lists tell the clocks of thousands of requests.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import MAXYEAR, date, timedelta
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
    """The day `count` working days later: what is received on a Friday and takes one day is due on Monday.

    Raises OverflowError if the calendar ends before.
    """
    if count <= 0:
        return day
    count += _passed(day, nations)
    for year in range(day.year, MAXYEAR + 1):
        days = _working_days(year, nations)
        if count <= len(days):
            return days[count - 1]
        count -= len(days)
    raise OverflowError("date value out of range")


def working_days_between(start: date, end: date, nations: tuple[str, ...] = SCOTLAND) -> int:
    """How many working days after `start`, up to and with `end`; 0 if `end` is not later."""
    if end <= start:
        return 0
    return _in_years(start.year, end.year, nations) + _passed(end, nations) - _passed(start, nations)


def _passed(day: date, nations: tuple[str, ...]) -> int:
    """The working days of its year up to and with this one."""
    return bisect_right(_working_days(day.year, nations), day)


@lru_cache(maxsize=1_024)
def _in_years(first: int, end: int, nations: tuple[str, ...]) -> int:
    """The working days of the years from the first until before the end."""
    return sum(len(_working_days(year, nations)) for year in range(first, end))


@lru_cache(maxsize=64)
def _working_days(year: int, nations: tuple[str, ...]) -> tuple[date, ...]:
    first = date(year, 1, 1)
    days = (first + timedelta(days=n) for n in range((date(year, 12, 31) - first).days + 1))
    return tuple(day for day in days if is_working_day(day, nations))


@lru_cache(maxsize=64)
def _bank_holidays(year: int, nations: tuple[str, ...]) -> frozenset[date]:
    import holidays

    return frozenset(day for nation in nations for day in holidays.country_holidays("GB", subdiv=nation, years=year))
