"""Liars in every seat: each tries to get out what was not approved or not looked at, to get it twice, or to leave a
clear file behind. Seats that the trust page grants nothing against (code on a worker with every key) are not here."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extracts import signing
from extracts.agreement.decision import DecisionOutcome, OrderKind
from extracts.agreement.drawing_up import Terms
from extracts.catalogue.people import Role
from extracts.errors import ApprovalMissing, CheckFailed, ExtractsError, NotPermitted, Outcome, Refused
from extracts.local.people import BOARD, CONTROLLER
from extracts.local.world import review_all
from extracts.record import register
from extracts.record.delivery_entries import DeliveryState
from extracts.record.transaction import reading, unit_of_work
from extracts.settings import PROJECT, masked
from extracts.steps.approval import approved_now
from extracts.steps.decisions import draw_up_decision, sign_decision
from extracts.steps.requests import submit_request
from extracts.steps.run import OUTCOME, RunKey, run_folder, run_step
from extracts.steps.run_folder import GATES, folder_name
from extracts.steps.withdrawal import withdraw_request
from tests.support.dying import run_until_noted
from tests.support.warm import in_a_process
from tests.support.world import ANALYSTS, FIFE, World

UNTIL_SIGNED = GATES[:-1]


def gates(world: World, key: RunKey, *steps: str) -> None:
    for step in steps:
        run_step(world.work, step, key)


def stops(world: World, key: RunKey, step: str, error: type[ExtractsError]) -> str:
    with pytest.raises(error) as refused:
        run_step(world.work, step, key)
    run_step(world.work, OUTCOME, key)
    assert not world.deliveries()
    assert not world.staged()
    return str(refused.value)


# --- an Airflow administrator: may repeat, skip and mark any task ---------------------------------------------------


def test_an_extract_built_again_behind_its_inspection_is_not_signed(world: World) -> None:
    key = world.key(FIFE)
    gates(world, key, *GATES[:4], "build_extract")
    assert "validate_extract" in stops(world, key, "sign_manifest", CheckFailed)


def test_an_extract_built_again_after_signing_is_not_released(world: World) -> None:
    key = world.key(FIFE)
    gates(world, key, *UNTIL_SIGNED, "build_extract")
    stops(world, key, "release", CheckFailed)


@pytest.mark.parametrize("skipped", UNTIL_SIGNED)
def test_a_gate_that_was_marked_as_done_lets_nothing_pass(world: World, skipped: str) -> None:
    key = world.key(FIFE)
    with pytest.raises(ExtractsError):
        gates(world, key, *(gate for gate in GATES if gate != skipped))
    run_step(world.work, OUTCOME, key)
    assert not world.deliveries()
    assert not world.staged()


def test_reports_of_an_earlier_try_do_not_count(world: World) -> None:
    key = world.key(FIFE)
    gates(world, key, *GATES[:4], "check_approval")
    assert not run_folder(world.work, key).read("reports")
    assert not run_folder(world.work, key).read("gate-validate_extract")


def test_two_run_ids_never_share_a_record() -> None:
    names = {folder_name(name) for name in ("manual__1:0", "manual__1_0", "manual__1/0", "manual__1 0")}
    assert len(names) == 4


# --- someone who can write the staging folder and the run's record, and has no key ----------------------------------


def _swap_parquet(staging: Path, record: Path) -> None:
    """Another file under the name of the inspected one, with its facts made to fit."""
    from extracts.canonical import digest_file

    file = next(staging.glob("*.parquet"))
    file.write_bytes(file.read_bytes() + b"QQ123456C")
    facts = json.loads((staging / "extract.json").read_text())
    facts["files"][0].update(sha256=digest_file(file), bytes=file.stat().st_size)
    (staging / "extract.json").write_text(json.dumps(facts))


def _turn_reports_green(staging: Path, record: Path) -> None:
    reports = json.loads((record / "reports.json").read_text())
    reports["reports"][0]["checks"] = reports["reports"][0]["checks"][:1]
    (record / "reports.json").write_text(json.dumps(reports))


def _another_period(staging: Path, record: Path) -> None:
    state = json.loads((record / "state.json").read_text())
    state["deliveries"][0].update(first="2020-01-01")
    (record / "state.json").write_text(json.dumps(state))


@pytest.mark.parametrize("change", [_swap_parquet, _turn_reports_green, _another_period])
def test_what_was_inspected_cannot_be_changed_before_it_is_signed(
    world: World, change: Callable[[Path, Path], None]
) -> None:
    key = world.key(FIFE)
    gates(world, key, *GATES[:4])
    folder = run_folder(world.work, key)
    change(folder.staging, folder.record)
    stops(world, key, "sign_manifest", Refused)


def test_an_earlier_signed_delivery_cannot_be_put_into_its_place(world: World, tmp_path: Path) -> None:
    first = world.key(FIFE)
    gates(world, first, *UNTIL_SIGNED)
    staging = run_folder(world.work, first).staging
    shutil.copytree(staging / "delivery", tmp_path / "kept")
    run_step(world.work, OUTCOME, first)
    second = world.key(FIFE)
    gates(world, second, *UNTIL_SIGNED)
    shutil.rmtree(staging / "delivery")
    shutil.copytree(tmp_path / "kept", staging / "delivery")
    assert "sign_manifest" in stops(world, second, "release", CheckFailed)


def test_a_changed_file_of_the_signed_delivery_is_not_released(world: World) -> None:
    key = world.key(FIFE)
    gates(world, key, *UNTIL_SIGNED)
    readme = run_folder(world.work, key).staging / "delivery" / "README.txt"
    readme.write_text(readme.read_text().replace("destroy", "keep", 1) + " ")
    assert "README.txt" in stops(world, key, "release", Refused)


# --- someone who can write the published folder ---------------------------------------------------------------------


def _second_version(world: World, folder: Path) -> None:
    """The same request as version 2, decided like the first."""
    text = (PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml").read_text()
    file = folder / "request.yaml"
    file.write_text(text.replace("version: 1", "version: 2", 1))
    submit_request(world.work, file, "someone@gov.scot.example")
    review_all(world.work, FIFE)
    terms = Terms(
        outcome=DecisionOutcome.APPROVE, reasons="Fewer.", delegation=next(iter(world.work.parties.delegations))
    )
    decision = draw_up_decision(world.work, FIFE, terms, (), BOARD)
    _sign(world, decision, BOARD, Role.BOARD)
    _sign(world, decision, CONTROLLER, Role.CONTROLLER)


def _sign(world: World, decision: Any, who: str, role: Role) -> Any:
    namespace = signing.DECISION_BOARD if role is Role.BOARD else signing.DECISION_CONTROLLER
    signature = signing.sign(decision.canonical(), world.home.people.key(who), namespace)
    return sign_decision(world.work, decision, role, signature)


def test_a_decision_that_was_replaced_cannot_be_put_back(world: World, tmp_path: Path) -> None:
    published = world.work.places.published / f"{FIFE}.json"
    before = published.read_bytes()
    _second_version(world, tmp_path)
    assert published.read_bytes() != before
    published.write_bytes(before)
    found = world.run(FIFE)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "check_approval")
    assert "later decision" in found["reason"]
    assert not world.deliveries()


@pytest.mark.parametrize("kind", [OrderKind.SUSPEND, OrderKind.REVOKE])
def test_an_order_cannot_be_dropped_even_with_the_registers_application_role(world: World, kind: OrderKind) -> None:
    published = world.work.places.published / f"{FIFE}.json"
    before = published.read_bytes()
    status = world.order(FIFE, kind)
    published.write_bytes(before)
    with unit_of_work(world.work.register) as unit:
        register.set_status(
            unit, FIFE, 1, expected=status, status="approved", at=world.work.now(), actor="a liar", comment=""
        )
        unit.event(world.work.now(), "request.approved", FIFE, "a liar", {})
    found = world.run(FIFE)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "check_approval")
    assert "orders" in found["reason"]


# --- people with a name ---------------------------------------------------------------------------------------------


def test_giving_another_name_does_not_let_a_signer_start_a_run(world: World) -> None:
    with pytest.raises(NotPermitted, match="started this run"):
        approved_now(world.work, FIFE, "somebody.else", CONTROLLER)
    found = world.run(FIFE, started_by="somebody.else", signed_in_as=CONTROLLER)
    assert found["outcome"] == Outcome.STOPPED
    (event,) = world.ledger("run.ended")
    assert event.actor == f"{CONTROLLER} as somebody.else"


def test_the_signed_in_user_is_not_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    from extracts.cli.options import signed_in

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody")
    assert signed_in() == pwd.getpwuid(os.getuid()).pw_name


def test_only_the_requester_takes_a_request_back(world: World, tmp_path: Path) -> None:
    text = (PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml").read_text()
    (tmp_path / "request.yaml").write_text(text.replace("version: 1", "version: 2", 1))
    requester = submit_request(world.work, tmp_path / "request.yaml", "a clerk").request.requester.email
    with pytest.raises(NotPermitted, match="takes it back"):
        withdraw_request(world.work, FIFE, BOARD, "It is in my way.")
    withdraw_request(world.work, FIFE, requester, "No longer needed.")


def test_whoever_submitted_a_request_does_not_decide_on_it(world: World, tmp_path: Path) -> None:
    text = (PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml").read_text()
    (tmp_path / "request.yaml").write_text(text.replace("version: 1", "version: 2", 1))
    submit_request(world.work, tmp_path / "request.yaml", BOARD)
    terms = Terms(
        outcome=DecisionOutcome.RETURN, reasons="Mine.", delegation=next(iter(world.work.parties.delegations))
    )
    decision = draw_up_decision(world.work, FIFE, terms, (), BOARD)
    with pytest.raises(NotPermitted, match="submitted"):
        _sign(world, decision, BOARD, Role.BOARD)


# --- whatever changes while a run is under way ----------------------------------------------------------------------


def test_a_recipient_that_is_suspended_after_the_build_gets_nothing(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.work.places.governance, tmp_path / "governance")
    world.work = replace(world.work, places=replace(world.work.places, governance=tmp_path / "governance"))
    key = world.key(FIFE)
    gates(world, key, *UNTIL_SIGNED)
    parties = tmp_path / "governance" / "parties.yaml"
    head, here, tail = parties.read_text().partition("folder: fife-council\n")
    assert here
    parties.write_text(head + here + tail.replace("status: confirmed", "status: suspended", 1))
    assert "suspended" in stops(world, key, "release", ApprovalMissing)


# --- a process that is killed ---------------------------------------------------------------------------------------


def killed(world: World, where: str, request_id: str = FIFE, period: str = "") -> None:
    ended = in_a_process(world, world.home.home.parent / "killed", run_until_noted, where, request_id, period)
    assert ended.code == -signal.SIGKILL, ended.err[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("where", ["build_extract", "sign_manifest", "before publishing", "after publishing"])
def test_after_a_kill_and_another_run_there_is_one_delivery_and_no_clear_file(world: World, where: str) -> None:
    killed(world, where)
    assert world.staged()
    found = world.run(FIFE)
    assert found["outcome"] in (Outcome.DELIVERED, Outcome.NOTHING_DUE), found
    assert len(world.deliveries()) == 1
    assert not world.staged()
    with reading(world.work.register) as view:
        (delivery,) = register.list_deliveries(view, request_id=FIFE)
    assert delivery.state is DeliveryState.PUBLISHED
    assert [p.name for p in (world.home.home / "membership").iterdir()] == [f"{delivery.delivery_id}.parquet.age"]


def test_what_a_dead_run_left_goes_even_if_its_agreement_never_runs_again(world: World) -> None:
    killed(world, "build_extract")
    world.order(FIFE, OrderKind.REVOKE)
    assert world.staged()
    assert world.run(ANALYSTS)["outcome"] == Outcome.DELIVERED
    assert not world.staged()


def test_a_delivery_left_unclear_is_settled_by_a_run_for_another_period(world: World) -> None:
    killed(world, "after publishing", period="2026-09")
    world.run(FIFE)
    with reading(world.work.register) as view:
        states = {d.state for d in register.list_deliveries(view, request_id=FIFE)}
    assert states <= {DeliveryState.PUBLISHED, DeliveryState.STOPPED}
    assert DeliveryState.PUBLISHED in states


def test_a_run_that_is_stopped_keeps_no_membership_index(world: World) -> None:
    key = world.key(FIFE)
    gates(world, key, "check_approval", "check_source", "build_extract")
    run_step(world.work, OUTCOME, key)
    assert not list((world.home.home / "membership").glob("*"))


# --- what is printed ------------------------------------------------------------------------------------------------


def test_settings_never_print_a_password_wherever_it_was_put() -> None:
    shown = masked(
        {
            "EXTRACTS_SOURCE_DWP": "host=db password=hunter2 dbname=x",
            "EXTRACTS_SOURCE_TWO": "postgresql://user:hun/ter2@db/x",
            "EXTRACTS_SOURCE_THREE": "host=db PASSWORD = 'hunter2 again' dbname=x",
            "EXTRACTS_PASSWORD": "hunter2",
            "EXTRACTS_HOME": "/srv/extracts",
        }
    )
    assert "ter2" not in str(shown)
    assert shown["EXTRACTS_HOME"] == "/srv/extracts"
