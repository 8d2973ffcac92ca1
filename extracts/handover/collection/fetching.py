"""Copies a delivery from the area to the recipient's disk: with progress, and on from where it was cut.

Rules:
1. A delivery appears in its place whole or not at all: it is copied beside it and renamed.
2. A file that is there in part is completed. What it then holds is compared with the delivery's own list of digests;
   one that differs is copied once more from its first byte. Whether that list can be believed is not asked here.
3. Nothing of the delivery but plain files is copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from extracts.canonical import digest_file
from extracts.errors import DiskFull, DropZoneUnreachable, VerificationFailed
from extracts.handover.collection.area import Area, Where
from extracts.handover.files import staging_errors, sync_folder
from extracts.handover.manifest import CHECKSUMS

Progress = Callable[[str, int, int], None]
"""Called with (file, bytes so far, bytes in all)."""
_ROOM_LEFT = 64 << 20


def fetch_delivery(area: Area, where: Where, target: Path, progress: Progress) -> None:
    """The delivery at `where` as the folder `target`. There already: nothing is copied.

    Raises DropZoneUnreachable, DiskFull, and VerificationFailed if what arrives is not what its own list says.
    """
    if target.is_dir():
        return
    partial = target.with_name(f".{target.name}.partial")
    with staging_errors(target.name):
        partial.mkdir(mode=0o700, parents=True, exist_ok=True)
        _leave_room(area, where, partial)
        for name in area.names(where):
            fetch_file(area, (*where, name), partial / name, progress)
        for name in _damaged(partial):
            (partial / name).unlink(missing_ok=True)
            fetch_file(area, (*where, name), partial / name, progress)
        if damaged := _damaged(partial):
            raise VerificationFailed(
                f"{target.name}: {', '.join(damaged)} does not arrive as the delivery's own list of digests says.",
                advice="Use nothing of it. Run it again; if it happens again, tell the contact.",
            )
        partial.replace(target)
        sync_folder(target.parent)


def fetch_file(area: Area, where: Where, target: Path, progress: Progress) -> None:
    """One file, completed if part of it is there. Raises DropZoneUnreachable if it is cut off or gone."""
    size = area.size(where)
    if size is None:
        raise DropZoneUnreachable(
            f"{where[-1]} is not in the transfer area any more.",
            advice="Run it again: if the delivery was taken back, that says so.",
        )
    there = target.stat().st_size if target.is_file() else 0
    if there > size:
        target.unlink()
        there = 0
    progress(where[-1], there, size)
    if there == size and target.is_file():
        return
    with target.open("ab") as stream:
        for piece in area.read(where, there):
            stream.write(piece)
            there += len(piece)
            progress(where[-1], there, size)
    if there != size:
        raise DropZoneUnreachable(f"{where[-1]} was cut off after {there} of {size} bytes.", advice="Run it again.")


def read_small(area: Area, where: Where, most: int) -> bytes | None:
    """A small file; None if it is not there or larger than `most` bytes."""
    size = area.size(where)
    if size is None or size > most:
        return None
    found = b""
    for piece in area.read(where, 0):
        found += piece
        if len(found) > most:
            return None
    return found


def _damaged(folder: Path) -> list[str]:
    """Files that differ from SHA256SUMS in the folder; none if there is no such list."""
    sums = folder / CHECKSUMS
    if not sums.is_file():
        return []
    lines = (line.partition("  ") for line in sums.read_bytes().decode(errors="replace").splitlines())
    listed = {name: f"sha256:{digest}" for digest, _, name in lines}
    return [p.name for p in sorted(folder.iterdir()) if p.name in listed and digest_file(p) != listed[p.name]]


def _leave_room(area: Area, where: Where, folder: Path) -> None:
    """Raises DiskFull before anything is copied that cannot fit, the decrypted files beside it included."""
    wanted = sum(area.size((*where, name)) or 0 for name in area.names(where))
    there = sum(p.stat().st_size for p in folder.iterdir())
    free = shutil.disk_usage(folder).free
    if 2 * wanted - there + _ROOM_LEFT > free:
        raise DiskFull(
            f"{where[-1]} takes {2 * wanted >> 20} MB, encrypted and decrypted; {free >> 20} MB are free here.",
            advice="Free space, or collect into another folder (--into).",
        )
