"""The drop zone on a real file system: whole or not at all, once, whatever kills the publisher or fills the disk."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from extracts import signing
from extracts.canonical import digest_file
from extracts.errors import (
    AlreadyDelivered,
    Busy,
    DiskFull,
    DropZoneUnreachable,
    InvalidDocument,
    NotFound,
    Outcome,
    TechnicalFailure,
    UsageError,
    VerificationFailed,
)
from extracts.handover.chain import verify, verify_index
from extracts.handover.dropzone.folder import FolderDropZone
from extracts.handover.dropzone.index import IndexSigner, Status
from extracts.handover.dropzone.interface import DropZone, Place
from extracts.handover.facts import Previous
from extracts.handover.manifest import Manifest
from extracts.handover.reading import Contents, read_contents
from extracts.handover.verify import verify_delivery
from tests.support.deliveries import NOW, MadeDelivery, a_delivery, an_index_signer, revised, with_delivery
from tests.support.keys import Keys

RECIPIENT, REQUEST = "scottish-government-analysts", "SDDSB-2026-027"
PLACE = Place(RECIPIENT, REQUEST, "SDDSB-2026-027.2026-11.r1")
POINTS = (
    "opened",
    "written pension_credit_award.parquet.age",
    "written SHA256SUMS",
    "written manifest.json.sig",
    "written manifest.json",
    "verified",
    "renamed",
    "index signed",
    "index written",
    "done",
)
VISIBLE_FROM = POINTS.index("renamed")


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    return a_delivery(tmp_path_factory.mktemp("staged"), keys)


@pytest.fixture(scope="module")
def redone(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    """The same delivery made again: encryption draws new random numbers, so its bytes differ."""
    return a_delivery(tmp_path_factory.mktemp("redone"), keys)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "zone").mkdir()
    return tmp_path / "zone"


def seen_by_the_recipient(root: Path) -> list[str]:
    """Every file and folder that anybody but the service may see, hidden ones too."""
    top = [p for p in root.iterdir() if p.stat().st_mode & 0o077]
    return sorted(str(p.relative_to(root)) for t in top for p in [t, *t.rglob("*")])


def check_one_complete_delivery(root: Path, keys: Keys, made: MadeDelivery) -> None:
    folder = root / RECIPIENT / REQUEST
    assert sorted(p.name for p in folder.iterdir()) == [PLACE.delivery_id, "index.json", "index.json.sig"]
    results = verify(folder, keys.allowed_signers, NOW, made.identity)
    assert [r.passed for r in results] == [True, True], [r.sentences() for r in results]
    assert not list((root / ".publishing" / RECIPIENT).glob("*SDDSB-2026-027")), "leftovers"
    index = folder / "index.json"
    command = ["ssh-keygen", "-Y", "verify", "-f", str(keys.allowed_signers), "-I", keys.principal("service")]
    with index.open("rb") as stream:
        by_hand = subprocess.run([*command, "-n", signing.INDEX, "-s", f"{index}.sig"], stdin=stream)
    assert by_hand.returncode == 0


# --- publishing -----------------------------------------------------------------------------------------------------


def test_a_folder_is_a_drop_zone() -> None:
    zone: DropZone = FolderDropZone(Path("/nowhere"))
    assert zone


def test_what_is_published_is_what_was_staged(root: Path, staged: MadeDelivery, keys: Keys) -> None:
    published = FolderDropZone(root).publish(staged.folder, an_index_signer(keys), NOW)
    assert published.path == root / RECIPIENT / REQUEST / PLACE.delivery_id
    assert not published.already_there
    assert {p.name: digest_file(p) for p in published.path.iterdir()} == dict(staged.assembled.files)
    check_one_complete_delivery(root, keys, staged)


def test_publishing_the_same_again_changes_nothing(root: Path, staged: MadeDelivery, keys: Keys) -> None:
    zone = FolderDropZone(root)
    zone.publish(staged.folder, an_index_signer(keys), NOW)
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in (root / RECIPIENT).rglob("*")}
    again = zone.publish(staged.folder, an_index_signer(keys), NOW)
    assert again.already_there
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in (root / RECIPIENT).rglob("*")} == before


def test_other_content_under_the_same_id_is_refused(
    root: Path, staged: MadeDelivery, redone: MadeDelivery, keys: Keys
) -> None:
    zone = FolderDropZone(root)
    zone.publish(staged.folder, an_index_signer(keys), NOW)
    with pytest.raises(AlreadyDelivered, match="delivered before with other content") as caught:
        zone.publish(redone.folder, an_index_signer(keys), NOW)
    assert caught.value.outcome is Outcome.NOTHING_DUE
    assert "redeliver" in caught.value.advice
    check_one_complete_delivery(root, keys, staged)


def test_a_delivery_that_someone_changed_in_the_drop_zone_is_not_taken_for_done(
    root: Path, staged: MadeDelivery, keys: Keys
) -> None:
    zone = FolderDropZone(root)
    readme = zone.publish(staged.folder, an_index_signer(keys), NOW).path / "README.txt"
    readme.write_text("come here")
    with pytest.raises(VerificationFailed, match=r"README\.txt"):
        zone.publish(staged.folder, an_index_signer(keys), NOW)
    assert readme.read_text() == "come here"


@pytest.mark.parametrize("change", ["one file more", "one file less"])
def test_a_delivery_with_other_files_than_published_is_not_taken_for_done(
    root: Path, staged: MadeDelivery, keys: Keys, change: str
) -> None:
    zone, signer = FolderDropZone(root), an_index_signer(keys)
    folder = zone.publish(staged.folder, signer, NOW).path
    if change == "one file more":
        (folder / "notes.txt").write_text("")
    else:
        (folder / "SHA256SUMS").unlink()
    for attempt in (
        lambda: zone.publish(staged.folder, signer, NOW),
        lambda: zone.complete(PLACE, staged.assembled.manifest_digest, signer, NOW),
    ):
        with pytest.raises(VerificationFailed, match="not those of the manifest"):
            attempt()


def test_files_damaged_in_staging_are_never_published(tmp_path: Path, root: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path / "d", keys)
    (made.folder / "README.txt").write_text("come here")
    with pytest.raises(VerificationFailed, match=r"README\.txt"):
        FolderDropZone(root).publish(made.folder, an_index_signer(keys), NOW)
    assert seen_by_the_recipient(root) == []


def test_a_link_in_staging_is_never_published(tmp_path: Path, root: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path / "d", keys)
    readme = made.folder / "README.txt"
    readme.rename(tmp_path / "elsewhere")
    readme.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TechnicalFailure, match=r"README\.txt could not be read or written \(ELOOP\)"):
        FolderDropZone(root).publish(made.folder, an_index_signer(keys), NOW)
    assert seen_by_the_recipient(root) == []


def test_an_unassembled_folder_is_never_published(tmp_path: Path, root: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path / "d", keys)
    (made.folder / "manifest.json").write_text("{}")
    with pytest.raises(InvalidDocument):
        FolderDropZone(root).publish(made.folder, an_index_signer(keys), NOW)
    assert seen_by_the_recipient(root) == []


@pytest.mark.parametrize("recipient", ["../elsewhere", ".hidden", "", "a/b"])
def test_a_recipient_that_is_no_plain_name_gets_no_folder(
    tmp_path: Path, root: Path, keys: Keys, recipient: str
) -> None:
    def misled(m: Manifest) -> Manifest:
        return replace(m, agreement=replace(m.agreement, recipient=replace(m.agreement.recipient, id=recipient)))

    made = a_delivery(tmp_path / "d", keys, manifest=misled)
    with pytest.raises(NotFound):
        FolderDropZone(root).publish(made.folder, an_index_signer(keys), NOW)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d", "zone"]


# --- who may read ---------------------------------------------------------------------------------------------------


def test_only_the_group_may_read_a_delivery(root: Path, staged: MadeDelivery, keys: Keys) -> None:
    FolderDropZone(root).publish(staged.folder, an_index_signer(keys), NOW)
    modes = {stat.S_IMODE(p.stat().st_mode) for p in (root / RECIPIENT).rglob("*") if p.is_file()}
    assert modes == {0o640}
    assert {stat.S_IMODE(p.stat().st_mode) for p in [root / RECIPIENT, root / RECIPIENT / REQUEST]} == {0o750}


@pytest.mark.skipif(os.geteuid() != 0 and len(os.getgroups()) < 2, reason="needs a second group to give files to")
def test_a_recipients_folder_hands_its_group_to_what_is_published_there(
    root: Path, staged: MadeDelivery, keys: Keys
) -> None:
    group = 12345 if os.geteuid() == 0 else next(g for g in os.getgroups() if g != os.getegid())
    (root / RECIPIENT).mkdir()
    os.chown(root / RECIPIENT, -1, group)
    (root / RECIPIENT).chmod(0o2750)
    FolderDropZone(root).publish(staged.folder, an_index_signer(keys), NOW)
    delivered = [p for p in (root / RECIPIENT).rglob("*") if PLACE.delivery_id in str(p)]
    assert len(delivered) == 12
    assert {p.stat().st_gid for p in delivered} == {group}
    there = [root / RECIPIENT / REQUEST, *(root / RECIPIENT / REQUEST).glob("index*")]
    assert {p.stat().st_gid for p in there} == {group}
    assert len(there) == 3


# --- the index ------------------------------------------------------------------------------------------------------


def test_the_index_tells_which_delivery_counts(tmp_path: Path, root: Path, staged: MadeDelivery, keys: Keys) -> None:
    zone, signer = FolderDropZone(root), an_index_signer(keys)
    zone.publish(staged.folder, signer, NOW)
    zone.publish(a_delivery(tmp_path / "r2", keys, manifest=revised).folder, signer, NOW)
    index = zone.index(RECIPIENT, REQUEST, signer)
    assert index is not None
    assert [(e.delivery_id[-2:], e.status, e.superseded_by[-2:]) for e in index.deliveries] == [
        ("r1", Status.SUPERSEDED, "r2"),
        ("r2", Status.CURRENT, ""),
    ]
    assert (index.number, index.deliveries[1].supersedes) == (2, PLACE.delivery_id)
    after = zone.withdraw(replace(PLACE, delivery_id="SDDSB-2026-027.2026-11.r2"), "Wrong period.", signer, NOW)
    assert after.deliveries[1].status is Status.WITHDRAWN
    assert zone.withdraw(replace(PLACE, delivery_id="SDDSB-2026-027.2026-11.r2"), "Again.", signer, NOW) == after
    said = "\n".join(verify_index(root / RECIPIENT / REQUEST, keys.allowed_signers).sentences())
    assert "was replaced by SDDSB-2026-027.2026-11.r2: do not use it" in said
    assert "was withdrawn (Wrong period.): do not use it" in said


def test_an_old_index_put_back_is_found_by_its_number(
    tmp_path: Path, root: Path, staged: MadeDelivery, keys: Keys
) -> None:
    zone, signer = FolderDropZone(root), an_index_signer(keys)
    folder = zone.publish(staged.folder, signer, NOW).path.parent
    old = {name: (folder / name).read_bytes() for name in ("index.json", "index.json.sig")}
    withdrawn = zone.withdraw(PLACE, "Wrong period.", signer, NOW)
    assert withdrawn.number == 2
    assert verify_index(folder, keys.allowed_signers, least_number=2).passed
    for name, data in old.items():
        (folder / name).write_bytes(data)
    unasked = verify_index(folder, keys.allowed_signers)
    assert unasked.passed
    assert "--index-number-at-least 1" in " ".join(map(str, unasked.not_checked))
    (found,) = verify_index(folder, keys.allowed_signers, least_number=2).failed
    assert (found.file, "an older one" in found.what) == ("index.json", True)


def test_a_number_is_asked_of_an_index_only(staged: MadeDelivery, keys: Keys) -> None:
    with pytest.raises(UsageError, match=r"holds no index\.json"):
        verify(staged.folder, keys.allowed_signers, NOW, least_number=1)


def test_what_is_not_there_cannot_be_withdrawn(root: Path, staged: MadeDelivery, keys: Keys) -> None:
    zone, signer = FolderDropZone(root), an_index_signer(keys)
    with pytest.raises(NotFound):
        zone.withdraw(PLACE, "Never was.", signer, NOW)
    zone.publish(staged.folder, signer, NOW)
    with pytest.raises(NotFound):
        zone.withdraw(replace(PLACE, delivery_id="SDDSB-2026-027.2026-12.r1"), "Never was.", signer, NOW)


@pytest.mark.parametrize("how", ["edited", "junk", "unsigned", "by a stranger", "another namespace"])
def test_an_index_that_is_not_ours_stops_before_anything_is_published(
    tmp_path: Path, root: Path, staged: MadeDelivery, keys: Keys, how: str
) -> None:
    zone, signer = FolderDropZone(root), an_index_signer(keys)
    zone.publish(staged.folder, signer, NOW)
    index, signature = root / RECIPIENT / REQUEST / "index.json", root / RECIPIENT / REQUEST / "index.json.sig"
    if how == "edited":
        index.write_bytes(index.read_bytes().replace(b'"current"', b'"withdrawn"'))
    elif how == "junk":
        index.write_bytes(b"{")
    elif how == "unsigned":
        signature.unlink()
    else:
        role, namespace = ("stranger", signing.INDEX) if how == "by a stranger" else ("service", signing.MANIFEST)
        signature.write_text(keys.sign(index.read_bytes(), role, namespace))
    later = a_delivery(tmp_path / "later", keys, manifest=december)
    before = seen_by_the_recipient(root)
    with pytest.raises(VerificationFailed, match=r"index\.json does not verify"):
        zone.publish(later.folder, signer, NOW)
    assert seen_by_the_recipient(root) == before
    assert not verify_index(root / RECIPIENT / REQUEST, keys.allowed_signers).passed


@pytest.mark.parametrize("name", ["index.json", "index.json.sig"])
def test_every_flipped_byte_of_the_index_is_found(root: Path, staged: MadeDelivery, keys: Keys, name: str) -> None:
    zone, signer = FolderDropZone(root), an_index_signer(keys)
    path = zone.publish(staged.folder, signer, NOW).path.parent / name
    data = path.read_bytes()
    for at in range(0, len(data), 3):
        path.write_bytes(bytes([*data[:at], data[at] ^ (1 << at % 8), *data[at + 1 :]]))
        with pytest.raises(VerificationFailed, match=r"index\.json does not verify"):
            zone.index(RECIPIENT, REQUEST, signer)
    path.write_bytes(data + b"\n")
    with pytest.raises(VerificationFailed):
        zone.index(RECIPIENT, REQUEST, signer)


def test_a_renewed_service_key_does_not_void_the_index(tmp_path: Path, root: Path) -> None:
    from datetime import UTC, datetime

    from tests.support.keys import make_keys

    keys = make_keys(tmp_path / "keys")
    keys.add("old", signing.INDEX, before=datetime(2026, 11, 25, tzinfo=UTC))
    zone = FolderDropZone(root)
    zone.publish(a_delivery(tmp_path / "a", keys).folder, an_index_signer(keys, "old"), NOW)
    later = datetime(2026, 12, 24, tzinfo=UTC)
    zone.publish(a_delivery(tmp_path / "b", keys, manifest=december).folder, an_index_signer(keys), later)
    index = zone.index(RECIPIENT, REQUEST, an_index_signer(keys))
    assert index is not None
    assert len(index.deliveries) == 2


def december(m: Manifest) -> Manifest:
    return with_delivery(m, id="SDDSB-2026-027.2026-12.r1", period="2026-12")


def test_the_chain_of_manifests_shows_a_missing_delivery(
    tmp_path: Path, root: Path, staged: MadeDelivery, keys: Keys
) -> None:
    zone, signer = FolderDropZone(root), an_index_signer(keys)
    zone.publish(staged.folder, signer, NOW)

    def following(digest: str) -> Manifest:
        return lambda m: replace(december(m), previous=Previous(PLACE.delivery_id, digest))

    good = following(staged.assembled.manifest_digest)
    zone.publish(a_delivery(tmp_path / "good", keys, manifest=good).folder, signer, NOW)
    folder = root / RECIPIENT / REQUEST
    said = verify_index(folder, keys.allowed_signers)
    assert said.passed
    assert f"SDDSB-2026-027.2026-12.r1: follows {PLACE.delivery_id}" in map(str, said.checked)
    shutil.rmtree(folder / PLACE.delivery_id)
    said = verify_index(folder, keys.allowed_signers)
    assert f"{PLACE.delivery_id}: is not in this folder: not collected, or destroyed" in map(str, said.not_checked)

    def january(m: Manifest) -> Manifest:
        other = following("sha256:" + "0" * 64)(m)
        return with_delivery(other, id="SDDSB-2026-027.2027-01.r1", period="2027-01")

    zone.publish(a_delivery(tmp_path / "bad", keys, manifest=january).folder, signer, NOW)
    assert "which the index does not list as it was" in "; ".join(
        map(str, verify_index(folder, keys.allowed_signers).failed)
    )


def test_a_folder_that_the_index_does_not_list_is_named(root: Path, staged: MadeDelivery, keys: Keys) -> None:
    zone = FolderDropZone(root)
    published = zone.publish(staged.folder, an_index_signer(keys), NOW)
    planted = published.path.parent / "SDDSB-2026-027.2026-12.r1"
    shutil.copytree(published.path, planted)
    (published.path.parent / "notes.txt").write_text("")
    failed = {f.file for f in verify_index(published.path.parent, keys.allowed_signers).failed}
    assert failed == {planted.name, "notes.txt"}


def test_a_swapped_delivery_is_named_by_the_index(
    root: Path, staged: MadeDelivery, redone: MadeDelivery, keys: Keys
) -> None:
    """Both are signed by the service; only one was published."""
    published = FolderDropZone(root).publish(staged.folder, an_index_signer(keys), NOW)
    shutil.rmtree(published.path)
    shutil.copytree(redone.folder, published.path)
    assert verify_delivery(published.path, keys.allowed_signers, NOW).passed
    assert "its manifest differs" in str(verify_index(published.path.parent, keys.allowed_signers).failed[0])


# --- killed ---------------------------------------------------------------------------------------------------------

PUBLISH = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from extracts.handover.dropzone.folder import FolderDropZone
from tests.support.deliveries import an_index_signer
from tests.support.keys import Keys
folder, root, keys, now, point, act = sys.argv[1:]
def passing(name):
    if name == point and act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == point and act == "wait":
        print(name, flush=True)
        sys.stdin.readline()
zone = FolderDropZone(Path(root), passing=passing)
done = zone.publish(Path(folder), an_index_signer(Keys(Path(keys))), datetime.fromisoformat(now))
print("already there" if done.already_there else "published", flush=True)
"""


def publisher(folder: Path, root: Path, keys: Keys, point: str = "", act: str = "") -> subprocess.Popen[str]:
    arguments = [str(folder), str(root), str(keys.folder), NOW.isoformat(), point, act]
    return subprocess.Popen(
        [sys.executable, "-c", PUBLISH, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_publisher_leaves_nothing_or_one_whole_delivery_and_the_next_completes_it(
    root: Path, staged: MadeDelivery, redone: MadeDelivery, keys: Keys, point: str
) -> None:
    killed = publisher(staged.folder, root, keys, point, "kill")
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    zone, signer = FolderDropZone(root), an_index_signer(keys)
    if POINTS.index(point) < VISIBLE_FROM:
        assert seen_by_the_recipient(root) == []
        assert zone.complete(PLACE, staged.assembled.manifest_digest, signer, NOW) is None
        assert not list((root / ".publishing" / RECIPIENT).glob("*SDDSB-2026-027")), "leftovers"
        zone.publish(redone.folder, signer, NOW)
        check_one_complete_delivery(root, keys, redone)
    else:
        delivered = root / RECIPIENT / REQUEST / PLACE.delivery_id
        assert verify_delivery(delivered, keys.allowed_signers, NOW).passed
        if (delivered.parent / "index.json").exists():
            assert verify_index(delivered.parent, keys.allowed_signers).passed
        with pytest.raises(AlreadyDelivered):
            zone.publish(redone.folder, signer, NOW)
        completed = zone.complete(PLACE, staged.assembled.manifest_digest, signer, NOW)
        assert completed is not None
        check_one_complete_delivery(root, keys, staged)


@pytest.mark.parametrize("point", ["index signed", "index written"])
def test_the_index_of_earlier_deliveries_verifies_while_a_later_one_is_written(
    tmp_path: Path, root: Path, staged: MadeDelivery, keys: Keys, point: str
) -> None:
    FolderDropZone(root).publish(staged.folder, an_index_signer(keys), NOW)
    later = a_delivery(tmp_path / "later", keys, manifest=december)
    killed = publisher(later.folder, root, keys, point, "kill")
    killed.communicate(timeout=60)
    index = FolderDropZone(root).index(RECIPIENT, REQUEST, an_index_signer(keys))
    assert index is not None
    assert len(index.deliveries) == (1 if point == "index signed" else 2)
    place = replace(PLACE, delivery_id=later.id)
    FolderDropZone(root).complete(place, later.assembled.manifest_digest, an_index_signer(keys), NOW)
    signatures = (root / RECIPIENT / REQUEST / "index.json.sig").read_text()
    assert signatures.count("BEGIN SSH SIGNATURE") == 1
    assert len(verify_index(root / RECIPIENT / REQUEST, keys.allowed_signers).failed) == 0


def test_completing_never_adopts_another_delivery_than_the_ledgers(
    root: Path, staged: MadeDelivery, redone: MadeDelivery, keys: Keys
) -> None:
    zone, signer = FolderDropZone(root), an_index_signer(keys)
    zone.publish(staged.folder, signer, NOW)
    (root / RECIPIENT / REQUEST / "index.json").unlink()
    with pytest.raises(VerificationFailed, match="not the delivery that the ledger says"):
        zone.complete(PLACE, redone.assembled.manifest_digest, signer, NOW)
    assert not (root / RECIPIENT / REQUEST / "index.json").exists()


def test_whatever_is_unfinished_lies_where_no_recipient_looks(
    root: Path, staged: MadeDelivery, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    create = os.open

    def watched(path: str, flags: int, *more: int, **named: int) -> int:
        if flags & os.O_CREAT:
            seen.add(str(Path(path).relative_to(root).parts[0]))
        return create(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", watched)
    FolderDropZone(root).publish(staged.folder, an_index_signer_that_opens_no_files(keys), NOW)
    assert seen == {".publishing"}


def an_index_signer_that_opens_no_files(keys: Keys) -> IndexSigner:
    """Signing writes temporary files elsewhere; here only the drop zone's own are watched."""
    signature = keys.sign(b"", "service", signing.INDEX)
    return IndexSigner(lambda data: signature, lambda data, signature, at: None)


def test_an_index_read_while_it_is_rewritten_is_read_again(
    tmp_path: Path, root: Path, staged: MadeDelivery, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone, signer = FolderDropZone(root), an_index_signer(keys)
    folder = zone.publish(staged.folder, signer, NOW).path.parent
    later = a_delivery(tmp_path / "later", keys, manifest=december)
    contents = iter([_torn_by(lambda: zone.publish(later.folder, signer, NOW))])
    monkeypatch.setattr("extracts.handover.chain.read_contents", lambda f: next(contents, read_contents)(f))
    assert verify_index(folder, keys.allowed_signers).passed


def _torn_by(act: Callable[[], object]) -> Callable[[Path], Contents]:
    def read(folder: Path) -> Contents:
        before = read_contents(folder)
        act()
        after = read_contents(folder)
        torn = {**after.documents, "index.json": before.documents["index.json"]}
        return replace(after, documents=torn, digests={**after.digests, "index.json": before.digests["index.json"]})

    return read


# --- two at once ----------------------------------------------------------------------------------------------------


def test_of_two_publishers_of_one_delivery_one_wins_and_the_other_is_told(
    root: Path, staged: MadeDelivery, redone: MadeDelivery, keys: Keys
) -> None:
    first = publisher(staged.folder, root, keys, "verified", "wait")
    assert first.stdout is not None
    assert first.stdout.readline() == "verified\n"
    second = publisher(redone.folder, root, keys)
    time.sleep(0.7)
    assert second.poll() is None, "it waits for the first"
    assert seen_by_the_recipient(root) == []
    out, _ = first.communicate("\n", timeout=60)
    _, refusal = second.communicate(timeout=60)
    assert (first.returncode, out) == (0, "published\n")
    assert second.returncode != 0
    assert "AlreadyDelivered" in refusal
    check_one_complete_delivery(root, keys, staged)


def test_two_periods_published_at_once_are_both_in_the_index(
    tmp_path: Path, root: Path, staged: MadeDelivery, keys: Keys
) -> None:
    later = a_delivery(tmp_path / "later", keys, manifest=december)
    running = [publisher(made.folder, root, keys) for made in (staged, later)]
    assert [p.communicate(timeout=60)[0] for p in running] == ["published\n", "published\n"]
    index = FolderDropZone(root).index(RECIPIENT, REQUEST, an_index_signer(keys))
    assert index is not None
    assert sorted(e.period for e in index.deliveries) == ["2026-11", "2026-12"]


def test_whoever_waits_too_long_is_told_that_another_run_publishes(
    root: Path, staged: MadeDelivery, keys: Keys
) -> None:
    (root / ".publishing" / RECIPIENT).mkdir(parents=True, mode=0o700)
    with (root / ".publishing" / RECIPIENT / f"{REQUEST}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Busy, match=REQUEST):
            FolderDropZone(root, wait_seconds=0.2).publish(staged.folder, an_index_signer(keys), NOW)
    FolderDropZone(root, wait_seconds=0.2).publish(staged.folder, an_index_signer(keys), NOW)


# --- unreachable, full ----------------------------------------------------------------------------------------------


def test_a_drop_zone_that_is_not_mounted_is_unreachable_and_is_not_made_up(
    tmp_path: Path, staged: MadeDelivery, keys: Keys
) -> None:
    zone = FolderDropZone(tmp_path / "not mounted")
    for attempt in (
        zone.check,
        lambda: zone.find(PLACE),
        lambda: zone.index(RECIPIENT, REQUEST, an_index_signer(keys)),
        lambda: zone.publish(staged.folder, an_index_signer(keys), NOW),
        lambda: zone.complete(PLACE, "", an_index_signer(keys), NOW),
    ):
        with pytest.raises(DropZoneUnreachable, match="ENOENT") as caught:
            attempt()
        assert caught.value.retryable
    assert not (tmp_path / "not mounted").exists()


def test_a_drop_zone_that_can_be_written_passes_its_check_and_is_left_as_it_was(root: Path) -> None:
    FolderDropZone(root).check()
    assert list(root.iterdir()) == []


def test_a_file_in_the_place_of_a_recipients_folder_is_unreachable(
    root: Path, staged: MadeDelivery, keys: Keys
) -> None:
    (root / RECIPIENT).write_text("")
    with pytest.raises(DropZoneUnreachable):
        FolderDropZone(root).publish(staged.folder, an_index_signer(keys), NOW)


def test_something_else_in_the_place_of_a_delivery_is_reported(root: Path, staged: MadeDelivery, keys: Keys) -> None:
    (root / RECIPIENT / REQUEST / PLACE.delivery_id).mkdir(parents=True)
    with pytest.raises(VerificationFailed, match="in the place of a delivery"):
        FolderDropZone(root).publish(staged.folder, an_index_signer(keys), NOW)


@pytest.mark.parametrize("point", [p for p in POINTS if p != "done"])
def test_a_disk_that_fills_at_any_point_leaves_nothing_half(
    root: Path, staged: MadeDelivery, keys: Keys, point: str
) -> None:
    def filling(name: str) -> None:
        if name == point:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFull, match="ENOSPC"):
        FolderDropZone(root, passing=filling).publish(staged.folder, an_index_signer(keys), NOW)
    if POINTS.index(point) < VISIBLE_FROM:
        assert seen_by_the_recipient(root) == []
        assert not (root / RECIPIENT / REQUEST / PLACE.delivery_id).exists()
    assert not list((root / ".publishing" / RECIPIENT).glob("*SDDSB-2026-027")), "leftovers"
    FolderDropZone(root).publish(staged.folder, an_index_signer(keys), NOW)
    check_one_complete_delivery(root, keys, staged)


ON_A_DISK_OF_ITS_OWN = """
import sys
from datetime import datetime
from pathlib import Path
from extracts.errors import ExtractsError
from extracts.handover.dropzone.folder import FolderDropZone
from tests.support.deliveries import an_index_signer
from tests.support.keys import Keys
folder, root, keys, now = sys.argv[1:]
zone = FolderDropZone(Path(root))
def publish():
    zone.publish(Path(folder), an_index_signer(Keys(Path(keys))), datetime.fromisoformat(now))
for attempt in (zone.check, publish):
    try:
        attempt()
        print("done")
    except ExtractsError as error:
        print(type(error).__name__, error.message.split("(")[1].split(")")[0])
print(sorted(p.name for p in Path(root).rglob("*") if p.is_file()))
"""


@pytest.fixture
def own_disk(tmp_path: Path) -> list[str]:
    """A command that runs its arguments where $ZONE is a disk of its own, with the options in $OPTIONS."""
    script = 'mount -t tmpfs -o "$OPTIONS" none "$ZONE" && exec "$@"'
    enter = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    probe = [*enter, "sh", "-c", 'mount -t tmpfs none "$ZONE"']
    (tmp_path / "disk").mkdir()
    done = subprocess.run(probe, env={**os.environ, "ZONE": str(tmp_path / "disk")}, capture_output=True)
    if done.returncode != 0:
        pytest.skip("this machine lets nobody mount a disk, even in a namespace of its own")
    return [*enter, "sh", "-c", script, "sh"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("size=20k,nr_inodes=100", ["done", "DiskFull ENOSPC"]),
        ("size=1m,nr_inodes=8", ["done", "DiskFull ENOSPC"]),
        ("size=1m,ro", ["DropZoneUnreachable EROFS", "DropZoneUnreachable EROFS"]),
        ("size=1m", ["done", "done"]),
    ],
    ids=["full of bytes", "full of files", "read-only", "large enough"],
)
def test_a_real_disk_that_is_full_or_read_only(
    tmp_path: Path, staged: MadeDelivery, keys: Keys, own_disk: list[str], options: str, said: list[str]
) -> None:
    zone = tmp_path / "disk"
    arguments = [str(staged.folder), str(zone), str(keys.folder), NOW.isoformat()]
    done = subprocess.run(
        [*own_disk, sys.executable, "-c", ON_A_DISK_OF_ITS_OWN, *arguments],
        env={**os.environ, "ZONE": str(zone), "OPTIONS": options},
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    *outcomes, names = done.stdout.splitlines()
    assert outcomes == said
    left = json.loads(names.replace("'", '"'))
    assert len(left) == (14 if said == ["done", "done"] else 0 if "ro" in options else 1), left
