"""Where a request stands, and who may move it: one table, of which every pair is tried."""

from __future__ import annotations

import itertools

import pytest

from extracts.agreement.decision import OrderKind
from extracts.agreement.status import (
    CLOCK,
    GOES_ON_AS_NEW_VERSION,
    TRANSITIONS,
    VERBS,
    Status,
    diagram,
    next_steps,
    transition,
)
from extracts.catalogue.people import Role
from extracts.errors import IllegalTransition, NotPermitted

ACTORS = (*Role, CLOCK)
OVER = {Status.REFUSED, Status.EXPIRED, Status.REVOKED, Status.WITHDRAWN}


@pytest.mark.parametrize(("status", "verb"), itertools.product(Status, VERBS))
def test_every_pair_of_status_and_verb_is_in_the_table_or_refused(status: Status, verb: str) -> None:
    step = next((t for t in TRANSITIONS if (t.source, t.verb) == (status, verb)), None)
    for role in ACTORS:
        if step and role in step.who:
            assert transition(status, verb, role) is step.target
        else:
            with pytest.raises((IllegalTransition, NotPermitted)):
                transition(status, verb, role)


def test_each_step_is_in_the_table_once() -> None:
    pairs = [(t.source, t.verb) for t in TRANSITIONS]
    assert len(set(pairs)) == len(pairs)


def test_a_person_who_may_not_is_told_so_whatever_the_status() -> None:
    for status in Status:
        with pytest.raises(NotPermitted, match="Ask the controller"):
            transition(status, "approve", Role.REQUESTER)


def test_who_may_but_not_now_is_told_what_is_possible() -> None:
    with pytest.raises(IllegalTransition, match=r"draft cannot be approved.*submit \(requester\)"):
        transition(Status.DRAFT, "approve", Role.CONTROLLER)


def test_what_is_over_or_was_returned_goes_on_as_a_new_version() -> None:
    assert {s for s in Status if not next_steps(s)} == OVER
    assert set(GOES_ON_AS_NEW_VERSION) == OVER | {Status.RETURNED}
    with pytest.raises(IllegalTransition, match=r"withdraw \(requester\). Going on is a new version"):
        transition(Status.RETURNED, "submit", Role.REQUESTER)
    with pytest.raises(IllegalTransition, match="new version"):
        transition(Status.REVOKED, "resume", Role.CONTROLLER)


def test_only_the_controller_approves_refuses_resumes_and_revokes() -> None:
    for verb in ("approve", "refuse", "resume", "revoke"):
        assert {role for t in TRANSITIONS if t.verb == verb for role in t.who} == {Role.CONTROLLER}


def test_advisers_engineers_forum_and_services_move_nothing() -> None:
    moving = {role for t in TRANSITIONS for role in t.who}
    assert moving == {Role.REQUESTER, Role.BOARD, Role.CONTROLLER, CLOCK}


def test_expiry_is_the_clocks_alone_and_the_clock_does_nothing_else() -> None:
    assert {t.verb for t in TRANSITIONS if CLOCK in t.who} == {"expire"}
    with pytest.raises(NotPermitted):
        transition(Status.APPROVED, "expire", Role.CONTROLLER)


def test_every_status_can_be_reached() -> None:
    reached, frontier = {Status.DRAFT}, [Status.DRAFT]
    while frontier:
        new = {t.target for t in next_steps(frontier.pop())} - reached
        reached |= new
        frontier += new
    assert reached == set(Status)


def test_every_order_is_a_verb_of_the_table() -> None:
    assert {kind.value for kind in OrderKind} <= set(VERBS)


def test_an_unknown_verb_is_not_possible() -> None:
    with pytest.raises(IllegalTransition):
        transition(Status.DRAFT, "approve-everything", Role.CONTROLLER)


def test_the_diagram_draws_the_table_and_nothing_else() -> None:
    lines = diagram().splitlines()
    arrows = [line for line in lines if "-->" in line and "[*]" not in line]
    assert lines[0] == "stateDiagram-v2"
    assert len(arrows) == len(TRANSITIONS)
    assert "    in_review --> approved : approve (controller)" in arrows
    assert "    in_review : in review" in lines
    assert sum(line.endswith("--> [*]") for line in lines) == len(OVER)
