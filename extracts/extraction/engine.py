"""From a plan to finished Parquet files: drawn from one snapshot, treated, ordered, counted. Does the plan, no more.

Rules, in order:
1. Inside the snapshot that will be read, the source is checked again and counted; limits and holds stop it there.
2. Untreated values pass through memory only. Treated parts rest in the run's staging folder until the files are
   finished, and are removed whatever the outcome; so are half-finished files.
3. Rows leave in an order of their own (pseudonym first, then every column), never the source's.
4. Delivered rows are counted in the finished file, and must add up with what the source counted.
5. Several recipients are parts of one reading: one snapshot, then files, people and counts of each. What is counted
   over all of them must add up too, with the rows that belong to none. One part that fails stops them all.
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
from extracts.extraction.counting import Counts, check_counts, check_rows, check_unassigned, read_counts, without
from extracts.extraction.duckdb_session import EngineSettings as EngineSettings
from extracts.extraction.duckdb_session import engine_errors
from extracts.extraction.finishing import finish
from extracts.extraction.funnels import whole_funnels
from extracts.extraction.left_out import LeftOut, read_left_out
from extracts.extraction.membership import IndexWriter
from extracts.extraction.memory import use_system_memory
from extracts.extraction.reading import Keys as Keys
from extracts.extraction.reading import Part as Part
from extracts.extraction.reading import Treated, open_reader
from extracts.extraction.sources.checks import check_within
from extracts.extraction.sources.interface import Connection, Source
from extracts.extraction.values import Drawn, Extract, ExtractFile, Snapshot

Progress = Callable[[str], None]
PARTS = "parts"
MEMBERSHIP_FILE = "membership.parquet"


def build(
    plan: ExtractPlan,
    parts: tuple[Part, ...],
    period: Period,
    source: Source,
    scratch: Path,
    *,
    datasets: Mapping[str, Dataset],
    settings: EngineSettings,
    now: Callable[[], datetime],
    hold_max_age_hours: int,
    progress: Progress | None = None,
) -> Drawn:
    """The finished clear files of one period, one per dataset, in the staging folder of each part.

    parts: of `plan`, those that get something now; their staging folders exist (0700), as does `scratch`, in which
    treated rows lie meanwhile. Beside the files `membership.parquet`, for the controller's eyes only. Raises what
    `check_source` raises, and HoldStops, LimitExceeded, CheckFailed, DiskFull, SourceUnreachable, TechnicalFailure;
    then staging is as it was.
    """
    use_system_memory()
    tell = progress or (lambda _: None)
    spooled = scratch / PARTS
    shutil.rmtree(spooled, ignore_errors=True)  # of a run that was killed
    spooled.mkdir(mode=0o700)
    try:
        with source.snapshot() as (connection, snapshot):
            tell("checking the source")
            checks = check_within(connection, source, plan, datasets, now=now(), hold_max_age_hours=hold_max_age_hours)
            contracts = [datasets[d.dataset] for d in plan.datasets]
            counts, left_out = _count(connection, plan, period, source, snapshot, contracts, parts[0].keys)
            check_unassigned(plan, period, counts)
            for part in parts:
                check_counts(part.plan, period, _theirs(counts, part), _whose(plan, part))
            treated = _read(plan, parts, period, source, snapshot, contracts, counts, settings, spooled, tell)
        made = [_finish(plan, part, period, counts, treated[n], left_out, tell) for n, part in enumerate(parts)]
        kept = replace(snapshot, exported="")
        extracts = tuple(
            Extract(
                plan_digest=plan.digest,
                period=period,
                snapshot=kept,
                files=files,
                sources=checks,
                finished_at=now(),
                membership=part.staging / MEMBERSHIP_FILE,
                membership_sha256=digest_file(part.staging / MEMBERSHIP_FILE),
            )
            for part, files in zip(parts, made, strict=True)
        )
        return Drawn(extracts, whole_funnels(plan, counts, extracts, [p.plan.recipient for p in parts]))
    except BaseException:
        for part in parts:
            for name in (*(f"{d.dataset}.parquet" for d in plan.datasets), MEMBERSHIP_FILE):
                (part.staging / name).unlink(missing_ok=True)
        raise
    finally:
        shutil.rmtree(spooled, ignore_errors=True)


def _count(
    connection: Connection,
    plan: ExtractPlan,
    period: Period,
    source: Source,
    snapshot: Snapshot,
    contracts: list[Dataset],
    keys: Keys,
) -> tuple[tuple[Mapping[str, Counts], ...], tuple[Mapping[str, LeftOut], ...]]:
    """The funnel and who is left out, by dataset and recipient; the source works on both at once, if it can."""

    def left_out_of_all() -> tuple[dict[str, LeftOut], ...]:
        said = (plan, source)
        return tuple(read_left_out(*said, d, period, keys.membership, snapshot.exported) for d in contracts)

    with ThreadPoolExecutor(1) as meanwhile:
        asked = meanwhile.submit(left_out_of_all)
        if not source.reads_at_once:
            asked.result()
        matching = [read_counts(connection, source, plan, d, period) for d in contracts]
        left_out = asked.result()
    counts = tuple({r: without(c, out[r]) for r, c in m.items()} for m, out in zip(matching, left_out, strict=True))
    return counts, left_out


def _theirs(counts: tuple[Mapping[str, Counts], ...], part: Part) -> tuple[Counts, ...]:
    return tuple(found[part.plan.recipient] for found in counts)


def _whose(plan: ExtractPlan, part: Part) -> str:
    return plan.request_id if plan.division is None else f"{plan.request_id} for {part.plan.recipient}"


def _read(
    plan: ExtractPlan,
    parts: tuple[Part, ...],
    period: Period,
    source: Source,
    snapshot: Snapshot,
    contracts: list[Dataset],
    counts: tuple[Mapping[str, Counts], ...],
    settings: EngineSettings,
    spooled: Path,
    tell: Progress,
) -> tuple[tuple[Treated, ...], ...]:
    """By part, then by dataset."""
    names = ", ".join(d.name for d in contracts)
    found: list[tuple[Treated, ...]] = []
    with (
        engine_errors(spooled, f"reading {names}", reads_source=True),
        open_reader(source, plan, parts, period, snapshot, settings) as reader,
    ):
        for dataset, counted in zip(contracts, counts, strict=True):
            tell(f"reading and treating {dataset.name}")
            folder = spooled / dataset.name
            folder.mkdir(mode=0o700)
            found.append(reader.read(dataset, folder, tuple(counted[p.plan.recipient].deliverable for p in parts)))
    return tuple(zip(*found, strict=True))


def _finish(
    plan: ExtractPlan,
    part: Part,
    period: Period,
    counts: tuple[Mapping[str, Counts], ...],
    treated: tuple[Treated, ...],
    left_out: tuple[Mapping[str, LeftOut], ...],
    tell: Progress,
) -> tuple[ExtractFile, ...]:
    files: list[ExtractFile] = []
    staging = part.staging
    with engine_errors(staging, "ordering the treated rows"), IndexWriter(staging / MEMBERSHIP_FILE) as index:
        theirs = (part.plan.datasets, _theirs(counts, part), treated, left_out)
        for planned, counted, rows, out in zip(*theirs, strict=True):
            tell(f"ordering {planned.dataset}")
            path = staging / f"{planned.dataset}.parquet"
            people = out[part.plan.recipient].people
            files.append(finish(part.plan, planned, counted, rows, people, path, index))
    check_rows(part.plan, period, {f.dataset: f.rows for f in files}, _whose(plan, part))
    return tuple(files)
