"""Requests: what was asked, how it stands, and what was found and decided about it."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from extracts.record.tables.base import Base, computed, of_a_request


class RequestRow(Base):
    """What was asked: one row per version."""

    __tablename__ = "request"
    __table_args__ = (
        Index("request_by_status", "status"),
        Index("request_by_recipient", "recipients", postgresql_using="gin"),
        Index("request_by_gateway", "gateway"),
        Index("request_by_dataset", "datasets", postgresql_using="gin"),
    )
    request_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    requester_organisation: Mapped[str]
    requester_name: Mapped[str]
    recipient: Mapped[str]
    status: Mapped[str]
    document: Mapped[str]
    digest: Mapped[str]
    submitted_at: Mapped[datetime]
    gateway: Mapped[str | None] = mapped_column(computed())
    datasets: Mapped[list[str] | None] = mapped_column(ARRAY(Text), computed())
    recipients: Mapped[list[str]] = mapped_column(ARRAY(Text), computed())
    received_on: Mapped[date | None] = mapped_column(computed())
    sought: Mapped[str | None] = mapped_column(computed())
    expedited: Mapped[bool | None] = mapped_column(computed())
    evidence_days: Mapped[int | None] = mapped_column(computed())


Index("request_by_submission", RequestRow.submitted_at.desc(), RequestRow.request_id.desc())


class StatusChangeRow(Base):
    """How a request came to its status."""

    __tablename__ = "status_change"
    __table_args__ = (of_a_request(),)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    from_status: Mapped[str]
    to_status: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    comment: Mapped[str]


class AssessmentRow(Base):
    """What the policy statement found in a request."""

    __tablename__ = "assessment"
    __table_args__ = (of_a_request(),)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    policy_version: Mapped[str]
    passed: Mapped[bool]
    document: Mapped[str]
    assessed_at: Mapped[datetime]


class BoardPaperRow(Base):
    """What was written for those who decide."""

    __tablename__ = "board_paper"
    __table_args__ = (of_a_request(), Index("board_paper_by_request", "request_id", "version", "written_at"))
    digest: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str]
    version: Mapped[int]
    kind: Mapped[str]
    document: Mapped[str]
    written_at: Mapped[datetime]


class DecisionRow(Base):
    """What was decided, and the plan that it binds."""

    __tablename__ = "decision"
    __table_args__ = (of_a_request(), Index("decision_by_request", "request_id", "recorded_at"))
    digest: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str]
    version: Mapped[int]
    outcome: Mapped[str]
    plan_digest: Mapped[str]
    document: Mapped[str]
    plan: Mapped[str]
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    recorded_at: Mapped[datetime]
    frequency: Mapped[str | None] = mapped_column(computed())
    schedule: Mapped[str | None] = mapped_column(computed())
    only_present: Mapped[bool | None] = mapped_column(computed())
    starts_on: Mapped[date | None] = mapped_column(computed())
    ends_on: Mapped[date | None] = mapped_column(computed())
    review_on: Mapped[date | None] = mapped_column(computed())
    criticality: Mapped[str | None] = mapped_column(computed())


class SignatureRow(Base):
    """A verified signature and when it was first seen."""

    __tablename__ = "signature"
    document_digest: Mapped[str] = mapped_column(primary_key=True)
    namespace: Mapped[str] = mapped_column(primary_key=True)
    principal: Mapped[str]
    key_fingerprint: Mapped[str]
    signature: Mapped[str]
    recorded_at: Mapped[datetime]


class OrderRow(Base):
    """Suspend, resume or revoke."""

    __tablename__ = "signed_order"
    __table_args__ = (UniqueConstraint("digest"),)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    decision_digest: Mapped[str] = mapped_column(ForeignKey("register.decision.digest"))
    document: Mapped[str]
    digest: Mapped[str]
    recorded_at: Mapped[datetime]


class ElsewhereRow(Base):
    """One revision of an agreement that runs elsewhere."""

    __tablename__ = "elsewhere"
    __table_args__ = (
        Index("elsewhere_by_recipient", "recipient"),
        Index("elsewhere_by_end", "valid_until"),
    )
    elsewhere_id: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[str]
    digest: Mapped[str]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]
    title: Mapped[str | None] = mapped_column(computed())
    carrier: Mapped[str | None] = mapped_column(computed())
    recipient: Mapped[str | None] = mapped_column(computed())
    classes: Mapped[list[str] | None] = mapped_column(ARRAY(Text), computed())
    gateway: Mapped[str | None] = mapped_column(computed())
    owner: Mapped[str | None] = mapped_column(computed())
    valid_from: Mapped[date | None] = mapped_column(computed())
    valid_until: Mapped[date | None] = mapped_column(computed())
    review_on: Mapped[date | None] = mapped_column(computed())
    ended_on: Mapped[date | None] = mapped_column(computed())
    sought: Mapped[str | None] = mapped_column(computed())
