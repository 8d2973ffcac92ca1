"""What happens to a delivery's files on an SFTP server: uploaded out of sight, read back, opened to their recipient."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from extracts.handover.dropzone.names import plain
from extracts.handover.dropzone.publishing import check_files, manifest_last
from extracts.handover.dropzone.sftp_claim import Claim
from extracts.handover.dropzone.sftp_connection import Declined, Missing
from extracts.handover.dropzone.sftp_session import Entry, Session
from extracts.handover.dropzone.sftp_transfer import FILE_MODE, ReadBack, Upload, refused_write
from extracts.handover.files import create_private
from extracts.handover.manifest import MANIFEST, Manifest

FOLDER_MODE = 0o750
_PIECE_BYTES = 256 << 10
SMALL_FILE = 64 << 20  # a manifest or index is much smaller


@dataclass
class Job:
    """What outlasts a cut: the claim, how far every file is, and whether the delivery became visible by us."""

    claim: Claim
    moved: int = 0
    renamed: bool = False
    _uploads: dict[str, Upload] = field(default_factory=dict)
    _back: dict[str, ReadBack] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)

    def upload(self, session: Session, source: Path, target: str) -> None:
        """The file is on the server, whole; again: what is missing of it. Raises what Upload raises."""
        self._uploads.setdefault(target, Upload(source, target)).run(session, lambda n: self._moving(session, n))

    def check(self, session: Session, folder: str, manifest: Manifest, manifest_digest: str) -> None:
        """Raises VerificationFailed unless the server gives back exactly the manifest's files."""
        data = session.read(f"{folder}/{MANIFEST}", SMALL_FILE) or b""
        found = sorted(session.listing(folder))
        name = PurePosixPath(folder).name
        check_files(name, found, data, manifest, manifest_digest, lambda n: self._digest(session, f"{folder}/{n}"))

    def _digest(self, session: Session, path: str) -> str:
        if path not in self._digests:
            back = self._back.setdefault(path, ReadBack(path))
            self._digests[path] = back.run(session, lambda n: self._moving(session, n))
        return self._digests[path]

    def _moving(self, session: Session, size: int) -> None:
        self.moved += size
        self.claim.sign_of_life(session)


@dataclass(frozen=True)
class SftpShelf:
    """An index on the server. `claim`: whose folder holds what is not finished; None for who only reads."""

    session: Session
    folder: str
    claim: Claim | None

    def read(self, name: str) -> bytes | None:
        """See Shelf."""
        return self.session.read(f"{self.folder}/{name}", SMALL_FILE)

    def put(self, name: str, data: bytes) -> None:
        """See Shelf."""
        assert self.claim is not None, "an index is written under a claim"
        unfinished = f"{self.claim.folder}/index"
        with self.session.writing(unfinished, FILE_MODE, afresh=True) as handle:
            try:
                handle.write(data, 0)
            except Declined as error:
                raise refused_write(self.session, unfinished, len(data), error) from None
            handle.sync()
        open_to_group_of(self.session, self.folder, [unfinished])
        self.session.rename(unfinished, f"{self.folder}/{name}")


def upload_delivery(session: Session, job: Job, staged: Path, unfinished: str, manifest: Manifest) -> None:
    """Every file of the staged delivery in the new folder `unfinished`, the manifest last."""
    session.make_folder(unfinished, 0o700)
    for name in manifest_last(manifest):
        job.upload(session, staged / name, f"{unfinished}/{name}")


def download_delivery(session: Session, folder: str, into: Path) -> None:
    """A copy for the controller alone of a delivery that is taken back; whole, in place of an older one."""
    unfinished = into.with_name(f".{into.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    for name in session.listing(folder):
        with session.reading(f"{folder}/{name}") as source, create_private(unfinished / plain(name)) as target:
            offset = 0
            while piece := source.read(_PIECE_BYTES, offset):
                offset += target.write(piece)
    shutil.rmtree(into, ignore_errors=True)
    unfinished.rename(into)


def open_to_group_of(session: Session, folder: str, paths: Iterable[str]) -> None:
    """Modes for the recipient, and the group of `folder` if its group-id bit is set; while nobody can see `paths`."""
    room = _there(session, folder)
    group_bit = room.mode & stat.S_ISGID
    for path in paths:
        found = _there(session, path)
        mode = FOLDER_MODE | group_bit if found.is_folder else FILE_MODE
        session.give_to_group(path, room.group if group_bit else found.group, mode)


def _there(session: Session, path: str) -> Entry:
    found = session.look(path)
    if found is None:
        raise Missing
    return found
