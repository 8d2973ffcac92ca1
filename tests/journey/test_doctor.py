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


def examined(world: World | None, **environment: str) -> tuple[dict[str, str], dict[str, str]]:
    """What the doctor finds well, and unwell, by subject; free space apart, which is this machine's."""
    said = extracts(world, "doctor", "--json", **environment)
    found = [c for c in said.json if c["subject"] != "disk"]
    assert said.code == (1 if [c for c in said.json if not c["passed"]] else 0)
    well, unwell = ({c["subject"]: c["detail"] for c in found if c["passed"] is passed} for passed in (True, False))
    return well, unwell


def test_a_good_home_is_well_to_the_last_agreement(shared: World) -> None:
    well, unwell = examined(shared)
    assert not unwell
    assert {"register and ledger", "service key", "allowed signers", "recovery key", "people"} <= set(well)
    assert "answers at dbname=source host=127.0.0.1" in well["source sample"]
    for request_id in AGREEMENTS:
        assert "as approved" in well[f"agreement {request_id}"]


def test_a_source_that_does_not_answer_is_told(shared: World) -> None:
    _, unwell = examined(shared, EXTRACTS_SOURCE_SAMPLE="host=127.0.0.1 port=1 dbname=source")
    assert set(unwell) == {"source sample", *(f"agreement {a}" for a in AGREEMENTS)}
    assert "No server answers at dbname=source host=127.0.0.1 port=1" in unwell["source sample"]


def test_a_list_that_does_not_let_the_service_sign_pages_is_told_before_anybody_waits_for_one(shared: World) -> None:
    path = shared.work.places.allowed_signers
    before = path.read_text()
    assert "signed as " in examined(shared)[0]["signed pages"]
    path.write_text(before.replace(",extract-page", ""))
    try:
        _, unwell = examined(shared)
    finally:
        path.write_text(before)
    assert list(unwell) == ["signed pages"]
    assert "add extract-page to the service's line" in unwell["signed pages"]


def test_what_is_wrong_is_a_line_and_the_rest_is_looked_at(shared: World, tmp_path: Path) -> None:
    (tmp_path / "passfile").touch(mode=0o600)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs").chmod(0o777)
    _, unwell = examined(
        shared,
        EXTRACTS_DROPZONE="/mnt",
        EXTRACTS_RUNS=str(tmp_path / "runs"),
        EXTRACTS_RECOVERY_RECIPIENT="age1rubbish",
        EXTRACTS_SOURCE_PASSFILE=str(tmp_path / "passfile"),
    )
    roles = {f"agreement {a}" for a in AGREEMENTS}
    assert set(unwell) == {"settings", "EXTRACTS_RUNS", "recovery key", *roles}
    assert "EXTRACTS_DROPZONE: no setting has this name" in unwell["settings"]
    assert "chmod 755" in unwell["EXTRACTS_RUNS"]


def test_outside_a_demo_nobody_invented_signs_and_nobody_holds_the_owners_key(shared: World, tmp_path: Path) -> None:
    owner, private = shared.work.register_url, "AGE-SECRET-KEY-1ZZSECRETZZ"
    home = {"EXTRACTS_HOME": str(tmp_path / "new"), "EXTRACTS_REGISTER_OWNER_URL": owner}
    _, unwell = examined(None, **home, EXTRACTS_RECOVERY_RECIPIENT=private)
    assert "invented" in unwell["people"]
    assert "can change the ledger" in unwell["EXTRACTS_REGISTER_OWNER_URL"]
    assert "private key" in unwell["settings"]
    assert "ZZSECRET" not in str(unwell)
