"""Periods of deliveries: which days one delivery is about, and the label that names it.

Rules:
1. A label is 2026-11-23 (daily), 2026-W47 (weekly, ISO 8601), 2026-11 (monthly) or 2026-Q4 (quarterly), as the
   agreement's frequency says; a label of another frequency is refused, not converted.
2. Event datasets: a run on a day delivers the last period that was complete on that day, however late it runs.
3. As-at-now datasets hold only today's state: a late run is labelled with the period it really runs in, and a past
   label is refused, for it would be a false statement about the data.
4. Only periods that a date between the plan's start and end would deliver can be asked for: an operator's label must
   not reach back to data that nobody approved.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import StrEnum

from extracts.agreement.plan import ExtractPlan, Period
from extracts.catalogue.contract import PeriodKind
from extracts.errors import Refused, UsageError

_DAY = timedelta(days=1)


class Frequency(StrEnum):
    """How often an extract is delivered, and thereby how long its periods are."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"


_LABELS = {
    Frequency.DAILY: (re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII), "2026-11-23"),
    Frequency.WEEKLY: (re.compile(r"(\d{4})-W(\d\d)", re.ASCII), "2026-W47"),
    Frequency.MONTHLY: (re.compile(r"(\d{4})-(\d\d)", re.ASCII), "2026-11"),
    Frequency.QUARTERLY: (re.compile(r"(\d{4})-Q([1-4])", re.ASCII), "2026-Q4"),
}


def period_of(day: date, frequency: Frequency) -> Period:
    """The period that contains `day`."""
    if frequency is Frequency.DAILY:
        return Period(day.isoformat(), day, day)
    if frequency is Frequency.WEEKLY:
        year, week, weekday = day.isocalendar()
        first = day - timedelta(days=weekday - 1)
        return Period(f"{year}-W{week:02}", first, first + timedelta(days=6))
    if frequency is Frequency.MONTHLY:
        return Period(f"{day:%Y-%m}", day.replace(day=1), _last_of_month(day.year, day.month))
    quarter = (day.month + 2) // 3
    first = date(day.year, quarter * 3 - 2, 1)
    return Period(f"{day.year}-Q{quarter}", first, _last_of_month(day.year, quarter * 3))


def period_before(period: Period, frequency: Frequency) -> Period:
    """The period that ends on the day before `period` begins."""
    return period_of(period.first - _DAY, frequency)


def read_label(label: str, frequency: Frequency) -> Period:
    """The period that a label names. Raises UsageError if it has another shape or names no real date."""
    pattern, example = _LABELS[frequency]
    match = pattern.fullmatch(label)
    try:
        if match:
            return period_of(_first_day(frequency, [int(g) for g in match.groups()]), frequency)
    except ValueError:
        pass
    raise UsageError(
        f"{_printable(label)} is no {frequency} period.",
        advice=f"Write it as {example}: this agreement delivers {frequency}.",
    )


def period_for(plan: ExtractPlan, asked: date | str, today: date) -> Period:
    """The period that a run delivers. `asked` is the day the run was due, or a label typed by hand; `today` the day
    on which it really runs (local, Europe/London).

    Raises UsageError for a malformed label; Refused for one that is not over yet, outside the plan's dates, or past
    where the dataset knows only the present.
    """
    frequency = Frequency(plan.frequency)
    if period_kind(plan) is PeriodKind.AS_AT_NOW:
        return _present_period(plan, asked, today, frequency)
    if isinstance(asked, str):
        return _approved(plan, _complete(read_label(asked, frequency), today, plan), frequency)
    return _approved(plan, period_before(period_of(min(asked, today), frequency), frequency), frequency)


def period_kind(plan: ExtractPlan) -> PeriodKind:
    """The kind of all datasets of the plan: a plan never mixes the present with the past."""
    kinds = {d.period_kind for d in plan.datasets}
    return PeriodKind.AS_AT_NOW if PeriodKind.AS_AT_NOW in kinds else PeriodKind.EVENT


def _present_period(plan: ExtractPlan, asked: date | str, today: date, frequency: Frequency) -> Period:
    current = period_of(today, frequency)
    if isinstance(asked, str) and read_label(asked, frequency) != current:
        names = ", ".join(d.dataset for d in plan.datasets)
        raise Refused(
            f"{plan.request_id}: {asked} cannot be delivered: {names} shows people as they are now and keeps no "
            f"past, so a delivery made today is about {current.label}.",
            advice=f"Run it without a period, or with {current.label}.",
        )
    if not plan.start_on <= today <= plan.end_on:
        raise _outside(plan, current)
    return current


def _complete(period: Period, today: date, plan: ExtractPlan) -> Period:
    if period.last >= today:
        raise Refused(
            f"{plan.request_id}: {period.label} is not over yet; it ends on {period.last}.",
            advice="Run it after that day, or ask for the period before.",
        )
    return period


def _approved(plan: ExtractPlan, period: Period, frequency: Frequency) -> Period:
    earliest = period_before(period_of(plan.start_on, frequency), frequency)
    latest = period_before(period_of(plan.end_on, frequency), frequency)
    if not earliest.first <= period.first <= latest.first:
        raise _outside(plan, period)
    return period


def _outside(plan: ExtractPlan, period: Period) -> Refused:
    return Refused(
        f"{plan.request_id}: {period.label} lies outside what was approved (deliveries from {plan.start_on} to "
        f"{plan.end_on}).",
        advice="Ask for another period, or send a new version of the request with other dates.",
    )


def _first_day(frequency: Frequency, numbers: list[int]) -> date:
    if frequency is Frequency.WEEKLY:
        return date.fromisocalendar(numbers[0], numbers[1], 1)
    if frequency is Frequency.QUARTERLY:
        return date(numbers[0], numbers[1] * 3 - 2, 1)
    return date(numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 1)


def _last_of_month(year: int, month: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    return following - _DAY


def _printable(label: str) -> str:
    return repr(label[:20]) if label.isprintable() else "the label"
