"""What is measured, one function each; every run is a process of its own, so that its peak memory is its own.

Libraries are imported before the clock starts: that takes seconds at any number of rows (see `dag_parse`). The first
line of each docstring is what the report says of it.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import psycopg

from benchmarks.world import DATASET, REQUEST, TREATMENTS
from extracts.settings import open_workplace

_COLUMNS = ", ".join(TREATMENTS)


@dataclass(frozen=True)
class Job:
    """What a measured process is told: which measure, how to find the world, and how to enter it without governance."""

    measure: str
    environment: dict[str, str]
    owner: str


def raw_copy(job: Job) -> None:
    """One `COPY (same columns) TO STDOUT (FORMAT binary)`, whose bytes are thrown away: the measure of all others."""
    query = f"COPY (SELECT {_COLUMNS} FROM curated.{DATASET}) TO STDOUT (FORMAT binary)"
    with psycopg.connect(job.owner) as connection, connection.cursor().copy(query.encode()) as copy:
        for _ in copy:
            pass


def duckdb_table(job: Job) -> None:
    """DuckDB from the table to a Parquet file: no view, role, snapshot, treatment, order, check or encryption."""
    import duckdb

    spec = find_spec("duckdb_extension_postgres_scanner")
    assert spec
    assert spec.origin
    (extension,) = Path(spec.origin).parent.rglob("*.duckdb_extension")
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute("SET threads = 2; SET memory_limit = '400MB'; SET preserve_insertion_order = false")
        connection.execute(f"ATTACH '{job.owner}' AS source (TYPE postgres, READ_ONLY)")
        target = Path(folder, "out.parquet")
        query = f"SELECT {_COLUMNS} FROM source.dwp.{DATASET}"
        connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def extract(job: Job) -> None:
    """Our engine alone: one snapshot, through the agreement's role and view; pseudonym, year, sector, month; order."""
    from extracts.agreement.periods import period_for
    from extracts.extraction.engine import EngineSettings, Keys, Part, build
    from extracts.steps import source
    from extracts.steps.approval_file import load_published

    work = open_workplace(job.environment)
    plan, now = load_published(work, REQUEST).plan, work.now()
    folder = Path(tempfile.mkdtemp())
    try:
        build(
            plan,
            (Part(plan, folder, Keys("ab" * 32, "cd" * 32)),),
            period_for(plan, now.date(), now.date()),
            source.source_of(work, plan),
            folder,
            datasets=work.datasets,
            settings=EngineSettings(work.limits.memory_limit_mb),
            now=work.now,
            hold_max_age_hours=work.limits.hold_max_age_hours,
        )
    finally:
        shutil.rmtree(folder)


def whole_path(job: Job) -> None:
    """All gates, as `extracts run` has them: from the approval to a signed, encrypted delivery in the drop zone."""
    from extracts.record import register
    from extracts.record.transaction import reading
    from extracts.steps.run import RunKey, run_all

    work = open_workplace(job.environment)
    with reading(work.register) as view:
        again = bool(register.list_deliveries(view, request_id=REQUEST))
    run_id = f"benchmark-{datetime.now(UTC):%H%M%S.%f}"
    found = run_all(work, RunKey(REQUEST, run_id, reason="Measured once more." if again else ""))
    if found["outcome"] != "delivered":
        sys.exit(f"{found['outcome']} at {found['gate']}: {found['reason']}")


MEASURES: dict[str, Callable[[Job], None]] = {
    "raw copy": raw_copy,
    "DuckDB, no governance": duckdb_table,
    "extract, treat, order": extract,
    "whole path": whole_path,
}
_GATES = ("approval", "source", "build", "validate", "sign", "release")
LIBRARIES = {
    "DuckDB, no governance": ("duckdb",),
    "extract, treat, order": (
        "duckdb",
        "cryptography.hazmat.primitives.cmac",
        "extracts.extraction.engine",
        "extracts.steps.source",
    ),
    "whole path": (
        "duckdb",
        "cryptography.hazmat.primitives.cmac",
        "great_expectations",
        "holidays.countries",
        "open_data_contract_standard.model",
        "extracts.extraction.validation_engine",
        "extracts.steps.outcome",
        *(f"extracts.steps.gate_{name}" for name in _GATES),
    ),
}


def main() -> None:
    """One job from standard input; seconds by the clock, processor seconds of this process, peak memory."""
    job = Job(**json.loads(sys.stdin.read()))
    for library in LIBRARIES.get(job.measure, ()):
        import_module(library)
    started, before = time.perf_counter(), time.process_time()
    MEASURES[job.measure](job)
    seconds, processor = time.perf_counter() - started, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "processor": processor, "peak_mb": peak}))


if __name__ == "__main__":
    main()
