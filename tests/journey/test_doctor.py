"""`extracts doctor`: what is missing, unsafe or out of reach is a line with what to do, and never the end of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from extracts.local.home import DemoHome
from tests.support.command_line import extracts
from tests.support.world import AGREEMENTS, World, copied


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests look at."""
    with copied(template_world, tmp_path_factory.mktemp("doctor") / "home") as own:
        yield own


def unwell(world: World | None, **environment: str) -> dict[str, str]:
    """What the doctor finds, by subject; free space apart, which is this machine's."""
    said = extracts(world, "doctor", "--json", **environment)
    found = {c["subject"]: c["detail"] for c in said.json if not c["passed"]}
    assert said.code == (1 if found else 0)
    return {subject: detail for subject, detail in found.items() if subject != "disk"}


def test_a_good_home_is_well_to_the_last_agreement(shared: World) -> None:
    assert not unwell(shared)
    said = extracts(shared, "doctor", "--json")
    details = {c["subject"]: c["detail"] for c in said.json}
    assert "answers at dbname=source host=127.0.0.1" in details["source sample"]
    for request_id in AGREEMENTS:
        assert "as approved" in details[f"agreement {request_id}"]


def test_a_source_that_does_not_answer_is_told(shared: World) -> None:
    found = unwell(shared, EXTRACTS_SOURCE_SAMPLE="host=127.0.0.1 port=1 dbname=source")
    assert set(found) == {"source sample", *(f"agreement {a}" for a in AGREEMENTS)}
    assert "No server answers at dbname=source host=127.0.0.1 port=1" in found["source sample"]


def test_roles_that_cannot_sign_in_are_told_for_each_agreement(shared: World, tmp_path: Path) -> None:
    (tmp_path / "passfile").touch(mode=0o600)
    found = unwell(shared, EXTRACTS_SOURCE_PASSFILE=str(tmp_path / "passfile"))
    assert set(found) == {f"agreement {a}" for a in AGREEMENTS}


def test_wrong_settings_are_lines_and_the_rest_is_looked_at(shared: World) -> None:
    secret = "AGE-SECRET-KEY-1ZZSECRETZZ"
    found = unwell(shared, EXTRACTS_DROPZONE="/mnt", EXTRACTS_RECOVERY_RECIPIENT=secret)
    assert set(found) == {"settings", "recovery key"}
    said = extracts(shared, "doctor", EXTRACTS_DROPZONE="/mnt", EXTRACTS_RECOVERY_RECIPIENT=secret)
    assert "EXTRACTS_DROPZONE: no setting has this name" in said.text
    assert "ZZSECRET" not in said.text


def test_a_recovery_key_must_be_one(shared: World) -> None:
    assert set(unwell(shared, EXTRACTS_RECOVERY_RECIPIENT="age1rubbish")) == {"recovery key"}


def test_a_folder_of_runs_that_others_can_write_is_told(shared: World, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs").chmod(0o777)
    assert "chmod 755" in unwell(shared, EXTRACTS_RUNS=str(tmp_path / "runs"))["EXTRACTS_RUNS"]


def test_outside_a_demo_nobody_invented_signs_and_nobody_holds_the_owners_key(shared: World, tmp_path: Path) -> None:
    home = {"EXTRACTS_HOME": str(tmp_path / "new"), "EXTRACTS_REGISTER_OWNER_URL": shared.work.register_url}
    found = unwell(None, **home)
    assert "invented" in found["people"]
    assert "can change the ledger" in found["EXTRACTS_REGISTER_OWNER_URL"]
