"""After the decision: the answer as a signed page, made where the service's key is, and kept for the request's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseOperator

from extracts.scheduling.guarded import guarded
from extracts.scheduling.review_operator import ACTOR, version_of


class AnswerPageOperator(BaseOperator):
    """Makes the page; what was withdrawn before anybody decided has none."""

    def execute(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Its name and digest. Raises Airflow's exceptions only."""
        return guarded(self.task_id, lambda: answer_signed(*version_of(context)))


def answer_signed(request_id: str, version: int) -> dict[str, Any]:
    """The page's name and its document's digest; empty where nothing was decided. Raises SignatureInvalid."""
    from extracts.settings import open_workplace
    from extracts.standalone.signed_page import answer_page
    from extracts.steps.answers import is_answered

    work = open_workplace()
    try:
        if not is_answered(work, request_id, version):
            return {"page": "", "document_digest": ""}
        made = answer_page(work, request_id, ACTOR, version)
        return {"page": made.name, "document_digest": made.document_digest}
    finally:
        work.register.dispose()
