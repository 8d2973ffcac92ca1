"""Keys of agreements through the command line: backed up, lost, restored, replaced; and who may read what lies here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from extracts.agreement.decision import OrderKind
from extracts.errors import Outcome
from extracts.steps.keys import load_key
from extracts.steps.run import run_step
from tests.support.command_line import extracts
from tests.support.world import ANALYSTS, FIFE, World


def key_file(world: World, owner: str = ANALYSTS) -> Path:
    return world.work.places.keys / f"{owner}.json"


def secret(world: World, owner: str = ANALYSTS) -> str:
    return str(json.loads(key_file(world, owner).read_text())["secret"])


def backup(world: World, to: Path) -> Path:
    said = extracts(world, "keys", "backup", "--to", to)
    assert said.code == 0, said.text
    return to


def test_a_lost_key_is_told_with_what_is_lost_and_restored_from_the_backup(world: World, tmp_path: Path) -> None:
    kept, recovery = secret(world), world.home.people.recovery_identity
    file = backup(world, tmp_path / "keys.age")
    assert file.stat().st_mode & 0o777 == 0o600
    assert kept.encode() not in file.read_bytes()
    assert extracts(world, "keys", "backup", "--to", file).code == 2, "a backup overwrites nothing"
    assert extracts(world, "keys", "restore", file, "--identity", recovery).out == "No key was missing.\n"

    key_file(world).unlink()
    assert extracts(world, "publish").code == 0
    assert not key_file(world).exists(), "a lost key is never silently replaced"
    found = world.run(ANALYSTS)
    assert found["outcome"] == Outcome.STOPPED
    for part in (ANALYSTS, "is missing", "cannot join earlier ones", "extracts keys restore", "extracts keys replace"):
        assert part in found["reason"], found["reason"]
    assert not world.deliveries()
    assert not world.staged()

    stranger = world.home.people.identity("fife-council")
    said = extracts(world, "keys", "restore", file, "--identity", stranger)
    assert said.code == 1, said.text
    assert not key_file(world).exists()
    said = extracts(world, "keys", "restore", file, "--identity", recovery)
    assert said.code == 0, said.text
    assert ANALYSTS in said.out
    assert secret(world) == kept
    assert key_file(world).stat().st_mode & 0o777 == 0o600
    assert [e.subject for e in world.ledger("key.restored")] == [ANALYSTS]
    assert world.run(ANALYSTS)["outcome"] == Outcome.DELIVERED


def test_a_key_that_differs_from_the_backups_is_never_overwritten(world: World, tmp_path: Path) -> None:
    file, recovery = backup(world, tmp_path / "keys.age"), world.home.people.recovery_identity
    index = secret(world, "membership")
    key_file(world, "membership").unlink()
    other = {"key_id": f"{ANALYSTS}-0badcafe", "secret": "0b" * 32}
    key_file(world).write_text(json.dumps(other))
    said = extracts(world, "keys", "restore", file, "--identity", recovery)
    assert said.code == 1
    assert f"{ANALYSTS} is there and differs" in said.text
    assert not key_file(world, "membership").exists(), "nothing was restored"
    said = extracts(world, "keys", "restore", file, "--identity", recovery, "--only", "membership")
    assert said.code == 0, said.text
    assert secret(world, "membership") == index
    assert secret(world) == other["secret"]
    said = extracts(world, "keys", "restore", file, "--identity", recovery, "--only", "SDDSB-2099-001")
    assert said.code == 2
    assert "membership" in said.text


def test_an_old_backup_brings_a_replaced_key_back_out_of_use_only(world: World, tmp_path: Path) -> None:
    file, recovery = backup(world, tmp_path / "keys.age"), world.home.people.recovery_identity
    old, index = secret(world), secret(world, "membership")
    said = extracts(world, "keys", "replace", ANALYSTS, "--reasons", "It was seen on a screen.")
    assert said.code == 0, said.text
    new = secret(world)
    for there in (True, False):
        if not there:
            shutil.rmtree(world.work.places.keys)
        said = extracts(world, "keys", "restore", file, "--identity", recovery)
        assert said.code == 0, said.text
        assert key_file(world).exists() == there
        assert secret(world, "membership") == index
        (retired,) = (world.work.places.keys / "retired").iterdir()
        assert json.loads(retired.read_text())["secret"] == old
    assert new not in retired.read_text()
    assert world.work.places.keys.stat().st_mode & 0o077 == 0


def test_the_key_of_a_revoked_agreement_never_comes_back(world: World, tmp_path: Path) -> None:
    file, recovery = backup(world, tmp_path / "keys.age"), world.home.people.recovery_identity
    key_file(world).chmod(0o644)
    world.order(ANALYSTS, OrderKind.REVOKE)
    assert not key_file(world).exists(), "an exposed key can be retired"
    assert extracts(world, "keys", "restore", file, "--identity", recovery).code == 0
    assert not key_file(world).exists()
    said = extracts(world, "keys", "replace", ANALYSTS, "--reasons", "Why not.")
    assert said.code == 1
    assert f"{ANALYSTS} is revoked" in said.text
    assert not key_file(world).exists()
    later = backup(world, tmp_path / "later.age")
    shutil.rmtree(world.work.places.keys)
    said = extracts(world, "keys", "restore", later, "--identity", recovery, "--json")
    assert said.json["restored"] == ["membership"]
    assert said.json["retired"][0].startswith(ANALYSTS), "it is kept for the subjects' rights"


def test_a_damaged_key_is_told_left_out_of_backups_and_restored(world: World, tmp_path: Path) -> None:
    file, kept = backup(world, tmp_path / "keys.age"), secret(world)
    key_file(world).write_bytes(b"\xff{")
    assert "damaged" in extracts(world, "keys", "list").text
    said = extracts(world, "keys", "backup", "--to", tmp_path / "less.age")
    assert said.code == 1
    assert ANALYSTS in said.err
    assert (tmp_path / "less.age").exists()
    said = extracts(world, "keys", "restore", file, "--identity", world.home.people.recovery_identity)
    assert said.code == 0, said.text
    assert secret(world) == kept


def test_a_lost_membership_key_is_replaced_like_others(world: World) -> None:
    key_file(world, "membership").unlink()
    said = extracts(world, "keys", "replace", "membership", "--reasons", "Lost with the disk.")
    assert said.code == 0, said.text
    assert world.run(FIFE)["outcome"] == Outcome.DELIVERED


def test_replacing_a_key_is_told_and_the_old_one_is_kept_out_of_use(world: World) -> None:
    old, before = secret(world), extracts(world, "keys", "list", "--json").json
    for unreadable in (" ", "Seen\x1b[2K on a screen.", "\u202eneercs"):
        assert extracts(world, "keys", "replace", ANALYSTS, "--reasons", unreadable).code == 2
    assert extracts(world, "keys", "replace", "SDDSB-2099-001", "--reasons", "Why not.").code == 2
    assert secret(world) == old
    said = extracts(world, "keys", "replace", ANALYSTS, "--reasons", "It was seen on a screen.")
    assert said.code == 0, said.text
    assert secret(world) != old
    (retired,) = (world.work.places.keys / "retired").iterdir()
    assert json.loads(retired.read_text())["secret"] == old
    after = extracts(world, "keys", "list", "--json").json
    assert after[ANALYSTS] != before[ANALYSTS]
    (event,) = world.ledger("key.replaced")
    assert event.payload["key"] == after[ANALYSTS]
    run_step(world.work, "check_approval", world.key(ANALYSTS))


def test_a_damaged_key_file_is_no_key(world: World) -> None:
    key_file(world).write_bytes(b"{}")
    found = world.run(ANALYSTS)
    assert found["outcome"] == Outcome.STOPPED
    assert ANALYSTS in found["reason"]
    assert "extracts keys restore" in found["reason"]


def test_a_key_that_others_can_read_is_not_used(world: World) -> None:
    key_file(world).chmod(0o644)
    found = world.run(ANALYSTS)
    assert found["outcome"] == Outcome.STOPPED
    assert "can be read by others" in found["reason"]


def test_without_the_membership_key_nothing_is_built(world: World) -> None:
    key_file(world, "membership").unlink()
    assert extracts(world, "publish").code == 0
    found = world.run(FIFE)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "build_extract")
    assert "membership" in found["reason"]
    assert not world.staged()


@pytest.mark.parametrize("content", [b"", b"not age", b"\xff\x00"])
def test_what_is_no_backup_is_told_so(world: World, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys.age"
    file.write_bytes(content)
    said = extracts(world, "keys", "restore", file, "--identity", world.home.people.recovery_identity)
    assert said.code == 1, said.text
    assert "keys.age" in said.text
    assert "fault in the program" not in said.text
    nowhere = tmp_path / "nowhere"
    assert extracts(world, "keys", "restore", nowhere, "--identity", world.home.people.recovery_identity).code == 2


def test_no_key_and_no_treated_row_is_open_to_others(world: World) -> None:
    seen: list[tuple[str, int]] = []
    key = world.key(ANALYSTS)
    for step in ("check_approval", "check_source", "build_extract"):
        run_step(world.work, step, key)
    places = world.work.places
    for top in (
        places.home,
        places.keys,
        places.staging,
        places.staging / ANALYSTS,
        world.home.people.home / "people",
    ):
        assert top.stat().st_mode & 0o077 == 0, top
    for file in (
        *places.keys.rglob("*"),
        places.staging / ANALYSTS / "membership.age",
        *world.home.home.glob("people/*"),
    ):
        if file.is_file() and file.suffix != ".pub":
            seen.append((file.name, file.stat().st_mode & 0o077))
    assert seen
    assert not [name for name, mode in seen if mode], seen


def test_no_key_is_written_anywhere_else(world: World) -> None:
    for request_id in (ANALYSTS, FIFE):
        assert world.run(request_id)["outcome"] == Outcome.DELIVERED
    secrets = [secret(world), secret(world, "membership")]
    told = extracts(world, "keys", "list").out + extracts(world, "settings").out + extracts(world, "doctor").out
    told += repr([(e.kind, e.payload) for e in world.ledger()])
    for file in world.home.home.rglob("*"):
        if file.is_file() and world.work.places.keys not in file.parents:
            told += file.read_bytes().decode("latin-1")
    assert not [s for s in secrets if s in told]
    assert secrets[0] not in repr(load_key(world.work.places.keys, ANALYSTS)) + repr(world.work)
