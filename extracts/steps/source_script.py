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
    """The SQL for a published agreement; it holds no password. Raises ApprovalMissing if there is none."""
    plan = _of_postgresql(work, request_id)
    return source_sql(plan, work.datasets, work.places.sql / "roles")


def ended_script(work: Workplace, request_id: str) -> str:
    """The SQL that takes the role and views of an agreement away again, once it has ended."""
    plan = _of_postgresql(work, request_id)
    return source_ended_sql(plan, work.datasets, work.places.sql / "roles")


def _of_postgresql(work: Workplace, request_id: str) -> ExtractPlan:
    plan = load_published(work, request_id).plan
    if any(work.dataset(d.dataset).source_kind is not SourceKind.POSTGRESQL for d in plan.datasets):
        raise UsageError(
            f"{request_id} draws from a source that has no role of the agreement's own.",
            advice="There is nothing to grant: our SELECT alone keeps to what was approved, and manifests say so.",
        )
    return plan
