"""The inbox of a drop zone that is a folder: what a recipient puts there is offered, bounded, and taken once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from extracts.errors import DropZoneUnreachable, NotFound
from extracts.handover.dropzone.inbox import MAX_BYTES, MAX_OFFERED, FolderInbox, Inbox

FIFE = "fife-council"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / FIFE / "inbox").mkdir(parents=True)
    return tmp_path


def put(root: Path, name: str, data: bytes = b"{}") -> Path:
    path = root / FIFE / "inbox" / name
    path.write_bytes(data)
    return path


def test_receipts_are_offered_in_the_order_of_their_names_and_taken_once(root: Path) -> None:
    inbox: Inbox = FolderInbox(root)
    put(root, "b.json", b"second")
    put(root, "a.json", b"first")

    assert list(inbox.offered(FIFE)) == [("a.json", b"first"), ("b.json", b"second")]
    inbox.take(FIFE, "a.json")
    inbox.take(FIFE, "a.json")
    assert list(inbox.offered(FIFE)) == [("b.json", b"second")]


def test_what_is_still_being_written_and_what_is_no_file_is_not_offered(root: Path, tmp_path: Path) -> None:
    put(root, ".receipt.json.part")
    (root / FIFE / "inbox" / "folder").mkdir()
    os.mkfifo(root / FIFE / "inbox" / "pipe")
    (root / FIFE / "inbox" / "link.json").symlink_to("/etc/hostname")

    assert list(FolderInbox(root).offered(FIFE)) == []


def test_a_file_that_is_too_large_is_offered_cut_so_that_it_can_be_refused(root: Path) -> None:
    put(root, "large", b"x" * (3 * MAX_BYTES))
    ((_, data),) = FolderInbox(root).offered(FIFE)
    assert len(data) == MAX_BYTES + 1


def test_a_full_inbox_is_offered_in_parts(root: Path) -> None:
    for number in range(MAX_OFFERED + 3):
        put(root, f"{number:05}.json")
    (root / FIFE / "inbox" / "000").mkdir()

    inbox = FolderInbox(root)
    first = [name for name, _ in inbox.offered(FIFE)]
    for name in first:
        inbox.take(FIFE, name)
    assert len(first) == MAX_OFFERED
    assert len(list(inbox.offered(FIFE))) == 3


def test_a_recipient_without_an_inbox_offers_nothing(root: Path) -> None:
    assert list(FolderInbox(root).offered("scottish-government")) == []


@pytest.mark.parametrize("name", ["../b", ".hidden", "", "a/b"])
def test_a_name_cannot_lead_out_of_the_inbox(root: Path, name: str) -> None:
    with pytest.raises(NotFound):
        FolderInbox(root).take(FIFE, name)
    with pytest.raises(NotFound):
        list(FolderInbox(root).offered(name))


def test_a_drop_zone_that_is_not_mounted_is_no_empty_inbox(tmp_path: Path) -> None:
    inbox = FolderInbox(tmp_path / "not mounted")
    with pytest.raises(DropZoneUnreachable, match="ENOENT"):
        list(inbox.offered(FIFE))
    with pytest.raises(DropZoneUnreachable, match="ENOENT"):
        inbox.take(FIFE, "a.json")
