"""Makes the demo's world: source, people, requests, decisions, roles. What people do by hand is done here for them.

The steps are those of production (`extracts.steps`); only the people are made up, and their keys are at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from extracts import signing
from extracts.agreement.decision import DecisionOutcome
from extracts.agreement.drawing_up import Terms
from extracts.catalogue.people import Role
from extracts.extraction.sources.names import MEMBERSHIP_ROLE, role_name
from extracts.local.home import SOURCE, DemoHome
from extracts.local.people import BOARD, CONTROLLER
from extracts.local.sample import create_sample
from extracts.steps.decisions import draw_up_decision, sign_decision
from extracts.steps.requests import Examined, submit_request
from extracts.steps.source_script import source_script
from extracts.steps.workplace import Workplace

Progress = Callable[[str], None]
_REFUSAL = "The policy statement does not allow it: see the findings."


@dataclass(frozen=True)
class Decided:
    """One sample request, and what became of it."""

    examined: Examined
    outcome: DecisionOutcome

    @property
    def approved(self) -> bool:
        """Whether there is an agreement now."""
        return self.outcome is DecisionOutcome.APPROVE


def fill_source(home: DemoHome, sql: Path, people: int, now: datetime, progress: Progress) -> dict[str, int]:
    """The synthetic source, filled; rows per table."""
    return create_sample(home.postgres.conninfo(SOURCE), sql, people=people, as_of=now, progress=progress)


def decide_all(work: Workplace, home: DemoHome, requests: Path, progress: Progress) -> list[Decided]:
    """Submit every sample request and let the two deciders sign; what the policy stops is refused, with reasons."""
    decided = []
    for file in sorted(requests.glob("*.yaml")):
        examined = submit_request(work, file, _requester(file, work))
        request_id = examined.request.request_id
        outcome = DecisionOutcome.APPROVE if examined.plan else DecisionOutcome.REFUSE
        progress(f"{request_id}: {outcome}, signed by Board and Controller")
        _decide(work, home, examined, outcome)
        decided.append(Decided(examined, outcome))
    return decided


def apply_scripts(work: Workplace, home: DemoHome, decided: list[Decided], progress: Progress) -> None:
    """Run each agreement's script in the source, as its database administrator would."""
    scripts = {
        role_name(d.examined.request.request_id): source_script(work, d.examined.request.request_id)
        for d in decided
        if d.approved
    }
    home.apply_roles(scripts, MEMBERSHIP_ROLE, lambda role: progress(f"role {role} may read its own views, no more"))


def _requester(file: Path, work: Workplace) -> str:
    from extracts.agreement.request import parse_request
    from extracts.documents import read

    return parse_request(read(file)).requester.email


def _decide(work: Workplace, home: DemoHome, examined: Examined, outcome: DecisionOutcome) -> None:
    request = examined.request
    terms = Terms(
        outcome=outcome,
        reasons="Lawful, proportionate and the best source." if examined.plan else _REFUSAL,
        reason_code="" if examined.plan else "policy",
        delegation=next(iter(work.parties.delegations)),
    )
    decision = draw_up_decision(work, request.request_id, terms, (), BOARD, Role.BOARD)
    for principal, role, namespace in (
        (BOARD, Role.BOARD, signing.DECISION_BOARD),
        (CONTROLLER, Role.CONTROLLER, signing.DECISION_CONTROLLER),
    ):
        sign_decision(work, decision, role, signing.sign(decision.canonical(), home.people.key(principal), namespace))
