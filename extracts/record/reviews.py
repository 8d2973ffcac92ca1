"""The register's reviews: those asked for, and the answers. One answer per review; nothing here is ever changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from extracts.canonical import digest
from extracts.record.stored import document_of, insert_once, text_of
from extracts.record.tables import ReviewAnswerRow, ReviewAskedRow
from extracts.record.transaction import Reading, Work


@dataclass(frozen=True)
class ReviewAsked:
    """A review of one version of a request: by which policy and clause, since when, and by when it is due."""

    request_id: str
    version: int
    review: str
    policy_version: str
    clause: str
    asked_at: datetime
    target_on: date


@dataclass(frozen=True)
class ReviewAnswered:
    """An answer, by whom, for whom (empty: for themselves), and under which list of reviewers it counted."""

    request_id: str
    version: int
    review: str
    answered_by: str
    stands_for: str
    document: Mapping[str, Any] = field(repr=False)
    reviewers_digest: str
    answered_at: datetime

    @property
    def digest(self) -> str:
        """The digest by which the ledger names it."""
        return digest(self.document)


def ask_review(work: Work, asked: ReviewAsked) -> bool:
    """Notes that a review is asked for; whether that is new."""
    return insert_once(work, ReviewAskedRow, {n: getattr(asked, n) for n in ReviewAsked.__dataclass_fields__})


def reviews_asked(reading: Reading, request_id: str, version: int) -> tuple[ReviewAsked, ...]:
    """The reviews asked for of a version, in the order of their names."""
    row = ReviewAskedRow
    query = select(row).where(row.request_id == request_id, row.version == version).order_by(row.review)
    names = ReviewAsked.__dataclass_fields__
    return tuple(ReviewAsked(**{n: getattr(found, n) for n in names}) for found in reading.session.scalars(query))


def record_answer(work: Work, answered: ReviewAnswered) -> bool:
    """Saves an answer; whether it is new. Whoever calls holds the request's lock and has asked for the review."""
    names = [n for n in ReviewAnswered.__dataclass_fields__ if n != "document"]
    values = {n: getattr(answered, n) for n in names}
    return insert_once(
        work, ReviewAnswerRow, values | {"document": text_of(answered.document), "digest": answered.digest}
    )


def review_answers(reading: Reading, request_id: str, version: int) -> tuple[ReviewAnswered, ...]:
    """The answers about a version, in the order in which they came. Raises VerificationFailed."""
    row = ReviewAnswerRow
    query = select(row).where(row.request_id == request_id, row.version == version)
    return tuple(_answered(found) for found in reading.session.scalars(query.order_by(row.answered_at, row.review)))


def _answered(row: ReviewAnswerRow) -> ReviewAnswered:
    name = f"the {row.review} review of {row.request_id} version {row.version}"
    names = [n for n in ReviewAnswered.__dataclass_fields__ if n != "document"]
    return ReviewAnswered(document=document_of(row.document, row.digest, name), **{n: getattr(row, n) for n in names})
