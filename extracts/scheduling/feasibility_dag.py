"""The DAG `sign_feasibility`: one run makes one signed page of whether a request can be had, asked for on a page.

Rules:
1. The service's key is on workers alone, so the page that a requester asked for is made here, and kept for them.
2. Only what the ledger tells was asked for is counted and signed: whoever may start runs cannot have made-up requests
   answered in the service's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator

from extracts.scheduling.guarded import guarded

DAG_ID = "sign_feasibility"
ACTOR = DAG_ID
_DOC = """Answers whether a request can be had, before it is made, as a signed page for its requester. Started when they
ask for it inside Airflow. Nothing is submitted."""


class FeasibilityPageOperator(BaseOperator):
    """Counts, signs and keeps the page."""

    def execute(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Its name and digest. Raises Airflow's exceptions only."""
        return guarded(self.task_id, lambda: feasibility_signed((context["dag_run"].conf or {}).get("request")))


def feasibility_dag() -> DAG:
    """The DAG."""
    dag = DAG(
        DAG_ID,
        dag_display_name="Sign a feasibility page",
        description="Whether a request can be had, as a signed page",
        doc_md=_DOC,
        schedule=None,
        catchup=False,
        max_active_runs=4,
        is_paused_upon_creation=False,
        tags=["governance"],
    )
    sign = FeasibilityPageOperator(task_id="sign_page", owner="extracts", retries=3, retry_delay=timedelta(seconds=30))
    dag.add_task(sign)
    return dag


def feasibility_signed(document: Any) -> dict[str, Any]:
    """The page's name and its document's digest. Raises UsageError, NotFound, SourceUnreachable, SignatureInvalid."""
    from extracts.agreement.request import request_from_document
    from extracts.errors import UsageError
    from extracts.settings import open_workplace
    from extracts.standalone.signed_page import feasibility_page
    from extracts.steps.answers import keep
    from extracts.steps.briefing import feasibility_of_asked

    if not isinstance(document, dict):
        raise UsageError("This run names no request.", advice="A page for a requester is asked for in the form.")
    work, request = open_workplace(), request_from_document(document)
    try:
        made = feasibility_page(work, feasibility_of_asked(work, request, ACTOR), ACTOR)
        keep(work, made, request.digest)
        return {"page": made.name, "document_digest": made.document_digest}
    finally:
        work.register.dispose()
