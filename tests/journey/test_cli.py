"""The command line as people and programs meet it: exit codes, JSON, and what is never printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extracts import signing
from extracts.errors import Outcome
from extracts.local.demo import collect
from extracts.local.home import DemoHome
from extracts.local.people import BOARD, CONTROLLER
from extracts.record.locks import period_lock
from extracts.settings import PROJECT
from tests.support.command_line import environment_of, extracts
from tests.support.world import AGREEMENTS, ANALYSTS, FIFE, REFUSED, SCP, World, copied

COMMANDS = (
    *("request", "plan", "decide", "suspend", "resume", "revoke", "source", "run", "redeliver", "deliveries", "why"),
    *("verify", "ledger", "keys", "settings", "doctor", "demo"),
)


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which Fife had its delivery; these tests read it."""
    with copied(template_world, tmp_path_factory.mktemp("cli") / "home") as own:
        said = extracts(own, "run", FIFE, "--json")
        assert said.code == 0, said.text
        assert said.json["outcome"] == "delivered"
        yield own


def test_the_installed_command_shows_its_commands_and_leaves_well() -> None:
    program = Path(sys.executable).with_name("extracts")
    done = subprocess.run([program, "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert not [c for c in COMMANDS if c not in done.stdout]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    said = extracts(None, command, "--help")
    assert said.code == 0
    assert "Usage:" in said.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run",), "ID"),
        (("request", "show", "SDDSB-2099-001"), "SDDSB-2099-001"),
        (("deliveries", "show", "SDDSB-2099-001.2026-01.r1"), "SDDSB-2099-001.2026-01.r1"),
        (("why", "SDDSB-2099-001"), "SDDSB-2099-001"),
        (("run", FIFE, "--period", "next week"), "next week"),
        (("run", FIFE, "--period", "2026-Q4"), "2026-11"),
        (("redeliver", FIFE, "--period", "next week", "--reason", "None."), "next week"),
        (("run", "SDDSB-2099-001"), "SDDSB-2099-001"),
        (("why", FIFE, "--period", "next week"), "next week"),
        (("suspend", "SDDSB-2099-001", "--reasons", "None."), "SDDSB-2099-001"),
        (("request", "list", "--status", "nonsense"), "in review"),
        (("source", "sql", "SDDSB-2099-001"), "SDDSB-2099-001"),
        (("run", "../../etc"), "../../etc"),
        (("plan", "a b; c"), "a b; c"),
    ],
)
def test_what_cannot_be_is_told_by_name_and_leaves_nothing_on_record(
    shared: World, arguments: tuple[str, ...], told: str
) -> None:
    before = len(shared.ledger())
    said = extracts(shared, *arguments)
    assert said.code == 2, said.text
    assert told in said.text, said.text
    assert "fault in the program" not in said.text
    assert len(shared.deliveries()) == 1
    assert len(shared.ledger()) == before


def test_an_error_is_json_too_where_json_was_asked_for(shared: World) -> None:
    said = extracts(shared, "request", "show", "SDDSB-2099-001", "--json")
    assert said.code == 2
    assert said.json["error"] == "NotFound"
    assert "SDDSB-2099-001" in said.json["message"]


def test_deliveries_are_listed_for_programs(shared: World) -> None:
    (listed,) = extracts(shared, "deliveries", "list", "--json").json
    wanted = ("id", "request", "period", "revision", "recipient", "state", "path", "files", "rows")
    assert set(wanted) <= set(listed)
    (folder,) = shared.deliveries()
    assert listed["path"] == str(folder)
    assert (listed["id"], listed["request"]) == (folder.name, FIFE)
    assert (listed["recipient"], listed["state"], listed["revision"]) == ("fife-council", "published", 1)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert str(listed["rows"]) in json.dumps(manifest)
    for file in listed["files"]:
        assert (folder / file["name"]).stat().st_size == file["bytes"]
    assert extracts(shared, "deliveries", "show", folder.name, "--json").json == listed
    assert extracts(shared, "deliveries", "list", "--recipient", "glasgow-city-council", "--json").json == []


def test_why_answers_for_what_ran_what_waits_and_what_was_refused(shared: World) -> None:
    ran = extracts(shared, "why", FIFE, "--json").json
    assert (ran["last_outcome"], ran["agreement"], ran["stopped_by"]) == ("delivered", "in force", "")
    assert FIFE in ran["last_delivery"]
    assert ran["next_due"]
    waits = extracts(shared, "why", ANALYSTS, "--json").json
    assert waits["last_outcome"] == "never run"
    assert "waits" in waits["move"]
    refused = extracts(shared, "why", REFUSED, "--json").json
    assert refused["status"] == "refused"
    assert refused["next_due"] == []
    for request_id in (*AGREEMENTS, REFUSED):
        assert extracts(shared, "why", request_id).code == 0


def test_the_same_period_again_is_done_but_nothing_due(shared: World) -> None:
    said = extracts(shared, "run", FIFE, "--json")
    assert said.code == 0
    assert said.json["outcome"] == "nothing due"
    assert "extracts redeliver" in said.json["reason"]


def test_the_demo_verifies_again_what_was_delivered_before_and_takes_nothing_due_alone_for_no_success(
    shared: World,
) -> None:
    kept = collect(shared.work, shared.home, FIFE, {"outcome": Outcome.NOTHING_DUE})
    assert kept.delivery
    assert [kept.folder] == shared.deliveries()
    assert kept.funnel["benefit_cap"]["delivered"] == kept.delivery.rows
    assert len(kept.verified) > 10
    assert collect(shared.work, shared.home, ANALYSTS, {"outcome": Outcome.NOTHING_DUE}).delivery is None
    assert collect(shared.work, shared.home, FIFE, {"outcome": Outcome.STOPPED}).delivery is None


def test_what_found_another_at_work_did_nothing_and_says_so(shared: World) -> None:
    (folder,) = shared.deliveries()
    period = folder.name.split(".")[1]
    with period_lock(shared.work.register, FIFE, period):
        said = extracts(shared, "redeliver", FIFE, "--period", period, "--reason", "It was late.", "--json")
    assert said.code == 1
    assert (said.json["outcome"], said.json["error"]) == ("nothing due", "Busy")
    assert len(shared.deliveries()) == 1


def test_the_ledger_verifies_against_the_deliveries(shared: World) -> None:
    said = extracts(shared, "ledger", "verify", "--anchors", shared.work.places.drop_zone, "--json")
    assert said.code == 0, said.text
    assert said.json["passed"]
    assert said.json["anchors_matched"] == 1
    assert said.json["events"] == said.json["head"]["sequence"]
    assert said.json["not_checked"] == []
    alone = extracts(shared, "ledger", "verify", "--json", EXTRACTS_DROP_ZONE=str(shared.home.home / "none"))
    assert alone.code == 0, alone.text
    assert "No anchors were given" in " ".join(alone.json["not_checked"])
    shown = extracts(shared, "ledger", "show", "--kind", "delivery.published", "--json").json
    assert [e["kind"] for e in shown] == ["delivery.published"]


def test_anchors_that_are_none_are_not_taken_for_some(shared: World, tmp_path: Path) -> None:
    said = extracts(shared, "ledger", "verify", "--anchors", tmp_path)
    assert said.code == 2
    assert str(tmp_path) in said.text or tmp_path.name in said.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE ledger.event SET actor = 'nobody' WHERE sequence = 3", "Event 3 is"),
        ("DELETE FROM ledger.event WHERE sequence = 3", "Event 3 is"),
        ("DELETE FROM ledger.event WHERE sequence > 5", "Event"),
    ],
    ids=["edited", "missing", "cut"],
)
def test_a_ledger_that_somebody_changed_is_found(world: World, change: str, told: str) -> None:
    assert world.run(FIFE)["outcome"] == "delivered"
    with world.home.postgres.superuser(world.register) as connection:
        connection.execute("ALTER TABLE ledger.event DISABLE TRIGGER refuse_change")
        connection.execute(change.encode())
    # That the end was cut off is seen only against what the signed manifest says.
    said = extracts(world, "ledger", "verify", "--anchors", world.work.places.drop_zone)
    assert said.code == 1, said.text
    assert told in said.text


def test_the_ledger_is_verified_since_the_last_time_that_nothing_was_wrong(world: World) -> None:
    def verify(*options: object) -> Any:
        return extracts(world, "ledger", "verify", "--json", *options)

    first = verify("--since-checkpoint").json  # there is none yet: everything is verified
    assert first["events"] == first["head"]["sequence"] > 1
    assert world.run(FIFE)["outcome"] == "delivered"
    since = verify("--since-checkpoint", "--anchors", world.work.places.drop_zone).json
    assert since["passed"]
    assert since["anchors_matched"] == 2  # the manifest's, and the checkpoint itself
    assert since["events"] == since["head"]["sequence"] - first["head"]["sequence"] + 1
    assert "taken on trust" in since["found"]

    with world.home.postgres.superuser(world.register) as connection:
        connection.execute(b"ALTER TABLE ledger.event DISABLE TRIGGER refuse_change")
        connection.execute(b"UPDATE ledger.event SET actor = 'nobody' WHERE sequence = 3")
    assert verify("--since-checkpoint").code == 0  # said: the events before it were taken on trust
    whole = verify()
    assert (whole.code, whole.json["found"][:10]) == (1, "Event 3 is")
    with world.home.postgres.superuser(world.register) as connection:
        connection.execute(b"DELETE FROM ledger.event WHERE sequence >= %s", [since["head"]["sequence"]])
    cut = verify("--since-checkpoint")
    assert cut.code == 1
    assert "the checkpoint of 20" in cut.json["found"]
    (world.home.home / "ledger-checkpoint.json").write_text("{")
    damaged = extracts(world, "ledger", "verify", "--since-checkpoint")
    assert damaged.code == 1
    assert "checkpoint cannot be read" in damaged.text


def test_a_delivery_is_verified_from_outside(shared: World, tmp_path: Path) -> None:
    (folder,) = shared.deliveries()
    people = shared.home.people
    signers = ("--signers", people.allowed_signers)
    assert extracts(None, "verify", folder, *signers).code == 0
    assert extracts(None, "verify", folder, *signers, "--identity", people.identity("fife-council")).code == 0
    assert extracts(None, "verify", folder, *signers, "--identity", people.identity("social-security-scotland")).code
    assert extracts(None, "verify", folder, "--signers", tmp_path / "none").code == 2
    agreement = ("verify", folder.parent, *signers)
    assert extracts(None, *agreement, "--index-number-at-least", "1").code == 0
    assert extracts(None, *agreement, "--index-number-at-least", "2").code == 1


def test_one_byte_changed_in_any_file_of_a_delivery_is_found_by_name(shared: World, tmp_path: Path) -> None:
    import shutil

    (folder,) = shared.deliveries()
    signers = shared.home.people.allowed_signers
    files = [p.relative_to(folder.parent) for p in sorted(folder.parent.rglob("*")) if p.is_file()]
    assert {"README.txt", "manifest.json", "SHA256SUMS", "index.json", "index.json.sig"} <= {f.name for f in files}
    for file in files:
        copy = Path(shutil.copytree(folder.parent, tmp_path / file.name))
        damaged = bytearray((copy / file).read_bytes())
        damaged[len(damaged) // 2] ^= 1
        (copy / file).chmod(0o600)
        (copy / file).write_bytes(damaged)
        whole = file.parent.name == ""  # index.json and its signature lie beside the deliveries
        said = extracts(None, "verify", copy if whole else copy / folder.name, "--signers", signers, "--json")
        assert said.code == 1, file
        failed = [f for one in said.json for f in one["findings"] if f["result"] == "failed"]
        assert (file.name.removesuffix(".sig") if whole else file.name) in {f["file"] for f in failed}, failed
        assert all(f["what"] for f in failed)


# --- requests and orders -------------------------------------------------------------------------------------------


def submitted(world: World, folder: Path, sample: str, number: int) -> str:
    """A request like a sample one, waiting for a decision."""
    text = (PROJECT / "examples" / "requests" / f"{sample}.yaml").read_text()
    old = next(line.split()[1] for line in text.splitlines() if line.startswith("request_id:"))
    (folder / "request.yaml").write_text(text.replace(old, f"SDDSB-2026-{number}"))
    assert extracts(world, "request", "submit", folder / "request.yaml").code == 0
    return f"SDDSB-2026-{number}"


def test_a_board_member_sees_what_is_asked_and_what_the_policy_finds_without_the_file(
    shared: World, tmp_path: Path
) -> None:
    request_id = submitted(shared, tmp_path, "refused-bank-details", 201)
    stopped = extracts(shared, "plan", request_id)
    assert stopped.code == 1
    assert f"extracts request show {request_id}" in stopped.text
    said = extracts(shared, "request", "show", request_id)
    assert said.code == 0, said.text
    for told in (
        "A full record allows questions that are not known yet.",
        "pension_credit_award.sort_code (keep): To group accounts by bank.",
        "VIOLATION N5",
        "Bank details are shared for no purpose that is listed today",
        "Drop the columns; bank details have no treatment that makes them shareable",
        "submitted, by",
    ):
        assert told in said.text, told
    shown = extracts(shared, "request", "show", request_id, "--json").json
    finding = next(f for f in shown["assessment"]["findings"] if f["rule"] == "N5")
    assert (finding["outcome"], bool(finding["clause"]), bool(finding["fix"])) == ("violation", True, True)
    assert shown["request"]["purpose"]["necessity"] == "A full record allows questions that are not known yet."
    assert shown["decisions"] == []


def test_a_refused_requester_sees_why_what_would_do_and_whom_to_ask(shared: World) -> None:
    said = extracts(shared, "request", "show", REFUSED)
    for told in ("reason code", "what would be acceptable", "Ask for pseudonymised rows.", "whom to ask next"):
        assert told in said.text, told
    assert f"signed by {BOARD} as extract-decision-board" in said.text
    (decision,) = extracts(shared, "request", "show", REFUSED, "--json").json["decisions"]
    assert (decision["outcome"], decision["reason_code"]) == ("refuse", "policy")
    assert decision["acceptable"]
    assert decision["escalation"]
    assert len(decision["signed_by"]) == 2
    assert {c["column"]: c["reason"] for c in decision["columns"]}["sort_code"]


def signed_elsewhere(world: World, folder: Path, kind: str, request_id: str = FIFE) -> tuple[str | Path, ...]:
    """The options by which an order comes back that was printed here and signed on another machine."""
    printed = extracts(world, kind, request_id, "--reasons", "As agreed by telephone.", "--print")
    assert printed.code == 0, printed.text
    file = folder / f"{kind}.json"
    file.write_text(printed.out)
    file.with_suffix(".sig").write_text(
        signing.sign(file.read_bytes(), world.home.people.key(CONTROLLER), signing.ORDER)
    )
    return "--order", file, "--signature", file.with_suffix(".sig")


def test_an_order_can_be_signed_on_another_machine(world: World, tmp_path: Path) -> None:
    handed_in = signed_elsewhere(world, tmp_path, "suspend")
    assert extracts(world, "request", "show", FIFE, "--json").json["status"] == "approved"
    said = extracts(world, "suspend", FIFE, *handed_in, "--signer", CONTROLLER, "--json")
    assert said.code == 0, said.text
    assert (said.json["status"], said.json["order"]["reasons"]) == ("suspended", "As agreed by telephone.")
    shown = extracts(world, "request", "show", FIFE, "--json").json
    assert [o["kind"] for o in shown["orders"]] == ["suspend"]
    assert extracts(world, "resume", FIFE, *signed_elsewhere(world, tmp_path, "resume")).code == 0
    assert extracts(world, "request", "show", FIFE, "--json").json["status"] == "approved"


def test_an_order_counts_once_for_what_it_says_and_with_its_own_signature(world: World, tmp_path: Path) -> None:
    order, file, option, signature = signed_elsewhere(world, tmp_path, "suspend")
    assert extracts(world, "revoke", FIFE, order, file, option, signature).code == 2
    assert extracts(world, "suspend", SCP, order, file, option, signature).code == 2
    assert extracts(world, "suspend", FIFE, order, file).code == 2
    assert extracts(world, "suspend", FIFE, option, signature).code == 2
    assert extracts(world, "suspend", FIFE, "--reasons", "No key.").code == 2
    edited = tmp_path / "edited.json"
    edited.write_text(Path(file).read_text().replace("As agreed", "As denied"))
    assert extracts(world, "suspend", FIFE, order, edited, option, signature).code == 1
    assert extracts(world, "request", "show", FIFE, "--json").json["status"] == "approved"
    assert extracts(world, "suspend", FIFE, order, file, option, signature).code == 0
    assert extracts(world, "suspend", FIFE, order, file, option, signature).code == 1


# --- the installation ----------------------------------------------------------------------------------------------


def test_settings_show_no_secret(shared: World) -> None:
    address = "postgresql+psycopg://someone:ZZSECRETZZ@127.0.0.1:1/register"
    said = extracts(shared, "settings", EXTRACTS_REGISTER_URL=address, EXTRACTS_SOURCE_OTHER="password=ZZSECRETZZ")
    assert said.code == 0
    assert "ZZSECRET" not in said.text
    assert "EXTRACTS_REGISTER_URL" in said.text
    assert "(set)" in said.text


def test_the_doctor_finds_what_is_unsafe_in_a_bad_home(world: World) -> None:
    places = world.work.places
    places.keys.chmod(0o755)
    (places.keys / f"{ANALYSTS}.json").chmod(0o644)
    places.allowed_signers.chmod(0o666)
    assert places.service_key is not None
    places.service_key.chmod(0o644)
    assert places.passfile is not None
    places.passfile.chmod(0o640)
    places.drop_zone.chmod(0o777)
    said = extracts(world, "doctor", "--json", EXTRACTS_RECOVERY_RECIPIENT="")
    assert said.code == 1
    unwell = {c["subject"] for c in said.json if not c["passed"]}
    expected = {"EXTRACTS_KEYS", "pseudonym key", "allowed signers", "service key", "EXTRACTS_DROP_ZONE"}
    assert expected | {"EXTRACTS_SOURCE_PASSFILE"} <= unwell, unwell


def test_the_doctor_of_an_empty_home_says_what_is_missing(tmp_path: Path) -> None:
    said = extracts(None, "doctor", "--json", EXTRACTS_HOME=str(tmp_path / "new"))
    assert said.code == 1
    unwell = {c["subject"]: c["detail"] for c in said.json if not c["passed"]}
    assert {"EXTRACTS_HOME", "allowed signers", "service key", "register and ledger", "recovery key"} <= set(unwell)
    assert "EXTRACTS_REGISTER_URL" in unwell["register and ledger"]


def test_without_a_register_commands_say_which_setting_is_missing(tmp_path: Path) -> None:
    for command in (("request", "list"), ("why", FIFE), ("deliveries", "list"), ("ledger", "verify")):
        said = extracts(None, *command, EXTRACTS_HOME=str(tmp_path / "new"))
        assert said.code == 2, said.text
        assert "EXTRACTS_REGISTER_URL is not set" in said.text


def test_a_register_that_is_gone_is_told_without_its_password(shared: World) -> None:
    address = "postgresql+psycopg://extracts_app:ZZSECRETZZ@127.0.0.1:1/register"
    for command in (("request", "list"), ("run", FIFE), ("doctor",)):
        said = extracts(shared, *command, EXTRACTS_REGISTER_URL=address)
        assert said.code == 1, said.text
        assert "ZZSECRET" not in said.text
        assert "fault in the program" not in said.text


def test_a_settings_file_that_others_can_read_is_not_used(world: World) -> None:
    file = world.home.home / "settings.env"
    file.chmod(0o644)
    said = extracts(world, "request", "list")
    assert said.code == 2
    assert f"chmod 600 {file}" in said.text


def test_output_into_a_closed_pipe_is_no_crash(shared: World) -> None:
    done = subprocess.run(
        f"{sys.executable} -m extracts.cli ledger show --limit 1000 --json | head -c 1",
        shell=True,
        env={**os.environ, **environment_of(shared), "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"Traceback" not in done.stderr


# --- last, since it changes the world that the tests above read ---------------------------------------------------


def test_every_command_answers_with_one_json_document(shared: World, tmp_path: Path) -> None:
    people = shared.home.people
    order = ("--reasons", "A test needs it.", "--key", people.key(CONTROLLER))
    waiting = submitted(shared, tmp_path, "fife-benefit-cap", 202)
    (folder,) = shared.deliveries()
    backup, recovery = tmp_path / "keys.age", ("--identity", people.recovery_identity)
    decided = ("--as", "board", "--key", people.key(BOARD), "--outcome", "return", "--reasons", "Ask for less.")
    asked = next(v for k, v in yaml_lines(tmp_path / "request.yaml") if k == "email")
    for command, more in {
        "request check": (tmp_path / "request.yaml",),
        "request submit": (tmp_path / "request.yaml",),
        "request list": (),
        "request show": (waiting,),
        "plan": (waiting,),
        "decide": (waiting, *decided),
        "request withdraw": (waiting, "--reasons", "Not needed.", "--as-user", asked),
        "suspend": (SCP, *order),
        "resume": (SCP, *order),
        "dataset list": (),
        "source sql": (FIFE,),
        "run": (FIFE,),
        "redeliver": (SCP, "--reason", "Nothing was delivered that could be corrected."),
        "deliveries list": (),
        "deliveries show": (folder.name,),
        "why": (FIFE,),
        "verify": (folder, "--signers", people.allowed_signers),
        "ledger show": (),
        "ledger verify": (),
        "keys list": (),
        "keys backup": ("--to", backup),
        "keys restore": (backup, *recovery),
        "keys replace": (ANALYSTS, "--reasons", "It was seen."),
        "publish": (),
        "policy review": (),
        "register migrate": (),
        "settings": (),
        "doctor": (),
        "revoke": (SCP, *order),
    }.items():
        said = extracts(shared, *command.split(), *more, "--json")
        wanted = {"redeliver": (1,), "doctor": (0, 1)}.get(command, (0,))  # the doctor may find the disk too full
        assert said.code in wanted, (command, said.text)
        assert said.json is not None, command


def yaml_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Words before and after the colon of each line."""
    for line in path.read_text().splitlines():
        name, _, value = line.strip().partition(": ")
        yield name, value
