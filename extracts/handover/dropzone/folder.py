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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from extracts.canonical import digest_file
from extracts.errors import AlreadyDelivered, Busy, NotFound, VerificationFailed
from extracts.handover.dropzone.index import (
    Index,
    IndexSigner,
    empty_index,
    with_delivery,
    with_return,
    with_withdrawal,
)
from extracts.handover.dropzone.index_files import FolderShelf, IndexFiles
from extracts.handover.dropzone.interface import INCIDENT, OVERWRITTEN, Passing, Place, Published
from extracts.handover.dropzone.names import plain
from extracts.handover.dropzone.publishing import (
    FILE_MODE,
    check_written,
    copy_away,
    make_folder,
    open_to_group_of,
    read_delivery,
    write_delivery,
)
from extracts.handover.files import drop_zone_errors, staging_errors, sync_folder, write_file
from extracts.handover.manifest import MANIFEST, Manifest

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
        with drop_zone_errors(self.root):
            self._reach()
            probe.mkdir(mode=0o700)
            probe.rmdir()

    def find(self, place: Place) -> Published | None:
        """The delivery of this id, if it is visible. Raises VerificationFailed if something else is in its place."""
        path = self._folder(place) / plain(place.delivery_id)
        with drop_zone_errors(self.root):
            self._reach()
            if not os.path.lexists(path):
                return None
            if path.is_symlink() or not (path / MANIFEST).is_file():
                raise VerificationFailed(f"{path} is in the place of a delivery, but is none.", advice=INCIDENT)
            return Published(place, path, digest_file(path / MANIFEST), already_there=True)

    def manifest(self, place: Place) -> bytes | None:
        """The manifest of a delivery that is visible."""
        path = self._folder(place) / plain(place.delivery_id) / MANIFEST
        with drop_zone_errors(self.root):
            self._reach()
            # A link that leads out of the drop zone, whoever made it, leads nowhere.
            inside = path.resolve().is_relative_to(self.root.resolve())
            return path.read_bytes() if inside and path.is_file() else None

    def index(self, recipient: str, request_id: str, signer: IndexSigner) -> Index | None:
        """The agreement's index, if there is one. Raises VerificationFailed if it is not ours."""
        with drop_zone_errors(self.root):
            self._reach()
            return self._index_files(Place(recipient, request_id, ""), signer).read()

    def publish(self, folder: Path, signer: IndexSigner, now: datetime) -> Published:
        """Makes the assembled delivery in `folder` visible, whole, and lists it in the index.

        Raises AlreadyDelivered if another delivery has this id, Busy, DiskFull, DropZoneUnreachable,
        VerificationFailed if the staged or the written files are not those of the manifest, or the index is not ours.
        """
        with staging_errors(folder.name):
            manifest, manifest_digest = read_delivery(folder)
        place = Place(manifest.agreement.recipient.id, manifest.area_folder, manifest.delivery.id)
        with self._locked(place) as target, drop_zone_errors(self.root):
            there = self.find(place)
            if there is not None and there.manifest_digest != manifest_digest:
                what = f"{place.delivery_id} was delivered before with other content ({there.manifest_digest})."
                raise AlreadyDelivered(what, advice=OVERWRITTEN)
            # Judged before anything becomes visible: an index that is not ours would leave the delivery unlisted.
            files = self._index_files(place, signer)
            before = files.read() or empty_index(place.recipient, place.request_id, now)
            if there is None:
                self._write(folder, target, place, manifest)
            else:
                check_written(target, manifest, manifest_digest)
            self._list(files, before, manifest, manifest_digest, now)
        return Published(place, target, manifest_digest, already_there=there is not None)

    def complete(self, place: Place, manifest_digest: str, signer: IndexSigner, now: datetime) -> Published | None:
        """After a crash: the delivery, with its index entry, if it became visible; else None, and nothing is left.

        `manifest_digest` comes from the ledger's intent event. Raises VerificationFailed if what is there differs.
        """
        with self._locked(place) as target, drop_zone_errors(self.root):
            there = self.find(place)
            if there is None:
                return None
            manifest, found_digest = read_delivery(target)
            if found_digest != manifest_digest:
                what = f"{place.delivery_id} in the drop zone is not the delivery that the ledger says was released."
                raise VerificationFailed(what, advice=INCIDENT)
            check_written(target, manifest, manifest_digest)
            files = self._index_files(place, signer)
            before = files.read() or empty_index(place.recipient, place.request_id, now)
            self._list(files, before, manifest, manifest_digest, now)
        return there

    def withdraw(self, place: Place, reason: str, signer: IndexSigner, now: datetime) -> Index:
        """Marks a delivery as withdrawn in the index; its files stay until they are purged. Raises NotFound."""
        with self._locked(place), drop_zone_errors(self.root):
            files = self._index_files(place, signer)
            before = files.read()
            if before is None:
                raise NotFound(
                    f"{place.request_id} has no deliveries in the drop zone.",
                    advice="See `extracts deliveries list` for what there is.",
                )
            after = with_withdrawal(before, place.delivery_id, reason, now)
            if after != before:
                files.write(after)
            return after

    def remove(self, place: Place, into: Path | None) -> bool:
        """Takes a delivery's files out of the recipient's sight by a rename, once they are kept elsewhere."""
        with self._locked(place) as target, drop_zone_errors(self.root):
            unseen = self._work(place)
            if not os.path.lexists(target):
                return False
            if into is not None:
                copy_away(target, into)
            target.rename(unseen)
            sync_folder(target.parent)
            shutil.rmtree(unseen)
        return True

    def relist(self, place: Place, signer: IndexSigner, now: datetime) -> Index:
        """Marks a delivery that is visible again as what it was before it was withdrawn."""
        with self._locked(place) as target, drop_zone_errors(self.root):
            files, before = self._index_files(place, signer), None
            if target.is_dir():
                before = files.read()
            if before is None:
                raise NotFound(
                    f"{place.delivery_id} is not in the drop zone.",
                    advice="See `extracts deliveries list` for what there is.",
                )
            after = with_return(before, place.delivery_id, read_delivery(target)[0].delivery.reason, now)
            if after != before:
                files.write(after)
            return after

    def put_notice(self, place: Place, data: bytes, signature: bytes) -> None:
        """See DropZone."""
        with self._locked(place) as target, drop_zone_errors(self.root):
            make_folder(target.parent.parent)
            make_folder(target.parent)
            unfinished = Path(f"{self._work(place)}.notice")
            write_file(target.with_name(f"{target.name}.sig"), signature, FILE_MODE, unfinished)
            write_file(target, data, FILE_MODE, unfinished)

    def remove_notice(self, place: Place) -> None:
        """See DropZone."""
        with self._locked(place) as target, drop_zone_errors(self.root):
            for path in (target, target.with_name(f"{target.name}.sig")):
                path.unlink(missing_ok=True)

    # --- the steps of publishing -----------------------------------------------------------------------------------

    @contextmanager
    def _locked(self, place: Place) -> Iterator[Path]:
        """The delivery's target, while no other publisher works on the agreement; nothing of a killed one is left."""
        target = self._folder(place) / plain(place.delivery_id)
        work = self._work(place)
        with drop_zone_errors(self.root):
            self._reach()
            for private in (self.root / _WORK, work.parent):
                private.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(f"{work}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _wait_for(lock, self.wait_seconds, place)
            shutil.rmtree(work, ignore_errors=True)
            yield target
        finally:
            os.close(lock)

    def _write(self, staged: Path, target: Path, place: Place, manifest: Manifest) -> None:
        unfinished = self._work(place)
        try:
            write_delivery(staged, unfinished, manifest, self.passing)
            check_written(unfinished, manifest, digest_file(staged / MANIFEST))
            self.passing("verified")
            make_folder(target.parent.parent)
            make_folder(target.parent)
            open_to_group_of(target.parent, unfinished)
            unfinished.rename(target)
            self.passing("renamed")
            sync_folder(target.parent)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _list(self, files: IndexFiles, before: Index, manifest: Manifest, digest: str, now: datetime) -> None:
        after = with_delivery(before, manifest, digest, now)
        if after != before:
            files.write(after)
        else:
            files.tidy()

    def _index_files(self, place: Place, signer: IndexSigner) -> IndexFiles:
        return IndexFiles(FolderShelf(self._folder(place), Path(f"{self._work(place)}.index")), signer, self.passing)

    def _folder(self, place: Place) -> Path:
        return self.root / plain(place.recipient) / plain(place.request_id)

    def _work(self, place: Place) -> Path:
        return self.root / _WORK / plain(place.recipient) / plain(place.request_id)

    def _reach(self) -> None:
        # Made by an operator, never by us: an unmounted share would otherwise look like an empty drop zone.
        if not self.root.is_dir():
            raise FileNotFoundError(2, "not there")


def _wait_for(lock: int, seconds: float, place: Place) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                what = f"Another run is publishing a delivery of {place.request_id}."
                raise Busy(what, advice="Wait until it has ended; `extracts why` shows it.") from None
            time.sleep(0.05)
