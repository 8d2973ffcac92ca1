"""What is measured, one function each; every run is a process of its own, so that its peak memory is its own.

`raw_copy` is the measure of all others: one COPY of the same columns in binary form, whose bytes are thrown away.
Libraries are imported before the clock starts: that takes seconds at any number of rows (see `dag_parse`).
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.source import COLUMN_NAMES, PERIOD, contract_of, plan_of

_SUITE = """\
suite: benchmark
version: 1.0.0
expectations:
  - type: expect_column_values_to_not_be_null
    kwargs: {column: sex}
    reason: A group that cannot be counted.
"""


def raw_copy(job: dict[str, Any]) -> None:
    """COPY (same columns) TO STDOUT (FORMAT binary), thrown away."""
    query = f"COPY (SELECT {', '.join(COLUMN_NAMES)} FROM curated.{job['table']}) TO STDOUT (FORMAT binary)"
    with psycopg.connect(job["owner"]) as connection, connection.cursor().copy(query.encode()) as copy:
        for _ in copy:
            pass


def duckdb_table(job: dict[str, Any]) -> None:
    """DuckDB from table to Parquet, without any governance."""
    import duckdb

    spec = find_spec("duckdb_extension_postgres_scanner")
    assert spec
    assert spec.origin
    (extension,) = Path(spec.origin).parent.rglob("*.duckdb_extension")
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute("SET threads = 2; SET memory_limit = '400MB'; SET preserve_insertion_order = false")
        connection.execute(f"ATTACH '{job['owner']}' AS source (TYPE postgres, READ_ONLY)")
        columns = ", ".join(COLUMN_NAMES)
        target = Path(folder, "out.parquet")
        query = f"SELECT {columns} FROM source.dwp.{job['table']}"
        connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def extract(job: dict[str, Any]) -> None:
    """Extract, treat, order, count: through the agreement's view and role."""
    folder = Path(tempfile.mkdtemp())
    try:
        _build(job, folder)
    finally:
        shutil.rmtree(folder)


def whole_path(job: dict[str, Any]) -> None:
    """Source checks and suite, extract, inspection, release suite, report, encryption."""
    from extracts.canonical import digest_file
    from extracts.extraction.inspection import inspect
    from extracts.extraction.report import render_report
    from extracts.extraction.sources.names import data_view
    from extracts.extraction.validation import (
        check_report,
        read_release_suite,
        read_source_suite,
        validate_release,
        validate_source,
    )
    from extracts.handover.encryption import encrypt

    folder = Path(tempfile.mkdtemp())
    try:
        contract, plan = contract_of(job["table"], job["deployed"]), plan_of(job["table"], job["deployed"])
        source = _source(job)
        checks = _checked(source, plan, contract)
        suite = folder / "source.yaml"
        suite.write_text(_SUITE)
        planned, now = plan.datasets[0], datetime.now(UTC)
        view = data_view(plan.request_id, contract.name)
        reports = [
            validate_source(
                planned, contract, read_source_suite(suite, contract), checks[0], PERIOD, source.conninfo(), view, now
            )
        ]
        made = _build(job, folder)
        reports.append(inspect(plan, made))
        release = read_release_suite(Path("expectations/release.yaml"))
        reports.append(validate_release(plan, made, {contract.name: contract}, release, {}, now))
        for report in reports:
            check_report(report)
        render_report("benchmark", {}, reports)
        file = made.files[0]
        sealed = encrypt(file.path, folder / "out.age", [job["recipient"]], clear_sha256=file.sha256)
        assert sealed.sha256 == digest_file(sealed.path)  # as the drop zone does: read back what was written
    finally:
        shutil.rmtree(folder)


def _source(job: dict[str, Any]) -> Any:
    from extracts.extraction.sources.postgres import open_source

    return open_source(plan_of(job["table"], job["deployed"]), job["address"], Path(job["passfile"]))


def _checked(source: Any, plan: Any, contract: Any) -> Any:
    from extracts.extraction.sources.checks import check_source

    return check_source(source, plan, {contract.name: contract}, now=datetime.now(UTC), hold_max_age_hours=24)


def _build(job: dict[str, Any], folder: Path) -> Any:
    from extracts.extraction.engine import EngineSettings, Keys, build

    contract, plan = contract_of(job["table"], job["deployed"]), plan_of(job["table"], job["deployed"])
    return build(
        plan,
        PERIOD,
        _source(job),
        folder,
        datasets={contract.name: contract},
        keys=Keys("ab" * 32, "cd" * 32),
        settings=EngineSettings(),
        now=datetime.now(UTC),
        hold_max_age_hours=24,
    )


MEASURES: dict[str, Callable[[dict[str, Any]], None]] = {
    "raw copy": raw_copy,
    "DuckDB, table to Parquet, no governance": duckdb_table,
    "extract, treat, order": extract,
    "whole path, encrypted": whole_path,
}

LIBRARIES = {
    "DuckDB, table to Parquet, no governance": ("duckdb",),
    "extract, treat, order": ("duckdb", "polars_hash", "extracts.extraction.engine"),
    "whole path, encrypted": (
        "polars_hash",
        "great_expectations",
        "extracts.extraction.engine",
        "extracts.extraction.inspection",
        "extracts.extraction.validation_engine",
        "extracts.handover.encryption",
    ),
}


def main() -> None:
    """One job from standard input; seconds by the clock, processor seconds of this process, peak memory."""
    job = json.loads(sys.stdin.read())
    for library in LIBRARIES.get(job["measure"], ()):
        import_module(library)
    started, before = time.perf_counter(), time.process_time()
    MEASURES[job["measure"]](job)
    seconds, processor = time.perf_counter() - started, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "processor": processor, "peak_mb": peak}))


if __name__ == "__main__":
    main()
