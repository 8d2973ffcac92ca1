"""Finished files for tests: the Pension Credit statistics as a small Parquet file, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from extracts.agreement.plan import ExtractPlan
from extracts.catalogue.contract import ColumnType
from extracts.extraction.validation import read_release_suite, validate_release
from extracts.extraction.validation_suite import Suite
from extracts.extraction.values import CheckResult, Extract, ExtractFile, Funnel, Report, Snapshot, SourceCheck
from tests.support.builders import A_DIGEST, NOW, a_period, a_plan, the_datasets

RELEASE_SUITE = Path(__file__).parents[2] / "expectations" / "release.yaml"
STATISTICS = (
    ("0" * 31 + "1", "60-69", "F", "S12000047", "guarantee", "0-<50", "2024-Q1"),
    ("0" * 31 + "2", "70-79", "M", "S12000036", "savings", "<0", "2025-Q4"),
    ("0" * 31 + "3", "80-89", "F", "S12000047", "both", ">=100", None),
    ("0" * 31 + "4", None, None, None, "guarantee", "50-<100", "2026-Q2"),
)
_TYPES = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.INTEGER: "INTEGER",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
    ColumnType.BOOLEAN: "BOOLEAN",
}


def write_file(
    path: Path,
    plan: ExtractPlan,
    rows: tuple[tuple[object, ...], ...] = STATISTICS,
    query: str = "SELECT * FROM good",
    dataset: int = 0,
) -> Path:
    """A Parquet file of the plan's columns with `rows`; `query` may change what is in the table `good`."""
    columns = plan.datasets[dataset].columns
    with duckdb.connect() as connection:
        types = ", ".join(
            f"{_quoted(c.name)} DECIMAL({c.precision},{c.scale})"
            if c.delivered_type is ColumnType.DECIMAL
            else f"{_quoted(c.name)} {_TYPES[c.delivered_type]}"
            for c in columns
        )
        connection.execute(f"CREATE TABLE good ({types})")
        if rows:
            connection.executemany(f"INSERT INTO good VALUES ({', '.join('?' * len(columns))})", rows)
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def an_extract(path: Path, plan: ExtractPlan, loaded_at: datetime | None = None, at: datetime = NOW) -> Extract:
    """What `build` would say of that one file: every row of the source is in it."""
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT count(*) FROM read_parquet('{path}')").fetchall()[0][0]
    name = plan.datasets[0].dataset
    file = ExtractFile(name, path, rows, rows, 1, A_DIGEST, A_DIGEST, Funnel(max(rows, 1), 0, 0, 0, max(rows, 1)))
    loaded_at = loaded_at or NOW - timedelta(hours=3)
    check = SourceCheck(name, "role", loaded_at, 3.0, loaded_at, 1, A_DIGEST, A_DIGEST)
    return Extract(plan.digest, a_period(), Snapshot("1:1:", "1", at, "0/0", "18"), (file,), (check,), at)


def validated(
    folder: Path,
    query: str = "SELECT * FROM good",
    rows: tuple[tuple[object, ...], ...] = STATISTICS,
    plan: ExtractPlan | None = None,
    suite: Suite | None = None,
    previous: Mapping[str, int] | None = None,
) -> Report:
    """The release report of a file that differs from a good one by `query` or `rows`."""
    plan = plan or a_plan()
    path = write_file(folder / "file.parquet", plan, rows, query)
    suite = suite or read_release_suite(RELEASE_SUITE)
    return validate_release(plan, an_extract(path, plan), the_datasets(), suite, previous or {}, NOW)


def stopping(report: Report) -> list[str]:
    """`target name` of every check that stops."""
    return [said(c) for c in report.stopping]


def said(check: CheckResult) -> str:
    """The check in one line, without its dataset."""
    return f"{check.target.partition('.')[2]} {check.name}".strip()
