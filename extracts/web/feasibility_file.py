"""A signed page of whether a request can be had, for whoever asked in the form: asked for here, made on a worker.

Rules:
1. Nothing is signed here, where the service's key is not. The run that makes the page is started over Airflow's API.
2. What is kept is handed out to requesters of the body that asked, if the ledger tells of it and its signature holds.
"""

from __future__ import annotations

import re

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from extracts.errors import ExtractsError, NotFound, TechnicalFailure
from extracts.local.consideration import start_page
from extracts.scheduling.facts import REQUEST_ID
from extracts.scheduling.links import page
from extracts.settings import environment
from extracts.steps.answers import has_kept_page, kept_page
from extracts.steps.asking import ask_for_page
from extracts.steps.pages_asked import SHORT, asked_for, short
from extracts.web.access import NOT_YOURS, turn_away
from extracts.web.ask_page import sent_document
from extracts.web.desk import open_desk
from extracts.web.render import HEADERS, html_page
from extracts.web.sent_form import Sent
from extracts.web.visitor import VisitorDep

_DIGEST = re.compile(rf"[0-9a-f]{{{SHORT}}}")


def ask_for_signed_page(sent: Sent, visitor: VisitorDep) -> RedirectResponse:
    """Let a worker make it. Raises InvalidDocument, NotPermitted; TechnicalFailure if Airflow cannot be told."""
    work = open_desk()
    request = ask_for_page(work, sent_document(sent), visitor.user)
    try:
        start_page(environment(), request.request_id, request.document(), f"{work.now():%Y%m%dT%H%M%S}")
    except ExtractsError as error:
        raise TechnicalFailure(
            f"Airflow was not told to make the page: {error.message}",
            advice="Whoever runs this makes it: extracts request check FILE --feasibility --page PAGE.html",
        ) from None
    return RedirectResponse(page("feasibility", request.request_id, short(request.digest)), 303, headers=HEADERS)


def feasibility_file(request_id: str, digest: str, request: Request, visitor: VisitorDep) -> Response:
    """Page and signature in one ZIP file; until they are there, a page that says so. Raises NotFound, NotPermitted."""
    if not REQUEST_ID.fullmatch(request_id) or not _DIGEST.fullmatch(digest):
        raise NotFound("There is no such page.")
    work = open_desk()
    asked = asked_for(work, request_id, digest)
    if asked.payload["organisation"] != visitor.organisation:
        turn_away(request, visitor.user, "another body's request", NOT_YOURS)
    whole = str(asked.payload["request_digest"])
    if not has_kept_page(work, request_id, whole):
        return html_page("waiting", rooms=visitor.rooms, request_id=request_id, digest=digest)
    name = f"{request_id}-v{asked.payload['version']}-feasibility.zip"
    attached = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(kept_page(work, request_id, whole), media_type="application/zip", headers=HEADERS | attached)
