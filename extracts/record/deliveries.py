"""The register's deliveries: one per request, period, revision and recipient, whatever becomes of the runs for it.

Rules:
1. A delivery is reserved before it is built and published once. Reserving it again after a run that ended in between
   gives the same one; reserving one that left the house is refused.
2. Publishing touches a folder, so it is told in two steps: `start_publishing` (what will be there, with which
   manifest), then `publish_delivery`. One that stays in between is reconciled with the folder.
3. What was published stays as it was (a trigger holds it); a correction is a new revision that supersedes.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from extracts.errors import AlreadyDelivered, IllegalTransition, NotFound, Refused
from extracts.record.delivery_entries import (
    DELIVERY_TRANSITIONS,
    LEFT_THE_HOUSE,
    DeliveredFile,
    DeliveryEntry,
    DeliveryState,
)
from extracts.record.stored import fresh, insert_once, text_of
from extracts.record.tables.deliveries import DeliveryRow
from extracts.record.transaction import Reading, Work


def reserve_delivery(work: Work, entry: DeliveryEntry) -> DeliveryEntry:
    """Reserves a delivery for the run that will make it, or takes over one that an earlier run left unfinished.

    Raises AlreadyDelivered if it left the house, Refused if it was being published and must be reconciled first.
    Only one run at a time may get here: hold the `period_lock`.
    """
    _check_superseded(work, entry)
    unused = {"files", "published_at", "destroy_by"}
    values = {n: getattr(entry, n) for n in DeliveryEntry.__dataclass_fields__ if n not in unused}
    values |= {
        "delivery_id": entry.delivery_id,
        "state": DeliveryState.BUILDING,
        "supersedes": entry.supersedes or None,
    }
    if insert_once(work, DeliveryRow, values):
        return get_delivery(work, entry.delivery_id)
    there = _locked(work, entry.delivery_id)
    if there.state in LEFT_THE_HOUSE:
        raise AlreadyDelivered(
            f"{there.delivery_id} is {there.state}, since {there.published_at:%Y-%m-%d %H:%M} UTC.",
            advice="If its data were wrong, correct it with `extracts redeliver`.",
        )
    if there.state is DeliveryState.PUBLISHING:
        raise Refused(
            f"{there.delivery_id} was being published when run {there.run_id} ended.",
            advice="It is compared with the drop zone first; the next run does that by itself.",
        )
    taken = {name: getattr(entry, name) for name in ("run_id", "decision_digest", "version", "reason")}
    return _move(work, there, DeliveryState.BUILDING, **taken)


def start_publishing(
    work: Work,
    delivery_id: str,
    *,
    path: str,
    manifest_digest: str,
    previous_manifest_digest: str,
    files: Collection[DeliveredFile],
    destroy_by: date | None = None,
) -> DeliveryEntry:
    """Says what is about to be published where (`path` within the drop zone). Raises IllegalTransition, NotFound."""
    told = {
        "destroy_by": destroy_by,
        "path": path,
        "manifest_digest": manifest_digest,
        "previous_manifest_digest": previous_manifest_digest,
        "rows": sum(f.rows for f in files),
        "bytes": sum(f.bytes for f in files),
        "files": text_of([asdict(f) for f in files]),
    }
    return _move(work, _locked(work, delivery_id), DeliveryState.PUBLISHING, **told)


def publish_delivery(work: Work, delivery_id: str, *, at: datetime) -> DeliveryEntry:
    """The recipient can see it since `at`; what it supersedes is superseded. Raises IllegalTransition, NotFound."""
    published = _move(work, _locked(work, delivery_id), DeliveryState.PUBLISHED, published_at=at)
    if published.supersedes:
        older = _locked(work, published.supersedes)
        if older.state is DeliveryState.PUBLISHED:
            _move(work, older, DeliveryState.SUPERSEDED)
    return published


def resume_building(work: Work, delivery_id: str) -> DeliveryEntry:
    """It was not published after all (the folder shows it): it may be built again."""
    return _move(work, _locked(work, delivery_id), DeliveryState.BUILDING)


def stop_delivery(work: Work, delivery_id: str) -> DeliveryEntry:
    """The run that made it ended without publishing; a later run may reserve it again."""
    return _move(work, _locked(work, delivery_id), DeliveryState.STOPPED)


def withdraw_delivery(work: Work, delivery_id: str) -> DeliveryEntry:
    """It no longer counts; the recipient must not use it. Raises IllegalTransition unless it was published."""
    return _move(work, _locked(work, delivery_id), DeliveryState.WITHDRAWN)


def get_delivery(reading: Reading, delivery_id: str) -> DeliveryEntry:
    """A delivery. Raises NotFound."""
    row = fresh(reading.session, select(DeliveryRow).where(DeliveryRow.delivery_id == delivery_id))
    if row is None:
        raise _not_found(delivery_id)
    return _entry(row)


def list_deliveries(
    reading: Reading,
    *,
    request_id: str = "",
    period: str = "",
    recipient: str = "",
    states: Collection[DeliveryState] = (),
) -> tuple[DeliveryEntry, ...]:
    """Deliveries by request, period, recipient and revision."""
    d = DeliveryRow
    query = select(d).order_by(d.request_id, d.period_first, d.period, d.part, d.revision)
    for column, value in ((d.request_id, request_id), (d.period, period), (d.recipient, recipient)):
        query = query.where(column == value) if value else query
    query = query.where(d.state.in_(states)) if states else query
    return tuple(_entry(row) for row in reading.session.scalars(query))


def deliveries_count(reading: Reading, request_id: str, recipient: str = "") -> int:
    """How many deliveries left the house, corrections included: what `max_deliveries` limits.

    recipient: only those to one of several.
    """
    here = _of(request_id, recipient) & DeliveryRow.state.in_(LEFT_THE_HOUSE)
    return reading.session.scalar(select(func.count()).select_from(DeliveryRow).where(here)) or 0


def next_revision(reading: Reading, request_id: str, period: str, recipient: str = "") -> int:
    """The revision that a correction gets: one more than the last that left the house (1 if none did)."""
    here = _of(request_id, recipient) & (DeliveryRow.period == period)
    left = here & DeliveryRow.state.in_([*LEFT_THE_HOUSE, DeliveryState.PUBLISHING])
    return (reading.session.scalar(select(func.max(DeliveryRow.revision)).where(left)) or 0) + 1


def last_published(reading: Reading, request_id: str, recipient: str = "") -> DeliveryEntry | None:
    """The latest delivery that left, whatever became of it: the next manifest names its manifest's digest."""
    here = _of(request_id, recipient) & DeliveryRow.state.in_(LEFT_THE_HOUSE)
    order = (DeliveryRow.published_at.desc(), DeliveryRow.period_first.desc(), DeliveryRow.revision.desc())
    row = fresh(reading.session, select(DeliveryRow).where(here).order_by(*order).limit(1))
    return _entry(row) if row else None


def previous_delivery(reading: Reading, request_id: str, before: date, recipient: str = "") -> DeliveryEntry | None:
    """The delivery that counts for the latest period that began before `before`: what a change is measured against."""
    here = _of(request_id, recipient) & (DeliveryRow.state == DeliveryState.PUBLISHED)
    order = (DeliveryRow.period_first.desc(), DeliveryRow.revision.desc())
    query = select(DeliveryRow).where(here, DeliveryRow.period_first < before).order_by(*order).limit(1)
    row = fresh(reading.session, query)
    return _entry(row) if row else None


def _of(request_id: str, recipient: str) -> ColumnElement[bool]:
    here = DeliveryRow.request_id == request_id
    return here & (DeliveryRow.recipient == recipient) if recipient else here


def _check_superseded(work: Work, entry: DeliveryEntry) -> None:
    if (entry.revision > 1) != bool(entry.supersedes):
        raise Refused(f"{entry.delivery_id}: a correction, and only that, names the delivery that it supersedes.")
    if entry.supersedes:
        older = get_delivery(work, entry.supersedes)
        same = (older.request_id, older.period) == (entry.request_id, entry.period)
        theirs = older.recipient == entry.recipient or not entry.part
        if not same or not theirs or older.state not in LEFT_THE_HOUSE:
            raise Refused(f"{entry.delivery_id} cannot supersede {older.delivery_id}, which is {older.state}.")


def _locked(work: Work, delivery_id: str) -> DeliveryEntry:
    query = select(DeliveryRow).where(DeliveryRow.delivery_id == delivery_id).with_for_update()
    row = fresh(work.session, query)
    if row is None:
        raise _not_found(delivery_id)
    return _entry(row)


def _move(work: Work, there: DeliveryEntry, state: DeliveryState, **values: Any) -> DeliveryEntry:
    if state not in DELIVERY_TRANSITIONS[there.state]:
        raise IllegalTransition(f"{there.delivery_id} is {there.state}; it cannot become {state}.")
    here = DeliveryRow.delivery_id == there.delivery_id
    work.writing().execute(update(DeliveryRow).where(here).values(state=state, **values))
    return get_delivery(work, there.delivery_id)


def _entry(row: DeliveryRow) -> DeliveryEntry:
    special = {"supersedes", "state", "files"}
    return DeliveryEntry(
        **{name: getattr(row, name) for name in DeliveryEntry.__dataclass_fields__ if name not in special},
        supersedes=row.supersedes or "",
        state=DeliveryState(row.state),
        files=tuple(DeliveredFile(**file) for file in json.loads(row.files)),
    )


def _not_found(delivery_id: str) -> NotFound:
    return NotFound(
        f"No delivery {delivery_id!r} is in the register.", advice="`extracts deliveries list` shows what there is."
    )
