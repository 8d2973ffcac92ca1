"""The register's outbox: notices, written with what gives rise to them, and how far each of them was sent.

Rules:
1. A notice is there once per cause and audience: whoever raises it again changes nothing.
2. A sending is one notice to one address by one channel. It is tried until it went, with growing pauses, and never
   again after that (a trigger holds it).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, func, or_, select, update

from extracts.agreement.notices import Audience, Notice, NoticeKind
from extracts.record.stored import insert_once
from extracts.record.tables.notices import NoticeRow, NoticeSendingRow
from extracts.record.transaction import Reading, Work

_FIELDS = ("kind", "audience", "cause", "version", "subject", "body", "recipient")


@dataclass(frozen=True)
class KeptNotice:
    """A notice, and when it was raised."""

    notice: Notice
    raised_at: datetime


@dataclass(frozen=True)
class Sending:
    """One notice to one address by one channel; `address` is empty for the folder, and while nobody has the role."""

    notice_id: str
    channel: str
    address: str
    attempts: int
    next_try_at: datetime
    sent_at: datetime | None
    failure: str


def save_notice(work: Work, notice: Notice, at: datetime) -> bool:
    """Puts a notice into the outbox; whether it is new."""
    values = {name: getattr(notice, name) for name in _FIELDS}
    about = "elsewhere_id" if notice.kind is NoticeKind.ENDS_ELSEWHERE else "request_id"
    values |= {about: notice.request_id, "notice_id": notice.notice_id, "raised_at": at}
    return insert_once(work, NoticeRow, values)


def list_notices(reading: Reading, *, request_id: str = "", limit: int = 1_000) -> tuple[KeptNotice, ...]:
    """Notices, newest first; about one request, or one agreement elsewhere."""
    query = select(NoticeRow).order_by(NoticeRow.raised_at.desc(), NoticeRow.notice_id).limit(limit)
    if request_id:
        query = query.where(or_(NoticeRow.request_id == request_id, NoticeRow.elsewhere_id == request_id))
    return tuple(_kept(row) for row in reading.session.scalars(query))


def get_notice(reading: Reading, notice_id: str) -> KeptNotice:
    """A notice that there is."""
    return _kept(reading.session.scalars(select(NoticeRow).where(NoticeRow.notice_id == notice_id)).one())


def causes(reading: Reading, kinds: Collection[NoticeKind]) -> frozenset[str]:
    """The causes of all notices of these kinds: who looks often asks once, not once for each."""
    query = select(NoticeRow.cause).where(NoticeRow.kind.in_([str(k) for k in kinds]))
    return frozenset(reading.session.scalars(query))


def unaddressed(reading: Reading) -> tuple[KeptNotice, ...]:
    """Notices that were not yet given to any channel, oldest first."""
    sending = exists().where(NoticeSendingRow.notice_id == NoticeRow.notice_id)
    query = select(NoticeRow).where(~sending).order_by(NoticeRow.raised_at, NoticeRow.notice_id)
    return tuple(_kept(row) for row in reading.session.scalars(query))


def address(work: Work, notice_id: str, channel: str, to: str, at: datetime) -> bool:
    """Gives a notice to a channel, for one address; whether that is new."""
    values = {"notice_id": notice_id, "channel": channel, "address": to, "next_try_at": at}
    return insert_once(work, NoticeSendingRow, values)


def due_sendings(reading: Reading, channels: Collection[str], now: datetime) -> tuple[Sending, ...]:
    """What is to be tried now by these channels, in the order in which it was due."""
    row = NoticeSendingRow
    query = select(row).where(row.sent_at.is_(None), row.next_try_at <= now, row.channel.in_(channels))
    return _sendings(reading, query.order_by(row.next_try_at, row.notice_id, row.address))


def sendings_of(reading: Reading, notice_ids: Collection[str]) -> tuple[Sending, ...]:
    """How far these notices were sent."""
    row = NoticeSendingRow
    query = select(row).where(row.notice_id.in_(notice_ids)).order_by(row.notice_id, row.channel, row.address)
    return _sendings(reading, query)


def waiting_count(reading: Reading) -> tuple[int, int]:
    """How many notices were not yet given to a channel, and how many sendings failed and wait for another try."""
    row = NoticeSendingRow
    failed = select(func.count()).select_from(row).where(row.sent_at.is_(None), row.attempts > 0)
    return len(unaddressed(reading)), reading.session.scalar(failed) or 0


def note_sent(work: Work, sending: Sending, at: datetime) -> bool:
    """It went; whether nobody had noted that before."""
    return _note(work, sending, attempts=sending.attempts + 1, sent_at=at, failure="")


def note_failure(work: Work, sending: Sending, failure: str, next_try_at: datetime) -> bool:
    """It did not go, and why, in our own words; it is tried again from `next_try_at` on."""
    return _note(work, sending, attempts=sending.attempts + 1, next_try_at=next_try_at, failure=failure)


def note_passed_on(work: Work, sending: Sending, at: datetime) -> bool:
    """It was for a role that nobody had; by now somebody has, and has sendings of their own."""
    return _note(work, sending, sent_at=at, failure="")


def _note(work: Work, sending: Sending, **values: object) -> bool:
    row = NoticeSendingRow
    here = (row.notice_id == sending.notice_id) & (row.channel == sending.channel) & (row.address == sending.address)
    noted = update(row).where(here, row.sent_at.is_(None)).values(**values).returning(row.notice_id)
    return work.writing().execute(noted).first() is not None


def _sendings(reading: Reading, query: Select[NoticeSendingRow]) -> tuple[Sending, ...]:
    names = Sending.__dataclass_fields__
    return tuple(Sending(**{n: getattr(row, n) for n in names}) for row in reading.session.scalars(query))


def _kept(row: NoticeRow) -> KeptNotice:
    values = {name: getattr(row, name) for name in _FIELDS}
    kind, audience = NoticeKind(values.pop("kind")), Audience(values.pop("audience"))
    about = row.request_id or row.elsewhere_id or ""
    return KeptNotice(Notice(kind=kind, audience=audience, request_id=about, **values), row.raised_at)
