"""The script by which a DBA lets one agreement read its own columns and rows; and its undoing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.catalogue.contract import SourceKind
from extracts.errors import UsageError
from extracts.extraction.sources.role_sql import source_ended_sql, source_sql
from extracts.steps.approval_file import load_published

if TYPE_CHECKING:
    from extracts.agreement.plan import ExtractPlan
    from extracts.steps.workplace import Workplace


def source_script(work: Workplace, request_id: str) -> str:
    """The SQL for a published agreement, in its source's dialect; it holds no password.

    Raises ApprovalMissing if there is none, UsageError if there is nothing to grant, SettingMissing.
    """
    plan = load_published(work, request_id).plan
    if _kind(work, plan) is SourceKind.POSTGRESQL:
        return source_sql(plan, work.datasets, work.places.sql / "roles")
    from extracts.extraction.sources.mariadb_sql import mariadb_sql

    _check_has_roles(work, plan)
    return mariadb_sql(plan, work.datasets, work.places.sql / "roles")


def ended_script(work: Workplace, request_id: str) -> str:
    """The SQL that takes the role and views of an agreement away again, once it has ended."""
    plan = load_published(work, request_id).plan
    if _kind(work, plan) is SourceKind.POSTGRESQL:
        return source_ended_sql(plan, work.datasets, work.places.sql / "roles")
    from extracts.extraction.sources.mariadb_sql import mariadb_ended_sql

    _check_has_roles(work, plan)
    return mariadb_ended_sql(plan, work.datasets, work.places.sql / "roles")


def _kind(work: Workplace, plan: ExtractPlan) -> SourceKind:
    """All datasets of a plan lie in one system, which is of one kind."""
    return work.dataset(plan.datasets[0].dataset).source_kind


def _check_has_roles(work: Workplace, plan: ExtractPlan) -> None:
    """Raises UsageError unless the source can be entered as a role of the agreement's own."""
    from extracts.extraction.sources.sqlalchemy_source import has_own_role

    system = work.dataset(plan.datasets[0].dataset).system
    if _kind(work, plan) is SourceKind.PARQUET or not has_own_role(work.source(system)):
        raise UsageError(
            f"{plan.request_id} draws from a source that has no role of the agreement's own.",
            advice="There is nothing to grant: our SELECT alone keeps to what was approved, and manifests say so.",
        )
