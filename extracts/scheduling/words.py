"""Plain English for a schedule's text and for dates, as Airflow shows them.

What a plan's rows, columns and limits are called stands in `agreement.plain_words`.
"""

from __future__ import annotations

from datetime import date

_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def schedule_words(schedule: str) -> str:
    """`working day: 3 of month` -> `3rd working day of each month in Scotland, 06:00`."""
    kind, _, rest = schedule.partition(": ")
    if kind == "working day":
        n, _, unit = rest.partition(" of ")
        return f"{ordinal(int(n))} working day of each {unit} in Scotland, 06:00"
    from cron_descriptor import ExpressionDescriptor

    words = ExpressionDescriptor(rest, use_24hour_time_format=True).get_full_description()
    return f"{words} (UK time)"


def day_words(text: str) -> str:
    """`2026-11-05` -> `5 November 2026`; anything else as it stands."""
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return text
    return f"{day.day} {day:%B %Y}"


def ordinal(number: int) -> str:
    """1 -> 1st, 12 -> 12th."""
    ending = "th" if number % 100 in (11, 12, 13) else _ENDINGS.get(number % 10, "th")
    return f"{number}{ending}"
