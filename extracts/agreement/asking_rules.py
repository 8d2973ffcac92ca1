"""Who may ask, and about whose requests: a requester asks for their own body, in their own name. Pure.

Rules, in this order; the first that is broken is the refusal:
1. Whoever asks is declared, and holds the role of requester on that day.
2. The request is their own body's, and names them as who asks.
3. Its id is new, or one of their own body's requests.
"""

from __future__ import annotations

from datetime import date

from extracts.agreement.request import Request
from extracts.catalogue.parties import Parties
from extracts.catalogue.people import Principal, Role
from extracts.errors import NotPermitted


def check_may_ask(request: Request, name: str, parties: Parties, on: date, *, known_as: str = "") -> None:
    """Raises NotPermitted unless `name` (a principal or user name) may submit this request on this day.

    `known_as`: the body that the register knows this request's id for; empty for a new id.
    """
    asker = requester_named(name, parties, on)
    theirs = parties.organisations[asker.organisation].name
    if request.requester.organisation != asker.organisation or (known_as and known_as != asker.organisation):
        raise NotPermitted(
            f"{request.request_id} is another body's request; {asker.id} asks for {theirs}.",
            advice="Use a request id of your own body, and name it under requester.organisation.",
        )
    if parties.person(request.requester.email) != asker.person:
        raise NotPermitted(
            f"{request.request_id} names somebody else as its requester than {asker.id}, who is signed in.",
            advice="Whoever asks signs in as themselves.",
        )


def requester_named(name: str, parties: Parties, on: date) -> Principal:
    """The declared requester of this name. Raises NotPermitted if there is none on this day."""
    found = parties.principal(name)
    if found is None or not found.has_role(Role.REQUESTER, on):
        raise NotPermitted(f"{name} is not declared as a requester on {on}.", advice="Ask the keeper of parties.yaml.")
    return found
