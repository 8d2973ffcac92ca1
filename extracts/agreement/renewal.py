"""When an agreement's end comes near: what it delivered, what it never delivered, and that somebody has to renew it.

Rules:
1. It is prompted 60, 30 and 7 days before its last day: calendar days, since the end is a date. Whoever looks late sees
   the nearest prompt only.
2. A renewal is a new version under the same id: history and pseudonyms go on (see `docs/how-to/write-a-request.md`).
3. What was due and never came is told by period, for whoever renews ought to know whether it was used at all.
4. Of an agreement that runs elsewhere only the end is known here: its owner is prompted on the same days.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from extracts.agreement.periods import period_for
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.schedule import due_dates
from extracts.canonical import plain
from extracts.errors import ExtractsError

PROMPTS = (60, 30, 7)
_MOST_DATES = 1_200  # three years of a daily schedule
_MOST_SHOWN = 12


@dataclass(frozen=True)
class Renewal:
    """The end of an agreement that comes near. `prompt`: the latest of 60, 30 and 7 days that has been reached."""

    request_id: str
    version: int
    ends_on: date
    days_left: int
    prompt: int
    delivered: tuple[str, ...]
    never_delivered: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As plain JSON values."""
        found: dict[str, Any] = plain(self.__dict__)
        return found

    def in_words(self) -> list[str]:
        """The end, and what came and what did not."""
        return [
            f"ends on {self.ends_on}, in {self.days_left} days; going on is a new version under the same id",
            f"delivered: {_periods(self.delivered)}",
            f"never delivered: {_periods(self.never_delivered)}",
        ]


@dataclass(frozen=True)
class EndElsewhere:
    """The end of an agreement that runs elsewhere, and comes near."""

    elsewhere_id: str
    revision: int
    ends_on: date
    days_left: int
    prompt: int


def prompt_reached(ends_on: date, today: date) -> int | None:
    """The latest prompt that is due; None before the first, and after the end."""
    left = (ends_on - today).days
    return min((days for days in PROMPTS if left <= days), default=None) if left >= 0 else None


def renewal(
    plan: ExtractPlan, version: int, in_force_from: date, ends_on: date, today: date, delivered: Collection[str]
) -> Renewal | None:
    """What is to be told today, if anything. `delivered`: labels of the periods that left the house, whenever."""
    prompt = prompt_reached(ends_on, today)
    if prompt is None:
        return None
    never = [label for label in periods_due(plan, in_force_from, today) if label not in delivered]
    return Renewal(
        request_id=plan.request_id,
        version=version,
        ends_on=ends_on,
        days_left=(ends_on - today).days,
        prompt=prompt,
        delivered=tuple(sorted(set(delivered))),
        never_delivered=tuple(never),
    )


def periods_due(plan: ExtractPlan, first: date, today: date) -> tuple[str, ...]:
    """Labels of the periods that were due from `first` until the day before today, in order."""
    days = (day for day in due_dates(plan, first - timedelta(days=1), _MOST_DATES) if day < today)
    return tuple(dict.fromkeys(label for day in days if (label := _label(plan, day))))


def _label(plan: ExtractPlan, day: date) -> str:
    try:
        return period_for(plan, day, day).label
    except ExtractsError:
        return ""  # its period lies outside of what was approved, so nothing was due


def _periods(labels: Collection[str]) -> str:
    shown = list(labels)[-_MOST_SHOWN:]
    earlier = len(labels) - len(shown)
    more = f" and {earlier} earlier" if earlier else ""
    return f"{len(labels)} periods ({', '.join(shown)}{more})" if labels else "nothing"
