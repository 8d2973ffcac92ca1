"""Agreements that end or pause, also between build and release: the control stops the run, and says so."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from extracts.agreement.decision import OrderKind
from extracts.errors import ApprovalMissing, ExtractsError, Outcome, SignatureInvalid
from extracts.extraction.engine import build
from extracts.local.people import BOARD, CONTROLLER, SERVICE
from extracts.steps.run import OUTCOME, RunKey, run_step
from extracts.steps.run_folder import GATES
from tests.support.command_line import extracts
from tests.support.deciding import REQUESTER
from tests.support.world import AGREEMENTS, ANALYSTS, FIFE, SCP, World


def gates(world: World, key: RunKey, *steps: str) -> None:
    for step in steps:
        run_step(world.work, step, key)


def before_gate(step: str) -> tuple[str, ...]:
    return GATES[: GATES.index(step)]


def assert_stopped(world: World, request_id: str, key: RunKey, gate: str, reason: str) -> dict[str, Any]:
    """The gate refuses; the run ends as stopped by a control; nothing left; why and ledger tell the story."""
    with pytest.raises(ExtractsError):
        run_step(world.work, gate, key)
    found = run_step(world.work, OUTCOME, key)
    assert found["outcome"] == Outcome.STOPPED, found
    assert found["gate"] == gate
    assert reason in found["reason"]
    assert not world.deliveries(request_id)
    assert not world.staged()
    told = extracts(world, "why", request_id, "--json").json
    assert told["last_outcome"] == "stopped by a control"
    assert told["stopped_by"] == gate
    assert reason in told["reason"]
    ended = world.ledger("run.ended")[-1]
    assert (ended.payload["run"], ended.payload["gate"]) == (key.name, gate)
    assert ended.payload["outcome"] == "stopped by a control"
    return told


def order(world: World, kind: str, request_id: str, signer: str = CONTROLLER) -> Any:
    key = world.home.people.key(signer)
    return extracts(world, kind, request_id, "--reasons", "A family complained.", "--key", key)


def test_a_revocation_while_the_source_is_read_stops_at_the_next_gate(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every gate asks, so what was built under a revoked agreement is not even looked at, let alone released."""

    def revoke(doing: str) -> None:
        if doing.startswith("reading and treating"):
            assert order(world, "revoke", FIFE).code == 0

    monkeypatch.setattr("extracts.steps.gate_build.build", partial(build, progress=revoke))
    zone = world.work.places.drop_zone
    before = sorted(zone.rglob("*"))
    key = world.key(FIFE)
    gates(world, key, *before_gate("validate_extract"))
    assert world.staged(), "it was built"
    told = assert_stopped(world, FIFE, key, "validate_extract", "it was revoked")
    assert told["status"] == "revoked"
    assert sorted(zone.rglob("*")) == before
    kinds = [e.kind for e in world.ledger() if e.subject.startswith(FIFE)]
    story = ("run.started", "source.checked", "agreement.revoked", "extract.built", "run.ended")
    assert [k for k in kinds if k in story] == list(story)
    assert not {"extract.validated", "manifest.signed", "delivery.publishing"} & set(kinds)


def test_a_revocation_after_the_manifest_was_signed_stops_the_release(world: World) -> None:
    key = world.key(ANALYSTS)
    gates(world, key, *before_gate("release"))
    assert world.staged(), "there is something to release"
    said = order(world, "revoke", ANALYSTS)
    assert said.code == 0, said.text
    assert "revoked" in said.out
    told = assert_stopped(world, ANALYSTS, key, "release", "it was revoked")
    assert told["status"] == "revoked"
    assert told["next_due"] == []
    kinds = [e.kind for e in world.ledger() if e.subject.startswith(ANALYSTS)]
    assert kinds.index("agreement.revoked") < kinds.index("run.ended")
    assert "delivery.publishing" not in kinds
    again = world.run(ANALYSTS)
    assert (again["outcome"], again["gate"]) == (Outcome.STOPPED, "check_approval")
    assert order(world, "resume", ANALYSTS).code == 1, "for good"


@pytest.mark.parametrize("gate", ["check_source", "sign_manifest"])
def test_every_gate_asks_again(world: World, gate: str) -> None:
    key = world.key(FIFE)
    gates(world, key, *before_gate(gate))
    world.order(FIFE, OrderKind.REVOKE)
    assert_stopped(world, FIFE, key, gate, "it was revoked")


def test_a_suspension_stops_at_the_release_and_resuming_lets_it_run_again(world: World) -> None:
    key = world.key(FIFE)
    gates(world, key, *before_gate("release"))
    assert order(world, "suspend", FIFE).code == 0
    told = assert_stopped(world, FIFE, key, "release", "suspended")
    assert "resume" in told["move"]
    assert order(world, "resume", FIFE).code == 0
    found = world.run(FIFE)
    assert found["outcome"] == Outcome.DELIVERED, found
    assert extracts(world, "why", FIFE, "--json").json["last_outcome"] == "delivered"


def test_an_agreement_that_expires_between_build_and_release_is_not_delivered(world: World) -> None:
    key = world.key(SCP)
    gates(world, key, *before_gate("release"))
    world.later(days=1500)
    told = assert_stopped(world, SCP, key, "release", "expired on 2028-12-31")
    assert told["status"] == "expired", "the end of a run is also when the clock's step is taken"
    assert {e.subject for e in world.ledger("agreement.expired")} == set(AGREEMENTS)
    found = world.run(FIFE)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "check_approval")
    assert "expired" in found["reason"]


def test_a_denial_in_the_register_alone_stops_too(world: World) -> None:
    with world.home.postgres.superuser(world.register) as connection:
        connection.execute("UPDATE register.request SET status = 'suspended' WHERE request_id = %s", [FIFE])
    with pytest.raises(ApprovalMissing, match=f"{FIFE} is suspended in the register"):
        run_step(world.work, "check_approval", world.key(FIFE))


def test_an_agreement_without_its_file_does_not_run_until_it_is_published_again(world: World) -> None:
    file = world.work.places.published / f"{FIFE}.json"
    content = file.read_bytes()
    file.unlink()
    found = world.run(FIFE)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "check_approval")
    said = extracts(world, "publish")
    assert said.code == 0
    assert FIFE in said.out
    assert file.read_bytes() == content
    assert not isinstance(run_step(world.work, "check_approval", world.key(FIFE)), ExtractsError)


def test_nobody_stops_or_resumes_an_agreement_without_being_allowed_to(world: World) -> None:
    assert order(world, "suspend", FIFE, SERVICE).code == 1, "the service's key is not listed for orders"
    assert order(world, "resume", FIFE).code == 1, "what is not suspended cannot be resumed"
    with pytest.raises(SignatureInvalid):
        world.order(FIFE, OrderKind.REVOKE, SERVICE)
    assert extracts(world, "why", FIFE, "--json").json["agreement"] == "in force"


def test_the_board_may_stop_an_agreement_and_only_the_controller_lets_it_go_on(world: World) -> None:
    assert order(world, "suspend", FIFE, BOARD).code == 0
    said = order(world, "resume", FIFE, BOARD)
    assert said.code == 1, said.text
    assert world.run(FIFE)["outcome"] == Outcome.STOPPED
    assert order(world, "resume", FIFE).code == 0
    assert extracts(world, "why", FIFE, "--json").json["agreement"] == "in force"


@pytest.mark.parametrize("reasons", [" ", "a\x1b[2Jb", "a\u202eb"])
def test_reasons_that_cannot_be_read_are_refused_and_nothing_happens(world: World, reasons: str) -> None:
    key = str(world.home.people.key(CONTROLLER))
    for command in (("suspend", "--key", key), ("request", "withdraw", "--as-user", REQUESTER)):
        said = extracts(world, *command, FIFE, "--reasons", reasons)
        assert said.code == 2, said.text
        assert "reasons" in said.text
        assert not set(said.text) & set("\x1b\u202e")
    assert extracts(world, "why", FIFE, "--json").json["agreement"] == "in force"


def test_why_tells_of_a_run_that_was_refused_before_its_period_was_known(world: World) -> None:
    by_a_signer = world.run(FIFE, started_by=CONTROLLER)
    assert by_a_signer["gate"] == "check_approval"
    told = extracts(world, "why", FIFE, "--json").json
    assert (told["last_outcome"], told["stopped_by"]) == ("stopped by a control", "check_approval")
    assert "started this run" in told["reason"]
    assert "refused" in told["last_run"]
    world.order(FIFE, OrderKind.SUSPEND)
    assert world.run(FIFE)["outcome"] == Outcome.STOPPED
    assert "has been suspended since" in extracts(world, "why", FIFE, "--json").json["reason"]
    world.order(FIFE, OrderKind.RESUME)
    key = world.key(FIFE)
    gates(world, key, "check_approval")
    told = extracts(world, "why", FIFE, "--json").json
    assert told["last_outcome"].startswith("under way"), "a run that began later counts"
    run_step(world.work, OUTCOME, key)


def test_revoking_retires_the_key_for_good_and_suspending_leaves_it(world: World) -> None:
    keys = world.work.places.keys
    secret = (keys / f"{ANALYSTS}.json").read_bytes()
    world.order(ANALYSTS, OrderKind.SUSPEND)
    world.order(ANALYSTS, OrderKind.RESUME)
    assert (keys / f"{ANALYSTS}.json").read_bytes() == secret
    world.order(ANALYSTS, OrderKind.REVOKE)
    assert not (keys / f"{ANALYSTS}.json").exists()
    (retired,) = (keys / "retired").iterdir()
    assert retired.read_bytes() == secret
    assert extracts(world, "publish").code == 0
    assert not (keys / f"{ANALYSTS}.json").exists(), "publishing again makes no new key for what was revoked"
