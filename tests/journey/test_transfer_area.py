"""An agreement is delivered over SFTP, by nothing but settings, and its recipient collects it with common programs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extracts.agreement.custody import Custody
from extracts.errors import Outcome
from extracts.handover.chain import verify
from extracts.handover.dropzone.inbox import MAX_BYTES
from extracts.local.home import DemoHome
from extracts.record import custody
from extracts.record.transaction import reading
from extracts.settings import open_workplace
from extracts.steps.receipts import take_receipts
from extracts.steps.transfer import inbox
from tests.support.command_line import Said, extracts
from tests.support.sftp_area import SftpArea
from tests.support.world import FIFE, World, copied

RECIPIENT = "fife-council"


def settings(area: SftpArea) -> dict[str, str]:
    return {
        "EXTRACTS_DROP_ZONE": f"sftp://{area.prefix}publisher@127.0.0.1:{area.port}/",
        "EXTRACTS_DROP_ZONE_KEY": str(area.key("publisher")),
        "EXTRACTS_DROP_ZONE_KNOWN_HOSTS": str(area.known_hosts),
    }


@pytest.fixture(scope="module")
def served(template_world: DemoHome, sftp_area: SftpArea, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that publishes to the area, with one agreement run."""
    with copied(template_world, tmp_path_factory.mktemp("served") / "home") as own:
        there = open_workplace({"EXTRACTS_HOME": str(own.home.home), **settings(sftp_area)}).places.drop_zone
        own.work = replace(own.work, places=replace(own.work.places, drop_zone=there))
        found = own.run(FIFE)
        assert found["outcome"] == Outcome.DELIVERED, found
        yield own


def test_a_run_is_delivered_over_sftp_and_collected_and_verified_with_common_programs(
    served: World, sftp_area: SftpArea, tmp_path: Path
) -> None:
    fetched = sftp_area.sftp(RECIPIENT, f"get -r deliveries/{FIFE} {tmp_path}")
    assert fetched.returncode == 0, fetched.stderr
    people = served.home.people
    results = verify(tmp_path / FIFE, people.allowed_signers, datetime.now(UTC), people.identity(RECIPIENT))
    assert [r.passed for r in results] == [True, True], [r.sentences() for r in results]
    (folder,) = (tmp_path / FIFE).glob("*/")
    by_hand = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder)
    assert by_hand.returncode == 0


def test_the_same_run_again_delivers_nothing_twice(served: World) -> None:
    assert served.run(FIFE)["outcome"] == Outcome.NOTHING_DUE


def test_people_are_told_where_a_delivery_lies(served: World, sftp_area: SftpArea) -> None:
    (found,) = extracts(served, "deliveries", "list", "--json", **settings(sftp_area)).json
    assert found["path"].startswith(
        f"sftp://{sftp_area.prefix}publisher@127.0.0.1:{sftp_area.port}/{RECIPIENT}/deliveries/{FIFE}/"
    )


def test_a_receipt_that_the_recipient_puts_into_the_inbox_is_offered_and_taken_once(
    served: World, sftp_area: SftpArea, tmp_path: Path
) -> None:
    (tmp_path / "receipt.json").write_bytes(b"{}")
    (tmp_path / "large").write_bytes(bytes(2 * MAX_BYTES))
    put = sftp_area.sftp(
        RECIPIENT,
        f"put {tmp_path}/receipt.json inbox/.receipt.json",
        "rename inbox/.receipt.json inbox/receipt.json",
        f"put {tmp_path}/large inbox/large",
        f"put {tmp_path}/large inbox/.unfinished",
    )
    assert put.returncode == 0, put.stderr
    with inbox(served.work) as box:
        offered = dict(box.offered(RECIPIENT))
        assert offered["receipt.json"] == b"{}"
        assert {name: len(data) for name, data in offered.items()} == {"receipt.json": 2, "large": MAX_BYTES + 1}
        for name in (*offered, "receipt.json"):
            box.take(RECIPIENT, name)
        assert list(box.offered(RECIPIENT)) == []
        assert list(box.offered("nobody-we-know")) == []


def test_from_published_to_acknowledged_by_one_command_at_the_recipient_s_end(
    served: World, sftp_area: SftpArea, tmp_path: Path
) -> None:
    people = served.home.people
    said = extracts(
        None,
        "collect",
        f"sftp://{sftp_area.prefix}{RECIPIENT}@127.0.0.1:{sftp_area.port}",
        "--login-key",
        sftp_area.key(RECIPIENT),
        "--known-hosts",
        sftp_area.known_hosts,
        "--signers",
        people.allowed_signers,
        "--into",
        tmp_path,
        "--identity",
        people.identity(RECIPIENT),
        "--receipt-key",
        people.receipt_key(RECIPIENT),
        "--csv",
        "--json",
        EXTRACTS_HOME=str(tmp_path),
    )
    (collected,) = said.json["collected"]
    assert [Path(p).suffix for p in collected["opened"]] == [".parquet", ".csv"]
    dealt = take_receipts(served.work)
    assert (len(dealt.taken), dealt.refused, dealt.problems) == (1, (), ()), dealt
    with reading(served.work.register) as view:
        assert custody.custody_now(view, collected["delivery"]).state is Custody.ACKNOWLEDGED


def test_a_rehearsal_goes_the_same_way_over_sftp_and_is_taken_away_once_it_is_acknowledged(
    served: World, sftp_area: SftpArea, tmp_path: Path
) -> None:
    from extracts.steps.custody_clocks import tick
    from extracts.steps.rehearsing import rehearse

    sent, path = rehearse(served.work, FIFE, "engineer")
    assert path.name == sent.rehearsal_id
    said = collected_by_the_recipient(served, sftp_area, tmp_path, "--again", sent.rehearsal_id)
    assert sent.rehearsal_id in [c["delivery"] for c in said.json["collected"]], said.text
    done = tick(served.work)
    assert (done.refused, done.problems) == (0, [])
    room = sftp_area.room(RECIPIENT) / "deliveries" / f"TEST-{FIFE}"
    assert sorted(p.name for p in room.iterdir()) == ["index.json", "index.json.sig"]
    again = collected_by_the_recipient(served, sftp_area, tmp_path)
    assert "is over (it was acknowledged)" in again.json["stale"][sent.rehearsal_id]


def collected_by_the_recipient(served: World, sftp_area: SftpArea, into: Path, *more: str) -> Said:
    people = served.home.people
    return extracts(
        None,
        "collect",
        f"sftp://{sftp_area.prefix}{RECIPIENT}@127.0.0.1:{sftp_area.port}",
        "--login-key",
        sftp_area.key(RECIPIENT),
        "--known-hosts",
        sftp_area.known_hosts,
        "--signers",
        people.allowed_signers,
        "--into",
        into,
        "--identity",
        people.identity(RECIPIENT),
        "--receipt-key",
        people.receipt_key(RECIPIENT),
        "--json",
        *more,
        EXTRACTS_HOME=str(into),
    )


# --- the doctor -----------------------------------------------------------------------------------------------------


def examined(world: World, **environment: str) -> tuple[dict[str, str], dict[str, str]]:
    said = extracts(world, "doctor", "--json", **environment)
    well, unwell = ({c["subject"]: c["detail"] for c in said.json if c["passed"] is passed} for passed in (True, False))
    return well, unwell


def test_the_doctor_finds_an_area_that_takes_deliveries_and_names_who_has_no_room(
    served: World, sftp_area: SftpArea
) -> None:
    well, unwell = examined(served, **settings(sftp_area))
    assert "shows its pinned host key and takes deliveries" in well["transfer area"]
    assert "rooms of recipients" in well
    assert not set(unwell) - {"disk"}
    room, away = sftp_area.room("social-security-scotland"), sftp_area.folder / "away"
    room.rename(away)
    try:
        _, unwell = examined(served, **settings(sftp_area))
    finally:
        away.rename(room)
    assert "no room for social-security-scotland" in unwell["rooms of recipients"]


def test_the_doctor_tells_of_a_server_whose_key_is_not_pinned(
    served: World, sftp_area: SftpArea, tmp_path: Path
) -> None:
    (tmp_path / "known").touch()
    changed = {**settings(sftp_area), "EXTRACTS_DROP_ZONE_KNOWN_HOSTS": str(tmp_path / "known")}
    _, unwell = examined(served, **changed)
    assert "did not show a host key that is pinned for it" in unwell["transfer area"]
    assert "rooms of recipients" not in unwell
