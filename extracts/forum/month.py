"""The month that a pack is about, from its first moment to its last, as people in London and Edinburgh keep it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from extracts.agreement.periods import Frequency, period_before, read_label
from extracts.agreement.plan import Period
from extracts.errors import UsageError

LOCAL = ZoneInfo("Europe/London")


@dataclass(frozen=True)
class Month:
    """One calendar month. `now` is when it is looked at: a month that is not over yet counts up to then."""

    period: Period
    now: datetime

    @property
    def label(self) -> str:
        """`2026-11`."""
        return self.period.label

    @cached_property
    def first(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.period.first, time(), LOCAL)

    @cached_property
    def until(self) -> datetime:
        """The moment after its last, or now if it is not over."""
        return min(self.now, datetime.combine(self.period.last + timedelta(days=1), time(), LOCAL))

    @property
    def is_over(self) -> bool:
        """Whether nothing can be added to it."""
        return self.until < self.now

    @property
    def last_day(self) -> date:
        """The day by which agreements, dates and open requests are judged."""
        return self.period.last if self.is_over else local_day(self.now)

    def holds(self, at: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.first <= at < self.until

    def year(self) -> tuple[Month, ...]:
        """The twelve months that end with this one, oldest first."""
        found = [self]
        while len(found) < 12:
            found.append(Month(period_before(found[-1].period, Frequency.MONTHLY), self.now))
        return tuple(reversed(found))


def read_month(label: str, now: datetime) -> Month:
    """The month of a label such as 2026-11. Raises UsageError for what is no month, or has not begun."""
    try:
        period = read_label(label, Frequency.MONTHLY)
    except UsageError as error:
        raise UsageError(error.message.replace("monthly period", "month"), advice="Write it as 2026-11.") from None
    found = Month(period, now)
    if found.first > now:
        raise UsageError(f"{label} has not begun: there is nothing to show.", advice="Name a month that has.")
    return found


def month_before(now: datetime) -> str:
    """The label of the last month that is over."""
    return f"{local_day(now).replace(day=1) - timedelta(days=1):%Y-%m}"


def local_day(at: datetime) -> date:
    """The day that it was for people here."""
    return at.astimezone(LOCAL).date()
