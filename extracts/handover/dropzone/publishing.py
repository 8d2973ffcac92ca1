"""What a drop zone does to a delivery's files: write, read back, give to the recipient's group."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from extracts.canonical import digest_bytes, digest_file
from extracts.errors import VerificationFailed
from extracts.handover.dropzone.interface import Passing
from extracts.handover.files import copy_file, forget_cached, give_to_group_of, sync_folder
from extracts.handover.manifest import AFTER_THE_MANIFEST, MANIFEST, Manifest, read_manifest

FOLDER_MODE, FILE_MODE = 0o750, 0o640


def read_delivery(folder: Path) -> tuple[Manifest, str]:
    """The manifest in a delivery's folder, and its digest."""
    data = (folder / MANIFEST).read_bytes()
    return read_manifest(data)[0], digest_bytes(data)


def write_delivery(staged: Path, unfinished: Path, manifest: Manifest, passing: Passing) -> None:
    """Every file of the staged delivery in the new folder `unfinished` (0700), the manifest last; all synced."""
    unfinished.mkdir(mode=0o700)
    passing("opened")
    for name in manifest_last(manifest):
        copy_file(staged / name, unfinished / name, FILE_MODE)
        passing(f"written {name}")
    sync_folder(unfinished)


def check_written(folder: Path, manifest: Manifest, manifest_digest: str) -> None:
    """Raises VerificationFailed unless the folder holds exactly the manifest's files, as the disk has them."""
    found = sorted(p.name for p in folder.iterdir())
    data = (folder / MANIFEST).read_bytes() if MANIFEST in found else b""

    def digest_of(name: str) -> str:
        forget_cached(folder / name)
        return digest_file(folder / name)

    check_files(folder.name, found, data, manifest, manifest_digest, digest_of)


def check_files(
    name: str,
    found: Sequence[str],
    data: bytes,
    manifest: Manifest,
    manifest_digest: str,
    digest_of: Callable[[str], str],
) -> None:
    """Raises VerificationFailed unless the sorted names and the manifest `data` found there are what was signed.

    `digest_of` reads a file of the drop zone again.
    """
    if list(found) != list(manifest.expected_names) or digest_bytes(data) != manifest_digest:
        raise VerificationFailed(
            f"{name}: the files in the drop zone are not those of the manifest.",
            advice="Somebody changed them, or the disk did. Nothing was published over them; report it.",
        )
    for file, digest in read_manifest(data)[1].items():
        if digest_of(file) != digest:
            raise VerificationFailed(
                f"{name}: {file} in the drop zone is not as the manifest says.",
                advice="The disk or share damaged it, or someone changed it. Check the disk, then run again.",
            )


def copy_away(folder: Path, into: Path) -> None:
    """A copy for the controller alone (0700) of a delivery that is taken back; whole, in place of an older one."""
    unfinished = into.with_name(f".{into.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    for path in folder.iterdir():
        copy_file(path, unfinished / path.name, 0o600)
    shutil.rmtree(into, ignore_errors=True)
    unfinished.rename(into)
    sync_folder(into.parent)


def open_to_group_of(folder: Path, unfinished: Path) -> None:
    """Modes of a delivery, and the group of `folder` if its group-id bit is set; while nobody can see it yet."""
    for path in [*unfinished.iterdir(), unfinished]:
        give_to_group_of(folder, path)
    unfinished.chmod(FOLDER_MODE | (folder.stat().st_mode & stat.S_ISGID))


def make_folder(folder: Path) -> None:
    """A folder that the group of its parent may read, if the parent's group-id bit is set. Again: changes nothing."""
    if not folder.is_dir():
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        open_to_group_of(folder.parent, folder)
        sync_folder(folder.parent)


def manifest_last(manifest: Manifest) -> list[str]:
    """The names of the delivery's files in the order in which they are written."""
    names = [n for n in manifest.expected_names if n not in AFTER_THE_MANIFEST]
    return [*names, *reversed(AFTER_THE_MANIFEST)]
