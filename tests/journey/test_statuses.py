"""The table of statuses, row by row, done by the steps that people's commands call: what it says can be done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from extracts.agreement.decision import OrderKind
from extracts.agreement.status import CLOCK, TRANSITIONS, VERBS, Status, Transition
from extracts.catalogue.people import Role
from extracts.errors import IllegalTransition, NotFound, Refused
from extracts.local.home import DemoHome
from extracts.steps.decisions import sign_decision
from extracts.steps.expiry import expire_ended
from extracts.steps.requests import stored_request
from extracts.steps.withdrawal import withdraw_request
from tests.support.command_line import extracts
from tests.support.deciding import REQUESTER, SIGNERS, decide, draw_up, sign, submit
from tests.support.world import World, copied

START = Status.DRAFT


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests share: each moves a request of its own."""
    with copied(template_world, tmp_path_factory.mktemp("statuses") / "home") as own:
        yield own


def _return(world: World, request_id: str, role: Role) -> None:
    sign(world, draw_up(world, request_id, "return", role), role)


def _order(world: World, request_id: str, kind: OrderKind, role: Role) -> None:
    world.order(request_id, kind, SIGNERS[role])


def _expire(world: World, request_id: str, _: Role) -> None:
    work = replace(world.work, now=lambda: world.work.now() + timedelta(days=1500))
    assert request_id in expire_ended(work)


DO: dict[str, Callable[[World, str, Role], object]] = {
    "review": lambda world, request_id, role: sign(world, draw_up(world, request_id, role=role), role),
    "return": _return,
    "approve": lambda world, request_id, _: decide(world, request_id),
    "refuse": lambda world, request_id, _: decide(world, request_id, "refuse"),
    "withdraw": lambda world, request_id, _: withdraw_request(world.work, request_id, REQUESTER, "For a test."),
    "suspend": lambda world, request_id, role: _order(world, request_id, OrderKind.SUSPEND, role),
    "resume": lambda world, request_id, role: _order(world, request_id, OrderKind.RESUME, role),
    "revoke": lambda world, request_id, role: _order(world, request_id, OrderKind.REVOKE, role),
    "expire": _expire,
}
ROWS = [(step, who) for step in TRANSITIONS for who in step.who]


def _way_to(status: Status) -> list[Transition]:
    """The shortest way from a draft, by the table."""
    ways: dict[Status, list[Transition]] = {START: []}
    while status not in ways:
        for step in TRANSITIONS:
            if step.source in ways:
                ways.setdefault(step.target, [*ways[step.source], step])
    return ways[status]


def _at(world: World, folder: Path, status: Status) -> str:
    """A request that came to this status by the table's own steps; its first is to be submitted."""
    request_id = submit(world, folder)
    for step in _way_to(status)[1:]:
        DO[step.verb](world, request_id, step.who[0])
    assert stored_request(world.work, request_id).status == status
    return request_id


def test_every_verb_of_the_table_is_something_that_the_steps_do() -> None:
    assert {"submit", *DO} == set(VERBS)
    assert [t for t in TRANSITIONS if START in (t.source, t.target)] == [
        Transition(START, "submit", Status.SUBMITTED, (Role.REQUESTER,))
    ], "a draft is a file, so nothing else can happen to it"


@pytest.mark.parametrize(("step", "who"), ROWS, ids=[f"{t.source}-{t.verb}-{who}" for t, who in ROWS])
def test_every_row_of_the_table_can_be_done(shared: World, tmp_path: Path, step: Transition, who: Role) -> None:
    if step.source is START:
        request_id = submit(shared, tmp_path, reviewed=False)
    else:
        request_id = _at(shared, tmp_path, step.source)
        DO[step.verb](shared, request_id, who)
    assert stored_request(shared.work, request_id).status == step.target
    actors = {Role.REQUESTER: REQUESTER, CLOCK: CLOCK}
    event = [e for e in shared.ledger() if e.subject == request_id][-1]
    assert event.actor == actors.get(who, event.actor)


@pytest.mark.parametrize("verb", [v for v in DO if v not in ("review", "expire")])
@pytest.mark.parametrize("status", [Status.RETURNED, Status.REVOKED])
def test_what_is_not_in_the_table_is_refused(shared: World, tmp_path: Path, status: Status, verb: str) -> None:
    if (status, verb) in {(t.source, t.verb) for t in TRANSITIONS}:
        return
    request_id = _at(shared, tmp_path, status)
    with pytest.raises(Refused):
        DO[verb](shared, request_id, Role.CONTROLLER)
    assert stored_request(shared.work, request_id).status == status


def test_a_return_takes_one_signature_and_is_answered_by_a_new_version(shared: World, tmp_path: Path) -> None:
    request_id = _at(shared, tmp_path, Status.RETURNED)
    with pytest.raises(IllegalTransition, match=r"returned cannot be submitted.*Going on is a new version"):
        submit(shared, tmp_path, request_id)
    assert "answer with a new version" in extracts(shared, "why", request_id, "--json").json["move"]
    submit(shared, tmp_path, request_id, version=2)
    decide(shared, request_id)
    assert [stored_request(shared.work, request_id, v).status for v in (1, 2)] == ["returned", "approved"]


def test_submitting_again_tells_where_the_version_really_stands(shared: World, tmp_path: Path) -> None:
    request_id = _at(shared, tmp_path, Status.IN_REVIEW)
    said = extracts(shared, "request", "submit", tmp_path / f"{request_id}-1.yaml")
    assert said.code == 0
    assert f"{request_id} version 1 is in review." in said.text


@pytest.mark.parametrize("role", [Role.REQUESTER, Role.SERVICE])
def test_a_service_or_a_requester_decides_nothing(shared: World, tmp_path: Path, role: Role) -> None:
    request_id = submit(shared, tmp_path)
    with pytest.raises(NotFound, match=f"Nobody decides as {role}"):
        sign_decision(shared.work, draw_up(shared, request_id), role, "a signature")
    assert stored_request(shared.work, request_id).status == Status.SUBMITTED
