"""How long it takes to verify a ledger of a million events, in whole and from a checkpoint, and to list its newest.

python -m benchmarks.ledger                1,000,000 events
python -m benchmarks.ledger --keep         and write the figures into the pages
python -m benchmarks.ledger --events 100000
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.register import processor, register_database
from extracts.local.postgres import EmbeddedPostgres
from extracts.record import ledger
from extracts.record.event import GENESIS, Anchor, Event, NewEvent, chained
from extracts.record.transaction import reading
from extracts.record.verification import verify

PAGE = Path(__file__).parent / "results" / "ledger.md"
BEGIN = datetime(2020, 1, 1, 6, 0, tzinfo=UTC)
KINDS = ("run.started", "source.checked", "extract.built", "extract.validated", "manifest.signed", "run.ended")
COLUMNS = "sequence, at, kind, subject, actor, payload, previous, digest"
LIMIT_S, LIST_LIMIT_MS = 30.0, 100.0
SINCE = 10_000  # events since the checkpoint: about a week of 5,000 agreements


def main() -> None:
    """Fill, measure, print a table; exit code 1 if a limit is passed at a million events."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--keep", action="store_true", help="These are the figures of the pages from now on.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder), durable=False)
        server.start()
        try:
            sys.exit(_measured(server, asked.events, asked.keep))
        finally:
            server.stop()


def chain(count: int) -> Iterator[Event]:
    """Events as runs write them, chained as the software does."""
    last = Anchor(0, GENESIS)
    for n in range(count):
        agreement, run = f"SDDSB-2026-{n // len(KINDS) % 5_000:04}", f"scheduled__{n // len(KINDS)}"
        told = {"run": f"{agreement}/{run}", "delivery": f"{agreement}.2026-11.r1", "extract": GENESIS, "outcome": "x"}
        at = BEGIN + timedelta(seconds=200 * n, microseconds=n % 1_000)
        event = chained(NewEvent(at, KINDS[n % len(KINDS)], agreement, "scheduler", told), last)
        last = Anchor(event.sequence, event.digest)
        yield event


def _measured(server: EmbeddedPostgres, count: int, keep: bool) -> bool:
    """Measures and tells; whether a limit was passed."""
    with register_database(server, "ledger") as (connection, engine):
        _fill(connection, count)
        with reading(engine) as view:
            head = ledger.head(view.connection)
            (before,) = ledger.events(view.connection, after=max(count - SINCE, 1) - 1, limit=1)
            checkpoint = Anchor(before.sequence, before.digest)
            whole, worked = _timed(server, lambda: verify(view.connection, [head]).passed, 1)
            since, _ = _timed(server, lambda: verify(view.connection, [head], checkpoint).passed, 5)
            lists = {
                "newest 50": lambda: ledger.events(view.connection, limit=50, newest_first=True),
                "newest 50 of an agreement": lambda: ledger.events(
                    view.connection, subject="SDDSB-2026-0007", limit=50, newest_first=True
                ),
                "newest 50 of a kind": lambda: ledger.events(
                    view.connection, kind="run.ended", limit=50, newest_first=True
                ),
                "newest of an agreement and a kind": lambda: ledger.events(
                    view.connection, subject="SDDSB-2026-0007", kind="run.ended", limit=1, newest_first=True
                ),
            }
            listed = {name: 1_000 * _timed(server, ask, 9)[0] for name, ask in lists.items()}
    lines = [f"| events | {count:,} | target |", "|---|---:|---:|"]
    lines += [f"| verify, whole | {whole:.1f} s ({worked:.1f} s of the processor) | below {LIMIT_S:.0f} s |"]
    lines += [f"| verify, the {SINCE:,} since a checkpoint | {since:.2f} s | |"]
    lines += [f"| {name} | {ms:.1f} ms | below {LIST_LIMIT_MS:.0f} ms |" for name, ms in listed.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    if keep:
        PAGE.write_text("\n".join(lines) + "\n")
    return count >= 1_000_000 and (whole > LIMIT_S or max(listed.values()) > LIST_LIMIT_MS)


def _fill(connection: Any, count: int) -> None:
    with connection.cursor().copy(f"COPY ledger.event ({COLUMNS}) FROM STDIN") as copy:
        for event in chain(count):
            row = (event.sequence, event.at, event.kind, event.subject, event.actor, event.payload_text)
            copy.write_row((*row, event.previous, event.digest))
    connection.execute("ANALYZE ledger.event")


def _timed(server: EmbeddedPostgres, ask: Callable[[], Any], times: int) -> tuple[float, float]:
    """The median of some times, in seconds; and of the processor, ours and the server's, over all of them."""
    found, worked = [], processor(server)
    for _ in range(times):
        begun = time.perf_counter()
        assert ask()
        found.append(time.perf_counter() - begun)
    return statistics.median(found), processor(server) - worked


if __name__ == "__main__":
    main()
