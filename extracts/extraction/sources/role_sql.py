"""The script by which a DBA lets one agreement read its own columns and rows, and nothing else.

Rules:
1. The pipeline never creates roles or views: few DBAs grant that right, and standbys take no such order. It prints
   this script, and every run verifies what it finds against the same definitions (`checks`).
2. The script holds no password. The DBA sets one (`\\password ROLE` in psql), or hands in a SCRAM verifier, from
   which the password cannot be had back.
3. Running it twice equals once. It is one transaction.
4. Fixed text is in the folder `sql/roles`; only checked names and quoted literals are filled in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from extracts.agreement.plan import ExtractPlan
from extracts.catalogue.contract import Dataset
from extracts.errors import InvalidDocument, Problem, SourceChanged, UsageError
from extracts.extraction.sources import names
from extracts.extraction.sources.literals import name
from extracts.extraction.sources.view_sql import ExpectedView, expected_views, holds_view, stamps_view

SOURCE_OWNER = "source_owner"
TIMEOUTS = {"statement_timeout": "2h", "idle_timeout": "2h", "lock_timeout": "30s"}
_VERIFIER = re.compile(r"SCRAM-SHA-256\$[0-9]{1,9}:[A-Za-z0-9+/=]{1,200}\$[A-Za-z0-9+/=]{40,60}:[A-Za-z0-9+/=]{40,60}")
_FIELD = re.compile(r"\{\{([a-z_]+)\}\}")


def plan_views(plan: ExtractPlan, datasets: Mapping[str, Dataset]) -> tuple[ExpectedView, ...]:
    """All views of an agreement, those for the membership role included. Raises SourceChanged if a contract is gone."""
    missing = [d.dataset for d in plan.datasets if d.dataset not in datasets]
    if missing:
        raise SourceChanged(f"{plan.request_id}: no contract declares {', '.join(missing)} any more.")
    views = [view for d in plan.datasets for view in expected_views(plan, datasets[d.dataset])]
    return (*views, stamps_view(plan), holds_view(plan))


def source_sql(
    plan: ExtractPlan,
    datasets: Mapping[str, Dataset],
    templates: Path,
    *,
    owner: str = SOURCE_OWNER,
    verifier: str = "",
    membership_verifier: str = "",
) -> str:
    """The script for a DBA. `templates` is the folder sql/roles; `owner` owns the curated views.

    `verifier`: the agreement role's SCRAM-SHA-256 verifier, if it shall be set here. Raises UsageError.
    """
    role = names.role_name(plan.request_id)
    facts = {
        "owner": name(owner),
        "schema": names.SCHEMA,
        "role": role,
        "slug": names.slug(plan.request_id),
        "membership_role": names.MEMBERSHIP_ROLE,
        **TIMEOUTS,
    }
    template = Templates(templates, facts)
    parts = [
        f"-- Agreement {names.slug(plan.request_id)}, plan {plan.digest}. Run it as a superuser or as the owner of",
        f"-- the source's database, connected to it. Then set the role's password: \\password {role}",
        "BEGIN;",
        template.fill("agreement_role"),
        template.fill("agreement_role", role=names.MEMBERSHIP_ROLE),
        template.fill("agreement_schema"),
        *(_view(template, view, role) for view in plan_views(plan, datasets)),
        *_password(role, verifier),
        *_password(names.MEMBERSHIP_ROLE, membership_verifier),
        "COMMIT;",
    ]
    return "\n".join(parts) + "\n"


def source_ended_sql(plan: ExtractPlan, datasets: Mapping[str, Dataset], templates: Path) -> str:
    """The script that takes the role and its views away again."""
    drops = "\n".join(f"DROP VIEW IF EXISTS {view.name};" for view in plan_views(plan, datasets))
    facts = {"schema": names.SCHEMA, "role": names.role_name(plan.request_id), "drop_views": drops}
    return Templates(templates, facts).fill("agreement_ended")


class Templates:
    """The fixed texts of one folder, and what they share."""

    def __init__(self, folder: Path, facts: Mapping[str, str]) -> None:
        self._folder = folder
        self._facts = facts

    def fill(self, template: str, **more: str) -> str:
        """One text with its fields filled in. Raises InvalidDocument if it cannot be read or names an unknown field."""
        path = self._folder / f"{template}.sql"
        facts = {**self._facts, **more}
        try:
            return _FIELD.sub(lambda field: facts[field[1]], path.read_text(encoding="utf-8"))
        except OSError:
            raise InvalidDocument(path.name, [Problem("file", "is not in the folder of role scripts")]) from None
        except KeyError as error:
            raise InvalidDocument(path.name, [Problem(str(error.args[0]), "is no field of role scripts")]) from None


def _view(template: Templates, view: ExpectedView, role: str) -> str:
    reader = names.MEMBERSHIP_ROLE if view.for_membership else role
    return template.fill("agreement_view", view=view.name, definition=view.definition, reader=reader)


def _password(role: str, verifier: str) -> list[str]:
    if not verifier:
        return []
    if not _VERIFIER.fullmatch(verifier):
        raise UsageError("This is no SCRAM-SHA-256 verifier; a clear password never goes into a script.")
    return [f"ALTER ROLE {role} PASSWORD '{verifier}';"]
