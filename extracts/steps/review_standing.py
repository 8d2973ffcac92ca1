"""Which reviews a version of a request has, which are missing and whose move that is; and the gate before decisions.

Rules:
1. While a request is open, the policy as it is today says which reviews it needs; afterwards those count that were
   asked for.
2. An answer counts before a decision only if the ledger tells of it, and of its having been carried if it was given on
   an earlier version: a row that somebody put into the register past the software is found here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from extracts.agreement.decision import DecisionOutcome
from extracts.agreement.request import Request, request_from_document
from extracts.agreement.review_answer import ReviewAnswer, answer_from_document
from extracts.agreement.review_rules import OPEN, Considered
from extracts.agreement.reviews_demanded import DemandedReview, demanded_reviews, needs_reviews
from extracts.agreement.status import Status
from extracts.agreement.working_days import working_days_after
from extracts.catalogue.reviewers import ReviewKind, Standing
from extracts.errors import Refused, VerificationFailed
from extracts.record import ledger, register
from extracts.record.entries import RequestEntry
from extracts.record.reviews import (
    ReviewAnswered,
    ReviewAsked,
    ReviewAskedAgain,
    ReviewCarried,
    ask_review,
    reviews_asked,
    reviews_asked_again,
    reviews_carried,
    standing_answers,
)
from extracts.record.transaction import Reading, Work, reading, unit_of_work
from extracts.steps.actor import names_of

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

ANSWERED, REFUSED, ASKED = "review.answered", "review.refused", "review.asked"
CARRIED, AGAIN = "review.carried", "review.asked-again"
OVERDUE = "consideration.overdue"


@dataclass(frozen=True)
class ReviewStanding:
    """One review: who may answer today, since when it is asked for and by when it is due, and the answer.

    `carried`: from which version the answer was carried, and why it holds; None if it was given on this one.
    `again`: who set a carried answer aside, and why; None if nobody did.
    """

    review: ReviewKind
    clause: str
    assigned: tuple[Standing, ...]
    asked: ReviewAsked | None
    entry: ReviewAnswered | None
    carried: ReviewCarried | None = None
    again: ReviewAskedAgain | None = None

    @property
    def answer(self) -> ReviewAnswer | None:
        """What was answered, if anything was."""
        return answer_from_document(self.entry.document) if self.entry else None

    @property
    def carried_in_words(self) -> str:
        """From which version, and why; empty for an answer that was given on this one."""
        return f"carried from version {self.carried.from_version}: {self.carried.why}" if self.carried else ""

    @property
    def again_in_words(self) -> str:
        """By whom it is asked for again, and why; empty if it is not."""
        return f"asked again by {self.again.asked_by}: {self.again.reasons}" if self.again else ""

    @property
    def move(self) -> str:
        """Whose move it is, in words; empty once it is answered."""
        if self.entry:
            return ""
        names = " or ".join(f"{s.principal}{f', for {s.stands_for}' if s.stands_for else ''}" for s in self.assigned)
        due = f", due {self.asked.target_on}" if self.asked else ""
        return f"{self.review}: {names or 'nobody is assigned today; ask the keeper of reviewers.yaml'}{due}"

    def document(self) -> dict[str, Any]:
        """As plain JSON values."""
        entry = self.entry
        return {
            "review": self.review.value,
            "clause": self.clause,
            "asked_at": self.asked.asked_at if self.asked else None,
            "target_on": self.asked.target_on if self.asked else None,
            "assigned": [{"principal": s.principal, "stands_for": s.stands_for} for s in self.assigned],
            "answered_by": entry.answered_by if entry else None,
            "stands_for": entry.stands_for if entry else None,
            "answered_at": entry.answered_at if entry else None,
            "answer": dict(entry.document) if entry else None,
            "answer_digest": entry.digest if entry else None,
            "carried_from": self.carried.from_version if self.carried else None,
            "still_holds_because": self.carried.why if self.carried else None,
            "asked_again_by": self.again.asked_by if self.again else None,
            "asked_again_because": self.again.reasons if self.again else None,
            "move": self.move,
        }


def demanded_of(work: Workplace, request: Request) -> tuple[DemandedReview, ...]:
    """The reviews that today's policy asks for of this request. Raises InvalidDocument."""
    return demanded_reviews(work.policy.reviews, request, work.datasets)


def ask_reviews(work: Workplace, unit: Work, request: Request, actor: str, now: datetime) -> None:
    """Note the reviews that a request needs, each with its target; what was asked for before stays as it is."""
    new = [d.review.value for d in demanded_of(work, request) if ask_review(unit, _asked(work, request, d, now))]
    if new:
        unit.event(now, ASKED, request.request_id, actor, {"version": request.version, "reviews": new})


def considered(work: Workplace, view: Reading, entry: RequestEntry, newest: int) -> Considered:
    """A version of a request, as the rules of reviews look at it. Raises VerificationFailed."""
    request = request_from_document(dict(entry.document))
    signed = (d for d in register.list_decisions(view, entry.request_id) if d.version == entry.version)
    history = register.status_history(view, entry.request_id, entry.version)
    answers = standing_answers(view, entry.request_id, entry.version)
    return Considered(
        request=request,
        status=Status(entry.status),
        newest=newest,
        demanded=tuple(d.review for d in demanded_of(work, request)),
        answered={ReviewKind(a.review): a.answered_by for a in answers},
        submitted_by=frozenset(n for h in history if h.to_status == Status.SUBMITTED for n in names_of(h.actor)),
        signed_by=frozenset(s.principal for d in signed for s in register.signatures(view, d.digest)),
        carried=frozenset(ReviewKind(a.review) for a in answers if a.version != entry.version),
    )


def reviews_of(work: Workplace, request_id: str, version: int | None = None) -> tuple[ReviewStanding, ...]:
    """The reviews of the newest (or a named) version, in the policy's order. Raises NotFound."""
    with reading(work.register) as view:
        entry = register.get_request(view, request_id, version)
        asked = {a.review: a for a in reviews_asked(view, request_id, entry.version)}
        answers = {a.review: a for a in standing_answers(view, request_id, entry.version)}
        carried = {c.review: c for c in reviews_carried(view, request_id, entry.version)}
        again = {a.review: a for a in reviews_asked_again(view, request_id, entry.version)}
    request, today = request_from_document(dict(entry.document)), work.today()
    is_open = Status(entry.status) in OPEN
    if is_open:
        clauses = {d.review: d.clause for d in demanded_of(work, request)}
    else:
        clauses = {k: asked[k].clause for k in ReviewKind if k in asked}
    datasets = {d.dataset for d in request.datasets}
    return tuple(
        ReviewStanding(
            review=kind,
            clause=clause,
            assigned=work.reviewers.who(kind, datasets, today) if is_open and kind not in answers else (),
            asked=asked.get(kind),
            entry=answers.get(kind),
            carried=carried.get(kind) if kind in answers and answers[kind].version != entry.version else None,
            again=again.get(kind),
        )
        for kind, clause in clauses.items()
    )


def missing_reviews(work: Workplace, request_id: str) -> tuple[ReviewStanding, ...]:
    """The reviews of the newest version that nobody has answered, the Board's last."""
    return tuple(r for r in reviews_of(work, request_id) if r.entry is None)


def whose_move(missing: tuple[ReviewStanding, ...]) -> str:
    """Who has to answer, in words. The Board waits for the others."""
    first = [r for r in missing if r.review is not ReviewKind.BOARD] or list(missing)
    return "; ".join(r.move for r in first)


def check_reviewed(work: Workplace, entry: RequestEntry, outcome: DecisionOutcome, *, policy_passes: bool) -> None:
    """Raises Refused while a review is missing that such a decision needs, saying whose move it is.

    Raises VerificationFailed for an answer that the ledger does not tell of.
    """
    if not needs_reviews(outcome, policy_passes):
        return
    missing = missing_reviews(work, entry.request_id)
    if missing:
        raise Refused(
            f"{entry.request_id} version {entry.version} cannot be decided yet: "
            f"missing: {', '.join(r.review for r in missing)}. It is the move of: {whose_move(missing)}.",
            advice=f"`extracts review show {entry.request_id}` tells what was answered.",
        )
    with reading(work.register) as view:
        _check_told(view, entry)


def _check_told(view: Reading, entry: RequestEntry) -> None:
    answered, carried = (_keys_told(view, entry.request_id, kind) for kind in (ANSWERED, CARRIED))
    for a in standing_answers(view, entry.request_id, entry.version):
        what = (a.review, a.digest, a.answered_by)
        is_carried = a.version != entry.version
        if (a.version, *what) not in answered or (is_carried and (entry.version, *what) not in carried):
            raise VerificationFailed(
                f"The ledger tells of no such {a.review} answer on {a.request_id} version {entry.version}.",
                advice="Ask the keeper of the register: a row was put there past the software.",
            )


def _keys_told(view: Reading, request_id: str, kind: str) -> set[tuple[Any, ...]]:
    names = ("version", "review", "answer_digest", "answered_by")
    events = ledger.events(view.connection, subject=request_id, kind=kind, newest_first=True)
    return {tuple(e.payload.get(n) for n in names) for e in events}


def _asked(work: Workplace, request: Request, demanded: DemandedReview, now: datetime) -> ReviewAsked:
    return ReviewAsked(
        request_id=request.request_id,
        version=request.version,
        review=demanded.review.value,
        policy_version=work.policy.version,
        clause=demanded.clause,
        asked_at=now,
        target_on=working_days_after(work.today(), demanded.target_days),
    )


def note_asked(work: Workplace, request_id: str, actor: str) -> tuple[ReviewStanding, ...]:
    """Note the reviews that today's policy asks for of the newest version, and give them. Again equals once."""
    with unit_of_work(work.register) as unit:
        request = request_from_document(dict(register.get_request(unit, request_id).document))
        ask_reviews(work, unit, request, actor, work.now())
    return reviews_of(work, request_id)


def note_overdue(work: Workplace, request_id: str, version: int, actor: str) -> bool:
    """Tell the ledger, once, that a version is still open though its target has passed; whether it is open."""
    missing = reviews_of(work, request_id, version)
    with unit_of_work(work.register) as unit:
        if Status(register.get_request(unit, request_id, version).status) not in OPEN:
            return False
        events = ledger.events(unit.connection, subject=request_id, kind=OVERDUE)
        if all(e.payload["version"] != version for e in events):
            told = {"version": version, "missing": [r.review.value for r in missing if r.entry is None]}
            unit.event(work.now(), OVERDUE, request_id, actor, told)
    return True
