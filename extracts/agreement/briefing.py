"""The briefing: what the Board reads before it decides. Counts, shares and names only; no value of any person.

Rules:
1. Every number comes from cells that do not overlap, through `suppression`; totals are sums of what is told.
2. That a group of people is smaller than k is told; how small it is, if fewer than the threshold, is not.
3. It decides nothing, and no signature covers it: decisions bind plans. Its digest in the ledger says what was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from extracts.agreement.assessment import Finding
from extracts.agreement.availability import ColumnAnswer
from extracts.agreement.reading import read_value
from extracts.agreement.suppression import SafeCount
from extracts.canonical import Canonical


@dataclass(frozen=True)
class ColumnBriefing:
    """One column asked for. `filled_percent`: rows expected that hold something; None where that was not counted."""

    answer: ColumnAnswer
    filled_percent: int | None = None


@dataclass(frozen=True)
class Told:
    """One count of rows, and of the people that they are about."""

    rows: SafeCount
    people: SafeCount


@dataclass(frozen=True)
class GroupingBriefing:
    """How alike people would look. `change` is empty for what was asked, or says what would be coarser.

    `smallest` and `people_below_k` are in people; `rows_below_percent` is the share of rows in groups below k.
    """

    change: str
    by: tuple[str, ...]
    smallest: SafeCount
    people_below_k: SafeCount
    rows_below_percent: int | None
    may_leave: bool


@dataclass(frozen=True)
class DatasetBriefing:
    """One dataset. `fates` says what becomes of its rows: expected, stop and ask, withheld, on hold, filtered.

    `stale` is empty for a fresh source; `not_counted` where rows were counted. `expected_bytes` is a rough guess.
    """

    dataset: str
    owner: str
    age_hours: int | None
    promised_hours: int
    asked_hours: int
    stale: str
    source: Told | None
    matching: Told | None
    fates: Mapping[str, Told]
    expected_bytes: int | None
    k: int
    groups: tuple[GroupingBriefing, ...]
    not_counted: str = ""


@dataclass(frozen=True)
class HeldAlready:
    """An agreement by which the recipient has data. `columns` are `dataset.column: treatment`."""

    request_id: str
    title: str
    status: str
    until: date
    columns: tuple[str, ...]
    deliveries: int
    last_delivered_on: date | None


@dataclass(frozen=True)
class SimilarAnswer:
    """How another request was answered. `alike` says what the two share: dataset, purpose, kind of body, recipient."""

    request_id: str
    version: int
    title: str
    alike: tuple[str, ...]
    outcome: str
    decided_on: date
    refused: tuple[str, ...]
    reason_code: str
    acceptable: str


@dataclass(frozen=True)
class Briefing(Canonical):
    """Everything on one request, as of one moment. `adds` are columns that the recipient does not hold so already."""

    request_id: str
    request_version: int
    request_digest: str
    plan_digest: str
    policy_version: str
    assessment_digest: str
    written_at: datetime
    small_below: int
    columns: tuple[ColumnBriefing, ...]
    datasets: tuple[DatasetBriefing, ...]
    held_already: tuple[HeldAlready, ...]
    adds: tuple[str, ...]
    similar: tuple[SimilarAnswer, ...]
    findings: tuple[Finding, ...]
    rules_passed: int


@dataclass(frozen=True)
class Feasibility(Canonical):
    """What a requester may know before asking: the answers, and no more numbers than these."""

    request_id: str
    request_digest: str
    checked_at: datetime
    small_below: int
    columns: tuple[ColumnBriefing, ...]
    expected: Mapping[str, Told]
    groups_may_leave: Mapping[str, bool]
    not_counted: Mapping[str, str]


def briefing_from_document(document: Mapping[str, Any]) -> Briefing:
    """The briefing that `Briefing.document()` wrote. Raises InvalidDocument."""
    return read_value(Briefing, document, "briefing")
