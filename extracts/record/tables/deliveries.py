"""Runs, their deliveries, and what became of these at the recipient's."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from extracts.record.tables.base import Base, of_a_request


class RunRow(Base):
    """One attempt to deliver."""

    __tablename__ = "run"
    __table_args__ = (of_a_request(), Index("run_by_start", "started_at"))
    run_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str]
    version: Mapped[int]
    period: Mapped[str]
    attempt: Mapped[int] = mapped_column(server_default="1")
    started_by: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(server_default="")
    gate: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    counts: Mapped[str] = mapped_column(server_default="{}")
    snapshot: Mapped[str] = mapped_column(server_default="{}")
    delivery_id: Mapped[str] = mapped_column(server_default="")


Index("run_by_request", RunRow.request_id, RunRow.started_at.desc())


class DeliveryRow(Base):
    """What left, or is about to."""

    __tablename__ = "delivery"
    __table_args__ = (
        of_a_request(),
        UniqueConstraint("request_id", "period", "revision", "recipient"),
        Index("delivery_by_state", "state"),
        Index("delivery_by_period", "period"),
        Index("delivery_by_destruction", "destroy_by"),
    )
    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str]
    version: Mapped[int]
    period: Mapped[str]
    period_first: Mapped[date]
    period_last: Mapped[date]
    revision: Mapped[int]
    recipient: Mapped[str]
    decision_digest: Mapped[str] = mapped_column(ForeignKey("register.decision.digest"))
    run_id: Mapped[str] = mapped_column(ForeignKey("register.run.run_id"))
    supersedes: Mapped[str | None] = mapped_column(ForeignKey("register.delivery.delivery_id"))
    reason: Mapped[str]
    state: Mapped[str]
    path: Mapped[str] = mapped_column(server_default="")
    manifest_digest: Mapped[str] = mapped_column(server_default="")
    previous_manifest_digest: Mapped[str] = mapped_column(server_default="")
    rows: Mapped[int] = mapped_column(BigInteger, server_default="0")
    bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    files: Mapped[str] = mapped_column(server_default="[]")
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    destroy_by: Mapped[date | None]
    part: Mapped[str] = mapped_column(server_default="")


Index("delivery_by_publication", DeliveryRow.published_at.desc(), DeliveryRow.delivery_id.desc())


class CustodyRow(Base):
    """One step of a delivery after it left."""

    __tablename__ = "custody"
    delivery_id: Mapped[str] = mapped_column(ForeignKey("register.delivery.delivery_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    document_digest: Mapped[str] = mapped_column(server_default="")


class RemovalRow(Base):
    """That the files of an expired or withdrawn delivery are out of the transfer area."""

    __tablename__ = "removal"
    __table_args__ = (
        ForeignKeyConstraint(["delivery_id", "number"], ["register.custody.delivery_id", "register.custody.number"]),
    )
    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    removed_at: Mapped[datetime]


class ReceiptRow(Base):
    """A receipt that was taken, as it was signed."""

    __tablename__ = "receipt"
    __table_args__ = (Index("receipt_by_delivery", "delivery_id", "taken_at"),)
    digest: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("register.delivery.delivery_id"))
    result: Mapped[str]
    signed_at: Mapped[datetime]
    key_fingerprint: Mapped[str]
    document: Mapped[str]
    signature: Mapped[str]
    taken_at: Mapped[datetime]


class CertificateRow(Base):
    """A certificate of destruction that was taken, as it was signed."""

    __tablename__ = "certificate"
    digest: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    signed_at: Mapped[datetime]
    key_fingerprint: Mapped[str]
    document: Mapped[str]
    signature: Mapped[str]
    taken_at: Mapped[datetime]


class RefusedDocumentRow(Base):
    """A receipt or certificate that was refused, by digest, and why."""

    __tablename__ = "refused_document"
    digest: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str] = mapped_column(primary_key=True)
    objection: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str | None] = mapped_column(ForeignKey("register.delivery.delivery_id"))
    refused_at: Mapped[datetime]
