"""From a plan to finished Parquet files: drawn from one snapshot, treated, ordered, counted. Does the plan, no more.

Rules, in order:
1. Inside the snapshot that will be read, the source is checked again and counted; limits and holds stop it there.
2. Untreated values pass through memory only. Treated parts rest in the run's staging folder until the files are
   finished, and are removed whatever the outcome; so are half-finished files.
3. Rows leave in an order of their own (pseudonym first, then every column), never the source's.
4. Delivered rows are counted in the finished file, and must add up with what the source counted.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from extracts.agreement.plan import ExtractPlan, Period
from extracts.canonical import digest_file
from extracts.catalogue.contract import Dataset
from extracts.extraction.counting import Counts, check_counts, check_rows, read_counts, without
from extracts.extraction.duckdb_session import EngineSettings as EngineSettings
from extracts.extraction.duckdb_session import engine_errors
from extracts.extraction.finishing import finish
from extracts.extraction.left_out import LeftOut, read_left_out
from extracts.extraction.membership import IndexWriter
from extracts.extraction.memory import use_system_memory
from extracts.extraction.reading import Keys as Keys
from extracts.extraction.reading import Treated, open_reader
from extracts.extraction.sources.checks import check_within
from extracts.extraction.sources.interface import Connection, Source
from extracts.extraction.values import Extract, ExtractFile, Snapshot

Progress = Callable[[str], None]
PARTS = "parts"
MEMBERSHIP_FILE = "membership.parquet"


def build(
    plan: ExtractPlan,
    period: Period,
    source: Source,
    staging: Path,
    *,
    datasets: Mapping[str, Dataset],
    keys: Keys,
    settings: EngineSettings,
    now: Callable[[], datetime],
    hold_max_age_hours: int,
    progress: Progress | None = None,
) -> Extract:
    """The finished clear files of one period in `staging` (an existing 0700 folder), one per dataset of the plan.

    Beside them `membership.parquet`, for the controller's eyes only. Raises what `check_source` raises, and HoldStops,
    LimitExceeded, CheckFailed, DiskFull, SourceUnreachable, TechnicalFailure; then `staging` is as it was.
    """
    use_system_memory()
    tell = progress or (lambda _: None)
    parts = staging / PARTS
    shutil.rmtree(parts, ignore_errors=True)  # of a run that was killed
    parts.mkdir(mode=0o700)
    made = [staging / f"{d.dataset}.parquet" for d in plan.datasets] + [staging / MEMBERSHIP_FILE]
    try:
        with source.snapshot() as (connection, snapshot):
            tell("checking the source")
            checks = check_within(connection, source, plan, datasets, now=now(), hold_max_age_hours=hold_max_age_hours)
            contracts = [datasets[d.dataset] for d in plan.datasets]
            counts, left_out = _count(connection, plan, period, source, snapshot, contracts, keys)
            check_counts(plan, period, counts)
            treated = _read(plan, period, source, snapshot, contracts, counts, keys, settings, parts, tell)
        files = _finish(plan, period, counts, treated, left_out, staging, tell)
        return Extract(
            plan_digest=plan.digest,
            period=period,
            snapshot=replace(snapshot, exported=""),
            files=files,
            sources=checks,
            finished_at=now(),
            membership=staging / MEMBERSHIP_FILE,
            membership_sha256=digest_file(staging / MEMBERSHIP_FILE),
        )
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise
    finally:
        shutil.rmtree(parts, ignore_errors=True)


def _count(
    connection: Connection,
    plan: ExtractPlan,
    period: Period,
    source: Source,
    snapshot: Snapshot,
    contracts: list[Dataset],
    keys: Keys,
) -> tuple[tuple[Counts, ...], tuple[LeftOut, ...]]:
    """The funnel and who is left out, by dataset; the source works on both at once, if it can."""

    def left_out_of_all() -> tuple[LeftOut, ...]:
        said = (plan, source)
        return tuple(read_left_out(*said, d, period, keys.membership, snapshot.exported) for d in contracts)

    with ThreadPoolExecutor(1) as meanwhile:
        asked = meanwhile.submit(left_out_of_all)
        if not source.reads_at_once:
            asked.result()
        matching = [read_counts(connection, source, plan, d, period) for d in contracts]
        left_out = asked.result()
    return tuple(without(c, out) for c, out in zip(matching, left_out, strict=True)), left_out


def _read(
    plan: ExtractPlan,
    period: Period,
    source: Source,
    snapshot: Snapshot,
    contracts: list[Dataset],
    counts: tuple[Counts, ...],
    keys: Keys,
    settings: EngineSettings,
    parts: Path,
    tell: Progress,
) -> tuple[Treated, ...]:
    names = ", ".join(d.name for d in contracts)
    found: list[Treated] = []
    with (
        engine_errors(parts, f"reading {names}", reads_source=True),
        open_reader(source, plan, period, snapshot, keys, settings) as reader,
    ):
        for dataset, counted in zip(contracts, counts, strict=True):
            tell(f"reading and treating {dataset.name}")
            folder = parts / dataset.name
            folder.mkdir(mode=0o700)
            found.append(reader.read(dataset, folder, counted.deliverable))
    return tuple(found)


def _finish(
    plan: ExtractPlan,
    period: Period,
    counts: tuple[Counts, ...],
    treated: tuple[Treated, ...],
    left_out: tuple[LeftOut, ...],
    staging: Path,
    tell: Progress,
) -> tuple[ExtractFile, ...]:
    files: list[ExtractFile] = []
    with engine_errors(staging, "ordering the treated rows"), IndexWriter(staging / MEMBERSHIP_FILE) as index:
        for planned, counted, rows, out in zip(plan.datasets, counts, treated, left_out, strict=True):
            tell(f"ordering {planned.dataset}")
            path = staging / f"{planned.dataset}.parquet"
            files.append(finish(plan, planned, counted, rows, out.people, path, index))
    check_rows(plan, period, {f.dataset: f.rows for f in files})
    return tuple(files)
