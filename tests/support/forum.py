"""Facts for the forum's pack, in few words: `asked(v=1, came=day(2))`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from extracts.forum.facts import EndedRun, Facts, Move, Sent, Terms, Version
from extracts.forum.month import Month, read_month
from extracts.forum.pack import ForumPack, forum_pack

ID = "SDDSB-2026-014"
NOW = datetime(2026, 12, 15, 12, tzinfo=UTC)


def at(month: int, day: int, hour: int = 12) -> datetime:
    """A moment of 2026."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


def november() -> Month:
    """November 2026, looked at in December. Its 30th is St Andrew's Day, a holiday in Scotland."""
    return read_month("2026-11", NOW)


def asked(came: datetime, version: int = 1, request_id: str = ID, **changes: Any) -> Version:
    """A version of a request."""
    facts = {"title": "Benefit cap support", "organisation": "fife-council", "recipient": "fife-council"} | changes
    return Version(request_id, version, submitted_at=came, **facts)


def life(version: Version, *steps: tuple[str, datetime], comment: str = "") -> list[Move]:
    """The changes of status of a version, from its submission on."""
    found, before = [], ""
    for status, when in (("submitted", version.submitted_at), *steps):
        found.append(Move(version.request_id, version.version, before, status, when, "board@dwp.example", comment))
        before = status
    return found


def terms(**changes: Any) -> Terms:
    """What an approval says of its dates."""
    facts: dict[str, Any] = {
        "decision_digest": "sha256:one",
        "valid_from": date(2026, 1, 5),
        "valid_until": date(2027, 12, 31),
        "review_on": date(2027, 6, 30),
        "frequency": "monthly",
    }
    return Terms(**(facts | changes))


def sent(rows: int, request_id: str = ID, number: int = 1, **changes: Any) -> Sent:
    """A delivery of November."""
    facts: dict[str, Any] = {
        "recipient": "fife-council",
        "revision": 1,
        "bytes": rows * 40,
        "published_at": at(11, number),
    }
    return Sent(f"{request_id}.2026-11-{number:02}.r1", request_id, rows=rows, **(facts | changes))


def ended(outcome: str, run: str = "r1", gate: str = "", **changes: Any) -> EndedRun:
    """A run that ended in November."""
    facts: dict[str, Any] = {"at": at(11, 9), "actor": "scheduler"}
    return EndedRun(f"{ID}/{run}", ID, outcome=outcome, gate=gate, **(facts | changes))


def the_pack(versions: Iterable[Version] = (), moves: Iterable[Move] = (), **facts: Any) -> ForumPack:
    """November's pack of these facts."""
    return forum_pack(Facts(versions=tuple(versions), moves=tuple(moves), **facts), november())
