"""A drop zone that is a folder: a mounted share, or the home of an SFTP server.

    <root>/<recipient>/<request id>/index.json, index.json.sig
    <root>/<recipient>/<request id>/<delivery id>/...

Publishing, in order: lock the agreement; remove what a killed publisher left; write every file into a folder under
`<root>/.publishing` (0700, the same file system, outside what any recipient can see), manifest last, synced; read all
of it back from the disk and compare it with the manifest; rename the folder to its place; write the index.

Who may read: folders are 0750 and files 0640. Where the operator set the group-id bit on the recipient's folder, what
is published belongs to that folder's group: the recipient's account can read it, and no other recipient's.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from extracts.canonical import digest_bytes, digest_file
from extracts.errors import AlreadyDelivered, Busy, NotFound, VerificationFailed
from extracts.handover.dropzone import Passing, Place, Published
from extracts.handover.dropzone.files import copy_file, disk_errors, forget_cached, sync_folder, write_file
from extracts.handover.dropzone.index import (
    INDEX,
    INDEX_SIGNATURE,
    Index,
    IndexSigner,
    check_signed,
    empty_index,
    read_index,
    signature_blocks,
    with_delivery,
    with_withdrawal,
)
from extracts.handover.manifest import AFTER_THE_MANIFEST, MANIFEST, Manifest, read_manifest

FOLDER_MODE, FILE_MODE = 0o750, 0o640
_WORK = ".publishing"


@dataclass(frozen=True)
class FolderDropZone:
    """`wait_seconds`: how long to wait for another publisher of the same agreement before giving up as Busy."""

    root: Path
    wait_seconds: float = 60.0
    passing: Passing = lambda _: None

    def check(self) -> None:
        """Returns if a folder can be made here now. Raises DropZoneUnreachable, DiskFull."""
        probe = self.root / f".probe.{secrets.token_hex(8)}"
        with disk_errors(self.root):
            self._reach()
            probe.mkdir(mode=0o700)
            probe.rmdir()

    def find(self, place: Place) -> Published | None:
        """The delivery of this id, if it is visible."""
        path = self._folder(place.recipient, place.request_id) / _plain(place.delivery_id)
        with disk_errors(self.root):
            self._reach()
            if not os.path.lexists(path):
                return None
            if path.is_symlink() or not (path / MANIFEST).is_file():
                raise VerificationFailed(f"{path} is in the place of a delivery, but is none.", advice="Report it.")
            return Published(place, path, digest_file(path / MANIFEST), already_there=True)

    def index(self, recipient: str, request_id: str, signer: IndexSigner) -> Index | None:
        """The agreement's index, if there is one. Raises VerificationFailed if it is not ours, InvalidDocument."""
        folder = self._folder(recipient, request_id)
        with disk_errors(self.root):
            self._reach()
            if not (folder / INDEX).exists():
                return None
            data, signatures = (folder / INDEX).read_bytes(), (folder / INDEX_SIGNATURE).read_text(errors="replace")
        check_signed(data, signatures, signer.check)
        return read_index(data)

    def publish(self, folder: Path, signer: IndexSigner, now: datetime) -> Published:
        """Makes the assembled delivery in `folder` visible, whole, and lists it in the index.

        Raises AlreadyDelivered if another delivery has this id, Busy, DiskFull, DropZoneUnreachable,
        VerificationFailed if the staged or the written files are not those of the manifest, or the index is not ours.
        """
        manifest, manifest_digest = _staged(folder)
        place = Place(manifest.agreement.recipient.id, manifest.agreement.id, manifest.delivery.id)
        with self._locked(place) as target, disk_errors(self.root):
            there = self.find(place)
            if there is not None and there.manifest_digest != manifest_digest:
                raise AlreadyDelivered(
                    f"{place.delivery_id} was delivered before with other content ({there.manifest_digest}).",
                    advice="Published deliveries never change. Use `extracts redeliver` for a correction.",
                )
            # Judged before anything becomes visible: an index that is not ours would leave the delivery unlisted.
            before = self.index(place.recipient, place.request_id, signer)
            if there is None:
                self._write(folder, target, place, manifest)
            else:
                _check_written(there.path, manifest, manifest_digest)
            self._list(before, place, manifest, manifest_digest, signer, now)
        return Published(place, target, manifest_digest, already_there=there is not None)

    def complete(self, place: Place, manifest_digest: str, signer: IndexSigner, now: datetime) -> Published | None:
        """After a crash: the delivery, with its index entry, if it became visible; else None, and nothing is left.

        `manifest_digest` comes from the ledger's intent event. Raises VerificationFailed if what is there differs.
        """
        if self.find(place) is None and not self._folder(place.recipient, place.request_id).is_dir():
            return None
        with self._locked(place) as target, disk_errors(self.root):
            there = self.find(place)
            if there is None:
                return None
            manifest, found_digest = _staged(target)
            if found_digest != manifest_digest:
                raise VerificationFailed(
                    f"{place.delivery_id} in the drop zone is not the delivery that the ledger says was released.",
                    advice="Nothing was changed. Compare both manifests and report it as an incident.",
                )
            before = self.index(place.recipient, place.request_id, signer)
            self._list(before, place, manifest, manifest_digest, signer, now)
        return there

    def withdraw(self, place: Place, reason: str, signer: IndexSigner, now: datetime) -> Index:
        """Marks a delivery as withdrawn in the index; its files stay until they are purged. Raises NotFound."""
        with self._locked(place), disk_errors(self.root):
            before = self.index(place.recipient, place.request_id, signer)
            if before is None:
                raise NotFound(f"{place.request_id} has no deliveries in the drop zone.")
            after = with_withdrawal(before, place.delivery_id, reason, now)
            if after != before:
                self._write_index(place, after, signer)
            return after

    # --- the steps of publishing -----------------------------------------------------------------------------------

    @contextmanager
    def _locked(self, place: Place) -> Iterator[Path]:
        """The delivery's target, while no other publisher works in the agreement's folder."""
        folder = self._folder(place.recipient, place.request_id)
        with disk_errors(self.root):
            self._reach()
            _make_folder(folder.parent, self.root)
            _make_folder(folder, folder.parent)
            work = self._work(place)
            for made in (self.root / _WORK, work.parent):
                made.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(f"{work}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _wait_for(lock, self.wait_seconds, place)
            shutil.rmtree(work, ignore_errors=True)
            yield folder / _plain(place.delivery_id)
        finally:
            os.close(lock)

    def _write(self, staged: Path, target: Path, place: Place, manifest: Manifest) -> None:
        unfinished = self._work(place)
        try:
            unfinished.mkdir(mode=0o700)
            self.passing("opened")
            for name in _manifest_last(manifest):
                copy_file(staged / name, unfinished / name, FILE_MODE)
                self.passing(f"written {name}")
            sync_folder(unfinished)
            _check_written(unfinished, manifest, digest_file(staged / MANIFEST))
            self.passing("verified")
            _give_to_group_of(target.parent, unfinished)
            unfinished.rename(target)
            self.passing("renamed")
            sync_folder(target.parent)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _list(
        self, before: Index | None, place: Place, manifest: Manifest, digest: str, signer: IndexSigner, now: datetime
    ) -> None:
        before = before or empty_index(place.recipient, place.request_id, now)
        after = with_delivery(before, manifest, digest, now)
        if after != before:
            self._write_index(place, after, signer)

    def _write_index(self, place: Place, index: Index, signer: IndexSigner) -> None:
        folder = self._folder(place.recipient, place.request_id)
        data = index.text()
        signature = signer.sign(data)
        kept = folder / INDEX_SIGNATURE
        old = signature_blocks(kept.read_text())[:1] if kept.exists() else []
        write_file(kept, "".join([*old, signature]).encode(), FILE_MODE)
        self.passing("index signed")
        write_file(folder / INDEX, data, FILE_MODE)
        self.passing("index written")
        write_file(kept, signature.encode(), FILE_MODE)
        self.passing("done")

    def _folder(self, recipient: str, request_id: str) -> Path:
        return self.root / _plain(recipient) / _plain(request_id)

    def _work(self, place: Place) -> Path:
        return self.root / _WORK / _plain(place.recipient) / _plain(place.request_id)

    def _reach(self) -> None:
        # Made by an operator, never by us: an unmounted share would otherwise look like an empty drop zone.
        if not self.root.is_dir():
            raise FileNotFoundError(2, "not there")


def _staged(folder: Path) -> tuple[Manifest, str]:
    with disk_errors(folder):
        data = (folder / MANIFEST).read_bytes()
    return read_manifest(data)[0], digest_bytes(data)


def _manifest_last(manifest: Manifest) -> list[str]:
    names = list(manifest.expected_names)
    return [n for n in names if n not in AFTER_THE_MANIFEST] + [*reversed(AFTER_THE_MANIFEST)]


def _check_written(folder: Path, manifest: Manifest, manifest_digest: str) -> None:
    """Raises VerificationFailed unless the folder holds exactly the manifest's files, as the disk has them."""
    found = sorted(p.name for p in folder.iterdir())
    wanted = manifest.expected_names
    data = (folder / MANIFEST).read_bytes() if MANIFEST in found else b""
    if found != list(wanted) or digest_bytes(data) != manifest_digest:
        raise VerificationFailed(f"{folder.name}: the files in the drop zone are not those of the manifest.")
    for name, digest in read_manifest(data)[1].items():
        forget_cached(folder / name)
        if digest_file(folder / name) != digest:
            raise VerificationFailed(
                f"{folder.name}: {name} was not written as it is in the manifest.",
                advice="The disk or share damaged it; nothing was published. Run again, or check the disk.",
            )


def _make_folder(folder: Path, parent: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        folder.chmod(FOLDER_MODE | (parent.stat().st_mode & stat.S_ISGID))
        sync_folder(parent)


def _give_to_group_of(folder: Path, unfinished: Path) -> None:
    """Modes of a delivery, and the group of `folder` if its group-id bit is set; while nobody can see it yet."""
    found = folder.stat()
    if found.st_mode & stat.S_ISGID:
        for path in [*unfinished.iterdir(), unfinished]:
            os.chown(path, -1, found.st_gid)
    unfinished.chmod(FOLDER_MODE | (found.st_mode & stat.S_ISGID))


def _wait_for(lock: int, seconds: float, place: Place) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise Busy(
                    f"Another run is publishing a delivery of {place.request_id}.",
                    advice="Wait until it has ended; `extracts why` shows it.",
                ) from None
            time.sleep(0.05)


def _plain(name: str) -> str:
    if not name or name.startswith(".") or set(name) & set("/\\\0") or len(name) > 200:
        raise NotFound("An id with a slash, a leading dot or no characters names no folder of the drop zone.")
    return name
