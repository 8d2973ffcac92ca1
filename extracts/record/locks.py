"""Only one run of an agreement and period, and one sender of notices, at a time, on whatever machines they run.

The lock lives in a database session: it dies with its holder, so a killed run never has to be cleaned up after. The
server may need a moment to notice that a session ended, which is why a lock is let go by hand, and asked for patiently.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, func, select, text

from extracts.errors import Busy, TechnicalFailure
from extracts.record.boundary import database_boundary

# A holder whose machine vanished is noticed within about a minute; ignored on a local socket.
_KEEPALIVE: Final = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
_TRIES: Final = 20
_PAUSE_S: Final = 0.1


@dataclass(frozen=True)
class PeriodLock:
    """A lock that is held."""

    request_id: str
    period: str
    _connection: Connection
    _backend: int

    def check(self) -> None:
        """Raises TechnicalFailure if the lock was lost (the server restarted): ask before something irrevocable."""
        try:
            with database_boundary():
                held = self._connection.scalar(select(func.pg_backend_pid())) == self._backend
        except TechnicalFailure:
            held = False
        if not held:
            raise TechnicalFailure(
                f"The lock on {self.request_id}, period {self.period} was lost with its database session.",
                advice="Nothing was published; run again.",
            )


@contextmanager
def period_lock(engine: Engine, request_id: str, period: str) -> Iterator[PeriodLock]:
    """Holds the lock of an agreement and period on a session of its own.

    Raises Busy if another run has it and keeps it for some seconds.
    """
    busy = Busy(
        f"Another run of {request_id}, period {period}, is under way.",
        advice="Wait for it; `extracts why` tells how it ended.",
    )
    with _held(engine, _key(f"period\n{request_id}\n{period}"), busy) as (connection, backend):
        yield PeriodLock(request_id, period, connection, backend)


@contextmanager
def sender_lock(engine: Engine) -> Iterator[None]:
    """Only one sender of notices at a time. Raises Busy if another is at work."""
    busy = Busy("Another sender of notices is at work.", advice="It sends what is due; there is nothing to do.")
    with _held(engine, _key("notices"), busy):
        yield


@contextmanager
def _held(engine: Engine, key: int, busy: Busy) -> Iterator[tuple[Connection, int]]:
    with database_boundary():
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()  # never back to the pool: closing it is what frees the lock
    try:
        with database_boundary():
            connection.execute(text(_KEEPALIVE).execution_options(no_parameters=True))
            backend = connection.scalar(select(func.pg_backend_pid()))
            held = _taken(connection, key)
        if not held or backend is None:
            raise busy
        try:
            yield connection, backend
        finally:
            with suppress(TechnicalFailure), database_boundary():
                connection.execute(select(func.pg_advisory_unlock(key)))
    finally:
        connection.close()


def _taken(connection: Connection, key: int) -> bool:
    for _ in range(_TRIES):
        if connection.scalar(select(func.pg_try_advisory_lock(key))):
            return True
        time.sleep(_PAUSE_S)
    return False


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
