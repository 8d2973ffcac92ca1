"""The script by which the DBA of a MariaDB lets one agreement read its own views, and nothing else; and its undoing.

Rules:
1. As for PostgreSQL (`role_sql`): the pipeline makes nothing itself, the script holds no password, twice equals once.
2. MariaDB ends a transaction with each such statement, so the user is locked first and gets its rights view by view.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from extracts.agreement.plan import ExtractPlan
from extracts.catalogue.contract import Dataset
from extracts.extraction.sources import names
from extracts.extraction.sources.literals import name, relation
from extracts.extraction.sources.mariadb_views import agreement_views
from extracts.extraction.sources.role_sql import SOURCE_OWNER, Templates

SECONDS = 7200


def mariadb_sql(
    plan: ExtractPlan, datasets: Mapping[str, Dataset], templates: Path, *, owner: str = SOURCE_OWNER
) -> str:
    """The script for a DBA. `templates` is the folder sql/roles. Raises UsageError."""
    template = _templates(plan, templates, owner)
    parts = [
        f"-- Agreement {names.slug(plan.request_id)}, plan {plan.digest}. Run it as an administrator of the",
        "-- MariaDB, with its client. Then set the user's password, which unlocks it:",
        f"--   ALTER USER '{names.role_name(plan.request_id)}'@'%' IDENTIFIED BY '...' ACCOUNT UNLOCK;",
        template.fill("mariadb_agreement"),
        *(
            template.fill("mariadb_view", view=relation(view.name), definition=view.definition)
            for view in agreement_views(plan, datasets)
        ),
    ]
    return "\n".join(parts)


def mariadb_ended_sql(plan: ExtractPlan, datasets: Mapping[str, Dataset], templates: Path) -> str:
    """The script that takes the user and its views away again."""
    drops = "\n".join(f"DROP VIEW IF EXISTS {relation(v.name)};" for v in agreement_views(plan, datasets))
    return _templates(plan, templates, SOURCE_OWNER).fill("mariadb_ended", drop_views=drops)


def _templates(plan: ExtractPlan, folder: Path, owner: str) -> Templates:
    facts = {"owner": name(owner), "schema": names.SCHEMA, "role": names.role_name(plan.request_id)}
    return Templates(folder, {**facts, "seconds": str(SECONDS)})
