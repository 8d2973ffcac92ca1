"""The gate before anything is read: is the source what was approved, fresh, and is the hold list to be trusted?

Rules, in order, in one read-only transaction; the first that fails stops the run:
1. The curated views, the hold list's and the stamps' too, are those of the contracts, and the agreement's those of
   the plan (`definitions`).
2. The role can do what was planned and nothing more (`privileges`).
3. Every table behind a dataset was loaded recently enough; the oldest counts.
4. The hold list is fresh, as long as it says itself, and every entry can be understood. An empty list may be right:
   what counts is its stamp and its own count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from extracts.agreement.plan import ExtractPlan, PlannedDataset
from extracts.catalogue.contract import Dataset
from extracts.errors import HoldStops, SourceChanged, SourceLate
from extracts.extraction.sources import names
from extracts.extraction.sources.definitions import check_agreement_view, check_controls, check_curated_view
from extracts.extraction.sources.interface import Connection, Source
from extracts.extraction.sources.postgres import Connection as Database
from extracts.extraction.sources.postgres import PostgresSource, sql
from extracts.extraction.sources.privileges import left_out_views, privilege_problems
from extracts.extraction.sources.role_sql import plan_views
from extracts.extraction.sources.view_sql import HOLD_TABLE, stamps_view
from extracts.extraction.sources.view_text import definition_digest
from extracts.extraction.values import SourceCheck

_CLOCK_TOLERANCE = timedelta(minutes=10)
_NOT_LATE = "Nothing was read; ask the source's owner when it is loaded next."


@dataclass(frozen=True)
class Stamps:
    """Load stamps by table, and the hold list's counts: declared by its stamp, found, and not to be understood.

    hold_newest: when the newest entry was recorded; None of an empty list.
    """

    loaded_at: Mapping[str, datetime]
    hold_declared: int
    hold_entries: int
    hold_unreadable: int
    hold_newest: datetime | None


def check_source(
    source: Source,
    plan: ExtractPlan,
    datasets: Mapping[str, Dataset],
    *,
    now: datetime,
    hold_max_age_hours: int,
) -> tuple[SourceCheck, ...]:
    """What was found, one per dataset of the plan.

    Raises SourceUnreachable, SourceChanged, SourceLate or HoldStops.
    """
    with source.transaction() as connection:
        return check_within(connection, source, plan, datasets, now=now, hold_max_age_hours=hold_max_age_hours)


def check_within(
    connection: Connection,
    source: Source,
    plan: ExtractPlan,
    datasets: Mapping[str, Dataset],
    *,
    now: datetime,
    hold_max_age_hours: int,
) -> tuple[SourceCheck, ...]:
    """`check_source` inside a transaction that is already open, so that reading can follow in the same snapshot."""
    curated, deployed = source.deployed(connection, plan, datasets)
    stamps = read_stamps(connection, source, plan)
    check_hold_list(stamps, now, hold_max_age_hours)
    loaded = {d.dataset: _check_fresh(d, stamps, now) for d in plan.datasets}
    return tuple(
        SourceCheck(
            dataset=d.dataset,
            enforced_by=source.enforced_by,
            loaded_at=loaded[d.dataset],
            age_hours=_hours(now - loaded[d.dataset]),
            hold_list_loaded_at=stamps.loaded_at[HOLD_TABLE],
            hold_list_entries=stamps.hold_entries,
            curated_view_digest=curated[d.dataset],
            agreement_view_digest=deployed[names.data_view(plan.request_id, d.dataset)],
        )
        for d in plan.datasets
    )


def deployed_views(
    connection: Database, source: PostgresSource, plan: ExtractPlan, datasets: Mapping[str, Dataset]
) -> tuple[dict[str, str], dict[str, str]]:
    """Rules 1 and 2 for a PostgreSQL: digests of its curated views and of the agreement's. Raises SourceChanged."""
    views = plan_views(plan, datasets)
    curated = {d.dataset: check_curated_view(connection, datasets[d.dataset]) for d in plan.datasets}
    for planned in plan.datasets:
        check_controls(connection, datasets[planned.dataset])
    if source.enforced_by != "role":
        return curated, {view.name: definition_digest(view.definition) for view in views}
    deployed = {view.name: check_agreement_view(connection, view) for view in views}
    _check_privileges(plan, connection, source.role, tuple(v.name for v in views if not v.for_membership))
    with source.transaction(source.membership_role) as other:
        own = tuple(v.name for v in views if v.for_membership)
        _check_privileges(plan, other, source.membership_role, own, left_out_views(other))
    return curated, deployed


def read_stamps(connection: Connection, source: Source, plan: ExtractPlan) -> Stamps:
    """Load stamps as the source tells them. Raises HoldStops if the hold list has none."""
    view = stamps_view(plan)
    found = connection.execute(sql(f"SELECT {', '.join(view.columns)} FROM {source.reading(view)}")).fetchall()
    hold = next((row for row in found if row[0] == HOLD_TABLE), None)
    if hold is None or hold[1] is None or hold[2] is None:
        raise HoldStops(
            "The hold list has no load stamp, so nobody knows whether it is whole.",
            advice="Nothing was read. Ask the source's owner to load it.",
        )
    loaded = {table: at for table, at, *_ in found if at is not None}
    return Stamps(loaded, hold[2], hold[3], hold[4], hold[5])


def check_hold_list(stamps: Stamps, now: datetime, max_age_hours: int) -> None:
    """Raises HoldStops if the list is stale, miscounted, or has entries that cannot be understood."""
    advice = "Nothing leaves until the hold list is loaded again, whole; ask the source's owner."
    age = now - stamps.loaded_at[HOLD_TABLE]
    if age > timedelta(hours=max_age_hours):
        raise HoldStops(
            f"The hold list was loaded {_hours(age):.1f} hours ago; at most {max_age_hours} are allowed.", advice=advice
        )
    if age < -_CLOCK_TOLERANCE:
        raise HoldStops("The hold list's load stamp lies in the future.", advice=advice)
    if stamps.hold_entries != stamps.hold_declared:
        raise HoldStops(
            f"The hold list has {stamps.hold_entries} entries but says that it has {stamps.hold_declared}.",
            advice=advice,
        )
    if stamps.hold_unreadable:
        raise HoldStops(
            f"{stamps.hold_unreadable} entries of the hold list cannot be understood: no National Insurance number or "
            "time, or an unknown scope or effect.",
            advice=advice,
        )
    if stamps.hold_newest and stamps.hold_newest > now + _CLOCK_TOLERANCE:
        raise HoldStops("The hold list has an entry that is recorded in the future.", advice=advice)


def _check_privileges(
    plan: ExtractPlan, connection: Database, role: str, must_read: tuple[str, ...], may_read: tuple[str, ...] = ()
) -> None:
    problems = privilege_problems(connection, role, must_read, may_read)
    if problems:
        raise SourceChanged(
            f"{plan.request_id}: the role {role} has other rights than planned: {'; '.join(problems)}.",
            advice="Nothing was read. Ask the source's DBA to revoke them, or to run `extracts source sql` again.",
        )


def _check_fresh(planned: PlannedDataset, stamps: Stamps, now: datetime) -> datetime:
    missing = [t for t in planned.load_tables if t not in stamps.loaded_at]
    if missing or not planned.load_tables:
        told = ", ".join(missing) or "every table"
        raise SourceLate(f"{planned.dataset}: there is no load stamp of {told}.", advice=_NOT_LATE)
    oldest = min(stamps.loaded_at[t] for t in planned.load_tables)
    if now - oldest > timedelta(hours=planned.max_age_hours):
        raise SourceLate(
            f"{planned.dataset}: the source was loaded {_hours(now - oldest):.1f} hours ago; at most "
            f"{planned.max_age_hours} are allowed.",
            advice=_NOT_LATE,
        )
    if max(stamps.loaded_at[t] for t in planned.load_tables) - now > _CLOCK_TOLERANCE:
        raise SourceLate(f"{planned.dataset}: a load stamp lies in the future.", advice=_NOT_LATE)
    return oldest


def _hours(age: timedelta) -> float:
    return round(age.total_seconds() / 3600, 2)
