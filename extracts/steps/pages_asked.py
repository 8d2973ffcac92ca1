"""Who asked for a signed page of whether a request can be had: told to the ledger before anything is made.

Only a declared requester asks, for their own body; only that body gets the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.errors import NotFound
from extracts.record import ledger
from extracts.record.transaction import reading

if TYPE_CHECKING:
    from extracts.record.event import Event
    from extracts.steps.workplace import Workplace

PAGE_ASKED = "page.asked"
SHORT = 16  # hex digits by which an address names a request's digest


def short(digest: str) -> str:
    """The digest as an address names it."""
    return digest.removeprefix("sha256:")[:SHORT]


def asked_for(work: Workplace, request_id: str, digest: str) -> Event:
    """The event that tells of it. `digest`: of the request, whole or short. Raises NotFound."""
    with reading(work.register) as view:
        found = ledger.events(view.connection, subject=request_id, kind=PAGE_ASKED, newest_first=True)
    named = next((e for e in found if short(str(e.payload.get("request_digest"))) == short(digest)), None)
    if named is None:
        raise NotFound(
            f"Nobody asked for a page of whether {request_id} can be had, as it is written here.",
            advice="Ask for it in the form: `Can it be had?`",
        )
    return named
