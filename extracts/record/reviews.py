"""The register's reviews: those asked for, the answers, which were found to hold for a later version, and which of
these the Board set aside.

One answer per review; nothing here is ever changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from extracts.canonical import digest
from extracts.errors import VerificationFailed
from extracts.record.stored import document_of, insert_once, text_of
from extracts.record.tables.reviews import ReviewAnswerRow, ReviewAskedAgainRow, ReviewAskedRow, ReviewCarriedRow
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


@dataclass(frozen=True)
class ReviewCarried:
    """An answer to version `from_version` that holds for `version`, and why."""

    request_id: str
    version: int
    review: str
    from_version: int
    answer_digest: str
    why: str
    carried_at: datetime


@dataclass(frozen=True)
class ReviewAskedAgain:
    """A carried answer that was set aside: by whom, and why. The review is asked for again."""

    request_id: str
    version: int
    review: str
    asked_by: str
    reasons: str
    asked_at: datetime


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


def record_carried(work: Work, carried: ReviewCarried) -> bool:
    """Notes that an answer holds for a later version; whether that is new. The review has been asked for."""
    return insert_once(work, ReviewCarriedRow, {n: getattr(carried, n) for n in ReviewCarried.__dataclass_fields__})


def reviews_carried(reading: Reading, request_id: str, version: int) -> tuple[ReviewCarried, ...]:
    """The answers that were carried to a version, in the order of their reviews' names; also those given anew since."""
    row = ReviewCarriedRow
    query = select(row).where(row.request_id == request_id, row.version == version).order_by(row.review)
    names = ReviewCarried.__dataclass_fields__
    return tuple(ReviewCarried(**{n: getattr(found, n) for n in names}) for found in reading.session.scalars(query))


def record_asked_again(work: Work, asked: ReviewAskedAgain) -> bool:
    """Sets a carried answer aside; whether that is new. It was carried to this version."""
    return insert_once(work, ReviewAskedAgainRow, {n: getattr(asked, n) for n in ReviewAskedAgain.__dataclass_fields__})


def reviews_asked_again(reading: Reading, request_id: str, version: int) -> tuple[ReviewAskedAgain, ...]:
    """The reviews of a version whose carried answers were set aside, in the order of their names."""
    row = ReviewAskedAgainRow
    query = select(row).where(row.request_id == request_id, row.version == version).order_by(row.review)
    names = ReviewAskedAgain.__dataclass_fields__
    return tuple(ReviewAskedAgain(**{n: getattr(found, n) for n in names}) for found in reading.session.scalars(query))


def standing_answers(reading: Reading, request_id: str, version: int) -> tuple[ReviewAnswered, ...]:
    """The answers that count for a version: its own, then those carried to it that nobody gave anew or set aside.

    A carried one names, as its `version`, the one that it was given on. Raises VerificationFailed.
    """
    own = review_answers(reading, request_id, version)
    given = {a.review for a in own} | {a.review for a in reviews_asked_again(reading, request_id, version)}
    carried = (c for c in reviews_carried(reading, request_id, version) if c.review not in given)
    return (*own, *(_origin(reading, c) for c in carried))


def _origin(reading: Reading, carried: ReviewCarried) -> ReviewAnswered:
    answers = review_answers(reading, carried.request_id, carried.from_version)
    found = next((a for a in answers if a.review == carried.review), None)
    if found is None or found.digest != carried.answer_digest:
        raise VerificationFailed(
            f"The {carried.review} answer on {carried.request_id} version {carried.from_version} is not the one that "
            f"was carried to version {carried.version}.",
            advice="Ask the keeper of the register: a row was changed past the software.",
        )
    return found


def _answered(row: ReviewAnswerRow) -> ReviewAnswered:
    name = f"the {row.review} review of {row.request_id} version {row.version}"
    names = [n for n in ReviewAnswered.__dataclass_fields__ if n != "document"]
    return ReviewAnswered(document=document_of(row.document, row.digest, name), **{n: getattr(row, n) for n in names})
