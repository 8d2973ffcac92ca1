"""The outbox: notices, and how far each was sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from extracts.record.tables.base import Base, of_a_request


class NoticeRow(Base):
    """What people are told, about a request or about an agreement elsewhere: once per cause and audience."""

    __tablename__ = "notice"
    __table_args__ = (
        of_a_request(),
        ForeignKeyConstraint(
            ["elsewhere_id", "version"], ["register.elsewhere.elsewhere_id", "register.elsewhere.revision"]
        ),
        UniqueConstraint("cause", "audience"),
        Index("notice_by_request", "request_id", "raised_at"),
    )
    notice_id: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str]
    audience: Mapped[str]
    recipient: Mapped[str] = mapped_column(server_default="")
    kind: Mapped[str]
    request_id: Mapped[str | None]
    elsewhere_id: Mapped[str | None]
    version: Mapped[int]
    subject: Mapped[str]
    body: Mapped[str]
    raised_at: Mapped[datetime]


class NoticeSendingRow(Base):
    """One notice to one address by one channel."""

    __tablename__ = "notice_sending"
    notice_id: Mapped[str] = mapped_column(ForeignKey("register.notice.notice_id"), primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_try_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    failure: Mapped[str] = mapped_column(server_default="")


Index(
    "notice_by_elsewhere",
    NoticeRow.elsewhere_id,
    NoticeRow.raised_at,
    postgresql_where=NoticeRow.elsewhere_id.is_not(None),
)
Index(
    "notice_sending_waiting",
    NoticeSendingRow.next_try_at,
    postgresql_where=NoticeSendingRow.sent_at.is_(None),
)
