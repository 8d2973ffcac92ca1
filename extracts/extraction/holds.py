"""Holds that came after the snapshot: asked again at release, so that nobody who was put on hold meanwhile leaves.

Rules:
1. Whom a hold reaches is noted person by person, with its effect, in the very snapshot that is read. At release it is
   asked again, and anybody who is new stops the delivery; a new run leaves them out. A number would not do: one hold
   may end when another begins. Nor would times: holds may be recorded long before they are loaded.
2. A hold that ended stops nothing, nor does a hold on somebody of whom the delivery has no row.
3. Persons are noted as marks under the controller's membership key, in the run's staging folder alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from extracts.agreement.plan import ExtractPlan, Period
from extracts.catalogue.contract import Dataset
from extracts.extraction.membership import mark
from extracts.extraction.sources.postgres import PostgresSource, sql
from extracts.extraction.sources.rows import has_period
from extracts.extraction.sources.view_sql import holds_of
from extracts.extraction.values import Extract


def people_on_hold(
    plan: ExtractPlan,
    source: PostgresSource,
    datasets: Mapping[str, Dataset],
    period: Period,
    key: str,
    *,
    snapshot: str = "",
) -> dict[str, frozenset[str]]:
    """Per dataset whom a hold reaches in this period: marks under the membership `key`, each with the hold's effect.

    Raises SourceUnreachable, SourceChanged.
    """
    found: dict[str, frozenset[str]] = {}
    with source.transaction(source.membership_role, snapshot=snapshot) as connection:
        for planned in plan.datasets:
            within = " WHERE on_date >= %(first)s AND on_date <= %(last)s" if has_period(planned) else ""
            view = source.reading(holds_of(plan, datasets[planned.dataset]))
            query = sql(f"SELECT DISTINCT person, why FROM {view}{within}")
            rows = connection.execute(query, {"first": period.first, "last": period.last}).fetchall()
            found[planned.dataset] = frozenset(f"{mark(key, person):016x} {effect}" for person, effect in rows)
    return found


def holds_since(
    plan: ExtractPlan, source: PostgresSource, datasets: Mapping[str, Dataset], extract: Extract, key: str
) -> int:
    """How many people are on hold, among the rows of `extract`'s period, whom its snapshot did not show so.

    Somebody in two datasets counts twice. Raises SourceUnreachable, SourceChanged.
    """
    now = people_on_hold(plan, source, datasets, extract.period, key)
    return sum(len(now[check.dataset] - check.people_on_hold) for check in extract.sources)
