"""More than one version of a request: which decision is in force, and what becomes of it when people end things."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from extracts.agreement.decision import OrderKind
from extracts.errors import ApprovalMissing, IllegalTransition
from extracts.local.home import DemoHome
from extracts.scheduling.facts import Standing, read_facts
from extracts.steps.approval import approved_now
from extracts.steps.expiry import expire_ended
from extracts.steps.requests import shown_plan, stored_request
from extracts.steps.withdrawal import withdraw_request
from tests.support.command_line import extracts
from tests.support.deciding import REQUESTER, approved, decide, draw_up, sign, submit
from tests.support.deciding import SIGNERS as ROLES
from tests.support.world import ANALYSTS, World, copied


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests share: each has a request of its own."""
    with copied(template_world, tmp_path_factory.mktemp("renewals") / "home") as own:
        yield own


def file_of(world: World, request_id: str) -> Path:
    return world.work.places.published / f"{request_id}.json"


def standing(world: World, request_id: str) -> Standing:
    """As Airflow sees it today."""
    return read_facts(file_of(world, request_id)).standing(world.work.now().date())


# --- orders ----------------------------------------------------------------------------------------------------------


def test_a_renewed_agreement_that_is_suspended_and_resumed_runs_again(shared: World, tmp_path: Path) -> None:
    request_id = approved(shared, tmp_path)
    for version in (1, 2):
        if version == 2:
            approved(shared, tmp_path, request_id, version)
        shared.order(request_id, OrderKind.SUSPEND)
        with pytest.raises(ApprovalMissing, match="has been suspended since"):
            approved_now(shared.work, request_id)
        shared.order(request_id, OrderKind.RESUME)
        assert approved_now(shared.work, request_id).decision.request_version == version
    orders = json.loads(file_of(shared, request_id).read_text())["orders"]
    assert [o["order"]["number"] for o in orders] == [3, 4], "counted per request; the file holds those on its decision"


@pytest.mark.parametrize("damage", [None, b"", b"{"])
def test_an_agreement_is_revoked_whatever_became_of_its_file(
    shared: World, tmp_path: Path, damage: bytes | None
) -> None:
    request_id = approved(shared, tmp_path)
    file = file_of(shared, request_id)
    file.unlink() if damage is None else file.write_bytes(damage)
    assert shared.order(request_id, OrderKind.REVOKE) == "revoked"
    assert standing(shared, request_id) is Standing.CLOSED


def test_an_order_is_in_force_though_it_cannot_be_published_and_says_so(shared: World, tmp_path: Path) -> None:
    request_id = approved(shared, tmp_path)
    folder, key = shared.work.places.published, shared.home.people.key(next(iter(ROLES.values())))
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("no folder")
    try:
        said = extracts(shared, "suspend", request_id, "--reasons", "At once.", "--key", key)
    finally:
        folder.unlink()
        folder.with_name("elsewhere").rename(folder)
    assert said.code == 1
    assert f"{request_id} is suspended from now on" in said.text
    assert "nothing to sign again" in said.text
    with pytest.raises(ApprovalMissing, match="does not hold the orders"):
        approved_now(shared.work, request_id)
    assert request_id in extracts(shared, "publish").out
    with pytest.raises(ApprovalMissing, match="has been suspended since"):
        approved_now(shared.work, request_id)


# --- the requester ends it -------------------------------------------------------------------------------------------


def test_a_withdrawn_renewal_does_not_bring_back_what_it_replaced(shared: World, tmp_path: Path) -> None:
    request_id = approved(shared, tmp_path)
    before = file_of(shared, request_id).read_bytes()
    approved(shared, tmp_path, request_id, version=2)
    withdraw_request(shared.work, request_id, REQUESTER, "The scheme has ended.")
    with pytest.raises(ApprovalMissing, match="its requester withdrew it"):
        approved_now(shared.work, request_id)
    extracts(shared, "publish")
    assert json.loads(file_of(shared, request_id).read_text())["decision"]["request_version"] == 2
    file_of(shared, request_id).write_bytes(before)
    with pytest.raises(ApprovalMissing, match="is not the one that the register has in force"):
        approved_now(shared.work, request_id)
    with pytest.raises(IllegalTransition, match="withdrawn cannot be withdrawn"):
        withdraw_request(shared.work, request_id, REQUESTER, "Again.")
    assert extracts(shared, "why", request_id, "--json").json["move"] == "Nobody's: it is over."


def test_withdrawing_an_agreement_ends_it_at_once_and_retires_its_key(shared: World) -> None:
    keys, requester = shared.work.places.keys, "eilidh.requester@scotgov.example"
    said = extracts(shared, "request", "withdraw", ANALYSTS, "--reasons", "No longer needed.", "--as-user", requester)
    assert said.code == 0, said.text
    assert "version 1, which was approved, is withdrawn" in said.text
    assert standing(shared, ANALYSTS) is Standing.CLOSED, "its DAG has no schedule any more"
    assert not (keys / f"{ANALYSTS}.json").exists()
    assert (event := shared.ledger("agreement.withdrawn")[-1]).subject == ANALYSTS
    assert event.actor.endswith(requester)
    told = extracts(shared, "why", ANALYSTS, "--json").json
    assert (told["status"], told["next_due"]) == ("withdrawn", [])
    assert "its requester withdrew it" in told["agreement"]
    content = file_of(shared, ANALYSTS).read_bytes()
    assert extracts(shared, "publish").code == 0
    assert file_of(shared, ANALYSTS).read_bytes() == content
    assert not (keys / f"{ANALYSTS}.json").exists(), "publishing again makes no new key for what was withdrawn"


def test_a_newer_version_that_came_to_nothing_leaves_the_agreement_in_force(shared: World, tmp_path: Path) -> None:
    request_id = approved(shared, tmp_path)
    submit(shared, tmp_path, request_id, version=2)
    decide(shared, request_id, "refuse")
    told = extracts(shared, "why", request_id, "--json").json
    assert (told["status"], told["agreement"]) == ("approved (version 2 is refused)", "in force")
    assert told["move"].startswith("Before the next delivery: Send made-up rows")
    submit(shared, tmp_path, request_id, version=3)
    withdraw_request(shared.work, request_id, REQUESTER, "Not this one.")
    assert approved_now(shared.work, request_id).decision.request_version == 1
    withdraw_request(shared.work, request_id, REQUESTER, "Nor the other.")
    assert [stored_request(shared.work, request_id, v).status for v in (1, 2, 3)] == [
        "withdrawn",
        "refused",
        "withdrawn",
    ]
    with pytest.raises(ApprovalMissing):
        approved_now(shared.work, request_id)


def test_why_tells_what_is_due_first_though_the_agreement_delivers_nothing_yet(shared: World, tmp_path: Path) -> None:
    year = shared.work.now().year + 1
    end = {"end_on: 2028-12-31": f"end_on: {year}-12-31", "max_deliveries: 40": "max_deliveries: 6"}
    start = {"start_on: 2026-01-01": f"start_on: {year}-06-15", "review_on: 2027-06-30": f"review_on: {year}-09-30"}
    request_id = approved(shared, tmp_path, changes=start | end)
    due = extracts(shared, "why", request_id, "--json").json["next_due"]
    assert [words[-10:] for words in due] == [f" ({year}-06)", f" ({year}-07)", f" ({year}-08)"]


# --- what was drawn up and never signed ------------------------------------------------------------------------------


def test_a_draft_that_nobody_signed_neither_ends_an_agreement_nor_is_shown_as_its_plan(
    shared: World, tmp_path: Path
) -> None:
    request_id, soon = submit(shared, tmp_path), shared.work.now().date() + timedelta(days=10)
    wanted = draw_up(shared, request_id)
    abandoned = draw_up(shared, request_id, "approve in part", refuse=("forenames",), valid_until=soon, review_on=soon)
    assert shown_plan(shared.work, request_id)[0].digest == abandoned.plan_digest, "to be read before it is signed"
    for role in ROLES:
        sign(shared, wanted, role)
    assert shown_plan(shared.work, request_id)[0].digest == wanted.plan_digest
    shared.later(days=30)
    try:
        assert request_id not in expire_ended(shared.work)
        assert approved_now(shared.work, request_id)
    finally:
        shared.later(days=-30)


def test_a_version_that_was_replaced_does_not_expire_in_place_of_the_agreement(shared: World, tmp_path: Path) -> None:
    request_id, soon = submit(shared, tmp_path), shared.work.now().date() + timedelta(days=10)
    decide(shared, request_id, valid_until=soon, review_on=soon)
    approved(shared, tmp_path, request_id, version=2)
    shared.later(days=30)
    try:
        assert request_id not in expire_ended(shared.work)
    finally:
        shared.later(days=-30)


def test_an_approval_is_published_with_the_assessment_that_it_names(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    wanted = draw_up(shared, request_id)
    draw_up(shared, request_id, "approve in part", refuse=("forenames",))
    for role in ROLES:
        sign(shared, wanted, role)
    assert approved_now(shared.work, request_id).published.assessment.digest == wanted.assessment_digest
