"""When an agreement delivers: cron words, or the nth working day of each month or quarter in Scotland.

Rules:
1. One text per meaning: `working day: 3 of month` or `cron: 0 6 1 * *` (aliases such as @monthly are written out).
2. At most one run a day, and exactly one in each period of the frequency: a second run in one month would find the
   month delivered, and a month without a run would never be.
3. Times are Europe/London; runs on a working day start at 06:00.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

from extracts.agreement.periods import Frequency, period_of
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.working_days import nth_working_day

ZONE = ZoneInfo("Europe/London")
WORKING_DAY_TIME = time(6, 0)
MAX_WORKING_DAY = 15
_DAY_ENDS = time(23, 59, 59)
_WORKING_DAY = re.compile(r"working day: (\d{1,2}) of (month|quarter)", re.ASCII)
_UNITS = {"month": Frequency.MONTHLY, "quarter": Frequency.QUARTERLY}
_ALIASES = {
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
_PROBE_FROM = date(2026, 1, 2)
_PROBE_UNTIL = _PROBE_FROM + timedelta(days=798)
_PROBE_DAYS = 400


def working_day_text(n: int, frequency: Frequency) -> str:
    """The schedule for the nth working day. Raises ValueError, saying what is allowed."""
    unit = next((u for u, f in _UNITS.items() if f is frequency), None)
    if unit is None:
        raise ValueError("a working day is counted in a month or a quarter: set frequency monthly or quarterly")
    if not 1 <= n <= MAX_WORKING_DAY:
        raise ValueError(f"the working day must be 1 to {MAX_WORKING_DAY}")
    return f"working day: {n} of {unit}"


def cron_text(words: str, frequency: Frequency) -> str:
    """The schedule for cron words, in one spelling. Raises ValueError, saying what is wrong."""
    from croniter import croniter

    text = _ALIASES.get(words.strip().lower(), " ".join(words.upper().split()))
    if not re.fullmatch(r"[0-9A-Z*,/#-]+( [0-9A-Z*,/#-]+){4}", text) or not croniter.is_valid(text):
        raise ValueError("is no cron schedule: five fields (minute hour day month weekday) or " + ", ".join(_ALIASES))
    if not re.fullmatch(r"\d{1,2} \d{1,2}", " ".join(text.split()[:2])):
        raise ValueError("runs more than once a day: give one minute and one hour as plain numbers")
    _check_once_per_period(f"cron: {text}", frequency)
    return f"cron: {text}"


def next_dates(schedule: str, after: date, n: int = 12) -> tuple[date, ...]:
    """The next `n` days on which the schedule runs, later than `after`. Raises ValueError for an unknown schedule."""
    return tuple(at.date() for at in next_times(schedule, datetime.combine(after, _DAY_ENDS, ZONE), n))


def next_times(schedule: str, after: datetime, n: int = 12) -> tuple[datetime, ...]:
    """The next `n` times (aware, Europe/London) later than `after` (aware). Raises ValueError."""
    times = _times(schedule, after.astimezone(ZONE))
    return tuple(next(times) for _ in range(n))


@lru_cache(maxsize=1024)
def times_between(schedule: str, after: datetime, until: datetime) -> tuple[datetime, ...]:
    """Every time later than `after` and not later than `until` (both aware). Raises ValueError.

    Remembered, because many agreements share few schedules and a list asks for all of them at once.
    """
    return tuple(takewhile(lambda at: at <= until, _times(schedule, after.astimezone(ZONE))))


@lru_cache(maxsize=1024)
def dates_within(schedule: str, first: date, last: date, most: int) -> tuple[date, ...]:
    """The days from `first` to `last`, both inclusive, on which the schedule runs; not more than `most` of them.

    Remembered, because every gate of every run asks for them. Raises ValueError for an unknown schedule.
    """
    days = (at.date() for at in _times(schedule, datetime.combine(first - timedelta(days=1), _DAY_ENDS, ZONE)))
    return tuple(islice(takewhile(lambda day: day <= last, days), most))


def due_dates(plan: ExtractPlan, after: date, n: int = 12) -> tuple[date, ...]:
    """The next `n` days later than `after` on which the plan delivers: fewer near its end, none after it."""
    start = max(after, plan.start_on - timedelta(days=1))
    return tuple(day for day in next_dates(plan.schedule, start, n) if day <= plan.end_on)


def _times(schedule: str, after: datetime) -> Iterator[datetime]:
    match = _WORKING_DAY.fullmatch(schedule)
    if match:
        return _working_day_times(int(match[1]), _UNITS[match[2]], after)
    if schedule.startswith("cron: "):
        return _cron_times(schedule.removeprefix("cron: "), after)
    raise ValueError("not a schedule: expected `working day: 3 of month` or `cron: 0 6 1 * *`")


def _working_day_times(n: int, frequency: Frequency, after: datetime) -> Iterator[datetime]:
    period = period_of(after.date(), frequency)
    while True:
        day = nth_working_day(period.first, period.last, n)
        at = datetime.combine(day, WORKING_DAY_TIME, ZONE) if day else None
        if at and at > after:
            yield at
        period = period_of(period.last + timedelta(days=1), frequency)


def _cron_times(words: str, after: datetime) -> Iterator[datetime]:
    from croniter import croniter

    # Wall-clock time without a zone: a run at 06:00 stays at 06:00 when the clocks change.
    found = croniter(words, after.replace(tzinfo=None))
    while True:
        yield found.get_next(datetime).replace(tzinfo=ZONE)


def _check_once_per_period(schedule: str, frequency: Frequency) -> None:
    try:
        days = dates_within(schedule, _PROBE_FROM, _PROBE_UNTIL, _PROBE_DAYS)
    except Exception:
        raise ValueError("never runs on a real date") from None
    periods = [period_of(day, frequency) for day in days]
    if len(set(periods)) < len(periods):
        raise ValueError(f"runs more than once in a period of frequency {frequency}")
    if frequency is Frequency.DAILY:
        return
    gaps = any(period_of(a.last + timedelta(days=1), frequency) != b for a, b in pairwise(periods))
    if gaps or len(periods) < 2:
        raise ValueError(f"leaves out some periods of frequency {frequency}: they would never be delivered")
