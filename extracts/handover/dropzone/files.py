"""Files that are on the disk when we say so, and errors of disks in our words."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from extracts.errors import DiskFull, DropZoneUnreachable

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turns an OSError into DiskFull or DropZoneUnreachable; their messages hold the error's code, not its text."""
    try:
        yield
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, "no code")
        if error.errno in NO_SPACE:
            raise DiskFull(
                f"No space is left in the drop zone {place} ({code}). Nothing was published.",
                advice="Free space there, then run again.",
            ) from None
        raise DropZoneUnreachable(
            f"The drop zone {place} cannot be reached or written ({code}). Nothing was published.",
            advice="Is it mounted, and may this account write there? Then run again.",
        ) from None


def copy_file(source: Path, target: Path, mode: int) -> None:
    """A new file with the bytes of `source`, synced. An existing file or a link in either place is an error."""
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(reading, "rb") as stream, os.fdopen(_create(target, mode), "wb") as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)
        copy.flush()
        os.fsync(copy.fileno())


def write_file(target: Path, data: bytes, mode: int) -> None:
    """`target` holds `data`, or what it held before: written aside, synced, renamed over."""
    unfinished = target.with_name(f".{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(_create(unfinished, mode), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """The names in `folder` survive a power cut."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def forget_cached(path: Path) -> None:
    """What is read next comes from the disk, as far as the system allows: a check of the cache would prove nothing."""
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(opened)


def _create(path: Path, mode: int) -> int:
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    # The mode that was asked for, whatever the process's umask.
    os.fchmod(made, mode)
    return made
