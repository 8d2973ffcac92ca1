"""The Board asks a reviewer again, whose answer was carried from an earlier version: that answer is set aside.

Rules:
1. A member of the Board asks, who did not ask for the request; on the newest version, while it waits for a decision.
2. Only a carried answer is set aside, and only until the Board has recommended or somebody has signed: what was given
   on this version stays as it was given, and what was relied on stays, too.
3. From then on the review waits, and whoever is assigned that day answers it once, like any other.
4. What is refused is told to the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.agreement.review_rules import OPEN, Considered
from extracts.catalogue.forms import readable
from extracts.catalogue.people import Principal, Role
from extracts.catalogue.reviewers import ReviewKind
from extracts.errors import NotPermitted, Refused
from extracts.record import register
from extracts.record.reviews import ReviewAskedAgain, record_asked_again
from extracts.record.transaction import unit_of_work
from extracts.steps.actor import acting_as
from extracts.steps.review_standing import AGAIN, considered
from extracts.steps.turned_away import told_if_refused

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

NOT_AGAIN = "asking-again.refused"


def ask_again(work: Workplace, request_id: str, review: ReviewKind, name: str, reasons: str) -> ReviewAskedAgain:
    """Set the carried answer to a review of the newest version aside. `name`: who asks, by principal or user name.

    Raises NotFound, UsageError; NotPermitted or Refused once that is in the ledger.
    """
    with told_if_refused(work, NOT_AGAIN, request_id, name, review=review.value):
        text = readable("reasons", reasons)
        member = _member(work, name)
        now = work.now()
        with unit_of_work(work.register) as unit:
            newest = register.get_request(unit, request_id)
            entry = register.lock_request(unit, request_id, newest.version)
            if work.parties.person(entry.requester_name) == member.person:
                raise NotPermitted(f"{member.id} asked for {request_id}: others ask its reviewers.")
            _check(considered(work, unit, entry, newest.version), review)
            asked = ReviewAskedAgain(request_id, entry.version, review.value, member.id, text, now)
            record_asked_again(unit, asked)
            told = {"version": entry.version, "review": review.value, "asked_by": member.id}
            unit.event(now, AGAIN, request_id, acting_as(name, member.id), told)
    return asked


def _member(work: Workplace, name: str) -> Principal:
    found = work.parties.principal(name)
    if found is None or not found.has_role(Role.BOARD, work.today()):
        raise NotPermitted(f"{name} does not hold the role board.", advice="The Board asks reviewers again.")
    return found


def _check(case: Considered, review: ReviewKind) -> None:
    what = f"The {review} review of {case.request.request_id} version {case.request.version}"
    if case.status not in OPEN:
        raise Refused(f"{what} is over: the request is {case.status}.", advice="Nobody has to answer.")
    if review not in case.answered:
        asked = "waits already" if review in case.demanded else "is not asked for"
        raise Refused(f"{what} {asked}.", advice="`extracts review show` says whose move it is.")
    if review not in case.carried:
        raise Refused(
            f"{what} was answered on this version, by {case.answered[review]}.",
            advice="An answer is never changed. Return the request, and the next version is answered anew.",
        )
    if case.is_settled(review):
        raise Refused(
            f"{what}: the Board has recommended, or somebody has signed, relying on it.",
            advice="Return the request, and the next version is answered anew.",
        )
