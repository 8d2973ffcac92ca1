"""Briefings for tests: exact counts as values, and the briefing's role in a small source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from extracts.agreement.briefing_writing import Examination
from extracts.agreement.coarsening import moves
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.planning import make_plan
from extracts.agreement.request import Request
from extracts.agreement.source_counts import DatasetCounts, GroupCount, RowFate, grouping_of
from extracts.agreement.suppression import Suppression
from extracts.errors import ExtractsError
from extracts.extraction.briefing_counts import Counter, open_counter
from extracts.extraction.sources.briefing_views import ROLE, briefing_sql
from tests.support.agreements import an_assessment, the_parties, the_policy
from tests.support.sample_datasets import NOW, the_datasets
from tests.support.small_source import NOW as SOURCE_NOW
from tests.support.small_source import SQL, SmallSource


def some_counts(request: Request, *fates: int, below: int = 0, filled: int = 4000, **changes: Any) -> DatasetCounts:
    """Counts of the request's first dataset: rows (and people) by fate, in the order of RowFate; groups all alike."""
    asked = request.datasets[0]
    source = the_datasets()[asked.dataset]
    numbers = dict(zip(RowFate, fates or (5000, 0, 3, 7, 900), strict=True))
    start = grouping_of(request, source)
    count = GroupCount(
        smallest=min(below, 9) or 40,
        groups_below=bool(below),
        people_below=below,
        rows_below=below,
        rows=numbers[RowFate.EXPECTED],
    )
    facts: dict[str, Any] = {
        "dataset": source.name,
        "loaded_at": NOW - timedelta(hours=5),
        "age_hours": 5,
        "rows": numbers,
        "people": numbers,
        "filled": dict.fromkeys((c.name for c in asked.columns), filled),
        "groups": dict.fromkeys([start, *(m.to for m in moves(start, request, source))] if start else [], count),
    }
    return DatasetCounts(**(facts | changes))


def an_examination(request: Request, *counts: DatasetCounts) -> Examination:
    """A request as it stands before its briefing is written, under the sample policy."""
    assessment = an_assessment(request)
    return Examination(
        request=request,
        assessment=assessment,
        plan=_plan(request),
        policy=the_policy(),
        datasets=the_datasets(),
        counts={c.dataset: c for c in counts},
        suppression=Suppression(),
    )


def _plan(request: Request) -> ExtractPlan | None:
    try:
        return make_plan(request, the_datasets(), the_parties(), an_assessment(request))
    except ExtractsError:
        return None


@contextmanager
def counting(source: SmallSource, folder: Path, now: datetime = SOURCE_NOW) -> Iterator[Counter]:
    """The source as the briefing's role enters it, after a DBA ran the script."""
    with open_counter(source.address(), let_count(source, folder), source.datasets, now) as counter:
        yield counter


def let_count(source: SmallSource, folder: Path) -> Path:
    """What a DBA does; the passfile of the role."""
    server = source.database.server
    server.create_role(ROLE)
    source.database.execute(briefing_sql(source.datasets, SQL / "roles"))
    passfile = folder / "passfile"
    passfile.touch(mode=0o600)
    passfile.write_text(server.passfile(ROLE).read_text())
    return passfile
