"""Reviews of a request: who was asked, and what they answered."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from extracts.record.tables.base import Base, of_a_request


class ReviewAskedRow(Base):
    """A review that was asked for, and by when."""

    __tablename__ = "review_asked"
    __table_args__ = (of_a_request(), Index("review_asked_by_target", "target_on"))
    request_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    review: Mapped[str] = mapped_column(primary_key=True)
    policy_version: Mapped[str]
    clause: Mapped[str]
    asked_at: Mapped[datetime]
    target_on: Mapped[date]


class ReviewAnswerRow(Base):
    """What was answered, by whom, and whose deputy that was."""

    __tablename__ = "review_answer"
    __table_args__ = (
        ForeignKeyConstraint(
            ["request_id", "version", "review"],
            [f"register.review_asked.{name}" for name in ("request_id", "version", "review")],
        ),
        UniqueConstraint("request_id", "version", "answered_by"),
    )
    request_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    review: Mapped[str] = mapped_column(primary_key=True)
    answered_by: Mapped[str]
    stands_for: Mapped[str]
    document: Mapped[str]
    digest: Mapped[str]
    reviewers_digest: Mapped[str]
    answered_at: Mapped[datetime]


class ReviewCarriedRow(Base):
    """An answer that was found to hold for a later version."""

    __tablename__ = "review_carried"
    __table_args__ = (
        ForeignKeyConstraint(
            ["request_id", "version", "review"],
            [f"register.review_asked.{name}" for name in ("request_id", "version", "review")],
        ),
        ForeignKeyConstraint(
            ["request_id", "from_version", "review"],
            [f"register.review_answer.{name}" for name in ("request_id", "version", "review")],
        ),
    )
    request_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    review: Mapped[str] = mapped_column(primary_key=True)
    from_version: Mapped[int]
    answer_digest: Mapped[str]
    why: Mapped[str]
    carried_at: Mapped[datetime]


class ReviewAskedAgainRow(Base):
    """A carried answer that the Board set aside."""

    __tablename__ = "review_asked_again"
    __table_args__ = (
        ForeignKeyConstraint(
            ["request_id", "version", "review"],
            [f"register.review_carried.{name}" for name in ("request_id", "version", "review")],
        ),
    )
    request_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    review: Mapped[str] = mapped_column(primary_key=True)
    asked_by: Mapped[str]
    reasons: Mapped[str]
    asked_at: Mapped[datetime]
