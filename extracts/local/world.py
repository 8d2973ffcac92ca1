"""Makes the demo's world: source, people, requests, decisions, roles. What people do by hand is done here for them.

Rules:
1. The steps are those of production (`extracts.steps`); only the people are made up, and their keys are at hand.
2. Again equals once: what was submitted or decided stays, and what a killed command left undone is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from extracts import signing
from extracts.agreement.decision import Decision, DecisionOutcome
from extracts.agreement.drawing_up import Terms
from extracts.agreement.request_words import ReviewOutcome
from extracts.agreement.review_answer import ReviewAnswer
from extracts.agreement.signers import NAMESPACES
from extracts.agreement.status import Status
from extracts.catalogue.people import Role
from extracts.catalogue.reviewers import ReviewKind
from extracts.errors import NotFound
from extracts.extraction.sources.briefing_views import ROLE as BRIEFING_ROLE
from extracts.extraction.sources.names import MEMBERSHIP_ROLE, role_name
from extracts.local.home import SOURCE, DemoHome
from extracts.local.people import BOARD, CONTROLLER, SERVICE
from extracts.local.sample import create_sample
from extracts.steps.decided import waiting_decisions
from extracts.steps.decisions import draw_up_decision, sign_decision
from extracts.steps.publishing import publish_missing
from extracts.steps.requests import Examined, check_request, stored_request, submit_request
from extracts.steps.review_standing import missing_reviews
from extracts.steps.reviews import Asked, answer_review
from extracts.steps.source_counting import briefing_script
from extracts.steps.source_script import source_script
from extracts.steps.workplace import Workplace

Progress = Callable[[str], None]
_REFUSAL = "The policy statement does not allow it: see the findings."


@dataclass(frozen=True)
class Decided:
    """One sample request, and where its newest version stands on the register."""

    file: Path
    examined: Examined
    status: Status

    @property
    def request_id(self) -> str:
        """The request's id, which is the agreement's too."""
        return self.examined.request.request_id

    @property
    def approved(self) -> bool:
        """Whether there is an agreement now."""
        return self.status is Status.APPROVED


def fill_source(home: DemoHome, sql: Path, people: int, now: datetime, progress: Progress) -> dict[str, int]:
    """The synthetic source, filled, and the canaries that it planted noted; rows per table."""
    made = create_sample(home.postgres.conninfo(SOURCE), sql, people=people, as_of=now, progress=progress)
    home.note_canaries()
    return made


def decide_all(work: Workplace, home: DemoHome, requests: Path, progress: Progress) -> list[Decided]:
    """Submit every sample request and let the two deciders sign; what the policy stops is refused, with reasons."""
    decided = []
    for file in sorted(requests.glob("*.yaml")):
        examined = _submitted(work, file)
        request_id = examined.request.request_id
        if _waits(work, examined):
            if examined.plan:
                review_all(work, request_id)
            _decide(work, home, examined)
            told = "signed by Board and Controller"
        else:
            told = "as decided before"
        decided.append(Decided(file, examined, Status(stored_request(work, request_id).status)))
        progress(f"{request_id}: {decided[-1].status}, {told}")
    publish_missing(work, SERVICE)
    return decided


def review_all(work: Workplace, request_id: str) -> None:
    """Let whoever is assigned today answer every review that the newest version still lacks, and support it."""
    for waiting in missing_reviews(work, request_id):
        here = work.reviewers.board(work.today()) if waiting.review is ReviewKind.BOARD else ()
        answer = ReviewAnswer(
            outcome=ReviewOutcome.SUPPORTS, reasons="Looked at for the demonstration.", present=tuple(sorted(here))
        )
        _answer(work, Asked(request_id, waiting.review), waiting.assigned[0].principal, answer)


def _answer(work: Workplace, asked: Asked, name: str, answer: ReviewAnswer) -> None:
    answer_review(work, asked, name, lambda _: answer)


def apply_scripts(work: Workplace, home: DemoHome, decided: list[Decided], progress: Progress) -> None:
    """Run each agreement's script in the source, and the briefing's, as its database administrator would."""
    scripts = {role_name(d.request_id): source_script(work, d.request_id) for d in decided if d.approved}
    scripts[BRIEFING_ROLE] = briefing_script(work)
    home.apply_roles(scripts, MEMBERSHIP_ROLE, lambda role: progress(f"role {role} may read its own views, no more"))


def _submitted(work: Workplace, file: Path) -> Examined:
    """The sample, on the register. What was submitted before is left as it is, whatever became of it."""
    examined = check_request(work, file)
    request = examined.request
    try:
        stored_request(work, request.request_id, request.version)
    except NotFound:
        return submit_request(work, file, request.requester.email)
    return examined


def _waits(work: Workplace, examined: Examined) -> bool:
    """Whether the sample's own version waits for a decision; a newer one is somebody else's to decide."""
    entry = stored_request(work, examined.request.request_id)
    return entry.version == examined.request.version and entry.status in (Status.SUBMITTED, Status.IN_REVIEW)


def _decide(work: Workplace, home: DemoHome, examined: Examined) -> None:
    waiting = waiting_decisions(work, examined.request.request_id)
    decision = waiting[0].decision if waiting else _drawn_up(work, examined)
    for principal, role in ((BOARD, Role.BOARD), (CONTROLLER, Role.CONTROLLER)):
        if not (waiting and waiting[0].is_signed_as(role)):
            signature = signing.sign(decision.canonical(), home.people.key(principal), NAMESPACES[role])
            sign_decision(work, decision, role, signature)


def _drawn_up(work: Workplace, examined: Examined) -> Decision:
    terms = Terms(
        outcome=DecisionOutcome.APPROVE if examined.plan else DecisionOutcome.REFUSE,
        reasons="Lawful, proportionate and the best source." if examined.plan else _REFUSAL,
        reason_code="" if examined.plan else "policy",
        delegation=next(iter(work.parties.delegations)),
    )
    return draw_up_decision(work, examined.request.request_id, terms, (), BOARD)
