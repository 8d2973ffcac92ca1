"""When an answer to a review counts: judged when it is recorded, whatever let its author type it.

Rules, in this order; the first that is broken is the refusal:
1. It is about the newest version of the request, and that version waits for a decision.
2. The policy asks for this review of this request.
3. Its author is declared, and assigned to this review on this day; a deputy only while the reviewer is away.
4. It has not been answered yet: one review counts once, whether reviewer or deputy answered. An answer that was carried
   from an earlier version may be given anew, until the Board has recommended or somebody has signed.
5. Its author did not ask for the request, did not submit it, and does not belong to the body that asks or receives.
6. Its author answered no other review of this version, and signed no decision on it. One person is one person,
   whatever names they have.
7. The Board comes last: every other review is there, and enough of its members are, the chair among them.

Answers are evidence for those who decide. None of this makes a decision, and no answer is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from extracts.agreement.request import Request
from extracts.agreement.review_answer import ReviewAnswer
from extracts.agreement.status import Status
from extracts.catalogue.parties import Parties
from extracts.catalogue.people import Principal
from extracts.catalogue.reviewers import Reviewers, ReviewKind, Standing

OPEN = (Status.SUBMITTED, Status.IN_REVIEW)


class Refusal(StrEnum):
    """Why an answer does not count, as the ledger tells it."""

    NO_ANSWER = "no answer was given"
    UNREADABLE = "the answer cannot be read"
    OLDER_VERSION = "about another version than the newest"
    NOT_OPEN = "not waiting for a decision"
    NOT_ASKED = "the policy does not ask for it"
    STRANGER = "not a declared person"
    NOT_ASSIGNED = "not assigned today"
    ANSWERED = "answered already"
    OWN_REQUEST = "their own request, or their own organisation's"
    TWO_ROLES = "the same person in two roles"
    TOO_EARLY = "other reviews are missing"
    NO_QUORUM = "too few members of the Board"


@dataclass(frozen=True)
class Considered:
    """A version of a request as it is considered: what was asked of whom, who has answered, who has a part in it.

    `demanded`: in the policy's order. `answered`: by whom, as principals; `carried`: which of these were given on an
    earlier version. `newest`: the highest version there is.
    `submitted_by` and `signed_by`: every name under which somebody submitted this version, or signed a decision on it.
    """

    request: Request
    status: Status
    newest: int
    demanded: tuple[ReviewKind, ...]
    answered: Mapping[ReviewKind, str]
    submitted_by: frozenset[str]
    signed_by: frozenset[str]
    carried: frozenset[ReviewKind] = frozenset()

    @property
    def datasets(self) -> frozenset[str]:
        """What the request draws on."""
        return frozenset(d.dataset for d in self.request.datasets)

    def missing(self) -> tuple[ReviewKind, ...]:
        """The reviews that have no answer yet."""
        return tuple(kind for kind in self.demanded if kind not in self.answered)

    def is_settled(self, kind: ReviewKind) -> bool:
        """Whether a review has an answer that stays: given on this version, or relied on since it was carried."""
        relied_on = ReviewKind.BOARD in self.answered or bool(self.signed_by)
        return kind in self.answered and (kind not in self.carried or relied_on)


@dataclass(frozen=True)
class Given:
    """An answer that somebody wants recorded. `name`: a principal, or what they are called in Airflow.

    `through`: whoever was signed in and gave that name; what the author may not be, they may not be either.
    """

    review: ReviewKind
    name: str
    answer: ReviewAnswer
    on: date
    through: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """An answer that does not count, why in words, and what to do."""

    code: Refusal
    message: str
    advice: str


def judge_answer(given: Given, case: Considered, reviewers: Reviewers, parties: Parties) -> Standing | Refused:
    """As whom the answer counts, or why it does not. Pure."""
    bench = _Bench(given, case, reviewers, parties)
    refused = next((found for rule in _RULES for found in rule(bench)), None)
    return refused or bench.standing()


@dataclass(frozen=True)
class _Bench:
    given: Given
    case: Considered
    reviewers: Reviewers
    parties: Parties

    @property
    def what(self) -> str:
        request = self.case.request
        return f"The {self.given.review} review of {request.request_id} version {request.version}"

    def principal(self) -> Principal | None:
        return self.parties.principal(self.given.name)

    def author(self) -> Principal:
        found = self.principal()
        assert found is not None  # an earlier rule saw to it
        return found

    def allowed(self) -> tuple[Standing, ...]:
        return self.reviewers.who(self.given.review, self.case.datasets, self.given.on)

    def standing(self) -> Standing:
        return next(s for s in self.allowed() if s.principal == self.author().id)

    def is_author(self, name: str) -> bool:
        return self.parties.person(name) in {self.author().person, *map(self.parties.person, self.given.through)}

    def bodies(self) -> set[str]:
        """The organisations of the author, and of whoever gave their name."""
        through = map(self.parties.principal, self.given.through)
        return {self.author().organisation, *(p.organisation for p in through if p)}


def _newest_and_open(b: _Bench) -> Iterator[Refused]:
    request, case = b.case.request, b.case
    if request.version != case.newest:
        yield Refused(
            Refusal.OLDER_VERSION,
            f"{b.what} is over: version {case.newest} is the newest.",
            f"Answer about version {case.newest}.",
        )
    if case.status not in OPEN:
        yield Refused(Refusal.NOT_OPEN, f"{b.what} is over: the request is {case.status}.", "Nobody has to answer.")


def _asked_for(b: _Bench) -> Iterator[Refused]:
    if b.given.review not in b.case.demanded:
        asked = ", ".join(b.case.demanded) or "none"
        yield Refused(Refusal.NOT_ASKED, f"{b.what} is not asked for.", f"Reviews that are: {asked}.")


def _assigned(b: _Bench) -> Iterator[Refused]:
    names = ", ".join(s.principal for s in b.allowed()) or "nobody; ask the keeper of reviewers.yaml"
    author = b.principal()
    if author is None:
        yield Refused(Refusal.STRANGER, f"{b.what}: whoever answered is no declared person.", f"Assigned: {names}.")
    elif author.id not in {s.principal for s in b.allowed()}:
        away = " is away and" if b.reviewers.is_away(author.id, b.given.on) else ""
        told = f"{b.what}: {author.id}{away} is not assigned to it on {b.given.on}."
        yield Refused(Refusal.NOT_ASSIGNED, told, f"Assigned today: {names}.")


def _not_yet(b: _Bench) -> Iterator[Refused]:
    if b.case.is_settled(b.given.review):
        told = f"{b.what} was answered already, by {b.case.answered[b.given.review]}."
        yield Refused(Refusal.ANSWERED, told, "An answer is never changed; tell the Board what is new.")


def _no_part_in_it(b: _Bench) -> Iterator[Refused]:
    request, author = b.case.request, b.author()
    ask = "Ask the keeper of reviewers.yaml to assign somebody else."
    if any(b.is_author(name) for name in (request.requester.email, *b.case.submitted_by)):
        yield Refused(Refusal.OWN_REQUEST, f"{b.what}: {author.id} asked for it, or submitted it.", ask)
    recipients = [r for name in request.recipient_ids if (r := b.parties.recipients.get(name))]
    asking = {request.requester.organisation, *(r.organisation for r in recipients)}
    if own := sorted(asking & b.bodies()):
        told = f"{b.what}: {author.id} belongs to {own[0]}, which asks for the data."
        yield Refused(Refusal.OWN_REQUEST, told, ask)


def _one_role(b: _Bench) -> Iterator[Refused]:
    for review, by in b.case.answered.items():
        if b.is_author(by) and review is not b.given.review:
            told = f"{b.what}: {b.author().id} answered the {review} review. Nobody answers in two roles."
            yield Refused(Refusal.TWO_ROLES, told, "Somebody else who is assigned has to answer.")
    if any(b.is_author(name) for name in b.case.signed_by):
        told = f"{b.what}: {b.author().id} signed a decision on it."
        yield Refused(Refusal.TWO_ROLES, told, "Whoever decides does not review.")


def _board_last(b: _Bench) -> Iterator[Refused]:
    if b.given.review is not ReviewKind.BOARD:
        if b.given.answer.present:
            told = f"{b.what}: only the Board's recommendation names who was there."
            yield Refused(Refusal.UNREADABLE, told, "Leave the list empty.")
        return
    missing = [kind for kind in b.case.missing() if kind is not ReviewKind.BOARD]
    if missing:
        told = f"{b.what} comes after the others; still missing: {', '.join(missing)}."
        yield Refused(Refusal.TOO_EARLY, told, "Wait for these answers.")
    here = set(b.given.answer.present) & b.reviewers.board(b.given.on)
    strangers = sorted(set(b.given.answer.present) - here)
    if strangers:
        told = f"{b.what}: not a member of the Board on {b.given.on}: {', '.join(strangers)}."
        yield Refused(Refusal.NO_QUORUM, told, "Name the members who were there, by their principals.")
    if len(here) < b.reviewers.quorum or b.author().id not in here:
        told = (
            f"{b.what}: {len(here)} members were there, and the Board needs {b.reviewers.quorum}, the chair among them."
        )
        yield Refused(Refusal.NO_QUORUM, told, "Meet again with enough members.")


_RULES: tuple[Callable[[_Bench], Iterator[Refused]], ...] = (
    _newest_and_open,
    _asked_for,
    _assigned,
    _not_yet,
    _no_part_in_it,
    _one_role,
    _board_last,
)
