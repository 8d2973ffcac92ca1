"""The ledger: an append-only chain of events. It knows nothing of what it records.

Rules:
1. Events are only ever added; triggers refuse everything else, whoever asks (sql/register/0001_ledger.sql).
2. The sequence comes from the chain, not from a counter: it has no gap, and a rolled back transaction leaves none.
3. `append` takes the chain's lock, reads the last event, inserts, and does nothing else; call it last in the
   transaction. `unit_of_work` does. The lock ends with the transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Index,
    MetaData,
    Row,
    Select,
    Table,
    Text,
    func,
    insert,
    select,
)

from extracts.record.event import GENESIS, Anchor, Event, NewEvent, chained

CHAIN_LOCK: Final = (1818584167, 1)  # the same pair as in the trigger `check_link`
_BATCH: Final = 5_000

metadata = MetaData(schema="ledger")
_event = Table(
    "event",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Index("event_by_subject", "subject", "sequence"),
    Index("event_by_kind", "kind", "sequence"),
)


def append(connection: Connection, new: NewEvent) -> Event:
    """Adds one event within the caller's transaction, which should end right after."""
    return append_all(connection, [new])[0]


def append_all(connection: Connection, new: Sequence[NewEvent]) -> tuple[Event, ...]:
    """Adds events in their order under one lock. Nothing happens if there are none."""
    if not new:
        return ()
    connection.execute(select(func.pg_advisory_xact_lock(*CHAIN_LOCK)))
    events: list[Event] = []
    last = head(connection)
    for one in new:
        events.append(chained(one, last))
        last = Anchor(events[-1].sequence, events[-1].digest)
    connection.execute(insert(_event), [_row(event) for event in events])
    return tuple(events)


def head(connection: Connection) -> Anchor:
    """The last event's sequence and digest: what a manifest carries. Of an empty ledger: 0 and GENESIS."""
    last = select(_event.c.sequence, _event.c.digest).order_by(_event.c.sequence.desc()).limit(1)
    found = connection.execute(last).first()
    return Anchor(found.sequence, found.digest) if found else Anchor(0, GENESIS)


def events(
    connection: Connection,
    *,
    subject: str | None = None,
    kind: str | None = None,
    after: int = 0,
    limit: int = 1_000,
    newest_first: bool = False,
) -> tuple[Event, ...]:
    """Up to `limit` events behind sequence `after`, oldest first unless asked otherwise; of one subject or kind."""
    query = _all().where(_event.c.sequence > after).limit(limit)
    if subject is not None:
        query = query.where(_event.c.subject == subject)
    if kind is not None:
        query = query.where(_event.c.kind == kind)
    order = _event.c.sequence.desc() if newest_first else _event.c.sequence
    return tuple(_as_event(row) for row in connection.execute(query.order_by(order)))


def read_chain(connection: Connection, start: int | None = None) -> Iterator[Event]:
    """Every event in order, from sequence `start` if given, in constant memory (a cursor on the server)."""
    query = _all().order_by(_event.c.sequence, _event.c.digest).execution_options(yield_per=_BATCH)
    if start is not None:
        query = query.where(_event.c.sequence >= start)
    with connection.execute(query) as found:
        yield from map(_as_event, found)


def _all() -> Select[int, datetime, str, str, str, str, str, str]:
    e = _event.c
    return select(e.sequence, e.at, e.kind, e.subject, e.actor, e.payload, e.previous, e.digest)


def _as_event(row: Row[int, datetime, str, str, str, str, str, str]) -> Event:
    return Event(*row)


def _row(event: Event) -> dict[str, object]:
    return {
        "sequence": event.sequence,
        "at": event.at,
        "kind": event.kind,
        "subject": event.subject,
        "actor": event.actor,
        "payload": event.payload_text,
        "previous": event.previous,
        "digest": event.digest,
    }
