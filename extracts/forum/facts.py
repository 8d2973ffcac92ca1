"""What register and ledger know of the sharing between two bodies, as plain values: what the month's pack is made of.

Times are aware. Nothing here is about one person: rows are counts of a whole delivery, and the pack hides small ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a request, as it was submitted."""

    request_id: str
    version: int
    title: str
    organisation: str
    recipient: str
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """One change of status of one version."""

    request_id: str
    version: int
    from_status: str
    to_status: str
    at: datetime
    actor: str
    comment: str


@dataclass(frozen=True, slots=True)
class Approval:
    """The ledger's word that a version was approved, and by which decision."""

    request_id: str
    version: int
    at: datetime
    decision_digest: str


@dataclass(frozen=True, slots=True)
class ColumnDecided:
    """What was decided about one column."""

    column: str
    granted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that took effect at `at`. `outcome` is the decision's own word, such as `approve in part`."""

    request_id: str
    version: int
    at: datetime
    outcome: str
    reason_code: str
    columns: tuple[ColumnDecided, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """Until when a decision counts, and when it is looked at again. `frequency` is its plan's."""

    decision_digest: str
    valid_from: date
    valid_until: date
    review_on: date | None
    frequency: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An agreement that runs elsewhere, as it was registered at the month's end."""

    elsewhere_id: str
    revision: int
    title: str
    recipient: str
    valid_from: date
    valid_until: date
    review_on: date | None
    ended_on: date | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery that a recipient could see. `source_age_hours` is None where nobody wrote it down."""

    delivery_id: str
    request_id: str
    recipient: str
    revision: int
    rows: int
    bytes: int
    published_at: datetime
    source_age_hours: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Where a delivery was at the month's end. `with_recipient`: a receipt told that they have it."""

    delivery_id: str
    recipient: str
    published_at: datetime
    step: str
    with_recipient: bool
    certificate_by: date | None


@dataclass(frozen=True, slots=True)
class SentBefore:
    """How often an agreement delivered up to the month's end, and when last."""

    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class EndedRun:
    """How a run ended, by the ledger. `control` is the class of the refusal; empty where nobody wrote it down."""

    run: str
    request_id: str
    at: datetime
    actor: str
    outcome: str
    gate: str = ""
    control: str = ""


@dataclass(frozen=True, slots=True)
class FirstCheck:
    """An extract that was built for the first time, and did not pass its validation at that."""

    delivery_id: str
    run: str


@dataclass(frozen=True, slots=True)
class Told:
    """An event of the ledger that people may want to hear of."""

    sequence: int
    at: datetime
    kind: str
    subject: str
    actor: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MonthSent:
    """What left in one month."""

    deliveries: int
    bytes: int


@dataclass(frozen=True)
class Facts:
    """Everything that a pack is made of. `terms` by decision digest, `sent_before` by request, `by_month` by label.

    `passed_at_first` counts extracts first built in the month that were validated before they were built again.
    """

    versions: tuple[Version, ...] = ()
    moves: tuple[Move, ...] = ()
    approvals: tuple[Approval, ...] = ()
    decided: tuple[Decided, ...] = ()
    terms: Mapping[str, Terms] = field(default_factory=dict)
    sent: tuple[Sent, ...] = ()
    sent_before: Mapping[str, SentBefore] = field(default_factory=dict)
    by_month: Mapping[str, MonthSent] = field(default_factory=dict)
    runs: tuple[EndedRun, ...] = ()
    passed_at_first: int = 0
    not_passed_at_first: tuple[FirstCheck, ...] = ()
    told: tuple[Told, ...] = ()
    held: tuple[Held, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
