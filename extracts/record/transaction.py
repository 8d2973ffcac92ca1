"""One transaction for a state change and its ledger events: both are saved, or neither.

Rules:
1. Events are queued and appended last, just before commit, so that the chain's lock is held for a moment only.
2. A change of the register without an event is refused: nothing changes silently.
3. Nothing slow happens inside: no file, no source, no person is waited for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from extracts.errors import Refused
from extracts.record.boundary import database_boundary
from extracts.record.event import Event, NewEvent
from extracts.record.ledger import append_all


class Reading:
    """What the register's reading functions take: one consistent view of register and ledger."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def connection(self) -> Connection:
        """For the ledger's functions: `ledger.head(work.connection)`."""
        return self.session.connection()


class Work(Reading):
    """What the register's writing functions take: one transaction, with the events that tell of it."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._queued: list[NewEvent] = []
        self._changed = False
        self.appended: tuple[Event, ...] = ()
        """The events as the ledger holds them; filled when the transaction ends well."""

    def event(
        self, at: datetime, kind: str, subject: str, actor: str, payload: Mapping[str, Any] | None = None
    ) -> None:
        """Queues a ledger event: counts, names, ids and digests only. Raises ValueError for what no event may hold."""
        self._queued.append(NewEvent(at, kind, subject, actor, payload or {}))

    def writing(self) -> Session:
        """The session, for a function of the register that is about to change something."""
        self._changed = True
        return self.session

    def finish(self) -> None:
        """Appends the queued events; `unit_of_work` calls it last."""
        if self._changed and not self._queued:
            raise Refused(
                "The register was changed without a ledger event; nothing was saved.",
                advice="This is a fault in the program: queue the event in the same unit of work.",
            )
        self.session.flush()
        self.appended = append_all(self.connection, self._queued)


@contextmanager
def unit_of_work(engine: Engine) -> Iterator[Work]:
    """One transaction on register and ledger: committed at the end, rolled back if anything is raised inside.

    Raises TechnicalFailure if the database fails.
    """
    with database_boundary(), Session(engine, expire_on_commit=False) as session, session.begin():
        work = Work(session)
        yield work
        work.finish()


@contextmanager
def reading(engine: Engine) -> Iterator[Reading]:
    """One consistent, read-only view of register and ledger. Raises TechnicalFailure if the database fails."""
    view = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with database_boundary(), Session(view) as session, session.begin():
        yield Reading(session)
