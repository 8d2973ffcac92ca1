"""The register's memory of rehearsals: what was made up and sent, what its recipient signed, and who went without.

Rules:
1. A rehearsal is saved before it is published; each step after that is a row, and the last but its removal is where it
   stands.
2. It is no delivery: none of this is counted, listed or superseded with deliveries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import exists, func, select

from extracts.errors import IllegalTransition, NotFound
from extracts.record.stored import insert_once, text_of
from extracts.record.tables.before_delivery import RehearsalRow, RehearsalStepRow, RehearsalWaiverRow
from extracts.record.transaction import Reading, Work


class Step(StrEnum):
    """Where a rehearsal is. `ended`: it was given up, without having been acknowledged."""

    PREPARED = "prepared"
    PUBLISHED = "published"
    COLLECTED = "collected"
    ACKNOWLEDGED = "acknowledged"
    ENDED = "ended"
    REMOVED = "removed"


_S = Step
TRANSITIONS: Mapping[Step, frozenset[Step]] = {
    _S.PREPARED: frozenset({_S.PUBLISHED, _S.ENDED}),
    _S.PUBLISHED: frozenset({_S.COLLECTED, _S.ACKNOWLEDGED, _S.ENDED}),
    _S.COLLECTED: frozenset({_S.ACKNOWLEDGED, _S.ENDED}),
    _S.ACKNOWLEDGED: frozenset({_S.REMOVED}),
    _S.ENDED: frozenset({_S.REMOVED}),
    _S.REMOVED: frozenset(),
}
OPEN = (Step.PREPARED, Step.PUBLISHED, Step.COLLECTED)
del _S


@dataclass(frozen=True)
class SignedReceipt:
    """A receipt as it was signed."""

    digest: str
    document: str = field(repr=False)
    signature: str = field(repr=False)


@dataclass(frozen=True)
class Rehearsal:
    """One rehearsal. `files`: name -> digest, as they left; `step` and `since`: where it stands.

    `acknowledged_at` stays when its files are removed; `in_area`: whether they may still lie there.
    """

    rehearsal_id: str
    request_id: str
    version: int
    number: int
    recipient: str
    decision_digest: str
    manifest_digest: str
    files: Mapping[str, str]
    made_at: datetime
    made_by: str
    step: Step = Step.PREPARED
    since: datetime | None = None
    published_at: datetime | None = None
    acknowledged_at: datetime | None = None

    @property
    def in_area(self) -> bool:
        """Whether its files may lie in the transfer area."""
        return self.step is not Step.REMOVED

    @property
    def outcome(self) -> str:
        """Where it stands, in a word that outlasts its files."""
        if self.step is Step.REMOVED:
            return Step.ACKNOWLEDGED if self.acknowledged_at else Step.ENDED
        return self.step


@dataclass(frozen=True)
class Waiver:
    """That the first delivery of a version may go without one."""

    request_id: str
    version: int
    reasons: str
    waived_by: str
    waived_at: datetime


def save_rehearsal(work: Work, entry: Rehearsal) -> None:
    """A new one, before it is published."""
    names = ("rehearsal_id", "request_id", "version", "number", "recipient", "decision_digest", "manifest_digest")
    values: dict[str, Any] = {name: getattr(entry, name) for name in (*names, "made_at", "made_by")}
    work.writing().add(RehearsalRow(**values, files=text_of(dict(entry.files))))
    work.session.flush()


def next_number(reading: Reading, request_id: str) -> int:
    """The number of the agreement's next rehearsal."""
    query = select(func.max(RehearsalRow.number)).where(RehearsalRow.request_id == request_id)
    return (reading.session.scalar(query) or 0) + 1


def list_rehearsals(
    reading: Reading, *, rehearsal_id: str = "", request_id: str = "", recipient: str = "", in_area: bool = False
) -> tuple[Rehearsal, ...]:
    """Rehearsals, oldest first; `in_area`: only those whose files may still lie in the transfer area."""
    r = RehearsalRow
    query = select(r).order_by(r.made_at, r.rehearsal_id)
    for column, value in ((r.rehearsal_id, rehearsal_id), (r.request_id, request_id), (r.recipient, recipient)):
        query = query.where(column == value) if value else query
    if in_area:
        s = RehearsalStepRow
        query = query.where(~exists().where(s.rehearsal_id == r.rehearsal_id, s.step == Step.REMOVED))
    rows = list(reading.session.scalars(query))
    steps = _steps(reading, [row.rehearsal_id for row in rows])
    return tuple(_entry(row, steps.get(row.rehearsal_id, [])) for row in rows)


def get_rehearsal(reading: Reading, rehearsal_id: str) -> Rehearsal:
    """The rehearsal of this id. Raises NotFound."""
    found = list_rehearsals(reading, rehearsal_id=rehearsal_id) if rehearsal_id else ()
    if not found:
        raise NotFound(
            f"There is no rehearsal {rehearsal_id!r}.", advice="See `extracts deliveries list --rehearsals`."
        )
    return found[0]


def lock_rehearsal(work: Work, rehearsal_id: str) -> Rehearsal:
    """The same, while nobody else moves it. Raises NotFound."""
    # The application may change no row, so it can lock none: a lock by name takes its place.
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(rehearsal_id, 0))))
    return get_rehearsal(work, rehearsal_id)


def save_step(
    work: Work, now: Rehearsal, step: Step, *, at: datetime, actor: str, receipt: SignedReceipt | None = None
) -> None:
    """The next step of one that the caller locked. Raises IllegalTransition."""
    if step not in TRANSITIONS[now.step]:
        raise IllegalTransition(
            f"{now.rehearsal_id} is {now.step}; it cannot become {step}.",
            advice="Start another one with `extracts rehearse`.",
        )
    s = RehearsalStepRow
    last = work.session.scalar(select(func.max(s.number)).where(s.rehearsal_id == now.rehearsal_id)) or 0
    signed = {"document_digest": receipt.digest} if receipt else {}
    signed |= {"document": receipt.document, "signature": receipt.signature} if receipt else {}
    work.writing().add(s(rehearsal_id=now.rehearsal_id, number=last + 1, step=step, at=at, actor=actor, **signed))
    work.session.flush()


def was_taken(reading: Reading, digest: str) -> bool:
    """Whether a receipt of these very bytes moved a rehearsal before."""
    return bool(reading.session.scalar(select(exists().where(RehearsalStepRow.document_digest == digest))))


def was_rehearsed(reading: Reading, request_id: str, recipient: str) -> bool:
    """Whether this recipient ever acknowledged a rehearsal of the agreement."""
    r, s = RehearsalRow, RehearsalStepRow
    here = (r.request_id == request_id) & (r.recipient == recipient) & (s.rehearsal_id == r.rehearsal_id)
    return bool(reading.session.scalar(select(exists().where(here, s.step == Step.ACKNOWLEDGED))))


def save_waiver(work: Work, waiver: Waiver) -> bool:
    """Remembers that a version goes without; whether that is new."""
    return insert_once(work, RehearsalWaiverRow, waiver.__dict__)


def get_waiver(reading: Reading, request_id: str, version: int) -> Waiver | None:
    """The waiver of this version, if there is one."""
    row = reading.session.get(RehearsalWaiverRow, (request_id, version))
    return Waiver(**{n: getattr(row, n) for n in Waiver.__dataclass_fields__}) if row else None


def _steps(reading: Reading, ids: list[str]) -> dict[str, list[RehearsalStepRow]]:
    s = RehearsalStepRow
    found: dict[str, list[RehearsalStepRow]] = {}
    for row in reading.session.scalars(select(s).where(s.rehearsal_id.in_(ids)).order_by(s.number)):
        found.setdefault(row.rehearsal_id, []).append(row)
    return found


def _entry(row: RehearsalRow, steps: list[RehearsalStepRow]) -> Rehearsal:
    at = {Step(s.step): s.at for s in steps}
    names = ("rehearsal_id", "request_id", "version", "number", "recipient", "decision_digest", "manifest_digest")
    return Rehearsal(
        **{name: getattr(row, name) for name in (*names, "made_at", "made_by")},
        files=json.loads(row.files),
        step=Step(steps[-1].step) if steps else Step.PREPARED,
        since=steps[-1].at if steps else row.made_at,
        published_at=at.get(Step.PUBLISHED),
        acknowledged_at=at.get(Step.ACKNOWLEDGED),
    )
