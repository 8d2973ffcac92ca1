"""The month's pack: every figure that the forum reads, and what cannot be known and why, which is never a zero."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from extracts.agreement.suppression import Suppression
from extracts.forum.agreements import AgreementFigures, agreement_figures
from extracts.forum.custody import CustodyFigures, custody_figures
from extracts.forum.days import WorkingDays
from extracts.forum.deliveries import DeliveryFigures, delivery_figures
from extracts.forum.facts import Facts
from extracts.forum.month import Month
from extracts.forum.requests import RequestFigures, request_figures
from extracts.forum.rounds import CountDays
from extracts.forum.since import SinceThen, since_then


@dataclass(frozen=True)
class Unknown:
    """A figure that cannot be given, and why."""

    figure: str
    why: str


UNKNOWN = (
    Unknown(
        "Whether a recipient who sent no receipt has copies all the same",
        "Only signed receipts are counted; a folder that is read by hand leaves no trace here.",
    ),
    Unknown(
        "What agreements that run elsewhere deliver",
        "They are registered so that the register is whole; what they send leaves by other ways.",
    ),
    Unknown(
        "Which single expectation stopped a run",
        "The register keeps the gate and the control; the run's own quality report has every expectation.",
    ),
    Unknown(
        "Requests by people about their rights, and days that holds have lasted",
        "Both are kept by the source's owner; the pipeline reads holds and keeps no list of people.",
    ),
    Unknown(
        "Incidents and near misses, with the 72-hour clock",
        "They are reported to the data protection officer, not to this register.",
    ),
    Unknown(
        "Safeguarding candidates and how many were confirmed",
        "Lists of candidates are not made here, so nothing about them is recorded.",
    ),
)


@dataclass(frozen=True)
class ForumPack:
    """One month, as it is told. `month` is its label; `counted_at` when register and ledger were read."""

    month: str
    is_over: bool
    counted_at: datetime
    until: datetime
    hidden_below: int
    requests: RequestFigures
    agreements: AgreementFigures
    deliveries: DeliveryFigures
    custody: CustodyFigures
    since: SinceThen
    unknown: tuple[Unknown, ...] = UNKNOWN


def forum_pack(
    facts: Facts,
    month: Month,
    *,
    since: datetime | None = None,
    hidden: Suppression | None = None,
    count: CountDays | None = None,
) -> ForumPack:
    """The pack of a month. `since`: when the forum last met; without it, the list covers the month itself.

    `count`: how many working days lie between two days.
    """
    hidden = hidden or Suppression()
    began, ended = (since, month.now) if since else (month.first, month.until)
    return ForumPack(
        month=month.label,
        is_over=month.is_over,
        counted_at=month.now,
        until=month.until,
        hidden_below=hidden.threshold,
        requests=request_figures(facts, month, count or WorkingDays()),
        agreements=agreement_figures(facts, month),
        deliveries=delivery_figures(facts, month, hidden),
        custody=custody_figures(facts.held, month),
        since=since_then(facts.told, facts.versions, began, ended, facts.elsewhere),
    )
