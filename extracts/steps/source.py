"""The source of a plan, entered as the agreement's own role, with what the settings say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.agreement.planned_dataset import changed_columns
from extracts.catalogue.contract import SourceKind
from extracts.errors import InvalidDocument, Problem, SourceChanged
from extracts.extraction.giving_way import again_if_ended
from extracts.extraction.sources.checks import check_source
from extracts.extraction.sources.postgres import open_source
from extracts.steps import keys, membership

if TYPE_CHECKING:
    from extracts.agreement.plan import ExtractPlan
    from extracts.extraction.sources.interface import Source
    from extracts.extraction.values import Extract, SourceCheck
    from extracts.steps.workplace import Workplace


def source_of(work: Workplace, plan: ExtractPlan) -> Source:
    """Where this plan's rows are, and as whom they are read. Raises SettingMissing, NotPermitted.

    All datasets of a plan lie in one system: one snapshot cannot span two.
    """
    check_covered(work, plan)
    systems = {work.dataset(d.dataset).system for d in plan.datasets}
    if len(systems) != 1:
        names = ", ".join(sorted(systems))
        raise InvalidDocument(
            plan.request_id,
            [Problem("datasets", f"lie in several systems ({names}): ask for each alone")],
        )
    address, passfile = work.source(systems.pop()), work.places.passfile
    kinds = {work.dataset(d.dataset).source_kind for d in plan.datasets}
    if kinds == {SourceKind.POSTGRESQL}:
        return open_source(plan, address, passfile, allow_query=work.limits.allow_query)
    if kinds == {SourceKind.PARQUET}:
        from extracts.extraction.sources.parquet_source import open_folder_source

        return open_folder_source(plan, work.datasets, address, allow_query=work.limits.allow_query, now=work.now)
    if len(kinds) > 1:
        raise InvalidDocument(plan.request_id, [Problem("datasets", "lie in one system, of which contracts disagree")])
    from extracts.extraction.sources.sqlalchemy_source import open_sql_source  # loads what PostgreSQL does not need

    return open_sql_source(plan, work.datasets, address, allow_query=work.limits.allow_query)


def check_covered(work: Workplace, plan: ExtractPlan) -> None:
    """Raises SourceChanged unless the contracts in force are those whose meaning was approved.

    A curated view may only change with its contract, but an approval does not follow it: it is of the view as it was,
    and of every used column as it was declared.
    """
    for planned in plan.datasets:
        dataset = work.dataset(planned.dataset)
        now = (dataset.major_version, dataset.relation, dataset.view_digest, dataset.coverage)
        if now != (planned.major_version, planned.relation, planned.view_digest, planned.coverage):
            raise SourceChanged(
                f"{plan.request_id}: the curated view of {planned.dataset}, or the area it covers, is not the one that "
                "was approved.",
                advice="Its contract changed since. The changed view needs a new decision.",
            )
        if changed := changed_columns(planned, dataset):
            raise SourceChanged(
                f"{plan.request_id}: the contract of {planned.dataset} declares {', '.join(changed)} otherwise than "
                "approved.",
                advice="Type, unit, meaning or class changed since. The changed columns need a new decision.",
            )


def check(work: Workplace, plan: ExtractPlan) -> tuple[SourceCheck, ...]:
    """Whether the source is what was approved, fresh, and its hold list whole; see `check_source`."""
    return again_if_ended(
        lambda: check_source(
            source_of(work, plan),
            plan,
            work.datasets,
            now=work.now(),
            hold_max_age_hours=work.limits.hold_max_age_hours,
        ),
        f"checking the source of {plan.request_id}",
    )


def holds_since(work: Workplace, plan: ExtractPlan, extract: Extract) -> int:
    """How many people of the extract holds reach now, whom they did not reach in its snapshot."""
    from extracts.extraction.holds import holds_since as count

    key = keys.load_key(work.places.keys, keys.MEMBERSHIP).secret
    index = membership.clear_index(extract)
    return again_if_ended(lambda: count(plan, source_of(work, plan), index, key), f"asking holds of {plan.request_id}")
