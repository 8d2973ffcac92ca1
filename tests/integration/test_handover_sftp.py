"""Publishing over SFTP to a real OpenSSH server: whole or not at all, once, and safe against cuts, kills and rivals."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from extracts import signing
from extracts.errors import (
    AlreadyDelivered,
    Busy,
    DiskFull,
    DropZoneUnreachable,
    HostKeyRefused,
    NotFound,
    SettingMissing,
    VerificationFailed,
)
from extracts.handover.chain import verify
from extracts.handover.dropzone import sftp_transfer
from extracts.handover.dropzone.index import Status
from extracts.handover.dropzone.interface import DropZone, Place
from extracts.handover.dropzone.sftp import SftpDropZone
from extracts.handover.dropzone.sftp_claim import dead
from tests.support.cutting_proxy import cutting
from tests.support.deliveries import NOW, MadeDelivery, a_delivery, an_index_signer, revised
from tests.support.keys import Keys
from tests.support.sftp_area import SftpArea, a_free_port, an_area

RECIPIENT, REQUEST = "scottish-government-analysts", "SDDSB-2026-027"
PLACE = Place(RECIPIENT, REQUEST, f"{REQUEST}.2026-11.r1")
SOON = (0.0,) * 5
LARGE = 1 << 20


@pytest.fixture
def area(sftp_area: SftpArea) -> Iterator[SftpArea]:
    """The session's area with nothing in it."""
    yield sftp_area
    for folder in (sftp_area.root / ".incoming", *sftp_area.root.glob("*/deliveries"), *sftp_area.root.glob("*/inbox")):
        for left in folder.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    return a_delivery(tmp_path_factory.mktemp("staged"), keys)


@pytest.fixture(scope="module")
def redone(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    """The same delivery made again: encryption draws new random numbers, so its bytes differ."""
    return a_delivery(tmp_path_factory.mktemp("redone"), keys)


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    return a_delivery(tmp_path_factory.mktemp("later"), keys, manifest=revised)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    return a_delivery(tmp_path_factory.mktemp("large"), keys, clear=bytes(range(256)) * (LARGE // 256))


def a_zone(area: SftpArea, port: int | None = None, **changes: object) -> SftpDropZone:
    return replace(SftpDropZone(area.address(port), pauses=SOON), **changes)  # type: ignore[arg-type]


def unfinished(area: SftpArea) -> list[str]:
    return sorted(p.name for p in (area.root / ".incoming").iterdir())


def visible(area: SftpArea) -> list[str]:
    return sorted(p.name for p in (area.room(RECIPIENT) / "deliveries").glob("*/*"))


def check_one_complete_delivery(area: SftpArea, keys: Keys, made: MadeDelivery, tmp_path: Path) -> None:
    """As its recipient fetches it, with the real `sftp`, and verifies it."""
    here = tmp_path / "collected"
    here.mkdir()
    fetched = area.sftp(RECIPIENT, f"get -r deliveries/{REQUEST} {here}")
    assert fetched.returncode == 0, fetched.stderr
    assert visible(area) == [made.id, "index.json", "index.json.sig"]
    # The large one is no Parquet within: its bytes are judged, not its rows.
    identity = made.identity if made.clear.stat().st_size < LARGE else None
    results = verify(here / REQUEST, keys.allowed_signers, NOW, identity)
    assert [r.passed for r in results] == [True, True], [r.sentences() for r in results]
    assert unfinished(area) == [], "leftovers"


# --- publishing -----------------------------------------------------------------------------------------------------


def test_a_delivery_is_published_whole_and_its_recipient_fetches_and_verifies_it(
    area: SftpArea, staged: MadeDelivery, keys: Keys, tmp_path: Path
) -> None:
    zone: DropZone = a_zone(area)
    zone.check()
    published = zone.publish(staged.folder, an_index_signer(keys), NOW)
    assert not published.already_there
    assert published.manifest_digest == staged.assembled.manifest_digest
    assert zone.manifest(PLACE) == (staged.folder / "manifest.json").read_bytes()
    check_one_complete_delivery(area, keys, staged, tmp_path)


def test_modes_and_group_let_the_recipient_read_and_nobody_else(
    area: SftpArea, staged: MadeDelivery, keys: Keys
) -> None:
    a_zone(area).publish(staged.folder, an_index_signer(keys), NOW)
    group = area.room(RECIPIENT).stat().st_gid
    for path in (area.room(RECIPIENT) / "deliveries").rglob("*"):
        found = path.stat()
        assert found.st_gid == group, path
        assert found.st_mode & 0o7777 == (0o2750 if path.is_dir() else 0o640), (path, oct(found.st_mode))


def test_the_same_delivery_again_changes_nothing(area: SftpArea, staged: MadeDelivery, keys: Keys) -> None:
    zone, signer = a_zone(area), an_index_signer(keys)
    zone.publish(staged.folder, signer, NOW)
    before = {p: p.stat().st_mtime_ns for p in area.room(RECIPIENT).rglob("*")}
    assert zone.publish(staged.folder, signer, NOW).already_there
    assert {p: p.stat().st_mtime_ns for p in area.room(RECIPIENT).rglob("*")} == before


def test_another_delivery_under_the_same_id_is_refused(
    area: SftpArea, staged: MadeDelivery, redone: MadeDelivery, keys: Keys, tmp_path: Path
) -> None:
    zone, signer = a_zone(area), an_index_signer(keys)
    zone.publish(staged.folder, signer, NOW)
    with pytest.raises(AlreadyDelivered, match=r"SDDSB-2026-027\.2026-11\.r1 was delivered before"):
        zone.publish(redone.folder, signer, NOW)
    check_one_complete_delivery(area, keys, staged, tmp_path)


def test_the_index_lists_supersedes_and_withdraws(
    area: SftpArea, staged: MadeDelivery, later: MadeDelivery, keys: Keys
) -> None:
    zone, signer = a_zone(area), an_index_signer(keys)
    assert zone.index(RECIPIENT, REQUEST, signer) is None
    with pytest.raises(NotFound):
        zone.withdraw(PLACE, "Sent too early.", signer, NOW)
    zone.publish(staged.folder, signer, NOW)
    zone.publish(later.folder, signer, NOW)
    zone.withdraw(replace(PLACE, delivery_id=later.id), "Sent too early.", signer, NOW)
    index = zone.index(RECIPIENT, REQUEST, signer)
    assert index is not None
    assert [e.status for e in index.deliveries] == [Status.SUPERSEDED, Status.WITHDRAWN]
    assert unfinished(area) == []


def test_what_became_visible_is_completed_and_what_did_not_is_not(
    area: SftpArea, staged: MadeDelivery, redone: MadeDelivery, keys: Keys, tmp_path: Path
) -> None:
    zone, signer = a_zone(area), an_index_signer(keys)
    assert zone.complete(PLACE, staged.assembled.manifest_digest, signer, NOW) is None
    zone.publish(staged.folder, signer, NOW)
    for index in (area.room(RECIPIENT) / "deliveries" / REQUEST).glob("index.*"):
        index.unlink()
    with pytest.raises(VerificationFailed, match="not what the ledger says"):
        zone.complete(PLACE, redone.assembled.manifest_digest, signer, NOW)
    assert zone.complete(PLACE, staged.assembled.manifest_digest, signer, NOW) is not None
    check_one_complete_delivery(area, keys, staged, tmp_path)


def test_a_delivery_that_someone_changed_on_the_server_is_not_taken_for_done(
    area: SftpArea, staged: MadeDelivery, keys: Keys
) -> None:
    zone, signer = a_zone(area), an_index_signer(keys)
    zone.publish(staged.folder, signer, NOW)
    with (area.room(RECIPIENT) / "deliveries" / REQUEST / staged.id / "README.txt").open("ab") as stream:
        stream.write(b"!")
    with pytest.raises(VerificationFailed, match=r"README\.txt in the drop zone is not as the manifest says"):
        zone.publish(staged.folder, signer, NOW)


def test_bytes_that_the_server_damages_are_noticed_before_anything_is_visible(
    area: SftpArea, staged: MadeDelivery, keys: Keys
) -> None:
    def damage(point: str) -> None:
        if point == "written":
            (found,) = (area.root / ".incoming").glob("*/*/plan.json")
            found.write_bytes(found.read_bytes()[:-1] + b"?")

    with pytest.raises(VerificationFailed, match=r"plan\.json in the drop zone"):
        a_zone(area, passing=damage).publish(staged.folder, an_index_signer(keys), NOW)
    assert (visible(area), unfinished(area)) == ([], [])


def test_a_recipient_without_a_room_is_told_of(area: SftpArea, staged: MadeDelivery, keys: Keys) -> None:
    room, away = area.room(RECIPIENT), area.folder / "away"
    room.rename(away)
    try:
        with pytest.raises(DropZoneUnreachable, match="no room for scottish-government-analysts"):
            a_zone(area).publish(staged.folder, an_index_signer(keys), NOW)
        assert RECIPIENT not in a_zone(area).rooms()
    finally:
        away.rename(room)
    assert RECIPIENT in a_zone(area).rooms()


# --- cuts -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sftp_transfer, "PIECE", 32 * 1024)


def tenths(total: int) -> list[int]:
    return [total * tenth // 10 for tenth in range(1, 10)]


@pytest.mark.parametrize("up", [True, False], ids=["while uploading", "while reading back"])
def test_a_connection_cut_at_every_tenth_goes_on_where_it_was(
    area: SftpArea, large: MadeDelivery, keys: Keys, tmp_path: Path, small_pieces: None, up: bool
) -> None:
    with cutting(area.port, tenths(LARGE), up) as proxy:
        area.pin(proxy.port)
        a_zone(area, proxy.port).publish(large.folder, an_index_signer(keys), NOW)
    assert len(proxy.cut_at) == 9
    # Each new connection costs a few thousand bytes and the piece that was under way; not the whole file again.
    assert proxy.passed < 2 * LARGE
    check_one_complete_delivery(area, keys, large, tmp_path)


@pytest.mark.parametrize("tenth", range(10))
def test_a_publisher_that_is_cut_off_for_good_leaves_nothing_to_see_and_the_next_one_publishes(
    area: SftpArea, large: MadeDelivery, keys: Keys, tmp_path: Path, small_pieces: None, tenth: int
) -> None:
    signer = an_index_signer(keys)
    with cutting(area.port, range(tenth * LARGE // 10 + 3000, 4 * LARGE, 1000)) as proxy:
        area.pin(proxy.port)
        with pytest.raises(DropZoneUnreachable):
            a_zone(area, proxy.port, pauses=()).publish(large.folder, signer, NOW)
    assert visible(area) == []
    a_zone(area, patience_seconds=-1).publish(large.folder, signer, NOW)
    check_one_complete_delivery(area, keys, large, tmp_path)


@pytest.mark.parametrize("answer", range(0, 60, 4))
def test_whichever_answer_of_a_small_delivery_is_lost_it_is_published_once(
    area: SftpArea, staged: MadeDelivery, keys: Keys, tmp_path: Path, answer: int
) -> None:
    """Small steps, such as the renaming, are cut too: the server did it, and nobody was told."""
    with cutting(area.port, [2400 + 800 * answer], up=False) as proxy:
        area.pin(proxy.port)
        a_zone(area, proxy.port).publish(staged.folder, an_index_signer(keys), NOW)
    check_one_complete_delivery(area, keys, staged, tmp_path)


def test_a_download_cut_at_every_tenth_is_taken_up_again_by_the_real_program(
    area: SftpArea, large: MadeDelivery, keys: Keys, tmp_path: Path
) -> None:
    a_zone(area).publish(large.folder, an_index_signer(keys), NOW)
    name = next(p.name for p in large.folder.glob("*.age"))
    here, tries = tmp_path / name, 0
    with cutting(area.port, tenths(LARGE), up=False) as proxy:
        area.pin(proxy.port)
        to_proxy = ["-P", str(proxy.port)]
        while tries < 12:
            tries += 1
            command = f"reget deliveries/{REQUEST}/{large.id}/{name} {here}"
            if area.sftp(RECIPIENT, command, options=to_proxy).returncode == 0:
                break
    assert (tries, here.read_bytes()) == (10, (large.folder / name).read_bytes())


def test_a_server_that_is_not_there_is_unreachable_and_not_waited_for(area: SftpArea, keys: Keys) -> None:
    with pytest.raises(DropZoneUnreachable, match="cannot be reached or written"):
        a_zone(area, a_free_port()).check()


# --- kills and rivals -----------------------------------------------------------------------------------------------

PUBLISH = """
import sys
from datetime import datetime
from pathlib import Path, PurePosixPath
from extracts.handover.dropzone import sftp_transfer
from extracts.handover.dropzone.sftp import SftpDropZone
from extracts.handover.dropzone.sftp_address import SftpAddress
from tests.support.deliveries import an_index_signer
from tests.support.keys import Keys
folder, keys, now, user, port, key, known, point = sys.argv[1:]
sftp_transfer.PIECE = 32 * 1024
moving = sftp_transfer.Upload.run
def run(self, session, moved):
    def stop(size):
        moved(size)
        if point == "uploading" and self.sent > 300_000:
            print(point, flush=True)
            sys.stdin.readline()
    return moving(self, session, stop)
sftp_transfer.Upload.run = run
def passing(name):
    if name == point:
        print(point, flush=True)
        sys.stdin.readline()
address = SftpAddress(user, "127.0.0.1", int(port), PurePosixPath("/"), Path(key), Path(known))
zone = SftpDropZone(address, passing=passing)
done = zone.publish(Path(folder), an_index_signer(Keys(Path(keys))), datetime.fromisoformat(now))
print("already there" if done.already_there else "published", flush=True)
"""


def publisher(area: SftpArea, made: MadeDelivery, keys: Keys, point: str) -> subprocess.Popen[str]:
    """A publisher in a process of its own, which stops at `point` until it is told to go on."""
    at = area.address()
    arguments = [str(made.folder), str(keys.folder), NOW.isoformat(), at.user, str(at.port), at.key, at.known_hosts]
    started = subprocess.Popen(
        [sys.executable, "-c", PUBLISH, *map(str, arguments), point],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert started.stdout is not None
    assert started.stdout.readline() == f"{point}\n"
    return started


@pytest.mark.parametrize("point", ["uploading", "verified", "renamed", "index signed", "index written"])
def test_a_killed_publisher_leaves_nothing_or_one_whole_delivery_and_the_next_completes_it(
    area: SftpArea, large: MadeDelivery, keys: Keys, tmp_path: Path, point: str
) -> None:
    killed = publisher(area, large, keys, point)
    assert len(unfinished(area)) == 1
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=90)
    assert (visible(area) == []) == (point in ("uploading", "verified"))
    again = a_zone(area, patience_seconds=-1).publish(large.folder, an_index_signer(keys), NOW)
    assert again.already_there == (point not in ("uploading", "verified"))
    check_one_complete_delivery(area, keys, large, tmp_path)


def test_a_second_publisher_waits_for_a_living_one_and_is_told_if_it_takes_too_long(
    area: SftpArea, large: MadeDelivery, keys: Keys, tmp_path: Path
) -> None:
    signer, first = an_index_signer(keys), publisher(area, large, keys, "verified")
    with pytest.raises(Busy, match="Another run is publishing a delivery of SDDSB-2026-027"):
        a_zone(area, wait_seconds=0.2).publish(large.folder, signer, NOW)
    assert len(unfinished(area)) == 1
    said, _ = first.communicate("go on\n", timeout=90)
    assert said == "published\n"
    assert a_zone(area).publish(large.folder, signer, NOW).already_there
    check_one_complete_delivery(area, keys, large, tmp_path)


def test_a_publisher_that_was_taken_for_dead_can_do_nothing_any_more(
    area: SftpArea, large: MadeDelivery, keys: Keys, tmp_path: Path
) -> None:
    asleep = publisher(area, large, keys, "verified")
    a_zone(area, patience_seconds=-1).publish(large.folder, an_index_signer(keys), NOW)
    said, _ = asleep.communicate("go on\n", timeout=90)
    assert (said, asleep.returncode) == ("", 1)
    check_one_complete_delivery(area, keys, large, tmp_path)


def test_a_publisher_that_lost_its_place_between_two_parts_of_the_index_leaves_one_that_verifies(
    area: SftpArea, large: MadeDelivery, later: MadeDelivery, keys: Keys
) -> None:
    asleep, signer = publisher(area, large, keys, "index signed"), an_index_signer(keys)
    a_zone(area, patience_seconds=-1).publish(later.folder, signer, NOW)
    asleep.communicate("go on\n", timeout=90)
    index = a_zone(area).index(RECIPIENT, REQUEST, signer)
    assert index is not None
    assert [e.delivery_id for e in index.deliveries] == [later.id]
    # Whoever settles the first delivery's intent, as every run of the agreement does, lists it.
    a_zone(area).complete(PLACE, large.assembled.manifest_digest, signer, NOW)
    index = a_zone(area).index(RECIPIENT, REQUEST, signer)
    assert index is not None
    assert {e.delivery_id for e in index.deliveries} == {large.id, later.id}


def test_two_publishers_of_one_agreement_at_once_publish_both_and_lose_no_index_entry(
    area: SftpArea, staged: MadeDelivery, later: MadeDelivery, keys: Keys
) -> None:
    signer, failed = an_index_signer(keys), list[BaseException]()

    def publish(made: MadeDelivery) -> None:
        try:
            a_zone(area).publish(made.folder, signer, NOW)
        except BaseException as error:
            failed.append(error)

    both = [threading.Thread(target=publish, args=(made,)) for made in (staged, later, staged, later)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(90)
    assert failed == []
    index = a_zone(area).index(RECIPIENT, REQUEST, signer)
    assert index is not None
    assert {e.delivery_id for e in index.deliveries} == {staged.id, later.id}
    assert unfinished(area) == []


def test_who_is_dead_is_told_by_the_age_of_the_last_sign_of_life() -> None:
    born = {"old": 100, "young": 171, "of the future": 900}
    assert dead(born, now=200, patience_seconds=30) == ["old"]


# --- who is who -----------------------------------------------------------------------------------------------------


def test_a_server_whose_key_is_not_pinned_is_refused(area: SftpArea, tmp_path: Path) -> None:
    (tmp_path / "known").write_text("")
    with pytest.raises(HostKeyRefused, match="did not show a host key that is pinned for it"):
        SftpDropZone(replace(area.address(), known_hosts=tmp_path / "known")).check()


def test_a_server_whose_key_changed_is_refused(area: SftpArea, tmp_path: Path) -> None:
    signing.generate_key(tmp_path / "other", "other")
    kind, key, _ = (tmp_path / "other.pub").read_text().split()
    (tmp_path / "known").write_text(f"[127.0.0.1]:{area.port} {kind} {key}\n")
    with pytest.raises(HostKeyRefused):
        SftpDropZone(replace(area.address(), known_hosts=tmp_path / "known")).check()


def test_a_key_that_the_server_does_not_know_is_told_without_its_contents(area: SftpArea, keys: Keys) -> None:
    with pytest.raises(DropZoneUnreachable, match=r"does not let t..-publisher log in with the key stranger\."):
        SftpDropZone(replace(area.address(), key=keys.private("stranger"))).check()


@pytest.mark.parametrize(("field", "variable"), [("key", "KEY"), ("known_hosts", "KNOWN_HOSTS")])
def test_a_missing_file_is_named_with_its_setting(area: SftpArea, tmp_path: Path, field: str, variable: str) -> None:
    with pytest.raises(SettingMissing, match=f"Set EXTRACTS_DROP_ZONE_{variable} to"):
        SftpDropZone(replace(area.address(), **{field: tmp_path / "none"})).check()


def test_a_private_key_that_others_can_read_is_refused(area: SftpArea, tmp_path: Path) -> None:
    exposed = shutil.copy(area.key("publisher"), tmp_path / "key")
    exposed.chmod(0o644)
    with pytest.raises(SettingMissing, match="can be read by others"):
        SftpDropZone(replace(area.address(), key=exposed)).check()


# --- space ----------------------------------------------------------------------------------------------------------


def test_a_large_file_never_is_in_memory_as_a_whole(area: SftpArea, tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path / "made", keys, clear=bytes(48 << 20))
    tracemalloc.start()
    try:
        a_zone(area).publish(made.folder, an_index_signer(keys), NOW)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20, f"{peak >> 20} MiB for a file of 48"


def test_a_full_disk_is_told_as_one_and_leaves_nothing(staged: MadeDelivery, large: MadeDelivery, keys: Keys) -> None:
    with an_area(RECIPIENT, disk="size=700k") as area:
        with pytest.raises(DiskFull, match="No space is left in the transfer area"):
            a_zone(area).publish(large.folder, an_index_signer(keys), NOW)
        a_zone(area).publish(staged.folder, an_index_signer(keys), NOW)
        assert a_zone(area).find(PLACE) is not None


# --- taking back ------------------------------------------------------------------------------------------------------


def test_a_delivery_is_taken_back_kept_and_published_again_as_it_was(
    area: SftpArea, staged: MadeDelivery, keys: Keys, tmp_path: Path
) -> None:
    zone, signer, kept = a_zone(area), an_index_signer(keys), tmp_path / "kept" / staged.id
    zone.publish(staged.folder, signer, NOW)
    assert zone.withdraw(PLACE, "Nobody acknowledged it.", signer, NOW).deliveries[0].status is Status.WITHDRAWN
    assert zone.remove(PLACE, kept) is True
    assert visible(area) == ["index.json", "index.json.sig"]
    assert {p.name: p.read_bytes() for p in kept.iterdir()} == {p.name: p.read_bytes() for p in staged.folder.iterdir()}
    assert zone.remove(PLACE, None) is False
    with pytest.raises(NotFound):
        zone.relist(PLACE, signer, NOW)
    zone.publish(kept, signer, NOW)
    assert zone.relist(PLACE, signer, NOW).deliveries[0].status is Status.CURRENT
    check_one_complete_delivery(area, keys, staged, tmp_path)
    assert zone.remove(PLACE, None) is True
    assert unfinished(area) == []


# --- notices of no delivery -------------------------------------------------------------------------------------------


def test_a_notice_is_read_by_its_recipient_alone_replaced_whole_and_taken_away(area: SftpArea, tmp_path: Path) -> None:
    zone, name = a_zone(area), "no-delivery.2026-11.json"
    place = Place(RECIPIENT, REQUEST, name)
    zone.put_notice(place, b"{}", b"an earlier signature")
    zone.put_notice(place, b'{"says": "later"}', b"a signature")
    assert visible(area) == [name, f"{name}.sig"]

    fetched = area.sftp(RECIPIENT, f"get deliveries/{REQUEST}/* {tmp_path}")
    assert fetched.returncode == 0, fetched.stderr
    assert (tmp_path / name).read_bytes() == b'{"says": "later"}'
    assert (tmp_path / f"{name}.sig").read_bytes() == b"a signature"
    assert area.sftp(RECIPIENT, f"rm deliveries/{REQUEST}/{name}").returncode != 0, "its recipient cannot remove it"

    zone.remove_notice(place)
    zone.remove_notice(place)
    assert (visible(area), unfinished(area)) == ([], [])
