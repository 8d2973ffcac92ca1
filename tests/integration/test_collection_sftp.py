"""The recipient's side of a real SFTP area: over cuts, into the inbox, and no further."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from extracts.errors import DropZoneUnreachable, HostKeyRefused, SettingMissing, UsageError
from extracts.handover.collection import sftp_area as collecting
from extracts.handover.collection.area import open_area
from extracts.handover.collection.fetching import fetch_delivery
from extracts.handover.collection.sftp_area import SftpArea
from extracts.handover.dropzone.sftp import SftpDropZone
from extracts.handover.dropzone.sftp_address import SftpAddress
from tests.support.cutting_proxy import cutting
from tests.support.deliveries import NOW, MadeDelivery, a_delivery, an_index_signer
from tests.support.keys import Keys
from tests.support.sftp_area import SftpArea as ServedArea

RECIPIENT, REQUEST = "scottish-government-analysts", "SDDSB-2026-027"
LARGE = 1 << 20


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    return a_delivery(tmp_path_factory.mktemp("large"), keys, clear=bytes(range(256)) * (LARGE // 256))


@pytest.fixture(scope="module")
def served(sftp_area: ServedArea, large: MadeDelivery, keys: Keys) -> Iterator[ServedArea]:
    """The session's area with one delivery in it."""
    SftpDropZone(sftp_area.address()).publish(large.folder, an_index_signer(keys), NOW)
    yield sftp_area
    for left in (sftp_area.room(RECIPIENT) / "deliveries").iterdir():
        shutil.rmtree(left)


@pytest.fixture
def inbox(served: ServedArea) -> Iterator[Path]:
    folder = served.room(RECIPIENT) / "inbox"
    yield folder
    for left in folder.iterdir():
        left.unlink()


def an_address(served: ServedArea, port: int | None = None, login: str = RECIPIENT) -> SftpAddress:
    user = served.prefix + RECIPIENT
    return SftpAddress(
        user, "127.0.0.1", port or served.port, PurePosixPath("/"), served.key(login), served.known_hosts
    )


@pytest.fixture
def area(served: ServedArea) -> Iterator[SftpArea]:
    found = SftpArea(an_address(served), pauses=())
    yield found
    found.close()


def test_a_download_cut_at_every_tenth_goes_on_where_it_was(
    served: ServedArea, large: MadeDelivery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "_PIECE_BYTES", 32 * 1024)
    told: list[int] = []
    with cutting(served.port, [LARGE * tenth // 10 for tenth in range(1, 10)], up=False) as proxy:
        served.pin(proxy.port)
        there = SftpArea(an_address(served, proxy.port), pauses=(0.0,) * 3)
        fetch_delivery(there, (REQUEST, large.id), tmp_path / large.id, lambda name, done, total: told.append(done))
        there.close()
    assert len(proxy.cut_at) == 9
    assert proxy.passed < 2 * LARGE
    for file in large.folder.iterdir():
        assert (tmp_path / large.id / file.name).read_bytes() == file.read_bytes()
    assert max(told) > LARGE


def test_only_plain_names_and_files_are_seen(served: ServedArea, area: SftpArea, large: MadeDelivery) -> None:
    deliveries = served.room(RECIPIENT) / "deliveries"
    (deliveries / ".hidden").touch()
    (deliveries / REQUEST / "link").symlink_to("index.json")
    assert area.names(()) == (REQUEST,)
    assert area.names(("SDDSB-2026-999",)) == ()
    assert area.size((REQUEST, "link")) is None
    assert area.size((REQUEST,)) is None
    assert area.size((REQUEST, "index.json")) == (deliveries / REQUEST / "index.json").stat().st_size
    (deliveries / REQUEST / "link").unlink()
    (deliveries / ".hidden").unlink()


def test_a_receipt_arrives_whole_once_and_is_never_replaced(area: SftpArea, inbox: Path) -> None:
    area.put("receipt.json", b"a receipt")
    area.put("receipt.json", b"a receipt")
    assert {p.name: p.read_bytes() for p in inbox.iterdir()} == {"receipt.json": b"a receipt"}
    with pytest.raises(DropZoneUnreachable):
        area.put("receipt.json", b"another")
    assert (inbox / "receipt.json").read_bytes() == b"a receipt"


@pytest.mark.parametrize("answer", range(6))
def test_whichever_answer_is_lost_a_receipt_is_there_once(served: ServedArea, inbox: Path, answer: int) -> None:
    with cutting(served.port, [2400 + 400 * answer], up=False) as proxy:
        served.pin(proxy.port)
        there = SftpArea(an_address(served, proxy.port), pauses=(0.0,) * 3)
        there.put("receipt.json", b"a receipt")
        there.close()
    assert [p.name for p in inbox.iterdir() if not p.name.startswith(".")] == ["receipt.json"]
    assert (inbox / "receipt.json").read_bytes() == b"a receipt"


def test_a_server_that_is_not_the_pinned_one_is_told_nothing(served: ServedArea, tmp_path: Path) -> None:
    (tmp_path / "known").touch()
    address = f"sftp://{served.prefix}{RECIPIENT}@127.0.0.1:{served.port}"
    with pytest.raises(HostKeyRefused):
        open_area(address, served.key(RECIPIENT), tmp_path / "known").names(())


def test_somebody_else_s_key_opens_nothing(served: ServedArea) -> None:
    with pytest.raises(DropZoneUnreachable, match="does not let"):
        SftpArea(an_address(served, login="fife-council"), pauses=()).names(())


@pytest.mark.parametrize("missing", ["--login-key", "--known-hosts"])
def test_a_missing_file_is_named_by_the_option_that_says_it(served: ServedArea, tmp_path: Path, missing: str) -> None:
    given = {"--login-key": served.key(RECIPIENT), "--known-hosts": served.known_hosts, missing: tmp_path / "nowhere"}
    found = open_area(f"sftp://{served.prefix}{RECIPIENT}@127.0.0.1:{served.port}", *given.values())
    with pytest.raises(SettingMissing) as told:
        found.names(())
    assert missing in told.value.advice


@pytest.mark.parametrize("address", ["https://dropzone.example/", "sftp://dropzone.example", "sftp://a:b@c/"])
def test_an_address_of_no_kind_of_area_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        open_area(address, tmp_path, tmp_path)


def test_an_sftp_area_needs_a_key_and_a_pin() -> None:
    with pytest.raises(UsageError, match="--known-hosts"):
        open_area("sftp://fife@dropzone.example:2222")
