"""The forum's pack for a month, read from register and ledger in one view; Airflow's own records are purged."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING

from extracts.agreement.suppression import Suppression
from extracts.errors import UsageError
from extracts.forum.month import LOCAL, month_before, read_month
from extracts.forum.pack import ForumPack, forum_pack
from extracts.record.forum_reading import forum_facts
from extracts.record.transaction import reading

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def pack_of(work: Workplace, month: str = "", since: str = "") -> ForumPack:
    """The pack of a month (2026-11), the last one that is over if none is named. `since`: when the forum last met.

    Raises UsageError for what is no month or day, or has not come.
    """
    now = work.now()
    found, met = read_month(month or month_before(now), now), _day(since, now)
    with reading(work.register) as view:
        facts = forum_facts(view, found, met)
    return forum_pack(facts, found, since=met, hidden=Suppression(work.limits.small_count))


def _day(text: str, now: datetime) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.combine(date.fromisoformat(text), time(), LOCAL)
    except ValueError:
        raise UsageError("--since is no day.", advice="Write it as 2026-11-23.") from None
    if found > now:
        raise UsageError(f"{text} has not come yet.", advice="Name the day of the last meeting.")
    return found
