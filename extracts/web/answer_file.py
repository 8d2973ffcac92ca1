"""The signed page of an answer, handed out with its signature in one ZIP file, as it was made on a worker.

It is handed out only if the ledger tells of it and its signature holds now; nothing is signed here.
"""

from __future__ import annotations

from fastapi import Response

from extracts.errors import NotFound
from extracts.steps.answers import has_kept_page, kept_page
from extracts.steps.decided import Signed, foremost_decision
from extracts.steps.workplace import Workplace
from extracts.web.desk import open_desk
from extracts.web.render import HEADERS


def answer_file(request_id: str) -> Response:
    """The page of the newest version's decision. Raises NotFound, SignatureInvalid."""
    work = open_desk()
    signed = foremost_decision(work, request_id)
    if signed is None or not signed.complete:
        raise NotFound(f"{request_id} is not decided: there is no answer to hand out.")
    found = kept_page(work, request_id, signed.decision.digest)
    name = f"{request_id}-v{signed.decision.request_version}-answer.zip"
    attached = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(found, media_type="application/zip", headers=HEADERS | attached)


def can_be_saved(work: Workplace, signed: Signed | None) -> bool:
    """Whether the page of this decision is there."""
    return signed is not None and has_kept_page(work, signed.decision.request_id, signed.decision.digest)
