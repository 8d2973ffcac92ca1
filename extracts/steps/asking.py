"""What a requester does where they are signed in, for their own body: ask, hear what can be had, accept less.

Rules:
1. The checks are those of `extracts request submit`, and before them who asks, for whom (`agreement.asking_rules`).
2. What is refused is told to the ledger, by whom it was tried.
3. Whoever asks is recorded by what they are called where they signed in, and as whom they are declared.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extracts.agreement.asking_rules import check_may_ask, requester_named
from extracts.agreement.request import Request, parse_request
from extracts.catalogue.people import Principal, Role
from extracts.documents import Document
from extracts.errors import NotFound, NotPermitted
from extracts.record import register
from extracts.record.transaction import reading, unit_of_work
from extracts.steps.actor import acting_as
from extracts.steps.briefing import Feasible, feasibility_of
from extracts.steps.counter_offers import accept_counter_offer, make_counter_offer
from extracts.steps.pages_asked import PAGE_ASKED
from extracts.steps.requests import Examined, submit_document
from extracts.steps.turned_away import told_if_refused

if TYPE_CHECKING:
    from extracts.agreement.counter_offer import CounterOffer
    from extracts.steps.workplace import Workplace

ASKED, OFFER = "submission.refused", "counter-offer.refused"
_NUMBERED = re.compile(r"(?P<before>[A-Z][A-Z0-9-]*)-(?P<year>\d{4})-(?P<number>\d{1,6})")


def submit_by(work: Workplace, document: Document, name: str) -> Examined:
    """Submit a request as the requester `name`. Raises InvalidDocument, NotPermitted, Refused, IllegalTransition."""
    request = parse_request(document)
    with told_if_refused(work, ASKED, request.request_id, name, version=request.version):
        return submit_document(work, document, _asker(work, request, name))


def feasibility_for(work: Workplace, document: Document, name: str) -> Feasible:
    """What can be had, for the requester `name`, before asking. Raises InvalidDocument, NotPermitted,
    SourceUnreachable, SourceChanged."""
    request = parse_request(document)
    with told_if_refused(work, ASKED, request.request_id, name, version=request.version):
        return feasibility_of(work, document, _asker(work, request, name))


def ask_for_page(work: Workplace, document: Document, name: str) -> Request:
    """Note that the requester `name` wants a signed page of what can be had. Raises InvalidDocument, NotPermitted."""
    request = parse_request(document)
    with told_if_refused(work, ASKED, request.request_id, name, version=request.version):
        actor = _asker(work, request, name)
    told = {"version": request.version, "request_digest": request.digest}
    told |= {"organisation": request.requester.organisation}
    with unit_of_work(work.register) as unit:
        unit.event(work.now(), PAGE_ASKED, request.request_id, actor, told)
    return request


def accept_by(work: Workplace, request_id: str, name: str) -> Examined:
    """Accept the counter-offer as the requester `name`. See `accept_counter_offer`."""
    with told_if_refused(work, OFFER, request_id, name, tried="accept"):
        asker = requester_named(name, work.parties, work.today())
        return accept_counter_offer(work, request_id, asker.id, acting_as(name, asker.id))


def offer_by(work: Workplace, request_id: str, name: str) -> CounterOffer:
    """Make a counter-offer as the member of the Board `name`. See `make_counter_offer`."""
    with told_if_refused(work, OFFER, request_id, name, tried="make"):
        member = _member(work, name)
        return make_counter_offer(work, request_id, acting_as(name, member.id))


def next_request_id(work: Workplace) -> str:
    """The id that the next request of this year may have: the newest one's letters, and the next number."""
    with reading(work.register) as view:
        found = [m for m in map(_NUMBERED.fullmatch, register.request_ids(view)) if m]
    year = str(work.today().year)
    before = max(found, key=lambda m: (m["year"], int(m["number"])))["before"] if found else "REQUEST"
    numbers = [int(m["number"]) for m in found if (m["before"], m["year"]) == (before, year)]
    return f"{before}-{year}-{max(numbers, default=0) + 1:03d}"


def _asker(work: Workplace, request: Request, name: str) -> str:
    """How the record calls whoever asks. Raises NotPermitted."""
    check_may_ask(request, name, work.parties, work.today(), known_as=_known_as(work, request.request_id))
    asker = requester_named(name, work.parties, work.today())
    return acting_as(name, asker.id)


def _known_as(work: Workplace, request_id: str) -> str:
    try:
        with reading(work.register) as view:
            return register.get_request(view, request_id).requester_organisation
    except NotFound:
        return ""


def _member(work: Workplace, name: str) -> Principal:
    found = work.parties.principal(name)
    if found is None or not found.has_role(Role.BOARD, work.today()):
        raise NotPermitted(f"{name} does not hold the role board.", advice="A counter-offer is the Board's to make.")
    return found
