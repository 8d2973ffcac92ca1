"""How long the forum's pack takes on a register that has grown for years: `python -m benchmarks.register`.

A register is made by one script (register.sql) in an embedded PostgreSQL, at several sizes, and the pack of its last
whole month is read, counted and written as a page: the median of some times each. Beside the seconds on the wall stand
those of the processor, of this process and of the server together: on a busy machine they are the ones to compare.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
from sqlalchemy import Engine

from extracts.forum.month import read_month
from extracts.forum.pack import forum_pack
from extracts.local.postgres import EmbeddedPostgres
from extracts.record.boundary import open_engine
from extracts.record.forum_reading import forum_facts
from extracts.record.migrations import migrate
from extracts.record.transaction import reading
from extracts.settings import PROJECT
from extracts.standalone.forum_page import forum_page

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MONTH = "2026-10"
SIZES = ((500, 100), (2_500, 100), (5_000, 100))
TIMES = 5
_APPLICATION = "extracts_app"
_TRIGGERS = "check_link", "refuse_change"


@contextmanager
def grown_register(server: EmbeddedPostgres, name: str, requests: int, each: int) -> Iterator[Engine]:
    """A register with so many requests, a fifth of them agreements with so many deliveries each."""
    with register_database(server, name) as (connection, engine):
        with connection.transaction():
            connection.execute(script(requests, each).encode())
        yield engine


@contextmanager
def register_database(server: EmbeddedPostgres, name: str) -> Iterator[tuple[psycopg.Connection[Any], Engine]]:
    """A migrated register, the superuser's connection to fill it past the ledger's triggers, and the software's own."""
    server.create_role(_APPLICATION)
    server.create_database(name)
    owner = open_engine(server.url(name))
    migrate(owner, PROJECT / "sql" / "register", application=_APPLICATION, now=NOW)
    owner.dispose()
    engine = open_engine(server.url(name, _APPLICATION))
    try:
        with server.superuser(name) as connection:
            for trigger in _TRIGGERS:
                connection.execute(f"ALTER TABLE ledger.event DISABLE TRIGGER {trigger}".encode())
            yield connection, engine
    finally:
        engine.dispose()
        server.drop_database(name)


def script(requests: int, each: int) -> str:
    """The statements that make it."""
    text = (Path(__file__).parent / "register.sql").read_text()
    return text.format(requests=requests, each=each, now=f"'{NOW.isoformat()}'")


def measure(engine: Engine, server: EmbeddedPostgres) -> tuple[list[tuple[float, ...]], int]:
    """Seconds to read, to count, to write, and of the processor, some times; and the page's bytes."""
    found: list[tuple[float, ...]] = []
    size = 0
    for _ in range(TIMES):
        begun, worked = time.perf_counter(), processor(server)
        month = read_month(MONTH, NOW)
        with reading(engine) as view:
            facts = forum_facts(view, month)
        has_read = time.perf_counter()
        pack = forum_pack(facts, month)
        counted = time.perf_counter()
        size = len(forum_page(pack).encode())
        written = time.perf_counter()
        found.append((has_read - begun, counted - has_read, written - counted, processor(server) - worked))
    return found, size


def processor(server: EmbeddedPostgres) -> float:
    """Processor seconds so far, of this process and of the server with all that it started."""
    root = psutil.Process(server.pid())
    times = root.cpu_times()
    found = time.process_time() + times.user + times.system + times.children_user + times.children_system
    for child in root.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found += sum(child.cpu_times()[:2])
    return found


def main() -> None:
    """Print a line per size."""
    print(
        "| requests | deliveries | read s | count s | write s | processor s | page kB |\n|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder), durable=False)
        server.start()
        try:
            for requests, each in SIZES:
                with grown_register(server, f"grown_{requests}", requests, each) as engine:
                    found, size = measure(engine, server)
                middle = [statistics.median(part) for part in zip(*found, strict=True)]
                told = " | ".join(f"{s:.2f}" for s in middle)
                print(f"| {requests:,} | {requests // 5 * each:,} | {told} | {size // 1000:,} |", flush=True)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
