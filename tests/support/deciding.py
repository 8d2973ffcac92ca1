"""Requests and decisions in a world, by the functions that people's commands call: quicker than the commands."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from extracts import signing
from extracts.agreement.decision import Decision, DecisionOutcome
from extracts.agreement.drawing_up import Terms
from extracts.agreement.signers import NAMESPACES
from extracts.catalogue.people import Role
from extracts.local.people import BOARD, CONTROLLER
from extracts.local.world import review_all
from extracts.settings import PROJECT
from extracts.steps.decided import Signed
from extracts.steps.decisions import sign_decision
from extracts.steps.drafting import draw_up_decision
from extracts.steps.requests import submit_request
from tests.support.world import FIFE, World

SIGNERS = {Role.BOARD: BOARD, Role.CONTROLLER: CONTROLLER}
REQUESTER = "callum.requester@fife.example"
EXPEDITED = {"needed_by: 2026-04-01\n": "needed_by: 2026-04-01\nexpedited: {reason: Evictions begin this week.}\n"}
_numbers = count(500)


def submit(
    world: World,
    folder: Path,
    request_id: str = "",
    version: int = 1,
    changes: Mapping[str, str] | None = None,
    reviewed: bool = True,
) -> str:
    """A version of a request like the one of Fife Council, its reviews answered; under a new id if none is given.

    Its id.
    """
    request_id = request_id or f"SDDSB-2026-{next(_numbers)}"
    text = (PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml").read_text()
    for old, new in {FIFE: request_id, "version: 1\n": f"version: {version}\n", **(changes or {})}.items():
        assert old in text, old
        text = text.replace(old, new, 1)
    file = folder / f"{request_id}-{version}.yaml"
    file.write_text(text)
    if submit_request(world.work, file, REQUESTER).plan and reviewed:
        review_all(world.work, request_id)
    return request_id


def draw_up(
    world: World,
    request_id: str,
    outcome: str = "approve",
    role: Role = Role.BOARD,
    refuse: tuple[str, ...] = (),
    **terms: Any,
) -> Decision:
    """A decision on the newest version, to be signed."""
    found = Terms(
        outcome=DecisionOutcome(outcome),
        reasons="For a test.",
        delegation=next(iter(world.work.parties.delegations)),
        **terms,
    )
    return draw_up_decision(world.work, request_id, found, refuse, SIGNERS[role])


def sign(world: World, decision: Decision, role: Role) -> Signed:
    """One signature, by the role's own signer."""
    key = world.home.people.key(SIGNERS[role])
    return sign_decision(world.work, decision, role, signing.sign(decision.canonical(), key, NAMESPACES[role]))


def decide(world: World, request_id: str, outcome: str = "approve", **terms: Any) -> Decision:
    """A decision that the Board drew up and both signed."""
    decision = draw_up(world, request_id, outcome, **terms)
    for role in SIGNERS:
        sign(world, decision, role)
    return decision


def approved(
    world: World, folder: Path, request_id: str = "", version: int = 1, changes: Mapping[str, str] | None = None
) -> str:
    """A version of a request that was submitted and approved; its id."""
    request_id = submit(world, folder, request_id, version, changes)
    decide(world, request_id)
    return request_id
