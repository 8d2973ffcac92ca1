"""The tasks around the reviews: the assessment before them, the briefing, and what is told when a target has passed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseOperator

from extracts.errors import Refused
from extracts.scheduling.guarded import guarded
from extracts.scheduling.review_operator import ACTOR, version_of


class AssessOperator(BaseOperator):
    """What the policy finds, and which reviews it asks for; these are noted as asked, if they were not."""

    def execute(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Counts and digests. Raises Airflow's exceptions only."""
        return guarded(self.task_id, lambda: assessed(*version_of(context)))


class BriefOperator(BaseOperator):
    """The briefing that the reviewers read; written now if there is none."""

    def execute(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Its digest. Raises Airflow's exceptions only."""
        return guarded(self.task_id, lambda: briefed(*version_of(context)))


def assessed(request_id: str, version: int) -> dict[str, Any]:
    """What the policy finds in a version. Raises NotFound; Refused if it is not the newest, or is over."""
    from extracts.agreement.review_rules import OPEN
    from extracts.settings import open_workplace
    from extracts.steps.requests import stored_examined, stored_request
    from extracts.steps.review_standing import note_asked

    work = open_workplace()
    entry = stored_request(work, request_id)
    if entry.version != version or entry.status not in OPEN:
        raise Refused(
            f"{request_id} version {version} is not waiting: version {entry.version} is the newest, {entry.status}.",
            advice="Start a run for the version that waits.",
        )
    examined, found = stored_examined(work, request_id), note_asked(work, request_id, ACTOR)
    assessment = examined.assessment
    return {
        "request": request_id,
        "version": version,
        "request_digest": entry.digest,
        "assessment_digest": assessment.digest,
        "policy": assessment.policy_version,
        "violations": [f.rule for f in assessment.violations],
        "gaps": [f.rule for f in assessment.gaps],
        "plan_digest": examined.plan.digest if examined.plan else "",
        "reviews": [r.review.value for r in found],
    }


def briefed(request_id: str, _: int) -> dict[str, Any]:
    """The digest of the newest briefing. Raises SourceUnreachable, SourceChanged."""
    from extracts.settings import open_workplace
    from extracts.steps.briefing import briefing_of

    return {"briefing_digest": briefing_of(open_workplace(), request_id, ACTOR).digest}


async def overdue(context: Mapping[str, Any], **_: Any) -> None:
    """Called by Airflow when a run is still open after its target: tells the ledger whose move it is."""
    conf = context["dag_run"].get("conf") or {}
    await asyncio.to_thread(tell_overdue, str(conf.get("request_id", "")), int(conf.get("version", 1)))


def tell_overdue(request_id: str, version: int) -> bool:
    """One event in the ledger, if the version is still open; whether it is."""
    from extracts.settings import open_workplace
    from extracts.steps.review_standing import note_overdue

    return note_overdue(open_workplace(), request_id, version, ACTOR)
