"""A drop zone behind SFTP: a real OpenSSH server, as `dropzone/area` sets it up.

    <root>/<recipient>/deliveries/<request id>/index.json, index.json.sig
    <root>/<recipient>/deliveries/<request id>/<delivery id>/...
    <root>/.incoming/...                                               in no recipient's room

Publishing, in order: claim the agreement; upload every file into a folder of one's own under `.incoming`, manifest
last; read all of it back and compare it with the manifest; rename the folder to its place; write the index.

Rules:
1. A cut connection is made anew, and the same steps are taken again: what was acknowledged is not sent twice, what was
   renamed is found. As long as bytes move there is no end to this; else it ends after the last of `pauses`.
2. A folder that is renamed takes no other folder's place: the server's file system keeps deliveries write-once.
3. What a killed publisher left is no recipient's to see, and is removed by the next one (`sftp_claim`).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

from extracts.canonical import digest_bytes
from extracts.errors import AlreadyDelivered, DropZoneUnreachable, NotFound, VerificationFailed
from extracts.handover.dropzone.index import (
    Index,
    IndexSigner,
    empty_index,
    with_delivery,
    with_return,
    with_withdrawal,
)
from extracts.handover.dropzone.index_files import IndexFiles
from extracts.handover.dropzone.interface import INCIDENT, OVERWRITTEN, Passing, Place, Published
from extracts.handover.dropzone.names import plain
from extracts.handover.dropzone.publishing import read_delivery
from extracts.handover.dropzone.sftp_address import DELIVERIES, SftpAddress
from extracts.handover.dropzone.sftp_claim import INCOMING, Claim
from extracts.handover.dropzone.sftp_connection import Cut, Declined, Missing, area_errors, unreachable
from extracts.handover.dropzone.sftp_publishing import (
    FOLDER_MODE,
    SMALL_FILE,
    Job,
    SftpShelf,
    download_delivery,
    open_to_group_of,
    upload_delivery,
)
from extracts.handover.dropzone.sftp_session import Session
from extracts.handover.files import staging_errors
from extracts.handover.manifest import MANIFEST, Manifest, read_manifest

T = TypeVar("T")


@dataclass(frozen=True)
class SftpDropZone:
    """`pauses`: seconds before each new connection while nothing moves. `patience_seconds`: see Claim."""

    address: SftpAddress
    wait_seconds: float = 60.0
    patience_seconds: float = 120.0
    answer_seconds: float = 120.0
    pauses: tuple[float, ...] = (1, 2, 4, 8, 16)
    passing: Passing = lambda _: None

    def check(self) -> None:
        """Returns if deliveries could be published now. Raises DropZoneUnreachable, HostKeyRefused, SettingMissing."""
        probe = f"{self._at(INCOMING)}/probe.{secrets.token_hex(8)}"

        def once(session: Session) -> None:
            session.make_folder(probe, 0o700)
            session.remove_folder(probe)

        replace(self, pauses=())._over_cuts(once)

    def rooms(self) -> frozenset[str]:
        """The recipients whom the area has a room for."""

        def once(session: Session) -> frozenset[str]:
            found = session.listing(str(self.address.root))
            return frozenset(n for n in found if session.look(f"{self._at(n)}/{DELIVERIES}"))

        return self._over_cuts(once)

    def find(self, place: Place) -> Published | None:
        """The delivery of this id, if it is visible. Raises VerificationFailed if something else is in its place."""
        return self._over_cuts(lambda session: self._find(session, place))

    def manifest(self, place: Place) -> bytes | None:
        """The manifest of a delivery that is visible."""
        return self._over_cuts(lambda s: s.read(f"{self._target(place)}/{MANIFEST}", SMALL_FILE))

    def index(self, recipient: str, request_id: str, signer: IndexSigner) -> Index | None:
        """The agreement's index, if there is one. Raises VerificationFailed if it is not ours."""
        place = Place(recipient, request_id, "")
        return self._over_cuts(lambda session: self._index_files(session, place, signer).read())

    def publish(self, folder: Path, signer: IndexSigner, now: datetime) -> Published:
        """Makes the assembled delivery in `folder` visible, whole, and lists it in the index.

        Raises AlreadyDelivered if another delivery has this id, Busy, DiskFull, DropZoneUnreachable, HostKeyRefused,
        VerificationFailed if the staged or the written files are not those of the manifest, or the index is not ours.
        """
        with staging_errors(folder.name):
            manifest, digest = read_delivery(folder)
        place = Place(manifest.agreement.recipient.id, manifest.area_folder, manifest.delivery.id)
        job = self._job(place)

        def once(session: Session) -> Published:
            with self._claimed(session, job):
                return self._publish(session, job, folder, place, manifest, digest, signer, now)

        return self._over_cuts(once, job)

    def complete(self, place: Place, manifest_digest: str, signer: IndexSigner, now: datetime) -> Published | None:
        """After a crash: the delivery, with its index entry, if it became visible; else None, and nothing is left.

        `manifest_digest` comes from the ledger's intent event. Raises VerificationFailed if what is there differs.
        """
        job = self._job(place)

        def once(session: Session) -> Published | None:
            with self._claimed(session, job):
                there = self._find(session, place)
                if there is None:
                    return None
                if there.manifest_digest != manifest_digest:
                    what = f"{place.delivery_id} in the drop zone is not what the ledger says was released."
                    raise VerificationFailed(what, advice=INCIDENT)
                manifest = read_manifest(session.read(f"{there.path}/{MANIFEST}", SMALL_FILE) or b"")[0]
                job.check(session, str(there.path), manifest, manifest_digest)
                files = self._index_files(session, place, signer, job.claim)
                before = files.read() or empty_index(place.recipient, place.request_id, now)
                self._list(files, before, manifest, manifest_digest, now)
                return there

        return self._over_cuts(once, job)

    def withdraw(self, place: Place, reason: str, signer: IndexSigner, now: datetime) -> Index:
        """Marks a delivery as withdrawn in the index; its files stay until they are purged. Raises NotFound."""
        job = self._job(place)

        def once(session: Session) -> Index:
            with self._claimed(session, job):
                files = self._index_files(session, place, signer, job.claim)
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

        return self._over_cuts(once, job)

    def remove(self, place: Place, into: Path | None) -> bool:
        """Takes a delivery's files out of the recipient's sight by a rename, once they are kept elsewhere."""
        job, target = self._job(place), self._target(place)

        def once(session: Session) -> bool:
            with self._claimed(session, job):
                if session.look(target) is not None:
                    if into is not None:
                        download_delivery(session, target, into)
                    job.renamed = True
                    session.rename(target, f"{job.claim.folder}/taken-back")
                session.remove_folder(f"{job.claim.folder}/taken-back")
                return job.renamed

        return self._over_cuts(once, job)

    def relist(self, place: Place, signer: IndexSigner, now: datetime) -> Index:
        """Marks a delivery that is visible again as what it was before it was withdrawn. Raises NotFound."""
        job = self._job(place)

        def once(session: Session) -> Index:
            with self._claimed(session, job):
                data = session.read(f"{self._target(place)}/{MANIFEST}", SMALL_FILE)
                files = self._index_files(session, place, signer, job.claim)
                before = files.read()
                if before is None or data is None:
                    raise NotFound(
                        f"{place.delivery_id} is not in the drop zone.",
                        advice="See `extracts deliveries list` for what there is.",
                    )
                after = with_return(before, place.delivery_id, read_manifest(data)[0].delivery.reason, now)
                if after != before:
                    files.write(after)
                return after

        return self._over_cuts(once, job)

    def put_notice(self, place: Place, data: bytes, signature: bytes) -> None:
        """See DropZone."""
        job = self._job(place)
        folder, _, name = self._target(place).rpartition("/")

        def once(session: Session) -> None:
            with self._claimed(session, job):
                self._check_room(session, place)
                session.make_folder(folder, FOLDER_MODE)
                open_to_group_of(session, f"{self._at(place.recipient)}/{DELIVERIES}", [folder])
                shelf = SftpShelf(session, folder, job.claim)
                shelf.put(f"{name}.sig", signature)
                shelf.put(name, data)

        self._over_cuts(once, job)

    def remove_notice(self, place: Place) -> None:
        """See DropZone."""
        job, target = self._job(place), self._target(place)

        def once(session: Session) -> None:
            with self._claimed(session, job):
                for path in (target, f"{target}.sig"):
                    session.remove(path)

        self._over_cuts(once, job)

    # --- the steps of publishing -----------------------------------------------------------------------------------

    def _publish(
        self,
        session: Session,
        job: Job,
        folder: Path,
        place: Place,
        manifest: Manifest,
        digest: str,
        signer: IndexSigner,
        now: datetime,
    ) -> Published:
        there = self._find(session, place)
        if there is not None and there.manifest_digest != digest:
            what = f"{place.delivery_id} was delivered before with other content ({there.manifest_digest})."
            raise AlreadyDelivered(what, advice=OVERWRITTEN)
        # Judged before anything becomes visible: an index that is not ours would leave the delivery unlisted.
        files = self._index_files(session, place, signer, job.claim)
        before = files.read() or empty_index(place.recipient, place.request_id, now)
        if there is None:
            self._make_visible(session, job, folder, place, manifest, digest)
        else:
            job.check(session, self._target(place), manifest, digest)
        self._list(files, before, manifest, digest, now)
        return Published(place, PurePosixPath(self._target(place)), digest, already_there=not job.renamed)

    def _make_visible(
        self, session: Session, job: Job, staged: Path, place: Place, manifest: Manifest, digest: str
    ) -> None:
        self._check_room(session, place)
        unfinished, target = f"{job.claim.folder}/{plain(place.delivery_id)}", self._target(place)
        upload_delivery(session, job, staged, unfinished, manifest)
        self.passing("written")
        job.check(session, unfinished, manifest, digest)
        self.passing("verified")
        agreement, room = target.rpartition("/")[0], f"{self._at(place.recipient)}/{DELIVERIES}"
        session.make_folder(agreement, FOLDER_MODE)
        files = [f"{unfinished}/{name}" for name in manifest.expected_names]
        open_to_group_of(session, room, [agreement, *files, unfinished])
        # Set before: if the answer is lost, the delivery that is then found is this one's.
        job.renamed = True
        session.rename(unfinished, target)
        self.passing("renamed")

    def _list(self, files: IndexFiles, before: Index, manifest: Manifest, digest: str, now: datetime) -> None:
        after = with_delivery(before, manifest, digest, now)
        if after != before:
            files.write(after)
        else:
            files.tidy()

    def _find(self, session: Session, place: Place) -> Published | None:
        path = self._target(place)
        found = session.look(path)
        if found is None:
            return None
        data = session.read(f"{path}/{MANIFEST}", SMALL_FILE) if found.is_folder else None
        if data is None:
            raise VerificationFailed(f"{path} is in the place of a delivery, but is none.", advice=INCIDENT)
        return Published(place, PurePosixPath(path), digest_bytes(data), already_there=True)

    # --- places and connections ------------------------------------------------------------------------------------

    def _job(self, place: Place) -> Job:
        agreement = f"{plain(place.recipient)}.{plain(place.request_id)}"
        return Job(Claim(self._at(INCOMING), agreement, self.patience_seconds))

    @contextmanager
    def _claimed(self, session: Session, job: Job) -> Iterator[None]:
        job.claim.hold(session, self.wait_seconds)
        try:
            yield
        except Cut:
            raise  # the claim stays, to go on with
        except BaseException:
            _quietly(partial(job.claim.release, session))
            raise
        _quietly(partial(job.claim.release, session))

    def _over_cuts(self, once: Callable[[Session], T], job: Job | None = None) -> T:
        fruitless, moved = 0, 0
        while True:
            try:
                with area_errors(self.address), Session(self.address, self.answer_seconds) as session:
                    return once(session)
            except Cut as cut:
                fruitless, moved = self._count(fruitless, moved, job)
                if fruitless > len(self.pauses):
                    raise unreachable(self.address, str(cut)) from None
                time.sleep(self.pauses[max(0, fruitless - 1)] if self.pauses else 0)

    @staticmethod
    def _count(fruitless: int, moved: int, job: Job | None) -> tuple[int, int]:
        if job is not None and job.moved > moved:
            return 0, job.moved
        return fruitless + 1, moved

    def _check_room(self, session: Session, place: Place) -> None:
        found = session.look(f"{self._at(place.recipient)}/{DELIVERIES}")
        if found is None or not found.is_folder:
            raise DropZoneUnreachable(
                f"The transfer area has no room for {place.recipient}.",
                advice=f"Its operator makes one: dropzone/area recipient {place.recipient} KEYS. Then run again.",
            )

    def _index_files(
        self, session: Session, place: Place, signer: IndexSigner, claim: Claim | None = None
    ) -> IndexFiles:
        folder = f"{self._at(place.recipient)}/{DELIVERIES}/{plain(place.request_id)}"
        return IndexFiles(SftpShelf(session, folder, claim), signer, self.passing)

    def _target(self, place: Place) -> str:
        parts = (DELIVERIES, plain(place.request_id), plain(place.delivery_id))
        return "/".join((self._at(plain(place.recipient)), *parts))

    def _at(self, name: str) -> str:
        return str(self.address.root / name)


def _quietly(tidy: Callable[[], None]) -> None:
    """What cannot be tidied now is tidied by the next publisher; the answer is known already."""
    try:
        tidy()
    except (Cut, Declined, Missing):
        return
