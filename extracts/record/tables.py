"""The register's tables as typed SQLAlchemy models: the mirror of sql/register, which makes them.

These stay inside `record`: the functions of the register hand out plain values (`entries`). A test compares every
model with the migrated database.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Everything lies in the schema `register`; text is unlimited and times carry their zone."""

    metadata = MetaData(schema="register")
    type_annotation_map = {str: Text, datetime: DateTime(timezone=True)}


def _computed() -> Computed:
    """A column that the database computes from the document in its row: how, stands in sql/register."""
    return Computed("", persisted=True)


def _of_a_request() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["request_id", "version"], ["register.request.request_id", "register.request.version"])


class RequestRow(Base):
    """What was asked: one row per version."""

    __tablename__ = "request"
    __table_args__ = (
        Index("request_by_status", "status"),
        Index("request_by_recipient", "recipient"),
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
    gateway: Mapped[str | None] = mapped_column(_computed())
    datasets: Mapped[list[str] | None] = mapped_column(ARRAY(Text), _computed())
    received_on: Mapped[date | None] = mapped_column(_computed())
    sought: Mapped[str | None] = mapped_column(_computed())
    expedited: Mapped[bool | None] = mapped_column(_computed())
    evidence_days: Mapped[int | None] = mapped_column(_computed())


Index("request_by_submission", RequestRow.submitted_at.desc(), RequestRow.request_id.desc())


class StatusChangeRow(Base):
    """How a request came to its status."""

    __tablename__ = "status_change"
    __table_args__ = (_of_a_request(),)
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
    __table_args__ = (_of_a_request(),)
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
    __table_args__ = (_of_a_request(), Index("board_paper_by_request", "request_id", "version", "written_at"))
    digest: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str]
    version: Mapped[int]
    kind: Mapped[str]
    document: Mapped[str]
    written_at: Mapped[datetime]


class ReviewAskedRow(Base):
    """A review that was asked for, and by when."""

    __tablename__ = "review_asked"
    __table_args__ = (_of_a_request(), Index("review_asked_by_target", "target_on"))
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


class DecisionRow(Base):
    """What was decided, and the plan that it binds."""

    __tablename__ = "decision"
    __table_args__ = (_of_a_request(), Index("decision_by_request", "request_id", "recorded_at"))
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
    frequency: Mapped[str | None] = mapped_column(_computed())
    schedule: Mapped[str | None] = mapped_column(_computed())
    only_present: Mapped[bool | None] = mapped_column(_computed())
    starts_on: Mapped[date | None] = mapped_column(_computed())
    ends_on: Mapped[date | None] = mapped_column(_computed())
    review_on: Mapped[date | None] = mapped_column(_computed())
    criticality: Mapped[str | None] = mapped_column(_computed())


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


class RunRow(Base):
    """One attempt to deliver."""

    __tablename__ = "run"
    __table_args__ = (_of_a_request(), Index("run_by_start", "started_at"))
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
        _of_a_request(),
        UniqueConstraint("request_id", "period", "revision"),
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


class RehearsalRow(Base):
    """A rehearsal as it was made, before it was published."""

    __tablename__ = "rehearsal"
    __table_args__ = (UniqueConstraint("request_id", "number"), _of_a_request())
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
    __table_args__ = (_of_a_request(),)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    reasons: Mapped[str]
    waived_by: Mapped[str]
    waived_at: Mapped[datetime]


class NoDeliveryRow(Base):
    """What a recipient was told of a delivery that did not come."""

    __tablename__ = "no_delivery"
    __table_args__ = (_of_a_request(),)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    recipient: Mapped[str]
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
            ["request_id", "period"], ["register.no_delivery.request_id", "register.no_delivery.period"]
        ),
    )
    request_id: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
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
    title: Mapped[str | None] = mapped_column(_computed())
    carrier: Mapped[str | None] = mapped_column(_computed())
    recipient: Mapped[str | None] = mapped_column(_computed())
    classes: Mapped[list[str] | None] = mapped_column(ARRAY(Text), _computed())
    gateway: Mapped[str | None] = mapped_column(_computed())
    owner: Mapped[str | None] = mapped_column(_computed())
    valid_from: Mapped[date | None] = mapped_column(_computed())
    valid_until: Mapped[date | None] = mapped_column(_computed())
    review_on: Mapped[date | None] = mapped_column(_computed())
    ended_on: Mapped[date | None] = mapped_column(_computed())
    sought: Mapped[str | None] = mapped_column(_computed())


class NoticeRow(Base):
    """What people are told, about a request or about an agreement elsewhere: once per cause and audience."""

    __tablename__ = "notice"
    __table_args__ = (
        _of_a_request(),
        ForeignKeyConstraint(
            ["elsewhere_id", "version"], ["register.elsewhere.elsewhere_id", "register.elsewhere.revision"]
        ),
        UniqueConstraint("cause", "audience"),
        Index("notice_by_request", "request_id", "raised_at"),
    )
    notice_id: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str]
    audience: Mapped[str]
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
