"""Files that are on the disk when we say so, that are files and not links, and errors of disks in our words.

Recipients use this on any system. What only POSIX has (flags against links and pipes, modes, synced folders) is asked
for by name and left out where it is missing; a link is then told by looking before opening.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from extracts.errors import DiskFull, DropZoneUnreachable, TechnicalFailure

_NO_SPACE = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))


def _flags(*names: str) -> int:
    """These flags of `os`, as far as this system has them."""
    return sum(getattr(os, name, 0) for name in names)


_READING = os.O_RDONLY | _flags("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT")
_CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _flags("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT")


@contextmanager
def drop_zone_errors(place: Path) -> Iterator[None]:
    """Turns an OSError into DiskFull or DropZoneUnreachable; their messages hold the error's code, not its text."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise DiskFull(
                f"No space is left in the drop zone {place} ({_code(error)}). Nothing was published.",
                advice="Free space there, then run again.",
            ) from None
        raise DropZoneUnreachable(
            f"The drop zone {place} cannot be reached or written ({_code(error)}).",
            advice="Is it mounted, and may this account write there? Then run again.",
        ) from None


@contextmanager
def staging_errors(name: str) -> Iterator[None]:
    """The same for a file of ours: DiskFull or TechnicalFailure."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise DiskFull(
                f"No space is left to write {name} ({_code(error)}).", advice="Free space, then run again."
            ) from None
        raise TechnicalFailure(
            f"{name} could not be read or written ({_code(error)}).",
            advice="May this account write there? Then run again.",
        ) from None


def create_private(path: Path) -> BinaryIO:
    """A new file for our eyes only (0600), in place of what an earlier attempt left. Links are not followed."""
    path.unlink(missing_ok=True)
    return os.fdopen(_create(path, 0o600), "wb")


def open_regular(path: Path) -> BinaryIO:
    """The regular file at `path`, open for reading. Raises OSError for a link, folder, pipe or device."""
    if not hasattr(os, "O_NOFOLLOW") and path.is_symlink():
        raise OSError(errno.ELOOP, "it is a link")
    opened = os.open(path, _READING)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, "it is a folder, pipe or device")
    return os.fdopen(opened, "rb")


def copy_file(source: Path, target: Path, mode: int) -> None:
    """A new file with the bytes of `source`, synced. An existing file or a link in either place is an error.

    Raises TechnicalFailure if `source` cannot be opened, OSError for the rest.
    """
    with staging_errors(source.name):
        stream = open_regular(source)
    with stream, os.fdopen(_create(target, mode), "wb") as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)
        copy.flush()
        os.fsync(copy.fileno())


def write_file(target: Path, data: bytes, mode: int, unfinished: Path | None = None) -> None:
    """`target` holds `data`, or what it held before: written aside, synced, renamed over.

    `unfinished`: where aside is, on the same file system, if nobody who sees `target` may see it.
    """
    unfinished = unfinished or target.with_name(f".{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        with os.fdopen(_create(unfinished, mode), "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        give_to_group_of(target.parent, unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(target.parent)


def give_to_group_of(folder: Path, path: Path) -> None:
    """`path`, not yet in `folder`, gets its group if the folder's group-id bit is set, as a file made there would."""
    found = folder.stat()
    if hasattr(os, "chown") and found.st_mode & stat.S_ISGID:
        os.chown(path, -1, found.st_gid)


def sync_folder(folder: Path) -> None:
    """The names in `folder` survive a power cut."""
    if not hasattr(os, "O_DIRECTORY"):
        return  # the system keeps names by itself, and opens no folder
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def forget_cached(path: Path) -> None:
    """What is read next comes from the disk, as far as the system allows: a check of the cache would prove nothing."""
    if not hasattr(os, "posix_fadvise"):
        return
    with open_regular(path) as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _create(path: Path, mode: int) -> int:
    made = os.open(path, _CREATING, mode)
    if hasattr(os, "fchmod"):
        os.fchmod(made, mode)  # the mode that was asked for, whatever the process's umask
    return made


def _code(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "no code")
