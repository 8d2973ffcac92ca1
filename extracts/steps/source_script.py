"""The script by which a DBA lets one agreement read its own columns and rows; and its undoing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.extraction.sources.role_sql import source_ended_sql, source_sql
from extracts.steps.approval_file import load_published

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def source_script(work: Workplace, request_id: str) -> str:
    """The SQL for a published agreement; it holds no password. Raises ApprovalMissing if there is none."""
    plan = load_published(work, request_id).plan
    return source_sql(plan, work.datasets, work.places.sql / "roles")


def ended_script(work: Workplace, request_id: str) -> str:
    """The SQL that takes the role and views of an agreement away again, once it has ended."""
    plan = load_published(work, request_id).plan
    return source_ended_sql(plan, work.datasets, work.places.sql / "roles")
