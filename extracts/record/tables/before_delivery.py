"""What comes before a delivery or in its place: rehearsals, confirmed recipients, notices of no delivery."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from extracts.record.tables.base import Base, of_a_request


class RehearsalRow(Base):
    """A rehearsal as it was made, before it was published."""

    __tablename__ = "rehearsal"
    __table_args__ = (UniqueConstraint("request_id", "number"), of_a_request())
    rehearsal_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str]
    version: Mapped[int]
    number: Mapped[int]
    recipient: Mapped[str]
    decision_digest: Mapped[str] = mapped_column(ForeignKey("register.decision.digest"))
    manifest_digest: Mapped[str]
    files: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[str]


class RehearsalStepRow(Base):
    """What became of a rehearsal, with the receipt that says so."""

    __tablename__ = "rehearsal_step"
    __table_args__ = (Index("rehearsal_step_by_receipt", "document_digest"),)
    rehearsal_id: Mapped[str] = mapped_column(ForeignKey("register.rehearsal.rehearsal_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    document_digest: Mapped[str] = mapped_column(server_default="")
    document: Mapped[str] = mapped_column(server_default="")
    signature: Mapped[str] = mapped_column(server_default="")


class RehearsalWaiverRow(Base):
    """That a first delivery may go without a rehearsal."""

    __tablename__ = "rehearsal_waiver"
    __table_args__ = (of_a_request(),)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    reasons: Mapped[str]
    waived_by: Mapped[str]
    waived_at: Mapped[datetime]


class NoDeliveryRow(Base):
    """What a recipient was told of a delivery that did not come."""

    __tablename__ = "no_delivery"
    __table_args__ = (of_a_request(),)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    reason: Mapped[str]
    due_at: Mapped[datetime]
    document: Mapped[str]
    digest: Mapped[str]
    signature: Mapped[str]
    noted_at: Mapped[datetime]


class NoDeliveryStepRow(Base):
    """What became of it."""

    __tablename__ = "no_delivery_step"
    __table_args__ = (
        ForeignKeyConstraint(
            ["request_id", "period", "recipient"],
            [f"register.no_delivery.{name}" for name in ("request_id", "period", "recipient")],
        ),
    )
    request_id: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class RecipientConfirmationRow(Base):
    """That a recipient's key was compared with them."""

    __tablename__ = "recipient_confirmation"
    recipient: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str]
    spoken_with: Mapped[str]
    confirmed_by: Mapped[str]
    confirmed_at: Mapped[datetime]
