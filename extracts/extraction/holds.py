"""Holds that came after the snapshot: asked again at release, so that nobody who was put on hold meanwhile leaves.

Rules:
1. A hold recorded after the snapshot that reaches rows of this delivery stops it; a new run leaves them out.
2. Holds may be recorded before the snapshot and loaded after it. So, if the list was loaded again since, and more
   rows of this delivery's period are reached by holds than in the snapshot, that counts too.
3. Only counts are read.
"""

from __future__ import annotations

from collections.abc import Mapping

from extracts.agreement.plan import ExtractPlan, Period
from extracts.catalogue.contract import Dataset
from extracts.extraction.counting import read_counts
from extracts.extraction.sources.checks import Stamps, read_stamps
from extracts.extraction.sources.postgres import Connection, PostgresSource, sql
from extracts.extraction.sources.rows import has_period
from extracts.extraction.sources.view_sql import HOLD_TABLE, holds_of
from extracts.extraction.values import Extract, SourceCheck


def holds_since(plan: ExtractPlan, source: PostgresSource, datasets: Mapping[str, Dataset], extract: Extract) -> int:
    """How many rows of `extract`'s period are reached by holds that its snapshot did not show.

    Raises SourceUnreachable, SourceChanged, HoldStops (the list lost its stamp).
    """
    with source.transaction() as connection:
        stamps = read_stamps(connection, source, plan)
        return sum(
            _newer(connection, plan, source, datasets[check.dataset], extract, check, stamps)
            for check in extract.sources
        )


def _newer(
    connection: Connection,
    plan: ExtractPlan,
    source: PostgresSource,
    dataset: Dataset,
    extract: Extract,
    check: SourceCheck,
    stamps: Stamps,
) -> int:
    recorded = _recorded_since(connection, plan, source, dataset, extract)
    as_before = (check.hold_list_loaded_at, check.hold_list_entries)
    if recorded or (stamps.loaded_at[HOLD_TABLE], stamps.hold_entries) == as_before:
        return recorded
    now = read_counts(connection, source, plan, dataset, extract.period).touched
    return max(0, now - check.rows_on_hold)


def _recorded_since(
    connection: Connection, plan: ExtractPlan, source: PostgresSource, dataset: Dataset, extract: Extract
) -> int:
    period: Period = extract.period
    planned = {d.dataset: d for d in plan.datasets}[dataset.name]
    within = " AND on_date >= %(first)s AND on_date <= %(last)s" if has_period(planned) else ""
    query = (
        f"SELECT coalesce(sum(rows), 0)::bigint FROM {source.reading(holds_of(plan, dataset))}"
        f" WHERE recorded_at > %(at)s{within}"
    )
    facts = {"at": extract.snapshot.at, "first": period.first, "last": period.last}
    row = connection.execute(sql(query), facts).fetchone()
    return int(row[0]) if row else 0
